"use strict";
// What most apps never use: each part is a file that runs when it is first needed, and returns the interfaces it defines.
(nano) => {
  const { ops } = nano;

  const loaded = { __proto__: null };

  nano.part = (name) => loaded[name] ??= ops.part(name)(nano);

  // A global that looks like any other, and runs its part when it is first read.
  const expose = (part, names) => {
    for (let i = 0; i < names.length; i++) ops.lazyProperty(globalThis, names[i], (name) => nano.part(part)[name]);
  };

  expose("encoding_streams", ["TextDecoderStream", "TextEncoderStream"]);
  expose("fs", [
    "FileSystemDirectoryHandle", "FileSystemFileHandle", "FileSystemHandle", "FileSystemWritableFileStream", "StorageManager",
  ]);
};
