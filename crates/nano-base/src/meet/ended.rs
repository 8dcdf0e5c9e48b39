//! The end of a request: many may want to end it, one does.

use crate::sync::{AtomicBool, Ordering};

/// Whether something has ended.
#[derive(Debug)]
pub struct Ended(AtomicBool);

impl Ended {
    /// It has not.
    #[expect(clippy::new_without_default, reason = "a default would not say which of the two it is")]
    pub fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Ends it; true for the one who did.
    pub fn end(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// Whether somebody has ended it.
    pub fn is(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
