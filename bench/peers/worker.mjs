// Deno and Bun: N workers, a thread each, in one process. worker.mjs COUNT
import process from 'node:process';
import { idle, median, report, residentKb } from './common.mjs';

const CODE = "globalThis.onmessage = async () => postMessage(await new Response('Hello World').text());";

// A worker that has answered once.
async function start() {
  const worker = new Worker(URL.createObjectURL(new Blob([CODE], { type: 'text/javascript' })), { type: 'module' });
  const answer = await new Promise((resolve, reject) => {
    worker.onmessage = (event) => resolve(event.data);
    worker.onerror = reject;
    worker.postMessage('');
  });
  if (answer !== 'Hello World') throw new Error('a wrong answer');
  return worker;
}

const count = Number(process.argv[2]);
const kept = [await start()];
const before = residentKb();
const spent = [];
for (let n = 0; n < count; n++) {
  const began = process.cpuUsage();
  kept.push(await start());
  const { user, system } = process.cpuUsage(began);
  spent.push((user + system) / 1000);
}
await idle();
const note = `${globalThis.Deno ? 'deno' : 'bun'}: ${count} workers, a thread each`;
report('density.idle_rss_kb', (residentKb() - before) / count, 'KB', note);
report('start.cpu_ms', median(spent), 'ms', note);
process.exit(kept.length === count + 1 ? 0 : 1);
