//! One connection: its streams, its windows, and its patience.

use std::collections::{HashMap, VecDeque};

use nano_base::http::ResponseHead;
use nano_base::limits::{H2_CONNECTION_WINDOW_BYTES, H2_PATIENCE, H2_RESETS_REMEMBERED, H2_STREAM_WINDOW_BYTES, H2_TABLE_BYTES_MAX};

use super::frame::{self, PREFACE};
use super::message::Request;
use super::reader::Reader;
use super::settings::{self, Settings};
use super::stream::Stream;
use super::{Code, Fault, Limits, hpack};
use crate::h1::{self, Scheme};

/// What happened on a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A client asks for something on a new stream.
    Request(u32, Box<Request>),
    /// A client has asked for something that is answered with this fault's status.
    Refused(u32, h1::Fault),
    /// The response to a request of ours begins.
    Response(u32, Box<ResponseHead>),
    /// A piece of a body. [`Connection::credit`] says when it was used.
    Data(u32, &'a [u8]),
    /// The other side has said all on this stream.
    End(u32),
    /// A stream is over, by the other side or by what it did, which [`Connection::failed`] says. With [`Code::REFUSED`] nothing was done.
    Reset(u32, Code),
    /// The other side takes no new streams; ours beyond this one were not looked at.
    Away(u32, Code),
    /// Our ping has come back.
    Pong,
}

/// One connection, as one side of it.
#[derive(Debug)]
pub struct Connection {
    pub(super) is_server: bool,
    pub(super) scheme: Scheme,
    pub(super) limits: Limits,
    pub(super) reader: Reader,
    pub(super) decoder: hpack::Decoder,
    /// A header block that is not complete.
    pub(super) block: Option<Block>,
    pub(super) streams: HashMap<u32, Stream>,
    /// The newest stream of the other side, and of ours.
    pub(super) last_theirs: u32,
    pub(super) last_ours: u32,
    pub(super) theirs: Settings,
    pub(super) has_settings: bool,
    pub(super) send_window: i64,
    /// What was sent of bodies and has not been made room for again: twice, for the stream's window and for the connection's.
    pub(super) unread: i64,
    pub(super) receive_window: i64,
    pub(super) used: u32,
    /// Streams that we have reset: what was on its way is not held against the other side.
    pub(super) resets: VecDeque<u32>,
    /// The frame of data that is being read.
    pub(super) data: Option<DataFrame>,
    /// What is to be told before anything more is read.
    pub(super) told_next: Option<Event<'static>>,
    /// The stream that has failed last by what it did, and what that was.
    pub(super) failed: Option<(u32, &'static str)>,
    pub(super) patience: u32,
    /// We take no streams beyond this one.
    pub(super) away: Option<u32>,
    /// The other side takes none of ours.
    pub(super) is_away: bool,
    pub(super) has_encoded: bool,
    pub(super) out: Vec<u8>,
}

/// A header block on its way.
#[derive(Debug)]
pub(super) struct Block {
    pub stream: u32,
    pub ends: bool,
    /// The stream is said to depend on itself.
    pub depends_on_itself: bool,
    pub bytes: Vec<u8>,
}

/// A frame of data on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct DataFrame {
    pub stream: u32,
    pub ends: bool,
    /// Somebody wants it.
    pub wanted: bool,
}

impl Connection {
    /// A server's side. What it says first is in its output.
    pub fn server(scheme: Scheme, limits: Limits) -> Self {
        Self::new(true, scheme, limits)
    }

    /// A client's side. What it says first is in its output.
    pub fn client(scheme: Scheme, limits: Limits) -> Self {
        Self::new(false, scheme, limits)
    }

    fn new(is_server: bool, scheme: Scheme, limits: Limits) -> Self {
        let mut out = Vec::new();
        if !is_server {
            out.extend_from_slice(PREFACE);
        }
        settings::write(&mut out, &limits, is_server);
        frame::window(&mut out, 0, H2_CONNECTION_WINDOW_BYTES - H2_STREAM_WINDOW_BYTES);
        let theirs = Settings::new();
        Self {
            is_server,
            scheme,
            limits,
            reader: Reader::new(is_server),
            decoder: hpack::Decoder::new(H2_TABLE_BYTES_MAX),
            block: None,
            streams: HashMap::new(),
            last_theirs: 0,
            last_ours: 0,
            send_window: theirs.window,
            unread: 0,
            theirs,
            has_settings: false,
            receive_window: i64::from(H2_CONNECTION_WINDOW_BYTES),
            used: 0,
            resets: VecDeque::new(),
            data: None,
            told_next: None,
            failed: None,
            patience: H2_PATIENCE,
            away: None,
            is_away: false,
            has_encoded: false,
            out,
        }
    }

    /// What is to be written. Whoever writes it takes it out.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Streams that are not over.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Whether a stream is not over.
    pub fn has(&self, stream: u32) -> bool {
        self.streams.contains_key(&stream)
    }

    /// Whether a head or a frame has begun that is not complete.
    pub fn is_within_head(&self) -> bool {
        self.block.is_some()
    }

    /// Time has passed: so much is forgiven.
    pub fn relax(&mut self, patience: u32) {
        self.patience = self.patience.saturating_add(patience).min(H2_PATIENCE);
    }

    /// Something cost us work and led to nothing.
    pub(super) fn spend(&mut self, patience: u32) -> Result<(), Fault> {
        const CALM: Fault = Fault { code: Code::CALM, why: "too much that leads to nothing" };
        self.patience = self.patience.checked_sub(patience).ok_or(CALM)?;
        Ok(())
    }

    /// Says that the connection ends, and why, to a side that broke the rules.
    pub(super) fn condemn(&mut self, fault: Fault) {
        frame::go_away(&mut self.out, self.away.unwrap_or(self.last_theirs), fault.code, fault.why);
    }

    /// What a stream did that this side has ended, if it is the last of these.
    pub fn failed(&self, stream: u32) -> Option<&'static str> {
        self.failed.filter(|(failed, _)| *failed == stream).map(|(_, why)| why)
    }

    /// Ends a stream from our side; false if it was over.
    pub(super) fn drop_stream(&mut self, stream: u32, code: Code) -> bool {
        frame::reset(&mut self.out, stream, code);
        if self.resets.len() >= H2_RESETS_REMEMBERED {
            self.resets.pop_front();
        }
        self.resets.push_back(stream);
        self.streams.remove(&stream).is_some()
    }

    /// Forgets a stream that both sides have ended.
    pub(super) fn settle(&mut self, stream: u32) {
        if self.streams.get(&stream).is_some_and(|stream| stream.ended && stream.finished) {
            self.streams.remove(&stream);
            self.relax(2);
        }
    }
}
