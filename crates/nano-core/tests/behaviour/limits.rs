//! Limits: what breaks one, how it is answered, and that the neighbours do not notice.

use nano_core::limits::SHARD_LANE_MAX;
use nano_core::{Binding, BindingKind, Clock, Error, EventMask, Payload, Runtime, RuntimeLimits, RuntimeOptions, Status, Value};

use crate::support::*;

const HELLO: &str = "export default { fetch() { return new Response('hi'); } }";

#[test]
fn an_endless_loop_is_stopped_and_the_next_request_gets_a_fresh_instance() {
    let runtime = runtime(1);
    let app = load(&runtime, "loop", "export default { fetch(r) { if (r.url.endsWith('/loop')) for (;;); return new Response('ok'); } }");
    let error = fetch(&app, "/loop").expect_err("loops");
    assert_eq!(error.status, Status::CpuLimit);
    assert_eq!(text(&app, "/"), "ok");
    assert_eq!(app.stats().condemned, 1);
}

#[test]
fn waiting_costs_no_cpu_time() {
    let runtime = runtime(1);
    let options =
        options("wait", "export default { async fetch() { await new Promise((r) => setTimeout(r, 1_000)); return new Response('ok'); } }");
    let app = runtime.load(options).expect("loads");
    let response = fetch(&app, "/").expect("is not stopped");
    assert!(response.account.wall_us >= 1_000_000);
    assert!(response.account.cpu_us < u64::from(CPU_MS) * 1_000);
}

#[test]
fn a_start_that_loops_fails_the_load() {
    let runtime = runtime(1);
    let error = runtime.load(options("slow", "for (;;); export default { fetch() {} }")).expect_err("loops");
    assert_eq!(error.status, Status::CpuLimit);
    assert!(error.message.contains("start_cpu_ms"), "{}", error.message);
}

#[test]
fn who_takes_too_long_is_told_where() {
    let runtime = runtime(1);
    let source = "class Maze {\n  constructor() { this.walk(); }\n  walk() { for (;;); }\n}\nconst lost = () => new Maze();\n";
    let expected = |message: &str, last: &str| {
        format!(
            "Error: {message}\n    at walk (index.js:3:12)\n    at new Maze (index.js:2:24)\n    at lost (index.js:5:20)\n    at {last}"
        )
    };
    let mut at_start = options("start", &format!("{source}lost();"));
    at_start.limits.start_cpu_ms = CPU_MS;
    let error = runtime.load(at_start).expect_err("it never starts");
    assert_eq!(error.stack, expected("the app used more than 400 ms of CPU time to start (limit start_cpu_ms)", "index.js:6:1"));

    let app = load(&runtime, "app", &format!("{source}export default {{ fetch() {{\n  lost(); }} }}"));
    let id = app.dispatch(get("/")).expect("accepted");
    let expected = expected("the app used more than 400 ms of CPU time in one event (limit cpu_ms)", "fetch (index.js:7:3)");
    let mut logged = String::new();
    let error = wait_for(&runtime, |event| match &event.payload {
        Payload::Log { text, .. } => {
            logged.clone_from(text);
            None
        }
        Payload::Error(error, _) if event.id == id => Some(error.clone()),
        _ => None,
    });
    // What is below the app's own frames is the platform's.
    assert!(error.stack.starts_with(&expected), "{}", error.stack);
    assert_eq!(logged, error.stack);
}

#[test]
fn who_is_stopped_in_what_v8_does_not_interrupt_is_stopped_all_the_same() {
    let runtime = runtime(1);
    // The product looks for termination only, not for interrupts.
    let source = "export default { fetch(r) { if (!r.url.endsWith('/big')) return new Response('ok'); \
        const n = (1n << 45n * 1_000_000n) - 1n; return new Response(String((n * n) & 1n)); } }";
    let mut big = options("big", source);
    big.limits.cpu_ms = 200;
    let app = runtime.load(big).expect("loads");
    assert_eq!(fetch(&app, "/big").expect_err("takes too long").status, Status::CpuLimit);
    assert_eq!((text(&app, "/").as_str(), app.stats().strikes), ("ok", 0));
}

