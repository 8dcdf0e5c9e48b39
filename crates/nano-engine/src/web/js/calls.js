"use strict";
// What an app can call: the bindings in env (env.NAME.fetch(), env.NAME.method()) and the global fetch().
// Bindings follow Cloudflare Workers' service bindings; what fetch() does is in fetch_call.js.
(nano) => {
  const { Error, ObjectFreeze, PromiseReject, PromiseWithResolvers, Proxy, ReflectGet, ReflectHas, SafeMap } = nano.primordials;
  const { ops } = nano;
  const { configureInterface, illegalConstructor, requiredArguments } = nano.webidl;

  // The calls that have not been answered, or still send, by id.
  const pending = new SafeMap();

  class MethodCall {
    deferred = PromiseWithResolvers();

    fail(message) {
      this.deferred.reject(new Error(message));
    }
  }

  const fetchThrough = (binding, count, input, init, isGlobal) => {
    try {
      requiredArguments(count, 1, "Failed to execute 'fetch'");
      return nano.part("fetch_call").start(binding, input, init, isGlobal);
    } catch (error) {
      return PromiseReject(error);
    }
  };

  const callMethod = (binding, name, args) => {
    try {
      const id = ops.callMethod(binding, name, args);
      const call = new MethodCall();
      pending.set(id, call);
      return call.deferred.promise;
    } catch (error) {
      return PromiseReject(error);
    }
  };

  // The first argument of a constructor that is called from inside; no app can name it.
  const CREATE = { __proto__: null };

  let memberOf;

  // A binding. An app holds a Proxy of it, for which every name is a method.
  class Fetcher {
    #binding;
    #fetch = undefined;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      this.#binding = arguments[1];
    }

    static {
      memberOf = (fetcher, name) => {
        const binding = fetcher.#binding;
        if (name === "fetch") {
          return (fetcher.#fetch ??= {
            fetch(input, init = undefined) {
              return fetchThrough(binding, arguments.length, input, init, false);
            },
          }.fetch);
        }
        return (...args) => callMethod(binding, name, args);
      };
    }
  }
  configureInterface(Fetcher);

  const handler = {
    __proto__: null,
    get(fetcher, key, receiver) {
      // A promise that resolves to a binding looks for then(), JSON.stringify() for toJSON().
      if (key === "then" || key === "toJSON" || key === "constructor") return undefined;
      if (typeof key === "symbol" || ReflectHas(fetcher, key)) return ReflectGet(fetcher, key, receiver);
      return memberOf(fetcher, key);
    },
  };

  const operations = {
    fetch(input, init = undefined) {
      return fetchThrough(nano.outbound, arguments.length, input, init, true);
    },
  };

  const take = (id) => {
    const call = pending.get(id);
    if (call !== undefined) pending.delete(id);
    return call;
  };

  nano.calls = {
    pending,
    // The object in env that stands for the binding with that index.
    createBinding: (index) => new Proxy(ObjectFreeze(new Fetcher(CREATE, index)), handler),
    head: (id, status, statusText, flat) => take(id)?.head(status, statusText, flat),
    result: (id, value) => take(id)?.deferred.resolve(value),
    fail: (id, message) => take(id)?.fail(message),
  };
  nano.expose({ Fetcher, fetch: operations.fetch });
};
