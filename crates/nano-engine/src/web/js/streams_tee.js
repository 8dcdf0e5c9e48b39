"use strict";
// One readable stream into two.
// Specification: https://streams.spec.whatwg.org/#abstract-opdef-readablestreamtee
(nano) => {
  const { PromisePrototypeThen, PromiseWithResolvers } = nano.primordials;
  const internal = nano.streamsInternal;
  const {
    ByteControllerSlots, acquireReadableStreamBYOBReader, acquireReadableStreamDefaultReader, cloneBytes,
    createReadableByteSlots, createReadableSlots, follow, inspectView, noop, queueMicrotask, readableStreamBYOBReaderRead,
    readableStreamCancel, readableStreamDefaultReaderRead, readableStreamReaderRelease,
  } = internal;

  // One side of a tee: stream is set when both exist.
  class Branch {
    stream = undefined;
    canceled = false;
    reason = undefined;
    readAgain = false;

    get controller() {
      return this.stream.controller;
    }
  }

  // What both kinds of tee share: the object is also the read request that each read is made with.
  class Tee {
    stream;
    reader = undefined;
    reading = false;
    first = new Branch();
    second = new Branch();
    cancelDeferred = PromiseWithResolvers();

    constructor(stream) {
      this.stream = stream;
    }

    // cancel1Algorithm and cancel2Algorithm
    cancel(branch, reason) {
      branch.canceled = true;
      branch.reason = reason;
      if (this.first.canceled && this.second.canceled) {
        this.cancelStream([this.first.reason, this.second.reason]);
      }
      return this.cancelDeferred.promise;
    }

    cancelStream(reason) {
      follow(this.cancelDeferred, readableStreamCancel(this.stream, reason));
    }

    // An error has to reach the branches as soon as it reaches the stream, and not only with the next read.
    forwardReaderError(reader) {
      PromisePrototypeThen(reader.closed.promise, undefined, (error) => {
        if (reader !== this.reader) return;
        this.errorBranches(error);
        this.settleCancel();
      });
    }

    errorBranches(error) {
      this.first.controller.error(error);
      this.second.controller.error(error);
    }

    // The stream has ended. Cancelling the second branch then waits for nothing.
    settleCancel() {
      if (!this.first.canceled || !this.second.canceled) this.cancelDeferred.resolve();
    }

    // A chunk could not be copied.
    abandon(error) {
      this.errorBranches(error);
      this.cancelStream(error);
    }

    errorSteps() {
      this.reading = false;
    }
  }

  // ReadableStreamDefaultTee
  class DefaultTee extends Tee {
    cloneForBranch2;
    readAgain = false;

    constructor(stream, cloneForBranch2) {
      super(stream);
      this.cloneForBranch2 = cloneForBranch2;
      this.reader = acquireReadableStreamDefaultReader(stream);
      const pull = () => this.pull();
      this.first.stream = createReadableSlots(noop, pull, (reason) => this.cancel(this.first, reason), 1, undefined);
      this.second.stream = createReadableSlots(noop, pull, (reason) => this.cancel(this.second, reason), 1, undefined);
      this.forwardReaderError(this.reader);
    }

    pull() {
      if (this.reading) {
        this.readAgain = true;
        return;
      }
      this.reading = true;
      readableStreamDefaultReaderRead(this.reader, this);
    }

    chunkSteps(chunk) {
      // The microtask lets an error of the stream come before the chunk: see the note in the specification.
      queueMicrotask(() => {
        this.readAgain = false;
        let chunk2 = chunk;
        if (!this.second.canceled && this.cloneForBranch2) {
          try {
            chunk2 = nano.ops.structuredClone(chunk, []);
          } catch (error) {
            this.abandon(error);
            return;
          }
        }
        if (!this.first.canceled) this.first.controller.enqueue(chunk);
        if (!this.second.canceled) this.second.controller.enqueue(chunk2);
        this.reading = false;
        if (this.readAgain) this.pull();
      });
    }

    closeSteps() {
      this.reading = false;
      if (!this.first.canceled) this.first.controller.close();
      if (!this.second.canceled) this.second.controller.close();
      this.settleCancel();
    }
  }

  // ReadableByteStreamTee
  class ByteTee extends Tee {
    constructor(stream) {
      super(stream);
      this.reader = acquireReadableStreamDefaultReader(stream);
      const { first, second } = this;
      first.stream = createReadableByteSlots(noop, () => this.pull(first), (reason) => this.cancel(first, reason));
      second.stream = createReadableByteSlots(noop, () => this.pull(second), (reason) => this.cancel(second, reason));
      this.forwardReaderError(this.reader);
    }

    // pull1Algorithm and pull2Algorithm
    pull(branch) {
      if (this.reading) {
        branch.readAgain = true;
        return;
      }
      this.reading = true;
      const byobRequest = branch.controller.getBYOBRequest();
      if (byobRequest === null) this.pullWithDefaultReader();
      else this.pullWithBYOBReader(byobRequest.view, branch);
    }

    pullAgain() {
      this.reading = false;
      if (this.first.readAgain) this.pull(this.first);
      else if (this.second.readAgain) this.pull(this.second);
    }

    useReader(acquireReader) {
      readableStreamReaderRelease(this.reader);
      this.reader = acquireReader(this.stream);
      this.forwardReaderError(this.reader);
    }

    pullWithDefaultReader() {
      if (this.reader.byob) this.useReader(acquireReadableStreamDefaultReader);
      readableStreamDefaultReaderRead(this.reader, this);
    }

    chunkSteps(chunk) {
      queueMicrotask(() => {
        const { first, second } = this;
        first.readAgain = false;
        second.readAgain = false;
        let chunk2 = chunk;
        if (!first.canceled && !second.canceled) {
          chunk2 = this.clone(chunk);
          if (chunk2 === undefined) return;
        }
        if (!first.canceled) first.controller.enqueue(chunk);
        if (!second.canceled) second.controller.enqueue(chunk2);
        this.pullAgain();
      });
    }

    closeSteps() {
      const { first, second } = this;
      this.reading = false;
      if (!first.canceled) first.controller.close();
      if (!second.canceled) second.controller.close();
      if (first.controller.pendingPullIntos.length > 0) first.controller.respond(0);
      if (second.controller.pendingPullIntos.length > 0) second.controller.respond(0);
      this.settleCancel();
    }

    pullWithBYOBReader(view, byobBranch) {
      if (!this.reader.byob) this.useReader(acquireReadableStreamBYOBReader);
      const otherBranch = byobBranch === this.first ? this.second : this.first;
      readableStreamBYOBReaderRead(this.reader, view, 1, {
        chunkSteps: (chunk) => queueMicrotask(() => this.deliverBYOB(byobBranch, otherBranch, chunk)),
        closeSteps: (chunk) => this.closeBYOB(byobBranch, otherBranch, chunk),
        errorSteps: () => this.errorSteps(),
      });
    }

    // The chunkSteps of a read-into request
    deliverBYOB(byobBranch, otherBranch, chunk) {
      this.first.readAgain = false;
      this.second.readAgain = false;
      if (!otherBranch.canceled) {
        const clonedChunk = this.clone(chunk);
        if (clonedChunk === undefined) return;
        if (!byobBranch.canceled) byobBranch.controller.respondWithNewView(chunk);
        otherBranch.controller.enqueue(clonedChunk);
      } else if (!byobBranch.canceled) {
        byobBranch.controller.respondWithNewView(chunk);
      }
      this.pullAgain();
    }

    // The closeSteps of a read-into request
    closeBYOB(byobBranch, otherBranch, chunk) {
      this.reading = false;
      if (!byobBranch.canceled) byobBranch.controller.close();
      if (!otherBranch.canceled) otherBranch.controller.close();
      if (chunk !== undefined) {
        if (!byobBranch.canceled) byobBranch.controller.respondWithNewView(chunk);
        if (!otherBranch.canceled && otherBranch.controller.pendingPullIntos.length > 0) otherBranch.controller.respond(0);
      }
      this.settleCancel();
    }

    // CloneAsUint8Array; undefined when there was no memory for it.
    clone(chunk) {
      const { buffer, byteLength, byteOffset } = inspectView(chunk);
      try {
        return cloneBytes(buffer, byteOffset, byteLength);
      } catch (error) {
        this.abandon(error);
        return undefined;
      }
    }
  }

  // The slots of both branches.
  internal.readableStreamTee = (stream, cloneForBranch2) => {
    const tee = stream.controller instanceof ByteControllerSlots
      ? new ByteTee(stream)
      : new DefaultTee(stream, cloneForBranch2);
    return { first: tee.first.stream, second: tee.second.stream };
  };
  return { __proto__: null };
};
