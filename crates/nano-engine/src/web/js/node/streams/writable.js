"use strict";
// Writable. What is written goes to _write() one chunk at a time, or all that waits to _writev(); the rest waits in `queue`.
//
// A chunk counts (`length`, and `pending` until its callback has been called) from write() on. Its callback comes later than write(),
// after "drain" if that is due. The end is reached (`settle`) once end() has been called and nothing is pending: then comes _final(),
// "prefinish", "finish", and the stream destroys itself unless its read side goes on.
(nano) => {
  const {
    ArrayPrototypePush, FunctionPrototypeCall, ObjectDefineProperty, ReflectApply, SymbolHasInstance, SymbolFor, Promise,
    StringPrototypeToLowerCase,
  } = nano.primordials;
  const { Buffer } = nano.part("node/buffer");
  const { WritableState, shown } = nano.part("node/streams/writable_state");
  const { Stream } = nano.part("node/streams/stream");
  const life = nano.part("node/streams/life");
  const {
    asBuffer, asyncDispose, badChunk, derive, errors, failure, isView, knownEncoding, members, nothing, soon, views,
  } = nano.part("node/streams/support");

  const sizeOf = (side, chunk) => (side.objectMode ? 1 : chunk.length);
  const waits = (side) => side.queue.length > side.first;

  // The stream was destroyed: whoever waits for what it will not do any more is told.
  const giveUp = (side) => {
    if (side.writing) return;
    const list = side.getBuffer();
    side.queue = [];
    side.first = 0;
    for (let i = 0; i < list.length; i++) {
      side.length -= sizeOf(side, list[i].chunk);
      side.pendingcb--;
      list[i].callback(side.errored ?? errors.destroyed("write"));
    }
    const waiting = side.onFinish;
    side.onFinish = [];
    for (let i = 0; i < waiting.length; i++) waiting[i](side.errored ?? errors.destroyed("end"));
  };

  // The callbacks of `count` chunks that have gone.
  const written = (stream, side, callbacks) => {
    const drains = !side.ending && !stream.destroyed && side.length === 0 && side.needDrain;
    if (drains) {
      side.needDrain = false;
      stream.emit("drain");
    }
    for (let i = 0; i < callbacks.length; i++) {
      side.pendingcb--;
      callbacks[i](null);
    }
    if (side.destroyed) giveUp(side);
    settle(stream, side, false);
  };

  const failed = (stream, side, error, callbacks) => {
    for (let i = 0; i < callbacks.length; i++) {
      side.pendingcb--;
      callbacks[i](error);
    }
    giveUp(side);
    life.fail(stream, error);
  };

  // What _write() and _writev() call when they are done.
  const done = (stream, side, task, error) => {
    if (side.current !== task) {
      life.fail(stream, errors.twice());
      return;
    }
    side.current = null;
    side.writing = false;
    side.length -= task.size;
    if (error) {
      if (side.life.errored === null) side.life.errored = error;
      if (stream._readableState && stream._readableState.errored === null) stream._readableState.errored = error;
      if (side.sync) soon(failed, stream, side, error, task.callbacks);
      else failed(stream, side, error, task.callbacks);
      return;
    }
    if (waits(side)) proceed(stream, side);
    if (!side.sync) {
      written(stream, side, task.callbacks);
      return;
    }
    // Chunks that are done at once share the moment their callbacks come in.
    if (side.due !== null) {
      for (let i = 0; i < task.callbacks.length; i++) ArrayPrototypePush(side.due, task.callbacks[i]);
      return;
    }
    side.due = task.callbacks;
    soon(() => {
      const { due } = side;
      side.due = null;
      written(stream, side, due);
    });
  };

  const begin = (stream, side, size, callbacks, call) => {
    const task = { __proto__: null, size, callbacks };
    side.current = task;
    side.writing = true;
    side.sync = true;
    const callback = (error = undefined) => done(stream, side, task, error);
    if (side.life.destroyed) callback(errors.destroyed("write"));
    else call(callback);
    side.sync = false;
  };

  // Takes up what waits, as long as it is taken at once.
  const proceed = (stream, side) => {
    if (side.corked > 0 || side.bufferProcessing || side.destroyed || !side.constructed || !waits(side) || side.writing) return;
    side.bufferProcessing = true;
    if (stream._writev && side.queue.length - side.first > 1) {
      const list = side.getBuffer();
      side.queue = [];
      side.first = 0;
      const callbacks = [];
      let isBytes = true;
      for (let i = 0; i < list.length; i++) {
        ArrayPrototypePush(callbacks, list[i].callback);
        if (typeof list[i].chunk === "string" || side.objectMode) isBytes = false;
      }
      list.allBuffers = isBytes;
      begin(stream, side, side.length, callbacks, (callback) => stream._writev(list, callback));
    } else {
      while (waits(side) && !side.writing) {
        const { chunk, encoding, callback: own } = side.queue[side.first];
        side.queue[side.first++] = null;
        if (side.first > 256 || !waits(side)) {
          side.queue = side.getBuffer();
          side.first = 0;
        }
        begin(stream, side, sizeOf(side, chunk), [own], (callback) => stream._write(chunk, encoding, callback));
      }
    }
    side.bufferProcessing = false;
  };

  // True, or the error with which the chunk was refused.
  const write = (stream, chunk, encoding, callback) => {
    const side = stream._writableState;
    if (typeof encoding === "function") {
      callback = encoding;
      encoding = side.defaultEncoding;
    } else if (!encoding) {
      encoding = side.defaultEncoding;
    } else if (encoding !== "buffer") {
      knownEncoding(encoding);
    }
    if (typeof callback !== "function") callback = nothing;
    if (chunk === null) throw errors.noNull();
    if (!side.objectMode) {
      if (typeof chunk === "string") {
        if (side.decodeStrings) {
          chunk = Buffer.from(chunk, encoding);
          encoding = "buffer";
        }
      } else if (isView(chunk)) {
        chunk = asBuffer(chunk);
        encoding = "buffer";
      } else {
        throw badChunk(chunk);
      }
    }
    const error = side.ending ? failure("ERR_STREAM_WRITE_AFTER_END", "write after end") : side.destroyed ? errors.destroyed("write") : null;
    if (error !== null) {
      soon(callback, error);
      life.fail(stream, error, true);
      return error;
    }
    side.pendingcb++;
    const size = sizeOf(side, chunk);
    side.length += size;
    if (side.writing || side.corked > 0 || side.errored || !side.constructed || side.bufferProcessing || waits(side)) {
      ArrayPrototypePush(side.queue, { chunk, encoding, callback });
    } else {
      begin(stream, side, size, [callback], (answer) => stream._write(chunk, encoding, answer));
    }
    // What was taken at once needs no room any more.
    const hasRoom = side.length < side.highWaterMark;
    if (!hasRoom) side.needDrain = true;
    return hasRoom && !side.errored && !side.destroyed;
  };

  const isAtEnd = (side) =>
    side.ending && !side.destroyed && side.constructed && side.length === 0 && !side.errored && !waits(side) && !side.finished && !side.writing &&
    !side.errorEmitted && !side.closeEmitted;

  const finalize = (stream, side) => {
    let called = false;
    side.pendingcb++;
    const callback = (error = undefined) => {
      if (called) {
        life.fail(stream, error ?? errors.twice());
        return;
      }
      called = true;
      side.pendingcb--;
      if (error) {
        const waiting = side.onFinish;
        side.onFinish = [];
        for (let i = 0; i < waiting.length; i++) waiting[i](error);
        life.fail(stream, error, side.sync);
      } else if (isAtEnd(side)) {
        side.prefinished = true;
        stream.emit("prefinish");
        // Its listeners may have written more, or be about to.
        side.pendingcb++;
        soon(finish, stream, side);
      }
    };
    side.sync = true;
    try {
      stream._final(callback);
    } catch (error) {
      callback(error);
    }
    side.sync = false;
  };

  const finish = (stream, side) => {
    side.pendingcb--;
    if (!isAtEnd(side)) return;
    side.finished = true;
    const waiting = side.onFinish;
    side.onFinish = [];
    for (let i = 0; i < waiting.length; i++) waiting[i](null);
    stream.emit("finish");
    const read = stream._readableState;
    if (side.autoDestroy && (!read || (read.autoDestroy && (read.endEmitted || read.readable === false)))) stream.destroy();
  };

  // Goes as far towards "finish" as can be gone now. `later`: end() is still under way.
  const settle = (stream, side, later) => {
    if (!isAtEnd(side)) return;
    if (!side.prefinished && !side.finalCalled) {
      if (typeof stream._final === "function" && !side.destroyed) {
        side.finalCalled = true;
        finalize(stream, side);
      } else {
        side.prefinished = true;
        stream.emit("prefinish");
      }
    }
    if (side.pendingcb !== 0 || !isAtEnd(side)) return;
    side.pendingcb++;
    if (later) soon(finish, stream, side);
    else finish(stream, side);
  };

  const enter = (stream, options, duplex, shared) => {
    const side = new WritableState(options, duplex, shared);
    stream._writableState = side;
    return side;
  };
  const names = ["write", "writev", "destroy", "final"];
  const started = (stream) => {
    const side = stream._writableState;
    if (!side.constructed) {
      life.whenReady(side.life, () => {
        if (!side.writing) proceed(stream, side);
        settle(stream, side, false);
      });
    }
  };

  function Writable(options) {
    if (!(this instanceof Writable)) return new Writable(options);
    enter(this, options, false, life.create(options));
    ReflectApply(Stream, this, [options]);
    if (options) life.adopt(this, options, names);
    life.constructWith(this, options);
    started(this);
  }
  derive(Writable, Stream);
  const isBelow = FunctionPrototypeCall;
  const inherits = nano.primordials.ObjectPrototype.isPrototypeOf;
  ObjectDefineProperty(Writable, SymbolHasInstance, {
    __proto__: null,
    value(object) {
      if (typeof this !== "function" || object === null || (typeof object !== "object" && typeof object !== "function")) return false;
      if (isBelow(inherits, this.prototype, object)) return true;
      // A Duplex inherits from Readable, and is a Writable as well.
      return this === Writable && object._writableState instanceof WritableState;
    },
  });

  members(Writable.prototype, {
    __proto__: null,
    pipe() {
      life.fail(this, failure("ERR_STREAM_CANNOT_PIPE", "Cannot pipe, not readable"));
    },
    write(chunk, encoding, callback) {
      return write(this, chunk, encoding, callback) === true;
    },
    cork() {
      this._writableState.corked++;
    },
    uncork() {
      const side = this._writableState;
      if (side.corked === 0) return;
      side.corked--;
      if (!side.writing) proceed(this, side);
    },
    setDefaultEncoding(encoding) {
      const name = typeof encoding === "string" ? StringPrototypeToLowerCase(encoding) : encoding;
      this._writableState.defaultEncoding = knownEncoding(name);
      return this;
    },
    _write(chunk, encoding, callback) {
      if (!this._writev) throw errors.unmade("_write");
      this._writev([{ chunk, encoding }], callback);
    },
    _writev: null,
    end(chunk, encoding, callback) {
      const side = this._writableState;
      if (typeof chunk === "function") {
        callback = chunk;
        chunk = null;
        encoding = null;
      } else if (typeof encoding === "function") {
        callback = encoding;
        encoding = null;
      }
      let error = null;
      if (chunk !== null && chunk !== undefined) {
        const result = write(this, chunk, encoding, undefined);
        if (typeof result === "object") error = result;
      }
      if (side.corked > 0) {
        side.corked = 1;
        this.uncork();
      }
      if (error !== null) {
        // The write has told.
      } else if (!side.errored && !side.ending) {
        side.ending = true;
        settle(this, side, true);
        side.ended = true;
      } else if (side.finished) {
        error = failure("ERR_STREAM_ALREADY_FINISHED", "Cannot call end after a stream was finished");
      } else if (side.destroyed) {
        error = errors.destroyed("end");
      }
      if (typeof callback === "function") {
        if (error !== null) soon(callback, error);
        else if (side.finished) soon(callback);
        else ArrayPrototypePush(side.onFinish, callback);
      }
      return this;
    },
    destroy(error, callback) {
      const side = this._writableState;
      if (!side.destroyed && (waits(side) || side.onFinish.length > 0)) soon(giveUp, side);
      return life.destroy(this, error, callback);
    },
    _undestroy() {},
    _destroy(error, callback) {
      callback(error);
    },
  });
  ObjectDefineProperty(Writable.prototype, SymbolFor("nodejs.rejection"), {
    __proto__: null, writable: true, enumerable: true, configurable: true,
    value(error) {
      this.destroy(error);
    },
  });
  ObjectDefineProperty(Writable.prototype, asyncDispose, {
    __proto__: null, writable: true, enumerable: true, configurable: true,
    value() {
      let error = null;
      if (!this.destroyed) {
        error = this.writableFinished ? null : errors.aborted();
        this.destroy(error);
      }
      return new Promise((resolve, reject) =>
        nano.part("node/streams/finished").finished(this, (failed) => (failed && failed !== error && failed.name !== "AbortError" ? reject(failed) : resolve(null))));
    },
  });

  views(Writable.prototype, shown);
  Writable.WritableState = WritableState;
  Writable.fromWeb = (stream, options) => nano.part("node/streams/web").writableFromWeb(stream, options);
  Writable.toWeb = (stream) => nano.part("node/streams/web").writableToWeb(stream);

  return { __proto__: null, Writable, enter, names, started };
};
