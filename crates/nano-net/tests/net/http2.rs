//! HTTP/2 as a client speaks it: many requests on one connection, and what servers do to it.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use nano_base::clock::Clock;
use nano_base::http::{Headers, ResponseHead};
use nano_base::limits::{FETCH_PIECE_BYTES_MAX, H2_PING_AFTER_MS, H2_PING_MS_MAX, H2_STREAM_WINDOW_BYTES, IDLE_MS};
use nano_http::h1::{Content, Scheme};
use nano_http::h2::{Code, Connection, Event, Limits};
use nano_net::failure::FailureKind;
use nano_net::http::{Body, Piece};
use nano_net::tls::Roots;
use rustls::version::TLS13;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::asker::{Asker, Web};
use crate::certificates::{Authority, PemFile};
use crate::http::{nothing, turns_of};
use crate::memory::held_bytes;
use crate::peer::Peer;
use crate::shard::{Script, Shard, open};

/// What a server's script may do with a connection.
struct Server {
    http: Connection,
    /// Which of the connections it is, from 0.
    number: usize,
    said: std::sync::mpsc::Sender<String>,
    /// Paths of the requests that have come, by stream.
    asked: Vec<(u32, String)>,
    /// Nothing more is read.
    deaf: bool,
    /// It closes the connection when it has said what it has to say.
    gone: bool,
}

impl Server {
    fn say(&self, what: impl Into<String>) {
        self.said.send(what.into()).unwrap();
    }

    fn answer(&mut self, stream: u32, body: &[u8]) {
        self.begin(stream, &[]);
        assert_eq!(self.http.send(stream, body, true), body.len());
    }

    fn begin(&mut self, stream: u32, headers: &[(&str, &str)]) {
        let mut all = Headers::new();
        for (name, value) in headers {
            assert!(all.push(name.as_bytes(), value.as_bytes()));
        }
        let head = ResponseHead { status: 200, status_text: String::new(), headers: all };
        self.http.respond(stream, &head, Content::Stream, None).unwrap();
    }
}

/// Somebody who asks servers of HTTP/2.
struct World {
    web: Web,
    config: Arc<ServerConfig>,
    _file: PemFile,
}

impl World {
    fn new() -> Self {
        let authority = Authority::new("test authority");
        let mut config = (*authority.certify(&["a.b"], &[], 2099).config(&[&TLS13])).clone();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let file = authority.file();
        let web = Web::new(Shard::with(&Script::new(&[("a.b", &["127.0.0.1"])]), &Roots::File(file.0.clone()), Clock::manual()));
        Self { web, config: Arc::new(config), _file: file }
    }

    /// A server that does `script` with each thing that happens, and what it says.
    fn serve(&self, script: impl Fn(&mut Server, Event<'_>) + Send + Sync + 'static) -> (Peer, Receiver<String>) {
        let config = self.config.clone();
        let (sender, said) = channel();
        let sender = std::sync::Mutex::new(sender);
        let peer = Peer::new(move |wire| {
            let mut tls = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), wire.socket.try_clone()?);
            let http = Connection::server(Scheme::Https, Limits::default());
            let said = sender.lock().unwrap().clone();
            let mut server = Server { http, number: wire.number, said, asked: Vec::new(), deaf: false, gone: false };
            let mut buffer = [0; 16 << 10];
            while !server.deaf {
                tls.write_all(&std::mem::take(server.http.output()))?;
                tls.flush()?;
                if server.gone {
                    tls.conn.send_close_notify();
                    return tls.flush();
                }
                let read = tls.read(&mut buffer)?;
                if read == 0 {
                    server.say("closed");
                    return Ok(());
                }
                let mut input = &buffer[..read];
                loop {
                    let event = server.http.receive(&mut input).expect("a client that keeps the rules");
                    let Some(event) = event else { break };
                    if let Event::Request(id, request) = &event {
                        server.asked.push((*id, request.head.url.rsplit('/').next().unwrap().to_owned()));
                    }
                    script(&mut server, event);
                }
            }
            wire.until_closed();
            Ok(())
        });
        (peer, said)
    }

    fn begin(&self, peer: &Peer, method: &str, path: &str, body: Body) -> std::rc::Rc<Asker> {
        let asker = Asker::new();
        self.web.ask(method, &format!("https://a.b:{}/{path}", peer.port), body, &asker).unwrap();
        asker
    }

    fn get(&self, peer: &Peer, path: &str) -> Result<(u16, String), nano_net::failure::Failure> {
        self.web.fetch("GET", &format!("https://a.b:{}/{path}", peer.port), Body::None)
    }
}

