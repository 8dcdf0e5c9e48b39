// Node, Deno and Bun: the figures of bench/web_app.mjs, its handler called as their servers would call it. web.mjs [HOW MANY TIMES LESS]
import process from 'node:process';
import app from '../web_app.mjs';
import { median, report } from './common.mjs';

const WARM = 20;
const BATCHES = 7;
const PIECE_BYTES = 65536;
const ECHO_BYTES = 1 << 20;

const quick = Number(process.argv[2] ?? 1);
const who = globalThis.Deno ? 'deno' : globalThis.Bun ? 'bun' : 'node';

// What a batch of so many times costs, CPU of all threads: microseconds each, or how much of a unit per second.
async function figure(name, unit, amount, count, note, batch) {
  count = Math.max(1, Math.trunc(count / quick));
  for (let n = 0; n < (quick > 1 ? 0 : WARM); n++) await batch(count);
  const spent = [];
  for (let n = 0; n < (quick > 1 ? 1 : BATCHES); n++) {
    const began = process.cpuUsage();
    await batch(count);
    const { user, system } = process.cpuUsage(began);
    spent.push(user + system);
  }
  const each = Math.max(1, median(spent)) / count;
  report(name, unit.endsWith('/s') ? amount * 1e6 / each : each, unit, `${who}: ${note}`);
}

async function ask(path, init) {
  const response = await app.fetch(new Request(`http://web.test${path}`, init));
  if (response.status !== 200) throw new Error(`${path}: ${response.status}`);
  return response;
}

const inProcess = 'the handler is called with a new Request, no server';
const order = await (await ask('/order')).arrayBuffer();
await figure('web.json_roundtrip_us', 'us', 1, 1000, inProcess, async (count) => {
  for (let n = 0; n < count; n++) {
    const response = await ask('/json', { method: 'POST', body: order, headers: { 'content-type': 'application/json' } });
    await response.arrayBuffer();
  }
});

const headers = Array.from({ length: 60 }, (_, n) => [`x-header-${n}`, `value ${n} of a header that is forty long`]);
await figure('web.headers60_us', 'us', 1, 500, inProcess, async (count) => {
  for (let n = 0; n < count; n++) {
    const response = await ask('/headers', { headers });
    if ([...response.headers].length < 60) throw new Error('headers are missing');
    await response.arrayBuffer();
  }
});

async function echo(path) {
  let sent = 0;
  const body = new ReadableStream({
    type: 'bytes',
    pull(controller) {
      controller.enqueue(new Uint8Array(PIECE_BYTES).fill(97));
      sent += PIECE_BYTES;
      if (sent === ECHO_BYTES) controller.close();
    },
  });
  const response = await ask(path, { method: 'POST', body, duplex: 'half' });
  const reader = response.body.getReader();
  let taken = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    taken += value.length;
  }
  if (taken !== ECHO_BYTES) throw new Error(`${path}: ${taken} bytes`);
}
for (const [name, path] of [['web.echo_mb_per_s', '/echo'], ['web.echo_transform_mb_per_s', '/transform']]) {
  await figure(name, 'MB/s', ECHO_BYTES / 1e6, 20, inProcess, async (count) => {
    for (let n = 0; n < count; n++) await echo(path);
  });
}

for (const line of (await (await ask('/figures')).text()).trimEnd().split('\n')) {
  const [name, unit, amount, count] = line.split(' ');
  await figure(name, unit, Number(amount), Number(count), 'the same code', async (count) => {
    await (await ask(`/run/${name}?count=${count}`)).text();
  });
}
process.exit(0);
