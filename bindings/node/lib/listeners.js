'use strict';
// What hosts give to be told: it must not keep others from what is theirs.

/** Tells a listener. What it throws is an uncaught exception as that of any other, but after what came with it. */
function tell(listener, ...what) {
  try {
    listener?.(...what);
  } catch (error) {
    later(error);
  }
}

/** Throws where nobody else's work is cut short by it. */
function later(error) {
  process.nextTick(() => {
    throw error;
  });
}

module.exports = { later, tell };
