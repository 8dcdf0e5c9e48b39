"use strict";
// Structured cloning within one realm: serializing and deserializing at once, since nothing of the app's runs in between.
// Specification: https://html.spec.whatwg.org/#structuredserializeinternal, #structuredserializewithtransfer
//
// What is transferred is moved only after all else has been cloned without an error. Until then a Late stands for it.
(nano) => {
  const {
    ArrayBuffer, ArrayBufferPrototypeGetByteLength, ArrayBufferPrototypeGetDetached, ArrayBufferPrototypeGetMaxByteLength, ArrayPrototype,
    ArrayBufferPrototypeGetResizable, ArrayBufferPrototypeResize, ArrayBufferPrototypeTransfer, BigInt64Array, BigIntPrototypeValueOf,
    BigUint64Array, BooleanPrototypeValueOf, DataView, DataViewPrototypeGetBuffer, DataViewPrototypeGetByteLength,
    DataViewPrototypeGetByteOffset, Date, DatePrototypeGetTime, Error, EvalError, Float32Array, Float64Array,
    Int16Array, Int32Array, Int8Array, Map, MapPrototypeForEach, MapPrototypeSet, NumberPrototypeValueOf, Object,
    ObjectDefineProperty, ObjectHasOwn, ObjectKeys, ObjectPrototype, ObjectPrototypePropertyIsEnumerable, ObjectSetPrototypeOf,
    RangeError, ReferenceError, ReflectConstruct, ReflectGetPrototypeOf, RegExp, RegExpPrototypeGetDotAll,
    RegExpPrototypeGetGlobal, RegExpPrototypeGetHasIndices, RegExpPrototypeGetIgnoreCase, RegExpPrototypeGetMultiline,
    RegExpPrototypeGetSource, RegExpPrototypeGetSticky, RegExpPrototypeGetUnicode, RegExpPrototypeGetUnicodeSets, SafeMap, SafeWeakSet, Set,
    SetPrototypeAdd, SetPrototypeForEach, String, StringPrototypeValueOf, SyntaxError, TypeError, TypedArrayPrototypeGetBuffer,
    TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset, TypedArrayPrototypeGetLength,
    TypedArrayPrototypeGetSymbolToStringTag, TypedArrayPrototypeSet, URIError, Uint16Array, Uint32Array, Uint8Array,
    Uint8ClampedArray,
  } = nano.primordials;
  const { dataCloneError, ops, serializable, transferable } = nano;
  const { converters, dictionary, getOwnProperty, isArrayBuffer, isInterfacePrototype, isObject, isSharedArrayBuffer, sequence } =
    nano.webidl;

  const structuredSerializeOptions = dictionary("StructuredSerializeOptions", [
    { key: "transfer", converter: sequence(converters.object), defaultValue: () => ObjectSetPrototypeOf([], null) },
  ]);

  // What ops.cloneKind says of an object; anything else is refused.
  const ORDINARY = 1;
  const ARRAY = 2;
  const DATE = 3;
  const REGEXP = 4;
  const MAP = 5;
  const SET = 6;
  const ERROR = 7;
  const ARRAY_BUFFER = 8;
  const VIEW = 9;
  const BOOLEAN = 10;
  const NUMBER = 11;
  const STRING = 12;
  const BIGINT = 13;
  const WASM_MODULE = 14;

  const viewClasses = {
    __proto__: null, BigInt64Array, BigUint64Array, Float32Array, Float64Array, Int16Array, Int32Array, Int8Array,
    Uint16Array, Uint32Array, Uint8Array, Uint8ClampedArray,
  };
  const errorClasses = { __proto__: null, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

  const refuse = (what) => {
    throw dataCloneError(`${what} could not be cloned.`);
  };

  // An array of up to so many elements is cloned by name, as any object is.
  const FEW = 64;

  // Missing indices of an array in a row before it is taken for sparse.
  const HOLES_MAX = 1024;

  // Stands for what is not there before the transfer: value is set by then, or made by make().
  class Late {
    #make;
    value = undefined;

    constructor(make) {
      this.#make = make;
    }

    resolve() {
      if (this.#make !== undefined) this.value = this.#make();
    }

    static is(value) {
      return typeof value === "object" && value !== null && #make in value;
    }
  }
  ObjectSetPrototypeOf(Late.prototype, null);

  const flagsOf = (regexp) => {
    let flags = "";
    if (RegExpPrototypeGetHasIndices(regexp)) flags += "d";
    if (RegExpPrototypeGetGlobal(regexp)) flags += "g";
    if (RegExpPrototypeGetIgnoreCase(regexp)) flags += "i";
    if (RegExpPrototypeGetMultiline(regexp)) flags += "m";
    if (RegExpPrototypeGetDotAll(regexp)) flags += "s";
    if (RegExpPrototypeGetUnicode(regexp)) flags += "u";
    if (RegExpPrototypeGetUnicodeSets(regexp)) flags += "v";
    if (RegExpPrototypeGetSticky(regexp)) flags += "y";
    return flags;
  };

  const newBuffer = (buffer, length) =>
    ArrayBufferPrototypeGetResizable(buffer)
      ? new ArrayBuffer(length, { __proto__: null, maxByteLength: ArrayBufferPrototypeGetMaxByteLength(buffer) })
      : new ArrayBuffer(length);

  const copyBuffer = (buffer) => {
    if (ArrayBufferPrototypeGetDetached(buffer)) refuse("A detached ArrayBuffer");
    const length = ArrayBufferPrototypeGetByteLength(buffer);
    const copy = newBuffer(buffer, length);
    TypedArrayPrototypeSet(new Uint8Array(copy), new Uint8Array(buffer));
    return copy;
  };

  class Cloning {
    // The memory of the standard: what stands for an object that was seen before.
    memory = new SafeMap();
    // What is done after the transfer, in order. Lists without a prototype, as below.
    lates = ObjectSetPrototypeOf([], null);
    fixups = ObjectSetPrototypeOf([], null);

    // Whether arrays inherit from nothing but what the language has: a proxy above them would get the assignments.
    plain = ReflectGetPrototypeOf(ArrayPrototype) === ObjectPrototype;

    // CreateDataProperty, or its promise.
    define(target, key, value, enumerable = true) {
      if (Late.is(value)) {
        const late = value;
        this.fixups[this.fixups.length] = () => this.define(target, key, late.value, enumerable);
        value = undefined;
      }
      // An assignment where nothing inherited is in its way, which it nearly never is.
      if (enumerable && this.plain && !(key in target)) target[key] = value;
      else ObjectDefineProperty(target, key, { __proto__: null, value, writable: true, enumerable, configurable: true });
    }

    late(make) {
      const late = new Late(make);
      this.lates[this.lates.length] = late;
      return late;
    }

    // StructuredSerializeInternal
    clone(value) {
      if (!isObject(value)) return typeof value === "symbol" ? refuse("A symbol") : value;
      const seen = this.memory.get(value);
      if (seen !== undefined) return seen;
      if (typeof value === "function") refuse("A function");
      for (let i = 0; i < serializable.length; i++) {
        if (serializable[i].is(value)) return this.keep(value, serializable[i].clone(value));
      }
      return this.cloneKind(value);
    }

    keep(value, clone) {
      this.memory.set(value, clone);
      return clone;
    }

    cloneKind(value) {
      // A proxy has no kind but its own, whatever its traps say: the native side looks before this does.
      let kind = ops.cloneKind(value, true);
      if (kind !== ORDINARY) {
        return this.cloneBuiltIn(value, kind);
      }
      const prototype = ReflectGetPrototypeOf(value);
      if (prototype !== ObjectPrototype && prototype !== null) {
        for (let above = prototype; above !== null; above = ReflectGetPrototypeOf(above)) {
          if (isInterfacePrototype(above)) refuse("A platform object");
        }
        if (ops.cloneKind(value, false) !== ORDINARY) refuse("An object of this kind");
      }
      return this.cloneProperties(value, this.keep(value, {}));
    }

    cloneBuiltIn(value, kind) {
      switch (kind) {
        case ARRAY: return this.cloneArray(value);
        case DATE: return this.keep(value, new Date(DatePrototypeGetTime(value)));
        case REGEXP: return this.keep(value, new RegExp(RegExpPrototypeGetSource(value), flagsOf(value)));
        case MAP: return this.cloneMap(value);
        case SET: return this.cloneSet(value);
        case ERROR: return this.cloneError(value);
        case ARRAY_BUFFER: return this.keep(value, copyBuffer(value));
        case VIEW: return this.cloneView(value);
        case BOOLEAN: return this.keep(value, Object(BooleanPrototypeValueOf(value)));
        case NUMBER: return this.keep(value, Object(NumberPrototypeValueOf(value)));
        case STRING: return this.keep(value, Object(StringPrototypeValueOf(value)));
        case BIGINT: return this.keep(value, Object(BigIntPrototypeValueOf(value)));
        case WASM_MODULE: return this.keep(value, ops.cloneWasmModule(value));
        default: return refuse("An object of this kind");
      }
    }

    cloneProperties(value, clone) {
      const keys = ObjectKeys(value);
      for (let i = 0; i < keys.length; i++) {
        // A getter may have removed it.
        if (ObjectHasOwn(value, keys[i])) this.cloneProperty(value, keys[i], clone);
      }
      return clone;
    }

    cloneProperty(value, key, clone) {
      const item = value[key];
      // Most are primitives, which are neither late nor refused.
      if (!isObject(item) && typeof item !== "symbol" && this.plain && !(key in clone)) clone[key] = item;
      else this.define(clone, key, this.clone(item));
    }

    // A long one by index as long as there are elements: the names of a million of them would be a million strings.
    cloneArray(value) {
      const { length } = value;
      if (length <= FEW) {
        const clone = this.cloneProperties(value, this.keep(value, []));
        if (clone.length !== length) clone.length = length;
        return clone;
      }
      const names = ops.namedKeys(value);
      const clone = this.keep(value, []);
      clone.length = length;
      let index = 0;
      for (let holes = 0; index < length && holes < HOLES_MAX; index++) {
        if (ObjectPrototypePropertyIsEnumerable(value, index)) {
          this.define(clone, index, this.clone(value[index]));
          holes = 0;
        } else {
          holes++;
        }
      }
      if (index < length) {
        const keys = ObjectKeys(value);
        for (let i = 0; i < keys.length && isIndex(keys[i]); i++) {
          if (+keys[i] >= index && ObjectHasOwn(value, keys[i])) this.define(clone, keys[i], this.clone(value[keys[i]]));
        }
      }
      for (let i = 0; i < names.length; i++) {
        if (ObjectHasOwn(value, names[i])) this.define(clone, names[i], this.clone(value[names[i]]));
      }
      return clone;
    }

    // The entries are copied before any of them is cloned, and put in order after the transfer if one of them is late.
    cloneMap(value) {
      const clone = this.keep(value, new Map());
      const entries = ObjectSetPrototypeOf([], null);
      MapPrototypeForEach(value, (item, key) => {
        entries[entries.length] = key;
        entries[entries.length] = item;
      });
      const isLate = this.cloneList(entries);
      const fill = () => {
        for (let i = 0; i < entries.length; i += 2) MapPrototypeSet(clone, settled(entries[i]), settled(entries[i + 1]));
      };
      if (isLate) this.fixups[this.fixups.length] = fill;
      else fill();
      return clone;
    }

    cloneSet(value) {
      const clone = this.keep(value, new Set());
      const entries = ObjectSetPrototypeOf([], null);
      SetPrototypeForEach(value, (item) => {
        entries[entries.length] = item;
      });
      const isLate = this.cloneList(entries);
      const fill = () => {
        for (let i = 0; i < entries.length; i++) SetPrototypeAdd(clone, settled(entries[i]));
      };
      if (isLate) this.fixups[this.fixups.length] = fill;
      else fill();
      return clone;
    }

    cloneList(list) {
      let isLate = false;
      for (let i = 0; i < list.length; i++) {
        list[i] = this.clone(list[i]);
        if (Late.is(list[i])) isLate = true;
      }
      return isLate;
    }

    cloneError(value) {
      const { name } = value;
      const Class = errorClasses[name === undefined ? "Error" : converters.DOMString(name)] ?? Error;
      const message = getOwnProperty(value, "message");
      const text = message !== undefined && ObjectHasOwn(message, "value") ? converters.DOMString(message.value) : undefined;
      // V8's own is an accessor.
      const stack = getOwnProperty(value, "stack") === undefined ? undefined : value.stack;
      const clone = this.keep(value, ReflectConstruct(Error, [], Class));
      if (text !== undefined) this.define(clone, "message", text, false);
      const cause = getOwnProperty(value, "cause");
      if (cause !== undefined && ObjectHasOwn(cause, "value")) this.define(clone, "cause", this.clone(cause.value), false);
      if (typeof stack === "string") this.define(clone, "stack", stack, false);
      return clone;
    }

    cloneView(value) {
      const kind = TypedArrayPrototypeGetSymbolToStringTag(value);
      const isDataView = kind === undefined;
      const buffer = isDataView ? DataViewPrototypeGetBuffer(value) : TypedArrayPrototypeGetBuffer(value);
      if (!isArrayBuffer(buffer)) refuse("A view of a SharedArrayBuffer");
      // IsTypedArrayOutOfBounds or IsViewOutOfBounds; the getters of a DataView throw for those.
      let offset;
      let length;
      let bytes;
      try {
        offset = isDataView ? DataViewPrototypeGetByteOffset(value) : TypedArrayPrototypeGetByteOffset(value);
        bytes = isDataView ? DataViewPrototypeGetByteLength(value) : TypedArrayPrototypeGetByteLength(value);
        length = isDataView ? bytes : TypedArrayPrototypeGetLength(value);
      } catch {
        refuse("A view whose memory is gone");
      }
      const isDetached = ArrayBufferPrototypeGetDetached(buffer);
      if (isDetached || (!isDataView && isOutOfBounds(value, buffer, kind))) refuse("A view whose memory is gone");
      const tracks = ArrayBufferPrototypeGetResizable(buffer) && tracksLength(value, buffer, offset, bytes, isDataView);
      const Class = isDataView ? DataView : viewClasses[kind];
      const cloned = this.clone(buffer);
      const make = (memory) => (tracks ? new Class(memory, offset) : new Class(memory, offset, length));
      return this.keep(value, Late.is(cloned) ? this.late(() => make(cloned.value)) : make(cloned));
    }
  }
  ObjectSetPrototypeOf(Cloning.prototype, null);

  const settled = (value) => (Late.is(value) ? value.value : value);

  const isIndex = (key) => `${key >>> 0}` === key && key !== "4294967295";

  // A typed array that has fallen out of its buffer has length 0 like an empty one, but cannot be made again in its place.
  const isOutOfBounds = (value, buffer, kind) => {
    if (!ArrayBufferPrototypeGetResizable(buffer) || TypedArrayPrototypeGetByteLength(value) > 0) return false;
    try {
      TypedArrayPrototypeSet(value, []);
      return false;
    } catch {
      return true;
    }
  };

  // Whether a view of a resizable buffer grows with it: the engine does not say, so the buffer is made to.
  const tracksLength = (value, buffer, offset, bytes, isDataView) => {
    const size = ArrayBufferPrototypeGetByteLength(buffer);
    if (size - offset - bytes >= 8) return false;
    const lengthOf = isDataView ? DataViewPrototypeGetByteLength : TypedArrayPrototypeGetByteLength;
    const max = ArrayBufferPrototypeGetMaxByteLength(buffer);
    if (size + 8 <= max) {
      ArrayBufferPrototypeResize(buffer, size + 8);
      const grown = lengthOf(value) > bytes;
      ArrayBufferPrototypeResize(buffer, size);
      return grown;
    }
    // There is no room to try. A view that reaches to the end is most likely one that always does.
    return true;
  };

  // The platform objects whose [[Detached]] is true.
  const transferred = new SafeWeakSet();

  // StructuredSerializeWithTransfer and StructuredDeserializeWithTransfer; transferList is an array of objects.
  const cloneWithTransfer = (value, transferList) => {
    const cloning = new Cloning();
    const { memory } = cloning;
    const transfers = ObjectSetPrototypeOf([], null);
    for (let i = 0; i < transferList.length; i++) {
      const object = transferList[i];
      let kind = null;
      if (!isArrayBuffer(object)) {
        if (isSharedArrayBuffer(object)) throw dataCloneError("A SharedArrayBuffer cannot be transferred.");
        kind = transferKind(object);
        if (kind === null) throw dataCloneError("A value in the transfer list cannot be transferred.");
      }
      if (memory.has(object)) throw dataCloneError("A value is twice in the transfer list.");
      const late = new Late(undefined);
      memory.set(object, late);
      transfers[i] = { __proto__: null, object, kind, late };
    }
    const clone = cloning.clone(value);
    const moved = ObjectSetPrototypeOf([], null);
    for (let i = 0; i < transfers.length; i++) {
      const { kind, late, object } = transfers[i];
      if (kind !== null) {
        if (transferred.has(object)) throw dataCloneError("A value in the transfer list was transferred before.");
        late.value = kind.transfer(object);
        transferred.add(object);
      } else if (ArrayBufferPrototypeGetDetached(object)) {
        throw dataCloneError("A detached ArrayBuffer cannot be transferred.");
      } else {
        late.value = ArrayBufferPrototypeTransfer(object);
      }
      moved[i] = late.value;
    }
    const { fixups, lates } = cloning;
    for (let i = 0; i < lates.length; i++) lates[i].resolve();
    for (let i = 0; i < fixups.length; i++) fixups[i]();
    return { __proto__: null, value: settled(clone), moved };
  };

  const transferKind = (object) => {
    if (isStream(object)) nano.part("stream_transfer");
    for (let i = 0; i < transferable.length; i++) if (transferable[i].is(object)) return transferable[i];
    return null;
  };

  const isStream = (object) => {
    // Reading nano.streams would load them.
    if (!nano.hasStreams) return false;
    const { isReadableStream, isWritableStream } = nano.streams;
    return isReadableStream(object) || isWritableStream(object) || nano.streamsInternal.isTransformStream(object);
  };

  // https://webidl.spec.whatwg.org/#idl-DOMException, serialization steps
  serializable[serializable.length] = {
    is: nano.isDOMException,
    clone(exception) {
      const message = nano.domException.message(exception);
      const name = nano.domException.name(exception);
      const special = name === "QuotaExceededError" ? nano.part("quota_exceeded_error").clone(exception, message) : undefined;
      const clone = special ?? new nano.DOMException(message, name);
      const stack = getOwnProperty(exception, "stack")?.value;
      if (typeof stack === "string") {
        ObjectDefineProperty(clone, "stack", { __proto__: null, value: stack, writable: true, enumerable: false, configurable: true });
      }
      return clone;
    },
  };

  const noTransfer = { __proto__: null, length: 0 };

  // For the rest of the platform, where nothing is transferred.
  const cloneValue = (value) => cloneWithTransfer(value, noTransfer).value;

  return { __proto__: null, cloneValue, cloneWithTransfer, structuredSerializeOptions };
};
