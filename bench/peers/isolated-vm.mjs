// isolated-vm: N bare isolates, without any web API, in one process. node --no-node-snapshot isolated-vm.mjs COUNT
import ivm from 'isolated-vm';
import { idle, median, report, residentKb } from './common.mjs';

// An isolate that has run the small app's equivalent once.
function start() {
  const isolate = new ivm.Isolate();
  const context = isolate.createContextSync();
  const answer = context.evalSync("globalThis.fetch = () => 'Hello World'; fetch()");
  if (answer !== 'Hello World') throw new Error('a wrong answer');
  return { isolate, context };
}

const count = Number(process.argv[2]);
const kept = [start()];
const before = residentKb();
const spent = [];
for (let n = 0; n < count; n++) {
  const began = process.cpuUsage();
  kept.push(start());
  const { user, system } = process.cpuUsage(began);
  spent.push((user + system) / 1000);
}
await idle();
const note = `isolated-vm: ${count} bare isolates, no web APIs`;
report('density.idle_rss_kb', (residentKb() - before) / count, 'KB', note);
report('start.cpu_ms', median(spent), 'ms', note);
process.exit(kept.length === count + 1 ? 0 : 1);
