//! One request on a connection that it shares: what has come for it and waits to be wanted, and what is to be sent.

use std::rc::Rc;

use nano_base::limits::FETCH_READ_BYTES;
use nano_http::h2;

use super::call::Call;
use super::decode::{Bad, Decoder, Given};
use super::{Exchange, Piece};
use crate::share::Share;

/// What there is to tell of it.
pub(super) enum Told {
    Data(Vec<u8>),
    End,
    Bad(Bad),
    Nothing,
    /// Others have to have their turns first.
    Again,
}

pub(super) struct Active {
    pub call: Rc<Call>,
    /// The head of the response has been told.
    pub headed: bool,
    pub decoder: Option<Decoder>,
    input: Input,
    /// All has come.
    pub ended: bool,
    /// The decoder knows.
    finished: bool,
    /// The request's body: a piece of it, how much of that is sent, whether it is the last, whether the app has no more for now.
    piece: Rc<Vec<u8>>,
    sent: usize,
    is_last: bool,
    pub starved: bool,
    /// What is still promised, if it was said how much that is.
    promised: Option<u64>,
    pub moved_ms: u64,
}

/// What has come and was not wanted yet: no more than the stream's window.
struct Input {
    bytes: Vec<u8>,
    exchange: Rc<dyn Exchange>,
    /// As much of it as was counted.
    counted: usize,
}

impl Input {
    /// Has it counted; whether there is room for it.
    fn count(&mut self) -> bool {
        let (before, after) = (self.counted, self.bytes.len());
        let fits = before == after || self.exchange.keep(before, after);
        if fits {
            self.counted = after;
        }
        fits
    }

    /// Takes out so many bytes.
    fn take(&mut self, len: usize) -> Vec<u8> {
        let rest = self.bytes.split_off(len);
        std::mem::replace(&mut self.bytes, rest)
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.bytes.clear();
        self.count();
    }
}

impl Active {
    /// A request whose head is written; `has_body` says that something follows it.
    pub(super) fn new(call: Rc<Call>, has_body: bool, now_ms: u64) -> Self {
        let whole = call.body.borrow().clone().filter(|_| has_body);
        let promised = call.message.as_ref().and_then(|message| match message.content {
            nano_http::h1::Content::Length(length) => Some(length),
            _ => None,
        });
        Self {
            is_last: !has_body || whole.is_some(),
            piece: whole.unwrap_or_default(),
            input: Input { bytes: Vec::new(), exchange: call.exchange.clone(), counted: 0 },
            call,
            headed: false,
            decoder: None,
            ended: false,
            finished: false,
            sent: 0,
            starved: false,
            promised,
            moved_ms: now_ms,
        }
    }

    /// Whether the response has no body.
    pub(super) fn is_empty(&self) -> bool {
        self.ended && self.input.bytes.is_empty()
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.input.bytes.extend_from_slice(bytes);
    }

    /// Has what waits here counted; whether there is room for it.
    pub(super) fn count(&mut self) -> bool {
        self.input.count()
    }

    /// What can be told to somebody who wants so many bytes; what is used of the input is given back to the server as room.
    pub(super) fn tell(&mut self, id: u32, room: usize, http: &mut h2::Connection, share: &mut Share) -> Told {
        let there = self.input.bytes.len();
        let Some(decoder) = &mut self.decoder else {
            if there == 0 {
                return if self.ended { Told::End } else { Told::Nothing };
            }
            let len = room.min(FETCH_READ_BYTES).min(there);
            if len == 0 {
                return Told::Nothing;
            }
            share.spend(len);
            http.credit(id, len);
            return Told::Data(self.input.take(len));
        };
        if room == 0 {
            return Told::Nothing;
        }
        let mut output = vec![0; room.min(FETCH_READ_BYTES)];
        loop {
            match decoder.give(&mut output, share) {
                Err(bad) => return Told::Bad(bad),
                Ok(Given::Nothing) => {}
                Ok(Given::Again) => return Told::Again,
                Ok(Given::Bytes(given)) => {
                    output.truncate(given);
                    return Told::Data(output);
                }
            }
            let len = self.input.bytes.len().min(FETCH_READ_BYTES);
            if len > 0 {
                http.credit(id, len);
                decoder.take(&self.input.take(len));
            } else if self.ended && !self.finished {
                self.finished = true;
                decoder.finish();
            } else {
                return if self.ended { Told::End } else { Told::Nothing };
            }
        }
    }

    /// Drops the request's last piece if it is sent; whether it is.
    pub(super) fn forget_sent(&mut self) -> bool {
        let is_sent = self.is_last && self.sent == self.piece.len();
        if is_sent {
            (self.piece, self.sent) = Default::default();
        }
        is_sent
    }

    /// Whether a piece of the request's body is wanted from the app.
    pub(super) fn wants_piece(&self) -> bool {
        !self.is_last && !self.starved && self.sent == self.piece.len()
    }

    /// Takes what the app has given; false if it is not what was promised.
    pub(super) fn given(&mut self, piece: Piece) -> Result<(), &'static str> {
        match piece {
            Piece::Wait => self.starved = true,
            Piece::Bytes(bytes) if bytes.is_empty() => self.starved = true,
            Piece::Bytes(bytes) => {
                if let Some(promised) = &mut self.promised {
                    let longer = "the request's body is longer than was announced";
                    *promised = promised.checked_sub(bytes.len() as u64).ok_or(longer)?;
                }
                (self.piece, self.sent) = (Rc::new(bytes), 0);
            }
            Piece::End if self.promised.is_some_and(|promised| promised > 0) => {
                return Err("the request's body is shorter than was announced");
            }
            Piece::End => (self.is_last, self.piece, self.sent) = (true, Rc::default(), 0),
            Piece::Broken => return Err("the request's body broke off"),
        }
        Ok(())
    }

    /// Sends what the windows let it, no more than `room`; whether anything was.
    pub(super) fn send(&mut self, id: u32, room: usize, http: &mut h2::Connection) -> bool {
        let rest = &self.piece[self.sent..];
        if rest.is_empty() && !self.is_last {
            return false;
        }
        let end = rest.len().min(room);
        let taken = http.send(id, &rest[..end], self.is_last && end == rest.len());
        self.sent += taken;
        taken > 0
    }
}
