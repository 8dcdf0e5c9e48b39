"use strict";
// The module "cloudflare:sockets": https://developers.cloudflare.com/workers/runtime-apis/tcp-sockets/
(nano) => {
  const {
    ArrayBufferIsView, Number, PromisePrototypeThen, PromiseResolve, PromiseWithResolvers, RegExpPrototypeExec, StringPrototypeEndsWith, StringPrototypeIncludes,
    StringPrototypeIndexOf, StringPrototypeSlice, TypeError, TypedArrayPrototypeGetByteLength,
  } = nano.primordials;
  const { ops } = nano;
  const { bytesOf } = nano.encoding;
  const { awaitingCredit, nativeBody, streamOf, WINDOW_BYTES } = nano.fetch;
  const { configureInterface, converters, dictionary, enumeration, illegalConstructor, isArrayBuffer, isObject } = nano.webidl;
  const {
    createReadableByteStream, createWritableStream, readableByteStreamControllerClose, readableByteStreamControllerError,
    readableStreamController, readableStreamState, writableStreamController, writableStreamDefaultControllerErrorIfNeeded,
  } = nano.streams;
  const Native = nano.part("sockets").Socket;

  const noop = () => {};

  const socketOptions = dictionary("SocketOptions", [
    { key: "allowHalfOpen", converter: converters.boolean, defaultValue: false },
    { key: "highWaterMark", converter: converters["unrestricted double"] },
    { key: "secureTransport", converter: enumeration("SecureTransport", ["off", "on", "starttls"]), defaultValue: "off" },
  ]);
  const socketAddress = dictionary("SocketAddress", [
    { key: "hostname", converter: converters.USVString },
    { key: "port", converter: converters["unrestricted double"] },
  ]);
  const tlsOptions = dictionary("TlsOptions", [{ key: "expectedServerHostname", converter: converters.USVString }]);

  // What a URL would leave out of a host, or end it by.
  const notOfHosts = /[\0-\x20"#%/<>?@\\^`{|}\x7f]/;
  const hostAndPort = /^(.*):([0-9]+)$/;
  const PORT_MAX = 65_535;

  // A host as URLs write it, and a port.
  const parseAddress = (address, prefix) => {
    let text;
    if (isObject(address)) {
      const { hostname, port } = socketAddress(address, prefix, "parameter 1");
      if (hostname === undefined || port === undefined) throw new TypeError(`${prefix}: parameter 1 has no hostname or no port.`);
      if (!(port >= 0 && port <= PORT_MAX) || port % 1 !== 0) throw new TypeError(`${prefix}: ${port} is not a port.`);
      const isBare = StringPrototypeIncludes(hostname, ":") && hostname[0] !== "[";
      text = `${isBare ? `[${hostname}]` : hostname}:${port}`;
    } else {
      text = converters.USVString(address, prefix, "parameter 1");
    }
    const match = RegExpPrototypeExec(hostAndPort, text);
    if (match === null || RegExpPrototypeExec(notOfHosts, match[1]) !== null) {
      throw new TypeError(`${prefix}: '${text}' is not a host, a colon and a port.`);
    }
    // The port that a URL leaves out is one of its own scheme.
    const parts = ops.urlParse(`https://${text}`, undefined);
    const isBare = parts !== undefined && parts[3] === "" && parts[4] === "" && parts[8] === "/" && parts[9] === "" && parts[10] === "";
    if (!isBare || (parts[7] === "" && !StringPrototypeEndsWith(text, ":443"))) {
      throw new TypeError(`${prefix}: '${text}' is not a host, a colon and a port.`);
    }
    return { __proto__: null, host: parts[6], port: parts[7] === "" ? 443 : Number(parts[7]) };
  };

  const lengthOf = (chunk) => (ArrayBufferIsView(chunk) || isArrayBuffer(chunk) ? TypedArrayPrototypeGetByteLength(bytesOf(chunk)) : 0);

  const CREATE = { __proto__: null };

  // Begins a socket: `connect` has the op that may throw.
  let begin;

  class Socket {
    #native;
    #options;
    #readable;
    #writable;
    #body = null;
    #opened = PromiseWithResolvers();
    #closed = PromiseWithResolvers();
    #isUpgraded = false;
    #isOver = false;
    // Why nothing can be written any more.
    #failure = undefined;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      this.#native = arguments[1];
      this.#options = arguments[2];
      // Whoever looks at neither need not handle them.
      PromisePrototypeThen(this.#opened.promise, undefined, noop);
      PromisePrototypeThen(this.#closed.promise, undefined, noop);
    }

    static {
      begin = (native, options, connect) => {
        const socket = new Socket(CREATE, native, options);
        socket.#begin(connect);
        return socket;
      };
    }

    #begin(connect) {
      const native = this.#native;
      native.events = {
        __proto__: null,
        opened: (addresses) => {
          const end = StringPrototypeIndexOf(addresses, "\n");
          const remoteAddress = StringPrototypeSlice(addresses, 0, end);
          this.#opened.resolve({ remoteAddress, localAddress: StringPrototypeSlice(addresses, end + 1) });
        },
        closed: () => this.#end(undefined),
        failed: (why) => this.#end(new TypeError(`The socket failed: ${why}`)),
      };
      try {
        connect();
        this.#body = nativeBody(native.id);
        this.#readable = streamOf(this.#body);
      } catch (error) {
        this.#readable = createReadableByteStream();
        readableByteStreamControllerError(readableStreamController(this.#readable), error);
        this.#failure = error;
        this.#isOver = true;
        this.#opened.reject(error);
        this.#closed.reject(error);
      }
      const { highWaterMark } = this.#options;
      this.#writable = createWritableStream(
        undefined,
        (chunk) => this.#write(chunk),
        () => {
          ops.end(native.id);
        },
        () => {
          native.close(undefined, "");
        },
        highWaterMark ?? 1,
        highWaterMark === undefined ? undefined : lengthOf,
      );
      if (this.#isOver) writableStreamDefaultControllerErrorIfNeeded(writableStreamController(this.#writable), this.#failure);
    }

    #write(chunk) {
      if (!ArrayBufferIsView(chunk) && !isArrayBuffer(chunk)) throw new TypeError("A chunk that is written to a socket is not bytes.");
      const bytes = bytesOf(chunk);
      const length = TypedArrayPrototypeGetByteLength(bytes);
      const { id } = this.#native;
      let at = 0;
      // What there is no room for as a whole stays with the app. Whether there is room for more.
      const writeOn = () => {
        let credit = 1;
        while (credit > 0 && at < length) {
          const left = length - at;
          const end = at + (left > WINDOW_BYTES ? ops.room(id, left) : left);
          credit = this.#isOver ? null : ops.write(id, bytes, at, end);
          if (credit === null) throw this.#failure ?? new TypeError("The socket is closed.");
          at = end;
        }
        return credit > 0;
      };
      if (writeOn()) return undefined;
      const { promise, resolve, reject } = PromiseWithResolvers();
      const waiting = {
        __proto__: null,
        step() {
          try {
            if (at >= length || writeOn()) resolve(undefined);
            else awaitingCredit.set(id, waiting);
          } catch (error) {
            reject(error);
          }
        },
      };
      awaitingCredit.set(id, waiting);
      return promise;
    }

    // The connection is closed, by an error or not.
    #end(error) {
      if (this.#isOver) return;
      this.#isOver = true;
      this.#failure = error;
      const why = error ?? new TypeError("The socket is closed.");
      this.#opened.reject(why);
      if (error === undefined) this.#closed.resolve(undefined);
      else this.#closed.reject(error);
      writableStreamDefaultControllerErrorIfNeeded(writableStreamController(this.#writable), why);
    }

    get readable() {
      return this.#readable;
    }

    get writable() {
      return this.#writable;
    }

    get opened() {
      return this.#opened.promise;
    }

    get closed() {
      return this.#closed.promise;
    }

    get upgraded() {
      return this.#isUpgraded;
    }

    get secureTransport() {
      return this.#options.secureTransport;
    }

    close() {
      if (!this.#isOver) {
        // What was written before has its turn first.
        PromisePrototypeThen(PromiseResolve(undefined), () => {
          if (!this.#isOver) this.#native.close(undefined, "");
        });
      }
      return this.#closed.promise;
    }

    startTls(options = undefined) {
      const prefix = "Failed to execute 'startTls' on 'Socket'";
      const { expectedServerHostname } = tlsOptions(options, prefix, "parameter 1");
      if (this.#options.secureTransport !== "starttls") {
        throw new TypeError(`${prefix}: the socket was not made with secureTransport 'starttls'.`);
      }
      if (this.#isOver || this.#isUpgraded) throw new TypeError(`${prefix}: the socket is closed, or has TLS already.`);
      if (!this.#native.startTls(expectedServerHostname)) throw new TypeError(`${prefix}: the socket is not open yet, or the name is none.`);
      // This one is over; what follows belongs to the other.
      this.#isUpgraded = true;
      this.#body.source.done = true;
      this.#body.source.waiter = null;
      if (readableStreamState(this.#readable) === "readable") readableByteStreamControllerClose(readableStreamController(this.#readable));
      const { allowHalfOpen, highWaterMark } = this.#options;
      const secured = { __proto__: null, allowHalfOpen, highWaterMark, secureTransport: "on" };
      const native = this.#native;
      const socket = begin(native, secured, noop);
      this.#end(undefined);
      return socket;
    }
  }
  configureInterface(Socket);

  const functions = {
    connect(address, options = undefined) {
      const prefix = "Failed to execute 'connect'";
      const { host, port } = parseAddress(address, prefix);
      const settings = socketOptions(options, prefix, "parameter 2");
      const native = new Native(undefined);
      return begin(native, settings, () => {
        if (typeof nano.outbound !== "number") throw new TypeError("The app may not use the network.");
        native.connect(host, port, settings.secureTransport === "on", settings.allowHalfOpen);
      });
    },
  };

  return { __proto__: null, connect: functions.connect };
};
