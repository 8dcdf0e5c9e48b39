"use strict";
// ClientRequest: what is written is kept until the end of it, and is then a fetch(). The request closes when its answer has been read, has
// broken off, or nobody wants the rest of it.
(nano) => {
  const {
    ArrayIsArray, ArrayPrototypePush, Error, Number, ObjectKeys, PromisePrototypeThen, StringPrototypeToLowerCase, StringPrototypeToUpperCase,
    TypeError, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeSet, Uint8Array,
  } = nano.primordials;
  const { invalidArgType, unsupported, validateFunction, withCode } = nano.part("node/errors");
  const { checkAgent, checkConnection, checkServername, globals, Agent, SecureAgent } = nano.part("node/http/agent");
  const { isToken, notToken, validateHeaderValue } = nano.part("node/http/common");
  const { hostOf, originOf, pathOf, portOf, readArguments } = nano.part("node/http/options");
  const { OutgoingMessage } = nano.part("node/http/outgoing");
  const { answerOf, brokenOff } = nano.part("node/http/incoming");
  const { allow, end, letGo, socketOf, touch } = nano.part("node/http/socket");
  const { isObject } = nano.webidl;
  const { createSignal, signalAbort } = nano.abort;
  const { Request, headersFromFlat, normalizeValue } = nano.fetch;

  // What the connection is about is not the app's to say.
  const isOfConnection = (name) => name === "host" || name === "connection" || name === "transfer-encoding" || name === "content-length";

  // A header list in its native form.
  const flatten = (headers) => {
    let flat = "";
    const names = ObjectKeys(headers);
    for (let i = 0; i < names.length; i++) {
      if (isOfConnection(names[i])) continue;
      const value = headers[names[i]];
      const list = ArrayIsArray(value) ? value : [value];
      for (let j = 0; j < list.length; j++) {
        const text = `${list[j]}`;
        validateHeaderValue(names[i], text);
        flat += `${flat === "" ? "" : "\n"}${names[i]}\n${normalizeValue(text)}`;
      }
    }
    return flat;
  };

  const agentOf = (given, usual) => {
    if (given === false) return usual.protocol === "https:" ? new SecureAgent() : new Agent();
    if (given === undefined || given === null) return usual;
    if (typeof given.addRequest !== "function") throw invalidArgType("options.agent", "one of Agent-like Object, undefined, or false", given);
    return given;
  };

  class ClientRequest extends OutgoingMessage {
    // undefined where there can be no such host.
    #origin;
    #pieces = [];
    #length = 0;
    #signal = createSignal();
    #message = null;
    #socket;
    #joinsAll;
    aborted = false;
    reusedSocket = false;
    maxHeadersCount = null;
    res = null;
    socket = null;
    agent;
    method;
    path;
    protocol;
    host;
    timeout = undefined;

    constructor(...args) {
      // It lives until it has been answered.
      super({ __proto__: null, autoDestroy: false });
      const { options, listener } = readArguments(args);
      const usual = isObject(options._defaultAgent) ? options._defaultAgent : globals.http;
      this.agent = agentOf(options.agent, usual);
      this.protocol = options.protocol || usual.protocol;
      const expected = this.agent.protocol || usual.protocol;
      if (this.protocol !== expected || (expected !== "http:" && expected !== "https:")) {
        throw withCode(new TypeError(`Protocol "${this.protocol}" not supported. Expected "${expected}"`), "ERR_INVALID_PROTOCOL");
      }
      const isSecure = this.protocol === "https:";
      checkAgent(this.agent, isSecure);
      checkConnection(options, isSecure);
      this.host = hostOf(options);
      if (isSecure) checkServername(options, this.agent, this.host);
      if (options.method !== undefined && options.method !== null && typeof options.method !== "string") throw invalidArgType("options.method", "string", options.method);
      const method = options.method || "GET";
      if (!isToken(method)) throw notToken("Method", method);
      this.method = StringPrototypeToUpperCase(method);
      this.path = pathOf(options.path);
      this.#joinsAll = options.joinDuplicateHeaders === true;
      this.#socket = socketOf(isSecure, {
        __proto__: null,
        end: (error) => this.destroy(error),
        timedOut: () => {
          this.emit("timeout");
          this.#message?.emit("timeout");
        },
      });
      this.#origin = originOf(this.protocol, this.host, portOf(options, this.agent.defaultPort || (isSecure ? 443 : 80)));
      this.#takeHeaders(options.headers);
      if (options.auth && !this.hasHeader("authorization")) this.setHeader("Authorization", `Basic ${nano.part("node/buffer").Buffer.from(options.auth).toString("base64")}`);
      if (listener !== undefined) this.once("response", listener);
      if (options.signal !== undefined && options.signal !== null) nano.part("node/streams/life").follow(options.signal, this);
      const timeout = options.timeout ?? this.agent.options?.timeout;
      if (timeout) {
        this.timeout = timeout;
        this.setTimeout(timeout);
      }
      nano.queueMicrotask(() => {
        if (this.destroyed) return;
        this.socket = this.#socket;
        this.emit("socket", this.#socket);
      });
    }

    get connection() {
      return this.socket;
    }

    set connection(socket) {
      this.socket = socket;
    }

    // The rest of what says how is left out, or checked with the options.
    setHeader(name, value) {
      if (typeof name === "string" && StringPrototypeToLowerCase(name) === "upgrade") {
        throw unsupported("The header Upgrade", "requests go through fetch(), whose connections stay HTTP; use new WebSocket(), or connect() of cloudflare:sockets");
      }
      return super.setHeader(name, value);
    }

    // A list of names and values, or of pairs of them, or an object.
    #takeHeaders(headers) {
      if (!ArrayIsArray(headers)) {
        const names = isObject(headers) ? ObjectKeys(headers) : [];
        for (let i = 0; i < names.length; i++) if (headers[names[i]] !== undefined) this.setHeader(names[i], headers[names[i]]);
      } else if (ArrayIsArray(headers[0])) {
        for (let i = 0; i < headers.length; i++) this.appendHeader(headers[i][0], headers[i][1]);
      } else {
        for (let i = 0; i + 1 < headers.length; i += 2) this.appendHeader(headers[i], headers[i + 1]);
      }
    }

    _write(chunk, encoding, callback) {
      const bytes = new Uint8Array(chunk);
      ArrayPrototypePush(this.#pieces, bytes);
      this.#length += TypedArrayPrototypeGetByteLength(bytes);
      touch(this.#socket);
      callback();
    }

    _final(callback) {
      callback();
      this.#send();
    }

    #body() {
      if (this.#length === 0) return null;
      if (this.method === "GET" || this.method === "HEAD") {
        throw unsupported(`A body of a ${this.method} request`, "requests go through fetch(), which sends none; use another method");
      }
      const body = new Uint8Array(this.#length);
      let at = 0;
      for (let i = 0; i < this.#pieces.length; i++) {
        TypedArrayPrototypeSet(body, this.#pieces[i], at);
        at += TypedArrayPrototypeGetByteLength(this.#pieces[i]);
      }
      this.#pieces = [];
      return body;
    }

    #send() {
      this.headersSent = true;
      let answer;
      try {
        // The app may have changed it since.
        const path = pathOf(this.path);
        if (this.#origin === undefined) throw withCode(new Error(`getaddrinfo ENOTFOUND ${this.host}`), "ENOTFOUND");
        const headers = headersFromFlat(flatten(this.getHeaders()), "request");
        const init = { __proto__: null, method: this.method, headers, body: this.#body(), redirect: "manual", signal: this.#signal };
        answer = nano.calls.fetch(new Request(this.#origin + path, init));
      } catch (error) {
        this.destroy(error);
        return;
      }
      PromisePrototypeThen(answer, (response) => this.#answered(response), (error) => {
        this.destroy(withCode(new Error(`${error?.message}`, { cause: error }), "ECONNREFUSED"));
      });
    }

    #answered(response) {
      if (this.destroyed) return;
      const message = answerOf(response, this.#socket, this.#joinsAll, {
        __proto__: null,
        touched: () => touch(this.#socket),
        completed: () => letGo(this.#socket),
        closed: () => this.destroy(),
        setTimeout: (milliseconds) => this.setTimeout(milliseconds),
      });
      message.req = this;
      this.#message = message;
      this.res = message;
      touch(this.#socket);
      if (!this.emit("response", message)) message.resume();
    }

    _destroy(error, callback) {
      this.#pieces = [];
      const message = this.#message;
      if (message === null) {
        const why = error ?? withCode(new Error("socket hang up"), "ECONNRESET");
        signalAbort(this.#signal, why);
        callback(why);
      } else {
        if (!message.complete) message.destroy(brokenOff(error ?? undefined));
        callback(error);
      }
      // The host may use the connection again.
      if (message?.complete) letGo(this.#socket);
      else end(this.#socket, error);
    }

    abort() {
      if (this.aborted) return;
      this.aborted = true;
      nano.queueMicrotask(() => this.emit("abort"));
      this.destroy();
    }

    // How long nothing may happen, until all of the answer has come.
    setTimeout(milliseconds, callback = undefined) {
      if (callback !== undefined) {
        validateFunction(callback, "callback");
        this.once("timeout", callback);
      }
      allow(this.#socket, Number(milliseconds) || 0);
      return this;
    }

    clearTimeout(callback = undefined) {
      if (callback !== undefined) this.removeListener("timeout", callback);
      return this.setTimeout(0);
    }

    setNoDelay() {}

    setSocketKeepAlive() {}
  }

  return { __proto__: null, ClientRequest };
};
