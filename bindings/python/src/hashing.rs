//! Sets and maps of what an app has chosen. Python's hashes of numbers have no secret: an app can choose thousands that all have the same,
//! and to make a set of them takes the square of their number. Whoever makes one therefore looks at the clock, and before that at what
//! there is to compare in its items, because nothing looks at a clock in the middle of one.

use nano_core::limits::{HASHING_COMPARES_MAX, HASHING_ITEM_NS, HASHING_SLICE, HASHING_SLICE_NS_MAX, HASHING_SPARE_NS};
use nano_core::sys::thread::cpu_ns;
use nano_core::{Error, Status, Value};
use pyo3::prelude::*;

use crate::error::exception;

/// The bytes of a `bigint` that count as one number.
const NUMBER_BYTES: usize = 16;

/// What an item of a set, or a key of a map, takes.
#[derive(Default)]
struct Weight {
    /// The numbers, strings and so on that are in it.
    leaves: u64,
    /// How many of them are compared, at worst, to tell it from another one.
    compares: u64,
}

impl Weight {
    fn one(compares: u64) -> Self {
        Self { leaves: 1, compares }
    }

    fn and(self, other: Self) -> Self {
        Self { leaves: self.leaves + other.leaves, compares: self.compares.saturating_add(other.compares) }
    }

    fn of(value: &Value) -> Self {
        match value {
            Value::Array(items) => items.iter().map(Self::of).fold(Self::one(1), Self::and),
            Value::Object(entries) => entries.iter().map(|(_, item)| Self::of(item)).fold(Self::one(1), Self::and),
            Value::Map(entries) => entries.iter().map(|(key, item)| Self::of(key).and(Self::of(item))).fold(Self::one(1), Self::and),
            // Each of the items is looked for among those of the other set, which may all have its hash.
            Value::Set(items) => {
                let all = items.iter().map(Self::of).fold(Self::one(1), Self::and);
                Self { compares: all.compares.saturating_mul(items.len() as u64), ..all }
            }
            Value::BigInt { magnitude, .. } => Self::one(magnitude.len().div_ceil(NUMBER_BYTES).max(1) as u64),
            Value::Boxed(inside) => Self::of(inside),
            // The hashes of strings and of bytes have a secret, and what else there is has one number or text in it.
            _ => Self::one(1),
        }
    }
}

/// The CPU time that the sets and maps of one value may take, and have taken.
pub(crate) struct Hashing {
    fair_ns: u64,
    spent_ns: u64,
    compares: u64,
    /// What is made now is part of an item.
    is_inside: bool,
}

impl Hashing {
    pub(crate) fn new() -> Self {
        Self { fair_ns: HASHING_SPARE_NS, spent_ns: 0, compares: 0, is_inside: false }
    }

    /// Whether what is made from here on is part of an item; whether it was until now.
    pub(crate) fn set_inside(&mut self, is_inside: bool) -> bool {
        std::mem::replace(&mut self.is_inside, is_inside)
    }

    /// Looks at the items of a set, or the keys of a map, before they are made; how many of them may be added between two looks at the clock.
    pub(crate) fn check<'a>(&mut self, py: Python<'_>, items: impl Iterator<Item = &'a Value>) -> PyResult<usize> {
        // They were counted with the item that they are in.
        if self.is_inside {
            return Ok(usize::MAX);
        }
        let (mut count, mut all) = (0, Weight::default());
        for weight in items.map(Weight::of) {
            (count, all) = (count + 1, all.and(weight));
        }
        let is_plain = all.compares <= count;
        if is_plain && count <= HASHING_SLICE as u64 {
            return Ok(usize::MAX);
        }
        self.fair_ns += all.leaves * HASHING_ITEM_NS;
        if is_plain {
            return Ok(HASHING_SLICE);
        }
        self.compares = self.compares.saturating_add(all.compares);
        if self.compares > HASHING_COMPARES_MAX {
            let why = "there is too much to compare in the items of the app's Sets or the keys of its Maps: give an array of them";
            return Err(exception(py, Error::new(Status::TooLarge, why)));
        }
        Ok(1)
    }

    /// Adds each of the items, as long as that does not take longer than they should.
    pub(crate) fn add_all<T>(
        &mut self,
        py: Python<'_>,
        slice: usize,
        items: &[T],
        mut add: impl FnMut(&T) -> PyResult<()>,
    ) -> PyResult<()> {
        if slice == usize::MAX {
            return items.iter().try_for_each(add);
        }
        let mut then_ns = cpu_ns();
        for slice in items.chunks(slice) {
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
