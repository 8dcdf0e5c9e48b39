//! Commands that ask a nanod that is running, by its admin listener.

mod client;
mod tail;
mod top;

pub use tail::tail;
pub use top::top;

/// The time of day in UTC, to the second.
fn time_of_day(unix_ms: u64) -> String {
    let s = unix_ms / 1_000 % 86_400;
    format!("{:02}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60)
}
