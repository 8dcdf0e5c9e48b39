"use strict";
// node:string_decoder: text from pieces of bytes that may end inside a character. https://nodejs.org/api/string_decoder.html
(nano) => {
  const { TypeError } = nano.primordials;
  const { asModule, invalidArgType, withCode } = nano.part("node/errors");
  const { find } = nano.part("node/buffer_codecs");
  const { TextPieces } = nano.part("node/text_pieces");
  const { isArrayBufferView } = nano.part("node/types");
  const { bytesOf } = nano.encoding;

  class StringDecoder {
    #pieces;
    encoding;

    constructor(encoding = undefined) {
      const codec = find(encoding);
      if (codec === undefined) throw withCode(new TypeError(`Unknown encoding: ${encoding}`), "ERR_UNKNOWN_ENCODING");
      this.#pieces = new TextPieces(codec);
      this.encoding = codec.name;
    }

    write(piece) {
      if (typeof piece === "string") return piece;
      if (!isArrayBufferView(piece)) throw invalidArgType("buf", "an instance of Buffer, TypedArray, or DataView", piece);
      return this.#pieces.write(bytesOf(piece));
    }

    end(piece = undefined) {
      const text = piece === undefined ? "" : this.write(piece);
      return text + this.#pieces.end();
    }
  }
  return asModule({ StringDecoder });
};
