"use strict";
// nano.streams: streams as the rest of the platform makes and reads them.
// Specification: https://streams.spec.whatwg.org/#other-specs
//
// A stream here is the interface object (a ReadableStream, a WritableStream). Readers, writers and controllers are the slots:
// opaque to the caller, only handed back. A source, sink or transformer is a set of functions that return undefined or a
// promise of the platform and may throw; each of them may be undefined:
//   start(controller)  pull(controller)  cancel(reason)  write(chunk, controller)  close()  abort(reason)
//   transform(chunk, controller)  flush(controller)
(nano) => {
  const {
    ArrayBufferPrototypeGetByteLength, ObjectDefineProperty, PromiseResolve, PromiseWithResolvers, TypeError,
    TypedArrayPrototypeGetSymbolToStringTag, TypedArrayPrototypeSet, Uint8Array,
  } = nano.primordials;
  const internal = nano.streamsInternal;
  const {
    ByteControllerSlots, Latch, Queue, ReadableStream, TransformSlots, WritableStream, acquireReadableStreamDefaultReader,
    acquireWritableStreamDefaultWriter, cloneBytes, createReadableByteSlots, createReadableSlots, createWritableSlots,
    fromSlots, inspectView, isReadableStream, isReadableStreamLocked, isWritableStream, noop, readableOf,
    readableStreamCancel, readableStreamDefaultReaderRead, readableStreamPipeTo, readableStreamReaderRelease,
    readableStreamTee, transformReadable, transformWritable, writableOf, writableStreamAbort,
    writableStreamDefaultWriterCloseWithErrorPropagation, writableStreamDefaultWriterRelease,
    writableStreamDefaultWriterWrite,
  } = internal;

  const createReadableStream = (start = noop, pull = noop, cancel = noop, highWaterMark = 1, size = undefined) =>
    new ReadableStream(fromSlots, createReadableSlots(start, pull, cancel, highWaterMark, size));

  const createReadableByteStream = (start = noop, pull = noop, cancel = noop, highWaterMark = 0) =>
    new ReadableStream(fromSlots, createReadableByteSlots(start, pull, cancel, highWaterMark));

  const createWritableStream = (
    start = noop, write = noop, close = noop, abort = noop, highWaterMark = 1, size = undefined,
  ) => new WritableStream(fromSlots, createWritableSlots(start, write, close, abort, highWaterMark, size));

  // The same object is the transformer's controller.
  const createTransformStream = (
    transform = undefined, flush = noop, cancel = noop, writableHighWaterMark = 1, writableSize = undefined,
    readableHighWaterMark = 0, readableSize = undefined,
  ) => {
    const controller = new TransformSlots(
      PromiseResolve(), writableHighWaterMark, writableSize, readableHighWaterMark, readableSize,
    );
    controller.transformAlgorithm = transform === undefined ? (chunk) => controller.enqueue(chunk) : transform;
    controller.flushAlgorithm = flush;
    controller.cancelAlgorithm = cancel;
    return { controller, readable: transformReadable(controller), writable: transformWritable(controller) };
  };

  const readableByteStreamControllerClose = (controller) => {
    controller.close();
    // Gives the buffers of pending BYOB reads back.
    if (controller.stream.state === "closed" && controller.pendingPullIntos.length > 0) controller.respond(0);
  };

  const readableByteStreamControllerPendingView = (controller) => {
    const request = controller.getBYOBRequest();
    return request === null ? null : request.view;
  };

  const tee = (stream, cloneForBranch2 = false) => {
    const { first, second } = readableStreamTee(readableOf(stream), cloneForBranch2);
    return [new ReadableStream(fromSlots, first), new ReadableStream(fromSlots, second)];
  };

  const noPipeOptions = { preventAbort: false, preventCancel: false, preventClose: false, signal: undefined };

  // Read-all-bytes: https://streams.spec.whatwg.org/#readablestreamdefaultreader-read-all-bytes

  class ByteCollector {
    reader;
    successSteps;
    failureSteps;
    chunks = new Queue();
    // The buffer of a byte stream's chunk belongs to the reader; any other is still in the hands of the app.
    ownsChunks;
    reading = false;
    readAgain = false;

    constructor(reader, successSteps, failureSteps) {
      this.reader = reader;
      this.successSteps = successSteps;
      this.failureSteps = failureSteps;
      this.ownsChunks = reader.stream.controller instanceof ByteControllerSlots;
    }

    // A loop, because a stream with a long queue answers each read before it returns.
    read() {
      do {
        this.readAgain = false;
        this.reading = true;
        readableStreamDefaultReaderRead(this.reader, this);
        this.reading = false;
      } while (this.readAgain);
    }

    chunkSteps(chunk) {
      if (TypedArrayPrototypeGetSymbolToStringTag(chunk) !== "Uint8Array") {
        this.failureSteps(new TypeError("The stream gave a chunk that is not a Uint8Array"));
        return;
      }
      const { buffer, byteLength, byteOffset } = inspectView(chunk);
      this.chunks.push(this.ownsChunks ? chunk : cloneBytes(buffer, byteOffset, byteLength), byteLength);
      if (this.reading) this.readAgain = true;
      else this.read();
    }

    closeSteps() {
      this.successSteps(this.join());
    }

    errorSteps(error) {
      this.failureSteps(error);
    }

    // Always bytes with a buffer of their own: apps get that buffer from response.arrayBuffer().
    join() {
      const { chunks } = this;
      const { totalSize } = chunks;
      if (chunks.length === 1) {
        const chunk = chunks.peek();
        if (ArrayBufferPrototypeGetByteLength(inspectView(chunk).buffer) === totalSize) return chunk;
      }
      const bytes = new Uint8Array(totalSize);
      let offset = 0;
      while (chunks.length > 0) {
        const chunk = chunks.shift();
        TypedArrayPrototypeSet(bytes, chunk, offset);
        offset += inspectView(chunk).byteLength;
      }
      return bytes;
    }
  }

  // Locks the stream for good.
  const readAllBytes = (stream, successSteps, failureSteps) => {
    let reader;
    try {
      reader = acquireReadableStreamDefaultReader(readableOf(stream));
    } catch (error) {
      failureSteps(error);
      return;
    }
    new ByteCollector(reader, successSteps, failureSteps).read();
  };

  // A promise of the stream's end, whether somebody has it locked or not. It counts as handled.
  const whenClosed = (stream) => {
    const slots = isReadableStream(stream) ? readableOf(stream) : writableOf(stream);
    if (slots.settled === undefined) {
      slots.settled = new Latch();
      if (slots.state === "closed") slots.settled.resolve();
      else if (slots.state === "errored") slots.settled.reject(slots.storedError);
    }
    return slots.settled.promise;
  };

  const streams = {
    __proto__: null,
    whenClosed,
    ReadableStream,
    WritableStream,
    createReadableByteStream,
    createReadableStream,
    createTransformStream,
    createWritableStream,
    readAllBytes,
    // Of what an app iterates over.
    streamFrom: internal.streamFrom,

    isReadableStream,
    isLocked: (stream) => isReadableStreamLocked(readableOf(stream)),
    isDisturbed: (stream) => readableOf(stream).disturbed,
    // "readable", "closed" or "errored"
    readableStreamState: (stream) => readableOf(stream).state,
    readableStreamStoredError: (stream) => readableOf(stream).storedError,
    readableStreamCancel: (stream, reason) => readableStreamCancel(readableOf(stream), reason),
    readableStreamPipeTo: (stream, destination, options = noPipeOptions) =>
      readableStreamPipeTo(readableOf(stream), writableOf(destination), options),
    readableStreamTee: tee,

    acquireReadableStreamDefaultReader: (stream) => acquireReadableStreamDefaultReader(readableOf(stream)),
    readableStreamDefaultReaderRead,
    readableStreamDefaultReaderCancel: (reader, reason) => readableStreamCancel(reader.stream, reason),
    readableStreamDefaultReaderRelease: readableStreamReaderRelease,

    readableStreamController: (stream) => readableOf(stream).controller,
    readableStreamDefaultControllerClose: (controller) => controller.close(),
    readableStreamDefaultControllerEnqueue: (controller, chunk) => controller.enqueue(chunk),
    readableStreamDefaultControllerError: (controller, error) => controller.error(error),
    readableStreamDefaultControllerGetDesiredSize: (controller) => controller.getDesiredSize(),
    readableByteStreamControllerClose,
    // Detaches the buffer of the bytes.
    readableByteStreamControllerEnqueue: (controller, bytes) => controller.enqueue(bytes),
    readableByteStreamControllerError: (controller, error) => controller.error(error),
    // The memory that a BYOB read waits to have filled, or null. Answer with Respond; the view is detached then.
    readableByteStreamControllerPendingView,
    readableByteStreamControllerRespond: (controller, bytesWritten) => controller.respond(bytesWritten),

    isWritableStream,
    isWritableStreamLocked: (stream) => writableOf(stream).writer !== undefined,
    writableStreamState: (stream) => writableOf(stream).state,
    writableStreamAbort: (stream, reason) => writableStreamAbort(writableOf(stream), reason),
    writableStreamController: (stream) => writableOf(stream).controller,
    writableStreamDefaultControllerErrorIfNeeded: (controller, error) => controller.errorIfNeeded(error),
    writableStreamDefaultControllerSignal: (controller) => controller.getSignal(),
    acquireWritableStreamDefaultWriter: (stream) => acquireWritableStreamDefaultWriter(writableOf(stream)),
    writableStreamDefaultWriterClose: writableStreamDefaultWriterCloseWithErrorPropagation,
    writableStreamDefaultWriterRelease,
    writableStreamDefaultWriterWrite: (writer, chunk) => {
      const deferred = PromiseWithResolvers();
      writableStreamDefaultWriterWrite(writer, chunk, deferred);
      return deferred.promise;
    },

    transformStreamDefaultControllerEnqueue: (controller, chunk) => controller.enqueue(chunk),
    transformStreamDefaultControllerError: (controller, error) => controller.errorBoth(error),
    transformStreamDefaultControllerTerminate: (controller) => controller.terminate(),
  };
  ObjectDefineProperty(nano, "streams", { __proto__: null, value: streams });
  nano.hasStreams = true;
  return { __proto__: null };
};
