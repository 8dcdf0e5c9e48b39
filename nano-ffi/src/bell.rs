//! Who hears that events wait: the host's doorbell, and the thread in nano_wait.

use std::ffi::c_void;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// The host's function, and what it is called with.
pub(crate) struct Doorbell {
    pub ring: extern "C" fn(ctx: *mut c_void),
    pub ctx: *mut c_void,
}

// SAFETY: the host gave a function that may be called on any thread, with a pointer that only that function looks behind.
unsafe impl Send for Doorbell {}

/// Rung by the core whenever the queue becomes non-empty.
#[derive(Default)]
pub(crate) struct Bell {
    state: Mutex<State>,
    changed: Condvar,
    /// Locked while it is being called: whoever has replaced it knows that the old one is not running any more.
    doorbell: Mutex<Option<Doorbell>>,
}

#[derive(Clone, Copy, Default)]
struct State {
    rings: u64,
    closed: bool,
}

impl Bell {
    pub(crate) fn ring(&self) {
        lock(&self.state).rings += 1;
        self.changed.notify_all();
        if let Some(Doorbell { ring, ctx }) = &*lock(&self.doorbell) {
            ring(*ctx);
        }
    }

    /// No event will come any more.
    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.state).closed
    }

    /// How often it has rung: look here first, then at the queue, then wait for a change.
    pub(crate) fn rings(&self) -> u64 {
        lock(&self.state).rings
    }

    /// Waits until it has rung since `seen`, or is closed; false when the time passed first.
    pub(crate) fn wait(&self, seen: u64, timeout: Option<Duration>) -> bool {
        let state = lock(&self.state);
        let quiet = |state: &mut State| state.rings == seen && !state.closed;
        match timeout {
            None => {
                drop(self.changed.wait_while(state, quiet).unwrap_or_else(|poisoned| poisoned.into_inner()));
                true
            }
            Some(timeout) => {
                let waited = self.changed.wait_timeout_while(state, timeout, quiet);
                !waited.unwrap_or_else(|poisoned| poisoned.into_inner()).1.timed_out()
            }
        }
    }

    pub(crate) fn set_doorbell(&self, doorbell: Option<Doorbell>) {
        *lock(&self.doorbell) = doorbell;
    }
}

/// Locks; a panic elsewhere has been contained and must not spread by way of the lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_between_looking_and_waiting_is_not_missed() {
        let bell = Bell::default();
        let seen = bell.rings();
        bell.ring();
        assert!(bell.wait(seen, None));
        assert!(!bell.wait(bell.rings(), Some(Duration::ZERO)));
    }

    #[test]
    fn closing_wakes_whoever_waits_without_end() {
        let bell = std::sync::Arc::new(Bell::default());
        let waiter = std::thread::spawn({
            let bell = bell.clone();
            move || bell.wait(0, None)
        });
        bell.close();
        assert!(waiter.join().unwrap());
    }
}
