//! One connection of the admin listener: bytes to requests, answers and streams to bytes.

use std::io::{self, Read, Write};
use std::mem;
use std::sync::{Arc, Weak};

use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use nano_base::date;
use nano_base::limits::{
    ADMIN_HEAD_BYTES_MAX, ADMIN_IDLE_MS, ADMIN_STALL_MS, ADMIN_STREAM_BYTES_MAX, HTTP_LINGER_BYTES_MAX, HTTP_LINGER_MS,
};
use nano_http::h1;

use super::api::{Api, Wish};
use super::logs::{Cursor, Filter, Logs, Place};
use super::reply::{Answer, Refusal};

/// What is read at once.
const READ_BYTES: usize = 16 << 10;

/// A connection's socket.
#[derive(Debug)]
pub enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match self {
            Self::Tcp(stream) => registry.register(stream, token, interest),
            Self::Unix(stream) => registry.register(stream, token, interest),
        }
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(into),
            Self::Unix(stream) => stream.read(into),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn shut_down(&self) {
        // It fails when the other side has gone already.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(std::net::Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(std::net::Shutdown::Write),
        };
    }
}

/// How far a connection is.
enum Phase {
    /// Between two requests, or within a head.
    Head(h1::RequestParser),
    Body {
        request: Box<h1::Request>,
        wish: Wish,
        decoder: h1::BodyDecoder,
        body: Vec<u8>,
    },
    /// Somebody else is finding the answer; he may have an archive.
    Waiting(Weak<Held>),
    Logs(Box<Filter>, Cursor),
    /// Whether it has missed what the next difference is to: then all figures are due.
    Stats(bool),
    /// All is said; what still comes is read, so that the client reads what was said.
    Closing(usize),
}

/// Whoever has a body has this: while an archive is in memory there is no room for another.
#[derive(Debug)]
pub struct Held;

/// What a request leaves behind for its answer.
#[derive(Clone, Copy)]
struct Asked {
    version: h1::Version,
    to_head: bool,
    keep_alive: bool,
}

/// What a connection wants of the listener.
pub enum Want {
    /// Nothing until something happens.
    Nothing,
    /// An answer to a request whose body is complete.
    Grant(Wish, Box<h1::Request>, Vec<u8>, Arc<Held>),
    /// To be closed.
    Close,
}

pub struct Connection {
    socket: Socket,
    phase: Phase,
    input: Vec<u8>,
    output: Vec<u8>,
    sent: usize,
    asked: Asked,
    chunked: bool,
    /// When it is given up, in the clock's milliseconds.
    pub deadline_ms: u64,
}

impl Connection {
    pub fn new(socket: Socket, now_ms: u64) -> Self {
        Self {
            socket,
            phase: Phase::Head(h1::RequestParser::new()),
            input: Vec::new(),
            output: Vec::new(),
            sent: 0,
            asked: Asked { version: h1::Version::Http11, to_head: false, keep_alive: false },
            chunked: false,
            deadline_ms: now_ms + ADMIN_IDLE_MS,
        }
    }

    /// Its place among those that make room for another, the smallest first: one that has asked for nothing yet, or sends a body that
    /// anybody may send; when there is no such, one that has been answered. None if somebody with the token waits for something.
    pub fn precedence(&self) -> Option<(u8, u64)> {
        match &self.phase {
            Phase::Head(_) => Some((0, self.deadline_ms)),
            Phase::Body { wish, .. } if wish.is_open() => Some((0, self.deadline_ms)),
            Phase::Closing(_) => Some((1, self.deadline_ms)),
            Phase::Body { .. } | Phase::Waiting(_) | Phase::Logs(..) | Phase::Stats(_) => None,
        }
    }

    pub fn is_uploading(&self) -> bool {
        match &self.phase {
            Phase::Body { wish, .. } => matches!(wish, Wish::Upload(_)),
            Phase::Waiting(archive) => archive.strong_count() > 0,
            _ => false,
        }
    }

    pub fn follows_logs(&self) -> bool {
        matches!(self.phase, Phase::Logs(..))
    }

    pub fn follows_stats(&self) -> bool {
        matches!(self.phase, Phase::Stats(_))
    }

