'use strict';
// Requests and responses: what goes in and comes out, whole and in pieces, and how it is given up.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { Readable } = require('node:stream');
const { test } = require('node:test');
const { inspect } = require('node:util');
const { NanoError } = require('nano-isolates');
const { HELLO, NEVER, URL: url, code, runtimeFor, script, until, wrongType } = require('./helpers.js');

const ECHO = 'export default { fetch: (request) => new Response(request.body, { headers: request.headers }) }';
const PIECES = `export default { fetch(request, env) {
  let n = 0;
  const pull = async (c) => { await null; if (n === 3) c.close(); else c.enqueue(new TextEncoder().encode(n++ + ';')); };
  return new Response(new ReadableStream({ pull }));
} }`;
const ENDLESS = `export let reads = 0; export const count = () => reads;
export default { fetch: () => new Response(new ReadableStream({ pull(c) { reads++; c.enqueue(new Uint8Array(16384)); } })) }`;

test('a response is a Response, whatever is asked of it', async (t) => {
  const source = `const headers = [['x-a', '1'], ['set-cookie', 'a=1'], ['set-cookie', 'b=2']];
    export default { fetch: () => new Response('{"a":"ü"}', { status: 201, statusText: 'Made', headers }) }`;
  const app = await runtimeFor(t).load(source);
  const get = () => app.fetch(url);
  const response = await get();
  assert.ok(response instanceof Response);
  assert.equal(response.constructor, Response);
  assert.deepEqual(
    [response.status, response.statusText, response.ok, response.type, response.redirected],
    [201, 'Made', true, 'default', false],
  );
  assert.ok(response.headers instanceof Headers);
  assert.equal(response.headers.get('x-a'), '1');
  assert.deepEqual(response.headers.getSetCookie(), ['a=1', 'b=2']);
  assert.ok(response.account.wallUs > 0 && response.account.bytesOut === 10);
  assert.equal(response.bodyUsed, false);
  assert.deepEqual(await response.json(), { a: 'ü' });
  assert.equal(response.bodyUsed, true);
  await assert.rejects(response.text(), TypeError);
  assert.equal(await (await get()).text(), '{"a":"ü"}');
  assert.equal((await (await get()).arrayBuffer()).byteLength, 10);
  assert.equal((await (await get()).bytes()).length, 10);
  assert.equal((await (await get()).blob()).size, 10);
  const twice = await get();
  const copy = twice.clone();
  assert.deepEqual([await twice.text(), await copy.text()], ['{"a":"ü"}', '{"a":"ü"}']);
  const streamed = [];
  for await (const chunk of (await get()).body) streamed.push(chunk);
  assert.equal(Buffer.concat(streamed).toString(), '{"a":"ü"}');
  const passed = new Response((await get()).body, await get());
  assert.deepEqual([passed.status, passed.headers.get('x-a')], [201, '1']);
  assert.match(inspect(await get()), /^Response \{/);
});

test('requests are URLs, what fetch takes beside them, or Requests', async (t) => {
  const app = await runtimeFor(t).load(
    `export default { async fetch(r) { return Response.json([r.method, r.url, Object.fromEntries(r.headers), await r.text()]); } }`,
  );
  const ask = async (...args) => (await app.fetch(...args)).json();
  assert.deepEqual(await ask(new URL('http://app.test/a?b')), ['GET', 'http://app.test/a?b', {}, '']);
  assert.deepEqual(await ask(url, { method: 'post', body: 'ü', headers: { 'X-A': '1' } }), [
    'POST',
    url,
    { 'content-type': 'text/plain;charset=UTF-8', 'x-a': '1' },
    'ü',
  ]);
  assert.deepEqual(await ask(url, { method: 'PUT', body: new Uint16Array([0x4241]).buffer, headers: new Headers([['a', 'b']]) }), [
    'PUT',
    url,
    { a: 'b' },
    'AB',
  ]);
  assert.deepEqual(await ask(url, { method: 'POST', body: new URLSearchParams({ a: 'ü' }) }), [
    'POST',
    url,
    { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' },
    'a=%C3%BC',
  ]);
  assert.deepEqual(await ask(new Request(url, { method: 'POST', body: 'of a Request', headers: { 'content-type': 'a/b' } })), [
    'POST',
    url,
    { 'content-type': 'a/b' },
    'of a Request',
  ]);
  const form = new FormData();
  form.set('a', 'b');
  assert.match((await ask(url, { method: 'POST', body: form }))[3], /name="a"/);
  assert.equal((await ask(new Request(url), { method: 'DELETE' }))[0], 'DELETE');
});

test('a Request is given another body, whole or in pieces', async (t) => {
  const app = await runtimeFor(t).load(
    `export default { async fetch(r) { return Response.json([r.method, r.headers.get('a'), r.headers.get('content-type'), await r.text()]); } }`,
  );
  const request = () => new Request(url, { method: 'PUT', body: 'its own', headers: { a: 'b', 'content-type': 'x/y' } });
  async function* pieces() {
    yield 'in ';
    yield Buffer.from('pieces');
  }
  const bodies = [new Blob(['in pieces']).stream(), pieces(), ['in ', Buffer.from('pieces')], 'in pieces', Buffer.from('in pieces')];
  for (const body of bodies) {
    const response = await app.fetch(request(), { body, timeoutMs: 30_000 });
    assert.deepEqual(await response.json(), ['PUT', 'b', 'x/y', 'in pieces']);
  }
  const bare = await app.fetch(new Request(url, { method: 'POST' }), { body: pieces(), headers: { a: 'c' } });
  assert.deepEqual(await bare.json(), ['POST', 'c', null, 'in pieces']);
  await assert.rejects(app.fetch(new Request(url), { body: pieces() }), TypeError);
  const locked = new Blob(['x']).stream();
  locked.getReader();
  await assert.rejects(app.fetch(request(), { body: locked }), wrongType);
});

test('bad requests are refused, each as what it is', async (t) => {
  const app = await runtimeFor(t).load(HELLO);
  for (const wrong of [
    [undefined],
    [{}],
    [url, { headers: { a: 'b\nc: d' } }],
    [url, { headers: { 'a\nb': 'c' } }],
    [url, { headers: { a: '\u0100' } }],
    [url, { body: 'on GET' }],
    [url, { timeoutMs: 0 }],
    [url, { timeoutMs: 'x' }],
    [url, { signal: {} }],
    [url, { method: 'POST', body: [1] }],
    [url, { headers: 'a' }],
    [url, { headers: [['a']] }],
    [url, { headers: [['a', 'b', 'c']] }],
    [url, { headers: ['ab'] }],
    [url, { headers: { a: Symbol('b') } }],
    [url, 5],
  ]) {
    await assert.rejects(app.fetch(...wrong), wrongType, JSON.stringify(wrong));
  }
  for (const none of ['/relative', '', 'http://', 'http://a b/']) await assert.rejects(app.fetch(none), code('NANO_E_INVALID'));
  await assert.rejects(app.fetch(url, { headers: { 'not a token': '1' } }), code('NANO_E_INVALID'));
  await assert.rejects(app.fetch(url, { method: 'NOT A METHOD' }), code('NANO_E_INVALID'));
  const read = new Request(url, { method: 'POST', body: 'x' });
  await read.text();
  await assert.rejects(app.fetch(read), wrongType);
  assert.equal((await app.fetch(url, null)).status, 200);
});

test("a URL is the platform's, however it is written", async (t) => {
  const app = await runtimeFor(t).load(HELLO);
  const urls = ['http://x', 'http://X:80/pub/%2e%2e/admin/x', 'HTTP://X:80/a b', ' http://x/ ', 'http://münchen.test/ü?ü', 'http:\\\\x\\y'];
  for (const written of urls) {
    const wanted = `Hello from ${new URL(written).href}`;
    const duck = { method: 'GET', url: written, headers: new Headers() };
    for (const input of [written, new URL(written), new Request(written), duck]) {
      assert.equal(await (await app.fetch(input)).text(), wanted, written);
      assert.equal(await (await app.fetch(input, { method: 'POST', body: 'x' })).text(), wanted, written);
    }
  }
});

test('a Request is what has its shape', async (t) => {
  const app = await runtimeFor(t).load(
    `export default { async fetch(r) { return Response.json([r.method, r.headers.get('a'), await r.text()]); } }`,
  );
  const like = { method: 'put', url, headers: [['a', 'b']] };
  const ask = async (...args) => (await app.fetch(...args)).json();
  assert.deepEqual(await ask(like), ['PUT', 'b', '']);
  assert.deepEqual(await ask({ ...like, body: new Blob(['its own']).stream() }), ['PUT', 'b', 'its own']);
  assert.deepEqual(await ask({ ...like, body: new Blob(['its own']).stream() }, { headers: { a: 'c' } }), ['PUT', 'c', 'its own']);
  assert.deepEqual(await ask(like, { body: 'another', method: 'PATCH' }), ['PATCH', 'b', 'another']);
  const controller = new AbortController();
  controller.abort('enough');
  await assert.rejects(ask({ ...like, signal: controller.signal }), (reason) => reason === 'enough');
  for (const none of [{ url }, { method: 'GET', url }, { ...like, bodyUsed: true }]) await assert.rejects(app.fetch(none), wrongType);
});

test('a body of which somebody has had some is no body', async (t) => {
  const app = await runtimeFor(t).load(ECHO);
  const post = (body) => app.fetch(url, { method: 'POST', body });
  const read = new Blob(['abc']).stream();
  for await (const _ of read);
  const begun = new ReadableStream({ start: (controller) => 'ab'.split('').map((text) => controller.enqueue(Buffer.from(text))) });
  const reader = begun.getReader();
  await reader.read();
  reader.releaseLock();
  const nodes = Readable.from(['a', 'b']);
  await once(nodes, 'readable');
  nodes.read();
  for (const body of [read, begun, nodes]) await assert.rejects(post(body), wrongType);
  const twice = new Blob(['once']).stream();
  assert.equal(await (await post(twice)).text(), 'once');
  await assert.rejects(post(twice), wrongType);
});

test('one signal may be for as many requests as there are', async (t) => {
  const app = await runtimeFor(t).load(NEVER);
  const warnings = [];
  const onWarning = (warning) => warnings.push(warning.name);
  process.on('warning', onWarning);
  t.after(() => process.off('warning', onWarning));
  const controller = new AbortController();
  const { signal } = controller;
  const asked = Array.from({ length: 30 }, (_, index) => (index % 2 ? app.fetch(url, { signal }) : app.invokeWith({ signal }, 'never')));
  const outcomes = Promise.allSettled(asked);
  await app.invoke('here');
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort('enough');
  assert.ok((await outcomes).every(({ reason }) => reason === 'enough'));
  assert.deepEqual(warnings, []);
});

test('bodies go both ways in pieces, at the pace of who reads', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load(ECHO);
  async function* pieces() {
    for (let n = 0; n < 200; n++) yield n % 2 ? Buffer.alloc(5000, 'a') : 'b'.repeat(5000);
  }
  const response = await app.fetch(url, { method: 'POST', body: pieces() });
  let length = 0;
  for await (const chunk of response.body) length += chunk.length;
  assert.equal(length, 1_000_000);
  assert.equal(response.account.bytesIn, 1_000_000);
  const stream = ReadableStream.from
    ? ReadableStream.from([Buffer.from('from '), Buffer.from('a stream')])
    : new Blob(['from a stream']).stream();
  assert.equal(await (await app.fetch(url, { method: 'POST', body: stream })).text(), 'from a stream');
  const piecemeal = await (await runtime.load(PIECES)).fetch(url);
  const reader = piecemeal.body.getReader({ mode: 'byob' });
  const { value } = await reader.read(new Uint8Array(2));
  assert.equal(Buffer.from(value).toString(), '0;');
});

test('a body that nobody takes makes its app wait', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load(ENDLESS);
  const response = await app.fetch(url);
  // Asked often enough that it would have gone on if it could.
  for (let n = 0; n < 20; n++) await app.invoke('count');
  const before = await app.invoke('count');
  for (let n = 0; n < 20; n++) await app.invoke('count');
  assert.equal(await app.invoke('count'), before);
  assert.ok(before <= 16, String(before));
  await response.body.cancel();
  await until(() => app.stats().inFlight === 0);
});

