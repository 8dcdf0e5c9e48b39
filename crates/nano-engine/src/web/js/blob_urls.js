"use strict";
// The blob: URLs of this instance, and the requests that were made for one.
// Specification: https://w3c.github.io/FileAPI/#url
(nano) => {
  const { RangeError, SafeMap, SafeWeakMap, StringPrototypeIndexOf, StringPrototypeSlice, TypeError } = nano.primordials;
  const { ops } = nano;
  const { converters } = nano.webidl;

  // URLs at once; what they stand for is charged as it is anywhere else.
  const URLS_MAX = 10_000;

  // https://w3c.github.io/FileAPI/#BlobURLStore
  const store = new SafeMap();

  // What the URL of a request stood for when the request was made.
  const requests = new SafeWeakMap();

  const create = (object) => {
    const prefix = "Failed to execute 'createObjectURL' on 'URL'";
    if (!nano.part("blob").isBlob(object)) throw new TypeError(`${prefix}: parameter 1 is not a Blob.`);
    if (store.size >= URLS_MAX) throw new RangeError(`${prefix}: there are ${URLS_MAX} object URLs already; revoke some.`);
    const origin = nano.baseUrl === undefined ? "null" : ops.urlParse(nano.baseUrl)[1];
    const url = `blob:${origin}/${ops.randomUuid()}`;
    store.set(url, object);
    return url;
  };

  const revoke = (url) => {
    const parts = ops.urlParse(converters.USVString(url, "Failed to execute 'revokeObjectURL' on 'URL'", "parameter 1"));
    if (parts !== undefined) store.delete(parts[0]);
  };

  // https://url.spec.whatwg.org/#concept-url-blob-entry
  const note = (request, url, from) => {
    let blob;
    if (from === null) {
      const hash = StringPrototypeIndexOf(url, "#");
      blob = store.get(hash < 0 ? url : StringPrototypeSlice(url, 0, hash));
    } else {
      blob = requests.get(from);
    }
    if (blob !== undefined) requests.set(request, blob);
  };

  return { __proto__: null, create, note, noted: (request) => requests.get(request), revoke };
};
