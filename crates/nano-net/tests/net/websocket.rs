//! WebSockets that apps open, against a server that says what its script has.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use nano_base::http::{Headers, RequestHead, ResponseHead};
use nano_base::limits::{WEBSOCKET_CLOSE_MS_MAX, WEBSOCKET_FRAMES_PER_TURN, WEBSOCKET_OPEN_MS_MAX};
use nano_http::ws::{self, Event, Role};
use nano_net::failure::{Failure, FailureKind};
use nano_net::reactor::{Books, Reactor};
use nano_net::websocket::{Chat, Closed, NotOpen, Opening, WebSocket};

use crate::memory::held_bytes;
use crate::peer::{Peer, Wire};
use crate::shard::{Script, Shard, open};

/// Notes what is said.
#[derive(Default)]
struct Chatter {
    protocol: RefCell<Option<Option<String>>>,
    deaf: Cell<bool>,
    heard: RefCell<Vec<String>>,
    closed: RefCell<Option<Closed>>,
}

impl Chatter {
    fn is_open(&self) -> bool {
        self.protocol.borrow().is_some()
    }

    fn heard(&self) -> usize {
        self.heard.borrow().len()
    }

    fn end(&self, shard: &Shard) -> Closed {
        shard.until(|| self.closed.borrow().is_some());
        self.closed.borrow().clone().unwrap()
    }
}

impl Chat for Chatter {
    fn opened(&self, _: &Reactor, _: &WebSocket, head: ResponseHead, protocol: Option<String>) {
        assert_eq!(head.status, 101);
        assert!(self.protocol.borrow_mut().replace(protocol).is_none());
    }

    fn wants(&self) -> bool {
        !self.deaf.get()
    }

    fn gathers(&self, _: usize) -> bool {
        true
    }

    fn text(&self, _: &Reactor, _: &WebSocket, text: String) {
        assert!(self.wants());
        self.heard.borrow_mut().push(text);
    }

    fn binary(&self, _: &Reactor, _: &WebSocket, bytes: Vec<u8>) {
        self.heard.borrow_mut().push(format!("{bytes:?}"));
    }

    fn drained(&self, _: &Reactor, _: &WebSocket) {}

    fn closed(&self, _: &Reactor, closed: Closed) {
        assert!(self.closed.borrow_mut().replace(closed).is_none());
    }
}

/// Opens a WebSocket at a peer.
fn start(shard: &Shard, peer: &Peer) -> (Rc<Chatter>, WebSocket) {
    let chatter = Rc::<Chatter>::default();
    let mut headers = Headers::new();
    assert!(headers.push(b"origin", b"https://app.example") && headers.push(b"sec-websocket-key", b"mine"));
    let url = format!("ws://127.0.0.1:{}/chat?room=1", peer.port);
    let opening = Opening { app: 1, policy: open(), url, headers, protocols: vec!["v2".into(), "v1".into()], compress: true };
    (chatter.clone(), WebSocket::open(&shard.net, &shard.reactor, opening, chatter).unwrap())
}

/// A server's end.
struct Server<'a> {
    wire: &'a mut Wire,
    socket: ws::Socket,
    input: Vec<u8>,
}

impl<'a> Server<'a> {
    /// Accepts what is asked.
    fn accept(wire: &'a mut Wire) -> std::io::Result<Self> {
        Self::accept_with(wire, &ws::Deflate::default())
    }

    /// The same, with a wish for how messages are compressed.
    fn accept_with(wire: &'a mut Wire, wish: &ws::Deflate) -> std::io::Result<Self> {
        let text = wire.request()?;
        assert!(
            text.starts_with("GET /chat?room=1 HTTP/1.1\r\n") && text.contains("origin: https://app.example\r\n") && !text.contains("mine")
        );
        let mut headers = Headers::new();
        for line in text.lines().skip(1) {
            if let Some((name, value)) = line.split_once(": ") {
                assert!(headers.push(name.as_bytes(), value.as_bytes()));
            }
        }
        let opening = ws::Opening::read(&RequestHead { method: "GET".into(), url: String::new(), headers }).unwrap();
        let (answer, agreed) = opening.accept(&Headers::new(), Some("v1"), Some(wish)).unwrap();
        assert!(agreed.deflate.is_some());
        let mut out = Vec::new();
        nano_http::h1::write_switch_head(&mut out, &answer);
        wire.write(&out)?;
        Ok(Self { wire, socket: ws::Socket::new(Role::Server, ws::Limits::default(), agreed.deflate), input: Vec::new() })
    }

    fn next(&mut self) -> std::io::Result<Event> {
        loop {
            let received = self.socket.receive(&self.input).unwrap();
            self.input.drain(..received.consumed);
            match received.event {
                Some(event) => return Ok(event),
                None => self.input.extend(self.wire.read(1)?),
            }
        }
    }

    fn say(&mut self, say: impl FnOnce(&mut ws::Socket, &mut Vec<u8>) -> Result<(), ws::NotOpen>) -> std::io::Result<()> {
        let mut out = Vec::new();
        say(&mut self.socket, &mut out).unwrap();
        self.wire.write(out)
    }
}

