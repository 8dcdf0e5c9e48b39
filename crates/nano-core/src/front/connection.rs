//! One HTTP/1.1 connection: a request is read, an app answers it, then the next one is read.

mod output;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use nano_base::http::ResponseHead;
use nano_base::limits::{
    HTTP_LINGER_BYTES_MAX, HTTP_PARTING_MS, HTTP_READ_BYTES, HTTP_SHARE_BYTES, HTTP_STEPS_PER_TURN, HTTP_TAIL_BYTES, HTTP_WHOLE_BODY_BYTES,
};
use nano_base::problem::Problem;
use nano_base::status::{Error, Status};
use nano_http::h1::{self, Answer, BodyDecoder, ChunkSize, Content, Fault, Framing, RequestParser, Scheme, Sent, Version};

use self::output::Written;
use super::ask::Seat;
use super::client::{Fate, Readiness};
use super::listen::{Counted, Shared};
use super::pace::Pace;
use super::socket::Socket;
use super::state::Tools;
use super::upgrade::Tunnel;
use super::{Happening, Reply, ask};
use crate::pipe::Held;
use crate::request::{Body, Listener, RequestInit, Work};
use crate::runtime::Inner;
use crate::shard::Command;
use crate::wait::lock;

/// How far a connection has come.
#[derive(Debug)]
pub(super) enum Phase {
    /// A request's head is awaited.
    Head,
    /// A small body is awaited, so that app and request begin with all of it.
    Body(Box<(Seat, h1::Request, usize)>),
    /// An app has a request.
    Exchange(Exchange),
    /// It has become a WebSocket.
    Tunnel(Tunnel),
    /// What is written is the last; what the client still sends is dropped for a while, so that it can read that.
    Last { lingers: bool },
}

/// A request that an app has.
#[derive(Debug)]
pub(super) struct Exchange {
    pub work: Arc<Work>,
    pub seat: Seat,
    version: Version,
    to_head: bool,
    keep_alive: bool,
    /// What is left of the request's body.
    pub(super) decoder: BodyDecoder,
    /// The app's side of it is full.
    is_full: bool,
    /// What is left of it will never come, or is not understood.
    is_broken: bool,
    /// The client did not send it in time.
    is_late: bool,
    /// Nobody has read what the client waits to be asked for.
    is_unasked: bool,
    /// How fast it comes.
    pace: Pace,
    /// What the response's head has promised, once it is written.
    sent: Option<Sent>,
    /// The status of a response that is streamed.
    status: u16,
    /// Bytes of the response that are written when all output is.
    credit: i64,
}

/// One connection.
pub(super) struct Connection {
    pub id: u64,
    /// When something must have happened, in the clock's milliseconds.
    pub deadline_ms: u64,
    /// When it began to wait for the request that it waits for.
    idle_since_ms: u64,
    pub(super) socket: Socket,
    /// Where it comes from.
    peer: Option<IpAddr>,
    pub(super) shared: Counted,
    pub(super) phase: Phase,
    parser: RequestParser,
    /// What has been read and not been used.
    pub(super) input: Vec<u8>,
    /// There may be more to read.
    pub(super) readable: bool,
    /// What there is to read is the last: nothing more will be told.
    pub(super) closing: bool,
    /// The client sends no more.
    pub(super) ended: bool,
    /// No request has come yet.
    is_new: bool,
    /// What is to be written: small things, then one large one.
    pub(super) output: Vec<u8>,
    tail: Vec<u8>,
    written: usize,
    /// Some of what was written is not with the kernel.
    unsent: bool,
    /// Since when the client does not take them as fast as they come.
    blocked: Option<Pace>,
    /// Whose bytes they are.
    pub(super) held: Vec<Held>,
    lingered: usize,
}

impl Connection {
    /// A connection that was just accepted and counted.
    pub(super) fn new(socket: Socket, peer: Option<IpAddr>, shared: Counted, now_ms: u64) -> Self {
        Self {
            id: 0,
            deadline_ms: now_ms + shared.limits.head_ms,
            idle_since_ms: now_ms,
            socket,
            peer,
            shared,
            phase: Phase::Head,
            parser: RequestParser::new(),
            input: Vec::new(),
            readable: false,
            closing: false,
            ended: false,
            is_new: true,
            output: Vec::new(),
            tail: Vec::new(),
            written: 0,
            unsent: false,
            blocked: None,
            held: Vec::new(),
            lingered: 0,
        }
    }

