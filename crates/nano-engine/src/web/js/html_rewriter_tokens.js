"use strict";
// What HTMLRewriter shows its handlers: elements, texts, comments and the like. Each is a view of the token whose turn it is in the
// native half, and of nothing once its handler is done: nano.part("html_rewriter_tokens").
// Specification: https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/
(nano) => {
  const { IteratorPrototype, ObjectSetPrototypeOf, SymbolIterator, TypeError } = nano.primordials;
  const native = nano.ops.natives("messages").htmlRewriter;
  const { isResponse } = nano.fetch;
  const { isReadableStream } = nano.streams;
  const { configureInterface, converters, dictionary, isObject, requiredArguments } = nano.webidl;

  // The commands of the native half.
  const READ = 5;
  const CHANGE = 6;
  const INSERT = 7;
  const ON_END_TAG = 9;

  // Given to the constructor of a token by the platform alone.
  const key = { __proto__: null };

  const toOptions = dictionary("ContentOptions", [{ key: "html", converter: converters.boolean, defaultValue: false }]);

  // What its constructor returns is what a class that extends it puts its private fields on.
  class Given {
    constructor(object) {
      return object;
    }
  }

  // The Rewriting of a token, as long as that is valid: a private field on tokens of every class. A weak map would take longer, to hash
  // each of them and to be collected.
  class Held extends Given {
    #rewriting;

    constructor(token, rewriting) {
      super(token);
      this.#rewriting = rewriting;
    }

    static of(token) {
      return isObject(token) && #rewriting in token ? token.#rewriting : undefined;
    }

    static release(token) {
      token.#rewriting = undefined;
    }
  }

  const rewritingOf = (token) => {
    const rewriting = Held.of(token);
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

  // By the number of their kind.
  const classes = [undefined, undefined, undefined, Element, Text, Comment, Doctype, EndTag, DocumentEnd];
  for (let i = 3; i < classes.length; i++) configureInterface(classes[i]);

  // The token of a kind, valid until it is closed.
  const openToken = (kind, rewriting) => {
    const token = new classes[kind](key);
    new Held(token, rewriting);
    return token;
  };

  const closeToken = (token) => Held.release(token);

  return { __proto__: null, closeToken, openToken };
};
