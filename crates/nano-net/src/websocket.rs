//! WebSockets that apps open: the handshake over HTTP/1.1, then messages, pings that are answered, and the closing one.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use nano_base::base64;
use nano_base::http::{Headers, RequestHead, ResponseHead};
use nano_base::limits::{
    SOCKET_READ_BYTES, WEBSOCKET_ANSWER_BYTES_MAX, WEBSOCKET_CLOSE_MS_MAX, WEBSOCKET_COMPRESS_BYTES_MIN, WEBSOCKET_FRAMES_PER_TURN,
    WEBSOCKET_OPEN_MS_MAX, WEBSOCKET_PONGS_BYTES_MAX,
};
use nano_base::sys::random;
use nano_base::url::Url;
use nano_base::wheel::TimerKey;
use nano_http::h1::{self, Asked, BodyDecoder, ResponseParser};
use nano_http::ws::{self, Event, Offer, Role, Violation};

use crate::connect::{Net, Target};
use crate::failure::{Failure, FailureKind};
use crate::policy::{Host, Policy, Scheme};
use crate::reactor::{Key, Peer, Reactor, Ready};
use crate::socket::{Socket, Talk};

/// What an app wants to open.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Who asks.
    pub app: u64,
    /// What it may.
    pub policy: Arc<Policy>,
    /// `ws:`, `wss:`, or what they stand on.
    pub url: String,
    /// Headers besides those of the handshake: `origin`, cookies.
    pub headers: Headers,
    /// The subprotocols that would do, the best first.
    pub protocols: Vec<String>,
    /// Whether messages may be compressed.
    pub compress: bool,
}

/// How a WebSocket has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The other side's code; 1005 if it gave none, 1006 if it said nothing at all.
    pub code: u16,
    /// Its reason.
    pub reason: String,
    /// Both sides have said their last word.
    pub clean: bool,
    /// What went wrong.
    pub failure: Option<Failure>,
    /// The response of a server that does not want to, with its body.
    pub response: Option<(ResponseHead, Vec<u8>)>,
}

/// Whoever opened a WebSocket. `closed` is the last it hears.
pub trait Chat {
    /// It is open; the head of the response, and the protocol that was agreed on.
    fn opened(&self, reactor: &Reactor, socket: &WebSocket, head: ResponseHead, protocol: Option<String>);
    /// Whether it wants another message now. After a no it is asked again by [`WebSocket::resume`].
    fn wants(&self) -> bool;
    /// So many bytes have come of a message that is not complete: whether there is room for them. Without room the WebSocket ends.
    fn gathers(&self, bytes: usize) -> bool;
    /// A message of text.
    fn text(&self, reactor: &Reactor, socket: &WebSocket, text: String);
    /// A message of bytes.
    fn binary(&self, reactor: &Reactor, socket: &WebSocket, bytes: Vec<u8>);
    /// All that was sent is on its way.
    fn drained(&self, reactor: &Reactor, socket: &WebSocket);
    /// It is closed.
    fn closed(&self, reactor: &Reactor, closed: Closed);
}

/// A message that cannot be sent: the WebSocket is not open, or the code is none that an app may close with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOpen;

/// A WebSocket of one app's.
#[derive(Clone)]
pub struct WebSocket(Rc<Inner>);

struct Inner {
    app: u64,
    chat: Rc<dyn Chat>,
    key: Cell<Option<Key>>,
    timer: Cell<Option<TimerKey>>,
    socket: RefCell<Option<Socket>>,
    state: RefCell<State>,
    /// What has come and was not wanted yet.
    input: RefCell<Vec<u8>>,
    /// How far that has been read.
    at: Cell<usize>,
    busy: Cell<bool>,
    /// It has had its share of frames, and goes on when others have had their turns.
    waits: Cell<bool>,
    /// The other side's last word.
    said: RefCell<Option<(u16, String)>>,
}

enum State {
    Opening {
        parser: ResponseParser,
        key: [u8; 16],
        protocols: Vec<String>,
        offer: Option<Offer>,
    },
    Open(Box<ws::Socket>),
    /// There will be none: the server's answer, as far as it has come.
    Refused(Box<Answer>),
    Over,
}

struct Answer {
    why: String,
    head: ResponseHead,
    decoder: BodyDecoder,
    body: Vec<u8>,
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebSocket({:?})", self.0.socket.borrow())
    }
}

/// The socket's view: it must not keep the WebSocket alive.
struct Bridge(Weak<Inner>);

