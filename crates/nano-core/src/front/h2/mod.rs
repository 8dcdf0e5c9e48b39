//! One HTTP/2 connection: each stream is a request that an app answers, all of them at once.

mod exchange;

use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::sync::Arc;

use nano_base::http::ResponseHead;
use nano_base::limits::{
    H2_GATHERED_MAX, H2_LEAST_OF_STREAM_PART, H2_OUT_BYTES_MAX, H2_PATIENCE_PER_S, H2_STREAMS_MAX, H2_WHOLE_BODY_BYTES,
    HTTP_LINGER_BYTES_MAX, HTTP_PARTING_MS, HTTP_READ_BYTES, HTTP_SHARE_BYTES,
};
use nano_base::problem::Problem;
use nano_base::status::{Error, Status};
use nano_http::h1::Content;
use nano_http::h2::{self, Code, Event, Limits, Request};

use super::Happening;
use super::ask::{self, Seat, Seats};
use super::client::{Fate, Readiness};
use super::listen::Counted;
use super::pace::Pace;
use super::socket::Socket;
use super::state::Tools;
use crate::pipe::{self, Held};
use crate::request::Body;
use crate::runtime::Inner;
use crate::wait::lock;
use exchange::{Exchange, Gathered, Stream, Wrote};

/// One connection.
pub(super) struct Connection {
    id: u64,
    /// When something must have happened, in the clock's milliseconds.
    pub deadline_ms: u64,
    socket: Socket,
    peer: Option<IpAddr>,
    shared: Counted,
    http: h2::Connection,
    streams: HashMap<u32, Stream>,
    seats: Seats,
    /// Streams with something to be written, in their turns.
    turns: VecDeque<u32>,
    /// What was read before it was known to be HTTP/2.
    input: Vec<u8>,
    readable: bool,
    /// What there is to read is the last: nothing more will be told.
    ends: bool,
    written: usize,
    /// Some of what was written is not with the kernel.
    unsent: bool,
    /// Nothing more is asked or answered: what is written is the last.
    closing: Option<usize>,
    /// Until when it is waited for what the client had sent before it could know that the listener is closed.
    parting_ms: Option<u64>,
    /// A request has come, or what must come before.
    has_begun: bool,
    /// Since when there is no stream, a head is incomplete, what is written stands still; and until when patience was renewed.
    idle_ms: u64,
    head_ms: Option<u64>,
    written_pace: Pace,
    relaxed_ms: u64,
}

impl Connection {
    /// A connection on which `input` has been read.
    pub(super) fn new(socket: Socket, peer: Option<IpAddr>, shared: Counted, input: Vec<u8>, now_ms: u64) -> Self {
        let limits = Limits { head: shared.limits.head, streams: H2_STREAMS_MAX };
        Self {
            id: 0,
            deadline_ms: now_ms + shared.limits.head_ms,
            http: h2::Connection::server(socket.scheme(), limits),
            socket,
            peer,
            shared,
            streams: HashMap::new(),
            seats: Seats::default(),
            turns: VecDeque::new(),
            input,
            readable: false,
            ends: false,
            written: 0,
            unsent: false,
            closing: None,
            parting_ms: None,
            has_begun: false,
            idle_ms: now_ms,
            head_ms: None,
            written_pace: Pace::from(now_ms),
            relaxed_ms: now_ms,
        }
    }

    pub(super) fn listener(&self) -> u64 {
        self.shared.key
    }

    /// Since when it has been at no request, if it is not.
    pub(super) fn idle_since_ms(&self) -> Option<u64> {
        self.streams.is_empty().then_some(self.idle_ms)
    }

    pub(super) fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// Since when what the client does not take crowds an app, if it does.
    pub(super) fn crowds_since_ms(&self) -> Option<u64> {
        self.streams.values().filter_map(Stream::crowds_since_ms).min()
    }

    /// Gives up what the client has not taken since `until_ms`, as long as that crowds an app.
    pub(super) fn press(&mut self, until_ms: u64, tools: &mut Tools<'_>) -> Fate {
        let since = |(id, stream): (&u32, &Stream)| stream.crowds_since_ms().filter(|since| *since <= until_ms).map(|since| (since, *id));
        let mut slow: Vec<(u64, u32)> = self.streams.iter().filter_map(since).collect();
        slow.sort_unstable();
        for (_, id) in slow {
            if self.streams.get(&id).is_some_and(|stream| stream.crowds_since_ms().is_some()) {
                self.http.reset(id, Code::CANCEL);
                if let Some(stream) = self.streams.remove(&id) {
                    stream.cancel(tools.inner, "the client did not read the response while the app had too much waiting");
                }
            }
        }
        self.go_on(tools)
    }

