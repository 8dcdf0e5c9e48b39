//! Requests and responses as Python's servers have them.

use std::borrow::Cow;
use std::fmt::Write;

use nano_core::{Headers, RequestHead, ResponseHead};
use nano_http::h1::{Fault, Scheme, request_url};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyModule, PyString, PyTuple};
use pyo3::{IntoPyObjectExt, intern};

use crate::calls::refused;
use crate::error::exception;
use crate::options::invalid;

/// What belongs to one connection is not passed on.
const HOP_BY_HOP: [&[u8]; 7] = [b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"];

/// Room for most targets.
const TARGET_BYTES: usize = 128;

/// Statuses whose responses have no body, nor a length of one.
const BODILESS: [u16; 3] = [204, 205, 304];

/// A length has no more digits.
const LENGTH_DIGITS_MAX: usize = 15;

/// The request of an ASGI scope, and whether its headers say that it has a body.
pub(crate) fn request(scope: &Bound<'_, PyAny>) -> PyResult<(RequestHead, bool)> {
    let py = scope.py();
    let method: String = scope.get_item(intern!(py, "method"))?.extract()?;
    let mut announces = method != "GET" && method != "HEAD";
    let mut headers = Headers::new();
    let mut host = None;
    for pair in scope.get_item(intern!(py, "headers"))?.try_iter()? {
        let pair = pair?;
        let (name, pair_value) = two(&pair)?;
        let (name, value) = (name.as_bytes(), pair_value.as_bytes());
        announces |= matches!(name, b"content-length" | b"transfer-encoding");
        if !headers.push(name, value) {
            return Err(refused(py, name));
        }
        if name == b"host" && host.replace(pair_value).is_some() {
            return Err(two_hosts(py));
        }
    }
    let url = url(scope, &method, host.as_ref())?;
    Ok((RequestHead { method: method.into(), url, headers }, announces))
}

/// The request of a scope of the type `websocket`, which asks for one by the handshake that is `ours`: the framing that the client and its
/// server have agreed on is theirs alone.
pub(crate) fn opening(scope: &Bound<'_, PyAny>, ours: &Headers) -> PyResult<RequestHead> {
    let py = scope.py();
    let mut headers = Headers::new();
    let mut host = None;
    for pair in scope.get_item(intern!(py, "headers"))?.try_iter()? {
        let (name, value) = two(&pair?)?;
        if !is_of_handshake(name.as_bytes()) && !headers.push(name.as_bytes(), value.as_bytes()) {
            return Err(refused(py, name.as_bytes()));
        }
        if name.as_bytes() == b"host" && host.replace(value).is_some() {
            return Err(two_hosts(py));
        }
    }
    push_all(py, &mut headers, ours)?;
    let url = url(scope, "GET", host.as_ref())?;
    Ok(RequestHead { method: "GET".into(), url, headers })
}

/// What a request that names two hosts is told: one in front of the app may have gone by the other one.
fn two_hosts(py: Python<'_>) -> PyErr {
    exception(py, invalid(Fault::HostTwice.sentence()).with_http_status(Fault::HostTwice.status()))
}

/// Whether a header belongs to the handshake of a WebSocket.
pub(crate) fn is_of_handshake(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(&name[..], b"connection" | b"upgrade") || name.starts_with(b"sec-websocket-")
}

/// Adds the headers of a handshake.
pub(crate) fn push_all(py: Python<'_>, headers: &mut Headers, more: &Headers) -> PyResult<()> {
    match more.iter().find(|(name, value)| !headers.push(name, value)) {
        Some((name, _)) => Err(refused(py, name)),
        None => Ok(()),
    }
}

/// The URL that a scope's client has asked for.
fn url(scope: &Bound<'_, PyAny>, method: &str, host: Option<&Bound<'_, PyBytes>>) -> PyResult<String> {
    let py = scope.py();
    let mut target = String::with_capacity(TARGET_BYTES);
    match optional(scope, intern!(py, "raw_path"))? {
        Some(raw) => {
            let raw = raw.cast::<PyBytes>()?.as_bytes();
            push_sendable(&mut target, raw.split(|byte| *byte == b'?').next().unwrap_or_default());
        }
        None => {
            let quote = PyModule::import(py, "urllib.parse")?.getattr("quote")?;
            let path = quote.call1((scope.get_item(intern!(py, "path"))?, "/:@!$&'()*+,;=~-._"))?;
            target.push_str(&path.cast::<PyString>()?.to_cow()?);
        }
    }
    if target.is_empty() {
        target.push('/');
    }
    if let Some(query) = optional(scope, intern!(py, "query_string"))? {
        let query = query.cast::<PyBytes>()?.as_bytes();
        if !query.is_empty() {
            target.push('?');
            push_sendable(&mut target, query);
        }
    }
    let scheme = optional(scope, intern!(py, "scheme"))?;
    let scheme = scheme.as_ref().map(|scheme| scheme.cast::<PyString>()?.to_cow()).transpose()?;
    let scheme = scheme.as_deref().unwrap_or("http");
    match host.map(|host| host.as_bytes()) {
        Some(host) if !host.is_empty() => checked_url(py, method, &target, &String::from_utf8_lossy(host), scheme),
        _ => checked_url(py, method, &target, &server(scope)?, scheme),
    }
}

/// The URL of a request that a server of Python's has read, by its target, which is its path and query, and its host. Such servers let
/// anything through. What stood in front of the app has decided by the path, so the app must see the same one: a target that is no path is
/// refused, and one that a URL writes otherwise. `OPTIONS *` is answered as by a listener, with 204.
#[pyfunction(name = "request_url")]
#[pyo3(signature = (method, target, host, scheme, /))]
pub(crate) fn checked_url(py: Python<'_>, method: &str, target: &str, host: &str, scheme: &str) -> PyResult<String> {
    let refused = |status, why: &str| Err(exception(py, invalid(why).with_http_status(status)));
    let scheme = if matches!(scheme, "https" | "wss") { Scheme::Https } else { Scheme::Http };
    let url = match request_url(method.as_bytes(), target, host, scheme) {
        Ok((url, false)) => url,
        // What is about the server as a whole is no app's to answer, and nothing in particular is offered.
        Ok((_, true)) => return refused(204, "the request is about the server as a whole"),
        Err(fault) => return refused(fault.status(), fault.sentence()),
    };
    if !target.starts_with('/') {
        return refused(400, "the request target is no path");
    }
    // Most are taken over as they are.
    if !url.ends_with(target) && is_rewritten(target) {
        return refused(400, "the path has segments that are dots, or a backslash");
    }
    Ok(url)
}

/// Whether a URL with this path has other segments.
fn is_rewritten(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let is_dots = |segment: &str| matches!(&*segment.to_ascii_lowercase().replace("%2e", "."), "." | "..");
    path.contains('\\') || path.split('/').any(is_dots)
}

/// The two messages of a whole response.
pub(crate) fn messages<'py>(py: Python<'py>, head: &ResponseHead, body: &[u8], is_head: bool) -> PyResult<Bound<'py, PyAny>> {
    let is_bare = is_head || BODILESS.contains(&head.status);
    let headers = response_headers(py, head.headers.as_flat(), head.status, is_head, Some(body.len()))?;
    let start = PyDict::new(py);
    start.set_item(intern!(py, "type"), intern!(py, "http.response.start"))?;
    start.set_item(intern!(py, "status"), head.status)?;
    start.set_item(intern!(py, "headers"), headers)?;
    let rest = PyDict::new(py);
    rest.set_item(intern!(py, "type"), intern!(py, "http.response.body"))?;
    rest.set_item(intern!(py, "body"), PyBytes::new(py, if is_bare { b"" } else { body }))?;
    (start, rest).into_bound_py_any(py)
}

