//! A connection that has become a WebSocket: bytes go to the app and come from it as they are. What they mean is the business of the
//! instance that has answered with it.

use std::sync::Arc;

use nano_base::http::ResponseHead;
use nano_base::limits::{BODY_WINDOW_BYTES, HTTP_SHARE_BYTES, WEBSOCKET_CLOSE_MS_MAX};
use nano_http::h1::write_switch_head;

use super::Happening;
use super::ask::Seat;
use super::client::Fate;
use super::connection::{Connection, Phase, Step};
use super::state::Tools;
use crate::pipe::Held;
use crate::request::Work;
use crate::shard::{Command, last_frame};
use crate::wait::lock;

/// The app's side of it.
#[derive(Debug)]
pub(super) struct Tunnel {
    pub work: Arc<Work>,
    _seat: Seat,
    /// The app has no room for more.
    is_full: bool,
    /// Until when the app is given to make room, if its client has gone.
    left_until_ms: Option<u64>,
    /// The client has sent all.
    is_ended: bool,
    /// Bytes that are written when all output is.
    credit: i64,
}

impl Tunnel {
    /// All output is written: the app may send as much again.
    pub(super) fn wrote(&mut self) {
        let credit = std::mem::take(&mut self.credit);
        if credit > 0 {
            self.work.give_credit(credit);
        }
    }

    /// When something must have happened, if all that there is to write is written.
    pub(super) fn deadline_ms(&self) -> u64 {
        self.left_until_ms.unwrap_or(u64::MAX)
    }
}

impl Connection {
    /// The app has answered with a WebSocket.
    pub(super) fn switch(&mut self, head: &ResponseHead, tools: &mut Tools<'_>) -> Fate {
        if let Phase::Exchange(exchange) = std::mem::replace(&mut self.phase, Phase::Head) {
            debug_assert!(exchange.decoder.is_done(), "one that announces a body is refused");
            self.phase = Phase::Tunnel(Tunnel {
                work: exchange.work,
                _seat: exchange.seat,
                is_full: false,
                left_until_ms: None,
                is_ended: false,
                credit: 0,
            });
        }
        self.socket.probe();
        self.deadline_ms = tools.now_ms + self.shared.limits.body_ms;
        write_switch_head(&mut self.output, head);
        self.go_on(tools)
    }

    /// Something happened to the app's side.
    pub(super) fn take_for_tunnel(&mut self, what: Happening, held: Held, tools: &mut Tools<'_>) -> Fate {
        let was_idle = !self.has_output();
        let Phase::Tunnel(tunnel) = &mut self.phase else { return Fate::Wait };
        match what {
            Happening::Writable => (tunnel.is_full, tunnel.left_until_ms) = (false, None),
            Happening::Chunk(bytes) => {
                tunnel.credit += bytes.len() as i64;
                self.output.extend_from_slice(&bytes);
                match self.held.last_mut() {
                    Some(all) => all.merge(held),
                    None => self.held.push(held),
                }
                if was_idle {
                    self.deadline_ms = tools.now_ms + self.shared.limits.body_ms;
                }
            }
            Happening::End => self.after(false, tools),
            // Nobody is there to say more: a client that reads is told why, by the code of a close frame.
            Happening::Error(error) => {
                if error.status == nano_base::status::Status::Canceled || self.output.len() > BODY_WINDOW_BYTES {
                    return Fate::Close;
                }
                self.output.extend_from_slice(&last_frame(&error));
                self.after(false, tools);
            }
            _ => {}
        }
        self.go_on(tools)
    }

    /// Moves what comes to the app, as far as it has room.
    pub(super) fn carry(&mut self, tools: &mut Tools<'_>) -> Step {
        let mut moved = 0;
        loop {
            let Phase::Tunnel(tunnel) = &mut self.phase else { return Step::GoOn };
            if tunnel.is_full || tunnel.is_ended {
                if tunnel.is_full && self.closing {
                    // Its end is behind what the app does not read, and would never be seen: nobody carries for it for ever.
                    let until_ms = *tunnel.left_until_ms.get_or_insert(tools.now_ms + WEBSOCKET_CLOSE_MS_MAX);
                    self.deadline_ms = self.deadline_ms.min(until_ms);
                }
                return Step::Stop(Fate::Wait);
            }
            if moved >= HTTP_SHARE_BYTES {
                return Step::Stop(Fate::Again);
            }
            let from_socket = self.input.is_empty();
            let Ok(len) = self.read(tools, from_socket) else { return Step::Stop(Fate::Close) };
            let Phase::Tunnel(tunnel) = &mut self.phase else { return Step::GoOn };
            if len == 0 {
                // The app reads up to here, and then ends it.
                tunnel.is_ended = self.ended;
                if self.ended && lock(&tunnel.work.body).end() {
                    tools.inner.tell_work(&tunnel.work, Command::BodyReady);
                }
                return Step::Stop(Fate::Wait);
            }
            // An end that has come with the last bytes is not told again: it is looked for.
            self.readable |= from_socket;
            moved += len;
            let buffer = std::mem::take(tools.buffer);
            // It fails when the request has ended: its last word is on its way here.
            let (taken, tell) = lock(&tunnel.work.body).write(&buffer[..len]).unwrap_or((len, false));
            tunnel.is_full = taken < len;
            if tell {
                tools.inner.tell_work(&tunnel.work, Command::BodyReady);
            }
            self.keep(&buffer[taken..len]);
            *tools.buffer = buffer;
        }
    }
}