    /// The client has gone: nobody waits for the answers.
    pub(super) fn give_up(&mut self, inner: &Arc<Inner>) {
        for (_, stream) in self.streams.drain() {
            stream.cancel(inner, "the client closed the connection");
        }
    }

    /// The socket may be read or written, or read to its end, or the client is `gone` for good.
    pub(super) fn ready(&mut self, id: u64, readiness: Readiness, tools: &mut Tools<'_>) -> Fate {
        self.id = id;
        self.readable |= readiness.read;
        self.ends |= readiness.closing;
        if readiness.gone { Fate::Close } else { self.go_on(tools) }
    }

    /// Something happened to the request of a stream.
    pub(super) fn take(&mut self, id: u32, what: Happening, held: Held, tools: &mut Tools<'_>) -> Fate {
        let Some(Stream::Asked(exchange)) = self.streams.get_mut(&id) else { return Fate::Wait };
        match what {
            Happening::Writable => exchange.feed(id, &mut self.http, tools),
            Happening::Wanted => exchange.ask(id, &mut self.http, tools.now_ms),
            Happening::Response(head, body) => {
                let content = Content::Length(body.len() as u64);
                if self.begin_response(id, &head, content, tools) {
                    self.append(id, body, held, true, tools);
                } else if let Some(Stream::Asked(_)) = self.streams.get(&id) {
                    self.streams.remove(&id);
                }
            }
            Happening::Head(head) => {
                // The app may read while it answers, and then the client cannot be told any more.
                if !lock(&exchange.work.body).is_canceled() {
                    exchange.ask(id, &mut self.http, tools.now_ms);
                }
                let content = head.headers.content_length().map_or(Content::Stream, Content::Length);
                self.begin_response(id, &head, content, tools);
            }
            Happening::Chunk(bytes) => self.append(id, bytes, held, false, tools),
            Happening::End => self.append(id, Vec::new(), held, true, tools),
            // What follows the head will never be complete.
            Happening::Error(_) if exchange.has_head => {
                self.http.reset(id, Code::INTERNAL);
                self.streams.remove(&id);
            }
            // What would carry it, RFC 8441, is not offered.
            Happening::Switch(_) => self.refuse_response(id, "a WebSocket needs HTTP/1.1", tools),
            Happening::Error(error) if exchange.is_late && error.status == Status::Exception => {
                let (head, body) = ask::late(&exchange.work);
                self.reply(id, &head, body, tools);
            }
            Happening::Error(error) => {
                let (head, body) = ask::failed(&error, &exchange.work);
                self.reply(id, &head, body, tools);
            }
        }
        self.go_on(tools)
    }

    /// Writes a response's head; whether a body follows, of a stream that is still there.
    fn begin_response(&mut self, id: u32, head: &ResponseHead, content: Content, tools: &mut Tools<'_>) -> bool {
        let written = self.http.respond(id, head, content, Some(tools.date));
        let Some(Stream::Asked(exchange)) = self.streams.get_mut(&id) else { return false };
        match written {
            Ok(has_body) => {
                exchange.has_head = true;
                exchange.has_body = has_body;
                has_body
            }
            Err(why) => {
                self.refuse_response(id, &why.to_string(), tools);
                false
            }
        }
    }

    /// An app's response cannot be written.
    fn refuse_response(&mut self, id: u32, why: &str, tools: &Tools<'_>) {
        let Some(Stream::Asked(exchange)) = self.streams.get(&id) else { return };
        let error = Error::new(Status::Invalid, format!("the app's response cannot be sent: {why}")).with_http_status(502);
        tools.inner.cancel(&exchange.work, error.clone());
        let (head, body) = ask::failed(&error, &exchange.work);
        self.reply(id, &head, body, tools);
    }

    fn append(&mut self, id: u32, bytes: Vec<u8>, held: Held, last: bool, tools: &Tools<'_>) {
        let Some(Stream::Asked(exchange)) = self.streams.get_mut(&id) else { return };
        let has_body = exchange.has_body;
        if exchange.append(bytes, held, last, tools.now_ms) {
            self.turns.push_back(id);
        } else if last && !has_body {
            self.streams.remove(&id);
        }
    }

