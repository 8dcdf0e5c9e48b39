"use strict";
// All classes of node:stream.
(nano) => {
  const { Duplex, PassThrough, Transform } = nano.part("node/streams/duplex");
  return {
    __proto__: null,
    Duplex, PassThrough, Transform,
    Readable: nano.part("node/streams/operators").Readable,
    Stream: nano.part("node/streams/stream").Stream,
    Writable: nano.part("node/streams/writable").Writable,
  };
};
