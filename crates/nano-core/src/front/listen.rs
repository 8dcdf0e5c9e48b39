//! The built-in HTTP server: where it listens, which app gets a request, and what it bears from its clients.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use nano_base::http::{RequestHead, ResponseHead};
use nano_base::limits::{HTTP_BODY_MS, HTTP_CONNECTIONS_MAX, HTTP_HEAD_MS, HTTP_IDLE_MS, HTTP_LINGER_MS};
use nano_base::status::{Error, Result, Status};
use nano_http::h1;

use super::socket::{Acceptor, Bound};
use crate::app::App;
use crate::event::Account;
use crate::runtime::{Inner, Runtime};

/// Who gets a request.
#[derive(Debug)]
pub enum Route {
    /// An app.
    App(App),
    /// Nobody: this is the answer.
    Reply(ResponseHead, Vec<u8>),
    /// Nobody: 404.
    Nobody,
}

/// Decides which app a request is for. It is asked on a shard's thread for every request: it must be quick, and must not block.
pub trait Router: Send + Sync {
    /// The host is in lower case and without a port; the path is percent-encoded and begins with a slash.
    fn route(&self, host: &str, path: &str) -> Route;

    /// The same for a router that decides by more than host and path, or answers itself.
    fn route_request(&self, head: &RequestHead, host: &str, path: &str) -> Route {
        let _ = head;
        self.route(host, path)
    }

    /// Whether it wants to hear of answers: if not, nothing is gathered for it.
    fn is_curious(&self) -> bool {
        false
    }

    /// What a client reads whose request has failed, for a router that is curious; none for a code and the request's id. Whoever reads
    /// it sees messages and stacks of the app's: it is for those who write the app.
    fn explain(&self, answered: &Answered<'_>) -> Option<(ResponseHead, Vec<u8>)> {
        let _ = answered;
        None
    }

    /// A request that an app had is over, for a router that is curious.
    fn answered(&self, answered: &Answered<'_>) {
        let _ = answered;
    }
}

/// How a request of an app's ended.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// The app's name.
    pub app: &'a str,
    /// The request's id, as in `x-request-id`.
    pub id: u64,
    /// What was asked.
    pub request: &'a RequestHead,
    /// What was answered; zero if the client had gone before.
    pub status: u16,
    /// Why it failed.
    pub error: Option<&'a Error>,
    /// What it used.
    pub account: Account,
}

/// One app gets every request.
impl Router for App {
    fn route(&self, _: &str, _: &str) -> Route {
        Route::App(self.clone())
    }
}

/// What a listener bears from its clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenLimits {
    /// Connections at once; more wait in the kernel's queue.
    pub connections: usize,
    /// What a request's head may have.
    pub head: h1::Limits,
    /// How long a client may take for a request's head, in milliseconds.
    pub head_ms: u64,
    /// How long a connection may be open between two requests.
    pub idle_ms: u64,
    /// How long a body may stand still, in either direction.
    pub body_ms: u64,
    /// How long a connection that is closed early is listened to, so that the client reads why.
    pub linger_ms: u64,
}

impl Default for ListenLimits {
    fn default() -> Self {
        Self {
            connections: HTTP_CONNECTIONS_MAX,
            head: h1::Limits::default(),
            head_ms: HTTP_HEAD_MS,
            idle_ms: HTTP_IDLE_MS,
            body_ms: HTTP_BODY_MS,
            linger_ms: HTTP_LINGER_MS,
        }
    }
}

/// Where to listen, and for whom.
pub struct ListenOptions {
    /// `IP:PORT`, `unix:/PATH`, or `fd:NUMBER` for a descriptor that somebody else has bound. Port 0 is any that is free.
    pub address: String,
    /// Who gets the requests.
    pub router: Arc<dyn Router>,
    /// What clients may do.
    pub limits: ListenLimits,
}

impl fmt::Debug for ListenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListenOptions({})", self.address)
    }
}

/// What all shards share of a listener.
pub(super) struct Shared {
    pub key: u64,
    pub router: Arc<dyn Router>,
    pub limits: ListenLimits,
    /// The `Host` of clients that name none (HTTP/1.0).
    pub address: String,
    pub connections: AtomicUsize,
    closed: AtomicBool,
}

impl Shared {
    /// Whether nothing more is accepted, and connections end with the request they are at.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

/// One shard's part of a listener.
pub(super) struct Acceptance {
    pub shared: Arc<Shared>,
    pub acceptor: Acceptor,
}

/// A listener. Dropping it closes it.
pub struct Listener {
    shared: Arc<Shared>,
    inner: Arc<Inner>,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listener({})", self.shared.address)
    }
}

/// Numbers of listeners, in this process.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Runtime {
    /// Listens for HTTP, on every shard.
    pub fn listen(&self, options: ListenOptions) -> Result<Listener> {
        let inner = self.inner();
        inner.check_open()?;
        let shards = inner.shards.len();
        let bound = Bound::new(&options.address, shards)?;
        let shared = Arc::new(Shared {
            key: NEXT.fetch_add(1, Ordering::Relaxed),
            router: options.router,
            limits: options.limits,
            address: bound.address(),
            connections: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        });
        let listener = Listener { shared: shared.clone(), inner: inner.clone() };
        let failed = |error: std::io::Error| Error::new(Status::Io, format!("cannot listen on {}: {error}", shared.address));
        for (shard, acceptor) in inner.shards.iter().zip(bound.into_acceptors(shards).map_err(failed)?) {
            shard.front.accept_from(Acceptance { shared: shared.clone(), acceptor }).map_err(failed)?;
            shard.wake();
        }
        Ok(listener)
    }
}

impl Listener {
    /// What clients connect to: with the port that port 0 has become.
    pub fn address(&self) -> &str {
        &self.shared.address
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Accepts no more. Connections end with the request they are at; those without one at once. Does not wait for them.
    pub fn close(&self) {
        if self.shared.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        for shard in &self.inner.shards {
            shard.front.close_listener(self.shared.key);
            shard.wake();
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}
