//! What the two sides agree on about permessage-deflate (RFC 7692, 7.1).

use crate::h1::trim;
use nano_base::http::{Headers, is_token};
use nano_base::limits::WEBSOCKET_OFFERS_MAX;
use std::fmt::Write;

const NAME: &[u8] = b"permessage-deflate";

/// The parameters of permessage-deflate: as a server's wish, or as agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflate {
    /// The server begins each message with an empty window.
    pub server_no_context_takeover: bool,
    /// The client begins each message with an empty window.
    pub client_no_context_takeover: bool,
    /// The server's window, 8 to 15.
    pub server_max_window_bits: u8,
    /// The client's window, 8 to 15.
    pub client_max_window_bits: u8,
}

impl Default for Deflate {
    /// Nothing is kept between messages: a kept window is 32 KiB to read and 256 KiB to write, of every idle socket.
    fn default() -> Self {
        Self { server_no_context_takeover: true, client_no_context_takeover: true, server_max_window_bits: 15, client_max_window_bits: 15 }
    }
}

/// Parameters as one side has written them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// `server_no_context_takeover` is there.
    pub server_no_context_takeover: bool,
    /// `client_no_context_takeover` is there.
    pub client_no_context_takeover: bool,
    /// `server_max_window_bits`, with its value.
    pub server_max_window_bits: Option<u8>,
    /// `client_max_window_bits` is there, perhaps with a value.
    pub client_max_window_bits: Option<Option<u8>>,
}

impl Offer {
    /// Parameters without one that is unknown, there twice, or malformed.
    fn read(parameters: &[(Vec<u8>, Option<Vec<u8>>)]) -> Option<Self> {
        let mut offer = Self::default();
        for (name, value) in parameters {
            let new = match (name.as_slice(), value) {
                (b"server_no_context_takeover", None) => !std::mem::replace(&mut offer.server_no_context_takeover, true),
                (b"client_no_context_takeover", None) => !std::mem::replace(&mut offer.client_no_context_takeover, true),
                (b"server_max_window_bits", Some(value)) => offer.server_max_window_bits.replace(window_bits(value)?).is_none(),
                (b"client_max_window_bits", value) => {
                    let bits = value.as_ref().map(|value| window_bits(value));
                    if bits == Some(None) {
                        return None;
                    }
                    offer.client_max_window_bits.replace(bits.flatten()).is_none()
                }
                _ => false,
            };
            if !new {
                return None;
            }
        }
        Some(offer)
    }

    /// As it is written in `Sec-WebSocket-Extensions`.
    pub(super) fn written(&self) -> String {
        let mut text = String::from("permessage-deflate");
        for (there, name) in [
            (self.server_no_context_takeover, "; server_no_context_takeover"),
            (self.client_no_context_takeover, "; client_no_context_takeover"),
        ] {
            text.push_str(if there { name } else { "" });
        }
        // Writing to a string does not fail.
        let _ = self.server_max_window_bits.map(|bits| write!(text, "; server_max_window_bits={bits}"));
        if let Some(bits) = self.client_max_window_bits {
            text.push_str("; client_max_window_bits");
            let _ = bits.map(|bits| write!(text, "={bits}"));
        }
        text
    }

    /// A server's answer to this offer of a client's.
    pub(super) fn answer(&self, wish: &Deflate) -> (Deflate, Offer) {
        let agreed = Deflate {
            server_no_context_takeover: self.server_no_context_takeover || wish.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover || wish.client_no_context_takeover,
            server_max_window_bits: wish.server_max_window_bits.min(self.server_max_window_bits.unwrap_or(15)).clamp(8, 15),
            // A client that does not name it cannot be told.
            client_max_window_bits: self
                .client_max_window_bits
                .map_or(15, |bits| wish.client_max_window_bits.min(bits.unwrap_or(15)).clamp(8, 15)),
        };
        let answer = Offer {
            server_no_context_takeover: agreed.server_no_context_takeover,
            client_no_context_takeover: agreed.client_no_context_takeover,
            server_max_window_bits: (self.server_max_window_bits.is_some() || agreed.server_max_window_bits < 15)
                .then_some(agreed.server_max_window_bits),
            client_max_window_bits: (agreed.client_max_window_bits < 15).then_some(Some(agreed.client_max_window_bits)),
        };
        (agreed, answer)
    }

