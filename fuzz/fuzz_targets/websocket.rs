//! Any bytes at all are frames or a violation, the same however they are cut; messages stay within their limit, and can be sent on.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nano_base::http::{Headers, RequestHead};
use nano_http::ws::{Deflate, Event, Limits, Opening, Received, Role, Socket, Violation};

const LIMITS: Limits = Limits { message_bytes: 5_000, fragments: 8 };

fuzz_target!(|input: &[u8]| {
    let [flags, cut, input @ ..] = input else { return };
    let cut = usize::from(*cut).min(input.len());
    let role = if flags & 1 == 0 { Role::Client } else { Role::Server };
    let keep = flags & 4 == 0;
    let deflate = (flags & 2 == 0).then(|| Deflate {
        server_no_context_takeover: !keep,
        client_no_context_takeover: !keep,
        server_max_window_bits: 8 + (flags >> 5),
        client_max_window_bits: 15 - (flags >> 5),
    });
    let whole = read(role, deflate, input, &[input.len()]);
    assert_eq!(whole, read(role, deflate, input, &[cut, input.len()]));
    assert_eq!(whole, read(role, deflate, input, &Vec::from_iter(0..=input.len())));

    // What was said can be said again, by the other side to this one.
    let other = if role == Role::Client { Role::Server } else { Role::Client };
    let (mut sender, mut wire) = (Socket::new(other, LIMITS, deflate), Vec::new());
    let mask = [*flags, 1, 2, 3];
    for event in &whole.0 {
        let said = match event {
            Event::Text(bytes) => sender.text(&mut wire, std::str::from_utf8(bytes).expect("text is UTF-8"), true, mask),
            Event::Binary(bytes) => sender.binary(&mut wire, bytes, true, mask),
            Event::Ping(bytes) => sender.ping(&mut wire, bytes, mask),
            Event::Pong(bytes) => sender.pong(&mut wire, bytes, mask),
            Event::Close(said) => sender.close(&mut wire, said.as_ref().map(|(code, reason)| (*code, reason.as_str())), mask),
        };
        said.expect("what was read can be written");
        if let Event::Text(bytes) | Event::Binary(bytes) = event {
            assert!(bytes.len() <= LIMITS.message_bytes);
        }
    }
    assert_eq!(read(role, deflate, &wire, &[wire.len()]), (whole.0, None));

    // The same bytes as the header in which extensions are offered.
    let mut headers = Headers::new();
    let own: [(&[u8], &[u8]); 5] = [
        (b"connection", b"upgrade"),
        (b"upgrade", b"websocket"),
        (b"sec-websocket-version", b"13"),
        (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        (b"sec-websocket-extensions", input),
    ];
    if own.iter().all(|(name, value)| headers.push(name, value)) {
        let head = RequestHead { method: "GET".into(), url: "http://a/".into(), headers };
        if let Ok(opening) = Opening::read(&head) {
            let (_, agreed) = opening.accept(&Headers::new(), None, Some(&Deflate::default())).expect("an offer is answered");
            assert_eq!(agreed.deflate.is_some(), !opening.offers.is_empty());
        }
    }
});

fn read(role: Role, deflate: Option<Deflate>, input: &[u8], ends: &[usize]) -> (Vec<Event>, Option<Violation>) {
    let mut socket = Socket::new(role, LIMITS, deflate);
    let (mut events, mut at) = (Vec::new(), 0);
    for end in ends {
        while at < *end {
            match socket.receive(&input[at..*end]) {
                Ok(Received { consumed, event }) => {
                    at += consumed;
                    events.extend(event);
                }
                Err(violation) => return (events, Some(violation)),
            }
        }
    }
    (events, None)
}
