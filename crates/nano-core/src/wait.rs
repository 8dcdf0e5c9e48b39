//! Blocking, for the few functions that may: a value that another thread will fill in.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// Locks; a panic elsewhere has been contained and must not spread by way of the lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A value that arrives once.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    value: Mutex<Option<T>>,
    arrived: Condvar,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { value: Mutex::new(None), arrived: Condvar::new() }
    }
}

impl<T> Slot<T> {
    /// Fills it; the first value stays.
    pub(crate) fn fill(&self, value: T) {
        let mut slot = lock(&self.value);
        if slot.is_none() {
            *slot = Some(value);
            self.arrived.notify_all();
        }
    }

    /// Waits for the value; `None` if the time passed first.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> Option<T> {
        let slot = lock(&self.value);
        let mut slot = match timeout {
            None => self.arrived.wait_while(slot, |value| value.is_none()).unwrap_or_else(|poisoned| poisoned.into_inner()),
            Some(timeout) => {
                self.arrived.wait_timeout_while(slot, timeout, |value| value.is_none()).unwrap_or_else(|poisoned| poisoned.into_inner()).0
            }
        };
        slot.take()
    }
}
