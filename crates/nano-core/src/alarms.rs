//! What a runtime does at a time, for no app in particular: minutes of cron expressions, batches of queues, what is told to tail workers.
//!
//! The first shard sleeps no longer than until the next alarm; whichever shard looks first does what is due. Nothing here runs an app's
//! code: what is due becomes a request of the app's, like any other.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::runtime::Inner;
use crate::wait::lock;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// Look which cron expressions are due.
    Minute,
    /// Start events that there was no room for.
    Late,
    /// Look after a queue.
    Queue(String),
    /// Tell a tail worker what waits for it.
    Tail(String),
}

/// When there is none.
const NEVER: u64 = u64::MAX;

/// Alarms by their time in the clock's milliseconds. Bounded by what sets them: each has at most one of its kind.
pub(crate) struct Alarms {
    next_ms: AtomicU64,
    waiting: Mutex<BTreeMap<(u64, u64), Alarm>>,
    number: AtomicU64,
}

impl Default for Alarms {
    fn default() -> Self {
        Self { next_ms: AtomicU64::new(NEVER), waiting: Mutex::default(), number: AtomicU64::new(0) }
    }
}

impl Alarms {
    /// When the next one is due.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        Some(self.next_ms.load(Ordering::SeqCst)).filter(|next| *next != NEVER)
    }

    /// Adds one; whether it is the next.
    fn set(&self, at_ms: u64, alarm: Alarm) -> bool {
        let mut waiting = lock(&self.waiting);
        waiting.insert((at_ms, self.number.fetch_add(1, Ordering::Relaxed)), alarm);
        self.note(&waiting) == at_ms
    }

    /// Takes one that is due.
    fn take_due(&self, now_ms: u64) -> Option<Alarm> {
        if self.next_ms.load(Ordering::SeqCst) > now_ms {
            return None;
        }
        let mut waiting = lock(&self.waiting);
        let first = waiting.first_entry().filter(|first| first.key().0 <= now_ms)?.remove();
        self.note(&waiting);
        Some(first)
    }

    fn note(&self, waiting: &BTreeMap<(u64, u64), Alarm>) -> u64 {
        let next = waiting.first_key_value().map_or(NEVER, |((at_ms, _), _)| *at_ms);
        self.next_ms.store(next, Ordering::SeqCst);
        next
    }
}

impl Inner {
    /// Has something done at a time in the clock's milliseconds.
    pub(crate) fn set_alarm(&self, at_ms: u64, alarm: Alarm) {
        if self.alarms.set(at_ms, alarm) {
            self.shards[0].wake();
        }
    }

    /// Does what is due; whether there was anything.
    pub(crate) fn ring_alarms(self: &std::sync::Arc<Self>, now_ms: u64) -> bool {
        let mut any = false;
        while let Some(alarm) = self.alarms.take_due(now_ms) {
            any = true;
            match alarm {
                Alarm::Minute => self.look_at_crons(),
                Alarm::Late => self.start_late(),
                Alarm::Queue(queue) => self.look_at_queue(&queue, true),
                Alarm::Tail(app) => self.tell_tail(&app),
            }
        }
        any
    }
}
