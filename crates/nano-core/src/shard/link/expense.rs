//! At whose expense an instance's sockets are: the events that have opened them, as long as they have CPU time left.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nano_base::status::{Error, Status};

use super::outgoing::Outgoing;
use super::{Active, Link};
use crate::request::{Spent, Work};

impl Link {
    /// What the thread has done since the last time was for a request to the network or for a socket. An event that has used up its CPU time
    /// by that ends when the thread has looked at all sockets.
    pub(super) fn bill_outside(&self, local: u32) {
        let spent = match self.active.borrow().get(&local) {
            Some(Active::Fetch(_, spent) | Active::Socket(_, spent)) => spent.clone(),
            _ => None,
        };
        self.desk.bill(&self.app, spent.as_deref());
        if let Some(spent) = spent
            && spent.cpu_ns.load(Ordering::Relaxed) > u64::from(self.cpu_ms_of(&spent)) * 1_000_000
            && !self.app.is_inspected()
        {
            self.desk.outside.overdrawn.borrow_mut().push((self.slot.get(), spent));
        }
    }

    /// The CPU time that an event may use.
    pub(super) fn cpu_ms_of(&self, spent: &Arc<Spent>) -> u32 {
        if Arc::ptr_eq(spent, &self.own) { self.own_cpu_ms.get() } else { self.version.limits.cpu_ms }
    }

    /// An event has used up its CPU time while nothing of it ran: its request ends, and so does what it has of the network.
    pub(in crate::shard) fn overdraw(&self, spent: &Arc<Spent>) {
        let limit_ms = self.cpu_ms_of(spent);
        let error = Error::new(Status::CpuLimit, format!("the app used more than {limit_ms} ms of CPU time in one event (limit cpu_ms)"));
        let (mut work, mut fetches): (Option<Arc<Work>>, Vec<Rc<Outgoing>>) = (None, Vec::new());
        for active in self.active.borrow().values() {
            match active {
                Active::Work(found, _) if Arc::ptr_eq(&found.spent, spent) => work = Some(found.clone()),
                Active::Fetch(outgoing, Some(owner)) if Arc::ptr_eq(owner, spent) => fetches.push(outgoing.clone()),
                _ => {}
            }
        }
        // Who is told that its request has ended hears of nothing else: there is no time left to.
        let work = work.filter(|work| !work.is_done());
        for outgoing in fetches {
            if work.is_some() { self.let_go(&outgoing) } else { outgoing.give_up(self, &error.message) }
        }
        if let Some(work) = work {
            self.desk.inner.cancel(&work, error);
        }
    }
}
