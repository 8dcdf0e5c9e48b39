"use strict";
// The events that carry something: CustomEvent, ErrorEvent, MessageEvent, PromiseRejectionEvent, CloseEvent.
// Specifications: https://dom.spec.whatwg.org/#interface-customevent, https://html.spec.whatwg.org/#the-errorevent-interface
(nano) => {
  const { ObjectFreeze, PromiseResolve } = nano.primordials;
  const { configureInterface, converters, dictionary, isObject, nullable, requiredArguments, sequence } = nano.webidl;
  const { Event, initialize } = nano.events;

  // The base constructor converts the type and the members of EventInit; each class adds its own members after it.
  const optional = (key, converter, defaultValue) => ({ key, converter, defaultValue });
  const { any, boolean, DOMString, USVString } = converters;

  class CustomEvent extends Event {
    #detail = null;

    constructor(type, init = undefined) {
      requiredArguments(arguments.length, 1, "Failed to construct 'CustomEvent'");
      super(type, init);
      const detail = init?.detail;
      if (detail !== undefined) this.#detail = detail;
    }

    get detail() {
      return this.#detail;
    }

    initCustomEvent(type, bubbles = false, cancelable = false, detail = null) {
      requiredArguments(arguments.length, 1, "Failed to execute 'initCustomEvent' on 'CustomEvent'");
      if (initialize(this, "initCustomEvent", type, bubbles, cancelable)) this.#detail = detail;
    }
  }
  configureInterface(CustomEvent);

  const errorEventInit = dictionary("ErrorEventInit", [
    optional("colno", converters["unsigned long"], 0),
    optional("error", any),
    optional("filename", USVString, ""),
    optional("lineno", converters["unsigned long"], 0),
    optional("message", DOMString, ""),
  ]);

  class ErrorEvent extends Event {
    #init;

    constructor(type, init = undefined) {
      const prefix = "Failed to construct 'ErrorEvent'";
      requiredArguments(arguments.length, 1, prefix);
      super(type, init);
      this.#init = errorEventInit(init, prefix, "parameter 2");
    }

    get message() {
      return this.#init.message;
    }

    get filename() {
      return this.#init.filename;
    }

    get lineno() {
      return this.#init.lineno;
    }

    get colno() {
      return this.#init.colno;
    }

    get error() {
      return this.#init.error;
    }

    static {
      nano.events.isErrorEvent = (value) => isObject(value) && #init in value;
      // What the global's onerror receives in place of the event.
      nano.events.errorArguments = (event) => {
        const { message, filename, lineno, colno, error } = event.#init;
        return [message, filename, lineno, colno, error];
      };
    }
  }
  configureInterface(ErrorEvent);

  // https://html.spec.whatwg.org/#messageevent; a MessageEventSource here is any EventTarget (a MessagePort).
  const eventSource = nullable(nano.webidl.interface("EventTarget", nano.events.isEventTarget));
  const ports = sequence(nano.webidl.interface("MessagePort", nano.events.isEventTarget));
  const noPorts = ObjectFreeze([]);
  const messageEventInit = dictionary("MessageEventInit", [
    optional("data", any, null),
    optional("lastEventId", DOMString, ""),
    optional("origin", USVString, ""),
    optional("ports", (value, prefix, context) => ObjectFreeze(ports(value, prefix, context)), noPorts),
    optional("source", eventSource, null),
  ]);

  class MessageEvent extends Event {
    #init;

    constructor(type, init = undefined) {
      const prefix = "Failed to construct 'MessageEvent'";
      requiredArguments(arguments.length, 1, prefix);
      super(type, init);
      this.#init = messageEventInit(init, prefix, "parameter 2");
    }

    get data() {
      return this.#init.data;
    }

    get origin() {
      return this.#init.origin;
    }

    get lastEventId() {
      return this.#init.lastEventId;
    }

    get source() {
      return this.#init.source;
    }

    get ports() {
      return this.#init.ports;
    }

    initMessageEvent(type, bubbles = false, cancelable = false, data = null, origin = "", lastEventId = "", source = null) {
      const prefix = "Failed to execute 'initMessageEvent' on 'MessageEvent'";
      requiredArguments(arguments.length, 1, prefix);
      const list = arguments.length > 7 ? arguments[7] : undefined;
      const init = messageEventInit({ __proto__: null, data, lastEventId, origin, ports: list, source }, prefix, "its arguments");
      if (initialize(this, "initMessageEvent", type, bubbles, cancelable)) this.#init = init;
    }

    static {
      // Of the platform's own: the ports are an array that nobody iterates.
      nano.events.createMessageEvent = (type, data, ports = noPorts, origin = "", lastEventId = "") => {
        const event = new MessageEvent(type);
        event.#init = { __proto__: null, data, lastEventId, origin, ports, source: null };
        return event;
      };
    }
  }
  configureInterface(MessageEvent);

  // https://html.spec.whatwg.org/#promiserejectionevent
  const promiseRejectionEventInit = dictionary("PromiseRejectionEventInit", [
    { key: "promise", converter: (value) => PromiseResolve(value), required: true },
    optional("reason", any),
  ]);

  class PromiseRejectionEvent extends Event {
    #init;

    constructor(type, init) {
      const prefix = "Failed to construct 'PromiseRejectionEvent'";
      requiredArguments(arguments.length, 2, prefix);
      super(type, init);
      this.#init = promiseRejectionEventInit(init, prefix, "parameter 2");
    }

    get promise() {
      return this.#init.promise;
    }

    get reason() {
      return this.#init.reason;
    }
  }
  configureInterface(PromiseRejectionEvent);

  // https://websockets.spec.whatwg.org/#the-closeevent-interface
  const closeEventInit = dictionary("CloseEventInit", [
    optional("code", converters["unsigned short"], 0),
    optional("reason", USVString, ""),
    optional("wasClean", boolean, false),
  ]);

  class CloseEvent extends Event {
    #init;

    constructor(type, init = undefined) {
      const prefix = "Failed to construct 'CloseEvent'";
      requiredArguments(arguments.length, 1, prefix);
      super(type, init);
      this.#init = closeEventInit(init, prefix, "parameter 2");
    }

    get wasClean() {
      return this.#init.wasClean;
    }

    get code() {
      return this.#init.code;
    }

    get reason() {
      return this.#init.reason;
    }
  }
  configureInterface(CloseEvent);

  return { __proto__: null, CloseEvent, CustomEvent, ErrorEvent, MessageEvent, PromiseRejectionEvent };
};
