"use strict";
// Whether two values are deeply equal, strictly or as == has it, for node:assert and node:util.
// https://nodejs.org/api/assert.html#assertdeepstrictequalactual-expected-message
(nano) => {
  const {
    ArrayIsArray, ArrayPrototypePush, DataViewPrototypeGetBuffer, DataViewPrototypeGetByteLength, DataViewPrototypeGetByteOffset,
    DatePrototypeGetTime, MapPrototypeForEach, MapPrototypeGetSize, NumberIsNaN, ObjectPrototypePropertyIsEnumerable, ObjectGetPrototypeOf, ObjectIs,
    ReflectOwnKeys, SafeMap, SetPrototypeForEach, SetPrototypeGetSize, TypedArrayPrototypeGetBuffer,
    TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset, TypedArrayPrototypeGetSymbolToStringTag, Uint8Array,
    RegExpPrototypeGetSource, NumberPrototypeValueOf, StringPrototypeValueOf, BooleanPrototypeValueOf, BigIntPrototypeValueOf,
    SymbolPrototypeValueOf, ObjectPrototypeToString,
  } = nano.primordials;
  const { typeFlags } = nano.ops.natives("node");
  const { SafeSet, uncurryThis } = nano.primordials;
  const mapHas = uncurryThis(SafeMap.prototype.has);
  const mapGet = uncurryThis(SafeMap.prototype.get);
  const setHas = uncurryThis(SafeSet.prototype.has);
  const {
    RegExpPrototypeGetDotAll, RegExpPrototypeGetGlobal, RegExpPrototypeGetHasIndices, RegExpPrototypeGetIgnoreCase,
    RegExpPrototypeGetMultiline, RegExpPrototypeGetSticky, RegExpPrototypeGetUnicode, RegExpPrototypeGetUnicodeSets,
  } = nano.primordials;
  const flagsOf = [
    RegExpPrototypeGetDotAll, RegExpPrototypeGetGlobal, RegExpPrototypeGetHasIndices, RegExpPrototypeGetIgnoreCase,
    RegExpPrototypeGetMultiline, RegExpPrototypeGetSticky, RegExpPrototypeGetUnicode, RegExpPrototypeGetUnicodeSets,
  ];
  const regExpFlags = (value) => {
    let flags = 0;
    for (let i = 0; i < flagsOf.length; i++) flags = flags * 2 + (flagsOf[i](value) ? 1 : 0);
    return flags;
  };

  const DATE = 1, BIGINT = 1 << 2, BOOLEAN = 1 << 3, NUMBER = 1 << 4, STRING = 1 << 5, SYMBOL = 1 << 6, ERROR = 1 << 7, REGEXP = 1 << 8,
    PROMISE = 1 << 12, MAP = 1 << 13, SET = 1 << 14, WEAKMAP = 1 << 17, WEAKSET = 1 << 18, BUFFER = 1 << 19, VIEW = 1 << 20,
    SHARED = 1 << 21, TYPED = 1 << 24;
  const BRANDS = DATE | BIGINT | BOOLEAN | NUMBER | STRING | SYMBOL | ERROR | REGEXP | PROMISE | MAP | SET | WEAKMAP | WEAKSET | BUFFER |
    VIEW | SHARED | TYPED;
  const ARGUMENTS = 1 << 1;

  const sameBytes = (a, b) => {
    if (a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
    return true;
  };

  const bytesOf = (value, flags) => {
    if (flags & TYPED) return new Uint8Array(TypedArrayPrototypeGetBuffer(value), TypedArrayPrototypeGetByteOffset(value), TypedArrayPrototypeGetByteLength(value));
    if (flags & VIEW) return new Uint8Array(DataViewPrototypeGetBuffer(value), DataViewPrototypeGetByteOffset(value), DataViewPrototypeGetByteLength(value));
    return new Uint8Array(value);
  };

  const sameNumbers = (a, b, strict) => {
    if (a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!(strict ? ObjectIs(a[i], b[i]) : a[i] === b[i] || (NumberIsNaN(a[i]) && NumberIsNaN(b[i])))) return false;
    return true;
  };

  // The own keys that count: enumerable ones, symbols only when strict, and for lists no indices when they were compared already.
  const keysOf = (object, strict) => {
    const all = ReflectOwnKeys(object);
    const keys = [];
    for (let i = 0; i < all.length; i++) {
      if (typeof all[i] === "symbol" && !strict) continue;
      if (ObjectPrototypePropertyIsEnumerable(object, all[i])) ArrayPrototypePush(keys, all[i]);
    }
    return keys;
  };

  const make = (strict) => {
    // The pairs that are being compared: a cycle is equal if it is one in both.
    let pairs;

    const primitives = (a, b) => {
      if (strict) return ObjectIs(a, b);
      return a == b || (a !== a && b !== b);
    };

    const isObject = (value) => typeof value === "object" && value !== null;

    const equal = (a, b) => {
      if (a === b) return a !== 0 || !strict || ObjectIs(a, b);
      if (!isObject(a) || !isObject(b)) {
        if (isObject(a) || isObject(b)) return false;
        return primitives(a, b);
      }
      if (strict && ObjectGetPrototypeOf(a) !== ObjectGetPrototypeOf(b)) return false;
      const flags = typeFlags(a);
      if ((flags & BRANDS) !== (typeFlags(b) & BRANDS) || ArrayIsArray(a) !== ArrayIsArray(b)) return false;
      if ((flags & ARGUMENTS) !== (typeFlags(b) & ARGUMENTS)) return false;
      if (strict && ObjectPrototypeToString(a) !== ObjectPrototypeToString(b)) return false;
      if (flags & DATE && !ObjectIs(DatePrototypeGetTime(a), DatePrototypeGetTime(b))) return false;
      if (flags & REGEXP) {
        if (RegExpPrototypeGetSource(a) !== RegExpPrototypeGetSource(b) || regExpFlags(a) !== regExpFlags(b) || a.lastIndex !== b.lastIndex) return false;
      }
      if (flags & ERROR) {
        if (a.message !== b.message || a.name !== b.name) return false;
        if (!equal(a.cause, b.cause) || !equal(a.errors, b.errors)) return false;
      }
      if (flags & NUMBER && !ObjectIs(NumberPrototypeValueOf(a), NumberPrototypeValueOf(b))) return false;
      if (flags & STRING && StringPrototypeValueOf(a) !== StringPrototypeValueOf(b)) return false;
      if (flags & BOOLEAN && BooleanPrototypeValueOf(a) !== BooleanPrototypeValueOf(b)) return false;
      if (flags & BIGINT && BigIntPrototypeValueOf(a) !== BigIntPrototypeValueOf(b)) return false;
      if (flags & SYMBOL && SymbolPrototypeValueOf(a) !== SymbolPrototypeValueOf(b)) return false;
      if (flags & (PROMISE | WEAKMAP | WEAKSET)) return false;
      if (flags & TYPED) {
        const kind = TypedArrayPrototypeGetSymbolToStringTag(a);
        if (kind !== TypedArrayPrototypeGetSymbolToStringTag(b)) return false;
        const floats = kind === "Float32Array" || kind === "Float64Array" || kind === "Float16Array";
        return floats ? sameNumbers(a, b, strict) : sameBytes(bytesOf(a, flags), bytesOf(b, flags));
      }
      if (flags & (BUFFER | SHARED | VIEW) && !sameBytes(bytesOf(a, flags), bytesOf(b, flags))) return false;
      return contents(a, b, flags);
    };

    const contents = (a, b, flags) => {
      const known = pairs.get(a);
      if (known !== undefined) {
        for (let i = 0; i < known.length; i++) if (known[i] === b) return true;
      }
      const list = known ?? [];
      ArrayPrototypePush(list, b);
      if (known === undefined) pairs.set(a, list);
      const same = members(a, b) && (!(flags & MAP) || maps(a, b)) && (!(flags & SET) || sets(a, b));
      list.length--;
      if (list.length === 0) pairs.delete(a);
      return same;
    };

    const members = (a, b) => {
      if (ArrayIsArray(a) && a.length !== b.length) return false;
      const keys = keysOf(a, strict);
      if (keys.length !== keysOf(b, strict).length) return false;
      for (let i = 0; i < keys.length; i++) {
        if (!ObjectPrototypePropertyIsEnumerable(b, keys[i])) return false;
      }
      for (let i = 0; i < keys.length; i++) if (!equal(a[keys[i]], b[keys[i]])) return false;
      return true;
    };

    const listOfSet = (set) => {
      const list = [];
      SetPrototypeForEach(set, (value) => ArrayPrototypePush(list, value));
      return list;
    };

    const sets = (a, b) => {
      if (SetPrototypeGetSize(a) !== SetPrototypeGetSize(b)) return false;
      const left = listOfSet(a);
      const right = listOfSet(b);
      return matchAll(left, right, (value) => setHas(b, value), (x, y) => equal(x, y));
    };

    const maps = (a, b) => {
      if (MapPrototypeGetSize(a) !== MapPrototypeGetSize(b)) return false;
      const left = [];
      const right = [];
      MapPrototypeForEach(a, (value, key) => ArrayPrototypePush(left, { __proto__: null, key, value }));
      MapPrototypeForEach(b, (value, key) => ArrayPrototypePush(right, { __proto__: null, key, value }));
      const direct = ({ key, value }) => mapHas(b, key) && equal(value, mapGet(b, key));
      return matchAll(left, right, direct, (x, y) => equal(x.key, y.key) && equal(x.value, y.value));
    };

    // Every one on the left has a partner of its own on the right: itself where that is so, else any that is equal.
    const matchAll = (left, right, direct, same) => {
      const taken = new SafeSet();
      for (let i = 0; i < left.length; i++) {
        if (direct(left[i])) continue;
        let found = false;
        for (let k = 0; k < right.length && !found; k++) {
          if (taken.has(k) || !same(left[i], right[k])) continue;
          taken.add(k);
          found = true;
        }
        if (!found) return false;
      }
      return true;
    };

    return (a, b) => {
      const before = pairs;
      pairs = new SafeMap();
      try {
        return equal(a, b);
      } finally {
        pairs = before;
      }
    };
  };

  return { __proto__: null, isDeepStrictEqual: make(true), isDeepEqual: make(false) };
};
