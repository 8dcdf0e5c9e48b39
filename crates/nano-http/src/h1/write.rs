//! Heads as they are written, and what goes around a body's pieces. What frames a message is decided here: headers of that kind that an
//! app gives are left out.

use super::{Fault, Framing, Unwritable, Version};
use nano_base::http::{Headers, RequestHead, ResponseHead, is_token};
use nano_base::limits::HTTP_METHOD_BYTES_MAX;

/// What a client with `expect_continue` waits for.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// What follows a chunk's bytes.
pub const CHUNK_END: &[u8] = b"\r\n";
/// What ends a chunked body, after the last chunk's `CHUNK_END`.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// What is known of a body before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// There is none.
    None,
    /// It has so many bytes.
    Length(u64),
    /// It comes piece by piece.
    Stream,
}

/// What a response's head depends on besides itself.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The request's version.
    pub version: Version,
    /// The request's method is `HEAD`.
    pub to_head: bool,
    /// The body that there is.
    pub content: Content,
    /// Whether both sides would use the connection again.
    pub keep_alive: bool,
    /// The time, as HTTP writes it; left out if the response has its own.
    pub date: Option<&'a [u8]>,
}

/// What a response's head has promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// How the body is to be sent; with `None`, not at all, whatever there is of it.
    pub framing: Framing,
    /// Whether the connection may be used again after it.
    pub keep_alive: bool,
}

/// Writes a response's head, or nothing.
pub fn write_response_head(out: &mut Vec<u8>, head: &ResponseHead, answer: &Answer<'_>) -> Result<Sent, Unwritable> {
    let start = out.len();
    let sent = response_head(out, head, answer);
    if sent.is_err() {
        out.truncate(start);
    }
    sent
}

fn response_head(out: &mut Vec<u8>, head: &ResponseHead, answer: &Answer<'_>) -> Result<Sent, Unwritable> {
    if !(200..=999).contains(&head.status) {
        return Err(Unwritable::Status);
    }
    out.reserve(128 + head.headers.bytes() + 2 * head.status_text.len());
    out.extend_from_slice(b"HTTP/1.1 ");
    decimal(out, u64::from(head.status));
    out.push(b' ');
    if head.status_text.is_empty() {
        out.extend_from_slice(reason(head.status).as_bytes());
    } else {
        // A byte string: characters above 255 are not in it.
        for character in head.status_text.chars() {
            let byte = u8::try_from(character).ok().filter(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f));
            out.push(byte.ok_or(Unwritable::Header)?);
        }
    }
    out.extend_from_slice(b"\r\n");
    let seen = headers(out, &head.headers, |name| matches!(name, b"content-length" | b"upgrade"))?;
    if let (Some(date), false) = (answer.date, seen.date) {
        field(out, b"date", date)?;
    }
    // RFC 9110, 15.5.22: the client is told to what, and the header is one of the connection.
    let offered = if head.status == 426 && answer.version == Version::Http11 { head.headers.value(b"upgrade") } else { None };
    if let Some(protocols) = offered {
        field(out, b"upgrade", protocols)?;
    }
    let never = matches!(head.status, 204 | 304);
    let own_length = || head.headers.value(b"content-length").and_then(super::fields::decimal);
    let framing = match answer.content {
        _ if never => Framing::None,
        // RFC 9110, 15.3.6: there is nothing to come.
        Content::None | Content::Length(0) if answer.to_head && head.status != 205 => {
            // The app that answers HEAD may know how long the body would be.
            own_length().map_or(Framing::None, Framing::Length)
        }
        _ if head.status == 205 => Framing::Length(0),
        Content::None => Framing::Length(0),
        Content::Length(length) => Framing::Length(length),
        Content::Stream if answer.to_head => own_length().map_or(Framing::None, Framing::Length),
        Content::Stream if answer.version == Version::Http11 => Framing::Chunked,
        Content::Stream => Framing::UntilClose,
    };
    match framing {
        Framing::Length(length) => content_length(out, length),
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::None | Framing::UntilClose => {}
    }
    let keep_alive = answer.keep_alive && framing != Framing::UntilClose;
    match (keep_alive, answer.version, offered) {
        (true, Version::Http11, None) => {}
        (true, Version::Http11, Some(_)) => out.extend_from_slice(b"connection: upgrade\r\n"),
        (true, Version::Http10, _) => out.extend_from_slice(b"connection: keep-alive\r\n"),
        (false, _, None) => out.extend_from_slice(b"connection: close\r\n"),
        (false, _, Some(_)) => out.extend_from_slice(b"connection: close, upgrade\r\n"),
    }
    out.extend_from_slice(b"\r\n");
    let empty = answer.to_head || framing == Framing::Length(0);
    Ok(Sent { framing: if empty { Framing::None } else { framing }, keep_alive })
}

