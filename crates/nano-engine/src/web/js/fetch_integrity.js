"use strict";
// Subresource integrity: a response whose bytes are others than the request says is a network error.
// Specification: https://w3c.github.io/webappsec-subresource-integrity/
(nano) => {
  const {
    ArrayBufferPrototypeGetByteLength, ArrayPrototypePush, PromisePrototypeThen, PromiseResolve, RegExpPrototypeExec,
    StringFromCharCode, StringPrototypeReplaceAll, StringPrototypeSlice, TypeError, Uint8Array,
  } = nano.primordials;
  const { ops } = nano;
  const {
    bytesBody, consumeBody, fetchedResponse, responseBodyOf, responseFlatOf, responseMetaOf, responseStatusOf, responseStatusTextOf,
    toBytes,
  } = nano.fetch;
  const { digest } = ops.natives("crypto");

  const item = /^[\t\n\f\r ]*([^\t\n\f\r ]+)/;
  const digestItem = /^sha(256|384|512)-([A-Za-z0-9+/_-]+)={0,2}(?:\?[\x21-\x7e]*)?$/i;

  // https://w3c.github.io/webappsec-subresource-integrity/#parse-metadata, the strongest ones of it: undefined where there is nothing to
  // check.
  const parse = (metadata) => {
    let strongest;
    let rest = metadata;
    for (let found = RegExpPrototypeExec(item, rest); found !== null; found = RegExpPrototypeExec(item, rest)) {
      rest = StringPrototypeSlice(rest, found[0].length);
      const match = RegExpPrototypeExec(digestItem, found[1]);
      if (match === null) continue;
      if (strongest === undefined || match[1] > strongest.bits) strongest = { __proto__: null, bits: match[1], values: [] };
      // Both alphabets, with padding and without.
      const value = StringPrototypeReplaceAll(StringPrototypeReplaceAll(match[2], "-", "+"), "_", "/");
      if (match[1] === strongest.bits) ArrayPrototypePush(strongest.values, value);
    }
    return strongest;
  };

  const toText = (buffer) => {
    const bytes = new Uint8Array(buffer);
    let binary = "";
    for (let i = 0; i < ArrayBufferPrototypeGetByteLength(buffer); i++) binary += StringFromCharCode(bytes[i]);
    return StringPrototypeReplaceAll(ops.base64Encode(binary), "=", "");
  };

  const check = (response, expected) => {
    const body = responseBodyOf(response);
    return PromisePrototypeThen(consumeBody(body, toBytes), (bytes) => {
      const result = digest(`SHA-${expected.bits}`, bytes);
      return PromisePrototypeThen(typeof result === "number" ? nano.errand(result) : PromiseResolve(result), (buffer) => {
        const actual = toText(buffer);
        for (let i = 0; i < expected.values.length; i++) {
          if (expected.values[i] !== actual) continue;
          const { redirected, url } = responseMetaOf(response);
          return fetchedResponse(
            responseStatusOf(response), responseStatusTextOf(response), responseFlatOf(response), url, redirected,
            body === null ? null : bytesBody(bytes, null),
          );
        }
        throw new TypeError(`fetch failed: the response has the digest sha${expected.bits}-${actual}, which is not in the integrity metadata`);
      });
    });
  };

  const verify = (promise, metadata) => {
    const expected = parse(metadata);
    return expected === undefined ? promise : PromisePrototypeThen(promise, (response) => check(response, expected));
  };

  return { __proto__: null, verify };
};
