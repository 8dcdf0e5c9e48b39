'use strict';
// Beginnings and ends: loading, reloading, unloading, closing, and what is used after its end.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { pathToFileURL } = require('node:url');
const { App, Runtime } = require('nano-isolates');
const { Bindings } = require('../lib/bindings.js');
const { encode } = require('../lib/cbor.js');
const { Hub } = require('../lib/hub.js');
const { HELLO, NEVER, URL: url, code, runtimeFor, script, until, wrongType } = require('./helpers.js');

const asyncDispose = Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose');

test('closing ends what is pending and refuses what comes', async () => {
  const runtime = new Runtime({ threads: 1 });
  const app = await runtime.load(NEVER);
  const pending = [
    app.fetch(url),
    app.fetch(url, {
      method: 'POST',
      body: (async function* () {
        await new Promise(() => {});
      })(),
    }),
    app.invoke('never'),
  ];
  await app.invoke('here');
  assert.equal(runtime.closed, false);
  const ended = Promise.all(pending.map((one) => assert.rejects(one, code('NANO_E_SHUTDOWN'))));
  const closing = runtime.close();
  await ended;
  await closing;
  await runtime.close();
  assert.equal(runtime.closed, true);
  for (const use of [
    () => app.fetch(url),
    () => app.invoke('here'),
    () => app.reload(HELLO),
    () => app.unload(),
    () => runtime.load(HELLO),
    () => runtime.drain(),
  ]) {
    await assert.rejects(use(), code('NANO_E_SHUTDOWN'));
  }
  for (const use of [() => app.stats(), () => runtime.stats(), () => runtime.metrics(), () => runtime.advance(1)])
    assert.throws(use, code('NANO_E_SHUTDOWN'));
});

test('disposing closes and unloads', async () => {
  const runtime = new Runtime({ threads: 1 });
  const app = await runtime.load(HELLO);
  await app[asyncDispose]();
  await assert.rejects(app.fetch(url), code('NANO_E_DRAINING'));
  await runtime[asyncDispose]();
  assert.ok(runtime.closed);
  await app[asyncDispose]();
});

test("a name is nobody's until its app has ended", async (t) => {
  const runtime = runtimeFor(t);
  const call = "import { env } from 'cloudflare:workers'; export const call = () => env.whose();";
  const options = (whose) => ({ name: 'one', env: { whose: () => whose } });
  const taken = code('NANO_E_BUSY');
  const loading = runtime.load(call, options('first'));
  await assert.rejects(runtime.load(call, options('as early')), taken);
  const first = await loading;
  await assert.rejects(runtime.load(call, options('beside it')), taken);
  // The first of them has it, whichever thread of the pool is faster.
  const unloading = first.unload();
  const late = [1, 2, 3].map(() => assert.rejects(first.unload(), code('NANO_E_NOT_FOUND')));
  await assert.rejects(runtime.load(call, options('too early')), taken);
  await Promise.all(late);
  await unloading;
  await assert.rejects(runtime.load('export default {', options('broken')), code('NANO_E_COMPILE'));
  const second = await runtime.load(call, options('second'));
  await assert.rejects(first.unload(), code('NANO_E_NOT_FOUND'));
  await assert.rejects(runtime.load(call, options('beside that')), taken);
  assert.equal(await second.invoke('call'), 'second');
});

test('an unloaded app is an error, and its name free', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load(HELLO, { name: 'one' });
  assert.equal(app.name, 'one');
  await assert.rejects(runtime.load(HELLO, { name: 'one' }), code('NANO_E_BUSY'));
  await app.unload();
  await assert.rejects(app.fetch(url), code('NANO_E_DRAINING'));
  await assert.rejects(app.unload(), code('NANO_E_NOT_FOUND'));
  assert.equal((await (await runtime.load(HELLO, { name: 'one' })).fetch(url)).status, 200);
});

