"use strict";
// Errands: native work on a helper thread. The op that sends one returns its number, nano.errand makes a promise of that.
(nano) => {
  const { Error, PromiseWithResolvers, RangeError, SafeMap, TypeError } = nano.primordials;

  // The errands under way, by number.
  const pending = new SafeMap();

  const errorOf = (name, message) => {
    switch (name) {
      case "TypeError": return new TypeError(message);
      case "RangeError": return new RangeError(message);
      case "Error": return new Error(message);
      default: return new nano.DOMException(message, name);
    }
  };

  nano.errand = (id) => {
    const deferred = PromiseWithResolvers();
    pending.set(id, deferred);
    return deferred.promise;
  };

  // The same for values that an app must not see: they go straight to a function.
  nano.errandTo = (id, resolve, reject) => pending.set(id, { __proto__: null, resolve, reject });

  // The errand gave a value, or failed with a name and a message.
  nano.errandDone = (id, value, name, message) => {
    const deferred = pending.get(id);
    if (deferred === undefined) return;
    pending.delete(id);
    if (name === undefined) deferred.resolve(value);
    else deferred.reject(errorOf(name, message));
  };
};
