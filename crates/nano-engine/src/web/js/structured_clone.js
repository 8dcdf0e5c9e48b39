"use strict";
// structuredClone, which runs its part (clone.js) when it is first called, and what other files declare for it.
// Specification: https://html.spec.whatwg.org/#structured-cloning
(nano) => {
  const { ObjectSetPrototypeOf } = nano.primordials;
  const { requiredArguments } = nano.webidl;

  // For the native halves: what cannot be cloned, and what cannot cross to the host.
  nano.dataCloneError = (message) => new nano.DOMException(message, "DataCloneError");

  // Lists without a prototype, so that no setter of an app is in the way of list[list.length] = x.
  // Serializable objects: { is(value), clone(value) }. Transferable ones: { is(value), transfer(value) }; transfer() gives the object
  // at the other end and leaves nothing in the one it was given, or throws a DataCloneError.
  nano.serializable = ObjectSetPrototypeOf([], null);
  nano.transferable = ObjectSetPrototypeOf([], null);

  nano.expose({
    structuredClone(value, options = undefined) {
      const prefix = "Failed to execute 'structuredClone'";
      requiredArguments(arguments.length, 1, prefix);
      const { cloneWithTransfer, structuredSerializeOptions } = nano.part("clone");
      return cloneWithTransfer(value, structuredSerializeOptions(options, prefix, "parameter 2").transfer).value;
    },
  });
};
