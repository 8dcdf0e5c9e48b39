"use strict";
// Stream, which all others inherit from, with the pipe() of emitters that have no back-pressure but pause() and resume().
(nano) => {
  const { ReflectApply } = nano.primordials;
  const { EventEmitter } = nano.part("node/events");
  const { derive, members } = nano.part("node/streams/support");

  function Stream(options) {
    ReflectApply(EventEmitter, this, [options]);
  }
  derive(Stream, EventEmitter);

  members(Stream.prototype, {
    __proto__: null,
    pipe(target, options) {
      const source = this;
      let ended = false;
      const onData = (chunk) => {
        if (target.writable && target.write(chunk) === false && typeof source.pause === "function") source.pause();
      };
      const onDrain = () => {
        if (source.readable && typeof source.resume === "function") source.resume();
      };
      const onEnd = () => {
        if (ended) return;
        ended = true;
        target.end();
      };
      const onClose = () => {
        if (ended) return;
        ended = true;
        if (typeof target.destroy === "function") target.destroy();
      };
      const onError = function (error) {
        release();
        if (this.listenerCount("error") === 0) this.emit("error", error);
      };
      const release = () => {
        source.removeListener("data", onData);
        target.removeListener("drain", onDrain);
        source.removeListener("end", onEnd);
        source.removeListener("close", onClose);
        source.removeListener("error", onError);
        target.removeListener("error", onError);
        source.removeListener("end", release);
        source.removeListener("close", release);
        target.removeListener("close", release);
      };
      source.on("data", onData);
      target.on("drain", onDrain);
      if (!target._isStdio && options?.end !== false) {
        source.on("end", onEnd);
        source.on("close", onClose);
      }
      source.prependListener("error", onError);
      target.prependListener("error", onError);
      source.on("end", release);
      source.on("close", release);
      target.on("close", release);
      target.emit("pipe", source);
      return target;
    },
  });

  return { __proto__: null, Stream };
};
