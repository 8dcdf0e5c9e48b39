//! The sockets of one thread: who is told when one of them is ready, or when time is up.
//!
//! A [`Peer`] is whatever waits for sockets: a connection, a listener, an attempt to connect. It is told on its thread only, and owns
//! its socket; the reactor knows it by a [`Key`], which is also its mio token. Keys are never used twice, so an event that comes late
//! reaches nobody.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::rc::Rc;

use mio::event::{Event, Source};
use mio::{Interest, Registry, Token};
use nano_base::clock::Clock;
use nano_base::slots::Slots;
use nano_base::wheel::{TimerKey, TimerWheel};

/// Something that waits for sockets. What it does when told must be quick: others wait on the same thread.
pub trait Peer {
    /// Its socket may be read or written. Readiness is told once: a peer reads or writes until it would block, or asks to be told
    /// again by [`Reactor::again`] when it has had its share.
    fn ready(self: Rc<Self>, reactor: &Reactor, ready: Ready);

    /// A timer of its own is due; `tag` is what it gave to [`Reactor::after`].
    fn due(self: Rc<Self>, reactor: &Reactor, tag: u32);
}

/// Names a peer; it never comes to name another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(u64);

/// What a socket may be ready for. An error or the other side's end shows when it is read or written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// There is something to read, or an end, or an error.
    pub read: bool,
    /// There is room to write, a connection has been made or has failed, or there is an error.
    pub write: bool,
}

impl Ready {
    /// To be told again to read.
    pub const READ: Self = Self { read: true, write: false };
    /// To be told again to write.
    pub const WRITE: Self = Self { read: false, write: true };

    fn of(event: &Event) -> Self {
        Self {
            read: event.is_readable() || event.is_read_closed() || event.is_error(),
            write: event.is_writable() || event.is_write_closed() || event.is_error(),
        }
    }
}

/// The sockets and their timers of one thread.
pub struct Reactor {
    registry: Registry,
    clock: Clock,
    peers: RefCell<Slots<Rc<dyn Peer>>>,
    /// Those that have had their share and go on when others have had theirs.
    again: RefCell<VecDeque<(Key, Ready)>>,
    wheel: RefCell<TimerWheel<(Key, u32)>>,
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reactor({} peers)", self.len())
    }
}

impl Reactor {
    /// Keys up to here are free for whoever owns the poll: its own tokens.
    pub const TOKENS_RESERVED: usize = 1 << 32;

    /// A reactor on somebody's poll, for at most `peers_max` peers.
    pub fn new(registry: &Registry, clock: Clock, peers_max: usize) -> io::Result<Self> {
        let wheel = TimerWheel::new(clock.now_ms()).into();
        let registry = registry.try_clone()?;
        Ok(Self { registry, clock, peers: Slots::new(peers_max).into(), again: RefCell::default(), wheel })
    }

    /// Takes a peer in, or gives it back when there are too many. It stays until it is removed.
    pub fn insert(&self, peer: Rc<dyn Peer>) -> Result<Key, Rc<dyn Peer>> {
        self.peers.borrow_mut().insert(peer).map(Key)
    }

    /// Lets a peer go: it is told nothing any more. Its socket stops being watched when it is closed.
    pub fn remove(&self, key: Key) -> Option<Rc<dyn Peer>> {
        self.peers.borrow_mut().remove(key.0)
    }

