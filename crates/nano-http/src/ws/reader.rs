//! Frames to messages. Bytes are taken as they come, so that no read buffer waits for a frame to be whole.

use super::frame::{self, Frame};
use super::{Inflater, Limits, Opcode, Role, Violation};

/// What a peer has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A text message; the bytes are UTF-8.
    Text(Vec<u8>),
    /// A message of bytes.
    Binary(Vec<u8>),
    /// To be answered by a pong with the same bytes.
    Ping(Vec<u8>),
    /// The answer to a ping, or nothing of importance.
    Pong(Vec<u8>),
    /// The last word of the peer: a code and a reason, if it has them.
    Close(Option<(u16, String)>),
}

/// Puts messages together.
#[derive(Debug)]
pub struct Reader {
    role: Role,
    limits: Limits,
    inflater: Option<Inflater>,
    head: [u8; 14],
    head_length: usize,
    frame: Option<Frame>,
    /// Bytes of the frame's payload that have come.
    taken: u64,
    message: Option<Message>,
    control: Vec<u8>,
    ended: Option<Option<Violation>>,
}

#[derive(Debug)]
struct Message {
    text: bool,
    compressed: bool,
    fragments: u32,
    /// Bytes as they came, compressed or not.
    wire_bytes: u64,
    bytes: Vec<u8>,
    /// So many of them are known to be UTF-8.
    valid: usize,
}

impl Reader {
    /// A reader of what the other side of `role` sends, with an `inflater` if compression was agreed on.
    pub fn new(role: Role, limits: Limits, inflater: Option<Inflater>) -> Self {
        let (head, head_length) = ([0; 14], 0);
        Self { role, limits, inflater, head, head_length, frame: None, taken: 0, message: None, control: Vec::new(), ended: None }
    }

    /// Takes bytes until something has been said; gives how many they were. Without an event, all were taken. After a close frame or a
    /// violation nothing is read any more.
    pub fn read(&mut self, input: &[u8]) -> Result<(usize, Option<Event>), Violation> {
        match self.ended {
            Some(None) => return Ok((input.len(), None)),
            Some(Some(violation)) => return Err(violation),
            None => {}
        }
        let read = self.advance(input);
        match &read {
            Ok((_, Some(Event::Close(_)))) => self.ended = Some(None),
            Err(violation) => self.ended = Some(Some(*violation)),
            Ok(_) => {}
        }
        if self.ended.is_some() {
            (self.message, self.inflater) = (None, None);
        }
        read
    }

    /// How much of a message has come that is not whole yet.
    pub fn gathered(&self) -> usize {
        self.message.as_ref().map_or(0, |message| message.bytes.len())
    }

    fn advance(&mut self, input: &[u8]) -> Result<(usize, Option<Event>), Violation> {
        let mut at = 0;
        loop {
            let frame = match self.frame {
                Some(frame) => frame,
                None => {
                    let Some(frame) = self.head(input, &mut at)? else { return Ok((at, None)) };
                    self.begin(&frame)?;
                    self.taken = 0;
                    *self.frame.insert(frame)
                }
            };
            let left = frame.length - self.taken;
            let piece = &input[at..][..usize::try_from(left).map_or(input.len() - at, |left| left.min(input.len() - at))];
            self.payload(&frame, piece)?;
            at += piece.len();
            self.taken += piece.len() as u64;
            if self.taken < frame.length {
                return Ok((at, None));
            }
            self.frame = None;
            if let Some(event) = self.end(&frame)? {
                return Ok((at, Some(event)));
            }
        }
    }

    /// Gathers a frame's head; none if there is more to come.
    fn head(&mut self, input: &[u8], at: &mut usize) -> Result<Option<Frame>, Violation> {
        loop {
            let needed = match self.head_length {
                0 | 1 => 2,
                _ => frame::head_bytes(self.head[1]),
            };
            let head = &self.head[..self.head_length];
            if let [first, second, ..] = *head {
                let opcode = frame::check_start(first, second, self.role)?;
                if first & 0x40 != 0 && self.inflater.is_none() {
                    return Err(Violation::Reserved);
                }
                if head.len() == needed {
                    let frame = Frame::read(head, opcode)?;
                    self.head_length = 0;
                    return Ok(Some(frame));
                }
            }
            let Some(byte) = input.get(*at) else { return Ok(None) };
            self.head[self.head_length] = *byte;
            self.head_length += 1;
            *at += 1;
        }
    }

