"use strict";
// One fetch, of a binding or the global one, from the Request to its Response.
// Specification: https://fetch.spec.whatwg.org/#fetch-method
(nano) => {
  const { PromiseWithResolvers, StringPrototypeIncludes, StringPrototypeStartsWith, StringPrototypeToLowerCase, TypeError } = nano.primordials;
  const { abort, ops } = nano;
  const { pending } = nano.calls;
  const {
    Request, cancelBody, failBody, headerOf, isRedirectStatus, isRequest, isUnusable, lengthOf, requestAbortSignalOf, requestBodyOf,
    requestFlatOf, requestMethodOf, requestOptionsOf, requestTargetOf, responseBodyOf, responseFromNative, takeBody, watchBody,
    wholeBody,
  } = nano.fetch;

  class FetchCall {
    id = -1;
    binding;
    options;
    // What is sent; following a redirect changes it.
    method;
    url;
    flat;
    taken;
    redirects = 0;
    deferred = PromiseWithResolvers();
    // Sends the request's body, as long as there is some.
    pump = null;
    answered = false;
    // It asks for a WebSocket.
    upgrades = false;
    responseBody = null;
    // What cancels the call, and the function that hangs on it.
    signal = null;
    onAbort = null;

    constructor(binding, request, taken) {
      this.binding = binding;
      this.options = requestOptionsOf(request);
      this.method = requestMethodOf(request);
      this.url = requestTargetOf(request);
      this.flat = requestFlatOf(request);
      this.taken = taken;
    }

    // https://fetch.spec.whatwg.org/#concept-fetch, what it says of Accept
    acceptAnything() {
      const { flat } = this;
      const isSure = !StringPrototypeStartsWith(flat, "accept\n") && !StringPrototypeIncludes(flat, "\naccept\n");
      if (isSure || headerOf(flat, "accept") === null) this.flat = flat === "" ? "accept\n*/*" : `${flat}\naccept\n*/*`;
    }

    // https://fetch.spec.whatwg.org/#concept-http-network-or-cache-fetch, what it says to the caches on the way
    tellCaches() {
      const { cache } = this.options;
      if (cache === "no-cache") {
        this.setIfMissing("cache-control", "max-age=0");
      } else if (cache === "no-store" || cache === "reload") {
        this.setIfMissing("pragma", "no-cache");
        this.setIfMissing("cache-control", "no-cache");
      }
    }

    setIfMissing(name, value) {
      if (headerOf(this.flat, name) === null) this.flat += `${this.flat === "" ? "" : "\n"}${name}\n${value}`;
    }

    send() {
      if (this.upgrades) {
        nano.part("fetch_upgrade").open(this);
        return;
      }
      const { taken } = this;
      const whole = taken === null ? null : wholeBody(taken);
      const length = whole === undefined ? lengthOf(taken) : undefined;
      this.id = ops.callFetch(this.binding, this.method, this.url, this.flat, whole, length);
      pending.set(this.id, this);
      if (whole !== undefined) return;
      this.pump = new (nano.part("pump").Pump)(this.id, taken, this);
      this.pump.step();
    }

    head(status, statusText, flat) {
      if (isRedirectStatus(status) && this.options.redirect !== "manual" && nano.part("fetch_redirect").follow(this, status, flat)) return;
      this.answered = true;
      if (this.pump !== null) pending.set(this.id, this);
      const response = responseFromNative(this.id, status, statusText, flat, this.url, this.method === "HEAD", this.redirects > 0);
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

  // What goes to the host as it is: all that an app sends to a binding, and what the global fetch() has nothing to see to about.
  const isPlain = (call, isGlobal) => {
    const { binding, options, url } = call;
    if (options.integrity !== "") return false;
    if (!isGlobal) return true;
    const isHttp = StringPrototypeStartsWith(url, "http://") || StringPrototypeStartsWith(url, "https://");
    return isHttp && typeof binding === "number" && options.mode !== "same-origin";
  };

  // As in Workers: "Upgrade: websocket" asks for a WebSocket, by http: or https:.
  const asksForUpgrade = ({ binding, flat, url }) =>
    StringPrototypeIncludes(flat, "upgrade\n") && typeof binding === "number" && StringPrototypeStartsWith(url, "http") &&
    StringPrototypeToLowerCase(headerOf(flat, "upgrade") ?? "") === "websocket";

  const start = (binding, input, init, isGlobal) => {
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
    const call = new FetchCall(binding, request, taken);
    if (isGlobal) {
      call.acceptAnything();
      if (call.options.cache !== "default") call.tellCaches();
    }
    if (signal !== null) call.watch(signal);
    try {
      call.upgrades = isGlobal && asksForUpgrade(call);
      if (call.upgrades && call.method !== "GET") {
        throw new TypeError("Failed to fetch: a WebSocket is asked for by the method GET, without a body.");
      }
      if (!call.upgrades && !isPlain(call, isGlobal)) return nano.part("fetch_schemes").start(call, request, isGlobal);
      call.send();
    } catch (error) {
      call.bodyDone();
      throw error;
    }
    return call.deferred.promise;
  };

  return { __proto__: null, start };
};
