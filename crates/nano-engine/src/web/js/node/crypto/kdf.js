"use strict";
// node:crypto: keys from passwords and secrets.
(nano) => {
  const {
    Error, NumberIsSafeInteger, PromisePrototypeThen, RangeError, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetLength,
    TypedArrayPrototypeSet, Uint8Array, Uint8ArraySubarray,
  } = nano.primordials;
  const { outOfRange, validateFunction, validateNumber, validateString, withCode } = nano.part("node/errors");
  const { asBuffer, bytesArgument, checked, digestOf, natives } = nano.part("node/crypto/common");
  const common = nano.part("node/crypto/common");
  const { hmac, shortened } = nano.part("node/crypto/hash");

  const SIZE_MAX = 2 ** 31 - 1;
  const UINT32_MAX = 2 ** 32 - 1;
  const NUMBER_MAX = 2 ** 53 - 1;
  // As the engine has it.
  const DERIVED_BYTES_MAX = 2 ** 20;
  // As Node has it.
  const INFO_BYTES_MAX = 1024;

  const validateCount = (value, name, min, max = SIZE_MAX) => {
    validateNumber(value, name, min, max);
    if (!NumberIsSafeInteger(value)) throw outOfRange(name, "an integer", value);
  };

  // One byte.
  const one = (value) => {
    const byte = new Uint8Array(1);
    byte[0] = value;
    return byte;
  };

  // A key for the engine's derivations.
  const keyOf = (bytes) => checked(natives.importKey("secret", "raw", bytes, undefined));

  // What an op gives, now or later, for a callback.
  const deliver = (result, callback) => {
    const done = (value) => callback(null, asBuffer(new Uint8Array(value)));
    if (typeof result === "number") {
      PromisePrototypeThen(nano.errand(result), done, (error) => callback(withCode(error, "ERR_CRYPTO_OPERATION_FAILED")));
    } else {
      nano.queueMicrotask(() => done(result));
    }
  };

  const pbkdf2Arguments = (password, salt, iterations, length, digest) => {
    const found = common.needDigest(digest);
    validateCount(iterations, "iterations", 1);
    validateCount(length, "keylen", 0);
    if (length > DERIVED_BYTES_MAX) throw withCode(new Error("a derivation gives 1 MiB at most"), "ERR_CRYPTO_OPERATION_FAILED");
    const secret = bytesArgument(password, "password");
    return { __proto__: null, name: found[0], password: shortened(found, secret), salt: bytesArgument(salt, "salt") };
  };

  const pbkdf2Sync = (password, salt, iterations, length, digest) => {
    const given = pbkdf2Arguments(password, salt, iterations, length, digest);
    const derivation = checked(natives.pbkdf2New(given.name, given.password, given.salt, iterations, length));
    for (;;) {
      const result = natives.pbkdf2Run(derivation);
      if (result !== undefined) return asBuffer(result);
    }
  };

  const pbkdf2 = (password, salt, iterations, length, digest, callback) => {
    if (typeof digest === "function") callback = digest;
    validateFunction(callback, "callback");
    const given = pbkdf2Arguments(password, salt, iterations, length, digest);
    deliver(checked(natives.derive("PBKDF2", keyOf(given.password), length * 8, given.name, given.salt, iterations)), callback);
  };

  // https://www.rfc-editor.org/rfc/rfc5869
  const hkdfSync = (digest, secret, salt, info, length) => {
    validateString(digest, "digest");
    const found = common.needDigest(digest);
    const key = nano.part("node/crypto/keys").secretBytes(secret);
    const saltBytes = bytesArgument(salt, "salt");
    const infoBytes = bytesArgument(info, "info");
    const infoLength = TypedArrayPrototypeGetLength(infoBytes);
    if (infoLength > INFO_BYTES_MAX) throw outOfRange("info", `at most ${INFO_BYTES_MAX} bytes long`, infoLength);
    validateCount(length, "length", 0);
    const size = found[2];
    if (length > 255 * size) throw withCode(new RangeError("Invalid key length"), "ERR_CRYPTO_INVALID_KEYLEN");
    const pseudo = hmac(found, saltBytes, [key]);
    const out = new Uint8Array(length);
    let last = new Uint8Array(0);
    for (let at = 0, i = 1; at < length; at += size, i++) {
      last = hmac(found, pseudo, [last, infoBytes, one(i)]);
      TypedArrayPrototypeSet(out, at + size > length ? Uint8ArraySubarray(last, 0, length - at) : last, at);
    }
    return TypedArrayPrototypeGetBuffer(out);
  };

  const scryptArguments = (password, salt, length, options) => {
    validateCount(length, "keylen", 0);
    // What is not given, or 0, is the usual.
    const number = (name, max, usual) => {
      const value = options?.[name];
      if (value === undefined) return usual;
      validateCount(value, name, 0, max);
      return value || usual;
    };
    const either = (short, long, usual) => {
      if (options?.[short] !== undefined && options[long] !== undefined) throw withCode(new Error(`Invalid scrypt parameter: ${short} and ${long} are one`), "ERR_CRYPTO_SCRYPT_INVALID_PARAMETER");
      return number(options?.[short] !== undefined ? short : long, UINT32_MAX, usual);
    };
    const N = either("N", "cost", 16384);
    const r = either("r", "blockSize", 8);
    const p = either("p", "parallelization", 1);
    const maxmem = number("maxmem", NUMBER_MAX, 32 * 1024 * 1024);
    const isPower = N > 1 && (N & (N - 1)) === 0;
    if (!isPower || 128 * N * r > maxmem) {
      throw withCode(new RangeError("Invalid scrypt params: memory limit exceeded, or N is no power of 2"), "ERR_CRYPTO_INVALID_SCRYPT_PARAMS");
    }
    // Its password is a key of HMAC, of this digest.
    return [shortened(digestOf("sha256"), bytesArgument(password, "password")), bytesArgument(salt, "salt"), N, r, p, length];
  };

  const CODE = "ERR_CRYPTO_INVALID_SCRYPT_PARAMS";
  const scryptOp = (now, list) => checked(natives.scrypt(now, list[0], list[1], list[2], list[3], list[4], list[5]), CODE);

  return {
    __proto__: null,
    pbkdf2,
    pbkdf2Sync,
    hkdfSync,
    hkdf: (digest, secret, salt, info, length, callback) => common.later(callback, () => hkdfSync(digest, secret, salt, info, length)),
    scryptSync: (password, salt, length, options) => asBuffer(new Uint8Array(scryptOp(true, scryptArguments(password, salt, length, options)))),
    scrypt: (password, salt, length, options, callback) => {
      if (typeof options === "function") {
        callback = options;
        options = undefined;
      }
      validateFunction(callback, "callback");
      deliver(scryptOp(false, scryptArguments(password, salt, length, options)), callback);
    },
  };
};
