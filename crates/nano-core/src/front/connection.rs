//! One HTTP/1.1 connection: a request is read, an app answers it, then the next one is read.

use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nano_base::http::ResponseHead;
use nano_base::limits::{HTTP_LINGER_BYTES_MAX, HTTP_READ_BYTES, HTTP_SHARE_BYTES, HTTP_TAIL_BYTES, HTTP_WHOLE_BODY_BYTES};
use nano_base::problem::Problem;
use nano_base::status::{Error, Status};
use nano_http::h1::{self, Answer, BodyDecoder, ChunkSize, Content, Fault, Framing, RequestParser, Scheme, Sent, Version};

use super::listen::{Route, Shared};
use super::socket::Socket;
use super::state::Tools;
use super::{Happening, Reply, client};
use crate::app::App;
use crate::pipe::Held;
use crate::request::{Body, Listener, RequestInit, Work};
use crate::runtime::Inner;
use crate::shard::Command;
use crate::wait::lock;

/// What is to become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It waits for its socket, its app or its timer.
    Wait,
    /// It goes on when others have had their turns.
    Again,
    /// It is over.
    Close,
}

/// How far a connection has come.
#[derive(Debug)]
enum Phase {
    /// A request's head is awaited.
    Head,
    /// A small body is awaited, so that app and request begin with all of it.
    Body(Box<(App, Occupied, h1::Request, usize)>),
    /// An app has a request.
    Exchange(Exchange),
    /// What is written is the last; what the client still sends is dropped for a while, so that it can read that.
    Last { lingers: bool },
}

/// A request that an app has.
#[derive(Debug)]
struct Exchange {
    work: Arc<Work>,
    _seat: Occupied,
    version: Version,
    to_head: bool,
    keep_alive: bool,
    /// What is left of the request's body.
    decoder: BodyDecoder,
    /// The app's side of it is full.
    is_full: bool,
    /// Nobody has read what the client waits to be asked for.
    is_unasked: bool,
    /// What the response's head has promised, once it is written.
    sent: Option<Sent>,
    /// Bytes of the response that are written when all output is.
    credit: i64,
}

/// One connection.
pub(super) struct Connection {
    pub id: u64,
    /// When something must have happened, in the clock's milliseconds.
    pub deadline_ms: u64,
    socket: Socket,
    /// Where it comes from.
    peer: Option<IpAddr>,
    shared: Arc<Shared>,
    phase: Phase,
    parser: RequestParser,
    /// What has been read and not been used.
    input: Vec<u8>,
    /// There may be more to read.
    readable: bool,
    /// The client sends no more.
    ended: bool,
    /// What is to be written: small things, then one large one.
    output: Vec<u8>,
    tail: Vec<u8>,
    written: usize,
    /// Whose bytes they are.
    held: Vec<Held>,
    lingered: usize,
}