test('ends whose grace is no time leave the app and its runtime as they are', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load(HELLO, { name: 'kept' });
  const listener = runtime.listen('127.0.0.1:0', app);
  for (const graceMs of [-1, 0.5, NaN, Infinity]) {
    await assert.rejects(app.unload({ graceMs }), code('NANO_E_INVALID'));
    await assert.rejects(runtime.drain({ graceMs }), code('NANO_E_INVALID'));
  }
  assert.deepEqual([(await app.fetch(url)).status, listener.closed], [200, false]);
  await assert.rejects(runtime.load(HELLO, { name: 'kept' }), code('NANO_E_BUSY'));
  await app.unload();
  await runtime.load(HELLO, { name: 'kept' });
});

test('the body of a response whose app or runtime has ended is an error, however often it is read', async () => {
  const source = `export default { fetch() {
    return new Response(new ReadableStream({ start(controller) { controller.enqueue(new Uint8Array(5)); setTimeout(() => {}, 1e9); } }));
  } }`;
  for (const [end, wanted] of [
    [(app) => app.unload({ graceMs: 0 }), 'NANO_E_DRAINING'],
    [(app) => app.kill(), 'NANO_E_CANCELED'],
    [(app) => app.runtime.close(), 'NANO_E_SHUTDOWN'],
  ]) {
    const runtime = new Runtime({ threads: 1 });
    const app = await runtime.load(source);
    const response = await app.fetch(url);
    const reader = response.body.getReader();
    assert.equal((await reader.read()).value.length, 5);
    await end(app);
    for (let n = 0; n < 2; n++) await assert.rejects(reader.read(), code(wanted));
    await assert.rejects(reader.cancel(), code(wanted));
    assert.equal(response.status, 200);
    await runtime.close();
  }
});

test('a response and a request that have been used are refused, and harm nothing', async (t) => {
  const app = await runtimeFor(t).load('export default { fetch: (request) => new Response(request.body ?? "whole") }');
  for (const init of [undefined, { method: 'POST', body: ['in ', 'pieces'] }]) {
    const response = await app.fetch(url, init);
    assert.equal(await response.text(), init === undefined ? 'whole' : 'in pieces');
    for (const use of [() => response.text(), () => response.json(), () => response.arrayBuffer(), async () => response.clone()])
      await assert.rejects(use(), TypeError);
    assert.equal(response.bodyUsed, true);
    assert.ok(response.account.wallUs > 0);
  }
  const request = new Request(url, { method: 'POST', body: 'once' });
  assert.equal(await (await app.fetch(request)).text(), 'once');
  await assert.rejects(app.fetch(request), wrongType);
  assert.equal(await (await app.fetch(url)).text(), 'whole');
});

test('the native half knows an ended request and an ended call no more', async () => {
  // Behind what people hold, which keeps from asking: events and writes cross, so that it is asked at times.
  const asked = [];
  const hub = new Hub({ limits: [['threads', 1]], logs: false, apps: false, manualClock: false, roots: '' }, {}, (of, id) => {
    asked.push(id);
    of.native.callReturn(id, encode(1, undefined, (bytes) => Uint8Array.from(bytes)));
  });
  const { native } = hub;
  const env = { env: [], bindings: new Bindings({ one: () => 1 }).describe(), hostFiles: false };
  const app = await native.load('one', 'text', 'export default { fetch: async (r, env) => new Response(await env.one()) }', [], false, env);
  let ended;
  const response = new Promise((resolve) => (ended = resolve));
  const id = hub.open({ push: ended }, (token) => app.dispatch(token, 'GET', url, null, null, 0, 0, false));
  assert.equal(Buffer.from((await response)[5]).toString(), '1');
  assert.equal(asked.length, 1);
  const bytes = new Uint8Array(1);
  const uses = {
    request: [
      (of) => native.requestWrite(of, bytes),
      (of) => native.requestEnd(of),
      (of) => native.requestAbortBody(of, 'why'),
      (of) => native.requestCancel(of),
      (of) => native.credit(of, 1),
    ],
    call: [
      (of) => native.callView(of),
      (of) => native.callRespond(of, 200, '', null, bytes),
      (of) => native.callReturn(of, encode(1, undefined, (given) => Uint8Array.from(given))),
      (of) => native.callThrow(of, 'Error', 'why'),
      (of) => native.callWrite(of, bytes),
      (of) => native.callEnd(of),
      (of) => native.credit(of, 1),
    ],
  };
  for (const use of uses.request) assert.throws(() => use(id), code('NANO_E_NOT_FOUND'), String(use));
  for (const use of uses.call) assert.throws(() => use(asked[0]), code('NANO_E_NOT_FOUND'), String(use));
  await hub.close();
  for (const use of [...uses.request, ...uses.call]) assert.throws(() => use(id), (error) => error.code.startsWith('NANO_E_'), String(use));
});

