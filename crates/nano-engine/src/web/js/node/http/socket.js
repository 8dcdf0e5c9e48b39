"use strict";
// What packages find as the socket of a request, and of its answer. The connection is the host's: this stands for it, tells when nothing has
// happened for a while, and ends the request.
(nano) => {
  const { Number } = nano.primordials;
  const { unsupported, validateFunction } = nano.part("node/errors");
  const { EventEmitter } = nano.part("node/events");
  const { clearTimeout, setTimeout } = nano.timers.functions;

  // For the request: something happens; nothing more will; how long nothing may; it has ended early.
  let touch;
  let letGo;
  let allow;
  let end;

  class RequestSocket extends EventEmitter {
    // The request: end(error) destroys it, timedOut() is told first.
    #owner;
    #timeout = 0;
    #timer = undefined;
    #isLetGo = false;
    connecting = false;
    pending = false;
    readyState = "open";
    readable = true;
    writable = true;
    destroyed = false;
    encrypted = false;

    constructor(owner) {
      super();
      this.#owner = owner;
    }

    get timeout() {
      return this.#timeout;
    }

    setTimeout(milliseconds, callback = undefined) {
      const wanted = Number(milliseconds) || 0;
      if (callback !== undefined) {
        validateFunction(callback, "callback");
        if (wanted === 0) this.removeListener("timeout", callback);
        else this.once("timeout", callback);
      }
      this.#allow(wanted);
      return this;
    }

    #allow(milliseconds) {
      this.#timeout = milliseconds;
      this.#touch();
    }

    #touch() {
      clearTimeout(this.#timer);
      if (!(this.#timeout > 0) || this.#isLetGo) return;
      this.#timer = setTimeout(() => {
        this.#owner.timedOut();
        this.emit("timeout");
      }, this.#timeout);
    }

    #letGo() {
      clearTimeout(this.#timer);
      this.#isLetGo = true;
    }

    #end(error) {
      if (this.destroyed) return;
      this.#letGo();
      this.destroyed = true;
      this.readable = false;
      this.writable = false;
      this.readyState = "closed";
      const failed = error !== undefined && error !== null;
      this.#owner.end(error);
      nano.queueMicrotask(() => {
        if (failed && this.listenerCount("error") > 0) this.emit("error", error);
      });
      nano.queueMicrotask(() => this.emit("close", failed));
    }

    destroy(error = undefined) {
      this.#end(error);
      return this;
    }

    write() {
      throw unsupported("socket.write()", "the connection of a request is the host's; write to the request, or use connect() of cloudflare:sockets");
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
      return {};
    }

    static {
      touch = (socket) => socket.#touch();
      letGo = (socket) => socket.#letGo();
      allow = (socket, milliseconds) => socket.#allow(milliseconds);
      end = (socket, error) => socket.#end(error);
    }
  }

  // With the members of a TLSSocket that packages look for.
  class SecureRequestSocket extends RequestSocket {
    encrypted = true;
    authorized = true;
    authorizationError = null;

    constructor(owner) {
      super(owner);
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
  }

  return {
    __proto__: null,
    allow, end, letGo, touch,
    socketOf: (isSecure, owner) => (isSecure ? new SecureRequestSocket(owner) : new RequestSocket(owner)),
  };
};
