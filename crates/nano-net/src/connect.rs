//! From a host to a connection that can be used: resolve, judge, connect, agree on TLS. HTTP, WebSockets and plain sockets begin here, so
//! that no way out goes past the policy.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mio::Interest;
use mio::net::TcpStream;
use nano_base::limits::{CONNECTIONS_OF_APP_MAX, CONNECTIONS_OF_PROCESS_MAX, CONNECTIONS_OF_SHARD_MAX, TLS_HANDSHAKE_MS_MAX};

use crate::dial::Dial;
use crate::failure::{Failure, FailureKind};
use crate::names::{Addresses, Names, Resolved, Ticket};
use crate::policy::{Host, Policy, Scheme};
use crate::reactor::{Key, Peer, Reactor, Ready};
use crate::stream::Stream;
use crate::tls::{Carries, Sessions, TlsStream, server_name};

/// What the connections of one shard share.
#[derive(Debug)]
pub struct Net {
    /// Its names.
    pub names: Rc<Names>,
    sessions: RefCell<Sessions>,
    connections: Rc<Connections>,
}

/// Which bound allows no more connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// The app's own.
    App,
    /// That of all apps together.
    All,
}

/// How many there are, in all and of each app that has any.
#[derive(Debug, Default)]
struct Connections {
    total: Cell<usize>,
    of_app: RefCell<HashMap<u64, usize>>,
}

impl Net {
    /// A shard's way out.
    pub fn new(names: Rc<Names>, sessions: Sessions) -> Rc<Self> {
        Rc::new(Self { names, sessions: sessions.into(), connections: Rc::default() })
    }

    /// Forgets an app: it is gone.
    pub fn forget(&self, app: u64) {
        self.names.forget(app);
        self.sessions.borrow_mut().forget(app);
    }

    /// Why an app can have no more connections, if it cannot.
    pub(crate) fn is_full(&self, app: u64) -> Option<Full> {
        let of_app = self.connections.of_app.borrow().get(&app).copied().unwrap_or_default();
        let all = self.connections.total.get() >= CONNECTIONS_OF_SHARD_MAX || PROCESS.load(Ordering::Relaxed) >= CONNECTIONS_OF_PROCESS_MAX;
        if all { Some(Full::All) } else { (of_app >= CONNECTIONS_OF_APP_MAX).then_some(Full::App) }
    }

    fn permit(&self, app: u64) -> Option<Permit> {
        if self.is_full(app).is_some() {
            return None;
        }
        PROCESS.fetch_add(1, Ordering::Relaxed);
        HERE.set(HERE.get() + 1);
        self.connections.total.set(self.connections.total.get() + 1);
        *self.connections.of_app.borrow_mut().entry(app).or_default() += 1;
        Some(Permit { connections: self.connections.clone(), app })
    }
}

/// Outbound connections of all shards of the process.
static PROCESS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Those of them that this thread has.
    static HERE: Cell<usize> = const { Cell::new(0) };
}

/// The calling thread will not close what it has: its connections have been ended in another way.
pub fn thread_is_lost() {
    PROCESS.fetch_sub(HERE.take(), Ordering::Relaxed);
}

/// The right to have one connection, given back when it is dropped.
#[derive(Debug)]
pub struct Permit {
    connections: Rc<Connections>,
    app: u64,
}

impl Drop for Permit {
    fn drop(&mut self) {
        PROCESS.fetch_sub(1, Ordering::Relaxed);
        HERE.set(HERE.get().saturating_sub(1));
        self.connections.total.set(self.connections.total.get() - 1);
        let mut of_app = self.connections.of_app.borrow_mut();
        if let Some(count) = of_app.get_mut(&self.app) {
            *count -= 1;
            if *count == 0 {
                of_app.remove(&self.app);
            }
        }
    }
}

/// Where to, for whom, by which rules.
#[derive(Clone, Debug)]
pub struct Target {
    /// Who asks: nothing of one app's reaches another.
    pub app: u64,
    /// What it may.
    pub policy: Arc<Policy>,
    /// What is going to be spoken.
    pub scheme: Scheme,
    /// To whom.
    pub host: Host,
    /// And where.
    pub port: u16,
}

