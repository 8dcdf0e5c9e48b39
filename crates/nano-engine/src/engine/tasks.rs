//! The tasks that V8 posts for an isolate: kept until its shard has a moment between turns, never run on the spot.
//!
//! A delayed task waits for its time and then for the next turn: V8 delays only its own housekeeping, and an idle app should not be
//! woken for it. It must not come early either: one that finds itself early posts itself again, without end.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use nano_base::clock::Clock;

/// The queues of all isolates, by address.
static QUEUES: LazyLock<Mutex<HashMap<usize, Arc<TaskQueue>>>> = LazyLock::new(Default::default);

/// What V8 wants run for one isolate.
pub(crate) struct TaskQueue {
    tasks: Mutex<Vec<v8::Task>>,
    waiting: AtomicBool,
    delayed: Mutex<Vec<(u64, v8::Task)>>,
    /// When the first delayed task is due, in the system clock's nanoseconds.
    due_ns: AtomicU64,
}

impl TaskQueue {
    /// A queue for the isolate at `address`, found by the platform from now on.
    pub(crate) fn register(address: usize) -> Arc<TaskQueue> {
        let queue = Arc::new(TaskQueue {
            tasks: Mutex::default(),
            waiting: AtomicBool::new(false),
            delayed: Mutex::default(),
            due_ns: AtomicU64::new(u64::MAX),
        });
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

    /// A turn has ended: delayed tasks whose time has come wait like the others from now on.
    pub(crate) fn wake_delayed(&self) {
        let due_ns = self.due_ns.load(Ordering::Acquire);
        if due_ns == u64::MAX {
            return;
        }
        let now_ns = Clock::system().now_ns();
        if due_ns > now_ns {
            return;
        }
        let mut delayed = lock(&self.delayed);
        for (_, task) in delayed.extract_if(.., |(due_ns, _)| *due_ns <= now_ns) {
            self.push(task);
        }
        self.due_ns.store(delayed.iter().map(|(due_ns, _)| *due_ns).min().unwrap_or(u64::MAX), Ordering::Release);
    }

    fn push_delayed(&self, task: v8::Task, delay_s: f64) {
        let due_ns = Clock::system().now_ns().saturating_add((delay_s.max(0.0) * 1e9) as u64);
        let mut delayed = lock(&self.delayed);
        delayed.push((due_ns, task));
        self.due_ns.fetch_min(due_ns, Ordering::AcqRel);
    }

    fn push(&self, task: v8::Task) {
        lock(&self.tasks).push(task);
        self.waiting.store(true, Ordering::Release);
    }
}

/// The platform's foreground half.
pub(crate) struct Foreground;

impl Foreground {
    fn keep(&self, isolate: *mut c_void, task: v8::Task) {
        let queue = lock(&QUEUES).get(&(isolate as usize)).cloned();
        if let Some(queue) = queue {
            queue.push(task);
        }
    }

    fn keep_delayed(&self, isolate: *mut c_void, task: v8::Task, delay_s: f64) {
        let queue = lock(&QUEUES).get(&(isolate as usize)).cloned();
        if let Some(queue) = queue {
            queue.push_delayed(task, delay_s);
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

    fn post_delayed_task(&self, isolate: *mut c_void, task: v8::Task, delay_in_seconds: f64) {
        self.keep_delayed(isolate, task, delay_in_seconds);
    }

    fn post_non_nestable_delayed_task(&self, isolate: *mut c_void, task: v8::Task, delay_in_seconds: f64) {
        self.keep_delayed(isolate, task, delay_in_seconds);
    }

    fn post_idle_task(&self, _isolate: *mut c_void, _task: v8::IdleTask) {}
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
