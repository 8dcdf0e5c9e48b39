//! The tasks that V8 posts for an isolate: kept until its shard has a moment between turns, never run on the spot.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

/// The queues of all isolates, by address.
static QUEUES: LazyLock<Mutex<HashMap<usize, Arc<TaskQueue>>>> = LazyLock::new(Default::default);

/// What V8 wants run for one isolate.
#[derive(Default)]
pub(crate) struct TaskQueue {
    tasks: Mutex<Vec<v8::Task>>,
    waiting: AtomicBool,
}

impl TaskQueue {
    /// A queue for the isolate at `address`, found by the platform from now on.
    pub(crate) fn register(address: usize) -> Arc<TaskQueue> {
        let queue = Arc::new(TaskQueue::default());
        lock(&QUEUES).insert(address, queue.clone());
        queue
    }

    /// Forgets the isolate; what it still wanted is dropped.
    pub(crate) fn unregister(address: usize) {
        let queue = lock(&QUEUES).remove(&address);
        if let Some(queue) = queue {
            lock(&queue.tasks).clear();
        }
    }

    /// Whether something waits; one atomic load.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire)
    }

    /// Takes what waits, to be run by the isolate's thread with the isolate entered.
    pub(crate) fn take(&self) -> Vec<v8::Task> {
        self.waiting.store(false, Ordering::Release);
        std::mem::take(&mut *lock(&self.tasks))
    }

    fn push(&self, task: v8::Task) {
        lock(&self.tasks).push(task);
        self.waiting.store(true, Ordering::Release);
    }
}

/// The platform's foreground half. A delayed task runs at the next moment like any other: V8 delays only its own
/// housekeeping, and an idle app should not be woken for it.
pub(crate) struct Foreground;

impl Foreground {
    fn keep(&self, isolate: *mut c_void, task: v8::Task) {
        let queue = lock(&QUEUES).get(&(isolate as usize)).cloned();
        if let Some(queue) = queue {
            queue.push(task);
        }
    }
}

impl v8::PlatformImpl for Foreground {
    fn post_task(&self, isolate: *mut c_void, task: v8::Task) {
        self.keep(isolate, task);
    }

    fn post_non_nestable_task(&self, isolate: *mut c_void, task: v8::Task) {
        self.keep(isolate, task);
    }

    fn post_delayed_task(&self, isolate: *mut c_void, task: v8::Task, _delay_in_seconds: f64) {
        self.keep(isolate, task);
    }

    fn post_non_nestable_delayed_task(&self, isolate: *mut c_void, task: v8::Task, _delay_in_seconds: f64) {
        self.keep(isolate, task);
    }

    fn post_idle_task(&self, _isolate: *mut c_void, _task: v8::IdleTask) {}
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
