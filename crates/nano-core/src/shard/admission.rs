//! Ceilings that V8 and the kernel abort at: counted for the whole process, and refused before they are reached.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use nano_base::limits::{CAGE_BYTES_MAX, LOST_THREADS_MAX, MAPPINGS_PER_INSTANCE, MAPPINGS_PERCENT_MAX, PROCESS_INSTANCES_MAX};
use nano_base::status::{Error, Result, Status};
use nano_base::sys::memory;

static INSTANCES: AtomicUsize = AtomicUsize::new(0);
static HEAP_BYTES: AtomicUsize = AtomicUsize::new(0);
static LOST_THREADS: AtomicUsize = AtomicUsize::new(0);
static MAPPINGS_MAX: LazyLock<usize> = LazyLock::new(|| memory::mappings_max() * MAPPINGS_PERCENT_MAX / 100);

/// What a fresh instance holds of the cage, before it is looked at.
const FRESH_HEAP_BYTES: usize = 1 << 20;

/// Instances alive in this process, those on lost threads included.
pub(crate) fn instances() -> usize {
    INSTANCES.load(Ordering::Relaxed)
}

/// The right to have one instance; counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    heap_bytes: usize,
}

impl Permit {
    /// Asks for one more instance. `instances_max` is the runtime's own limit.
    pub(crate) fn take(instances_max: u32) -> Result<Self> {
        let capacity = |ceiling: &str, now: usize, max: usize| {
            Error::new(Status::Capacity, format!("no more instances: {ceiling} is at {now} of {max}"))
        };
        let lost = LOST_THREADS.load(Ordering::Relaxed);
        if lost >= LOST_THREADS_MAX as usize {
            return Err(capacity("threads lost to apps that broke V8", lost, LOST_THREADS_MAX as usize));
        }
        let max = (instances_max as usize).min(PROCESS_INSTANCES_MAX).min(*MAPPINGS_MAX / MAPPINGS_PER_INSTANCE);
        let before = INSTANCES.fetch_add(1, Ordering::Relaxed);
        if before >= max {
            INSTANCES.fetch_sub(1, Ordering::Relaxed);
            return Err(capacity("the number of instances (limit instances, memory mappings)", before, max));
        }
        let heaps = HEAP_BYTES.fetch_add(FRESH_HEAP_BYTES, Ordering::Relaxed);
        if heaps >= CAGE_BYTES_MAX {
            INSTANCES.fetch_sub(1, Ordering::Relaxed);
            HEAP_BYTES.fetch_sub(FRESH_HEAP_BYTES, Ordering::Relaxed);
            return Err(capacity("the 4 GiB that all heaps of a process share", heaps, CAGE_BYTES_MAX));
        }
        Ok(Self { heap_bytes: FRESH_HEAP_BYTES })
    }

    /// Corrects what the instance holds of the cage.
    pub(crate) fn update(&mut self, heap_bytes: usize) {
        if heap_bytes > self.heap_bytes {
            HEAP_BYTES.fetch_add(heap_bytes - self.heap_bytes, Ordering::Relaxed);
        } else {
            HEAP_BYTES.fetch_sub(self.heap_bytes - heap_bytes, Ordering::Relaxed);
        }
        self.heap_bytes = heap_bytes;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        INSTANCES.fetch_sub(1, Ordering::Relaxed);
        HEAP_BYTES.fetch_sub(self.heap_bytes, Ordering::Relaxed);
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
