'use strict';
// What crosses by content, and what does not.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const vm = require('node:vm');
const { Pattern } = require('nano-isolates');
const { URL: url, code, runtimeFor, wrongType } = require('./helpers.js');

const ECHO =
  'export const echo = (value) => value; export const nothing = () => {};';

test('values that are not in the corpus come back as they went', async (t) => {
  const app = await runtimeFor(t).load(ECHO);
  const same = async (value) => assert.deepEqual(await app.invoke('echo', value), value);
  for (const number of [
    23,
    24,
    255,
    256,
    65535,
    65536,
    2 ** 32 - 1,
    2 ** 32,
    Number.MAX_SAFE_INTEGER,
    2 ** 53,
    1e300,
    5e-324,
    -24,
    -25,
    -257,
    -(2 ** 32) - 1,
  ])
    await same(number);
  for (const bigint of [0n, 1n, -1n, 255n, -256n, 2n ** 64n, -(2n ** 64n), 2n ** 200n + 7n]) await same(bigint);
  await same('x'.repeat(100_000));
  await same(['', '\0', 'ü', '🌍']);
  await same(JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}'));
  await same(new Map([[new Map([[1, 2]]), new Set([[1]])]]));
  await same(new Int8Array([1, -1]));
  await same(new BigUint64Array([2n ** 64n - 1n]));
  await same(new Uint8Array(1_000_000).fill(7));
  assert.ok(Number.isNaN((await app.invoke('echo', new Date(NaN))).getTime()));
  assert.equal(await app.invoke('nothing'), undefined);
  assert.deepEqual(await app.invoke('echo', Buffer.from('ab')), new Uint8Array([97, 98]));
  assert.deepEqual(await app.invoke('echo', new Uint8Array([1, 2, 3]).subarray(1)), new Uint8Array([2, 3]));
  // eslint-disable-next-line no-sparse-arrays
  await same([1, , 3, undefined]);
  assert.equal((await app.invoke('echo', new TypeError('t'))).constructor, TypeError);
  await assert.rejects(app.invoke('echo'.repeat(3)), code('NANO_E_EXCEPTION'));
});

test('objects of the language come back as they went', async (t) => {
  const app = await runtimeFor(t).load(ECHO);
  const bytes = Uint8Array.from({ length: 6 }, (_, index) => index);
  const [buffer, view] = await app.invoke('echo', [bytes.buffer, new DataView(bytes.buffer, 1, 3)]);
  assert.ok(buffer instanceof ArrayBuffer && view instanceof DataView);
  assert.deepEqual(new Uint8Array(buffer), bytes);
  assert.deepEqual([view.byteLength, view.getUint8(0)], [3, 1]);
  for (const value of [Object(1), Object('text'), Object(false), Object(5n)]) {
    assert.deepEqual(await app.invoke('echo', value), value);
  }
  for (const text of ['\ud83d', '\udc00\ud800', 'ü🌍\ude00é\ud83d', '퟿']) assert.equal(await app.invoke('echo', text), text);
});

test('a regular expression comes as what it says, and not as a pattern that has been read', async (t) => {
  const app = await runtimeFor(t).load(`${ECHO} export const newer = () => /(?i:a)b/;`);
  for (const sent of [/a\/(b)/dgimsuy, /[a--b]/v, new RegExp('')]) {
    const back = await app.invoke('echo', sent);
    assert.ok(back instanceof Pattern);
    assert.deepEqual([back.source, back.flags, `${back}`, back.toRegExp()], [sent.source, sent.flags, `${sent}`, sent]);
    assert.deepEqual(await app.invoke('echo', back), back);
  }
  assert.deepEqual(await app.invoke('newer'), new Pattern('(?i:a)b'));
  await assert.rejects(app.invoke('echo', new Pattern('(')), code('NANO_E_EXCEPTION'));
});

test('errors that contain one another are told of once', async (t) => {
  const app = await runtimeFor(t).load(ECHO);
  const [sent, other] = [new Error('one'), new Error('other')];
  Object.assign(sent, { self: sent, list: [sent], other, code: 1 });
  Object.assign(other, { sent, both: new Map([[other, sent]]), code: 2 });
  const back = await app.invoke('echo', sent);
  assert.deepEqual([Object.keys(back), back.other.message, Object.keys(back.other)], [['other', 'code'], 'other', ['code']]);
});

test('errors end where values may nest no deeper', async (t) => {
  const app = await runtimeFor(t).load(ECHO);
  const causes = (error) => (error === undefined ? 0 : 1 + causes(error.cause));
  let sent = new Error('0');
  for (let depth = 1; depth < 100; depth++) sent = new Error(`${depth}`, { cause: sent });
  for (const value of [sent, [sent], [[sent]]]) {
    const count = causes([await app.invoke('echo', value)].flat(3)[0]);
    assert.ok(count > 20 && count < 64, `${count}`);
  }
});

