"use strict";
// The module "cloudflare:workers": https://developers.cloudflare.com/workers/runtime-apis/bindings/#importing-env-as-a-global,
// https://developers.cloudflare.com/workers/runtime-apis/bindings/service-bindings/rpc/
(nano) => {
  const {
    Error, ObjectCreate, ObjectGetOwnPropertyDescriptor, ObjectGetPrototypeOf, Proxy, ReflectGet, ReflectHas,
    ReflectOwnKeys, TypeError,
  } = nano.primordials;
  const contexts = nano.part("async_context");
  const { illegalConstructor, requiredArguments } = nano.webidl;

  // Classes that are extended: what they hold are plain fields, as in Workers.
  class WorkerEntrypoint {
    ctx;
    env;

    constructor(ctx, env) {
      this.ctx = ctx;
      this.env = env;
    }
  }

  class DurableObject {
    ctx;
    env;

    constructor(ctx, env) {
      this.ctx = ctx;
      this.env = env;
    }
  }

  class WorkflowEntrypoint {
    ctx;
    env;

    constructor(ctx, env) {
      this.ctx = ctx;
      this.env = env;
    }
  }

  class RpcTarget {}

  class RpcStub {
    constructor() {
      throw new TypeError("NANO passes values between apps and the host, not references: there is nothing to make a stub of.");
    }
  }

  // What calls give in Workers, where they can be called further before they are answered. Here they give promises.
  class RpcPromise {
    constructor() {
      illegalConstructor();
    }
  }

  class RpcProperty {
    constructor() {
      illegalConstructor();
    }
  }

  // withEnv() runs a function, and what it starts, with another env.
  const ENV = { __proto__: null };
  const current = () => {
    const other = contexts.lookup(ENV);
    return other === undefined ? nano.env : other.value;
  };

  const env = new Proxy(ObjectCreate(null), {
    __proto__: null,
    get: (_, key) => ReflectGet(current(), key),
    has: (_, key) => ReflectHas(current(), key),
    ownKeys: () => ReflectOwnKeys(current()),
    // The target is empty, so all that may be said of a property is that it could change.
    getOwnPropertyDescriptor: (_, key) => {
      const found = ObjectGetOwnPropertyDescriptor(current(), key);
      if (found === undefined) return undefined;
      return { __proto__: null, value: ReflectGet(current(), key), enumerable: found.enumerable, writable: true, configurable: true };
    },
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
    setPrototypeOf: () => false,
    preventExtensions: () => false,
  });

  const functions = {
    waitUntil(promise) {
      requiredArguments(arguments.length, 1, "Failed to execute 'waitUntil'");
      const id = contexts.request();
      if (id === undefined) throw new Error("waitUntil() can only be called while a request or an invocation is being handled.");
      nano.waitUntil(id, promise);
    },

    withEnv(value, callback) {
      requiredArguments(arguments.length, 2, "Failed to execute 'withEnv'");
      if (typeof callback !== "function") throw new TypeError("Failed to execute 'withEnv': parameter 2 is not a function.");
      if (!nano.webidl.isObject(value)) throw new TypeError("Failed to execute 'withEnv': parameter 1 is not an object.");
      return contexts.run(ENV, value, callback, undefined, []);
    },
  };

  // The names under which a class of the app may be called: methods of its own and of the classes between it and WorkerEntrypoint.
  nano.entrypoints = {
    __proto__: null,
    isClass: (value) => {
      for (let at = value; typeof at === "function"; at = ObjectGetPrototypeOf(at)) {
        if (at === WorkerEntrypoint) return true;
      }
      return false;
    },
    methodOf: (Class, name) => {
      for (let at = Class.prototype; at !== null && at !== WorkerEntrypoint.prototype; at = ObjectGetPrototypeOf(at)) {
        const found = nano.webidl.getOwnProperty(at, name);
        if (found !== undefined) return name !== "constructor" && typeof found.value === "function" ? found.value : undefined;
      }
      return undefined;
    },
  };

  return {
    __proto__: null, DurableObject, RpcPromise, RpcProperty, RpcStub, RpcTarget, ServiceStub: nano.calls.Fetcher, WorkerEntrypoint,
    WorkflowEntrypoint, env, waitUntil: functions.waitUntil, withEnv: functions.withEnv,
  };
};
