//! A connection of HTTP/2 as the reactor knows it: the requests of one app to one place, all at once.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::rc::{Rc, Weak};

use mio::Interest;
use nano_base::http::ResponseHead;
use nano_base::limits::{
    FETCH_BODY_IDLE_MS_MAX, FETCH_FIRST_BYTE_MS_MAX, FETCH_PIECE_BYTES_MAX, FETCH_READ_BYTES, FETCH_STEPS_PER_TURN, H2_OUT_BYTES_MAX,
    H2_PATIENCE, H2_PING_AFTER_MS, H2_PING_MS_MAX, IDLE_MS,
};
use nano_base::wheel::TimerKey;
use nano_http::h1::Scheme;
use nano_http::h2::{self, Code, Event, Limits, Target};

use super::Client;
use super::call::{Call, Step};
use super::decode::Decoder;
use super::pool::Place;
use super::stream::{Active, Told};
use crate::connect::Permit;
use crate::failure::{Failure, FailureKind};
use crate::reactor::{Key, Peer, Reactor, Ready};
use crate::share::Share;
use crate::stream::Stream;

pub(super) struct Multi {
    pub place: Place,
    client: Weak<Client>,
    key: Cell<Option<Key>>,
    io: RefCell<Io>,
    /// When it is looked at again, and whether that is because it is idle.
    timer: Cell<Option<(TimerKey, bool)>>,
    driving: Cell<bool>,
    /// The request that comes first next time: when a share is used, those behind it have not had theirs.
    first: Cell<u32>,
    _permit: Permit,
}

struct Io {
    stream: Stream,
    can: Ready,
    http: h2::Connection,
    written: usize,
    /// Nothing goes any more. What has come is read to its end: it may say why.
    is_mute: bool,
    /// Nothing comes or goes any more; what has come whole is still told.
    is_lost: bool,
    calls: BTreeMap<u32, Active>,
    /// Those whose heads are not written, and since when: what waits to be written already is enough.
    waiting: VecDeque<(Rc<Call>, u64)>,
    /// What has happened and was not told yet.
    news: Vec<News>,
    /// Since when nothing has been read although somebody has asked, whoever has given up since; and since when an answer to a ping is awaited.
    silent_since_ms: Option<u64>,
    pinged_ms: Option<u64>,
}

enum News {
    Head(u32, ResponseHead),
    /// By the server, or by what it did that it must not.
    Reset(u32, Code, Option<&'static str>),
    Away(u32, Code),
    Broken(Failure),
}

const CHECK: u32 = 0;

impl Multi {
    pub(super) fn new(client: &Rc<Client>, reactor: &Reactor, place: Place, stream: Stream, permit: Permit) -> Result<Rc<Self>, Failure> {
        let multi = Rc::new(Self {
            place,
            client: Rc::downgrade(client),
            key: Cell::new(None),
            io: Io::new(stream).into(),
            timer: Cell::new(None),
            driving: Cell::new(false),
            first: Cell::new(0),
            _permit: permit,
        });
        let key = reactor.insert(multi.clone()).map_err(|_| Failure::new(FailureKind::Limit, "there are too many connections"))?;
        multi.key.set(Some(key));
        let watched = reactor.watch(key, multi.io.borrow_mut().stream.socket(), Interest::READABLE | Interest::WRITABLE);
        if let Err(error) = watched {
            multi.close(reactor);
            return Err(Failure::new(FailureKind::Connect, format!("the connection cannot be watched: {error}")));
        }
        client.shared.borrow_mut().push(multi.clone());
        Ok(multi)
    }

    /// Whether one more request can be made on it.
    pub(super) fn takes_more(&self) -> bool {
        let takes_more = |io: &Io| io.http.requests_left() > io.waiting.len() && io.pinged_ms.is_none() && !io.is_mute;
        self.key.get().is_some() && self.io.try_borrow().is_ok_and(|io| takes_more(&io))
    }

    /// Whether no request is on it.
    pub(super) fn is_idle(&self) -> bool {
        self.io.try_borrow().is_ok_and(|io| io.calls.is_empty() && io.waiting.is_empty())
    }

