//! Node's modules, as far as Workers have them. Each test is a list of sums in JavaScript that must come out right.

use nano_core::{AppOptions, Payload, Source};

use crate::support::*;

/// Runs the body of an async function of `t`, which collects what is wrong, in an app that imports what it needs.
pub(super) fn check(imports: &str, body: &str) {
    let runtime = runtime(1);
    let source = format!(
        "{imports}\n\
        const wrong = [];\n\
        const t = (is, should, what = '') => {{ const [a, b] = [JSON.stringify(is) ?? String(is), JSON.stringify(should) ?? String(should)]; \
            if (a !== b) wrong.push(`${{what}} is ${{a}}, should be ${{b}} ${{new Error().stack.split('\\n')[2]}}`); }};\n\
        const fails = (f, code) => {{ try {{ f(); }} catch (e) {{ t(e.code ?? e.name, code); return; }} wrong.push('no ' + code); }};\n\
        export default {{ async fetch(request, env) {{\n{body}\nreturn new Response(wrong.join('\\n') || 'ok'); }} }}"
    );
    let mut options = AppOptions::new("node", Source::Text(source.into()));
    options.env = vec![("NAME".into(), "nano".into())];
    options.limits.cpu_ms = 2_000;
    let app = runtime.load(options).expect("the app loads");
    assert_eq!(text(&app, "/"), "ok");
}

#[test]
fn stores_follow_the_flow() {
    check(
        "import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'; import * as bare from 'async_hooks';",
        "t(bare.AsyncLocalStorage === AsyncLocalStorage, true);
        const a = new AsyncLocalStorage(), b = new AsyncLocalStorage({ defaultValue: 'd', name: 'b' });
        t(a.getStore(), undefined); t(b.getStore(), 'd'); t(b.name, 'b');
        const seen = await a.run(1, async () => {
            const out = [a.getStore()];
            await null; out.push(a.getStore());
            await new Promise((r) => setTimeout(r, 1)); out.push(a.getStore());
            await new Promise((r) => queueMicrotask(() => { out.push(a.getStore()); r(); }));
            await new Promise((r) => setTimeout(() => { out.push(a.getStore()); r(); }, 1));
            await b.run(2, async () => { await scheduler.wait(1); out.push(a.getStore() + b.getStore()); });
            out.push(b.getStore(), a.exit(() => a.getStore()), a.run(5, () => a.getStore()), a.getStore());
            const target = new EventTarget(); target.addEventListener('x', () => out.push(a.getStore())); target.dispatchEvent(new Event('x'));
            const stream = new ReadableStream({ pull(c) { out.push(a.getStore()); c.enqueue('x'); c.close(); } }, { highWaterMark: 0 });
            await stream.getReader().read();
            return out;
        });
        t(seen, [1, 1, 1, 1, 1, 3, 'd', undefined, 5, 1, 1, 1]);
        t(a.getStore(), undefined);
        const bound = a.run('x', () => AsyncLocalStorage.bind(() => a.getStore()));
        const snap = a.run('y', () => AsyncLocalStorage.snapshot());
        const resource = a.run('z', () => new AsyncResource('T'));
        t([bound(), snap((n) => a.getStore() + n, 1), resource.runInAsyncScope(() => a.getStore()), resource.bind(() => a.getStore())()], ['x', 'y1', 'z', 'z']);
        t(a.run(1, () => { try { a.run(2, () => { throw 1; }); } catch {} return a.getStore(); }), 1);
        fails(() => a.run(1, 2), 'ERR_INVALID_ARG_TYPE');
        let interval = 0; await a.run('i', () => new Promise((r) => { const id = setInterval(() => { t(a.getStore(), 'i'); if (++interval === 3) { clearInterval(id); r(); } }, 1); }));
        let n = 0; for (const s of await Promise.all([1, 2, 3].map((i) => a.run(i, async () => { await scheduler.wait(4 - i); return a.getStore(); })))) t(s, ++n);",
    );
}

#[test]
fn a_flow_can_enter_a_store_and_a_storage_can_be_disabled() {
    check(
        "import { AsyncLocalStorage } from 'node:async_hooks';",
        "const a = new AsyncLocalStorage(), b = new AsyncLocalStorage({ defaultValue: 'd' });
        t(a.enterWith(1), undefined); t(a.getStore(), 1); await null; t(a.getStore(), 1);
        await new Promise((r) => setTimeout(() => { t(a.getStore(), 1); a.enterWith(2); t(a.getStore(), 2); r(); }, 1)); t(a.getStore(), 1);
        t(a.run(3, () => { a.enterWith(4); return a.getStore(); }), 4); t(a.getStore(), 1);
        t(a.exit(() => { a.enterWith(5); return a.getStore(); }), 5); t(a.getStore(), 1);
        const later = (async () => { await null; a.enterWith(6); await null; return a.getStore(); })();
        t(a.getStore(), 1); t(await later, 6); t(a.getStore(), 1);
        (async () => { a.enterWith(7); await null; })(); t(a.getStore(), 7);
        b.enterWith(8); t([a.getStore(), b.getStore()], [7, 8]);
        const old = a.run(9, () => AsyncLocalStorage.bind(() => a.getStore()));
        a.disable(); t([a.getStore(), b.getStore(), old()], [undefined, 8, undefined]);
        t(a.run(10, () => a.getStore()), 10); a.enterWith(11); t(a.getStore(), 11); t(old(), undefined);
        b.disable(); t(b.getStore(), 'd');",
    );
}

