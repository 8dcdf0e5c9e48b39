//! The basic URL parser, without its state overrides: https://url.spec.whatwg.org/#concept-basic-url-parser
//!
//! The standard's states are here functions on what is left of the input: a URL's parts end at characters that none of the parts before
//! them can contain, so fragment and query are cut off first.

use std::borrow::Cow;

use super::{Url, host, is_special, percent, special};

/// What is left of the input, cut at the first `#` and the first `?` before it.
struct Rest<'a> {
    text: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

pub(super) fn parse(input: &str, base: Option<&Url>) -> Option<Url> {
    let input = input.trim_matches(|character| character <= ' ');
    let input = without_breaks(input);
    let (scheme, text) = match split_scheme(&input) {
        Some((scheme, text)) => (Some(scheme), text),
        None => (None, &*input),
    };
    let (text, fragment) = cut(text, '#');
    let (text, query) = cut(text, '?');
    let rest = Rest { text, query, fragment };
    let mut url = match scheme {
        Some(scheme) => with_scheme(scheme, &rest, base)?,
        None => without_scheme(&rest, base?)?,
    };
    if let Some(query) = rest.query {
        let set = if url.is_special() { &percent::SPECIAL_QUERY } else { &percent::QUERY };
        url.query = Some(percent::encode(query, set));
    }
    url.fragment = rest.fragment.map(|fragment| percent::encode(fragment, &percent::FRAGMENT));
    Some(url)
}

/// Tabs and line breaks mean nothing anywhere.
pub(super) fn without_breaks(text: &str) -> Cow<'_, str> {
    if text.bytes().any(is_break) { Cow::Owned(text.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect()) } else { text.into() }
}

fn is_break(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r')
}

/// The scheme in lower case, and what is behind its colon.
pub(super) fn split_scheme(text: &str) -> Option<(String, &str)> {
    let end = text.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)))?;
    if !text.as_bytes()[0].is_ascii_alphabetic() || text.as_bytes()[end] != b':' {
        return None;
    }
    Some((text[..end].to_ascii_lowercase(), &text[end + 1..]))
}

/// The last character of an opaque path, so that no other text reads as the same path.
fn encode_last_space(path: &mut String) {
    if path.ends_with(' ') {
        path.pop();
        path.push_str("%20");
    }
}

