//! What systemd is told (sd_notify) and gives (socket activation). Without systemd nothing happens.

use std::os::fd::RawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;

use nano_core::sys;

/// What a service manager tells a program in its environment, which is for nobody whom that program starts.
const VARIABLES: [&str; 6] = ["NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID", "WATCHDOG_USEC"];

/// The first of the sockets that it hands over.
const FIRST_FD: RawFd = 3;

/// The most of them.
const FDS_MAX: u32 = 64;

/// Tells the service manager how things are: `READY=1`, `RELOADING=1`, `STOPPING=1`, `STATUS=...`.
pub fn tell(state: &str) {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let Ok(socket) = UnixDatagram::unbound() else { return };
    // A manager that does not listen is not told; nothing depends on it.
    let _ = match path.to_str().and_then(|path| path.strip_prefix('@')) {
        Some(name) => SocketAddr::from_abstract_name(name).and_then(|address| socket.send_to_addr(state.as_bytes(), &address)),
        None => socket.send_to(state.as_bytes(), path),
    };
}

/// Tells it that what is served may be changing; `READY=1` ends that.
pub fn reloading() {
    let clock = nano_core::Clock::system();
    tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", clock.now_ns() / 1_000));
}

/// Takes the sockets that the service manager has bound for this process as its own: no program that it starts has them.
pub fn take_sockets() {
    for fd in handed_over() {
        // One that is not there cannot be listened on either, which is said where that is tried.
        let _ = sys::file::set_inherited(fd, false);
    }
}

/// Keeps from a program what the service manager has told this one.
pub fn withhold(command: &mut Command) {
    for name in VARIABLES {
        command.env_remove(name);
    }
}

/// The addresses of sockets that the service manager has bound for this process.
pub fn inherited() -> Vec<String> {
    handed_over().map(|fd| format!("fd:{fd}")).collect()
}

fn handed_over() -> impl Iterator<Item = RawFd> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let for_us = number("LISTEN_PID") == Some(std::process::id());
    let count = if for_us { number("LISTEN_FDS").unwrap_or(0).min(FDS_MAX) } else { 0 };
    (0..count).map(|nth| FIRST_FD + nth as RawFd)
}
