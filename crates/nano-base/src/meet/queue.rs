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
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Down,
    /// Somebody is about to raise it.
    Rising,
    /// The same, but everything has been taken meanwhile: whoever raises it lowers it again.
    RisingInVain,
    Up,
    /// Up for good.
    Closed,
}

impl<T, F: Flag> Queue<T, F> {
    /// Nothing waits, and the flag is down.
    pub fn new(flag: F) -> Self {
        Self { waiting: Mutex::new(Waiting { entries: VecDeque::new(), state: State::Down }), flag }
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
        let rises = self.with(|waiting| {
            let rises = waiting.state == State::Down && !waiting.entries.is_empty();
            if rises {
                waiting.state = State::Rising;
            }
            rises
        });
        if !rises {
            return false;
        }
        // Outside: the consumer, which this wakes, would find the lock taken and go back to sleep.
        self.flag.raise();
        self.with(|waiting| {
            // Whoever takes the last entry lowers it later than this.
            waiting.state = match waiting.state {
                State::RisingInVain if waiting.entries.is_empty() => {
                    self.flag.lower();
                    State::Down
                }
                State::Closed => State::Closed,
                State::RisingInVain => {
                    // It may have been lowered again for what was taken; this is for what has come since.
                    self.flag.raise();
                    State::Up
                }
                _ => State::Up,
            };
        });
        true
    }

    /// Takes up to `max` entries. `give` must be quick: nobody can append meanwhile.
    pub fn take(&self, max: usize, give: impl FnMut(T)) -> usize {
        self.with(|waiting| {
            let count = waiting.entries.len().min(max);
            waiting.entries.drain(..count).for_each(give);
            if waiting.entries.is_empty() && !matches!(waiting.state, State::Down | State::Closed) {
                // While it rises, it may be up already: then whoever takes must not find it so again before the other one is done.
                self.flag.lower();
                waiting.state = if waiting.state == State::Up { State::Down } else { State::RisingInVain };
            }
            count
        })
    }

    /// Raises the flag for good: nothing more will come, and nobody should wait for it. Whether something waits that has not been announced.
    pub fn close(&self) -> bool {
        let is_news = self.with(|waiting| {
            let is_news = waiting.state == State::Down && !waiting.entries.is_empty();
            waiting.state = State::Closed;
            is_news
        });
        self.flag.raise();
        is_news
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
