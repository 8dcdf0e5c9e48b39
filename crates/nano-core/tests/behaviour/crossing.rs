//! What values are on the other side, between apps: what structured cloning would make of them.

use nano_core::{App, Binding, BindingKind, Payload, QueueConsumer, Runtime, Status, Value};

use crate::support::*;

const API: &str = "export default { fetch() {}, same(value) { return value; }, pattern(length) { return [new RegExp('a'.repeat(length))]; }, \
      patterned() { throw Object.assign(new Error('m'), { fits: /a/, much: new RegExp('a'.repeat(1025)), also: new RegExp('b'.repeat(1000)) }); }, \
      boom() { throw Object.assign(new RangeError('far', { cause: new TypeError('why') }), { code: 7, when: new Date(5), lost() {} }); }, \
      all() { return Promise.any([Promise.reject(new TypeError('one')), Promise.reject(2)]); }, \
      dom() { throw Object.assign(new DOMException('gone', 'AbortError'), { code2: 1 }); }, \
      endless() { const e = new Error('loop'); e.cause = e; e.list = [e]; e.fine = 1; throw e; }, \
      large() { const e = new Error('large'); e.much = 'x'.repeat(9e6); e.fine = 1; throw e; }, \
      got() { const e = new Error('got'); Object.defineProperty(e, 'bad', { enumerable: true, get() { throw 1; } }); e.fine = 1; throw e; } }";

/// Runs `body` in an app whose env has API; what it returns is the text of its answer.
fn asked(body: &str) -> String {
    let runtime = runtime(1);
    load(&runtime, "api", API);
    text(&caller(&runtime, body), "/")
}

fn caller(runtime: &Runtime, body: &str) -> App {
    let code = format!(
        "const same = (v) => api.same(v); let api; const kind = (v) => Object.prototype.toString.call(v).slice(8, -1); \
         export default {{ async fetch(request, env) {{ api = env.API; const wrong = []; const check = (name, ok) => {{ if (!ok) wrong.push(name); }}; \
         const why = (promise) => promise.then(() => 'nothing', (e) => e); {body}; return new Response(wrong.join()); }} }}"
    );
    let mut options = options("caller", &code);
    options.bindings = vec![Binding { name: "API".into(), kind: BindingKind::App { app: "api".into(), entrypoint: None } }];
    runtime.load(options).expect("loads")
}

#[test]
fn what_is_no_object_is_what_it_was() {
    let body = "for (const v of [undefined, null, true, 0, -0, 1.5, NaN, Infinity, 2 ** 53, -(2 ** 63), 1e308, 0n, -1n, 2n ** 70n, '', 'a\\0', '\\u{1f600}']) \
        check(String(v), Object.is(await same(v), v)); \
      for (const v of ['\\ud83d', 'a\\ude00b\\ud83d', '\\udc00\\ud800', '\\ufffd', '\\ufffd\\ud800', 'x'.repeat(5000) + '\\udfff']) \
        check('text ' + v.length, (await same(v)) === v && (await same({ v })).v === v)";
    assert_eq!(asked(body), "");
}

#[test]
fn buffers_and_views_keep_their_kind() {
    let body = "const bytes = Uint8Array.from({ length: 16 }, (_, i) => i + 240); \
      for (const Kind of [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array, \
        BigInt64Array, BigUint64Array]) { const v = new Kind(bytes.buffer); const w = await same(v); check(Kind.name, w.constructor === Kind && w.join() === v.join()); } \
      for (const v of [bytes.buffer, new ArrayBuffer(0)]) { const w = await same(v); check('buffer', w instanceof ArrayBuffer && new Uint8Array(w).join() === new Uint8Array(v).join()); } \
      const v = await same(new DataView(bytes.buffer, 2, 4)); check('view', v instanceof DataView && v.byteLength === 4 && v.getUint16(0) === 0xf2f3); \
      check('empty view', (await same(new DataView(new ArrayBuffer(0)))).byteLength === 0); \
      const gone = new ArrayBuffer(8); structuredClone(gone, { transfer: [gone] }); check('detached', (await why(Promise.resolve().then(() => same(gone)))).name === 'DataCloneError')";
    assert_eq!(asked(body), "");
}

