//! An app that replaces what it can of the language: the platform goes on as if nothing had happened.

use nano_core::Payload;

use crate::support::*;

/// Replaces every writable property and every accessor that can be replaced, of every built-in of the language and of its
/// prototypes, by functions that tell who used them. What the test itself needs is captured before.
const TAMPER: &str = r#"
const used = [];
const bad = [];
{
  const { ownKeys, getOwnPropertyDescriptor, defineProperty, getPrototypeOf } = Reflect;
  const has = (list, x) => { for (let i = 0; i < list.length; i++) if (list[i] === x) return true; return false; };
  const roots = [];
  const add = (object, name) => { if (object && (typeof object === 'object' || typeof object === 'function') && !has(roots, object)) { roots[roots.length] = object; names[names.length] = name; } };
  const names = [];
  const language = ['Object', 'Function', 'Array', 'String', 'Number', 'Boolean', 'Symbol', 'BigInt', 'Math', 'JSON', 'Reflect', 'Date', 'RegExp',
    'Map', 'Set', 'WeakMap', 'WeakSet', 'WeakRef', 'FinalizationRegistry', 'Promise', 'Proxy', 'ArrayBuffer', 'SharedArrayBuffer', 'DataView', 'Iterator',
    'Error', 'TypeError', 'RangeError', 'SyntaxError', 'EvalError', 'ReferenceError', 'URIError', 'AggregateError', 'Intl',
    'Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'Float32Array', 'Float64Array',
    'BigInt64Array', 'BigUint64Array'];
  for (let i = 0; i < language.length; i++) { const root = globalThis[language[i]]; add(root, language[i]); add(root && root.prototype, language[i] + '.prototype'); }
  add(getPrototypeOf(Uint8Array), 'TypedArray'); add(getPrototypeOf(Uint8Array).prototype, 'TypedArray.prototype');
  add(getPrototypeOf([][Symbol.iterator]()), 'ArrayIterator'); add(getPrototypeOf(new Map()[Symbol.iterator]()), 'MapIterator');
  add(getPrototypeOf(new Set()[Symbol.iterator]()), 'SetIterator'); add(getPrototypeOf(''[Symbol.iterator]()), 'StringIterator');
  add(getPrototypeOf(async function* () {}.prototype), 'AsyncGenerator'); add(getPrototypeOf(getPrototypeOf(async function* () {}.prototype)), 'AsyncIterator');
  add(getPrototypeOf(function* () {}.prototype), 'Generator'); add(getPrototypeOf(async () => {}), 'AsyncFunction');
  const log = console.log, newError = Error, stackOf = (e) => e.stack;
  for (let i = 0; i < roots.length; i++) {
    const keys = ownKeys(roots[i]);
    for (let k = 0; k < keys.length; k++) {
      const key = keys[k], d = getOwnPropertyDescriptor(roots[i], key), name = names[i] + '.' + (typeof key === 'symbol' ? 'symbol' : key);
      // What the test's own awaits ask for; the test below replaces it.
      if (name === 'Promise.prototype.constructor' || name === 'Promise.symbol') continue;
      if (key === 'prototype' || name === 'Error.stackTraceLimit') continue;
      const evil = function () { used[used.length] = name; throw new newError('a patched built-in was used: ' + name); };
      const value = { __proto__: null, value: evil, writable: true, configurable: true };
      const accessor = { __proto__: null, get: evil, set: evil, configurable: true };
      if ('value' in d ? d.writable : false) { if (d.configurable) defineProperty(roots[i], key, value); }
      else if (d.configurable) defineProperty(roots[i], key, 'value' in d ? value : accessor);
    }
  }
  for (let i = 0; i < language.length; i++) if (globalThis[language[i]]) globalThis[language[i]] = undefined;
}
"#;

