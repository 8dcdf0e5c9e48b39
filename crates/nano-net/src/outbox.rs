//! What is to be sent on a connection, as far as it has not been.

use std::collections::VecDeque;
use std::io;

use nano_base::limits::SOCKET_JOIN_BYTES;

use crate::share::Share;
use crate::stream::Stream;

/// What is given to a stream at once.
const WRITE_BYTES: usize = 64 << 10;

/// Bytes in their order, and how far they have gone.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Vec<u8>>,
    /// What of the first has gone.
    at: usize,
    bytes: usize,
    /// The stream holds something that is not with the kernel yet.
    held: bool,
}

impl Outbox {
    pub(crate) fn push(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.bytes += bytes.len();
            match self.queue.back_mut().filter(|last| last.len() + bytes.len() <= SOCKET_JOIN_BYTES) {
                Some(last) => last.extend_from_slice(&bytes),
                None => self.queue.push_back(bytes),
            }
        }
    }

    /// Bytes that wait here.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    /// Whether all is with the kernel.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0 && !self.held
    }

    /// Sends as much as there is room for, and as this may. Whether the stream takes more; if not, to be called again when the socket can be
    /// written.
    pub(crate) fn drain(&mut self, stream: &mut Stream, share: &mut Share) -> io::Result<bool> {
        while let Some(first) = self.queue.front() {
            if share.is_used() {
                return Ok(true);
            }
            match stream.write(&first[self.at..][..(first.len() - self.at).min(WRITE_BYTES)]) {
                Ok(written) => {
                    share.spend(written);
                    self.held = true;
                    self.at += written;
                    self.bytes -= written;
                    if self.at == first.len() {
                        self.queue.pop_front();
                        self.at = 0;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        match stream.flush() {
            Ok(flushed) => {
                self.held = !flushed;
                Ok(flushed)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Forgets what has not gone.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
