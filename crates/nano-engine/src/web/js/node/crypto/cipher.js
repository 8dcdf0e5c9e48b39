"use strict";
// node:crypto: AES, piece by piece. createCipheriv() and createDecipheriv() are streams as well.
(nano) => {
  const { Error, ObjectDefineProperty, ReflectConstruct, RangeError, StringPrototypeToLowerCase, TypeError, Uint8Array } = nano.primordials;
  const { invalidArgValue, validateString, withCode } = nano.part("node/errors");
  const { asBuffer, bytesArgument, checked, inEncoding, natives } = nano.part("node/crypto/common");
  const { secretBytes } = nano.part("node/crypto/keys");
  const { Transform } = nano.part("node/streams/classes");

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

  const wrongState = (what) => withCode(new Error(`Unsupported state or unable to ${what}`), "ERR_CRYPTO_INVALID_STATE");

  class Cipheriv extends Transform {
    #cipher;
    #info;
    #isDecryption;
    #tagBytes;
    #tag;

    constructor(isDecryption, name, key, iv, options = undefined) {
      super(options);
      validateString(name, "cipher");
      const info = find(name);
      if (info === undefined) throw withCode(new Error("Unknown cipher"), "ERR_CRYPTO_UNKNOWN_CIPHER");
      const keyBytes = secretBytes(key);
      if (keyBytes.length !== info.keyBytes) throw withCode(new RangeError("Invalid key length"), "ERR_CRYPTO_INVALID_KEYLEN");
      const ivBytes = iv === null ? new Uint8Array(0) : bytesArgument(iv, "iv");
      const fits = info.isAuthenticated ? ivBytes.length > 0 : ivBytes.length === info.ivBytes;
      if (!fits) throw withCode(new TypeError("Invalid initialization vector"), "ERR_CRYPTO_INVALID_IV");
      this.#tagBytes = options?.authTagLength ?? TAG_BYTES;
      if (!(this.#tagBytes >= 4 && this.#tagBytes <= TAG_BYTES)) throw withCode(new TypeError(`Invalid authentication tag length: ${this.#tagBytes}`), "ERR_CRYPTO_INVALID_AUTH_TAG");
      this.#info = info;
      this.#isDecryption = isDecryption;
      this.#cipher = checked(natives.cipherNew(info.name, isDecryption, keyBytes, ivBytes), "ERR_CRYPTO_INVALID_IV");
    }

    #need(what) {
      if (this.#cipher === undefined) throw wrongState(what);
      return this.#cipher;
    }

    update(data, inputEncoding, outputEncoding) {
      const result = checked(natives.cipherUpdate(this.#need("update"), bytesArgument(data, "data", inputEncoding)));
      return inEncoding(new Uint8Array(result), outputEncoding);
    }

    final(outputEncoding) {
      const cipher = this.#need("finalize");
      this.#cipher = undefined;
      const isChecked = this.#info.isAuthenticated && this.#isDecryption;
      if (isChecked && this.#tag === undefined) throw wrongState("authenticate data");
      const result = checked(natives.cipherFinal(cipher, isChecked ? this.#tag : undefined), "ERR_OSSL_BAD_DECRYPT");
      if (this.#info.isAuthenticated && !this.#isDecryption) this.#tag = nano.primordials.Uint8ArraySubarray(new Uint8Array(result[1]), 0, this.#tagBytes);
      return inEncoding(new Uint8Array(result[0]), outputEncoding);
    }

    getAuthTag() {
      if (!this.#info.isAuthenticated || this.#isDecryption || this.#tag === undefined) throw withCode(new Error("Invalid state for operation getAuthTag"), "ERR_CRYPTO_INVALID_STATE");
      return asBuffer(new Uint8Array(this.#tag));
    }

    setAuthTag(tag, encoding) {
      if (!this.#info.isAuthenticated || !this.#isDecryption || this.#cipher === undefined) throw withCode(new Error("Invalid state for operation setAuthTag"), "ERR_CRYPTO_INVALID_STATE");
      const bytes = bytesArgument(tag, "tag", encoding);
      if (bytes.length < 4 || bytes.length > TAG_BYTES) throw withCode(new TypeError(`Invalid authentication tag length: ${bytes.length}`), "ERR_CRYPTO_INVALID_AUTH_TAG");
      this.#tag = new Uint8Array(bytes);
      return this;
    }

    setAAD(data, options = undefined) {
      checked(natives.cipherSet(this.#need("setAAD"), undefined, bytesArgument(data, "buffer", options?.encoding)), "ERR_CRYPTO_INVALID_STATE");
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
      if (options?.keyLength !== undefined && options.keyLength !== info.keyBytes) return undefined;
      const result = { mode: nano.primordials.StringPrototypeSlice(info.name, 8), name: info.name, keyLength: info.keyBytes };
      if (blockOf(info.name) > 1) result.blockSize = blockOf(info.name);
      if (info.ivBytes > 0) result.ivLength = info.ivBytes;
      return result;
    },
  };
};
