//! What one app, or its clients, can have a thread do between turns, and that the others do not wait for it.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use nano_core::{
    Answered, App, AppOptions, Binding, BindingKind, Clock, EventMask, Payload, ResponseHead, Route, Router, Runtime, RuntimeLimits,
    RuntimeOptions, Status, sys,
};

use crate::listening::{connect, listen, response};
use crate::support::*;

const HELLO: &str = "export default { fetch() { return new Response('hi'); } }";

/// As much time as it likes.
pub(super) fn patient(name: &str, source: &str) -> AppOptions {
    let mut options = options(name, source);
    options.limits.cpu_ms = 3_600_000;
    options
}

/// An app that talks with another one as long as it is asked to, in turns that are short, and that other one.
pub(super) fn talkers(load: impl Fn(AppOptions) -> App) -> (App, App) {
    let echo = load(patient(
        "echo",
        "export default { fetch(request) { return new Response(request.body.pipeThrough(new TransformStream())); } }",
    ));
    let mut talker = patient(
        "talker",
        "let said = 0;
        async function talk(env) {
            const { readable, writable } = new TransformStream(), writer = writable.getWriter(), piece = new Uint8Array(1);
            const answer = env.ECHO.fetch('http://echo/', { method: 'POST', body: readable });
            writer.write(piece);
            const reader = (await answer).body.getReader();
            for (;; said++) {
                await reader.read();
                await writer.write(piece);
            }
        }
        export default { async fetch(request, env) {
            if (request.url.endsWith('/said')) return new Response(String(said));
            await talk(env);
        } }",
    );
    talker.bindings = vec![Binding { name: "ECHO".into(), kind: BindingKind::App { app: "echo".into(), entrypoint: None } }];
    (load(talker), echo)
}

#[test]
fn requests_are_heard_while_apps_talk_without_an_end() {
    let runtime = runtime(1);
    let (talker, _echo) = talkers(|options| runtime.load(options).expect("loads"));
    let neighbour = load(&runtime, "neighbour", HELLO);
    let talks: Vec<u64> = (0..4).map(|_| talker.dispatch(get("/")).expect("accepted")).collect();
    let said = |app: &App| text(app, "/said").parse::<u32>().expect("a number");
    until(|| said(&talker) > 100);
    for _ in 0..20 {
        assert_eq!(text(&neighbour, "/"), "hi");
    }
    assert!(talks.iter().all(|id| runtime.request_cancel(*id).is_ok()), "they were talking all that time");
}

#[test]
fn an_interval_that_comes_too_often_is_not_queued_twice() {
    let runtime = runtime(1);
    // Each is due again before the others have had their turns.
    let source = "let ticks = 0;
        setInterval(() => { for (let n = 0, until = performance.now(); n < 2e6; n++) ticks += n % until === -1; ticks++; }, 1);
        export default { fetch() { return new Response(String(ticks)); } }";
    let apps: Vec<App> = (0..8).map(|number| runtime.load(patient(&format!("app{number}"), source)).expect("loads")).collect();
    let ticks = || text(&apps[0], "/").parse::<u32>().expect("a number");
    until(|| ticks() > 100);
    // A request comes after few turns, unless the test itself is late with it.
    until(|| {
        let before = ticks();
        ticks() - before <= 10
    });
}

#[test]
fn a_promise_that_never_settles_does_not_keep_an_instance() {
    let options_of_runtime = RuntimeOptions {
        limits: RuntimeLimits { threads: 1, ..RuntimeLimits::default() },
        clock: Clock::manual(),
        events: EventMask { logs: false, apps: true },
        ..RuntimeOptions::default()
    };
    let runtime = Runtime::new(options_of_runtime).expect("a runtime");
    let source = "export default { fetch(request, env, ctx) { ctx.waitUntil(new Promise(() => {})); return new Response('hi'); } }";
    let app = load(&runtime, "app", source);
    assert_eq!(text(&app, "/"), "hi");
    app.reload(options("app", source)).expect("reloads");
    assert_eq!(text(&app, "/"), "hi");
    let evicted = || {
        wait_for(
            &runtime,
            |event| if let Payload::App { state: "evicted", reason, .. } = &event.payload { Some(reason.clone()) } else { None },
        )
    };
    // As long as a request may take (limit wall_ms).
    runtime.advance_clock(31_500).expect("a manual clock");
    assert_eq!(evicted(), "reload");
    runtime.advance_clock(61_500).expect("a manual clock");
    assert_eq!(evicted(), "idle");
}

