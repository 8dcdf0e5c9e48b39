//! What packages written for Workers import of Node beside what node.rs has: streams, channels, and the modules of what is not here.

use crate::node::check;

#[test]
fn streams_of_node_flow() {
    check(
        "import stream, { Readable, Writable, Transform, PassThrough, Duplex, pipeline, finished, addAbortSignal } from 'node:stream'; import { pipeline as whole } from 'node:stream/promises'; import { text, json, buffer, bytes, arrayBuffer, blob } from 'node:stream/consumers'; import { ReadableStream as Web } from 'node:stream/web'; import { EventEmitter } from 'node:events';",
        "const o = []; t(Web === ReadableStream && stream.Readable === Readable && stream.Stream === stream && new Duplex() instanceof Writable && Readable.prototype instanceof EventEmitter, true);
        await whole(Readable.from(['a', 'b']), new Transform({ transform(c, e, cb) { cb(null, String(c).toUpperCase()); } }), new Writable({ write(c, e, cb) { o.push(String(c)); cb(); } }));
        t(o.splice(0), ['A', 'B']); t(await text(Readable.from(['x', Buffer.from('y')])), 'xy'); t(await json(Readable.from(['{\"a\":', '1}'])), { a: 1 }); t((await buffer(Readable.from([Buffer.from('q')]))).toString(), 'q');
        t([(await bytes(Readable.from([new Uint8Array(3)]))).length, (await arrayBuffer(Readable.from(['abcd']))).byteLength, (await blob(Readable.from(['ab']))).size], [3, 4, 2]);
        t(await new Response(Readable.toWeb(Readable.from([Buffer.from('w')]))).text(), 'w'); t(await text(Readable.fromWeb(new Response('from the web').body)), 'from the web');
        const { readable, writable } = new TransformStream(); const there = new Response(readable).text(); const w = Writable.fromWeb(writable); w.end('to the web'); t(await there, 'to the web');
        t(await Readable.from([1, 2, 3]).map((x) => x * 2).filter((x) => x > 2).toArray(), [4, 6]); t(await Readable.from([1, 2, 3]).reduce((a, b) => a + b, 0), 6); t(await Readable.from([1, 2, 3]).drop(1).take(1).toArray(), [2]);
        const d = Duplex.from(async function* (s) { for await (const c of s) yield `${c}!`; }); d.end('z'); t(await text(d), 'z!');
        const [left, right] = stream.duplexPair(); left.end('q'); t(await text(right), 'q');
        const p = new PassThrough({ objectMode: true }); p.write({ a: 1 }); p.end(); for await (const c of p) o.push(c); t(o.splice(0), [{ a: 1 }]);
        t(await new Promise((r) => pipeline(Readable.from([1]), async (s) => { throw new Error('from a stage'); }, (e) => r(e.message))), 'from a stage');
        const ac = new AbortController(), r = addAbortSignal(ac.signal, new Readable({ read() {} })); ac.abort(); try { for await (const _ of r); } catch (e) { t([e.name, e.code], ['AbortError', 'ABORT_ERR']); }
        const slow = new Writable({ highWaterMark: 3, write(c, e, cb) { setTimeout(cb, 1); } }); t(slow.write('abcd'), false); await new Promise((r) => slow.once('drain', r)); slow.end(); await new Promise((r) => finished(slow, r)); t(slow.writableFinished, true);
        const err = await new Promise((r) => { const w = new Writable({ write(c, e, cb) { cb(); } }); w.on('error', r); w.end(); w.write('x'); }); t(err.code, 'ERR_STREAM_WRITE_AFTER_END');
        const legacy = new Readable({ encoding: 'utf8', read() {} }); const out = new PassThrough(); legacy.pipe(out); legacy.push(Buffer.from('\\u00e9').subarray(0, 1)); legacy.push(Buffer.from('\\u00e9').subarray(1)); legacy.push(null); t(await text(out), '\\u00e9');
        function Old() { Transform.call(this); } Object.setPrototypeOf(Old.prototype, Transform.prototype); Old.prototype._transform = function (c, e, cb) { cb(null, `<${c}>`); }; const old = new Old(); old.end('x'); t(await text(old), '<x>');
        t(await finishedEarly(), 'ERR_STREAM_PREMATURE_CLOSE'); async function finishedEarly() { const r = new Readable({ read() {} }); const p = stream.promises.finished(r).catch((e) => e.code); r.destroy(); return p; }",
    );
}

