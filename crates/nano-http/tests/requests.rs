//! Requests, each a vector: what is read, what is refused and with which status. Every vector is given whole and cut at every byte.

use nano_http::h1::{Fault, Framing, Limits, Request, RequestParser, Scheme};

/// Small enough that vectors which exceed them can be read.
const LIMITS: Limits = Limits { target_bytes: 64, head_bytes: 400, headers: 8 };

fn parse(input: &[u8]) -> Result<Option<Request>, Fault> {
    RequestParser::new().parse(input, Scheme::Http, None, &LIMITS)
}

/// The first answer if the bytes come in these steps.
fn stepwise(input: &[u8], ends: impl Iterator<Item = usize>) -> Result<Option<Request>, Fault> {
    let mut parser = RequestParser::new();
    for end in ends {
        match parser.parse(&input[..end], Scheme::Http, None, &LIMITS) {
            Ok(None) => {}
            answer => return answer,
        }
    }
    Ok(None)
}

/// Reads a vector in every way it can be cut into two, and byte by byte: all must agree.
fn read(input: &[u8]) -> Result<Option<Request>, Fault> {
    let whole = parse(input);
    for cut in 0..input.len() {
        assert_eq!(stepwise(input, [cut, input.len()].into_iter()), whole, "cut at {cut}: {}", input.escape_ascii());
    }
    assert_eq!(stepwise(input, 0..=input.len()), whole, "byte by byte: {}", input.escape_ascii());
    whole
}

fn accepted(input: &str) -> Request {
    match read(input.as_bytes()) {
        Ok(Some(request)) => request,
        other => panic!("{input:?}: {other:?}"),
    }
}

fn refused(fault: Fault, inputs: &[&str]) {
    for input in inputs {
        assert_eq!(read(input.as_bytes()), Err(fault), "{input:?}");
    }
}

/// A request with these header lines after a valid `Host`.
fn with(lines: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a.example\r\n{lines}\r\n\r\n")
}

fn refused_headers(fault: Fault, lines: &[&str]) {
    for line in lines {
        assert_eq!(read(with(line).as_bytes()), Err(fault), "{line:?}");
    }
}

#[test]
fn a_request_becomes_a_head_and_what_follows_for_the_connection() {
    let text = "GET /a?b HTTP/1.1\r\nHost: a.example:8080\r\nX-Mixed-Case:  v\t \r\nEmpty:\r\nAccept: */*\r\n\r\nrest";
    let request = accepted(text);
    assert_eq!(request.head.method, "GET");
    assert_eq!(request.head.url, "http://a.example:8080/a?b");
    assert_eq!(request.head.headers.as_flat(), b"host\na.example:8080\nx-mixed-case\nv\nempty\n\naccept\n*/*");
    assert_eq!(request.bytes, text.len() - 4);
    assert_eq!(request.framing, Framing::None);
    assert!(request.keep_alive && !request.expect_continue && !request.websocket && !request.server_wide);
}

#[test]
fn a_parser_reads_one_head_after_the_other() {
    let text = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut parser = RequestParser::new();
    let first = parser.parse(text, Scheme::Https, None, &LIMITS).unwrap().unwrap();
    let second = parser.parse(&text[first.bytes..], Scheme::Https, None, &LIMITS).unwrap().unwrap();
    assert_eq!((first.head.url.as_str(), second.head.url.as_str()), ("https://a/1", "https://a/2"));
    assert_eq!(first.bytes + second.bytes, text.len());
}
