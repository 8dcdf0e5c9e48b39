'use strict';
// Runtimes and apps: what people hold in their hands.

const fs = require('node:fs');
const path = require('node:path');
const { fileURLToPath } = require('node:url');
const { APP_LIMITS, Bindings, RUNTIME_LIMITS, limitsOf } = require('./bindings.js');
const { startCall } = require('./calls.js');
const { decode, encode } = require('./cbor.js');
const { boolean, known, list, nothingElse, number, optional, text, texts } = require('./checks.js');
const { NanoError, invalid } = require('./errors.js');
const { Exchange } = require('./exchange.js');
const { Hub } = require('./hub.js');
const { listen } = require('./listen.js');
const { partsOf } = require('./request.js');
const { responseOf } = require('./response.js');
const signals = require('./signals.js');

const asyncDispose = Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose');
const GRACE_MS = 30_000;
// A small text that is not started yet is read sooner than a thread of the pool is woken for it; longer ones are for the pool.
const HERE_CHARS_MAX = 4096;
// How a module begins, and no path: to ask whether there is a file of this name takes longer.
const CODE = /^\s*(?:export|import)(?:\s+(?:default|const|let|var|async|function|class)\b|\s*[{*'"])/;
// What can be no app, and is a path, though there may be no file there: it has a slash or the ending of a module, and nothing that a call needs.
const PATH = /^(?!\/\/)(?=.*(?:\/|\.[cm]?[jt]sx?$))[^\s"'`(){}[\]=;*]+$/;
// What a Date can say.
const DATE_MS_MAX = 8.64e15;
const QUEUE_COUNTS = ['messages', 'bytes', 'sent', 'acked', 'retried', 'dead', 'dropped'];
const made = Symbol('made by Runtime.load');
// What the body of a request is besides none or whole, as the native half numbers it.
const [WHOLE, STREAM, UPGRADE] = [0, 1, 2];

/** Threads that run JavaScript, and the apps on them. */
class Runtime {
  #hub;

  constructor(options = {}) {
    const { threads, onLog, onApp, manualClock = false, clockUnixMs, roots = '', limits, ...rest } = known(options, 'Runtime');
    nothingElse(rest, 'Runtime');
    for (const [name, listener] of Object.entries({ onLog, onApp })) {
      if (listener !== undefined && typeof listener !== 'function') throw invalid(`${name} is a function`);
    }
    const all = limitsOf(limits, RUNTIME_LIMITS);
    if (threads !== undefined) all.push(...limitsOf({ threads }, RUNTIME_LIMITS));
    const given = {
      limits: all,
      logs: onLog !== undefined,
      apps: onApp !== undefined,
      manualClock: boolean(manualClock, 'manualClock'),
      clockUnixMs: optional(clockUnixMs, 'number', 'clockUnixMs'),
      roots: text(roots, 'roots'),
    };
    this.#hub = new Hub(given, { onLog, onApp }, startCall);
  }

  /** Loads an app: reads, compiles and starts it, or rejects with what is wrong with it. */
  async load(source, options = {}) {
    const hub = this.#hub;
    hub.check();
    const { signal, kind } = known(options, 'load');
    const kept = { env: undefined, outbound: undefined, files: undefined, ...options, ...sourceOf(source, kind) };
    kept.name ??= nextName(kept);
    kept.signal = undefined;
    const { given, bindings } = read(kept);
    const { sourceKind, source: what, limits, lazy, more } = given;
    const here = lazy && sourceKind === 'text' && what.length <= HERE_CHARS_MAX && (signal ?? null) === null;
    let claim;
    const load = () =>
      here
        ? hub.native.loadHere(given.name, sourceKind, what, limits, more)
        : hub.native.load(given.name, sourceKind, what, limits, lazy, more);
    const begin = async () => {
      claim = hub.claim(given.name);
      try {
        return await answered(hub, bindings, more, load);
      } catch (error) {
        claim.end();
        throw error;
      }
    };
    const native = await unless(signal, begin, (late) => late.unload(0).finally(() => claim.end()));
    return new App(made, this, hub, native, kept, claim);
  }

  /** Listens for HTTP, for one app or for several by host and path, on its own threads. */
  listen(address, apps, options = {}) {
    return listen(this.#hub, address, apps, options, (app) => nativeOf(app, this.#hub));
  }

  /** Moves a manual clock on: timers that are due run, wall limits that are due strike. */
  advance(ms) {
    this.#hub.check();
    this.#hub.native.advance(number(ms, 'ms'));
  }

  /** What it holds and has done. */
  stats() {
    this.#hub.check();
    return counts(this.#hub.native.stats());
  }

  /** What each queue holds and has done, by its name. A queue is there while it has messages or a consumer. */
  queues() {
    this.#hub.check();
    const named = (counts) => Object.fromEntries(QUEUE_COUNTS.map((name, index) => [name, counts[index]]));
    return Object.fromEntries(this.#hub.native.queues().map(([queue, counts]) => [queue, named(counts)]));
  }

  /** The same as `stats`, and more, as Prometheus text. */
  metrics() {
    this.#hub.check();
    return this.#hub.native.metrics();
  }

  /** Takes no new requests, waits for those in flight, and ends the rest; whether there was none. */
  async drain(options = {}) {
    const { graceMs = GRACE_MS, signal } = known(options, 'drain');
    this.#hub.check();
    return unless(signal, () => this.#hub.drainFor(number(graceMs, 'graceMs')));
  }

  get closed() {
    return this.#hub.closed;
  }

  /** Ends every request and stops the threads; a second close does nothing. */
  close() {
    return this.#hub.close();
  }

  [asyncDispose]() {
    return this.close();
  }
}

/** `app.fetch` for servers: parts in, an exchange and its RESPONSE event out. */
let dispatch;
/** The native half of an app of this runtime's; null for what is no app. */
let nativeOf;

/** A loaded app. It serves until it is unloaded, or its runtime is closed. */
class App {
  #hub;
  #native;
  #options;
  #claim;
  #name;
  #unloaded = false;

  constructor(key, runtime, hub, native, options, claim) {
    if (key !== made) throw invalid('apps are made by runtime.load');
    this.runtime = runtime;
    this.#hub = hub;
    this.#native = native;
    this.#options = options;
    this.#claim = claim;
    this.#name = native.name;
  }

  get name() {
    return this.#name;
  }

  /** Asks the app, as `fetch` does, and gives its response. */
  fetch(input, init) {
    return new Promise((resolve, reject) => {
      const parts = partsOf(input, init);
      const exchange = new Exchange(this.#hub, parts.signal, (event) => resolve(responseOf(event, exchange)), reject);
      this.#begin(exchange, parts);
    });
  }

  static {
    dispatch = (app, parts) => {
      let exchange;
      const head = new Promise((resolve, reject) => {
        exchange = new Exchange(app.#hub, parts.signal, resolve, reject);
        app.#begin(exchange, parts);
      });
      return { head, exchange };
    };
    nativeOf = (app, hub) => {
      if (!(#hub in Object(app))) return null;
      if (app.#hub !== hub) throw invalid(`the app "${app.name}" is another runtime's`);
      return app.#native;
    };
  }

  #begin(exchange, { method, url, flat, body, source, isUpgrade, isOwn, deadlineMs }) {
    const native = this.#native;
    const quiet = this.#hub.isMore();
    const kind = isUpgrade ? UPGRADE : source === null ? WHOLE : STREAM;
    exchange.begin((token) => native.dispatch(token, method, url, flat, body, kind, deadlineMs, quiet), source, isOwn);
  }

  /** Calls a function that the app exports. Values cross by content. */
  invoke(name, ...args) {
    return this.invokeWith({}, name, ...args);
  }

  /** The same with a signal. */
  invokeWith(options, name, ...args) {
    const send = (token) => {
      const called = text(name, 'the name of an export');
      // Objects of the host's cannot be arguments: which instance would hold them is not known yet.
      return encode(args, undefined, (bytes) => this.#native.invoke(token, called, bytes));
    };
    return this.#ask(options, send);
  }

  /** Calls the app's `scheduled` with these words, for this time: for hosts with a scheduler of their own. */
  async schedule(cron = '', options = {}) {
    const { time = Date.now(), signal } = known(options, 'schedule');
    const words = text(cron, 'cron');
    const ms = Math.trunc(time instanceof Date ? time.getTime() : number(time, 'time'));
    if (!(Math.abs(ms) <= DATE_MS_MAX)) throw invalid('time is a Date, or milliseconds since 1970 that a Date can say', RangeError);
    return this.#ask({ signal }, (token) => this.#native.schedule(token, words, ms));
  }

  /** Sends something off that is answered by one value. */
  #ask(options, send) {
    return new Promise((resolve, reject) => {
      const hub = this.#hub;
      const { signal } = known(options, 'a call');
      const exchange = new Exchange(hub, signals.signalOf(signal), (event) => resolve(decode(event[2], hub.held)), reject);
      exchange.begin(send, null);
    });
  }

  /** Loads a new version, with the options of the one before but for those given. The old one serves until the new one has started. */
  async reload(source, changes = {}) {
    const hub = this.#hub;
    hub.check();
    const { name, kind, limits, signal, ...others } = known(changes, 'reload');
    if (name !== undefined) throw invalid('an app keeps its name');
    // By the core's names: each limit has two, and what is said last counts.
    const all = [this.#options.limits, limits].flatMap((each) => limitsOf(each, APP_LIMITS));
    const kept = { ...this.#options, ...others, limits: Object.fromEntries(all) };
    if (source !== undefined && source !== null) Object.assign(kept, sourceOf(source, kind));
    const { given, bindings } = read(kept);
    const follow = () => {
      this.#options = kept;
    };
    const load = () => this.#native.reload(given.sourceKind, given.source, given.limits, given.lazy, given.more);
    await unless(signal, () => answered(hub, bindings, given.more, load), follow);
    follow();
  }

  /** Takes no new requests, lets those in flight end, ends the rest, and forgets the app: its name is free when this ends. */
  async unload(options = {}) {
    const { graceMs = GRACE_MS, signal } = known(options, 'unload');
    this.#hub.check();
    const grace = number(graceMs, 'graceMs');
    const end = async () => {
      // Whoever was first has it unloaded. Said here: threads of the pool may overtake each other.
      if (this.#unloaded) throw new NanoError('NANO_E_NOT_FOUND', 'the app has been unloaded already, or is being unloaded');
      // A time that is none is refused here, and nothing has happened then.
      const unloading = this.#native.unload(grace);
      this.#unloaded = true;
      try {
        await unloading;
      } finally {
        this.#claim.end();
      }
    };
    await unless(signal, end, () => {});
  }

  /** Ends its instances now, in the middle of what they do; the next request starts a fresh one. How many there were. */
  async kill(options = {}) {
    const { signal } = known(options, 'kill');
    this.#hub.check();
    return unless(signal, () => this.#native.kill());
  }

  /** What it has used since it was loaded. */
  stats() {
    this.#hub.check();
    return counts(this.#native.stats());
  }

  async [asyncDispose]() {
    if (!this.#hub.closed) await this.unload();
  }
}

/** Loads a version that these bindings answer: it may call Node while it starts. `more` are its options. */
async function answered(hub, bindings, more, load) {
  // Without bindings it asks nobody.
  if (bindings === NONE) return load();
  more.version = hub.keep(bindings);
  try {
    return await load();
  } catch (error) {
    hub.letGo(more.version);
    throw error;
  }
}

/** Does what blocks, and waits for it unless the signal is aborted first; `late` then has what comes of it in the end. */
function unless(signal, work, late) {
  const given = signals.signalOf(signal);
  if (given === null) return work();
  signals.check(given);
  return new Promise((resolve, reject) => {
    const working = work();
    const onAbort = () => {
      reject(given.reason);
      working.then(late).catch(() => {});
    };
    signals.listen(given, onAbort);
    working.then(resolve, reject).finally(() => signals.unlisten(given, onAbort));
  });
}

// Options, from what people write to what the native half reads.

function read(kept) {
  const { name, sourceKind, source, kind, signal, limits, lazy = false, env, outbound, files, ...rest } = kept;
  const bindings = env === undefined && outbound === undefined && files === undefined ? NONE : new Bindings(env, outbound, files);
  const more = moreOf(rest, bindings);
  const given = {
    name: text(name, 'name'),
    sourceKind,
    source,
    limits: limits === undefined ? undefined : limitsOf(limits, APP_LIMITS),
    lazy: boolean(lazy, 'lazy'),
    more,
  };
  return { given, bindings };
}

// Of an app that has none, which is like any other.
const NONE = new Bindings();

// What few apps have, and how each is read.
const MORE = {
  egress: text,
  egressAllow: texts,
  egressDeny: texts,
  baseUrl: text,
  codeGeneration: boolean,
  randomSeed: number,
  crons: texts,
  consumers: (items, what) => list(items, what).map(consumerOf),
  tail: texts,
};

/** What is not the default; undefined if all is. */
function moreOf(rest, bindings) {
  let all;
  for (const name of Object.keys(rest)) {
    if (!Object.hasOwn(MORE, name)) throw invalid(`load has no option ${name}`);
    if (rest[name] !== undefined) (all ??= {})[name] = MORE[name](rest[name], name);
  }
  if (bindings === NONE) return all;
  const { text: env, outbound, files } = bindings;
  return { ...all, env, bindings: bindings.describe(), outbound: outbound ?? undefined, hostFiles: files !== null };
}

function sourceOf(source, kind) {
  if (kind !== undefined && typeof kind !== 'string') throw invalid('kind is a string');
  if (source instanceof URL) source = fileURLToPath(source);
  else if (typeof source !== 'string') throw invalid('a source is code, a path, or a file: URL');
  else if (kind === undefined && isCode(source)) return { sourceKind: 'text', source };
  if (kind === undefined) kind = fs.statSync(source, { throwIfNoEntry: false })?.isDirectory() ? 'folder' : 'file';
  return { sourceKind: kind, source };
}

function isCode(source) {
  return source.includes('\n') || source.length >= 4096 || source.includes('\0') || CODE.test(source) || !(PATH.test(source) || fs.existsSync(source));
}

let named = 0;

function nextName({ sourceKind, source }) {
  const isPath = sourceKind === 'file' || sourceKind === 'folder';
  return `${isPath ? path.parse(path.resolve(source)).name : 'app'}-${++named}`;
}

function counts(pairs) {
  return Object.fromEntries(pairs.map(([name, count]) => [name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()), count]));
}

/** A queue whose messages an app takes, by its name alone or with its settings. */
function consumerOf(given) {
  const { queue, deadLetters, ...settings } = typeof given === 'string' ? { queue: given } : known(given, 'a consumer');
  const { batch, batchWaitMs, retries, retryDelayMs, concurrency, ...rest } = settings;
  nothingElse(rest, 'a consumer');
  for (const [name, value] of Object.entries(settings)) optional(value, 'number', name);
  return { queue: text(queue, 'queue'), deadLetters: optional(deadLetters, 'string', 'deadLetters'), ...settings };
}

module.exports = { App, Runtime, dispatch };
