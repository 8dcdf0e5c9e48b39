"use strict";
// Content-Encoding of responses, as Cloudflare Workers have it: of a response that says so the platform encodes the body, unless it was
// made with encodeBody "manual".
// https://developers.cloudflare.com/workers/runtime-apis/response/#parameters
(nano) => {
  const { ArrayPrototypePush, PromisePrototypeThen, StringPrototypeToLowerCase, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeSet, Uint8Array } =
    nano.primordials;
  const { ops } = nano;
  const { bytesBody, extractBody, headerOf, parseFlat, streamOf, takeBody, wholeBody } = nano.fetch;

  const noop = () => {};

  // What CompressionStream calls it; all others are the app's own business.
  const formatOf = (flat) => {
    switch (StringPrototypeToLowerCase(headerOf(flat, "content-encoding") ?? "")) {
      case "gzip": return "gzip";
      case "br": return "brotli";
      default: return undefined;
    }
  };

  // The headers of a response whose body is handed on as it is.
  const withoutCoding = (flat) => {
    if (formatOf(flat) === undefined) return flat;
    const list = parseFlat(flat);
    let kept = "";
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] !== "content-encoding") kept += `${kept === "" ? "" : "\n"}${list[i]}\n${list[i + 1]}`;
    }
    return kept;
  };

  const encodeBytes = (bytes, format) => {
    const codec = ops.codecNew(format, false);
    const pieces = [];
    let length = 0;
    const drain = () => {
      for (;;) {
        const piece = ops.codecRead(codec);
        if (piece === undefined) return;
        length += TypedArrayPrototypeGetByteLength(piece);
        ArrayPrototypePush(pieces, piece);
      }
    };
    ops.codecWrite(codec, bytes);
    drain();
    ops.codecWrite(codec);
    drain();
    ops.release(codec);
    if (pieces.length === 1) return pieces[0];
    const all = new Uint8Array(length);
    let at = 0;
    for (let i = 0; i < pieces.length; i++) {
      TypedArrayPrototypeSet(all, pieces[i], at);
      at += TypedArrayPrototypeGetByteLength(pieces[i]);
    }
    return all;
  };

  // A taken body, encoded. One that came with its coding has it.
  const encode = (taken, format) => {
    const { source } = taken;
    if (taken.stream === null && source.isEncoded === true) return taken;
    if (taken.stream === null && source.isWhole === true) return bytesBody(encodeBytes(source.take(), format), null);
    const whole = taken.stream === null ? wholeBody(taken) : undefined;
    if (whole !== undefined) return bytesBody(encodeBytes(typeof whole === "string" ? ops.utf8Encode(whole) : whole, format), null);
    const { readable, writable } = nano.part("compression").createCodecStream("Response", format, false);
    // It is to be read here, by a stream.
    taken.used = false;
    PromisePrototypeThen(nano.streams.readableStreamPipeTo(streamOf(taken), writable), noop, noop);
    return takeBody(extractBody(readable, "Response"));
  };

  return { __proto__: null, encode, formatOf, withoutCoding };
};
