//! Connections: by which addresses, for how long, and with whom on the other end.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

use mio::Interest;
use nano_base::clock::Clock;
use nano_base::limits::{DIAL_MS_MAX, TLS_HANDSHAKE_MS_MAX};
use nano_net::connect::Connect;
use nano_net::dial::Dial;
use nano_net::failure::{Failure, FailureKind};
use nano_net::policy::{Mode, Policy, Rule, Scheme};
use nano_net::reactor::{Peer, Reactor, Ready};
use nano_net::stream::Stream;
use nano_net::tls::Roots;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, ServerConnection};

use crate::certificates::{Authority, PemFile};
use crate::shard::{Later, Script, Shard, open, target};

/// Tells a test when a socket may be ready; what it reads it reads itself.
struct Bell;

impl Peer for Bell {
    fn app(&self) -> u64 {
        1
    }

    fn ready(self: std::rc::Rc<Self>, _: &Reactor, _: Ready) {}
    fn due(self: std::rc::Rc<Self>, _: &Reactor, _: u32) {}
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A port of this machine that refuses.
fn closed_port() -> u16 {
    listener().1
}

/// An address that swallows what is sent to it: a listener whose queue is full does, on this machine.
struct Silent {
    address: SocketAddr,
    _listener: TcpListener,
    _held: Vec<TcpStream>,
}

fn silent() -> Silent {
    let (listener, port) = listener();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut held = Vec::new();
    // The queue has 128 places with std; connects beyond it are not answered. One that is not answered before that is late.
    loop {
        match TcpStream::connect_timeout(&address, std::time::Duration::from_millis(50)) {
            Ok(stream) => held.push(stream),
            Err(_) if held.len() > 128 => break,
            Err(_) => {}
        }
    }
    Silent { address, _listener: listener, _held: held }
}

fn connect(shard: &Shard, scheme: Scheme, name: &str, port: u16) -> Result<Stream, Failure> {
    connect_by(shard, open(), scheme, name, port)
}

fn connect_by(shard: &Shard, policy: Arc<Policy>, scheme: Scheme, name: &str, port: u16) -> Result<Stream, Failure> {
    let later = Later::new();
    let put = later.clone();
    let target = nano_net::connect::Target { policy, ..target(scheme, name, port) };
    let _connect = Connect::start(&shard.net, &shard.reactor, target, move |_, result| put.put(result))?;
    later.wait(shard).map(|(stream, _)| stream)
}

/// Reads to the end.
fn read_all(shard: &Shard, stream: &mut Stream) -> std::io::Result<Vec<u8>> {
    let Ok(key) = shard.reactor.insert(std::rc::Rc::new(Bell)) else { panic!("there is room") };
    shard.reactor.watch(key, stream.socket(), Interest::READABLE | Interest::WRITABLE).unwrap();
    let (stream, all, end) = (std::cell::RefCell::new(stream), std::cell::RefCell::new(Vec::new()), std::cell::RefCell::new(None));
    shard.until(|| {
        let mut buffer = [0; 1000];
        loop {
            match stream.borrow_mut().read(&mut buffer) {
                Ok(Some(0)) => *end.borrow_mut() = Some(Ok(())),
                Ok(read) => {
                    all.borrow_mut().extend_from_slice(&buffer[..read.unwrap_or_default()]);
                    continue;
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => *end.borrow_mut() = Some(Err(error)),
            }
            return end.borrow().is_some();
        }
    });
    end.into_inner().unwrap().map(|()| all.into_inner())
}

/// A server that says something over TLS to the first who comes, and ends as it is told to.
fn tls_server(config: Arc<ServerConfig>, says: &'static [u8], close_notify: bool) -> (u16, JoinHandle<Option<String>>) {
    let (listener, port) = listener();
    let thread = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut tls = ServerConnection::new(config).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut socket).ok()?;
        }
        let name = tls.server_name().map(ToOwned::to_owned);
        tls.writer().write_all(says).unwrap();
        if close_notify {
            tls.send_close_notify();
        }
        while tls.wants_write() {
            tls.write_tls(&mut socket).ok()?;
        }
        Some(name.unwrap_or_default())
    });
    (port, thread)
}

fn trusting(authority: &Authority, script: &Arc<Script>) -> (Shard, PemFile) {
    let file = authority.file();
    (Shard::with(script, &Roots::File(file.0.clone()), Clock::manual()), file)
}

#[test]
fn the_first_address_that_answers_is_connected_to() {
    let (listener, port) = listener();
    let shard = Shard::new(&Script::new(&[("a.b", &["::1 127.0.0.1"])]));
    // Nobody listens on ::1 there.
    let mut stream = connect(&shard, Scheme::Http, "a.b", port).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(b"hello").unwrap();
    drop(peer);
    assert_eq!(read_all(&shard, &mut stream).unwrap(), b"hello");
}

