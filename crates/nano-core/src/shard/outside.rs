//! A thread's way out: sockets, names, TLS and HTTP for the instances on it. Made when the first of them asks, and never waited for.

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use mio::Registry;
use nano_base::clock::Clock;
use nano_base::limits::SOCKETS_OF_SHARD_MAX;
use nano_base::status::{Error, Result, Status};
use nano_net::connect::Net;
use nano_net::failure::{Failure, FailureKind};
use nano_net::http::{Client, Exchange, Handle, Request};
use nano_net::names::{Names, Resolver};
use nano_net::reactor::Reactor;
use nano_net::tls::{Roots, Sessions, Trust};

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

/// One thread's part of it.
pub(super) struct Outside {
    reactor: OnceCell<Reactor>,
    registry: Registry,
    http: OnceCell<(Rc<Names>, Rc<Client>)>,
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
        Ok(Self { reactor: OnceCell::new(), registry: registry.try_clone()?, http: OnceCell::new(), woken: RefCell::default() })
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
        let (reactor, client) = self.http(network, clock, shard)?;
        client.request(reactor, request, exchange)
    }

    /// Nothing of an app's is kept: its last instance here has gone.
    pub(super) fn forget(&self, app: u64) {
        if let (Some(reactor), Some((_, client))) = (self.reactor.get(), self.http.get()) {
            client.forget(reactor, app);
        }
    }

    /// Gives answers to those who asked for names, lets those go on that have had their share, and looks at the time; whether there
    /// was anything.
    pub(super) fn turn(&self) -> bool {
        let Some(reactor) = self.reactor.get() else { return false };
        if let Some((names, _)) = self.http.get() {
            names.deliver(reactor);
        }
        reactor.turn()
    }

    fn http(&self, network: &Network, clock: &Clock, shard: &Arc<Shard>) -> std::result::Result<(&Reactor, &Rc<Client>), Failure> {
        let limit = || Failure::new(FailureKind::Limit, "the host has no room for more sockets");
        let reactor = match self.reactor.get() {
            Some(reactor) => reactor,
            None => {
                let reactor = Reactor::new(&self.registry, clock.clone(), SOCKETS_OF_SHARD_MAX).map_err(|_| limit())?;
                self.reactor.get_or_init(|| reactor)
            }
        };
        if let Some((_, client)) = self.http.get() {
            return Ok((reactor, client));
        }
        let trust = network.trust(clock).map_err(|error| Failure::new(FailureKind::Tls, error.message))?;
        let shard = shard.clone();
        let names = Names::new(reactor, network.resolver.clone(), Arc::new(move || shard.wake())).ok_or_else(limit)?;
        let client = Client::new(Net::new(names.clone(), Sessions::new(trust)));
        Ok((reactor, &self.http.get_or_init(|| (names, client)).1))
    }
}
