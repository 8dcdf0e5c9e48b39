"use strict";
// OutgoingMessage: a Writable with the headers of what is sent.
(nano) => {
  const { ArrayIsArray, ArrayPrototypePush, Error, ObjectKeys, StringPrototypeToLowerCase } = nano.primordials;
  const { withCode } = nano.part("node/errors");
  const { Writable } = nano.part("node/streams/classes");
  const { validateHeaderName, validateHeaderValue } = nano.part("node/http/common");

  class OutgoingMessage extends Writable {
    #headers = { __proto__: null };
    headersSent = false;

    constructor(options = undefined) {
      super({ __proto__: null, highWaterMark: options?.highWaterMark, autoDestroy: options?.autoDestroy });
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

  return { __proto__: null, OutgoingMessage };
};
