//! Bytes to frames: data as it comes, everything else when it is whole.

use super::Fault;
use super::frame::{DATA, HEAD_BYTES, Head, PADDED, PREFACE};
use nano_base::limits::H2_FRAME_BYTES_MAX;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A frame that is not data.
    Frame(Head, Vec<u8>),
    /// A frame of data begins; its bytes follow.
    Data(Head),
    /// Some of them.
    Piece(&'a [u8]),
    /// There are no more; so many were padding.
    DataEnd(usize),
}

#[derive(Clone, Copy, Debug)]
enum At {
    Preface,
    Head,
    Frame(Head),
    Padding(Head),
    Data { left: usize, padding: usize, all_padding: usize },
}

#[derive(Debug)]
pub(super) struct Reader {
    at: At,
    buffer: Vec<u8>,
}

impl Reader {
    /// At the beginning of a connection, which clients begin with the preface.
    pub(super) fn new(from_client: bool) -> Self {
        Self { at: if from_client { At::Preface } else { At::Head }, buffer: Vec::new() }
    }

    /// The next of what is in `input`, from which it is taken; none if there is more to come.
    pub(super) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Item<'a>>, Fault> {
        loop {
            match self.at {
                At::Preface => {
                    let expected = &PREFACE[self.buffer.len()..];
                    let (came, rest) = input.split_at(expected.len().min(input.len()));
                    if came != &expected[..came.len()] {
                        return Err(Fault::protocol("the connection does not begin with HTTP/2's preface"));
                    }
                    *input = rest;
                    if came.len() < expected.len() {
                        self.buffer.extend_from_slice(came);
                        return Ok(None);
                    }
                    self.buffer = Vec::new();
                    self.at = At::Head;
                }
                At::Head => {
                    if !self.fill(input, HEAD_BYTES) {
                        return Ok(None);
                    }
                    let mut bytes = [0; HEAD_BYTES];
                    bytes.copy_from_slice(&self.buffer);
                    self.buffer.clear();
                    let head = Head::read(bytes);
                    if head.len > H2_FRAME_BYTES_MAX {
                        return Err(Fault::size("a frame is longer than was allowed"));
                    }
                    self.at = match head.kind {
                        DATA if head.has(PADDED) => At::Padding(head),
                        DATA => At::Data { left: head.len, padding: 0, all_padding: 0 },
                        _ => At::Frame(head),
                    };
                    if head.kind == DATA {
                        return Ok(Some(Item::Data(head)));
                    }
                }
                At::Frame(head) => {
                    if !self.fill(input, head.len) {
                        return Ok(None);
                    }
                    self.at = At::Head;
                    return Ok(Some(Item::Frame(head, std::mem::take(&mut self.buffer))));
                }
                At::Padding(head) => {
                    if head.len == 0 {
                        return Err(Fault::size("a padded frame is empty"));
                    }
                    let Some((length, rest)) = input.split_first() else { return Ok(None) };
                    *input = rest;
                    let padding = usize::from(*length);
                    let left = (head.len - 1).checked_sub(padding).ok_or(Fault::protocol("a frame has more padding than bytes"))?;
                    self.at = At::Data { left, padding, all_padding: padding + 1 };
                }
                At::Data { left: 0, padding: 0, all_padding } => {
                    self.at = At::Head;
                    return Ok(Some(Item::DataEnd(all_padding)));
                }
                At::Data { left, padding, all_padding } => {
                    if input.is_empty() {
                        return Ok(None);
                    }
                    let (piece, rest) = input.split_at(input.len().min(if left == 0 { padding } else { left }));
                    *input = rest;
                    if left == 0 {
                        self.at = At::Data { left, padding: padding - piece.len(), all_padding };
                    } else {
                        self.at = At::Data { left: left - piece.len(), padding, all_padding };
                        return Ok(Some(Item::Piece(piece)));
                    }
                }
            }
        }
    }

    /// Whether the buffer has as many bytes as it should.
    fn fill(&mut self, input: &mut &[u8], len: usize) -> bool {
        let (taken, rest) = input.split_at((len - self.buffer.len()).min(input.len()));
        self.buffer.extend_from_slice(taken);
        *input = rest;
        self.buffer.len() == len
    }
}
