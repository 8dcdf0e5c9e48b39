//! The signals that are for this process.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Calls a function with every signal that is for this process, on a thread, until it says no.
pub fn hear_signals(hear: impl Fn(i32) -> bool + Send + 'static) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("nanod-signals".into()).spawn(move || {
        for signal in signals.forever() {
            if !hear(signal) {
                return;
            }
        }
    })?;
    Ok(())
}
