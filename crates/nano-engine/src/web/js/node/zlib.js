"use strict";
// node:zlib: https://nodejs.org/api/zlib.html, by the codecs of CompressionStream. How hard they try is theirs to say: levels and windows are
// taken and make no difference to what can be read.
(nano) => {
  const {
    ArrayPrototypePush, Error, ObjectDefineProperty, ObjectHasOwn, ObjectKeys, ObjectSetPrototypeOf, RangeError, ReflectConstruct,
    TypedArrayPrototypeGetByteLength, TypedArrayPrototypeSet, Uint32Array, Uint8Array, Uint8ArraySubarray,
  } = nano.primordials;
  const { asModule, invalidArgType, validateFunction, withCode } = nano.part("node/errors");
  const { asBuffer, bytesArgument } = nano.part("node/crypto/common");
  const { shown, zlib: constants } = nano.part("node/numbers");
  const { ops } = nano;

  const PIECE_BYTES = 64 * 1024;
  const GZIP_FIRST = 0x1f;

  // What went wrong, as Node says it.
  const failed = (message, code, errno) => {
    const made = withCode(new Error(message), code);
    ObjectDefineProperty(made, "errno", { __proto__: null, value: errno, writable: true, enumerable: true, configurable: true });
    return made;
  };
  const failure = (error) => (error instanceof RangeError || ObjectHasOwn(error, "code") ? error : failed(error.message, "Z_DATA_ERROR", -3));
  const cutShort = () => failed("unexpected end of file", "Z_BUF_ERROR", -5);

  const tooLarge = (max) => withCode(new RangeError(`Cannot create a Buffer larger than ${max} bytes`), "ERR_BUFFER_TOO_LARGE");

  // Whether the data has to be whole at its end.
  const isStrict = (format, options) => {
    const last = options?.finishFlush;
    return last === undefined || last === null || last === (format === "brotli" ? constants.BROTLI_OPERATION_FINISH : constants.Z_FINISH);
  };

  // The end of what a codec is given. A decompressor has given out all it can, and has nothing to do.
  const finish = (codec, isDecompression, strict) => {
    if (!isDecompression) {
      if (strict) ops.codecWrite(codec);
      else ops.codecFlush(codec);
    } else if (strict && (codec === undefined || !ops.codecEnded(codec))) {
      throw cutShort();
    }
  };

  // What reads either, by the first byte.
  const formatOf = (format, bytes) => (format !== "unzip" ? format : bytes[0] === GZIP_FIRST ? "gzip" : "deflate");

  const whole = (format, isDecompression, data, options) => {
    const bytes = bytesArgument(data, "buffer");
    const max = options?.maxOutputLength ?? Infinity;
    const codec = ops.codecNew(formatOf(format, bytes), isDecompression, true);
    const pieces = [];
    let length = 0;
    const drain = () => {
      while (!ops.codecIdle(codec)) {
        const piece = ops.codecRead(codec);
        if (piece === undefined) return;
        length += TypedArrayPrototypeGetByteLength(piece);
        if (length > max) throw tooLarge(max);
        ArrayPrototypePush(pieces, piece);
      }
    };
    try {
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        ops.codecWrite(codec, Uint8ArraySubarray(bytes, at, at + PIECE_BYTES < bytes.length ? at + PIECE_BYTES : bytes.length));
        drain();
      }
      finish(codec, isDecompression, isStrict(format, options));
      drain();
    } catch (error) {
      throw failure(error);
    } finally {
      ops.release(codec);
    }
    if (pieces.length === 1) return asBuffer(pieces[0]);
    const all = new Uint8Array(length);
    let at = 0;
    for (let i = 0; i < pieces.length; i++) {
      TypedArrayPrototypeSet(all, pieces[i], at);
      at += TypedArrayPrototypeGetByteLength(pieces[i]);
    }
    return asBuffer(all);
  };

  // Written to a stream, it stands for a flush.
  const FLUSH = asBuffer(new Uint8Array(0));

  let Base;
  // The classes are streams, which whoever calls the functions alone need not load.
  const base = () => {
    if (Base !== undefined) return Base;
    const { Transform } = nano.part("node/streams/classes");
    Base = class ZlibBase extends Transform {
      #codec;
      #format;
      #isDecompression;
      #isStrict;
      #flushesEach;
      #written = 0;
      // What is called when the codec has given out all it has; until then somebody has to read first, or it is at work.
      #done = null;
      #waits = false;

      constructor(format, isDecompression, options = undefined) {
        super({ __proto__: null, autoDestroy: true, ...options });
        this.#format = format;
        this.#isDecompression = isDecompression;
        this.#isStrict = isStrict(format, options);
        this.#flushesEach = !isDecompression && options?.flush > 0;
        if (format !== "unzip") this.#codec = ops.codecNew(format, isDecompression, true);
      }

      get bytesWritten() {
        return this.#written;
      }

      // Has the codec do something, and gives out what comes of it.
      #run(work, callback) {
        this.#done = callback;
        try {
          work();
        } catch (error) {
          this.#end(failure(error));
          return;
        }
        this.#advance();
      }

      // Not before the call that began it has returned, as in Node: the end of a stream that nobody reads may be part of that.
      #end(error) {
        const done = this.#done;
        this.#done = null;
        if (done !== null) nano.queueMicrotask(() => done(error));
      }

      // As far as somebody reads.
      #advance() {
        while (this.#codec !== undefined && !ops.codecIdle(this.#codec)) {
          let piece;
          try {
            piece = ops.codecRead(this.#codec);
          } catch (error) {
            this.#end(failure(error));
            return;
          }
          if (piece === undefined) break;
          if (TypedArrayPrototypeGetByteLength(piece) === 0 || this.push(asBuffer(piece))) continue;
          if (this.#codec === undefined || ops.codecIdle(this.#codec)) break;
          this.#waits = true;
          return;
        }
        this.#end();
      }

      _read(size) {
        if (!this.#waits) {
          super._read(size);
          return;
        }
        this.#waits = false;
        this.#advance();
      }

      _transform(chunk, encoding, callback) {
        if (chunk === FLUSH) {
          if (this.#codec === undefined || this.#isDecompression) callback();
          else this.#run(() => ops.codecFlush(this.#codec), callback);
          return;
        }
        const bytes = bytesArgument(chunk, "chunk", encoding);
        this.#written += TypedArrayPrototypeGetByteLength(bytes);
        if (TypedArrayPrototypeGetByteLength(bytes) === 0) {
          callback();
          return;
        }
        this.#codec ??= ops.codecNew(formatOf(this.#format, bytes), this.#isDecompression, true);
        const written = this.#flushesEach ? (error) => (error || this.destroyed ? callback(error) : this._transform(FLUSH, "buffer", callback)) : callback;
        this.#run(() => ops.codecWrite(this.#codec, bytes), written);
      }

      // All is written: "finish" does not wait for what the end brings, which is _flush()'s.
      _final(callback) {
        callback();
      }

      _flush(callback) {
        const run = () => {
          if (this.destroyed) return;
          this.#run(() => finish(this.#codec, this.#isDecompression, this.#isStrict), (error) => {
            this.#release();
            if (!this.destroyed) callback(error);
          });
        };
        // "finish" is the next but one.
        nano.queueMicrotask(() => nano.queueMicrotask(run));
      }

      #release() {
        const codec = this.#codec;
        this.#codec = undefined;
        if (codec !== undefined) ops.release(codec);
      }

      _destroy(error, callback) {
        this.#release();
        this.#waits = false;
        this.#done = null;
        callback(error);
      }

      // What was written before it comes out, in its turn.
      flush(kind, callback = undefined) {
        if (typeof kind === "function") callback = kind;
        if (this.writableFinished) {
          if (callback) nano.queueMicrotask(() => callback());
        } else if (this.writableEnded) {
          if (callback) this.once("end", callback);
        } else {
          this.write(FLUSH, callback);
        }
      }

      params(level, strategy, callback) {
        if (callback) nano.queueMicrotask(() => callback(null));
      }

      close(callback) {
        if (callback) this.once("close", callback);
        this.destroy();
      }

      reset() {
        this.#release();
        if (this.#format !== "unzip") this.#codec = ops.codecNew(this.#format, this.#isDecompression, true);
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
