//! One stream: a request on its way to an app, and what comes back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use nano_base::limits::{BODY_STEP_BYTES, H2_OUT_BYTES_MAX};
use nano_base::status::{Error, Result, Status};
use nano_http::h2::{self, Request};

use crate::front::Reply;
use crate::front::ask::Seat;
use crate::front::pace::Pace;
use crate::front::state::Tools;
use crate::pipe::Held;
use crate::request::{Body, Listener, RequestInit, Work};
use crate::runtime::Inner;
use crate::shard::Command;
use crate::wait::lock;

/// How far a stream has come.
pub(super) enum Stream {
    /// A small body is awaited, so that app and request begin with all of it.
    Gathering(Box<Gathered>, u64),
    /// An app has a request.
    Asked(Exchange),
    /// An answer of ours is written: its body, and how much of it is.
    Reply(Vec<u8>, usize, Pace),
}

pub(super) struct Gathered {
    pub seat: Arc<Seat>,
    pub request: Request,
    pub body: Vec<u8>,
}

/// A request that an app has.
pub(super) struct Exchange {
    pub work: Arc<Work>,
    _seat: Arc<Seat>,
    /// Nobody has read what the client waits to be asked for.
    is_unasked: bool,
    pub has_head: bool,
    pub has_body: bool,
    /// What the app had no room for, of its request's body.
    pending: Vec<u8>,
    pending_held: Held,
    /// The client has sent all.
    is_read: bool,
    /// What is to be written, and how much of the first of it is.
    output: VecDeque<(Vec<u8>, Held)>,
    written: usize,
    /// There is no more to come.
    is_last: bool,
    /// The client did not send all of it in time.
    pub is_late: bool,
    /// How fast the client sends the request's body, and takes the response.
    sends: Pace,
    pace: Pace,
}

/// What came of a stream's turn to write.
pub(super) enum Wrote {
    /// It is over.
    All,
    /// There is nothing more for now.
    Enough,
    /// There is more.
    Some,
}

impl Stream {
    /// Nobody waits for it any more.
    pub(super) fn cancel(self, inner: &Arc<Inner>, why: &str) {
        if let Self::Asked(exchange) = self {
            inner.cancel(&exchange.work, Error::new(Status::Canceled, why));
        }
    }

    /// Since when the client keeps it waiting, if it does.
    pub(super) fn waits_since_ms(&self) -> Option<u64> {
        match self {
            Self::Gathering(_, at_ms) => Some(*at_ms),
            Self::Reply(_, _, pace) => Some(pace.since_ms()),
            Self::Asked(exchange) if exchange.has_output() => Some(exchange.pace.since_ms()),
            Self::Asked(exchange) => {
                let awaits_body = !exchange.is_read && exchange.pending.is_empty() && !exchange.is_unasked;
                awaits_body.then_some(exchange.sends.since_ms())
            }
        }
    }

    /// Since when what the client does not take of it crowds its app, if it does.
    pub(super) fn crowds_since_ms(&self) -> Option<u64> {
        let Self::Asked(exchange) = self else { return None };
        let crowds = exchange.output.iter().any(|(_, held)| held.is_of_a_crowd());
        crowds.then_some(exchange.pace.since_ms())
    }

    /// Writes what its window lets it.
    pub(super) fn write(&mut self, id: u32, http: &mut h2::Connection, least: usize, now_ms: u64) -> Wrote {
        match self {
            Self::Gathering(..) => Wrote::Enough,
            Self::Asked(exchange) => exchange.write(id, http, least, now_ms),
            Self::Reply(body, written, pace) => {
                let piece = &body[*written..];
                let end = piece.len().min(H2_OUT_BYTES_MAX);
                let taken = http.send(id, &piece[..end], end == piece.len());
                *written += taken;
                pace.moved(taken, least, now_ms);
                if *written == body.len() { Wrote::All } else { Wrote::Some }
            }
        }
    }
}

impl Exchange {
    /// Gives a request to its app.
    pub(super) fn begin(connection: u64, stream: u32, seat: Arc<Seat>, request: Request, body: Body, tools: &Tools<'_>) -> Result<Self> {
        let Request { head, expect_continue, .. } = request;
        let (expects_continue, has_left) = (AtomicBool::new(expect_continue), AtomicBool::new(false));
        let reply = Reply { shard: tools.shard, connection, stream, expects_continue, has_left };
        let is_read = !matches!(body, Body::Stream);
        let init = RequestInit { head, body, user_data: 0, deadline_ms: 0 };
        let work = seat.app().submit_from(init, Listener::Connection(reply), tools.shard)?;
        Ok(Self {
            work,
            _seat: seat,
            is_unasked: expect_continue,
            has_head: false,
            has_body: false,
            pending: Vec::new(),
            pending_held: Held::NONE,
            is_read,
            output: VecDeque::new(),
            written: 0,
            is_last: false,
            is_late: false,
            sends: Pace::from(tools.now_ms),
            pace: Pace::from(tools.now_ms),
        })
    }

