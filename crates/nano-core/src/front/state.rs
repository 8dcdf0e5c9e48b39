//! What a front holds: its poll, its listening sockets, its connections, and their timers.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};
use nano_base::date;
use nano_base::limits::{
    HTTP_ACCEPTS_MAX, HTTP_CONNECTIONS_MAX, HTTP_EVENTS_MAX, HTTP_PAUSE_MS, HTTP_PRESS_EVERY_MS, HTTP_PRESSED_MS, HTTP_SPARED_MS,
    LISTEN_BACKLOG, VISIT_CPU_NS,
};
use nano_base::slots::Slots;
use nano_base::sys;
use nano_base::wheel::{TimerKey, TimerWheel};

use super::Mail;
use super::client::{Client, Fate, Readiness};
use super::listen::Acceptance;
use crate::runtime::Inner;

/// Tokens from here on are connections; below are listening sockets.
const CONNECTIONS: usize = 1 << 32;

/// What a connection needs of its surroundings.
pub(super) struct Tools<'a> {
    pub inner: &'a Arc<Inner>,
    /// The shard whose front this is.
    pub shard: usize,
    pub now_ms: u64,
    /// The time, as HTTP writes it.
    pub date: &'a [u8],
    /// Where sockets are read into: between two connections there is nothing in it.
    pub buffer: &'a mut Vec<u8>,
}

/// What is due.
#[derive(Clone, Copy, Debug)]
enum Due {
    Connection(u64),
    /// A listener that had to pause may accept again.
    Accept(usize),
}

/// A connection, and where its timer is.
struct Entry {
    client: Client,
    timer: Option<(u64, TimerKey)>,
    /// It is in `again`: what is told of it meanwhile gives it no second share.
    again: bool,
    /// What the poll has said of it in a turn that had no time for it.
    untold: Option<Readiness>,
}

/// What one kind of work may take of a turn: handshakes of thousands of clients, or whatever else they can ask for at once, keep neither
/// apps nor the other kinds waiting.
#[derive(Default)]
struct Share {
    things: usize,
    begun_ns: u64,
}

/// Things done between two looks at the clock.
const THINGS_PER_LOOK: usize = 4;

impl Share {
    /// Counts one thing that was done; whether there is time for another.
    fn lasts(&mut self) -> bool {
        self.things += 1;
        if !self.things.is_multiple_of(THINGS_PER_LOOK) {
            return true;
        }
        let now_ns = sys::time::monotonic_ns();
        if self.things == THINGS_PER_LOOK {
            self.begun_ns = now_ns;
        }
        now_ns - self.begun_ns < VISIT_CPU_NS
    }
}

/// Everything that is moved together, under the front's lock.
pub(super) struct State {
    shard: usize,
    poll: Poll,
    events: Events,
    acceptances: HashMap<usize, Acceptance>,
    next_acceptance: usize,
    connections: Slots<Entry>,
    /// What the last turn had no time for.
    mail: VecDeque<Mail>,
    /// Connections that have had their share or have not been told, and listening sockets that may have more.
    again: VecDeque<u64>,
    accepting: VecDeque<usize>,
    wheel: TimerWheel<Due>,
    buffer: Vec<u8>,
    date: [u8; 29],
    date_s: u64,
    /// When slow clients were last looked for.
    pressed_ms: u64,
}

impl State {
    pub(super) fn new(shard: usize) -> io::Result<Self> {
        Ok(Self {
            shard,
            poll: Poll::new()?,
            events: Events::with_capacity(HTTP_EVENTS_MAX),
            acceptances: HashMap::new(),
            next_acceptance: 0,
            connections: Slots::new(HTTP_CONNECTIONS_MAX),
            mail: VecDeque::new(),
            again: VecDeque::new(),
            accepting: VecDeque::new(),
            wheel: TimerWheel::new(0),
            buffer: Vec::new(),
            date: date::write(0),
            date_s: 0,
            pressed_ms: 0,
        })
    }

    pub(super) fn raw_fd(&self) -> RawFd {
        self.poll.as_raw_fd()
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        if !self.mail.is_empty() || !self.again.is_empty() || !self.accepting.is_empty() {
            return Some(0);
        }
        self.wheel.next_deadline()
    }

