//! A WebSocket that an app has opened, between its JavaScript and the network.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use nano_base::http::ResponseHead;
use nano_base::limits::{BODY_WINDOW_BYTES, WEBSOCKET_OUTBOX_BYTES_MAX};
use nano_base::status::Error;
use nano_engine::{Message, Opening, Refusal, SocketEvent};
use nano_net::failure::FailureKind;
use nano_net::reactor::Reactor;
use nano_net::websocket::{self, Chat, Closed, WebSocket};

use super::Wire;
use super::inbox::Inbox;
use crate::pipe::Held;
use crate::shard::link::Link;

/// One of them.
pub(super) struct Client {
    inbox: Inbox,
    socket: RefCell<Option<WebSocket>>,
    /// Bytes of messages since all was sent last.
    sent: Cell<usize>,
    /// What waits to be sent, masked and in frames.
    held: RefCell<Held>,
    is_open: Cell<bool>,
    /// The app was told that it is full.
    is_full: Cell<bool>,
}

impl Client {
    /// Sets out to open one.
    pub(super) fn open(link: &Rc<Link>, opening: Opening) -> Result<(u32, Rc<Self>), Refusal> {
        let Some(policy) = &link.version.egress else { return Err(Refusal("this app has no network".into())) };
        let local = link.number();
        let client = Rc::new(Self {
            inbox: Inbox::new(link, local, true),
            socket: RefCell::default(),
            sent: Cell::new(0),
            held: Held::of(&link.app, 0).into(),
            is_open: Cell::new(false),
            is_full: Cell::new(false),
        });
        let Opening { url, headers, protocols } = opening;
        let opening = websocket::Opening { app: link.app.key, policy: policy.clone(), url, headers, protocols, compress: true };
        let desk = &link.desk;
        let opened = desk.outside.open(desk, &link.app, opening, client.clone());
        *client.socket.borrow_mut() = Some(opened.map_err(|failure| Refusal(failure.message))?);
        Ok((local, client))
    }

    fn with<T>(&self, link: &Link, act: impl FnOnce(&WebSocket, &Reactor) -> T) -> Option<T> {
        let socket = self.socket.borrow().clone();
        Some(act(&socket?, link.desk.outside.reactor()?))
    }

    fn hold(&self, waiting: usize) {
        self.held.borrow_mut().set(waiting);
    }

    fn abort(&self, link: &Link) {
        self.hold(0);
        self.inbox.gathers(0);
        self.with(link, WebSocket::abort);
        self.socket.borrow_mut().take();
    }
}

/// The app's side.
impl Wire for Client {
    fn send(&self, link: &Link, message: Message) -> bool {
        let waiting = self.held.borrow().bytes();
        if waiting > WEBSOCKET_OUTBOX_BYTES_MAX || !self.held.borrow().has_room_for(message.len()) {
            self.inbox.tell(SocketEvent::Failed(super::TOO_MUCH.into(), None));
            self.abort(link);
            return false;
        }
        self.sent.set(self.sent.get() + message.len());
        let waiting = self.with(link, |socket, reactor| match &message {
            Message::Text(text) => socket.text(reactor, text),
            Message::Binary(bytes) => socket.binary(reactor, bytes),
        });
        let Some(Ok(waiting)) = waiting else { return false };
        self.hold(waiting);
        true
    }

    fn close(&self, link: &Link, said: Option<(u16, String)>) {
        if !self.is_open.get() {
            self.inbox.tell(SocketEvent::Failed("the WebSocket was closed before it was open".into(), None));
            return self.abort(link);
        }
        let said = said.as_ref().map(|(code, reason)| (*code, reason.as_str()));
        // It fails when the last word has been said.
        let _ = self.with(link, |socket, reactor| socket.close(reactor, said));
        // The answer is waited for, whatever comes before it.
        self.read(link, true);
    }

    fn buffered(&self) -> usize {
        self.sent.get().min(self.held.borrow().bytes())
    }

    fn is_full(&self) -> bool {
        let full = self.held.borrow().bytes() >= BODY_WINDOW_BYTES;
        self.is_full.set(full);
        full
    }

    fn read(&self, link: &Link, wanted: bool) {
        self.inbox.want(wanted);
        if wanted {
            self.with(link, WebSocket::resume);
        }
    }

    fn taken(&self, link: &Link) {
        self.inbox.taken();
        self.with(link, WebSocket::resume);
    }

    fn hang_up(&self, link: &Link, code: u16, reason: &str) {
        let _ = self.with(link, |socket, reactor| socket.close(reactor, Some((code, reason))));
        self.inbox.tell(SocketEvent::Closed(code, reason.into(), false));
        self.abort(link);
    }

    fn end(&self, link: &Link, error: &Error) {
        self.inbox.silence();
        let said = super::last_word(error);
        let _ = self.with(link, |socket, reactor| socket.close(reactor, Some(said)));
        self.abort(link);
    }
}

/// The network's side.
impl Chat for Client {
    fn opened(&self, _: &Reactor, _: &WebSocket, head: ResponseHead, protocol: Option<String>) {
        self.is_open.set(true);
        self.inbox.tell(SocketEvent::Opened(head, protocol.unwrap_or_default()));
    }

    fn wants(&self) -> bool {
        self.inbox.wants()
    }

    fn gathers(&self, bytes: usize) -> bool {
        self.inbox.gathers(bytes)
    }

    fn text(&self, _: &Reactor, _: &WebSocket, text: String) {
        self.inbox.push(Message::Text(text));
    }

    fn binary(&self, _: &Reactor, _: &WebSocket, bytes: Vec<u8>) {
        self.inbox.push(Message::Binary(bytes));
    }

    fn drained(&self, _: &Reactor, _: &WebSocket) {
        self.hold(0);
        self.sent.set(0);
        if self.is_full.replace(false) {
            self.inbox.tell(SocketEvent::Drained);
        }
    }

    fn closed(&self, _: &Reactor, closed: Closed) {
        self.socket.borrow_mut().take();
        self.hold(0);
        self.inbox.gathers(0);
        let Closed { code, reason, clean, failure, response } = closed;
        // A connection that ends without a word is no fault of the protocol's.
        let is_fault = failure.as_ref().is_some_and(|failure| !self.is_open.get() || failure.kind != FailureKind::Closed);
        self.inbox.tell(match failure.filter(|_| is_fault) {
            Some(failure) => SocketEvent::Failed(failure.message, response),
            None => SocketEvent::Closed(code, reason, clean),
        });
    }
}
