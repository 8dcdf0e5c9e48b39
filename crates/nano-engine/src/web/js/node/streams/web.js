"use strict";
// The web's streams as Node's, and Node's as the web's: toWeb() and fromWeb(). https://nodejs.org/api/stream.html
(nano) => {
  const { PromisePrototypeThen, PromiseWithResolvers, Uint8Array, TypeError } = nano.primordials;
  const { invalidArgType, validateObject, withCode } = nano.part("node/errors");
  const { Buffer } = nano.part("node/buffer");
  const { finished } = nano.part("node/streams/finished");
  const { end: endStream } = nano.part("node/streams/life");
  const { isReadable, isWritable } = nano.part("node/streams/looks");
  const { errors, isView, nothing, onAbort, soon } = nano.part("node/streams/support");
  const { isReadableStream, isWritableStream } = nano.streams;
  const classes = nano.part("streams");

  const notA = (name, what, value) => invalidArgType(name, what, value);
  const property = (name, what, value) => {
    const got = value === undefined || value === null ? `${value}` : `an instance of ${value.constructor?.name}`;
    return withCode(new TypeError(`The "${name}" property must be an instance of ${what}. Received ${got}`), "ERR_INVALID_ARG_TYPE");
  };
  // What a stream that was closed early gives to the web.
  const told = (error) => (error?.code === "ERR_STREAM_PREMATURE_CLOSE" ? errors.aborted(error) : error);

  // The read side of a Node stream from a reader.
  const readFrom = (reader, stream) => {
    const state = { __proto__: null, isClosed: false };
    PromisePrototypeThen(reader.closed, () => {
      state.isClosed = true;
    }, (error) => {
      state.isClosed = true;
      stream().destroy(error);
    });
    state.read = () => {
      PromisePrototypeThen(reader.read(), ({ value, done }) => {
        if (done) stream().push(null);
        else stream().push(value);
      }, (error) => stream().destroy(error));
    };
    state.cancel = (error) => (state.isClosed ? undefined : reader.cancel(error));
    return state;
  };

  // The write side from a writer.
  const writeTo = (writer, stream) => {
    const state = { __proto__: null, isClosed: false };
    PromisePrototypeThen(writer.closed, () => {
      state.isClosed = true;
      if (!stream().writableEnded) endStream(stream(), errors.premature());
    }, (error) => {
      state.isClosed = true;
      stream().destroy(error);
    });
    // The callback runs outside of the promise: what it throws is not the promise's.
    const answer = (promise, callback) => PromisePrototypeThen(promise, () => soon(callback), (error) => soon(callback, error));
    state.write = (chunk, encoding, callback) => {
      const bytes = typeof chunk === "string" && !stream().writableObjectMode && encoding !== "utf8" ? Buffer.from(chunk, encoding) : chunk;
      PromisePrototypeThen(writer.ready, () => answer(writer.write(bytes), callback), (error) => soon(callback, error));
    };
    state.writev = (list, callback) => {
      PromisePrototypeThen(writer.ready, () => {
        let waiting = list.length;
        let failure = null;
        const one = (error = undefined) => {
          failure ??= error;
          if (--waiting === 0) callback(failure ?? undefined);
        };
        for (let i = 0; i < list.length; i++) answer(writer.write(list[i].chunk), one);
      }, (error) => soon(callback, error));
    };
    state.final = (callback) => {
      if (state.isClosed) soon(callback);
      else answer(writer.close(), callback);
    };
    state.leave = (error) => {
      if (state.isClosed) return undefined;
      return error !== null && error !== undefined ? writer.abort(error) : writer.close();
    };
    return state;
  };

  const after = (promise, callback, error) => {
    if (promise === undefined) callback(error);
    else PromisePrototypeThen(promise, () => soon(callback, error), (failed) => soon(callback, error ?? failed));
  };

  const readableFromWeb = (web, options = {}) => {
    if (!isReadableStream(web)) throw notA("readableStream", "an instance of ReadableStream", web);
    validateObject(options, "options");
    const { highWaterMark, encoding, objectMode = false, signal } = options;
    const state = readFrom(web.getReader(), () => readable);
    const readable = new (nano.part("node/streams/readable").Readable)({
      objectMode, highWaterMark, encoding, signal,
      read: () => state.read(),
      destroy: (error, callback) => after(state.cancel(error), callback, error),
    });
    return readable;
  };

  const writableFromWeb = (web, options = {}) => {
    if (!isWritableStream(web)) throw notA("writableStream", "an instance of WritableStream", web);
    validateObject(options, "options");
    const { highWaterMark, decodeStrings = true, objectMode = false, signal } = options;
    const state = writeTo(web.getWriter(), () => writable);
    const writable = new (nano.part("node/streams/writable").Writable)({
      highWaterMark, objectMode, decodeStrings, signal,
      write: state.write, writev: state.writev, final: state.final,
      destroy: (error, callback) => after(state.leave(error), callback, error),
    });
    return writable;
  };

  const duplexFromWeb = (pair = {}, options = {}) => {
    validateObject(pair, "pair");
    if (!isReadableStream(pair.readable)) throw property("pair.readable", "ReadableStream", pair.readable);
    if (!isWritableStream(pair.writable)) throw property("pair.writable", "WritableStream", pair.writable);
    validateObject(options, "options");
    const { allowHalfOpen = false, objectMode = false, encoding, decodeStrings = true, highWaterMark, signal } = options;
    const out = writeTo(pair.writable.getWriter(), () => duplex);
    const into = readFrom(pair.readable.getReader(), () => duplex);
    const duplex = new (nano.part("node/streams/duplex").Duplex)({
      allowHalfOpen, highWaterMark, objectMode, encoding, decodeStrings, signal,
      read: () => into.read(),
      write: out.write, writev: out.writev, final: out.final,
      destroy: (error, callback) => after(out.leave(error), (failed) => after(into.cancel(error), callback, error ?? failed), error),
    });
    return duplex;
  };

  // How the other side counts what waits.
  const strategyOf = (isObjects, highWaterMark) =>
    isObjects
      ? new classes.CountQueuingStrategy({ highWaterMark })
      : { highWaterMark, size: (chunk) => chunk?.byteLength ?? chunk?.length ?? 1 };

  const readableToWeb = (readable, options = {}) => {
    if (typeof readable?._readableState !== "object" || readable._readableState === null) throw notA("streamReadable", "an stream.Readable", readable);
    const { ReadableStream } = classes;
    if (readable.destroyed || !isReadable(readable)) {
      const web = new ReadableStream();
      web.cancel();
      return web;
    }
    const isObjects = readable.readableObjectMode;
    const strategy = options?.strategy ?? strategyOf(isObjects, readable.readableHighWaterMark);
    let controller;
    let cancelled = false;
    readable.pause();
    finished(readable, { __proto__: null, writable: false }, (error) => {
      readable.on("error", nothing);
      if (cancelled) return;
      cancelled = true;
      if (error) controller.error(told(error));
      else controller.close();
    });
    readable.on("data", (chunk) => {
      if (cancelled) return;
      // A Buffer goes as the bytes it is, and not with the pool it is cut from.
      controller.enqueue(Buffer.isBuffer(chunk) && !isObjects ? new Uint8Array(chunk) : chunk);
      if (controller.desiredSize <= 0) readable.pause();
    });
    return new ReadableStream({
      start(made) {
        controller = made;
      },
      pull() {
        readable.resume();
      },
      cancel(reason) {
        cancelled = true;
        endStream(readable, reason);
      },
    }, strategy);
  };

  const writableToWeb = (writable) => {
    if (typeof writable?._writableState !== "object" || writable._writableState === null) throw notA("streamWritable", "an stream.Writable", writable);
    const { WritableStream } = classes;
    if (writable.destroyed || !isWritable(writable)) {
      const web = new WritableStream();
      web.close();
      return web;
    }
    const strategy = strategyOf(writable.writableObjectMode, writable.writableHighWaterMark);
    let controller;
    let drained = null;
    let closed = null;
    let isOver = false;
    const release = finished(writable, { __proto__: null, readable: false }, (error) => {
      release();
      isOver = true;
      writable.on("error", nothing);
      const failure = error ? told(error) : undefined;
      const waits = drained;
      drained = null;
      if (failure !== undefined) {
        waits?.reject(failure);
        if (closed !== null) closed.reject(failure);
        else controller.error(failure);
      } else {
        waits?.resolve();
        if (closed !== null) closed.resolve();
        else controller.error(errors.aborted());
      }
      closed = null;
    });
    writable.on("drain", () => {
      drained?.resolve();
      drained = null;
    });
    const whenDrained = () => {
      drained = PromiseWithResolvers();
      return drained.promise;
    };
    const hand = (chunk) => {
      if (isOver) throw errors.aborted();
      return writable.write(chunk) ? undefined : whenDrained();
    };
    return new WritableStream({
      start(made) {
        controller = made;
      },
      write(chunk) {
        if (!writable.writableObjectMode && !isView(chunk) && typeof chunk !== "string" && nano.part("node/types").isAnyArrayBuffer(chunk)) chunk = new Uint8Array(chunk);
        if (!writable.writableNeedDrain) return hand(chunk);
        // What somebody else has written goes first.
        return PromisePrototypeThen(whenDrained(), () => hand(chunk));
      },
      abort(reason) {
        endStream(writable, reason);
      },
      close() {
        if (isOver) return undefined;
        closed = PromiseWithResolvers();
        writable.end();
        return closed.promise;
      },
    }, strategy);
  };

  const duplexToWeb = (duplex) => {
    if (typeof duplex?._writableState !== "object" || typeof duplex?._readableState !== "object") throw notA("duplex", "an stream.Duplex", duplex);
    return { writable: writableToWeb(duplex), readable: readableToWeb(duplex) };
  };

  return {
    __proto__: null,
    duplexFromWeb, duplexToWeb, readableFromWeb, readableToWeb, writableFromWeb, writableToWeb,
    follow: (signal, stream) => {
      onAbort(signal, (reason) => {
        const error = errors.aborted(reason);
        if (isReadableStream(stream)) nano.streams.readableStreamController(stream).error(error);
        else nano.streams.writableStreamDefaultControllerErrorIfNeeded(nano.streams.writableStreamController(stream), error);
      });
      return stream;
    },
    whenClosed: (stream) => nano.streams.whenClosed(stream),
  };
};
