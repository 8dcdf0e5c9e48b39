//! What a runtime does at a time, for no app in particular: minutes of cron expressions, batches of queues, what is told to tail workers.
//!
//! The first shard sleeps no longer than until the next alarm; whichever shard looks first does what is due. Nothing here runs an app's
//! code: what is due becomes a request of the app's, like any other.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::runtime::Inner;
use crate::wait::lock;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

/// What is to be done when. There is one of a kind at most: whatever it is about says when it is looked at next when it is looked at.
pub(crate) struct Alarms {
    next_ms: AtomicU64,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// By their time in the clock's milliseconds, and by the order in which they were set.
    due: BTreeMap<(u64, u64), Alarm>,
    /// Where each of them is.
    set: HashMap<Alarm, (u64, u64)>,
    number: u64,
}

impl Default for Alarms {
    fn default() -> Self {
        Self { next_ms: AtomicU64::new(NEVER), waiting: Mutex::default() }
    }
}

impl Alarms {
    /// When the next one is due.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        Some(self.next_ms.load(Ordering::SeqCst)).filter(|next| *next != NEVER)
    }

    /// Sets one, or an earlier time for the one of its kind; whether it is the next.
    fn set(&self, at_ms: u64, alarm: Alarm) -> bool {
        let mut waiting = lock(&self.waiting);
        let before = waiting.set.get(&alarm).copied();
        if before.is_some_and(|(before_ms, _)| before_ms <= at_ms) {
            return false;
        }
        if let Some(before) = before {
            waiting.due.remove(&before);
        }
        waiting.number += 1;
        let place = (at_ms, waiting.number);
        waiting.set.insert(alarm.clone(), place);
        waiting.due.insert(place, alarm);
        self.note(&waiting) == at_ms
    }

    /// Takes one that is due.
    fn take_due(&self, now_ms: u64) -> Option<Alarm> {
        if self.next_ms.load(Ordering::SeqCst) > now_ms {
            return None;
        }
        let mut waiting = lock(&self.waiting);
        let first = waiting.due.first_entry().filter(|first| first.key().0 <= now_ms)?.remove();
        waiting.set.remove(&first);
        self.note(&waiting);
        Some(first)
    }

    /// What one is about is gone.
    fn clear(&self, alarm: &Alarm) {
        let mut waiting = lock(&self.waiting);
        if let Some(place) = waiting.set.remove(alarm) {
            waiting.due.remove(&place);
            self.note(&waiting);
        }
    }

    fn note(&self, waiting: &Waiting) -> u64 {
        let next = waiting.due.first_key_value().map_or(NEVER, |((at_ms, _), _)| *at_ms);
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

    /// Has nothing done any more of what it was to be.
    pub(crate) fn clear_alarm(&self, alarm: &Alarm) {
        self.alarms.clear(alarm);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_alarm_of_a_kind_at_the_earliest_of_its_times() {
        let alarms = Alarms::default();
        let jobs = || Alarm::Queue("jobs".into());
        assert!(alarms.set(50, jobs()) && !alarms.set(60, jobs()) && !alarms.set(50, jobs()));
        assert!(!alarms.set(55, Alarm::Queue("others".into())));
        assert!(alarms.set(40, jobs()));
        assert_eq!(alarms.next_ms(), Some(40));
        assert_eq!(alarms.take_due(100), Some(jobs()));
        assert_eq!(alarms.take_due(100), Some(Alarm::Queue("others".into())));
        assert_eq!((alarms.take_due(100), alarms.next_ms()), (None, None));
    }

    #[test]
    fn an_alarm_that_is_cleared_does_not_ring_and_can_be_set_again() {
        let alarms = Alarms::default();
        alarms.set(10, Alarm::Minute);
        alarms.set(20, Alarm::Late);
        alarms.clear(&Alarm::Minute);
        assert_eq!((alarms.next_ms(), alarms.take_due(10)), (Some(20), None));
        alarms.set(30, Alarm::Minute);
        assert_eq!((alarms.take_due(30), alarms.take_due(30)), (Some(Alarm::Late), Some(Alarm::Minute)));
    }
}
