//! HTTP as servers really speak it: in pieces, twice, too much, too little, not at all.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::mpsc::channel;

use nano_base::clock::Clock;
use nano_base::limits::{
    CONNECTIONS_OF_APP_MAX, DECODE_MEMBER_COST_BYTES, FETCH_BODY_IDLE_MS_MAX, FETCH_FIRST_BYTE_MS_MAX, IDLE_MS, IDLE_OF_ORIGIN_MAX,
    NETWORK_TURN_BYTES,
};
use nano_net::failure::FailureKind;
use nano_net::http::{Body, Piece};
use nano_net::policy::{Mode, Policy, Rule};
use nano_net::tls::Roots;
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};

use crate::asker::{Asker, Web};
use crate::certificates::Authority;
use crate::peer::Peer;
use crate::shard::{Script, Shard, open};

fn web() -> Web {
    Web::new(Shard::new(&Script::new(&[("a.b", &["127.0.0.1"])])))
}

fn url(peer: &Peer) -> String {
    format!("http://127.0.0.1:{}/", peer.port)
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[test]
fn a_request_is_written_as_the_standards_have_it() {
    let (sender, heads) = channel();
    let sender = std::sync::Mutex::new(sender);
    let peer = Peer::new(move |wire| {
        loop {
            let head = wire.request()?;
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            let body = wire.read(length)?;
            sender.lock().unwrap().send(head + &String::from_utf8(body).unwrap()).unwrap();
            wire.write(OK)?;
        }
    });
    let web = web();
    let asker = Asker::new();
    let url = format!("http://A.b:{}/path?a=b#fragment", peer.port);
    let headers = [("x-one", "1"), ("host", "evil"), ("content-length", "99"), ("connection", "close"), ("transfer-encoding", "chunked")];
    web.ask_for(1, open(), "POST", &url, &headers, Body::Whole(b"body".to_vec()), &asker).unwrap();
    web.shard.until(|| asker.is_over());
    let expected = format!(
        "POST /path?a=b HTTP/1.1\r\nhost: a.b:{}\r\nx-one: 1\r\naccept-encoding: gzip, deflate\r\ncontent-length: 4\r\n\r\nbody",
        peer.port
    );
    assert_eq!(heads.recv().unwrap(), expected);
    for (headers, codings) in [(vec![("range", "bytes=0-1")], "identity"), (vec![("accept-encoding", "br")], "br")] {
        let asker = Asker::new();
        web.ask_for(1, open(), "GET", &url, &headers, Body::None, &asker).unwrap();
        web.shard.until(|| asker.is_over());
        let head = heads.recv().unwrap();
        assert!(head.contains(&format!("accept-encoding: {codings}\r\n")) && !head.contains("content-length"), "{head}");
    }
    assert_eq!(peer.accepted(), 1);
}

#[test]
fn what_cannot_be_sent_is_said_at_once() {
    let web = web();
    let policy = || Arc::new(Policy::new(Mode::Any, Vec::new(), Vec::new()));
    for (method, url, kind) in [
        ("GET", "ftp://127.0.0.1/", FailureKind::Invalid),
        ("GET", "ws://127.0.0.1/", FailureKind::Invalid),
        ("GET", "not a url", FailureKind::Invalid),
        ("GET", "file:///etc/passwd", FailureKind::Invalid),
        ("GET\r\nx: y", "http://127.0.0.1/", FailureKind::Invalid),
        ("G T", "http://127.0.0.1/", FailureKind::Invalid),
        ("GET", "http://127.0.0.1:25/", FailureKind::Refused),
    ] {
        let failure = web.ask_for(1, policy(), method, url, &[], Body::None, &Asker::new()).expect_err(url);
        assert_eq!(failure.kind, kind, "{method} {url}: {failure}");
    }
    // The default policy, and whom a URL only seems to name.
    for url in [
        "http://127.0.0.1/",
        "http://example.com@127.0.0.1/",
        "http://0x7f.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://127.0.0.1\\@example.com/",
    ] {
        let failure = web.ask_for(1, Arc::default(), "GET", url, &[], Body::None, &Asker::new()).expect_err(url);
        assert_eq!(failure.kind, FailureKind::Refused, "{url}: {failure}");
    }
    assert!(web.client.is_empty());
}

#[test]
fn a_response_is_the_same_wherever_its_bytes_are_split() {
    let responses: [(&str, &str, bool); 4] = [
        (OK, "ok", true),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\ntrailer: 1\r\n\r\n", "abcde", true),
        (
            "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
            "abc",
            true,
        ),
        ("HTTP/1.0 200 OK\r\nx: y\r\n\r\nuntil the end", "until the end", false),
    ];
    for (response, body, stays) in responses {
        let peer = Peer::new(move |wire| {
            wire.request()?;
            for split in 0..response.len() {
                wire.write(&response[..split])?;
                wire.write(&response[split..])?;
                if !stays {
                    return Ok(());
                }
                wire.request()?;
            }
            for byte in response.bytes() {
                wire.write([byte])?;
            }
            if stays { wire.request().map(|_| ()) } else { Ok(()) }
        });
        let web = web();
        for _ in 0..if stays { response.len() + 1 } else { 3 } {
            assert_eq!(web.get(peer.port), Ok((200, body.into())));
        }
        assert_eq!(peer.accepted(), if stays { 1 } else { 3 }, "{response}");
    }
}

#[test]
fn responses_without_bodies_have_none() {
    for (method, response) in [
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 500\r\ncontent-encoding: gzip\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 500\r\n\r\n"),
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-encoding: br\r\n\r\n"),
    ] {
        let peer = Peer::answering(response);
        let web = web();
        for _ in 0..2 {
            let asker = Asker::new();
            asker.room.set(0);
            web.ask(method, &url(&peer), Body::None, &asker).unwrap();
            web.shard.until(|| asker.is_over());
            assert_eq!(asker.result().unwrap().1, "");
            assert!(!asker.decoded.get());
        }
        assert_eq!(peer.accepted(), 1, "{response}");
    }
}

#[test]
fn what_follows_a_response_is_nobodys_and_its_connection_is_not_used_again() {
    let peer = Peer::new(|wire| {
        wire.request()?;
        wire.write(format!("{OK}HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"))?;
        wire.until_closed();
        Ok(())
    });
    let web = web();
    for round in 1..=3 {
        assert_eq!(web.get(peer.port), Ok((200, "ok".into())));
        assert_eq!(peer.accepted(), round);
    }
    // The same when it comes while the connection is idle.
    let (go, going) = channel::<()>();
    let going = std::sync::Mutex::new(going);
    let peer = Peer::new(move |wire| {
        wire.request()?;
        wire.write(OK)?;
        if wire.number == 0 {
            going.lock().unwrap().recv().unwrap();
            wire.write("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison")?;
        }
        wire.until_closed();
        Ok(())
    });
    let idle = web.shard.reactor.len();
    assert_eq!(web.get(peer.port), Ok((200, "ok".into())));
    assert_eq!(web.shard.reactor.len(), idle + 1);
    go.send(()).unwrap();
    web.shard.until(|| web.shard.reactor.len() == idle);
    assert_eq!(web.get(peer.port), Ok((200, "ok".into())));
    assert_eq!(peer.accepted(), 2);
}

#[test]
fn connections_are_used_again_by_their_app_under_its_policy_for_a_while() {
    let peer = Peer::answering(OK);
    let web = web();
    let get = |app: u64, policy: Arc<Policy>| {
        let asker = Asker::new();
        web.ask_for(app, policy, "GET", &url(&peer), &[], Body::None, &asker).unwrap();
        web.shard.until(|| asker.is_over());
        assert!(asker.result().is_ok());
        peer.accepted()
    };
    assert_eq!((get(1, open()), get(1, open())), (1, 1));
    assert_eq!(get(2, open()), 2, "another app's connection");
    let other = || Arc::new(Policy::new(Mode::Public, vec![Rule::parse("127.0.0.1").unwrap()], Vec::new()));
    assert_eq!((get(1, other()), get(1, other())), (3, 3), "another policy's connection");
    web.shard.advance_ms(IDLE_MS - 1);
    assert_eq!(get(1, open()), 3);
    web.shard.advance_ms(IDLE_MS);
    assert_eq!(get(1, open()), 4, "an idle connection that is too old");
    web.client.forget(&web.shard.reactor, 1);
    assert_eq!(get(1, open()), 5, "a connection of an app that is gone");
}

#[test]
fn no_more_idle_connections_are_kept_than_allowed() {
    let peer = Peer::answering(OK);
    let web = web();
    let before = web.shard.reactor.len();
    let askers: Vec<_> = (0..IDLE_OF_ORIGIN_MAX + 3).map(|_| Asker::new()).collect();
    for asker in &askers {
        web.ask("GET", &url(&peer), Body::None, asker).unwrap();
    }
    web.shard.until(|| askers.iter().all(|asker| asker.is_over()));
    assert_eq!(web.shard.reactor.len() - before, IDLE_OF_ORIGIN_MAX);
    assert!(web.client.is_empty());
}

#[test]
fn an_app_has_no_more_connections_than_allowed_and_others_have_theirs() {
    let peer = Peer::new(|wire| {
        wire.until_closed();
        Ok(())
    });
    let web = web();
    // An idle connection makes room for the last.
    assert_eq!(web.get(Peer::answering(OK).port), Ok((200, "ok".into())));
    let handles: Vec<_> = (0..CONNECTIONS_OF_APP_MAX).map(|_| web.ask("GET", &url(&peer), Body::None, &Asker::new()).unwrap()).collect();
    let failure = web.ask("GET", &url(&peer), Body::None, &Asker::new()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Limit, "{failure}");
    web.ask_for(2, open(), "GET", &url(&peer), &[], Body::None, &Asker::new()).unwrap();
    handles[0].abort(&web.shard.reactor);
    web.ask("GET", &url(&peer), Body::None, &Asker::new()).unwrap();
}

#[test]
fn a_stale_connection_is_replaced_for_what_may_be_sent_twice_and_for_nothing_else() {
    for (method, body, works) in
        [("GET", Body::None, true), ("PUT", Body::Whole(b"x".to_vec()), true), ("POST", Body::Whole(b"x".to_vec()), false)]
    {
        // The second request on a connection is read, and the connection closed.
        let peer = Peer::new(|wire| {
            let head = wire.request()?;
            wire.read(usize::from(head.contains("content-length: 1")))?;
            wire.write(OK)?;
            wire.request().map(|_| ())
        });
        let web = web();
        assert_eq!(web.get(peer.port), Ok((200, "ok".into())));
        let result = web.fetch(method, &url(&peer), body);
        if works {
            assert_eq!(result, Ok((200, "ok".into())), "{method}");
            assert_eq!(peer.accepted(), 2);
        } else {
            assert_eq!(result.unwrap_err().kind, FailureKind::Closed, "{method}");
            assert_eq!(peer.accepted(), 1);
        }
    }
    // Not on a fresh connection, and not when an answer has begun.
    let peer = Peer::new(|wire| wire.request().map(|_| ()));
    let web = web();
    assert_eq!(web.get(peer.port).unwrap_err().kind, FailureKind::Closed);
    assert_eq!(peer.accepted(), 1);
    let peer = Peer::new(|wire| {
        wire.request()?;
        wire.write(OK)?;
        wire.request()?;
        wire.write("HTTP/1.1 2")
    });
    assert_eq!(web.get(peer.port), Ok((200, "ok".into())));
    assert_eq!(web.get(peer.port).unwrap_err().kind, FailureKind::Closed);
    assert_eq!(peer.accepted(), 1);
}

#[test]
fn what_a_server_must_not_send_ends_the_request() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(200_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(1_000));
    let endless = "HTTP/1.1 200 OK\r\nx".repeat(20_000);
    let flood = format!("{}{OK}", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1_000));
    for response in [
        &long,
        &many,
        &endless,
        &flood,
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: xchunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "<html>",
        "\0\0\0\0\0\0\0\0",
    ] {
        let response = response.to_owned();
        let shown = response[..response.len().min(90)].to_owned();
        let peer = Peer::new(move |wire| {
            wire.request()?;
            wire.write(&response)?;
            wire.until_closed();
            Ok(())
        });
        let failure = web().get(peer.port).expect_err(&shown);
        assert_eq!(failure.kind, FailureKind::Protocol, "{shown:?}: {failure}");
    }
}

