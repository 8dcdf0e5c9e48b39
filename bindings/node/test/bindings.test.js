'use strict';
// What apps find in `env`, and how it is answered.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Service } = require('nano-isolates');
const { HELLO, URL: url, code, runtimeFor, until, wrongType } = require('./helpers.js');

const CALLS = `import { env } from 'cloudflare:workers';
  export const call = (name, ...args) => env[name](...args);
  export const method = (name, method, ...args) => env[name][method](...args);
  export async function failure(name, ...args) { try { await env[name](...args); } catch (error) { return [error.name, error.message]; } }
  export async function failureOf(name, method, ...args) {
    try { await env[name][method](...args); } catch (error) { return error.message; }
  }`;

test('functions and methods are answered, also later', async (t) => {
  const env = {
    GREETING: 'hello',
    add: (a, b) => a + b,
    later: async (value) => value,
    fails: () => {
      throw new RangeError('too far');
    },
    object: {
      n: 40,
      plus(m) {
        return this.n + m;
      },
    },
  };
  const app = await runtimeFor(t).load(CALLS, { env });
  assert.equal(await app.invoke('call', 'add', 1, 2), 3);
  assert.deepEqual(await app.invoke('call', 'later', { a: [1n] }), { a: [1n] });
  assert.equal(await app.invoke('method', 'object', 'plus', 2), 42);
  const [, message] = await app.invoke('failure', 'fails');
  assert.match(message, /RangeError: too far/);
  assert.match((await app.invoke('failure', 'later', 1).catch(String)) ?? 'none', /none/);
});

test('apps reach the methods they are meant to, and nothing behind them', async (t) => {
  class Store {
    #secret = 1;
    get(key) {
      return key + this.#secret;
    }
    _hidden() {
      return 'hidden';
    }
    get accessor() {
      return () => 'accessor';
    }
  }
  const app = await runtimeFor(t).load(CALLS, { env: { store: new Store(), map: new Map([['a', 1]]) } });
  assert.equal(await app.invoke('method', 'store', 'get', 1), 2);
  assert.equal(await app.invoke('method', 'map', 'get', 'a'), 1);
  for (const name of ['_hidden', 'accessor', 'missing']) {
    const said = await app.invoke('failureOf', 'store', name);
    assert.match(String(said), /not a (method|function)/, name);
  }
});

test('a function that returns what cannot cross fails the call, not the host', async (t) => {
  const app = await runtimeFor(t).load(CALLS, {
    env: {
      bad: () => () => {},
      thrown: () => {
        throw 'text';
      },
    },
  });
  assert.match((await app.invoke('failure', 'bad'))[1], /TypeError: a function cannot cross/);
  assert.match((await app.invoke('failure', 'thrown'))[1], /text/);
  assert.equal(await app.invoke('call', 'bad').catch((error) => error.code), 'NANO_E_EXCEPTION');
});

test('classes make objects that stay here, until the app gives them back', async (t) => {
  class Basket {
    #items = [];
    add(item) {
      this.#items.push(item);
      return this.#items.length;
    }
    async all() {
      return this.#items;
    }
    get first() {
      return this.#items[0];
    }
    set first(item) {
      this.#items[0] = item;
    }
    other() {
      return new Basket();
    }
  }
  const runtime = runtimeFor(t);
  const app = await runtime.load(
    `import { env } from 'cloudflare:workers';
    export async function use() {
      const basket = await new env.Basket();
      await basket.add('tea');
      basket.first = 'coffee';
      const other = await basket.other();
      await other.add('milk');
      return [await basket.all(), await basket.first, await other.first, await env.count(basket, other)];
    }`,
    { env: { Basket, count: (...baskets) => baskets.filter((basket) => basket instanceof Basket).length } },
  );
  assert.deepEqual(await app.invoke('use'), [['coffee'], 'coffee', 'milk', 2]);
});

