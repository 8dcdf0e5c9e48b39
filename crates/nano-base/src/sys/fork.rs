//! Knows whether this process is a fork of the one that started V8: V8's memory is not there in the child.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

static FORKED: AtomicBool = AtomicBool::new(false);
static GUARD: Once = Once::new();

/// Starts watching for forks. Call once V8 has been started.
pub fn guard() {
    extern "C" fn in_child() {
        FORKED.store(true, Ordering::SeqCst);
    }
    GUARD.call_once(|| {
        // SAFETY: the handler only stores to an atomic, which is allowed in the child of a threaded process.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

/// Whether V8 was started before a fork that made this process.
pub fn is_child() -> bool {
    FORKED.load(Ordering::Relaxed)
}
