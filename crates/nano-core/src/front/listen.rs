//! The built-in HTTP server: where it listens, which app gets a request, and what it bears from its clients.

use std::fmt;
use std::io;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::Duration;

use nano_base::http::{RequestHead, ResponseHead};
use nano_base::limits::{
    HTTP_BODY_MS, HTTP_CONNECTIONS_MAX, HTTP_CONNECTIONS_OF_APP_PERCENT, HTTP_HEAD_MS, HTTP_HEADERS_MAX, HTTP_IDLE_MS,
    HTTP_LEAST_BYTES_PER_S, HTTP_LINGER_MS, HTTP_SHORTAGE_TOLD_MS,
};
use nano_base::problem::Problem;
use nano_base::socket_file::SocketFile;
use nano_base::status::{Error, Result, Status};
use nano_base::sys;
use nano_engine::LogLevel;
use nano_http::h1;

use super::socket::{Acceptor, Bound};
use super::tls::{Certificate, Tls, TlsOptions};
use crate::app::App;
use crate::event::Account;
use crate::runtime::{Inner, Runtime};
use crate::shard::Command;
use crate::wait::{Grace, lock};

/// Who gets a request.
#[derive(Debug)]
pub enum Route {
    /// An app.
    App(App),
    /// Nobody: this is the answer.
    Reply(ResponseHead, Vec<u8>),
    /// Nobody: this is why.
    Refused(Problem),
    /// Nobody: 404.
    Nobody,
}

/// Decides which app a request is for. It is asked on a shard's thread for every request: it must be quick, and must not block.
pub trait Router: Send + Sync {
    /// The host is in lower case and without a port; the path is percent-encoded and begins with a slash.
    fn route(&self, host: &str, path: &str) -> Route;

    /// Whether all requests come by a proxy, and what it says of its clients (`X-Forwarded-For`, `X-Forwarded-Proto`) is true.
    fn is_behind_proxy(&self) -> bool {
        false
    }

    /// Whether there is one app alone: nobody else needs connections that it does not have.
    fn serves_one_app(&self) -> bool {
        false
    }

    /// An app among those that are named once for which `is_here` is not so. Requests for another runtime's would wait there for ever.
    fn stranger(&self, is_here: &dyn Fn(&App) -> bool) -> Option<App> {
        let _ = is_here;
        None
    }

    /// The same as `route` for a router that decides by more than host and path, or answers itself.
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

    fn serves_one_app(&self) -> bool {
        true
    }

    fn stranger(&self, is_here: &dyn Fn(&App) -> bool) -> Option<App> {
        (!is_here(self)).then(|| self.clone())
    }
}

/// What a listener bears from its clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenLimits {
    /// Connections at once; more wait in the kernel's queue.
    pub connections: usize,
    /// Of these, those at a request of one app; what comes beyond is refused. Zero is four fifths of them, or all where there is one app alone.
    pub connections_of_app: usize,
    /// What a request's head may have.
    pub head: h1::Limits,
    /// How long a client may take for a request's head, in milliseconds.
    pub head_ms: u64,
    /// How long a connection may be open between two requests.
    pub idle_ms: u64,
    /// How long a body may stand still, in either direction; a client that takes less than 256 bytes a second of what there is for it stands
    /// still, and so does one that sends less of what is waited for.
    pub body_ms: u64,
    /// How long a connection that is closed early is listened to, so that the client reads why.
    pub linger_ms: u64,
}

impl Default for ListenLimits {
    fn default() -> Self {
        Self {
            connections: HTTP_CONNECTIONS_MAX,
            connections_of_app: 0,
            head: h1::Limits::default(),
            head_ms: HTTP_HEAD_MS,
            idle_ms: HTTP_IDLE_MS,
            body_ms: HTTP_BODY_MS,
            linger_ms: HTTP_LINGER_MS,
        }
    }
}

impl ListenLimits {
    /// What a client has to move of a body, within the time that it has for that.
    pub(super) fn least_bytes(&self) -> usize {
        (HTTP_LEAST_BYTES_PER_S.saturating_mul(self.body_ms) / 1_000) as usize
    }

