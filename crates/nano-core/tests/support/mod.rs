//! What the tests share: a runtime, an app from text, a request, an answer.
#![allow(dead_code, reason = "each suite uses its part")]

use std::sync::Once;
use std::time::Duration;

use nano_core::{
    App, AppOptions, Body, Event, EventMask, Headers, Payload, RequestHead, RequestInit, Response, Result, Runtime, RuntimeLimits,
    RuntimeOptions, Source,
};

/// Long enough for anything that works, on any machine: a test that waits this long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A runtime with so many shards that reports everything.
pub fn runtime(threads: u32) -> Runtime {
    let limits = RuntimeLimits { threads, ..RuntimeLimits::default() };
    Runtime::new(RuntimeOptions { limits, events: EventMask { logs: true, apps: false }, ..RuntimeOptions::default() }).expect("a runtime")
}

/// The same by a clock that only `advance_clock` moves.
pub fn manual_runtime(threads: u32) -> Runtime {
    let limits = RuntimeLimits { threads, ..RuntimeLimits::default() };
    Runtime::new(RuntimeOptions { limits, clock: nano_core::Clock::manual(), ..RuntimeOptions::default() }).expect("a runtime")
}

/// CPU time of an event in the tests' apps. Machines that stall charge the thread for it, and now and then more than the default.
pub const CPU_MS: u32 = 400;

/// An app from text, with default limits but for the CPU time.
pub fn load(runtime: &Runtime, name: &str, source: &str) -> App {
    runtime.load(options(name, source)).expect("the app loads")
}

pub fn options(name: &str, source: &str) -> AppOptions {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(no_thread_of_nano_may_panic);
    let mut options = AppOptions::new(name, Source::Text(source.into()));
    options.limits.cpu_ms = CPU_MS;
    options
}

/// Ends the whole run when a thread of NANO's own panics, but for those that a test means to: the defect is contained, and nobody would notice.
#[expect(clippy::disallowed_methods, reason = "the tests are the host, whose hook it is")]
fn no_thread_of_nano_may_panic() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        let is_ours = std::thread::current().name().is_some_and(|name| name.starts_with("nano-"));
        if is_ours && !panic.payload_as_str().is_some_and(|why| why.contains(MEANT)) {
            std::process::abort();
        }
    }));
}

/// What a panic says that a test means to happen on a thread of NANO's.
pub const MEANT: &str = "the defect that this test is about";

/// A GET of `path`.
pub fn get(path: &str) -> RequestInit {
    let mut headers = Headers::new();
    assert!(headers.push(b"Accept", b"*/*"));
    RequestInit { head: RequestHead { method: "GET".into(), url: format!("http://app.test{path}"), headers }, ..RequestInit::default() }
}

/// A POST of a whole body.
pub fn post(path: &str, body: &str) -> RequestInit {
    let mut init = get(path);
    init.head.method = "POST".into();
    init.body = Body::Whole(body.into());
    init
}

pub fn fetch(app: &App, path: &str) -> Result<Response> {
    app.fetch(get(path), Some(PATIENCE))
}

/// The body of a GET that must succeed.
pub fn text(app: &App, path: &str) -> String {
    let response = fetch(app, path).expect("a response");
    String::from_utf8(response.body).expect("UTF-8")
}

/// Waits until something holds that does so in a moment.
pub fn until(mut holds: impl FnMut() -> bool) {
    let clock = nano_core::Clock::system();
    let end_ms = clock.now_ms() + PATIENCE.as_millis() as u64;
    while !holds() {
        assert!(clock.now_ms() < end_ms, "it never came to be");
        std::thread::yield_now();
    }
}

/// Polls until `wanted` finds what it looks for; what comes before it is dropped, what comes after it stays.
pub fn wait_for<T>(runtime: &Runtime, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
    let mut events = Vec::new();
    loop {
        let taken = runtime.wait(1, PATIENCE.as_millis() as i32, &mut events).expect("the only consumer");
        assert!(taken > 0, "no event came");
        for event in events.drain(..) {
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    }
}

/// Has the only shard come to the end of what it is doing.
pub fn settle(runtime: &Runtime) {
    let app = runtime.find("settle").unwrap_or_else(|| load(runtime, "settle", "export function nothing() {}"));
    app.invoke_wait("nothing", Vec::new(), Some(PATIENCE)).expect("an end");
}

/// Polls until the request has ended: its events in order.
pub fn until_end(runtime: &Runtime, id: u64) -> Vec<Payload> {
    let mut seen = Vec::new();
    let mut events = Vec::new();
    loop {
        let taken = runtime.wait(1, PATIENCE.as_millis() as i32, &mut events).expect("the only consumer");
        assert!(taken > 0, "no event came");
        for event in events.drain(..) {
            if event.id == id {
                let end = event.payload.is_terminal();
                seen.push(event.payload);
                if end {
                    return seen;
                }
            }
        }
    }
}