#[test]
fn a_response_that_is_cut_short_is_an_error_unless_its_end_is_the_end() {
    for response in [
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "",
    ] {
        let peer = Peer::new(move |wire| {
            wire.request()?;
            wire.write(response)
        });
        assert_eq!(web().get(peer.port).expect_err(response).kind, FailureKind::Closed, "{response}");
    }
    // A reset, in the middle of everything: with unread bytes, closing sends one.
    let peer = Peer::new(|wire| {
        let mut byte = [0];
        std::io::Read::read_exact(&mut wire.socket, &mut byte)?;
        wire.write("HTTP/1.1 200 OK\r\ncontent-length: 300\r\n\r\nok")
    });
    let asker = Asker::new();
    let web = web();
    web.ask("POST", &url(&peer), Body::Whole(vec![0; 1 << 20]), &asker).unwrap();
    web.shard.until(|| asker.is_over());
    assert_eq!(asker.result().unwrap_err().kind, FailureKind::Closed);
}

#[test]
fn a_body_goes_no_faster_than_its_reader() {
    const BYTES: usize = 64 << 20;
    let (sender, sent) = channel();
    let sender = std::sync::Mutex::new(sender);
    let peer = Peer::new(move |wire| {
        wire.request()?;
        wire.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {BYTES}\r\n\r\n"))?;
        wire.socket.set_write_timeout(Some(std::time::Duration::from_millis(300)))?;
        let mut written = 0;
        while let Ok(some) = wire.socket.write(&vec![b'x'; (BYTES - written).min(1 << 16)]) {
            written += some;
            if written == BYTES {
                break;
            }
        }
        sender.lock().unwrap().send(written).unwrap();
        Ok(())
    });
    let web = web();
    let asker = Asker::new();
    asker.room.set(100_000);
    let handle = web.ask("GET", &url(&peer), Body::None, &asker).unwrap();
    web.shard.until(|| asker.body.borrow().len() == 100_000);
    web.shard.settle();
    assert_eq!(asker.body.borrow().len(), 100_000);
    // The server is stuck with most of it: the kernel's buffers hold some megabytes.
    assert!(sent.recv().unwrap() < BYTES / 2);
    // Nobody is blamed for the time that the reader takes.
    web.shard.advance_ms(10 * FETCH_BODY_IDLE_MS_MAX);
    assert!(!asker.is_over());
    asker.room.set(usize::MAX);
    handle.resume(&web.shard.reactor);
    web.shard.until(|| asker.is_over());
    assert_eq!(asker.result().unwrap_err().kind, FailureKind::Closed);
    assert!(asker.body.borrow().len() > 100_000);
}