fn cut(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn with_scheme(scheme: String, rest: &Rest, base: Option<&Url>) -> Option<Url> {
    let mut url = Url { scheme, ..Url::default() };
    let text = rest.text;
    if url.scheme == "file" {
        url.file(rest, base.filter(|base| base.scheme == "file"))?;
    } else if url.is_special() {
        match base {
            // Special relative or authority
            Some(base) if base.scheme == url.scheme && !text.starts_with("//") => url.relative(rest, base)?,
            _ => url.authority(text.trim_start_matches(['/', '\\']))?,
        }
    } else if let Some(authority) = text.strip_prefix("//") {
        url.authority(authority)?;
    } else if let Some(path) = text.strip_prefix('/') {
        url.append_path(path);
    } else {
        url.opaque = true;
        url.path = percent::encode(text, &percent::CONTROL);
        if rest.query.is_some() || rest.fragment.is_some() {
            // A space at the end of the text is trimmed; one in front of a mark would be, once the mark is taken away.
            encode_last_space(&mut url.path);
        }
    }
    Some(url)
}

/// The states "no scheme" and what follows it.
fn without_scheme(rest: &Rest, base: &Url) -> Option<Url> {
    if base.opaque {
        // Only the fragment can be another one.
        let alone = rest.text.is_empty() && rest.query.is_none() && rest.fragment.is_some();
        return alone.then(|| base.clone());
    }
    let mut url = Url { scheme: base.scheme.clone(), ..Url::default() };
    if base.scheme == "file" {
        url.file(rest, Some(base))?;
    } else {
        url.relative(rest, base)?;
    }
    Some(url)
}

impl Url {
    fn is_slash(&self, byte: Option<&u8>) -> bool {
        byte == Some(&b'/') || (self.is_special() && byte == Some(&b'\\'))
    }

    /// The states "relative" and "relative slash".
    fn relative(&mut self, rest: &Rest, base: &Url) -> Option<()> {
        let bytes = rest.text.as_bytes();
        if self.is_slash(bytes.first()) {
            if self.is_slash(bytes.get(1)) {
                let authority = &rest.text[2..];
                return self.authority(if self.is_special() { authority.trim_start_matches(['/', '\\']) } else { authority });
            }
            self.copy_authority(base);
            self.append_path(&rest.text[1..]);
            return Some(());
        }
        self.copy_authority(base);
        self.relative_path(rest, base);
        Some(())
    }

    fn copy_authority(&mut self, base: &Url) {
        self.username.clone_from(&base.username);
        self.password.clone_from(&base.password);
        self.host.clone_from(&base.host);
        self.port = base.port;
    }

    /// The base's path and query, or what replaces their end.
    fn relative_path(&mut self, rest: &Rest, base: &Url) {
        self.path.clone_from(&base.path);
        self.query.clone_from(&base.query);
        if !rest.text.is_empty() {
            self.query = None;
            self.shorten();
            self.append_path(rest.text);
        }
    }

    /// The states "file", "file slash" and "file host".
    fn file(&mut self, rest: &Rest, base: Option<&Url>) -> Option<()> {
        let text = rest.text;
        let bytes = text.as_bytes();
        self.host = Some(String::new());
        if !self.is_slash(bytes.first()) {
            match base {
                Some(base) if starts_with_drive(text) => {
                    self.host.clone_from(&base.host);
                    self.append_path(text);
                }
                Some(base) => {
                    self.host.clone_from(&base.host);
                    self.relative_path(rest, base);
                }
                None => self.append_path(text),
            }
            return Some(());
        }
        if !self.is_slash(bytes.get(1)) {
            let text = &text[1..];
            if let Some(base) = base {
                self.host.clone_from(&base.host);
                let first = base.path.get(1..).and_then(|path| path.split('/').next()).unwrap_or_default();
                if !starts_with_drive(text) && is_normalized_drive(first) {
                    self.path = format!("/{first}");
                }
            }
            self.append_path(text);
            return Some(());
        }
        let text = &text[2..];
        let end = text.find(['/', '\\']).unwrap_or(text.len());
        if is_drive(&text[..end]) {
            self.append_path(text);
            return Some(());
        }
        self.file_host(&text[..end])?;
        self.path_start(&text[end..]);
        Some(())
    }

    /// An empty host and `localhost` are the same for files.
    pub(super) fn file_host(&mut self, text: &str) -> Option<()> {
        let host = if text.is_empty() { String::new() } else { host::parse(text, true)? };
        self.host = Some(if host == "localhost" { String::new() } else { host });
        Some(())
    }

    /// The states "authority", "host" and "port".
    fn authority(&mut self, text: &str) -> Option<()> {
        let end = text.bytes().position(|byte| self.is_slash(Some(&byte))).unwrap_or(text.len());
        let mut server = &text[..end];
        if let Some((credentials, after)) = server.rsplit_once('@') {
            if after.is_empty() {
                return None;
            }
            let (username, password) = credentials.split_once(':').unwrap_or((credentials, ""));
            self.username = percent::encode(username, &percent::USERINFO);
            self.password = percent::encode(password, &percent::USERINFO);
            server = after;
        }
        let (name, port) = split_port(server);
        if name.is_empty() && (self.is_special() || port.is_some()) {
            return None;
        }
        self.host = Some(if name.is_empty() { String::new() } else { host::parse(name, self.is_special())? });
        if let Some(port) = port {
            if !port.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            self.set_port_number(port)?;
        }
        self.path_start(&text[end..]);
        Some(())
    }

    /// Takes digits; none of them is no port.
    pub(super) fn set_port_number(&mut self, digits: &str) -> Option<()> {
        let significant = digits.trim_start_matches('0');
        if significant.len() > 5 {
            return None;
        }
        let number: u32 = if significant.is_empty() { 0 } else { significant.parse().ok()? };
        let number = u16::try_from(number).ok()?;
        self.port = (!digits.is_empty() && special(&self.scheme).0 != Some(number)).then_some(number);
        Some(())
    }

    /// The state "path start", without its state override.
    fn path_start(&mut self, text: &str) {
        if self.is_special() || !text.is_empty() {
            let slash = self.is_slash(text.as_bytes().first());
            self.append_path(if slash { &text[1..] } else { text });
        }
    }

    /// The state "path": `text` is what follows a slash.
    pub(super) fn append_path(&mut self, text: &str) {
        let special = self.is_special();
        self.path.reserve(text.len() + 1);
        let mut segments = text.split(|c| c == '/' || (special && c == '\\')).peekable();
        while let Some(segment) = segments.next() {
            let last = segments.peek().is_none();
            match dots(segment) {
                2 => {
                    self.shorten();
                    if last {
                        self.path.push('/');
                    }
                }
                1 => {
                    if last {
                        self.path.push('/');
                    }
                }
                _ => {
                    let drive = self.scheme == "file" && self.path.is_empty() && is_drive(segment);
                    self.path.push('/');
                    if drive {
                        self.path.push_str(&segment[..1]);
                        self.path.push(':');
                    } else {
                        percent::encode_into(&mut self.path, segment, &percent::PATH);
                    }
                }
            }
        }
    }

    /// https://url.spec.whatwg.org/#shorten-a-urls-path
    fn shorten(&mut self) {
        if self.scheme == "file" && self.path.len() == 3 && is_normalized_drive(&self.path[1..]) {
            return;
        }
        if let Some(slash) = self.path.rfind('/') {
            self.path.truncate(slash);
        }
    }
}

/// The host and what is behind the colon that is not inside of brackets.
pub(super) fn split_port(server: &str) -> (&str, Option<&str>) {
    let mut inside = false;
    for (index, byte) in server.bytes().enumerate() {
        match byte {
            b'[' => inside = true,
            b']' => inside = false,
            b':' if !inside => return (&server[..index], Some(&server[index + 1..])),
            _ => {}
        }
    }
    (server, None)
}

/// 1 for a single-dot segment, 2 for a double-dot one, else 0.
fn dots(segment: &str) -> usize {
    // The longest is "%2e%2e".
    if segment.is_empty() || segment.len() > 6 {
        return 0;
    }
    let mut rest = segment.as_bytes();
    let mut count = 0;
    while !rest.is_empty() {
        if rest[0] == b'.' {
            rest = &rest[1..];
        } else if rest.len() >= 3 && rest[..3].eq_ignore_ascii_case(b"%2e") {
            rest = &rest[3..];
        } else {
            return 0;
        }
        count += 1;
    }
    if count > 2 { 0 } else { count }
}

/// https://url.spec.whatwg.org/#windows-drive-letter
fn is_drive(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, b':' | b'|'] if letter.is_ascii_alphabetic())
}

fn is_normalized_drive(text: &str) -> bool {
    is_drive(text) && text.ends_with(':')
}

/// Query and fragment have been cut off: the end of the text stands for their marks too.
fn starts_with_drive(text: &str) -> bool {
    text.get(..2).is_some_and(is_drive) && matches!(text.as_bytes().get(2), None | Some(b'/' | b'\\'))
}

/// Whether a scheme may replace another one.
pub(super) fn same_kind(a: &str, b: &str) -> bool {
    is_special(a) == is_special(b)
}
