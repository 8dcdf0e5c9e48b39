//! What the instances of one thread share: the time, the timers, and the bill.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nano_base::limits::NETWORK_LOOK_CPU_MS;
use nano_base::meet::TurnTimes;
use nano_base::sys::{thread, time};
use nano_base::wheel::TimerWheel;
use nano_engine::TerminateHandle;

use super::Shard;
use super::outside::Outside;
use super::seat::{NOT_TO_BE_STOPPED_NS, Seat};
use crate::app::AppShared;
use crate::request::{Place, Spent, Work};
use crate::runtime::Inner;

/// What all instances of one thread share.
pub(super) struct Desk {
    pub inner: Arc<Inner>,
    pub shard: Arc<Shard>,
    pub seat: Arc<Seat>,
    pub wheel: RefCell<TimerWheel<Timer>>,
    /// The network, for its instances.
    pub outside: Outside,
    /// The time that JavaScript sees: set when a turn begins.
    pub turn_ms: Cell<u64>,
    /// CPU time of the thread up to which everything has been billed.
    pub cpu_ns: Cell<u64>,
    /// When that was, by the clock on the wall, and how often that has stood in for the thread's own since.
    pub billed_ns: Cell<u64>,
    pub guesses: Cell<u32>,
}

/// Up to here the time on the wall is taken for CPU time. To ask for the thread's own is a system call of 0.4 us, a tenth of a short
/// request; in so short a time a thread is hardly ever interrupted, and what it is billed too much is taken off at the next reading.
const GUESS_NS_MAX: u64 = 20_000;
/// Guesses before the thread's clock is read again.
const GUESSES_MAX: u32 = 64;

impl Desk {
    /// Where a request is that waits for an instance to start: it is in none yet, but lost if the thread is.
    pub(super) fn waiting_place(&self) -> Place {
        Place { shard: self.shard.index, incarnation: self.seat.incarnation, slot: u64::MAX, local: u32::MAX }
    }

    /// The instance whose turns follow.
    pub(super) fn hold(&self, app: &Arc<AppShared>, handle: TerminateHandle) {
        self.seat.hold(app, handle);
        if let Some(notes) = &self.inner.notes {
            notes.begin(self.shard.index, &app.name);
        }
    }

    /// The app whose sockets follow: JavaScript does not run meanwhile.
    pub(super) fn hold_outside(&self, app: &Arc<AppShared>) {
        self.seat.hold_outside(Some(app));
        if let Some(notes) = &self.inner.notes {
            notes.begin(self.shard.index, &app.name);
        }
    }

    /// The thread looks at its sockets: so that whoever waits behind one that takes long is helped, as behind a turn of JavaScript.
    pub(super) fn begin_look(&self) {
        // What was before is at nobody's expense.
        self.pass();
        self.seat.hold_outside(None);
        self.begin_without_javascript(NETWORK_LOOK_CPU_MS * 1_000_000);
    }

    /// It has. That it was stopped means nothing: there was no JavaScript to stop.
    pub(super) fn end_look(&self) {
        self.seat.end();
        self.seat.let_go();
        self.pass();
    }

    /// Does what is no turn and ends by itself: it is not to be stopped, but whoever waits behind it is helped, as behind a turn, if it takes
    /// long. It is in the accounts of the app it is done for, and at the expense of no event.
    pub(super) fn chore<T>(&self, app: Option<&Arc<AppShared>>, work: impl FnOnce() -> T) -> T {
        if self.seat.is_busy() {
            return work();
        }
        self.pass();
        match app {
            Some(app) => self.hold_outside(app),
            None => self.seat.hold_outside(None),
        }
        self.begin_without_javascript(NOT_TO_BE_STOPPED_NS);
        let result = work();
        self.seat.end();
        self.let_go();
        match app {
            Some(app) => self.bill(app, None),
            None => drop(self.pass()),
        }
        result
    }

    fn begin_without_javascript(&self, cpu_limit_ns: u64) {
        self.seat.begin(TurnTimes { started_ns: time::monotonic_ns(), cpu_started_ns: self.cpu_ns.get(), cpu_limit_ns });
        self.inner.watchdog.wake();
    }

    /// They are over, and so is what followed them.
    pub(super) fn let_go(&self) {
        self.seat.let_go();
        // Somebody else may have the shard by now.
        if let Some(notes) = &self.inner.notes
            && !self.seat.is_abandoned()
        {
            notes.end(self.shard.index);
        }
    }

    /// Bills an app, and what it was doing, for what the thread has used since the last time.
    pub(super) fn bill(&self, app: &AppShared, spent: Option<&Spent>) {
        let used_ns = self.pass();
        self.inner.bill(app, used_ns);
        // What a debugger has asked for is at nobody's expense.
        if let Some(spent) = spent.filter(|_| !app.is_inspected()) {
            spent.cpu_ns.fetch_add(used_ns, Ordering::Relaxed);
        }
    }

    /// What the thread has used since the last time, at nobody's expense.
    pub(super) fn pass(&self) -> u64 {
        let wall_ns = time::monotonic_ns();
        let elapsed_ns = wall_ns.saturating_sub(self.billed_ns.replace(wall_ns));
        if elapsed_ns < GUESS_NS_MAX && self.guesses.get() < GUESSES_MAX {
            self.guesses.set(self.guesses.get() + 1);
            self.cpu_ns.set(self.cpu_ns.get() + elapsed_ns);
            return elapsed_ns;
        }
        self.guesses.set(0);
        let now_ns = thread::cpu_ns();
        now_ns.saturating_sub(self.cpu_ns.replace(now_ns))
    }
}

/// What a timer of the shard is for.
#[derive(Debug)]
pub(super) enum Timer {
    /// `setTimeout` and `setInterval`.
    Script { slot: u64, id: u32, every_ms: Option<u64> },
    /// A request's wall limit.
    Wall(Arc<Work>),
    /// The wall limit of a start that awaits something.
    Start { slot: u64 },
    /// The other side of a WebSocket has had its time to close.
    Socket { slot: u64, id: u32 },
    /// Look for instances that have been idle for long.
    Sweep,
}
