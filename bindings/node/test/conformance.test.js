'use strict';
// The conformance corpus (`tests/conformance`), through Node. Its README has the format.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { NanoError, Pattern, Runtime } = require('nano-isolates');
const { ROOT, until } = require('./helpers.js');

const CORPUS = path.join(ROOT, 'tests', 'conformance');
const OPTIONS = { base_url: 'baseUrl', code_generation: 'codeGeneration', random_seed: 'randomSeed' };
const APP_FIELDS = ['source', 'source_kind', 'env', 'limits', 'options', 'host'];
const RESPONSE = ['status', 'headers', 'body', 'json', 'chunks', 'error'];
// What each step may expect. Of the others there is nothing to be expected.
const EXPECTED = {
  fetch: RESPONSE,
  finish: RESPONSE,
  invoke: ['value', 'error'],
  load: ['error'],
  reload: ['error'],
  unload: ['error'],
};

function fail() {
  throw new Error('no');
}

class Counter {
  #value;
  constructor(start) {
    this.#value = start;
  }
  get value() {
    return this.#value;
  }
  set value(value) {
    this.#value = value;
  }
  add(n) {
    return (this.#value += n);
  }
  fail() {
    fail();
  }
  itself() {
    return this;
  }
}

const mirror = {
  async fetch(request) {
    async function* body() {
      if (request.body !== null) yield* request.body;
      if (request.url.endsWith('/broken')) fail();
    }
    const headers = { 'x-method': request.method, 'x-url': request.url };
    return new Response(body(), { status: 201, headers });
  },
  twice: (text) => text + text,
};

const HOST = { echo: (value) => value, add: (a, b) => a + b, fail, mirror, Counter };

/** What nobody knows is not passed over. */
function only(given, known) {
  for (const name of Object.keys(given)) assert.ok(known.includes(name), `${name} is not known`);
}

for (const file of fs
  .readdirSync(CORPUS)
  .filter((name) => name.endsWith('.json'))
  .sort()) {
  const corpus = JSON.parse(fs.readFileSync(path.join(CORPUS, file), 'utf8'));
  only(corpus, ['about', 'cases']);
  for (const it of corpus.cases) test(`${file}: ${it.name}`, () => replay(it));
}

async function replay(it) {
  only(it, ['name', 'runtime', 'load_error', 'steps', ...APP_FIELDS]);
  only(it.runtime ?? {}, ['apps', 'requests']);
  const heard = { lines: [], states: [], marks: 0 };
  const runtime = new Runtime({
    threads: 1,
    manualClock: true,
    limits: it.runtime,
    onLog: (app, ...line) => heard.lines.push([app, line]),
    onApp: (app, ...change) => heard.states.push([app, change]),
  });
  try {
    let app;
    try {
      app = await load(runtime, it);
    } catch (error) {
      checkError(error, it.load_error);
      return;
    }
    assert.equal(it.load_error, undefined);
    const at = { it, runtime, app, heard, pending: null };
    for (const step of it.steps) await take(at, step);
  } finally {
    await runtime.close();
  }
}

function load(runtime, { source, source_kind = 'text', env, limits, options = {}, host = [] }, name = 'case') {
  for (const entry of host) assert.ok(entry in HOST, entry);
  only(options, ['outbound', 'egress', ...Object.keys(OPTIONS)]);
  const more = Object.entries(options).map(([option, given]) => [OPTIONS[option] ?? option, given]);
  const all = { ...env, ...Object.fromEntries(host.map((entry) => [entry, HOST[entry]])) };
  return runtime.load(source, { name, kind: source_kind, env: all, limits, ...Object.fromEntries(more) });
}

async function take(at, { expect, pending, ...rest }) {
  const [[verb, what], ...others] = Object.entries(rest);
  assert.deepEqual(others, []);
  only(expect ?? {}, EXPECTED[verb] ?? []);
  assert.equal(expect !== undefined, verb in EXPECTED && !pending, verb);
  if (pending) {
    assert.equal(verb, 'fetch');
    at.pending = fetchOf(at.app, what);
    // Whatever was asked before has had its turn when this is answered: one thread, one queue.
    await assert.rejects(at.app.invoke('there is no such function'));
  } else if (verb in EXPECTED) {
    check(await outcomeOf(at, verb, what), expect);
  } else {
    await act(at, verb, what);
  }
}

/** What comes of a step that may fail. */
async function outcomeOf(at, verb, what) {
  if (verb === 'fetch') return fetchOf(at.app, what);
  if (verb === 'finish') return at.pending;
  try {
    if (verb === 'invoke') return { value: await invokeOf(at.app, what) };
    if (verb === 'unload') {
      await at.app.unload({ graceMs: 0 });
    } else if (verb === 'load') {
      only(what, ['name', ...APP_FIELDS]);
      at.app = await load(at.runtime, what, what.name);
    } else {
      only(what, ['source', 'source_kind', 'env']);
      const { source, source_kind = 'text', env, host = [] } = { ...at.it, ...what };
      const all = { ...env, ...Object.fromEntries(host.map((entry) => [entry, HOST[entry]])) };
      await at.app.reload(source, { kind: source_kind, env: all });
    }
  } catch (error) {
    return { error };
  }
  return {};
}

async function act({ app, runtime, heard }, verb, what) {
  switch (verb) {
    case 'advance_ms':
      return runtime.advance(what);
    case 'log':
      return assert.deepEqual(
        await allOf('lines', runtime, heard),
        what.map((line) => [...line, 0].slice(0, 3)),
      );
    case 'states': {
      const states = (await allOf('states', runtime, heard)).sort();
      assert.deepEqual(
        states.map(([state]) => state),
        what.map(([state]) => state),
      );
      return what.forEach(([, part = ''], index) => assert.ok(states[index][1].includes(part), states[index][1]));
    }
    case 'kill':
      return assert.equal(await app.kill(), what);
    case 'drain':
      return assert.equal(await runtime.drain({ graceMs: 0 }), !what);
    case 'close':
      return runtime.close();
    default:
      return assert.fail(`there is no step ${verb}`);
  }
}

/** What has been heard so far, when all has come that was said: whoever speaks now is heard last. One thread, one queue. */
async function allOf(kind, runtime, heard) {
  const mark = `mark ${++heard.marks}`;
  await runtime.load("console.log('mark'); export function nothing() {}", { name: mark });
  await until(() => heard.lines.some(([app]) => app === mark));
  const all = heard[kind].filter(([app]) => !app.startsWith('mark'));
  heard[kind] = [];
  return all.map(([, said]) => said);
}

/** A text, or `[text, times]`. */
function textOf(given) {
  return typeof given === 'string' ? given : given[0].repeat(given[1]);
}

async function fetchOf(app, { url, method = 'GET', headers, body, chunks, timeout_ms, ...rest }) {
  only(rest, []);
  const outcome = {};
  try {
    // Bytes, because text would bring a content-type, as it does with the global fetch.
    const bytes = (text) => Buffer.from(textOf(text));
    const sent = chunks ? chunks.map(bytes) : body === undefined ? undefined : bytes(body);
    const response = await app.fetch(url, { method, headers, body: sent, timeoutMs: timeout_ms });
    outcome.status = response.status;
    outcome.headers = response.headers;
    // What comes as a stream is told its account later.
    outcome.chunks = Object.getOwnPropertyDescriptor(response, 'account')?.get !== undefined;
    outcome.body = await response.text();
  } catch (error) {
    outcome.error = error;
  }
  return outcome;
}

async function invokeOf(app, { export: name, args, ...rest }) {
  only(rest, []);
  return app.invoke(name, ...args.map(value));
}

function check(outcome, expect) {
  checkError(outcome.error, expect.error);
  for (const [name, expected] of Object.entries(expect.headers ?? {})) assert.equal(outcome.headers.get(name), expected);
  for (const field of ['status', 'chunks']) if (field in expect) assert.equal(outcome[field], expect[field], field);
  if ('body' in expect) assert.equal(outcome.body, textOf(expect.body));
  if ('json' in expect) assert.deepEqual(JSON.parse(outcome.body), expect.json);
  if ('value' in expect) assert.deepEqual(shape(outcome.value), shape(value(expect.value)));
}

function checkError(error, expected) {
  if (expected === undefined) {
    if (error !== undefined) throw error;
    return;
  }
  only(expected, ['name', 'contains']);
  assert.ok(error instanceof NanoError, String(error?.stack));
  assert.equal(error.code, expected.name);
  assert.ok(error.message.includes(expected.contains ?? ''), error.message);
}

function errorOf(name, message, properties = []) {
  const error = new { AggregateError, Error, RangeError, TypeError }[name](...(name === 'AggregateError' ? [[], message] : [message]));
  for (const [key, coded] of properties) {
    Object.defineProperty(error, key, { value: value(coded), enumerable: key !== 'cause' && key !== 'errors', configurable: true });
  }
  return error;
}

/** A value by its JSON. */
function value(coded) {
  if (Array.isArray(coded)) {
    const all = new Array(coded.length);
    for (const [index, item] of coded.entries()) if (item?.hole === undefined) all[index] = value(item);
    return all;
  }
  if (typeof coded !== 'object' || coded === null) return coded;
  const [[tag, content]] = Object.entries(coded);
  switch (tag) {
    case 'undefined':
      return undefined;
    case 'float':
      return Number(content);
    case 'bigint':
      return BigInt(content);
    case 'bytes':
      return new Uint8Array(Buffer.from(content, 'hex'));
    case 'buffer':
      return new Uint8Array(Buffer.from(content, 'hex')).buffer;
    case 'view':
      return new DataView(new Uint8Array(Buffer.from(content, 'hex')).buffer);
    case 'units':
      return content.replace(/..../g, (unit) => String.fromCharCode(parseInt(unit, 16)));
    case 'regexp':
      return new Pattern(...content);
    case 'object':
      return Object.fromEntries(content.map(([key, item]) => [key, value(item)]));
    case 'map':
      return new Map(content.map(([key, item]) => [value(key), value(item)]));
    case 'set':
      return new Set(content.map(value));
    case 'date_ms':
      return new Date(content);
    case 'repeat':
      return textOf(content);
    case 'error':
      return errorOf(...content);
    default: {
      assert.equal(tag, 'typed');
      const [kind, hex] = content;
      return new globalThis[`${kind}Array`](new Uint8Array(Buffer.from(hex, 'hex')).buffer);
    }
  }
}

/** A value with its type and the order of its entries, for types whose equality says too little. */
function shape(value) {
  if (value instanceof Error) {
    const properties = Object.getOwnPropertyNames(value).filter((key) => !['name', 'message', 'stack'].includes(key));
    return ['error', value.name, value.message, properties.sort().map((key) => [key, value.propertyIsEnumerable(key), shape(value[key])])];
  }
  if (value instanceof ArrayBuffer || value instanceof DataView) {
    return [value.constructor.name, Buffer.from(value.buffer ?? value).toString('hex')];
  }
  if (value instanceof Map || value instanceof Set) return [value.constructor.name, [...value].map(shape)];
  if (Array.isArray(value)) return ['array', Object.keys(value).map((key) => [key, shape(value[key])]), value.length];
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return ['object', Object.entries(value).map(([key, item]) => [key, shape(item)])];
  }
  return [typeof value, value];
}
