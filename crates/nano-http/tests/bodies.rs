//! Bodies: what is taken out of their framing, and framing that is none. Every vector is given whole and cut at every byte.

use nano_base::dice::Dice;
use nano_base::limits::{HTTP_CHUNK_EXTENSION_BYTES_MAX, HTTP_HEADERS_MAX, HTTP_TRAILER_BYTES_MAX};
use nano_http::h1::{BodyDecoder, CHUNK_END, ChunkSize, Fault, Framing, LAST_CHUNK};

/// The body, how many bytes it took, and whether it has ended.
type Taken = Result<(Vec<u8>, usize, bool), Fault>;

/// Reads `input`, whose bytes come up to each of `ends` in turn.
fn take(framing: Framing, input: &[u8], ends: impl Iterator<Item = usize>) -> Taken {
    let mut decoder = BodyDecoder::new(framing);
    let (mut body, mut at) = (Vec::new(), 0);
    for end in ends {
        loop {
            let step = decoder.decode(&input[at..end])?;
            body.extend_from_slice(step.data);
            at += step.consumed;
            assert_eq!(step.done, decoder.is_done());
            if step.done {
                return Ok((body, at, true));
            }
            if step.data.is_empty() {
                assert_eq!(at, end, "a step without a piece uses all");
                break;
            }
        }
    }
    Ok((body, at, false))
}

fn read(framing: Framing, input: &[u8]) -> Taken {
    let whole = take(framing, input, [input.len()].into_iter());
    for cut in 0..input.len() {
        assert_eq!(take(framing, input, [cut, input.len()].into_iter()), whole, "cut at {cut}: {}", input.escape_ascii());
    }
    assert_eq!(take(framing, input, 0..=input.len()), whole);
    whole
}

fn chunked(input: &str) -> Taken {
    read(Framing::Chunked, input.as_bytes())
}

#[test]
fn bodies_end_where_their_framing_says() {
    assert_eq!(read(Framing::None, b"next"), Ok((vec![], 0, true)));
    assert_eq!(read(Framing::Length(0), b"next"), Ok((vec![], 0, true)));
    assert_eq!(read(Framing::Length(4), b"bodynext"), Ok((b"body".to_vec(), 4, true)));
    assert_eq!(read(Framing::Length(9), b"body"), Ok((b"body".to_vec(), 4, false)));
    assert_eq!(read(Framing::UntilClose, b"body"), Ok((b"body".to_vec(), 4, false)));
    assert_eq!(chunked("4\r\nbody\r\n00A\r\n0123456789\r\n0\r\n\r\nnext"), Ok((b"body0123456789".to_vec(), 31, true)));
    assert_eq!(chunked("0\r\n\r\n0\r\n\r\n"), Ok((vec![], 5, true)));
}

#[test]
fn a_closed_connection_ends_only_bodies_that_end_so() {
    let close = |framing, input: &[u8]| {
        let mut decoder = BodyDecoder::new(framing);
        let _ = decoder.decode(input);
        decoder.close()
    };
    assert_eq!(close(Framing::UntilClose, b"body"), Ok(()));
    assert_eq!(close(Framing::None, b""), Ok(()));
    assert_eq!(close(Framing::Length(5), b"body"), Err(Fault::Truncated));
    assert_eq!(close(Framing::Chunked, b"0\r\n"), Err(Fault::Truncated));
    assert_eq!(close(Framing::Chunked, b"x"), Err(Fault::ChunkSize));
}