#[test]
fn requests_share_a_connection_and_are_answered_in_any_order() {
    let world = World::new();
    let (peer, said) = world.serve(|server, event| {
        let Event::Request(id, request) = event else { return };
        let headers = &request.head.headers;
        server.say(format!("{} {} {:?}", request.head.method, request.head.url, headers.value(b"accept-encoding").map(<[u8]>::len)));
        if server.asked.len() == 1 {
            return server.answer(id, b"first");
        }
        if server.asked.len() == 4 {
            for (id, path) in server.asked.split_off(1).into_iter().rev() {
                server.answer(id, path.as_bytes());
            }
        }
    });
    assert_eq!(world.get(&peer, "1"), Ok((200, "first".into())));
    assert_eq!(said.recv().unwrap(), format!("GET https://a.b:{}/1 Some(17)", peer.port));
    let askers: Vec<_> = ["2", "3", "4"].map(|path| world.begin(&peer, "GET", path, Body::None)).into();
    world.web.shard.until(|| askers.iter().all(|asker| asker.is_over()));
    for (asker, path) in askers.iter().zip(["2", "3", "4"]) {
        assert_eq!(asker.result(), Ok((200, path.into())));
    }
    assert_eq!(peer.accepted(), 1);
    // Another app has a connection of its own.
    let asker = Asker::new();
    world.web.ask_for(2, open(), "GET", &format!("https://a.b:{}/", peer.port), &[], Body::None, &asker).unwrap();
    world.web.shard.until(|| asker.is_over());
    assert_eq!(peer.accepted(), 2);
}

#[test]
fn bodies_go_no_faster_than_their_readers() {
    let world = World::new();
    let (peer, said) = world.serve(|server, event| match event {
        Event::Request(id, _) => {
            server.begin(id, &[]);
            let sent = server.http.send(id, &[b'x'; 100_000], false);
            server.say(format!("sent {sent}"));
        }
        Event::Data(id, bytes) => {
            server.http.credit(id, bytes.len());
            server.say(format!("read {}", bytes.len()));
        }
        Event::End(id) => {
            let sent = server.http.send(id, &[b'y'; 10], true);
            server.say(format!("end {sent}"));
        }
        _ => {}
    });
    let asker = Asker::new();
    asker.room.set(0);
    let handle = world.web.ask("POST", &format!("https://a.b:{}/", peer.port), Body::Stream(None), &asker).unwrap();
    world.web.shard.until(|| asker.status() == 200);
    assert_eq!(said.recv().unwrap(), "sent 65535");
    assert!(asker.body.borrow().is_empty());
    asker.room.set(usize::MAX);
    handle.resume(&world.web.shard.reactor);
    world.web.shard.until(|| asker.body.borrow().len() == 65_535);
    for piece in [Piece::Bytes(vec![1; 9]), Piece::End] {
        asker.upload.borrow_mut().push_back(piece);
    }
    handle.body_ready(&world.web.shard.reactor);
    world.web.shard.until(|| asker.is_over());
    assert_eq!(asker.result().map(|(status, body)| (status, body.len())), Ok((200, 65_545)));
    assert_eq!(said.iter().take(2).collect::<Vec<_>>(), ["read 9", "end 10"]);
}