impl WebSocket {
    /// Sets out to open one.
    pub fn open(net: &Rc<Net>, reactor: &Reactor, opening: Opening, chat: Rc<dyn Chat>) -> Result<Self, Failure> {
        let mut key = [0; 16];
        random::fill(&mut key);
        let offer = opening.compress.then_some(OFFER);
        let (target, request) = request(&opening, key, offer.as_ref())?;
        let state = State::Opening { parser: ResponseParser::new(), key, protocols: opening.protocols, offer };
        let inner = Rc::new(Inner {
            app: opening.app,
            chat,
            key: Cell::new(None),
            timer: Cell::new(None),
            socket: RefCell::default(),
            state: state.into(),
            input: RefCell::default(),
            at: Cell::new(0),
            busy: Cell::new(false),
            waits: Cell::new(false),
            said: RefCell::default(),
        });
        let own = reactor.insert(inner.clone()).map_err(|_| Failure::new(FailureKind::Limit, "there are too many connections"))?;
        inner.key.set(Some(own));
        inner.timer.set(Some(reactor.after(own, WEBSOCKET_OPEN_MS_MAX, 0)));
        match Socket::connect(net, reactor, target, Rc::new(Bridge(Rc::downgrade(&inner)))) {
            Ok(socket) => {
                socket.write(reactor, request);
                *inner.socket.borrow_mut() = Some(socket);
                Ok(Self(inner))
            }
            Err(failure) => {
                reactor.remove(own);
                Err(failure)
            }
        }
    }

    /// Sends a message of text; gives how many bytes wait to be sent then.
    pub fn text(&self, reactor: &Reactor, text: &str) -> Result<usize, NotOpen> {
        self.0.send(reactor, |socket, out, mask| socket.text(out, text, is_worth_compressing(text.as_bytes()), mask))
    }

    /// Sends a message of bytes; gives how many bytes wait to be sent then.
    pub fn binary(&self, reactor: &Reactor, bytes: &[u8]) -> Result<usize, NotOpen> {
        self.0.send(reactor, |socket, out, mask| socket.binary(out, bytes, is_worth_compressing(bytes), mask))
    }

    /// Says the last word of this side. What the other side still says before its own is told.
    pub fn close(&self, reactor: &Reactor, said: Option<(u16, &str)>) -> Result<(), NotOpen> {
        self.0.send(reactor, |socket, out, mask| socket.close(out, said, mask))?;
        self.0.time(reactor, WEBSOCKET_CLOSE_MS_MAX);
        Ok(())
    }

    /// Another message is wanted.
    pub fn resume(&self, reactor: &Reactor) {
        self.0.work(reactor);
        if let Some(socket) = &*self.0.socket.borrow() {
            socket.resume(reactor);
        }
    }

    /// Breaks it off. Nothing is told any more.
    pub fn abort(&self, reactor: &Reactor) {
        self.0.release(reactor);
    }
}

/// Neither side keeps anything between messages: a kept window is 32 KiB to read and 256 KiB to write, of every idle socket, and nothing
/// counts it.
const OFFER: Offer = Offer {
    server_no_context_takeover: true,
    client_no_context_takeover: true,
    server_max_window_bits: None,
    client_max_window_bits: None,
};

fn is_worth_compressing(message: &[u8]) -> bool {
    message.len() >= WEBSOCKET_COMPRESS_BYTES_MIN
}

/// Where to, and the bytes that ask for it.
fn request(opening: &Opening, key: [u8; 16], offer: Option<&Offer>) -> Result<(Target, Vec<u8>), Failure> {
    let invalid = |what: &str| Failure::new(FailureKind::Invalid, what);
    let url = Url::parse(&opening.url, None).ok_or_else(|| invalid("the URL is not one"))?;
    let scheme = match url.scheme() {
        "ws" | "http" => Scheme::Ws,
        "wss" | "https" => Scheme::Wss,
        _ => return Err(invalid("a WebSocket's URL begins with ws: or wss:")),
    };
    let host = url.hostname().and_then(Host::parse).ok_or_else(|| invalid("the URL's host is no name and no address"))?;
    let port = url.port().or(scheme.port()).ok_or_else(|| invalid("the URL has no port"))?;
    let names: Vec<&str> = opening.protocols.iter().map(String::as_str).collect();
    let mut headers = ws::client_headers(key, &names, offer).ok_or_else(|| invalid("a subprotocol is no token, or is there twice"))?;
    for (name, value) in opening.headers.iter() {
        if !name.starts_with(b"sec-websocket-") && !headers.push(name, value) {
            return Err(invalid("the headers cannot be sent"));
        }
    }
    if !(url.username().is_empty() && url.password().is_empty()) && headers.value(b"authorization").is_none() {
        let pair = [&*unescaped(url.username()), b":", &*unescaped(url.password())].concat();
        if !headers.push(b"authorization", format!("Basic {}", base64::encode(&pair)).as_bytes()) {
            return Err(invalid("the headers cannot be sent"));
        }
    }
    let head = RequestHead { method: "GET".into(), url: String::new(), headers };
    let target = url.path().to_owned() + &url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let call = h1::Call { target: &target, host: &url.host(), content: h1::Content::None, keep_alive: true, upgrade: Some("websocket") };
    let mut bytes = Vec::new();
    h1::write_request_head(&mut bytes, &head, &call).map_err(|why| invalid(&format!("the request cannot be sent: {why}")))?;
    let target = Target { app: opening.app, policy: opening.policy.clone(), scheme, host, port };
    Ok((target, bytes))
}

