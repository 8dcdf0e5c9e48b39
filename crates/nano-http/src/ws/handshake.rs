//! The opening handshake: a request that asks for a WebSocket, and a response that gives one.

use super::extension::{self, Deflate, Offer};
use crate::h1::{self, Unwritable, switch_head};
use nano_base::http::{Headers, RequestHead, ResponseHead, is_token};
use nano_base::limits::WEBSOCKET_OFFERS_MAX;
use nano_base::problem::Problem;
use std::fmt;

/// What a server answers to a request that asks for a WebSocket wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The method is not `GET`.
    Method,
    /// `Upgrade` and `Connection` do not ask for it.
    Upgrade,
    /// A body is announced: its bytes would be read as frames, or the client's frames as the body.
    Body,
    /// The version is not 13; the answer has `Sec-WebSocket-Version: 13`.
    Version,
    /// `Sec-WebSocket-Key` is not there once with 16 bytes.
    Key,
    /// `Sec-WebSocket-Protocol` is malformed.
    Protocol,
    /// `Sec-WebSocket-Extensions` is malformed.
    Extensions,
}

impl Refused {
    /// The status to answer with.
    pub fn status(self) -> u16 {
        match self {
            Self::Method => 405,
            Self::Upgrade | Self::Version => 426,
            _ => 400,
        }
    }

    /// What the client is answered: what is wrong, and what it should ask for instead.
    pub fn answer(self, request_id: &str) -> (ResponseHead, Vec<u8>) {
        let (problem, instead): (_, &[_]) = match self.status() {
            405 => (Problem::METHOD_NOT_ALLOWED, &[("allow", "GET")]),
            426 => (Problem::UPGRADE_REQUIRED, &[("upgrade", "websocket"), ("sec-websocket-version", "13")]),
            _ => (Problem::BAD_REQUEST, &[]),
        };
        let (mut head, body) = problem.because(self.sentence()).answer(request_id);
        for (name, value) in instead {
            head.headers.append(name.as_bytes(), value.as_bytes());
        }
        (head, body)
    }

    /// What is wrong, in a sentence without its full stop.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Method => "a WebSocket is asked for with GET",
            Self::Upgrade => "this is a WebSocket; ask for it with Connection: Upgrade and Upgrade: websocket",
            Self::Body => "a request for a WebSocket has no body",
            Self::Version => "Sec-WebSocket-Version is not 13",
            Self::Key => "Sec-WebSocket-Key is not one base64 text of 16 bytes",
            Self::Protocol => "Sec-WebSocket-Protocol is not a list of different tokens",
            Self::Extensions => "Sec-WebSocket-Extensions is malformed",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.sentence())
    }
}

impl std::error::Error for Refused {}

/// A client's request for a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    accept: String,
    /// The subprotocols that the client speaks, the one it likes best first.
    pub protocols: Vec<String>,
    /// Its offers of compression, the one it likes best first.
    pub offers: Vec<Offer>,
}

impl Opening {
    /// Reads a request.
    pub fn read(head: &RequestHead) -> Result<Self, Refused> {
        if head.method != "GET" {
            return Err(Refused::Method);
        }
        if !lists(&head.headers, b"upgrade", b"websocket") || !lists(&head.headers, b"connection", b"upgrade") {
            return Err(Refused::Upgrade);
        }
        if has_body(&head.headers) {
            return Err(Refused::Body);
        }
        if only(&head.headers, b"sec-websocket-version") != Some(b"13") {
            return Err(Refused::Version);
        }
        let key = only(&head.headers, b"sec-websocket-key").filter(|key| is_key(key)).ok_or(Refused::Key)?;
        let protocols = protocols(&head.headers).ok_or(Refused::Protocol)?;
        let offers = extension::offers(&head.headers).ok_or(Refused::Extensions)?;
        Ok(Self { accept: accept(key), protocols, offers })
    }

    /// The response that gives the WebSocket, with headers of the app's, and what was agreed on. It has all headers that the client needs,
    /// those of the connection too. `protocol` is one of the client's, or none; without a `wish` there is no compression.
    pub fn accept(&self, headers: &Headers, protocol: Option<&str>, wish: Option<&Deflate>) -> Result<(ResponseHead, Agreed), Unwritable> {
        let protocol = match protocol {
            Some(name) => Some(self.protocols.iter().find(|own| *own == name).ok_or(Unwritable::Header)?),
            None => None,
        };
        let deflate = wish.and_then(|wish| Some(self.offers.first()?.answer(wish)));
        let extensions = deflate.map(|(_, answer)| answer.written());
        let own = [
            ("sec-websocket-accept", Some(&self.accept)),
            ("sec-websocket-protocol", protocol),
            ("sec-websocket-extensions", extensions.as_ref()),
        ];
        let head = switch_head("websocket", headers, own.into_iter().filter_map(|(name, value)| Some((name, value?.as_str()))))?;
        Ok((head, Agreed { protocol: protocol.cloned(), deflate: deflate.map(|(agreed, _)| agreed) }))
    }
}

/// What both sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The subprotocol.
    pub protocol: Option<String>,
    /// The compression.
    pub deflate: Option<Deflate>,
}

