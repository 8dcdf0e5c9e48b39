"use strict";
// What an app can call: the bindings in env (env.NAME.fetch(), env.NAME.method()) and the global fetch().
// Specification: https://fetch.spec.whatwg.org/#fetch-method; bindings follow Cloudflare Workers' service bindings.
(nano) => {
  const {
    Error, ObjectDefineProperty, ObjectFreeze, PromiseReject, PromiseWithResolvers, Proxy, RangeError, ReflectGet, ReflectHas,
    SafeMap, TypeError,
  } = nano.primordials;
  const { abort, fetch, ops } = nano;
  const { configureInterface, illegalConstructor, requiredArguments } = nano.webidl;
  const {
    Pump, Request, cancelBody, failBody, isRequest, isUnusable, requestAbortSignalOf, requestBodyOf, requestFlatOf,
    requestMethodOf, requestTargetOf, responseBodyOf, responseFromNative, takeBody, watchBody, wholeBody,
  } = fetch;

  // The calls that have not been answered, or still send, by id.
  const pending = new SafeMap();

  class MethodCall {
    deferred = PromiseWithResolvers();

    fail(message, name) {
      const error = name === "TypeError" ? new TypeError(message) : name === "RangeError" ? new RangeError(message) : new Error(message);
      if (name !== undefined && error.name !== name) {
        ObjectDefineProperty(error, "name", { __proto__: null, value: name, writable: true, configurable: true });
      }
      this.deferred.reject(error);
    }
  }

  class FetchCall {
    id;
    url;
    isHead;
    deferred = PromiseWithResolvers();
    // Sends the request's body, as long as there is some.
    pump = null;
    answered = false;
    responseBody = null;
    // What cancels the call, and the function that hangs on it.
    signal = null;
    onAbort = null;

    constructor(id, url, isHead) {
      this.id = id;
      this.url = url;
      this.isHead = isHead;
    }

    head(status, statusText, flat) {
      this.answered = true;
      if (this.pump !== null) pending.set(this.id, this);
      const response = responseFromNative(this.id, status, statusText, flat, this.url, this.isHead);
      if (this.signal !== null) {
        this.responseBody = responseBodyOf(response);
        watchBody(this.responseBody, this);
      }
      this.deferred.resolve(response);
    }

    fail(message) {
      const error = new TypeError(message);
      this.bodyDone();
      if (this.pump !== null) this.pump.cancel(error);
      this.deferred.reject(error);
    }

    watch(signal) {
      this.signal = signal;
      this.onAbort = () => this.abort(abort.reason(signal));
      abort.addAlgorithm(signal, this.onAbort);
    }

    // https://fetch.spec.whatwg.org/#abort-fetch
    abort(reason) {
      this.signal = null;
      pending.delete(this.id);
      ops.callCancel(this.id);
      if (this.pump !== null) this.pump.cancel(reason);
      this.deferred.reject(reason);
      failBody(this.responseBody, reason);
    }

    // Of the response: the signal has nothing to cancel any more.
    bodyDone() {
      if (this.signal === null) return;
      abort.removeAlgorithm(this.signal, this.onAbort);
      this.signal = null;
    }

    // The request's body is out.
    sent() {
      this.pump = null;
      if (this.answered) pending.delete(this.id);
    }

    sendFailed(error) {
      this.pump = null;
      this.bodyDone();
      this.abort(error);
    }

    // The peer has answered without reading on: no failure of the call.
    unwanted() {
      this.pump.cancel(new TypeError("The peer does not read the rest of the request's body."));
      this.sent();
    }
  }

  const startFetch = (binding, input, init) => {
    const request = init === undefined && isRequest(input) ? input : new Request(input, init);
    const signal = requestAbortSignalOf(request);
    const body = requestBodyOf(request);
    if (isUnusable(body)) throw new TypeError("Failed to fetch: the body of the request has already been used.");
    if (signal !== null && abort.isAborted(signal)) {
      const reason = abort.reason(signal);
      cancelBody(body, reason);
      throw reason;
    }
    const taken = body === null ? null : takeBody(body);
    const whole = taken === null ? null : wholeBody(taken);
    const target = requestTargetOf(request);
    const method = requestMethodOf(request);
    const id = ops.callFetch(binding, method, target, requestFlatOf(request), whole);
    const call = new FetchCall(id, target, method === "HEAD");
    pending.set(id, call);
    if (signal !== null) call.watch(signal);
    if (whole === undefined) {
      call.pump = new Pump(id, taken, call);
      call.pump.step();
    }
    return call.deferred.promise;
  };

  const fetchThrough = (binding, count, input, init) => {
    try {
      requiredArguments(count, 1, "Failed to execute 'fetch'");
      return startFetch(binding, input, init);
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
              return fetchThrough(binding, arguments.length, input, init);
            },
          }.fetch);
        }
        return (...args) => send(() => ops.callMethod(binding, name, args));
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
      if (typeof nano.outbound === "number") return fetchThrough(nano.outbound, arguments.length, input, init);
      return PromiseReject(new TypeError("fetch failed: this app has no outbound network: use a binding in env"));
    },
  };

  const take = (id) => {
    const call = pending.get(id);
    if (call !== undefined) pending.delete(id);
    return call;
  };

  nano.calls = {
    // What stands in env for a binding: [name, index, kind, ...].
    createBinding(binding) {
      if (binding[2] !== 0) return nano.part("host_bindings").createBinding(binding);
      return new Proxy(ObjectFreeze(new Fetcher(CREATE, binding[1])), handler);
    },
    send,
    head: (id, status, statusText, flat) => take(id)?.head(status, statusText, flat),
    result: (id, value) => take(id)?.deferred.resolve(value),
    fail: (id, message, name) => take(id)?.fail(message, name),
  };
  nano.expose({ Fetcher, fetch: operations.fetch });
};
