//! Requests and invocations from acceptance to their one terminal event.

use std::sync::atomic::{AtomicI64, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use nano_base::http::{RequestHead, ResponseHead};
use nano_base::limits::{BODY_WINDOW_BYTES, WAITING_RESPONSES_MAX};
use nano_base::meet::Ended;
use nano_base::status::{Error, Result, Status};
use nano_base::url::{Url, Written};
use nano_base::value::Value;

use crate::app::{App, AppShared};
use crate::call::Call;
use crate::event::{Account, Event, Payload};
use crate::front::{Happening, Mail, Reply};
use crate::pipe::{self, Held, Pipe, Pushed};
use crate::queue::Batch;
use crate::runtime::Inner;
use crate::shard::{Command, last_frame};
use crate::trace::Trace;
use crate::wait::{Slot, lock};

/// The body a request begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// None.
    #[default]
    None,
    /// All of it.
    Whole(Vec<u8>),
    /// It follows by `request_write` and `request_end`.
    Stream,
    /// None, and the host has the client's connection: if the app answers with a WebSocket, the response has the status 101, what the client
    /// sends from then on follows by `request_write` and `request_end`, and the chunks of the response are what it gets, as they are.
    Upgrade,
}

/// A request to dispatch.
#[derive(Clone, Debug, Default)]
pub struct RequestInit {
    /// Method, URL and headers. The app reads the URL as the web's parser writes it, without its fragment.
    pub head: RequestHead,
    /// The body.
    pub body: Body,
    /// Comes back with every event of the request.
    pub user_data: u64,
    /// A shorter wall limit than the app's; zero for none.
    pub deadline_ms: u32,
}

/// What a URL has to be.
pub(crate) const NO_URL: &str = "the URL must be absolute and begin with http:// or https://";

/// Writes the URL of a request as the web's parser does, without its fragment: what an app reads is what it would read of a listener, and
/// looks the same whoever has sent it. Most are written so already.
pub(crate) fn write_url(url: &mut String) -> Result<()> {
    if let Some([.., end]) = Url::places_if_plain(url) {
        url.truncate(end);
        return Ok(());
    }
    let invalid = |why: &str| Err(Error::new(Status::Invalid, why));
    let Some(parsed) = Url::parse(url, None) else {
        let begins =
            ["http:", "https:"].iter().any(|scheme| url.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme)));
        return invalid(if begins { "the URL has no host that could be one, or no such port" } else { NO_URL });
    };
    if !matches!(parsed.scheme(), "http" | "https") {
        return invalid(NO_URL);
    }
    if !parsed.username().is_empty() || !parsed.password().is_empty() {
        return invalid("the URL has credentials, which no request's has: send them as the header authorization");
    }
    let Written { mut href, places: [.., end] } = parsed.written();
    href.truncate(end);
    *url = href;
    Ok(())
}

/// A whole response, from the blocking one-shot.
#[derive(Debug)]
pub struct Response {
    /// Status and headers.
    pub head: ResponseHead,
    /// The body.
    pub body: Vec<u8>,
    /// What the request used.
    pub account: Account,
}

/// What is asked of an app.
#[derive(Debug)]
pub(crate) enum Job {
    /// Its `fetch` handler.
    Fetch(RequestHead),
    /// An exported function, with its arguments.
    Invoke(String, Mutex<Option<Vec<Value>>>),
    /// The handler of this name, with what it is called for.
    Event(&'static str, EventBody),
    /// Its `queue` handler. The messages stay what they wait as, and are counted as, until they are delivered.
    Batch(Arc<Batch>),
}

/// What a handler is called for.
#[derive(Debug)]
pub(crate) struct EventBody {
    /// Taken when it is delivered.
    pub value: Mutex<Option<Value>>,
    summary: Value,
}

impl EventBody {
    /// What tail workers are told of it.
    pub(crate) fn summary(&self) -> Value {
        self.summary.clone()
    }
}

impl Job {
    /// What of it counts as waiting, besides a body.
    pub(crate) fn head_bytes(&self) -> usize {
        if let Self::Fetch(head) = self { pipe::request_head_bytes(head) } else { 0 }
    }

