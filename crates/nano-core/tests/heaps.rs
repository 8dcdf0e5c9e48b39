//! Apps that each keep to their own limit must not together use up what V8 has for all heaps of a process.

use nano_core::{Payload, ProcessOptions, Status};

mod support;

use support::*;

/// Takes 20 MiB of heap of 32, says so, and keeps it until its request is canceled.
const GREEDY: &str = "export default { fetch(request) { const kept = []; for (let i = 0; i < 5000; i++) kept.push(new Array(1000).fill(i)); \
    console.log('full'); return new Promise(() => { globalThis.kept = kept; }); } }";

#[test]
fn the_one_that_grows_when_all_heaps_are_full_is_stopped_and_idle_ones_go_first() {
    nano_core::init(&ProcessOptions { heaps_bytes: 160 << 20, ..ProcessOptions::default() }).expect("V8 has not started");
    let runtime = runtime(2);
    let mut held = Vec::new();
    let mut refused = 0;
    for n in 0..12 {
        let mut options = options(&format!("greedy {n}"), GREEDY);
        options.limits.cpu_ms = 10_000;
        options.lazy = true;
        let app = runtime.load(options).expect("is only registered");
        let id = app.dispatch(get("/")).expect("accepted");
        let is_full = wait_for(&runtime, |event| match &event.payload {
            Payload::Log { text, .. } if text == "full" => Some(true),
            Payload::Error(error, _) if event.id == id => {
                assert_eq!(error.status, Status::Capacity, "{error}");
                Some(false)
            }
            _ => None,
        });
        if is_full { held.push(id) } else { refused += 1 }
    }
    assert!((4..=8).contains(&held.len()) && refused >= 4, "{} of 20 MiB each in 160", held.len());
    let stats = runtime.stats();
    assert_eq!((stats.parked, stats.abandoned), (0, 0), "nobody ran out of memory");

    // What nobody waits for any more makes room.
    for id in held {
        runtime.request_cancel(id).expect("still waits");
    }
    let app = load(&runtime, "small", "export default { fetch() { return new Response('ok'); } }");
    assert_eq!(text(&app, "/"), "ok");
    while runtime.stats().evictions == 0 {
        std::thread::yield_now();
    }
}