/// Uses the platform, in syntax alone: each step gives what it found. What an app hands over is its own: its iterables are
/// iterated and its promises followed as the language does it, so there are none here.
const STEPS: &str = r#"
const same = (name, a, b) => { if (a !== b) bad[bad.length] = name + ': ' + a; };
const step = async (name, run) => { try { const got = await run(); if (got !== true) bad[bad.length] = name + ': ' + got; } catch (e) { bad[bad.length] = name + ' threw ' + e.message; } };
const all = async (env) => {
  await step('url', () => { const u = new URL('http://a.b/c?d=1&e=2#f'); u.searchParams.append('g', '3'); u.searchParams.sort(); return u.href === 'http://a.b/c?d=1&e=2&g=3#f'; });
  await step('params', () => { let s = ''; new URLSearchParams({ a: '1', b: '2' }).forEach((v, k) => { s += k + v; }); return s === 'a1b2'; });
  await step('headers', () => { const h = new Headers({ B: '2', A: '1' }); h.append('a', '3'); let s = ''; h.forEach((v, k) => { s += k + v; }); return s === 'a1, 3b2' && h.has('b'); });
  await step('request', async () => { const r = new Request('http://a/', { method: 'POST', body: 'text', headers: { x: 'y' } }); const c = r.clone(); return (await r.text()) + (await c.text()) === 'texttext'; });
  await step('json', async () => (await new Response('{"a":1}').json()).a === 1);
  await step('bytes', async () => (await new Response('abc').bytes())[2] === 99);
  await step('encode', () => new TextDecoder().decode(new TextEncoder().encode('h\u00e9')) === 'h\u00e9');
  await step('legacy', () => { const d = new TextDecoder('shift_jis'); return d.decode(new TextEncoder().encode('ab'), { stream: true }) + d.decode() === 'ab'; });
  await step('base64', () => atob(btoa('abc')) === 'abc');
  await step('clone', () => { const c = structuredClone({ a: [1, { b: 2 }] }); return c.a[1].b === 2; });
  await step('events', () => { let seen = ''; const t = new EventTarget(); t.addEventListener('x', (e) => { seen += e.type; }, { once: true }); t.dispatchEvent(new CustomEvent('x', { detail: 1 })); t.dispatchEvent(new Event('x')); return seen === 'x'; });
  await step('abort', async () => { const c = new AbortController(); let seen = 0; c.signal.addEventListener('abort', () => seen++); const r = new Request('http://a/', { signal: c.signal }); c.abort(); return seen === 1 && r.signal.aborted && r.signal.reason.name === 'AbortError'; });
  await step('timers', () => new P((done) => setTimeout((v) => done(v === 7), 1, 7)));
  await step('queueMicrotask', () => new P((done) => queueMicrotask(() => done(true))));
  await step('stream', async () => { let n = 0; const s = new ReadableStream({ pull(c) { if (n++ < 3) c.enqueue(n); else c.close(); } }); const r = s.getReader(); let sum = 0; for (;;) { const { value, done } = await r.read(); if (done) break; sum += value; } await r.closed; return sum === 6; });
  await step('transform', async () => { const t = new TransformStream({ transform(x, c) { c.enqueue(x + '!'); } }); const w = t.writable.getWriter(), r = t.readable.getReader(); w.write('a'); w.close(); return (await r.read()).value === 'a!' && (await r.read()).done; });
  await step('pipe', async () => { let out = ''; const s = new ReadableStream({ start(c) { c.enqueue('a'); c.enqueue('b'); c.close(); } }); await s.pipeTo(new WritableStream({ write(x) { out += x; } })); return out === 'ab'; });
  await step('through', async () => { const s = new Response('text').body.pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream()); return (await new Response(s).text()) === 'text'; });
  await step('tee', async () => { const s = new ReadableStream({ start(c) { c.enqueue('a'); c.close(); } }); const two = s.tee(); const a = two[0].getReader(), b = two[1].getReader(); return (await a.read()).value + (await b.read()).value === 'aa'; });
  await step('from', async () => { const it = { [asyncIterator]() { let n = 0; return { next: () => ({ value: n, done: n++ > 1 }) }; } }; const r = ReadableStream.from(it).getReader(); return (await r.read()).value + (await r.read()).value === 1; });
  await step('byob', async () => { const s = new ReadableStream({ type: 'bytes', pull(c) { const u = new U8(3); u[0] = 1; u[1] = 2; c.enqueue(u); } }); const r = s.getReader({ mode: 'byob' }); const { value } = await r.read(new U8(2)); return value[0] + value[1] === 3; });
  await step('random', () => crypto.getRandomValues(new U8(4)) !== undefined && crypto.randomUUID().length === 36);
  await step('performance', () => performance.now() >= 0 && performance.mark('m').name === 'm');
  await step('console', () => { console.log('logged', { a: [1, 'x'] }, 3); return true; });
  await step('exception', () => new DOMException('m', 'DataCloneError').code === 25);
  await step('call', async () => (await env.HOST.method(1, 'a')) === 'answer');
  await step('fetch', async () => (await (await env.HOST.fetch('http://h/', { method: 'POST', body: 'x' })).text()) === 'body');
};
"#;

