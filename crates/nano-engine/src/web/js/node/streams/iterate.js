"use strict";
// A Readable as an asynchronous iterator. Leaving the loop early destroys the stream, unless `destroyOnReturn` is false.
(nano) => {
  const { Promise } = nano.primordials;
  const { invalidArgType, validateObject } = nano.part("node/errors");
  const { nothing } = nano.part("node/streams/support");

  const walk = async function* (stream, options) {
    const { finished } = nano.part("node/streams/finished");
    let wake = nothing;
    let outcome = undefined;
    const notice = () => {
      const f = wake;
      wake = nothing;
      f();
    };
    stream.on("readable", notice);
    // Its listener for "error" stays until the stream is through, so that what ends the loop crashes nobody.
    const release = finished(stream, { __proto__: null, writable: false }, (error) => {
      outcome = error ?? null;
      notice();
    });
    let failed = true;
    try {
      while (true) {
        const chunk = stream.destroyed ? null : stream.read();
        if (chunk !== null) {
          yield chunk;
        } else if (outcome) {
          throw outcome;
        } else if (outcome === null) {
          failed = false;
          return;
        } else {
          await new Promise((resolve) => {
            wake = resolve;
          });
        }
      }
    } catch (error) {
      outcome = error;
      throw error;
    } finally {
      if ((outcome || options?.destroyOnReturn !== false) && (failed || stream._readableState?.autoDestroy)) {
        nano.part("node/streams/life").end(stream, outcome || null);
      } else {
        stream.removeListener("readable", notice);
        release();
      }
    }
  };

  const iterator = (stream, options) => {
    if (options !== undefined) validateObject(options, "options");
    if (options?.destroyOnReturn !== undefined && options.destroyOnReturn !== null && typeof options.destroyOnReturn !== "boolean") {
      throw invalidArgType("options.destroyOnReturn", "boolean", options.destroyOnReturn);
    }
    let source = stream;
    if (typeof source.read !== "function") source = nano.part("node/streams/readable").Readable.wrap(source, { objectMode: true });
    const made = walk(source, options);
    made.stream = source;
    return made;
  };

  return { __proto__: null, iterator };
};
