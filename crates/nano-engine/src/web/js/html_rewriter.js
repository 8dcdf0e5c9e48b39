"use strict";
// HTMLRewriter: a part.
// Specification: https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/
//
// The native half finds what handlers want and keeps the document in order; here one handler after another is called with the token
// whose turn it is, and waited for if it returns a promise. The result is a stream that does nothing unless it is read.
(nano) => {
  const {
    ArrayPrototypePush, IteratorPrototype, MathFloor, MathMax, MathMin, ObjectSetPrototypeOf, ReflectApply, SafeMap, SafeWeakMap,
    SymbolIterator, TypeError, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset,
    Uint8Array,
  } = nano.primordials;
  const { ops, fetch } = nano;
  const { configureInterface, converters, dictionary, isObject, requiredArguments } = nano.webidl;
  const { Response, headersFromFlat, isResponse, isUnusable, responseBodyOf, responseFlatOf, responseStatusOf, responseStatusTextOf } = fetch;
  const {
    createReadableByteStream, isReadableStream, readableByteStreamControllerClose, readableByteStreamControllerEnqueue,
  } = nano.streams;
  const { BodyReader, headerValue, isPromise, withoutHeader } = nano.part("messages");

  const native = ops.htmlRewriter;

  // The commands of the native half.
  const CHECK = 0;
  const CREATE = 1;
  const WRITE = 2;
  const STEP = 3;
  const OUTPUT = 4;
  const READ = 5;
  const CHANGE = 6;
  const INSERT = 7;
  const CONTENT = 8;
  const ON_END_TAG = 9;
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

  // Tokens

  // Given to the constructor of a token by the platform alone.
  const key = { __proto__: null };

  const toOptions = dictionary("ContentOptions", [{ key: "html", converter: converters.boolean, defaultValue: false }]);

  // The Rewriting of each token that is valid.
  const rewritings = new SafeWeakMap();

  const rewritingOf = (token) => {
    const rewriting = rewritings.get(token);
    if (rewriting === undefined) {
      throw new TypeError(
        "This content token is no longer valid. Content tokens are only valid during the execution of the relevant content handler.",
      );
    }
    return rewriting;
  };

  const requireKey = (secret) => {
    if (secret !== key) throw new TypeError("Illegal constructor");
  };

  const read = (token, what, name = undefined) => native(READ, rewritingOf(token).handle, what, name);

  const change = (token, what, a = undefined, b = undefined) => {
    native(CHANGE, rewritingOf(token).handle, what, a, b);
    return token;
  };

  // Arguments are converted first: that may run the app's code, and the token may be gone after it.
  const insert = (token, place, name, count, content, options) => {
    const prefix = `Failed to execute '${name}'`;
    requiredArguments(count, 1, prefix);
    if (!isReadableStream(content) && !isResponse(content)) content = converters.USVString(content, prefix, "parameter 1");
    const { html } = toOptions(options, prefix, "parameter 2");
    const rewriting = rewritingOf(token);
    if (typeof content !== "string") content = rewriting.adopt(content, html, prefix);
    native(INSERT, rewriting.handle, place, content, html);
    return token;
  };

  const text = (value, prefix) => converters.USVString(value, prefix, "the value");

  const namedArgument = (name, count, required, value, position = 1) => {
    const prefix = `Failed to execute '${name}'`;
    requiredArguments(count, required, prefix);
    return converters.USVString(value, prefix, `parameter ${position}`);
  };

  class AttributesIterator {
    #token;
    #list;
    #index = 0;

    constructor(secret, token, list) {
      requireKey(secret);
      this.#token = token;
      this.#list = list;
    }

    next() {
      const index = this.#index;
      rewritingOf(this.#token);
      if (index >= this.#list.length) return { value: undefined, done: true };
      this.#index = index + 2;
      return { value: [this.#list[index], this.#list[index + 1]], done: false };
    }

    [SymbolIterator]() {
      return this;
    }
  }
  ObjectSetPrototypeOf(AttributesIterator.prototype, IteratorPrototype);
  configureInterface(AttributesIterator);

  class Element {
    constructor(secret) {
      requireKey(secret);
    }

    get tagName() {
      return read(this, 0);
    }

    set tagName(value) {
      change(this, 0, text(value, "Failed to set 'tagName'"));
    }

    get attributes() {
      return new AttributesIterator(key, this, read(this, 4));
    }

    get removed() {
      return read(this, 1);
    }

    get namespaceURI() {
      return read(this, 2);
    }

    getAttribute(name) {
      return read(this, 3, namedArgument("getAttribute", arguments.length, 1, name));
    }

    hasAttribute(name) {
      return read(this, 3, namedArgument("hasAttribute", arguments.length, 1, name)) !== null;
    }

    setAttribute(name, value) {
      name = namedArgument("setAttribute", arguments.length, 2, name);
      value = namedArgument("setAttribute", arguments.length, 2, value, 2);
      return change(this, 1, name, value);
    }

    removeAttribute(name) {
      return change(this, 2, namedArgument("removeAttribute", arguments.length, 1, name));
    }

    before(content, options = undefined) {
      return insert(this, 0, "before", arguments.length, content, options);
    }

    after(content, options = undefined) {
      return insert(this, 1, "after", arguments.length, content, options);
    }

    replace(content, options = undefined) {
      return insert(this, 2, "replace", arguments.length, content, options);
    }

    prepend(content, options = undefined) {
      return insert(this, 3, "prepend", arguments.length, content, options);
    }

    append(content, options = undefined) {
      return insert(this, 4, "append", arguments.length, content, options);
    }

    setInnerContent(content, options = undefined) {
      return insert(this, 5, "setInnerContent", arguments.length, content, options);
    }

    remove() {
      return change(this, 3);
    }

    removeAndKeepContent() {
      return change(this, 4);
    }

    onEndTag(handler) {
      const prefix = "Failed to execute 'onEndTag'";
      requiredArguments(arguments.length, 1, prefix);
      converters.Function(handler, prefix, "parameter 1");
      const rewriting = rewritingOf(this);
      const element = native(ON_END_TAG, rewriting.handle);
      if (element === undefined) throw new TypeError("Parser error: No end tag.");
      rewriting.endHandlers.set(element, handler);
    }
  }

  // What comments, texts and end tags have in common is written out: Web IDL gives each its own.
  class Text {
    constructor(secret) {
      requireKey(secret);
    }

    get text() {
      return read(this, 5);
    }

    get lastInTextNode() {
      return read(this, 6);
    }

    get removed() {
      return read(this, 1);
    }

    before(content, options = undefined) {
      return insert(this, 0, "before", arguments.length, content, options);
    }

    after(content, options = undefined) {
      return insert(this, 1, "after", arguments.length, content, options);
    }

    replace(content, options = undefined) {
      return insert(this, 2, "replace", arguments.length, content, options);
    }

    remove() {
      return change(this, 3);
    }
  }

  class Comment {
    constructor(secret) {
      requireKey(secret);
    }

    get text() {
      return read(this, 5);
    }

    set text(value) {
      change(this, 5, text(value, "Failed to set 'text'"));
    }

    get removed() {
      return read(this, 1);
    }

    before(content, options = undefined) {
      return insert(this, 0, "before", arguments.length, content, options);
    }

    after(content, options = undefined) {
      return insert(this, 1, "after", arguments.length, content, options);
    }

    replace(content, options = undefined) {
      return insert(this, 2, "replace", arguments.length, content, options);
    }

    remove() {
      return change(this, 3);
    }
  }

  class Doctype {
    constructor(secret) {
      requireKey(secret);
    }

    get name() {
      return read(this, 0);
    }

    get publicId() {
      return read(this, 7);
    }

    get systemId() {
      return read(this, 8);
    }
  }

  class EndTag {
    constructor(secret) {
      requireKey(secret);
    }

    get name() {
      return read(this, 0);
    }

    set name(value) {
      change(this, 0, text(value, "Failed to set 'name'"));
    }

    before(content, options = undefined) {
      return insert(this, 0, "before", arguments.length, content, options);
    }

    after(content, options = undefined) {
      return insert(this, 1, "after", arguments.length, content, options);
    }

    remove() {
      return change(this, 3);
    }
  }

  class DocumentEnd {
    constructor(secret) {
      requireKey(secret);
    }

    append(content, options = undefined) {
      return insert(this, 4, "append", arguments.length, content, options);
    }
  }

  const classes = [undefined, undefined, undefined, Element, Text, Comment, Doctype, EndTag, DocumentEnd];
  for (let i = 3; i < classes.length; i++) configureInterface(classes[i]);

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
        body = fetch.extractBody(content, prefix);
      }
      const id = this.nextContent++;
      this.contents.set(id, { __proto__: null, reader: body === null ? null : new BodyReader(body), html });
      return id;
    }

    // The algorithm of the result's stream: goes on until there is something to read.
    async pull(controller) {
      try {
        this.handle ??= this.create();
        for (;;) {
          const step = native(STEP, this.handle);
          const kind = step % 16;
          if (kind >= 3) {
            const waiting = this.call(kind, (step - kind) / 16);
            if (waiting !== undefined) {
              // What is in front of the token need not wait with it.
              await this.flush(controller);
              const failed = await waiting;
              if (failed !== undefined) throw failed.error;
            }
          } else if (kind === TAKE_OUTPUT) {
            if (await this.flush(controller)) return;
          } else if (kind === DONE) {
            this.finish();
            readableByteStreamControllerClose(controller);
            return;
          } else {
            if (this.chunk === null) {
              const read = this.reader.read();
              this.chunk = isPromise(read) ? await read : read;
            }
            if (!this.over) this.feed();
          }
          if (this.over) return;
        }
      } catch (error) {
        this.cancel(error);
        throw error;
      }
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

    // Calls a handler; undefined if it is done, else a promise of undefined or of an object with its error.
    call(kind, number) {
      let handler;
      if (kind === END_TAG) {
        handler = { __proto__: null, self: undefined, callback: this.endHandlers.get(number) };
        this.endHandlers.delete(number);
      } else {
        handler = this.handlers[number];
      }
      const token = new classes[kind](key);
      rewritings.set(token, this);
      let waits = false;
      try {
        const result = ReflectApply(handler.callback, handler.self, [token]);
        waits = isObject(result);
        return waits ? settle(token, result) : undefined;
      } finally {
        if (!waits) rewritings.delete(token);
      }
    }

    // Hands over what there is; whether that was anything.
    async flush(controller) {
      let any = false;
      while (!this.over) {
        const part = native(OUTPUT, this.handle);
        if (part === undefined) break;
        if (typeof part !== "number") {
          readableByteStreamControllerEnqueue(controller, part);
          any = true;
        } else if (await this.insertContent(controller, part)) {
          any = true;
        }
      }
      return any;
    }

    // Writes what a stream gives, which goes here.
    async insertContent(controller, id) {
      const { reader, html } = this.contents.get(id);
      let any = false;
      if (reader !== null) {
        for (;;) {
          const read = reader.read();
          const bytes = isPromise(read) ? await read : read;
          if (this.over) return any;
          const encoded = native(CONTENT, this.handle, bytes, html);
          if (encoded !== undefined) {
            readableByteStreamControllerEnqueue(controller, encoded);
            any = true;
          }
          if (bytes === null) break;
        }
      }
      this.contents.delete(id);
      return any;
    }

    finish() {
      this.over = true;
      if (this.handle !== null) ops.release(this.handle);
      this.contents.forEach(({ reader }) => {
        if (reader !== null) reader.cancel(undefined);
      });
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
      rewritings.delete(token);
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
