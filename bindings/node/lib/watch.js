'use strict';
// The signals that come with a `Request`. Each has one and hardly any is ever aborted, but to listen to one costs a quarter of a whole
// request (6 µs of 23). So only what lives for longer than WAIT_MS listens; what ends before looks at its signal when it ends.

const WAIT_MS = 5;

let waiting = [];

/** Has an exchange listen to its signal, unless it is done before. */
function watch(exchange) {
  if (waiting.length === 0) setTimeout(listen, WAIT_MS).unref();
  waiting.push(exchange);
}

function listen() {
  const all = waiting;
  waiting = [];
  for (const exchange of all) exchange.listen();
}

module.exports = { watch };
