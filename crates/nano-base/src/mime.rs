//! MIME types as the web reads them: parsing, serializing, and what a list of headers says about its body.
//!
//! Specifications: <https://mimesniff.spec.whatwg.org/#parsing-a-mime-type>, <https://fetch.spec.whatwg.org/#concept-header-extract-mime-type>
//! Text here is isomorphic: one byte is one character, as in header values.

use std::fmt::Write;

/// A MIME type record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mime {
    /// `type/subtype`, in lower case.
    pub essence: String,
    /// Names in lower case, values as they were, in their order; no name twice.
    pub parameters: Vec<(String, String)>,
}

/// Parameters of one MIME type at most; what follows is dropped. The standard knows no limit, a list without one costs its square.
const PARAMETERS_MAX: usize = 64;

impl Mime {
    /// Parses a MIME type; `None` where the standard says failure.
    pub fn parse(input: &[u8]) -> Option<Self> {
        let input = trim(input);
        let slash = input.iter().position(|byte| *byte == b'/')?;
        let (kind, rest) = (&input[..slash], &input[slash + 1..]);
        let end = rest.iter().position(|byte| *byte == b';').unwrap_or(rest.len());
        let subtype = trim_end(&rest[..end]);
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }
        let essence = format!("{}/{}", latin1(kind), latin1(subtype)).to_ascii_lowercase();
        let mut mime = Self { essence, parameters: Vec::new() };
        let mut rest = &rest[end..];
        while !rest.is_empty() && mime.parameters.len() < PARAMETERS_MAX {
            rest = mime.parse_parameter(trim_start(&rest[1..]));
        }
        Some(mime)
    }

    /// Parses one parameter and gives what follows it: nothing, or what begins with a semicolon.
    fn parse_parameter<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let end = input.iter().position(|byte| matches!(byte, b';' | b'=')).unwrap_or(input.len());
        let (name, rest) = input.split_at(end);
        if rest.first() != Some(&b'=') {
            return rest;
        }
        let rest = &rest[1..];
        let (value, rest) = if rest.first() == Some(&b'"') {
            let (value, rest) = quoted_string(rest);
            let end = rest.iter().position(|byte| *byte == b';').unwrap_or(rest.len());
            (value, &rest[end..])
        } else {
            let end = rest.iter().position(|byte| *byte == b';').unwrap_or(rest.len());
            let value = trim_end(&rest[..end]);
            if value.is_empty() {
                return &rest[end..];
            }
            (value.to_vec(), &rest[end..])
        };
        let is_value = value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..));
        if is_token(name) && is_value {
            let name = latin1(name).to_ascii_lowercase();
            if self.parameter(&name).is_none() {
                self.parameters.push((name, latin1(&value)));
            }
        }
        rest
    }

    /// The value of a parameter, by its name in lower case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The type as text: <https://mimesniff.spec.whatwg.org/#serializing-a-mime-type>
    pub fn serialize(&self) -> String {
        let mut out = self.essence.clone();
        for (name, value) in &self.parameters {
            if !value.is_empty() && value.bytes().all(is_token_byte) {
                let _ = write!(out, ";{name}={value}");
            } else {
                let _ = write!(out, ";{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
            }
        }
        out
    }

    /// What the values of the `Content-Type` headers say together; `None` where the standard says failure.
    pub fn extract<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let mut charset: Option<String> = None;
        let mut found: Option<Self> = None;
        for value in values {
            for value in split(value) {
                let Some(mut mime) = Self::parse(value) else { continue };
                if mime.essence == "*/*" {
                    continue;
                }
                if found.as_ref().is_none_or(|found| found.essence != mime.essence) {
                    charset = mime.parameter("charset").map(str::to_owned);
                } else if let (None, Some(charset)) = (mime.parameter("charset"), &charset) {
                    mime.parameters.push(("charset".into(), charset.clone()));
                }
                found = Some(mime);
            }
        }
        found
    }
}

