//! An instance's sockets: WebSockets that it has opened or answered with, and connections of bytes.
//!
//! One that a request has opened ends with it and what it left running, as its calls do; one that the app's start has opened, or that
//! a request was answered with, lives as long as the instance. Each message of a WebSocket is an event of its own, with a budget of its own.

mod bytes;
mod client;
mod inbox;
mod served;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nano_base::http::ResponseHead;
use nano_base::status::{Error, Status};
use nano_engine::{Dialing, Message, Opening, Refusal, Sockets};
use nano_http::ws::{self, Role};
use nano_net::policy::Host;

use super::{Active, Link, LinkHost};
use crate::request::Spent;
use bytes::Bytes;
use client::Client;
use served::Served;

/// Why a WebSocket ends whose other side does not keep up.
const TOO_MUCH: &str = "more waits to be sent than there is room for: look at bufferedAmount (limit external_bytes)";

/// What all of them have. The link is that of the instance, which they must not keep alive.
pub(super) trait Wire {
    /// Sends a message; whether there was room for it.
    fn send(&self, link: &Link, message: Message) -> bool;
    /// Says the last word of this side.
    fn close(&self, link: &Link, said: Option<(u16, String)>);
    /// Bytes that wait to be sent.
    fn buffered(&self) -> usize;
    /// Whether more waits than should; the app is told when there is room again.
    fn is_full(&self) -> bool;
    /// Whether messages are wanted.
    fn read(&self, link: &Link, wanted: bool);
    /// The app has had a message.
    fn taken(&self, link: &Link);
    /// It ends now, and both sides hear of it.
    fn hang_up(&self, link: &Link, code: u16, reason: &str);
    /// The instance ends: only the other side hears of it.
    fn end(&self, link: &Link, error: &Error);
    /// TLS from here on.
    fn start_tls(&self, _: &Link, _: Option<Host>) -> bool {
        false
    }
    /// If it is a WebSocket that a request was answered with.
    fn served(&self) -> Option<&Served> {
        None
    }
    /// If it is a connection of bytes.
    fn bytes(&self) -> Option<&Bytes> {
        None
    }
    /// Whether the app, which has heard of its end, has no more to read of it.
    fn is_done(&self) -> bool {
        true
    }
}

/// What the other side of a WebSocket is told when the instance ends.
pub(crate) fn last_word(error: &Error) -> (u16, &'static str) {
    let code = if matches!(error.status, Status::Draining | Status::Shutdown) { 1001 } else { 1011 };
    (code, error.status.name().trim_start_matches("NANO_E_"))
}

/// The frame that says it, where nobody is there any more who could.
pub(crate) fn last_frame(error: &Error) -> Vec<u8> {
    let mut out = Vec::new();
    // A code that may be sent and a short reason: it is written. A server's frames have no mask.
    let _ = ws::Socket::new(Role::Server, ws::Limits::default(), None).close(&mut out, Some(last_word(error)), [0; 4]);
    out
}

