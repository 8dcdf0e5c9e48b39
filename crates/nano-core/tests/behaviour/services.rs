//! Apps that call apps of the same runtime, without the host.

use nano_core::{App, Binding, BindingKind, Payload, Runtime, Status, Value};

use crate::support::*;

fn service(name: &str, app: &str, entrypoint: Option<&str>) -> Binding {
    Binding { name: name.into(), kind: BindingKind::App { app: app.into(), entrypoint: entrypoint.map(str::to_string) } }
}

/// An app whose env has API, another app.
fn caller(runtime: &Runtime, target: &str, entrypoint: Option<&str>, body: &str) -> App {
    let mut options = options("caller", &format!("export default {{ async fetch(request, env, ctx) {{ {body} }} }}"));
    options.bindings = vec![service("API", target, entrypoint)];
    runtime.load(options).expect("loads")
}

const API: &str = "import * as nothing from './api.js'; let n = 0; \
    export class Admin { constructor(ctx, env) { this.env = env; } fetch(r) { return new Response('admin ' + new URL(r.url).pathname); } who() { return this.env.NAME; } } \
    export const plain = { fetch() { return new Response('plain'); }, add: (a, b) => a + b + 100 }; \
    export function add(a, b) { return a + b; } \
    export default { \
      async fetch(r, env, ctx) { \
        const url = new URL(r.url); \
        if (url.pathname === '/throw') throw new TypeError('bad'); \
        if (url.pathname === '/loop') for (;;); \
        if (url.pathname === '/echo') return new Response(r.body, { status: 201, headers: { 'x-m': r.method } }); \
        if (url.pathname === '/hang') { await new Promise((done) => r.signal.addEventListener('abort', done)); n++; return new Response(); } \
        if (url.pathname === '/n') return new Response(String(n)); \
        return new Response(`${r.method} ${r.url} ${r.headers.get('x-a')} ${await r.text()}`); \
      }, \
      greet(name) { return { hello: name, at: new Date(0), list: [1n, new Uint8Array([1, 2])] }; }, \
      boom() { throw new RangeError('too far'); }, \
      same(value) { return value; }, \
    }";

fn load_api(runtime: &Runtime) -> App {
    let mut options = options("api", &API.replace("import * as nothing from './api.js'; ", ""));
    options.env = vec![("NAME".into(), "the api".into())];
    runtime.load(options).expect("loads")
}

#[test]
fn an_app_fetches_another_one() {
    for threads in [1, 2] {
        let runtime = runtime(threads);
        let api = load_api(&runtime);
        let app = caller(
            &runtime,
            "api",
            None,
            "const r = await env.API.fetch('http://api/x?y', { method: 'POST', body: 'hi', headers: { 'x-a': 'b' } }); \
             const e = await env.API.fetch('http://api/echo', { method: 'PUT', body: 'whole' }); \
             return new Response([await r.text(), e.status, e.headers.get('x-m'), await e.text()].join());",
        );
        let response = fetch(&app, "/").expect("a response");
        assert_eq!(String::from_utf8_lossy(&response.body), "POST http://api/x?y b hi,201,PUT,whole");
        assert_eq!((response.account.subrequests, api.stats().requests, api.stats().in_flight), (2, 2, 0));
        assert!(api.stats().cpu_us > 0);
    }
}

#[test]
fn methods_are_called_with_values_and_errors_come_back_as_they_are() {
    let runtime = runtime(1);
    load_api(&runtime);
    let app = caller(
        &runtime,
        "api",
        None,
        "const g = await env.API.greet('you'); const e = await env.API.boom().catch((e) => e); \
         return new Response([g.hello, g.at.getTime(), g.list[0] === 1n, g.list[1].length, await env.API.add(1, 2), e instanceof RangeError, e.message, \
           await env.API.missing().catch((e) => e.message)].join());",
    );
    assert_eq!(text(&app, "/"), "you,0,true,2,3,true,too far,The app \"api\" exports no function 'missing'.");
}

