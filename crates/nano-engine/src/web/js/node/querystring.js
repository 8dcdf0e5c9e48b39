"use strict";
// node:querystring: https://nodejs.org/api/querystring.html
(nano) => {
  const {
    ArrayIsArray, ArrayPrototypePush, Number, NumberIsFinite, NumberParseInt, ObjectHasOwn, ObjectKeys, RegExpPrototypeExec, String, StringFromCharCode,
    StringPrototypeCharCodeAt, StringPrototypeIndexOf, StringPrototypeReplaceAll, StringPrototypeSlice, URIError, decodeURIComponent,
    encodeURIComponent,
  } = nano.primordials;
  const { ops } = nano;
  const { asModule, withCode } = nano.part("node/errors");
  const { Buffer } = nano.part("node/buffer");

  const PAIRS = 1000;
  const escaped = /%[0-9a-fA-F]{2}/;

  const isHex = (code) => (code >= 48 && code <= 57) || (code >= 65 && code <= 70) || (code >= 97 && code <= 102);
  const percent = (byte) => `%${StringPrototypeSlice("0123456789ABCDEF", byte >> 4, (byte >> 4) + 1)}${StringPrototypeSlice("0123456789ABCDEF", byte & 15, (byte & 15) + 1)}`;

  // Node takes whatever follows a surrogate for its other half, and complains only when nothing does.
  const encodeLone = (text) => {
    let out = "";
    for (let i = 0; i < text.length; i++) {
      const unit = StringPrototypeCharCodeAt(text, i);
      if (unit < 0xd800 || unit > 0xdfff) {
        out += encodeURIComponent(text[i]);
        continue;
      }
      if (++i >= text.length) throw withCode(new URIError("URI malformed"), "ERR_INVALID_URI");
      const point = 0x10000 + (((unit & 0x3ff) << 10) | (StringPrototypeCharCodeAt(text, i) & 0x3ff));
      out += percent(0xf0 | (point >> 18)) + percent(0x80 | ((point >> 12) & 63)) + percent(0x80 | ((point >> 6) & 63)) + percent(0x80 | (point & 63));
    }
    return out;
  };

  const escape = (text) => {
    if (typeof text !== "string") text = typeof text === "object" ? String(text) : `${text}`;
    try {
      return encodeURIComponent(text);
    } catch {
      return encodeLone(text);
    }
  };

  const unescapeBuffer = (text, decodeSpaces = false) => {
    const out = Buffer.alloc(text.length);
    let length = 0;
    for (let i = 0; i < text.length; i++) {
      const code = StringPrototypeCharCodeAt(text, i);
      const isEscape = code === 37 && i + 2 < text.length && isHex(StringPrototypeCharCodeAt(text, i + 1)) && isHex(StringPrototypeCharCodeAt(text, i + 2));
      if (isEscape) {
        out[length++] = NumberParseInt(StringPrototypeSlice(text, i + 1, i + 3), 16);
        i += 2;
      } else {
        out[length++] = code === 43 && decodeSpaces ? 32 : code;
      }
    }
    return length === text.length ? out : out.subarray(0, length);
  };

  const unescape = (text, decodeSpaces = false) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return ops.utf8Decode(unescapeBuffer(`${text}`, decodeSpaces), false, true);
    }
  };

  const primitive = (value) => {
    if (typeof value === "string") return value;
    if (typeof value === "number") return NumberIsFinite(value) ? `${value}` : "";
    if (typeof value === "bigint" || typeof value === "boolean") return `${value}`;
    return "";
  };

  const stringify = (object, separator, equals, options) => {
    separator ||= "&";
    equals ||= "=";
    if (object === null || typeof object !== "object") return "";
    const encode = typeof options?.encodeURIComponent === "function" ? options.encodeURIComponent : whole.escape;
    const convert = (value) => encode(primitive(value));
    let out = "";
    let isFirst = true;
    const add = (key, value) => {
      out += `${isFirst ? "" : separator}${key}${convert(value)}`;
      isFirst = false;
    };
    const keys = ObjectKeys(object);
    for (let i = 0; i < keys.length; i++) {
      const value = object[keys[i]];
      const key = convert(keys[i]) + equals;
      if (!ArrayIsArray(value)) add(key, value);
      else for (let j = 0; j < value.length; j++) add(key, value[j]);
    }
    return out;
  };

  const parse = (text, separator, equals, options) => {
    const result = { __proto__: null };
    if (typeof text !== "string" || text.length === 0) return result;
    separator = separator ? `${separator}` : "&";
    equals = equals ? `${equals}` : "=";
    let left = typeof options?.maxKeys === "number" ? (options.maxKeys > 0 ? options.maxKeys : -1) : PAIRS;
    const decode = typeof options?.decodeURIComponent === "function" ? options.decodeURIComponent : whole.unescape;
    const isOwn = decode !== unescape;
    const decoded = (piece) => {
      const spaced = StringPrototypeReplaceAll(piece, "+", isOwn ? "%20" : " ");
      if (spaced === "" || (!isOwn && RegExpPrototypeExec(escaped, spaced) === null)) return spaced;
      try {
        return decode(spaced);
      } catch {
        return whole.unescape(spaced, true);
      }
    };
    for (let at = 0; at <= text.length;) {
      const found = StringPrototypeIndexOf(text, separator, at);
      const end = found < 0 ? text.length : found;
      if (end > at) {
        const pair = StringPrototypeSlice(text, at, end);
        const place = StringPrototypeIndexOf(pair, equals);
        const key = decoded(place < 0 ? pair : StringPrototypeSlice(pair, 0, place));
        const value = place < 0 ? "" : decoded(StringPrototypeSlice(pair, place + equals.length));
        if (!ObjectHasOwn(result, key)) result[key] = value;
        else if (ArrayIsArray(result[key])) ArrayPrototypePush(result[key], value);
        else result[key] = [result[key], value];
      }
      if (found < 0 || --left === 0) break;
      at = end + separator.length;
    }
    return result;
  };

  // What an app puts in the place of escape and unescape is used, as in Node.
  const whole = {};
  return asModule({ decode: parse, encode: stringify, escape, parse, stringify, unescape, unescapeBuffer }, whole);
};
