"use strict";
// SubtleCrypto.
// Specification: https://w3c.github.io/webcrypto/#subtlecrypto-interface
//
// What has to be copied of an app's buffers is copied by the op that works on them: nothing of the app's runs in between. Results that
// are not for an app's eyes (keys' handles) never go through a promise, whose resolution would look for a "then" on them.
(nano) => {
  const {
    ArrayBufferIsView, ArrayIsArray, ArrayPrototypeIncludes, JSONParse, JSONStringify, ObjectSetPrototypeOf, PromiseWithResolvers,
    SymbolIterator, TypeError,
  } = nano.primordials;
  const { ops } = nano;
  const {
    configureInterface, converters, enumeration, illegalConstructor, interface: interfaceType, isArrayBuffer, isObject,
    isSharedArrayBuffer, nullable, requiredArguments, sequence,
  } = nano.webidl;
  const { isCryptoKey, keyUsages, slotsOf, toPlain } = nano.part("crypto_key");
  const { algorithmIdentifier, normalize, supports } = nano.part("crypto_algorithms");
  const { natives, checked, exportKey, fail, generateKey, importKey, jsonWebKey, keyLength, okpName } = nano.part("crypto_formats");

  const CREATE = {};

  const cryptoKey = interfaceType("CryptoKey", isCryptoKey);
  const keyFormat = enumeration("KeyFormat", ["raw", "spki", "pkcs8", "jwk"]);
  const usageSequence = sequence(enumeration("KeyUsage", keyUsages));
  const nullableLength = nullable(converters["unsigned long"]);
  const { BufferSource, boolean } = converters;

  // A method's promise: what its steps throw rejects it.
  const promised = (steps) => {
    const deferred = PromiseWithResolvers();
    attempt(deferred, () => steps(deferred));
    return deferred.promise;
  };

  const attempt = (deferred, steps) => {
    try {
      steps();
    } catch (error) {
      deferred.reject(error);
    }
  };

  // Goes on with what an op gave, now or when its errand is done.
  const then = (deferred, result, next) => {
    if (typeof result === "number") nano.errandTo(result, (value) => attempt(deferred, () => next(value)), deferred.reject);
    else next(checked(result));
  };

  const isBufferSource = (value) => ArrayBufferIsView(value) || isArrayBuffer(value) || isSharedArrayBuffer(value);

  const needKey = (slots, algorithm, usage) => {
    if (slots.algorithm.name !== algorithm.name) {
      fail("InvalidAccessError", `The key is for ${slots.algorithm.name}, not for ${algorithm.name}.`);
    }
    if (!ArrayPrototypeIncludes(slots.usages, usage)) fail("InvalidAccessError", `The key's usages do not include '${usage}'.`);
  };

  // Encryption and decryption, also of wrapped keys.
  const cipher = (decrypt, algorithm, slots, data) => {
    const { name } = algorithm;
    switch (name) {
      case "AES-CBC": return natives.cipher(decrypt, name, slots.handle, data, algorithm.iv);
      case "AES-CTR": return natives.cipher(decrypt, name, slots.handle, data, algorithm.counter, algorithm.length);
      case "AES-GCM": {
        const { iv, additionalData, tagLength = 128 } = algorithm;
        return natives.cipher(decrypt, name, slots.handle, data, iv, additionalData, tagLength);
      }
      case "AES-KW": return natives.cipher(decrypt, name, slots.handle, data);
      default: {
        if (slots.type !== (decrypt ? "private" : "public")) fail("InvalidAccessError", `A ${slots.type} key cannot do this.`);
        return natives.cipher(decrypt, name, slots.handle, data, slots.algorithm.hash, algorithm.label);
      }
    }
  };

  // The parameters of a signature that its op takes after the data.
  const needSigner = (algorithm, slots, type) => {
    if (slots.type !== "secret" && slots.type !== type) fail("InvalidAccessError", `A ${slots.type} key cannot do this.`);
    return algorithm.hash ?? slots.algorithm.hash;
  };

  const deriveBits = (algorithm, slots, length) => {
    const { name } = algorithm;
    if (name === "ECDH" || name === "X25519") {
      const peer = slotsOf(algorithm.public);
      if (slots.type !== "private") fail("InvalidAccessError", "The base key is not a private key.");
      if (peer.type !== "public") fail("InvalidAccessError", "The other key is not a public key.");
      if (peer.algorithm.name !== name) fail("InvalidAccessError", `The other key is not for ${name}.`);
      if (peer.algorithm.namedCurve !== slots.algorithm.namedCurve) fail("InvalidAccessError", "The keys are on different curves.");
      return natives.derive(name, slots.handle, length ?? undefined, peer.handle);
    }
    if (length === null || length % 8 !== 0) fail("OperationError", `${name} derives a multiple of 8 bits.`);
    const { hash, salt } = algorithm;
    if (name === "HKDF") return natives.derive(name, slots.handle, length, hash, salt, algorithm.info);
    return natives.derive(name, slots.handle, length, hash, salt, algorithm.iterations);
  };

  const needExportable = (key) => {
    const { algorithm, extractable } = slotsOf(key);
    if (!supports(algorithm.name, "exportKey")) fail("NotSupportedError", `Keys for ${algorithm.name} cannot be exported.`);
    if (!extractable) fail("InvalidAccessError", "The key is not extractable.");
  };

  // An algorithm that wraps, or else one that encrypts.
  const normalizeWrap = (algorithm, operation, other, prefix) => {
    try {
      return normalize(algorithm, operation, prefix);
    } catch {
      return normalize(algorithm, other, prefix);
    }
  };

  // A key as JSON in the eyes of a realm that no app has touched.
  const stringify = (jwk) => {
    ObjectSetPrototypeOf(jwk.key_ops, null);
    return ops.utf8Encode(JSONStringify(jwk));
  };

  const listPrototype = {
    __proto__: null,
    [SymbolIterator]() {
      let index = 0;
      const next = () => {
        const done = index >= this.length;
        return { __proto__: null, done, value: done ? undefined : this[index++] };
      };
      return { __proto__: null, next };
    },
  };

  // A list from JSON, walked without the patchable iterator of arrays.
  const bare = (jwk, name) => {
    const list = jwk[name];
    if (ArrayIsArray(list)) ObjectSetPrototypeOf(list, listPrototype);
  };

  // https://w3c.github.io/webcrypto/#concept-parse-a-jwk
  const parse = (bytes, prefix) => {
    let jwk;
    try {
      jwk = JSONParse(ops.utf8Decode(bytes, false, false));
    } catch {
      // Not JSON, or too much of it: what follows says so.
    }
    if (!isObject(jwk)) fail("DataError", "What was wrapped is not a JSON web key.");
    // As in a realm that no app has touched: members come from the text alone, and lists are walked by an iterator of our own.
    ObjectSetPrototypeOf(jwk, null);
    bare(jwk, "key_ops");
    bare(jwk, "oth");
    const converted = jsonWebKey(jwk, prefix, "the wrapped key");
    if (converted.kty === undefined) fail("DataError", 'The JSON web key lacks "kty".');
    return converted;
  };

  class SubtleCrypto {
    #brand;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
    }

    encrypt(algorithm, key, data) {
      const count = arguments.length;
      return promised((deferred) => {
        this.#brand;
        const prefix = "Failed to execute 'encrypt' on 'SubtleCrypto'";
        requiredArguments(count, 3, prefix);
        algorithm = algorithmIdentifier(algorithm, prefix, "parameter 1");
        const slots = slotsOf(cryptoKey(key, prefix, "parameter 2"));
        BufferSource(data, prefix, "parameter 3");
        const normalized = normalize(algorithm, "encrypt", prefix);
        needKey(slots, normalized, "encrypt");
        then(deferred, cipher(false, normalized, slots, data), deferred.resolve);
      });
    }

    decrypt(algorithm, key, data) {
      const count = arguments.length;
      return promised((deferred) => {
        this.#brand;
        const prefix = "Failed to execute 'decrypt' on 'SubtleCrypto'";
        requiredArguments(count, 3, prefix);
        algorithm = algorithmIdentifier(algorithm, prefix, "parameter 1");
        const slots = slotsOf(cryptoKey(key, prefix, "parameter 2"));
        BufferSource(data, prefix, "parameter 3");
        const normalized = normalize(algorithm, "decrypt", prefix);
        needKey(slots, normalized, "decrypt");
        then(deferred, cipher(true, normalized, slots, data), deferred.resolve);
      });
    }

    sign(algorithm, key, data) {
      const count = arguments.length;
      return promised((deferred) => {
        this.#brand;
        const prefix = "Failed to execute 'sign' on 'SubtleCrypto'";
        requiredArguments(count, 3, prefix);
        algorithm = algorithmIdentifier(algorithm, prefix, "parameter 1");
        const slots = slotsOf(cryptoKey(key, prefix, "parameter 2"));
        BufferSource(data, prefix, "parameter 3");
        const normalized = normalize(algorithm, "sign", prefix);
        needKey(slots, normalized, "sign");
        const hash = needSigner(normalized, slots, "private");
        then(deferred, natives.sign(okpName(normalized.name), slots.handle, data, hash, normalized.saltLength), deferred.resolve);
      });
    }

    verify(algorithm, key, signature, data) {
      const count = arguments.length;
      return promised((deferred) => {
        this.#brand;
        const prefix = "Failed to execute 'verify' on 'SubtleCrypto'";
        requiredArguments(count, 4, prefix);
        algorithm = algorithmIdentifier(algorithm, prefix, "parameter 1");
        const slots = slotsOf(cryptoKey(key, prefix, "parameter 2"));
        BufferSource(signature, prefix, "parameter 3");
        BufferSource(data, prefix, "parameter 4");
        const normalized = normalize(algorithm, "verify", prefix);
        needKey(slots, normalized, "verify");
        const hash = needSigner(normalized, slots, "public");
        const { name, saltLength } = normalized;
        then(deferred, natives.verify(okpName(name), slots.handle, data, hash, saltLength, signature), deferred.resolve);
      });
    }

    digest(algorithm, data) {
      const count = arguments.length;
      return promised((deferred) => {
        this.#brand;
        const prefix = "Failed to execute 'digest' on 'SubtleCrypto'";
        requiredArguments(count, 2, prefix);
        algorithm = algorithmIdentifier(algorithm, prefix, "parameter 1");
        BufferSource(data, prefix, "parameter 2");
        const { name } = normalize(algorithm, "digest", prefix);
        then(deferred, natives.digest(name, data), deferred.resolve);
      });
    }

    generateKey(algorithm, extractable, keyUsages) {
      const count = arguments.length;
      return promised((deferred) => {
        this.#brand;
        const prefix = "Failed to execute 'generateKey' on 'SubtleCrypto'";
        requiredArguments(count, 3, prefix);
        algorithm = algorithmIdentifier(algorithm, prefix, "parameter 1");
        extractable = boolean(extractable);
        const usages = usageSequence(keyUsages, prefix, "parameter 3");
        const normalized = normalize(algorithm, "generateKey", prefix);
        const generated = generateKey(normalized, extractable, usages);
        then(deferred, generated[0], (handles) => deferred.resolve(generated[1](handles)));
      });
    }

    deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
      const count = arguments.length;
      return promised((deferred) => {
        this.#brand;
        const prefix = "Failed to execute 'deriveKey' on 'SubtleCrypto'";
        requiredArguments(count, 5, prefix);
        algorithm = algorithmIdentifier(algorithm, prefix, "parameter 1");
        const slots = slotsOf(cryptoKey(baseKey, prefix, "parameter 2"));
        derivedKeyType = algorithmIdentifier(derivedKeyType, prefix, "parameter 3");
        extractable = boolean(extractable);
        const usages = usageSequence(keyUsages, prefix, "parameter 5");
        const normalized = normalize(algorithm, "deriveBits", prefix);
        const derivedImport = normalize(derivedKeyType, "importKey", prefix);
        const derivedLength = normalize(derivedKeyType, "get key length", prefix);
        needKey(slots, normalized, "deriveKey");
        const bits = deriveBits(normalized, slots, keyLength(derivedLength));
        then(deferred, bits, (secret) => deferred.resolve(importKey(derivedImport, "raw", secret, extractable, usages)));
      });
    }

    deriveBits(algorithm, baseKey, length = null) {
      const count = arguments.length;
      return promised((deferred) => {
        this.#brand;
        const prefix = "Failed to execute 'deriveBits' on 'SubtleCrypto'";
        requiredArguments(count, 2, prefix);
        algorithm = algorithmIdentifier(algorithm, prefix, "parameter 1");
        const slots = slotsOf(cryptoKey(baseKey, prefix, "parameter 2"));
        length = nullableLength(length, prefix, "parameter 3");
        const normalized = normalize(algorithm, "deriveBits", prefix);
        needKey(slots, normalized, "deriveBits");
        then(deferred, deriveBits(normalized, slots, length), deferred.resolve);
      });
    }

    importKey(format, keyData, algorithm, extractable, keyUsages) {
      const count = arguments.length;
      return promised((deferred) => {
        this.#brand;
        const prefix = "Failed to execute 'importKey' on 'SubtleCrypto'";
        requiredArguments(count, 5, prefix);
        format = keyFormat(format, prefix, "parameter 1");
        const isBuffer = isObject(keyData) && isBufferSource(keyData);
        keyData = isBuffer ? BufferSource(keyData, prefix, "parameter 2") : jsonWebKey(keyData, prefix, "parameter 2");
        algorithm = algorithmIdentifier(algorithm, prefix, "parameter 3");
        extractable = boolean(extractable);
        const usages = usageSequence(keyUsages, prefix, "parameter 5");
        const normalized = normalize(algorithm, "importKey", prefix);
        if (isBuffer === (format === "jwk")) {
          throw new TypeError(`${prefix}: parameter 2 is not what the format '${format}' takes.`);
        }
        deferred.resolve(importKey(normalized, format, keyData, extractable, usages));
      });
    }

    exportKey(format, key) {
      const count = arguments.length;
      return promised((deferred) => {
        this.#brand;
        const prefix = "Failed to execute 'exportKey' on 'SubtleCrypto'";
        requiredArguments(count, 2, prefix);
        format = keyFormat(format, prefix, "parameter 1");
        needExportable(cryptoKey(key, prefix, "parameter 2"));
        const exported = exportKey(key, format);
        deferred.resolve(format === "jwk" ? toPlain(exported) : exported);
      });
    }

    wrapKey(format, key, wrappingKey, wrapAlgorithm) {
      const count = arguments.length;
      return promised((deferred) => {
        this.#brand;
        const prefix = "Failed to execute 'wrapKey' on 'SubtleCrypto'";
        requiredArguments(count, 4, prefix);
        format = keyFormat(format, prefix, "parameter 1");
        cryptoKey(key, prefix, "parameter 2");
        const slots = slotsOf(cryptoKey(wrappingKey, prefix, "parameter 3"));
        wrapAlgorithm = algorithmIdentifier(wrapAlgorithm, prefix, "parameter 4");
        const normalized = normalizeWrap(wrapAlgorithm, "wrapKey", "encrypt", prefix);
        needKey(slots, normalized, "wrapKey");
        needExportable(key);
        const exported = exportKey(key, format);
        const bytes = format === "jwk" ? stringify(exported) : exported;
        then(deferred, cipher(false, normalized, slots, bytes), deferred.resolve);
      });
    }

    unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, unwrappedKeyAlgorithm, extractable, keyUsages) {
      const count = arguments.length;
      return promised((deferred) => {
        this.#brand;
        const prefix = "Failed to execute 'unwrapKey' on 'SubtleCrypto'";
        requiredArguments(count, 7, prefix);
        format = keyFormat(format, prefix, "parameter 1");
        BufferSource(wrappedKey, prefix, "parameter 2");
        const slots = slotsOf(cryptoKey(unwrappingKey, prefix, "parameter 3"));
        unwrapAlgorithm = algorithmIdentifier(unwrapAlgorithm, prefix, "parameter 4");
        unwrappedKeyAlgorithm = algorithmIdentifier(unwrappedKeyAlgorithm, prefix, "parameter 5");
        extractable = boolean(extractable);
        const usages = usageSequence(keyUsages, prefix, "parameter 7");
        const normalized = normalizeWrap(unwrapAlgorithm, "unwrapKey", "decrypt", prefix);
        const normalizedKey = normalize(unwrappedKeyAlgorithm, "importKey", prefix);
        needKey(slots, normalized, "unwrapKey");
        then(deferred, cipher(true, normalized, slots, wrappedKey), (bytes) => {
          const data = format === "jwk" ? parse(bytes, prefix) : bytes;
          deferred.resolve(importKey(normalizedKey, format, data, extractable, usages));
        });
      });
    }

    // Not in the specification: https://developers.cloudflare.com/workers/runtime-apis/web-crypto/#timingsafeequal
    timingSafeEqual(a, b) {
      this.#brand;
      const prefix = "Failed to execute 'timingSafeEqual' on 'SubtleCrypto'";
      requiredArguments(arguments.length, 2, prefix);
      BufferSource(a, prefix, "parameter 1");
      BufferSource(b, prefix, "parameter 2");
      const equal = natives.equal(a, b);
      if (equal === undefined) throw new TypeError(`${prefix}: the two are not equally long.`);
      return equal;
    }
  }
  configureInterface(SubtleCrypto);

  return { __proto__: null, SubtleCrypto, subtle: new SubtleCrypto(CREATE) };
};
