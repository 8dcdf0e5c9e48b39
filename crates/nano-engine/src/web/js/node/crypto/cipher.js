"use strict";
// node:crypto: AES, piece by piece. createCipheriv() and createDecipheriv() are streams as well.
(nano) => {
  const {
    Error, NumberIsSafeInteger, ObjectDefineProperty, ReflectConstruct, RangeError, StringPrototypeToLowerCase, TypedArrayPrototypeGetLength,
    TypedArrayPrototypeSet, TypeError, Uint8Array, Uint8ArraySubarray,
  } = nano.primordials;
  const { invalidArgType, invalidArgValue, outOfRange, validateObject, validateString, withCode } = nano.part("node/errors");
  const { asBuffer, bytesArgument, checked, codec, inPieces, natives, PIECE_BYTES } = nano.part("node/crypto/common");
  const { secretBytes } = nano.part("node/crypto/keys");
  const { Transform } = nano.part("node/streams/classes");
  const { TextPieces } = nano.part("node/text_pieces");

  const TAG_BYTES = 16;
  const names = [
    "aes-128-cbc", "aes-128-ctr", "aes-128-ecb", "aes-128-gcm", "aes-192-cbc", "aes-192-ctr", "aes-192-ecb", "aes-192-gcm", "aes-256-cbc",
    "aes-256-ctr", "aes-256-ecb", "aes-256-gcm",
  ];
  const aliases = { __proto__: null, aes128: "aes-128-cbc", aes192: "aes-192-cbc", aes256: "aes-256-cbc" };
  const blockOf = (name) => (nano.primordials.StringPrototypeEndsWith(name, "cbc") || nano.primordials.StringPrototypeEndsWith(name, "ecb") ? 16 : 1);

  const find = (name) => {
    const lower = StringPrototypeToLowerCase(name);
    const real = aliases[lower] ?? lower;
    const info = natives.cipherInfo(real);
    return info === undefined ? undefined : { __proto__: null, name: real, keyBytes: info[0], ivBytes: info[1], isAuthenticated: info[2] };
  };

  // As the engine has it.
  const GCM_VECTOR_BYTES_MAX = 1024;
  const fitsVector = (info, length) => (info.isAuthenticated ? length > 0 && length <= GCM_VECTOR_BYTES_MAX : length === info.ivBytes);

  const lengthOf = (options, name) => {
    const length = options?.[name];
    if (length === undefined) return undefined;
    if (typeof length !== "number") throw invalidArgType(`options.${name}`, "number", length);
    if (!NumberIsSafeInteger(length)) throw outOfRange(`options.${name}`, "an integer", length);
    return length;
  };

  // The lengths of GCM's tags, in bytes. NIST SP 800-38D, 5.2.1.2.
  const isTagLength = (length) => length === 4 || length === 8 || (length >= 12 && length <= TAG_BYTES);
  const wrongTag = (length) => withCode(new TypeError(`Invalid authentication tag length: ${length}`), "ERR_CRYPTO_INVALID_AUTH_TAG");

  // What a cipher makes of bytes.
  const pass = (cipher, bytes) => {
    const length = TypedArrayPrototypeGetLength(bytes);
    if (length <= PIECE_BYTES) return new Uint8Array(checked(natives.cipherUpdate(cipher, bytes)));
    // A block may be left over from before.
    const out = new Uint8Array(length + TAG_BYTES);
    let used = 0;
    inPieces(bytes, (piece) => {
      const made = new Uint8Array(checked(natives.cipherUpdate(cipher, piece)));
      TypedArrayPrototypeSet(out, made, used);
      used += TypedArrayPrototypeGetLength(made);
    });
    return Uint8ArraySubarray(out, 0, used);
  };

  const wrongState = (what) => withCode(new Error(`Unsupported state or unable to ${what}`), "ERR_CRYPTO_INVALID_STATE");

  class Cipheriv extends Transform {
    #cipher;
    #info;
    #isDecryption;
    #tagBytes;
    #tag;
    #text;

    constructor(isDecryption, name, key, iv, options = undefined) {
      super(options);
      validateString(name, "cipher");
      const info = find(name);
      if (info === undefined) throw withCode(new Error("Unknown cipher"), "ERR_CRYPTO_UNKNOWN_CIPHER");
      const keyBytes = secretBytes(key);
      if (keyBytes.length !== info.keyBytes) throw withCode(new RangeError("Invalid key length"), "ERR_CRYPTO_INVALID_KEYLEN");
      const ivBytes = iv === null ? new Uint8Array(0) : bytesArgument(iv, "iv");
      if (!fitsVector(info, ivBytes.length)) throw withCode(new TypeError("Invalid initialization vector"), "ERR_CRYPTO_INVALID_IV");
      this.#tagBytes = info.isAuthenticated ? (options?.authTagLength ?? undefined) : undefined;
      if (this.#tagBytes !== undefined) {
        if (!NumberIsSafeInteger(this.#tagBytes)) throw invalidArgValue("options.authTagLength", this.#tagBytes);
        if (!isTagLength(this.#tagBytes)) throw wrongTag(this.#tagBytes);
      }
      this.#info = info;
      this.#isDecryption = isDecryption;
      this.#cipher = checked(natives.cipherNew(info.name, isDecryption, keyBytes, ivBytes), "ERR_CRYPTO_INVALID_IV");
    }

    #need(what) {
      if (this.#cipher === undefined) throw wrongState(what);
      return this.#cipher;
    }

    // What comes out, or its text: of all that has come so far, as bytes that belong together may be in two pieces.
    #give(bytes, encoding, isEnd) {
      if (!encoding || encoding === "buffer") return asBuffer(bytes);
      const wanted = codec(encoding);
      this.#text ??= new TextPieces(wanted);
      if (this.#text.name !== wanted.name) throw withCode(new Error("Cannot change encoding"), "ERR_INTERNAL_ASSERTION");
      const text = this.#text.write(bytes);
      return isEnd ? text + this.#text.end() : text;
    }

    update(data, inputEncoding, outputEncoding) {
      return this.#give(pass(this.#need("update"), bytesArgument(data, "data", inputEncoding)), outputEncoding, false);
    }

    final(outputEncoding) {
      const cipher = this.#need("finalize");
      this.#cipher = undefined;
      const isChecked = this.#info.isAuthenticated && this.#isDecryption;
      if (isChecked && this.#tag === undefined) throw wrongState("authenticate data");
      const result = checked(natives.cipherFinal(cipher, isChecked ? this.#tag : undefined), "ERR_OSSL_BAD_DECRYPT");
      if (this.#info.isAuthenticated && !this.#isDecryption) this.#tag = Uint8ArraySubarray(new Uint8Array(result[1]), 0, this.#tagBytes ?? TAG_BYTES);
      return this.#give(new Uint8Array(result[0]), outputEncoding, true);
    }

    getAuthTag() {
      if (!this.#info.isAuthenticated || this.#isDecryption || this.#tag === undefined) throw withCode(new Error("Invalid state for operation getAuthTag"), "ERR_CRYPTO_INVALID_STATE");
      return asBuffer(new Uint8Array(this.#tag));
    }

    setAuthTag(tag, encoding) {
      if (!this.#info.isAuthenticated || !this.#isDecryption || this.#cipher === undefined || this.#tag !== undefined) throw withCode(new Error("Invalid state for operation setAuthTag"), "ERR_CRYPTO_INVALID_STATE");
      const bytes = bytesArgument(tag, "tag", encoding);
      const length = TypedArrayPrototypeGetLength(bytes);
      if (!isTagLength(length) || (this.#tagBytes ?? length) !== length) throw wrongTag(length);
      this.#tag = new Uint8Array(bytes);
      return this;
    }

    setAAD(data, options = undefined) {
      const cipher = this.#need("setAAD");
      if (!this.#info.isAuthenticated) throw withCode(new Error("Invalid state for operation setAAD"), "ERR_CRYPTO_INVALID_STATE");
      inPieces(bytesArgument(data, "buffer", options?.encoding), (piece) => checked(natives.cipherSet(cipher, undefined, piece), "ERR_CRYPTO_INVALID_STATE"));
      return this;
    }

    setAutoPadding(pad = true) {
      natives.cipherSet(this.#need("setAutoPadding"), !!pad, undefined);
      return this;
    }

    _transform(chunk, encoding, callback) {
      this.push(this.update(chunk, encoding));
      callback();
    }

    _flush(callback) {
      try {
        this.push(this.final());
      } catch (error) {
        callback(error);
        return;
      }
      callback();
    }
  }

  const named = (name, isDecryption) => {
    function Class(cipher, key, iv, options) {
      return ReflectConstruct(Cipheriv, [isDecryption, cipher, key, iv, options], new.target ?? Class);
    }
    Class.prototype = nano.primordials.ObjectCreate(Cipheriv.prototype, { __proto__: null, constructor: { __proto__: null, value: Class, writable: true, configurable: true } });
    ObjectDefineProperty(Class, "name", { __proto__: null, value: name });
    return Class;
  };
  const Cipher = named("Cipheriv", false);
  const Decipher = named("Decipheriv", true);

  return {
    __proto__: null,
    Cipheriv: Cipher,
    Decipheriv: Decipher,
    createCipheriv: (name, key, iv, options) => new Cipher(name, key, iv, options),
    createDecipheriv: (name, key, iv, options) => new Decipher(name, key, iv, options),
    getCiphers: () => nano.primordials.ArrayPrototypeSlice(names),
    getCipherInfo: (name, options = undefined) => {
      if (typeof name !== "string") throw invalidArgValue("nameOrNid", name);
      const info = find(name);
      if (info === undefined) return undefined;
      if (options !== undefined) validateObject(options, "options");
      const keyLength = lengthOf(options, "keyLength") ?? info.keyBytes;
      const ivLength = lengthOf(options, "ivLength") ?? info.ivBytes;
      if (keyLength !== info.keyBytes || !fitsVector(info, ivLength)) return undefined;
      const result = { mode: nano.primordials.StringPrototypeSlice(info.name, 8), name: info.name, keyLength: info.keyBytes };
      if (blockOf(info.name) > 1) result.blockSize = blockOf(info.name);
      if (ivLength > 0) result.ivLength = ivLength;
      return result;
    },
  };
};
