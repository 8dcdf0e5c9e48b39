//! At whose expense an instance's sockets are: the events that have opened them, as long as they have CPU time left.
//!
//! Bytes that an app has of the network, or the network of it, are moved at no event's expense: an app may pass on a response of any length.
//! What the thread does beyond that is.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nano_base::limits::NETWORK_FREE_NS_PER_KIB;
use nano_base::status::{Error, Status};

use super::outgoing::Outgoing;
use super::{Active, Link};
use crate::request::{Spent, Work};

/// The CPU time that has been earned by moving bytes, and not been used.
#[derive(Debug, Default)]
pub(super) struct Credit(Cell<u64>);

impl Credit {
    /// So many bytes have been moved.
    pub(super) fn moved(&self, bytes: usize) {
        self.0.set(self.0.get() + bytes as u64 * NETWORK_FREE_NS_PER_KIB / 1_024);
    }

    /// What is left to pay.
    fn pay(&self, used_ns: u64) -> u64 {
        let left_ns = self.0.get();
        self.0.set(left_ns.saturating_sub(used_ns));
        used_ns.saturating_sub(left_ns)
    }
}

impl Link {
    /// What the thread has done since the last time was for a request to the network or for a socket. An event that has used up its CPU time
    /// by that ends when the thread has looked at all sockets.
    pub(super) fn bill_outside(&self, local: u32, credit: &Credit) {
        let spent = match self.active.borrow().get(&local) {
            Some(Active::Fetch(_, spent) | Active::Socket(_, spent)) => spent.clone(),
            _ => None,
        };
        let used_ns = self.desk.pass();
        self.desk.inner.bill(&self.app, used_ns);
        let owed_ns = credit.pay(used_ns);
        if let Some(spent) = spent.filter(|_| owed_ns > 0 && !self.app.is_inspected())
            && spent.cpu_ns.fetch_add(owed_ns, Ordering::Relaxed) + owed_ns > u64::from(self.cpu_ms_of(&spent)) * 1_000_000
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_moved_costs_nothing_up_to_a_rate_and_what_leads_to_nothing_does() {
        let credit = Credit::default();
        assert_eq!(credit.pay(1_000), 1_000);
        credit.moved(3 << 10);
        assert_eq!(credit.pay(2 * NETWORK_FREE_NS_PER_KIB), 0);
        assert_eq!(credit.pay(2 * NETWORK_FREE_NS_PER_KIB), NETWORK_FREE_NS_PER_KIB);
        assert_eq!(credit.pay(1), 1);
    }
}