/// A part of a URL as it was before it was written there.
fn unescaped(part: &str) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let (bytes, mut plain, mut at) = (part.as_bytes(), Vec::with_capacity(part.len()), 0);
    while let Some(byte) = bytes.get(at) {
        match (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                plain.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                plain.push(*byte);
                at += 1;
            }
        }
    }
    plain
}

impl Inner {
    fn send(
        &self,
        reactor: &Reactor,
        write: impl FnOnce(&mut ws::Socket, &mut Vec<u8>, [u8; 4]) -> Result<(), ws::NotOpen>,
    ) -> Result<usize, NotOpen> {
        let (mut out, mut mask) = (Vec::new(), [0; 4]);
        random::fill(&mut mask);
        match &mut *self.state.borrow_mut() {
            State::Open(socket) => write(socket, &mut out, mask).map_err(|_| NotOpen)?,
            _ => return Err(NotOpen),
        }
        Ok(self.write(reactor, out))
    }

    fn write(&self, reactor: &Reactor, bytes: Vec<u8>) -> usize {
        self.socket.borrow().as_ref().map_or(0, |socket| socket.write(reactor, bytes))
    }

    fn time(&self, reactor: &Reactor, ms: u64) {
        if let Some(timer) = self.timer.take() {
            reactor.cancel(timer);
        }
        self.timer.set(self.key.get().map(|key| reactor.after(key, ms, 0)));
    }

    /// Reads on in what has come, as long as it is wanted and this has not had its share.
    fn work(self: &Rc<Self>, reactor: &Reactor) {
        if self.waits.get() || self.busy.replace(true) {
            return;
        }
        let goes_on = (0..WEBSOCKET_FRAMES_PER_TURN).all(|_| self.step(reactor));
        self.busy.set(false);
        if let (true, Some(key)) = (goes_on, self.key.get()) {
            self.waits.set(true);
            reactor.again(key, Ready::default());
        }
    }

    /// So many bytes of what has come are done with.
    fn consume(&self, input: &mut Vec<u8>, bytes: usize) {
        self.at.set(self.at.get() + bytes);
        if self.at.get() == input.len() {
            *input = Vec::new();
            self.at.set(0);
        }
    }

    /// Whether there may be more to do.
    fn step(self: &Rc<Self>, reactor: &Reactor) -> bool {
        let is_refused = match &*self.state.borrow() {
            State::Opening { .. } => Some(false),
            State::Refused(_) => Some(true),
            _ => None,
        };
        match is_refused {
            Some(false) => return self.open(reactor),
            Some(true) => return self.read_answer(reactor),
            None => {}
        }
        if !self.chat.wants() {
            return false;
        }
        let received = {
            let (mut state, mut input) = (self.state.borrow_mut(), self.input.borrow_mut());
            let State::Open(socket) = &mut *state else { return false };
            let received = socket.receive(&input[self.at.get()..]);
            if let Ok(received) = &received {
                self.consume(&mut input, received.consumed);
            }
            if self.chat.gathers(socket.gathered()) { received } else { Err(Violation::TooLarge) }
        };
        let this = WebSocket(self.clone());
        let event = match received {
            Err(violation) => {
                let _ = self.send(reactor, |socket, out, mask| {
                    socket.fail(out, violation, mask);
                    Ok(())
                });
                let failure = Failure::new(FailureKind::Protocol, format!("the server broke the rules of WebSockets: {violation}"));
                self.finish(reactor, Some(failure), None);
                return false;
            }
            Ok(received) => received.event,
        };
        match event {
            None => return false,
            // The bytes have been checked.
            Some(Event::Text(text)) => self.chat.text(reactor, &this, String::from_utf8_lossy(&text).into_owned()),
            Some(Event::Binary(bytes)) => self.chat.binary(reactor, &this, bytes),
            Some(Event::Ping(bytes)) => {
                // Who does not read its pongs gets no more of them.
                if self.write(reactor, Vec::new()) < WEBSOCKET_PONGS_BYTES_MAX {
                    let _ = self.send(reactor, |socket, out, mask| socket.pong(out, &bytes, mask));
                }
            }
            Some(Event::Pong(_)) => {}
            Some(Event::Close(said)) => {
                // An answer in kind; if this side was first, that has been said.
                let code = said.as_ref().map(|(code, _)| (*code, ""));
                let _ = self.send(reactor, |socket, out, mask| socket.close(out, code, mask));
                *self.said.borrow_mut() = Some(said.unwrap_or((1005, String::new())));
                // The server closes the connection; it has a while to do so.
                self.time(reactor, WEBSOCKET_CLOSE_MS_MAX);
                return false;
            }
        }
        true
    }

