"use strict";
// node:stream/consumers: all of a stream at once. https://nodejs.org/api/webstreams.html#utility-consumers
(nano) => {
  const { ArrayPrototypePush, JSONParse, Uint8Array } = nano.primordials;
  const { asModule, invalidArgType } = nano.part("node/errors");
  const { Buffer } = nano.part("node/buffer");
  const { createDecoder, noBytes } = nano.encoding;
  const { isUint8Array } = nano.part("node/types");
  const { from, concat } = Buffer;

  const pieces = async (stream) => {
    const list = [];
    for await (const chunk of stream) {
      if (typeof chunk !== "string" && !nano.primordials.ArrayBufferIsView(chunk) && !nano.part("node/types").isAnyArrayBuffer(chunk)) {
        throw invalidArgType("chunk", "of type string or an instance of Buffer, TypedArray or ArrayBuffer", chunk);
      }
      ArrayPrototypePush(list, isUint8Array(chunk) ? chunk : typeof chunk === "string" ? from(chunk, "utf8") : new Uint8Array(from(chunk.buffer ?? chunk, chunk.byteOffset, chunk.byteLength)));
    }
    return list;
  };

  const buffer = async (stream) => concat(await pieces(stream));
  const text = async (stream) => {
    const decoder = createDecoder("utf-8", { __proto__: null, ignoreBOM: false }, "");
    let text = "";
    for await (const chunk of stream) text += typeof chunk === "string" ? chunk : decoder.decode(chunk, true);
    return text + decoder.decode(noBytes, false);
  };
  return asModule({
    arrayBuffer: async (stream) => {
      const bytes = await buffer(stream);
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    },
    blob: async (stream) => new (nano.part("blob").Blob)(await pieces(stream)),
    buffer,
    bytes: async (stream) => new Uint8Array(await buffer(stream)),
    json: async (stream) => JSONParse(await text(stream)),
    text,
  });
};
