//! How a kept response answers a request: whole, in part, or by saying that nothing has changed.

use std::ops::Range;

use super::{Entry, list};
use crate::date;
use crate::http::{Headers, ResponseHead};

/// An answer from the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its head.
    pub head: ResponseHead,
    /// What of the kept body is its body; none for an answer without one.
    pub body: Option<Range<usize>>,
}

/// The answer of a kept response to a request with these headers.
pub fn answer(entry: &Entry, request: &Headers, now_ms: u64) -> Answer {
    let whole = entry.body.as_ref().map(|body| 0..body.len());
    if (200..300).contains(&entry.head.status) && is_unchanged(&entry.head.headers, request) {
        return Answer { head: head(entry, now_ms, 304, &[]), body: None };
    }
    let Some(length) = whole.as_ref().map(|whole| whole.end).filter(|_| entry.head.status == 200) else {
        return Answer { head: head(entry, now_ms, entry.head.status, &[]), body: whole };
    };
    let range = request.value(b"range").filter(|_| range_applies(&entry.head.headers, request));
    match range.and_then(|range| parse_range(range, length)) {
        None => Answer { head: head(entry, now_ms, 200, &[]), body: whole },
        Some(Ok(range)) => {
            let place = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            let part = range.len().to_string();
            Answer { head: head(entry, now_ms, 206, &[("content-range", &place), ("content-length", &part)]), body: Some(range) }
        }
        Some(Err(())) => {
            let place = format!("bytes */{length}");
            Answer { head: head(entry, now_ms, 416, &[("content-range", &place), ("content-length", "0")]), body: Some(0..0) }
        }
    }
}

fn head(entry: &Entry, now_ms: u64, status: u16, extra: &[(&str, &str)]) -> ResponseHead {
    let same = status == entry.head.status;
    let mut headers = Headers::new();
    for (name, value) in entry.head.headers.iter() {
        if same || name != b"content-length" {
            let _ = headers.push(name, value);
        }
    }
    for (name, value) in extra {
        let _ = headers.push(name.as_bytes(), value.as_bytes());
    }
    let age_s = (now_ms.saturating_sub(entry.stored_ms) + entry.age_ms) / 1000;
    let _ = headers.push(b"age", age_s.to_string().as_bytes());
    let _ = headers.push(b"cf-cache-status", b"HIT");
    let status_text = if same { entry.head.status_text.clone() } else { String::new() };
    ResponseHead { status, status_text, headers }
}

/// If-None-Match and, without it, If-Modified-Since.
fn is_unchanged(kept: &Headers, request: &Headers) -> bool {
    if let Some(wanted) = request.value(b"if-none-match") {
        let Some(tag) = kept.value(b"etag") else { return false };
        return wanted == b"*" || list(wanted).any(|wanted| opaque(wanted) == opaque(tag));
    }
    let since = request.value(b"if-modified-since").and_then(date::parse);
    let modified = kept.value(b"last-modified").and_then(date::parse);
    modified.zip(since).is_some_and(|(modified, since)| modified <= since)
}

/// An entity tag for the weak comparison.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// If-Range.
fn range_applies(kept: &Headers, request: &Headers) -> bool {
    let Some(condition) = request.value(b"if-range") else { return true };
    if condition.starts_with(b"\"") {
        return kept.value(b"etag") == Some(condition);
    }
    let modified = kept.value(b"last-modified").and_then(date::parse);
    modified.is_some() && modified == date::parse(condition)
}

