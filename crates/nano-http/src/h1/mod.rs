//! HTTP/1.0 and HTTP/1.1 messages: heads, the framing of bodies, and what follows for the connection (RFC 9112).
//!
//! A reader gives the bytes it has from the start of a message; if they are too few it comes again with more, and what was looked at is not
//! looked at again. Any fault ends the connection: nothing after it can be trusted to be a message.

mod body;
mod client;
mod fault;
mod fields;
mod line;
mod server;
pub(crate) mod target;
mod write;

pub use body::{BodyDecoder, Step};
pub use client::{Asked, Response, ResponseParser};
pub use fault::{Fault, Unwritable};
pub(crate) use fields::{decimal, trim};
pub use server::{Request, RequestParser, Scheme};
pub use target::request_url;
pub use write::{
    Answer, CHUNK_END, CONTINUE, Call, ChunkSize, Content, LAST_CHUNK, Sent, reason, write_refusal, write_request_head,
    write_response_head, write_switch_head,
};

pub(crate) use write::switch_head;

use nano_base::limits;

/// What a peer may send before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The target of a request.
    pub target_bytes: usize,
    /// First line and headers together.
    pub head_bytes: usize,
    /// Header lines; no more than `HTTP_HEADERS_MAX`.
    pub headers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { target_bytes: limits::HTTP_TARGET_BYTES_MAX, head_bytes: limits::HTTP_HEAD_BYTES_MAX, headers: limits::HTTP_HEADERS_MAX }
    }
}

/// The versions that are spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

/// Where a message's body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// After so many bytes.
    Length(u64),
    /// After the last chunk.
    Chunked,
    /// Where the connection ends; responses only.
    UntilClose,
}
