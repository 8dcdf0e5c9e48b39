"use strict";
// The consumer's side of queues: https://developers.cloudflare.com/queues/configuration/javascript-apis/#consumer
(nano) => {
  const {
    ArrayPrototypePush, Date, JSONParse, ObjectFreeze, RangeError, TypedArrayPrototypeGetBuffer, TypeError,
  } = nano.primordials;
  nano.part("handlers");
  const { CREATE, ExtendableEvent } = nano.handlers;
  const { configureInterface, illegalConstructor, isObject } = nano.webidl;
  const { settle } = nano.ops.natives("events");

  const DELAY_S_MAX = 86_400;
  const ALL = -1;
  // How a body comes: as it is, as JSON that is read when it is wanted, or as bytes.
  const JSON_TEXT = 1, BYTES = 2;

  const delayOf = (options, prefix) => {
    if (options === undefined || options === null) return undefined;
    if (!isObject(options)) throw new TypeError(`${prefix}: the options are not an object.`);
    const delay = options.delaySeconds;
    if (delay === undefined) return undefined;
    if (typeof delay !== "number" || !(delay >= 0 && delay <= DELAY_S_MAX) || delay % 1 !== 0) {
      throw new RangeError(`${prefix}: delaySeconds is not a whole number from 0 to ${DELAY_S_MAX}.`);
    }
    return delay;
  };

  class Message {
    #batch;
    #index;
    #id;
    #timestamp;
    #attempts;
    #body;
    #isJson;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      const native = arguments[3];
      this.#batch = arguments[1];
      this.#index = arguments[2];
      this.#id = native[0];
      this.#timestamp = new Date(native[1]);
      this.#attempts = native[2];
      this.#isJson = native[3] === JSON_TEXT;
      this.#body = native[3] === BYTES ? TypedArrayPrototypeGetBuffer(native[4]) : native[4];
    }

    get id() {
      return this.#id;
    }

    get timestamp() {
      return this.#timestamp;
    }

    get body() {
      if (this.#isJson) {
        this.#body = JSONParse(this.#body);
        this.#isJson = false;
      }
      return this.#body;
    }

    get attempts() {
      return this.#attempts;
    }

    ack() {
      settle(this.#batch, this.#index, false);
    }

    retry(options = undefined) {
      const delay = delayOf(options, "Failed to execute 'retry' on 'Message'");
      settle(this.#batch, this.#index, true, delay);
    }
  }
  configureInterface(Message);

  class MessageBatch {
    #id;
    #queue;
    #messages;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      const id = arguments[1], payload = arguments[2];
      const messages = [];
      for (let i = 0; i < payload.messages.length; i++) {
        // What could not be made here has failed already.
        if (payload.messages[i] !== undefined) ArrayPrototypePush(messages, new Message(CREATE, id, i, payload.messages[i]));
      }
      this.#id = id;
      this.#queue = payload.queue;
      this.#messages = ObjectFreeze(messages);
    }

    get queue() {
      return this.#queue;
    }

    get messages() {
      return this.#messages;
    }

    ackAll() {
      settle(this.#id, ALL, false);
    }

    retryAll(options = undefined) {
      const delay = delayOf(options, "Failed to execute 'retryAll' on 'MessageBatch'");
      settle(this.#id, ALL, true, delay);
    }
  }
  configureInterface(MessageBatch);

  class QueueEvent extends ExtendableEvent {
    #batch;

    constructor() {
      super(arguments[0], "queue", arguments[1]);
      this.#batch = arguments[2];
    }

    get queue() {
      return this.#batch.queue;
    }

    get messages() {
      return this.#batch.messages;
    }

    ackAll() {
      this.#batch.ackAll();
    }

    retryAll(options = undefined) {
      this.#batch.retryAll(options);
    }
  }
  configureInterface(QueueEvent);

  return {
    __proto__: null, Message, MessageBatch, QueueEvent,
    make(run, payload) {
      const batch = new MessageBatch(CREATE, run.id, payload);
      return { __proto__: null, argument: batch, event: () => new QueueEvent(CREATE, run.id, batch) };
    },
  };
};
