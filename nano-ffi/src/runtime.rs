//! Runtimes: threads that run JavaScript, and one queue of events.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nano_core::{Event, Result, Runtime, RuntimeOptions, RuntimeStats, Status};

use crate::bell::{Bell, Doorbell, lock};
use crate::error::nano_error;
use crate::guard;
use crate::open::{self, Open};
use crate::options::nano_runtime_options;
use crate::status::nano_status;
use crate::types::nano_bytes;

/// A set of threads that run JavaScript, and their queue of events.
pub struct nano_runtime {
    pub(crate) core: Runtime,
    pub(crate) bell: Arc<Bell>,
    pub(crate) consumer: Mutex<Consumer>,
    closing: Mutex<()>,
}

/// What the one consumer of the queue works with.
#[derive(Default)]
pub(crate) struct Consumer {
    pub events: Vec<Event>,
    /// Whether the event of an unknown type, which debug builds make, has been delivered.
    pub taught: bool,
    /// Whether it has been told that nothing comes any more.
    pub has_ended: bool,
}

/// What a runtime holds and has done. Begin with NANO_RUNTIME_COUNTERS_INIT.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_runtime_counters {
    /// sizeof(nano_runtime_counters).
    pub size: usize,
    /// Apps registered.
    pub apps: u64,
    /// Instances alive, in this process.
    pub instances: u64,
    /// Requests accepted.
    pub requests: u64,
    /// Of these, waiting or running.
    pub in_flight: u64,
    /// Requests refused because something was full.
    pub refused: u64,
    /// Instances started.
    pub starts: u64,
    /// Instances evicted back to cold.
    pub evictions: u64,
    /// Instances that broke a limit.
    pub condemned: u64,
    /// Requests moved away from behind an app that hogged its thread.
    pub rescued: u64,
    /// Threads that V8 gave up, or on which NANO's own code failed.
    pub parked: u64,
    /// Threads left behind in something that could not be stopped.
    pub abandoned: u64,
    /// Memory of instances on parked threads, written off.
    pub lost_bytes: u64,
    /// Log lines dropped.
    pub logs_dropped: u64,
    /// Scheduled events that were due and did not take place.
    pub skipped: u64,
    /// Events that tail consumers were not told of.
    pub untold: u64,
}

// SAFETY: integers only, without padding.
unsafe impl Open for nano_runtime_counters {
    const NAME: &'static str = "nano_runtime_counters";
}

/// Text that the library made for you.
pub struct nano_text(String);

/// Makes a runtime, and starts V8 if it is the process's first. options may be NULL. Blocks until the threads are there.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_runtime_new(
    options: *const nano_runtime_options,
    runtime: Option<&mut MaybeUninit<Option<Box<nano_runtime>>>>,
    error: Option<&mut MaybeUninit<Option<Box<nano_error>>>>,
) -> nano_status {
    guard::explained(error, || {
        let runtime = guard::out(runtime, "runtime")?.write(None);
        let options = if options.is_null() {
            RuntimeOptions::default()
        } else {
            // SAFETY: the caller's struct has as many bytes as its size says, and its pointers are valid for the call.
            unsafe { open::read(options)?.to_core()? }
        };
        *runtime = Some(Box::new(nano_runtime::new(options)?));
        Ok(Status::Ok)
    })
}

/// Moves the clock of a runtime with NANO_RUNTIME_MANUAL_CLOCK on, and has the threads look at it: timers that are due run, wall
/// limits that are due strike. Does not wait for that. NANO_E_INVALID for other runtimes, and beyond a hundred years.
#[unsafe(no_mangle)]
pub extern "C" fn nano_runtime_advance(runtime: Option<&nano_runtime>, ms: u64) -> nano_status {
    guard::status(|| {
        guard::handle(runtime, "runtime")?.core.advance_clock(ms)?;
        Ok(Status::Ok)
    })
}

/// Closes the listeners, closes WebSockets with 1001, and waits until clients have their answers; then takes no new requests, waits until
/// those in flight have ended, and ends the rest with NANO_E_DRAINING. All of this takes grace_ms at most; NANO_TIMEOUT if there was a
/// rest. Events can be polled. Blocks.
#[unsafe(no_mangle)]
pub extern "C" fn nano_runtime_drain(runtime: Option<&nano_runtime>, grace_ms: u32) -> nano_status {
    guard::status(|| {
        let drained = guard::handle(runtime, "runtime")?.core.drain(Duration::from_millis(grace_ms.into()));
        Ok(if drained { Status::Ok } else { Status::Timeout })
    })
}

/// Ends every request with NANO_E_SHUTDOWN and stops the threads. What was in the queue, and these last events, can be
/// polled; after them nano_poll and nano_wait say NANO_E_SHUTDOWN, and nothing comes any more. Blocks until the threads
/// have stopped. A second close does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn nano_runtime_close(runtime: Option<&nano_runtime>) -> nano_status {
    guard::status(|| {
        guard::handle(runtime, "runtime")?.close();
        Ok(Status::Ok)
    })
}

