//! One line of an allow or deny list: hosts, addresses, ports.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::MAIL;
use super::host::{Host, bare};
use super::space::{Space, canonical, guises, space, translated};

/// What a rule speaks of, and its text.
///
/// `example.com`, `*.example.com` (all below it, not itself), `192.0.2.7`, `10.0.0.0/8`, `[2001:db8::]/32`, `*`; each with `:443` or
/// `:8000-8999` at its end, or for all ports. IPv6 without a port may go without its brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    text: Box<str>,
    what: What,
    ports: Option<RangeInclusive<u16>>,
    only_public: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Everything,
    Name(Box<str>),
    /// With its leading dot.
    Below(Box<str>),
    Net(Net),
}

/// A block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Net {
    first: IpAddr,
    bits: u8,
}

impl Rule {
    /// Reads a rule, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("`{}` is not an egress rule: {what}", text.escape_debug());
        let (place, ports) = split_ports(text).ok_or_else(|| wrong("its port is not a number from 1 to 65535, or two of them with `-`"))?;
        let what = if place == "*" {
            What::Everything
        } else if place.strip_prefix("*.").unwrap_or(place).contains('*') {
            return Err(wrong("`*` stands alone or before `.NAME`"));
        } else if let Some(suffix) = place.strip_prefix("*.") {
            let host = Host::parse(suffix).ok_or_else(|| wrong("behind `*.` there must be a name"))?;
            let name = host.name().ok_or_else(|| wrong("behind `*.` there must be a name, not an address"))?;
            What::Below(format!(".{name}").into())
        } else if let Some((address, bits)) = place.split_once('/') {
            let net = Net::parse(address, bits);
            What::Net(net.ok_or_else(|| wrong("before `/` there must be the first address of a block, and behind it its bits"))?)
        } else {
            let host = Host::parse(place).or_else(|| Some(Host::Ip(place.parse().ok()?)));
            match host.ok_or_else(|| wrong("it is neither a name, nor an address, nor a block like `10.0.0.0/8`, nor `*`"))? {
                Host::Ip(address) => What::Net(Net::one(address)),
                Host::Name(name) => What::Name(bare(&name).into()),
            }
        };
        Ok(Self { text: text.into(), what, ports, only_public: false })
    }

    /// A rule for one address and port: what listens there is nobody's business.
    pub fn of_address(address: IpAddr, port: u16) -> Self {
        let text = format!("{}:{port}", Host::Ip(address)).into();
        Self { text, what: What::Net(Net::one(address)), ports: Some(port..=port), only_public: false }
    }

    /// The same rule, but for what is public only, whatever its name leads to.
    #[must_use]
    pub fn only_public(mut self) -> Self {
        self.only_public = true;
        self
    }

    /// Whether it names something that is not public, as far as that can be told before a name is resolved; mail is not for everybody either.
    pub fn names_private(&self) -> bool {
        let private = match &self.what {
            What::Net(net) => space(net.first) != Space::Public,
            What::Name(name) => Host::Name(name.clone()).is_localhost(),
            What::Everything | What::Below(_) => false,
        };
        private || self.names_port(MAIL)
    }

    /// Whether it opens an address of this kind that it speaks of.
    pub(super) fn opens(&self, space: Space) -> bool {
        !self.only_public || space == Space::Public
    }

    /// Whether it speaks of a port.
    pub(super) fn meets_port(&self, port: u16) -> bool {
        self.ports.as_ref().is_none_or(|ports| ports.contains(&port))
    }

    /// Whether it names this port, and not just all of them.
    pub(super) fn names_port(&self, port: u16) -> bool {
        self.ports.as_ref().is_some_and(|ports| ports.contains(&port))
    }

    /// Whether it opens this port, which is for nobody who is not given it by number.
    pub(super) fn opens_port(&self, port: u16) -> bool {
        !self.only_public && self.names_port(port)
    }

    /// Whether it speaks of a host by its name; `*` speaks of all.
    pub(super) fn meets_name(&self, host: &Host) -> bool {
        match (&self.what, host.name()) {
            (What::Everything, _) => true,
            (What::Name(name), Some(host)) => **name == *host,
            (What::Below(suffix), Some(host)) => host.len() > suffix.len() && host.ends_with(&**suffix),
            _ => false,
        }
    }

    /// Whether it speaks of one name in full.
    pub(super) fn is_exact(&self) -> bool {
        matches!(self.what, What::Name(_))
    }

    /// Whether it speaks of an address as such.
    pub(super) fn meets_address(&self, address: IpAddr) -> bool {
        matches!(&self.what, What::Net(net) if net.contains(address))
    }

    /// Whether it speaks of anything that an address may lead to: the question for what is denied.
    pub(super) fn meets_guise(&self, address: IpAddr) -> bool {
        matches!(&self.what, What::Net(net) if guises(address).any(|address| net.holds(address)))
    }

    /// Whether it speaks of addresses.
    pub(super) fn is_net(&self) -> bool {
        matches!(self.what, What::Net(_))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Net {
    fn one(address: IpAddr) -> Self {
        let first = canonical(address);
        Self { first, bits: if first.is_ipv4() { 32 } else { 128 } }
    }

    fn parse(address: &str, bits: &str) -> Option<Self> {
        let address = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(address);
        let first: IpAddr = address.parse().ok()?;
        // `+8` is a number to the parser of numbers.
        let bits = bits.bytes().all(|byte| byte.is_ascii_digit()).then(|| bits.parse().ok())??;
        let net = Self { first, bits };
        let (value, width) = value(first);
        // A block that begins in its own middle is a mistake; so is one of mapped addresses, which are judged as what they are.
        let whole = bits <= width && (bits == width || value << (128 - width) << bits == 0);
        (whole && canonical(first) == first).then_some(net)
    }

    fn contains(&self, address: IpAddr) -> bool {
        let address = canonical(address);
        let inner = match address {
            IpAddr::V6(address) => translated(address).map(IpAddr::V4),
            IpAddr::V4(_) => None,
        };
        self.holds(address) || inner.is_some_and(|inner| self.holds(inner))
    }

    fn holds(&self, address: IpAddr) -> bool {
        let ((first, width), (value, other)) = (value(self.first), value(address));
        let shift = u32::from(width - self.bits);
        width == other && (shift == 128 || first >> shift == value >> shift)
    }
}

fn value(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (u32::from(address).into(), 32),
        IpAddr::V6(address) => (address.into(), 128),
    }
}

