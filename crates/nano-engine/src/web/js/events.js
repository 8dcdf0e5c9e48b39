"use strict";
// Event and EventTarget, and the global object as an EventTarget.
// Specification: https://dom.spec.whatwg.org/#events; handlers: https://html.spec.whatwg.org/#event-handler-attributes
//
// There is no tree here: the path of every event is its target alone, so capturing and bubbling are two passes over one list.
(nano) => {
  const {
    ArrayPrototypePush, ObjectDefineProperty, ObjectGetOwnPropertyDescriptor, ObjectSetPrototypeOf, ReflectApply, TypeError,
  } = nano.primordials;
  const { ops } = nano;
  const { configureInterface, converters, defineConstants, isObject, requiredArguments } = nano.webidl;

  const global = globalThis;

  // The flags of an event, one bit each.
  const BUBBLES = 1;
  const CANCELABLE = 2;
  const COMPOSED = 4;
  const CANCELED = 8;
  const STOP_PROPAGATION = 16;
  const STOP_IMMEDIATE = 32;
  const IN_PASSIVE_LISTENER = 64;
  const DISPATCHING = 128;
  const TRUSTED = 256;

  const checkInit = (init, prefix) => {
    if (!isObject(init)) throw new TypeError(`${prefix}: parameter 2 is not an object, so it is not an EventInit.`);
  };

  let dispatch;
  let initialize;
  let isEvent;
  let isTrustedDescriptor;

  class Event {
    #type;
    #flags = 0;
    #target = null;
    #currentTarget = null;
    #timeStamp = ops.now();

    constructor(type, init = undefined) {
      const prefix = "Failed to construct 'Event'";
      requiredArguments(arguments.length, 1, prefix);
      this.#type = converters.DOMString(type, prefix, "parameter 1");
      if (init !== undefined && init !== null) {
        checkInit(init, prefix);
        let flags = 0;
        if (init.bubbles) flags |= BUBBLES;
        if (init.cancelable) flags |= CANCELABLE;
        if (init.composed) flags |= COMPOSED;
        this.#flags = flags;
      }
      // [LegacyUnforgeable]: each event has it as its own.
      ObjectDefineProperty(this, "isTrusted", isTrustedDescriptor);
    }

    get type() {
      return this.#type;
    }

    get target() {
      return this.#target;
    }

    get srcElement() {
      return this.#target;
    }

    get currentTarget() {
      return this.#currentTarget;
    }

    composedPath() {
      return this.#currentTarget === null ? [] : [this.#currentTarget];
    }

    get eventPhase() {
      return this.#flags & DISPATCHING ? 2 : 0;
    }

    stopPropagation() {
      this.#flags |= STOP_PROPAGATION;
    }

    get cancelBubble() {
      return (this.#flags & STOP_PROPAGATION) !== 0;
    }

    set cancelBubble(value) {
      this.#flags |= value ? STOP_PROPAGATION : 0;
    }

    stopImmediatePropagation() {
      this.#flags |= STOP_PROPAGATION | STOP_IMMEDIATE;
    }

    get bubbles() {
      return (this.#flags & BUBBLES) !== 0;
    }

    get cancelable() {
      return (this.#flags & CANCELABLE) !== 0;
    }

    get returnValue() {
      return (this.#flags & CANCELED) === 0;
    }

    set returnValue(value) {
      this.#cancel(!value);
    }

    preventDefault() {
      this.#cancel();
    }

    get defaultPrevented() {
      return (this.#flags & CANCELED) !== 0;
    }

    get composed() {
      return (this.#flags & COMPOSED) !== 0;
    }

    get timeStamp() {
      return this.#timeStamp;
    }

    initEvent(type, bubbles = false, cancelable = false) {
      requiredArguments(arguments.length, 1, "Failed to execute 'initEvent' on 'Event'");
      initialize(this, "initEvent", type, bubbles, cancelable);
    }

    // https://dom.spec.whatwg.org/#set-the-canceled-flag
    #cancel(wanted = true) {
      const possible = (this.#flags & (CANCELABLE | IN_PASSIVE_LISTENER)) === CANCELABLE;
      if (possible && wanted) this.#flags |= CANCELED;
    }

    static {
      const forgeable = {
        get isTrusted() {
          return (this.#flags & TRUSTED) !== 0;
        },
      };
      const { get } = ObjectGetOwnPropertyDescriptor(forgeable, "isTrusted");
      isTrustedDescriptor = { __proto__: null, get, set: undefined, enumerable: true, configurable: false };

      isEvent = (value) => isObject(value) && #flags in value;

      // https://dom.spec.whatwg.org/#concept-event-initialize; false while the event is on its way, when nothing may change.
      initialize = (event, operation, type, bubbles, cancelable) => {
        const flags = event.#flags;
        type = converters.DOMString(type, `Failed to execute '${operation}' on 'Event'`, "parameter 1");
        if (flags & DISPATCHING) return false;
        event.#type = type;
        event.#flags = (flags & COMPOSED) | (bubbles ? BUBBLES : 0) | (cancelable ? CANCELABLE : 0);
        event.#target = null;
        return true;
      };

      // https://dom.spec.whatwg.org/#concept-event-dispatch
      dispatch = (event, target, trusted) => {
        if (event.#flags & DISPATCHING) {
          throw new nano.DOMException("The event is already being dispatched.", "InvalidStateError");
        }
        event.#flags = (event.#flags & ~TRUSTED) | DISPATCHING | (trusted ? TRUSTED : 0);
        event.#target = target;
        event.#currentTarget = target;
        for (let pass = 0; pass < 2 && !(event.#flags & STOP_PROPAGATION); pass++) {
          invoke(event, target, listOf(target), pass === 0);
        }
        event.#currentTarget = null;
        event.#flags &= ~(DISPATCHING | STOP_PROPAGATION | STOP_IMMEDIATE);
        return (event.#flags & CANCELED) === 0;
      };

      // https://dom.spec.whatwg.org/#concept-event-listener-inner-invoke
      // A list is replaced when a listener leaves and only grows at its end, so the one held here is the clone of the standard.
      const invoke = (event, target, list, capture) => {
        const count = list === null ? 0 : list.length;
        for (let i = 0; i < count; i++) {
          const listener = list[i];
          if (listener.removed || listener.capture !== capture || listener.type !== event.#type) continue;
          if (listener.once) removeListener(target, listener);
          if (listener.passive) event.#flags |= IN_PASSIVE_LISTENER;
          try {
            if (listener.isHandler) callHandler(listener.callback, event, target);
            else callListener(listener.callback, event, target);
          } catch (error) {
            nano.reportException(error, event);
          }
          event.#flags &= ~IN_PASSIVE_LISTENER;
          if (event.#flags & STOP_IMMEDIATE) return;
        }
      };

      // https://html.spec.whatwg.org/#the-event-handler-processing-algorithm
      const callHandler = (callback, event, target) => {
        if (typeof callback !== "function") return;
        const isGlobalError = target === global && event.#type === "error" && nano.events.isErrorEvent(event);
        const result = isGlobalError
          ? ReflectApply(callback, target, nano.events.errorArguments(event))
          : ReflectApply(callback, target, [event]);
        // The global's onerror cancels with true, every other handler with false.
        if (result === isGlobalError) event.#cancel();
      };
    }
  }

  const callListener = (callback, event, target) => {
    if (typeof callback === "function") {
      ReflectApply(callback, target, [event]);
      return;
    }
    const handleEvent = callback.handleEvent;
    if (typeof handleEvent !== "function") throw new TypeError("The 'handleEvent' of an event listener is not a function.");
    ReflectApply(handleEvent, callback, [event]);
  };

  configureInterface(Event);
  defineConstants(Event, { __proto__: null, NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 });

  // EventTarget

  // Later files that care which signals are listened to (abort.js) hear about each change of a list.
  let onListenersChanged = () => {};

  let isEventTarget;
  let listOf;
  let setList;

  class EventTarget {
    #listeners = null;

    constructor() {}

    addEventListener(type, callback, options = undefined) {
      const prefix = "Failed to execute 'addEventListener' on 'EventTarget'";
      const target = checkTarget(this);
      requiredArguments(arguments.length, 2, prefix);
      type = converters.DOMString(type, prefix, "parameter 1");
      callback = nullableListener(callback, prefix);
      const listener = { type, callback, capture: false, once: false, passive: false, isHandler: false, removed: false };
      const signal = flattenMore(options, listener, prefix);
      addListener(target, listener, signal);
    }

    removeEventListener(type, callback, options = undefined) {
      const prefix = "Failed to execute 'removeEventListener' on 'EventTarget'";
      const target = checkTarget(this);
      requiredArguments(arguments.length, 2, prefix);
      type = converters.DOMString(type, prefix, "parameter 1");
      callback = nullableListener(callback, prefix);
      const capture = isObject(options) ? !!options.capture : !!options;
      const listener = findListener(listOf(target), type, callback, capture);
      if (listener !== undefined) removeListener(target, listener);
    }

    dispatchEvent(event) {
      const prefix = "Failed to execute 'dispatchEvent' on 'EventTarget'";
      const target = checkTarget(this);
      requiredArguments(arguments.length, 1, prefix);
      if (!isEvent(event)) throw new TypeError(`${prefix}: parameter 1 is not of type 'Event'.`);
      return dispatch(event, target, false);
    }

    static {
      // The global object carries no private fields; this instance keeps its list.
      const globalTarget = new EventTarget();

      isEventTarget = (value) => isObject(value) && (value === global || #listeners in value);
      listOf = (target) => (target === global ? globalTarget : target).#listeners;
      setList = (target, list) => {
        (target === global ? globalTarget : target).#listeners = list;
      };
    }
  }
  configureInterface(EventTarget);
  ObjectSetPrototypeOf(global, EventTarget.prototype);

  // Web IDL: an operation called without a this value is called on the global.
  const checkTarget = (value) => {
    const target = value ?? global;
    listOf(target);
    return target;
  };

  const nullableListener = (callback, prefix) => {
    if (callback === null || callback === undefined) return null;
    if (!isObject(callback)) throw new TypeError(`${prefix}: parameter 2 is neither a function nor an object.`);
    return callback;
  };

  // https://dom.spec.whatwg.org/#event-flatten-more
  const flattenMore = (options, listener, prefix) => {
    if (!isObject(options)) {
      listener.capture = !!options;
      return undefined;
    }
    listener.capture = !!options.capture;
    listener.once = !!options.once;
    listener.passive = !!options.passive;
    const signal = options.signal;
    if (signal !== undefined && !nano.abort.isAbortSignal(signal)) {
      throw new TypeError(`${prefix}: parameter 3, member 'signal' of AddEventListenerOptions, is not of type 'AbortSignal'.`);
    }
    return signal;
  };

  const findListener = (list, type, callback, capture) => {
    if (list === null) return undefined;
    for (let i = 0; i < list.length; i++) {
      const listener = list[i];
      if (listener.callback === callback && listener.type === type && listener.capture === capture && !listener.isHandler) {
        return listener;
      }
    }
    return undefined;
  };

  // https://dom.spec.whatwg.org/#add-an-event-listener
  const addListener = (target, listener, signal) => {
    if (signal !== undefined && nano.abort.isAborted(signal)) return;
    if (listener.callback === null) return;
    const list = listOf(target);
    if (!listener.isHandler && findListener(list, listener.type, listener.callback, listener.capture) !== undefined) return;
    if (list === null) setList(target, [listener]);
    else ArrayPrototypePush(list, listener);
    if (signal !== undefined) nano.abort.addAlgorithm(signal, () => removeListener(target, listener));
    onListenersChanged(target, listener.type);
  };

  // https://dom.spec.whatwg.org/#remove-an-event-listener
  const removeListener = (target, listener) => {
    if (listener.removed) return;
    listener.removed = true;
    const list = listOf(target);
    const rest = [];
    for (let i = 0; i < list.length; i++) {
      if (list[i] !== listener) ArrayPrototypePush(rest, list[i]);
    }
    setList(target, rest.length === 0 ? null : rest);
    onListenersChanged(target, listener.type);
  };

  const hasListener = (target, type) => {
    const list = listOf(target);
    if (list === null) return false;
    for (let i = 0; i < list.length; i++) if (list[i].type === type) return true;
    return false;
  };

  // Event handler IDL attributes. The handler lives in the list itself: no other storage, and its place is kept on replacement.

  const findHandler = (target, type) => {
    const list = listOf(target);
    if (list === null) return undefined;
    for (let i = 0; i < list.length; i++) if (list[i].isHandler && list[i].type === type) return list[i];
    return undefined;
  };

  const setHandler = (target, type, value) => {
    const handler = findHandler(target, type);
    if (!isObject(value)) {
      if (handler !== undefined) removeListener(target, handler);
    } else if (handler !== undefined) {
      handler.callback = value;
    } else {
      const listener = { type, callback: value, capture: false, once: false, passive: false, isHandler: true, removed: false };
      addListener(target, listener, undefined);
    }
  };

  // The attribute on<type> on an interface's prototype object, or on the global.
  const defineHandler = (prototype, type) => {
    const name = `on${type}`;
    const accessors = {
      get [name]() {
        return findHandler(checkTarget(this), type)?.callback ?? null;
      },
      set [name](value) {
        setHandler(checkTarget(this), type, value);
      },
    };
    const descriptor = ObjectGetOwnPropertyDescriptor(accessors, name);
    ObjectDefineProperty(prototype, name, { __proto__: null, ...descriptor });
  };

  // Dispatches an event of the platform's own making; true unless a listener canceled it.
  const dispatchTrusted = (target, event) => dispatch(event, target, true);

  // https://dom.spec.whatwg.org/#concept-event-fire; with nobody to hear it, the event is never made.
  const fire = (target, type, init = undefined, Class = Event) =>
    !hasListener(target, type) || dispatchTrusted(target, new Class(type, init));

  nano.events = {
    __proto__: null,
    // Until the part event_types, which replaces it, there is none.
    isErrorEvent: () => false,
    Event,
    EventTarget,
    defineHandler,
    dispatchTrusted,
    fire,
    hasListener,
    initialize,
    isEvent,
    isEventTarget,
    watchListeners: (hook) => {
      onListenersChanged = hook;
    },
  };
  nano.expose({ Event, EventTarget });
};
