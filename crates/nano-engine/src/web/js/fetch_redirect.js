"use strict";
// Redirects that a request asks to follow, or not to meet. A request that follows none ("manual") gets them as they are, as in Workers,
// and never comes here.
// Specification: https://fetch.spec.whatwg.org/#http-redirect-fetch
(nano) => {
  const {
    NumberPrototypeToString, StringPrototypeCharCodeAt, StringPrototypeSlice, StringPrototypeToUpperCase, TypeError,
    TypedArrayPrototypeGetSymbolToStringTag,
  } = nano.primordials;
  const { ops } = nano;
  const { headerOf, parseFlat } = nano.fetch;

  const REDIRECTS_MAX = 20;

  // https://fetch.spec.whatwg.org/#request-body-header-name, and how long the body was.
  const ofBody = {
    __proto__: null, "content-encoding": true, "content-language": true, "content-length": true, "content-location": true,
    "content-type": true,
  };
  // What is for one origin alone. The standard names Authorization; the others are not an app's to set there.
  const ofOrigin = { __proto__: null, authorization: true, cookie: true, host: true, "proxy-authorization": true };

  // A native header list without those.
  const without = (flat, names) => {
    const list = parseFlat(flat);
    let kept = "";
    for (let i = 0; i < list.length; i += 2) {
      if (names[list[i]] !== true) kept += `${kept === "" ? "" : "\n"}${list[i]}\n${list[i + 1]}`;
    }
    return kept;
  };

  const isRepeated = (flat) => {
    const list = parseFlat(flat);
    let count = 0;
    for (let i = 0; i < list.length; i += 2) if (list[i] === "location") count++;
    return count > 1;
  };

  // Bytes above ASCII are taken for what they are, as all browsers do, not for the characters of another encoding.
  const escapeBytes = (location) => {
    let escaped = "";
    let start = 0;
    for (let i = 0; i < location.length; i++) {
      const code = StringPrototypeCharCodeAt(location, i);
      if (code < 0x80) continue;
      escaped += `${StringPrototypeSlice(location, start, i)}%${StringPrototypeToUpperCase(NumberPrototypeToString(code, 16))}`;
      start = i + 1;
    }
    return start === 0 ? location : escaped + StringPrototypeSlice(location, start);
  };

  // Whether a body that was taken can be sent once more: nobody has read it up.
  const isReplayable = ({ source, stream }) => {
    if (stream !== null || source === null) return false;
    return typeof source === "string" || TypedArrayPrototypeGetSymbolToStringTag(source) !== undefined || source.bytes !== undefined;
  };

  const originOf = (url) => (url === undefined ? "null" : ops.urlParse(url)[1]);

  // Why a redirect cannot be followed; otherwise undefined, and the call is what has to be sent next.
  const prepare = (call, status, location, flat) => {
    if (call.options.redirect === "error") return "a redirect, and the request's redirect mode is 'error'";
    if (isRepeated(flat)) return "a redirect with more than one Location";
    const target = ops.urlParse(escapeBytes(location), call.url);
    if (target === undefined) return `a redirect to '${location}', which is not a valid URL`;
    if (target[2] !== "http:" && target[2] !== "https:") return `a redirect to a URL with the scheme '${target[2]}'`;
    if (call.redirects === REDIRECTS_MAX) return `more than ${REDIRECTS_MAX} redirects`;
    call.redirects++;
    const hasCredentials = target[3] !== "" || target[4] !== "";
    const isForeign = target[1] !== originOf(nano.baseUrl);
    if (isForeign && hasCredentials) return "a redirect to a URL with credentials";
    if (isForeign && call.options.mode === "same-origin") return "a redirect to another origin, and the request's mode is 'same-origin'";
    if (status !== 303 && call.taken !== null && !isReplayable(call.taken)) {
      return `status ${status}, which asks for the body again, and the body is a stream that can be read once`;
    }
    const { method } = call;
    const becomesGet = status === 303 ? method !== "GET" && method !== "HEAD" : status < 303 && method === "POST";
    if (becomesGet) {
      call.method = "GET";
      call.taken = null;
      call.flat = without(call.flat, ofBody);
    }
    if (target[1] !== originOf(call.url)) call.flat = without(call.flat, ofOrigin);
    const href = StringPrototypeSlice(target[0], 0, target[0].length - target[10].length);
    call.url = hasCredentials ? ops.urlSet(ops.urlSet(href, 3, "")[0], 4, "")[0] : href;
    return undefined;
  };

  // Whether a response with a redirect status needs no more of the call that it answers.
  const follow = (call, status, flat) => {
    const location = headerOf(flat, "location");
    if (location === null && call.options.redirect !== "error") return false;
    const problem = prepare(call, status, location, flat);
    // Of this answer nobody wants the body, and of the request nobody reads the rest.
    if (call.pump !== null) call.pump.cancel(new TypeError("The peer has answered with a redirect."));
    call.pump = null;
    ops.callCancel(call.id);
    if (problem !== undefined) {
      call.fail(`fetch failed: the answer is ${problem}`);
      return true;
    }
    try {
      call.send();
    } catch (error) {
      call.bodyDone();
      call.deferred.reject(error);
    }
    return true;
  };

  return { __proto__: null, follow, originOf };
};
