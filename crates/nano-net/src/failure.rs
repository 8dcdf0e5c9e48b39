//! Why a request, a WebSocket or a socket came to nothing, in a sentence that an app's author can use.

use std::fmt;
use std::io;

use crate::dial::DialError;
use crate::names::NameError;
use crate::policy::Refused;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of thing.
    pub kind: FailureKind,
    /// One sentence.
    pub message: String,
}

/// Kinds of failures, as far as they are treated differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The app's policy does not allow it.
    Refused,
    /// The name has no address.
    Name,
    /// No connection could be made.
    Connect,
    /// TLS could not be agreed on, or was broken off.
    Tls,
    /// It took too long.
    Timeout,
    /// The other side does not keep to the protocol.
    Protocol,
    /// The connection ended too early.
    Closed,
    /// A limit of this side's.
    Limit,
    /// What was asked for cannot be sent.
    Invalid,
}

impl Failure {
    /// A failure of some kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn name(host: &dyn fmt::Display, error: &NameError) -> Self {
        let kind = match error {
            NameError::NotFound(_) => FailureKind::Name,
            NameError::TimedOut => FailureKind::Timeout,
            NameError::Busy | NameError::Stuck => FailureKind::Limit,
        };
        Self::new(kind, format!("{host} has no address: {error}"))
    }

    pub(crate) fn dial(host: &dyn fmt::Display, port: u16, error: &DialError) -> Self {
        let kind = match error {
            DialError::Failed(_) => FailureKind::Connect,
            DialError::TimedOut => FailureKind::Timeout,
            DialError::Busy => FailureKind::Limit,
        };
        Self::new(kind, format!("{host}:{port} cannot be connected to: {error}"))
    }

    pub(crate) fn tls(host: &dyn fmt::Display, error: &io::Error) -> Self {
        Self::new(FailureKind::Tls, format!("TLS with {host} failed: {error}"))
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::new(FailureKind::Refused, refused.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
