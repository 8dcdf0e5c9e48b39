//! One client of a listener: whoever it is that connected, until what is spoken is agreed on, and then in that protocol.

use std::net::IpAddr;
use std::ops::BitOr;
use std::sync::Arc;

use super::connection::Connection;
use super::listen::{Counted, Shared};
use super::socket::Socket;
use super::state::Tools;
use super::tls::{Agreed, TlsSocket};
use super::{Happening, h2};
use crate::pipe::Held;
use crate::runtime::Inner;

/// What is to become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It waits for its socket, its app or its timer.
    Wait,
    /// It goes on when others have had their turns.
    Again,
    /// It is over.
    Close,
    /// It goes on in HTTP/2.
    Http2,
}

/// What the poll says of a socket.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Readiness {
    /// There may be something to read.
    pub read: bool,
    /// What there is to read is the last: nothing more will be told.
    pub closing: bool,
    /// The client is gone for good.
    pub gone: bool,
}

impl Readiness {
    /// There may be something to read, for all that is known.
    pub(super) const READ: Self = Self { read: true, closing: false, gone: false };
}

impl BitOr for Readiness {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self { read: self.read | other.read, closing: self.closing | other.closing, gone: self.gone | other.gone }
    }
}

/// A connection, in whatever it speaks.
#[expect(clippy::large_enum_variant, reason = "most are of HTTP/1.1, and a box for each is one more way to wait for memory")]
pub(super) enum Client {
    /// TLS is being agreed on.
    Greeting(Box<Greeting>),
    /// HTTP/1.1.
    Http1(Connection),
    /// HTTP/2.
    Http2(Box<h2::Connection>),
    /// Nothing any more.
    Gone,
}

/// A TLS handshake.
pub(super) struct Greeting {
    socket: Box<TlsSocket>,
    peer: Option<IpAddr>,
    shared: Counted,
    since_ms: u64,
    deadline_ms: u64,
}

impl Client {
    /// A connection that was just accepted; none if TLS refuses to begin.
    pub(super) fn new(socket: Socket, peer: Option<IpAddr>, shared: Arc<Shared>, now_ms: u64) -> Option<Self> {
        let shared = Counted::new(shared);
        let Some(tls) = &shared.tls else { return Some(Self::Http1(Connection::new(socket, peer, shared, now_ms))) };
        let deadline_ms = now_ms + tls.handshake_ms;
        let socket = Box::new(TlsSocket::new(socket, tls.config()).ok()?);
        Some(Self::Greeting(Box::new(Greeting { socket, peer, shared, since_ms: now_ms, deadline_ms })))
    }

    /// The listener it came by.
    pub(super) fn listener(&self) -> u64 {
        match self {
            Self::Greeting(greeting) => greeting.shared.key,
            Self::Http1(connection) => connection.listener(),
            Self::Http2(connection) => connection.listener(),
            Self::Gone => 0,
        }
    }

    /// Registers its socket.
    pub(super) fn source(&mut self) -> Option<&mut dyn mio::event::Source> {
        match self {
            Self::Greeting(greeting) => Some(&mut *greeting.socket),
            Self::Http1(connection) => Some(connection.socket()),
            Self::Http2(connection) => Some(connection.socket()),
            Self::Gone => None,
        }
    }

    /// When something must have happened, in the clock's milliseconds.
    pub(super) fn deadline_ms(&self) -> u64 {
        match self {
            Self::Greeting(greeting) => greeting.deadline_ms,
            Self::Http1(connection) => connection.deadline_ms,
            Self::Http2(connection) => connection.deadline_ms,
            Self::Gone => u64::MAX,
        }
    }

    /// Since when it has had nothing to do here, if it has not.
    pub(super) fn idle_since_ms(&self) -> Option<u64> {
        match self {
            Self::Greeting(greeting) => Some(greeting.since_ms),
            Self::Http1(connection) => connection.idle_since_ms(),
            Self::Http2(connection) => connection.idle_since_ms(),
            Self::Gone => None,
        }
    }

    /// Since when what it does not take crowds an app, if it does.
    pub(super) fn crowds_since_ms(&self) -> Option<u64> {
        match self {
            Self::Http1(connection) => connection.crowds_since_ms(),
            Self::Http2(connection) => connection.crowds_since_ms(),
            Self::Greeting(_) | Self::Gone => None,
        }
    }

