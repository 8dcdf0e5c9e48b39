//! Names to addresses, for one shard: what is known is answered at once, the rest is asked on the runtime's [`Resolver`].
//!
//! It must never block the shard, however long the system's resolver does, and never let an app learn from the time of an answer what
//! another has asked. Addresses are not judged here: that is the policy's work, done again on whatever comes out of a cache.

mod cache;
mod lookup;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nano_base::limits::{ADDRESSES_OF_NAME_MAX, LOOKUP_MS_MAX, LOOKUP_STUCK_MS, LOOKUPS_OF_SHARD_MAX, LOOKUPS_STUCK_OF_APP_MAX};
use nano_base::wheel::TimerKey;

use crate::policy::Host;
use crate::reactor::{Key, Peer, Reactor, Ready};
use cache::{Cache, Known};
use lookup::{Found, Mailbox, Question, STUCK, Unasked};
pub use lookup::{Lookup, Resolver, SystemLookup};

/// Why a name has no addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameError {
    /// The resolver says so, in these words.
    NotFound(Rc<str>),
    /// The resolver has not answered in time.
    TimedOut,
    /// Too many names are being asked for.
    Busy,
    /// The app's own names keep too many threads busy for too long.
    Stuck,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(why) => f.write_str(why),
            Self::TimedOut => write!(f, "the name was not resolved within {LOOKUP_MS_MAX} ms"),
            Self::Busy => f.write_str("too many names are being resolved"),
            Self::Stuck => write!(
                f,
                "{LOOKUPS_STUCK_OF_APP_MAX} names that the app has asked for have no answer yet, and it can ask for no more until one has"
            ),
        }
    }
}

impl std::error::Error for NameError {}

/// The addresses of a host, or why there are none.
pub type Addresses = Result<Rc<[IpAddr]>, NameError>;

/// What [`Names::resolve`] did.
#[derive(Debug)]
pub enum Resolved {
    /// The answer is known: whoever waits was not asked to.
    Now(Addresses),
    /// Whoever waits will be told, unless this is taken back.
    Later(Ticket),
}

/// Somebody who waits for addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    flight: u32,
    number: u64,
}

type Waiter = Box<dyn FnOnce(&Reactor, Addresses)>;

/// A name that is being asked for, by one app, once for all who wait.
struct Flight {
    app: u64,
    name: Box<str>,
    waiters: Vec<(u64, Waiter)>,
    since_ms: u64,
    timer: TimerKey,
    abandoned: Arc<AtomicBool>,
}

/// The names of one shard.
pub struct Names {
    key: Cell<Option<Key>>,
    resolver: Arc<Resolver>,
    mailbox: Arc<Mailbox>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    cache: Cache,
    flights: HashMap<u32, Flight>,
    by_name: HashMap<(u64, Box<str>), u32>,
    last_flight: u32,
    last_number: u64,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Names({} asked for)", self.state.borrow().flights.len())
    }
}

impl Names {
    /// Names for the thread of a reactor. `ring` is called on any thread when there is something to [`Names::deliver`]; none if the
    /// reactor is full.
    pub fn new(reactor: &Reactor, resolver: Arc<Resolver>, ring: Arc<dyn Fn() + Send + Sync>) -> Option<Rc<Self>> {
        let mailbox = Arc::new(Mailbox::new(ring));
        let names = Rc::new(Self { key: Cell::new(None), resolver, mailbox, state: RefCell::default() });
        names.key.set(Some(reactor.insert(names.clone()).ok()?));
        Some(names)
    }

    /// The addresses of a host, for an app: now, or later by `waiter`.
    pub fn resolve(&self, reactor: &Reactor, app: u64, host: &Host, waiter: impl FnOnce(&Reactor, Addresses) + 'static) -> Resolved {
        let name = match host {
            Host::Ip(address) => return Resolved::Now(Ok([*address].into())),
            Host::Name(_) if host.is_localhost() => return Resolved::Now(Ok(LOCALHOST.into())),
            Host::Name(name) => name,
        };
        let state = &mut *self.state.borrow_mut();
        if let Some(known) = state.cache.find(app, name, reactor.clock().now_ms()) {
            return Resolved::Now(known);
        }
        state.last_number += 1;
        let number = state.last_number;
        let place = (app, name.clone());
        if let Some(flight) = state.by_name.get(&place) {
            let id = *flight;
            if let Some(flight) = state.flights.get_mut(&id) {
                flight.waiters.push((number, Box::new(waiter)));
            }
            return Resolved::Later(Ticket { flight: id, number });
        }
        let (Some(key), true) = (self.key.get(), state.flights.len() < LOOKUPS_OF_SHARD_MAX) else {
            return Resolved::Now(Err(NameError::Busy));
        };
        let id = state.next_id();
        let abandoned = Arc::<AtomicBool>::default();
        let question = Question { id, name: name.clone(), mailbox: self.mailbox.clone(), abandoned: abandoned.clone() };
        match self.resolver.ask(app, question) {
            Ok(()) => {}
            Err(Unasked::Busy) => return Resolved::Now(Err(NameError::Busy)),
            Err(Unasked::Stuck) => return Resolved::Now(Err(NameError::Stuck)),
        }
        let timer = reactor.after(key, LOOKUP_STUCK_MS, id);
        let since_ms = reactor.clock().now_ms();
        let waiters = vec![(number, Box::new(waiter) as Waiter)];
        state.flights.insert(id, Flight { app, name: name.clone(), waiters, since_ms, timer, abandoned });
        state.by_name.insert(place, id);
        Resolved::Later(Ticket { flight: id, number })
    }

