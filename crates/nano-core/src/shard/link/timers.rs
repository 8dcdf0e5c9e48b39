//! An app's timers, in the wheel of its thread.

use std::sync::Arc;

use nano_engine::Refusal;

use super::{Link, Ticking};
use crate::request::Spent;
use crate::shard::desk::Timer;

impl Link {
    /// `setTimeout` and `setInterval`.
    pub(super) fn start_timer(&self, id: u32, delay_ms: f64, repeat: bool) -> Result<(), Refusal> {
        let max = self.version.limits.timers;
        if self.timers.borrow().len() + self.void_turns.get() as usize >= max as usize {
            return Err(Refusal(format!("{max} timers are running already (limit timers)")));
        }
        let delay_ms = delay_ms.clamp(0.0, f64::from(i32::MAX)) as u64;
        // The turn's time is rounded down, and a timer must never be early.
        let deadline = self.desk.turn_ms.get() + delay_ms + u64::from(delay_ms > 0);
        let timer = Timer::Script { slot: self.slot.get(), id, every_ms: repeat.then_some(delay_ms) };
        let key = Some(self.desk.wheel.borrow_mut().insert(deadline, timer));
        let timer = Ticking { key, is_due: false, spent: self.current.borrow().clone() };
        let old = self.timers.borrow_mut().insert(id, timer);
        if let Some(old) = old {
            self.unwind(old);
        }
        Ok(())
    }

    /// `clearTimeout`.
    pub(super) fn cancel_timer(&self, id: u32) {
        let timer = self.timers.borrow_mut().remove(&id);
        if let Some(timer) = timer {
            self.unwind(timer);
        }
    }

    /// A timer has its turn: a single one is over by that. The event that started it.
    pub(super) fn timer_begins(&self, id: u32) -> Option<Arc<Spent>> {
        let mut timers = self.timers.borrow_mut();
        let Some(timer) = timers.get_mut(&id).filter(|timer| timer.is_due) else {
            self.void_turns.set(self.void_turns.get().saturating_sub(1));
            return None;
        };
        timer.is_due = false;
        if timer.key.is_some() { timer.spent.clone() } else { timers.remove(&id)?.spent }
    }

    /// A timer is due: an interval will be again. Whether a turn is to be queued for it.
    pub(in crate::shard) fn timer_due(&self, id: u32, every_ms: Option<u64>) -> bool {
        let mut timers = self.timers.borrow_mut();
        let Some(timer) = timers.get_mut(&id) else { return false };
        timer.key = every_ms.map(|every_ms| {
            let deadline = self.desk.inner.clock.now_ms() + every_ms.max(1);
            self.desk.wheel.borrow_mut().insert(deadline, Timer::Script { slot: self.slot.get(), id, every_ms: Some(every_ms) })
        });
        !std::mem::replace(&mut timer.is_due, true)
    }

    pub(super) fn unwind(&self, timer: Ticking) {
        if timer.is_due {
            self.void_turns.set(self.void_turns.get() + 1);
        }
        if let Some(key) = timer.key {
            self.desk.wheel.borrow_mut().cancel(key);
        }
    }
}
