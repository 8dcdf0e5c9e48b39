//! Ceilings that V8 and the kernel abort at: counted for the whole process, and refused before they are reached.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use nano_base::limits::{
    FRESH_HEAP_BYTES, HEAPS_PRESSURE_PERCENT, LEFT_BEHIND_BYTES_MAX, LOST_HEAPS_OF_APP_PART, LOST_THREADS_MAX, LOST_THREADS_OF_APP_MAX,
    MAPPINGS_PER_INSTANCE, MAPPINGS_PERCENT_MAX, PROCESS_INSTANCES_MAX, STRIKES_MAX,
};
use nano_base::status::{Error, Result, Status};
use nano_base::sys::memory;
use nano_engine::{code_fill, heaps_fill};

use crate::app::AppShared;
use crate::runtime::Inner;
use crate::shard::seat::Seat;
use crate::version::Version;
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

/// The lost threads that each app has broken. Apps go by their names: a new version, or an app loaded anew, goes on where the last one
/// ended.
#[derive(Default)]
pub(crate) struct Culprits(Mutex<HashMap<String, Vec<Arc<Seat>>>>);

impl Culprits {
    /// An app has broken a thread.
    pub(crate) fn add(&self, app: &str, seat: &Arc<Seat>) {
        lock(&self.0).entry(app.into()).or_default().push(seat.clone());
    }

    /// A thread that it was thought to have broken has returned.
    pub(crate) fn forgive(&self, app: &str, seat: &Arc<Seat>) {
        let mut all = lock(&self.0);
        if let Some(seats) = all.get_mut(app) {
            seats.retain(|lost| !Arc::ptr_eq(lost, seat));
            if seats.is_empty() {
                all.remove(app);
            }
        }
    }

    /// Bytes of heaps that are lost with all these threads, as far as they have not come back.
    pub(crate) fn heap_bytes(&self) -> u64 {
        let mut bytes = 0;
        for seat in lock(&self.0).values().flatten() {
            seat.each_tenant(|tenant| bytes += tenant.pages());
        }
        bytes
    }

    /// The apps.
    pub(crate) fn names(&self) -> Vec<String> {
        lock(&self.0).keys().cloned().collect()
    }

    /// Whether an app has taken its part of what a process may lose: threads, or memory of all heaps.
    fn is_barred(&self, app: &str) -> bool {
        let all = lock(&self.0);
        let Some(seats) = all.get(app) else { return false };
        let mut bytes = 0;
        for seat in seats {
            seat.each_tenant(|tenant| bytes += if tenant.app.name == app { tenant.pages() } else { 0 });
        }
        seats.len() >= LOST_THREADS_OF_APP_MAX as usize || bytes >= heaps_fill().1 as u64 / LOST_HEAPS_OF_APP_PART
    }
}

impl Inner {
    /// Refuses a version of an app that has broken too much to be started. One that is to take its place is innocent.
    pub(crate) fn check_conduct(&self, app: &AppShared, version: &Arc<Version>) -> Result<()> {
        let refused = |why: String| Err(Error::new(Status::MemoryLimit, why));
        if self.culprits.is_barred(&app.name) {
            return refused(
                "the app broke too many threads, or too much memory is lost with those that it broke: it is not started again in this process".into(),
            );
        }
        if app.has_left_too_much() {
            return refused(format!(
                "the app's instances left {} MiB behind in caches of languages: it is not started again in this process",
                LEFT_BEHIND_BYTES_MAX >> 20
            ));
        }
        if app.strikes.load(Ordering::Relaxed) >= STRIKES_MAX && Arc::ptr_eq(version, &app.version()) {
            return refused(format!("the app broke {STRIKES_MAX} shards and is not started again until it is reloaded"));
        }
        Ok(())
    }

    /// Whether it would be refused.
    pub(crate) fn is_quarantined(&self, app: &AppShared) -> bool {
        app.strikes.load(Ordering::Relaxed) >= STRIKES_MAX || app.has_left_too_much() || self.culprits.is_barred(&app.name)
    }
}