#[test]
fn a_request_can_be_aborted_at_any_time() {
    let peer = Peer::new(|wire| {
        wire.request()?;
        wire.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome")?;
        wire.until_closed();
        Ok(())
    });
    let web = web();
    let before = web.shard.reactor.len();
    // At once, while resolving, while connecting, within the body.
    let script = ["http://127.0.0.1", "http://a.b"];
    for host in script {
        let asker = Asker::new();
        web.ask("GET", &format!("{host}:{}/", peer.port), Body::None, &asker).unwrap().abort(&web.shard.reactor);
        web.shard.settle();
        assert!(!asker.is_over() && asker.status() == 0);
    }
    let asker = Asker::new();
    let handle = web.ask("GET", &url(&peer), Body::None, &asker).unwrap();
    web.shard.until(|| asker.body.borrow().len() == 4);
    handle.abort(&web.shard.reactor);
    handle.abort(&web.shard.reactor);
    handle.resume(&web.shard.reactor);
    web.shard.settle();
    assert!(!asker.is_over());
    assert_eq!((web.shard.reactor.len(), web.client.len()), (before, 0));
}

#[test]
fn silence_ends_with_a_limit() {
    let peer = Peer::new(|wire| {
        wire.request()?;
        if wire.number == 1 {
            wire.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome")?;
        }
        wire.until_closed();
        Ok(())
    });
    let web = web();
    let asker = Asker::new();
    let ask = |asker| web.ask("GET", &url(&peer), Body::None, asker).unwrap();
    ask(&asker);
    web.shard.until(|| peer.accepted() == 1);
    web.shard.settle();
    web.shard.advance_ms(FETCH_FIRST_BYTE_MS_MAX - 1);
    assert!(!asker.is_over());
    web.shard.advance_ms(1);
    let failure = asker.result().unwrap_err();
    assert_eq!((failure.kind, failure.to_string().as_str()), (FailureKind::Timeout, "there was no response for 100000 ms"));
    let asker = Asker::new();
    ask(&asker);
    web.shard.until(|| asker.body.borrow().len() == 4);
    web.shard.advance_ms(FETCH_BODY_IDLE_MS_MAX - 1);
    assert!(!asker.is_over());
    web.shard.advance_ms(1);
    assert_eq!(asker.result().unwrap_err().kind, FailureKind::Timeout);
}

