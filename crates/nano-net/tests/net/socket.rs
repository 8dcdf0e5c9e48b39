//! Plain sockets: bytes both ways, ends on either side, TLS when the app says so.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::rc::Rc;

use nano_base::clock::Clock;
use nano_net::failure::{Failure, FailureKind};
use nano_net::policy::Scheme;
use nano_net::reactor::Reactor;
use nano_net::socket::{Socket, Talk};
use nano_net::tls::Roots;
use rustls::version::TLS13;
use rustls::{ServerConnection, StreamOwned};

use crate::certificates::Authority;
use crate::peer::Peer;
use crate::shard::{Script, Shard, host, target};

/// Notes what is said.
struct Talker {
    opened: Cell<usize>,
    room: Cell<usize>,
    heard: RefCell<Vec<u8>>,
    drained: Cell<usize>,
    ended: Cell<bool>,
    closed: RefCell<Option<Option<Failure>>>,
}

impl Talker {
    fn new() -> Rc<Self> {
        Rc::new(Self {
            opened: Cell::default(),
            room: Cell::new(usize::MAX),
            heard: RefCell::default(),
            drained: Cell::default(),
            ended: Cell::default(),
            closed: RefCell::default(),
        })
    }

    fn heard(&self, bytes: usize) -> bool {
        self.heard.borrow().len() >= bytes
    }

    fn why(&self) -> Option<Failure> {
        self.closed.borrow().clone().expect("it is closed")
    }
}

impl Talk for Talker {
    fn opened(&self, _: &Reactor, _: &Socket) {
        self.opened.set(self.opened.get() + 1);
    }

    fn room(&self) -> usize {
        self.room.get()
    }

    fn data(&self, _: &Reactor, _: &Socket, bytes: Vec<u8>) {
        assert!(!bytes.is_empty() && bytes.len() <= self.room.get() && !self.ended.get());
        if self.room.get() != usize::MAX {
            self.room.set(self.room.get() - bytes.len());
        }
        self.heard.borrow_mut().extend(bytes);
    }

    fn drained(&self, _: &Reactor, _: &Socket) {
        self.drained.set(self.drained.get() + 1);
    }

    fn ended(&self, _: &Reactor, _: &Socket) {
        assert!(!self.ended.replace(true));
    }

    fn closed(&self, _: &Reactor, why: Option<Failure>) {
        assert!(self.closed.borrow_mut().replace(why).is_none());
    }
}

fn connect(shard: &Shard, scheme: Scheme, name: &str, port: u16) -> (Rc<Talker>, Result<Socket, Failure>) {
    let talker = Talker::new();
    (talker.clone(), Socket::connect(&shard.net, &shard.reactor, target(scheme, name, port), talker))
}

#[test]
fn bytes_go_both_ways_and_each_side_ends_for_itself() {
    let peer = Peer::new(|wire| {
        wire.write("hello")?;
        let mut heard = Vec::new();
        wire.socket.read_to_end(&mut heard)?;
        wire.write(format!("{} bytes", heard.len()))
    });
    let shard = Shard::new(&Script::new(&[("a.b", &["127.0.0.1"])]));
    let before = shard.reactor.len();
    let (talker, socket) = connect(&shard, Scheme::Tcp, "a.b", peer.port);
    let socket = socket.unwrap();
    // Before it is open, too.
    socket.write(&shard.reactor, vec![b'x'; 1_000]);
    shard.until(|| talker.heard(5));
    assert_eq!(socket.write(&shard.reactor, vec![b'y'; 8 << 20]), 8 << 20);
    shard.until(|| talker.drained.get() > 0 && socket.write(&shard.reactor, Vec::new()) == 0);
    socket.end(&shard.reactor);
    socket.write(&shard.reactor, b"too late".to_vec());
    shard.until(|| talker.closed.borrow().is_some());
    assert_eq!(*talker.heard.borrow(), format!("hello{} bytes", 1_000 + (8 << 20)).into_bytes());
    assert_eq!((talker.why(), talker.opened.get(), shard.reactor.len()), (None, 1, before));
}