test("a request's body that fails ends the request, and nobody else's error is told", async (t) => {
  const app = await runtimeFor(t).load(ECHO);
  let cleaned = false;
  async function* broken() {
    try {
      yield 'begun';
      throw new RangeError('mine');
    } finally {
      cleaned = true;
    }
  }
  const outcome = app.fetch(url, { method: 'POST', body: broken() }).then((response) => response.text());
  await assert.rejects(outcome, new RangeError('mine'));
  assert.ok(cleaned);
  await assert.rejects(
    app
      .fetch(url, {
        method: 'POST',
        body: (function* () {
          yield 1;
        })(),
      })
      .then((response) => response.text()),
    wrongType,
  );
  await until(() => app.stats().inFlight === 0);
});

test('an app that answers without reading lets the body be', async (t) => {
  const app = await runtimeFor(t).load(HELLO);
  let returned = false;
  async function* endless() {
    try {
      for (;;) yield new Uint8Array(10_000);
    } finally {
      returned = true;
    }
  }
  assert.equal((await app.fetch(url, { method: 'POST', body: endless() })).status, 200);
  await until(() => returned);
  // Nor does it matter how a body takes that.
  const rude = {
    next: () => new Promise(() => {}),
    return() {
      throw new Error('mine');
    },
    [Symbol.iterator]() {
      return this;
    },
  };
  assert.equal((await app.fetch(url, { method: 'POST', body: rude })).status, 200);
  assert.equal((await app.fetch(url)).status, 200);
});

