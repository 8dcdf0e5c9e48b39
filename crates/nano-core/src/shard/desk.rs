//! What the instances of one thread share: the time, the timers, and the bill.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nano_base::wheel::TimerWheel;

use super::Shard;
use super::seat::Seat;
use crate::app::AppShared;
use crate::request::{Place, Spent, Work};
use crate::runtime::Inner;

/// What all instances of one thread share.
pub(super) struct Desk {
    pub inner: Arc<Inner>,
    pub shard: Arc<Shard>,
    pub seat: Arc<Seat>,
    pub wheel: RefCell<TimerWheel<Timer>>,
    /// The time that JavaScript sees: set when a turn begins.
    pub turn_ms: Cell<u64>,
    /// CPU time of the thread up to which everything has been billed.
    pub cpu_ns: Cell<u64>,
}

impl Desk {
    /// Where a request is that waits for an instance to start: it is in none yet, but lost if the thread is.
    pub(super) fn waiting_place(&self) -> Place {
        Place { shard: self.shard.index, incarnation: self.seat.incarnation, slot: u64::MAX, local: u32::MAX }
    }

    /// Bills an app, and what it was doing, for what the thread has used since the last time.
    pub(super) fn bill(&self, app: &AppShared, spent: Option<&Spent>) {
        let used_ns = self.pass();
        app.cpu_ns.fetch_add(used_ns, Ordering::Relaxed);
        if let Some(spent) = spent {
            spent.cpu_ns.fetch_add(used_ns, Ordering::Relaxed);
        }
    }

    /// What the thread has used since the last time, at nobody's expense.
    pub(super) fn pass(&self) -> u64 {
        let now_ns = nano_base::sys::thread::cpu_ns();
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
    /// Look for instances that have been idle for long.
    Sweep,
}
