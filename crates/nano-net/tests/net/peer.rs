//! The other side: a thread that does what it is told with each connection that comes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A server of one test. What it is told to do may fail when the test has seen enough.
pub struct Peer {
    pub port: u16,
    accepted: Arc<AtomicUsize>,
}

/// A connection as the server's script has it, in the clear.
pub struct Wire {
    pub socket: TcpStream,
    /// Which of the connections it is, from 0.
    pub number: usize,
}

impl Peer {
    /// A server that runs `script` on a thread of its own for each connection.
    pub fn new(script: impl Fn(&mut Wire) -> std::io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepted = Arc::<AtomicUsize>::default();
        let (counted, script) = (accepted.clone(), Arc::new(script));
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let Ok(socket) = socket else { return };
                let number = counted.fetch_add(1, Ordering::SeqCst);
                let _ = socket.set_read_timeout(Some(Duration::from_secs(20)));
                let _ = socket.set_nodelay(true);
                let script = script.clone();
                std::thread::spawn(move || script(&mut Wire { socket, number }));
            }
        });
        Self { port, accepted }
    }

    /// A server that answers each request with the same bytes, and goes on.
    pub fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::new(move |wire| {
            loop {
                wire.request()?;
                wire.socket.write_all(&answer)?;
            }
        })
    }

    /// How many connections have come.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Wire {
    /// Reads a request's head.
    pub fn request(&mut self) -> std::io::Result<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.socket.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        Ok(String::from_utf8(head).unwrap())
    }

    pub fn read(&mut self, bytes: usize) -> std::io::Result<Vec<u8>> {
        let mut body = vec![0; bytes];
        self.socket.read_exact(&mut body)?;
        Ok(body)
    }

    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.socket.write_all(bytes.as_ref())
    }

    /// Waits for the other side to go.
    pub fn until_closed(&mut self) {
        let _ = self.socket.set_read_timeout(None);
        while !matches!(self.socket.read(&mut [0; 1000]), Ok(0) | Err(_)) {}
    }
}
