//! A client's socket with TLS on it.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;

use mio::event::Source;
use mio::{Interest, Registry, Token};
use nano_base::limits::{TLS_BUFFER_BYTES, TLS_READS_IN_VAIN_OF_CLIENT_MAX};
use nano_http::h1::{self, Fault};
use rustls::{ServerConfig, ServerConnection};

use crate::front::socket::Socket;

/// What was agreed to be spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::front) enum Agreed {
    Http1,
    Http2,
}

/// One connection. What it reads is what the client has proven to have sent.
pub(in crate::front) struct TlsSocket {
    socket: Socket,
    tls: Box<ServerConnection>,
    /// Nothing has come yet: what does may not be TLS at all.
    is_new: bool,
    vain: Vain,
}

/// How often a client was read in vain since there last was nothing to read. Records may carry nothing for an app, new keys for instance:
/// who sends those as fast as they are read would keep the shard.
#[derive(Debug, Default)]
struct Vain(u32);

impl Vain {
    /// Once more; whether that is not too often.
    fn count(&mut self) -> bool {
        self.0 += 1;
        self.0 <= TLS_READS_IN_VAIN_OF_CLIENT_MAX
    }

    /// So many bytes came of it: a large record takes several reads.
    fn pays(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(1 + u32::try_from(bytes >> 10).unwrap_or(u32::MAX - 1));
    }
}

impl fmt::Debug for TlsSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsSocket({:?})", self.socket)
    }
}

/// What is looked at of a client's first bytes.
const FIRST_BYTES: usize = 2048;

impl TlsSocket {
    /// What it speaks over.
    pub(in crate::front) fn below(&self) -> &Socket {
        &self.socket
    }

    pub(in crate::front) fn new(socket: Socket, config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        let mut tls = Box::new(ServerConnection::new(config)?);
        tls.set_buffer_limit(Some(TLS_BUFFER_BYTES));
        Ok(Self { socket, tls, is_new: true, vain: Vain::default() })
    }

    /// Goes on with the handshake: what was agreed when it is done, an error when it never will be.
    pub(in crate::front) fn handshake(&mut self) -> io::Result<Option<Agreed>> {
        loop {
            self.push()?;
            if !self.tls.is_handshaking() {
                let is_http2 = self.tls.alpn_protocol() == Some(b"h2");
                return Ok(Some(if is_http2 { Agreed::Http2 } else { Agreed::Http1 }));
            }
            let pulled = if self.is_new { self.first_pull() } else { self.pull() };
            match pulled {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads what has arrived. Zero is an end that the client has announced; a connection that just ends is an error, because anybody
    /// on the way can cut it.
    pub(in crate::front) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(bytes) => {
                    self.vain.pays(bytes);
                    return Ok(bytes);
                }
                Err(error) => return Err(error),
            }
            match self.pull() {
                Ok(_) if self.vain.count() => {}
                Ok(_) => return Err(io::ErrorKind::InvalidData.into()),
                Err(error) => {
                    self.vain = Vain::default();
                    return Err(error);
                }
            }
            // Answers to what has been read: key updates, alerts.
            self.push()?;
        }
    }

    /// Takes as much as there is room for. It would block only if the kernel has said so: who has not asked the kernel in vain is not told when
    /// there is room again.
    pub(in crate::front) fn write(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut taken = self.tls.writer().write_vectored(pieces)?;
        if self.push()? && taken == 0 {
            // It was full, and is empty now.
            taken = self.tls.writer().write_vectored(pieces)?;
            self.push()?;
        }
        if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }

    /// Sends what was taken; whether all of it is with the kernel.
    pub(in crate::front) fn flush(&mut self) -> io::Result<bool> {
        self.push()
    }

    /// Announces the end; only when all that was to be said has been.
    pub(in crate::front) fn shut_down(&mut self) {
        self.tls.send_close_notify();
        // It fails when the other side has gone already.
        let _ = self.push();
        self.socket.shut_down();
    }

    /// Reads a client's first bytes. A request in the clear is answered in the clear: the mistake is a common one.
    fn first_pull(&mut self) -> io::Result<usize> {
        let mut first = [0; FIRST_BYTES];
        let len = self.socket.read(&mut first)?;
        self.is_new = false;
        if first[..len].first().is_some_and(u8::is_ascii_uppercase) {
            let mut answer = Vec::new();
            h1::write_refusal(&mut answer, Fault::NeedsTls, None);
            let _ = self.socket.write(&[IoSlice::new(&answer)]);
            self.socket.shut_down();
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut rest = &first[..len];
        while !rest.is_empty() {
            self.tls.read_tls(&mut rest)?;
            self.process()?;
        }
        Ok(len)
    }

    /// Reads records from the socket once; zero at its end.
    fn pull(&mut self) -> io::Result<usize> {
        let read = self.tls.read_tls(&mut Raw(&mut self.socket))?;
        self.process()?;
        Ok(read)
    }

    fn process(&mut self) -> io::Result<()> {
        if let Err(error) = self.tls.process_new_packets() {
            // The alert that says why; there is nothing to be done about it if it cannot be sent.
            let _ = self.push();
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        Ok(())
    }

    /// Writes records to the socket as long as it takes them; whether it took all.
    fn push(&mut self) -> io::Result<bool> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Raw(&mut self.socket)) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// The socket below, as rustls reads and writes.
struct Raw<'a>(&'a mut Socket);

impl Read for Raw<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for Raw<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Source for TlsSocket {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.socket.register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.socket.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.socket.deregister(registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sends_nothing_but_keys_is_told_apart_from_who_sends_large_records() {
        let mut vain = Vain::default();
        for _ in 0..10_000 {
            // A record of 16 KiB, in pieces of a small network's size.
            assert!((0..17).all(|_| vain.count()));
            vain.pays(16 << 10);
        }
        for _ in 0..TLS_READS_IN_VAIN_OF_CLIENT_MAX {
            assert!(vain.count());
        }
        assert!(!vain.count());
        let mut vain = Vain::default();
        let reads = (0..10_000).take_while(|_| {
            let goes_on = (0..4).all(|_| vain.count());
            vain.pays(1);
            goes_on
        });
        assert!(reads.count() < 100, "a byte now and then changes nothing");
    }
}
