"use strict";
// DigestStream: a WritableStream that gives the digest of what has been written to it.
// Specification: https://developers.cloudflare.com/workers/runtime-apis/web-crypto/#constructors
(nano) => {
  const { BigInt, PromisePrototypeThen, PromiseWithResolvers, TypeError, TypedArrayPrototypeGetByteLength } = nano.primordials;
  const { ops } = nano;
  const { configureInterface, isArrayBuffer, isObject, requiredArguments } = nano.webidl;
  const { ArrayBufferIsView } = nano.primordials;
  const { bytesOf } = nano.encoding;
  const { WritableStream } = nano.streams;
  const { algorithmIdentifier, normalize } = nano.part("crypto_algorithms");
  const { checked, natives } = nano.part("crypto_formats");

  const ignore = () => undefined;

  class DigestStream extends WritableStream {
    #state;

    constructor(algorithm) {
      const prefix = "Failed to construct 'DigestStream'";
      requiredArguments(arguments.length, 1, prefix);
      const { name } = normalize(algorithmIdentifier(algorithm, prefix, "parameter 1"), "digest", prefix);
      const { promise, resolve, reject } = PromiseWithResolvers();
      // Whoever does not ask for the digest need not hear that there is none.
      PromisePrototypeThen(promise, undefined, ignore);
      const state = { __proto__: null, hasher: natives.hasherNew(name), digest: promise, written: 0 };
      super({
        __proto__: null,
        write(chunk) {
          const bytes = typeof chunk === "string" ? ops.utf8Encode(chunk) : isBytes(chunk) ? bytesOf(chunk) : undefined;
          if (bytes === undefined) {
            const error = new TypeError("A DigestStream takes strings, ArrayBuffers and views of them.");
            reject(error);
            throw error;
          }
          const length = TypedArrayPrototypeGetByteLength(bytes);
          const result = natives.hasherUpdate(state.hasher, bytes);
          state.written += length;
          return typeof result === "number" ? nano.errand(result) : checked(result);
        },
        close() {
          resolve(natives.hasherFinish(state.hasher));
        },
        abort(reason) {
          ops.release(state.hasher);
          reject(reason);
        },
      });
      this.#state = state;
    }

    get digest() {
      return this.#state.digest;
    }

    get bytesWritten() {
      return BigInt(this.#state.written);
    }
  }
  configureInterface(DigestStream);

  const isBytes = (value) => isObject(value) && (ArrayBufferIsView(value) || isArrayBuffer(value));

  return { __proto__: null, DigestStream };
};