test('fetch of a binding has a Request and gives a Response, both with streams', async (t) => {
  const upper = async (request) => {
    const body = request.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new TransformStream({ transform: (text, out) => out.enqueue(text.toUpperCase()) }));
    return new Response(body.pipeThrough(new TextEncoderStream()), {
      status: 202,
      headers: { 'x-method': request.method, 'x-a': request.headers.get('x-a') },
    });
  };
  const app = await runtimeFor(t).load('export default { fetch: (request, env) => env.UPPER.fetch(request) }', {
    env: { UPPER: { fetch: upper } },
  });
  const pieces = Array.from({ length: 50 }, () => Buffer.alloc(4000, 'a'));
  const response = await app.fetch(url, { method: 'POST', body: pieces, headers: { 'x-a': 'b' } });
  assert.deepEqual([response.status, response.headers.get('x-method'), response.headers.get('x-a')], [202, 'POST', 'b']);
  assert.equal(await response.text(), 'A'.repeat(200_000));
});

test("an app's own fetch goes where outbound says", async (t) => {
  const runtime = runtimeFor(t);
  const source = "export default { fetch: async () => new Response('got ' + await (await fetch('http://elsewhere.test/x')).text()) }";
  const app = await runtime.load(source, { outbound: (request) => new Response(`answer to ${request.url}`) });
  assert.equal(await (await app.fetch(url)).text(), 'got answer to http://elsewhere.test/x');
  const other = await runtime.load(HELLO);
  const through = await runtime.load(source, { outbound: (request) => other.fetch(request) });
  assert.equal(await (await through.fetch(url)).text(), 'got Hello from http://elsewhere.test/x');
  const denied = await runtime.load(source, { egress: 'deny' });
  await assert.rejects(denied.fetch(url), code('NANO_E_EXCEPTION'));
});

test('another app is a Service', async (t) => {
  const runtime = runtimeFor(t);
  await runtime.load("export default { fetch: () => new Response('the other') }", { name: 'other' });
  const app = await runtime.load('export default { fetch: (request, env) => env.OTHER.fetch(request) }', {
    env: { OTHER: new Service('other') },
  });
  assert.equal(await (await app.fetch(url)).text(), 'the other');
});

test('files are kept where the host says', async (t) => {
  const kept = new Map([['notes.txt', Buffer.from('from the host')]]);
  const files = {
    open(path) {
      if (path !== '' && !kept.has(path)) throw new DOMException('there is no such file', 'NotFoundError');
    },
    stat: (path) => [kept.get(path).length, 5],
    read: (path, offset, length) => kept.get(path).subarray(offset, offset + length),
  };
  const app = await runtimeFor(t).load(
    `export async function read(name) {
      const root = await navigator.storage.getDirectory();
      try { return await (await (await root.getFileHandle(name)).getFile()).text(); } catch (error) { return error.name; }
    }`,
    { files },
  );
  assert.equal(await app.invoke('read', 'notes.txt'), 'from the host');
  assert.equal(await app.invoke('read', 'missing.txt'), 'NotFoundError');
});

test('a call whose app is gone is told by its signal', async (t) => {
  let reason;
  let began = false;
  const env = {
    forever() {
      began = true;
      return new Promise((resolve) =>
        this.signal.addEventListener('abort', () => {
          reason = this.signal.reason;
          resolve(1);
        }),
      );
    },
  };
  const app = await runtimeFor(t).load('export default { fetch: (request, env) => env.forever() }', { env });
  const controller = new AbortController();
  const waiting = app.fetch(url, { signal: controller.signal });
  await until(() => began);
  controller.abort();
  await assert.rejects(waiting);
  await until(() => reason !== undefined);
  assert.equal(reason.code, 'NANO_E_CANCELED');
});

test('what is no binding is refused', async (t) => {
  const runtime = runtimeFor(t);
  for (const env of [{ a: 1 }, { a: null }, { a: [] }, 'x', { a: undefined }])
    await assert.rejects(runtime.load(HELLO, { env }), wrongType);
  await assert.rejects(runtime.load(HELLO, { outbound: 5 }), wrongType);
  await assert.rejects(runtime.load(HELLO, { outbound: 'missing' }), code('NANO_E_INVALID'));
  assert.throws(() => new Service(5), wrongType);
});
