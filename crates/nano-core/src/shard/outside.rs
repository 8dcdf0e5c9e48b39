//! A thread's way out: sockets, names, TLS and HTTP for the instances on it. Made when the first of them asks, and never waited for.
//!
//! What the thread does for a socket is at the expense of its app, and of the event that it belongs to where that is known.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::{Arc, OnceLock};

use mio::Registry;
use nano_base::clock::Clock;
use nano_base::limits::{SOCKETS_OF_SHARD_MAX, VISIT_CPU_NS};
use nano_base::status::{Error, Result, Status};
use nano_net::connect::{Net, Target};
use nano_net::failure::{Failure, FailureKind};
use nano_net::http::{Client, Exchange, Handle, Request};
use nano_net::names::{Names, Resolver};
use nano_net::reactor::{Books, Reactor};
use nano_net::socket::{Socket, Talk};
use nano_net::tls::{Roots, Sessions, Trust};
use nano_net::websocket::{Chat, Opening, WebSocket};

use super::desk::Desk;
use crate::app::AppShared;
use crate::request::Spent;

/// What all threads of a runtime share of the network.
pub(crate) struct Network {
    roots: Roots,
    trust: OnceLock<Trust>,
    resolver: Arc<Resolver>,
}

impl Network {
    /// Reads the certificates, unless they are built in: those are unpacked when they are first needed.
    pub(crate) fn new(roots: Roots, clock: &Clock) -> Result<Self> {
        let network = Self { roots, trust: OnceLock::new(), resolver: Arc::new(Resolver::system(clock)) };
        if network.roots != Roots::Webpki {
            network.trust(clock)?;
        }
        Ok(network)
    }

    fn trust(&self, clock: &Clock) -> Result<Trust> {
        if let Some(trust) = self.trust.get() {
            return Ok(trust.clone());
        }
        let trust = Trust::new(&self.roots, clock).map_err(|why| Error::new(Status::Io, why))?;
        Ok(self.trust.get_or_init(|| trust).clone())
    }
}

/// The ways out, all through the same names and sessions.
struct Ways {
    net: Rc<Net>,
    client: Rc<Client>,
}

/// One thread's part of it.
pub(super) struct Outside {
    reactor: OnceCell<Reactor>,
    registry: Registry,
    ways: OnceCell<Ways>,
    /// Those who have used it since their first instance here.
    apps: RefCell<HashMap<u64, Arc<AppShared>>>,
    /// The thread's CPU time when it began to look at the sockets.
    begun_ns: Cell<u64>,
    /// The instances that something has come for.
    pub woken: RefCell<Vec<u64>>,
    /// Events of instances that have used more CPU than they may.
    pub overdrawn: RefCell<Vec<(u64, Arc<Spent>)>>,
}

/// Keeps the accounts of the sockets.
struct Ledger(Weak<Desk>);

impl Books for Ledger {
    fn open(&self, app: u64) {
        let Some(desk) = self.0.upgrade() else { return };
        if let Some(app) = desk.outside.apps.borrow().get(&app) {
            desk.hold_outside(app);
        }
    }

    fn close(&self, app: u64) -> bool {
        let Some(desk) = self.0.upgrade() else { return false };
        match desk.outside.apps.borrow().get(&app) {
            Some(app) => desk.bill(app, None),
            None => drop(desk.pass()),
        }
        desk.let_go();
        !desk.seat.is_abandoned() && desk.cpu_ns.get().saturating_sub(desk.outside.begun_ns.get()) <= VISIT_CPU_NS
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outside({:?})", self.reactor.get())
    }
}

impl Outside {
    pub(super) fn new(registry: &Registry) -> std::io::Result<Self> {
        Ok(Self {
            reactor: OnceCell::new(),
            registry: registry.try_clone()?,
            ways: OnceCell::new(),
            apps: RefCell::default(),
            begun_ns: Cell::new(0),
            woken: RefCell::default(),
            overdrawn: RefCell::default(),
        })
    }

