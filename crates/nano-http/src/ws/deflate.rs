//! The compression of messages: each is a raw DEFLATE stream that ends in a sync flush whose last four bytes are not sent.

use super::Violation;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// What ends a sync flush.
const TAIL: &[u8] = &[0, 0, 0xff, 0xff];
/// What is decompressed in one step.
const STEP_BYTES: usize = 16 << 10;

/// Decompresses messages. Between messages it keeps its window only if that is agreed.
#[derive(Debug)]
pub struct Inflater {
    window_bits: u8,
    keep: bool,
    stream: Option<Decompress>,
}

impl Inflater {
    /// A decompressor for a peer with such a window.
    pub fn new(window_bits: u8, keep_context: bool) -> Self {
        Self { window_bits: window_bits.clamp(9, 15), keep: keep_context, stream: None }
    }

    /// Appends what `input` is to `out`, which may have `max` bytes in all.
    pub fn inflate(&mut self, mut input: &[u8], out: &mut Vec<u8>, max: usize) -> Result<(), Violation> {
        let stream = self.stream.get_or_insert_with(|| Decompress::new_with_window_bits(false, self.window_bits));
        loop {
            // Room for one byte more than allowed shows a message that is too large.
            let start = out.len();
            let room = (max + 1 - start).min(STEP_BYTES.min(32 + 4 * input.len()));
            out.resize(start + room, 0);
            let (read_before, written_before) = (stream.total_in(), stream.total_out());
            let status = stream.decompress(input, &mut out[start..], FlushDecompress::None);
            let read = (stream.total_in() - read_before) as usize;
            let written = (stream.total_out() - written_before) as usize;
            out.truncate(start + written);
            input = &input[read..];
            let status = status.map_err(|_| Violation::Deflate)?;
            if out.len() > max {
                return Err(Violation::TooLarge);
            }
            if status == Status::StreamEnd {
                // A sender may end its stream within a message; another begins at the next byte.
                stream.reset(false);
            }
            if input.is_empty() && (written < room || status == Status::StreamEnd) {
                return Ok(());
            }
            if read == 0 && written == 0 {
                return Err(Violation::Deflate);
            }
        }
    }

    /// The message has ended.
    pub fn end(&mut self, out: &mut Vec<u8>, max: usize) -> Result<(), Violation> {
        let whole = out.len();
        let ended = self.inflate(TAIL, out, max);
        // The tail is an empty block. If it gives anything, or is too much, a block before it took it for its own.
        if ended.is_err() || out.len() > whole {
            out.truncate(whole);
            return Err(Violation::Deflate);
        }
        if !self.keep {
            self.stream = None;
        }
        Ok(())
    }
}

/// Compresses messages. Between messages it keeps its window only if that is agreed.
#[derive(Debug)]
pub struct Deflater {
    window_bits: u8,
    keep: bool,
    stream: Option<Compress>,
}

impl Deflater {
    /// A compressor with such a window; none if there is no compressor with so small a one: then messages are sent as they are.
    pub fn new(window_bits: u8, keep_context: bool) -> Option<Self> {
        (9..=15).contains(&window_bits).then_some(Self { window_bits, keep: keep_context, stream: None })
    }

    /// Appends a message, compressed, to `out`. It has to be sent: with the context kept, the next one builds upon it.
    pub fn deflate(&mut self, message: &[u8], out: &mut Vec<u8>) {
        if message.is_empty() {
            // A flush of nothing gives nothing; this is the empty block's first byte.
            out.push(0);
            return;
        }
        let stream = self.stream.get_or_insert_with(|| Compress::new_with_window_bits(Compression::fast(), false, self.window_bits));
        let start = out.len();
        let mut input = message;
        loop {
            out.reserve(64 + input.len() / 2);
            let (read, room) = (stream.total_in(), out.capacity() - out.len());
            let before = out.len();
            // A compressor that is fed in this order has no error to give.
            let status = stream.compress_vec(input, out, FlushCompress::Sync);
            debug_assert!(status.is_ok());
            input = &input[(stream.total_in() - read) as usize..];
            // Room that is left shows that the flush is complete.
            if status.is_err() || (input.is_empty() && out.len() - before < room) {
                break;
            }
        }
        if out[start..].ends_with(TAIL) {
            out.truncate(out.len() - TAIL.len());
        }
        if !self.keep {
            self.stream = None;
        }
    }
}
