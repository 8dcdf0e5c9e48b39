'use strict';
// What apps ask of Node: functions, objects and classes in `env`, and how their answers get back.

const { isDisturbed } = require('node:stream');
const { isPublic, methodOf } = require('./bindings.js');
const { decode, encode } = require('./cbor.js');
const { CALL_CANCELED, CALL_CHUNK } = require('./events.js');
const { NanoError, partsOf, unlessGone } = require('./errors.js');
const headers = require('./headers.js');
const { Pump } = require('./pump.js');
const { BODILESS, WholeResponse } = require('./response.js');
const { isResponse } = require('./shapes.js');

/** Finds out what is asked, and has it answered. */
function startCall(hub, id) {
  let view;
  try {
    const bytes = unlessGone(() => hub.native.callView(id));
    // The app has given the call up before it was looked at.
    if (bytes === undefined) return;
    view = decode(bytes);
  } catch (error) {
    failNow(hub, id, error);
    return;
  }
  const bindings = hub.bindingsOf(view[0]);
  if (bindings === undefined) failNow(hub, id, new NanoError('NANO_E_NOT_FOUND', 'the app is not one of this runtime'));
  else new Call(hub, id, bindings).run(view);
}

class Call {
  #hub;
  #id;
  #bindings;
  #abort = null;
  #pump = null;
  // Why nothing more comes or goes, once that is so.
  #why = null;
  // Whether some of the request's body is still to come, and what has come of it.
  #isComing = false;
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
      if (this.#why !== null) this.#abort.abort(this.#why);
    }
    return this.#abort.signal;
  }

  push(event) {
    if (event[1] === CALL_CHUNK) {
      if (event[2].length === 0) this.#isComing = false;
      this.#chunks.push(event[2]);
      this.#wake();
    } else if (event[1] === CALL_CANCELED) {
      this.#cancel('the app has given the call up');
    } else {
      this.#pump?.wake();
    }
  }

  #cancel(why) {
    this.#why = new NanoError('NANO_E_CANCELED', why);
    this.#abort?.abort(this.#why);
    this.#pump?.stop(this.#why);
    this.#wake();
  }

  #wake() {
    const waiter = this.#waiter;
    this.#waiter = null;
    waiter?.();
  }

  async run(view) {
    try {
      const result = await this.#answer(view);
      if (view[3] === 'fetch') await this.#respond(result);
      else this.#return(result);
    } catch (error) {
      failNow(this.#hub, this.#id, error);
    } finally {
      this.#hub.forget(this.#id);
      // From now on nobody tells of the rest.
      if (this.#isComing && this.#why === null) this.#cancel('the call has been answered before all of its request had come');
    }
  }

  #answer([, app, name, kind, ...rest]) {
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
    const all = headers.headersOf(headers.textOf(flat));
    return new Request(url, { method, headers: all, body, signal: this.signal, duplex: 'half' });
  }

  #body() {
    this.#isComing = true;
    return new ReadableStream(
      {
        type: 'bytes',
        pull: async (controller) => {
          while (this.#chunks.length === 0) {
            if (this.#why !== null) throw this.#why;
            await new Promise((resolve) => (this.#waiter = resolve));
          }
          const chunk = this.#chunks.shift();
          if (chunk.length === 0) {
            controller.close();
            return controller.byobRequest?.respond(0);
          }
          unlessGone(() => this.#hub.native.credit(this.#id, chunk.length));
          return controller.enqueue(chunk);
        },
      },
      { highWaterMark: 0 },
    );
  }

  #return(value) {
    const given = [];
    let isTold = false;
    const tell = (bytes) => {
      this.#hub.native.callReturn(this.#id, bytes);
      return true;
    };
    try {
      isTold = encode(value, this.#bindings.giver(this.#hub, given), (bytes) => unlessGone(() => tell(bytes)));
    } finally {
      if (!isTold) for (const number of given) this.#hub.takeBack(number);
    }
  }

  async #respond(response) {
    if (!isResponse(response)) throw new TypeError(`fetch of a binding gives a Response, and has given ${kindOf(response)}`);
    const whole = WholeResponse.partsOf(response);
    if (whole !== null) return this.#begin(whole.status, whole.statusText, whole.flat || null, whole.body);
    const { status, statusText } = response;
    const flat = headers.flatten(response.headers);
    const body = BODILESS.has(status) ? null : await bodyOf(response);
    if (body === null || body instanceof Uint8Array) return this.#begin(status, statusText, flat, body ?? NOTHING);
    this.#pump = new Pump(body, (bytes) => this.#write(bytes));
    try {
      this.#begin(status, statusText, flat, null);
      if (await this.#pump.run()) unlessGone(() => this.#hub.native.callEnd(this.#id));
    } catch (error) {
      this.#pump.stop(error);
      throw error;
    }
    return undefined;
  }

  #begin(status, statusText, flat, body) {
    unlessGone(() => this.#hub.native.callRespond(this.#id, status, String(statusText ?? ''), flat, body));
  }

  /** How much there was room for. Of a call that has ended meanwhile all is taken. */
  #write(bytes) {
    const taken = unlessGone(() => this.#hub.native.callWrite(this.#id, bytes));
    if (taken === undefined) this.#pump.stop(this.#why);
    return taken ?? bytes.length;
  }
}

/** What there is of a response's body: bytes, pieces, or null. */
async function bodyOf(response) {
  const { body } = response;
  if (response.bodyUsed || body?.locked || (body && isDisturbed?.(body))) throw new TypeError('the body of the response has been read already');
  if (body === null) return null;
  if (typeof body?.getReader === 'function' || typeof body?.[Symbol.asyncIterator] === 'function') return body;
  if (typeof response.arrayBuffer === 'function') return new Uint8Array(await response.arrayBuffer());
  if (body === undefined) return null;
  throw new TypeError('the body of the response is no stream');
}

const NOTHING = new Uint8Array(0);

function kindOf(value) {
  return value === null ? 'null' : typeof value === 'object' ? 'another object' : typeof value;
}

function publicName(name) {
  if (!isPublic(name)) throw new TypeError(`${name} is not a property of it`);
  return name;
}

/** Rejects the app's promise. The app is told what kind of error it was, and its text: write texts that it may read. */
function failNow(hub, id, error) {
  unlessGone(() => hub.native.callThrow(id, ...partsOf(error)));
}

module.exports = { startCall };
