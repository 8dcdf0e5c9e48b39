//! What the host hears: events in one queue, one pollable descriptor, drained in batches.

use std::os::fd::{AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nano_base::http::ResponseHead;
use nano_base::meet::Queue;
use nano_base::status::{Error, Status};
use nano_base::sys::eventfd::EventFd;
use nano_base::value::Value;
use nano_engine::LogLevel;

use crate::pipe::{Held, head_bytes};
use crate::wait::lock;

/// One thing that happened.
#[derive(Debug)]
pub struct Event {
    /// The request or invocation it belongs to; zero for LOG, APP and the end of a version, the call's id for calls.
    pub id: u64,
    /// What the host gave with the request, or with the version that has ended.
    pub user_data: u64,
    /// What happened.
    pub payload: Payload,
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Payload {
    /// A response's head; with `end` also its whole body, and it is the last event of the request.
    Response {
        /// Status and headers.
        head: ResponseHead,
        /// The whole body if `end`, else empty.
        body: Vec<u8>,
        /// Whether the request is over.
        end: bool,
        /// What the request used so far.
        account: Account,
    },
    /// A piece of a streaming response body; give the bytes back with `credit`.
    Chunk(Vec<u8>),
    /// A streaming response is complete: the last event of the request.
    End(Account),
    /// The request failed: its last event.
    Error(Error, Account),
    /// The request's body can take more bytes.
    Writable,
    /// An invocation returned: its last event.
    Result(Value, Account),
    /// An app calls the host; look with `Runtime::call_view`, answer with `call_respond`, `call_return`, `call_fail` or
    /// `call_throw`.
    Call,
    /// A piece of the body of an app's call; empty at its end. Give the bytes back with `credit`.
    CallChunk(Vec<u8>),
    /// The app gave the call up: nobody waits for an answer.
    CallCanceled,
    /// An app has given back an object of the host's, once: the event's id is the object's number. There is one such event for each
    /// time the host gave the object.
    Release {
        /// The app's name.
        app: String,
        /// The object's class.
        class: String,
    },
    /// A version of an app has ended, or was not loaded: it makes no more calls, and holds no object of the host's. The event's `user_data` is
    /// what the host gave with the version. It is the last event of the version, and there is exactly one.
    VersionEnd,
    /// A log line of an app; `dropped` lines before it were over the limit.
    Log {
        /// The app's name; empty where the runtime itself has something to say.
        app: String,
        /// How loud.
        level: LogLevel,
        /// The text.
        text: String,
        /// Lines dropped since the last one.
        dropped: u64,
    },
    /// An app changed its state.
    App {
        /// The app's name.
        app: String,
        /// `loaded`, `started`, `evicted`, `condemned`, `reloaded`, `unloaded`, `quarantined`.
        state: &'static str,
        /// Why, where there is a reason.
        reason: String,
    },
}

impl Payload {
    /// Bytes of a body that it carries, and of a head that is long.
    pub(crate) fn body_bytes(&self) -> usize {
        match self {
            Self::Response { head, body, .. } => head_bytes(head) + body.len(),
            Self::Chunk(body) | Self::CallChunk(body) => body.len(),
            _ => 0,
        }
    }

    /// Whether this is the last event of its request or invocation.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Response { end: true, .. } | Self::End(_) | Self::Error(..) | Self::Result(..))
    }
}

/// What one request used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// CPU time of its turns, in microseconds.
    pub cpu_us: u64,
    /// Time from acceptance to end, in microseconds.
    pub wall_us: u64,
    /// The instance's heap at its end, in bytes.
    pub heap_bytes: u64,
    /// The instance's memory outside the heap at its end, in bytes.
    pub external_bytes: u64,
    /// Calls to the host.
    pub subrequests: u32,
    /// Body bytes received.
    pub bytes_in: u64,
    /// Body bytes sent.
    pub bytes_out: u64,
}

/// Which optional events the host wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventMask {
    /// LOG events.
    pub logs: bool,
    /// APP events.
    pub apps: bool,
}

/// Called when the queue becomes non-empty.
pub(crate) type Doorbell = Box<dyn Fn() + Send + Sync>;

/// The completion queue. Its length is bounded by what has been accepted: each request has at most its window of chunks
/// and its one end in here, logs have their own bound.
pub(crate) struct EventQueue {
    /// Each with the bytes that wait in it.
    waiting: Queue<(Event, Held), EventFd>,
    doorbell: Mutex<Option<Doorbell>>,
    consumer: AtomicBool,
    logs: AtomicU64,
    logs_max: u64,
}

impl EventQueue {
    pub(crate) fn new(logs_max: u32) -> std::io::Result<Self> {
        Ok(Self {
            waiting: Queue::new(EventFd::new()?),
            doorbell: Mutex::new(None),
            consumer: AtomicBool::new(false),
            logs: AtomicU64::new(0),
            logs_max: u64::from(logs_max),
        })
    }

    /// Appends an event; the host hears of it at the next [`EventQueue::ring`].
    pub(crate) fn push(&self, event: Event, held: Held) {
        self.waiting.push((event, held));
    }

    /// Appends an event if `still` holds once nobody else can append: what must not come after an end.
    pub(crate) fn push_if(&self, event: Event, held: Held, still: impl FnOnce() -> bool) -> bool {
        self.waiting.push_if((event, held), still)
    }

    /// Makes the descriptor readable for good: nothing more will come, and nobody should wait for it.
    pub(crate) fn close(&self) {
        if self.waiting.close() {
            self.ring_doorbell();
        }
    }

    /// Appends a log event unless too many wait already.
    pub(crate) fn push_log(&self, event: Event) -> bool {
        if self.logs.fetch_add(1, Ordering::Relaxed) >= self.logs_max {
            self.logs.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        self.push(event, Held::NONE);
        true
    }

    /// Tells the host, if something waits that it has not been told of: once per batch, not per event.
    pub(crate) fn ring(&self) {
        if self.waiting.announce() {
            self.ring_doorbell();
        }
    }

    fn ring_doorbell(&self) {
        if let Some(doorbell) = &*lock(&self.doorbell) {
            // It is the host's code on our threads, the watchdog among them.
            let _ = catch_unwind(AssertUnwindSafe(doorbell));
        }
    }

    /// Takes up to `max` events.
    pub(crate) fn poll(&self, max: usize, into: &mut Vec<Event>) -> Result<usize, Error> {
        if self.consumer.swap(true, Ordering::Acquire) {
            return Err(Error::new(Status::Busy, "another thread is polling this runtime; one consumer at a time"));
        }
        let taken = self.waiting.take(max, |(event, _)| into.push(event));
        self.consumer.store(false, Ordering::Release);
        let counted = |event: &&Event| matches!(event.payload, Payload::Log { .. } | Payload::App { .. });
        let logs = into.iter().rev().take(taken).filter(counted).count();
        if logs > 0 {
            self.logs.fetch_sub(logs as u64, Ordering::Relaxed);
        }
        Ok(taken)
    }

    /// Waits until something can be polled.
    pub(crate) fn wait(&self, timeout_ms: i32) -> bool {
        self.waiting.flag().wait(timeout_ms)
    }

    pub(crate) fn set_doorbell(&self, doorbell: Option<Doorbell>) {
        *lock(&self.doorbell) = doorbell;
    }

    pub(crate) fn raw_fd(&self) -> RawFd {
        self.waiting.flag().as_raw_fd()
    }
}