    pub(super) fn accept_from(&mut self, mut acceptance: Acceptance) -> io::Result<()> {
        let token = self.next_acceptance;
        self.next_acceptance = (token + 1) % CONNECTIONS;
        self.poll.registry().register(&mut acceptance.acceptor, Token(token), Interest::READABLE)?;
        self.acceptances.insert(token, acceptance);
        Ok(())
    }

    pub(super) fn close_listener(&mut self, inner: &Arc<Inner>, listener: u64) {
        // Whoever waits in the kernel's queue has been let in already, as far as they can tell.
        let now_ms = inner.clock.now_ms();
        let of_it = |(token, acceptance): (&usize, &Acceptance)| (acceptance.shared.key == listener).then_some(*token);
        for token in self.acceptances.iter().filter_map(of_it).collect::<Vec<_>>() {
            // Each look takes some of them.
            let mut looks = 0..LISTEN_BACKLOG;
            while looks.next().is_some() && self.accept(inner, now_ms, token) {}
        }
        self.acceptances.retain(|_, acceptance| acceptance.shared.key != listener);
        // Each learns of it in the next turn: one that is at a request goes on.
        self.again.extend(self.connections.iter().filter(|(_, entry)| entry.client.listener() == listener).map(|(id, _)| id));
    }

    pub(super) fn close(&mut self) {
        self.acceptances.clear();
        let ids: Vec<u64> = self.connections.iter().map(|(id, _)| id).collect();
        for id in ids {
            self.remove(id);
        }
        self.mail.clear();
        self.again.clear();
        self.accepting.clear();
    }

    /// Moves what can be moved in a turn; whether there was anything.
    pub(super) fn turn(&mut self, inner: &Arc<Inner>, mail: Vec<Mail>) -> bool {
        let now_ms = inner.clock.now_ms();
        self.tell_time(inner.clock.unix_ms() as u64);
        self.mail.extend(mail);
        let mut any = self.deliver(inner, now_ms);
        any |= self.go_on(inner, now_ms);
        any |= self.poll(inner, now_ms);
        for _ in 0..self.accepting.len() {
            let Some(token) = self.accepting.pop_front() else { break };
            any = true;
            self.accept(inner, now_ms, token);
        }
        any | self.expire(inner, now_ms)
    }

    /// Tells connections what happened to their requests.
    fn deliver(&mut self, inner: &Arc<Inner>, now_ms: u64) -> bool {
        let any = !self.mail.is_empty();
        let mut share = Share::default();
        while let Some(mail) = self.mail.pop_front() {
            self.drive(inner, now_ms, mail.connection, |client, tools| client.take(mail.stream, mail.what, mail.held, tools));
            if !share.lasts() {
                break;
            }
        }
        any
    }

    /// Lets connections go on that have had their share before, or that a turn had no time for.
    fn go_on(&mut self, inner: &Arc<Inner>, now_ms: u64) -> bool {
        let any = !self.again.is_empty();
        let mut share = Share::default();
        for _ in 0..self.again.len() {
            let Some(id) = self.again.pop_front() else { break };
            if let Some(entry) = self.connections.get_mut(id) {
                entry.again = false;
            }
            self.tell_or(inner, now_ms, id, |client, tools| client.go_on(id, tools));
            if !share.lasts() {
                break;
            }
        }
        any
    }

    /// Does what is due.
    fn expire(&mut self, inner: &Arc<Inner>, now_ms: u64) -> bool {
        let mut any = false;
        let mut share = Share::default();
        while let Some((_, due)) = self.wheel.pop_due(now_ms) {
            any = true;
            match due {
                Due::Connection(id) => {
                    if let Some(entry) = self.connections.get_mut(id) {
                        entry.timer = None;
                    }
                    // What has come in time counts, however late it is looked at.
                    self.tell_or(inner, now_ms, id, |client, tools| client.time_is_up(tools));
                }
                Due::Accept(token) => {
                    if let Some(acceptance) = self.acceptances.get_mut(&token) {
                        acceptance.paused = false;
                    }
                    self.accept(inner, now_ms, token);
                }
            }
            // The rest stays due.
            if !share.lasts() {
                break;
            }
        }
        any
    }

