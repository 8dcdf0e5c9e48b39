'use strict';
// A runtime's own HTTP server: requests go to apps and responses to clients on its threads, and Node hears of what apps ask of it alone.

const { setTimeout: pause } = require('node:timers/promises');
const { hold, release } = require('./alive.js');
const { LISTEN_LIMITS, limitsOf } = require('./bindings.js');
const { boolean, known, list, nothingElse, text } = require('./checks.js');
const { NanoError, invalid } = require('./errors.js');
const signals = require('./signals.js');

const dispose = Symbol.dispose ?? Symbol.for('nodejs.dispose');
const asyncDispose = Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose');
// How often a listener that has been closed looks whether its last connection has ended.
const LOOK_MS = 20;
const made = Symbol('made by Runtime.listen');
// All that have not ended: nobody need hold them, and what their apps ask is answered.
const kept = new Set();

/** A listener of a runtime's. As a server of Node's it keeps the process alive until it is closed and its connections have ended. */
class Listener {
  #hub;
  #native;
  #address;
  #signal;
  #isRef = true;
  #ended = null;

  constructor(key, hub, native, signal) {
    if (key !== made) throw invalid('listeners are made by runtime.listen');
    this.#hub = hub;
    this.#native = native;
    this.#address = native.address;
    this.#signal = signal;
    if (signal !== null) signals.listen(signal, this.#onAbort);
    hub.listening.add(this.#onEnd);
    kept.add(this);
    hold(this);
  }

  /** What clients connect to, with the port that port 0 has become. */
  get address() {
    return this.#address;
  }

  /** How many connections are open. */
  get connections() {
    return this.#native.connections;
  }

  get closed() {
    return this.#ended !== null;
  }

  /** Other certificates for the connections to come. Nothing changes if one of them cannot be used. */
  setCertificates(certificates) {
    this.#hub.check();
    if (this.closed) throw new NanoError('NANO_E_SHUTDOWN', 'the listener is closed', '', 503);
    this.#native.setCertificates(certificatesOf(certificates));
  }

  /** Keeps the process alive again. */
  ref() {
    this.#isRef = true;
    if (kept.has(this)) hold(this);
    return this;
  }

  /** Does not keep the process alive. */
  unref() {
    this.#isRef = false;
    release(this);
    return this;
  }

  /** Accepts no more. Connections end with the request they are at; when all have, so does the promise. */
  close() {
    if (!this.closed) {
      this.#native.close();
      this.#onEnd();
    }
    return this.#ended;
  }

  [dispose]() {
    this.close();
  }

  [asyncDispose]() {
    return this.close();
  }

  #onAbort = () => {
    this.close();
  };

  /** It is closed: by us, or with its runtime. */
  #onEnd = () => {
    if (this.#signal !== null) signals.unlisten(this.#signal, this.#onAbort);
    this.#hub.listening.delete(this.#onEnd);
    this.#ended = this.#end();
  };

  async #end() {
    // What is answered last may need Node, and this.
    while (this.#native.connections > 0) await pause(LOOK_MS, undefined, { ref: false });
    kept.delete(this);
    release(this);
  }
}

/** Listens for one app, or for several by host and path; `nativeOf` gives an app's native half. */
function listen(hub, address, apps, options, nativeOf) {
  hub.check();
  if (hub.isDraining) throw new NanoError('NANO_E_DRAINING', 'the runtime takes no new requests', '', 503);
  const { certificates, behindProxy = false, limits, signal, ...rest } = known(options, 'listen');
  nothingElse(rest, 'listen');
  const given = {
    address: text(address, 'address'),
    behindProxy: boolean(behindProxy, 'behindProxy'),
    limits: limitsOf(limits, LISTEN_LIMITS),
    certificates: certificates === undefined ? undefined : certificatesOf(certificates),
  };
  const routes = routesOf(apps, nativeOf);
  const stop = signals.signalOf(signal);
  signals.check(stop);
  return new Listener(made, hub, hub.native.listen(given, routes), stop);
}

/** `[host, path, app]` of each route. */
function routesOf(apps, nativeOf) {
  const only = nativeOf(apps);
  if (only !== null) return [['', '', only]];
  const isObject = typeof apps === 'object' && apps !== null && !Array.isArray(apps);
  const routes = apps instanceof Map ? [...apps] : isObject ? Object.entries(apps) : [];
  // Such as of a promise of an app.
  if (routes.length === 0) throw invalid('listen takes an app, or an object or Map with apps by host and path');
  return routes.map(([route, app]) => {
    const native = nativeOf(app);
    if (native === null) throw invalid(`what is at the route "${String(route)}" is no app`);
    return [...hostAndPath(text(route, 'a route')), native];
  });
}

function hostAndPath(route) {
  const slash = route.indexOf('/');
  const host = slash < 0 ? route : route.slice(0, slash);
  // No request would ever be for it.
  if (/^[^[]*:|\]:/.test(host)) throw invalid(`the route "${route}" has a port or a scheme: it is HOST, HOST/path, /path or empty`);
  return [host, route.slice(host.length)];
}

function certificatesOf(certificates) {
  return list(certificates, 'certificates').map((certificate) => {
    const { chain, key, ...rest } = known(certificate, 'a certificate');
    nothingElse(rest, 'a certificate');
    return [pem(chain, 'chain'), pem(key, 'key')];
  });
}

function pem(given, what) {
  if (typeof given !== 'string' && !(given instanceof Uint8Array))
    throw invalid(`the ${what} of a certificate is PEM, as text or as Uint8Array`);
  return Buffer.from(given);
}

module.exports = { Listener, listen };
