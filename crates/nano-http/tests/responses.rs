//! Responses as a client reads them. Every vector is given whole and cut at every byte.

use nano_http::h1::{Asked, Fault, Framing, Limits, Response, ResponseParser};

const LIMITS: Limits = Limits { target_bytes: 64, head_bytes: 400, headers: 8 };

fn stepwise(input: &[u8], asked: Asked, ends: impl Iterator<Item = usize>) -> Result<Option<Response>, Fault> {
    let mut parser = ResponseParser::new();
    for end in ends {
        match parser.parse(&input[..end], asked, &LIMITS) {
            Ok(None) => {}
            answer => return answer,
        }
    }
    Ok(None)
}

fn read(input: &str, asked: Asked) -> Result<Option<Response>, Fault> {
    let input = input.as_bytes();
    let whole = ResponseParser::new().parse(input, asked, &LIMITS);
    for cut in 0..input.len() {
        assert_eq!(stepwise(input, asked, [cut, input.len()].into_iter()), whole, "cut at {cut}: {}", input.escape_ascii());
    }
    assert_eq!(stepwise(input, asked, 0..=input.len()), whole);
    whole
}

fn accepted(input: &str, asked: Asked) -> Response {
    match read(input, asked) {
        Ok(Some(response)) => response,
        other => panic!("{input:?}: {other:?}"),
    }
}

#[test]
fn a_status_line_has_a_version_a_status_and_perhaps_a_phrase() {
    let text = |line: &str| accepted(&format!("{line}\r\nX: y\r\n\r\n"), Asked::Other).head.status_text;
    assert_eq!(text("HTTP/1.1 200 Very OK"), "Very OK");
    assert_eq!(text("HTTP/1.1 404 "), "");
    assert_eq!(text("HTTP/1.0 404"), "");
    // Each byte is a character.
    assert_eq!(text("HTTP/1.1 404 \u{e9}"), "\u{c3}\u{a9}");
    assert_eq!(accepted("HTTP/1.1 999 \r\n\r\n", Asked::Other).head.status, 999);
    for line in [
        "HTTP/1.1 099 x",
        "HTTP/1.1 20 x",
        "HTTP/1.1 2000 x",
        "HTTP/1.1 +20",
        "HTTP/1.1  200",
        "HTTP/1.2 200",
        "HTTP/2 200",
        "http/1.1 200",
        "200 OK",
        "HTTP/1.1\t200",
        "HTTP/1.1 200\u{0}",
        "HTTP/1.1 200 a\rb",
        "",
        "HTTP/1.1",
        "ICY 200 OK",
    ] {
        assert_eq!(read(&format!("{line}\r\n\r\n"), Asked::Other), Err(Fault::StatusLine), "{line:?}");
    }
}

#[test]
fn a_body_ends_by_the_rules_in_their_order() {
    let framing = |status: u16, lines: &str, asked| accepted(&format!("HTTP/1.1 {status} x\r\n{lines}\r\n\r\n"), asked).framing;
    assert_eq!(framing(200, "Content-Length: 5", Asked::Head), Framing::None);
    assert_eq!(framing(204, "Content-Length: 5", Asked::Other), Framing::None);
    assert_eq!(framing(304, "Transfer-Encoding: chunked", Asked::Other), Framing::None);
    assert_eq!(framing(200, "Content-Length: 5", Asked::Connect), Framing::None);
    assert_eq!(framing(407, "Content-Length: 5", Asked::Connect), Framing::Length(5));
    assert_eq!(framing(200, "Transfer-Encoding: Chunked", Asked::Other), Framing::Chunked);
    assert_eq!(framing(200, "Content-Length: 5", Asked::Other), Framing::Length(5));
    assert_eq!(framing(200, "Content-Length: 5, 5\r\nContent-Length: 5", Asked::Other), Framing::Length(5));
    assert_eq!(framing(200, "Content-Length: 0", Asked::Other), Framing::None);
    assert_eq!(framing(200, "X: y", Asked::Other), Framing::UntilClose);
}

