'use strict';
// Beginnings and ends: loading, reloading, unloading, closing, and what is used after its end.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { pathToFileURL } = require('node:url');
const { App, Runtime } = require('nano-isolates');
const { HELLO, NEVER, URL: url, code, runtimeFor, script, wrongType } = require('./helpers.js');

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
  const unloading = first.unload();
  await assert.rejects(runtime.load(call, options('too early')), taken);
  await assert.rejects(first.unload(), code('NANO_E_NOT_FOUND'));
  await unloading;
  await assert.rejects(runtime.load('export default {', options('broken')), code('NANO_E_COMPILE'));
  const second = await runtime.load(call, options('second'));
  await assert.rejects(first.unload(), code('NANO_E_NOT_FOUND'));
  await assert.rejects(runtime.load(call, options('beside that')), taken);
  assert.equal(await second.invoke('call'), 'second');
});

test('an unloaded app and an ended request are errors', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load(HELLO, { name: 'one' });
  assert.equal(app.name, 'one');
  await assert.rejects(runtime.load(HELLO, { name: 'one' }), code('NANO_E_BUSY'));
  await app.unload();
  await assert.rejects(app.fetch(url), code('NANO_E_DRAINING'));
  await assert.rejects(app.unload(), code('NANO_E_NOT_FOUND'));
  assert.equal((await (await runtime.load(HELLO, { name: 'one' })).fetch(url)).status, 200);
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
  ]) {
    await assert.rejects(runtime.load(HELLO, wrong), wrongType, JSON.stringify(wrong));
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
  for (const wrong of [{ threads: 'x' }, { unknown: 1 }, { onLog: 5 }, null, { limits: { threads: 'x' } }, { roots: 5 }])
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
    () => runtime.drain(aborted),
  ]) {
    await assert.rejects(use(), is);
  }
  assert.equal(await app.invoke('here'), 1);
  const later = () => {
    const controller = new AbortController();
    setImmediate(() => controller.abort('enough'));
    return { signal: controller.signal };
  };
  const pending = assert.rejects(app.fetch(url), code('NANO_E_DRAINING'));
  await app.invoke('here');
  await assert.rejects(app.unload({ graceMs: 60_000, ...later() }), is);
  await assert.rejects(
    runtime.drain({ graceMs: 1, ...later() }).then(() => Promise.reject('enough')),
    is,
  );
  await pending;
});
