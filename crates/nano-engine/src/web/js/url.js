"use strict";
// URL and URLSearchParams. Parsing and serialising a URL is native; the query list and its link to the URL live here.
// Specification: https://url.spec.whatwg.org/
(nano) => {
  const {
    ArrayPrototypePush, ArrayPrototypeSort, StringPrototypeCharCodeAt, StringPrototypeIndexOf, StringPrototypeSlice, SymbolIterator,
    TypeError, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset, Uint8Array,
    decodeURIComponent,
  } = nano.primordials;
  const { ops } = nano;
  const { configureInterface, converters, isObject, pairIterable, record, requiredArguments, sequence } = nano.webidl;

  // What ops.urlSet calls the parts.
  const HREF = 0;
  const PROTOCOL = 1;
  const USERNAME = 2;
  const PASSWORD = 3;
  const HOST = 4;
  const HOSTNAME = 5;
  const PORT = 6;
  const PATHNAME = 7;
  const SEARCH = 8;
  const HASH = 9;

  // A URL is what ops.urlParse and ops.urlSet give when they are asked to write it out: its text, and these places in it.
  const PROTOCOL_END = 1;
  const USERNAME_END = 2;
  const PASSWORD_END = 3;
  const HOST_START = 4;
  const HOSTNAME_END = 5;
  const HOST_END = 6;
  const PATHNAME_START = 7;
  const SEARCH_START = 8;
  const HASH_START = 9;

  // A part that is empty may have its end before its beginning.
  const cut = (url, start, end) => StringPrototypeSlice(url[HREF], start, end);

  const searchOf = (url) => {
    const start = url[SEARCH_START];
    const end = url[HASH_START];
    return end - start > 1 ? cut(url, start, end) : "";
  };

  // https://url.spec.whatwg.org/#dom-url-search without the question mark
  const queryOf = (url) => cut(url, url[SEARCH_START] + 1, url[HASH_START]);

  // https://url.spec.whatwg.org/#concept-url-origin
  const originOf = (url) => {
    const protocol = cut(url, 0, url[PROTOCOL_END]);
    switch (protocol) {
      case "ftp:":
      case "http:":
      case "https:":
      case "ws:":
      case "wss:": return `${protocol}//${cut(url, url[HOST_START], url[HOST_END])}`;
      // As it is among the parts.
      case "blob:": return ops.urlParse(url[HREF], undefined)[1];
      default: return "null";
    }
  };

  // ops.urlSet answers undefined when the part stays as it was.
  const set = (url, part, value) => ops.urlSet(url[HREF], part, value, true) ?? url;

  // https://url.spec.whatwg.org/#concept-urlencoded-parser

  const hexDigit = (byte) => {
    if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
    const lower = byte | 0x20;
    return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
  };

  // Percent-decode, then UTF-8 decode without BOM: what decodeURIComponent does too, except that it refuses malformed input.
  const percentDecode = (string) => {
    try {
      return decodeURIComponent(string);
    } catch {
      const bytes = ops.utf8Encode(string);
      const end = TypedArrayPrototypeGetByteLength(bytes);
      let length = 0;
      for (let i = 0; i < end; i++) {
        const high = bytes[i] === 0x25 && i + 2 < end ? hexDigit(bytes[i + 1]) : -1;
        const low = high >= 0 ? hexDigit(bytes[i + 2]) : -1;
        if (low >= 0) i += 2;
        bytes[length++] = low >= 0 ? high * 16 + low : bytes[i];
      }
      const decoded = new Uint8Array(TypedArrayPrototypeGetBuffer(bytes), TypedArrayPrototypeGetByteOffset(bytes), length);
      return ops.utf8Decode(decoded, false, true);
    }
  };

  const decodePlus = (string) => {
    let plain = "";
    let start = 0;
    for (;;) {
      const plus = StringPrototypeIndexOf(string, "+", start);
      if (plus < 0) break;
      plain += StringPrototypeSlice(string, start, plus) + " ";
      start = plus + 1;
    }
    return start === 0 ? string : plain + StringPrototypeSlice(string, start);
  };

  // A name or a value, and what it has been seen to contain.
  const decodePart = (query, start, end, hasPlus, hasPercent) => {
    let part = StringPrototypeSlice(query, start, end);
    if (hasPlus) part = decodePlus(part);
    return hasPercent ? percentDecode(part) : part;
  };

  // Character by character: most names and values are shorter than what looking for one character in them costs.
  const parseQuery = (query) => {
    const list = [];
    const { length } = query;
    let name;
    let start = 0;
    let hasPlus = false;
    let hasPercent = false;
    for (let i = 0; i <= length; i++) {
      // The end ends a pair too.
      const code = i < length ? StringPrototypeCharCodeAt(query, i) : 0x26;
      if (code === 0x25) {
        hasPercent = true;
        continue;
      }
      if (code === 0x2b) {
        hasPlus = true;
        continue;
      }
      if (code !== 0x26 && (code !== 0x3d || name !== undefined)) continue;
      if (code === 0x3d) {
        name = decodePart(query, start, i, hasPlus, hasPercent);
      } else if (name !== undefined) {
        ArrayPrototypePush(list, [name, decodePart(query, start, i, hasPlus, hasPercent)]);
        name = undefined;
      } else if (i > start) {
        ArrayPrototypePush(list, [decodePart(query, start, i, hasPlus, hasPercent), ""]);
      }
      start = i + 1;
      hasPlus = false;
      hasPercent = false;
    }
    return list;
  };

  // https://url.spec.whatwg.org/#concept-urlencoded-serializer

  const HEX = "0123456789ABCDEF";

  const percentEncode = (byte) => `%${HEX[byte >> 4]}${HEX[byte & 15]}`;

  // What begins at a place is a character's only unit or, in a string without lone surrogates, the first of its two.
  const encodeCharacter = (string, at, code) => {
    if (code === 0x20) return "+";
    if (code < 0x80) return percentEncode(code);
    if (code < 0x800) return percentEncode(0xc0 | (code >> 6)) + percentEncode(0x80 | (code & 0x3f));
    if (code < 0xd800 || code > 0xdbff) {
      return percentEncode(0xe0 | (code >> 12)) + percentEncode(0x80 | ((code >> 6) & 0x3f)) + percentEncode(0x80 | (code & 0x3f));
    }
    const point = 0x10000 + ((code & 0x3ff) << 10) + (StringPrototypeCharCodeAt(string, at + 1) & 0x3ff);
    return percentEncode(0xf0 | (point >> 18)) + percentEncode(0x80 | ((point >> 12) & 0x3f)) +
      percentEncode(0x80 | ((point >> 6) & 0x3f)) + percentEncode(0x80 | (point & 0x3f));
  };

  const encodePart = (string) => {
    const { length } = string;
    let encoded = "";
    let start = 0;
    for (let i = 0; i < length; i++) {
      const code = StringPrototypeCharCodeAt(string, i);
      const isLetter = (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
      if (isLetter || (code >= 0x30 && code <= 0x39) || code === 0x2a || code === 0x2d || code === 0x2e || code === 0x5f) continue;
      encoded += StringPrototypeSlice(string, start, i) + encodeCharacter(string, i, code);
      if (code >= 0xd800 && code <= 0xdbff) i++;
      start = i + 1;
    }
    return start === 0 ? string : encoded + StringPrototypeSlice(string, start);
  };

  const serializeQuery = (list) => {
    let result = "";
    for (let i = 0; i < list.length; i++) {
      if (i > 0) result += "&";
      result += `${encodePart(list[i][0])}=${encodePart(list[i][1])}`;
    }
    return result;
  };

  const compareNames = (a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);

  const withoutQuestionMark = (string) => (string[0] === "?" ? StringPrototypeSlice(string, 1) : string);

  // Pairs from a union of a sequence of pairs and a record: what the constructors of URLSearchParams and Headers accept.
  const pairsConverter = (name, string) => {
    const pairs = sequence(sequence(string));
    const entries = record(string, string);
    return (init, prefix, context) => {
      const method = init[SymbolIterator];
      if (method === undefined || method === null) return entries(init, prefix, context);
      const list = pairs(init, prefix, context, { __proto__: null, method });
      for (let i = 0; i < list.length; i++) {
        if (list[i].length !== 2) throw new TypeError(`${prefix}: ${context}, item ${i}, is not a ${name} of two items.`);
      }
      return list;
    };
  };

  const queryPairs = pairsConverter("pair", converters.USVString);

  // The constructor's argument when a URL makes its searchParams; no app can name it.
  const ofUrl = { __proto__: null };

  let enter;
  let update;
  let searchParamsOf;
  let replaceList;
  let serializeParams;
  let pairsOf;
  let hrefOf;

  class URLSearchParams {
    #list;
    #url = null;

    constructor(init = "") {
      if (init === ofUrl) return;
      const prefix = "Failed to construct 'URLSearchParams'";
      this.#list = isObject(init)
        ? queryPairs(init, prefix, "parameter 1")
        : parseQuery(withoutQuestionMark(converters.USVString(init, prefix, "parameter 1")));
    }

    get size() {
      return this.#list.length;
    }

    append(name, value) {
      const prefix = enter(this, "append", arguments.length, 2);
      name = converters.USVString(name, prefix, "parameter 1");
      value = converters.USVString(value, prefix, "parameter 2");
      const list = this.#list;
      ArrayPrototypePush(list, [name, value]);
      update(this);
    }

    delete(name, value = undefined) {
      const prefix = enter(this, "delete", arguments.length, 1);
      name = converters.USVString(name, prefix, "parameter 1");
      if (value !== undefined) value = converters.USVString(value, prefix, "parameter 2");
      const list = this.#list;
      let kept = 0;
      for (let i = 0; i < list.length; i++) {
        const pair = list[i];
        if (pair[0] !== name || (value !== undefined && pair[1] !== value)) list[kept++] = pair;
      }
      list.length = kept;
      update(this);
    }

    get(name) {
      const prefix = enter(this, "get", arguments.length, 1);
      name = converters.USVString(name, prefix, "parameter 1");
      const list = this.#list;
      for (let i = 0; i < list.length; i++) if (list[i][0] === name) return list[i][1];
      return null;
    }

    getAll(name) {
      const prefix = enter(this, "getAll", arguments.length, 1);
      name = converters.USVString(name, prefix, "parameter 1");
      const list = this.#list;
      const values = [];
      for (let i = 0; i < list.length; i++) if (list[i][0] === name) ArrayPrototypePush(values, list[i][1]);
      return values;
    }

    has(name, value = undefined) {
      const prefix = enter(this, "has", arguments.length, 1);
      name = converters.USVString(name, prefix, "parameter 1");
      if (value !== undefined) value = converters.USVString(value, prefix, "parameter 2");
      const list = this.#list;
      for (let i = 0; i < list.length; i++) {
        if (list[i][0] === name && (value === undefined || list[i][1] === value)) return true;
      }
      return false;
    }

    set(name, value) {
      const prefix = enter(this, "set", arguments.length, 2);
      name = converters.USVString(name, prefix, "parameter 1");
      value = converters.USVString(value, prefix, "parameter 2");
      const list = this.#list;
      let kept = 0;
      let found = false;
      for (let i = 0; i < list.length; i++) {
        const pair = list[i];
        if (pair[0] === name) {
          if (found) continue;
          found = true;
          pair[1] = value;
        }
        list[kept++] = pair;
      }
      list.length = kept;
      if (!found) ArrayPrototypePush(list, [name, value]);
      update(this);
    }

    sort() {
      ArrayPrototypeSort(this.#list, compareNames);
      update(this);
    }

    toString() {
      return serializeQuery(this.#list);
    }

    static {
      // An operation may run the app's code while it converts its arguments: the list is read after that.
      enter = (params, operation, count, required) => {
        const prefix = `Failed to execute '${operation}' on 'URLSearchParams'`;
        if (!isObject(params) || !(#list in params)) throw new TypeError(`${prefix}: Illegal invocation`);
        requiredArguments(count, required, prefix);
        return prefix;
      };
      // https://url.spec.whatwg.org/#concept-urlsearchparams-update
      update = (params) => {
        if (params.#url !== null) setQuery(params.#url, serializeQuery(params.#list));
      };
      searchParamsOf = (url, query) => {
        const params = new URLSearchParams(ofUrl);
        params.#list = parseQuery(query);
        params.#url = url;
        return params;
      };
      replaceList = (params, query) => {
        params.#list = parseQuery(query);
      };
      pairsOf = (params) => params.#list;
      serializeParams = (value) => (#list in value ? serializeQuery(value.#list) : undefined);
      pairIterable("URLSearchParams", this, (params) => params.#list);
    }
  }
  configureInterface(URLSearchParams);

  let setPart;
  let setQuery;
  let updateSearchParams;

  class URL {
    #url;
    #searchParams = null;

    constructor(url, base = undefined) {
      const prefix = "Failed to construct 'URL'";
      requiredArguments(arguments.length, 1, prefix);
      url = converters.USVString(url, prefix, "parameter 1");
      if (base !== undefined) base = converters.USVString(base, prefix, "parameter 2");
      const parsed = ops.urlParse(url, base, true);
      if (parsed === undefined) throw new TypeError(`${prefix}: Invalid URL`);
      this.#url = parsed;
    }

    static parse(url, base = undefined) {
      const prefix = "Failed to execute 'parse' on 'URL'";
      requiredArguments(arguments.length, 1, prefix);
      url = converters.USVString(url, prefix, "parameter 1");
      if (base !== undefined) base = converters.USVString(base, prefix, "parameter 2");
      try {
        return new URL(url, base);
      } catch {
        return null;
      }
    }

    // https://w3c.github.io/FileAPI/#creating-revoking
    static createObjectURL(object) {
      requiredArguments(arguments.length, 1, "Failed to execute 'createObjectURL' on 'URL'");
      return nano.part("blob_urls").create(object);
    }

    static revokeObjectURL(url) {
      requiredArguments(arguments.length, 1, "Failed to execute 'revokeObjectURL' on 'URL'");
      nano.part("blob_urls").revoke(url);
    }

    static canParse(url, base = undefined) {
      const prefix = "Failed to execute 'canParse' on 'URL'";
      requiredArguments(arguments.length, 1, prefix);
      url = converters.USVString(url, prefix, "parameter 1");
      if (base !== undefined) base = converters.USVString(base, prefix, "parameter 2");
      return ops.urlParse(url, base, true) !== undefined;
    }

    get href() {
      return this.#url[HREF];
    }

    set href(value) {
      const prefix = "Failed to set the 'href' property on 'URL'";
      if (!isObject(this) || !(#url in this)) throw new TypeError("Illegal invocation");
      value = converters.USVString(value, prefix, "The value");
      const changed = ops.urlSet(this.#url[HREF], HREF, value, true);
      if (changed === undefined) throw new TypeError(`${prefix}: Invalid URL`);
      this.#url = changed;
      updateSearchParams(this);
    }

    get origin() {
      return originOf(this.#url);
    }

    get protocol() {
      return cut(this.#url, 0, this.#url[PROTOCOL_END]);
    }

    set protocol(value) {
      setPart(this, PROTOCOL, value);
    }

    get username() {
      return cut(this.#url, this.#url[PROTOCOL_END] + 2, this.#url[USERNAME_END]);
    }

    set username(value) {
      setPart(this, USERNAME, value);
    }

    get password() {
      return cut(this.#url, this.#url[USERNAME_END] + 1, this.#url[PASSWORD_END]);
    }

    set password(value) {
      setPart(this, PASSWORD, value);
    }

    get host() {
      return cut(this.#url, this.#url[HOST_START], this.#url[HOST_END]);
    }

    set host(value) {
      setPart(this, HOST, value);
    }

    get hostname() {
      return cut(this.#url, this.#url[HOST_START], this.#url[HOSTNAME_END]);
    }

    set hostname(value) {
      setPart(this, HOSTNAME, value);
    }

    get port() {
      return cut(this.#url, this.#url[HOSTNAME_END] + 1, this.#url[HOST_END]);
    }

    set port(value) {
      setPart(this, PORT, value);
    }

    get pathname() {
      return cut(this.#url, this.#url[PATHNAME_START], this.#url[SEARCH_START]);
    }

    set pathname(value) {
      setPart(this, PATHNAME, value);
    }

    get search() {
      return searchOf(this.#url);
    }

    set search(value) {
      setPart(this, SEARCH, value);
      updateSearchParams(this);
    }

    get searchParams() {
      return (this.#searchParams ??= searchParamsOf(this, queryOf(this.#url)));
    }

    get hash() {
      const start = this.#url[HASH_START];
      return this.#url[HREF].length - start > 1 ? cut(this.#url, start) : "";
    }

    set hash(value) {
      setPart(this, HASH, value);
    }

    toJSON() {
      return this.#url[HREF];
    }

    toString() {
      return this.#url[HREF];
    }

    static {
      hrefOf = (url) => url.#url[HREF];
      setPart = (url, part, value) => {
        if (!isObject(url) || !(#url in url)) throw new TypeError("Illegal invocation");
        value = converters.USVString(value);
        url.#url = set(url.#url, part, value);
      };
      setQuery = (url, query) => {
        url.#url = set(url.#url, SEARCH, query);
      };
      updateSearchParams = (url) => {
        if (url.#searchParams !== null) replaceList(url.#searchParams, queryOf(url.#url));
      };
    }
  }
  configureInterface(URL);

  nano.url = { __proto__: null, URL, URLSearchParams, hrefOf, pairsConverter, pairsOf, serializeParams };
  nano.expose({ URL, URLSearchParams });
};