#[test]
fn a_server_that_goes_while_it_is_sent_much_is_noticed_at_once() {
    let world = World::new();
    let config = world.config.clone();
    let (sender, gate) = channel();
    let gate = std::sync::Mutex::new(gate);
    // It says by SETTINGS and WINDOW_UPDATE that it bears what nobody sends, and reads nothing.
    let peer = Peer::new(move |wire| {
        let mut tls = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), wire.socket.try_clone()?);
        tls.write_all(&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff])?;
        tls.write_all(&[0, 0, 4, 8, 0, 0, 0, 0, 0, 0x40, 0, 0, 0])?;
        let () = gate.lock().unwrap().recv().unwrap();
        Ok(())
    });
    let asker = Asker::new();
    let handle = world.web.ask("POST", &format!("https://a.b:{}/", peer.port), Body::Stream(None), &asker).unwrap();
    let offer = || {
        asker.upload.borrow_mut().push_back(Piece::Bytes(vec![b'x'; FETCH_PIECE_BYTES_MAX]));
        handle.body_ready(&world.web.shard.reactor);
    };
    // More than the protocol begins with: what the server has said is known.
    for _ in 0..2 * H2_STREAM_WINDOW_BYTES as usize / FETCH_PIECE_BYTES_MAX {
        offer();
        world.web.shard.until(|| asker.upload.borrow().is_empty());
    }
    // No more goes to the kernel, and enough waits here.
    while asker.upload.borrow().is_empty() {
        offer();
        world.web.shard.settle();
    }
    sender.send(()).unwrap();
    world.web.shard.until(|| asker.is_over());
    assert_eq!(asker.result().unwrap_err().kind, FailureKind::Closed);
}

#[test]
fn what_was_given_up_before_there_was_room_for_it_is_not_sent() {
    let world = World::new();
    let (peer, _said) = world.serve(|server, event| {
        if let Event::Request(id, _) = event {
            server.answer(id, server.asked.len().to_string().as_bytes());
        }
    });
    assert_eq!(world.get(&peer, ""), Ok((200, "1".into())));
    let (url, long) = (format!("https://a.b:{}/", peer.port), "~".repeat(100_000));
    let before = held_bytes();
    for _ in 0..200 {
        let asker = Asker::new();
        let asked = world.web.ask_for(1, open(), "GET", &url, &[("x-long", &long)], Body::None, &asker);
        asked.unwrap().abort(&world.web.shard.reactor);
    }
    let more = held_bytes() - before;
    assert!(more < 1 << 20, "{more} bytes");
    // Those that are not given up come when there is room.
    let askers = [(); 50].map(|()| Asker::new());
    let ask = |asker| world.web.ask_for(1, open(), "GET", &url, &[("x-long", &long)], Body::None, asker).unwrap();
    let _handles = askers.each_ref().map(ask);
    world.web.shard.until(|| askers.iter().all(|asker| asker.is_over()));
    // The first of all, the first that was given up, and these.
    let mut counts: Vec<_> = askers.iter().map(|asker| asker.result().unwrap().1.parse::<usize>().unwrap()).collect();
    counts.sort_unstable();
    assert_eq!(counts, (3..53).collect::<Vec<_>>());
    assert_eq!(peer.accepted(), 1);
}

