//! A connection whose users do not care whether TLS is on it.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;

use crate::tls::TlsStream;

/// A connection, in the clear or not. It never blocks: what would is an error of that kind.
#[derive(Debug)]
pub enum Stream {
    /// Bytes as they are.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<TlsStream>),
}

impl Stream {
    /// Reads what has arrived; none if that was nothing so far, and this has had its share. Zero is an end that can be relied on as far as
    /// the connection can.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            let result = match self {
                Self::Plain(socket) => socket.read(buffer).map(Some),
                Self::Tls(tls) => tls.read(buffer),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Takes as much as there is room for.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let result = match self {
                Self::Plain(socket) => socket.write(bytes),
                Self::Tls(tls) => tls.write(bytes),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Whether all that was taken is with the kernel; if not, to be asked again when the socket can be written.
    pub fn flush(&mut self) -> io::Result<bool> {
        match self {
            Self::Plain(_) => Ok(true),
            Self::Tls(tls) => tls.flush(),
        }
    }

    /// Says that nothing more will be written. Whether that is said; if not, to be asked again when the socket can be written.
    pub fn shutdown(&mut self) -> io::Result<bool> {
        if let Self::Tls(tls) = self {
            tls.announce_end();
        }
        let flushed = self.flush()?;
        if flushed {
            self.socket().shutdown(Shutdown::Write)?;
        }
        Ok(flushed)
    }

    /// The socket, to watch.
    pub fn socket(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => tls.socket(),
        }
    }

    /// Whether HTTP/2 was agreed on.
    pub fn is_http2(&self) -> bool {
        matches!(self, Self::Tls(tls) if tls.is_http2())
    }

    /// Whether TLS is on it.
    pub fn is_secure(&self) -> bool {
        matches!(self, Self::Tls(_))
    }
}
