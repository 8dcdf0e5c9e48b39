//! What a runtime counts, and how others may look at it: reports for whoever shows them, text for Prometheus.
//!
//! Counting is on every request's path: relaxed additions to lines that its thread has anyway, no lock, no clock of its own. Looking may
//! take locks for as long as it takes to copy what is behind them.

mod cpu_time;
mod durations;
mod meter;
mod metrics;
mod report;
mod stats;

use std::sync::atomic::AtomicU64;

pub(crate) use cpu_time::CpuTime;
pub use durations::Durations;
pub use meter::{Kill, Outcome};
pub(crate) use meter::{Meter, Totals};
pub use metrics::AppMetrics;
pub(crate) use report::Tenant;
pub use report::{AppReport, AppState, Ceilings, Resident, ShardReport, ShardTurn, ShardView};
pub use stats::RuntimeStats;

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