test('what an error holds without its being able to cross takes no time without end', async (t) => {
  const app = await runtimeFor(t).load(ECHO);
  let sent = new Error('0');
  for (let depth = 1; depth < 20; depth++) {
    const holds = { inside: sent, lost() {} };
    sent = Object.assign(new Error(`${depth}`), { a: holds, b: holds, c: holds, d: holds, fine: depth });
  }
  assert.equal((await app.invoke('echo', sent)).message, '19');
});

test('errors come with what they say, but for what cannot cross', async (t) => {
  const app = await runtimeFor(t).load(ECHO);
  const sent = Object.assign(new RangeError('far', { cause: new TypeError('why') }), { code: 'E', list: [1], lost() {} });
  sent.self = sent;
  Object.defineProperty(sent, 'broken', { enumerable: true, get: () => assert.fail('no') });
  const error = await app.invoke('echo', sent);
  assert.ok(error instanceof RangeError && error.cause instanceof TypeError && error.cause.message === 'why');
  assert.deepEqual([Object.keys(error), error.code, error.list], [['code', 'list'], 'E', [1]]);
  const all = await app.invoke('echo', new AggregateError([new Error('one'), 2], 'both'));
  assert.ok(all instanceof AggregateError && all.errors[0].message === 'one' && all.errors[1] === 2);
  assert.deepEqual(Object.keys(await app.invoke('echo', new Error('x'))), []);
});

test('values of another realm are what they are', async (t) => {
  const app = await runtimeFor(t).load(ECHO);
  const [object, map, date, error] = vm.runInNewContext("[{ a: [1] }, new Map([[1, 2]]), new Date(5), new RangeError('far')]");
  assert.deepEqual(await app.invoke('echo', object), { a: [1] });
  assert.deepEqual(await app.invoke('echo', map), new Map([[1, 2]]));
  assert.deepEqual(await app.invoke('echo', date), new Date(5));
  assert.equal((await app.invoke('echo', error)).message, 'far');
});

test('what cannot cross is refused and says so', async (t) => {
  const app = await runtimeFor(t).load(ECHO);
  class Own {}
  const cycle = {};
  cycle.self = cycle;
  for (const wrong of [
    () => {},
    Symbol('s'),
    new Own(),
    Promise.resolve(),
    new WeakMap(),
    Object(Symbol('s')),
    new URL('http://a/'),
    { deep: [Symbol('s')] },
  ]) {
    await assert.rejects(app.invoke('echo', wrong), wrongType);
  }
  await assert.rejects(app.invoke('echo', cycle), code('NANO_E_TOO_LARGE'));
  await assert.rejects(app.invoke('echo', 'x'.repeat(9 << 20)), code('NANO_E_TOO_LARGE'));
  await assert.rejects(app.invoke('echo', new Uint8Array(40 << 20)), code('NANO_E_TOO_LARGE'));
  await assert.rejects(app.invoke(1), wrongType);
  for (const options of [undefined, null, 5, { signal: 5 }]) await assert.rejects(app.invokeWith(options, 'echo'), wrongType);
  assert.equal(await app.invoke('echo', 1), 1);
});

test('a getter that encodes meanwhile spoils nothing', async (t) => {
  const app = await runtimeFor(t).load(ECHO);
  let inner;
  const value = {
    before: 'b',
    get inner() {
      inner = app.invoke('echo', 'inside');
      return 1;
    },
    after: 'a',
  };
  assert.deepEqual(await app.invoke('echo', value), { before: 'b', inner: 1, after: 'a' });
  assert.equal(await inner, 'inside');
  const broken = {
    a: 'x',
    get inner() {
      throw new RangeError('got');
    },
  };
  await assert.rejects(app.invoke('echo', broken), new RangeError('got'));
  assert.deepEqual(await app.invoke('echo', { a: 'y' }), { a: 'y' });
  assert.equal((await app.fetch(url).catch((error) => error)).code, 'NANO_E_EXCEPTION');
});

test('items that were chosen to have one hash do not hold up the host', async (t) => {
  const source = `
    // V8 hashes a bigint by its lowest digit.
    const alike = (length) => Array.from({ length }, (_, at) => (BigInt(at) << 64n) + 1n);
    export const set = () => new Set(alike(9_000));
    export const map = () => new Map(alike(9_000).map((key) => [key, 1]));
    export const sets = () => [1, 2, 3, 4].map(() => new Set(alike(4_500)));
    export const whole = () => new Set(Array.from({ length: 50_000 }, (_, at) => at * 1e6));
  `;
  const app = await runtimeFor(t).load(source, { limits: { cpuMs: 3_600_000 } });
  for (const name of ['set', 'map', 'sets']) await assert.rejects(app.invoke(name), { code: 'NANO_E_TOO_LARGE', message: /the same hash/ });
  assert.equal((await app.invoke('whole')).size, 50_000);
});
