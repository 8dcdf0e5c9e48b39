//! Helper threads: native work that is too long for a shard, fairly between apps.
//!
//! An errand cannot be stopped, so no app may have more than half of the helpers at once, and an event that has used up its time for
//! errands gets no more. Helpers never touch V8, and are started when the first errand comes.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex};

use nano_base::lanes::Lanes;
use nano_base::limits::{ERRANDS_MAX, HELPERS_MAX};
use nano_base::sys;
use nano_engine::{Errand, ErrandError};

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
}

/// The helpers of one runtime.
pub(crate) struct Helpers {
    state: Mutex<State>,
    changed: Condvar,
    threads_max: usize,
}

struct State {
    waiting: Lanes<u64, Order>,
    running: HashMap<u64, usize>,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl Default for Helpers {
    fn default() -> Self {
        let waiting = Lanes::new(ERRANDS_MAX, ERRANDS_MAX);
        let state = State { waiting, running: HashMap::new(), threads: 0, idle: 0, closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), threads_max: sys::thread::cores().clamp(1, HELPERS_MAX) }
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
        if state.closed || state.threads == 0 || state.waiting.push(order.app.key, order).is_err() {
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
            sys::signals::block_asynchronous();
            while let Some(order) = helpers.next() {
                let key = order.app.key;
                fulfil(order);
                helpers.done(key);
            }
        };
        std::thread::Builder::new().name("nano-helper".into()).spawn(run).is_ok()
    }

    /// The next order whose app has not its share of the helpers already; none when there will be no more.
    fn next(&self) -> Option<Order> {
        let share = (self.threads_max / 2).max(1);
        let mut guard = lock(&self.state);
        loop {
            let state = &mut *guard;
            if state.closed {
                return None;
            }
            let running = &state.running;
            if let Some((key, order)) = state.waiting.pop_where(|key| running.get(&key).is_none_or(|count| *count < share)) {
                *state.running.entry(key).or_default() += 1;
                state.idle -= 1;
                return Some(order);
            }
            guard = self.changed.wait(guard).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    }

    fn done(&self, key: u64) {
        let mut state = lock(&self.state);
        state.idle += 1;
        if let Some(count) = state.running.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                state.running.remove(&key);
            }
        }
        // What waited for this app's share may wait beside an idle helper.
        let more = !state.waiting.is_empty();
        drop(state);
        if more {
            self.changed.notify_one();
        }
    }
}

/// Does the work, bills it and sends the answer.
fn fulfil(order: Order) {
    let Order { inner, app, spent, place, errand } = order;
    let before_ns = sys::thread::cpu_ns();
    let result = catch_unwind(AssertUnwindSafe(|| errand.run()))
        .unwrap_or_else(|_| Err(ErrandError { name: "OperationError", message: "internal error in an errand".into() }));
    let used_ns = sys::thread::cpu_ns().saturating_sub(before_ns);
    app.cpu_ns.fetch_add(used_ns, Ordering::Relaxed);
    if let Some(spent) = spent {
        spent.errand_ns.fetch_add(used_ns, Ordering::Relaxed);
    }
    inner.tell_place(place, Command::Errand(place, result));
}
