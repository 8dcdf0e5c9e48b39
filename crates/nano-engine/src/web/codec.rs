//! Compressors and decompressors as states that are fed and drained a bounded piece at a time. Nothing here knows V8.
//!
//! What a state holds is counted, so that its owner can charge for it: the windows of zlib by their known sizes, brotli's through
//! its allocator.

use std::cell::Cell;
use std::rc::Rc;

use brotli::enc::encode::{BrotliEncoderOperation, BrotliEncoderParameter, BrotliEncoderStateStruct};
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::codec_memory::Counted;

/// What a stream is compressed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Gzip,
    Deflate,
    DeflateRaw,
    Brotli,
}

impl Format {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "gzip" => Self::Gzip,
            "deflate" => Self::Deflate,
            "deflate-raw" => Self::DeflateRaw,
            "brotli" => Self::Brotli,
            _ => return None,
        })
    }
}

/// zlib's window.
const WINDOW_BITS: u8 = 15;
/// A compressor of zlib: window, chains and heads of 64, 64 and 128 KiB, 64 KiB of pending output, and the rest of its state.
const DEFLATE_BYTES: usize = 344 << 10;
/// A decompressor of zlib: the window of 32 KiB with its padding, the tables.
const INFLATE_BYTES: usize = 48 << 10;
/// Middle of the road: about the ratio of zlib's best at several times its speed.
const BROTLI_QUALITY: u32 = 5;
/// A window of 256 KiB, in blocks of 64 KiB, so that no step works through more.
const BROTLI_WINDOW_BITS: u32 = 18;
const BROTLI_BLOCK_BITS: u32 = 16;
/// What brotli's states are apart from what they allocate.
const BROTLI_STATE_BYTES: usize = 16 << 10;
/// What a compressor of brotli comes to hold, about.
const BROTLI_ENCODER_BYTES: usize = 3 << 20;

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Bytes of the input that are done with.
    pub read: usize,
    /// Bytes of the output that are written.
    pub written: usize,
    /// Whether the state wants more input, or has none to wait for: another step with the same input would do nothing.
    pub idle: bool,
}

/// What is to come out of a step, besides what the codec gives by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flush {
    /// Nothing.
    None,
    /// All that has been read, so that it can be decompressed; more may follow.
    Sync,
    /// All, and the end of the stream: no input follows.
    Finish,
}

/// What a decompressor does about bytes behind the end of the compressed stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// They are an error, as in DecompressionStream.
    Refuse,
    /// As in Node: another member of gzip goes on where the one before ended, unless a zero comes first; everything else is passed over.
    AsNode,
}

/// Why a decompressor gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Corrupt(pub &'static str);

type BrotliEncoder = BrotliEncoderStateStruct<Counted>;
type BrotliDecoder = BrotliState<Counted, Counted, Counted>;

enum State {
    Deflate(Compress),
    Inflate(Decompress),
    BrotliEncode(Box<BrotliEncoder>),
    BrotliDecode(Box<BrotliDecoder>),
}

/// One stream being compressed or decompressed.
pub(super) struct Codec {
    state: State,
    /// Bytes that brotli has allocated.
    allocated: Rc<Cell<usize>>,
    /// The compressed stream has come to its end.
    ended: bool,
    behind: Behind,
    /// Members of gzip may follow one another.
    joins: bool,
    /// The first bytes of a brotli stream, until its window is known.
    window_bits: Option<u8>,
}

