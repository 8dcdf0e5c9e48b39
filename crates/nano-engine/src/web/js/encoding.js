"use strict";
// TextEncoder and TextDecoder. UTF-8, which is nearly all of it, keeps its streaming state here; the legacy encodings keep
// theirs in Rust.
// Specification: https://encoding.spec.whatwg.org/#api
(nano) => {
  const {
    ArrayBufferIsView, ArrayBufferPrototypeGetByteLength, DataViewPrototypeGetBuffer, DataViewPrototypeGetByteLength,
    DataViewPrototypeGetByteOffset, MathFloor, RangeError, TypeError, TypedArrayPrototypeGetBuffer,
    TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset, TypedArrayPrototypeGetLength,
    TypedArrayPrototypeGetSymbolToStringTag, TypedArrayPrototypeSet, Uint8Array,
  } = nano.primordials;
  const { ops } = nano;
  const { configureInterface, converters, dictionary, isArrayBuffer, requiredArguments } = nano.webidl;

  const READ_UNIT = 2 ** 26;
  const anyMemory = { __proto__: null, allowShared: true, allowResizable: true };

  class TextEncoder {
    #brand;

    constructor() {}

    get encoding() {
      this.#brand;
      return "utf-8";
    }

    encode(input = "") {
      this.#brand;
      return ops.utf8Encode(converters.DOMString(input, "Failed to execute 'encode' on 'TextEncoder'", "parameter 1"));
    }

    encodeInto(source, destination) {
      const prefix = "Failed to execute 'encodeInto' on 'TextEncoder'";
      this.#brand;
      requiredArguments(arguments.length, 2, prefix);
      source = converters.DOMString(source, prefix, "parameter 1");
      converters.ArrayBufferView(destination, prefix, "parameter 2", anyMemory);
      if (TypedArrayPrototypeGetSymbolToStringTag(destination) !== "Uint8Array") {
        throw new TypeError(`${prefix}: parameter 2 is not of type 'Uint8Array'.`);
      }
      const packed = ops.utf8EncodeInto(source, destination);
      const read = MathFloor(packed / READ_UNIT);
      return { read, written: packed - read * READ_UNIT };
    }
  }
  configureInterface(TextEncoder);

  const noBytes = new Uint8Array(0);

  // Get a copy of the bytes held by the buffer source, without the copy: nothing runs between this and the decoding.
  const bytesOf = (source) => {
    if (!ArrayBufferIsView(source)) {
      return isArrayBuffer(source) && ArrayBufferPrototypeGetByteLength(source) === 0 ? noBytes : new Uint8Array(source);
    }
    const kind = TypedArrayPrototypeGetSymbolToStringTag(source);
    if (kind === "Uint8Array") return source;
    if (kind === undefined) {
      const length = viewLength(source);
      return length === 0
        ? noBytes
        : new Uint8Array(DataViewPrototypeGetBuffer(source), DataViewPrototypeGetByteOffset(source), length);
    }
    const length = TypedArrayPrototypeGetByteLength(source);
    return length === 0
      ? noBytes
      : new Uint8Array(TypedArrayPrototypeGetBuffer(source), TypedArrayPrototypeGetByteOffset(source), length);
  };

  // The getter of DataView throws once the buffer is detached or has shrunk, where those of typed arrays say 0.
  const viewLength = (view) => {
    try {
      return DataViewPrototypeGetByteLength(view);
    } catch {
      return 0;
    }
  };

  const part = (bytes, start, end) =>
    new Uint8Array(TypedArrayPrototypeGetBuffer(bytes), TypedArrayPrototypeGetByteOffset(bytes) + start, end - start);

  const join = (head, tail) => {
    const length = TypedArrayPrototypeGetLength(head);
    const joined = new Uint8Array(length + TypedArrayPrototypeGetLength(tail));
    TypedArrayPrototypeSet(joined, head, 0);
    TypedArrayPrototypeSet(joined, tail, length);
    return joined;
  };

  // How many bytes at the end begin a UTF-8 sequence that more bytes could complete.
  // The ranges of the second byte are those of https://encoding.spec.whatwg.org/#utf-8-decoder
  const incompleteSuffix = (bytes, length) => {
    for (let back = 1; back <= 3 && back <= length; back++) {
      const lead = bytes[length - back];
      if ((lead & 0xc0) === 0x80) continue;
      const needed = lead < 0xc2 || lead > 0xf4 ? 0 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
      if (needed <= back) return 0;
      if (back === 1) return 1;
      const second = bytes[length - back + 1];
      const lower = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
      const upper = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
      return second < lower || second > upper ? 0 : back;
    }
    return 0;
  };

  // A decoder and what it remembers between two chunks of a stream.
  class Decoder {
    encoding;
    fatal;
    ignoreBom;
    // UTF-8: the bytes of an unfinished sequence, and whether the place for a byte order mark has gone by.
    rest = null;
    started = false;
    // Other encodings: the decoder in Rust, while a stream is under way.
    handle = undefined;

    constructor(encoding, fatal, ignoreBom) {
      this.encoding = encoding;
      this.fatal = fatal;
      this.ignoreBom = ignoreBom;
    }

    decode(bytes, stream) {
      const text = this.encoding === "utf-8" ? this.decodeUtf8(bytes, stream) : this.decodeLegacy(bytes, stream);
      if (text === undefined) throw new TypeError(`The encoded data was not valid ${this.encoding}`);
      return text;
    }

    decodeUtf8(bytes, stream) {
      if (this.rest !== null) bytes = join(this.rest, bytes);
      let length = TypedArrayPrototypeGetLength(bytes);
      const left = stream ? incompleteSuffix(bytes, length) : 0;
      this.rest = left > 0 ? join(noBytes, part(bytes, length - left, length)) : null;
      length -= left;
      if (left > 0) bytes = part(bytes, 0, length);
      const text = length === 0 ? "" : ops.utf8Decode(bytes, this.fatal, this.started || this.ignoreBom);
      this.started = stream && text !== undefined && (this.started || length > 0);
      if (text === undefined) this.rest = null;
      return text;
    }

    decodeLegacy(bytes, stream) {
      this.handle ??= ops.decoderNew(this.encoding, this.fatal, this.ignoreBom);
      const text = ops.decoderDecode(this.handle, bytes, stream);
      if (!stream || text === undefined) this.free();
      return text;
    }

    // The end of a stream that is given up half way.
    free() {
      if (this.handle !== undefined) ops.release(this.handle);
      this.handle = undefined;
    }
  }

  const textDecoderOptions = dictionary("TextDecoderOptions", [
    { key: "fatal", converter: converters.boolean, defaultValue: false },
    { key: "ignoreBOM", converter: converters.boolean, defaultValue: false },
  ]);

  // The constructor of TextDecoder and TextDecoderStream.
  const createDecoder = (label, options, prefix) => {
    label = converters.DOMString(label, prefix, "parameter 1");
    const { fatal, ignoreBOM } = textDecoderOptions(options, prefix, "parameter 2");
    const encoding = label === "utf-8" ? label : ops.encodingName(label);
    if (encoding === undefined || encoding === "replacement") {
      throw new RangeError(`${prefix}: the encoding label '${label}' is not known.`);
    }
    return new Decoder(encoding, fatal, ignoreBOM);
  };

  class TextDecoder {
    #decoder;

    constructor(label = "utf-8", options = undefined) {
      this.#decoder = createDecoder(label, options, "Failed to construct 'TextDecoder'");
    }

    get encoding() {
      return this.#decoder.encoding;
    }

    get fatal() {
      return this.#decoder.fatal;
    }

    get ignoreBOM() {
      return this.#decoder.ignoreBom;
    }

    decode(input = undefined, options = undefined) {
      const prefix = "Failed to execute 'decode' on 'TextDecoder'";
      const decoder = this.#decoder;
      if (input !== undefined) converters.BufferSource(input, prefix, "parameter 1", anyMemory);
      const stream = options === undefined ? false : textDecodeOptions(options, prefix, "parameter 2").stream;
      return decoder.decode(input === undefined ? noBytes : bytesOf(input), stream);
    }
  }
  configureInterface(TextDecoder);

  const textDecodeOptions = dictionary("TextDecodeOptions", [
    { key: "stream", converter: converters.boolean, defaultValue: false },
  ]);

  nano.encoding = { __proto__: null, TextDecoder, TextEncoder, anyMemory, bytesOf, createDecoder, noBytes };
  nano.expose({ TextDecoder, TextEncoder });
};
