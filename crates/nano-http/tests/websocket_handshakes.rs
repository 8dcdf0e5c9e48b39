//! Opening handshakes: what is asked, what is given, and what both agree on.

use nano_base::http::{Headers, RequestHead};
use nano_http::h1::{self, Asked, Call, Content, RequestParser, ResponseParser, Scheme, write_request_head, write_switch_head};
use nano_http::ws::*;

fn request(pairs: &[(&str, &str)]) -> RequestHead {
    let mut headers = Headers::new();
    for (name, value) in pairs {
        assert!(headers.push(name.as_bytes(), value.as_bytes()));
    }
    RequestHead { method: "GET".into(), url: "http://a/".into(), headers }
}

const GOOD: [(&str, &str); 4] = [
    ("connection", "keep-alive, Upgrade"),
    ("upgrade", "WebSocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

fn opening(more: &[(&str, &str)]) -> Result<Opening, Refused> {
    Opening::read(&request(&[&GOOD[..], more].concat()))
}

fn accepted(opening: &Opening, protocol: Option<&str>, wish: Option<&Deflate>) -> (String, Agreed) {
    let (head, agreed) = opening.accept(&Headers::new(), protocol, wish).unwrap();
    let mut out = Vec::new();
    write_switch_head(&mut out, &head);
    (String::from_utf8(out).unwrap(), agreed)
}

#[test]
fn the_example_of_the_rfc_is_answered() {
    let opening = opening(&[("sec-websocket-protocol", "chat, superchat")]).unwrap();
    assert_eq!(opening.protocols, ["chat", "superchat"]);
    let (text, agreed) = accepted(&opening, Some("chat"), None);
    assert_eq!(
        text,
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nsec-websocket-protocol: chat\r\n\r\n"
    );
    assert_eq!(agreed, Agreed { protocol: Some("chat".into()), deflate: None });
}

#[test]
fn an_app_adds_headers_but_none_of_the_handshake() {
    let app = request(&[
        ("Set-Cookie", "a=b"),
        ("Sec-WebSocket-Accept", "x"),
        ("Upgrade", "x"),
        ("Content-Length", "5"),
        ("Sec-WebSocket-Protocol", "x"),
    ])
    .headers;
    let (head, _) = opening(&[]).unwrap().accept(&app, None, None).unwrap();
    let mut out = Vec::new();
    write_switch_head(&mut out, &head);
    let text = String::from_utf8(out).unwrap();
    assert!(text.ends_with("=\r\nset-cookie: a=b\r\n\r\n"), "{text}");
    assert!(opening(&[]).unwrap().accept(&app, Some("chat"), None).is_err(), "a protocol that was not offered");
    assert!(opening(&[]).unwrap().accept(&Headers::from_flat(b"x\na\rb".to_vec()), None, None).is_err());
    assert!(opening(&[]).unwrap().accept(&Headers::from_flat(b"x\na\ny".to_vec()), None, None).is_err());
}

#[test]
fn requests_that_ask_wrongly_are_refused() {
    let without = |name: &str| Opening::read(&request(&GOOD.into_iter().filter(|pair| pair.0 != name).collect::<Vec<_>>()));
    assert_eq!(without("connection"), Err(Refused::Upgrade));
    assert_eq!(without("upgrade"), Err(Refused::Upgrade));
    assert_eq!(without("sec-websocket-version"), Err(Refused::Version));
    assert_eq!(without("sec-websocket-key"), Err(Refused::Key));
    let mut post = request(&GOOD);
    post.method = "POST".into();
    assert_eq!(Opening::read(&post), Err(Refused::Method));
    let with = |name: &str, value: &str| {
        let pairs: Vec<_> = GOOD.into_iter().map(|pair| if pair.0 == name { (pair.0, value) } else { pair }).collect();
        Opening::read(&request(&pairs))
    };
    for version in ["8", "12", "14", "013", "13, 8", ""] {
        assert_eq!(with("sec-websocket-version", version), Err(Refused::Version), "{version}");
    }
    for key in [
        "",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZR==",
        "dGhlIHNhbXBsZSBub25j",
        "dGhlIHNhbXBsZSBub25jZQQ==",
        "dGhlIHNhbXBsZSBub25-ZQ==",
    ] {
        assert_eq!(with("sec-websocket-key", key), Err(Refused::Key), "{key}");
    }
    assert_eq!(opening(&[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")]), Err(Refused::Key));
    assert_eq!(opening(&[("sec-websocket-version", "13")]), Err(Refused::Version));
    for (name, value) in [("content-length", "5"), ("content-length", "x"), ("transfer-encoding", "chunked")] {
        assert_eq!(opening(&[(name, value)]), Err(Refused::Body), "{name}: {value}");
    }
    assert!(opening(&[("content-length", "0")]).is_ok());
    for protocols in ["a, a", "a b", ",", "a,", "a/b"] {
        assert_eq!(opening(&[("sec-websocket-protocol", protocols)]), Err(Refused::Protocol), "{protocols}");
    }
    for extensions in ["permessage-deflate; \"", "a b", "a; b=\"c d\"", "; a", "a;", "a; =b", "a; b="] {
        assert_eq!(opening(&[("sec-websocket-extensions", extensions)]), Err(Refused::Extensions), "{extensions}");
    }
    assert_eq!((Refused::Version.status(), Refused::Key.status(), Refused::Method.status()), (426, 400, 405));
}

#[test]
fn compression_is_agreed_on_with_all_its_parameters() {
    let all = Deflate {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: 15,
        client_max_window_bits: 15,
    };
    let answer = |offer: &str, wish: &Deflate| {
        let (text, agreed) = accepted(&opening(&[("sec-websocket-extensions", offer)]).unwrap(), None, Some(wish));
        let line = text.lines().find_map(|line| line.strip_prefix("sec-websocket-extensions: ")).map(str::to_owned);
        assert_eq!(line.is_some(), agreed.deflate.is_some());
        (line.unwrap_or_default(), agreed.deflate)
    };
    assert_eq!(answer("permessage-deflate", &all), ("permessage-deflate".into(), Some(all)));
    assert_eq!(
        answer("permessage-deflate; client_max_window_bits", &Deflate::default()).0,
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    );
    let small = Deflate { server_max_window_bits: 10, client_max_window_bits: 11, ..all };
    assert_eq!(
        answer("permessage-deflate", &small),
        ("permessage-deflate; server_max_window_bits=10".into(), Some(Deflate { client_max_window_bits: 15, ..small }))
    );
    assert_eq!(
        answer("permessage-deflate; client_max_window_bits", &small).0,
        "permessage-deflate; server_max_window_bits=10; client_max_window_bits=11"
    );
    assert_eq!(
        answer("permessage-deflate; client_max_window_bits=9; server_max_window_bits=\"12\"", &all).0,
        "permessage-deflate; server_max_window_bits=12; client_max_window_bits=9"
    );
    assert_eq!(
        answer("Permessage-Deflate; server_no_context_takeover ;client_no_context_takeover", &all).0,
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    );
    // What cannot be met is passed over for the next offer, and for none.
    assert_eq!(
        answer("x-other, permessage-deflate; y, permessage-deflate; server_max_window_bits=9", &all).0,
        "permessage-deflate; server_max_window_bits=9"
    );
    for bad in [
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=08",
        "server_max_window_bits=+9",
        "client_max_window_bits=7",
        "client_max_window_bits=1x",
        "server_no_context_takeover=1",
        "client_no_context_takeover=x",
        "server_no_context_takeover; server_no_context_takeover",
        "client_max_window_bits; client_max_window_bits=9",
        "unknown",
    ] {
        assert_eq!(answer(&format!("permessage-deflate; {bad}"), &all), (String::new(), None), "{bad}");
    }
    assert_eq!(accepted(&opening(&[("sec-websocket-extensions", "permessage-deflate")]).unwrap(), None, None).1.deflate, None);
}

/// Sends a client's request through `h1` to a server, and its answer back.
fn meet(names: &[&str], offer: Option<&Offer>, chosen: Option<&str>, wish: Option<&Deflate>) -> (Agreed, Agreed) {
    let key = *b"the sample nonce";
    let head = RequestHead { method: "GET".into(), url: String::new(), headers: client_headers(key, names, offer).unwrap() };
    let mut wire = Vec::new();
    let call = Call { target: "/chat", host: "a", content: Content::None, keep_alive: true, upgrade: Some("websocket") };
    write_request_head(&mut wire, &head, &call).unwrap();
    let request = RequestParser::new().parse(&wire, Scheme::Http, None, &h1::Limits::default()).unwrap().unwrap();
    assert!(request.websocket);
    let (answer, given) = Opening::read(&request.head).unwrap().accept(&Headers::new(), chosen, wish).unwrap();
    let mut back = Vec::new();
    write_switch_head(&mut back, &answer);
    let response = ResponseParser::new().parse(&back, Asked::Upgrade, &h1::Limits::default()).unwrap().unwrap();
    assert!(response.switched && response.bytes == back.len());
    (given, check_response(&response.head, key, names, offer).unwrap())
}

#[test]
fn both_sides_agree_on_the_same() {
    let offers = [
        Offer::default(),
        Offer { client_max_window_bits: Some(None), ..Offer::default() },
        Offer {
            server_no_context_takeover: true,
            server_max_window_bits: Some(10),
            client_max_window_bits: Some(Some(12)),
            ..Offer::default()
        },
        Offer { client_no_context_takeover: true, ..Offer::default() },
    ];
    let wishes = [
        Deflate::default(),
        Deflate {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: 9,
            client_max_window_bits: 9,
        },
    ];
    for offer in &offers {
        for wish in &wishes {
            let (given, taken) = meet(&["b", "a"], Some(offer), Some("a"), Some(wish));
            assert_eq!(given, taken);
            assert!(given.deflate.is_some() && given.protocol.as_deref() == Some("a"));
        }
    }
    assert_eq!(meet(&[], None, None, None), meet(&["a"], Some(&offers[0]), None, None));
    assert!(client_headers([0; 16], &["a", "a"], None).is_none() && client_headers([0; 16], &["a, b"], None).is_none());
    assert!(client_headers([0; 16], &[""], None).is_none());
}

#[test]
fn answers_to_something_else_are_refused() {
    let key = *b"the sample nonce";
    let offer = Offer { server_no_context_takeover: true, client_max_window_bits: Some(Some(10)), ..Offer::default() };
    let check = |status: u16, pairs: &[(&str, &str)]| {
        let headers = request(pairs).headers;
        check_response(&nano_base::http::ResponseHead { status, status_text: String::new(), headers }, key, &["a", "b"], Some(&offer))
            .map(|_| ())
    };
    let good = [("connection", "Upgrade"), ("upgrade", "WebSocket"), ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")];
    let with = |pair: (&'static str, &'static str)| [&good[..], &[pair]].concat();
    assert_eq!(check(101, &good), Ok(()));
    assert_eq!(check(200, &good), Err(Mismatch::Status));
    assert_eq!(check(101, &good[1..]), Err(Mismatch::Upgrade));
    assert_eq!(check(101, &[good[0], ("upgrade", "h2c"), good[2]]), Err(Mismatch::Upgrade));
    assert_eq!(check(101, &good[..2]), Err(Mismatch::Accept));
    assert_eq!(check(101, &[good[0], good[1], ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOO=")]), Err(Mismatch::Accept));
    assert_eq!(check(101, &with(("sec-websocket-protocol", "b"))), Ok(()));
    for protocol in ["c", "a, b", ""] {
        assert_eq!(check(101, &with(("sec-websocket-protocol", protocol))), Err(Mismatch::Protocol), "{protocol}");
    }
    assert_eq!(
        check(101, &with(("sec-websocket-extensions", "permessage-deflate; server_no_context_takeover; client_max_window_bits=10"))),
        Ok(())
    );
    // It keeps its context all the same: that costs memory here, and no more.
    assert_eq!(check(101, &with(("sec-websocket-extensions", "permessage-deflate"))), Ok(()));
    for extensions in [
        "permessage-deflate; server_no_context_takeover; client_max_window_bits=11",
        "permessage-deflate; server_no_context_takeover; client_max_window_bits",
        "permessage-deflate; server_no_context_takeover; x",
        "permessage-deflate; server_no_context_takeover, permessage-deflate; server_no_context_takeover",
        "x-other",
    ] {
        assert_eq!(check(101, &with(("sec-websocket-extensions", extensions))), Err(Mismatch::Extensions), "{extensions}");
    }
    let headers = request(&with(("sec-websocket-extensions", "permessage-deflate"))).headers;
    let head = nano_base::http::ResponseHead { status: 101, status_text: String::new(), headers };
    assert_eq!(check_response(&head, key, &[], None), Err(Mismatch::Extensions));
}
