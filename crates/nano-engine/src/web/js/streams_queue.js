"use strict";
// What all streams stand on: queues with sizes, promises made on demand, queuing strategies.
// Specification: https://streams.spec.whatwg.org/#qs and #misc
//
// nano.streamsInternal is shared by the streams_*.js files alone; the rest of the platform uses nano.streams, which
// streams_native.js makes. A stream, reader, writer or controller is two objects: the slots, on which the algorithms work and
// which an app never sees, and the interface object around them, made only when an app is handed one.
(nano) => {
  const {
    NumberPOSITIVE_INFINITY, PromisePrototypeThen, PromiseReject, PromiseResolve, PromiseWithResolvers, RangeError,
    ReflectApply, TypeError,
  } = nano.primordials;
  const { configureInterface, converters, dictionary, isObject, requiredArguments } = nano.webidl;

  const noop = () => {};

  // The first argument of a constructor that is called from inside; no app can name it.
  const fromSlots = { __proto__: null };

  const illegalInvocation = () => new TypeError("Illegal invocation");

  // Queues: https://streams.spec.whatwg.org/#queue-with-sizes
  // Linked, not an array: taking the first is cheap at any length, and no setter on Array.prototype can come between.

  class Entry {
    value;
    size;
    next = null;

    constructor(value, size) {
      this.value = value;
      this.size = size;
    }
  }

  class Queue {
    head = null;
    tail = null;
    length = 0;
    totalSize = 0;

    push(value, size = 0) {
      const entry = new Entry(value, size);
      if (this.tail === null) this.head = entry;
      else this.tail.next = entry;
      this.tail = entry;
      this.length++;
      this.totalSize += size;
    }

    peek() {
      return this.head.value;
    }

    shift() {
      const entry = this.head;
      this.head = entry.next;
      if (this.head === null) this.tail = null;
      this.length--;
      // Sizes are doubles, and rounding may take the sum below what is there.
      this.totalSize -= entry.size;
      if (this.totalSize < 0) this.totalSize = 0;
      return entry.value;
    }

    clear() {
      this.head = null;
      this.tail = null;
      this.length = 0;
      this.totalSize = 0;
    }
  }

  // EnqueueValueWithSize
  const enqueueValueWithSize = (queue, value, size) => {
    if (!(size >= 0 && size < NumberPOSITIVE_INFINITY)) {
      throw new RangeError("The size of a chunk must be a finite number that is not negative");
    }
    queue.push(value, size);
  };

  // Promises

  const settled = PromiseResolve();

  const queueMicrotask = (steps) => {
    PromisePrototypeThen(settled, steps);
  };

  const setPromiseIsHandled = (promise) => {
    PromisePrototypeThen(promise, undefined, noop);
  };

  // "A promise resolved with value". Never PromiseResolve on an object: it would hand back a promise instead of following it.
  const promiseResolvedWith = (value) => {
    if (!isObject(value)) return PromiseResolve(value);
    const { promise, resolve } = PromiseWithResolvers();
    resolve(value);
    return promise;
  };

  // Settles a deferred like a promise of the platform, at the pace of resolve(followed), which would look for a "then" that an
  // app can patch.
  const follow = (deferred, followed) => {
    queueMicrotask(() => {
      PromisePrototypeThen(followed, deferred.resolve, deferred.reject);
    });
  };

  // PromisePrototypeThen for steps that return a promise of the platform.
  const chain = (promise, onFulfilled, onRejected = undefined) => {
    const deferred = PromiseWithResolvers();
    const settle = (steps) => (value) => {
      let next;
      try {
        next = steps(value);
      } catch (error) {
        deferred.reject(error);
        return;
      }
      follow(deferred, next);
    };
    PromisePrototypeThen(promise, settle(onFulfilled), onRejected === undefined ? deferred.reject : settle(onRejected));
    return deferred.promise;
  };

  // Calls a function of the app that returns a Promise<undefined>.
  const invoke = (callback, thisArgument, args) => {
    try {
      return promiseResolvedWith(ReflectApply(callback, thisArgument, args));
    } catch (error) {
      return PromiseReject(error);
    }
  };

  // Calls an algorithm of the platform, which returns a promise of its own or undefined.
  const perform = (algorithm, a, b) => {
    try {
      const promise = algorithm(a, b);
      return promise === undefined ? PromiseResolve() : promise;
    } catch (error) {
      return PromiseReject(error);
    }
  };

  const PENDING = 0;
  const FULFILLED = 1;
  const REJECTED = 2;

  // A promise for undefined whose rejection counts as handled (closed, ready, ...). Few are ever looked at, so the promise
  // itself is made at the first look.
  class Latch {
    state = PENDING;
    reason = undefined;
    deferred = null;

    get promise() {
      if (this.deferred === null) {
        this.deferred = PromiseWithResolvers();
        if (this.state === FULFILLED) this.deferred.resolve();
        else if (this.state === REJECTED) this.#rejectDeferred();
      }
      return this.deferred.promise;
    }

    get isPending() {
      return this.state === PENDING;
    }

    get isFulfilled() {
      return this.state === FULFILLED;
    }

    resolve() {
      if (this.state !== PENDING) return;
      this.state = FULFILLED;
      if (this.deferred !== null) this.deferred.resolve();
    }

    reject(reason) {
      if (this.state !== PENDING) return;
      this.state = REJECTED;
      this.reason = reason;
      if (this.deferred !== null) this.#rejectDeferred();
    }

    #rejectDeferred() {
      this.deferred.reject(this.reason);
      setPromiseIsHandled(this.deferred.promise);
    }
  }

  // Strategies: https://streams.spec.whatwg.org/#qs-api

  const convertQueuingStrategy = dictionary("QueuingStrategy", [
    { key: "highWaterMark", converter: converters["unrestricted double"] },
    { key: "size", converter: converters.Function },
  ]);

  // ExtractHighWaterMark
  const extractHighWaterMark = (strategy, defaultHWM) => {
    const { highWaterMark } = strategy;
    if (highWaterMark === undefined) return defaultHWM;
    if (!(highWaterMark >= 0)) throw new RangeError("A highWaterMark must be a number that is not negative");
    return highWaterMark;
  };

  // ExtractSizeAlgorithm is the member itself, undefined where every chunk counts 1.
  const measureChunk = (size, chunk) => (size === undefined ? 1 : converters["unrestricted double"](size(chunk)));

  const convertQueuingStrategyInit = dictionary("QueuingStrategyInit", [
    { key: "highWaterMark", converter: converters["unrestricted double"], required: true },
  ]);

  // Methods, because a size function must not be a constructor.
  const { size: byteLengthSize } = { size(chunk) { return chunk.byteLength; } };
  const { size: countSize } = { size() { return 1; } };

  class ByteLengthQueuingStrategy {
    #highWaterMark;

    constructor(init) {
      const prefix = "Failed to construct 'ByteLengthQueuingStrategy'";
      requiredArguments(arguments.length, 1, prefix);
      this.#highWaterMark = convertQueuingStrategyInit(init, prefix, "parameter 1").highWaterMark;
    }

    get highWaterMark() {
      if (!isObject(this) || !(#highWaterMark in this)) throw illegalInvocation();
      return this.#highWaterMark;
    }

    get size() {
      if (!isObject(this) || !(#highWaterMark in this)) throw illegalInvocation();
      return byteLengthSize;
    }
  }

  class CountQueuingStrategy {
    #highWaterMark;

    constructor(init) {
      const prefix = "Failed to construct 'CountQueuingStrategy'";
      requiredArguments(arguments.length, 1, prefix);
      this.#highWaterMark = convertQueuingStrategyInit(init, prefix, "parameter 1").highWaterMark;
    }

    get highWaterMark() {
      if (!isObject(this) || !(#highWaterMark in this)) throw illegalInvocation();
      return this.#highWaterMark;
    }

    get size() {
      if (!isObject(this) || !(#highWaterMark in this)) throw illegalInvocation();
      return countSize;
    }
  }

  configureInterface(ByteLengthQueuingStrategy);
  configureInterface(CountQueuingStrategy);

  nano.streamsInternal = {
    __proto__: null,
    Latch,
    Queue,
    chain,
    convertQueuingStrategy,
    enqueueValueWithSize,
    extractHighWaterMark,
    follow,
    fromSlots,
    illegalInvocation,
    invoke,
    measureChunk,
    noop,
    perform,
    promiseResolvedWith,
    queueMicrotask,
    setPromiseIsHandled,
  };
  return { __proto__: null, ByteLengthQueuingStrategy, CountQueuingStrategy };
};