test('a load that fails leaves its name to the next', async (t) => {
  const runtime = runtimeFor(t);
  const options = (which) => ({ name: 'wanted', env: { which: () => which } });
  const source = "import { env } from 'cloudflare:workers'; export const which = () => env.which()";
  const failed = assert.rejects(runtime.load("throw new Error('no')", options('first')), code('NANO_E_EXCEPTION'));
  await assert.rejects(runtime.load(source, options('too early')), code('NANO_E_BUSY'));
  await failed;
  const app = await runtime.load(source, options('second'));
  assert.equal(await app.invoke('which'), 'second');
});

test('reloading replaces the code and keeps the options', async (t) => {
  const source = (n) => `export default { fetch: (r, env) => new Response(env.A + ${n}) }`;
  const app = await runtimeFor(t).load(source(1), { env: { A: 'a' }, limits: { cpuMs: 100 } });
  const text = async () => (await app.fetch(url)).text();
  await app.reload(source(2));
  assert.equal(await text(), 'a2');
  await app.reload(undefined, { env: { A: 'b' } });
  assert.equal(await text(), 'b2');
  await assert.rejects(app.reload('export default {'), code('NANO_E_COMPILE'));
  await assert.rejects(app.reload(source(3), { unknown: 1 }), wrongType);
  await assert.rejects(app.reload(source(3), { name: 'x' }), wrongType);
  assert.equal(await text(), 'b2');
});

test('a limit has one value, by whichever of its names it is given', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load(HELLO, { limits: { bodyBytes: 1 } });
  const takes = async (bytes) => (await app.fetch(url, { method: 'POST', body: 'x'.repeat(bytes) })).status;
  const changes = [[{ body_bytes: 3 }, 3], [{ bodyBytes: 2 }, 2], [{ urlBytes: 1000 }, 2], [{ body_bytes: 1, bodyBytes: 4 }, 4]];
  for (const [limits, wanted] of changes) {
    await app.reload(undefined, { limits });
    assert.equal(await takes(wanted), 200);
    await assert.rejects(takes(wanted + 1), code('NANO_E_TOO_LARGE'));
  }
});

test('a version finds its own bindings while it starts, and one that does not start leaves those of the old one', async (t) => {
  const source = (start) => `import { env } from 'cloudflare:workers'; ${start} export const which = () => env.which();`;
  const app = await runtimeFor(t).load(source(''), { env: { which: () => 'first' } });
  const second = { which: () => 'second', added: () => 'added' };
  const failing = source("throw new Error(await env.added());");
  await assert.rejects(app.reload(failing, { env: second }), (error) => /added/.test(error.message));
  assert.equal(await app.invoke('which'), 'first');
  await app.reload(source('const start = [await env.which(), await env.added()]; export const atStart = () => start;'), { env: second });
  assert.deepEqual(await app.invoke('atStart'), ['second', 'added']);
  assert.equal(await app.invoke('which'), 'second');
});

