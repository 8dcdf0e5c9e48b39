//! A request line's parts, and the absolute URL that target and `Host` make together.

use super::{Fault, Limits, Scheme, Version};
use nano_base::http::is_token;
use nano_base::limits::HTTP_METHOD_BYTES_MAX;
use nano_base::url::Url;

/// A request line that has been looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestLine {
    /// Where it begins in the input.
    pub start: usize,
    pub version: Version,
}

/// The longest request line.
pub(super) fn line_bytes_max(limits: &Limits) -> usize {
    (HTTP_METHOD_BYTES_MAX + limits.target_bytes + " ".len() + " HTTP/1.1\r\n".len()).min(limits.head_bytes)
}

/// Looks at what there is of the method, so that what is no HTTP is refused at its first bytes.
pub(super) fn check_method(line: &[u8]) -> Result<(), Fault> {
    for (at, byte) in line.iter().enumerate() {
        match byte {
            b' ' if at > 0 => return Ok(()),
            // The first byte of a TLS handshake.
            0x16 if at == 0 => return Err(Fault::Tls),
            // Methods are told apart by case, and those that stand in front refuse small letters: what is left of another message often begins
            // with some.
            byte if !is_token(*byte) || byte.is_ascii_lowercase() => return Err(Fault::Method),
            _ if at >= HTTP_METHOD_BYTES_MAX => return Err(Fault::MethodTooLong),
            _ => {}
        }
    }
    Ok(())
}

impl RequestLine {
    /// Checks `input[start..end]`.
    pub fn read(input: &[u8], start: usize, end: usize, limits: &Limits) -> Result<Self, Fault> {
        let line = &input[start..end];
        let method_end = memchr::memchr(b' ', line).ok_or(Fault::NoVersion)?;
        let target_end = memchr::memrchr(b' ', line).filter(|last| *last > method_end).ok_or(Fault::NoVersion)?;
        let target = &line[method_end + 1..target_end];
        if target.len() > limits.target_bytes {
            return Err(Fault::TargetTooLong);
        }
        let version = match &line[target_end + 1..] {
            b"HTTP/1.1" => Version::Http11,
            b"HTTP/1.0" => Version::Http10,
            b"HTTP/2.0" if line.starts_with(b"PRI * ") => return Err(Fault::Http2),
            [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
                return Err(Fault::UnknownVersion);
            }
            _ => return Err(Fault::Version),
        };
        check_target(target)?;
        Ok(Self { start, version })
    }
}

fn check_target(target: &[u8]) -> Result<(), Fault> {
    // A fragment is not sent.
    let is_one = !target.is_empty() && target.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#');
    is_one.then_some(()).ok_or(Fault::Target)
}

/// The URL of a request that another server has read, by its target and its `Host`, and whether it is about the server as a whole
/// (`OPTIONS *`). What a listener refuses is refused: servers that hand requests on do not look at either.
pub fn request_url(method: &[u8], target: &str, host: &str, scheme: Scheme) -> Result<(String, bool), Fault> {
    check_target(target.as_bytes())?;
    url(method, target, host, scheme)
}

/// The URL of a request, and whether it is about the server as a whole (`OPTIONS *`).
pub(crate) fn url(method: &[u8], target: &str, host: &str, scheme: Scheme) -> Result<(String, bool), Fault> {
    if method == b"CONNECT" {
        return Err(Fault::Connect);
    }
    if !is_host(host) {
        return Err(Fault::HostInvalid);
    }
    if target.starts_with('/') {
        return Ok((joined(scheme, host, target)?, false));
    }
    if target == "*" {
        return if method == b"OPTIONS" { Ok((joined(scheme, host, "/")?, true)) } else { Err(Fault::Target) };
    }
    let (name, rest) = target.split_once("://").ok_or(Fault::Target)?;
    match Scheme::named(name) {
        Some(named) if named == scheme => {}
        Some(_) => return Err(Fault::Misdirected),
        None => return Err(Fault::Target),
    }
    let path = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(path);
    if !is_host(authority) {
        return Err(Fault::Target);
    }
    let url = if path.starts_with('/') { joined(scheme, authority, path) } else { joined(scheme, authority, &format!("/{path}")) }?;
    if !authority.eq_ignore_ascii_case(host) {
        let host_of = |url: &str| Url::parse(url, None).map(|url| url.host());
        if host_of(&url) != host_of(&joined(scheme, host, "/")?) {
            return Err(Fault::HostDiffers);
        }
    }
    Ok((url, false))
}

/// Whether every byte may stand in a host with a port, so that no URL made with it has its host elsewhere. The URL's parser decides
/// about the rest.
fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]".contains(&byte))
}

fn joined(scheme: Scheme, host: &str, path: &str) -> Result<String, Fault> {
    let prefix = scheme.prefix();
    let mut url = String::with_capacity(prefix.len() + host.len() + path.len());
    url.push_str(prefix);
    url.push_str(host);
    url.push_str(path);
    if Url::places_if_plain(&url).is_some() {
        return Ok(url);
    }
    // A path can be anything, so it is the host that is none.
    let parsed = Url::parse(&url, None).ok_or(Fault::HostInvalid)?;
    if parsed.hostname().is_none_or(str::is_empty) {
        return Err(Fault::HostInvalid);
    }
    Ok(parsed.href())
}