#[test]
fn a_queue_that_is_full_of_one_apps_requests_has_room_for_anothers() {
    let limits = RuntimeLimits { threads: 1, requests: 300_000, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, ..RuntimeOptions::default() }).expect("a runtime");
    let lazy = |name: &str| {
        let mut options = options(name, HELLO);
        (options.lazy, options.limits.requests) = (true, 300_000);
        runtime.load(options).expect("is only registered")
    };
    let (greedy, other) = (lazy("greedy"), lazy("other"));
    let mut hog = options("hog", "export default { fetch() { for (;;); } }");
    hog.limits.cpu_ms = 60_000;
    let hog = runtime.load(hog).expect("loads");
    hog.dispatch(get("/")).expect("accepted");
    until(|| runtime.shards()[0].view.turn.is_some());
    let refused = (0..=SHARD_LANE_MAX).find_map(|_| greedy.dispatch(get("/")).err()).expect("not all of them");
    assert!(refused.status == Status::Overloaded && refused.message.contains("the shard's queue is full"), "{refused}");
    assert_eq!(greedy.stats().in_flight, SHARD_LANE_MAX as u64);
    let id = other.dispatch(get("/")).expect("it has asked for nothing yet");
    hog.kill().expect("it runs");
    until_end(&runtime, id);
}

#[test]
fn a_full_heap_ends_the_instance_not_the_process() {
    let runtime = runtime(1);
    let source = "export default { fetch(r) { if (r.url.endsWith('/ok')) return new Response('ok'); const a = []; for (;;) a.push(new Array(1000).fill(a)); } }";
    let mut options = options("heap", source);
    options.limits.cpu_ms = 5_000;
    let app = runtime.load(options).expect("loads");
    assert_eq!(fetch(&app, "/").expect_err("fills its heap").status, Status::MemoryLimit);
    assert_eq!(text(&app, "/ok"), "ok");
}

#[test]
fn memory_outside_the_heap_is_refused_by_budget() {
    let runtime = runtime(1);
    let source = "export default { fetch() { const kept = []; try { for (;;) kept.push(new ArrayBuffer(1 << 20)); } catch (e) { \
        return new Response(e.name + ' ' + kept.length); } } }";
    let app = load(&runtime, "buffers", source);
    let answer = text(&app, "/");
    let (name, count) = answer.split_once(' ').expect("two words");
    assert_eq!(name, "RangeError");
    let count: u32 = count.parse().expect("a number");
    assert!((25..=32).contains(&count), "{count} MiB of 32");
}

#[test]
fn the_wall_limit_follows_the_clock() {
    let clock = Clock::manual();
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, clock, ..RuntimeOptions::default() }).expect("a runtime");
    let app = load(
        &runtime,
        "never",
        "export default { fetch(r) { return r.url.endsWith('/ok') ? new Response('ok') : new Promise(() => {}); } }",
    );
    let id = app.dispatch(get("/")).expect("accepted");
    assert_eq!(text(&app, "/ok"), "ok");
    runtime.advance_clock(29_000).expect("a manual clock");
    assert_eq!(text(&app, "/ok"), "ok");
    runtime.advance_clock(1_001).expect("a manual clock");
    let end = until_end(&runtime, id);
    assert!(matches!(end.last(), Some(Payload::Error(error, _)) if error.status == Status::WallLimit), "{end:?}");
}

#[test]
fn idle_instances_are_evicted_and_start_again() {
    let clock = Clock::manual();
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    let runtime =
        Runtime::new(RuntimeOptions { limits, clock, events: EventMask { logs: false, apps: true }, ..RuntimeOptions::default() })
            .expect("a runtime");
    let app = load(&runtime, "idle", HELLO);
    assert_eq!(text(&app, "/"), "hi");
    runtime.advance_clock(61_500).expect("a manual clock");
    wait_for(&runtime, |event| matches!(&event.payload, Payload::App { state: "evicted", reason, .. } if reason == "idle").then_some(()));
    assert_eq!(text(&app, "/"), "hi");
    assert_eq!(app.stats().starts, 2);
}

#[test]
fn timers_are_counted() {
    let runtime = runtime(1);
    let source = "export default { fetch() { let n = 0; try { for (;;) { setTimeout(() => {}, 1e6); n++; } } catch (e) { return new Response(e.name + ' ' + n); } } }";
    assert_eq!(text(&load(&runtime, "timers", source), "/"), "RangeError 10000");
}