    /// Sends a call's request, or has it wait until there is room. It is not told anything before this returns.
    pub(super) fn begin(self: &Rc<Self>, reactor: &Reactor, call: Rc<Call>) -> Result<(), Failure> {
        let now_ms = reactor.clock().now_ms();
        let step = {
            let mut io = self.io.borrow_mut();
            if io.waiting.is_empty() && io.has_room() {
                Step::Shares(Rc::downgrade(self), io.ask(&call, now_ms)?)
            } else {
                io.waiting.push_back((call.clone(), now_ms));
                Step::Waits(Rc::downgrade(self))
            }
        };
        *call.step.borrow_mut() = step;
        self.io.borrow_mut().silent_since_ms.get_or_insert(now_ms);
        self.check_later(reactor);
        self.later(reactor);
        Ok(())
    }

    /// The app has a piece of a body again, or room.
    pub(super) fn nudge(self: &Rc<Self>, reactor: &Reactor, id: u32) {
        if let Some(active) = self.io.borrow_mut().calls.get_mut(&id) {
            // The other side could not go on before.
            (active.starved, active.moved_ms) = (false, reactor.clock().now_ms());
        }
        self.later(reactor);
    }

    /// Nobody waits for a response any more.
    pub(super) fn give_up(self: &Rc<Self>, reactor: &Reactor, id: u32) {
        let gone = {
            let mut io = self.io.borrow_mut();
            io.http.reset(id, Code::CANCEL);
            io.calls.remove(&id)
        };
        drop(gone);
        self.check_later(reactor);
        self.later(reactor);
    }

    /// Nobody waits for the response to a request that is not written.
    pub(super) fn leave(&self, reactor: &Reactor, call: &Rc<Call>) {
        self.io.borrow_mut().waiting.retain(|(other, _)| !Rc::ptr_eq(other, call));
        self.check_later(reactor);
    }

    /// Closes the connection; nobody is told.
    pub(super) fn close(self: &Rc<Self>, reactor: &Reactor) {
        self.stop_timer(reactor);
        if let Some(client) = self.client.upgrade() {
            client.shared.borrow_mut().retain(|other| !Rc::ptr_eq(other, self));
        }
        if let Some(key) = self.key.take() {
            reactor.remove(key);
        }
        let mut io = self.io.borrow_mut();
        io.lose();
        let gone = (std::mem::take(&mut io.calls), std::mem::take(&mut io.waiting));
        drop(io);
        drop(gone);
    }

    /// Goes on when others have had their turns.
    fn later(&self, reactor: &Reactor) {
        if let Some(key) = self.key.get() {
            reactor.again(key, Ready::default());
        }
    }

    /// Looks again when something may be late, or when it has been idle for long. What is asked and given up meanwhile puts nothing off.
    fn check_later(&self, reactor: &Reactor) {
        let is_idle = self.is_idle();
        if self.timer.get().is_some_and(|(_, of_idle)| of_idle == is_idle) {
            return;
        }
        self.stop_timer(reactor);
        // Of one that is lost only the app is waited for.
        if !self.io.borrow().is_lost {
            let ms = if is_idle { IDLE_MS } else { self.io.borrow().patience_ms(reactor.clock().now_ms()) };
            self.timer.set(self.key.get().map(|key| (reactor.after(key, ms, CHECK), is_idle)));
        }
    }

    fn stop_timer(&self, reactor: &Reactor) {
        if let Some((timer, _)) = self.timer.take() {
            reactor.cancel(timer);
        }
    }

