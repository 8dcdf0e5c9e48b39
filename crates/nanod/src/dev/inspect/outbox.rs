//! What is on its way to a debugger. The thread of the app that it looks into puts it here and never waits; another writes it.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex};

use nano_base::limits::INSPECTOR_OUTBOX_BYTES_MAX;
use nano_http::ws;

use super::super::lock;

/// Messages that wait.
#[derive(Default)]
pub struct Outbox {
    waiting: Mutex<Waiting>,
    more: Condvar,
}

#[derive(Default)]
struct Waiting {
    items: VecDeque<Item>,
    bytes: usize,
    /// The last word is among them, or has been said.
    closed: bool,
}

enum Item {
    Text(String),
    Pong(Vec<u8>),
    Close(u16, String),
}

impl Outbox {
    /// A message of the app's.
    pub fn text(&self, text: String) {
        self.push(text.len(), Item::Text(text));
    }

    /// The answer to a ping.
    pub fn pong(&self, bytes: Vec<u8>) {
        self.push(bytes.len(), Item::Pong(bytes));
    }

    /// The last word. A reason that is too long for it loses its end.
    pub fn close(&self, code: u16, why: &str) {
        let mut end = why.len().min(123);
        while !why.is_char_boundary(end) {
            end -= 1;
        }
        let mut waiting = lock(&self.waiting);
        if !waiting.closed {
            waiting.closed = true;
            waiting.items.push_back(Item::Close(code, why[..end].to_string()));
        }
        drop(waiting);
        self.more.notify_one();
    }

    fn push(&self, bytes: usize, item: Item) {
        let mut waiting = lock(&self.waiting);
        if waiting.closed {
            return;
        }
        if waiting.bytes + bytes > INSPECTOR_OUTBOX_BYTES_MAX {
            // It does not read: what it has missed it cannot make up for.
            waiting.items.clear();
            waiting.bytes = 0;
            drop(waiting);
            return self.close(1008, "the debugger reads too slowly");
        }
        waiting.bytes += bytes;
        waiting.items.push_back(item);
        drop(waiting);
        self.more.notify_one();
    }

    fn next(&self) -> Item {
        let waiting = lock(&self.waiting);
        let mut waiting =
            self.more.wait_while(waiting, |waiting| waiting.items.is_empty()).unwrap_or_else(|poisoned| poisoned.into_inner());
        let item = waiting.items.pop_front().unwrap_or_else(|| Item::Close(1011, String::new()));
        waiting.bytes -= match &item {
            Item::Text(text) => text.len(),
            Item::Pong(bytes) => bytes.len(),
            Item::Close(..) => 0,
        };
        item
    }

    /// Writes up to the last word; then whoever reads finds the end.
    pub fn write(&self, mut stream: TcpStream) {
        // The other side may have gone first.
        let _ = self.write_all(&mut stream);
        let _ = stream.shutdown(Shutdown::Both);
    }

    fn write_all(&self, stream: &mut TcpStream) -> io::Result<()> {
        let mut socket = ws::Socket::new(ws::Role::Server, ws::Limits::default(), None);
        let mut out = Vec::new();
        loop {
            let item = self.next();
            let is_last = matches!(item, Item::Close(..));
            let written = match item {
                Item::Text(text) => socket.text(&mut out, &text, false, [0; 4]),
                Item::Pong(bytes) => socket.pong(&mut out, &bytes, [0; 4]),
                Item::Close(code, why) => socket.close(&mut out, Some((code, &why)), [0; 4]),
            };
            written.map_err(|_| io::ErrorKind::InvalidData)?;
            stream.write_all(&out)?;
            out.clear();
            if is_last {
                return Ok(());
            }
        }
    }
}
