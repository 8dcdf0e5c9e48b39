'use strict';
// The packages as npm installs them: this one, and the one of the platform beside it.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { ROOT, script } = require('./helpers.js');

const HERE = path.join(__dirname, '..');
const ADDON = 'nano-isolates.linux-x64-gnu.node';

function unpack(from, to) {
  fs.mkdirSync(to, { recursive: true });
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', to], {
      cwd: from,
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  execFileSync('tar', ['-xzf', filename, '--strip-components=1'], { cwd: to });
  fs.unlinkSync(path.join(to, filename));
}

test('what npm installs is all that is needed, and what is missing is named', async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nano-package-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const modules = path.join(folder, 'node_modules');
  unpack(HERE, path.join(modules, 'nano-isolates'));
  const packed = fs.readdirSync(path.join(modules, 'nano-isolates'), { recursive: true });
  assert.ok(packed.includes(path.join('lib', 'cbor.js')) && packed.includes('index.d.ts'));
  assert.ok(!packed.some((name) => /\.node$|^test|^src|Cargo/.test(name)), packed.join());
  const code =
    "const { Runtime } = require('nano-isolates'); (async () => { const runtime = new Runtime({ threads: 1 });" +
    "await runtime.load('', { kind: 'echo' }); await runtime.close(); console.log('well'); })();";
  const without = await script(code, { cwd: folder });
  assert.match(without.errors, /no native half for linux-x64-gnu: its package @nano-isolates\/linux-x64-gnu is not installed/);
  const native = path.join(modules, '@nano-isolates', 'linux-x64-gnu');
  fs.cpSync(path.join(HERE, 'npm', 'linux-x64-gnu'), native, { recursive: true });
  const { main, files } = JSON.parse(fs.readFileSync(path.join(native, 'package.json')));
  assert.deepEqual([main, files], [ADDON, [ADDON, 'LICENSE-*', 'THIRD-PARTY-NOTICES.txt']]);
  fs.copyFileSync(path.join(HERE, ADDON), path.join(native, ADDON));
  const { exit, out, errors } = await script(code, { cwd: folder });
  assert.deepEqual([exit, out], [0, 'well\n'], errors);
});

test('the versions of both packages are that of the workspace', () => {
  const [, version] = /^version = "(.*)"/m.exec(fs.readFileSync(path.join(ROOT, 'Cargo.toml'), 'utf8'));
  for (const folder of [HERE, path.join(HERE, 'npm', 'linux-x64-gnu')]) {
    assert.equal(JSON.parse(fs.readFileSync(path.join(folder, 'package.json'))).version, version);
  }
});
