//! The timers of a shard: a hierarchical wheel with ticks of one millisecond, in the manner of Varghese and Lauck.
//!
//! It must never read a clock (the caller says what time it is), and no operation may take time in proportion to the
//! time that passed or to the timers that are not due.
//!
//! Level `l` has 64 slots of 64^l ms each. A timer's level is the highest base-64 digit in which its deadline differs
//! from the wheel's time; its slot there is that digit of the deadline. So all timers of a lower level are due before
//! any of a higher one, and timers with equal deadlines are in one slot, in the order they came. When the wheel's time
//! enters a slot of a higher level, the slot's timers move down, at most ten times in a timer's life.

#[cfg(test)]
mod tests;

use std::fmt;

use crate::slots::Slots;

/// The bits of one base-64 digit.
const DIGIT_BITS: u32 = 6;

/// How many slots a level has.
const SLOTS: usize = 1 << DIGIT_BITS;

/// Enough digits for any `u64`, so that no deadline needs a special case.
const LEVELS: usize = u64::BITS.div_ceil(DIGIT_BITS) as usize;

/// Names one timer; it never comes to name another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerKey(u64);

/// Values that are due at some millisecond. Inserting and cancelling are O(1).
///
/// A deadline that has passed already is due at once, as if it were the wheel's present time.
///
/// ```
/// let mut wheel = nano_base::wheel::TimerWheel::new(1000);
/// let tea = wheel.insert(1180, "tea");
/// wheel.insert(1003, "egg");
/// assert_eq!(wheel.next_deadline(), Some(1003));
/// assert_eq!(wheel.pop_due(1100).map(|(_, value)| value), Some("egg"));
/// assert_eq!(wheel.pop_due(1100), None);
/// assert_eq!(wheel.cancel(tea), Some("tea"));
/// assert_eq!(wheel.next_deadline(), None);
/// ```
pub struct TimerWheel<T> {
    timers: Slots<Timer<T>>,
    levels: Box<[Level]>,
    /// The wheel's time: no timer left is due before it.
    now_ms: u64,
}

/// A timer in the doubly linked list of its slot; 0 is no link.
struct Timer<T> {
    deadline_ms: u64,
    previous: u64,
    next: u64,
    value: T,
}

struct Level {
    /// A bit for each slot that is not empty.
    occupied: u64,
    slots: [List; SLOTS],
}

#[derive(Clone, Copy)]
struct List {
    first: u64,
    last: u64,
    /// No timer here is due before; exact until the earliest one is cancelled.
    earliest_ms: u64,
}

const EMPTY: List = List { first: 0, last: 0, earliest_ms: u64::MAX };

impl<T> TimerWheel<T> {
    /// An empty wheel at this time.
    pub fn new(now_ms: u64) -> Self {
        let levels = (0..LEVELS).map(|_| Level { occupied: 0, slots: [EMPTY; SLOTS] }).collect();
        Self { timers: Slots::new(usize::MAX), levels, now_ms }
    }

    /// Adds a timer. Those with equal deadlines become due in the order of insertion.
    ///
    /// # Panics
    ///
    /// With four billion timers inside: whoever lets others set timers limits how many.
    pub fn insert(&mut self, deadline_ms: u64, value: T) -> TimerKey {
        let deadline_ms = deadline_ms.max(self.now_ms);
        let Ok(id) = self.timers.insert(Timer { deadline_ms, previous: 0, next: 0, value }) else {
            panic!("a timer wheel holds four billion timers at most");
        };
        self.link(id, deadline_ms);
        TimerKey(id)
    }

    /// Takes a timer out before it is due; None if it is gone already.
    pub fn cancel(&mut self, key: TimerKey) -> Option<T> {
        let timer = self.timers.remove(key.0)?;
        let (level, slot) = self.place(timer.deadline_ms);
        let list = &mut self.levels[level].slots[slot];
        match self.timers.get_mut(timer.previous) {
            Some(previous) => previous.next = timer.next,
            None => list.first = timer.next,
        }
        match self.timers.get_mut(timer.next) {
            Some(next) => next.previous = timer.previous,
            None => list.last = timer.previous,
        }
        if list.first == 0 {
            self.clear(level, slot);
        }
        Some(timer.value)
    }