#[test]
fn the_time_that_the_reader_takes_is_not_the_servers() {
    let peer = Peer::new(|wire| {
        wire.request()?;
        wire.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome")?;
        wire.until_closed();
        Ok(())
    });
    let web = web();
    let asker = Asker::new();
    asker.room.set(4);
    let handle = web.ask("GET", &url(&peer), Body::None, &asker).unwrap();
    web.shard.until(|| asker.body.borrow().len() == 4);
    for _ in 0..5 {
        web.shard.advance_ms(FETCH_BODY_IDLE_MS_MAX / 2);
    }
    asker.room.set(100);
    handle.resume(&web.shard.reactor);
    web.shard.settle();
    web.shard.advance_ms(FETCH_BODY_IDLE_MS_MAX - 1);
    assert!(!asker.is_over());
    web.shard.advance_ms(1);
    assert_eq!(asker.result().unwrap_err().kind, FailureKind::Timeout);
}

#[test]
fn a_body_is_sent_in_the_pieces_in_which_it_comes() {
    let (sender, received) = channel();
    let sender = std::sync::Mutex::new(sender);
    let peer = Peer::new(move |wire| {
        loop {
            let head = wire.request()?;
            let bytes = if head.contains("transfer-encoding: chunked\r\n") { "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".len() } else { 5 };
            sender.lock().unwrap().send(wire.read(bytes)?).unwrap();
            wire.write(OK)?;
        }
    });
    let web = web();
    for (length, wire) in [(None, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), (Some(5), "abcde")] {
        let asker = Asker::new();
        asker.upload.borrow_mut().push_back(Piece::Bytes(b"abc".to_vec()));
        let handle = web.ask("POST", &url(&peer), Body::Stream(length), &asker).unwrap();
        web.shard.until(|| asker.pulled.get() == 2);
        asker.upload.borrow_mut().extend([Piece::Bytes(b"de".to_vec()), Piece::End]);
        handle.body_ready(&web.shard.reactor);
        web.shard.until(|| asker.is_over());
        assert_eq!(asker.result(), Ok((200, "ok".into())));
        assert_eq!(received.recv().unwrap(), wire.as_bytes());
    }
    assert_eq!(peer.accepted(), 1);
    // What was announced is kept to.
    for (length, pieces) in [
        (Some(5), vec![Piece::Bytes(b"abcdef".to_vec())]),
        (Some(5), vec![Piece::Bytes(b"abc".to_vec()), Piece::End]),
        (None, vec![Piece::Bytes(b"abc".to_vec()), Piece::Broken]),
    ] {
        let asker = Asker::new();
        asker.upload.borrow_mut().extend(pieces);
        web.ask("POST", &url(&peer), Body::Stream(length), &asker).unwrap();
        web.shard.until(|| asker.is_over());
        assert_eq!(asker.result().unwrap_err().kind, FailureKind::Invalid);
    }
}

