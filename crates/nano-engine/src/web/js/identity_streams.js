"use strict";
// IdentityTransformStream and FixedLengthStream, as Cloudflare Workers have them: bytes go through as they are, and the readable
// half is a byte stream.
// https://developers.cloudflare.com/workers/runtime-apis/streams/transformstream/
(nano) => {
  const {
    ArrayBufferIsView, BigInt, Number, NumberMAX_SAFE_INTEGER, PromisePrototypeThen,
    PromiseWithResolvers, RangeError, TypeError, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeSet, Uint8Array,
  } = nano.primordials;
  const { bytesOf } = nano.encoding;
  const { configureInterface, converters, dictionary, isArrayBuffer, requiredArguments } = nano.webidl;
  const {
    createReadableByteStream, createWritableStream, readableByteStreamControllerClose, readableByteStreamControllerEnqueue,
    readableByteStreamControllerError, readableStreamController, readableStreamState, writableStreamController,
    writableStreamDefaultControllerErrorIfNeeded,
  } = nano.streams;
  const { TransformStream, fromSlots } = nano.streamsInternal;

  const options = dictionary("IdentityTransformStreamOptions", [{ key: "highWaterMark", converter: converters["unrestricted double"] }]);

  const lengthOf = (chunk) => (ArrayBufferIsView(chunk) || isArrayBuffer(chunk) ? TypedArrayPrototypeGetByteLength(bytesOf(chunk)) : 0);

  // expected is the number of bytes that have to come, or undefined. A chunk waits until the other side asks for it.
  const createHalves = (name, expected, highWaterMark) => {
    let seen = 0;
    let demand = PromiseWithResolvers();
    const wake = () => {
      demand.resolve();
    };
    const readable = createReadableByteStream(
      undefined,
      () => {
        wake();
      },
      (reason) => {
        writableStreamDefaultControllerErrorIfNeeded(writableStreamController(writable), reason);
        wake();
      },
    );
    if (expected !== undefined) nano.fetch.streamLengths.set(readable, expected);
    const source = readableStreamController(readable);
    const fail = (error) => {
      if (readableStreamState(readable) === "readable") readableByteStreamControllerError(source, error);
      throw error;
    };
    const write = (chunk) => {
      if (!ArrayBufferIsView(chunk) && !isArrayBuffer(chunk)) fail(new TypeError(`A chunk of ${name} is not bytes.`));
      const bytes = bytesOf(chunk);
      const length = TypedArrayPrototypeGetByteLength(bytes);
      seen += length;
      if (expected !== undefined && seen > expected) {
        fail(new TypeError(`More than the ${expected} bytes of the FixedLengthStream were written.`));
      }
      if (length === 0) return undefined;
      // The app may change its chunk while it waits.
      const copy = new Uint8Array(length);
      TypedArrayPrototypeSet(copy, bytes);
      return PromisePrototypeThen(demand.promise, () => {
        if (readableStreamState(readable) !== "readable") return;
        demand = PromiseWithResolvers();
        readableByteStreamControllerEnqueue(source, copy);
      });
    };
    const close = () => {
      if (expected !== undefined && seen < expected) {
        fail(new TypeError(`Only ${seen} of the ${expected} bytes of the FixedLengthStream were written.`));
      }
      if (readableStreamState(readable) === "readable") readableByteStreamControllerClose(source);
    };
    const abort = (reason) => {
      if (readableStreamState(readable) === "readable") readableByteStreamControllerError(source, reason);
    };
    const size = highWaterMark === undefined ? undefined : lengthOf;
    const writable = createWritableStream(undefined, write, close, abort, highWaterMark ?? 1, size);
    return { __proto__: null, readableInterface: readable, writableInterface: writable };
  };

  const highWaterMarkOf = (value, prefix, context) => {
    const { highWaterMark } = options(value, prefix, context);
    if (highWaterMark !== undefined && !(highWaterMark >= 0)) {
      throw new RangeError(`${prefix}: the member 'highWaterMark' must be a number that is not negative.`);
    }
    return highWaterMark;
  };

  class IdentityTransformStream extends TransformStream {
    constructor(init = undefined) {
      if (init === fromSlots) {
        super(fromSlots, arguments[1]);
      } else {
        const highWaterMark = highWaterMarkOf(init, "Failed to construct 'IdentityTransformStream'", "parameter 1");
        super(fromSlots, createHalves("IdentityTransformStream", undefined, highWaterMark));
      }
    }
  }
  configureInterface(IdentityTransformStream);

  class FixedLengthStream extends IdentityTransformStream {
    constructor(expectedLength, init = undefined) {
      const prefix = "Failed to construct 'FixedLengthStream'";
      requiredArguments(arguments.length, 1, prefix);
      if (typeof expectedLength === "bigint") {
        if (expectedLength < 0n || expectedLength > BigInt(NumberMAX_SAFE_INTEGER)) {
          throw new TypeError(`${prefix}: the length is out of range.`);
        }
        expectedLength = Number(expectedLength);
      }
      const length = converters["unsigned long long"](expectedLength, prefix, "parameter 1", { __proto__: null, enforceRange: true });
      const highWaterMark = highWaterMarkOf(init, prefix, "parameter 2");
      super(fromSlots, createHalves("FixedLengthStream", length, highWaterMark));
    }
  }
  configureInterface(FixedLengthStream);

  return { __proto__: null, FixedLengthStream, IdentityTransformStream };
};
