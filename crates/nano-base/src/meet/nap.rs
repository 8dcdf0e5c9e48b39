//! The sleep of one who watches others: they wake it when they become busy, and pay next to nothing while it is awake.

use std::time::Duration;

use crate::sync::{AtomicBool, Condvar, Mutex, Ordering, fence};

/// Where one thread sleeps until another is busy.
#[derive(Debug)]
pub struct Nap {
    asleep: AtomicBool,
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Nap {
    /// Awake.
    #[expect(clippy::new_without_default, reason = "a default would not say which of the two it is")]
    pub fn new() -> Self {
        Self { asleep: AtomicBool::new(false), woken: Mutex::new(false), changed: Condvar::new() }
    }

    /// After becoming busy: wakes the sleeper, if there is one.
    pub fn wake(&self) {
        // With the fence in `sleep`: either the sleeper sees that we are busy, or we see that it sleeps.
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) {
            *self.woken.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = true;
            self.changed.notify_all();
        }
    }

    /// Sleeps until woken, unless somebody is `busy` already.
    pub fn sleep(&self, busy: impl FnOnce() -> bool) {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let must_sleep = !busy();
        let mut woken = self.woken.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        while must_sleep && !*woken {
            woken = self.changed.wait(woken).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        *woken = false;
        self.asleep.store(false, Ordering::Relaxed);
    }

    /// Sleeps for so long, or less.
    pub fn pause(&self, time: Duration) {
        let woken = self.woken.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        drop(self.changed.wait_timeout(woken, time));
    }
}
