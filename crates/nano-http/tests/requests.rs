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

#[test]
fn request_lines_that_are_none_are_refused() {
    refused(Fault::Tls, &["\u{16}\u{3}\u{1}\u{2}"]);
    refused(
        Fault::Method,
        &[
            " GET / HTTP/1.1\r\n\r\n",
            "G\u{7f}T / HTTP/1.1\r\n\r\n",
            "G(T / HTTP/1.1\r\n",
            "G\tT / HTTP/1.1\r\n",
            "GET\r\n\r\n",
            "\u{0}",
            "get / HTTP/1.1\r\n",
            "loGET / HTTP/1.1\r\n",
        ],
    );
    refused(Fault::MethodTooLong, &[&format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(33))]);
    refused(Fault::NoVersion, &["GET /\r\n", "GET /\r\nHost: a\r\n\r\n"]);
    refused(
        Fault::Version,
        &[
            "GET / \r\n",
            "GET / http/1.1\r\n",
            "GET / HTTP/1.1 \r\n",
            "GET / HTTP/11\r\n",
            "GET / HTTP/1.10\r\n",
            "GET / HTTP/1,1\r\n",
            "GET / HTTPS/1.1\r\n",
        ],
    );
    refused(Fault::UnknownVersion, &["GET / HTTP/1.2\r\n", "GET / HTTP/2.0\r\n", "GET / HTTP/0.9\r\n", "GET / HTTP/3.0\r\n"]);
    refused(Fault::Http2, &["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]);
    refused(Fault::EmptyLines, &["\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"]);
    refused(Fault::BareLineFeed, &["\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\nGET / HTTP/1.1\nHost: a\r\n\r\n"]);
    assert_eq!(accepted("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").bytes, 29);
    // Methods are tokens in capital letters, whatever they mean.
    assert_eq!(accepted("M-!#$%&'*+.^_`|~0 / HTTP/1.1\r\nHost: a\r\n\r\n").head.method, "M-!#$%&'*+.^_`|~0");
}

#[test]
fn targets_are_paths_or_urls_of_this_host() {
    let url = |target: &str, host: &str| accepted(&format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).head.url;
    assert_eq!(url("/", "A.Example"), "http://a.example/");
    assert_eq!(url("/a/../b?'", "a.example:80"), "http://a.example/b?%27");
    assert_eq!(url("//b.example/", "a.example"), "http://a.example//b.example/");
    assert_eq!(url("/\\@b.example/", "a.example"), "http://a.example//@b.example/");
    assert_eq!(url("/", "[::1]:8080"), "http://[::1]:8080/");
    assert_eq!(url("/", "127.0.0.1:1"), "http://127.0.0.1:1/");
    assert_eq!(url("http://a.example/x", "a.example"), "http://a.example/x");
    assert_eq!(url("HTTP://a.example?x", "A.example:80"), "http://a.example/?x");
    let server_wide = accepted("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(server_wide.server_wide && server_wide.head.url == "http://a/");

    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: a.example\r\n\r\n");
    for target in [
        "a",
        "a/b",
        "*",
        "?x",
        "/a b",
        "/a#b",
        "/\u{7f}",
        "/\u{e9}",
        "/\u{1}",
        "/\t",
        "ftp://a.example/",
        "://a.example/",
        "http:///",
        "http://u@a.example/",
        "a.example:80",
    ] {
        refused(Fault::Target, &[&get(target)]);
    }
    refused(
        Fault::Target,
        &["GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "POST * HTTP/1.1\r\nHost: a\r\n\r\n"],
    );
    refused(Fault::HostDiffers, &[&get("http://b.example/"), &get("http://a.example:81/"), &get("http://a.example.b/")]);
    refused(Fault::Misdirected, &[&get("https://a.example/")]);
    refused(Fault::Connect, &["CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"]);
    refused(Fault::TargetTooLong, &[&get(&format!("/{}", "x".repeat(64))), &get(&format!("/{}", "x".repeat(300))), &"GET /xxx".repeat(40)]);
    assert_eq!(accepted(&get(&format!("/{}", "x".repeat(63)))).head.url.len(), "http://a.example/".len() + 63);
}

#[test]
fn there_is_one_host_and_it_is_one() {
    let get = |lines: &str| format!("GET / HTTP/1.1\r\n{lines}\r\n");
    refused(Fault::HostMissing, &[&get(""), &get("X-Host: a\r\n"), "GET / HTTP/1.0\r\n\r\n"]);
    refused(Fault::HostTwice, &[&get("Host: a\r\nHost: a\r\n"), &get("Host: a\r\nhOST: b\r\n")]);
    for host in [
        "",
        "a b",
        "a/b",
        "a?b",
        "a#b",
        "u@a",
        "a\\b",
        "a%2eb",
        "a\u{e9}",
        ":80",
        "a:x",
        "a:65536",
        "[::1",
        "::1",
        "a, b",
        "1.2.3.256",
        "[::1%25lo]",
        "a:1:2",
        "<a>",
        "a|b",
    ] {
        refused(Fault::HostInvalid, &[&get(&format!("Host: {host}\r\n"))]);
    }
    let old = RequestParser::new().parse(b"GET /x HTTP/1.0\r\n\r\n", Scheme::Http, Some("here:8080"), &LIMITS).unwrap().unwrap();
    assert_eq!(old.head.url, "http://here:8080/x");
}

#[test]
fn headers_are_lines_of_their_own() {
    refused_headers(
        Fault::HeaderName,
        &["X : v", "X\t: v", ": v", "X", "X Y: v", "X\u{0}: v", "(X): v", "\u{e9}: v", "Content-Length : 5"],
    );
    refused_headers(Fault::HeaderValue, &["X: a\rb", "X: a\r", "X: a\u{0}b", "X: \u{1}", "X: a\u{7f}", "X: \u{b}chunked"]);
    refused_headers(Fault::BareLineFeed, &["X: a\nY: b", "X: a\n", "X: a\n\n", "\nX: a"]);
    refused_headers(Fault::Folded, &["X: a\r\n b", "X: a\r\n\tb", " X: a", "X: a\r\n "]);
    refused(Fault::Folded, &["GET / HTTP/1.1\r\n Host: a\r\n\r\n"]);
    let values = accepted(&with("X: a\tb\u{e9}\r\nX: c"));
    let all: Vec<_> = values.head.headers.iter().filter(|(name, _)| *name == b"x").map(|(_, value)| value.to_vec()).collect();
    assert_eq!(all, ["a\tb\u{e9}".as_bytes().to_vec(), b"c".to_vec()]);
}

#[test]
fn heads_are_counted_and_weighed() {
    accepted(&with(&["X: 1"; 7].join("\r\n")));
    refused_headers(Fault::TooManyHeaders, &[&["X: 1"; 8].join("\r\n")]);
    let head = |bytes: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(bytes - 32));
    assert_eq!(accepted(&head(400)).bytes, 400);
    refused(Fault::HeadTooLong, &[&head(401), &head(500), &head(700)]);
    // What follows the head is not weighed with it.
    accepted(&(head(400) + &"x".repeat(300)));
    assert_eq!((Fault::TargetTooLong.status(), Fault::HeadTooLong.status(), Fault::TooManyHeaders.status()), (414, 431, 431));
}

#[test]
fn a_body_has_one_framing() {
    let framing = |lines: &str| accepted(&with(lines)).framing;
    assert_eq!(framing("X: 1"), Framing::None);
    assert_eq!(framing("Content-Length: 0"), Framing::None);
    assert_eq!(framing("Content-Length:\t005 "), Framing::Length(5));
    assert_eq!(framing("content-length: 18446744073709551615"), Framing::Length(u64::MAX));
    for chunked in ["chunked", "ChunkeD", "  chunked "] {
        assert_eq!(framing(&format!("Transfer-Encoding: {chunked}")), Framing::Chunked);
    }
    for length in
        ["+5", "-5", "0x5", "5,5", "5, 5", "5 5", "", "5.0", "5a", "18446744073709551616", "000000000000000000000", "\u{ff15}", "five"]
    {
        refused_headers(Fault::LengthInvalid, &[&format!("Content-Length: {length}")]);
    }
    refused_headers(Fault::LengthTwice, &["Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5\r\ncontent-length: 6"]);
    for encoding in [
        "",
        ",",
        "chunked,",
        ",chunked",
        "chunked, chunked",
        "chunked, gzip",
        "gzip",
        "identity",
        "identity, chunked",
        "xchunked x",
        "chunked;q=1",
        "\"chunked\"",
        "chun ked",
        "chunked\r\nTransfer-Encoding: chunked",
        "chunked\r\nTransfer-Encoding: identity",
        "chunked\r\nTransfer-Encoding:",
        "\tchunked",
        "chunked\t",
        " \t chunked \t ",
    ] {
        refused_headers(Fault::EncodingInvalid, &[&format!("Transfer-Encoding: {encoding}")]);
    }
    refused_headers(Fault::EncodingUnknown, &["Transfer-Encoding: gzip, chunked", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"]);
    refused_headers(
        Fault::LengthAndEncoding,
        &[
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 0",
            "Content-Length: 5\r\nTransfer-Encoding: identity",
        ],
    );
    refused(Fault::EncodingTooOld, &["POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"]);
    assert_eq!((Fault::LengthAndEncoding.status(), Fault::EncodingUnknown.status(), Fault::EncodingInvalid.status()), (400, 501, 400));
}

#[test]
fn connections_persist_as_their_version_has_it() {
    let persists = |version: &str, lines: &str| accepted(&format!("GET / HTTP/{version}\r\nHost: a\r\n{lines}\r\n")).keep_alive;
    assert!(persists("1.1", "") && persists("1.1", "Connection: x\r\n"));
    assert!(!persists("1.1", "Connection: Close\r\n") && !persists("1.1", "Connection: keep-alive\r\nConnection: x , close\r\n"));
    assert!(!persists("1.0", "") && persists("1.0", "Connection: Keep-Alive\r\n"));
    assert!(!persists("1.0", "Connection: keep-alive, close\r\n"));
}

#[test]
fn expectations_and_upgrades_are_noted_or_refused() {
    assert!(accepted(&with("Content-Length: 5\r\nExpect: 100-Continue")).expect_continue);
    assert!(!accepted(&with("Expect: 100-continue")).expect_continue);
    assert!(!accepted("POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").expect_continue);
    refused_headers(Fault::Expectation, &["Expect: 200-ok", "Expect:", "Expect: 100-continue, x"]);
    assert_eq!(Fault::Expectation.status(), 417);
    let websocket = |version: &str, lines: &str| accepted(&format!("GET / HTTP/{version}\r\nHost: a\r\n{lines}\r\n\r\n")).websocket;
    assert!(websocket("1.1", "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket"));
    assert!(!websocket("1.1", "Upgrade: websocket") && !websocket("1.1", "Connection: upgrade\r\nUpgrade: h2c"));
    assert!(!websocket("1.0", "Connection: upgrade\r\nUpgrade: websocket"));
    assert!(!websocket("1.1", "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5"));
}

#[test]
fn generated_requests_read_the_same_however_they_are_cut() {
    use nano_base::dice::Dice;
    let mut dice = Dice::new(3);
    let lines = [
        "X-A: 1",
        "Cookie: a=b; c=d",
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Connection: close",
        "Expect: 100-continue",
        "X : y",
        " folded",
        "X: \u{1}",
        "Host: b",
        "Upgrade: websocket",
        "Accept:",
        "Content-Length: 6",
    ];
    let starts = [
        "GET / HTTP/1.1",
        "POST /a?b=c HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "PUT http://a.example/ HTTP/1.1",
        "GET / HTTP/1.0",
        "\r\nGET /x HTTP/1.1",
        "GET /\u{e9} HTTP/1.1",
    ];
    let (mut read, mut refused) = (0, 0);
    for _ in 0..3_000 {
        let mut text = format!("{}\r\nHost: a.example\r\n", starts[dice.roll() as usize % starts.len()]);
        for _ in 0..dice.roll() % 4 {
            text += lines[dice.roll() as usize % lines.len()];
            text += if dice.roll().is_multiple_of(40) { "\n" } else { "\r\n" };
        }
        text += "\r\nrest";
        let whole = parse(text.as_bytes());
        let mut ends: Vec<usize> = (0..dice.roll() % 7).map(|_| dice.roll() as usize % text.len()).collect();
        ends.sort_unstable();
        ends.push(text.len());
        assert_eq!(stepwise(text.as_bytes(), ends.into_iter()), whole, "{text:?}");
        if whole.is_ok() { read += 1 } else { refused += 1 }
    }
    assert!(read > 500 && refused > 500, "{read} read, {refused} refused");
}

#[test]
fn what_was_looked_at_is_not_looked_at_again_until_the_head_is_whole() {
    let mut input = b"GET / HTTP/1.1\r\nHost: a\r\nX: 123456789\r\nY: 123456789".to_vec();
    let mut parser = RequestParser::new();
    assert_eq!(parser.parse(&input, Scheme::Http, None, &LIMITS), Ok(None));
    // Nobody changes what was read; it shows who looks.
    input[30] = b'\n';
    input[50] = b'\n';
    input.extend_from_slice(b"0");
    assert_eq!(parser.parse(&input, Scheme::Http, None, &LIMITS), Ok(None));
    assert_eq!(parse(&input), Err(Fault::BareLineFeed));
}
