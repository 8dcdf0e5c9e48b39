//! The sockets of a thread that will never close them.

use std::os::fd::RawFd;

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