    /// Takes steps as long as there is something to do, and this has not had its share.
    fn drive(self: &Rc<Self>, reactor: &Reactor) {
        if self.driving.replace(true) {
            return;
        }
        let mut more = true;
        let mut share = Share::of_turn();
        for _ in 0..FETCH_STEPS_PER_TURN {
            let now_ms = reactor.clock().now_ms();
            more = self.io.borrow_mut().read(now_ms, &mut share);
            let news = std::mem::take(&mut self.io.borrow_mut().news);
            for news in news {
                self.tell(reactor, news);
            }
            more |= self.ask(reactor);
            for id in self.in_turn() {
                self.first.set(id);
                if share.is_used() {
                    break;
                }
                more |= self.deliver(reactor, id, &mut share);
                more |= self.send(reactor, id);
                self.first.set(id + 1);
            }
            more |= share.is_used();
            self.count(reactor);
            let flushed = self.io.borrow_mut().flush();
            match flushed {
                Ok(wrote) => more |= wrote,
                // What has come may say why; it is read first.
                Err(error) if !self.io.borrow().can.read => self.broken(reactor, &closed(&error)),
                Err(_) => more = true,
            }
            if !more || share.is_used() || self.key.get().is_none() {
                break;
            }
        }
        self.driving.set(false);
        let is_over = {
            let io = self.io.borrow();
            io.calls.is_empty() && (io.is_lost || !io.http.can_request())
        };
        if is_over && self.key.get().is_some() {
            let waiting = std::mem::take(&mut self.io.borrow_mut().waiting);
            self.close(reactor);
            refuse(reactor, waiting, &no_more());
        } else if more {
            self.later(reactor);
        }
    }

    /// Writes the heads of those that wait, as far as there is room; whether any was.
    fn ask(self: &Rc<Self>, reactor: &Reactor) -> bool {
        let mut any = false;
        loop {
            let (call, asked) = {
                let mut io = self.io.borrow_mut();
                if !io.has_room() || !io.http.can_request() {
                    return any;
                }
                let Some((call, _)) = io.waiting.pop_front() else { return any };
                let asked = io.ask(&call, reactor.clock().now_ms());
                (call, asked)
            };
            any = true;
            match asked {
                Ok(id) => *call.step.borrow_mut() = Step::Shares(Rc::downgrade(self), id),
                Err(failure) => call.tell(reactor, failure),
            }
        }
    }

    /// The requests, beginning with the first that has not had its turn.
    fn in_turn(&self) -> Vec<u32> {
        let io = self.io.borrow();
        let first = self.first.get();
        io.calls.range(first..).chain(io.calls.range(..first)).map(|(id, _)| *id).collect()
    }

    /// Takes out those that have waited too long to be asked.
    fn late_to_be_asked(&self, now_ms: u64) -> Vec<Rc<Call>> {
        let waiting = &mut self.io.borrow_mut().waiting;
        let late = waiting.iter().take_while(|(_, since_ms)| now_ms.saturating_sub(*since_ms) >= FETCH_FIRST_BYTE_MS_MAX).count();
        waiting.drain(..late).map(|(call, _)| call).collect()
    }

    fn call(&self, id: u32) -> Option<Rc<Call>> {
        self.io.borrow().calls.get(&id).map(|active| active.call.clone())
    }

    fn remove(&self, reactor: &Reactor, id: u32) -> Option<Rc<Call>> {
        let call = self.io.borrow_mut().calls.remove(&id).map(|active| active.call);
        if self.is_idle() {
            self.check_later(reactor);
        }
        call
    }

