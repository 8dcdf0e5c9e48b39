'use strict';
// Values as the native half reads and writes them: CBOR, with the tags that NANO's C interface documents.

const { types } = require('node:util');
const { invalid, tooLarge } = require('./errors.js');
const { Hashing } = require('./hashing.js');
const { Pattern } = require('./pattern.js');

const DEPTH_MAX = 64;
const BYTES_MAX = 32 << 20;

const TYPED = [
  [Uint16Array, 69],
  [Uint32Array, 70],
  [BigUint64Array, 71],
  [Uint8ClampedArray, 68],
  [Int8Array, 72],
  [Int16Array, 77],
  [Int32Array, 78],
  [BigInt64Array, 79],
  [Float32Array, 85],
  [Float64Array, 86],
];
if (typeof Float16Array === 'function') TYPED.push([Float16Array, 84]);
const TAG_BY_NAME = new Map(TYPED.map(([type, tag]) => [type.name, tag]));
const TYPE_BY_TAG = new Map(TYPED.map(([type, tag]) => [tag, type]));
const getTypedArrayName = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;

// Tags of NANO's own, where CBOR's registry has none.
const ARRAY_BUFFER = 0x4e414e4f;
const DATA_VIEW = ARRAY_BUFFER + 1;
const BOXED = ARRAY_BUFFER + 2;
const WTF8 = 273;
const REG_EXP = 21066;
const ABSENT = 31;

const giveNothing = () => undefined;

// Used for one encoding after the other; whoever encodes meanwhile (a getter may) has one of its own.
let scratch = Buffer.allocUnsafeSlow(16 << 10);

/**
 * Hands the bytes of a value to `use`, for that call only.
 * `give` says under which class and number an app is to hold an object of the host's.
 */
function encode(value, give, use) {
  const writer = new Writer(give ?? giveNothing);
  try {
    writer.value(value, 0);
    return use(writer.buffer.subarray(0, writer.at));
  } finally {
    if (writer.buffer.length <= 1 << 20) scratch = writer.buffer;
  }
}

class Writer {
  constructor(give) {
    this.buffer = scratch ?? Buffer.allocUnsafeSlow(1 << 10);
    scratch = null;
    this.at = 0;
    this.give = give;
    // The errors that it is inside of, and how many bytes were written of properties of errors that cannot cross after all.
    this.errors = [];
    this.inVain = 0;
  }

  room(bytes) {
    const needed = this.at + bytes;
    if (needed <= this.buffer.length) return;
    if (needed > BYTES_MAX) throw tooLarge('the value has more than 32 MiB; send smaller ones');
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(larger, 0, 0, this.at);
    this.buffer = larger;
  }

  head(major, count) {
    this.room(9);
    const { buffer } = this;
    const first = major << 5;
    if (count < 24) {
      buffer[this.at++] = first | count;
    } else if (count <= 0xff) {
      buffer[this.at++] = first | 24;
      buffer[this.at++] = count;
    } else if (count <= 0xffffffff) {
      buffer[this.at] = first | 26;
      this.at = buffer.writeUInt32BE(count, this.at + 1);
    } else {
      buffer[this.at] = first | 27;
      buffer.writeUInt32BE(Math.floor(count / 2 ** 32), this.at + 1);
      this.at = buffer.writeUInt32BE(count % 2 ** 32, this.at + 5);
    }
  }

  simple(code) {
    this.room(1);
    this.buffer[this.at++] = code;
  }

  text(text) {
    // As if it were ASCII, which most text is; what is not is found out by its length.
    const length = Buffer.byteLength(text);
    this.head(3, length);
    this.room(length);
    this.at += this.buffer.write(text, this.at, length);
  }

  // A string that is not well-formed has a tag, and three bytes for each half of a pair that stands alone.
  string(text) {
    if (text.isWellFormed()) return this.text(text);
    this.head(6, WTF8);
    this.bytes(wtf8Of(text));
  }

  bytes(bytes) {
    this.head(2, bytes.length);
    this.room(bytes.length);
    this.buffer.set(bytes, this.at);
    this.at += bytes.length;
  }

  float(number) {
    this.room(9);
    this.buffer[this.at] = 0xfb;
    this.at = this.buffer.writeDoubleBE(number, this.at + 1);
  }

