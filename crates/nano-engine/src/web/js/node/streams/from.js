"use strict";
// Readable.from() and readable.wrap(): iterables, and emitters of an older make, as Readables.
(nano) => {
  const { PromisePrototypeThen, SymbolAsyncIterator, SymbolIterator } = nano.primordials;
  const { Buffer } = nano.part("node/buffer");
  const { invalidArgType } = nano.part("node/errors");
  const { Readable } = nano.part("node/streams/readable");
  const { errors, isThenable, soon } = nano.part("node/streams/support");

  const from = (iterable, options = undefined) => {
    if (typeof iterable === "string" || Buffer.isBuffer(iterable)) {
      return new Readable({
        objectMode: true,
        ...options,
        read() {
          this.push(iterable);
          this.push(null);
        },
      });
    }
    let iterator;
    let isAsync = false;
    if (typeof iterable?.[SymbolAsyncIterator] === "function") {
      isAsync = true;
      iterator = iterable[SymbolAsyncIterator]();
    } else if (typeof iterable?.[SymbolIterator] === "function") {
      iterator = iterable[SymbolIterator]();
    } else {
      throw invalidArgType("iterable", "an instance of Iterable", iterable);
    }
    const readable = new Readable({ objectMode: true, highWaterMark: 1, ...options });
    let isReading = false;

    const close = async (error) => {
      const hasFailed = error !== null && error !== undefined;
      if (hasFailed && typeof iterator.throw === "function") {
        const { value, done } = await iterator.throw(error);
        await value;
        if (done) return;
      }
      if (typeof iterator.return === "function") await (await iterator.return()).value;
    };
    const next = async () => {
      while (true) {
        try {
          const { value, done } = isAsync ? await iterator.next() : iterator.next();
          if (done) {
            readable.push(null);
            return;
          }
          const chunk = isThenable(value) ? await value : value;
          if (chunk === null) {
            isReading = false;
            throw errors.noNull();
          }
          if (readable.push(chunk)) continue;
          isReading = false;
        } catch (error) {
          readable.destroy(error);
        }
        return;
      }
    };
    readable._read = () => {
      if (isReading) return;
      isReading = true;
      next();
    };
    readable._destroy = (error, callback) => {
      PromisePrototypeThen(close(error), () => soon(callback, error), (failed) => soon(callback, failed || error));
    };
    return readable;
  };

  const wrap = (stream, old) => {
    let paused = false;
    old.on("data", (chunk) => {
      if (!stream.push(chunk) && typeof old.pause === "function") {
        paused = true;
        old.pause();
      }
    });
    old.on("end", () => stream.push(null));
    old.on("error", (error) => nano.part("node/streams/life").fail(stream, error));
    old.on("close", () => stream.destroy());
    old.on("destroy", () => stream.destroy());
    stream._read = () => {
      if (paused && typeof old.resume === "function") {
        paused = false;
        old.resume();
      }
    };
    // What else the old one can do.
    const names = nano.primordials.ObjectKeys(old);
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      if (stream[name] === undefined && typeof old[name] === "function") stream[name] = (...args) => nano.primordials.ReflectApply(old[name], old, args);
    }
    return stream;
  };

  return { __proto__: null, from, wrap };
};
