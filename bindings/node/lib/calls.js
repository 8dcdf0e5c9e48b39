'use strict';
// What apps ask of Node: functions, objects and classes in `env`, and how their answers get back.

const { isPublic, methodOf } = require('./bindings.js');
const { decode, encode } = require('./cbor.js');
const { CALL_CANCELED, CALL_CHUNK } = require('./events.js');
const { NanoError, isGone } = require('./errors.js');
const { flatten, headersOf, textOf } = require('./headers.js');
const { Pump } = require('./pump.js');
const { BODILESS, WholeResponse } = require('./response.js');

/** Finds out what is asked, and has it answered. */
function startCall(hub, id) {
  let view;
  try {
    view = decode(hub.native.callView(id));
  } catch (error) {
    // The app has given the call up before it was looked at.
    if (!isGone(error)) failNow(hub, id, error);
    return;
  }
  const claim = hub.apps.get(view[0]);
  if (claim === undefined) failNow(hub, id, new NanoError('NANO_E_NOT_FOUND', 'the app is not one of this runtime'));
  else new Call(hub, id, claim.bindings).run(view);
}

class Call {
  #hub;
  #id;
  #bindings;
  #abort = null;
  #pump = null;
  #canceled = false;
  #chunks = [];
  #waiter = null;

  constructor(hub, id, bindings) {
    this.#hub = hub;
    this.#id = id;
    this.#bindings = bindings;
    hub.follow(id, this);
  }

  /** Aborted when the app no longer waits. */
  get signal() {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#canceled) this.#abort.abort(canceled());
    }
    return this.#abort.signal;
  }

  push(event) {
    if (event[1] === CALL_CHUNK) {
      this.#chunks.push(event[2]);
      this.#wake();
    } else if (event[1] === CALL_CANCELED) {
      this.#canceled = true;
      this.#abort?.abort(canceled());
      this.#pump?.stop(canceled());
      this.#wake();
    } else {
      this.#pump?.wake();
    }
  }

  #wake() {
    const waiter = this.#waiter;
    this.#waiter = null;
    waiter?.();
  }

  async run(view) {
    try {
      const result = await this.#answer(view);
      if (view[2] === 'fetch') await this.#respond(result);
      else this.#return(result);
    } catch (error) {
      // What has ended meanwhile has nobody to be told.
      if (!isGone(error)) failNow(this.#hub, this.#id, error);
    }
    this.#hub.forget(this.#id);
  }

  #answer([app, name, kind, ...rest]) {
    const { held } = this.#hub;
    switch (kind) {
      case 'object_method': {
        const [number, method, args] = rest;
        const object = held(name, number);
        return methodOf(object, method).apply(object, decode(args, held));
      }
      case 'object_get':
        return held(name, rest[0])[publicName(rest[1])];
      case 'object_set': {
        const [number, member, value] = rest;
        held(name, number)[publicName(member)] = decode(value, held)[0];
        return undefined;
      }
      case 'files': {
        const files = this.#bindings.files;
        return methodOf(files, rest[0]).apply(files, decode(rest[1], held));
      }
      default: {
        const target = this.#bindings.byName.get(name);
        if (kind === 'fetch') return methodOf(target, 'fetch').call(target, this.#request(...rest));
        if (kind === 'method') return methodOf(target, rest[0]).apply(target, decode(rest[1], held));
        if (kind === 'construct') return new target(...decode(rest[0], held));
        return target.apply({ app, signal: this.signal }, decode(rest[0], held));
      }
    }
  }

  #request(method, url, flat, bytes, isStreaming) {
    const body = isStreaming ? this.#body() : bytes.length > 0 ? bytes : null;
    return new Request(url, { method, headers: headersOf(textOf(flat)), body, signal: this.signal, duplex: 'half' });
  }

  #body() {
    return new ReadableStream(
      {
        type: 'bytes',
        pull: async (controller) => {
          while (this.#chunks.length === 0) {
            if (this.#canceled) throw canceled();
            await new Promise((resolve) => (this.#waiter = resolve));
          }
          const chunk = this.#chunks.shift();
          if (chunk.length === 0) {
            controller.close();
            return controller.byobRequest?.respond(0);
          }
          try {
            this.#hub.native.credit(this.#id, chunk.length);
          } catch (error) {
            if (!isGone(error)) throw error;
          }
          return controller.enqueue(chunk);
        },
      },
      { highWaterMark: 0 },
    );
  }

  #return(value) {
    const given = [];
    try {
      encode(value, this.#bindings.giver(this.#hub, given), (bytes) => this.#hub.native.callReturn(this.#id, bytes));
    } catch (error) {
      for (const number of given) this.#hub.takeBack(number);
      throw error;
    }
  }

  async #respond(value) {
    const { native } = this.#hub;
    const response = value instanceof Response ? value : new Response(value);
    const whole = WholeResponse.partsOf(response);
    if (whole !== null) return native.callRespond(this.#id, whole.status, whole.statusText, whole.flat || null, whole.body);
    const { status, statusText, headers } = response;
    const body = BODILESS.has(status) ? null : response.body;
    if (body === null) return native.callRespond(this.#id, status, statusText, flatten(headers), new Uint8Array(0));
    this.#pump = new Pump(body, (bytes) => native.callWrite(this.#id, bytes));
    try {
      native.callRespond(this.#id, status, statusText, flatten(headers), null);
      if (await this.#pump.run()) native.callEnd(this.#id);
    } catch (error) {
      this.#pump.stop(error);
      throw error;
    }
    return undefined;
  }
}

function publicName(name) {
  if (!isPublic(name)) throw new TypeError(`${name} is not a property of it`);
  return name;
}

function canceled() {
  return new NanoError('NANO_E_CANCELED', 'the app has given the call up');
}

/** Rejects the app's promise. The app is told what kind of error it was, and its text: write texts that it may read. */
function failNow(hub, id, error) {
  const isError = error instanceof Error || (typeof DOMException === 'function' && error instanceof DOMException);
  const message = isError ? `${error.name}: ${error.message}` : String(error);
  try {
    hub.native.callFail(id, message);
  } catch (gone) {
    if (!isGone(gone)) throw gone;
  }
}

module.exports = { startCall };
