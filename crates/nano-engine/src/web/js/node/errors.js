"use strict";
// Node's errors with a code, and the checks of arguments that its modules share.
(nano) => {
  const {
    ArrayIsArray, ArrayPrototypeJoin, Error, NumberIsNaN, ObjectDefineProperty, RangeError, String, TypeError,
  } = nano.primordials;

  const withCode = (error, code) => {
    ObjectDefineProperty(error, "code", { __proto__: null, value: code, writable: true, enumerable: true, configurable: true });
    return error;
  };

  const received = (value) => {
    if (value === null || value === undefined) return ` Received ${value}`;
    if (typeof value === "function") return ` Received function ${value.name}`;
    if (typeof value === "object") {
      const name = value.constructor?.name;
      return ` Received ${name ? `an instance of ${name}` : nano.inspect(value, 0)}`;
    }
    return ` Received type ${typeof value} (${typeof value === "string" ? `'${value}'` : String(value)})`;
  };

  const invalidArgType = (name, expected, value) => {
    const kind = ArrayIsArray(expected) ? `one of type ${ArrayPrototypeJoin(expected, " or ")}` : expected;
    const what = /^(of|an|one) /;
    const text = nano.primordials.RegExpPrototypeExec(what, kind) === null ? `of type ${kind}` : kind;
    return withCode(new TypeError(`The "${name}" argument must be ${text}.${received(value)}`), "ERR_INVALID_ARG_TYPE");
  };

  const outOfRange = (name, range, value) =>
    withCode(new RangeError(`The value of "${name}" is out of range. It must be ${range}. Received ${String(value)}`), "ERR_OUT_OF_RANGE");

  const invalidArgValue = (name, value, reason = "is invalid") =>
    withCode(new TypeError(`The argument '${name}' ${reason}. Received ${nano.inspect(value, 1)}`), "ERR_INVALID_ARG_VALUE");

  const check = (type) => (value, name) => {
    if (typeof value !== type) throw invalidArgType(name, type, value);
  };

  return {
    __proto__: null,
    withCode,
    invalidArgType,
    invalidArgValue,
    outOfRange,
    unsupported: (what, why) => withCode(new Error(`${what} is not supported: ${why}`), "ERR_METHOD_NOT_IMPLEMENTED"),
    validateFunction: check("function"),
    validateString: check("string"),
    validateNumber: (value, name, min = undefined, max = undefined) => {
      if (typeof value !== "number") throw invalidArgType(name, "number", value);
      if ((min !== undefined && value < min) || (max !== undefined && value > max) || NumberIsNaN(value)) {
        const range = max === undefined ? `>= ${min}` : min === undefined ? `<= ${max}` : `>= ${min} && <= ${max}`;
        throw outOfRange(name, range, value);
      }
    },
    validateObject: (value, name) => {
      if (value === null || typeof value !== "object") throw invalidArgType(name, "object", value);
    },
    // A module as an import sees it: names, and all of them as an object of the app's own, which it may change.
    asModule: (names, whole = undefined) => {
      const object = whole ?? {};
      const exports = { __proto__: null };
      const keys = nano.primordials.ObjectKeys(names);
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i];
        exports[key] = names[key];
        if (whole === undefined || !nano.primordials.ObjectHasOwn(whole, key)) {
          ObjectDefineProperty(object, key, { __proto__: null, value: names[key], writable: true, enumerable: true, configurable: true });
        }
      }
      exports.default = object;
      return exports;
    },
  };
};
