'use strict';
// The examples, as somebody runs them.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { ROOT } = require('./helpers.js');

test('the server of many apps', async (t) => {
  // Where the package is found by its name.
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nano-example-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  fs.mkdirSync(path.join(folder, 'node_modules'));
  fs.symlinkSync(path.join(__dirname, '..'), path.join(folder, 'node_modules', 'nano-isolates'));
  fs.copyFileSync(path.join(ROOT, 'examples', 'node', 'server.mjs'), path.join(folder, 'server.mjs'));
  const server = spawn(process.execPath, ['server.mjs', '0'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => server.kill('SIGKILL'));
  const [line] = await once(server.stdout, 'data');
  const base = line.toString().trim();
  const get = async (target, init) => (await fetch(base + target, init)).text();
  assert.deepEqual(JSON.parse(await get('/')), { apps: ['greeter', 'shouter'] });
  assert.equal(await get('/apps/greeter/?name=world'), 'Hello, world: visit 1\n');
  assert.equal(await get('/apps/greeter/?name=world'), 'Hello, world: visit 2\n');
  assert.equal(await get('/apps/shouter/', { method: 'POST', body: 'louder' }), 'LOUDER');
  assert.equal((await fetch(`${base}/apps/missing`)).status, 404);
  server.kill('SIGTERM');
  assert.deepEqual(await once(server, 'exit'), [0, null]);
});
