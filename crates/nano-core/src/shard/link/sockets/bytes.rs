//! A connection of bytes that an app has made, between its streams and the network.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use nano_base::http::ResponseHead;
use nano_base::limits::BODY_WINDOW_BYTES;
use nano_base::status::Error;
use nano_engine::{Delivery, Dialing, Message, Pull, Refusal, SocketEvent};
use nano_net::connect::Target;
use nano_net::failure::Failure;
use nano_net::policy::{Host, Scheme};
use nano_net::reactor::Reactor;
use nano_net::socket::{Socket, Talk};

use super::Wire;
use crate::pipe::{Held, Pipe};
use crate::request::Body;
use crate::shard::link::Link;
use crate::shard::link::expense::Credit;

/// One of them.
pub(in crate::shard::link) struct Bytes {
    link: Weak<Link>,
    local: u32,
    socket: RefCell<Option<Socket>>,
    allows_half_open: bool,
    /// What has come.
    body: RefCell<Pipe>,
    /// What waits to be sent.
    held: RefCell<Held>,
    credit: Credit,
    /// The app was told that there is no room.
    is_full: Cell<bool>,
    /// The app writes no more.
    is_ended: Cell<bool>,
    /// The app wants it closed when all is sent.
    closes: Cell<bool>,
    /// The app has heard its last word of it.
    is_told: Cell<bool>,
}

impl Bytes {
    /// Sets out to connect.
    pub(super) fn connect(link: &Rc<Link>, dialing: &Dialing) -> Result<(u32, Rc<Self>), Refusal> {
        let Some(policy) = &link.version.egress else { return Err(Refusal("this app has no network".into())) };
        let host = Host::parse(&dialing.host).ok_or_else(|| Refusal(format!("\"{}\" is no name and no address", dialing.host)))?;
        let scheme = if dialing.is_secure { Scheme::Tls } else { Scheme::Tcp };
        let target = Target { app: link.app.key, policy: policy.clone(), scheme, host, port: dialing.port };
        let local = link.number();
        let bytes = Rc::new(Self {
            link: Rc::downgrade(link),
            local,
            socket: RefCell::default(),
            allows_half_open: dialing.allows_half_open,
            body: Pipe::new(Body::Stream, &link.app).into(),
            held: Held::of(&link.app, 0).into(),
            credit: Credit::default(),
            is_full: Cell::new(false),
            is_ended: Cell::new(false),
            closes: Cell::new(false),
            is_told: Cell::new(false),
        });
        let desk = &link.desk;
        let made = desk.outside.connect(desk, &link.app, target, bytes.clone());
        *bytes.socket.borrow_mut() = Some(made.map_err(|failure| Refusal(failure.message))?);
        Ok((local, bytes))
    }

    fn with<T>(&self, link: &Link, act: impl FnOnce(&Socket, &Reactor) -> T) -> Option<T> {
        let socket = self.socket.borrow().clone();
        Some(act(&socket?, link.desk.outside.reactor()?))
    }

    fn deliver(&self, delivery: Delivery) {
        if let Some(link) = self.link.upgrade() {
            link.deliver(delivery);
        }
    }

    /// The last word, once.
    fn tell_end(&self, event: SocketEvent) {
        if !self.is_told.replace(true) {
            self.deliver(Delivery::Socket(self.local, event));
        }
    }

    /// Nobody writes any more, and whoever waits for room finds that out.
    fn stop(&self) {
        self.is_ended.set(true);
        let waiting = self.held.borrow().bytes();
        self.held.borrow_mut().take(waiting);
        if self.is_full.replace(false) {
            self.deliver(Delivery::WriteReady(self.local));
        }
    }

    /// The next piece of what has come.
    pub(in crate::shard::link) fn pull(&self, link: &Link) -> Pull {
        let (pull, tell) = self.body.borrow_mut().pull();
        if tell {
            self.with(link, Socket::resume);
        }
        if matches!(pull, Pull::End | Pull::Broken(_)) {
            self.body.borrow_mut().cancel();
            link.forget_socket(self.local);
        }
        pull
    }

    /// Nobody reads what comes.
    pub(in crate::shard::link) fn cancel(&self, link: &Link) {
        if self.body.borrow_mut().cancel() {
            self.with(link, Socket::resume);
        }
        link.forget_socket(self.local);
    }

    /// Bytes to be sent; the room that is left, or none when nobody takes them.
    pub(in crate::shard::link) fn write(&self, link: &Link, bytes: Vec<u8>) -> Option<i64> {
        if self.is_ended.get() {
            return None;
        }
        self.credit.moved(bytes.len());
        let waiting = self.with(link, |socket, reactor| socket.write(reactor, bytes))?;
        let before = self.held.borrow().bytes();
        self.held.borrow_mut().add(waiting.saturating_sub(before));
        let room = BODY_WINDOW_BYTES as i64 - waiting as i64;
        self.is_full.set(room <= 0);
        Some(room)
    }

