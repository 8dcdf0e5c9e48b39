"use strict";
// The state of a Writable, as _writableState: what waits to be written, and how far it has come.
(nano) => {
  const { ArrayPrototypeSlice } = nano.primordials;
  const life = nano.part("node/streams/life");
  const { markOf, usualEncoding, views } = nano.part("node/streams/support");

  class WritableState {
    life;
    objectMode;
    highWaterMark;
    length = 0;
    corked = 0;
    needDrain = false;
    ending = false;
    ended = false;
    finished = false;
    finalCalled = false;
    prefinished = false;
    writing = false;
    sync = false;
    bufferProcessing = false;
    decodeStrings;
    defaultEncoding;
    writable = undefined;
    isAbsent = false;
    pendingcb = 0;
    // What waits: { chunk, encoding, callback }, from `first` on.
    queue = [];
    first = 0;
    // What _write() has now, and the callbacks that are due in a moment.
    current = null;
    due = null;
    onFinish = [];

    constructor(options, duplex, shared) {
      this.life = shared;
      this.objectMode = !!(options?.objectMode || (duplex && options?.writableObjectMode));
      this.highWaterMark = markOf(options, this.objectMode, duplex ? "writable" : "");
      this.decodeStrings = options?.decodeStrings !== false;
      this.defaultEncoding = usualEncoding(options);
    }

    getBuffer() {
      return ArrayPrototypeSlice(this.queue, this.first);
    }
  }
  life.showOn(WritableState.prototype);
  views(WritableState.prototype, {
    __proto__: null,
    bufferedRequestCount() {
      return this.queue.length - this.first;
    },
    buffered() {
      return this.getBuffer();
    },
  });

  // What the classes show of it, as accessors.
  const read = (name, absent) =>
    function () {
      return this._writableState ? this._writableState[name] : absent;
    };
  const shown = {
    __proto__: null,
    closed() {
      return !!this._writableState && this._writableState.closed;
    },
    errored: read("errored", null),
    destroyed: {
      __proto__: null,
      get() {
        return !!this._writableState && this._writableState.destroyed;
      },
      set(value) {
        if (this._writableState) this._writableState.destroyed = value;
      },
    },
    writable: {
      __proto__: null,
      get() {
        const side = this._writableState;
        return !!side && side.writable !== false && !side.destroyed && !side.errored && !side.ending && !side.ended;
      },
      set(value) {
        if (this._writableState) this._writableState.writable = !!value;
      },
    },
    writableFinished: read("finished", false),
    writableObjectMode: read("objectMode", false),
    writableBuffer() {
      return this._writableState?.getBuffer();
    },
    writableEnded: read("ending", false),
    writableNeedDrain() {
      const side = this._writableState;
      return !!side && !side.destroyed && !side.ending && side.needDrain;
    },
    writableHighWaterMark: read("highWaterMark", undefined),
    writableCorked: read("corked", 0),
    writableLength: read("length", undefined),
    writableAborted() {
      const side = this._writableState;
      return !!side && side.writable !== false && (side.destroyed || !!side.errored) && !side.finished;
    },
  };

  return { __proto__: null, WritableState, shown };
};
