"use strict";
// Functions and classes of the host's in env: env.hash(x), new env.Database(x).
//
// The host answers when it likes, so a function and a method return a promise, and so does reading a property. new returns at once:
// what is called on the object waits until the host has made it, and fails if the host refuses.
(nano) => {
  const {
    ObjectDefineProperty, ObjectSetPrototypeOf, PromisePrototypeThen, PromiseReject, SafeWeakMap, SymbolDispose,
    SymbolToStringTag, TypeError,
  } = nano.primordials;
  const { calls, ops } = nano;

  const FUNCTION = 0, CONSTRUCT = 1, METHOD = 2, GET = 3, SET = 4;

  const nothing = () => {};

  // The objects that the host has not made yet, or has refused to make, with the promise of that.
  const constructing = new SafeWeakMap();

  // Calls `then` when the object is there; a promise of what that gives.
  const whenConstructed = (object, then) => {
    const made = constructing.get(object);
    if (made === undefined) return PromiseReject(new TypeError("the object was never constructed"));
    made.awaited = true;
    return PromisePrototypeThen(made.promise, then);
  };

  const call = (binding, kind, object, name, args) => calls.send(() => ops.callHost(binding, kind, object, name, args));

  const createFunction = (binding, name) => ({
    [name](...args) {
      return call(binding, FUNCTION, undefined, "", args);
    },
  })[name];

  const construct = (binding, object, args) => {
    const made = { __proto__: null, promise: undefined, awaited: false };
    made.promise = call(binding, CONSTRUCT, object, "", args);
    constructing.set(object, made);
    PromisePrototypeThen(made.promise, () => constructing.delete(object), (error) => {
      // Nobody else will say it.
      if (!made.awaited) nano.reportException(error);
    });
  };

  const method = (binding, name) => ({
    [name](...args) {
      return call(binding, METHOD, this, name, args);
    },
  })[name];

  const accessor = (binding, name) => ({
    get() {
      return call(binding, GET, this, name, []);
    },
    set(value) {
      PromisePrototypeThen(call(binding, SET, this, name, [value]), nothing, nano.reportException);
    },
  });

  const define = (target, key, value, enumerable) =>
    ObjectDefineProperty(target, key, { __proto__: null, value, writable: true, enumerable, configurable: true });

  const createClass = (binding, name, methods, properties, constructible) => {
    const Class = ({
      [name]: class {
        constructor(...args) {
          if (!constructible) throw new TypeError("Illegal constructor");
          const object = ops.hostObject(binding);
          const { prototype } = new.target;
          if (typeof prototype === "object" && prototype !== null) ObjectSetPrototypeOf(object, prototype);
          construct(binding, object, args);
          return object;
        }
      },
    })[name];
    const { prototype } = Class;
    for (let i = 0; i < methods.length; i++) define(prototype, methods[i], method(binding, methods[i]), true);
    for (let i = 0; i < properties.length; i++) {
      const { get, set } = accessor(binding, properties[i]);
      ObjectDefineProperty(prototype, properties[i], { __proto__: null, get, set, enumerable: true, configurable: true });
    }
    ObjectDefineProperty(prototype, SymbolToStringTag, { __proto__: null, value: name, configurable: true });
    // using db = new env.Database(): the host hears at once that the object is not needed any more.
    define(prototype, SymbolDispose, { dispose() { ops.hostDispose(this); } }.dispose, false);
    ops.hostClass(binding, name, prototype);
    return Class;
  };

  return {
    __proto__: null,
    whenConstructed,
    createBinding(binding) {
      const name = binding[0], index = binding[1];
      if (binding[2] === 1) return createFunction(index, name);
      return createClass(index, name, binding[3], binding[4], binding[5]);
    },
  };
};
