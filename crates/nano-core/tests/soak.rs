//! Creating, serving and disposing, over and over: memory, threads and descriptors must not grow.

use std::time::Duration;

use nano_core::sys;

mod support;

use support::*;

/// What the process holds.
#[derive(Debug)]
struct Held {
    bytes: u64,
    threads: usize,
    files: usize,
}

fn entries(folder: &str) -> usize {
    std::fs::read_dir(folder).expect("Linux").count()
}

/// Cycles in one round, and rounds compared: `make soak` asks for more.
const CYCLES: usize = 20_000;

#[test]
fn memory_is_flat_over_many_lives() {
    let cycles: usize = std::env::var("NANO_SOAK_CYCLES").ok().and_then(|text| text.parse().ok()).unwrap_or(CYCLES);
    let runtime = runtime(1);
    let source = "export default { async fetch(r) { const b = await r.text(); return new Response(b + new URL(r.url).pathname); } }";
    let round = |cycles: usize| {
        for n in 0..cycles {
            let app = load(&runtime, &format!("life {n}"), source);
            let response = app.fetch(post("/x", "body"), Some(PATIENCE)).expect("a response");
            assert_eq!(response.body, b"body/x");
            app.unload(Duration::from_secs(30)).expect("unloads");
        }
        while runtime.stats().instances > 0 {
            std::thread::yield_now();
        }
        Held { bytes: sys::memory::resident_bytes(), threads: entries("/proc/self/task"), files: entries("/proc/self/fd") }
    };
    // The first lives fill what is kept for good: the allocator's arenas, V8's code range.
    let settled = round(cycles / 4);
    let end = round(cycles - cycles / 4);
    let grown_per_life = end.bytes.saturating_sub(settled.bytes) / (cycles - cycles / 4) as u64;
    assert!(grown_per_life < 200, "each life left {grown_per_life} bytes behind ({settled:?} to {end:?})");
    assert!(end.threads <= settled.threads && end.files <= settled.files, "lives left something behind ({settled:?} to {end:?})");
}
