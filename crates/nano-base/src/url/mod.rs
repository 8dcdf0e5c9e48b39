//! URLs as the URL Standard has them: https://url.spec.whatwg.org/. One parser for the platform's `URL` class and for everything of ours
//! that reads one.
//!
//! It is ours because the standard's tests decide: the crates at hand either fail some of them (all of `file:` and of schemes that are not
//! special) or are C++, which would bring a second C++ library into a process that has V8's. International names are `idna`'s work.

mod host;
mod parse;
mod percent;
mod plain;
mod set;

use std::borrow::Cow;
use std::fmt::Write;

pub use host::{domain_to_ascii, domain_to_unicode};
pub use set::Part;

/// A parsed URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Url {
    scheme: Cow<'static, str>,
    username: String,
    password: String,
    /// As it is written out; IPv6 addresses with their brackets.
    host: Option<String>,
    port: Option<u16>,
    /// A list of segments, each behind its slash; or whatever text, if the path is opaque.
    path: String,
    opaque: bool,
    query: Option<String>,
    fragment: Option<String>,
}

impl Url {
    /// Parses `input`, relative to a base if there is one.
    pub fn parse(input: &str, base: Option<&Url>) -> Option<Url> {
        parse::parse(input, base)
    }

    /// Where the parts of `input` are, if a glance shows that it is a URL and written as it would be written out.
    pub fn places_if_plain(input: &str) -> Option<[usize; 9]> {
        plain::places(input)
    }

    /// The scheme, without the colon.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The user name, percent-encoded.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The password, percent-encoded.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The host's name; none if the URL has no host, empty if it has an empty one.
    pub fn hostname(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The port, unless it is the scheme's own.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query, without the question mark.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The fragment, without the number sign.
    pub fn fragment(&self) -> Option<&str> {
        self.fragment.as_deref()
    }

    /// Host and port, as in `URL.host`.
    pub fn host(&self) -> String {
        let host = self.host.clone().unwrap_or_default();
        match self.port {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }
    }

    /// All of it. https://url.spec.whatwg.org/#url-serializing
    pub fn href(&self) -> String {
        self.written().href
    }

    /// All of it, and where its parts are.
    pub fn written(&self) -> Written {
        let length = |part: &Option<String>| part.as_ref().map_or(0, |part| part.len() + 1);
        let bytes = self.scheme.len() + self.username.len() + self.password.len() + length(&self.host) + self.path.len();
        // What is between them: "://", ":" and "@", ":65535" or "/.".
        let mut href = String::with_capacity(bytes + length(&self.query) + length(&self.fragment) + 11);
        href.push_str(&self.scheme);
        href.push(':');
        let protocol_end = href.len();
        let (mut username_end, mut password_end) = (protocol_end, protocol_end);
        if self.host.is_some() {
            href.push_str("//");
        }
        if self.has_credentials() {
            href.push_str(&self.username);
            username_end = href.len();
            if !self.password.is_empty() {
                href.push(':');
                href.push_str(&self.password);
            }
            password_end = href.len();
            href.push('@');
        }
        let host = href.len();
        href.push_str(self.host.as_deref().unwrap_or_default());
        let hostname_end = href.len();
        if let Some(port) = self.port {
            let _ = write!(href, ":{port}");
        }
        let host_end = href.len();
        if self.host.is_none() && !self.opaque && self.path.starts_with("//") {
            href.push_str("/.");
        }
        let path = href.len();
        href.push_str(&self.path);
        let query = href.len();
        for (mark, part) in [('?', &self.query), ('#', &self.fragment)] {
            if let Some(part) = part {
                href.push(mark);
                href.push_str(part);
            }
        }
        let fragment = href.len() - length(&self.fragment);
        Written { href, places: [protocol_end, username_end, password_end, host, hostname_end, host_end, path, query, fragment] }
    }

    /// Its origin, or `null`. https://url.spec.whatwg.org/#concept-url-origin
    pub fn origin(&self) -> String {
        match &*self.scheme {
            "blob" => match Url::parse(&self.path, None) {
                Some(inner) if matches!(&*inner.scheme, "http" | "https") => inner.origin(),
                _ => "null".into(),
            },
            "file" => "null".into(),
            scheme if is_special(scheme) => format!("{scheme}://{}", self.host()),
            _ => "null".into(),
        }
    }

    fn is_special(&self) -> bool {
        is_special(&self.scheme)
    }

    fn has_credentials(&self) -> bool {
        !self.username.is_empty() || !self.password.is_empty()
    }

    /// https://url.spec.whatwg.org/#cannot-have-a-username-password-port
    fn cannot_have_port(&self) -> bool {
        self.host.as_deref().unwrap_or_default().is_empty() || self.scheme == "file"
    }
}

/// A URL written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// All of it, in ASCII.
    pub href: String,
    /// The ends of the protocol (with its colon), of the username (two characters behind that, if there are credentials) and of the
    /// password (one behind that, if there is one); where the host begins, where its name ends, and its port (one behind that, if there
    /// is one); where the path, the query and the fragment begin, these two with their marks.
    pub places: [usize; 9],
}

/// The port that a special scheme stands for; the second half is whether the scheme is special at all.
fn special(scheme: &str) -> (Option<u16>, bool) {
    match scheme {
        "http" | "ws" => (Some(80), true),
        "https" | "wss" => (Some(443), true),
        "ftp" => (Some(21), true),
        "file" => (None, true),
        _ => (None, false),
    }
}

fn is_special(scheme: &str) -> bool {
    special(scheme).1
}

#[cfg(test)]
mod tests;
