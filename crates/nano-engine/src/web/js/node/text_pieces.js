"use strict";
// Text from bytes that come in pieces, any of which may end inside a character, or inside what an encoding writes together.
(nano) => {
  const { TypedArrayPrototypeGetLength, TypedArrayPrototypeSet, Uint8Array, Uint8ArraySubarray } = nano.primordials;

  // How many bytes at the end belong to a character that is not whole yet.
  const unfinished = (bytes, name) => {
    const length = TypedArrayPrototypeGetLength(bytes);
    if (name === "utf16le") {
      if (length % 2 === 1) return length >= 3 && (bytes[length - 2] & 0xfc) === 0xd8 ? 3 : 1;
      return length >= 2 && (bytes[length - 1] & 0xfc) === 0xd8 ? 2 : 0;
    }
    if (name === "base64" || name === "base64url") return length % 3;
    if (name !== "utf8") return 0;
    for (let back = 1; back <= 3 && back <= length; back++) {
      const byte = bytes[length - back];
      if ((byte & 0xc0) === 0x80) continue;
      const size = byte >= 0xf0 && byte < 0xf5 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
      return byte < 0xf5 && size > back ? back : 0;
    }
    return 0;
  };

  const concat = (a, b) => {
    const length = TypedArrayPrototypeGetLength(a);
    const all = new Uint8Array(length + TypedArrayPrototypeGetLength(b));
    TypedArrayPrototypeSet(all, a);
    TypedArrayPrototypeSet(all, b, length);
    return all;
  };

  // Never an app's to see: `codec` is one of node/buffer_codecs.
  class TextPieces {
    #codec;
    #rest = new Uint8Array(0);

    constructor(codec) {
      this.#codec = codec;
    }

    get name() {
      return this.#codec.name;
    }

    write(piece) {
      const all = TypedArrayPrototypeGetLength(this.#rest) === 0 ? piece : concat(this.#rest, piece);
      const length = TypedArrayPrototypeGetLength(all);
      const whole = length - unfinished(all, this.#codec.name);
      this.#rest = new Uint8Array(Uint8ArraySubarray(all, whole, length));
      return whole === 0 ? "" : this.#codec.decode(Uint8ArraySubarray(all, 0, whole));
    }

    end() {
      const rest = this.#rest;
      this.#rest = new Uint8Array(0);
      return TypedArrayPrototypeGetLength(rest) === 0 ? "" : this.#codec.decode(rest);
    }
  }

  return { __proto__: null, TextPieces };
};