test('a body without end that nobody reads leaves the loop free', async (t) => {
  // Answered by the loop, which would never come to it.
  const env = { go: () => new Promise((resolve) => setTimeout(() => resolve('gone'), 1)) };
  const app = await runtimeFor(t).load(
    'export default { async fetch(request, env) { await request.body.cancel(); return new Response(await env.go()); } }',
    { env },
  );
  async function* endless() {
    for (;;) yield new Uint8Array(1000);
  }
  assert.equal(await (await app.fetch(url, { method: 'POST', body: endless() })).text(), 'gone');
});

test('a signal ends a request wherever it is', async (t) => {
  // Nothing but the signal may end it.
  const runtime = runtimeFor(t, { threads: 1, manualClock: true });
  const app = await runtime.load(NEVER);
  await assert.rejects(app.fetch(url, { signal: AbortSignal.abort('before') }), (reason) => reason === 'before');
  const controller = new AbortController();
  const waiting = [
    app.fetch(url, { signal: controller.signal }),
    app.fetch(new Request(url, { signal: controller.signal })),
    app.invokeWith({ signal: controller.signal }, 'never'),
  ];
  const ended = Promise.all(waiting.map((one) => assert.rejects(one, { name: 'AbortError' })));
  await app.invoke('here');
  controller.abort();
  await ended;
  await until(() => app.stats().inFlight === 0);
  const endless = await runtime.load(ENDLESS);
  for (const form of [(signal) => [url, { signal }], (signal) => [new Request(url, { signal })]]) {
    const during = new AbortController();
    const response = await endless.fetch(...form(during.signal));
    const reader = response.body.getReader();
    await reader.read();
    during.abort(new Error('enough'));
    await assert.rejects(async () => {
      for (;;) await reader.read();
    }, new Error('enough'));
  }
  await until(() => endless.stats().inFlight === 0);
  await assert.rejects(runtime.load(HELLO, { signal: AbortSignal.abort() }), { name: 'AbortError' });
});

