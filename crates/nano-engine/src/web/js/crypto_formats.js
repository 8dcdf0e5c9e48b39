"use strict";
// Keys in and out, and new ones: the rules of every algorithm about usages, formats and the members of JSON web keys.
// Specification: https://w3c.github.io/webcrypto/#algorithms; the numbers of the keys are native.
(nano) => {
  const { ArrayPrototypeIncludes, ArrayPrototypePush, ArrayPrototypeSlice, ReflectApply, SafeSet, StringPrototypeSlice, TypeError } = nano.primordials;
  const natives = nano.ops.natives("crypto");
  const { converters, dictionary, sequence } = nano.webidl;
  const { createKey, slotsOf, toPlain } = nano.part("crypto_key");

  const fail = (name, message) => {
    throw new nano.DOMException(message, name);
  };

  // What an op gives that is text is the name and the message of an exception.
  const checked = (result) => {
    if (typeof result !== "string") return result;
    let end = 0;
    while (result[end] !== "\n") end++;
    return fail(StringPrototypeSlice(result, 0, end), StringPrototypeSlice(result, end + 1));
  };

  const needUsages = (usages, allowed) => {
    for (let i = 0; i < usages.length; i++) {
      if (!ArrayPrototypeIncludes(allowed, usages[i])) {
        fail("SyntaxError", `A key for this cannot have the usage '${usages[i]}'.`);
      }
    }
  };

  const intersect = (usages, allowed) => {
    const result = [];
    for (let i = 0; i < usages.length; i++) {
      if (ArrayPrototypeIncludes(allowed, usages[i])) ArrayPrototypePush(result, usages[i]);
    }
    return result;
  };

  const secretTypes = (type) => type === "secret" || type === "private";

  // Families: what each algorithm's keys may be used for, and how their JSON web keys are marked.
  const cipherUsages = ["encrypt", "decrypt", "wrapKey", "unwrapKey"];
  const deriveUsages = ["deriveKey", "deriveBits"];
  const signing = { __proto__: null, use: "sig", privateUsages: ["sign"], publicUsages: ["verify"] };
  const agreeing = { __proto__: null, use: "enc", privateUsages: deriveUsages, publicUsages: [] };
  const families = {
    __proto__: null,
    "AES-CBC": { __proto__: null, kind: "AES", usages: cipherUsages, suffix: "CBC" },
    "AES-CTR": { __proto__: null, kind: "AES", usages: cipherUsages, suffix: "CTR" },
    "AES-GCM": { __proto__: null, kind: "AES", usages: cipherUsages, suffix: "GCM" },
    "AES-KW": { __proto__: null, kind: "AES", usages: ["wrapKey", "unwrapKey"], suffix: "KW" },
    HMAC: { __proto__: null, kind: "HMAC", usages: ["sign", "verify"] },
    HKDF: { __proto__: null, kind: "KDF", usages: deriveUsages },
    PBKDF2: { __proto__: null, kind: "KDF", usages: deriveUsages },
    "RSASSA-PKCS1-v1_5": { __proto__: null, kind: "RSA", ...signing, alg: "RS" },
    "RSA-PSS": { __proto__: null, kind: "RSA", ...signing, alg: "PS" },
    "RSA-OAEP": {
      __proto__: null, kind: "RSA", use: "enc", privateUsages: ["decrypt", "unwrapKey"], publicUsages: ["encrypt", "wrapKey"],
      alg: "RSA-OAEP",
    },
    ECDSA: { __proto__: null, kind: "EC", ...signing },
    ECDH: { __proto__: null, kind: "EC", ...agreeing },
    Ed25519: { __proto__: null, kind: "OKP", ...signing },
    "NODE-ED25519": { __proto__: null, kind: "OKP", ...signing },
    X25519: { __proto__: null, kind: "OKP", ...agreeing },
  };

  // What the natives and JSON web keys call an algorithm of octet key pairs, and what a key of it says of itself.
  const okpName = (name) => (name === "NODE-ED25519" ? "Ed25519" : name);
  const okpAlgorithm = ({ name, namedCurve }) => {
    if (name !== "NODE-ED25519") return { __proto__: null, name };
    if (namedCurve !== name) fail("NotSupportedError", `'${namedCurve}' is not a supported curve.`);
    return { __proto__: null, name, namedCurve };
  };

  const curves = { __proto__: null, "P-256": "ES256", "P-384": "ES384", "P-521": "ES512" };
  const needCurve = (curve) => {
    if (curves[curve] === undefined) fail("NotSupportedError", `'${curve}' is not a supported curve.`);
  };

  // "SHA-256" is "256" in the names of JSON web algorithms.
  const bitsOfHash = (hash) => StringPrototypeSlice(hash, 4);
  const blockBits = (hash) => (hash === "SHA-1" || hash === "SHA-256" ? 512 : 1024);

  const rsaAlg = (family, hash) => {
    if (family.alg !== "RSA-OAEP") return `${family.alg}${bitsOfHash(hash)}`;
    return hash === "SHA-1" ? "RSA-OAEP" : `RSA-OAEP-${bitsOfHash(hash)}`;
  };

  // https://w3c.github.io/webcrypto/#JsonWebKey-dictionary
  const rsaOtherPrimesInfo = dictionary("RsaOtherPrimesInfo", [
    { key: "d", converter: converters.DOMString }, { key: "r", converter: converters.DOMString },
    { key: "t", converter: converters.DOMString },
  ]);
  const text = (key) => ({ __proto__: null, key, converter: converters.DOMString });
  const jsonWebKey = dictionary("JsonWebKey", [
    text("alg"), text("crv"), text("d"), text("dp"), text("dq"), text("e"), { key: "ext", converter: converters.boolean }, text("k"),
    { key: "key_ops", converter: sequence(converters.DOMString) }, text("kty"), text("n"),
    { key: "oth", converter: sequence(rsaOtherPrimesInfo) }, text("p"), text("q"), text("qi"), text("use"), text("x"), text("y"),
  ]);

  const needJwk = (jwk, kty, use, extractable, usages) => {
    if (jwk.kty !== kty) fail("DataError", `The JSON web key's "kty" is not "${kty}".`);
    if (usages.length > 0 && jwk.use !== undefined && jwk.use !== use) fail("DataError", `The JSON web key's "use" is not "${use}".`);
    if (jwk.key_ops !== undefined) {
      const seen = new SafeSet();
      for (let i = 0; i < jwk.key_ops.length; i++) {
        if (seen.has(jwk.key_ops[i])) fail("DataError", `The JSON web key's "key_ops" names '${jwk.key_ops[i]}' twice.`);
        seen.add(jwk.key_ops[i]);
      }
      for (let i = 0; i < usages.length; i++) {
        if (!seen.has(usages[i])) fail("DataError", `The JSON web key's "key_ops" lacks '${usages[i]}'.`);
      }
    }
    if (jwk.ext === false && extractable) fail("DataError", "The JSON web key is not extractable.");
  };

  const needMembers = (jwk, names) => {
    const values = [];
    for (let i = 0; i < names.length; i++) {
      const value = jwk[names[i]];
      if (value === undefined) fail("DataError", `The JSON web key lacks "${names[i]}".`);
      ArrayPrototypePush(values, value);
    }
    return values;
  };

  const notSupported = (format) => fail("NotSupportedError", `Keys of this algorithm have no format '${format}'.`);

  // Imports. Each gets what https://w3c.github.io/webcrypto/#SubtleCrypto-method-importKey has by its step "import key".

  const importSecret = (format, data) => {
    if (format === "jwk") return checked(natives.importKey("secret", "jwk", needMembers(data, ["k"])));
    return checked(natives.importKey("secret", "raw", data));
  };

  const importers = {
    __proto__: null,

    AES(family, algorithm, format, data, extractable, usages) {
      if (format !== "raw" && format !== "jwk") notSupported(format);
      needUsages(usages, family.usages);
      if (format === "jwk" && data.kty !== "oct") fail("DataError", 'The JSON web key\'s "kty" is not "oct".');
      const handle = importSecret(format, data);
      const length = natives.keyInfo(handle);
      if (length !== 128 && length !== 192 && length !== 256) fail("DataError", "An AES key has 128, 192 or 256 bits.");
      if (format === "jwk") {
        if (data.alg !== undefined && data.alg !== `A${length}${family.suffix}`) {
          fail("DataError", `The JSON web key's "alg" is not "A${length}${family.suffix}".`);
        }
        needJwk(data, "oct", "enc", extractable, usages);
      }
      return createKey("secret", extractable, { __proto__: null, name: algorithm.name, length }, usages, handle);
    },

    HMAC(family, algorithm, format, data, extractable, usages) {
      needUsages(usages, family.usages);
      if (format !== "raw" && format !== "jwk") notSupported(format);
      if (format === "jwk" && data.kty !== "oct") fail("DataError", 'The JSON web key\'s "kty" is not "oct".');
      let handle = importSecret(format, data);
      if (format === "jwk") {
        const alg = `HS${bitsOfHash(algorithm.hash)}`;
        if (data.alg !== undefined && data.alg !== alg) fail("DataError", `The JSON web key's "alg" is not "${alg}".`);
        needJwk(data, "oct", "sig", extractable, usages);
      }
      let length = natives.keyInfo(handle);
      if (length === 0) fail("DataError", "An HMAC key cannot be empty.");
      if (algorithm.length !== undefined && algorithm.length !== length) {
        if (algorithm.length > length || algorithm.length <= length - 8) {
          fail("DataError", `The key has ${length} bits, not ${algorithm.length}.`);
        }
        length = algorithm.length;
        const whole = checked(natives.exportKey(handle, "raw"));
        handle = checked(natives.importKey("secret", "raw", whole, length));
      }
      return createKey("secret", extractable, { __proto__: null, name: "HMAC", hash: algorithm.hash, length }, usages, handle);
    },

    KDF(family, algorithm, format, data, extractable, usages) {
      if (format !== "raw") notSupported(format);
      needUsages(usages, family.usages);
      if (extractable) fail("SyntaxError", `A key for ${algorithm.name} cannot be extractable.`);
      return createKey("secret", false, { __proto__: null, name: algorithm.name }, usages, importSecret(format, data));
    },

    RSA(family, algorithm, format, data, extractable, usages) {
      if (format === "raw") notSupported(format);
      const isPrivate = format === "pkcs8" || (format === "jwk" && data.d !== undefined);
      needUsages(usages, isPrivate ? family.privateUsages : family.publicUsages);
      let handle;
      if (format === "jwk") {
        needJwk(data, "RSA", family.use, extractable, usages);
        const alg = rsaAlg(family, algorithm.hash);
        if (data.alg !== undefined && data.alg !== alg) fail("DataError", `The JSON web key's "alg" is not "${alg}".`);
        if (data.oth !== undefined) fail("NotSupportedError", "RSA keys of more than two primes are not supported.");
        const names = isPrivate ? ["n", "e", "d", "p", "q", "dp", "dq", "qi"] : ["n", "e"];
        handle = checked(natives.importKey("RSA", "jwk", needMembers(data, names)));
      } else {
        handle = checked(natives.importKey("RSA", format, data));
      }
      return createKey(isPrivate ? "private" : "public", extractable, rsaAlgorithm(algorithm, handle), usages, handle);
    },

    EC(family, algorithm, format, data, extractable, usages) {
      const { name, namedCurve } = algorithm;
      const isPrivate = format === "pkcs8" || (format === "jwk" && data.d !== undefined);
      needUsages(usages, isPrivate ? family.privateUsages : family.publicUsages);
      let handle;
      if (format === "jwk") {
        needJwk(data, "EC", family.use, extractable, usages);
        if (data.crv !== namedCurve) fail("DataError", `The JSON web key's "crv" is not "${namedCurve}".`);
        needCurve(namedCurve);
        if (name === "ECDSA" && data.alg !== undefined && data.alg !== curves[namedCurve]) {
          fail("DataError", `The JSON web key's "alg" is not "${curves[namedCurve]}".`);
        }
        handle = checked(natives.importKey(namedCurve, "jwk", needMembers(data, isPrivate ? ["x", "y", "d"] : ["x", "y"])));
      } else {
        needCurve(namedCurve);
        handle = checked(natives.importKey(namedCurve, format, data));
      }
      return createKey(isPrivate ? "private" : "public", extractable, { __proto__: null, name, namedCurve }, usages, handle);
    },

    OKP(family, algorithm, format, data, extractable, usages) {
      const name = okpName(algorithm.name);
      const described = okpAlgorithm(algorithm);
      const isPrivate = format === "pkcs8" || (format === "jwk" && data.d !== undefined);
      needUsages(usages, isPrivate ? family.privateUsages : family.publicUsages);
      let handle;
      if (format === "jwk") {
        needJwk(data, "OKP", family.use, extractable, usages);
        if (data.crv !== name) fail("DataError", `The JSON web key's "crv" is not "${name}".`);
        if (name === "Ed25519" && data.alg !== undefined && data.alg !== name && data.alg !== "EdDSA") {
          fail("DataError", `The JSON web key's "alg" is neither "${name}" nor "EdDSA".`);
        }
        handle = checked(natives.importKey(name, "jwk", needMembers(data, isPrivate ? ["x", "d"] : ["x"])));
      } else {
        handle = checked(natives.importKey(name, format, data));
      }
      return createKey(isPrivate ? "private" : "public", extractable, described, usages, handle);
    },
  };

  const rsaAlgorithm = (algorithm, handle) => {
    const info = natives.keyInfo(handle);
    return {
      __proto__: null, name: algorithm.name, modulusLength: info[0], publicExponent: info[1], hash: algorithm.hash,
    };
  };

  // data: bytes, or for "jwk" a converted JsonWebKey.
  const importKey = (algorithm, format, data, extractable, usages) => {
    const family = families[algorithm.name];
    const key = ReflectApply(importers[family.kind], undefined, [family, algorithm, format, data, extractable, usages]);
    if (usages.length === 0 && secretTypes(slotsOf(key).type)) {
      fail("SyntaxError", "A secret or private key needs at least one usage.");
    }
    return key;
  };

  // The members in the order that Web IDL gives them, so that "alg" is first and "y" last.
  const exportJwk = (slots) => {
    const { algorithm, extractable, handle, type } = slots;
    const parts = checked(natives.exportKey(handle, "jwk"));
    const family = families[algorithm.name];
    const jwk = { __proto__: null };
    switch (family.kind) {
      case "AES":
        jwk.alg = `A${algorithm.length}${family.suffix}`;
        break;
      case "HMAC":
        jwk.alg = `HS${bitsOfHash(algorithm.hash)}`;
        break;
      case "RSA":
        jwk.alg = rsaAlg(family, algorithm.hash);
        break;
      case "EC":
        jwk.crv = algorithm.namedCurve;
        break;
      case "OKP":
        if (okpName(algorithm.name) === "Ed25519") jwk.alg = "Ed25519";
        jwk.crv = okpName(algorithm.name);
        break;
    }
    if (type === "private") jwk.d = parts[family.kind === "OKP" ? 1 : 2];
    if (family.kind === "RSA") {
      if (type === "private") {
        jwk.dp = parts[5];
        jwk.dq = parts[6];
      }
      jwk.e = parts[1];
    }
    jwk.ext = extractable;
    if (type === "secret") jwk.k = parts[0];
    jwk.key_ops = ArrayPrototypeSlice(slots.usages);
    jwk.kty = type === "secret" ? "oct" : family.kind;
    if (family.kind === "RSA") {
      jwk.n = parts[0];
      if (type === "private") {
        jwk.p = parts[3];
        jwk.q = parts[4];
        jwk.qi = parts[7];
      }
    }
    if (family.kind === "EC" || family.kind === "OKP") jwk.x = parts[0];
    if (family.kind === "EC") jwk.y = parts[1];
    return jwk;
  };

  const typeOfFormat = { __proto__: null, spki: "public", pkcs8: "private" };

  // An ArrayBuffer, or a JsonWebKey without a prototype.
  const exportKey = (key, format) => {
    const slots = slotsOf(key);
    const { kind } = families[slots.algorithm.name];
    if (format === "jwk") return exportJwk(slots);
    const secret = kind === "AES" || kind === "HMAC";
    if (secret ? format !== "raw" : format === "raw" && kind === "RSA") notSupported(format);
    const type = secret ? "secret" : typeOfFormat[format] ?? "public";
    if (slots.type !== type) fail("InvalidAccessError", `A ${slots.type} key cannot be exported as '${format}'.`);
    return checked(natives.exportKey(slots.handle, format));
  };

  // New keys. A generator checks, and gives what the op gave with how to make keys of it.

  const secretKey = (algorithm, extractable, usages) => (handle) => createKey("secret", extractable, algorithm, usages, handle);

  const keyPair = (family, describe, extractable, usages) => (handles) => {
    const algorithm = describe(handles[0]);
    return toPlain({
      __proto__: null,
      privateKey: createKey("private", extractable, algorithm, intersect(usages, family.privateUsages), handles[0]),
      publicKey: createKey("public", true, algorithm, intersect(usages, family.publicUsages), handles[1]),
    });
  };

  const needPairUsages = (family, usages) => {
    const allowed = [];
    for (let i = 0; i < family.privateUsages.length; i++) ArrayPrototypePush(allowed, family.privateUsages[i]);
    for (let i = 0; i < family.publicUsages.length; i++) ArrayPrototypePush(allowed, family.publicUsages[i]);
    needUsages(usages, allowed);
  };

  const needSome = (usages) => {
    if (usages.length === 0) fail("SyntaxError", "A secret or private key needs at least one usage.");
  };

  const generators = {
    __proto__: null,

    AES(family, algorithm, extractable, usages) {
      needUsages(usages, family.usages);
      const { name, length } = algorithm;
      if (length !== 128 && length !== 192 && length !== 256) fail("OperationError", "An AES key has 128, 192 or 256 bits.");
      needSome(usages);
      return [natives.generate("secret", length), secretKey({ __proto__: null, name, length }, extractable, usages)];
    },

    HMAC(family, algorithm, extractable, usages) {
      needUsages(usages, family.usages);
      const { hash, length = blockBits(algorithm.hash) } = algorithm;
      if (length === 0) fail("OperationError", "An HMAC key cannot be empty.");
      needSome(usages);
      return [natives.generate("secret", length), secretKey({ __proto__: null, name: "HMAC", hash, length }, extractable, usages)];
    },

    RSA(family, algorithm, extractable, usages) {
      needPairUsages(family, usages);
      const some = intersect(usages, family.privateUsages);
      // Wrong numbers come before missing usages, and both before the long search for primes.
      const result = checked(natives.generate("RSA", algorithm.modulusLength, algorithm.publicExponent, some.length === 0));
      needSome(some);
      return [result, keyPair(family, (handle) => rsaAlgorithm(algorithm, handle), extractable, usages)];
    },

    EC(family, algorithm, extractable, usages) {
      needPairUsages(family, usages);
      const { name, namedCurve } = algorithm;
      needCurve(namedCurve);
      needSome(intersect(usages, family.privateUsages));
      return [natives.generate(namedCurve), keyPair(family, () => ({ __proto__: null, name, namedCurve }), extractable, usages)];
    },

    OKP(family, algorithm, extractable, usages) {
      needPairUsages(family, usages);
      const described = okpAlgorithm(algorithm);
      needSome(intersect(usages, family.privateUsages));
      return [natives.generate(okpName(algorithm.name)), keyPair(family, () => described, extractable, usages)];
    },
  };

  const generateKey = (algorithm, extractable, usages) => {
    const family = families[algorithm.name];
    return ReflectApply(generators[family.kind], undefined, [family, algorithm, extractable, usages]);
  };

  // https://w3c.github.io/webcrypto/#concept-get-key-length: null for all that there is.
  const keyLength = (algorithm) => {
    const { kind } = families[algorithm.name];
    if (kind === "KDF") return null;
    const { length } = algorithm;
    if (kind === "HMAC") {
      if (length === 0) throw new TypeError("An HMAC key cannot be empty.");
      return length ?? blockBits(algorithm.hash);
    }
    if (length !== 128 && length !== 192 && length !== 256) fail("OperationError", "An AES key has 128, 192 or 256 bits.");
    return length;
  };

  return { __proto__: null, natives, checked, exportKey, fail, generateKey, importKey, jsonWebKey, keyLength, okpName };
};
