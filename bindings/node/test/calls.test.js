'use strict';
// What bindings may do to the host and to the apps that call them: whatever it is, the app is answered, and nobody else hears of it.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { NanoError } = require('nano-isolates');
const { URL: url, runtimeFor, script } = require('./helpers.js');

const CALL = `import { env } from 'cloudflare:workers';
const outcome = async (work) => { try { return ['gives', await work()]; } catch (error) { return ['throws', error.message]; } };
export const call = (name, ...args) => outcome(() => env[name](...args));
export const get = (path) => outcome(async () => {
  const response = await env.SITE.fetch('http://site.test/' + path);
  return [response.status, await response.text()];
});
export const other = () => env.fine();
export default { fetch() { return new Response('served'); } };`;

const textless = (error) => Object.defineProperty(error, 'message', { get() { throw new Error('of the getter'); } });
const gone = () => new NanoError('NANO_E_NOT_FOUND', 'no such product', '', 404);

const THROWN = {
  'an object without a prototype': () => Object.create(null),
  'a symbol': () => Symbol('s'),
  'a message that is a symbol': () => Object.assign(new Error('x'), { message: Symbol('s') }),
  'a name that is a symbol': () => Object.assign(new Error('x'), { name: Symbol('s') }),
  'a message that throws': () => textless(new Error('x')),
  'a proxy that throws': () => new Proxy({}, { get() { throw new Error('of the trap'); }, getPrototypeOf() { throw Object.create(null); } }),
};

for (const [name, thrown] of Object.entries(THROWN)) {
  test(`a binding that throws ${name} fails its call, and nothing else`, async (t) => {
    const broken = () => new ReadableStream({ pull(controller) { controller.error(thrown()); } });
    const app = await runtimeFor(t).load(CALL, {
      env: {
        throws() { throw thrown(); },
        rejects: () => Promise.reject(thrown()),
        thens: () => ({ get then() { throw thrown(); } }),
        holds: () => ({ get inside() { throw thrown(); } }),
        SITE: { fetch: ({ url }) => (url.endsWith('/throws') ? Promise.reject(thrown()) : new Response(broken())) },
        fine: () => 'fine',
      },
    });
    for (const method of ['throws', 'rejects', 'thens', 'holds']) assert.equal((await app.invoke('call', method))[0], 'throws', method);
    for (const path of ['throws', 'breaks']) assert.equal((await app.invoke('get', path))[0], 'throws', path);
    assert.equal(await app.invoke('other'), 'fine');
  });
}

test('what a binding throws is told, also if NANO would have ended the call by that code', async (t) => {
  const runtime = runtimeFor(t);
  const other = await runtime.load('export const f = () => 1');
  await other.unload();
  const app = await runtime.load(CALL, {
    env: {
      own() { throw gone(); },
      unloaded: () => other.invoke('f'),
      holds: () => ({ get inside() { throw gone(); } }),
      SITE: {
        fetch({ url }) {
          if (url.endsWith('/unloaded')) return other.fetch(url);
          const pull = async (controller) => {
            if (url.endsWith('/late')) await new Promise((resolve) => setImmediate(resolve));
            controller.error(gone());
          };
          return new Response(new ReadableStream({ pull }));
        },
      },
    },
  });
  for (const method of ['own', 'holds']) assert.deepEqual(await app.invoke('call', method), ['throws', 'no such product']);
  assert.equal((await app.invoke('call', 'unloaded'))[0], 'throws');
  for (const path of ['unloaded', 'now', 'late']) assert.equal((await app.invoke('get', path))[0], 'throws', path);
});

test("a request's body that fails with such an error fails the request", async (t) => {
  const app = await runtimeFor(t).load('export default { fetch: async (request) => new Response(await request.text()) }');
  async function* body() {
    yield 'a';
    throw gone();
  }
  await assert.rejects(app.fetch(url, { method: 'POST', body: body() }), { message: 'no such product' });
});

test("what goes wrong with one request's signal is nobody else's", async (t) => {
  const app = await runtimeFor(t).load(CALL);
  const like = { aborted: false, addEventListener() {} };
  for (const signal of [like, { ...like, removeEventListener: 1 }, 'abort', () => {}]) {
    await assert.rejects(app.fetch(url, { signal }), { name: 'TypeError', code: 'NANO_E_INVALID' });
  }
  // One that has all a signal has, and does not work.
  const { out, exit } = await script(`
    const { Runtime } = require('nano-isolates');
    const told = [];
    process.on('uncaughtException', (error) => told.push(error.message));
    (async () => {
      const runtime = new Runtime({ threads: 1 });
      const app = await runtime.load("export default { fetch: () => new Response('served') }");
      const signal = { aborted: false, addEventListener() {}, removeEventListener() { throw new Error('of the signal'); } };
      app.fetch('http://app.test/', { signal }).catch(() => {});
      const all = await Promise.all(Array.from({ length: 20 }, () => app.fetch('http://app.test/')));
      console.log(all.length, told.join());
      process.exit(0);
    })();`);
  assert.deepEqual([exit, out], [0, '20 of the signal\n']);
});