#[test]
fn a_server_that_refuses_a_large_upload_early_is_heard() {
    let peer = Peer::new(|wire| {
        wire.request()?;
        wire.write("HTTP/1.1 413 Content Too Large\r\ncontent-length: 8\r\nconnection: close\r\n\r\ntoo much")?;
        // Until the client has read it, its bytes are taken: closing now would be a reset that takes the answer away.
        wire.until_closed();
        Ok(())
    });
    let web = web();
    assert_eq!(web.fetch("POST", &url(&peer), Body::Whole(vec![b'x'; 32 << 20])), Ok((413, "too much".into())));
    let asker = Asker::new();
    asker.upload.borrow_mut().extend((0..2_000).map(|_| Piece::Bytes(vec![b'x'; 16 << 10])));
    web.ask("POST", &url(&peer), Body::Stream(None), &asker).unwrap();
    web.shard.until(|| asker.is_over());
    assert_eq!(asker.result(), Ok((413, "too much".into())));
    assert_eq!(peer.accepted(), 2);
}

/// How a server's TLS ends after an answer.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Stays,
    Ends,
    Breaks,
}

fn secure_peer(config: Arc<ServerConfig>, answer: &'static str, then: Then) -> Peer {
    Peer::new(move |wire| {
        let mut tls = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), wire.socket.try_clone()?);
        loop {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                tls.read_exact(&mut byte)?;
                head.push(byte[0]);
            }
            assert!(String::from_utf8_lossy(&head).contains("accept-encoding: br, gzip, deflate\r\n"));
            tls.write_all(answer.as_bytes())?;
            if then == Then::Ends {
                tls.conn.send_close_notify();
            }
            tls.flush()?;
            if then != Then::Stays {
                return Ok(());
            }
        }
    })
}

