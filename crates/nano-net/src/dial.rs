//! Connecting to one of several addresses, as fast as the fastest answers: RFC 8305.
//!
//! Only the addresses that are given are connected to, and nothing is looked up here: whoever gives them has judged them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use mio::Interest;
use mio::net::TcpStream;
use nano_base::limits::{DIAL_ADDRESSES_MAX, DIAL_MS_MAX};

use crate::reactor::{Key, Peer, Reactor, Ready};

/// How long an address may be silent before the next one is tried beside it: RFC 8305, 5.
const HEAD_START_MS: u64 = 250;

/// Why none of the addresses could be connected to.
#[derive(Debug)]
pub enum DialError {
    /// The last thing that went wrong.
    Failed(io::Error),
    /// None has answered.
    TimedOut,
    /// There is no room for another connection.
    Busy,
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "{error}"),
            Self::TimedOut => write!(f, "no answer within {DIAL_MS_MAX} ms"),
            Self::Busy => f.write_str("too many connections"),
        }
    }
}

impl std::error::Error for DialError {}

type Done = Box<dyn FnOnce(&Reactor, Result<TcpStream, DialError>)>;

/// An attempt to connect.
pub struct Dial {
    app: u64,
    key: Cell<Option<Key>>,
    state: RefCell<State>,
}

struct State {
    waiting: VecDeque<SocketAddr>,
    trying: Vec<TcpStream>,
    error: Option<io::Error>,
    done: Option<Done>,
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.borrow();
        write!(f, "Dial({} trying, {} waiting)", state.trying.len(), state.waiting.len())
    }
}

/// Tags of timers.
const NEXT: u32 = 0;
const GIVE_UP: u32 = 1;

impl Dial {
    /// Tries addresses in turn, for an app; `done` is told of the first connection, or that there is none, and never before this returns.
    pub fn start(
        reactor: &Reactor,
        app: u64,
        addresses: &[SocketAddr],
        done: impl FnOnce(&Reactor, Result<TcpStream, DialError>) + 'static,
    ) -> Result<Rc<Self>, DialError> {
        let state = State { waiting: interleaved(addresses), trying: Vec::new(), error: None, done: Some(Box::new(done)) };
        let dial = Rc::new(Self { app, key: Cell::new(None), state: state.into() });
        let key = reactor.insert(dial.clone()).map_err(|_| DialError::Busy)?;
        dial.key.set(Some(key));
        reactor.after(key, DIAL_MS_MAX, GIVE_UP);
        dial.next(reactor);
        if dial.state.borrow().trying.is_empty() {
            reactor.again(key, Ready::WRITE);
        }
        Ok(dial)
    }

    /// Gives up; nobody is told.
    pub fn cancel(&self, reactor: &Reactor) {
        drop(self.finish(reactor));
    }

    /// Begins to connect to the next address at which that is possible at all.
    fn next(&self, reactor: &Reactor) {
        let Some(key) = self.key.get() else { return };
        let state = &mut *self.state.borrow_mut();
        while let Some(address) = state.waiting.pop_front() {
            let watched = TcpStream::connect(address).and_then(|mut socket| {
                reactor.watch(key, &mut socket, Interest::WRITABLE)?;
                Ok(socket)
            });
            match watched {
                Ok(socket) => {
                    state.trying.push(socket);
                    if !state.waiting.is_empty() {
                        reactor.after(key, HEAD_START_MS, NEXT);
                    }
                    return;
                }
                Err(error) => state.error = Some(error),
            }
        }
    }

    /// Takes out the first socket that is connected, and those that will not be.
    fn look(&self) -> (Option<TcpStream>, bool) {
        let state = &mut *self.state.borrow_mut();
        let (mut at, mut failed) = (0, false);
        while at < state.trying.len() {
            match progress(&state.trying[at]) {
                Ok(true) => return (Some(state.trying.swap_remove(at)), failed),
                Ok(false) => at += 1,
                Err(error) => {
                    state.trying.swap_remove(at);
                    state.error = Some(error);
                    failed = true;
                }
            }
        }
        (None, failed)
    }

    fn finish(&self, reactor: &Reactor) -> Option<Done> {
        if let Some(key) = self.key.take() {
            reactor.remove(key);
        }
        let mut state = self.state.borrow_mut();
        (state.trying, state.waiting) = Default::default();
        state.done.take()
    }

    fn tell(&self, reactor: &Reactor, result: Result<TcpStream, DialError>) {
        if let Some(done) = self.finish(reactor) {
            done(reactor, result);
        }
    }
}

impl Peer for Dial {
    fn app(&self) -> u64 {
        self.app
    }

    fn ready(self: Rc<Self>, reactor: &Reactor, _: Ready) {
        let (connected, failed) = self.look();
        if let Some(mut socket) = connected {
            // Small writes are whole messages here: heads, ends of bodies, records of TLS.
            let ready = reactor.unwatch(&mut socket).and_then(|()| socket.set_nodelay(true));
            return self.tell(reactor, ready.map(|()| socket).map_err(DialError::Failed));
        }
        if failed {
            self.next(reactor);
        }
        let over = self.state.borrow().trying.is_empty();
        if over {
            let error = self.state.borrow_mut().error.take();
            self.tell(reactor, Err(DialError::Failed(error.unwrap_or_else(|| io::Error::other("there is no address to connect to")))));
        }
    }

    fn due(self: Rc<Self>, reactor: &Reactor, tag: u32) {
        if tag == GIVE_UP {
            self.tell(reactor, Err(DialError::TimedOut));
        } else {
            self.next(reactor);
        }
    }
}

/// Whether a socket is connected, or why it never will be.
fn progress(socket: &TcpStream) -> io::Result<bool> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        // A port of this machine to which nobody listens may be given to the very socket that connects to it.
        Ok(peer) if socket.local_addr()? == peer => Err(io::ErrorKind::ConnectionRefused.into()),
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotConnected) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The families in turn, IPv6 first, each in its own order.
fn interleaved(addresses: &[SocketAddr]) -> VecDeque<SocketAddr> {
    let (v6, v4): (Vec<SocketAddr>, Vec<SocketAddr>) = addresses.iter().partition(|address| address.is_ipv6());
    let (mut v6, mut v4) = (v6.into_iter(), v4.into_iter());
    let mut turns = VecDeque::new();
    while turns.len() < DIAL_ADDRESSES_MAX {
        let pair = [v6.next(), v4.next()];
        if pair == [None, None] {
            break;
        }
        turns.extend(pair.into_iter().flatten());
    }
    turns.truncate(DIAL_ADDRESSES_MAX);
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_ipv6_begins() {
        let list = |text: &str| text.split(' ').map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let given = list("1.1.1.1:1 1.1.1.2:1 [2606::1]:1 1.1.1.3:1 [2606::2]:1");
        assert_eq!(interleaved(&given), list("[2606::1]:1 1.1.1.1:1 [2606::2]:1 1.1.1.2:1 1.1.1.3:1"));
        let many: Vec<SocketAddr> = (0..50).map(|n| SocketAddr::from(([1, 1, 1, n], 1))).collect();
        assert_eq!(interleaved(&many).len(), DIAL_ADDRESSES_MAX);
        assert!(interleaved(&[]).is_empty());
    }
}
