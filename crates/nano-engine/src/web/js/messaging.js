"use strict";
// MessageChannel and MessagePort.
// Specification: https://html.spec.whatwg.org/#channel-messaging
//
// A port is two objects: the slots, which a transfer hands on, and the MessagePort around them at their present end.
(nano) => {
  const {
    ObjectDefineProperty, ObjectFreeze, ObjectGetOwnPropertyDescriptor, ObjectSetPrototypeOf, ReflectApply, SymbolIterator,
  } = nano.primordials;
  nano.part("event_types");
  const { EventTarget, createMessageEvent, defineHandler, dispatchTrusted, fire, hasListener } = nano.events;
  const { configureInterface, converters, illegalConstructor, isObject, requiredArguments, sequence } = nano.webidl;
  const { TaskSource } = nano.part("tasks");
  const { cloneWithTransfer, structuredSerializeOptions } = nano.part("clone");

  const CREATE = { __proto__: null };

  class PortSlots {
    // The slots at the other end, or null.
    remote = null;
    // What hears of messages: receive(data, ports), closed(), and the port it is for. null once closed.
    owner = null;
    // The port message queue
    tasks = new TaskSource();

    entangle(other) {
      this.remote = other;
      other.remote = this;
    }

    post(data, ports) {
      const { remote } = this;
      if (remote !== null) remote.tasks.add(() => remote.owner?.receive(data, ports));
    }

    // The messages that are under way still arrive at the other end, and then its close event.
    disentangle() {
      const { remote } = this;
      this.owner = null;
      this.tasks.clear();
      if (remote === null) return;
      this.remote = null;
      remote.remote = null;
      remote.tasks.add(() => remote.owner?.closed());
    }
  }
  ObjectSetPrototypeOf(PortSlots.prototype, null);

  const objects = sequence(converters.object);

  // The two overloads of postMessage(): a sequence, or a dictionary with one.
  const transferOf = (value, prefix) => {
    if (isObject(value)) {
      const method = value[SymbolIterator];
      if (method !== undefined && method !== null) return objects(value, prefix, "parameter 2", { __proto__: null, method });
    }
    return structuredSerializeOptions(value, prefix, "parameter 2").transfer;
  };

  const includes = (list, value) => {
    for (let i = 0; i < list.length; i++) if (list[i] === value) return true;
    return false;
  };

  // The accessors of the attribute, to which MessagePort adds that a handler starts the port.
  const scratch = {};
  defineHandler(scratch, "message");
  const { get: handlerOf, set: setHandler } = ObjectGetOwnPropertyDescriptor(scratch, "onmessage");

  let isMessagePort;
  let detach;

  class MessagePort extends EventTarget {
    // null once the port has been transferred or closed
    #slots;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      super();
      const slots = arguments[1];
      this.#slots = slots;
      slots.owner = {
        __proto__: null,
        port: this,
        receive: (data, ports) => {
          if (hasListener(this, "message")) dispatchTrusted(this, createMessageEvent("message", data, ports));
        },
        closed: () => {
          this.#slots = null;
          fire(this, "close");
        },
      };
    }

    // https://html.spec.whatwg.org/#message-port-post-message-steps
    postMessage(message, options = undefined) {
      const slots = this.#slots;
      const prefix = "Failed to execute 'postMessage' on 'MessagePort'";
      requiredArguments(arguments.length, 1, prefix);
      const transfer = transferOf(options, prefix);
      if (includes(transfer, this)) throw nano.dataCloneError(`${prefix}: the port itself is in the transfer list.`);
      // A message that carries its own destination gets nowhere, and takes it along.
      const target = slots?.remote?.owner?.port;
      const isDoomed = target !== undefined && includes(transfer, target);
      const { moved, value } = cloneWithTransfer(message, transfer);
      if (slots === null || isDoomed) return;
      const ports = [];
      for (let i = 0; i < moved.length; i++) {
        if (!isMessagePort(moved[i])) continue;
        ObjectDefineProperty(ports, ports.length, { __proto__: null, value: moved[i], enumerable: true });
      }
      slots.post(value, ports.length === 0 ? undefined : ObjectFreeze(ports));
    }

    start() {
      this.#slots?.tasks.open();
    }

    close() {
      detach(this)?.disentangle();
    }

    get onmessage() {
      this.#slots;
      return ReflectApply(handlerOf, this, []);
    }

    set onmessage(value) {
      this.#slots;
      ReflectApply(setHandler, this, [value]);
      this.#slots?.tasks.open();
    }

    static {
      isMessagePort = (value) => isObject(value) && #slots in value;
      detach = (port) => {
        const slots = port.#slots;
        port.#slots = null;
        return slots;
      };
    }
  }
  defineHandler(MessagePort.prototype, "messageerror");
  defineHandler(MessagePort.prototype, "close");
  configureInterface(MessagePort);

  // https://html.spec.whatwg.org/#message-ports, transfer steps and transfer-receiving steps
  nano.transferable[nano.transferable.length] = {
    is: isMessagePort,
    transfer(port) {
      const slots = detach(port);
      if (slots === null) throw nano.dataCloneError("A MessagePort that was closed or transferred cannot be transferred.");
      slots.owner = null;
      slots.tasks.shut();
      return new MessagePort(CREATE, slots);
    },
  };

  class MessageChannel {
    #port1;
    #port2;

    constructor() {
      const first = new PortSlots();
      const second = new PortSlots();
      first.entangle(second);
      this.#port1 = new MessagePort(CREATE, first);
      this.#port2 = new MessagePort(CREATE, second);
    }

    get port1() {
      return this.#port1;
    }

    get port2() {
      return this.#port2;
    }
  }
  configureInterface(MessageChannel);

  return { __proto__: null, MessageChannel, MessagePort, PortSlots };
};