    /// How many peers there are.
    pub fn len(&self) -> usize {
        self.peers.borrow().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells a peer of its socket from now on.
    pub fn watch(&self, key: Key, socket: &mut impl Source, interest: Interest) -> io::Result<()> {
        self.registry.register(socket, Token(key.0 as usize), interest)
    }

    /// Tells a peer no more of a socket that it keeps open.
    pub fn unwatch(&self, socket: &mut impl Source) -> io::Result<()> {
        self.registry.deregister(socket)
    }

    /// Tells a peer again what it was told, when others have had their turns.
    pub fn again(&self, key: Key, ready: Ready) {
        self.again.borrow_mut().push_back((key, ready));
    }

    /// Tells a peer when so much time has passed.
    pub fn after(&self, key: Key, delay_ms: u64, tag: u32) -> TimerKey {
        let deadline_ms = self.clock.now_ms().saturating_add(delay_ms);
        self.wheel.borrow_mut().insert(deadline_ms, (key, tag))
    }

    /// Takes a timer back; nothing happens if it has gone off.
    pub fn cancel(&self, timer: TimerKey) {
        self.wheel.borrow_mut().cancel(timer);
    }

    /// The clock that its timers follow.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// When the next timer is due, for whoever sleeps on the poll; `Some(0)` while a peer waits to go on.
    pub fn next_deadline(&self) -> Option<u64> {
        if !self.again.borrow().is_empty() {
            return Some(0);
        }
        self.wheel.borrow().next_deadline()
    }

    /// Tells a peer of an event of the poll. False if the event is somebody else's: its token is a reserved one.
    pub fn tell(&self, event: &Event) -> bool {
        let token = event.token().0;
        if token < Self::TOKENS_RESERVED {
            return false;
        }
        self.wake(Key(token as u64), Ready::of(event));
        true
    }

    /// Lets those go on that asked for it, each once, and tells whose timers are due; whether there was anybody.
    pub fn turn(&self) -> bool {
        let waiting = self.again.borrow().len();
        for _ in 0..waiting {
            let next = self.again.borrow_mut().pop_front();
            if let Some((key, ready)) = next {
                self.wake(key, ready);
            }
        }
        let now_ms = self.clock.now_ms();
        let mut any = waiting > 0;
        loop {
            let due = self.wheel.borrow_mut().pop_due(now_ms);
            let Some((_, (key, tag))) = due else { return any };
            any = true;
            let peer = self.peers.borrow().get(key.0).cloned();
            if let Some(peer) = peer {
                peer.due(self, tag);
            }
        }
    }

    /// Lets all peers go: their thread ends.
    pub fn close(&self) {
        let peers = std::mem::replace(&mut *self.peers.borrow_mut(), Slots::new(0));
        drop(peers);
    }

    fn wake(&self, key: Key, ready: Ready) {
        let peer = self.peers.borrow().get(key.0).cloned();
        if let Some(peer) = peer {
            peer.ready(self, ready);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::{Read, Write};
    use std::time::Duration;

    use mio::net::UnixStream;
    use mio::{Events, Poll};

    use super::*;

    /// Counts what it reads, one byte a turn.
    struct Sink {
        key: Cell<Option<Key>>,
        socket: RefCell<UnixStream>,
        read: Cell<usize>,
        turns: Cell<usize>,
        dues: RefCell<Vec<u32>>,
    }

    impl Peer for Sink {
        fn ready(self: Rc<Self>, reactor: &Reactor, ready: Ready) {
            assert!(ready.read);
            self.turns.set(self.turns.get() + 1);
            let mut byte = [0];
            if matches!(self.socket.borrow_mut().read(&mut byte), Ok(1)) {
                self.read.set(self.read.get() + 1);
                reactor.again(self.key.get().unwrap(), Ready::READ);
            }
        }

        fn due(self: Rc<Self>, _: &Reactor, tag: u32) {
            self.dues.borrow_mut().push(tag);
        }
    }

    fn sink(reactor: &Reactor) -> (Rc<Sink>, UnixStream) {
        let (here, there) = UnixStream::pair().unwrap();
        let sink = Rc::new(Sink {
            key: Cell::default(),
            socket: here.into(),
            read: Cell::default(),
            turns: Cell::default(),
            dues: RefCell::default(),
        });
        let Ok(key) = reactor.insert(sink.clone()) else { panic!("there is room") };
        sink.key.set(Some(key));
        reactor.watch(key, &mut *sink.socket.borrow_mut(), Interest::READABLE).unwrap();
        (sink, there)
    }

    #[test]
    fn a_peer_that_asks_for_it_goes_on_after_the_others() {
        let mut poll = Poll::new().unwrap();
        let reactor = Reactor::new(poll.registry(), Clock::manual(), 10).unwrap();
        let (one, mut to_one) = sink(&reactor);
        let (two, mut to_two) = sink(&reactor);
        to_one.write_all(b"abc").unwrap();
        to_two.write_all(b"a").unwrap();
        let mut events = Events::with_capacity(8);
        poll.poll(&mut events, Some(Duration::from_secs(10))).unwrap();
        for event in &events {
            assert!(reactor.tell(event));
        }
        assert_eq!((one.read.get(), two.read.get()), (1, 1));
        assert_eq!(reactor.next_deadline(), Some(0));
        while reactor.turn() {}
        assert_eq!((one.read.get(), one.turns.get(), two.turns.get()), (3, 4, 2));
        assert_eq!(reactor.next_deadline(), None);
    }

    #[test]
    fn timers_follow_the_clock_and_end_with_their_peer() {
        let poll = Poll::new().unwrap();
        let clock = Clock::manual();
        let reactor = Reactor::new(poll.registry(), clock.clone(), 10).unwrap();
        let (sink, _other) = sink(&reactor);
        let key = sink.key.get().unwrap();
        reactor.after(key, 20, 2);
        reactor.after(key, 10, 1);
        let gone = reactor.after(key, 15, 9);
        reactor.cancel(gone);
        clock.advance_ms(20);
        assert!(reactor.turn());
        assert_eq!(*sink.dues.borrow(), [1, 2]);
        reactor.after(key, 10, 3);
        reactor.remove(key);
        clock.advance_ms(10);
        reactor.turn();
        assert_eq!(sink.dues.borrow().len(), 2);
    }

    #[test]
    fn a_full_reactor_gives_the_peer_back() {
        let poll = Poll::new().unwrap();
        let reactor = Reactor::new(poll.registry(), Clock::manual(), 1).unwrap();
        let (first, _other) = sink(&reactor);
        assert!(reactor.insert(first.clone()).is_err());
        reactor.close();
        assert_eq!(Rc::strong_count(&first), 1);
    }
}
