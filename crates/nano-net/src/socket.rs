//! Bytes both ways: what `connect()` gives, and what WebSockets stand on. TLS from the start, later, or not at all.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;

use mio::Interest;
use nano_base::limits::{SOCKET_READ_BYTES, SOCKET_STEPS_PER_TURN};

use crate::connect::{Connect, Net, Permit, Target, secure};
use crate::failure::{Failure, FailureKind};
use crate::outbox::Outbox;
use crate::policy::{Host, Scheme};
use crate::reactor::{Key, Peer, Reactor, Ready};
use crate::share::Share;
use crate::stream::Stream;
use crate::tls::Carries;

/// Whoever talks over a socket. It is told on its thread; `closed` is the last it hears, and nothing is told after [`Socket::close`].
pub trait Talk {
    /// There is a connection, or TLS on it.
    fn opened(&self, reactor: &Reactor, socket: &Socket);
    /// How many bytes are wanted now. After a zero it is asked again by [`Socket::resume`].
    fn room(&self) -> usize;
    /// What the other side says, no more than there was room for.
    fn data(&self, reactor: &Reactor, socket: &Socket, bytes: Vec<u8>);
    /// All that was written is on its way.
    fn drained(&self, reactor: &Reactor, socket: &Socket);
    /// The other side will say nothing more; it may still listen.
    fn ended(&self, reactor: &Reactor, socket: &Socket);
    /// The connection is closed: both sides have ended, or something went wrong.
    fn closed(&self, reactor: &Reactor, why: Option<Failure>);
    /// What the thread has done since the last turn of anybody's was for this socket, which may have been told that it is closed.
    fn worked(&self, _: &Reactor) {}
}

/// A connection of one app's.
#[derive(Clone)]
pub struct Socket(Rc<Inner>);

struct Inner {
    net: Rc<Net>,
    target: Target,
    talk: Rc<dyn Talk>,
    key: Cell<Option<Key>>,
    step: RefCell<Step>,
    permit: Cell<Option<Permit>>,
    outbox: RefCell<Outbox>,
    can: Cell<Ready>,
    flags: Cell<Flags>,
    /// TLS is to begin when what was written before is on its way.
    tls: RefCell<Option<Host>>,
    /// What was written since then: it must not go out in the clear.
    secret: RefCell<Outbox>,
}

enum Step {
    Connecting(Rc<Connect>),
    Open(Stream),
    Securing(Key),
    Closed,
}

#[derive(Clone, Copy, Default)]
struct Flags {
    /// The other side has ended.
    ended: bool,
    /// This side wants to end, and has.
    ending: bool,
    shut: bool,
    /// Somebody waits to be told that all is on its way.
    drains: bool,
    /// This has its turn.
    driving: bool,
}

/// What there is to tell after a step.
enum Act {
    Drained,
    Data(Vec<u8>),
    Ended,
    Secure(Host),
    Close(Option<Failure>),
    Wait,
    /// Others have to have their turns first.
    Again,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Socket({}:{})", self.0.target.host, self.0.target.port)
    }
}

impl Socket {
    /// Connects to a target.
    pub fn connect(net: &Rc<Net>, reactor: &Reactor, target: Target, talk: Rc<dyn Talk>) -> Result<Self, Failure> {
        let inner = Rc::new(Inner {
            net: net.clone(),
            target: target.clone(),
            talk,
            key: Cell::new(None),
            step: Step::Closed.into(),
            permit: Cell::new(None),
            outbox: RefCell::default(),
            can: Cell::default(),
            flags: Cell::default(),
            tls: RefCell::default(),
            secret: RefCell::default(),
        });
        // From here on the reactor holds it, until it is closed.
        let key = reactor.insert(inner.clone()).map_err(|_| Failure::new(FailureKind::Limit, "there are too many connections"))?;
        inner.key.set(Some(key));
        let later = Rc::downgrade(&inner);
        let connect = Connect::start(net, reactor, target, move |reactor, result| {
            let Some(inner) = later.upgrade() else { return };
            match result {
                Ok((stream, permit)) => {
                    inner.permit.set(Some(permit));
                    inner.open(reactor, stream);
                }
                Err(failure) => inner.finish(reactor, Some(failure)),
            }
        });
        match connect {
            Ok(connect) => *inner.step.borrow_mut() = Step::Connecting(connect),
            Err(failure) => {
                reactor.remove(key);
                return Err(failure);
            }
        }
        Ok(Self(inner))
    }