    /// Takes out the timer that is due next at `now_ms`, by deadline and then by insertion; None when no more is due.
    ///
    /// Between calls timers may come and go: a timer cancelled by the one before it is not given out. One inserted as
    /// already due is, so a loop that empties the wheel must not set timers for the present time without end.
    /// A `now_ms` before the wheel's time counts as the wheel's time.
    pub fn pop_due(&mut self, now_ms: u64) -> Option<(TimerKey, T)> {
        let now_ms = now_ms.max(self.now_ms);
        while let Some((level, slot)) = self.first_occupied() {
            let start_ms = self.start_of(level, slot);
            if start_ms > now_ms {
                break;
            }
            self.now_ms = start_ms;
            if level == 0 {
                let key = TimerKey(self.levels[0].slots[slot].first);
                return self.cancel(key).map(|value| (key, value));
            }
            self.move_down(level, slot);
        }
        self.now_ms = now_ms;
        None
    }

    /// Hands out every timer that is due at `now_ms`, in the order of [`TimerWheel::pop_due`].
    pub fn expire(&mut self, now_ms: u64, each: &mut impl FnMut(TimerKey, T)) {
        while let Some((key, value)) = self.pop_due(now_ms) {
            each(key, value);
        }
    }

    /// When to look again: the earliest deadline, or a time before it if the timer that had the earliest deadline of
    /// its slot was cancelled. Looking then brings the answer closer, at most ten times for one timer, so a loop that
    /// waits until this time and calls [`TimerWheel::pop_due`] does not spin. None when there are no timers.
    pub fn next_deadline(&self) -> Option<u64> {
        let (level, slot) = self.first_occupied()?;
        Some(self.levels[level].slots[slot].earliest_ms)
    }

    /// How many timers there are.
    pub const fn len(&self) -> usize {
        self.timers.len()
    }

    /// Whether there are no timers.
    pub const fn is_empty(&self) -> bool {
        self.timers.is_empty()
    }

    /// Where a deadline belongs at the wheel's time.
    fn place(&self, deadline_ms: u64) -> (usize, usize) {
        let highest_differing_bit = (deadline_ms ^ self.now_ms).checked_ilog2().unwrap_or(0);
        let level = highest_differing_bit / DIGIT_BITS;
        let digit = deadline_ms >> (level * DIGIT_BITS) & (SLOTS as u64 - 1);
        (level as usize, digit as usize)
    }

    /// When a slot begins: the wheel's time with the slot in its digit and zeros below.
    fn start_of(&self, level: usize, slot: usize) -> u64 {
        let shift = level as u32 * DIGIT_BITS;
        let above = u64::MAX.checked_shl(shift + DIGIT_BITS).unwrap_or(0);
        self.now_ms & above | (slot as u64) << shift
    }

    /// The slot whose timers are due before all others.
    fn first_occupied(&self) -> Option<(usize, usize)> {
        let level = self.levels.iter().position(|level| level.occupied != 0)?;
        Some((level, self.levels[level].occupied.trailing_zeros() as usize))
    }

    /// Appends a timer to the list of its slot.
    fn link(&mut self, id: u64, deadline_ms: u64) {
        let (level, slot) = self.place(deadline_ms);
        let Level { occupied, slots } = &mut self.levels[level];
        *occupied |= 1 << slot;
        let list = &mut slots[slot];
        let previous = std::mem::replace(&mut list.last, id);
        list.earliest_ms = list.earliest_ms.min(deadline_ms);
        match self.timers.get_mut(previous) {
            Some(timer) => timer.next = id,
            None => list.first = id,
        }
        if let Some(timer) = self.timers.get_mut(id) {
            timer.previous = previous;
            timer.next = 0;
        }
    }

    /// Spreads the timers of a slot that the wheel's time has entered over the levels below, in order.
    fn move_down(&mut self, level: usize, slot: usize) {
        let mut id = self.clear(level, slot).first;
        while let Some(timer) = self.timers.get(id) {
            let (deadline_ms, next) = (timer.deadline_ms, timer.next);
            self.link(id, deadline_ms);
            id = next;
        }
    }

    /// Forgets the list of a slot.
    fn clear(&mut self, level: usize, slot: usize) -> List {
        let level = &mut self.levels[level];
        level.occupied &= !(1 << slot);
        std::mem::replace(&mut level.slots[slot], EMPTY)
    }
}

impl<T> fmt::Debug for TimerWheel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerWheel").field("now_ms", &self.now_ms).field("len", &self.len()).finish_non_exhaustive()
    }
}
