//! How instances end: what broke a limit, what nobody needs, what there is no room for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use nano_base::limits::GRAVEYARD_BYTES_MAX;
use nano_base::status::{Error, Status};
use nano_engine::LogLevel;

use super::super::admission;
use super::super::link::LinkHost;
use super::super::slot::{Buried, Phase, Slot};
use super::Thread;
use crate::observe::Kill;
use crate::request::Ending;

impl Thread {
    /// Evicts idle instances while all heaps together are near their limit; whether there were any.
    pub(super) fn relieve(&mut self) -> bool {
        let mut evicted = false;
        while !self.desk.seat.is_abandoned() && admission::is_under_pressure() && self.evict_oldest() {
            evicted = true;
        }
        evicted
    }

    /// Disposes at once of the instance that has been idle longest; whether there was one.
    pub(super) fn evict_oldest(&mut self) -> bool {
        // Before there is no room for anybody, sockets that wait for their next message go too.
        let oldest_of = |is_idle: &dyn Fn(&Slot) -> bool| {
            self.slots
                .iter()
                .filter(|(_, slot)| is_idle(slot) && !slot.is_looked_into())
                .min_by_key(|(_, slot)| slot.idle_since_ms)
                .map(|(id, _)| id)
        };
        let oldest = oldest_of(&Slot::is_idle).or_else(|| oldest_of(&Slot::is_idle_but_for_sockets));
        if let Some(oldest) = oldest {
            self.evict(oldest, "pressure");
        }
        while let Some(buried) = self.graveyard.pop_front() {
            self.dispose(buried);
        }
        oldest.is_some()
    }

    /// An instance broke a limit: its requests end, it is never entered again.
    pub(super) fn condemn(&mut self, id: u64, error: Error) {
        if let Some(slot) = self.slots.get(id) {
            let app = &slot.link.app;
            if error.status == Status::Canceled {
                // An operator has: no limit was broken.
                return self.remove(id, &error);
            }
            self.desk.inner.confine(app);
            app.condemned.fetch_add(1, Ordering::Relaxed);
            app.meter().killed(Kill::of(error.status), 1);
            self.desk.inner.counters.condemned.fetch_add(1, Ordering::Relaxed);
            self.desk.inner.app_event(&app.name, "condemned", &error.message);
            if !error.stack.is_empty() {
                LinkHost(slot.link.clone()).write_log(LogLevel::Error, error.stack.clone(), false);
            }
        }
        self.remove(id, &error);
    }

    /// Requests of an app that wait end. There may be thousands.
    pub(super) fn refuse_all_of(&self, app: u64, why: &Error) {
        let refused = self.desk.shard.drain_requests_of(app);
        self.desk.chore(None, || {
            for work in refused {
                work.finish(Ending::Error(why.clone()));
            }
        });
    }

    /// Ends an instance that has nothing to do.
    pub(super) fn evict(&mut self, id: u64, reason: &str) {
        if let Some(slot) = self.slots.get(id) {
            self.desk.inner.counters.evictions.fetch_add(1, Ordering::Relaxed);
            slot.link.app.meter().evictions.fetch_add(1, Ordering::Relaxed);
            self.desk.inner.app_event(&slot.link.app.name, "evicted", reason);
        }
        self.remove(id, &Error::new(Status::Draining, "the instance was evicted"));
    }

