//! CPU time of one app, of which nothing is lost when the app goes: what its instances leave behind is seen to later, at its expense.

use std::sync::atomic::{AtomicU64, Ordering};

/// Set when the sum has been taken over. Nobody uses so many nanoseconds.
const TAKEN_OVER: u64 = 1 << 63;

/// A sum of nanoseconds that grows until nobody knows the app any more.
#[derive(Debug, Default)]
pub(crate) struct CpuTime(AtomicU64);

impl CpuTime {
    /// So much more; whether the sum has been taken over, so that this is missing there.
    #[must_use]
    pub(crate) fn add(&self, ns: u64) -> bool {
        self.0.fetch_add(ns, Ordering::Relaxed) & TAKEN_OVER != 0
    }

    /// All of it so far.
    pub(crate) fn ns(&self) -> u64 {
        self.0.load(Ordering::Relaxed) & !TAKEN_OVER
    }

    /// The same, for whoever goes on with the sum.
    pub(crate) fn take_over(&self) -> u64 {
        self.0.fetch_or(TAKEN_OVER, Ordering::Relaxed) & !TAKEN_OVER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_the_sum_was_taken_over_is_told() {
        let time = CpuTime::default();
        assert!(!time.add(5));
        assert_eq!((time.take_over(), time.ns()), (5, 5));
        assert!(time.add(2));
        assert_eq!(time.ns(), 7);
    }
}
