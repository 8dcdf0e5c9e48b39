//! Requests and invocations from acceptance to their one terminal event.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use nano_base::http::{RequestHead, ResponseHead};
use nano_base::limits::BODY_WINDOW_BYTES;
use nano_base::status::{Error, Result, Status};
use nano_base::value::Value;
use nano_engine::Pull;

use crate::app::AppShared;
use crate::call::Call;
use crate::event::{Account, Event, Payload};
use crate::runtime::Inner;
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
}

/// A request to dispatch.
#[derive(Clone, Debug, Default)]
pub struct RequestInit {
    /// Method, URL and headers.
    pub head: RequestHead,
    /// The body.
    pub body: Body,
    /// Comes back with every event of the request.
    pub user_data: u64,
    /// A shorter wall limit than the app's; zero for none.
    pub deadline_ms: u32,
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
    Waiter(Arc<Slot<Result<Response>>>, Mutex<Option<(ResponseHead, Vec<u8>)>>),
    /// A thread that waits for an invocation.
    Invoker(Arc<Slot<Result<(Value, Account)>>>),
    /// Another app.
    App(Arc<Call>),
}

/// On whose behalf an app asks another.
#[derive(Debug, Default)]
pub(crate) struct Origin {
    /// How many apps have called one another before this request.
    pub depth: u32,
    /// The export that it is for, if it is not the default one.
    pub entrypoint: Option<String>,
}

const RUNNING: u8 = 0;
const DONE: u8 = 1;

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
    pub cpu_ns: AtomicU64,
    /// CPU of its errands, on helper threads.
    pub errand_ns: AtomicU64,
    pub subrequests: AtomicU32,
    pub bytes_out: AtomicU64,
    pub listener: Listener,
    pub origin: Origin,
    phase: AtomicU8,
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Work({:#x})", self.id.load(Ordering::Relaxed))
    }
}

