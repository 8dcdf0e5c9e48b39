//! One shard's thread without a shard: a poll, its reactor, and a clock.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mio::{Events, Poll, Token, Waker};
use nano_base::clock::Clock;
use nano_net::connect::{Net, Target};
use nano_net::names::{Lookup, Names, Resolver};
use nano_net::policy::{Host, Mode, Policy, Rule, Scheme};
use nano_net::reactor::Reactor;
use nano_net::tls::{Roots, Sessions, Trust};

/// How often it is looked whether something has happened elsewhere than on the shard, and how often in vain before a test has failed.
const LOOK: Duration = Duration::from_millis(5);
const LOOKS_MAX: usize = 4_000;

pub struct Shard {
    poll: RefCell<Poll>,
    pub reactor: Reactor,
    pub clock: Clock,
    pub names: Rc<Names>,
    pub net: Rc<Net>,
}

impl Shard {
    /// A shard whose names are looked up in a script.
    pub fn new(lookup: &Arc<Script>) -> Self {
        Self::with(lookup, &Roots::Webpki, Clock::manual())
    }

    pub fn with(lookup: &Arc<Script>, roots: &Roots, clock: Clock) -> Self {
        let poll = Poll::new().unwrap();
        let reactor = Reactor::new(poll.registry(), clock.clone(), 1_000).unwrap();
        let waker = Waker::new(poll.registry(), Token(0)).unwrap();
        let ring = Arc::new(move || waker.wake().unwrap());
        let names = Names::new(&reactor, Arc::new(Resolver::new(lookup.clone(), &clock)), ring).unwrap();
        let net = Net::new(names.clone(), Sessions::new(Trust::new(roots, &clock).unwrap()));
        Self { poll: poll.into(), reactor, clock, names, net }
    }

    /// Works until something has happened.
    pub fn until(&self, happened: impl Fn() -> bool) {
        let mut events = Events::with_capacity(64);
        let mut looks = 0;
        loop {
            while self.reactor.turn() {}
            if happened() {
                return;
            }
            self.poll.borrow_mut().poll(&mut events, Some(LOOK)).unwrap();
            looks = if events.is_empty() { looks + 1 } else { 0 };
            assert!(looks < LOOKS_MAX, "nothing happens any more");
            for event in &events {
                if !self.reactor.tell(event) {
                    self.names.deliver(&self.reactor);
                }
            }
        }
    }

    /// Does what can be done without waiting.
    pub fn settle(&self) {
        let mut events = Events::with_capacity(64);
        loop {
            while self.reactor.turn() {}
            self.poll.borrow_mut().poll(&mut events, Some(Duration::ZERO)).unwrap();
            if events.is_empty() {
                return;
            }
            for event in &events {
                if !self.reactor.tell(event) {
                    self.names.deliver(&self.reactor);
                }
            }
        }
    }

    /// Moves the clock, and does what is due.
    pub fn advance_ms(&self, ms: u64) {
        self.clock.advance_ms(ms);
        self.settle();
    }
}

/// A place for something that comes later.
pub struct Later<T>(Rc<RefCell<Option<T>>>);

impl<T> Clone for Later<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Later<T> {
    pub fn new() -> Self {
        Self(Rc::default())
    }

    pub fn put(&self, value: T) {
        assert!(self.0.borrow_mut().replace(value).is_none(), "told twice");
    }

    pub fn is_there(&self) -> bool {
        self.0.borrow().is_some()
    }

    pub fn take(&self) -> Option<T> {
        self.0.borrow_mut().take()
    }

    /// What has come, when it has.
    pub fn wait(&self, shard: &Shard) -> T {
        shard.until(|| self.is_there());
        self.take().unwrap()
    }
}

/// Answers for names, in their order; the last one for good. A name that is not in it does not exist.
#[derive(Default)]
pub struct Script {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    /// Names that are answered when something is sent.
    gates: Mutex<HashMap<String, Arc<Mutex<Receiver<()>>>>>,
    pub asked: AtomicUsize,
    pub order: Mutex<Vec<String>>,
}

impl Script {
    pub fn new(names: &[(&str, &[&str])]) -> Arc<Self> {
        let script = Self::default();
        for (name, answers) in names {
            let answers = answers.iter().map(|text| text.split(' ').map(|text| text.parse().unwrap()).collect()).collect();
            script.answers.lock().unwrap().insert((*name).into(), answers);
        }
        Arc::new(script)
    }

    /// Makes a name wait; one answer for each that is sent.
    pub fn gate(&self, name: &str) -> Sender<()> {
        let (sender, receiver) = channel();
        self.gates.lock().unwrap().insert(name.into(), Arc::new(receiver.into()));
        sender
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Lookup for Script {
    fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.order.lock().unwrap().push(name.into());
        self.asked.fetch_add(1, Ordering::SeqCst);
        let gate = self.gates.lock().unwrap().get(name).cloned();
        if let Some(gate) = gate {
            let _ = gate.lock().unwrap().recv();
        }
        let mut answers = self.answers.lock().unwrap();
        match answers.get_mut(name) {
            Some(answers) if answers.len() > 1 => Ok(answers.remove(0)),
            Some(answers) => Ok(answers[0].clone()),
            None => Err(io::Error::other("no such name in the script")),
        }
    }
}

pub fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

/// A policy that lets this machine be reached.
pub fn open() -> Arc<Policy> {
    Arc::new(Policy::new(Mode::Public, vec![Rule::parse("127.0.0.0/8").unwrap(), Rule::parse("::1").unwrap()], Vec::new()))
}

pub fn target(scheme: Scheme, name: &str, port: u16) -> Target {
    Target { app: 1, policy: open(), scheme, host: host(name), port }
}

/// Something that is counted.
#[allow(dead_code, reason = "used by some of the files")]
pub type Count = Rc<Cell<usize>>;
