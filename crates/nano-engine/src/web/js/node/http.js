"use strict";
// node:http and node:https, for clients: a request is a fetch() that begins when it is ended. https://nodejs.org/api/http.html
(nano, part) => {
  const {
    ArrayIsArray, ArrayPrototypePush, Error, Number, ObjectDefineProperty, ObjectKeys, PromisePrototypeThen, ReflectConstruct, RegExpPrototypeExec, StringPrototypeSplit,
    StringPrototypeToLowerCase, StringPrototypeToUpperCase, TypedArrayPrototypeSet, Uint8Array,
  } = nano.primordials;
  const { asModule, validateFunction, withCode } = nano.part("node/errors");
  const { EventEmitter } = nano.part("node/events");
  const { Readable, Writable } = nano.part("node/streams/classes");
  const { bufferOn } = nano.part("node/streams/support");
  const { absent } = nano.part("node/absent");
  const { isObject } = nano.webidl;
  const { AbortController, signalAbort } = nano.abort;
  const { clearTimeout, setTimeout } = nano.timers.functions;
  const { Headers, Request } = nano.fetch;
  const { fetch } = nano.calls;
  const { URL } = nano.url;

  const isSecure = part === "node/http#https";
  const METHODS = StringPrototypeSplit(
    "ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE",
    " ",
  );
  const codes = StringPrototypeSplit(
    "100 Continue|101 Switching Protocols|102 Processing|103 Early Hints|200 OK|201 Created|202 Accepted|203 Non-Authoritative Information|204 No Content|205 Reset Content|206 Partial Content|207 Multi-Status|208 Already Reported|226 IM Used|300 Multiple Choices|301 Moved Permanently|302 Found|303 See Other|304 Not Modified|305 Use Proxy|307 Temporary Redirect|308 Permanent Redirect|400 Bad Request|401 Unauthorized|402 Payment Required|403 Forbidden|404 Not Found|405 Method Not Allowed|406 Not Acceptable|407 Proxy Authentication Required|408 Request Timeout|409 Conflict|410 Gone|411 Length Required|412 Precondition Failed|413 Payload Too Large|414 URI Too Long|415 Unsupported Media Type|416 Range Not Satisfiable|417 Expectation Failed|418 I'm a Teapot|421 Misdirected Request|422 Unprocessable Entity|423 Locked|424 Failed Dependency|425 Too Early|426 Upgrade Required|428 Precondition Required|429 Too Many Requests|431 Request Header Fields Too Large|451 Unavailable For Legal Reasons|500 Internal Server Error|501 Not Implemented|502 Bad Gateway|503 Service Unavailable|504 Gateway Timeout|505 HTTP Version Not Supported|506 Variant Also Negotiates|507 Insufficient Storage|508 Loop Detected|509 Bandwidth Limit Exceeded|510 Not Extended|511 Network Authentication Required",
    "|",
  );
  const STATUS_CODES = {};
  for (let i = 0; i < codes.length; i++) {
    const code = nano.primordials.StringPrototypeSlice(codes[i], 0, 3);
    ObjectDefineProperty(STATUS_CODES, code, { __proto__: null, value: nano.primordials.StringPrototypeSlice(codes[i], 4), writable: true, enumerable: true, configurable: true });
  }

  const token = /^[\^_`a-zA-Z\-0-9!#$%&'*+.|~]+$/;
  const validateHeaderName = (name) => {
    if (typeof name !== "string" || RegExpPrototypeExec(token, name) === null) {
      throw withCode(new nano.primordials.TypeError(`Header name must be a valid HTTP token ["${name}"]`), "ERR_INVALID_HTTP_TOKEN");
    }
  };
  const validateHeaderValue = (name, value) => {
    if (value === undefined) throw withCode(new nano.primordials.TypeError(`Invalid value "undefined" for header "${name}"`), "ERR_HTTP_INVALID_HEADER_VALUE");
    if (RegExpPrototypeExec(/[^\t\x20-\x7e\x80-\xff]/, `${value}`) !== null) {
      throw withCode(new nano.primordials.TypeError(`Invalid character in header content ["${name}"]`), "ERR_INVALID_CHAR");
    }
  };

  class Agent extends EventEmitter {
    constructor(options = undefined) {
      super();
      this.options = { ...options };
      this.requests = {};
      this.sockets = {};
      this.freeSockets = {};
      this.maxSockets = options?.maxSockets ?? Infinity;
      this.maxFreeSockets = options?.maxFreeSockets ?? 256;
      this.keepAlive = options?.keepAlive ?? false;
      this.defaultPort = isSecure ? 443 : 80;
      this.protocol = isSecure ? "https:" : "http:";
    }

    destroy() {}
  }
  const globalAgent = new Agent();

  class IncomingMessage extends Readable {
    #reader;
    #isReading = false;

    constructor(response = undefined) {
      super();
      this.httpVersion = "1.1";
      this.httpVersionMajor = 1;
      this.httpVersionMinor = 1;
      this.complete = false;
      this.aborted = false;
      this.headers = {};
      this.rawHeaders = [];
      this.trailers = {};
      this.rawTrailers = [];
      this.socket = null;
      if (response === undefined) return;
      this.statusCode = response.status;
      this.statusMessage = response.statusText || STATUS_CODES[response.status] || "";
      this.url = "";
      const cookies = response.headers.getSetCookie();
      response.headers.forEach((value, name) => {
        if (name === "set-cookie") return;
        this.headers[name] = value;
        ArrayPrototypePush(this.rawHeaders, name);
        ArrayPrototypePush(this.rawHeaders, value);
      });
      if (cookies.length > 0) this.headers["set-cookie"] = cookies;
      for (let i = 0; i < cookies.length; i++) {
        ArrayPrototypePush(this.rawHeaders, "set-cookie");
        ArrayPrototypePush(this.rawHeaders, cookies[i]);
      }
      this.#reader = response.body?.getReader();
    }

    _read() {
      if (this.#reader === undefined) {
        this.complete = true;
        this.push(null);
        return;
      }
      if (this.#isReading) return;
      this.#isReading = true;
      PromisePrototypeThen(this.#reader.read(), ({ value, done }) => {
        this.#isReading = false;
        if (done) {
          this.complete = true;
          this.push(null);
        } else if (this.push(bufferOn(value.buffer, value.byteOffset, value.byteLength))) {
          this._read();
        }
      }, (error) => this.destroy(error));
    }

    _destroy(error, callback) {
      const reader = this.#reader;
      if (!this.complete && reader !== undefined) {
        this.aborted = true;
        PromisePrototypeThen(reader.cancel(), () => undefined, () => undefined);
      }
      callback(error);
    }

    setTimeout(milliseconds, callback) {
      if (callback !== undefined) this.once("timeout", callback);
      return this;
    }

    get connection() {
      return this.socket;
    }
  }

  // Its arguments: a URL or not, options or not, a listener or not.
  const optionsOf = (args) => {
    let at = 0;
    const options = { __proto__: null };
    const isUrl = typeof args[0] === "string" || (isObject(args[0]) && typeof args[0].href === "string" && typeof args[0].searchParams === "object");
    if (isUrl) {
      const url = new URL(args[at++]);
      options.protocol = url.protocol;
      options.hostname = url.hostname;
      options.port = url.port;
      options.path = url.pathname + url.search;
      if (url.username !== "" || url.password !== "") options.auth = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    }
    if (isObject(args[at]) && typeof args[at] !== "function") {
      const given = args[at++];
      const names = ObjectKeys(given);
      for (let i = 0; i < names.length; i++) options[names[i]] = given[names[i]];
    }
    return { __proto__: null, options, listener: args[at] };
  };
  const { decodeURIComponent } = nano.primordials;

  class OutgoingMessage extends Writable {
    #headers = { __proto__: null };

    constructor(options = undefined) {
      super(options);
      this.headersSent = false;
    }

    setHeader(name, value) {
      if (this.headersSent) throw withCode(new Error("Cannot set headers after they are sent to the client"), "ERR_HTTP_HEADERS_SENT");
      validateHeaderName(name);
      const list = ArrayIsArray(value) ? value : [value];
      for (let i = 0; i < list.length; i++) validateHeaderValue(name, list[i]);
      this.#headers[StringPrototypeToLowerCase(name)] = [name, value];
      return this;
    }

    appendHeader(name, value) {
      const before = this.getHeader(name);
      if (before === undefined) return this.setHeader(name, value);
      const all = [];
      const add = (list) => {
        for (let i = 0; i < list.length; i++) ArrayPrototypePush(all, list[i]);
      };
      add(ArrayIsArray(before) ? before : [before]);
      add(ArrayIsArray(value) ? value : [value]);
      return this.setHeader(name, all);
    }

    getHeader(name) {
      return this.#headers[StringPrototypeToLowerCase(`${name}`)]?.[1];
    }

    getHeaders() {
      const headers = { __proto__: null };
      const names = ObjectKeys(this.#headers);
      for (let i = 0; i < names.length; i++) headers[names[i]] = this.#headers[names[i]][1];
      return headers;
    }

    getHeaderNames() {
      return ObjectKeys(this.#headers);
    }

    getRawHeaderNames() {
      const names = ObjectKeys(this.#headers);
      for (let i = 0; i < names.length; i++) names[i] = this.#headers[names[i]][0];
      return names;
    }

    hasHeader(name) {
      return this.#headers[StringPrototypeToLowerCase(`${name}`)] !== undefined;
    }

    removeHeader(name) {
      delete this.#headers[StringPrototypeToLowerCase(`${name}`)];
    }

    flushHeaders() {}
  }

  class ClientRequest extends OutgoingMessage {
    #options;
    #pieces = [];
    #length = 0;
    #controller = new AbortController();
    #timer;

    constructor(...args) {
      // It lives until it has been answered.
      super({ __proto__: null, autoDestroy: false });
      const { options, listener } = optionsOf(args);
      this.#options = options;
      this.aborted = false;
      this.reusedSocket = false;
      this.maxHeadersCount = null;
      this.res = null;
      this.socket = null;
      this.agent = options.agent === undefined ? globalAgent : options.agent;
      this.method = StringPrototypeToUpperCase(`${options.method ?? "GET"}`);
      if (RegExpPrototypeExec(token, this.method) === null) throw withCode(new nano.primordials.TypeError(`Method must be a valid HTTP token ["${this.method}"]`), "ERR_INVALID_HTTP_TOKEN");
      this.path = options.path ?? "/";
      this.protocol = options.protocol ?? (isSecure ? "https:" : "http:");
      const wanted = isSecure ? "https:" : "http:";
      if (this.protocol !== wanted) throw withCode(new nano.primordials.TypeError(`Protocol "${this.protocol}" not supported. Expected "${wanted}"`), "ERR_INVALID_PROTOCOL");
      this.host = options.hostname ?? options.host ?? "localhost";
      const { headers } = options;
      if (ArrayIsArray(headers)) {
        for (let i = 0; i + 1 < headers.length; i += 2) this.appendHeader(headers[i], headers[i + 1]);
      } else if (isObject(headers)) {
        const names = ObjectKeys(headers);
        for (let i = 0; i < names.length; i++) if (headers[names[i]] !== undefined) this.setHeader(names[i], headers[names[i]]);
      }
      if (options.auth && !this.hasHeader("authorization")) this.setHeader("Authorization", `Basic ${nano.part("node/buffer").Buffer.from(options.auth).toString("base64")}`);
      if (listener !== undefined) this.once("response", listener);
      if (options.signal !== undefined) nano.part("node/streams/life").follow(options.signal, this);
      if (options.timeout) this.setTimeout(options.timeout);
    }

    _write(chunk, encoding, callback) {
      const bytes = new Uint8Array(chunk);
      ArrayPrototypePush(this.#pieces, bytes);
      this.#length += bytes.length;
      callback();
    }

    _final(callback) {
      callback();
      this.#send();
    }

    #url() {
      const { port } = this.#options;
      const host = RegExpPrototypeExec(/:/, this.host) !== null && this.host[0] !== "[" ? `[${this.host}]` : this.host;
      return `${this.protocol}//${host}${port === undefined || port === null || port === "" ? "" : `:${Number(port)}`}${this.path}`;
    }

    #send() {
      this.headersSent = true;
      const headers = new Headers();
      const given = this.getHeaders();
      const names = ObjectKeys(given);
      for (let i = 0; i < names.length; i++) {
        // What the connection is about is not the app's to say.
        if (names[i] === "host" || names[i] === "connection" || names[i] === "transfer-encoding" || names[i] === "content-length") continue;
        const value = given[names[i]];
        const list = ArrayIsArray(value) ? value : [value];
        for (let j = 0; j < list.length; j++) headers.append(names[i], `${list[j]}`);
      }
      let body = null;
      if (this.#length > 0 && this.method !== "GET" && this.method !== "HEAD") {
        body = new Uint8Array(this.#length);
        let at = 0;
        for (let i = 0; i < this.#pieces.length; i++) {
          TypedArrayPrototypeSet(body, this.#pieces[i], at);
          at += this.#pieces[i].length;
        }
      }
      const { signal } = this.#controller;
      let answer;
      try {
        const request = new Request(this.#url(), { __proto__: null, method: this.method, headers, body, redirect: "manual", signal });
        answer = fetch(request);
      } catch (error) {
        this.destroy(error);
        return;
      }
      PromisePrototypeThen(answer, (response) => {
        clearTimeout(this.#timer);
        if (this.destroyed) return;
        const message = new IncomingMessage(response);
        message.req = this;
        this.res = message;
        message.once("end", () => this.destroy());
        if (!this.emit("response", message)) message.resume();
      }, (error) => {
        clearTimeout(this.#timer);
        this.destroy(withCode(new Error(`${error?.message}`, { cause: error }), "ECONNREFUSED"));
      });
    }

    _destroy(error, callback) {
      clearTimeout(this.#timer);
      if (this.res === null) signalAbort(this.#controller.signal, error ?? undefined);
      else if (!this.res.complete) this.res.destroy(error ?? undefined);
      if (error === null && this.res === null) error = withCode(new Error("socket hang up"), "ECONNRESET");
      callback(error);
    }

    abort() {
      if (this.aborted) return;
      this.aborted = true;
      nano.queueMicrotask(() => this.emit("abort"));
      this.destroy();
    }

    setTimeout(milliseconds, callback) {
      clearTimeout(this.#timer);
      if (callback !== undefined) {
        validateFunction(callback, "callback");
        this.once("timeout", callback);
      }
      if (milliseconds > 0) this.#timer = setTimeout(() => this.emit("timeout"), milliseconds);
      return this;
    }

    setNoDelay() {}

    setSocketKeepAlive() {}
  }

  const request = (...args) => ReflectConstruct(ClientRequest, args);
  const get = (...args) => {
    const made = ReflectConstruct(ClientRequest, args);
    made.end();
    return made;
  };

  const name = isSecure ? "https" : "http";
  if (isSecure) {
    return asModule({ Agent, Server: absent(name, "Server"), createServer: absent(name, "createServer"), get, globalAgent, request });
  }
  const { ReflectGet } = nano.primordials;
  return asModule({
    Agent,
    ClientRequest,
    CloseEvent: ReflectGet(globalThis, "CloseEvent"),
    IncomingMessage,
    METHODS,
    MessageEvent: ReflectGet(globalThis, "MessageEvent"),
    OutgoingMessage,
    STATUS_CODES,
    Server: absent(name, "Server"),
    ServerResponse: OutgoingMessage,
    WebSocket: ReflectGet(globalThis, "WebSocket"),
    _connectionListener: absent(name, "_connectionListener"),
    createServer: absent(name, "createServer"),
    get,
    globalAgent,
    maxHeaderSize: 16384,
    request,
    setMaxIdleHTTPParsers: () => undefined,
    validateHeaderName,
    validateHeaderValue,
  });
};
