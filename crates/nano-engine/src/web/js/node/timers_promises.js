"use strict";
// node:timers/promises: https://nodejs.org/api/timers.html#timers-promises-api
(nano) => {
  const { ArrayPrototypePush, ArrayPrototypeShift, AsyncIteratorPrototype, Error, ObjectSetPrototypeOf, PromiseReject, PromiseResolve,
    PromiseWithResolvers, SymbolAsyncIterator } = nano.primordials;
  const { asModule, invalidArgType, withCode } = nano.part("node/errors");
  const { abort } = nano;
  const timers = nano.timers.functions;

  const abortError = (signal) => {
    const error = withCode(new Error("The operation was aborted", { __proto__: null, cause: abort.reason(signal) }), "ABORT_ERR");
    error.name = "AbortError";
    return error;
  };

  const wait = (start, clear) => (value, options) => {
    const signal = options?.signal;
    if (signal !== undefined && !abort.isAbortSignal(signal)) return PromiseReject(invalidArgType("options.signal", "an instance of AbortSignal", signal));
    if (signal !== undefined && abort.isAborted(signal)) return PromiseReject(abortError(signal));
    const { promise, resolve, reject } = PromiseWithResolvers();
    const onAbort = () => {
      clear(timer);
      reject(abortError(signal));
    };
    const timer = start(() => {
      if (signal !== undefined) abort.removeAlgorithm(signal, onAbort);
      resolve(value);
    });
    if (signal !== undefined) abort.addAlgorithm(signal, onAbort);
    return promise;
  };

  const functions = {
    __proto__: null,
    setTimeout: (delay, value, options) => wait((done) => timers.setTimeout(done, delay), timers.clearTimeout)(value, options),
    setImmediate: (value, options) => wait((done) => timers.setImmediate(done), timers.clearImmediate)(value, options),
    setInterval(delay, value, options) {
      const signal = options?.signal;
      let due = 0;
      let over = signal !== undefined && abort.isAborted(signal);
      const waiting = [];
      const timer = over ? 0 : timers.setInterval(() => {
        const next = ArrayPrototypeShift(waiting);
        if (next === undefined) due++;
        else next.resolve({ value, done: false });
      }, delay);
      const stop = () => {
        over = true;
        timers.clearInterval(timer);
      };
      if (signal !== undefined && !over) {
        abort.addAlgorithm(signal, () => {
          stop();
          for (let i = 0; i < waiting.length; i++) waiting[i].reject(abortError(signal));
        });
      }
      const iterator = {
        next() {
          if (signal !== undefined && abort.isAborted(signal)) return PromiseReject(abortError(signal));
          if (over) return PromiseResolve({ value: undefined, done: true });
          if (due > 0) {
            due--;
            return PromiseResolve({ value, done: false });
          }
          const next = PromiseWithResolvers();
          ArrayPrototypePush(waiting, next);
          return next.promise;
        },
        return() {
          stop();
          return PromiseResolve({ value: undefined, done: true });
        },
        [SymbolAsyncIterator]() {
          return this;
        },
      };
      return ObjectSetPrototypeOf(iterator, AsyncIteratorPrototype);
    },
  };
  functions.scheduler = { wait: (delay, options) => functions.setTimeout(delay, undefined, options), yield: () => functions.setImmediate() };
  return asModule(functions);
};
