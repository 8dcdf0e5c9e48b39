//! Counters, and how they read as metrics.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nano_base::limits::APPS_LABELLED_MAX;

use crate::app::AppShared;
use crate::runtime::RuntimeStats;

/// What a runtime counts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub requests: AtomicU64,
    pub refused: AtomicU64,
    pub starts: AtomicU64,
    pub evictions: AtomicU64,
    pub condemned: AtomicU64,
    pub rescued: AtomicU64,
    pub parked: AtomicU64,
    pub abandoned: AtomicU64,
    pub lost_bytes: AtomicU64,
    pub logs_dropped: AtomicU64,
    pub skipped: AtomicU64,
    pub untold: AtomicU64,
}

/// Prometheus text.
pub(crate) fn metrics(stats: &RuntimeStats, apps: &[Arc<AppShared>]) -> String {
    let mut out = String::new();
    let gauges =
        [("nano_active_apps", stats.apps), ("nano_isolates_active", stats.instances), ("nano_requests_in_flight", stats.in_flight)];
    let counters = [
        ("nano_requests_total", stats.requests),
        ("nano_requests_refused_total", stats.refused),
        ("nano_requests_rescued_total", stats.rescued),
        ("nano_instance_starts_total", stats.starts),
        ("nano_instance_evictions_total", stats.evictions),
        ("nano_instances_condemned_total", stats.condemned),
        ("nano_shards_parked_total", stats.parked),
        ("nano_shards_abandoned_total", stats.abandoned),
        ("nano_lost_bytes_total", stats.lost_bytes),
        ("nano_logs_dropped_total", stats.logs_dropped),
        ("nano_scheduled_skipped_total", stats.skipped),
        ("nano_tail_dropped_total", stats.untold),
    ];
    for (kind, rows) in [("gauge", &gauges[..]), ("counter", &counters[..])] {
        for (name, value) in rows {
            let _ = writeln!(out, "# TYPE {name} {kind}\n{name} {value}");
        }
    }
    if apps.len() <= APPS_LABELLED_MAX {
        let _ = writeln!(out, "# TYPE nano_app_requests_total counter");
        for app in apps {
            let _ = writeln!(out, "nano_app_requests_total{{app=\"{}\"}} {}", escape(&app.name), app.requests.load(Ordering::Relaxed));
        }
        let _ = writeln!(out, "# TYPE nano_app_cpu_microseconds_total counter");
        for app in apps {
            let _ = writeln!(
                out,
                "nano_app_cpu_microseconds_total{{app=\"{}\"}} {}",
                escape(&app.name),
                app.cpu_ns.load(Ordering::Relaxed) / 1_000
            );
        }
        let _ = writeln!(out, "# TYPE nano_app_waiting_bytes gauge");
        for app in apps {
            let _ = writeln!(out, "nano_app_waiting_bytes{{app=\"{}\"}} {}", escape(&app.name), app.waiting_bytes());
        }
    }
    out
}

fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
