'use strict';
// A runtime's queue, and who its events are for.
//
// The native half rings when the queue is no longer empty; the thread that made the runtime takes all there is, in batches. While
// something is under way the hub is held and the process kept alive; otherwise a runtime that nobody holds is collected, and closes.

const native = require('./native.js');
const { hold, release } = require('./alive.js');
const { decode } = require('./cbor.js');
const { APP, CALL, CALL_CANCELED, END, ERROR, LOG, RELEASE, RESPONSE, RESULT, VERSION_END } = require('./events.js');
const { NanoError } = require('./errors.js');
const { later, tell } = require('./listeners.js');

// Enough that a burst costs one crossing, few enough that none waits long for the first.
const BATCH = 256;
// How many requests follow one before the thread that takes them is woken again: few enough that it works while more are made.
const QUIET_MAX = 16;

class Hub {
  #handlers = new Map();
  #nextToken = 1;
  // Whose functions answer each version of each app.
  #versions = new Map();
  #nextVersion = 1;
  #listeners;
  // Objects that apps hold: their numbers, and how often each has been given.
  #objects = new Map();
  #numbers = new Map();
  #nextObject = 1;
  #closing = null;
  #isDraining = false;
  // Requests since the queue was last looked at, and whether some of them are still to be told of.
  #asked = 0;
  #isWaking = false;

  constructor(options, listeners, startCall) {
    const self = new WeakRef(this);
    this.native = new native.Runtime(options, () => self.deref()?.drain());
    this.apps = new Map();
    // What to call when the runtime closes its open listeners.
    this.listening = new Set();
    this.#listeners = listeners;
    this.startCall = startCall;
    this.held = this.held.bind(this);
  }

  /** Has a version of an app answered by these bindings, from before it is loaded until the native half says that it has ended: its number. */
  keep(bindings) {
    const version = this.#nextVersion++;
    this.#versions.set(version, bindings);
    return version;
  }

  /** It has ended, or was not loaded. */
  letGo(version) {
    this.#versions.delete(version);
  }

  bindingsOf(version) {
    return this.#versions.get(version);
  }

  /** Takes a name for an app, from before it is loaded until it is no more. */
  claim(name) {
    if (this.apps.has(name)) {
      const why = `there is an app named "${name}" already, or one that is being loaded or unloaded: reload it, or unload it first`;
      throw new NanoError('NANO_E_BUSY', why);
    }
    const claim = {
      end: () => {
        if (this.apps.get(name) === claim) this.apps.delete(name);
      },
    };
    this.apps.set(name, claim);
    return claim;
  }

  /** Sends something off: its events go to the handler. */
  open(handler, send) {
    const token = this.#nextToken++;
    const id = send(token);
    this.#handlers.set(token, handler);
    this.#hold();
    return id;
  }

  /** The events of a call of an app go to the handler. */
  follow(id, handler) {
    this.#handlers.set(id, handler);
    this.#hold();
  }

  /** Nobody listens for this call any more. */
  forget(id) {
    if (this.#handlers.delete(id)) this.#release();
  }

  /**
   * Whether the next request is one of several in a row, whose thread hears of them together: to wake it costs as much as the request.
   * The first one begins at once; the others at the end of this turn of the loop, if the first has not kept the thread awake for them.
   */
  isMore() {
    if (this.#asked++ % QUIET_MAX === 0) return false;
    if (!this.#isWaking) {
      this.#isWaking = true;
      process.nextTick(this.#wake);
    }
    return true;
  }

  #wake = () => {
    this.#isWaking = false;
    this.native.wake();
  };

  #hold() {
    if (this.#handlers.size === 1) hold(this);
  }

  #release() {
    if (this.#handlers.size === 0) release(this);
  }

  /** Takes what is in the queue, and hands it out. */
  drain() {
    this.#asked = 0;
    for (;;) {
      const bytes = this.native.poll(BATCH);
      if (bytes === null) return;
      const events = decode(bytes);
      for (const event of events) {
        try {
          this.#route(event);
        } catch (error) {
          // What goes wrong with one is nobody else's.
          later(error);
        }
      }
      if (events.length < BATCH) return;
    }
  }

  #route(event) {
    const key = event[0];
    switch (event[1]) {
      case CALL:
        return this.startCall(this, key);
      case RELEASE:
        return this.takeBack(key);
      case VERSION_END:
        return this.letGo(key);
      case LOG:
        return tell(this.#listeners.onLog, ...event.slice(2));
      case APP:
        return tell(this.#listeners.onApp, ...event.slice(2));
      default: {
        const handler = this.#handlers.get(key);
        if (handler === undefined) return undefined;
        if (isLast(event)) this.forget(key);
        return handler.push(event);
      }
    }
  }

  // Objects that apps hold.

  /** The object that an app names by its number. */
  held(name, number) {
    const entry = this.#objects.get(number);
    if (entry === undefined) throw new NanoError('NANO_E_NOT_FOUND', `no app holds an object ${number} of the class ${name}`);
    return entry.value;
  }

  /** The number under which an app may hold an object, once more. */
  give(value) {
    let number = this.#numbers.get(value);
    if (number === undefined) {
      number = this.#nextObject++;
      this.#numbers.set(value, number);
      this.#objects.set(number, { value, count: 0 });
    }
    this.#objects.get(number).count++;
    return number;
  }

  /** One giving is over. */
  takeBack(number) {
    const entry = this.#objects.get(number);
    if (entry === undefined || --entry.count > 0) return;
    this.#objects.delete(number);
    this.#numbers.delete(entry.value);
  }

  // The end.

  get closed() {
    return this.#closing !== null;
  }

  /** Takes no new requests, by listeners neither. */
  get isDraining() {
    return this.#isDraining;
  }

  /** Takes no new requests, and waits for those in flight. */
  drainFor(graceMs) {
    const draining = this.native.drain(graceMs);
    this.#stopListening();
    return draining;
  }

  #stopListening() {
    this.#isDraining = true;
    for (const end of this.listening) end();
  }

  /** Refuses what cannot work any more. */
  check() {
    if (this.closed) throw new NanoError('NANO_E_SHUTDOWN', 'the runtime is closed', '', 503);
  }

  /** Ends every request and stops the threads. */
  close() {
    return (this.#closing ??= this.#close());
  }

  async #close() {
    const closing = this.native.close();
    this.#stopListening();
    await closing;
    this.drain();
    // What is left are calls of apps that are gone.
    for (const [key, handler] of this.#handlers) {
      this.forget(key);
      handler.push([key, CALL_CANCELED]);
    }
    this.apps.clear();
    this.#versions.clear();
    this.#objects.clear();
    this.#numbers.clear();
  }
}

function isLast(event) {
  const kind = event[1];
  return kind === RESULT || kind === END || kind === ERROR || kind === CALL_CANCELED || (kind === RESPONSE && event[6]);
}

module.exports = { Hub };
