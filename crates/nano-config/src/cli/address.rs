//! Where to listen and where to connect.

use std::fmt;
use std::path::PathBuf;

/// An address on the command line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A host and a port; of an IPv6 address without brackets.
    Tcp(String, u16),
    /// All addresses of this machine.
    Everywhere(u16),
    /// A socket of the file system.
    Unix(PathBuf),
    /// The sockets that systemd has opened.
    Systemd,
}

impl Address {
    /// Reads `PORT`, `HOST:PORT`, `[IPV6]:PORT`, `*:PORT`, `unix:PATH` and `systemd`. A port alone is this machine's alone.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("\"{text}\" is no address: PORT, HOST:PORT, *:PORT, unix:PATH or systemd");
        if text == "systemd" {
            return Ok(Self::Systemd);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err(bad()) } else { Ok(Self::Unix(path.into())) };
        }
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        let port =
            Some(port).filter(|port| port.bytes().all(|byte| byte.is_ascii_digit())).and_then(|port| port.parse().ok()).ok_or_else(bad)?;
        match host {
            "" => Ok(Self::Tcp("127.0.0.1".into(), port)),
            "*" => Ok(Self::Everywhere(port)),
            _ => match host.strip_prefix('[').map(|host| host.strip_suffix(']')) {
                Some(Some(host)) if host.parse::<std::net::Ipv6Addr>().is_ok() => Ok(Self::Tcp(host.into(), port)),
                None if !host.contains([':', '/', ']', '@']) && !host.contains(char::is_whitespace) => Ok(Self::Tcp(host.into(), port)),
                _ => Err(bad()),
            },
        }
    }

    /// Whether only this machine can connect.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(host, _) => host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()),
            Self::Unix(_) => true,
            Self::Everywhere(_) | Self::Systemd => false,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Everywhere(port) => write!(f, "*:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd => f.write_str("systemd"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let cases = [
            ("8787", Some(("127.0.0.1:8787", true))),
            (":8787", Some(("127.0.0.1:8787", true))),
            ("0", Some(("127.0.0.1:0", true))),
            ("localhost:80", Some(("localhost:80", true))),
            ("0.0.0.0:80", Some(("0.0.0.0:80", false))),
            ("*:80", Some(("*:80", false))),
            ("[::1]:80", Some(("[::1]:80", true))),
            ("[::]:80", Some(("[::]:80", false))),
            ("unix:/run/x.sock", Some(("unix:/run/x.sock", true))),
            ("systemd", Some(("systemd", false))),
            ("", None),
            ("x", None),
            ("::1", None),
            ("::1:80", None),
            ("[x]:80", None),
            ("[::1]", None),
            ("x:65536", None),
            ("x:+80", None),
            ("http://x:80", None),
            ("unix:", None),
        ];
        for (text, expected) in cases {
            let read = Address::parse(text).ok().map(|address| (address.to_string(), address.is_local()));
            assert_eq!(read, expected.map(|(shown, local)| (shown.to_string(), local)), "{text}");
        }
    }
}
