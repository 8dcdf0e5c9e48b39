//! The setters of the `URL` class: the parser's state overrides. https://url.spec.whatwg.org/#api

use super::parse::{same_kind, split_port, split_scheme, without_breaks};
use super::{Url, host, percent, special};

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Href,
    /// The scheme.
    Protocol,
    /// The user name.
    Username,
    /// The password.
    Password,
    /// Host and port.
    Host,
    /// The host alone.
    Hostname,
    /// The port.
    Port,
    /// The path.
    Pathname,
    /// The query.
    Search,
    /// The fragment.
    Hash,
}

impl Url {
    /// Sets a part as the setter of that name does; none if it leaves the URL as it is, or refuses.
    pub fn set(&mut self, part: Part, value: &str) -> Option<()> {
        match part {
            Part::Href => *self = Url::parse(value, None)?,
            Part::Protocol => self.set_protocol(&without_breaks(value))?,
            Part::Username if !self.cannot_have_port() => self.username = percent::encode(value, &percent::USERINFO),
            Part::Password if !self.cannot_have_port() => self.password = percent::encode(value, &percent::USERINFO),
            Part::Username | Part::Password => return None,
            Part::Host => self.set_host(&without_breaks(value), true)?,
            Part::Hostname => self.set_host(&without_breaks(value), false)?,
            Part::Port => self.set_port(value)?,
            Part::Pathname if self.opaque => return None,
            Part::Pathname => self.set_pathname(&without_breaks(value)),
            Part::Search => {
                let set = if self.is_special() { &percent::SPECIAL_QUERY } else { &percent::QUERY };
                self.query = marked(value, '?').map(|query| percent::encode(&without_breaks(query), set));
            }
            Part::Hash => {
                self.fragment = marked(value, '#').map(|fragment| percent::encode(&without_breaks(fragment), &percent::FRAGMENT));
            }
        }
        Some(())
    }

    fn set_protocol(&mut self, value: &str) -> Option<()> {
        let with_colon = format!("{value}:");
        let (scheme, _) = split_scheme(&with_colon)?;
        let to_file = scheme == "file" && (self.has_credentials() || self.port.is_some());
        let from_file = self.scheme == "file" && self.host.as_deref() == Some("");
        if !same_kind(&scheme, &self.scheme) || to_file || from_file {
            return None;
        }
        self.scheme = scheme;
        if self.port == special(&self.scheme).0 {
            self.port = None;
        }
        Some(())
    }

    fn set_host(&mut self, value: &str, with_port: bool) -> Option<()> {
        if self.opaque {
            return None;
        }
        let is_special = self.is_special();
        let end = value.find(|c| matches!(c, '/' | '?' | '#') || (is_special && c == '\\')).unwrap_or(value.len());
        let server = &value[..end];
        if self.scheme == "file" {
            return self.file_host(server);
        }
        let (name, port) = split_port(server);
        if port.is_some() && !with_port {
            return None;
        }
        if name.is_empty() && (is_special || port.is_some() || self.has_credentials() || self.port.is_some()) {
            return None;
        }
        self.host = Some(if name.is_empty() { String::new() } else { host::parse(name, is_special)? });
        if let Some(port) = port {
            // A port that is none leaves the host set.
            self.set_leading_port(port);
        }
        Some(())
    }

    fn set_port(&mut self, value: &str) -> Option<()> {
        if self.cannot_have_port() {
            return None;
        }
        if value.is_empty() {
            self.port = None;
            return Some(());
        }
        self.set_leading_port(&without_breaks(value))
    }

    /// The digits in front count, whatever follows them.
    fn set_leading_port(&mut self, text: &str) -> Option<()> {
        let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
        if end == 0 {
            return None;
        }
        self.set_port_number(&text[..end])
    }

    fn set_pathname(&mut self, value: &str) {
        self.path.clear();
        let slash = value.starts_with('/') || (self.is_special() && value.starts_with('\\'));
        if self.is_special() || !value.is_empty() {
            self.append_path(if slash { &value[1..] } else { value });
        } else if self.host.is_none() {
            self.path.push('/');
        }
    }
}

/// What is behind the mark, which may be left out; nothing at all removes the part.
fn marked(value: &str, mark: char) -> Option<&str> {
    (!value.is_empty()).then(|| value.strip_prefix(mark).unwrap_or(value))
}