#[test]
fn over_tls_connections_are_kept_too_and_a_body_until_the_end_needs_an_announced_end() {
    let authority = Authority::new("test authority");
    let config = authority.certify(&["a.b"], &[], 2099).config(&[&TLS12, &TLS13]);
    let file = authority.file();
    let script = Script::new(&[("a.b", &["127.0.0.1"]), ("b.c", &["127.0.0.1"])]);
    let web = Web::new(Shard::with(&script, &Roots::File(file.0.clone()), Clock::manual()));
    let get = |peer: &Peer, name: &str| web.fetch("GET", &format!("https://{name}:{}/", peer.port), Body::None);
    let peer = secure_peer(config.clone(), OK, Then::Stays);
    for _ in 0..3 {
        assert_eq!(get(&peer, "a.b"), Ok((200, "ok".into())));
    }
    assert_eq!(peer.accepted(), 1);
    // What is certified for one host is not used for another that has the same address.
    assert_eq!(get(&peer, "b.c").unwrap_err().kind, FailureKind::Tls);
    let until_end = "HTTP/1.1 200 OK\r\n\r\nall of it";
    assert_eq!(get(&secure_peer(config.clone(), until_end, Then::Ends), "a.b"), Ok((200, "all of it".into())));
    assert_eq!(get(&secure_peer(config.clone(), until_end, Then::Breaks), "a.b").unwrap_err().kind, FailureKind::Closed);
    assert_eq!(get(&secure_peer(config, OK, Then::Breaks), "a.b"), Ok((200, "ok".into())));
}

