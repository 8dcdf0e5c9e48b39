//! Calls and errands: what an instance has others do, from its opening to its end.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use nano_base::status::Status;
use nano_base::value::Value;
use nano_engine::{Delivery, Errand, Refusal};

use super::waiting::{Opening, Target};
use super::{Active, Link};
use crate::binding::BindingKind;
use crate::call::{Answer, Call, CallContent, CallView};
use crate::event::Payload;
use crate::helpers::Order;
use crate::pipe::Held;
use crate::request::{Place, Spent};
use crate::wait::lock;

impl Link {
    /// Opens a call on behalf of the current request, within its limits.
    pub(super) fn open_call(&self, binding: u32, content: CallContent) -> Result<u32, Refusal> {
        let Some(binding) = self.version.bindings.get(binding as usize) else {
            return Err(Refusal("no such binding".into()));
        };
        match (&binding.kind, content) {
            (BindingKind::Queue { queue }, CallContent::Method { args, .. }) => self.send(queue, args),
            (BindingKind::Queue { .. }, _) => Err(Refusal("a queue has send() and sendBatch() only".into())),
            (_, content) => self.open_call_of(&binding.name, &binding.kind, content),
        }
    }

    /// Sends messages to a queue. They are in it when this returns; the app hears of it in its next turn.
    fn send(&self, queue: &str, messages: Vec<Value>) -> Result<u32, Refusal> {
        let current = self.count_call()?;
        let local = self.number();
        self.active.borrow_mut().insert(local, Active::Send(current));
        let delivery = match self.desk.inner.send_packed(&self.app.name, queue, messages) {
            Ok(()) => Delivery::CallResult(local, Value::Undefined),
            Err(error) => {
                let name = if error.status == Status::Invalid { "TypeError" } else { "Error" };
                Delivery::CallThrow(local, Value::error(name, format!("cannot send to the queue \"{queue}\": {}", error.message)))
            }
        };
        self.pending.borrow_mut().push_back(delivery);
        Ok(local)
    }

    pub(super) fn open_call_of(&self, binding: &str, kind: &BindingKind, content: CallContent) -> Result<u32, Refusal> {
        let current = self.count_call()?;
        let local = self.number();
        let place = Place { shard: self.desk.shard.index, incarnation: self.desk.seat.incarnation, slot: self.slot.get(), local };
        let is_for_an_app = matches!(kind, BindingKind::App { .. });
        let held = self.hold(if is_for_an_app { content.head_bytes() } else { content.bytes() })?;
        let (content, sent) = if is_for_an_app { (content.outline(), Some(content)) } else { (content, None) };
        let view = CallView {
            app: self.app.name.clone(),
            binding: binding.to_string(),
            request: current.as_ref().map_or(0, |spent| spent.request.load(Ordering::Relaxed)),
            user_data: self.version.user_data,
            content,
        };
        let call = Arc::new(Call::new(view, place, &self.app, &self.version, held));
        let opening = match (kind, sent) {
            (BindingKind::App { app, entrypoint }, Some(content)) => {
                let depth = self.depth(current.as_ref()) + 1;
                Opening::App(call.clone(), Target { app: app.clone(), entrypoint: entrypoint.clone(), depth, content })
            }
            _ => Opening::Host(call.clone()),
        };
        self.open_soon(local, current.as_ref(), opening)?;
        self.active.borrow_mut().insert(local, Active::Call(call, current));
        Ok(local)
    }

    /// Counts what the app leaves with whoever it calls, which is its own doing, until that has taken it. A single thing may be as large
    /// as a call may be.
    fn hold(&self, bytes: usize) -> Result<Held, Refusal> {
        let mut held = Held::of(&self.app, 0);
        if !held.has_room_for(bytes) && self.app.waiting_bytes() > 0 {
            return Err(Refusal(format!(
                "{} bytes of the app's bodies and calls wait to be taken, {bytes} more do not fit (limit external_bytes)",
                self.app.waiting_bytes()
            )));
        }
        held.add(bytes);
        Ok(held)
    }

    /// How many apps called one another to get here. What the instance does of itself counts as one of the deepest that is under way.
    fn depth(&self, current: Option<&Arc<Spent>>) -> u32 {
        match current {
            Some(spent) if !Arc::ptr_eq(spent, &self.own) => spent.depth,
            _ => {
                let depth_of = |active: &Active| if let Active::Work(work, _) = active { work.spent.depth } else { 0 };
                self.active.borrow().values().map(depth_of).max().unwrap_or(0)
            }
        }
    }

