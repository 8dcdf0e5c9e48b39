//! WebSocket frames as they are read and written. Every vector is given whole and cut at every byte.

use nano_base::dice::Dice;
use nano_http::ws::*;

const LIMITS: Limits = Limits { message_bytes: 70_000, fragments: 8 };

type Events = (Vec<Event>, Option<Violation>);

fn take(role: Role, deflate: bool, input: &[u8], ends: impl Iterator<Item = usize>) -> Events {
    let mut reader = Reader::new(role, LIMITS, deflate.then(|| Inflater::new(15, true)));
    let (mut events, mut at) = (Vec::new(), 0);
    for end in ends {
        while at < end {
            match reader.read(&input[at..end]) {
                Ok((taken, event)) => {
                    assert!(taken > 0 && (event.is_some() || at + taken == end));
                    at += taken;
                    events.extend(event);
                }
                Err(violation) => {
                    assert_eq!(reader.read(&input[at..end]), Err(violation), "a violation stays");
                    return (events, Some(violation));
                }
            }
        }
    }
    (events, None)
}

fn read_as(role: Role, deflate: bool, input: &[u8]) -> Events {
    let whole = take(role, deflate, input, [input.len()].into_iter());
    if input.len() < 300 {
        for cut in 0..input.len() {
            assert_eq!(take(role, deflate, input, [cut, input.len()].into_iter()), whole, "cut at {cut}: {}", input.escape_ascii());
        }
    }
    assert_eq!(take(role, deflate, input, 0..=input.len()), whole);
    whole
}

/// What a client reads, whose peer's frames have no mask.
fn read(input: &[u8]) -> Events {
    read_as(Role::Client, false, input)
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126);
    [&[first, payload.len() as u8], payload].concat()
}

fn text(text: &str) -> Event {
    Event::Text(text.into())
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    assert_eq!(read(b"\x81\x05Hello"), (vec![text("Hello")], None));
    assert_eq!(read_as(Role::Server, false, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), (vec![text("Hello")], None));
    assert_eq!(read(b"\x01\x03Hel\x80\x02lo"), (vec![text("Hello")], None));
    assert_eq!(read(b"\x89\x05Hello"), (vec![Event::Ping(b"Hello".into())], None));
    assert_eq!(read_as(Role::Server, false, b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), (vec![Event::Pong(b"Hello".into())], None));
    assert_eq!(read(&[&b"\x82\x7e\x01\x00"[..], &[7; 256]].concat()), (vec![Event::Binary(vec![7; 256])], None));
    assert_eq!(read(&[&b"\x82\x7f\0\0\0\0\0\x01\0\0"[..], &[7; 65_536]].concat()), (vec![Event::Binary(vec![7; 65_536])], None));
}

#[test]
fn messages_are_whole_whatever_their_fragments() {
    assert_eq!(read(b"\x81\x00\x82\x00"), (vec![text(""), Event::Binary(vec![])], None));
    assert_eq!(read(b"\x01\x00\x00\x00\x00\x01a\x80\x00\x81\x01b"), (vec![text("a"), text("b")], None));
    // Control frames stand between fragments; the message goes on.
    let between = read(b"\x01\x01a\x89\x01p\x00\x01b\x8a\x00\x80\x01c");
    assert_eq!(between, (vec![Event::Ping(b"p".into()), Event::Pong(vec![]), text("abc")], None));
    // Every fragment has a mask of its own, and a mask goes round.
    let masked = b"\x01\x86\x01\x02\x03\x04\x60\x60\x60\x60\x64\x64\x80\x81\xff\0\0\0\x98";
    assert_eq!(read_as(Role::Server, false, masked), (vec![text("abcdefg")], None));
}

