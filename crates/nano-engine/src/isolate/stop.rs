//! How an isolate is stopped, and how what is native hears of it: V8 tells nobody before JavaScript runs again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Stops the JavaScript of one isolate, from any thread, for good: who is stopped is condemned.
#[derive(Clone)]
pub(crate) struct Stopper {
    isolate: v8::IsolateHandle,
    stopped: Arc<AtomicBool>,
}

impl Stopper {
    /// Of this isolate.
    pub(crate) fn new(isolate: v8::IsolateHandle) -> Self {
        Self { isolate, stopped: Arc::default() }
    }

    /// The isolate.
    pub(crate) fn isolate(&self) -> v8::IsolateHandle {
        self.isolate.clone()
    }

    /// Stops what runs, or will run next.
    pub(crate) fn terminate_execution(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.isolate.terminate_execution();
    }

    /// Whether it was stopped.
    pub(crate) fn has_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}
