"use strict";
// FileReader and ProgressEvent, which are older than Blob.text(): libraries that run in browsers as well use them.
// Specifications: https://w3c.github.io/FileAPI/#APIASynch, https://xhr.spec.whatwg.org/#interface-progressevent
(nano) => {
  const { TypeError, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength } = nano.primordials;
  const { DOMException, ops } = nano;
  const { Event, EventTarget, defineHandler, dispatchTrusted, hasListener } = nano.events;
  const { configureInterface, converters, defineConstants, dictionary, requiredArguments } = nano.webidl;
  const { createDecoder } = nano.encoding;
  const { blobData, isBlob, typeOf } = nano.part("blob");
  const { queueTask } = nano.part("tasks");

  const progressEventInit = dictionary("ProgressEventInit", [
    { key: "lengthComputable", converter: converters.boolean, defaultValue: false },
    { key: "loaded", converter: converters.double, defaultValue: 0 },
    { key: "total", converter: converters.double, defaultValue: 0 },
  ]);

  class ProgressEvent extends Event {
    #init;

    constructor(type, init = undefined) {
      const prefix = "Failed to construct 'ProgressEvent'";
      requiredArguments(arguments.length, 1, prefix);
      super(type, init);
      this.#init = progressEventInit(init, prefix, "parameter 2");
    }

    get lengthComputable() {
      return this.#init.lengthComputable;
    }

    get loaded() {
      return this.#init.loaded;
    }

    get total() {
      return this.#init.total;
    }
  }
  configureInterface(ProgressEvent);

  const EMPTY = 0;
  const LOADING = 1;
  const DONE = 2;

  // https://encoding.spec.whatwg.org/#bom-sniff
  const sniff = (bytes) => {
    const length = TypedArrayPrototypeGetByteLength(bytes);
    if (length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return "utf-8";
    if (length >= 2 && bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
    if (length >= 2 && bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
    return undefined;
  };

  // https://w3c.github.io/FileAPI/#blob-package-data
  const packageText = (data, type, label) => {
    const bytes = data.bytes();
    let name = label === undefined ? undefined : ops.encodingName(label);
    if (name === undefined) {
      const charset = ops.mimeExtract(`content-type\n${type}`)?.[3];
      name = charset === undefined || charset === null ? undefined : ops.encodingName(charset);
    }
    return createDecoder(sniff(bytes) ?? name ?? "utf-8", undefined, "FileReader").decode(bytes, false);
  };

  const binaryString = (data) => (data.size === 0 ? "" : ops.blobBinary(data.resource, data.start, data.start + data.size));

  const packageUrl = (data, type) =>
    `data:${type === "" ? "application/octet-stream" : type};base64,${ops.base64Encode(binaryString(data))}`;

  class FileReader extends EventTarget {
    #state = EMPTY;
    #result = null;
    #error = null;
    // Which read is going on: tasks of one that was aborted find another number.
    #read = 0;

    constructor() {
      super();
    }

    readAsArrayBuffer(blob) {
      this.#start("readAsArrayBuffer", arguments, (data) => TypedArrayPrototypeGetBuffer(data.bytes()));
    }

    readAsBinaryString(blob) {
      this.#start("readAsBinaryString", arguments, binaryString);
    }

    readAsText(blob, encoding = undefined) {
      this.#state;
      if (encoding !== undefined) {
        encoding = converters.DOMString(encoding, "Failed to execute 'readAsText' on 'FileReader'", "parameter 2");
      }
      this.#start("readAsText", arguments, (data, type) => packageText(data, type, encoding));
    }

    readAsDataURL(blob) {
      this.#start("readAsDataURL", arguments, packageUrl);
    }

    // https://w3c.github.io/FileAPI/#dfn-abort
    abort() {
      if (this.#state !== LOADING) {
        this.#result = null;
        return;
      }
      this.#state = DONE;
      this.#result = null;
      this.#read++;
      this.#fire("abort", 0, 0);
      if (this.#state !== LOADING) this.#fire("loadend", 0, 0);
    }

    get readyState() {
      return this.#state;
    }

    get result() {
      return this.#result;
    }

    get error() {
      return this.#error;
    }

    // https://w3c.github.io/FileAPI/#readOperation
    #start(operation, args, convert) {
      const prefix = `Failed to execute '${operation}' on 'FileReader'`;
      requiredArguments(args.length, 1, prefix);
      const blob = args[0];
      if (!isBlob(blob)) throw new TypeError(`${prefix}: parameter 1 is not of type 'Blob'.`);
      if (this.#state === LOADING) throw new DOMException(`${prefix}: the reader is busy.`, "InvalidStateError");
      this.#state = LOADING;
      this.#result = null;
      this.#error = null;
      const read = ++this.#read;
      const data = blobData(blob);
      const type = typeOf(blob);
      const { size } = data;
      const later = (steps) => queueTask(() => {
        if (this.#read === read) steps();
      });
      later(() => this.#fire("loadstart", 0, size));
      if (size > 0) later(() => this.#fire("progress", size, size));
      later(() => {
        this.#state = DONE;
        let end = "load";
        try {
          this.#result = convert(data, type);
        } catch {
          // There is no memory for the result.
          this.#error = new DOMException("The blob could not be read.", "NotReadableError");
          end = "error";
        }
        this.#fire(end, size, size);
      });
      // A task of its own, so that what the listeners of load have promised happens before. After another read there is none.
      later(() => this.#fire("loadend", size, size));
    }

    #fire(type, loaded, total) {
      if (!hasListener(this, type)) return;
      dispatchTrusted(this, new ProgressEvent(type, { __proto__: null, lengthComputable: total > 0, loaded, total }));
    }
  }
  const handlers = ["loadstart", "progress", "load", "abort", "error", "loadend"];
  for (let i = 0; i < handlers.length; i++) defineHandler(FileReader.prototype, handlers[i]);
  configureInterface(FileReader);
  defineConstants(FileReader, { __proto__: null, EMPTY, LOADING, DONE });

  return { __proto__: null, FileReader, ProgressEvent };
};
