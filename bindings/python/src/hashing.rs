//! Sets and maps of what an app has chosen. Python's hashes of numbers have no secret: an app can choose thousands that all have the same,
//! and to make a set of them takes the square of their number. Whoever makes one therefore looks at the clock.

use nano_core::limits::{HASHING_ITEM_NS, HASHING_SLICE, HASHING_SLICE_NS_MAX, HASHING_SPARE_NS};
use nano_core::sys::thread::cpu_ns;
use nano_core::{Error, Status};
use pyo3::prelude::*;

use crate::error::exception;

/// The CPU time that the sets and maps of one value may take, and have taken.
pub(crate) struct Hashing {
    fair_ns: u64,
    spent_ns: u64,
}

impl Hashing {
    pub(crate) fn new() -> Self {
        Self { fair_ns: HASHING_SPARE_NS, spent_ns: 0 }
    }

    /// Adds each of the items, as long as that does not take longer than they should.
    pub(crate) fn add_all<T>(&mut self, py: Python<'_>, items: &[T], mut add: impl FnMut(&T) -> PyResult<()>) -> PyResult<()> {
        if items.len() <= HASHING_SLICE {
            return items.iter().try_for_each(add);
        }
        self.fair_ns += items.len() as u64 * HASHING_ITEM_NS;
        let mut then_ns = cpu_ns();
        for slice in items.chunks(HASHING_SLICE) {
            slice.iter().try_for_each(&mut add)?;
            let now_ns = cpu_ns();
            self.spent_ns += now_ns.saturating_sub(then_ns).min(HASHING_SLICE_NS_MAX);
            then_ns = now_ns;
            if self.spent_ns > self.fair_ns {
                let why = "the app's Set or Map has too many items with the same hash: give an array of them";
                return Err(exception(py, Error::new(Status::TooLarge, why)));
            }
        }
        Ok(())
    }
}