#[test]
fn too_long_urls_headers_and_bodies_are_refused_before_javascript() {
    let runtime = runtime(1);
    let app = load(&runtime, "sizes", HELLO);
    let refused = |init| {
        let error = app.fetch(init, Some(PATIENCE)).expect_err("too large");
        (error.status, error.message)
    };
    let (status, message) = refused(get(&format!("/{}", "x".repeat(17 << 10))));
    assert!(status == Status::TooLarge && message.contains("414"), "{message}");
    let mut init = get("/");
    assert!(init.head.headers.push(b"x", &vec![b'y'; 129 << 10]));
    let (status, message) = refused(init);
    assert!(status == Status::TooLarge && message.contains("431"), "{message}");
    let (status, message) = refused(post("/", &"z".repeat((10 << 20) + 1)));
    assert!(status == Status::TooLarge && message.contains("413"), "{message}");
}

#[test]
fn a_broken_env_is_refused_with_the_name_of_the_entry() {
    let runtime = runtime(1);
    let mut too_many = options("many", HELLO);
    too_many.env = (0..65).map(|n| (format!("K{n}"), String::new())).collect();
    let refused = |options, name: &str| {
        let error = runtime.load(options).expect_err("a broken env");
        assert!(error.status == Status::Invalid && error.message.contains(name), "{error:?}");
    };
    refused(too_many, "env_entries");
    let mut too_long = options("long", HELLO);
    too_long.env = vec![("LONG".into(), "x".repeat(6 << 10))];
    refused(too_long, "env.LONG");
    let mut twice = options("twice", HELLO);
    twice.env = vec![("A".into(), "1".into()), ("A".into(), "2".into())];
    refused(twice, "\"A\"");
}

#[test]
fn eval_and_wasm_from_bytes_are_off() {
    let runtime = runtime(1);
    let source = "export default { fetch() { const out = []; for (const f of [() => eval('1'), () => new Function('return 1'), \
        () => new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))]) { try { f(); out.push('allowed'); } catch (e) { out.push(e.name); } } \
        return Response.json(out); } }";
    assert_eq!(text(&load(&runtime, "eval", source), "/"), r#"["EvalError","EvalError","CompileError"]"#);
}

#[test]
fn more_requests_than_allowed_are_refused_and_nothing_is_lost() {
    let runtime = runtime(1);
    let mut options = options("full", "export default { fetch() { return new Promise(() => {}); } }");
    options.limits.requests = 3;
    let app = runtime.load(options).expect("loads");
    for _ in 0..3 {
        app.dispatch(get("/")).expect("accepted");
    }
    assert_eq!(app.dispatch(get("/")).expect_err("full").status, Status::Overloaded);
    assert_eq!(app.stats().in_flight, 3);
}

#[test]
fn time_stands_still_within_a_turn_and_moves_between_turns() {
    let runtime = runtime(1);
    let source = "export default { async fetch() { const a = [Date.now(), performance.now(), +new Date()]; let s = 0; for (let i = 0; i < 2e7; i++) s += i % 3; \
        const same = a[0] === Date.now() && a[1] === performance.now() && a[2] === +new Date(); \
        await new Promise((r) => setTimeout(r, 5)); return Response.json([same, Date.now() > a[0], performance.now() > a[1], s > 0]); } }";
    let mut options = options("still", source);
    options.limits.cpu_ms = 5_000;
    let app = runtime.load(options).expect("loads");
    assert_eq!(text(&app, "/"), "[true,true,true,true]");
}

#[test]
fn a_start_that_awaits_forever_ends_by_the_wall_limit_and_so_does_what_waits_for_it() {
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, clock: Clock::manual(), ..RuntimeOptions::default() }).expect("a runtime");
    let mut options = options("never", "await new Promise(() => {}); export default { fetch() {} }");
    options.lazy = true;
    let app = runtime.load(options).expect("registered");
    let mut hasty = get("/");
    hasty.deadline_ms = 100;
    let (hasty, patient) = (app.dispatch(hasty).expect("accepted"), app.dispatch(get("/")).expect("accepted"));
    for (id, ms) in [(hasty, 101), (patient, 30_000)] {
        runtime.advance_clock(ms).expect("a manual clock");
        let end = until_end(&runtime, id);
        assert!(matches!(end.last(), Some(Payload::Error(error, _)) if error.status == Status::WallLimit), "{end:?}");
    }
    app.unload(PATIENCE).expect("unloads");
}

