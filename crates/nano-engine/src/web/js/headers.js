"use strict";
// Headers, over the native form of a header list: one string, "name\nvalue\nname\nvalue", with names in lower case.
// Specification: https://fetch.spec.whatwg.org/#headers-class
//
// A list that came from outside stays that string until an app looks inside, and leaves as the same string if nothing changed.
// The guards "request" and "response" forbid nothing: a server sets Cookie, Host and Set-Cookie itself.
(nano) => {
  const {
    ArrayPrototypePush, ArrayPrototypeSort, RegExpPrototypeExec, StringPrototypeCharCodeAt, StringPrototypeIndexOf,
    StringPrototypeSlice, StringPrototypeToLowerCase, SymbolIterator, TypeError,
  } = nano.primordials;
  const { configureInterface, converters, isObject, pairIterable, requiredArguments } = nano.webidl;

  // https://fetch.spec.whatwg.org/#header-name and #header-value
  const validName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
  const invalidValue = /[\0\r\n]/;
  // https://fetch.spec.whatwg.org/#cors-unsafe-request-header-byte
  const unsafeByte = /[\x00-\x08\x0a-\x1f"():<>?@[\\\]{}\x7f]/;
  const unsafeLanguage = /[^0-9A-Za-z *,\-.;=]/;
  const safeContentType = /^[\t\n\r ]*(?:application\/x-www-form-urlencoded|multipart\/form-data|text\/plain)[\t\n\r ]*(?:;|$)/i;

  // https://fetch.spec.whatwg.org/#header-names
  const isToken = (string) => RegExpPrototypeExec(validName, string) !== null;

  const isWhitespace = (code) => code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;

  // https://fetch.spec.whatwg.org/#concept-header-value-normalize
  const normalizeValue = (value) => {
    let start = 0;
    let end = value.length;
    while (start < end && isWhitespace(StringPrototypeCharCodeAt(value, start))) start++;
    while (end > start && isWhitespace(StringPrototypeCharCodeAt(value, end - 1))) end--;
    return end - start === value.length ? value : StringPrototypeSlice(value, start, end);
  };

  const parseFlat = (flat) => {
    const list = [];
    let start = 0;
    while (start < flat.length) {
      let end = StringPrototypeIndexOf(flat, "\n", start);
      if (end < 0) end = flat.length;
      ArrayPrototypePush(list, StringPrototypeSlice(flat, start, end));
      start = end + 1;
    }
    // The value of the last header may be empty.
    if (list.length % 2 === 1) ArrayPrototypePush(list, "");
    return list;
  };

  const pushHeader = (list, name, value) => {
    ArrayPrototypePush(list, name);
    ArrayPrototypePush(list, value);
  };

  // https://fetch.spec.whatwg.org/#concept-header-list-get
  const getCombined = (list, name) => {
    let value = null;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === name) value = value === null ? list[i + 1] : `${value}, ${list[i + 1]}`;
    }
    return value;
  };

  const contains = (list, name) => {
    for (let i = 0; i < list.length; i += 2) if (list[i] === name) return true;
    return false;
  };

  const values = (list, name) => {
    const found = [];
    for (let i = 0; i < list.length; i += 2) if (list[i] === name) ArrayPrototypePush(found, list[i + 1]);
    return found;
  };

  const remove = (list, name) => {
    let kept = 0;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === name) continue;
      list[kept++] = list[i];
      list[kept++] = list[i + 1];
    }
    list.length = kept;
  };

  const compareNames = (a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);

  // https://fetch.spec.whatwg.org/#concept-header-list-sort-and-combine
  const sortAndCombine = (list) => {
    const pairs = [];
    for (let i = 0; i < list.length; i += 2) ArrayPrototypePush(pairs, [list[i], list[i + 1]]);
    ArrayPrototypeSort(pairs, compareNames);
    let kept = 0;
    for (let i = 0; i < pairs.length; i++) {
      const pair = pairs[i];
      if (kept > 0 && pairs[kept - 1][0] === pair[0] && pair[0] !== "set-cookie") pairs[kept - 1][1] += `, ${pair[1]}`;
      else pairs[kept++] = pair;
    }
    pairs.length = kept;
    return pairs;
  };

  // https://fetch.spec.whatwg.org/#no-cors-safelisted-request-header-name
  const isNoCorsSafelistedName = (name) =>
    name === "accept" || name === "accept-language" || name === "content-language" || name === "content-type";

  // https://fetch.spec.whatwg.org/#no-cors-safelisted-request-header
  const isNoCorsSafelisted = (name, value) => {
    if (value.length > 128) return false;
    switch (name) {
      case "accept": return RegExpPrototypeExec(unsafeByte, value) === null;
      case "accept-language":
      case "content-language": return RegExpPrototypeExec(unsafeLanguage, value) === null;
      case "content-type":
        return RegExpPrototypeExec(unsafeByte, value) === null && RegExpPrototypeExec(safeContentType, value) !== null;
      default: return false;
    }
  };

  const pairsOf = nano.url.pairsConverter("header", converters.ByteString);

  const nameArgument = (name, prefix) => {
    if (!isToken(name)) throw new TypeError(`${prefix}: '${name}' is not a valid header name.`);
    return StringPrototypeToLowerCase(name);
  };

  const valueArgument = (value, prefix, name) => {
    value = normalizeValue(value);
    if (RegExpPrototypeExec(invalidValue, value) !== null) {
      throw new TypeError(`${prefix}: the value of '${name}' contains a null, a carriage return or a line feed.`);
    }
    return value;
  };

  // The first argument of a constructor that is called from inside; no app can name it.
  const fromFlat = { __proto__: null };

  let enter;
  let listOf;
  let writableList;
  let pairList;
  let appendValidated;
  let newHeaders;
  let fill;
  let copyHeaders;
  let toFlat;
  let guardOf;

  class Headers {
    // Either may be missing, not both: the string is dropped on the first change, the array is made on the first look.
    #flat = "";
    #list = null;
    #guard = "none";
    // What iteration gives, kept while nothing changes.
    #sorted = null;

    constructor(init = undefined) {
      if (init !== fromFlat && init !== undefined) fill(this, init, "Failed to construct 'Headers'", "parameter 1");
    }

    append(name, value) {
      const prefix = enter(this, "append", arguments.length, 2);
      name = converters.ByteString(name, prefix, "parameter 1");
      value = converters.ByteString(value, prefix, "parameter 2");
      appendValidated(this, name, value, prefix);
    }

    delete(name) {
      const prefix = enter(this, "delete", arguments.length, 1);
      name = nameArgument(converters.ByteString(name, prefix, "parameter 1"), prefix);
      const list = writableList(this, prefix);
      if (this.#guard === "request-no-cors") {
        if (name !== "range" && !isNoCorsSafelistedName(name)) return;
        if (contains(list, name)) remove(list, "range");
      }
      remove(list, name);
    }

    get(name) {
      const prefix = enter(this, "get", arguments.length, 1);
      name = nameArgument(converters.ByteString(name, prefix, "parameter 1"), prefix);
      return getCombined(listOf(this), name);
    }

    // Cloudflare Workers had this before there was getSetCookie().
    getAll(name) {
      const prefix = enter(this, "getAll", arguments.length, 1);
      name = nameArgument(converters.ByteString(name, prefix, "parameter 1"), prefix);
      if (name !== "set-cookie") throw new TypeError(`${prefix}: only 'Set-Cookie' may be read this way; use get().`);
      return values(listOf(this), name);
    }

    getSetCookie() {
      return values(listOf(this), "set-cookie");
    }

    has(name) {
      const prefix = enter(this, "has", arguments.length, 1);
      name = nameArgument(converters.ByteString(name, prefix, "parameter 1"), prefix);
      return contains(listOf(this), name);
    }

    set(name, value) {
      const prefix = enter(this, "set", arguments.length, 2);
      name = converters.ByteString(name, prefix, "parameter 1");
      value = valueArgument(converters.ByteString(value, prefix, "parameter 2"), prefix, name);
      name = nameArgument(name, prefix);
      const list = writableList(this, prefix);
      if (this.#guard === "request-no-cors" && !isNoCorsSafelisted(name, value)) return;
      let at = 0;
      while (at < list.length && list[at] !== name) at += 2;
      if (at === list.length) {
        pushHeader(list, name, value);
      } else {
        list[at + 1] = value;
        let kept = at + 2;
        for (let i = kept; i < list.length; i += 2) {
          if (list[i] === name) continue;
          list[kept++] = list[i];
          list[kept++] = list[i + 1];
        }
        list.length = kept;
      }
      if (this.#guard === "request-no-cors") remove(list, "range");
    }

    static {
      // An operation may run the app's code while it converts its arguments: the list is read after that.
      enter = (headers, operation, count, required) => {
        const prefix = `Failed to execute '${operation}' on 'Headers'`;
        if (!isObject(headers) || !(#flat in headers)) throw new TypeError(`${prefix}: Illegal invocation`);
        requiredArguments(count, required, prefix);
        return prefix;
      };

      listOf = (headers) => (headers.#list ??= parseFlat(headers.#flat));

      writableList = (headers, prefix) => {
        if (headers.#guard === "immutable") throw new TypeError(`${prefix}: these headers are immutable; make a copy.`);
        const list = listOf(headers);
        headers.#flat = null;
        headers.#sorted = null;
        return list;
      };

      pairList = (headers) => (headers.#sorted ??= sortAndCombine(listOf(headers)));

      // https://fetch.spec.whatwg.org/#concept-headers-append
      appendValidated = (headers, name, value, prefix) => {
        value = valueArgument(value, prefix, name);
        name = nameArgument(name, prefix);
        const list = writableList(headers, prefix);
        if (headers.#guard === "request-no-cors") {
          const present = getCombined(list, name);
          if (!isNoCorsSafelisted(name, present === null ? value : `${present}, ${value}`)) return;
          remove(list, "range");
        }
        pushHeader(list, name, value);
      };

      newHeaders = (flat, guard) => {
        const headers = new Headers(fromFlat);
        headers.#flat = flat;
        headers.#guard = guard;
        return headers;
      };

      // https://fetch.spec.whatwg.org/#concept-headers-fill
      fill = (headers, init, prefix, context) => {
        if (!isObject(init)) throw new TypeError(`${prefix}: ${context} is neither a sequence of headers nor an object.`);
        // Unless an app has given Headers another iterator, going through it would only sort what is copied here.
        if (#flat in init && headers.#guard !== "request-no-cors" && init[SymbolIterator] === entries) {
          copyHeaders(headers, init);
          return;
        }
        const pairs = pairsOf(init, prefix, context);
        for (let i = 0; i < pairs.length; i++) appendValidated(headers, pairs[i][0], pairs[i][1], prefix);
      };

      copyHeaders = (headers, from) => {
        headers.#flat = toFlat(from);
        headers.#list = null;
      };

      toFlat = (headers) => {
        if (headers.#flat !== null) return headers.#flat;
        const list = headers.#list;
        let flat = list.length === 0 ? "" : `${list[0]}\n${list[1]}`;
        for (let i = 2; i < list.length; i += 2) flat += `\n${list[i]}\n${list[i + 1]}`;
        // Both forms are true until the next change.
        headers.#flat = flat;
        return flat;
      };

      guardOf = (headers) => headers.#guard;

      pairIterable("Headers", this, (headers) => pairList(headers));
    }
  }
  const { entries } = Headers.prototype;
  configureInterface(Headers);

  nano.fetch = {
    __proto__: null,
    Headers,
    isToken,
    normalizeValue,
    // Headers over a native list that is not looked into before somebody asks.
    headersFromFlat: newHeaders,
    // The Headers of a Request or Response, filled from the init of their constructor.
    headersFromInit: (init, guard, prefix) => {
      const headers = newHeaders("", guard);
      fill(headers, init, prefix, "member 'headers'");
      return headers;
    },
    guardOf,
    headersContain: (headers, name) => contains(listOf(headers), name),
    headersAppend: (headers, name, value) => pushHeader(writableList(headers, ""), name, value),
    toFlat,
    // The combined value of a header in a native list, or null.
    headerOf: (flat, name) => getCombined(parseFlat(flat), name),
    parseFlat,
  };
  nano.expose({ Headers });
};