    /// The listener it came by.
    pub(super) fn listener(&self) -> u64 {
        self.shared.key
    }

    /// Since when it has waited for a request, if it does.
    pub(super) fn idle_since_ms(&self) -> Option<u64> {
        (matches!(self.phase, Phase::Head) && self.output.is_empty()).then_some(self.idle_since_ms)
    }

    pub(super) fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// What is known of the socket, for whoever goes on with it.
    pub(super) fn readiness(&self) -> Readiness {
        Readiness { closing: self.closing, ..Readiness::READ }
    }

    /// What goes on in another protocol: the socket, and what has been read of it.
    pub(super) fn into_parts(self) -> (Socket, Option<IpAddr>, Counted, Vec<u8>) {
        (self.socket, self.peer, self.shared, self.input)
    }

    /// The client has gone: nobody waits for the answer.
    pub(super) fn give_up(&mut self, inner: &Arc<Inner>) {
        let work = match &self.phase {
            Phase::Exchange(exchange) => &exchange.work,
            Phase::Tunnel(tunnel) => &tunnel.work,
            _ => return,
        };
        ask::tell(&self.shared, work, 0, None);
        inner.cancel(work, Error::new(Status::Canceled, "the client closed the connection"));
    }

    /// The socket may be read or written, or read to its end, or the client is `gone` for good.
    pub(super) fn ready(&mut self, readiness: Readiness, tools: &mut Tools<'_>) -> Fate {
        self.readable |= readiness.read;
        self.closing |= readiness.closing;
        if readiness.gone && matches!(self.phase, Phase::Exchange(_)) {
            return Fate::Close;
        }
        self.go_on(tools)
    }

