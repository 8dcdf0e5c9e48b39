//! Requests by HTTP/1.1 and HTTP/2: connections that are kept and used again, bodies that go no faster than whoever reads them.
//!
//! Redirects, credentials and caches are somebody else's: each request here is one message to one host, judged by the policy on its way.
//!
//! ```no_run
//! use std::rc::Rc;
//! use std::sync::Arc;
//!
//! use nano_base::{clock::Clock, http::RequestHead};
//! use nano_net::connect::Net;
//! use nano_net::http::{Body, Client, Exchange, Handle, Request};
//! use nano_net::names::{Names, Resolver};
//! use nano_net::policy::Policy;
//! use nano_net::reactor::Reactor;
//! use nano_net::tls::{Roots, Sessions, Trust};
//!
//! /// What a shard does when its thread begins; `ring` wakes its poll, and then `names.deliver(reactor)` is to be called.
//! fn begin(reactor: &Reactor, resolver: Arc<Resolver>, trust: Trust, ring: Arc<dyn Fn() + Send + Sync>) -> Option<Rc<Client>> {
//!     let names = Names::new(reactor, resolver, ring)?;
//!     Some(Client::new(Net::new(names, Sessions::new(trust))))
//! }
//!
//! fn fetch(client: &Rc<Client>, reactor: &Reactor, app: u64, exchange: Rc<dyn Exchange>) -> Option<Handle> {
//!     let head = RequestHead { method: "GET".into(), url: "https://example.com/".into(), ..RequestHead::default() };
//!     let policy = Arc::new(Policy::default());
//!     client.request(reactor, Request { app, policy, head, body: Body::None }, exchange).ok()
//! }
//!
//! /// Once for a runtime, not on a shard: it may read files.
//! let trust = Trust::new(&Roots::Webpki, &Clock::system()).unwrap();
//! let resolver = Arc::new(Resolver::system(&Clock::system()));
//! ```

mod call;
mod conn;
mod decode;
mod io;
mod multi;
mod pool;
mod stream;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use nano_base::http::{RequestHead, ResponseHead};
use nano_base::url::Url;
use nano_http::h1;

use crate::connect::{Connect, Full, Net, Target};
use crate::failure::{Failure, FailureKind};
use crate::policy::{Host, Policy, Scheme};
use crate::reactor::Reactor;
use call::{Call, Message, Step};
use conn::Conn;
use multi::Multi;
use pool::{Place, Pool};

pub use call::Handle;

/// What is to be sent, for whom, by which rules.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asks: nothing of one app's reaches another.
    pub app: u64,
    /// What it may.
    pub policy: Arc<Policy>,
    /// Method, absolute URL, headers. Those that frame the message are made here, and left out if they are there.
    pub head: RequestHead,
    /// Its body.
    pub body: Body,
}

/// The body of a request.
#[derive(Clone, Debug, Default)]
pub enum Body {
    /// None.
    #[default]
    None,
    /// All of it.
    Whole(Vec<u8>),
    /// Given by [`Exchange::pull`]; of so many bytes, if that is known.
    Stream(Option<u64>),
}

/// A piece of a request's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Some of it; more than was asked for is held.
    Bytes(Vec<u8>),
    /// None yet: [`Handle::body_ready`] says when.
    Wait,
    /// There are no more.
    End,
    /// There will be no more, though there should be: the request fails.
    Broken,
}

/// Whoever made a request. It is told on its thread; `end` or `fail` is the last it hears. Nothing is told before the request has
/// been made, and nothing after it was aborted.
pub trait Exchange {
    /// The response's head. `decoded` says that what `Content-Encoding` speaks of is undone in what [`Exchange::data`] gives.
    fn head(&self, reactor: &Reactor, head: ResponseHead, decoded: bool);
    /// How many bytes of the body are wanted now. After a zero it is asked again by [`Handle::resume`].
    fn room(&self) -> usize;
    /// A piece of the body, no more than there was room for.
    fn data(&self, reactor: &Reactor, bytes: Vec<u8>);
    /// The response is complete.
    fn end(&self, reactor: &Reactor);
    /// It never will be.
    fn fail(&self, reactor: &Reactor, failure: Failure);
    /// The response has begun, all of the request is with the kernel, and nothing of it is kept: told at least once before the end, unless
    /// that comes first.
    fn sent(&self) {}
    /// A piece of the request's body, best of no more than `room` bytes.
    fn pull(&self, room: usize) -> Piece;
    /// What undoing the response's coding takes, in bytes of memory, before and from now on: whether there is room for it. There always is
    /// for less; without room the request fails.
    fn hold(&self, before: usize, after: usize) -> bool;
    /// What has come of the body and is not wanted yet, in bytes, before and from now on: whether there is room for it. There always is for
    /// less; without room the request fails. A connection that is not shared is not read on instead, and nothing is kept.
    fn keep(&self, before: usize, after: usize) -> bool;
    /// What the thread has done since the last turn of anybody's was for this exchange, which may have been told its end.
    fn worked(&self, reactor: &Reactor);
}