#[test]
fn channels_tell_subscribers() {
    check(
        "import dc, { channel, tracingChannel } from 'node:diagnostics_channel'; import { AsyncLocalStorage } from 'node:async_hooks';",
        "const o = [], c = channel('x'); t(c === dc.channel('x'), true); t(c.hasSubscribers, false); const f = (m, n) => o.push(m, n);
        c.subscribe(f); c.publish(1); t(c.unsubscribe(f), true); t(c.unsubscribe(f), false); c.publish(2); t(o.splice(0), [1, 'x']);
        const tc = tracingChannel('t'); tc.subscribe({ start: () => o.push('start'), end: () => o.push('end'), asyncEnd: (m) => o.push(m.result), error: (m) => o.push(m.error.message) });
        t(tc.traceSync((a) => a + 1, {}, null, 1), 2); t(await tc.tracePromise(async () => 'p'), 'p'); try { tc.traceSync(() => { throw new Error('e'); }); } catch {} t(o.splice(0), ['start', 'end', 'start', 'end', 'p', 'start', 'e', 'end']);
        t(tc.traceCallback((a, cb) => cb(null, a), 1, {}, null, 7, (e, v) => v), 7);
        const store = new AsyncLocalStorage(); c.bindStore(store, (d) => d + '!'); t(c.runStores('d', () => store.getStore()), 'd!'); fails(() => channel(1), 'ERR_INVALID_ARG_TYPE');",
    );
}