/// One range of bytes; none for what may be ignored, an error for what there are no bytes of.
fn parse_range(value: &[u8], length: usize) -> Option<Result<Range<usize>, ()>> {
    let spec = value.trim_ascii().strip_prefix(b"bytes=")?.trim_ascii();
    if spec.contains(&b',') {
        return None;
    }
    let dash = spec.iter().position(|byte| *byte == b'-')?;
    let (first, last) = (&spec[..dash], &spec[dash + 1..]);
    let number = |text: &[u8]| -> Option<usize> {
        let valid = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        valid.then(|| text.iter().fold(0_usize, |sum, digit| sum.saturating_mul(10).saturating_add(usize::from(digit - b'0'))))
    };
    if first.is_empty() {
        let suffix = number(last)?;
        let start = length.saturating_sub(suffix);
        return Some(if suffix == 0 || length == 0 { Err(()) } else { Ok(start..length) });
    }
    let first = number(first)?;
    let last = if last.is_empty() { usize::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    Some(if first >= length { Err(()) } else { Ok(first..last.min(length - 1) + 1) })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            assert!(headers.push(name.as_bytes(), value.as_bytes()));
        }
        headers
    }

    fn entry() -> Entry {
        let kept = [("etag", "\"v1\""), ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"), ("content-length", "10")];
        let head = ResponseHead { status: 200, status_text: "Fine".into(), headers: headers(&kept) };
        Entry { head, body: Some(Arc::new(b"0123456789".to_vec())), stored_ms: 1_000, age_ms: 500, expires_ms: 9_000 }
    }

    fn ask(request: &[(&str, &str)]) -> (u16, Option<Range<usize>>) {
        let answer = answer(&entry(), &headers(request), 4_600);
        (answer.head.status, answer.body)
    }

    #[test]
    fn a_plain_request_gets_all_of_it_and_its_age() {
        let answer = answer(&entry(), &Headers::new(), 4_600);
        assert_eq!((answer.head.status, &answer.head.status_text[..], answer.body), (200, "Fine", Some(0..10)));
        assert_eq!(answer.head.headers.value(b"age"), Some(&b"4"[..]));
        assert_eq!(answer.head.headers.value(b"cf-cache-status"), Some(&b"HIT"[..]));
    }

    #[test]
    fn what_has_not_changed_is_not_sent() {
        assert_eq!(ask(&[("if-none-match", "\"v1\"")]), (304, None));
        assert_eq!(ask(&[("if-none-match", "\"v0\", W/\"v1\"")]), (304, None));
        assert_eq!(ask(&[("if-none-match", "*")]), (304, None));
        assert_eq!(ask(&[("if-none-match", "\"v2\""), ("if-modified-since", "Sun, 06 Nov 2094 08:49:37 GMT")]), (200, Some(0..10)));
        assert_eq!(ask(&[("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT")]), (304, None));
        assert_eq!(ask(&[("if-modified-since", "Sun, 06 Nov 1994 08:49:36 GMT")]), (200, Some(0..10)));
        assert_eq!(ask(&[("if-modified-since", "yesterday")]), (200, Some(0..10)));
    }

    #[test]
    fn a_range_is_a_part() {
        assert_eq!(ask(&[("range", "bytes=2-4")]), (206, Some(2..5)));
        assert_eq!(ask(&[("range", "bytes=8-99")]), (206, Some(8..10)));
        assert_eq!(ask(&[("range", "bytes=8-")]), (206, Some(8..10)));
        assert_eq!(ask(&[("range", "bytes=-3")]), (206, Some(7..10)));
        assert_eq!(ask(&[("range", "bytes=-99999999999999999999999")]), (206, Some(0..10)));
        assert_eq!(ask(&[("range", "bytes=10-")]), (416, Some(0..0)));
        assert_eq!(ask(&[("range", "bytes=-0")]), (416, Some(0..0)));
        for ignored in ["bytes=4-2", "bytes=1-2,4-5", "lines=1-2", "bytes=", "bytes=-", "bytes=a-b"] {
            assert_eq!(ask(&[("range", ignored)]), (200, Some(0..10)), "{ignored}");
        }
        assert_eq!(ask(&[("range", "bytes=2-4"), ("if-range", "\"v1\"")]), (206, Some(2..5)));
        assert_eq!(ask(&[("range", "bytes=2-4"), ("if-range", "\"v2\"")]), (200, Some(0..10)));
        assert_eq!(ask(&[("range", "bytes=2-4"), ("if-range", "Sun, 06 Nov 1994 08:49:37 GMT")]), (206, Some(2..5)));
        let answer = answer(&entry(), &headers(&[("range", "bytes=2-4")]), 4_600);
        assert_eq!(answer.head.headers.value(b"content-range"), Some(&b"bytes 2-4/10"[..]));
        assert_eq!(answer.head.headers.value(b"content-length"), Some(&b"3"[..]));
    }
}