test('sources are code, files and folders', async (t) => {
  const runtime = runtimeFor(t);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nano-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  fs.writeFileSync(path.join(folder, 'index.ts'), 'const n: number = 3; export default { fetch: () => new Response(String(n)) }');
  for (const source of [folder, path.join(folder, 'index.ts'), pathToFileURL(folder), pathToFileURL(path.join(folder, 'index.ts'))]) {
    assert.equal(await (await (await runtime.load(source)).fetch(url)).text(), '3');
  }
  assert.equal((await (await runtime.load('', { kind: 'echo' })).fetch(url)).status, 200);
  await assert.rejects(
    runtime.load('export default {\n fetch() { return 1 +; },\n};'),
    (error) => error.code === 'NANO_E_COMPILE' && /index\.js/.test(error.message),
  );
  await assert.rejects(runtime.load(pathToFileURL('/there/is/no/such/file.js')), code('NANO_E_IO'));
  for (const mistyped of ['/nope/x.js', 'nope/index.js', './apps/shop', '../w\u00f6rker.mts', 'index.ts']) {
    await assert.rejects(runtime.load(mistyped), (error) => error.code === 'NANO_E_IO' && error.message.includes(mistyped));
  }
  for (const text of ['hello', '// hello.js', 'hello.world', 'f("a/b.js")']) {
    await assert.rejects(runtime.load(text), (error) => error.code !== 'NANO_E_IO');
  }
  await assert.rejects(runtime.load('/nope/x.js', { kind: 'text' }), code('NANO_E_COMPILE'));
});

test('a file that is named as code begins is found by its kind alone', async (t) => {
  const runtime = runtimeFor(t);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nano-'));
  const [before, name] = [process.cwd(), "export default { fetch: () => new Response('text') }"];
  process.chdir(folder);
  t.after(() => {
    process.chdir(before);
    fs.rmSync(folder, { recursive: true });
  });
  for (const file of [name, 'plain.js']) fs.writeFileSync(file, "export default { fetch: () => new Response('file') }");
  const text = async (source, options) => (await (await runtime.load(source, options)).fetch(url)).text();
  assert.equal(await text('plain.js'), 'file');
  assert.equal(await text(name), 'text');
  assert.equal(await text(`  ${name}`), 'text');
  assert.equal(await text(name, { kind: 'file' }), 'file');
});

test('a lazy app is registered when it is loaded, and starts with its first request', async (t) => {
  const runtime = runtimeFor(t);
  // Short ones are read on this thread, long ones on another.
  for (const start of ['', `//${'x'.repeat(10_000)}\n`]) {
    const lazy = (source, options) => runtime.load(start + source, { lazy: true, ...options });
    const { starts } = runtime.stats();
    const app = await lazy("throw new Error('late'); export default {};", { name: 'late' });
    assert.equal(runtime.stats().starts, starts);
    await assert.rejects(app.fetch(url), (error) => /late/.test(error.message));
    await assert.rejects(lazy(HELLO, { name: 'late' }), code('NANO_E_BUSY'));
    await assert.rejects(lazy(HELLO, { egress: 'perhaps' }), code('NANO_E_INVALID'));
    await assert.rejects(lazy(HELLO, { signal: AbortSignal.abort() }), { name: 'AbortError' });
    await app.unload();
    const env = { GREETING: 'Hello', greet: (name) => `Hello ${name}` };
    const source = "export default { fetch: async (request, env) => new Response(env.GREETING + (await env.greet('you'))) };";
    const fine = await lazy(source, { env, limits: { cpuMs: 50 }, name: 'late' });
    assert.equal(await (await fine.fetch(url)).text(), 'HelloHello you');
    await fine.unload();
  }
});

