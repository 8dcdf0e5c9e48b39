'use strict';
// What apps handle besides requests: times, messages of queues, the events of others; and the end that an operator makes.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Queue, Runtime } = require('nano-isolates');
const { NEVER, URL: url, code, runtimeFor, wrongType } = require('./helpers.js');

const SCHEDULED = `const calls = [];
export default { scheduled(controller) {
  calls.push([controller.cron, controller.scheduledTime]);
  if (controller.cron === 'fail') throw new Error('not today');
  if (controller.cron === 'no more') controller.noRetry();
} };
export const called = () => calls.splice(0);`;
const SEND = "import { env } from 'cloudflare:workers'; export const send = (value) => env.JOBS.send(value);";
const TAKE = `const got = []; export default { queue(batch) { got.push(...batch.messages.map((m) => m.body)); } }
export const all = () => got;`;
const WATCH = `const seen = []; export default { tail(events) { seen.push(...events.map((e) => [e.scriptName, e.outcome])); } }
export const all = () => seen;`;

/** Asks again and again until there is an answer that will do. */
async function whenever(ask, willDo) {
  for (;;) {
    const answer = await ask();
    if (willDo(answer)) return answer;
  }
}

const manual = (t) => runtimeFor(t, { threads: 1, manualClock: true, clockUnixMs: 1_700_000_000_000 });

test("an app's scheduled is called by hand", async (t) => {
  const app = await runtimeFor(t).load(SCHEDULED);
  assert.deepEqual(await app.schedule('by hand', { time: 1_700_000_000_250.9 }), { outcome: 'ok', noRetry: false });
  assert.deepEqual(await app.schedule('no more', { time: new Date(0) }), { outcome: 'ok', noRetry: true });
  assert.deepEqual(await app.invoke('called'), [
    ['by hand', 1_700_000_000_250],
    ['no more', 0],
  ]);
  const before = Date.now();
  await app.schedule();
  const [[words, time]] = await app.invoke('called');
  assert.equal(words, '');
  assert.ok(time >= before && time <= Date.now());
  await assert.rejects(app.schedule('fail'), /not today/);
});

test('what is no time is refused, and a schedule can be given up', async (t) => {
  const app = await runtimeFor(t).load(SCHEDULED);
  await assert.rejects(app.schedule(5), wrongType);
  await assert.rejects(app.schedule('', { time: 'now' }), wrongType);
  const tooFar = { name: 'RangeError', code: 'NANO_E_INVALID' };
  for (const time of [NaN, Infinity, 9e15, new Date(NaN)]) await assert.rejects(app.schedule('', { time }), tooFar);
  await assert.rejects(app.schedule('', { signal: AbortSignal.abort() }), { name: 'AbortError' });
  assert.deepEqual(await app.invoke('called'), []);
});

test("an app's scheduled is called by its crons", async (t) => {
  const runtime = manual(t);
  const app = await runtime.load(SCHEDULED, { crons: ['* * * * *'] });
  runtime.advance(60_000);
  const calls = await whenever(
    () => app.invoke('called'),
    (calls) => calls.length > 0,
  );
  assert.deepEqual(calls, [['* * * * *', 1_700_000_040_000]]);
  await app.reload(null, { crons: [] });
  runtime.advance(120_000);
  assert.deepEqual(await app.invoke('called'), []);
  await assert.rejects(runtime.load(SCHEDULED, { crons: ['every day'] }), { code: 'NANO_E_INVALID', message: /cron/ });
});

test('queues take messages from apps to apps', async (t) => {
  const runtime = manual(t);
  const maker = await runtime.load(SEND, { env: { JOBS: new Queue('jobs') } });
  const taker = await runtime.load(TAKE, { consumers: [{ queue: 'jobs', batch: 2, deadLetters: 'lost' }, 'others'] });
  for (const value of [{ n: 1 }, 'two']) await maker.invoke('send', value);
  const got = await whenever(
    () => taker.invoke('all'),
    (got) => got.length === 2,
  );
  assert.deepEqual(got, [{ n: 1 }, 'two']);
  assert.deepEqual(Object.keys(runtime.queues()).sort(), ['jobs', 'others']);
  const { jobs } = await whenever(
    async () => (await taker.invoke('all'), runtime.queues()),
    ({ jobs }) => jobs.acked === 2,
  );
  assert.deepEqual(jobs, { messages: 0, bytes: 0, sent: 2, acked: 2, retried: 0, dead: 0, dropped: 0 });
});

test('consumers that cannot be are refused', async (t) => {
  const runtime = runtimeFor(t);
  const load = (consumers) => runtime.load(TAKE, { consumers });
  for (const consumer of [{ queue: 'x', batch: 0 }, { queue: 'x', retries: -1 }]) await assert.rejects(load([consumer]), code('NANO_E_INVALID'));
  for (const consumers of ['x', [5], [null], [{}], [{ queue: 'x', batch: '2' }], [{ queue: 'x', deadLetters: 1 }], [{ queue: 'x', size: 2 }]]) {
    await assert.rejects(load(consumers), wrongType);
  }
  assert.throws(() => new Queue(5), wrongType);
  for (const wrong of [{ crons: '* * * * *' }, { tail: [1] }]) await assert.rejects(runtime.load(TAKE, wrong), wrongType);
});

test('tails are told of the events of others', async (t) => {
  const runtime = runtimeFor(t);
  const watcher = await runtime.load(WATCH, { name: 'watcher' });
  const app = await runtime.load("export default { fetch: () => new Response('x') }", { name: 'watched', tail: ['watcher'] });
  await app.fetch(url);
  const seen = await whenever(
    () => watcher.invoke('all'),
    (seen) => seen.length > 0,
  );
  assert.deepEqual(seen, [['watched', 'ok']]);
});

test('killing ends what runs, and the next request starts afresh', async (t) => {
  const app = await runtimeFor(t).load(NEVER);
  const pending = assert.rejects(app.fetch(url), code('NANO_E_CANCELED'));
  await app.invoke('here');
  assert.equal(await app.kill(), 1);
  await pending;
  assert.equal(await app.invoke('here'), 1);
  assert.deepEqual([await app.kill(), await app.kill()], [1, 0]);
});

test('after the end of the runtime these are errors, too', async () => {
  const runtime = new Runtime({ threads: 1 });
  const app = await runtime.load(SCHEDULED);
  await runtime.close();
  await assert.rejects(app.schedule(), code('NANO_E_SHUTDOWN'));
  await assert.rejects(app.kill(), code('NANO_E_SHUTDOWN'));
  assert.throws(() => runtime.queues(), code('NANO_E_SHUTDOWN'));
});
