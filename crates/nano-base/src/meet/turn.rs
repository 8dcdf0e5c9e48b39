//! One turn of a thread, and whoever may stop it.
//!
//! One word says whether a turn runs. Both sides change it by compare-and-swap, so a turn that ends just as it is being
//! stopped cannot pass the blow on to the next turn.

use crate::sync::{AtomicU8, AtomicU64, Ordering, spin_loop};

const IDLE: u64 = 0;
const RUNNING: u64 = 1;
const STOPPING: u64 = 2;
const STOPPED: u64 = 3;
const STATE_MASK: u64 = 3;

/// When a turn began, and what it may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnTimes {
    /// The clock on the wall.
    pub started_ns: u64,
    /// The thread's CPU clock.
    pub cpu_started_ns: u64,
    /// CPU time from then on.
    pub cpu_limit_ns: u64,
}

/// What others see of a turn.
#[derive(Clone, Copy, Debug)]
pub struct TurnView {
    /// Its number. The times below are this turn's if [`Turn::stop`] with this number says so, and a guess before.
    pub sequence: u64,
    /// It has been stopped, and has not noticed yet.
    pub stopped: bool,
    /// When it began.
    pub times: TurnTimes,
}

/// The turn of a thread.
#[derive(Debug)]
pub struct Turn {
    word: AtomicU64,
    started_ns: AtomicU64,
    cpu_started_ns: AtomicU64,
    cpu_limit_ns: AtomicU64,
    why: AtomicU8,
}

impl Turn {
    /// None runs.
    #[expect(clippy::new_without_default, reason = "a default would not say that none runs")]
    pub fn new() -> Self {
        Self {
            word: AtomicU64::new(IDLE),
            started_ns: AtomicU64::new(0),
            cpu_started_ns: AtomicU64::new(0),
            cpu_limit_ns: AtomicU64::new(0),
            why: AtomicU8::new(0),
        }
    }

    /// A turn begins. Only the thread itself says so.
    pub fn begin(&self, times: TurnTimes) {
        self.started_ns.store(times.started_ns, Ordering::Relaxed);
        self.cpu_started_ns.store(times.cpu_started_ns, Ordering::Relaxed);
        self.cpu_limit_ns.store(times.cpu_limit_ns, Ordering::Relaxed);
        let sequence = (self.word.load(Ordering::Relaxed) & !STATE_MASK).wrapping_add(STATE_MASK + 1);
        self.word.store(sequence | RUNNING, Ordering::Release);
    }

    /// The turn is over; why it was stopped, if it was. Only the thread itself says so.
    pub fn end(&self) -> Option<u8> {
        let running = self.word.load(Ordering::Relaxed) & !STATE_MASK | RUNNING;
        let idle = running & !STATE_MASK | IDLE;
        if self.word.compare_exchange(running, idle, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            return None;
        }
        // Another thread is between claiming the turn and having done with it: a few instructions.
        let stopped = idle | STOPPED;
        while self.word.compare_exchange(stopped, idle, Ordering::AcqRel, Ordering::Acquire).is_err() {
            spin_loop();
        }
        Some(self.why.load(Ordering::Relaxed))
    }

    /// Whether a turn runs.
    pub fn is_running(&self) -> bool {
        self.word.load(Ordering::Relaxed) & STATE_MASK != IDLE
    }

    /// The turn that runs, if one does.
    pub fn view(&self) -> Option<TurnView> {
        let word = self.word.load(Ordering::Acquire);
        if word & STATE_MASK == IDLE {
            return None;
        }
        let times = TurnTimes {
            started_ns: self.started_ns.load(Ordering::Relaxed),
            cpu_started_ns: self.cpu_started_ns.load(Ordering::Relaxed),
            cpu_limit_ns: self.cpu_limit_ns.load(Ordering::Relaxed),
        };
        Some(TurnView { sequence: word & !STATE_MASK, stopped: word & STATE_MASK == STOPPED, times })
    }

    /// Stops the turn by `blow`, if it is still the one that runs and nobody else stops it. Whoever has claimed it may take
    /// its time: the turn waits until the blow has fallen.
    pub fn stop(&self, sequence: u64, why: u8, blow: impl FnOnce()) -> bool {
        if self.word.compare_exchange(sequence | RUNNING, sequence | STOPPING, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return false;
        }
        self.why.store(why, Ordering::Relaxed);
        blow();
        self.word.store(sequence | STOPPED, Ordering::Release);
        true
    }

    /// Does something about a turn that was stopped and has not noticed: it does not end meanwhile. False if it has.
    pub fn while_stopped(&self, sequence: u64, act: impl FnOnce()) -> bool {
        if self.word.compare_exchange(sequence | STOPPED, sequence | STOPPING, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return false;
        }
        act();
        self.word.store(sequence | STOPPED, Ordering::Release);
        true
    }
}
