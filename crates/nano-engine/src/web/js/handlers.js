"use strict";
// Events that are no requests: scheduled, queue and tail. https://developers.cloudflare.com/workers/runtime-apis/handlers/
//
// Such an event ends when its handler has, and every promise that was passed to waitUntil(); if one of them fails, so does the event.
(nano) => {
  const { PromisePrototypeThen, PromiseResolve, SafeMap, TypeError } = nano.primordials;
  const { ops } = nano;
  const { Event, dispatchTrusted, hasListener } = nano.events;
  const { configureInterface, illegalConstructor, isObject, requiredArguments } = nano.webidl;

  // The arguments[0] of constructors that are called from inside; no app can name it.
  const CREATE = { __proto__: null };

  // The events under way, by id.
  const runs = new SafeMap();
  nano.runs = runs;

  class Run {
    id;
    // What the event's end is told with.
    result = { __proto__: null, outcome: "ok" };
    waiting = 1;
    failed = false;
    error = undefined;

    constructor(id) {
      this.id = id;
    }

    begin() {
      this.waiting++;
    }

    // The first error is the event's.
    fail(error) {
      if (this.failed) {
        nano.reportException(error);
        return;
      }
      this.failed = true;
      this.error = error;
    }

    end() {
      this.waiting--;
      if (this.waiting > 0) return;
      runs.delete(this.id);
      if (this.failed) ops.invokeFail(this.id, this.error);
      else ops.invokeReturn(this.id, this.result);
    }
  }

  // What service-worker syntax hears.
  class ExtendableEvent extends Event {
    #id;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      super(arguments[1]);
      this.#id = arguments[2];
    }

    waitUntil(promise) {
      const id = this.#id;
      requiredArguments(arguments.length, 1, "Failed to execute 'waitUntil' on 'ExtendableEvent'");
      nano.waitUntil(id, promise);
    }
  }
  configureInterface(ExtendableEvent);

  class ScheduledController {
    #run;
    #cron;
    #scheduledTime;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      this.#run = arguments[1];
      this.#cron = arguments[2].cron;
      this.#scheduledTime = arguments[2].scheduledTime;
    }

    get scheduledTime() {
      return this.#scheduledTime;
    }

    get cron() {
      return this.#cron;
    }

    // Nothing runs a scheduled event again; whoever started it hears of the wish.
    noRetry() {
      this.#run.result.noRetry = true;
    }
  }
  configureInterface(ScheduledController);

  class ScheduledEvent extends ExtendableEvent {
    #controller;

    constructor() {
      super(arguments[0], "scheduled", arguments[1]);
      this.#controller = arguments[2];
    }

    get scheduledTime() {
      return this.#controller.scheduledTime;
    }

    get cron() {
      return this.#controller.cron;
    }

    noRetry() {
      this.#controller.noRetry();
    }
  }
  configureInterface(ScheduledEvent);

  // What a handler gets, and what a listener does.
  const scheduled = (run, payload) => {
    run.result.noRetry = false;
    const controller = new ScheduledController(CREATE, run, payload);
    return { __proto__: null, argument: controller, event: () => new ScheduledEvent(CREATE, run.id, controller) };
  };

  const make = (name, run, payload) => {
    switch (name) {
      case "scheduled": return scheduled(run, payload);
      case "queue": return nano.part("handlers_queue").make(run, payload);
      default: return nano.part("handlers_tail").make(run, payload);
    }
  };

  // What a listener throws is the event's error, as a handler's is.
  const dispatch = (run, event) => {
    const report = nano.reportException;
    nano.reportException = (error, source) => {
      if (source === event) run.fail(error);
      else report(error);
    };
    try {
      dispatchTrusted(globalThis, event);
    } finally {
      nano.reportException = report;
    }
  };

  const call = (name, run, payload) => {
    const { context, env, isClass, isModule, main } = nano.setting(run.id);
    const made = make(name, run, payload);
    if (!isModule) {
      if (!hasListener(globalThis, name)) throw new TypeError(`This app has no listener for '${name}'.`);
      dispatch(run, made.event());
      return undefined;
    }
    const target = isClass ? new main(context, env) : main;
    if (target === undefined || typeof target[name] !== "function") {
      throw new TypeError(`This app has no handler '${name}': write \`export default { ${name}(...) { ... } }\`.`);
    }
    return target[name](made.argument, env, context);
  };

  const deliver = (id, name, payload) => {
    const run = new Run(id);
    runs.set(id, run);
    const failed = (error) => {
      run.fail(error);
      run.end();
    };
    try {
      const result = call(name, run, payload);
      if (isObject(result)) PromisePrototypeThen(PromiseResolve(result), () => run.end(), failed);
      else run.end();
    } catch (error) {
      failed(error);
    }
  };

  nano.handlers = { __proto__: null, CREATE, ExtendableEvent };
  return { __proto__: null, ExtendableEvent, ScheduledController, ScheduledEvent, deliver };
};
