//! WebSocket (RFC 6455) with permessage-deflate (RFC 7692), for both sides: the opening handshake over `h1`, messages, the closing one.
//!
//! Masks are the caller's: there is no randomness here. A socket that is idle keeps no buffers, and no compressor unless the agreement
//! is to keep it between messages.

mod deflate;
mod extension;
mod frame;
mod handshake;
mod reader;
mod socket;

pub use deflate::{Deflater, Inflater};
pub use extension::{Deflate, Offer};
pub use frame::{FrameHead, Opcode, mask};
pub use handshake::{Agreed, Mismatch, Opening, Refused, check_response, client_headers};
pub use reader::{Event, Reader, is_close_code};
pub use socket::{NotOpen, Received, Socket};

use nano_base::limits;
use std::fmt;

/// Which side this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Reads masked frames, writes them without a mask.
    Server,
    /// Reads frames without a mask, writes them masked.
    Client,
}

/// What a peer may send before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// One message, decompressed.
    pub message_bytes: usize,
    /// Frames of one message.
    pub fragments: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message_bytes: limits::WEBSOCKET_MESSAGE_BYTES_MAX, fragments: limits::WEBSOCKET_FRAGMENTS_MAX }
    }
}

/// Why a peer's frames are refused. The connection is to be closed with `code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A reserved bit is set, and no extension uses it here.
    Reserved,
    /// A reserved opcode.
    Opcode,
    /// A client's frame without a mask, or a server's with one.
    Mask,
    /// The length is not written in its shortest form, or has its highest bit set.
    Length,
    /// A control frame that is fragmented or has more than 125 bytes.
    Control,
    /// A continuation of nothing.
    Continuation,
    /// A message begins within another.
    Interleaved,
    /// A close frame with half a code, or one that is not to be sent.
    Close,
    /// Text, or a close frame's reason, is not UTF-8.
    Utf8,
    /// Compressed data is none.
    Deflate,
    /// The message is larger than allowed.
    TooLarge,
    /// The message has more fragments than allowed.
    Fragments,
}

impl Violation {
    /// The status code to close with.
    pub fn code(self) -> u16 {
        match self {
            Self::Utf8 | Self::Deflate => 1007,
            Self::TooLarge => 1009,
            Self::Fragments => 1008,
            _ => 1002,
        }
    }

    /// What is wrong, short enough for a close frame.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Reserved => "a reserved bit is set without an extension that uses it",
            Self::Opcode => "the opcode is reserved",
            Self::Mask => "frames of clients are masked, those of servers are not",
            Self::Length => "the length is not written in its shortest form",
            Self::Control => "a control frame is one frame of at most 125 bytes",
            Self::Continuation => "there is no message to continue",
            Self::Interleaved => "a message begins within another",
            Self::Close => "the close code is not one to be sent",
            Self::Utf8 => "the text is not UTF-8",
            Self::Deflate => "the compressed data is malformed",
            Self::TooLarge => "the message is too large",
            Self::Fragments => "the message has too many fragments",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.sentence())
    }
}

impl std::error::Error for Violation {}