    /// What a frame's head says against the frames before it.
    fn begin(&mut self, frame: &Frame) -> Result<(), Violation> {
        if frame.opcode.is_control() {
            return Ok(());
        }
        let message = match (&mut self.message, frame.opcode) {
            (None, Opcode::Continuation) => return Err(Violation::Continuation),
            (Some(message), Opcode::Continuation) => message,
            (Some(_), _) => return Err(Violation::Interleaved),
            (empty, opcode) => empty.insert(Message {
                text: opcode == Opcode::Text,
                compressed: frame.compressed,
                fragments: 0,
                wire_bytes: 0,
                bytes: Vec::new(),
                valid: 0,
            }),
        };
        message.fragments += 1;
        if message.fragments > self.limits.fragments {
            return Err(Violation::Fragments);
        }
        message.wire_bytes = message.wire_bytes.saturating_add(frame.length);
        let max = self.limits.message_bytes as u64;
        // What does not compress becomes a little longer.
        if message.wire_bytes > if message.compressed { max + max / 8 + 1_024 } else { max } {
            return Err(Violation::TooLarge);
        }
        Ok(())
    }

    fn payload(&mut self, frame: &Frame, piece: &[u8]) -> Result<(), Violation> {
        let offset = (self.taken % 4) as usize;
        let unmask = |bytes: &mut [u8], offset| frame.mask.iter().for_each(|key| frame::mask(bytes, *key, offset));
        if frame.opcode.is_control() {
            let start = self.control.len();
            self.control.extend_from_slice(piece);
            unmask(&mut self.control[start..], offset);
            return Ok(());
        }
        let Some(message) = &mut self.message else { return Ok(()) };
        match &mut self.inflater {
            Some(inflater) if message.compressed => {
                let mut plain = [0; 1_024];
                for (part, piece) in piece.chunks(plain.len()).enumerate() {
                    let plain = &mut plain[..piece.len()];
                    plain.copy_from_slice(piece);
                    unmask(plain, offset + part * 1_024);
                    let inflated = inflater.inflate(plain, &mut message.bytes, self.limits.message_bytes);
                    // What came out before a fault may have one of its own, and that is the first.
                    message.check_text(false)?;
                    inflated?;
                }
            }
            _ => {
                let start = message.bytes.len();
                message.bytes.extend_from_slice(piece);
                unmask(&mut message.bytes[start..], offset);
            }
        }
        message.check_text(false)
    }

    fn end(&mut self, frame: &Frame) -> Result<Option<Event>, Violation> {
        match frame.opcode {
            Opcode::Ping => return Ok(Some(Event::Ping(std::mem::take(&mut self.control)))),
            Opcode::Pong => return Ok(Some(Event::Pong(std::mem::take(&mut self.control)))),
            Opcode::Close => return close(&std::mem::take(&mut self.control)).map(Some),
            _ if !frame.last => return Ok(None),
            _ => {}
        }
        let Some(mut message) = self.message.take() else { return Ok(None) };
        if let (true, Some(inflater)) = (message.compressed, &mut self.inflater) {
            inflater.end(&mut message.bytes, self.limits.message_bytes)?;
        }
        message.check_text(true)?;
        Ok(Some(if message.text { Event::Text(message.bytes) } else { Event::Binary(message.bytes) }))
    }
}

impl Message {
    /// Text is refused at the first byte that cannot be UTF-8, not at the message's end.
    fn check_text(&mut self, whole: bool) -> Result<(), Violation> {
        if !self.text {
            return Ok(());
        }
        match std::str::from_utf8(&self.bytes[self.valid..]) {
            Ok(_) => self.valid = self.bytes.len(),
            // A character whose end may be yet to come.
            Err(error) if error.error_len().is_none() && !whole => self.valid += error.valid_up_to(),
            Err(_) => return Err(Violation::Utf8),
        }
        Ok(())
    }
}

fn close(payload: &[u8]) -> Result<Event, Violation> {
    let (code, reason) = match payload {
        [] => return Ok(Event::Close(None)),
        [_] => return Err(Violation::Close),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    if !is_close_code(code) {
        return Err(Violation::Close);
    }
    let reason = std::str::from_utf8(reason).map_err(|_| Violation::Utf8)?;
    Ok(Event::Close(Some((code, reason.to_owned()))))
}

/// Whether a close frame may have this code; 1004 is reserved, 1005, 1006 and 1015 are never sent.
pub fn is_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
