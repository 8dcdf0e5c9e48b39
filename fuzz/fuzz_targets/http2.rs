//! Any bytes at all are frames, or a fault, and are so however they are cut; what is answered fits the windows; header fields that are written
//! are read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nano_base::http::{Headers, RequestHead, ResponseHead};
use nano_http::h1::{self, Content, Scheme};
use nano_http::h2::{Connection, Event, Fault, Limits, PREFACE, Target, hpack};

const LIMITS: Limits = Limits { head: h1::Limits { target_bytes: 50, head_bytes: 200, headers: 6 }, streams: 3 };
/// SETTINGS without any, which either side begins with.
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

fuzz_target!(|input: &[u8]| {
    let [cut, input @ ..] = input else { return };
    let cut = usize::from(*cut).min(input.len());
    let ways = [&[input.len()][..], &[cut, input.len()], &Vec::from_iter(0..=input.len())];
    for is_server in [true, false] {
        let outcomes = ways.map(|ends| outcome(is_server, input, ends));
        assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]));
    }
    fields(input, cut);
});

fn outcome(is_server: bool, input: &[u8], ends: &[usize]) -> (Vec<String>, Option<Fault>, Vec<u8>) {
    let mut http = if is_server { Connection::server(Scheme::Http, LIMITS) } else { Connection::client(Scheme::Http, LIMITS) };
    let mut told = Vec::new();
    if is_server {
        take(&mut http, PREFACE, &mut told).expect("the preface");
    }
    take(&mut http, &SETTINGS, &mut told).expect("settings");
    if !is_server {
        let head = RequestHead { method: "GET".into(), ..RequestHead::default() };
        let to = Target { path: "/", authority: "a", scheme: "http" };
        for content in [Content::None, Content::Stream] {
            http.request(&head, &to, content).expect("a request");
        }
    }
    let mut at = 0;
    for end in ends {
        if let Err(fault) = take(&mut http, &input[at..*end], &mut told) {
            return (told, Some(fault), std::mem::take(http.output()));
        }
        at = *end;
    }
    (told, None, std::mem::take(http.output()))
}

fn take(http: &mut Connection, mut input: &[u8], told: &mut Vec<String>) -> Result<(), Fault> {
    loop {
        let Some(event) = http.receive(&mut input)? else { break };
        let next = match event {
            // Pieces of a body are one, however they came.
            Event::Data(id, bytes) => {
                http.credit(id, bytes.len());
                let start = format!("data {id} ");
                let text = format!("{bytes:?}");
                match told.last_mut().filter(|last| last.starts_with(&start)) {
                    Some(last) => {
                        last.push_str(&text);
                        *last = last.replace("][", ", ");
                        continue;
                    }
                    None => start + &text,
                }
            }
            Event::Request(id, request) => {
                let mut headers = Headers::new();
                assert!(headers.push(b"x-url", request.head.url.as_bytes()));
                let head = ResponseHead { status: 200, status_text: String::new(), headers };
                let text = format!("{request:?}");
                if http.respond(id, &head, Content::Stream, None).expect("a response") {
                    let room = http.room(id);
                    assert!(http.send(id, text.as_bytes(), request.ends) <= room);
                }
                text
            }
            other => format!("{other:?}"),
        };
        told.push(next);
        assert!(http.streams() <= LIMITS.streams as usize);
    }
    assert!(input.is_empty());
    Ok(())
}

#[derive(Default)]
struct List(Vec<(Vec<u8>, Vec<u8>)>);

impl hpack::Fields for List {
    fn take(&mut self, name: &[u8], value: &[u8]) {
        self.0.push((name.to_vec(), value.to_vec()));
    }
}

fn fields(input: &[u8], cut: usize) {
    let (name, value) = input.split_at(cut);
    let mut block = Vec::new();
    hpack::field(name, value, &mut block);
    hpack::field(b"x", value, &mut block);
    let mut list = List::default();
    assert!(hpack::Decoder::new(4_096).decode(&block, usize::MAX, &mut list).is_ok());
    assert_eq!(list.0, [(name.to_vec(), value.to_vec()), (b"x".to_vec(), value.to_vec())]);
    // Any block is read or refused, and holds no more than it may.
    let _ = hpack::Decoder::new(100).decode(input, 300, &mut List::default());
}
