"use strict";
// The Streams standard: all its files at once, since each of its interfaces leads to the others.
(nano) => {
  const { ObjectAssign } = nano.primordials;

  const files = [
    "streams_queue", "streams_readable", "streams_bytes", "streams_tee", "streams_iterate", "streams_writable", "streams_pipe",
    "streams_transform", "streams_native",
  ];

  const interfaces = { __proto__: null };
  for (let i = 0; i < files.length; i++) ObjectAssign(interfaces, nano.part(files[i]));
  return interfaces;
};