    /// Something happened to the request that the app has.
    pub(super) fn take(&mut self, what: Happening, held: Held, tools: &mut Tools<'_>) -> Fate {
        if let Phase::Tunnel(_) = self.phase {
            return self.take_for_tunnel(what, held, tools);
        }
        let Phase::Exchange(exchange) = &mut self.phase else { return Fate::Wait };
        match what {
            Happening::Switch(head) => return self.switch(&head, tools),
            Happening::Writable => {
                exchange.is_full = false;
                self.await_body(tools);
            }
            Happening::Wanted => self.ask(tools),
            Happening::Response(head, body) => {
                self.held.push(held);
                ask::tell(&self.shared, &exchange.work, head.status, None);
                return self.respond(&head, body, tools);
            }
            Happening::Head(head) => {
                exchange.status = head.status;
                // The app may read while it answers, and then the client cannot be told any more.
                if !lock(&exchange.work.body).is_canceled() {
                    self.ask(tools);
                }
                let Phase::Exchange(exchange) = &mut self.phase else { return Fate::Wait };
                let content = head.headers.content_length().map_or(Content::Stream, Content::Length);
                let answer = Answer { content, ..exchange.answer(Content::Stream, tools.date, &self.shared, self.ended) };
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
                    Some(Framing::UntilClose | Framing::Length(_)) => self.output.extend_from_slice(&bytes),
                    _ => {}
                }
                self.held.push(held);
            }
            Happening::End => {
                if exchange.sent.is_some_and(|sent| sent.framing == Framing::Chunked) {
                    self.output.extend_from_slice(h1::LAST_CHUNK);
                }
                ask::tell(&self.shared, &exchange.work, exchange.status, None);
                self.next_request(tools);
            }
            // A head is out, and what follows it will never be complete: the client can only see that by the end that is missing.
            Happening::Error(error) if exchange.sent.is_some() => {
                ask::tell(&self.shared, &exchange.work, exchange.status, Some(&error));
                if exchange.sent.is_some_and(|sent| sent.framing == Framing::UntilClose) {
                    // Where the end of the connection is that of the response, it must not look like one.
                    self.socket.set_reset();
                }
                self.phase = Phase::Head;
                return Fate::Close;
            }
            Happening::Error(error) if exchange.is_late && error.status == Status::Exception => {
                let (head, body) = ask::late(&exchange.work);
                ask::tell(&self.shared, &exchange.work, head.status, Some(&error));
                return self.respond(&head, body, tools);
            }
            Happening::Error(error) => {
                ask::tell(&self.shared, &exchange.work, error.http_status(), Some(&error));
                let (head, body) =
                    ask::explain(&self.shared, &exchange.work, &error).unwrap_or_else(|| ask::failed(&error, &exchange.work));
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
            _ if self.has_output() || self.unsent => {
                // The kernel would keep what it has for somebody who does not read, for minutes.
                self.socket.set_reset();
                Fate::Close
            }
            Phase::Head if self.input.is_empty() => Fate::Close,
            Phase::Head | Phase::Body(_) => {
                let (head, body) = Problem::REQUEST_TIMEOUT.answer("");
                self.write_whole(&head, body, Version::Http11, false, false, tools);
                self.go_on(tools)
            }
            // Its body stands still, or nearly so.
            Phase::Exchange(exchange) if exchange.awaits_body() => {
                self.cut_short("the client did not send the rest of the body in time", tools);
                if let Phase::Exchange(exchange) = &mut self.phase {
                    exchange.is_late = true;
                }
                Fate::Wait
            }
            // Whoever reads on would have been written to by now, and one that has gone have told so.
            Phase::Exchange(exchange) if (self.closing || self.ended) && exchange.decoder.is_done() && exchange.sent.is_some() => {
                Fate::Close
            }
            // It is the app's turn. A deadline that has passed would be due at once, again and again.
            Phase::Exchange(_) => {
                self.deadline_ms = u64::MAX;
                Fate::Wait
            }
            // Its client has gone, and the app has not read what came before.
            Phase::Tunnel(tunnel) if tunnel.deadline_ms() <= tools.now_ms => Fate::Close,
            Phase::Tunnel(tunnel) => {
                self.deadline_ms = tunnel.deadline_ms();
                Fate::Wait
            }
            Phase::Last { .. } => Fate::Close,
        }
    }

    /// Writes and reads as far as it goes.
    pub(super) fn go_on(&mut self, tools: &mut Tools<'_>) -> Fate {
        for _ in 0..HTTP_STEPS_PER_TURN {
            let Ok(written) = self.flush(tools) else { return Fate::Close };
            match written {
                Written::All => {}
                // A WebSocket is read while it is written: the other side may not read before it has written.
                _ if matches!(self.phase, Phase::Tunnel(_)) => {}
                Written::Full => return Fate::Wait,
                Written::Enough => return Fate::Again,
            }
            let step = match &mut self.phase {
                Phase::Head => self.read_head(tools),
                Phase::Body(_) => self.read_small_body(tools),
                Phase::Exchange(_) => {
                    let step = self.feed(tools);
                    self.look_for_leave(tools);
                    step
                }
                Phase::Tunnel(_) => self.carry(tools),
                Phase::Last { lingers: false } => {
                    self.socket.shut_down();
                    Step::Stop(Fate::Close)
                }
                Phase::Last { lingers: true } => self.linger(tools),
            };
            match step {
                Step::GoOn => {}
                Step::Stop(Fate::Wait) if written == Written::Enough => return Fate::Again,
                Step::Stop(fate) => return fate,
            }
        }
        // Requests that nobody's app gets are answered as fast as a client can send them.
        Fate::Again
    }

