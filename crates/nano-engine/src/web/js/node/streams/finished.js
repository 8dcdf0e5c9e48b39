"use strict";
// finished(): tells once when a stream has nothing more to give or take, has failed, or was closed before its time.
//
// The listeners stay after that, for the errors that may still come, until what it returns is called (or `cleanup`, of the promise).
(nano) => {
  const { Promise, PromisePrototypeThen, ReflectApply } = nano.primordials;
  const { invalidArgType, validateFunction, validateObject } = nano.part("node/errors");
  const { checkSignal, errors, isStream, isWebReadable, isWebWritable, nothing, onAbort, once, soon } = nano.part("node/streams/support");
  const { closesItself, hasReadSide, hasWriteSide, isReadEnded, isWriteFinished } = nano.part("node/streams/looks");

  const finishedWeb = (stream, options, callback) => {
    let forget = nothing;
    const tell = once((error) => {
      forget();
      callback(error);
    });
    if (options.signal) {
      checkSignal(options.signal, "options.signal");
      forget = onAbort(options.signal, (reason) => soon(tell, errors.aborted(reason)));
    }
    const { whenClosed } = nano.part("node/streams/web");
    PromisePrototypeThen(whenClosed(stream), () => soon(tell, undefined), (error) => soon(tell, error));
    return nothing;
  };

  const isRequest = (stream) => stream.setHeader && typeof stream.abort === "function" && !stream._writableState;

  const finished = (stream, given, last = undefined) => {
    let options = given;
    let callback = last;
    if (last === undefined && typeof given === "function") {
      options = {};
      callback = given;
    } else if (options === undefined || options === null) {
      options = {};
    } else {
      validateObject(options, "options");
    }
    validateFunction(callback, "callback");
    if (options.signal !== undefined) checkSignal(options.signal, "options.signal");
    if (isWebReadable(stream) || isWebWritable(stream)) return finishedWeb(stream, options, callback);
    if (!isStream(stream)) throw invalidArgType("stream", "an instance of ReadableStream, WritableStream, or Stream", stream);

    const tell = once((...args) => ReflectApply(callback, stream, args));
    const reads = options.readable ?? hasReadSide(stream);
    const writes = options.writable ?? hasWriteSide(stream);
    const minds = closesItself(stream) && hasReadSide(stream) === reads && hasWriteSide(stream) === writes;
    // Whether "close" is still to come, and so to be waited for.
    let waits = minds;
    let isRead = isReadEnded(stream) && !!stream._readableState?.endEmitted;
    if (!stream._readableState) isRead = stream.readableEnded === true;
    let isWritten = isWriteFinished(stream);

    const onFinish = () => {
      isWritten = true;
      if (stream.destroyed) waits = false;
      if (waits) return;
      if (!reads || isRead) tell();
    };
    const onEnd = () => {
      isRead = true;
      if (stream.destroyed) waits = false;
      if (waits) return;
      if (!writes || isWritten) tell();
    };
    const onError = (error) => tell(error);
    const onClose = () => {
      const error = stream._writableState?.errored || stream._readableState?.errored;
      if (error && typeof error !== "boolean") {
        tell(error);
      } else if (reads && !isRead && hasReadSide(stream) && !isReadEnded(stream)) {
        tell(errors.premature());
      } else if (writes && !isWritten && !isWriteFinished(stream)) {
        tell(errors.premature());
      } else {
        tell();
      }
    };
    const onRequest = () => stream.req?.on("finish", onFinish);

    if (isRequest(stream)) {
      stream.on("complete", onFinish);
      stream.on("abort", onClose);
      if (stream.req) onRequest();
      else stream.on("request", onRequest);
    } else if (writes && !stream._writableState) {
      // An emitter of an older make says "end" or "close" of its write side.
      stream.on("end", onFinish);
      stream.on("close", onFinish);
    }
    if (typeof stream.aborted === "boolean") stream.on("aborted", onClose);
    stream.on("end", onEnd);
    stream.on("finish", onFinish);
    if (options.error !== false) stream.on("error", onError);
    stream.on("close", onClose);

    const state = stream._writableState || stream._readableState;
    if (state?.closed || (!state && stream.closed === true)) {
      soon(onClose);
    } else if (state?.errorEmitted) {
      if (!waits) soon(onClose);
    } else if (!reads && (!waits || stream.readable) && (isWritten || stream.writable === false)) {
      soon(onClose);
    } else if (!writes && (!waits || stream.writable) && (isRead || stream.readable === false)) {
      soon(onClose);
    }

    else if (!waits && (!reads || isRead) && (!writes || isWritten)) {
      soon(onClose);
    }

    let forget = nothing;
    const cleanup = () => {
      const list = ["complete", onFinish, "abort", onClose, "request", onRequest, "end", onFinish, "close", onFinish, "aborted", onClose, "end", onEnd, "finish", onFinish, "error", onError, "close", onClose];
      for (let i = 0; i < list.length; i += 2) stream.removeListener(list[i], list[i + 1]);
      stream.req?.removeListener?.("finish", onFinish);
      forget();
    };
    const release = () => {
      callback = nothing;
      cleanup();
    };
    if (options.signal && state?.closed !== true) {
      const stop = (reason) => {
        const f = callback;
        release();
        ReflectApply(f, stream, [errors.aborted(reason)]);
      };
      if (nano.abort.isAborted(options.signal)) {
        soon(() => stop(nano.abort.reason(options.signal)));
      } else {
        forget = onAbort(options.signal, stop);
        const before = callback;
        callback = function (...args) {
          forget();
          ReflectApply(before, stream, args);
        };
      }
    }
    return release;
  };

  const promised = (stream, options = undefined) => {
    if (options?.cleanup !== undefined && options.cleanup !== null && typeof options.cleanup !== "boolean") {
      throw invalidArgType("cleanup", "boolean", options.cleanup);
    }
    return new Promise((resolve, reject) => {
      const release = finished(stream, options, (error) => {
        if (options?.cleanup) release();
        if (error) reject(error);
        else resolve();
      });
    });
  };

  return { __proto__: null, finished, promised };
};