#[test]
fn every_module_that_workers_have_can_be_imported() {
    check(
        "import fs from 'fs'; import fsp from 'node:fs/promises'; import os from 'os'; import child from 'child_process'; import http, { STATUS_CODES } from 'http'; import https from 'https'; import net from 'net'; import tls from 'tls'; import dns from 'dns/promises';
        import vm from 'vm'; import tty from 'tty'; import v8 from 'v8'; import worker from 'worker_threads'; import { performance as perf } from 'perf_hooks'; import { createRequire, builtinModules, isBuiltin } from 'module'; import { Console } from 'console'; import punycode from 'punycode'; import sys from 'sys'; import constants from 'constants';
        import cluster from 'cluster'; import 'dgram'; import 'domain'; import 'http2'; import 'inspector'; import 'inspector/promises'; import readline from 'readline'; import 'readline/promises'; import 'repl'; import 'node:sqlite'; import 'node:test'; import 'trace_events'; import 'wasi'; import zlib from 'zlib'; import 'dns';",
        "t([fs.existsSync('/x'), fs.constants.O_RDONLY, fs.F_OK], [false, 0, 0]); fails(() => fs.readFileSync('/x'), 'ENOENT'); t(await fsp.readFile('/x').catch((e) => e.message), \"ENOENT: no such file or directory, open '/x'\"); t(fs.statSync('/x', { throwIfNoEntry: false }) === undefined, true);
        fs.promises.stat('/x').catch(() => {}); t(await new Promise((r) => fs.readFile('/x', (e) => r(e.code))), 'ENOENT'); fails(() => fs.writeFileSync('/x', ''), 'ERR_METHOD_NOT_IMPLEMENTED'); t(await fsp.writeFile('/x', '').catch((e) => e.code), 'ERR_METHOD_NOT_IMPLEMENTED');
        t([os.EOL, os.platform(), os.type(), os.tmpdir(), os.constants.signals.SIGINT, os.constants.errno.ENOENT], ['\\n', 'linux', 'Linux', '/tmp', 2, 2]);
        fails(() => child.execSync('ls'), 'ERR_METHOD_NOT_IMPLEMENTED'); fails(() => new vm.Script('1'), 'ERR_METHOD_NOT_IMPLEMENTED'); t([tty.isatty(1), worker.isMainThread, cluster.isPrimary, v8.getHeapStatistics().total_heap_size], [false, true, true, 0]); t(worker.MessageChannel === MessageChannel, true);
        t([STATUS_CODES[404], http.METHODS.includes('PATCH'), typeof new http.Agent({ keepAlive: true }).destroy, typeof https.globalAgent, net.isIP('1.2.3.4'), net.isIP('::1'), net.isIP('1.2.3'), net.isIPv6('1::g'), typeof tls.connect], ['Not Found', true, 'function', 'object', 4, 6, 0, false, 'function']);
        fails(() => http.createServer(), 'ERR_METHOD_NOT_IMPLEMENTED'); t(await dns.lookup('x').catch((e) => e.code), 'ERR_METHOD_NOT_IMPLEMENTED'); t(perf === performance, true);
        const require = createRequire('/x.js'); t([require('path').join('a', 'b'), require('node:util') === sys, isBuiltin('fs'), isBuiltin('left-pad'), builtinModules.includes('zlib')], ['a/b', true, true, false, true]); fails(() => require('left-pad'), 'MODULE_NOT_FOUND');
        t([punycode.toASCII('ma\\u00f1ana.com'), punycode.toUnicode('xn--maana-pta.com'), punycode.encode('\\u2603-\\u2318'), punycode.decode('--dqo34k'), punycode.ucs2.decode('\\ud83d\\ude00')], ['xn--maana-pta.com', 'ma\\u00f1ana.com', '--dqo34k', '\\u2603-\\u2318', [128512]]);
        t([typeof new Console().log, constants.SIGTERM, process.getBuiltinModule('zlib') === zlib, process.getBuiltinModule('test') === undefined], ['function', 15, true, true]);",
    );
}

#[test]
fn an_app_that_changes_the_language_gets_the_same_answers() {
    check(
        "import crypto from 'node:crypto'; import zlib from 'node:zlib'; import { Readable } from 'node:stream'; import { text } from 'node:stream/consumers';",
        "const bad = () => { throw new Error('the platform called it'); }; const kept = {};
        for (const name of ['push', 'slice', 'map', 'indexOf', 'join', 'shift', 'splice', 'forEach']) { kept[name] = Array.prototype[name]; }
        const { parse } = JSON, { then } = Promise.prototype, { get } = Map.prototype, iterator = Array.prototype[Symbol.iterator];
        Array.prototype.slice = Array.prototype.map = Array.prototype.join = JSON.parse = Map.prototype.get = Array.prototype[Symbol.iterator] = bad;
        let results; try {
            const key = crypto.generateKeyPairSync('ed25519');
            results = [crypto.createHash('sha1').update('abc').digest('hex'), crypto.createHmac('sha256', 'k').update('x').digest().length, crypto.pbkdf2Sync('p', 's', 3, 8, 'sha1').length, crypto.hkdfSync('sha1', 'k', 's', 'i', 30).byteLength,
                zlib.gunzipSync(zlib.gzipSync('zip')).toString(), crypto.verify(null, Buffer.from('x'), key.publicKey, crypto.sign(null, Buffer.from('x'), key.privateKey))];
        } finally { Array.prototype.slice = kept.slice; Array.prototype.map = kept.map; Array.prototype.join = kept.join; JSON.parse = parse; Map.prototype.get = get; Array.prototype[Symbol.iterator] = iterator; }
        t(results, ['a9993e364706816aba3e25717850c26c9cd0d89d', 32, 8, 30, 'zip', true]); t(await text(Readable.from(['a'])), 'a'); t(typeof then, 'function');",
    );
}
