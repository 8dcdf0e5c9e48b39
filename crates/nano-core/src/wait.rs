//! Blocking, for the few functions that may: a value that another thread will fill in, and the end of what is in flight.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use nano_base::limits::PATIENCE_NS;
use nano_base::sys::time::monotonic_ns;

/// Locks; a panic elsewhere has been contained and must not spread by way of the lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A time that several waits have together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grace {
    end_ns: u64,
}

impl Grace {
    pub(crate) fn of(time: Duration) -> Self {
        Self { end_ns: monotonic_ns().saturating_add(time.as_nanos().try_into().unwrap_or(u64::MAX)) }
    }

    /// What is left of it.
    pub(crate) fn left(self) -> Duration {
        Duration::from_nanos(self.end_ns.saturating_sub(monotonic_ns()))
    }
}

/// How many requests there are, and whoever waits until there are none.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    counts: Mutex<Counts>,
    none: Condvar,
}

#[derive(Debug, Default)]
struct Counts {
    requests: u32,
    /// To tell nobody is a system call as well.
    waiters: u32,
}

impl InFlight {
    /// Counts one in, unless there are so many.
    pub(crate) fn enter(&self, max: u32) -> bool {
        let mut counts = lock(&self.counts);
        let has_room = counts.requests < max;
        counts.requests += u32::from(has_room);
        has_room
    }

    /// Counts one out.
    pub(crate) fn leave(&self) {
        let mut counts = lock(&self.counts);
        counts.requests = counts.requests.saturating_sub(1);
        if counts.requests == 0 && counts.waiters > 0 {
            self.none.notify_all();
        }
    }

    pub(crate) fn count(&self) -> u32 {
        lock(&self.counts).requests
    }

    /// Waits until there are none; false when the time passed first.
    pub(crate) fn wait_none(&self, grace: Duration) -> bool {
        let mut counts = lock(&self.counts);
        counts.waiters += 1;
        let waited = self.none.wait_timeout_while(counts, grace, |counts| counts.requests > 0);
        let mut counts = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        counts.waiters -= 1;
        counts.requests == 0
    }
}

/// A value that arrives once.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
    /// For those who look and do not wait.
    filled: AtomicBool,
}

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    /// Somebody sleeps. To wake nobody is a system call all the same.
    awaited: bool,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { state: Mutex::new(State { value: None, awaited: false }), arrived: Condvar::new(), filled: AtomicBool::new(false) }
    }
}

impl<T> Slot<T> {
    /// Fills it; the first value stays.
    pub(crate) fn fill(&self, value: T) {
        let mut state = lock(&self.state);
        if state.value.is_some() {
            return;
        }
        state.value = Some(value);
        let awaited = state.awaited;
        // Whoever sees the flag finds the lock free.
        drop(state);
        self.filled.store(true, Ordering::Release);
        if awaited {
            self.arrived.notify_all();
        }
    }

    /// Whether a value has arrived.
    pub(crate) fn is_filled(&self) -> bool {
        self.filled.load(Ordering::Acquire)
    }

    /// Waits for the value; `None` if the time passed first.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> Option<T> {
        let empty = |state: &mut State<T>| {
            state.awaited = true;
            state.value.is_none()
        };
        let state = lock(&self.state);
        let mut state = match timeout {
            None => self.arrived.wait_while(state, empty).unwrap_or_else(|poisoned| poisoned.into_inner()),
            Some(timeout) => self.arrived.wait_timeout_while(state, timeout, empty).unwrap_or_else(|poisoned| poisoned.into_inner()).0,
        };
        state.value.take()
    }
}

/// How often it must not have paid before it is tried only now and then.
const PAID_MAX: u32 = 8;
/// How often that is.
const TRY_EVERY: u32 = 32;

/// Staying awake for what will come in a moment: to be woken takes several times as long as a small request, and both sides of a blocking
/// call are woken for each. It takes a core, so there is a bound on how many do it at a time, and it is done while it pays.
#[derive(Debug)]
pub(crate) struct Patience {
    /// Of the cores that the process may use, as many as may be taken.
    most: u32,
    awake: AtomicU32,
    paid: AtomicU32,
    asked: AtomicU32,
}

impl Patience {
    /// For a process with so many cores. With one there is none to take: whoever is waited for needs it.
    pub(crate) fn new(cores: usize) -> Self {
        let most = u32::try_from(cores / 2).unwrap_or(u32::MAX);
        Self { most, awake: AtomicU32::new(0), paid: AtomicU32::new(PAID_MAX), asked: AtomicU32::new(0) }
    }

    /// Stays awake for a moment; whether it came.
    pub(crate) fn wait(&self, came: impl Fn() -> bool) -> bool {
        if came() {
            return true;
        }
        let paid = self.paid.load(Ordering::Relaxed);
        if self.most == 0 || (paid == 0 && !self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(TRY_EVERY)) {
            return false;
        }
        let others = self.awake.fetch_add(1, Ordering::Relaxed);
        let it_came = others < self.most && watch(&came);
        self.awake.fetch_sub(1, Ordering::Relaxed);
        if others < self.most {
            // A guess: that two threads may undo each other's does no harm.
            self.paid.store(if it_came { PAID_MAX.min(paid + 2) } else { paid.saturating_sub(1) }, Ordering::Relaxed);
        }
        it_came
    }
}

fn watch(came: impl Fn() -> bool) -> bool {
    let until_ns = monotonic_ns() + PATIENCE_NS;
    loop {
        for _ in 0..8 {
            std::hint::spin_loop();
            if came() {
                return true;
            }
        }
        if monotonic_ns() > until_ns {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// How often somebody looked, who waited for what never comes.
    fn looks(patience: &Patience) -> u32 {
        let looks = Cell::new(0);
        let came = patience.wait(|| {
            looks.set(looks.get() + 1);
            false
        });
        assert!(!came);
        looks.get()
    }

    #[test]
    fn with_one_core_nobody_stays_awake() {
        assert_eq!(looks(&Patience::new(1)), 1);
        assert!(Patience::new(1).wait(|| true));
    }

    #[test]
    fn what_does_not_pay_is_tried_only_now_and_then() {
        let patience = Patience::new(2);
        for _ in 0..PAID_MAX {
            assert!(looks(&patience) > 1);
        }
        let tried = (0..10 * TRY_EVERY).filter(|_| looks(&patience) > 1).count();
        assert_eq!(tried, 10);
        let later = Cell::new(0);
        while !patience.wait(|| later.replace(later.get() + 1) % 2 == 1) {}
        assert!(looks(&patience) > 1, "it has paid again");
    }

    #[test]
    fn no_more_stay_awake_than_there_are_cores_for() {
        let patience = Patience::new(2);
        let others = Cell::new(0);
        assert!(patience.wait(|| {
            // The first look is everybody's.
            if patience.awake.load(Ordering::Relaxed) == 0 {
                return false;
            }
            others.set(looks(&patience));
            true
        }));
        assert_eq!(others.get(), 1);
    }

    #[test]
    fn a_slot_gives_its_first_value_to_who_looks_and_to_who_waits() {
        let slot = Slot::default();
        assert!(!slot.is_filled());
        assert_eq!(slot.wait(Some(Duration::ZERO)), None);
        slot.fill(1);
        slot.fill(2);
        assert!(slot.is_filled());
        assert_eq!(slot.wait(None), Some(1));
    }
}
