//! A queue with a flag that is up exactly while something waits and has been announced: once per batch, not per entry.

use std::collections::VecDeque;

use crate::sync::Mutex;

/// What the consumer waits on: a pollable descriptor.
pub trait Flag {
    /// Makes it readable.
    fn raise(&self);
    /// Makes it unreadable again.
    fn lower(&self);
}

/// Many push, one at a time takes.
#[derive(Debug)]
pub struct Queue<T, F> {
    waiting: Mutex<Waiting<T>>,
    flag: F,
}

#[derive(Debug)]
struct Waiting<T> {
    entries: VecDeque<T>,
    raised: bool,
}

impl<T, F: Flag> Queue<T, F> {
    /// Nothing waits, and the flag is down.
    pub fn new(flag: F) -> Self {
        Self { waiting: Mutex::new(Waiting { entries: VecDeque::new(), raised: false }), flag }
    }

    /// Appends an entry; the consumer hears of it at the next [`Queue::announce`].
    pub fn push(&self, entry: T) {
        self.with(|waiting| waiting.entries.push_back(entry));
    }

    /// Appends an entry if `still` holds once nobody else can append: what must not come after another entry.
    pub fn push_if(&self, entry: T, still: impl FnOnce() -> bool) -> bool {
        self.with(|waiting| {
            let holds = still();
            if holds {
                waiting.entries.push_back(entry);
            }
            holds
        })
    }

    /// Raises the flag if something waits that has not been announced; whether it did.
    pub fn announce(&self) -> bool {
        self.with(|waiting| {
            if waiting.raised || waiting.entries.is_empty() {
                return false;
            }
            waiting.raised = true;
            // Inside, so that whoever takes the last entry lowers it later than this.
            self.flag.raise();
            true
        })
    }

    /// Takes up to `max` entries.
    pub fn take(&self, max: usize, into: &mut Vec<T>) -> usize {
        self.with(|waiting| {
            let count = waiting.entries.len().min(max);
            into.extend(waiting.entries.drain(..count));
            if waiting.entries.is_empty() && waiting.raised {
                waiting.raised = false;
                self.flag.lower();
            }
            count
        })
    }

    /// Raises the flag for good: nothing more will come, and nobody should wait for it.
    pub fn close(&self) {
        self.with(|waiting| waiting.raised = false);
        self.flag.raise();
    }

    /// What the consumer waits on.
    pub fn flag(&self) -> &F {
        &self.flag
    }

    fn with<R>(&self, act: impl FnOnce(&mut Waiting<T>) -> R) -> R {
        // A panic elsewhere has been contained and must not spread by way of the lock.
        act(&mut self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }
}
