//! Hosts: names, IPv4 and IPv6 addresses. https://url.spec.whatwg.org/#host-parsing

use std::borrow::Cow;
use std::fmt::Write;

use super::percent;

/// A name with international characters that is longer is refused: mapping it costs more than in proportion, and no resolver takes it.
const NAME_BYTES_MAX: usize = 4_096;

/// The host as it is written out.
pub(super) fn parse(input: &str, special: bool) -> Option<String> {
    if let Some(rest) = input.strip_prefix('[') {
        return parse_ipv6(rest.strip_suffix(']')?).map(|pieces| write_ipv6(&pieces));
    }
    if !special {
        return (!input.bytes().any(is_forbidden)).then(|| percent::encode(input, &percent::CONTROL));
    }
    let decoded = percent::decode(input);
    let ascii = to_ascii(&decoded)?;
    if ascii.is_empty() || ascii.bytes().any(|byte| is_forbidden(byte) || byte <= 0x1f || byte == b'%' || byte == 0x7f) {
        return None;
    }
    if ends_in_number(&ascii) {
        return parse_ipv4(&ascii).map(|address| std::net::Ipv4Addr::from(address).to_string());
    }
    Some(ascii.into_owned())
}

/// https://url.spec.whatwg.org/#concept-domain-to-ascii; a name in ASCII is not looked into, whatever its labels pretend to encode.
fn to_ascii(domain: &[u8]) -> Option<Cow<'_, str>> {
    if domain.is_ascii() {
        return String::from_utf8(domain.to_ascii_lowercase()).ok().map(Cow::Owned);
    }
    if domain.len() > NAME_BYTES_MAX {
        return None;
    }
    idna::domain_to_ascii_cow(domain, idna::AsciiDenyList::URL).ok()
}

/// https://url.spec.whatwg.org/#forbidden-host-code-point
fn is_forbidden(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | b'\r' | b' ' | b'#' | b'/' | b':' | b'<' | b'>' | b'?' | b'@' | b'[' | b'\\' | b']' | b'^' | b'|')
}

/// https://url.spec.whatwg.org/#ends-in-a-number-checker
fn ends_in_number(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or_default();
    !last.is_empty() && (last.bytes().all(|byte| byte.is_ascii_digit()) || ipv4_number(last).is_some())
}

/// One part of an IPv4 address; what is too large for any is just large.
fn ipv4_number(part: &str) -> Option<u64> {
    let (digits, radix) = match part.as_bytes() {
        [] => return None,
        [b'0', b'x' | b'X', ..] => (&part[2..], 16),
        [b'0', _, ..] => (&part[1..], 8),
        _ => (part, 10),
    };
    digits
        .chars()
        .try_fold(0_u64, |number, digit| Some(number.saturating_mul(u64::from(radix)).saturating_add(u64::from(digit.to_digit(radix)?))))
}

/// https://url.spec.whatwg.org/#concept-ipv4-parser
fn parse_ipv4(host: &str) -> Option<u32> {
    let parts: Vec<&str> = host.strip_suffix('.').unwrap_or(host).split('.').collect();
    if parts.len() > 4 {
        return None;
    }
    let mut address = 0_u64;
    for (index, part) in parts.iter().enumerate() {
        let number = ipv4_number(part)?;
        if index + 1 == parts.len() {
            let bits = 8 * (5 - parts.len() as u32);
            return (number < 1 << bits).then_some((address << bits | number) as u32);
        }
        if number > 255 {
            return None;
        }
        address = address << 8 | number;
    }
    None
}

/// https://url.spec.whatwg.org/#concept-ipv6-parser
fn parse_ipv6(input: &str) -> Option<[u16; 8]> {
    let mut address = [0_u16; 8];
    let mut index = 0;
    let mut compress = None;
    let mut rest = input.as_bytes();
    if rest.first() == Some(&b':') {
        rest = rest.strip_prefix(b"::")?;
        index = 1;
        compress = Some(1);
    }
    while !rest.is_empty() {
        if index == 8 {
            return None;
        }
        if rest[0] == b':' {
            if compress.is_some() {
                return None;
            }
            rest = &rest[1..];
            index += 1;
            compress = Some(index);
            continue;
        }
        let length = rest.iter().take(4).take_while(|byte| byte.is_ascii_hexdigit()).count();
        let value = rest[..length].iter().fold(0_u16, |value, byte| value << 4 | (*byte as char).to_digit(16).unwrap_or(0) as u16);
        match rest.get(length) {
            Some(b'.') => {
                if length == 0 || index > 6 {
                    return None;
                }
                let [high, low] = embedded_ipv4(rest)?;
                address[index] = high;
                address[index + 1] = low;
                index += 2;
                rest = &[];
                break;
            }
            Some(b':') => {
                rest = &rest[length + 1..];
                if rest.is_empty() {
                    return None;
                }
            }
            Some(_) => return None,
            None => rest = &[],
        }
        address[index] = value;
        index += 1;
    }
    if let Some(compress) = compress {
        // What comes after the gap belongs to the end.
        let moved = index - compress;
        address.copy_within(compress..index, 8 - moved);
        address[compress..(8 - moved)].fill(0);
    } else if index != 8 || !rest.is_empty() {
        return None;
    }
    Some(address)
}

/// Four decimal parts at the end of an IPv6 address, without leading zeros.
fn embedded_ipv4(text: &[u8]) -> Option<[u16; 2]> {
    let mut bytes = [0_u16; 4];
    let mut parts = text.split(|byte| *byte == b'.');
    for byte in &mut bytes {
        let part = parts.next()?;
        if part.is_empty() || part.len() > 3 || !part.iter().all(u8::is_ascii_digit) || (part.len() > 1 && part[0] == b'0') {
            return None;
        }
        *byte = part.iter().fold(0, |value, digit| value * 10 + u16::from(digit - b'0'));
        if *byte > 255 {
            return None;
        }
    }
    parts.next().is_none().then_some([bytes[0] << 8 | bytes[1], bytes[2] << 8 | bytes[3]])
}

/// https://url.spec.whatwg.org/#concept-ipv6-serializer
fn write_ipv6(pieces: &[u16; 8]) -> String {
    // The first of the longest runs of zeros, if it is longer than one.
    let mut gap = 0..0;
    let mut start = 0;
    while start < 8 {
        let length = pieces[start..].iter().take_while(|piece| **piece == 0).count();
        if length > 1 && length > gap.len() {
            gap = start..start + length;
        }
        start += length.max(1);
    }
    let mut out = String::from("[");
    for (index, piece) in pieces.iter().enumerate() {
        if gap.contains(&index) {
            if index == gap.start {
                out.push_str(if index == 0 { "::" } else { ":" });
            }
            continue;
        }
        let _ = write!(out, "{piece:x}");
        if index != 7 {
            out.push(':');
        }
    }
    out.push(']');
    out
}
