"use strict";
// Web IDL in JavaScript: the conversions of arguments, and the shape an interface has in the eyes of an app.
// Specification: https://webidl.spec.whatwg.org/#js-type-mapping
//
//   converters.X(value, prefix, context, options)   prefix "Failed to execute 'append' on 'Headers'", context "parameter 1"
//   dictionary(name, [{ key, converter, required, defaultValue }])   members in the specification's order, inherited first;
//       a defaultValue that is a function is called; the result has no prototype and lacks the members that were not given
//   sequence(converter) makes an array; record(key, value) makes an array of [key, value] in order, without duplicates
(nano) => {
  const {
    ArrayBufferIsView, ArrayBufferPrototypeGetByteLength, ArrayBufferPrototypeGetResizable, ArrayPrototypeIncludes, ArrayPrototypePush,
    DataViewPrototypeGetBuffer, IteratorPrototype, MathFloor, MathPow, MathTrunc, Number,
    NumberIsFinite, NumberIsNaN, NumberMAX_SAFE_INTEGER, NumberMIN_SAFE_INTEGER, ObjectDefineProperty,
    ObjectSetPrototypeOf, ReflectApply, ReflectGetOwnPropertyDescriptor, ReflectOwnKeys, RegExpPrototypeExec, SafeMap, String,
    StringPrototypeToWellFormed, SymbolIterator, SymbolToStringTag, TypeError, TypedArrayPrototypeGetBuffer,
    TypedArrayPrototypeGetSymbolToStringTag,
  } = nano.primordials;

  const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

  // [[GetOwnProperty]], with fields that Object.prototype cannot add to.
  const getOwnProperty = (object, key) => {
    const descriptor = ReflectGetOwnPropertyDescriptor(object, key);
    return descriptor === undefined ? undefined : ObjectSetPrototypeOf(descriptor, null);
  };

  const fail = (prefix, context, message) => {
    const subject = context === undefined ? "The value" : context;
    throw new TypeError(prefix === undefined ? `${subject} ${message}` : `${prefix}: ${subject} ${message}`);
  };

  // Numbers: https://webidl.spec.whatwg.org/#js-integer-types

  const toNumber = (value, prefix, context) => {
    if (typeof value === "number") return value;
    if (typeof value === "bigint") fail(prefix, context, "is a BigInt, which cannot be converted to a number.");
    if (typeof value === "symbol") fail(prefix, context, "is a symbol, which cannot be converted to a number.");
    // Unary plus rather than Number(): an object may still yield a BigInt here, and that has to throw.
    return +value;
  };

  const censorNegativeZero = (number) => (number === 0 ? 0 : number);

  // https://webidl.spec.whatwg.org/#abstract-opdef-converttoint
  const integer = (bits, signed) => {
    const wide = bits === 64;
    const modulus = MathPow(2, bits);
    const upper = wide ? NumberMAX_SAFE_INTEGER : signed ? modulus / 2 - 1 : modulus - 1;
    const lower = !signed ? 0 : wide ? NumberMIN_SAFE_INTEGER : -modulus / 2;

    return (value, prefix, context, options) => {
      let x = toNumber(value, prefix, context);
      if (options?.enforceRange) {
        if (!NumberIsFinite(x)) fail(prefix, context, "is not a finite number.");
        x = MathTrunc(x);
        if (x < lower || x > upper) fail(prefix, context, `is outside the accepted range of ${lower} to ${upper}.`);
        return censorNegativeZero(x);
      }
      if (options?.clamp) {
        if (NumberIsNaN(x)) return 0;
        x = x < lower ? lower : x > upper ? upper : x;
        const floor = MathFloor(x);
        const rest = x - floor;
        // Ties go to the even neighbour.
        return censorNegativeZero(rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1);
      }
      if (!NumberIsFinite(x)) return 0;
      x = censorNegativeZero(MathTrunc(x));
      if (x >= lower && x <= upper) return x;
      x %= modulus;
      if (x < 0) x += modulus;
      return signed && x >= modulus / 2 ? x - modulus : censorNegativeZero(x);
    };
  };

  const unrestrictedDouble = (value, prefix, context) => toNumber(value, prefix, context);

  const double = (value, prefix, context) => {
    const x = toNumber(value, prefix, context);
    if (!NumberIsFinite(x)) fail(prefix, context, "is not a finite number.");
    return x;
  };

  // Strings: https://webidl.spec.whatwg.org/#js-DOMString

  const domString = (value, prefix, context) => {
    if (typeof value === "string") return value;
    if (typeof value === "symbol") fail(prefix, context, "is a symbol, which cannot be converted to a string.");
    return String(value);
  };

  const beyondLatin1 = /[^\x00-\xff]/;

  const byteString = (value, prefix, context) => {
    const string = domString(value, prefix, context);
    if (RegExpPrototypeExec(beyondLatin1, string) !== null) {
      fail(prefix, context, "has a character above U+00FF, so it is not a valid ByteString.");
    }
    return string;
  };

  const usvString = (value, prefix, context) => StringPrototypeToWellFormed(domString(value, prefix, context));

  // Buffers: https://webidl.spec.whatwg.org/#js-buffer-source-types

  // Tells an ArrayBuffer from a SharedArrayBuffer, which the getter refuses, whatever their prototypes say.
  const isArrayBuffer = (value) => {
    try {
      ArrayBufferPrototypeGetByteLength(value);
      return true;
    } catch {
      return false;
    }
  };

  // The global is absent when the host turned shared memory off; the getter then has nothing to accept.
  const { SharedArrayBufferPrototypeGetByteLength, SharedArrayBufferPrototypeGetGrowable } = nano.primordials;
  const isSharedArrayBuffer = (value) => {
    if (SharedArrayBufferPrototypeGetByteLength === undefined) return false;
    try {
      SharedArrayBufferPrototypeGetByteLength(value);
      return true;
    } catch {
      return false;
    }
  };

  const checkBuffer = (buffer, prefix, context, options) => {
    if (!isArrayBuffer(buffer)) {
      if (!options?.allowShared) fail(prefix, context, "is backed by a SharedArrayBuffer, which is not allowed.");
      if (!options.allowResizable && SharedArrayBufferPrototypeGetGrowable(buffer)) {
        fail(prefix, context, "is backed by a growable SharedArrayBuffer, which is not allowed.");
      }
    } else if (!options?.allowResizable && ArrayBufferPrototypeGetResizable(buffer)) {
      fail(prefix, context, "is backed by a resizable ArrayBuffer, which is not allowed.");
    }
  };

  const viewBuffer = (view) =>
    TypedArrayPrototypeGetSymbolToStringTag(view) === undefined
      ? DataViewPrototypeGetBuffer(view)
      : TypedArrayPrototypeGetBuffer(view);

  const arrayBufferView = (value, prefix, context, options) => {
    if (!ArrayBufferIsView(value)) fail(prefix, context, "is not an ArrayBufferView.");
    checkBuffer(viewBuffer(value), prefix, context, options);
    return value;
  };

  const bufferSource = (value, prefix, context, options) => {
    if (ArrayBufferIsView(value)) return arrayBufferView(value, prefix, context, options);
    if (!isObject(value) || !(isArrayBuffer(value) || isSharedArrayBuffer(value))) {
      fail(prefix, context, "is not an ArrayBuffer or an ArrayBufferView.");
    }
    checkBuffer(value, prefix, context, options);
    return value;
  };

  // Objects

  const object = (value, prefix, context) => {
    if (!isObject(value)) fail(prefix, context, "is not an object.");
    return value;
  };

  const callback = (value, prefix, context) => {
    if (typeof value !== "function") fail(prefix, context, "is not a function.");
    return value;
  };

  const nullable = (converter) => (value, prefix, context, options) =>
    value === null || value === undefined ? null : converter(value, prefix, context, options);

  // https://webidl.spec.whatwg.org/#create-sequence-from-iterable
  // A caller that has looked up the iterator method already (a union's overload resolution) passes it as options.method.
  const sequence = (converter) => (value, prefix, context, options) => {
    if (!isObject(value)) fail(prefix, context, "is not a sequence.");
    const method = options?.method === undefined ? value[SymbolIterator] : options.method;
    if (typeof method !== "function") fail(prefix, context, "is not iterable, so it is not a sequence.");
    const iterator = ReflectApply(method, value, []);
    if (!isObject(iterator)) fail(prefix, context, "has an iterator that is not an object.");
    const next = iterator.next;
    const result = [];
    for (;;) {
      const step = ReflectApply(next, iterator, []);
      if (!isObject(step)) fail(prefix, context, "has an iterator whose result is not an object.");
      if (step.done) return result;
      ArrayPrototypePush(result, converter(step.value, prefix, `${context}, item ${result.length},`));
    }
  };

  // https://webidl.spec.whatwg.org/#js-record
  const record = (keyConverter, valueConverter) => (value, prefix, context) => {
    if (!isObject(value)) fail(prefix, context, "is not an object.");
    const result = [];
    const places = new SafeMap();
    const keys = ReflectOwnKeys(value);
    for (let i = 0; i < keys.length; i++) {
      const descriptor = ReflectGetOwnPropertyDescriptor(value, keys[i]);
      if (descriptor === undefined || !descriptor.enumerable) continue;
      const key = keyConverter(keys[i], prefix, `${context}, a key,`);
      const converted = valueConverter(value[keys[i]], prefix, `${context}, the value of '${key}',`);
      const place = places.get(key);
      if (place === undefined) places.set(key, ArrayPrototypePush(result, [key, converted]) - 1);
      else result[place][1] = converted;
    }
    return result;
  };

  // https://webidl.spec.whatwg.org/#js-dictionary
  const dictionary = (name, members) => {
    // What a member does not say is not looked for on Object.prototype.
    for (let i = 0; i < members.length; i++) ObjectSetPrototypeOf(members[i], null);
    return (value, prefix, context) => convertDictionary(name, members, value, prefix, context);
  };

  const convertDictionary = (name, members, value, prefix, context) => {
    const missing = value === undefined || value === null;
    if (!missing && !isObject(value)) fail(prefix, context, `is not an object, so it is not a ${name}.`);
    const result = { __proto__: null };
    for (let i = 0; i < members.length; i++) {
      const { key, converter, required, defaultValue } = members[i];
      const member = missing ? undefined : value[key];
      if (member !== undefined) {
        result[key] = converter(member, prefix, `${context}, member '${key}' of ${name},`);
      } else if (defaultValue !== undefined) {
        result[key] = typeof defaultValue === "function" ? defaultValue() : defaultValue;
      } else if (required) {
        fail(prefix, context, `lacks the required member '${key}' of ${name}.`);
      }
    }
    return result;
  };

  // https://webidl.spec.whatwg.org/#js-enumeration
  const enumeration = (name, values) => (value, prefix, context) => {
    const string = domString(value, prefix, context);
    if (!ArrayPrototypeIncludes(values, string)) fail(prefix, context, `is '${string}', which is not a ${name}.`);
    return string;
  };

  const interfaceType = (name, brandCheck) => (value, prefix, context) => {
    if (!brandCheck(value)) fail(prefix, context, `is not of type '${name}'.`);
    return value;
  };

  // The shape of an interface: https://webidl.spec.whatwg.org/#es-interfaces

  const makeEnumerable = (target, skipped) => {
    const keys = ReflectOwnKeys(target);
    for (let i = 0; i < keys.length; i++) {
      if (typeof keys[i] === "string" && !ArrayPrototypeIncludes(skipped, keys[i])) {
        ObjectDefineProperty(target, keys[i], { __proto__: null, enumerable: true });
      }
    }
  };

  const tag = (prototype, name) =>
    ObjectDefineProperty(prototype, SymbolToStringTag, { __proto__: null, value: name, configurable: true });

  const constructorOwn = ["constructor"];
  const staticOwn = ["length", "name", "prototype"];

  // The prototypes of all interfaces: an object below one is a platform object, which is not cloned as if it were a plain one.
  // A list without a prototype: a set would give each of them a hash, which costs 8 KB of the snapshot.
  const interfaces = ObjectSetPrototypeOf([], null);

  const isInterfacePrototype = (object) => {
    for (let i = 0; i < interfaces.length; i++) if (interfaces[i] === object) return true;
    return false;
  };

  const configureInterface = (Class) => {
    interfaces[interfaces.length] = Class.prototype;
    makeEnumerable(Class.prototype, constructorOwn);
    makeEnumerable(Class, staticOwn);
    tag(Class.prototype, Class.name);
  };

  // https://webidl.spec.whatwg.org/#define-the-constants
  const defineConstants = (Class, constants) => {
    const keys = ReflectOwnKeys(constants);
    for (let i = 0; i < keys.length; i++) {
      const descriptor = { __proto__: null, value: constants[keys[i]], enumerable: true };
      ObjectDefineProperty(Class, keys[i], descriptor);
      ObjectDefineProperty(Class.prototype, keys[i], descriptor);
    }
  };

  const requiredArguments = (count, required, prefix) => {
    if (count < required) {
      throw new TypeError(`${prefix}: ${required} argument${required === 1 ? "" : "s"} required, but only ${count} present.`);
    }
  };

  const illegalConstructor = () => {
    throw new TypeError("Illegal constructor");
  };

  // https://webidl.spec.whatwg.org/#js-iterable
  // list(object) gives the current [key, value] pairs and throws a TypeError for what is not a Class.
  const pairIterable = (name, Class, list) => {
    class PairIterator {
      #target;
      #pick;
      #index = 0;

      constructor(target, pick) {
        this.#target = target;
        this.#pick = pick;
      }

      next() {
        if (!isObject(this) || !(#target in this)) throw new TypeError(`'next' was called on what is not a ${name} Iterator`);
        const pairs = list(this.#target);
        if (this.#index >= pairs.length) return { value: undefined, done: true };
        const pair = pairs[this.#index++];
        return { value: this.#pick === 2 ? [pair[0], pair[1]] : pair[this.#pick], done: false };
      }
    }
    delete PairIterator.prototype.constructor;
    makeEnumerable(PairIterator.prototype, []);
    tag(PairIterator.prototype, `${name} Iterator`);
    ObjectSetPrototypeOf(PairIterator.prototype, IteratorPrototype);

    const members = {
      entries() {
        list(this);
        return new PairIterator(this, 2);
      },
      keys() {
        list(this);
        return new PairIterator(this, 0);
      },
      values() {
        list(this);
        return new PairIterator(this, 1);
      },
      forEach(callbackFn, thisArg = undefined) {
        const prefix = `Failed to execute 'forEach' on '${name}'`;
        let pairs = list(this);
        requiredArguments(arguments.length, 1, prefix);
        callback(callbackFn, prefix, "parameter 1");
        for (let i = 0; i < pairs.length; i++) {
          ReflectApply(callbackFn, thisArg, [pairs[i][1], pairs[i][0], this]);
          // The callback may have changed the list.
          pairs = list(this);
        }
      },
    };
    const define = (key, value, enumerable) =>
      ObjectDefineProperty(Class.prototype, key, { __proto__: null, value, writable: true, enumerable, configurable: true });
    define("entries", members.entries, true);
    define("forEach", members.forEach, true);
    define("keys", members.keys, true);
    define("values", members.values, true);
    define(SymbolIterator, members.entries, false);
  };

  nano.webidl = {
    __proto__: null,
    converters: {
      __proto__: null,
      any: (value) => value,
      boolean: (value) => !!value,
      long: integer(32, true),
      "unsigned short": integer(16, false),
      "unsigned long": integer(32, false),
      "long long": integer(64, true),
      "unsigned long long": integer(64, false),
      double,
      "unrestricted double": unrestrictedDouble,
      DOMString: domString,
      ByteString: byteString,
      USVString: usvString,
      object,
      Function: callback,
      BufferSource: bufferSource,
      ArrayBufferView: arrayBufferView,
    },
    nullable,
    sequence,
    record,
    dictionary,
    enumeration,
    interface: interfaceType,
    configureInterface,
    defineConstants,
    requiredArguments,
    illegalConstructor,
    pairIterable,
    isObject,
    getOwnProperty,
    isArrayBuffer,
    isInterfacePrototype,
    isSharedArrayBuffer,
  };
};
