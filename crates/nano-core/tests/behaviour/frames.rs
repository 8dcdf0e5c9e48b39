//! WebSocket peers for the tests: a client that speaks to a listener, and a server that apps connect to, both over plain sockets.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use nano_http::h1::{self, RequestParser, Scheme, write_switch_head};
use nano_http::ws::{Deflate, Event, Limits, Opening, Role, Socket};

use crate::support::PATIENCE;

const MASK: [u8; 4] = [1, 2, 3, 4];

/// One side of a WebSocket.
pub struct Wire {
    pub stream: TcpStream,
    pub socket: Socket,
    input: Vec<u8>,
}

impl Wire {
    /// Asks a listener for a WebSocket; the response's head, and the WebSocket if there is one.
    pub fn ask(address: &str, path: &str, headers: &str) -> (String, Self) {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        )
        .unwrap();
        let head = head(&mut stream);
        let deflate = head.contains("permessage-deflate").then(Deflate::default);
        let socket = Socket::new(Role::Client, Limits { message_bytes: 64 << 20, fragments: 1 << 20 }, deflate);
        (head, Self { stream, socket, input: Vec::new() })
    }

    /// The same, which must be given.
    pub fn open(address: &str, path: &str) -> Self {
        let (head, wire) = Self::ask(address, path, "");
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        wire
    }

    /// A server's side of a connection that an app has made; the request's head, and the WebSocket.
    pub fn answer(mut stream: TcpStream, protocol: Option<&str>, wish: Option<&Deflate>) -> (String, Self) {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let text = head(&mut stream);
        let request = RequestParser::new().parse(text.as_bytes(), Scheme::Http, None, &h1::Limits::default()).unwrap().expect("a head");
        let (answer, agreed) = Opening::read(&request.head).expect("an opening").accept(&Default::default(), protocol, wish).unwrap();
        let mut out = Vec::new();
        write_switch_head(&mut out, &answer);
        stream.write_all(&out).unwrap();
        let socket = Socket::new(Role::Server, Limits { message_bytes: 64 << 20, fragments: 1 << 20 }, agreed.deflate);
        (text, Self { stream, socket, input: Vec::new() })
    }

    pub fn text(&mut self, text: &str) {
        let mut out = Vec::new();
        self.socket.text(&mut out, text, true, MASK).unwrap();
        self.stream.write_all(&out).unwrap();
    }

    pub fn binary(&mut self, bytes: &[u8]) {
        let mut out = Vec::new();
        self.socket.binary(&mut out, bytes, true, MASK).unwrap();
        self.stream.write_all(&out).unwrap();
    }

    pub fn ping(&mut self, bytes: &[u8]) {
        let mut out = Vec::new();
        self.socket.ping(&mut out, bytes, MASK).unwrap();
        self.stream.write_all(&out).unwrap();
    }

    pub fn close(&mut self, said: Option<(u16, &str)>) {
        let mut out = Vec::new();
        self.socket.close(&mut out, said, MASK).unwrap();
        self.stream.write_all(&out).unwrap();
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// What comes next; none at the connection's end.
    pub fn next(&mut self) -> Option<Event> {
        loop {
            let received = self.socket.receive(&self.input).expect("frames by the rules");
            self.input.drain(..received.consumed);
            if received.event.is_some() {
                return received.event;
            }
            let mut buffer = [0; 16 << 10];
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(bytes) => self.input.extend_from_slice(&buffer[..bytes]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("nothing came: {error}"),
            }
        }
    }

    /// The next message, which has to be text.
    pub fn next_text(&mut self) -> String {
        match self.next() {
            Some(Event::Text(text)) => String::from_utf8(text).unwrap(),
            other => panic!("no text: {other:?}"),
        }
    }

    /// The code and the reason of the close frame that comes next.
    pub fn next_close(&mut self) -> (u16, String) {
        match self.next() {
            Some(Event::Close(said)) => said.unwrap_or((1005, String::new())),
            other => panic!("no close frame: {other:?}"),
        }
    }
}

/// Accepts connections one after the other, each answered by a function on a thread of its own; the port.
pub fn serve(answer: impl Fn(TcpStream) + Send + Clone + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || answer(stream));
        }
    });
    port
}

/// A head, byte by byte, so that nothing behind it is taken.
pub fn head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|bytes| bytes > 0) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}
