"use strict";
// What the parts of node:stream share: their errors, their clock, the shape of their classes, and how what comes in becomes a chunk.
(nano) => {
  const {
    ArrayBufferIsView, ArrayPrototypePush, ArrayPrototypeRemoveAt, Error, NumberIsSafeInteger, ObjectCreate, ObjectDefineProperty,
    ObjectKeys, ObjectSetPrototypeOf, ReflectApply, SymbolAsyncIterator, SymbolFor, SymbolIterator, TypeError, TypedArrayPrototypeGetBuffer,
    TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset,
  } = nano.primordials;
  const { Buffer } = nano.part("node/buffer");
  const { invalidArgType, outOfRange, withCode } = nano.part("node/errors");
  const { isUint8Array } = nano.part("node/types");
  const { abort, queueMicrotask } = nano;

  // Callbacks come later than the call that asks for them, in the order of the calls.
  const soon = (f, ...args) => queueMicrotask(() => ReflectApply(f, undefined, args));
  const nothing = () => undefined;

  const failure = (code, message, Class = Error) => withCode(new Class(message), code);
  const errors = {
    __proto__: null,
    unmade: (name) => failure("ERR_METHOD_NOT_IMPLEMENTED", `The ${name}() method is not implemented`),
    destroyed: (name) => failure("ERR_STREAM_DESTROYED", `Cannot call ${name} after a stream was destroyed`),
    twice: () => failure("ERR_MULTIPLE_CALLBACK", "Callback called multiple times"),
    premature: () => failure("ERR_STREAM_PREMATURE_CLOSE", "Premature close"),
    noNull: () => failure("ERR_STREAM_NULL_VALUES", "May not write null values to stream", TypeError),
    missing: (name) => failure("ERR_MISSING_ARGS", `The "${name}" argument must be specified`, TypeError),
    badReturn: (expected, name, value) => failure(
      "ERR_INVALID_RETURN_VALUE",
      `Expected ${expected} to be returned from the "${name}" function but got ${value !== null && typeof value === "object" ? `an instance of ${value.constructor?.name ?? "Object"}` : `type ${typeof value}${value === undefined || value === null ? "" : ` (${value})`}`}.`,
      TypeError,
    ),
    aborted: (reason = undefined) => {
      const error = failure("ABORT_ERR", "The operation was aborted");
      if (reason !== undefined) ObjectDefineProperty(error, "cause", { __proto__: null, value: reason, writable: true, enumerable: false, configurable: true });
      error.name = "AbortError";
      return error;
    },
  };

  const limits = { __proto__: null, bytes: 64 * 1024, objects: 16 };
  const getDefaultHighWaterMark = (objectMode = false) => (objectMode ? limits.objects : limits.bytes);
  const setDefaultHighWaterMark = (objectMode, value) => {
    if (typeof value !== "number") throw invalidArgType("value", "number", value);
    if (!NumberIsSafeInteger(value) || value < 0) throw outOfRange("value", ">= 0 && <= 9007199254740991", value);
    if (objectMode) limits.objects = value;
    else limits.bytes = value;
  };

  // The option of one side, such as readableHighWaterMark, counts for a Duplex only, and after the one for both.
  const markOf = (options, objectMode, side) => {
    const both = options?.highWaterMark;
    const own = both ?? (side === "" ? undefined : options?.[`${side}HighWaterMark`]);
    if (own === undefined || own === null) return getDefaultHighWaterMark(objectMode);
    if (!NumberIsSafeInteger(own) || own < 0) {
      const name = both === undefined || both === null ? `options.${side}HighWaterMark` : "options.highWaterMark";
      throw failure("ERR_INVALID_ARG_VALUE", `The property '${name}' is invalid. Received ${nano.inspect(own, 1)}`, TypeError);
    }
    return own;
  };

  const bufferOn = (memory, offset, length) => Buffer.from(memory, offset, length);
  const asBuffer = (view) => {
    if (Buffer.isBuffer(view)) return view;
    return isUint8Array(view)
      ? bufferOn(TypedArrayPrototypeGetBuffer(view), TypedArrayPrototypeGetByteOffset(view), TypedArrayPrototypeGetByteLength(view))
      : bufferOn(view.buffer, view.byteOffset, view.byteLength);
  };
  const knownEncoding = (encoding) => {
    if (!Buffer.isEncoding(encoding)) throw failure("ERR_UNKNOWN_ENCODING", `Unknown encoding: ${encoding}`, TypeError);
    return encoding;
  };
  const usualEncoding = (options) => {
    const encoding = options?.defaultEncoding;
    return encoding === undefined || encoding === null ? "utf8" : knownEncoding(encoding);
  };
  const badChunk = (chunk) => invalidArgType("chunk", "of type string or an instance of Buffer, TypedArray, or DataView", chunk);

  // Members as the classes of Node have them: all are seen by for..in, and an app may replace them.
  const member = (object, name, value, enumerable = true) =>
    ObjectDefineProperty(object, name, { __proto__: null, value, writable: true, enumerable, configurable: true });
  const members = (object, table) => {
    const names = ObjectKeys(table);
    for (let i = 0; i < names.length; i++) member(object, names[i], table[names[i]]);
  };
  const views = (object, table) => {
    const names = ObjectKeys(table);
    for (let i = 0; i < names.length; i++) {
      const pair = table[names[i]];
      ObjectDefineProperty(object, names[i], {
        __proto__: null,
        get: typeof pair === "function" ? pair : pair.get,
        set: typeof pair === "function" ? undefined : pair.set,
        enumerable: false,
        configurable: true,
      });
    }
  };
  // Class is a function that old code also calls on an object of its own, so no class can stand here.
  const derive = (Class, Base) => {
    ObjectSetPrototypeOf(Class, Base);
    Class.prototype = ObjectCreate(Base.prototype);
    member(Class.prototype, "constructor", Class, false);
  };

  const isStream = (value) =>
    value !== null && value !== undefined &&
    (value._readableState || value._writableState || (typeof value.write === "function" && typeof value.on === "function") ||
      (typeof value.pipe === "function" && typeof value.on === "function"));
  const isWebReadable = (value) => nano.hasStreams && nano.streams.isReadableStream(value);
  const isWebWritable = (value) => nano.hasStreams && nano.streams.isWritableStream(value);
  const isWebPair = (value) =>
    nano.hasStreams && value !== null && typeof value === "object" && !isStream(value) && isWebReadable(value.readable) && isWebWritable(value.writable);
  const isIterable = (value) =>
    value !== null && value !== undefined && (typeof value[SymbolAsyncIterator] === "function" || typeof value[SymbolIterator] === "function");
  const isThenable = (value) => value !== null && value !== undefined && typeof value.then === "function";

  const checkSignal = (signal, name = "signal") => {
    if (!abort.isAbortSignal(signal)) throw withCode(new TypeError(`The "${name}" ${name === "signal" ? "argument" : "property"} must be an instance of AbortSignal.${typeof signal === "object" ? ` Received an instance of ${signal?.constructor?.name}` : ` Received type ${typeof signal} (${signal})`}`), "ERR_INVALID_ARG_TYPE");
    return signal;
  };
  // Calls f with the reason of the signal, at once if it has been aborted; what it returns takes that back.
  const onAbort = (signal, f) => {
    const run = () => f(abort.reason(signal));
    if (abort.isAborted(signal)) {
      run();
      return nothing;
    }
    abort.addAlgorithm(signal, run);
    return () => abort.removeAlgorithm(signal, run);
  };
  const once = (f) => {
    let done = false;
    return (...args) => {
      if (done) return;
      done = true;
      ReflectApply(f, undefined, args);
    };
  };

  return {
    __proto__: null,
    asBuffer, badChunk, bufferOn, checkSignal, derive, errors, failure, getDefaultHighWaterMark, isIterable, isStream, isThenable, isWebPair, isWebReadable,
    isWebWritable, knownEncoding, markOf, member, members, nothing, onAbort, once, setDefaultHighWaterMark, soon, usualEncoding, views,
    customPromisify: SymbolFor("nodejs.util.promisify.custom"),
    asyncDispose: nano.primordials.Symbol.asyncDispose ?? SymbolFor("nodejs.asyncDispose"),
    isView: ArrayBufferIsView,
    remove: (list, value) => {
      for (let i = 0; i < list.length; i++) {
        if (list[i] !== value) continue;
        ArrayPrototypeRemoveAt(list, i);
        return true;
      }
      return false;
    },
    copied: (list) => {
      const all = [];
      for (let i = 0; i < list.length; i++) ArrayPrototypePush(all, list[i]);
      return all;
    },
  };
};
