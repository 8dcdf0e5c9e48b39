//! What an app has used: all of it, also what came after a request's end.

use nano_core::{Payload, Status};

use crate::support::*;

const BUSY: &str = "const busy = (n) => { let s = 0; for (let i = 0; i < n; i++) s += i % 7; return s; };";

#[test]
fn work_after_the_response_is_in_the_apps_total() {
    let runtime = runtime(1);
    let source = format!(
        "{BUSY} export default {{ fetch(r, env, ctx) {{ ctx.waitUntil(new Promise((resolve) => setTimeout(() => {{ busy(3e8); \
        console.log('done'); resolve(); }}, 1))); return new Response('at once'); }} }}"
    );
    let mut options = options("later", &source);
    options.limits.cpu_ms = 60_000;
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
