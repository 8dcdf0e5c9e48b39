//! One side of an open WebSocket: messages both ways, and the closing handshake.

use super::{Deflate, Deflater, Event, FrameHead, Inflater, Limits, Opcode, Reader, Role, Violation, frame, is_close_code};

/// A message that is not sent: this side has said its last word, or the frame would not be valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOpen;

/// What was taken of the input, and what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// How many bytes are done with.
    pub consumed: usize,
    /// What the peer has said, if it is whole. Without it, more input is needed.
    pub event: Option<Event>,
}

/// A WebSocket after its opening handshake.
#[derive(Debug)]
pub struct Socket {
    role: Role,
    reader: Reader,
    deflater: Option<Deflater>,
    sent_close: bool,
    received_close: bool,
}

impl Socket {
    /// A socket of this side, with what was agreed on compression.
    pub fn new(role: Role, limits: Limits, deflate: Option<Deflate>) -> Self {
        let sides = deflate.map(|agreed| {
            let server = (agreed.server_max_window_bits, !agreed.server_no_context_takeover);
            let client = (agreed.client_max_window_bits, !agreed.client_no_context_takeover);
            if role == Role::Server { (server, client) } else { (client, server) }
        });
        let inflater = sides.map(|(_, (bits, keep))| Inflater::new(bits, keep));
        let deflater = sides.and_then(|((bits, keep), _)| Deflater::new(bits, keep));
        Self { role, reader: Reader::new(role, limits, inflater), deflater, sent_close: false, received_close: false }
    }

    /// Takes bytes until the peer has said something. A ping is to be answered by `pong`, a close by `close`; after a violation `fail` is
    /// the last word, and the connection is to be closed.
    pub fn receive(&mut self, input: &[u8]) -> Result<Received, Violation> {
        let (consumed, event) = self.reader.read(input)?;
        self.received_close |= matches!(event, Some(Event::Close(_)));
        Ok(Received { consumed, event })
    }

    /// How much of a message has come that is not whole yet.
    pub fn gathered(&self) -> usize {
        self.reader.gathered()
    }

    /// Whether both sides have said their last word: a server closes the connection, a client waits for that a while.
    pub fn is_closed(&self) -> bool {
        self.sent_close && self.received_close
    }

    /// Whether messages can still be sent.
    pub fn is_open(&self) -> bool {
        !self.sent_close
    }

    /// Writes a text message, compressed if that was agreed on and `compress` says so. A client gives a fresh unpredictable `mask` for each
    /// frame; a server's is not used.
    pub fn text(&mut self, out: &mut Vec<u8>, text: &str, compress: bool, mask: [u8; 4]) -> Result<(), NotOpen> {
        self.message(out, Opcode::Text, text.as_bytes(), compress, mask)
    }

    /// Writes a message of bytes; see `text`.
    pub fn binary(&mut self, out: &mut Vec<u8>, bytes: &[u8], compress: bool, mask: [u8; 4]) -> Result<(), NotOpen> {
        self.message(out, Opcode::Binary, bytes, compress, mask)
    }

    /// Writes a ping of at most 125 bytes.
    pub fn ping(&mut self, out: &mut Vec<u8>, bytes: &[u8], mask: [u8; 4]) -> Result<(), NotOpen> {
        self.control(out, Opcode::Ping, bytes, mask)
    }

    /// Answers a ping.
    pub fn pong(&mut self, out: &mut Vec<u8>, bytes: &[u8], mask: [u8; 4]) -> Result<(), NotOpen> {
        self.control(out, Opcode::Pong, bytes, mask)
    }

    /// Writes this side's last word: a code that may be sent, with a reason of at most 123 bytes; or none.
    pub fn close(&mut self, out: &mut Vec<u8>, said: Option<(u16, &str)>, mask: [u8; 4]) -> Result<(), NotOpen> {
        let mut payload = Vec::new();
        if let Some((code, reason)) = said {
            if !is_close_code(code) {
                return Err(NotOpen);
            }
            payload.extend_from_slice(&code.to_be_bytes());
            payload.extend_from_slice(reason.as_bytes());
        }
        self.control(out, Opcode::Close, &payload, mask)?;
        self.sent_close = true;
        self.deflater = None;
        Ok(())
    }

    /// Says what was wrong, if there is still a chance to, and ends both directions.
    pub fn fail(&mut self, out: &mut Vec<u8>, violation: Violation, mask: [u8; 4]) {
        // If the last word has been said already, there is nothing to add.
        let _ = self.close(out, Some((violation.code(), violation.sentence())), mask);
        self.received_close = true;
    }

    fn message(&mut self, out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], compress: bool, mask: [u8; 4]) -> Result<(), NotOpen> {
        if self.sent_close {
            return Err(NotOpen);
        }
        match self.deflater.as_mut().filter(|_| compress) {
            Some(deflater) => {
                let mut compressed = Vec::new();
                deflater.deflate(payload, &mut compressed);
                self.frame(out, opcode, true, &compressed, mask);
            }
            None => self.frame(out, opcode, false, payload, mask),
        }
        Ok(())
    }

    fn control(&mut self, out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], mask: [u8; 4]) -> Result<(), NotOpen> {
        if self.sent_close || payload.len() > 125 {
            return Err(NotOpen);
        }
        self.frame(out, opcode, false, payload, mask);
        Ok(())
    }

    fn frame(&mut self, out: &mut Vec<u8>, opcode: Opcode, compressed: bool, payload: &[u8], mask: [u8; 4]) {
        let mask = (self.role == Role::Client).then_some(mask);
        let head = FrameHead::new(opcode, true, compressed, payload.len(), mask);
        out.extend_from_slice(head.as_bytes());
        let start = out.len();
        out.extend_from_slice(payload);
        if let Some(mask) = mask {
            frame::mask(&mut out[start..], mask, 0);
        }
    }
}