    /// Takes an instance out; it is disposed of when there is time.
    pub(super) fn remove(&mut self, id: u64, error: &Error) {
        let Some(slot) = self.slots.remove(id) else { return };
        self.desk.seat.let_out(id);
        if self.by_app.get(&slot.link.app.key) == Some(&id) {
            self.by_app.remove(&slot.link.app.key);
            slot.link.app.warm.fetch_and(!self.warm_bit(), Ordering::Relaxed);
        }
        // It may have thousands of requests, sockets and timers.
        self.desk.chore(Some(&slot.link.app), || slot.link.close(error));
        slot.tenant.end();
        if !self.slots.iter().any(|(_, other)| other.link.app.key == slot.link.app.key) {
            self.desk.outside.forget(slot.link.app.key);
        }
        if let Phase::Starting(ticket, waiting) = slot.phase {
            if let Some(ticket) = ticket {
                self.desk.seat.started(&ticket, Err(error.clone()));
            }
            for work in waiting {
                work.finish(Ending::Error(error.clone()));
            }
        }
        // Whoever has the next turn has not caused it.
        self.desk.pass();
        let was_listening = slot.instance.is_listening();
        self.graveyard.push_back(Buried { instance: slot.instance, app: slot.link.app.clone(), permit: slot.permit });
        self.clear_graveyard();
        if was_listening {
            self.show_another_to_debuggers(&slot.link.app);
        }
    }

    /// Disposes at once of what is too much to wait until there is time: there may never be, and if the thread is lost, it is lost with it.
    fn clear_graveyard(&mut self) {
        while self.graveyard.iter().map(Buried::bytes).sum::<usize>() > GRAVEYARD_BYTES_MAX {
            let Some(oldest) = self.graveyard.pop_front() else { break };
            self.dispose(oldest);
        }
    }

    /// V8 frees one object after the other: of a full heap that takes longer than a neighbour should wait.
    pub(super) fn dispose(&self, buried: Buried) {
        let app = buried.app.clone();
        self.desk.chore(Some(&app), || buried.dispose());
    }

    /// This shard, in what an app knows of where it is warm.
    pub(super) fn warm_bit(&self) -> u64 {
        1 << (self.desk.shard.index % 64)
    }

    /// Old versions of an app end now, or when they have nothing left to do.
    pub(super) fn retire(&mut self, app: u64) {
        let mut idle = Vec::new();
        for id in self.ids_of(app) {
            let Some(slot) = self.slots.get_mut(id) else { continue };
            if Arc::ptr_eq(&slot.link.version, &slot.link.app.version()) {
                continue;
            }
            slot.retiring = true;
            if slot.is_idle() {
                idle.push(id);
            } else {
                self.hang_up(id, 1012, "RELOAD", false);
            }
        }
        for id in idle {
            self.evict(id, "reload");
        }
    }

    /// Ends the sockets of an instance that may go, or those that it has answered with; it hears of that in turns to come.
    pub(super) fn hang_up(&mut self, id: u64, code: u16, reason: &str, all: bool) {
        if let Some(slot) = self.slots.get(id) {
            slot.link.hang_up(code, reason, all);
        }
    }

    pub(super) fn evict_app(&mut self, app: u64, error: &Error) {
        for id in self.ids_of(app) {
            self.remove(id, error);
        }
    }

    pub(super) fn ids_of(&self, app: u64) -> Vec<u64> {
        self.slots.iter().filter(|(_, slot)| slot.link.app.key == app).map(|(id, _)| id).collect()
    }

    /// Evicts instances that have been idle for longer than their apps allow.
    pub(super) fn sweep(&mut self, now_ms: u64) {
        let idle = |slot: &Slot| {
            slot.is_idle()
                && !slot.is_looked_into()
                && (slot.retiring || now_ms.saturating_sub(slot.idle_since_ms) >= u64::from(slot.link.version.limits.idle_ms))
        };
        let ids: Vec<(u64, bool)> = self.slots.iter().filter(|(_, slot)| idle(slot)).map(|(id, slot)| (id, slot.retiring)).collect();
        for (id, is_retiring) in ids {
            self.evict(id, if is_retiring { "reload" } else { "idle" });
        }
        let memory: u64 = self.slots.iter().map(|(_, slot)| slot.link.app.memory()).map(|(heap, external)| heap + external).sum();
        self.desk.seat.memory_bytes.store(memory, Ordering::Relaxed);
    }
}