#[test]
fn an_address_that_is_silent_has_a_head_start_and_no_more() {
    let silent = silent();
    let (listener, port) = listener();
    let shard = Shard::new(&Script::new(&[]));
    let later = Later::new();
    let put = later.clone();
    let addresses = [silent.address, SocketAddr::from(([127, 0, 0, 1], port))];
    let _dial = Dial::start(&shard.reactor, 1, &addresses, move |_, result| put.put(result)).unwrap();
    shard.advance_ms(249);
    assert!(!later.is_there());
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err());
    shard.advance_ms(1);
    let socket = later.wait(&shard).unwrap();
    assert_eq!(socket.peer_addr().unwrap(), addresses[1]);
    assert!(socket.nodelay().unwrap());
}

#[test]
fn connecting_ends_with_the_limit_with_a_refusal_or_when_it_is_canceled() {
    let silent = silent();
    let shard = Shard::new(&Script::new(&[]));
    let dial = |addresses: &[SocketAddr]| {
        let later = Later::new();
        let put = later.clone();
        (Dial::start(&shard.reactor, 1, addresses, move |_, result| put.put(result)).unwrap(), later)
    };
    let before = shard.reactor.len();
    let (_held, later) = dial(&[silent.address]);
    let (canceled, never) = dial(&[silent.address]);
    canceled.cancel(&shard.reactor);
    shard.advance_ms(DIAL_MS_MAX - 1);
    assert!(!later.is_there());
    shard.advance_ms(1);
    assert_eq!(later.take().unwrap().unwrap_err().to_string(), "no answer within 10000 ms");
    let (_held, later) = dial(&[SocketAddr::from(([127, 0, 0, 1], closed_port()))]);
    assert!(later.wait(&shard).unwrap_err().to_string().contains("refused"));
    let (_held, later) = dial(&[]);
    assert!(later.wait(&shard).unwrap_err().to_string().contains("no address"));
    assert!(!never.is_there());
    assert_eq!(shard.reactor.len(), before);
}

#[test]
fn a_name_is_judged_by_its_addresses_and_only_those_that_pass_are_connected_to() {
    let (_listener, port) = listener();
    let script = Script::new(&[
        ("inside.b", &["127.0.0.1"]),
        ("mixed.b", &["127.0.0.1 192.0.2.1"]),
        ("rebinds.b", &["127.0.0.2", "127.0.0.1"]),
        ("both.b", &["127.0.0.1 127.0.0.2"]),
    ]);
    let shard = Shard::new(&script);
    let public = || Arc::new(Policy::default());
    for text in ["inside.b", "mixed.b", "localhost", "127.0.0.1", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433"] {
        let failure = connect_by(&shard, public(), Scheme::Http, text, port).expect_err(text);
        assert_eq!(failure.kind, FailureKind::Refused, "{failure}");
    }
    assert_eq!(script.asked(), 2);
    // The name is resolved once for judging and connecting: what it says next does not matter, until it is judged again.
    let (allowed, other) = std::iter::repeat_with(|| TcpListener::bind("127.0.0.2:0").unwrap())
        .find_map(|allowed| {
            let other = TcpListener::bind(("127.0.0.1", allowed.local_addr().unwrap().port())).ok()?;
            Some((allowed, other))
        })
        .expect("a port that both have");
    let port = allowed.local_addr().unwrap().port();
    let only = || Arc::new(Policy::new(Mode::Public, vec![Rule::parse("127.0.0.2").unwrap()], vec![]));
    let mut stream = connect_by(&shard, only(), Scheme::Http, "rebinds.b", port).unwrap();
    assert_eq!(stream.socket().peer_addr().unwrap(), allowed.local_addr().unwrap());
    assert!(allowed.accept().is_ok());
    let mut stream = connect_by(&shard, only(), Scheme::Http, "rebinds.b", port).unwrap();
    assert_eq!((stream.socket().peer_addr().unwrap(), script.asked()), (allowed.local_addr().unwrap(), 3));
    shard.advance_ms(30_000);
    let failure = connect_by(&shard, only(), Scheme::Http, "rebinds.b", port).unwrap_err();
    assert_eq!((failure.kind, script.asked()), (FailureKind::Refused, 4), "{failure}");
    // Of a mix, the one that is allowed, even if the other one is first and answers.
    let mut stream = connect_by(&shard, only(), Scheme::Http, "both.b", port).unwrap();
    assert_eq!(stream.socket().peer_addr().unwrap(), allowed.local_addr().unwrap());
    other.set_nonblocking(true).unwrap();
    assert!(other.accept().is_err(), "somebody came by an address that was not allowed");
    let none = connect_by(&shard, Arc::new(Policy::new(Mode::Deny, vec![], vec![])), Scheme::Http, "never.b", port).unwrap_err();
    assert_eq!((none.kind, script.asked()), (FailureKind::Refused, 5));
}

