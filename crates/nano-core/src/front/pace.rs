//! How fast a client has to take what it has asked for, and to send what it has begun.

/// Since when a client is waited for. One that takes or sends a byte now and then is not waited for longer than one that does nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    since_ms: u64,
    bytes: usize,
}

impl Pace {
    /// It is its turn from now on.
    pub(super) fn from(now_ms: u64) -> Self {
        Self { since_ms: now_ms, bytes: 0 }
    }

    /// It has moved so many bytes: its time begins anew with each `least` of them.
    pub(super) fn moved(&mut self, bytes: usize, least: usize, now_ms: u64) {
        self.bytes += bytes;
        if self.bytes >= least.max(1) {
            *self = Self::from(now_ms);
        }
    }

    pub(super) fn since_ms(self) -> u64 {
        self.since_ms
    }
}
