"use strict";
// What the files of node:crypto share: bytes in and out, names of digests, errors.
(nano) => {
  const {
    ArrayBufferIsView, Error, StringPrototypeIndexOf, StringPrototypeSlice, StringPrototypeToLowerCase, TypeError,
    TypedArrayPrototypeGetLength, Uint8Array, Uint8ArraySubarray,
  } = nano.primordials;
  const { invalidArgType, validateFunction, withCode } = nano.part("node/errors");
  const { find } = nano.part("node/buffer_codecs");
  const { Buffer } = nano.part("node/buffer");
  const { isAnyArrayBuffer } = nano.part("node/types");
  const { bytesOf } = nano.encoding;
  const natives = nano.ops.natives("crypto");
  const { ObjectSetPrototypeOf } = nano.primordials;

  // The digests, by their names in lower case and without "RSA-": what the engine calls them, the length of their blocks, and their own.
  const digests = {
    __proto__: null,
    md5: ["MD5", 64, 16], sha1: ["SHA-1", 64, 20], sha224: ["SHA-224", 64, 28], sha256: ["SHA-256", 64, 32], sha384: ["SHA-384", 128, 48],
    sha512: ["SHA-512", 128, 64], "sha512-224": ["SHA-512/224", 128, 28], "sha512-256": ["SHA-512/256", 128, 32], "sha3-256": ["SHA3-256", 136, 32],
    "sha3-384": ["SHA3-384", 104, 48], "sha3-512": ["SHA3-512", 72, 64], ripemd160: ["RIPEMD-160", 64, 20], rmd160: ["RIPEMD-160", 64, 20],
    "sha-1": ["SHA-1", 64, 20], "sha-256": ["SHA-256", 64, 32], "sha-384": ["SHA-384", 128, 48], "sha-512": ["SHA-512", 128, 64],
  };

  // What a native call takes in at most where an app chooses how much there is: it is stopped between two of them.
  const PIECE_BYTES = 64 * 1024;

  const inPieces = (bytes, take) => {
    const length = TypedArrayPrototypeGetLength(bytes);
    for (let at = 0; at < length; at += PIECE_BYTES) {
      take(Uint8ArraySubarray(bytes, at, at + PIECE_BYTES < length ? at + PIECE_BYTES : length));
    }
  };

  const codec = (encoding) => {
    const found = find(encoding === "buffer" ? "utf8" : encoding);
    if (found === undefined) throw withCode(new TypeError(`Unknown encoding: ${encoding}`), "ERR_UNKNOWN_ENCODING");
    return found;
  };

  const asBuffer = (bytes) => ObjectSetPrototypeOf(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes), Buffer.prototype);

  return {
    __proto__: null,
    natives,
    PIECE_BYTES,
    inPieces,
    asBuffer,
    codec,
    digestOf: (name) => {
      let key = StringPrototypeToLowerCase(name);
      if (StringPrototypeSlice(key, 0, 4) === "rsa-") key = StringPrototypeSlice(key, 4);
      return digests[key];
    },
    needDigest(name) {
      if (typeof name !== "string") throw invalidArgType("digest", "string", name);
      const found = this.digestOf(name);
      if (found === undefined) throw withCode(new TypeError(`Invalid digest: ${name}`), "ERR_CRYPTO_INVALID_DIGEST");
      return found;
    },
    digestNames: [
      "RSA-MD5", "RSA-RIPEMD160", "RSA-SHA1", "RSA-SHA224", "RSA-SHA256", "RSA-SHA384", "RSA-SHA512", "md5", "ripemd160", "sha1", "sha224",
      "sha256", "sha3-256", "sha3-384", "sha3-512", "sha384", "sha512", "sha512-224", "sha512-256",
    ],
    // Bytes of a text or of memory, not copied.
    bytesArgument: (value, name, encoding = undefined) => {
      if (typeof value === "string") return codec(encoding).encode(value);
      if (ArrayBufferIsView(value) || isAnyArrayBuffer(value)) return bytesOf(value);
      throw invalidArgType(name, "of type string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView", value);
    },
    // A result in the encoding that was asked for.
    inEncoding: (bytes, encoding) => {
      if (encoding === undefined || encoding === null || encoding === "buffer") return asBuffer(bytes);
      return codec(encoding).decode(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes));
    },
    // What an op gives that is text is the name and the message of an error.
    checked: (result, code = "ERR_CRYPTO_OPERATION_FAILED") => {
      if (typeof result !== "string") return result;
      throw withCode(new Error(StringPrototypeSlice(result, StringPrototypeIndexOf(result, "\n") + 1)), code);
    },
    // Runs `work` now, and tells a callback of it later.
    later: (callback, work) => {
      validateFunction(callback, "callback");
      let error = null;
      let value;
      try {
        value = work();
      } catch (failure) {
        error = failure;
      }
      nano.queueMicrotask(() => (error === null ? callback(null, value) : callback(error)));
    },
    unsupported: (what) => withCode(new Error(`The ${what} is not implemented`), "ERR_METHOD_NOT_IMPLEMENTED"),
  };
};
