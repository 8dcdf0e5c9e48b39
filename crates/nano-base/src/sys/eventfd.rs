//! A counter that a poll can wait on: how one thread wakes another, and how the host learns that events wait.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use crate::meet::Flag;

/// A non-blocking, close-on-exec eventfd.
#[derive(Debug)]
pub struct EventFd(OwnedFd);

impl EventFd {
    /// A new one, not readable.
    pub fn new() -> io::Result<Self> {
        // SAFETY: eventfd takes two integers; the result is checked before it is owned.
        let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` was just created and belongs to nobody else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Makes it readable.
    pub fn ring(&self) {
        let one: u64 = 1;
        // SAFETY: eight bytes of a local integer; a full counter (EAGAIN) is readable already.
        unsafe { libc::write(self.0.as_raw_fd(), (&raw const one).cast(), 8) };
    }

    /// Makes it unreadable again.
    pub fn clear(&self) {
        let mut count: u64 = 0;
        // SAFETY: eight bytes into a local integer; an empty counter (EAGAIN) is what is wanted.
        unsafe { libc::read(self.0.as_raw_fd(), (&raw mut count).cast(), 8) };
    }

    /// Waits until it is readable; false when the time passed first. A negative time waits without end.
    pub fn wait(&self, timeout_ms: i32) -> bool {
        let mut poll = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one valid pollfd for the length of the call.
        unsafe { libc::poll(&mut poll, 1, timeout_ms) > 0 }
    }
}

impl Flag for EventFd {
    fn raise(&self) {
        self.ring();
    }

    fn lower(&self) {
        self.clear();
    }
}

impl AsRawFd for EventFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
