'use strict';
// What keeps the process alive, and is not collected: one timer for all of it.

const FOREVER_MS = 2 ** 31 - 1;

const held = new Set();
let timer = null;

function hold(what) {
  held.add(what);
  timer ??= setInterval(() => {}, FOREVER_MS);
  timer.ref();
}

function release(what) {
  if (held.delete(what) && held.size === 0) timer.unref();
}

module.exports = { hold, release };