/// The HTTP of one shard.
pub struct Client {
    net: Rc<Net>,
    pool: RefCell<Pool>,
    /// Connections that are shared: of HTTP/2, idle ones too.
    shared: RefCell<Vec<Rc<Multi>>>,
    calls: RefCell<HashMap<u64, Rc<Call>>>,
    last: Cell<u64>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({} calls)", self.calls.borrow().len())
    }
}

impl Client {
    /// On a shard's way out.
    pub fn new(net: Rc<Net>) -> Rc<Self> {
        Rc::new(Self { net, pool: RefCell::default(), shared: RefCell::default(), calls: RefCell::default(), last: Cell::new(0) })
    }

    /// Makes a request, or says why it cannot be made.
    pub fn request(self: &Rc<Self>, reactor: &Reactor, request: Request, exchange: Rc<dyn Exchange>) -> Result<Handle, Failure> {
        self.last.set(self.last.get() + 1);
        let call = Rc::new(prepare(self, self.last.get(), request, exchange)?);
        call.target.policy.admits(call.target.scheme, &call.target.host, call.target.port)?;
        self.calls.borrow_mut().insert(call.number, call.clone());
        let begun = self.start(reactor, &call);
        if let Err(failure) = begun {
            self.calls.borrow_mut().remove(&call.number);
            return Err(failure);
        }
        Ok(Handle(call))
    }

    /// Puts a call on a connection that is there, or makes one.
    fn start(self: &Rc<Self>, reactor: &Reactor, call: &Rc<Call>) -> Result<(), Failure> {
        let place = place(&call.target);
        if let Some(multi) = self.multi(&place) {
            call.reused.set(true);
            return multi.begin(reactor, call.clone());
        }
        loop {
            let idle = self.pool.borrow_mut().take(&place);
            match idle {
                Some(conn) if conn.is_usable(reactor) => {
                    call.reused.set(true);
                    self.begin(reactor, call, &conn);
                    return Ok(());
                }
                Some(stale) => stale.close(reactor),
                None => return self.connect(reactor, call),
            }
        }
    }

    /// A shared connection that takes one more.
    fn multi(&self, place: &Place) -> Option<Rc<Multi>> {
        self.shared.borrow().iter().find(|multi| multi.place == *place && multi.takes_more()).cloned()
    }

    /// An app is gone: its connections are closed, and its requests end without a word.
    pub fn forget(&self, reactor: &Reactor, app: u64) {
        let calls: Vec<_> = self.calls.borrow().values().filter(|call| call.target.app == app).cloned().collect();
        for call in calls {
            Handle(call).abort(reactor);
        }
        let idle = self.pool.borrow_mut().forget(app);
        for conn in idle {
            conn.close(reactor);
        }
        let shared: Vec<_> = self.shared.borrow().iter().filter(|multi| multi.place.app == app).cloned().collect();
        for multi in shared {
            multi.close(reactor);
        }
        self.net.forget(app);
    }

