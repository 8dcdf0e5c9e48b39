//! One request and its response on a connection, a step at a time. Nothing is told to anybody here: a step says what there is to tell, and
//! whoever drives it does so when nothing of this is borrowed.

use std::io;
use std::rc::Rc;

use nano_base::http::ResponseHead;
use nano_base::limits::{FETCH_PIECE_BYTES_MAX, FETCH_READ_BYTES};
use nano_http::h1::{Asked, BodyDecoder, CHUNK_END, ChunkSize, Framing, LAST_CHUNK, Limits, ResponseParser};

use super::decode::{Bad, Decoder, Given};
use super::{Exchange, pool};
use crate::failure::{Failure, FailureKind};
use crate::outbox::Outbox;
use crate::reactor::Ready;
use crate::share::Share;
use crate::stream::Stream;

/// What came of a step.
pub(super) enum Act {
    /// The final response's head, and whether its body will be decoded.
    Head(ResponseHead, bool),
    /// A piece of its body.
    Data(Vec<u8>),
    /// The response is complete; for how long the connection may wait for another request, if it may.
    End(Option<u64>),
    /// It never will be; whether it might on another connection, because nothing of an answer has come.
    Fail(Failure, bool),
    /// There is room for a piece of the request's body.
    Pull(usize),
    /// Nothing can be done now.
    Wait,
    /// Others have to have their turns first.
    Again,
}

/// A connection, and the exchange that is on it.
pub(super) struct Io {
    pub stream: Stream,
    can: Ready,
    outbox: Outbox,
    sending: Sending,
    /// The app has no piece ready.
    starved: bool,
    write_error: Option<io::Error>,
    input: Vec<u8>,
    read_at: usize,
    phase: Phase,
    asked: Asked,
    /// Whether anything of an answer has come.
    answered: bool,
    idle_ms: Option<u64>,
    /// Bytes went either way since this was last asked for.
    progress: bool,
}

enum Sending {
    Done,
    Chunked,
    /// So many bytes are still promised.
    Length(u64),
}

enum Phase {
    Idle,
    Head(ResponseParser),
    Body(Body),
    Over,
}

struct Body {
    framing: BodyDecoder,
    coding: Option<Decoder>,
    /// All of it has come.
    complete: bool,
}

/// What a read gave.
enum Filled {
    Some,
    Blocked,
    /// Others have to have their turns first.
    Again,
    End,
    Error(io::Error),
}