    /// Whoever had this ticket waits no more.
    pub fn cancel(&self, reactor: &Reactor, ticket: Ticket) {
        let mut state = self.state.borrow_mut();
        let Some(flight) = state.flights.get_mut(&ticket.flight) else { return };
        let mut gone = flight.waiters.extract_if(.., |(number, _)| *number == ticket.number).collect::<Vec<_>>();
        if flight.waiters.is_empty() {
            gone.extend(state.land(reactor, ticket.flight).map(|flight| flight.waiters).unwrap_or_default());
        }
        drop(state);
        drop(gone);
    }

    /// Whether there are any for [`Names::deliver`].
    pub fn has_answers(&self) -> bool {
        self.mailbox.has_any()
    }

    /// Gives the answers that have come to those who wait. For whoever is rung.
    pub fn deliver(&self, reactor: &Reactor) {
        for (id, found) in self.mailbox.take() {
            let addresses = addresses(found);
            let landed = {
                let mut state = self.state.borrow_mut();
                let landed = state.land(reactor, id);
                if let (Some(flight), false) = (&landed, addresses == Err(NameError::Stuck)) {
                    state.cache.keep(flight.app, &flight.name, &addresses, reactor.clock().now_ms());
                }
                landed
            };
            let app = landed.as_ref().map_or(0, |flight| flight.app);
            reactor.at_expense_of(app, || tell(reactor, landed, &addresses));
        }
    }

    /// Forgets what an app has asked: it is gone.
    pub fn forget(&self, app: u64) {
        self.state.borrow_mut().cache.forget(app);
    }
}

impl Peer for Names {
    fn app(&self) -> u64 {
        0
    }

    fn ready(self: Rc<Self>, _: &Reactor, _: Ready) {}

    /// A name has been asked for for a while: others may be what it waits for.
    fn due(self: Rc<Self>, reactor: &Reactor, id: u32) {
        if let (Some(flight), Some(key)) = (self.state.borrow_mut().flights.get_mut(&id), self.key.get()) {
            let left_ms = LOOKUP_MS_MAX.saturating_sub(reactor.clock().now_ms().saturating_sub(flight.since_ms));
            if left_ms > 0 {
                self.resolver.look();
                flight.timer = reactor.after(key, left_ms.min(LOOKUP_STUCK_MS), id);
                return;
            }
        }
        let landed = self.state.borrow_mut().land(reactor, id);
        tell(reactor, landed, &Err(NameError::TimedOut));
    }
}

impl State {
    fn next_id(&mut self) -> u32 {
        loop {
            self.last_flight = self.last_flight.wrapping_add(1);
            if !self.flights.contains_key(&self.last_flight) {
                return self.last_flight;
            }
        }
    }

    /// Takes a flight out: its answer, if one still comes, reaches nobody.
    fn land(&mut self, reactor: &Reactor, id: u32) -> Option<Flight> {
        let flight = self.flights.remove(&id)?;
        self.by_name.remove(&(flight.app, flight.name.clone()));
        flight.abandoned.store(true, Ordering::Relaxed);
        reactor.cancel(flight.timer);
        Some(flight)
    }
}

fn tell(reactor: &Reactor, landed: Option<Flight>, addresses: &Addresses) {
    for (_, waiter) in landed.map(|flight| flight.waiters).unwrap_or_default() {
        waiter(reactor, addresses.clone());
    }
}

fn addresses(found: Found) -> Known {
    match found {
        Ok(addresses) if addresses.is_empty() => Err(NameError::NotFound("the name has no address".into())),
        Ok(addresses) => Ok(addresses.into_iter().take(ADDRESSES_OF_NAME_MAX).collect()),
        Err(error) if error.kind() == STUCK => Err(NameError::Stuck),
        Err(error) => Err(NameError::NotFound(error.to_string().into())),
    }
}

/// Whatever a resolver may say: RFC 6761, 6.3.
const LOCALHOST: [IpAddr; 2] = [IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)];
