//! What a server writes.

use nano_base::http::{Headers, ResponseHead};
use nano_http::h1::{self, Content, Scheme, Unwritable};
use nano_http::h2::{Code, Connection};

use crate::peer::*;

fn asked(parts: &[Vec<u8>]) -> Connection {
    let mut http = Connection::server(Scheme::Http, LIMITS);
    take(&mut http, &[&[hello()], parts].concat().concat(), &mut Vec::new()).unwrap();
    http.output().clear();
    http
}

fn head(status: u16, headers: &[(&str, &str)]) -> ResponseHead {
    let mut all = Headers::new();
    for (name, value) in headers {
        assert!(all.push(name.as_bytes(), value.as_bytes()));
    }
    ResponseHead { status, status_text: String::new(), headers: all }
}

fn written(http: &mut Connection) -> Vec<(u8, u8, u32, Vec<u8>)> {
    frames(&std::mem::take(http.output()))
}

#[test]
fn a_body_goes_as_far_as_both_windows_and_ends_once() {
    let small = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 5]);
    let mut http = asked(&[small, get(1)]);
    assert_eq!(http.respond(1, &head(200, &[]), Content::Stream, None), Ok(true));
    assert_eq!((http.room(1), http.send(1, b"hello world", true)), (5, 5));
    assert_eq!((http.room(1), http.send(1, b" world", true)), (0, 0));
    take(&mut http, &frame(WINDOW, 0, 1, &[0, 0, 0, 9]), &mut Vec::new()).unwrap();
    assert_eq!(http.send(1, b" world", true), 6);
    assert_eq!((http.streams(), http.send(1, b"more", true)), (0, 0));
    let data: Vec<_> = written(&mut http).into_iter().filter(|(kind, ..)| *kind == DATA).collect();
    assert_eq!(data, [(DATA, 0, 1, b"hello".to_vec()), (DATA, END, 1, b" world".to_vec())]);
}

#[test]
fn a_window_may_become_less_than_nothing() {
    let mut http = asked(&[get(1)]);
    http.respond(1, &head(200, &[]), Content::Stream, None).unwrap();
    assert_eq!(http.send(1, &[0; 100], false), 100);
    take(&mut http, &frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]), &mut Vec::new()).unwrap();
    assert_eq!(http.room(1), 0);
    take(&mut http, &frame(WINDOW, 0, 1, &[0, 0, 0, 150]), &mut Vec::new()).unwrap();
    assert_eq!(http.room(1), 50);
}

#[test]
fn responses_without_a_body_end_with_their_head() {
    let to_head =
        frame(HEADERS, END_HEADERS | END, 3, &block(&[(":method", "HEAD"), (":scheme", "http"), (":authority", "a"), (":path", "/")]));
    let mut http = asked(&[get(1), to_head, get(5)]);
    assert_eq!(http.respond(1, &head(204, &[]), Content::Stream, None), Ok(false));
    assert_eq!(http.respond(3, &head(200, &[]), Content::Length(9), None), Ok(false));
    assert_eq!(http.respond(5, &head(200, &[]), Content::Length(0), None), Ok(false));
    assert!(written(&mut http).iter().all(|(kind, flags, ..)| *kind == HEADERS && *flags == END_HEADERS | END));
    assert_eq!(http.streams(), 0);
}

#[test]
fn an_answer_before_the_end_of_its_question_stops_the_rest_without_blame() {
    let mut http = asked(&[post(1)]);
    http.respond(1, &head(200, &[]), Content::None, None).unwrap();
    assert_eq!(written(&mut http).last(), Some(&(RESET, 0, 1, vec![0; 4])));
    let mut told = Vec::new();
    take(&mut http, &frame(DATA, END, 1, b"late"), &mut told).unwrap();
    assert_eq!(told, []);
}

#[test]
fn what_would_split_a_message_is_not_written_and_headers_of_the_connection_are_left_out() {
    let mut http = asked(&[get(1)]);
    let bad = ResponseHead { headers: Headers::from_flat(b"X-Upper\nv".to_vec()), ..head(200, &[]) };
    assert_eq!(http.respond(1, &bad, Content::None, None), Err(Unwritable::Header));
    assert_eq!(http.respond(1, &head(101, &[]), Content::None, None), Err(Unwritable::Status));
    assert!(http.output().is_empty() && http.has(1));
    let own = head(200, &[("connection", "close"), ("transfer-encoding", "chunked"), ("content-length", "99"), ("x", "y")]);
    http.respond(1, &own, Content::None, Some(b"now")).unwrap();
    let (_, _, _, list) = written(&mut http).remove(0);
    let expected = [&[0x20][..], &block(&[(":status", "200"), ("x", "y"), ("date", "now"), ("content-length", "0")])].concat();
    assert_eq!(list, expected);
}

#[test]
fn a_long_head_is_cut_into_frames_and_windows_are_given_back_by_halves() {
    let mut http = asked(&[post(1)]);
    http.credit(1, 30_000);
    assert!(written(&mut http).is_empty());
    take(&mut http, &frame(DATA, 0, 1, &[0; 16_000]), &mut Vec::new()).unwrap();
    http.credit(1, 10_000);
    assert_eq!(written(&mut http), [(WINDOW, 0, 1, 40_000_u32.to_be_bytes().to_vec())]);
    let long = "!".repeat(20_000);
    http.respond(1, &head(200, &[("x", &long)]), Content::Stream, None).unwrap();
    let kinds: Vec<_> = written(&mut http).iter().map(|(kind, flags, _, payload)| (*kind, *flags, payload.len())).collect();
    assert!(matches!(kinds[..], [(HEADERS, 0, 16_384), (CONTINUATION, END_HEADERS, _)]), "{kinds:?}");
}

