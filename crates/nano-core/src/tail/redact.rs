//! A request as tail workers see it: without what would let them act for its sender, unless they ask for all of it.

use nano_base::http::RequestHead;
use nano_base::value::Value;

use crate::trace::object;

const REDACTED: &str = "REDACTED";
/// Parts of the names of headers that hold something secret.
const SECRET: [&str; 5] = ["auth", "key", "secret", "token", "jwt"];
/// From so many characters on something may be an id.
const HEX_ID: usize = 32;
const ID: usize = 21;

/// URL, method and headers.
pub(crate) fn request(head: &RequestHead, is_redacted: bool) -> Value {
    let mut headers: Vec<(String, Value)> = Vec::new();
    for (name, value) in head.headers.iter() {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let is_hidden = is_redacted && is_secret(&name);
        let value: String = if is_hidden { REDACTED.into() } else { value.iter().map(|byte| char::from(*byte)).collect() };
        match headers.iter_mut().find(|(other, _)| *other == name) {
            Some((_, Value::Text(before))) => before.extend([", ", value.as_str()]),
            _ => headers.push((name, Value::Text(value))),
        }
    }
    let url = if is_redacted { redact_url(&head.url) } else { head.url.clone() };
    object([("url", Value::Text(url)), ("method", Value::Text(head.method.to_string())), ("headers", Value::Object(headers))])
}

fn is_secret(name: &str) -> bool {
    matches!(name, "cookie" | "set-cookie") || SECRET.iter().any(|part| name.contains(part))
}

/// A URL without what looks like an id.
fn redact_url(url: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_');
    let mut out = String::with_capacity(url.len());
    let mut rest = url;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        out.push_str(if is_id(word) { REDACTED } else { word });
        let next = after.find(is_word).unwrap_or(after.len());
        out.push_str(&after[..next]);
        rest = &after[next..];
    }
    out
}

/// Many hexadecimal digits, or a long word of capitals, small letters and digits.
fn is_id(word: &str) -> bool {
    let count = |is: fn(&u8) -> bool| word.bytes().filter(is).count();
    let separators = count(|byte| matches!(byte, b'+' | b'-' | b'_'));
    let hex = count(u8::is_ascii_hexdigit);
    if hex >= HEX_ID && hex + separators == word.len() {
        return true;
    }
    word.len() >= ID && count(u8::is_ascii_uppercase) >= 2 && count(u8::is_ascii_lowercase) >= 2 && count(u8::is_ascii_digit) >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_out_of_urls() {
        let cases = [
            ("https://a.test/users/42?page=3", "https://a.test/users/42?page=3"),
            ("https://a.test/x/0123456789abcdef0123456789abcdef", "https://a.test/x/REDACTED"),
            ("https://a.test/x/01234567-89ab-cdef-0123-456789abcdef/y", "https://a.test/x/REDACTED/y"),
            ("https://a.test/?t=aB3dE6gH9jK2mN5pQ8sT1v&u=1", "https://a.test/?t=REDACTED&u=1"),
            ("https://a.test/a-long-but-readable-title-of-a-page", "https://a.test/a-long-but-readable-title-of-a-page"),
        ];
        for (url, shown) in cases {
            assert_eq!(redact_url(url), shown);
        }
    }

    #[test]
    fn headers_that_let_others_in_are_not_shown() {
        for name in ["cookie", "set-cookie", "authorization", "x-api-key", "csrf-token"] {
            assert!(is_secret(name), "{name}");
        }
        assert!(!is_secret("accept") && !is_secret("x-request-id"));
    }
}
