//! What comes: each frame by its rules (RFC 9113, 6), and what it means for its stream (5.1).

use super::connection::{Block, Connection, DataFrame, Event};
use super::frame::{
    self, ACK, CONTINUATION, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Head, PADDED, PING, PRIORITY, PUSH_PROMISE, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, WITH_PRIORITY,
};
use super::hpack::Unread;
use super::message::{Bad, List};
use super::reader::Item;
use super::settings::{WINDOW_MAX, list_bytes};
use super::stream::{Stream, widen};
use super::{Code, Fault};
use nano_base::limits::{H2_CONNECTION_WINDOW_BYTES, H2_PIECE_BYTES_MIN, HTTP_INTERIM_RESPONSES_MAX};

/// What a stream costs that leads to nothing.
const RESET_COST: u32 = 5;

/// What there is to tell.
type Told<'a> = Result<Option<Event<'a>>, Fault>;

const TOO_LONG: Fault = Fault { code: Code::CALM, why: "a header block is too long" };
const MALFORMED: &str = "the head is malformed, or has no :status, or fields that HTTP/2 does not have";
const DEPENDS_ON_ITSELF: &str = "a stream that depends on itself";

impl Connection {
    /// Takes bytes from `input` until something has happened; none if all of them were taken and nothing has. After a fault the connection
    /// is over: what is in the output says why.
    pub fn receive<'a>(&mut self, input: &mut &'a [u8]) -> Told<'a> {
        let told = self.read(input);
        if let Err(fault) = &told {
            self.condemn(*fault);
        }
        told
    }

    fn read<'a>(&mut self, input: &mut &'a [u8]) -> Told<'a> {
        if let Some(event) = self.told_next.take() {
            return Ok(Some(event));
        }
        while let Some(item) = self.reader.next(input)? {
            let event = match item {
                Item::Frame(head, payload) => self.frame(head, &payload)?,
                Item::Data(head) => self.data_begins(head)?,
                Item::Piece(bytes) => self.data_piece(bytes)?,
                Item::DataEnd(padding) => self.data_ends(padding)?,
            };
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    fn frame(&mut self, head: Head, payload: &[u8]) -> Told<'static> {
        if !self.has_settings && (head.kind != SETTINGS || head.has(ACK)) {
            return Err(Fault::protocol("the first frame is not SETTINGS"));
        }
        if self.block.is_some() && head.kind != CONTINUATION {
            return Err(Fault::protocol("a header block is interrupted"));
        }
        match head.kind {
            HEADERS => self.headers(head, payload),
            CONTINUATION => self.continuation(head, payload),
            PRIORITY => self.priority(head, payload),
            RST_STREAM => self.reset_comes(head, payload),
            SETTINGS => self.settings(head, payload),
            PUSH_PROMISE => Err(Fault::protocol("PUSH_PROMISE, which nobody may send here")),
            PING => self.ping_comes(head, payload),
            GOAWAY => self.away_comes(head, payload),
            WINDOW_UPDATE => self.window(head, payload),
            _ => self.spend(1).map(|()| None),
        }
    }

    fn is_idle(&self, stream: u32) -> bool {
        let is_theirs = stream.is_multiple_of(2) != self.is_server;
        stream > if is_theirs { self.last_theirs } else { self.last_ours }
    }

    /// Whether a stream was begun by the other side when we took no more.
    fn is_beyond(&self, stream: u32) -> bool {
        stream.is_multiple_of(2) != self.is_server && self.away.is_some_and(|last| stream > last)
    }

    /// What a stream did ends it.
    fn fail(&mut self, stream: u32, code: Code, why: &'static str) -> Told<'static> {
        self.spend(RESET_COST)?;
        self.failed = Some((stream, why));
        Ok(self.drop_stream(stream, code).then_some(Event::Reset(stream, code)))
    }

    fn data_begins(&mut self, head: Head) -> Told<'static> {
        if !self.has_settings {
            return Err(Fault::protocol("the first frame is not SETTINGS"));
        }
        if self.block.is_some() {
            return Err(Fault::protocol("a header block is interrupted"));
        }
        if head.stream == 0 || self.is_idle(head.stream) {
            return Err(Fault::protocol("data on a stream that has not begun"));
        }
        if head.len == 0 && !head.has(END_STREAM) || head.has(PADDED) && head.len <= 256 {
            self.spend(1)?;
        }
        self.receive_window -= head.len as i64;
        if self.receive_window < 0 {
            return Err(Fault { code: Code::FLOW_CONTROL, why: "more data than there was room for on the connection" });
        }
        // Each stream's window bounds what is kept; one that is not read does not keep the others from being.
        self.used += head.len as u32;
        if self.used >= H2_CONNECTION_WINDOW_BYTES / 2 {
            frame::window(&mut self.out, 0, self.used);
            self.receive_window += i64::from(std::mem::take(&mut self.used));
        }
        self.data = Some(DataFrame { stream: head.stream, ends: head.has(END_STREAM), wanted: false });
        let Some(stream) = self.streams.get_mut(&head.stream) else {
            if self.resets.contains(&head.stream) || self.is_beyond(head.stream) {
                return Ok(None);
            }
            return Err(Fault { code: Code::STREAM_CLOSED, why: "data on a stream that is closed" });
        };
        stream.receive_window -= head.len as i64;
        if stream.ended {
            return self.fail(head.stream, Code::STREAM_CLOSED, "data after the end of the message");
        }
        if stream.receive_window < 0 {
            return self.fail(head.stream, Code::FLOW_CONTROL, "more data than there was room for");
        }
        if !stream.has_head {
            return self.fail(head.stream, Code::PROTOCOL, "data before the head");
        }
        self.data = self.data.map(|data| DataFrame { wanted: true, ..data });
        Ok(None)
    }

    fn data_piece<'a>(&mut self, bytes: &'a [u8]) -> Told<'a> {
        let Some(DataFrame { stream: id, wanted: true, .. }) = self.data else { return Ok(None) };
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(None) };
        // What is within the length that was said is told however the bytes are cut.
        let left = stream.length.map_or(u64::MAX, |length| length - stream.received);
        let (within, beyond) = bytes.split_at(bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
        stream.received += within.len() as u64;
        let failed = if beyond.is_empty() { None } else { self.fail(id, Code::PROTOCOL, "the body is longer than its content-length")? };
        if within.is_empty() {
            return Ok(failed);
        }
        self.told_next = failed;
        Ok(Some(Event::Data(id, within)))
    }

    fn data_ends(&mut self, padding: usize) -> Told<'static> {
        let Some(DataFrame { stream: id, wanted: true, ends }) = self.data.take() else { return Ok(None) };
        if !self.streams.contains_key(&id) {
            return Ok(None);
        }
        if padding > 0 {
            self.credit(id, padding);
        }
        if ends { self.ends(id) } else { Ok(None) }
    }

    /// The other side has said all on a stream.
    fn ends(&mut self, id: u32) -> Told<'static> {
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(None) };
        if !stream.is_complete() {
            return self.fail(id, Code::PROTOCOL, "the body is shorter than its content-length, or there is no head");
        }
        stream.ended = true;
        self.settle(id);
        Ok(Some(Event::End(id)))
    }

    fn headers(&mut self, head: Head, payload: &[u8]) -> Told<'static> {
        if head.stream.is_multiple_of(2) {
            return Err(Fault::protocol("HEADERS on a stream that the client does not begin"));
        }
        if !self.is_server && self.is_idle(head.stream) {
            return Err(Fault::protocol("HEADERS on a stream that has not begun"));
        }
        let mut fragment = payload;
        if head.has(PADDED) {
            let (padding, rest) = fragment.split_first().ok_or(Fault::size("a padded frame is empty"))?;
            let len = rest.len().checked_sub(usize::from(*padding)).ok_or(Fault::protocol("a frame has more padding than bytes"))?;
            fragment = &rest[..len];
        }
        let mut depends_on_itself = false;
        if head.has(WITH_PRIORITY) {
            let (priority, rest) = fragment.split_at_checked(5).ok_or(Fault::size("HEADERS are too short for their priority"))?;
            depends_on_itself = frame::number(priority) & 0x7fff_ffff == head.stream;
            fragment = rest;
        }
        let block = Block { stream: head.stream, ends: head.has(END_STREAM), depends_on_itself, bytes: fragment.to_vec() };
        if head.has(END_HEADERS) { self.block_ends(block) } else { self.grow(block) }
    }

    fn continuation(&mut self, head: Head, payload: &[u8]) -> Told<'static> {
        let Some(mut block) = self.block.take().filter(|block| block.stream == head.stream) else {
            return Err(Fault::protocol("CONTINUATION without HEADERS before it"));
        };
        self.spend(1)?;
        block.bytes.extend_from_slice(payload);
        if head.has(END_HEADERS) { self.block_ends(block) } else { self.grow(block) }
    }

    fn grow(&mut self, block: Block) -> Told<'static> {
        // It cannot be left unread: the next one is understood only after it.
        if block.bytes.len() > list_bytes(&self.limits) {
            return Err(TOO_LONG);
        }
        self.block = Some(block);
        Ok(None)
    }

    fn block_ends(&mut self, block: Block) -> Told<'static> {
        let (mut list, max) = (List::default(), list_bytes(&self.limits));
        let bytes = self.decoder.decode(&block.bytes, max, &mut list).map_err(|why| match why {
            Unread::Malformed => Fault { code: Code::COMPRESSION, why: "a header block cannot be read" },
            Unread::TooLong => TOO_LONG,
        })?;
        let fits = bytes <= max;
        if !fits {
            self.spend((bytes / max.max(1)) as u32)?;
        }
        let id = block.stream;
        match self.streams.get(&id) {
            Some(stream) if stream.ended => self.fail(id, Code::STREAM_CLOSED, "headers after the end of the message"),
            Some(stream) if stream.has_head => {
                if block.ends && list.is_trailers() {
                    self.ends(id)
                } else {
                    self.fail(id, Code::PROTOCOL, "headers after the head that are no trailers")
                }
            }
            Some(_) => self.response(id, list, fits, block.ends),
            None if self.resets.contains(&id) => self.spend(1).map(|()| None),
            // It was on its way, and so may be what belongs to it.
            None if self.is_beyond(id) => {
                self.last_theirs = self.last_theirs.max(id);
                self.spend(1).map(|()| None)
            }
            None if self.is_server && self.is_idle(id) => self.request_comes(&block, list, fits),
            None => Err(Fault { code: Code::STREAM_CLOSED, why: "HEADERS on a stream that is closed" }),
        }
    }

    fn request_comes(&mut self, block: &Block, list: List, fits: bool) -> Told<'static> {
        let id = block.stream;
        self.last_theirs = id;
        if block.depends_on_itself {
            return self.fail(id, Code::PROTOCOL, DEPENDS_ON_ITSELF);
        }
        if self.streams.len() >= self.limits.streams as usize {
            self.spend(1)?;
            self.drop_stream(id, Code::REFUSED);
            return Ok(None);
        }
        let to_head = list.is_head();
        let request = match list.into_request(block.ends, fits, self.scheme, &self.limits.head) {
            Err(Bad::Malformed) => return self.fail(id, Code::PROTOCOL, MALFORMED),
            request => request,
        };
        let length = request.as_ref().ok().and_then(|request| request.length);
        let stream = Stream { has_head: true, ended: block.ends, to_head, length, ..Stream::new(self.theirs.window) };
        self.streams.insert(id, stream);
        Ok(Some(match request {
            Ok(request) => Event::Request(id, Box::new(request)),
            Err(Bad::Refused(fault)) => Event::Refused(id, fault),
            Err(Bad::Malformed) => Event::Reset(id, Code::PROTOCOL),
        }))
    }

    fn response(&mut self, id: u32, list: List, fits: bool, ends: bool) -> Told<'static> {
        let length = list.length;
        let Ok(head) = list.into_response(fits) else { return self.fail(id, Code::PROTOCOL, MALFORMED) };
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(None) };
        if head.status < 200 {
            stream.interims += 1;
            // There is nothing to switch to.
            let bad = ends || head.status == 101 || stream.interims > HTTP_INTERIM_RESPONSES_MAX;
            return if bad { self.fail(id, Code::PROTOCOL, "an interim response that cannot be one") } else { Ok(None) };
        }
        stream.has_head = true;
        // RFC 9110, 8.6: what is said of the length is not of this response's body.
        if !stream.to_head && head.status != 304 {
            stream.length = length;
        }
        if ends {
            match self.ends(id)? {
                Some(end @ Event::End(_)) => self.told_next = Some(end),
                other => return Ok(other),
            }
        }
        Ok(Some(Event::Response(id, Box::new(head))))
    }

    fn priority(&mut self, head: Head, payload: &[u8]) -> Told<'static> {
        self.spend(1)?;
        if head.stream == 0 {
            return Err(Fault::protocol("PRIORITY without a stream"));
        }
        if payload.len() != 5 {
            return if self.is_idle(head.stream) {
                Err(Fault::size("PRIORITY has not 5 bytes"))
            } else {
                self.fail(head.stream, Code::FRAME_SIZE, "PRIORITY has not 5 bytes")
            };
        }
        if frame::number(payload) & 0x7fff_ffff == head.stream {
            return self.fail(head.stream, Code::PROTOCOL, DEPENDS_ON_ITSELF);
        }
        Ok(None)
    }

    fn reset_comes(&mut self, head: Head, payload: &[u8]) -> Told<'static> {
        if payload.len() != 4 {
            return Err(Fault::size("RST_STREAM has not 4 bytes"));
        }
        if head.stream == 0 || self.is_idle(head.stream) {
            return Err(Fault::protocol("RST_STREAM of a stream that has not begun"));
        }
        if self.streams.remove(&head.stream).is_none() {
            self.spend(1)?;
            return Ok(None);
        }
        self.spend(RESET_COST)?;
        Ok(Some(Event::Reset(head.stream, Code(frame::number(payload)))))
    }

    fn settings(&mut self, head: Head, payload: &[u8]) -> Told<'static> {
        if head.stream != 0 {
            return Err(Fault::protocol("SETTINGS on a stream"));
        }
        if head.has(ACK) {
            return if payload.is_empty() { Ok(None) } else { Err(Fault::size("an answer to SETTINGS is not empty")) };
        }
        if std::mem::replace(&mut self.has_settings, true) {
            self.spend(1 + (payload.len() / 60) as u32)?;
        }
        let before = self.theirs.window;
        self.theirs.take(payload, self.is_server)?;
        let more = self.theirs.window - before;
        for stream in self.streams.values_mut() {
            stream.send_window += more;
            if stream.send_window > WINDOW_MAX {
                return Err(Fault { code: Code::FLOW_CONTROL, why: "SETTINGS open a window beyond what there is" });
            }
        }
        frame::head(&mut self.out, 0, SETTINGS, ACK, 0);
        Ok(None)
    }

    fn ping_comes(&mut self, head: Head, payload: &[u8]) -> Told<'static> {
        if head.stream != 0 {
            return Err(Fault::protocol("PING on a stream"));
        }
        let what: [u8; 8] = payload.try_into().map_err(|_| Fault::size("PING has not 8 bytes"))?;
        if head.has(ACK) {
            return Ok(Some(Event::Pong));
        }
        self.spend(1)?;
        frame::ping(&mut self.out, ACK, what);
        Ok(None)
    }

    fn away_comes(&mut self, head: Head, payload: &[u8]) -> Told<'static> {
        if head.stream != 0 {
            return Err(Fault::protocol("GOAWAY on a stream"));
        }
        if payload.len() < 8 {
            return Err(Fault::size("GOAWAY is shorter than 8 bytes"));
        }
        self.spend(1)?;
        self.is_away = true;
        Ok(Some(Event::Away(frame::number(payload) & 0x7fff_ffff, Code(frame::number(&payload[4..])))))
    }

    /// Whoever reads makes room for what it has read, in pieces of its own choice; any other window costs.
    fn pay_for_room(&mut self, more: u32) -> Result<(), Fault> {
        let is_read = more as usize >= H2_PIECE_BYTES_MIN && i64::from(more) <= self.unread;
        if !is_read {
            return self.spend(1);
        }
        self.unread -= i64::from(more);
        Ok(())
    }

    fn window(&mut self, head: Head, payload: &[u8]) -> Told<'static> {
        if payload.len() != 4 {
            return Err(Fault::size("WINDOW_UPDATE has not 4 bytes"));
        }
        let more = frame::number(payload) & 0x7fff_ffff;
        self.pay_for_room(more)?;
        if head.stream == 0 {
            if more == 0 {
                return Err(Fault::protocol("a window is opened by nothing"));
            }
            widen(&mut self.send_window, more)?;
            return Ok(None);
        }
        if self.is_idle(head.stream) {
            return Err(Fault::protocol("WINDOW_UPDATE of a stream that has not begun"));
        }
        // One that is over may be late.
        let Some(stream) = self.streams.get_mut(&head.stream) else { return Ok(None) };
        if more == 0 {
            return self.fail(head.stream, Code::PROTOCOL, "WINDOW_UPDATE by nothing");
        }
        if widen(&mut stream.send_window, more).is_err() {
            self.fail(head.stream, Code::FLOW_CONTROL, "a window that is too large")
        } else {
            Ok(None)
        }
    }
}
