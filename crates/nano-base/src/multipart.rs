//! `multipart/form-data`, read: which parts a body has, and where in it their values lie. Nothing is copied but names.
//!
//! Specifications: <https://fetch.spec.whatwg.org/#multipart-form-data-parser>, RFC 7578. What browsers, curl and the common libraries send is
//! accepted; everything else is malformed, which the caller makes a `TypeError` of.

use std::ops::Range;

use crate::limits::{MULTIPART_BOUNDARY_BYTES_MAX, MULTIPART_HEADER_BYTES_MAX, MULTIPART_PARTS_MAX};

/// One part of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The entry's name, as bytes of UTF-8 that may be malformed.
    pub name: Vec<u8>,
    /// The file's name, if the part is a file.
    pub filename: Option<Vec<u8>>,
    /// The part's `Content-Type`.
    pub content_type: Option<Vec<u8>>,
    /// Where the value lies in the body.
    pub value: Range<usize>,
}

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// Reads a whole body.
pub fn parse(body: &[u8], boundary: &[u8]) -> Result<Vec<Part>, Malformed> {
    if boundary.is_empty() || boundary.len() > MULTIPART_BOUNDARY_BYTES_MAX {
        return Err(Malformed("its boundary is empty or too long"));
    }
    let delimiter = [b"\r\n--", boundary].concat();
    let mut parts = Vec::new();
    let mut at = opening(body, &delimiter[2..])?;
    loop {
        // After a delimiter: the end, or a part.
        if body[at..].starts_with(b"--") {
            // What follows is an epilogue, which carries nothing.
            return Ok(parts);
        }
        at = padding(body, at);
        if !body[at..].starts_with(b"\r\n") {
            return Err(Malformed("a boundary is not followed by a line break"));
        }
        if parts.len() == MULTIPART_PARTS_MAX {
            return Err(Malformed("it has too many parts"));
        }
        let head = parse_head(body, at + 2)?;
        let end = find(&body[head.end..], &delimiter).ok_or(Malformed("a part has no end"))? + head.end;
        parts.push(Part { name: head.name, filename: head.filename, content_type: head.content_type, value: head.end..end });
        at = end + delimiter.len();
    }
}

/// The place after the first delimiter. A preamble is not allowed, but for the empty line that some senders begin with.
fn opening(body: &[u8], dash_boundary: &[u8]) -> Result<usize, Malformed> {
    let start = if body.starts_with(b"\r\n") { 2 } else { 0 };
    if body[start..].starts_with(dash_boundary) {
        Ok(start + dash_boundary.len())
    } else {
        Err(Malformed("it does not begin with its boundary"))
    }
}

/// RFC 2046 lets white space follow a boundary.
fn padding(body: &[u8], mut at: usize) -> usize {
    while matches!(body.get(at), Some(b' ' | b'\t')) {
        at += 1;
    }
    at
}

struct Head {
    name: Vec<u8>,
    filename: Option<Vec<u8>>,
    content_type: Option<Vec<u8>>,
    /// Where the value begins.
    end: usize,
}

/// <https://fetch.spec.whatwg.org/#parse-multipart-form-data-headers>
fn parse_head(body: &[u8], start: usize) -> Result<Head, Malformed> {
    let limit = body.len().min(start + MULTIPART_HEADER_BYTES_MAX);
    let mut disposition = None;
    let mut content_type = None;
    let mut at = start;
    loop {
        let length = find(&body[at..limit], b"\r\n").ok_or(Malformed("a part's headers are too long or have no end"))?;
        let line = &body[at..at + length];
        at += length + 2;
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|byte| *byte == b':').ok_or(Malformed("a part has a header without a colon"))?;
        let (name, value) = (line[..colon].trim_ascii_end(), line[colon + 1..].trim_ascii());
        if name.is_empty() || value.contains(&b'\0') {
            return Err(Malformed("a part has a header without a name or with a null"));
        }
        if name.eq_ignore_ascii_case(b"content-disposition") {
            disposition = Some(parse_disposition(value)?);
        } else if name.eq_ignore_ascii_case(b"content-type") {
            content_type = Some(value.to_vec());
        }
    }
    let (name, filename) = disposition.ok_or(Malformed("a part has no Content-Disposition"))?;
    Ok(Head { name, filename, content_type, end: at })
}

/// `form-data; name="..."; filename="..."`
fn parse_disposition(value: &[u8]) -> Result<(Vec<u8>, Option<Vec<u8>>), Malformed> {
    let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
    if !value[..end].trim_ascii().eq_ignore_ascii_case(b"form-data") {
        return Err(Malformed("a part's Content-Disposition is not form-data"));
    }
    let mut rest = &value[end..];
    let (mut name, mut filename) = (None, None);
    while let [b';', after @ ..] = rest {
        let after = after.trim_ascii_start();
        if after.is_empty() {
            break;
        }
        let equals = after.iter().position(|byte| *byte == b'=').ok_or(Malformed("a part's Content-Disposition is malformed"))?;
        let key = after[..equals].trim_ascii();
        let (text, left) = parameter(after[equals + 1..].trim_ascii_start())?;
        if key.eq_ignore_ascii_case(b"name") {
            name.get_or_insert(text);
        } else if key.eq_ignore_ascii_case(b"filename") {
            filename.get_or_insert(text);
        }
        // filename* is not for forms: RFC 7578, 4.2.
        rest = left.trim_ascii_start();
    }
    if !rest.is_empty() && rest != b";" {
        return Err(Malformed("a part's Content-Disposition is malformed"));
    }
    Ok((name.ok_or(Malformed("a part has no name"))?, filename))
}

