"use strict";
// Response. Headers come into being when an app asks for them, or gives some.
// Specification: https://fetch.spec.whatwg.org/#response-class
(nano) => {
  const { JSONStringify, RangeError, RegExpPrototypeExec, StringPrototypeIncludes, TypeError } = nano.primordials;
  const { fetch, ops } = nano;
  const { configureInterface, converters, isObject, requiredArguments } = nano.webidl;
  const {
    cloneBody, extractBody, headersAppend, headersContain, headersFromFlat, headersFromInit, isUnusable, mixinBody, nativeBody,
    textBody, toFlat,
  } = fetch;

  // https://httpwg.org/specs/rfc9112.html#status.line
  const reasonPhrase = /^[\t\x20-\x7e\x80-\xff]*$/;

  // The list that a text without headers makes; the same string each time.
  const TEXT_TYPE = "text/plain;charset=UTF-8";
  const TEXT_FLAT = `content-type\n${TEXT_TYPE}`;

  // https://fetch.spec.whatwg.org/#null-body-status
  const isNullBodyStatus = (status) => status === 101 || status === 103 || status === 204 || status === 205 || status === 304;

  const isRedirectStatus = (status) => status === 301 || status === 302 || status === 303 || status === 307 || status === 308;

  // What few responses have; most share one of these. The body of one that isEncoded is as its Content-Encoding says; all others are
  // encoded when they are sent.
  const plainMeta = { __proto__: null, type: "default", url: "", guard: "response", redirected: false, webSocket: null, isEncoded: false, cf: undefined };
  const fixedMeta = { __proto__: null, ...plainMeta, guard: "immutable" };
  const errorMeta = { __proto__: null, ...fixedMeta, type: "error" };
  const encodedMeta = { __proto__: null, ...plainMeta, isEncoded: true };

  // The first argument of a constructor that is called from inside; no app can name it.
  const blank = { __proto__: null };

  let isResponse;
  let metaOf;
  let statusOf;
  let statusTextOf;
  let flatOf;
  let headersOf;
  let bodyOf;
  let made;
  let initialize;
  let setBody;

  class Response {
    #body = null;
    // The header list in its native form; without one, the list follows from the type of the body.
    #flat = undefined;
    #headers = undefined;
    #status = 200;
    #statusText = "";
    #meta = plainMeta;

    constructor(body = null, init = undefined) {
      if (body === blank) return;
      const prefix = "Failed to construct 'Response'";
      const extracted = body === null ? null : extractBody(body, prefix);
      if (init !== undefined && init !== null) initialize(this, init, prefix);
      // Workers takes an empty text for none where there can be no body.
      if (extracted !== null && !(body === "" && isNullBodyStatus(this.#status))) setBody(this, extracted, prefix);
    }

    static error() {
      const response = new Response(blank);
      response.#status = 0;
      response.#meta = errorMeta;
      return response;
    }

    static redirect(url, status = 302) {
      const prefix = "Failed to execute 'redirect' on 'Response'";
      requiredArguments(arguments.length, 1, prefix);
      url = converters.USVString(url, prefix, "parameter 1");
      status = converters["unsigned short"](status, prefix, "parameter 2");
      const parts = ops.urlParse(url, nano.baseUrl);
      if (parts === undefined) throw new TypeError(`${prefix}: '${url}' is not a valid absolute URL.`);
      if (!isRedirectStatus(status)) throw new RangeError(`${prefix}: ${status} is not a redirect status.`);
      const response = new Response(blank);
      response.#status = status;
      response.#flat = `location\n${parts[0]}`;
      response.#meta = fixedMeta;
      return response;
    }

    static json(data, init = undefined) {
      const prefix = "Failed to execute 'json' on 'Response'";
      requiredArguments(arguments.length, 1, prefix);
      const text = JSONStringify(data);
      if (text === undefined) throw new TypeError(`${prefix}: the data has no JSON form.`);
      const response = new Response(blank);
      if (init !== undefined && init !== null) initialize(response, init, prefix);
      setBody(response, textBody(converters.USVString(text), "application/json"), prefix);
      return response;
    }

    get type() {
      return this.#meta.type;
    }

    get url() {
      return this.#meta.url;
    }

    get redirected() {
      return this.#meta.redirected;
    }

    get status() {
      return this.#status;
    }

    get ok() {
      return this.#status >= 200 && this.#status <= 299;
    }

    get statusText() {
      return this.#statusText;
    }

    get headers() {
      return headersOf(this);
    }

    // Of Workers.
    get webSocket() {
      return this.#meta.webSocket;
    }

    // What the app has said: an answer of a server has none.
    get cf() {
      return this.#meta.cf;
    }

    clone() {
      if (isUnusable(this.#body)) throw new TypeError("Failed to execute 'clone' on 'Response': the body has already been used.");
      const clone = new Response(blank);
      clone.#flat = flatOf(this);
      clone.#status = this.#status;
      clone.#statusText = this.#statusText;
      clone.#meta = this.#meta;
      clone.#body = cloneBody(this.#body);
      return clone;
    }

    static {
      isResponse = (value) => isObject(value) && #status in value;
      metaOf = (response) => response.#meta;
      statusOf = (response) => response.#status;
      statusTextOf = (response) => response.#statusText;
      bodyOf = (response) => response.#body;

      flatOf = (response) => {
        if (response.#headers !== undefined) return toFlat(response.#headers);
        if (response.#flat !== undefined) return response.#flat;
        const body = response.#body;
        if (body === null || body.type === null) return "";
        return body.type === TEXT_TYPE ? TEXT_FLAT : `content-type\n${body.type}`;
      };

      headersOf = (response) => (response.#headers ??= headersFromFlat(flatOf(response), response.#meta.guard));

      // https://fetch.spec.whatwg.org/#initialize-a-response, what does not concern the body
      initialize = (response, init, prefix) => {
        if (!isObject(init)) throw new TypeError(`${prefix}: parameter 2 is not an object, so it is not a ResponseInit.`);
        if (isResponse(init)) {
          if (init.#meta.isEncoded) response.#meta = encodedMeta;
        } else {
          let { encodeBody } = init;
          if (encodeBody !== undefined) {
            encodeBody = converters.DOMString(encodeBody, prefix, "member 'encodeBody'");
            if (encodeBody === "manual") response.#meta = encodedMeta;
            else if (encodeBody !== "automatic") {
              throw new TypeError(`${prefix}: member 'encodeBody' is '${encodeBody}', which is neither 'automatic' nor 'manual'.`);
            }
          }
        }
        const { headers } = init;
        if (headers !== undefined) response.#headers = headersFromInit(headers, "response", prefix);
        let { status } = init;
        if (status !== undefined) status = converters["unsigned short"](status, prefix, "member 'status'");
        let { statusText } = init;
        if (statusText !== undefined) {
          statusText = converters.ByteString(statusText, prefix, "member 'statusText'");
          if (RegExpPrototypeExec(reasonPhrase, statusText) === null) {
            throw new TypeError(`${prefix}: '${statusText}' is not a valid status text.`);
          }
          response.#statusText = statusText;
        }
        const { webSocket } = init;
        if (webSocket !== undefined && webSocket !== null) {
          if (!nano.part("websocket").isWebSocket(webSocket)) throw new TypeError(`${prefix}: member 'webSocket' is not a WebSocket.`);
          if (status !== 101) throw new RangeError(`${prefix}: a response with a WebSocket has the status 101.`);
          response.#status = 101;
          response.#meta = { __proto__: null, ...plainMeta, webSocket };
        } else if (status !== undefined) {
          if (status < 200 || status > 599) throw new RangeError(`${prefix}: the status ${status} is not in 200 to 599.`);
          response.#status = status;
        }
        const { cf } = init;
        if (cf !== undefined && cf !== null) response.#meta = { __proto__: null, ...response.#meta, cf: converters.object(cf, prefix, "member 'cf'") };
      };

      setBody = (response, body, prefix) => {
        if (isNullBodyStatus(response.#status)) {
          throw new TypeError(`${prefix}: a response with the status ${response.#status} cannot have a body.`);
        }
        response.#body = body;
        const headers = response.#headers;
        if (headers !== undefined && body.type !== null && !headersContain(headers, "content-type")) {
          headersAppend(headers, "content-type", body.type);
        }
      };

      // A response from elsewhere, with a body or null.
      made = (status, statusText, flat, meta, body) => {
        const response = new Response(blank);
        response.#flat = flat;
        response.#status = status;
        response.#statusText = statusText;
        response.#meta = meta;
        response.#body = body;
        return response;
      };
    }
  }
  mixinBody(Response, (response) => bodyOf(response), (response) => flatOf(response));
  configureInterface(Response);

  fetch.Response = Response;
  fetch.isNullBodyStatus = isNullBodyStatus;
  fetch.isResponse = isResponse;
  fetch.responseBodyOf = bodyOf;
  fetch.responseFlatOf = flatOf;
  // What fetch() gives.
  const fetched = (status, statusText, flat, url, redirected, body) => {
    const isEncoded = StringPrototypeIncludes(flat, "content-encoding\n");
    return made(status, statusText, flat, { __proto__: null, type: "basic", url, guard: "immutable", redirected, webSocket: null, isEncoded }, body);
  };
  fetch.fetchedResponse = fetched;
  fetch.responseOf = made;
  fetch.isRedirectStatus = isRedirectStatus;
  // The answer to a call; to one with the method HEAD, it has no body.
  fetch.responseFromNative = (id, status, statusText, flat, url, isHead, redirected) => {
    if (isHead || isNullBodyStatus(status)) return fetched(status, statusText, flat, url, redirected, null);
    const body = nativeBody(id);
    const response = fetched(status, statusText, flat, url, redirected, body ?? textBody("", null));
    if (body !== null) body.source.isEncoded = metaOf(response).isEncoded;
    return response;
  };
  fetch.responseMetaOf = metaOf;
  fetch.responseStatusOf = statusOf;
  fetch.responseStatusTextOf = statusTextOf;
  nano.expose({ Response });
};
