//! Responses as a client reads them.

use super::fields::{Fields, Kind, Length, Room};
use super::line::{Lines, fault_of};
use super::{Fault, Framing, Limits, Version};
use nano_base::http::ResponseHead;
use nano_base::limits::HTTP_INTERIM_RESPONSES_MAX;
use std::mem::MaybeUninit;

/// What was asked, as far as the response's framing depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Anything that is not below.
    Other,
    /// `HEAD`: no body.
    Head,
    /// `CONNECT`: after a 2xx the connection is a tunnel.
    Connect,
    /// To switch protocols: after 101 the connection is the other protocol's.
    Upgrade,
}

/// A response's head, and what it says about the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Status, reason phrase and headers.
    pub head: ResponseHead,
    /// How many bytes of the input it was.
    pub bytes: usize,
    /// The version it was sent with.
    pub version: Version,
    /// Where the body ends.
    pub framing: Framing,
    /// Whether the server would use the connection again, after the body.
    pub keep_alive: bool,
    /// An interim response: the next head follows, for the same parser.
    pub interim: bool,
    /// What follows the head is not HTTP any more: 101, or a tunnel.
    pub switched: bool,
}

/// Reads the heads of one request's responses: interim ones, and the final one.
#[derive(Clone, Debug, Default)]
pub struct ResponseParser {
    lines: Lines,
    first: Option<(usize, Version, u16)>,
    headers: usize,
    interims: u32,
}

impl ResponseParser {
    /// A parser at the beginning of a response.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a head from the start of `input`; none if there is more to come. Then the next call gives the same bytes and more after them.
    pub fn parse(&mut self, input: &[u8], asked: Asked, limits: &Limits) -> Result<Option<Response>, Fault> {
        let (line_end, version, status) = match self.first {
            Some(first) => first,
            None => {
                let start = b"HTTP/1.";
                if !input.iter().zip(start).all(|(byte, expected)| byte == expected) {
                    return Err(Fault::StatusLine);
                }
                let Some((_, end)) = self.lines.next(input, limits.head_bytes, Fault::HeadTooLong)? else { return Ok(None) };
                let (version, status) = status_line(&input[..end])?;
                *self.first.insert((end, version, status))
            }
        };
        let Some(end) = self.lines.headers_end(input, limits.head_bytes, &mut self.headers, limits.headers, true)? else { return Ok(None) };
        let mut room: Room<'_> = [const { MaybeUninit::uninit() }; _];
        let mut parsed = httparse::Response::new(&mut []);
        let mut config = httparse::ParserConfig::default();
        config.allow_obsolete_multiline_headers_in_responses(true);
        match config.parse_response_with_uninit_headers(&mut parsed, &input[..end], &mut room) {
            Ok(httparse::Status::Complete(bytes)) if bytes == end => {}
            // The end that was found is the only empty line.
            Ok(_) => return Err(Fault::HeaderName),
            Err(error) => return Err(fault_of(error)),
        }
        let fields = Fields::read(parsed.headers, Kind::Response)?;
        let chunked = fields.chunked(version)?;
        let interim = (100..200).contains(&status) && status != 101;
        let switched = match (status, asked) {
            (101, Asked::Upgrade) => true,
            (101, _) => return Err(Fault::Switched),
            (200..300, Asked::Connect) => true,
            _ => false,
        };
        let framing = if interim || switched || asked == Asked::Head || matches!(status, 204 | 304) {
            Framing::None
        } else {
            match (chunked, fields.length) {
                (true, _) => Framing::Chunked,
                (false, Length::Is(0)) => Framing::None,
                (false, Length::Is(length)) => Framing::Length(length),
                (false, Length::Absent) => Framing::UntilClose,
            }
        };
        let interims = self.interims + u32::from(interim);
        if interims > HTTP_INTERIM_RESPONSES_MAX {
            return Err(Fault::Interims);
        }
        *self = Self { interims: if interim { interims } else { 0 }, ..Self::default() };
        Ok(Some(Response {
            bytes: end,
            version,
            framing,
            keep_alive: fields.persists(version) && framing != Framing::UntilClose && !switched,
            interim,
            switched,
            head: ResponseHead { status, status_text: phrase(&input["HTTP/1.1 200".len()..line_end]), headers: fields.headers },
        }))
    }
}

/// `HTTP/1.1 200 OK`; some servers leave the phrase out, and the space before it.
fn status_line(line: &[u8]) -> Result<(Version, u16), Fault> {
    let (version, rest) = line.split_at_checked(b"HTTP/1.1 ".len()).ok_or(Fault::StatusLine)?;
    let version = match version {
        b"HTTP/1.1 " => Version::Http11,
        b"HTTP/1.0 " => Version::Http10,
        _ => return Err(Fault::StatusLine),
    };
    let (status, phrase) = rest.split_at_checked(3).ok_or(Fault::StatusLine)?;
    let status = super::fields::decimal(status).and_then(|status| u16::try_from(status).ok()).filter(|status| *status >= 100);
    let clean = phrase.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f));
    if !clean || !matches!(phrase, [] | [b' ', ..]) {
        return Err(Fault::StatusLine);
    }
    Ok((version, status.ok_or(Fault::StatusLine)?))
}

/// A reason phrase is bytes, each a character.
fn phrase(bytes: &[u8]) -> String {
    super::fields::trim(bytes).iter().map(|byte| char::from(*byte)).collect()
}