test('what has been given up is never answered, however quick the app is', async (t) => {
  const app = await runtimeFor(t).load(HELLO);
  for (let round = 0; round < 20; round++) {
    const controller = new AbortController();
    const pending = [app.fetch(new Request(url, { signal: controller.signal })), app.fetch(url, { signal: controller.signal })];
    controller.abort(new Error('enough'));
    await Promise.all(pending.map((one) => assert.rejects(one, new Error('enough'))));
  }
  await until(() => app.stats().inFlight === 0);
});

test('the app learns that its request was given up', async (t) => {
  const app = await runtimeFor(t).load(`let aborted = false; export const was = () => aborted;
    export default { fetch(request) {
      request.signal.addEventListener('abort', () => { aborted = true; });
      return new Promise(() => { setTimeout(() => {}, 1e9) });
    } }`);
  const controller = new AbortController();
  const waiting = app.fetch(url, { signal: controller.signal });
  await app.invoke('was');
  controller.abort();
  await assert.rejects(waiting);
  await until(() => app.stats().inFlight === 0);
  assert.equal(await app.invoke('was'), true);
});

test('errors have the code, the message, the stack and the status', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load("export default { fetch() { throw new RangeError('the app broke') } }", { name: 'broken' });
  await assert.rejects(app.fetch(url), (error) => {
    assert.ok(error instanceof NanoError && error instanceof Error);
    assert.deepEqual([error.name, error.code, error.number, error.httpStatus], ['NanoError', 'NANO_E_EXCEPTION', -9, 500]);
    assert.match(error.message, /the app broke/);
    assert.match(error.appStack, /index\.js/);
    return true;
  });
  const slow = await runtime.load('export default { fetch() { for (;;); } }', { limits: { cpuMs: 20 } });
  await assert.rejects(slow.fetch(url), code('NANO_E_CPU_LIMIT'));
});

