"use strict";
// node:process, and the global process: what Workers have of it. https://nodejs.org/api/process.html
(nano) => {
  const {
    BigInt, JSONParse, JSONStringify, MathFloor, ObjectDefineProperty, ReflectApply, ReflectOwnKeys, StringPrototypeIndexOf, StringPrototypeSlice, SymbolToStringTag,
    TypeError, TypedArrayPrototypeGetSymbolToStringTag,
  } = nano.primordials;
  const { asModule, invalidArgType, unsupported, validateFunction, validateString, withCode } = nano.part("node/errors");
  const { EventEmitter } = nano.part("node/events");
  const { createDecoder, noBytes } = nano.encoding;
  const { ops } = nano;
  const { builtinPart } = ops.natives("node");

  const LOG = 1, ERROR = 3;

  const queue = nano.queueMicrotask;
  const process = new EventEmitter();
  const defineOn = (object, name, value) =>
    ObjectDefineProperty(object, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });

  // The listeners of process hear of rejections as those of the global do; where there is one, it has seen to it.
  const { emit, listenerCount } = EventEmitter.prototype;
  nano.tellProcess = (type, args) => {
    if (ReflectApply(listenerCount, process, [type]) === 0) return false;
    try {
      ReflectApply(emit, process, args);
    } catch (error) {
      nano.reportException(error);
    }
    return true;
  };

  // What makes bytes of texts, undefined if they are logged as they are.
  const codecOf = (encoding) => {
    if (!encoding || encoding === "utf8") return undefined;
    const { find, utf8 } = nano.part("node/buffer_codecs");
    const found = find(encoding);
    if (found === undefined) throw withCode(new TypeError(`Unknown encoding: ${encoding}`), "ERR_UNKNOWN_ENCODING");
    return found === utf8 ? undefined : found;
  };

  // What is written goes to the app's log, a line at a time; what is no whole line when the app has had its say is one.
  const outputOf = (level, fd) => {
    const output = new EventEmitter();
    // The end of a character may come with a later piece, and later than its line is logged.
    const decoder = createDecoder("utf-8", { __proto__: null, ignoreBOM: true }, "");
    let rest = "";
    const flush = () => {
      if (rest !== "") ops.log(level, rest);
      rest = "";
    };
    const write = (chunk, encoding, callback) => {
      if (typeof encoding === "function") {
        callback = encoding;
        encoding = undefined;
      }
      const codec = codecOf(encoding);
      if (typeof chunk !== "string") {
        if (TypedArrayPrototypeGetSymbolToStringTag(chunk) !== "Uint8Array") throw invalidArgType("chunk", "of type string or an instance of Buffer or Uint8Array", chunk);
        chunk = decoder.decode(chunk, true);
      } else if (codec === undefined) {
        chunk = decoder.decode(noBytes, false) + chunk;
      } else {
        chunk = decoder.decode(codec.encode(chunk), true);
      }
      const isPending = rest !== "";
      rest += chunk;
      for (let end = StringPrototypeIndexOf(rest, "\n"); end >= 0; end = StringPrototypeIndexOf(rest, "\n")) {
        ops.log(level, StringPrototypeSlice(rest, 0, end));
        rest = StringPrototypeSlice(rest, end + 1);
      }
      if (!isPending && rest !== "") queue(flush);
      if (typeof callback === "function") queue(() => ReflectApply(callback, undefined, [null]));
      return true;
    };
    defineOn(output, "fd", fd);
    defineOn(output, "isTTY", false);
    defineOn(output, "writable", true);
    defineOn(output, "write", write);
    defineOn(output, "end", (chunk, encoding, callback) => {
      if (chunk !== undefined && chunk !== null && typeof chunk !== "function") write(chunk, encoding, callback);
      return output;
    });
    return output;
  };

  // The variables of env as texts, as they were given, in an object of the app's own: what it changes in either changes nothing in the other.
  const env = {};
  const keys = ReflectOwnKeys(nano.variables);
  for (let i = 0; i < keys.length; i++) {
    const variable = nano.variables[keys[i]];
    const value = typeof variable === "string" ? variable : JSONStringify(JSONParse(nano.variablesJson[keys[i]]));
    ObjectDefineProperty(env, keys[i], { __proto__: null, value, writable: true, enumerable: true, configurable: true });
  }

  const hrtime = (before = undefined) => {
    const now = ops.now();
    let seconds = MathFloor(now / 1000);
    let nanos = MathFloor((now % 1000) * 1e6);
    if (before !== undefined) {
      seconds -= before[0];
      nanos -= before[1];
      if (nanos < 0) {
        seconds--;
        nanos += 1e9;
      }
    }
    return [seconds, nanos];
  };
  ObjectDefineProperty(hrtime, "bigint", {
    __proto__: null, value: () => BigInt(MathFloor(ops.now() * 1e6)), writable: true, enumerable: true, configurable: true,
  });

  const members = {
    env,
    argv: ["workerd"],
    argv0: "workerd",
    execArgv: [],
    execPath: "",
    pid: 1,
    ppid: 0,
    platform: "linux",
    arch: "x64",
    title: "nano",
    // What packages look at to know which Node's interfaces they may use.
    version: "v22.19.0",
    versions: { node: "22.19.0" },
    features: {},
    release: { name: "node" },
    exitCode: undefined,
    stdout: outputOf(LOG, 1),
    stderr: outputOf(ERROR, 2),
    hrtime,
    nextTick(callback, ...args) {
      validateFunction(callback, "callback");
      queue(() => ReflectApply(callback, undefined, args));
    },
    cwd: () => "/",
    chdir() {
      throw unsupported("process.chdir()", "there is one folder, /");
    },
    exit() {
      throw unsupported("process.exit()", "an app lives as long as its host wants");
    },
    abort() {
      throw unsupported("process.abort()", "an app lives as long as its host wants");
    },
    umask: () => 0o22,
    uptime: () => ops.now() / 1000,
    memoryUsage: () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 }),
    getBuiltinModule(name) {
      validateString(name, "id");
      const part = builtinPart(name);
      return part === undefined ? undefined : nano.part(part).default;
    },
    emitWarning(warning) {
      ops.log(2, typeof warning === "string" ? `Warning: ${warning}` : nano.inspect(warning, 1));
    },
  };
  // Packages tell by it what they run on.
  ObjectDefineProperty(process, SymbolToStringTag, { __proto__: null, value: "process", configurable: true });
  const names = ReflectOwnKeys(members);
  for (let i = 0; i < names.length; i++) defineOn(process, names[i], members[names[i]]);
  return asModule(members, process);
};
