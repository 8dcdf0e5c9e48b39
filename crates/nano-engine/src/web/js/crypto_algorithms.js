"use strict";
// Which algorithms there are, and how what an app writes for one is read.
// Specification: https://w3c.github.io/webcrypto/#algorithm-normalization
(nano) => {
  const {
    ArrayBufferIsView, ArrayPrototypePush, ObjectKeys, StringPrototypeIncludes, StringPrototypeSlice, StringPrototypeToLowerCase, TypeError,
    TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetSymbolToStringTag, Uint8Array,
  } = nano.primordials;
  const { bytesOf } = nano.encoding;
  const { converters, dictionary, interface: interfaceType, isObject } = nano.webidl;
  const { isCryptoKey } = nano.part("crypto_key");

  // https://webidl.spec.whatwg.org/#dfn-get-buffer-source-copy
  const copyBytes = (source) => {
    const bytes = bytesOf(source);
    return TypedArrayPrototypeGetByteLength(bytes) === 0 ? new Uint8Array(0) : new Uint8Array(bytes);
  };

  // https://w3c.github.io/webcrypto/#dfn-AlgorithmIdentifier: an object as it is, anything else a string.
  const algorithmIdentifier = (value, prefix, context) => (isObject(value) ? value : converters.DOMString(value, prefix, context));

  const enforced = { __proto__: null, enforceRange: true };
  const unsignedShort = (value, prefix, context) => converters["unsigned short"](value, prefix, context, enforced);
  const unsignedLong = (value, prefix, context) => converters["unsigned long"](value, prefix, context, enforced);

  const octet = (value, prefix, context) => {
    const number = unsignedShort(value, prefix, context);
    if (number > 255) throw new TypeError(`${prefix}: ${context} is outside the accepted range of 0 to 255.`);
    return number;
  };

  const bigInteger = (value, prefix, context) => {
    if (!ArrayBufferIsView(value) || TypedArrayPrototypeGetSymbolToStringTag(value) !== "Uint8Array") {
      throw new TypeError(`${prefix}: ${context} is not of type 'Uint8Array'.`);
    }
    return converters.ArrayBufferView(value, prefix, context);
  };

  const key = interfaceType("CryptoKey", isCryptoKey);

  const asName = dictionary("Algorithm", [{ __proto__: null, key: "name", converter: converters.DOMString, required: true }]);

  // The members of each kind of parameters beside the name, inherited ones first; a "?" after a type makes a member optional.
  const parameterTypes = {
    __proto__: null,
    AesKeyParams: { length: "unsigned short" },
    AesCbcParams: { iv: "BufferSource" },
    AesCtrParams: { counter: "BufferSource", length: "octet" },
    AesGcmParams: { additionalData: "BufferSource?", iv: "BufferSource", tagLength: "octet?" },
    HmacKeyParams: { hash: "HashAlgorithmIdentifier", length: "unsigned long?" },
    RsaHashedKeyGenParams: { modulusLength: "unsigned long", publicExponent: "BigInteger", hash: "HashAlgorithmIdentifier" },
    RsaHashedImportParams: { hash: "HashAlgorithmIdentifier" },
    RsaPssParams: { saltLength: "unsigned long" },
    RsaOaepParams: { label: "BufferSource?" },
    EcKeyParams: { namedCurve: "DOMString" },
    EcdsaParams: { hash: "HashAlgorithmIdentifier" },
    EcdhKeyDeriveParams: { public: "CryptoKey" },
    HkdfParams: { hash: "HashAlgorithmIdentifier", info: "BufferSource", salt: "BufferSource" },
    Pbkdf2Params: { hash: "HashAlgorithmIdentifier", iterations: "unsigned long", salt: "BufferSource" },
  };

  const memberConverters = {
    __proto__: null,
    "unsigned short": unsignedShort,
    "unsigned long": unsignedLong,
    octet,
    BufferSource: converters.BufferSource,
    BigInteger: bigInteger,
    HashAlgorithmIdentifier: algorithmIdentifier,
    DOMString: converters.DOMString,
    CryptoKey: key,
  };

  // https://w3c.github.io/webcrypto/#algorithm-overview: the parameters of each operation, "" for none.
  // "hash" is what a member `hash` may name; MD5 is for digests alone, as in Workers.
  const aes = {
    __proto__: null, generateKey: "AesKeyParams", importKey: "", exportKey: "", "get key length": "AesKeyParams",
  };
  const rsa = { __proto__: null, generateKey: "RsaHashedKeyGenParams", importKey: "RsaHashedImportParams", exportKey: "" };
  const ec = { __proto__: null, generateKey: "EcKeyParams", importKey: "EcKeyParams", exportKey: "" };
  const okp = { __proto__: null, generateKey: "", importKey: "", exportKey: "" };
  const hash = { __proto__: null, digest: "", hash: "" };
  const algorithms = {
    __proto__: null,
    "SHA-1": hash,
    "SHA-256": hash,
    "SHA-384": hash,
    "SHA-512": hash,
    MD5: { __proto__: null, digest: "" },
    "AES-CBC": { __proto__: null, ...aes, encrypt: "AesCbcParams", decrypt: "AesCbcParams" },
    "AES-CTR": { __proto__: null, ...aes, encrypt: "AesCtrParams", decrypt: "AesCtrParams" },
    "AES-GCM": { __proto__: null, ...aes, encrypt: "AesGcmParams", decrypt: "AesGcmParams" },
    "AES-KW": { __proto__: null, ...aes, wrapKey: "", unwrapKey: "" },
    HMAC: {
      __proto__: null, generateKey: "HmacKeyParams", importKey: "HmacKeyParams", exportKey: "", "get key length": "HmacKeyParams",
      sign: "", verify: "",
    },
    "RSASSA-PKCS1-v1_5": { __proto__: null, ...rsa, sign: "", verify: "" },
    "RSA-PSS": { __proto__: null, ...rsa, sign: "RsaPssParams", verify: "RsaPssParams" },
    "RSA-OAEP": { __proto__: null, ...rsa, encrypt: "RsaOaepParams", decrypt: "RsaOaepParams" },
    ECDSA: { __proto__: null, ...ec, sign: "EcdsaParams", verify: "EcdsaParams" },
    ECDH: { __proto__: null, ...ec, deriveBits: "EcdhKeyDeriveParams" },
    Ed25519: { __proto__: null, ...okp, sign: "", verify: "" },
    // As Workers called it first.
    "NODE-ED25519": { __proto__: null, ...ec, sign: "", verify: "" },
    X25519: { __proto__: null, ...okp, deriveBits: "EcdhKeyDeriveParams" },
    HKDF: { __proto__: null, importKey: "", deriveBits: "HkdfParams", "get key length": "" },
    PBKDF2: { __proto__: null, importKey: "", deriveBits: "Pbkdf2Params", "get key length": "" },
  };

  // The names as they are spelled, by their lower case.
  const spelled = { __proto__: null };
  const names = ObjectKeys(algorithms);
  for (let i = 0; i < names.length; i++) spelled[StringPrototypeToLowerCase(names[i])] = names[i];

  // Each kind of parameters is compiled once it is used: [dictionary converter, members whose value is worked on further].
  const compiled = { __proto__: null };
  const compile = (type) => {
    const members = [];
    const further = [];
    const keys = ObjectKeys(parameterTypes[type]);
    for (let i = 0; i < keys.length; i++) {
      const spelling = parameterTypes[type][keys[i]];
      const required = spelling[spelling.length - 1] !== "?";
      const kind = required ? spelling : StringPrototypeSlice(spelling, 0, -1);
      ArrayPrototypePush(members, { __proto__: null, key: keys[i], converter: memberConverters[kind], required });
      if (kind === "BufferSource" || kind === "BigInteger" || kind === "HashAlgorithmIdentifier") {
        ArrayPrototypePush(further, [keys[i], kind]);
      }
    }
    return { __proto__: null, convert: dictionary(type, members), further };
  };

  // Names are compared without regard to the case of ASCII letters. U+212A is the one other character whose lower case is in ASCII.
  const recognize = (name) => (StringPrototypeIncludes(name, "\u212a") ? undefined : spelled[StringPrototypeToLowerCase(name)]);

  // https://w3c.github.io/webcrypto/#dfn-normalize-an-algorithm; the name is read once, which an app can see.
  const normalize = (algorithm, operation, prefix) => {
    if (!isObject(algorithm)) algorithm = { __proto__: null, name: algorithm };
    const initial = asName(algorithm, prefix, "the algorithm");
    const algorithmName = recognize(initial.name);
    const type = algorithmName === undefined ? undefined : algorithms[algorithmName][operation];
    if (type === undefined) {
      const message = `${prefix}: '${initial.name}' is not an algorithm that supports this operation (${operation}).`;
      throw new nano.DOMException(message, "NotSupportedError");
    }
    if (type === "") return { __proto__: null, name: algorithmName };
    const { convert, further } = compiled[type] ??= compile(type);
    const normalized = convert(algorithm, prefix, "the algorithm");
    normalized.name = algorithmName;
    for (let i = 0; i < further.length; i++) {
      const member = further[i][0];
      const value = normalized[member];
      if (value === undefined) continue;
      normalized[member] = further[i][1] === "HashAlgorithmIdentifier" ? normalize(value, "hash", prefix).name : copyBytes(value);
    }
    return normalized;
  };

  const supports = (algorithmName, operation) => algorithms[algorithmName][operation] !== undefined;

  return { __proto__: null, algorithmIdentifier, copyBytes, normalize, supports };
};
