"use strict";
// The encodings of node:buffer: text to bytes and back. https://nodejs.org/api/buffer.html#buffers-and-character-encodings
(nano) => {
  const {
    MathFloor, MathMin, ReflectApply, StringFromCharCode, StringPrototypeCharCodeAt, StringPrototypeToLowerCase, TypedArrayPrototypeGetLength,
    Uint8ArraySubarray, Uint8Array,
  } = nano.primordials;
  const { ops } = nano;

  const PIECE = 4096;

  // Bytes as the characters with the same numbers, mask taking off what an encoding does not have.
  const characters = (bytes, mask) => {
    const length = TypedArrayPrototypeGetLength(bytes);
    const piece = new Uint8Array(MathMin(PIECE, length));
    let text = "";
    for (let from = 0; from < length; from += PIECE) {
      const count = MathMin(PIECE, length - from);
      for (let i = 0; i < count; i++) piece[i] = bytes[from + i] & mask;
      text += ReflectApply(StringFromCharCode, undefined, count === piece.length ? piece : Uint8ArraySubarray(piece, 0, count));
    }
    return text;
  };

  const fromCharacters = (text) => {
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = StringPrototypeCharCodeAt(text, i);
    return bytes;
  };

  const latin1 = {
    __proto__: null, name: "latin1", encode: fromCharacters, decode: (bytes) => characters(bytes, 255), length: (text) => text.length,
  };

  const HEX = "0123456789abcdef";
  const hexValue = (code) => {
    if (code >= 48 && code <= 57) return code - 48;
    const lower = code | 32;
    return lower >= 97 && lower <= 102 ? lower - 87 : -1;
  };

  const hex = {
    __proto__: null,
    name: "hex",
    // Up to the first pair that is none.
    encode: (text) => {
      const bytes = new Uint8Array(MathFloor(text.length / 2));
      for (let i = 0; i < bytes.length; i++) {
        const high = hexValue(StringPrototypeCharCodeAt(text, 2 * i));
        const low = hexValue(StringPrototypeCharCodeAt(text, 2 * i + 1));
        if (high < 0 || low < 0) return Uint8ArraySubarray(bytes, 0, i);
        bytes[i] = high * 16 + low;
      }
      return bytes;
    },
    decode: (bytes) => {
      const length = TypedArrayPrototypeGetLength(bytes);
      let text = "";
      for (let i = 0; i < length; i++) text += HEX[bytes[i] >> 4] + HEX[bytes[i] & 15];
      return text;
    },
    length: (text) => MathFloor(text.length / 2),
  };

  const base64Value = (code) => {
    if (code >= 65 && code <= 90) return code - 65;
    if (code >= 97 && code <= 122) return code - 71;
    if (code >= 48 && code <= 57) return code + 4;
    if (code === 43 || code === 45) return 62;
    return code === 47 || code === 95 ? 63 : -1;
  };

  // Either alphabet; what belongs to none is passed over, "=" ends it.
  const base64Decode = (text) => {
    const bytes = new Uint8Array(MathFloor((text.length * 3) / 4) + 3);
    let used = 0;
    let bits = 0;
    let count = 0;
    for (let i = 0; i < text.length; i++) {
      const code = StringPrototypeCharCodeAt(text, i);
      if (code === 61) break;
      const value = base64Value(code);
      if (value < 0) continue;
      bits = ((bits << 6) | value) & 0xffffff;
      count += 6;
      if (count >= 8) {
        count -= 8;
        bytes[used++] = (bits >> count) & 255;
      }
    }
    return Uint8ArraySubarray(bytes, 0, used);
  };

  const base64Length = (text) => {
    let { length } = text;
    if (length > 0 && StringPrototypeCharCodeAt(text, length - 1) === 61) length--;
    if (length > 1 && StringPrototypeCharCodeAt(text, length - 1) === 61) length--;
    return MathFloor((length * 3) / 4);
  };

  const base64 = {
    __proto__: null,
    name: "base64",
    encode: base64Decode,
    decode: (bytes) => ops.base64Encode(characters(bytes, 255)),
    length: base64Length,
  };

  const { StringPrototypeReplaceAll, StringPrototypeIndexOf, StringPrototypeSlice } = nano.primordials;
  const base64url = {
    __proto__: null,
    name: "base64url",
    encode: base64Decode,
    decode: (bytes) => {
      const text = StringPrototypeReplaceAll(StringPrototypeReplaceAll(base64.decode(bytes), "+", "-"), "/", "_");
      const end = StringPrototypeIndexOf(text, "=");
      return end === -1 ? text : StringPrototypeSlice(text, 0, end);
    },
    length: base64Length,
  };

  const utf16le = {
    __proto__: null,
    name: "utf16le",
    encode: (text) => {
      const bytes = new Uint8Array(text.length * 2);
      for (let i = 0; i < text.length; i++) {
        const code = StringPrototypeCharCodeAt(text, i);
        bytes[2 * i] = code & 255;
        bytes[2 * i + 1] = code >> 8;
      }
      return bytes;
    },
    decode: (bytes) => {
      const length = MathFloor(TypedArrayPrototypeGetLength(bytes) / 2);
      let text = "";
      for (let i = 0; i < length; i++) text += StringFromCharCode(bytes[2 * i] | (bytes[2 * i + 1] << 8));
      return text;
    },
    length: (text) => text.length * 2,
  };

  const utf8 = {
    __proto__: null,
    name: "utf8",
    encode: (text) => ops.utf8Encode(text),
    decode: (bytes) => ops.utf8Decode(bytes, false, true),
    length: (text) => {
      let length = 0;
      for (let i = 0; i < text.length; i++) {
        const code = StringPrototypeCharCodeAt(text, i);
        if (code < 0x80) length += 1;
        else if (code < 0x800) length += 2;
        else if ((code & 0xfc00) === 0xd800 && (StringPrototypeCharCodeAt(text, i + 1) & 0xfc00) === 0xdc00) {
          length += 4;
          i++;
        } else length += 3;
      }
      return length;
    },
  };

  const ascii = { __proto__: null, name: "ascii", encode: fromCharacters, decode: (bytes) => characters(bytes, 127), length: (text) => text.length };

  const byName = {
    __proto__: null, utf8, "utf-8": utf8, hex, base64, base64url, latin1, binary: latin1, ascii, utf16le, "utf-16le": utf16le, ucs2: utf16le,
    "ucs-2": utf16le,
  };
  return {
    __proto__: null,
    utf8,
    // The encoding of that name, undefined if there is none.
    find: (name) => {
      if (name === undefined || name === null || name === "") return utf8;
      if (typeof name !== "string") return undefined;
      return byName[name] ?? byName[StringPrototypeToLowerCase(name)];
    },
  };
};
