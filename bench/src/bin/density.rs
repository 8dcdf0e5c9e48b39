//! Memory per app: idle, after eleven requests each, and given back after all are unloaded.

use std::time::Duration;

use nano_bench::{fetch, load, pause, report, resident_kb, runtime};

/// How long an app has been idle when its memory is looked at.
const IDLE: Duration = Duration::from_secs(3);

fn main() {
    let count: usize = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(200);
    let runtime = runtime(1, 0);
    // Whatever is paid once per process is paid before the measurement.
    let first = load(&runtime, "first", false);
    fetch(&first);
    let before = resident_kb();
    let apps: Vec<_> = (0..count).map(|n| load(&runtime, &format!("app{n}"), false)).collect();
    let started = resident_kb();
    pause(IDLE);
    let idle = resident_kb();
    for _ in 0..11 {
        apps.iter().for_each(fetch);
    }
    let busy = resident_kb();
    pause(IDLE);
    let used = resident_kb();
    for app in apps {
        app.unload(Duration::from_secs(5)).expect("unloads");
    }
    while runtime.stats().instances > 1 {
        pause(Duration::from_millis(10));
    }
    let after = resident_kb();
    let per_app = |kb: f64| (kb - before) / count as f64;
    let note = format!("{count} apps, one process, smaps Rss, idle for {} s", IDLE.as_secs());
    report("density.idle_rss_kb", per_app(idle), "KB", 1, &note);
    report("density.used_rss_kb", per_app(used), "KB", 1, &note);
    report("density.started_rss_kb", per_app(started), "KB", 1, &format!("{count} apps, at once after their start"));
    report("density.busy_rss_kb", per_app(busy), "KB", 1, &format!("{count} apps, at once after 11 requests each"));
    report("density.returned_pct", 100.0 * (busy - after) / (busy - before), "%", 1, &note);
}
