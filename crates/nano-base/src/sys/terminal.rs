//! A terminal that gives single keys. It belongs to the program that was started in it: only programs use this, never the library.

use std::os::fd::{AsRawFd, RawFd};
use std::sync::Mutex;

/// How the terminal was before.
static BEFORE: Mutex<Option<(RawFd, libc::termios)>> = Mutex::new(None);

/// Lets the terminal give each key at once and not show it; signals by keys go on working. False if it is no terminal, or if the
/// program is in the background, where asking would stop it.
pub fn give_keys(terminal: &impl AsRawFd) -> bool {
    let fd = terminal.as_raw_fd();
    let mut before = BEFORE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    // SAFETY: functions of integers; a descriptor that is no terminal is an error.
    if before.is_some() || unsafe { libc::tcgetpgrp(fd) != libc::getpgrp() } {
        return false;
    }
    // SAFETY: a termios is integers, for which zeros are valid; tcgetattr fills it or fails.
    let mut now = unsafe { std::mem::zeroed::<libc::termios>() };
    // SAFETY: `now` is ours to fill.
    if unsafe { libc::tcgetattr(fd, &mut now) } != 0 {
        return false;
    }
    let kept = now;
    now.c_lflag &= !(libc::ICANON | libc::ECHO);
    now.c_cc[libc::VMIN] = 1;
    now.c_cc[libc::VTIME] = 0;
    // SAFETY: `now` came from tcgetattr.
    if unsafe { libc::tcsetattr(fd, libc::TCSANOW, &now) } != 0 {
        return false;
    }
    *before = Some((fd, kept));
    true
}

/// Makes the terminal as it was. May be called at any time, from any thread, and does nothing the second time.
pub fn restore() {
    let mut before = BEFORE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some((fd, kept)) = before.take() {
        // SAFETY: `kept` came from tcgetattr; a descriptor that is closed by now is an error that nobody can do anything about.
        unsafe { libc::tcsetattr(fd, libc::TCSANOW, &kept) };
    }
}

/// How many lines it shows, if it is one.
pub fn rows(terminal: &impl AsRawFd) -> Option<usize> {
    // SAFETY: a winsize is integers, for which zeros are valid.
    let mut size = unsafe { std::mem::zeroed::<libc::winsize>() };
    // SAFETY: the request fills a winsize, which `size` is, or fails.
    let failed = unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCGWINSZ, &mut size) } != 0;
    (!failed && size.ws_row > 0).then_some(usize::from(size.ws_row))
}
