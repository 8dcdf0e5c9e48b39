//! Somebody who makes requests and notes what is said.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use nano_base::http::{Headers, RequestHead, ResponseHead};
use nano_net::failure::Failure;
use nano_net::http::{Body, Client, Exchange, Handle, Piece, Request};
use nano_net::policy::Policy;
use nano_net::reactor::Reactor;

use crate::shard::{Shard, open};

/// What an exchange has heard.
pub struct Asker {
    pub head: RefCell<Option<ResponseHead>>,
    pub decoded: Cell<bool>,
    pub body: RefCell<Vec<u8>>,
    /// The largest piece, and how many there were.
    pub largest: Cell<usize>,
    pub pieces: Cell<usize>,
    pub room: Cell<usize>,
    pub over: RefCell<Option<Result<(), Failure>>>,
    pub upload: RefCell<VecDeque<Piece>>,
    pub pulled: Cell<usize>,
    /// What undoing a coding takes, and may.
    pub held: Cell<usize>,
    pub memory: Cell<usize>,
    /// What has come too early, and may.
    pub kept: Cell<usize>,
    pub keeps: Cell<usize>,
    /// How often the thread has worked for it.
    pub turns: Cell<usize>,
}

impl Asker {
    pub fn new() -> Rc<Self> {
        Rc::new(Self {
            head: RefCell::default(),
            decoded: Cell::default(),
            body: RefCell::default(),
            largest: Cell::default(),
            pieces: Cell::default(),
            room: Cell::new(usize::MAX),
            over: RefCell::default(),
            upload: RefCell::default(),
            pulled: Cell::default(),
            held: Cell::default(),
            memory: Cell::new(usize::MAX),
            kept: Cell::default(),
            keeps: Cell::new(usize::MAX),
            turns: Cell::default(),
        })
    }

    pub fn is_over(&self) -> bool {
        self.over.borrow().is_some()
    }

    pub fn status(&self) -> u16 {
        self.head.borrow().as_ref().map_or(0, |head| head.status)
    }

    /// Status and body, or why there is none.
    pub fn result(&self) -> Result<(u16, String), Failure> {
        let over = self.over.borrow().clone().expect("it is over");
        over.map(|()| (self.status(), String::from_utf8_lossy(&self.body.borrow()).into_owned()))
    }
}

impl Exchange for Asker {
    fn head(&self, _: &Reactor, head: ResponseHead, decoded: bool) {
        assert!(self.head.borrow_mut().replace(head).is_none() && !self.is_over());
        self.decoded.set(decoded);
    }

    fn room(&self) -> usize {
        self.room.get()
    }

    fn data(&self, _: &Reactor, bytes: Vec<u8>) {
        assert!(!self.is_over() && self.head.borrow().is_some() && !bytes.is_empty());
        assert!(bytes.len() <= self.room.get(), "{} bytes for a room of {}", bytes.len(), self.room.get());
        if self.room.get() != usize::MAX {
            self.room.set(self.room.get() - bytes.len());
        }
        self.largest.set(self.largest.get().max(bytes.len()));
        self.pieces.set(self.pieces.get() + 1);
        self.body.borrow_mut().extend(bytes);
    }

    fn end(&self, _: &Reactor) {
        assert!(self.over.borrow_mut().replace(Ok(())).is_none());
    }

    fn fail(&self, _: &Reactor, failure: Failure) {
        assert!(self.over.borrow_mut().replace(Err(failure)).is_none());
    }

    fn hold(&self, before: usize, after: usize) -> bool {
        assert_eq!(self.held.get(), before);
        let fits = after <= self.memory.get() || after < before;
        if fits {
            self.held.set(after);
        }
        fits
    }

    fn keep(&self, before: usize, after: usize) -> bool {
        assert_eq!(self.kept.get(), before);
        let fits = after <= self.keeps.get() || after < before;
        if fits {
            self.kept.set(after);
        }
        fits
    }

    fn worked(&self, _: &Reactor) {
        self.turns.set(self.turns.get() + 1);
    }

    fn pull(&self, _: usize) -> Piece {
        self.pulled.set(self.pulled.get() + 1);
        self.upload.borrow_mut().pop_front().unwrap_or(Piece::Wait)
    }
}

/// A shard with a client.
pub struct Web {
    pub shard: Shard,
    pub client: Rc<Client>,
}

impl Web {
    pub fn new(shard: Shard) -> Self {
        let client = Client::new(shard.net.clone());
        Self { shard, client }
    }

    pub fn ask(&self, method: &str, url: &str, body: Body, exchange: &Rc<Asker>) -> Result<Handle, Failure> {
        self.ask_for(1, open(), method, url, &[], body, exchange)
    }

    #[allow(clippy::too_many_arguments, reason = "each test varies another one")]
    pub fn ask_for(
        &self,
        app: u64,
        policy: Arc<Policy>,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Body,
        exchange: &Rc<Asker>,
    ) -> Result<Handle, Failure> {
        let mut flat = Headers::new();
        for (name, value) in headers {
            assert!(flat.push(name.as_bytes(), value.as_bytes()));
        }
        let head = RequestHead { method: nano_base::http::method(method), url: url.into(), headers: flat };
        self.client.request(&self.shard.reactor, Request { app, policy, head, body }, exchange.clone())
    }

    /// A request to its end.
    pub fn fetch(&self, method: &str, url: &str, body: Body) -> Result<(u16, String), Failure> {
        let asker = Asker::new();
        self.ask(method, url, body, &asker)?;
        self.shard.until(|| asker.is_over());
        asker.result()
    }

    pub fn get(&self, port: u16) -> Result<(u16, String), Failure> {
        self.fetch("GET", &format!("http://127.0.0.1:{port}/"), Body::None)
    }
}