#[test]
fn the_platform_does_not_notice_a_changed_language() {
    let runtime = runtime(1);
    let source = format!(
        "const P = Promise, U8 = Uint8Array, asyncIterator = Symbol.asyncIterator; {TAMPER} {STEPS} \
        export default {{ async fetch(r, env) {{ await all(env); let text = ''; for (let i = 0; i < bad.length; i++) text += bad[i] + '\\n'; \
        for (let i = 0; i < used.length; i++) text += 'used ' + used[i] + '\\n'; return new Response(text, {{ headers: {{ x: 'y' }} }}); }} }}"
    );
    let mut options = options("tamper", &source);
    options.bindings = vec!["HOST".into()];
    options.limits.cpu_ms = 10_000;
    let app = runtime.load(options).expect("loads");
    let id = app.dispatch(get("/")).expect("accepted");
    let method = wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    runtime.call_return(method, nano_core::Value::Text("answer".into())).expect("is open");
    let call = wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    let answer = nano_core::CallResponse { body: nano_core::Body::Whole(b"body".to_vec()), head: head() };
    runtime.call_respond(call, answer).expect("is open");
    match until_end(&runtime, id).pop() {
        Some(Payload::Response { body, .. }) => assert_eq!(String::from_utf8_lossy(&body), ""),
        other => panic!("unexpected {other:?}"),
    }
}

fn head() -> nano_core::ResponseHead {
    nano_core::ResponseHead { status: 200, ..Default::default() }
}

#[test]
fn the_platform_does_not_ask_for_the_species_of_promises() {
    let runtime = runtime(1);
    let source = "let asked = 0; class Evil { constructor() { asked++; throw new Error('asked'); } static get [Symbol.species]() { return Evil; } } \
        Promise.prototype.constructor = Evil; Object.defineProperty(Promise, Symbol.species, { value: Evil }); \
        Promise.prototype.then = function () { asked++; throw new Error('called'); }; \
        export default { fetch(r) { const later = (value) => new Promise((done) => setTimeout(() => done(value), 1)); switch (new URL(r.url).pathname) { \
        case '/later': return later(new Response('later')); \
        case '/stream': return new Response(new Response('text').body.pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream())); \
        case '/tee': return new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array([97])); c.close(); } }).tee()[1]); \
        case '/pulled': { let n = 0; return new Response(new ReadableStream({ pull(c) { if (n++ < 3) c.enqueue(new Uint8Array([97])); else c.close(); } })); } \
        default: return new Response(String(asked)); } } }; \
        export function add(a, b) { return new Promise((done) => setTimeout(() => done(a + b), 1)); }";
    let app = load(&runtime, "species", source);
    for (path, answer) in [("/later", "later"), ("/stream", "text"), ("/tee", "a"), ("/pulled", "aaa")] {
        assert_eq!(text(&app, path), answer, "{path}");
    }
    let (sum, _) = app.invoke_wait("add", vec![nano_core::Value::Int(1), nano_core::Value::Int(2)], Some(PATIENCE)).expect("returns");
    assert_eq!(sum, nano_core::Value::Int(3));
    assert_eq!(text(&app, "/"), "0", "times that it was asked");
}
