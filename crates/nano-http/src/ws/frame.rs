//! A frame's head, and the mask over its payload.

use super::{Role, Violation};

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// More of the message before it.
    Continuation = 0,
    /// Text, or its beginning.
    Text = 1,
    /// Bytes, or their beginning.
    Binary = 2,
    /// The last frame of its side.
    Close = 8,
    /// To be answered by a pong.
    Ping = 9,
    /// The answer to a ping.
    Pong = 10,
}

impl Opcode {
    fn of(bits: u8) -> Option<Self> {
        [Self::Continuation, Self::Text, Self::Binary, Self::Close, Self::Ping, Self::Pong].into_iter().find(|opcode| *opcode as u8 == bits)
    }

    /// Whether it is a frame about the connection, which may stand between the fragments of a message.
    pub fn is_control(self) -> bool {
        self as u8 >= Self::Close as u8
    }
}

/// A frame's head as it is written.
#[derive(Clone, Copy, Debug)]
pub struct FrameHead {
    bytes: [u8; 14],
    length: usize,
}

impl FrameHead {
    /// The head of a frame whose payload has `payload` bytes. `compressed` marks the first frame of a compressed message.
    pub fn new(opcode: Opcode, last: bool, compressed: bool, payload: usize, mask: Option<[u8; 4]>) -> Self {
        let mut head = Self { bytes: [0; 14], length: 0 };
        let masked = if mask.is_some() { 0x80 } else { 0 };
        head.push(&[(u8::from(last) << 7) | (u8::from(compressed) << 6) | opcode as u8]);
        match (u8::try_from(payload), u16::try_from(payload)) {
            (Ok(short @ ..126), _) => head.push(&[masked | short]),
            (_, Ok(middle)) => {
                head.push(&[masked | 126]);
                head.push(&middle.to_be_bytes());
            }
            _ => {
                head.push(&[masked | 127]);
                head.push(&(payload as u64).to_be_bytes());
            }
        }
        if let Some(mask) = mask {
            head.push(&mask);
        }
        head
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    /// The bytes to send before the (masked) payload.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Applies a mask, or takes it off; `offset` is where in the payload `bytes` begin.
pub fn mask(bytes: &mut [u8], key: [u8; 4], offset: usize) {
    let key: [u8; 4] = std::array::from_fn(|at| key[(offset + at) % 4]);
    let wide = u64::from_ne_bytes(std::array::from_fn(|at| key[at % 4]));
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (at, byte) in rest.iter_mut().enumerate() {
        *byte ^= key[at % 4];
    }
}

/// A frame's head as it was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub opcode: Opcode,
    pub last: bool,
    /// The first reserved bit, which permessage-deflate uses.
    pub compressed: bool,
    pub length: u64,
    pub mask: Option<[u8; 4]>,
}

/// How many bytes a head has, from its first two.
pub(super) fn head_bytes(second: u8) -> usize {
    let length = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + length + if second & 0x80 != 0 { 4 } else { 0 }
}

/// Checks what can be checked of the first two bytes alone, so that no more is waited for in vain.
pub(super) fn check_start(first: u8, second: u8, role: Role) -> Result<Opcode, Violation> {
    if first & 0x30 != 0 {
        return Err(Violation::Reserved);
    }
    let opcode = Opcode::of(first & 0x0f).ok_or(Violation::Opcode)?;
    if first & 0x40 != 0 && !matches!(opcode, Opcode::Text | Opcode::Binary) {
        return Err(Violation::Reserved);
    }
    if (second & 0x80 != 0) != (role == Role::Server) {
        return Err(Violation::Mask);
    }
    if opcode.is_control() && (first & 0x80 == 0 || second & 0x7f > 125) {
        return Err(Violation::Control);
    }
    Ok(opcode)
}

impl Frame {
    /// Reads a whole head whose start has been checked.
    pub fn read(head: &[u8], opcode: Opcode) -> Result<Self, Violation> {
        let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let length = match head[1] & 0x7f {
            126 => Some(number(&head[2..4])).filter(|length| *length > 125),
            127 => Some(number(&head[2..10])).filter(|length| *length > 0xffff && *length < 1 << 63),
            short => Some(u64::from(short)),
        };
        let mask = (head[1] & 0x80 != 0).then(|| std::array::from_fn(|at| head[head.len() - 4 + at]));
        let length = length.ok_or(Violation::Length)?;
        Ok(Self { opcode, last: head[0] & 0x80 != 0, compressed: head[0] & 0x40 != 0, length, mask })
    }
}