#[test]
fn what_one_request_enters_another_does_not_see() {
    let source = "import { AsyncLocalStorage } from 'node:async_hooks';
        const store = new AsyncLocalStorage(); store.enterWith('module');
        export default { async fetch(request) {
            const before = store.getStore(); store.enterWith(request.url); await scheduler.wait(1);
            return Response.json([before ?? null, store.getStore()]);
        } }";
    let runtime = runtime(1);
    let app = load(&runtime, "enter", source);
    for path in ["/a", "/b"] {
        assert!(text(&app, path).starts_with("[null,") && text(&app, path).contains(path));
    }
}

#[test]
fn emitters_emit() {
    check(
        "import EventEmitter, { once, on, errorMonitor, EventEmitter as Same, getEventListeners } from 'node:events';",
        "t(Same === EventEmitter && EventEmitter.EventEmitter === EventEmitter, true);
        const e = new EventEmitter(), out = [];
        e.on('newListener', (name) => out.push('+' + String(name))); e.on('removeListener', (name) => out.push('-' + String(name)));
        const f = (x) => out.push('f' + x);
        e.on('a', f); e.prependListener('a', () => out.push('first')); e.once('a', (x, y) => out.push('once' + x + y));
        t(e.emit('a', 1, 2), true); t(e.emit('a', 3), true); t(e.emit('none'), false);
        e.off('a', f);
        t(out, ['+removeListener', '+a', '+a', '+a', 'first', 'f1', '-a', 'once12', 'first', 'f3', '-a']);
        t(e.listenerCount('a'), 1); t(e.eventNames(), ['newListener', 'removeListener', 'a']);
        fails(() => e.emit('error', Object.assign(new Error('x'), { code: 'MINE' })), 'MINE'); fails(() => e.emit('error', 'text'), 'ERR_UNHANDLED_ERROR');
        e.on(errorMonitor, (x) => out.push('monitor' + x.message)); e.on('error', () => {}); e.emit('error', new Error('m')); t(out.at(-1), 'monitorm');
        function Old() { EventEmitter.call(this); } Object.setPrototypeOf(Old.prototype, EventEmitter.prototype);
        const old = new Old(); old.on('x', function (v) { this.v = v; }); old.emit('x', 7); t(old.v, 7); t(old instanceof EventEmitter, true);
        class New extends EventEmitter {} const two = new New(); t(two.listenerCount('x'), 0);
        setTimeout(() => e.emit('later', 'value', 2), 1); t(await once(e, 'later'), ['value', 2]);
        setTimeout(() => e.emit('error', new Error('bad')), 1); t(await once(e, 'never').catch((x) => x.message), 'bad');
        const ac = new AbortController(); setTimeout(() => ac.abort(), 1); t(await once(e, 'never', { signal: ac.signal }).catch((x) => x.name), 'AbortError');
        const target = new EventTarget(); setTimeout(() => target.dispatchEvent(new Event('t')), 1); t((await once(target, 't'))[0].type, 't');
        const got = []; setTimeout(() => { e.emit('n', 1); e.emit('n', 2); e.emit('end'); }, 1);
        for await (const [v] of on(e, 'n', { close: ['end'] })) got.push(v); t(got, [1, 2]);
        const c = new EventEmitter({ captureRejections: true }); c.on('x', async () => { throw new Error('async'); });
        const caught = new Promise((r) => c.on('error', (x) => r(x.message))); c.emit('x'); t(await caught, 'async');
        e.removeAllListeners('n'); t(getEventListeners(e, 'n').length, 0); fails(() => e.on('x', 1), 'ERR_INVALID_ARG_TYPE'); fails(() => e.setMaxListeners(-1), 'ERR_OUT_OF_RANGE');
        const g = new EventEmitter(); g.on('x', () => g.removeAllListeners('x')); g.on('x', () => out.push('still')); g.emit('x'); t(out.at(-1), 'still');",
    );
}

