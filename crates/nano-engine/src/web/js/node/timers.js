"use strict";
// node:timers. What starts a timer gives an object here, as in Node; it is the global's number where one is wanted.
// https://nodejs.org/api/timers.html
(nano) => {
  const { Number, ObjectDefineProperty, ReflectApply, SymbolDispose, SymbolFor, SymbolToPrimitive } = nano.primordials;
  const { asModule, validateFunction } = nano.part("node/errors");
  const promises = nano.part("node/timers_promises").default;
  const global = nano.timers.functions;
  const { isObject } = nano.webidl;

  const DELAY_MAX = 2_147_483_647;

  // What runs later. Nothing here keeps a process alive or lets it end, so ref() and unref() are only remembered.
  class Timer {
    #id = 0;
    #hasRef = true;
    #start;
    #stop;

    constructor(start, stop) {
      this.#start = start;
      this.#stop = stop;
      this.#id = start(this);
    }

    ref() {
      this.#hasRef = true;
      return this;
    }

    unref() {
      this.#hasRef = false;
      return this;
    }

    hasRef() {
      return this.#hasRef;
    }

    [SymbolDispose]() {
      this.#stop(this.#id);
    }

    static restart(timer) {
      timer.#stop(timer.#id);
      timer.#id = timer.#start(timer);
    }

    static id(timer) {
      return timer.#id;
    }

    static stop(timer) {
      if (isObject(timer) && #id in timer) timer.#stop(timer.#id);
      else if (typeof timer === "number" || typeof timer === "string") global.clearTimeout(Number(timer));
    }
  }

  class Timeout extends Timer {
    constructor(start, stop) {
      super(start, stop);
    }

    refresh() {
      Timer.restart(this);
      return this;
    }

    close() {
      Timer.stop(this);
      return this;
    }

    [SymbolToPrimitive]() {
      return Timer.id(this);
    }
  }

  class Immediate extends Timer {
    constructor(start, stop) {
      super(start, stop);
    }
  }

  const starter = (name) => (callback, delay, ...args) => {
    validateFunction(callback, "callback");
    const after = delay >= 1 && delay <= DELAY_MAX ? Number(delay) : 1;
    return new Timeout((timer) => global[name](() => ReflectApply(callback, timer, args), after), global.clearTimeout);
  };

  const functions = {
    __proto__: null,
    setTimeout: starter("setTimeout"),
    clearTimeout: Timer.stop,
    setInterval: starter("setInterval"),
    clearInterval: Timer.stop,
    setImmediate: (callback, ...args) => {
      validateFunction(callback, "callback");
      return new Immediate((timer) => global.setImmediate(() => ReflectApply(callback, timer, args)), global.clearImmediate);
    },
    clearImmediate: Timer.stop,
    promises,
  };
  const promisified = SymbolFor("nodejs.util.promisify.custom");
  ObjectDefineProperty(functions.setTimeout, promisified, { __proto__: null, value: promises.setTimeout, enumerable: true });
  ObjectDefineProperty(functions.setImmediate, promisified, { __proto__: null, value: promises.setImmediate, enumerable: true });
  return asModule(functions);
};
