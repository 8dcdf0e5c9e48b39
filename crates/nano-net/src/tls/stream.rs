//! A socket with TLS on it that never blocks.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use mio::net::TcpStream;
use nano_base::limits::{TLS_BUFFER_BYTES, TLS_READS_IN_VAIN_MAX};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

/// One connection. What it reads is what the other side has proven to have sent.
pub struct TlsStream {
    socket: TcpStream,
    tls: Box<ClientConnection>,
    /// What went wrong with the other side's records: it stays wrong.
    broken: Option<rustls::Error>,
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsStream({:?})", self.socket)
    }
}

impl TlsStream {
    /// Begins to speak TLS on a connected socket.
    pub fn new(socket: TcpStream, config: Arc<ClientConfig>, name: ServerName<'static>) -> io::Result<Self> {
        let mut tls = Box::new(ClientConnection::new(config, name).map_err(io::Error::other)?);
        tls.set_buffer_limit(Some(TLS_BUFFER_BYTES));
        Ok(Self { socket, tls, broken: None })
    }

    pub(crate) fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    /// Whether HTTP/2 was agreed on.
    pub fn is_http2(&self) -> bool {
        self.tls.alpn_protocol() == Some(b"h2")
    }

    /// Goes on with the handshake; true when it is done, an error when it never will be.
    pub fn handshake(&mut self) -> io::Result<bool> {
        loop {
            self.push()?;
            if !self.tls.is_handshaking() {
                return Ok(true);
            }
            match self.pull() {
                Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed during the TLS handshake")),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads what has arrived; none if that was nothing so far, and others have to have their turns before this goes on. Zero is an end that
    /// the other side has announced; a connection that just ends is an error, because anybody on the way can cut it.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        for _ in 0..=TLS_READS_IN_VAIN_MAX {
            match self.tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the connection was cut: it ended without TLS's close_notify",
                    ));
                }
                result => return result.map(Some),
            }
            self.pull()?;
            // Answers to what has been read: key updates, alerts.
            self.push()?;
        }
        Ok(None)
    }

    /// Takes as much as there is room for. It would block only if the kernel has said so: who has not asked the kernel in vain is not told when
    /// there is room again.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = self.tls.writer().write(bytes)?;
        if self.push()? && taken == 0 {
            // It was full, and is empty now.
            taken = self.tls.writer().write(bytes)?;
            self.push()?;
        }
        if taken == 0 && !bytes.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }

    /// Sends what was taken. True when all of it is with the kernel.
    pub fn flush(&mut self) -> io::Result<bool> {
        self.push()
    }

    /// Puts the announcement of the end behind what was taken; it goes out by [`TlsStream::flush`].
    pub fn announce_end(&mut self) {
        self.tls.send_close_notify();
    }

    /// Reads records from the socket once; zero at its end.
    fn pull(&mut self) -> io::Result<usize> {
        if let Some(error) = &self.broken {
            return Err(invalid(error));
        }
        let read = self.tls.read_tls(&mut self.socket)?;
        if let Err(error) = self.tls.process_new_packets() {
            let told = invalid(&error);
            self.broken = Some(error);
            // The alert that says why; there is nothing to be done about it if it cannot be sent.
            let _ = self.push();
            return Err(told);
        }
        Ok(read)
    }

    /// Writes records to the socket as long as it takes them; whether it took all.
    fn push(&mut self) -> io::Result<bool> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

fn invalid(error: &rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}