type Done = Box<dyn FnOnce(&Reactor, Result<(Stream, Permit), Failure>)>;

/// A connection on its way.
pub struct Connect {
    net: Rc<Net>,
    target: Target,
    step: RefCell<Step>,
    permit: Cell<Option<Permit>>,
    done: Cell<Option<Done>>,
}

enum Step {
    /// Nothing is under way: at first, and in the end.
    Idle,
    Resolving(Ticket),
    Dialing(Rc<Dial>),
    Handshaking(Key),
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connect({}:{})", self.target.host, self.target.port)
    }
}

impl Connect {
    /// Sets out for a target. `done` is told later, or never if there is an error at once.
    pub fn start(
        net: &Rc<Net>,
        reactor: &Reactor,
        target: Target,
        done: impl FnOnce(&Reactor, Result<(Stream, Permit), Failure>) + 'static,
    ) -> Result<Rc<Self>, Failure> {
        target.policy.admits(target.scheme, &target.host, target.port)?;
        let permit = net.permit(target.app).ok_or_else(|| Failure::new(FailureKind::Limit, "there are too many connections"))?;
        let done = Cell::new(Some(Box::new(done) as Done));
        let connect = Rc::new(Self { net: net.clone(), target, step: RefCell::new(Step::Idle), permit: Cell::new(Some(permit)), done });
        // What waits for the next step must not keep this alive: whoever wants the connection does.
        let later = Rc::downgrade(&connect);
        let waiter = move |reactor: &Reactor, addresses: Addresses| {
            let Some(later) = later.upgrade() else { return };
            if let Err(failure) = later.dial(reactor, addresses) {
                later.tell(reactor, Err(failure));
            }
        };
        match net.names.resolve(reactor, connect.target.app, &connect.target.host, waiter) {
            Resolved::Now(addresses) => connect.dial(reactor, addresses)?,
            Resolved::Later(ticket) => *connect.step.borrow_mut() = Step::Resolving(ticket),
        }
        Ok(connect)
    }

    /// Gives up; nobody is told.
    pub fn cancel(&self, reactor: &Reactor) {
        drop(self.done.take());
        self.permit.take();
        match self.step.replace(Step::Idle) {
            Step::Idle => {}
            Step::Resolving(ticket) => self.net.names.cancel(reactor, ticket),
            Step::Dialing(dial) => dial.cancel(reactor),
            Step::Handshaking(key) => drop(reactor.remove(key)),
        }
    }

    fn dial(self: &Rc<Self>, reactor: &Reactor, addresses: Addresses) -> Result<(), Failure> {
        let Target { policy, scheme, host, port, .. } = &self.target;
        let addresses = addresses.map_err(|error| Failure::name(host, &error))?;
        let chosen = policy.choose(*scheme, host, *port, &addresses)?;
        let later = Rc::downgrade(self);
        let dial = Dial::start(reactor, self.target.app, &chosen, move |reactor, result| {
            let Some(later) = later.upgrade() else { return };
            let Target { host, port, .. } = &later.target;
            match result.map_err(|error| Failure::dial(host, *port, &error)) {
                Ok(socket) if later.target.scheme.is_secure() => {
                    if let Err(failure) = later.secure(reactor, socket) {
                        later.tell(reactor, Err(failure));
                    }
                }
                Ok(socket) => later.tell(reactor, Ok(Stream::Plain(socket))),
                Err(failure) => later.tell(reactor, Err(failure)),
            }
        });
        let dial = dial.map_err(|error| Failure::dial(host, *port, &error))?;
        *self.step.borrow_mut() = Step::Dialing(dial);
        Ok(())
    }

