//! The only place that reads a clock, so that tests can drive time.
//!
//! A [`Clock`] belongs to a runtime. The real one reads the system; a manual one moves only when it is told to, and then
//! every timer, limit and idle time of that runtime follows it. Thread CPU time is never faked: see `sys::thread`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits::MANUAL_CLOCK_MS_MAX;

/// Monotonic and wall time, real or driven by hand.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// When it began, in milliseconds since 1970, and the nanoseconds since then.
    manual: Option<(u64, Arc<AtomicU64>)>,
}

/// Where a manual clock begins, in milliseconds since 1970: 2026-01-01.
const MANUAL_EPOCH_MS: u64 = 1_767_225_600_000;

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self { manual: None }
    }

    /// A clock that moves only by [`Clock::advance_ms`].
    pub fn manual() -> Self {
        Self::manual_at(MANUAL_EPOCH_MS)
    }

    /// The same, beginning at a time since 1970.
    pub fn manual_at(unix_ms: u64) -> Self {
        Self { manual: Some((unix_ms, Arc::new(AtomicU64::new(0)))) }
    }

    /// Whether the clock is driven by hand.
    pub fn is_manual(&self) -> bool {
        self.manual.is_some()
    }

    /// Moves a manual clock on; does nothing to the system's. False, and nothing, if it would pass [`MANUAL_CLOCK_MS_MAX`].
    pub fn advance_ms(&self, ms: u64) -> bool {
        let Some((_, now)) = &self.manual else { return true };
        let later = |now: u64| now.checked_add(ms.checked_mul(1_000_000)?).filter(|later| later / 1_000_000 <= MANUAL_CLOCK_MS_MAX);
        now.fetch_update(Ordering::SeqCst, Ordering::SeqCst, later).is_ok()
    }

    /// Monotonic nanoseconds since an arbitrary start.
    pub fn now_ns(&self) -> u64 {
        match &self.manual {
            Some((_, now)) => now.load(Ordering::SeqCst),
            None => crate::sys::time::monotonic_ns(),
        }
    }

    /// Monotonic milliseconds since an arbitrary start.
    pub fn now_ms(&self) -> u64 {
        self.now_ns() / 1_000_000
    }

    /// The same, for whoever has just read the system's monotonic clock.
    pub fn now_ms_at(&self, monotonic_ns: u64) -> u64 {
        if self.is_manual() { self.now_ms() } else { monotonic_ns / 1_000_000 }
    }

    /// Milliseconds since 1970.
    pub fn unix_ms(&self) -> f64 {
        match &self.manual {
            Some((epoch_ms, now)) => (epoch_ms + now.load(Ordering::SeqCst) / 1_000_000) as f64,
            None => (crate::sys::time::realtime_ns() / 1_000_000) as f64,
        }
    }
}