#[test]
fn frames_against_the_rules_are_violations() {
    for (violation, inputs) in [
        (Violation::Reserved, &[&b"\xc1\x00"[..], b"\xa1\x00", b"\x91\x00", b"\xc9\x00", b"\xf8\x00", b"\x01\x00\xc0\x00"][..]),
        (
            Violation::Opcode,
            &[
                b"\x83\x00",
                b"\x84\x00",
                b"\x85\x00",
                b"\x86\x00",
                b"\x87\x00",
                b"\x8b\x00",
                b"\x8c\x00",
                b"\x8d\x00",
                b"\x8e\x00",
                b"\x8f\x00",
            ],
        ),
        (Violation::Mask, &[b"\x81\x80", b"\x89\x80\0\0\0\0"]),
        (
            Violation::Length,
            &[
                b"\x81\x7e\x00\x7d",
                b"\x81\x7f\0\0\0\0\0\0\xff\xff",
                b"\x82\x7f\x80\0\0\0\0\0\0\0",
                b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
            ],
        ),
        (Violation::Control, &[b"\x09\x00", b"\x08\x00", b"\x89\x7e\x00\x7e", b"\x8a\x7f", b"\x88\x7e"]),
        (Violation::Continuation, &[b"\x80\x00", b"\x00\x00", b"\x81\x00\x80\x00", b"\x89\x00\x80\x00"]),
        (Violation::Interleaved, &[b"\x01\x00\x81\x00", b"\x01\x00\x02\x00", b"\x02\x00\x00\x00\x82\x00"]),
        (
            Violation::TooLarge,
            &[b"\x82\x7f\0\0\0\0\0\x01\x11\x71", b"\x02\x01a\x80\x7f\0\0\0\0\0\x01\x11\x70", b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"],
        ),
        (Violation::Fragments, &[b"\x02\x00\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"]),
    ] {
        for input in inputs {
            assert_eq!(read(input).1, Some(violation), "{}", input.escape_ascii());
        }
    }
    assert_eq!(read_as(Role::Server, false, b"\x81\x00").1, Some(Violation::Mask));
    assert_eq!(read(b"\x02\x00\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80\0"), (vec![], Some(Violation::Fragments)));
    assert_eq!(read(b"\x02\x00\0\0\0\0\0\0\0\0\0\0\0\0\x80\0"), (vec![Event::Binary(vec![])], None));
    // Nobody waits for the payload of a frame that is refused.
    assert_eq!((Violation::TooLarge.code(), Violation::Utf8.code(), Violation::Opcode.code()), (1009, 1007, 1002));
}

#[test]
fn text_is_utf8_and_what_cannot_be_is_refused_at_once() {
    for good in [
        "\u{0}",
        "\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}",
        "\u{d7ff}\u{e000}",
        "Hello-\u{b5}@\u{df}\u{f6}\u{e4}-UTF-8!!",
        "\u{feff}",
    ] {
        assert_eq!(read(&frame(0x81, good.as_bytes())), (vec![text(good)], None));
        // A character may go over any border of frames.
        for cut in 0..=good.len() {
            let (first, second) = good.as_bytes().split_at(cut);
            assert_eq!(read(&[frame(0x01, first), frame(0x80, second)].concat()), (vec![text(good)], None));
        }
    }
    let bad: &[&[u8]] = &[
        b"\x80",
        b"\xbf",
        b"\xc0",
        b"\xc1",
        b"\xc2a",
        b"\xe0\x80",
        b"\xe0\x9f",
        b"\xed\xa0",
        b"\xf0\x80",
        b"\xf0\x8f",
        b"\xf4\x90",
        b"\xf5",
        b"\xf8",
        b"\xfe",
        b"\xff",
        b"\xe2\x82a",
        b"\xf0\x90\x80a",
    ];
    for bytes in bad {
        // The frame claims more, the message too: it is the bytes at hand that cannot be text.
        let start = [&[0x01, 100, b'a'], *bytes].concat();
        assert_eq!(read(&start).1, Some(Violation::Utf8), "{}", bytes.escape_ascii());
        assert_eq!(read(&[&b"\x01\x01a\x00\x64"[..], bytes].concat()).1, Some(Violation::Utf8), "{}", bytes.escape_ascii());
    }
    for unfinished in [&b"\xc2"[..], b"\xe2\x82", b"\xf0\x90\x80"] {
        assert_eq!(read(&frame(0x01, unfinished)), (vec![], None), "{}", unfinished.escape_ascii());
        assert_eq!(read(&frame(0x81, unfinished)).1, Some(Violation::Utf8), "{}", unfinished.escape_ascii());
        assert_eq!(read(&[frame(0x01, unfinished), frame(0x80, b"")].concat()).1, Some(Violation::Utf8));
    }
    assert_eq!(read(&frame(0x82, b"\xff")), (vec![Event::Binary(vec![0xff])], None));
}

#[test]
fn close_frames_have_a_code_that_may_be_sent() {
    let close = |payload: &[u8]| read(&frame(0x88, payload));
    assert_eq!(close(b""), (vec![Event::Close(None)], None));
    for code in [1000_u16, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
        let payload = [&code.to_be_bytes()[..], "r\u{e9}ason".as_bytes()].concat();
        assert_eq!(close(&payload), (vec![Event::Close(Some((code, "r\u{e9}ason".into())))], None));
    }
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
        assert_eq!(close(&code.to_be_bytes()), (vec![], Some(Violation::Close)), "{code}");
    }
    assert_eq!(close(b"\x03").1, Some(Violation::Close));
    assert_eq!(close(b"\x03\xe8\xff").1, Some(Violation::Utf8));
    assert_eq!(close(&[&b"\x03\xe8"[..], &[b'x'; 123]].concat()).1, None);
    // Nothing is read after the last word, not even what would be a violation.
    assert_eq!(read(b"\x88\x00\x81\x01a\xff\xff"), (vec![Event::Close(None)], None));
}

