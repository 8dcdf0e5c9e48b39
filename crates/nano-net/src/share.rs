//! What a peer may do in one of its turns: others wait on the same thread.

use nano_base::limits::{NETWORK_CALL_COST_BYTES, NETWORK_TURN_BYTES};

/// What is left of it.
#[derive(Debug)]
pub(crate) struct Share(usize);

impl Share {
    /// That of one turn.
    pub(crate) fn of_turn() -> Self {
        Self(NETWORK_TURN_BYTES)
    }

    /// That of whoever has no other turn.
    pub(crate) fn all() -> Self {
        Self(usize::MAX)
    }

    /// Nothing is left.
    pub(crate) fn none() -> Self {
        Self(0)
    }

    /// Something has been done for so many bytes; for none it costs all the same.
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(bytes + NETWORK_CALL_COST_BYTES);
    }

    /// Whether others have to have their turns first.
    pub(crate) fn is_used(&self) -> bool {
        self.0 == 0
    }
}
