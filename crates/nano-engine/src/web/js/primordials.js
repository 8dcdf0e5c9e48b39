"use strict";
// The built-ins as they were before any app could change them, one captured function each.
//
// The tables are the whole truth: a name is read by its spelling, and one that leads nowhere stops the build.
//   ArrayIsArray                         Array.isArray
//   ArrayPrototypePush(array, x)         array.push(x)
//   MapPrototypeGetSize(map)             map.size, through its getter
//   ArrayPrototypeSymbolIterator(array)  array[Symbol.iterator]()
//   SymbolIterator, JSONStringify, Promise, IteratorPrototype
// What would ask an app all the same, by an array's prototypes or by the species of what it makes, is replaced at the end.
(nano) => {
  const { apply, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
  const { defineProperty, freeze, setPrototypeOf } = Object;
  const { bind, call } = Function.prototype;
  const uncurryThis = apply(bind, bind, [call]);

  // What an app puts on Object.prototype is neither found here nor handed what is put here.
  setPrototypeOf(nano, null);
  setPrototypeOf(nano.ops, null);

  const tables = {
    arrays: `
      ArrayIsArray ArrayPrototype ArrayPrototypeIncludes ArrayPrototypeIndexOf ArrayPrototypeJoin ArrayPrototypePop
      ArrayPrototypeShift ArrayPrototypeSort ArrayPrototypeSymbolIterator AsyncIteratorPrototype IteratorPrototype
    `,
    bytes: `
      ArrayBuffer ArrayBufferIsView ArrayBufferPrototype ArrayBufferPrototypeGetByteLength ArrayBufferPrototypeGetDetached
      ArrayBufferPrototypeGetMaxByteLength ArrayBufferPrototypeGetResizable ArrayBufferPrototypeResize
      ArrayBufferPrototypeTransfer BigInt64Array BigUint64Array
      DataView DataViewPrototypeGetBuffer DataViewPrototypeGetByteLength DataViewPrototypeGetByteOffset
      DataViewPrototypeGetUint8 Float32Array Float64Array Int16Array Int32Array Int8Array
      SharedArrayBufferPrototypeGetByteLength SharedArrayBufferPrototypeGetGrowable TypedArrayPrototypeFill
      TypedArrayPrototypeGetBuffer TypedArrayPrototypeGetByteLength TypedArrayPrototypeGetByteOffset
      TypedArrayPrototypeGetLength TypedArrayPrototypeGetSymbolToStringTag TypedArrayPrototypeSet
      Uint16Array Uint32Array Uint8Array Uint8ClampedArray
    `,
    collections: `
      Map MapPrototype MapPrototypeForEach MapPrototypeGetSize MapPrototypeSet Set SetPrototype SetPrototypeAdd
      SetPrototypeForEach SetPrototypeGetSize
      WeakMap WeakMapPrototype WeakRef WeakRefPrototype WeakSetPrototype
    `,
    errors: `
      AggregateError Error ErrorCaptureStackTrace ErrorPrototype EvalError RangeError ReferenceError SyntaxError TypeError URIError
    `,
    functions: `
      FunctionPrototypeBind FunctionPrototypeCall FunctionPrototypeToString
    `,
    numbers: `
      BigInt BigIntPrototype BigIntPrototypeToString BigIntPrototypeValueOf BooleanPrototype BooleanPrototypeValueOf Date
      DateNow DatePrototype DatePrototypeGetTime DatePrototypeToISOString MathCeil MathFloor MathMax MathMin MathPow
      MathRandom MathRound MathTrunc Number NumberIsFinite NumberIsNaN NumberIsSafeInteger NumberMAX_SAFE_INTEGER
      NumberMIN_SAFE_INTEGER NumberPOSITIVE_INFINITY NumberParseFloat NumberParseInt NumberPrototype NumberPrototypeToFixed
      NumberPrototypeToString NumberPrototypeValueOf
    `,
    objects: `
      Object ObjectPrototypePropertyIsEnumerable ObjectAssign ObjectCreate ObjectDefineProperties ObjectDefineProperty ObjectEntries ObjectFreeze ObjectFromEntries
      ObjectGetOwnPropertyDescriptor ObjectGetOwnPropertyDescriptors ObjectGetPrototypeOf ObjectHasOwn ObjectIs ObjectKeys
      ObjectPrototype ObjectPrototypeHasOwnProperty ObjectPrototypeToString ObjectSetPrototypeOf Proxy ReflectApply
      ReflectConstruct ReflectDefineProperty ReflectGet ReflectGetOwnPropertyDescriptor ReflectGetPrototypeOf ReflectHas ReflectOwnKeys ReflectSet
    `,
    promises: `
      Promise PromisePrototype PromisePrototypeThen PromiseReject PromiseResolve PromiseWithResolvers
    `,
    symbols: `
      Symbol SymbolAsyncIterator SymbolDispose SymbolFor SymbolHasInstance SymbolIterator SymbolPrototype SymbolPrototypeToString
      SymbolPrototypeValueOf SymbolToPrimitive SymbolToStringTag
    `,
    text: `
      JSONParse JSONStringify RegExp RegExpPrototype RegExpPrototypeExec RegExpPrototypeGetDotAll RegExpPrototypeGetGlobal
      RegExpPrototypeGetHasIndices RegExpPrototypeGetIgnoreCase RegExpPrototypeGetMultiline RegExpPrototypeGetSource
      RegExpPrototypeGetSticky RegExpPrototypeGetUnicode RegExpPrototypeGetUnicodeSets RegExpPrototypeSymbolReplace
      RegExpPrototypeTest String StringFromCharCode StringPrototype StringPrototypeCharCodeAt StringPrototypeEndsWith
      StringPrototypeIncludes StringPrototypeIndexOf StringPrototypeLastIndexOf StringPrototypePadEnd
      StringPrototypeReplaceAll StringPrototypeSlice StringPrototypeSplit StringPrototypeStartsWith StringPrototypeToLowerCase
      StringPrototypeToUpperCase StringPrototypeToWellFormed StringPrototypeTrim StringPrototypeValueOf decodeURIComponent
      encodeURIComponent
    `,
  };

  // What a host may have turned off: these names are undefined then.
  const optional = ["Atomics", "SharedArrayBuffer", "WebAssembly"];

  // Built-ins that have no name of their own on the global.
  const roots = {
    __proto__: null,
    TypedArray: getPrototypeOf(Uint8Array),
    Iterator: { prototype: getPrototypeOf(getPrototypeOf([][Symbol.iterator]())) },
    ArrayIterator: { prototype: getPrototypeOf([][Symbol.iterator]()) },
    AsyncIterator: { prototype: getPrototypeOf(getPrototypeOf(async function* () {}.prototype)) },
  };

  const lowerFirst = (text) => text[0].toLowerCase() + text.slice(1);

  // "SymbolIterator" is Symbol.iterator, "IsArray" isArray, "MAX_SAFE_INTEGER" itself, "JSON" alone stays as it is.
  const findKey = (target, member) => {
    const candidates = member.startsWith("Symbol") ? [Symbol[lowerFirst(member.slice(6))]] : [lowerFirst(member), member];
    return candidates.find((key) => Object.hasOwn(target, key));
  };

  const findRoot = (name) => {
    for (let end = name.length; end > 0; end--) {
      const head = name.slice(0, end);
      if (head in roots) return [roots[head], name.slice(end)];
      if (Object.hasOwn(globalThis, head)) return [globalThis[head], name.slice(end)];
    }
    return [undefined, name];
  };

  // How a captured built-in becomes a primordial.
  const AS_IT_IS = 0;
  const METHOD = 1;
  const STATIC_OF_PROMISE = 2;

  // Runs after the app's code as well, so it must not look for Promise on the global.
  const OriginalPromise = Promise;
  const realize = (value, kind) => {
    if (kind === METHOD) return uncurryThis(value);
    // The statics of Promise are the only ones here that look at their receiver.
    return kind === STATIC_OF_PROMISE ? apply(bind, value, [OriginalPromise]) : value;
  };

  // The built-in a name stands for, and its kind.
  const capture = (name) => {
    const [root, path] = findRoot(name);
    if (root === undefined && optional.some((prefix) => name.startsWith(prefix))) return [undefined, AS_IT_IS];
    if (root !== undefined && path === "") return [root, AS_IT_IS];
    if (root !== undefined && path === "Prototype") return [root.prototype, AS_IT_IS];

    const inPrototype = path.startsWith("Prototype");
    const target = inPrototype ? root?.prototype : root;
    const member = inPrototype ? path.slice(9) : path;
    if (target !== undefined && target !== null) {
      const key = findKey(target, member);
      const descriptor = key !== undefined && getOwnPropertyDescriptor(target, key);
      if (descriptor && "value" in descriptor) {
        if (typeof descriptor.value !== "function") return [descriptor.value, AS_IT_IS];
        if (inPrototype) return [descriptor.value, METHOD];
        return [descriptor.value, target === Promise ? STATIC_OF_PROMISE : AS_IT_IS];
      }
      const accessor = member.slice(0, 3).toLowerCase();
      if (accessor === "get" || accessor === "set") {
        const property = findKey(target, member.slice(3));
        const half = property !== undefined && getOwnPropertyDescriptor(target, property)[accessor];
        if (half) return [half, METHOD];
      }
    }
    throw new TypeError(`primordials: '${name}' names no built-in of this engine`);
  };

  // A subclass with its own copy of every method and no prototype above it, so that map.get(key) cannot be redirected. Create
  // it empty and walk it with forEach: an iterable argument and the iterators would go through methods that an app can patch,
  // as would the constructor that a class gets when it writes none: it spreads its arguments with the iterator of arrays.
  const makeSafe = (Class, Safe) => {
    for (const key of ownKeys(Class.prototype)) {
      if (!Object.hasOwn(Safe.prototype, key)) {
        defineProperty(Safe.prototype, key, getOwnPropertyDescriptor(Class.prototype, key));
      }
    }
    setPrototypeOf(Safe.prototype, null);
    freeze(Safe.prototype);
    return Safe;
  };

  const primordials = {
    __proto__: null,
    uncurryThis,
    SafeMap: makeSafe(Map, class SafeMap extends Map { constructor() { super(); } }),
    SafeSet: makeSafe(Set, class SafeSet extends Set { constructor() { super(); } }),
    SafeWeakMap: makeSafe(WeakMap, class SafeWeakMap extends WeakMap { constructor() { super(); } }),
    SafeWeakSet: makeSafe(WeakSet, class SafeWeakSet extends WeakSet { constructor() { super(); } }),
    SafeWeakRef: makeSafe(WeakRef, class SafeWeakRef extends WeakRef { constructor(target) { super(target); } }),
    SafeFinalizationRegistry: makeSafe(
      FinalizationRegistry,
      class SafeFinalizationRegistry extends FinalizationRegistry { constructor(cleanup) { super(cleanup); } },
    ),
  };
  // Loops, because what a closure names here would stay in every isolate for good.
  const captured = { __proto__: null };
  for (const name of ownKeys(primordials)) captured[name] = [primordials[name], AS_IT_IS];
  for (const area of ownKeys(tables)) {
    for (const name of tables[area].trim().split(/\s+/)) {
      captured[name] = capture(name);
      primordials[name] = realize(captured[name][0], captured[name][1]);
    }
  }

  // Subscribing to a promise asks its constructor, and that one's Symbol.species, for the class of the promise that comes of it;
  // resolving one asks for its constructor, and then calls then(). An app may have replaced them all. As long as they are what
  // they were - two reads that V8 knows the answers of - the language's own functions do the right thing. Otherwise the promise
  // has a constructor of undefined for that moment, which means the language's.
  const {
    Promise: Class, PromisePrototype, PromisePrototypeThen: thenAsked, PromiseResolve: resolveAsked, PromiseWithResolvers: withResolvers,
  } = primordials;
  const { species } = Symbol;
  const { defineProperty: define, deleteProperty } = Reflect;

  const isAsItWas = (promise) => {
    try {
      return promise.constructor === Class && Class[species] === Class;
    } catch {
      return false;
    }
  };

  const thenUnasked = (promise, onFulfilled, onRejected) => {
    const own = getOwnPropertyDescriptor(promise, "constructor");
    const isHidden = define(promise, "constructor", { __proto__: null, value: undefined, configurable: true });
    try {
      return thenAsked(promise, onFulfilled, onRejected);
    } finally {
      if (isHidden && own === undefined) deleteProperty(promise, "constructor");
      else if (isHidden) define(promise, "constructor", { __proto__: null, ...own });
    }
  };

  const thenSafely = (promise, onFulfilled, onRejected) =>
    isAsItWas(promise) ? thenAsked(promise, onFulfilled, onRejected) : thenUnasked(promise, onFulfilled, onRejected);

  const resolveSafely = (value) => {
    if (typeof value !== "object" || value === null || isAsItWas(PromisePrototype)) return resolveAsked(value);
    const { promise, resolve, reject } = withResolvers();
    try {
      thenUnasked(value, resolve, reject);
    } catch {
      return resolveAsked(value); // no promise, or one that nothing may be hidden from
    }
    return promise;
  };

  // An element that an array lacks is looked for above it: in an accessor of Array.prototype or Object.prototype, or in a proxy that
  // an app has put between the two. Where there can be none, which is nearly always, an assignment is the faster.
  const { ArrayPrototype, ObjectPrototype } = primordials;
  const push = (list, value) => {
    const { length } = list;
    if (getPrototypeOf(ArrayPrototype) === ObjectPrototype && !(length in list)) list[length] = value;
    else define(list, length, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
    return length + 1;
  };

  // The language's own asks the array for its constructor, and that one for the class of what it makes. These make an Array.
  const slice = (list, start = 0, end = list.length) => {
    const made = [];
    for (let i = start; i < end; i++) push(made, list[i]);
    return made;
  };
  const unshift = (list, value) => {
    push(list, value);
    for (let i = list.length - 1; i > 0; i--) list[i] = list[i - 1];
    list[0] = value;
  };
  // Takes one element out.
  const removeAt = (list, index) => {
    for (let i = index + 1; i < list.length; i++) list[i - 1] = list[i];
    list.length--;
  };

  // A part of the same memory, by bounds that are within it.
  const { TypedArrayPrototypeGetBuffer: bufferOf, TypedArrayPrototypeGetByteOffset: offsetOf, Uint8Array: Bytes } = primordials;
  const subarray = (bytes, start, end) => new Bytes(bufferOf(bytes), offsetOf(bytes) + start, end - start);

  const ours = {
    __proto__: null,
    ArrayPrototypePush: push,
    ArrayPrototypeRemoveAt: removeAt,
    ArrayPrototypeSlice: slice,
    ArrayPrototypeUnshift: unshift,
    PromisePrototypeThen: thenSafely,
    PromiseResolve: resolveSafely,
    Uint8ArraySubarray: subarray,
  };
  for (const name of ownKeys(ours)) {
    primordials[name] = ours[name];
    captured[name] = [ours[name], AS_IT_IS];
  }
  nano.primordials = freeze(primordials);

  // The same for parts, which run after the app's code: only the built-ins themselves are kept, and a function is made of one when a
  // part first asks for it.
  const names = ownKeys(captured).sort();
  let values = [];
  let kinds = [];
  for (const name of names) {
    values.push(captured[name][0]);
    kinds.push(captured[name][1]);
  }
  // Copies have no room to grow, which the snapshot would keep.
  values = values.slice();
  kinds = kinds.slice();
  const handler = {
    __proto__: null,
    get(made, name) {
      if (name in made) return made[name];
      let low = 0;
      let high = names.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (names[middle] < name) low = middle + 1;
        else high = middle;
      }
      if (names[low] !== name) throw new TypeError(`primordials: '${name}' is not in the tables`);
      return (made[name] = realize(values[low], kinds[low]));
    },
  };
  nano.primordialsOfParts = new Proxy({ __proto__: null }, handler);
};
