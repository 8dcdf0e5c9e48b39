//! Bodies on their way between host and app: bounded each by its window, and all of an app's together by its limit.

use std::collections::VecDeque;
use std::sync::Arc;

use nano_base::http::{RequestHead, ResponseHead};
use nano_base::limits::{BODY_STEP_BYTES, BODY_WINDOW_BYTES};
use nano_base::spare;
use nano_base::status::{Error, Result, Status};
use nano_engine::Pull;

use crate::app::{AppShared, upload_error};
use crate::request::Body;

/// What reading the body of a request says that has ended.
pub(crate) const GONE: &str = "the request has ended, and its body with it";

/// What became of a piece that was pushed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// The writer may go on as far as its credit goes.
    Fits,
    /// It is in, but the writer must wait to be told that there is room.
    Full,
    /// Nobody reads on.
    Unwanted,
    /// There is no room for so much at a time: it is not in.
    TooLarge(String),
}

/// Bytes that are counted as waiting between host and app, as long as this lives.
#[derive(Debug)]
pub(crate) struct Held {
    app: Option<Arc<AppShared>>,
    bytes: usize,
}

impl Held {
    /// Nothing, of nobody.
    pub(crate) const NONE: Self = Self { app: None, bytes: 0 };

    /// So many bytes of an app.
    pub(crate) fn of(app: &Arc<AppShared>, bytes: usize) -> Self {
        let mut held = Self { app: Some(app.clone()), bytes: 0 };
        held.add(bytes);
        held
    }

    /// Bytes held here.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether more bytes of the app fit, beside those it has waiting in all places.
    pub(crate) fn has_room_for(&self, bytes: usize) -> bool {
        self.app.as_ref().is_none_or(|app| app.waiting_bytes() + bytes as u64 <= app.limits().external_bytes as u64)
    }

    /// Whether these bytes are of an app that has more than half of what may wait waiting.
    pub(crate) fn is_of_a_crowd(&self) -> bool {
        self.bytes > 0 && self.app.as_ref().is_some_and(|app| app.waiting_bytes() > app.limits().external_bytes as u64 / 2)
    }

    /// More bytes.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        if let Some(app) = self.app.as_ref().filter(|_| bytes > 0) {
            app.hold(bytes as u64);
        }
    }

    /// Fewer bytes.
    pub(crate) fn take(&mut self, bytes: usize) {
        self.bytes -= bytes;
        if let Some(app) = self.app.as_ref().filter(|_| bytes > 0) {
            app.release(bytes as u64);
        }
    }

    /// So many bytes instead.
    pub(crate) fn set(&mut self, bytes: usize) {
        self.add(bytes.saturating_sub(self.bytes));
        self.take(self.bytes.saturating_sub(bytes));
    }

    /// Holds what another one of the same app does as well.
    pub(crate) fn merge(&mut self, mut other: Self) {
        if self.app.is_none() {
            *self = other;
        } else {
            self.bytes += std::mem::take(&mut other.bytes);
        }
    }

    fn clear(&mut self) {
        self.take(self.bytes);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.clear();
    }
}

/// What does not count of a head while it waits: up to this it is a matter of the request or response itself.
const HEAD_FREE_BYTES: usize = 4 << 10;

/// What a response's head counts as while it waits.
pub(crate) fn head_bytes(head: &ResponseHead) -> usize {
    beyond_free(head.headers.bytes() + head.status_text.len())
}

/// What a request's head counts as while there is the request.
pub(crate) fn request_head_bytes(head: &RequestHead) -> usize {
    beyond_free(head.url.len() + head.headers.bytes())
}

fn beyond_free(bytes: usize) -> usize {
    if bytes > HEAD_FREE_BYTES { bytes } else { 0 }
}

/// A body between two threads: bounded by the window, or whole from the start.
#[derive(Debug)]
pub(crate) struct Pipe {
    chunks: VecDeque<Vec<u8>>,
    /// What is in them.
    held: Held,
    pub bytes_total: u64,
    /// What may come in all.
    bytes_max: usize,
    /// What will come in all, if that is known: whoever writes keeps to it, or breaks off.
    pub length: Option<u64>,
    ended: bool,
    streaming: bool,
    /// A WebSocket may begin where it ends.
    upgradable: bool,
    /// The client has gone before there was a WebSocket.
    is_left: bool,
    /// Its end is told also to a reader that does not wait for it.
    tells_end: bool,
    broken: Option<String>,
    /// The reader found nothing and wants to be told.
    reader_waits: bool,
    /// The writer was refused and wants to be told.
    writer_waits: bool,
    canceled: bool,
    /// The request is over.
    discarded: bool,
}

