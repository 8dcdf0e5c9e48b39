//! Requests and their answers.

use std::time::Duration;

use nano_core::{AppState, Body, Payload, RequestInit, Source, Status};

use crate::support::*;

const HELLO: &str = "export default { fetch() { return new Response('hi'); } }";

#[test]
fn a_request_is_answered_by_the_apps_handler() {
    let runtime = runtime(1);
    let app = load(&runtime, "hello", "export default { fetch() { return new Response('hi'); } }");
    let response = fetch(&app, "/").expect("a response");
    assert_eq!(response.head.status, 200);
    assert_eq!(response.body, b"hi");
    assert_eq!(response.head.headers.value(b"content-type"), Some(&b"text/plain;charset=UTF-8"[..]));
    assert!(response.account.wall_us > 0);
}

#[test]
fn the_account_says_what_a_request_cost() {
    let runtime = runtime(1);
    let app = load(
        &runtime,
        "costly",
        "export default { fetch() { let s = 0; for (let i = 0; i < 3e6; i++) s += i % 7; return new Response('' + s); } }",
    );
    let account = fetch(&app, "/").expect("a response").account;
    // These are two clocks, and one is read before the other: a tenth of 10 ms is far more than what lies between.
    assert!(account.cpu_us > 0 && account.cpu_us <= account.wall_us + account.wall_us / 10, "{account:?}");
    assert!(account.heap_bytes > 100_000, "{account:?}");
    assert!(account.bytes_out > 0, "{account:?}");
}