test('bad options are refused, each as what it is', async (t) => {
  const runtime = runtimeFor(t);
  for (const wrong of [
    { limits: { heapBits: 1 } },
    { limits: { cpuMs: 'x' } },
    { name: 5 },
    { unknown: 1 },
    { lazy: 1 },
    { egressAllow: 'x' },
    { egressAllow: [1] },
    { baseUrl: 1 },
    null,
    { kind: 5 },
    { signal: 5 },
    { limits: null },
    { limits: 5 },
    { limits: new Map([['cpuMs', 50]]) },
    { env: null },
    { env: new Map([['A', 'text']]) },
    { env: ['text'] },
  ]) {
    await assert.rejects(runtime.load(HELLO, wrong), wrongType, JSON.stringify(wrong));
  }
  const app = await runtime.load(HELLO);
  for (const wrong of [null, 5, 'x']) {
    for (const ask of [app.unload, app.kill, runtime.drain]) await assert.rejects(ask.call(ask === runtime.drain ? runtime : app, wrong), wrongType);
    await assert.rejects(app.reload(null, wrong), wrongType);
    await assert.rejects(app.schedule('', wrong), wrongType);
    await assert.rejects(app.invokeWith(wrong, 'x'), wrongType);
    await assert.rejects(app.reload(null, { limits: wrong }), wrongType);
    await assert.rejects(app.reload(null, { env: wrong }), wrongType);
  }
  for (const wrong of [
    { limits: { cpuMs: -1 } },
    { limits: { cpuMs: 1.5 } },
    { limits: { cpuMs: NaN } },
    { limits: { cpuMs: 2 ** 40 } },
    { egress: 'perhaps' },
    { kind: 'perl' },
    { name: '' },
    { egressAllow: ['::::'] },
    { randomSeed: -1 },
  ]) {
    await assert.rejects(runtime.load(HELLO, wrong), code('NANO_E_INVALID'), JSON.stringify(wrong));
  }
  await assert.rejects(runtime.load(5), wrongType);
  const noLimits = [null, 5, NaN, 'x', new Map([['threads', 1]])].map((limits) => ({ limits }));
  for (const wrong of [{ threads: 'x' }, { unknown: 1 }, { onLog: 5 }, null, { limits: { threads: 'x' } }, { roots: 5 }, ...noLimits])
    assert.throws(() => new Runtime(wrong), wrongType, JSON.stringify(wrong));
  for (const wrong of [{ threads: 0.5 }, { clockUnixMs: 5 }, { roots: 'mine' }, { threads: 100_000 }])
    assert.throws(
      () => new Runtime(wrong),
      (error) => error.code.startsWith('NANO_E_'),
      JSON.stringify(wrong),
    );
  assert.throws(() => new App(), wrongType);
  assert.throws(() => runtime.advance('x'), wrongType);
  assert.throws(() => runtime.advance(5), code('NANO_E_INVALID'));
  await assert.rejects(runtime.drain({ graceMs: -1 }), code('NANO_E_INVALID'));
});

test('logs and states are told', async () => {
  const logs = [];
  const states = [];
  const runtime = new Runtime({ threads: 1, onLog: (...line) => logs.push(line), onApp: (...what) => states.push(what) });
  const app = await runtime.load("export default { fetch() { console.warn('hear', 1); return new Response() } }", { name: 'loud' });
  await app.fetch(url);
  await runtime.close();
  assert.deepEqual(logs, [['loud', 'warn', 'hear 1', 0]]);
  assert.ok(states.some(([app, state]) => app === 'loud' && state === 'loaded'));
});

test('a listener that throws is an uncaught exception, and loses no event', async () => {
  const { exit, out, errors } = await script(`
    const { Runtime } = require('nano-isolates');
    process.on('uncaughtException', (error) => console.log('uncaught', error.message));
    (async () => {
      const runtime = new Runtime({ threads: 1, onLog: () => { throw new Error('mine'); } });
      const app = await runtime.load("export default { fetch() { console.log('x'); return new Response('well') } }");
      console.log(await (await app.fetch('http://app.test/')).text());
      await runtime.close();
    })();`);
  assert.equal(exit, 0, errors);
  assert.deepEqual(out.trim().split('\n').sort(), ['uncaught mine', 'well']);
});

test('draining waits for what is in flight', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load(NEVER);
  const ended = assert.rejects(app.fetch(url), code('NANO_E_DRAINING'));
  await app.invoke('here');
  assert.equal(await runtime.drain({ graceMs: 1 }), false);
  await ended;
  await assert.rejects(app.fetch(url), code('NANO_E_DRAINING'));
});

test('counters and metrics', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load(HELLO);
  await app.fetch(url);
  assert.deepEqual([runtime.stats().apps, runtime.stats().inFlight, app.stats().requests], [1, 0, 1]);
  assert.match(runtime.metrics(), /^nano_/m);
});