impl Codec {
    pub(super) fn compressor(format: Format) -> Self {
        let allocated = Rc::<Cell<usize>>::default();
        let level = Compression::default();
        let state = match format {
            Format::Gzip => State::Deflate(Compress::new_gzip(level, WINDOW_BITS)),
            Format::Deflate => State::Deflate(Compress::new(level, true)),
            Format::DeflateRaw => State::Deflate(Compress::new(level, false)),
            Format::Brotli => {
                let mut encoder = Box::new(BrotliEncoder::new(Counted(allocated.clone())));
                encoder.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_QUALITY, BROTLI_QUALITY);
                encoder.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_LGWIN, BROTLI_WINDOW_BITS);
                encoder.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_LGBLOCK, BROTLI_BLOCK_BITS);
                State::BrotliEncode(encoder)
            }
        };
        Self { state, allocated, ended: false, behind: Behind::Refuse, joins: false, window_bits: None }
    }

    pub(super) fn decompressor(format: Format, behind: Behind) -> Self {
        let allocated = Rc::<Cell<usize>>::default();
        let state = match format {
            Format::Gzip => State::Inflate(Decompress::new_gzip(WINDOW_BITS)),
            Format::Deflate => State::Inflate(Decompress::new(true)),
            Format::DeflateRaw => State::Inflate(Decompress::new(false)),
            Format::Brotli => {
                let counted = || Counted(allocated.clone());
                State::BrotliDecode(Box::new(BrotliDecoder::new_strict(counted(), counted(), counted())))
            }
        };
        let joins = behind == Behind::AsNode && format == Format::Gzip;
        Self { state, allocated, ended: false, behind, joins, window_bits: None }
    }

    /// What this state holds, or is about to: ask before each step with the input it will see.
    pub(super) fn held(&mut self, input: &[u8]) -> usize {
        match &self.state {
            State::Deflate(_) => DEFLATE_BYTES,
            State::Inflate(_) => INFLATE_BYTES,
            State::BrotliEncode(_) => BROTLI_STATE_BYTES + self.allocated.get().max(BROTLI_ENCODER_BYTES),
            State::BrotliDecode(_) => {
                if let ([first, ..], None) = (input, self.window_bits) {
                    self.window_bits = Some(window_bits(*first));
                }
                let window = self.window_bits.map_or(0, |bits| 1_usize << bits);
                BROTLI_STATE_BYTES + self.allocated.get().max(window)
            }
        }
    }

    /// Whether the compressed stream has come to its end.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Reads from `input` and writes to `output`, as much as there is of both at most.
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8], flush: Flush) -> Result<Step, Corrupt> {
        let last = flush == Flush::Finish;
        if self.ended && !self.goes_on(input) {
            return match self.behind {
                _ if input.is_empty() || !self.is_decompressor() => Ok(Step { read: 0, written: 0, idle: true }),
                Behind::AsNode => Ok(Step { read: input.len(), written: 0, idle: true }),
                Behind::Refuse => Err(Corrupt("something follows the end of the compressed data")),
            };
        }
        let (read, written, ended) = match &mut self.state {
            State::Deflate(deflate) => step_deflate(deflate, input, output, flush)?,
            State::Inflate(inflate) => step_inflate(inflate, input, output)?,
            State::BrotliEncode(encoder) => step_brotli_encode(encoder, input, output, flush)?,
            State::BrotliDecode(decoder) => step_brotli_decode(decoder, input, output)?,
        };
        self.ended = ended;
        // A full output may have more behind it; one with room left means that the input is used up.
        let idle = written < output.len() && read == input.len();
        if last && idle && !ended && self.is_decompressor() {
            if written > 0 {
                return Ok(Step { read, written, idle: false });
            }
            return Err(Corrupt("the compressed data is cut short"));
        }
        Ok(Step { read, written, idle: idle && (!last || ended) })
    }

    /// Begins with another member of gzip, if what follows the end of one is to be that.
    fn goes_on(&mut self, input: &[u8]) -> bool {
        let Some(first) = input.first().filter(|_| self.joins) else { return false };
        if *first == 0 {
            self.joins = false;
            return false;
        }
        self.state = State::Inflate(Decompress::new_gzip(WINDOW_BITS));
        self.ended = false;
        true
    }

    fn is_decompressor(&self) -> bool {
        matches!(self.state, State::Inflate(_) | State::BrotliDecode(_))
    }
}

type Progress = Result<(usize, usize, bool), Corrupt>;

fn step_deflate(deflate: &mut Compress, input: &[u8], output: &mut [u8], flush: Flush) -> Progress {
    let (before_in, before_out) = (deflate.total_in(), deflate.total_out());
    let flush = match flush {
        Flush::None => FlushCompress::None,
        Flush::Sync => FlushCompress::Sync,
        Flush::Finish => FlushCompress::Finish,
    };
    let status = deflate.compress(input, output, flush).map_err(|_| Corrupt("the compressor failed"))?;
    Ok(((deflate.total_in() - before_in) as usize, (deflate.total_out() - before_out) as usize, status == Status::StreamEnd))
}

fn step_inflate(inflate: &mut Decompress, input: &[u8], output: &mut [u8]) -> Progress {
    let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(input, output, FlushDecompress::None).map_err(|_| Corrupt("the compressed data is corrupt"))?;
    Ok(((inflate.total_in() - before_in) as usize, (inflate.total_out() - before_out) as usize, status == Status::StreamEnd))
}

fn step_brotli_encode(encoder: &mut BrotliEncoder, input: &[u8], output: &mut [u8], flush: Flush) -> Progress {
    let operation = match flush {
        Flush::None => BrotliEncoderOperation::BROTLI_OPERATION_PROCESS,
        Flush::Sync => BrotliEncoderOperation::BROTLI_OPERATION_FLUSH,
        Flush::Finish => BrotliEncoderOperation::BROTLI_OPERATION_FINISH,
    };
    let (mut available_in, mut read, mut available_out, mut written) = (input.len(), 0, output.len(), 0);
    let done = encoder.compress_stream(
        operation,
        &mut available_in,
        input,
        &mut read,
        &mut available_out,
        output,
        &mut written,
        &mut None,
        &mut |_, _, _, _| (),
    );
    if done { Ok((read, written, encoder.is_finished())) } else { Err(Corrupt("the compressor failed")) }
}

fn step_brotli_decode(decoder: &mut BrotliDecoder, input: &[u8], output: &mut [u8]) -> Progress {
    let (mut available_in, mut read, mut available_out, mut written, mut total) = (input.len(), 0, output.len(), 0, 0);
    let result = BrotliDecompressStream(&mut available_in, &mut read, input, &mut available_out, &mut written, output, &mut total, decoder);
    match result {
        BrotliResult::ResultSuccess => Ok((read, written, true)),
        BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => Ok((read, written, false)),
        BrotliResult::ResultFailure => Err(Corrupt("the compressed data is corrupt")),
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