    /// Tells a client that waits for it to send the body.
    pub(super) fn ask(&mut self, id: u32, http: &mut h2::Connection, now_ms: u64) {
        if std::mem::take(&mut self.is_unasked) && !self.has_head {
            http.go_on(id);
            self.sends = Pace::from(now_ms);
        }
    }

    /// A piece of the request's body has come; its time begins anew with each `least` bytes.
    pub(super) fn data(&mut self, id: u32, bytes: &[u8], http: &mut h2::Connection, least: usize, tools: &Tools<'_>) {
        self.is_unasked = false;
        self.sends.moved(bytes.len(), least, tools.now_ms);
        let used = if self.pending.is_empty() { self.give(bytes, tools) } else { 0 };
        http.credit(id, used);
        if used < bytes.len() {
            // No more than the stream's window: it is opened again by what the app takes.
            if self.pending.is_empty() {
                self.pending_held = Held::of(&self.work.app, 0);
            }
            self.pending_held.add(bytes.len() - used);
            self.pending.extend_from_slice(&bytes[used..]);
        }
    }

    /// The app has room again.
    pub(super) fn feed(&mut self, id: u32, http: &mut h2::Connection, tools: &Tools<'_>) {
        let pending = std::mem::take(&mut self.pending);
        // It counts where it goes to.
        self.pending_held = Held::NONE;
        let used = self.give(&pending, tools);
        http.credit(id, used);
        if used < pending.len() {
            self.pending = pending[used..].to_vec();
            self.pending_held = Held::of(&self.work.app, self.pending.len());
        } else {
            // What was not the client's time does not count.
            self.sends = Pace::from(tools.now_ms);
            if self.is_read {
                self.end_body(tools);
            }
        }
    }

    /// The client has sent all.
    pub(super) fn end(&mut self, tools: &Tools<'_>) {
        self.is_read = true;
        if self.pending.is_empty() {
            self.end_body(tools);
        }
    }

    /// The request's body will never be complete: the client has not sent it in time.
    pub(super) fn break_off(&mut self, tools: &Tools<'_>) {
        (self.is_read, self.is_late) = (true, true);
        if lock(&self.work.body).break_off("the client did not send the rest of the body in time") {
            tools.inner.tell_work(&self.work, Command::BodyReady);
        }
    }

    fn end_body(&self, tools: &Tools<'_>) {
        if lock(&self.work.body).end() {
            tools.inner.tell_work(&self.work, Command::BodyReady);
        }
    }

    /// Gives bytes to the app as far as it has room; how many that were.
    fn give(&mut self, bytes: &[u8], tools: &Tools<'_>) -> usize {
        let mut used = 0;
        let mut tell = false;
        while used < bytes.len() {
            let mut body = lock(&self.work.body);
            let written = body.write(&bytes[used..]);
            drop(body);
            let (taken, waits) = match written {
                Ok(written) => written,
                Err(error) => {
                    if error.status == Status::TooLarge {
                        tools.inner.cancel(&self.work, error);
                    }
                    // When the request has ended nobody wants the rest.
                    return bytes.len();
                }
            };
            tell |= waits;
            used += taken;
            if taken == 0 {
                break;
            }
        }
        if used > 0 {
            self.work.progress();
        }
        if tell {
            tools.inner.tell_work(&self.work, Command::BodyReady);
        }
        used
    }

    /// Takes a piece of the response's body, or its end; whether there is something to write.
    pub(super) fn append(&mut self, bytes: Vec<u8>, held: Held, last: bool, now_ms: u64) -> bool {
        self.is_last |= last;
        if !self.has_body {
            self.work.give_credit(bytes.len() as i64);
            return false;
        }
        if self.output.is_empty() {
            self.pace = Pace::from(now_ms);
        }
        // What is last is told by being the last piece, even an empty one.
        match self.output.back_mut() {
            Some((before, holds)) if !last && before.len() + bytes.len() <= BODY_STEP_BYTES => {
                before.extend_from_slice(&bytes);
                holds.merge(held);
                return false;
            }
            _ => self.output.push_back((bytes, held)),
        }
        self.output.len() == 1
    }

    /// Whether something waits to be written.
    pub(super) fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    fn write(&mut self, id: u32, http: &mut h2::Connection, least: usize, now_ms: u64) -> Wrote {
        let mut credit = 0;
        let mut left = H2_OUT_BYTES_MAX / 4;
        while let Some((piece, _)) = self.output.front() {
            let rest = &piece[self.written..];
            let end = rest.len().min(left);
            let last = self.is_last && self.output.len() == 1 && end == rest.len();
            let whole = end == rest.len();
            let taken = http.send(id, &rest[..end], last);
            credit += taken;
            left -= taken;
            self.written += taken;
            self.pace.moved(taken, least, now_ms);
            if !whole || taken < end {
                break;
            }
            self.output.pop_front();
            self.written = 0;
        }
        if credit > 0 {
            self.work.give_credit(credit as i64);
        }
        match (self.output.is_empty(), self.is_last) {
            (true, true) => Wrote::All,
            (true, false) => Wrote::Enough,
            _ => Wrote::Some,
        }
    }
}