    /// Refuses what could not be kept to.
    fn check(&self) -> Result<()> {
        if self.head.headers > HTTP_HEADERS_MAX {
            let why = format!("headers is {}; the most is {HTTP_HEADERS_MAX}", self.head.headers);
            return Err(Error::new(Status::Invalid, why));
        }
        Ok(())
    }

    /// Connections of one app at once.
    fn of_app(&self, router: &dyn Router) -> usize {
        match self.connections_of_app {
            0 if router.serves_one_app() => self.connections,
            0 => (self.connections * HTTP_CONNECTIONS_OF_APP_PERCENT / 100).max(1),
            connections => connections,
        }
    }
}

/// Where to listen, and for whom.
pub struct ListenOptions {
    /// `IP:PORT`, `unix:/PATH`, or `fd:NUMBER` for a descriptor that somebody else has bound. Port 0 is any that is free. A path's file goes
    /// when the listener is closed.
    pub address: String,
    /// Who gets the requests.
    pub router: Arc<dyn Router>,
    /// What clients may do.
    pub limits: ListenLimits,
    /// TLS, if it is spoken: the URLs of requests begin with `https:` then.
    pub tls: Option<TlsOptions>,
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
    pub tls: Option<Tls>,
    /// The `Host` of clients that name none (HTTP/1.0).
    pub address: String,
    pub connections: AtomicUsize,
    /// The file that clients connect to, if there is one, until the end.
    file: Mutex<Option<SocketFile>>,
    closed: AtomicBool,
    /// What waits for the last connection's end.
    ending: Mutex<()>,
    ended: Condvar,
}

impl Shared {
    /// Whether nothing more is accepted, and connections end with the request they are at.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// A connection has ended.
    pub(super) fn leave(&self) {
        if self.connections.fetch_sub(1, Ordering::AcqRel) == 1 {
            let _ending = lock(&self.ending);
            self.ended.notify_all();
        }
    }

    /// Waits until there are no connections; false when the time passed first.
    fn wait_empty(&self, grace: Duration) -> bool {
        let left = |_: &mut ()| self.connections.load(Ordering::Acquire) > 0;
        let waited = self.ended.wait_timeout_while(lock(&self.ending), grace, left);
        !waited.unwrap_or_else(|poisoned| poisoned.into_inner()).1.timed_out()
    }

    fn remove_file(&self) {
        drop(lock(&self.file).take());
    }

    fn close(&self, inner: &Arc<Inner>) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.remove_file();
        for shard in &inner.shards {
            shard.front.close_listener(inner, self.key);
            shard.wake();
        }
    }
}

/// How often WebSockets are closed that begin while the runtime is drained.
const HANG_UP_AGAIN: Duration = Duration::from_millis(250);

/// The listeners of a runtime.
#[derive(Default)]
pub(crate) struct Listeners {
    all: Mutex<Vec<Weak<Shared>>>,
    /// When the host is told next that there are no descriptors for clients, if it is so then.
    told_again_ms: AtomicU64,
}

impl Listeners {
    fn add(&self, shared: &Arc<Shared>) {
        let mut all = lock(&self.all);
        all.retain(|listener| listener.strong_count() > 0);
        all.push(Arc::downgrade(shared));
    }

