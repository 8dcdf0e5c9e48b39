"use strict";
// TextEncoderStream and TextDecoderStream.
// Specification: https://encoding.spec.whatwg.org/#stream-api
(nano) => {
  const { StringPrototypeCharCodeAt, StringPrototypeSlice, Uint8Array } = nano.primordials;
  const { ops } = nano;
  const { configureInterface, converters } = nano.webidl;
  const { anyMemory, bytesOf, createDecoder, noBytes } = nano.encoding;
  const { createTransformStream } = nano.streams;

  class TextEncoderStream {
    #transform;

    constructor() {
      // The first half of a surrogate pair whose second half is in the next chunk.
      let leadSurrogate = "";
      this.#transform = createTransformStream(
        // https://encoding.spec.whatwg.org/#encode-and-enqueue-a-chunk
        (chunk, controller) => {
          const text = leadSurrogate + converters.DOMString(chunk, "TextEncoderStream", "The chunk");
          // Past the end of an empty string there is NaN, and no surrogate in it.
          const isSplit = (StringPrototypeCharCodeAt(text, text.length - 1) & 0xfc00) === 0xd800;
          leadSurrogate = isSplit ? StringPrototypeSlice(text, -1) : "";
          const whole = isSplit ? StringPrototypeSlice(text, 0, -1) : text;
          if (whole !== "") controller.enqueue(ops.utf8Encode(whole));
        },
        // https://encoding.spec.whatwg.org/#encode-and-flush
        (controller) => {
          if (leadSurrogate !== "") controller.enqueue(new Uint8Array([0xef, 0xbf, 0xbd]));
        },
      );
    }

    get encoding() {
      this.#transform;
      return "utf-8";
    }

    get readable() {
      return this.#transform.readable;
    }

    get writable() {
      return this.#transform.writable;
    }
  }
  configureInterface(TextEncoderStream);

  class TextDecoderStream {
    #decoder;
    #transform;

    constructor(label = "utf-8", options = undefined) {
      const decoder = createDecoder(label, options, "Failed to construct 'TextDecoderStream'");
      this.#decoder = decoder;
      this.#transform = createTransformStream(
        // https://encoding.spec.whatwg.org/#decode-and-enqueue-a-chunk
        (chunk, controller) => {
          converters.BufferSource(chunk, "TextDecoderStream", "The chunk", anyMemory);
          const text = decoder.decode(bytesOf(chunk), true);
          if (text !== "") controller.enqueue(text);
        },
        // https://encoding.spec.whatwg.org/#flush-and-enqueue
        (controller) => {
          const text = decoder.decode(noBytes, false);
          if (text !== "") controller.enqueue(text);
        },
        () => decoder.free(),
      );
    }

    get encoding() {
      return this.#decoder.encoding;
    }

    get fatal() {
      return this.#decoder.fatal;
    }

    get ignoreBOM() {
      return this.#decoder.ignoreBom;
    }

    get readable() {
      return this.#transform.readable;
    }

    get writable() {
      return this.#transform.writable;
    }
  }
  configureInterface(TextDecoderStream);

  return { TextDecoderStream, TextEncoderStream };
};
