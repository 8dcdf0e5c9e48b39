//! Programs that this process has started, and their ends.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// How many files the process may have open at once.
pub fn open_files_max() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is ours to fill.
    (unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } == 0).then_some(limit.rlim_cur)
}

/// Has as many files open at once as the process may: what it begins with is often 1,024, and each connection is one.
pub fn raise_open_files() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is ours to fill and to read.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 && limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max;
            // If it fails things are as they were.
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}

/// Waits until a child has ended, and leaves its number to whoever asks for its status: until then it is nobody else's.
pub fn await_end(child: u32) -> io::Result<()> {
    loop {
        let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: waitid writes what it knows to `info`, which is large enough and of this function alone.
        match unsafe { libc::waitid(libc::P_PID, child, info.as_mut_ptr(), libc::WEXITED | libc::WNOWAIT) } {
            0 => return Ok(()),
            _ => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            },
        }
    }
}

/// Ends a child that leads a group of processes, and all that are in it. Its status must not have been asked for yet: its number could be
/// another's.
pub fn kill_group(leader: u32) {
    let Ok(leader) = i32::try_from(leader) else { return };
    if leader > 1 {
        // SAFETY: kill takes integers; a process that has ended is no error that matters. The second call is for a leader that has left.
        unsafe {
            libc::kill(-leader, libc::SIGKILL);
            libc::kill(leader, libc::SIGKILL);
        }
    }
}

/// Waits until something can be read, or the other end has been closed; false if nothing has come of it in time.
pub fn await_readable(pipe: &impl AsFd, timeout_ms: u64) -> io::Result<bool> {
    let mut poll = libc::pollfd { fd: pipe.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, which is written to and of this function alone.
    match unsafe { libc::poll(&mut poll, 1, i32::try_from(timeout_ms).unwrap_or(i32::MAX)) } {
        -1 => match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            error => Err(error),
        },
        ready => Ok(ready > 0),
    }
}