/// The headers of a response for a server: without what belongs to one connection, and with the length of what is sent. `whole` is that of a
/// body that is all there.
#[pyfunction]
#[pyo3(signature = (flat, status, is_head, whole, /))]
pub(crate) fn response_headers<'py>(
    py: Python<'py>,
    flat: &[u8],
    status: u16,
    is_head: bool,
    whole: Option<usize>,
) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    let mut lengths = Vec::new();
    let mut parts = flat.split(|byte| *byte == b'\n');
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        if name == b"content-length" {
            lengths.push(value);
        } else if !HOP_BY_HOP.contains(&name) {
            list.append((PyBytes::new(py, name), PyBytes::new(py, value)))?;
        }
    }
    lengths.dedup();
    let own = match &lengths[..] {
        [own] if (1..=LENGTH_DIGITS_MAX).contains(&own.len()) && own.iter().all(u8::is_ascii_digit) => Some(*own),
        _ => None,
    };
    if let Some(length) = length_of(status, is_head, whole, own) {
        list.append((PyBytes::new(py, b"content-length"), PyBytes::new(py, &length)))?;
    }
    Ok(list)
}

/// The `Content-Length` that goes out, if one does. The app's own would end its body elsewhere, and what is after it would be another app's
/// response on the same connection: it counts where there is no body.
fn length_of<'a>(status: u16, is_head: bool, whole: Option<usize>, own: Option<&'a [u8]>) -> Option<Cow<'a, [u8]>> {
    match (status, whole) {
        (204 | 304, _) => None,
        (205, _) => Some(Cow::Borrowed(b"0")),
        (_, None | Some(0)) if is_head => own.map(Cow::Borrowed),
        (_, whole) => whole.map(|length| Cow::Owned(length.to_string().into_bytes())),
    }
}

/// A name and its value, whatever has them.
fn two<'py>(pair: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
    if let Ok(pair) = pair.cast::<PyTuple>() {
        return Ok((pair.get_item(0)?.cast_into()?, pair.get_item(1)?.cast_into()?));
    }
    Ok((pair.get_item(0)?.cast_into()?, pair.get_item(1)?.cast_into()?))
}

/// What a scope has under a name, if it has anything there.
fn optional<'py>(scope: &Bound<'py, PyAny>, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let value = match scope.cast_exact::<PyDict>() {
        Ok(scope) => scope.get_item(name)?,
        Err(_) => match scope.get_item(name) {
            Err(error) if error.is_instance_of::<PyKeyError>(scope.py()) => None,
            value => Some(value?),
        },
    };
    Ok(value.filter(|value| !value.is_none()))
}

/// Where the server listens, as a host is written.
fn server(scope: &Bound<'_, PyAny>) -> PyResult<String> {
    let Some(server) = optional(scope, intern!(scope.py(), "server"))? else { return Ok("localhost".into()) };
    let (name, port): (String, Option<u16>) = (server.get_item(0)?.extract()?, server.get_item(1)?.extract()?);
    let name = match name {
        // A socket of the file system.
        path if path.starts_with('/') => "localhost".into(),
        address if address.contains(':') => format!("[{address}]"),
        name => name,
    };
    Ok(match port {
        Some(port) => format!("{name}:{port}"),
        None => name,
    })
}

/// Adds what a client may have sent, percent-encoded where only a server that decodes it can have found it.
fn push_sendable(text: &mut String, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(plain) if bytes.iter().all(u8::is_ascii_graphic) => text.push_str(plain),
        _ => {
            for byte in bytes {
                // Writing to a String does not fail.
                let _ = if byte.is_ascii_graphic() { write!(text, "{}", char::from(*byte)) } else { write!(text, "%{byte:02X}") };
            }
        }
    }
}