    /// Goes on as far as it can. `may_upload` says whether there is room for an archive.
    pub fn advance(&mut self, api: &Api, may_upload: bool) -> Want {
        loop {
            match self.flush(api.clock.now_ms()) {
                Ok(true) => {}
                Ok(false) => return Want::Nothing,
                Err(_) => return Want::Close,
            }
            match &mut self.phase {
                Phase::Waiting(_) => return Want::Nothing,
                Phase::Closing(_) | Phase::Logs(..) | Phase::Stats(_) => return self.pass_over(),
                Phase::Head(_) => match self.head(api, may_upload) {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(answer) => {
                        // Whatever follows is the body of what was refused.
                        self.asked.keep_alive = false;
                        self.answer(answer, api);
                        continue;
                    }
                },
                Phase::Body { .. } => match self.body() {
                    Ok(Some(want)) => return want,
                    Ok(None) => {}
                    Err(answer) => {
                        self.asked.keep_alive = false;
                        self.answer(answer, api);
                        continue;
                    }
                },
            }
            match self.read() {
                Ok(0) => return Want::Close,
                // An archive takes as long as it comes; for all other requests there is one time, from their first byte to their last.
                Ok(_) if self.is_uploading() => self.deadline_ms = api.clock.now_ms() + ADMIN_IDLE_MS,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Want::Nothing,
                Err(_) => return Want::Close,
            }
        }
    }

    /// The answer has been found.
    pub fn answer(&mut self, answer: Answer, api: &Api) {
        let head = Answer::head(answer.status, answer.kind, answer.extra);
        let date = date::write(api.unix_ms());
        let how = h1::Answer {
            version: self.asked.version,
            to_head: self.asked.to_head,
            content: h1::Content::Length(answer.body.len() as u64),
            keep_alive: self.asked.keep_alive,
            date: Some(&date),
        };
        let sent = h1::write_response_head(&mut self.output, &head, &how);
        debug_assert!(sent.is_ok(), "constants");
        let sent = sent.unwrap_or(h1::Sent { framing: h1::Framing::None, keep_alive: false });
        if sent.framing != h1::Framing::None {
            self.output.extend_from_slice(&answer.body);
        }
        self.phase = if sent.keep_alive { Phase::Head(h1::RequestParser::new()) } else { Phase::Closing(0) };
        self.deadline_ms = api.clock.now_ms() + if sent.keep_alive { ADMIN_IDLE_MS } else { HTTP_LINGER_MS };
    }

    /// Begins a stream of lines.
    pub fn stream_logs(&mut self, filter: Filter, cursor: Cursor, api: &Api) {
        self.begin_stream(Phase::Logs(Box::new(filter), cursor), api);
    }

    /// Begins a stream of figures with all of them.
    pub fn stream_stats(&mut self, whole: &str, api: &Api) {
        self.begin_stream(Phase::Stats(false), api);
        if self.follows_stats() {
            self.event("stats", None, whole);
        }
    }

