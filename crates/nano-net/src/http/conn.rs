//! A connection of HTTP/1.1 as the reactor knows it: it drives the exchange that is on it, or waits in the pool for the next.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use mio::Interest;
use nano_base::limits::{FETCH_BODY_IDLE_MS_MAX, FETCH_FIRST_BYTE_MS_MAX, FETCH_STEPS_PER_TURN};
use nano_base::wheel::TimerKey;

use super::call::Call;
use super::io::{Act, Io};
use super::pool::Place;
use super::{Client, Piece};
use crate::connect::Permit;
use crate::failure::{Failure, FailureKind};
use crate::reactor::{Key, Peer, Reactor, Ready};
use crate::share::Share;
use crate::stream::Stream;

pub(super) struct Conn {
    pub place: Place,
    client: Weak<Client>,
    key: Cell<Option<Key>>,
    io: RefCell<Io>,
    call: RefCell<Option<Rc<Call>>>,
    /// The head of the response has been told.
    headed: Cell<bool>,
    timer: Cell<Option<TimerKey>>,
    last_ms: Cell<u64>,
    driving: Cell<bool>,
    _permit: Permit,
}

/// Tags of timers.
const STALLED: u32 = 0;
const IDLE: u32 = 1;

impl Conn {
    pub(super) fn new(client: &Rc<Client>, reactor: &Reactor, place: Place, stream: Stream, permit: Permit) -> Result<Rc<Self>, Failure> {
        let conn = Rc::new(Self {
            place,
            client: Rc::downgrade(client),
            key: Cell::new(None),
            io: Io::new(stream).into(),
            call: RefCell::default(),
            headed: Cell::new(false),
            timer: Cell::new(None),
            last_ms: Cell::new(0),
            driving: Cell::new(false),
            _permit: permit,
        });
        let key = reactor.insert(conn.clone()).map_err(|_| Failure::new(FailureKind::Limit, "there are too many connections"))?;
        conn.key.set(Some(key));
        let watched = reactor.watch(key, conn.io.borrow_mut().stream.socket(), Interest::READABLE | Interest::WRITABLE);
        if let Err(error) = watched {
            conn.close(reactor);
            return Err(Failure::new(FailureKind::Connect, format!("the connection cannot be watched: {error}")));
        }
        Ok(conn)
    }

    /// Whether it is as it was when it became idle.
    pub(super) fn is_usable(&self, reactor: &Reactor) -> bool {
        self.stop_timer(reactor);
        self.io.borrow_mut().is_quiet()
    }

    /// Sends a call's request. It is not told anything before this returns.
    pub(super) fn begin(self: &Rc<Self>, reactor: &Reactor, call: Rc<Call>, first: Vec<Vec<u8>>) {
        self.io.borrow_mut().begin(first, call.streams(), call.asked());
        self.headed.set(false);
        self.last_ms.set(reactor.clock().now_ms());
        *self.call.borrow_mut() = Some(call);
        self.watch_for(reactor, FETCH_FIRST_BYTE_MS_MAX, STALLED);
        self.later(reactor);
    }

    /// Goes on when others have had their turns.
    fn later(&self, reactor: &Reactor) {
        if let Some(key) = self.key.get() {
            reactor.again(key, Ready::default());
        }
    }

    /// Waits for another request.
    pub(super) fn rest(&self, reactor: &Reactor, idle_ms: u64) {
        self.watch_for(reactor, idle_ms, IDLE);
    }

    /// Closes the connection; nobody is told.
    pub(super) fn close(&self, reactor: &Reactor) {
        self.stop_timer(reactor);
        self.call.take();
        if let Some(key) = self.key.take() {
            reactor.remove(key);
        }
        if let Ok(mut io) = self.io.try_borrow_mut() {
            // The socket itself is closed when the last of those who know this lets go of it, which is soon; the other side can know now.
            let _ = io.stream.shutdown();
        }
    }

    /// The app has a piece of the body again, or room.
    pub(super) fn nudge(self: &Rc<Self>, reactor: &Reactor) {
        // The other side could not go on before.
        self.last_ms.set(reactor.clock().now_ms());
        self.io.borrow_mut().fed();
        self.later(reactor);
    }

    fn watch_for(&self, reactor: &Reactor, ms: u64, tag: u32) {
        self.stop_timer(reactor);
        self.timer.set(self.key.get().map(|key| reactor.after(key, ms, tag)));
    }

    fn stop_timer(&self, reactor: &Reactor) {
        if let Some(timer) = self.timer.take() {
            reactor.cancel(timer);
        }
    }

    /// How long the other side may be silent now.
    fn patience_ms(&self) -> u64 {
        if self.headed.get() { FETCH_BODY_IDLE_MS_MAX } else { FETCH_FIRST_BYTE_MS_MAX }
    }

