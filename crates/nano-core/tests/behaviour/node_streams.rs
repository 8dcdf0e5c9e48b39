//! node:stream as its users see it: the order of events, back-pressure, failures, and what joins streams.

use crate::node::check;

const IMPORTS: &str = "import stream, { Readable, Writable, Transform, PassThrough, Duplex, pipeline, finished, compose } from 'node:stream'; import promises from 'node:stream/promises'; import util from 'node:util'; const log = []; const closed = (s) => new Promise((r) => s.on('close', r)); const told = (s, ...names) => { for (const n of names) s.on(n, (e) => log.push(e instanceof Error ? `${n} ${e.code ?? e.message}` : n)); return s; };";

#[test]
fn a_writable_tells_in_order() {
    check(
        IMPORTS,
        "const w = told(new Writable({ highWaterMark: 3, write(c, e, cb) { log.push(`w ${c}`); queueMicrotask(cb); }, final(cb) { log.push('final'); cb(); } }), 'drain', 'prefinish', 'finish', 'close');
        t([w.write('ab'), w.write('cd', () => log.push('cb cd')), w.writableLength, w.writableNeedDrain], [true, false, 4, true]); w.on('drain', () => w.end('z', () => log.push('ended'))); await closed(w);
        t(log.splice(0), ['w ab', 'w cd', 'drain', 'w z', 'cb cd', 'final', 'prefinish', 'ended', 'finish', 'close']);
        const v = told(new Writable({ writev(list, cb) { log.push(list.map((x) => String(x.chunk)).join('+')); cb(); }, write(c, e, cb) { log.push(String(c)); cb(); } }), 'finish'); v.cork(); v.write('a'); v.write('b'); t(log.length, 0); v.uncork(); v.end(); await closed(v); t(log.splice(0), ['a+b', 'finish']);
        const d = told(new Writable({ write() {}, destroy(e, cb) { cb(e); } }), 'error', 'close'); d.write('1', (e) => log.push(`1 ${e?.code}`)); d.write('2', (e) => log.push(`2 ${e?.code}`)); d.destroy(new Error('over')); t(d.write('3', (e) => log.push(`3 ${e.code}`)), false); await closed(d);
        t(log.includes('error over') && log.includes('close') && log.includes('3 ERR_STREAM_DESTROYED'), true); log.length = 0; fails(() => d.write(null), 'ERR_STREAM_NULL_VALUES'); fails(() => new Writable({ write() {} }).write(5), 'ERR_INVALID_ARG_TYPE'); fails(() => new Writable().write('x'), 'ERR_METHOD_NOT_IMPLEMENTED');
        const twice = told(new Writable({ write(c, e, cb) { cb(); cb(); } }), 'error'); twice.write('x'); await closed(twice); t(log.splice(0), ['error ERR_MULTIPLE_CALLBACK']);
        const slow = told(new Writable({ construct(cb) { setTimeout(() => { log.push('made'); cb(); }, 1); }, write(c, e, cb) { log.push('w'); cb(); } }), 'finish'); slow.end('x'); await closed(slow); t(log.splice(0), ['made', 'w', 'finish']);",
    );
}

#[test]
fn a_readable_flows_pauses_and_ends() {
    check(
        IMPORTS,
        "const r = told(new Readable({ read() {} }), 'pause', 'resume', 'end', 'close'); t([r.readableFlowing, r.push('ab'), r.readableLength], [null, true, 2]); r.on('data', (c) => log.push(String(c))); t(r.readableFlowing, true); r.pause(); t(r.isPaused(), true); r.resume(); r.push('cd'); r.push(null); await closed(r); t(log.splice(0), ['pause', 'resume', 'ab', 'cd', 'end', 'close']);
        t([r.readableEnded, r.destroyed, r.readableDidRead, r.readableAborted, r.errored], [true, true, true, false, null]);
        const q = new Readable({ read() {}, highWaterMark: 4 }); t([q.push('ab'), q.push('cd'), String(q.read(1)), q.read(9), String(q.read())], [true, false, 'a', null, 'bcd']);
        const u = new Readable({ read() {} }); u.setEncoding('utf8'); for (const b of [0xe2, 0x82, 0xac]) u.push(Buffer.of(b)); u.push(null); t((await u.toArray()).join(''), '\\u20ac');
        const late = told(new Readable({ read() {} }), 'error'); late.push(null); late.push('x'); await closed(late); t(log.splice(0), ['error ERR_STREAM_PUSH_AFTER_EOF']);
        const s = []; for await (const c of Readable.from(['a', 'b', 'c'])) { s.push(c); if (c === 'b') break; } t(s, ['a', 'b']); const kept = Readable.from([1, 2]); for await (const _ of kept.iterator({ destroyOnReturn: false })) break; t([kept.destroyed, await kept.toArray()], [false, [2]]);
        function Old(o) { if (!(this instanceof Old)) return new Old(o); Readable.call(this, o); } util.inherits(Old, Readable); Old.prototype._read = function () { this.push('old'); this.push(null); }; t(String(await Old({}).toArray()), 'old');
        const ee = new (await import('node:events')).EventEmitter(); const wrapped = new Readable({ objectMode: true }).wrap(ee); ee.emit('data', 1); ee.emit('end'); t(await wrapped.toArray(), [1]);",
    );
}

