"use strict";
// setTimeout and its kin as Node has them, in place of the web's: for apps that import a module of Node's, as on Workers. Their packages call
// unref() on what they are given. https://nodejs.org/api/timers.html
(nano) => {
  const { ObjectDefineProperty, ObjectGetOwnPropertyDescriptor, ReflectApply, SymbolFor } = nano.primordials;
  const web = nano.timers.functions;
  // Most such apps start no timer.
  const node = () => nano.part("node/timers");

  const functions = {
    __proto__: null,
    setTimeout(callback, delay) {
      return ReflectApply(node().setTimeout, undefined, arguments);
    },
    clearTimeout(timeout) {
      node().clearTimeout(timeout);
    },
    setInterval(callback, delay) {
      return ReflectApply(node().setInterval, undefined, arguments);
    },
    clearInterval(timeout) {
      node().clearInterval(timeout);
    },
    setImmediate(callback) {
      return ReflectApply(node().setImmediate, undefined, arguments);
    },
    clearImmediate(immediate) {
      node().clearImmediate(immediate);
    },
  };

  const names = ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "setImmediate", "clearImmediate"];
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    const there = ObjectGetOwnPropertyDescriptor(globalThis, name);
    // The app may have put one of its own there.
    if (there === undefined || there.value !== web[name] || !there.configurable) continue;
    ObjectDefineProperty(globalThis, name, { __proto__: null, value: functions[name], writable: true, enumerable: true, configurable: true });
  }
  const waits = ["setTimeout", "setImmediate"];
  for (let i = 0; i < waits.length; i++) {
    ObjectDefineProperty(functions[waits[i]], SymbolFor("nodejs.util.promisify.custom"), {
      __proto__: null,
      enumerable: true,
      get: () => nano.part("node/timers_promises")[waits[i]],
    });
  }
  return { __proto__: null };
};
