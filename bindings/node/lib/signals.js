'use strict';
// Signals by which hosts give up what they wait for. One may be for thousands of requests: it has one listener of ours, however many wait.

const { invalid } = require('./errors.js');

const waiting = new WeakMap();

/** What people pass as a signal, or null. */
function signalOf(signal) {
  if (signal === undefined || signal === null) return null;
  const isOne =
    typeof signal === 'object' &&
    typeof signal.aborted === 'boolean' &&
    typeof signal.addEventListener === 'function' &&
    typeof signal.removeEventListener === 'function';
  if (!isOne) throw invalid('signal is an AbortSignal');
  return signal;
}

/** Throws a signal's reason if it is aborted. */
function check(signal) {
  if (signal !== null && signal.aborted) throw signal.reason;
}

/** Calls a function when a signal is aborted. */
function listen(signal, onAbort) {
  let waits = waiting.get(signal);
  if (waits === undefined) {
    const all = new Set();
    const tell = () => {
      waiting.delete(signal);
      for (const each of all) each();
    };
    signal.addEventListener('abort', tell, { once: true });
    waits = { all, tell };
    waiting.set(signal, waits);
  }
  waits.all.add(onAbort);
}

/** Does not call it any more. */
function unlisten(signal, onAbort) {
  const waits = waiting.get(signal);
  if (waits === undefined || !waits.all.delete(onAbort) || waits.all.size > 0) return;
  waiting.delete(signal);
  signal.removeEventListener('abort', waits.tell);
}

module.exports = { check, listen, signalOf, unlisten };
