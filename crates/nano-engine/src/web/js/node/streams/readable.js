"use strict";
// Readable. What push() brings waits in `buffer` until it is asked for: by read(), by a listener of "data" that lets it flow, or by pipe().
//
// _read() is called while less than the high-water mark is there, and not again before it has pushed something. "readable" comes later
// than what it tells of, once for all that has come by then; with a listener for it nothing flows by itself. "end" comes when everything
// has been taken, and the stream destroys itself then unless its write side goes on.
(nano) => {
  const {
    ArrayPrototypeSlice, NumberParseInt, ObjectDefineProperty, Promise, ReflectApply, SymbolAsyncIterator, SymbolFor,
  } = nano.primordials;
  const { Buffer } = nano.part("node/buffer");
  const { ReadableState, shown } = nano.part("node/streams/readable_state");
  const { outOfRange } = nano.part("node/errors");
  const { Stream } = nano.part("node/streams/stream");
  const life = nano.part("node/streams/life");
  const { asBuffer, asyncDispose, badChunk, derive, errors, failure, isView, members, soon, views } = nano.part("node/streams/support");
  const on = Stream.prototype.on;
  const removeListener = Stream.prototype.removeListener;
  const removeAllListeners = Stream.prototype.removeAllListeners;

  const LARGEST = 0x40000000;

  const announce = (stream, side) => {
    side.needReadable = false;
    if (side.emittedReadable) return;
    side.emittedReadable = true;
    soon(tellReadable, stream, side);
  };
  const tellReadable = (stream, side) => {
    if (!side.destroyed && !side.errored && (side.length > 0 || side.ended)) {
      stream.emit("readable");
      side.emittedReadable = false;
    }
    side.needReadable = !side.flowing && !side.ended && side.length <= side.highWaterMark;
    flow(stream, side);
  };
  const flow = (stream, side) => {
    while (side.flowing && stream.read() !== null);
  };

  // Asks for more, later, until the mark is reached.
  const fillUp = (stream, side) => {
    if (side.readingMore || !side.constructed) return;
    side.readingMore = true;
    soon(() => {
      while (!side.reading && !side.ended && (side.length < side.highWaterMark || (side.flowing && side.length === 0))) {
        const before = side.length;
        stream.read(0);
        if (side.length === before) break;
      }
      side.readingMore = false;
    });
  };

  const endSoon = (stream, side) => {
    if (side.endEmitted) return;
    side.ended = true;
    soon(() => {
      if (side.errored || side.closeEmitted || side.endEmitted || side.length > 0) return;
      side.endEmitted = true;
      stream.emit("end");
      const write = stream._writableState;
      if (stream.writable && stream.allowHalfOpen === false) {
        soon(() => {
          if (stream.writable && !stream.writableEnded && !stream.destroyed) stream.end();
        });
      } else if (side.autoDestroy && (!write || (write.autoDestroy && (write.finished || write.writable === false)))) {
        stream.destroy();
      }
    });
  };

  // The source has no more.
  const sourceEnded = (stream, side) => {
    if (side.ended) return;
    const rest = side.decoder?.end();
    if (rest) side.add(rest, false);
    side.ended = true;
    if (side.sync) {
      announce(stream, side);
      return;
    }
    side.needReadable = false;
    side.emittedReadable = true;
    tellReadable(stream, side);
  };

  const deliver = (stream, side, chunk) => {
    if (side.flowing && side.length === 0 && !side.sync && stream.listenerCount("data") > 0) {
      side.full.length = 0;
      side.dataEmitted = true;
      stream.emit("data", chunk);
    } else {
      side.add(chunk, false);
      if (side.needReadable) announce(stream, side);
    }
    fillUp(stream, side);
  };

  // A chunk in the form it is kept in, or undefined if it is none.
  const admitted = (side, chunk, encoding, atFront) => {
    if (typeof chunk === "string") {
      encoding = encoding || side.defaultEncoding;
      if (side.encoding === encoding) return chunk;
      const bytes = Buffer.from(chunk, encoding);
      return atFront && side.encoding ? bytes.toString(side.encoding) : bytes;
    }
    return isView(chunk) ? asBuffer(chunk) : undefined;
  };

  const push = (stream, chunk, encoding, atFront) => {
    const side = stream._readableState;
    if (chunk === null) {
      side.reading = false;
      sourceEnded(stream, side);
      return false;
    }
    if (!side.objectMode) {
      if (chunk === undefined) {
        side.reading = false;
        fillUp(stream, side);
        return !side.ended && (side.length < side.highWaterMark || side.length === 0);
      }
      const kept = admitted(side, chunk, encoding, atFront);
      if (kept === undefined) {
        life.fail(stream, badChunk(chunk));
        return false;
      }
      chunk = kept;
    }
    if (!side.objectMode && chunk.length === 0) {
      if (!atFront) {
        side.reading = false;
        fillUp(stream, side);
      }
    } else if (atFront) {
      if (side.endEmitted) {
        life.fail(stream, failure("ERR_STREAM_UNSHIFT_AFTER_END_EVENT", "stream.unshift() after end event"));
      } else if (side.destroyed || side.errored) {
        return false;
      } else {
        side.add(chunk, true);
        if (side.needReadable) announce(stream, side);
        fillUp(stream, side);
      }
    } else if (side.ended) {
      life.fail(stream, failure("ERR_STREAM_PUSH_AFTER_EOF", "stream.push() after EOF"));
    } else if (side.destroyed || side.errored) {
      return false;
    } else {
      side.reading = false;
      if (side.decoder && typeof chunk !== "string") chunk = side.decoder.write(chunk);
      if (side.objectMode || chunk.length > 0) deliver(stream, side, chunk);
      else fillUp(stream, side);
    }
    return !side.ended && (side.length < side.highWaterMark || side.length === 0);
  };

  const ask = (stream, side) => {
    side.reading = true;
    side.sync = true;
    if (side.length === 0) side.needReadable = true;
    try {
      stream._read(side.highWaterMark);
    } catch (error) {
      life.fail(stream, error);
    }
    side.sync = false;
  };

  const raised = (size) => {
    if (size > LARGEST) throw outOfRange("size", "<= 1GiB", size);
    let mark = 1;
    while (mark < size) mark *= 2;
    return mark;
  };

  const enter = (stream, options, duplex, shared) => {
    const side = new ReadableState(options, duplex, shared);
    stream._readableState = side;
    return side;
  };
  const names = ["read", "destroy"];
  const started = (stream) => {
    const side = stream._readableState;
    if (side.constructed) return;
    life.whenReady(side.life, () => {
      if (side.needReadable) fillUp(stream, side);
    });
  };

  function Readable(options) {
    if (!(this instanceof Readable)) return new Readable(options);
    enter(this, options, false, life.create(options));
    ReflectApply(Stream, this, [options]);
    if (options) life.adopt(this, options, names);
    life.constructWith(this, options);
    started(this);
  }
  derive(Readable, Stream);

  // A listener for "readable" has gone.
  const reconsider = (stream) => {
    const side = stream._readableState;
    side.readableListening = stream.listenerCount("readable") > 0;
    if (side.resumeScheduled && side.paused === false) side.flowing = true;
    else if (stream.listenerCount("data") > 0) stream.resume();
    else if (!side.readableListening) side.flowing = null;
  };

  members(Readable.prototype, {
    __proto__: null,
    destroy(error, callback) {
      return life.destroy(this, error, callback);
    },
    _undestroy() {},
    _destroy(error, callback) {
      callback(error);
    },
    push(chunk, encoding) {
      return push(this, chunk, encoding, false);
    },
    unshift(chunk, encoding) {
      return push(this, chunk, encoding, true);
    },
    isPaused() {
      const side = this._readableState;
      return side.paused === true || side.flowing === false;
    },
    setEncoding(encoding) {
      const side = this._readableState;
      const list = ArrayPrototypeSlice(side.buffer, side.first);
      side.decode(encoding);
      let text = "";
      for (let i = 0; i < list.length; i++) text += side.decoder.write(list[i]);
      side.buffer = text === "" ? [] : [text];
      side.first = 0;
      side.length = text.length;
      return this;
    },
    read(size) {
      const side = this._readableState;
      let wanted = size === undefined ? NaN : NumberParseInt(size, 10);
      const asked = wanted;
      if (wanted > side.highWaterMark) side.highWaterMark = raised(wanted);
      if (wanted !== 0) side.emittedReadable = false;
      const isFull = side.highWaterMark === 0 ? side.length > 0 : side.length >= side.highWaterMark;
      if (wanted === 0 && side.needReadable && (isFull || side.ended)) {
        if (side.length === 0 && side.ended) endSoon(this, side);
        else announce(this, side);
        return null;
      }
      wanted = side.available(asked);
      if (wanted === 0 && side.ended) {
        if (side.length === 0) endSoon(this, side);
        return null;
      }
      const isHungry = side.needReadable || side.length === 0 || side.length - wanted < side.highWaterMark;
      if (isHungry && side.mayAsk) {
        ask(this, side);
        if (!side.reading) wanted = side.available(asked);
      }
      let chunk = null;
      if (wanted > 0 && side.length > 0) {
        chunk = side.take(wanted);
        side.full.length = 0;
      } else {
        side.needReadable = side.length <= side.highWaterMark;
        wanted = 0;
      }
      if (side.length === 0) {
        if (!side.ended) side.needReadable = true;
        else if (wanted !== asked) endSoon(this, side);
      }
      if (chunk !== null && !side.errored && !side.closeEmitted) {
        side.dataEmitted = true;
        this.emit("data", chunk);
      }
      return chunk;
    },
    _read() {
      throw errors.unmade("_read");
    },
    pipe(target, options) {
      return nano.part("node/streams/pipe").pipe(this, target, options);
    },
    unpipe(target) {
      return nano.part("node/streams/pipe").unpipe(this, target);
    },
    on(type, listener) {
      const result = ReflectApply(on, this, [type, listener]);
      const side = this._readableState;
      if (type === "data") {
        side.readableListening = this.listenerCount("readable") > 0;
        if (side.flowing !== false) this.resume();
      } else if (type === "readable" && !side.endEmitted && !side.readableListening) {
        side.readableListening = side.needReadable = true;
        side.flowing = false;
        side.emittedReadable = false;
        if (side.length > 0) announce(this, side);
        else if (!side.reading) soon(() => this.read(0));
      }
      return result;
    },
    removeListener(type, listener) {
      const result = ReflectApply(removeListener, this, [type, listener]);
      if (type === "readable") soon(reconsider, this);
      else if (type === "data" && this.listenerCount("data") === 0 && this._readableState.readableListening === false) this._readableState.needReadable ||= false;
      return result;
    },
    removeAllListeners(...types) {
      const result = ReflectApply(removeAllListeners, this, types);
      if (types.length === 0 || types[0] === "readable" || types[0] === undefined) soon(reconsider, this);
      return result;
    },
    resume() {
      const side = this._readableState;
      if (!side.flowing) {
        side.flowing = !side.readableListening;
        if (!side.resumeScheduled) {
          side.resumeScheduled = true;
          soon(() => {
            if (!side.reading) this.read(0);
            side.resumeScheduled = false;
            this.emit("resume");
            flow(this, side);
            if (side.flowing && !side.reading) this.read(0);
          });
        }
      }
      side.paused = false;
      return this;
    },
    pause() {
      const side = this._readableState;
      if (side.flowing !== false) {
        side.flowing = false;
        this.emit("pause");
      }
      side.paused = true;
      return this;
    },
    wrap(old) {
      return nano.part("node/streams/from").wrap(this, old);
    },
    iterator(options) {
      return nano.part("node/streams/iterate").iterator(this, options);
    },
  });
  const proto = Readable.prototype;
  const alias = (name, value) => ObjectDefineProperty(proto, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
  alias("addListener", proto.on);
  alias("off", proto.removeListener);
  alias(SymbolFor("nodejs.rejection"), function (error) {
    this.destroy(error);
  });
  alias(SymbolAsyncIterator, function () {
    return nano.part("node/streams/iterate").iterator(this, undefined);
  });
  alias(asyncDispose, function () {
    let error = null;
    if (!this.destroyed) {
      error = this.readableEnded ? null : errors.aborted();
      this.destroy(error);
    }
    return new Promise((resolve, reject) =>
      nano.part("node/streams/finished").finished(this, (failed) => (failed && failed !== error ? reject(failed) : resolve(null))));
  });

  views(proto, shown);
  Readable.ReadableState = ReadableState;
  Readable.from = (iterable, options) => nano.part("node/streams/from").from(iterable, options);
  Readable.fromWeb = (stream, options) => nano.part("node/streams/web").readableFromWeb(stream, options);
  Readable.toWeb = (stream, options) => nano.part("node/streams/web").readableToWeb(stream, options);
  Readable.wrap = (old, options) => new Readable({ objectMode: old.readableObjectMode ?? old.objectMode ?? true, ...options, destroy: undefined }).wrap(old);

  return { __proto__: null, Readable, enter, names, started };
};
