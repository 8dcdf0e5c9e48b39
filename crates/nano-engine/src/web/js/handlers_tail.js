"use strict";
// What tail workers are told: https://developers.cloudflare.com/workers/runtime-apis/handlers/tail/
(nano) => {
  const { ArrayPrototypePush, ObjectDefineProperty } = nano.primordials;
  nano.part("handlers");
  const { CREATE, ExtendableEvent } = nano.handlers;
  const { configureInterface } = nano.webidl;

  class TailEvent extends ExtendableEvent {
    #events;

    constructor() {
      super(arguments[0], "tail", arguments[1]);
      this.#events = arguments[2];
    }

    get events() {
      return this.#events;
    }

    get traces() {
      return this.#events;
    }
  }
  configureInterface(TailEvent);

  return {
    __proto__: null, TailEvent,
    make(run, payload) {
      const events = [];
      for (let i = 0; i < payload.length; i++) {
        const item = payload[i][0], whole = payload[i][1];
        if (whole !== undefined) {
          const getUnredacted = { getUnredacted: () => whole }.getUnredacted;
          ObjectDefineProperty(item.event.request, "getUnredacted", {
            __proto__: null, value: getUnredacted, writable: true, enumerable: false, configurable: true,
          });
        }
        ArrayPrototypePush(events, item);
      }
      return { __proto__: null, argument: events, event: () => new TailEvent(CREATE, run.id, events) };
    },
  };
};
