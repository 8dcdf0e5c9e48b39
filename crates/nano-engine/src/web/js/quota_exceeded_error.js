"use strict";
// QuotaExceededError: the one DOMException that is a class of its own and says how much was too much.
// Specification: https://webidl.spec.whatwg.org/#quotaexceedederror
(nano) => {
  const { ObjectSetPrototypeOf, RangeError, ReflectConstruct } = nano.primordials;
  const { DOMException } = nano;
  const { configureInterface, converters, dictionary } = nano.webidl;

  const amount = { __proto__: null, converter: converters.double };
  const quotaOptions = dictionary("QuotaExceededErrorOptions", [
    { ...amount, key: "quota" },
    { ...amount, key: "requested" },
  ]);

  // As in DOMException: a base that returns the object it was given.
  const Same = function (object) {
    return object;
  };

  class Amounts extends Same {
    #quota;
    #requested;

    constructor(error, quota = null, requested = null) {
      super(error);
      this.#quota = quota;
      this.#requested = requested;
    }

    static is(value) {
      return #quota in value;
    }

    static quota(error) {
      return error.#quota;
    }

    static requested(error) {
      return error.#requested;
    }
  }

  class QuotaExceededError {
    constructor(message = "", options = {}) {
      const prefix = "Failed to construct 'QuotaExceededError'";
      message = converters.DOMString(message, prefix, "parameter 1");
      const { quota, requested } = quotaOptions(options, prefix, "parameter 2");
      if (quota < 0 || requested < 0) throw new RangeError(`${prefix}: neither quota nor requested can be negative.`);
      if (requested < quota) throw new RangeError(`${prefix}: what was requested is less than the quota.`);
      const error = ReflectConstruct(DOMException, [message, "QuotaExceededError"], new.target);
      new Amounts(error, quota, requested);
      return error;
    }

    get quota() {
      return Amounts.quota(this);
    }

    get requested() {
      return Amounts.requested(this);
    }
  }
  ObjectSetPrototypeOf(QuotaExceededError, DOMException);
  ObjectSetPrototypeOf(QuotaExceededError.prototype, DOMException.prototype);
  configureInterface(QuotaExceededError);

  // A DOMException of that name that an app made itself has no amounts.
  const clone = (error, message) => {
    if (!Amounts.is(error)) return undefined;
    const options = { __proto__: null, quota: Amounts.quota(error) ?? undefined, requested: Amounts.requested(error) ?? undefined };
    return new QuotaExceededError(message, options);
  };

  return { __proto__: null, QuotaExceededError, clone };
};