/// The headers by which a client asks for a WebSocket, for `write_request_head` with `upgrade: Some("websocket")`. `key` is 16 fresh
/// random bytes. None if a protocol is no token or there twice.
pub fn client_headers(key: [u8; 16], names: &[&str], offer: Option<&Offer>) -> Option<Headers> {
    let mut headers = Headers::new();
    let mut push = |name: &str, value: &str| headers.push(name.as_bytes(), value.as_bytes());
    let mut pushed = push("sec-websocket-version", "13") && push("sec-websocket-key", &base64(&key));
    if !names.is_empty() {
        pushed &= push("sec-websocket-protocol", &names.join(", "));
    }
    if let Some(offer) = offer {
        pushed &= push("sec-websocket-extensions", &offer.written());
    }
    (pushed && protocols(&headers).is_some_and(|read| read.iter().map(String::as_str).eq(names.iter().copied()))).then_some(headers)
}

/// Why a server's response does not give the WebSocket that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The status is not 101.
    Status,
    /// `Upgrade` or `Connection` is not what was asked for.
    Upgrade,
    /// `Sec-WebSocket-Accept` does not belong to the key.
    Accept,
    /// The subprotocol is none of those that were offered.
    Protocol,
    /// Extensions that were not offered, or with parameters that do not answer the offer.
    Extensions,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Status => "the server did not switch to WebSocket",
            Self::Upgrade => "the server switched to another protocol than WebSocket",
            Self::Accept => "Sec-WebSocket-Accept does not belong to the key that was sent",
            Self::Protocol => "the server chose a subprotocol that was not offered",
            Self::Extensions => "the server chose extensions that were not offered",
        })
    }
}

impl std::error::Error for Mismatch {}

/// Checks a server's response against what was asked.
pub fn check_response(head: &ResponseHead, key: [u8; 16], names: &[&str], offer: Option<&Offer>) -> Result<Agreed, Mismatch> {
    if head.status != 101 {
        return Err(Mismatch::Status);
    }
    let switched = only(&head.headers, b"upgrade").is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"));
    if !switched || !lists(&head.headers, b"connection", b"upgrade") {
        return Err(Mismatch::Upgrade);
    }
    if only(&head.headers, b"sec-websocket-accept") != Some(accept(base64(&key).as_bytes()).as_bytes()) {
        return Err(Mismatch::Accept);
    }
    let protocol = match head.headers.value(b"sec-websocket-protocol") {
        None => None,
        Some(_) => {
            let chosen =
                only(&head.headers, b"sec-websocket-protocol").and_then(|value| names.iter().find(|name| name.as_bytes() == value));
            Some((*chosen.ok_or(Mismatch::Protocol)?).to_owned())
        }
    };
    let deflate = match (extension::answer(&head.headers).ok_or(Mismatch::Extensions)?, offer) {
        (None, _) => None,
        (Some(answer), Some(offer)) => Some(offer.agreed(&answer).ok_or(Mismatch::Extensions)?),
        (Some(_), None) => return Err(Mismatch::Extensions),
    };
    Ok(Agreed { protocol, deflate })
}

/// The value of a header that is there exactly once.
fn only<'a>(headers: &'a Headers, name: &[u8]) -> Option<&'a [u8]> {
    let mut values = headers.iter().filter(|(candidate, _)| *candidate == name).map(|(_, value)| value);
    values.next().filter(|_| values.next().is_none())
}

fn items<'a>(headers: &'a Headers, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    headers
        .iter()
        .filter(move |(candidate, _)| *candidate == name)
        .flat_map(|(_, value)| value.split(|byte| *byte == b','))
        .map(crate::h1::trim)
}

fn lists(headers: &Headers, name: &[u8], token: &[u8]) -> bool {
    items(headers, name).any(|item| item.eq_ignore_ascii_case(token))
}

fn has_body(headers: &Headers) -> bool {
    headers.iter().any(|(name, value)| match name {
        b"content-length" => h1::decimal(value) != Some(0),
        b"transfer-encoding" => true,
        _ => false,
    })
}

/// Subprotocols in their order; none if one is no token or there twice.
fn protocols(headers: &Headers) -> Option<Vec<String>> {
    let mut all: Vec<String> = Vec::new();
    for item in items(headers, b"sec-websocket-protocol") {
        let name = std::str::from_utf8(item).ok()?;
        if item.is_empty()
            || !item.iter().all(|byte| is_token(*byte))
            || all.iter().any(|own| own == name)
            || all.len() == WEBSOCKET_OFFERS_MAX
        {
            return None;
        }
        all.push(name.to_owned());
    }
    Some(all)
}

/// 16 bytes in base64 are 22 characters, the last with four bits that are zero, and two signs.
fn is_key(key: &[u8]) -> bool {
    let [data @ .., last, b'=', b'='] = key else { return false };
    data.len() == 21 && data.iter().all(|byte| ALPHABET.contains(byte)) && b"AQgw".contains(last)
}

/// The answer to a key (RFC 6455, 4.2.2).
fn accept(key: &[u8]) -> String {
    let mut sha1 = sha1_smol::Sha1::new();
    sha1.update(key);
    sha1.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    base64(&sha1.digest().bytes())
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, at| bits << 8 | usize::from(group.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            text.push(if at > group.len() { '=' } else { char::from(ALPHABET[bits >> (18 - 6 * at) & 63]) });
        }
    }
    text
}
