"use strict";
// node:assert: https://nodejs.org/api/assert.html
(nano) => {
  const {
    ArrayPrototypePush, Error, ErrorCaptureStackTrace, ObjectDefineProperty, ObjectIs, ObjectKeys, PromisePrototypeThen,
    PromiseReject, PromiseResolve, ReflectApply, RegExpPrototypeExec, String,
  } = nano.primordials;
  const { asModule, invalidArgType, invalidArgValue, withCode } = nano.part("node/errors");
  const { isDeepEqual, isDeepStrictEqual } = nano.part("node/compare");
  const { isRegExp } = nano.part("node/types");
  const { TypeError } = nano.primordials;

  const show = (value) => nano.inspect(value, 4);

  const phrases = {
    __proto__: null,
    deepStrictEqual: "Expected values to be strictly deep-equal:",
    strictEqual: "Expected values to be strictly equal:",
    deepEqual: "Expected values to be loosely deep-equal:",
    "==": "==",
    notDeepStrictEqual: 'Expected "actual" not to be strictly deep-equal to:',
    notStrictEqual: 'Expected "actual" to be strictly unequal to:',
    notDeepEqual: 'Expected "actual" not to be loosely deep-equal to:',
  };

  const describe = ({ operator, actual, expected }) => {
    if (operator === "==" || operator === "!=") return `${show(actual)} ${operator} ${show(expected)}`;
    const phrase = phrases[operator];
    if (phrase === undefined) return "Failed";
    if (operator[0] === "n") return `${phrase}\n\n${show(expected)}\n`;
    return `${phrase}\n+ actual - expected\n\n+ ${show(actual)}\n- ${show(expected)}\n`;
  };

  class AssertionError extends Error {
    generatedMessage;
    name = "AssertionError";
    code = "ERR_ASSERTION";
    actual;
    expected;
    operator;

    constructor(options) {
      if (options === null || typeof options !== "object") throw invalidArgType("options", "object", options);
      const { message, actual, expected, operator, stackStartFn } = options;
      super(message === undefined || message === null ? describe(options) : String(message));
      this.generatedMessage = message === undefined || message === null;
      this.actual = actual;
      this.expected = expected;
      this.operator = operator;
      if (stackStartFn !== undefined) ErrorCaptureStackTrace(this, stackStartFn);
    }

    toString() {
      return `${this.name} [${this.code}]: ${this.message}`;
    }
  }

  const fail = (message, actual, expected, operator, stackStartFn) => {
    if (message instanceof Error) throw message;
    throw new AssertionError({ __proto__: null, message, actual, expected, operator, stackStartFn });
  };

  const need = (count, required = 2) => {
    if (count < required) {
      const names = required === 2 ? 'The "actual" and "expected" arguments' : 'The "value" argument';
      throw withCode(new TypeError(`${names} must be specified`), "ERR_MISSING_ARGS");
    }
  };

  // A comparison as a function of the module, named as Node names it.
  const comparison = (operator, holds) => {
    const assertion = {
      [operator](actual, expected, message) {
        need(arguments.length);
        if (!holds(actual, expected)) fail(message, actual, expected, operator, assertion);
      },
    }[operator];
    return assertion;
  };

  const looselySame = (a, b) => a == b || (a !== a && b !== b);
  const strictEqual = comparison("strictEqual", ObjectIs);
  const notStrictEqual = comparison("notStrictEqual", (a, b) => !ObjectIs(a, b));
  const deepStrictEqual = comparison("deepStrictEqual", isDeepStrictEqual);
  const notDeepStrictEqual = comparison("notDeepStrictEqual", (a, b) => !isDeepStrictEqual(a, b));

  const ok = (...args) => check(ok, args);
  const check = (start, args) => {
    if (args[0]) return;
    if (args.length === 0) fail("No value argument passed to `assert.ok()`", undefined, true, "==", start);
    const message = (args.length > 1 ? args[1] : undefined) ?? "The expression evaluated to a falsy value";
    fail(message, args[0], true, "==", start);
  };

  // Whether what was thrown is what was expected: a class, a pattern, a function that judges, or an object with the same members.
  const matches = (actual, expected, message, start) => {
    if (isRegExp(expected)) {
      if (RegExpPrototypeExec(expected, String(actual)) !== null) return;
      fail(message ?? `The input did not match the regular expression ${show(expected)}. Input:\n\n${show(String(actual))}\n`, actual, expected, start.name, start);
    }
    if (typeof expected === "function") {
      if (expected.prototype !== undefined && actual instanceof expected) return;
      if (expected === Error || expected.prototype instanceof Error) {
        fail(message ?? `The error is expected to be an instance of "${expected.name}". Received ${show(actual)}`, actual, expected, start.name, start);
      }
      if (ReflectApply(expected, {}, [actual]) === true) return;
      fail(message ?? `The ${expected.name ? `"${expected.name}" ` : ""}validation function is expected to return "true".`, actual, expected, start.name, start);
    }
    if (expected === null || typeof expected !== "object") throw invalidArgType("expected", ["function", "Error", "RegExp", "object"], expected);
    const keys = ObjectKeys(expected);
    if (expected instanceof Error) {
      ArrayPrototypePush(keys, "name");
      ArrayPrototypePush(keys, "message");
    }
    if (keys.length === 0) throw invalidArgValue("error", expected, "may not be an empty object");
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      const isText = typeof actual?.[key] === "string" && isRegExp(expected[key]);
      if (isText && RegExpPrototypeExec(expected[key], actual[key]) !== null) continue;
      if (actual === null || actual === undefined || !(key in actual) || !isDeepStrictEqual(actual[key], expected[key])) {
        fail(message, actual, expected, "deepStrictEqual", start);
      }
    }
  };

  const expectThrown = (start, thrown, expected, message) => {
    if (typeof expected === "string") {
      if (message !== undefined) throw invalidArgType("error", ["function", "Error", "RegExp", "object"], expected);
      message = expected;
      expected = undefined;
    }
    if (thrown === undefined) {
      const what = start.name === "rejects" ? "rejection" : "exception";
      const which = expected?.name ? ` (${expected.name})` : "";
      fail(message instanceof Error ? message : `Missing expected ${what}${which}${message ? `: ${message}` : "."}`, undefined, expected, start.name, start);
    }
    if (expected !== undefined) matches(thrown.error, expected, message, start);
  };

  const expectNotThrown = (start, thrown, expected, message) => {
    if (thrown === undefined) return;
    if (typeof expected === "string") {
      message = expected;
      expected = undefined;
    }
    if (expected !== undefined && !(typeof expected === "function" ? thrown.error instanceof expected : RegExpPrototypeExec(expected, String(thrown.error)) !== null)) {
      throw thrown.error;
    }
    const what = start.name === "doesNotReject" ? "rejection" : "exception";
    fail(`Got unwanted ${what}${message ? `: ${message}` : "."}\nActual message: "${thrown.error?.message}"`, thrown.error, expected, start.name, start);
  };

  const attempt = (fn) => {
    if (typeof fn !== "function") throw invalidArgType("fn", "function", fn);
    try {
      fn();
      return undefined;
    } catch (error) {
      return { __proto__: null, error };
    }
  };

  // A promise, or a function that gives one, as a promise of { error } or undefined.
  const attemptAsync = (what) => {
    let promise = what;
    if (typeof what === "function") {
      try {
        promise = what();
      } catch (error) {
        return PromiseReject(error);
      }
    }
    if (promise === null || typeof promise !== "object" || typeof promise.then !== "function") {
      return PromiseReject(invalidArgType("promiseFn", ["function", "Promise"], what));
    }
    return PromisePrototypeThen(PromiseResolve(promise), () => undefined, (error) => ({ __proto__: null, error }));
  };

  const functions = {
    ok,
    equal: comparison("==", looselySame),
    notEqual: comparison("!=", (a, b) => !looselySame(a, b)),
    strictEqual,
    notStrictEqual,
    deepEqual: comparison("deepEqual", isDeepEqual),
    notDeepEqual: comparison("notDeepEqual", (a, b) => !isDeepEqual(a, b)),
    deepStrictEqual,
    notDeepStrictEqual,

    fail: function fail(message = "Failed") {
      if (message instanceof Error) throw message;
      const error = new AssertionError({ __proto__: null, message, operator: "fail", stackStartFn: functions.fail });
      error.generatedMessage = arguments.length === 0;
      throw error;
    },

    ifError(value) {
      if (value === null || value === undefined) return;
      const message = `ifError got unwanted exception: ${value instanceof Error ? value.message : show(value)}`;
      throw new AssertionError({ __proto__: null, message, actual: value, expected: null, operator: "ifError", stackStartFn: functions.ifError });
    },

    match(string, regexp, message) {
      if (!isRegExp(regexp)) throw invalidArgType("regexp", "an instance of RegExp", regexp);
      if (typeof string === "string" && RegExpPrototypeExec(regexp, string) !== null) return;
      const why = typeof string === "string" ? "The input did not match the regular expression" : 'The "string" argument must be of type string. Not matched:';
      fail(message ?? `${why} ${show(regexp)}. Input:\n\n${show(string)}\n`, string, regexp, "match", functions.match);
    },

    doesNotMatch(string, regexp, message) {
      if (!isRegExp(regexp)) throw invalidArgType("regexp", "an instance of RegExp", regexp);
      if (typeof string === "string" && RegExpPrototypeExec(regexp, string) === null) return;
      fail(message ?? `The input was expected to not match the regular expression ${show(regexp)}. Input:\n\n${show(string)}\n`, string, regexp, "doesNotMatch", functions.doesNotMatch);
    },

    throws(fn, expected, message) {
      expectThrown(functions.throws, attempt(fn), expected, message);
    },

    doesNotThrow(fn, expected, message) {
      expectNotThrown(functions.doesNotThrow, attempt(fn), expected, message);
    },

    rejects(promise, expected, message) {
      return PromisePrototypeThen(attemptAsync(promise), (thrown) => expectThrown(functions.rejects, thrown, expected, message));
    },

    doesNotReject(promise, expected, message) {
      return PromisePrototypeThen(attemptAsync(promise), (thrown) => expectNotThrown(functions.doesNotReject, thrown, expected, message));
    },
  };

  const assert = (...args) => check(assert, args);
  const strict = (...args) => check(strict, args);
  const put = (target, members) => {
    const keys = ObjectKeys(members);
    for (let i = 0; i < keys.length; i++) {
      ObjectDefineProperty(target, keys[i], { __proto__: null, value: members[keys[i]], writable: true, enumerable: true, configurable: true });
    }
  };
  put(assert, { ...functions, AssertionError, strict });
  put(strict, {
    ...functions, strict, AssertionError, equal: strictEqual, notEqual: notStrictEqual, deepEqual: deepStrictEqual, notDeepEqual: notDeepStrictEqual,
  });
  return asModule({ ...functions, AssertionError, strict }, assert);
};
