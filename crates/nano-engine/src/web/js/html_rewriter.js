"use strict";
// HTMLRewriter: a part.
// Specification: https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/
//
// The native half finds what handlers want and keeps the document in order; here one handler after another is called with the token
// whose turn it is, and waited for if it returns a promise. The result is a stream that does nothing unless it is read.
(nano) => {
  const {
    ArrayPrototypePush, MathFloor, MathMax, MathMin, ObjectSetPrototypeOf, ReflectApply, SafeMap, TypeError,
    TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset, Uint8Array,
  } = nano.primordials;
  const { ops, fetch } = nano;
  const { configureInterface, converters, isObject, requiredArguments } = nano.webidl;
  const {
    Response, extractBody, headersFromFlat, isResponse, isUnusable, responseBodyOf, responseFlatOf, responseStatusOf,
    responseStatusTextOf, textBody,
  } = fetch;
  const { createReadableByteStream, readableByteStreamControllerClose, readableByteStreamControllerEnqueue } = nano.streams;
  const { BodyReader, headerValue, isPromise, withoutHeader } = nano.part("messages");
  const { closeToken, openToken } = nano.part("html_rewriter_tokens");

  const native = ops.natives("messages").htmlRewriter;

  // The commands of the native half.
  const CHECK = 0;
  const CREATE = 1;
  const WRITE = 2;
  const STEP = 3;
  const OUTPUT = 4;
  const CONTENT = 8;
  const ENCODING = 10;

  // What a step asks for.
  const TAKE_OUTPUT = 1;
  const DONE = 2;
  const END_TAG = 7;

  // So much of the document at a time, because what handlers will see of it is kept until their turn. Less if there are many selectors:
  // at their worst, each condition is looked at for each tag, and a tag may have three bytes.
  const SLICE_BYTES = 16384;
  const SLICE_BYTES_MIN = 64;
  const SLICE_WORK = 65536;

  // One document on its way through a rewriter.

  class Rewriting {
    // Makes the handle: nothing native is there before somebody reads.
    create;
    handle = null;
    reader;
    // Pairs of what `this` is to be and a function, by number.
    handlers;
    sliceBytes;
    endHandlers = new SafeMap();
    // Streams to insert, by number, until it is their turn.
    contents = new SafeMap();
    nextContent = 1;
    // The one whose turn it is.
    inserting = null;
    // A promise of the handler that has not settled.
    waiting = null;
    // Bytes that were read and not yet written, and how much of them was.
    chunk = null;
    offset = 0;
    over = false;

    constructor(create, reader, handlers, sliceBytes) {
      this.create = create;
      this.reader = reader;
      this.handlers = handlers;
      this.sliceBytes = sliceBytes;
    }

    // The number of a stream's or response's content, locked from now on.
    adopt(content, html, prefix) {
      let body;
      if (isResponse(content)) {
        body = responseBodyOf(content);
        if (isUnusable(body)) throw new TypeError(`${prefix}: the body of the response has already been used.`);
      } else {
        body = extractBody(content, prefix);
      }
      if (body === null) body = textBody("", null);
      const id = this.nextContent++;
      this.contents.set(id, { __proto__: null, reader: new BodyReader(body), html });
      return id;
    }

    // The algorithm of the result's stream: goes on until it has given something.
    async pull(controller) {
      try {
        this.handle ??= this.create();
        while (!this.over) {
          if (this.inserting !== null) {
            if (await this.insert(controller)) return;
          } else if (this.waiting !== null) {
            // What is in front of the token need not wait with it.
            if (this.give(controller)) return;
            if (this.inserting !== null) continue;
            const failed = await this.waiting;
            this.waiting = null;
            if (failed !== undefined) throw failed.error;
          } else {
            const step = native(STEP, this.handle);
            const kind = step % 16;
            if (kind >= 3) {
              this.waiting = this.call(kind, (step - kind) / 16);
            } else if (kind === TAKE_OUTPUT) {
              if (this.give(controller)) return;
            } else if (kind === DONE) {
              this.finish();
              readableByteStreamControllerClose(controller);
            } else {
              if (this.chunk === null) {
                const read = this.reader.read();
                this.chunk = isPromise(read) ? await read : read;
              }
              if (!this.over) this.feed();
            }
          }
        }
      } catch (error) {
        this.cancel(error);
        throw error;
      }
    }

    // Hands over the next part of what there is; whether that was anything. If it is a stream's turn, that comes first.
    give(controller) {
      const part = native(OUTPUT, this.handle);
      if (part === undefined) return false;
      if (typeof part === "number") {
        this.inserting = this.contents.get(part);
        this.contents.delete(part);
        return false;
      }
      readableByteStreamControllerEnqueue(controller, part);
      return true;
    }

    // Hands over the next piece of the stream whose turn it is; whether that was anything.
    async insert(controller) {
      const { reader, html } = this.inserting;
      const read = reader.read();
      const bytes = isPromise(read) ? await read : read;
      if (this.over) return false;
      if (bytes === null) this.inserting = null;
      const encoded = native(CONTENT, this.handle, bytes, html);
      if (encoded === undefined) return false;
      readableByteStreamControllerEnqueue(controller, encoded);
      return true;
    }

    // Gives the native half a piece of what was read.
    feed() {
      const { chunk, offset } = this;
      if (chunk === null) {
        native(WRITE, this.handle, null);
        return;
      }
      const left = TypedArrayPrototypeGetByteLength(chunk) - offset;
      const length = MathMin(left, this.sliceBytes);
      const at = TypedArrayPrototypeGetByteOffset(chunk) + offset;
      if (length > 0) native(WRITE, this.handle, new Uint8Array(TypedArrayPrototypeGetBuffer(chunk), at, length));
      this.offset = offset + length;
      if (length === left) {
        this.chunk = null;
        this.offset = 0;
      }
    }

    // Calls a handler; null if it is done, else a promise of undefined or of an object with its error.
    call(kind, number) {
      let handler;
      if (kind === END_TAG) {
        handler = { __proto__: null, self: undefined, callback: this.endHandlers.get(number) };
        this.endHandlers.delete(number);
      } else {
        handler = this.handlers[number];
      }
      const token = openToken(kind, this);
      let waits = false;
      try {
        const result = ReflectApply(handler.callback, handler.self, [token]);
        waits = isObject(result);
        return waits ? settle(token, result) : null;
      } finally {
        if (!waits) closeToken(token);
      }
    }

    finish() {
      this.over = true;
      if (this.handle !== null) ops.release(this.handle);
      this.contents.forEach(({ reader }) => reader.cancel(undefined));
      if (this.inserting !== null) this.inserting.reader.cancel(undefined);
    }

    // Nobody wants the rest, or there can be none.
    cancel(reason) {
      if (this.over) return;
      this.finish();
      this.reader.cancel(reason);
    }
  }
  ObjectSetPrototypeOf(Rewriting.prototype, null);

  // Waits for what a handler returned; its token is valid until then. Never fails: nobody may be looking yet.
  const settle = async (token, result) => {
    try {
      await result;
      return undefined;
    } catch (error) {
      return { __proto__: null, error };
    } finally {
      closeToken(token);
    }
  };

  const copy = (array) => {
    const copied = [];
    for (let i = 0; i < array.length; i++) ArrayPrototypePush(copied, array[i]);
    return copied;
  };

  const elementMembers = ["element", "comments", "text"];
  const documentMembers = ["doctype", "comments", "text", "end"];

  class HTMLRewriter {
    // In the form the native half takes: a selector or nothing, and the numbers of handlers.
    #on = [];
    #onDocument = [];
    #handlers = [];
    #conditions = 1;

    on(selector, handlers) {
      const prefix = "Failed to execute 'on' on 'HTMLRewriter'";
      const on = this.#on;
      requiredArguments(arguments.length, 2, prefix);
      selector = converters.USVString(selector, prefix, "parameter 1");
      const conditions = native(CHECK, selector, this.#count() + 1);
      if (typeof conditions === "string") throw new TypeError(`Parser error: ${conditions}`);
      const row = [selector, -1, -1, -1];
      this.#fill(row, 1, handlers, elementMembers, prefix);
      for (let i = 0; i < 4; i++) ArrayPrototypePush(on, row[i]);
      this.#conditions += conditions;
      return this;
    }

    onDocument(handlers) {
      const prefix = "Failed to execute 'onDocument' on 'HTMLRewriter'";
      const onDocument = this.#onDocument;
      requiredArguments(arguments.length, 1, prefix);
      native(CHECK, "*", this.#count() + 1);
      const row = [-1, -1, -1, -1];
      this.#fill(row, 0, handlers, documentMembers, prefix);
      for (let i = 0; i < 4; i++) ArrayPrototypePush(onDocument, row[i]);
      return this;
    }

    #count() {
      return (this.#on.length + this.#onDocument.length) / 4;
    }

    #fill(row, at, handlers, members, prefix) {
      if (!isObject(handlers)) throw new TypeError(`${prefix}: the handlers are not an object.`);
      for (let i = 0; i < members.length; i++) {
        const callback = handlers[members[i]];
        if (callback === undefined) continue;
        converters.Function(callback, prefix, `the handler '${members[i]}'`);
        row[at + i] = ArrayPrototypePush(this.#handlers, { __proto__: null, self: handlers, callback }) - 1;
      }
    }

    transform(response) {
      const prefix = "Failed to execute 'transform' on 'HTMLRewriter'";
      const handlers = this.#handlers;
      requiredArguments(arguments.length, 1, prefix);
      if (!isResponse(response)) throw new TypeError(`${prefix}: parameter 1 is not of type 'Response'.`);
      const body = responseBodyOf(response);
      if (body === null) return response;
      if (isUnusable(body)) throw new TypeError(`${prefix}: the body has already been used, or its stream is locked.`);
      const flat = responseFlatOf(response);
      const encoding = native(ENCODING, headerValue(flat, "content-type"));
      // Handlers that are added later are for documents that come later.
      const on = copy(this.#on);
      const onDocument = copy(this.#onDocument);
      const create = () => native(CREATE, on, onDocument, encoding);
      const sliceBytes = MathMax(SLICE_BYTES_MIN, MathMin(SLICE_BYTES, MathFloor(SLICE_WORK / this.#conditions)));
      const rewriting = new Rewriting(create, new BodyReader(body), copy(handlers), sliceBytes);
      const stream = createReadableByteStream(
        undefined, (controller) => rewriting.pull(controller), (reason) => rewriting.cancel(reason),
      );
      // The length is no longer known.
      const headers = headersFromFlat(withoutHeader(flat, "content-length"), "response");
      return new Response(stream, {
        __proto__: null, status: responseStatusOf(response), statusText: responseStatusTextOf(response), headers,
      });
    }
  }
  configureInterface(HTMLRewriter);

  return { __proto__: null, HTMLRewriter };
};
