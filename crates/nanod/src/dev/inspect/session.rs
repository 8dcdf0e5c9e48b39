//! One debugger that is attached to one app.

use std::io::{self, Read};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use nano_base::limits::{INSPECTOR_MESSAGE_BYTES_MAX, WEBSOCKET_FRAGMENTS_MAX};
use nano_core::{Debugger, DebuggerSession, Post};
use nano_http::ws;

use super::super::lock;
use super::kept::Kept;
use super::outbox::Outbox;
use super::targets::Target;
use crate::frame::read_source;
use crate::output;

/// What is read at once.
const READ_BYTES: usize = 64 << 10;

/// A debugger, as the app sees it.
struct Ear {
    folder: PathBuf,
    outbox: Outbox,
    kept: Mutex<Kept>,
}

impl Debugger for Ear {
    fn message(&self, text: String) {
        lock(&self.kept).hear(&text);
        self.outbox.text(text);
    }

    fn gone(&self, why: &str) {
        self.outbox.close(1001, why);
    }

    fn text(&self, file: &str) -> Option<String> {
        read_source(&self.folder, file)
    }
}

/// A debugger that is attached.
pub struct Session {
    name: String,
    ear: Arc<Ear>,
    app: DebuggerSession,
}

impl Session {
    /// Attaches.
    pub fn attach(target: &Target) -> nano_core::Result<Self> {
        let ear = Arc::new(Ear { folder: target.folder.clone(), outbox: Outbox::default(), kept: Mutex::default() });
        let app = target.app.inspect(ear.clone())?;
        let name = target.app.name().to_string();
        output::say(&format!("{name}: a debugger is attached"));
        Ok(Self { name, ear, app })
    }

    /// Hands on what both sides say, until one of them goes.
    pub fn run(self, stream: TcpStream, input: Vec<u8>) -> io::Result<()> {
        stream.set_read_timeout(None)?;
        let (ear, out) = (self.ear.clone(), stream.try_clone()?);
        let writer = std::thread::Builder::new().name("nanod-debugger-out".into()).spawn(move || ear.outbox.write(out))?;
        let (code, why) = self.listen(stream, input).unwrap_or((1001, "the connection broke"));
        self.ear.outbox.close(code, why);
        // Detached before the last word is on its way: whoever has heard it finds the app going on.
        let Self { name, app, .. } = self;
        drop(app);
        output::say(&format!("{name}: a debugger has gone"));
        // It has nothing to say but that it is done.
        let _ = writer.join();
        Ok(())
    }

    /// Hears the debugger to its end; what to part with.
    fn listen(&self, mut stream: TcpStream, mut input: Vec<u8>) -> io::Result<(u16, &'static str)> {
        let limits = ws::Limits { message_bytes: INSPECTOR_MESSAGE_BYTES_MAX, fragments: WEBSOCKET_FRAGMENTS_MAX };
        let mut socket = ws::Socket::new(ws::Role::Server, limits, None);
        let mut piece = vec![0; READ_BYTES];
        loop {
            loop {
                let received = match socket.receive(&input) {
                    Ok(received) => received,
                    Err(violation) => return Ok((violation.code(), violation.sentence())),
                };
                input.drain(..received.consumed);
                match received.event {
                    Some(ws::Event::Text(text)) => {
                        let listens = self.say(text);
                        if !listens {
                            return Ok((1008, "the app does not listen"));
                        }
                    }
                    Some(ws::Event::Binary(_)) => return Ok((1003, "the protocol is spoken in text")),
                    Some(ws::Event::Ping(bytes)) => self.ear.outbox.pong(bytes),
                    Some(ws::Event::Pong(_)) => {}
                    Some(ws::Event::Close(_)) => return Ok((1000, "")),
                    None if received.consumed == 0 || input.is_empty() => break,
                    None => {}
                }
            }
            match stream.read(&mut piece)? {
                0 => return Ok((1001, "the connection broke")),
                length => input.extend_from_slice(&piece[..length]),
            }
        }
    }

    /// Hands a message on; whether the app listens.
    fn say(&self, text: Vec<u8>) -> bool {
        // The reader has seen that it is.
        let text = String::from_utf8_lossy(&text).into_owned();
        let said = lock(&self.ear.kept).say(&text);
        if let Some(gone) = said.forget {
            self.app.forget(|name| gone.covers(name));
        }
        self.app.post(Post { text, keep: said.keep }).is_ok()
    }
}