impl Pipe {
    pub(crate) fn new(body: Body, app: &Arc<AppShared>) -> Self {
        let mut pipe = Self {
            chunks: VecDeque::new(),
            held: Held::NONE,
            bytes_total: 0,
            bytes_max: usize::MAX,
            length: None,
            ended: true,
            streaming: false,
            upgradable: false,
            is_left: false,
            tells_end: false,
            broken: None,
            reader_waits: false,
            writer_waits: false,
            canceled: false,
            discarded: false,
        };
        match body {
            Body::None => {}
            Body::Upgrade => pipe.upgradable = true,
            Body::Stream => (pipe.streaming, pipe.ended, pipe.held) = (true, false, Held::of(app, 0)),
            Body::Whole(bytes) if bytes.is_empty() => {}
            Body::Whole(bytes) => {
                pipe.held = Held::of(app, bytes.len());
                pipe.bytes_total = bytes.len() as u64;
                pipe.length = Some(pipe.bytes_total);
                pipe.chunks.push_back(bytes);
            }
        }
        pipe
    }

    /// That of a request, of which an app bears so much.
    pub(crate) fn of_request(body: Body, app: &Arc<AppShared>) -> Self {
        Self { bytes_max: app.limits().upload_bytes, ..Self::new(body, app) }
    }

    /// Whether the host carries a WebSocket, if the app answers with one.
    pub(crate) fn is_upgradable(&self) -> bool {
        self.upgradable
    }

    /// It has become a WebSocket: what the client sends follows, unless it has gone. Its end is told also to one that does not read.
    pub(crate) fn begin_anew(&mut self, app: &Arc<AppShared>) {
        let is_left = self.is_left;
        *self = Self::new(Body::Stream, app);
        (self.ended, self.tells_end) = (is_left, true);
    }

    /// One that is streamed, of so many bytes, if that is known.
    pub(crate) fn stream(length: Option<u64>, app: &Arc<AppShared>) -> Self {
        Self { length, ..Self::new(Body::Stream, app) }
    }

    /// 0 none, 1 whole, 2 streaming.
    pub(crate) fn kind(&self) -> u32 {
        if self.streaming || self.broken.is_some() { 2 } else { u32::from(!self.chunks.is_empty()) }
    }

    pub(crate) fn take_whole(&mut self) -> Vec<u8> {
        self.held.clear();
        self.chunks.pop_front().unwrap_or_default()
    }