#[test]
fn tls_sessions_are_resumed_by_their_app_and_by_no_other() {
    let authority = Authority::new("test authority");
    let file = authority.file();
    let web = Web::new(Shard::with(&Script::new(&[("a.b", &["127.0.0.1"])]), &Roots::File(file.0.clone()), Clock::manual()));
    for version in [&TLS12, &TLS13] {
        let config = authority.certify(&["a.b"], &[], 2099).config(&[version]);
        let (sender, kinds) = channel();
        let sender = std::sync::Mutex::new(sender);
        let peer = Peer::new(move |wire| {
            let mut tls = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), wire.socket.try_clone()?);
            tls.read_exact(&mut [0; 16])?;
            sender.lock().unwrap().send(tls.conn.handshake_kind()).unwrap();
            tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
            tls.flush()?;
            wire.until_closed();
            Ok(())
        });
        let kind = |app: u64| {
            let asker = Asker::new();
            web.ask_for(app, open(), "GET", &format!("https://a.b:{}/", peer.port), &[], Body::None, &asker).unwrap();
            web.shard.until(|| asker.is_over());
            assert_eq!(asker.result(), Ok((200, String::new())));
            kinds.recv().unwrap().unwrap()
        };
        assert_eq!(
            [kind(1), kind(1), kind(2), kind(2)],
            [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Full, HandshakeKind::Resumed]
        );
        web.client.forget(&web.shard.reactor, 1);
        assert_eq!([kind(1), kind(2)], [HandshakeKind::Full, HandshakeKind::Resumed]);
    }
}

#[test]
fn a_large_upload_over_tls_arrives_whole() {
    const BYTES: usize = 20_000_000;
    let authority = Authority::new("test authority");
    let config = authority.certify(&["a.b"], &[], 2099).config(&[&TLS13]);
    let file = authority.file();
    let web = Web::new(Shard::with(&Script::new(&[("a.b", &["127.0.0.1"])]), &Roots::File(file.0.clone()), Clock::manual()));
    let peer = Peer::new(move |wire| {
        // It takes little at a time, so that the client waits for room again and again, and hears nothing else.
        socket2::SockRef::from(&wire.socket).set_recv_buffer_size(64 << 10)?;
        let mut tls = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), wire.socket.try_clone()?);
        let mut all = Vec::new();
        let mut buffer = vec![0; 16 << 10];
        while !all.ends_with(b"the end") {
            let read = tls.read(&mut buffer)?;
            all.extend_from_slice(&buffer[..read]);
        }
        let sum: u64 = all[all.len() - BYTES..].iter().map(|byte| u64::from(*byte)).sum();
        tls.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{sum:20}").as_bytes())?;
        tls.flush()
    });
    let mut body: Vec<u8> = (0..BYTES).map(|n| n as u8).collect();
    body[BYTES - 7..].copy_from_slice(b"the end");
    let sum: u64 = body.iter().map(|byte| u64::from(*byte)).sum();
    let result = web.fetch("POST", &format!("https://a.b:{}/", peer.port), Body::Whole(body));
    assert_eq!(result, Ok((200, format!("{sum:20}"))));
}

#[test]
fn compressed_bodies_are_decompressed_in_bounded_pieces_and_bombs_are_not() {
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let respond = |encoded: &[u8], coding: &str| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n", encoded.len());
        Peer::answering([head.as_bytes(), encoded].concat())
    };
    let web = web();
    let text = "0123456789".repeat(100_000);
    let peer = respond(&gzip(text.as_bytes()), "gzip");
    for _ in 0..2 {
        let asker = Asker::new();
        asker.room.set(1_000);
        let handle = web.ask("GET", &url(&peer), Body::None, &asker).unwrap();
        while !asker.is_over() {
            web.shard.until(|| asker.room.get() == 0 || asker.is_over());
            asker.room.set(1_000);
            handle.resume(&web.shard.reactor);
        }
        assert!(asker.decoded.get());
        assert_eq!(asker.result(), Ok((200, text.clone())));
    }
    assert_eq!(peer.accepted(), 1);
    let peer = respond(b"left alone", "zstd");
    assert_eq!(web.get(peer.port), Ok((200, "left alone".into())));
    let bomb = gzip(&vec![0; 200 << 20]);
    let failure = web.get(respond(&bomb, "gzip").port).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Limit, "{failure}");
    assert!(failure.to_string().contains("grows too much"), "{failure}");
    for broken in [&gzip(b"cut short")[..15], b"<html>"] {
        let failure = web.get(respond(broken, "gzip").port).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Protocol, "{failure}");
    }
}

