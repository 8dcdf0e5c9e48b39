//! Queues of messages: what each holds and has done.

use std::mem::MaybeUninit;

use nano_core::{Error, QueueStats, Status};

use crate::guard;
use crate::open::{self, Open};
use crate::runtime::nano_runtime;
use crate::status::nano_status;
use crate::types::{nano_bytes, start_of};

/// What a queue of messages holds and has done. Begin with NANO_QUEUE_COUNTERS_INIT.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_queue_counters {
    /// sizeof(nano_queue_counters).
    pub size: usize,
    /// Messages that wait or are being delivered.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages sent to it.
    pub sent: u64,
    /// Messages that are done with.
    pub acked: u64,
    /// Deliveries that failed, or were asked for again.
    pub retried: u64,
    /// Messages that failed for good and went to the queue for those.
    pub dead: u64,
    /// Messages that failed for good and are lost.
    pub dropped: u64,
}

// SAFETY: integers only, without padding.
unsafe impl Open for nano_queue_counters {
    const NAME: &'static str = "nano_queue_counters";
}

/// The names of the queues that a runtime had when it was asked.
pub struct nano_queues {
    views: Vec<nano_bytes>,
    // What the views show.
    _names: Vec<String>,
}

/// What the queue of this name holds and has done. A queue is there while it has messages or an app that takes them;
/// otherwise NANO_E_NOT_FOUND. counters begins with NANO_QUEUE_COUNTERS_INIT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_queue_stats(
    runtime: Option<&nano_runtime>,
    name: nano_bytes,
    counters: *mut nano_queue_counters,
) -> nano_status {
    guard::status(|| {
        let runtime = guard::handle(runtime, "runtime")?;
        // SAFETY: the caller lends the name for the call.
        let name = unsafe { name.text("name") }?;
        let found = runtime.core.queue_stats(name);
        // Also for a queue that is not there: what would never work is said at once.
        // SAFETY: the caller's struct has as many bytes as its size says.
        unsafe { open::write(counters, &nano_queue_counters::of(found.unwrap_or_default())) }?;
        found.map(|_| Status::Ok).ok_or_else(|| Error::new(Status::NotFound, "there is no queue of this name"))
    })
}

/// The queues that are there now. Free the list with nano_queues_free.
#[unsafe(no_mangle)]
pub extern "C" fn nano_runtime_queues(
    runtime: Option<&nano_runtime>,
    queues: Option<&mut MaybeUninit<Option<Box<nano_queues>>>>,
) -> nano_status {
    guard::status(|| {
        let queues = guard::out(queues, "queues")?.write(None);
        *queues = Some(Box::new(nano_queues::new(guard::handle(runtime, "runtime")?.core.queues())));
        Ok(Status::Ok)
    })
}

/// Their names, in no order; how many is stored in count. NULL if there are none.
#[unsafe(no_mangle)]
pub extern "C" fn nano_queues_names(queues: Option<&nano_queues>, count: Option<&mut MaybeUninit<usize>>) -> *const nano_bytes {
    let names = guard::read(queues, &[][..], |queues| queues.views.as_slice());
    match count {
        Some(count) => {
            count.write(names.len());
            start_of(names)
        }
        None => std::ptr::null(),
    }
}

/// Frees the list.
#[unsafe(no_mangle)]
pub extern "C" fn nano_queues_free(queues: Option<Box<nano_queues>>) {
    guard::free(queues);
}

impl nano_queues {
    fn new(names: Vec<String>) -> Self {
        Self { views: names.iter().map(|name| nano_bytes::of(name.as_bytes())).collect(), _names: names }
    }
}

impl nano_queue_counters {
    fn of(stats: QueueStats) -> Self {
        // A counter that the core gains and this does not copy stops the build.
        let QueueStats { messages, bytes, sent, acked, retried, dead, dropped } = stats;
        Self { size: size_of::<Self>(), messages, bytes, sent, acked, retried, dead, dropped }
    }
}
