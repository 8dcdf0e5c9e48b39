"use strict";
// node:string_decoder: text from pieces of bytes that may end inside a character. https://nodejs.org/api/string_decoder.html
(nano) => {
  const { TypeError } = nano.primordials;
  const { asModule, invalidArgType, withCode } = nano.part("node/errors");
  const { Buffer } = nano.part("node/buffer");
  const { find } = nano.part("node/buffer_codecs");
  const { isArrayBufferView } = nano.part("node/types");

  // How many bytes at the end belong to a character that is not whole yet.
  const unfinished = (bytes, name) => {
    const { length } = bytes;
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

  class StringDecoder {
    #codec;
    #rest = Buffer.alloc(0);
    encoding;

    constructor(encoding = undefined) {
      this.#codec = find(encoding);
      if (this.#codec === undefined) throw withCode(new TypeError(`Unknown encoding: ${encoding}`), "ERR_UNKNOWN_ENCODING");
      this.encoding = this.#codec.name;
    }

    write(piece) {
      if (typeof piece === "string") return piece;
      if (!isArrayBufferView(piece)) throw invalidArgType("buf", "an instance of Buffer, TypedArray, or DataView", piece);
      const all = Buffer.concat([this.#rest, Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)]);
      const whole = all.length - unfinished(all, this.#codec.name);
      this.#rest = Buffer.from(all.slice(whole));
      return whole === 0 ? "" : this.#codec.decode(all.slice(0, whole));
    }

    end(piece = undefined) {
      let text = piece === undefined ? "" : this.write(piece);
      if (this.#rest.length > 0) text += this.#codec.decode(this.#rest);
      this.#rest = Buffer.alloc(0);
      return text;
    }
  }
  return asModule({ StringDecoder });
};