#[test]
fn what_is_said_waits_for_its_reader() {
    let peer = Peer::new(|wire| wire.write("0123456789"));
    let shard = Shard::new(&Script::new(&[]));
    let (talker, socket) = connect(&shard, Scheme::Tcp, "127.0.0.1", peer.port);
    talker.room.set(4);
    let socket = socket.unwrap();
    shard.until(|| talker.heard(4));
    shard.settle();
    assert_eq!(*talker.heard.borrow(), b"0123");
    assert!(!talker.ended.get());
    talker.room.set(100);
    socket.resume(&shard.reactor);
    shard.until(|| talker.ended.get());
    assert_eq!(*talker.heard.borrow(), b"0123456789");
    // The other side has ended; this one has not.
    assert!(talker.closed.borrow().is_none());
    socket.end(&shard.reactor);
    shard.until(|| talker.closed.borrow().is_some());
    assert_eq!(talker.why(), None);
}

#[test]
fn tls_begins_when_both_sides_say_so() {
    let authority = Authority::new("test authority");
    let config = authority.certify(&["mail.b"], &[], 2099).config(&[&TLS13]);
    let file = authority.file();
    let shard = Shard::with(&Script::new(&[("mail.b", &["127.0.0.1"])]), &Roots::File(file.0.clone()), Clock::manual());
    let peer = Peer::new(move |wire| {
        let mut command = [0; 8];
        wire.socket.read_exact(&mut command)?;
        wire.write("go on\n")?;
        let mut tls = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), wire.socket.try_clone()?);
        tls.read_exact(&mut command)?;
        assert!(tls.conn.alpn_protocol().is_none());
        tls.write_all(&command)?;
        tls.conn.send_close_notify();
        tls.flush()
    });
    let (talker, socket) = connect(&shard, Scheme::Tcp, "mail.b", peer.port);
    let socket = socket.unwrap();
    socket.write(&shard.reactor, b"STARTTLS".to_vec());
    shard.until(|| talker.heard(6));
    assert!(socket.start_tls(&shard.reactor, None));
    assert!(!socket.start_tls(&shard.reactor, None));
    socket.write(&shard.reactor, b"a secret".to_vec());
    shard.until(|| talker.ended.get());
    assert_eq!(*talker.heard.borrow(), b"go on\na secret");
    assert_eq!(talker.opened.get(), 2);
    // The certificate is for the name that is asked for.
    let (talker, socket) = connect(&shard, Scheme::Tcp, "mail.b", peer.port);
    let socket = socket.unwrap();
    socket.write(&shard.reactor, b"STARTTLS".to_vec());
    shard.until(|| talker.heard(6));
    assert!(socket.start_tls(&shard.reactor, Some(host("other.b"))));
    shard.until(|| talker.closed.borrow().is_some());
    assert_eq!(talker.why().unwrap().kind, FailureKind::Tls);
}

#[test]
fn a_socket_is_refused_fails_breaks_and_is_closed_in_silence() {
    let shard = Shard::new(&Script::new(&[]));
    let before = shard.reactor.len();
    let (_, refused) = connect(&shard, Scheme::Tcp, "10.0.0.1", 80);
    assert_eq!(refused.unwrap_err().kind, FailureKind::Refused);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (talker, _socket) = connect(&shard, Scheme::Tcp, "127.0.0.1", closed);
    shard.until(|| talker.closed.borrow().is_some());
    assert_eq!(talker.why().unwrap().kind, FailureKind::Connect);
    // Closing with unread bytes is a reset.
    let peer = Peer::new(|wire| wire.read(1).map(|_| ()));
    let (talker, socket) = connect(&shard, Scheme::Tcp, "127.0.0.1", peer.port);
    socket.unwrap().write(&shard.reactor, vec![0; 1 << 20]);
    shard.until(|| talker.closed.borrow().is_some());
    assert_eq!(talker.why().unwrap().kind, FailureKind::Closed);
    let peer = Peer::new(|wire| {
        wire.until_closed();
        Ok(())
    });
    let (talker, socket) = connect(&shard, Scheme::Tcp, "127.0.0.1", peer.port);
    shard.until(|| talker.opened.get() == 1);
    socket.unwrap().close(&shard.reactor);
    shard.settle();
    assert!(talker.closed.borrow().is_none());
    assert_eq!(shard.reactor.len(), before);
}
