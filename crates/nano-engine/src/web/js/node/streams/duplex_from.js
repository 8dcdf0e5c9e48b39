"use strict";
// Duplex.from(): whatever data can come out of or go into, as one Duplex.
(nano) => {
  const { Promise, PromisePrototypeThen, SymbolAsyncIterator, SymbolIterator } = nano.primordials;
  const { invalidArgType } = nano.part("node/errors");
  const { finished } = nano.part("node/streams/finished");
  const { end: endStream } = nano.part("node/streams/life");
  const { isReadable, isWritable } = nano.part("node/streams/looks");
  const { errors, isIterable, isStream, isThenable, isWebReadable, isWebWritable, nothing, once, soon } = nano.part("node/streams/support");
  const { Duplex } = nano.part("node/streams/duplex");
  const { from: readableFrom } = nano.part("node/streams/from");

  class Duplexify extends Duplex {}

  const isBlob = (value) => value !== null && typeof value === "object" && value instanceof nano.part("blob").Blob;

  // One Duplex that reads from `source` and writes to `target`, either of which there may be.
  const join = (source, target) => {
    let reads = !!source && isReadable(source) !== false;
    let writes = !!target && isWritable(target) !== false;
    let onDrain = null;
    let onFinish = null;
    let onReadable = null;
    let onClose = null;

    const duplex = new Duplexify({
      readableObjectMode: !!source?.readableObjectMode,
      writableObjectMode: !!target?.writableObjectMode,
      readable: reads,
      writable: writes,
    });
    const over = (error) => {
      const callback = onClose;
      onClose = null;
      if (callback) callback(error);
      else if (error) duplex.destroy(error);
      // Otherwise it closes by itself, once all that has come has been read.
    };
    if (writes) {
      finished(target, { __proto__: null, readable: false }, (error) => {
        writes = false;
        if (error) {
          if (source) endStream(source, error);
          over(error);
        } else if (onFinish === null) {
          over(undefined);
        }
      });
      duplex._write = (chunk, encoding, callback) => {
        if (target.write(chunk, encoding)) callback();
        else onDrain = callback;
      };
      duplex._final = (callback) => {
        onFinish = callback;
        target.end();
      };
      target.on("drain", () => {
        const callback = onDrain;
        onDrain = null;
        if (callback) callback();
      });
      target.on("finish", () => {
        const callback = onFinish;
        onFinish = null;
        if (callback) callback();
      });
    }
    if (reads) {
      finished(source, { __proto__: null, writable: false }, (error) => {
        reads = false;
        over(error);
      });
      source.on("readable", () => {
        const callback = onReadable;
        onReadable = null;
        if (callback) callback();
      });
      source.on("end", () => duplex.push(null));
      duplex._read = () => {
        while (true) {
          const chunk = source.read();
          if (chunk === null) {
            onReadable = duplex._read;
            return;
          }
          if (!duplex.push(chunk)) return;
        }
      };
    }
    duplex._destroy = (error, callback) => {
      const isEarly = (reads && !duplex.readableEnded) || (writes && !duplex.writableFinished);
      if (!error && isEarly) error = errors.aborted();
      onReadable = null;
      onDrain = null;
      onFinish = null;
      if (!error || (!reads && !writes)) {
        callback(error);
        return;
      }
      onClose = once((failed) => callback(failed || error));
      if (target) endStream(target, error);
      if (source) endStream(source, error);
    };
    return duplex;
  };

  // What is written, for a function to iterate over; and the promise of nothing more, for its end.
  const intake = () => {
    let give = nothing;
    let next = new Promise((resolve) => {
      give = resolve;
    });
    const controller = new nano.abort.AbortController();
    const value = (async function* () {
      while (true) {
        const { chunk, done, callback } = await next;
        soon(callback);
        if (done) return;
        if (nano.abort.isAborted(controller.signal)) throw errors.aborted(nano.abort.reason(controller.signal));
        next = new Promise((resolve) => {
          give = resolve;
        });
        yield chunk;
      }
    })();
    return {
      __proto__: null,
      value,
      signal: controller.signal,
      write: (chunk, encoding, callback) => give({ __proto__: null, chunk, done: false, callback }),
      final: (callback) => give({ __proto__: null, chunk: undefined, done: true, callback }),
      destroy: (error, callback) => {
        nano.abort.signalAbort(controller.signal, undefined);
        callback(error);
      },
    };
  };

  const readingFrom = (iterable) => join(readableFrom(iterable, { objectMode: true, writable: false }), undefined);

  const fromFunction = (f, name) => {
    const { value, write, final, destroy, signal } = intake();
    const result = f(value, { signal });
    if (isIterable(result)) {
      // Both ways: what the function yields is read, what is written is what it iterates over.
      const { Writable } = nano.part("node/streams/writable");
      return join(readableFrom(result, { objectMode: true }), new Writable({ objectMode: true, highWaterMark: 1, write, final, destroy }));
    }
    if (!isThenable(result)) throw errors.badReturn("Iterable, AsyncIterable or AsyncFunction", name, result);
    const promise = new Promise((resolve, reject) => {
      PromisePrototypeThen(nano.primordials.PromiseResolve(result), (end) => {
        if (end === undefined || end === null) resolve();
        else reject(errors.badReturn("nully", name, end));
      }, (error) => {
        endStream(duplex, error);
        reject(error);
      });
    });
    PromisePrototypeThen(promise, undefined, (error) => endStream(duplex, error));
    const duplex = new Duplexify({
      objectMode: true,
      readable: false,
      write,
      final: (callback) =>
        final(() => PromisePrototypeThen(promise, () => soon(callback, null), (error) => soon(callback, error))),
      destroy,
    });
    return duplex;
  };

  const fromPromise = (promise) => {
    const duplex = new Duplexify({ objectMode: true, writable: false, read() {} });
    PromisePrototypeThen(nano.primordials.PromiseResolve(promise), (value) => {
      if (value !== undefined && value !== null) duplex.push(value);
      duplex.push(null);
    }, (error) => endStream(duplex, error));
    return duplex;
  };

  const from = (body, name) => {
    const web = nano.part("node/streams/web");
    if (body?._readableState && body?._writableState) return body;
    if (isStream(body)) {
      if (isReadable(body) !== null && isReadable(body)) return join(body, isWritable(body) ? body : undefined);
      if (isWritable(body)) return join(undefined, body);
      return join(undefined, undefined);
    }
    if (isWebReadable(body)) return join(web.readableFromWeb(body), undefined);
    if (isWebWritable(body)) return join(undefined, web.writableFromWeb(body));
    if (typeof body === "function") return fromFunction(body, name);
    if (isBlob(body)) return fromPromise(body.arrayBuffer());
    if (typeof body === "string" || typeof body?.[SymbolAsyncIterator] === "function" || typeof body?.[SymbolIterator] === "function") return readingFrom(body);
    if (isWebReadable(body?.readable) && isWebWritable(body?.writable)) return web.duplexFromWeb(body);
    if (body !== null && typeof body === "object" && (typeof body.writable === "object" || typeof body.readable === "object") && (body.readable || body.writable)) {
      const source = body.readable ? (isStream(body.readable) && body.readable._readableState ? body.readable : from(body.readable, name)) : undefined;
      const target = body.writable ? (isStream(body.writable) ? body.writable : from(body.writable, name)) : undefined;
      return join(source, target);
    }
    if (isThenable(body)) return fromPromise(body);
    throw invalidArgType(
      name,
      "of type function or an instance of Blob, ReadableStream, WritableStream, Stream, Iterable, AsyncIterable, or Promise or { readable, writable } pair",
      body,
    );
  };

  return { __proto__: null, from, join };
};
