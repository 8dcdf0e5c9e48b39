//! Sockets of an app's: what it asks of its shard, and what it is told.

use nano_base::http::{Headers, ResponseHead};

use super::host::Refusal;

/// A message of a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Of text.
    Text(String),
    /// Of bytes.
    Binary(Vec<u8>),
}

impl Message {
    /// How long it is.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What happens to a socket. After `Closed` or `Failed` nothing more does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketEvent {
    /// It is open: of a WebSocket that the app opened, the response and the subprotocol; of a connection of bytes, the addresses of the
    /// other side and of this one, a line each.
    Opened(ResponseHead, String),
    /// A message has come.
    Message(Message),
    /// There is room for what is sent again.
    Drained,
    /// Both sides have ended it, or the other side is gone: code, reason, and whether it said so.
    Closed(u16, String, bool),
    /// Something went wrong: why, and the response of a server that wanted no WebSocket, with its body.
    Failed(String, Option<(ResponseHead, Vec<u8>)>),
}

/// A WebSocket to be opened.
#[derive(Clone, Debug)]
pub struct Opening {
    /// `ws:`, `wss:`, or what they stand on.
    pub url: String,
    /// Headers besides those of the handshake.
    pub headers: Headers,
    /// The subprotocols that would do, the best first.
    pub protocols: Vec<String>,
}

/// A connection of bytes to be made.
#[derive(Clone, Debug)]
pub struct Dialing {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// TLS from the start.
    pub is_secure: bool,
    /// The app goes on writing when the other side has ended.
    pub allows_half_open: bool,
}

/// The shard's side of an instance's sockets, by number. An unknown one is ignored.
pub trait Sockets {
    /// Sets out to open a WebSocket.
    fn open(&self, opening: Opening) -> Result<u32, Refusal>;
    /// Answers a request with a WebSocket. It is not read before [`Sockets::read`] says so.
    fn accept(&self, request: u32, head: ResponseHead) -> Result<u32, Refusal>;
    /// Sends a message; false when there is no room for it, or it is not open.
    fn send(&self, id: u32, message: Message) -> bool;
    /// Says this side's last word, or ends a connection of bytes now.
    fn close(&self, id: u32, said: Option<(u16, String)>);
    /// How many bytes of messages wait to be sent.
    fn buffered(&self, id: u32) -> usize;
    /// Whether more waits than should: [`SocketEvent::Drained`] follows.
    fn is_full(&self, id: u32) -> bool;
    /// Whether messages are wanted.
    fn read(&self, id: u32, wanted: bool);
    /// Sets out to connect. Its bytes are read and written as those of a call's bodies.
    fn connect(&self, dialing: Dialing) -> Result<u32, Refusal>;
    /// Puts TLS on a connection, for a host of this name if it is not the one that was connected to; false if that is not to be had.
    fn start_tls(&self, id: u32, host: Option<String>) -> bool;
}
