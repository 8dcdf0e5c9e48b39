//! Takes a body out of what frames it, without copying.

use super::{Fault, Framing};
use nano_base::http::is_token;
use nano_base::limits::{HTTP_CHUNK_EXTENSION_BYTES_MAX, HTTP_HEADERS_MAX, HTTP_TRAILER_BYTES_MAX};

/// What one step took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// How many bytes of the input are done with, the piece among them.
    pub consumed: usize,
    /// A piece of the body; empty if more input is needed, or at the end.
    pub data: &'a [u8],
    /// Whether the body has ended; what follows in the input is the next message's.
    pub done: bool,
}

/// Where a body's reader is.
#[derive(Clone, Debug)]
pub struct BodyDecoder {
    state: State,
    extension_bytes: usize,
    trailer_bytes: usize,
    trailers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Done,
    Length(u64),
    UntilClose,
    Failed(Fault),
    Size {
        size: u64,
        digits: u8,
    },
    /// White space after the size: an extension has to follow.
    SizeSpace(u64),
    Extension(u64),
    SizeFeed(u64),
    Data(u64),
    DataReturn,
    DataFeed,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerFeed,
    EndFeed,
}

const SIZE: State = State::Size { size: 0, digits: 0 };

impl BodyDecoder {
    /// A reader of a body that is framed so.
    pub fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => SIZE,
            Framing::UntilClose => State::UntilClose,
        };
        Self { state, extension_bytes: 0, trailer_bytes: 0, trailers: 0 }
    }

    /// Whether the body has ended.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes the next piece. A step that gives no piece and is not done has used all of `input`.
    pub fn decode<'a>(&mut self, input: &'a [u8]) -> Result<Step<'a>, Fault> {
        let (state, at, data) = self.advance(self.state, input);
        self.state = state;
        match state {
            State::Failed(fault) => Err(fault),
            state => Ok(Step { consumed: at + data.len(), data, done: state == State::Done }),
        }
    }

    /// The connection has ended: whether the body has, too.
    pub fn close(&mut self) -> Result<(), Fault> {
        match self.state {
            State::Done | State::UntilClose => {
                self.state = State::Done;
                Ok(())
            }
            State::Failed(fault) => Err(fault),
            _ => Err(Fault::Truncated),
        }
    }

    /// The state after the next piece, where that begins, and the piece.
    fn advance<'a>(&mut self, mut state: State, input: &'a [u8]) -> (State, usize, &'a [u8]) {
        let mut at = 0;
        loop {
            match state {
                State::Done | State::Failed(_) => return (state, at, &[]),
                State::UntilClose => return (state, at, &input[at..]),
                State::Length(left) => {
                    let piece = first(&input[at..], left);
                    let left = left - piece.len() as u64;
                    return (if left == 0 { State::Done } else { State::Length(left) }, at, piece);
                }
                State::Data(left) if at < input.len() => {
                    let piece = first(&input[at..], left);
                    let left = left - piece.len() as u64;
                    return (if left == 0 { State::DataReturn } else { State::Data(left) }, at, piece);
                }
                _ => {
                    let Some(byte) = input.get(at) else { return (state, at, &[]) };
                    at += 1;
                    state = self.byte(state, *byte);
                }
            }
        }
    }

    /// One byte of what frames the chunks.
    fn byte(&mut self, state: State, byte: u8) -> State {
        match (state, byte) {
            (State::Size { size, digits }, byte) if byte.is_ascii_hexdigit() => {
                // Leading zeros count: nobody needs more than 64 bits have.
                let digit = (byte as char).to_digit(16).map_or(0, u64::from);
                if digits == 16 { State::Failed(Fault::ChunkSize) } else { State::Size { size: size << 4 | digit, digits: digits + 1 } }
            }
            (State::Size { digits: 0, .. }, _) => State::Failed(Fault::ChunkSize),
            (State::Size { size, .. }, b'\r') => State::SizeFeed(size),
            (State::Size { size, .. } | State::SizeSpace(size), b';') => self.extension(size),
            (State::Size { size, .. } | State::SizeSpace(size), b' ' | b'\t') => match self.extension(size) {
                State::Extension(size) => State::SizeSpace(size),
                failed => failed,
            },
            (State::Size { .. } | State::SizeSpace(_), _) => State::Failed(Fault::ChunkSize),
            (State::Extension(size), b'\r') => State::SizeFeed(size),
            (State::Extension(size), byte) if in_value(byte) => self.extension(size),
            (State::Extension(_), _) => State::Failed(Fault::ChunkExtension),
            (State::SizeFeed(0), b'\n') => State::TrailerStart,
            (State::SizeFeed(size), b'\n') => State::Data(size),
            (State::SizeFeed(_), _) => State::Failed(Fault::ChunkSize),
            (State::DataReturn, b'\r') => State::DataFeed,
            (State::DataFeed, b'\n') => SIZE,
            (State::DataReturn | State::DataFeed, _) => State::Failed(Fault::ChunkEnd),
            (State::TrailerStart, b'\r') => State::EndFeed,
            (State::TrailerStart, byte) if is_token(byte) => {
                self.trailers += 1;
                if self.trailers > HTTP_HEADERS_MAX { State::Failed(Fault::TrailerTooLong) } else { self.trailer(State::TrailerName) }
            }
            (State::TrailerName, b':') => self.trailer(State::TrailerValue),
            (State::TrailerName, byte) if is_token(byte) => self.trailer(State::TrailerName),
            (State::TrailerValue, b'\r') => State::TrailerFeed,
            (State::TrailerValue, byte) if in_value(byte) => self.trailer(State::TrailerValue),
            (State::TrailerFeed, b'\n') => State::TrailerStart,
            (State::EndFeed, b'\n') => State::Done,
            _ => State::Failed(Fault::Trailer),
        }
    }

    fn extension(&mut self, size: u64) -> State {
        self.extension_bytes += 1;
        if self.extension_bytes > HTTP_CHUNK_EXTENSION_BYTES_MAX { State::Failed(Fault::ChunkExtension) } else { State::Extension(size) }
    }

    fn trailer(&mut self, next: State) -> State {
        self.trailer_bytes += 1;
        if self.trailer_bytes > HTTP_TRAILER_BYTES_MAX { State::Failed(Fault::TrailerTooLong) } else { next }
    }
}

fn first(input: &[u8], left: u64) -> &[u8] {
    &input[..usize::try_from(left).map_or(input.len(), |left| left.min(input.len()))]
}

fn in_value(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}
