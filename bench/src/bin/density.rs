//! Memory per app: idle, after eleven requests each, and given back after all are unloaded.

use std::time::Duration;

use nano_bench::{fetch, load, report, resident_kb, runtime};

fn main() {
    let count: usize = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(200);
    let runtime = runtime(1, 0);
    // Whatever is paid once per process is paid before the measurement.
    let first = load(&runtime, "first", false);
    fetch(&first);
    let before = resident_kb();
    let apps: Vec<_> = (0..count).map(|n| load(&runtime, &format!("app{n}"), false)).collect();
    let idle = resident_kb();
    for _ in 0..11 {
        apps.iter().for_each(fetch);
    }
    let used = resident_kb();
    for app in apps {
        app.unload(Duration::from_secs(5)).expect("unloads");
    }
    fetch(&first);
    let after = resident_kb();
    let note = format!("{count} apps, one process, smaps Rss");
    report("density.idle_rss_kb", (idle - before) / count as f64, "KB", 1, &note);
    report("density.used_rss_kb", (used - before) / count as f64, "KB", 1, &note);
    report("density.returned_pct", 100.0 * (used - after) / (used - before), "%", 1, &note);
}
