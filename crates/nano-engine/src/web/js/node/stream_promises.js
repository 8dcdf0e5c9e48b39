"use strict";
// node:stream/promises: https://nodejs.org/api/stream.html#streams-promises-api
(nano) => {
  const { asModule } = nano.part("node/errors");
  const pipeline = nano.part("node/streams/pipeline").promised;
  const finished = nano.part("node/streams/finished").promised;
  return asModule({ finished, pipeline });
};
