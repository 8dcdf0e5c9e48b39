'use strict';
// WebSockets of apps behind `node:http` and `https`. Once an app has answered with one, its client's connection is the app's: bytes pass as
// they are, and each side waits for the other.

const { STATUS_CODES, ServerResponse } = require('node:http');
const { NanoError } = require('./errors.js');
const { listOf, textOf } = require('./headers.js');
const { answer, checked, roomIn, sendProblem, tellOf } = require('./http.js');
const { HOP_BY_HOP, hasBody, headOf } = require('./incoming.js');
const { piecesOf } = require('./pieces.js');
const { dispatch } = require('./runtime.js');

// What an app has to see of the connection, to answer with a WebSocket.
const WITHOUT = new Set([...HOP_BY_HOP].filter((name) => name !== 'connection' && name !== 'upgrade'));
// How long a client has to take what it is still told, and to go, when all has been said.
const LINGER_MS = 30_000;
// How long a client is silent before its kernel is asked for a sign of life.
const PROBE_MS = 60_000;

/**
 * A listener `(request, socket, head)` for the event `upgrade` of a server: an app answers, with a WebSocket or with a response as any
 * other, after which the connection is closed. Errors are told as `toNodeHandler` tells them.
 */
function toUpgradeHandler(app, options = {}) {
  const onError = checked('toUpgradeHandler', app, options);
  return (request, socket, head) => {
    // What is wrong with a socket is told by its end, too.
    socket.on('error', () => {});
    if (socket.destroyed) return;
    const response = new ServerResponse(request);
    try {
      response.assignSocket(socket);
    } catch {
      // An earlier request of this connection has not been answered: nobody who means well asks for more then.
      socket.destroy();
      return;
    }
    const client = new Client(request, socket, head, response);
    client.serve(app).catch((error) => {
      if (socket.destroyed) return;
      client.fail(error);
      tellOf(onError, error, app, request);
    });
  };
}

class Client {
  #request;
  #socket;
  #response;
  #pieces;
  // Whether it has been heard what the app answers, and whether that is a WebSocket.
  #isAnswered = false;
  #isSwitched = false;
  #isLeaving = false;

  constructor(request, socket, head, response) {
    this.#request = request;
    this.#socket = socket;
    this.#response = response;
    this.#pieces = piecesOf(socket, head.length > 0 ? [head] : []);
    // It is read already, so that it is noticed when the client goes.
    if (head.length > 0) socket.pause();
    else socket.resume();
    // The server's timeout holds until there is a WebSocket, but the server itself has stopped listening for it.
    socket.once('timeout', () => socket.destroy());
    socket.once('end', () => {
      if (!this.#isAnswered) socket.destroy();
    });
    socket.on('drain', () => {
      if (!this.#isSwitched) response.emit('drain');
    });
    response.shouldKeepAlive = false;
    response.once('finish', () => this.#leave());
  }

  async serve(app) {
    const socket = this.#socket;
    if (hasBody(this.#request)) throw new NanoError('NANO_E_INVALID', 'a request for an upgrade has no body', '', 400);
    const { method, url, flat } = headOf(this.#request, WITHOUT);
    const { head, exchange } = dispatch(app, { method, url, flat, body: null, source: null, isUpgrade: true, signal: null, deadlineMs: 0 });
    socket.once('close', () => exchange.cancel());
    const event = await head;
    this.#isAnswered = true;
    if (event[2] !== 101) {
      await answer(this.#request, this.#response, event, exchange);
      return this.#listenNoMore();
    }
    this.#isSwitched = true;
    this.#response.detachSocket(socket);
    if (socket.destroyed) return undefined;
    socket.setTimeout?.(0);
    socket.setNoDelay?.(true);
    socket.setKeepAlive?.(true, PROBE_MS);
    socket.write(headOfSwitch(event), 'latin1');
    exchange.send({ next: this.#pieces.next, stop: () => this.#listenNoMore() });
    for (let piece = await exchange.next(false); piece !== null; piece = await exchange.next(false)) {
      if (socket.destroyed) return undefined;
      if (!socket.write(piece)) await roomIn(socket);
      exchange.credit(piece.length);
    }
    return this.#leave();
  }

  /** Tells the client what it may know, if it can still be told. */
  fail(error) {
    if (!this.#isSwitched && !this.#response.headersSent) {
      this.#isAnswered = true;
      sendProblem(this.#request, this.#response, error);
    } else if (this.#isSwitched && error instanceof NanoError && error.code !== 'NANO_E_CANCELED') {
      // What the client may know of it has come as a frame.
      this.#leave();
    } else {
      this.#socket.destroy();
    }
  }

  /** All has been said. */
  #leave() {
    this.#listenNoMore();
    this.#socket.end();
  }

  /** What still comes is dropped, and not for long. */
  #listenNoMore() {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    const socket = this.#socket;
    this.#pieces.stop();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
  }
}

/** The head of a response that gives the connection away: what it says of the connection is part of it. */
function headOfSwitch([, , status, statusText, flat]) {
  const list = listOf(textOf(flat));
  let text = `HTTP/1.1 ${status} ${statusText || STATUS_CODES[status]}\r\n`;
  for (let index = 0; index < list.length; index += 2) text += `${list[index]}: ${list[index + 1]}\r\n`;
  return `${text}\r\n`;
}

module.exports = { toUpgradeHandler };
