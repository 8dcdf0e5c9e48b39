//! The resource that a `data:` URL is: <https://fetch.spec.whatwg.org/#data-url-processor>

use crate::base64::forgiving_decode;
use crate::mime::Mime;

/// What a URL without a MIME type of its own has.
const DEFAULT_TYPE: &str = "text/plain;charset=US-ASCII";

/// What a `data:` URL holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataUrl {
    /// Its MIME type, serialized.
    pub content_type: String,
    /// Its bytes.
    pub body: Vec<u8>,
}

impl DataUrl {
    /// Reads a serialized URL without its fragment; `None` where the standard says failure.
    pub fn parse(url: &str) -> Option<Self> {
        let (head, encoded) = url.strip_prefix("data:")?.split_once(',')?;
        let head = head.trim_matches(' ');
        let body = percent_decode(encoded.as_bytes());
        let (head, body) = match without_base64(head) {
            Some(head) => (head, forgiving_decode(body)?),
            None => (head, body),
        };
        let text = if head.starts_with(';') { format!("text/plain{head}") } else { head.to_string() };
        let content_type = Mime::parse(text.as_bytes()).map_or_else(|| DEFAULT_TYPE.to_string(), |mime| mime.serialize());
        Some(Self { content_type, body })
    }
}

/// The MIME type before `;base64`, where it ends so.
fn without_base64(head: &str) -> Option<&str> {
    let at = head.len().checked_sub("base64".len())?;
    if !head.get(at..)?.eq_ignore_ascii_case("base64") {
        return None;
    }
    head[..at].trim_end_matches(' ').strip_suffix(';')
}

/// <https://url.spec.whatwg.org/#percent-decode>
fn percent_decode(input: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(input.len());
    let mut rest = input;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.first().zip(after.get(1)).and_then(|(high, low)| Some((hex(*high)?, hex(*low)?)));
        match digits {
            Some((high, low)) if *first == b'%' => {
                out.push((high << 4 | low) as u8);
                rest = &after[2..];
            }
            _ => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

fn hex(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Option<(String, String)> {
        DataUrl::parse(url).map(|data| (data.content_type, String::from_utf8_lossy(&data.body).into_owned()))
    }

    fn is(url: &str, content_type: &str, body: &str) {
        assert_eq!(read(url), Some((content_type.into(), body.into())), "{url}");
    }

    #[test]
    fn the_type_is_what_stands_before_the_comma() {
        is("data:,a%20b%", DEFAULT_TYPE, "a b%");
        is("data:text/html;charset=x,b", "text/html;charset=x", "b");
        is("data:;charset=x,b", "text/plain;charset=x", "b");
        is("data: text/html ,b", "text/html", "b");
        is("data:x,b", DEFAULT_TYPE, "b");
        is("data:,a,b", DEFAULT_TYPE, "a,b");
    }

    #[test]
    fn base64_is_the_last_word_or_none() {
        is("data:;base64,aGk=", DEFAULT_TYPE, "hi");
        is("data:a/b; BASE64,aG%6b", "a/b", "hi");
        is("data:a/b;base64;x=y,aGk=", "a/b;x=y", "aGk=");
        is("data:base64,aGk=", DEFAULT_TYPE, "aGk=");
    }

    #[test]
    fn what_has_no_comma_or_is_no_base64_is_refused() {
        for wrong in ["data:", "data:text/html", "data:;base64,a", "data:;base64,a-_k", "http:,a"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
