"use strict";
// IncomingMessage: a response as a Readable. It is read from the host at the pace of whoever reads it.
(nano) => {
  const { ArrayPrototypePush, Error, ObjectHasOwn, PromisePrototypeThen, StringPrototypeToLowerCase } = nano.primordials;
  const { withCode } = nano.part("node/errors");
  const { Readable } = nano.part("node/streams/classes");
  const { asBuffer } = nano.part("node/streams/support");
  const { STATUS_CODES, put } = nano.part("node/http/common");
  const { parseFlat, responseBodyOf, responseFlatOf, responseStatusOf, responseStatusTextOf } = nano.fetch;

  const brokenOff = (cause) => withCode(cause === undefined ? new Error("aborted") : new Error("aborted", { cause }), "ECONNRESET");

  // Of these the first counts.
  const once = {
    __proto__: null, age: true, authorization: true, "content-length": true, "content-type": true, etag: true, expires: true, from: true, host: true,
    "if-modified-since": true, "if-unmodified-since": true, "last-modified": true, location: true, "max-forwards": true, "proxy-authorization": true,
    referer: true, "retry-after": true, server: true, "user-agent": true,
  };

  // A list of names and values as lists of values by name.
  const distinct = (list) => {
    const all = {};
    for (let i = 0; i + 1 < list.length; i += 2) {
      const name = StringPrototypeToLowerCase(`${list[i]}`);
      if (ObjectHasOwn(all, name)) ArrayPrototypePush(all[name], list[i + 1]);
      else put(all, name, [list[i + 1]]);
    }
    return all;
  };

  // Makes the message of an answer. Its owner, the request, is told: touched() of each piece, completed() when all has come, closed().
  let answerOf;

  class IncomingMessage extends Readable {
    // null for one that an app has made, which pushes by itself.
    #owner = null;
    #body = null;
    #isReading = false;
    #headersDistinct;
    #trailersDistinct;
    httpVersion = null;
    httpVersionMajor = null;
    httpVersionMinor = null;
    complete = false;
    aborted = false;
    upgrade = null;
    url = "";
    method = null;
    statusCode = null;
    statusMessage = null;
    headers = {};
    rawHeaders = [];
    trailers = {};
    rawTrailers = [];
    socket;
    req = undefined;

    constructor(socket = undefined) {
      super();
      this.socket = socket ?? null;
    }

    static {
      answerOf = (response, socket, joinsAll, owner) => {
        const message = new IncomingMessage(socket);
        const status = responseStatusOf(response);
        const body = responseBodyOf(response);
        message.#owner = owner;
        if (body !== null) message.#body = new (nano.part("messages").BodyReader)(body);
        message.httpVersion = "1.1";
        message.httpVersionMajor = 1;
        message.httpVersionMinor = 1;
        message.statusCode = status;
        message.statusMessage = responseStatusTextOf(response) || STATUS_CODES[status] || "";
        message.#takeHeaders(parseFlat(responseFlatOf(response)), joinsAll);
        return message;
      };
    }

    #takeHeaders(list, joinsAll) {
      const all = { __proto__: null };
      const cookies = [];
      for (let i = 0; i < list.length; i += 2) {
        const name = list[i];
        const value = list[i + 1];
        ArrayPrototypePush(this.rawHeaders, name);
        ArrayPrototypePush(this.rawHeaders, value);
        if (name === "set-cookie") ArrayPrototypePush(cookies, value);
        else if (all[name] === undefined) all[name] = value;
        else if (joinsAll || once[name] === undefined) all[name] = `${all[name]}, ${value}`;
      }
      for (const name in all) put(this.headers, name, all[name]);
      if (cookies.length > 0) put(this.headers, "set-cookie", cookies);
    }

    _read() {
      if (this.#owner === null || this.#isReading || this.complete) return;
      this.#isReading = true;
      try {
        const read = this.#body === null ? null : this.#body.read();
        if (!nano.part("messages").isPromise(read)) this.#take(read);
        else PromisePrototypeThen(read, (bytes) => this.#take(bytes), (error) => this.#broken(error));
      } catch (error) {
        // What came before is given out first.
        nano.queueMicrotask(() => this.#broken(error));
      }
    }

    // Bytes, or null at the end.
    #take(bytes) {
      this.#isReading = false;
      if (this.destroyed) return;
      if (bytes === null) {
        this.complete = true;
        this.#owner.completed();
        this.push(null);
      } else {
        this.#owner.touched();
        this.push(asBuffer(bytes));
      }
    }

    #broken(error) {
      this.destroy(brokenOff(error));
    }

    _destroy(error, callback) {
      if (!this.readableEnded || !this.complete) {
        this.aborted = true;
        this.emit("aborted");
      }
      if (this.#body !== null) this.#body.cancel(error ?? undefined);
      if (this.#owner !== null) this.#owner.closed();
      // An error that nobody listens for is no exception: the message has been "aborted".
      nano.queueMicrotask(() => callback(this.listenerCount("error") === 0 ? null : error));
    }

    setTimeout(milliseconds, callback = undefined) {
      if (callback !== undefined) this.on("timeout", callback);
      if (this.#owner !== null) this.#owner.setTimeout(milliseconds);
      else this.socket?.setTimeout?.(milliseconds);
      return this;
    }

    get headersDistinct() {
      return (this.#headersDistinct ??= distinct(this.rawHeaders));
    }

    set headersDistinct(value) {
      this.#headersDistinct = value;
    }

    get trailersDistinct() {
      return (this.#trailersDistinct ??= distinct(this.rawTrailers));
    }

    set trailersDistinct(value) {
      this.#trailersDistinct = value;
    }

    get connection() {
      return this.socket;
    }

    set connection(socket) {
      this.socket = socket;
    }
  }

  return { __proto__: null, IncomingMessage, answerOf, brokenOff };
};