#[test]
fn objects_of_the_language_are_of_their_kind() {
    let body = "const r = await same(/a\\/(?<b>.)/dgimsuy); check('regexp', r instanceof RegExp && r.source === 'a\\\\/(?<b>.)' && r.flags === 'dgimsuy' && r.lastIndex === 0); \
      check('sets', (await same(/[a--b]/v)).flags === 'v' && (await same(new RegExp(''))).source === '(?:)'); \
      for (const v of [true, false, 0, -0, NaN, 'text', 5n]) { const w = await same(Object(v)); check('box ' + kind(v), typeof w === 'object' && kind(w) === kind(v) && Object.is(w.valueOf(), v)); } \
      const holes = await same([, 1, undefined, , ]); check('holes', holes.length === 4 && Object.keys(holes).join() === '1,2'); \
      check('only holes', Object.keys(await same(new Array(3))).length === 0 && (await same(new Array(3))).length === 3); \
      const m = await same(new Map([[{ a: 1 }, new Set([/x/, -0])]])); const [[k, s]] = [...m]; check('nested', k.a === 1 && [...s][0] instanceof RegExp && Object.is([...s][1], 0)); \
      check('dates', Number.isNaN((await same(new Date(NaN))).getTime()) && (await same(new Date(-1))).getTime() === -1)";
    assert_eq!(asked(body), "");
}

#[test]
fn a_regular_expression_is_what_it_was_made_of_whatever_it_says() {
    let body = "const lies = /a\\/b/gi; for (const [name, value] of [['source', '('], ['flags', 'zz'], ['global', false], ['toString', 1]]) \
        Object.defineProperty(lies, name, { value }); \
      const r = await same(lies); check('own ' + r, r.source === 'a\\\\/b' && r.flags === 'gi'); \
      const got = Object.getOwnPropertyDescriptor(RegExp.prototype, 'flags'); \
      Object.defineProperty(RegExp.prototype, 'flags', { configurable: true, get() { throw new Error('asked'); } }); \
      const s = await same(/c/s); Object.defineProperty(RegExp.prototype, 'flags', got); check('inherited', s.flags === 's')";
    assert_eq!(asked(body), "");
}

#[test]
fn a_regular_expression_with_halves_of_pairs_matches_what_it_did() {
    let body = "const texts = ['a', '\\ud800', '\\udfff', '\\ue000', '\\ufffd', '\\ud83d', '\\ud83d\\udc00', '\\\\ud83d', '\\\\', '\\u{1f600}']; \
      for (const [source, ...flags] of [['[\\ud800-\\ue000]', '', 'u', 'v', 'i'], ['^\\\\\\ud83d$', ''], ['^\\\\\\\\?\\ud83d$', '', 'u'], \
        ['^(?:\\ud83d\\\\udc00|a)$', '', 'u', 'v'], ['^(?:\\\\ud83d\\udc00|a)$', '', 'u', 'v'], ['\\u{1f600}|\\udc00', '', 'u'], ['\\ud800\\ufffd?', '']]) { \
        for (const f of flags) { const home = new RegExp(source, f); const away = await same(home).catch(() => /none/y); \
          check(`${home}`, away.flags === f && texts.every((text) => away.test(text) === home.test(text))); } }";
    assert_eq!(asked(body), "");
}

#[test]
fn an_error_that_is_sent_says_all_that_it_says_at_home() {
    let body = "for (const Class of [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]) { \
        const e = await same(new Class('m')); check(Class.name, e.constructor === Class && e.message === 'm' && !Object.hasOwn(e, 'cause') && Object.keys(e).length === 0); } \
      const e = await same(Object.assign(new Error('m', { cause: new TypeError('why', { cause: [1] }) }), { code: 'E', list: new Set([1]) })); \
      check('cause', e.cause instanceof TypeError && e.cause.cause[0] === 1 && Object.keys(e).join() === 'code,list' && e.list.has(1)); \
      const a = await same(new AggregateError([new Error('one'), 2], 'both', { cause: undefined })); \
      check('aggregate', a instanceof AggregateError && a.errors[0].message === 'one' && a.errors[1] === 2 && Object.hasOwn(a, 'cause') && !Object.keys(a).length); \
      const own = new Error('a: b'); own.name = 'Mine: yes'; const n = await same(own); check('name', n.name === 'Mine: yes' && n.message === 'a: b'); \
      const d = await same(new DOMException('m', 'AbortError')); check('dom', d instanceof DOMException && d.code === 20 && d.message === 'm'); \
      check('silent', (await same(new Error())).message === '' && (await same([new Error('x')]))[0].message === 'x'); \
      let deep = new Error('0'); for (let i = 1; i < 100; i++) deep = new Error(String(i), { cause: deep }); \
      let count = 0; for (let at = await same(deep); at; at = at.cause) count++; check('deep ' + count, count > 20 && count < 70)";
    assert_eq!(asked(body), "");
}

#[test]
fn an_error_that_is_thrown_says_all_that_it_says_at_home() {
    let body = "const e = await why(api.boom()); \
      check('boom', e instanceof RangeError && e.message === 'far' && e.cause instanceof TypeError && e.cause.message === 'why' && e.code === 7 && e.when.getTime() === 5 && !('lost' in e)); \
      const a = await why(api.all()); check('all', a instanceof AggregateError && a.errors.length === 2 && a.errors[0] instanceof TypeError && a.errors[1] === 2); \
      const d = await why(api.dom()); check('dom', d instanceof DOMException && d.name === 'AbortError' && d.message === 'gone' && d.code2 === 1); \
      const l = await why(api.endless()); check('endless', l.message === 'loop' && l.fine === 1 && !('cause' in l) && !('list' in l)); \
      const m = await why(api.large()); check('large', m.message === 'large' && m.fine === 1 && !('much' in m)); \
      const g = await why(api.got()); check('got', g.message === 'got' && g.fine === 1)";
    assert_eq!(asked(body), "");
}

