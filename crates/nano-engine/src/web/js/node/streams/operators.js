"use strict";
// What a Readable has in common with an array: map(), filter(), reduce() and the like. https://nodejs.org/api/stream.html
//
// Each is a loop over the chunks before it. map() and what is made of it work at several chunks at a time (`concurrency`), and give the
// results in the order of the chunks.
(nano) => {
  const {
    ArrayPrototypePush, ArrayPrototypeShift, MathTrunc, Number, NumberIsNaN, Promise, PromisePrototypeThen, PromiseResolve, Symbol, TypeError,
  } = nano.primordials;
  const { invalidArgType, outOfRange, validateObject, withCode } = nano.part("node/errors");
  const { checkSignal, errors, members, nothing, onAbort } = nano.part("node/streams/support");
  const { from } = nano.part("node/streams/from");
  const { Readable } = nano.part("node/streams/readable");
  const { AbortController, any, isAborted, reason, signalAbort } = nano.abort;

  const SAFE = 9007199254740991;
  const nothingHere = Symbol("nothing");

  const checkFunction = (f, name = "fn") => {
    if (typeof f !== "function") throw invalidArgType(name, "of type function or an instance of AsyncFunction", f);
  };
  const checkOptions = (options) => {
    if (options !== undefined && options !== null) validateObject(options, "options");
    if (options?.signal !== undefined && options.signal !== null) checkSignal(options.signal, "options.signal");
  };
  const wholeNumber = (value, name, least) => {
    const n = MathTrunc(Number(value));
    if (NumberIsNaN(n)) throw outOfRange(name, "an integer", n);
    if (n < least || n > SAFE) throw outOfRange(name, `>= ${least} && <= ${SAFE}`, n);
    return n;
  };
  const stopIf = (signal) => {
    if (signal && isAborted(signal)) throw errors.aborted(reason(signal));
  };

  // A signal that is aborted with the option's, and when the loop ends early.
  const scope = (options) => {
    const controller = new AbortController();
    const { signal } = options ?? { signal: undefined };
    const both = signal ? any(controller.signal, [signal]) : controller.signal;
    return { __proto__: null, signal: signal ? both : controller.signal, stop: () => signalAbort(controller.signal, undefined) };
  };

  const mapped = async function* (stream, f, options, concurrency, ahead) {
    const controller = new AbortController();
    const { signal } = controller;
    const outer = options?.signal;
    let wakeUp = nothing;
    let stopped = false;
    const forget = outer ? onAbort(outer, (why) => {
      signalAbort(signal, why);
      wakeUp();
    }) : nothing;
    const queue = [];
    let running = 0;
    let wakeReader = nothing;
    const taken = () => {
      const f = wakeReader;
      wakeReader = nothing;
      f();
    };
    const came = () => {
      const f = wakeUp;
      wakeUp = nothing;
      f();
    };
    const settled = () => {
      running--;
      taken();
    };
    const work = (chunk) => {
      running++;
      let result;
      try {
        result = PromiseResolve(f(chunk, { signal }));
      } catch (error) {
        result = nano.primordials.PromiseReject(error);
      }
      PromisePrototypeThen(result, settled, settled);
      ArrayPrototypePush(queue, result);
      came();
    };
    const readAll = async () => {
      try {
        for await (const chunk of stream) {
          if (stopped) return;
          if (isAborted(signal)) throw errors.aborted(reason(outer ?? signal));
          work(chunk);
          while (!stopped && (running >= concurrency || queue.length >= ahead + concurrency)) {
            await new Promise((resolve) => {
              wakeReader = resolve;
            });
          }
          if (stopped) return;
        }
        ArrayPrototypePush(queue, nothingHere);
      } catch (error) {
        const failed = nano.primordials.PromiseReject(error);
        PromisePrototypeThen(failed, undefined, nothing);
        ArrayPrototypePush(queue, failed);
      } finally {
        came();
      }
    };
    readAll();
    try {
      while (true) {
        while (queue.length > 0) {
          const next = queue[0];
          if (next === nothingHere) return;
          const value = await next;
          if (isAborted(signal)) throw errors.aborted(reason(outer ?? signal));
          if (value !== nothingHere) yield value;
          ArrayPrototypeShift(queue);
          taken();
        }
        stopIf(outer);
        await new Promise((resolve) => {
          wakeUp = resolve;
        });
        stopIf(outer);
      }
    } finally {
      stopped = true;
      forget();
      signalAbort(signal, undefined);
      taken();
    }
  };

  const map = (stream, f, options) => {
    checkFunction(f);
    checkOptions(options);
    const concurrency = options?.concurrency === undefined || options.concurrency === null ? 1 : wholeNumber(options.concurrency, "options.concurrency", 1);
    const ahead = options?.highWaterMark === undefined || options.highWaterMark === null ? concurrency - 1 : wholeNumber(options.highWaterMark, "options.highWaterMark", 0);
    return mapped(stream, f, options, concurrency, ahead);
  };
  const filter = (stream, f, options) => {
    checkFunction(f);
    return map(stream, async (chunk, more) => ((await f(chunk, more)) ? chunk : nothingHere), options);
  };
  const some = async (stream, f, options) => {
    for await (const _ of filter(stream, f, options)) return true;
    return false;
  };
  const count = (value) => {
    const n = Number(value);
    if (NumberIsNaN(n)) return 0;
    if (n < 0) throw outOfRange("number", ">= 0", n);
    return n;
  };

  const toStreams = {
    __proto__: null,
    asIndexedPairs: (stream, options) => {
      checkOptions(options);
      return (async function* () {
        let index = 0;
        for await (const chunk of stream) {
          stopIf(options?.signal);
          const pair = [];
          ArrayPrototypePush(pair, index++);
          ArrayPrototypePush(pair, chunk);
          yield pair;
        }
      })();
    },
    drop: (stream, number, options) => {
      checkOptions(options);
      let left = count(number);
      return (async function* () {
        stopIf(options?.signal);
        for await (const chunk of stream) {
          stopIf(options?.signal);
          if (left-- <= 0) yield chunk;
        }
      })();
    },
    filter,
    flatMap: (stream, f, options) => {
      const lists = map(stream, f, options);
      return (async function* () {
        for await (const list of lists) yield* list;
      })();
    },
    map,
    take: (stream, number, options) => {
      checkOptions(options);
      let left = count(number);
      return (async function* () {
        stopIf(options?.signal);
        if (left <= 0) return;
        for await (const chunk of stream) {
          stopIf(options?.signal);
          if (left-- > 0) yield chunk;
          if (left <= 0) return;
        }
      })();
    },
  };
  const toPromises = {
    __proto__: null,
    every: async (stream, f, options) => {
      checkFunction(f);
      return !(await some(stream, async (chunk, more) => !(await f(chunk, more)), options));
    },
    forEach: async (stream, f, options) => {
      checkFunction(f);
      for await (const _ of map(stream, async (chunk, more) => {
        await f(chunk, more);
        return nothingHere;
      }, options));
    },
    reduce: async (stream, f, start, options) => {
      checkFunction(f, "reducer");
      checkOptions(options?.given);
      const { signal, stop } = scope(options?.given);
      let { has } = options;
      let value = start;
      if (options?.given?.signal && isAborted(options.given.signal)) {
        const error = errors.aborted(reason(options.given.signal));
        stream.once("error", nothing);
        await nano.part("node/streams/finished").promised(stream.destroy(error)).catch(nothing);
        throw error;
      }
      try {
        for await (const chunk of stream) {
          stopIf(options?.given?.signal);
          value = has ? await f(value, chunk, { signal }) : chunk;
          has = true;
        }
      } finally {
        stop();
      }
      if (!has) throw withCode(new TypeError("Reduce of an empty stream requires an initial value"), "ERR_MISSING_ARGS");
      return value;
    },
    toArray: async (stream, options) => {
      checkOptions(options);
      const all = [];
      for await (const chunk of stream) {
        stopIf(options?.signal);
        ArrayPrototypePush(all, chunk);
      }
      return all;
    },
    some,
    find: async (stream, f, options) => {
      for await (const chunk of filter(stream, f, options)) return chunk;
      return undefined;
    },
  };

  members(Readable.prototype, {
    __proto__: null,
    asIndexedPairs(options) { return from(toStreams.asIndexedPairs(this, options)); },
    drop(number, options) { return from(toStreams.drop(this, number, options)); },
    filter(f, options) { return from(filter(this, f, options)); },
    flatMap(f, options) { return from(toStreams.flatMap(this, f, options)); },
    map(f, options) { return from(map(this, f, options)); },
    take(number, options) { return from(toStreams.take(this, number, options)); },
    compose(stream, options) { return nano.part("node/streams/compose").onto(this, stream, options); },
    every(f, options) { return toPromises.every(this, f, options); },
    forEach(f, options) { return toPromises.forEach(this, f, options); },
    // An undefined that was given is a value to begin with.
    reduce(f, ...rest) { return toPromises.reduce(this, f, rest[0], { __proto__: null, has: rest.length > 0, given: rest[1] }); },
    toArray(options) { return toPromises.toArray(this, options); },
    some(f, options) { return some(this, f, options); },
    find(f, options) { return toPromises.find(this, f, options); },
  });

  return { __proto__: null, Readable };
};
