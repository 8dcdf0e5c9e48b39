"use strict";
// The state of a Readable, as _readableState: what waits to be read, and what of it can be had.
(nano) => {
  const { ArrayPrototypePush, ArrayPrototypeSlice, ArrayPrototypeUnshift, NumberIsNaN, StringPrototypeSlice } = nano.primordials;
  const { Buffer } = nano.part("node/buffer");
  const life = nano.part("node/streams/life");
  const { markOf, usualEncoding, views } = nano.part("node/streams/support");

  class ReadableState {
    life;
    objectMode;
    highWaterMark;
    // From `first` on.
    buffer = [];
    first = 0;
    length = 0;
    pipes = [];
    // The targets that have had enough for now.
    full = [];
    flowing = null;
    ended = false;
    endEmitted = false;
    reading = false;
    sync = true;
    needReadable = false;
    emittedReadable = false;
    readableListening = false;
    resumeScheduled = false;
    readingMore = false;
    dataEmitted = false;
    paused = null;
    readable = undefined;
    isAbsent = false;
    defaultEncoding;
    decoder = null;
    encoding = null;

    constructor(options, duplex, shared) {
      this.life = shared;
      this.objectMode = !!(options?.objectMode || (duplex && options?.readableObjectMode));
      this.highWaterMark = markOf(options, this.objectMode, duplex ? "readable" : "");
      this.defaultEncoding = usualEncoding(options);
      if (options?.encoding) this.decode(options.encoding);
    }

    decode(encoding) {
      this.decoder = new (nano.part("node/string_decoder").StringDecoder)(encoding);
      this.encoding = this.decoder.encoding;
    }

    add(chunk, atFront) {
      this.length += this.objectMode ? 1 : chunk.length;
      if (!atFront) {
        ArrayPrototypePush(this.buffer, chunk);
      } else if (this.first > 0) {
        this.buffer[--this.first] = chunk;
      } else {
        ArrayPrototypeUnshift(this.buffer, chunk);
      }
    }

    // `count` bytes, characters or (1) objects.
    take(count) {
      if (this.objectMode) {
        this.length--;
        return this.#next();
      }
      if (count >= this.length) return this.#everything();
      this.length -= count;
      const whole = [];
      while (count > 0) {
        const chunk = this.buffer[this.first];
        if (chunk.length <= count) {
          ArrayPrototypePush(whole, this.#next());
          count -= chunk.length;
          continue;
        }
        const isText = typeof chunk === "string";
        ArrayPrototypePush(whole, isText ? StringPrototypeSlice(chunk, 0, count) : chunk.subarray(0, count));
        this.buffer[this.first] = isText ? StringPrototypeSlice(chunk, count) : chunk.subarray(count);
        count = 0;
      }
      return this.#joined(whole);
    }

    #next() {
      const chunk = this.buffer[this.first];
      this.buffer[this.first++] = undefined;
      if (this.first === this.buffer.length) {
        this.buffer = [];
        this.first = 0;
      } else if (this.first > 1024) {
        this.buffer = ArrayPrototypeSlice(this.buffer, this.first);
        this.first = 0;
      }
      return chunk;
    }

    #everything() {
      const all = this.first === 0 ? this.buffer : ArrayPrototypeSlice(this.buffer, this.first);
      this.buffer = [];
      this.first = 0;
      this.length = 0;
      return this.#joined(all);
    }

    #joined(list) {
      if (list.length === 1) return list[0];
      if (!this.decoder) return Buffer.concat(list);
      let text = "";
      for (let i = 0; i < list.length; i++) text += list[i];
      return text;
    }

    // How much a read(size) gives now.
    available(size) {
      if (size <= 0 || (this.length === 0 && this.ended)) return 0;
      if (this.objectMode) return 1;
      if (NumberIsNaN(size)) return this.flowing && this.length > 0 ? this.buffer[this.first].length : this.length;
      if (size <= this.length) return size;
      return this.ended ? this.length : 0;
    }

    // Whether _read() may be called.
    get mayAsk() {
      return !this.ended && !this.reading && !this.life.destroyed && !this.life.errored && this.life.isReady;
    }
  }
  life.showOn(ReadableState.prototype);
  views(ReadableState.prototype, {
    __proto__: null,
    pipesCount() {
      return this.pipes.length;
    },
    awaitDrainWriters() {
      return this.full;
    },
    bufferIndex() {
      return this.first;
    },
  });

  // What the class shows of it, as accessors.
  const read = (name, absent) =>
    function () {
      return this._readableState ? this._readableState[name] : absent;
    };
  const shown = {
    __proto__: null,
    readable: {
      __proto__: null,
      get() {
        const side = this._readableState;
        return !!side && side.readable !== false && !side.destroyed && !side.errorEmitted && !side.endEmitted;
      },
      set(value) {
        if (this._readableState) this._readableState.readable = !!value;
      },
    },
    readableDidRead: read("dataEmitted", undefined),
    readableAborted() {
      const side = this._readableState;
      return side.readable !== false && (side.destroyed || !!side.errored) && !side.endEmitted;
    },
    readableHighWaterMark: read("highWaterMark", undefined),
    readableBuffer: read("buffer", undefined),
    readableFlowing: {
      __proto__: null,
      get: read("flowing", undefined),
      set(value) {
        if (this._readableState) this._readableState.flowing = value;
      },
    },
    readableLength: read("length", undefined),
    readableObjectMode: read("objectMode", false),
    readableEncoding: read("encoding", null),
    errored: read("errored", null),
    closed: read("closed", false),
    destroyed: {
      __proto__: null,
      get: read("destroyed", false),
      set(value) {
        if (this._readableState) this._readableState.destroyed = value;
      },
    },
    readableEnded: read("endEmitted", false),
  };

  return { __proto__: null, ReadableState, shown };
};
