"use strict";
// PerformanceObserver: hears of marks and measures in a task after they were made.
// Specification: https://w3c.github.io/performance-timeline/#the-performanceobserver-interface
(nano) => {
  const {
    ArrayPrototypeIncludes, ArrayPrototypePush, ArrayPrototypeRemoveAt, ObjectFreeze, ReflectApply, TypeError,
  } = nano.primordials;
  const { configureInterface, converters, dictionary, illegalConstructor, requiredArguments, sequence } = nano.webidl;
  nano.part("performance");
  const { filter, timeline } = nano.performanceTimeline;

  const CREATE = { __proto__: null };

  const supportedEntryTypes = ObjectFreeze(["mark", "measure"]);

  const observerInit = dictionary("PerformanceObserverInit", [
    { key: "buffered", converter: converters.boolean },
    { key: "entryTypes", converter: sequence(converters.DOMString) },
    { key: "type", converter: converters.DOMString },
  ]);

  class PerformanceObserverEntryList {
    #entries;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      this.#entries = arguments[1];
    }

    getEntries() {
      return filter(this.#entries, undefined, undefined);
    }

    getEntriesByType(type) {
      const prefix = "Failed to execute 'getEntriesByType' on 'PerformanceObserverEntryList'";
      const entries = this.#entries;
      requiredArguments(arguments.length, 1, prefix);
      return filter(entries, undefined, converters.DOMString(type, prefix, "parameter 1"));
    }

    getEntriesByName(name, type = undefined) {
      const prefix = "Failed to execute 'getEntriesByName' on 'PerformanceObserverEntryList'";
      const entries = this.#entries;
      requiredArguments(arguments.length, 1, prefix);
      name = converters.DOMString(name, prefix, "parameter 1");
      return filter(entries, name, type === undefined ? undefined : converters.DOMString(type, prefix, "parameter 2"));
    }
  }
  configureInterface(PerformanceObserverEntryList);

  // The list of registered performance observer objects.
  let registered = [];
  let taskQueued = false;

  let notify;

  // https://w3c.github.io/performance-timeline/#queue-the-performanceobserver-task
  const queueTask = () => {
    if (taskQueued) return;
    try {
      nano.timers.runAfter(0, () => {
        taskQueued = false;
        const observers = registered;
        registered = [];
        for (let i = 0; i < observers.length; i++) ArrayPrototypePush(registered, observers[i]);
        for (let i = 0; i < observers.length; i++) notify(observers[i]);
      });
      taskQueued = true;
    } catch {
      // The app has no timer left: the next entry tries again.
    }
  };

  class PerformanceObserver {
    #callback;
    // "single" or "multiple", once it observes.
    #type = undefined;
    #types = [];
    #buffer = [];
    #requiresDroppedEntries = false;

    constructor(callback) {
      const prefix = "Failed to construct 'PerformanceObserver'";
      requiredArguments(arguments.length, 1, prefix);
      this.#callback = converters.Function(callback, prefix, "parameter 1");
    }

    // https://w3c.github.io/performance-timeline/#observe-method
    observe(options = undefined) {
      const prefix = "Failed to execute 'observe' on 'PerformanceObserver'";
      this.#buffer;
      const { buffered, entryTypes, type } = observerInit(options, prefix, "parameter 1");
      if (entryTypes === undefined && type === undefined) throw new TypeError(`${prefix}: neither entryTypes nor type is given.`);
      if (entryTypes !== undefined && (type !== undefined || buffered !== undefined)) {
        throw new TypeError(`${prefix}: entryTypes does not go with other members.`);
      }
      const kind = type === undefined ? "multiple" : "single";
      this.#type ??= kind;
      if (this.#type !== kind) {
        throw new nano.DOMException(`${prefix}: an observer uses either entryTypes or type.`, "InvalidModificationError");
      }
      this.#requiresDroppedEntries = true;
      if (kind === "multiple") this.#observeTypes(entryTypes);
      else this.#observeType(type, buffered === true);
    }

    #observeTypes(entryTypes) {
      const types = [];
      for (let i = 0; i < entryTypes.length; i++) {
        if (ArrayPrototypeIncludes(supportedEntryTypes, entryTypes[i])) ArrayPrototypePush(types, entryTypes[i]);
      }
      if (types.length === 0) return;
      this.#types = types;
      if (!ArrayPrototypeIncludes(registered, this)) ArrayPrototypePush(registered, this);
    }

    #observeType(type, buffered) {
      if (!ArrayPrototypeIncludes(supportedEntryTypes, type)) return;
      if (!ArrayPrototypeIncludes(this.#types, type)) ArrayPrototypePush(this.#types, type);
      if (!ArrayPrototypeIncludes(registered, this)) ArrayPrototypePush(registered, this);
      if (!buffered) return;
      const entries = timeline.entries;
      for (let i = 0; i < entries.length; i++) {
        if (entries[i].type === type) ArrayPrototypePush(this.#buffer, entries[i]);
      }
      queueTask();
    }

    disconnect() {
      this.#buffer = [];
      this.#types = [];
      for (let i = registered.length - 1; i >= 0; i--) {
        if (registered[i] === this) ArrayPrototypeRemoveAt(registered, i);
      }
    }

    takeRecords() {
      const entries = this.#buffer;
      this.#buffer = [];
      const objects = [];
      for (let i = 0; i < entries.length; i++) ArrayPrototypePush(objects, entries[i].object);
      return objects;
    }

    static get supportedEntryTypes() {
      return supportedEntryTypes;
    }

    static {
      // https://w3c.github.io/performance-timeline/#queue-a-performanceentry
      timeline.queue = (entry) => {
        let interested = false;
        for (let i = 0; i < registered.length; i++) {
          const observer = registered[i];
          if (!ArrayPrototypeIncludes(observer.#types, entry.type)) continue;
          ArrayPrototypePush(observer.#buffer, entry);
          interested = true;
        }
        if (interested) queueTask();
      };

      notify = (observer) => {
        const entries = observer.#buffer;
        if (entries.length === 0) return;
        observer.#buffer = [];
        const options = observer.#requiresDroppedEntries ? { droppedEntriesCount: 0 } : {};
        observer.#requiresDroppedEntries = false;
        try {
          ReflectApply(observer.#callback, observer, [new PerformanceObserverEntryList(CREATE, entries), observer, options]);
        } catch (error) {
          nano.reportException(error);
        }
      };
    }
  }
  configureInterface(PerformanceObserver);

  return { __proto__: null, PerformanceObserver, PerformanceObserverEntryList };
};