    /// What has changed of the figures, for whoever follows them. Whoever takes too little for that misses some, and gets the whole when he
    /// has taken all that he was told.
    pub fn tell_stats<'a>(&mut self, changed: &str, whole: impl FnOnce() -> &'a String) {
        let (full, empty) = (self.is_full(), self.sent == self.output.len());
        let Phase::Stats(missed) = &mut self.phase else { return };
        *missed |= full;
        match *missed {
            false => self.event("stats", None, changed),
            true if empty => {
                *missed = false;
                self.event("stats", None, whole());
            }
            true => {}
        }
    }

    /// Whether more would only wait with what waits already.
    fn is_full(&self) -> bool {
        self.output.len() - self.sent > ADMIN_STREAM_BYTES_MAX
    }

    /// New lines for whoever follows them.
    pub fn tell_logs(&mut self, logs: &Logs) {
        if self.is_full() {
            return;
        }
        let Phase::Logs(filter, cursor) = &mut self.phase else { return };
        let filter = filter.clone();
        let mut events = Vec::new();
        logs.read(&filter, cursor, ADMIN_STREAM_BYTES_MAX, |missing, line| {
            if missing > 0 {
                events.push(("dropped", None, format!("{{\"lines\":{missing}}}")));
            }
            if Logs::wants(&filter, line) {
                events.push(("log", Some(logs.place(line)), line.json()));
            }
        });
        events.iter().for_each(|(kind, id, data)| self.event(kind, *id, data));
    }

    /// So that whoever stands between knows that the stream lives.
    pub fn keep_alive(&mut self) {
        if (self.follows_logs() || self.follows_stats()) && self.sent == self.output.len() {
            self.piece(b": \n\n");
        }
    }

    fn event(&mut self, kind: &str, id: Option<Place>, data: &str) {
        let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
        self.piece(format!("event: {kind}\n{id}data: {data}\n\n").as_bytes());
    }

    fn piece(&mut self, bytes: &[u8]) {
        match h1::ChunkSize::new(bytes.len()).filter(|_| self.chunked) {
            Some(size) => [size.as_bytes(), bytes, h1::CHUNK_END].iter().for_each(|part| self.output.extend_from_slice(part)),
            None => self.output.extend_from_slice(bytes),
        }
    }

    fn begin_stream(&mut self, phase: Phase, api: &Api) {
        let head = Answer::head(200, "text/event-stream", None);
        let date = date::write(api.unix_ms());
        let how = h1::Answer {
            version: self.asked.version,
            to_head: self.asked.to_head,
            content: h1::Content::Stream,
            keep_alive: false,
            date: Some(&date),
        };
        let sent = h1::write_response_head(&mut self.output, &head, &how);
        debug_assert!(sent.is_ok(), "constants");
        let framing = sent.map_or(h1::Framing::None, |sent| sent.framing);
        self.chunked = framing == h1::Framing::Chunked;
        self.phase = if framing == h1::Framing::None { Phase::Closing(0) } else { phase };
        self.deadline_ms = api.clock.now_ms() + ADMIN_STALL_MS;
    }

    /// Reads a head from what there is; whether there was a whole one.
    fn head(&mut self, api: &Api, may_upload: bool) -> Result<bool, Answer> {
        let Phase::Head(parser) = &mut self.phase else { return Ok(false) };
        let limits = h1::Limits { head_bytes: ADMIN_HEAD_BYTES_MAX, target_bytes: ADMIN_HEAD_BYTES_MAX / 2, ..h1::Limits::default() };
        let parsed = parser.parse(&self.input, h1::Scheme::Http, Some("localhost"), &limits);
        let request = match parsed {
            Ok(None) => return Ok(false),
            Ok(Some(request)) => request,
            Err(fault) => {
                self.asked.version = h1::Version::Http11;
                return Err(Refusal::new(fault.status(), "BAD_REQUEST", fault.sentence()).into());
            }
        };
        self.input.drain(..request.bytes);
        self.asked = Asked { version: request.version, to_head: request.head.method == "HEAD", keep_alive: request.keep_alive };
        let wish = api.wish(&request)?;
        if matches!(wish, Wish::Upload(_)) && !may_upload {
            let answer = Answer::from(Refusal::new(503, "BUSY", "another archive is being deployed; try again in a moment"));
            return Err(answer.with("retry-after", "1"));
        }
        if let h1::Framing::Length(length) = request.framing
            && length > wish.body_max() as u64
        {
            return Err(too_large(&wish));
        }
        if request.expect_continue {
            self.output.extend_from_slice(h1::CONTINUE);
        }
        let decoder = h1::BodyDecoder::new(request.framing);
        self.phase = Phase::Body { request: Box::new(request), wish, decoder, body: Vec::new() };
        Ok(true)
    }

    /// Takes what there is of a body; what to do when it is complete.
    fn body(&mut self) -> Result<Option<Want>, Answer> {
        let Phase::Body { wish, decoder, body, .. } = &mut self.phase else { return Ok(None) };
        let mut at = 0;
        while !decoder.is_done() {
            let step = decoder
                .decode(&self.input[at..])
                .map_err(|fault| Answer::from(Refusal::new(fault.status(), "BAD_REQUEST", fault.sentence())))?;
            at += step.consumed;
            if body.len() + step.data.len() > wish.body_max() {
                return Err(too_large(wish));
            }
            body.extend_from_slice(step.data);
            if step.data.is_empty() && !step.done {
                self.input.clear();
                return Ok(None);
            }
        }
        self.input.drain(..at);
        match mem::replace(&mut self.phase, Phase::Waiting(Weak::new())) {
            Phase::Body { request, wish, body, .. } => {
                let held = Arc::new(Held);
                self.phase = Phase::Waiting(if matches!(wish, Wish::Upload(_)) { Arc::downgrade(&held) } else { Weak::new() });
                Ok(Some(Want::Grant(wish, request, body, held)))
            }
            other => {
                self.phase = other;
                Ok(None)
            }
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        let mut buffer = [0; READ_BYTES];
        let count = self.socket.read(&mut buffer)?;
        self.input.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    /// Reads what nobody asked for, to notice the end.
    fn pass_over(&mut self) -> Want {
        let mut buffer = [0; READ_BYTES];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Want::Close,
                Ok(count) => {
                    if let Phase::Closing(read) = &mut self.phase {
                        *read += count;
                        if *read > HTTP_LINGER_BYTES_MAX {
                            return Want::Close;
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Want::Nothing,
                Err(_) => return Want::Close,
            }
        }
    }

    /// Writes what waits; whether all of it is gone.
    fn flush(&mut self, now_ms: u64) -> io::Result<bool> {
        while self.sent < self.output.len() {
            match self.socket.write(&self.output[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.sent += count;
                    if !matches!(self.phase, Phase::Closing(_)) {
                        self.deadline_ms = now_ms + ADMIN_STALL_MS;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.output.drain(..self.sent);
                    self.sent = 0;
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        self.output.clear();
        self.sent = 0;
        match self.phase {
            Phase::Closing(_) => self.socket.shut_down(),
            // It may be silent for as long as it likes.
            Phase::Logs(..) | Phase::Stats(_) | Phase::Waiting(_) => self.deadline_ms = u64::MAX,
            Phase::Head(_) | Phase::Body { .. } => {}
        }
        Ok(true)
    }

    /// Something has been put into an empty output: from now on the client has so long to take it.
    pub fn begin_to_wait(&mut self, now_ms: u64) {
        if self.sent < self.output.len() && self.deadline_ms == u64::MAX {
            self.deadline_ms = now_ms + ADMIN_STALL_MS;
        }
    }
}

fn too_large(wish: &Wish) -> Answer {
    Refusal::new(413, "TOO_LARGE", format!("the body has more than {} bytes", wish.body_max())).into()
}

#[cfg(test)]
mod tests {
    use nano_config::cli::PerApp;
    use nano_core::{Clock, Runtime, RuntimeOptions};

    use super::super::auth::Token;
    use super::super::board::Board;
    use super::super::stats::Windows;
    use super::*;

    #[test]
    fn a_request_has_one_time_for_all_of_it_however_it_comes() {
        let clock = Clock::manual();
        let runtime = Runtime::new(RuntimeOptions { clock: clock.clone(), ..RuntimeOptions::default() }).expect("a runtime");
        let file = std::env::temp_dir().join(format!("nanod-token-of-a-test-{}", std::process::id()));
        std::fs::write(&file, "a-token-of-enough-letters").expect("a file");
        let token = Arc::new(Token::find(Some(&file), "", false).expect("a token"));
        let _ = std::fs::remove_file(file);
        let (board, logs, windows) = (Board::default(), Arc::default(), Windows::default());
        let api = Api { runtime: Arc::new(runtime), board, logs, clock: clock.clone(), token, per_app: PerApp::Off, local: true, windows };
        let token = "authorization: bearer a-token-of-enough-letters\r\ncontent-type: application/x-tar\r\n";
        for (line, renewed) in [("GET /healthz", false), ("POST /apps/a/kill", false), ("PUT /apps/a", true)] {
            let (mut client, server) = UnixStream::pair().expect("sockets");
            let mut connection = Connection::new(Socket::Unix(server), clock.now_ms());
            let end_ms = connection.deadline_ms;
            let mut bytes = format!("{line} HTTP/1.1\r\nhost: localhost\r\n{token}content-length: 60000\r\n\r\n").into_bytes();
            while !bytes.is_empty() && clock.now_ms() < end_ms {
                let sent = client.write(&bytes[..bytes.len().min(20)]).expect("room");
                bytes.drain(..sent);
                assert!(matches!(connection.advance(&api, true), Want::Nothing), "{line}");
                clock.advance_ms(1_000);
                bytes.push(b'x');
            }
            assert_eq!(connection.deadline_ms > end_ms, renewed, "{line}");
        }
    }
}