#[test]
fn the_url_is_written_as_the_web_does_whoever_sends_it() {
    let runtime = runtime(1);
    let app = load(&runtime, "url", "export default { fetch(request) { return new Response(new Request(request.url).url); } }");
    let ask = |url: &str| {
        let mut init = get("/");
        init.head.url = url.into();
        app.fetch(init, Some(PATIENCE)).map(|response| String::from_utf8(response.body).expect("text"))
    };
    for (given, seen) in [
        ("http://x", "http://x/"),
        ("http://x?a", "http://x/?a"),
        ("http://x/pub/%2e%2e/admin", "http://x/admin"),
        ("HTTP://X:80/", "http://x/"),
        ("https://x:443/a b", "https://x/a%20b"),
        ("http://x/a#secret", "http://x/a"),
        ("http://X/a?b#c#d", "http://x/a?b"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        (" http:\\\\x\\y\n", "http://x/y"),
    ] {
        assert_eq!(ask(given).as_deref(), Ok(seen), "{given}");
    }
    for (given, why) in [
        ("http://x:99999/", "no such port"),
        ("http://", "no host"),
        ("http://a b/", "no host"),
        ("http://u:p@x/", "credentials"),
        ("http://u@x/", "credentials"),
        ("https://:p@x/", "credentials"),
        ("/relative", "must be absolute"),
        ("ftp://x/", "must be absolute"),
        ("blob:http://x/1", "must be absolute"),
        ("", "must be absolute"),
    ] {
        let error = ask(given).expect_err(given);
        assert!(error.status == Status::Invalid && error.message.contains(why), "{given}: {error}");
        let mut init = get("/");
        init.head.url = given.into();
        assert_eq!(app.dispatch(init.clone()).map_err(|error| error.status), Err(Status::Invalid), "{given}");
        assert_eq!(app.dispatch_quietly(init).map_err(|error| error.status), Err(Status::Invalid), "{given}");
    }
    // What it grows by counts as well.
    let mut init = get("/");
    init.head.url = format!("http://x/{}", " a".repeat(8_000));
    assert_eq!(app.dispatch(init).expect_err("too long").http_status(), 414);
}

#[test]
fn the_handler_sees_method_url_headers_and_body() {
    let runtime = runtime(1);
    let app = runtime.load(nano_core::AppOptions::new("echo", Source::Echo)).expect("the echo app loads");
    let response = app.fetch(post("/a?b=c", "body"), Some(PATIENCE)).expect("a response");
    let text = String::from_utf8(response.body).expect("UTF-8");
    assert_eq!(text, r#"{"method":"POST","url":"http://app.test/a?b=c","headers":{"accept":"*/*"},"body":"body"}"#);
}

#[test]
fn a_promise_of_a_response_is_awaited_across_timers() {
    let runtime = runtime(1);
    let source = "export default { async fetch() { await new Promise((r) => setTimeout(r, 5)); return new Response('later'); } }";
    let app = load(&runtime, "later", source);
    assert_eq!(text(&app, "/"), "later");
}

#[test]
fn a_thrown_error_ends_the_request_with_its_stack_for_the_host_only() {
    let runtime = runtime(1);
    let app = load(&runtime, "thrower", "export default { fetch() { throw new TypeError('no luck'); } }");
    let error = fetch(&app, "/").expect_err("the handler throws");
    assert_eq!(error.status, Status::Exception);
    assert_eq!(error.message, "TypeError: no luck");
    assert!(error.stack.contains("index.js:1:"), "{}", error.stack);
    assert_eq!(fetch(&app, "/").expect_err("again").status, Status::Exception, "the app goes on");
}

#[test]
fn what_is_not_a_response_is_explained() {
    let runtime = runtime(1);
    let app = load(&runtime, "odd", "export default { fetch() { return 42; } }");
    let error = fetch(&app, "/").expect_err("not a response");
    assert!(error.message.contains("Response"), "{}", error.message);
}

#[test]
fn service_worker_syntax_works() {
    let runtime = runtime(1);
    let app = load(&runtime, "sw", "addEventListener('fetch', (event) => event.respondWith(new Response('from ' + event.request.url)))");
    assert_eq!(text(&app, "/x"), "from http://app.test/x");
}

#[test]
fn env_is_frozen_and_has_no_prototype() {
    let runtime = runtime(1);
    let source = "export default { fetch(r, env) { try { env.KEY = 'x'; } catch {} \
        return Response.json([env.KEY, Object.getPrototypeOf(env), Object.isFrozen(env), Object.keys(env)]); } }";
    let mut options = options("env", source);
    options.env = vec![("KEY".into(), "value".into())];
    let app = runtime.load(options).expect("loads");
    assert_eq!(text(&app, "/"), r#"["value",null,true,["KEY"]]"#);
}

#[test]
fn a_syntax_error_names_file_line_and_column() {
    let runtime = runtime(1);
    let error = runtime.load(options("broken", "export default {\n  fetch() { return 1 +; }\n}")).expect_err("does not parse");
    assert_eq!(error.status, Status::Compile);
    assert!(error.message.starts_with("index.js:2:23: "), "{}", error.message);
    assert!(error.message.contains("SyntaxError"), "{}", error.message);
    assert!(runtime.find("broken").is_none(), "a failed load leaves nothing behind");
}

#[test]
fn an_app_without_handlers_is_refused_with_a_reason() {
    let runtime = runtime(1);
    let error = runtime.load(options("empty", "export const a = 1;")).expect_err("no handler");
    assert!(error.message.contains("fetch"), "{}", error.message);
}

#[test]
fn a_folder_is_an_app_and_imports_stay_inside_it() {
    let folder = std::env::temp_dir().join(format!("nano-folder-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("lib")).expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("a file");
    write(
        "index.js",
        "import { f } from './lib/f.js'; import data from './data.json'; import note from './note.txt'; \
        export default { fetch() { return new Response(f() + data.a + note); } }",
    );
    write("lib/f.js", "export const f = () => 'f';");
    write("data.json", r#"{"a": 1}"#);
    write("note.txt", "note");
    let runtime = runtime(1);
    let app = runtime.load(nano_core::AppOptions::new("folder", Source::Folder(folder.clone()))).expect("loads");
    assert_eq!(text(&app, "/"), "f1note");

    write("index.js", "import '../secret.js'; export default { fetch() {} }");
    let error = runtime.load(nano_core::AppOptions::new("escape", Source::Folder(folder.clone()))).expect_err("leads outside");
    assert_eq!(error.status, Status::Compile);
    assert!(error.message.contains("outside the app's folder"), "{}", error.message);

    write("index.js", "import './missing.js'; export default { fetch() {} }");
    let error = runtime.load(nano_core::AppOptions::new("missing", Source::Folder(folder.clone()))).expect_err("no such file");
    assert!(error.message.contains("missing.js"), "{}", error.message);
    std::fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn top_level_await_delays_the_start() {
    let runtime = runtime(1);
    let source =
        "const v = await new Promise((r) => setTimeout(() => r('awaited'), 3)); export default { fetch() { return new Response(v); } }";
    assert_eq!(text(&load(&runtime, "tla", source), "/"), "awaited");
}

#[test]
fn a_streaming_response_arrives_in_pieces_under_credit() {
    let runtime = runtime(1);
    let source = "export default { fetch() { let n = 0; return new Response(new ReadableStream({ pull(c) { \
        if (n++ < 8) c.enqueue(new Uint8Array(16384).fill(n)); else c.close(); } })); } }";
    let app = load(&runtime, "stream", source);
    let id = app.dispatch(get("/")).expect("accepted");
    let mut received = 0_u32;
    let mut ended = false;
    let mut events = Vec::new();
    while !ended {
        let taken = runtime.wait(1, PATIENCE.as_millis() as i32, &mut events).expect("the only consumer");
        assert!(taken > 0, "the stream stalled after {received} bytes");
        for event in events.drain(..) {
            match event.payload {
                Payload::Response { end, .. } => assert!(!end),
                Payload::Chunk(chunk) => {
                    received += chunk.len() as u32;
                    // The app may have sent everything by now: then its request is over and needs no credit.
                    if let Err(error) = runtime.credit(id, chunk.len() as u32) {
                        assert_eq!(error.status, Status::NotFound);
                    }
                }
                Payload::End(account) => {
                    assert_eq!(account.bytes_out, 8 * 16384);
                    ended = true;
                }
                other => panic!("unexpected {other:?}"),
            }
        }
    }
    assert_eq!(received, 8 * 16384);
}

#[test]
fn without_credit_a_stream_stops_at_its_window() {
    let runtime = runtime(1);
    let source =
        "export default { fetch() { return new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(16384)); } })); } }";
    let app = load(&runtime, "endless", source);
    let id = app.dispatch(get("/")).expect("accepted");
    let mut received = 0;
    while received < 65536 {
        received += wait_for(&runtime, |event| match &event.payload {
            Payload::Chunk(chunk) if event.id == id => Some(chunk.len()),
            _ => None,
        });
    }
    // Another request goes through the same instance; had the stream more credit, its chunks would come first.
    let other = app.invoke("default", Vec::new(), 0).expect("accepted");
    let between = until_end(&runtime, other);
    assert_eq!(between.len(), 1);
    assert_eq!(received, 65536);
    runtime.request_cancel(id).expect("still running");
    let end = until_end(&runtime, id);
    assert!(matches!(end.last(), Some(Payload::Error(error, _)) if error.status == Status::Canceled));
}

#[test]
fn a_streaming_request_body_is_read_as_it_arrives() {
    let runtime = runtime(1);
    let app = load(&runtime, "reader", "export default { async fetch(r) { return new Response(await r.text()); } }");
    let mut init = get("/");
    init.head.method = "POST".into();
    init.body = Body::Stream;
    let id = app.dispatch(init).expect("accepted");
    assert_eq!(runtime.request_write(id, b"first ").expect("accepted"), 6);
    assert_eq!(runtime.request_write(id, b"second").expect("accepted"), 6);
    runtime.request_end(id).expect("ends");
    match until_end(&runtime, id).pop() {
        Some(Payload::Response { body, end: true, .. }) => assert_eq!(body, b"first second"),
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn a_body_cut_short_fails_the_apps_read() {
    let runtime = runtime(1);
    let source = "export default { async fetch(r) { try { await r.text(); return new Response('whole'); } catch (e) { return new Response(e.name); } } }";
    let app = load(&runtime, "cut", source);
    let mut init = get("/");
    init.head.method = "POST".into();
    init.body = Body::Stream;
    let id = app.dispatch(init).expect("accepted");
    runtime.request_write(id, b"half").expect("accepted");
    runtime.request_abort_body(id, "the client went away").expect("running");
    match until_end(&runtime, id).pop() {
        Some(Payload::Response { body, end: true, .. }) => assert_eq!(body, b"TypeError"),
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn a_canceled_request_ends_at_once_and_the_app_hears_of_it() {
    let runtime = runtime(1);
    let source = "let aborted = 0; export default { fetch(r) { if (r.url.endsWith('/count')) return new Response('' + aborted); \
        r.signal.addEventListener('abort', () => aborted++); return new Promise(() => {}); } }";
    let app = load(&runtime, "cancel", source);
    let id = app.dispatch(get("/")).expect("accepted");
    // A second request is answered after the first has begun.
    assert_eq!(text(&app, "/count"), "0");
    runtime.request_cancel(id).expect("running");
    let end = until_end(&runtime, id);
    assert!(matches!(&end[..], [Payload::Error(error, _)] if error.status == Status::Canceled), "{end:?}");
    assert_eq!(runtime.request_cancel(id).expect_err("has ended").status, Status::NotFound);
    assert_eq!(text(&app, "/count"), "1");
}

#[test]
fn reload_keeps_the_old_version_until_the_new_one_starts() {
    let runtime = runtime(1);
    let app = load(&runtime, "versions", "export default { fetch() { return new Response('one'); } }");
    let error = app.reload(options("versions", "export default { fetch() { return ")).expect_err("does not parse");
    assert_eq!(error.status, Status::Compile);
    assert_eq!(text(&app, "/"), "one");
    app.reload(options("versions", "export default { fetch() { return new Response('two'); } }")).expect("reloads");
    assert_eq!(text(&app, "/"), "two");
}

#[test]
fn unload_ends_what_is_in_flight_and_forgets_the_app() {
    let runtime = runtime(1);
    let app = load(&runtime, "gone", "export default { fetch() { return new Promise(() => {}); } }");
    let id = app.dispatch(get("/")).expect("accepted");
    app.unload(std::time::Duration::ZERO).expect("unloads");
    let end = until_end(&runtime, id);
    assert!(matches!(&end[..], [Payload::Error(error, _)] if error.status == Status::Draining), "{end:?}");
    assert_eq!(app.dispatch(get("/")).expect_err("is gone").status, Status::Draining);
    assert!(runtime.find("gone").is_none());
    load(&runtime, "gone", "export default { fetch() { return new Response('new'); } }");
}

#[test]
fn one_instance_cannot_see_anothers_globals() {
    let runtime = runtime(1);
    let source = "globalThis.n = (globalThis.n ?? 0) + 1; export default { fetch() { return new Response('' + ++globalThis.n); } }";
    let (a, b) = (load(&runtime, "a", source), load(&runtime, "b", source));
    assert_eq!((text(&a, "/"), text(&a, "/"), text(&b, "/")), ("2".into(), "3".into(), "2".into()));
}

#[test]
fn console_output_becomes_log_events() {
    let runtime = runtime(1);
    let app = load(&runtime, "logger", "export default { fetch() { console.warn('careful', { a: 1 }); return new Response('') } }");
    let _ = fetch(&app, "/").expect("a response");
    let (name, line) = wait_for(&runtime, |event| match &event.payload {
        Payload::Log { app, text, level: nano_core::LogLevel::Warn, .. } => Some((app.clone(), text.clone())),
        _ => None,
    });
    assert_eq!((name.as_str(), line.as_str()), ("logger", "careful { a: 1 }"));
}

#[test]
fn freeing_the_runtime_ends_everything() {
    let runtime = runtime(2);
    let app = load(&runtime, "busy", "export default { fetch() { for (;;); } }");
    let mut never = options("never", "export default { fetch() { return new Promise(() => {}); } }");
    never.limits.wall_ms = 60_000;
    let never = runtime.load(never).expect("loads");
    let ids = [app.dispatch(get("/")).expect("accepted"), never.dispatch(get("/")).expect("accepted")];
    runtime.free();
    let mut events = Vec::new();
    runtime.poll(64, &mut events).expect("the only consumer");
    for id in ids {
        let ends = events.iter().filter(|event| event.id == id && event.payload.is_terminal()).count();
        assert_eq!(ends, 1);
    }
    assert_eq!(app.dispatch(get("/")).expect_err("freed").status, Status::Shutdown);
}

#[test]
fn an_exception_has_a_message_whatever_was_thrown() {
    let runtime = runtime(1);
    let source = "export default { async fetch(r) { if (r.url.endsWith('/empty')) throw ''; \
        throw new DOMException('took too long', 'TimeoutError'); } }";
    let app = load(&runtime, "dom", source);
    assert_eq!(fetch(&app, "/").expect_err("it threw").message, "TimeoutError: took too long");
    assert!(!fetch(&app, "/empty").expect_err("it threw").message.is_empty());
}

#[test]
fn an_app_that_was_unloaded_is_not_reloaded() {
    let runtime = runtime(1);
    let app = load(&runtime, "gone", HELLO);
    app.unload(PATIENCE).expect("unloads");
    let starts = runtime.stats().starts;
    assert_eq!(app.reload(options("gone", HELLO)).expect_err("it is gone").status, Status::Draining);
    assert_eq!(runtime.stats().starts, starts, "nothing was started");
}

#[test]
fn a_freed_runtime_keeps_nobody_waiting() {
    let runtime = runtime(1);
    let app = load(&runtime, "kept", HELLO);
    runtime.free();
    assert_eq!(app.unload(Duration::ZERO).expect_err("it is freed").status, Status::Shutdown);
    assert_eq!(app.dispatch(get("/")).expect_err("it is freed").status, Status::Shutdown);
}

#[test]
fn what_is_dispatched_while_the_runtime_is_freed_ends_or_is_refused() {
    for _ in 0..20 {
        let runtime = runtime(2);
        let app = load(&runtime, "busy", HELLO);
        let accepted = std::thread::scope(|scope| {
            let hosts = [(); 2].map(|()| scope.spawn(|| std::iter::from_fn(|| app.dispatch(get("/")).ok()).count()));
            while app.stats().requests < 100 {
                std::thread::yield_now();
            }
            runtime.free();
            hosts.map(|host| host.join().expect("a host")).iter().sum::<usize>()
        });
        let mut events = Vec::new();
        runtime.poll(usize::MAX, &mut events).expect("the only consumer");
        assert_eq!(events.iter().filter(|event| event.payload.is_terminal()).count(), accepted);
        assert_eq!((runtime.stats().in_flight, app.stats().in_flight), (0, 0));
    }
}

#[test]
fn a_request_that_is_canceled_during_its_turn_hears_of_it() {
    let runtime = runtime(1);
    let source = "export default { async fetch(request) { const gone = new Promise((r) => request.signal.addEventListener('abort', r)); \
        console.log('busy'); let s = 0; for (let i = 0; i < 3e8; i++) s += i % 7; await gone; console.log('heard'); } }";
    let mut options = options("busy", source);
    options.limits.cpu_ms = 10_000;
    let app = runtime.load(options).expect("loads");
    let id = app.dispatch(get("/")).expect("accepted");
    let logged = |wanted: &str| {
        let mut events = Vec::new();
        while !events.iter().any(|event: &nano_core::Event| matches!(&event.payload, Payload::Log { text, .. } if text == wanted)) {
            // The queue rings only after the turn.
            runtime.poll(64, &mut events).expect("the only consumer");
            std::thread::yield_now();
        }
    };
    logged("busy");
    runtime.request_cancel(id).expect("is open");
    logged("heard");
}

#[test]
fn an_app_runs_for_long_without_costing_a_thread() {
    // Enough for V8 to collect its garbage and to want to tidy up later.
    let runtime = runtime(1);
    let app = load(&runtime, "busy", "export default { fetch: async (request) => new Response('1') }");
    for _ in 0..15_000 {
        fetch(&app, "/").expect("a response");
    }
    assert_eq!(runtime.stats().abandoned, 0);
}

#[test]
fn a_body_of_a_request_that_ends_meanwhile_is_told_so() {
    let runtime = runtime(1);
    let app = load(&runtime, "hasty", "export default { fetch() { return new Response('enough'); } }");
    for _ in 0..500 {
        let id = app.dispatch(RequestInit { body: Body::Stream, ..post("/", "") }).expect("accepted");
        // Whatever the moment, the body is written to or the request has ended.
        let error = loop {
            if let Err(error) = runtime.request_write(id, b"x") {
                break error;
            }
        };
        assert_eq!(error.status, Status::NotFound, "{error}");
        until_end(&runtime, id);
    }
}

#[test]
fn a_name_is_free_when_nothing_of_its_app_can_run_any_more() {
    let runtime = runtime(1);
    let source = "export default { async fetch(request, env) { await env.HOST.wait(); } }";
    let mut first = options("one", source);
    first.bindings = vec!["HOST".into()];
    let first = runtime.load(first).expect("loads");
    let held = first.dispatch(get("/")).expect("accepted");
    wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(()));
    // No instance of another app can be stopped while one has the only thread.
    let mut hog = options("hog", "export default { fetch() { console.log('busy'); for (;;); } }");
    hog.limits.cpu_ms = 60_000;
    let hog = runtime.load(hog).expect("loads");
    hog.dispatch(get("/")).expect("accepted");
    wait_for(&runtime, |event| matches!(event.payload, Payload::Log { .. }).then_some(()));
    std::thread::scope(|scope| {
        let unloading = scope.spawn(|| first.unload(PATIENCE));
        until(|| first.report().state == AppState::Draining);
        runtime.request_cancel(held).expect("it is held");
        until(|| first.stats().in_flight == 0);
        let mut other = options("one", source);
        other.lazy = true;
        for _ in 0..1_000 {
            assert_eq!(runtime.load(other.clone()).expect_err("its calls could be taken for another's").status, Status::Busy);
            std::thread::yield_now();
        }
        hog.kill().expect("it runs");
        unloading.join().expect("no panic").expect("it has ended");
        runtime.load(other).expect("the name is free");
    });
}
