//! Why a policy said no, in a sentence for the app's log.

use std::fmt;

use super::{Rule, Space};

/// A connection that a policy does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    host: Box<str>,
    port: u16,
    reason: Reason,
}

/// Which part of the policy it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Ports that are nobody's to reach this way.
    Port,
    /// A deny rule.
    Denied(Rule),
    /// Only what is listed may be reached, and this is not.
    Unlisted,
    /// Its addresses, all of them, are in a space that is not open to the app. Which ones they are is not said: an app must not
    /// learn the map of a network that it may not reach.
    Space(Space),
}

impl Refused {
    pub(super) fn new(host: String, port: u16, reason: Reason) -> Self {
        Self { host: host.into(), port, reason }
    }

    /// The host that was asked for.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Which part of the policy refused it.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, reason } = self;
        match reason {
            Reason::Port => write!(f, "{host}:{port} was refused: port {port} is blocked, other protocols than the web's live there"),
            Reason::Denied(rule) => write!(f, "{host}:{port} was refused by the egress policy: the rule `{rule}` denies it"),
            Reason::Unlisted => write!(f, "{host}:{port} was refused by the egress policy: no rule allows it"),
            Reason::Space(space) => {
                write!(f, "{host}:{port} was refused by the egress policy: it is no public address ({space}), and no rule allows it")
            }
        }
    }
}

impl std::error::Error for Refused {}