    /// Gives up what it has not taken since `until_ms`, as long as that crowds an app.
    pub(super) fn press(&mut self, until_ms: u64, tools: &mut Tools<'_>) -> Fate {
        match self {
            Self::Http1(connection) => connection.press(),
            Self::Http2(connection) => connection.press(until_ms, tools),
            Self::Greeting(_) | Self::Gone => Fate::Wait,
        }
    }

    /// Nobody waits any more for the answers to what it has asked.
    pub(super) fn give_up(&mut self, inner: &Arc<Inner>) {
        match self {
            Self::Http1(connection) => connection.give_up(inner),
            Self::Http2(connection) => connection.give_up(inner),
            Self::Greeting(_) | Self::Gone => {}
        }
    }

    /// The socket may be read or written, or the client is `gone` for good.
    pub(super) fn ready(&mut self, id: u64, readiness: Readiness, tools: &mut Tools<'_>) -> Fate {
        match self {
            Self::Greeting(_) => self.greet(id, tools),
            Self::Http1(connection) => {
                connection.id = id;
                let fate = connection.ready(readiness, tools);
                self.change(id, fate, tools)
            }
            Self::Http2(connection) => connection.ready(id, readiness, tools),
            Self::Gone => Fate::Close,
        }
    }

    /// Goes on with what it was at.
    pub(super) fn go_on(&mut self, id: u64, tools: &mut Tools<'_>) -> Fate {
        match self {
            Self::Greeting(greeting) if greeting.shared.is_closed() => Fate::Close,
            Self::Greeting(_) => Fate::Wait,
            Self::Http1(connection) => {
                let fate = connection.go_on(tools);
                self.change(id, fate, tools)
            }
            Self::Http2(connection) => connection.go_on(tools),
            Self::Gone => Fate::Close,
        }
    }

    /// Something happened to a request of its.
    pub(super) fn take(&mut self, stream: u32, what: Happening, held: Held, tools: &mut Tools<'_>) -> Fate {
        match self {
            Self::Http1(connection) => connection.take(what, held, tools),
            Self::Http2(connection) => connection.take(stream, what, held, tools),
            Self::Greeting(_) => Fate::Wait,
            Self::Gone => Fate::Close,
        }
    }

    /// Time is up for whatever it waits for, unless that has moved since.
    pub(super) fn time_is_up(&mut self, tools: &mut Tools<'_>) -> Fate {
        match self {
            Self::Greeting(greeting) if greeting.deadline_ms > tools.now_ms => Fate::Wait,
            Self::Http1(connection) => connection.time_is_up(tools),
            Self::Http2(connection) => connection.time_is_up(tools),
            Self::Greeting(_) | Self::Gone => Fate::Close,
        }
    }

    fn greet(&mut self, id: u64, tools: &mut Tools<'_>) -> Fate {
        let Self::Greeting(greeting) = self else { return Fate::Close };
        let agreed = match greeting.socket.handshake() {
            Ok(Some(agreed)) => agreed,
            Ok(None) => return Fate::Wait,
            Err(_) => return Fate::Close,
        };
        let Self::Greeting(greeting) = std::mem::replace(self, Self::Gone) else { return Fate::Close };
        let Greeting { socket, peer, shared, .. } = *greeting;
        let socket = Socket::Tls(socket);
        *self = match agreed {
            Agreed::Http1 => Self::Http1(Connection::new(socket, peer, shared, tools.now_ms)),
            Agreed::Http2 => Self::Http2(Box::new(h2::Connection::new(socket, peer, shared, Vec::new(), tools.now_ms))),
        };
        self.ready(id, Readiness::READ, tools)
    }

    /// Goes on in HTTP/2, if that is what has become of it.
    fn change(&mut self, id: u64, fate: Fate, tools: &mut Tools<'_>) -> Fate {
        if fate != Fate::Http2 {
            return fate;
        }
        let Self::Http1(connection) = std::mem::replace(self, Self::Gone) else { return Fate::Close };
        let readiness = connection.readiness();
        let (socket, peer, shared, input) = connection.into_parts();
        *self = Self::Http2(Box::new(h2::Connection::new(socket, peer, shared, input, tools.now_ms)));
        self.ready(id, readiness, tools)
    }
}
