//! What `Content-Encoding` says was done to a body, undone in steps: each gives no more than it is asked for and does no more than its share,
//! whether that leads to anything or not. A body that grows beyond all proportion is an error, also where it shrinks again after that.
//! https://fetch.spec.whatwg.org/#handle-content-codings

use std::cell::Cell;
use std::rc::Rc;

use brotli::enc::StandardAlloc;
use brotli::{Allocator, BrotliDecompressStream, BrotliResult, BrotliState, SliceWrapper};
use flate2::{Decompress, FlushDecompress, Status};
use nano_base::http::Headers;
use nano_base::limits::{
    CODINGS_MAX, DECODE_INPUT_COST, DECODE_MEMBER_COST_BYTES, DECODE_STEP_BYTES, DECODE_WINDOW_BITS_MAX, DECODED_FREE_BYTES,
    DECODED_RATIO_MAX, INFLATE_BYTES,
};

use crate::share::Share;

/// Why a body cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    Corrupt,
    Truncated,
    Ratio,
    Window,
    Memory,
}

impl Bad {
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Corrupt => "its compressed data is corrupt",
            Self::Truncated => "its compressed data is cut short",
            Self::Ratio => "it grows too much when it is decompressed",
            Self::Window => "decompressing it would take too much memory",
            Self::Memory => "the app has no room for what decompressing it takes beside all else that waits for it (limit external_bytes)",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
}

/// What a decoder takes and wants to take: whether there is room for it. There always is for less.
pub(super) type Hold = Box<dyn Fn(usize, usize) -> bool>;

/// What came of asking for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// So many bytes.
    Bytes(usize),
    /// None: it needs more, or has no more to give.
    Nothing,
    /// None yet, and others have to have their turns first.
    Again,
}

/// Undoes what was done to one body.
pub(super) struct Decoder {
    /// The last coding that was applied comes first.
    stages: Vec<Stage>,
    taken: u64,
    hold: Hold,
    held: usize,
}

