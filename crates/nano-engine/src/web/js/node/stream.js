"use strict";
// node:stream: https://nodejs.org/api/stream.html. What it is made of is in streams/.
(nano) => {
  const { ObjectAssign, ObjectDefineProperty } = nano.primordials;
  const { asModule } = nano.part("node/errors");
  const { customPromisify, asBuffer, getDefaultHighWaterMark, setDefaultHighWaterMark } = nano.part("node/streams/support");
  const { Duplex, PassThrough, Readable, Stream, Transform, Writable } = nano.part("node/streams/classes");
  const { isDestroyed, isDisturbed, isErrored, isReadable, isWritable } = nano.part("node/streams/looks");
  const { finished } = nano.part("node/streams/finished");
  const { pipeline } = nano.part("node/streams/pipeline");
  const { end, follow } = nano.part("node/streams/life");
  const { checkSignal, isStream, isWebReadable, isWebWritable } = nano.part("node/streams/support");
  const { invalidArgType } = nano.part("node/errors");
  const { isArrayBufferView, isUint8Array } = nano.part("node/types");
  const promises = nano.part("node/stream_promises").default;

  const names = {
    __proto__: null,
    isDestroyed, isDisturbed, isErrored, isReadable, isWritable, Readable, Writable, Duplex, Transform, PassThrough,
    duplexPair: nano.part("node/streams/duplex").duplexPair,
    pipeline,
    addAbortSignal: (signal, stream) => {
      checkSignal(signal);
      if (isWebReadable(stream) || isWebWritable(stream)) return nano.part("node/streams/web").follow(signal, stream);
      if (!isStream(stream)) throw invalidArgType("stream", "an instance of ReadableStream, WritableStream, or Stream", stream);
      return follow(signal, stream);
    },
    finished,
    destroy: (stream, error) => end(stream, error),
    compose: (...streams) => nano.primordials.ReflectApply(nano.part("node/streams/compose").compose, undefined, streams),
    setDefaultHighWaterMark, getDefaultHighWaterMark,
    promises,
    Stream,
    _isArrayBufferView: isArrayBufferView,
    _isUint8Array: isUint8Array,
    _uint8ArrayToBuffer: asBuffer,
  };
  ObjectAssign(Stream, names);
  const inPromises = (f, promised) => ObjectDefineProperty(f, customPromisify, { __proto__: null, value: promised, enumerable: true });
  inPromises(pipeline, promises.pipeline);
  inPromises(finished, promises.finished);
  return asModule(names, Stream);
};
