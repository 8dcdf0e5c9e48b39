"use strict";
// node:stream/web: the web's streams under Node's roof. https://nodejs.org/api/webstreams.html
(nano) => {
  const { ReflectGet } = nano.primordials;
  const { asModule } = nano.part("node/errors");

  const names = [
    "ReadableStream", "ReadableStreamDefaultReader", "ReadableStreamBYOBReader", "ReadableStreamBYOBRequest", "ReadableByteStreamController",
    "ReadableStreamDefaultController", "TransformStream", "TransformStreamDefaultController", "WritableStream", "WritableStreamDefaultWriter",
    "WritableStreamDefaultController", "ByteLengthQueuingStrategy", "CountQueuingStrategy", "TextEncoderStream", "TextDecoderStream",
    "CompressionStream", "DecompressionStream",
  ];
  const streams = { __proto__: null };
  for (let i = 0; i < names.length; i++) streams[names[i]] = ReflectGet(globalThis, names[i]);
  return asModule(streams);
};