impl Decoder {
    /// A decoder for what the headers say; none if nothing was done that is understood, and then the body is left as it is.
    pub(super) fn of(headers: &Headers, hold: impl Fn(usize, usize) -> bool + 'static) -> Option<Self> {
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
        (1..=CODINGS_MAX).contains(&stages.len()).then_some(Self { stages, taken: 0, hold: Box::new(hold), held: 0 })
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

    /// Gives decoded bytes, as far as the share goes.
    pub(super) fn give(&mut self, output: &mut [u8], share: &mut Share) -> Result<Given, Bad> {
        let given = give(&mut self.stages, output, share)?;
        let grows = |stage: &Stage| stage.made > DECODED_FREE_BYTES && stage.made / DECODED_RATIO_MAX > self.taken;
        if self.stages.iter().any(grows) {
            return Err(Bad::Ratio);
        }
        let held = self.stages.iter().map(Stage::bytes).sum();
        if held != self.held {
            if !(self.hold)(self.held, held) {
                return Err(Bad::Memory);
            }
            self.held = held;
        }
        Ok(given)
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        if self.held > 0 {
            (self.hold)(self.held, 0);
        }
    }
}

fn give(stages: &mut [Stage], output: &mut [u8], share: &mut Share) -> Result<Given, Bad> {
    let Some((stage, before)) = stages.split_last_mut() else { return Ok(Given::Nothing) };
    loop {
        let given = stage.give(output, share)?;
        if given != Given::Nothing || before.is_empty() || stage.is_over() {
            return Ok(given);
        }
        // All of its input is used: what the stage before gives goes to the same place.
        stage.input.resize(DECODE_STEP_BYTES, 0);
        stage.at = 0;
        let between = give(before, &mut stage.input, share);
        stage.input.truncate(if let Ok(Given::Bytes(between)) = between { between } else { 0 });
        match between? {
            Given::Bytes(_) => {}
            Given::Again => return Ok(Given::Again),
            Given::Nothing if before.last().is_none_or(Stage::is_over) => stage.last = true,
            Given::Nothing => return Ok(Given::Nothing),
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
    /// What it has given, and what its members count.
    made: u64,
}

enum State {
    /// Nothing has come: an empty body is empty in every coding.
    New,
    /// A member of gzip has ended, and another may follow; anything else there is padding.
    Between,
    Inflate(Decompress),
    Brotli(Box<Unbrotli>),
    /// All has been given; what follows is nobody's.
    Over,
}

impl Stage {
    fn new(coding: Coding) -> Self {
        Self { coding, state: State::New, input: Vec::new(), at: 0, last: false, made: 0 }
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// What its decoder takes.
    fn bytes(&self) -> usize {
        match &self.state {
            State::Inflate(_) => INFLATE_BYTES,
            State::Brotli(brotli) => brotli.bytes.0.get(),
            State::New | State::Between | State::Over => 0,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.input.drain(..self.at);
        self.at = 0;
        self.input.extend_from_slice(bytes);
    }

    fn give(&mut self, output: &mut [u8], share: &mut Share) -> Result<Given, Bad> {
        loop {
            if share.is_used() {
                return Ok(Given::Again);
            }
            let rest = &self.input[self.at..];
            let rest = &rest[..rest.len().min(INPUT_STEP_BYTES)];
            let (read, written, ended) = match &mut self.state {
                State::Over => {
                    self.at = self.input.len();
                    return Ok(Given::Nothing);
                }
                State::New | State::Between => match rest.first() {
                    Some(first) if matches!(self.state, State::Between) && *first != 0x1f => {
                        self.state = State::Over;
                        continue;
                    }
                    Some(first) => {
                        // The first is there in any case.
                        if matches!(self.state, State::Between) {
                            self.made += DECODE_MEMBER_COST_BYTES as u64;
                        }
                        self.state = begin(self.coding, *first)?;
                        share.spend(DECODE_MEMBER_COST_BYTES);
                        continue;
                    }
                    None => {
                        if self.last {
                            self.state = State::Over;
                        }
                        return Ok(Given::Nothing);
                    }
                },
                State::Inflate(inflate) => step_inflate(inflate, rest, output)?,
                State::Brotli(brotli) => step_brotli(brotli, rest, output)?,
            };
            self.at += read;
            self.made += written as u64;
            share.spend(read * DECODE_INPUT_COST + written);
            if ended {
                self.state = if self.coding == Coding::Gzip { State::Between } else { State::Over };
            }
            if written > 0 {
                return Ok(Given::Bytes(written));
            }
            if !ended && self.at == self.input.len() {
                return if self.last { Err(Bad::Truncated) } else { Ok(Given::Nothing) };
            }
            if !ended && read == 0 {
                return Err(Bad::Corrupt);
            }
        }
    }
}

/// What a decoder is given at once: between two steps it is looked whether others wait.
const INPUT_STEP_BYTES: usize = 4 << 10;

/// A decoder of brotli. It takes what its window needs, which may be more than its stream says anything in: what it has is counted.
struct Unbrotli {
    state: BrotliState<Counted, Counted, Counted>,
    bytes: Counted,
}

/// What was allocated and not freed.
#[derive(Clone, Default)]
struct Counted(Rc<Cell<usize>>);

impl<T: Clone + Default> Allocator<T> for Counted {
    type AllocatedMemory = <StandardAlloc as Allocator<T>>::AllocatedMemory;

    fn alloc_cell(&mut self, len: usize) -> Self::AllocatedMemory {
        self.0.set(self.0.get() + len * size_of::<T>());
        StandardAlloc::default().alloc_cell(len)
    }

    fn free_cell(&mut self, memory: Self::AllocatedMemory) {
        self.0.set(self.0.get().saturating_sub(size_of_val(memory.slice())));
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
            let bytes = Counted::default();
            let state = BrotliState::new_strict(bytes.clone(), bytes.clone(), bytes.clone());
            State::Brotli(Box::new(Unbrotli { state, bytes }))
        }
    })
}

type Progress = Result<(usize, usize, bool), Bad>;

fn step_inflate(inflate: &mut Decompress, input: &[u8], output: &mut [u8]) -> Progress {
    let (read, written) = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(input, output, FlushDecompress::None).map_err(|_| Bad::Corrupt)?;
    Ok(((inflate.total_in() - read) as usize, (inflate.total_out() - written) as usize, status == Status::StreamEnd))
}

fn step_brotli(brotli: &mut Unbrotli, input: &[u8], output: &mut [u8]) -> Progress {
    let brotli = &mut brotli.state;
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
    use nano_base::limits::NETWORK_TURN_BYTES;

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

    fn decoder(coding: &str, hold: impl Fn(usize, usize) -> bool + 'static) -> Option<Decoder> {
        let mut headers = Headers::new();
        assert!(headers.push(b"content-encoding", coding.as_bytes()));
        Decoder::of(&headers, hold)
    }

    fn decode(coding: &str, encoded: &[u8], in_step: usize, out_step: usize) -> Result<Vec<u8>, Bad> {
        let mut decoder = decoder(coding, |_, _| true).expect(coding);
        let (mut out, mut buffer) = (Vec::new(), vec![0; out_step]);
        let mut drain = |decoder: &mut Decoder| loop {
            match decoder.give(&mut buffer, &mut Share::of_turn())? {
                Given::Nothing => return Ok(()),
                Given::Again => {}
                Given::Bytes(given) => out.extend_from_slice(&buffer[..given]),
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
            assert!(decoder(coding, |_, _| true).is_none(), "{coding}");
        }
        assert!(Decoder::of(&Headers::new(), |_, _| true).is_none());
    }

    /// So many members of gzip with nothing in them.
    fn empty_members(count: usize) -> Vec<u8> {
        gzip(b"").repeat(count)
    }

    #[test]
    fn what_leads_to_nothing_is_no_more_than_a_share_of_work_at_a_time() {
        // Under the caps of ratio, all of them: what is wanted is that each call is short.
        let members = DECODED_FREE_BYTES as usize / DECODE_MEMBER_COST_BYTES - 2;
        for (coding, encoded) in [("gzip", empty_members(members)), ("gzip, br", brotli(&empty_members(members), 22))] {
            let mut decoder = decoder(coding, |_, _| true).unwrap();
            decoder.take(&encoded);
            decoder.finish();
            let (mut buffer, mut calls) = (vec![0; 16 << 10], 0);
            loop {
                calls += 1;
                match decoder.give(&mut buffer, &mut Share::of_turn()) {
                    Ok(Given::Again) => {}
                    end => break assert_eq!(end, Ok(Given::Nothing), "{coding}"),
                }
            }
            assert!(calls >= members * DECODE_MEMBER_COST_BYTES / NETWORK_TURN_BYTES, "{coding}: {calls} calls for {members} members");
        }
    }

    #[test]
    fn a_bomb_is_stopped_also_where_nothing_comes_of_it() {
        let empty = empty_members(64 << 10);
        assert_eq!(decode("gzip", &empty, 1 << 14, 1 << 14), Err(Bad::Ratio));
        assert_eq!(decode("gzip, br", &brotli(&empty, 22), 1 << 14, 1 << 14), Err(Bad::Ratio));
        // One member whose name has no end: brotli makes much of little, and gzip nothing of it.
        let named = [b"\x1f\x8b\x08\x08\0\0\0\0\0\x03".to_vec(), vec![b'a'; 3 * DECODED_FREE_BYTES as usize]].concat();
        assert_eq!(decode("gzip, br", &brotli(&named, 22), 1 << 14, 1 << 14), Err(Bad::Ratio));
        // What is large in between and small in the end: an archive of zeros that ends in something that is no gzip.
        let shrinks = [gzip(b"abc"), vec![0; 3 * DECODED_FREE_BYTES as usize]].concat();
        assert_eq!(decode("gzip, br", &brotli(&shrinks, 22), 1 << 14, 1 << 14).map(|_| ()), Ok(()), "what follows the end is not decoded");
    }

    #[test]
    fn what_a_decoder_takes_is_held_while_it_is_needed_and_no_longer() {
        let text: Vec<u8> = (0..1_200_000_u32).flat_map(u32::to_le_bytes).collect();
        for (coding, encoded, least, most) in [
            ("gzip", gzip(&text), INFLATE_BYTES, INFLATE_BYTES),
            ("br", brotli(&text, 22), 4 << 20, 6 << 20),
            ("br", brotli(&text, 16), 64 << 10, 1 << 20),
            ("gzip, br", brotli(&gzip(&text), 22), (4 << 20) + INFLATE_BYTES, 6 << 20),
        ] {
            let held = Rc::<Cell<usize>>::default();
            let most_held = Rc::<Cell<usize>>::default();
            let room = Rc::new(Cell::new(usize::MAX));
            let run = |length: usize| {
                let (held, most_held, room) = (held.clone(), most_held.clone(), room.clone());
                let mut decoder = decoder(coding, move |before, after| {
                    assert_eq!(held.get(), before);
                    held.set(after);
                    most_held.set(most_held.get().max(after));
                    after <= room.get() || {
                        held.set(before);
                        false
                    }
                })
                .unwrap();
                decoder.take(&encoded[..length]);
                let mut buffer = vec![0; 16 << 10];
                loop {
                    match decoder.give(&mut buffer, &mut Share::of_turn()) {
                        Ok(Given::Nothing) => return Ok(decoder),
                        Err(bad) => return Err(bad),
                        Ok(_) => {}
                    }
                }
            };
            let half = run(encoded.len() / 2).ok();
            assert!((least..=most).contains(&held.get()), "{coding}: {}", held.get());
            drop(half);
            assert_eq!(held.get(), 0);
            let whole = run(encoded.len()).ok();
            assert_eq!((whole.is_some(), held.get()), (true, 0), "{coding}: nothing is needed at the end");
            room.set(least - 1);
            assert_eq!(run(encoded.len() / 2).err(), Some(Bad::Memory), "{coding}");
            assert_eq!(held.get(), 0);
        }
    }
}