    /// Sends an errand to the helpers on behalf of the current event, within its limits.
    pub(super) fn send_errand(&self, errand: Errand) -> Result<u32, Refusal> {
        let limits = &self.version.limits;
        if self.errands.get() >= limits.errands {
            return Err(Refusal(format!("{} errands are under way already (limit errands)", limits.errands)));
        }
        let spent = self.current.borrow().clone();
        let used_ns = spent.as_ref().map_or(0, |spent| spent.errand_ns.load(Ordering::Relaxed));
        if used_ns >= u64::from(limits.errand_cpu_ms) * 1_000_000 {
            return Err(Refusal(format!("the request's errands have used {} ms of CPU time (limit errand_cpu_ms)", limits.errand_cpu_ms)));
        }
        let local = self.number();
        let place = Place { shard: self.desk.shard.index, incarnation: self.desk.seat.incarnation, slot: self.slot.get(), local };
        let (inner, app) = (self.desk.inner.clone(), self.app.clone());
        let order = Order { inner, app, spent: spent.clone(), place, errand, limit_ms: limits.errand_cpu_ms, used_ns: 0 };
        if !self.desk.inner.helpers.submit(order) {
            return Err(Refusal("the host's helpers have too much to do".into()));
        }
        self.errands.set(self.errands.get() + 1);
        self.active.borrow_mut().insert(local, Active::Errand(spent));
        Ok(local)
    }

    /// The host has answered, or an answer's body moves: what to deliver.
    pub(in crate::shard) fn answered(&self, local: u32, answer: Answer) -> Option<Delivery> {
        if !self.knows(local) {
            return None;
        }
        Some(match answer {
            Answer::Head(head) => {
                self.settled(local);
                Delivery::CallHead(local, head)
            }
            Answer::Value(value) => {
                self.settled(local);
                Delivery::CallResult(local, value)
            }
            Answer::Fail(message) => {
                self.settled(local);
                Delivery::CallFail(local, message)
            }
            Answer::Throw(error) => {
                self.settled(local);
                Delivery::CallThrow(local, error)
            }
            Answer::BodyReady => Delivery::BodyReady(local),
            Answer::WriteReady => Delivery::WriteReady(local),
        })
    }

    pub(super) fn withdraw(&self, call: &Call) {
        call.uploading.store(false, Ordering::Release);
        self.settled(call.place.local);
        if self.waits_no_more(call.place.local) {
            return;
        }
        if call.is_for_an_app() {
            call.cancel_to_app(&self.desk.inner);
            return;
        }
        let open = self.desk.inner.close_call(call.id.load(Ordering::Relaxed)).is_some();
        // A call that has just been answered may still be known, because the host's thread is about to forget it: that one has an
        // answer, and only a body that the host goes on sending is given up.
        let answered = call.answered.load(Ordering::Acquire) && !lock(&call.body).is_open();
        if open && !answered {
            call.push(&self.desk.inner.queue, Payload::CallCanceled);
        }
    }

    /// A piece of the body of an app's call; the room that is left, or none when nobody takes it.
    pub(super) fn write_to(&self, call: &Call, bytes: Vec<u8>) -> Option<i64> {
        let inner = &self.desk.inner;
        if call.is_for_an_app() { call.write_to_app(inner, bytes) } else { call.send_chunk(&inner.queue, bytes) }
    }

    /// The body of an app's call is complete.
    pub(super) fn end_body_of(&self, call: &Call) {
        call.uploading.store(false, Ordering::Release);
        if call.is_for_an_app() {
            call.end_to_app(&self.desk.inner);
        } else {
            call.send_chunk(&self.desk.inner.queue, Vec::new());
        }
    }

    pub(super) fn body_is_none(&self, call: u32) -> bool {
        // What comes from the network has a body, perhaps an empty one, whose end is read.
        self.call(call).is_some_and(|call| lock(&call.body).kind() == 0)
    }

    /// A call is over for the app. If it still sends the call's body it is woken, to find that nobody reads it.
    pub(super) fn end_call(&self, local: u32) {
        if let Some(outgoing) = self.fetch(local) {
            return self.end_fetch(&outgoing);
        }
        if matches!(self.active.borrow().get(&local), Some(Active::Send(_))) {
            self.active.borrow_mut().remove(&local);
            return;
        }
        let Some(call) = self.call(local) else { return };
        self.active.borrow_mut().remove(&local);
        if call.uploading.load(Ordering::Acquire) {
            self.pending.borrow_mut().push_back(Delivery::WriteReady(local));
        }
    }
}