    /// Answers what no app does.
    fn reply(&mut self, id: u32, head: &ResponseHead, body: Vec<u8>, tools: &Tools<'_>) {
        match self.http.respond(id, head, Content::Length(body.len() as u64), Some(tools.date)) {
            Ok(true) => {
                self.streams.insert(id, Stream::Reply(body, 0, Pace::from(tools.now_ms)));
                self.turns.push_back(id);
            }
            Ok(false) => drop(self.streams.remove(&id)),
            Err(_) => {
                self.http.reset(id, Code::INTERNAL);
                self.streams.remove(&id);
            }
        }
    }

    /// Writes and reads as far as it goes.
    pub(super) fn go_on(&mut self, tools: &mut Tools<'_>) -> Fate {
        let fate = self.step(tools);
        if !self.streams.is_empty() {
            self.idle_ms = tools.now_ms;
        }
        self.deadline_ms = self.next_deadline_ms();
        fate
    }

    fn step(&mut self, tools: &mut Tools<'_>) -> Fate {
        if self.shared.is_closed() {
            self.part(tools.now_ms);
        }
        let mut moved = 0;
        loop {
            self.pump(tools);
            if self.http.is_leaving() && self.streams.is_empty() && self.closing.is_none() {
                self.closing = Some(0);
            }
            let Ok(all) = self.flush(tools) else { return Fate::Close };
            if let Some(lingered) = self.closing {
                return if all { self.linger(lingered, tools) } else { Fate::Wait };
            }
            if moved >= HTTP_SHARE_BYTES {
                return Fate::Again;
            }
            if all && self.can_write_bodies() {
                moved += H2_OUT_BYTES_MAX;
                continue;
            }
            let is_full = self.http.output().len() - self.written >= H2_OUT_BYTES_MAX;
            if is_full || self.input.is_empty() && !self.readable {
                return Fate::Wait;
            }
            match self.read(tools) {
                Ok(bytes) => moved += bytes,
                Err(_) => return Fate::Close,
            }
        }
    }

    /// The listener is closed. What a client has sent before it can know is taken: until it has read so, or for a while.
    fn part(&mut self, now_ms: u64) {
        match self.parting_ms {
            None => {
                self.http.announce_away();
                self.parting_ms = Some(now_ms + HTTP_PARTING_MS);
            }
            Some(until_ms) if until_ms <= now_ms => self.http.go_away(),
            Some(_) => {}
        }
    }

    /// Whether some stream that has something to write may.
    fn can_write_bodies(&self) -> bool {
        self.turns.iter().any(|id| self.http.room(*id) > 0)
    }

    /// What a client has to move of each body, within the time that it has for that.
    fn least_of_stream(&self) -> usize {
        self.shared.limits.least_bytes() / H2_LEAST_OF_STREAM_PART
    }

    /// Gives streams their turns to write what their windows let them.
    fn pump(&mut self, tools: &Tools<'_>) {
        let least = self.least_of_stream();
        for _ in 0..self.turns.len() {
            if self.http.output().len() - self.written >= H2_OUT_BYTES_MAX {
                return;
            }
            let Some(id) = self.turns.pop_front() else { return };
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            match stream.write(id, &mut self.http, least, tools.now_ms) {
                Wrote::All => drop(self.streams.remove(&id)),
                Wrote::Enough => {}
                Wrote::Some => self.turns.push_back(id),
            }
        }
    }

