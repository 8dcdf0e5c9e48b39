"use strict";
// The producer's side of queues: https://developers.cloudflare.com/queues/configuration/javascript-apis/#producer
(nano) => {
  const { ArrayPrototypePush, JSONStringify, PromiseReject, RangeError, TypeError } = nano.primordials;
  const { calls, ops } = nano;
  const { configureInterface, converters, illegalConstructor, isObject, requiredArguments, sequence } = nano.webidl;

  const DELAY_S_MAX = 86_400;
  // The arguments[0] of the constructor when it is called from inside; no app can name it.
  const CREATE = { __proto__: null };

  const optionsOf = (options, prefix) => {
    if (options === undefined || options === null) return { __proto__: null, contentType: undefined, delaySeconds: undefined };
    if (!isObject(options)) throw new TypeError(`${prefix}: the options are not an object.`);
    const { contentType, delaySeconds } = options;
    if (delaySeconds !== undefined) {
      if (typeof delaySeconds !== "number" || !(delaySeconds >= 0 && delaySeconds <= DELAY_S_MAX) || delaySeconds % 1 !== 0) {
        throw new RangeError(`${prefix}: delaySeconds is not a whole number from 0 to ${DELAY_S_MAX}.`);
      }
    }
    return { __proto__: null, contentType, delaySeconds };
  };

  // What crosses of a message: how its body is to be read, the body, and its delay.
  const pack = (body, contentType, delay, prefix) => {
    const type = contentType === undefined ? "json" : converters.DOMString(contentType, prefix, "contentType");
    switch (type) {
      case "json": {
        const text = JSONStringify(body);
        if (text === undefined) throw new TypeError(`${prefix}: the body is nothing that JSON can say.`);
        return [type, text, delay];
      }
      case "text":
        if (typeof body !== "string") throw new TypeError(`${prefix}: the body of the content type "text" is not a string.`);
        return [type, body, delay];
      case "bytes":
      case "v8":
        return [type, body, delay];
      default:
        throw new TypeError(`${prefix}: contentType is none of "json", "text", "bytes" and "v8".`);
    }
  };

  const anything = sequence((value) => value);

  class Queue {
    #binding;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      this.#binding = arguments[1];
    }

    send(body, options = undefined) {
      try {
        const binding = this.#binding;
        const prefix = "Failed to execute 'send' on 'Queue'";
        requiredArguments(arguments.length, 1, prefix);
        const { contentType, delaySeconds } = optionsOf(options, prefix);
        const message = pack(body, contentType, delaySeconds, prefix);
        return calls.send(() => ops.callMethod(binding, "send", [message]));
      } catch (error) {
        return PromiseReject(error);
      }
    }

    sendBatch(messages, options = undefined) {
      try {
        const binding = this.#binding;
        const prefix = "Failed to execute 'sendBatch' on 'Queue'";
        requiredArguments(arguments.length, 1, prefix);
        const list = anything(messages, prefix, "parameter 1");
        const common = optionsOf(options, prefix);
        const packed = [];
        for (let i = 0; i < list.length; i++) {
          if (!isObject(list[i])) throw new TypeError(`${prefix}: message ${i} is not an object with a body.`);
          const { contentType, delaySeconds } = optionsOf(list[i], prefix);
          ArrayPrototypePush(packed, pack(list[i].body, contentType, delaySeconds ?? common.delaySeconds, prefix));
        }
        return calls.send(() => ops.callMethod(binding, "send", packed));
      } catch (error) {
        return PromiseReject(error);
      }
    }
  }
  configureInterface(Queue);

  return { __proto__: null, Queue, createBinding: (binding) => new Queue(CREATE, binding[1]) };
};
