//! The signals that are for this process.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::apps::program;
use crate::{admin, dev, output};

/// Calls a function with every signal that is for this process, on a thread, until it says no.
pub fn hear_signals(mut hear: impl FnMut(i32) -> bool + Send + 'static) -> std::io::Result<()> {
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

/// The same for a process that the second signal ends at once, whatever its other threads are at.
pub fn hear_and_hurry(hear: impl Fn(i32) -> bool + Send + 'static) -> std::io::Result<()> {
    let mut stopping = false;
    hear_signals(move |signal| {
        if signal != SIGHUP && std::mem::replace(&mut stopping, true) {
            output::complain("stopped at once, by a second signal");
            program::end_all();
            dev::leave();
            admin::leave();
            output::flush();
            std::process::exit(128 + signal);
        }
        // A main thread that has gone does not stop any more: the next signal does.
        let _ = hear(signal);
        true
    })
}
