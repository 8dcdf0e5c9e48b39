//! HTTP messages as they travel between host, core and app: heads as flat text, bodies as bytes.

use std::borrow::Cow;

/// A request without its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHead {
    /// `GET`, `POST`, ...: see [`method`].
    pub method: Cow<'static, str>,
    /// The absolute URL.
    pub url: String,
    /// The headers.
    pub headers: Headers,
}

/// A method, without an allocation for those that nearly all requests have.
pub fn method(name: &str) -> Cow<'static, str> {
    const COMMON: [&str; 7] = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"];
    COMMON.into_iter().find(|common| *common == name).map_or_else(|| Cow::Owned(name.to_owned()), Cow::Borrowed)
}

/// A response without its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseHead {
    /// 200 to 599.
    pub status: u16,
    /// The reason phrase; often empty.
    pub status_text: String,
    /// The headers.
    pub headers: Headers,
}

/// Headers in their order, names in lower case, as one text: `name\nvalue\nname\nvalue`. One allocation whatever their
/// number; neither names nor values may contain a line feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<u8>);

impl Headers {
    /// No headers.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Takes text that is already in the flat form.
    pub fn from_flat(flat: Vec<u8>) -> Self {
        Self(flat)
    }

    /// The flat form.
    pub fn as_flat(&self) -> &[u8] {
        &self.0
    }

    /// Adds a header; the name is put in lower case. False, and nothing added, if the name is not a token or the value has
    /// a control character that HTTP forbids.
    #[must_use]
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> bool {
        // Form feeds are part of it: https://fetch.spec.whatwg.org/#concept-header-value-normalize
        let value = trim(value);
        let token = !name.is_empty() && name.iter().all(|byte| is_token(*byte));
        if !token || value.iter().any(|byte| matches!(byte, 0 | b'\n' | b'\r')) {
            return false;
        }
        let begin = self.0.len() + usize::from(!self.0.is_empty());
        self.append(name, value);
        self.0[begin..begin + name.len()].make_ascii_lowercase();
        true
    }

    /// The same for a header of our own: its name is a token in lower case, its value known to be one.
    pub fn append(&mut self, name: &[u8], value: &[u8]) {
        debug_assert!(name.iter().all(|byte| is_token(*byte)) && !value.iter().any(|byte| matches!(byte, 0 | b'\n' | b'\r')));
        self.0.reserve(name.len() + value.len() + 2);
        if !self.0.is_empty() {
            self.0.push(b'\n');
        }
        self.0.extend_from_slice(name);
        self.0.push(b'\n');
        self.0.extend_from_slice(value);
    }

    /// Names and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut parts = self.0.split(|byte| *byte == b'\n');
        let empty = self.0.is_empty();
        std::iter::from_fn(move || if empty { None } else { Some((parts.next()?, parts.next()?)) })
    }

    /// The first value of a header, by its lower-case name.
    pub fn value(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().find(|(candidate, _)| *candidate == name).map(|(_, value)| value)
    }

    /// What `Content-Length` says, if that is one number.
    pub fn content_length(&self) -> Option<u64> {
        let digits = self.value(b"content-length").filter(|value| value.iter().all(u8::is_ascii_digit))?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// Says so, or says nothing of it.
    pub fn set_content_length(&mut self, length: Option<u64>) {
        if self.value(b"content-length").is_some() {
            let mut others = Self::new();
            for (name, value) in self.iter().filter(|(name, _)| *name != b"content-length") {
                others.append(name, value);
            }
            *self = others;
        }
        if let Some(length) = length {
            self.append(b"content-length", length.to_string().as_bytes());
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of all names and values.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }
}

fn trim(value: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let start = value.iter().position(|byte| !is_space(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    &value[start..end]
}

/// The characters of a header name or method (RFC 9110 `tchar`).
pub const fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// Looked up for every byte of every name.
const TOKEN: [bool; 256] = {
    let marks = b"!#$%&'*+-.^_`|~";
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < marks.len() {
        table[marks[at] as usize] = true;
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_keep_order_and_refuse_what_would_split_a_message() {
        let mut headers = Headers::new();
        assert!(headers.push(b"Content-Type", b" text/plain "));
        assert!(headers.push(b"x-empty", b""));
        assert!(!headers.push(b"bad name", b"x"));
        assert!(!headers.push(b"", b"x"));
        assert!(!headers.push(b"x", b"a\r\nb: c"));
        let all: Vec<_> = headers.iter().collect();
        assert_eq!(all, [(&b"content-type"[..], &b"text/plain"[..]), (&b"x-empty"[..], &b""[..])]);
        assert_eq!(headers.value(b"content-type"), Some(&b"text/plain"[..]));
        assert_eq!(Headers::new().iter().count(), 0);
    }
}
