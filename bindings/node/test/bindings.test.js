'use strict';
// What apps find in `env`, and how it is answered.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const v8 = require('node:v8');
const vm = require('node:vm');
const { Service } = require('nano-isolates');
const { HELLO, URL: url, code, runtimeFor, until, wrongType } = require('./helpers.js');

const collectGarbage = process.versions.bun ? () => globalThis.Bun.gc(true) : exposed();

function exposed() {
  v8.setFlagsFromString('--expose-gc');
  return vm.runInNewContext('gc');
}

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
    forbids: () => Promise.reject(Object.assign(new Error('not you'), { name: 'Forbidden' })),
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
  assert.deepEqual(await app.invoke('failure', 'fails'), ['RangeError', 'too far']);
  assert.deepEqual(await app.invoke('failure', 'forbids'), ['Forbidden', 'not you']);
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
  const [name, message] = await app.invoke('failure', 'bad');
  assert.equal(name, 'TypeError');
  assert.match(message, /^a function cannot cross/);
  assert.deepEqual(await app.invoke('failure', 'thrown'), ['Error', 'text']);
  assert.equal(await app.invoke('call', 'bad').catch((error) => error.code), 'NANO_E_EXCEPTION');
});

test('classes make objects that stay here', async (t) => {
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

test('an object of a class is let go when the last app has given it back, and not before', async (t) => {
  const held = new Map();
  class Basket {
    constructor(owner) {
      held.set(owner, new WeakRef(this));
      this.owner = () => owner;
    }
    whose() {
      return this.owner();
    }
  }
  const isHeld = (owner) => held.get(owner).deref() !== undefined;
  const collected = (owner) =>
    until(() => {
      collectGarbage();
      return !isHeld(owner);
    });
  const runtime = runtimeFor(t);
  const app = await runtime.load(
    `import { env } from 'cloudflare:workers';
    const kept = {};
    export async function keep(owner) { kept[owner] = new env.Basket(owner); return kept[owner].whose(); }
    export const whose = (owner) => kept[owner].whose();
    export const giveBack = (owner) => kept[owner][Symbol.dispose]();`,
    { env: { Basket } },
  );
  for (const owner of ['Ada', 'Bea']) assert.equal(await app.invoke('keep', owner), owner);
  await app.invoke('giveBack', 'Ada');
  await collected('Ada');
  // What collected the one would have collected the other.
  assert.ok(isHeld('Bea'));
  assert.equal(await app.invoke('whose', 'Bea'), 'Bea');
  await app.unload();
  await collected('Bea');
});

test('an object that an error loses on its way is let go', async (t) => {
  class Basket {}
  let lost;
  const ask = () => {
    const basket = new Basket();
    lost = new WeakRef(basket);
    return Object.assign(new Error('x'), { lost: [basket, () => {}], kept: new Basket() });
  };
  const app = await runtimeFor(t).load(
    "import { env } from 'cloudflare:workers'; let error; export async function use() { error = await env.ask(); return Object.keys(error); }",
    { env: { Basket, ask } },
  );
  assert.deepEqual(await app.invoke('use'), ['kept']);
  await until(() => {
    collectGarbage();
    return lost.deref() === undefined;
  });
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

// All that an app's files can be asked, in memory. What was asked is in `asked`.
function filesInMemory() {
  const kept = new Map([['', 'directory']]);
  const writers = new Map();
  const asked = [];
  const fail = (name) => {
    throw new DOMException('the host says no', name);
  };
  const inside = (path) => [...kept.keys()].filter((other) => other !== '' && (path === '' || other.startsWith(`${path}/`)));
  const operations = {
    open(path, kind, create) {
      if (!kept.has(path)) kept.set(path, create ? (kind === 'file' ? Buffer.alloc(0) : kind) : fail('NotFoundError'));
      if ((kept.get(path) === 'directory') !== (kind === 'directory')) fail('TypeMismatchError');
    },
    stat: (path) => [kept.get(path).length, 5],
    read: (path, offset, length) => kept.get(path).subarray(offset, offset + length),
    list: (path) =>
      inside(path)
        .map((other) => [other.slice(path === '' ? 0 : path.length + 1), kept.get(other) === 'directory' ? 'directory' : 'file'])
        .filter(([name]) => !name.includes('/')),
    remove(path, recursive) {
      if (!kept.has(path)) fail('NotFoundError');
      if (!recursive && inside(path).length > 0) fail('InvalidModificationError');
      for (const other of [path, ...inside(path)]) kept.delete(other);
    },
    async writer(path, keep) {
      const number = writers.size + 1;
      writers.set(number, { path, bytes: keep ? Buffer.from(kept.get(path)) : Buffer.alloc(0) });
      return [number, writers.get(number).bytes.length];
    },
    write(number, offset, bytes) {
      const writer = writers.get(number);
      if (offset + bytes.length > 100) fail('QuotaExceededError');
      const longer = Buffer.alloc(Math.max(writer.bytes.length, offset + bytes.length));
      writer.bytes.copy(longer);
      longer.set(bytes, offset);
      writer.bytes = longer;
    },
    truncate(number, size) {
      const writer = writers.get(number);
      writer.bytes = writer.bytes.subarray(0, size);
    },
    close(number) {
      const { path, bytes } = writers.get(number);
      kept.set(path, bytes);
    },
    abort: () => undefined,
    estimate: () => [7, 100],
  };
  const files = {};
  for (const [name, operation] of Object.entries(operations)) {
    files[name] = (...args) => {
      asked.push([name, ...args.map((arg) => (arg instanceof Uint8Array ? Buffer.from(arg).toString() : arg))]);
      return operation(...args);
    };
  }
  return { files, asked };
}

const FILES = `const named = (promise) => promise.then(() => 'done', (error) => error.name);
  const root = () => navigator.storage.getDirectory();
  const text = async (file) => (await file.getFile()).text();
  export async function write() {
    const file = await (await (await root()).getDirectoryHandle('d', { create: true })).getFileHandle('f', { create: true });
    const fresh = await file.createWritable();
    await fresh.write('hello');
    const before = await text(file);
    await fresh.close();
    const more = await file.createWritable({ keepExistingData: true });
    await more.truncate(4);
    await more.seek(3);
    await more.write('p me');
    await more.close();
    return [before, await text(file)];
  }
  export async function abort() {
    const file = await (await (await root()).getDirectoryHandle('d')).getFileHandle('f');
    const writable = await file.createWritable();
    await writable.write('gone');
    await writable.abort();
    return text(file);
  }
  export async function list() {
    const of = async (directory) => { const all = []; for await (const [name, { kind }] of directory) all.push([name, kind]); return all; };
    return [await of(await root()), await of(await (await root()).getDirectoryHandle('d'))];
  }
  export async function remove() {
    const directory = await root();
    const remove = (name, options) => named(directory.removeEntry(name, options));
    return [await remove('d'), await remove('d', { recursive: true }), await remove('d')];
  }
  export async function tooMuch() {
    const writable = await (await (await root()).getFileHandle('big', { create: true })).createWritable();
    return named(writable.write(new Uint8Array(101)));
  }
  export async function estimate() {
    const { usage, quota } = await navigator.storage.estimate();
    return [usage, quota];
  }`;

test('each operation on files is asked of the host, with what it needs', async (t) => {
  const { files, asked } = filesInMemory();
  const app = await runtimeFor(t).load(FILES, { files });
  const did = async (name, result, operations) => {
    asked.length = 0;
    assert.deepEqual(await app.invoke(name), result, name);
    assert.deepEqual(asked, operations, name);
  };
  const reads = [
    ['stat', 'd/f'],
    ['read', 'd/f', 0, 1 << 20],
  ];
  await did('write', ['', 'help me'], [
    ['open', 'd', 'directory', true],
    ['open', 'd/f', 'file', true],
    ['writer', 'd/f', false],
    ['write', 1, 0, 'hello'],
    ['stat', 'd/f'],
    ['close', 1],
    ['writer', 'd/f', true],
    ['truncate', 2, 4],
    ['write', 2, 3, 'p me'],
    ['close', 2],
    ...reads,
  ]);
  const opens = [
    ['open', 'd', 'directory', false],
    ['open', 'd/f', 'file', false],
  ];
  await did('abort', 'help me', [...opens, ['writer', 'd/f', false], ['write', 3, 0, 'gone'], ['abort', 3], ...reads]);
  await did('list', [[['d', 'directory']], [['f', 'file']]], [['list', ''], opens[0], ['list', 'd']]);
  await did('remove', ['InvalidModificationError', 'done', 'NotFoundError'], [
    ['remove', 'd', false],
    ['remove', 'd', true],
    ['remove', 'd', false],
  ]);
  await did('tooMuch', 'QuotaExceededError', [
    ['open', 'big', 'file', true],
    ['writer', 'big', false],
    ['write', 4, 0, '\0'.repeat(101)],
  ]);
  await did('estimate', [7, 100], [['estimate']]);
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
  for (const env of [{ a: 1n }, { a: Symbol('a') }, 'x', { a: undefined }])
    await assert.rejects(runtime.load(HELLO, { env }), wrongType);
  await assert.rejects(runtime.load(HELLO, { outbound: 5 }), wrongType);
  await assert.rejects(runtime.load(HELLO, { outbound: 'missing' }), code('NANO_E_INVALID'));
  assert.throws(() => new Service(5), wrongType);
});

test('each version of an app is answered by its own bindings, however often it is reloaded, and nothing is kept longer', async (t) => {
  const runtime = runtimeFor(t);
  const source = `import { env } from 'cloudflare:workers';
  export async function ask() {
    const far = await env.FAR.fetch('http://far.test/');
    const early = new env.Box();
    await env.waits();
    return [await env.say(), await env.OBJECT.say(), await early.say(), await new env.Box().say(), await far.text()].join();
  }`;
  const gates = new Map();
  const weak = new Map();
  // Here nothing keeps what a version is given.
  const env = (name) => {
    const gate = {};
    gate.begun = new Promise((resolve) => (gate.begin = resolve));
    gate.opened = new Promise((resolve) => (gate.open = resolve));
    gates.set(name, gate);
    const all = {
      waits: () => (gate.begin(), gate.opened),
      say: () => name,
      OBJECT: { say: () => name },
      Box: class { say() { return name; } },
      FAR: { fetch: () => new Response(new ReadableStream({ async pull(to) { await gate.opened; to.enqueue(Buffer.from(name)); to.close(); } })) },
    };
    weak.set(name, Object.values(all).map((value) => new WeakRef(value)));
    return all;
  };
  const isGone = (name) => weak.get(name).every((ref) => ref.deref() === undefined);
  const gone = (name) => until(() => (collectGarbage(), isGone(name)));

  let app = await runtime.load(source, { env: env('one') });
  const answers = [app.invoke('ask')];
  await gates.get('one').begun;
  for (const name of ['two', 'three']) {
    await app.reload(source, { env: env(name) });
    answers.push(app.invoke('ask'));
    await gates.get(name).begun;
  }
  await assert.rejects(app.reload('export default {', { env: env('broken') }), { code: 'NANO_E_COMPILE' });
  await assert.rejects(app.reload(source, { env: env('wrong'), kind: 'none such' }), { code: 'NANO_E_INVALID' });
  for (const name of ['broken', 'wrong']) await gone(name);
  for (const name of ['one', 'two', 'three']) {
    assert.ok(!isGone(name));
    gates.get(name).open();
    assert.equal(await answers.shift(), Array(5).fill(name).join());
    if (name !== 'three') await gone(name);
  }
  assert.ok(!isGone('three'));
  await app.unload();
  app = undefined;
  await gone('three');
});

test('variables may be what JSON has', async (t) => {
  const runtime = runtimeFor(t);
  const env = { TEXT: '5', NUMBER: 5, YES: true, NONE: null, LIST: [1, 'a'], TABLE: { a: { b: 0.5 } }, EMPTY: {}, BARE: Object.create(null) };
  const app = await runtime.load("import { env } from 'cloudflare:workers'; export const all = () => ({ ...env });", { env });
  assert.deepEqual(await app.invoke('all'), { ...env, BARE: {} });
  const cycle = [];
  cycle.push(cycle);
  for (const wrong of [NaN, cycle]) {
    await assert.rejects(runtime.load(HELLO, { env: { WRONG: wrong } }), { code: 'NANO_E_INVALID', message: 'env.WRONG is nothing that JSON has' });
  }
  for (const wrong of [undefined, 1n, Symbol('s')]) await assert.rejects(runtime.load(HELLO, { env: { WRONG: wrong } }), wrongType);
});

test('a variable loses nothing silently', async (t) => {
  const runtime = runtimeFor(t);
  const date = new Date(0);
  class Point {}
  for (const wrong of [NaN, Infinity, undefined, () => 1, Symbol('s'), 1n, new Map(), new Set(), date, new Point(), new Uint8Array(1), Object(1)]) {
    for (const value of [[1, wrong], { at: [{ deep: wrong }] }, [[wrong]]]) {
      const message = /^env\.WRONG holds what JSON does not have, at "(0|1|deep)"$/;
      await assert.rejects(runtime.load(HELLO, { env: { WRONG: value } }), { name: 'TypeError', code: 'NANO_E_INVALID', message });
    }
  }
  await assert.rejects(runtime.load(HELLO, { env: { WRONG: [, 1] } }), { code: 'NANO_E_INVALID' });
  const shared = { a: 1 };
  const app = await runtime.load("import { env } from 'cloudflare:workers'; export const all = () => env.GOOD", { env: { GOOD: [shared, shared] } });
  assert.deepEqual(await app.invoke('all'), [shared, shared]);
});
