"use strict";
// What WebAssembly.compileStreaming and instantiateStreaming, which are V8's, do with what they are given.
// Specification: https://webassembly.github.io/spec/web-api/#compile-a-potential-webassembly-response
(nano) => {
  const { PromisePrototypeThen, RegExpPrototypeExec, TypeError } = nano.primordials;
  const { ops } = nano;
  const { consumeBody, headerOf, isResponse, responseBodyOf, responseFlatOf, responseStatusOf, toBytes } = nano.fetch;

  const wasmType = /^[\t ]*application\/wasm[\t ]*$/i;

  // Why it cannot be compiled.
  const problemOf = (response) => {
    if (!isResponse(response)) return "this is not a Response";
    const status = responseStatusOf(response);
    if (status < 200 || status > 299) return `the response has the status ${status}`;
    const type = headerOf(responseFlatOf(response), "content-type");
    if (type !== null && RegExpPrototypeExec(wasmType, type) !== null) return undefined;
    return `the response has the Content-Type '${type ?? ""}' instead of 'application/wasm'`;
  };

  // The bytes go to V8 at once: it would compile what has arrived on other threads, and there are none.
  const wasmStreaming = (response, stream) => {
    const problem = problemOf(response);
    if (problem !== undefined) {
      ops.wasmAbort(stream, new TypeError(`Failed to compile WebAssembly: ${problem}.`));
      return;
    }
    PromisePrototypeThen(
      consumeBody(responseBodyOf(response), toBytes),
      (bytes) => ops.wasmFinish(stream, bytes),
      (error) => ops.wasmAbort(stream, error),
    );
  };

  return { __proto__: null, wasmStreaming };
};
