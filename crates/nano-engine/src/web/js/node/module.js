"use strict";
// node:module: createRequire() gives the modules of the platform. https://nodejs.org/api/module.html
(nano) => {
  const { ArrayPrototypePush, Error, ObjectDefineProperty, StringPrototypeSlice } = nano.primordials;
  const { asModule, validateString, withCode } = nano.part("node/errors");
  const { builtinPart, builtinNames } = nano.ops.natives("node");
  const { absent } = nano.part("node/absent");

  const isNode = (name) => StringPrototypeSlice(name, 0, 5) === "node:";
  const required = (name) => {
    validateString(name, "id");
    const part = builtinPart(name);
    if (part === undefined) throw withCode(new Error(`Cannot find module '${name}': a module of the app is imported, not required`), "MODULE_NOT_FOUND");
    return nano.part(part).default;
  };

  const names = builtinNames();
  const builtinModules = [];
  for (let i = 0; i < names.length; i++) if (isNode(names[i])) ArrayPrototypePush(builtinModules, StringPrototypeSlice(names[i], 5));

  const createRequire = () => {
    const require = (name) => required(name);
    const resolve = (name) => {
      required(name);
      return name;
    };
    ObjectDefineProperty(require, "resolve", { __proto__: null, value: resolve, writable: true, enumerable: true, configurable: true });
    ObjectDefineProperty(require, "cache", { __proto__: null, value: {}, writable: true, enumerable: true, configurable: true });
    return require;
  };

  function Module() {
    throw withCode(new Error("The Module constructor is not implemented"), "ERR_METHOD_NOT_IMPLEMENTED");
  }
  return asModule({
    Module,
    builtinModules,
    constants: {},
    createRequire,
    enableCompileCache: () => ({}),
    findPackageJSON: () => undefined,
    findSourceMap: () => undefined,
    getCompileCacheDir: () => undefined,
    globalPaths: [],
    isBuiltin: (name) => builtinPart(name) !== undefined,
    register: absent("module", "register"),
    registerHooks: absent("module", "registerHooks"),
    runMain: absent("module", "runMain"),
    SourceMap: absent("module", "SourceMap"),
    stripTypeScriptTypes: absent("module", "stripTypeScriptTypes"),
    syncBuiltinESMExports: () => undefined,
    wrap: (script) => `(function (exports, require, module, __filename, __dirname) { ${script}\n});`,
  }, Module);
};
