"use strict";
// What the global fetch() does with a request that is not just for the host: other schemes than http(s), the mode "same-origin", integrity.
// Specification: https://fetch.spec.whatwg.org/#concept-scheme-fetch
(nano) => {
  const {
    Number, PromisePrototypeThen, PromiseResolve, RegExpPrototypeExec, StringPrototypeIndexOf, StringPrototypeSlice,
  } = nano.primordials;
  const { ops } = nano;
  const { bytesBody, fetchedResponse, headerOf, lazyBody } = nano.fetch;

  const dataResponse = (call) => {
    const parts = ops.dataUrl(call.url);
    if (parts === undefined) return undefined;
    const body = call.method === "HEAD" ? null : bytesBody(parts[1], null);
    return fetchedResponse(200, "OK", `content-type\n${parts[0]}`, call.url, false, body);
  };

  const byteRange = /^bytes[\t ]*=[\t ]*([0-9]*)[\t ]*-[\t ]*([0-9]*)$/;

  // https://fetch.spec.whatwg.org/#simple-range-header-value, with whitespace: the first byte and the last one, or undefined.
  const parseRange = (value, size) => {
    const match = RegExpPrototypeExec(byteRange, value);
    if (match === null) return undefined;
    const first = match[1] === "" ? undefined : Number(match[1]);
    const last = match[2] === "" ? undefined : Number(match[2]);
    if (first === undefined) {
      if (last === undefined || last === 0 || size === 0) return undefined;
      return { __proto__: null, start: last > size ? 0 : size - last, end: size - 1 };
    }
    if (last < first || first >= size) return undefined;
    return { __proto__: null, start: first, end: last === undefined || last >= size ? size - 1 : last };
  };

  const blobResponse = (call, request) => {
    const blob = nano.part("blob_urls").noted(request);
    if (blob === undefined || call.method !== "GET") return undefined;
    const { blobData, typeOf } = nano.part("blob");
    const data = blobData(blob);
    const type = `content-type\n${typeOf(blob)}`;
    const range = headerOf(call.flat, "range");
    if (range === null) {
      return fetchedResponse(200, "OK", `content-length\n${data.size}\n${type}`, call.url, false, lazyBody(data, null));
    }
    const place = parseRange(range, data.size);
    if (place === undefined) return undefined;
    const { start, end } = place;
    const flat = `content-length\n${end - start + 1}\ncontent-range\nbytes ${start}-${end}/${data.size}\n${type}`;
    return fetchedResponse(206, "Partial Content", flat, call.url, false, lazyBody(data.slice(start, end + 1), null));
  };

  // A local response comes in a microtask, so that whoever aborts at once is in time.
  const answer = (call, response, problem) => {
    PromisePrototypeThen(PromiseResolve(undefined), () => {
      if (response === undefined) {
        call.fail(`fetch failed: ${problem}`);
        return;
      }
      call.bodyDone();
      call.deferred.resolve(response);
    });
  };

  const sendHttp = (call) => {
    if (typeof call.binding !== "number") {
      answer(call, undefined, "this app may not use the network: use a binding in env");
      return;
    }
    const { originOf } = nano.part("fetch_redirect");
    if (call.options.mode === "same-origin" && originOf(call.url) !== originOf(nano.baseUrl)) {
      answer(call, undefined, "the URL is of another origin, and the request's mode is 'same-origin'");
      return;
    }
    call.send();
  };

  const begin = (call, request) => {
    const scheme = StringPrototypeSlice(call.url, 0, StringPrototypeIndexOf(call.url, ":"));
    switch (scheme) {
      case "http":
      case "https": sendHttp(call); break;
      case "data": answer(call, dataResponse(call), "the data: URL is malformed"); break;
      case "blob":
        answer(call, blobResponse(call, request), "the blob: URL is not there (any more), or the method or range is not for it");
        break;
      default: answer(call, undefined, `URLs with the scheme '${scheme}:' cannot be fetched`);
    }
  };

  const start = (call, request, isGlobal) => {
    if (isGlobal) begin(call, request);
    else call.send();
    const { integrity } = call.options;
    const { promise } = call.deferred;
    return integrity === "" ? promise : nano.part("fetch_integrity").verify(promise, integrity);
  };

  return { __proto__: null, start };
};
