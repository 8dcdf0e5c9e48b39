"use strict";
// AbortController and AbortSignal.
// Specification: https://dom.spec.whatwg.org/#aborting-ongoing-activities
//
// A signal made by any() or timeout() is held weakly by what may abort it, until somebody listens to it: an app that makes one
// per request from a signal that lives for ever must not collect them all.
(nano) => {
  const { ArrayPrototypePush, SafeSet, SafeWeakRef } = nano.primordials;
  const { configureInterface, converters, illegalConstructor, requiredArguments, sequence } = nano.webidl;
  const { EventTarget, defineHandler, fire, hasListener, watchListeners } = nano.events;

  const CREATE = {};

  // Anchors of timeout() signals that somebody listens to; the timer itself knows them weakly.
  const pendingTimeouts = new SafeSet();

  const PRUNE_AT_LEAST = 16;

  let createSignal;
  let isAbortSignal;
  let isAborted;
  let reasonOf;
  let signalAbort;
  let addAlgorithm;
  let removeAlgorithm;
  let createDependent;
  let createTimeout;
  let updateAnchor;

  const abortError = () => new nano.DOMException("This operation was aborted", "AbortError");

  class AbortSignal extends EventTarget {
    #aborted = false;
    #reason = undefined;
    // null, one function, or an array of them: most signals get at most one.
    #algorithms = null;
    // What this signal hangs on: an array of signals, pendingTimeouts, or null for a signal with a controller.
    #sources = null;
    // The signals that hang on this one, weakly, and those of them that somebody listens to.
    #dependents = null;
    #pruneAt = PRUNE_AT_LEAST;
    #anchored = null;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      super();
    }

    static abort(reason = undefined) {
      const signal = createSignal();
      signal.#aborted = true;
      signal.#reason = reason === undefined ? abortError() : reason;
      return signal;
    }

    static timeout(milliseconds) {
      const prefix = "Failed to execute 'timeout' on 'AbortSignal'";
      requiredArguments(arguments.length, 1, prefix);
      return createTimeout(converters["unsigned long long"](milliseconds, prefix, "parameter 1", { __proto__: null, enforceRange: true }));
    }

    static any(signals) {
      const prefix = "Failed to execute 'any' on 'AbortSignal'";
      requiredArguments(arguments.length, 1, prefix);
      return createDependent(signalSequence(signals, prefix, "parameter 1"));
    }

    get aborted() {
      return this.#aborted;
    }

    get reason() {
      return this.#reason;
    }

    throwIfAborted() {
      if (this.#aborted) throw this.#reason;
    }

    static {
      createSignal = () => new AbortSignal(CREATE);
      isAbortSignal = (value) => typeof value === "object" && value !== null && #aborted in value;
      isAborted = (signal) => signal.#aborted;
      reasonOf = (signal) => signal.#reason;

      // https://dom.spec.whatwg.org/#abortsignal-add
      addAlgorithm = (signal, algorithm) => {
        if (signal.#aborted) return;
        const algorithms = signal.#algorithms;
        if (algorithms === null) signal.#algorithms = algorithm;
        else if (typeof algorithms === "function") signal.#algorithms = [algorithms, algorithm];
        else ArrayPrototypePush(algorithms, algorithm);
        updateAnchor(signal);
      };

      // https://dom.spec.whatwg.org/#abortsignal-remove
      removeAlgorithm = (signal, algorithm) => {
        const algorithms = signal.#algorithms;
        if (algorithms === algorithm) {
          signal.#algorithms = null;
        } else if (algorithms !== null && typeof algorithms !== "function") {
          const rest = [];
          for (let i = 0; i < algorithms.length; i++) if (algorithms[i] !== algorithm) ArrayPrototypePush(rest, algorithms[i]);
          signal.#algorithms = rest.length === 0 ? null : rest;
        }
        updateAnchor(signal);
      };

      // https://dom.spec.whatwg.org/#abortsignal-signal-abort
      signalAbort = (signal, reason) => {
        if (signal.#aborted) return;
        setAborted(signal, reason);
        const toAbort = [];
        const dependents = signal.#dependents;
        for (let i = 0; dependents !== null && i < dependents.length; i++) {
          const dependent = dependents[i].deref();
          if (dependent === undefined || dependent.#aborted) continue;
          setAborted(dependent, signal.#reason);
          ArrayPrototypePush(toAbort, dependent);
        }
        signal.#dependents = null;
        signal.#anchored = null;
        runAbortSteps(signal);
        for (let i = 0; i < toAbort.length; i++) runAbortSteps(toAbort[i]);
      };

      const setAborted = (signal, reason) => {
        signal.#aborted = true;
        signal.#reason = reason === undefined ? abortError() : reason;
      };

      // https://dom.spec.whatwg.org/#run-the-abort-steps
      const runAbortSteps = (signal) => {
        const algorithms = signal.#algorithms;
        signal.#algorithms = null;
        if (typeof algorithms === "function") algorithms();
        else if (algorithms !== null) for (let i = 0; i < algorithms.length; i++) algorithms[i]();
        fire(signal, "abort");
        release(signal);
      };

      // https://dom.spec.whatwg.org/#create-a-dependent-abort-signal
      createDependent = (signals) => {
        const result = createSignal();
        for (let i = 0; i < signals.length; i++) {
          if (signals[i].#aborted) {
            setAborted(result, signals[i].#reason);
            return result;
          }
        }
        result.#sources = [];
        const self = new SafeWeakRef(result);
        for (let i = 0; i < signals.length; i++) {
          const sources = signals[i].#sources;
          // A dependent signal stands for what it hangs on itself.
          if (sources === null || sources === pendingTimeouts) link(signals[i], result, self);
          else for (let j = 0; j < sources.length; j++) link(sources[j], result, self);
        }
        return result;
      };

      const link = (source, dependent, self) => {
        const sources = dependent.#sources;
        for (let i = 0; i < sources.length; i++) if (sources[i] === source) return;
        ArrayPrototypePush(sources, source);
        source.#dependents ??= [];
        if (source.#dependents.length >= source.#pruneAt) prune(source);
        ArrayPrototypePush(source.#dependents, self);
      };

      const prune = (source) => {
        const live = [];
        const { length } = source.#dependents;
        for (let i = 0; i < length; i++) {
          if (source.#dependents[i].deref() !== undefined) ArrayPrototypePush(live, source.#dependents[i]);
        }
        source.#dependents = live;
        source.#pruneAt = live.length * 2 > PRUNE_AT_LEAST ? live.length * 2 : PRUNE_AT_LEAST;
      };

      createTimeout = (milliseconds) => {
        const signal = createSignal();
        signal.#sources = pendingTimeouts;
        const self = new SafeWeakRef(signal);
        nano.timers.runAfter(milliseconds, () => {
          const signal = self.deref();
          if (signal !== undefined) signalAbort(signal, new nano.DOMException("The operation timed out", "TimeoutError"));
        });
        return signal;
      };

      // https://dom.spec.whatwg.org/#abort-signal-garbage-collection
      updateAnchor = (signal) => {
        const sources = signal.#sources;
        if (sources === null) return;
        const wanted =
          !signal.#aborted && (signal.#algorithms !== null || signal.#anchored !== null || hasListener(signal, "abort"));
        if (!wanted) release(signal);
        else if (sources === pendingTimeouts) pendingTimeouts.add(signal);
        else for (let i = 0; i < sources.length; i++) anchor(sources[i], signal);
      };

      const anchor = (source, dependent) => {
        source.#anchored ??= new SafeSet();
        source.#anchored.add(dependent);
        updateAnchor(source);
      };

      const release = (signal) => {
        const sources = signal.#sources;
        if (sources === pendingTimeouts) {
          pendingTimeouts.delete(signal);
        } else if (sources !== null) {
          for (let i = 0; i < sources.length; i++) {
            const source = sources[i];
            if (source.#anchored === null || !source.#anchored.delete(signal)) continue;
            if (source.#anchored.size === 0) source.#anchored = null;
            updateAnchor(source);
          }
        }
        if (signal.#aborted) signal.#sources = null;
      };
    }
  }
  configureInterface(AbortSignal);
  defineHandler(AbortSignal.prototype, "abort");

  watchListeners((target, type) => {
    if (type === "abort" && isAbortSignal(target)) updateAnchor(target);
  });

  const signalSequence = sequence(nano.webidl.interface("AbortSignal", isAbortSignal));

  class AbortController {
    #signal = createSignal();

    get signal() {
      return this.#signal;
    }

    abort(reason = undefined) {
      signalAbort(this.#signal, reason);
    }
  }
  configureInterface(AbortController);

  nano.abort = {
    __proto__: null,
    AbortController,
    AbortSignal,
    addAlgorithm,
    any: createDependent,
    createSignal,
    isAborted,
    isAbortSignal,
    reason: reasonOf,
    removeAlgorithm,
    signalAbort,
  };
  nano.expose({ AbortController, AbortSignal });
};
