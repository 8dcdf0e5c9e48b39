"use strict";
// node:crypto: digests and HMAC. They are streams too, but the streams are loaded by whoever uses them as such.
(nano) => {
  const {
    Error, ObjectDefineProperty, ObjectSetPrototypeOf, ReflectApply, SymbolAsyncIterator, TypedArrayPrototypeGetLength, Uint8Array,
  } = nano.primordials;
  const { withCode, validateString } = nano.part("node/errors");
  const { bytesArgument, digestNames, digestOf, inEncoding, inPieces, natives } = nano.part("node/crypto/common");

  // In pieces also because more at once is an errand, which nobody here can wait for.
  const add = (hasher, bytes) => inPieces(bytes, (piece) => natives.hasherUpdate(hasher, piece));

  const begin = (name) => {
    validateString(name, "algorithm");
    const found = digestOf(name);
    if (found === undefined) throw withCode(new Error("Digest method not supported"), "ERR_CRYPTO_HASH_UNKNOWN");
    return found;
  };

  const finalized = () => withCode(new Error("Digest already called"), "ERR_CRYPTO_HASH_FINALIZED");

  // The members by which a digest is used as a stream: whoever reads one has made it a Transform.
  const streamMembers = [
    "addListener", "destroy", "emit", "end", "off", "on", "once", "pipe", "push", "read", "removeListener", "resume", "setEncoding", "toArray", "unpipe", "write",
    SymbolAsyncIterator,
  ];
  let Transform;
  const lazyStream = (Class) => {
    const { prototype } = Class;
    const become = () => {
      Transform ??= nano.part("node/streams/classes").Transform;
      for (let i = 0; i < streamMembers.length; i++) delete prototype[streamMembers[i]];
      ObjectSetPrototypeOf(prototype, Transform.prototype);
      ObjectSetPrototypeOf(Class, Transform);
    };
    for (let i = 0; i < streamMembers.length; i++) {
      const name = streamMembers[i];
      ObjectDefineProperty(prototype, name, {
        __proto__: null,
        configurable: true,
        get() {
          become();
          return this[name];
        },
        set(value) {
          ObjectDefineProperty(this, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
        },
      });
    }
    const states = ["_readableState", "_writableState", "_events"];
    for (let i = 0; i < states.length; i++) {
      ObjectDefineProperty(prototype, states[i], {
        __proto__: null,
        configurable: true,
        get() {
          if (Transform === undefined) return undefined;
          const set = (name) => ObjectDefineProperty(this, name, { __proto__: null, value: undefined, writable: true, enumerable: true, configurable: true });
          set("_readableState");
          set("_writableState");
          set("_events");
          ReflectApply(Transform, this, [this._options]);
          return this[states[i]];
        },
        set(value) {
          ObjectDefineProperty(this, states[i], { __proto__: null, value, writable: true, enumerable: true, configurable: true });
        },
      });
    }
    prototype._transform = function (chunk, encoding, callback) {
      this.update(chunk, encoding);
      callback();
    };
    prototype._flush = function (callback) {
      this.push(this.digest());
      callback();
    };
  };

  class Hash {
    #hasher;
    _options;

    constructor(algorithm, options = undefined) {
      // A copy is made of a hasher.
      this.#hasher = typeof algorithm === "object" && algorithm !== null && #hasher in algorithm
        ? natives.hasherCopy(algorithm.#need())
        : natives.hasherNew(begin(algorithm)[0]);
      ObjectDefineProperty(this, "_options", { __proto__: null, value: options, writable: true, configurable: true });
    }

    #need() {
      if (this.#hasher === undefined) throw finalized();
      return this.#hasher;
    }

    update(data, encoding) {
      const hasher = this.#need();
      add(hasher, bytesArgument(data, "data", encoding));
      return this;
    }

    digest(encoding) {
      const hasher = this.#need();
      this.#hasher = undefined;
      return inEncoding(new Uint8Array(natives.hasherFinish(hasher)), encoding);
    }

    copy(options) {
      return new Hash(this, options);
    }
  }
  lazyStream(Hash);

  const digest = (name, pieces) => {
    const hasher = natives.hasherNew(name);
    for (let i = 0; i < pieces.length; i++) add(hasher, pieces[i]);
    return new Uint8Array(natives.hasherFinish(hasher));
  };

  // A key of HMAC as it is used: a long one is its digest. `found` is an entry of the table of digests.
  const shortened = (found, key) => (TypedArrayPrototypeGetLength(key) > found[1] ? digest(found[0], [key]) : key);

  // https://www.rfc-editor.org/rfc/rfc2104: what comes before the message, and before the digest of that.
  const padded = (found, key) => {
    const bytes = shortened(found, key);
    const length = TypedArrayPrototypeGetLength(bytes);
    const inner = new Uint8Array(found[1]);
    const outer = new Uint8Array(found[1]);
    for (let i = 0; i < found[1]; i++) {
      const byte = i < length ? bytes[i] : 0;
      inner[i] = byte ^ 0x36;
      outer[i] = byte ^ 0x5c;
    }
    return { __proto__: null, inner, outer };
  };

  // The code of several pieces, as bytes.
  const hmac = (found, key, pieces) => {
    const { inner, outer } = padded(found, key);
    const hasher = natives.hasherNew(found[0]);
    add(hasher, inner);
    for (let i = 0; i < pieces.length; i++) add(hasher, pieces[i]);
    return digest(found[0], [outer, new Uint8Array(natives.hasherFinish(hasher))]);
  };

  class Hmac {
    #name;
    #inner;
    #outer;
    _options;

    constructor(algorithm, key, options = undefined) {
      const found = begin(algorithm);
      const { inner, outer } = padded(found, nano.part("node/crypto/keys").secretBytes(key, options?.encoding));
      this.#name = found[0];
      this.#outer = outer;
      this.#inner = natives.hasherNew(found[0]);
      add(this.#inner, inner);
      ObjectDefineProperty(this, "_options", { __proto__: null, value: options, writable: true, configurable: true });
    }

    update(data, encoding) {
      if (this.#inner === undefined) throw finalized();
      add(this.#inner, bytesArgument(data, "data", encoding));
      return this;
    }

    digest(encoding) {
      const inner = this.#inner;
      // Node gives nothing the second time, and no error.
      if (inner === undefined) return inEncoding(new Uint8Array(0), encoding);
      this.#inner = undefined;
      const result = digest(this.#name, [this.#outer, new Uint8Array(natives.hasherFinish(inner))]);
      return inEncoding(result, encoding);
    }
  }
  lazyStream(Hmac);

  function CallableHash(algorithm, options) {
    return new Hash(algorithm, options);
  }
  CallableHash.prototype = Hash.prototype;
  function CallableHmac(algorithm, key, options) {
    return new Hmac(algorithm, key, options);
  }
  CallableHmac.prototype = Hmac.prototype;
  ObjectDefineProperty(CallableHash, "name", { __proto__: null, value: "Hash" });
  ObjectDefineProperty(CallableHmac, "name", { __proto__: null, value: "Hmac" });

  return {
    __proto__: null,
    Hash: CallableHash,
    Hmac: CallableHmac,
    createHash: (algorithm, options) => new Hash(algorithm, options),
    createHmac: (algorithm, key, options) => new Hmac(algorithm, key, options),
    getHashes: () => nano.primordials.ArrayPrototypeSlice(digestNames),
    hash: (algorithm, data, encoding = "hex") => inEncoding(digest(begin(algorithm)[0], [bytesArgument(data, "input")]), encoding),
    add,
    // Of several pieces, as bytes.
    digest,
    hmac,
    shortened,
  };
};