#[test]
fn the_old_version_goes_on_where_it_was_while_a_new_one_starts_and_fails() {
    let runtime = manual_runtime(1);
    let counter = "let n = 0; export default { fetch() { return new Response(String(++n)); } }";
    let app = load(&runtime, "app", counter);
    assert_eq!(text(&app, "/"), "1");
    std::thread::scope(|scope| {
        let reload = scope.spawn(|| app.reload(options("app", "await new Promise(() => {}); export default { fetch() {} }")));
        until(|| runtime.stats().starts == 2);
        assert_eq!(text(&app, "/"), "2", "the same instance");
        runtime.advance_clock(20_000).expect("a manual clock");
        let error = reload.join().expect("no panic").expect_err("it never starts");
        assert!(error.message.contains("did not start within"), "{error:?}");
    });
    assert_eq!(text(&app, "/"), "3");
    assert_eq!(runtime.stats().starts, 2);
}

#[test]
fn nothing_stays_of_an_app_whose_load_fails_although_it_was_reloaded_meanwhile() {
    let runtime = manual_runtime(1);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| runtime.load(options("app", "await new Promise(() => {}); export default { fetch() {} }")));
        until(|| runtime.find("app").is_some() && runtime.stats().starts == 1);
        let found = runtime.find("app").expect("it is there");
        found.reload(options("app", HELLO)).expect("reloads");
        assert_eq!(text(&found, "/"), "hi");
        runtime.advance_clock(20_000).expect("a manual clock");
        assert!(load.join().expect("no panic").is_err(), "the first version never starts");
        assert_eq!(found.dispatch(get("/")).expect_err("it is gone").status, Status::Draining);
    });
    // The runtime's own: the process has those of other tests, too.
    until(|| runtime.shards()[0].view.instances == 0);
}

#[test]
fn a_runtime_that_is_freed_with_requests_in_its_queue_leaves_nothing() {
    let runtime: Runtime = runtime(1);
    let rung = Arc::new(());
    let held = rung.clone();
    runtime.set_doorbell(Some(Box::new(move || drop(held.clone()))));
    let looping = runtime.load(patient("looping", "export default { fetch() { for (;;); } }")).expect("loads");
    let neighbour = load(&runtime, "neighbour", HELLO);
    looping.dispatch(get("/")).expect("accepted");
    until(|| runtime.shards()[0].view.turn.is_some());
    neighbour.dispatch(get("/")).expect("accepted");
    drop((looping, neighbour, runtime));
    until(|| Arc::strong_count(&rung) == 1);
}

/// It takes its time with each request, as handshakes do, and counts them.
struct Slow {
    app: App,
    asked: AtomicUsize,
    /// The first of them takes until all have come.
    all_came: Arc<AtomicBool>,
    /// How many had been asked when the app's answer was there.
    answered_after: Arc<AtomicUsize>,
}

impl Router for Slow {
    fn route(&self, _: &str, path: &str) -> Route {
        if path == "/app" {
            return Route::App(self.app.clone());
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        let clock = Clock::system();
        let until_ns = clock.now_ns() + 1_000_000;
        while clock.now_ns() < until_ns || !self.all_came.load(Ordering::Acquire) {}
        Route::Reply(ResponseHead { status: 200, ..ResponseHead::default() }, b"late".to_vec())
    }

    fn is_curious(&self) -> bool {
        true
    }

    fn answered(&self, _: &Answered<'_>) {
        self.answered_after.store(self.asked.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

#[test]
fn apps_have_turns_while_many_clients_keep_the_listener_busy() {
    let runtime = runtime(1);
    let (all_came, answered_after) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let app = load(&runtime, "hello", HELLO);
    let slow = Slow { app, asked: AtomicUsize::new(0), all_came: all_came.clone(), answered_after: answered_after.clone() };
    let listener = listen(&runtime, slow);
    let mut clients: Vec<_> = (0..240).map(|_| connect(&listener)).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        let path = if number == 60 { "/app" } else { "/" };
        write!(client, "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    }
    all_came.store(true, Ordering::Release);
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(response(client).1, if number == 60 { "hi" } else { "late" });
    }
    let after = answered_after.load(Ordering::Relaxed);
    // All 239 of them, were they one turn's work; a machine that is busy with other tests gives each turn a little more of them.
    assert!(after < 200, "the app's answer waited for {after} other requests, of which 60 came before it");
}

/// It works before it knows whose a request is.
struct Laborious(App);

impl Router for Laborious {
    fn route(&self, _: &str, _: &str) -> Route {
        let until_ns = sys::thread::cpu_ns() + 1_000_000_000;
        while sys::thread::cpu_ns() < until_ns {}
        Route::App(self.0.clone())
    }
}

#[test]
fn what_a_thread_does_between_turns_is_at_no_apps_expense() {
    let runtime = runtime(1);
    let mut options = options("hello", HELLO);
    options.limits.cpu_ms = 600;
    let app = runtime.load(options).expect("loads");
    let listener = listen(&runtime, Laborious(app.clone()));
    let mut client = connect(&listener);
    for _ in 0..2 {
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!(response(&mut client).1, "hi", "it has not used up its time");
    }
    assert!(app.stats().cpu_us < 1_000_000, "{} of 2,000,000 us for another's work", app.stats().cpu_us);
}
