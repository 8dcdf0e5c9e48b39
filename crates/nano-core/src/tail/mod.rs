//! Tail workers: apps whose `tail` is told of each event of others. What they do not take in time is dropped and counted: nobody waits
//! for them.

pub(crate) mod redact;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use nano_base::limits::{TAIL_BATCH_MAX, TAIL_BYTES_MAX, TAIL_CONSUMERS_MAX, TAIL_ITEMS_MAX, TAIL_WAIT_MS, TAILS_BYTES_MAX};
use nano_base::status::{Error, Result, Status};
use nano_base::value::Value;

use crate::alarms::Alarm;
use crate::app::{App, AppShared};
use crate::request::{Body, Duty, Job, Listener, Origin};
use crate::runtime::Inner;
use crate::wait::lock;

/// What waits for tail workers, by their names.
#[derive(Default)]
pub(crate) struct Tails {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    outboxes: HashMap<String, Outbox>,
    /// Bytes in all of them.
    bytes: usize,
}

impl State {
    fn remove(&mut self, consumer: &str) {
        if let Some(outbox) = self.outboxes.remove(consumer) {
            self.bytes -= outbox.bytes;
        }
    }
}

#[derive(Default)]
struct Outbox {
    items: VecDeque<(Value, usize)>,
    bytes: usize,
    /// An event of its has not ended.
    is_telling: bool,
    /// An alarm is set.
    is_waiting: bool,
}

/// Refuses a list that is too long.
pub(crate) fn check(tail: &[String]) -> Result<()> {
    if tail.len() > TAIL_CONSUMERS_MAX {
        let why = format!("the app has {} tail consumers; the most is {TAIL_CONSUMERS_MAX}", tail.len());
        return Err(Error::new(Status::Invalid, why));
    }
    Ok(())
}

impl Inner {
    /// Something to tell an app, if it is there and has room.
    pub(crate) fn offer_trace(&self, consumer: &str, from: &AppShared, item: &Value, bytes: usize) {
        let is_there = !self.is_closed() && self.find(consumer).is_some();
        let mut guard = lock(&self.tails.state);
        let state = &mut *guard;
        // Nobody may have more waiting than is free: whoever comes late finds room.
        let room = TAIL_BYTES_MAX.min(TAILS_BYTES_MAX - state.bytes);
        let outbox = if is_there { Some(state.outboxes.entry(consumer.to_string()).or_default()) } else { None };
        let Some(outbox) = outbox.filter(|outbox| outbox.items.len() < TAIL_ITEMS_MAX && outbox.bytes + bytes <= room) else {
            from.untold.fetch_add(1, Ordering::Relaxed);
            self.counters.untold.fetch_add(1, Ordering::Relaxed);
            return;
        };
        outbox.items.push_back((item.clone(), bytes));
        outbox.bytes += bytes;
        state.bytes += bytes;
        if !outbox.is_telling && !std::mem::replace(&mut outbox.is_waiting, true) {
            drop(guard);
            self.set_alarm(self.clock.now_ms() + TAIL_WAIT_MS, Alarm::Tail(consumer.to_string()));
        }
    }

    /// Tells an app what waits for it, a batch at a time.
    pub(crate) fn tell_tail(self: &Arc<Self>, consumer: &str) {
        let app = self.find(consumer);
        let events = {
            let mut guard = lock(&self.tails.state);
            let state = &mut *guard;
            let Some(outbox) = state.outboxes.get_mut(consumer) else { return };
            outbox.is_waiting = false;
            // Its app is gone, or nothing waits.
            if outbox.items.is_empty() || app.is_none() {
                state.remove(consumer);
                return;
            }
            outbox.is_telling = true;
            let count = outbox.items.len().min(TAIL_BATCH_MAX);
            let taken: Vec<(Value, usize)> = outbox.items.drain(..count).collect();
            let bytes = taken.iter().map(|(_, bytes)| bytes).sum::<usize>();
            outbox.bytes -= bytes;
            state.bytes -= bytes;
            taken.into_iter().map(|(item, _)| item).collect::<Vec<_>>()
        };
        let Some(shared) = app else { return };
        let count = events.len() as u64;
        let app = App { shared, inner: self.clone() };
        let listener = Listener::Duty(Duty::Tail);
        if app.submit_for(Job::event("tail", Value::Array(events)), Body::None, 0, 0, listener, Origin::default()).is_err() {
            app.shared.untold.fetch_add(count, Ordering::Relaxed);
            self.counters.untold.fetch_add(count, Ordering::Relaxed);
            self.tail_ended(consumer);
        }
    }

    /// A tail worker has been told: what has come meanwhile is next.
    pub(crate) fn tail_ended(&self, consumer: &str) {
        let mut state = lock(&self.tails.state);
        let Some(outbox) = state.outboxes.get_mut(consumer) else { return };
        outbox.is_telling = false;
        if outbox.items.is_empty() {
            if !outbox.is_waiting {
                state.remove(consumer);
            }
        } else if !std::mem::replace(&mut outbox.is_waiting, true) {
            let wait_ms = if outbox.items.len() < TAIL_BATCH_MAX { TAIL_WAIT_MS } else { 0 };
            drop(state);
            self.set_alarm(self.clock.now_ms() + wait_ms, Alarm::Tail(consumer.to_string()));
        }
    }
}
