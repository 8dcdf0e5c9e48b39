'use strict';
// The conformance corpus (`tests/conformance`), through Node. Its README has the format.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { NanoError, Runtime } = require('nano-isolates');
const { ROOT } = require('./helpers.js');

const CORPUS = path.join(ROOT, 'tests', 'conformance');
const FUNCTIONS = {
  echo: (value) => value,
  add: (a, b) => a + b,
  fail: () => {
    throw new Error('no');
  },
};
const OPTIONS = { base_url: 'baseUrl', code_generation: 'codeGeneration', random_seed: 'randomSeed' };

for (const file of fs
  .readdirSync(CORPUS)
  .filter((name) => name.endsWith('.json'))
  .sort()) {
  const { cases } = JSON.parse(fs.readFileSync(path.join(CORPUS, file), 'utf8'));
  for (const it of cases) test(`${file}: ${it.name}`, () => replay(it));
}

async function replay(it) {
  const runtime = new Runtime({ threads: 1, manualClock: true });
  try {
    const options = Object.entries(it.options ?? {}).map(([name, value]) => [OPTIONS[name] ?? name, value]);
    const functions = (it.functions ?? []).map((name) => [name, FUNCTIONS[name]]);
    const env = { ...it.env, ...Object.fromEntries(functions) };
    let app;
    try {
      app = await runtime.load(it.source, { kind: it.source_kind ?? 'text', env, limits: it.limits, ...Object.fromEntries(options) });
    } catch (error) {
      checkError(error, it.load_error);
      return;
    }
    assert.equal(it.load_error, undefined);
    let pending = null;
    for (const step of it.steps) {
      if (step.advance_ms !== undefined) runtime.advance(step.advance_ms);
      else if (step.finish) check(await pending, step.expect);
      else if (step.pending) {
        pending = fetchOf(app, step.fetch);
        // Whatever was asked before has had its turn when this is answered: one thread, one queue.
        await assert.rejects(app.invoke('there is no such function'));
      } else if (step.fetch) check(await fetchOf(app, step.fetch), step.expect);
      else check(await invokeOf(app, step.invoke), step.expect);
    }
  } finally {
    await runtime.close();
  }
}

async function fetchOf(app, { url, method = 'GET', headers, body, chunks, timeout_ms }) {
  const outcome = {};
  try {
    // Bytes, because text would bring a content-type, as it does with the global fetch.
    const sent = chunks ? chunks.map((chunk) => Buffer.from(chunk)) : body === undefined ? undefined : Buffer.from(body);
    const response = await app.fetch(url, { method, headers, body: sent, timeoutMs: timeout_ms });
    outcome.status = response.status;
    outcome.headers = response.headers;
    // What comes as a stream is told its account later.
    outcome.chunks = Object.hasOwn(response, 'account');
    outcome.body = await response.text();
  } catch (error) {
    outcome.error = error;
  }
  return outcome;
}

async function invokeOf(app, { export: name, args }) {
  try {
    return { value: await app.invoke(name, ...args.map(value)) };
  } catch (error) {
    return { error };
  }
}

function check(outcome, expect) {
  checkError(outcome.error, expect.error);
  for (const [name, expected] of Object.entries(expect.headers ?? {})) assert.equal(outcome.headers.get(name), expected);
  for (const field of ['status', 'body', 'chunks']) if (field in expect) assert.equal(outcome[field], expect[field], field);
  if ('json' in expect) assert.deepEqual(JSON.parse(outcome.body), expect.json);
  if ('value' in expect) assert.deepEqual(shape(outcome.value), shape(value(expect.value)));
}

function checkError(error, expected) {
  if (expected === undefined) {
    if (error !== undefined) throw error;
    return;
  }
  assert.ok(error instanceof NanoError, String(error?.stack));
  assert.equal(error.code, expected.name);
  assert.ok(error.message.includes(expected.contains ?? ''), error.message);
}

/** A value by its JSON. */
function value(coded) {
  if (Array.isArray(coded)) return coded.map(value);
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
    case 'object':
      return Object.fromEntries(content.map(([key, item]) => [key, value(item)]));
    case 'map':
      return new Map(content.map(([key, item]) => [value(key), value(item)]));
    case 'set':
      return new Set(content.map(value));
    case 'date_ms':
      return new Date(content);
    case 'error':
      return new { RangeError, Error }[content[0]](content[1]);
    default: {
      const [kind, hex] = content;
      return new globalThis[`${kind}Array`](new Uint8Array(Buffer.from(hex, 'hex')).buffer);
    }
  }
}

/** A value with its type and the order of its entries, for types whose equality says too little. */
function shape(value) {
  if (value instanceof Error) return ['error', value.name, value.message];
  if (value instanceof Map || value instanceof Set) return [value.constructor.name, [...value].map(shape)];
  if (Array.isArray(value)) return ['array', value.map(shape)];
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return ['object', Object.entries(value).map(([key, item]) => [key, shape(item)])];
  }
  return [typeof value, value];
}
