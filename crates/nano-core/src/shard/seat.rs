//! Where one thread meets the watchdog: what it runs, since when, and how to stop it.
//!
//! One word says whether a turn runs. Both sides change it by compare-and-swap, so a turn that ends just as the watchdog
//! stops it cannot pass the blow on to the next turn.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use nano_base::status::Result;
use nano_base::sys::thread::CpuClock;
use nano_engine::{Loss, TerminateHandle};

use crate::app::AppShared;
use crate::wait::{Slot, lock};

const IDLE: u64 = 0;
const RUNNING: u64 = 1;
const STOPPING: u64 = 2;
const STOPPED: u64 = 3;
const STATE_MASK: u64 = 3;

/// Why a turn was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stop {
    Cpu = 0,
    Shutdown = 1,
}

/// What the watchdog sees of a turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TurnView {
    pub sequence: u64,
    pub stopped: bool,
    pub started_ns: u64,
    pub cpu_started_ns: u64,
    pub cpu_limit_ns: u64,
}

/// One thread's place in a shard.
pub(crate) struct Seat {
    pub incarnation: u32,
    word: AtomicU64,
    app: Mutex<Option<Arc<AppShared>>>,
    started_ns: AtomicU64,
    cpu_started_ns: AtomicU64,
    cpu_limit_ns: AtomicU64,
    stop: AtomicU8,
    handle: Mutex<Option<TerminateHandle>>,
    cpu: Mutex<Option<CpuClock>>,
    pub tid: AtomicI32,
    /// V8 gave the thread up: it is parked for good.
    pub loss: Mutex<Option<Loss>>,
    /// Somebody else has the shard now: end what you hold, touch nothing shared, go.
    pub abandoned: AtomicBool,
    /// The thread has returned.
    pub gone: AtomicBool,
    /// A blocking caller that waits for the start running now.
    pub starting: Mutex<Option<Arc<Slot<Result<()>>>>>,
    /// Heap and outside memory of the instances here, as last looked at.
    pub memory_bytes: AtomicU64,
}

impl Seat {
    pub(crate) fn new(incarnation: u32) -> Self {
        Self {
            incarnation,
            word: AtomicU64::new(IDLE),
            app: Mutex::new(None),
            started_ns: AtomicU64::new(0),
            cpu_started_ns: AtomicU64::new(0),
            cpu_limit_ns: AtomicU64::new(0),
            stop: AtomicU8::new(0),
            handle: Mutex::new(None),
            cpu: Mutex::new(None),
            tid: AtomicI32::new(0),
            loss: Mutex::new(None),
            abandoned: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            starting: Mutex::new(None),
            memory_bytes: AtomicU64::new(0),
        }
    }

    /// The thread sits down.
    pub(crate) fn occupy(&self) {
        *lock(&self.cpu) = Some(CpuClock::of_this_thread());
        self.tid.store(nano_base::sys::thread::id(), Ordering::Relaxed);
    }

    /// The instance whose turns follow.
    pub(crate) fn hold(&self, app: &Arc<AppShared>, handle: TerminateHandle) {
        *lock(&self.app) = Some(app.clone());
        *lock(&self.handle) = Some(handle);
    }

    /// A turn begins.
    pub(crate) fn begin(&self, started_ns: u64, cpu_started_ns: u64, cpu_limit_ns: u64) {
        self.started_ns.store(started_ns, Ordering::Relaxed);
        self.cpu_started_ns.store(cpu_started_ns, Ordering::Relaxed);
        self.cpu_limit_ns.store(cpu_limit_ns, Ordering::Relaxed);
        let sequence = (self.word.load(Ordering::Relaxed) & !STATE_MASK).wrapping_add(4);
        self.word.store(sequence | RUNNING, Ordering::Release);
    }

    /// The turn is over; why it was stopped, if it was.
    pub(crate) fn end(&self) -> Option<Stop> {
        let running = self.word.load(Ordering::Relaxed) & !STATE_MASK | RUNNING;
        let idle = running & !STATE_MASK | IDLE;
        if self.word.compare_exchange(running, idle, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            return None;
        }
        // The watchdog is between claiming the turn and having stopped it: a few instructions.
        while self.word.load(Ordering::Acquire) & STATE_MASK == STOPPING {
            std::hint::spin_loop();
        }
        self.word.store(idle, Ordering::Release);
        Some(if self.stop.load(Ordering::Relaxed) == Stop::Shutdown as u8 { Stop::Shutdown } else { Stop::Cpu })
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.word.load(Ordering::Relaxed) & STATE_MASK != IDLE
    }

    /// The turn that runs, if one does.
    pub(crate) fn view(&self) -> Option<TurnView> {
        let word = self.word.load(Ordering::Acquire);
        if word & STATE_MASK == IDLE {
            return None;
        }
        Some(TurnView {
            sequence: word & !STATE_MASK,
            stopped: word & STATE_MASK == STOPPED,
            started_ns: self.started_ns.load(Ordering::Relaxed),
            cpu_started_ns: self.cpu_started_ns.load(Ordering::Relaxed),
            cpu_limit_ns: self.cpu_limit_ns.load(Ordering::Relaxed),
        })
    }

    /// The app whose turn it is, or was last.
    pub(crate) fn app(&self) -> Option<Arc<AppShared>> {
        lock(&self.app).clone()
    }

    /// CPU time of the thread.
    pub(crate) fn cpu_ns(&self) -> u64 {
        lock(&self.cpu).map_or(0, CpuClock::now_ns)
    }

    /// Stops the turn, if it is still the one that runs.
    pub(crate) fn stop(&self, sequence: u64, why: Stop) -> bool {
        if self.word.compare_exchange(sequence | RUNNING, sequence | STOPPING, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return false;
        }
        self.stop.store(why as u8, Ordering::Relaxed);
        if let Some(handle) = &*lock(&self.handle) {
            handle.terminate();
        }
        self.word.store(sequence | STOPPED, Ordering::Release);
        true
    }

    /// Stops whatever runs: the runtime is being freed.
    pub(crate) fn terminate_now(&self) {
        if let Some(turn) = self.view() {
            self.stop(turn.sequence, Stop::Shutdown);
        }
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }
}
