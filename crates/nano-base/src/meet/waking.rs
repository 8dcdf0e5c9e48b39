//! How a thread goes to sleep on a descriptor without missing what comes just then, and is not rung for when it is awake.

use crate::sync::{AtomicBool, Ordering};

/// Whether a thread needs to be rung for.
#[derive(Debug)]
pub struct Waking {
    awake: AtomicBool,
}

impl Waking {
    /// It is awake.
    #[expect(clippy::new_without_default, reason = "a default would not say which of the two it is")]
    pub fn new() -> Self {
        Self { awake: AtomicBool::new(true) }
    }

    /// After leaving something for the thread: whether it must be rung for.
    pub fn must_ring(&self) -> bool {
        !self.awake.swap(true, Ordering::AcqRel)
    }

    /// The thread is about to sleep. What was left without ringing can be seen from now on: look once more.
    pub fn doze(&self) {
        // A swap and not a store: it reads what `must_ring` wrote, and with it sees what was left before.
        self.awake.swap(false, Ordering::AcqRel);
    }

    /// The thread is awake.
    pub fn rise(&self) {
        self.awake.store(true, Ordering::Release);
    }
}