#[test]
fn the_compressed_examples_of_the_rfc_are_read() {
    let read = |input: &[u8]| read_as(Role::Client, true, input);
    let hello = || text("Hello");
    assert_eq!(read(b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"), (vec![hello()], None));
    assert_eq!(read(b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00"), (vec![hello()], None));
    // The second message builds upon the first.
    assert_eq!(read(b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00"), (vec![hello(), hello()], None));
    // A block without compression; a stream that ends; two blocks.
    assert_eq!(read(b"\xc1\x0b\x00\x05\x00\xfa\xffHello\x00"), (vec![hello()], None));
    assert_eq!(read(b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), (vec![hello()], None));
    assert_eq!(read(b"\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), (vec![hello()], None));
    // Not every message is compressed; an empty one may be.
    assert_eq!(read(b"\x81\x05Hello\xc1\x01\x00"), (vec![hello(), text("")], None));
    // Only a message's first frame says that it is compressed.
    assert_eq!(read(b"\x41\x03\xf2\x48\xcd\xc0\x04\xc9\xc9\x07\x00").1, Some(Violation::Reserved));
    assert_eq!(read(b"\xc9\x00").1, Some(Violation::Reserved));
    assert_eq!(read(b"\xc1\x02\xff\xff").1, Some(Violation::Deflate));
    assert_eq!(read(b"\xc1\x07\x00\x05\x00\xfa\xffHe").1, Some(Violation::Deflate), "a block that does not end");
    assert_eq!(read(b"\xc2\x07\x00\x06\x00\xf9\xffHe").1, Some(Violation::Deflate), "a block that would end with the tail");
    // Two faults: the one that comes first counts, wherever the bytes were cut.
    let twice_wrong = b"\xc1\x2c\x5b\0\0\0\0\xff\xff\xff\xff\x69\x74\x48\x65\x5f\x62\xa0\x8b\x8c\x9a\x8d";
    assert_eq!(read(twice_wrong).1, Some(Violation::Utf8));
    // Without a kept window nothing can be built upon.
    let mut reader = Reader::new(Role::Client, LIMITS, Some(Inflater::new(15, false)));
    let twice = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00";
    assert_eq!(reader.read(twice), Ok((9, Some(hello()))));
    assert_eq!(reader.read(&twice[9..]), Err(Violation::Deflate));
}

#[test]
fn a_bomb_goes_no_further_than_a_message_may() {
    let mut compressed = Vec::new();
    Deflater::new(15, false).unwrap().deflate(&vec![0; 50 << 20], &mut compressed);
    assert!(compressed.len() < 1 << 20);
    let mut reader = Reader::new(Role::Client, Limits { message_bytes: 1 << 20, fragments: 8 }, Some(Inflater::new(15, false)));
    let mut wire = FrameHead::new(Opcode::Binary, true, true, compressed.len(), None).as_bytes().to_vec();
    wire.extend_from_slice(&compressed);
    assert_eq!(reader.read(&wire), Err(Violation::TooLarge));
    let most = |bytes: usize| {
        let mut out = Vec::new();
        let mut wire = Vec::new();
        Deflater::new(15, false).unwrap().deflate(&vec![7; bytes], &mut wire);
        let mut inflater = Inflater::new(15, false);
        inflater.inflate(&wire, &mut out, 1_000).and_then(|()| inflater.end(&mut out, 1_000)).map(|()| out.len())
    };
    assert_eq!(most(1_000), Ok(1_000));
    assert_eq!(most(1_001), Err(Violation::TooLarge));
    // Empty blocks give nothing, and are not for ever.
    let head = FrameHead::new(Opcode::Binary, true, true, 80_000, None);
    assert_eq!(read_as(Role::Client, true, head.as_bytes()).1, Some(Violation::TooLarge));
}

#[test]
fn what_one_side_writes_the_other_reads() {
    let mut dice = Dice::new(11);
    for round in 0..150_u64 {
        let keep = round % 2 == 0;
        let deflate = Deflate {
            server_no_context_takeover: !keep,
            client_no_context_takeover: !keep,
            server_max_window_bits: 8 + (dice.roll() % 8) as u8,
            client_max_window_bits: 8 + (dice.roll() % 8) as u8,
        };
        let agreed = (round % 3 > 0).then_some(deflate);
        let (from, to) = if round % 5 < 2 { (Role::Client, Role::Server) } else { (Role::Server, Role::Client) };
        let (mut sender, mut receiver) = (Socket::new(from, LIMITS, agreed), Socket::new(to, LIMITS, agreed));
        let (mut wire, mut sent) = (Vec::new(), Vec::new());
        for _ in 0..1 + dice.roll() % 6 {
            let mask = (dice.roll() as u32).to_ne_bytes();
            let length = [0, 5, 125, 126, 1_000, 65_535, 65_536][(dice.roll() % 7) as usize];
            let mut bytes = vec![0; length];
            match dice.roll() % 3 {
                0 => dice.fill(&mut bytes),
                1 => bytes.fill(b'x'),
                _ => bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte = b"a word or two, "[at % 15]),
            }
            let compress = !dice.roll().is_multiple_of(4);
            match String::from_utf8(bytes) {
                Ok(words) => {
                    sender.text(&mut wire, &words, compress, mask).unwrap();
                    sent.push(text(&words));
                }
                Err(error) => {
                    sender.binary(&mut wire, error.as_bytes(), compress, mask).unwrap();
                    sent.push(Event::Binary(error.into_bytes()));
                }
            }
            sender.ping(&mut wire, b"?", mask).unwrap();
            sent.push(Event::Ping(b"?".into()));
        }
        let (mut heard, mut at) = (Vec::new(), 0);
        while at < wire.len() {
            let end = wire.len().min(at + 1 + (dice.roll() % 9_000) as usize);
            let received = receiver.receive(&wire[at..end]).unwrap();
            at += received.consumed;
            heard.extend(received.event);
        }
        assert_eq!(heard, sent, "round {round}");
    }
}

#[test]
fn a_mask_is_the_same_wherever_it_begins() {
    let key = [1, 2, 3, 4];
    let plain: Vec<u8> = (0..40).collect();
    let expected: Vec<u8> = plain.iter().enumerate().map(|(at, byte)| byte ^ key[at % 4]).collect();
    for cut in 0..=plain.len() {
        let mut bytes = plain.clone();
        let (first, second) = bytes.split_at_mut(cut);
        mask(first, key, 0);
        mask(second, key, cut);
        assert_eq!(bytes, expected, "{cut}");
    }
}

#[test]
fn sides_close_when_both_have_said_their_last_word() {
    let mut wire = Vec::new();
    let (mut client, mut server) = (Socket::new(Role::Client, LIMITS, None), Socket::new(Role::Server, LIMITS, None));
    let mask = [9, 8, 7, 6];
    client.close(&mut wire, Some((1000, "bye")), mask).unwrap();
    assert!(!client.is_open() && !client.is_closed());
    assert_eq!(client.text(&mut wire, "x", false, mask), Err(NotOpen));
    assert_eq!(client.close(&mut wire, None, mask), Err(NotOpen));
    // What was on its way is still heard.
    let mut back = Vec::new();
    server.text(&mut back, "late", false, mask).unwrap();
    let received = server.receive(&wire).unwrap();
    assert_eq!((received.consumed, received.event), (wire.len(), Some(Event::Close(Some((1000, "bye".into()))))));
    assert!(server.is_open() && !server.is_closed());
    server.close(&mut back, Some((1000, "")), mask).unwrap();
    assert!(server.is_closed());
    let late = client.receive(&back).unwrap();
    assert_eq!(late.event, Some(text("late")));
    assert!(!client.is_closed());
    client.receive(&back[late.consumed..]).unwrap();
    assert!(client.is_closed());
}

#[test]
fn nothing_invalid_is_said() {
    let mut socket = Socket::new(Role::Server, LIMITS, None);
    let mut out = Vec::new();
    for code in [0, 999, 1005, 1006, 1015, 2999, 5000] {
        assert_eq!(socket.close(&mut out, Some((code, "")), [0; 4]), Err(NotOpen), "{code}");
    }
    assert_eq!(socket.close(&mut out, Some((1000, &"x".repeat(124))), [0; 4]), Err(NotOpen));
    assert_eq!(socket.ping(&mut out, &[0; 126], [0; 4]), Err(NotOpen));
    assert!(out.is_empty() && socket.is_open());
    let violation = socket.receive(b"\x81\x00").unwrap_err();
    socket.fail(&mut out, violation, [0; 4]);
    assert!(socket.is_closed());
    assert_eq!(read(&out).0, [Event::Close(Some((1002, violation.sentence().into())))]);
}
