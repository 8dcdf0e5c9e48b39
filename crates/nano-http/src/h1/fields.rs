//! One pass over a head's headers: they become flat text with names in lower case, and those that frame the message are noted.

use super::{Fault, Version};
use nano_base::http::Headers;
use nano_base::limits::HTTP_HEADERS_MAX;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Room for as many header lines as a message may have.
pub(super) type Room<'a> = [MaybeUninit<httparse::Header<'a>>; HTTP_HEADERS_MAX];

/// What `Content-Length` lines say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Length {
    #[default]
    Absent,
    Is(u64),
}

/// What `Transfer-Encoding` lines say, all together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Encoding {
    #[default]
    Absent,
    Chunked,
    /// Codings that are not understood, and not `chunked` yet.
    Other,
    OtherThenChunked,
    Invalid,
}

impl Encoding {
    /// Of several lines the later codings are applied to what the earlier ones gave.
    fn then(self, value: &[u8]) -> Self {
        value.split(|byte| *byte == b',').map(trim).fold(self, |before, coding| {
            let chunked = coding.eq_ignore_ascii_case(b"chunked");
            let known = !coding.eq_ignore_ascii_case(b"identity")
                && !coding.is_empty()
                && coding.iter().all(|byte| nano_base::http::is_token(*byte));
            match before {
                Self::Absent if chunked => Self::Chunked,
                Self::Other if chunked => Self::OtherThenChunked,
                Self::Absent | Self::Other if known => Self::Other,
                _ => Self::Invalid,
            }
        })
    }
}

/// The headers, and what those of the connection say.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub headers: Headers,
    pub length: Length,
    pub encoding: Encoding,
    pub host: Option<Range<usize>>,
    pub close: bool,
    pub keep_alive: bool,
    /// `Connection` lists `upgrade`.
    pub upgrade: bool,
    /// `Upgrade` lists `websocket`.
    pub websocket: bool,
    pub expect_continue: bool,
}

/// Whose rules hold where those of requests and responses differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Response,
}

/// Room for the headers by which a server tells an app who has sent a request.
const SENDER_BYTES: usize = 128;

impl Fields {
    pub fn read(parsed: &[httparse::Header<'_>], kind: Kind) -> Result<Self, Fault> {
        let bytes: usize = parsed.iter().map(|header| header.name.len() + header.value.len() + 2).sum();
        let mut flat = Vec::with_capacity(bytes + if kind == Kind::Request { SENDER_BYTES } else { 0 });
        let mut fields = Self::default();
        for header in parsed {
            if !flat.is_empty() {
                flat.push(b'\n');
            }
            let name = flat.len();
            flat.extend_from_slice(header.name.as_bytes());
            flat[name..].make_ascii_lowercase();
            let value = flat.len() + 1;
            flat.push(b'\n');
            if kind == Kind::Response && header.value.contains(&b'\n') {
                flat.extend_from_slice(trim(&unfold(header.value)));
            } else {
                flat.extend_from_slice(header.value);
            }
            let (before, value_bytes) = flat.split_at(value);
            match &before[name..value - 1] {
                b"host" if kind == Kind::Request => {
                    if fields.host.is_some() {
                        return Err(Fault::HostTwice);
                    }
                    fields.host = Some(value..flat.len());
                }
                b"content-length" => fields.content_length(value_bytes, kind)?,
                b"transfer-encoding" => fields.encoding = fields.encoding.then(value_bytes),
                b"connection" => {
                    for option in value_bytes.split(|byte| *byte == b',').map(trim) {
                        fields.close |= option.eq_ignore_ascii_case(b"close");
                        fields.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                        fields.upgrade |= option.eq_ignore_ascii_case(b"upgrade");
                    }
                }
                b"upgrade" => {
                    fields.websocket |=
                        value_bytes.split(|byte| *byte == b',').any(|protocol| trim(protocol).eq_ignore_ascii_case(b"websocket"));
                }
                b"expect" if kind == Kind::Request => {
                    if !value_bytes.eq_ignore_ascii_case(b"100-continue") {
                        return Err(Fault::Expectation);
                    }
                    fields.expect_continue = true;
                }
                _ => {}
            }
        }
        if fields.encoding != Encoding::Absent && fields.length != Length::Absent {
            return Err(Fault::LengthAndEncoding);
        }
        fields.headers = Headers::from_flat(flat);
        Ok(fields)
    }

    /// Of a response, the same number several times is one; of a request, whoever stands in front may have taken either.
    fn content_length(&mut self, value: &[u8], kind: Kind) -> Result<(), Fault> {
        if kind == Kind::Request {
            if self.length != Length::Absent {
                return Err(Fault::LengthTwice);
            }
            self.length = Length::Is(decimal(value).ok_or(Fault::LengthInvalid)?);
            return Ok(());
        }
        for item in value.split(|byte| *byte == b',').map(trim) {
            let length = Length::Is(decimal(item).ok_or(Fault::LengthInvalid)?);
            if self.length != Length::Absent && self.length != length {
                return Err(Fault::LengthTwice);
            }
            self.length = length;
        }
        Ok(())
    }

    /// Whether there is any `Transfer-Encoding`.
    pub fn has_encoding(&self) -> bool {
        self.encoding != Encoding::Absent
    }

    /// Whether a chunked body follows, by a coding that is understood and a version that has it.
    pub fn chunked(&self, version: Version) -> Result<bool, Fault> {
        match self.encoding {
            Encoding::Absent => Ok(false),
            _ if version < Version::Http11 => Err(Fault::EncodingTooOld),
            Encoding::Chunked => Ok(true),
            Encoding::OtherThenChunked => Err(Fault::EncodingUnknown),
            Encoding::Other | Encoding::Invalid => Err(Fault::EncodingInvalid),
        }
    }

    /// Whether the connection may be used again, as far as the peer is concerned.
    pub fn persists(&self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }
}

/// A value that a server has written in several lines, as one: RFC 9112, 5.2.
fn unfold(value: &[u8]) -> Vec<u8> {
    value.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }).collect()
}

/// Digits and nothing else: no sign, no space, no point.
pub(crate) fn decimal(text: &[u8]) -> Option<u64> {
    // u64 has 20 digits at most.
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// Without the spaces and tabs around it.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