    /// Reads the response to the handshake.
    fn open(self: &Rc<Self>, reactor: &Reactor) -> bool {
        let refused = |message: String| Some(Failure::new(FailureKind::Protocol, message));
        let parsed = {
            let (mut state, mut input) = (self.state.borrow_mut(), self.input.borrow_mut());
            let State::Opening { parser, .. } = &mut *state else { return false };
            let parsed = parser.parse(&input[self.at.get()..], Asked::Upgrade, &h1::Limits::default());
            if let Ok(Some(response)) = &parsed {
                self.consume(&mut input, response.bytes);
            }
            parsed
        };
        let response = match parsed {
            Ok(Some(response)) if response.interim => return true,
            Ok(Some(response)) => response,
            Ok(None) => return false,
            Err(fault) => {
                self.finish(reactor, refused(format!("the server's handshake is malformed: {fault}")), None);
                return false;
            }
        };
        let agreed = match &*self.state.borrow() {
            State::Opening { key, protocols, offer, .. } => {
                let names: Vec<&str> = protocols.iter().map(String::as_str).collect();
                ws::check_response(&response.head, *key, &names, offer.as_ref())
            }
            _ => return false,
        };
        match agreed {
            Ok(agreed) => {
                let socket = ws::Socket::new(Role::Client, ws::Limits::default(), agreed.deflate);
                *self.state.borrow_mut() = State::Open(Box::new(socket));
                if let Some(timer) = self.timer.take() {
                    reactor.cancel(timer);
                }
                self.chat.opened(reactor, &WebSocket(self.clone()), response.head, agreed.protocol);
                true
            }
            Err(mismatch) => {
                let why = format!("the server did not open a WebSocket (status {}): {mismatch}", response.head.status);
                let decoder = BodyDecoder::new(response.framing);
                *self.state.borrow_mut() = State::Refused(Box::new(Answer { why, head: response.head, decoder, body: Vec::new() }));
                true
            }
        }
    }

    /// Reads what a server that opens none says besides; whether there may be more to do.
    fn read_answer(&self, reactor: &Reactor) -> bool {
        let read = {
            let (mut state, mut input) = (self.state.borrow_mut(), self.input.borrow_mut());
            let State::Refused(answer) = &mut *state else { return false };
            let step = answer.decoder.decode(&input[self.at.get()..]);
            if let Ok(step) = &step {
                answer.body.extend_from_slice(step.data);
            }
            let fits = answer.body.len() <= WEBSOCKET_ANSWER_BYTES_MAX && self.chat.gathers(answer.body.len());
            match step {
                Err(fault) => Err(format!("{}; its answer is malformed: {fault}", answer.why)),
                Ok(_) if !fits => Err(format!("{}; its answer is longer than there is room for", answer.why)),
                Ok(step) => {
                    let (consumed, goes_on) = (step.consumed, step.consumed > 0);
                    self.consume(&mut input, consumed);
                    Ok((answer.decoder.is_done(), goes_on))
                }
            }
        };
        match read {
            Ok((false, goes_on)) => goes_on,
            Ok((true, _)) => {
                self.answered(reactor);
                false
            }
            Err(why) => {
                self.finish(reactor, Some(Failure::new(FailureKind::Protocol, why)), None);
                false
            }
        }
    }

    /// All of such an answer has come.
    fn answered(&self, reactor: &Reactor) {
        let state = std::mem::replace(&mut *self.state.borrow_mut(), State::Over);
        if let State::Refused(answer) = state {
            let Answer { why, head, body, .. } = *answer;
            self.finish(reactor, Some(Failure::new(FailureKind::Protocol, why)), Some((head, body)));
        }
    }