#[test]
fn after_going_away_no_stream_begins_and_those_there_are_end() {
    let mut http = asked(&[get(1)]);
    http.go_away();
    http.go_away();
    assert_eq!(written(&mut http), [(AWAY, 0, 0, vec![0, 0, 0, 1, 0, 0, 0, 0])]);
    let mut told = Vec::new();
    take(&mut http, &get(3), &mut told).unwrap();
    assert_eq!((told.len(), http.streams()), (0, 1));
    http.reset(1, Code::CANCEL);
    assert_eq!(http.streams(), 0);
}

#[test]
fn what_was_on_its_way_when_we_went_away_costs_no_other_stream_anything() {
    let mut http = asked(&[get(1)]);
    http.go_away();
    http.output().clear();
    let late = [
        post(3),
        frame(DATA, 0, 3, &[0; 16_384]).repeat(40),
        frame(WINDOW, 0, 3, &[0, 0, 0, 9]),
        frame(HEADERS, END_HEADERS | END, 3, &block(&[("x-sum", "1")])),
        frame(RESET, 0, 3, &[0, 0, 0, 8]),
        get(5),
    ];
    let mut told = Vec::new();
    take(&mut http, &late.concat(), &mut told).unwrap();
    assert_eq!((told, http.streams()), (vec![], 1));
    // It counts for the connection's window, and nothing else is said.
    let all = written(&mut http);
    assert!(matches!(&all[..], [(WINDOW, 0, 0, _)]), "{all:?}");
    assert_eq!(http.respond(1, &head(200, &[]), Content::None, None), Ok(false));
    http.output().clear();
    // What has not begun is still a fault, and nobody is told that more was taken.
    take(&mut http, &frame(DATA, 0, 7, b"x"), &mut Vec::new()).unwrap_err();
    assert_eq!(written(&mut http)[0].3[..8], [0, 0, 0, 1, 0, 0, 0, 1]);
}

#[test]
fn whoever_is_told_in_time_loses_nothing_that_is_on_its_way() {
    let mut http = asked(&[]);
    http.announce_away();
    let all = written(&mut http);
    assert_eq!(all[0], (AWAY, 0, 0, vec![0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]));
    let (PING, 0, 0, what) = all[1].clone() else { panic!("{all:?}") };
    let mut told = Vec::new();
    take(&mut http, &[get(1), frame(PING, ACK, 0, &what), get(3)].concat(), &mut told).unwrap();
    assert!(matches!(&told[..], [Told::Request(1, _), Told::Pong, Told::Request(3, _)]), "{told:?}");
    assert!(!http.is_leaving());
    http.go_away();
    assert!(http.is_leaving());
    assert_eq!(written(&mut http), [(AWAY, 0, 0, vec![0, 0, 0, 3, 0, 0, 0, 0])]);
}

#[test]
fn whoever_reads_in_small_pieces_makes_room_as_often_as_it_likes() {
    for piece in [512_u32, 700, 4_096] {
        let wide = frame(SETTINGS, 0, 0, &[0, 4, 0, 0x40, 0, 0]);
        let mut http = asked(&[wide, frame(WINDOW, 0, 0, &[0x40, 0, 0, 0]), get(1)]);
        http.respond(1, &head(200, &[]), Content::Stream, None).unwrap();
        let opens = |stream| frame(WINDOW, 0, stream, &piece.to_be_bytes());
        let reads = [opens(1), opens(0)].concat();
        // As it comes, and what is on its way when all has been said.
        assert_eq!(http.send(1, &[0; 1 << 22], false), 1 << 22);
        for _ in 0..3_000 {
            take(&mut http, &reads, &mut Vec::new()).unwrap();
            assert_eq!(http.send(1, &vec![0; piece as usize], false), piece as usize);
        }
        http.send(1, b"", true);
        for _ in 0..(1 << 22) / piece {
            take(&mut http, &reads, &mut Vec::new()).unwrap();
        }
        // Nothing was read for what comes now.
        let flood = take(&mut http, &opens(0).repeat(2_000), &mut Vec::new());
        assert_eq!(flood.unwrap_err().code, Code::CALM, "{piece}");
    }
}

#[test]
fn a_refusal_of_a_request_for_a_head_has_no_body() {
    let to_head = [(":method", "HEAD"), (":scheme", "http"), (":path", "/")];
    for (more, fault) in [(("x", "y"), h1::Fault::HostMissing), (("expect", "x"), h1::Fault::Expectation)] {
        let mut http = Connection::server(Scheme::Http, LIMITS);
        let asks = frame(HEADERS, END_HEADERS | END, 1, &block(&[&to_head[..], &[more]].concat()));
        let mut told = Vec::new();
        take(&mut http, &[hello(), asks].concat(), &mut told).unwrap();
        assert_eq!(told, [Told::Refused(1, fault)]);
        http.output().clear();
        assert_eq!(http.respond(1, &head(400, &[]), Content::Length(9), None), Ok(false));
        assert!(matches!(&written(&mut http)[..], [(HEADERS, flags, 1, _)] if flags & END != 0));
    }
}