/// The client has gone: nobody waits for the answer.
pub(super) fn give_up(inner: &Arc<Inner>, work: &Arc<Work>) {
    inner.cancel(work, Error::new(Status::Canceled, "the client closed the connection"));
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection {
    /// A connection that was just accepted and counted.
    pub(super) fn new(socket: Socket, peer: Option<IpAddr>, shared: Arc<Shared>, now_ms: u64) -> Self {
        Self {
            id: 0,
            deadline_ms: now_ms + shared.limits.head_ms,
            socket,
            peer,
            shared,
            phase: Phase::Head,
            parser: RequestParser::new(),
            input: Vec::new(),
            readable: false,
            ended: false,
            output: Vec::new(),
            tail: Vec::new(),
            written: 0,
            held: Vec::new(),
            lingered: 0,
        }
    }

    /// The listener it came by.
    pub(super) fn listener(&self) -> u64 {
        self.shared.key
    }

    pub(super) fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// Whether the client still waits for something that is known.
    pub(super) fn owes_something(&self) -> bool {
        self.has_output() || matches!(self.phase, Phase::Exchange(_))
    }

    /// The request it is at, which is no business of the connection's any more.
    pub(super) fn take_work(&mut self) -> Option<Arc<Work>> {
        match std::mem::replace(&mut self.phase, Phase::Head) {
            Phase::Exchange(exchange) => Some(exchange.work),
            _ => None,
        }
    }

    /// The socket may be read or written, or the client is `gone` for good.
    pub(super) fn ready(&mut self, read: bool, gone: bool, tools: &mut Tools<'_>) -> Fate {
        self.readable |= read;
        if gone && matches!(self.phase, Phase::Exchange(_)) {
            return Fate::Close;
        }
        self.go_on(tools)
    }

    /// Something happened to the request that the app has.
    pub(super) fn take(&mut self, what: Happening, held: Held, tools: &mut Tools<'_>) -> Fate {
        let Phase::Exchange(exchange) = &mut self.phase else { return Fate::Wait };
        match what {
            Happening::Writable => exchange.is_full = false,
            Happening::Wanted => {
                if std::mem::take(&mut exchange.is_unasked) && exchange.sent.is_none() {
                    self.output.extend_from_slice(h1::CONTINUE);
                }
            }
            Happening::Response(head, body) => {
                self.held.push(held);
                return self.respond(&head, body, tools);
            }
            Happening::Head(head) => {
                let answer = exchange.answer(Content::Stream, tools.date, &self.shared, self.ended);
                match h1::write_response_head(&mut self.output, &head, &answer) {
                    Ok(sent) => exchange.sent = Some(sent),
                    Err(why) => return self.refuse_response(&why.to_string(), tools),
                }
            }
            Happening::Chunk(bytes) => {
                exchange.credit += bytes.len() as i64;
                match exchange.sent.map(|sent| sent.framing) {
                    Some(Framing::Chunked) => {
                        if let Some(size) = ChunkSize::new(bytes.len()) {
                            self.output.extend_from_slice(size.as_bytes());
                            self.output.extend_from_slice(&bytes);
                            self.output.extend_from_slice(h1::CHUNK_END);
                        }
                    }
                    Some(Framing::UntilClose) => self.output.extend_from_slice(&bytes),
                    _ => {}
                }
                self.held.push(held);
            }
            Happening::End => {
                if exchange.sent.is_some_and(|sent| sent.framing == Framing::Chunked) {
                    self.output.extend_from_slice(h1::LAST_CHUNK);
                }
                self.next_request(tools);
            }
            // A head is out, and what follows it will never be complete: the client can only see that by the end that is missing.
            Happening::Error(_) if exchange.sent.is_some() => {
                self.phase = Phase::Head;
                return Fate::Close;
            }
            Happening::Error(error) => {
                let (head, body) = Problem::of(&error).answer(&id_of(&exchange.work));
                return self.respond(&head, body, tools);
            }
        }
        self.go_on(tools)
    }

    /// Time is up for whatever it waits for, unless that has moved since.
    pub(super) fn time_is_up(&mut self, tools: &mut Tools<'_>) -> Fate {
        if self.deadline_ms > tools.now_ms {
            return Fate::Wait;
        }
        match &self.phase {
            _ if self.has_output() => Fate::Close,
            Phase::Head if self.input.is_empty() => Fate::Close,
            Phase::Head | Phase::Body(_) => {
                let (head, body) = Problem::REQUEST_TIMEOUT.answer("");
                self.write_whole(&head, body, Version::Http11, false, false, tools);
                self.go_on(tools)
            }
            // Its body stands still.
            Phase::Exchange(exchange) if !exchange.decoder.is_done() && !exchange.is_full => {
                let work = exchange.work.clone();
                let why = "the client did not send the rest of the body in time";
                if lock(&work.body).break_off(why) {
                    tools.inner.tell_work(&work, Command::BodyReady);
                }
                self.deadline_ms = u64::MAX;
                self.ended = true;
                Fate::Wait
            }
            Phase::Exchange(_) => Fate::Wait,
            Phase::Last { .. } => Fate::Close,
        }
    }

    /// Writes and reads as far as it goes.
    pub(super) fn go_on(&mut self, tools: &mut Tools<'_>) -> Fate {
        loop {
            match self.flush(tools) {
                Ok(true) => {}
                Ok(false) => return Fate::Wait,
                Err(_) => return Fate::Close,
            }
            let step = match &mut self.phase {
                Phase::Head => self.read_head(tools),
                Phase::Body(_) => self.read_small_body(tools),
                Phase::Exchange(_) => self.feed(tools),
                Phase::Last { lingers: false } => Step::Stop(Fate::Close),
                Phase::Last { lingers: true } => self.linger(tools),
            };
            match step {
                Step::GoOn => {}
                Step::Stop(fate) => return fate,
            }
        }
    }

    fn has_output(&self) -> bool {
        !self.output.is_empty() || !self.tail.is_empty()
    }

    /// Writes what there is; whether all of it went out.
    fn flush(&mut self, tools: &Tools<'_>) -> io::Result<bool> {
        while self.has_output() {
            let pieces = match self.written.checked_sub(self.output.len()) {
                None => [IoSlice::new(&self.output[self.written..]), IoSlice::new(&self.tail)],
                Some(of_tail) => [IoSlice::new(&self.tail[of_tail..]), IoSlice::new(&[])],
            };
            match self.socket.write(&pieces) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    self.written += bytes;
                    self.deadline_ms = tools.now_ms + self.shared.limits.body_ms;
                    if self.written == self.output.len() + self.tail.len() {
                        self.output.clear();
                        if self.output.capacity() > HTTP_READ_BYTES {
                            self.output = Vec::new();
                        }
                        self.tail = Vec::new();
                        self.written = 0;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if !self.held.is_empty() {
            self.held.clear();
        }
        if let Phase::Exchange(exchange) = &mut self.phase {
            // How long the app may take is its own limit.
            if exchange.decoder.is_done() || exchange.is_full {
                self.deadline_ms = u64::MAX;
            }
            let credit = std::mem::take(&mut exchange.credit);
            if credit > 0 {
                exchange.work.give_credit(credit);
            }
        }
        Ok(true)
    }

    /// Fills the buffer with what was left over, and with what can be read; how much there is.
    fn read(&mut self, tools: &mut Tools<'_>, from_socket: bool) -> io::Result<usize> {
        let mut len = self.input.len();
        let wanted = len + HTTP_READ_BYTES;
        if tools.buffer.len() < wanted {
            tools.buffer.resize(wanted, 0);
        }
        tools.buffer[..len].copy_from_slice(&self.input);
        self.input.clear();
        while from_socket && self.readable && !self.ended {
            match self.socket.read(&mut tools.buffer[len..len + HTTP_READ_BYTES]) {
                Ok(0) => self.ended = true,
                Ok(bytes) => {
                    // Less than there was room for: there is no more, or it will be told.
                    self.readable = bytes == HTTP_READ_BYTES;
                    len += bytes;
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(len)
    }

    /// Keeps what was not used.
    fn keep(&mut self, rest: &[u8]) {
        self.input.extend_from_slice(rest);
        if self.input.is_empty() && self.input.capacity() > 0 {
            // An idle connection holds no buffer.
            self.input = Vec::new();
        }
    }

    fn read_head(&mut self, tools: &mut Tools<'_>) -> Step {
        let mut from_socket = self.input.is_empty();
        loop {
            let had = self.input.len();
            let len = match self.read(tools, from_socket) {
                Ok(len) => len,
                Err(_) => return Step::Stop(Fate::Close),
            };
            let buffer = std::mem::take(tools.buffer);
            let parsed = if len == 0 {
                Ok(None)
            } else {
                self.parser.parse(&buffer[..len], Scheme::Http, Some(&self.shared.address), &self.shared.limits.head)
            };
            let step = match parsed {
                Ok(Some(request)) => {
                    let bytes = request.bytes;
                    let step = self.begin(request, &buffer[bytes..len], tools);
                    Some(step)
                }
                Ok(None) => {
                    self.keep(&buffer[..len]);
                    None
                }
                Err(fault) => {
                    self.refuse(fault, tools);
                    Some(Step::GoOn)
                }
            };
            *tools.buffer = buffer;
            if let Some(step) = step {
                return step;
            }
            if self.ended {
                return Step::Stop(Fate::Close);
            }
            if from_socket && !self.readable {
                if len == 0 {
                    if self.shared.is_closed() {
                        return Step::Stop(Fate::Close);
                    }
                } else if had == 0 {
                    self.deadline_ms = tools.now_ms + self.shared.limits.head_ms;
                }
                return Step::Stop(Fate::Wait);
            }
            from_socket = true;
        }
    }

    /// A head has been read; `rest` is what follows it.
    fn begin(&mut self, request: h1::Request, rest: &[u8], tools: &mut Tools<'_>) -> Step {
        let (host, path) = host_and_path(&request.head.url);
        let route = if request.server_wide { Route::Reply(options(), Vec::new()) } else { self.shared.router.route(host, path) };
        let app = match route {
            Route::App(app) => app,
            Route::Reply(head, body) => return self.reply(&request, &head, body, rest, tools),
            Route::Nobody => return self.decline(&request, &Problem::NO_APP, rest, tools),
            Route::Refused(problem) => return self.decline(&request, &problem, rest, tools),
        };
        let Some(seat) = Occupied::take(&app, self.shared.limits.of_app()) else {
            return self.decline(&request, &Problem::TOO_MANY_CONNECTIONS, rest, tools);
        };
        match request.framing {
            Framing::Length(length) if length <= HTTP_WHOLE_BODY_BYTES as u64 && !request.expect_continue => {
                let length = length as usize;
                self.keep(rest);
                if rest.len() < length {
                    self.deadline_ms = tools.now_ms + self.shared.limits.body_ms;
                }
                self.phase = Phase::Body(Box::new((app, seat, request, length)));
                Step::GoOn
            }
            Framing::None => {
                self.keep(rest);
                self.dispatch(&app, seat, request, Body::None, tools)
            }
            _ => {
                self.keep(rest);
                self.dispatch(&app, seat, request, Body::Stream, tools)
            }
        }
    }

    fn read_small_body(&mut self, tools: &mut Tools<'_>) -> Step {
        let Phase::Body(pending) = &self.phase else { return Step::GoOn };
        let length = pending.3;
        while self.input.len() < length {
            let Ok(len) = self.read(tools, true) else { return Step::Stop(Fate::Close) };
            let buffer = std::mem::take(tools.buffer);
            self.keep(&buffer[..len]);
            *tools.buffer = buffer;
            if self.input.len() >= length {
                break;
            }
            if self.ended {
                return Step::Stop(Fate::Close);
            }
            if !self.readable {
                return Step::Stop(Fate::Wait);
            }
        }
        let Phase::Body(pending) = std::mem::replace(&mut self.phase, Phase::Head) else { return Step::GoOn };
        let (app, seat, mut request, length) = *pending;
        let rest = self.input.split_off(length);
        let body = std::mem::replace(&mut self.input, rest);
        request.framing = Framing::None;
        self.dispatch(&app, seat, request, Body::Whole(body), tools)
    }

    /// Gives a request to its app.
    fn dispatch(&mut self, app: &App, seat: Occupied, request: h1::Request, body: Body, tools: &mut Tools<'_>) -> Step {
        let h1::Request { mut head, version, framing, keep_alive, expect_continue, .. } = request;
        let to_head = head.method == "HEAD";
        let reply = Reply { shard: tools.shard, connection: self.id, expects_continue: AtomicBool::new(expect_continue) };
        let has_body = framing != Framing::None;
        client::introduce(&mut head, self.peer, false, self.shared.router.is_behind_proxy());
        let init = RequestInit { head, body, user_data: 0, deadline_ms: 0 };
        match app.submit_from(init, Listener::Connection(reply), tools.shard) {
            Ok(work) => {
                self.phase = Phase::Exchange(Exchange {
                    work,
                    _seat: seat,
                    version,
                    to_head,
                    keep_alive,
                    decoder: BodyDecoder::new(framing),
                    is_full: false,
                    is_unasked: expect_continue,
                    sent: None,
                    credit: 0,
                });
                self.deadline_ms = if has_body { tools.now_ms + self.shared.limits.body_ms } else { u64::MAX };
                Step::GoOn
            }
            Err(error) => {
                let (head, body) = Problem::of(&error).answer("");
                let keep_alive = keep_alive && !has_body;
                self.write_whole(&head, body, version, to_head, keep_alive, tools);
                Step::GoOn
            }
        }
    }

    /// Moves what comes of the request's body to the app.
    fn feed(&mut self, tools: &mut Tools<'_>) -> Step {
        let mut moved = 0;
        loop {
            let Phase::Exchange(exchange) = &mut self.phase else { return Step::GoOn };
            if exchange.decoder.is_done() || exchange.is_full || exchange.is_unasked && self.input.is_empty() && !self.readable {
                return Step::Stop(Fate::Wait);
            }
            if moved >= HTTP_SHARE_BYTES {
                return Step::Stop(Fate::Again);
            }
            let from_socket = self.input.is_empty();
            let Ok(len) = self.read(tools, from_socket) else { return Step::Stop(Fate::Close) };
            if len == 0 {
                if !self.ended {
                    return Step::Stop(Fate::Wait);
                }
                self.cut_short("the client closed the connection before the end of the body", tools);
                return Step::Stop(Fate::Wait);
            }
            moved += len;
            let buffer = std::mem::take(tools.buffer);
            let used = self.pass_on(&buffer[..len], tools);
            match used {
                Ok(used) => self.keep(&buffer[used..len]),
                Err(fault) => self.cut_short(fault.sentence(), tools),
            }
            *tools.buffer = buffer;
            self.deadline_ms = tools.now_ms + self.shared.limits.body_ms;
        }
    }

    /// Gives pieces of the body to the app, as far as it has room; how many bytes of `input` that were.
    fn pass_on(&mut self, input: &[u8], tools: &Tools<'_>) -> Result<usize, Fault> {
        let Phase::Exchange(exchange) = &mut self.phase else { return Ok(0) };
        let mut used = 0;
        while used < input.len() && !exchange.decoder.is_done() {
            // A step cannot be taken back, so it is tried on no more than the app has room for.
            let room = lock(&exchange.work.body).room_to_write();
            if room == 0 {
                exchange.is_full = true;
                break;
            }
            let end = (used + room).min(input.len());
            let step = exchange.decoder.decode(&input[used..end])?;
            used += step.consumed;
            let mut tell = false;
            {
                let mut body = lock(&exchange.work.body);
                if !step.data.is_empty() {
                    // It fails when the request has ended; what comes is then read for its end only.
                    tell |= body.write(step.data).is_ok_and(|(_, tell)| tell);
                }
                if step.done {
                    tell |= body.end();
                }
            }
            exchange.work.progress();
            if tell {
                tools.inner.tell_work(&exchange.work, Command::BodyReady);
            }
            if step.consumed == 0 {
                break;
            }
        }
        Ok(used)
    }

    /// The request's body will never be complete: the app learns of it, and may still answer; the connection is of no use after that.
    fn cut_short(&mut self, why: &str, tools: &Tools<'_>) {
        self.ended = true;
        self.readable = false;
        self.deadline_ms = u64::MAX;
        let Phase::Exchange(exchange) = &mut self.phase else { return };
        exchange.is_full = true;
        if lock(&exchange.work.body).break_off(why) {
            tools.inner.tell_work(&exchange.work, Command::BodyReady);
        }
    }

    /// Writes the whole response of an app.
    fn respond(&mut self, head: &ResponseHead, body: Vec<u8>, tools: &mut Tools<'_>) -> Fate {
        let Phase::Exchange(exchange) = &mut self.phase else { return Fate::Wait };
        let answer = exchange.answer(Content::Length(body.len() as u64), tools.date, &self.shared, self.ended);
        match h1::write_response_head(&mut self.output, head, &answer) {
            Ok(sent) => exchange.sent = Some(sent),
            Err(why) => return self.refuse_response(&why.to_string(), tools),
        }
        let has_body = exchange.sent.is_some_and(|sent| sent.framing != Framing::None);
        if has_body {
            self.append(body);
        }
        self.next_request(tools);
        self.go_on(tools)
    }

    fn append(&mut self, body: Vec<u8>) {
        if body.len() > HTTP_TAIL_BYTES {
            self.tail = body;
        } else {
            self.output.extend_from_slice(&body);
        }
    }

    /// An app's response cannot be written: it would not be one message.
    fn refuse_response(&mut self, why: &str, tools: &mut Tools<'_>) -> Fate {
        let Phase::Exchange(exchange) = &mut self.phase else { return Fate::Wait };
        let error = Error::new(Status::Invalid, format!("the app's response cannot be sent: {why}")).with_http_status(502);
        tools.inner.cancel(&exchange.work, error.clone());
        let (head, body) = Problem::of(&error).answer(&id_of(&exchange.work));
        let answer = exchange.answer(Content::Length(body.len() as u64), tools.date, &self.shared, true);
        exchange.sent = h1::write_response_head(&mut self.output, &head, &answer).ok();
        self.append(body);
        self.next_request(tools);
        self.go_on(tools)
    }

    /// The response is written, or will be: what comes after it.
    fn next_request(&mut self, tools: &Tools<'_>) {
        let Phase::Exchange(exchange) = &self.phase else { return };
        let is_read = exchange.decoder.is_done();
        let keep_alive = exchange.sent.is_some_and(|sent| sent.keep_alive) && is_read && !self.ended;
        self.after(keep_alive, !is_read, tools);
    }

    fn after(&mut self, keep_alive: bool, lingers: bool, tools: &Tools<'_>) {
        if keep_alive {
            self.phase = Phase::Head;
            self.deadline_ms = tools.now_ms + self.shared.limits.idle_ms;
        } else {
            self.phase = Phase::Last { lingers };
            self.deadline_ms = tools.now_ms + self.shared.limits.body_ms;
        }
    }

    /// Says why no app gets a request. It has no id here; one that the client has given it is repeated.
    fn decline(&mut self, request: &h1::Request, problem: &Problem, rest: &[u8], tools: &mut Tools<'_>) -> Step {
        let id = request.head.headers.value(b"x-request-id").and_then(|id| std::str::from_utf8(id).ok());
        let (head, body) = problem.answer(id.unwrap_or_default());
        self.reply(request, &head, body, rest, tools)
    }

    /// Answers a request that no app gets.
    fn reply(&mut self, request: &h1::Request, head: &ResponseHead, body: Vec<u8>, rest: &[u8], tools: &mut Tools<'_>) -> Step {
        let has_body = request.framing != Framing::None;
        if !has_body {
            self.keep(rest);
        }
        let to_head = request.head.method == "HEAD";
        self.write_whole(head, body, request.version, to_head, request.keep_alive && !has_body, tools);
        Step::GoOn
    }

    fn write_whole(&mut self, head: &ResponseHead, body: Vec<u8>, version: Version, to_head: bool, keep_alive: bool, tools: &Tools<'_>) {
        let content = Content::Length(body.len() as u64);
        let keep_alive = keep_alive && !self.ended && !self.shared.is_closed();
        let answer = Answer { version, to_head, content, keep_alive, date: Some(tools.date) };
        match h1::write_response_head(&mut self.output, head, &answer) {
            Ok(sent) => {
                if sent.framing != Framing::None {
                    self.append(body);
                }
                self.after(sent.keep_alive, !sent.keep_alive, tools);
            }
            Err(_) => self.after(false, false, tools),
        }
    }

    /// What came is not HTTP, or not of the kind that is borne.
    fn refuse(&mut self, fault: Fault, tools: &Tools<'_>) {
        h1::write_refusal(&mut self.output, fault, Some(tools.date));
        self.after(false, true, tools);
    }

    /// Drops what the client still sends: closed with something unread, the connection would be reset, and the answer lost.
    fn linger(&mut self, tools: &mut Tools<'_>) -> Step {
        if self.lingered == 0 {
            self.socket.shut_down();
            self.deadline_ms = tools.now_ms + self.shared.limits.linger_ms;
            self.input = Vec::new();
        }
        self.lingered += 1;
        loop {
            let Ok(len) = self.read(tools, true) else { return Step::Stop(Fate::Close) };
            self.lingered += len;
            if self.ended || self.lingered > HTTP_LINGER_BYTES_MAX {
                return Step::Stop(Fate::Close);
            }
            if !self.readable {
                return Step::Stop(Fate::Wait);
            }
        }
    }
}

/// One of the connections that are at requests of an app.
#[derive(Debug)]
struct Occupied(App);

impl Occupied {
    fn take(app: &App, max: usize) -> Option<Self> {
        let occupied = &app.shared.connections;
        // Beyond the limit by as many as there are shards, at worst: nothing depends on the last one.
        if occupied.load(Ordering::Relaxed) >= max {
            return None;
        }
        occupied.fetch_add(1, Ordering::Relaxed);
        Some(Self(app.clone()))
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        self.0.shared.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request's id, as logs have it.
fn id_of(work: &Work) -> String {
    format!("{:016x}", work.id.load(Ordering::Relaxed))
}

/// What comes of a step.
enum Step {
    GoOn,
    Stop(Fate),
}

impl Exchange {
    fn answer<'a>(&self, content: Content, date: &'a [u8], shared: &Shared, last: bool) -> Answer<'a> {
        // A body that is streamed may be read to its end until then.
        let reads_on = self.decoder.is_done() || content == Content::Stream;
        let keep_alive = self.keep_alive && !last && !shared.is_closed() && reads_on;
        Answer { version: self.version, to_head: self.to_head, content, keep_alive, date: Some(date) }
    }
}

/// What `OPTIONS *` is answered with: nothing in particular is offered.
fn options() -> ResponseHead {
    ResponseHead { status: 204, ..ResponseHead::default() }
}

/// The host, without its port, and the path of a URL as the parser of requests writes it.
fn host_and_path(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let host = match authority.rfind(':') {
        Some(colon) if !authority[colon..].contains(']') => &authority[..colon],
        _ => authority,
    };
    (host, if path.is_empty() { "/" } else { path })
}