    fn tell(self: &Rc<Self>, reactor: &Reactor, news: News) {
        match news {
            News::Head(id, head) => {
                let (decoded, sent) = match self.io.borrow_mut().calls.get_mut(&id) {
                    Some(active) => {
                        active.headed = true;
                        let exchange = active.call.exchange.clone();
                        let decoder = Decoder::of(&head.headers, move |before, after| exchange.hold(before, after));
                        active.decoder = decoder.filter(|_| !active.is_empty());
                        (active.decoder.is_some(), active.forget_sent())
                    }
                    None => return,
                };
                if let Some(call) = self.call(id) {
                    call.exchange.head(reactor, head, decoded);
                    if sent {
                        call.sent();
                    }
                }
            }
            News::Reset(id, code, own) => {
                let unanswered = self.io.borrow().calls.get(&id).is_some_and(|active| !active.headed);
                let Some(call) = self.remove(reactor, id) else { return };
                let failure = match own {
                    Some(why) => Failure::new(FailureKind::Protocol, format!("the response is malformed: {why}")),
                    None => Failure::new(FailureKind::Closed, format!("the server ended the request ({code})")),
                };
                if code == Code::REFUSED && unanswered { call.refused(reactor, failure) } else { call.tell(reactor, failure) }
            }
            News::Away(last, code) => {
                // What is beyond was not looked at, unless the answer has begun, whatever the server says; what is not may still be answered.
                let is_beyond = |(id, active): (&u32, &Active)| (*id > last && !active.headed).then_some(*id);
                let beyond: Vec<u32> = self.io.borrow().calls.iter().filter_map(is_beyond).collect();
                for id in beyond {
                    let failure =
                        Failure::new(FailureKind::Closed, format!("the server takes no more requests on this connection ({code})"));
                    self.io.borrow_mut().http.reset(id, Code::CANCEL);
                    if let Some(call) = self.remove(reactor, id) {
                        call.refused(reactor, failure);
                    }
                }
                let waiting = std::mem::take(&mut self.io.borrow_mut().waiting);
                refuse(reactor, waiting, &no_more());
            }
            News::Broken(failure) => self.broken(reactor, &failure),
        }
    }

    /// The connection is of no use any more, but for those whose responses have come whole: they are told the rest when they want it.
    fn broken(self: &Rc<Self>, reactor: &Reactor, failure: &Failure) {
        let (failed, waiting) = {
            let mut io = self.io.borrow_mut();
            let (whole, failed): (BTreeMap<_, _>, BTreeMap<_, _>) =
                std::mem::take(&mut io.calls).into_iter().partition(|(_, active)| active.ended);
            io.calls = whole;
            io.lose();
            (failed, std::mem::take(&mut io.waiting))
        };
        if self.is_idle() {
            self.close(reactor);
        } else {
            self.stop_timer(reactor);
            self.later(reactor);
        }
        refuse(reactor, waiting, failure);
        let failed: Vec<_> = failed.into_values().map(|active| (active.call.clone(), active.headed)).collect();
        for (call, headed) in failed {
            call.failed(reactor, failure.clone(), !headed && failure.kind == FailureKind::Closed);
        }
    }

    /// Gives a call what it wants of its response; whether anything was.
    fn deliver(self: &Rc<Self>, reactor: &Reactor, id: u32, share: &mut Share) -> bool {
        let Some(call) = self.call(id) else { return false };
        if !self.io.borrow().calls.get(&id).is_some_and(|active| active.headed) {
            return false;
        }
        let room = call.exchange.room();
        let told = {
            let Io { calls, http, .. } = &mut *self.io.borrow_mut();
            let Some(active) = calls.get_mut(&id) else { return false };
            let told = active.tell(id, room, http, share);
            if matches!(told, Told::Data(_)) || room == 0 {
                active.moved_ms = reactor.clock().now_ms();
            }
            told
        };
        let told_any = !matches!(told, Told::Nothing);
        match told {
            Told::Nothing | Told::Again => {}
            Told::Data(bytes) => call.exchange.data(reactor, bytes),
            Told::End => {
                // What is left of the request is not wanted.
                self.io.borrow_mut().http.reset(id, Code::CANCEL);
                self.remove(reactor, id);
                call.ended(reactor);
            }
            Told::Bad(bad) => {
                self.io.borrow_mut().http.reset(id, Code::CANCEL);
                self.remove(reactor, id);
                call.tell(reactor, super::io::undecodable(bad));
            }
        }
        if told_any {
            // What was read before that is the first one's: of a connection whose requests are all of one app.
            call.exchange.worked(reactor);
        }
        told_any
    }

    /// Has counted what has come and is not wanted yet. Requests for whose responses there is no room fail.
    fn count(self: &Rc<Self>, reactor: &Reactor) {
        let without_room = |(id, active): (&u32, &mut Active)| (!active.count()).then_some(*id);
        let full: Vec<u32> = self.io.borrow_mut().calls.iter_mut().filter_map(without_room).collect();
        for id in full {
            self.io.borrow_mut().http.reset(id, Code::CANCEL);
            if let Some(call) = self.remove(reactor, id) {
                let why = "the app has no room for what has come of the response beside all else that waits for it (limit external_bytes)";
                call.tell(reactor, Failure::new(FailureKind::Limit, why));
            }
        }
    }

