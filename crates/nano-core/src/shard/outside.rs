//! A thread's way out: sockets, names, TLS and HTTP for the instances on it. Made when the first of them asks, and never waited for.

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use mio::Registry;
use nano_base::clock::Clock;
use nano_base::limits::SOCKETS_OF_SHARD_MAX;
use nano_base::status::{Error, Result, Status};
use nano_net::connect::{Net, Target};
use nano_net::failure::{Failure, FailureKind};
use nano_net::http::{Client, Exchange, Handle, Request};
use nano_net::names::{Names, Resolver};
use nano_net::reactor::Reactor;
use nano_net::socket::{Socket, Talk};
use nano_net::tls::{Roots, Sessions, Trust};
use nano_net::websocket::{Chat, Opening, WebSocket};

use super::Shard;

/// What all threads of a runtime share of the network.
pub(crate) struct Network {
    roots: Roots,
    trust: OnceLock<Trust>,
    resolver: Arc<Resolver>,
}

impl Network {
    /// Reads the certificates, unless they are built in: those are unpacked when they are first needed.
    pub(crate) fn new(roots: Roots, clock: &Clock) -> Result<Self> {
        let network = Self { roots, trust: OnceLock::new(), resolver: Arc::new(Resolver::system()) };
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
    /// The instances that something has come for.
    pub woken: RefCell<Vec<u64>>,
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outside({:?})", self.reactor.get())
    }
}

impl Outside {
    pub(super) fn new(registry: &Registry) -> std::io::Result<Self> {
        Ok(Self { reactor: OnceCell::new(), registry: registry.try_clone()?, ways: OnceCell::new(), woken: RefCell::default() })
    }

    /// The sockets, if there ever were any.
    pub(super) fn reactor(&self) -> Option<&Reactor> {
        self.reactor.get()
    }

    /// Sends a request.
    pub(super) fn send(
        &self,
        network: &Network,
        clock: &Clock,
        shard: &Arc<Shard>,
        request: Request,
        exchange: Rc<dyn Exchange>,
    ) -> std::result::Result<Handle, Failure> {
        let (reactor, ways) = self.ways(network, clock, shard)?;
        ways.client.request(reactor, request, exchange)
    }

    /// Opens a WebSocket.
    pub(super) fn open(
        &self,
        network: &Network,
        clock: &Clock,
        shard: &Arc<Shard>,
        opening: Opening,
        chat: Rc<dyn Chat>,
    ) -> std::result::Result<WebSocket, Failure> {
        let (reactor, ways) = self.ways(network, clock, shard)?;
        WebSocket::open(&ways.net, reactor, opening, chat)
    }

    /// Makes a connection of bytes.
    pub(super) fn connect(
        &self,
        network: &Network,
        clock: &Clock,
        shard: &Arc<Shard>,
        target: Target,
        talk: Rc<dyn Talk>,
    ) -> std::result::Result<Socket, Failure> {
        let (reactor, ways) = self.ways(network, clock, shard)?;
        Socket::connect(&ways.net, reactor, target, talk)
    }

    /// Nothing of an app's is kept: its last instance here has gone.
    pub(super) fn forget(&self, app: u64) {
        if let (Some(reactor), Some(ways)) = (self.reactor.get(), self.ways.get()) {
            ways.client.forget(reactor, app);
        }
    }

    /// Gives answers to those who asked for names, lets those go on that have had their share, and looks at the time; whether there
    /// was anything.
    pub(super) fn turn(&self) -> bool {
        let Some(reactor) = self.reactor.get() else { return false };
        if let Some(ways) = self.ways.get() {
            ways.net.names.deliver(reactor);
        }
        reactor.turn()
    }

    fn ways(&self, network: &Network, clock: &Clock, shard: &Arc<Shard>) -> std::result::Result<(&Reactor, &Ways), Failure> {
        let limit = || Failure::new(FailureKind::Limit, "the host has no room for more sockets");
        let reactor = match self.reactor.get() {
            Some(reactor) => reactor,
            None => {
                let reactor = Reactor::new(&self.registry, clock.clone(), SOCKETS_OF_SHARD_MAX).map_err(|_| limit())?;
                self.reactor.get_or_init(|| reactor)
            }
        };
        if let Some(ways) = self.ways.get() {
            return Ok((reactor, ways));
        }
        let trust = network.trust(clock).map_err(|error| Failure::new(FailureKind::Tls, error.message))?;
        let shard = shard.clone();
        let names = Names::new(reactor, network.resolver.clone(), Arc::new(move || shard.wake())).ok_or_else(limit)?;
        let net = Net::new(names, Sessions::new(trust));
        Ok((reactor, self.ways.get_or_init(|| Ways { client: Client::new(net.clone()), net })))
    }
}
