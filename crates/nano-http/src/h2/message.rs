//! Lists of header fields to messages, and back (RFC 9113, 8). What would be another message to somebody else is malformed.

use super::hpack;
use crate::h1::target;
use crate::h1::{self, Content, Fault, Scheme, Unwritable, trim};
use nano_base::http::{Headers, RequestHead, ResponseHead, is_token};
use nano_base::limits::{HTTP_HEADERS_MAX, HTTP_METHOD_BYTES_MAX};

/// A request, as a server reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Method, absolute URL, and all headers; `host` is among them.
    pub head: RequestHead,
    /// There is no body.
    pub ends: bool,
    /// How long the body will be, if the client says so.
    pub length: Option<u64>,
    /// The client waits to be told before it sends the body.
    pub expect_continue: bool,
    /// It is about the server as a whole (`OPTIONS *`).
    pub server_wide: bool,
}

/// What a request is for, as a client writes it.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Path and query.
    pub path: &'a str,
    /// The host, with its port if that is not the scheme's own.
    pub authority: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
}

/// Why a list is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// The stream is reset.
    Malformed,
    /// It is answered.
    Refused(Fault),
}

/// The fields of one list.
#[derive(Debug, Default)]
pub(super) struct List {
    method: Option<String>,
    scheme: Option<Vec<u8>>,
    path: Option<String>,
    authority: Option<String>,
    status: Option<u16>,
    flat: Vec<u8>,
    cookies: Vec<u8>,
    host: Option<String>,
    pub length: Option<u64>,
    expect: Option<bool>,
    count: usize,
    malformed: bool,
}

impl hpack::Fields for List {
    fn take(&mut self, name: &[u8], value: &[u8]) {
        if !self.malformed {
            self.malformed = self.add(name, value).is_none();
        }
    }
}

