"use strict";
// CompressionStream and DecompressionStream.
// Specification: https://compression.spec.whatwg.org/
//
// A chunk is worked through in steps of bounded size, each when the one before has been read: what a small input swells to
// never lies about as a whole.
(nano) => {
  const { PromisePrototypeThen, PromiseWithResolvers, TypeError, TypedArrayPrototypeGetByteLength } = nano.primordials;
  const { ops } = nano;
  const { configureInterface, converters, requiredArguments } = nano.webidl;
  const { bytesOf } = nano.encoding;
  const { createTransformStream } = nano.streams;

  const createCodecStream = (name, format, isDecompressor) => {
    const prefix = `Failed to construct '${name}'`;
    format = converters.DOMString(format, prefix, "parameter 1");
    const codec = ops.codecNew(format, isDecompressor);
    if (codec === undefined) throw new TypeError(`${prefix}: '${format}' is not a CompressionFormat.`);

    // Gives out what the chunk makes until somebody has to read it first; true when that was all.
    const advance = (controller) => {
      for (;;) {
        if (controller.readable.state !== "readable") return true;
        const bytes = ops.codecRead(codec);
        if (bytes === undefined) return true;
        if (TypedArrayPrototypeGetByteLength(bytes) === 0) continue;
        controller.enqueue(bytes);
        // What has been given out whole is done with, though nobody asks for more.
        if (controller.backpressure) return ops.codecIdle(codec);
      }
    };

    // A promise when that takes more than one step. One for all of them: a bomb has more steps than memory has room for promises.
    const drain = (controller) => {
      if (advance(controller)) return undefined;
      const deferred = PromiseWithResolvers();
      const wait = () => PromisePrototypeThen(controller.backpressureChange.promise, resume);
      const resume = () => {
        const { writable } = controller;
        try {
          if (writable.state === "erroring" || writable.state === "errored") throw writable.storedError;
          if (advance(controller)) deferred.resolve();
          else wait();
        } catch (error) {
          deferred.reject(error);
        }
      };
      wait();
      return deferred.promise;
    };

    const transform = (chunk, controller) => {
      converters.BufferSource(chunk, name, "The chunk");
      ops.codecWrite(codec, bytesOf(chunk));
      return drain(controller);
    };
    const flush = (controller) => {
      ops.codecWrite(codec);
      return drain(controller);
    };
    return createTransformStream(transform, flush, () => ops.release(codec));
  };

  class CompressionStream {
    #transform;

    constructor(format) {
      requiredArguments(arguments.length, 1, "Failed to construct 'CompressionStream'");
      this.#transform = createCodecStream("CompressionStream", format, false);
    }

    get readable() {
      return this.#transform.readable;
    }

    get writable() {
      return this.#transform.writable;
    }
  }
  configureInterface(CompressionStream);

  class DecompressionStream {
    #transform;

    constructor(format) {
      requiredArguments(arguments.length, 1, "Failed to construct 'DecompressionStream'");
      this.#transform = createCodecStream("DecompressionStream", format, true);
    }

    get readable() {
      return this.#transform.readable;
    }

    get writable() {
      return this.#transform.writable;
    }
  }
  configureInterface(DecompressionStream);

  return { __proto__: null, CompressionStream, DecompressionStream, createCodecStream };
};
