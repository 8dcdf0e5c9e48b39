//! What the runtime tells: the apps' consoles and what becomes of them, on a thread of its own.

use std::sync::Arc;

use nano_core::{Clock, LogLevel, Payload, Runtime};

use crate::admin::Logs;
use crate::output;

/// Events taken at once.
const BATCH: usize = 256;

/// Prints what apps say, and keeps it for a while, until the runtime is freed.
pub fn follow(runtime: &Arc<Runtime>, logs: &Arc<Logs>, clock: &Clock) -> std::io::Result<()> {
    let (runtime, logs, clock) = (runtime.clone(), logs.clone(), clock.clone());
    std::thread::Builder::new().name("nanod-events".into()).spawn(move || {
        let mut events = Vec::new();
        while runtime.wait(BATCH, -1, &mut events).is_ok() {
            let unix_ms = clock.unix_ms() as u64;
            for event in events.drain(..) {
                match event.payload {
                    Payload::Log { app, level, text, dropped } => {
                        if dropped > 0 {
                            let why = format!("{dropped} lines were dropped (limit log_bytes_per_s)");
                            output::app(&app, LogLevel::Warn, &why);
                            logs.push(unix_ms, &app, LogLevel::Warn, Some("dropped"), why);
                        }
                        output::app(&app, level, &text);
                        logs.push(unix_ms, &app, level, None, text);
                    }
                    Payload::App { app, state: state @ ("condemned" | "quarantined"), reason } => {
                        let why = format!("an instance was stopped: {reason}");
                        output::app(&app, LogLevel::Error, &why);
                        logs.push(unix_ms, &app, LogLevel::Error, Some(state), why);
                    }
                    Payload::App { app, state, reason } => logs.push(unix_ms, &app, LogLevel::Debug, Some(state), reason),
                    // Nothing is asked of this host yet, and its requests come by its listeners.
                    _ => {}
                }
            }
        }
    })?;
    Ok(())
}
