//! What the runtime tells: the apps' consoles and what becomes of them, on a thread of its own.

use std::sync::Arc;

use nano_core::{LogLevel, Payload, Runtime};

use crate::{dev, output};

/// Events taken at once.
const BATCH: usize = 256;

/// Prints what apps say until the runtime is freed.
pub fn follow(runtime: &Arc<Runtime>) -> std::io::Result<()> {
    let runtime = runtime.clone();
    std::thread::Builder::new().name("nanod-events".into()).spawn(move || {
        let mut events = Vec::new();
        while runtime.wait(BATCH, -1, &mut events).is_ok() {
            events.drain(..).for_each(|event| show(event.payload));
        }
    })?;
    Ok(())
}

/// Prints what an app says or what became of it. Other events are none of this host's: its requests come by its listeners.
pub fn show(payload: Payload) {
    match payload {
        Payload::Log { app, level, text, dropped } => {
            if dropped > 0 {
                output::app(&app, LogLevel::Warn, &format!("{dropped} lines were dropped (limit log_bytes_per_s)"));
            }
            let text = if level == LogLevel::Error { dev::with_frame(&app, text) } else { text };
            output::app(&app, level, &text);
        }
        Payload::App { app, state: "condemned" | "quarantined", reason } => {
            output::app(&app, LogLevel::Error, &format!("an instance was stopped: {reason}"));
        }
        _ => {}
    }
}
