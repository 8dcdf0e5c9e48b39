"use strict";
// Piping from a readable stream to a writable one.
// Specification: https://streams.spec.whatwg.org/#readable-stream-pipe-to
(nano) => {
  const { PromisePrototypeThen, PromiseResolve, PromiseWithResolvers, TypeError } = nano.primordials;
  const internal = nano.streamsInternal;
  const {
    acquireReadableStreamDefaultReader, acquireWritableStreamDefaultWriter, closeQueuedOrInFlight, noop, queueMicrotask,
    readableStreamCancel, readableStreamDefaultReaderRead, readableStreamReaderRelease, writableStreamAbort,
    writableStreamDefaultWriterCloseWithErrorPropagation, writableStreamDefaultWriterRelease, writableStreamDefaultWriterWrite,
  } = internal;

  // "Getting a promise to wait for all" of two.
  const waitForBoth = (first, second) => {
    const deferred = PromiseWithResolvers();
    let pending = 2;
    const settle = () => {
      pending--;
      if (pending === 0) deferred.resolve();
    };
    PromisePrototypeThen(first, settle, deferred.reject);
    PromisePrototypeThen(second, settle, deferred.reject);
    return deferred.promise;
  };

  // One object per pipe is the read request of every read and the write request of every write, so that a chunk costs no
  // promise besides the microtask in which it is written.
  class Pipe {
    source;
    dest;
    options;
    reader;
    writer;
    deferred = PromiseWithResolvers();
    shuttingDown = false;
    // Chunks that were read and whose write has not settled; afterWrites waits for there to be none.
    unsettledWrites = 0;
    afterWrites = null;
    abortAlgorithm = null;
    // readOne as a microtask, made once
    step = () => this.readOne();

    constructor(source, dest, options) {
      this.source = source;
      this.dest = dest;
      this.options = options;
      this.reader = acquireReadableStreamDefaultReader(source);
      this.writer = acquireWritableStreamDefaultWriter(dest);
      source.disturbed = true;
    }

    start() {
      const { signal } = this.options;
      if (signal !== undefined) {
        if (nano.abort.isAborted(signal)) {
          this.abort(nano.abort.reason(signal));
          return;
        }
        this.abortAlgorithm = () => this.abort(nano.abort.reason(signal));
        nano.abort.addAlgorithm(signal, this.abortAlgorithm);
      }
      this.watch();
      if (!this.shuttingDown) queueMicrotask(this.step);
    }

    // The four conditions in the specification's order, first as they are, then as they come to be.
    watch() {
      const { dest, reader, source, writer } = this;
      if (source.state === "errored") this.sourceErrored();
      else if (dest.state === "errored") this.destErrored();
      else if (source.state === "closed") this.sourceClosed();
      else if (closeQueuedOrInFlight(dest) || dest.state === "closed") this.destClosed();
      else {
        PromisePrototypeThen(reader.closed.promise, () => this.sourceClosed(), () => this.sourceErrored());
        PromisePrototypeThen(writer.closed.promise, noop, () => this.destErrored());
      }
    }

    sourceErrored() {
      if (this.shuttingDown) return;
      const { dest, source } = this;
      const { storedError } = source;
      const abort = () => writableStreamAbort(dest, storedError);
      this.shutdown(this.options.preventAbort ? undefined : abort, true, storedError);
    }

    destErrored() {
      if (this.shuttingDown) return;
      const { dest, source } = this;
      const { storedError } = dest;
      const cancel = () => readableStreamCancel(source, storedError);
      this.shutdown(this.options.preventCancel ? undefined : cancel, true, storedError);
    }

    sourceClosed() {
      const { writer } = this;
      const close = () => writableStreamDefaultWriterCloseWithErrorPropagation(writer);
      this.shutdown(this.options.preventClose ? undefined : close, false);
    }

    destClosed() {
      const { source } = this;
      const destClosed = new TypeError("The destination of the pipe is closed");
      const cancel = () => readableStreamCancel(source, destClosed);
      this.shutdown(this.options.preventCancel ? undefined : cancel, true, destClosed);
    }

    abort(error) {
      const { dest, options, source } = this;
      this.shutdown(() => waitForBoth(
        !options.preventAbort && dest.state === "writable" ? writableStreamAbort(dest, error) : PromiseResolve(),
        !options.preventCancel && source.state === "readable" ? readableStreamCancel(source, error) : PromiseResolve(),
      ), true, error);
    }

    // Reads and writes

    readOne() {
      if (this.shuttingDown) return;
      const { ready } = this.writer;
      if (ready.isFulfilled) readableStreamDefaultReaderRead(this.reader, this);
      else if (ready.isPending) PromisePrototypeThen(ready.promise, this.step, noop);
      // Else the destination errors, and what becomes of the pipe follows when it has.
    }

    chunkSteps(chunk) {
      this.unsettledWrites++;
      // enqueue() by the source must not run the sink.
      queueMicrotask(() => {
        // A shutdown without an action does not wait for a destination that has errored.
        if (this.writer.stream === undefined) return;
        writableStreamDefaultWriterWrite(this.writer, chunk, this);
        this.readOne();
      });
    }

    closeSteps() {}

    errorSteps() {}

    resolve() {
      this.unsettledWrites--;
      if (this.afterWrites !== null) queueMicrotask(() => this.continueShutdown());
    }

    reject() {
      this.resolve();
    }

    continueShutdown() {
      const { afterWrites } = this;
      if (afterWrites === null || this.unsettledWrites > 0) return;
      this.afterWrites = null;
      afterWrites();
    }

    // "Shutdown with an action" and, where there is none, "shutdown"
    shutdown(action, isError, error) {
      if (this.shuttingDown) return;
      this.shuttingDown = true;
      const perform = () => {
        if (action === undefined) {
          this.finalize(isError, error);
          return;
        }
        PromisePrototypeThen(action(), () => this.finalize(isError, error), (newError) => this.finalize(true, newError));
      };
      const { dest } = this;
      if (dest.state !== "writable" || closeQueuedOrInFlight(dest)) {
        perform();
        return;
      }
      this.afterWrites = perform;
      queueMicrotask(() => this.continueShutdown());
    }

    finalize(isError, error) {
      writableStreamDefaultWriterRelease(this.writer);
      readableStreamReaderRelease(this.reader);
      if (this.abortAlgorithm !== null) nano.abort.removeAlgorithm(this.options.signal, this.abortAlgorithm);
      if (isError) this.deferred.reject(error);
      else this.deferred.resolve();
    }
  }

  // options are the members of a StreamPipeOptions.
  internal.readableStreamPipeTo = (source, dest, options) => {
    const pipe = new Pipe(source, dest, options);
    pipe.start();
    return pipe.deferred.promise;
  };
  return { __proto__: null };
};
