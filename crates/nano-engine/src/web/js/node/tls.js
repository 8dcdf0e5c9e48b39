"use strict";
// node:tls, for clients. Certificates are always verified, by the roots that the host has. https://nodejs.org/api/tls.html
(nano) => {
  const { Number, ObjectAssign } = nano.primordials;
  const { asModule, withCode } = nano.part("node/errors");
  const { Socket } = nano.part("node/net");
  const { absent } = nano.part("node/absent");
  const { isObject } = nano.webidl;

  class TLSSocket extends Socket {
    #below;
    #servername;

    constructor(below, options = undefined) {
      super(options);
      this.encrypted = true;
      this.authorized = false;
      this.authorizationError = null;
      this.alpnProtocol = false;
      this.#servername = options?.servername;
      this.#below = below;
      if (below === undefined || below === null) return;
      if (!(below instanceof Socket)) throw withCode(new nano.primordials.TypeError("TLS is only supported over sockets of node:net"), "ERR_INVALID_ARG_TYPE");
      // What is written until then waits.
      this.connecting = true;
      below.once("error", (error) => this.destroy(error));
      below.once("close", () => this.destroy());
      if (below.connecting) below.once("connect", () => this.#upgrade());
      else this.#upgrade();
    }

    #upgrade() {
      if (this.destroyed) return;
      try {
        const list = this.#below._upgrade(this.#servername || undefined);
        this._open(list[0], list[1], list[2]);
      } catch (error) {
        nano.queueMicrotask(() => this.destroy(error));
      }
    }

    // The socket below is this one's from the beginning, and ends with it.
    _destroy(error, callback) {
      const below = this.#below;
      super._destroy(error, (failed) => {
        if (below !== undefined && below !== null) below.destroy();
        callback(failed);
      });
    }

    _transport() {
      return "on";
    }

    _opened() {
      this.authorized = true;
      this.emit("secureConnect");
      this.emit("secure");
    }

    get servername() {
      return this.#servername;
    }

    getPeerCertificate() {
      return {};
    }

    getProtocol() {
      return null;
    }

    getCipher() {
      return {};
    }

    getSession() {
      return undefined;
    }

    isSessionReused() {
      return false;
    }

    setServername(name) {
      this.#servername = name;
    }

    exportKeyingMaterial() {
      throw withCode(new nano.primordials.Error("The tlsSocket.exportKeyingMaterial method is not implemented"), "ERR_METHOD_NOT_IMPLEMENTED");
    }
  }

  const connect = (...args) => {
    const last = args[args.length - 1];
    const listener = typeof last === "function" ? last : undefined;
    let options = {};
    for (let i = 0; i < args.length; i++) {
      if (isObject(args[i]) && typeof args[i] !== "function") options = ObjectAssign({ __proto__: null }, options, args[i]);
      else if (typeof args[i] === "number" || (i === 0 && typeof args[i] === "string")) options = ObjectAssign({ __proto__: null }, options, { __proto__: null, port: Number(args[i]) });
      else if (typeof args[i] === "string") options = ObjectAssign({ __proto__: null }, options, { __proto__: null, host: args[i] });
    }
    if (options.rejectUnauthorized === false) throw withCode(new nano.primordials.Error("rejectUnauthorized: false is not supported"), "ERR_METHOD_NOT_IMPLEMENTED");
    if (options.checkServerIdentity !== undefined) nano.part("node/http/agent").checkIdentity(options);
    const place = { __proto__: null, host: options.host, port: options.port };
    const isGiven = options.socket !== undefined && options.socket !== null;
    // The name to ask for and to verify is another one than the host's: the connection is made first, and has TLS put on it.
    const isNamed = !isGiven && options.servername && options.servername !== (options.host ?? "localhost");
    const socket = new TLSSocket(isNamed ? new Socket().connect(place) : options.socket, options);
    if (listener !== undefined) socket.once("secureConnect", listener);
    if (!isGiven && !isNamed) socket.connect(place);
    if (options.timeout) socket.setTimeout(options.timeout);
    return socket;
  };

  class SecureContext {
    context = {};
  }

  return asModule({
    CLIENT_RENEG_LIMIT: 3,
    CLIENT_RENEG_WINDOW: 600,
    DEFAULT_CIPHERS: "",
    DEFAULT_ECDH_CURVE: "auto",
    DEFAULT_MAX_VERSION: "TLSv1.3",
    DEFAULT_MIN_VERSION: "TLSv1.2",
    SecureContext,
    Server: absent("tls", "Server"),
    TLSSocket,
    checkServerIdentity: () => undefined,
    connect,
    convertALPNProtocols: absent("tls", "convertALPNProtocols"),
    createSecureContext: () => new SecureContext(),
    createSecurePair: absent("tls", "createSecurePair"),
    createServer: absent("tls", "createServer"),
    getCiphers: () => [],
    rootCertificates: [],
  });
};