#[test]
fn utilities_are_useful() {
    check(
        "import { Buffer } from 'node:buffer'; import util, { promisify, callbackify, inherits, inspect, format, isDeepStrictEqual as same, types, deprecate } from 'node:util'; import * as t2 from 'node:util/types';",
        "t(format('user=%j id=%s %%', { a: 1 }, 5), 'user={\"a\":1} id=5 %'); t(format('%d %d %d %d %i', 12.75, 1e21, '0x10', 5n, '42.5px'), '12.75 1e+21 16 5n 42');
        const round = {}; round.it = round; t(format('%s %s %s %j %d', new URL('http://a/b'), new (class P { toString() { return 'P!'; } })(), -0, round, Symbol()), 'http://a/b P! -0 [Circular] NaN');
        t(format('%s %s %x', () => 1, undefined, 1), '() => 1 undefined %x 1'); t(new Buffer.allocUnsafeSlow(2).length, 2); t(inspect({ a: [1, 'x'] }), \"{ a: [ 1, 'x' ] }\"); t(inspect('it'), \"'it'\");
        t(inspect({ [inspect.custom]: (depth, options, again) => 'mine' + (again === inspect) }), 'minetrue');
        t(await promisify((a, cb) => cb(null, a + 1))(1), 2); t(await promisify((cb) => cb(new Error('no')))().catch((e) => e.message), 'no');
        const f = Object.assign(() => {}, { [promisify.custom]: () => 'custom' }); t(promisify(f)(), 'custom');
        t(await new Promise((r) => callbackify(async (x) => x * 2)(4, (e, v) => r([e, v]))), [null, 8]);
        function A() {} function B() {} inherits(A, B); t(new A() instanceof B, true); t(A.super_ === B, true);
        t([same({ a: [new Map([[{ x: 1 }, new Set([1, 2])]])] }, { a: [new Map([[{ x: 1 }, new Set([2, 1])]])] }), same(0, -0), same([1, , 3], [1, undefined, 3]), same(new Date(1), new Date(1)),
            same(/a/g, /a/i), same(Object(1), Object(1)), same(new Uint8Array([1]), new Uint8Array([2])), same(NaN, NaN), same({}, Object.create(null))],
            [true, false, false, true, false, true, false, true, false]);
        const x = {}; x.self = x; const y = {}; y.self = y; t(same(x, y), true);
        t([types.isPromise(Promise.resolve()), types.isProxy(new Proxy({}, {})), types.isDate(new Date()), types.isRegExp({}), types.isAsyncFunction(async () => {}), types.isGeneratorFunction(function* () {}),
            types.isUint8Array(new Uint8Array()), types.isNativeError(new TypeError()), types.isBoxedPrimitive(Object('x')), types.isModuleNamespaceObject(t2), types.isMapIterator(new Map().keys()), types.isAnyArrayBuffer(new ArrayBuffer(1)),
            types.isTypedArray(new DataView(new ArrayBuffer(1))), types.isExternal(1)],
            [true, true, true, false, true, true, true, true, true, true, true, true, false, false]);
        t(t2.isMap(new Map()), true); t(util.isArray([]), true); t(util.stripVTControlCharacters('\\u001b[31mred\\u001b[39m'), 'red'); t(util.TextEncoder === TextEncoder, true);
        t(deprecate((a) => a + 1, 'old')(1), 2); t(util.styleText('red', 'x'), '\\u001b[31mx\\u001b[39m'); fails(() => promisify(1), 'ERR_INVALID_ARG_TYPE');
        let ran = 0; inspect(new Proxy({}, { get() { ran++; } })); inspect({ get a() { ran++; } }); t(ran, 0);",
    );
}

#[test]
fn paths_are_paths() {
    check(
        "import path, { posix, win32, join } from 'node:path'; import wins from 'node:path/win32'; import same from 'path/posix';",
        "t(path === posix && path.win32 === win32 && wins === win32 && same === posix, true);
        t(join('/a', '..', 'b', './c/'), '/b/c/'); t(join(''), '.'); t(path.normalize('a//b/../c/.'), 'a/c'); t(path.normalize('../..//a'), '../../a'); t(path.normalize('/..'), '/'); t(path.normalize('./'), './');
        t(path.resolve('/a', 'b', '../c'), '/a/c'); t(path.resolve('x'), '/x'); t(path.relative('/a/b/c', '/a/d'), '../../d'); t(path.relative('/a', '/a/b'), 'b'); t(path.relative('/', '/a'), 'a'); t(path.isAbsolute('a'), false);
        t([path.basename('/a/b.txt/'), path.basename('b.txt', '.txt'), path.basename('.txt', '.txt'), path.basename('/a/.txt', '.txt'), path.basename('/')], ['b.txt', 'b', '', '.txt', '']);
        t([path.dirname('/a/b/'), path.dirname('/a'), path.dirname('a'), path.dirname('a//b'), path.dirname('//a'), path.dirname('///a//b//'), path.dirname('')], ['/a', '/', '.', 'a/', '//', '///a/', '.']);
        t([path.extname('a.b.c'), path.extname('.a'), path.extname('a.'), path.extname('a'), path.extname('..'), path.extname('.a.b')], ['.c', '', '.', '', '', '.b']);
        t(path.parse('/home/x/f.txt'), { root: '/', dir: '/home/x', base: 'f.txt', ext: '.txt', name: 'f' }); t(path.parse('f'), { root: '', dir: '', base: 'f', ext: '', name: 'f' }); t(path.parse('/'), { root: '/', dir: '/', base: '', ext: '', name: '' });
        t(path.format({ dir: '/a', name: 'f', ext: 'txt' }), '/a/f.txt'); t(path.format({ root: '/', base: 'f' }), '/f');
        t([win32.join('C:\\\\a', '..\\\\b/c'), win32.resolve('C:\\\\a', 'D:\\\\b', 'c'), win32.normalize('c:/a//b/..'), win32.isAbsolute('C:/'), win32.isAbsolute('C:'), win32.dirname('C:\\\\a\\\\b'), win32.basename('C:\\\\a\\\\b.txt', '.txt'),
            win32.relative('C:\\\\a\\\\b', 'C:\\\\A\\\\c'), win32.parse('C:\\\\a\\\\b.c').root, win32.normalize('\\\\\\\\server\\\\share\\\\x\\\\..'), win32.sep, win32.delimiter],
            ['C:\\\\b\\\\c', 'D:\\\\b\\\\c', 'c:\\\\a', true, false, 'C:\\\\a', 'b', '..\\\\c', 'C:\\\\', '\\\\\\\\server\\\\share\\\\', '\\\\', ';']);
        fails(() => path.join(1), 'ERR_INVALID_ARG_TYPE');",
    );
}

#[test]
fn assertions_assert() {
    check(
        "import assert, { strict, AssertionError } from 'node:assert'; import strict2 from 'assert/strict';",
        "t(strict2 === strict && assert.strict === strict, true);
        assert(true); assert.ok(1); assert.equal(1, '1'); assert.deepEqual({ a: 1 }, { a: '1' }); assert.notStrictEqual(1, '1'); assert.deepStrictEqual([{ a: new Map([[1, 2]]) }], [{ a: new Map([[1, 2]]) }]);
        for (const f of [() => assert(0), () => assert.equal(1, 2), () => strict.equal(1, '1'), () => strict.deepEqual({ a: 1 }, { a: '1' }), () => assert.throws(() => {}), () => assert.fail(), () => assert.match('a', /b/), () => assert.ifError(new Error('x')),
            () => assert.doesNotThrow(() => { throw new Error('x'); }), () => assert.notDeepStrictEqual([], []), () => assert.throws(() => { throw new Error('x'); }, /y/), () => assert.throws(() => { throw new Error('x'); }, { message: 'y' })]) fails(f, 'ERR_ASSERTION');
        try { assert.strictEqual(1, 2); } catch (e) { t([e instanceof AssertionError, e instanceof Error, e.name, e.actual, e.expected, e.operator, e.generatedMessage, e.message], [true, true, 'AssertionError', 1, 2, 'strictEqual', true, 'Expected values to be strictly equal:\\n+ actual - expected\\n\\n+ 1\\n- 2\\n']); }
        try { assert.ok(false, 'mine'); } catch (e) { t([e.message, e.generatedMessage], ['mine', false]); }
        assert.throws(() => { throw new TypeError('abc'); }, TypeError); assert.throws(() => { throw new TypeError('abc'); }, { name: 'TypeError', message: /b/ }); assert.throws(() => { throw new Error('q'); }, (e) => e.message === 'q');
        fails(() => assert.throws(() => { throw new TypeError('abc'); }, RangeError), 'ERR_ASSERTION'); fails(() => assert.equal(1), 'ERR_MISSING_ARGS'); fails(() => assert.ok(false, new RangeError('r')), 'RangeError');
        await assert.rejects(async () => { throw new Error('r'); }, /r/); await assert.doesNotReject(Promise.resolve(1)); t(await assert.rejects(Promise.resolve(1)).catch((e) => e.message), 'Missing expected rejection.');",
    );
}

#[test]
fn buffers_hold_bytes() {
    check(
        "import { Buffer as B, constants, isUtf8, isAscii, transcode } from 'node:buffer'; import { StringDecoder } from 'node:string_decoder';",
        "t(B === Buffer, true); const b = Buffer.from('héllo €', 'utf8'); t(b.toString(), 'héllo €'); t(b.length, 10); t(b instanceof Uint8Array && Buffer.isBuffer(b) && !Buffer.isBuffer(new Uint8Array(1)), true);
        for (const [encoding, text] of [['hex', '00ff10'], ['base64', 'AP8Q+/8='], ['base64url', 'AP8Q-_8'], ['latin1', '\\u0000ÿ'], ['utf16le', 'a€'], ['ascii', 'abc'], ['ucs2', 'x'], ['UTF-8', '€']]) t(Buffer.from(text, encoding).toString(encoding), text, encoding);
        t([Buffer.from('zz', 'hex').length, Buffer.from('abc', 'hex').length, Buffer.from('A P-8_=x', 'base64').toString('hex'), Buffer.from('ÿ', 'ascii').toString('ascii')], [0, 1, '00ffbc', '\\u007f']);
        t([Buffer.byteLength('€'), Buffer.byteLength('\\ud83d\\ude00a\\ud83d'), Buffer.byteLength('AP8Q+/8=', 'base64'), Buffer.byteLength(new ArrayBuffer(3))], [3, 8, 5, 3]);
        t(Buffer.concat([Buffer.from('a'), new Uint8Array([98])], 3).toString('latin1'), 'ab\\u0000'); t(Buffer.compare(Buffer.from('a'), Buffer.from('b')), -1); t(Buffer.from('abc').equals(Buffer.from('abc')), true);
        const s = Buffer.from('abcdef'); const sub = s.slice(1, -1); sub[0] = 120; t(s.toString(), 'axcdef'); t(s.subarray(-2).toString(), 'ef'); t(s.toString('latin1', 1, 3), 'xc'); t(s.map((x) => x).constructor === Buffer, true); t(JSON.parse(JSON.stringify(sub)).type, 'Buffer');
        t([s.indexOf('c'), s.indexOf('d', -1), s.lastIndexOf('e'), s.includes(Buffer.from('ef')), s.indexOf(''), s.indexOf(97), s.indexOf('zz')], [2, -1, 4, true, 0, 0, -1]);
        t(Buffer.alloc(5, 'ab').toString(), 'ababa'); t(Buffer.alloc(3, 1)[2], 1); t(Buffer.alloc(4).fill('€').toString('hex'), 'e282ace2'); t(Buffer.allocUnsafe(64).every((x) => x === 0), true);
        const w = Buffer.alloc(8); t(w.write('€€€'), 6); t(w.write('ab', 6, 'latin1'), 2); t(w.toString('hex'), 'e282ace282ac6162'); t(w.copy(s, 1, 6), 2); t(s.toString(), 'aabdef'); t(w.swap16().toString('hex'), '82e2e2acac826261');
        const n = Buffer.alloc(16); n.writeUInt32BE(0xdeadbeef, 0); n.writeInt16LE(-2, 4); n.writeDoubleBE(1.5, 8); n.writeIntBE(-5, 6, 2); t([n.readUInt32BE(0), n.readUint32LE(0), n.readInt16LE(4), n.readDoubleBE(8), n.readIntBE(6, 2), n.readInt8(0), n.readUInt8()], [0xdeadbeef, 0xefbeadde, -2, 1.5, -5, -34, 222]);
        n.writeBigInt64LE(-5n, 0); t([String(n.readBigInt64LE(0)), String(n.readBigUInt64LE(0))], ['-5', '18446744073709551611']); n.writeFloatLE(0.5, 0); t(n.readFloatLE(0), 0.5); t(n.writeUIntLE(0x123456789a, 0, 5), 5); t(n.readUIntLE(0, 5), 0x123456789a);
        fails(() => n.readUInt32BE(13), 'ERR_OUT_OF_RANGE'); fails(() => n.writeUInt8(256), 'ERR_OUT_OF_RANGE'); fails(() => n.readInt8('1'), 'ERR_INVALID_ARG_TYPE'); fails(() => Buffer.alloc(1).readInt32LE(), 'ERR_BUFFER_OUT_OF_BOUNDS'); fails(() => Buffer.from('a', 'nope'), 'ERR_UNKNOWN_ENCODING'); fails(() => Buffer.from(5), 'ERR_INVALID_ARG_TYPE'); fails(() => Buffer.alloc(-1), 'ERR_OUT_OF_RANGE'); fails(() => Buffer.alloc(1e9), 'RangeError');
        const shared = new ArrayBuffer(4); Buffer.from(shared, 1, 2)[0] = 9; t(new Uint8Array(shared)[1], 9); t(Buffer.from([1, 257, -1]).toString('hex'), '0101ff'); t(Buffer.from(Buffer.from('x')).toString(), 'x'); t(Buffer.from(new String('str')).toString(), 'str'); t(Buffer.from({ type: 'Buffer', data: [1] }).length, 1);
        t([isUtf8(Buffer.from([0xff])), isAscii(Buffer.from('a')), transcode(Buffer.from('é'), 'utf8', 'latin1').toString('hex'), constants.MAX_LENGTH > 1e9], [false, true, 'e9', true]);
        const d = new StringDecoder('utf8'); t(d.write(Buffer.from([0xe2, 0x82])) + d.write(Buffer.from([0xac])) + d.end(Buffer.from([0xe2])), '€\\ufffd'); const u = new StringDecoder('utf16le'); t(u.write(Buffer.from([0x3d, 0xd8])) + u.write(Buffer.from([0, 0xde])), '\\ud83d\\ude00');",
    );
}

#[test]
fn the_process_is_the_apps() {
    check(
        "import process2, { env as same, nextTick } from 'node:process'; import { setTimeout as wait, setInterval as every } from 'timers/promises'; import * as timers from 'node:timers';",
        "t(process === process2 && globalThis.process === process, true); t(process.env.NAME, 'nano'); t(same === process.env, true); process.env.X = '1'; t(process.env.X, '1'); t(process.platform, 'linux');
        const order = []; nextTick((x) => order.push(x), 'tick'); order.push('now'); await null; t(order, ['now', 'tick']); t(Array.isArray(process.hrtime()), true); t(typeof process.hrtime.bigint(), 'bigint'); t(process.cwd(), '/'); t(global === globalThis, true);
        fails(() => process.exit(), 'ERR_METHOD_NOT_IMPLEMENTED'); t(await wait(1, 'v'), 'v'); const ac = new AbortController(); ac.abort(); t(await wait(1, 0, { signal: ac.signal }).catch((e) => e.name), 'AbortError');
        let n = 0; for await (const v of every(1, 'i')) { t(v, 'i'); if (++n === 3) break; } t(typeof timers.setTimeout, 'function'); t(typeof timers.promises.setTimeout, 'function');",
    );
}

#[test]
fn buffers_are_filled_and_cut_as_in_node() {
    check(
        "import { Buffer } from 'node:buffer';",
        "const filled = (...args) => Buffer.alloc(3, 7).fill(...args).toString('hex');
        t([filled(), filled(null), filled({}), filled([5]), filled(true), filled(300), filled(-1), filled(''), filled('a', 1, 2), filled(new Uint8Array([1, 2])), filled('0102', 'hex')], \
          ['000000', '000000', '000000', '050505', '010101', '2c2c2c', 'ffffff', '000000', '076107', '010201', '010201']);
        fails(() => filled('zz', 'hex'), 'ERR_INVALID_ARG_VALUE'); fails(() => filled(Buffer.alloc(0)), 'ERR_INVALID_ARG_VALUE'); fails(() => filled(5n), 'TypeError');
        const b = Buffer.from('abcdef'); t([b.latin1Slice(1, 3), b.hexSlice(), b.utf8Slice(2), b.asciiSlice(2, 1), b.base64Slice(0, 2), b.ucs2Slice(0, 2).length], ['bc', '616263646566', 'cdef', '', 'YWI=', 1]);
        fails(() => b.asciiSlice(-1), 'ERR_OUT_OF_RANGE'); fails(() => b.utf8Slice(0, 100), 'ERR_OUT_OF_RANGE');
        const w = Buffer.alloc(4); t([w.utf8Write('abc', 1), w.latin1Write('z', 0, 1), w.toString(), w.hexWrite('ffff', 2), w.toString('hex'), w.ucs2Write('x', 0), w.asciiWrite('q')], [3, 1, 'zabc', 2, '7a61ffff', 2, 1]);
        fails(() => w.utf8Write('a', 9), 'ERR_BUFFER_OUT_OF_BOUNDS'); fails(() => w.utf8Write(5), 'ERR_INVALID_ARG_TYPE');",
    );
}

#[test]
fn inspect_shows_what_it_is_asked_for() {
    check(
        "import { Buffer } from 'node:buffer'; import { inspect, format, formatWithOptions } from 'node:util';",
        "const deep = { a: { b: { c: { d: { e: 1 } } } } };
        t(inspect(deep).replace(/\\s+/g, ' '), '{ a: { b: { c: [Object] } } }');
        t(inspect(deep, { depth: 0 }), '{ a: [Object] }'); t(inspect(deep, { depth: 1 }), '{ a: { b: [Object] } }'); t(inspect(deep, false, 0), '{ a: [Object] }'); t(inspect(deep, { depth: null }).includes('e: 1'), true); t(inspect([[[[1]]]], { depth: Infinity }), '[ [ [ [ 1 ] ] ] ]');
        t(inspect({ a: [1, 2, 3, 4] }, { maxArrayLength: 2 }), '{ a: [ 1, 2, ... 2 more items ] }'); t(inspect(new Map([[1, 2], [3, 4]]), { maxArrayLength: 1 }), 'Map(2) { 1 => 2, ... 1 more item }'); t(inspect(new Uint8Array(3), { maxArrayLength: 0 }), 'Uint8Array(3) [ ... 3 more items ]');
        t(inspect('x'.repeat(8), { maxStringLength: 5 }), \"'xxxxx'... 3 more characters\"); t(inspect({ a: 'xyz' }, { maxStringLength: 2 }), \"{ a: 'xy'... 1 more character }\");
        t(inspect({ b: 1, a: 2 }, { sorted: true }), '{ a: 2, b: 1 }'); t(inspect({ a: 1, b: 2 }, { sorted: (x, y) => (x < y ? 1 : -1) }), '{ b: 2, a: 1 }');
        t(inspect([1, , 3], { showHidden: true }), '[ 1, <1 empty item>, 3, [length]: 3 ]'); t(inspect(Object.defineProperty({}, 'x', { value: 1 }), true), '{ [x]: 1 }');
        t(inspect({ a: 1, b: { c: [2] } }, { compact: false }), '{\\n  a: 1,\\n  b: {\\n    c: [\\n      2\\n    ]\\n  }\\n}'); t(inspect({ a: 'aaaaaaaaaaaa', b: 'bbbbbbbbbbbbbb' }, { breakLength: 10 }), \"{\\n  a: 'aaaaaaaaaaaa',\\n  b: 'bbbbbbbbbbbbbb'\\n}\"); t(inspect('a'.repeat(90).split(''), { breakLength: Infinity }).includes('\\n'), false);
        t(inspect({ get a() { return 1; }, get b() { return [1]; }, set b(x) {}, get c() { throw new Error('no'); } }, { getters: true }).replace(/\\s+/g, ' '), '{ a: [Getter: 1], b: [Getter/Setter] [ 1 ], c: [Getter: <Inspection threw (no)>] }'); t(inspect({ get a() { return 1; } }), '{ a: [Getter] }');
        const mine = { [inspect.custom]: (depth, options) => `<${depth} ${options.extra}>\\nline` }; t(inspect({ x: [mine] }, { extra: 'e' }), '{\\n  x: [\\n    <0 e>\\n    line\\n  ]\\n}'); t(inspect([mine], { customInspect: false }).includes('Symbol(nodejs.util.inspect.custom)'), true);
        fails(() => inspect([{ [inspect.custom]() { throw new RangeError('x'); } }]), 'RangeError');
        t(inspect(new URL('http://u:p@a:81/b?c=1#d')), \"URL {\\n  href: 'http://u:p@a:81/b?c=1#d',\\n  origin: 'http://a:81',\\n  protocol: 'http:',\\n  username: 'u',\\n  password: 'p',\\n  host: 'a:81',\\n  hostname: 'a',\\n  port: '81',\\n  pathname: '/b',\\n  search: '?c=1',\\n  searchParams: URLSearchParams { 'c' => '1' },\\n  hash: '#d'\\n}\");
        t(inspect(new URLSearchParams('a=1&b=2')), \"URLSearchParams { 'a' => '1', 'b' => '2' }\"); t(inspect(new Headers({ 'a-b': 'c' })), \"Headers { 'a-b': 'c' }\"); t(inspect(new Response('x')).includes(\"headers: Headers { 'content-type': 'text/plain;charset=UTF-8' }\"), true); t(inspect(new Request('http://a/')), \"Request { method: 'GET', url: 'http://a/', headers: Headers {} }\");
        Object.defineProperty(URL.prototype, 'href', { get() { throw new Error('asked'); }, configurable: true }); t(inspect(new URL('http://a/')).includes(\"href: 'http://a/'\"), true); t(inspect(Object.create(URL.prototype)), 'URL {}');
        t(inspect(Buffer.from('abc')), '<Buffer 61 62 63>'); t(inspect([Buffer.alloc(0)]), '[ <Buffer> ]'); t(inspect(Buffer.alloc(51)).endsWith(' 00 ... 1 more byte>'), true);
        t(format('%O', deep).replace(/\\s+/g, ' '), '{ a: { b: { c: [Object] } } }'); t(formatWithOptions({ depth: 0 }, 'x', deep), 'x { a: [Object] }'); fails(() => formatWithOptions(1, 'x'), 'ERR_INVALID_ARG_TYPE');
        inspect.defaultOptions = { depth: 0 }; t(inspect(deep), '{ a: [Object] }'); inspect.defaultOptions.depth = 1; t(inspect(deep), '{ a: { b: [Object] } }'); t(inspect.defaultOptions.sorted, false);",
    );
}

#[test]
fn timers_of_the_module_are_objects() {
    check(
        "import timers, { setTimeout as later, clearTimeout as stop, setInterval as every, setImmediate as soon, clearInterval, clearImmediate } from 'node:timers'; import { promisify } from 'node:util';",
        "const a = later(() => {}, 1e6); t([a.hasRef(), a.unref() === a, a.hasRef(), a.ref() === a, a.hasRef(), a.refresh() === a, a.constructor.name], [true, true, false, true, true, true, 'Timeout']);
        t(+a > 0, true); t(`${a}`, String(+a)); t(a.close() === a, true);
        const ran = []; const b = later((x, y) => ran.push(x + y), 1, 2, 3); const c = later(() => ran.push('c'), 1); const d = later(() => ran.push('d'), 1); const e = soon(() => ran.push('e')); stop(c); clearTimeout(d); clearImmediate(e); stop(undefined); stop(null); stop(5e5);
        t(e.constructor.name, 'Immediate'); t(e.hasRef(), true);
        await new Promise((done) => { let n = 0; const i = every(function () { t(this === i, true); if (++n === 2) { clearInterval(i); done(); } }, 1); });
        await new Promise((done) => soon(done)); await new Promise((done) => later(done, 5)); t(ran, [5]);
        { using f = later(() => ran.push('f'), 1); } t(await promisify(later)(1, 'v'), 'v'); t(ran, [5]); fails(() => later(), 'ERR_INVALID_ARG_TYPE'); t(typeof timers.promises.setTimeout, 'function'); t(typeof setTimeout(() => {}), 'object');",
    );
}

#[test]
fn the_process_gives_modules_and_hears_of_rejections() {
    check(
        "import process from 'node:process'; import util from 'node:util'; import path from 'node:path';",
        "t([process.getBuiltinModule('node:util') === util, process.getBuiltinModule('path') === path, process.getBuiltinModule('path/win32') === path.win32, process.getBuiltinModule('node:none'), process.getBuiltinModule('sqlite')], [true, true, true, undefined, undefined]);
        fails(() => process.getBuiltinModule(5), 'ERR_INVALID_ARG_TYPE');
        const seen = []; let late; process.on('unhandledRejection', (reason, promise) => { seen.push(reason, promise === late); }).on('rejectionHandled', (promise) => { seen.push(promise === late); });
        late = Promise.reject('why'); await scheduler.wait(1); late.catch(() => {}); await scheduler.wait(1); t(seen, ['why', true, true]);",
    );
}

#[test]
fn what_the_process_writes_is_in_the_log_line_by_line() {
    let runtime = runtime(1);
    let app = load(
        &runtime,
        "app",
        "import { Buffer } from 'node:buffer'; export default { async fetch() { \
           process.stdout.write('one\\ntw'); process.stdout.write(Buffer.from('o\\nthr')); process.stderr.write('bad\\n'); process.stdout.write('ee'); \
           const called = await new Promise((done) => process.stdout.write('\\n\\nend', 'utf8', () => done('called'))); \
           let refused; try { process.stdout.write(5); } catch (e) { refused = e.code; } return new Response([called, refused, process.stdout.isTTY, process.stderr.fd].join()); } }",
    );
    assert_eq!(text(&app, "/"), "called,ERR_INVALID_ARG_TYPE,false,2");
    let mut lines = Vec::new();
    while lines.len() < 6 {
        lines.push(wait_for(&runtime, |event| match &event.payload {
            Payload::Log { level, text, .. } => Some(format!("{level:?} {text}")),
            _ => None,
        }));
    }
    assert_eq!(lines, ["Info one", "Info two", "Error bad", "Info three", "Info ", "Info end"]);
}

#[test]
fn what_the_process_writes_is_whole_whatever_its_pieces_and_encodings() {
    let runtime = runtime(1);
    let app = load(
        &runtime,
        "app",
        "export default { async fetch() { const { stdout, stderr } = process; const bytes = (...all) => stdout.write(new Uint8Array(all)); \
           bytes(0xc3); stderr.write('between\\n'); bytes(0xbc, 0x0a); \
           stdout.write('616263', 'hex'); stdout.write('w6k=', 'base64'); stdout.write('\\n', 'utf8'); \
           stdout.write('c3', 'hex'); stdout.write('a9', 'hex'); stdout.write('\\n'); bytes(0xef, 0xbb, 0xbf, 0x61, 0x0a); \
           bytes(0xc3, 0x0a); bytes(0xc3); stdout.write('x\\n'); bytes(0xf0, 0x9f); await scheduler.wait(1); bytes(0x98, 0x80); bytes(0x0a); \
           let refused = []; for (const wrong of ['nope', 5]) try { stdout.write('a', wrong); } catch (e) { refused.push(e.name, e.code); } \
           return new Response(refused.join()); } }",
    );
    assert_eq!(text(&app, "/"), "TypeError,ERR_UNKNOWN_ENCODING,TypeError,ERR_UNKNOWN_ENCODING");
    let wanted = ["between", "\u{fc}", "abc\u{e9}", "\u{e9}", "\u{feff}a", "\u{fffd}", "\u{fffd}x", "\u{1f600}"];
    let lines = wanted.map(|_| {
        wait_for(&runtime, |event| match &event.payload {
            Payload::Log { text, .. } => Some(text.clone()),
            _ => None,
        })
    });
    assert_eq!(lines, wanted);
}

#[test]
fn an_app_that_patches_everything_hurts_only_itself() {
    // The parts run after this code, and use nothing of what it broke.
    let patch = "Array.prototype[Symbol.iterator] = () => { throw new Error('iterator'); }; Array.prototype.push = Array.prototype.slice = () => { throw new Error('push'); };\n\
        Map.prototype.get = Map.prototype.set = () => { throw new Error('map'); }; Function.prototype.call = Function.prototype.apply = () => { throw new Error('call'); };\n\
        String.prototype.slice = RegExp.prototype.exec = () => { throw new Error('text'); }; Promise.prototype.then = () => { throw new Error('then'); };\n\
        Reflect.apply = Reflect.ownKeys = Object.defineProperty = Object.keys = Object.setPrototypeOf = () => { throw new Error('reflect'); };";
    let runtime = runtime(1);
    let source = format!(
        "{patch}\nexport default {{ async fetch() {{ const assert = (await import('node:assert')).default; const {{ Buffer }} = await import('node:buffer'); \
        const {{ AsyncLocalStorage }} = await import('node:async_hooks'); const {{ EventEmitter }} = await import('node:events'); const path = await import('node:path'); const util = await import('node:util'); \
        assert.deepStrictEqual({{ a: 1 }}, {{ a: 1 }}); const als = new AsyncLocalStorage(); const e = new EventEmitter(); let got; e.on('x', (v) => {{ got = v; }}); e.emit('x', 1); \
        return new Response(Buffer.from('aGk=', 'base64').toString() + als.run(2, () => als.getStore()) + got + path.join('a', '..', 'b') + util.isDeepStrictEqual(new Uint8Array(1), new Uint8Array(1)) + process.platform); }} }}"
    );
    let app = load(&runtime, "hostile", &source);
    assert_eq!(text(&app, "/"), "hi21btruelinux");
}

#[test]
fn apps_that_import_a_module_of_nodes_have_its_timers_as_globals() {
    check(
        "import 'node:path'; import { setTimeout as own } from 'node:timers'; import { promisify } from 'node:util';",
        "const timer = setTimeout(() => wrong.push('was cleared'), 1);
        t(typeof timer, 'object'); t(timer.unref() === timer, true); t(timer.hasRef(), false); clearTimeout(timer);
        const number = setTimeout(() => wrong.push('was cleared'), 1); t(Number.isInteger(+number), true); clearTimeout(+number);
        const repeated = setInterval(() => {}, 1); clearInterval(repeated); t(typeof repeated.refresh, 'function');
        const now = setImmediate(() => wrong.push('was cleared')); t(typeof now, 'object'); clearImmediate(now);
        t(await new Promise((resolve) => setTimeout((...values) => resolve(values), 1, 'a', 'b')), ['a', 'b']);
        t(await promisify(setTimeout)(1, 'waited'), 'waited'); t(await promisify(setImmediate)('now'), 'now');
        await new Promise((resolve) => { own(resolve, 3); });
        t([setTimeout.name, Object.keys(globalThis).includes('setTimeout')], ['setTimeout', true]);
        fails(() => setTimeout('code', 1), 'ERR_INVALID_ARG_TYPE');",
    );
}

#[test]
fn others_have_the_timers_of_the_web_and_keep_their_own() {
    check(
        "",
        "const number = setTimeout(() => wrong.push('was cleared'), 1); t(typeof number, 'number'); clearTimeout(number);
        const mine = () => 'mine'; globalThis.setTimeout = mine;
        await import('node:path');
        t(setTimeout === mine, true); t(typeof setInterval(() => {}, 1e6), 'object');",
    );
}