#[test]
fn what_comes_before_it_is_wanted_counts_for_who_asked_and_needs_room() {
    const WINDOW: usize = H2_STREAM_WINDOW_BYTES as usize;
    let world = World::new();
    let (peer, said) = world.serve(|server, event| match event {
        Event::Request(id, request) => {
            let coding = request.head.headers.value(b"x-coding").map_or("identity", |_| "gzip");
            server.begin(id, &[("content-encoding", coding)]);
            server.http.send(id, &[b'x'; 100_000], false);
        }
        Event::Reset(id, code) => server.say(format!("reset {id} {code}")),
        _ => {}
    });
    let ask = |headers: &[(&str, &str)], keeps| {
        let asker = Asker::new();
        asker.room.set(1_000);
        asker.keeps.set(keeps);
        let url = format!("https://a.b:{}/", peer.port);
        let handle = world.web.ask_for(1, open(), "GET", &url, headers, Body::None, &asker).unwrap();
        (asker, handle)
    };
    let (one, handle) = ask(&[], usize::MAX);
    world.web.shard.until(|| one.kept.get() == WINDOW - 1_000);
    // It is counted as it goes, and where it goes to from then on.
    one.room.set(5_000);
    handle.resume(&world.web.shard.reactor);
    world.web.shard.until(|| one.body.borrow().len() == 6_000);
    assert_eq!(one.kept.get(), WINDOW - 6_000);
    handle.abort(&world.web.shard.reactor);
    assert_eq!(one.kept.get(), 0);
    let resets = std::cell::RefCell::new(Vec::new());
    let reset = |count| {
        world.web.shard.until(|| {
            resets.borrow_mut().extend(said.try_iter());
            resets.borrow().len() == count
        });
    };
    reset(1);
    // One that has no room takes no other with it; neither does it if what has come would have to be decoded.
    let (fits, _handle) = ask(&[], usize::MAX);
    for headers in [&[][..], &[("x-coding", "gzip")]] {
        let (other, _handle) = ask(headers, WINDOW / 2);
        other.room.set(0);
        world.web.shard.until(|| other.is_over());
        let failure = other.result().unwrap_err();
        assert!(failure.kind == FailureKind::Limit && failure.to_string().contains("(limit external_bytes)"), "{failure}");
        assert_eq!(other.kept.get(), 0);
    }
    world.web.shard.until(|| fits.kept.get() == WINDOW - 1_000);
    reset(3);
    assert_eq!(*resets.borrow(), ["reset 1 CANCEL", "reset 5 CANCEL", "reset 7 CANCEL"]);
    assert!(!fits.is_over() && peer.accepted() == 1);
}

#[test]
fn an_encoded_body_is_decoded_and_a_head_alone_ends() {
    let world = World::new();
    let (peer, _said) = world.serve(|server, event| {
        let Event::Request(id, request) = event else { return };
        server.begin(id, &[("content-encoding", "gzip")]);
        if request.head.method == "GET" {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(b"hello").unwrap();
            assert!(server.http.send(id, &encoder.finish().unwrap(), true) > 0);
        }
    });
    assert_eq!(world.get(&peer, ""), Ok((200, "hello".into())));
    assert_eq!(world.web.fetch("HEAD", &format!("https://a.b:{}/", peer.port), Body::None), Ok((200, String::new())));
}

#[test]
fn bodies_that_lead_to_nothing_take_turns_with_others() {
    const MEMBERS: usize = 4_000;
    let world = World::new();
    let (peer, _said) = world.serve(|server, event| {
        let Event::Request(id, _) = event else { return };
        server.begin(id, &[("content-encoding", "gzip, br")]);
        let body = nothing(MEMBERS);
        assert_eq!(server.http.send(id, &body, true), body.len());
    });
    let askers: Vec<_> = (0..3).map(|_| Asker::new()).collect();
    for asker in &askers {
        world.web.ask("GET", &format!("https://a.b:{}/", peer.port), Body::None, asker).unwrap();
    }
    world.web.shard.until(|| askers.iter().all(|asker| asker.is_over()));
    for asker in askers {
        assert_eq!(asker.result(), Ok((200, String::new())));
        assert!(asker.turns.get() > turns_of(MEMBERS), "{} turns", asker.turns.get());
    }
}

#[test]
fn what_a_server_has_not_looked_at_is_sent_again() {
    let world = World::new();
    let (peer, said) = world.serve(|server, event| match event {
        Event::Request(id, _) if server.number == 0 && server.asked.len() == 1 => server.answer(id, b"first"),
        Event::Request(id, _) if server.number == 0 && server.asked.len() == 2 => server.http.reset(id, Code::REFUSED),
        Event::End(_) if server.number == 0 && server.asked.len() == 3 => {
            // Asked, but nothing is done for it: what is sent here was written by hand.
            server.http.output().extend_from_slice(&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0]);
        }
        Event::Data(id, bytes) => {
            server.http.credit(id, bytes.len());
            server.say(format!("{} {}", server.number, String::from_utf8_lossy(bytes)));
        }
        Event::End(id) if server.number == 1 => server.answer(id, b"second"),
        _ => {}
    });
    assert_eq!(world.get(&peer, ""), Ok((200, "first".into())));
    let asker = world.begin(&peer, "POST", "", Body::Whole(b"body".to_vec()));
    world.web.shard.until(|| asker.is_over());
    assert_eq!(asker.result(), Ok((200, "second".into())));
    assert_eq!(peer.accepted(), 2);
    let said: Vec<_> = said.try_iter().filter(|said| said != "closed").collect();
    assert_eq!(said.last().map(String::as_str), Some("1 body"));
}