#[test]
fn a_start_has_a_wall_limit_that_the_apps_own_does_not_raise() {
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, clock: Clock::manual(), ..RuntimeOptions::default() }).expect("a runtime");
    let other = load(&runtime, "other", "export default { fetch() { return new Response('hi'); } }");
    let mut options = options("never", "await new Promise(() => {}); export default { fetch() {} }");
    options.limits.wall_ms = 300_000;
    options.lazy = true;
    let app = runtime.load(options).expect("registered");
    let id = app.dispatch(get("/")).expect("accepted");
    // The only thread has begun with the one when it answers for the other.
    assert_eq!(text(&other, "/"), "hi");
    runtime.advance_clock(10_000).expect("a manual clock");
    let end = until_end(&runtime, id);
    let limit = |error: &Error| error.status == Status::WallLimit && error.message.contains("10000 ms (limit start_wall_ms)");
    assert!(matches!(end.last(), Some(Payload::Error(error, _)) if limit(error)), "{end:?}");
}

#[test]
fn an_instance_that_only_its_timers_want_is_evicted() {
    let clock = Clock::manual();
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    let runtime =
        Runtime::new(RuntimeOptions { limits, clock, events: EventMask { logs: false, apps: true }, ..RuntimeOptions::default() })
            .expect("a runtime");
    let app = load(&runtime, "ticking", "setInterval(() => {}, 100); export default { fetch() { return new Response('hi'); } }");
    assert_eq!(text(&app, "/"), "hi");
    let mut events = Vec::new();
    for _ in 0..100_000 {
        runtime.advance_clock(50).expect("a manual clock");
        runtime.poll(64, &mut events).expect("the only consumer");
        if events.drain(..).any(|event| matches!(event.payload, Payload::App { state: "evicted", .. })) {
            return;
        }
        std::thread::yield_now();
    }
    panic!("it ticks for ever");
}

#[test]
fn what_v8_does_for_a_large_heap_later_costs_nothing_now() {
    let runtime = runtime(1);
    let source = "let kept; export default { fetch() { kept = []; for (let i = 0; i < 4000; i++) kept.push(new Array(1000).fill(i)); return new Response('ok'); } }";
    let mut options = options("large", source);
    options.limits.cpu_ms = 4_000;
    let app = runtime.load(options).expect("loads");
    assert_eq!(text(&app, "/"), "ok");
    assert_eq!(text(&app, "/"), "ok");
}

/// By a clock that the test moves, with what apps say.
fn manual_runtime_with_logs() -> Runtime {
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    let events = EventMask { logs: true, apps: false };
    Runtime::new(RuntimeOptions { limits, clock: Clock::manual(), events, ..RuntimeOptions::default() }).expect("a runtime")
}

#[test]
fn what_an_instance_does_of_itself_has_the_calls_of_an_event_anew_with_each_request() {
    let runtime = manual_runtime_with_logs();
    let other = load(&runtime, "other", "export default { fetch() { return new Response('here'); } }");
    let mut options = options(
        "app",
        "let env, done = 0, refused = 0;
        setInterval(async () => { if (env) try { await env.OTHER.fetch('http://other/'); done++; } catch { refused++; console.log('refused'); } }, 10);
        export default { fetch(request, its) { env = its; return new Response(done + ' ' + refused); } }",
    );
    options.limits.subrequests = 3;
    options.bindings = vec![Binding { name: "OTHER".into(), kind: BindingKind::App { app: "other".into(), entrypoint: None } }];
    let app = runtime.load(options).expect("loads");
    assert_eq!(text(&app, "/"), "0 0");
    for calls in 1..=3 {
        runtime.advance_clock(11).expect("a manual clock");
        until(|| other.stats().requests == calls);
    }
    runtime.advance_clock(11).expect("a manual clock");
    wait_for(&runtime, |event| matches!(&event.payload, Payload::Log { text, .. } if text == "refused").then_some(()));
    until(|| text(&app, "/") == "3 1");
    runtime.advance_clock(11).expect("a manual clock");
    until(|| other.stats().requests == 4);
}

