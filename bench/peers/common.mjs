// What the peers written in JavaScript share: process memory, a JSON line per figure, the idle time. Runs in Node, Deno, Bun.
import { readFileSync } from 'node:fs';

// Resident kilobytes of this process, by smaps.
export function residentKb() {
  return Number(/^Rss:\s+(\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))[1]);
}

export function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

export function idle() {
  return new Promise((resolve) => setTimeout(resolve, 3000));
}

// Prints one figure for the runner to collect.
export function report(name, value, unit, note) {
  console.log(JSON.stringify({ name, value, unit, runs: 1, note }));
}
