"use strict";
// CryptoKey: what an app sees of a key. The key itself is a resource of the engine.
// Specification: https://w3c.github.io/webcrypto/#cryptokey-interface
(nano) => {
  const {
    ArrayPrototypeIncludes, ArrayPrototypePush, ArrayPrototypeSlice, ObjectPrototype, ObjectSetPrototypeOf, Uint8Array,
  } = nano.primordials;
  const { configureInterface, illegalConstructor, isObject } = nano.webidl;

  const CREATE = {};

  // https://w3c.github.io/webcrypto/#dfn-RecognizedKeyUsage, in the order that usages are given back.
  // The last four are of algorithms that are not here: with them an app hears that its algorithm has no such usage, not that there is none.
  const keyUsages = [
    "encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey", "encapsulateKey", "encapsulateBits",
    "decapsulateKey", "decapsulateBits",
  ];

  // https://w3c.github.io/webcrypto/#concept-normalized-usages
  const normalizeUsages = (usages) => {
    const result = [];
    for (let i = 0; i < keyUsages.length; i++) {
      if (ArrayPrototypeIncludes(usages, keyUsages[i])) ArrayPrototypePush(result, keyUsages[i]);
    }
    return result;
  };

  // A dictionary as the object that an app gets: own data properties, whatever setters Object.prototype has been given.
  const toPlain = (members) => ObjectSetPrototypeOf(members, ObjectPrototype);

  // The slots keep what the platform goes by; what an app is shown are copies, which it may change.
  const shownAlgorithm = (algorithm) => {
    const shown = { __proto__: null, ...algorithm };
    if (shown.hash !== undefined) shown.hash = toPlain({ __proto__: null, name: shown.hash });
    if (shown.publicExponent !== undefined) shown.publicExponent = new Uint8Array(shown.publicExponent);
    return toPlain(shown);
  };

  let slotsOf;
  let isCryptoKey;

  class CryptoKey {
    #slots;
    #algorithm;
    #usages;

    static {
      slotsOf = (key) => key.#slots;
      isCryptoKey = (value) => isObject(value) && #slots in value;
    }

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      this.#slots = arguments[1];
    }

    get type() {
      return this.#slots.type;
    }

    get extractable() {
      return this.#slots.extractable;
    }

    get algorithm() {
      return this.#algorithm ??= shownAlgorithm(this.#slots.algorithm);
    }

    get usages() {
      return this.#usages ??= ArrayPrototypeSlice(this.#slots.usages);
    }
  }
  configureInterface(CryptoKey);

  // algorithm: a null-prototype object { name, length | hash | modulusLength, publicExponent, hash | namedCurve }, its hash a name.
  // handle: the resource. A key and its clones share it.
  const createKey = (type, extractable, algorithm, usages, handle) =>
    new CryptoKey(CREATE, { __proto__: null, type, extractable, algorithm, usages: normalizeUsages(usages), handle });

  // https://w3c.github.io/webcrypto/#cryptokey-interface-clone
  const clone = (key) => {
    const { type, extractable, algorithm, usages, handle } = slotsOf(key);
    return createKey(type, extractable, algorithm, usages, handle);
  };
  nano.serializable[nano.serializable.length] = { __proto__: null, is: isCryptoKey, clone };

  return { __proto__: null, CryptoKey, createKey, isCryptoKey, keyUsages, slotsOf, toPlain };
};
