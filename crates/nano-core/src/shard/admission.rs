//! Ceilings that V8 and the kernel abort at: counted for the whole process, and refused before they are reached.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use nano_base::limits::{
    FRESH_HEAP_BYTES, HEAPS_PRESSURE_PERCENT, LOST_THREADS_MAX, LOST_THREADS_OF_APP_MAX, MAPPINGS_PER_INSTANCE, MAPPINGS_PERCENT_MAX,
    PROCESS_INSTANCES_MAX, STRIKES_MAX,
};
use nano_base::status::{Error, Result, Status};
use nano_base::sys::memory;
use nano_engine::{code_fill, heaps_fill};

use crate::app::{AppShared, Version};
use crate::runtime::Inner;
use crate::wait::lock;

static INSTANCES: AtomicUsize = AtomicUsize::new(0);
static LOST_THREADS: AtomicUsize = AtomicUsize::new(0);
static MAPPINGS_MAX: LazyLock<usize> = LazyLock::new(|| memory::mappings_max() * MAPPINGS_PERCENT_MAX / 100);

/// Instances alive in this process, those on lost threads included.
pub(crate) fn instances() -> usize {
    INSTANCES.load(Ordering::Relaxed)
}

/// Instances that there may be; `max` is the runtime's own limit.
pub(crate) fn instances_max(max: u32) -> usize {
    (max as usize).min(PROCESS_INSTANCES_MAX).min(*MAPPINGS_MAX / MAPPINGS_PER_INSTANCE)
}

/// Threads lost that have not returned.
pub(crate) fn lost_threads() -> usize {
    LOST_THREADS.load(Ordering::Relaxed)
}

/// Whether no instance is started any more, whatever room there is.
pub(crate) fn has_lost_too_many() -> bool {
    lost_threads() >= LOST_THREADS_MAX as usize
}

/// Whether what all instances share is nearly used up: idle ones should go, before busy ones are stopped.
pub(crate) fn is_under_pressure() -> bool {
    let is_tight = |(used, max): (usize, usize)| used > max / 100 * HEAPS_PRESSURE_PERCENT;
    is_tight(heaps_fill()) || is_tight(code_fill())
}

/// The right to have one instance; counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit(());

impl Permit {
    /// Asks for one more instance. `instances_max` is the runtime's own limit.
    pub(crate) fn take(instances_max: u32) -> Result<Self> {
        let capacity = |ceiling: &str, now: usize, max: usize| {
            Err(Error::new(Status::Capacity, format!("no more instances: {ceiling} is at {now} of {max}")))
        };
        if has_lost_too_many() {
            return capacity("threads lost to apps that broke V8", lost_threads(), LOST_THREADS_MAX as usize);
        }
        let (heaps, heaps_max) = heaps_fill();
        if heaps + FRESH_HEAP_BYTES > heaps_max {
            return capacity("what all heaps of a process share (limit heaps_bytes)", heaps, heaps_max);
        }
        let max = self::instances_max(instances_max);
        let before = INSTANCES.fetch_add(1, Ordering::Relaxed);
        if before >= max {
            INSTANCES.fetch_sub(1, Ordering::Relaxed);
            return capacity("the number of instances (limit instances, memory mappings)", before, max);
        }
        Ok(Self(()))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        INSTANCES.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A thread has been lost, with the room its broken instance may have grown to.
pub(crate) fn thread_lost() {
    LOST_THREADS.fetch_add(1, Ordering::Relaxed);
}

/// An abandoned thread has returned after all.
pub(crate) fn thread_returned() {
    LOST_THREADS.fetch_sub(1, Ordering::Relaxed);
}

/// How many of the lost threads each app has broken. Apps go by their names: a new version, or an app loaded anew, goes on where the last
/// one ended. It has an entry for each lost thread at most.
#[derive(Default)]
pub(crate) struct Culprits(Mutex<HashMap<String, u32>>);

impl Culprits {
    /// An app has broken a thread.
    pub(crate) fn add(&self, app: &str) {
        *lock(&self.0).entry(app.into()).or_default() += 1;
    }

    /// A thread that it was thought to have broken has returned.
    pub(crate) fn forgive(&self, app: &str) {
        let mut all = lock(&self.0);
        if let Some(threads) = all.get_mut(app) {
            *threads -= 1;
            if *threads == 0 {
                all.remove(app);
            }
        }
    }

    /// Whether an app has taken its part of the threads that a process may lose.
    fn is_barred(&self, app: &str) -> bool {
        lock(&self.0).get(app).is_some_and(|threads| *threads >= LOST_THREADS_OF_APP_MAX)
    }
}

impl Inner {
    /// Refuses a version of an app that has broken too much to be started. One that is to take its place is innocent.
    pub(crate) fn check_conduct(&self, app: &AppShared, version: &Arc<Version>) -> Result<()> {
        let refused = |why: String| Err(Error::new(Status::MemoryLimit, why));
        if self.culprits.is_barred(&app.name) {
            return refused(format!(
                "the app broke {LOST_THREADS_OF_APP_MAX} threads that have not come back, and is not started again in this process"
            ));
        }
        if app.strikes.load(Ordering::Relaxed) >= STRIKES_MAX && Arc::ptr_eq(version, &app.version()) {
            return refused(format!("the app broke {STRIKES_MAX} shards and is not started again until it is reloaded"));
        }
        Ok(())
    }

    /// Whether it would be refused.
    pub(crate) fn is_quarantined(&self, app: &AppShared) -> bool {
        app.strikes.load(Ordering::Relaxed) >= STRIKES_MAX || self.culprits.is_barred(&app.name)
    }
}