    /// What it would be delivered with is not needed any more, if it has not been taken.
    fn drop_values(&self) {
        match self {
            Job::Fetch(_) | Job::Batch(_) => {}
            Job::Invoke(_, args) => drop(lock(args).take()),
            Job::Event(_, event) => drop(lock(&event.value).take()),
        }
    }

    /// An event for the handler of this name.
    pub(crate) fn event(handler: &'static str, value: Value) -> Self {
        let summary = if matches!(value, Value::Object(_)) { value.clone() } else { Value::Undefined };
        Self::Event(handler, EventBody { value: Some(value).into(), summary })
    }
}

/// An event that the runtime started itself.
#[derive(Debug)]
pub(crate) enum Duty {
    /// By this cron expression.
    Cron(String),
    /// For messages of a queue.
    Batch(Arc<Batch>),
    /// To tell of others.
    Tail,
}

/// Where a running request is: on which thread, in which instance, under which number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub shard: usize,
    pub incarnation: u32,
    pub slot: u64,
    pub local: u32,
}

/// Who hears of the request's end.
pub(crate) enum Listener {
    /// The completion queue.
    Queue,
    /// A thread that waits.
    Waiter(Arc<Slot<Result<Response>>>, Mutex<Option<(ResponseHead, Vec<u8>, Held)>>),
    /// A thread that waits for an invocation.
    Invoker(Arc<Slot<Result<(Value, Account)>>>),
    /// Another app.
    App(Arc<Call>),
    /// A connection from the network.
    Connection(Reply),
    /// The runtime itself.
    Duty(Duty),
}

impl Listener {
    /// Whether it is a thread that does nothing else meanwhile.
    pub(crate) fn is_blocked(&self) -> bool {
        matches!(self, Self::Waiter(..) | Self::Invoker(..))
    }
}

/// On whose behalf an app asks another.
#[derive(Debug, Default)]
pub(crate) struct Origin {
    /// How many apps have called one another before this request.
    pub depth: u32,
    /// The export that it is for, if it is not the default one.
    pub entrypoint: Option<String>,
}

/// A length that nobody knows.
const UNKNOWN: u64 = u64::MAX;

/// What an event has spent of its limits. It outlives the request: what that has begun goes on at its expense.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    /// How many apps have called one another to get here.
    pub depth: u32,
    /// The request's id; zero for what an instance does of itself.
    pub request: AtomicU64,
    pub cpu_ns: AtomicU64,
    /// CPU of its errands, on helper threads.
    pub errand_ns: AtomicU64,
    pub subrequests: AtomicU32,
    /// Of these, those that have been opened and not answered.
    pub open: AtomicU32,
    /// What is remembered of it for others, if there are any.
    pub trace: Option<Box<Trace>>,
}

impl Spent {
    fn new(depth: u32, trace: Option<Box<Trace>>) -> Self {
        let (request, cpu_ns, errand_ns, subrequests, open) = Default::default();
        Self { depth, request, cpu_ns, errand_ns, subrequests, open, trace }
    }

    /// CPU time, errands and all.
    pub(crate) fn cpu_ms(&self) -> f64 {
        (self.cpu_ns.load(Ordering::Relaxed) + self.errand_ns.load(Ordering::Relaxed)) as f64 / 1e6
    }
}

impl Drop for Spent {
    /// Nothing can be done at the event's expense any more.
    fn drop(&mut self) {
        if let Some(trace) = self.trace.take() {
            trace.tell(self);
        }
    }
}

