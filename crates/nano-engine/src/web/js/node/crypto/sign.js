"use strict";
// node:crypto: signatures, RSA's encryption, and secrets that two keys share.
(nano) => {
  const { Error, MathCeil, TypeError, Uint8Array } = nano.primordials;
  const { invalidArgType, validateFunction, validateString, withCode } = nano.part("node/errors");
  const { asBuffer, bytesArgument, checked, concat, digestOf, inEncoding, later, natives, unsupported } = nano.part("node/crypto/common");
  const der = nano.part("node/crypto/der");
  const keys = nano.part("node/crypto/keys");
  const { isObject } = nano.webidl;

  const PKCS1 = 1, OAEP = 4, PSS = 6;
  const SALT_DIGEST = -1, SALT_MAX = -2;
  const digestBytes = { __proto__: null, "SHA-1": 20, "SHA-224": 28, "SHA-256": 32, "SHA-384": 48, "SHA-512": 64, MD5: 16 };
  const fieldBytes = { __proto__: null, "P-256": 32, "P-384": 48, "P-521": 66 };

  const hashOf = (algorithm, kind) => {
    if (kind === "Ed25519") return undefined;
    if (algorithm === null || algorithm === undefined) return "SHA-256";
    validateString(algorithm, "algorithm");
    const found = digestOf(algorithm);
    if (found === undefined) throw withCode(new Error("Invalid digest"), "ERR_CRYPTO_INVALID_DIGEST");
    return found[0];
  };

  const optionsOf = (key) => (isObject(key) && !keys.isKeyObject(key) ? key : { __proto__: null });

  // How a key signs: the engine's name of it, and the salts that there may be.
  const schemeOf = (key, options, hash) => {
    const { kind, handle } = keys.slotsOf(key);
    if (kind === "Ed25519") return { __proto__: null, name: "Ed25519", salts: [0] };
    if (fieldBytes[kind] !== undefined) return { __proto__: null, name: "ECDSA", salts: [0], half: fieldBytes[kind], isRaw: options.dsaEncoding === "ieee-p1363" };
    if (kind !== "RSA") throw withCode(new TypeError("this key does not sign"), "ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE");
    if ((options.padding ?? PKCS1) === PKCS1) return { __proto__: null, name: "RSASSA-PKCS1-v1_5", salts: [0] };
    if (options.padding !== PSS) throw unsupported("padding");
    const size = digestBytes[hash] ?? 32;
    const longest = MathCeil((natives.keyInfo(handle)[0] - 1) / 8) - size - 2;
    const asked = options.saltLength ?? SALT_MAX;
    if (asked === SALT_DIGEST) return { __proto__: null, name: "RSA-PSS", salts: [size] };
    // Node finds out which it was; here the two that are in use are tried.
    return { __proto__: null, name: "RSA-PSS", salts: asked === SALT_MAX ? [longest, size] : [asked] };
  };

  const signBytes = (algorithm, data, given) => {
    const key = keys.keyFrom(given, "private");
    if (keys.slotsOf(key).type !== "private") throw withCode(new TypeError("Invalid key object type public, expected private."), "ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE");
    const hash = hashOf(algorithm, keys.slotsOf(key).kind);
    const scheme = schemeOf(key, optionsOf(given), hash);
    const signature = new Uint8Array(checked(natives.sign(scheme.name, keys.slotsOf(key).handle, data, hash, scheme.salts[0], true)));
    return asBuffer(scheme.half !== undefined && !scheme.isRaw ? der.toSequence(signature) : signature);
  };

  const verifyBytes = (algorithm, data, given, signature) => {
    let key = keys.keyFrom(given, "public");
    if (keys.slotsOf(key).type === "private") key = keys.publicOf(key);
    const hash = hashOf(algorithm, keys.slotsOf(key).kind);
    const scheme = schemeOf(key, optionsOf(given), hash);
    let bytes = signature;
    if (scheme.half !== undefined && !scheme.isRaw) bytes = der.fromSequence(signature, scheme.half);
    if (bytes === undefined) return false;
    for (let i = 0; i < scheme.salts.length; i++) {
      if (checked(natives.verify(scheme.name, keys.slotsOf(key).handle, data, hash, scheme.salts[i], bytes, true)) === true) return true;
    }
    return false;
  };

  // What has been written so far, for a signature over all of it. (Writable streams in Node; here they have write() and end().)
  class Signing {
    #algorithm;
    #data = new Uint8Array(0);

    constructor(algorithm) {
      validateString(algorithm, "algorithm");
      if (digestOf(algorithm) === undefined) throw withCode(new Error(`Invalid digest: ${algorithm}`), "ERR_CRYPTO_INVALID_DIGEST");
      this.#algorithm = algorithm;
    }

    update(data, encoding) {
      this.#data = concat(this.#data, bytesArgument(data, "data", encoding));
      return this;
    }

    write(data, encoding) {
      this.update(data, encoding);
      return true;
    }

    end(data, encoding) {
      if (data !== undefined && data !== null) this.update(data, encoding);
      return this;
    }

    static algorithm(signing) {
      return signing.#algorithm;
    }

    static data(signing) {
      return signing.#data;
    }
  }

  class Sign extends Signing {
    constructor(algorithm) {
      super(algorithm);
    }

    sign(key, encoding) {
      return inEncoding(signBytes(Signing.algorithm(this), Signing.data(this), key), encoding);
    }
  }

  class Verify extends Signing {
    constructor(algorithm) {
      super(algorithm);
    }

    verify(key, signature, encoding) {
      return verifyBytes(Signing.algorithm(this), Signing.data(this), key, bytesArgument(signature, "signature", encoding));
    }
  }

  const maybeLater = (callback, work) => {
    if (callback === undefined) return work();
    validateFunction(callback, "callback");
    return later(callback, work);
  };

  // RSA-OAEP, which is what Node does unless told otherwise.
  const rsa = (isDecryption) => (given, buffer) => {
    let key = keys.keyFrom(given, isDecryption ? "private" : "public");
    if (!isDecryption && keys.slotsOf(key).type === "private") key = keys.publicOf(key);
    const options = optionsOf(given);
    if ((options.padding ?? OAEP) !== OAEP) throw unsupported("padding of PKCS#1 v1.5");
    const found = digestOf(options.oaepHash ?? "sha1");
    const label = options.oaepLabel === undefined ? new Uint8Array(0) : bytesArgument(options.oaepLabel, "key.oaepLabel");
    const data = bytesArgument(buffer, "buffer", options.encoding);
    const result = natives.cipher(isDecryption, "RSA-OAEP", keys.slotsOf(key).handle, data, found?.[0] ?? "SHA-1", label, true);
    return asBuffer(new Uint8Array(checked(result, "ERR_OSSL_RSA_OAEP_DECODING_ERROR")));
  };

  const agree = (privateKey, publicKey) => {
    const mine = keys.slotsOf(privateKey);
    const theirs = keys.slotsOf(publicKey.type === "private" ? keys.publicOf(publicKey) : publicKey);
    return asBuffer(new Uint8Array(checked(natives.derive(mine.kind === "X25519" ? "X25519" : "ECDH", mine.handle, undefined, theirs.handle))));
  };

  class ECDH {
    #kind;
    #pair;

    constructor(curve) {
      validateString(curve, "curve");
      this.#kind = keys.curvesByName[curve];
      if (this.#kind === undefined) throw withCode(new TypeError("Invalid EC curve name"), "ERR_CRYPTO_INVALID_CURVE");
    }

    #need() {
      if (this.#pair === undefined) throw withCode(new Error("Failed to get ECDH public key"), "ERR_CRYPTO_ECDH_INVALID_PUBLIC_KEY");
      return this.#pair;
    }

    generateKeys(encoding) {
      this.#pair = checked(natives.generate(this.#kind, 0));
      return this.getPublicKey(encoding);
    }

    getPublicKey(encoding) {
      return inEncoding(new Uint8Array(checked(natives.exportKey(this.#need()[1], "raw"))), encoding);
    }

    getPrivateKey(encoding) {
      const { find } = nano.part("node/buffer_codecs");
      return inEncoding(find("base64url").encode(checked(natives.exportKey(this.#need()[0], "jwk"))[2]), encoding);
    }

    computeSecret(other, inputEncoding, outputEncoding) {
      const theirs = checked(natives.importKey(this.#kind, "raw", bytesArgument(other, "otherPublicKey", inputEncoding), undefined), "ERR_CRYPTO_ECDH_INVALID_PUBLIC_KEY");
      return inEncoding(new Uint8Array(checked(natives.derive("ECDH", this.#need()[0], undefined, theirs))), outputEncoding);
    }

    setPrivateKey() {
      throw unsupported("ecdh.setPrivateKey() method");
    }
  }

  return {
    __proto__: null,
    Sign,
    Verify,
    ECDH,
    createSign: (algorithm) => new Sign(algorithm),
    createVerify: (algorithm) => new Verify(algorithm),
    createECDH: (curve) => new ECDH(curve),
    sign: (algorithm, data, key, callback) => maybeLater(callback, () => signBytes(algorithm, bytesArgument(data, "data"), key)),
    verify: (algorithm, data, key, signature, callback) =>
      maybeLater(callback, () => verifyBytes(algorithm, bytesArgument(data, "data"), key, bytesArgument(signature, "signature"))),
    publicEncrypt: rsa(false),
    privateDecrypt: rsa(true),
    diffieHellman: (options) => {
      if (!isObject(options) || !keys.isKeyObject(options.privateKey)) throw invalidArgType("options.privateKey", "an instance of KeyObject", options?.privateKey);
      if (!keys.isKeyObject(options.publicKey)) throw invalidArgType("options.publicKey", "an instance of KeyObject", options.publicKey);
      return agree(options.privateKey, options.publicKey);
    },
  };
};