    /// Writes what there is; whether all of it went out.
    fn flush(&mut self, tools: &Tools<'_>) -> io::Result<bool> {
        let output = self.http.output();
        let mut moved = 0;
        while self.written < output.len() {
            match self.socket.write(&[IoSlice::new(&output[self.written..])]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    self.written += bytes;
                    moved += bytes;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.written == output.len() {
            // A connection that has nothing to say holds no buffer.
            *output = Vec::new();
            self.written = 0;
        } else if self.written >= H2_OUT_BYTES_MAX {
            // Of a client that never takes all there is, no more is kept than it has to take.
            output.drain(..self.written);
            self.written = 0;
        }
        let is_empty = output.is_empty();
        let was_unsent = std::mem::replace(&mut self.unsent, !self.socket.flush()? || !is_empty);
        if was_unsent {
            self.written_pace.moved(moved, self.shared.limits.least_bytes(), tools.now_ms);
        } else {
            self.written_pace = Pace::from(tools.now_ms);
        }
        Ok(!self.unsent)
    }

    /// Reads once; how many bytes that were.
    fn read(&mut self, tools: &mut Tools<'_>) -> io::Result<usize> {
        let mut buffer = std::mem::take(tools.buffer);
        if buffer.len() < HTTP_READ_BYTES {
            buffer.resize(HTTP_READ_BYTES, 0);
        }
        let begun = std::mem::take(&mut self.input);
        let result = if !begun.is_empty() {
            self.take_bytes(&begun, tools);
            Ok(begun.len())
        } else if !self.readable {
            Ok(0)
        } else {
            match self.socket.read(&mut buffer[..HTTP_READ_BYTES]) {
                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(bytes) => {
                    // The end may have been told already.
                    self.readable = self.socket.may_have_more(bytes, HTTP_READ_BYTES) || self.ends;
                    self.take_bytes(&buffer[..bytes], tools);
                    Ok(bytes)
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.readable = false;
                    Ok(0)
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
                Err(error) => Err(error),
            }
        };
        *tools.buffer = buffer;
        result
    }

    fn take_bytes(&mut self, mut input: &[u8], tools: &mut Tools<'_>) {
        let renewed = (tools.now_ms - self.relaxed_ms).saturating_mul(H2_PATIENCE_PER_S.into()) / 1_000;
        if renewed > 0 {
            self.http.relax(renewed.try_into().unwrap_or(u32::MAX));
            self.relaxed_ms = tools.now_ms;
        }
        loop {
            match self.http.receive(&mut input) {
                Ok(Some(event)) => self.happened(event, tools),
                Ok(None) => break,
                Err(_) => {
                    self.give_up(tools.inner);
                    self.closing = Some(0);
                    return;
                }
            }
        }
        self.head_ms = if self.http.is_within_head() { self.head_ms.or(Some(tools.now_ms)) } else { None };
    }

    fn happened(&mut self, event: Event<'_>, tools: &mut Tools<'_>) {
        let least = self.least_of_stream();
        match event {
            Event::Request(id, request) => self.begin(id, *request, tools),
            Event::Refused(id, fault) => {
                let (head, body) = fault.problem().answer("");
                self.reply(id, &head, body, tools);
            }
            Event::Data(id, bytes) => match self.streams.get_mut(&id) {
                // Its time is not renewed: a small body does not take long.
                Some(Stream::Gathering(gathered, _)) => gathered.body.extend_from_slice(bytes),
                Some(Stream::Asked(exchange)) => exchange.data(id, bytes, &mut self.http, least, tools),
                _ => self.http.credit(id, bytes.len()),
            },
            Event::End(id) => match self.streams.get_mut(&id) {
                Some(Stream::Gathering(..)) => {
                    let Some(Stream::Gathering(gathered, _)) = self.streams.remove(&id) else { return };
                    let Gathered { seat, request, body } = *gathered;
                    self.dispatch(id, seat, request, Body::Whole(body), tools);
                }
                Some(Stream::Asked(exchange)) => exchange.end(tools),
                _ => {}
            },
            Event::Reset(id, _) => {
                if let Some(stream) = self.streams.remove(&id) {
                    stream.cancel(tools.inner, "the client gave the request up");
                }
            }
            Event::Pong if self.parting_ms.is_some() => self.http.go_away(),
            Event::Response(..) | Event::Away(..) | Event::Pong => {}
        }
    }

    /// A request has come.
    fn begin(&mut self, id: u32, request: Request, tools: &mut Tools<'_>) {
        self.has_begun = true;
        self.idle_ms = tools.now_ms;
        let seat = match ask::route_among(&self.shared, &mut self.seats, &request.head, request.server_wide) {
            Ok(seat) => seat,
            Err((head, body)) => return self.reply(id, &head, body, tools),
        };
        match request.length {
            _ if request.ends => self.dispatch(id, seat, request, Body::None, tools),
            Some(length) if length <= H2_WHOLE_BODY_BYTES as u64 && !request.expect_continue && self.has_room_to_gather(&request) => {
                let gathered = Gathered { seat, request, body: Vec::new() };
                self.streams.insert(id, Stream::Gathering(Box::new(gathered), tools.now_ms));
            }
            _ => self.dispatch(id, seat, request, Body::Stream, tools),
        }
    }

    /// Whether one more request may wait here for its body: no limit of an app's is about it yet. A few bytes of a client's may have become
    /// the whole of a large head, so those of large ones wait where they are counted.
    fn has_room_to_gather(&self, request: &Request) -> bool {
        let gathers = self.streams.values().filter(|stream| matches!(stream, Stream::Gathering(..))).count();
        gathers < H2_GATHERED_MAX && pipe::request_head_bytes(&request.head) == 0
    }

    fn dispatch(&mut self, id: u32, seat: Arc<Seat>, mut request: Request, body: Body, tools: &mut Tools<'_>) {
        ask::introduce(&mut request.head, self.peer, self.socket.scheme(), &self.shared);
        match Exchange::begin(self.id, id, seat, request, body, tools) {
            Ok(exchange) => drop(self.streams.insert(id, Stream::Asked(exchange))),
            Err(error) => {
                let (head, body) = Problem::of(&error).answer("");
                self.reply(id, &head, body, tools);
            }
        }
    }

    /// Time is up for whatever it waits for, unless that has moved since.
    pub(super) fn time_is_up(&mut self, tools: &mut Tools<'_>) -> Fate {
        if self.deadline_ms > tools.now_ms {
            return Fate::Wait;
        }
        let limits = self.shared.limits.clone();
        if self.closing.is_some() || self.unsent && self.written_pace.since_ms() + limits.body_ms <= tools.now_ms {
            return Fate::Close;
        }
        let due: Vec<u32> = self
            .streams
            .iter()
            .filter(|(_, stream)| stream.waits_since_ms().is_some_and(|since| since + limits.body_ms <= tools.now_ms))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            match self.streams.get_mut(&id) {
                Some(Stream::Gathering(..)) => {
                    let (head, body) = Problem::REQUEST_TIMEOUT.answer("");
                    self.reply(id, &head, body, tools);
                }
                Some(Stream::Asked(exchange)) if !exchange.has_output() => {
                    exchange.break_off(tools);
                }
                // Its window has been closed for too long.
                _ => {
                    self.http.reset(id, Code::CANCEL);
                    if let Some(stream) = self.streams.remove(&id) {
                        stream.cancel(tools.inner, "the client did not read the response in time");
                    }
                }
            }
        }
        let is_late = self.head_ms.is_some_and(|since| since + limits.head_ms <= tools.now_ms)
            || !self.has_begun && self.idle_ms + limits.head_ms <= tools.now_ms
            || self.streams.is_empty() && self.idle_ms + limits.idle_ms <= tools.now_ms;
        if is_late {
            self.http.go_away();
            self.give_up(tools.inner);
            self.closing = Some(0);
        }
        self.go_on(tools)
    }

    fn next_deadline_ms(&self) -> u64 {
        let limits = &self.shared.limits;
        if self.closing.is_some() {
            return self.written_pace.since_ms() + limits.linger_ms.max(1);
        }
        let streams = self.streams.values().filter_map(Stream::waits_since_ms).min().map(|since| since + limits.body_ms);
        let idle = self.streams.is_empty().then_some(self.idle_ms + if self.has_begun { limits.idle_ms } else { limits.head_ms });
        let head = self.head_ms.map(|since| since + limits.head_ms);
        let written = self.unsent.then_some(self.written_pace.since_ms() + limits.body_ms);
        let parting = self.parting_ms.filter(|_| !self.http.is_leaving());
        [streams, idle, head, written, parting].into_iter().flatten().min().unwrap_or(u64::MAX)
    }

    /// Drops what the client still sends: closed with something unread, the connection would be reset, and what was said last lost.
    fn linger(&mut self, mut lingered: usize, tools: &mut Tools<'_>) -> Fate {
        if lingered == 0 {
            self.socket.shut_down();
            self.written_pace = Pace::from(tools.now_ms);
        }
        lingered += 1;
        if tools.buffer.len() < HTTP_READ_BYTES {
            tools.buffer.resize(HTTP_READ_BYTES, 0);
        }
        while self.readable {
            match self.socket.read(&mut tools.buffer[..HTTP_READ_BYTES]) {
                Ok(0) => return Fate::Close,
                Ok(bytes) => {
                    lingered += bytes;
                    if lingered > HTTP_LINGER_BYTES_MAX {
                        return Fate::Close;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Fate::Close,
            }
        }
        self.closing = Some(lingered);
        Fate::Wait
    }
}