  bigint(value) {
    const negative = value < 0n;
    const magnitude = negative ? -1n - value : value;
    const hex = magnitude.toString(16);
    this.head(6, negative ? 3 : 2);
    this.bytes(magnitude === 0n ? Buffer.alloc(0) : Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex'));
  }

  value(value, depth) {
    switch (typeof value) {
      case 'string':
        return this.string(value);
      case 'number':
        if (!Number.isSafeInteger(value) || Object.is(value, -0)) return this.float(value);
        return value >= 0 ? this.head(0, value) : this.head(1, -1 - value);
      case 'boolean':
        return this.simple(value ? 0xf5 : 0xf4);
      case 'undefined':
        return this.simple(0xf7);
      case 'bigint':
        return this.bigint(value);
      case 'object':
        return value === null ? this.simple(0xf6) : this.object(value, depth + 1);
      default:
        throw invalid(`a ${typeof value} cannot cross to an app`);
    }
  }

  object(value, depth) {
    // Also what ends a value that contains itself.
    if (depth > DEPTH_MAX || this.inVain > BYTES_MAX) throw tooLarge('the value nests deeper than 64 levels, or contains itself');
    if (Array.isArray(value)) {
      this.head(4, value.length);
      for (let index = 0; index < value.length; index++) {
        const item = value[index];
        if (item === undefined && !(index in value)) this.head(6, ABSENT);
        this.value(item, depth);
      }
    } else if (isPlain(value)) {
      const keys = Object.keys(value);
      this.head(5, keys.length);
      for (const key of keys) {
        this.text(key);
        this.value(value[key], depth);
      }
    } else {
      this.instance(value, depth);
    }
  }

  instance(value, depth) {
    const given = this.give(value);
    if (given !== undefined) {
      this.head(6, 27);
      return this.value(['HostObject', given.name, given.number], depth);
    }
    if (ArrayBuffer.isView(value)) return this.view(value);
    if (types.isArrayBuffer(value)) {
      this.head(6, ARRAY_BUFFER);
      return this.bytes(new Uint8Array(value));
    }
    if (types.isDate(value)) {
      this.head(6, 1);
      return this.float(Date.prototype.getTime.call(value) / 1000);
    }
    if (types.isMap(value)) {
      const entries = [...Map.prototype.entries.call(value)];
      this.head(6, 259);
      this.head(5, entries.length);
      for (const [key, item] of entries) {
        this.value(key, depth);
        this.value(item, depth);
      }
      return;
    }
    if (types.isSet(value)) {
      this.head(6, 258);
      return this.value([...Set.prototype.values.call(value)], depth);
    }
    if (types.isNativeError(value) || value instanceof Error) return this.error(value, depth);
    if (types.isRegExp(value) || value instanceof Pattern) {
      this.head(6, REG_EXP);
      return this.value([value.source, value.flags], depth);
    }
    if (types.isBoxedPrimitive(value) && !types.isSymbolObject(value)) {
      this.head(6, BOXED);
      return this.value(value.valueOf(), depth);
    }
    throw invalid(`an object of the class ${value.constructor?.name ?? 'unknown'} cannot cross to an app, only what is plain`);
  }

  // With its own properties, of which those are left out that cannot cross: it has to be told of all the same.
  error(error, depth) {
    // Found here, and not by its depth: an error that has itself in two places would be gone through in more ways than there is time for.
    if (this.errors.includes(error)) throw tooLarge('the error contains itself');
    const keys = new Set();
    // Its properties are a level of their own.
    if (depth < DEPTH_MAX) {
      for (const key of Object.keys(error)) keys.add(key);
      for (const hidden of HIDDEN) if (Object.hasOwn(error, hidden)) keys.add(hidden);
      for (const told of ['name', 'message', 'stack']) keys.delete(told);
    }
    this.head(6, 27);
    this.head(4, keys.size === 0 ? 3 : 4);
    for (const text of ['Error', error.name, error.message]) this.text(String(text));
    if (keys.size === 0) return;
    // Of no length that is known before.
    this.simple(0xbf);
    this.errors.push(error);
    for (const key of keys) {
      const start = this.at;
      const inside = this.errors.length;
      const given = this.give.count?.();
      try {
        this.text(key);
        this.value(error[key], depth + 1);
      } catch {
        this.inVain += this.at - start;
        this.at = start;
        this.errors.length = inside;
        this.give.takeBackTo?.(given);
      }
    }
    this.errors.pop();
    this.simple(0xff);
  }

  view(view) {
    const name = getTypedArrayName.call(view);
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    // A Uint8Array is bytes without a tag.
    if (name !== 'Uint8Array') this.head(6, name === undefined ? DATA_VIEW : TAG_BY_NAME.get(name));
    this.bytes(bytes);
  }
}

function isPlain(value) {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  // Of another realm, as test runners have them.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'hasOwnProperty') && !types.isProxy(value);
}

/** The value that bytes say; `held` finds objects of the host's that an app names by class and number. */
function decode(bytes, held) {
  return new Reader(bytes, held).value();
}

class Reader {
  constructor(bytes, held) {
    this.bytes = bytes;
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
    this.held = held;
    this.hashing = null;
  }

  count(info) {
    if (info < 24) return info;
    const { buffer, at } = this;
    this.at += 1 << (info - 24);
    if (info === 24) return buffer[at];
    if (info === 25) return buffer.readUInt16BE(at);
    if (info === 26) return buffer.readUInt32BE(at);
    const count = buffer.readUInt32BE(at) * 2 ** 32 + buffer.readUInt32BE(at + 4);
    return Number.isSafeInteger(count) ? count : buffer.readBigUInt64BE(at);
  }

  take() {
    const info = this.buffer[this.at++] & 31;
    const count = this.count(info);
    this.at += count;
    // A copy: a small piece must not keep all of the message alive, nor be detached with it.
    return this.bytes.slice(this.at - count, this.at);
  }

