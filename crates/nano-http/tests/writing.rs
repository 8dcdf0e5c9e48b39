//! Heads as they are written, and what of an app's headers is not in them.

use nano_base::http::{Headers, RequestHead, ResponseHead};
use nano_http::h1::*;

fn headers(pairs: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in pairs {
        assert!(headers.push(name.as_bytes(), value.as_bytes()));
    }
    headers
}

const ANSWER: Answer<'_> = Answer { version: Version::Http11, to_head: false, content: Content::None, keep_alive: true, date: None };

fn response(status: u16, pairs: &[(&str, &str)], answer: Answer<'_>) -> (String, Sent) {
    let mut out = Vec::new();
    let head = ResponseHead { status, status_text: String::new(), headers: headers(pairs) };
    let sent = write_response_head(&mut out, &head, &answer).unwrap();
    (String::from_utf8(out).unwrap(), sent)
}

#[test]
fn a_response_is_framed_by_what_is_known_of_its_body() {
    let (text, sent) = response(
        200,
        &[("X-A", "b"), ("Set-Cookie", "1"), ("Set-Cookie", "2")],
        Answer { content: Content::Length(5), date: Some(b"now"), ..ANSWER },
    );
    assert_eq!(text, "HTTP/1.1 200 OK\r\nx-a: b\r\nset-cookie: 1\r\nset-cookie: 2\r\ndate: now\r\ncontent-length: 5\r\n\r\n");
    assert_eq!(sent, Sent { framing: Framing::Length(5), keep_alive: true });
    for (status, answer, rest, framing, keep_alive) in [
        (200, ANSWER, "content-length: 0\r\n", Framing::None, true),
        (200, Answer { content: Content::Stream, ..ANSWER }, "transfer-encoding: chunked\r\n", Framing::Chunked, true),
        (200, Answer { content: Content::Stream, version: Version::Http10, ..ANSWER }, "connection: close\r\n", Framing::UntilClose, false),
        (200, Answer { version: Version::Http10, ..ANSWER }, "content-length: 0\r\nconnection: keep-alive\r\n", Framing::None, true),
        (200, Answer { keep_alive: false, ..ANSWER }, "content-length: 0\r\nconnection: close\r\n", Framing::None, false),
        (204, Answer { content: Content::Length(5), ..ANSWER }, "", Framing::None, true),
        (304, Answer { content: Content::Stream, ..ANSWER }, "", Framing::None, true),
        (205, Answer { content: Content::Stream, ..ANSWER }, "content-length: 0\r\n", Framing::None, true),
        (200, Answer { content: Content::Length(5), to_head: true, ..ANSWER }, "content-length: 5\r\n", Framing::None, true),
        (200, Answer { content: Content::Stream, to_head: true, ..ANSWER }, "", Framing::None, true),
        (
            200,
            Answer { to_head: true, version: Version::Http10, content: Content::Stream, ..ANSWER },
            "connection: keep-alive\r\n",
            Framing::None,
            true,
        ),
    ] {
        let (text, sent) = response(status, &[], answer);
        assert_eq!(text.split_once("\r\n").unwrap().1, format!("{rest}\r\n"), "{status} {answer:?}");
        assert_eq!(sent, Sent { framing, keep_alive }, "{status} {answer:?}");
    }
    // The app may know how long a body would be that nobody asked for.
    let own = response(200, &[("content-length", "7")], Answer { to_head: true, ..ANSWER });
    assert!(own.0.ends_with("\r\ncontent-length: 7\r\n\r\n") && own.1.framing == Framing::None);
}

#[test]
fn an_app_does_not_frame_messages() {
    let own = [
        ("Content-Length", "9"),
        ("Transfer-Encoding", "gzip"),
        ("Connection", "close, x-kept"),
        ("Keep-Alive", "5"),
        ("Upgrade", "h2c"),
        ("TE", "x"),
        ("Trailer", "x"),
        ("X-Kept", "1"),
    ];
    let (text, _) = response(200, &own, Answer { content: Content::Length(5), ..ANSWER });
    assert_eq!(text, "HTTP/1.1 200 OK\r\nx-kept: 1\r\ncontent-length: 5\r\n\r\n");
    let (text, _) = response(200, &[("Date", "then")], Answer { date: Some(b"now"), ..ANSWER });
    assert_eq!(text, "HTTP/1.1 200 OK\r\ndate: then\r\ncontent-length: 0\r\n\r\n");
}