#[test]
fn contradictions_and_what_is_no_framing_are_refused() {
    for (fault, lines) in [
        (Fault::LengthAndEncoding, "Content-Length: 5\r\nTransfer-Encoding: chunked"),
        (Fault::LengthTwice, "Content-Length: 5\r\nContent-Length: 6"),
        (Fault::LengthTwice, "Content-Length: 5, 6"),
        (Fault::LengthInvalid, "Content-Length: 5,"),
        (Fault::LengthInvalid, "Content-Length: +5"),
        (Fault::LengthInvalid, "Content-Length:"),
        (Fault::EncodingInvalid, "Transfer-Encoding: chunked, chunked"),
        (Fault::EncodingInvalid, "Transfer-Encoding: gzip"),
        (Fault::EncodingUnknown, "Transfer-Encoding: gzip, chunked"),
        (Fault::HeaderName, "X : y"),
        (Fault::HeaderValue, "X: a\rb"),
        (Fault::HeaderValue, "X: a\u{0}"),
        (Fault::BareLineFeed, "X: a\nY: b"),
        (Fault::Folded, " X: a"),
        (Fault::TooManyHeaders, &["X: 1"; 9].join("\r\n")),
        (Fault::HeadTooLong, &format!("X: {}", "x".repeat(400))),
    ] {
        assert_eq!(read(&format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n"), Asked::Other), Err(fault), "{lines:?}");
        assert_eq!(read(&format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n"), Asked::Head), Err(fault), "{lines:?}");
    }
    assert_eq!(read("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Asked::Other), Err(Fault::EncodingTooOld));
}

#[test]
fn a_connection_is_used_again_only_if_the_server_would() {
    let keeps = |version: &str, lines: &str| accepted(&format!("HTTP/{version} 200 x\r\n{lines}\r\n\r\n"), Asked::Other).keep_alive;
    assert!(keeps("1.1", "Content-Length: 5") && keeps("1.1", "Transfer-Encoding: chunked"));
    assert!(!keeps("1.1", "X: y"), "a body until the end leaves nothing to use");
    assert!(!keeps("1.1", "Content-Length: 5\r\nConnection: close"));
    assert!(!keeps("1.0", "Content-Length: 5") && keeps("1.0", "Content-Length: 5\r\nConnection: keep-alive"));
}

#[test]
fn interim_responses_precede_the_final_one_and_are_counted() {
    let text = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!";
    let (mut parser, mut at, mut statuses) = (ResponseParser::new(), 0, Vec::new());
    loop {
        let response = parser.parse(&text[at..], Asked::Other, &LIMITS).unwrap().unwrap();
        at += response.bytes;
        statuses.push((response.head.status, response.interim));
        if !response.interim {
            assert_eq!(response.framing, Framing::Length(1));
            break;
        }
    }
    assert_eq!(statuses, [(100, true), (103, true), (200, false)]);
    assert_eq!(&text[at..], b"!");
    let mut parser = ResponseParser::new();
    let answers: Vec<_> = (0..17).map(|_| parser.parse(b"HTTP/1.1 102 x\r\n\r\n", Asked::Other, &LIMITS)).collect();
    assert!(answers[..16].iter().all(Result::is_ok));
    assert_eq!(answers[16], Err(Fault::Interims));
}

#[test]
fn protocols_switch_only_if_asked_to() {
    let text = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    let response = accepted(text, Asked::Upgrade);
    assert!(response.switched && !response.interim && !response.keep_alive);
    assert_eq!(read(text, Asked::Other), Err(Fault::Switched));
    assert!(!accepted("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Asked::Upgrade).switched);
    assert!(accepted("HTTP/1.1 200 OK\r\n\r\n", Asked::Connect).switched);
}

#[test]
fn a_folded_value_is_one_line() {
    let response = accepted("HTTP/1.1 200 OK\r\nX-A: one,\r\n\ttwo\r\n  three\r\nContent-Length:\r\n 5\r\nX-B: y\r\n\r\n", Asked::Other);
    let values: Vec<&[u8]> = response.head.headers.iter().map(|(_, value)| value).collect();
    assert_eq!(values, [&b"one,  \ttwo    three"[..], b"5", b"y"]);
    assert_eq!(response.framing, Framing::Length(5));
    // There is nothing to go on with.
    assert!(read("HTTP/1.1 200 OK\r\n folded: x\r\n\r\n", Asked::Other).is_err());
}
