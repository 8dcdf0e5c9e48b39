//! Where an app may connect to: decided by host and port first, then on the addresses that the host turned out to have, and these
//! are the only ones that are connected to afterwards. Nothing here asks anybody: it is a table and a text.
//!
//! Deny goes before allow. An allow rule of addresses opens any space. One that names a host in full opens private networks for it, and
//! `localhost` this machine, as whoever wrote it meant; but not link-local addresses and the like, of which no name should be
//! made, and a `*.suffix` opens none: names below it may be anybody's to give. A deny rule of addresses is also one for whatever leads to them:
//! no address is this machine to the kernel, and IPv6 has forms that carry an address of IPv4.

mod host;
mod ports;
mod refused;
mod rule;
mod space;

use std::net::{IpAddr, SocketAddr};

pub use host::Host;
pub use ports::is_bad as is_bad_port;
pub use refused::{Reason, Refused};
pub use rule::Rule;
pub use space::{Space, canonical, space};

/// What an app may reach that no rule speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    Deny,
    /// The internet, and nothing that is nearer.
    #[default]
    Public,
    /// Everything.
    Any,
}

/// What is spoken to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP in the clear.
    Http,
    /// HTTP over TLS.
    Https,
    /// A WebSocket in the clear.
    Ws,
    /// A WebSocket over TLS.
    Wss,
    /// Bytes: `connect()`.
    Tcp,
    /// Bytes over TLS from the start.
    Tls,
}

impl Scheme {
    /// The scheme of a URL, without its colon.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "http" => Self::Http,
            "https" => Self::Https,
            "ws" => Self::Ws,
            "wss" => Self::Wss,
            _ => return None,
        })
    }

    /// The port that goes without saying; none for bytes.
    pub fn port(self) -> Option<u16> {
        match self {
            Self::Http | Self::Ws => Some(80),
            Self::Https | Self::Wss => Some(443),
            Self::Tcp | Self::Tls => None,
        }
    }

    /// Whether it begins with TLS.
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Https | Self::Wss | Self::Tls)
    }
}

/// The rules of one app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    mode: Mode,
    allow: Vec<Rule>,
    deny: Vec<Rule>,
}

impl Policy {
    /// What the rules say, and for everything else `mode`.
    pub fn new(mode: Mode, allow: Vec<Rule>, deny: Vec<Rule>) -> Self {
        Self { mode, allow, deny }
    }

    /// The first question, before a name is resolved: may this host be asked for at all? A yes is not the last word.
    pub fn admits(&self, scheme: Scheme, host: &Host, port: u16) -> Result<(), Refused> {
        let refused = |reason| Err(Refused::new(host.to_string(), port, reason));
        let bad = match scheme {
            Scheme::Tcp | Scheme::Tls => port == 0 || (port == MAIL && !self.allow.iter().any(|rule| rule.opens_port(port))),
            _ => is_bad_port(port),
        };
        if bad {
            return refused(Reason::Port);
        }
        if let Some(rule) = self.deny.iter().find(|rule| rule.meets_port(port) && rule.meets_name(host)) {
            return refused(Reason::Denied(rule.clone()));
        }
        match host {
            Host::Ip(address) => self.judge(host, *address, port).or_else(refused),
            // Whether a rule of addresses allows it is known when there are addresses.
            Host::Name(_)
                if self.mode == Mode::Deny
                    && !self.allow.iter().any(|rule| rule.meets_port(port) && (rule.is_net() || rule.meets_name(host))) =>
            {
                refused(Reason::Unlisted)
            }
            Host::Name(_) => Ok(()),
        }
    }

    /// The last question: which of a host's addresses may be connected to, in their order and as packets would go to them.
    pub fn choose(&self, scheme: Scheme, host: &Host, port: u16, addresses: &[IpAddr]) -> Result<Vec<SocketAddr>, Refused> {
        self.admits(scheme, host, port)?;
        let mut chosen = Vec::new();
        let mut first_reason = None;
        for address in addresses {
            let socket = SocketAddr::new(canonical(*address), port);
            match self.judge(host, *address, port) {
                Ok(()) if !chosen.contains(&socket) => chosen.push(socket),
                Ok(()) => {}
                Err(reason) => first_reason = first_reason.or(Some(reason)),
            }
        }
        match first_reason {
            Some(reason) if chosen.is_empty() => Err(Refused::new(host.to_string(), port, reason)),
            _ => Ok(chosen),
        }
    }

    fn judge(&self, host: &Host, address: IpAddr, port: u16) -> Result<(), Reason> {
        let mut denied = self.deny.iter().filter(|rule| rule.meets_port(port));
        if let Some(rule) = denied.find(|rule| rule.meets_guise(address)) {
            return Err(Reason::Denied(rule.clone()));
        }
        let space = space(address);
        let mut allowed = self.allow.iter().filter(|rule| rule.meets_port(port));
        let opened = |rule: &Rule| {
            let named = rule.meets_name(host);
            let opens = match space {
                Space::Public => true,
                Space::Private | Space::Shared => rule.is_exact(),
                Space::Loopback => rule.is_exact() && host.is_localhost(),
                _ => false,
            };
            rule.opens(space) && (rule.meets_address(address) || (named && opens))
        };
        let by_mode = match self.mode {
            Mode::Deny => false,
            Mode::Public => space == Space::Public,
            Mode::Any => true,
        };
        if by_mode || allowed.any(opened) {
            return Ok(());
        }
        Err(if space == Space::Public { Reason::Unlisted } else { Reason::Space(space) })
    }
}

/// Where mail servers listen: what may not be sent by fetch is not sent by sockets either, unless a rule names the port.
const MAIL: u16 = 25;

#[cfg(test)]
mod tests;
