"use strict";
// node:diagnostics_channel: https://nodejs.org/api/diagnostics_channel.html
(nano) => {
  const {
    ArrayPrototypePush, ArrayPrototypeSlice, ArrayPrototypeRemoveAt, PromisePrototypeThen, PromiseReject, PromiseResolve, ReflectApply, SafeMap,
  } = nano.primordials;
  const { asModule, invalidArgType, validateFunction } = nano.part("node/errors");

  const channels = new SafeMap();
  const identity = (data) => data;

  class Channel {
    #subscribers = [];
    #stores = new SafeMap();

    constructor(name) {
      this.name = name;
    }

    get hasSubscribers() {
      return this.#subscribers.length > 0 || this.#stores.size > 0;
    }

    subscribe(subscription) {
      validateFunction(subscription, "subscription");
      // A list that is being told is not changed.
      this.#subscribers = ArrayPrototypeSlice(this.#subscribers);
      ArrayPrototypePush(this.#subscribers, subscription);
    }

    unsubscribe(subscription) {
      for (let i = 0; i < this.#subscribers.length; i++) {
        if (this.#subscribers[i] !== subscription) continue;
        this.#subscribers = ArrayPrototypeSlice(this.#subscribers);
        ArrayPrototypeRemoveAt(this.#subscribers, i);
        return true;
      }
      return false;
    }

    publish(data) {
      const subscribers = this.#subscribers;
      for (let i = 0; i < subscribers.length; i++) {
        try {
          subscribers[i](data, this.name);
        } catch (error) {
          nano.queueMicrotask(() => {
            throw error;
          });
        }
      }
    }

    bindStore(store, transform = identity) {
      this.#stores.set(store, transform);
    }

    unbindStore(store) {
      return this.#stores.delete(store);
    }

    runStores(data, fn, thisArg, ...args) {
      let run = () => {
        this.publish(data);
        return ReflectApply(fn, thisArg, args);
      };
      this.#stores.forEach((transform, store) => {
        const inner = run;
        run = () => {
          let context;
          try {
            context = transform(data);
          } catch (error) {
            nano.queueMicrotask(() => {
              throw error;
            });
            return inner();
          }
          return store.run(context, inner);
        };
      });
      return run();
    }
  }

  const channel = (name) => {
    if (typeof name !== "string" && typeof name !== "symbol") throw invalidArgType("channel", ["string", "symbol"], name);
    let found = channels.get(name);
    if (found === undefined) {
      found = new Channel(name);
      channels.set(name, found);
    }
    return found;
  };

  // Runs it between the start and the end, and tells how it failed.
  const traced = ({ start, end, error }, context, run) =>
    start.runStores(context, () => {
      try {
        return run();
      } catch (failure) {
        context.error = failure;
        error.publish(context);
        throw failure;
      } finally {
        end.publish(context);
      }
    });

  const events = ["start", "end", "asyncStart", "asyncEnd", "error"];

  class TracingChannel {
    constructor(nameOrChannels) {
      for (let i = 0; i < events.length; i++) {
        const event = events[i];
        this[event] = typeof nameOrChannels === "string" ? channel(`tracing:${nameOrChannels}:${event}`) : nameOrChannels[event];
      }
    }

    get hasSubscribers() {
      for (let i = 0; i < events.length; i++) if (this[events[i]]?.hasSubscribers) return true;
      return false;
    }

    subscribe(handlers) {
      for (let i = 0; i < events.length; i++) if (handlers[events[i]]) this[events[i]]?.subscribe(handlers[events[i]]);
    }

    unsubscribe(handlers) {
      let isDone = true;
      for (let i = 0; i < events.length; i++) {
        if (handlers[events[i]] && !this[events[i]]?.unsubscribe(handlers[events[i]])) isDone = false;
      }
      return isDone;
    }

    traceSync(fn, context = {}, thisArg = undefined, ...args) {
      return traced(this, context, () => {
        context.result = ReflectApply(fn, thisArg, args);
        return context.result;
      });
    }

    tracePromise(fn, context = {}, thisArg = undefined, ...args) {
      const { asyncStart, asyncEnd, error } = this;
      const settle = (key, value) => {
        context[key] = value;
        if (key === "error") error.publish(context);
        asyncStart.publish(context);
        asyncEnd.publish(context);
      };
      return traced(this, context, () => {
        const promise = PromiseResolve(ReflectApply(fn, thisArg, args));
        return PromisePrototypeThen(promise, (value) => {
          settle("result", value);
          return value;
        }, (failure) => {
          settle("error", failure);
          return PromiseReject(failure);
        });
      });
    }

    traceCallback(fn, position = -1, context = {}, thisArg = undefined, ...args) {
      const { asyncStart, asyncEnd, error } = this;
      const at = position < 0 ? args.length + position : position;
      const callback = args[at];
      validateFunction(callback, "callback");
      args[at] = function (failure, result) {
        if (failure) {
          context.error = failure;
          error.publish(context);
        } else {
          context.result = result;
        }
        const passed = arguments;
        return asyncStart.runStores(context, () => {
          try {
            return ReflectApply(callback, this, passed);
          } finally {
            asyncEnd.publish(context);
          }
        });
      };
      return traced(this, context, () => ReflectApply(fn, thisArg, args));
    }
  }

  return asModule({
    Channel,
    TracingChannel,
    channel,
    hasSubscribers: (name) => channels.get(name)?.hasSubscribers ?? false,
    subscribe: (name, subscription) => channel(name).subscribe(subscription),
    unsubscribe: (name, subscription) => channel(name).unsubscribe(subscription),
    tracingChannel: (nameOrChannels) => new TracingChannel(nameOrChannels),
  });
};
