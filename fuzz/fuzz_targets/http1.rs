//! Any bytes at all are a head and a body, or refused, and are so however they are cut; what is read can be written, and reads the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nano_http::h1::{
    Asked, BodyDecoder, Call, Content, Fault, Framing, Limits, Request, RequestParser, Response, ResponseParser, Scheme, write_request_head,
};

const LIMITS: Limits = Limits { target_bytes: 100, head_bytes: 300, headers: 10 };

fuzz_target!(|input: &[u8]| {
    let [cut, input @ ..] = input else { return };
    let cut = usize::from(*cut).min(input.len());
    let ways = [&[input.len()][..], &[cut, input.len()], &Vec::from_iter(0..=input.len())];

    let requests = ways.map(|ends| request(input, ends));
    assert!(requests.iter().all(|read| *read == requests[0]));
    if let Ok(Some(request)) = &requests[0] {
        body(request.framing, &input[request.bytes..], cut);
        again(request);
    }

    let asked = [Asked::Other, Asked::Head, Asked::Connect, Asked::Upgrade][cut % 4];
    let responses = ways.map(|ends| response(input, ends, asked));
    assert!(responses.iter().all(|read| *read == responses[0]));
    if let Ok(Some(response)) = &responses[0] {
        assert!(response.head.status >= 100 && !response.head.status_text.contains(['\r', '\n', '\0']));
        body(response.framing, &input[response.bytes..], cut);
    }

    // Chunks are deeper than heads: they have a way of their own.
    body(Framing::Chunked, input, cut);
});

fn request(input: &[u8], ends: &[usize]) -> Result<Option<Request>, Fault> {
    let mut parser = RequestParser::new();
    for end in ends {
        match parser.parse(&input[..*end], Scheme::Http, Some("here"), &LIMITS) {
            Ok(None) => {}
            read => return read,
        }
    }
    Ok(None)
}

fn response(input: &[u8], ends: &[usize], asked: Asked) -> Result<Option<Response>, Fault> {
    let mut parser = ResponseParser::new();
    for end in ends {
        match parser.parse(&input[..*end], asked, &LIMITS) {
            Ok(None) => {}
            read => return read,
        }
    }
    Ok(None)
}

fn body(framing: Framing, input: &[u8], cut: usize) {
    let cut = cut.min(input.len());
    assert_eq!(taken(framing, input, &[input.len()]), taken(framing, input, &[cut, input.len()]));
}

fn taken(framing: Framing, input: &[u8], ends: &[usize]) -> Result<(Vec<u8>, usize, bool), Fault> {
    let mut decoder = BodyDecoder::new(framing);
    let (mut body, mut at) = (Vec::new(), 0);
    for end in ends {
        loop {
            let step = decoder.decode(&input[at..*end])?;
            at += step.consumed;
            body.extend_from_slice(step.data);
            if step.done {
                return Ok((body, at, true));
            }
            if step.data.is_empty() {
                assert_eq!(at, *end);
                break;
            }
        }
    }
    Ok((body, at, false))
}

/// A request that was read goes on to another server with the same meaning.
fn again(request: &Request) {
    let url = nano_base::url::Url::parse(&request.head.url, None).expect("the URL of a request is one");
    assert_eq!(url.href(), request.head.url, "and written as URLs are");
    let content = match request.framing {
        Framing::None => Content::None,
        Framing::Length(length) => Content::Length(length),
        Framing::Chunked => Content::Stream,
        Framing::UntilClose => unreachable!("requests have an end"),
    };
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let (target, host) = (format!("{}{query}", url.path()), url.host());
    let call = Call { target: &target, host: &host, content, keep_alive: request.keep_alive, upgrade: None };
    let mut wire = Vec::new();
    write_request_head(&mut wire, &request.head, &call).expect("what was read can be written");
    let limits = Limits { target_bytes: 2_000, head_bytes: 4_000, headers: 20 };
    let read = RequestParser::new().parse(&wire, Scheme::Http, None, &limits);
    let read = read.expect("what was written is valid").expect("and whole");
    assert_eq!((read.bytes, &read.head.method, &read.head.url), (wire.len(), &request.head.method, &request.head.url));
    assert_eq!((read.framing, read.keep_alive), (request.framing, request.keep_alive));
}
