//! Apps that each keep to their own limit must not together use up what V8 has for all heaps of a process.

use std::sync::{Mutex, MutexGuard};

use nano_base::sys;
use nano_core::{Payload, ProcessOptions, Status};

mod support;

use support::*;

/// Takes 20 MiB of heap of 32, says so, and keeps it until its request is canceled.
const GREEDY: &str = "export default { fetch(request) { const kept = []; for (let i = 0; i < 5000; i++) kept.push(new Array(1000).fill(i)); \
    console.log('full'); return new Promise(() => { globalThis.kept = kept; }); } }";

/// Starts V8 with little room, and lets one test at a time have it.
fn start() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    nano_core::init(&ProcessOptions { heaps_bytes: 160 << 20, ..ProcessOptions::default() }).expect("V8 starts");
    turn
}

#[test]
fn the_one_that_grows_when_all_heaps_are_full_is_stopped_and_idle_ones_go_first() {
    let _turn = start();
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

#[test]
fn a_text_beyond_its_apps_limit_takes_no_large_part_of_what_is_left_for_others() {
    let _turn = start();
    let runtime = runtime(1);
    let mut options =
        options("long", "export default { fetch({ url }) { return new Response('x'.repeat(+url.split('=')[1]).charAt(5)); } }");
    options.limits.cpu_ms = 10_000;
    let app = runtime.load(options).expect("loads");
    assert_eq!(text(&app, "/?length=2000000"), "x");
    // A heap is 32 MiB, and a quarter of all of them 40.
    assert_eq!(fetch(&app, "/?length=64000000").expect_err("too much").status, Status::MemoryLimit);
    assert_eq!(runtime.stats().parked, 1);
    assert_eq!(text(&app, "/?length=2000000"), "x");
}

#[test]
fn instances_that_were_stopped_do_not_pile_up_while_there_is_work() {
    let _turn = start();
    let runtime = runtime(1);
    let source = "export default { fetch() { globalThis.kept = [1, 2, 3].map(() => new Uint8Array(10 << 20).fill(1)); for (;;); } }";
    let mut options = options("heavy", source);
    options.limits.cpu_ms = 20;
    let app = runtime.load(options).expect("loads");
    let before = sys::memory::resident_bytes();
    let mut waiting: Vec<_> = (0..40).map(|_| app.dispatch(get("/")).expect("accepted")).collect();
    let mut peak = before;
    while !waiting.is_empty() {
        wait_for(&runtime, |event| waiting.contains(&event.id).then(|| waiting.retain(|id| *id != event.id)));
        peak = peak.max(sys::memory::resident_bytes());
    }
    // Of 30 MiB each: one that runs, and what may wait to be disposed of.
    assert!(peak - before < 300 << 20, "{} MiB", (peak - before) >> 20);
}

/// Busy enough for machine code.
const WARM: &str = "const add = (a, b) => a + b; export default { fetch() { let n = 0; for (let i = 0; i < 50_000; i++) n = add(n, i); \
    return new Response(String(n)); } }";

#[test]
fn apps_with_machine_code_make_room_for_one_another() {
    let _turn = start();
    let runtime = runtime(1);
    let apps: Vec<_> = (0..120).map(|n| load(&runtime, &format!("warm {n}"), WARM)).collect();
    for app in &apps {
        assert_eq!(text(app, "/"), "1249975000");
    }
    // 20 MiB of code are 80 pages.
    while runtime.stats().evictions < 40 {
        std::thread::yield_now();
    }
    assert_eq!(text(&apps[0], "/"), "1249975000", "it starts again");
}

#[test]
fn an_app_has_a_share_of_the_machine_code() {
    let _turn = start();
    let runtime = runtime(1);
    let mut options = options(
        "compiler",
        "export default { fetch() { const sum = Array.from({ length: 60 }, (_, i) => `x = (x * ${i + 3}) ^ (x + ${i});`).join('\\n'); \
         globalThis.kept = []; for (let n = 0; ; n++) { const f = new Function('x', `${sum} return x + ${n};`); \
         for (let i = 0; i < 3_000; i++) f(i); kept.push(f); } } }",
    );
    options.code_generation = true;
    options.limits.cpu_ms = 60_000;
    let app = runtime.load(options).expect("loads");
    let error = app.fetch(get("/"), None).expect_err("stopped");
    assert!(error.status == Status::MemoryLimit && error.message.contains("machine code"), "{error}");
    assert_eq!(runtime.stats().parked, 0);
}
