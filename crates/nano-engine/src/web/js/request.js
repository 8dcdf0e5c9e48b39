"use strict";
// Request. One that comes from the native side is made of strings and an id: its Headers, body and signal come into being when
// they are first looked at.
// Specification: https://fetch.spec.whatwg.org/#request-class
//
// Two departures, for code written for servers: a stream as body does not need { duplex: "half" }, and `cf` is carried along.
(nano) => {
  const {
    ObjectKeys, StringPrototypeIndexOf, StringPrototypeSlice, StringPrototypeStartsWith, StringPrototypeToUpperCase, TypeError,
  } = nano.primordials;
  const { abort, fetch, ops } = nano;
  const { configureInterface, converters, dictionary, enumeration, isObject, nullable, requiredArguments } = nano.webidl;
  const {
    cloneBody, extractBody, failBody, headersAppend, headersContain, headersFromFlat, headersFromInit, isToken, isUnusable,
    mixinBody, nativeBody, proxyBody, toFlat,
  } = fetch;

  const member = (key, converter) => ({ key, converter });

  const requestInit = dictionary("RequestInit", [
    member("body", converters.any),
    member("cache", enumeration("RequestCache", ["default", "no-store", "reload", "no-cache", "force-cache", "only-if-cached"])),
    member("cf", converters.any),
    member("credentials", enumeration("RequestCredentials", ["omit", "same-origin", "include"])),
    member("duplex", enumeration("RequestDuplex", ["half"])),
    member("headers", converters.any),
    member("integrity", converters.DOMString),
    member("keepalive", converters.boolean),
    member("method", converters.ByteString),
    member("mode", enumeration("RequestMode", ["navigate", "same-origin", "no-cors", "cors"])),
    member("priority", enumeration("RequestPriority", ["high", "low", "auto"])),
    member("redirect", enumeration("RequestRedirect", ["follow", "error", "manual"])),
    member("referrer", converters.USVString),
    member("referrerPolicy", enumeration("ReferrerPolicy", [
      "", "no-referrer", "no-referrer-when-downgrade", "same-origin", "origin", "strict-origin", "origin-when-cross-origin",
      "strict-origin-when-cross-origin", "unsafe-url",
    ])),
    member("signal", nullable(nano.webidl.interface("AbortSignal", abort.isAbortSignal))),
    member("window", converters.any),
  ]);

  const defaultOptions = {
    __proto__: null, cache: "default", cf: undefined, credentials: "same-origin", integrity: "", keepalive: false, mode: "cors",
    redirect: "follow", referrer: "about:client", referrerPolicy: "",
  };
  // A request is handed on as it came: following a redirect is the client's business.
  const nativeOptions = { __proto__: null, ...defaultOptions, redirect: "manual" };

  // https://fetch.spec.whatwg.org/#concept-method-normalize
  const normalizeMethod = (method, prefix) => {
    if (!isToken(method)) throw new TypeError(`${prefix}: '${method}' is not a valid HTTP method.`);
    const upper = StringPrototypeToUpperCase(method);
    switch (upper) {
      case "DELETE":
      case "GET":
      case "HEAD":
      case "OPTIONS":
      case "POST":
      case "PUT": return upper;
      case "CONNECT":
      case "TRACE":
      case "TRACK": throw new TypeError(`${prefix}: the method '${method}' is forbidden.`);
      default: return method;
    }
  };

  // A request for a blob: URL is for the object that the URL stood for when the request was made.
  const noteBlob = (request, from) => {
    if (StringPrototypeStartsWith(urlOf(request), "blob:")) nano.part("blob_urls").note(request, urlOf(request), from);
  };

  const isBodiless = (method) => method === "GET" || method === "HEAD";

  const parseReferrer = (referrer, prefix) => {
    if (referrer === "") return "";
    const parts = ops.urlParse(referrer, nano.baseUrl);
    if (parts === undefined) throw new TypeError(`${prefix}: the referrer '${referrer}' is not a valid URL.`);
    return parts[2] === "about:" && parts[8] === "client" ? "about:client" : parts[0];
  };

  const mergeOptions = (options, init, prefix) => {
    const merged = {
      __proto__: null,
      cache: init.cache ?? options.cache,
      cf: init.cf ?? options.cf,
      credentials: init.credentials ?? options.credentials,
      integrity: init.integrity ?? options.integrity,
      keepalive: init.keepalive ?? options.keepalive,
      mode: init.mode ?? options.mode,
      redirect: init.redirect ?? options.redirect,
      referrer: init.referrer === undefined ? "about:client" : parseReferrer(init.referrer, prefix),
      referrerPolicy: init.referrerPolicy ?? "",
    };
    if (merged.mode === "navigate") throw new TypeError(`${prefix}: the mode 'navigate' is for browsers only.`);
    if (merged.cache === "only-if-cached" && merged.mode !== "same-origin") {
      throw new TypeError(`${prefix}: the cache mode 'only-if-cached' needs the mode 'same-origin'.`);
    }
    return merged;
  };

  const parseUrl = (input, prefix) => {
    const url = converters.USVString(input, prefix, "parameter 1");
    const parts = ops.urlParse(url, nano.baseUrl);
    if (parts === undefined) throw new TypeError(`${prefix}: '${url}' is not a valid absolute URL.`);
    if (parts[3] !== "" || parts[4] !== "") throw new TypeError(`${prefix}: '${url}' is a URL with credentials.`);
    return parts[0];
  };

  // The first argument of a constructor that is called from inside; no app can name it.
  const fromNative = { __proto__: null };
  const noInit = { __proto__: null };

  let isRequest;
  let methodOf;
  let urlOf;
  let flatOf;
  let headersOf;
  let bodyOf;
  let signalOf;
  let abortSignalOf;
  let initialize;
  let optionsOf;
  let made;

  class Request {
    // A native request's id; -1 when the fields below are all there is.
    #id = -1;
    #method = undefined;
    #url = undefined;
    // The header list in its native form, until an app wants Headers.
    #flat = undefined;
    #headers = undefined;
    #body = undefined;
    // The signal, and the one it depends on, from which it is made when it is asked for.
    #signal = null;
    #parentSignal = null;
    #options = defaultOptions;

    constructor(input, init = undefined) {
      if (input === fromNative) {
        this.#id = init;
        this.#method = arguments[2];
        this.#url = arguments[3];
        this.#flat = arguments[4];
        this.#options = nativeOptions;
        return;
      }
      requiredArguments(arguments.length, 1, "Failed to construct 'Request'");
      initialize(this, input, init, "Failed to construct 'Request'");
    }

    get method() {
      return methodOf(this);
    }

    get url() {
      return urlOf(this);
    }

    get headers() {
      return headersOf(this);
    }

    get destination() {
      this.#options;
      return "";
    }

    get referrer() {
      return this.#options.referrer;
    }

    get referrerPolicy() {
      return this.#options.referrerPolicy;
    }

    get mode() {
      return this.#options.mode;
    }

    get credentials() {
      return this.#options.credentials;
    }

    get cache() {
      return this.#options.cache;
    }

    get redirect() {
      return this.#options.redirect;
    }

    get integrity() {
      return this.#options.integrity;
    }

    get keepalive() {
      return this.#options.keepalive;
    }

    get isReloadNavigation() {
      this.#options;
      return false;
    }

    get isHistoryNavigation() {
      this.#options;
      return false;
    }

    get signal() {
      return signalOf(this);
    }

    get duplex() {
      this.#options;
      return "half";
    }

    // What Cloudflare Workers know about a request besides; here only what the app itself gave.
    get cf() {
      return this.#options.cf;
    }

    clone() {
      const body = bodyOf(this);
      if (isUnusable(body)) throw new TypeError("Failed to execute 'clone' on 'Request': the body has already been used.");
      const clone = new Request(fromNative, -1, methodOf(this), urlOf(this), undefined);
      if (this.#headers === undefined && this.#id < 0) clone.#flat = flatOf(this);
      else clone.#headers = headersFromFlat(flatOf(this), fetch.guardOf(headersOf(this)));
      clone.#body = cloneBody(body);
      clone.#parentSignal = abortSignalOf(this);
      clone.#options = this.#options;
      noteBlob(clone, this);
      return clone;
    }

    static {
      isRequest = (value) => isObject(value) && #id in value;

      methodOf = (request) => request.#method;

      optionsOf = (request) => request.#options;

      urlOf = (request) => request.#url;

      flatOf = (request) => {
        if (request.#headers !== undefined) return toFlat(request.#headers);
        return (request.#flat ??= "");
      };

      headersOf = (request) =>
        (request.#headers ??= headersFromFlat(flatOf(request), request.#id < 0 ? "request" : "immutable"));

      bodyOf = (request) => {
        if (request.#body === undefined) request.#body = request.#id < 0 ? null : nativeBody(request.#id, isBodiless(request.#method));
        return request.#body;
      };

      signalOf = (request) =>
        (request.#signal ??= request.#parentSignal === null ? abort.createSignal() : abort.any([request.#parentSignal]));

      // What may abort this request; null when nothing can.
      abortSignalOf = (request) => request.#signal ?? (request.#id < 0 ? request.#parentSignal : signalOf(request));

      // One that somebody has made before, with headers that cannot be changed and no body.
      made = (method, url, flat, options) => {
        const request = new Request(fromNative, -1, method, url, undefined);
        request.#headers = headersFromFlat(flat, "immutable");
        request.#options = options;
        return request;
      };

      // https://fetch.spec.whatwg.org/#dom-request
      initialize = (request, input, dictionary, prefix) => {
        const from = isObject(input) && #id in input ? input : null;
        const url = from === null ? parseUrl(input, prefix) : urlOf(from);
        const init = dictionary === undefined || dictionary === null ? noInit : requestInit(dictionary, prefix, "parameter 2");
        request.#url = url;
        noteBlob(request, from);
        if (init.window !== undefined && init.window !== null) {
          throw new TypeError(`${prefix}: 'window' can only be null.`);
        }
        const inherited = from === null ? defaultOptions : from.#options;
        const options = ObjectKeys(init).length > 0 ? mergeOptions(inherited, init, prefix) : inherited;
        request.#options = options;
        const method = init.method === undefined
          ? from === null ? "GET" : methodOf(from)
          : normalizeMethod(init.method, prefix);
        request.#method = method;
        request.#parentSignal = init.signal === undefined ? (from === null ? null : abortSignalOf(from)) : init.signal;

        const noCors = options.mode === "no-cors";
        if (noCors && method !== "GET" && method !== "HEAD" && method !== "POST") {
          throw new TypeError(`${prefix}: the mode 'no-cors' does not allow the method '${method}'.`);
        }
        if (init.headers !== undefined) {
          request.#headers = headersFromInit(init.headers, noCors ? "request-no-cors" : "request", prefix);
        } else if (noCors) {
          const headers = from === null ? noInit : headersOf(from);
          request.#headers = headersFromInit(headers, "request-no-cors", prefix);
        } else {
          request.#flat = from === null ? "" : flatOf(from);
        }

        const inputBody = from === null ? null : bodyOf(from);
        const bodyGiven = init.body !== undefined && init.body !== null;
        if ((bodyGiven || inputBody !== null) && isBodiless(method)) {
          throw new TypeError(`${prefix}: a request with the method ${method} cannot have a body.`);
        }
        if (bodyGiven) {
          const body = extractBody(init.body, prefix, init.keepalive === true);
          request.#body = body;
          if (body.type === null) return;
          if (request.#headers === undefined && request.#flat === "") request.#flat = `content-type\n${body.type}`;
          else if (!headersContain(headersOf(request), "content-type")) {
            headersAppend(headersOf(request), "content-type", body.type);
          }
        } else if (inputBody !== null) {
          if (isUnusable(inputBody)) throw new TypeError(`${prefix}: the body of the request has already been used.`);
          request.#body = proxyBody(inputBody);
        }
      };
    }
  }
  mixinBody(Request, (request) => bodyOf(request), (request) => flatOf(request));
  configureInterface(Request);

  fetch.Request = Request;
  fetch.isRequest = isRequest;
  fetch.requestFromNative = (id, method, url, flat) => new Request(fromNative, id, method, url, flat);
  fetch.requestFrom = made;
  fetch.requestUrlOf = urlOf;
  fetch.requestMethodOf = methodOf;
  fetch.requestOptionsOf = optionsOf;
  fetch.requestFlatOf = flatOf;
  fetch.requestBodyOf = bodyOf;
  fetch.requestAbortSignalOf = abortSignalOf;
  // What goes over the wire: https://fetch.spec.whatwg.org/#concept-request-current-url without its fragment
  fetch.requestTargetOf = (request) => {
    const url = urlOf(request);
    const hash = StringPrototypeIndexOf(url, "#");
    return hash < 0 ? url : StringPrototypeSlice(url, 0, hash);
  };
  // The client of a native request has gone.
  fetch.cancelRequest = (request, reason) => {
    failBody(bodyOf(request), reason);
    fetch.abortRequest(request, reason);
  };
  // The same, as long as nothing has ended: what has come of its body can be read.
  fetch.abortRequest = (request, reason) => {
    abort.signalAbort(signalOf(request), reason);
  };
  fetch.Request = Request;
  nano.expose({ Request });
};