impl Work {
    pub(crate) fn new(
        inner: &Arc<Inner>,
        app: &Arc<AppShared>,
        job: Job,
        body: Body,
        user_data: u64,
        deadline_ms: u32,
        listener: Listener,
    ) -> Self {
        let now_ns = inner.clock.now_ns();
        let app_wall = u64::from(app.limits().wall_ms);
        let wall_ms = if deadline_ms == 0 { app_wall } else { app_wall.min(u64::from(deadline_ms)) };
        Self {
            id: AtomicU64::new(0),
            user_data,
            app: app.clone(),
            job,
            body: Mutex::new(Pipe::new(body)),
            place: Mutex::new(None),
            credit: AtomicI64::new(BODY_WINDOW_BYTES as i64),
            accepted_ns: now_ns,
            deadline_ms: AtomicU64::new(now_ns / 1_000_000 + wall_ms),
            wall_ms,
            cpu_ns: AtomicU64::new(0),
            errand_ns: AtomicU64::new(0),
            subrequests: AtomicU32::new(0),
            bytes_out: AtomicU64::new(0),
            listener,
            origin: Origin::default(),
            phase: AtomicU8::new(RUNNING),
            inner: inner.clone(),
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.phase.load(Ordering::Acquire) == DONE
    }

    /// The stream made progress: the wall limit counts from here.
    pub(crate) fn progress(&self) {
        self.deadline_ms.store(self.inner.clock.now_ms() + self.wall_ms, Ordering::Relaxed);
    }

    /// What the request used so far.
    pub(crate) fn account(&self) -> Account {
        let memory = self.app.memory();
        Account {
            cpu_us: self.cpu_ns.load(Ordering::Relaxed) / 1_000,
            wall_us: self.inner.clock.now_ns().saturating_sub(self.accepted_ns) / 1_000,
            heap_bytes: memory.0,
            external_bytes: memory.1,
            subrequests: self.subrequests.load(Ordering::Relaxed),
            bytes_in: lock(&self.body).bytes_total,
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
        }
    }

    /// Ends the request with `payload`, unless it has ended already: the one place that makes terminal events.
    pub(crate) fn finish(&self, end: Ending) -> bool {
        if self.phase.compare_exchange(RUNNING, DONE, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return false;
        }
        let account = self.account();
        self.inner.finished(self, &end, &account);
        match &self.listener {
            Listener::Queue => self.push(end.into_payload(account)),
            Listener::Waiter(slot, head) => slot.fill(match end {
                Ending::Response(head, body) => Ok(Response { head, body, account }),
                Ending::Stream => match lock(head).take() {
                    Some((head, body)) => Ok(Response { head, body, account }),
                    None => Err(Error::new(Status::Panic, "a response ended before it began")),
                },
                Ending::Value(_) => Err(Error::new(Status::Panic, "an invocation answered a request")),
                Ending::Error(error) => Err(error),
            }),
            Listener::Invoker(slot) => slot.fill(match end {
                Ending::Value(value) => Ok((value, account)),
                Ending::Error(error) => Err(error),
                _ => Err(Error::new(Status::Panic, "a response answered an invocation")),
            }),
            Listener::App(call) => self.inner.finish_call(call, end, &self.app.name),
        }
        true
    }

    /// The head of a streaming response.
    pub(crate) fn send_head(&self, head: ResponseHead) {
        if self.is_done() {
            return;
        }
        match &self.listener {
            Listener::Queue => self.push_before_end(Payload::Response { head, body: Vec::new(), end: false, account: self.account() }),
            Listener::Waiter(_, begun) => *lock(begun) = Some((head, Vec::new())),
            Listener::Invoker(_) => {}
            Listener::App(call) => self.inner.begin_call_body(call, head),
        }
        self.progress();
    }

    /// A piece of a streaming response; the credit that is left.
    pub(crate) fn send_chunk(&self, bytes: Vec<u8>) -> i64 {
        if self.is_done() {
            return 0;
        }
        self.progress();
        let len = bytes.len() as i64;
        self.bytes_out.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        match &self.listener {
            Listener::Queue => {
                let credit = self.credit.fetch_sub(len, Ordering::AcqRel) - len;
                self.push_before_end(Payload::Chunk(bytes));
                credit
            }
            Listener::Waiter(_, begun) => {
                if let Some((_, body)) = &mut *lock(begun) {
                    body.extend_from_slice(&bytes);
                }
                BODY_WINDOW_BYTES as i64
            }
            Listener::Invoker(_) => 0,
            Listener::App(call) => {
                let credit = self.credit.fetch_sub(len, Ordering::AcqRel) - len;
                if self.inner.push_call_body(call, bytes) { credit } else { self.credit.fetch_add(len, Ordering::AcqRel) + len }
            }
        }
    }

    fn push(&self, payload: Payload) {
        let id = self.id.load(Ordering::Relaxed);
        self.inner.queue.push(Event { id, user_data: self.user_data, payload });
    }

    /// Tells the host that the body has room again; another app hears of it by its credit.
    pub(crate) fn push_writable(&self) {
        if matches!(self.listener, Listener::App(_)) {
            return;
        }
        self.push_before_end(Payload::Writable);
    }

    /// Another thread may be ending the request: it marks the end before it appends the last event, so whoever finds no mark
    /// while holding the queue comes before it.
    fn push_before_end(&self, payload: Payload) {
        let id = self.id.load(Ordering::Relaxed);
        self.inner.queue.push_if(Event { id, user_data: self.user_data, payload }, || !self.is_done());
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

/// A body between two threads: bounded by the window, or whole from the start.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    chunks: VecDeque<Vec<u8>>,
    buffered: usize,
    pub bytes_total: u64,
    ended: bool,
    streaming: bool,
    broken: Option<String>,
    /// The reader found nothing and wants to be told.
    reader_waits: bool,
    /// The writer was refused and wants to be told.
    writer_waits: bool,
    canceled: bool,
}

impl Pipe {
    pub(crate) fn new(body: Body) -> Self {
        match body {
            Body::None => Self { ended: true, ..Self::default() },
            Body::Stream => Self { streaming: true, ..Self::default() },
            Body::Whole(bytes) if bytes.is_empty() => Self { ended: true, ..Self::default() },
            Body::Whole(bytes) => Self {
                buffered: bytes.len(),
                bytes_total: bytes.len() as u64,
                chunks: VecDeque::from([bytes]),
                ended: true,
                ..Self::default()
            },
        }
    }

    /// 0 none, 1 whole, 2 streaming.
    pub(crate) fn kind(&self) -> u32 {
        if self.streaming { 2 } else { u32::from(!self.chunks.is_empty()) }
    }

    pub(crate) fn take_whole(&mut self) -> Vec<u8> {
        self.buffered = 0;
        self.chunks.pop_front().unwrap_or_default()
    }

    /// Appends what fits; how much that was, and whether the reader waits to be told.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(usize, bool)> {
        if !self.streaming || self.ended {
            return Err(Error::new(Status::Invalid, "the body has ended, or was not announced as a stream"));
        }
        if self.canceled {
            return Ok((bytes.len(), false));
        }
        let room = BODY_WINDOW_BYTES.saturating_sub(self.buffered);
        let take = room.min(bytes.len());
        self.writer_waits = take < bytes.len();
        if take == 0 {
            return Ok((0, false));
        }
        self.chunks.push_back(bytes[..take].to_vec());
        self.buffered += take;
        self.bytes_total += take as u64;
        Ok((take, std::mem::take(&mut self.reader_waits)))
    }

    /// Appends all of it, for a writer that keeps to its credit; whether it is wanted, and whether the reader waits to be told.
    pub(crate) fn push(&mut self, bytes: Vec<u8>) -> (bool, bool) {
        if self.canceled || self.ended {
            return (false, false);
        }
        if bytes.is_empty() {
            return (true, false);
        }
        self.buffered += bytes.len();
        self.bytes_total += bytes.len() as u64;
        self.chunks.push_back(bytes);
        (true, std::mem::take(&mut self.reader_waits))
    }

    /// How much waits to be read.
    pub(crate) fn buffered(&self) -> usize {
        self.buffered
    }

    /// No more follows; whether the reader waits to be told.
    pub(crate) fn end(&mut self) -> bool {
        self.ended = true;
        std::mem::take(&mut self.reader_waits)
    }

    /// It will never be complete.
    pub(crate) fn break_off(&mut self, why: &str) -> bool {
        if self.streaming && !self.ended {
            self.broken = Some(why.to_string());
        }
        self.ended = true;
        std::mem::take(&mut self.reader_waits)
    }

    /// The next piece, and whether the writer waits to be told that there is room.
    pub(crate) fn pull(&mut self) -> (Pull, bool) {
        if let Some(chunk) = self.chunks.pop_front() {
            self.buffered -= chunk.len();
            let tell = self.buffered <= BODY_WINDOW_BYTES / 2 && std::mem::take(&mut self.writer_waits);
            return (Pull::Chunk(chunk), tell);
        }
        if let Some(why) = &self.broken {
            return (Pull::Broken(why.clone()), false);
        }
        if self.ended {
            return (Pull::End, false);
        }
        self.reader_waits = true;
        (Pull::Pending, false)
    }

    /// Nobody reads on; whether the writer waits to be told.
    pub(crate) fn cancel(&mut self) -> bool {
        self.canceled = true;
        self.chunks.clear();
        self.buffered = 0;
        std::mem::take(&mut self.writer_waits)
    }
}
