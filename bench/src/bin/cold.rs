//! Memory of an app that is registered and not started: its name, its source, its place in the tables.

use std::time::Duration;

use nano_bench::{fetch, load, pause, report, resident_kb, runtime};

/// How long the process has been idle when its memory is looked at.
const IDLE: Duration = Duration::from_secs(1);

fn main() {
    let count: usize = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let runtime = runtime(1, 0);
    // Whatever is paid once per process is paid before the measurement.
    fetch(&load(&runtime, "first", false));
    pause(IDLE);
    let before = resident_kb();
    // The handles are kept, as a host keeps them.
    let apps: Vec<_> = (0..count).map(|n| load(&runtime, &format!("app{n}"), true)).collect();
    pause(IDLE);
    let after = resident_kb();
    assert_eq!(runtime.stats().instances, 1, "a cold app has no instance");
    let note = format!("{count} lazily registered apps of {} bytes, smaps Rss", nano_bench::HELLO.len());
    report("cold.bytes_per_app", (after - before) * 1024.0 / count as f64, "B", 1, &note);
    // They are apps, not entries: the last one answers.
    fetch(apps.last().expect("at least one app"));
}
