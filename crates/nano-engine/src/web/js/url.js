"use strict";
// URL and URLSearchParams. Parsing and serialising a URL is native; the query list and its link to the URL live here.
// Specification: https://url.spec.whatwg.org/
(nano) => {
  const {
    ArrayPrototypePush, ArrayPrototypeSort, RegExpPrototypeExec, StringPrototypeCharCodeAt, StringPrototypeIndexOf,
    StringPrototypeSlice, SymbolIterator, TypeError, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength,
    TypedArrayPrototypeGetByteOffset, Uint8Array, decodeURIComponent, encodeURIComponent,
  } = nano.primordials;
  const { ops } = nano;
  const { configureInterface, converters, isObject, pairIterable, record, requiredArguments, sequence } = nano.webidl;

  // Where each part is in what ops.urlParse and ops.urlSet give.
  const HREF = 0;
  const ORIGIN = 1;
  const PROTOCOL = 2;
  const USERNAME = 3;
  const PASSWORD = 4;
  const HOST = 5;
  const HOSTNAME = 6;
  const PORT = 7;
  const PATHNAME = 8;
  const SEARCH = 9;
  const HASH = 10;

  // ops.urlSet leaves the origin out of its numbering, and answers undefined when the part stays as it was.
  const set = (parts, part, value) => ops.urlSet(parts[HREF], part - 1, value) ?? parts;

  // https://url.spec.whatwg.org/#concept-urlencoded-parser

  const needsDecoding = /[%+]/;

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

  const decodePart = (string) => {
    if (RegExpPrototypeExec(needsDecoding, string) === null) return string;
    let plain = "";
    let start = 0;
    for (;;) {
      const plus = StringPrototypeIndexOf(string, "+", start);
      if (plus < 0) break;
      plain += StringPrototypeSlice(string, start, plus) + " ";
      start = plus + 1;
    }
    return percentDecode(plain + StringPrototypeSlice(string, start));
  };

  const parseQuery = (query) => {
    const list = [];
    let start = 0;
    while (start < query.length) {
      let end = StringPrototypeIndexOf(query, "&", start);
      if (end < 0) end = query.length;
      if (end > start) {
        const piece = StringPrototypeSlice(query, start, end);
        const equals = StringPrototypeIndexOf(piece, "=");
        const name = equals < 0 ? piece : StringPrototypeSlice(piece, 0, equals);
        const value = equals < 0 ? "" : StringPrototypeSlice(piece, equals + 1);
        ArrayPrototypePush(list, [decodePart(name), decodePart(value)]);
      }
      start = end + 1;
    }
    return list;
  };

  // https://url.spec.whatwg.org/#concept-urlencoded-serializer

  const needsEncoding = /[^A-Za-z0-9*\-._]/;

  const encodePart = (string) => {
    if (RegExpPrototypeExec(needsEncoding, string) === null) return string;
    const encoded = encodeURIComponent(string);
    let result = "";
    let start = 0;
    for (let i = 0; i < encoded.length; i++) {
      let replacement;
      let width = 1;
      switch (StringPrototypeCharCodeAt(encoded, i)) {
        case 0x21: replacement = "%21"; break;
        case 0x27: replacement = "%27"; break;
        case 0x28: replacement = "%28"; break;
        case 0x29: replacement = "%29"; break;
        case 0x7e: replacement = "%7E"; break;
        case 0x25:
          if (encoded[i + 1] !== "2" || encoded[i + 2] !== "0") continue;
          replacement = "+";
          width = 3;
          break;
        default: continue;
      }
      result += StringPrototypeSlice(encoded, start, i) + replacement;
      start = i + width;
      i = start - 1;
    }
    return result + StringPrototypeSlice(encoded, start);
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

  let enter;
  let update;
  let searchParamsOf;
  let replaceList;
  let serializeParams;

  class URLSearchParams {
    #list;
    #url = null;

    constructor(init = "") {
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
        const params = new URLSearchParams();
        params.#list = parseQuery(query);
        params.#url = url;
        return params;
      };
      replaceList = (params, query) => {
        params.#list = parseQuery(query);
      };
      serializeParams = (value) => (#list in value ? serializeQuery(value.#list) : undefined);
      pairIterable("URLSearchParams", this, (params) => params.#list);
    }
  }
  configureInterface(URLSearchParams);

  let setPart;
  let setQuery;
  let updateSearchParams;

  class URL {
    #parts;
    #searchParams = null;

    constructor(url, base = undefined) {
      const prefix = "Failed to construct 'URL'";
      requiredArguments(arguments.length, 1, prefix);
      url = converters.USVString(url, prefix, "parameter 1");
      if (base !== undefined) base = converters.USVString(base, prefix, "parameter 2");
      const parts = ops.urlParse(url, base);
      if (parts === undefined) throw new TypeError(`${prefix}: Invalid URL`);
      this.#parts = parts;
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
      return ops.urlParse(url, base) !== undefined;
    }

    get href() {
      return this.#parts[HREF];
    }

    set href(value) {
      const prefix = "Failed to set the 'href' property on 'URL'";
      if (!isObject(this) || !(#parts in this)) throw new TypeError("Illegal invocation");
      value = converters.USVString(value, prefix, "The value");
      const parts = ops.urlSet(this.#parts[HREF], 0, value);
      if (parts === undefined) throw new TypeError(`${prefix}: Invalid URL`);
      this.#parts = parts;
      updateSearchParams(this);
    }

    get origin() {
      return this.#parts[ORIGIN];
    }

    get protocol() {
      return this.#parts[PROTOCOL];
    }

    set protocol(value) {
      setPart(this, PROTOCOL, value);
    }

    get username() {
      return this.#parts[USERNAME];
    }

    set username(value) {
      setPart(this, USERNAME, value);
    }

    get password() {
      return this.#parts[PASSWORD];
    }

    set password(value) {
      setPart(this, PASSWORD, value);
    }

    get host() {
      return this.#parts[HOST];
    }

    set host(value) {
      setPart(this, HOST, value);
    }

    get hostname() {
      return this.#parts[HOSTNAME];
    }

    set hostname(value) {
      setPart(this, HOSTNAME, value);
    }

    get port() {
      return this.#parts[PORT];
    }

    set port(value) {
      setPart(this, PORT, value);
    }

    get pathname() {
      return this.#parts[PATHNAME];
    }

    set pathname(value) {
      setPart(this, PATHNAME, value);
    }

    get search() {
      return this.#parts[SEARCH];
    }

    set search(value) {
      setPart(this, SEARCH, value);
      updateSearchParams(this);
    }

    get searchParams() {
      return (this.#searchParams ??= searchParamsOf(this, withoutQuestionMark(this.#parts[SEARCH])));
    }

    get hash() {
      return this.#parts[HASH];
    }

    set hash(value) {
      setPart(this, HASH, value);
    }

    toJSON() {
      return this.#parts[HREF];
    }

    toString() {
      return this.#parts[HREF];
    }

    static {
      setPart = (url, part, value) => {
        if (!isObject(url) || !(#parts in url)) throw new TypeError("Illegal invocation");
        value = converters.USVString(value);
        url.#parts = set(url.#parts, part, value);
      };
      setQuery = (url, query) => {
        url.#parts = set(url.#parts, SEARCH, query);
      };
      updateSearchParams = (url) => {
        if (url.#searchParams !== null) replaceList(url.#searchParams, withoutQuestionMark(url.#parts[SEARCH]));
      };
    }
  }
  configureInterface(URL);

  nano.url = { pairsConverter, serializeParams };
  nano.expose({ URL, URLSearchParams });
};
