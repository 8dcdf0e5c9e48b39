"use strict";
// node:crypto: random numbers.
(nano) => {
  const {
    ArrayBufferIsView, NumberIsSafeInteger, TypedArrayPrototypeGetByteLength, Uint8Array, Uint8ArraySubarray,
  } = nano.primordials;
  const { invalidArgType, outOfRange, validateFunction, validateNumber } = nano.part("node/errors");
  const { asBuffer, later } = nano.part("node/crypto/common");
  const { isAnyArrayBuffer } = nano.part("node/types");
  const { bytesOf } = nano.encoding;
  const { ops } = nano;

  const SIZE_MAX = 2 ** 31 - 1;
  const RANGE_MAX = 2 ** 48 - 1;
  // What one call gives.
  const PIECE_BYTES = 64 * 1024;

  const fill = (bytes) => {
    const length = TypedArrayPrototypeGetByteLength(bytes);
    for (let at = 0; at < length; at += PIECE_BYTES) ops.randomFill(Uint8ArraySubarray(bytes, at, at + PIECE_BYTES < length ? at + PIECE_BYTES : length));
    return bytes;
  };

  const bytes = (size) => {
    validateNumber(size, "size", 0, SIZE_MAX);
    return asBuffer(fill(new Uint8Array(size)));
  };

  const randomBytes = (size, callback) => {
    if (callback === undefined) return bytes(size);
    validateNumber(size, "size", 0, SIZE_MAX);
    return later(callback, () => bytes(size));
  };

  const range = (buffer, offset = 0, size = undefined) => {
    if (!ArrayBufferIsView(buffer) && !isAnyArrayBuffer(buffer)) throw invalidArgType("buf", "an instance of ArrayBuffer or ArrayBufferView", buffer);
    const all = bytesOf(buffer);
    const unit = buffer.BYTES_PER_ELEMENT ?? 1;
    const from = offset * unit;
    validateNumber(from, "offset", 0, all.length);
    const length = size === undefined ? all.length - from : size * unit;
    validateNumber(length, "size", 0, all.length - from);
    return Uint8ArraySubarray(all, from, from + length);
  };

  const randomFillSync = (buffer, offset, size) => {
    fill(range(buffer, offset, size));
    return buffer;
  };

  // https://nodejs.org/api/crypto.html#cryptorandomintmin-max-callback: every number is as likely.
  const integer = (min, max) => {
    if (!NumberIsSafeInteger(min)) throw invalidArgType("min", "a safe integer", min);
    if (!NumberIsSafeInteger(max)) throw invalidArgType("max", "a safe integer", max);
    if (max <= min) throw outOfRange("max", `greater than the value of "min" (${min})`, max);
    const size = max - min;
    if (size > RANGE_MAX) throw outOfRange("max - min", `<= ${RANGE_MAX}`, size);
    const limit = RANGE_MAX + 1 - ((RANGE_MAX + 1) % size);
    const six = new Uint8Array(6);
    for (;;) {
      ops.randomFill(six);
      let number = 0;
      for (let i = 0; i < 6; i++) number = number * 256 + six[i];
      if (number < limit) return min + (number % size);
    }
  };

  const randomInt = (min, max, callback) => {
    if (max === undefined || typeof max === "function") {
      callback = max;
      max = min;
      min = 0;
    }
    if (callback === undefined) return integer(min, max);
    return later(callback, () => integer(min, max));
  };

  const { crypto } = nano.crypto;
  return {
    __proto__: null,
    randomBytes,
    pseudoRandomBytes: randomBytes,
    prng: randomBytes,
    rng: randomBytes,
    randomFillSync,
    randomFill: (buffer, offset, size, callback) => {
      if (typeof offset === "function") {
        callback = offset;
        offset = 0;
        size = undefined;
      } else if (typeof size === "function") {
        callback = size;
        size = undefined;
      }
      validateFunction(callback, "callback");
      return later(callback, () => randomFillSync(buffer, offset, size));
    },
    randomInt,
    randomUUID: () => ops.randomUuid(),
    getRandomValues: (array) => crypto.getRandomValues(array),
  };
};
