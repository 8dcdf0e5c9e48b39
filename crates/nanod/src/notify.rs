//! What systemd is told (sd_notify) and gives (socket activation). Without systemd nothing happens.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

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

/// The addresses of sockets that the service manager has bound for this process.
pub fn inherited() -> Vec<String> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let for_us = number("LISTEN_PID") == Some(std::process::id());
    let count = if for_us { number("LISTEN_FDS").unwrap_or(0).min(64) } else { 0 };
    (0..count).map(|nth| format!("fd:{}", 3 + nth)).collect()
}
