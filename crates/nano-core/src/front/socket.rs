//! Listening sockets and what they accept: TCP, Unix, or a descriptor that somebody else has bound; with TLS on it or not.

use std::io::{self, IoSlice, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener as StdTcpListener};
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::{Path, PathBuf};

use mio::event::Source;
use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use nano_base::limits::{HTTP_UNSENT_BYTES, LISTEN_BACKLOG, WEBSOCKET_PROBE_S};
use nano_base::status::{Error, Result, Status};
use nano_base::sys;
use nano_http::h1::Scheme;
use socket2::{Domain, Protocol, SockRef, Socket as RawSocket, TcpKeepalive, Type};

use super::tls::TlsSocket;

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
    Inherited(RawFd),
}

impl Place {
    fn parse(address: &str) -> Result<Self> {
        let invalid = |why: &str| Error::new(Status::Invalid, format!("cannot listen on \"{address}\": {why}"));
        if let Some(path) = address.strip_prefix("unix:") {
            if path.is_empty() {
                return Err(invalid("the path is missing"));
            }
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        if let Some(number) = address.strip_prefix("fd:") {
            return match number.parse::<RawFd>() {
                Ok(fd) if fd > 2 => Ok(Self::Inherited(fd)),
                _ => Err(invalid("the number of a descriptor that somebody else has bound follows \"fd:\"")),
            };
        }
        address.parse().map(Self::Tcp).map_err(|_| invalid("it is none of IP:PORT (127.0.0.1:8080, [::1]:8080), unix:/PATH and fd:NUMBER"))
    }
}

/// A bound socket that can be given to several shards.
#[derive(Debug)]
pub(super) enum Bound {
    /// A socket for each shard, between which the kernel divides the connections.
    Tcp(Vec<TcpListener>, SocketAddr),
    /// One that all shards accept from.
    Shared(OwnedFd, Family, String),
}

/// Binds an address and listens there, for others: a process that is given the descriptor listens with `fd:NUMBER`. Also what clients
/// connect to, with the port that port 0 has become.
pub fn bind(address: &str) -> Result<(OwnedFd, String)> {
    let bound = Bound::new(address, 1)?;
    let name = bound.address();
    match bound {
        Bound::Shared(fd, ..) => Ok((fd, name)),
        Bound::Tcp(mut listeners, _) => match listeners.pop() {
            Some(listener) => Ok((listener.into(), name)),
            None => Err(Error::new(Status::Io, format!("cannot listen on {address}"))),
        },
    }
}

/// What kind of socket an inherited one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Tcp,
    Unix,
}

impl Bound {
    /// Binds an address, for so many shards.
    pub(super) fn new(address: &str, shards: usize) -> Result<Self> {
        let failed = |error: io::Error| Error::new(Status::Io, format!("cannot listen on {address}: {error}"));
        match Place::parse(address)? {
            Place::Tcp(mut place) => {
                if place.port() != 0 {
                    check_free(place).map_err(failed)?;
                }
                let mut listeners = Vec::with_capacity(shards);
                for _ in 0..shards {
                    let listener = bind_tcp(place).map_err(failed)?;
                    // With port 0 the first one is given a port, and the others join it.
                    place = listener.local_addr().map_err(failed)?;
                    listeners.push(TcpListener::from_std(listener));
                }
                Ok(Self::Tcp(listeners, place))
            }
            Place::Unix(path) => {
                let listener = bind_unix(&path).map_err(failed)?;
                Ok(Self::Shared(listener.into(), Family::Unix, address.to_string()))
            }
            Place::Inherited(fd) => {
                let fd = sys::file::duplicate(fd).map_err(failed)?;
                let socket = RawSocket::from(fd);
                let (family, name) = adopt(&socket, address).map_err(failed)?;
                Ok(Self::Shared(socket.into(), family, name))
            }
        }
    }

    /// What clients connect to.
    pub(super) fn address(&self) -> String {
        match self {
            Self::Tcp(_, address) => address.to_string(),
            Self::Shared(_, _, name) => name.clone(),
        }
    }

    /// The sockets for the shards, one each.
    pub(super) fn into_acceptors(self, shards: usize) -> io::Result<Vec<Acceptor>> {
        match self {
            Self::Tcp(listeners, _) => Ok(listeners.into_iter().map(Acceptor::Tcp).collect()),
            Self::Shared(fd, family, _) => (0..shards)
                .map(|_| {
                    let fd = fd.try_clone()?;
                    Ok(match family {
                        Family::Tcp => Acceptor::Tcp(TcpListener::from_std(fd.into())),
                        Family::Unix => Acceptor::Unix(UnixListener::from_std(fd.into())),
                    })
                })
                .collect(),
        }
    }
}

/// Looks at a socket that somebody else has bound: what it is, and what clients connect to. Nobody would ever come by one that does not listen.
fn adopt(socket: &RawSocket, address: &str) -> io::Result<(Family, String)> {
    let wrong = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    let local = socket.local_addr()?;
    let (family, name) = match local.as_socket() {
        Some(address) => (Family::Tcp, address.to_string()),
        None if local.is_unix() => (Family::Unix, address.to_string()),
        None => return wrong("the socket is neither of TCP nor a Unix socket"),
    };
    match socket.r#type()? {
        Type::STREAM => {}
        Type::DGRAM => return wrong("it is a socket of datagrams (UDP); one of streams is needed"),
        _ => return wrong("it is no socket of streams"),
    }
    if !socket.is_listener()? {
        return wrong(match socket.peer_addr() {
            Ok(_) => "it is a connection, not a socket that listens",
            Err(_) => "the socket does not listen: call listen() on it before",
        });
    }
    socket.set_nonblocking(true)?;
    Ok((family, name))
}

