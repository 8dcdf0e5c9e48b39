"use strict";
// Streams that are transferred: each becomes a pipe to the other end of a message channel.
// Specification: https://streams.spec.whatwg.org/#transferrable-streams, #rs-transfer, #ws-transfer, #ts-transfer
(nano) => {
  const { PromisePrototypeThen, PromiseReject, PromiseResolve, PromiseWithResolvers } = nano.primordials;
  const { cloneWithTransfer } = nano.part("clone");
  const { PortSlots } = nano.part("messaging");
  const {
    createReadableStream, createWritableStream, isLocked, isReadableStream, isWritableStream, isWritableStreamLocked,
    readableStreamController, readableStreamDefaultControllerClose, readableStreamDefaultControllerEnqueue,
    readableStreamDefaultControllerError, readableStreamPipeTo, writableStreamController,
    writableStreamDefaultControllerErrorIfNeeded,
  } = nano.streams;
  const { TransformStream, fromSlots, isTransformStream, setPromiseIsHandled, transformOf, transformReadable, transformWritable } =
    nano.streamsInternal;

  const noTransfer = { __proto__: null, length: 0 };

  // PackAndPostMessage
  const post = (port, type, value) => {
    const message = { __proto__: null, type, value: cloneWithTransfer(value, noTransfer).value };
    port.post(message);
  };

  // CrossRealmTransformSendError
  const sendError = (port, error) => {
    try {
      post(port, "error", error);
    } catch {
      // What cannot be cloned is not told.
    }
  };

  // PackAndPostMessageHandlingError
  const postHandlingError = (port, type, value) => {
    try {
      post(port, type, value);
    } catch (error) {
      sendError(port, error);
      throw error;
    }
  };

  const listen = (port, receive) => {
    port.owner = { __proto__: null, port: undefined, receive, closed() {} };
    port.tasks.open();
  };

  // SetUpCrossRealmTransformReadable
  const createReadable = (port) => {
    const stream = createReadableStream(
      undefined,
      () => post(port, "pull", undefined),
      (reason) => {
        try {
          postHandlingError(port, "error", reason);
        } finally {
          port.disentangle();
        }
      },
      0,
    );
    const controller = readableStreamController(stream);
    listen(port, ({ type, value }) => {
      if (type === "chunk") {
        readableStreamDefaultControllerEnqueue(controller, value);
      } else if (type === "close") {
        readableStreamDefaultControllerClose(controller);
        port.disentangle();
      } else if (type === "error") {
        readableStreamDefaultControllerError(controller, value);
        port.disentangle();
      }
    });
    return stream;
  };

  // SetUpCrossRealmTransformWritable
  const createWritable = (port) => {
    let backpressure = PromiseWithResolvers();
    const relieve = () => {
      if (backpressure === undefined) return;
      backpressure.resolve();
      backpressure = undefined;
    };
    const write = (chunk) => {
      const ready = backpressure === undefined ? PromiseResolve() : backpressure.promise;
      return PromisePrototypeThen(ready, () => {
        backpressure = PromiseWithResolvers();
        try {
          postHandlingError(port, "chunk", chunk);
        } catch (error) {
          port.disentangle();
          throw error;
        }
      });
    };
    const close = () => {
      post(port, "close", undefined);
      port.disentangle();
    };
    const abort = (reason) => {
      try {
        postHandlingError(port, "error", reason);
        return PromiseResolve();
      } catch (error) {
        return PromiseReject(error);
      } finally {
        port.disentangle();
      }
    };
    const stream = createWritableStream(undefined, write, close, abort, 1);
    const controller = writableStreamController(stream);
    listen(port, ({ type, value }) => {
      if (type === "pull") {
        relieve();
      } else if (type === "error") {
        writableStreamDefaultControllerErrorIfNeeded(controller, value);
        relieve();
      }
    });
    return stream;
  };

  const entangled = () => {
    const first = new PortSlots();
    const second = new PortSlots();
    first.entangle(second);
    return { __proto__: null, first, second };
  };

  const refuseLocked = (isStreamLocked) => {
    if (isStreamLocked) throw nano.dataCloneError("A locked stream cannot be transferred.");
  };

  const transferReadable = (stream) => {
    refuseLocked(isLocked(stream));
    const { first, second } = entangled();
    setPromiseIsHandled(readableStreamPipeTo(stream, createWritable(first)));
    return createReadable(second);
  };

  const transferWritable = (stream) => {
    refuseLocked(isWritableStreamLocked(stream));
    const { first, second } = entangled();
    setPromiseIsHandled(readableStreamPipeTo(createReadable(first), stream));
    return createWritable(second);
  };

  const transferTransform = (stream) => {
    const slots = transformOf(stream);
    const readable = transformReadable(slots);
    const writable = transformWritable(slots);
    refuseLocked(isLocked(readable) || isWritableStreamLocked(writable));
    return new TransformStream(fromSlots, {
      __proto__: null, readableInterface: transferReadable(readable), writableInterface: transferWritable(writable),
    });
  };

  const { transferable } = nano;
  transferable[transferable.length] = { is: isReadableStream, transfer: transferReadable };
  transferable[transferable.length] = { is: isWritableStream, transfer: transferWritable };
  transferable[transferable.length] = { is: isTransformStream, transfer: transferTransform };

  return { __proto__: null };
};
