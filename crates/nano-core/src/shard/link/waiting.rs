//! Calls that wait: an event has only so many open at once, and the next one is opened when one of them has been answered.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nano_base::numbers::Numbered;
use nano_engine::{Delivery, Refusal};
use nano_net::http::Request;

use super::Link;
use super::outgoing::Outgoing;
use crate::call::{Call, CallContent};
use crate::pipe::Held;
use crate::request::Spent;

/// Another app that is called.
pub(super) struct Target {
    pub app: String,
    pub entrypoint: Option<String>,
    pub depth: u32,
    pub content: CallContent,
}

/// A call that is to be opened.
pub(super) enum Opening {
    Fetch(Rc<Outgoing>, Request),
    /// Of the host.
    Host(Arc<Call>),
    App(Arc<Call>, Target),
}

impl Opening {
    fn call(&self) -> Option<&Arc<Call>> {
        match self {
            Self::Fetch(..) => None,
            Self::Host(call) | Self::App(call, _) => Some(call),
        }
    }
}

/// One that waits.
struct One {
    owner: Arc<Spent>,
    opening: Opening,
    /// What the app has written of the call's body; of a fetch that is kept where it always is.
    written: Vec<u8>,
    held: Held,
    is_ended: bool,
}

/// The calls of an instance that wait. None of them is looked at for another event's sake: an app may have many.
#[derive(Default)]
pub(super) struct Waiting {
    calls: Numbered<u32, One>,
    /// Their numbers in order, for each event; those that have been given up are still among them.
    of_events: Numbered<usize, VecDeque<u32>>,
    /// Events of which a call has been answered since.
    roomy: Vec<Arc<Spent>>,
}

impl Waiting {
    fn push(&mut self, local: u32, one: One) {
        self.of_events.entry(key(&one.owner)).or_default().push_back(local);
        self.calls.insert(local, one);
    }

    fn answered(&mut self, owner: Arc<Spent>) {
        if self.of_events.contains_key(&key(&owner)) {
            self.roomy.push(owner);
        }
    }

    /// The next one of an event that has room for `max`.
    fn next(&mut self, max: u32) -> Option<(u32, One)> {
        loop {
            let owner = self.roomy.last()?;
            if owner.open.load(Ordering::Relaxed) < max
                && let Some(queue) = self.of_events.get_mut(&key(owner))
            {
                while let Some(local) = queue.pop_front() {
                    if let Some(one) = self.calls.remove(&local) {
                        return Some((local, one));
                    }
                }
                self.of_events.remove(&key(owner));
            }
            self.roomy.pop();
        }
    }
}

/// As long as it is kept here, no other event has it.
fn key(owner: &Arc<Spent>) -> usize {
    Arc::as_ptr(owner) as usize
}

impl Link {
    /// The call is open now, or will be when others of its event have been answered.
    pub(super) fn open_soon(&self, local: u32, owner: Option<&Arc<Spent>>, opening: Opening) -> Result<(), Refusal> {
        let owner = owner.unwrap_or(&self.own).clone();
        if self.has_room(&owner) {
            return self.open(local, owner, opening);
        }
        let held = Held::of(&self.app, 0);
        self.waiting.borrow_mut().push(local, One { owner, opening, written: Vec::new(), held, is_ended: false });
        Ok(())
    }

    fn has_room(&self, owner: &Spent) -> bool {
        owner.open.load(Ordering::Relaxed) < self.version.limits.subrequests_at_once
    }

    fn open(&self, local: u32, owner: Arc<Spent>, opening: Opening) -> Result<(), Refusal> {
        owner.open.fetch_add(1, Ordering::Relaxed);
        self.open_calls.borrow_mut().insert(local, owner);
        let opened = match opening {
            Opening::Fetch(outgoing, request) => outgoing.open(self, request),
            Opening::Host(call) => self.desk.inner.open_call(call, &self.desk.seat).map(drop).map_err(|error| Refusal(error.message)),
            Opening::App(call, Target { app, entrypoint, depth, content }) => {
                let called = self.desk.inner.call_app(&call, content, &app, entrypoint.as_deref(), depth);
                called.map_err(|error| Refusal(error.message))
            }
        };
        if opened.is_err() {
            self.settled(local);
        }
        opened
    }

    /// A call has been answered, or will not be: it is not open any more.
    pub(super) fn settled(&self, local: u32) {
        if let Some(owner) = self.open_calls.borrow_mut().remove(&local) {
            owner.open.fetch_sub(1, Ordering::Relaxed);
            self.waiting.borrow_mut().answered(owner);
        }
    }

    /// Opens those for which there is room now.
    pub(in crate::shard) fn open_waiting(&self) {
        loop {
            let next = self.waiting.borrow_mut().next(self.version.limits.subrequests_at_once);
            let Some((local, One { owner, opening, written, held, is_ended })) = next else { return };
            let call = opening.call().cloned();
            if let Err(refusal) = self.open(local, owner, opening) {
                self.deliver(Delivery::CallFail(local, refusal.0));
                continue;
            }
            drop(held);
            let Some(call) = call else { continue };
            let room = if written.is_empty() { Some(1) } else { self.write_to(&call, written) };
            if is_ended {
                self.end_body_of(&call);
            } else if room.is_none_or(|room| room > 0) && call.uploading.load(Ordering::Acquire) {
                self.deliver(Delivery::WriteReady(local));
            }
        }
    }

    /// It will not be opened; whether it was waiting for that.
    pub(super) fn waits_no_more(&self, local: u32) -> bool {
        self.waiting.borrow_mut().calls.remove(&local).is_some()
    }

    /// Keeps a piece of the body of a call that waits; false if it does not.
    pub(super) fn write_later(&self, local: u32, bytes: &mut Vec<u8>) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        let Some(each) = waiting.calls.get_mut(&local) else { return false };
        each.held.add(bytes.len());
        each.written.append(bytes);
        true
    }

    /// The body of a call that waits is complete; false if it does not wait.
    pub(super) fn end_later(&self, local: u32) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        let Some(each) = waiting.calls.get_mut(&local) else { return false };
        each.is_ended = true;
        true
    }
}
