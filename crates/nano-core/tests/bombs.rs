//! Apps that try to hang a neighbour or end the process, each beside a healthy one.

use std::time::Duration;

use nano_core::{Binding, BindingKind, Status, sys};

mod support;

use support::*;

/// Name, body of the handler.
const BOMBS: &[(&str, &str)] = &[
    ("loop", "for (;;);"),
    ("microtasks", "const f = () => Promise.resolve().then(f); f(); return new Promise(() => {});"),
    ("async loop", "return (async () => { for (;;) await null; })();"),
    ("timer loop", "setTimeout(() => { for (;;); }, 0); return new Promise(() => {});"),
    ("getter", "const o = { get a() { for (;;); } }; return o.a;"),
    ("regexp", "return /(a+)+$/.test('a'.repeat(50) + 'b');"),
    ("sort comparator", "[3, 2, 1].sort(() => { for (;;); });"),
    ("toString", "return `${{ toString() { for (;;); } }}`;"),
    ("proxy", "const p = new Proxy({}, { get() { for (;;); } }); return p.x;"),
    ("recursion", "const f = () => f(); f();"),
    ("recursion in getters", "const o = { get a() { return this.a; } }; o.a;"),
    ("recursion in coercions", "const o = { valueOf() { return +o; } }; +o;"),
    (
        "recursion in proxies",
        "const p = new Proxy({}, { get(t, k, r) { return r[k]; }, ownKeys() { return Object.keys(p); } }); Object.keys(p);",
    ),
    ("recursion in comparators", "const f = () => [2, 1].sort(f); f();"),
    ("recursion in replacers", "const f = () => 'a'.replace('a', f); f();"),
    ("recursion in revivers", "const f = () => JSON.parse('[1]', f); f();"),
    ("recursion in generators", "function* g() { yield* g(); } g().next();"),
    ("recursion caught", "const f = () => { try { f(); } catch { f(); } }; f();"),
    ("proxies of proxies", "let p = {}; for (let i = 0; i < 5e5; i++) p = new Proxy(p, {}); p.x;"),
    ("proxy of a list", "JSON.stringify(new Proxy([], { get: (list, key) => key === 'length' ? 2 ** 53 - 1 : 1 }));"),
    ("proxy of keys", "Object.keys(new Proxy({}, { ownKeys: () => Array.from({ length: 1e7 }, String) }));"),
    ("bound of bound", "let f = () => 1; for (let i = 0; i < 5e5; i++) f = f.bind(null); f();"),
    ("spread", "Math.max(...new Array(1e8).keys());"),
    ("apply", "Math.max.apply(null, { length: 2 ** 31 });"),
    ("clone deep", "let o = {}; for (let i = 0; i < 5e5; i++) o = { o }; structuredClone(o);"),
    ("stringify deep", "let o = {}; for (let i = 0; i < 5e5; i++) o = { o }; JSON.stringify(o);"),
    ("log deep", "let o = {}; for (let i = 0; i < 5e5; i++) o = { o }; console.log(o);"),
    ("flat deep", "let a = []; for (let i = 0; i < 5e5; i++) a = [a]; a.flat(Infinity);"),
    ("join deep", "let a = []; for (let i = 0; i < 5e5; i++) a = [a]; String(a);"),
    ("regexp deep", "new RegExp('('.repeat(5e5) + ')'.repeat(5e5));"),
    ("classes deep", "let C = class {}; for (let i = 0; i < 1e5; i++) C = class extends C {}; new C();"),
    ("causes deep", "let e = new Error('x'); for (let i = 0; i < 1e5; i++) e = new Error('x', { cause: e }); console.log(e);"),
    ("json deep", "let s = '['.repeat(1e6); JSON.parse(s);"),
    ("json huge", "let o = {}; for (;;) { o = { a: o, b: o }; if (JSON.stringify({ a: 'x'.repeat(1e6) }).length < 0) break; }"),
    ("bigint power", "let n = 2n; for (;;) n = n ** 2n;"),
    ("array push", "const a = []; for (;;) a.push({});"),
    ("array fill", "new Array(1e9).fill(0);"),
    ("array from", "Array.from({ length: 2 ** 31 });"),
    ("string doubling", "let s = 'x'; for (;;) s += s;"),
    ("string flatten", "let s = 'x'.repeat(1 << 28); for (;;) s = s.toUpperCase();"),
    ("string split", "''.padEnd(2 ** 29 - 25, 'x').split('');"),
    ("string repeat", "const a = []; for (;;) a.push('x'.repeat(1 << 20) + a.length);"),
    ("normalize", "'\\u1E9B'.repeat(1e8).normalize('NFKD');"),
    ("pad", "const a = []; for (;;) a.push(''.padEnd(1 << 24, 'ab' + a.length).charCodeAt(5));"),
    ("map", "const m = new Map(); for (let i = 0; ; i++) m.set(i, {});"),
    ("set", "const m = new Set(); for (let i = 0; ; i++) m.add({});"),
    ("array buffers", "const a = []; for (;;) a.push(new ArrayBuffer(1 << 20));"),
    ("array buffer huge", "new ArrayBuffer(2 ** 33);"),
    ("typed arrays", "const a = []; for (;;) a.push(new Float64Array(1 << 16));"),
    ("typed array from", "Uint8Array.from({ length: 2 ** 30 });"),
    ("index of", "[].indexOf.call({ length: 2 ** 32 - 2 }, 1);"),
    ("closures", "const a = []; for (;;) { const x = new Array(100).fill(1); a.push(() => x); }"),
    ("wasm memory", "const a = []; for (;;) a.push(new WebAssembly.Memory({ initial: 256 }));"),
    ("error stack", "const a = []; for (;;) { const e = new Error('x'); a.push(e, e.stack); }"),
    ("console flood", "for (;;) console.log('x'.repeat(1000));"),
    ("promise flood", "const a = []; for (;;) a.push(new Promise(() => {}));"),
    ("rejections", "for (;;) Promise.reject(new Error('x'));"),
    ("generators", "const a = []; for (;;) { const g = (function* () { yield new Array(100).fill(0); })(); g.next(); a.push(g); }"),
    ("timers flood", "for (;;) setTimeout(() => {}, 1e6);"),
    ("regexp memory", "const a = []; for (;;) a.push('x'.repeat(1000).match(/./g));"),
    ("structured clone", "let o = {}; for (let i = 0; i < 25; i++) o = { a: o, b: { ...o } }; for (;;) structuredClone(o);"),
    ("text encoder", "const a = []; for (;;) a.push(new TextEncoder().encode('x'.repeat(1 << 20)));"),
    ("stream enqueue", "new ReadableStream({ start(c) { for (;;) c.enqueue(new Uint8Array(1 << 16)); } });"),
    ("symbols", "const o = {}; for (;;) o[Symbol()] = 1;"),
    ("weak refs", "const a = []; for (;;) a.push(new WeakRef({}), new FinalizationRegistry(() => {}));"),
    ("date strings", "for (;;) new Date().toLocaleString('en', { timeZone: 'UTC' });"),
];

