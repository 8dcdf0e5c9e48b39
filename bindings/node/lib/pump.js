'use strict';
// Bodies on their way to an app: pieces from wherever they come, as fast as the app takes them.

const { invalid } = require('./errors.js');

// A body that nobody reads takes everything: whoever yields it must not keep the loop from hearing that.
const TURN_BYTES = 64 << 10;
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Pieces of a body one after the other: `next()` as iterators have it, and `stop(why)` for when nobody wants more. */
function readerOf(source) {
  if (typeof source.getReader === 'function') {
    const reader = source.getReader();
    return { next: () => reader.read(), stop: (why) => reader.cancel(why).catch(() => {}) };
  }
  if (typeof source.next === 'function' && typeof source.stop === 'function') return source;
  const iterator = source[Symbol.asyncIterator]?.() ?? source[Symbol.iterator]();
  return { next: () => iterator.next(), stop: () => close(iterator) };
}

async function close(iterator) {
  try {
    await iterator.return?.();
  } catch {
    // Nobody waits for it.
  }
}

/** A piece of a body. */
function chunkOf(chunk) {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === 'string') return Buffer.from(chunk);
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw invalid('a body yields Uint8Arrays or strings');
}

/** Sends one body: `write` takes as many bytes as there is room for and says how many these were. */
class Pump {
  #reader;
  #write;
  #stopped = false;
  #room = null;

  constructor(source, write) {
    this.#reader = readerOf(source);
    this.#write = write;
  }

  /** There is room again. */
  wake() {
    const room = this.#room;
    this.#room = null;
    room?.();
  }

  /** Nobody reads any more. */
  stop(why) {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#reader.stop(why);
    this.wake();
  }

  /** Whether all of it was sent, rather than stopped; rejects if the body itself fails. */
  async run() {
    let sinceTurn = 0;
    while (!this.#stopped) {
      const { done, value } = await this.#reader.next();
      if (this.#stopped) return false;
      if (done) return true;
      let rest = chunkOf(value);
      while (rest.length > 0) {
        // Asked for before writing: what is told in between is not missed.
        const room = new Promise((resolve) => (this.#room = resolve));
        const taken = this.#write(rest);
        rest = rest.subarray(taken);
        sinceTurn += taken;
        if (rest.length > 0) await room;
        else if (sinceTurn >= TURN_BYTES) await turn();
        else continue;
        sinceTurn = 0;
        if (this.#stopped) return false;
      }
    }
    return false;
  }
}

module.exports = { Pump };