    /// Ends the responses that have waited longest for their clients, of apps that have so much waiting that they may have to refuse requests.
    pub(super) fn press(&mut self, inner: &Arc<Inner>) {
        let now_ms = inner.clock.now_ms();
        if now_ms < self.pressed_ms + HTTP_PRESS_EVERY_MS {
            return;
        }
        self.pressed_ms = now_ms;
        let until_ms = now_ms.saturating_sub(HTTP_PRESSED_MS);
        let since = |(id, entry): (u64, &Entry)| entry.client.crowds_since_ms().filter(|since| *since <= until_ms).map(|since| (since, id));
        let mut slow: Vec<(u64, u64)> = self.connections.iter().filter_map(since).collect();
        slow.sort_unstable();
        for (_, id) in slow {
            self.drive(inner, now_ms, id, |client, tools| client.press(until_ms, tools));
        }
    }

    fn tell_time(&mut self, unix_ms: u64) {
        if unix_ms / 1000 != self.date_s {
            self.date_s = unix_ms / 1000;
            self.date = date::write(unix_ms);
        }
    }

    fn poll(&mut self, inner: &Arc<Inner>, now_ms: u64) -> bool {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        // Interrupted or failed: the next turn looks again.
        let polled = self.poll.poll(&mut events, Some(Duration::ZERO));
        let any = polled.is_ok() && !events.is_empty();
        if any {
            let (mut share, mut has_time) = (Share::default(), true);
            for event in &events {
                let token = event.token().0;
                if token < CONNECTIONS {
                    self.accept_later(token);
                    continue;
                }
                let closing = event.is_read_closed() || event.is_error();
                let read = event.is_readable() || closing;
                let gone = event.is_error() || (event.is_write_closed() && event.is_read_closed());
                let readiness = Readiness { read, closing, gone };
                if has_time {
                    self.drive(inner, now_ms, token as u64, |client, tools| client.ready(token as u64, readiness, tools));
                    has_time = share.lasts();
                } else {
                    self.remember(token as u64, readiness);
                }
            }
        }
        self.events = events;
        any
    }

    /// Keeps what the poll tells only once, for a connection that there is no time for.
    fn remember(&mut self, id: u64, readiness: Readiness) {
        let Some(entry) = self.connections.get_mut(id) else { return };
        entry.untold = Some(entry.untold.unwrap_or_default() | readiness);
        if !std::mem::replace(&mut entry.again, true) {
            self.again.push_back(id);
        }
    }

