"use strict";
// Puts names on the global object, with the attributes Web IDL gives them.
// Specification: https://webidl.spec.whatwg.org/#define-the-global-property-references
(nano) => {
  const { ObjectDefineProperty, ObjectHasOwn, ObjectKeys } = nano.primordials;

  const define = (name, value, enumerable) =>
    ObjectDefineProperty(globalThis, name, { __proto__: null, value, enumerable, writable: true, configurable: true });

  // Interfaces and namespaces are hidden from enumeration, operations of the global (methods, without a prototype) are not.
  nano.expose = (values) => {
    const names = ObjectKeys(values);
    for (let i = 0; i < names.length; i++) {
      const value = values[names[i]];
      define(names[i], value, typeof value === "function" && !ObjectHasOwn(value, "prototype"));
    }
  };

  // An attribute of the global. Without a setter it is [Replaceable]: an assignment puts a plain value in its place.
  nano.exposeGetter = (name, getter, setter = (value) => define(name, value, true)) => {
    ObjectDefineProperty(globalThis, name, { __proto__: null, get: getter, set: setter, enumerable: true, configurable: true });
  };
};
