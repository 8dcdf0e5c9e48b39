"use strict";
// setTimeout and its kin, queueMicrotask, and scheduler.wait, over the shard's timers.
// Specification: https://html.spec.whatwg.org/#timers, https://html.spec.whatwg.org/#microtask-queuing
(nano) => {
  const {
    ArrayPrototypeSlice, PromisePrototypeThen, PromiseReject, PromiseResolve, PromiseWithResolvers,
    ReflectApply, SafeMap, TypeError,
  } = nano.primordials;
  const { ops } = nano;
  const { configureInterface, converters, dictionary, illegalConstructor, requiredArguments } = nano.webidl;

  // https://html.spec.whatwg.org/#timer-initialisation-steps: from the sixth level of nesting on, a timer takes 4 ms at least.
  const NESTING_LIMIT = 5;
  const NESTED_DELAY_MIN_MS = 4;

  // The map of active timers: id -> { callback, args, delay, repeat, nesting, context }.
  const active = new SafeMap();
  let lastId = 0;
  // The nesting level of the timer that is running, 0 outside one.
  let nesting = 0;

  const clamp = (delay, level) => (level > NESTING_LIMIT && delay < NESTED_DELAY_MIN_MS ? NESTED_DELAY_MIN_MS : delay);

  const start = (callback, args, delay, repeat, level) => {
    const id = lastId + 1;
    const context = nano.contexts === undefined ? undefined : nano.contexts.capture();
    const timer = { callback, args, delay: clamp(delay, level), repeat, nesting: level + 1, context };
    // It throws above the app's limit, and then nothing has happened.
    ops.timerStart(id, timer.delay, repeat);
    lastId = id;
    active.set(id, timer);
    return id;
  };

  const clear = (id) => {
    if (active.delete(id)) ops.timerCancel(id);
  };

  const checkHandler = (handler, prefix) => {
    if (typeof handler === "string") {
      throw new TypeError(`${prefix}: parameter 1 is a string of code, which NANO does not evaluate; pass a function.`);
    }
    return converters.Function(handler, prefix, "parameter 1");
  };

  const setTimer = (name, args, repeat) => {
    const prefix = `Failed to execute '${name}'`;
    requiredArguments(args.length, 1, prefix);
    const handler = checkHandler(args[0], prefix);
    const delay = converters.long(args[1], prefix, "parameter 2");
    const rest = args.length > 2 ? ArrayPrototypeSlice(args, 2) : undefined;
    return start(handler, rest, delay > 0 ? delay : 0, repeat, nesting);
  };

  // Rust calls this when a timer is due. An error goes to the app's log, and an interval goes on.
  nano.fireTimer = (id) => {
    const timer = active.get(id);
    // Cleared after it was due, in the same turn of the loop.
    if (timer === undefined) return;
    if (!timer.repeat) active.delete(id);
    nesting = timer.nesting;
    if (timer.context !== undefined) nano.contexts.set(timer.context);
    try {
      ReflectApply(timer.callback, globalThis, timer.args ?? []);
    } catch (error) {
      nano.reportException(error);
    } finally {
      nesting = 0;
      if (timer.context !== undefined) nano.contexts.set(undefined);
    }
    if (timer.repeat && active.has(id)) slowDown(id, timer);
  };

  // Each repetition of an interval nests one deeper, so a very short one runs slower after the first few.
  const slowDown = (id, timer) => {
    const delay = clamp(timer.delay, timer.nesting++);
    if (delay === timer.delay) return;
    timer.delay = delay;
    ops.timerCancel(id);
    ops.timerStart(id, delay, true);
  };

  // Without a constructor of its own: a promise that has one, even if only in the snapshot, makes V8 ask every promise of every app for
  // its constructor and species, at each await and then().
  const settled = PromiseResolve(undefined);

  const operations = {
    setTimeout(handler, timeout = 0) {
      return setTimer("setTimeout", arguments, false);
    },

    clearTimeout(id = 0) {
      clear(converters.long(id, "Failed to execute 'clearTimeout'", "parameter 1"));
    },

    setInterval(handler, timeout = 0) {
      return setTimer("setInterval", arguments, true);
    },

    clearInterval(id = 0) {
      clear(converters.long(id, "Failed to execute 'clearInterval'", "parameter 1"));
    },

    setImmediate(handler) {
      const prefix = "Failed to execute 'setImmediate'";
      requiredArguments(arguments.length, 1, prefix);
      return start(checkHandler(handler, prefix), ArrayPrototypeSlice(arguments, 1), 0, false, 0);
    },

    clearImmediate(id = 0) {
      clear(converters.long(id, "Failed to execute 'clearImmediate'", "parameter 1"));
    },

    queueMicrotask(callback) {
      const prefix = "Failed to execute 'queueMicrotask'";
      requiredArguments(arguments.length, 1, prefix);
      converters.Function(callback, prefix, "parameter 1");
      PromisePrototypeThen(settled, () => {
        try {
          callback();
        } catch (error) {
          nano.reportException(error);
        }
      });
    },
  };

  // scheduler.wait: setTimeout as a promise, with a signal.

  const CREATE = {};
  const waitOptions = dictionary("SchedulerWaitOptions", [
    { key: "signal", converter: nano.webidl.interface("AbortSignal", nano.abort.isAbortSignal) },
  ]);

  class Scheduler {
    #brand;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
    }

    wait(delay, options = undefined) {
      const prefix = "Failed to execute 'wait' on 'Scheduler'";
      try {
        this.#brand;
        requiredArguments(arguments.length, 1, prefix);
        delay = converters["unsigned long long"](delay, prefix, "parameter 1", { __proto__: null, clamp: true });
        return wait(delay, waitOptions(options, prefix, "parameter 2").signal);
      } catch (error) {
        // An operation that returns a promise reports its errors through it.
        return PromiseReject(error);
      }
    }
  }
  configureInterface(Scheduler);

  const wait = (delay, signal) => {
    const { promise, resolve, reject } = PromiseWithResolvers();
    if (signal === undefined) {
      start(resolve, undefined, delay, false, 0);
    } else if (nano.abort.isAborted(signal)) {
      reject(nano.abort.reason(signal));
    } else {
      const abort = () => {
        clear(id);
        reject(nano.abort.reason(signal));
      };
      const id = start(() => {
        nano.abort.removeAlgorithm(signal, abort);
        resolve();
      }, undefined, delay, false, 0);
      nano.abort.addAlgorithm(signal, abort);
    }
    return promise;
  };

  const scheduler = new Scheduler(CREATE);

  nano.queueMicrotask = operations.queueMicrotask;
  nano.timers = {
    __proto__: null,
    functions: operations,
    // https://html.spec.whatwg.org/#run-steps-after-a-timeout
    runAfter: (milliseconds, steps) => start(steps, undefined, milliseconds, false, 0),
    cancel: clear,
  };
  nano.expose({ ...operations, Scheduler });
  nano.exposeGetter("scheduler", () => scheduler);
};