/// One accepted request or invocation.
pub(crate) struct Work {
    pub id: AtomicU64,
    pub user_data: u64,
    pub app: Arc<AppShared>,
    pub job: Job,
    pub body: Mutex<Pipe>,
    pub place: Mutex<Option<Place>>,
    /// Bytes of response body the host has room for.
    pub credit: AtomicI64,
    pub accepted_ns: u64,
    /// When the wall limit strikes, in the clock's milliseconds; moves with a stream's progress.
    pub deadline_ms: AtomicU64,
    pub wall_ms: u64,
    pub spent: Arc<Spent>,
    /// Shards that had no room for it.
    pub hops: AtomicU32,
    pub bytes_out: AtomicU64,
    /// How many there will be of a response that is streamed, as far as anybody was told.
    promised: AtomicU64,
    /// The status of a response that is streamed.
    pub status: AtomicU16,
    pub listener: Listener,
    /// The export that it is for, if it is not the default one.
    pub entrypoint: Option<String>,
    /// The number, in its instance, of the WebSocket that it was answered with; or zero.
    pub socket: AtomicU32,
    /// Its head, if that is a large one.
    _head_held: Held,
    /// What the host has been given of such a one and has not passed on: its clients may be in no hurry to read, and it has to keep that for them.
    carried: Mutex<Held>,
    ended: Ended,
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Work({:#x})", self.id.load(Ordering::Relaxed))
    }
}

impl Work {
    pub(crate) fn new(
        App { shared: app, inner }: &App,
        job: Job,
        body: Body,
        user_data: u64,
        deadline_ms: u32,
        listener: Listener,
        origin: Origin,
    ) -> Self {
        let trace = Trace::begin(inner, app, &job);
        let now_ns = inner.clock.now_ns();
        let app_wall = u64::from(app.limits().wall_ms);
        let wall_ms = if deadline_ms == 0 { app_wall } else { app_wall.min(u64::from(deadline_ms)) };
        let head_bytes = job.head_bytes();
        // What came by a connection, or from another app, is as long as it says; of a host's nobody has looked.
        let length = match (&job, &listener) {
            (Job::Fetch(head), Listener::Connection(_) | Listener::App(_)) => head.headers.content_length(),
            _ => None,
        };
        let mut body = Pipe::of_request(body, app);
        body.length = body.length.or(length);
        Self {
            id: AtomicU64::new(0),
            user_data,
            app: app.clone(),
            job,
            body: Mutex::new(body),
            place: Mutex::new(None),
            credit: AtomicI64::new(BODY_WINDOW_BYTES as i64),
            accepted_ns: now_ns,
            deadline_ms: AtomicU64::new(now_ns / 1_000_000 + wall_ms),
            wall_ms,
            spent: Arc::new(Spent::new(origin.depth, trace)),
            hops: AtomicU32::new(0),
            bytes_out: AtomicU64::new(0),
            promised: AtomicU64::new(UNKNOWN),
            status: AtomicU16::new(0),
            listener,
            entrypoint: origin.entrypoint,
            socket: AtomicU32::new(0),
            _head_held: if head_bytes > 0 { Held::of(app, head_bytes) } else { Held::NONE },
            carried: Mutex::new(Held::NONE),
            ended: Ended::new(),
            inner: inner.clone(),
        }
    }

    /// Whether its client has gone, for all that is known, and would still be answered.
    pub(crate) fn has_left(&self) -> bool {
        matches!(&self.listener, Listener::Connection(reply) if reply.has_left.load(Ordering::Acquire))
    }

    /// Its client has gone, for all that is known; whether that is news.
    pub(crate) fn leave(&self) -> bool {
        matches!(&self.listener, Listener::Connection(reply) if !reply.has_left.swap(true, Ordering::AcqRel))
    }

    pub(crate) fn is_done(&self) -> bool {
        self.ended.is()
    }

    /// The stream made progress: the wall limit counts from here.
    pub(crate) fn progress(&self) {
        self.deadline_ms.store(self.inner.clock.now_ms() + self.wall_ms, Ordering::Relaxed);
    }

    /// Its time is up.
    pub(crate) fn wall_error(&self) -> Error {
        Error::new(Status::WallLimit, format!("the request was not answered within {} ms (limit wall_ms)", self.wall_ms))
    }

