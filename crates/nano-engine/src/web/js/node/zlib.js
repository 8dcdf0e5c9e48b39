"use strict";
// node:zlib: https://nodejs.org/api/zlib.html, by the codecs of CompressionStream. How hard they try is theirs to say: levels and windows are
// taken and make no difference to what can be read.
(nano) => {
  const {
    ArrayPrototypePush, Error, ObjectDefineProperty, ObjectHasOwn, ObjectKeys, ObjectSetPrototypeOf, RangeError, ReflectConstruct,
    TypedArrayPrototypeSet, Uint32Array, Uint8Array, Uint8ArraySubarray,
  } = nano.primordials;
  const { asModule, invalidArgType, validateFunction, withCode } = nano.part("node/errors");
  const { asBuffer, bytesArgument } = nano.part("node/crypto/common");
  const { shown, zlib: constants } = nano.part("node/numbers");
  const { ops } = nano;

  const PIECE_BYTES = 64 * 1024;
  const GZIP_FIRST = 0x1f;

  // What went wrong, as Node says it.
  const failure = (error) => {
    if (error instanceof RangeError) return error;
    const made = withCode(new Error(error.message), "Z_DATA_ERROR");
    ObjectDefineProperty(made, "errno", { __proto__: null, value: -3, writable: true, enumerable: true, configurable: true });
    return made;
  };

  const tooLarge = (max) => withCode(new RangeError(`Cannot create a Buffer larger than ${max} bytes`), "ERR_BUFFER_TOO_LARGE");

  // All that a codec gives for a piece, or for the end of them, to `take`.
  const feed = (codec, bytes, take) => {
    if (bytes === undefined) ops.codecWrite(codec);
    else ops.codecWrite(codec, bytes);
    for (;;) {
      const piece = ops.codecRead(codec);
      if (piece === undefined) return;
      if (piece.length > 0) take(piece);
      if (ops.codecIdle(codec)) return;
    }
  };

  // What reads either, by the first byte.
  const formatOf = (format, bytes) => (format !== "unzip" ? format : bytes[0] === GZIP_FIRST ? "gzip" : "deflate");

  const whole = (format, isDecompression, data, options) => {
    const bytes = bytesArgument(data, "buffer");
    const max = options?.maxOutputLength ?? Infinity;
    const codec = ops.codecNew(formatOf(format, bytes), isDecompression);
    const pieces = [];
    let length = 0;
    const take = (piece) => {
      length += piece.length;
      if (length > max) throw tooLarge(max);
      ArrayPrototypePush(pieces, piece);
    };
    try {
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        feed(codec, Uint8ArraySubarray(bytes, at, at + PIECE_BYTES < bytes.length ? at + PIECE_BYTES : bytes.length), take);
      }
      feed(codec, undefined, take);
    } catch (error) {
      if (length > max) throw error;
      const made = failure(error);
      if (bytes.length === 0 || made.message === "unexpected end") made.code = "Z_BUF_ERROR";
      throw made;
    } finally {
      ops.release(codec);
    }
    if (pieces.length === 1) return asBuffer(pieces[0]);
    const all = new Uint8Array(length);
    let at = 0;
    for (let i = 0; i < pieces.length; i++) {
      TypedArrayPrototypeSet(all, pieces[i], at);
      at += pieces[i].length;
    }
    return asBuffer(all);
  };

  let Base;
  // The classes are streams, which whoever calls the functions alone need not load.
  const base = () => {
    if (Base !== undefined) return Base;
    const { Transform } = nano.part("node/streams/classes");
    Base = class ZlibBase extends Transform {
      #codec;
      #format;
      #isDecompression;
      #written = 0;

      constructor(format, isDecompression, options = undefined) {
        super({ autoDestroy: true, ...options });
        this.#format = format;
        this.#isDecompression = isDecompression;
        if (format !== "unzip") this.#codec = ops.codecNew(format, isDecompression);
      }

      get bytesWritten() {
        return this.#written;
      }

      #run(bytes, callback) {
        try {
          feed(this.#codec, bytes, (piece) => this.push(asBuffer(piece)));
        } catch (error) {
          callback(failure(error));
          return;
        }
        callback();
      }

      _transform(chunk, encoding, callback) {
        const bytes = bytesArgument(chunk, "chunk", encoding);
        this.#written += bytes.length;
        if (bytes.length === 0) {
          callback();
          return;
        }
        this.#codec ??= ops.codecNew(formatOf(this.#format, bytes), this.#isDecompression);
        this.#run(bytes, callback);
      }

      _flush(callback) {
        if (this.#codec === undefined) callback();
        else this.#run(undefined, callback);
      }

      // What is written is given out when the codec gives it: there is nothing to hurry.
      flush(kind, callback) {
        if (typeof kind === "function") callback = kind;
        if (callback) nano.queueMicrotask(() => callback());
      }

      params(level, strategy, callback) {
        if (callback) nano.queueMicrotask(() => callback(null));
      }

      close(callback) {
        if (callback) this.once("close", callback);
        this.destroy();
      }

      reset() {
        this.#codec = this.#format === "unzip" ? undefined : ops.codecNew(this.#format, this.#isDecompression);
      }
    };
    return Base;
  };

  const members = { __proto__: null };

  const give = (name, format, isDecompression, functionName) => {
    const make = (options, target = Class) => {
      if (!ObjectHasOwn(Class, "made")) {
        ObjectDefineProperty(Class, "made", { __proto__: null, value: true });
        ObjectSetPrototypeOf(Class.prototype, base().prototype);
        ObjectSetPrototypeOf(Class, base());
      }
      return ReflectConstruct(base(), [format, isDecompression, options], target);
    };
    function Class(options) {
      return make(options, new.target ?? Class);
    }
    ObjectDefineProperty(Class, "name", { __proto__: null, value: name });
    members[name] = Class;
    members[`create${name}`] = (options) => make(options);
    const sync = (data, options) => whole(format, isDecompression, data, options);
    members[`${functionName}Sync`] = sync;
    members[functionName] = (data, options, callback) => {
      if (typeof options === "function") {
        callback = options;
        options = undefined;
      }
      validateFunction(callback, "callback");
      nano.part("node/crypto/common").later(callback, () => sync(data, options));
    };
    ObjectDefineProperty(members[functionName], "name", { __proto__: null, value: functionName });
  };
  give("Gzip", "gzip", false, "gzip");
  give("Gunzip", "gzip", true, "gunzip");
  give("Deflate", "deflate", false, "deflate");
  give("Inflate", "deflate", true, "inflate");
  give("DeflateRaw", "deflate-raw", false, "deflateRaw");
  give("InflateRaw", "deflate-raw", true, "inflateRaw");
  give("Unzip", "unzip", true, "unzip");
  give("BrotliCompress", "brotli", false, "brotliCompress");
  give("BrotliDecompress", "brotli", true, "brotliDecompress");

  // https://www.rfc-editor.org/rfc/rfc1952#section-8
  let crcTable;
  members.crc32 = (data, value = 0) => {
    if (typeof data !== "string" && !nano.primordials.ArrayBufferIsView(data)) throw invalidArgType("data", "of type string or an instance of Buffer, TypedArray, or DataView", data);
    const bytes = bytesArgument(data, "data");
    if (crcTable === undefined) {
      crcTable = new Uint32Array(256);
      for (let i = 0; i < 256; i++) {
        let entry = i;
        for (let bit = 0; bit < 8; bit++) entry = entry & 1 ? (entry >>> 1) ^ 0xedb88320 : entry >>> 1;
        crcTable[i] = entry;
      }
    }
    let crc = ~value;
    for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ crcTable[(crc ^ bytes[i]) & 255];
    return ~crc >>> 0;
  };
  members.constants = shown(constants);
  members.codes = shown({
    __proto__: null, Z_OK: 0, Z_STREAM_END: 1, Z_NEED_DICT: 2, Z_ERRNO: -1, Z_STREAM_ERROR: -2, Z_DATA_ERROR: -3, Z_MEM_ERROR: -4, Z_BUF_ERROR: -5,
    Z_VERSION_ERROR: -6,
  });
  // Node has those of zlib itself beside the functions, too.
  const names = ObjectKeys(constants);
  for (let i = 0; i < names.length; i++) if (names[i][0] === "Z") members[names[i]] = constants[names[i]];
  return asModule(members);
};
