"use strict";
// WritableStream, WritableStreamDefaultWriter, WritableStreamDefaultController.
// Specification: https://streams.spec.whatwg.org/#ws
(nano) => {
  const {
    PromisePrototypeThen, PromiseReject, PromiseResolve, PromiseWithResolvers, RangeError, ReflectApply, TypeError,
  } = nano.primordials;
  const {
    configureInterface, converters, dictionary, illegalConstructor, interface: interfaceType, isObject, requiredArguments,
  } = nano.webidl;
  const internal = nano.streamsInternal;
  const {
    Latch, Queue, convertQueuingStrategy, enqueueValueWithSize, extractHighWaterMark, fromSlots, illegalInvocation, invoke,
    measureChunk, noop, perform, promiseResolvedWith,
  } = internal;

  // Slots

  // A write request or close request is any object with the methods resolve() and reject(error), such as what
  // PromiseWithResolvers gives.
  class WritableSlots {
    state = "writable";
    storedError = undefined;
    backpressure = false;
    writer = undefined;
    controller = undefined;
    writeRequests = new Queue();
    inFlightWriteRequest = undefined;
    closeRequest = undefined;
    inFlightCloseRequest = undefined;
    pendingAbortRequest = undefined;
    // Made for who wants to know when it has closed or failed, whoever writes to it.
    settled = undefined;
  }

  class WriterSlots {
    stream = undefined;
    ready = new Latch();
    closed = new Latch();
  }

  const closeSentinel = { __proto__: null };

  // Streams: https://streams.spec.whatwg.org/#ws-abstract-ops

  const isWritableStreamLocked = (stream) => stream.writer !== undefined;

  const closeQueuedOrInFlight = (stream) =>
    stream.closeRequest !== undefined || stream.inFlightCloseRequest !== undefined;

  const hasOperationMarkedInFlight = (stream) =>
    stream.inFlightWriteRequest !== undefined || stream.inFlightCloseRequest !== undefined;

  // WritableStreamRejectCloseAndClosedPromiseIfNeeded
  const rejectCloseAndClosed = (stream) => {
    if (stream.closeRequest !== undefined) {
      stream.closeRequest.reject(stream.storedError);
      stream.closeRequest = undefined;
    }
    if (stream.writer !== undefined) stream.writer.closed.reject(stream.storedError);
  };

  const finishErroring = (stream) => {
    stream.state = "errored";
    stream.settled?.reject(stream.storedError);
    stream.controller.queue.clear();
    const { storedError, writeRequests } = stream;
    stream.writeRequests = new Queue();
    while (writeRequests.length > 0) writeRequests.shift().reject(storedError);
    const abortRequest = stream.pendingAbortRequest;
    if (abortRequest === undefined) {
      rejectCloseAndClosed(stream);
      return;
    }
    stream.pendingAbortRequest = undefined;
    if (abortRequest.wasAlreadyErroring) {
      abortRequest.deferred.reject(storedError);
      rejectCloseAndClosed(stream);
      return;
    }
    PromisePrototypeThen(stream.controller.abortSteps(abortRequest.reason), () => {
      abortRequest.deferred.resolve();
      rejectCloseAndClosed(stream);
    }, (reason) => {
      abortRequest.deferred.reject(reason);
      rejectCloseAndClosed(stream);
    });
  };

  // WritableStreamDefaultWriterEnsureReadyPromiseRejected, ...EnsureClosedPromiseRejected
  const rejectedLatch = (latch, error) => {
    const rejected = latch.isPending ? latch : new Latch();
    rejected.reject(error);
    return rejected;
  };

  const startErroring = (stream, reason) => {
    stream.state = "erroring";
    stream.storedError = reason;
    const { controller, writer } = stream;
    if (writer !== undefined) writer.ready = rejectedLatch(writer.ready, reason);
    if (!hasOperationMarkedInFlight(stream) && controller.started) finishErroring(stream);
  };

  const dealWithRejection = (stream, error) => {
    if (stream.state === "writable") startErroring(stream, error);
    else finishErroring(stream);
  };

  const writableStreamAbort = (stream, reason) => {
    if (stream.state === "closed" || stream.state === "errored") return PromiseResolve();
    stream.controller.signalAbort(reason);
    // A listener of the signal may have changed the state.
    const { pendingAbortRequest, state } = stream;
    if (state === "closed" || state === "errored") return PromiseResolve();
    if (pendingAbortRequest !== undefined) return pendingAbortRequest.deferred.promise;
    const wasAlreadyErroring = state === "erroring";
    const deferred = PromiseWithResolvers();
    stream.pendingAbortRequest = { deferred, reason: wasAlreadyErroring ? undefined : reason, wasAlreadyErroring };
    if (!wasAlreadyErroring) startErroring(stream, reason);
    return deferred.promise;
  };

  const writableStreamClose = (stream) => {
    const { state, writer } = stream;
    if (state === "closed" || state === "errored") {
      return PromiseReject(new TypeError("Cannot close a WritableStream that is already closed or errored"));
    }
    const deferred = PromiseWithResolvers();
    stream.closeRequest = deferred;
    if (writer !== undefined && stream.backpressure && state === "writable") writer.ready.resolve();
    stream.controller.close();
    return deferred.promise;
  };

  const finishInFlightWrite = (stream) => {
    const request = stream.inFlightWriteRequest;
    stream.inFlightWriteRequest = undefined;
    request.resolve();
  };

  const finishInFlightWriteWithError = (stream, error) => {
    const request = stream.inFlightWriteRequest;
    stream.inFlightWriteRequest = undefined;
    request.reject(error);
    dealWithRejection(stream, error);
  };

  const finishInFlightClose = (stream) => {
    stream.inFlightCloseRequest.resolve();
    stream.inFlightCloseRequest = undefined;
    if (stream.state === "erroring") {
      // The sink was closed all the same, so the error no longer matters.
      stream.storedError = undefined;
      if (stream.pendingAbortRequest !== undefined) {
        stream.pendingAbortRequest.deferred.resolve();
        stream.pendingAbortRequest = undefined;
      }
    }
    stream.state = "closed";
    stream.settled?.resolve();
    if (stream.writer !== undefined) stream.writer.closed.resolve();
  };

  const finishInFlightCloseWithError = (stream, error) => {
    stream.inFlightCloseRequest.reject(error);
    stream.inFlightCloseRequest = undefined;
    if (stream.pendingAbortRequest !== undefined) {
      stream.pendingAbortRequest.deferred.reject(error);
      stream.pendingAbortRequest = undefined;
    }
    dealWithRejection(stream, error);
  };

  const updateBackpressure = (stream, backpressure) => {
    const { writer } = stream;
    if (writer !== undefined && backpressure !== stream.backpressure) {
      if (backpressure) writer.ready = new Latch();
      else writer.ready.resolve();
    }
    stream.backpressure = backpressure;
  };

  // Writers: https://streams.spec.whatwg.org/#ws-writer-abstract-ops

  const writerReleased = () => new TypeError("The writer was released");

  // SetUpWritableStreamDefaultWriter
  const acquireWritableStreamDefaultWriter = (stream) => {
    if (isWritableStreamLocked(stream)) throw new TypeError("The WritableStream is locked to a writer");
    const writer = new WriterSlots();
    const { state, storedError } = stream;
    writer.stream = stream;
    stream.writer = writer;
    if (state === "writable") {
      if (closeQueuedOrInFlight(stream) || !stream.backpressure) writer.ready.resolve();
    } else if (state === "closed") {
      writer.ready.resolve();
      writer.closed.resolve();
    } else {
      writer.ready.reject(storedError);
      if (state === "errored") writer.closed.reject(storedError);
    }
    return writer;
  };

  const writableStreamDefaultWriterCloseWithErrorPropagation = (writer) => {
    const { stream } = writer;
    if (closeQueuedOrInFlight(stream) || stream.state === "closed") return PromiseResolve();
    if (stream.state === "errored") return PromiseReject(stream.storedError);
    return writableStreamClose(stream);
  };

  const writableStreamDefaultWriterGetDesiredSize = (writer) => {
    const { controller, state } = writer.stream;
    if (state === "errored" || state === "erroring") return null;
    return state === "closed" ? 0 : controller.getDesiredSize();
  };

  const writableStreamDefaultWriterRelease = (writer) => {
    const releasedError = writerReleased();
    writer.ready = rejectedLatch(writer.ready, releasedError);
    writer.closed = rejectedLatch(writer.closed, releasedError);
    writer.stream.writer = undefined;
    writer.stream = undefined;
  };

  // The write request takes the place of the promise that the algorithm returns.
  const writableStreamDefaultWriterWrite = (writer, chunk, writeRequest) => {
    const { stream } = writer;
    const { controller } = stream;
    const chunkSize = controller.getChunkSize(chunk);
    // The size function is the app's: it may have released the writer, or closed or aborted the stream.
    if (stream !== writer.stream) {
      writeRequest.reject(writerReleased());
    } else if (stream.state === "errored") {
      writeRequest.reject(stream.storedError);
    } else if (closeQueuedOrInFlight(stream) || stream.state === "closed") {
      writeRequest.reject(new TypeError("Cannot write to a WritableStream that is closing or closed"));
    } else if (stream.state === "erroring") {
      writeRequest.reject(stream.storedError);
    } else {
      stream.writeRequests.push(writeRequest);
      controller.write(chunk, chunkSize);
    }
  };

  // Controllers: https://streams.spec.whatwg.org/#ws-default-controller-abstract-ops

  class ControllerSlots {
    stream;
    queue = new Queue();
    started = false;
    writeAlgorithm;
    closeAlgorithm;
    abortAlgorithm;
    highWaterMark;
    size;
    interface = null;
    // [[abortController]]: its signal is made when asked for.
    signal = null;
    aborted = false;
    abortReason = undefined;
    #onWritten = null;
    #onWriteFailed = null;

    constructor(stream, writeAlgorithm, closeAlgorithm, abortAlgorithm, highWaterMark, size) {
      this.stream = stream;
      this.writeAlgorithm = writeAlgorithm;
      this.closeAlgorithm = closeAlgorithm;
      this.abortAlgorithm = abortAlgorithm;
      this.highWaterMark = highWaterMark;
      this.size = size;
    }

    // The end of SetUpWritableStreamDefaultController
    start(startAlgorithm) {
      const { stream } = this;
      stream.controller = this;
      updateBackpressure(stream, this.getBackpressure());
      const startPromise = startAlgorithm(this);
      PromisePrototypeThen(startPromise === undefined ? PromiseResolve() : startPromise, () => {
        this.started = true;
        this.advanceQueueIfNeeded();
      }, (reason) => {
        this.started = true;
        dealWithRejection(stream, reason);
      });
    }

    abortSteps(reason) {
      const result = perform(this.abortAlgorithm, reason);
      this.clearAlgorithms();
      return result;
    }

    getSignal() {
      if (this.signal === null) {
        this.signal = nano.abort.createSignal();
        if (this.aborted) nano.abort.signalAbort(this.signal, this.abortReason);
      }
      return this.signal;
    }

    signalAbort(reason) {
      if (this.aborted) return;
      this.aborted = true;
      this.abortReason = reason;
      if (this.signal !== null) nano.abort.signalAbort(this.signal, reason);
    }

    advanceQueueIfNeeded() {
      const { queue, stream } = this;
      if (!this.started || stream.inFlightWriteRequest !== undefined) return;
      if (stream.state === "erroring") {
        finishErroring(stream);
        return;
      }
      if (queue.length === 0) return;
      const value = queue.peek();
      if (value === closeSentinel) this.processClose();
      else this.processWrite(value);
    }

    clearAlgorithms() {
      this.writeAlgorithm = undefined;
      this.closeAlgorithm = undefined;
      this.abortAlgorithm = undefined;
      this.size = undefined;
    }

    close() {
      this.queue.push(closeSentinel, 0);
      this.advanceQueueIfNeeded();
    }

    error(error) {
      this.clearAlgorithms();
      startErroring(this.stream, error);
    }

    errorIfNeeded(error) {
      if (this.stream.state === "writable") this.error(error);
    }

    getBackpressure() {
      return this.getDesiredSize() <= 0;
    }

    getChunkSize(chunk) {
      try {
        return measureChunk(this.size, chunk);
      } catch (error) {
        this.errorIfNeeded(error);
        return 1;
      }
    }

    getDesiredSize() {
      return this.highWaterMark - this.queue.totalSize;
    }

    processClose() {
      const { stream } = this;
      // WritableStreamMarkCloseRequestInFlight
      stream.inFlightCloseRequest = stream.closeRequest;
      stream.closeRequest = undefined;
      this.queue.shift();
      const sinkClosePromise = perform(this.closeAlgorithm);
      this.clearAlgorithms();
      PromisePrototypeThen(
        sinkClosePromise,
        () => finishInFlightClose(stream),
        (reason) => finishInFlightCloseWithError(stream, reason),
      );
    }

    processWrite(chunk) {
      const { stream } = this;
      // WritableStreamMarkFirstWriteRequestInFlight
      stream.inFlightWriteRequest = stream.writeRequests.shift();
      // One pair of closures for all writes.
      this.#onWritten ??= () => {
        finishInFlightWrite(stream);
        this.queue.shift();
        if (!closeQueuedOrInFlight(stream) && stream.state === "writable") {
          updateBackpressure(stream, this.getBackpressure());
        }
        this.advanceQueueIfNeeded();
      };
      this.#onWriteFailed ??= (reason) => {
        if (stream.state === "writable") this.clearAlgorithms();
        finishInFlightWriteWithError(stream, reason);
      };
      PromisePrototypeThen(perform(this.writeAlgorithm, chunk, this), this.#onWritten, this.#onWriteFailed);
    }

    write(chunk, chunkSize) {
      try {
        enqueueValueWithSize(this.queue, chunk, chunkSize);
      } catch (error) {
        this.errorIfNeeded(error);
        return;
      }
      const { stream } = this;
      if (!closeQueuedOrInFlight(stream) && stream.state === "writable") {
        updateBackpressure(stream, this.getBackpressure());
      }
      this.advanceQueueIfNeeded();
    }
  }

  // CreateWritableStream, but for the interface object around it
  const createWritableSlots = (startAlgorithm, writeAlgorithm, closeAlgorithm, abortAlgorithm, highWaterMark, size) => {
    const stream = new WritableSlots();
    const controller = new ControllerSlots(stream, writeAlgorithm, closeAlgorithm, abortAlgorithm, highWaterMark, size);
    controller.start(startAlgorithm);
    return stream;
  };

  // Interfaces

  let controllerOf;

  class WritableStreamDefaultController {
    #slots;

    constructor() {
      if (arguments[0] !== fromSlots) illegalConstructor();
      this.#slots = arguments[1];
    }

    get signal() {
      return controllerOf(this).getSignal();
    }

    error(e = undefined) {
      controllerOf(this).errorIfNeeded(e);
    }

    static {
      controllerOf = (value) => {
        if (!isObject(value) || !(#slots in value)) throw illegalInvocation();
        return value.#slots;
      };
    }
  }

  const convertUnderlyingSink = dictionary("UnderlyingSink", [
    { key: "abort", converter: converters.Function },
    { key: "close", converter: converters.Function },
    { key: "start", converter: converters.Function },
    { key: "type", converter: converters.any },
    { key: "write", converter: converters.Function },
  ]);

  // SetUpWritableStreamDefaultControllerFromUnderlyingSink
  const setUpControllerFromUnderlyingSink = (stream, sink, members, highWaterMark, size) => {
    const { abort, close, start, write } = members;
    const controller = new ControllerSlots(stream, noop, noop, noop, highWaterMark, size);
    const exposed = () => (controller.interface ??= new WritableStreamDefaultController(fromSlots, controller));
    if (write !== undefined) controller.writeAlgorithm = (chunk) => invoke(write, sink, [chunk, exposed()]);
    if (close !== undefined) controller.closeAlgorithm = () => invoke(close, sink, []);
    if (abort !== undefined) controller.abortAlgorithm = (reason) => invoke(abort, sink, [reason]);
    controller.start(start === undefined ? noop : () => promiseResolvedWith(ReflectApply(start, sink, [exposed()])));
  };

  let isWritableStream;
  let writableOf;

  class WritableStream {
    #slots;

    constructor(underlyingSink = undefined, strategy = undefined) {
      if (underlyingSink === fromSlots) {
        this.#slots = strategy;
        return;
      }
      const prefix = "Failed to construct 'WritableStream'";
      const sink = underlyingSink === undefined ? null : converters.object(underlyingSink, prefix, "parameter 1");
      const strategyMembers = convertQueuingStrategy(strategy, prefix, "parameter 2");
      const members = convertUnderlyingSink(sink, prefix, "parameter 1");
      if (members.type !== undefined) throw new RangeError(`${prefix}: the member 'type' is reserved`);
      this.#slots = new WritableSlots();
      const highWaterMark = extractHighWaterMark(strategyMembers, 1);
      setUpControllerFromUnderlyingSink(this.#slots, sink, members, highWaterMark, strategyMembers.size);
    }

    get locked() {
      return isWritableStreamLocked(writableOf(this));
    }

    abort(reason = undefined) {
      if (!isWritableStream(this)) return PromiseReject(illegalInvocation());
      if (isWritableStreamLocked(this.#slots)) {
        return PromiseReject(new TypeError("Cannot abort a WritableStream that is locked to a writer"));
      }
      return writableStreamAbort(this.#slots, reason);
    }

    close() {
      if (!isWritableStream(this)) return PromiseReject(illegalInvocation());
      if (isWritableStreamLocked(this.#slots)) {
        return PromiseReject(new TypeError("Cannot close a WritableStream that is locked to a writer"));
      }
      if (closeQueuedOrInFlight(this.#slots)) {
        return PromiseReject(new TypeError("Cannot close a WritableStream that is already closing"));
      }
      return writableStreamClose(this.#slots);
    }

    getWriter() {
      return new WritableStreamDefaultWriter(fromSlots, acquireWritableStreamDefaultWriter(writableOf(this)));
    }

    static {
      isWritableStream = (value) => isObject(value) && #slots in value;
      writableOf = (value) => {
        if (!isWritableStream(value)) throw illegalInvocation();
        return value.#slots;
      };
    }
  }

  const writableStreamConverter = interfaceType("WritableStream", (value) => isWritableStream(value));

  let writerOf;

  class WritableStreamDefaultWriter {
    #slots;

    constructor(stream) {
      if (stream === fromSlots) {
        this.#slots = arguments[1];
        return;
      }
      const prefix = "Failed to construct 'WritableStreamDefaultWriter'";
      requiredArguments(arguments.length, 1, prefix);
      writableStreamConverter(stream, prefix, "parameter 1");
      this.#slots = acquireWritableStreamDefaultWriter(writableOf(stream));
    }

    get closed() {
      const writer = writerOf(this);
      return writer === undefined ? PromiseReject(illegalInvocation()) : writer.closed.promise;
    }

    get desiredSize() {
      const writer = writerOf(this);
      if (writer === undefined) throw illegalInvocation();
      if (writer.stream === undefined) throw writerReleased();
      return writableStreamDefaultWriterGetDesiredSize(writer);
    }

    get ready() {
      const writer = writerOf(this);
      return writer === undefined ? PromiseReject(illegalInvocation()) : writer.ready.promise;
    }

    abort(reason = undefined) {
      const writer = writerOf(this);
      if (writer === undefined) return PromiseReject(illegalInvocation());
      if (writer.stream === undefined) return PromiseReject(writerReleased());
      return writableStreamAbort(writer.stream, reason);
    }

    close() {
      const writer = writerOf(this);
      if (writer === undefined) return PromiseReject(illegalInvocation());
      if (writer.stream === undefined) return PromiseReject(writerReleased());
      if (closeQueuedOrInFlight(writer.stream)) {
        return PromiseReject(new TypeError("Cannot close a WritableStream that is already closing"));
      }
      return writableStreamClose(writer.stream);
    }

    releaseLock() {
      const writer = writerOf(this);
      if (writer === undefined) throw illegalInvocation();
      if (writer.stream !== undefined) writableStreamDefaultWriterRelease(writer);
    }

    write(chunk = undefined) {
      const writer = writerOf(this);
      if (writer === undefined) return PromiseReject(illegalInvocation());
      if (writer.stream === undefined) return PromiseReject(writerReleased());
      const deferred = PromiseWithResolvers();
      writableStreamDefaultWriterWrite(writer, chunk, deferred);
      return deferred.promise;
    }

    static {
      writerOf = (value) => (isObject(value) && #slots in value ? value.#slots : undefined);
    }
  }

  configureInterface(WritableStream);
  configureInterface(WritableStreamDefaultWriter);
  configureInterface(WritableStreamDefaultController);

  internal.WritableStream = WritableStream;
  internal.acquireWritableStreamDefaultWriter = acquireWritableStreamDefaultWriter;
  internal.closeQueuedOrInFlight = closeQueuedOrInFlight;
  internal.createWritableSlots = createWritableSlots;
  internal.isWritableStream = isWritableStream;
  internal.writableOf = writableOf;
  internal.writableStreamAbort = writableStreamAbort;
  internal.writableStreamDefaultWriterCloseWithErrorPropagation = writableStreamDefaultWriterCloseWithErrorPropagation;
  internal.writableStreamDefaultWriterRelease = writableStreamDefaultWriterRelease;
  internal.writableStreamDefaultWriterWrite = writableStreamDefaultWriterWrite;
  return { __proto__: null, WritableStream, WritableStreamDefaultController, WritableStreamDefaultWriter };
};
