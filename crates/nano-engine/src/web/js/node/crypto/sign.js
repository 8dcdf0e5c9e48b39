"use strict";
// node:crypto: signatures, RSA's encryption, and secrets that two keys share.
(nano) => {
  const { Error, TypedArrayPrototypeGetLength, TypeError, Uint8Array, Uint8ArraySubarray } = nano.primordials;
  const { invalidArgType, invalidArgValue, outOfRange, validateFunction, validateString, withCode } = nano.part("node/errors");
  const { asBuffer, bytesArgument, checked, digestOf, inEncoding, later, natives, PIECE_BYTES, unsupported } = nano.part("node/crypto/common");
  const { add, digest } = nano.part("node/crypto/hash");
  const der = nano.part("node/crypto/der");
  const keys = nano.part("node/crypto/keys");
  const { isObject } = nano.webidl;

  const PKCS1 = 1, OAEP = 4, PSS = 6;
  const SALT_DIGEST = -1, SALT_ANY = -2;
  const fieldBytes = { __proto__: null, "P-256": 32, "P-384": 48, "P-521": 66 };

  const optionsOf = (key) => (isObject(key) && !keys.isKeyObject(key) ? key : { __proto__: null });
  const checkEncoding = ({ dsaEncoding }) => {
    if (dsaEncoding !== undefined && dsaEncoding !== "der" && dsaEncoding !== "ieee-p1363") throw invalidArgValue("options.dsaEncoding", dsaEncoding);
  };

  // How a key signs: the engine's name of it, and the length of its salt, null for the longest or for any.
  const schemeOf = (key, options, found) => {
    const { kind } = keys.slotsOf(key);
    if (kind === "Ed25519") return { __proto__: null, name: "Ed25519", salt: 0 };
    if (fieldBytes[kind] !== undefined) return { __proto__: null, name: "ECDSA", salt: 0, half: fieldBytes[kind], isRaw: options.dsaEncoding === "ieee-p1363" };
    if (kind !== "RSA") throw withCode(new TypeError("this key does not sign"), "ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE");
    if ((options.padding ?? PKCS1) === PKCS1) {
      if (found[0] === "RIPEMD-160") throw unsupported("signature of PKCS#1 v1.5 with RIPEMD-160");
      return { __proto__: null, name: "RSASSA-PKCS1-v1_5", salt: 0 };
    }
    if (options.padding !== PSS) throw unsupported("padding");
    const asked = options.saltLength ?? SALT_ANY;
    return { __proto__: null, name: "RSA-PSS", salt: asked === SALT_ANY ? null : asked === SALT_DIGEST ? found[2] : asked };
  };

  // What is signed, for a kind of key: an entry of the table of digests, and what that digest gives of the data, hashed in pieces. Ed25519
  // takes the data itself.
  const messageOf = (algorithm, data) => (kind) => {
    if (kind === "Ed25519") return { __proto__: null, found: undefined, bytes: data };
    if (algorithm !== null && algorithm !== undefined) validateString(algorithm, "algorithm");
    const found = digestOf(algorithm ?? "sha256");
    if (found === undefined) throw withCode(new Error("Invalid digest"), "ERR_CRYPTO_INVALID_DIGEST");
    return { __proto__: null, found, bytes: digest(found[0], [data]) };
  };

  const signBytes = (given, take) => {
    const key = keys.keyFrom(given, "private");
    const { handle, kind, type } = keys.slotsOf(key);
    if (type !== "private") throw withCode(new TypeError("Invalid key object type public, expected private."), "ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE");
    const options = optionsOf(given);
    checkEncoding(options);
    const { found, bytes } = take(kind);
    const scheme = schemeOf(key, options, found);
    const signature = new Uint8Array(checked(natives.sign(scheme.name, handle, bytes, found?.[0], scheme.salt, true)));
    return asBuffer(scheme.half !== undefined && !scheme.isRaw ? der.toSequence(signature) : signature);
  };

  const verifyBytes = (given, signature, take) => {
    let key = keys.keyFrom(given, "public");
    if (keys.slotsOf(key).type === "private") key = keys.publicOf(key);
    const { handle, kind } = keys.slotsOf(key);
    const options = optionsOf(given);
    checkEncoding(options);
    const { found, bytes } = take(kind);
    const scheme = schemeOf(key, options, found);
    const plain = scheme.half !== undefined && !scheme.isRaw ? der.fromSequence(signature, scheme.half) : signature;
    if (plain === undefined) return false;
    return checked(natives.verify(scheme.name, handle, bytes, found?.[0], scheme.salt, plain, true)) === true;
  };

  const usedUp = () => withCode(new Error("Not initialised"), "ERR_CRYPTO_INVALID_STATE");

  // What has been written, for one signature over all of it: its digest. (Writable streams in Node; here they have write() and end().)
  class Signing {
    #found;
    #hasher;

    constructor(algorithm) {
      validateString(algorithm, "algorithm");
      this.#found = digestOf(algorithm);
      if (this.#found === undefined) throw withCode(new Error(`Invalid digest: ${algorithm}`), "ERR_CRYPTO_INVALID_DIGEST");
      this.#hasher = natives.hasherNew(this.#found[0]);
    }

    update(data, encoding) {
      if (this.#hasher === undefined) throw usedUp();
      add(this.#hasher, bytesArgument(data, "data", encoding));
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

    // As `messageOf` has it.
    static message(signing) {
      return (kind) => {
        const hasher = signing.#hasher;
        if (hasher === undefined) throw usedUp();
        if (kind === "Ed25519") throw withCode(new Error("Unsupported crypto operation"), "ERR_CRYPTO_UNSUPPORTED_OPERATION");
        signing.#hasher = undefined;
        const bytes = new Uint8Array(natives.hasherFinish(hasher));
        return { __proto__: null, found: signing.#found, bytes };
      };
    }
  }

  class Sign extends Signing {
    constructor(algorithm) {
      super(algorithm);
    }

    sign(key, encoding) {
      return inEncoding(signBytes(key, Signing.message(this)), encoding);
    }
  }

  class Verify extends Signing {
    constructor(algorithm) {
      super(algorithm);
    }

    verify(key, signature, encoding) {
      return verifyBytes(key, bytesArgument(signature, "signature", encoding), Signing.message(this));
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
    const { oaepHash = "sha1", oaepLabel } = options;
    validateString(oaepHash, "key.oaepHash");
    const found = digestOf(oaepHash);
    if (found === undefined) throw withCode(new Error("Invalid digest used"), "ERR_OSSL_EVP_INVALID_DIGEST");
    const label = oaepLabel === undefined ? new Uint8Array(0) : bytesArgument(oaepLabel, "key.oaepLabel");
    const labelLength = TypedArrayPrototypeGetLength(label);
    if (labelLength > PIECE_BYTES) throw outOfRange("key.oaepLabel", `at most ${PIECE_BYTES} bytes long`, labelLength);
    const data = bytesArgument(buffer, "buffer", options.encoding);
    const result = natives.cipher(isDecryption, "RSA-OAEP", keys.slotsOf(key).handle, data, found[0], label, true);
    return asBuffer(new Uint8Array(checked(result, "ERR_OSSL_RSA_OAEP_DECODING_ERROR")));
  };

  const agree = (privateKey, publicKey) => {
    const mine = keys.slotsOf(privateKey);
    const theirs = keys.slotsOf(publicKey.type === "private" ? keys.publicOf(publicKey) : publicKey);
    return asBuffer(new Uint8Array(checked(natives.derive(mine.kind === "X25519" ? "X25519" : "ECDH", mine.handle, undefined, theirs.handle))));
  };

  const pointForms = { __proto__: null, compressed: 2, uncompressed: 4, hybrid: 6 };

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

    generateKeys(encoding, format) {
      this.#pair = checked(natives.generate(this.#kind, 0));
      return inEncoding(this.#point(format), encoding);
    }

    getPublicKey(encoding, format) {
      return inEncoding(this.#point(format), encoding);
    }

    // The public key in one of the forms of SEC 1, 2.3.3, and X9.62's that has both.
    #point(format) {
      const form = pointForms[format || "uncompressed"];
      if (form === undefined) throw withCode(new TypeError(`Invalid ECDH format: ${format}`), "ERR_CRYPTO_ECDH_INVALID_FORMAT");
      const point = new Uint8Array(checked(natives.exportKey(this.#need()[1], "raw")));
      const field = fieldBytes[this.#kind];
      if (form !== 4) point[0] = form + (point[2 * field] & 1);
      return form === 2 ? new Uint8Array(Uint8ArraySubarray(point, 0, 1 + field)) : point;
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
    sign: (algorithm, data, key, callback) => maybeLater(callback, () => signBytes(key, messageOf(algorithm, bytesArgument(data, "data")))),
    verify: (algorithm, data, key, signature, callback) =>
      maybeLater(callback, () => {
        const message = messageOf(algorithm, bytesArgument(data, "data"));
        return verifyBytes(key, bytesArgument(signature, "signature"), message);
      }),
    publicEncrypt: rsa(false),
    privateDecrypt: rsa(true),
    diffieHellman: (options) => {
      if (!isObject(options) || !keys.isKeyObject(options.privateKey)) throw invalidArgType("options.privateKey", "an instance of KeyObject", options?.privateKey);
      if (!keys.isKeyObject(options.publicKey)) throw invalidArgType("options.publicKey", "an instance of KeyObject", options.publicKey);
      return agree(options.privateKey, options.publicKey);
    },
  };
};