    /// What the request used so far.
    pub(crate) fn account(&self) -> Account {
        let memory = self.app.memory();
        Account {
            cpu_us: (self.spent.cpu_ns.load(Ordering::Relaxed) + self.spent.errand_ns.load(Ordering::Relaxed)) / 1_000,
            wall_us: self.inner.clock.now_ns().saturating_sub(self.accepted_ns) / 1_000,
            heap_bytes: memory.0,
            external_bytes: memory.1,
            subrequests: self.spent.subrequests.load(Ordering::Relaxed),
            bytes_in: lock(&self.body).bytes_total,
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
        }
    }

    /// Ends the request with `payload`, unless it has ended already: the one place that makes terminal events.
    pub(crate) fn finish(&self, end: Ending) -> bool {
        if !self.ended.end() {
            return false;
        }
        // A timer may hold the request for as long as it might have taken.
        self.job.drop_values();
        *lock(&self.carried) = Held::NONE;
        let account = self.account();
        if let Some(trace) = &self.spent.trace {
            if let Ending::Response(head, _) = &end {
                trace.responded(head.status);
            }
            let error = if let Ending::Error(error) = &end { Some(error) } else { None };
            trace.end(&self.job, self.entrypoint.as_deref(), error, &account);
        }
        self.inner.finished(self, &end, &account);
        match &self.listener {
            Listener::Queue => {
                // A client that the host carries a WebSocket for is told why it ends, by a last piece.
                if let Ending::Error(error) = &end
                    && self.socket.load(Ordering::Acquire) != 0
                    && error.status != Status::Canceled
                {
                    self.push(Payload::Chunk(last_frame(error)));
                }
                self.push(end.into_payload(account));
            }
            Listener::Waiter(slot, head) => slot.fill(match end {
                Ending::Response(head, body) => Ok(Response { head, body, account }),
                Ending::Stream => match lock(head).take() {
                    Some((head, body, _)) => Ok(Response { head, body, account }),
                    None => Err(Error::new(Status::Panic, "a response ended before it began")),
                },
                Ending::Value(_) => Err(Error::new(Status::Panic, "an invocation answered a request")),
                Ending::Error(error) => {
                    lock(head).take();
                    Err(error)
                }
            }),
            Listener::Invoker(slot) => slot.fill(match end {
                Ending::Value(value) => Ok((value, account)),
                Ending::Error(error) => Err(error),
                _ => Err(Error::new(Status::Panic, "a response answered an invocation")),
            }),
            Listener::App(call) => self.inner.finish_call(call, end, &self.app.name),
            Listener::Connection(reply) => self.post(reply, Happening::of_end(end), || true),
            Listener::Duty(Duty::Cron(cron)) => self.inner.cron_ended(&self.app, cron),
            Listener::Duty(Duty::Batch(batch)) => self.inner.batch_ended(batch, &end),
            Listener::Duty(Duty::Tail) => self.inner.tail_ended(&self.app.name),
        }
        true
    }

    /// Undoes an acceptance that could not be placed; false if the request has ended, by its event, in the meantime.
    pub(crate) fn withdraw(&self) -> bool {
        let won = self.ended.end();
        if won {
            self.inner.release(self);
            self.app.leave();
        }
        won
    }

    /// The head of a streaming response, of so many bytes, if that is known. What the app says of it may be true of another body.
    pub(crate) fn send_head(&self, mut head: ResponseHead, length: Option<u64>) {
        if self.is_done() {
            return;
        }
        head.headers.set_content_length(length);
        self.promised.store(length.unwrap_or(UNKNOWN), Ordering::Relaxed);
        self.status.store(head.status, Ordering::Relaxed);
        if let Some(trace) = &self.spent.trace {
            trace.responded(head.status);
        }
        match &self.listener {
            Listener::Queue => self.push_before_end(Payload::Response { head, body: Vec::new(), end: false, account: self.account() }),
            Listener::Waiter(_, begun) => *lock(begun) = Some((head, Vec::new(), Held::of(&self.app, 0))),
            Listener::Invoker(_) | Listener::Duty(_) => {}
            Listener::App(call) => self.inner.begin_call_body(call, head),
            Listener::Connection(reply) => self.post(reply, Happening::Head(head), || !self.is_done()),
        }
        self.progress();
    }