test('ten thousand at once are answered each with its own', async (t) => {
  const app = await runtimeFor(t, { threads: 2 }).load('export default { fetch: (r) => new Response(r.url.slice(16)) }', {
    limits: { requests: 20_000 },
  });
  const texts = await Promise.all(Array.from({ length: 10_000 }, async (_, n) => (await app.fetch(`http://app.test/${n}`)).text()));
  assert.ok(texts.every((text, n) => text === String(n)));
});

test('what is asked in one turn of the loop begins, whichever thread has it', async (t) => {
  const runtime = runtimeFor(t, { threads: 2 });
  const apps = [await runtime.load(HELLO), await runtime.load(HELLO)];
  for (let round = 0; round < 20; round++) {
    // Threads that sleep, and nothing of ours that would wake them later.
    await until(() => runtime.stats().inFlight === 0);
    const responses = await Promise.all([0, 1, 1, 0, 1].map((which) => apps[which].fetch(url)));
    assert.ok(responses.every((response) => response.status === 200));
  }
});

test('a response that is left unread is given up when it is collected', async () => {
  const { exit, out, errors } = await script(
    `
    const { Runtime } = require('nano-isolates');
    (async () => {
      const runtime = new Runtime({ threads: 1 });
      const app = await runtime.load(${JSON.stringify(ENDLESS)});
      await (async () => { await app.fetch('http://app.test/'); })();
      const wait = () => new Promise((resolve) => setImmediate(resolve));
      while (app.stats().inFlight > 0) { await wait(); gc(); }
      await runtime.close();
      console.log('collected');
    })();`,
    { flags: ['--expose-gc'] },
  );
  assert.deepEqual([exit, out], [0, 'collected\n'], errors);
});
