"use strict";
// What most apps never use: each part is a file that runs when it is first needed, and returns the interfaces it defines.
(nano) => {
  const { ops } = nano;

  const loaded = { __proto__: null };

  nano.part = (name) => loaded[name] ??= ops.part(name)(nano);

  // Which part defines which global.
  const partOf = { __proto__: null };

  // Globals that look like any other, and run their part when they are first read.
  const expose = (part, names) => {
    for (let i = 0; i < names.length; i++) {
      partOf[names[i]] = part;
      ops.lazyProperty(globalThis, names[i]);
    }
  };

  nano.lazyGlobal = (name) => nano.part(partOf[name])[name];

  expose("encoding_streams", ["TextDecoderStream", "TextEncoderStream"]);

  expose("url_pattern", ["URLPattern"]);
  expose("html_rewriter", ["HTMLRewriter"]);
  expose("cache", ["Cache", "CacheStorage", "caches"]);
};