  value() {
    const first = this.buffer[this.at++];
    const major = first >> 5;
    const info = first & 31;
    if (major === 7) return this.simple(info);
    if (major === 2) {
      this.at--;
      return this.take();
    }
    const count = this.count(info);
    switch (major) {
      case 0:
        return count;
      case 1:
        return typeof count === 'bigint' ? -1n - count : -1 - count;
      case 3: {
        const start = this.at;
        this.at += count;
        return count === 0 ? '' : this.buffer.utf8Slice(start, this.at);
      }
      case 4: {
        const all = new Array(count);
        for (let index = 0; index < count; index++) {
          // What is absent stays so.
          if (this.bytes[this.at] === 0xd8 && this.bytes[this.at + 1] === ABSENT) this.at += 3;
          else all[index] = this.value();
        }
        return all;
      }
      case 5:
        return this.object(count);
      default:
        return this.tagged(count);
    }
  }

  simple(info) {
    switch (info) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
        return null;
      case 25:
        this.at += 2;
        return half(this.buffer.readUInt16BE(this.at - 2));
      case 26:
        this.at += 4;
        return this.buffer.readFloatBE(this.at - 4);
      case 27:
        this.at += 8;
        return this.buffer.readDoubleBE(this.at - 8);
      default:
        return undefined;
    }
  }

  object(count) {
    const all = {};
    for (let index = 0; index < count; index++) {
      const key = this.value();
      const value = this.value();
      if (key === '__proto__') Object.defineProperty(all, key, { value, writable: true, enumerable: true, configurable: true });
      else all[key] = value;
    }
    return all;
  }

  set() {
    const items = this.value();
    const all = new Set();
    this.hashed().each(items.length, (index) => all.add(items[index]));
    return all;
  }

  map() {
    const count = this.count(this.buffer[this.at++] & 31);
    const entries = [];
    for (let index = 0; index < count; index++) entries.push(this.value(), this.value());
    const all = new Map();
    this.hashed().each(count, (index) => all.set(entries[index * 2], entries[index * 2 + 1]));
    return all;
  }

  hashed() {
    return (this.hashing ??= new Hashing());
  }

  tagged(tag) {
    switch (tag) {
      case 1:
        return new Date(Math.round(this.value() * 1000));
      case 2:
      case 3: {
        const magnitude = BigInt(`0x${Buffer.from(this.take()).toString('hex') || '0'}`);
        return tag === 2 ? magnitude : -1n - magnitude;
      }
      case 27: {
        const [of, name, what, properties] = this.value();
        return of === 'Error' ? errorOf(name, what, properties) : this.held(name, what);
      }
      case 258:
        return this.set();
      case 259:
        return this.map();
      case 64:
        return this.take();
      case WTF8:
        return textOf(this.take());
      case REG_EXP: {
        const [source, flags] = this.value();
        return new Pattern(source, flags);
      }
      case ARRAY_BUFFER:
        return this.take().buffer;
      case DATA_VIEW:
        return new DataView(this.take().buffer);
      case BOXED:
        return Object(this.value());
      default: {
        const bytes = this.take();
        const Type = TYPE_BY_TAG.get(tag);
        if (Type !== undefined) return new Type(bytes.buffer);
        // A Node without half floats: widened, each element is the same number.
        return Float32Array.from(new Uint16Array(bytes.buffer), half);
      }
    }
  }
}

const ERRORS = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

// What an error has of its own without its being enumerable.
const HIDDEN = ['cause', 'errors'];

function errorOf(name, message, properties = {}) {
  const error = name === 'AggregateError' ? new AggregateError([], message) : new (Object.hasOwn(ERRORS, name) ? ERRORS[name] : Error)(message);
  for (const key of Object.keys(properties)) {
    Object.defineProperty(error, key, { value: properties[key], writable: true, enumerable: !HIDDEN.includes(key), configurable: true });
  }
  if (error.name !== name) Object.defineProperty(error, 'name', { value: name, writable: true, configurable: true });
  // Where it was read says nothing about where it was made.
  error.stack = `${name}: ${message}`;
  return error;
}

// UTF-8 in which half of a surrogate pair may stand alone, as three bytes.
function wtf8Of(text) {
  const parts = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    if (text.codePointAt(at) > 0xffff) {
      at++;
      continue;
    }
    parts.push(Buffer.from(text.slice(start, at)), Buffer.of(0xed, 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)));
    start = at + 1;
  }
  parts.push(Buffer.from(text.slice(start)));
  return Buffer.concat(parts);
}

function textOf(wtf8) {
  const bytes = Buffer.from(wtf8.buffer, wtf8.byteOffset, wtf8.byteLength);
  const parts = [];
  let start = 0;
  for (let at = bytes.indexOf(0xed); at !== -1; at = bytes.indexOf(0xed, at + 3)) {
    if (bytes[at + 1] < 0xa0) continue;
    parts.push(bytes.toString('utf8', start, at), String.fromCharCode(0xd000 | ((bytes[at + 1] & 0x3f) << 6) | (bytes[at + 2] & 0x3f)));
    start = at + 3;
  }
  parts.push(bytes.toString('utf8', start));
  return parts.join('');
}

function half(bits) {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

module.exports = { encode, decode };
