"use strict";
// Where errors go that nobody caught: the listeners of the global first, then the app's log.
// Specification: https://html.spec.whatwg.org/#runtime-script-errors, https://html.spec.whatwg.org/#unhandled-promise-rejections
(nano) => {
  const { NumberParseInt, RegExpPrototypeExec, SafeWeakSet, String } = nano.primordials;
  const { ops } = nano;
  const { getOwnProperty, isObject, requiredArguments } = nano.webidl;
  const { defineHandler, fire, hasListener } = nano.events;

  const position = /(?:\(|at )([^()\n]*):(\d+):(\d+)\)?$/m;

  // Reading an error may run the app's code (a getter, a toString), and that may throw as well.
  const describe = (error) => {
    const init = { __proto__: null, cancelable: true, error, message: "Uncaught exception", filename: "", lineno: 0, colno: 0 };
    try {
      init.message = `Uncaught ${String(error)}`;
      const stack = isObject(error) ? getOwnProperty(error, "stack")?.value : undefined;
      const match = typeof stack === "string" ? RegExpPrototypeExec(position, stack) : null;
      if (match !== null) {
        init.filename = match[1];
        init.lineno = NumberParseInt(match[2], 10);
        init.colno = NumberParseInt(match[3], 10);
      }
    } catch {
      // What is known so far has to do.
    }
    return init;
  };

  // "In error reporting mode": an error thrown while one is being reported goes to the log alone.
  let reporting = false;

  // https://html.spec.whatwg.org/#report-an-exception
  const reportException = (error) => {
    if (!reporting && hasListener(globalThis, "error")) {
      reporting = true;
      const unhandled = fire(globalThis, "error", describe(error), nano.part("event_types").ErrorEvent);
      reporting = false;
      if (!unhandled) return;
    }
    ops.reportException(error);
  };

  const { reportError } = {
    reportError(error) {
      requiredArguments(arguments.length, 1, "Failed to execute 'reportError'");
      reportException(error);
    },
  };

  nano.reportException = reportException;

  // Whether somebody listens for it on node:process.
  const toldProcess = (type, args) => nano.tellProcess !== undefined && nano.tellProcess(type, args);

  // Whether the event was canceled: a listener took care of it.
  const fireRejection = (type, cancelable, promise, reason) => {
    if (!hasListener(globalThis, type)) return false;
    const { PromiseRejectionEvent } = nano.part("event_types");
    return !fire(globalThis, type, { __proto__: null, cancelable, promise, reason }, PromiseRejectionEvent);
  };

  // The outstanding rejected promises: reported, and not handled since.
  let outstanding = null;

  // A rejection that nobody handles, true when a listener took care of it; or, with handled, one that found a handler after that.
  nano.unhandledRejection = (promise, reason, handled) => {
    if (handled) {
      if (outstanding?.delete(promise) !== true) return false;
      toldProcess("rejectionHandled", ["rejectionHandled", promise]);
      return fireRejection("rejectionhandled", false, promise, reason);
    }
    outstanding ??= new SafeWeakSet();
    outstanding.add(promise);
    const isSeenTo = fireRejection("unhandledrejection", true, promise, reason);
    return toldProcess("unhandledRejection", ["unhandledRejection", reason, promise]) || isSeenTo;
  };

  defineHandler(globalThis, "error");
  defineHandler(globalThis, "unhandledrejection");
  defineHandler(globalThis, "rejectionhandled");

  nano.expose({ reportError });
};
