//! What `meet` is built of. The models put a model checker's in its place, so nothing else of `std` may be used there.

pub(crate) use std::hint::spin_loop;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence};
pub(crate) use std::sync::{Condvar, Mutex};