    /// From here on bytes are carried as they are, both ways: its connection's, or those that the host hands over.
    pub(crate) fn switch(&self, head: ResponseHead) {
        self.status.store(head.status, Ordering::Relaxed);
        if let Some(trace) = &self.spent.trace {
            trace.responded(head.status);
        }
        match &self.listener {
            Listener::Connection(reply) => self.post(reply, Happening::Switch(head), || !self.is_done()),
            Listener::Queue => self.push_before_end(Payload::Response { head, body: Vec::new(), end: false, account: self.account() }),
            Listener::Waiter(..) | Listener::Invoker(_) | Listener::Duty(_) | Listener::App(_) => {}
        }
    }

    /// At whose expense the response waits: what another app has asked for waits for that one.
    pub(crate) fn payer(&self) -> &Arc<AppShared> {
        if let Listener::App(call) = &self.listener { &call.app } else { &self.app }
    }

    /// Whether there is room for a whole response: the host is free to take none for a while, but not at any price.
    pub(crate) fn check_room(&self) -> Result<()> {
        let app = self.payer();
        let whom = if matches!(self.listener, Listener::App(_)) { "app that called" } else { "host" };
        let waiting = app.waiting_bytes();
        if waiting == 0 {
            return Ok(());
        }
        let max = app.limits().external_bytes.saturating_mul(WAITING_RESPONSES_MAX);
        if waiting <= max as u64 {
            return Ok(());
        }
        Err(Error::new(
            Status::MemoryLimit,
            format!("more than {max} bytes of responses wait for the {whom} ({WAITING_RESPONSES_MAX} times the limit external_bytes)"),
        ))
    }

    /// Whether a response that has been streamed is as long as was said.
    pub(crate) fn check_length(&self) -> Result<()> {
        let promised = self.promised.load(Ordering::Relaxed);
        if promised == UNKNOWN || promised == self.bytes_out.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(Error::new(Status::Invalid, "the response's body is shorter than was announced"))
    }

    /// A piece of a streaming response; the credit that is left, or `None` when nobody takes it.
    pub(crate) fn send_chunk(&self, bytes: Vec<u8>) -> Result<Option<i64>> {
        if self.is_done() {
            return Ok(None);
        }
        self.progress();
        let len = bytes.len() as i64;
        let sent = self.bytes_out.fetch_add(bytes.len() as u64, Ordering::Relaxed) + bytes.len() as u64;
        if sent > self.promised.load(Ordering::Relaxed) {
            return Err(Error::new(Status::Invalid, "the response's body is longer than was announced"));
        }
        match &self.listener {
            Listener::Queue => {
                let credit = self.credit.fetch_sub(len, Ordering::AcqRel) - len;
                if self.socket.load(Ordering::Acquire) != 0 {
                    lock(&self.carried).merge(Held::of(&self.app, bytes.len()));
                }
                self.push_before_end(Payload::Chunk(bytes));
                Ok(Some(credit))
            }
            Listener::Waiter(_, begun) => {
                if let Some((_, body, held)) = &mut *lock(begun) {
                    let max = self.app.limits().external_bytes;
                    if body.len() + bytes.len() > max {
                        let why = format!("the response has more than {max} bytes (limit external_bytes): dispatch the request instead");
                        return Err(Error::new(Status::TooLarge, why));
                    }
                    held.add(bytes.len());
                    body.extend_from_slice(&bytes);
                }
                Ok(Some(BODY_WINDOW_BYTES as i64))
            }
            Listener::Invoker(_) | Listener::Duty(_) => Ok(None),
            Listener::Connection(reply) => {
                let credit = self.credit.fetch_sub(len, Ordering::AcqRel) - len;
                self.post(reply, Happening::Chunk(bytes), || !self.is_done());
                Ok(Some(credit))
            }
            Listener::App(call) => {
                let credit = self.credit.fetch_sub(len, Ordering::AcqRel) - len;
                match self.inner.push_call_body(call, bytes) {
                    Pushed::Fits => Ok(Some(credit)),
                    Pushed::Full => Ok(Some(credit.min(0))),
                    Pushed::Unwanted => Ok(None),
                    Pushed::TooLarge(why) => Err(Error::new(Status::TooLarge, why)),
                }
            }
        }
    }

