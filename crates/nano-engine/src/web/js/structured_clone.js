"use strict";
// structuredClone. The work is V8's serializer, in Rust; it refuses platform objects with a DataCloneError.
// Specification: https://html.spec.whatwg.org/#structured-cloning
(nano) => {
  const { ops } = nano;
  const { converters, dictionary, requiredArguments, sequence } = nano.webidl;

  const structuredSerializeOptions = dictionary("StructuredSerializeOptions", [
    { key: "transfer", converter: sequence(converters.object), defaultValue: () => [] },
  ]);

  // For the native halves: what cannot be cloned, and what cannot cross to the host.
  nano.dataCloneError = (message) => new nano.DOMException(message, "DataCloneError");

  nano.expose({
    structuredClone(value, options = undefined) {
      const prefix = "Failed to execute 'structuredClone'";
      requiredArguments(arguments.length, 1, prefix);
      return ops.structuredClone(value, structuredSerializeOptions(options, prefix, "parameter 2").transfer);
    },
  });
};
