"use strict";
// The Cache API as Cloudflare Workers have it: a part.
// Specification: https://developers.cloudflare.com/workers/runtime-apis/cache/, https://w3c.github.io/ServiceWorker/#cache-interface
//
// Unlike a browser's, this cache honours Cache-Control and Expires of what is put, and Range, If-None-Match and If-Modified-Since of
// the request that asks. Keys are URLs, without their fragment; Vary makes no difference, but for '*', which cannot be kept.
(nano) => {
  const { StringPrototypeIncludes, TypeError } = nano.primordials;
  const { ops, fetch } = nano;
  const { configureInterface, converters, dictionary, illegalConstructor, requiredArguments } = nano.webidl;
  const {
    Request, bytesBody, isRequest, isResponse, isUnusable, requestFlatOf, requestMethodOf, requestTargetOf,
    responseBodyOf, responseFlatOf, responseFrom, responseStatusOf, responseStatusTextOf,
  } = fetch;
  const { BodyReader, headerValue, isPromise } = nano.part("messages");

  const native = ops.natives("messages").cache;

  // The commands of the native half.
  const FIND = 0;
  const BEGIN = 1;
  const APPEND = 2;
  const COMMIT = 3;
  const DELETE = 4;

  const key = { __proto__: null };

  const toOptions = dictionary("CacheQueryOptions", [{ key: "ignoreMethod", converter: converters.boolean, defaultValue: false }]);

  const toRequest = (input) => (isRequest(input) ? input : new Request(input));

  // The key: an absolute URL without its fragment.
  const keyOf = (request, prefix) => {
    const url = ops.urlParse(requestTargetOf(request), undefined);
    if (url === undefined || (url[2] !== "http:" && url[2] !== "https:")) {
      throw new TypeError(`${prefix}: Invalid URL. Cache API keys must be fully-qualified, valid URLs.`);
    }
    return url[0];
  };

  // Reads a body into what is to be kept; false if it is too large, and then the rest is not read.
  const fill = async (putting, reader) => {
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
  };

  class Cache {
    #name;

    constructor() {
      if (arguments[0] !== key) illegalConstructor();
      this.#name = arguments[1];
    }

    async put(request, response) {
      const name = this.#name;
      const prefix = "Failed to execute 'put' on 'Cache'";
      requiredArguments(arguments.length, 2, prefix);
      request = toRequest(request);
      if (!isResponse(response)) throw new TypeError(`${prefix}: parameter 2 is not of type 'Response'.`);
      const status = responseStatusOf(response);
      if (status === 0) throw new TypeError(`${prefix}: Cache is unable to store an error response`);
      const url = keyOf(request, prefix);
      if (requestMethodOf(request) !== "GET") throw new TypeError(`${prefix}: Cannot cache response to non-GET request.`);
      if (status === 206) {
        throw new TypeError(`${prefix}: Cannot cache response to a range request (206 Partial Content).`);
      }
      const flat = responseFlatOf(response);
      if (StringPrototypeIncludes(headerValue(flat, "vary"), "*")) throw new TypeError(`${prefix}: Cannot cache response with 'Vary: *' header.`);
      const body = responseBodyOf(response);
      if (isUnusable(body)) throw new TypeError(`${prefix}: the body has already been used, or its stream is locked.`);
      const reader = body === null ? null : new BodyReader(body);
      // What a conditional request got is no answer to others.
      const putting = status === 304
        ? undefined
        : native(BEGIN, name, url, status, responseStatusTextOf(response), flat, body !== null);
      if (putting === undefined) {
        if (reader !== null) reader.cancel(undefined);
        return;
      }
      if (reader !== null && !(await fill(putting, reader))) return;
      native(COMMIT, putting);
    }

    async match(request, options = undefined) {
      const name = this.#name;
      const prefix = "Failed to execute 'match' on 'Cache'";
      requiredArguments(arguments.length, 1, prefix);
      request = toRequest(request);
      const { ignoreMethod } = toOptions(options, prefix, "parameter 2");
      const url = keyOf(request, prefix);
      if (requestMethodOf(request) !== "GET" && !ignoreMethod) return undefined;
      const found = native(FIND, name, url, requestFlatOf(request));
      if (found === undefined) return undefined;
      return responseFrom(found[0], found[1], found[2], url, found[3] === null ? null : bytesBody(found[3], null));
    }

    async delete(request, options = undefined) {
      const name = this.#name;
      const prefix = "Failed to execute 'delete' on 'Cache'";
      requiredArguments(arguments.length, 1, prefix);
      request = toRequest(request);
      const { ignoreMethod } = toOptions(options, prefix, "parameter 2");
      const url = keyOf(request, prefix);
      return requestMethodOf(request) === "GET" || ignoreMethod ? native(DELETE, name, url) : false;
    }
  }
  configureInterface(Cache);

  class CacheStorage {
    // The name no app can give: a cache opened as "default" is another.
    #default = new Cache(key, "");

    constructor() {
      if (arguments[0] !== key) illegalConstructor();
    }

    get default() {
      return this.#default;
    }

    async open(cacheName) {
      this.#default;
      const prefix = "Failed to execute 'open' on 'CacheStorage'";
      requiredArguments(arguments.length, 1, prefix);
      return new Cache(key, `/${converters.DOMString(cacheName, prefix, "parameter 1")}`);
    }
  }
  configureInterface(CacheStorage);

  return { __proto__: null, Cache, CacheStorage, caches: new CacheStorage(key) };
};
