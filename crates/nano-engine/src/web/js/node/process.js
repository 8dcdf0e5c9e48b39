"use strict";
// node:process, and the global process: what Workers have of it. https://nodejs.org/api/process.html
(nano) => {
  const { ObjectDefineProperty, ReflectApply, ReflectOwnKeys, MathFloor, BigInt } = nano.primordials;
  const { asModule, invalidArgType, unsupported, validateFunction } = nano.part("node/errors");
  const { EventEmitter } = nano.part("node/events");
  const { ops } = nano;

  const queue = nano.queueMicrotask;
  const process = new EventEmitter();
  const define = (name, value) =>
    ObjectDefineProperty(process, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });

  // The strings of env, in an object of the app's own: what it changes here changes nothing else.
  const env = {};
  const keys = ReflectOwnKeys(nano.env);
  for (let i = 0; i < keys.length; i++) {
    const value = nano.env[keys[i]];
    if (typeof value === "string") ObjectDefineProperty(env, keys[i], { __proto__: null, value, writable: true, enumerable: true, configurable: true });
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
      if (typeof name !== "string") throw invalidArgType("id", "string", name);
      return undefined;
    },
    emitWarning(warning) {
      ops.log(2, typeof warning === "string" ? `Warning: ${warning}` : nano.inspect(warning, 1));
    },
  };
  const names = ReflectOwnKeys(members);
  for (let i = 0; i < names.length; i++) define(names[i], members[names[i]]);
  return asModule(members, process);
};
