//! Requests as a server reads them.

use super::fields::{Fields, Kind, Length, Room};
use super::line::{Lines, fault_of};
use super::target::{self, RequestLine};
use super::{Fault, Framing, Limits, Version};
use nano_base::http::RequestHead;
use std::mem::MaybeUninit;

/// What a connection is, and so what its URLs begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Http => "http://",
            Self::Https => "https://",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Http, Self::Https]
            .into_iter()
            .find(|scheme| scheme.prefix().strip_suffix("://").is_some_and(|own| own.eq_ignore_ascii_case(name)))
    }
}

/// A request's head, and what it says about the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Method, absolute URL as the URL Standard writes it, and all headers as they came, those of the connection too.
    pub head: RequestHead,
    /// How many bytes of the input it was; the body begins there.
    pub bytes: usize,
    /// The version it was sent with.
    pub version: Version,
    /// Where the body ends; never `UntilClose`.
    pub framing: Framing,
    /// Whether the client would use the connection again.
    pub keep_alive: bool,
    /// The client waits for `CONTINUE` before it sends the body: to be sent only when somebody reads that, and if nobody does, the connection
    /// is to be closed after the response.
    pub expect_continue: bool,
    /// The client asks for a WebSocket; `ws` has the rest of that handshake.
    pub websocket: bool,
    /// It is about the server as a whole (`OPTIONS *`), which no URL can say.
    pub server_wide: bool,
}

/// Reads one request's head, then the next one's.
#[derive(Clone, Debug, Default)]
pub struct RequestParser {
    lines: Option<Lines>,
    first: Option<RequestLine>,
    headers: usize,
}

impl RequestParser {
    /// A parser at the beginning of a message.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a head from the start of `input`; none if there is more to come. Then the next call gives the same bytes and more after them.
    ///
    /// `fallback_host` is that of HTTP/1.0 requests without `Host`.
    pub fn parse(&mut self, input: &[u8], scheme: Scheme, fallback_host: Option<&str>, limits: &Limits) -> Result<Option<Request>, Fault> {
        let Some((first, end)) = self.find(input, limits)? else { return Ok(None) };
        *self = Self::new();
        let mut room: Room<'_> = [const { MaybeUninit::uninit() }; _];
        let mut parsed = httparse::Request::new(&mut []);
        match parsed.parse_with_uninit_headers(&input[first.start..end], &mut room) {
            Ok(httparse::Status::Complete(bytes)) if bytes == end - first.start => {}
            // The end that was found is the only empty line.
            Ok(_) => return Err(Fault::HeaderName),
            Err(error) => return Err(fault_of(error)),
        }
        let fields = Fields::read(parsed.headers, Kind::Request)?;
        if fields.has_encoding() && parsed.headers.iter().any(|header| is_hidden(input, header)) {
            return Err(Fault::EncodingInvalid);
        }
        let (Some(method), Some(target)) = (parsed.method, parsed.path) else { return Err(Fault::Target) };
        let host = match &fields.host {
            // A host has ASCII characters only.
            Some(range) => std::str::from_utf8(&fields.headers.as_flat()[range.clone()]).map_err(|_| Fault::HostInvalid)?,
            None if first.version == Version::Http10 => fallback_host.ok_or(Fault::HostMissing)?,
            None => return Err(Fault::HostMissing),
        };
        let (url, server_wide) = target::url(method.as_bytes(), target, host, scheme)?;
        let framing = match (fields.chunked(first.version)?, fields.length) {
            (true, _) => Framing::Chunked,
            (false, Length::Absent | Length::Is(0)) => Framing::None,
            (false, Length::Is(length)) => Framing::Length(length),
        };
        let modern = first.version == Version::Http11;
        Ok(Some(Request {
            bytes: end,
            version: first.version,
            framing,
            keep_alive: fields.persists(first.version),
            expect_continue: fields.expect_continue && modern && framing != Framing::None,
            websocket: fields.upgrade && fields.websocket && modern && framing == Framing::None,
            server_wide,
            head: RequestHead { method: nano_base::http::method(method), url, headers: fields.headers },
        }))
    }

    /// The request line, and where the head ends.
    fn find(&mut self, input: &[u8], limits: &Limits) -> Result<Option<(RequestLine, usize)>, Fault> {
        let lines = match &mut self.lines {
            Some(lines) => lines,
            None => match input {
                [] | [b'\r'] | [b'\r', b'\n'] => return Ok(None),
                [b'\r', b'\n', b'\r' | b'\n', ..] => return Err(Fault::EmptyLines),
                [b'\r', b'\n', ..] => self.lines.insert(Lines::begin_at(2)),
                [b'\n', ..] => return Err(Fault::BareLineFeed),
                _ => self.lines.insert(Lines::begin_at(0)),
            },
        };
        let first = match self.first {
            Some(first) => first,
            None => {
                target::check_method(&input[lines.start()..])?;
                let max = lines.start() + target::line_bytes_max(limits);
                let Some((start, end)) = lines.next(input, max, Fault::TargetTooLong)? else { return Ok(None) };
                *self.first.insert(RequestLine::read(input, start, end, limits)?)
            }
        };
        let end = lines.headers_end(input, limits.head_bytes, &mut self.headers, limits.headers, false)?;
        Ok(end.map(|end| (first, end)))
    }
}

/// Whether tabs are around a transfer coding. That is allowed, and so not understood by many who may stand in front.
fn is_hidden(input: &[u8], header: &httparse::Header<'_>) -> bool {
    // An empty value is no part of the input; nor is it a coding.
    if header.value.is_empty() || !header.name.eq_ignore_ascii_case("transfer-encoding") {
        return false;
    }
    let start = header.value.as_ptr() as usize - input.as_ptr() as usize;
    let before = input[..start].iter().rev().take_while(|byte| **byte != b':');
    let after = input[start + header.value.len()..].iter().take_while(|byte| **byte != b'\r');
    before.chain(after).any(|byte| *byte == b'\t')
}
