"use strict";
// OutgoingMessage: a Writable with the headers of what is sent.
(nano) => {
  const { ArrayIsArray, ArrayPrototypePush, Error, ObjectKeys, StringPrototypeToLowerCase } = nano.primordials;
  const { invalidArgType, unsupported, withCode } = nano.part("node/errors");
  const { Writable } = nano.part("node/streams/classes");
  const { validateHeaderName, validateHeaderValue } = nano.part("node/http/common");

  const sent = () => withCode(new Error("Cannot set headers after they are sent to the client"), "ERR_HTTP_HEADERS_SENT");

  class OutgoingMessage extends Writable {
    #headers = { __proto__: null };
    headersSent = false;

    constructor(options = undefined) {
      super({ __proto__: null, highWaterMark: options?.highWaterMark, autoDestroy: options?.autoDestroy });
    }

    setHeader(name, value) {
      if (this.headersSent) throw sent();
      validateHeaderName(name);
      const list = ArrayIsArray(value) ? value : [value];
      for (let i = 0; i < list.length; i++) validateHeaderValue(name, list[i]);
      this.#headers[StringPrototypeToLowerCase(name)] = [name, value];
      return this;
    }

    // Those of a Headers or a Map.
    setHeaders(headers) {
      if (this.headersSent) throw sent();
      if (!headers || ArrayIsArray(headers) || typeof headers.keys !== "function" || typeof headers.get !== "function") {
        throw invalidArgType("headers", "an instance of Headers or Map", headers);
      }
      const cookies = [];
      for (const pair of headers) {
        const value = pair[1];
        if (pair[0] !== "set-cookie") this.setHeader(pair[0], value);
        else if (ArrayIsArray(value)) for (let i = 0; i < value.length; i++) ArrayPrototypePush(cookies, value[i]);
        else ArrayPrototypePush(cookies, value);
      }
      if (cookies.length > 0) this.setHeader("set-cookie", cookies);
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

    addTrailers() {
      throw unsupported("addTrailers()", "requests go through fetch(), which sends no trailers; use headers");
    }

    flushHeaders() {}
  }

  return { __proto__: null, OutgoingMessage };
};