#[test]
fn tls_is_spoken_in_both_versions_and_sends_the_name() {
    let authority = Authority::new("test authority");
    let identity = authority.certify(&["secure.b"], &[], 2099);
    let (shard, _file) = trusting(&authority, &Script::new(&[("secure.b", &["127.0.0.1"]), ("secure.b.", &["127.0.0.1"])]));
    for (version, name) in [(&TLS12, "secure.b"), (&TLS13, "secure.b"), (&TLS13, "secure.b.")] {
        let (port, thread) = tls_server(identity.config(&[version]), b"secret", true);
        let mut stream = connect(&shard, Scheme::Https, name, port).unwrap_or_else(|failure| panic!("{failure}"));
        assert!(stream.is_secure());
        assert_eq!(read_all(&shard, &mut stream).unwrap(), b"secret");
        assert_eq!(thread.join().unwrap().as_deref(), Some("secure.b"));
    }
}

#[test]
fn records_that_say_nothing_are_read_some_at_a_time() {
    let authority = Authority::new("test authority");
    let mut config = (*authority.certify(&["secure.b"], &[], 2099).config(&[&TLS13])).clone();
    config.send_tls13_tickets = 700;
    let (shard, _file) = trusting(&authority, &Script::new(&[("secure.b", &["127.0.0.1"])]));
    let (port, thread) = tls_server(Arc::new(config), b"secret", true);
    let mut stream = connect(&shard, Scheme::Https, "secure.b", port).unwrap_or_else(|failure| panic!("{failure}"));
    // All of them are there.
    thread.join().unwrap();
    let mut buffer = [0; 100];
    assert_eq!(stream.read(&mut buffer).unwrap(), None);
    assert_eq!(read_all(&shard, &mut stream).unwrap(), b"secret");
}

#[test]
fn an_address_is_certified_as_an_address_and_not_sent_as_a_name() {
    let authority = Authority::new("test authority");
    let (shard, _file) = trusting(&authority, &Script::new(&[]));
    let (port, thread) = tls_server(authority.certify(&[], &[&[127, 0, 0, 1]], 2099).config(&[&TLS13]), b"secret", true);
    let mut stream = connect(&shard, Scheme::Https, "127.0.0.1", port).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(read_all(&shard, &mut stream).unwrap(), b"secret");
    assert_eq!(thread.join().unwrap().as_deref(), Some(""));
}

#[test]
fn whoever_cannot_prove_to_be_the_host_is_not_talked_to() {
    let authority = Authority::new("test authority");
    let stranger = Authority::new("somebody else");
    let (shard, _file) = trusting(&authority, &Script::new(&[("secure.b", &["127.0.0.1"])]));
    for (identity, why) in [
        (authority.certify(&["other.b"], &[], 2099), "not valid for name"),
        (authority.certify(&["secure.b"], &[], 2021), "expired"),
        (stranger.certify(&["secure.b"], &[], 2099), "UnknownIssuer"),
        (authority.certify(&[], &[&[127, 0, 0, 1]], 2099), "not valid for name"),
    ] {
        let (port, thread) = tls_server(identity.config(&[&TLS12, &TLS13]), b"secret", true);
        let failure = connect(&shard, Scheme::Https, "secure.b", port).expect_err(why);
        assert_eq!(failure.kind, FailureKind::Tls);
        assert!(failure.message.contains(why), "{failure}");
        assert_eq!(thread.join().unwrap(), None, "{why}");
    }
}

#[test]
fn a_connection_that_is_cut_is_not_a_connection_that_has_ended() {
    let authority = Authority::new("test authority");
    let identity = authority.certify(&["secure.b"], &[], 2099);
    let (shard, _file) = trusting(&authority, &Script::new(&[("secure.b", &["127.0.0.1"])]));
    for version in [&TLS12, &TLS13] {
        let (port, thread) = tls_server(identity.config(&[version]), b"half of a secr", false);
        let mut stream = connect(&shard, Scheme::Https, "secure.b", port).unwrap();
        let error = read_all(&shard, &mut stream).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{error}");
        thread.join().unwrap();
    }
}

#[test]
fn a_handshake_ends_when_the_other_side_is_silent_speaks_something_else_or_goes() {
    let (shard, script) = (Shard::new(&Script::new(&[])), "127.0.0.1");
    let (listener, port) = listener();
    let start = || {
        let later = Later::new();
        let put = later.clone();
        let done = move |_: &Reactor, result: Result<(Stream, _), Failure>| put.put(result.map(|_| ()));
        (Connect::start(&shard.net, &shard.reactor, target(Scheme::Https, script, port), done).unwrap(), later)
    };
    let (_held, later) = start();
    let (hello, _) = listener.accept().unwrap();
    hello.set_nonblocking(true).unwrap();
    // When its hello has come, it waits for ours.
    shard.until(|| hello.peek(&mut [0; 1]).is_ok_and(|peeked| peeked == 1));
    shard.advance_ms(TLS_HANDSHAKE_MS_MAX);
    assert_eq!(later.take().unwrap().unwrap_err().kind, FailureKind::Timeout);
    let (_held, later) = start();
    let (mut other, _) = listener.accept().unwrap();
    other.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    assert_eq!(later.wait(&shard).unwrap_err().kind, FailureKind::Tls);
    let (_held, later) = start();
    drop(listener.accept().unwrap());
    assert_eq!(later.wait(&shard).unwrap_err().kind, FailureKind::Tls);
}
