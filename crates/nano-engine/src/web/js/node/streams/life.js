"use strict";
// A stream's life, which both sides of a Duplex have in common: it is constructed, it fails at most once, it is destroyed and it closes.
//
// Both _readableState and _writableState have it as `life`, and show it under the names that packages look for. Construction holds back
// reading, writing and destruction; whoever waits for it is called by `whenReady`. An error is told before "close", both later than the
// call that brought them about.
(nano) => {
  const { ArrayPrototypePush } = nano.primordials;
  const { errors, nothing, onAbort, checkSignal, soon, views } = nano.part("node/streams/support");

  class Life {
    isReady = true;
    destroyed = false;
    closed = false;
    errored = null;
    errorEmitted = false;
    closeEmitted = false;
    emitClose = true;
    autoDestroy = true;
    waiting = null;
    ending = null;
  }

  const create = (options) => {
    const life = new Life();
    life.emitClose = options?.emitClose !== false;
    life.autoDestroy = options?.autoDestroy !== false;
    return life;
  };

  const of = (stream) => stream._readableState?.life ?? stream._writableState?.life;

  const shared = ["destroyed", "closed", "errored", "errorEmitted", "closeEmitted", "emitClose", "autoDestroy"];
  // The names of a life on the state of one side.
  const showOn = (prototype) => {
    const table = { __proto__: null };
    for (let i = 0; i < shared.length; i++) {
      const name = shared[i];
      table[name] = {
        __proto__: null,
        get() {
          return this.life[name];
        },
        set(value) {
          this.life[name] = value;
        },
      };
    }
    table.constructed = function () {
      return this.life.isReady;
    };
    views(prototype, table);
  };

  const tellError = (stream, life, error) => {
    if (life.errorEmitted) return;
    life.errorEmitted = true;
    stream.emit("error", error);
  };
  const tellClose = (stream, life) => {
    life.closeEmitted = true;
    if (life.emitClose) stream.emit("close");
  };

  const end = (stream, life, error, callback) => {
    if (error && life.errored === null) life.errored = error;
    let called = false;
    const closed = (failed) => {
      if (called) return;
      called = true;
      if (failed && life.errored === null) life.errored = failed;
      life.closed = true;
      callback?.(failed);
      soon(() => {
        try {
          if (failed) tellError(stream, life, failed);
        } finally {
          tellClose(stream, life);
        }
      });
    };
    try {
      stream._destroy(error || null, closed);
    } catch (thrown) {
      closed(thrown);
    }
  };

  // What destroy() does, for the methods of all classes.
  const destroy = (stream, error, callback) => {
    const life = of(stream);
    if (life === undefined || life.destroyed) {
      if (typeof callback === "function") callback();
      return stream;
    }
    if (error && life.errored === null) life.errored = error;
    life.destroyed = true;
    if (life.isReady) end(stream, life, error, callback);
    else life.ending = () => end(stream, life, life.errored ?? error, callback);
    return stream;
  };

  // The stream has failed by itself. `later`: what called it is not to see the event yet.
  const fail = (stream, error, later = false) => {
    const life = of(stream);
    if (life === undefined || life.destroyed) return;
    if (life.autoDestroy) {
      stream.destroy(error);
      return;
    }
    if (life.errored === null) life.errored = error;
    if (later) soon(tellError, stream, life, error);
    else tellError(stream, life, error);
  };

  const ready = (stream, life) => {
    life.isReady = true;
    const { waiting } = life;
    life.waiting = null;
    if (life.ending !== null) {
      const { ending } = life;
      life.ending = null;
      ending();
      return;
    }
    for (let i = 0; waiting !== null && i < waiting.length; i++) soon(waiting[i]);
  };

  // Calls _construct() if there is one, once the constructors are through.
  const construct = (stream) => {
    if (typeof stream._construct !== "function") return;
    const life = of(stream);
    life.isReady = false;
    let called = false;
    const constructed = (error = undefined) => {
      if (called) {
        fail(stream, error ?? errors.twice());
        return;
      }
      called = true;
      if (!error) {
        ready(stream, life);
      } else if (life.destroyed) {
        if (life.errored === null) life.errored = error;
        ready(stream, life);
      } else {
        life.isReady = true;
        fail(stream, error, true);
      }
    };
    soon(() => {
      try {
        stream._construct((error) => soon(constructed, error));
      } catch (error) {
        soon(constructed, error);
      }
    });
  };
  const whenReady = (life, f) => {
    life.waiting ??= [];
    ArrayPrototypePush(life.waiting, f);
  };

  // A request of node:http, which goes on when all of it is written.
  const isRequest = (stream) => typeof stream.setHeader === "function" && typeof stream.abort === "function";

  // Destroys the stream when the signal is aborted.
  const follow = (signal, stream) => {
    checkSignal(signal);
    const forget = onAbort(signal, (reason) => stream.destroy(errors.aborted(reason)));
    if (forget === nothing) return stream;
    if (isRequest(stream)) stream.once("close", forget);
    else nano.part("node/streams/finished").finished(stream, forget);
    return stream;
  };

  // What a stream of any make is ended early by, with an error that tells that it was.
  const endEarly = (stream, error) => {
    if (stream === null || stream === undefined || stream.destroyed) return;
    const { isFinished } = nano.part("node/streams/looks");
    const why = error || isFinished(stream) ? error : errors.aborted();
    if (isRequest(stream)) stream.abort();
    else if (typeof stream.destroy === "function") stream.destroy(why);
    else if (typeof stream.close === "function") stream.close();
  };

  const constructWith = (stream, options) => {
    if (typeof options?.construct === "function") stream._construct = options.construct;
    construct(stream);
  };
  // What the options of any class may bring, as methods of this one object.
  const adopt = (stream, options, names) => {
    for (let i = 0; i < names.length; i++) {
      const method = options[names[i]];
      if (typeof method === "function") stream[`_${names[i]}`] = method;
    }
    if (options.signal !== undefined && options.signal !== null) follow(options.signal, stream);
  };

  return {
    __proto__: null,
    adopt, constructWith, create, destroy, end: endEarly, fail, follow, of, showOn, whenReady,
  };
};