/// A body of so many members of gzip with nothing in them, and brotli around it: a few bytes.
pub fn nothing(members: usize) -> Vec<u8> {
    let empty = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best()).finish().unwrap();
    let mut out = Vec::new();
    brotli::CompressorWriter::new(&mut out, 4096, 5, 22).write_all(&empty.repeat(members)).unwrap();
    out
}

/// The turns that decoding so many members takes at least.
pub fn turns_of(members: usize) -> usize {
    members * DECODE_MEMBER_COST_BYTES / NETWORK_TURN_BYTES
}

#[test]
fn a_body_that_leads_to_nothing_takes_turns_with_others_and_has_an_end() {
    const MEMBERS: usize = 4_000;
    let answer = |body: Vec<u8>, stays: bool| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip, br\r\ncontent-length: {}\r\n\r\n", body.len() + usize::from(stays));
        Peer::answering([head.as_bytes(), &body].concat())
    };
    let web = web();
    let asker = Asker::new();
    let peer = answer(nothing(MEMBERS), false);
    web.ask("GET", &url(&peer), Body::None, &asker).unwrap();
    web.shard.until(|| asker.is_over());
    assert_eq!(asker.result(), Ok((200, String::new())));
    assert!(asker.turns.get() > turns_of(MEMBERS), "{} turns", asker.turns.get());
    assert_eq!(asker.held.get(), 0);
    let failure = web.get(answer(nothing(100_000), false).port).unwrap_err();
    assert!(failure.kind == FailureKind::Limit && failure.to_string().contains("grows too much"), "{failure}");
}

#[test]
fn a_decoder_needs_room_while_its_body_is_open() {
    let text: Vec<u8> = (0..1_500_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut encoded = Vec::new();
    brotli::CompressorWriter::new(&mut encoded, 4096, 5, 22).write_all(&text).unwrap();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: {}\r\n\r\n", encoded.len());
    let peer = Peer::answering([head.as_bytes(), &encoded].concat());
    let web = web();
    let asker = Asker::new();
    asker.room.set(1_000);
    let handle = web.ask("GET", &url(&peer), Body::None, &asker).unwrap();
    web.shard.until(|| asker.room.get() == 0);
    assert!(asker.held.get() > 4 << 20, "{}", asker.held.get());
    // Read to its end, or let go: in both cases nothing is held.
    asker.room.set(usize::MAX);
    handle.resume(&web.shard.reactor);
    web.shard.until(|| asker.is_over());
    assert_eq!((asker.held.get(), asker.body.borrow().len()), (0, text.len()));
    let asker = Asker::new();
    asker.room.set(1_000);
    let handle = web.ask("GET", &url(&peer), Body::None, &asker).unwrap();
    web.shard.until(|| asker.room.get() == 0);
    handle.abort(&web.shard.reactor);
    web.shard.settle();
    assert_eq!(asker.held.get(), 0);
    let asker = Asker::new();
    asker.memory.set(4 << 20);
    web.ask("GET", &url(&peer), Body::None, &asker).unwrap();
    web.shard.until(|| asker.is_over());
    let failure = asker.result().unwrap_err();
    assert!(failure.kind == FailureKind::Limit && failure.to_string().contains("limit external_bytes"), "{failure}");
    assert_eq!(asker.held.get(), 0);
}