/// A parameter's value and what follows it. Quoted, as forms send it, only `%22`, `%0D` and `%0A` are escapes; senders that escape a
/// quote with a backslash are understood as well.
fn parameter(input: &[u8]) -> Result<(Vec<u8>, &[u8]), Malformed> {
    let [b'"', quoted @ ..] = input else {
        let end = input.iter().position(|byte| *byte == b';').unwrap_or(input.len());
        return Ok((input[..end].trim_ascii_end().to_vec(), &input[end..]));
    };
    let mut text = Vec::with_capacity(quoted.len().min(64));
    let mut at = 0;
    loop {
        match &quoted[at..] {
            [] => return Err(Malformed("a part's name has no closing quote")),
            [b'"', rest @ ..] => return Ok((text, rest)),
            [b'\\', b'"', ..] => {
                text.push(b'"');
                at += 2;
            }
            [b'%', b'2', b'2', ..] => {
                text.push(b'"');
                at += 3;
            }
            [b'%', b'0', b'D' | b'd', ..] => {
                text.push(b'\r');
                at += 3;
            }
            [b'%', b'0', b'A' | b'a', ..] => {
                text.push(b'\n');
                at += 3;
            }
            [byte, ..] => {
                text.push(*byte);
                at += 1;
            }
        }
    }
}

/// Where `needle` begins in `haystack`. Horspool's: a boundary of dashes and a body of nothing else must not cost their product.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let last = needle.len() - 1;
    if needle.len() <= 2 {
        return haystack.windows(needle.len()).position(|window| window == needle);
    }
    let mut skip = [needle.len(); 256];
    for (at, byte) in needle[..last].iter().enumerate() {
        skip[usize::from(*byte)] = last - at;
    }
    let mut at = 0;
    while at + last < haystack.len() {
        let end = haystack[at + last];
        if end == needle[last] && &haystack[at..at + last] == &needle[..last] {
            return Some(at);
        }
        at += skip[usize::from(end)];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: &str) -> Result<Vec<(String, Option<String>, Option<String>, String)>, Malformed> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let parts = parse(body.as_bytes(), b"B")?;
        Ok(parts
            .iter()
            .map(|part| {
                let value = text(&body.as_bytes()[part.value.clone()]);
                (text(&part.name), part.filename.as_deref().map(text), part.content_type.as_deref().map(text), value)
            })
            .collect())
    }

    #[test]
    fn fields_and_files_are_found() {
        let body = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--B\r\ncontent-type: text/x; q=1\r\n\
            CONTENT-DISPOSITION:form-data;name=b;filename=\"f \\\"%22%0d%0A.txt\"\r\nX-Other: 1\r\n\r\n\r\ntwo\r\n\r\n--B--\r\nepilogue";
        let file = ("b".into(), Some("f \"\"\r\n.txt".into()), Some("text/x; q=1".into()), "\r\ntwo\r\n".into());
        assert_eq!(parsed(body), Ok(vec![("a".into(), None, None, "one".into()), file]));
        assert_eq!(parsed("--B--"), Ok(vec![]));
        assert_eq!(parsed("\r\n--B--\r\n"), Ok(vec![]));
        assert_eq!(
            parsed("--B \t\r\nContent-Disposition: form-data; name=\"\";\r\n\r\n\r\n--B--"),
            Ok(vec![(String::new(), None, None, String::new())])
        );
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let head = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";
        for body in [
            "",
            "--",
            "--B",
            "--C--",
            "x--B--",
            "--B\r\n",
            "--B\r\n\r\n",
            "--B\r\n\r\nv\r\n--B--",
            "--Bx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv\r\n--B--",
            "--B\nContent-Disposition: form-data; name=\"a\"\n\nv\n--B--",
            "--B\r\nContent-Disposition: form-data; name=\"a\r\n\r\nv\r\n--B--",
            "--B\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nv\r\n--B--",
            "--B\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\nv\r\n--B--",
            "--B\r\nContent-Disposition: form-data; name=\"a\" x\r\n\r\nv\r\n--B--",
            "--B\r\nno colon\r\n\r\nv\r\n--B--",
            "--B\r\n: v\r\n\r\nv\r\n--B--",
        ] {
            assert!(parsed(body).is_err(), "{body:?}");
        }
        for cut in 0..head.len() + 6 {
            let whole = format!("{head}v\r\n--B--");
            assert!(parsed(&whole[..cut]).is_err(), "{:?}", &whole[..cut]);
        }
        assert!(parse(b"----", b"").is_err());
    }

    #[test]
    fn what_grows_has_a_limit() {
        let part = "\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--B";
        let allowed = format!("--B{}--", part.repeat(MULTIPART_PARTS_MAX));
        assert_eq!(parse(allowed.as_bytes(), b"B").map(|parts| parts.len()), Ok(MULTIPART_PARTS_MAX));
        let more = format!("--B{}--", part.repeat(MULTIPART_PARTS_MAX + 1));
        assert_eq!(parse(more.as_bytes(), b"B"), Err(Malformed("it has too many parts")));
        let wide =
            format!("--B\r\nX: {}\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--B--", "x".repeat(MULTIPART_HEADER_BYTES_MAX));
        assert!(parse(wide.as_bytes(), b"B").is_err());
    }

    #[test]
    fn a_boundary_is_found_among_its_likes() {
        assert_eq!(find(b"aaabaaab", b"aab"), Some(1));
        assert_eq!(find(b"\r\n-\r\n--\r\n--B", b"\r\n--B"), Some(7));
        assert_eq!(find(b"abc", b"abcd"), None);
        assert_eq!(find(b"xxab", b"ab"), Some(2));
    }
}
