//! What an app has used: all of it, also what came after a request's end.

use std::time::Duration;

use nano_core::{App, Payload, Status};

use crate::support::*;

const BUSY: &str = "const busy = (n) => { let s = 0; for (let i = 0; i < n; i++) s += i % 7; return s; };";

#[test]
fn work_after_the_response_is_in_the_apps_total() {
    let runtime = runtime(1);
    let source = format!(
        "{BUSY} export default {{ fetch(r, env, ctx) {{ ctx.waitUntil(new Promise((resolve) => setTimeout(() => {{ busy(1e7); \
        console.log('done'); resolve(); }}, 1))); return new Response('at once'); }} }}"
    );
    let mut options = options("later", &source);
    options.limits.cpu_ms = 10_000;
    let app = runtime.load(options).expect("loads");
    let before_us = app.stats().cpu_us;
    assert!(before_us > 0, "a start is work as well");
    let id = app.dispatch(get("/")).expect("accepted");
    let account = wait_for(&runtime, |event| match &event.payload {
        Payload::Response { account, .. } if event.id == id => Some(*account),
        _ => None,
    });
    wait_for(&runtime, |event| matches!(&event.payload, Payload::Log { text, .. } if text == "done").then_some(()));
    // The line comes from inside the turn; the next answer from behind it.
    text(&app, "/");
    let after_us = app.stats().cpu_us - before_us - account.cpu_us;
    assert!(after_us > account.cpu_us, "{after_us} µs after a response that took {} µs", account.cpu_us);
}

#[test]
fn timers_belong_to_the_request_that_started_them() {
    let runtime = runtime(1);
    let source = format!(
        "{BUSY} export default {{ fetch(r) {{ if (r.url.endsWith('/ok')) return new Response('ok'); \
        setInterval(() => busy(2e6), 1); return new Response('started'); }} }}"
    );
    let app = load(&runtime, "interval", &source);
    assert_eq!(text(&app, "/"), "started");
    while app.stats().condemned == 0 {
        std::thread::yield_now();
    }
    assert_eq!(text(&app, "/ok"), "ok");
}

#[test]
fn timers_of_the_start_are_kept_to_a_budget_too() {
    let runtime = runtime(1);
    let source = format!("{BUSY} setInterval(() => busy(2e6), 1); export default {{ fetch() {{ return new Response('ok'); }} }}");
    let app = load(&runtime, "module", &source);
    while app.stats().condemned == 0 {
        std::thread::yield_now();
    }
    assert_eq!(text(&app, "/"), "ok");
}

#[test]
fn a_refusal_says_which_status_of_http_it_is() {
    let runtime = runtime(1);
    let app = load(&runtime, "sizes", "export default { fetch() { return new Response('hi'); } }");
    let http = |init| {
        let error = app.fetch(init, Some(PATIENCE)).expect_err("too large");
        assert_eq!(error.status, Status::TooLarge);
        error.http_status()
    };
    assert_eq!(http(get(&format!("/{}", "x".repeat(17 << 10)))), 414);
    let mut init = get("/");
    assert!(init.head.headers.push(b"x", &vec![b'y'; 129 << 10]));
    assert_eq!(http(init), 431);
    assert_eq!(http(post("/", &"z".repeat((10 << 20) + 1))), 413);
    let looping = load(&runtime, "loop", "export default { fetch() { for (;;); } }");
    assert_eq!(fetch(&looping, "/").expect_err("loops").http_status(), 500);
}

#[test]
fn what_a_thread_does_for_one_app_is_not_at_the_expense_of_the_next() {
    let runtime = runtime(1);
    let source = "export default { fetch() { return new Response('hi'); } }";
    let mut looping = options("looping", "export default { fetch() { for (;;); } }");
    looping.limits.cpu_ms = 3_600_000;
    let looping = runtime.load(looping).expect("loads");
    let next = load(&runtime, "next", source);
    assert_eq!(text(&next, "/"), "hi");
    let used = |app: &App| app.stats().cpu_us;
    let all = || runtime.shards()[0].view.cpu_us;
    let is_fair = || {
        let leaving = load(&runtime, "leaving", source);
        let before_us = (all(), used(&looping), used(&next));
        looping.dispatch(get("/")).expect("accepted");
        until(|| runtime.shards()[0].view.turn.is_some());
        for _ in 0..9_000 {
            leaving.dispatch(get("/")).expect("accepted");
        }
        std::thread::scope(|scope| {
            // Behind the loop the thread refuses all of these, and then turns to the next.
            scope.spawn(|| leaving.unload(Duration::ZERO));
            until(|| runtime.find("leaving").is_none());
            let answer = scope.spawn(|| text(&next, "/"));
            until(|| next.stats().in_flight == 1);
            looping.kill().expect("ends");
            assert_eq!(answer.join().expect("no panic"), "hi");
        });
        let loop_us = used(&looping) - before_us.1;
        let (next_us, rest_us) = (used(&next) - before_us.2, all() - before_us.0 - loop_us);
        println!("{next_us} of {rest_us} us");
        next_us < rest_us / 2
    };
    // Once is enough: a machine that stalls may charge anybody.
    assert!((0..5).any(|_| is_fair()), "it was charged with what was done for the one before it");
}