/// Bombs that would have memory outside of every heap: name, body of the handler. What has no room is refused before it is copied.
const COPIES: &[(&str, &str)] = &[
    ("copies for a queue", "await env.QUEUE.send(new Array(900_000).fill('x'.repeat(8 << 20)), { contentType: 'v8' });"),
    ("copies for an app", "await env.SELF.take(new Array(900_000).fill(new Uint8Array(8 << 20)));"),
    ("copies for the host", "await env.HOST.take(new Array(900_000).fill({ ['x'.repeat(8 << 20)]: 2n ** 1_000_000n }));"),
    ("copies of errors", "await env.HOST.take(new Array(900_000).fill(new Error('x'.repeat(8 << 20))));"),
    ("form", "await new Response(new Blob(['a&'.repeat(10 << 20)], { type: 'application/x-www-form-urlencoded' })).formData();"),
    ("base64", "btoa('x'.repeat(2 ** 29 - 25));"),
    ("blob", "new Blob(new Array(3e6).fill(''));"),
];

/// What they may take all the same: the heap, what is outside of it by its limit, and what V8 needs to end it.
const COPIES_BYTES_MAX: u64 = 180 << 20;

/// Bombs that have V8 itself take memory outside of its heap.
const NATIVE: &[(&str, &str)] = &[
    ("regexp compiled", "new RegExp('a|'.repeat(1.4e7)).test('b');"),
    ("deep JSON", "JSON.parse('['.repeat(1.2e7));"),
    ("list of texts", "new Intl.ListFormat('en').format(new Array(1e4).fill('x'.repeat(1 << 20)));"),
    ("segments", "const s = new Intl.Segmenter('en'), t = 'x'.repeat(1 << 20), a = []; for (;;) a.push(s.segment(t));"),
    ("collators", "Array.from({ length: 1e6 }, Intl.Collator);"),
];

/// What these may: what V8 may take at once, and a heap.
const NATIVE_BYTES_MAX: u64 = 260 << 20;

/// The documents show every bomb, and no others.
#[test]
fn the_table_in_the_documents_is_of_these_bombs() {
    let table = include_str!("../../../docs/limits.md").split("| bomb |").nth(1).expect("a table");
    let shown: Vec<_> = table.lines().skip(2).map_while(|line| line.strip_prefix("| ")?.split(" | ").next()).collect();
    let bombs: Vec<_> = COPIES.iter().chain(NATIVE).chain(BOMBS).map(|(name, _)| *name).collect();
    assert_eq!(shown, bombs);
    let counted = format!("{} bombs", bombs.len());
    for text in [include_str!("../../../README.md"), include_str!("../../../docs/comparison.md")] {
        assert!(text.contains(&counted), "it says another number than {counted}");
    }
}

