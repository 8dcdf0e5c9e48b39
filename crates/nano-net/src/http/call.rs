//! One request on its way: until it has a connection, while it is on it, and once more if that connection was stale.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use nano_base::http::RequestHead;
use nano_base::limits::FETCH_REFUSALS_MAX;
use nano_http::h1::{Asked, Content, Framing};

use super::conn::Conn;
use super::multi::Multi;
use super::{Client, Exchange};
use crate::connect::{Connect, Target};
use crate::failure::Failure;
use crate::reactor::Reactor;

pub(super) struct Call {
    pub number: u64,
    pub exchange: Rc<dyn Exchange>,
    pub client: Weak<Client>,
    pub target: Target,
    /// The head as it is sent by HTTP/1.1.
    pub head: Vec<u8>,
    /// The same for HTTP/2, if it may come to that.
    pub message: Option<Message>,
    pub body: RefCell<Option<Rc<Vec<u8>>>>,
    pub framing: Framing,
    pub is_streamed: bool,
    pub is_idempotent: bool,
    pub is_head: bool,
    pub step: RefCell<Step>,
    /// It went out on a connection that had been used before.
    pub reused: Cell<bool>,
    /// How often it was sent again because nothing had been done for it.
    pub refusals: Cell<u32>,
}

/// What a request's head is made of.
pub(super) struct Message {
    pub head: RequestHead,
    pub path: String,
    pub authority: String,
    pub content: Content,
}

pub(super) enum Step {
    Connecting(Rc<Connect>),
    On(Weak<Conn>),
    /// For one that it will share: its head is written when there is room for it.
    Waits(Weak<Multi>),
    /// On one that it shares, as a stream.
    Shares(Weak<Multi>, u32),
    Over,
}

impl Call {
    pub(super) fn asked(&self) -> Asked {
        if self.is_head { Asked::Head } else { Asked::Other }
    }

    /// How what the app gives piece by piece is sent, if it does.
    pub(super) fn streams(&self) -> Option<Framing> {
        self.is_streamed.then_some(self.framing)
    }

    /// What is known before anything is asked of the app.
    pub(super) fn first(&self) -> Vec<Vec<u8>> {
        // Kept if it may have to be sent again.
        let body = if self.is_idempotent && self.reused.get() { self.body.borrow().clone() } else { self.body.take() };
        let body = body.map(|body| Rc::try_unwrap(body).unwrap_or_else(|body| (*body).clone()));
        vec![self.head.clone(), body.unwrap_or_default()]
    }

    /// The response has begun, and the request is sent: it will not be sent again.
    pub(super) fn sent(&self) {
        self.body.take();
        self.exchange.sent();
    }

    pub(super) fn ended(&self, reactor: &Reactor) {
        if self.finish() {
            self.exchange.end(reactor);
        }
    }

    /// Tries again where a connection that had been idle too long is at fault; or tells.
    pub(super) fn failed(self: Rc<Self>, reactor: &Reactor, failure: Failure, unanswered: bool) {
        let again = unanswered && self.is_idempotent && !self.is_streamed && self.reused.replace(false);
        match self.client.upgrade().filter(|_| again) {
            Some(client) => {
                if let Err(failure) = client.connect(reactor, &self) {
                    self.tell(reactor, failure);
                }
            }
            None => self.tell(reactor, failure),
        }
    }

    /// The server has done nothing for it: it is sent again, whatever it is, as long as all of it is there.
    pub(super) fn refused(self: Rc<Self>, reactor: &Reactor, failure: Failure) {
        let refusals = self.refusals.get();
        self.refusals.set(refusals + 1);
        match self.client.upgrade().filter(|_| refusals < FETCH_REFUSALS_MAX && !self.is_streamed) {
            Some(client) => {
                if let Err(failure) = client.start(reactor, &self) {
                    self.tell(reactor, failure);
                }
            }
            None => self.tell(reactor, failure),
        }
    }

    pub(super) fn tell(&self, reactor: &Reactor, failure: Failure) {
        if self.finish() {
            self.exchange.fail(reactor, failure);
        }
    }

    /// Whether it was not over yet.
    fn finish(&self) -> bool {
        if let Some(client) = self.client.upgrade() {
            client.calls.borrow_mut().remove(&self.number);
        }
        self.body.take();
        !matches!(self.step.replace(Step::Over), Step::Over)
    }

    fn shared(&self) -> Option<(Rc<Multi>, u32)> {
        match &*self.step.borrow() {
            Step::Shares(multi, stream) => Some((multi.upgrade()?, *stream)),
            _ => None,
        }
    }

    fn waits(&self) -> Option<Rc<Multi>> {
        match &*self.step.borrow() {
            Step::Waits(multi) => multi.upgrade(),
            _ => None,
        }
    }

    fn conn(&self) -> Option<Rc<Conn>> {
        match &*self.step.borrow() {
            Step::On(conn) => conn.upgrade(),
            _ => None,
        }
    }
}

/// A request that has been made. Letting it go does not end it.
#[derive(Clone)]
pub struct Handle(pub(super) Rc<Call>);

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({})", self.0.number)
    }
}

impl Handle {
    /// There is room for the response's body again.
    pub fn resume(&self, reactor: &Reactor) {
        if let Some(conn) = self.0.conn() {
            return conn.nudge(reactor);
        }
        if let Some((multi, stream)) = self.0.shared() {
            multi.nudge(reactor, stream);
        }
    }

    /// There is a piece of the request's body again, or its end.
    pub fn body_ready(&self, reactor: &Reactor) {
        self.resume(reactor);
    }

    /// Ends it. The exchange is told nothing any more.
    pub fn abort(&self, reactor: &Reactor) {
        let (conn, shared, waits) = (self.0.conn(), self.0.shared(), self.0.waits());
        if let Some(client) = self.0.client.upgrade() {
            client.calls.borrow_mut().remove(&self.0.number);
        }
        self.0.body.take();
        if let Step::Connecting(connect) = self.0.step.replace(Step::Over) {
            connect.cancel(reactor);
        }
        if let Some(conn) = conn {
            conn.close(reactor);
        }
        if let Some((multi, stream)) = shared {
            multi.give_up(reactor, stream);
        }
        if let Some(multi) = waits {
            multi.leave(reactor, &self.0);
        }
    }
}