#[test]
fn a_response_that_has_come_whole_is_read_when_its_connection_is_gone() {
    static BODY: [u8; 30_000] = [b'x'; 30_000];
    let world = World::new();
    let (peer, _said) = world.serve(|server, event| {
        let Event::Request(id, _) = event else { return };
        if server.number > 0 {
            return server.answer(id, b"other");
        }
        match server.asked.len() {
            1 => server.begin(id, &[]),
            2 => server.answer(id, &BODY),
            _ => {
                server.begin(id, &[("content-encoding", "gzip")]);
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(&BODY).unwrap();
                assert!(server.http.send(id, &encoder.finish().unwrap(), true) > 0);
                server.http.go_away();
                server.gone = true;
            }
        }
    });
    let half = world.begin(&peer, "GET", "", Body::None);
    world.web.shard.until(|| half.status() == 200);
    let whole = [(); 2].map(|()| Asker::new());
    let handles = whole.each_ref().map(|asker| {
        asker.room.set(1_000);
        world.web.ask("GET", &format!("https://a.b:{}/", peer.port), Body::None, asker).unwrap()
    });
    world.web.shard.until(|| half.is_over());
    assert_eq!(half.result().unwrap_err().kind, FailureKind::Closed);
    // Others go elsewhere; what has come waits as long as it is let.
    assert_eq!(world.get(&peer, ""), Ok((200, "other".into())));
    world.web.shard.advance_ms(H2_PING_AFTER_MS);
    world.web.shard.advance_ms(H2_PING_MS_MAX);
    let before = world.web.shard.reactor.len();
    for (asker, handle) in whole.iter().zip(&handles) {
        assert_eq!((asker.status(), asker.is_over()), (200, false));
        asker.room.set(usize::MAX);
        handle.resume(&world.web.shard.reactor);
        world.web.shard.until(|| asker.is_over());
        assert_eq!(asker.result().map(|(status, body)| (status, body.len())), Ok((200, BODY.len())));
    }
    assert_eq!((peer.accepted(), world.web.shard.reactor.len()), (2, before - 1));
}