impl Io {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            can: Ready { read: true, write: true },
            outbox: Outbox::default(),
            sending: Sending::Done,
            starved: false,
            write_error: None,
            input: Vec::new(),
            read_at: 0,
            phase: Phase::Idle,
            asked: Asked::Other,
            answered: false,
            idle_ms: None,
            progress: false,
        }
    }

    /// Begins an exchange: bytes to send first, and how the rest will come.
    pub(super) fn begin(&mut self, first: Vec<Vec<u8>>, rest: Option<Framing>, asked: Asked) {
        first.into_iter().for_each(|bytes| self.outbox.push(bytes));
        self.sending = match rest {
            Some(Framing::Chunked) => Sending::Chunked,
            Some(Framing::Length(length)) => Sending::Length(length),
            _ => Sending::Done,
        };
        (self.starved, self.answered, self.asked, self.idle_ms) = (false, false, asked, None);
        self.phase = Phase::Head(ResponseParser::new());
    }

    pub(super) fn ready(&mut self, ready: Ready) {
        self.can.read |= ready.read;
        self.can.write |= ready.write;
    }

    /// The app may have a piece again.
    pub(super) fn fed(&mut self) {
        self.starved = false;
    }

    /// Whether the app is waited for.
    pub(super) fn is_starved(&self) -> bool {
        self.starved
    }

    /// Whether all that was to be sent is with the kernel.
    pub(super) fn is_sent(&self) -> bool {
        self.outbox.is_empty() && matches!(self.sending, Sending::Done)
    }

    /// Whether bytes went either way since the last time.
    pub(super) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progress)
    }

    /// Nobody waits for anything: whether the connection is still as it was left.
    pub(super) fn is_quiet(&mut self) -> bool {
        matches!(self.stream.read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// A piece of the request's body. False if it is more than was promised.
    pub(super) fn push(&mut self, bytes: Vec<u8>) -> bool {
        match &mut self.sending {
            Sending::Done => false,
            Sending::Length(left) => {
                let Some(rest) = left.checked_sub(bytes.len() as u64) else { return false };
                *left = rest;
                self.outbox.push(bytes);
                true
            }
            Sending::Chunked => {
                if let Some(size) = ChunkSize::new(bytes.len()) {
                    [size.as_bytes().to_vec(), bytes, CHUNK_END.to_vec()].into_iter().for_each(|bytes| self.outbox.push(bytes));
                }
                true
            }
        }
    }

    /// The request's body has ended. False if more was promised.
    pub(super) fn finish_body(&mut self) -> bool {
        match std::mem::replace(&mut self.sending, Sending::Done) {
            Sending::Chunked => self.outbox.push(LAST_CHUNK.to_vec()),
            Sending::Length(left) if left > 0 => return false,
            Sending::Length(_) | Sending::Done => {}
        }
        true
    }

    /// The app has no piece now.
    pub(super) fn starve(&mut self) {
        self.starved = true;
    }

    /// Goes on as far as something is to be told to an exchange, or its share is used. `room` is how much of the response's body is wanted.
    pub(super) fn step(&mut self, room: usize, exchange: &Rc<dyn Exchange>, share: &mut Share) -> Act {
        if self.write(share) {
            return Act::Pull(FETCH_PIECE_BYTES_MAX);
        }
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Idle => {
                self.phase = Phase::Idle;
                Act::Wait
            }
            Phase::Head(parser) => self.head(parser, exchange, share),
            Phase::Body(body) if room == 0 && !body.is_at_end() => {
                self.phase = Phase::Body(body);
                Act::Wait
            }
            Phase::Body(body) => self.body(body, room.min(FETCH_READ_BYTES), share),
            Phase::Over => self.end(),
        }
    }

    /// Writes what there is; whether there could be more.
    fn write(&mut self, share: &mut Share) -> bool {
        if !self.can.write || self.write_error.is_some() {
            return false;
        }
        let before = self.outbox.len();
        match self.outbox.drain(&mut self.stream, share) {
            Ok(done) => self.can.write = done,
            // The answer may say why; it is read first.
            Err(error) => {
                self.write_error = Some(error);
                self.outbox.clear();
                self.can.read = true;
                return false;
            }
        }
        self.progress |= self.outbox.len() < before;
        self.can.write && !self.starved && !share.is_used() && !matches!(self.sending, Sending::Done | Sending::Length(0))
    }

    /// Whether there is something to write, and room for it.
    pub(super) fn writes_on(&self) -> bool {
        self.can.write && !self.outbox.is_empty() && self.write_error.is_none()
    }

    fn head(&mut self, mut parser: ResponseParser, exchange: &Rc<dyn Exchange>, share: &mut Share) -> Act {
        loop {
            if self.read_at < self.input.len() {
                self.answered = true;
                match parser.parse(&self.input[self.read_at..], self.asked, &Limits::default()) {
                    Err(fault) => {
                        return Act::Fail(Failure::new(FailureKind::Protocol, format!("the response is malformed: {fault}")), false);
                    }
                    Ok(None) => {}
                    Ok(Some(response)) => {
                        self.read_at += response.bytes;
                        if response.interim {
                            continue;
                        }
                        let framing = BodyDecoder::new(response.framing);
                        let exchange = exchange.clone();
                        let coding = Decoder::of(&response.head.headers, move |before, after| exchange.hold(before, after));
                        let coding = coding.filter(|_| !framing.is_done());
                        self.idle_ms = response.keep_alive.then(|| pool::idle_ms(&response.head.headers)).flatten();
                        let decoded = coding.is_some();
                        self.phase = Phase::Body(Body { framing, coding, complete: false });
                        return Act::Head(response.head, decoded);
                    }
                }
            }
            match self.fill(share) {
                Filled::Some => {}
                Filled::Blocked => {
                    self.phase = Phase::Head(parser);
                    return Act::Wait;
                }
                Filled::Again => {
                    self.phase = Phase::Head(parser);
                    return Act::Again;
                }
                Filled::End => return self.broken(None),
                Filled::Error(error) => return self.broken(Some(error)),
            }
        }
    }

    fn body(&mut self, mut body: Body, room: usize, share: &mut Share) -> Act {
        let mut output = if body.coding.is_some() { vec![0; room] } else { Vec::new() };
        loop {
            if share.is_used() {
                self.phase = Phase::Body(body);
                return Act::Again;
            }
            if let Some(coding) = &mut body.coding {
                match coding.give(&mut output, share) {
                    Err(bad) => return Act::Fail(undecodable(bad), false),
                    Ok(Given::Nothing) => {}
                    Ok(Given::Again) => continue,
                    Ok(Given::Bytes(given)) => {
                        output.truncate(given);
                        self.phase = Phase::Body(body);
                        return Act::Data(output);
                    }
                }
            }
            if body.complete {
                return self.end();
            }
            let input = &self.input[self.read_at..];
            let step = match body.framing.decode(&input[..input.len().min(room)]) {
                Err(fault) => {
                    return Act::Fail(Failure::new(FailureKind::Protocol, format!("the response's body is malformed: {fault}")), false);
                }
                Ok(step) => step,
            };
            self.read_at += step.consumed;
            share.spend(step.consumed);
            if step.done {
                body.complete = true;
            }
            match (&mut body.coding, step.data) {
                (None, []) => {}
                (None, data) => {
                    let data = data.to_vec();
                    self.phase = Phase::Body(body);
                    return Act::Data(data);
                }
                (Some(coding), data) => coding.take(data),
            }
            if let (true, Some(coding)) = (body.complete, &mut body.coding) {
                coding.finish();
            }
            if body.complete || self.read_at < self.input.len() {
                continue;
            }
            match self.fill(share) {
                Filled::Some => {}
                // Looked at above.
                Filled::Again => continue,
                Filled::Blocked => {
                    self.phase = Phase::Body(body);
                    return Act::Wait;
                }
                Filled::Error(error) => return self.broken(Some(error)),
                Filled::End => {
                    if body.framing.close().is_err() {
                        return self.broken(None);
                    }
                    body.complete = true;
                    if let Some(coding) = &mut body.coding {
                        coding.finish();
                    }
                }
            }
        }
    }

    /// The response is complete. What is left of the input is nobody's, and then the connection cannot be trusted.
    fn end(&mut self) -> Act {
        let sent = matches!(self.sending, Sending::Done | Sending::Length(0)) && self.outbox.is_empty();
        let clean = sent && self.write_error.is_none() && self.read_at == self.input.len();
        self.phase = Phase::Idle;
        // An idle connection holds no buffers.
        (self.input, self.read_at) = (Vec::new(), 0);
        Act::End(self.idle_ms.filter(|_| clean))
    }

    fn broken(&mut self, error: Option<io::Error>) -> Act {
        let message = match error.or(self.write_error.take()) {
            Some(error) => format!("the connection broke: {error}"),
            None if self.answered => "the connection was closed before the response was complete".into(),
            None => "the connection was closed without a response".into(),
        };
        Act::Fail(Failure::new(FailureKind::Closed, message), !self.answered)
    }

    /// Reads once.
    fn fill(&mut self, share: &mut Share) -> Filled {
        if !self.can.read {
            return Filled::Blocked;
        }
        if share.is_used() {
            return Filled::Again;
        }
        if matches!(self.phase, Phase::Body(_)) || self.read_at == self.input.len() {
            self.input.drain(..self.read_at);
            self.read_at = 0;
        }
        let start = self.input.len();
        self.input.resize(start + FETCH_READ_BYTES, 0);
        let result = self.stream.read(&mut self.input[start..]);
        let read = result.as_ref().ok().copied().flatten().unwrap_or_default();
        self.input.truncate(start + read);
        share.spend(read);
        match result {
            Ok(Some(0)) => Filled::End,
            Ok(Some(_)) => {
                self.progress = true;
                Filled::Some
            }
            Ok(None) => {
                *share = Share::none();
                Filled::Again
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.can.read = false;
                Filled::Blocked
            }
            Err(error) => Filled::Error(error),
        }
    }
}

impl Body {
    /// Whether nothing is left to give: then the end can be told to somebody who has no room.
    fn is_at_end(&self) -> bool {
        self.coding.is_none() && (self.complete || self.framing.is_done())
    }
}

pub(super) fn undecodable(bad: Bad) -> Failure {
    let kind = if matches!(bad, Bad::Corrupt | Bad::Truncated) { FailureKind::Protocol } else { FailureKind::Limit };
    Failure::new(kind, format!("the response's body cannot be decoded: {}", bad.sentence()))
}