/// Closes the runtime if it is not closed, and frees it with the events that were not polled. Apps of it that you still
/// hold stay valid, and refuse everything. Blocks.
#[unsafe(no_mangle)]
pub extern "C" fn nano_runtime_free(runtime: Option<Box<nano_runtime>>) {
    guard::free(runtime);
}

/// A descriptor for poll, epoll and the like: readable exactly while events wait. It stays the runtime's: do not read from
/// it or close it. -1 for NULL and in a forked child.
#[unsafe(no_mangle)]
pub extern "C" fn nano_runtime_fd(runtime: Option<&nano_runtime>) -> c_int {
    if nano_core::sys::fork::is_child() {
        return -1;
    }
    guard::read(runtime, -1, |runtime| runtime.core.raw_fd())
}

/// Sets the function that is called, on a thread of NANO's, whenever the queue becomes non-empty; NULL for none. It must
/// not block, unwind or call NANO: let it wake your own loop, which then polls until the count is zero, and may find
/// that it is zero already. When this returns the function set before is not running and will not be called again. Poll
/// once after setting it.
#[unsafe(no_mangle)]
pub extern "C" fn nano_runtime_set_doorbell(
    runtime: Option<&nano_runtime>,
    ring: Option<extern "C" fn(ctx: *mut c_void)>,
    ctx: *mut c_void,
) -> nano_status {
    guard::status(|| {
        guard::handle(runtime, "runtime")?.bell.set_doorbell(ring.map(|ring| Doorbell { ring, ctx }));
        Ok(Status::Ok)
    })
}

/// What the runtime holds and has done. counters begins with NANO_RUNTIME_COUNTERS_INIT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_runtime_stats(runtime: Option<&nano_runtime>, counters: *mut nano_runtime_counters) -> nano_status {
    guard::status(|| {
        let stats = guard::handle(runtime, "runtime")?.core.stats();
        // SAFETY: the caller's struct has as many bytes as its size says.
        unsafe { open::write(counters, &nano_runtime_counters::of(&stats)) }?;
        Ok(Status::Ok)
    })
}

/// The same and more as Prometheus text. Free it with nano_text_free.
#[unsafe(no_mangle)]
pub extern "C" fn nano_runtime_metrics(
    runtime: Option<&nano_runtime>,
    text: Option<&mut MaybeUninit<Option<Box<nano_text>>>>,
) -> nano_status {
    guard::status(|| {
        let text = guard::out(text, "text")?.write(None);
        *text = Some(Box::new(nano_text(guard::handle(runtime, "runtime")?.core.metrics())));
        Ok(Status::Ok)
    })
}

/// The text's bytes.
#[unsafe(no_mangle)]
pub extern "C" fn nano_text_bytes(text: Option<&nano_text>) -> nano_bytes {
    guard::read(text, nano_bytes::EMPTY, |text| nano_bytes::of(text.0.as_bytes()))
}

/// Frees a text.
#[unsafe(no_mangle)]
pub extern "C" fn nano_text_free(text: Option<Box<nano_text>>) {
    guard::free(text);
}

impl nano_runtime {
    fn new(options: RuntimeOptions) -> Result<Self> {
        let core = Runtime::new(options)?;
        let bell = Arc::new(Bell::default());
        let rung = bell.clone();
        core.set_doorbell(Some(Box::new(move || rung.ring())));
        Ok(Self { core, bell, consumer: Mutex::default(), closing: Mutex::default() })
    }

    /// Whoever closes second waits for the first: when it returns, the last event is in the queue.
    fn close(&self) {
        let _turn = lock(&self.closing);
        self.core.free();
        self.bell.close();
    }
}

impl Drop for nano_runtime {
    fn drop(&mut self) {
        self.close();
        // Handles of apps keep parts of the runtime alive; the host's function must not be called any more.
        self.bell.set_doorbell(None);
    }
}

impl nano_runtime_counters {
    fn of(stats: &RuntimeStats) -> Self {
        // A counter that the core gains and this does not copy stops the build.
        let RuntimeStats {
            apps,
            instances,
            requests,
            in_flight,
            refused,
            starts,
            evictions,
            condemned,
            rescued,
            parked,
            abandoned,
            lost_bytes,
            logs_dropped,
            skipped,
            untold,
        } = *stats;
        Self {
            size: size_of::<Self>(),
            apps,
            instances,
            requests,
            in_flight,
            refused,
            starts,
            evictions,
            condemned,
            rescued,
            parked,
            abandoned,
            lost_bytes,
            logs_dropped,
            skipped,
            untold,
        }
    }
}