/// <https://fetch.spec.whatwg.org/#concept-header-value-get-decode-and-split>: at commas outside of quotes.
fn split(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(input);
    std::iter::from_fn(move || {
        let input = rest?;
        let mut at = 0;
        while at < input.len() && input[at] != b',' {
            at += if input[at] == b'"' { input.len() - at - quoted_string(&input[at..]).1.len() } else { 1 };
        }
        rest = (at < input.len()).then(|| &input[at + 1..]);
        Some(trim(&input[..at]))
    })
}

/// <https://fetch.spec.whatwg.org/#collect-an-http-quoted-string>, its value, and what follows; `input` begins with a quote.
fn quoted_string(input: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::new();
    let mut at = 1;
    while let Some(byte) = input.get(at) {
        at += 1;
        match byte {
            b'"' => break,
            b'\\' => {
                value.push(input.get(at).copied().unwrap_or(b'\\'));
                at = input.len().min(at + 1);
            }
            byte => value.push(*byte),
        }
    }
    (value, &input[at..])
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is_token_byte(*byte))
}

fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | b' ')
}

fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && is_whitespace(*first)
    {
        bytes = rest;
    }
    bytes
}

fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., last] = bytes
        && is_whitespace(*last)
    {
        bytes = rest;
    }
    bytes
}

fn trim(bytes: &[u8]) -> &[u8] {
    trim_end(trim_start(bytes))
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(input: &str) -> Option<String> {
        Mime::parse(input.as_bytes()).map(|mime| mime.serialize())
    }

    fn extract(values: &[&str]) -> Option<String> {
        Mime::extract(values.iter().map(|value| value.as_bytes())).map(|mime| mime.serialize())
    }

    #[test]
    fn types_are_parsed_as_the_standard_says() {
        assert_eq!(round("text/html;charset=gbk"), Some("text/html;charset=gbk".into()));
        assert_eq!(round("\t TEXT/HTML;CHARSET=GBK \n"), Some("text/html;charset=GBK".into()));
        assert_eq!(round("text/html;charset=gbk;charset=windows-1255"), Some("text/html;charset=gbk".into()));
        assert_eq!(round("text/html;charset=();charset=GBK"), Some("text/html;charset=\"()\"".into()));
        assert_eq!(round("text/html;charset =gbk"), Some("text/html".into()));
        assert_eq!(round("text/html;charset= gbk"), Some("text/html;charset=\" gbk\"".into()));
        assert_eq!(round("text/html;charset=\"gbk"), Some("text/html;charset=gbk".into()));
        assert_eq!(round("text/html;charset=\"\\g\\b\\k\"x;a=b"), Some("text/html;charset=gbk;a=b".into()));
        assert_eq!(round("text/html;charset=\"\""), Some("text/html;charset=\"\"".into()));
        assert_eq!(round("text/html;charset=\"\\"), Some("text/html;charset=\"\\\\\"".into()));
        assert_eq!(round("text/html;;;;charset=gbk"), Some("text/html;charset=gbk".into()));
        for wrong in ["", "\t", "/", "text", "text/", "/html", "te xt/html", "text/ht ml", "text /html", "bogus;x/y"] {
            assert_eq!(round(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn several_headers_make_one_type() {
        assert_eq!(extract(&["text/plain;charset=gbk, text/html"]), Some("text/html".into()));
        assert_eq!(extract(&["text/html;charset=gbk;a=b", "text/html;x=y"]), Some("text/html;x=y;charset=gbk".into()));
        assert_eq!(extract(&["text/html;charset=gbk", "x/x", "text/html;x=y"]), Some("text/html;x=y".into()));
        assert_eq!(extract(&["text/html", "cannot-parse"]), Some("text/html".into()));
        assert_eq!(extract(&["text/html", "*/*"]), Some("text/html".into()));
        assert_eq!(extract(&["text/html;\"", ",text/plain"]), Some("text/plain".into()));
        assert_eq!(extract(&["text/html;a=\",\",,"]), Some("text/html;a=\",\"".into()));
        assert_eq!(extract(&[]), None);
        assert_eq!(extract(&["", ","]), None);
    }
}
