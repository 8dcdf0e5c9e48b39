"use strict";
// readable.pipe() and unpipe(). A source pauses while any of its targets is full, and goes on when the last of them has drained.
(nano) => {
  const { ArrayPrototypePush, ArrayPrototypeIncludes } = nano.primordials;
  const { copied, remove, soon } = nano.part("node/streams/support");
  const life = nano.part("node/streams/life");

  const isStandard = (target) => {
    const process = globalThis.process;
    return process !== undefined && target !== undefined && (target === process.stdout || target === process.stderr);
  };

  const pipe = (source, target, options) => {
    const side = source._readableState;
    ArrayPrototypePush(side.pipes, target);
    const ends = options?.end !== false && !isStandard(target);
    let onDrain = null;
    let released = false;

    const hold = () => {
      if (released) return;
      if (ArrayPrototypeIncludes(side.pipes, target) && !ArrayPrototypeIncludes(side.full, target)) ArrayPrototypePush(side.full, target);
      source.pause();
      if (onDrain !== null) return;
      onDrain = () => {
        remove(side.full, target);
        if (side.full.length === 0 && source.listenerCount("data") > 0) source.resume();
      };
      target.on("drain", onDrain);
    };
    const onData = (chunk) => {
      if (target.write(chunk) === false) hold();
    };
    const onEnd = () => target.end();
    const onUnpipe = (from, info) => {
      if (from !== source || info?.hasUnpiped !== false) return;
      info.hasUnpiped = true;
      release();
    };
    const onError = (error) => {
      leave();
      target.removeListener("error", onError);
      if (target.listenerCount("error") > 0) return;
      const state = target._writableState || target._readableState;
      if (state && !state.errorEmitted) life.fail(target, error);
      else target.emit("error", error);
    };
    const onClose = () => {
      target.removeListener("finish", onFinish);
      leave();
    };
    const onFinish = () => {
      target.removeListener("close", onClose);
      leave();
    };
    const leave = () => source.unpipe(target);
    const atEnd = ends ? onEnd : leave;
    const release = () => {
      released = true;
      target.removeListener("close", onClose);
      target.removeListener("finish", onFinish);
      if (onDrain !== null) target.removeListener("drain", onDrain);
      target.removeListener("error", onError);
      target.removeListener("unpipe", onUnpipe);
      source.removeListener("end", atEnd);
      source.removeListener("end", leave);
      source.removeListener("data", onData);
      // It was this target that the source waited for.
      if (onDrain !== null && ArrayPrototypeIncludes(side.full, target) && (!target._writableState || target._writableState.needDrain)) onDrain();
    };

    if (side.endEmitted) soon(atEnd);
    else source.once("end", atEnd);
    target.on("unpipe", onUnpipe);
    source.on("data", onData);
    target.prependListener("error", onError);
    target.once("close", onClose);
    target.once("finish", onFinish);
    target.emit("pipe", source);
    if (target.writableNeedDrain === true) hold();
    else if (!side.flowing) source.resume();
    return target;
  };

  const unpipe = (source, target) => {
    const side = source._readableState;
    if (side.pipes.length === 0) return source;
    if (target === undefined || target === null) {
      const targets = copied(side.pipes);
      side.pipes = [];
      source.pause();
      for (let i = 0; i < targets.length; i++) targets[i].emit("unpipe", source, { hasUnpiped: false });
      return source;
    }
    if (!remove(side.pipes, target)) return source;
    if (side.pipes.length === 0) source.pause();
    target.emit("unpipe", source, { hasUnpiped: false });
    return source;
  };

  return { __proto__: null, pipe, unpipe };
};