    /// Sends what there is of a call's request; whether anything was.
    fn send(self: &Rc<Self>, reactor: &Reactor, id: u32) -> bool {
        let wants = {
            let mut io = self.io.borrow_mut();
            let left = H2_OUT_BYTES_MAX.saturating_sub(io.unwritten());
            let Io { calls, http, is_mute: false, .. } = &mut *io else { return false };
            let Some(active) = calls.get_mut(&id) else { return false };
            if active.send(id, left, http) {
                active.moved_ms = reactor.clock().now_ms();
                return true;
            }
            active.wants_piece() && left > 0 && http.room(id) > 0
        };
        if !wants {
            return false;
        }
        let Some(call) = self.call(id) else { return false };
        let piece = call.exchange.pull(FETCH_PIECE_BYTES_MAX);
        let given = match self.io.borrow_mut().calls.get_mut(&id) {
            Some(active) => active.given(piece).map(|()| !active.starved),
            None => return false,
        };
        match given {
            Ok(any) => any,
            Err(why) => {
                self.io.borrow_mut().http.reset(id, Code::CANCEL);
                self.remove(reactor, id);
                call.tell(reactor, Failure::new(FailureKind::Invalid, why));
                true
            }
        }
    }
}

impl Io {
    fn new(stream: Stream) -> Self {
        Self {
            stream,
            can: Ready { read: true, write: true },
            http: h2::Connection::client(Scheme::Https, Limits::default()),
            written: 0,
            is_mute: false,
            is_lost: false,
            calls: BTreeMap::new(),
            waiting: VecDeque::new(),
            news: Vec::new(),
            silent_since_ms: None,
            pinged_ms: None,
        }
    }

    /// How many bytes wait to be written.
    fn unwritten(&mut self) -> usize {
        self.http.output().len() - self.written
    }

    /// Whether there is room for one more head.
    fn has_room(&mut self) -> bool {
        !self.is_mute && self.unwritten() < H2_OUT_BYTES_MAX
    }

    /// For how long nothing has been read although somebody has asked.
    fn silent_ms(&self, now_ms: u64) -> u64 {
        self.silent_since_ms.map_or(0, |since_ms| now_ms.saturating_sub(since_ms))
    }

    /// How much longer that may be before something is done about it.
    fn patience_ms(&self, now_ms: u64) -> u64 {
        match self.pinged_ms {
            Some(since_ms) => H2_PING_MS_MAX.saturating_sub(now_ms.saturating_sub(since_ms)),
            None => H2_PING_AFTER_MS.saturating_sub(self.silent_ms(now_ms)),
        }
    }

    /// Writes the head of a call's request, which has this stream then.
    fn ask(&mut self, call: &Rc<Call>, now_ms: u64) -> Result<u32, Failure> {
        let invalid = |why: &dyn std::fmt::Display| Failure::new(FailureKind::Invalid, format!("the request cannot be sent: {why}"));
        let message = call.message.as_ref().ok_or_else(|| invalid(&"it is not for HTTP/2"))?;
        let to = Target { path: &message.path, authority: &message.authority, scheme: "https" };
        let (id, has_body) = self.http.request(&message.head, &to, message.content).map_err(|why| invalid(&why))?;
        self.calls.insert(id, Active::new(call.clone(), has_body, now_ms));
        Ok(id)
    }

    /// Says the last word, and that nothing more will be written; nothing more is read.
    fn lose(&mut self) {
        if std::mem::replace(&mut self.is_lost, true) {
            return;
        }
        self.http.go_away();
        let _ = self.flush();
        // The socket itself is closed when the last of those who know this lets go of it, which is soon; the other side can know now.
        let _ = self.stream.shutdown();
        self.is_mute = true;
        self.can = Ready::default();
    }

