//! What attacks live on: work for us that costs the other side nothing, and states that should not be.

use nano_base::http::ResponseHead;
use nano_base::limits::{H2_CONNECTION_WINDOW_BYTES, H2_PATIENCE, H2_STREAM_WINDOW_BYTES};
use nano_http::h1::{Content, Fault, Scheme};
use nano_http::h2::{Code, Connection};

use crate::peer::*;

const MANY: usize = H2_PATIENCE as usize + 10;

#[test]
fn streams_that_are_begun_and_reset_again_and_again_end_the_connection() {
    let rapid: Vec<_> = (0..MANY as u32 / 5).flat_map(|n| [get(2 * n + 1), frame(RESET, 0, 2 * n + 1, &[0, 0, 0, 8])]).collect();
    ends(Code::CALM, &rapid);
    let few: Vec<_> = (0..20).flat_map(|n| [get(2 * n + 1), frame(RESET, 0, 2 * n + 1, &[0, 0, 0, 8])]).collect();
    assert_eq!(serve(&few).fault, None);
}

#[test]
fn streams_that_we_are_made_to_reset_count_the_same() {
    for wrong in
        [frame(WINDOW, 0, 1, &[0, 0, 0, 0]), frame(WINDOW, 0, 1, &[0x7f, 0xff, 0xff, 0xff]), frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 0])]
    {
        let made: Vec<_> = (0..MANY as u32 / 5)
            .flat_map(|n| {
                let mut wrong = wrong.clone();
                wrong[5..9].copy_from_slice(&(2 * n + 1).to_be_bytes());
                if wrong[3] == PRIORITY {
                    wrong[9..13].copy_from_slice(&(2 * n + 1).to_be_bytes());
                }
                [get(2 * n + 1), wrong]
            })
            .collect();
        ends(Code::CALM, &made);
    }
    let late: Vec<_> = (0..MANY as u32 / 5).flat_map(|n| [get(2 * n + 1), frame(DATA, 0, 2 * n + 1, b"x")]).collect();
    ends(Code::CALM, &late);
}

#[test]
fn more_streams_than_allowed_are_refused_and_not_begun() {
    let outcome = serve(&[get(1), get(3), get(5), get(7), get(9)]);
    assert_eq!(outcome.resets(), [(9, Code::REFUSED.0)]);
    assert_eq!(outcome.told.len(), 4);
    ends(Code::CALM, &(0..MANY as u32 + 4).map(|n| get(2 * n + 1)).collect::<Vec<_>>());
}

#[test]
fn a_header_block_without_end_ends_the_connection() {
    let long = frame(CONTINUATION, 0, 1, &[0; 500]);
    let begun = frame(HEADERS, 0, 1, &block(&GET));
    ends(Code::CALM, &[vec![begun.clone()], vec![long; 5]].concat());
    ends(Code::CALM, &[vec![begun], vec![frame(CONTINUATION, 0, 1, &[]); MANY]].concat());
}

#[test]
fn a_header_block_may_be_cut_but_not_interrupted() {
    let whole = block(&GET);
    let outcome = serve(&[
        frame(HEADERS, END, 1, &whole[..2]),
        frame(CONTINUATION, 0, 1, &[]),
        frame(CONTINUATION, 0, 1, &whole[2..3]),
        frame(CONTINUATION, END_HEADERS, 1, &whole[3..]),
    ]);
    assert!(matches!(&outcome.told[..], [Told::Request(1, request)] if request.ends), "{outcome:?}");
    let begun = frame(HEADERS, END, 1, &whole[..2]);
    for other in [
        frame(CONTINUATION, END_HEADERS, 3, &whole[2..]),
        frame(PING, 0, 0, &[0; 8]),
        frame(DATA, 0, 1, &[]),
        frame(0x77, 0, 0, &[]),
        get(3),
    ] {
        ends(Code::PROTOCOL, &[begun.clone(), other]);
    }
    ends(Code::PROTOCOL, &[frame(CONTINUATION, END_HEADERS, 1, &whole)]);
}

