'use strict';
// One request between its dispatch and its end.

const { CHUNK, END, ERROR, RESPONSE, WRITABLE } = require('./events.js');
const { NanoError, unlessGone } = require('./errors.js');
const { Pump } = require('./pump.js');
const { check, listen, unlisten } = require('./signals.js');
const { watch } = require('./watch.js');

// A response that nobody reads to its end, and nobody can any more.
const abandoned = new FinalizationRegistry((exchange) => exchange.cancel());

class Exchange {
  #hub;
  #resolve;
  #reject;
  #signal;
  #onAbort = null;
  #pump = null;
  // What has come of the response's body, and whoever waits for more: nothing else here leads to a stream, so that it can be collected.
  #events = [];
  #waiter = null;
  #failure = null;

  constructor(hub, signal, resolve, reject) {
    this.#hub = hub;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
    this.id = 0n;
    this.done = false;
    /** What the request used, once that is known. */
    this.counts = null;
  }

  /** Begins: `send` gives the core the request under a token. `source` is what is left to send of it. */
  begin(send, source, isSignalOfRequest = false) {
    const signal = this.#signal;
    check(signal);
    try {
      this.id = this.#hub.open(this, send);
    } catch (error) {
      this.#end();
      throw error;
    }
    if (signal !== null) {
      if (isSignalOfRequest) watch(this);
      else this.listen();
    }
    if (source !== null) this.send(source);
  }

  /** Listens to its signal, if it still matters. */
  listen() {
    if (this.done) return;
    const signal = this.#signal;
    if (signal.aborted) return this.fail(signal.reason);
    this.#onAbort = () => this.fail(signal.reason);
    listen(signal, this.#onAbort);
  }

  /** Whether the signal that it does not listen to yet is aborted. */
  get #isAborted() {
    return this.#signal !== null && this.#onAbort === null && this.#signal.aborted;
  }

  /** Sends the request's body, until it or the request ends. */
  async send(source) {
    const { native } = this.#hub;
    try {
      this.#pump = new Pump(source, (bytes) => this.#write(bytes));
      // What becomes a WebSocket may have ended before there is anything to send.
      if (this.done) this.#pump.stop();
      if (await this.#pump.run()) unlessGone(() => native.requestEnd(this.id));
    } catch (error) {
      // The body itself has failed.
      this.fail(error);
    }
  }

  /** How much there was room for. It fails only when the request has ended, of which there is word on its way here: then all is taken. */
  #write(bytes) {
    try {
      return this.#hub.native.requestWrite(this.id, bytes);
    } catch {
      this.#pump.stop();
      return bytes.length;
    }
  }

  /** Takes an event in; they come in order. */
  push(event) {
    if (this.#isAborted) return this.fail(this.#signal.reason);
    switch (event[1]) {
      case WRITABLE:
        return this.#pump?.wake();
      case RESPONSE:
        if (event[6]) this.#end(event[7]);
        break;
      case CHUNK:
        break;
      default:
        this.#end(event[event.length - 1]);
    }
    if (this.#resolve === null) {
      this.#events.push(event);
      return this.#wake();
    }
    const [resolve, reject] = [this.#resolve, this.#reject];
    this.#resolve = this.#reject = null;
    if (event[1] === ERROR) return reject(new NanoError(...event[2]));
    try {
      resolve(event);
    } catch (error) {
      // What one request has come to must not keep others from hearing of theirs.
      reject(error);
      this.cancel();
    }
  }

  #end(counts = null) {
    this.done = true;
    this.counts = counts;
    this.#pump?.stop();
    if (this.#onAbort !== null) unlisten(this.#signal, this.#onAbort);
    this.#onAbort = null;
    // Whoever still knows of this request must not keep its signal alive, which is most of what there is of it.
    this.#signal = null;
  }

  /** Gives the request up, for a reason that is the host's. */
  fail(reason) {
    if (this.done || this.#failure !== null) return;
    this.#failure = { reason };
    this.#reject?.(reason);
    this.cancel();
    this.#wake();
  }

  /** Ends the request, if it has not ended. */
  cancel() {
    if (this.done) return;
    this.#end();
    try {
      this.#hub.native.requestCancel(this.id);
    } catch {
      // It has ended in this moment.
    }
  }

  // The body of its response.

  #wake() {
    const waiter = this.#waiter;
    if (waiter === null) return;
    this.#waiter = null;
    this.next(waiter.credits).then(waiter.resolve, waiter.reject);
  }

  /** The next piece of the body, null at its end. Pieces that are taken make room for more; without `credits` whoever takes them says when. */
  async next(credits = true) {
    if (this.#failure !== null) throw this.#failure.reason;
    const event = this.#events.shift();
    if (event !== undefined) {
      if (event[1] === ERROR) throw new NanoError(...event[2]);
      if (event[1] === END) return null;
      if (credits) this.credit(event[2].length);
      return event[2].length > 0 ? event[2] : this.next(credits);
    }
    if (this.done) return null;
    return new Promise((resolve, reject) => (this.#waiter = { resolve, reject, credits }));
  }

  /** There is room for so many bytes more. */
  credit(count) {
    if (this.done || count === 0) return;
    try {
      this.#hub.native.credit(this.id, count);
    } catch {
      // Its end waits behind this piece.
    }
  }

  /** The same as a stream. */
  stream() {
    const stream = new ReadableStream(
      {
        type: 'bytes',
        pull: async (controller) => {
          const bytes = await this.next();
          if (bytes !== null) return controller.enqueue(bytes);
          controller.close();
          return controller.byobRequest?.respond(0);
        },
        cancel: () => this.cancel(),
      },
      { highWaterMark: 0 },
    );
    abandoned.register(stream, this);
    return stream;
  }
}

module.exports = { Exchange };
