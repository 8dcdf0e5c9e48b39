//! The sockets of one thread: who is told when one of them is ready, or when time is up.
//!
//! A [`Peer`] is whatever waits for sockets: a connection, a listener, an attempt to connect. It is told on its thread only, and owns
//! its socket; the reactor knows it by a [`Key`], which is also its mio token. Keys are never used twice, so an event that comes late
//! reaches nobody.
//!
//! Whoever is to be told waits in the lane of its app, so that no app's sockets come before another's; each turn is at its app's expense,
//! and the thread sees to other things when they have taken their time.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::rc::Rc;

use mio::event::{Event, Source};
use mio::{Interest, Registry, Token};
use nano_base::clock::Clock;
use nano_base::lanes::Lanes;
use nano_base::slots::Slots;
use nano_base::wheel::{TimerKey, TimerWheel};

/// Something that waits for sockets. What it does when told must be quick: others wait on the same thread.
pub trait Peer {
    /// At whose expense it is; zero if it is nobody's.
    fn app(&self) -> u64;

    /// Its socket may be read or written. Readiness is told once: a peer reads or writes until it would block, or asks to be told
    /// again by [`Reactor::again`] when it has had its share. What it is told comes together; nothing, if it only asked for another turn.
    fn ready(self: Rc<Self>, reactor: &Reactor, ready: Ready);

    /// A timer of its own is due; `tag` is what it gave to [`Reactor::after`].
    fn due(self: Rc<Self>, reactor: &Reactor, tag: u32);
}

/// Keeps account of what peers use of their thread.
pub trait Books {
    /// What follows is at an app's expense.
    fn open(&self, app: u64);
    /// It is over: whether there is time for more before the thread has to see to other things.
    fn close(&self, app: u64) -> bool;
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
    waiting: RefCell<Waiting>,
    wheel: RefCell<TimerWheel<(Key, u32)>>,
    books: OnceCell<Box<dyn Books>>,
}

