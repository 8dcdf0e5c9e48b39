"use strict";
// For parts that take messages apart, nano.part("messages"): a body piece by piece, wherever its bytes come from, and header lists in
// their native form.
(nano) => {
  const {
    ObjectSetPrototypeOf, PromisePrototypeThen, PromiseWithResolvers, StringPrototypeIndexOf, StringPrototypeSlice, TypeError,
    TypedArrayPrototypeGetSymbolToStringTag,
  } = nano.primordials;
  const { ops } = nano;
  const { takeBody } = nano.fetch;
  const {
    acquireReadableStreamDefaultReader, readableStreamDefaultReaderCancel, readableStreamDefaultReaderRead,
  } = nano.streams;

  const noop = () => {};
  const isBytes = (value) => TypedArrayPrototypeGetSymbolToStringTag(value) === "Uint8Array";

  class BodyReader {
    // A string or bytes that are all there is; null once they have been given.
    #whole = undefined;
    #native = null;
    #reader = null;
    #deferred = null;

    // A usable body, which is the reader's from now on.
    constructor(body) {
      const { source, stream } = takeBody(body);
      if (stream !== null) this.#reader = acquireReadableStreamDefaultReader(stream);
      else if (isBytes(source) || typeof source === "string") this.#whole = source;
      // What becomes bytes only when they are wanted: a Blob's, a form's.
      else if (typeof source.pull !== "function") this.#reader = acquireReadableStreamDefaultReader(source.stream());
      else this.#native = source;
    }

    // Bytes to look at, null at the end, or a promise of either.
    read() {
      const whole = this.#whole;
      if (whole !== undefined) {
        this.#whole = null;
        return typeof whole === "string" ? ops.utf8Encode(whole) : whole;
      }
      if (this.#native !== null) {
        const bytes = this.#native.pull(this);
        if (bytes !== undefined) return bytes;
      }
      this.#deferred = PromiseWithResolvers();
      const { promise } = this.#deferred;
      if (this.#reader !== null) readableStreamDefaultReaderRead(this.#reader, this);
      return promise;
    }

    // The native body has more.
    step() {
      let bytes;
      try {
        bytes = this.#native.pull(this);
      } catch (error) {
        this.#deferred.reject(error);
        return;
      }
      if (bytes !== undefined) this.#deferred.resolve(bytes);
    }

    chunkSteps(chunk) {
      if (isBytes(chunk)) this.#deferred.resolve(chunk);
      else this.#deferred.reject(new TypeError("The stream of a body gave a chunk that is not a Uint8Array."));
    }

    closeSteps() {
      this.#deferred.resolve(null);
    }

    errorSteps(error) {
      this.#deferred.reject(error);
    }

    // Nobody wants the rest.
    cancel(reason) {
      this.#whole = null;
      if (this.#native !== null) this.#native.cancel();
      else if (this.#reader !== null) PromisePrototypeThen(readableStreamDefaultReaderCancel(this.#reader, reason), undefined, noop);
    }
  }
  ObjectSetPrototypeOf(BodyReader.prototype, null);

  // Of what a BodyReader gives, which is bytes or null otherwise.
  const isPromise = (value) => value !== null && TypedArrayPrototypeGetSymbolToStringTag(value) === undefined;

  // Calls visit(name, value, the line) for each header.
  const forEachHeader = (flat, visit) => {
    for (let at = 0; at < flat.length;) {
      const nameEnd = StringPrototypeIndexOf(flat, "\n", at);
      let end = StringPrototypeIndexOf(flat, "\n", nameEnd + 1);
      if (end < 0) end = flat.length;
      visit(StringPrototypeSlice(flat, at, nameEnd), StringPrototypeSlice(flat, nameEnd + 1, end), StringPrototypeSlice(flat, at, end));
      at = end + 1;
    }
  };

  // All values of a header; "" if there is none.
  const headerValue = (flat, wanted) => {
    let values = "";
    forEachHeader(flat, (name, value) => {
      if (name === wanted) values += values === "" ? value : `, ${value}`;
    });
    return values;
  };

  const withoutHeader = (flat, unwanted) => {
    let kept = "";
    forEachHeader(flat, (name, value, line) => {
      if (name !== unwanted) kept += kept === "" ? line : `\n${line}`;
    });
    return kept;
  };

  return { __proto__: null, BodyReader, headerValue, isPromise, withoutHeader };
};