#[test]
fn a_host_that_sends_what_is_no_pattern_hears_of_it() {
    let runtime = runtime(1);
    let app = load(&runtime, "app", "export const flags = (r) => r.flags; export default { fetch() {} }");
    let reg_exp = |source: &str, flags: &str| Value::RegExp { source: source.into(), flags: flags.into() };
    let invoke = |value| app.invoke_wait("flags", vec![value], None);
    for (wrong, says) in
        [(reg_exp("(", ""), "SyntaxError"), (reg_exp("a", "l"), "flags"), (reg_exp("a", "uv"), "u and v"), (reg_exp("a", "gg"), "once")]
    {
        let error = invoke(wrong).expect_err("it is none");
        assert!(error.status == Status::Exception && error.message.contains(says), "{error}");
    }
    assert_eq!(invoke(reg_exp("a", "g")).expect("it is one").0, Value::Text("g".into()));
}

#[test]
fn patterns_that_take_the_other_app_long_to_read_do_not_cross() {
    let body = "const pattern = (length, flags) => new RegExp('a'.repeat(length), flags), emoji = (count) => new RegExp('\\\\p{RGI_Emoji}'.repeat(count), 'v'); \
      for (const [name, v] of Object.entries({ one: pattern(1024), many: [pattern(500), { b: pattern(524) }], emoji: emoji(3) })) \
        check(name, kind(await same(v).catch(String)) === kind(v)); \
      for (const [name, v] of Object.entries({ one: pattern(1025), many: [pattern(500), { b: pattern(525, 'g') }], key: new Map([[pattern(1025), 1]]), emoji: emoji(4), \
        member: new Set([pattern(1025)]), categories: new RegExp('\\\\p{L}'.repeat(300), 'u') })) { \
        const e = await why(same(v)); check('no ' + name, e instanceof DOMException && e.name === 'DataCloneError' && e.message.includes('1024')); } \
      check('result', (await api.pattern(1024))[0].source.length === 1024 && (await why(api.pattern(1025))).name === 'DataCloneError'); \
      const thrown = await why(api.patterned()); check('thrown', thrown.message === 'm' && Object.keys(thrown).join() === 'fits,also' && thrown.fits.source === 'a'); \
      const sent = await same(Object.assign(new Error('m', { cause: pattern(1025) }), { fits: /a/ })); check('sent', !('cause' in sent) && sent.fits.source === 'a')";
    assert_eq!(asked(body), "");
}

#[test]
fn a_host_is_sent_patterns_of_any_length_and_sends_them() {
    let runtime = runtime(1);
    let app = load(
        &runtime,
        "app",
        "export const same = (r) => { if (r.source.length !== 5000) throw new Error(); return r; }; export default { fetch() {} }",
    );
    let long = Value::RegExp { source: "a".repeat(5000), flags: "g".into() };
    assert_eq!(app.invoke_wait("same", vec![long.clone()], None).expect("the host's").0, long);
}

#[test]
fn patterns_in_queues_have_a_limit_for_each_message_and_each_batch() {
    let runtime = runtime(1);
    let code = "export default { async fetch(request, env) { const sent = []; \
         for (const length of [1025, 400, 600, 500, 1024, 1, 1]) \
           sent.push(await env.JOBS.send({ r: new RegExp('a'.repeat(length)) }, { contentType: 'v8' }).then(() => 'sent', (e) => e.name)); \
         return new Response(sent.join()); }, \
       queue(batch) { console.log(batch.messages.map((m) => m.body.r.source.length).join()); } }";
    let mut options = options("app", code);
    options.bindings = vec![Binding { name: "JOBS".into(), kind: BindingKind::Queue { queue: "jobs".into() } }];
    let app = runtime.load(options.clone()).expect("loads");
    assert_eq!(text(&app, "/"), "DataCloneError,sent,sent,sent,sent,sent,sent");
    options.consumers = vec![QueueConsumer { batch: 10, batch_wait_ms: 0, concurrency: 1, ..QueueConsumer::new("jobs") }];
    app.reload(options).expect("reloads");
    let batches: Vec<String> = (0..4)
        .map(|_| {
            wait_for(&runtime, |event| match &event.payload {
                Payload::Log { text, .. } => Some(text.clone()),
                _ => None,
            })
        })
        .collect();
    assert_eq!(batches, ["400,600", "500", "1024", "1,1"]);
}
