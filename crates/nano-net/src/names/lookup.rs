//! The threads that ask the system for names: few, for all shards of a runtime, fairly between apps.
//!
//! The system's resolver blocks and cannot be stopped, so no app may have more than half of the threads, and whoever asks does not wait for
//! them longer than it wants to. They are started when the first name is asked for.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use nano_base::lanes::Lanes;
use nano_base::limits::{LOOKUPS_MAX, LOOKUPS_OF_APP_MAX, RESOLVERS_MAX};
use nano_base::sys;

/// What turns a name into addresses, on a thread where it may block.
pub trait Lookup: Send + Sync + 'static {
    /// The addresses of a name, or why there are none.
    fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's own way: files, name servers, whatever it is set up to ask.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        // A port that no service is looked up for.
        Ok((name, 1).to_socket_addrs()?.map(|address| address.ip()).collect())
    }
}

/// The threads of one runtime. They end when it is dropped, those that are stuck when they get loose.
pub struct Resolver(Arc<Shared>);

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        write!(f, "Resolver({} threads, {} waiting)", state.threads, state.waiting.len())
    }
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    lookup: Arc<dyn Lookup>,
}

struct State {
    waiting: Lanes<u64, Question>,
    running: HashMap<u64, usize>,
    threads: usize,
    idle: usize,
    closed: bool,
}

/// A name that somebody wants to know the addresses of.
pub(super) struct Question {
    pub id: u32,
    pub name: Box<str>,
    pub mailbox: Arc<Mailbox>,
    /// Nobody waits for the answer any more.
    pub abandoned: Arc<AtomicBool>,
}

/// What came of it.
pub(super) type Found = io::Result<Vec<IpAddr>>;

/// The answers for one shard, which is rung for the first of them.
pub(super) struct Mailbox {
    answers: Mutex<Vec<(u32, Found)>>,
    ring: Arc<dyn Fn() + Send + Sync>,
}

impl Mailbox {
    pub(super) fn new(ring: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self { answers: Mutex::default(), ring }
    }

    pub(super) fn take(&self) -> Vec<(u32, Found)> {
        std::mem::take(&mut *self.answers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn has_any(&self) -> bool {
        !self.answers.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn put(&self, id: u32, found: Found) {
        let first = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.push((id, found));
            answers.len() == 1
        };
        if first {
            (self.ring)();
        }
    }
}

impl Resolver {
    /// Threads that ask the system.
    pub fn system() -> Self {
        Self::new(Arc::new(SystemLookup))
    }

    /// Threads that ask somebody else.
    pub fn new(lookup: Arc<dyn Lookup>) -> Self {
        let waiting = Lanes::new(LOOKUPS_MAX, LOOKUPS_OF_APP_MAX);
        let state = State { waiting, running: HashMap::new(), threads: 0, idle: 0, closed: false };
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), lookup }))
    }

    /// Queues a question; false if there is no room, or no thread could be started for it.
    pub(super) fn ask(&self, app: u64, question: Question) -> bool {
        let mut state = self.0.lock();
        if state.idle <= state.waiting.len() && state.threads < RESOLVERS_MAX && Shared::spawn(&self.0) {
            state.threads += 1;
            state.idle += 1;
        }
        if state.threads == 0 || state.waiting.push(app, question).is_err() {
            return false;
        }
        drop(state);
        self.0.changed.notify_one();
        true
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closed = true;
        let dropped = std::mem::replace(&mut state.waiting, Lanes::new(0, 0));
        drop(state);
        drop(dropped);
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(shared: &Arc<Self>) -> bool {
        let shared = shared.clone();
        let run = move || {
            sys::signals::block_asynchronous();
            while let Some((app, question)) = shared.next() {
                if !question.abandoned.load(Ordering::Relaxed) {
                    let found = catch_unwind(AssertUnwindSafe(|| shared.lookup.lookup(&question.name)));
                    question.mailbox.put(question.id, found.unwrap_or_else(|_| Err(io::Error::other("internal error in the resolver"))));
                }
                shared.done(app);
            }
        };
        std::thread::Builder::new().name("nano-names".into()).spawn(run).is_ok()
    }

    /// The next question of an app that has not its share of the threads already; none when there will be no more.
    fn next(&self) -> Option<(u64, Question)> {
        let mut guard = self.lock();
        loop {
            let state = &mut *guard;
            if state.closed {
                return None;
            }
            let running = &state.running;
            if let Some((app, question)) = state.waiting.pop_where(|app| running.get(&app).is_none_or(|count| *count < SHARE)) {
                *state.running.entry(app).or_default() += 1;
                state.idle -= 1;
                return Some((app, question));
            }
            guard = self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn done(&self, app: u64) {
        let mut state = self.lock();
        state.idle += 1;
        if let Some(count) = state.running.get_mut(&app) {
            *count -= 1;
            if *count == 0 {
                state.running.remove(&app);
            }
        }
        // What waited for this app's share may wait beside an idle thread.
        let more = !state.waiting.is_empty();
        drop(state);
        if more {
            self.changed.notify_one();
        }
    }
}

/// How many threads one app may keep busy.
const SHARE: usize = RESOLVERS_MAX / 2;
