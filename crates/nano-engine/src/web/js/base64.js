"use strict";
// atob and btoa.
// Specification: https://html.spec.whatwg.org/#atob, https://infra.spec.whatwg.org/#forgiving-base64
(nano) => {
  const { ops } = nano;
  const { converters, requiredArguments } = nano.webidl;

  nano.expose({
    atob(data) {
      const prefix = "Failed to execute 'atob'";
      requiredArguments(arguments.length, 1, prefix);
      const decoded = ops.base64Decode(converters.DOMString(data, prefix, "parameter 1"));
      if (decoded === undefined) {
        throw new nano.DOMException(`${prefix}: the string is not correctly encoded base64.`, "InvalidCharacterError");
      }
      return decoded;
    },

    btoa(data) {
      const prefix = "Failed to execute 'btoa'";
      requiredArguments(arguments.length, 1, prefix);
      const encoded = ops.base64Encode(converters.DOMString(data, prefix, "parameter 1"));
      if (encoded === undefined) {
        throw new nano.DOMException(`${prefix}: the string has a character above U+00FF.`, "InvalidCharacterError");
      }
      return encoded;
    },
  });
};