const NO_MASK: [u8; 4] = [0; 4];

#[test]
fn messages_go_both_ways_and_the_last_word_of_each_side_is_heard() {
    let peer = Peer::new(|wire| {
        let mut server = Server::accept(wire)?;
        server.say(|socket, out| socket.ping(out, b"are you there", NO_MASK))?;
        let mut pong = None;
        loop {
            match server.next()? {
                Event::Text(text) => server.say(|socket, out| socket.text(out, std::str::from_utf8(&text).unwrap(), true, NO_MASK))?,
                Event::Binary(bytes) => server.say(|socket, out| socket.binary(out, &bytes, false, NO_MASK))?,
                Event::Close(said) => {
                    assert_eq!(said, Some((3001, "enough".into())));
                    assert_eq!(pong.as_deref(), Some(&b"are you there"[..]));
                    return server.say(|socket, out| socket.close(out, Some((1000, "bye")), NO_MASK));
                }
                Event::Pong(bytes) => pong = Some(bytes),
                Event::Ping(_) => {}
            }
        }
    });
    let shard = Shard::new(&Script::new(&[]));
    let before = shard.reactor.len();
    let (chatter, socket) = start(&shard, &peer);
    assert_eq!(socket.text(&shard.reactor, "too early"), Err(NotOpen));
    shard.until(|| chatter.is_open());
    assert_eq!(*chatter.protocol.borrow(), Some(Some("v1".into())));
    let long = "long ".repeat(50_000);
    socket.text(&shard.reactor, &long).unwrap();
    socket.binary(&shard.reactor, &[1, 2, 3]).unwrap();
    socket.text(&shard.reactor, "").unwrap();
    shard.until(|| chatter.heard() == 3);
    assert_eq!(*chatter.heard.borrow(), [long, "[1, 2, 3]".into(), String::new()]);
    assert_eq!(socket.close(&shard.reactor, Some((1006, ""))), Err(NotOpen));
    socket.close(&shard.reactor, Some((3001, "enough"))).unwrap();
    assert_eq!(socket.text(&shard.reactor, "too late"), Err(NotOpen));
    let end = chatter.end(&shard);
    assert_eq!(end, Closed { code: 1000, reason: "bye".into(), clean: true, failure: None, response: None });
    assert_eq!(shard.reactor.len(), before);
}

#[test]
fn an_open_socket_keeps_nothing_between_messages() {
    const SOCKETS: usize = 8;
    let peer = Peer::new(|wire| {
        let wish = ws::Deflate { server_no_context_takeover: false, client_no_context_takeover: false, ..ws::Deflate::default() };
        let mut server = Server::accept_with(wire, &wish)?;
        // A short message goes as it is: the final frame of a text, nothing reserved, masked.
        assert_eq!(server.wire.read(2)?, [0x81, 0x81]);
        server.wire.read(5)?;
        while let Event::Text(text) = server.next()? {
            server.say(|socket, out| socket.text(out, std::str::from_utf8(&text).unwrap(), true, NO_MASK))?;
        }
        Ok(())
    });
    let shard = Shard::new(&Script::new(&[]));
    let sockets: Vec<_> = (0..SOCKETS).map(|_| start(&shard, &peer)).collect();
    shard.until(|| sockets.iter().all(|(chatter, _)| chatter.is_open()));
    let before = held_bytes();
    for (_, socket) in &sockets {
        socket.text(&shard.reactor, "a").unwrap();
        socket.text(&shard.reactor, &"long ".repeat(1_000)).unwrap();
    }
    shard.until(|| sockets.iter().all(|(chatter, _)| chatter.heard() == 1));
    sockets.iter().for_each(|(chatter, _)| chatter.heard.borrow_mut().clear());
    let each = (held_bytes() - before) / SOCKETS as isize;
    assert!(each < 16 << 10, "{each} bytes each");
}

#[test]
fn a_server_that_closes_is_answered_and_one_that_just_goes_is_noted() {
    let peer = Peer::new(|wire| {
        let number = wire.number;
        let mut server = Server::accept(wire)?;
        if number == 0 {
            server.say(|socket, out| socket.close(out, Some((4000, "done")), NO_MASK))?;
            assert_eq!(server.next()?, Event::Close(Some((4000, String::new()))));
        }
        Ok(())
    });
    let shard = Shard::new(&Script::new(&[]));
    let end = start(&shard, &peer).0.end(&shard);
    assert_eq!((end.code, end.reason.as_str(), end.clean, end.failure), (4000, "done", true, None));
    let end = start(&shard, &peer).0.end(&shard);
    assert_eq!((end.code, end.clean, end.failure.map(|failure| failure.kind)), (1006, false, Some(FailureKind::Closed)));
}