    fn push(&self, payload: Payload) {
        let (event, held) = self.event(payload);
        self.inner.queue.push(event, held);
    }

    /// An event of the request, with the bytes that wait in it.
    fn event(&self, payload: Payload) -> (Event, Held) {
        let bytes = payload.body_bytes();
        // What is carried is counted until the host has passed it on.
        let is_carried = self.socket.load(Ordering::Acquire) != 0;
        let held = if bytes == 0 || is_carried { Held::NONE } else { Held::of(&self.app, bytes) };
        (Event { id: self.id.load(Ordering::Relaxed), user_data: self.user_data, payload }, held)
    }

    /// Tells the host that the body has room again; another app hears of it by its credit.
    pub(crate) fn push_writable(&self) {
        match &self.listener {
            Listener::App(_) => {}
            Listener::Connection(reply) => self.post(reply, Happening::Writable, || !self.is_done()),
            _ => self.push_before_end(Payload::Writable),
        }
    }

    /// The app has asked for more of the body than there is: a client that waits to be asked for it is.
    pub(crate) fn want_body(&self) {
        if let Listener::Connection(reply) = &self.listener
            && reply.expects_continue.swap(false, Ordering::AcqRel)
        {
            self.post(reply, Happening::Wanted, || !self.is_done());
        }
    }

    /// The host has passed on, or dropped, so many bytes of the response.
    pub(crate) fn passed_on(&self, bytes: usize) {
        let mut carried = lock(&self.carried);
        let bytes = bytes.min(carried.bytes());
        carried.take(bytes);
    }

    /// So many bytes of the response have left: the app may write as many more.
    pub(crate) fn give_credit(&self, bytes: i64) {
        let before = self.credit.fetch_add(bytes, Ordering::AcqRel);
        if before <= 0 && before + bytes > 0 {
            self.inner.tell_work(self, Command::WriteReady);
        }
    }

    /// Tells a connection what happened, and whoever moves it.
    fn post(&self, reply: &Reply, what: Happening, valid: impl FnOnce() -> bool) {
        let bytes = what.body_bytes();
        let held = if bytes == 0 { Held::NONE } else { Held::of(&self.app, bytes) };
        let shard = &self.inner.shards[reply.shard];
        shard.front.post(Mail { connection: reply.connection, stream: reply.stream, what, held }, valid);
        shard.wake();
    }

    /// Another thread may be ending the request: it marks the end before it appends the last event, so whoever finds no mark
    /// while holding the queue comes before it.
    fn push_before_end(&self, payload: Payload) {
        let (event, held) = self.event(payload);
        self.inner.queue.push_if(event, held, || !self.is_done());
    }
}

/// How a request ends.
#[derive(Debug)]
pub(crate) enum Ending {
    Response(ResponseHead, Vec<u8>),
    Stream,
    Value(Value),
    Error(Error),
}

impl Ending {
    fn into_payload(self, account: Account) -> Payload {
        match self {
            Ending::Response(head, body) => Payload::Response { head, body, end: true, account },
            Ending::Stream => Payload::End(account),
            Ending::Value(value) => Payload::Result(value, account),
            Ending::Error(error) => Payload::Error(error, account),
        }
    }
}
