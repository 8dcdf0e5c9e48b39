//! Calls of apps to the host: `env.NAME.fetch(request)` and `env.NAME.method(...)`, answered whenever the host likes.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use nano_base::http::{RequestHead, ResponseHead};
use nano_base::limits::BODY_WINDOW_BYTES;
use nano_base::value::{HostObject, Value};

use crate::app::AppShared;
use crate::event::{Event, EventQueue, Payload};
use crate::pipe::{Held, Pipe};
use crate::request::{Body, Place, Work};
use crate::version::Version;

/// Ids of calls have this bit, ids of requests do not: one id space for credit and cancel.
pub(crate) const CALL_BIT: u64 = 1 << 63;

/// What an app asks of the host.
#[derive(Clone, Debug)]
pub enum CallContent {
    /// `env.NAME.fetch(request)`.
    Fetch {
        /// Method, URL and headers.
        head: RequestHead,
        /// The body, if it is whole.
        body: Vec<u8>,
        /// Whether the body follows in CALL_CHUNK events instead.
        streaming: bool,
    },
    /// `env.NAME.method(...args)`.
    Method {
        /// The method's name.
        name: String,
        /// Its arguments.
        args: Vec<Value>,
    },
    /// `env.NAME(...args)`.
    Function {
        /// Its arguments.
        args: Vec<Value>,
    },
    /// `new env.NAME(...args)`; the answer is a [`Value::HostObject`] of that class.
    Construct {
        /// Its arguments.
        args: Vec<Value>,
    },
    /// `object.method(...args)`.
    ObjectMethod {
        /// The object, of the class that the binding is.
        object: HostObject,
        /// The method's name.
        name: String,
        /// Its arguments.
        args: Vec<Value>,
    },
    /// A file operation of an app whose files the host keeps.
    Files {
        /// Its name: the table is in `docs/embedding-c.md`.
        name: String,
        /// Its arguments.
        args: Vec<Value>,
    },
    /// `object.property`.
    ObjectGet {
        /// The object.
        object: HostObject,
        /// The property's name.
        name: String,
    },
    /// `object.property = value`.
    ObjectSet {
        /// The object.
        object: HostObject,
        /// The property's name.
        name: String,
        /// What it is to be.
        value: Value,
    },
}

impl CallContent {
    /// The bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        let all = |args: &[Value]| args.iter().map(Value::weight).sum::<usize>();
        match self {
            Self::Fetch { body, .. } => self.head_bytes() + body.len(),
            Self::Method { name, args } | Self::ObjectMethod { name, args, .. } | Self::Files { name, args } => name.len() + all(args),
            Self::Function { args } | Self::Construct { args } => all(args),
            Self::ObjectGet { name, .. } => name.len(),
            Self::ObjectSet { name, value, .. } => name.len() + value.weight(),
        }
    }

    /// The same without the body of a fetch, which counts where it waits.
    pub(crate) fn head_bytes(&self) -> usize {
        match self {
            Self::Fetch { head, .. } => head.url.len() + head.headers.bytes(),
            _ => self.bytes(),
        }
    }
}

/// A call as the host sees it.
#[derive(Clone, Debug)]
pub struct CallView {
    /// The calling app's name.
    pub app: String,
    /// The binding's name in `env`.
    pub binding: String,
    /// The request on whose behalf it calls, or zero.
    pub request: u64,
    /// What the host gave with the version of the app that calls, or zero.
    pub user_data: u64,
    /// What it asks.
    pub content: CallContent,
}

/// The host's answer to a `fetch` call.
#[derive(Clone, Debug, Default)]
pub struct CallResponse {
    /// Status and headers.
    pub head: ResponseHead,
    /// The body, or `Body::Stream` when it follows by `call_write` and `call_end`.
    pub body: Body,
}

/// One call between its CALL event and its answer's end.
pub(crate) struct Call {
    pub id: AtomicU64,
    pub view: CallView,
    pub place: Place,
    pub app: Arc<AppShared>,
    /// The body of the answer.
    pub body: Mutex<Pipe>,
    /// Room the host has for the call's own streaming body.
    pub credit: AtomicI64,
    pub answered: AtomicBool,
    /// The app still sends the call's own body.
    pub uploading: AtomicBool,
    /// Whoever answers has no part in it any more: nobody reads more of the call's own body.
    pub closed: AtomicBool,
    /// The version of the app that calls.
    pub version: Arc<Version>,
    /// What it holds of the app's: what it asks with, until that has been taken, and the value that it is answered with.
    pub held: Mutex<Held>,
    /// The request that it has become, if another app answers it.
    pub peer: OnceLock<Weak<Work>>,
    /// What that app threw, until the call has ended.
    pub thrown: Mutex<Option<Value>>,
}

impl Call {
    pub(crate) fn new(view: CallView, place: Place, app: &Arc<AppShared>, version: &Arc<Version>, held: Held) -> Self {
        let uploading = matches!(view.content, CallContent::Fetch { streaming: true, .. });
        Self {
            id: AtomicU64::new(0),
            view,
            place,
            app: app.clone(),
            body: Mutex::new(Pipe::new(Body::None, app)),
            credit: AtomicI64::new(BODY_WINDOW_BYTES as i64),
            answered: AtomicBool::new(false),
            uploading: AtomicBool::new(uploading),
            closed: AtomicBool::new(false),
            version: version.clone(),
            held: held.into(),
            thrown: Mutex::default(),
            peer: OnceLock::new(),
        }
    }

    /// Tells the host something about the call.
    pub(crate) fn push(&self, queue: &EventQueue, payload: Payload) {
        let held = Held::of(&self.app, payload.body_bytes());
        queue.push(Event { id: self.id.load(Ordering::Relaxed), user_data: 0, payload }, held);
    }

    /// A piece of the call's own body, empty at its end; the credit that is left, or `None` when the host reads no more.
    pub(crate) fn send_chunk(&self, queue: &EventQueue, bytes: Vec<u8>) -> Option<i64> {
        if self.closed.load(Ordering::Acquire) {
            return None;
        }
        let len = bytes.len() as i64;
        self.push(queue, Payload::CallChunk(bytes));
        Some(self.credit.fetch_sub(len, Ordering::AcqRel) - len)
    }

    /// Whether it is answered with a response, and not with a value.
    pub(crate) fn is_fetch(&self) -> bool {
        matches!(self.view.content, CallContent::Fetch { .. })
    }

    /// Takes the right to answer: true once.
    pub(crate) fn answer(&self) -> bool {
        !self.answered.swap(true, Ordering::AcqRel)
    }
}

/// What reaches the app of an answer.
#[derive(Debug)]
pub(crate) enum Answer {
    Head(ResponseHead),
    Value(Value),
    Fail(String),
    /// An error with a name.
    Throw(Value),
    BodyReady,
    WriteReady,
}
