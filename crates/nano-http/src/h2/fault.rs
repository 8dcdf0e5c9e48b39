//! What ends a stream or a connection.

use std::fmt;

/// Why a stream or a connection ends, as it is said on the wire (RFC 9113, 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub u32);

impl Code {
    /// Nothing is wrong.
    pub const NONE: Self = Self(0);
    /// The protocol was violated.
    pub const PROTOCOL: Self = Self(1);
    /// Something failed here.
    pub const INTERNAL: Self = Self(2);
    /// More was sent than there was room for.
    pub const FLOW_CONTROL: Self = Self(3);
    /// A frame on a stream that is closed.
    pub const STREAM_CLOSED: Self = Self(5);
    /// A frame of the wrong size.
    pub const FRAME_SIZE: Self = Self(6);
    /// Nothing was done for the stream: it may be tried again.
    pub const REFUSED: Self = Self(7);
    /// Nobody wants it any more.
    pub const CANCEL: Self = Self(8);
    /// A header block cannot be read.
    pub const COMPRESSION: Self = Self(9);
    /// Too much that leads to nothing.
    pub const CALM: Self = Self(11);
    /// Only HTTP/1.1 will do.
    pub const HTTP_1_1: Self = Self(13);
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 14] = [
            "NO_ERROR",
            "PROTOCOL_ERROR",
            "INTERNAL_ERROR",
            "FLOW_CONTROL_ERROR",
            "SETTINGS_TIMEOUT",
            "STREAM_CLOSED",
            "FRAME_SIZE_ERROR",
            "REFUSED_STREAM",
            "CANCEL",
            "COMPRESSION_ERROR",
            "CONNECT_ERROR",
            "ENHANCE_YOUR_CALM",
            "INADEQUATE_SECURITY",
            "HTTP_1_1_REQUIRED",
        ];
        match NAMES.get(self.0 as usize) {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "error {}", self.0),
        }
    }
}

/// What ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What the other side is told.
    pub code: Code,
    /// What it did, without a full stop.
    pub why: &'static str,
}

impl Fault {
    pub(super) fn protocol(why: &'static str) -> Self {
        Self { code: Code::PROTOCOL, why }
    }

    pub(super) fn size(why: &'static str) -> Self {
        Self { code: Code::FRAME_SIZE, why }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.why, self.code)
    }
}

impl std::error::Error for Fault {}