/// The head of a response that switches protocols. `own` are the protocol's headers, which the app's may not be.
pub(crate) fn switch_head<'a>(
    protocol: &'a str,
    app: &Headers,
    own: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<ResponseHead, Unwritable> {
    let mut switched = Headers::new();
    for (name, value) in [("connection", "upgrade"), ("upgrade", protocol)].into_iter().chain(own) {
        if !switched.push(name.as_bytes(), value.as_bytes()) {
            return Err(Unwritable::Header);
        }
    }
    check_pairs(app)?;
    for (name, value) in app.iter() {
        let is_ours = is_of_connection(name) || matches!(name, b"content-length" | b"upgrade") || name.starts_with(b"sec-websocket-");
        if !is_ours && !switched.push(name, value) {
            return Err(Unwritable::Header);
        }
    }
    Ok(ResponseHead { status: 101, status_text: "Switching Protocols".into(), headers: switched })
}

/// Writes the head of a response that switches protocols, as [`Opening::accept`](crate::ws::Opening::accept) gives it.
pub fn write_switch_head(out: &mut Vec<u8>, head: &ResponseHead) {
    out.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n");
    for (name, value) in head.headers.iter() {
        // Each has been checked when it was pushed.
        for part in [name, b": ", value, b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes the whole answer to a request that is refused; the connection is to be closed after it.
pub fn write_refusal(out: &mut Vec<u8>, fault: Fault, date: Option<&[u8]>) {
    let (head, body) = fault.problem().answer("");
    let date = date.filter(|date| is_value(date));
    let answer = Answer { version: Version::Http11, to_head: false, content: Content::Length(body.len() as u64), keep_alive: false, date };
    // Nothing of it is anybody else's.
    let written = write_response_head(out, &head, &answer);
    debug_assert!(written.is_ok());
    out.extend_from_slice(&body);
}

/// What a request's head depends on besides itself.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// What stands between method and version: path and query, or for a proxy the whole URL.
    pub target: &'a str,
    /// The host, with its port if that is not the scheme's own.
    pub host: &'a str,
    /// The body that there is.
    pub content: Content,
    /// Whether the connection may be used again.
    pub keep_alive: bool,
    /// A protocol to switch to, as `Upgrade` names it.
    pub upgrade: Option<&'a str>,
}

/// Writes a request's head (whose URL is not looked at), or nothing; gives how the body is to be sent.
pub fn write_request_head(out: &mut Vec<u8>, head: &RequestHead, call: &Call<'_>) -> Result<Framing, Unwritable> {
    let start = out.len();
    let framing = request_head(out, head, call);
    if framing.is_err() {
        out.truncate(start);
    }
    framing
}

fn request_head(out: &mut Vec<u8>, head: &RequestHead, call: &Call<'_>) -> Result<Framing, Unwritable> {
    let method = head.method.as_bytes();
    if method.is_empty() || method.len() > HTTP_METHOD_BYTES_MAX || !method.iter().all(|byte| is_token(*byte)) {
        return Err(Unwritable::Method);
    }
    if call.target.is_empty() || !call.target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(Unwritable::Target);
    }
    if call.host.is_empty() || !call.host.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@\\".contains(&byte)) {
        return Err(Unwritable::Host);
    }
    out.reserve(128 + head.headers.bytes() + call.target.len() + call.host.len());
    for part in [method, b" ", call.target.as_bytes(), b" HTTP/1.1\r\nhost: ", call.host.as_bytes(), b"\r\n"] {
        out.extend_from_slice(part);
    }
    headers(out, &head.headers, |name| matches!(name, b"host" | b"content-length" | b"expect" | b"upgrade" | b"http2-settings"))?;
    let framing = match call.content {
        // A server may wait for a body where the method means one.
        Content::None | Content::Length(0) if matches!(method, b"POST" | b"PUT" | b"PATCH") => Framing::Length(0),
        Content::None => Framing::None,
        Content::Length(length) => Framing::Length(length),
        Content::Stream => Framing::Chunked,
    };
    match framing {
        Framing::Length(length) => content_length(out, length),
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::None | Framing::UntilClose => {}
    }
    if let Some(protocol) = call.upgrade {
        out.extend_from_slice(b"connection: upgrade\r\n");
        field(out, b"upgrade", protocol.as_bytes())?;
    } else if !call.keep_alive {
        out.extend_from_slice(b"connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
    Ok(if framing == Framing::Length(0) { Framing::None } else { framing })
}

/// What stands before a chunk's bytes.
#[derive(Clone, Copy, Debug)]
pub struct ChunkSize {
    bytes: [u8; 18],
    start: usize,
}

impl ChunkSize {
    /// None for an empty chunk, which would end the body.
    pub fn new(bytes: usize) -> Option<Self> {
        if bytes == 0 {
            return None;
        }
        let mut size = Self { bytes: [0; 18], start: 16 };
        size.bytes[16..].copy_from_slice(CHUNK_END);
        let mut left = bytes;
        while left > 0 {
            size.start -= 1;
            size.bytes[size.start] = b"0123456789abcdef"[left & 15];
            left >>= 4;
        }
        Some(size)
    }

    /// The bytes to send.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

/// What was seen of the headers that can be the app's or ours.
struct Seen {
    date: bool,
}

/// Writes an app's headers but those of the connection. What `Connection` lists besides is not left out: it may come from whoever
/// called the app, to take a header away that the app has set.
fn headers(out: &mut Vec<u8>, headers: &Headers, leave_out: fn(&[u8]) -> bool) -> Result<Seen, Unwritable> {
    let mut seen = Seen { date: false };
    check_pairs(headers)?;
    for (name, value) in headers.iter() {
        if !is_of_connection(name) && !leave_out(name) {
            field(out, name, value)?;
            seen.date |= name == b"date";
        }
    }
    Ok(seen)
}

/// Names and values alternate; a text that ends after a name was not made by `Headers::push`.
fn check_pairs(headers: &Headers) -> Result<(), Unwritable> {
    let flat = headers.as_flat();
    let is_cut = !flat.is_empty() && memchr::memchr_iter(b'\n', flat).count().is_multiple_of(2);
    if is_cut { Err(Unwritable::Header) } else { Ok(()) }
}

fn is_of_connection(name: &[u8]) -> bool {
    matches!(name, b"connection" | b"transfer-encoding" | b"keep-alive" | b"proxy-connection" | b"te" | b"trailer")
}

fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) -> Result<(), Unwritable> {
    // Upper case would get by the names that are left out.
    let token = !name.is_empty() && name.iter().all(|byte| is_token(*byte) && !byte.is_ascii_uppercase());
    if !token || !is_value(value) {
        return Err(Unwritable::Header);
    }
    for part in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
    Ok(())
}

/// Control characters are allowed by the Fetch Standard, but for those that would split the message.
fn is_value(value: &[u8]) -> bool {
    memchr::memchr3(b'\r', b'\n', 0, value).is_none()
}

fn content_length(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"content-length: ");
    decimal(out, length);
    out.extend_from_slice(b"\r\n");
}

/// Every response has two of these, so they are not left to the formatter, which costs several times as much.
fn decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// The reason phrase of a status, as IANA's registry has it.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        511 => "Network Authentication Required",
        _ => "",
    }
}
