//! What a connection writes, and how long it waits for whoever reads that.

use std::io::{self, IoSlice};

use nano_base::limits::{HTTP_GOODBYE_MS, HTTP_KEPT_BYTES, HTTP_SHARE_BYTES};

use super::{Connection, Phase};
use crate::front::client::Fate;
use crate::front::pace::Pace;
use crate::front::state::Tools;
use crate::pipe::Held;

/// How far what there is to write has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// All of it is with the kernel.
    All,
    /// The client takes no more for now.
    Full,
    /// So far that others have their turns.
    Enough,
}

impl Connection {
    /// Whether something waits to be written.
    pub(in crate::front) fn has_output(&self) -> bool {
        !self.output.is_empty() || !self.tail.is_empty()
    }

    /// Writes what there is, as far as the client takes it and others do not have to wait for it.
    pub(super) fn flush(&mut self, tools: &Tools<'_>) -> io::Result<Written> {
        let mut moved = 0;
        let written = loop {
            if !self.has_output() {
                break if self.socket.flush()? { Written::All } else { Written::Full };
            }
            if moved >= HTTP_SHARE_BYTES {
                break Written::Enough;
            }
            let pieces = match self.written.checked_sub(self.output.len()) {
                None => [IoSlice::new(&self.output[self.written..]), IoSlice::new(&self.tail)],
                Some(of_tail) => [IoSlice::new(&self.tail[of_tail..]), IoSlice::new(&[])],
            };
            match self.socket.write(&pieces) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    moved += bytes;
                    self.written += bytes;
                    if self.written == self.output.len() + self.tail.len() {
                        self.output.clear();
                        if self.output.capacity() > HTTP_KEPT_BYTES {
                            self.output = Vec::new();
                        }
                        self.tail = Vec::new();
                        self.written = 0;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Written::Full,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        self.unsent = !self.has_output() && written == Written::Full;
        if written == Written::Full {
            self.blocked.get_or_insert(Pace::from(tools.now_ms));
        }
        if written == Written::All {
            self.has_written(tools);
        } else if let Some(pace) = &mut self.blocked {
            pace.moved(moved, self.shared.limits.least_bytes(), tools.now_ms);
            self.deadline_ms = pace.since_ms() + self.shared.limits.body_ms;
        }
        Ok(written)
    }

    /// The client has all there was for it.
    fn has_written(&mut self, tools: &Tools<'_>) {
        if self.blocked.take().is_some() {
            // What it takes now has its own time.
            self.idle_since_ms = tools.now_ms;
            self.deadline_ms = tools.now_ms + if matches!(self.phase, Phase::Head) { self.await_ms() } else { self.shared.limits.body_ms };
            self.await_body(tools);
        }
        if !self.held.is_empty() {
            self.held.clear();
        }
        if let Phase::Exchange(exchange) = &mut self.phase {
            // How long the app may take is its own limit, as long as somebody waits.
            if !exchange.awaits_body() {
                let has_left = (self.closing || self.ended) && exchange.decoder.is_done() && exchange.sent.is_some();
                self.deadline_ms = if has_left { tools.now_ms + HTTP_GOODBYE_MS } else { u64::MAX };
            }
            let credit = std::mem::take(&mut exchange.credit);
            if credit > 0 {
                exchange.work.give_credit(credit);
            }
        }
        if let Phase::Tunnel(tunnel) = &mut self.phase {
            self.deadline_ms = tunnel.deadline_ms();
            tunnel.wrote();
        }
    }

    /// Since when what the client does not take crowds an app, if it does.
    pub(in crate::front) fn crowds_since_ms(&self) -> Option<u64> {
        self.blocked.filter(|_| self.held.iter().any(Held::is_of_a_crowd)).map(Pace::since_ms)
    }

    /// Gives up what the client has not taken, if it still crowds an app.
    pub(in crate::front) fn press(&self) -> Fate {
        if self.crowds_since_ms().is_none() {
            return Fate::Wait;
        }
        self.socket.set_reset();
        Fate::Close
    }
}