#[test]
fn small_blocks_that_grow_are_cut_off_where_the_limit_is() {
    // A field of 1,000 bytes goes into the table, and then stands in the list again and again, a byte each time.
    let mut bomb = block(&GET);
    bomb.extend_from_slice(&[0x40, 1, b'x', 0x7f, 0xe9, 0x06]);
    bomb.extend_from_slice(&[b'y'; 1_000]);
    bomb.extend_from_slice(&[0xbe; 12]);
    let outcome = serve(&[frame(HEADERS, END_HEADERS | END, 1, &bomb), get(3)]);
    assert_eq!(outcome.told[0], Told::Refused(1, Fault::HeadTooLong));
    assert!(matches!(outcome.told[1], Told::Request(3, _)), "the tables are still the same");
}

/// A field whose name of 1,000 bytes goes into the table, where it is the newest.
fn long_name() -> Vec<u8> {
    [&[0x40, 0x7f, 0xe9, 0x06][..], &[b'y'; 1_000], &[0]].concat()
}

/// That field itself, and others of its name: one goes into the table, one does not.
const OF_THAT_NAME: [&[u8]; 3] = [&[0xbe], &[0x7e, 0], &[0x0f, 0x2f, 0]];

#[test]
fn blocks_that_grow_far_beyond_the_limit_end_the_connection() {
    for field in OF_THAT_NAME {
        let long = [block(&GET), long_name(), field.repeat(20)].concat();
        ends(Code::CALM, &[frame(HEADERS, END_HEADERS | END, 1, &long)]);
    }
}

#[test]
fn many_blocks_that_grow_beyond_the_limit_end_the_connection_though_each_is_answered() {
    for (fields, ends) in [(1, false), (12, true)] {
        for field in OF_THAT_NAME {
            let mut http = Connection::server(Scheme::Http, LIMITS);
            take(&mut http, &hello(), &mut Vec::new()).unwrap();
            let fault = (0..MANY as u32).find_map(|n| {
                let name = if n == 0 { long_name() } else { Vec::new() };
                let block = [block(&GET), name, field.repeat(fields)].concat();
                let fault = take(&mut http, &frame(HEADERS, END_HEADERS | END, 2 * n + 1, &block), &mut Vec::new()).err();
                if fault.is_none() {
                    http.respond(2 * n + 1, &ResponseHead { status: 431, ..ResponseHead::default() }, Content::None, None).unwrap();
                }
                http.output().clear();
                fault
            });
            assert_eq!(fault.map(|fault| fault.code), ends.then_some(Code::CALM), "{fields} {field:?}");
        }
    }
}

#[test]
fn blocks_that_are_not_hpack_end_the_connection() {
    for bad in [
        &[0x80][..],
        &[0xc6],
        &[0x3f, 0xe2, 0x1f],
        &[0x82, 0x20],
        &[0x40, 0x85],
        &[0x40, 0x81, 0xff, 0],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x00],
    ] {
        ends(Code::COMPRESSION, &[frame(HEADERS, END_HEADERS | END, 1, bad)]);
    }
}

#[test]
fn answers_that_cost_nothing_to_ask_for_are_bounded() {
    for flood in [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, &[]), frame(WINDOW, 0, 0, &[0, 0, 0, 1]), frame(0x42, 0, 0, &[])] {
        ends(Code::CALM, &vec![flood; MANY]);
    }
    ends(Code::CALM, &[vec![post(1)], vec![frame(DATA, 0, 1, &[]); MANY]].concat());
    ends(Code::CALM, &[vec![post(1)], vec![frame(DATA, PADDED, 1, &[0]); MANY]].concat());
    ends(Code::CALM, &vec![frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 0]); MANY]);
    ends(Code::CALM, &[vec![get(1), frame(RESET, 0, 1, &[0; 4])], vec![frame(RESET, 0, 1, &[0; 4]); MANY]].concat());
    let pings = serve(&vec![frame(PING, 0, 0, b"12345678"); 3]);
    assert_eq!(pings.frames().iter().filter(|frame| **frame == (PING, ACK, 0, b"12345678".to_vec())).count(), 3);
}