    /// Sends bytes behind those that wait already; gives how many wait then. Whoever writes on while there are many holds them.
    pub fn write(&self, reactor: &Reactor, bytes: Vec<u8>) -> usize {
        let flags = self.0.flags.get();
        if !bytes.is_empty() && !flags.ending && !matches!(*self.0.step.borrow(), Step::Closed) {
            let secret = self.0.tls.borrow().is_some() || matches!(*self.0.step.borrow(), Step::Securing(_));
            let outbox = if secret { &self.0.secret } else { &self.0.outbox };
            outbox.borrow_mut().push(bytes);
            self.0.flags.set(Flags { drains: true, ..flags });
            self.0.later(reactor);
        }
        self.0.outbox.borrow().len() + self.0.secret.borrow().len()
    }

    /// The addresses of the other side and of this one, while there is a connection.
    pub fn addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        match &mut *self.0.step.borrow_mut() {
            Step::Open(stream) => Some((stream.socket().peer_addr().ok()?, stream.socket().local_addr().ok()?)),
            _ => None,
        }
    }

    /// There is room for what the other side says again.
    pub fn resume(&self, reactor: &Reactor) {
        self.0.later(reactor);
    }

    /// Puts TLS on a connection in the clear, as soon as it is made and what was written before is on its way. False if there is TLS already. What the other side
    /// has said before and nobody has read yet is taken for TLS: protocols agree on the moment.
    pub fn start_tls(&self, reactor: &Reactor, host: Option<Host>) -> bool {
        if self.0.target.scheme != Scheme::Tcp
            || self.0.tls.borrow().is_some()
            || !matches!(*self.0.step.borrow(), Step::Connecting(_) | Step::Open(Stream::Plain(_)))
        {
            return false;
        }
        *self.0.tls.borrow_mut() = Some(host.unwrap_or_else(|| self.0.target.host.clone()));
        self.0.later(reactor);
        true
    }

    /// Ends this side when all is on its way.
    pub fn end(&self, reactor: &Reactor) {
        self.0.flags.set(Flags { ending: true, ..self.0.flags.get() });
        self.0.later(reactor);
    }

    /// Closes it now, after one more attempt to send what waits. Nothing is told any more.
    pub fn flush_and_close(&self, reactor: &Reactor) {
        if let (Step::Open(stream), Ok(mut outbox)) = (&mut *self.0.step.borrow_mut(), self.0.outbox.try_borrow_mut()) {
            // Whoever does not listen does not hear it.
            let _ = outbox.drain(stream, &mut Share::all());
            let _ = stream.shutdown();
        }
        self.close(reactor);
    }

    /// Closes it now. Nothing is told any more.
    pub fn close(&self, reactor: &Reactor) {
        self.0.release(reactor);
    }
}

impl Inner {
    fn later(&self, reactor: &Reactor) {
        if let (Some(key), false) = (self.key.get(), self.flags.get().driving) {
            reactor.again(key, Ready::default());
        }
    }

    fn open(self: &Rc<Self>, reactor: &Reactor, mut stream: Stream) {
        let Some(key) = self.key.get() else { return };
        if let Err(error) = reactor.watch(key, stream.socket(), Interest::READABLE | Interest::WRITABLE) {
            return self.finish(reactor, Some(Failure::new(FailureKind::Connect, format!("the connection cannot be watched: {error}"))));
        }
        self.can.set(Ready { read: true, write: true });
        *self.step.borrow_mut() = Step::Open(stream);
        self.later(reactor);
        // What is still in the clear, and must not stay so, is not open yet.
        if self.tls.borrow().is_none() {
            self.talk.opened(reactor, &Socket(self.clone()));
        }
    }

    fn drive(self: &Rc<Self>, reactor: &Reactor) {
        if self.flags.get().driving {
            return;
        }
        self.flags.set(Flags { driving: true, ..self.flags.get() });
        let goes_on = self.steps(reactor);
        self.flags.set(Flags { driving: false, ..self.flags.get() });
        if goes_on {
            self.later(reactor);
        }
        self.talk.worked(reactor);
    }

    /// Whether there is more to do.
    fn steps(self: &Rc<Self>, reactor: &Reactor) -> bool {
        let socket = Socket(self.clone());
        let mut share = Share::of_turn();
        for _ in 0..SOCKET_STEPS_PER_TURN {
            let room = self.talk.room();
            let act = self.step(room, &mut share);
            match act {
                Act::Wait => return false,
                Act::Again => return true,
                Act::Drained => self.talk.drained(reactor, &socket),
                Act::Data(bytes) => self.talk.data(reactor, &socket, bytes),
                Act::Ended => self.talk.ended(reactor, &socket),
                Act::Secure(host) => self.secure(reactor, &host),
                Act::Close(why) => self.finish(reactor, why),
            }
        }
        true
    }

