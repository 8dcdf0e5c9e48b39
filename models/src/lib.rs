//! Every order in which threads can meet: the files of `nano-base/src/meet`, with a model checker's atomics and locks.
//!
//! Each test is a small story that loom tells in all orders that the memory model allows, also those that the processor at
//! hand never shows. What is not a protocol between threads does not belong here.
#![cfg(test)]
#![allow(dead_code, unused_imports, reason = "the included files have more than the models use")]

#[path = "../../crates/nano-base/src/meet/mod.rs"]
mod meet;

/// What `nano-base/src/sync.rs` has, as the model checker has it.
mod sync {
    pub(crate) use loom::hint::spin_loop;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence};
    pub(crate) use loom::sync::{Condvar, Mutex};
}

mod nap;
mod queue;
mod turn;
mod waking;