impl List {
    /// None if the field makes the message malformed.
    fn add(&mut self, name: &[u8], value: &[u8]) -> Option<()> {
        // RFC 9113, 8.2.1.
        if value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) || trim(value).len() != value.len() {
            return None;
        }
        if let [b':', pseudo @ ..] = name {
            if self.count > 0 {
                return None;
            }
            let text = || String::from_utf8(value.to_vec()).ok();
            let before = match pseudo {
                b"method" => self.method.replace(text()?).is_some(),
                b"scheme" => self.scheme.replace(value.to_vec()).is_some(),
                b"path" => self.path.replace(text()?).is_some(),
                b"authority" => self.authority.replace(text()?).is_some(),
                b"status" => self.status.replace(status(value)?).is_some(),
                _ => return None,
            };
            return (!before).then_some(());
        }
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte) && !byte.is_ascii_uppercase()) {
            return None;
        }
        self.count += 1;
        if self.count > HTTP_HEADERS_MAX {
            // The message is refused for it; what follows is not kept.
            return Some(());
        }
        match name {
            b"connection" | b"proxy-connection" | b"keep-alive" | b"transfer-encoding" | b"upgrade" => return None,
            b"te" if value != b"trailers" => return None,
            b"content-length" => {
                let length = h1::decimal(value)?;
                if self.length.is_some_and(|before| before != length) {
                    return None;
                }
                if self.length.replace(length).is_some() {
                    return Some(());
                }
            }
            b"host" => {
                let host = String::from_utf8(value.to_vec()).ok()?;
                if self.host.replace(host).is_some() {
                    return None;
                }
            }
            b"expect" => self.expect = Some(value.eq_ignore_ascii_case(b"100-continue")),
            // RFC 9113, 8.2.3: crumbs are one cookie.
            b"cookie" => {
                if !self.cookies.is_empty() {
                    self.cookies.extend_from_slice(b"; ");
                }
                self.cookies.extend_from_slice(value);
                return Some(());
            }
            _ => {}
        }
        self.push(name, value);
        Some(())
    }

    fn push(&mut self, name: &[u8], value: &[u8]) {
        if !self.flat.is_empty() {
            self.flat.push(b'\n');
        }
        self.flat.extend_from_slice(name);
        self.flat.push(b'\n');
        self.flat.extend_from_slice(value);
    }

    fn headers(&mut self) -> Headers {
        if !self.cookies.is_empty() {
            let cookies = std::mem::take(&mut self.cookies);
            self.push(b"cookie", &cookies);
        }
        Headers::from_flat(std::mem::take(&mut self.flat))
    }

    /// Whether it asks for a head alone.
    pub(super) fn is_head(&self) -> bool {
        self.method.as_deref() == Some("HEAD")
    }

    /// The request that it is; `fits` says that all of it was taken.
    pub(super) fn into_request(mut self, ends: bool, fits: bool, scheme: Scheme, limits: &h1::Limits) -> Result<Request, Bad> {
        if self.malformed || self.status.is_some() {
            return Err(Bad::Malformed);
        }
        let method = self.method.take().ok_or(Bad::Malformed)?;
        if method.is_empty() || !method.bytes().all(is_token) {
            return Err(Bad::Malformed);
        }
        // As in HTTP/1.1: methods are told apart by case, and those that stand in front refuse small letters.
        if method.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(Bad::Refused(Fault::Method));
        }
        if method == "CONNECT" {
            return Err(Bad::Refused(Fault::Connect));
        }
        if !fits {
            return Err(Bad::Refused(Fault::HeadTooLong));
        }
        let path = self.path.take().filter(|path| !path.is_empty()).ok_or(Bad::Malformed)?;
        // Whoever stands in front may have ended TLS: what is asked for is what the connection is.
        if !self.scheme.as_ref().is_some_and(|named| named.eq_ignore_ascii_case(b"http") || named.eq_ignore_ascii_case(b"https")) {
            return Err(Bad::Malformed);
        }
        let starred = path == "*" && method == "OPTIONS";
        if !starred && !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(Bad::Malformed);
        }
        if self.count > limits.headers.min(HTTP_HEADERS_MAX) {
            return Err(Bad::Refused(Fault::TooManyHeaders));
        }
        if path.len() > limits.target_bytes {
            return Err(Bad::Refused(Fault::TargetTooLong));
        }
        if method.len() > HTTP_METHOD_BYTES_MAX {
            return Err(Bad::Refused(Fault::MethodTooLong));
        }
        if self.expect == Some(false) {
            return Err(Bad::Refused(Fault::Expectation));
        }
        let authority = match (self.authority.take().filter(|authority| !authority.is_empty()), &self.host) {
            (Some(authority), Some(host)) if !authority.eq_ignore_ascii_case(host) => return Err(Bad::Malformed),
            (Some(authority), _) => authority,
            (None, Some(host)) => host.clone(),
            (None, None) => return Err(Bad::Refused(Fault::HostMissing)),
        };
        let (url, server_wide) = target::url(method.as_bytes(), &path, &authority, scheme).map_err(Bad::Refused)?;
        if ends && self.length.is_some_and(|length| length > 0) {
            return Err(Bad::Malformed);
        }
        if self.host.is_none() {
            self.push(b"host", authority.as_bytes());
        }
        let (length, expect_continue) = (self.length, self.expect == Some(true) && !ends);
        Ok(Request {
            head: RequestHead { method: method.into(), url, headers: self.headers() },
            ends,
            length,
            expect_continue,
            server_wide,
        })
    }

    /// The response that it is.
    pub(super) fn into_response(mut self, fits: bool) -> Result<ResponseHead, Bad> {
        let with_request = self.method.is_some() || self.scheme.is_some() || self.path.is_some() || self.authority.is_some();
        if self.malformed || with_request || self.count > HTTP_HEADERS_MAX || !fits {
            return Err(Bad::Malformed);
        }
        let status = self.status.ok_or(Bad::Malformed)?;
        Ok(ResponseHead { status, status_text: String::new(), headers: self.headers() })
    }

    /// Whether it can stand behind a body.
    pub(super) fn is_trailers(&self) -> bool {
        let pseudo = self.method.is_some() || self.scheme.is_some() || self.path.is_some() || self.authority.is_some();
        !self.malformed && !pseudo && self.status.is_none()
    }
}