/// Fails if somebody listens there already. Our own sockets share their address, and would share it with another process of this user as
/// well, which would have every other connection.
fn check_free(address: SocketAddr) -> io::Result<()> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM.cloexec(), Some(Protocol::TCP))?;
    // Connections that have ended are not in the way.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())
}

fn bind_tcp(address: SocketAddr) -> io::Result<StdTcpListener> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    // What is accepted has it too. A kernel that does not know it keeps more.
    let _ = socket.set_tcp_notsent_lowat(HTTP_UNSENT_BYTES);
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    Ok(socket.into())
}

/// Binds a path. A socket that nobody listens on any more is in the way after a crash: it is replaced, anything else is not.
fn bind_unix(path: &Path) -> io::Result<StdUnixListener> {
    let bound = match StdUnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            // What is no socket refuses a connection, too.
            let is_dead = path.symlink_metadata()?.file_type().is_socket()
                && matches!(std::os::unix::net::UnixStream::connect(path),
                    Err(refused) if refused.kind() == io::ErrorKind::ConnectionRefused);
            if !is_dead {
                return Err(error);
            }
            std::fs::remove_file(path)?;
            StdUnixListener::bind(path)
        }
        bound => bound,
    }?;
    bound.set_nonblocking(true)?;
    Ok(bound)
}

/// A listening socket of one shard.
#[derive(Debug)]
pub(super) enum Acceptor {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Acceptor {
    /// The next connection that waits, and the address it comes from.
    pub(super) fn accept(&self) -> io::Result<(Socket, Option<IpAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                // What is written is a whole response or a piece of one: there is nothing to wait for. A socket that refuses is
                // slower, not broken.
                let _ = stream.set_nodelay(true);
                Ok((Socket::Tcp(stream), Some(peer.ip())))
            }
            Self::Unix(listener) => Ok((Socket::Unix(listener.accept()?.0), None)),
        }
    }
}

/// A connection's socket.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsSocket>),
}

impl Socket {
    /// What URLs of requests that come by it begin with.
    pub(super) fn scheme(&self) -> Scheme {
        if matches!(self, Self::Tls(_)) { Scheme::Https } else { Scheme::Http }
    }

    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(into),
            Self::Unix(stream) => stream.read(into),
            Self::Tls(stream) => stream.read(into),
        }
    }

    /// Whether there may be more to read, after a read that gave so many bytes of those there was room for. If not, it will be told.
    pub(super) fn may_have_more(&self, bytes: usize, room: usize) -> bool {
        // A read of TLS gives what one look at the socket below has brought.
        bytes == room || matches!(self, Self::Tls(_))
    }

    pub(super) fn write(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match (self, pieces) {
            // Most responses are one piece, and the kernel is quicker with that.
            (Self::Tcp(stream), [piece, rest @ ..]) if rest.iter().all(|piece| piece.is_empty()) => stream.write(piece),
            (Self::Tcp(stream), _) => stream.write_vectored(pieces),
            (Self::Unix(stream), _) => stream.write_vectored(pieces),
            (Self::Tls(stream), _) => stream.write(pieces),
        }
    }

    /// Whether all that was written is with the kernel; if not, to be asked again when the socket can be written.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        match self {
            Self::Tcp(_) | Self::Unix(_) => Ok(true),
            Self::Tls(stream) => stream.flush(),
        }
    }

    /// Has the kernel ask, from time to time, whether the other side of a silent connection is still there.
    pub(super) fn probe(&self) {
        if let Self::Tcp(stream) = self {
            let every = std::time::Duration::from_secs(WEBSOCKET_PROBE_S);
            // A socket that refuses is closed later, not wrongly.
            let _ = SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(every).with_interval(every / 4));
        }
    }

    /// When it is closed, what has not been sent is dropped.
    pub(super) fn set_reset(&self) {
        // It fails when the other side has gone already. A Unix socket drops nothing, and has no such buffer of its own.
        match self {
            Self::Tcp(stream) => drop(SockRef::from(stream).set_linger(Some(std::time::Duration::ZERO))),
            Self::Tls(stream) => stream.below().set_reset(),
            Self::Unix(_) => {}
        }
    }

    /// Nothing more will be written; the other side may still be read.
    pub(super) fn shut_down(&mut self) {
        // It fails when the other side has gone already.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(std::net::Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(std::net::Shutdown::Write),
            Self::Tls(stream) => {
                stream.shut_down();
                Ok(())
            }
        };
    }
}

/// Delegates mio's registration to whichever socket it is.
macro_rules! source {
    ($type:ty, $($variant:path),+) => {
        impl Source for $type {
            fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
                match self { $($variant(inner) => inner.register(registry, token, interests)),+ }
            }

            fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
                match self { $($variant(inner) => inner.reregister(registry, token, interests)),+ }
            }

            fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
                match self { $($variant(inner) => inner.deregister(registry)),+ }
            }
        }
    };
}

source!(Acceptor, Acceptor::Tcp, Acceptor::Unix);
source!(Socket, Socket::Tcp, Socket::Unix, Socket::Tls);
