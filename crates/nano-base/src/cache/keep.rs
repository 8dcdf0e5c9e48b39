//! Whether a response may be kept, how long, and without which of its headers.

use super::{list, seconds};
use crate::date;
use crate::http::{Headers, ResponseHead};

/// How a response is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The headers that are kept.
    pub headers: Headers,
    /// How old it is already.
    pub age_ms: u64,
    /// How long it stays fresh from now on.
    pub fresh_ms: u64,
}

/// How to keep a response, or none if it must not or cannot be kept.
pub fn keep(head: &ResponseHead, now_ms: u64) -> Option<Kept> {
    let rules = Rules::of(&head.headers);
    if rules.forbidden {
        return None;
    }
    let is_dropped = |name: &[u8]| rules.without.iter().any(|field| field == name);
    // What sets a cookie is for one user, unless the response says how to keep it for all.
    if head.headers.value(b"set-cookie").is_some() && !is_dropped(b"set-cookie") {
        return None;
    }
    let lifetime_ms = rules.lifetime_ms.or_else(|| expires(&head.headers, now_ms)).or_else(|| default_ms(head.status))?;
    let age_ms = head.headers.value(b"age").and_then(seconds).unwrap_or(0) * 1000;
    let fresh_ms = lifetime_ms.saturating_sub(age_ms);
    if fresh_ms == 0 {
        return None;
    }
    let mut headers = Headers::new();
    for (name, value) in head.headers.iter() {
        // An age is told anew with each answer.
        if !is_dropped(name) && name != b"age" && name != b"cf-cache-status" {
            let _ = headers.push(name, value);
        }
    }
    Some(Kept { headers, age_ms, fresh_ms })
}

/// What Cache-Control says.
#[derive(Default)]
struct Rules {
    forbidden: bool,
    lifetime_ms: Option<u64>,
    /// Headers that must not be kept.
    without: Vec<Vec<u8>>,
}

impl Rules {
    fn of(headers: &Headers) -> Self {
        let mut rules = Self::default();
        let mut shared_ms = None;
        let values = headers.iter().filter(|(name, _)| *name == b"cache-control");
        for directive in values.flat_map(|(_, value)| list(value)) {
            let mut halves = directive.splitn(2, |byte| *byte == b'=');
            let name = halves.next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
            let argument = halves.next().map(|argument| unquoted(argument.trim_ascii()));
            match (&name[..], argument) {
                (b"no-store", _) | (b"private" | b"no-cache", None) => rules.forbidden = true,
                (b"private" | b"no-cache", Some(fields)) => rules.without.extend(list(fields).map(<[u8]>::to_ascii_lowercase)),
                // What cannot be read is stale.
                (b"max-age", argument) => rules.lifetime_ms = Some(argument.and_then(seconds).unwrap_or(0) * 1000),
                (b"s-maxage", argument) => shared_ms = Some(argument.and_then(seconds).unwrap_or(0) * 1000),
                _ => {}
            }
        }
        rules.lifetime_ms = shared_ms.or(rules.lifetime_ms);
        rules
    }
}

fn unquoted(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text)
}

/// The lifetime that Expires gives; what cannot be read has passed.
fn expires(headers: &Headers, now_ms: u64) -> Option<u64> {
    let expires_ms = date::parse(headers.value(b"expires")?).unwrap_or(0);
    let date_ms = headers.value(b"date").and_then(date::parse).unwrap_or(now_ms);
    Some(expires_ms.saturating_sub(date_ms))
}

/// How long a response is kept that says nothing about it, by its status: Cloudflare's defaults.
fn default_ms(status: u16) -> Option<u64> {
    match status {
        200 | 301 => Some(120 * 60_000),
        302 | 303 => Some(20 * 60_000),
        404 | 410 => Some(3 * 60_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 784_111_777_000;

    fn kept(status: u16, headers: &[(&str, &str)]) -> Option<Kept> {
        let mut head = ResponseHead { status, ..ResponseHead::default() };
        for (name, value) in headers {
            assert!(head.headers.push(name.as_bytes(), value.as_bytes()));
        }
        keep(&head, NOW_MS)
    }

    fn fresh_s(status: u16, headers: &[(&str, &str)]) -> Option<u64> {
        kept(status, headers).map(|kept| kept.fresh_ms / 1000)
    }

    #[test]
    fn cache_control_says_how_long() {
        assert_eq!(fresh_s(200, &[("cache-control", "max-age=10")]), Some(10));
        assert_eq!(fresh_s(500, &[("cache-control", "public, max-age=10")]), Some(10));
        assert_eq!(fresh_s(200, &[("cache-control", "s-maxage=\"20\" , max-age=10")]), Some(20));
        assert_eq!(fresh_s(200, &[("cache-control", "s-maxage=20"), ("cache-control", "Max-Age=10")]), Some(20));
        assert_eq!(fresh_s(200, &[("cache-control", "max-age=10"), ("age", "4")]), Some(6));
        assert_eq!(fresh_s(200, &[("cache-control", "max-age=99999999999999999999999")]), Some(1 << 31));
        for value in
            ["no-store", "private", "no-cache", "max-age=0", "max-age=x", "max-age", "max-age=10, no-store", "s-maxage=0, max-age=9"]
        {
            assert_eq!(fresh_s(200, &[("cache-control", value)]), None, "{value}");
        }
        assert_eq!(fresh_s(200, &[("cache-control", "max-age=10"), ("age", "10")]), None);
    }

    #[test]
    fn expires_counts_from_the_date() {
        let expires = ("expires", "Sun, 06 Nov 1994 08:50:37 GMT");
        assert_eq!(fresh_s(200, &[expires]), Some(60));
        assert_eq!(fresh_s(200, &[expires, ("date", "Sun, 06 Nov 1994 08:50:07 GMT")]), Some(30));
        assert_eq!(fresh_s(200, &[expires, ("cache-control", "max-age=5")]), Some(5));
        assert_eq!(fresh_s(200, &[("expires", "0")]), None);
    }

    #[test]
    fn what_says_nothing_is_kept_by_its_status() {
        assert_eq!(fresh_s(200, &[]), Some(7200));
        assert_eq!(fresh_s(302, &[("cache-control", "public")]), Some(1200));
        assert_eq!(fresh_s(404, &[]), Some(180));
        assert_eq!(fresh_s(500, &[]), None);
    }

    #[test]
    fn cookies_are_not_kept() {
        assert_eq!(kept(200, &[("set-cookie", "a=b")]), None);
        let both =
            kept(200, &[("set-cookie", "a=b"), ("x", "y"), ("cache-control", "private=\"Set-Cookie, z\", max-age=1")]).expect("kept");
        assert_eq!(both.headers.as_flat(), b"x\ny\ncache-control\nprivate=\"Set-Cookie, z\", max-age=1");
    }
}