impl Link {
    /// Makes a socket known, within the limits of the instance and of the event that asks for it.
    fn add_socket<W: Wire + 'static>(&self, make: impl FnOnce() -> Result<(u32, Rc<W>), Refusal>, is_call: bool) -> Result<u32, Refusal> {
        let limits = &self.version.limits;
        if self.sockets.get() >= limits.sockets {
            return Err(Refusal(format!("{} sockets are open already (limit sockets)", limits.sockets)));
        }
        let current = self.current.borrow().clone();
        if let Some(spent) = current.as_ref().filter(|_| is_call)
            && spent.subrequests.fetch_add(1, Ordering::Relaxed) >= limits.subrequests
        {
            return Err(Refusal(format!("the request has made {} calls (limit subrequests)", limits.subrequests)));
        }
        let (local, wire) = make()?;
        self.sockets.set(self.sockets.get() + 1);
        self.active.borrow_mut().insert(local, Active::Socket(wire, current));
        Ok(local)
    }

    /// A socket, by its number.
    pub(super) fn socket(&self, id: u32) -> Option<Rc<dyn Wire>> {
        match self.active.borrow().get(&id)? {
            Active::Socket(wire, _) => Some(wire.clone()),
            _ => None,
        }
    }

    /// The socket that a request was answered with.
    fn socket_of(&self, request: u32) -> Option<Rc<dyn Wire>> {
        let socket = self.work(request)?.socket.load(Ordering::Acquire);
        if socket == 0 { None } else { self.socket(socket) }
    }

    /// The connection of a request that was answered with a socket has bytes; false if it was not.
    pub(in crate::shard) fn socket_readable(self: &Rc<Self>, request: u32) -> bool {
        let Some(wire) = self.socket_of(request) else { return false };
        if let Some(served) = wire.served() {
            self.desk.pass();
            served.work(self);
            self.desk.bill(&self.app, None);
        }
        true
    }

    /// The same, when it has room.
    pub(in crate::shard) fn socket_writable(&self, request: u32) -> bool {
        let Some(wire) = self.socket_of(request) else { return false };
        if let Some(served) = wire.served() {
            served.writable();
        }
        true
    }

    /// The same, when the client has gone.
    pub(in crate::shard) fn socket_gone(&self, request: u32) {
        if let Some(wire) = self.socket_of(request)
            && let Some(served) = wire.served()
        {
            served.gone(self);
        }
    }

    /// The other side has had its time to close.
    pub(in crate::shard) fn socket_due(&self, id: u32) {
        if let Some(wire) = self.socket(id)
            && let Some(served) = wire.served()
        {
            served.due(self);
        }
    }

    /// The app has had a message.
    pub(super) fn socket_taken(&self, id: u32) {
        if let Some(wire) = self.socket(id) {
            wire.taken(self);
        }
    }

    /// The app has heard the end of a socket, or read all of it: when both are so it is forgotten.
    pub(super) fn forget_socket(&self, id: u32) {
        let is_done = self.socket(id).is_some_and(|wire| wire.is_done());
        if is_done && self.active.borrow_mut().remove(&id).is_some() {
            self.sockets.set(self.sockets.get() - 1);
        }
    }

    /// Who pays for what happens to a socket. A message of a WebSocket is an event of its own.
    pub(super) fn spent_of_socket(&self, id: u32) -> Option<Arc<Spent>> {
        let active = self.active.borrow();
        let Active::Socket(wire, owner) = active.get(&id)? else { return None };
        if wire.bytes().is_some() {
            return owner.clone();
        }
        let (depth, request) = owner.as_ref().map_or((0, 0), |owner| (owner.depth, owner.request.load(Ordering::Relaxed)));
        let mut spent = Spent::default();
        spent.depth = depth;
        spent.request = AtomicU64::new(request);
        Some(Arc::new(spent))
    }

    /// Ends the sockets that nobody waits for any more: of requests that are over, with what they left running.
    pub(super) fn release_sockets(&self) {
        if self.sockets.get() == 0 || self.waits.get() > 0 {
            return;
        }
        let orphans: Vec<Rc<dyn Wire>> = {
            let active = self.active.borrow();
            let lives = |request: u64| {
                let is_it = |it: &Active| matches!(it, Active::Work(work, _) if work.id.load(Ordering::Relaxed) == request);
                request == 0 || active.values().any(is_it)
            };
            let is_orphan = |it: &Active| match it {
                Active::Socket(wire, Some(owner)) if wire.served().is_none() && !lives(owner.request.load(Ordering::Relaxed)) => {
                    Some(wire.clone())
                }
                _ => None,
            };
            active.values().filter_map(is_orphan).collect()
        };
        for wire in orphans {
            wire.hang_up(self, 1001, "the request that opened it has ended");
            if let Some(bytes) = wire.bytes() {
                bytes.cancel(self);
            }
        }
    }

    /// Whether sockets alone keep the instance alive.
    pub(in crate::shard) fn is_idle_but_for_sockets(&self) -> bool {
        let is_socket = |it: &Active| match it {
            Active::Socket(..) => true,
            Active::Work(work, _) => work.socket.load(Ordering::Relaxed) != 0,
            _ => false,
        };
        let rests = (self.waits.get() <= 0 && self.active.borrow().values().all(is_socket)) || self.is_left_alone();
        rests && self.pending.borrow().is_empty()
    }

    /// Ends sockets, so that both sides hear of it: all of them, or those that requests were answered with.
    pub(in crate::shard) fn hang_up(&self, code: u16, reason: &str, all: bool) {
        let wires: Vec<Rc<dyn Wire>> = {
            let active = self.active.borrow();
            let wires = active.values().filter_map(|it| if let Active::Socket(wire, _) = it { Some(wire.clone()) } else { None });
            wires.filter(|wire| all || wire.served().is_some()).collect()
        };
        for wire in wires {
            wire.hang_up(self, code, reason);
        }
    }
}

impl Sockets for LinkHost {
    fn open(&self, opening: Opening) -> Result<u32, Refusal> {
        self.0.add_socket(|| Client::open(&self.0, opening), true)
    }

    fn accept(&self, request: u32, head: ResponseHead) -> Result<u32, Refusal> {
        self.0.add_socket(|| Served::accept(&self.0, request, &head), false)
    }

    fn send(&self, id: u32, message: Message) -> bool {
        self.0.socket(id).is_some_and(|wire| wire.send(&self.0, message))
    }

    fn close(&self, id: u32, said: Option<(u16, String)>) {
        if let Some(wire) = self.0.socket(id) {
            wire.close(&self.0, said);
        }
    }

    fn buffered(&self, id: u32) -> usize {
        self.0.socket(id).map_or(0, |wire| wire.buffered())
    }

    fn is_full(&self, id: u32) -> bool {
        self.0.socket(id).is_some_and(|wire| wire.is_full())
    }

    fn read(&self, id: u32, wanted: bool) {
        if let Some(wire) = self.0.socket(id) {
            wire.read(&self.0, wanted);
        }
    }

    fn connect(&self, dialing: Dialing) -> Result<u32, Refusal> {
        self.0.add_socket(|| Bytes::connect(&self.0, &dialing), true)
    }

    fn start_tls(&self, id: u32, host: Option<String>) -> bool {
        let name = match host.as_deref().map(Host::parse) {
            Some(None) => return false,
            name => name.flatten(),
        };
        self.0.socket(id).is_some_and(|wire| wire.start_tls(&self.0, name))
    }
}
