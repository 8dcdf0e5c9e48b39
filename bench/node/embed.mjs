// What a request costs Node: app.fetch and app.invoke of the smallest app, beside a function of the same called by isolated-vm's applySync:
// embed.mjs nano|isolated-vm REQUESTS. And what an app costs there: embed.mjs density|start APPS. Packages are those of the folder it is run in.
import { createRequire } from 'node:module';
import path from 'node:path';
import { idle, median, report, residentKb } from '../peers/common.mjs';

const HELLO = "export default { fetch() { return new Response('Hello World'); } }; export const hello = (text) => 'Hello World';";
const URL_ = 'http://app.test/';
const HEADERS = { accept: 'text/html,application/xhtml+xml', 'accept-language': 'en-US,en;q=0.5', cookie: 'session=0123456789abcdef' };
// Requests at once: as many as a server of this size has.
const AT_ONCE = 64;

const require = createRequire(path.join(process.cwd(), 'package.json'));
const [kind, count] = [process.argv[2], Number(process.argv[3])];
const kinds = { nano, 'isolated-vm': isolatedVm, density, start };
await kinds[kind]();
process.exit(0);

function rate(name, began, note) {
  report(name, count / ((performance.now() - began) / 1000), 'requests/s', note);
}

function expect(answer) {
  if (answer !== 'Hello World') throw new Error('a wrong answer');
}

async function nano() {
  const { app } = await load();
  const all = [
    ['node.fetch', `${AT_ONCE} at once, of a URL; one thread of NANO's beside Node's; the text is read`, () => app.fetch(URL_)],
    ['node.fetch_request', 'the same of a global Request with three headers', () => app.fetch(new Request(URL_, { headers: HEADERS }))],
    ['node.fetch_stream', 'the same of a URL, through response.body', () => app.fetch(URL_), readBody],
    ['node.invoke', `${AT_ONCE} at once: a function with a text in and out`, () => app.invoke('hello', URL_), (answer) => answer],
  ];
  for (const [name, note, ask, read = (response) => response.text()] of all) {
    const client = async (count) => {
      while (count-- > 0) expect(await read(await ask()));
    };
    const clients = (count) => Promise.all(Array.from({ length: AT_ONCE }, () => client(count / AT_ONCE)));
    // What is done only once is done before.
    await clients(count / 10);
    const began = performance.now();
    await clients(count);
    rate(name, began, note);
  }
}

async function readBody(response) {
  let text = '';
  for await (const chunk of response.body) text += Buffer.from(chunk).latin1Slice();
  return text;
}

async function isolatedVm() {
  const ivm = require('isolated-vm');
  const context = new ivm.Isolate().createContextSync();
  const hello = context.evalSync("(text) => 'Hello World'", { reference: true });
  const run = (count) => {
    while (count-- > 0) expect(hello.applySync(undefined, [URL_]));
  };
  run(count / 10);
  for (const name of ['node.fetch', 'node.invoke']) {
    const began = performance.now();
    run(count);
    rate(name, began, 'isolated-vm: applySync of a function with a text in and out, no web APIs');
  }
}

async function load() {
  const { Runtime } = require('nano-isolates');
  // Idle apps are what is measured: they must not be evicted under the measurement.
  const runtime = new Runtime({ threads: 1 });
  let number = 0;
  const next = (options) => runtime.load(HELLO, { name: `app${number++}`, limits: { idleMs: 3_600_000 }, ...options });
  return { runtime, app: await next(), next };
}

async function density() {
  const { app, next } = await load();
  expect(await (await app.fetch(URL_)).text());
  const before = residentKb();
  const kept = [];
  for (let n = 0; n < count; n++) kept.push(await next());
  await idle();
  report('node.idle_rss_kb', (residentKb() - before) / kept.length, 'KB', `${count} apps, one process, smaps Rss`);
}

async function start() {
  const { app, next } = await load();
  expect(await (await app.fetch(URL_)).text());
  const spent = [];
  for (let n = 0; n < count; n++) {
    const began = process.cpuUsage();
    await (await next({ lazy: true })).fetch(URL_);
    const { user, system } = process.cpuUsage(began);
    spent.push((user + system) / 1000);
  }
  report('node.start_cpu_ms', median(spent), 'ms', 'load of a small app to its first response, CPU of all threads');
}