    /// How many requests are on their way.
    pub fn len(&self) -> usize {
        self.calls.borrow().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn connect(self: &Rc<Self>, reactor: &Reactor, call: &Rc<Call>) -> Result<(), Failure> {
        if let Some(full) = self.net.is_full(call.target.app) {
            let oldest = self.pool.borrow_mut().oldest(call.target.app, full);
            match oldest {
                Some(oldest) => oldest.close(reactor),
                None => {
                    let is_ours = |multi: &&Rc<Multi>| multi.place.app == call.target.app || full == Full::All;
                    let idle = self.shared.borrow().iter().filter(is_ours).find(|multi| multi.is_idle()).cloned();
                    if let Some(idle) = idle {
                        idle.close(reactor);
                    }
                }
            }
        }
        let (client, later) = (Rc::downgrade(self), Rc::downgrade(call));
        let connect = Connect::start(&self.net, reactor, call.target.clone(), move |reactor, result| {
            let (Some(client), Some(call)) = (client.upgrade(), later.upgrade()) else { return };
            let place = place(&call.target);
            let begun = result.and_then(|(stream, permit)| {
                if stream.is_http2() {
                    // Of several that were begun at once the first is enough.
                    let multi = match client.multi(&place) {
                        Some(multi) => multi,
                        None => Multi::new(&client, reactor, place, stream, permit)?,
                    };
                    return multi.begin(reactor, call.clone());
                }
                client.begin(reactor, &call, &Conn::new(&client, reactor, place, stream, permit)?);
                Ok(())
            });
            if let Err(failure) = begun {
                call.tell(reactor, failure);
            }
        })?;
        *call.step.borrow_mut() = Step::Connecting(connect);
        Ok(())
    }

    fn begin(&self, reactor: &Reactor, call: &Rc<Call>, conn: &Rc<Conn>) {
        *call.step.borrow_mut() = Step::On(Rc::downgrade(conn));
        conn.begin(reactor, call.clone(), call.first());
    }

    fn keep(&self, reactor: &Reactor, conn: &Rc<Conn>) {
        let closed = self.pool.borrow_mut().put(conn.clone());
        for conn in closed {
            conn.close(reactor);
        }
    }

    fn lose(&self, conn: &Rc<Conn>) {
        self.pool.borrow_mut().remove(conn);
    }
}

fn place(target: &Target) -> Place {
    let Target { app, policy, scheme, host, port } = target.clone();
    Place { app, secure: scheme.is_secure(), host, port, policy }
}

fn prepare(client: &Rc<Client>, number: u64, request: Request, exchange: Rc<dyn Exchange>) -> Result<Call, Failure> {
    let Request { app, policy, mut head, body } = request;
    let invalid = |what: &str| Failure::new(FailureKind::Invalid, what);
    let url = Url::parse(&head.url, None).ok_or_else(|| invalid("the URL is not one"))?;
    let scheme = Scheme::parse(url.scheme()).filter(|scheme| matches!(scheme, Scheme::Http | Scheme::Https));
    let scheme = scheme.ok_or_else(|| invalid("only http and https can be fetched from the network"))?;
    let host = url.hostname().and_then(Host::parse).ok_or_else(|| invalid("the URL's host is no name and no address"))?;
    let port = url.port().or(scheme.port()).ok_or_else(|| invalid("the URL has no port"))?;
    // https://fetch.spec.whatwg.org/#http-network-or-cache-fetch, 8.20 and 8.21.
    if head.headers.value(b"accept-encoding").is_none() {
        let ranged = head.headers.value(b"range").is_some();
        let codings: &[u8] = match scheme {
            _ if ranged => b"identity",
            Scheme::Https => b"br, gzip, deflate",
            _ => b"gzip, deflate",
        };
        if !head.headers.push(b"accept-encoding", codings) {
            return Err(invalid("the headers cannot be sent"));
        }
    }
    let content = match &body {
        Body::None => h1::Content::None,
        Body::Whole(bytes) => h1::Content::Length(bytes.len() as u64),
        Body::Stream(Some(length)) => h1::Content::Length(*length),
        Body::Stream(None) => h1::Content::Stream,
    };
    let target = url.path().to_owned() + &url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let line = h1::Call { target: &target, host: &url.host(), content, keep_alive: true, upgrade: None };
    let mut bytes = Vec::new();
    let framing = h1::write_request_head(&mut bytes, &head, &line).map_err(|why| invalid(&format!("the request cannot be sent: {why}")))?;
    let authority = url.host();
    let message = (scheme == Scheme::Https).then(|| Message { head: head.clone(), path: target, authority, content });
    let is_streamed = matches!(body, Body::Stream(_)) && framing != h1::Framing::None;
    Ok(Call {
        number,
        exchange,
        client: Rc::downgrade(client),
        target: Target { app, policy, scheme, host, port },
        head: bytes,
        message,
        body: RefCell::new(if let Body::Whole(bytes) = body { Some(Rc::new(bytes)) } else { None }),
        framing,
        is_streamed,
        is_idempotent: matches!(&*head.method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE"),
        is_head: head.method == "HEAD",
        step: RefCell::new(Step::Over),
        reused: Cell::new(false),
        refusals: Cell::new(0),
    })
}
