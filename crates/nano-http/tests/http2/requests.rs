//! What is a request, and what is malformed.

use nano_http::h1::Fault;
use nano_http::h2::Code;

use crate::peer::*;

fn request(parts: &[Vec<u8>]) -> nano_http::h2::Request {
    match serve(parts).told.into_iter().next() {
        Some(Told::Request(1, request)) => *request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_becomes_a_head_as_one_of_http_1_would() {
    let list = [
        (":method", "PUT"),
        (":path", "/a?b"),
        (":scheme", "https"),
        (":authority", "A.test:81"),
        ("cookie", "a=1"),
        ("x-a", "1"),
        ("cookie", "b=2"),
        ("te", "trailers"),
    ];
    let request = request(&[frame(HEADERS, END_HEADERS, 1, &block(&list))]);
    assert_eq!((&*request.head.method, request.head.url.as_str()), ("PUT", "http://a.test:81/a?b"));
    let headers: Vec<_> = request.head.headers.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    let expected = [("x-a", "1"), ("te", "trailers"), ("host", "A.test:81"), ("cookie", "a=1; b=2")];
    assert_eq!(headers, expected.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())));
    assert!(!request.ends && request.length.is_none() && !request.expect_continue && !request.server_wide);
}

#[test]
fn the_host_may_be_a_header_and_must_not_differ() {
    let list = [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "b.test")];
    assert_eq!(request(&[frame(HEADERS, END_HEADERS | END, 1, &block(&list))]).head.url, "http://b.test/");
    assert_eq!(request(&[with(1, &[("host", "A.TEST")])]).head.url, "http://a.test/");
    resets(Code::PROTOCOL, &[with(1, &[("host", "b.test")])]);
    resets(Code::PROTOCOL, &[with(1, &[("host", "a.test"), ("host", "a.test")])]);
}

#[test]
fn bodies_come_in_pieces_and_have_the_length_that_was_said() {
    let outcome = serve(&[
        with(1, &[("content-length", "5")]),
        frame(DATA, 0, 1, b"he"),
        frame(DATA, PADDED, 1, b"\x02ll\0\0"),
        frame(DATA, END, 1, b"o"),
    ]);
    assert!(matches!(&outcome.told[..], [Told::Request(1, _), Told::Data(1, body), Told::End(1)] if body == b"hello"), "{outcome:?}");
    resets(Code::PROTOCOL, &[with(1, &[("content-length", "5")]), frame(DATA, END, 1, b"hell")]);
    resets(Code::PROTOCOL, &[with(1, &[("content-length", "5")]), frame(DATA, 0, 1, b"hello!")]);
    resets(Code::PROTOCOL, &[frame(HEADERS, END_HEADERS | END, 1, &block(&[&GET[..], &[("content-length", "5")]].concat()))]);
    resets(Code::PROTOCOL, &[with(1, &[("content-length", "5"), ("content-length", "6")])]);
    resets(Code::PROTOCOL, &[with(1, &[("content-length", "+5")])]);
}

#[test]
fn trailers_are_checked_and_end_the_body() {
    let trailers = |flags, fields: &[(&str, &str)]| frame(HEADERS, END_HEADERS | flags, 1, &block(fields));
    let outcome = serve(&[post(1), frame(DATA, 0, 1, b"x"), trailers(END, &[("x-sum", "1")])]);
    assert!(matches!(&outcome.told[..], [Told::Request(..), Told::Data(..), Told::End(1)]), "{outcome:?}");
    resets(Code::PROTOCOL, &[post(1), trailers(0, &[("x-sum", "1")])]);
    resets(Code::PROTOCOL, &[post(1), trailers(END, &[(":path", "/")])]);
    resets(Code::PROTOCOL, &[post(1), trailers(END, &[("connection", "close")])]);
}

#[test]
fn what_two_readers_could_take_for_two_messages_is_malformed() {
    let of_connection = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];
    for name in of_connection {
        resets(Code::PROTOCOL, &[with(1, &[(name, "x")])]);
    }
    for (name, value) in [
        ("te", "gzip"),
        ("X-Upper", "x"),
        ("x y", "x"),
        ("", "x"),
        ("x", "a\r\nb: c"),
        ("x", "a\nb"),
        ("x", "a\0"),
        ("x", " a"),
        ("x", "a\t"),
    ] {
        resets(Code::PROTOCOL, &[with(1, &[(name, value)])]);
    }
    let lists: &[&[(&str, &str)]] = &[
        &[(":method", "GET"), (":scheme", "http"), (":authority", "a")],
        &[(":method", "GET"), (":path", "/"), (":authority", "a")],
        &[(":scheme", "http"), (":path", "/"), (":authority", "a")],
        &[(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "")],
        &[(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "x")],
        &[(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "*")],
        &[(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/a b")],
        &[(":method", "GET"), (":scheme", "ftp"), (":authority", "a"), (":path", "/")],
        &[(":method", "G T"), (":scheme", "http"), (":authority", "a"), (":path", "/")],
        &[(":method", "GET"), (":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")],
        &[(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/"), (":status", "200")],
        &[(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/"), (":protocol", "websocket")],
        &[(":method", "GET"), (":scheme", "http"), (":authority", "a"), ("x", "y"), (":path", "/")],
    ];
    for list in lists {
        resets(Code::PROTOCOL, &[frame(HEADERS, END_HEADERS | END, 1, &block(list))]);
    }
}

#[test]
fn what_is_not_borne_is_answered() {
    let list = |fields: &[(&str, &str)]| serve(&[frame(HEADERS, END_HEADERS | END, 1, &block(fields))]).told;
    let refused = |fault| vec![Told::Refused(1, fault)];
    assert_eq!(list(&[(":method", "CONNECT"), (":authority", "a:1")]), refused(Fault::Connect));
    assert_eq!(list(&[(":method", "GET"), (":scheme", "http"), (":path", "/")]), refused(Fault::HostMissing));
    assert_eq!(list(&[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "u@a")]), refused(Fault::HostInvalid));
    for method in ["get", "Get", "connect"] {
        assert_eq!(list(&[(":method", method), (":scheme", "http"), (":path", "/"), (":authority", "a")]), refused(Fault::Method));
    }
    let long = format!("/{}", "x".repeat(64));
    assert_eq!(list(&[(":method", "GET"), (":scheme", "http"), (":path", &long), (":authority", "a")]), refused(Fault::TargetTooLong));
    assert_eq!(list(&[&GET[..], &[("a", "b"); 9]].concat()), refused(Fault::TooManyHeaders));
    assert_eq!(list(&[&GET[..], &[("expect", "x")]].concat()), refused(Fault::Expectation));
    let server = list(&[(":method", "OPTIONS"), (":scheme", "http"), (":path", "*"), (":authority", "a")]);
    assert!(matches!(&server[..], [Told::Request(1, request)] if request.server_wide && request.ends), "{server:?}");
}