/// What is before the ports, and the ports. None if they are not ports.
#[allow(clippy::type_complexity, reason = "two halves of one text")]
fn split_ports(text: &str) -> Option<(&str, Option<RangeInclusive<u16>>)> {
    let bare_v6 = text.matches(':').count() > 1 && !text.contains(']');
    let Some((place, ports)) = text.rsplit_once(':').filter(|(place, _)| !bare_v6 && (!place.contains('[') || place.contains(']'))) else {
        return Some((text, None));
    };
    let port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten().filter(|port| *port > 0);
    let (first, last) = match ports.split_once('-') {
        Some((first, last)) => (port(first)?, port(last)?),
        None => (port(ports)?, port(ports)?),
    };
    (first <= last).then_some((place, Some(first..=last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        Rule::parse(text).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    #[test]
    fn names_match_in_full_or_below_a_suffix_and_never_by_their_letters_alone() {
        let table = [
            ("example.com", "example.com EXAMPLE.COM example.com.", "www.example.com example.com.evil.org notexample.com example.co"),
            ("Example.COM.", "example.com", "example.org"),
            ("*.example.com", "a.example.com a.b.example.com. A.EXAMPLE.com", "example.com aexample.com evil-example.com example.com.org"),
            ("b\u{fc}cher.de", "xn--bcher-kva.de b\u{fc}cher.de", "bucher.de"),
            ("*", "example.com localhost 10.0.0.1", ""),
        ];
        for (text, yes, no) in table {
            for host in yes.split(' ') {
                assert!(rule(text).meets_name(&Host::parse(host).unwrap()), "{text} {host}");
            }
            for host in no.split(' ').filter(|host| !host.is_empty()) {
                assert!(!rule(text).meets_name(&Host::parse(host).unwrap()), "{text} {host}");
            }
        }
    }

    #[test]
    fn blocks_hold_what_is_in_them_in_any_disguise() {
        let table = [
            ("10.0.0.0/8", "10.0.0.0 10.255.255.255 ::ffff:10.1.2.3 64:ff9b::10.1.2.3", "9.255.255.255 11.0.0.0 ::10.0.0.1"),
            ("192.0.2.7", "192.0.2.7 ::ffff:192.0.2.7", "192.0.2.6 192.0.2.8"),
            ("0x7f.1", "127.0.0.1", "127.0.0.2"),
            ("0.0.0.0/0", "0.0.0.0 255.255.255.255 ::ffff:1.2.3.4", "::1 2001:db8::1"),
            ("::/0", "::1 ffff::", "1.2.3.4 ::ffff:1.2.3.4"),
            ("fd00::/8", "fd00::1 fdff:ffff::", "fc00::1 fe00::1"),
            ("[2001:db8::]/32", "2001:db8::1", "2001:db9::1"),
            ("[::1]", "::1", "::2"),
            ("::1", "::1", "127.0.0.1"),
            ("10.1.2.128/25", "10.1.2.128 10.1.2.255", "10.1.2.127"),
        ];
        for (text, yes, no) in table {
            for address in yes.split(' ') {
                assert!(rule(text).meets_address(address.parse().unwrap()), "{text} {address}");
            }
            for address in no.split(' ') {
                assert!(!rule(text).meets_address(address.parse().unwrap()), "{text} {address}");
            }
        }
    }

    #[test]
    fn ports_are_one_or_a_range_or_all() {
        for (text, yes, no) in [
            ("a.b", vec![1, 80, 65535], vec![]),
            ("a.b:443", vec![443], vec![80, 442, 444]),
            ("*:8000-8002", vec![8000, 8002], vec![7999, 8003]),
            ("10.0.0.0/8:5432", vec![5432], vec![5433]),
            ("[fd00::]/8:1-65535", vec![1, 65535], vec![]),
            ("[::1]:9", vec![9], vec![1]),
            ("::1", vec![1, 9], vec![]),
        ] {
            assert!(yes.iter().all(|port| rule(text).meets_port(*port)), "{text}");
            assert!(!no.iter().any(|port| rule(text).meets_port(*port)), "{text}");
        }
    }

    #[test]
    fn what_is_no_rule_says_why() {
        let texts = [
            "",
            "*.",
            "*.1.2.3.4",
            "a.*.b",
            "*a.b",
            "a b",
            "http://a.b",
            "a.b/24",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "::1/0",
            "fd00::1/8",
            "::/129",
            "::ffff:10.0.0.0/104",
            "a.b:0",
            "a.b:65536",
            "a.b:x",
            "a.b:9-8",
            "a.b:",
            "a.b:+1",
            "u@a.b",
            "[::1",
            "10.0.0.0/",
            "/8",
        ];
        for text in texts {
            let wrong = Rule::parse(text).expect_err(text);
            assert!(wrong.contains("is not an egress rule: "), "{wrong}");
        }
    }
}