    /// The app has written all.
    pub(in crate::shard::link) fn end_writing(&self, link: &Link) {
        self.is_ended.set(true);
        self.with(link, Socket::end);
    }
}

/// The app's side.
impl Wire for Bytes {
    fn send(&self, _: &Link, _: Message) -> bool {
        false
    }

    fn close(&self, link: &Link, _: Option<(u16, String)>) {
        let is_idle = self.held.borrow().bytes() == 0;
        self.closes.set(true);
        self.is_ended.set(true);
        if self.body.borrow_mut().cancel() {
            self.with(link, Socket::resume);
        }
        if is_idle {
            self.hang_up(link, 1000, "");
        } else {
            self.with(link, Socket::end);
        }
    }

    fn buffered(&self) -> usize {
        self.held.borrow().bytes()
    }

    fn is_full(&self) -> bool {
        self.is_full.get()
    }

    fn read(&self, _: &Link, _: bool) {}

    fn taken(&self, _: &Link) {}

    fn hang_up(&self, link: &Link, code: u16, reason: &str) {
        self.with(link, Socket::flush_and_close);
        self.socket.borrow_mut().take();
        if self.body.borrow_mut().break_off(if reason.is_empty() { "the socket was closed" } else { reason }) {
            self.deliver(Delivery::BodyReady(self.local));
        }
        self.stop();
        self.tell_end(if code == 1000 { SocketEvent::Closed(code, String::new(), true) } else { SocketEvent::Failed(reason.into(), None) });
    }

    fn end(&self, link: &Link, _: &Error) {
        self.is_told.set(true);
        self.with(link, Socket::flush_and_close);
        self.socket.borrow_mut().take();
    }

    fn start_tls(&self, link: &Link, host: Option<Host>) -> bool {
        if !self.with(link, |socket, reactor| socket.start_tls(reactor, host)).unwrap_or(false) {
            return false;
        }
        if self.body.borrow().buffered() > 0 {
            // Anybody on the way can have said it, and the app would take it for said in secret.
            *self.body.borrow_mut() = Pipe::new(Body::Stream, &link.app);
            self.hang_up(link, 1006, "something came in the clear, behind what was read, before TLS began");
        }
        true
    }

    fn bytes(&self) -> Option<&Bytes> {
        Some(self)
    }

    fn is_done(&self) -> bool {
        let body = self.body.borrow();
        self.is_told.get() && (!body.is_open() && body.buffered() == 0 || body.is_canceled())
    }
}

/// The network's side.
impl Talk for Bytes {
    fn opened(&self, _: &Reactor, socket: &Socket) {
        let addresses = socket.addresses().map(|(there, here)| format!("{there}\n{here}")).unwrap_or_default();
        self.deliver(Delivery::Socket(self.local, SocketEvent::Opened(ResponseHead::default(), addresses)));
    }

    fn room(&self) -> usize {
        // Nobody reads on: what comes is dropped.
        self.body.borrow_mut().room_to_write().min(BODY_WINDOW_BYTES)
    }

    fn data(&self, _: &Reactor, _: &Socket, bytes: Vec<u8>) {
        self.credit.moved(bytes.len());
        let (_, tell) = self.body.borrow_mut().push(bytes);
        if tell {
            self.deliver(Delivery::BodyReady(self.local));
        }
    }

    fn drained(&self, reactor: &Reactor, socket: &Socket) {
        let waiting = self.held.borrow().bytes();
        self.held.borrow_mut().take(waiting);
        if self.is_full.replace(false) {
            self.deliver(Delivery::WriteReady(self.local));
        }
        if self.closes.get() {
            socket.flush_and_close(reactor);
            self.closed(reactor, None);
        }
    }

    fn ended(&self, reactor: &Reactor, socket: &Socket) {
        if self.body.borrow_mut().end() {
            self.deliver(Delivery::BodyReady(self.local));
        }
        if !self.allows_half_open {
            self.is_ended.set(true);
            socket.end(reactor);
        }
    }

    fn closed(&self, _: &Reactor, why: Option<Failure>) {
        self.socket.borrow_mut().take();
        let tell = match &why {
            Some(failure) => self.body.borrow_mut().break_off(&failure.message),
            None => self.body.borrow_mut().end(),
        };
        if tell {
            self.deliver(Delivery::BodyReady(self.local));
        }
        self.stop();
        self.tell_end(match why {
            Some(failure) => SocketEvent::Failed(failure.message, None),
            None => SocketEvent::Closed(1000, String::new(), true),
        });
    }

    fn worked(&self, _: &Reactor) {
        if let Some(link) = self.link.upgrade() {
            link.bill_outside(self.local, &self.credit);
        }
    }
}