#[test]
fn pipes_wait_for_all_of_their_targets() {
    check(
        IMPORTS,
        "const a = new PassThrough({ highWaterMark: 2 }), o = []; let waiting = []; const slow = new Writable({ highWaterMark: 1, write(c, e, cb) { o.push(`s${c}`); waiting.push(cb); } }), fast = new Writable({ write(c, e, cb) { o.push(`f${c}`); cb(); } });
        a.pipe(slow); a.pipe(fast); a.write('1'); a.write('2'); a.end('3'); await new Promise((r) => setTimeout(r, 1)); t([a.readableFlowing, o.filter((x) => x[0] === 's')], [false, ['s1']]); while (!slow.writableFinished) { for (const cb of waiting.splice(0)) cb(); await new Promise((r) => setTimeout(r, 1)); }
        t([o.filter((x) => x[0] === 's').length, o.filter((x) => x[0] === 'f').length, fast.writableFinished], [3, 3, true]);
        const b = new PassThrough(), c = new PassThrough(); c.on('unpipe', (from) => log.push(from === b)); b.pipe(c); b.unpipe(c); t([log.splice(0), b.readableFlowing], [[true], false]);
        const x = new PassThrough(), bad = told(new Writable({ write(c, e, cb) { cb(new Error('full')); } }), 'error', 'unpipe'); x.pipe(bad); x.write('a'); await closed(bad); t([log.splice(0), x.destroyed], [['unpipe', 'error full'], false]);
        const half = told(new Duplex({ allowHalfOpen: false, read() { this.push(null); }, write(c, e, cb) { cb(); } }), 'end', 'finish', 'close'); half.resume(); await closed(half); t(log.splice(0), ['end', 'finish', 'close']);
        const tr = told(new Transform({ transform(c, e, cb) { this.push(c); cb(null, c); }, flush(cb) { cb(null, '!'); } }), 'finish', 'end', 'close'); tr.end('x'); t((await tr.toArray()).join(''), 'xx!'); t(log.splice(0), ['finish', 'end', 'close']);",
    );
}

#[test]
fn pipelines_end_all_of_their_streams() {
    check(
        IMPORTS,
        "t(await promises.pipeline(Readable.from(['a', 'b']), async function* (x) { for await (const c of x) yield c + c; }, async (x) => { const all = []; for await (const c of x) all.push(c); return all; }), ['aa', 'bb']);
        const r = new Readable({ read() {} }), w = new Writable({ write(c, e, cb) { cb(); } }); const p = promises.pipeline(r, w).catch((e) => e.message); r.destroy(new Error('source')); t([await p, w.destroyed], ['source', true]);
        const q = new Readable({ read() {} }), v = new Writable({ write(c, e, cb) { cb(); } }); const early = promises.pipeline(q, v).catch((e) => e.code); v.destroy(); t([await early, q.destroyed], ['ERR_STREAM_PREMATURE_CLOSE', true]);
        const ac = new AbortController(), z = new Readable({ read() {} }); const stopped = promises.pipeline(z, new PassThrough(), { signal: ac.signal }).catch((e) => e.code); ac.abort(); t([await stopped, z.destroyed], ['ABORT_ERR', true]);
        const open = new PassThrough(); await promises.pipeline(Readable.from(['x']), open, { end: false }); t([open.writableEnded, String(open.read())], [false, 'x']);
        const { readable, writable } = new TransformStream(); const got = new Response(readable).text(); await promises.pipeline(Readable.from([Buffer.from('web')]), writable); t(await got, 'web');
        fails(() => pipeline(new PassThrough(), () => {}), 'ERR_MISSING_ARGS'); fails(() => finished({}, () => {}), 'ERR_INVALID_ARG_TYPE');
        const c = compose(new PassThrough(), async function* (x) { for await (const q of x) yield `${q}1`; }, new PassThrough()); c.end('k'); t(String(await c.toArray()), 'k1');
        const d = Duplex.from({ readable: Readable.from(['r']), writable: new Writable({ write(c, e, cb) { log.push(String(c)); cb(); } }) }); d.end('w'); t([String(await d.toArray()), log.splice(0)], ['r', ['w']]);
        const web = new ReadableStream({ start(c) { c.enqueue('a'); c.close(); } }); t(await new Promise((done) => { finished(web, done); web.getReader().read(); }), undefined); t(stream.isErrored(new ReadableStream({ start(c) { c.error(new Error('e')); } })), true);
        let most = 0, now = 0; t(await Readable.from([1, 2, 3, 4]).map(async (x) => { most = Math.max(most, ++now); await new Promise((r) => setTimeout(r, 1)); now--; return x; }, { concurrency: 2 }).toArray(), [1, 2, 3, 4]); t(most, 2); t(await Readable.from([1, 2, 3]).flatMap((x) => [x, x]).toArray(), [1, 1, 2, 2, 3, 3]); t(await Readable.from([1, 2]).reduce((a, b) => a + b), 3); t(await Readable.from([1, 2]).find((x) => x > 1), 2);",
    );
}

#[test]
fn what_the_web_writes_waits_for_a_writable_that_is_full() {
    check(
        IMPORTS,
        "const w = new Writable({ highWaterMark: 1, write(c, e, cb) { log.push(String(c)); setTimeout(cb); } }); w.write('a'); t(w.writableNeedDrain, true);
        const web = Writable.toWeb(w).getWriter(); await web.write('b'); t(log.splice(0), ['a', 'b']); await web.write('c'); await web.close(); t(log.splice(0), ['c']);
        const stuck = new Writable({ highWaterMark: 1, write() {} }); stuck.write('a'); const waits = Writable.toWeb(stuck).getWriter().write('b').catch((e) => e.message); stuck.destroy(new Error('gone')); t(await waits, 'gone');",
    );
}
