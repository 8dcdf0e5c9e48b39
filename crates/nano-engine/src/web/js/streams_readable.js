"use strict";
// ReadableStream, ReadableStreamDefaultReader, ReadableStreamDefaultController.
// Specification: https://streams.spec.whatwg.org/#rs
(nano) => {
  const {
    PromisePrototypeThen, PromiseReject, PromiseResolve, PromiseWithResolvers, RangeError, ReflectApply, TypeError,
  } = nano.primordials;
  const {
    configureInterface, converters, dictionary, enumeration, illegalConstructor, interface: interfaceType, isObject,
    requiredArguments,
  } = nano.webidl;
  const internal = nano.streamsInternal;
  const {
    Latch, Queue, convertQueuingStrategy, enqueueValueWithSize, extractHighWaterMark, fromSlots, illegalInvocation, invoke,
    measureChunk, noop, perform, promiseResolvedWith, setPromiseIsHandled,
  } = internal;

  // Slots

  class ReadableSlots {
    state = "readable";
    storedError = undefined;
    disturbed = false;
    reader = undefined;
    controller = undefined;
    // Made for who wants to know when it has closed or failed, whoever reads it.
    settled = undefined;
  }

  // Of both kinds of reader: requests holds [[readRequests]] or [[readIntoRequests]].
  class ReaderSlots {
    stream = undefined;
    requests = new Queue();
    closed = new Latch();
    byob;

    constructor(byob) {
      this.byob = byob;
    }
  }

  // A read request is any object with chunkSteps, closeSteps and errorSteps. This is the one behind reader.read().
  class PromiseReadRequest {
    deferred = PromiseWithResolvers();

    chunkSteps(chunk) {
      this.deferred.resolve({ value: chunk, done: false });
    }

    closeSteps(chunk) {
      this.deferred.resolve({ value: chunk, done: true });
    }

    errorSteps(error) {
      this.deferred.reject(error);
    }
  }

  // Streams: https://streams.spec.whatwg.org/#rs-abstract-ops

  const isReadableStreamLocked = (stream) => stream.reader !== undefined;

  // Empties the list before its steps run: they may read again.
  const takeRequests = (reader) => {
    const { requests } = reader;
    if (requests.length > 0) reader.requests = new Queue();
    return requests;
  };

  const readableStreamClose = (stream) => {
    stream.state = "closed";
    stream.settled?.resolve();
    const { reader } = stream;
    if (reader === undefined) return;
    reader.closed.resolve();
    if (reader.byob) return;
    const requests = takeRequests(reader);
    while (requests.length > 0) requests.shift().closeSteps();
  };

  // ReadableStreamDefaultReaderErrorReadRequests and ReadableStreamBYOBReaderErrorReadIntoRequests
  const errorRequests = (reader, error) => {
    const requests = takeRequests(reader);
    while (requests.length > 0) requests.shift().errorSteps(error);
  };

  const readableStreamError = (stream, error) => {
    stream.state = "errored";
    stream.storedError = error;
    stream.settled?.reject(error);
    const { reader } = stream;
    if (reader === undefined) return;
    reader.closed.reject(error);
    errorRequests(reader, error);
  };

  const readableStreamCancel = (stream, reason) => {
    stream.disturbed = true;
    if (stream.state === "closed") return PromiseResolve();
    if (stream.state === "errored") return PromiseReject(stream.storedError);
    readableStreamClose(stream);
    const { reader } = stream;
    if (reader !== undefined && reader.byob) {
      const requests = takeRequests(reader);
      while (requests.length > 0) requests.shift().closeSteps(undefined);
    }
    return PromisePrototypeThen(stream.controller.cancelSteps(reason), noop);
  };

  // ReadableStreamHasDefaultReader with ReadableStreamGetNumReadRequests, and the same for BYOB.
  const hasDefaultReader = (stream) => stream.reader !== undefined && !stream.reader.byob;
  const hasBYOBReader = (stream) => stream.reader !== undefined && stream.reader.byob;
  const hasPendingReads = (stream) => stream.reader !== undefined && stream.reader.requests.length > 0;

  // ReadableStreamFulfillReadRequest and ReadableStreamFulfillReadIntoRequest
  const fulfillRequest = (stream, chunk, done) => {
    const request = stream.reader.requests.shift();
    if (done) request.closeSteps(chunk);
    else request.chunkSteps(chunk);
  };

  // Readers: https://streams.spec.whatwg.org/#rs-reader-abstract-ops

  // SetUpReadableStreamDefaultReader and ReadableStreamReaderGenericInitialize
  const setUpReader = (stream, byob) => {
    if (isReadableStreamLocked(stream)) throw new TypeError("The ReadableStream is locked to a reader");
    const reader = new ReaderSlots(byob);
    reader.stream = stream;
    stream.reader = reader;
    if (stream.state === "closed") reader.closed.resolve();
    else if (stream.state === "errored") reader.closed.reject(stream.storedError);
    return reader;
  };

  const acquireReadableStreamDefaultReader = (stream) => setUpReader(stream, false);

  // ReadableStreamDefaultReaderRelease and ReadableStreamBYOBReaderRelease
  const readableStreamReaderRelease = (reader) => {
    const { stream } = reader;
    const error = new TypeError("The reader was released");
    if (stream.state !== "readable") reader.closed = new Latch();
    reader.closed.reject(error);
    stream.controller.releaseSteps();
    stream.reader = undefined;
    reader.stream = undefined;
    errorRequests(reader, error);
  };

  const readableStreamDefaultReaderRead = (reader, readRequest) => {
    const { stream } = reader;
    stream.disturbed = true;
    if (stream.state === "closed") readRequest.closeSteps();
    else if (stream.state === "errored") readRequest.errorSteps(stream.storedError);
    else stream.controller.pullSteps(readRequest);
  };

  // The three members of the mixin ReadableStreamGenericReader; undefined stands for a receiver of the wrong kind.

  const readerClosed = (reader) => (reader === undefined ? PromiseReject(illegalInvocation()) : reader.closed.promise);

  const readerCancel = (reader, reason) => {
    if (reader === undefined) return PromiseReject(illegalInvocation());
    if (reader.stream === undefined) return PromiseReject(new TypeError("The reader was released"));
    return readableStreamCancel(reader.stream, reason);
  };

  const readerReleaseLock = (reader) => {
    if (reader === undefined) throw illegalInvocation();
    if (reader.stream !== undefined) readableStreamReaderRelease(reader);
  };

  // Controllers

  // What both kinds have in common. A kind adds pullSteps, cancelSteps, releaseSteps, shouldCallPull and error.
  class ControllerSlots {
    stream;
    queue = new Queue();
    started = false;
    closeRequested = false;
    pulling = false;
    pullAgain = false;
    pullAlgorithm;
    cancelAlgorithm;
    highWaterMark;
    interface = null;
    #onPulled = null;
    #onPullFailed = null;

    constructor(stream, pullAlgorithm, cancelAlgorithm, highWaterMark) {
      this.stream = stream;
      this.pullAlgorithm = pullAlgorithm;
      this.cancelAlgorithm = cancelAlgorithm;
      this.highWaterMark = highWaterMark;
    }

    // The end of SetUpReadableStreamDefaultController and of SetUpReadableByteStreamController
    start(startAlgorithm) {
      this.stream.controller = this;
      const startPromise = startAlgorithm(this);
      PromisePrototypeThen(startPromise === undefined ? PromiseResolve() : startPromise, () => {
        this.started = true;
        this.callPullIfNeeded();
      }, (reason) => this.error(reason));
    }

    callPullIfNeeded() {
      if (!this.shouldCallPull()) return;
      if (this.pulling) {
        this.pullAgain = true;
        return;
      }
      this.pulling = true;
      // One pair of closures for all pulls.
      this.#onPulled ??= () => {
        this.pulling = false;
        if (!this.pullAgain) return;
        this.pullAgain = false;
        this.callPullIfNeeded();
      };
      this.#onPullFailed ??= (reason) => this.error(reason);
      PromisePrototypeThen(perform(this.pullAlgorithm, this), this.#onPulled, this.#onPullFailed);
    }

    clearAlgorithms() {
      this.pullAlgorithm = undefined;
      this.cancelAlgorithm = undefined;
    }

    getDesiredSize() {
      const { state } = this.stream;
      if (state === "errored") return null;
      if (state === "closed") return 0;
      return this.highWaterMark - this.queue.totalSize;
    }
  }

  // https://streams.spec.whatwg.org/#rs-default-controller-abstract-ops
  class DefaultControllerSlots extends ControllerSlots {
    size;

    constructor(stream, pullAlgorithm, cancelAlgorithm, highWaterMark, size) {
      super(stream, pullAlgorithm, cancelAlgorithm, highWaterMark);
      this.size = size;
    }

    cancelSteps(reason) {
      this.queue.clear();
      const result = perform(this.cancelAlgorithm, reason);
      this.clearAlgorithms();
      return result;
    }

    pullSteps(readRequest) {
      const { queue, stream } = this;
      if (queue.length === 0) {
        stream.reader.requests.push(readRequest);
        this.callPullIfNeeded();
        return;
      }
      const chunk = queue.shift();
      if (this.closeRequested && queue.length === 0) {
        this.clearAlgorithms();
        readableStreamClose(stream);
      } else {
        this.callPullIfNeeded();
      }
      readRequest.chunkSteps(chunk);
    }

    releaseSteps() {}

    clearAlgorithms() {
      super.clearAlgorithms();
      this.size = undefined;
    }

    shouldCallPull() {
      if (!this.canCloseOrEnqueue() || !this.started) return false;
      return hasPendingReads(this.stream) || this.getDesiredSize() > 0;
    }

    canCloseOrEnqueue() {
      return !this.closeRequested && this.stream.state === "readable";
    }

    close() {
      if (!this.canCloseOrEnqueue()) return;
      this.closeRequested = true;
      if (this.queue.length > 0) return;
      this.clearAlgorithms();
      readableStreamClose(this.stream);
    }

    enqueue(chunk) {
      if (!this.canCloseOrEnqueue()) return;
      if (hasPendingReads(this.stream)) {
        fulfillRequest(this.stream, chunk, false);
      } else {
        try {
          enqueueValueWithSize(this.queue, chunk, measureChunk(this.size, chunk));
        } catch (error) {
          this.error(error);
          throw error;
        }
      }
      this.callPullIfNeeded();
    }

    error(error) {
      if (this.stream.state !== "readable") return;
      this.queue.clear();
      this.clearAlgorithms();
      readableStreamError(this.stream, error);
    }
  }

  // CreateReadableStream, but for the interface object around it
  const createReadableSlots = (startAlgorithm, pullAlgorithm, cancelAlgorithm, highWaterMark, size) => {
    const stream = new ReadableSlots();
    const controller = new DefaultControllerSlots(stream, pullAlgorithm, cancelAlgorithm, highWaterMark, size);
    controller.start(startAlgorithm);
    return stream;
  };

  let controllerOf;

  class ReadableStreamDefaultController {
    #slots;

    constructor() {
      if (arguments[0] !== fromSlots) illegalConstructor();
      this.#slots = arguments[1];
    }

    get desiredSize() {
      return controllerOf(this).getDesiredSize();
    }

    close() {
      const controller = controllerOf(this);
      if (!controller.canCloseOrEnqueue()) throw new TypeError("The stream is not in a state that permits close");
      controller.close();
    }

    enqueue(chunk = undefined) {
      const controller = controllerOf(this);
      if (!controller.canCloseOrEnqueue()) throw new TypeError("The stream is not in a state that permits enqueue");
      controller.enqueue(chunk);
    }

    error(e = undefined) {
      controllerOf(this).error(e);
    }

    static {
      controllerOf = (value) => {
        if (!isObject(value) || !(#slots in value)) throw illegalInvocation();
        return value.#slots;
      };
    }
  }

  const convertUnderlyingSource = dictionary("UnderlyingSource", [
    {
      key: "autoAllocateChunkSize",
      converter: (value, prefix, context) =>
        converters["unsigned long long"](value, prefix, context, { __proto__: null, enforceRange: true }),
    },
    { key: "cancel", converter: converters.Function },
    { key: "pull", converter: converters.Function },
    { key: "start", converter: converters.Function },
    { key: "type", converter: enumeration("ReadableStreamType", ["bytes"]) },
  ]);

  // The end of both SetUp...ControllerFromUnderlyingSource: members is the source read as a dictionary.
  const startFromUnderlyingSource = (controller, Interface, source, members) => {
    const { cancel, pull, start } = members;
    const exposed = () => (controller.interface ??= new Interface(fromSlots, controller));
    if (pull !== undefined) controller.pullAlgorithm = () => invoke(pull, source, [exposed()]);
    if (cancel !== undefined) controller.cancelAlgorithm = (reason) => invoke(cancel, source, [reason]);
    controller.start(start === undefined ? noop : () => promiseResolvedWith(ReflectApply(start, source, [exposed()])));
  };

  const setUpDefaultControllerFromUnderlyingSource = (stream, source, members, highWaterMark, size) => {
    const controller = new DefaultControllerSlots(stream, noop, noop, highWaterMark, size);
    startFromUnderlyingSource(controller, ReadableStreamDefaultController, source, members);
  };

  // Interfaces

  const convertGetReaderOptions = dictionary("ReadableStreamGetReaderOptions", [
    { key: "mode", converter: enumeration("ReadableStreamReaderMode", ["byob"]) },
  ]);

  const convertPipeOptions = dictionary("StreamPipeOptions", [
    { key: "preventAbort", converter: converters.boolean, defaultValue: false },
    { key: "preventCancel", converter: converters.boolean, defaultValue: false },
    { key: "preventClose", converter: converters.boolean, defaultValue: false },
    { key: "signal", converter: interfaceType("AbortSignal", (value) => nano.abort.isAbortSignal(value)) },
  ]);

  let isReadableStream;
  let readableOf;

  const readableStreamConverter = interfaceType("ReadableStream", (value) => isReadableStream(value));
  const writableStreamConverter = interfaceType("WritableStream", (value) => internal.isWritableStream(value));

  const convertReadableWritablePair = dictionary("ReadableWritablePair", [
    { key: "readable", converter: readableStreamConverter, required: true },
    { key: "writable", converter: writableStreamConverter, required: true },
  ]);

  class ReadableStream {
    #slots;

    constructor(underlyingSource = undefined, strategy = undefined) {
      if (underlyingSource === fromSlots) {
        this.#slots = strategy;
        return;
      }
      const prefix = "Failed to construct 'ReadableStream'";
      const source = underlyingSource === undefined ? null : converters.object(underlyingSource, prefix, "parameter 1");
      const strategyMembers = convertQueuingStrategy(strategy, prefix, "parameter 2");
      const members = convertUnderlyingSource(source, prefix, "parameter 1");
      this.#slots = new ReadableSlots();
      if (members.type === "bytes") {
        if (strategyMembers.size !== undefined) {
          throw new RangeError(`${prefix}: the strategy of a byte stream cannot have a size function`);
        }
        const highWaterMark = extractHighWaterMark(strategyMembers, 0);
        internal.setUpByteControllerFromUnderlyingSource(this.#slots, source, members, highWaterMark);
      } else {
        const highWaterMark = extractHighWaterMark(strategyMembers, 1);
        setUpDefaultControllerFromUnderlyingSource(this.#slots, source, members, highWaterMark, strategyMembers.size);
      }
    }

    get locked() {
      return isReadableStreamLocked(readableOf(this));
    }

    cancel(reason = undefined) {
      if (!isReadableStream(this)) return PromiseReject(illegalInvocation());
      if (isReadableStreamLocked(this.#slots)) {
        return PromiseReject(new TypeError("Cannot cancel a ReadableStream that is locked to a reader"));
      }
      return readableStreamCancel(this.#slots, reason);
    }

    getReader(options = undefined) {
      const stream = readableOf(this);
      const prefix = "Failed to execute 'getReader' on 'ReadableStream'";
      const { mode } = convertGetReaderOptions(options, prefix, "parameter 1");
      if (mode === undefined) return new ReadableStreamDefaultReader(fromSlots, setUpReader(stream, false));
      return internal.newBYOBReader(stream);
    }

    pipeThrough(transform, options = undefined) {
      const stream = readableOf(this);
      const prefix = "Failed to execute 'pipeThrough' on 'ReadableStream'";
      requiredArguments(arguments.length, 1, prefix);
      const { readable, writable } = convertReadableWritablePair(transform, prefix, "parameter 1");
      const pipeOptions = convertPipeOptions(options, prefix, "parameter 2");
      const destination = internal.writableOf(writable);
      if (isReadableStreamLocked(stream)) throw new TypeError(`${prefix}: the ReadableStream is locked to a reader`);
      if (destination.writer !== undefined) throw new TypeError(`${prefix}: the WritableStream is locked to a writer`);
      setPromiseIsHandled(internal.readableStreamPipeTo(stream, destination, pipeOptions));
      return readable;
    }

    pipeTo(destination, options = undefined) {
      try {
        const stream = readableOf(this);
        const prefix = "Failed to execute 'pipeTo' on 'ReadableStream'";
        requiredArguments(arguments.length, 1, prefix);
        writableStreamConverter(destination, prefix, "parameter 1");
        const pipeOptions = convertPipeOptions(options, prefix, "parameter 2");
        const sink = internal.writableOf(destination);
        if (isReadableStreamLocked(stream)) throw new TypeError(`${prefix}: the ReadableStream is locked to a reader`);
        if (sink.writer !== undefined) throw new TypeError(`${prefix}: the WritableStream is locked to a writer`);
        return internal.readableStreamPipeTo(stream, sink, pipeOptions);
      } catch (error) {
        return PromiseReject(error);
      }
    }

    tee() {
      const branches = internal.readableStreamTee(readableOf(this), false);
      return [new ReadableStream(fromSlots, branches.first), new ReadableStream(fromSlots, branches.second)];
    }

    static {
      isReadableStream = (value) => isObject(value) && #slots in value;
      readableOf = (value) => {
        if (!isReadableStream(value)) throw illegalInvocation();
        return value.#slots;
      };
    }
  }

  let readerOf;

  class ReadableStreamDefaultReader {
    #slots;

    constructor(stream) {
      if (stream === fromSlots) {
        this.#slots = arguments[1];
        return;
      }
      const prefix = "Failed to construct 'ReadableStreamDefaultReader'";
      requiredArguments(arguments.length, 1, prefix);
      readableStreamConverter(stream, prefix, "parameter 1");
      this.#slots = setUpReader(readableOf(stream), false);
    }

    get closed() {
      return readerClosed(readerOf(this));
    }

    cancel(reason = undefined) {
      return readerCancel(readerOf(this), reason);
    }

    read() {
      const reader = readerOf(this);
      if (reader === undefined) return PromiseReject(illegalInvocation());
      if (reader.stream === undefined) return PromiseReject(new TypeError("The reader was released"));
      const request = new PromiseReadRequest();
      readableStreamDefaultReaderRead(reader, request);
      return request.deferred.promise;
    }

    releaseLock() {
      readerReleaseLock(readerOf(this));
    }

    static {
      readerOf = (value) => (isObject(value) && #slots in value ? value.#slots : undefined);
    }
  }

  configureInterface(ReadableStream);
  configureInterface(ReadableStreamDefaultReader);
  configureInterface(ReadableStreamDefaultController);

  internal.ControllerSlots = ControllerSlots;
  internal.PromiseReadRequest = PromiseReadRequest;
  internal.ReadableSlots = ReadableSlots;
  internal.ReadableStream = ReadableStream;
  internal.acquireReadableStreamDefaultReader = acquireReadableStreamDefaultReader;
  internal.createReadableSlots = createReadableSlots;
  internal.fulfillRequest = fulfillRequest;
  internal.hasBYOBReader = hasBYOBReader;
  internal.hasDefaultReader = hasDefaultReader;
  internal.hasPendingReads = hasPendingReads;
  internal.isReadableStream = isReadableStream;
  internal.isReadableStreamLocked = isReadableStreamLocked;
  internal.readableOf = readableOf;
  internal.readableStreamCancel = readableStreamCancel;
  internal.readableStreamClose = readableStreamClose;
  internal.readableStreamConverter = readableStreamConverter;
  internal.readableStreamDefaultReaderRead = readableStreamDefaultReaderRead;
  internal.readableStreamError = readableStreamError;
  internal.readableStreamReaderRelease = readableStreamReaderRelease;
  internal.readerCancel = readerCancel;
  internal.readerClosed = readerClosed;
  internal.readerReleaseLock = readerReleaseLock;
  internal.setUpReader = setUpReader;
  internal.startFromUnderlyingSource = startFromUnderlyingSource;
  return { __proto__: null, ReadableStream, ReadableStreamDefaultController, ReadableStreamDefaultReader };
};