#[test]
fn lines_of_log_beyond_the_limit_are_dropped_and_counted() {
    let runtime = manual_runtime_with_logs();
    let source =
        "export default { fetch(request) { for (let n = 0; n < 5; n++) console.log('x'.repeat(1000)); return new Response('said'); } }";
    let mut options = options("loud", source);
    options.limits.log_bytes_per_s = 2_500;
    let app = runtime.load(options).expect("loads");
    let dropped = || wait_for(&runtime, |event| if let Payload::Log { dropped, .. } = &event.payload { Some(*dropped) } else { None });
    assert_eq!(text(&app, "/"), "said");
    assert_eq!([dropped(), dropped()], [0, 0]);
    assert_eq!(runtime.stats().logs_dropped, 3);
    // What was dropped is told with the next line that is not.
    runtime.advance_clock(1_000).expect("a manual clock");
    assert_eq!(text(&app, "/"), "said");
    assert_eq!([dropped(), dropped()], [3, 0]);
}

#[test]
fn a_stream_may_take_as_long_as_it_moves() {
    let runtime = manual_runtime(1);
    let source = "let controller; export default { fetch(request) {
        if (!request.url.endsWith('/more')) return new Response(new ReadableStream({ start(c) { controller = c; } }));
        controller.enqueue(new Uint8Array(10));
        return new Response('more');
    } }";
    let app = load(&runtime, "stream", source);
    let id = app.dispatch(get("/")).expect("accepted");
    let next = || wait_for(&runtime, |event| (event.id == id).then(|| format!("{:?}", event.payload)));
    assert!(next().starts_with("Response"));
    // Three times as long as an answer may take.
    for _ in 0..4 {
        runtime.advance_clock(25_000).expect("a manual clock");
        assert_eq!(text(&app, "/more"), "more");
        assert!(next().starts_with("Chunk"));
    }
    runtime.advance_clock(31_000).expect("a manual clock");
    let end = next();
    assert!(end.starts_with("Error") && end.contains("WallLimit"), "{end}");
}

#[test]
fn a_request_has_so_many_calls_in_all() {
    let runtime = runtime(1);
    let _other = load(&runtime, "other", "export default { fetch() { return new Response('here'); } }");
    let mut options = options(
        "app",
        "export default { async fetch(request, env) {
            for (let calls = 0; ; calls++) try { await env.OTHER.fetch('http://other/'); } catch (error) { return new Response(`${calls}: ${error.message}`); }
        } }",
    );
    options.bindings = vec![Binding { name: "OTHER".into(), kind: BindingKind::App { app: "other".into(), entrypoint: None } }];
    let app = runtime.load(options).expect("loads");
    for _ in 0..2 {
        let said = text(&app, "/");
        assert!(said.starts_with("50: ") && said.contains("limit subrequests)"), "{said}");
    }
}

#[test]
fn a_thread_keeps_so_many_isolates_ready_at_most() {
    let with = |pool: u32| {
        let limits = RuntimeLimits { threads: 1, pool, ..RuntimeLimits::default() };
        Runtime::new(RuntimeOptions { limits, ..RuntimeOptions::default() }).map_err(|error| (error.status, error.message))
    };
    for pool in [65, u32::MAX] {
        assert_eq!(with(pool).err(), Some((Status::Invalid, format!("pool is {pool}; the most is 64"))));
    }
    assert!(with(64).is_ok());
}

#[test]
fn a_runtime_has_so_many_apps() {
    let limits = RuntimeLimits { threads: 1, apps: 2, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, ..RuntimeOptions::default() }).expect("a runtime");
    let (first, _second) = (load(&runtime, "first", HELLO), load(&runtime, "second", HELLO));
    let refused = runtime.load(options("third", HELLO)).expect_err("one too many");
    assert!(refused.status == Status::Capacity && refused.message.contains("limit apps"), "{refused:?}");
    first.unload(PATIENCE).expect("unloads");
    load(&runtime, "third", HELLO);
}

#[test]
fn the_account_says_what_the_app_has_outside_its_heap() {
    let runtime = runtime(1);
    let app = load(&runtime, "kept", "let kept; export default { fetch() { kept ??= new Uint8Array(5e6); return new Response('kept'); } }");
    // It is looked at every now and then.
    let external = || fetch(&app, "/").expect("a response").account.external_bytes;
    until(|| (5_000_000..6_000_000).contains(&external()));
}

