"use strict";
// Readable byte streams: ReadableByteStreamController, ReadableStreamBYOBReader, ReadableStreamBYOBRequest.
// Specification: https://streams.spec.whatwg.org/#rbs-controller-class
(nano) => {
  const {
    ArrayBuffer, ArrayBufferPrototypeGetByteLength, ArrayBufferPrototypeGetDetached, ArrayBufferPrototypeTransfer,
    BigInt64Array, BigUint64Array, DataView, DataViewPrototypeGetBuffer, DataViewPrototypeGetByteLength,
    DataViewPrototypeGetByteOffset, Float32Array, Float64Array, Int16Array, Int32Array, Int8Array, MathMin,
    PromiseReject, RangeError, TypeError, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength,
    TypedArrayPrototypeGetByteOffset, TypedArrayPrototypeGetSymbolToStringTag, TypedArrayPrototypeSet, Uint16Array,
    Uint32Array, Uint8Array, Uint8ClampedArray,
  } = nano.primordials;
  const { configureInterface, converters, dictionary, illegalConstructor, isObject, requiredArguments } = nano.webidl;
  const internal = nano.streamsInternal;
  const {
    ControllerSlots, PromiseReadRequest, Queue, ReadableSlots, fromSlots, fulfillRequest, hasBYOBReader, hasDefaultReader,
    hasPendingReads, illegalInvocation, noop, perform, readableOf, readableStreamClose, readableStreamConverter,
    readableStreamError, readerCancel, readerClosed, readerReleaseLock, setUpReader, startFromUnderlyingSource,
  } = internal;

  // Views and buffers

  const viewConstructors = {
    __proto__: null, BigInt64Array, BigUint64Array, Float32Array, Float64Array, Int16Array, Int32Array, Int8Array,
    Uint16Array, Uint32Array, Uint8Array, Uint8ClampedArray,
  };

  const enforceRange = { __proto__: null, enforceRange: true };

  // Where a view lies, its own methods never asked.
  const inspectView = (view) => {
    const name = TypedArrayPrototypeGetSymbolToStringTag(view);
    if (name === undefined) {
      const buffer = DataViewPrototypeGetBuffer(view);
      // These getters throw where those of a typed array say 0.
      const detached = ArrayBufferPrototypeGetDetached(buffer);
      return {
        Constructor: DataView,
        buffer,
        elementSize: 1,
        byteOffset: detached ? 0 : DataViewPrototypeGetByteOffset(view),
        byteLength: detached ? 0 : DataViewPrototypeGetByteLength(view),
      };
    }
    const Constructor = viewConstructors[name];
    return {
      Constructor,
      buffer: TypedArrayPrototypeGetBuffer(view),
      elementSize: Constructor.BYTES_PER_ELEMENT,
      byteOffset: TypedArrayPrototypeGetByteOffset(view),
      byteLength: TypedArrayPrototypeGetByteLength(view),
    };
  };

  const cloneBytes = (buffer, byteOffset, byteLength) => {
    const bytes = new Uint8Array(byteLength);
    TypedArrayPrototypeSet(bytes, new Uint8Array(buffer, byteOffset, byteLength));
    return bytes;
  };

  // Slots

  // An entry of [[queue]]
  class ByteChunk {
    buffer;
    byteOffset;
    byteLength;

    constructor(buffer, byteOffset, byteLength) {
      this.buffer = buffer;
      this.byteOffset = byteOffset;
      this.byteLength = byteLength;
    }
  }

  // https://streams.spec.whatwg.org/#pull-into-descriptor
  class PullIntoDescriptor {
    buffer;
    bufferByteLength;
    byteOffset;
    byteLength;
    bytesFilled = 0;
    minimumFill;
    elementSize;
    viewConstructor;
    readerType;

    constructor(buffer, byteOffset, byteLength, minimumFill, elementSize, viewConstructor, readerType) {
      this.buffer = buffer;
      this.bufferByteLength = ArrayBufferPrototypeGetByteLength(buffer);
      this.byteOffset = byteOffset;
      this.byteLength = byteLength;
      this.minimumFill = minimumFill;
      this.elementSize = elementSize;
      this.viewConstructor = viewConstructor;
      this.readerType = readerType;
    }

    // ReadableByteStreamControllerConvertPullIntoDescriptor
    convert() {
      const { viewConstructor } = this;
      const buffer = ArrayBufferPrototypeTransfer(this.buffer);
      return new viewConstructor(buffer, this.byteOffset, this.bytesFilled / this.elementSize);
    }
  }

  class BYOBRequestSlots {
    controller;
    view;
    interface = null;

    constructor(controller, view) {
      this.controller = controller;
      this.view = view;
    }
  }

  // The methods are the algorithms named ReadableByteStreamController..., in the order of the specification:
  // https://streams.spec.whatwg.org/#rbs-controller-abstract-ops
  // The queue's totalSize is [[queueTotalSize]]; its entries shrink in place.
  class ByteControllerSlots extends ControllerSlots {
    autoAllocateChunkSize;
    byobRequest = null;
    pendingPullIntos = new Queue();

    constructor(stream, pullAlgorithm, cancelAlgorithm, highWaterMark, autoAllocateChunkSize) {
      super(stream, pullAlgorithm, cancelAlgorithm, highWaterMark);
      this.autoAllocateChunkSize = autoAllocateChunkSize;
    }

    cancelSteps(reason) {
      this.clearPendingPullIntos();
      this.queue.clear();
      const result = perform(this.cancelAlgorithm, reason);
      this.clearAlgorithms();
      return result;
    }

    pullSteps(readRequest) {
      if (this.queue.totalSize > 0) {
        this.fillReadRequestFromQueue(readRequest);
        return;
      }
      const { autoAllocateChunkSize } = this;
      if (autoAllocateChunkSize !== undefined) {
        let buffer;
        try {
          buffer = new ArrayBuffer(autoAllocateChunkSize);
        } catch (error) {
          readRequest.errorSteps(error);
          return;
        }
        this.pendingPullIntos.push(
          new PullIntoDescriptor(buffer, 0, autoAllocateChunkSize, 1, 1, Uint8Array, "default"),
        );
      }
      this.stream.reader.requests.push(readRequest);
      this.callPullIfNeeded();
    }

    releaseSteps() {
      if (this.pendingPullIntos.length === 0) return;
      const firstPendingPullInto = this.pendingPullIntos.peek();
      firstPendingPullInto.readerType = "none";
      this.pendingPullIntos.clear();
      this.pendingPullIntos.push(firstPendingPullInto);
    }

    clearPendingPullIntos() {
      this.invalidateBYOBRequest();
      this.pendingPullIntos.clear();
    }

    close() {
      const { pendingPullIntos, stream } = this;
      if (this.closeRequested || stream.state !== "readable") return;
      if (this.queue.totalSize > 0) {
        this.closeRequested = true;
        return;
      }
      if (pendingPullIntos.length > 0) {
        const firstPendingPullInto = pendingPullIntos.peek();
        if (firstPendingPullInto.bytesFilled % firstPendingPullInto.elementSize !== 0) {
          const error = new TypeError("The stream was closed in the middle of an element of the reader's view");
          this.error(error);
          throw error;
        }
      }
      this.clearAlgorithms();
      readableStreamClose(stream);
    }

    commitPullIntoDescriptor(pullIntoDescriptor) {
      // Only a closed stream has nothing to add to what the view holds.
      fulfillRequest(this.stream, pullIntoDescriptor.convert(), this.stream.state === "closed");
    }

    commitPullIntoDescriptors(filledPullIntos) {
      while (filledPullIntos.length > 0) this.commitPullIntoDescriptor(filledPullIntos.shift());
    }

    enqueue(chunk) {
      const { pendingPullIntos, stream } = this;
      if (this.closeRequested || stream.state !== "readable") return;
      const { buffer, byteLength, byteOffset } = inspectView(chunk);
      const transferredBuffer = ArrayBufferPrototypeTransfer(buffer);
      if (pendingPullIntos.length > 0) {
        const firstPendingPullInto = pendingPullIntos.peek();
        if (ArrayBufferPrototypeGetDetached(firstPendingPullInto.buffer)) {
          throw new TypeError("The buffer of the BYOB request is detached");
        }
        this.invalidateBYOBRequest();
        firstPendingPullInto.buffer = ArrayBufferPrototypeTransfer(firstPendingPullInto.buffer);
        if (firstPendingPullInto.readerType === "none") this.enqueueDetachedPullIntoToQueue(firstPendingPullInto);
      }
      if (hasDefaultReader(stream)) {
        this.processReadRequestsUsingQueue();
        if (!hasPendingReads(stream)) {
          this.enqueueChunkToQueue(transferredBuffer, byteOffset, byteLength);
        } else {
          if (pendingPullIntos.length > 0) this.shiftPendingPullInto();
          fulfillRequest(stream, new Uint8Array(transferredBuffer, byteOffset, byteLength), false);
        }
      } else {
        this.enqueueChunkToQueue(transferredBuffer, byteOffset, byteLength);
        if (hasBYOBReader(stream)) this.commitPullIntoDescriptors(this.processPullIntoDescriptorsUsingQueue());
      }
      this.callPullIfNeeded();
    }

    enqueueChunkToQueue(buffer, byteOffset, byteLength) {
      this.queue.push(new ByteChunk(buffer, byteOffset, byteLength), byteLength);
    }

    enqueueClonedChunkToQueue(buffer, byteOffset, byteLength) {
      let clone;
      try {
        clone = cloneBytes(buffer, byteOffset, byteLength);
      } catch (error) {
        this.error(error);
        throw error;
      }
      this.enqueueChunkToQueue(TypedArrayPrototypeGetBuffer(clone), 0, byteLength);
    }

    enqueueDetachedPullIntoToQueue(pullIntoDescriptor) {
      const { buffer, byteOffset, bytesFilled } = pullIntoDescriptor;
      if (bytesFilled > 0) this.enqueueClonedChunkToQueue(buffer, byteOffset, bytesFilled);
      this.shiftPendingPullInto();
    }

    error(error) {
      if (this.stream.state !== "readable") return;
      this.clearPendingPullIntos();
      this.queue.clear();
      this.clearAlgorithms();
      readableStreamError(this.stream, error);
    }

    fillPullIntoDescriptorFromQueue(pullIntoDescriptor) {
      const { queue } = this;
      const { buffer, byteLength, byteOffset, bytesFilled, elementSize, minimumFill } = pullIntoDescriptor;
      const maxBytesToCopy = MathMin(queue.totalSize, byteLength - bytesFilled);
      const maxBytesFilled = bytesFilled + maxBytesToCopy;
      const maxAlignedBytes = maxBytesFilled - (maxBytesFilled % elementSize);
      const ready = maxAlignedBytes >= minimumFill;
      let remaining = ready ? maxAlignedBytes - bytesFilled : maxBytesToCopy;
      while (remaining > 0) {
        const chunk = queue.peek();
        const bytesToCopy = MathMin(remaining, chunk.byteLength);
        const source = new Uint8Array(chunk.buffer, chunk.byteOffset, bytesToCopy);
        TypedArrayPrototypeSet(new Uint8Array(buffer, byteOffset + pullIntoDescriptor.bytesFilled, bytesToCopy), source);
        this.consumeHead(bytesToCopy);
        pullIntoDescriptor.bytesFilled += bytesToCopy;
        remaining -= bytesToCopy;
      }
      return ready;
    }

    consumeHead(byteLength) {
      const entry = this.queue.head;
      const chunk = entry.value;
      if (chunk.byteLength === byteLength) {
        this.queue.shift();
        return;
      }
      chunk.byteOffset += byteLength;
      chunk.byteLength -= byteLength;
      entry.size -= byteLength;
      this.queue.totalSize -= byteLength;
    }

    fillReadRequestFromQueue(readRequest) {
      const { buffer, byteLength, byteOffset } = this.queue.shift();
      this.handleQueueDrain();
      readRequest.chunkSteps(new Uint8Array(buffer, byteOffset, byteLength));
    }

    getBYOBRequest() {
      if (this.byobRequest === null && this.pendingPullIntos.length > 0) {
        const { buffer, byteLength, byteOffset, bytesFilled } = this.pendingPullIntos.peek();
        const view = new Uint8Array(buffer, byteOffset + bytesFilled, byteLength - bytesFilled);
        this.byobRequest = new BYOBRequestSlots(this, view);
      }
      return this.byobRequest;
    }

    handleQueueDrain() {
      if (this.queue.totalSize === 0 && this.closeRequested) {
        this.clearAlgorithms();
        readableStreamClose(this.stream);
      } else {
        this.callPullIfNeeded();
      }
    }

    invalidateBYOBRequest() {
      if (this.byobRequest === null) return;
      this.byobRequest.controller = undefined;
      this.byobRequest.view = null;
      this.byobRequest = null;
    }

    processPullIntoDescriptorsUsingQueue() {
      const filledPullIntos = new Queue();
      while (this.pendingPullIntos.length > 0 && this.queue.totalSize > 0) {
        const pullIntoDescriptor = this.pendingPullIntos.peek();
        if (!this.fillPullIntoDescriptorFromQueue(pullIntoDescriptor)) break;
        this.shiftPendingPullInto();
        filledPullIntos.push(pullIntoDescriptor);
      }
      return filledPullIntos;
    }

    processReadRequestsUsingQueue() {
      const { reader } = this.stream;
      while (reader.requests.length > 0 && this.queue.totalSize > 0) {
        this.fillReadRequestFromQueue(reader.requests.shift());
      }
    }

    pullInto(view, min, readIntoRequest) {
      const { stream } = this;
      const { Constructor, buffer: viewBuffer, byteLength, byteOffset, elementSize } = inspectView(view);
      let buffer;
      try {
        buffer = ArrayBufferPrototypeTransfer(viewBuffer);
      } catch (error) {
        readIntoRequest.errorSteps(error);
        return;
      }
      const pullIntoDescriptor = new PullIntoDescriptor(
        buffer, byteOffset, byteLength, min * elementSize, elementSize, Constructor, "byob",
      );
      if (this.pendingPullIntos.length > 0) {
        this.pendingPullIntos.push(pullIntoDescriptor);
        stream.reader.requests.push(readIntoRequest);
        return;
      }
      if (stream.state === "closed") {
        readIntoRequest.closeSteps(new Constructor(buffer, byteOffset, 0));
        return;
      }
      if (this.queue.totalSize > 0) {
        if (this.fillPullIntoDescriptorFromQueue(pullIntoDescriptor)) {
          const filledView = pullIntoDescriptor.convert();
          this.handleQueueDrain();
          readIntoRequest.chunkSteps(filledView);
          return;
        }
        if (this.closeRequested) {
          const error = new TypeError("The stream was closed in the middle of an element of the reader's view");
          this.error(error);
          readIntoRequest.errorSteps(error);
          return;
        }
      }
      this.pendingPullIntos.push(pullIntoDescriptor);
      stream.reader.requests.push(readIntoRequest);
      this.callPullIfNeeded();
    }

    respond(bytesWritten) {
      const firstDescriptor = this.pendingPullIntos.peek();
      if (this.stream.state === "closed") {
        if (bytesWritten !== 0) throw new TypeError("bytesWritten must be 0 on a closed stream");
      } else {
        if (bytesWritten === 0) throw new TypeError("bytesWritten must not be 0 on a readable stream");
        if (firstDescriptor.bytesFilled + bytesWritten > firstDescriptor.byteLength) {
          throw new RangeError("bytesWritten is more than the view has room for");
        }
      }
      firstDescriptor.buffer = ArrayBufferPrototypeTransfer(firstDescriptor.buffer);
      this.respondInternal(bytesWritten);
    }

    respondInClosedState(firstDescriptor) {
      if (firstDescriptor.readerType === "none") this.shiftPendingPullInto();
      if (!hasBYOBReader(this.stream)) return;
      const filledPullIntos = new Queue();
      while (filledPullIntos.length < this.stream.reader.requests.length) filledPullIntos.push(this.shiftPendingPullInto());
      this.commitPullIntoDescriptors(filledPullIntos);
    }

    respondInReadableState(bytesWritten, pullIntoDescriptor) {
      pullIntoDescriptor.bytesFilled += bytesWritten;
      if (pullIntoDescriptor.readerType === "none") {
        this.enqueueDetachedPullIntoToQueue(pullIntoDescriptor);
        this.commitPullIntoDescriptors(this.processPullIntoDescriptorsUsingQueue());
        return;
      }
      if (pullIntoDescriptor.bytesFilled < pullIntoDescriptor.minimumFill) return;
      this.shiftPendingPullInto();
      const remainderSize = pullIntoDescriptor.bytesFilled % pullIntoDescriptor.elementSize;
      if (remainderSize > 0) {
        const end = pullIntoDescriptor.byteOffset + pullIntoDescriptor.bytesFilled;
        this.enqueueClonedChunkToQueue(pullIntoDescriptor.buffer, end - remainderSize, remainderSize);
      }
      pullIntoDescriptor.bytesFilled -= remainderSize;
      const filledPullIntos = this.processPullIntoDescriptorsUsingQueue();
      this.commitPullIntoDescriptor(pullIntoDescriptor);
      this.commitPullIntoDescriptors(filledPullIntos);
    }

    respondInternal(bytesWritten) {
      const firstDescriptor = this.pendingPullIntos.peek();
      this.invalidateBYOBRequest();
      if (this.stream.state === "closed") this.respondInClosedState(firstDescriptor);
      else this.respondInReadableState(bytesWritten, firstDescriptor);
      this.callPullIfNeeded();
    }

    respondWithNewView(view) {
      const firstDescriptor = this.pendingPullIntos.peek();
      const { buffer, byteLength, byteOffset } = inspectView(view);
      if (this.stream.state === "closed") {
        if (byteLength !== 0) throw new TypeError("The view must be empty on a closed stream");
      } else if (byteLength === 0) {
        throw new TypeError("The view must not be empty on a readable stream");
      }
      if (firstDescriptor.byteOffset + firstDescriptor.bytesFilled !== byteOffset) {
        throw new RangeError("The view begins elsewhere than the view of the BYOB request");
      }
      if (firstDescriptor.bufferByteLength !== ArrayBufferPrototypeGetByteLength(buffer)) {
        throw new RangeError("The buffer of the view has another length than the one of the BYOB request");
      }
      if (firstDescriptor.bytesFilled + byteLength > firstDescriptor.byteLength) {
        throw new RangeError("The view is longer than the view of the BYOB request");
      }
      firstDescriptor.buffer = ArrayBufferPrototypeTransfer(buffer);
      this.respondInternal(byteLength);
    }

    shiftPendingPullInto() {
      return this.pendingPullIntos.shift();
    }

    shouldCallPull() {
      if (this.stream.state !== "readable" || this.closeRequested || !this.started) return false;
      return hasPendingReads(this.stream) || this.getDesiredSize() > 0;
    }
  }

  // CreateReadableByteStream, but for the interface object around it
  const createReadableByteSlots = (startAlgorithm, pullAlgorithm, cancelAlgorithm, highWaterMark = 0) => {
    const stream = new ReadableSlots();
    const controller = new ByteControllerSlots(stream, pullAlgorithm, cancelAlgorithm, highWaterMark, undefined);
    controller.start(startAlgorithm);
    return stream;
  };

  // Interfaces

  let byobRequestOf;

  class ReadableStreamBYOBRequest {
    #slots;

    constructor() {
      if (arguments[0] !== fromSlots) illegalConstructor();
      this.#slots = arguments[1];
    }

    get view() {
      return byobRequestOf(this).view;
    }

    respond(bytesWritten) {
      const { controller, view } = byobRequestOf(this);
      const prefix = "Failed to execute 'respond' on 'ReadableStreamBYOBRequest'";
      requiredArguments(arguments.length, 1, prefix);
      const count = converters["unsigned long long"](bytesWritten, prefix, "parameter 1", enforceRange);
      if (controller === undefined) throw new TypeError(`${prefix}: the request has been answered`);
      if (ArrayBufferPrototypeGetDetached(TypedArrayPrototypeGetBuffer(view))) {
        throw new TypeError(`${prefix}: the buffer of the request's view is detached`);
      }
      controller.respond(count);
    }

    respondWithNewView(view) {
      const { controller } = byobRequestOf(this);
      const prefix = "Failed to execute 'respondWithNewView' on 'ReadableStreamBYOBRequest'";
      requiredArguments(arguments.length, 1, prefix);
      converters.ArrayBufferView(view, prefix, "parameter 1");
      if (controller === undefined) throw new TypeError(`${prefix}: the request has been answered`);
      if (ArrayBufferPrototypeGetDetached(inspectView(view).buffer)) {
        throw new TypeError(`${prefix}: the buffer of the view is detached`);
      }
      controller.respondWithNewView(view);
    }

    static {
      byobRequestOf = (value) => {
        if (!isObject(value) || !(#slots in value)) throw illegalInvocation();
        return value.#slots;
      };
    }
  }

  let controllerOf;

  class ReadableByteStreamController {
    #slots;

    constructor() {
      if (arguments[0] !== fromSlots) illegalConstructor();
      this.#slots = arguments[1];
    }

    get byobRequest() {
      const request = controllerOf(this).getBYOBRequest();
      if (request === null) return null;
      return (request.interface ??= new ReadableStreamBYOBRequest(fromSlots, request));
    }

    get desiredSize() {
      return controllerOf(this).getDesiredSize();
    }

    close() {
      const controller = controllerOf(this);
      if (controller.closeRequested || controller.stream.state !== "readable") {
        throw new TypeError("The stream is not in a state that permits close");
      }
      controller.close();
    }

    enqueue(chunk) {
      const controller = controllerOf(this);
      const prefix = "Failed to execute 'enqueue' on 'ReadableByteStreamController'";
      requiredArguments(arguments.length, 1, prefix);
      converters.ArrayBufferView(chunk, prefix, "parameter 1");
      if (inspectView(chunk).byteLength === 0) throw new TypeError(`${prefix}: the chunk is empty or its buffer is detached`);
      if (controller.closeRequested || controller.stream.state !== "readable") {
        throw new TypeError("The stream is not in a state that permits enqueue");
      }
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

  // SetUpReadableByteStreamControllerFromUnderlyingSource
  const setUpByteControllerFromUnderlyingSource = (stream, source, members, highWaterMark) => {
    const { autoAllocateChunkSize } = members;
    if (autoAllocateChunkSize === 0) throw new TypeError("autoAllocateChunkSize must not be 0");
    const controller = new ByteControllerSlots(stream, noop, noop, highWaterMark, autoAllocateChunkSize);
    startFromUnderlyingSource(controller, ReadableByteStreamController, source, members);
  };

  // SetUpReadableStreamBYOBReader
  const acquireReadableStreamBYOBReader = (stream) => {
    if (!(stream.controller instanceof ByteControllerSlots)) {
      throw new TypeError("A BYOB reader needs a readable byte stream");
    }
    return setUpReader(stream, true);
  };

  const readableStreamBYOBReaderRead = (reader, view, min, readIntoRequest) => {
    const { stream } = reader;
    stream.disturbed = true;
    if (stream.state === "errored") readIntoRequest.errorSteps(stream.storedError);
    else stream.controller.pullInto(view, min, readIntoRequest);
  };

  const convertReadOptions = dictionary("ReadableStreamBYOBReaderReadOptions", [
    {
      key: "min",
      converter: (value, prefix, context) =>
        converters["unsigned long long"](value, prefix, context, enforceRange),
      defaultValue: 1,
    },
  ]);

  let readerOf;

  class ReadableStreamBYOBReader {
    #slots;

    constructor(stream) {
      if (stream === fromSlots) {
        this.#slots = arguments[1];
        return;
      }
      const prefix = "Failed to construct 'ReadableStreamBYOBReader'";
      requiredArguments(arguments.length, 1, prefix);
      readableStreamConverter(stream, prefix, "parameter 1");
      this.#slots = acquireReadableStreamBYOBReader(readableOf(stream));
    }

    get closed() {
      return readerClosed(readerOf(this));
    }

    cancel(reason = undefined) {
      return readerCancel(readerOf(this), reason);
    }

    read(view, options = undefined) {
      const prefix = "Failed to execute 'read' on 'ReadableStreamBYOBReader'";
      return readInto(readerOf(this), arguments.length, 1, prefix, view, options);
    }

    // Of Workers.
    readAtLeast(minElements, view) {
      const prefix = "Failed to execute 'readAtLeast' on 'ReadableStreamBYOBReader'";
      return readInto(readerOf(this), arguments.length, 2, prefix, view, { __proto__: null, min: minElements });
    }

    releaseLock() {
      readerReleaseLock(readerOf(this));
    }

    static {
      readerOf = (value) => (isObject(value) && #slots in value ? value.#slots : undefined);
    }
  }

  const readInto = (reader, count, required, prefix, view, options) => {
    if (reader === undefined) return PromiseReject(illegalInvocation());
    let min;
    try {
      requiredArguments(count, required, prefix);
      converters.ArrayBufferView(view, prefix, "the view");
      ({ min } = convertReadOptions(options, prefix, "the options"));
      const { byteLength, elementSize } = inspectView(view);
      if (byteLength === 0) throw new TypeError(`${prefix}: the view is empty or its buffer is detached`);
      if (min === 0) throw new TypeError(`${prefix}: min must not be 0`);
      if (min > byteLength / elementSize) throw new RangeError(`${prefix}: min is more than the view holds`);
      if (reader.stream === undefined) throw new TypeError("The reader was released");
    } catch (error) {
      return PromiseReject(error);
    }
    const request = new PromiseReadRequest();
    readableStreamBYOBReaderRead(reader, view, min, request);
    return request.deferred.promise;
  };

  configureInterface(ReadableByteStreamController);
  configureInterface(ReadableStreamBYOBReader);
  configureInterface(ReadableStreamBYOBRequest);

  internal.ByteControllerSlots = ByteControllerSlots;
  internal.acquireReadableStreamBYOBReader = acquireReadableStreamBYOBReader;
  internal.cloneBytes = cloneBytes;
  internal.createReadableByteSlots = createReadableByteSlots;
  internal.inspectView = inspectView;
  internal.newBYOBReader = (stream) => new ReadableStreamBYOBReader(fromSlots, acquireReadableStreamBYOBReader(stream));
  internal.readableStreamBYOBReaderRead = readableStreamBYOBReaderRead;
  internal.setUpByteControllerFromUnderlyingSource = setUpByteControllerFromUnderlyingSource;
  return { __proto__: null, ReadableByteStreamController, ReadableStreamBYOBReader, ReadableStreamBYOBRequest };
};
