//! Helper threads: native work that is too long for a shard, fairly between apps.
//!
//! An errand cannot be stopped, so no app may have more than half of the helpers at once, nor may all apps together with errands that take
//! seconds, and an event that has used up its time for errands gets no more. Errands whose length an app chooses come in pieces: between two of them others go first, and the event's
//! time is looked at again. Helpers never touch V8, and are started when the first errand comes.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex};

use nano_base::lanes::Lanes;
use nano_base::limits::{ERRAND_SLICE_MS, ERRANDS_MAX, HELPERS_MAX};
use nano_base::sys;
use nano_engine::{Allowance, Errand, ErrandError, ErrandResult, Progress};

use crate::app::AppShared;
use crate::request::{Place, Spent};
use crate::runtime::Inner;
use crate::shard::Command;
use crate::wait::lock;

/// What a helper does, for whom, and where the answer goes.
pub(crate) struct Order {
    pub inner: Arc<Inner>,
    pub app: Arc<AppShared>,
    /// The event on whose behalf it is done.
    pub spent: Option<Arc<Spent>>,
    pub place: Place,
    pub errand: Errand,
    /// CPU time of all errands of one event: the app's limit.
    pub limit_ms: u32,
    /// CPU time that an errand has used for which no request pays.
    pub used_ns: u64,
}

/// The helpers of one runtime.
pub(crate) struct Helpers {
    state: Mutex<State>,
    changed: Condvar,
    threads_max: usize,
}

struct State {
    /// By app, and whether they are long.
    waiting: Lanes<(u64, bool), Order>,
    /// By app.
    running: HashMap<u64, usize>,
    /// Long ones that run, of all apps.
    long: usize,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl Default for Helpers {
    fn default() -> Self {
        let waiting = Lanes::new(ERRANDS_MAX, ERRANDS_MAX);
        let state = State { waiting, running: HashMap::new(), long: 0, threads: 0, idle: 0, closed: false };
        // Also on one core: a long one must not be what all others wait for.
        Self { state: Mutex::new(state), changed: Condvar::new(), threads_max: sys::thread::cores().clamp(2, HELPERS_MAX) }
    }
}

impl Helpers {
    /// Queues an order; false if there is no room, or no thread could be started for it.
    pub(crate) fn submit(self: &Arc<Self>, order: Order) -> bool {
        let mut state = lock(&self.state);
        let needs_thread = state.idle <= state.waiting.len() && state.threads < self.threads_max;
        if needs_thread && self.spawn() {
            state.threads += 1;
            state.idle += 1;
        }
        if state.closed || state.threads == 0 || state.waiting.push(order.lane(), order).is_err() {
            return false;
        }
        drop(state);
        self.changed.notify_one();
        true
    }

    /// Drops what waits and lets the threads go when they are done with what they do.
    pub(crate) fn close(&self) {
        let dropped = {
            let mut state = lock(&self.state);
            state.closed = true;
            std::mem::replace(&mut state.waiting, Lanes::new(0, 0))
        };
        // Orders hold the runtime: dropped with the lock free.
        drop(dropped);
        self.changed.notify_all();
    }

    fn spawn(self: &Arc<Self>) -> bool {
        let helpers = self.clone();
        let run = move || {
            while let Some(order) = helpers.next() {
                let lane = order.lane();
                let rest = advance(order);
                helpers.done(lane, rest);
            }
        };
        let builder = std::thread::Builder::new().name("nano-helper".into());
        sys::signals::blocked(|| builder.spawn(run)).is_ok()
    }

    /// The next order whose app, or kind, has not its share of the helpers already; none when there will be no more.
    fn next(&self) -> Option<Order> {
        let share = self.threads_max / 2;
        let mut guard = lock(&self.state);
        loop {
            let state = &mut *guard;
            if state.closed {
                return None;
            }
            let (running, long) = (&state.running, state.long);
            let may_run = |(app, is_long): (u64, bool)| running.get(&app).is_none_or(|count| *count < share) && (!is_long || long < share);
            if let Some(((app, is_long), order)) = state.waiting.pop_where(may_run) {
                *state.running.entry(app).or_default() += 1;
                state.long += usize::from(is_long);
                state.idle -= 1;
                return Some(order);
            }
            guard = self.changed.wait(guard).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    }

    /// A piece of an order has been done; the rest of it waits behind whatever waits already.
    fn done(&self, lane: (u64, bool), rest: Option<Order>) {
        let mut state = lock(&self.state);
        state.idle += 1;
        state.long -= usize::from(lane.1);
        if let Some(count) = state.running.get_mut(&lane.0) {
            *count -= 1;
            if *count == 0 {
                state.running.remove(&lane.0);
            }
        }
        let (refused, late) = match rest {
            Some(order) if state.closed => (None, Some(order)),
            Some(order) => (state.waiting.push(lane, order).err(), None),
            None => (None, None),
        };
        // What waited for this app's share may wait beside an idle helper.
        let more = !state.waiting.is_empty();
        drop(state);
        // Orders hold the runtime: dropped with the lock free.
        drop(late);
        if more {
            self.changed.notify_one();
        }
        if let Some((order, _)) = refused {
            let message = "the host's helpers have too much to do".into();
            order.answer(Err(ErrandError { name: "RangeError", message }));
        }
    }
}

impl Order {
    /// What it waits behind.
    fn lane(&self) -> (u64, bool) {
        (self.app.key, self.errand.is_long())
    }

    /// CPU time that is left for it.
    fn left_ns(&self) -> u64 {
        let used_ns = self.spent.as_ref().map_or(self.used_ns, |spent| spent.errand_ns.load(Ordering::Relaxed));
        (u64::from(self.limit_ms) * 1_000_000).saturating_sub(used_ns)
    }

    /// Bills what a piece of it has used.
    fn bill(&mut self, used_ns: u64) {
        self.inner.bill(&self.app, used_ns);
        match &self.spent {
            Some(spent) => {
                spent.errand_ns.fetch_add(used_ns, Ordering::Relaxed);
            }
            None => self.used_ns += used_ns,
        }
    }

    fn answer(self, result: ErrandResult) {
        self.inner.tell_place(self.place, Command::Errand(self.place, result));
    }
}

/// Does a piece of the work and bills it; then sends the answer, or gives back what is left.
fn advance(mut order: Order) -> Option<Order> {
    let left_ns = order.left_ns();
    if left_ns == 0 {
        let message = format!("the event's errands have used up their CPU time, {} ms (limit errand_cpu_ms)", order.limit_ms);
        order.answer(Err(ErrandError { name: "RangeError", message }));
        return None;
    }
    let before_ns = sys::thread::cpu_ns();
    let allowance = Allowance::new(ERRAND_SLICE_MS * 1_000_000, left_ns);
    let progress = catch_unwind(AssertUnwindSafe(|| order.errand.run(&allowance)))
        .unwrap_or_else(|_| Progress::Done(Err(ErrandError { name: "OperationError", message: "internal error in an errand".into() })));
    order.bill(sys::thread::cpu_ns().saturating_sub(before_ns));
    match progress {
        Progress::Done(result) => {
            order.answer(result);
            None
        }
        Progress::More => Some(order),
    }
}