    /// Takes steps as long as there is something to do, and this has not had its share.
    fn drive(self: &Rc<Self>, reactor: &Reactor) {
        if self.driving.replace(true) {
            return;
        }
        let call = self.call.borrow().clone();
        let goes_on = self.steps(reactor);
        self.driving.set(false);
        if goes_on {
            self.later(reactor);
        }
        if let Some(call) = call {
            call.exchange.worked(reactor);
        }
    }

    /// Whether there is more to do.
    fn steps(self: &Rc<Self>, reactor: &Reactor) -> bool {
        let mut share = Share::of_turn();
        for _ in 0..FETCH_STEPS_PER_TURN {
            let Some(call) = self.call.borrow().clone() else { return false };
            let room = if self.headed.get() { call.exchange.room() } else { 0 };
            let (act, progress) = {
                let mut io = self.io.borrow_mut();
                (io.step(room, &call.exchange, &mut share), io.take_progress())
            };
            if progress {
                self.last_ms.set(reactor.clock().now_ms());
            }
            match act {
                Act::Wait => return self.io.borrow().writes_on(),
                Act::Again => return true,
                Act::Head(head, decoded) => {
                    self.headed.set(true);
                    self.watch_for(reactor, FETCH_BODY_IDLE_MS_MAX, STALLED);
                    call.exchange.head(reactor, head, decoded);
                    self.look_whether_sent(&call);
                }
                Act::Data(bytes) => {
                    call.exchange.data(reactor, bytes);
                    self.look_whether_sent(&call);
                }
                Act::Pull(room) => self.pull(reactor, &call, room),
                Act::End(idle_ms) => {
                    self.call.take();
                    self.let_go(reactor, idle_ms);
                    call.ended(reactor);
                    return false;
                }
                Act::Fail(failure, unanswered) => {
                    self.close(reactor);
                    call.failed(reactor, failure, unanswered);
                    return false;
                }
            }
        }
        true
    }

    fn look_whether_sent(&self, call: &Call) {
        if self.io.borrow().is_sent() {
            call.sent();
        }
    }

    fn pull(self: &Rc<Self>, reactor: &Reactor, call: &Rc<Call>, room: usize) {
        let piece = call.exchange.pull(room);
        let kept = {
            let mut io = self.io.borrow_mut();
            match piece {
                Piece::Bytes(bytes) if bytes.is_empty() => {
                    io.starve();
                    Ok(())
                }
                Piece::Wait => {
                    io.starve();
                    Ok(())
                }
                Piece::Bytes(bytes) => io.push(bytes).then_some(()).ok_or("the request's body is longer than was announced"),
                Piece::End => io.finish_body().then_some(()).ok_or("the request's body is shorter than was announced"),
                Piece::Broken => Err("the request's body broke off"),
            }
        };
        if let Err(why) = kept {
            self.close(reactor);
            call.clone().failed(reactor, Failure::new(FailureKind::Invalid, why), false);
        }
    }

    fn let_go(self: &Rc<Self>, reactor: &Reactor, idle_ms: Option<u64>) {
        self.stop_timer(reactor);
        match (idle_ms, self.client.upgrade()) {
            (Some(idle_ms), Some(client)) => {
                self.rest(reactor, idle_ms);
                client.keep(reactor, self);
            }
            _ => self.close(reactor),
        }
    }
}

impl Peer for Conn {
    fn app(&self) -> u64 {
        self.place.app
    }

    fn ready(self: Rc<Self>, reactor: &Reactor, ready: Ready) {
        self.io.borrow_mut().ready(ready);
        if self.call.borrow().is_some() {
            return self.drive(reactor);
        }
        // Tickets of TLS may come any time; anything else was not asked for.
        if ready.read && !self.io.borrow_mut().is_quiet() {
            if let Some(client) = self.client.upgrade() {
                client.lose(&self);
            }
            self.close(reactor);
        }
    }

    fn due(self: Rc<Self>, reactor: &Reactor, tag: u32) {
        self.timer.set(None);
        if tag == IDLE {
            if let Some(client) = self.client.upgrade() {
                client.lose(&self);
            }
            return self.close(reactor);
        }
        let Some(call) = self.call.borrow().clone() else { return };
        let patience_ms = self.patience_ms();
        let silent_ms = reactor.clock().now_ms().saturating_sub(self.last_ms.get());
        let waits_for_us = self.headed.get() && call.exchange.room() == 0 || self.io.borrow().is_starved();
        if silent_ms < patience_ms || waits_for_us {
            let left_ms = if waits_for_us { patience_ms } else { patience_ms - silent_ms };
            return self.watch_for(reactor, left_ms, STALLED);
        }
        self.close(reactor);
        let what = if self.headed.get() { "the response's body stalled" } else { "there was no response" };
        call.failed(reactor, Failure::new(FailureKind::Timeout, format!("{what} for {patience_ms} ms")), false);
    }
}