#[test]
fn a_head_that_an_app_sends_has_so_many_bytes() {
    let runtime = runtime(1);
    let source = "const long = 'a'.repeat(200_000), much = [...Array(20)].map((_, at) => [`x-${at}`, 'a'.repeat(10_000)]);
        const said = (promise) => promise.then(({ headers }) => headers.get('x-most').length, (error) => `${error.name}: ${error.message}`);
        export default { async fetch({ url, method }, env) {
            switch (new URL(url).pathname) {
                case '/most': return new Response('fits', { headers: { 'x-most': 'a'.repeat(130_000) } });
                case '/value': return new Response('body', { headers: { long } });
                case '/name': return new Response(null, { headers: { [long]: '' } });
                case '/many': return new Response(new ReadableStream({ pull(controller) { controller.enqueue(new Uint8Array(9)); } }), { headers: much });
                case '/word': return new Response('body', { statusText: long });
                case '/service': return Response.json([
                    await said(env.SELF.fetch('http://self/most')), await said(env.SELF.fetch('http://self/value')),
                    await said(env.SELF.fetch('http://self/', { headers: { long } })), await said(env.SELF.fetch('http://self/', { method: long })),
                    await said(fetch('http://192.0.2.1/', { headers: much })),
                    await new Promise((resolve) => fetch('http://192.0.2.1/', { headers: { upgrade: 'websocket', long } }).catch((e) => resolve(e.message)))]);
            }
        } }";
    let mut app = options("app", source);
    app.bindings = vec![Binding { name: "SELF".into(), kind: BindingKind::App { app: "app".into(), entrypoint: None } }];
    let app = runtime.load(app).expect("loads");
    assert_eq!(fetch(&app, "/most").expect("it fits").body, b"fits");
    for path in ["/value", "/name", "/many", "/word"] {
        let error = fetch(&app, path).expect_err(path);
        assert_eq!((error.status, error.http_status()), (Status::TooLarge, 502), "{path}: {error}");
        assert!(error.message.starts_with("the head of the response has 200"), "{path}: {error}");
        assert!(error.message.ends_with("the limit head_bytes is 131072"), "{path}: {error}");
        let logged = wait_for(&runtime, |event| match &event.payload {
            Payload::Log { text, .. } => Some(text.clone()),
            _ => None,
        });
        assert_eq!(logged, format!("Uncaught {}", error.message));
    }
    let said = text(&app, "/service");
    let of = |what: &str| said.matches(&format!("the head of the {what} has 200")).count();
    assert!(said.starts_with("[130000,\"") && (of("response"), of("request")) == (1, 4), "{said}");
}

#[test]
fn a_limit_that_ends_a_call_while_its_arguments_are_made_is_its_end() {
    let runtime = runtime(1);
    let mut options = options("app", "export const count = (all) => all.length; export default { fetch() {} }");
    (options.limits.cpu_ms, options.limits.wall_ms, options.limits.heap_bytes) = (60_000, 120_000, 8 << 20);
    let app = runtime.load(options).expect("loads");
    let errors = |count| vec![Value::Array(vec![Value::error("Error", "one"); count])];
    assert_eq!(app.invoke_wait("count", errors(10), Some(PATIENCE)).expect("they fit").0, Value::Int(10));
    let error = app.invoke_wait("count", errors(50_000), Some(PATIENCE)).expect_err("they do not");
    assert_eq!(error.status, Status::MemoryLimit, "{error}");
    assert_eq!(app.stats().condemned, 1);
}

#[test]
fn a_text_that_grows_outside_the_heap_ends_nothing_but_itself() {
    let runtime = runtime(1);
    let source = "export default { fetch({ url }) {
        const ask = new URL(url).pathname === '/form' ? () => '\\uFDFA'.repeat(6.2e7).normalize('NFKD') : () => 'e\\u0301'.normalize().length;
        try { return new Response(String(ask())); } catch (error) { return new Response(error.name); } } }";
    let mut options = options("app", source);
    (options.limits.cpu_ms, options.limits.wall_ms, options.limits.heap_bytes) = (60_000, 120_000, 512 << 20);
    let app = runtime.load(options).expect("loads");
    // Eighteen characters for each of them: more than any allocator gives in one piece.
    assert_eq!(text(&app, "/form"), "TypeError");
    assert_eq!(text(&app, "/"), "1");
    assert_eq!((app.stats().strikes, runtime.stats().parked), (0, 0));
}