#[test]
fn what_a_server_has_begun_to_answer_is_not_sent_again_whatever_it_says() {
    let world = World::new();
    let (peer, _said) = world.serve(|server, event| {
        let Event::Request(id, _) = event else { return };
        server.begin(id, &[]);
        // It says that it has not looked at anything.
        server.http.output().extend_from_slice(&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(server.http.send(id, b"once", true), 4);
    });
    assert_eq!(world.get(&peer, ""), Ok((200, "once".into())));
    assert_eq!(peer.accepted(), 1);
    // The connection takes no more.
    assert_eq!(world.get(&peer, ""), Ok((200, "once".into())));
    assert_eq!(peer.accepted(), 2);
}

#[test]
fn one_that_is_given_up_takes_no_other_with_it() {
    let world = World::new();
    let (peer, said) = world.serve(|server, event| match event {
        Event::Request(id, _) if server.asked.len() == 1 => server.answer(id, b"first"),
        Event::Request(..) => server.say("asked"),
        Event::Reset(id, code) => {
            server.say(format!("reset {id} {code}"));
            let (other, _) = server.asked[2];
            server.answer(other, b"other");
        }
        _ => {}
    });
    assert_eq!(world.get(&peer, ""), Ok((200, "first".into())));
    let given_up = Asker::new();
    let handle = world.web.ask("GET", &format!("https://a.b:{}/", peer.port), Body::None, &given_up).unwrap();
    let other = world.begin(&peer, "GET", "", Body::None);
    let asked = std::cell::Cell::new(0);
    world.web.shard.until(|| {
        asked.set(asked.get() + said.try_iter().count());
        asked.get() == 2
    });
    handle.abort(&world.web.shard.reactor);
    world.web.shard.until(|| other.is_over());
    assert_eq!(said.recv().unwrap(), "reset 3 CANCEL");
    assert_eq!((other.result(), given_up.is_over()), (Ok((200, "other".into())), false));
}

#[test]
fn what_is_wrong_with_a_response_is_told() {
    let world = World::new();
    let (peer, _said) = world.serve(|server, event| {
        let Event::Request(id, _) = event else { return };
        let head = ResponseHead { status: 200, ..ResponseHead::default() };
        server.http.respond(id, &head, Content::Length(5), None).unwrap();
        let body: &[u8] = if id == 1 { b"hel" } else { b"hello, you" };
        server.http.send(id, body, true);
    });
    for wrong in ["shorter", "longer"] {
        let failure = world.get(&peer, "").unwrap_err();
        let expected = format!("the response is malformed: the body is {wrong} than its content-length");
        assert!(failure.kind == FailureKind::Protocol && failure.message.starts_with(&expected), "{failure:?}");
    }
}

#[test]
fn a_silent_server_is_probed_and_then_given_up() {
    let world = World::new();
    let (peer, said) = world.serve(|server, event| {
        if let Event::Request(..) = event {
            server.say("asked");
            server.deaf = true;
        }
    });
    let deaf = world.begin(&peer, "GET", "deaf", Body::None);
    world.web.shard.until(|| said.try_iter().any(|said| said == "asked"));
    world.web.shard.advance_ms(H2_PING_AFTER_MS);
    world.web.shard.settle();
    world.web.shard.advance_ms(H2_PING_MS_MAX);
    world.web.shard.until(|| deaf.is_over());
    let failure = deaf.result().unwrap_err();
    assert!(failure.kind == FailureKind::Timeout && failure.to_string().contains("did not answer"), "{failure}");
}

#[test]
fn a_server_that_is_gone_is_noticed_however_often_it_is_asked() {
    for overlaps in [true, false] {
        let world = World::new();
        let (peer, said) = world.serve(|server, event| match event {
            Event::Request(id, _) if server.number > 0 || server.asked.len() == 1 => server.answer(id, b"ok"),
            Event::Request(..) => {
                server.say("asked");
                server.deaf = true;
            }
            _ => {}
        });
        assert_eq!(world.get(&peer, ""), Ok((200, "ok".into())));
        let shard = &world.web.shard;
        let ask = || world.web.ask("GET", &format!("https://a.b:{}/", peer.port), Body::None, &Asker::new()).unwrap();
        let mut last = ask();
        shard.until(|| said.try_iter().any(|said| said == "asked"));
        // Each is given up before it is late.
        for _ in 0..3 {
            shard.advance_ms(H2_PING_AFTER_MS / 4);
            if overlaps {
                std::mem::replace(&mut last, ask()).abort(&shard.reactor);
            } else {
                last.abort(&shard.reactor);
                last = ask();
            }
        }
        shard.advance_ms(H2_PING_AFTER_MS / 4);
        // It is in doubt: nothing more is asked of it.
        assert_eq!((world.get(&peer, ""), peer.accepted()), (Ok((200, "ok".into())), 2), "{overlaps}");
    }
}

#[test]
fn an_idle_connection_is_closed_and_a_lost_one_is_told() {
    let world = World::new();
    let (peer, said) = world.serve(|server, event| {
        let Event::Request(id, _) = event else { return };
        if server.asked.len() == 1 { server.answer(id, b"ok") } else { server.http.reset(id, Code::INTERNAL) }
    });
    assert_eq!(world.get(&peer, ""), Ok((200, "ok".into())));
    let failure = world.get(&peer, "").unwrap_err();
    assert!(failure.kind == FailureKind::Closed && failure.to_string().contains("INTERNAL_ERROR"), "{failure}");
    world.web.shard.advance_ms(IDLE_MS);
    world.web.shard.until(|| said.try_iter().any(|said| said == "closed"));
    assert_eq!(world.get(&peer, ""), Ok((200, "ok".into())));
    assert_eq!(peer.accepted(), 2);
}
