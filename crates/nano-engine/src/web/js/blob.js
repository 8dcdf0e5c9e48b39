"use strict";
// Blob and File.
// Specification: https://w3c.github.io/FileAPI/
//
// The bytes are a native resource that never changes; a slice is another range of the same one.
(nano) => {
  const {
    ArrayBufferIsView, DateNow, MathMax, MathMin, ObjectDefineProperty, ObjectSetPrototypeOf, PromiseReject, PromiseResolve,
    RegExpPrototypeExec, StringPrototypeToLowerCase, TypedArrayPrototypeGetBuffer, Uint8Array,
  } = nano.primordials;
  const { ops } = nano;
  const { configureInterface, converters, dictionary, enumeration, isArrayBuffer, isObject, requiredArguments, sequence } = nano.webidl;
  const { createReadableByteStream, readableByteStreamControllerClose, readableByteStreamControllerEnqueue } = nano.streams;
  const { bodyExtractors, lazyBody } = nano.fetch;

  // What a stream gives at a time.
  const CHUNK_BYTES = 65536;

  // A range of native bytes, and a source of bodies (body.js).
  class BlobData {
    resource;
    start;
    size;

    constructor(resource, start, size) {
      this.resource = resource;
      this.start = start;
      this.size = size;
    }

    bytes() {
      return this.size === 0 ? new Uint8Array() : ops.blobBytes(this.resource, this.start, this.start + this.size);
    }

    text() {
      return this.size === 0 ? "" : ops.blobText(this.resource, this.start, this.start + this.size);
    }

    slice(start, end) {
      return new BlobData(this.resource, this.start + start, end - start);
    }

    // https://w3c.github.io/FileAPI/#blob-get-stream
    stream() {
      let at = this.start;
      const end = at + this.size;
      const pull = (controller) => {
        const next = MathMin(at + CHUNK_BYTES, end);
        if (next > at) readableByteStreamControllerEnqueue(controller, ops.blobBytes(this.resource, at, next));
        at = next;
        if (at === end) readableByteStreamControllerClose(controller);
      };
      return createReadableByteStream(undefined, pull);
    }
  }
  ObjectSetPrototypeOf(BlobData.prototype, null);

  const noData = new BlobData(null, 0, 0);

  // What ops.blobNew takes, in a list that no setter of an app gets to see.
  class Pieces {
    list = ObjectSetPrototypeOf([], null);
    // The data of the only piece there is, which need not be copied then.
    only = null;

    add(piece) {
      this.list[this.list.length] = piece;
      this.only = null;
    }

    addData(data) {
      if (data.size === 0) return;
      const { list } = this;
      const isFirst = list.length === 0;
      list[list.length] = data.resource;
      list[list.length] = data.start;
      list[list.length] = data.start + data.size;
      this.only = isFirst ? data : null;
    }

    join(native = false) {
      const { list, only } = this;
      if (only !== null) return only;
      if (list.length === 0) return noData;
      const resource = ops.blobNew(list, list.length, native);
      return new BlobData(resource, 0, ops.blobSize(resource));
    }
  }

  // Takes what a body gives: a string, bytes that are the caller's own and are detached here, or lazy sources.
  const dataOf = (source) => {
    if (source instanceof BlobData) return source;
    if (typeof source === "string") {
      const pieces = new Pieces();
      pieces.add(source);
      return pieces.join();
    }
    const resource = ops.blobAdopt(source);
    return new BlobData(resource, 0, ops.blobSize(resource));
  };

  const blobPart = (value, prefix, context) => {
    if (isObject(value) && (ArrayBufferIsView(value) || isArrayBuffer(value) || isBlob(value))) return value;
    return converters.USVString(value, prefix, context);
  };
  const blobParts = sequence(blobPart);

  const endings = { key: "endings", converter: enumeration("EndingType", ["transparent", "native"]), defaultValue: "transparent" };
  const type = { key: "type", converter: converters.DOMString, defaultValue: "" };
  const lastModified = { key: "lastModified", converter: converters["long long"] };
  const blobPropertyBag = dictionary("BlobPropertyBag", [endings, type]);
  const filePropertyBag = dictionary("FilePropertyBag", [endings, type, lastModified]);

  const unprintable = /[^\x20-\x7e]/;

  const normalizeType = (text) => (RegExpPrototypeExec(unprintable, text) === null ? StringPrototypeToLowerCase(text) : "");

  // https://w3c.github.io/FileAPI/#process-blob-parts
  const processParts = (parts, native) => {
    const pieces = new Pieces();
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i];
      if (isObject(part) && isBlob(part)) pieces.addData(blobData(part));
      else pieces.add(part);
    }
    return pieces.join(native);
  };

  // The first argument of a constructor that is called from inside; no app can name it.
  const CREATE = { __proto__: null };

  let isBlob;
  let blobData;
  let typeOf;

  // A promise for what steps() gives; an operation that returns a promise reports its errors through it.
  const promiseOf = (steps) => {
    try {
      return PromiseResolve(steps());
    } catch (error) {
      return PromiseReject(error);
    }
  };

  class Blob {
    #data;
    #type;

    constructor(parts = undefined, options = undefined) {
      if (parts === CREATE) {
        this.#data = arguments[1];
        this.#type = arguments[2];
        return;
      }
      const prefix = "Failed to construct 'Blob'";
      const list = parts === undefined ? [] : blobParts(parts, prefix, "parameter 1");
      const bag = blobPropertyBag(options, prefix, "parameter 2");
      this.#data = processParts(list, bag.endings === "native");
      this.#type = normalizeType(bag.type);
    }

    get size() {
      return this.#data.size;
    }

    get type() {
      return this.#type;
    }

    // https://w3c.github.io/FileAPI/#slice-blob
    slice(start = undefined, end = undefined, contentType = undefined) {
      const prefix = "Failed to execute 'slice' on 'Blob'";
      const data = this.#data;
      const { size } = data;
      const place = (value, missing, context) => {
        if (value === undefined) return missing;
        const offset = converters["long long"](value, prefix, context, { __proto__: null, clamp: true });
        return offset < 0 ? MathMax(size + offset, 0) : MathMin(offset, size);
      };
      const from = place(start, 0, "parameter 1");
      const to = place(end, size, "parameter 2");
      const type = contentType === undefined ? "" : normalizeType(converters.DOMString(contentType, prefix, "parameter 3"));
      return new Blob(CREATE, to > from ? data.slice(from, to) : noData, type);
    }

    stream() {
      return this.#data.stream();
    }

    text() {
      return promiseOf(() => this.#data.text());
    }

    arrayBuffer() {
      return promiseOf(() => TypedArrayPrototypeGetBuffer(this.#data.bytes()));
    }

    bytes() {
      return promiseOf(() => this.#data.bytes());
    }

    static {
      isBlob = (value) => isObject(value) && #data in value;
      blobData = (blob) => blob.#data;
      typeOf = (blob) => blob.#type;
    }
  }
  configureInterface(Blob);

  let isFile;
  let fileFields;

  class File extends Blob {
    #name;
    #lastModified;

    constructor(bits, name, options = undefined) {
      if (bits === CREATE) {
        super(CREATE, name, options);
        this.#name = arguments[3];
        this.#lastModified = arguments[4];
        return;
      }
      const prefix = "Failed to construct 'File'";
      requiredArguments(arguments.length, 2, prefix);
      const list = blobParts(bits, prefix, "parameter 1");
      name = converters.USVString(name, prefix, "parameter 2");
      const bag = filePropertyBag(options, prefix, "parameter 3");
      super(CREATE, processParts(list, bag.endings === "native"), normalizeType(bag.type));
      this.#name = name;
      this.#lastModified = bag.lastModified ?? DateNow();
    }

    get name() {
      return this.#name;
    }

    get lastModified() {
      return this.#lastModified;
    }

    static {
      isFile = (value) => isObject(value) && #name in value;
      fileFields = (file) => ({ __proto__: null, name: file.#name, lastModified: file.#lastModified });
    }
  }
  configureInterface(File);

  const createBlob = (data, type) => new Blob(CREATE, data, type);
  const createFile = (data, type, name, lastModified = DateNow()) => new File(CREATE, data, type, name, lastModified);

  // https://w3c.github.io/FileAPI/#dfn-Blob, serialization steps
  nano.serializable[nano.serializable.length] = {
    is: isBlob,
    clone(blob) {
      if (!isFile(blob)) return createBlob(blobData(blob), typeOf(blob));
      const { lastModified, name } = fileFields(blob);
      return createFile(blobData(blob), typeOf(blob), name, lastModified);
    },
  };

  // https://fetch.spec.whatwg.org/#concept-bodyinit-extract
  const extractBlob = (value) => {
    if (!isBlob(value)) return undefined;
    const type = typeOf(value);
    return lazyBody(blobData(value), type === "" ? null : type);
  };
  ObjectDefineProperty(bodyExtractors, bodyExtractors.length, { __proto__: null, value: extractBlob, writable: true });

  // https://fetch.spec.whatwg.org/#dom-body-blob
  const fromBody = (source, flatHeaders) => {
    const mime = ops.mimeExtract(flatHeaders);
    return createBlob(dataOf(source), mime === undefined ? "" : mime[1]);
  };

  return {
    __proto__: null, Blob, BlobData, File, Pieces, blobData, createBlob, createFile, dataOf, fileFields, fromBody, isBlob, isFile,
    typeOf,
  };
};
