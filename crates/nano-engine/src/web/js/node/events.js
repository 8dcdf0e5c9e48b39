"use strict";
// node:events: https://nodejs.org/api/events.html
(nano) => {
  const {
    ArrayIsArray, ArrayPrototypePush, ArrayPrototypeShift, ArrayPrototypeSlice, ArrayPrototypeRemoveAt, ArrayPrototypeUnshift, Error,
    NumberIsNaN, ObjectDefineProperty, ObjectGetPrototypeOf, ObjectSetPrototypeOf, AsyncIteratorPrototype, PromisePrototypeThen,
    PromiseReject, PromiseResolve, PromiseWithResolvers, ReflectApply, ReflectOwnKeys, SafeWeakSet, String, Symbol, SymbolAsyncIterator, SymbolFor,
    TypeError,
  } = nano.primordials;
  const { asModule, invalidArgType, outOfRange, validateFunction, withCode } = nano.part("node/errors");
  const { AsyncResource } = nano.part("node/async_hooks");
  const { abort } = nano;
  const { isEventTarget } = nano.events;

  const errorMonitor = Symbol("events.errorMonitor");
  const captureRejectionSymbol = SymbolFor("nodejs.rejection");
  const kCapture = Symbol("kCapture");
  const MAX_LISTENERS = 10;
  let defaultMaxListeners = MAX_LISTENERS;
  let captureByDefault = false;

  const hidden = (object, key, value) =>
    ObjectDefineProperty(object, key, { __proto__: null, value, writable: true, enumerable: false, configurable: true });

  const shown = (object, key, value) =>
    ObjectDefineProperty(object, key, { __proto__: null, value, writable: true, enumerable: true, configurable: true });

  // A constructor that old code also calls on an object of its own: EventEmitter.call(this).
  function EventEmitter(options) {
    ReflectApply(init, this, [options]);
  }

  function init(options) {
    if (this._events === undefined || this._events === ObjectGetPrototypeOf(this)._events) {
      this._events = { __proto__: null };
      this._eventsCount = 0;
    }
    this._maxListeners = this._maxListeners || undefined;
    const capture = options?.captureRejections;
    if (capture !== undefined && typeof capture !== "boolean") throw invalidArgType("options.captureRejections", "boolean", capture);
    hidden(this, kCapture, capture ?? captureByDefault);
  }

  const checkListener = (listener) => validateFunction(listener, "listener");

  const checkCount = (n, name) => {
    if (typeof n !== "number" || n < 0 || NumberIsNaN(n)) throw outOfRange(name, "a non-negative number", n);
  };

  const maxOf = (emitter) => emitter._maxListeners ?? defaultMaxListeners;

  const eventsOf = (emitter) => {
    if (emitter._events === undefined) {
      emitter._events = { __proto__: null };
      emitter._eventsCount = 0;
    }
    return emitter._events;
  };

  const listOf = (emitter, type) => {
    const found = emitter._events?.[type];
    if (found === undefined) return [];
    return typeof found === "function" ? [found] : found;
  };

  // The lists of listeners that have been warned of.
  const warned = new SafeWeakSet();

  const warnOfLeak = (emitter, type, list) => {
    const max = maxOf(emitter);
    if (max <= 0 || list.length <= max || warned.has(list)) return;
    warned.add(list);
    nano.ops.log(2, `MaxListenersExceededWarning: Possible EventEmitter memory leak detected. ${list.length} ${String(type)} listeners added ` +
      `(limit ${max}). Use emitter.setMaxListeners() to increase limit.`);
  };

  const add = (emitter, type, listener, prepend) => {
    checkListener(listener);
    const events = eventsOf(emitter);
    // Before it is added, so that a listener of "newListener" comes first.
    if (events.newListener !== undefined) emitter.emit("newListener", type, listener.listener ?? listener);
    const now = eventsOf(emitter);
    const found = now[type];
    if (found === undefined) {
      now[type] = listener;
      emitter._eventsCount++;
      return emitter;
    }
    // A new list each time: one that is being walked does not change.
    const list = typeof found === "function" ? [found] : ArrayPrototypeSlice(found, 0);
    if (warned.has(found)) warned.add(list);
    if (prepend) ArrayPrototypeUnshift(list, listener);
    else ArrayPrototypePush(list, listener);
    now[type] = list;
    warnOfLeak(emitter, type, list);
    return emitter;
  };

  const onceWrapper = (emitter, type, listener) => {
    checkListener(listener);
    let fired = false;
    const wrapped = function (...args) {
      if (fired) return undefined;
      fired = true;
      emitter.removeListener(type, wrapped);
      return ReflectApply(listener, emitter, args);
    };
    shown(wrapped, "listener", listener);
    return wrapped;
  };

  const forget = (emitter, type) => {
    emitter._eventsCount--;
    delete emitter._events[type];
  };

  const watchRejection = (emitter, result, type, args) => {
    if (result === null || result === undefined || typeof result.then !== "function") return;
    PromisePrototypeThen(PromiseResolve(result), undefined, (error) => {
      const handler = emitter[captureRejectionSymbol];
      if (typeof handler === "function") {
        const all = [error, type];
        for (let i = 0; i < args.length; i++) ArrayPrototypePush(all, args[i]);
        ReflectApply(handler, emitter, all);
        return;
      }
      // An error listener that fails as well must not come back here.
      const before = emitter[kCapture];
      emitter[kCapture] = false;
      try {
        emitter.emit("error", error);
      } finally {
        emitter[kCapture] = before;
      }
    });
  };

  const methods = {
    __proto__: null,

    emit(type, ...args) {
      const events = this._events;
      if (type === "error") {
        if (events?.[errorMonitor] !== undefined) ReflectApply(methods.emit, this, [errorMonitor, args[0]]);
        if (events?.error === undefined) {
          const error = args[0];
          if (error instanceof Error) throw error;
          const unhandled = withCode(new Error(`Unhandled error. (${typeof error === "string" ? `'${error}'` : nano.inspect(error, 1)})`),
            "ERR_UNHANDLED_ERROR");
          shown(unhandled, "context", error);
          throw unhandled;
        }
      }
      const found = events?.[type];
      if (found === undefined) return false;
      if (typeof found === "function") {
        const result = ReflectApply(found, this, args);
        if (result !== undefined && this[kCapture]) watchRejection(this, result, type, args);
      } else {
        const { length } = found;
        for (let i = 0; i < length; i++) {
          const result = ReflectApply(found[i], this, args);
          if (result !== undefined && this[kCapture]) watchRejection(this, result, type, args);
        }
      }
      return true;
    },

    addListener(type, listener) {
      return add(this, type, listener, false);
    },

    prependListener(type, listener) {
      return add(this, type, listener, true);
    },

    once(type, listener) {
      return this.on(type, onceWrapper(this, type, listener));
    },

    prependOnceListener(type, listener) {
      return this.prependListener(type, onceWrapper(this, type, listener));
    },

    removeListener(type, listener) {
      checkListener(listener);
      const found = this._events?.[type];
      if (found === undefined) return this;
      const list = listOf(this, type);
      let at = list.length - 1;
      while (at >= 0 && list[at] !== listener && list[at].listener !== listener) at--;
      if (at < 0) return this;
      if (list.length === 1) {
        forget(this, type);
      } else {
        const rest = ArrayPrototypeSlice(list, 0);
        ArrayPrototypeRemoveAt(rest, at);
        if (warned.has(list)) warned.add(rest);
        this._events[type] = rest.length === 1 ? rest[0] : rest;
      }
      if (this._events.removeListener !== undefined) this.emit("removeListener", type, listener);
      return this;
    },

    removeAllListeners(type) {
      const events = this._events;
      if (events === undefined) return this;
      if (arguments.length > 0) {
        if (events[type] === undefined) return this;
        if (events.removeListener === undefined) {
          forget(this, type);
          return this;
        }
        const list = listOf(this, type);
        for (let i = list.length - 1; i >= 0; i--) this.removeListener(type, list[i]);
        return this;
      }
      if (events.removeListener !== undefined) {
        const keys = ReflectOwnKeys(events);
        for (let i = 0; i < keys.length; i++) if (keys[i] !== "removeListener") this.removeAllListeners(keys[i]);
      }
      this._events = { __proto__: null };
      this._eventsCount = 0;
      return this;
    },

    listeners(type) {
      const list = ArrayPrototypeSlice(listOf(this, type), 0);
      for (let i = 0; i < list.length; i++) list[i] = list[i].listener ?? list[i];
      return list;
    },

    rawListeners(type) {
      return ArrayPrototypeSlice(listOf(this, type), 0);
    },

    listenerCount(type, listener = undefined) {
      const list = listOf(this, type);
      if (listener === undefined) return list.length;
      let count = 0;
      for (let i = 0; i < list.length; i++) if (list[i] === listener || list[i].listener === listener) count++;
      return count;
    },

    eventNames() {
      return this._eventsCount > 0 ? ReflectOwnKeys(this._events) : [];
    },

    setMaxListeners(n) {
      checkCount(n, "setMaxListeners");
      this._maxListeners = n;
      return this;
    },

    getMaxListeners() {
      return maxOf(this);
    },
  };

  const names = ReflectOwnKeys(methods);
  for (let i = 0; i < names.length; i++) shown(EventEmitter.prototype, names[i], methods[names[i]]);
  shown(EventEmitter.prototype, "on", methods.addListener);
  shown(EventEmitter.prototype, "off", methods.removeListener);
  shown(EventEmitter.prototype, "_events", undefined);
  shown(EventEmitter.prototype, "_eventsCount", 0);
  shown(EventEmitter.prototype, "_maxListeners", undefined);
  hidden(EventEmitter.prototype, kCapture, false);

  const abortError = (signal) => {
    const error = withCode(new Error("The operation was aborted", { __proto__: null, cause: abort.reason(signal) }), "ABORT_ERR");
    error.name = "AbortError";
    return error;
  };

  const signalOf = (options) => {
    const signal = options?.signal;
    if (signal !== undefined && !abort.isAbortSignal(signal)) throw invalidArgType("options.signal", "an instance of AbortSignal", signal);
    return signal;
  };

  const isEmitter = (value) => typeof value?.on === "function";

  const listen = (target, type, listener, options = undefined) => {
    if (isEmitter(target)) {
      if (options?.once) target.once(type, listener);
      else target.on(type, listener);
    } else if (typeof target?.addEventListener === "function") {
      target.addEventListener(type, listener, options);
    } else {
      throw invalidArgType("emitter", "an instance of EventEmitter", target);
    }
  };

  const unlisten = (target, type, listener) => {
    if (typeof target.removeListener === "function") target.removeListener(type, listener);
    else target.removeEventListener(type, listener);
  };

  const once = (emitter, type, options = undefined) => {
    const { promise, resolve, reject } = PromiseWithResolvers();
    try {
      const signal = signalOf(options);
      if (signal !== undefined && abort.isAborted(signal)) return PromiseReject(abortError(signal));
      const done = () => {
        unlisten(emitter, type, onEvent);
        if (type !== "error" && isEmitter(emitter)) unlisten(emitter, "error", onError);
        if (signal !== undefined) abort.removeAlgorithm(signal, onAbort);
      };
      const onEvent = (...args) => {
        done();
        resolve(args);
      };
      const onError = (error) => {
        done();
        reject(error);
      };
      const onAbort = () => {
        done();
        reject(abortError(signal));
      };
      listen(emitter, type, onEvent, { __proto__: null, once: true });
      if (type !== "error" && isEmitter(emitter)) emitter.once("error", onError);
      if (signal !== undefined) abort.addAlgorithm(signal, onAbort);
    } catch (error) {
      reject(error);
    }
    return promise;
  };

  // The events of one kind as an asynchronous iterator; what is not asked for yet waits in a queue.
  const on = (emitter, type, options = undefined) => {
    const signal = signalOf(options);
    if (signal !== undefined && abort.isAborted(signal)) throw abortError(signal);
    const queue = [];
    const waiting = [];
    let failure = null;
    let finished = false;

    const onEvent = (...args) => {
      const next = ArrayPrototypeShift(waiting);
      if (next !== undefined) next.resolve({ value: args, done: false });
      else ArrayPrototypePush(queue, args);
    };
    const onError = (error) => {
      const next = ArrayPrototypeShift(waiting);
      if (next !== undefined) next.reject(error);
      else failure = { error };
      finish();
    };
    const onAbort = () => onError(abortError(signal));
    const closes = ArrayIsArray(options?.close) ? options.close : [];
    const finish = () => {
      if (finished) return;
      finished = true;
      unlisten(emitter, type, onEvent);
      if (type !== "error" && isEmitter(emitter)) unlisten(emitter, "error", onError);
      for (let i = 0; i < closes.length; i++) unlisten(emitter, closes[i], finish);
      if (signal !== undefined) abort.removeAlgorithm(signal, onAbort);
      for (let i = 0; i < waiting.length; i++) waiting[i].resolve({ value: undefined, done: true });
    };

    const iterator = {
      next() {
        if (queue.length > 0) return PromiseResolve({ value: ArrayPrototypeShift(queue), done: false });
        if (failure !== null) {
          const { error } = failure;
          failure = null;
          return PromiseReject(error);
        }
        if (finished) return PromiseResolve({ value: undefined, done: true });
        const next = PromiseWithResolvers();
        ArrayPrototypePush(waiting, next);
        return next.promise;
      },
      return() {
        finish();
        return PromiseResolve({ value: undefined, done: true });
      },
      throw(error) {
        if (!(error instanceof Error)) throw invalidArgType("EventEmitter.AsyncIterator", "an instance of Error", error);
        onError(error);
        return PromiseResolve({ value: undefined, done: true });
      },
      [SymbolAsyncIterator]() {
        return this;
      },
    };
    ObjectSetPrototypeOf(iterator, AsyncIteratorPrototype);
    listen(emitter, type, onEvent);
    if (type !== "error" && isEmitter(emitter)) emitter.on("error", onError);
    for (let i = 0; i < closes.length; i++) listen(emitter, closes[i], finish);
    if (signal !== undefined) abort.addAlgorithm(signal, onAbort);
    return iterator;
  };

  const functions = {
    once,
    on,
    listenerCount: (emitter, type) =>
      typeof emitter.listenerCount === "function" ? emitter.listenerCount(type) : ReflectApply(methods.listenerCount, emitter, [type]),
    getEventListeners: (emitter, type) => (typeof emitter?.listeners === "function" ? emitter.listeners(type) : []),
    getMaxListeners: (emitter) => (typeof emitter?.getMaxListeners === "function" ? emitter.getMaxListeners() : defaultMaxListeners),
    setMaxListeners: (n = defaultMaxListeners, ...targets) => {
      checkCount(n, "setMaxListeners");
      if (targets.length === 0) defaultMaxListeners = n;
      for (let i = 0; i < targets.length; i++) {
        if (typeof targets[i]?.setMaxListeners === "function") targets[i].setMaxListeners(n);
        else if (!isEventTarget(targets[i])) throw invalidArgType("eventTargets", "an instance of EventEmitter or EventTarget", targets[i]);
      }
    },
    addAbortListener: (signal, listener) => {
      if (!abort.isAbortSignal(signal)) throw invalidArgType("signal", "an instance of AbortSignal", signal);
      validateFunction(listener, "listener");
      const run = () => ReflectApply(listener, signal, [new nano.events.Event("abort")]);
      if (abort.isAborted(signal)) nano.primordials.PromisePrototypeThen(PromiseResolve(undefined), run);
      else abort.addAlgorithm(signal, run);
      const disposable = { __proto__: null };
      if (Symbol.dispose !== undefined) disposable[Symbol.dispose] = () => abort.removeAlgorithm(signal, run);
      return disposable;
    },
  };

  class EventEmitterAsyncResource extends EventEmitter {
    #resource;
    #frame = nano.part("async_context").capture();

    constructor(options = undefined) {
      super(options);
      const name = typeof options === "string" ? options : (options?.name ?? new.target.name);
      this.#resource = new AsyncResource(name);
    }

    emit(...args) {
      return nano.part("async_context").runIn(this.#frame, methods.emit, this, args);
    }

    emitDestroy() {
      this.#resource.emitDestroy();
    }

    get asyncId() {
      return 0;
    }

    get triggerAsyncId() {
      return 0;
    }

    get asyncResource() {
      return this.#resource;
    }
  }

  const exports = asModule(
    { EventEmitter, EventEmitterAsyncResource, captureRejectionSymbol, errorMonitor, ...functions, init, usingDomains: false },
    EventEmitter,
  );
  const accessor = (name, get, set) => ObjectDefineProperty(EventEmitter, name, { __proto__: null, get, set, enumerable: true, configurable: true });
  accessor("defaultMaxListeners", () => defaultMaxListeners, (n) => {
    checkCount(n, "defaultMaxListeners");
    defaultMaxListeners = n;
  });
  accessor("captureRejections", () => captureByDefault, (value) => {
    if (typeof value !== "boolean") throw new TypeError("captureRejections must be a boolean");
    captureByDefault = value;
  });
  exports.defaultMaxListeners = MAX_LISTENERS;
  exports.captureRejections = false;
  return exports;
};
