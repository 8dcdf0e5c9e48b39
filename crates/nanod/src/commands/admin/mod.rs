//! Commands that ask a nanod that is running, by its admin listener.

mod client;
mod tail;
mod top;

use std::sync::mpsc::channel;
use std::time::Duration;

pub use tail::tail;
pub use top::top;

/// Waits a while. Nothing is ever sent: whoever does not want to wait ends the process.
fn pause(time: Duration) {
    let (_sender, never) = channel::<()>();
    let _ = never.recv_timeout(time);
}

/// The time of day in UTC, to the second.
fn time_of_day(unix_ms: u64) -> String {
    let s = unix_ms / 1_000 % 86_400;
    format!("{:02}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60)
}
