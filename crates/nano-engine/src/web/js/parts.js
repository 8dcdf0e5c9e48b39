"use strict";
// What most apps never use: each part is a file that runs when it is first needed, and returns the interfaces it defines.
(nano) => {
  const { ObjectDefineProperty } = nano.primordials;
  const { ops } = nano;

  nano.primordials = nano.primordialsOfParts;

  const loaded = { __proto__: null };

  nano.part = (name) => loaded[name] ??= ops.part(name, ops)(nano, name);

  // Which part defines which global.
  const partOf = { __proto__: null };

  // Globals that look like any other, and run their part when they are first read.
  const expose = (part, names) => {
    for (let i = 0; i < names.length; i++) {
      partOf[names[i]] = part;
      ops.lazyProperty(globalThis, names[i]);
    }
  };

  nano.lazyGlobal = (name) => {
    const exports = nano.part(partOf[name]);
    return name === "process" ? exports.default : exports[name];
  };

  // Whoever reads nano.streams has the streams loaded; nano.hasStreams tells whether there can be one at all.
  nano.hasStreams = false;
  ObjectDefineProperty(nano, "streams", {
    __proto__: null,
    configurable: true,
    get() {
      nano.part("streams");
      return nano.streams;
    },
  });

  expose("streams", [
    "ByteLengthQueuingStrategy", "CountQueuingStrategy", "ReadableByteStreamController", "ReadableStream", "ReadableStreamBYOBReader",
    "ReadableStreamBYOBRequest", "ReadableStreamDefaultController", "ReadableStreamDefaultReader", "TransformStream",
    "TransformStreamDefaultController", "WritableStream", "WritableStreamDefaultController", "WritableStreamDefaultWriter",
  ]);
  nano.exposeGetter("performance", () => nano.part("performance").performance);
  expose("performance", ["Performance", "PerformanceEntry", "PerformanceMark", "PerformanceMeasure"]);
  expose("performance_observer", ["PerformanceObserver", "PerformanceObserverEntryList"]);
  expose("event_types", ["CloseEvent", "CustomEvent", "ErrorEvent", "MessageEvent", "PromiseRejectionEvent"]);
  expose("encoding_streams", ["TextDecoderStream", "TextEncoderStream"]);
  expose("quota_exceeded_error", ["QuotaExceededError"]);
  expose("subtle", ["SubtleCrypto"]);
  expose("crypto_key", ["CryptoKey"]);
  // Workers have it there.
  partOf.DigestStream = "digest_stream";
  ops.lazyProperty(nano.crypto.crypto, "DigestStream");
  expose("fs", [
    "FileSystemDirectoryHandle", "FileSystemFileHandle", "FileSystemHandle", "FileSystemWritableFileStream", "StorageManager",
  ]);
  expose("blob", ["Blob", "File"]);
  expose("file_reader", ["FileReader", "ProgressEvent"]);
  expose("form_data", ["FormData"]);
  expose("compression", ["CompressionStream", "DecompressionStream"]);
  expose("messaging", ["MessageChannel", "MessagePort"]);
  expose("identity_streams", ["FixedLengthStream", "IdentityTransformStream"]);
  expose("websocket", ["WebSocket", "WebSocketPair"]);
  expose("event_source", ["EventSource"]);

  expose("url_pattern", ["URLPattern"]);
  expose("html_rewriter", ["HTMLRewriter"]);
  expose("cache", ["Cache", "CacheStorage", "caches"]);

  // What Workers take over from Node as globals.
  expose("node/buffer", ["Buffer"]);
  expose("node/process", ["process"]);
  ObjectDefineProperty(globalThis, "global", { __proto__: null, value: globalThis, writable: true, configurable: true });
  partOf.wasmStreaming = "wasm_streaming";
};