#[test]
fn nothing_that_would_split_a_message_is_written() {
    let mut out = b"before".to_vec();
    for (flat, fault) in [
        (&b"x\na\rb"[..], Unwritable::Header),
        (b"x\na\0b", Unwritable::Header),
        (b"x\r\nb", Unwritable::Header),
        (b"X\nb", Unwritable::Header),
        (b"Content-Length\n5", Unwritable::Header),
        (b"x y\nb", Unwritable::Header),
        (b"\nb", Unwritable::Header),
        (b"x", Unwritable::Header),
        (b"x\na\nb", Unwritable::Header),
    ] {
        let headers = Headers::from_flat(flat.to_vec());
        let head = ResponseHead { status: 200, status_text: String::new(), headers: headers.clone() };
        assert_eq!(write_response_head(&mut out, &head, &ANSWER), Err(fault), "{}", flat.escape_ascii());
        let head = RequestHead { method: "GET".into(), url: String::new(), headers };
        let call = Call { target: "/", host: "a", content: Content::None, keep_alive: true, upgrade: None };
        assert_eq!(write_request_head(&mut out, &head, &call), Err(fault), "{}", flat.escape_ascii());
    }
    for text in ["a\r\nb: c", "a\nb", "\u{0}", "\u{7f}", "\u{100}"] {
        let head = ResponseHead { status: 200, status_text: text.into(), headers: Headers::new() };
        assert_eq!(write_response_head(&mut out, &head, &ANSWER), Err(Unwritable::Header), "{text:?}");
    }
    for status in [0, 99, 100, 101, 199, 1000] {
        let head = ResponseHead { status, status_text: String::new(), headers: Headers::new() };
        assert_eq!(write_response_head(&mut out, &head, &ANSWER), Err(Unwritable::Status), "{status}");
    }
    for (method, target, host, fault) in [
        ("G T", "/", "a", Unwritable::Method),
        ("GET\r\n", "/", "a", Unwritable::Method),
        ("", "/", "a", Unwritable::Method),
        ("GET", "/ HTTP/1.1\r\nx: y", "a", Unwritable::Target),
        ("GET", "", "a", Unwritable::Target),
        ("GET", "/#x", "a", Unwritable::Target),
        ("GET", "/\u{e9}", "a", Unwritable::Target),
        ("GET", "/", "a\r\nx: y", Unwritable::Host),
        ("GET", "/", "", Unwritable::Host),
        ("GET", "/", "u@a", Unwritable::Host),
    ] {
        let head = RequestHead { method: method.into(), url: String::new(), headers: Headers::new() };
        let call = Call { target, host, content: Content::None, keep_alive: true, upgrade: None };
        assert_eq!(write_request_head(&mut out, &head, &call), Err(fault), "{method:?} {target:?} {host:?}");
    }
    assert_eq!(out, b"before");
}

#[test]
fn a_request_is_framed_by_what_is_known_of_its_body() {
    let write = |method: &str, pairs: &[(&str, &str)], content, upgrade| {
        let mut out = Vec::new();
        let head = RequestHead { method: nano_base::http::method(method), url: String::new(), headers: headers(pairs) };
        let call = Call { target: "/p?q", host: "a:81", content, keep_alive: true, upgrade };
        let framing = write_request_head(&mut out, &head, &call).unwrap();
        (String::from_utf8(out).unwrap(), framing)
    };
    let own = [
        ("Host", "b"),
        ("Content-Length", "9"),
        ("Transfer-Encoding", "chunked"),
        ("Expect", "x"),
        ("Connection", "x-kept"),
        ("Proxy-Connection", "x"),
        ("X-Kept", "1"),
    ];
    assert_eq!(write("GET", &own, Content::None, None), ("GET /p?q HTTP/1.1\r\nhost: a:81\r\nx-kept: 1\r\n\r\n".into(), Framing::None));
    assert!(write("POST", &[], Content::None, None).0.ends_with("\r\ncontent-length: 0\r\n\r\n"));
    assert_eq!(write("GET", &[], Content::Length(3), None).1, Framing::Length(3));
    let (text, framing) = write("PUT", &[], Content::Stream, None);
    assert!(text.ends_with("\r\ntransfer-encoding: chunked\r\n\r\n") && framing == Framing::Chunked);
    assert!(write("GET", &[], Content::None, Some("websocket")).0.ends_with("\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"));
}

#[test]
fn a_refusal_is_a_whole_response_that_ends_the_connection() {
    let mut out = Vec::new();
    write_refusal(&mut out, Fault::HostMissing, Some(b"now"));
    let response = ResponseParser::new().parse(&out, Asked::Other, &Limits::default()).unwrap().unwrap();
    assert_eq!((response.head.status, response.keep_alive), (400, false));
    assert_eq!(response.framing, Framing::Length((out.len() - response.bytes) as u64));
    assert_eq!(response.head.headers.value(b"content-type"), Some(&b"application/problem+json"[..]));
    let body = "{\"title\":\"Bad Request\",\"status\":400,\"code\":\"BAD_REQUEST\",\"detail\":\"the Host header is missing\"}\n";
    assert_eq!(&out[response.bytes..], body.as_bytes());
}
