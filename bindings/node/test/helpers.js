'use strict';
// What the tests share.

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { Runtime } = require('nano-isolates');

const ROOT = path.join(__dirname, '..', '..', '..');
const URL_ = 'http://app.test/';
const HELLO = "export default { fetch: (request) => new Response('Hello from ' + request.url) }";
const NEVER = `export default { fetch: () => new Promise(() => { setTimeout(() => {}, 1e9) }) }
export const here = () => 1;
export const never = () => new Promise(() => { setTimeout(() => {}, 1e9) });`;

/** A runtime for one test. */
function runtimeFor(t, options = { threads: 1 }) {
  const runtime = new Runtime(options);
  t.after(() => runtime.close());
  return runtime;
}

/** Runs a script in a process of its own, from this folder or another: its exit code, its signal and what it wrote. */
async function script(code, { flags = [], env = {}, cwd = __dirname } = {}) {
  const child = spawn(process.execPath, [...flags, '-e', code], { cwd, env: { ...process.env, ...env } });
  let out = '';
  let errors = '';
  child.stdout.on('data', (data) => (out += data));
  child.stderr.on('data', (data) => (errors += data));
  const [exit, signal] = await once(child, 'close');
  return { exit, signal, out, errors };
}

/** Waits until something holds, one turn of the loop after the other. */
async function until(holds) {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

const code = (wanted) => (error) => error.code === wanted;
// What a wrong argument is.
const wrongType = { name: 'TypeError', code: 'NANO_E_INVALID' };

module.exports = { HELLO, NEVER, ROOT, URL: URL_, code, runtimeFor, script, until, wrongType };