#[test]
fn a_flood_of_frames_takes_turns_with_others_and_what_follows_is_heard() {
    const FRAMES: usize = 20_000;
    let peer = Peer::new(|wire| {
        let mut server = Server::accept(wire)?;
        let mut flood = Vec::new();
        for n in 0..FRAMES {
            server.socket.pong(&mut flood, b"", NO_MASK).unwrap();
            if n % 1_000 == 999 {
                server.socket.text(&mut flood, &n.to_string(), true, NO_MASK).unwrap();
            }
        }
        server.wire.write(flood)?;
        server.say(|socket, out| socket.close(out, Some((1000, "bye")), NO_MASK))
    });
    let shard = Shard::new(&Script::new(&[]));
    let turns = Rc::<Cell<usize>>::default();
    shard.reactor.keep_books(Box::new(Turns(turns.clone())));
    let (chatter, _socket) = start(&shard, &peer);
    assert!(chatter.end(&shard).clean);
    assert_eq!(*chatter.heard.borrow(), (1..=FRAMES / 1_000).map(|n| (n * 1_000 - 1).to_string()).collect::<Vec<_>>());
    assert!(turns.get() > FRAMES / WEBSOCKET_FRAMES_PER_TURN, "{} turns", turns.get());
}

/// Counts turns.
struct Turns(Rc<Cell<usize>>);

impl Books for Turns {
    fn open(&self, _: u64) {}

    fn close(&self, _: u64) -> bool {
        self.0.set(self.0.get() + 1);
        true
    }
}

#[test]
fn messages_wait_for_their_reader() {
    let (sender, said) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let peer = Peer::new(move |wire| {
        let mut server = Server::accept(wire)?;
        for n in 0..1_000 {
            server.say(|socket, out| socket.text(out, &n.to_string(), false, NO_MASK))?;
        }
        server.say(|socket, out| socket.close(out, None, NO_MASK))?;
        sender.lock().unwrap().send(()).unwrap();
        server.wire.until_closed();
        Ok(())
    });
    let shard = Shard::new(&Script::new(&[]));
    let (chatter, socket) = start(&shard, &peer);
    chatter.deaf.set(true);
    shard.until(|| chatter.is_open());
    said.recv().unwrap();
    shard.settle();
    assert_eq!(chatter.heard(), 0);
    chatter.deaf.set(false);
    socket.resume(&shard.reactor);
    shard.until(|| chatter.heard() == 1_000);
    assert!((0..1_000).all(|n| chatter.heard.borrow()[n] == n.to_string()));
    // It has said its last word, and leaves the connection open: that is not waited for.
    shard.settle();
    shard.advance_ms(WEBSOCKET_CLOSE_MS_MAX);
    let end = chatter.end(&shard);
    assert_eq!((end.code, end.clean, end.failure), (1005, true, None));
}

#[test]
fn what_is_no_websocket_is_not_opened() {
    let shard = Shard::new(&Script::new(&[]));
    let before = shard.reactor.len();
    for (response, status) in [
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", Some(403)),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", Some(200)),
        ("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: wrong\r\n\r\n", Some(101)),
        ("nonsense\r\n\r\n", None),
    ] {
        let peer = Peer::new(move |wire| {
            wire.request()?;
            wire.write(response)?;
            wire.until_closed();
            Ok(())
        });
        let end = start(&shard, &peer).0.end(&shard);
        assert_eq!(end.failure.map(|failure| failure.kind), Some(FailureKind::Protocol), "{response}");
        assert_eq!((end.response.map(|(head, _)| head.status), end.code, end.clean), (status, 1006, false), "{response}");
    }
    for (url, kind) in [
        ("ftp://127.0.0.1/", FailureKind::Invalid),
        ("ws://10.0.0.1/", FailureKind::Refused),
        ("ws://127.0.0.1:22/", FailureKind::Refused),
        ("wss://[fe80::1]/", FailureKind::Refused),
    ] {
        let opening = Opening { app: 1, policy: open(), url: url.into(), headers: Headers::new(), protocols: vec![], compress: false };
        let failure: Failure = WebSocket::open(&shard.net, &shard.reactor, opening, Rc::<Chatter>::default()).expect_err(url);
        assert_eq!(failure.kind, kind, "{url}: {failure}");
    }
    assert_eq!(shard.reactor.len(), before);
}

#[test]
fn a_server_that_breaks_the_rules_is_told_so_and_one_that_is_silent_is_given_up() {
    let (sender, told) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let peer = Peer::new(move |wire| {
        if wire.number == 1 {
            wire.until_closed();
            return Ok(());
        }
        let mut server = Server::accept(wire)?;
        // A reserved opcode.
        server.wire.write([0x83, 0])?;
        let told = server.next()?;
        sender.lock().unwrap().send(told).unwrap();
        Ok(())
    });
    let shard = Shard::new(&Script::new(&[]));
    let end = start(&shard, &peer).0.end(&shard);
    assert_eq!((end.code, end.failure.map(|failure| failure.kind)), (1006, Some(FailureKind::Protocol)));
    assert_eq!(told.recv().unwrap(), Event::Close(Some((1002, "the opcode is reserved".into()))));
    let (chatter, _socket) = start(&shard, &peer);
    shard.until(|| peer.accepted() == 2);
    shard.settle();
    shard.advance_ms(WEBSOCKET_OPEN_MS_MAX);
    assert_eq!(chatter.end(&shard).failure.map(|failure| failure.kind), Some(FailureKind::Timeout));
}