    /// Reads once, and takes what has come; whether there may be more.
    fn read(&mut self, now_ms: u64, share: &mut Share) -> bool {
        if !self.can.read || !self.is_mute && !self.has_room() {
            return false;
        }
        let mut buffer = vec![0; FETCH_READ_BYTES];
        match self.stream.read(&mut buffer) {
            Ok(None) => {
                *share = Share::none();
                return true;
            }
            Ok(Some(0)) => {
                self.can.read = false;
                let why = "the connection was closed before the response was complete";
                self.news.push(News::Broken(Failure::new(FailureKind::Closed, why)));
            }
            Ok(Some(bytes)) => {
                share.spend(bytes);
                self.pinged_ms = None;
                // A server of ours is not an attacker by being slow: it is held to what comes at once.
                self.http.relax(H2_PATIENCE / 100);
                self.take(&buffer[..bytes], now_ms);
                let is_asked = !self.waiting.is_empty() || self.calls.values().any(|active| !active.ended);
                self.silent_since_ms = is_asked.then_some(now_ms);
                return true;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.can.read = false,
            Err(error) => {
                self.can.read = false;
                self.news.push(News::Broken(closed(&error)));
            }
        }
        false
    }

    fn take(&mut self, mut input: &[u8], now_ms: u64) {
        loop {
            match self.http.receive(&mut input) {
                Ok(None) => return,
                Ok(Some(Event::Response(id, head))) => {
                    if let Some(active) = self.calls.get_mut(&id) {
                        active.moved_ms = now_ms;
                    }
                    self.news.push(News::Head(id, *head));
                }
                Ok(Some(Event::Data(id, bytes))) => match self.calls.get_mut(&id) {
                    Some(active) => {
                        active.take(bytes);
                        active.moved_ms = now_ms;
                    }
                    None => self.http.credit(id, bytes.len()),
                },
                Ok(Some(Event::End(id))) => {
                    if let Some(active) = self.calls.get_mut(&id) {
                        active.ended = true;
                    }
                }
                Ok(Some(Event::Reset(id, code))) => {
                    // RFC 9113, 8.1: all has been answered, and the rest of the question is not needed.
                    let is_answered = self.calls.get(&id).is_some_and(|active| active.ended);
                    if !is_answered {
                        self.news.push(News::Reset(id, code, self.http.failed(id)));
                    }
                }
                Ok(Some(Event::Away(last, code))) => self.news.push(News::Away(last, code)),
                Ok(Some(Event::Pong | Event::Request(..) | Event::Refused(..))) => {}
                Err(fault) => {
                    let failure = Failure::new(FailureKind::Protocol, format!("the server does not keep to HTTP/2: {fault}"));
                    self.news.push(News::Broken(failure));
                    self.can.read = false;
                    return;
                }
            }
        }
    }

    /// Writes what there is; whether anything went.
    fn flush(&mut self) -> io::Result<bool> {
        let flushed = self.write();
        if flushed.is_err() {
            (self.is_mute, self.can.write, self.written) = (true, false, 0);
            *self.http.output() = Vec::new();
        }
        flushed
    }

    fn write(&mut self) -> io::Result<bool> {
        let mut wrote = false;
        while self.can.write {
            let output = self.http.output();
            if self.written == output.len() {
                // An idle connection holds no buffers.
                *output = Vec::new();
                self.written = 0;
                self.can.write = self.stream.flush()?;
                return Ok(wrote);
            }
            match self.stream.write(&output[self.written..]) {
                Ok(bytes) => {
                    self.written += bytes;
                    wrote = true;
                    // The end may never be reached: a slow server takes no more than is put behind meanwhile.
                    if self.written >= H2_OUT_BYTES_MAX {
                        output.drain(..std::mem::take(&mut self.written));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.can.write = false,
                Err(error) => return Err(error),
            }
        }
        Ok(wrote)
    }
}

/// The server has done nothing for those that were not asked.
fn refuse(reactor: &Reactor, waiting: VecDeque<(Rc<Call>, u64)>, failure: &Failure) {
    for (call, _) in waiting {
        if failure.kind == FailureKind::Timeout { call.tell(reactor, failure.clone()) } else { call.refused(reactor, failure.clone()) }
    }
}

fn no_more() -> Failure {
    Failure::new(FailureKind::Closed, "the server takes no more requests on this connection")
}

fn closed(error: &io::Error) -> Failure {
    Failure::new(FailureKind::Closed, format!("the connection broke: {error}"))
}

impl Peer for Multi {
    fn app(&self) -> u64 {
        self.place.app
    }

    fn ready(self: Rc<Self>, reactor: &Reactor, ready: Ready) {
        {
            let mut io = self.io.borrow_mut();
            let is_there = !io.is_lost;
            io.can.read |= ready.read && is_there;
            io.can.write |= ready.write && is_there;
        }
        self.drive(reactor);
    }

    fn due(self: Rc<Self>, reactor: &Reactor, _: u32) {
        self.timer.set(None);
        if self.is_idle() {
            return self.close(reactor);
        }
        let now_ms = reactor.clock().now_ms();
        let (silent_ms, pinged_ms) = {
            let io = self.io.borrow();
            (io.silent_ms(now_ms), io.pinged_ms)
        };
        if pinged_ms.is_some_and(|since| now_ms.saturating_sub(since) >= H2_PING_MS_MAX) {
            let why = format!("the server did not answer for {} ms", silent_ms);
            return self.broken(reactor, &Failure::new(FailureKind::Timeout, why));
        }
        let late: Vec<(u32, u64)> = {
            let io = self.io.borrow();
            let patience = |headed| if headed { FETCH_BODY_IDLE_MS_MAX } else { FETCH_FIRST_BYTE_MS_MAX };
            let waits_for_us = |active: &Active| active.headed && active.call.exchange.room() == 0 || active.starved;
            let is_late = |active: &&Active| now_ms.saturating_sub(active.moved_ms) >= patience(active.headed) && !waits_for_us(active);
            io.calls.iter().filter(|(_, active)| is_late(active)).map(|(id, active)| (*id, patience(active.headed))).collect()
        };
        for (id, patience_ms) in late {
            self.io.borrow_mut().http.reset(id, Code::CANCEL);
            let headed = self.io.borrow().calls.get(&id).is_some_and(|active| active.headed);
            let what = if headed { "the response's body stalled" } else { "there was no response" };
            if let Some(call) = self.remove(reactor, id) {
                call.tell(reactor, Failure::new(FailureKind::Timeout, format!("{what} for {patience_ms} ms")));
            }
        }
        for call in self.late_to_be_asked(now_ms) {
            let why = format!("the server took no more requests for {FETCH_FIRST_BYTE_MS_MAX} ms");
            call.tell(reactor, Failure::new(FailureKind::Timeout, why));
        }
        if silent_ms >= H2_PING_AFTER_MS {
            let mut io = self.io.borrow_mut();
            if io.pinged_ms.is_none() {
                io.pinged_ms = Some(now_ms);
                io.http.ping();
            }
        }
        self.check_later(reactor);
        self.later(reactor);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};

    use socket2::SockRef;

    use super::*;

    #[test]
    fn what_has_gone_to_a_slow_server_is_not_kept() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        // The kernel takes less at a time than waits here.
        SockRef::from(&socket).set_send_buffer_size(H2_OUT_BYTES_MAX / 8).unwrap();
        SockRef::from(&server).set_recv_buffer_size(H2_OUT_BYTES_MAX / 4).unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut io = Io::new(Stream::Plain(mio::net::TcpStream::from_std(socket)));
        let mut read = 0;
        while read < 6 * H2_OUT_BYTES_MAX {
            let left = H2_OUT_BYTES_MAX.saturating_sub(io.unwritten());
            io.http.output().extend(std::iter::repeat_n(b'x', left));
            io.can.write = true;
            io.flush().unwrap();
            let kept = io.http.output().len();
            assert!(kept <= 2 * H2_OUT_BYTES_MAX, "{kept} bytes");
            read += server.read(&mut [0; H2_OUT_BYTES_MAX]).unwrap();
        }
    }
}
