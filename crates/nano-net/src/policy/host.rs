//! The host of a request: an address or a name, read by the URL parser that the app's code meets as well, so that no two readers
//! of one text can disagree about where it leads.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nano_base::limits::HOST_NAME_BYTES_MAX;
use nano_base::url::Url;

/// Where a request wants to go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// An address, in whichever form it was written.
    Ip(IpAddr),
    /// A name in lower case and in ASCII; one dot at its end is kept, because it says something to a resolver.
    Name(Box<str>),
}

impl Host {
    /// Reads the host of a URL or of a `Host` header without its port. None if it is not exactly a host.
    pub fn parse(text: &str) -> Option<Self> {
        // What the URL parser would take as the end of the host, or leave out.
        let forbidden = |byte: u8| byte <= b' ' || byte == 0x7f || b"/\\?#@%".contains(&byte);
        let bracketed = text.starts_with('[');
        let at_fault = text.len() > 4 * HOST_NAME_BYTES_MAX || text.bytes().any(forbidden) || (!bracketed && text.contains(':'));
        if at_fault || (bracketed && !text.ends_with(']')) {
            return None;
        }
        let url = Url::parse(&format!("http://{text}/"), None)?;
        let alone = url.port().is_none() && url.username().is_empty() && url.password().is_empty() && url.path() == "/";
        let host = url.hostname().filter(|_| alone)?;
        if let Some(inner) = host.strip_prefix('[') {
            return Some(Self::Ip(inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?.into()));
        }
        if let Ok(address) = host.parse::<Ipv4Addr>() {
            return Some(Self::Ip(address.into()));
        }
        let bare = bare(host);
        let names = bare.len() <= HOST_NAME_BYTES_MAX && bare.split('.').all(|label| !label.is_empty() && label.len() <= 63);
        names.then(|| Self::Name(host.into()))
    }

    /// Its name without the dot at its end, if it is a name.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Ip(_) => None,
            Self::Name(name) => Some(bare(name)),
        }
    }

    /// Whether it is this machine by name (RFC 6761): no resolver is asked.
    pub fn is_localhost(&self) -> bool {
        self.name().is_some_and(|name| name == "localhost" || name.ends_with(".localhost"))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A name without the one dot that may be at its end.
pub(super) fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_an_address_is_that_address() {
        let table = [
            ("127.0.0.1", "127.0.0.1 127.1 127.0.1 0177.1 0177.0.0.01 0x7f.1 0x7f000001 0X7F.0.0.1 2130706433 017700000001 127.0.0.1."),
            ("169.254.169.254", "169.254.169.254 0xa9fea9fe 2852039166 0251.0376.0251.0376 169.16689662 0xA9.0xFE.0xA9.0xFE"),
            ("0.0.0.0", "0 0.0 0x0 00000 0x"),
            ("127.0.0.1", "\u{ff11}\u{ff12}\u{ff17}.0.0.1 \u{2460}\u{2461}\u{2466}.0.0.1"),
            ("::ffff:127.0.0.1", "[::ffff:7f00:1] [::FFFF:127.0.0.1] [0:0:0:0:0:ffff:7f00:1]"),
            ("::1", "[::1] [0:0:0:0:0:0:0:1] [0000:0000:0000:0000:0000:0000:0000:0001]"),
        ];
        for (expected, texts) in table {
            for text in texts.split(' ') {
                assert_eq!(Host::parse(text), Some(Host::Ip(expected.parse().unwrap())), "{text}");
            }
        }
    }

    #[test]
    fn what_is_not_exactly_a_host_is_none() {
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = "abcdefg.".repeat(40);
        let not_hosts = [
            "",
            ".",
            "a..b",
            "a..",
            ".a",
            "256.256.256.256",
            "1.2.3.4.5",
            "4294967296",
            "0x1ffffffff",
            "1.2.3.08",
            "foo.0x4",
            "user@example.com",
            "example.com@127.0.0.1",
            "127.0.0.1@example.com",
            "user:pass@example.com",
            "example.com:80",
            "example.com/path",
            "example.com\\@127.0.0.1",
            "example.com?",
            "example.com#",
            "exa mple.com",
            "exam\tple.com",
            "exam\r\nple.com",
            "exam\0ple.com",
            "example.com\n",
            "127%2e0.0.1",
            "%6cocalhost",
            "[::1]:80",
            "[::1",
            "::1",
            "[fe80::1%eth0]",
            "[fe80::1%25eth0]",
            "fe80::1%eth0",
            "[::1].example.com",
            "[127.0.0.1]",
            "a<b",
            "a|b",
            "a^b",
            &long_label,
            &long_name,
        ];
        for text in not_hosts {
            assert_eq!(Host::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn names_are_in_lower_case_and_ascii_and_localhost_is_known_with_its_dot() {
        for (text, name) in
            [("EXAMPLE.com", "example.com"), ("b\u{fc}cher.de", "xn--bcher-kva.de"), ("example.com.", "example.com"), ("a_b.c", "a_b.c")]
        {
            assert_eq!(Host::parse(text).unwrap().name(), Some(name), "{text}");
        }
        for text in ["localhost", "LOCALHOST", "localhost.", "app.localhost", "a.b.localhost.", "\u{24db}ocalhost"] {
            assert!(Host::parse(text).unwrap().is_localhost(), "{text}");
        }
        for text in ["localhost.com", "notlocalhost", "localhost.localdomain"] {
            assert!(!Host::parse(text).unwrap().is_localhost(), "{text}");
        }
    }
}
