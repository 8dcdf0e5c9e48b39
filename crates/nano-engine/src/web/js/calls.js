"use strict";
// What an app can call: the bindings in env (env.NAME.fetch(), env.NAME.method()) and the global fetch().
// Bindings follow Cloudflare Workers' service bindings; what fetch() does is in fetch_call.js.
(nano) => {
  const {
    AggregateError, ArrayPrototypeIncludes, Error, EvalError, ObjectDefineProperty, ObjectFreeze, ObjectPrototype, PromiseReject, PromiseWithResolvers,
    Proxy, RangeError, ReferenceError, ReflectGet, ReflectOwnKeys, SafeMap, SyntaxError, TypeError, URIError,
  } = nano.primordials;
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

  const classes = { __proto__: null, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

  // For the native half: an error comes over by name and message, and is of the class that has this name here.
  nano.errorOf = (message, name) => {
    if (name === "Error") return new Error(message);
    if (name === "AggregateError") return new AggregateError([], message);
    const Class = classes[name];
    if (Class !== undefined) return new Class(message);
    if (name === "QuotaExceededError") return new (nano.part("quota_exceeded_error").QuotaExceededError)(message);
    if (nano.isDOMExceptionName(name)) return new nano.DOMException(message, name);
    const error = new Error(message);
    ObjectDefineProperty(error, "name", { __proto__: null, value: name, writable: true, configurable: true });
    return error;
  };

  const fetchThrough = (binding, count, input, init, isGlobal) => {
    try {
      requiredArguments(count, 1, "Failed to execute 'fetch'");
      return nano.part("fetch_call").start(binding, input, init, isGlobal);
    } catch (error) {
      return PromiseReject(error);
    }
  };

  // The promise of a call that is answered by a value. An op that gives an object instead of a number waits for its construction.
  const send = (start) => {
    try {
      const id = start();
      if (typeof id !== "number") return nano.part("host_bindings").whenConstructed(id, () => send(start));
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
        return (...args) => send(() => ops.callMethod(binding, name, args));
      };
    }
  }
  configureInterface(Fetcher);

  // What every object has. What an app adds to Object.prototype is no name of these.
  const inherited = ReflectOwnKeys(ObjectPrototype);

  const handler = {
    __proto__: null,
    get(fetcher, key, receiver) {
      // A promise that resolves to a binding looks for then(), JSON.stringify() for toJSON().
      if (key === "then" || key === "toJSON" || key === "constructor") return undefined;
      if (typeof key === "symbol" || ArrayPrototypeIncludes(inherited, key)) return ReflectGet(fetcher, key, receiver);
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
    __proto__: null,
    Fetcher,
    // What stands in env for a binding: [name, index, kind, ...].
    createBinding(binding) {
      if (binding[2] !== 0) return nano.part(binding[2] === 3 ? "queue_binding" : "host_bindings").createBinding(binding);
      return new Proxy(ObjectFreeze(new Fetcher(CREATE, binding[1])), handler);
    },
    fetch: operations.fetch,
    pending,
    send,
    head: (id, status, statusText, flat) => take(id)?.head(status, statusText, flat),
    result: (id, value) => take(id)?.deferred.resolve(value),
    fail: (id, message, isError) => (isError ? take(id)?.deferred.reject(message) : take(id)?.fail(message)),
  };
  nano.expose({ Fetcher, fetch: operations.fetch });
};
