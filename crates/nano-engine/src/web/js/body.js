"use strict";
// The bodies of requests and responses, and the Body mixin.
// Specification: https://fetch.spec.whatwg.org/#body-mixin
//
// A body knows where its bytes come from - a string, bytes, the native side, or a stream of the app - and gets a ReadableStream
// only when an app asks for one. Whoever reads a body nobody has looked into (text(), a response on its way out) goes to the
// source directly. So most apps never have the streams (nano.streams) loaded.
(nano) => {
  const {
    ArrayBufferIsView, ArrayBufferPrototypeGetByteLength, ArrayPrototypePush, DataViewPrototypeGetBuffer,
    DataViewPrototypeGetByteLength, DataViewPrototypeGetByteOffset, JSONParse, ObjectDefineProperties,
    ObjectGetOwnPropertyDescriptors, ObjectPrototype, ObjectSetPrototypeOf, PromisePrototypeThen, PromiseReject, PromiseResolve,
    PromiseWithResolvers, SafeMap, SafeWeakMap, StringPrototypeCharCodeAt, StringPrototypeSlice, SymbolAsyncIterator, SymbolIterator,
    SymbolToPrimitive, TypeError,
    TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset,
    TypedArrayPrototypeGetSymbolToStringTag, TypedArrayPrototypeSet, Uint8Array,
  } = nano.primordials;
  const { ops } = nano;
  const { converters, isArrayBuffer } = nano.webidl;

  const objectToString = ObjectPrototype.toString;

  const noop = () => {};
  const ignoreRejection = (promise) => PromisePrototypeThen(promise, undefined, noop);

  // The kinds of source. A LAZY one never changes and makes what is asked of it: bytes(), text(), stream() (blob.js).
  const TEXT = 0;
  const BYTES = 1;
  const NATIVE = 2;
  const STREAM = 3;
  const LAZY = 4;

  // What ops.bodyKind gives.
  const NONE = 0;
  const WHOLE = 1;
  const GONE = 3;

  // What ops.pipe gives.
  const EMPTY = 0;
  const FULL = 1;
  const MORE = 2;
  const UNWANTED = 4;

  const copyBytes = (bytes) => {
    const copy = new Uint8Array(TypedArrayPrototypeGetByteLength(bytes));
    TypedArrayPrototypeSet(copy, bytes);
    return copy;
  };

  // Native bodies

  // The bodies that wait for bytes, by id, until the shard says that there are some.
  const awaitingBytes = new SafeMap();

  class NativeBody {
    id;
    isWhole;
    // Its bytes are as the Content-Encoding says that came with it.
    isEncoded = false;
    done = false;
    failed = false;
    failure = undefined;
    // Has a step() to call when there is more.
    waiter = null;
    // Of the stream made for the app, as long as that is the way to these bytes.
    controller = null;
    // Has a bodyDone() to call when nothing more is wanted or to be had.
    owner = null;

    constructor(id, isWhole) {
      this.id = id;
      this.isWhole = isWhole;
    }

    // Bytes, null at the end, or undefined: then the waiter's step() is called when it is worth another try.
    pull(waiter) {
      if (this.failed) throw this.failure;
      if (this.done) return null;
      if (this.isWhole) return this.take();
      let bytes;
      try {
        bytes = ops.bodyPull(this.id);
      } catch (error) {
        this.finish();
        this.failed = true;
        this.failure = error;
        throw error;
      }
      if (bytes === undefined) {
        this.waiter = waiter;
        awaitingBytes.set(this.id, this);
      } else if (bytes === null) {
        this.finish();
      }
      return bytes;
    }

    // Goes into another body without becoming JavaScript's: what ops.pipe gives. EMPTY: the waiter's step() is called.
    pipe(target, waiter) {
      if (this.failed) throw this.failure;
      if (this.done) return undefined;
      let state;
      try {
        do {
          state = ops.pipe(this.id, target);
        } while (state === MORE);
      } catch (error) {
        this.finish();
        this.failed = true;
        this.failure = error;
        throw error;
      }
      if (state === EMPTY) {
        this.waiter = waiter;
        awaitingBytes.set(this.id, this);
      } else if (state !== FULL && state !== UNWANTED) {
        this.finish();
      }
      return state;
    }

    // A whole body by its id, for an op that takes it from there.
    surrender() {
      if (this.failed) throw this.failure;
      this.finish();
      return this.id;
    }

    take() {
      if (this.failed) throw this.failure;
      this.finish();
      return ops.bodyTake(this.id);
    }

    finish() {
      this.done = true;
      if (this.owner !== null) this.owner.bodyDone();
    }

    wake() {
      const { waiter } = this;
      this.waiter = null;
      if (waiter !== null) waiter.step();
    }

    cancel() {
      if (this.done || this.failed) return;
      this.finish();
      this.waiter = null;
      awaitingBytes.delete(this.id);
      ops.bodyCancel(this.id);
    }

    fail(reason) {
      if (this.done || this.failed) return;
      this.failed = true;
      this.failure = reason;
      awaitingBytes.delete(this.id);
      if (this.controller === null) {
        this.wake();
      } else {
        this.waiter = null;
        nano.streams.readableByteStreamControllerError(this.controller, reason);
      }
    }

    // The stream's pull algorithm.
    feed(controller) {
      this.controller = controller;
      if (this.waiter !== null) return;
      const bytes = this.pull(this);
      if (bytes === undefined) return;
      const empty = bytes !== null && TypedArrayPrototypeGetByteLength(bytes) === 0;
      if (bytes !== null && !empty) nano.streams.readableByteStreamControllerEnqueue(controller, bytes);
      if (this.isWhole || bytes === null) nano.streams.readableByteStreamControllerClose(controller);
      else if (empty) this.feed(controller);
    }

    // As its own waiter, for the stream.
    step() {
      const { controller } = this;
      try {
        this.feed(controller);
      } catch (error) {
        nano.streams.readableByteStreamControllerError(controller, error);
      }
    }
  }
  ObjectSetPrototypeOf(NativeBody.prototype, null);

  // Bodies: https://fetch.spec.whatwg.org/#concept-body

  class Body {
    kind;
    // A string, bytes, a NativeBody, a lazy source; for a stream, what it comes from in the end, or null.
    source;
    // The Content-Type it suggests, or null.
    type;
    stream = null;
    // Read without a stream, or moved elsewhere.
    used = false;
    // The bytes belong to a clone as well.
    shared = false;

    constructor(kind, source, type) {
      this.kind = kind;
      this.source = source;
      this.type = type;
    }
  }
  ObjectSetPrototypeOf(Body.prototype, null);

  // The body that a stream was made for: when an app hands the stream on unread, its source can be read instead.
  const bodyOfStream = new SafeWeakMap();

  // How many bytes come of a stream that nobody has read from, where that is known.
  const streamLengths = new SafeWeakMap();

  // How many bytes a usable body has, or undefined.
  const lengthOf = (body) => {
    const { kind, source, stream } = body;
    switch (kind) {
      case TEXT: return TypedArrayPrototypeGetByteLength(ops.utf8Encode(source));
      case BYTES: return TypedArrayPrototypeGetByteLength(source);
      case LAZY: return source.size;
      case NATIVE: return ops.bodyLength(source.id);
      default: {
        const origin = bodyOfStream.get(stream);
        return origin === undefined ? streamLengths.get(stream) : lengthOf(origin);
      }
    }
  };

  const isUsed = (body) => body !== null && (body.used || (body.stream !== null && nano.streams.isDisturbed(body.stream)));

  // https://fetch.spec.whatwg.org/#body-unusable
  const isUnusable = (body) => isUsed(body) || (body !== null && body.stream !== null && nano.streams.isLocked(body.stream));

  // Bytes that the caller may keep, of a source that is text or bytes.
  const ownBytes = (source, shared) => {
    if (typeof source === "string") return ops.utf8Encode(source);
    return shared ? copyBytes(source) : source;
  };

  // Leaves a stream as one that has been read: locked, disturbed and closed.
  const retire = (stream) => {
    ignoreRejection(nano.streams.readableStreamDefaultReaderCancel(nano.streams.acquireReadableStreamDefaultReader(stream), undefined));
  };

  const makeStream = (body) => {
    if (body.used) {
      const stream = nano.streams.createReadableByteStream();
      retire(stream);
      return stream;
    }
    let stream;
    if (body.kind === NATIVE) {
      const native = body.source;
      const start = (controller) => {
        native.controller = controller;
        if (native.failed) throw native.failure;
      };
      const pull = (controller) => native.feed(controller);
      const cancel = () => {
        if (native.controller !== null) native.cancel();
      };
      stream = nano.streams.createReadableByteStream(start, pull, cancel);
    } else if (body.kind === LAZY) {
      stream = body.source.stream();
    } else {
      const { source, shared } = body;
      const pull = (controller) => {
        const bytes = ownBytes(source, shared);
        if (TypedArrayPrototypeGetByteLength(bytes) > 0) nano.streams.readableByteStreamControllerEnqueue(controller, bytes);
        nano.streams.readableByteStreamControllerClose(controller);
      };
      stream = nano.streams.createReadableByteStream(undefined, pull);
    }
    bodyOfStream.set(stream, body);
    return stream;
  };

  const streamOf = (body) => (body.stream ??= makeStream(body));

  // Takes a usable body from its owner, for somebody who reads the source: what comes back has a stream only if it is the app's.
  const takeBody = (body) => {
    const { stream } = body;
    if (stream === null) {
      body.used = true;
      return body;
    }
    const origin = bodyOfStream.get(stream);
    if (origin === undefined) return body;
    const taken = new Body(origin.kind, origin.source, body.type);
    taken.shared = origin.shared;
    if (origin.kind === NATIVE) origin.source.controller = null;
    retire(stream);
    return taken;
  };

  // https://fetch.spec.whatwg.org/#body-create-a-proxy
  const proxyBody = (body) => {
    const taken = takeBody(body);
    const proxy = new Body(taken.kind, taken.source, body.type);
    proxy.shared = taken.shared;
    if (taken.kind === STREAM) {
      const { readable, writable } = nano.streams.createTransformStream();
      ignoreRejection(nano.streams.readableStreamPipeTo(taken.stream, writable));
      proxy.stream = readable;
    }
    return proxy;
  };

  // https://fetch.spec.whatwg.org/#concept-body-clone
  const cloneBody = (body) => {
    if (body === null) return null;
    if (body.stream === null && body.kind === NATIVE && body.source.isWhole) {
      body.source = body.source.take();
      body.kind = BYTES;
    }
    if (body.stream === null && body.kind !== NATIVE) {
      const clone = new Body(body.kind, body.source, body.type);
      body.shared = true;
      clone.shared = true;
      return clone;
    }
    const length = lengthOf(body);
    const branches = nano.streams.readableStreamTee(streamOf(body), true);
    if (length !== undefined) {
      streamLengths.set(branches[0], length);
      streamLengths.set(branches[1], length);
    }
    const clone = new Body(STREAM, null, body.type);
    clone.stream = branches[1];
    body.kind = STREAM;
    body.stream = branches[0];
    return clone;
  };

  // The body of a request or of a call's response, or null. Of one that has ended nobody knows whether it had a body: it is an
  // error to read it, and never an empty text, unless it is of a kind that has none.
  const nativeBody = (id, hasNone = false) => {
    const kind = ops.bodyKind(id);
    if (kind === NONE || (kind === GONE && hasNone)) return null;
    const native = new NativeBody(id, kind === WHOLE);
    if (kind === GONE) native.fail(new TypeError("The request has ended, and its body with it."));
    return new Body(NATIVE, native, null);
  };

  const isNative = (body) => body !== null && body.source instanceof NativeBody;

  const isFailed = (body) => isNative(body) && body.source.failed;

  const failBody = (body, reason) => {
    if (isNative(body)) body.source.fail(reason);
  };

  // Calls owner.bodyDone() as soon as there is nothing left to fail.
  const watchBody = (body, owner) => {
    if (isNative(body)) body.source.owner = owner;
    else owner.bodyDone();
  };

  const cancelBody = (body, reason) => {
    if (body === null || isUnusable(body)) return;
    const taken = takeBody(body);
    if (taken.kind === NATIVE) taken.source.cancel();
    else if (taken.kind === STREAM) {
      ignoreRejection(nano.streams.readableStreamDefaultReaderCancel(nano.streams.acquireReadableStreamDefaultReader(taken.stream), reason));
    }
  };

  // Extracting: https://fetch.spec.whatwg.org/#concept-bodyinit-extract

  const lazyBody = (source, type) => new Body(LAZY, source, type);
  const textBody = (text, type) => new Body(TEXT, text, type);
  const bytesBody = (bytes, type) => new Body(BYTES, bytes, type);

  const extractStream = (value) => {
    if (!nano.hasStreams || !nano.streams.isReadableStream(value)) return undefined;
    if (nano.streams.isDisturbed(value) || nano.streams.isLocked(value)) throw new TypeError("The stream of a body must be neither locked nor read from.");
    const body = new Body(STREAM, null, null);
    body.stream = value;
    return body;
  };

  const extractBufferSource = (value, prefix) => {
    const isView = ArrayBufferIsView(value);
    if (!isView && !isArrayBuffer(value)) return undefined;
    converters.BufferSource(value, prefix, "the body");
    let bytes;
    if (!isView) {
      bytes = ArrayBufferPrototypeGetByteLength(value) === 0 ? new Uint8Array() : new Uint8Array(value);
    } else if (TypedArrayPrototypeGetSymbolToStringTag(value) === undefined) {
      bytes = new Uint8Array(
        DataViewPrototypeGetBuffer(value), DataViewPrototypeGetByteOffset(value), DataViewPrototypeGetByteLength(value),
      );
    } else {
      const length = TypedArrayPrototypeGetByteLength(value);
      bytes = length === 0
        ? new Uint8Array()
        : new Uint8Array(TypedArrayPrototypeGetBuffer(value), TypedArrayPrototypeGetByteOffset(value), length);
    }
    return bytesBody(copyBytes(bytes), null);
  };

  const extractURLSearchParams = (value) => {
    const text = nano.url.serializeParams(value);
    return text === undefined ? undefined : textBody(text, "application/x-www-form-urlencoded;charset=UTF-8");
  };

  // As in Workers: what an async iterable gives, and so what an iterable does that nobody would take for a text. To the standard both
  // are "[object AsyncGenerator]" and the like. An array has a text of its own.
  const extractIterable = (value) => {
    const isAsync = value[SymbolAsyncIterator] !== undefined && value[SymbolAsyncIterator] !== null;
    if (!isAsync) {
      if (value[SymbolIterator] === undefined || value[SymbolIterator] === null) return undefined;
      if (value.toString !== objectToString || value[SymbolToPrimitive] !== undefined) return undefined;
    }
    const body = new Body(STREAM, null, null);
    body.stream = nano.streams.streamFrom(value);
    return body;
  };

  // Each makes a body of the objects it knows, and undefined of all others.
  const bodyExtractors = [extractStream, extractBufferSource, extractURLSearchParams];

  const extractBody = (value, prefix, keepalive = false) => {
    if (typeof value === "object" && value !== null) {
      let body;
      for (let i = 0; i < bodyExtractors.length && body === undefined; i++) body = bodyExtractors[i](value, prefix);
      body ??= extractIterable(value);
      if (body !== undefined) {
        if (keepalive && body.kind === STREAM) throw new TypeError(`${prefix}: a stream as body does not go with 'keepalive'.`);
        return body;
      }
    }
    return textBody(converters.USVString(value, prefix, "the body"), "text/plain;charset=UTF-8");
  };

  // Consuming: https://fetch.spec.whatwg.org/#concept-body-consume-body
  // Each conversion takes a string, bytes that are the caller's own, or a lazy source.

  const isBytes = (source) => TypedArrayPrototypeGetSymbolToStringTag(source) !== undefined;

  const toText = (source) => {
    if (typeof source !== "string") return isBytes(source) ? ops.utf8Decode(source, false, false) : source.text();
    return source.length > 0 && StringPrototypeCharCodeAt(source, 0) === 0xfeff ? StringPrototypeSlice(source, 1) : source;
  };

  const toBytes = (source) => {
    if (typeof source === "string") return ops.utf8Encode(source);
    return isBytes(source) ? source : source.bytes();
  };

  const toArrayBuffer = (source) => {
    let bytes = toBytes(source);
    if (ArrayBufferPrototypeGetByteLength(TypedArrayPrototypeGetBuffer(bytes)) !== TypedArrayPrototypeGetByteLength(bytes)) {
      bytes = copyBytes(bytes);
    }
    return TypedArrayPrototypeGetBuffer(bytes);
  };

  const toJson = (source) => JSONParse(toText(source));

  const settle = (deferred, convert, source) => {
    let value;
    try {
      value = convert(source);
    } catch (error) {
      deferred.reject(error);
      return;
    }
    deferred.resolve(value);
  };

  // Gathers a streaming native body without a stream.
  class Collector {
    native;
    convert;
    deferred = PromiseWithResolvers();
    chunks = [];
    length = 0;

    constructor(native, convert) {
      this.native = native;
      this.convert = convert;
    }

    step() {
      const { chunks } = this;
      for (;;) {
        let bytes;
        try {
          bytes = this.native.pull(this);
        } catch (error) {
          this.deferred.reject(error);
          return;
        }
        if (bytes === undefined) return;
        if (bytes === null) break;
        this.length += TypedArrayPrototypeGetByteLength(bytes);
        ArrayPrototypePush(chunks, bytes);
      }
      settle(this.deferred, this.convert, this.join());
    }

    join() {
      const { chunks } = this;
      if (chunks.length === 1) return chunks[0];
      const bytes = new Uint8Array(this.length);
      let offset = 0;
      for (let i = 0; i < chunks.length; i++) {
        TypedArrayPrototypeSet(bytes, chunks[i], offset);
        offset += TypedArrayPrototypeGetByteLength(chunks[i]);
      }
      return bytes;
    }
  }
  ObjectSetPrototypeOf(Collector.prototype, null);

  const consumeBody = (body, convert) => {
    try {
      if (body === null) return PromiseResolve(convert(""));
      if (isFailed(body)) return PromiseReject(body.source.failure);
      if (isUnusable(body)) return PromiseReject(new TypeError("The body has already been used, or its stream is locked."));
      const taken = takeBody(body);
      if (taken.kind === TEXT || taken.kind === LAZY) return PromiseResolve(convert(taken.source));
      if (taken.kind === BYTES) {
        const readsOnly = convert === toText || convert === toJson;
        return PromiseResolve(convert(readsOnly ? taken.source : ownBytes(taken.source, taken.shared)));
      }
      if (taken.kind === NATIVE) {
        if (taken.source.isWhole) return PromiseResolve(convert(taken.source.take()));
        const collector = new Collector(taken.source, convert);
        collector.step();
        return collector.deferred.promise;
      }
      const deferred = PromiseWithResolvers();
      nano.streams.readAllBytes(taken.stream, (bytes) => settle(deferred, convert, bytes), deferred.reject);
      return deferred.promise;
    } catch (error) {
      return PromiseReject(error);
    }
  };

  // Gives an interface the members of the mixin; bodyOf(object) throws for what is not of that interface, flatOf(object) gives its
  // header list in the native form.
  const mixinBody = (Class, bodyOf, flatOf) => {
    const consume = (object, convert) => {
      let body;
      try {
        body = bodyOf(object);
      } catch (error) {
        return PromiseReject(error);
      }
      return consumeBody(body, convert);
    };
    const members = {
      get body() {
        const body = bodyOf(this);
        return body === null ? null : streamOf(body);
      },
      get bodyUsed() {
        return isUsed(bodyOf(this));
      },
      arrayBuffer() {
        return consume(this, toArrayBuffer);
      },
      blob() {
        return consume(this, (source) => nano.part("blob").fromBody(source, flatOf(this)));
      },
      bytes() {
        return consume(this, toBytes);
      },
      formData() {
        return consume(this, (source) => nano.part("form_data").fromBody(source, flatOf(this)));
      },
      json() {
        return consume(this, toJson);
      },
      text() {
        return consume(this, toText);
      },
    };
    ObjectDefineProperties(Class.prototype, ObjectGetOwnPropertyDescriptors(members));
  };

  // Sending

  // The whole of a taken body if it needs no waiting: a string, bytes, or the id of a native one, which stays native. Otherwise
  // undefined, and a Pump sends it (pump.js).
  const wholeBody = (taken) => {
    if (taken.kind === TEXT || taken.kind === BYTES) return taken.source;
    if (taken.kind === LAZY) return taken.source.bytes();
    return taken.kind === NATIVE && taken.source.isWhole ? taken.source.surrender() : undefined;
  };

  // The pumps (pump.js) that wait for credit, by id.
  const awaitingCredit = new SafeMap();

  const bodyReady = (id) => {
    const native = awaitingBytes.get(id);
    if (native === undefined) return;
    awaitingBytes.delete(id);
    native.wake();
  };

  const writeReady = (id) => {
    const pump = awaitingCredit.get(id);
    if (pump === undefined) return;
    awaitingCredit.delete(id);
    pump.step();
  };

  const { fetch } = nano;
  // Pieces up to this always go in (limits.rs has it as BODY_WINDOW_BYTES).
  fetch.WINDOW_BYTES = 65_536;
  fetch.awaitingCredit = awaitingCredit;
  fetch.bodyExtractors = bodyExtractors;
  fetch.bodyReady = bodyReady;
  fetch.bytesBody = bytesBody;
  fetch.cancelBody = cancelBody;
  fetch.cloneBody = cloneBody;
  fetch.consumeBody = consumeBody;
  fetch.extractBody = extractBody;
  fetch.failBody = failBody;
  fetch.isUnusable = isUnusable;
  fetch.lazyBody = lazyBody;
  fetch.lengthOf = lengthOf;
  fetch.mixinBody = mixinBody;
  fetch.nativeBody = nativeBody;
  fetch.proxyBody = proxyBody;
  fetch.streamLengths = streamLengths;
  fetch.streamOf = streamOf;
  fetch.takeBody = takeBody;
  fetch.textBody = textBody;
  fetch.toBytes = toBytes;
  fetch.watchBody = watchBody;
  fetch.wholeBody = wholeBody;
  fetch.writeReady = writeReady;
};
