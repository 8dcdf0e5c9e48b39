//! URLs that are written as the parser would write them, which most are: looked over once, without taking them apart.

use super::percent::{FRAGMENT, PATH, SPECIAL_QUERY};

/// The places of `Written` if `input` is surely its own serialization; none says nothing.
///
/// It takes http and https with a lower-case ASCII name as host, no credentials, and neither dot segments nor anything to encode.
pub(super) fn places(input: &str) -> Option<[usize; 9]> {
    let bytes = input.as_bytes();
    let (protocol_end, default_port) = if input.starts_with("https://") {
        (6, 443)
    } else if input.starts_with("http://") {
        (5, 80)
    } else {
        return None;
    };
    let host = protocol_end + 2;
    let end = |start: usize, stop: fn(u8) -> bool| bytes[start..].iter().position(|byte| stop(*byte)).map(|length| start + length);

    let hostname_end = end(host, |byte| !matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))?;
    let name = &input[host..hostname_end];
    // A name whose last label begins with a digit may be an address.
    let last = name.rsplit('.').next()?.as_bytes().first()?;
    if last.is_ascii_digit() {
        return None;
    }
    let mut host_end = hostname_end;
    if bytes[hostname_end] == b':' {
        host_end = end(hostname_end + 1, |byte| !byte.is_ascii_digit())?;
        let port = &input[hostname_end + 1..host_end];
        if port.starts_with('0') || port.parse::<u16>().ok()? == default_port {
            return None;
        }
    }
    if bytes[host_end] != b'/' {
        return None;
    }

    let path = host_end;
    let mut at = path;
    while at < bytes.len() && !matches!(bytes[at], b'?' | b'#') {
        let next = bytes.get(at + 1);
        if PATH.has(bytes[at]) || bytes[at] == b'\\' || (bytes[at] == b'/' && matches!(next, Some(b'.' | b'%'))) {
            return None;
        }
        at += 1;
    }
    let query = at;
    while at < bytes.len() && bytes[at] != b'#' {
        if SPECIAL_QUERY.has(bytes[at]) {
            return None;
        }
        at += 1;
    }
    let fragment = at;
    if bytes[fragment..].iter().skip(1).any(|byte| FRAGMENT.has(*byte)) {
        return None;
    }
    Some([protocol_end, protocol_end, protocol_end, host, hostname_end, host_end, path, query, fragment])
}
