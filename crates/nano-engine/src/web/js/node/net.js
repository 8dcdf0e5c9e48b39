"use strict";
// node:net, for clients: a Socket is a Duplex over connect() of cloudflare:sockets. https://nodejs.org/api/net.html
(nano) => {
  const {
    Error, Number, ObjectDefineProperty, PromisePrototypeThen, RegExpPrototypeExec, StringPrototypeIncludes, TypedArrayPrototypeGetByteLength, Uint8Array,
  } = nano.primordials;
  const { asModule, invalidArgType, validateFunction, withCode } = nano.part("node/errors");
  const { Duplex } = nano.part("node/streams/classes");
  const { asBuffer } = nano.part("node/streams/support");
  const { absent } = nano.part("node/absent");
  const { isObject } = nano.webidl;
  const { clearTimeout, setTimeout } = nano.timers.functions;

  const PORT_MAX = 65_535;

  const isIPv4 = (text) => RegExpPrototypeExec(/^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/, `${text}`) !== null;
  const isIPv6 = (text) => {
    const address = RegExpPrototypeExec(/^([0-9a-fA-F:.]+)(?:%[0-9a-zA-Z.-]+)?$/, `${text}`);
    return address !== null && StringPrototypeIncludes(address[1], ":") && nano.ops.urlParse(`http://[${address[1]}]/`, undefined) !== undefined;
  };

  // Its arguments as Node takes them: options, or a port and a host; and a listener at the end.
  const normalize = (args) => {
    const last = args[args.length - 1];
    const listener = typeof last === "function" ? last : undefined;
    let options = args[0];
    if (!isObject(options)) {
      if (typeof options === "string" && Number(options) !== Number(options)) options = { path: options };
      else options = { port: options, host: typeof args[1] === "string" ? args[1] : undefined };
    }
    return { __proto__: null, options, listener };
  };

  const failed = (cause, host, port) => {
    const error = withCode(new Error(`connect ECONNREFUSED ${host}:${port}: ${cause?.message}`, { cause }), "ECONNREFUSED");
    const more = { __proto__: null, errno: -111, syscall: "connect", address: host, port };
    const names = ["errno", "syscall", "address", "port"];
    for (let i = 0; i < names.length; i++) ObjectDefineProperty(error, names[i], { __proto__: null, value: more[names[i]], writable: true, enumerable: true, configurable: true });
    return error;
  };

  const neverConnected = () => withCode(new Error("Socket closed before the connection was established"), "ERR_SOCKET_CLOSED_BEFORE_CONNECTION");
  const reset = (cause) => withCode(new Error(`read ECONNRESET: ${cause?.message}`, { cause }), "ECONNRESET");

  class Socket extends Duplex {
    #socket;
    #reader;
    #writer;
    #isReading = false;
    #wanted = false;
    #timeout = 0;
    #timer;
    #host;
    #port;
    // The write or the end that waits for the connection: called when there is one, or with why there is none.
    #held = null;

    constructor(options = undefined) {
      // Its "close" says whether it failed.
      super({ allowHalfOpen: options?.allowHalfOpen === true, autoDestroy: true, emitClose: false, decodeStrings: true, signal: options?.signal });
      this.connecting = false;
      this.bytesRead = 0;
      this.bytesWritten = 0;
      this.encrypted = false;
      this._host = null;
      // Whoever has stopped writing has read all there is, unless half-open sockets are wanted.
      this.on("end", () => {
        if (!this.allowHalfOpen) this.end();
      });
    }

    connect(...args) {
      const { options, listener } = normalize(args);
      if (options.path !== undefined) throw withCode(new Error("Connections to paths are not supported"), "ERR_METHOD_NOT_IMPLEMENTED");
      const port = Number(options.port);
      if (options.port === undefined || !(port >= 0 && port <= PORT_MAX)) {
        throw withCode(new nano.primordials.RangeError(`Port should be >= 0 and < 65536. Received ${options.port}.`), "ERR_SOCKET_BAD_PORT");
      }
      const host = options.host ?? "localhost";
      if (listener !== undefined) this.once("connect", listener);
      this.connecting = true;
      const { connect } = nano.part("module_cloudflare_sockets");
      this._open(connect({ hostname: host, port }, { __proto__: null, secureTransport: this._transport(), allowHalfOpen: true }), host, port);
      return this;
    }

    // What TLS sockets have otherwise.
    _transport() {
      return "starttls";
    }

    _open(socket, host, port) {
      this.#socket = socket;
      this.#host = host;
      this.#port = port;
      this.#reader = socket.readable.getReader();
      this.#writer = socket.writable.getWriter();
      const ignore = () => undefined;
      PromisePrototypeThen(this.#reader.closed, ignore, ignore);
      PromisePrototypeThen(this.#writer.closed, ignore, ignore);
      PromisePrototypeThen(socket.opened, (info) => {
        if (this.destroyed || this.#socket !== socket) return;
        this.connecting = false;
        this.#touch();
        this.#release(null);
        ObjectDefineProperty(this, "_addresses", { __proto__: null, value: info, writable: true, configurable: true });
        this.emit("connect");
        this._opened();
        this.emit("ready");
        if (this.#wanted) this._read();
      }, (error) => {
        if (this.#socket === socket) this.destroy(failed(error, host, port));
      });
    }

    _opened() {}

    #hold(go, callback) {
      this.#held = (error) => (error === null ? go() : callback(error));
    }

    #release(error) {
      const held = this.#held;
      this.#held = null;
      if (held !== null) held(error);
    }

    // Gives the connection to a TLS socket.
    _upgrade(servername) {
      const socket = this.#socket;
      if (socket === undefined) throw withCode(new Error("The socket is not connected"), "ERR_SOCKET_CLOSED");
      this.#reader.releaseLock();
      this.#writer.releaseLock();
      this.#socket = undefined;
      try {
        return [socket.startTls(servername === undefined ? undefined : { __proto__: null, expectedServerHostname: servername }), this.#host, this.#port];
      } catch (error) {
        const ignore = () => undefined;
        PromisePrototypeThen(socket.close(), ignore, ignore);
        throw error;
      }
    }

    #touch() {
      if (this.#timeout === 0) return;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.emit("timeout"), this.#timeout);
    }

    _read() {
      this.#wanted = true;
      if (this.#isReading || this.connecting || this.#socket === undefined) return;
      const socket = this.#socket;
      this.#isReading = true;
      PromisePrototypeThen(this.#reader.read(), ({ value, done }) => {
        this.#isReading = false;
        if (this.#socket !== socket) return;
        if (done) {
          this.push(null);
          return;
        }
        this.#wanted = false;
        this.bytesRead += TypedArrayPrototypeGetByteLength(value);
        this.#touch();
        if (this.push(asBuffer(value))) this._read();
      }, (error) => {
        this.#isReading = false;
        if (this.#socket === socket) this.destroy(reset(error));
      });
    }

    _write(chunk, encoding, callback) {
      if (this.connecting) {
        this.#hold(() => this._write(chunk, encoding, callback), callback);
        return;
      }
      if (this.#socket === undefined) {
        callback(withCode(new Error("This socket has been ended by the other party"), "EPIPE"));
        return;
      }
      this.#touch();
      // What is given away is a copy: the memory may be part of a larger Buffer.
      PromisePrototypeThen(this.#writer.write(new Uint8Array(chunk)), () => {
        this.bytesWritten += TypedArrayPrototypeGetByteLength(chunk);
        callback();
      }, (error) => callback(reset(error)));
    }

    _final(callback) {
      if (this.connecting) {
        this.#hold(() => this._final(callback), callback);
        return;
      }
      if (this.#socket === undefined) {
        callback();
        return;
      }
      PromisePrototypeThen(this.#writer.close(), () => callback(), () => callback());
    }

    _destroy(error, callback) {
      clearTimeout(this.#timer);
      this.connecting = false;
      const socket = this.#socket;
      this.#socket = undefined;
      const closed = () => {
        callback(error);
        // After "error", and what could not be written after that, as in Node.
        nano.queueMicrotask(() => this.emit("close", error !== null));
        if (this.#held !== null) nano.queueMicrotask(() => this.#release(neverConnected()));
      };
      if (socket === undefined) closed();
      else PromisePrototypeThen(socket.close(), closed, closed);
    }

    destroySoon() {
      if (this.writable) this.end();
      if (this.writableFinished) this.destroy();
      else this.once("finish", this.destroy);
    }

    resetAndDestroy() {
      return this.destroy();
    }

    setTimeout(milliseconds, callback) {
      clearTimeout(this.#timer);
      this.#timeout = Number(milliseconds) || 0;
      if (callback !== undefined) {
        validateFunction(callback, "callback");
        if (this.#timeout === 0) this.removeListener("timeout", callback);
        else this.once("timeout", callback);
      }
      this.#touch();
      return this;
    }

    get timeout() {
      return this.#timeout;
    }

    setNoDelay() {
      return this;
    }

    setKeepAlive() {
      return this;
    }

    ref() {
      return this;
    }

    unref() {
      return this;
    }

    address() {
      return this.#socket === undefined ? {} : { address: "0.0.0.0", family: "IPv4", port: 0 };
    }

    get pending() {
      return this.#socket === undefined || this.connecting;
    }

    get readyState() {
      if (this.connecting) return "opening";
      if (this.#socket === undefined) return "closed";
      return this.readable && this.writable ? "open" : this.readable ? "readOnly" : this.writable ? "writeOnly" : "closed";
    }

    get remoteAddress() {
      return this.#socket === undefined ? undefined : this.#host;
    }

    get remotePort() {
      return this.#socket === undefined ? undefined : this.#port;
    }

    get remoteFamily() {
      return this.#socket === undefined ? undefined : isIPv6(this.#host) ? "IPv6" : "IPv4";
    }

    get bufferSize() {
      return this.writableLength;
    }
  }

  const connect = (...args) => {
    const { options, listener } = normalize(args);
    if (args.length === 0) throw invalidArgType("options", "of type number, string or object", args[0]);
    const socket = new Socket(options);
    if (options.timeout) socket.setTimeout(options.timeout);
    return socket.connect(options, listener);
  };

  return asModule({
    Socket,
    Stream: Socket,
    _normalizeArgs: (args) => [normalize(args).options, normalize(args).listener],
    connect,
    createConnection: connect,
    isIP: (text) => (isIPv4(text) ? 4 : isIPv6(text) ? 6 : 0),
    isIPv4,
    isIPv6,
    BlockList: absent("net", "BlockList"),
    BoundSocket: absent("net", "BoundSocket"),
    Server: absent("net", "Server"),
    SocketAddress: absent("net", "SocketAddress"),
    createServer: absent("net", "createServer"),
    getDefaultAutoSelectFamily: () => false,
    getDefaultAutoSelectFamilyAttemptTimeout: () => 250,
    setDefaultAutoSelectFamily: () => undefined,
    setDefaultAutoSelectFamilyAttemptTimeout: () => undefined,
  });
};
