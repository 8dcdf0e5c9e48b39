//! HTTP/2 (RFC 9113) for servers and clients: bytes in, events and bytes out.
//!
//! A [`Connection`] is given what was read and says what happened; what it wants to be written it puts into its output. It keeps a frame
//! and a header block at most, and no body: data is handed on as it comes, and the other side is given room again when it was used.
//!
//! What attacks live on is bounded here: streams at once, header blocks however they are cut and whatever they become, tables, and by one
//! measure of patience everything that costs us work and leads to nothing (resets, pings, settings, empty frames, windows opened by a byte,
//! header blocks that become too long).

mod connection;
mod fault;
mod frame;
pub mod hpack;
mod message;
mod reader;
mod receive;
mod send;
mod settings;
mod stream;

pub use connection::{Connection, Event};
pub use fault::{Code, Fault};
pub use frame::PREFACE;
pub use message::{Request, Target};

use super::h1;
use nano_base::limits;

/// What the other side may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What a head may have.
    pub head: h1::Limits,
    /// Streams at once.
    pub streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head: h1::Limits::default(), streams: limits::H2_STREAMS_MAX }
    }
}
