"use strict";
// A body on its way out that is not whole yet: into a response or a call.
(nano) => {
  const {
    ObjectSetPrototypeOf, PromisePrototypeThen, TypeError, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetSymbolToStringTag,
  } = nano.primordials;
  const { ops } = nano;
  const { awaitingCredit, WINDOW_BYTES } = nano.fetch;

  // What a native body's pipe() gives, besides its end.
  const EMPTY = 0;
  const FULL = 1;
  const UNWANTED = 4;

  const noop = () => {};

  // Writes a taken body to a response or a call, as fast as its credit allows. From one native body to another there is neither
  // a stream, a promise nor a chunk in between. The owner has sent(), sendFailed(error) and unwanted(): nobody takes the rest.
  class Pump {
    id;
    owner;
    native = null;
    reader = null;
    over = false;
    reading = false;
    readAgain = false;
    // A chunk that has not gone as a whole, and how much of it has.
    rest = null;
    at = 0;

    constructor(id, taken, owner) {
      this.id = id;
      this.owner = owner;
      if (taken.stream === null) this.native = taken.source;
      else this.reader = nano.streams.acquireReadableStreamDefaultReader(taken.stream);
    }

    // Goes on when there is credit, or when the native body has bytes.
    step() {
      if (this.over) return;
      if (this.reader !== null) {
        if (this.rest === null || this.writeRest()) this.read();
        return;
      }
      try {
        const state = this.native.pipe(this.id, this);
        if (state === EMPTY) return;
        if (state === FULL) {
          awaitingCredit.set(this.id, this);
          return;
        }
        if (state === UNWANTED) {
          this.owner.unwanted();
          return;
        }
      } catch (error) {
        this.fail(error);
        return;
      }
      this.closeSteps();
    }

    // Whether there is credit for more.
    write(bytes) {
      this.rest = bytes;
      this.at = 0;
      return this.writeRest();
    }

    // The same. What there is no room for as a whole stays with the app, which pays for it here.
    writeRest() {
      const { id, rest } = this;
      const length = TypedArrayPrototypeGetByteLength(rest);
      let credit = 1;
      // The app may have taken its memory elsewhere.
      while (credit > 0 && this.at < length) {
        const left = length - this.at;
        const end = this.at + (left > WINDOW_BYTES ? ops.room(id, left) : left);
        credit = ops.write(id, rest, this.at, end);
        this.at = end;
      }
      if (credit === null || this.at >= length) this.rest = null;
      if (credit > 0) return true;
      if (credit === null) this.owner.unwanted();
      else awaitingCredit.set(this.id, this);
      return false;
    }

    // A loop, because a stream with a long queue answers each read before it returns.
    read() {
      do {
        this.readAgain = false;
        this.reading = true;
        nano.streams.readableStreamDefaultReaderRead(this.reader, this);
        this.reading = false;
      } while (this.readAgain);
    }

    chunkSteps(chunk) {
      if (this.over) return;
      try {
        if (TypedArrayPrototypeGetSymbolToStringTag(chunk) !== "Uint8Array") {
          throw new TypeError("The stream of a body gave a chunk that is not a Uint8Array.");
        }
        if (TypedArrayPrototypeGetByteLength(chunk) > 0 && !this.write(chunk)) return;
      } catch (error) {
        this.fail(error);
        return;
      }
      if (this.reading) this.readAgain = true;
      else this.read();
    }

    closeSteps() {
      if (this.over) return;
      this.over = true;
      ops.end(this.id);
      this.owner.sent();
    }

    errorSteps(error) {
      if (this.over) return;
      this.over = true;
      this.owner.sendFailed(error);
    }

    fail(error) {
      this.cancel(error);
      this.owner.sendFailed(error);
    }

    // Nobody wants the rest.
    cancel(reason) {
      if (this.over) return;
      this.over = true;
      this.rest = null;
      awaitingCredit.delete(this.id);
      if (this.native !== null) this.native.cancel();
      else PromisePrototypeThen(nano.streams.readableStreamDefaultReaderCancel(this.reader, reason), undefined, noop);
    }
  }
  ObjectSetPrototypeOf(Pump.prototype, null);

  return { __proto__: null, Pump };
};
