"use strict";
// node:async_hooks: https://developers.cloudflare.com/workers/runtime-apis/nodejs/asynclocalstorage/
(nano) => {
  const { String } = nano.primordials;
  const contexts = nano.part("async_context");
  const { asModule, invalidArgType, validateFunction, validateString } = nano.part("node/errors");

  const within = (frame, callback) =>
    function (...args) {
      return contexts.runIn(frame, callback, this, args);
    };

  class AsyncLocalStorage {
    #key = { __proto__: null };
    #default = undefined;
    #name = "";

    constructor(options = undefined) {
      if (options === undefined) return;
      if (options === null || typeof options !== "object") throw invalidArgType("options", "object", options);
      this.#default = options.defaultValue;
      if (options.name !== undefined) this.#name = String(options.name);
    }

    static bind(fn) {
      validateFunction(fn, "fn");
      return within(contexts.capture(), fn);
    }

    static snapshot() {
      const frame = contexts.capture();
      return function (callback, ...args) {
        validateFunction(callback, "callback");
        return contexts.runIn(frame, callback, this, args);
      };
    }

    get name() {
      return this.#name;
    }

    run(store, callback, ...args) {
      validateFunction(callback, "callback");
      return contexts.run(this.#key, store, callback, undefined, args);
    }

    exit(callback, ...args) {
      validateFunction(callback, "callback");
      return contexts.run(this.#key, undefined, callback, undefined, args);
    }

    getStore() {
      const found = contexts.lookup(this.#key);
      return found === undefined ? this.#default : found.value;
    }

    // For the rest of the turn and what follows from it, as far as no run() or exit() around it ends.
    enterWith(store) {
      contexts.enterWith(this.#key, store);
    }

    // What has a value forgets it, wherever it is; the next run() or enterWith() begins anew.
    disable() {
      this.#key = { __proto__: null };
    }
  }

  class AsyncResource {
    #frame = contexts.capture();

    constructor(type, options = undefined) {
      validateString(type, "type");
    }

    static bind(fn, type = undefined, thisArg = undefined) {
      validateFunction(fn, "fn");
      return new AsyncResource(typeof type === "string" ? type : "bound-anonymous-fn").bind(fn, thisArg);
    }

    runInAsyncScope(fn, thisArg = undefined, ...args) {
      validateFunction(fn, "fn");
      return contexts.runIn(this.#frame, fn, thisArg, args);
    }

    bind(fn, thisArg = undefined) {
      validateFunction(fn, "fn");
      const frame = this.#frame;
      return function (...args) {
        return contexts.runIn(frame, fn, thisArg === undefined ? this : thisArg, args);
      };
    }

    asyncId() {
      return 0;
    }

    triggerAsyncId() {
      return 0;
    }

    emitDestroy() {
      return this;
    }
  }

  // There is nothing to hook into: the hooks are accepted and never called, as in Workers.
  const functions = {
    createHook() {
      return { enable() { return this; }, disable() { return this; } };
    },
    executionAsyncId() {
      return 0;
    },
    triggerAsyncId() {
      return 0;
    },
    executionAsyncResource() {
      return { __proto__: null };
    },
  };
  return asModule({ AsyncLocalStorage, AsyncResource, ...functions });
};
