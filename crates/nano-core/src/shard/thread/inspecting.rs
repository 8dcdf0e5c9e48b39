//! An app that debuggers look into: which of its instances listens to them, and when.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use nano_base::status::{Error, Status};
use nano_engine::Outcome;

use super::super::slot::Phase;
use super::super::visit::begin_turn;
use super::Thread;
use crate::app::AppShared;
use crate::request::{Ending, Work};
use crate::version::Version;

impl Thread {
    /// The app has moved: its instances here end when they have nothing left to do, and take no more requests.
    pub(super) fn leave(&mut self, app: u64) {
        for id in self.ids_of(app) {
            let bit = self.warm_bit();
            let Some(slot) = self.slots.get_mut(id) else { continue };
            slot.retiring = true;
            slot.link.app.warm.fetch_and(!bit, Ordering::Relaxed);
            self.by_app.remove(&app);
            if slot.is_idle() {
                self.evict(id, "inspection");
            } else {
                self.hang_up(id, 1012, "RELOAD", false);
            }
        }
    }

    /// A request of an app that has moved goes after it.
    pub(super) fn keep_or_send_home(&self, work: Arc<Work>) -> Option<Arc<Work>> {
        let (inner, here) = (&self.desk.inner, self.desk.shard.index);
        let home = inner.home(&work.app);
        if home == here || !(work.app.is_inspected() || here >= inner.working) {
            return Some(work);
        }
        if let Err(work) = inner.shards[home].submit(work) {
            work.finish(Ending::Error(Error::new(Status::Overloaded, "no shard has room for the request")));
        }
        None
    }

    /// Whether what debuggers said first has started an instance of the version already.
    pub(super) fn has_started_for_debuggers(&self, app: &Arc<AppShared>, version: &Arc<Version>) -> bool {
        app.inspector_on(self.desk.shard.index).is_some() && self.serving(app, version).is_some()
    }

    /// The instance that answers for a version of an app here.
    fn serving(&self, app: &AppShared, version: &Arc<Version>) -> Option<u64> {
        let id = *self.by_app.get(&app.key)?;
        self.slots.get(id).filter(|slot| Arc::ptr_eq(&slot.link.version, version)).map(|_| id)
    }

    /// An instance is about to start: if its app has debuggers it is the one that they look into from now on.
    pub(super) fn show_to_debuggers(&mut self, id: u64) {
        let Some(slot) = self.slots.get(id) else { return };
        let app = slot.link.app.clone();
        let Some(inspector) = app.inspector_on(self.desk.shard.index) else { return };
        for other in self.ids_of(app.key) {
            if other != id
                && let Some(slot) = self.slots.get_mut(other)
            {
                slot.instance.end_inspection();
            }
        }
        if let Some(slot) = self.slots.get_mut(id) {
            let root = slot.link.version.code.root.clone();
            slot.instance.inspect(&inspector, &app.name, &root);
        }
    }

    /// The instance that they looked into is gone: another one of the app, if there is one that serves, takes its place.
    pub(super) fn show_another_to_debuggers(&mut self, app: &Arc<AppShared>) {
        let version = app.version();
        let serves = |id: &u64| self.slots.get(*id).is_some_and(|slot| !slot.retiring && Arc::ptr_eq(&slot.link.version, &version));
        if let Some(id) = self.ids_of(app.key).into_iter().find(serves) {
            self.by_app.insert(app.key, id);
            self.show_to_debuggers(id);
        }
    }

    /// What an app's debuggers have said is heard by the instance that serves, or by one that is started to hear it.
    pub(super) fn hear_debuggers(&mut self, app: &Arc<AppShared>) {
        let Some(inspector) = app.inspector_on(self.desk.shard.index) else { return };
        if !inspector.has_news() {
            return;
        }
        let version = app.version();
        let id = match self.serving(app, &version).map_or_else(|| self.start(app, &version), Ok) {
            Ok(id) => id,
            Err(error) => {
                self.desk.inner.send_debuggers_away(app, &error.message);
                return;
            }
        };
        let Some(slot) = self.slots.get_mut(id) else { return };
        self.desk.hold(app, slot.instance.terminate_handle());
        begin_turn(&self.desk, u64::MAX);
        let outcome = slot.instance.hear();
        let stop = self.desk.seat.end();
        self.desk.let_go();
        self.desk.bill(app, None);
        slot.idle_since_ms = self.desk.turn_ms.get();
        let is_starting = matches!(slot.phase, Phase::Starting(..));
        let has_more = !slot.link.pending.borrow().is_empty();
        if outcome != Outcome::Done || stop.is_some() {
            return self.condemn(id, broken(outcome));
        }
        if is_starting {
            self.finish_start(id);
        }
        if has_more {
            self.make_ready(id);
        }
    }
}

/// Why an instance ends in what a debugger has asked for.
fn broken(outcome: Outcome) -> Error {
    match outcome {
        Outcome::Done | Outcome::Terminated => {
            Error::new(Status::Canceled, "the app's instance was ended while a debugger had it do something")
        }
        Outcome::HeapsFull => Error::new(Status::Capacity, "all heaps together are at their limit (limit heaps_bytes)"),
        Outcome::HeapExhausted | Outcome::CodeExhausted => {
            Error::new(Status::MemoryLimit, "what a debugger had the app do used up its heap (limit heap_bytes)")
        }
        Outcome::ExternalExhausted => {
            Error::new(Status::MemoryLimit, "what a debugger had the app do used up its memory outside the heap (limit external_bytes)")
        }
    }
}