#[test]
fn windows_are_kept_by_both_sides() {
    ends(Code::FLOW_CONTROL, &[frame(WINDOW, 0, 0, &[0x7f, 0xff, 0xff, 0xff])]);
    ends(Code::PROTOCOL, &[frame(WINDOW, 0, 0, &[0; 4])]);
    resets(Code::FLOW_CONTROL, &[get(1), frame(WINDOW, 0, 1, &[0x7f, 0xff, 0xff, 0xff])]);
    resets(Code::PROTOCOL, &[get(1), frame(WINDOW, 0, 1, &[0; 4])]);
    // Settings that open every stream's window.
    let wide = frame(WINDOW, 0, 1, &[0x7f, 0xff, 0, 0]);
    ends(Code::FLOW_CONTROL, &[get(1), wide, frame(SETTINGS, 0, 0, &[0, 4, 0, 2, 0, 0])]);
    // More than a stream's window without its being given back.
    let piece = frame(DATA, 0, 1, &[0; 16_384]);
    let over = H2_STREAM_WINDOW_BYTES as usize / 16_384 + 1;
    resets(Code::FLOW_CONTROL, &[vec![post(1)], vec![piece; over]].concat());
    // What nobody reads of one stream does not keep the others from being read.
    let many = H2_CONNECTION_WINDOW_BYTES as usize / 16_384 + 1;
    let ignored: Vec<_> = vec![frame(DATA, 0, 1, &[0; 16_384]); many];
    let outcome = serve(&[vec![post(1), frame(RESET, 0, 1, &[0; 4])], vec![post(3)], vec![frame(DATA, 0, 3, &[1; 100])]].concat());
    assert_eq!(outcome.fault, None);
    ends(Code::STREAM_CLOSED, &[vec![post(1), frame(RESET, 0, 1, &[0; 4])], ignored].concat());
}

#[test]
fn streams_begin_in_their_order_and_end_once() {
    ends(Code::PROTOCOL, &[get(2)]);
    ends(Code::PROTOCOL, &[get(0)]);
    ends(Code::STREAM_CLOSED, &[get(5), frame(RESET, 0, 5, &[0; 4]), get(3)]);
    ends(Code::STREAM_CLOSED, &[get(5), get(3)]);
    resets(Code::STREAM_CLOSED, &[get(1), get(1)]);
    resets(Code::STREAM_CLOSED, &[get(1), frame(DATA, 0, 1, b"x")]);
    for idle in [frame(DATA, 0, 1, b"x"), frame(RESET, 0, 1, &[0; 4]), frame(WINDOW, 0, 1, &[0, 0, 0, 1]), frame(RESET, 0, 2, &[0; 4])] {
        ends(Code::PROTOCOL, &[idle]);
    }
    // What was on its way when we reset a stream is no fault.
    let outcome = serve(&[
        with(1, &[("connection", "x")]),
        frame(DATA, 0, 1, b"x"),
        frame(WINDOW, 0, 1, &[0, 0, 0, 1]),
        frame(RESET, 0, 1, &[0; 4]),
        get(3),
    ]);
    assert_eq!((outcome.fault, outcome.told.len()), (None, 1));
}

#[test]
fn frames_have_their_size_and_place() {
    ends(Code::FRAME_SIZE, &[frame(HEADERS, END_HEADERS, 1, &[0; 16_385])]);
    ends(Code::FRAME_SIZE, &[post(1), frame(DATA, 0, 1, &[0; 16_385])]);
    for (kind, flags, stream, len) in [
        (PING, 0, 0, 7),
        (SETTINGS, 0, 0, 5),
        (SETTINGS, ACK, 0, 6),
        (WINDOW, 0, 0, 3),
        (RESET, 0, 1, 5),
        (AWAY, 0, 0, 7),
        (PRIORITY, 0, 1, 4),
    ] {
        ends(Code::FRAME_SIZE, &[frame(kind, flags, stream, &vec![0; len])]);
    }
    for (kind, stream, len) in [(PING, 1, 8), (SETTINGS, 1, 0), (AWAY, 1, 8), (RESET, 0, 4), (DATA, 0, 1), (PRIORITY, 0, 5), (PUSH, 1, 4)] {
        ends(Code::PROTOCOL, &[frame(kind, 0, stream, &vec![0; len])]);
    }
    ends(Code::PROTOCOL, &[post(1), frame(DATA, PADDED, 1, &[2, 0])]);
    ends(Code::PROTOCOL, &[frame(HEADERS, END_HEADERS | PADDED, 1, &[9, 0])]);
    for (name, value, code) in
        [(2, 2, Code::PROTOCOL), (4, 1 << 31, Code::FLOW_CONTROL), (5, 100, Code::PROTOCOL), (5, 1 << 24, Code::PROTOCOL)]
    {
        let setting = [&[0, name][..], &u32::to_be_bytes(value)].concat();
        ends(code, &[frame(SETTINGS, 0, 0, &setting)]);
    }
}
