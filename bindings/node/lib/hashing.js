'use strict';
// Sets and maps of what an app has chosen. V8's hashes of numbers have no secret: an app can choose thousands that come to lie together, and
// to make a set of them takes the square of their number. Whoever makes one therefore looks at the clock.

const native = require('./native.js');
const { tooLarge } = require('./errors.js');

// As in the other languages (limits.rs), in microseconds: for each item, besides, and at most for one slice, which a collection of garbage may be in.
const ITEM_US = 1;
const SPARE_US = 25_000;
const SLICE = 64;
const SLICE_US_MAX = 5_000;

/** The CPU time that the sets and maps of one value may take, and have taken. */
class Hashing {
  constructor() {
    this.fair = SPARE_US;
    this.spent = 0;
  }

  /** Calls `add` with each index up to `count`, as long as that does not take longer than it should. */
  each(count, add) {
    const isTimed = count > SLICE;
    this.fair += isTimed ? count * ITEM_US : 0;
    let then = isTimed ? native.threadCpuUs() : 0;
    for (let from = 0; from < count; from += SLICE) {
      const end = Math.min(from + SLICE, count);
      for (let index = from; index < end; index++) add(index);
      if (!isTimed) continue;
      const now = native.threadCpuUs();
      this.spent += Math.min(now - then, SLICE_US_MAX);
      then = now;
      if (this.spent > this.fair) throw tooLarge("the app's Set or Map has too many items with the same hash: give an array of them");
    }
  }
}

module.exports = { Hashing };
