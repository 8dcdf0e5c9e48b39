"use strict";
// node:util: https://nodejs.org/api/util.html
(nano) => {
  const {
    ArrayIsArray, ArrayPrototypeIncludes, ArrayPrototypePush, ArrayPrototypeSlice, BooleanPrototype, DatePrototype, Error, ErrorPrototype, JSONStringify,
    NumberParseFloat, NumberParseInt, NumberPrototype, ObjectAssign, ObjectIs, ObjectPrototype, RegExpPrototype, StringPrototype, TypeError,
    ObjectDefineProperty, ObjectGetPrototypeOf, ObjectSetPrototypeOf, PromisePrototypeThen, PromiseResolve,
    PromiseWithResolvers, ReflectApply, ReflectOwnKeys, RegExpPrototypeSymbolReplace, String, StringPrototypeSlice,
    StringPrototypeToUpperCase, StringPrototypeToWellFormed, SymbolFor, SafeMap, StringPrototypeIndexOf,
  } = nano.primordials;
  const { asModule, invalidArgType, invalidArgValue, validateFunction, validateString, withCode } = nano.part("node/errors");
  const { isDeepStrictEqual } = nano.part("node/compare");
  const types = nano.part("node/types").default;
  const { abort, ops } = nano;

  const custom = SymbolFor("nodejs.util.inspect.custom");
  const promisified = SymbolFor("nodejs.util.promisify.custom");

  // An app may set its own, by member or all at once.
  let defaults = {
    showHidden: false, depth: 2, colors: false, customInspect: true, maxArrayLength: 100, maxStringLength: 10000, breakLength: 128, compact: 3,
    sorted: false, getters: false,
  };

  const optionsOf = (options, depth, colors) => {
    const made = { ...defaults };
    if (typeof options === "boolean") {
      made.showHidden = options;
      if (depth !== undefined) made.depth = depth;
      if (colors !== undefined) made.colors = colors;
    } else if (options !== null && options !== undefined) {
      return { ...made, ...options };
    }
    return made;
  };

  const DEPTH_MAX = 64;
  const WIDTH_MAX = 76;
  const levelsOf = (depth) => (depth === null || depth === undefined || depth > DEPTH_MAX ? DEPTH_MAX : depth);
  const limitOf = (limit) => (limit === null || limit === undefined || limit > BYTES_MAX ? BYTES_MAX : limit < 0 ? 0 : limit);
  const BYTES_MAX = 16384;

  // What the object's own method says of it; the options it gets are those that were given, with the depth that is left.
  const customText = (object, made, depth) => {
    if (ops.isProxy(object)) return undefined;
    const method = object[custom];
    if (typeof method !== "function" || method === inspect) return undefined;
    const text = ReflectApply(method, object, [depth, { ...made, depth }, inspect]);
    if (text === object) return undefined;
    return typeof text === "string" ? text : inspect(text, { ...made, depth });
  };

  // The console's inspector, which runs no code of the app, but for what asks to be run.
  const inspect = (value, options = undefined, depth = undefined, colors = undefined) => {
    const made = optionsOf(options, depth, colors);
    const width = made.breakLength;
    const { USUAL, inspect: show } = nano.part("console_format");
    if (typeof value === "string") return value.length <= limitOf(made.maxStringLength) ? quote(value) : show(value, 0, { ...USUAL, __proto__: null, string: limitOf(made.maxStringLength) });
    let failed = false;
    let failure;
    const text = show(value, levelsOf(made.depth), {
      __proto__: null,
      items: limitOf(made.maxArrayLength),
      string: limitOf(made.maxStringLength),
      // Node fills 80 columns unless it is told another width.
      width: width === defaults.breakLength || typeof width !== "number" ? WIDTH_MAX : width > 4 ? width - 4 : 0,
      compact: made.compact,
      sorted: made.sorted === true || typeof made.sorted === "function" ? made.sorted : false,
      hidden: !!made.showHidden,
      getters: made.getters,
      custom: made.customInspect === false ? undefined : (object, left) => {
        try {
          return failed ? undefined : customText(object, made, made.depth === null || made.depth === Infinity ? made.depth : left);
        } catch (error) {
          failed = true;
          failure = error;
          return undefined;
        }
      },
    });
    if (failed) throw failure;
    return text;
  };

  const quote = (text) => {
    const has = (mark) => StringPrototypeIndexOf(text, mark) !== -1;
    const mark = !has("'") ? "'" : !has('"') ? '"' : !has("`") ? "`" : "'";
    const body = StringPrototypeSlice(JSONStringify(text), 1, -1);
    const plain = RegExpPrototypeSymbolReplace(/\\"/g, body, '"');
    return mark + (mark === "'" ? RegExpPrototypeSymbolReplace(/'/g, plain, "\\'") : plain) + mark;
  };

  const put = (object, key, value) =>
    ObjectDefineProperty(object, key, { __proto__: null, value, writable: true, enumerable: true, configurable: true });

  const palette = { __proto__: null, reset: [0, 0], bold: [1, 22], italic: [3, 23], underline: [4, 24], inverse: [7, 27] };
  const colours = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
  for (let i = 0; i < colours.length; i++) {
    palette[colours[i]] = [30 + i, 39];
    palette[`bg${StringPrototypeToUpperCase(colours[i][0])}${StringPrototypeSlice(colours[i], 1)}`] = [40 + i, 49];
  }
  palette.gray = palette.grey = [90, 39];
  put(inspect, "custom", custom);
  ObjectDefineProperty(inspect, "defaultOptions", {
    __proto__: null,
    get: () => defaults,
    set(options) {
      if (options === null || typeof options !== "object") throw invalidArgType("options", "object", options);
      defaults = { ...defaults, ...options };
    },
    enumerable: true,
    configurable: true,
  });
  put(inspect, "colors", palette);
  put(inspect, "styles", { __proto__: null });

  const promisify = (original) => {
    validateFunction(original, "original");
    const other = original[promisified];
    if (other !== undefined) {
      validateFunction(other, "util.promisify.custom");
      return ObjectDefineProperty(other, promisified, { __proto__: null, value: other, enumerable: false, writable: false, configurable: true });
    }
    function fn(...args) {
      const { promise, resolve, reject } = PromiseWithResolvers();
      ArrayPrototypePush(args, (error, value) => {
        if (error) reject(error);
        else resolve(value);
      });
      try {
        ReflectApply(original, this, args);
      } catch (error) {
        reject(error);
      }
      return promise;
    }
    ObjectSetPrototypeOf(fn, ObjectGetPrototypeOf(original));
    ObjectDefineProperty(fn, promisified, { __proto__: null, value: fn, enumerable: false, writable: false, configurable: true });
    const keys = ReflectOwnKeys(original);
    for (let i = 0; i < keys.length; i++) ObjectDefineProperty(fn, keys[i], nano.webidl.getOwnProperty(original, keys[i]));
    return fn;
  };
  put(promisify, "custom", promisified);

  const callbackify = (original) => {
    validateFunction(original, "original");
    return function (...args) {
      const callback = args[args.length - 1];
      validateFunction(callback, "last argument");
      const later = (...values) => PromisePrototypeThen(PromiseResolve(undefined), () => {
        try {
          ReflectApply(callback, this, values);
        } catch (error) {
          nano.reportException(error);
        }
      });
      const result = ReflectApply(original, this, ArrayPrototypeSlice(args, 0, args.length - 1));
      PromisePrototypeThen(PromiseResolve(result), (value) => later(null, value), (reason) => {
        if (reason) return later(reason);
        const error = withCode(new Error("Promise was rejected with a falsy value"), "ERR_FALSY_VALUE_REJECTION");
        put(error, "reason", reason);
        return later(error);
      });
    };
  };

  const inherits = (Class, Parent) => {
    validateFunction(Class, "ctor");
    validateFunction(Parent, "superCtor");
    if (Parent.prototype === undefined) throw invalidArgType("superCtor.prototype", "object", Parent.prototype);
    ObjectDefineProperty(Class, "super_", { __proto__: null, value: Parent, writable: true, configurable: true });
    ObjectSetPrototypeOf(Class.prototype, Parent.prototype);
  };

  const warned = new SafeMap();
  const deprecate = (fn, message, code = undefined) => {
    validateFunction(fn, "fn");
    let said = false;
    return function (...args) {
      if (!said) {
        said = true;
        if (code === undefined || !warned.has(code)) {
          if (code !== undefined) warned.set(code, true);
          ops.log(2, `DeprecationWarning: ${code === undefined ? "" : `[${code}] `}${message}`);
        }
      }
      return new.target === undefined ? ReflectApply(fn, this, args) : nano.primordials.ReflectConstruct(fn, args, new.target);
    };
  };

  const debuglog = () => {
    const log = () => {};
    put(log, "enabled", false);
    return log;
  };

  // Whether what an object is as a text is its own class's word, and not the language's.
  const saysItself = (value) => {
    if (ArrayIsArray(value)) return false;
    for (let at = value; at !== null; at = ObjectGetPrototypeOf(at)) {
      if (ops.isProxy(at)) return false;
      if (nano.webidl.getOwnProperty(at, "toString") !== undefined) return !ArrayPrototypeIncludes(languages, at);
    }
    return false;
  };
  const languages = [ObjectPrototype, ErrorPrototype, DatePrototype, RegExpPrototype, StringPrototype, NumberPrototype, BooleanPrototype];

  const numberText = (number) => (ObjectIs(number, -0) ? "-0" : String(number));

  const converter = (options) => (specifier, value) => {
    const kind = typeof value;
    switch (specifier) {
      case "s":
        if (kind === "number") return numberText(value);
        if (kind === "bigint") return `${value}n`;
        return kind === "object" && value !== null && !saysItself(value) ? inspect(value, { __proto__: null, depth: 0 }) : String(value);
      case "d":
      case "i":
        if (kind === "bigint") return `${value}n`;
        if (kind === "symbol") return "NaN";
        return numberText(specifier === "d" ? +value : NumberParseInt(value));
      case "f": return kind === "symbol" ? "NaN" : numberText(NumberParseFloat(value));
      case "j":
        try {
          return String(JSONStringify(value));
        } catch (error) {
          if (error instanceof TypeError && StringPrototypeIndexOf(String(error.message), "circular") !== -1) return "[Circular]";
          throw error;
        }
      case "o": return inspect(value, { ...options, depth: 4, showHidden: true });
      case "O": return inspect(value, options);
      case "c": return "";
      default: return undefined;
    }
  };

  const formatBy = (options, args) => nano.part("console_format").format(args, converter(options), (value) => inspect(value, options));
  const format = (...args) => formatBy(undefined, args);
  const ansi = /[\u001B\u009B][[\]()#;?]*(?:(?:(?:;[-a-zA-Z\d/#&.:=?%@~_]+)*|[a-zA-Z\d]+(?:;[-a-zA-Z\d/#&.:=?%@~_]*)*)?\u0007|(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PR-TZcf-nq-uy=><~])/g;

  const functions = {
    aborted(signal, resource) {
      if (!abort.isAbortSignal(signal)) return nano.primordials.PromiseReject(invalidArgType("signal", "an instance of AbortSignal", signal));
      const { promise, resolve } = PromiseWithResolvers();
      if (abort.isAborted(signal)) resolve();
      else abort.addAlgorithm(signal, () => resolve());
      return promise;
    },
    callbackify,
    debug: debuglog,
    debuglog,
    deprecate,
    format,
    formatWithOptions(options, ...args) {
      if (options === null || typeof options !== "object") throw invalidArgType("inspectOptions", "object", options);
      return formatBy(options, args);
    },
    inherits,
    inspect,
    isArray: ArrayIsArray,
    isDeepStrictEqual,
    promisify,
    stripVTControlCharacters(text) {
      validateString(text, "str");
      return RegExpPrototypeSymbolReplace(ansi, text, "");
    },
    styleText(formats, text) {
      validateString(text, "text");
      const names = ArrayIsArray(formats) ? formats : [formats];
      let left = "";
      let right = "";
      for (let i = 0; i < names.length; i++) {
        const codes = inspect.colors[names[i]];
        if (codes === undefined) throw invalidArgValue("format", names[i], "is not a known style");
        left += `\u001b[${codes[0]}m`;
        right = `\u001b[${codes[1]}m${right}`;
      }
      return left + text + right;
    },
    toUSVString: (text) => StringPrototypeToWellFormed(String(text)),
    _extend: (target, source) => (source === null || typeof source !== "object" ? target : ObjectAssign(target, source)),
  };
  return asModule({ ...functions, TextDecoder: nano.encoding.TextDecoder, TextEncoder: nano.encoding.TextEncoder, types });
};
