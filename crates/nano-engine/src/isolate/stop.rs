//! How an isolate is stopped, and how what is native hears of it: V8 tells nobody before JavaScript runs again.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::state::State;
use crate::engine::stacks;

/// Stops the JavaScript of one isolate, from any thread, for good: who is stopped is condemned.
#[derive(Clone)]
pub(crate) struct Stopper {
    isolate: v8::IsolateHandle,
    told: Arc<Told>,
}

/// What other threads and the isolate's own tell each other.
#[derive(Default)]
struct Told {
    stopped: AtomicBool,
    bound_ms: AtomicU64,
}

/// While it lives, others know that what runs is over soon, though it cannot be stopped.
pub(crate) struct Bounded<'a> {
    told: &'a Told,
    before_ms: u64,
}

impl Drop for Bounded<'_> {
    fn drop(&mut self) {
        self.told.bound_ms.store(self.before_ms, Ordering::Relaxed);
    }
}

impl Stopper {
    /// Of this isolate.
    pub(crate) fn new(isolate: v8::IsolateHandle) -> Self {
        Self { isolate, told: Arc::default() }
    }

    /// The isolate.
    pub(crate) fn isolate(&self) -> v8::IsolateHandle {
        self.isolate.clone()
    }

    /// Stops what runs, or will run next.
    pub(crate) fn terminate_execution(&self) {
        self.told.stopped.store(true, Ordering::Relaxed);
        self.isolate.terminate_execution();
    }

    /// Stops what runs where V8 next looks for interrupts, and keeps where that was. Some of V8's own loops look for nothing but
    /// [`Self::terminate_execution`].
    pub(crate) fn interrupt_execution(&self) {
        self.told.stopped.store(true, Ordering::Relaxed);
        self.isolate.request_interrupt(on_interrupt, std::ptr::null_mut());
    }

    /// What follows asks nobody before it is done, which takes so much CPU time at most.
    pub(crate) fn bound(&self, ms: u64) -> Bounded<'_> {
        Bounded { told: &self.told, before_ms: self.told.bound_ms.swap(ms, Ordering::Relaxed) }
    }

    /// How much CPU time what runs may take at most before it sees that it was stopped; 0 if that is not known.
    pub(crate) fn bound_ms(&self) -> u64 {
        self.told.bound_ms.load(Ordering::Relaxed)
    }

    /// Has it see, where V8 next looks for interrupts, to what it holds outside the heap.
    pub(crate) fn collect_garbage(&self) {
        self.isolate.request_interrupt(on_overdrawn, std::ptr::null_mut());
    }

    /// Whether it was stopped.
    pub(crate) fn has_stopped(&self) -> bool {
        self.told.stopped.load(Ordering::Relaxed)
    }
}

/// V8 has come to where garbage can be collected.
unsafe extern "C" fn on_overdrawn(isolate: v8::UnsafeRawIsolatePtr, _data: *mut c_void) {
    // SAFETY: V8 calls with the isolate whose turn it is.
    unsafe { relieve_of_languages(isolate) };
}

/// Collects the garbage of the instance that is entered, if what languages hold is too much, and stops it if it still is.
///
/// # Safety
/// `isolate` is the instance's, and V8 is prepared for a collection.
pub(crate) unsafe fn relieve_of_languages(isolate: v8::UnsafeRawIsolatePtr) {
    let Some(state) = State::current() else { return };
    // SAFETY: by the caller's contract.
    let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) };
    // What is freed may have a drop of ours, whose panic would not end at V8's frames.
    if catch_unwind(AssertUnwindSafe(|| state.relieve_of_languages(&mut isolate))).is_err() {
        state.handle.terminate_execution();
    }
}

/// V8 has come to where it can say what the app was doing.
unsafe extern "C" fn on_interrupt(isolate: v8::UnsafeRawIsolatePtr, _data: *mut c_void) {
    // The isolate that is interrupted is the one that is entered.
    let Some(state) = State::current() else { return };
    // SAFETY: V8 calls with the isolate whose turn it is, and has opened a scope for handles.
    let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) };
    // A panic would not end at V8's frames but with the process, and it is stopped in any case.
    let frames = catch_unwind(AssertUnwindSafe(|| stacks::current(&mut isolate, state)));
    state.stopped_at.replace(frames.ok().flatten().unwrap_or_default());
    state.handle.terminate_execution();
}
