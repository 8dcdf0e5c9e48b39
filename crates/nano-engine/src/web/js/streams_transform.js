"use strict";
// TransformStream and TransformStreamDefaultController.
// Specification: https://streams.spec.whatwg.org/#ts
(nano) => {
  const {
    PromisePrototypeThen, PromiseWithResolvers, RangeError, ReflectApply, TypeError,
  } = nano.primordials;
  const { configureInterface, converters, dictionary, illegalConstructor, isObject } = nano.webidl;
  const internal = nano.streamsInternal;
  const {
    Latch, ReadableStream, WritableStream, chain, convertQueuingStrategy, createReadableSlots, createWritableSlots,
    extractHighWaterMark, follow, fromSlots, illegalInvocation, invoke, noop, perform,
  } = internal;

  // The slots of a TransformStream and of its controller, which live and die together.
  // https://streams.spec.whatwg.org/#ts-abstract-ops
  class TransformSlots {
    readable = undefined;
    writable = undefined;
    readableInterface = null;
    writableInterface = null;
    controllerInterface = null;
    backpressure = true;
    backpressureChange = new Latch();
    finish = undefined;
    transformAlgorithm;
    flushAlgorithm;
    cancelAlgorithm;

    // InitializeTransformStream and SetUpTransformStreamDefaultController
    constructor(startPromise, writableHighWaterMark, writableSize, readableHighWaterMark, readableSize) {
      const start = () => {
        const deferred = PromiseWithResolvers();
        follow(deferred, startPromise);
        return deferred.promise;
      };
      this.writable = createWritableSlots(
        start,
        (chunk) => this.sinkWrite(chunk),
        () => this.sinkClose(),
        (reason) => this.sinkAbort(reason),
        writableHighWaterMark,
        writableSize,
      );
      this.readable = createReadableSlots(
        start,
        () => this.sourcePull(),
        (reason) => this.sourceCancel(reason),
        readableHighWaterMark,
        readableSize,
      );
    }

    // TransformStreamError
    errorBoth(error) {
      this.readable.controller.error(error);
      this.errorWritableAndUnblockWrite(error);
    }

    errorWritableAndUnblockWrite(error) {
      this.clearAlgorithms();
      this.writable.controller.errorIfNeeded(error);
      this.unblockWrite();
    }

    setBackpressure(backpressure) {
      this.backpressureChange.resolve();
      this.backpressureChange = new Latch();
      this.backpressure = backpressure;
    }

    unblockWrite() {
      if (this.backpressure) this.setBackpressure(false);
    }

    // Controller: https://streams.spec.whatwg.org/#ts-default-controller-abstract-ops

    clearAlgorithms() {
      this.transformAlgorithm = undefined;
      this.flushAlgorithm = undefined;
      this.cancelAlgorithm = undefined;
    }

    enqueue(chunk) {
      const { controller } = this.readable;
      if (!controller.canCloseOrEnqueue()) {
        throw new TypeError("The readable side is not in a state that permits enqueue");
      }
      try {
        controller.enqueue(chunk);
      } catch (error) {
        this.errorWritableAndUnblockWrite(error);
        throw this.readable.storedError;
      }
      // ReadableStreamDefaultControllerHasBackpressure
      if (!controller.shouldCallPull() && !this.backpressure) this.setBackpressure(true);
    }

    performTransform(chunk) {
      return PromisePrototypeThen(perform(this.transformAlgorithm, chunk, this), undefined, (reason) => {
        this.errorBoth(reason);
        throw reason;
      });
    }

    terminate() {
      this.readable.controller.close();
      this.errorWritableAndUnblockWrite(new TypeError("The transform stream was terminated"));
    }

    // The writable side: https://streams.spec.whatwg.org/#ts-default-sink-abstract-ops

    sinkWrite(chunk) {
      if (!this.backpressure) return this.performTransform(chunk);
      return chain(this.backpressureChange.promise, () => {
        const { state, storedError } = this.writable;
        if (state === "erroring") throw storedError;
        return this.performTransform(chunk);
      });
    }

    sinkAbort(reason) {
      return this.finishWith(
        this.cancelAlgorithm,
        reason,
        () => {
          if (this.readable.state === "errored") throw this.readable.storedError;
          this.readable.controller.error(reason);
        },
        (error) => this.readable.controller.error(error),
      );
    }

    sinkClose() {
      return this.finishWith(
        this.flushAlgorithm,
        this,
        () => {
          if (this.readable.state === "errored") throw this.readable.storedError;
          this.readable.controller.close();
        },
        (error) => this.readable.controller.error(error),
      );
    }

    // The readable side: https://streams.spec.whatwg.org/#ts-default-source-abstract-ops

    sourcePull() {
      this.setBackpressure(false);
      return this.backpressureChange.promise;
    }

    sourceCancel(reason) {
      // A flush that waits to be read (compression.js) has nobody to wait for any more.
      if (this.finish !== undefined) this.unblockWrite();
      return this.finishWith(
        this.cancelAlgorithm,
        reason,
        () => {
          if (this.writable.state === "errored") throw this.writable.storedError;
          this.writable.controller.errorIfNeeded(reason);
          this.unblockWrite();
        },
        (error) => {
          this.writable.controller.errorIfNeeded(error);
          this.unblockWrite();
        },
      );
    }

    // What the three ways to an end have in common. The first decides; the others get its promise.
    finishWith(algorithm, argument, onFulfilled, onRejected) {
      if (this.finish !== undefined) return this.finish.promise;
      const finish = PromiseWithResolvers();
      this.finish = finish;
      const promise = perform(algorithm, argument);
      this.clearAlgorithms();
      PromisePrototypeThen(promise, () => {
        try {
          onFulfilled();
          finish.resolve();
        } catch (error) {
          finish.reject(error);
        }
      }, (error) => {
        onRejected(error);
        finish.reject(error);
      });
      return finish.promise;
    }
  }

  // Interfaces

  let controllerOf;

  class TransformStreamDefaultController {
    #slots;

    constructor() {
      if (arguments[0] !== fromSlots) illegalConstructor();
      this.#slots = arguments[1];
    }

    get desiredSize() {
      return controllerOf(this).readable.controller.getDesiredSize();
    }

    enqueue(chunk = undefined) {
      controllerOf(this).enqueue(chunk);
    }

    error(reason = undefined) {
      controllerOf(this).errorBoth(reason);
    }

    terminate() {
      controllerOf(this).terminate();
    }

    static {
      controllerOf = (value) => {
        if (!isObject(value) || !(#slots in value)) throw illegalInvocation();
        return value.#slots;
      };
    }
  }

  const convertTransformer = dictionary("Transformer", [
    { key: "cancel", converter: converters.Function },
    { key: "flush", converter: converters.Function },
    { key: "readableType", converter: converters.any },
    { key: "start", converter: converters.Function },
    { key: "transform", converter: converters.Function },
    { key: "writableType", converter: converters.any },
  ]);

  let transformOf;
  let isTransformStream;

  class TransformStream {
    #slots;

    constructor(transformer = undefined, writableStrategy = undefined, readableStrategy = undefined) {
      if (transformer === fromSlots) {
        this.#slots = writableStrategy;
        return;
      }
      const prefix = "Failed to construct 'TransformStream'";
      const object = transformer === undefined ? null : converters.object(transformer, prefix, "parameter 1");
      const writableMembers = convertQueuingStrategy(writableStrategy, prefix, "parameter 2");
      const readableMembers = convertQueuingStrategy(readableStrategy, prefix, "parameter 3");
      const { cancel, flush, readableType, start, transform, writableType } =
        convertTransformer(object, prefix, "parameter 1");
      if (readableType !== undefined) throw new RangeError(`${prefix}: the member 'readableType' is reserved`);
      if (writableType !== undefined) throw new RangeError(`${prefix}: the member 'writableType' is reserved`);
      const readableHighWaterMark = extractHighWaterMark(readableMembers, 0);
      const writableHighWaterMark = extractHighWaterMark(writableMembers, 1);
      const startDeferred = PromiseWithResolvers();
      const stream = new TransformSlots(
        startDeferred.promise, writableHighWaterMark, writableMembers.size, readableHighWaterMark, readableMembers.size,
      );
      this.#slots = stream;

      // SetUpTransformStreamDefaultControllerFromTransformer
      const exposed = () =>
        (stream.controllerInterface ??= new TransformStreamDefaultController(fromSlots, stream));
      stream.transformAlgorithm = transform === undefined
        ? (chunk) => stream.enqueue(chunk)
        : (chunk) => invoke(transform, object, [chunk, exposed()]);
      stream.flushAlgorithm = flush === undefined ? noop : () => invoke(flush, object, [exposed()]);
      stream.cancelAlgorithm = cancel === undefined ? noop : (reason) => invoke(cancel, object, [reason]);
      startDeferred.resolve(start === undefined ? undefined : ReflectApply(start, object, [exposed()]));
    }

    get readable() {
      return internal.transformReadable(transformOf(this));
    }

    get writable() {
      return internal.transformWritable(transformOf(this));
    }

    static {
      isTransformStream = (value) => isObject(value) && #slots in value;
      transformOf = (value) => {
        if (!isTransformStream(value)) throw illegalInvocation();
        return value.#slots;
      };
    }
  }

  configureInterface(TransformStream);
  configureInterface(TransformStreamDefaultController);

  internal.TransformSlots = TransformSlots;
  internal.TransformStream = TransformStream;
  internal.isTransformStream = isTransformStream;
  internal.transformOf = transformOf;
  internal.transformReadable = (stream) => (stream.readableInterface ??= new ReadableStream(fromSlots, stream.readable));
  internal.transformWritable = (stream) => (stream.writableInterface ??= new WritableStream(fromSlots, stream.writable));
  return { __proto__: null, TransformStream, TransformStreamDefaultController };
};