    /// What a server's answer makes of this offer of ours; none if it is not an answer to it.
    pub(super) fn agreed(&self, answer: &Offer) -> Option<Deflate> {
        let server_bits = answer.server_max_window_bits.unwrap_or(15);
        let client_bits = match (answer.client_max_window_bits, self.client_max_window_bits) {
            (None, _) => 15,
            (Some(Some(bits)), Some(offered)) if bits <= offered.unwrap_or(15) => bits,
            _ => return None,
        };
        // A server that keeps its context although it was asked not to is one that we can read.
        (server_bits <= self.server_max_window_bits.unwrap_or(15)).then_some(Deflate {
            server_no_context_takeover: answer.server_no_context_takeover,
            client_no_context_takeover: answer.client_no_context_takeover || self.client_no_context_takeover,
            server_max_window_bits: server_bits,
            client_max_window_bits: client_bits,
        })
    }
}

/// A decimal number from 8 to 15, without leading zeros.
fn window_bits(value: &[u8]) -> Option<u8> {
    match value {
        [digit @ b'8'..=b'9'] => Some(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Some(10 + digit - b'0'),
        _ => None,
    }
}

/// The offers of permessage-deflate among a client's, in its order; none if the header is malformed. Offers that nobody can meet are not
/// among them.
pub(super) fn offers(headers: &Headers) -> Option<Vec<Offer>> {
    let all = extensions(headers)?;
    Some(all.iter().filter(|extension| extension.name == NAME).filter_map(|extension| Offer::read(&extension.parameters)).collect())
}

/// What a server has answered: nothing, or permessage-deflate once. None if it is anything else.
pub(super) fn answer(headers: &Headers) -> Option<Option<Offer>> {
    match extensions(headers)?.as_slice() {
        [] => Some(None),
        [one] if one.name == NAME => Offer::read(&one.parameters).map(Some),
        _ => None,
    }
}

struct Extension {
    name: Vec<u8>,
    parameters: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// All extensions of all lines.
fn extensions(headers: &Headers) -> Option<Vec<Extension>> {
    let mut all = Vec::new();
    let mut count = 0;
    for (_, value) in headers.iter().filter(|(name, _)| *name == b"sec-websocket-extensions") {
        for item in split(value, b',')? {
            let mut parts = split(item, b';')?.into_iter();
            let name = trim(parts.next()?);
            if name.is_empty() && parts.len() == 0 {
                continue;
            }
            let mut extension = Extension { name: token(name)?, parameters: Vec::new() };
            for part in parts {
                count += 1;
                let mut sides = part.splitn(2, |byte| *byte == b'=');
                let name = token(trim(sides.next()?))?;
                extension
                    .parameters
                    .push((name, sides.next().map(|value| unquoted(trim(value))).map_or(Some(None), |value| value.map(Some))?));
            }
            count += 1;
            if count > WEBSOCKET_OFFERS_MAX {
                return None;
            }
            all.push(extension);
        }
    }
    Some(all)
}

fn token(text: &[u8]) -> Option<Vec<u8>> {
    (!text.is_empty() && text.iter().all(|byte| is_token(*byte))).then(|| text.to_ascii_lowercase())
}

/// A token, or a quoted one.
fn unquoted(text: &[u8]) -> Option<Vec<u8>> {
    match text {
        [b'"', inner @ .., b'"'] => {
            let mut plain = Vec::new();
            let mut bytes = inner.iter();
            while let Some(byte) = bytes.next() {
                plain.push(if *byte == b'\\' { *bytes.next()? } else { *byte });
            }
            token(&plain)
        }
        _ => token(text),
    }
}

/// Splits at a byte outside quoted strings; none if a quote is not closed.
fn split(text: &[u8], at: u8) -> Option<Vec<&[u8]>> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (index, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            byte if *byte == at && !quoted => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!quoted).then_some(parts)
}
