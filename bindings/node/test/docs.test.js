'use strict';
// Every block of JavaScript in the documents runs, and every example.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { ROOT, script } = require('./helpers.js');

const MANUAL = fs.readFileSync(path.join(ROOT, 'docs', 'embedding-node.md'), 'utf8');
const BLOCKS = [...MANUAL.matchAll(/```js\n(.*?)```/gs)].map((match) => match[1]);
const READMES = [path.join(__dirname, '..', 'README.md'), path.join(ROOT, 'README.md')].map((name) => fs.readFileSync(name, 'utf8'));
const SHORT = READMES.flatMap((text) => [...text.matchAll(/(?:^ {4}.*\n|^\n)+/gm)].map((match) => match[0])).filter((block) =>
  /from 'nano-isolates'/.test(block),
);

const run = (code) => script(code, { flags: ['--input-type=module'] });

test('there are blocks', () => assert.ok(BLOCKS.length >= 6 && SHORT.length === 2));

for (const [index, block] of BLOCKS.entries()) {
  test(`block ${index + 1} of the manual runs`, async () => {
    const { exit, errors } = await run(block);
    assert.equal(exit, 0, errors);
  });
}

for (const [index, block] of SHORT.entries()) {
  test(`the block of README ${index + 1} runs`, async () => {
    const lines = block
      .split('\n')
      .map((line) => line.slice(4))
      .filter((line) => !line.startsWith('npm'));
    const { exit, out, errors } = await run(lines.join('\n'));
    assert.deepEqual([exit, out], [0, 'Hello from http://example.com/\n'], errors);
  });
}
