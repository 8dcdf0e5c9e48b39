//! What the runtime tells: the apps' consoles and what becomes of them, on a thread of its own.

use std::sync::Arc;

use nano_core::limits::{LOST_HEAPS_PART, WORKER_WORN_THREADS};
use nano_core::{Clock, LogLevel, Payload, Runtime};

use crate::admin::Logs;
use crate::{dev, output};

/// Events taken at once.
const BATCH: usize = 256;

/// Prints what apps say, and keeps it for a while, until the runtime is freed. When apps have broken much of what the process may lose, `worn`
/// is called, once.
pub fn follow(runtime: &Arc<Runtime>, logs: &Arc<Logs>, clock: &Clock, worn: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let (runtime, logs, clock) = (runtime.clone(), logs.clone(), clock.clone());
    std::thread::Builder::new().name("nanod-events".into()).spawn(move || {
        let (mut events, mut worn) = (Vec::new(), Some(worn));
        while runtime.wait(BATCH, -1, &mut events).is_ok() {
            let unix_ms = clock.unix_ms() as u64;
            for event in events.drain(..) {
                keep(&logs, unix_ms, &event.payload);
                if is_stopped(&event.payload)
                    && is_worn(&runtime)
                    && let Some(worn) = worn.take()
                {
                    worn();
                }
                show(event.payload);
            }
        }
    })?;
    Ok(())
}

/// Keeps it for whoever looks at the logs later.
fn keep(logs: &Logs, unix_ms: u64, payload: &Payload) {
    match payload {
        // The runtime's own word is no app's.
        Payload::Log { app, .. } if app.is_empty() => {}
        Payload::Log { app, level, text, dropped } => {
            if *dropped > 0 {
                logs.push(unix_ms, app, LogLevel::Warn, Some("dropped"), lost(*dropped));
            }
            logs.push(unix_ms, app, *level, None, text.clone());
        }
        Payload::App { app, state: state @ ("condemned" | "quarantined"), reason } => {
            logs.push(unix_ms, app, LogLevel::Error, Some(state), stopped(reason));
        }
        Payload::App { app, state, reason } => logs.push(unix_ms, app, LogLevel::Debug, Some(state), reason.clone()),
        _ => {}
    }
}

/// Whether half of the threads that a process may lose are lost, or much of the memory for heaps with them.
fn is_worn(runtime: &Runtime) -> bool {
    let ceilings = runtime.ceilings();
    ceilings.lost_threads >= WORKER_WORN_THREADS || ceilings.lost_heap_bytes >= ceilings.heaps_bytes_max / LOST_HEAPS_PART
}

fn is_stopped(payload: &Payload) -> bool {
    matches!(payload, Payload::App { state: "condemned" | "quarantined", .. })
}

fn lost(lines: u64) -> String {
    format!("{lines} lines were dropped (limit log_bytes_per_s)")
}

fn stopped(reason: &str) -> String {
    format!("an instance was stopped: {reason}")
}

/// Prints what an app says or what became of it. Other events are none of this host's: its requests come by its listeners.
pub fn show(payload: Payload) {
    match payload {
        Payload::Log { app, text, .. } if app.is_empty() => output::warn(&text),
        Payload::Log { app, level, text, dropped } => {
            if dropped > 0 {
                output::app(&app, LogLevel::Warn, &lost(dropped));
            }
            let text = if level == LogLevel::Error { dev::with_frame(&app, text) } else { text };
            output::app(&app, level, &text);
        }
        Payload::App { app, state: "condemned" | "quarantined", reason } => {
            output::app(&app, LogLevel::Error, &stopped(&reason));
        }
        _ => {}
    }
}
