//! The other side, by hand: frames as they are written, and what comes of them.

use nano_http::h1::{self, Scheme};
use nano_http::h2::{Code, Connection, Event, Fault, Limits, PREFACE, Request, hpack};

/// Small enough that vectors which exceed them can be read.
pub const LIMITS: Limits = Limits { head: h1::Limits { target_bytes: 64, head_bytes: 2_000, headers: 8 }, streams: 4 };

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RESET: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH: u8 = 5;
pub const PING: u8 = 6;
pub const AWAY: u8 = 7;
pub const WINDOW: u8 = 8;
pub const CONTINUATION: u8 = 9;
pub const END: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PADDED: u8 = 8;

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Fields without a table.
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        hpack::field(name.as_bytes(), value.as_bytes(), &mut block);
    }
    block
}

pub const GET: [(&str, &str); 4] = [(":method", "GET"), (":scheme", "http"), (":authority", "a.test"), (":path", "/")];
pub const POST: [(&str, &str); 4] = [(":method", "POST"), (":scheme", "http"), (":authority", "a.test"), (":path", "/")];

/// What a client begins with.
pub fn hello() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

pub fn get(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END, stream, &block(&GET))
}

pub fn post(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &block(&POST))
}

pub fn with(stream: u32, more: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &block(&[&GET[..], more].concat()))
}

/// What was told, with pieces of one body as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Request(u32, Box<Request>),
    Refused(u32, h1::Fault),
    Response(u32, u16),
    Data(u32, Vec<u8>),
    End(u32),
    Reset(u32, Code),
    Away(u32, Code),
    Pong,
}

pub fn take(http: &mut Connection, mut input: &[u8], told: &mut Vec<Told>) -> Result<(), Fault> {
    while let Some(event) = http.receive(&mut input)? {
        let next = match event {
            Event::Request(id, request) => Told::Request(id, request),
            Event::Refused(id, fault) => Told::Refused(id, fault),
            Event::Response(id, head) => Told::Response(id, head.status),
            Event::Data(id, bytes) => match told.last_mut() {
                Some(Told::Data(before, all)) if *before == id => {
                    all.extend_from_slice(bytes);
                    continue;
                }
                _ => Told::Data(id, bytes.to_vec()),
            },
            Event::End(id) => Told::End(id),
            Event::Reset(id, code) => Told::Reset(id, code),
            Event::Away(last, code) => Told::Away(last, code),
            Event::Pong => Told::Pong,
        };
        told.push(next);
    }
    assert!(input.is_empty(), "all of it is taken");
    Ok(())
}

/// What came of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub told: Vec<Told>,
    pub fault: Option<Code>,
    pub output: Vec<u8>,
}

impl Outcome {
    /// The frames that were written: kind, flags, stream, payload.
    pub fn frames(&self) -> Vec<(u8, u8, u32, Vec<u8>)> {
        frames(&self.output)
    }

    /// Streams that were reset, and why.
    pub fn resets(&self) -> Vec<(u32, u32)> {
        let is_reset = |(kind, _, stream, payload): &(u8, u8, u32, Vec<u8>)| (*kind == RESET).then(|| (*stream, u32::from(payload[3])));
        self.frames().iter().filter_map(is_reset).collect()
    }
}

pub fn frames(output: &[u8]) -> Vec<(u8, u8, u32, Vec<u8>)> {
    let mut rest = output.strip_prefix(PREFACE).unwrap_or(output);
    let mut frames = Vec::new();
    while let [a, b, c, kind, flags, d, e, f, g, after @ ..] = rest {
        let (payload, next) = after.split_at(u32::from_be_bytes([0, *a, *b, *c]) as usize);
        frames.push((*kind, *flags, u32::from_be_bytes([*d, *e, *f, *g]), payload.to_vec()));
        rest = next;
    }
    assert!(rest.is_empty());
    frames
}

fn once(input: &[u8], ends: impl Iterator<Item = usize>) -> Outcome {
    let mut http = Connection::server(Scheme::Http, LIMITS);
    let (mut told, mut at, mut fault) = (Vec::new(), 0, None);
    for end in ends {
        if let Err(why) = take(&mut http, &input[at..end], &mut told) {
            fault = Some(why.code);
            break;
        }
        at = end;
    }
    Outcome { told, fault, output: std::mem::take(http.output()) }
}

/// Gives a server what a client says after its first words, in every way it can be cut.
pub fn serve(parts: &[Vec<u8>]) -> Outcome {
    let input = [&[hello()], parts].concat().concat();
    let whole = once(&input, [input.len()].into_iter());
    if input.len() < 5_000 {
        for cut in 0..input.len() {
            assert_eq!(once(&input, [cut, input.len()].into_iter()), whole, "cut at {cut}");
        }
    }
    assert_eq!(once(&input, 0..=input.len()), whole, "byte by byte");
    whole
}

/// The connection ends with this code.
pub fn ends(code: Code, parts: &[Vec<u8>]) {
    let outcome = serve(parts);
    assert_eq!(outcome.fault, Some(code), "{outcome:?}");
    let (kind, _, _, payload) = outcome.frames().pop().unwrap();
    assert!(kind == AWAY && payload[4..8] == code.0.to_be_bytes(), "the client is told why");
}

/// Only the stream ends with this code, and the next one is served.
pub fn resets(code: Code, parts: &[Vec<u8>]) {
    let outcome = serve(&[parts, &[get(99)]].concat());
    assert_eq!(outcome.fault, None, "{outcome:?}");
    assert_eq!(outcome.resets(), [(1, code.0)], "{outcome:?}");
    assert!(matches!(outcome.told.last(), Some(Told::End(99)) | Some(Told::Request(99, _))), "{outcome:?}");
}