    /// The sockets, if there ever were any.
    pub(super) fn reactor(&self) -> Option<&Reactor> {
        self.reactor.get()
    }

    /// Sends a request.
    pub(super) fn send(
        &self,
        desk: &Rc<Desk>,
        app: &Arc<AppShared>,
        request: Request,
        exchange: Rc<dyn Exchange>,
    ) -> std::result::Result<Handle, Failure> {
        let (reactor, ways) = self.ways(desk, app)?;
        ways.client.request(reactor, request, exchange)
    }

    /// Opens a WebSocket.
    pub(super) fn open(
        &self,
        desk: &Rc<Desk>,
        app: &Arc<AppShared>,
        opening: Opening,
        chat: Rc<dyn Chat>,
    ) -> std::result::Result<WebSocket, Failure> {
        let (reactor, ways) = self.ways(desk, app)?;
        WebSocket::open(&ways.net, reactor, opening, chat)
    }

    /// Makes a connection of bytes.
    pub(super) fn connect(
        &self,
        desk: &Rc<Desk>,
        app: &Arc<AppShared>,
        target: Target,
        talk: Rc<dyn Talk>,
    ) -> std::result::Result<Socket, Failure> {
        let (reactor, ways) = self.ways(desk, app)?;
        Socket::connect(&ways.net, reactor, target, talk)
    }

    /// Nothing of an app's is kept: its last instance here has gone.
    pub(super) fn forget(&self, app: u64) {
        if let (Some(reactor), Some(ways)) = (self.reactor.get(), self.ways.get()) {
            ways.client.forget(reactor, app);
        }
        self.apps.borrow_mut().remove(&app);
    }

    /// Whether there is something to do for [`Outside::turn`].
    pub(super) fn is_due(&self) -> bool {
        self.reactor.get().is_some_and(Reactor::is_due) || self.ways.get().is_some_and(|ways| ways.net.names.has_answers())
    }

    /// Gives answers to those who asked for names, tells sockets what there is to tell, an app in turn with the others, and looks at the
    /// time, as long as it takes no more than its share of the thread's; whether there was anything. `begun_ns` is the thread's CPU time.
    pub(super) fn turn(&self, begun_ns: u64) -> bool {
        let Some(reactor) = self.reactor.get() else { return false };
        self.begun_ns.set(begun_ns);
        if let Some(ways) = self.ways.get() {
            ways.net.names.deliver(reactor);
        }
        reactor.turn()
    }

    fn ways(&self, desk: &Rc<Desk>, app: &Arc<AppShared>) -> std::result::Result<(&Reactor, &Ways), Failure> {
        let limit = || Failure::new(FailureKind::Limit, "the host has no room for more sockets");
        let (network, clock) = (&desk.inner.network, &desk.inner.clock);
        self.apps.borrow_mut().entry(app.key).or_insert_with(|| app.clone());
        let reactor = match self.reactor.get() {
            Some(reactor) => reactor,
            None => {
                let reactor = Reactor::new(&self.registry, clock.clone(), SOCKETS_OF_SHARD_MAX).map_err(|_| limit())?;
                reactor.keep_books(Box::new(Ledger(Rc::downgrade(desk))));
                self.reactor.get_or_init(|| reactor)
            }
        };
        if let Some(ways) = self.ways.get() {
            return Ok((reactor, ways));
        }
        let trust = network.trust(clock).map_err(|error| Failure::new(FailureKind::Tls, error.message))?;
        let shard = desk.shard.clone();
        let names = Names::new(reactor, network.resolver.clone(), Arc::new(move || shard.wake())).ok_or_else(limit)?;
        let net = Net::new(names, Sessions::new(trust));
        Ok((reactor, self.ways.get_or_init(|| Ways { client: Client::new(net.clone()), net })))
    }
}