/// What a bomb came to.
struct Report {
    name: &'static str,
    ring: &'static str,
    ended_ms: u64,
    neighbour_worst_us: u64,
    grown_kb: u64,
    kept_kb: u64,
}

/// Every bomb beside a healthy app; prints the table that docs/limits.md shows.
#[test]
fn no_bomb_ends_the_process_or_hangs_its_neighbour() {
    let runtime = runtime(2);
    let neighbour = load(&runtime, "neighbour", "export default { fetch() { return new Response('alive'); } }");
    let clock = nano_core::Clock::system();
    let mut reports = Vec::new();
    // The copies first: a thread that was given up before would go on taking memory.
    for (name, body) in COPIES.iter().chain(NATIVE).chain(BOMBS) {
        let kind = if body.contains("await env") || body.contains("await new") { "async fetch" } else { "fetch" };
        let source = format!("export default {{ {kind}(request, env) {{ {body} return new Response('survived'); }} }}");
        let mut options = options(&format!("bomb {name}"), &source);
        options.bindings = vec![
            Binding { name: "QUEUE".into(), kind: BindingKind::Queue { queue: "bombs".into() } },
            Binding { name: "SELF".into(), kind: BindingKind::App { app: options.name.clone(), entrypoint: None } },
            "HOST".into(),
        ];
        options.limits.cpu_ms = 400;
        options.limits.wall_ms = 3_000;
        let before_kb = sys::memory::resident_bytes();
        let parked_before = runtime.stats().parked;
        let bomb = runtime.load(options).expect("loads");
        let began_ms = clock.now_ms();
        let id = bomb.dispatch(get("/")).expect("accepted");
        let mut worst_us = 0;
        let mut peak = before_kb;
        let outcome = loop {
            let asked_us = clock.now_ns() / 1_000;
            assert_eq!(text(&neighbour, "/"), "alive", "beside {name}");
            worst_us = worst_us.max(clock.now_ns() / 1_000 - asked_us);
            peak = peak.max(sys::memory::resident_bytes());
            let mut events = Vec::new();
            runtime.poll(1024, &mut events).expect("the only consumer");
            if let Some(event) = events.into_iter().find(|event| event.id == id && event.payload.is_terminal()) {
                break event.payload;
            }
        };
        let ended_ms = clock.now_ms() - began_ms;
        let strikes = bomb.stats().strikes;
        let _ = bomb.unload(Duration::from_secs(5));
        let ring = match &outcome {
            _ if strikes > 0 && runtime.stats().parked > parked_before => "3: thread parked",
            _ if strikes > 0 => "3: thread given up",
            nano_core::Payload::Error(error, _) if error.status == Status::CpuLimit => "2: CPU limit",
            nano_core::Payload::Error(error, _) if error.status == Status::MemoryLimit && error.message.contains("external_bytes") => {
                "2: limit outside the heap"
            }
            nano_core::Payload::Error(error, _) if error.status == Status::MemoryLimit => "2: heap limit",
            nano_core::Payload::Error(error, _) if error.status == Status::WallLimit => "2: wall limit",
            nano_core::Payload::Error(error, _) if error.status == Status::Exception => "1: exception in JavaScript",
            nano_core::Payload::Response { .. } => "1: harmless",
            other => panic!("{name} came to {other:?}"),
        };
        let grown = peak.saturating_sub(before_kb);
        if COPIES.iter().any(|(copy, _)| copy == name) {
            assert!(grown < COPIES_BYTES_MAX, "{name}: {ring}, {} MiB", grown >> 20);
        }
        if NATIVE.iter().any(|(native, _)| native == name) {
            assert!(grown < NATIVE_BYTES_MAX, "{name}: {ring}, {} MiB", grown >> 20);
        }
        let kept = sys::memory::resident_bytes().saturating_sub(before_kb);
        reports.push(Report { name, ring, ended_ms, neighbour_worst_us: worst_us, grown_kb: grown >> 10, kept_kb: kept >> 10 });
    }
    println!("| bomb | stopped by ring | after ms | neighbour's worst ms | memory grew by MB | of which not back at once MB |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for report in &reports {
        let worst_ms = report.neighbour_worst_us as f64 / 1_000.0;
        let (grown, kept) = (report.grown_kb >> 10, report.kept_kb >> 10);
        println!("| {} | {} | {} | {worst_ms:.1} | {grown} | {kept} |", report.name, report.ring, report.ended_ms);
    }
    assert_eq!(reports.len(), COPIES.len() + NATIVE.len() + BOMBS.len());
    assert_eq!(text(&neighbour, "/"), "alive");
}
