//! Calls that wait: an event has only so many open at once, and the next one is opened when one of them has been answered.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

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
pub(super) struct Waiting {
    local: u32,
    owner: Arc<Spent>,
    opening: Opening,
    /// What the app has written of the call's body; of a fetch that is kept where it always is.
    written: Vec<u8>,
    held: Held,
    is_ended: bool,
}

impl Link {
    /// The call is open now, or will be when others of its event have been answered.
    pub(super) fn open_soon(&self, local: u32, owner: Option<&Arc<Spent>>, opening: Opening) -> Result<(), Refusal> {
        let owner = owner.unwrap_or(&self.own).clone();
        if self.has_room(&owner) {
            return self.open(local, owner, opening);
        }
        let held = Held::of(&self.app, 0);
        self.waiting.borrow_mut().push_back(Waiting { local, owner, opening, written: Vec::new(), held, is_ended: false });
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
            Opening::Host(call) => self.desk.inner.open_call(call).map(drop).map_err(|error| Refusal(error.message)),
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
        }
    }

    /// Opens those for which there is room now.
    pub(in crate::shard) fn open_waiting(&self) {
        loop {
            let next = {
                let mut waiting = self.waiting.borrow_mut();
                let at = waiting.iter().position(|each| self.has_room(&each.owner));
                at.and_then(|at| waiting.remove(at))
            };
            let Some(Waiting { local, owner, opening, written, held, is_ended }) = next else { return };
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
        let mut waiting = self.waiting.borrow_mut();
        let before = waiting.len();
        waiting.retain(|each| each.local != local);
        waiting.len() < before
    }

    /// Keeps a piece of the body of a call that waits; false if it does not.
    pub(super) fn write_later(&self, local: u32, bytes: &mut Vec<u8>) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        let Some(each) = waiting.iter_mut().find(|each| each.local == local) else { return false };
        each.held.add(bytes.len());
        each.written.append(bytes);
        true
    }

    /// The body of a call that waits is complete; false if it does not wait.
    pub(super) fn end_later(&self, local: u32) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        let Some(each) = waiting.iter_mut().find(|each| each.local == local) else { return false };
        each.is_ended = true;
        true
    }
}