    /// A client cannot be accepted for want of descriptors or memory: the host is told, every now and then as long as it is so.
    pub(super) fn tell_shortage(&self, inner: &Inner, listener: &Shared, error: &io::Error) {
        let (now_ms, due_ms) = (inner.clock.now_ms(), self.told_again_ms.load(Ordering::Relaxed));
        let next_ms = now_ms + HTTP_SHORTAGE_TOLD_MS;
        if now_ms < due_ms || self.told_again_ms.compare_exchange(due_ms, next_ms, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let connections = listener.connections.load(Ordering::Relaxed);
        let why = format!("a client of {} cannot be accepted beside {connections} others: {error}; idle ones make room", listener.address);
        inner.log("", LogLevel::Warn, why, 0);
        inner.queue.ring();
    }

    /// The runtime ends, and nobody accepts any more: the files that clients connect to go.
    pub(crate) fn remove_files(&self) {
        lock(&self.all).iter().filter_map(Weak::upgrade).for_each(|listener| listener.remove_file());
    }

    /// Closes them, and waits until what their clients have asked for is answered and written, and WebSockets are closed; false when the
    /// time passed first.
    pub(crate) fn drain(&self, inner: &Arc<Inner>, grace: Grace) -> bool {
        let all: Vec<Arc<Shared>> = lock(&self.all).iter().filter_map(Weak::upgrade).collect();
        all.iter().for_each(|listener| listener.close(inner));
        inner.hang_up_until(grace, |time| all.iter().all(|listener| listener.wait_empty(time)))
    }
}

impl Inner {
    /// Closes WebSockets until all is `done` that is waited for; false when the time passed first.
    pub(crate) fn hang_up_until(&self, grace: Grace, done: impl Fn(Duration) -> bool) -> bool {
        loop {
            // Also those that begin meanwhile: they would have no end, and their clients are wanted elsewhere.
            self.tell_shards(|| Command::HangUp(None));
            if done(grace.left().min(HANG_UP_AGAIN)) {
                return true;
            }
            if grace.left().is_zero() {
                return false;
            }
        }
    }
}

/// A connection's part in a listener: one of those that are counted, as long as this lives.
pub(super) struct Counted(Arc<Shared>);

impl Counted {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        shared.connections.fetch_add(1, Ordering::Relaxed);
        Self(shared)
    }
}

impl Deref for Counted {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// One shard's part of a listener.
pub(super) struct Acceptance {
    pub shared: Arc<Shared>,
    pub acceptor: Acceptor,
    /// It cannot accept more for now, and tries again by a timer.
    pub paused: bool,
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
    /// Listens for HTTP, with TLS or without, on every shard.
    pub fn listen(&self, options: ListenOptions) -> Result<Listener> {
        let inner = self.inner();
        inner.check_open()?;
        if let Some(app) = options.router.stranger(&|app| Arc::ptr_eq(&app.inner, inner)) {
            return Err(Error::new(Status::Invalid, format!("the app \"{}\" is another runtime's", app.name())));
        }
        options.limits.check()?;
        let shards = inner.working;
        let tls = options.tls.as_ref().map(|tls| Tls::new(tls, &inner.clock)).transpose()?;
        let bound = Bound::new(&options.address, shards)?;
        let shared = Arc::new(Shared {
            key: NEXT.fetch_add(1, Ordering::Relaxed),
            limits: ListenLimits { connections_of_app: options.limits.of_app(&*options.router), ..options.limits },
            router: options.router,
            tls,
            file: Mutex::new(SocketFile::of(&bound.address())),
            address: bound.address(),
            connections: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            ending: Mutex::new(()),
            ended: Condvar::new(),
        });
        inner.listeners.add(&shared);
        let listener = Listener { shared: shared.clone(), inner: inner.clone() };
        let failed = |error: std::io::Error| Error::new(Status::Io, format!("cannot listen on {}: {error}", shared.address));
        for (shard, acceptor) in inner.shards.iter().zip(bound.into_acceptors(shards).map_err(failed)?) {
            shard.front.accept_from(Acceptance { shared: shared.clone(), acceptor, paused: false }).map_err(failed)?;
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

    /// Other certificates for the connections to come; those there are keep theirs. Nothing changes if one of them cannot be used.
    pub fn set_certificates(&self, certificates: &[Certificate]) -> Result<()> {
        let tls = self.shared.tls.as_ref().ok_or_else(|| Error::new(Status::Invalid, "the listener does not speak TLS"))?;
        tls.replace(certificates)
    }

    /// Accepts no more. Connections end with the request they are at; those that have none wait a moment for one that is on its way.
    /// Does not wait for them. In a forked child nothing happens: what waits to be accepted there is its parent's.
    pub fn close(&self) {
        if !sys::fork::is_child() {
            self.shared.close(&self.inner);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}