fn status(value: &[u8]) -> Option<u16> {
    let status = u16::try_from(h1::decimal(value)?).ok()?;
    (value.len() == 3 && (100..=999).contains(&status)).then_some(status)
}

/// Writes the list of a response; whether a body follows it.
pub(super) fn response(
    out: &mut Vec<u8>,
    head: &ResponseHead,
    to_head: bool,
    content: Content,
    date: Option<&[u8]>,
) -> Result<bool, Unwritable> {
    if !(200..=999).contains(&head.status) {
        return Err(Unwritable::Status);
    }
    hpack::field(b":status", head.status.to_string().as_bytes(), out);
    let has_date = headers(out, &head.headers, |name| name == b"content-length")?;
    if let (Some(date), false) = (date, has_date) {
        hpack::field(b"date", date, out);
    }
    let never = matches!(head.status, 204 | 304);
    let own = || head.headers.value(b"content-length").and_then(h1::decimal);
    let length = match content {
        _ if never => None,
        // The app that answers HEAD may know how long the body would be.
        Content::None | Content::Length(0) | Content::Stream if to_head && head.status != 205 => own(),
        _ if head.status == 205 => Some(0),
        Content::None => Some(0),
        Content::Length(length) => Some(length),
        Content::Stream => None,
    };
    if let Some(length) = length {
        hpack::field(b"content-length", length.to_string().as_bytes(), out);
    }
    Ok(!never && !to_head && length != Some(0))
}

/// Writes the list of a request; whether a body follows it.
pub(super) fn request(out: &mut Vec<u8>, head: &RequestHead, to: &Target<'_>, content: Content) -> Result<bool, Unwritable> {
    let method = head.method.as_bytes();
    if method.is_empty() || method.len() > HTTP_METHOD_BYTES_MAX || !method.iter().all(|byte| is_token(*byte)) || method == b"CONNECT" {
        return Err(Unwritable::Method);
    }
    if to.path.is_empty() || !to.path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(Unwritable::Target);
    }
    if to.authority.is_empty() || !to.authority.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@\\".contains(&byte)) {
        return Err(Unwritable::Host);
    }
    for (name, value) in [(":method", &*head.method), (":scheme", to.scheme), (":authority", to.authority), (":path", to.path)] {
        hpack::field(name.as_bytes(), value.as_bytes(), out);
    }
    headers(out, &head.headers, |name| matches!(name, b"host" | b"content-length" | b"expect" | b"http2-settings"))?;
    let length = match content {
        Content::None | Content::Length(0) => matches!(method, b"POST" | b"PUT" | b"PATCH").then_some(0),
        Content::Length(length) => Some(length),
        Content::Stream => None,
    };
    if let Some(length) = length {
        hpack::field(b"content-length", length.to_string().as_bytes(), out);
    }
    Ok(!matches!(content, Content::None | Content::Length(0)))
}

/// Writes an app's headers but those of the connection; whether there is a date.
fn headers(out: &mut Vec<u8>, headers: &Headers, leave_out: fn(&[u8]) -> bool) -> Result<bool, Unwritable> {
    let flat = headers.as_flat();
    // Names and values alternate; a text that ends after a name was not made by `Headers::push`.
    if !flat.is_empty() && memchr::memchr_iter(b'\n', flat).count().is_multiple_of(2) {
        return Err(Unwritable::Header);
    }
    let mut has_date = false;
    for (name, value) in headers.iter() {
        let of_connection =
            matches!(name, b"connection" | b"transfer-encoding" | b"keep-alive" | b"proxy-connection" | b"upgrade" | b"te" | b"trailer");
        if of_connection || leave_out(name) {
            continue;
        }
        let is_name = !name.is_empty() && name.iter().all(|byte| is_token(*byte) && !byte.is_ascii_uppercase());
        if !is_name || value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(Unwritable::Header);
        }
        hpack::field(name, trim(value), out);
        has_date |= name == b"date";
    }
    Ok(has_date)
}
