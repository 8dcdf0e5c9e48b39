//! CPU time from loading a small app to its first response: cold, and with a started isolate ready in the pool.

use std::time::Duration;

use nano_bench::{cpu_ms, fetch, load, median, pause, report, runtime};

fn main() {
    let count = 100;
    for (name, pool) in [("start.cpu_ms", 0), ("start.pooled_cpu_ms", 1)] {
        let runtime = runtime(1, pool);
        let first = load(&runtime, "first", false);
        fetch(&first);
        let mut spent = Vec::with_capacity(count);
        for n in 0..count {
            if pool > 0 {
                wait_for_pool();
            }
            let before = cpu_ms();
            fetch(&load(&runtime, &format!("app{n}"), true));
            spent.push(cpu_ms() - before);
        }
        report(name, median(spent), "ms", count, "load of a small app to its first response, CPU of all threads");
    }
}

/// Lets the shard fill its pool: until the process uses no more CPU.
fn wait_for_pool() {
    let mut last = cpu_ms();
    loop {
        pause(Duration::from_millis(3));
        let now = cpu_ms();
        if now - last < 0.2 {
            return;
        }
        last = now;
    }
}