    /// Appends what fits; how much that was, and whether the reader waits to be told.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(usize, bool)> {
        self.check_write(bytes.len())?;
        if self.canceled {
            return Ok((bytes.len(), false));
        }
        let take = self.room().min(bytes.len());
        self.writer_waits = take < bytes.len();
        Ok((take, self.append(&bytes[..take])))
    }

    /// Appends all of what [`Self::room_to_write`] had room for, whoever has taken of the app's room since: the writer cannot take it back.
    /// Whether the reader waits to be told.
    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> Result<bool> {
        self.check_write(bytes.len())?;
        debug_assert!(self.canceled || bytes.len() <= BODY_WINDOW_BYTES, "there was room");
        Ok(!self.canceled && self.append(bytes))
    }

    fn check_write(&self, len: usize) -> Result<()> {
        if self.discarded {
            // As it will be told in a moment, when the request's number is forgotten.
            return Err(Error::new(Status::NotFound, GONE));
        }
        if !self.streaming || self.ended {
            return Err(Error::new(Status::Invalid, "the body has ended, or was not announced as a stream"));
        }
        if self.bytes_total + len as u64 > self.bytes_max as u64 {
            return Err(upload_error(self.bytes_max));
        }
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> bool {
        if bytes.is_empty() {
            return false;
        }
        match self.chunks.back_mut() {
            // Many small pieces would take more memory than is counted.
            Some(last) if last.len() + bytes.len() <= BODY_STEP_BYTES => last.extend_from_slice(bytes),
            _ => self.chunks.push_back(spare::copy(bytes)),
        }
        self.held.add(bytes.len());
        self.bytes_total += bytes.len() as u64;
        std::mem::take(&mut self.reader_waits)
    }

    /// How much a writer may append now. Nothing: it will be told. Anything, when nobody reads on.
    pub(crate) fn room_to_write(&mut self) -> usize {
        if !self.streaming || self.ended || self.canceled {
            return usize::MAX;
        }
        let room = self.room();
        self.writer_waits = room == 0;
        room
    }

    /// Appends a piece of a writer that keeps to its credit, and cannot take any of it back; and whether the reader waits to be told.
    /// Pieces up to the window always go in: there is at most one too many in each pipe.
    pub(crate) fn push(&mut self, bytes: Vec<u8>) -> (Pushed, bool) {
        if !self.streaming || self.canceled || self.ended {
            return (Pushed::Unwanted, false);
        }
        let len = bytes.len();
        if len == 0 {
            return (Pushed::Fits, false);
        }
        if len > BODY_WINDOW_BYTES && !self.held.has_room_for(len) {
            let why = format!("{len} bytes at a time are more than there is room for (limit external_bytes): write smaller pieces");
            return (Pushed::TooLarge(why), false);
        }
        match self.chunks.back_mut() {
            Some(last) if last.len() + len <= BODY_STEP_BYTES => last.extend_from_slice(&bytes),
            _ => self.chunks.push_back(bytes),
        }
        self.held.add(len);
        self.bytes_total += len as u64;
        self.writer_waits = self.held.bytes() >= BODY_STEP_BYTES && !self.held.has_room_for(0);
        let pushed = if self.writer_waits { Pushed::Full } else { Pushed::Fits };
        (pushed, std::mem::take(&mut self.reader_waits))
    }

    /// How much waits to be read.
    pub(crate) fn buffered(&self) -> usize {
        self.held.bytes()
    }

    /// Whether nobody reads on.
    pub(crate) fn is_canceled(&self) -> bool {
        self.canceled
    }

    /// Whether the writer has not come to its end.
    pub(crate) fn is_open(&self) -> bool {
        self.streaming && !self.ended
    }

    /// No more follows; whether the reader waits to be told.
    pub(crate) fn end(&mut self) -> bool {
        self.is_left |= self.upgradable;
        self.ended = true;
        std::mem::take(&mut self.reader_waits) | self.tells_end
    }

    /// It will never be complete.
    pub(crate) fn break_off(&mut self, why: &str) -> bool {
        if self.streaming && !self.ended {
            self.broken = Some(why.to_string());
        }
        self.is_left |= self.upgradable;
        self.ended = true;
        std::mem::take(&mut self.reader_waits) | self.tells_end
    }

    /// The next piece, and whether the writer waits to be told that there is room.
    pub(crate) fn pull(&mut self) -> (Pull, bool) {
        if let Some(chunk) = self.chunks.pop_front() {
            self.held.take(chunk.len());
            let tell = self.held.bytes() <= BODY_WINDOW_BYTES / 2 && std::mem::take(&mut self.writer_waits);
            return (Pull::Chunk(chunk), tell);
        }
        if let Some(why) = &self.broken {
            return (Pull::Broken(why.clone()), false);
        }
        if self.ended {
            return (Pull::End, false);
        }
        self.reader_waits = true;
        (Pull::Pending, false)
    }

    /// Nobody reads on; whether the writer waits to be told.
    pub(crate) fn cancel(&mut self) -> bool {
        self.canceled = true;
        self.chunks.clear();
        self.held.clear();
        std::mem::take(&mut self.writer_waits)
    }

    /// The request is over: what is left is dropped, and whoever reads on is told so.
    pub(crate) fn discard(&mut self) {
        if self.streaming || !self.chunks.is_empty() {
            self.broken = Some(GONE.to_string());
        }
        (self.ended, self.discarded) = (true, true);
        self.chunks.clear();
        self.held.clear();
    }

    /// How much the writer may be ahead by now. While too much waits for the app, each stream moves by a small step at a time: it
    /// is never left without a byte, whose reading lets its writer go on.
    fn room(&self) -> usize {
        let room = BODY_WINDOW_BYTES.saturating_sub(self.held.bytes());
        if self.held.has_room_for(room) { room } else { BODY_STEP_BYTES.saturating_sub(self.held.bytes()) }
    }
}

#[cfg(test)]
mod tests {
    use nano_base::limits::RuntimeLimits;

    use super::*;
    use crate::runtime::{Runtime, RuntimeOptions};
    use crate::{AppOptions, Source};

    #[test]
    fn what_there_was_room_for_goes_in_though_others_have_taken_it_since() {
        let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
        let runtime = Runtime::new(RuntimeOptions { limits, ..RuntimeOptions::default() }).expect("a runtime");
        let mut options = AppOptions::new("app", Source::Text("export default { fetch() {} };".into()));
        options.limits.external_bytes = BODY_WINDOW_BYTES;
        let app = runtime.load(options).expect("loads").shared;
        let (mut one, mut other) = (Pipe::of_request(Body::Stream, &app), Pipe::of_request(Body::Stream, &app));
        let piece: Vec<u8> = (0..one.room_to_write()).map(|at| at as u8).collect();
        assert_eq!(piece.len(), BODY_WINDOW_BYTES);
        assert_eq!(other.write(&piece).expect("it is open").0, piece.len());
        one.write_all(&piece).expect("it is open");
        let mut read = Vec::new();
        while let (Pull::Chunk(bytes), _) = one.pull() {
            read.extend_from_slice(&bytes);
        }
        assert!(read == piece, "{} bytes of {}", read.len(), piece.len());
    }
}
