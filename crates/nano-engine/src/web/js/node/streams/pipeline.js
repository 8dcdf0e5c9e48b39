"use strict";
// pipeline(): runs data through streams, iterables and functions, and tells once when all of it is through, or what failed first.
//
// A Run counts what is still under way (`task`), and has a way to end every stream that it is responsible for. The first failure ends
// them all; one that says more than "it was closed early" takes the place of one that says only that.
(nano) => {
  const { ArrayIsArray, ArrayPrototypePush, PromisePrototypeThen, PromiseResolve, Promise, SymbolAsyncIterator } = nano.primordials;
  const { validateFunction, withCode } = nano.part("node/errors");
  const { finished } = nano.part("node/streams/finished");
  const { end: endStream } = nano.part("node/streams/life");
  const { isReadEnded } = nano.part("node/streams/looks");
  const {
    checkSignal, copied, errors, isIterable, isStream, isThenable, isWebPair, isWebReadable, isWebWritable, nothing, onAbort, once, soon,
  } = nano.part("node/streams/support");
  const { AbortController, signalAbort } = nano.abort;
  const { TypeError } = nano.primordials;

  const isPlain = (error) => error?.code === "ERR_STREAM_PREMATURE_CLOSE" || error?.name === "AbortError";

  class Run {
    controller = new AbortController();
    error = undefined;
    value = undefined;
    isOver = false;
    callback;
    #pending = 0;
    #ends = [];
    #forget = nothing;

    constructor(callback, signal) {
      this.callback = once(callback);
      if (signal === undefined) return;
      checkSignal(signal, "options.signal");
      this.#forget = onAbort(signal, (reason) => soon(() => this.fail(errors.aborted(reason))));
    }

    // Something that has to be done before all is: it says so by what is returned.
    task() {
      this.#pending++;
      return once((error = undefined) => {
        this.#pending--;
        if (error) this.fail(error);
        if (this.#pending === 0) this.#over();
      });
    }

    // Ends the stream when the run is over and it is not.
    guard(stream, reads, writes) {
      let isThrough = false;
      finished(stream, { __proto__: null, readable: reads, writable: writes }, (error) => {
        isThrough = !error;
      });
      ArrayPrototypePush(this.#ends, (error) => {
        if (isThrough) return;
        isThrough = true;
        endStream(stream, error || errors.destroyed("pipe"));
      });
    }

    fail(error) {
      if (this.error === undefined || (this.error.code === "ERR_STREAM_PREMATURE_CLOSE" && error.code !== "ERR_STREAM_PREMATURE_CLOSE")) this.error = error;
      this.#endAll();
    }

    #endAll() {
      const ends = this.#ends;
      this.#ends = [];
      for (let i = 0; i < ends.length; i++) ends[i](this.error);
      this.#forget();
      signalAbort(this.controller.signal, undefined);
      if (this.error !== undefined && this.#pending === 0) this.#over();
    }

    #over() {
      if (this.isOver) return;
      this.isOver = true;
      this.#endAll();
      soon(this.callback, this.error, this.value);
    }
  }

  // One after the other into a Writable, as fast as it takes them.
  const pour = async (source, target, done, ends) => {
    let failure = undefined;
    let wake = null;
    const notice = (error) => {
      if (error) failure = error;
      const f = wake;
      wake = null;
      f?.();
    };
    const drained = () => notice();
    const roomy = () =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) reject(failure);
        else wake = () => (failure !== undefined ? reject(failure) : resolve());
      });
    target.on("drain", drained);
    const release = finished(target, { __proto__: null, readable: false }, notice);
    try {
      if (target.writableNeedDrain) await roomy();
      for await (const chunk of source) if (!target.write(chunk)) await roomy();
      if (ends) {
        target.end();
        await roomy();
      }
      done();
    } catch (error) {
      done(failure !== undefined && failure !== error && isPlain(error) ? failure : error);
    } finally {
      release();
      target.removeListener("drain", drained);
    }
  };

  // The same into a WritableStream.
  const pourWeb = async (source, target, done, ends) => {
    const writer = target.getWriter();
    try {
      for await (const chunk of source) {
        await writer.ready;
        PromisePrototypeThen(writer.write(chunk), undefined, nothing);
      }
      await writer.ready;
      if (ends) await writer.close();
      done();
    } catch (error) {
      try {
        await writer.abort(error);
      } catch {
        // It has failed already.
      }
      done(error);
    }
  };

  const link = (run, source, target, ends) => {
    const read = run.task();
    const written = run.task();
    source.pipe(target, { __proto__: null, end: false });
    if (ends) {
      const end = () => target.end();
      if (isReadEnded(source) && source._readableState?.endEmitted !== false) soon(end);
      else source.once("end", end);
      finished(target, { __proto__: null, readable: false, writable: true }, written);
    } else {
      written();
    }
    finished(source, { __proto__: null, readable: true, writable: false }, (error) => {
      const side = source._readableState;
      if (error?.code === "ERR_STREAM_PREMATURE_CLOSE" && side && side.ended && !side.errored && !side.errorEmitted) {
        // All of it is there, and some is still to be read.
        source.once("end", read);
        source.once("error", read);
      } else {
        read(error);
      }
    });
  };

  const readableOf = (value) => (isWebPair(value) ? value.readable : value);
  const asIterable = (value) => {
    const from = readableOf(value);
    if (isIterable(from)) return from;
    return nano.part("node/streams/iterate").iterator(from, undefined);
  };

  const run = (given, callback, options) => {
    let stages = given;
    if (stages.length === 1 && ArrayIsArray(stages[0])) stages = stages[0];
    if (stages.length < 2) throw errors.missing("streams");
    const whole = new Run(callback, options.signal);
    const { signal } = whole.controller;
    const starting = whole.task();
    const last = stages.length - 1;
    let now = undefined;

    for (let i = 0; i <= last; i++) {
      const stage = stages[i];
      const reads = i < last;
      const ends = reads || options.end !== false;
      if (isStream(stage)) {
        if (ends) whole.guard(stage, reads, i > 0);
        if (!reads || !ends) stage.on("error", (error) => {
          if (!isPlain(error)) whole.fail(error);
        });
      }
      if (i === 0) {
        if (typeof stage === "function") {
          now = stage({ signal });
          if (!isIterable(now) && !isStream(now)) throw errors.badReturn("Iterable, AsyncIterable or Stream", "source", now);
        } else if (isIterable(stage) || isWebReadable(stage) || isWebPair(stage) || isStream(stage)) {
          now = stage;
        } else {
          now = nano.part("node/streams/duplex_from").from(stage, "body");
        }
      } else if (typeof stage === "function") {
        const result = stage(asIterable(now), { signal });
        if (reads) {
          if (typeof result?.[SymbolAsyncIterator] !== "function") throw errors.badReturn("AsyncIterable", `transform[${i - 1}]`, result);
          now = result;
        } else {
          now = sink(whole, result);
        }
      } else if (isStream(stage)) {
        if (isStream(now)) {
          link(whole, now, stage, ends);
        } else {
          const done = whole.task();
          pour(asIterable(now), stage, done, ends);
        }
        now = stage;
      } else if (isWebWritable(stage) || isWebPair(stage)) {
        pourWeb(asIterable(now), isWebPair(stage) ? stage.writable : stage, whole.task(), ends);
        now = stage;
      } else {
        now = nano.part("node/streams/duplex_from").from(stage, "body");
        whole.guard(now, reads, true);
        pour(asIterable(stages[i - 1]), now, whole.task(), ends);
      }
    }
    starting();
    return now;
  };

  // A function at the end: what it resolves to is the pipeline's value, and can be read as well.
  const sink = (whole, result) => {
    const { PassThrough } = nano.part("node/streams/duplex");
    const through = new PassThrough({ __proto__: null, objectMode: true });
    if (isThenable(result)) {
      const done = whole.task();
      PromisePrototypeThen(PromiseResolve(result), (value) => {
        whole.value = value;
        if (value !== undefined && value !== null) through.write(value);
        through.end();
        soon(done);
      }, (error) => {
        through.destroy(error);
        soon(done, error);
      });
    } else if (isIterable(result)) {
      pour(result, through, whole.task(), true);
    } else {
      throw errors.badReturn("AsyncIterable or Promise", "destination", result);
    }
    whole.guard(through, false, true);
    through.on("error", nothing);
    return through;
  };

  const pipeline = (...given) => {
    const last = given[given.length - 1];
    if (typeof last !== "function") {
      if (given.length === 0 || last === undefined || last === null || typeof last === "object") {
        const name = last === undefined ? "undefined" : last === null ? "null" : `an instance of ${last.constructor?.name ?? "Object"}`;
        throw withCode(new TypeError(`The "streams[stream.length - 1]" property must be of type function. Received ${name}`), "ERR_INVALID_ARG_TYPE");
      }
      validateFunction(last, "streams[stream.length - 1]");
    }
    const stages = copied(given);
    stages.length--;
    return run(stages, last, { __proto__: null });
  };

  const promised = (...given) =>
    new Promise((resolve, reject) => {
      const stages = copied(given);
      let options = { __proto__: null };
      const last = stages[stages.length - 1];
      if (last !== null && typeof last === "object" && !isStream(last) && !isIterable(last) && !isWebReadable(last) && !isWebWritable(last) && !isWebPair(last)) {
        options = { __proto__: null, signal: last.signal, end: last.end };
        if (last.signal !== undefined) checkSignal(last.signal, "options.signal");
        stages.length--;
      }
      run(stages, (error, value) => (error ? reject(error) : resolve(value)), options);
    });

  return { __proto__: null, pipeline, promised, run };
};
