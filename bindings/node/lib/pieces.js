'use strict';
// What a client sends, as pieces that are asked for one after the other.

/**
 * The pieces of a request's body, or of what comes by a socket, after those that have come. It reads no further than to the next one. Who
 * stops early leaves the connection as it is: the response still has to go out by it.
 */
function piecesOf(stream, chunks = []) {
  let ended = false;
  // What has been broken off already says nothing any more.
  let failure = stream.destroyed && !stream.readableEnded ? brokenOff() : null;
  let wake = null;
  const tell = () => {
    wake?.();
    wake = null;
  };
  const onData = (chunk) => {
    chunks.push(chunk);
    stream.pause();
    tell();
  };
  const onEnd = () => {
    ended = true;
    tell();
  };
  const onGone = () => {
    if (!ended) failure ??= brokenOff();
    tell();
  };
  const onError = (error) => {
    failure ??= error;
    tell();
  };
  stream.on('data', onData).on('end', onEnd).on('close', onGone).on('error', onError);
  return {
    async next() {
      while (chunks.length === 0) {
        if (ended) return { done: true, value: undefined };
        if (failure !== null) throw failure;
        stream.resume();
        await new Promise((resolve) => (wake = resolve));
      }
      return { done: false, value: chunks.shift() };
    },
    stop() {
      // What is left is read and dropped.
      stream.off('data', onData);
      stream.resume();
    },
  };
}

function brokenOff() {
  return new Error('the client has gone away in the middle of its request');
}

module.exports = { piecesOf };
