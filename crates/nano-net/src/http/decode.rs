//! What `Content-Encoding` says was done to a body, undone in steps: each gives no more than it is asked for, and a body that grows
//! beyond all proportion is an error. https://fetch.spec.whatwg.org/#handle-content-codings

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::{Decompress, FlushDecompress, Status};
use nano_base::http::Headers;
use nano_base::limits::{CODINGS_MAX, DECODE_STEP_BYTES, DECODE_WINDOW_BITS_MAX, DECODED_FREE_BYTES, DECODED_RATIO_MAX};

/// Why a body cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    Corrupt,
    Truncated,
    Ratio,
    Window,
}

impl Bad {
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Corrupt => "its compressed data is corrupt",
            Self::Truncated => "its compressed data is cut short",
            Self::Ratio => "it grows too much when it is decompressed",
            Self::Window => "decompressing it would take too much memory",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
}

/// Undoes what was done to one body.
pub(super) struct Decoder {
    /// The last coding that was applied comes first.
    stages: Vec<Stage>,
    taken: u64,
    given: u64,
}

impl Decoder {
    /// A decoder for what the headers say; none if nothing was done that is understood, and then the body is left as it is.
    pub(super) fn of(headers: &Headers) -> Option<Self> {
        let mut stages = Vec::new();
        for (_, value) in headers.iter().filter(|(name, _)| *name == b"content-encoding") {
            for coding in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|coding| !coding.is_empty()) {
                let coding = match coding.to_ascii_lowercase().as_slice() {
                    b"gzip" | b"x-gzip" => Coding::Gzip,
                    b"deflate" => Coding::Deflate,
                    b"br" => Coding::Brotli,
                    _ => return None,
                };
                stages.insert(0, Stage::new(coding));
            }
        }
        (1..=CODINGS_MAX).contains(&stages.len()).then_some(Self { stages, taken: 0, given: 0 })
    }

    /// Takes encoded bytes. Only when nothing is left to [`Decoder::give`]: what is taken is held.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.taken += bytes.len() as u64;
        self.stages[0].take(bytes);
    }

    /// There are no more to take.
    pub(super) fn finish(&mut self) {
        self.stages[0].last = true;
    }

    /// Gives decoded bytes; none if it needs more, or has no more to give.
    pub(super) fn give(&mut self, output: &mut [u8]) -> Result<usize, Bad> {
        let given = give(&mut self.stages, output)?;
        self.given += given as u64;
        if self.given > DECODED_FREE_BYTES && self.given / DECODED_RATIO_MAX > self.taken { Err(Bad::Ratio) } else { Ok(given) }
    }
}

fn give(stages: &mut [Stage], output: &mut [u8]) -> Result<usize, Bad> {
    let Some((stage, before)) = stages.split_last_mut() else { return Ok(0) };
    loop {
        let given = stage.give(output)?;
        if given > 0 || before.is_empty() || stage.is_over() {
            return Ok(given);
        }
        let mut buffer = vec![0; DECODE_STEP_BYTES];
        match give(before, &mut buffer)? {
            0 if before.last().is_none_or(Stage::is_over) => stage.last = true,
            0 => return Ok(0),
            between => stage.take(&buffer[..between]),
        }
    }
}

/// One coding.
struct Stage {
    coding: Coding,
    state: State,
    input: Vec<u8>,
    at: usize,
    /// No input follows.
    last: bool,
}

enum State {
    /// Nothing has come: an empty body is empty in every coding.
    New,
    /// A member of gzip has ended, and another may follow; anything else there is padding.
    Between,
    Inflate(Decompress),
    Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>),
    /// All has been given; what follows is nobody's.
    Over,
}