    /// The connection has ended; whether that was the end of such an answer.
    fn ends_answer(&self, reactor: &Reactor) -> bool {
        let ends = if let State::Refused(answer) = &mut *self.state.borrow_mut() { answer.decoder.close().is_ok() } else { false };
        if ends {
            self.answered(reactor);
        }
        ends
    }

    /// Tells the end, once.
    fn finish(&self, reactor: &Reactor, failure: Option<Failure>, response: Option<(ResponseHead, Vec<u8>)>) {
        let answered = matches!(&*self.state.borrow(), State::Open(socket) if socket.is_closed());
        let said = self.said.take();
        let clean = answered && said.is_some() && failure.is_none();
        let (code, reason) = said.unwrap_or((1006, String::new()));
        if self.release(reactor) {
            self.chat.closed(reactor, Closed { code, reason, clean, failure, response });
        }
    }

    /// Closes the connection; whether it was not closed yet. The last bytes of this side may still be on their way.
    fn release(&self, reactor: &Reactor) -> bool {
        if let Some(timer) = self.timer.take() {
            reactor.cancel(timer);
        }
        *self.state.borrow_mut() = State::Over;
        if let Some(socket) = self.socket.take() {
            socket.flush_and_close(reactor);
        }
        self.key.take().is_some_and(|key| reactor.remove(key).is_some())
    }
}

impl Peer for Inner {
    fn app(&self) -> u64 {
        self.app
    }

    fn ready(self: Rc<Self>, reactor: &Reactor, _: Ready) {
        self.waits.set(false);
        self.work(reactor);
        if let (false, Some(socket)) = (self.waits.get(), &*self.socket.borrow()) {
            socket.resume(reactor);
        }
    }

    fn due(self: Rc<Self>, reactor: &Reactor, _: u32) {
        self.timer.set(None);
        let failure = match *self.state.borrow() {
            State::Opening { .. } => format!("the WebSocket was not open within {WEBSOCKET_OPEN_MS_MAX} ms"),
            State::Refused(ref answer) => format!("{}; its answer was not complete within {WEBSOCKET_OPEN_MS_MAX} ms", answer.why),
            // A last word that has been said is enough; a connection that is then left open is not the app's trouble.
            _ if self.said.borrow().is_some() => String::new(),
            _ => format!("the other side did not close within {WEBSOCKET_CLOSE_MS_MAX} ms"),
        };
        let failure = (!failure.is_empty()).then(|| Failure::new(FailureKind::Timeout, failure));
        self.finish(reactor, failure, None);
    }
}

impl Talk for Bridge {
    fn opened(&self, _: &Reactor, _: &Socket) {}

    fn room(&self) -> usize {
        let wanted = self.0.upgrade().filter(|inner| !inner.waits.get()).is_some_and(|inner| match *inner.state.borrow() {
            State::Opening { .. } | State::Refused(_) => true,
            State::Open(_) => inner.input.borrow().is_empty() || inner.chat.wants(),
            State::Over => false,
        });
        if wanted { SOCKET_READ_BYTES } else { 0 }
    }

    fn data(&self, reactor: &Reactor, _: &Socket, bytes: Vec<u8>) {
        // After its last word the other side has nothing to say.
        if let Some(inner) = self.0.upgrade().filter(|inner| inner.said.borrow().is_none()) {
            {
                let mut input = inner.input.borrow_mut();
                input.drain(..inner.at.take());
                input.extend_from_slice(&bytes);
            }
            inner.work(reactor);
        }
    }

    fn drained(&self, reactor: &Reactor, _: &Socket) {
        let Some(inner) = self.0.upgrade() else { return };
        if matches!(*inner.state.borrow(), State::Open(_)) {
            inner.chat.drained(reactor, &WebSocket(inner.clone()));
        }
    }

    fn ended(&self, reactor: &Reactor, _: &Socket) {
        if let Some(inner) = self.0.upgrade().filter(|inner| !inner.ends_answer(reactor)) {
            let failure =
                inner.said.borrow().is_none().then(|| Failure::new(FailureKind::Closed, "the connection ended without a close frame"));
            inner.finish(reactor, failure, None);
        }
    }

    fn closed(&self, reactor: &Reactor, why: Option<Failure>) {
        if let Some(inner) = self.0.upgrade() {
            let why = why.filter(|_| inner.said.borrow().is_none());
            inner.finish(reactor, why, None);
        }
    }
}