    /// Tells a connection what it has not been told, or lets it do something else if it has.
    fn tell_or(&mut self, inner: &Arc<Inner>, now_ms: u64, id: u64, act: impl FnOnce(&mut Client, &mut Tools<'_>) -> Fate) {
        let untold = self.connections.get_mut(id).and_then(|entry| entry.untold.take());
        self.drive(inner, now_ms, id, |client, tools| match untold {
            Some(readiness) => client.ready(id, readiness, tools),
            None => act(client, tools),
        });
    }

    /// A listening socket has its turn when connections have had theirs.
    fn accept_later(&mut self, token: usize) {
        if !self.accepting.contains(&token) {
            self.accepting.push_back(token);
        }
    }

    /// Accepts what waits, some at a time; whether there may be more.
    fn accept(&mut self, inner: &Arc<Inner>, now_ms: u64, token: usize) -> bool {
        let mut idle = None;
        let mut share = Share::default();
        for _ in 0..HTTP_ACCEPTS_MAX {
            if !share.lasts() {
                break;
            }
            let Some(shared) = self.acceptances.get(&token).filter(|it| !it.paused).map(|it| it.shared.clone()) else { return false };
            let is_full = shared.connections.load(Ordering::Relaxed) >= shared.limits.connections;
            let mut longest = None;
            if is_full {
                // Those who have nothing to ask must not keep others out.
                let idle = idle.get_or_insert_with(|| self.idle(shared.key, now_ms));
                longest = self.longest_idle(inner, now_ms, idle);
                if longest.is_none() {
                    return self.pause(now_ms, token);
                }
            }
            let Some(acceptance) = self.acceptances.get(&token) else { return false };
            match acceptance.acceptor.accept() {
                Ok((socket, peer)) => {
                    if let Some(longest) = longest {
                        self.remove_for(inner, longest);
                    }
                    let Some(client) = Client::new(socket, peer, shared, now_ms) else { continue };
                    let entry = Entry { client, timer: None, again: false, untold: None };
                    // Without room the entry is dropped, and with it the connection closed and counted out.
                    let Ok(id) = self.connections.insert(entry) else { return self.pause(now_ms, token) };
                    let interests = Interest::READABLE | Interest::WRITABLE;
                    let source = self.connections.get_mut(id).and_then(|entry| entry.client.source());
                    let registered = source.map(|source| self.poll.registry().register(source, Token(id as usize), interests));
                    match registered {
                        // What the client has sent by now is there already, mostly.
                        Some(Ok(())) => self.drive(inner, now_ms, id, |client, tools| client.ready(id, Readiness::READ, tools)),
                        _ => drop(self.remove(id)),
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                // The client has gone again, or a signal came.
                Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) => {}
                // It will not be better at once, unless somebody who has nothing to ask makes room.
                Err(error) => {
                    let mut room = None;
                    if sys::sockets::is_shortage(&error) {
                        inner.listeners.tell_shortage(inner, &shared, &error);
                        let idle = idle.get_or_insert_with(|| self.idle(shared.key, now_ms));
                        room = longest.or_else(|| self.longest_idle(inner, now_ms, idle));
                    }
                    match room {
                        Some(longest) => self.remove_for(inner, longest),
                        None => return self.pause(now_ms, token),
                    }
                }
            }
        }
        self.accept_later(token);
        true
    }

    /// The connections of a listener that have been idle for a while, the longest idle last.
    fn idle(&self, listener: u64, now_ms: u64) -> Vec<u64> {
        let entries = self.connections.iter().filter(|(_, entry)| entry.client.listener() == listener);
        let idle = entries.filter_map(|(id, entry)| entry.client.idle_since_ms().map(|since_ms| (since_ms, id)));
        let mut idle: Vec<(u64, u64)> = idle.filter(|(since_ms, _)| since_ms + HTTP_SPARED_MS <= now_ms).collect();
        idle.sort_unstable_by(|one, other| other.cmp(one));
        idle.into_iter().map(|(_, id)| id).collect()
    }

    /// The longest idle of these that has not asked for something just now.
    fn longest_idle(&mut self, inner: &Arc<Inner>, now_ms: u64, idle: &mut Vec<u64>) -> Option<u64> {
        while let Some(id) = idle.pop() {
            self.drive(inner, now_ms, id, |client, tools| client.ready(id, Readiness::READ, tools));
            // One that has gone has made room as well.
            if self.connections.get_mut(id).is_none_or(|entry| entry.client.idle_since_ms().is_some()) {
                return Some(id);
            }
        }
        None
    }

    /// Leaves connections in the kernel's queue for a while: there are no more for now.
    fn pause(&mut self, now_ms: u64, token: usize) -> bool {
        if let Some(acceptance) = self.acceptances.get_mut(&token) {
            acceptance.paused = true;
            self.wheel.insert(now_ms + HTTP_PAUSE_MS, Due::Accept(token));
        }
        false
    }

    /// Lets a connection do something, and sees to what follows. Where our own code fails at it, the connection is closed and nobody else notices.
    fn drive(&mut self, inner: &Arc<Inner>, now_ms: u64, id: u64, act: impl FnOnce(&mut Client, &mut Tools<'_>) -> Fate) {
        let Some(entry) = self.connections.get_mut(id) else { return };
        let mut tools = Tools { inner, shard: self.shard, now_ms, date: &self.date, buffer: &mut self.buffer };
        let acted = catch_unwind(AssertUnwindSafe(|| act(&mut entry.client, &mut tools)));
        match acted.unwrap_or(Fate::Close) {
            Fate::Close => return self.remove_for(inner, id),
            Fate::Again if entry.again => {}
            Fate::Again => {
                entry.again = true;
                self.again.push_back(id);
            }
            Fate::Wait | Fate::Http2 => {}
        }
        let deadline_ms = entry.client.deadline_ms();
        match entry.timer {
            // A timer that comes too early looks again.
            Some((armed_ms, _)) if armed_ms <= deadline_ms => {}
            _ if deadline_ms == u64::MAX => {}
            timer => {
                if let Some((_, key)) = timer {
                    self.wheel.cancel(key);
                }
                entry.timer = Some((deadline_ms, self.wheel.insert(deadline_ms, Due::Connection(id))));
            }
        }
    }

    /// Closes a connection; the requests it is at are given up.
    fn remove_for(&mut self, inner: &Arc<Inner>, id: u64) {
        if let Some(mut entry) = self.remove(id) {
            entry.client.give_up(inner);
        }
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.connections.remove(id)?;
        if let Some((_, key)) = entry.timer {
            self.wheel.cancel(key);
        }
        Some(entry)
    }
}