    fn secure(self: &Rc<Self>, reactor: &Reactor, socket: TcpStream) -> Result<(), Failure> {
        let carries = match self.target.scheme {
            Scheme::Tls => Carries::Bytes,
            Scheme::Https => Carries::Http,
            _ => Carries::Http1,
        };
        let later = Rc::downgrade(self);
        let key = secure(&self.net, reactor, self.target.app, &self.target.host, carries, socket, move |reactor, result| {
            if let Some(later) = later.upgrade() {
                later.tell(reactor, result.map(|tls| Stream::Tls(Box::new(tls))));
            }
        })?;
        *self.step.borrow_mut() = Step::Handshaking(key);
        Ok(())
    }

    fn tell(&self, reactor: &Reactor, result: Result<Stream, Failure>) {
        self.step.replace(Step::Idle);
        let permit = self.permit.take();
        if let Some(done) = self.done.take() {
            let result =
                result.and_then(|stream| Ok((stream, permit.ok_or_else(|| Failure::new(FailureKind::Limit, "there is no permit"))?)));
            done(reactor, result);
        }
    }
}

/// Puts TLS on a connected socket that nobody watches; also later, when a protocol says so. Taken back by removing the key.
pub fn secure(
    net: &Net,
    reactor: &Reactor,
    app: u64,
    host: &Host,
    carries: Carries,
    socket: TcpStream,
    done: impl FnOnce(&Reactor, Result<TlsStream, Failure>) + 'static,
) -> Result<Key, Failure> {
    let name =
        server_name(host).ok_or_else(|| Failure::new(FailureKind::Tls, format!("{host} is no name that a certificate can be for")))?;
    let config = net.sessions.borrow_mut().config(app, carries);
    let stream = TlsStream::new(socket, config, name).map_err(|error| Failure::tls(host, &error))?;
    let state = Some((stream, Box::new(done) as Agreed));
    let handshake = Rc::new(Handshake { app, host: host.clone(), key: Cell::new(None), state: state.into() });
    let key = reactor.insert(handshake.clone()).map_err(|_| Failure::new(FailureKind::Limit, "there are too many connections"))?;
    handshake.key.set(Some(key));
    let watched = match &mut *handshake.state.borrow_mut() {
        Some((stream, _)) => reactor.watch(key, stream.socket(), Interest::READABLE | Interest::WRITABLE),
        None => Ok(()),
    };
    if let Err(error) = watched {
        reactor.remove(key);
        return Err(Failure::tls(host, &error));
    }
    reactor.after(key, TLS_HANDSHAKE_MS_MAX, 0);
    Ok(key)
}

type Agreed = Box<dyn FnOnce(&Reactor, Result<TlsStream, Failure>)>;

/// A handshake on its way.
struct Handshake {
    app: u64,
    host: Host,
    key: Cell<Option<Key>>,
    state: RefCell<Option<(TlsStream, Agreed)>>,
}

impl Handshake {
    fn finish(&self, reactor: &Reactor, failure: Option<Failure>) {
        if let Some(key) = self.key.take() {
            reactor.remove(key);
        }
        let Some((mut stream, done)) = self.state.borrow_mut().take() else { return };
        let unwatched = reactor.unwatch(stream.socket()).map_err(|error| Failure::tls(&self.host, &error));
        done(reactor, failure.map_or(unwatched, Err).map(|()| stream));
    }
}

impl Peer for Handshake {
    fn app(&self) -> u64 {
        self.app
    }

    fn ready(self: Rc<Self>, reactor: &Reactor, _: Ready) {
        let progress = match &mut *self.state.borrow_mut() {
            Some((stream, _)) => stream.handshake(),
            None => return,
        };
        match progress {
            Ok(false) => {}
            Ok(true) => self.finish(reactor, None),
            Err(error) => self.finish(reactor, Some(Failure::tls(&self.host, &error))),
        }
    }

    fn due(self: Rc<Self>, reactor: &Reactor, _: u32) {
        let message = format!("TLS with {} was not agreed on within {TLS_HANDSHAKE_MS_MAX} ms", self.host);
        self.finish(reactor, Some(Failure::new(FailureKind::Timeout, message)));
    }
}
