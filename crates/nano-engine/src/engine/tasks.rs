//! The tasks that V8 posts for an isolate: kept until its shard has a moment between turns, never run on the spot.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use nano_base::sys::time;

/// The queues of all isolates, by address.
static QUEUES: LazyLock<Mutex<HashMap<usize, Arc<TaskQueue>>>> = LazyLock::new(Default::default);

/// What V8 wants run for one isolate.
#[derive(Default)]
pub(crate) struct TaskQueue {
    tasks: Mutex<Vec<v8::Task>>,
    waiting: AtomicBool,
    /// What is to be run later, and when, by the monotonic clock.
    delayed: Mutex<Vec<(u64, v8::Task)>>,
    delaying: AtomicBool,
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
            lock(&queue.delayed).clear();
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

    /// Moves the delayed tasks whose time has come to those that wait. Without any this is one atomic load.
    pub(crate) fn bring_due(&self) {
        if !self.delaying.load(Ordering::Acquire) {
            return;
        }
        let now_ns = time::monotonic_ns();
        let mut delayed = lock(&self.delayed);
        let due: Vec<_> = delayed.extract_if(.., |(due_ns, _)| *due_ns <= now_ns).collect();
        self.delaying.store(!delayed.is_empty(), Ordering::Release);
        drop(delayed);
        due.into_iter().for_each(|(_, task)| self.push(task));
    }

    fn push_delayed(&self, task: v8::Task, delay_s: f64) {
        let due_ns = time::monotonic_ns() + (delay_s.max(0.0) * 1e9) as u64;
        lock(&self.delayed).push((due_ns, task));
        self.delaying.store(true, Ordering::Release);
    }

    fn push(&self, task: v8::Task) {
        lock(&self.tasks).push(task);
        self.waiting.store(true, Ordering::Release);
    }
}

/// The platform's foreground half. A delayed task runs in the first turn after its time: V8 delays only its own housekeeping, and
/// an idle app should not be woken for it. Never before its time: such a task would ask for the rest of it again, and again.
pub(crate) struct Foreground;

impl Foreground {
    fn keep(&self, isolate: *mut c_void, push: impl FnOnce(&TaskQueue)) {
        let queue = lock(&QUEUES).get(&(isolate as usize)).cloned();
        if let Some(queue) = queue {
            push(&queue);
        }
    }
}

impl v8::PlatformImpl for Foreground {
    fn post_task(&self, isolate: *mut c_void, task: v8::Task) {
        self.keep(isolate, |queue| queue.push(task));
    }

    fn post_non_nestable_task(&self, isolate: *mut c_void, task: v8::Task) {
        self.keep(isolate, |queue| queue.push(task));
    }

    fn post_delayed_task(&self, isolate: *mut c_void, task: v8::Task, delay_in_seconds: f64) {
        self.keep(isolate, |queue| queue.push_delayed(task, delay_in_seconds));
    }

    fn post_non_nestable_delayed_task(&self, isolate: *mut c_void, task: v8::Task, delay_in_seconds: f64) {
        self.keep(isolate, |queue| queue.push_delayed(task, delay_in_seconds));
    }

    fn post_idle_task(&self, _isolate: *mut c_void, _task: v8::IdleTask) {}
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