    /// Fills the buffer with what was left over, and with what can be read; how much there is.
    pub(super) fn read(&mut self, tools: &mut Tools<'_>, from_socket: bool) -> io::Result<usize> {
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
                    // Less than there was room for: there is no more, or it will be told. Only the end may have been told already.
                    self.readable = self.socket.may_have_more(bytes, HTTP_READ_BYTES) || self.closing;
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
    pub(super) fn keep(&mut self, rest: &[u8]) {
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
                self.parser.parse(&buffer[..len], self.socket.scheme(), Some(&self.shared.address), &self.shared.limits.head)
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
                // The first thing that is said on a connection in the clear may be that it speaks HTTP/2.
                Err(Fault::Http2) if self.is_new && self.socket.scheme() == Scheme::Http => {
                    self.keep(&buffer[..len]);
                    Some(Step::Stop(Fate::Http2))
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
                        // A client that is at it may have sent a request before it can know.
                        let until_ms = self.idle_since_ms + HTTP_PARTING_MS;
                        if tools.now_ms >= until_ms {
                            return Step::Stop(Fate::Close);
                        }
                        self.deadline_ms = self.deadline_ms.min(until_ms);
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
        self.is_new = false;
        let seat = match ask::route(&self.shared, &request.head, request.server_wide) {
            Ok(seat) => seat,
            Err((head, body)) => return self.reply(&request, &head, body, rest, tools),
        };
        match request.framing {
            Framing::Length(length) if length <= HTTP_WHOLE_BODY_BYTES as u64 && !request.expect_continue => {
                let length = length as usize;
                self.keep(rest);
                if rest.len() < length {
                    self.deadline_ms = tools.now_ms + self.shared.limits.body_ms;
                }
                self.phase = Phase::Body(Box::new((seat, request, length)));
                Step::GoOn
            }
            Framing::None => {
                self.keep(rest);
                self.dispatch(seat, request, Body::None, tools)
            }
            _ => {
                self.keep(rest);
                self.dispatch(seat, request, Body::Stream, tools)
            }
        }
    }

    fn read_small_body(&mut self, tools: &mut Tools<'_>) -> Step {
        let Phase::Body(pending) = &self.phase else { return Step::GoOn };
        let length = pending.2;
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
        let (seat, mut request, length) = *pending;
        let rest = self.input.split_off(length);
        let body = std::mem::replace(&mut self.input, rest);
        request.framing = Framing::None;
        self.dispatch(seat, request, Body::Whole(body), tools)
    }

    /// Gives a request to its app.
    fn dispatch(&mut self, seat: Seat, request: h1::Request, body: Body, tools: &mut Tools<'_>) -> Step {
        let h1::Request { mut head, version, framing, keep_alive, expect_continue, .. } = request;
        let to_head = head.method == "HEAD";
        let (expects_continue, has_left) = (AtomicBool::new(expect_continue), AtomicBool::new(false));
        let reply = Reply { shard: tools.shard, connection: self.id, stream: 0, expects_continue, has_left };
        let has_body = framing != Framing::None;
        ask::introduce(&mut head, self.peer, self.socket.scheme(), &self.shared);
        let init = RequestInit { head, body, user_data: 0, deadline_ms: 0 };
        match seat.app().submit_from(init, Listener::Connection(reply), tools.shard) {
            Ok(work) => {
                self.phase = Phase::Exchange(Exchange {
                    work,
                    seat,
                    version,
                    to_head,
                    keep_alive,
                    decoder: BodyDecoder::new(framing),
                    is_full: false,
                    is_broken: false,
                    is_late: false,
                    is_unasked: expect_continue,
                    pace: Pace::from(tools.now_ms),
                    sent: None,
                    status: 0,
                    credit: 0,
                });
                self.deadline_ms = if has_body && !expect_continue { tools.now_ms + self.shared.limits.body_ms } else { u64::MAX };
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

    /// Tells a client that waits for it to send the body.
    fn ask(&mut self, tools: &Tools<'_>) {
        if let Phase::Exchange(exchange) = &mut self.phase
            && std::mem::take(&mut exchange.is_unasked)
            && exchange.sent.is_none()
        {
            self.output.extend_from_slice(h1::CONTINUE);
            self.await_body(tools);
        }
    }

    /// It is the client's turn to send: what was not its time does not count.
    fn await_body(&mut self, tools: &Tools<'_>) {
        if let Phase::Exchange(exchange) = &mut self.phase
            && exchange.awaits_body()
        {
            exchange.pace = Pace::from(tools.now_ms);
            self.deadline_ms = tools.now_ms + self.shared.limits.body_ms;
        }
    }

    /// Moves what comes of the request's body to the app.
    fn feed(&mut self, tools: &mut Tools<'_>) -> Step {
        let mut moved = 0;
        loop {
            let Phase::Exchange(exchange) = &mut self.phase else { return Step::GoOn };
            if exchange.decoder.is_done()
                || exchange.is_full
                || exchange.is_broken
                || exchange.is_unasked && self.input.is_empty() && !self.readable
            {
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
                Ok(used) => {
                    self.keep(&buffer[used..len]);
                    let limits = &self.shared.limits;
                    if let Phase::Exchange(exchange) = &mut self.phase {
                        exchange.is_unasked = false;
                        exchange.pace.moved(used, limits.least_bytes(), tools.now_ms);
                        self.deadline_ms = exchange.pace.since_ms() + limits.body_ms;
                    }
                }
                Err(fault) => self.cut_short(fault.sentence(), tools),
            }
            *tools.buffer = buffer;
        }
    }

    /// Tells the app if its client has closed its side before it was answered: most have gone. What it answers is written all the same.
    fn look_for_leave(&self, tools: &Tools<'_>) {
        let Phase::Exchange(exchange) = &self.phase else { return };
        let awaits_answer = exchange.sent.is_none() && (exchange.decoder.is_done() || exchange.is_broken);
        if awaits_answer && (self.closing || self.ended) {
            tools.inner.client_left(&exchange.work);
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
            let end = used + room.min(input.len() - used);
            let step = exchange.decoder.decode(&input[used..end])?;
            used += step.consumed;
            let mut tell = false;
            let mut over = None;
            {
                let mut body = lock(&exchange.work.body);
                if !step.data.is_empty() {
                    match body.write_all(step.data) {
                        Ok(waits) => tell = waits,
                        Err(error) if error.status == Status::TooLarge => over = Some(error),
                        // The request has ended: what comes is read for its end only.
                        Err(_) => {}
                    }
                }
                if step.done {
                    tell |= body.end();
                }
            }
            if let Some(error) = over {
                tools.inner.cancel(&exchange.work, error);
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
        self.deadline_ms = u64::MAX;
        let Phase::Exchange(exchange) = &mut self.phase else { return };
        exchange.is_broken = true;
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
        let (head, body) = ask::failed(&error, &exchange.work);
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
        self.after(keep_alive, tools);
    }

    pub(super) fn after(&mut self, keep_alive: bool, tools: &Tools<'_>) {
        self.idle_since_ms = tools.now_ms;
        if keep_alive {
            self.phase = Phase::Head;
            self.deadline_ms = tools.now_ms + self.await_ms();
        } else {
            // Whatever a client has sent by now that nobody reads would reset the connection, and take the answer with it.
            self.phase = Phase::Last { lingers: !self.ended };
            self.deadline_ms = tools.now_ms + self.shared.limits.body_ms;
        }
    }

    /// How long the next request may take: one whose beginning is there is no idleness.
    fn await_ms(&self) -> u64 {
        if self.input.is_empty() { self.shared.limits.idle_ms } else { self.shared.limits.head_ms }
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
                self.after(sent.keep_alive, tools);
            }
            Err(_) => self.after(false, tools),
        }
    }

    /// What came is not HTTP, or not of the kind that is borne.
    fn refuse(&mut self, fault: Fault, tools: &Tools<'_>) {
        h1::write_refusal(&mut self.output, fault, Some(tools.date));
        self.after(false, tools);
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

/// What comes of a step.
pub(super) enum Step {
    GoOn,
    Stop(Fate),
}

impl Exchange {
    /// Whether it is the client's turn to send more of the body.
    fn awaits_body(&self) -> bool {
        !self.decoder.is_done() && !self.is_full && !self.is_broken && !self.is_unasked
    }

    fn answer<'a>(&self, content: Content, date: &'a [u8], shared: &Shared, last: bool) -> Answer<'a> {
        // A body that is streamed may be read to its end until then.
        let reads_on = self.decoder.is_done() || content == Content::Stream;
        let keep_alive = self.keep_alive && !last && !self.is_broken && !shared.is_closed() && reads_on;
        Answer { version: self.version, to_head: self.to_head, content, keep_alive, date: Some(date) }
    }
}
