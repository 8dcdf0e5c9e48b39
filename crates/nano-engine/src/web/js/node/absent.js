"use strict";
// Modules of Node for what an app here does not have: processes, threads, terminals, files, servers. Packages import them whether or not
// they need them, so they are there, with their names; what is called of them says that it is not supported.
(nano, part) => {
  const { Error, ObjectDefineProperty, ObjectKeys, StringPrototypeSplit } = nano.primordials;
  const { asModule, withCode } = nano.part("node/errors");
  const { EventEmitter } = nano.part("node/events");

  const absent = (module, name) => {
    const said = `${module}.${name}`;
    const f = function () {
      throw withCode(new Error(`The ${said} method is not implemented`), "ERR_METHOD_NOT_IMPLEMENTED");
    };
    ObjectDefineProperty(f, "name", { __proto__: null, value: name });
    return f;
  };

  // Names of functions and classes, as a text, and what else there is.
  const make = (module, names, more = undefined, whole = undefined) => {
    const members = { __proto__: null };
    const list = StringPrototypeSplit(names, " ");
    for (let i = 0; i < list.length; i++) if (list[i] !== "") members[list[i]] = absent(module, list[i]);
    const others = more === undefined ? [] : ObjectKeys(more);
    for (let i = 0; i < others.length; i++) members[others[i]] = more[others[i]];
    return asModule(members, whole);
  };

  const modules = {
    __proto__: null,
    child_process: () => make("child_process", "ChildProcess _forkChild exec execFile execFileSync execSync fork spawn spawnSync"),
    cluster: () => make("cluster", "Worker disconnect fork setupMaster setupPrimary", {
      isMaster: true, isPrimary: true, isWorker: false, SCHED_NONE: 1, SCHED_RR: 2, schedulingPolicy: 2, settings: {}, workers: {},
    }, new EventEmitter()),
    dgram: () => make("dgram", "Socket createSocket"),
    domain: () => make("domain", "Domain create createDomain", { active: null }),
    http2: () => make("http2", "Http2ServerRequest Http2ServerResponse connect createSecureServer createServer getPackedSettings getUnpackedSettings performServerHandshake", {
      constants: {}, getDefaultSettings: () => ({}), sensitiveHeaders: nano.primordials.Symbol("nodejs.http2.sensitiveHeaders"),
    }),
    inspector: () => make("inspector", "Session open waitForDebugger", { close: () => undefined, url: () => undefined, console: nano.primordials.ReflectGet(globalThis, "console"), Network: {} }),
    readline: () => make("readline", "Interface clearLine clearScreenDown createInterface cursorTo emitKeypressEvents moveCursor", { promises: modules.readline_promises().default }),
    readline_promises: () => make("readline/promises", "Interface Readline createInterface"),
    repl: () => make("repl", "REPLServer Recoverable start writer", { builtinModules: [], _builtinLibs: [] }),
    sqlite: () => make("sqlite", "DatabaseSync StatementSync backup", { constants: {} }),
    test: () => make("test", "MockFunctionContext MockTracker", { mock: {} }),
    trace_events: () => make("trace_events", "createTracing", { getEnabledCategories: () => undefined }),
    tty: () => make("tty", "ReadStream WriteStream", { isatty: () => false }),
    v8: () => make("v8", "DefaultDeserializer DefaultSerializer Deserializer GCProfiler Serializer deserialize serialize getCppHeapStatistics getHeapCodeStatistics getHeapSnapshot getHeapSpaceStatistics queryObjects setFlagsFromString setHeapSnapshotNearHeapLimit stopCoverage takeCoverage writeHeapSnapshot isStringOneByteRepresentation", {
      cachedDataVersionTag: () => 0,
      getHeapStatistics: () => ({
        total_heap_size: 0, total_heap_size_executable: 0, total_physical_size: 0, total_available_size: 0, used_heap_size: 0,
        heap_size_limit: 0, malloced_memory: 0, peak_malloced_memory: 0, does_zap_garbage: 0, number_of_native_contexts: 1,
        number_of_detached_contexts: 0, total_global_handles_size: 0, used_global_handles_size: 0, external_memory: 0,
      }),
      promiseHooks: {}, startupSnapshot: {},
    }),
    vm: () => make("vm", "Script compileFunction createScript runInContext runInNewContext runInThisContext createContext measureMemory", { constants: {}, isContext: () => false }),
    wasi: () => make("wasi", "WASI"),
    worker_threads: () => make("worker_threads", "Worker moveMessagePortToContext postMessageToThread receiveMessageOnPort", {
      get MessageChannel() {
        return nano.part("messaging").MessageChannel;
      },
      get MessagePort() {
        return nano.part("messaging").MessagePort;
      },
      isMainThread: true, isInternalThread: false, parentPort: null, workerData: null, threadId: 0, resourceLimits: {}, SHARE_ENV: nano.primordials.SymbolFor("nodejs.worker_threads.SHARE_ENV"),
      getEnvironmentData: () => undefined, setEnvironmentData: () => undefined, markAsUntransferable: () => undefined, markAsUncloneable: () => undefined, isMarkedAsUntransferable: () => false,
    }),
  };

  const name = StringPrototypeSplit(part, "#")[1];
  return name === undefined ? { __proto__: null, absent, make } : modules[name]();
};