impl Stage {
    fn new(coding: Coding) -> Self {
        Self { coding, state: State::New, input: Vec::new(), at: 0, last: false }
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    fn take(&mut self, bytes: &[u8]) {
        self.input.drain(..self.at);
        self.at = 0;
        self.input.extend_from_slice(bytes);
    }

    fn give(&mut self, output: &mut [u8]) -> Result<usize, Bad> {
        loop {
            let rest = &self.input[self.at..];
            let (read, written, ended) = match &mut self.state {
                State::Over => {
                    self.at = self.input.len();
                    return Ok(0);
                }
                State::New | State::Between => match rest.first() {
                    Some(first) if matches!(self.state, State::Between) && *first != 0x1f => {
                        self.state = State::Over;
                        continue;
                    }
                    Some(first) => {
                        self.state = begin(self.coding, *first)?;
                        continue;
                    }
                    None => {
                        if self.last {
                            self.state = State::Over;
                        }
                        return Ok(0);
                    }
                },
                State::Inflate(inflate) => step_inflate(inflate, rest, output)?,
                State::Brotli(brotli) => step_brotli(brotli, rest, output)?,
            };
            self.at += read;
            if ended {
                self.state = if self.coding == Coding::Gzip { State::Between } else { State::Over };
            }
            if written > 0 {
                return Ok(written);
            }
            if !ended && self.at == self.input.len() {
                return if self.last { Err(Bad::Truncated) } else { Ok(0) };
            }
            if !ended && read == 0 {
                return Err(Bad::Corrupt);
            }
        }
    }
}

/// zlib's window.
const WINDOW_BITS: u8 = 15;

fn begin(coding: Coding, first: u8) -> Result<State, Bad> {
    Ok(match coding {
        Coding::Gzip => State::Inflate(Decompress::new_gzip(WINDOW_BITS)),
        // Some servers leave out the wrapper that the name stands for; it begins with its method, 8.
        Coding::Deflate => State::Inflate(Decompress::new(first & 0x0f == 8)),
        Coding::Brotli if window_bits(first) > DECODE_WINDOW_BITS_MAX => return Err(Bad::Window),
        Coding::Brotli => {
            let alloc = StandardAlloc::default;
            State::Brotli(Box::new(BrotliState::new_strict(alloc(), alloc(), alloc())))
        }
    })
}

type Progress = Result<(usize, usize, bool), Bad>;

fn step_inflate(inflate: &mut Decompress, input: &[u8], output: &mut [u8]) -> Progress {
    let (read, written) = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(input, output, FlushDecompress::None).map_err(|_| Bad::Corrupt)?;
    Ok(((inflate.total_in() - read) as usize, (inflate.total_out() - written) as usize, status == Status::StreamEnd))
}

fn step_brotli(brotli: &mut BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>, input: &[u8], output: &mut [u8]) -> Progress {
    let (mut available_in, mut read, mut available_out, mut written, mut total) = (input.len(), 0, output.len(), 0, 0);
    let result = BrotliDecompressStream(&mut available_in, &mut read, input, &mut available_out, &mut written, output, &mut total, brotli);
    match result {
        BrotliResult::ResultSuccess => Ok((read, written, true)),
        BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => Ok((read, written, false)),
        BrotliResult::ResultFailure => Err(Bad::Corrupt),
    }
}

/// The window that a brotli stream says it needs in its first bits: RFC 7932, 9.1.
fn window_bits(first: u8) -> u8 {
    match first {
        first if first & 1 == 0 => 16,
        first if first & 0x0e != 0 => 17 + (first >> 1 & 7),
        first if first & 0x70 == 0 => 17,
        first => 8 + (first >> 4 & 7),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn raw(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn brotli(bytes: &[u8], window_bits: u32) -> Vec<u8> {
        let mut out = Vec::new();
        brotli::CompressorWriter::new(&mut out, 4096, 5, window_bits).write_all(bytes).unwrap();
        out
    }

    fn decode(coding: &str, encoded: &[u8], in_step: usize, out_step: usize) -> Result<Vec<u8>, Bad> {
        let mut headers = Headers::new();
        assert!(headers.push(b"content-encoding", coding.as_bytes()));
        let mut decoder = Decoder::of(&headers).expect(coding);
        let (mut out, mut buffer) = (Vec::new(), vec![0; out_step]);
        let mut drain = |decoder: &mut Decoder| loop {
            match decoder.give(&mut buffer)? {
                0 => return Ok(()),
                given => out.extend_from_slice(&buffer[..given]),
            }
        };
        for piece in encoded.chunks(in_step) {
            decoder.take(piece);
            drain(&mut decoder)?;
        }
        decoder.finish();
        drain(&mut decoder)?;
        Ok(out)
    }

    #[test]
    fn every_coding_is_undone_however_its_bytes_come() {
        let text: Vec<u8> = (0..5_000_u32).flat_map(|n| n.to_string().into_bytes()).collect();
        let twice = [gzip(&text[..100]), gzip(&text[100..])].concat();
        for (coding, encoded) in [
            ("gzip", gzip(&text)),
            ("X-GZip", gzip(&text)),
            ("gzip", twice),
            ("gzip", [gzip(&text), vec![0; 20]].concat()),
            ("deflate", zlib(&text)),
            ("deflate", raw(&text)),
            ("br", brotli(&text, 22)),
            ("gzip, br", brotli(&gzip(&text), 22)),
            ("br ,, deflate", zlib(&brotli(&text, 18))),
        ] {
            for (in_step, out_step) in [(1, 1), (7, 1_000), (1_000, 3), (1 << 20, 1 << 20)] {
                let decoded = decode(coding, &encoded, in_step, out_step);
                assert!(decoded.as_deref() == Ok(&text[..]), "{coding} {in_step} {out_step} {:?}", decoded.map(|text| text.len()));
            }
            assert_eq!(decode(coding, &[], 1, 1), Ok(Vec::new()));
        }
    }

    #[test]
    fn what_is_cut_short_or_corrupt_is_an_error() {
        let text = b"some text that is long enough to be compressed, some text that is long enough";
        for (coding, encoded) in
            [("gzip", gzip(text)), ("deflate", zlib(text)), ("br", brotli(text, 22)), ("gzip, br", brotli(&gzip(text), 22))]
        {
            for length in 1..encoded.len() {
                assert_eq!(decode(coding, &encoded[..length], 9, 50), Err(Bad::Truncated), "{coding} {length}");
            }
            let mut corrupt = encoded.clone();
            let last = corrupt.len() - 9;
            corrupt[last] ^= 0x55;
            assert_ne!(decode(coding, &corrupt, 9, 50).as_deref(), Ok(&text[..]), "{coding}");
        }
        assert_eq!(decode("gzip", b"<html>", 9, 50), Err(Bad::Corrupt));
    }

    #[test]
    fn a_bomb_is_stopped_and_so_is_a_window_beyond_what_is_allowed() {
        let bomb = gzip(&vec![0; 3 * DECODED_FREE_BYTES as usize]);
        assert_eq!(decode("gzip", &bomb, 1 << 14, 1 << 14), Err(Bad::Ratio));
        let small = vec![0; DECODED_FREE_BYTES as usize - 1];
        assert_eq!(decode("gzip", &gzip(&small), 1 << 14, 1 << 14), Ok(small));
        assert_eq!(decode("br", &brotli(b"abc", 24), 10, 10), Err(Bad::Window));
    }

    #[test]
    fn codings_that_are_not_understood_leave_the_body_alone() {
        for coding in ["identity", "zstd", "gzip, zstd", "", "gzip, gzip, gzip, gzip"] {
            let mut headers = Headers::new();
            assert!(headers.push(b"content-encoding", coding.as_bytes()));
            assert!(Decoder::of(&headers).is_none(), "{coding}");
        }
        assert!(Decoder::of(&Headers::new()).is_none());
    }
}
