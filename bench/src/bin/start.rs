//! CPU time from loading a small app to its first response: cold, with a started isolate ready in the pool, and with a response that is a
//! stream.

use std::time::Duration;

use nano_bench::{HELLO, cpu_ms, fetch, load, load_text, median, pause, report, runtime};

fn main() {
    let count = 100;
    for (name, pool, source) in [("start.cpu_ms", 0, HELLO), ("start.pooled_cpu_ms", 1, HELLO), ("start.streaming_cpu_ms", 0, STREAMING)] {
        let runtime = runtime(1, pool);
        let first = load(&runtime, "first", false);
        fetch(&first);
        let mut spent = Vec::with_capacity(count);
        for n in 0..count {
            if pool > 0 {
                wait_for_pool();
            }
            let before = cpu_ms();
            fetch(&load_text(&runtime, &format!("app{n}"), source, true));
            spent.push(cpu_ms() - before);
        }
        report(name, median(spent), "ms", count, "load of a small app to its first response, CPU of all threads");
    }
    report("start.page_us", page_us(), "\u{b5}s", 1, "what this machine takes for a fresh page of memory: a start touches about 190");
}

/// CPU time of writing to one page of memory that nobody has written to yet.
fn page_us() -> f64 {
    const PAGES: usize = 4096;
    let mut memory: Vec<u8> = Vec::with_capacity(PAGES * 4096);
    let before = cpu_ms();
    for page in memory.spare_capacity_mut().chunks_mut(4096) {
        page[0].write(1);
    }
    std::hint::black_box(&mut memory);
    (cpu_ms() - before) * 1e3 / PAGES as f64
}

/// The same answer, piece by piece.
const STREAMING: &str = "export default { fetch() {
    const body = new ReadableStream({ start(c) { c.enqueue('Hello '); c.enqueue('World'); c.close(); } });
    return new Response(body.pipeThrough(new TextEncoderStream()));
} };\n";

/// Lets the shard fill its pool: until the process uses no more CPU.
fn wait_for_pool() {
    let mut last = cpu_ms();
    loop {
        // Longer than the rest that a shard takes before it fills its pool.
        pause(Duration::from_millis(10));
        let now = cpu_ms();
        if now - last < 0.2 {
            return;
        }
        last = now;
    }
}
