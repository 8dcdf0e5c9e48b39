//! Connections from the network: what the listeners of a shard have accepted, and whoever moves it.
//!
//! A [`Front`] belongs to a shard, not to the shard's thread: its connections outlive a thread that V8 gives up, and while a turn
//! hogs the thread another shard moves them, so that a neighbour that loops does not even delay the reading of a request. What moves
//! them must be quick, and never runs JavaScript: requests go into the queues like the host's own.

mod ask;
mod client;
mod connection;
mod h2;
mod hosts;
mod listen;
mod pace;
mod sender;
mod socket;
mod state;
mod tls;
mod upgrade;

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use nano_base::http::ResponseHead;
use nano_base::limits::BODY_STEP_BYTES;
use nano_base::status::{Error, Status};

use crate::pipe::{Held, head_bytes};
use crate::request::Ending;
use crate::runtime::Inner;
use crate::wait::lock;
pub use hosts::Hosts;
use listen::Acceptance;
pub(crate) use listen::Listeners;
pub use listen::{Answered, ListenLimits, ListenOptions, Listener, Route, Router};
pub use socket::bind;
use state::State;
pub use tls::{Certificate, CertificatePart, TlsOptions};

/// Who waits for the end of a request that came from the network.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The shard whose front has the connection.
    pub shard: usize,
    /// The connection there.
    pub connection: u64,
    /// The stream on that, where there are streams.
    pub stream: u32,
    /// The client sends the body only when it is told to.
    pub expects_continue: AtomicBool,
    /// The client sends no more: most that do not have gone.
    pub has_left: AtomicBool,
}

/// What happened to a request, for its connection.
#[derive(Debug)]
pub(crate) enum Happening {
    /// The whole response; the request is over.
    Response(ResponseHead, Vec<u8>),
    /// The head of a streaming response, with its length if that is known.
    Head(ResponseHead),
    /// The response is the beginning of a WebSocket: this head, and then bytes both ways.
    Switch(ResponseHead),
    /// A piece of it.
    Chunk(Vec<u8>),
    /// It is complete; the request is over.
    End,
    /// It failed; the request is over.
    Error(Error),
    /// The request's body has room again, or nobody reads it any more.
    Writable,
    /// The app reads the request's body, and there is nothing of it yet.
    Wanted,
}

impl Happening {
    pub(crate) fn of_end(end: Ending) -> Self {
        match end {
            Ending::Response(head, body) => Self::Response(head, body),
            Ending::Stream => Self::End,
            Ending::Error(error) => Self::Error(error),
            Ending::Value(_) => Self::Error(Error::new(Status::Panic, "an invocation answered a request")),
        }
    }

    /// Bytes of a body that wait in it, and of a head that is long.
    pub(crate) fn body_bytes(&self) -> usize {
        match self {
            Self::Response(head, bytes) => head_bytes(head) + bytes.len(),
            Self::Head(head) | Self::Switch(head) => head_bytes(head),
            Self::Chunk(bytes) => bytes.len(),
            _ => 0,
        }
    }
}

/// Something that happened to the request of a connection, and the bytes that wait in it.
#[derive(Debug)]
pub(crate) struct Mail {
    pub connection: u64,
    pub stream: u32,
    pub what: Happening,
    pub held: Held,
}

/// The connections of one shard.
pub(crate) struct Front {
    /// The descriptor that is readable when a connection moves.
    fd: RawFd,
    /// Something is or was listened on: a front that is not open costs nothing.
    open: AtomicBool,
    mail: Mutex<Vec<Mail>>,
    /// How many of them wait, to look at without the lock.
    waiting: AtomicUsize,
    /// An app has refused a request, because too much of its waits.
    pressed: AtomicBool,
    /// Held while connections are moved, never while JavaScript runs.
    state: Mutex<State>,
}

/// Small pieces of one response are joined: many of them would take more memory than is counted.
fn leave(waiting: &mut Vec<Mail>, mail: Mail) {
    if let (Happening::Chunk(bytes), Some(last)) = (&mail.what, waiting.last_mut())
        && (last.connection, last.stream) == (mail.connection, mail.stream)
        && let Happening::Chunk(before) = &mut last.what
        && before.len() + bytes.len() <= BODY_STEP_BYTES
    {
        before.extend_from_slice(bytes);
        last.held.merge(mail.held);
    } else {
        waiting.push(mail);
    }
}

impl Front {
    pub(crate) fn new(shard: usize) -> std::io::Result<Self> {
        let state = State::new(shard)?;
        Ok(Self {
            fd: state.raw_fd(),
            open: AtomicBool::new(false),
            mail: Mutex::default(),
            waiting: AtomicUsize::new(0),
            pressed: AtomicBool::new(false),
            state: Mutex::new(state),
        })
    }

    /// Readable when a connection moves.
    pub(crate) fn raw_fd(&self) -> RawFd {
        self.fd
    }

    /// Whether anything is or was listened on.
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Whether mail waits: whoever wants to sleep has to turn first.
    pub(crate) fn has_mail(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0 || self.pressed.load(Ordering::Acquire)
    }

    /// Has slow clients looked for; whether that is new.
    pub(crate) fn press(&self) -> bool {
        self.is_open() && !self.pressed.swap(true, Ordering::AcqRel)
    }

    /// Leaves something for a connection, if `valid` still holds with the mail's lock taken.
    pub(crate) fn post(&self, mail: Mail, valid: impl FnOnce() -> bool) {
        let mut waiting = lock(&self.mail);
        if valid() {
            leave(&mut waiting, mail);
            self.waiting.store(waiting.len(), Ordering::Release);
        }
    }

    /// Moves what can be moved; whether there was anything. Whoever comes while somebody else is at it leaves it to that one: nothing is known.
    pub(crate) fn turn(&self, inner: &Arc<Inner>) -> Option<bool> {
        if !self.is_open() {
            return Some(false);
        }
        let mut state = self.try_state()?;
        if self.pressed.swap(false, Ordering::AcqRel) {
            state.press(inner);
        }
        let mail = {
            let mut waiting = lock(&self.mail);
            self.waiting.store(0, Ordering::Release);
            std::mem::take(&mut *waiting)
        };
        Some(state.turn(inner, mail))
    }

    /// When the next of its timers is due: at once, if somebody else is at it and may be for a while.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        if !self.is_open() {
            return None;
        }
        self.try_state().map_or(Some(0), |state| state.next_deadline())
    }

    /// The connections, unless somebody is moving them.
    fn try_state(&self) -> Option<MutexGuard<'_, State>> {
        match self.state.try_lock() {
            Ok(state) => Some(state),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn accept_from(&self, acceptance: Acceptance) -> std::io::Result<()> {
        self.open.store(true, Ordering::Release);
        lock(&self.state).accept_from(acceptance)
    }

    /// Accepts no more connections of a listener; those there are end with the request they are at.
    fn close_listener(&self, inner: &Arc<Inner>, listener: u64) {
        lock(&self.state).close_listener(inner, listener);
    }

    /// The runtime ends: all connections are closed, without another word.
    pub(crate) fn close(&self) {
        self.open.store(false, Ordering::Release);
        lock(&self.state).close();
        lock(&self.mail).clear();
    }
}
