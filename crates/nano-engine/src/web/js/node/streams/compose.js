"use strict";
// compose(): several streams as one Duplex, which writes to the first and reads from the last. https://nodejs.org/api/stream.html#streamcomposestreams
(nano) => {
  const { TypeError } = nano.primordials;
  const { invalidArgType, validateObject, withCode } = nano.part("node/errors");
  const { follow } = nano.part("node/streams/life");
  const { isReadable, isWritable } = nano.part("node/streams/looks");
  const { from, join } = nano.part("node/streams/duplex_from");
  const { checkSignal, copied, errors, isStream, isWebPair, isWebReadable, isWebWritable } = nano.part("node/streams/support");
  const web = nano.part("node/streams/web");

  const refuse = (i, stream, what) =>
    withCode(new TypeError(`The argument 'streams[${i}]' must be ${what}. Received ${nano.inspect(stream, 1)}`), "ERR_INVALID_ARG_VALUE");

  const asStream = (stage) => {
    if (isWebPair(stage)) return web.duplexFromWeb(stage);
    if (isWebReadable(stage)) return web.readableFromWeb(stage);
    if (isWebWritable(stage)) return web.writableFromWeb(stage);
    return isStream(stage) ? stage : from(stage, "body");
  };

  const compose = (...given) => {
    if (given.length === 0) throw errors.missing("streams");
    if (given.length === 1) return from(given[0], "body");
    const stages = copied(given);
    const last = stages.length - 1;
    // A function at an end is one more stream; one between two is a stage of the pipeline.
    if (typeof stages[0] === "function") stages[0] = from(stages[0], "body");
    if (typeof stages[last] === "function") stages[last] = from(stages[last], "body");
    for (let i = 0; i <= last; i++) {
      const stage = stages[i];
      if (!isStream(stage) && !isWebReadable(stage) && !isWebWritable(stage) && !isWebPair(stage)) continue;
      if (i < last && !isReadable(stage) && !isWebReadable(stage) && !isWebPair(stage)) throw refuse(i, given[i], "readable");
      if (i > 0 && !isWritable(stage) && !isWebWritable(stage) && !isWebPair(stage)) throw refuse(i, given[i], "writable");
    }
    stages[0] = asStream(stages[0]);
    stages[last] = asStream(stages[last]);
    const head = stages[0];
    const tail = stages[last];
    const duplex = join(isReadable(tail) ? tail : undefined, isWritable(head) ? head : undefined);
    nano.part("node/streams/pipeline").run(stages, (error) => {
      if (error) duplex.destroy(error);
    }, { __proto__: null });
    return duplex;
  };

  // readable.compose(stream, { signal })
  const onto = (readable, stream, options) => {
    if (options !== undefined && options !== null) validateObject(options, "options");
    if (options?.signal !== undefined) checkSignal(options.signal, "options.signal");
    if (isStream(stream) && !isWritable(stream)) throw refuse(1, stream, "writable");
    if (stream === null || (typeof stream !== "object" && typeof stream !== "function")) throw invalidArgType("body", "of type function or an instance of Blob, ReadableStream, WritableStream, Stream, Iterable, AsyncIterable, or Promise or { readable, writable } pair", stream);
    const composed = compose(readable, stream);
    if (options?.signal) follow(options.signal, composed);
    return composed;
  };

  return { __proto__: null, compose, onto };
};
