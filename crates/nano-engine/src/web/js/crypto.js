"use strict";
// crypto: random values. crypto.subtle is a part.
// Specification: https://w3c.github.io/webcrypto/#Crypto-interface
(nano) => {
  const {
    TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset,
    TypedArrayPrototypeGetSymbolToStringTag, Uint8Array,
  } = nano.primordials;
  const { ops } = nano;
  const { configureInterface, converters, illegalConstructor, requiredArguments } = nano.webidl;

  const CREATE = {};
  const QUOTA_BYTES = 65536;

  const integerArrays = {
    __proto__: null,
    Int8Array: true, Uint8Array: true, Uint8ClampedArray: true, Int16Array: true, Uint16Array: true, Int32Array: true,
    Uint32Array: true, BigInt64Array: true, BigUint64Array: true,
  };

  class Crypto {
    #brand;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
    }

    get subtle() {
      this.#brand;
      return nano.part("subtle").subtle;
    }

    getRandomValues(array) {
      const prefix = "Failed to execute 'getRandomValues' on 'Crypto'";
      this.#brand;
      requiredArguments(arguments.length, 1, prefix);
      converters.ArrayBufferView(array, prefix, "parameter 1");
      const kind = TypedArrayPrototypeGetSymbolToStringTag(array);
      if (kind === undefined || !integerArrays[kind]) {
        throw new nano.DOMException(`${prefix}: a ${kind ?? "DataView"} is not an array of integers.`, "TypeMismatchError");
      }
      const byteLength = TypedArrayPrototypeGetByteLength(array);
      if (byteLength > QUOTA_BYTES) {
        const { QuotaExceededError } = nano.part("quota_exceeded_error");
        throw new QuotaExceededError(`${prefix}: ${byteLength} bytes is more than the ${QUOTA_BYTES} that one call gives.`);
      }
      // A detached buffer has no bytes and refuses a view.
      if (byteLength > 0) {
        const buffer = TypedArrayPrototypeGetBuffer(array);
        ops.randomFill(new Uint8Array(buffer, TypedArrayPrototypeGetByteOffset(array), byteLength));
      }
      return array;
    }

    randomUUID() {
      this.#brand;
      return ops.randomUuid();
    }
  }
  configureInterface(Crypto);

  const crypto = new Crypto(CREATE);

  nano.crypto = { __proto__: null, Crypto, crypto };
  nano.expose({ Crypto });
  nano.exposeGetter("crypto", () => crypto);
};
