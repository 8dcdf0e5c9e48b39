//! A client, against a server by hand.

use nano_base::http::{Headers, RequestHead};
use nano_http::h1::{Content, Scheme};
use nano_http::h2::{Code, Connection, Target};

use crate::peer::*;

const TO: Target<'_> = Target { path: "/p?q", authority: "a.test", scheme: "https" };

fn head(method: &str) -> RequestHead {
    let mut headers = Headers::new();
    assert!(headers.push(b"x", b"y") && headers.push(b"connection", b"close"));
    RequestHead { method: nano_base::http::method(method), url: "https://a.test/p?q".into(), headers }
}

fn client() -> Connection {
    let mut http = Connection::client(Scheme::Https, LIMITS);
    take(&mut http, &frame(SETTINGS, 0, 0, &[]), &mut Vec::new()).unwrap();
    http.output().clear();
    http
}

fn response(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, stream, &block(fields))
}

fn told(http: &mut Connection, parts: &[Vec<u8>]) -> Vec<Told> {
    let mut told = Vec::new();
    take(http, &parts.concat(), &mut told).unwrap();
    told
}

#[test]
fn requests_have_streams_of_their_own_and_their_responses_come_in_any_order() {
    let mut http = client();
    assert_eq!(http.request(&head("GET"), &TO, Content::None), Ok((1, false)));
    assert_eq!(http.request(&head("POST"), &TO, Content::Stream), Ok((3, true)));
    let written = frames(&std::mem::take(http.output()));
    let list = [(":method", "GET"), (":scheme", "https"), (":authority", "a.test"), (":path", "/p?q"), ("x", "y")];
    assert_eq!(written[0], (HEADERS, END_HEADERS | END, 1, [&[0x20][..], &block(&list)].concat()));
    let told = told(
        &mut http,
        &[
            response(3, 0, &[(":status", "103"), ("link", "x")]),
            response(3, 0, &[(":status", "200"), ("content-length", "2")]),
            response(1, END, &[(":status", "404")]),
            frame(DATA, END, 3, b"ok"),
        ],
    );
    assert_eq!(told, [Told::Response(3, 200), Told::Response(1, 404), Told::End(1), Told::Data(3, b"ok".to_vec()), Told::End(3)]);
    assert_eq!(http.send(3, b"late", true), 4);
    assert_eq!(http.streams(), 0);
}

#[test]
fn the_server_says_how_many_and_when_no_more() {
    let mut http = client();
    told(&mut http, &[frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 1])]);
    assert!(http.can_request() && http.requests_left() == 1);
    http.request(&head("GET"), &TO, Content::None).unwrap();
    assert!(!http.can_request());
    let told = told(&mut http, &[response(1, END, &[(":status", "200")]), frame(AWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0])]);
    assert_eq!(told.last(), Some(&Told::Away(1, Code::NONE)));
    assert!(!http.can_request() && http.streams() == 0);
}

#[test]
fn responses_that_are_malformed_end_their_stream() {
    for parts in [
        vec![response(1, 0, &[("x", "y")])],
        vec![response(1, 0, &[(":status", "20")])],
        vec![response(1, 0, &[(":status", "101")])],
        vec![response(1, END, &[(":status", "100")])],
        vec![response(1, 0, &[(":status", "200"), (":path", "/")])],
        vec![response(1, 0, &[(":status", "200"), ("connection", "x")])],
        vec![response(1, 0, &[(":status", "103")]); 17],
        vec![frame(DATA, 0, 1, b"x")],
        vec![response(1, END, &[(":status", "200"), ("content-length", "2")])],
    ] {
        let mut http = client();
        http.request(&head("GET"), &TO, Content::None).unwrap();
        assert_eq!(told(&mut http, &parts), [Told::Reset(1, Code::PROTOCOL)], "{parts:?}");
    }
    // HEAD says how long a body would be.
    let mut http = client();
    http.request(&head("HEAD"), &TO, Content::None).unwrap();
    assert_eq!(
        told(&mut http, &[response(1, END, &[(":status", "200"), ("content-length", "2")])]),
        [Told::Response(1, 200), Told::End(1)]
    );
}

#[test]
fn a_server_begins_nothing_of_itself() {
    for bad in [response(2, END, &[(":status", "200")]), response(1, END, &[(":status", "200")]), frame(PUSH, 4, 1, &[0, 0, 0, 2])] {
        let fault = take(&mut client(), &bad, &mut Vec::new()).unwrap_err();
        assert_eq!(fault.code, Code::PROTOCOL, "{bad:?}");
    }
}

#[test]
fn a_stream_that_was_refused_is_told_apart() {
    let mut http = client();
    http.request(&head("GET"), &TO, Content::None).unwrap();
    assert_eq!(told(&mut http, &[frame(RESET, 0, 1, &[0, 0, 0, 7])]), [Told::Reset(1, Code::REFUSED)]);
    http.ping();
    assert_eq!(told(&mut http, &[frame(PING, ACK, 0, b"nanohttp")]), [Told::Pong]);
}