    fn step(&self, room: usize, share: &mut Share) -> Act {
        let (mut step, mut outbox) = (self.step.borrow_mut(), self.outbox.borrow_mut());
        let Step::Open(stream) = &mut *step else { return Act::Wait };
        let (mut can, mut flags) = (self.can.get(), self.flags.get());
        let broken = |error: std::io::Error| {
            let kind = if error.kind() == std::io::ErrorKind::InvalidData { FailureKind::Tls } else { FailureKind::Closed };
            Act::Close(Some(Failure::new(kind, format!("the connection broke: {error}"))))
        };
        if can.write && (!outbox.is_empty() || flags.drains) {
            match outbox.drain(stream, share) {
                Ok(done) => can.write = done,
                Err(error) => return broken(error),
            }
            self.can.set(can);
        }
        if outbox.is_empty() {
            if let Some(host) = self.tls.take() {
                return Act::Secure(host);
            }
            if std::mem::take(&mut flags.drains) {
                self.flags.set(flags);
                return Act::Drained;
            }
            if flags.ending && !flags.shut && can.write {
                match stream.shutdown() {
                    Ok(shut) => flags.shut = shut,
                    Err(error) => return broken(error),
                }
                can.write = flags.shut;
                self.can.set(can);
                self.flags.set(flags);
            }
        }
        if flags.ended && flags.shut {
            return Act::Close(None);
        }
        if flags.ended || !can.read || room == 0 || self.tls.borrow().is_some() {
            return if can.write && !outbox.is_empty() { Act::Again } else { Act::Wait };
        }
        if share.is_used() {
            return Act::Again;
        }
        let mut bytes = vec![0; room.min(SOCKET_READ_BYTES)];
        match stream.read(&mut bytes) {
            Ok(None) => Act::Again,
            Ok(Some(0)) => {
                self.flags.set(Flags { ended: true, ..flags });
                Act::Ended
            }
            Ok(Some(read)) => {
                share.spend(read);
                bytes.truncate(read);
                Act::Data(bytes)
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                self.can.set(Ready { read: false, ..can });
                Act::Wait
            }
            Err(error) => broken(error),
        }
    }

    fn secure(self: &Rc<Self>, reactor: &Reactor, host: &Host) {
        let Step::Open(Stream::Plain(mut socket)) = self.step.replace(Step::Closed) else { return };
        let later = Rc::downgrade(self);
        let begun = reactor.unwatch(&mut socket).map_err(|error| Failure::tls(host, &error)).and_then(|()| {
            secure(&self.net, reactor, self.target.app, host, Carries::Bytes, socket, move |reactor, result| {
                let Some(inner) = later.upgrade() else { return };
                match result {
                    Ok(tls) => {
                        inner.outbox.swap(&inner.secret);
                        inner.open(reactor, Stream::Tls(Box::new(tls)));
                    }
                    Err(failure) => inner.finish(reactor, Some(failure)),
                }
            })
        });
        match begun {
            Ok(key) => *self.step.borrow_mut() = Step::Securing(key),
            Err(failure) => self.finish(reactor, Some(failure)),
        }
    }

    fn finish(&self, reactor: &Reactor, why: Option<Failure>) {
        if self.release(reactor) {
            self.talk.closed(reactor, why);
        }
    }

    /// Closes it; whether it was not closed yet.
    fn release(&self, reactor: &Reactor) -> bool {
        match self.step.replace(Step::Closed) {
            Step::Connecting(connect) => connect.cancel(reactor),
            Step::Securing(key) => drop(reactor.remove(key)),
            Step::Open(_) | Step::Closed => {}
        }
        self.outbox.borrow_mut().clear();
        self.secret.borrow_mut().clear();
        self.permit.take();
        self.key.take().is_some_and(|key| reactor.remove(key).is_some())
    }
}

impl Peer for Inner {
    fn app(&self) -> u64 {
        self.target.app
    }

    fn ready(self: Rc<Self>, reactor: &Reactor, ready: Ready) {
        let can = self.can.get();
        self.can.set(Ready { read: can.read | ready.read, write: can.write | ready.write });
        self.drive(reactor);
    }

    fn due(self: Rc<Self>, _: &Reactor, _: u32) {}
}
