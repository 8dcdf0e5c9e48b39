"use strict";
// What can be told of a stream from outside: isReadable(), isErrored() and the like, of streams of any make.
(nano) => {
  const { isStream, isWebReadable, isWebWritable } = nano.part("node/streams/support");

  const readSide = (stream) => stream._readableState;
  const writeSide = (stream) => stream._writableState;
  const hasReadSide = (stream) => {
    if (readSide(stream)) return readSide(stream).isAbsent !== true && stream._readableState.readable !== false;
    return !writeSide(stream) && typeof stream.pipe === "function" && typeof stream.on === "function" && stream.readable !== false;
  };
  const hasWriteSide = (stream) => {
    if (writeSide(stream)) return writeSide(stream).isAbsent !== true;
    return typeof stream.write === "function" && typeof stream.on === "function" && !readSide(stream);
  };

  const isDestroyed = (stream) => {
    if (!isStream(stream)) return null;
    return !!(stream.destroyed || readSide(stream)?.destroyed || writeSide(stream)?.destroyed);
  };
  const isReadEnded = (stream) => {
    const side = readSide(stream);
    if (stream.readableEnded === true || side?.endEmitted) return true;
    return side ? side.ended && side.length === 0 && !side.errored : false;
  };
  const isWriteFinished = (stream) => stream.writableFinished === true || writeSide(stream)?.finished === true;
  const isReadable = (stream) => {
    if (isWebReadable(stream)) return nano.streams.readableStreamState(stream) === "readable";
    if (typeof stream?.readable !== "boolean") return null;
    if (isDestroyed(stream)) return false;
    return stream.readable && hasReadSide(stream) && readSide(stream)?.endEmitted !== true;
  };
  const isWritable = (stream) => {
    if (isWebWritable(stream)) return nano.streams.writableStreamState(stream) === "writable";
    if (typeof stream?.writable !== "boolean") return null;
    if (isDestroyed(stream)) return false;
    return stream.writable && hasWriteSide(stream) && writeSide(stream)?.ended !== true;
  };

  return {
    __proto__: null,
    hasReadSide, hasWriteSide, isDestroyed, isReadable, isReadEnded, isWritable, isWriteFinished,
    isErrored: (stream) => {
      if (isWebReadable(stream)) return nano.streams.readableStreamState(stream) === "errored";
      if (isWebWritable(stream)) return nano.streams.writableStreamState(stream) === "errored";
      return !!(stream && (stream.errored || readSide(stream)?.errored || writeSide(stream)?.errored || stream.readableErrored || stream.writableErrored));
    },
    isDisturbed: (stream) => {
      if (isWebReadable(stream)) return nano.streams.isDisturbed(stream);
      return !!(stream && (stream.readableDidRead || stream.readableAborted));
    },
    // Nothing more comes of it, by itself.
    isFinished: (stream) => {
      if (!isStream(stream)) return null;
      if (isDestroyed(stream)) return true;
      return (!hasReadSide(stream) || stream.readable === false || isReadEnded(stream)) && (!hasWriteSide(stream) || stream.writable === false || isWriteFinished(stream));
    },
    // Whether "close" will come after the last of its other events.
    closesItself: (stream) => {
      const side = writeSide(stream) || readSide(stream);
      return !!side && side.autoDestroy && side.emitClose && side.closed === false;
    },
  };
};
