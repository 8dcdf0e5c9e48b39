//! What goes: heads, data as far as the windows let it, and the end of things.

use super::connection::Connection;
use super::frame::{self, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS};
use super::message::{self, Target};
use super::settings::WINDOW_MAX;
use super::stream::Stream;
use super::{Code, hpack};
use crate::h1::{Content, Unwritable};
use nano_base::http::{RequestHead, ResponseHead};
use nano_base::limits::{H2_PIECE_BYTES_MIN, H2_STREAM_WINDOW_BYTES};

/// The last number that a stream can have.
const STREAM_MAX: u32 = (1 << 31) - 1;

impl Connection {
    /// Writes the head of a response; whether a body is to follow. If not, the stream is over.
    pub fn respond(&mut self, stream: u32, head: &ResponseHead, content: Content, date: Option<&[u8]>) -> Result<bool, Unwritable> {
        let Some(to_head) = self.streams.get(&stream).map(|stream| stream.to_head) else { return Ok(false) };
        let mut block = self.begin_block();
        let has_body = message::response(&mut block, head, to_head, content, date)?;
        self.write_head(stream, &block, !has_body);
        if !has_body {
            self.finished(stream);
        }
        Ok(has_body)
    }

    /// Tells a client that waits for it to go on.
    pub fn go_on(&mut self, stream: u32) {
        if self.has(stream) {
            let mut block = self.begin_block();
            hpack::field(b":status", b"100", &mut block);
            self.write_head(stream, &block, false);
        }
    }

    /// Whether a request can be made.
    pub fn can_request(&self) -> bool {
        self.requests_left() > 0
    }

    /// How many can be made before one of those there are is over.
    pub fn requests_left(&self) -> usize {
        if self.is_away || self.away.is_some() {
            return 0;
        }
        let at_once = self.theirs.streams.min(self.limits.streams) as usize;
        at_once.saturating_sub(self.streams.len()).min((STREAM_MAX - self.last_ours) as usize / 2)
    }

    /// Writes the head of a request; its stream, and whether a body is to follow.
    pub fn request(&mut self, head: &RequestHead, to: &Target<'_>, content: Content) -> Result<(u32, bool), Unwritable> {
        let mut block = self.begin_block();
        let has_body = message::request(&mut block, head, to, content)?;
        let id = if self.last_ours == 0 { 1 } else { self.last_ours + 2 };
        self.last_ours = id;
        let to_head = head.method == "HEAD";
        self.streams.insert(id, Stream { to_head, finished: !has_body, ..Stream::new(self.theirs.window) });
        self.write_head(id, &block, !has_body);
        Ok((id, has_body))
    }

    /// How many bytes of a body may be sent.
    pub fn room(&self, stream: u32) -> usize {
        let window = self.streams.get(&stream).filter(|stream| !stream.finished).map_or(0, |stream| stream.send_window);
        window.min(self.send_window).max(0) as usize
    }

    /// Sends what there is room for of `bytes`, and says that it was the last if all of it is; how much that was.
    pub fn send(&mut self, stream: u32, bytes: &[u8], last: bool) -> usize {
        let taken = bytes.len().min(self.room(stream));
        let Some(state) = self.streams.get_mut(&stream).filter(|stream| !stream.finished) else { return 0 };
        state.send_window -= taken as i64;
        self.send_window -= taken as i64;
        // No window is larger than the largest: what was read without room being made for it is no reason to make it later.
        self.unread = (self.unread + 2 * taken as i64).min(2 * WINDOW_MAX);
        let ends = last && taken == bytes.len();
        let mut rest = &bytes[..taken];
        while !rest.is_empty() || ends {
            let (piece, after) = rest.split_at(rest.len().min(self.theirs.frame_bytes));
            rest = after;
            let flags = if ends && rest.is_empty() { END_STREAM } else { 0 };
            frame::head(&mut self.out, piece.len(), DATA, flags, stream);
            self.out.extend_from_slice(piece);
            // The windows that this uses up are opened again by two frames; not those that were opened by a few bytes.
            if taken == bytes.len() || piece.len() >= H2_PIECE_BYTES_MIN {
                self.relax(2);
            }
            if rest.is_empty() {
                break;
            }
        }
        if ends {
            self.finished(stream);
        }
        taken
    }

    /// So many bytes of a body were used: as many may come.
    pub fn credit(&mut self, id: u32, bytes: usize) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.used += bytes as u32;
        if !stream.ended && stream.used >= H2_STREAM_WINDOW_BYTES / 2 {
            frame::window(&mut self.out, id, stream.used);
            stream.receive_window += i64::from(std::mem::take(&mut stream.used));
        }
    }

    /// Ends a stream, whatever it was at.
    pub fn reset(&mut self, stream: u32, code: Code) {
        if self.has(stream) {
            self.drop_stream(stream, code);
        }
    }

    /// Says that no new streams will be taken soon, and asks for a sign that this was read: what comes before [`Event::Pong`](super::Event::Pong)
    /// was on its way.
    pub fn announce_away(&mut self) {
        frame::go_away(&mut self.out, STREAM_MAX, Code::NONE, "");
        self.ping();
    }

    /// Whether no new streams are taken.
    pub fn is_leaving(&self) -> bool {
        self.away.is_some()
    }

    /// Takes no new streams. Those there are go on.
    pub fn go_away(&mut self) {
        if self.away.is_none() {
            self.away = Some(self.last_theirs);
            frame::go_away(&mut self.out, self.last_theirs, Code::NONE, "");
        }
    }

    /// Asks whether the other side is still there.
    pub fn ping(&mut self) {
        frame::ping(&mut self.out, 0, *b"nanohttp");
    }

    fn begin_block(&mut self) -> Vec<u8> {
        let mut block = Vec::with_capacity(256);
        if !self.has_encoded {
            hpack::begin(&mut block);
        }
        block
    }

    fn write_head(&mut self, stream: u32, block: &[u8], ends: bool) {
        self.has_encoded = true;
        let mut kind = HEADERS;
        let mut rest = block;
        loop {
            let (piece, after) = rest.split_at(rest.len().min(self.theirs.frame_bytes));
            rest = after;
            let ends = if ends && kind == HEADERS { END_STREAM } else { 0 };
            let flags = ends | if rest.is_empty() { END_HEADERS } else { 0 };
            frame::head(&mut self.out, piece.len(), kind, flags, stream);
            self.out.extend_from_slice(piece);
            kind = CONTINUATION;
            if rest.is_empty() {
                return;
            }
        }
    }

    /// All has been said from our side.
    fn finished(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.finished = true;
        if self.is_server && !stream.ended {
            // The answer did not need the rest of what was asked.
            self.drop_stream(id, Code::NONE);
        } else {
            self.settle(id);
        }
    }
}