#[test]
fn what_is_not_plain_is_refused_by_its_class_and_never_arrives_as_an_empty_object() {
    let runtime = runtime(1);
    load_api(&runtime);
    let app = caller(
        &runtime,
        "api",
        None,
        "class Point { x = 1; } class Line extends Point {} function* count() { yield 1; } \
         const key = await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, true, ['sign']); \
         const refused = { Response: new Response('a'), Request: new Request('http://a/'), Headers: new Headers(), URL: new URL('http://a/'), \
           URLSearchParams: new URLSearchParams('a=b'), Blob: new Blob(['a']), File: new File(['a'], 'a'), FormData: new FormData(), \
           ReadableStream: new ReadableStream(), WeakMap: new WeakMap(), WeakRef: new WeakRef({}), CryptoKey: key, AbortSignal: AbortSignal.abort(), \
           Symbol: Object(Symbol()), Point: new Point(), Line: new Line() }; \
         const wrong = []; \
         for (const [name, value] of [...Object.entries(refused), ['Generator', count()], ['Object', Object.create({ a: 1 })]]) { \
           for (const given of [value, [{ value }], new Map([[1, value]])]) { \
             const e = await env.API.same(given).catch((e) => e); \
             if (e.name !== 'DataCloneError' || !(name === 'Generator' || e.message.includes(`class ${name} `))) wrong.push(`${name}: ${e}`); \
           } \
         } \
         const bare = await env.API.same(Object.assign(Object.create(null), { a: 1 })); \
         const kept = await env.API.same([bare, { b: [new Date(0), new Set([1]), new Uint8Array(1), new RangeError('r')] }]); \
         return new Response(`${wrong.join('; ')}|${kept[0].a},${kept[1].b.map((item) => item.name ?? item.constructor.name)}`);",
    );
    assert_eq!(text(&app, "/"), "|1,Date,Set,Uint8Array,RangeError");
}

#[test]
fn an_entrypoint_is_a_named_export() {
    let runtime = runtime(1);
    load_api(&runtime);
    let ask = "const m = await env.API.fetch('http://x/p').then((r) => r.text(), (e) => e.message); \
         const a = await env.API.add(1, 2).catch((e) => e.message); const w = await env.API.who().catch((e) => e.message); return new Response([m, a, w].join());";
    for (entrypoint, expected) in [
        ("Admin", "admin /p,The entrypoint 'Admin' has no method 'add'.,the api"),
        ("plain", "plain,103,The entrypoint 'plain' has no method 'who'."),
        (
            "gone",
            "the app \"api\" failed: TypeError: The app \"api\" has no entrypoint 'gone'.,The app \"api\" has no entrypoint 'gone'.,The app \"api\" has no entrypoint 'gone'.",
        ),
    ] {
        let app = caller(&runtime, "api", Some(entrypoint), ask);
        assert_eq!(text(&app, "/"), expected);
        app.unload(PATIENCE).expect("unloads");
    }
}

#[test]
fn an_app_without_fetch_says_that_it_has_none() {
    let runtime = runtime(1);
    for (source, script) in [
        ("export const add = (a, b) => a + b; export default { scheduled() {} }", false),
        ("export const add = (a, b) => a + b;", false),
        ("addEventListener('scheduled', () => {}); addEventListener('fetch', () => {})", true),
    ] {
        let api = load(&runtime, "api", source);
        let error = fetch(&api, "/").expect_err("no response");
        let wanted = if script {
            "TypeError: No listener for 'fetch' called event.respondWith()."
        } else {
            "TypeError: The app \"api\" has no default export with a method 'fetch'."
        };
        assert_eq!((error.status, error.message.as_str()), (Status::Exception, wanted));
        api.unload(PATIENCE).expect("unloads");
    }
}

#[test]
fn bodies_stream_both_ways_within_their_windows() {
    for threads in [1, 2] {
        let runtime = runtime(threads);
        load_api(&runtime);
        let app = caller(
            &runtime,
            "api",
            None,
            "let made = 0, read = 0, ahead = 0; \
             const body = new ReadableStream({ pull(c) { made += 10000; if (made > 1e6) c.close(); else { ahead = Math.max(ahead, made - read); c.enqueue(new Uint8Array(10000)); } } }, { highWaterMark: 0 }); \
             const response = await env.API.fetch('http://api/echo', { method: 'POST', body, duplex: 'half' }); \
             for await (const chunk of response.body) read += chunk.length; \
             return new Response(`${read} ${ahead < 400000}`);",
        );
        assert_eq!(text(&app, "/"), "1000000 true");
    }
}