/// Those that are to be told, each once.
struct Waiting {
    lanes: Lanes<u64, Key>,
    ready: HashMap<u64, Ready>,
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
        // As many as there are peers: each is in it once.
        let waiting = Waiting { lanes: Lanes::new(usize::MAX, usize::MAX), ready: HashMap::new() }.into();
        Ok(Self { registry, clock, peers: Slots::new(peers_max).into(), waiting, wheel, books: OnceCell::new() })
    }

    /// Who keeps its accounts from now on. There are no others after the first.
    pub fn keep_books(&self, books: Box<dyn Books>) {
        let _ = self.books.set(books);
    }

    /// Takes a peer in, or gives it back when there are too many. It stays until it is removed.
    pub fn insert(&self, peer: Rc<dyn Peer>) -> Result<Key, Rc<dyn Peer>> {
        self.peers.borrow_mut().insert(peer).map(Key)
    }

    /// Lets a peer go: it is told nothing any more. Its socket stops being watched when it is closed.
    pub fn remove(&self, key: Key) -> Option<Rc<dyn Peer>> {
        self.waiting.borrow_mut().ready.remove(&key.0);
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

    /// Tells a peer something, by [`Reactor::turn`], when those before it have had their turns; at once all that it is told until then.
    pub fn again(&self, key: Key, ready: Ready) {
        let Some(app) = self.peers.borrow().get(key.0).map(|peer| peer.app()) else { return };
        let Waiting { lanes, ready: all } = &mut *self.waiting.borrow_mut();
        match all.get_mut(&key.0) {
            Some(told) => (told.read, told.write) = (told.read | ready.read, told.write | ready.write),
            None => {
                all.insert(key.0, ready);
                let pushed = lanes.push(app, key);
                debug_assert!(pushed.is_ok(), "there is no bound");
            }
        }
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
        if self.is_waited_for() {
            return Some(0);
        }
        self.wheel.borrow().next_deadline()
    }

    /// Whether a peer waits to be told something.
    pub fn is_waited_for(&self) -> bool {
        !self.waiting.borrow().ready.is_empty()
    }

    /// Whether there is something to do now.
    pub fn is_due(&self) -> bool {
        self.is_waited_for() || self.wheel.borrow().next_deadline().is_some_and(|deadline_ms| deadline_ms <= self.clock.now_ms())
    }

    /// Has a peer told of an event of the poll. False if the event is somebody else's: its token is a reserved one.
    pub fn tell(&self, event: &Event) -> bool {
        let token = event.token().0;
        if token < Self::TOKENS_RESERVED {
            return false;
        }
        self.again(Key(token as u64), Ready::of(event));
        true
    }

    /// Tells those whose timers are due, and those that wait, each once, an app in turn with the others, as long as there is time; whether there
    /// was anybody. However little time there is, one of each is told: what some are told without an end keeps no others from their time.
    pub fn turn(&self) -> bool {
        self.tell_due() | self.tell_waiting()
    }

    fn tell_due(&self) -> bool {
        let now_ms = self.clock.now_ms();
        let mut any = false;
        loop {
            let due = self.wheel.borrow_mut().pop_due(now_ms);
            let Some((_, (key, tag))) = due else { return any };
            any = true;
            let peer = self.peers.borrow().get(key.0).cloned();
            if let Some(peer) = peer
                && !self.at_expense_of(peer.app(), || peer.due(self, tag))
            {
                return true;
            }
        }
    }

    fn tell_waiting(&self) -> bool {
        let mut any = false;
        // Who asks to be told again has to wait until the others have seen to their things.
        let waiting = self.waiting.borrow().lanes.len();
        for _ in 0..waiting {
            let next = {
                let Waiting { lanes, ready } = &mut *self.waiting.borrow_mut();
                lanes.pop().map(|(app, key)| (app, key, ready.remove(&key.0)))
            };
            let Some((app, key, ready)) = next else { break };
            // One that has gone has left its place in the lane.
            let Some(ready) = ready else { continue };
            any = true;
            let peer = self.peers.borrow().get(key.0).cloned();
            if let Some(peer) = peer
                && !self.at_expense_of(app, || peer.ready(self, ready))
            {
                return true;
            }
        }
        any
    }

    /// Does something at an app's expense; whether there is time for more.
    pub fn at_expense_of(&self, app: u64, act: impl FnOnce()) -> bool {
        let books = self.books.get();
        if let Some(books) = books {
            books.open(app);
        }
        act();
        books.is_none_or(|books| books.close(app))
    }

    /// Lets all peers go: their thread ends.
    pub fn close(&self) {
        let peers = std::mem::replace(&mut *self.peers.borrow_mut(), Slots::new(0));
        drop(peers);
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
        app: u64,
        key: Cell<Option<Key>>,
        socket: RefCell<UnixStream>,
        read: Cell<usize>,
        turns: Cell<usize>,
        dues: RefCell<Vec<u32>>,
    }

    impl Peer for Sink {
        fn app(&self) -> u64 {
            self.app
        }

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
        sink_of(reactor, 1)
    }

    fn sink_of(reactor: &Reactor, app: u64) -> (Rc<Sink>, UnixStream) {
        let (here, there) = UnixStream::pair().unwrap();
        let sink = Rc::new(Sink {
            app,
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
        assert!(reactor.turn());
        assert_eq!((one.read.get(), two.read.get()), (1, 1));
        assert_eq!(reactor.next_deadline(), Some(0));
        while reactor.turn() {}
        assert_eq!((one.read.get(), one.turns.get(), two.turns.get()), (3, 4, 2));
        assert_eq!(reactor.next_deadline(), None);
    }

    /// Allows one peer at a time, and notes for whom.
    struct Ledger(Rc<RefCell<Vec<u64>>>);

    impl Books for Ledger {
        fn open(&self, app: u64) {
            self.0.borrow_mut().push(app);
        }

        fn close(&self, app: u64) -> bool {
            assert_eq!(self.0.borrow().last(), Some(&app));
            false
        }
    }

    #[test]
    fn apps_take_turns_however_many_sockets_they_have_and_each_is_billed() {
        let poll = Poll::new().unwrap();
        let reactor = Reactor::new(poll.registry(), Clock::manual(), 100).unwrap();
        let billed = Rc::<RefCell<Vec<u64>>>::default();
        reactor.keep_books(Box::new(Ledger(billed.clone())));
        let many: Vec<_> = (0..20).map(|_| sink_of(&reactor, 1)).collect();
        let (one, _other) = sink_of(&reactor, 2);
        let wake = |sink: &Sink| reactor.again(sink.key.get().unwrap(), Ready::READ);
        many.iter().for_each(|(sink, _)| wake(sink));
        wake(&one);
        // Twice is once.
        wake(&many[0].0);
        // One turn each, and then the thread has other things to see to.
        assert!(reactor.turn() && reactor.turn() && reactor.is_waited_for());
        assert_eq!(*billed.borrow(), [1, 2]);
        // One that has gone is not told, and nobody pays for it.
        many.iter().skip(5).for_each(|(sink, _)| drop(reactor.remove(sink.key.get().unwrap())));
        while reactor.turn() {}
        assert_eq!(*billed.borrow(), [1, 2, 1, 1, 1, 1]);
        assert!(many.iter().take(5).all(|(sink, _)| sink.turns.get() == 1) && !reactor.is_waited_for());
    }

    #[test]
    fn timers_are_kept_while_others_are_told_without_an_end() {
        let poll = Poll::new().unwrap();
        let clock = Clock::manual();
        let reactor = Reactor::new(poll.registry(), clock.clone(), 10).unwrap();
        reactor.keep_books(Box::new(Ledger(Rc::default())));
        let (busy, mut to_busy) = sink_of(&reactor, 1);
        let (other, _to_other) = sink_of(&reactor, 2);
        to_busy.write_all(&[0; 100]).unwrap();
        reactor.again(busy.key.get().unwrap(), Ready::READ);
        reactor.after(other.key.get().unwrap(), 10, 1);
        clock.advance_ms(10);
        assert!(reactor.turn());
        assert_eq!((busy.read.get(), &*other.dues.borrow()), (1, &vec![1]));
        // Nor do timers keep those that wait.
        for tag in 2..5 {
            reactor.after(other.key.get().unwrap(), 0, tag);
        }
        assert!(reactor.turn());
        assert_eq!((busy.read.get(), &*other.dues.borrow()), (2, &vec![1, 2]));
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