#[test]
fn chunks_are_framed_to_the_letter() {
    for (fault, inputs) in [
        (
            Fault::ChunkSize,
            &[
                "\r\n",
                ";x\r\n",
                "g\r\n",
                "-1\r\n",
                "+1\r\n",
                "0x1\r\n",
                " 1\r\n",
                "1 \r\n",
                "1\n",
                "1\rx",
                "1\r\r\n",
                "1_0\r\n",
                "00000000000000001\r\n",
                "10000000000000000\r\n",
                "1,1\r\n",
                "1 1\r\n",
            ][..],
        ),
        (Fault::ChunkEnd, &["1\r\nab\r\n", "1\r\na\n", "1\r\na\r\r", "1\r\na0\r\n\r\n"]),
        (Fault::ChunkExtension, &["1;a\nb\r\n", "1;\u{0}\r\n", "1;\u{7f}\r\n"]),
        (Fault::ChunkSize, &["1;a\rb\r\n"]),
        (
            Fault::Trailer,
            &[
                "0\r\n\n",
                "0\r\n\r\r",
                "0\r\n x: y\r\n",
                "0\r\nx\r\n",
                "0\r\nx : y\r\n",
                "0\r\n: y\r\n",
                "0\r\nx: a\nb: c\r\n",
                "0\r\nx: a\r\r\n",
                "0\r\nx: a\r\n b\r\n",
                "0\r\nx: \u{0}\r\n",
            ],
        ),
    ] {
        for input in inputs {
            assert_eq!(chunked(input), Err(fault), "{input:?}");
        }
    }
    // The largest size is one; it is only longer than what is there.
    assert_eq!(chunked("ffffffffffffffff\r\nab"), Ok((b"ab".to_vec(), 20, false)));
}

#[test]
fn extensions_and_trailers_are_passed_over_within_bounds() {
    assert_eq!(chunked("1;a=\"b;c\"\r\nx\r\n1 \t;d\r\ny\r\n0;e\r\nContent-Length: 5\r\nX:\r\n\r\n").unwrap().0, b"xy");
    let all_at_once = |input: String| take(Framing::Chunked, input.as_bytes(), [input.len()].into_iter());
    let extended = |bytes: usize| format!("1{}\r\nx\r\n0;\r\n\r\n", ";".repeat(bytes - 1));
    assert!(all_at_once(extended(HTTP_CHUNK_EXTENSION_BYTES_MAX)).unwrap().2);
    assert_eq!(all_at_once(extended(HTTP_CHUNK_EXTENSION_BYTES_MAX + 1)), Err(Fault::ChunkExtension));
    let trailer = |bytes: usize| format!("0\r\nx:{}\r\n\r\n", "y".repeat(bytes - 2));
    assert!(all_at_once(trailer(HTTP_TRAILER_BYTES_MAX)).unwrap().2);
    assert_eq!(all_at_once(trailer(HTTP_TRAILER_BYTES_MAX + 1)), Err(Fault::TrailerTooLong));
    let trailers = |count: usize| format!("0\r\n{}\r\n", "x:\r\n".repeat(count));
    assert!(all_at_once(trailers(HTTP_HEADERS_MAX)).unwrap().2);
    assert_eq!(all_at_once(trailers(HTTP_HEADERS_MAX + 1)), Err(Fault::TrailerTooLong));
}

#[test]
fn what_is_written_in_chunks_reads_the_same_however_it_is_cut() {
    let mut dice = Dice::new(7);
    assert!(ChunkSize::new(0).is_none());
    assert_eq!(ChunkSize::new(usize::MAX).unwrap().as_bytes(), b"ffffffffffffffff\r\n");
    for _ in 0..500 {
        let (mut body, mut wire) = (Vec::new(), Vec::new());
        for _ in 0..dice.roll() % 6 {
            let mut piece = vec![0; 1 + (dice.roll() % 300) as usize];
            dice.fill(&mut piece);
            wire.extend_from_slice(ChunkSize::new(piece.len()).unwrap().as_bytes());
            wire.extend_from_slice(&piece);
            wire.extend_from_slice(CHUNK_END);
            body.extend_from_slice(&piece);
        }
        wire.extend_from_slice(LAST_CHUNK);
        let length = wire.len();
        wire.extend_from_slice(b"GET");
        let mut ends: Vec<usize> = (0..dice.roll() % 9).map(|_| dice.roll() as usize % wire.len()).collect();
        ends.sort_unstable();
        ends.push(wire.len());
        assert_eq!(take(Framing::Chunked, &wire, ends.into_iter()), Ok((body, length, true)));
    }
}