test('a body that is still coming when its call is answered fails, and its signal is aborted', async (t) => {
  const heard = [];
  const app = await runtimeFor(t).load(
    `import { env } from 'cloudflare:workers';
    let more;
    export const post = async () => {
      const body = new ReadableStream({ start(controller) { controller.enqueue(new Uint8Array(10)); more = controller; } });
      const response = await env.SITE.fetch('http://site.test/', { method: 'POST', body });
      return [response.status, await response.text()];
    };
    export const whole = async () => (await env.SITE.fetch('http://site.test/', { method: 'POST', body: 'whole' })).status;`,
    {
      env: {
        SITE: {
          fetch(request) {
            heard.push(request.signal, request.text().then((text) => text, (error) => error));
            return new Response('accepted', { status: 202 });
          },
        },
      },
    },
  );
  assert.deepEqual(await app.invoke('post'), [202, 'accepted']);
  const [signal, read] = heard.splice(0);
  const error = await read;
  assert.equal(error.code, 'NANO_E_CANCELED');
  assert.deepEqual([signal.aborted, signal.reason], [true, error]);
  assert.equal(await app.invoke('whole'), 202);
  assert.deepEqual([heard[0].aborted, await heard[1]], [false, 'whole']);
});

test("a fetch of a binding gives a Response, anybody's, and nothing else", async (t) => {
  const bytes = () => new TextEncoder().encode('bytes');
  async function* pieces() {
    yield 'in ';
    yield Buffer.from('pieces');
  }
  const read = async () => {
    const response = new Response('x');
    await response.text();
    return response;
  };
  const halfRead = async () => {
    const body = new Blob(['abc']).stream();
    const reader = body.getReader();
    await reader.read();
    reader.releaseLock();
    return new Response(body);
  };
  const of = (rest) => ({ status: 201, headers: new Headers({ 'x-a': '1' }), ...rest });
  const good = {
    stream: [of({ body: new Response('stream').body }), 'stream'],
    pieces: [of({ body: pieces() }), 'in pieces'],
    buffer: [of({ arrayBuffer: async () => bytes().buffer }), 'bytes'],
    both: [of({ body: 'text', arrayBuffer: async () => bytes().buffer }), 'bytes'],
    pairs: [of({ headers: [['x-a', '1']], body: null }), ''],
  };
  const none = { undefined, null: null, text: 'text', number: 5, object: { status: 201 }, like: { __proto__: Response.prototype } };
  const bad = { ...none, read, halfRead, words: of({ body: 'text' }) };
  const app = await runtimeFor(t).load(CALL, {
    env: {
      SITE: {
        fetch(request) {
          const name = new URL(request.url).pathname.slice(1);
          if (name in good) return good[name][0];
          return typeof bad[name] === 'function' ? bad[name]() : bad[name];
        },
      },
    },
  });
  for (const [name, [, text]] of Object.entries(good)) assert.deepEqual(await app.invoke('get', name), ['gives', [201, text]], name);
  for (const name of Object.keys(bad)) {
    const [outcome, message] = await app.invoke('get', name);
    assert.deepEqual([outcome, /TypeError/.test(message)], ['throws', true], `${name}: ${message}`);
  }
});

test("it serves beside what replaces the platform's Request and Response", async () => {
  const { out, errors, exit } = await script(`
    const { Runtime } = require('nano-isolates');
    const before = new Request('http://app.test/', { method: 'POST', body: 'before' });
    const { Response: Before } = globalThis;
    const { serve } = require('@hono/node-server');
    (async () => {
      const server = serve({ fetch: () => new Response('x'), port: 0, hostname: '127.0.0.1' });
      const app = await new Runtime({ threads: 1 }).load(
        "export default { fetch: async (request, env) => new Response(await request.text() + ', ' + await (await env.SITE.fetch(request.url)).text()) }",
        { env: { SITE: { fetch: () => new Before('old') } } },
      );
      console.log(await (await app.fetch(before)).text());
      const form = await app.fetch('http://app.test/', { method: 'POST', body: new URLSearchParams({ a: 'b' }) });
      console.log(await form.text(), form instanceof Response);
      process.exit(0);
    })();`);
  assert.deepEqual([exit, out, errors], [0, 'before, old\na=b, old true\n', '']);
});
