"use strict";
// node:buffer: https://nodejs.org/api/buffer.html. There is no pool, and memory is never another's: allocUnsafe() gives zeros too.
(nano) => {
  const {
    ArrayBufferPrototypeGetByteLength, ArrayIsArray, ArrayPrototypePush, BigUint64Array, BigInt64Array, Float32Array, Float64Array, MathMin, MathPow,
    MathTrunc, Number, NumberIsNaN, ObjectDefineProperty, ObjectSetPrototypeOf, RangeError, ReflectApply, ReflectGet, StringPrototypeSlice, Symbol,
    TypedArrayPrototypeFill, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength,
    TypedArrayPrototypeGetByteOffset, TypedArrayPrototypeGetLength, TypedArrayPrototypeSet, TypeError, Uint8Array,
  } = nano.primordials;
  const { asModule, invalidArgType, invalidArgValue, outOfRange, validateNumber, validateString, withCode } = nano.part("node/errors");
  const { find, utf8 } = nano.part("node/buffer_codecs");
  const { isAnyArrayBuffer, isUint8Array, isArrayBufferView } = nano.part("node/types").default;

  const MAX_LENGTH = 2 ** 32;
  const MAX_STRING_LENGTH = 0x1fffffe8;

  // Written out, because the constructor that a class gets by itself spreads its arguments by way of an iterator.
  class FastBuffer extends Uint8Array {
    constructor(what, offset, length) {
      super(what, offset, length);
    }
  }

  function Buffer(what, encodingOrOffset, length) {
    return typeof what === "number" ? Buffer.alloc(what) : Buffer.from(what, encodingOrOffset, length);
  }
  ObjectSetPrototypeOf(Buffer, Uint8Array);
  ObjectDefineProperty(Buffer, "prototype", { __proto__: null, value: FastBuffer.prototype, writable: false });
  ObjectDefineProperty(FastBuffer.prototype, "constructor", { __proto__: null, value: Buffer, writable: true, configurable: true });
  ObjectDefineProperty(Buffer, Symbol.species, { __proto__: null, get: () => FastBuffer, configurable: true });

  // The console shows what is below it as Node does.
  nano.bufferPrototype = FastBuffer.prototype;

  const define = (target, members) => {
    const names = nano.primordials.ReflectOwnKeys(members);
    for (let i = 0; i < names.length; i++) {
      ObjectDefineProperty(target, names[i], { __proto__: null, value: members[names[i]], writable: true, enumerable: true, configurable: true });
    }
  };

  const lengthOf = TypedArrayPrototypeGetLength;
  const isBytes = (value) => isUint8Array(value);
  const adopt = (bytes) => ObjectSetPrototypeOf(bytes, FastBuffer.prototype);
  const view = (bytes, from, to) =>
    new FastBuffer(TypedArrayPrototypeGetBuffer(bytes), TypedArrayPrototypeGetByteOffset(bytes) + from, to > from ? to - from : 0);

  const codec = (encoding) => {
    const found = find(encoding);
    if (found === undefined) throw withCode(new TypeError(`Unknown encoding: ${encoding}`), "ERR_UNKNOWN_ENCODING");
    return found;
  };

  // A copy of its own, so that no memory is shared with what the codec made.
  const fromText = (text, encoding) => {
    const bytes = codec(encoding).encode(text);
    const whole = TypedArrayPrototypeGetByteLength(bytes) === ArrayBufferPrototypeGetByteLength(TypedArrayPrototypeGetBuffer(bytes));
    return whole ? adopt(bytes) : new FastBuffer(bytes);
  };

  const checkSize = (size) => validateNumber(size, "size", 0, MAX_LENGTH);

  // An index as slice() takes it: from the end if negative, never outside.
  const clamp = (value, length, otherwise) => {
    if (value === undefined) return otherwise;
    const index = MathTrunc(Number(value));
    if (NumberIsNaN(index)) return 0;
    return index < 0 ? (index + length > 0 ? index + length : 0) : MathMin(index, length);
  };

  const bytesArgument = (value, name) => {
    if (!isBytes(value)) throw invalidArgType(name, "an instance of Buffer or Uint8Array", value);
    return value;
  };

  const compareRanges = (a, aFrom, aTo, b, bFrom, bTo) => {
    const length = MathMin(aTo - aFrom, bTo - bFrom);
    for (let i = 0; i < length; i++) {
      const difference = a[aFrom + i] - b[bFrom + i];
      if (difference !== 0) return difference < 0 ? -1 : 1;
    }
    return aTo - aFrom === bTo - bFrom ? 0 : aTo - aFrom < bTo - bFrom ? -1 : 1;
  };

  define(Buffer, {
    poolSize: 8192,

    from(value, encodingOrOffset, length) {
      if (typeof value === "string") return fromText(value, encodingOrOffset);
      if (value !== null && typeof value === "object") {
        if (isAnyArrayBuffer(value)) return new FastBuffer(value, encodingOrOffset, length);
        if (isArrayBufferView(value) || ArrayIsArray(value)) return fromList(value);
        const primitive = typeof value.valueOf === "function" ? value.valueOf() : undefined;
        if (primitive !== null && primitive !== undefined && primitive !== value && (typeof primitive === "string" || typeof primitive === "object")) {
          return Buffer.from(primitive, encodingOrOffset, length);
        }
        if (typeof value.length === "number" || value.buffer !== undefined) return fromList(value);
        if (value.type === "Buffer" && ArrayIsArray(value.data)) return fromList(value.data);
      }
      throw invalidArgType("first argument", "of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object", value);
    },

    alloc: function (size, fill, encoding) {
      checkSize(size);
      const made = new FastBuffer(size);
      return fill === undefined || fill === 0 || size === 0 ? made : made.fill(fill, encoding);
    },

    // Functions, for some call them with `new`.
    allocUnsafe: function (size) {
      checkSize(size);
      return new FastBuffer(size);
    },

    allocUnsafeSlow: function (size) {
      checkSize(size);
      return new FastBuffer(size);
    },

    copyBytesFrom(source, offset = 0, length = undefined) {
      if (!isArrayBufferView(source)) throw invalidArgType("view", "an instance of TypedArray", source);
      const size = lengthOf(source);
      const from = MathMin(offset, size);
      const to = length === undefined ? size : MathMin(from + length, size);
      const unit = size === 0 ? 1 : TypedArrayPrototypeGetByteLength(source) / size;
      const start = TypedArrayPrototypeGetByteOffset(source) + from * unit;
      return new FastBuffer(new Uint8Array(TypedArrayPrototypeGetBuffer(source), start, (to - from) * unit));
    },

    isBuffer: (value) => isBytes(value) && value instanceof FastBuffer,
    isEncoding: (encoding) => typeof encoding === "string" && encoding !== "" && find(encoding) !== undefined,

    byteLength(value, encoding) {
      if (typeof value === "string") return (find(encoding) ?? utf8).length(value);
      if (isArrayBufferView(value)) return value.byteLength;
      if (isAnyArrayBuffer(value)) return value.byteLength;
      throw invalidArgType("string", "of type string or an instance of Buffer or ArrayBuffer", value);
    },

    compare(a, b) {
      bytesArgument(a, "buf1");
      bytesArgument(b, "buf2");
      return compareRanges(a, 0, lengthOf(a), b, 0, lengthOf(b));
    },

    concat(list, length = undefined) {
      if (!ArrayIsArray(list)) throw invalidArgType("list", "an instance of Array", list);
      let total = 0;
      for (let i = 0; i < list.length; i++) total += lengthOf(bytesArgument(list[i], `list[${i}]`));
      if (length === undefined) length = total;
      else validateNumber(length, "length", 0, MAX_LENGTH);
      const made = new FastBuffer(length);
      let at = 0;
      for (let i = 0; i < list.length && at < length; i++) {
        const part = list[i];
        const size = MathMin(lengthOf(part), length - at);
        TypedArrayPrototypeSet(made, size === lengthOf(part) ? part : view(part, 0, size), at);
        at += size;
      }
      return made;
    },
  });

  const fromList = (list) => {
    const { length } = list;
    const made = new FastBuffer(length > 0 ? length : 0);
    for (let i = 0; i < made.length; i++) made[i] = list[i];
    return made;
  };

  // What fill(), indexOf() and includes() look for, as bytes; a number is one byte.
  const needle = (value, encoding) => {
    if (typeof value === "string") return codec(encoding).encode(value);
    if (isBytes(value)) return value;
    if (typeof value === "number" || typeof value === "boolean") return new Uint8Array([Number(value) & 255]);
    throw invalidArgType("value", "of type number or string or an instance of Buffer or Uint8Array", value);
  };

  const search = (buffer, value, offset, encoding, forward) => {
    if (typeof offset === "string") {
      encoding = offset;
      offset = undefined;
    }
    const what = needle(value, encoding);
    const size = lengthOf(buffer);
    const wanted = lengthOf(what);
    let from = offset === undefined ? (forward ? 0 : size) : MathTrunc(Number(offset));
    if (NumberIsNaN(from)) from = forward ? 0 : size;
    if (from < 0) from += size;
    if (from < 0) {
      if (!forward) return -1;
      from = 0;
    }
    if (wanted === 0) return MathMin(from, size);
    const step = codec(encoding).name === "utf16le" && typeof value === "string" ? 2 : 1;
    for (let at = forward ? from : MathMin(from, size - wanted); forward ? at <= size - wanted : at >= 0; at += forward ? 1 : -1) {
      if (step === 2 && at % 2 !== 0) continue;
      let same = 0;
      while (same < wanted && buffer[at + same] === what[same]) same++;
      if (same === wanted) return at;
    }
    return -1;
  };

  const self = (value) => {
    if (!isBytes(value)) throw invalidArgType("this", "an instance of Buffer", value);
    return value;
  };

  const rangeOf = (value, name, length, otherwise) => {
    if (value === undefined) return otherwise;
    validateNumber(value, name, 0, length);
    return value;
  };

  const methods = {
    __proto__: null,

    toString(encoding, start, end) {
      const length = lengthOf(self(this));
      const from = start === undefined || start <= 0 ? 0 : MathTrunc(start) || 0;
      const to = end === undefined || end > length ? length : MathTrunc(end) || 0;
      return to <= from ? "" : codec(encoding).decode(view(this, from, to));
    },

    toJSON() {
      const data = [];
      for (let i = 0; i < lengthOf(self(this)); i++) ArrayPrototypePush(data, this[i]);
      return { type: "Buffer", data };
    },

    equals(other) {
      bytesArgument(other, "otherBuffer");
      return compareRanges(self(this), 0, lengthOf(this), other, 0, lengthOf(other)) === 0;
    },

    compare(target, targetStart, targetEnd, sourceStart, sourceEnd) {
      bytesArgument(target, "target");
      const size = lengthOf(target);
      const own = lengthOf(self(this));
      const bFrom = rangeOf(targetStart, "targetStart", size, 0);
      const bTo = rangeOf(targetEnd, "targetEnd", size, size);
      const aFrom = rangeOf(sourceStart, "sourceStart", own, 0);
      const aTo = rangeOf(sourceEnd, "sourceEnd", own, own);
      if (aFrom >= aTo) return bFrom >= bTo ? 0 : -1;
      return bFrom >= bTo ? 1 : compareRanges(this, aFrom, aTo, target, bFrom, bTo);
    },

    copy(target, targetStart = 0, sourceStart = 0, sourceEnd = undefined) {
      bytesArgument(target, "target");
      const own = lengthOf(self(this));
      if (targetStart < 0) throw outOfRange("targetStart", ">= 0", targetStart);
      if (sourceStart < 0 || sourceStart > own) throw outOfRange("sourceStart", `>= 0 && <= ${own}`, sourceStart);
      if (sourceEnd !== undefined && sourceEnd < 0) throw outOfRange("sourceEnd", ">= 0", sourceEnd);
      const to = sourceEnd === undefined ? own : MathMin(MathTrunc(sourceEnd), own);
      const count = MathMin(to - sourceStart, lengthOf(target) - targetStart);
      if (!(count > 0)) return 0;
      TypedArrayPrototypeSet(target, view(this, sourceStart, sourceStart + count), targetStart);
      return count;
    },

    slice(start, end) {
      const length = lengthOf(self(this));
      return view(this, clamp(start, length, 0), clamp(end, length, length));
    },

    fill(value, offset, end, encoding) {
      const length = lengthOf(self(this));
      if (typeof offset === "string") {
        encoding = offset;
        offset = undefined;
      } else if (typeof end === "string") {
        encoding = end;
        end = undefined;
      }
      const from = rangeOf(offset, "offset", length, 0);
      const to = rangeOf(end, "end", length, length);
      if (value === "" || (typeof value !== "string" && !isBytes(value))) {
        TypedArrayPrototypeFill(this, +value & 255, from, to);
        return this;
      }
      const what = needle(value, encoding);
      const size = lengthOf(what);
      if (size === 0) throw invalidArgValue("value", value);
      for (let i = from, k = 0; i < to; i++) {
        this[i] = what[k];
        k = k + 1 === size ? 0 : k + 1;
      }
      return this;
    },

    write(text, offset, length, encoding) {
      validateString(text, "argument");
      const size = lengthOf(self(this));
      if (typeof offset === "string") {
        encoding = offset;
        offset = length = undefined;
      } else if (typeof length === "string") {
        encoding = length;
        length = undefined;
      }
      const from = rangeOf(offset, "offset", size, 0);
      const room = length === undefined ? size - from : MathMin(rangeOf(length, "length", size, size), size - from);
      const format = codec(encoding);
      const bytes = format.encode(text);
      let count = MathMin(lengthOf(bytes), room);
      // No half characters.
      if (format.name === "utf8") while (count > 0 && count < lengthOf(bytes) && (bytes[count] & 0xc0) === 0x80) count--;
      if (format.name === "utf16le") count -= count % 2;
      TypedArrayPrototypeSet(this, count === lengthOf(bytes) ? bytes : nano.primordials.Uint8ArraySubarray(bytes, 0, count), from);
      return count;
    },

    indexOf(value, offset, encoding) {
      return search(self(this), value, offset, encoding, true);
    },

    lastIndexOf(value, offset, encoding) {
      return search(self(this), value, offset, encoding, false);
    },

    includes(value, offset, encoding) {
      return search(self(this), value, offset, encoding, true) !== -1;
    },
  };
  methods.toLocaleString = methods.toString;
  methods.subarray = methods.slice;

  // What older code calls: each encoding's own toString() and write().
  const encodings = ["ascii", "base64", "base64url", "latin1", "hex", "ucs2", "utf8"];
  for (let i = 0; i < encodings.length; i++) {
    const encoding = encodings[i];
    methods[`${encoding}Slice`] = function (start = 0, end = lengthOf(self(this))) {
      const length = lengthOf(self(this));
      if (start < 0 || start > length || end < 0 || end > length) throw withCode(new RangeError("Index out of range"), "ERR_OUT_OF_RANGE");
      return end <= start ? "" : codec(encoding).decode(view(this, start, end));
    };
    methods[`${encoding}Write`] = function (text, offset = 0, length = lengthOf(self(this)) - offset) {
      if (offset < 0 || offset > lengthOf(self(this))) throw withCode(new RangeError('"offset" is outside of buffer bounds'), "ERR_BUFFER_OUT_OF_BOUNDS");
      return ReflectApply(methods.write, this, [text, offset, length, encoding]);
    };
  }

  const swap = (name, size) => ({
    [name]() {
      const length = lengthOf(self(this));
      if (length % size !== 0) throw withCode(new RangeError(`Buffer size must be a multiple of ${size * 8}-bits`), "ERR_INVALID_BUFFER_SIZE");
      for (let at = 0; at < length; at += size) {
        for (let i = 0; i < size / 2; i++) {
          const kept = this[at + i];
          this[at + i] = this[at + size - 1 - i];
          this[at + size - 1 - i] = kept;
        }
      }
      return this;
    },
  }[name]);
  methods.swap16 = swap("swap16", 2);
  methods.swap32 = swap("swap32", 4);
  methods.swap64 = swap("swap64", 8);

  // Numbers

  const place = (buffer, offset, size) => {
    const length = lengthOf(self(buffer));
    if (offset === undefined) offset = 0;
    if (typeof offset !== "number") throw invalidArgType("offset", "number", offset);
    if (length < size) throw withCode(new RangeError("Attempt to access memory outside buffer bounds"), "ERR_BUFFER_OUT_OF_BOUNDS");
    if (MathTrunc(offset) !== offset) throw outOfRange("offset", "an integer", offset);
    if (offset < 0 || offset + size > length) throw outOfRange("offset", `>= 0 and <= ${length - size}`, offset);
    return offset;
  };

  const checkWidth = (width) => {
    if (typeof width !== "number") throw invalidArgType("byteLength", "number", width);
    if (MathTrunc(width) !== width || width < 1 || width > 6) throw outOfRange("byteLength", ">= 1 and <= 6", width);
  };

  const readInteger = (buffer, offset, size, little, signed) => {
    const at = place(buffer, offset, size);
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + buffer[little ? at + size - 1 - i : at + i];
    const limit = MathPow(2, 8 * size - 1);
    return signed && value >= limit ? value - 2 * limit : value;
  };

  const writeInteger = (buffer, value, offset, size, little, signed) => {
    value = +value;
    const limit = MathPow(2, 8 * size - (signed ? 1 : 0));
    if (value >= limit || value < (signed ? -limit : 0)) throw outOfRange("value", `>= ${signed ? -limit : 0} and <= ${limit - 1}`, value);
    const at = place(buffer, offset, size);
    let rest = MathTrunc(NumberIsNaN(value) ? 0 : value);
    if (rest < 0) rest += 2 * limit;
    for (let i = 0; i < size; i++) {
      buffer[little ? at + i : at + size - 1 - i] = rest % 256;
      rest = MathTrunc(rest / 256);
    }
    return at + size;
  };

  // Eight bytes that are read as whatever is wanted; the machine is little-endian.
  const scratch = new Uint8Array(8);
  const kinds = [["Float", Float32Array, 4], ["Double", Float64Array, 8], ["BigInt64", BigInt64Array, 8], ["BigUInt64", BigUint64Array, 8]];
  for (let k = 0; k < kinds.length; k++) {
    const name = kinds[k][0];
    const size = kinds[k][2];
    const cell = new (kinds[k][1])(TypedArrayPrototypeGetBuffer(scratch), 0, 8 / size);
    for (let order = 0; order < 2; order++) {
      const little = order === 0;
      const end = little ? "LE" : "BE";
      methods[`read${name}${end}`] = function (offset) {
        const at = place(this, offset, size);
        for (let i = 0; i < size; i++) scratch[i] = this[little ? at + i : at + size - 1 - i];
        return cell[0];
      };
      methods[`write${name}${end}`] = function (value, offset) {
        if (name === "BigInt64" || name === "BigUInt64") {
          if (typeof value !== "bigint") throw invalidArgType("value", "bigint", value);
          const limit = name === "BigInt64" ? 2n ** 63n : 2n ** 64n;
          if (value >= limit || value < (name === "BigInt64" ? -limit : 0n)) throw outOfRange("value", "within 64 bits", value);
        }
        const at = place(this, offset, size);
        cell[0] = name === "Float" || name === "Double" ? +value : value;
        for (let i = 0; i < size; i++) this[little ? at + i : at + size - 1 - i] = scratch[i];
        return at + size;
      };
    }
  }

  for (let sign = 0; sign < 2; sign++) {
    const signed = sign === 0;
    const name = signed ? "Int" : "UInt";
    for (let size = 1; size <= 4; size *= 2) {
      const bits = size * 8;
      for (let order = 0; order < (size === 1 ? 1 : 2); order++) {
        const little = order === 0;
        const full = `${name}${bits}${bits === 8 ? "" : little ? "LE" : "BE"}`;
        methods[`read${full}`] = function (offset) {
          return readInteger(this, offset, size, little, signed);
        };
        methods[`write${full}`] = function (value, offset) {
          return writeInteger(this, value, offset, size, little, signed);
        };
      }
    }
    for (let order = 0; order < 2; order++) {
      const little = order === 0;
      const full = `${name}${little ? "LE" : "BE"}`;
      methods[`read${full}`] = function (offset, width) {
        checkWidth(width);
        return readInteger(this, offset, width, little, signed);
      };
      methods[`write${full}`] = function (value, offset, width) {
        checkWidth(width);
        return writeInteger(this, value, offset, width, little, signed);
      };
    }
  }
  define(FastBuffer.prototype, methods);
  // Uint beside UInt: the same functions under both names.
  const named = nano.primordials.ReflectOwnKeys(methods);
  for (let i = 0; i < named.length; i++) {
    const at = nano.primordials.StringPrototypeIndexOf(named[i], "UInt");
    if (at === -1) continue;
    const other = `${StringPrototypeSlice(named[i], 0, at)}Uint${StringPrototypeSlice(named[i], at + 4)}`;
    define(FastBuffer.prototype, { [other]: methods[named[i]] });
  }
  ObjectDefineProperty(FastBuffer.prototype, "parent", { __proto__: null, get() { return isBytes(this) ? TypedArrayPrototypeGetBuffer(this) : undefined; }, configurable: true });
  ObjectDefineProperty(FastBuffer.prototype, "offset", { __proto__: null, get() { return isBytes(this) ? TypedArrayPrototypeGetByteOffset(this) : undefined; }, configurable: true });

  // What the platform has anyway, under Node's roof.
  const shared = (name) => ReflectGet(globalThis, name);
  const functions = {
    isAscii: (value) => {
      const bytes = isAnyArrayBuffer(value) ? new Uint8Array(value) : bytesArgument(value, "input");
      for (let i = 0; i < lengthOf(bytes); i++) if (bytes[i] > 127) return false;
      return true;
    },
    isUtf8: (value) => nano.ops.utf8Decode(isAnyArrayBuffer(value) ? new Uint8Array(value) : bytesArgument(value, "input"), true, true) !== undefined,
    transcode: (source, from, to) => fromText(codec(from).decode(bytesArgument(source, "source")), to),
  };
  return asModule({
    Buffer, SlowBuffer: Buffer.allocUnsafeSlow, Blob: shared("Blob"), File: shared("File"), atob: shared("atob"), btoa: shared("btoa"),
    constants: { MAX_LENGTH, MAX_STRING_LENGTH }, kMaxLength: MAX_LENGTH, kStringMaxLength: MAX_STRING_LENGTH, INSPECT_MAX_BYTES: 50, ...functions,
  });
};
