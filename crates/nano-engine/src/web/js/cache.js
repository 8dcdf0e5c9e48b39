"use strict";
// The Cache API: a part.
// Specification: https://w3c.github.io/ServiceWorker/#cache-interface, https://developers.cloudflare.com/workers/runtime-apis/cache/
//
// Cloudflare Workers' default cache is one of HTTP: Cache-Control and Expires say how long it keeps what is put, and Vary makes no
// difference. A cache that the app has named is the standard's: it keeps what says nothing about it for good, gives it back as it was, and
// matches by Vary. Both honour Range, If-None-Match and If-Modified-Since of the request that asks match(), as in Workers.
(nano) => {
  const { ArrayPrototypePush, ReflectApply, SafeSet, StringPrototypeIncludes, StringPrototypeIndexOf, StringPrototypeSlice, TypeError } = nano.primordials;
  const { abort, ops, fetch } = nano;
  const { configureInterface, converters, dictionary, illegalConstructor, requiredArguments, sequence } = nano.webidl;
  const {
    Request, bytesBody, isRequest, isResponse, isUnusable, requestAbortSignalOf, requestFlatOf, requestFrom, requestMethodOf,
    requestOptionsOf, requestTargetOf, requestUrlOf, responseBodyOf, responseFlatOf, responseMetaOf, responseOf, responseStatusOf,
    responseStatusTextOf,
  } = fetch;
  const { BodyReader, headerValue, isPromise } = nano.part("messages");

  const native = ops.natives("messages").cache;

  // The commands of the native half.
  const FIND = 0;
  const BEGIN = 1;
  const APPEND = 2;
  const COMMIT = 3;
  const DELETE = 4;
  const LIST = 5;
  const OPEN = 6;
  const NAMES = 7;
  const FORGET = 8;

  // What COMMIT answers besides 0.
  const NO_ROOM = 1;
  const DUPLICATE = 2;

  // The bits of a query's options.
  const IGNORE_SEARCH = 1;
  const IGNORE_VARY = 2;

  // Responses that addAll() fetches at once; there is a limit to calls (subrequests_at_once), and the app may have others.
  const FETCHES_AT_ONCE = 4;

  const key = { __proto__: null };

  const queryMembers = [
    { key: "ignoreMethod", converter: converters.boolean, defaultValue: false },
    { key: "ignoreSearch", converter: converters.boolean, defaultValue: false },
    { key: "ignoreVary", converter: converters.boolean, defaultValue: false },
  ];
  const toOptions = dictionary("CacheQueryOptions", queryMembers);
  const toMultiOptions = dictionary("MultiCacheQueryOptions", [
    queryMembers[0], queryMembers[1], queryMembers[2], { key: "cacheName", converter: converters.DOMString },
  ]);

  // https://fetch.spec.whatwg.org/#requestinfo
  const toInfo = (value, prefix, context) => (isRequest(value) ? value : converters.USVString(value, prefix, context));
  const toInfos = sequence(toInfo);
  const toRequest = (info) => (isRequest(info) ? info : new Request(info));

  const isHttp = (request) => {
    const scheme = ops.urlParse(requestTargetOf(request), undefined)?.[2];
    return scheme === "http:" || scheme === "https:";
  };

  const checkKey = (request, prefix) => {
    if (!isHttp(request)) throw new TypeError(`${prefix}: Invalid URL. Cache API keys must be fully-qualified, valid URLs.`);
  };

  const quotaError = (prefix) => new nano.DOMException(`${prefix}: the app may not keep so much (limit cache_bytes)`, "QuotaExceededError");

  const duplicateError = (prefix) => new nano.DOMException(`${prefix}: two of the requests are for the same entry`, "InvalidStateError");

  // What a request was, apart from its method, URL and headers, in one string, which is empty for most.
  const OPTION_NAMES = ["cache", "credentials", "mode", "redirect", "referrer", "referrerPolicy"];
  const packOptions = (options) => {
    let packed = options.keepalive ? "k" : "";
    for (let i = 0; i < OPTION_NAMES.length; i++) packed += `\n${options[OPTION_NAMES[i]]}`;
    return `${packed}\n${options.integrity}`;
  };
  const usualOptions = packOptions(requestOptionsOf(new Request("http://localhost/")));
  const notesOfRequest = (request) => {
    const packed = packOptions(requestOptionsOf(request));
    return packed === usualOptions ? "" : packed;
  };
  const optionsFrom = (notes) => {
    if (notes === "") notes = usualOptions;
    let at = StringPrototypeIndexOf(notes, "\n");
    const options = { __proto__: null, cf: undefined, keepalive: at > 0 };
    for (let i = 0; i < OPTION_NAMES.length; i++) {
      const end = StringPrototypeIndexOf(notes, "\n", at + 1);
      options[OPTION_NAMES[i]] = StringPrototypeSlice(notes, at + 1, end);
      at = end;
    }
    options.integrity = StringPrototypeSlice(notes, at + 1);
    return options;
  };

  // The same of a response. One of the default cache comes from the URL it was put at, as in Workers, and that is its note.
  const notesOfResponse = (cache, response) => {
    const { type, url, redirected } = responseMetaOf(response);
    return cache === null || (type === "default" && url === "" && !redirected) ? "" : `${type}\n${redirected ? "r" : ""}\n${url}`;
  };
  const metaFrom = (cache, notes) => {
    if (cache === null) return { __proto__: null, type: "basic", url: notes, guard: "immutable", redirected: false, isEncoded: true };
    if (notes === "") return { __proto__: null, type: "default", url: "", guard: "immutable", redirected: false, isEncoded: true };
    const first = StringPrototypeIndexOf(notes, "\n");
    const second = StringPrototypeIndexOf(notes, "\n", first + 1);
    return {
      __proto__: null, type: StringPrototypeSlice(notes, 0, first), url: StringPrototypeSlice(notes, second + 1), guard: "immutable",
      redirected: second > first + 1, isEncoded: true,
    };
  };

  const responseAt = (cache, values, i) => {
    const body = values[i + 3];
    return responseOf(values[i], values[i + 1], values[i + 2], metaFrom(cache, values[i + 4]), body === null ? null : bytesBody(body, null));
  };

  // Whether a request asks for anything: https://w3c.github.io/ServiceWorker/#query-cache
  const asks = (request, options) => options.ignoreMethod || requestMethodOf(request) === "GET";
  const bitsOf = (cache, options) =>
    (options.ignoreSearch ? IGNORE_SEARCH : 0) | (options.ignoreVary || cache === null ? IGNORE_VARY : 0);

  // Caches are what OPEN gave, or null for the default one.
  const find = (cache, request, options) => {
    if (!asks(request, options)) return undefined;
    const found = native(FIND, cache, requestTargetOf(request), requestFlatOf(request), bitsOf(cache, options));
    return found === undefined ? undefined : responseAt(cache, found, 0);
  };

  const list = (cache, wantsKeys, info, options) => {
    if (info === undefined) return native(LIST, cache, wantsKeys, undefined);
    const request = toRequest(info);
    if (!asks(request, options)) return [];
    return native(LIST, cache, wantsKeys, requestTargetOf(request), requestFlatOf(request), bitsOf(cache, options));
  };

  // What every response must be to be kept.
  const checkResponse = (response, prefix) => {
    if (responseStatusOf(response) === 206) {
      throw new TypeError(`${prefix}: Cannot cache response to a range request (206 Partial Content).`);
    }
    if (StringPrototypeIncludes(headerValue(responseFlatOf(response), "vary"), "*")) {
      throw new TypeError(`${prefix}: Cannot cache response with 'Vary: *' header.`);
    }
  };

  // Reads a body into what is to be kept; false if it is too large, and then the rest is not read.
  const fill = async (putting, reader) => {
    try {
      for (;;) {
        const read = reader.read();
        const bytes = isPromise(read) ? await read : read;
        if (bytes === null) return true;
        if (!native(APPEND, putting, bytes)) {
          reader.cancel(undefined);
          ops.release(putting);
          return false;
        }
      }
    } catch (error) {
      ops.release(putting);
      throw error;
    }
  };

  // What would be encoded when it is sent is kept as it is.
  const flatOf = (response) => {
    const flat = responseFlatOf(response);
    const isAsItSays = responseMetaOf(response).isEncoded || !StringPrototypeIncludes(flat, "content-encoding\n");
    return isAsItSays ? flat : nano.part("content_coding").withoutCoding(flat);
  };

  // { native } of what is to be committed, or undefined if the response must not be kept; read to its end, and a promise if that takes time.
  const gather = async (cache, request, response, prefix) => {
    const body = responseBodyOf(response);
    const reader = body === null ? null : new BodyReader(body);
    const status = responseStatusOf(response);
    const target = requestTargetOf(request);
    const fragment = StringPrototypeSlice(requestUrlOf(request), target.length);
    // What a conditional request got is no answer to others.
    const putting = cache === null && status === 304
      ? undefined
      : native(
        BEGIN, cache, target, fragment, cache === null ? "" : requestFlatOf(request), notesOfRequest(request), status,
        responseStatusTextOf(response), flatOf(response), notesOfResponse(cache, response), body !== null,
      );
    if (putting === undefined) {
      if (reader !== null) reader.cancel(undefined);
      return undefined;
    }
    if (reader === null || (await fill(putting, reader))) return { __proto__: null, native: putting };
    if (cache !== null) throw quotaError(prefix);
    return undefined;
  };

  // https://w3c.github.io/ServiceWorker/#batch-cache-operations, of puts.
  const commit = (cache, puttings, prefix) => {
    const args = [COMMIT, cache];
    for (let i = 0; i < puttings.length; i++) if (puttings[i] !== undefined) ArrayPrototypePush(args, puttings[i].native);
    if (args.length === 2) return;
    const result = ReflectApply(native, undefined, args);
    if (result === DUPLICATE) throw duplicateError(prefix);
    if (result === NO_ROOM && cache !== null) throw quotaError(prefix);
  };

  // https://w3c.github.io/ServiceWorker/#cache-addAll
  const addAll = async (cache, infos, prefix) => {
    const requests = [];
    const seen = new SafeSet();
    for (let i = 0; i < infos.length; i++) {
      const request = new Request(infos[i]);
      checkKey(request, prefix);
      if (requestMethodOf(request) !== "GET") throw new TypeError(`${prefix}: Cannot cache response to non-GET request.`);
      // Requests that are the same are for one entry whatever the responses vary by: nobody has to be asked.
      const same = `${requestTargetOf(request)}\n${requestFlatOf(request)}`;
      if (seen.has(same)) throw duplicateError(prefix);
      seen.add(same);
      ArrayPrototypePush(requests, request);
    }
    // The first failure ends what else is under way.
    const ending = abort.createSignal();
    const { start } = nano.part("fetch_call");
    const puttings = [];
    let failed = false;
    let failure;
    let next = 0;
    const one = async (i) => {
      const request = requests[i];
      const own = requestAbortSignalOf(request);
      const signal = own === null ? ending : abort.any([own, ending]);
      const response = await start(nano.outbound, request, { __proto__: null, signal }, true);
      const status = responseStatusOf(response);
      if (status < 200 || status > 299) throw new TypeError(`${prefix}: the response has the status ${status}, which is not ok.`);
      checkResponse(response, prefix);
      puttings[i] = await gather(cache, request, response, prefix);
    };
    const lane = async () => {
      while (next < requests.length && !failed) {
        try {
          await one(next++);
        } catch (error) {
          if (failed) return;
          failed = true;
          failure = error;
          abort.signalAbort(ending, error);
        }
      }
    };
    const lanes = [];
    for (let i = 0; i < requests.length; i++) ArrayPrototypePush(puttings, undefined);
    for (let i = 0; i < requests.length && i < FETCHES_AT_ONCE; i++) ArrayPrototypePush(lanes, lane());
    for (let i = 0; i < lanes.length; i++) await lanes[i];
    if (failed) {
      for (let i = 0; i < puttings.length; i++) if (puttings[i] !== undefined) ops.release(puttings[i].native);
      throw failure;
    }
    commit(cache, puttings, prefix);
  };

  class Cache {
    #cache;

    constructor() {
      if (arguments[0] !== key) illegalConstructor();
      this.#cache = arguments[1];
    }

    async add(request) {
      const cache = this.#cache;
      const prefix = "Failed to execute 'add' on 'Cache'";
      requiredArguments(arguments.length, 1, prefix);
      return addAll(cache, [toInfo(request, prefix, "parameter 1")], prefix);
    }

    async addAll(requests) {
      const cache = this.#cache;
      const prefix = "Failed to execute 'addAll' on 'Cache'";
      requiredArguments(arguments.length, 1, prefix);
      return addAll(cache, toInfos(requests, prefix, "parameter 1"), prefix);
    }

    async delete(request, options = undefined) {
      const cache = this.#cache;
      const prefix = "Failed to execute 'delete' on 'Cache'";
      requiredArguments(arguments.length, 1, prefix);
      request = toInfo(request, prefix, "parameter 1");
      options = toOptions(options, prefix, "parameter 2");
      request = toRequest(request);
      if (cache === null) checkKey(request, prefix);
      return asks(request, options) && native(DELETE, cache, requestTargetOf(request), requestFlatOf(request), bitsOf(cache, options));
    }

    async keys(request = undefined, options = undefined) {
      const cache = this.#cache;
      const prefix = "Failed to execute 'keys' on 'Cache'";
      if (request !== undefined) request = toInfo(request, prefix, "parameter 1");
      const values = list(cache, true, request, toOptions(options, prefix, "parameter 2"));
      const requests = [];
      for (let i = 0; i < values.length; i += 3) {
        ArrayPrototypePush(requests, requestFrom("GET", values[i], values[i + 1], optionsFrom(values[i + 2])));
      }
      return requests;
    }

    async match(request, options = undefined) {
      const cache = this.#cache;
      const prefix = "Failed to execute 'match' on 'Cache'";
      requiredArguments(arguments.length, 1, prefix);
      request = toInfo(request, prefix, "parameter 1");
      options = toOptions(options, prefix, "parameter 2");
      request = toRequest(request);
      if (cache === null) checkKey(request, prefix);
      return find(cache, request, options);
    }

    async matchAll(request = undefined, options = undefined) {
      const cache = this.#cache;
      const prefix = "Failed to execute 'matchAll' on 'Cache'";
      if (request !== undefined) request = toInfo(request, prefix, "parameter 1");
      const values = list(cache, false, request, toOptions(options, prefix, "parameter 2"));
      const responses = [];
      for (let i = 0; i < values.length; i += 5) ArrayPrototypePush(responses, responseAt(cache, values, i));
      return responses;
    }

    async put(request, response) {
      const cache = this.#cache;
      const prefix = "Failed to execute 'put' on 'Cache'";
      requiredArguments(arguments.length, 2, prefix);
      request = toInfo(request, prefix, "parameter 1");
      if (!isResponse(response)) throw new TypeError(`${prefix}: parameter 2 is not of type 'Response'.`);
      request = toRequest(request);
      if (cache === null && responseStatusOf(response) === 0) {
        throw new TypeError(`${prefix}: Cache is unable to store an error response`);
      }
      checkKey(request, prefix);
      if (requestMethodOf(request) !== "GET") throw new TypeError(`${prefix}: Cannot cache response to non-GET request.`);
      checkResponse(response, prefix);
      if (isUnusable(responseBodyOf(response))) {
        throw new TypeError(`${prefix}: the body has already been used, or its stream is locked.`);
      }
      commit(cache, [await gather(cache, request, response, prefix)], prefix);
    }
  }
  configureInterface(Cache);

  class CacheStorage {
    // No name leads to it: a cache opened as "default" is another.
    #default = new Cache(key, null);

    constructor() {
      if (arguments[0] !== key) illegalConstructor();
    }

    get default() {
      return this.#default;
    }

    async delete(cacheName) {
      this.#default;
      const prefix = "Failed to execute 'delete' on 'CacheStorage'";
      requiredArguments(arguments.length, 1, prefix);
      return native(FORGET, converters.DOMString(cacheName, prefix, "parameter 1"));
    }

    async has(cacheName) {
      this.#default;
      const prefix = "Failed to execute 'has' on 'CacheStorage'";
      requiredArguments(arguments.length, 1, prefix);
      return native(OPEN, converters.DOMString(cacheName, prefix, "parameter 1"), false) !== undefined;
    }

    async keys() {
      this.#default;
      return native(NAMES);
    }

    // Of the caches that have names, in the order in which they were made.
    async match(request, options = undefined) {
      this.#default;
      const prefix = "Failed to execute 'match' on 'CacheStorage'";
      requiredArguments(arguments.length, 1, prefix);
      request = toInfo(request, prefix, "parameter 1");
      options = toMultiOptions(options, prefix, "parameter 2");
      request = toRequest(request);
      const names = options.cacheName === undefined ? native(NAMES) : [options.cacheName];
      for (let i = 0; i < names.length; i++) {
        const cache = native(OPEN, names[i], false);
        if (cache === undefined) continue;
        const found = find(cache, request, options);
        ops.release(cache);
        if (found !== undefined) return found;
      }
      return undefined;
    }

    async open(cacheName) {
      this.#default;
      const prefix = "Failed to execute 'open' on 'CacheStorage'";
      requiredArguments(arguments.length, 1, prefix);
      const cache = native(OPEN, converters.DOMString(cacheName, prefix, "parameter 1"), true);
      if (cache === undefined) throw quotaError(prefix);
      return new Cache(key, cache);
    }
  }
  configureInterface(CacheStorage);

  return { __proto__: null, Cache, CacheStorage, caches: new CacheStorage(key) };
};
