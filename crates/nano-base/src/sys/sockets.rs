//! What is asked of sockets besides what they are for.

use std::io;
use std::os::fd::RawFd;

/// Whether there was no socket for want of descriptors or memory, of the process or of the machine: closing another may help.
pub fn is_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// Ends all connections that an epoll descriptor watches, for both sides. The descriptors stay: whoever owns them must not use them for
/// anything but to be closed.
pub fn shut_down_watched(poll: RawFd) {
    let Ok(info) = std::fs::read_to_string(format!("/proc/self/fdinfo/{poll}")) else { return };
    let watched = info.lines().filter_map(|line| line.strip_prefix("tfd:")?.split_ascii_whitespace().next()?.parse::<RawFd>().ok());
    for fd in watched {
        // SAFETY: shutdown takes integers; what is no socket is ENOTSOCK, and what is none any more EBADF.
        unsafe { libc::shutdown(fd, libc::SHUT_RDWR) };
    }
}