#[test]
fn an_upload_ends_when_the_other_app_reads_no_more() {
    for threads in [1, 2] {
        let runtime = runtime(threads);
        load_api(&runtime);
        let app = caller(
            &runtime,
            "api",
            None,
            "const { promise, resolve } = Promise.withResolvers(); \
             const body = new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(10000)); }, cancel() { resolve('ended'); } }); \
             const response = await env.API.fetch('http://api/n', { method: 'POST', body, duplex: 'half' }); \
             return new Response(`${await response.text()} ${await promise}`);",
        );
        assert_eq!(text(&app, "/"), "0 ended");
    }
}

#[test]
fn bodies_between_apps_are_counted_where_they_wait() {
    let runtime = runtime(2);
    let api = load_api(&runtime);
    let app = caller(
        &runtime,
        "api",
        None,
        "const body = new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(10000)); } }); \
         return env.API.fetch('http://api/hang', { method: 'POST', body, duplex: 'half' });",
    );
    let id = app.dispatch(get("/")).expect("accepted");
    while api.stats().waiting_bytes < 60_000 {
        std::thread::yield_now();
    }
    assert!(api.stats().waiting_bytes <= 75_000);
    assert!(app.stats().waiting_bytes < 100, "no more than the call's head");
    runtime.request_cancel(id).expect("is running");
    until_end(&runtime, id);
    while api.stats().waiting_bytes > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn a_piece_larger_than_the_other_app_may_hold_reaches_it_in_smaller_ones() {
    let runtime = runtime(2);
    let source = "export default { async fetch(request) { \
        if (new URL(request.url).pathname === '/gathers') return new Response((await request.bytes()).length); \
        let sum = 0; for await (const piece of request.body) sum += piece.length; return new Response(sum); } }";
    let mut small = options("api", source);
    small.limits.external_bytes = 1 << 20;
    runtime.load(small).expect("loads");
    let app = caller(
        &runtime,
        "api",
        None,
        "const body = new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(2_000_000)); c.close(); } }); \
         const sent = env.API.fetch(request.url, { method: 'POST', body, duplex: 'half' }); \
         return new Response(await sent.then((r) => r.text(), (e) => e.message));",
    );
    assert_eq!(text(&app, "/streams"), "2000000");
    // Who keeps all of it needs the room.
    let refused = text(&app, "/gathers");
    assert!(refused.starts_with("the app \"api\" failed: RangeError") && refused.contains("external_bytes"), "{refused}");
}

#[test]
fn failures_of_the_other_app_are_told_apart() {
    let runtime = runtime(2);
    let api = load_api(&runtime);
    let app = caller(
        &runtime,
        "api",
        None,
        "return new Response(await env.API.fetch(request).then((r) => r.status, (e) => e.name + ': ' + e.message));",
    );
    assert_eq!(text(&app, "/throw"), "TypeError: the app \"api\" failed: TypeError: bad");
    assert!(text(&app, "/loop").contains("the app \"api\" failed: the app used more than 400 ms of CPU time"));
    assert_eq!(text(&app, "/"), "200");
    assert_eq!(api.stats().errors, 2);
    api.unload(PATIENCE).expect("unloads");
    assert_eq!(text(&app, "/"), "TypeError: there is no app named \"api\"");
    // Loaded again, it is found again: the binding is a name.
    load_api(&runtime);
    assert_eq!(text(&app, "/"), "200");
}

#[test]
fn the_other_app_hears_when_its_caller_has_gone() {
    let runtime = runtime(2);
    let api = load_api(&runtime);
    let app = caller(
        &runtime,
        "api",
        None,
        "const answer = env.API.fetch('http://api/hang'); await env.API.fetch('http://api/n'); console.log('on its way'); return answer;",
    );
    let id = app.dispatch(get("/")).expect("accepted");
    wait_for(&runtime, |event| matches!(event.payload, Payload::Log { .. }).then_some(()));
    assert_eq!(text(&api, "/n"), "0");
    runtime.request_cancel(id).expect("is running");
    while text(&api, "/n") != "1" {}
    assert_eq!(api.stats().in_flight, 0);
}

#[test]
fn loops_end_at_a_depth() {
    let runtime = runtime(2);
    let mut options = options(
        "loop",
        "let n = 0; export default { async fetch(r, env) { n++; if (new URL(r.url).pathname === '/n') return new Response(String(n)); \
           const answer = await env.SELF.fetch(r.url).catch((e) => new Response(e.message)); return new Response(await answer.text()); } }",
    );
    options.bindings = vec![service("SELF", "loop", None)];
    options.limits.subrequests_at_once = 100;
    let app = runtime.load(options).expect("loads");
    assert_eq!(text(&app, "/"), "apps have called one another 16 deep: is it a loop?");
    assert_eq!(text(&app, "/n"), "18");
}

#[test]
fn the_limits_of_the_other_app_hold() {
    let runtime = runtime(1);
    let mut options = options("api", "export default { fetch: () => new Response('ok'), big: () => 'x'.repeat(9e6) }");
    options.limits.url_bytes = 30;
    options.limits.body_bytes = 4;
    runtime.load(options).expect("loads");
    let app = caller(
        &runtime,
        "api",
        None,
        "const ask = (...args) => env.API.fetch(...args).then((r) => r.text(), (e) => e.message.slice(0, 26)); \
         return new Response([await ask('http://api/' + 'x'.repeat(30)), await ask('http://api/', { method: 'POST', body: '12345' }), await ask('http://api/'), \
           await env.API.big().catch((e) => e.message.slice(0, 19))].join('|'));",
    );
    assert_eq!(text(&app, "/"), "the URL has 41 bytes; the |the body has 5 bytes; the |ok|a value that takes ");
}

#[test]
fn what_takes_long_to_receive_ends_as_a_long_turn_does() {
    let runtime = runtime(1);
    // V8 hashes a bigint by its lowest digit.
    let source = "export default { fetch() {}, give: () => new Set(Array.from({ length: 20_000 }, (_, n) => (BigInt(n) << 64n) + 1n)) };";
    let mut alike = options("alike", source);
    alike.limits.cpu_ms = 3_600_000;
    runtime.load(alike).expect("loads");
    let app = caller(&runtime, "alike", None, "if (request.url.endsWith('/take')) await env.API.give(); return new Response('hi');");
    assert_eq!(fetch(&app, "/take").expect_err("it takes too long").status, Status::CpuLimit);
    assert_eq!((text(&app, "/"), runtime.stats().abandoned), ("hi".into(), 0));
}

#[test]
fn errors_of_another_app_have_the_class_that_they_had_there() {
    let runtime = runtime(1);
    let api = "export default { fetch() {}, built(name) { throw new globalThis[name]('m'); }, below() { throw new (class Mine extends TypeError {})('m'); }, \
      own() { const e = new Error('a: b'); e.name = 'Mine'; throw e; }, dom(name) { throw new DOMException('m', name); }, uncloneable() { return () => {}; } }";
    load(&runtime, "api", api);
    let app = caller(
        &runtime,
        "api",
        None,
        "const wrong = []; const why = (promise) => promise.then(() => 'nothing', (e) => e); \
         for (const name of ['Error', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError']) { \
           const e = await why(env.API.built(name)); if (e.constructor !== globalThis[name] || e.name !== name || e.message !== 'm') wrong.push(name); } \
         for (const name of ['AbortError', 'TimeoutError', 'OperationError']) { \
           const e = await why(env.API.dom(name)); if (!(e instanceof DOMException) || e.name !== name || e.message !== 'm') wrong.push(name); } \
         const below = await why(env.API.below()); if (!(below instanceof TypeError)) wrong.push('below'); \
         const own = await why(env.API.own()); if (own.constructor !== Error || own.name !== 'Mine' || own.message !== 'a: b') wrong.push(String(own)); \
         const refused = await why(env.API.uncloneable()); if (!(refused instanceof DOMException) || refused.code !== 25) wrong.push('refused'); \
         return new Response(wrong.join());",
    );
    assert_eq!(text(&app, "/"), "");
}

#[test]
fn objects_of_the_hosts_do_not_pass_between_apps() {
    let runtime = runtime(1);
    load_api(&runtime);
    let mut options = options(
        "caller",
        "export default { async fetch(r, env) { const row = await env.make(); return new Response(await env.API.same([row]).catch((e) => e.message)); } }",
    );
    let row = Binding { name: "Row".into(), kind: BindingKind::Class(nano_core::ClassShape::default()) };
    options.bindings = vec![service("API", "api", None), row, Binding { name: "make".into(), kind: BindingKind::Function }];
    let app = runtime.load(options).expect("loads");
    let id = app.dispatch(get("/")).expect("accepted");
    let call = wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    runtime.call_return(call, Value::HostObject(nano_core::HostObject { class: "Row".into(), id: 1, keeper: None })).expect("is open");
    match until_end(&runtime, id).pop() {
        Some(Payload::Response { body, .. }) => assert_eq!(body, b"an object of the host's cannot be passed to another app"),
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn a_draining_runtime_ends_calls_between_apps() {
    let runtime = runtime(2);
    load_api(&runtime);
    let app = caller(&runtime, "api", None, "return env.API.fetch('http://api/hang');");
    let id = app.dispatch(get("/")).expect("accepted");
    assert!(!runtime.drain(std::time::Duration::ZERO));
    match until_end(&runtime, id).pop() {
        Some(Payload::Error(error, _)) => assert!(matches!(error.status, Status::Draining | Status::Exception), "{error}"),
        other => panic!("unexpected {other:?}"),
    }
    runtime.free();
}

/// What an app offers to others, what it does not, and what of that has run.
const OFFERS: &str = "export class Admin extends WorkerEntrypoint { secret() { return 'secret'; } scheduled() { ran.push('scheduled of Admin'); } } \
    export const plain = { offered: () => 'plain', queue() { ran.push('queue of plain'); }, __proto__: { inherited() { ran.push('inherited of plain'); } } }; \
    export const helper = (a) => `helped ${a}`; export function tail() { ran.push('tail'); } const ran = [];";
const HANDLERS: &str = "scheduled() { ran.push('scheduled'); } queue() { ran.push('queue'); } tail() { ran.push('tail'); } email() { ran.push('email'); } \
    trace() { ran.push('trace'); } alarm() { ran.push('alarm'); } ran() { return ran.join(); } offered() { return 'offered'; }";

/// Calls everything by a name, and tells what answers.
const ASK: &str = "const wrong = []; for (const name of ['Admin.secret', 'Admin.scheduled', 'plain.offered', 'Admin', 'plain', 'default', 'default.offered', '.secret', '', \
      '0', 'env', 'ctx', 'call', 'name', 'length', 'prototype', 'inherited', 'scheduled', 'queue', 'tail', 'email', 'trace', 'alarm']) { \
      const e = await env.API[name]({ cron: 'x' }).then((v) => v ?? 'nothing', (e) => e); \
      if (!(e instanceof TypeError) || !e.message.includes(`'${name}'`)) wrong.push(`${name}: ${e}`); } \
    const reached = [env.API.then, env.API.constructor, env.API.toJSON, Reflect.get(env.API, '__proto__') === Object.getPrototypeOf(env.API)]; \
    return new Response([wrong, await env.API.offered(), await env.API.helper?.(1).catch((e) => 'no helper'), reached, await env.API.ran?.().catch(() => 'not asked')].join('|'));";

#[test]
fn another_app_reaches_methods_and_exported_functions_and_no_handler_or_entrypoint() {
    let runtime = runtime(1);
    let of_object = HANDLERS.replace("} ", "}, ");
    for default in [
        format!("{{ fetch() {{}}, {of_object}, __proto__: {{ inherited() {{ ran.push('inherited'); }} }} }}"),
        format!("class {{ fetch() {{}} {HANDLERS} }}"),
        format!("class extends WorkerEntrypoint {{ fetch() {{}} {HANDLERS} }}"),
    ] {
        let api =
            load(&runtime, "api", &format!("import {{ WorkerEntrypoint }} from 'cloudflare:workers'; {OFFERS} export default {default};"));
        let app = caller(&runtime, "api", None, ASK);
        assert_eq!(text(&app, "/"), "|offered|helped 1|,,,true|", "{default}");
        // The host may.
        assert_eq!(api.invoke_wait("Admin.secret", vec![], None).expect("the host's").0, Value::Text("secret".into()));
        api.invoke_wait("scheduled", vec![], None).expect("the host's");
        assert_eq!(api.invoke_wait("ran", vec![], None).expect("the host's").0, Value::Text("scheduled".into()));
        app.unload(PATIENCE).expect("unloads");
        api.unload(PATIENCE).expect("unloads");
    }
}

#[test]
fn a_named_entrypoint_has_no_handlers_for_other_apps() {
    let runtime = runtime(1);
    let source = format!(
        "import {{ WorkerEntrypoint }} from 'cloudflare:workers'; {OFFERS} \
         export default {{ fetch: () => new Response(ran.join()), scheduled() {{ ran.push('scheduled'); }}, offered: () => 'default' }};"
    );
    let api = load(&runtime, "api", &source);
    for (entrypoint, offered) in [("Admin", "secret"), ("plain", "offered"), ("default", "offered")] {
        let ask = format!(
            "const wrong = []; for (const name of ['scheduled', 'queue', 'tail', 'inherited', 'Admin.secret', 'helper', 'constructor ']) {{ \
               const e = await env.API[name]().then((v) => v ?? 'nothing', (e) => e); if (!(e instanceof TypeError)) wrong.push(`${{name}}: ${{e}}`); }} \
             return new Response([wrong, await env.API.{offered}()].join('|'));"
        );
        let app = caller(&runtime, "api", Some(entrypoint), &ask);
        assert!(matches!(text(&app, "/").as_str(), "|secret" | "|plain" | "|default"), "{entrypoint}");
        app.unload(PATIENCE).expect("unloads");
    }
    assert_eq!(text(&api, "/"), "");
}

#[test]
fn listeners_of_a_script_are_no_functions_for_other_apps() {
    let runtime = runtime(1);
    let script = "let ran = 0; addEventListener('scheduled', () => ran++); addEventListener('fetch', (e) => e.respondWith(new Response(String(ran))));";
    load(&runtime, "api", script);
    let app = caller(
        &runtime,
        "api",
        None,
        "const e = await env.API.scheduled({ cron: 'x' }).catch((e) => e); return new Response([e.name, await (await env.API.fetch('http://a/')).text()].join());",
    );
    assert_eq!(text(&app, "/"), "TypeError,0");
}

#[test]
fn what_an_app_asks_for_in_vain_is_its_own_error_and_not_in_the_log_of_the_other() {
    let runtime = runtime(1);
    let api = "export const plain = {}; export class Empty { } export default { scheduled() {}, says() { console.log('mine'); throw new Error('said'); } };";
    load(&runtime, "api", api);
    let mut options = options(
        "caller",
        "export default { async fetch(request, env) { const long = 'x\\n'.repeat(4096), heard = []; \
           const why = (promise) => promise.catch((e) => heard.push(e)); \
           for (const api of [env.API, env.PLAIN, env.GONE, env.EMPTY]) { await why(api[long]()); await why(api['two\\nlines']()); await why(api.missing()); await why(api.fetch('http://a/')); } \
           await why(env.API.says()); \
           return new Response([heard.length, heard.every((e) => e.message.length < 300), heard.at(-1).message].join()); } }",
    );
    options.bindings = vec![
        service("API", "api", None),
        service("PLAIN", "api", Some("plain")),
        service("GONE", "api", Some("gone")),
        service("EMPTY", "api", Some("Empty")),
    ];
    let app = runtime.load(options).expect("loads");
    let id = app.dispatch(get("/")).expect("accepted");
    let mut logged = Vec::new();
    let body = wait_for(&runtime, |event| match &event.payload {
        Payload::Log { app, text, .. } if app == "api" => {
            logged.push(text.lines().next().unwrap_or_default().to_string());
            None
        }
        Payload::Response { body, .. } if event.id == id => Some(body.clone()),
        _ => None,
    });
    assert_eq!(String::from_utf8_lossy(&body), "17,true,said");
    assert_eq!(logged, ["mine", "Uncaught Error: said"]);
}
