"use strict";
// Duplex, which is a Readable with the members of Writable; Transform, whose writes make what is read; PassThrough; duplexPair().
(nano) => {
  const { ArrayPrototypePush, ObjectDefineProperty, ReflectApply, ReflectOwnKeys } = nano.primordials;
  const readable = nano.part("node/streams/readable");
  const writable = nano.part("node/streams/writable");
  const { Stream } = nano.part("node/streams/stream");
  const life = nano.part("node/streams/life");
  const { derive, errors, members, soon, views } = nano.part("node/streams/support");
  const { Readable } = readable;
  const { Writable } = writable;
  const names = ["read", "write", "writev", "destroy", "final"];

  const enter = (stream, options) => {
    const shared = life.create(options);
    const read = readable.enter(stream, options, true, shared);
    const write = writable.enter(stream, options, true, shared);
    stream.allowHalfOpen = options?.allowHalfOpen !== false;
    if (options?.readable === false) {
      read.readable = false;
      read.isAbsent = true;
      read.ended = read.endEmitted = true;
    }
    if (options?.writable === false) {
      write.writable = false;
      write.isAbsent = true;
      write.ending = write.ended = write.finished = true;
    }
    ReflectApply(Stream, stream, [options]);
  };
  const begin = (stream, options) => {
    life.constructWith(stream, options);
    readable.started(stream);
    writable.started(stream);
  };

  function Duplex(options) {
    if (!(this instanceof Duplex)) return new Duplex(options);
    enter(this, options);
    if (options) life.adopt(this, options, names);
    begin(this, options);
  }
  derive(Duplex, Readable);
  const inherited = ["write", "cork", "uncork", "setDefaultEncoding", "_write", "_writev", "end", "destroy"];
  const methods = { __proto__: null };
  for (let i = 0; i < inherited.length; i++) methods[inherited[i]] = Writable.prototype[inherited[i]];
  members(Duplex.prototype, methods);
  const shown = { __proto__: null };
  const visible = nano.part("node/streams/writable_state").shown;
  const keys = ReflectOwnKeys(visible);
  for (let i = 0; i < keys.length; i++) if (keys[i] !== "errored" && keys[i] !== "closed") shown[keys[i]] = visible[keys[i]];
  views(Duplex.prototype, shown);
  Duplex.from = (body) => nano.part("node/streams/duplex_from").from(body, "body");
  Duplex.fromWeb = (pair, options) => nano.part("node/streams/web").duplexFromWeb(pair, options);
  Duplex.toWeb = (duplex) => nano.part("node/streams/web").duplexToWeb(duplex);

  // The callback of the write that waits for room on the read side, by stream.
  const held = nano.primordials.Symbol("held");

  function Transform(options) {
    if (!(this instanceof Transform)) return new Transform(options);
    // Without room for what it makes, nothing is read ahead on either side.
    const none = options && options.readableHighWaterMark === 0 && (options.highWaterMark === undefined || options.highWaterMark === null);
    const given = none ? { ...options, writableHighWaterMark: options.writableHighWaterMark || 0 } : options;
    enter(this, given);
    ObjectDefineProperty(this, held, { __proto__: null, value: null, writable: true, enumerable: false, configurable: true });
    this._readableState.sync = false;
    if (options) {
      life.adopt(this, options, names);
      if (typeof options.transform === "function") this._transform = options.transform;
      if (typeof options.flush === "function") this._flush = options.flush;
    }
    begin(this, options);
    // A _final() of an app's own comes before the end of the read side.
    this.on("prefinish", onPrefinish);
  }
  derive(Transform, Duplex);

  const flush = function (callback) {
    const end = (error, data) => {
      if (error) {
        if (callback) callback(error);
        else this.destroy(error);
        return;
      }
      if (data !== undefined && data !== null) this.push(data);
      this.push(null);
      if (callback) callback();
    };
    if (typeof this._flush === "function" && !this.destroyed) ReflectApply(this._flush, this, [end]);
    else end(null, null);
  };
  function onPrefinish() {
    if (this._final !== flush) ReflectApply(flush, this, [undefined]);
  }

  members(Transform.prototype, {
    __proto__: null,
    _final: flush,
    _transform() {
      throw errors.unmade("_transform");
    },
    _write(chunk, encoding, callback) {
      const side = this._readableState;
      const before = side.length;
      this._transform(chunk, encoding, (error, made) => {
        if (error) {
          callback(error);
          return;
        }
        if (made !== undefined && made !== null) this.push(made);
        if (this._writableState.ended || before === side.length || side.length < side.highWaterMark) callback();
        else this[held] = callback;
      });
    },
    _read() {
      const callback = this[held];
      if (!callback) return;
      this[held] = null;
      callback();
    },
  });

  function PassThrough(options) {
    if (!(this instanceof PassThrough)) return new PassThrough(options);
    ReflectApply(Transform, this, [options]);
  }
  derive(PassThrough, Transform);
  members(PassThrough.prototype, {
    __proto__: null,
    _transform(chunk, encoding, callback) {
      callback(null, chunk);
    },
  });

  // One end of a pair: what is written to it is read from the other.
  class DuplexSide extends Duplex {
    #other = null;
    #waiting = null;

    static pair(options) {
      const a = new DuplexSide(options);
      const b = new DuplexSide(options);
      a.#other = b;
      b.#other = a;
      const both = [];
      ArrayPrototypePush(both, a);
      ArrayPrototypePush(both, b);
      return both;
    }

    _read() {
      const callback = this.#waiting;
      if (callback === null) return;
      this.#waiting = null;
      callback();
    }

    _write(chunk, encoding, callback) {
      if (chunk.length === 0) {
        soon(callback);
        return;
      }
      this.#other.push(chunk);
      this.#other.#waiting = callback;
    }

    _final(callback) {
      this.#other.on("end", callback);
      this.#other.push(null);
    }
  }

  return { __proto__: null, Duplex, Transform, PassThrough, duplexPair: (options) => DuplexSide.pair(options) };
};