test('a signal gives up whatever waits, and what was begun ends well', async (t) => {
  const runtime = runtimeFor(t);
  const aborted = { signal: AbortSignal.abort('enough') };
  const is = (reason) => reason === 'enough';
  const app = await runtime.load(NEVER, { name: 'kept' });
  for (const use of [
    () => runtime.load(HELLO, aborted),
    () => app.reload(HELLO, aborted),
    () => app.unload(aborted),
    () => app.kill(aborted),
    () => runtime.drain(aborted),
  ]) {
    await assert.rejects(use(), is);
  }
  assert.equal(await app.invoke('here'), 1);
  const pending = assert.rejects(app.fetch(url), code('NANO_E_DRAINING'));
  await app.invoke('here');
  const controller = new AbortController();
  const unloading = app.unload({ graceMs: 60_000, signal: controller.signal });
  controller.abort('enough');
  await assert.rejects(unloading, is);
  assert.equal(await runtime.drain({ graceMs: 1 }), false);
  await pending;
});

// What an app waits for until the test opens it: whatever waits for the app is in the middle of its work.
const GATED = "import { env } from 'cloudflare:workers'; const n = await env.gate(); export const which = () => n;";

/** A gate for `env`: `arrived` once an app waits at it, which `open` then lets through. */
function gateOf() {
  const gate = { arrived: false, open: undefined };
  gate.wait = () => {
    gate.arrived = true;
    return new Promise((resolve) => (gate.open = resolve));
  };
  return gate;
}

test('a load that is given up midway leaves no app, and its name to the next', async (t) => {
  const runtime = runtimeFor(t);
  const gate = gateOf();
  const controller = new AbortController();
  const loading = runtime.load(GATED, { name: 'one', env: { gate: gate.wait }, signal: controller.signal });
  await until(() => gate.arrived);
  controller.abort();
  // Only now could it end by itself: without the signal it would be loaded.
  gate.open(1);
  await assert.rejects(loading, { name: 'AbortError' });
  let app;
  while (app === undefined) {
    app = await runtime.load(HELLO, { name: 'one' }).catch((error) => assert.equal(error.code, 'NANO_E_BUSY'));
    // A refusal is told without a turn of the loop, which the end of the first one needs.
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(await (await app.fetch(url)).text(), `Hello from ${url}`);
  assert.equal(runtime.stats().apps, 1);
});

test('a reload that is given up midway takes place once it can', async (t) => {
  const runtime = runtimeFor(t);
  const gate = gateOf();
  const controller = new AbortController();
  const app = await runtime.load('export const which = () => 1');
  const reloading = app.reload(GATED, { env: { gate: gate.wait }, signal: controller.signal });
  await until(() => gate.arrived);
  assert.equal(await app.invoke('which'), 1);
  controller.abort();
  gate.open(2);
  await assert.rejects(reloading, { name: 'AbortError' });
  let which = 1;
  while (which === 1) which = await app.invoke('which');
  assert.equal(which, 2);
});

test('a drain that is given up midway goes on, and lets what is in flight end', async (t) => {
  const runtime = runtimeFor(t);
  const gate = gateOf();
  const app = await runtime.load('export default { fetch: async (request, env) => new Response(await env.gate()) }; export const here = () => 1', {
    env: { gate: gate.wait },
  });
  const pending = app.fetch(url);
  await until(() => gate.arrived);
  const controller = new AbortController();
  // Neither the app, which waits, nor the grace can end it.
  const draining = runtime.drain({ graceMs: 600_000, signal: controller.signal });
  let isDraining = false;
  while (!isDraining) {
    isDraining = await app.invoke('here').then(
      () => false,
      (error) => error.code === 'NANO_E_DRAINING' || Promise.reject(error),
    );
  }
  controller.abort();
  gate.open('well');
  await assert.rejects(draining, { name: 'AbortError' });
  assert.equal(await (await pending).text(), 'well');
  assert.equal(await runtime.drain(), true);
  await assert.rejects(app.invoke('here'), code('NANO_E_DRAINING'));
});
