"use strict";
// node:crypto: keys as objects, in and out of them. The keys themselves are the engine's, as those of crypto.subtle are.
(nano) => {
  const {
    BigInt, ObjectDefineProperty, StringPrototypeToLowerCase, SymbolToStringTag, TypeError, Uint8Array,
  } = nano.primordials;
  const { invalidArgType, invalidArgValue, validateFunction, validateNumber, withCode } = nano.part("node/errors");
  const { asBuffer, bytesArgument, checked, inEncoding, natives, unsupported } = nano.part("node/crypto/common");
  const der = nano.part("node/crypto/der");
  const { isObject } = nano.webidl;

  const CREATE = { __proto__: null };

  const typeNames = { __proto__: null, RSA: "rsa", "P-256": "ec", "P-384": "ec", "P-521": "ec", Ed25519: "ed25519", X25519: "x25519" };
  const curveNames = { __proto__: null, "P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1" };
  const curvesByName = {
    __proto__: null,
    "p-256": "P-256", prime256v1: "P-256", secp256r1: "P-256", "p-384": "P-384", secp384r1: "P-384", "p-521": "P-521", secp521r1: "P-521",
  };
  const rsaNames = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];

  const badKey = (wanted) => withCode(new TypeError(`Invalid key object type, expected ${wanted}.`), "ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE");

  let slotsOf;
  let isKeyObject;

  class KeyObject {
    #slots;

    constructor(brand, slots) {
      if (brand !== CREATE) throw withCode(new TypeError("Illegal constructor"), "ERR_ILLEGAL_CONSTRUCTOR");
      this.#slots = slots;
    }

    static {
      slotsOf = (key) => key.#slots;
      isKeyObject = (value) => isObject(value) && #slots in value;
    }

    static from(key) {
      const { isCryptoKey, slotsOf: slotsOfCryptoKey } = nano.part("crypto_key");
      if (!isCryptoKey(key)) throw invalidArgType("key", "an instance of CryptoKey", key);
      const { type, algorithm, handle } = slotsOfCryptoKey(key);
      const name = algorithm.name;
      const kind = type === "secret" ? "secret" : (algorithm.namedCurve ?? (algorithm.modulusLength === undefined ? name : "RSA"));
      return make(type, kind, handle);
    }

    get type() {
      return this.#slots.type;
    }

    get asymmetricKeyType() {
      return typeNames[this.#slots.kind];
    }

    get asymmetricKeyDetails() {
      const { handle, kind } = this.#slots;
      if (kind === "secret") return undefined;
      if (kind !== "RSA") return curveNames[kind] === undefined ? {} : { namedCurve: curveNames[kind] };
      const info = natives.keyInfo(handle);
      const digits = new Uint8Array(info[1]);
      let exponent = BigInt(0);
      for (let i = 0; i < digits.length; i++) exponent = exponent * BigInt(256) + BigInt(digits[i]);
      return { modulusLength: info[0], publicExponent: exponent };
    }

    get symmetricKeySize() {
      return this.#slots.kind === "secret" ? natives.keyInfo(this.#slots.handle) / 8 : undefined;
    }

    equals(other) {
      if (!isKeyObject(other)) throw invalidArgType("otherKeyObject", "an instance of KeyObject", other);
      const { type, kind } = this.#slots;
      if (type !== other.#slots.type || kind !== other.#slots.kind) return false;
      const format = type === "secret" ? "raw" : type === "public" ? "spki" : "pkcs8";
      const bytesOfKey = (key) => new Uint8Array(checked(natives.exportKey(slotsOf(key).handle, format)));
      return natives.equal(bytesOfKey(this), bytesOfKey(other)) === true;
    }

    export(options = undefined) {
      return exportKey(this.#slots, options);
    }

    toCryptoKey() {
      throw unsupported("keyObject.toCryptoKey() method");
    }
  }
  ObjectDefineProperty(KeyObject.prototype, SymbolToStringTag, { __proto__: null, value: "KeyObject", configurable: true });

  const make = (type, kind, handle) => new KeyObject(CREATE, { __proto__: null, type, kind, handle });
  const load = (type, kind, format, data) => make(type, kind, checked(natives.importKey(kind, format, data, undefined), "ERR_OSSL_UNSUPPORTED"));

  const toJwk = ({ type, kind, handle }) => {
    const parts = checked(natives.exportKey(handle, "jwk"));
    if (kind === "secret") return { kty: "oct", k: parts[0] };
    const jwk = {};
    const give = (name, value) => ObjectDefineProperty(jwk, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
    if (kind === "RSA") {
      give("kty", "RSA");
      for (let i = 0; i < parts.length; i++) give(rsaNames[i], parts[i]);
      return jwk;
    }
    const isCurve = curveNames[kind] !== undefined;
    give("kty", isCurve ? "EC" : "OKP");
    give("crv", kind);
    give("x", parts[0]);
    if (isCurve) give("y", parts[1]);
    if (type === "private") give("d", parts[isCurve ? 2 : 1]);
    return jwk;
  };

  const exportKey = (slots, options) => {
    const { type, kind, handle } = slots;
    if (options?.format === "jwk") return toJwk(slots);
    if (type === "secret") return asBuffer(new Uint8Array(checked(natives.exportKey(handle, "raw"))));
    if (options?.cipher !== undefined) throw unsupported("encryption of exported keys");
    const standard = type === "public" ? "spki" : "pkcs8";
    const wanted = options?.type ?? standard;
    const whole = new Uint8Array(checked(natives.exportKey(handle, standard)));
    let bytes = whole;
    let label = type === "public" ? "PUBLIC KEY" : "PRIVATE KEY";
    if (wanted === "pkcs1" && kind === "RSA") {
      bytes = der.inner(whole, type === "private");
      label = `RSA ${label}`;
    } else if (wanted !== standard) {
      throw unsupported(`export of a key as ${wanted}`);
    }
    if (options?.format === "der") return asBuffer(new Uint8Array(bytes));
    if (options?.format !== "pem") throw invalidArgValue("options.format", options?.format);
    return der.toPem(bytes, label);
  };

  const fromJwk = (jwk, type) => {
    if (jwk.kty === "oct") return load("secret", "secret", "jwk", [jwk.k]);
    const isPrivate = type === "private";
    if (isPrivate && jwk.d === undefined) throw badKey("private");
    if (jwk.kty === "RSA") {
      return load(type, "RSA", "jwk", isPrivate ? [jwk.n, jwk.e, jwk.d, jwk.p, jwk.q, jwk.dp, jwk.dq, jwk.qi] : [jwk.n, jwk.e]);
    }
    if (jwk.kty === "EC" && curveNames[jwk.crv] !== undefined) return load(type, jwk.crv, "jwk", isPrivate ? [jwk.x, jwk.y, jwk.d] : [jwk.x, jwk.y]);
    if (jwk.kty === "OKP" && (jwk.crv === "Ed25519" || jwk.crv === "X25519")) return load(type, jwk.crv, "jwk", isPrivate ? [jwk.x, jwk.d] : [jwk.x]);
    throw withCode(new TypeError("Invalid JWK data"), "ERR_CRYPTO_INVALID_JWK");
  };

  const publicOf = (key) => {
    const { kind, handle } = slotsOf(key);
    const parts = checked(natives.exportKey(handle, "jwk"));
    const count = kind === "RSA" || curveNames[kind] !== undefined ? 2 : 1;
    const some = [];
    for (let i = 0; i < count; i++) nano.primordials.ArrayPrototypePush(some, parts[i]);
    return load("public", kind, "jwk", some);
  };

  // A key as Node's functions take it: an object of ours, or a text or bytes, or these in a table with what they are.
  const keyFrom = (value, type) => {
    if (isKeyObject(value)) return value;
    if (isObject(value) && nano.part("crypto_key").isCryptoKey(value)) return KeyObject.from(value);
    let options = { __proto__: null };
    if (isObject(value) && value.key !== undefined && !nano.primordials.ArrayBufferIsView(value)) {
      options = value;
      value = value.key;
      if (isKeyObject(value)) return value;
      if (options.format === "jwk") return fromJwk(value, type);
    }
    if (options.passphrase !== undefined && options.passphrase !== null) throw unsupported("decryption of keys with a passphrase");
    const bytes = bytesArgument(value, "key", options.encoding);
    let read;
    if (options.format === "der") {
      if (options.type === undefined) throw invalidArgValue("options.type", options.type);
      read = der.fromDer(bytes, options.type === "pkcs1" && type === "public" ? "pkcs1-public" : options.type);
    } else {
      read = der.fromPem(typeof value === "string" ? value : inEncoding(bytes, "latin1"));
    }
    return load(read.type, read.kind, read.format, read.bytes);
  };

  const createPrivateKey = (value) => {
    if (isKeyObject(value)) throw invalidArgType("key", "of type string or an instance of ArrayBuffer, Buffer, TypedArray, DataView, or Object", value);
    const key = keyFrom(value, "private");
    if (slotsOf(key).type !== "private") throw badKey("private");
    return key;
  };

  const createPublicKey = (value) => {
    const key = keyFrom(value, "public");
    if (slotsOf(key).type === "private") return publicOf(key);
    if (slotsOf(key).type !== "public") throw badKey("public");
    return key;
  };

  const createSecretKey = (value, encoding) => load("secret", "secret", "raw", bytesArgument(value, "key", encoding));

  const pairOf = (kind, result, options) => {
    const give = (type, handle, encoding) => {
      const key = make(type, kind, handle);
      return encoding === undefined ? key : exportKey(slotsOf(key), encoding);
    };
    return {
      publicKey: give("public", result[1], options?.publicKeyEncoding),
      privateKey: give("private", result[0], options?.privateKeyEncoding),
    };
  };

  const kindOfPair = (type, options) => {
    if (type === "ec") {
      const kind = curvesByName[StringPrototypeToLowerCase(`${options?.namedCurve}`)];
      if (kind === undefined) throw withCode(new TypeError("Invalid EC curve name"), "ERR_CRYPTO_INVALID_CURVE");
      return kind;
    }
    if (type === "ed25519") return "Ed25519";
    if (type === "x25519") return "X25519";
    if (type === "rsa" || type === "rsa-pss") return "RSA";
    throw invalidArgValue("type", type, "must be a supported key type");
  };

  const exponentOf = (number) => {
    const bytes = new Uint8Array(4);
    for (let i = 0; i < 4; i++) bytes[i] = (number / 2 ** (8 * (3 - i))) & 255;
    return bytes;
  };

  const generateKeyPairSync = (type, options) => {
    const kind = kindOfPair(type, options);
    if (kind === "RSA") {
      throw withCode(new nano.primordials.Error("generateKeyPairSync() makes no RSA keys, which take too long for one turn: call generateKeyPair()"), "ERR_METHOD_NOT_IMPLEMENTED");
    }
    return pairOf(kind, checked(natives.generate(kind, 0)), options);
  };

  const generateKeyPair = (type, options, callback) => {
    if (typeof options === "function") {
      callback = options;
      options = undefined;
    }
    validateFunction(callback, "callback");
    const kind = kindOfPair(type, options);
    const done = (result) => {
      const { publicKey, privateKey } = pairOf(kind, result, options);
      callback(null, publicKey, privateKey);
    };
    if (kind !== "RSA") {
      const result = checked(natives.generate(kind, 0));
      nano.queueMicrotask(() => done(result));
      return;
    }
    validateNumber(options?.modulusLength, "options.modulusLength", 512, 16384);
    const errand = checked(natives.generate("RSA", options.modulusLength, exponentOf(options.publicExponent ?? 0x10001)));
    nano.errandTo(errand, done, callback);
  };
  const promisify = nano.primordials.SymbolFor("nodejs.util.promisify.custom");
  ObjectDefineProperty(generateKeyPair, promisify, {
    __proto__: null,
    value: (type, options) =>
      new nano.primordials.Promise((resolve, reject) =>
        generateKeyPair(type, options, (error, publicKey, privateKey) => (error ? reject(error) : resolve({ publicKey, privateKey })))),
  });

  const generateKeySync = (type, options) => {
    if (type !== "hmac" && type !== "aes") throw invalidArgValue("type", type, "must be a supported key type");
    validateNumber(options?.length, "options.length", 8, 2 ** 23);
    return make("secret", "secret", checked(natives.generate("secret", options.length - (options.length % 8))));
  };

  return {
    __proto__: null,
    KeyObject,
    curveNames,
    curvesByName,
    generateKeyPair,
    generateKeyPairSync,
    generateKeySync,
    generateKey: (type, options, callback) => nano.part("node/crypto/common").later(callback, () => generateKeySync(type, options)),
    createPrivateKey,
    createPublicKey,
    createSecretKey,
    isKeyObject,
    keyFrom,
    publicOf,
    slotsOf,
    // What an HMAC or a cipher takes: a secret key, or its bytes.
    secretBytes: (value, encoding = undefined) => {
      if (isObject(value) && !isKeyObject(value) && nano.part("crypto_key").isCryptoKey(value)) value = KeyObject.from(value);
      if (!isKeyObject(value)) return bytesArgument(value, "key", encoding);
      if (slotsOf(value).type !== "secret") throw badKey("secret");
      return new Uint8Array(checked(natives.exportKey(slotsOf(value).handle, "raw")));
    },
  };
};
