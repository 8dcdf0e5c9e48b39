//! The threads that ask the system for names: few, for all shards of a runtime, fairly between apps.
//!
//! The system's resolver blocks and cannot be stopped, so no app may have more than half of the threads, and whoever asks does not wait for
//! them longer than it wants to. They are started when the first name is asked for.
//!
//! A thread that the system keeps for long is stuck, and does not count: another one takes its place, up to a bound. An app that has such a
//! thread comes after those that have none, asks for one name at a time, and for none at all when it has several. It takes forty apps with
//! hostile name servers to have all threads stuck: eight that have four each, while less than half of all threads are busy, and one for each
//! of the other half. Then names wait for as long as the system takes with one of theirs.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use nano_base::clock::Clock;
use nano_base::lanes::Lanes;
use nano_base::limits::{
    LOOKUP_STUCK_MS, LOOKUPS_MAX, LOOKUPS_OF_APP_MAX, LOOKUPS_STUCK_OF_APP_MAX, RESOLVER_STACK_BYTES, RESOLVER_THREADS_MAX, RESOLVERS_MAX,
};
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
    clock: Clock,
}

struct State {
    waiting: Lanes<u64, Question>,
    /// What threads are busy with, in the order in which they began.
    running: BTreeMap<u64, Running>,
    of_app: HashMap<u64, Busy>,
    /// How many of them are stuck.
    stuck: usize,
    threads: usize,
    idle: usize,
    last: u64,
    closed: bool,
}

struct Running {
    app: u64,
    since_ms: u64,
    stuck: bool,
}

/// The threads that one app keeps busy.
#[derive(Clone, Copy, Default)]
struct Busy {
    threads: usize,
    /// Those of them that are stuck.
    stuck: usize,
}

/// Why a question is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unasked {
    /// Too many wait, or no thread could be started.
    Busy,
    /// The app's own names have too many threads stuck.
    Stuck,
}

/// A name that somebody wants to know the addresses of.
pub(super) struct Question {
    pub id: u32,
    pub name: Box<str>,
    pub mailbox: Arc<Mailbox>,
    /// Nobody waits for the answer any more.
    pub abandoned: Arc<AtomicBool>,
}

/// What came of it; an error of the kind [`STUCK`] if it was not asked.
pub(super) type Found = io::Result<Vec<IpAddr>>;

/// The app has too many threads stuck.
pub(super) const STUCK: io::ErrorKind = io::ErrorKind::QuotaExceeded;

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
    pub fn system(clock: &Clock) -> Self {
        Self::new(Arc::new(SystemLookup), clock)
    }

    /// Threads that ask somebody else.
    pub fn new(lookup: Arc<dyn Lookup>, clock: &Clock) -> Self {
        let state = State {
            waiting: Lanes::new(LOOKUPS_MAX, LOOKUPS_OF_APP_MAX),
            running: BTreeMap::new(),
            of_app: HashMap::new(),
            stuck: 0,
            threads: 0,
            idle: 0,
            last: 0,
            closed: false,
        };
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), lookup, clock: clock.clone() }))
    }

    /// Queues a question.
    pub(super) fn ask(&self, app: u64, question: Question) -> Result<(), Unasked> {
        let mut state = self.0.lock();
        state.look(self.0.clock.now_ms());
        if state.of_app(app).stuck >= LOOKUPS_STUCK_OF_APP_MAX {
            return Err(Unasked::Stuck);
        }
        state.waiting.push(app, question).map_err(|_| Unasked::Busy)?;
        self.0.grow(&mut state);
        if state.threads == 0 {
            state.waiting.drain_lane(app);
            return Err(Unasked::Busy);
        }
        drop(state);
        self.0.changed.notify_one();
        Ok(())
    }

    /// Looks at the time: a thread may be stuck by now, and another take its place. For whoever has waited for a while.
    pub(super) fn look(&self) {
        let mut state = self.0.lock();
        if state.look(self.0.clock.now_ms()) {
            self.0.grow(&mut state);
            drop(state);
            self.0.changed.notify_all();
        }
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

    /// Starts threads for what could be asked now, as far as there may be more.
    fn grow(self: &Arc<Self>, state: &mut State) {
        while state.idle < state.waiting.len()
            && state.threads < RESOLVER_THREADS_MAX
            && state.threads - state.stuck < RESOLVERS_MAX
            && state.waiting.any(|app| state.may_ask(app))
            && self.spawn()
        {
            state.threads += 1;
            state.idle += 1;
        }
    }

    fn spawn(self: &Arc<Self>) -> bool {
        let shared = self.clone();
        let run = move || {
            while let Some((number, question)) = shared.next() {
                if !question.abandoned.load(Ordering::Relaxed) {
                    let found = catch_unwind(AssertUnwindSafe(|| shared.lookup.lookup(&question.name)));
                    question.mailbox.put(question.id, found.unwrap_or_else(|_| Err(io::Error::other("internal error in the resolver"))));
                }
                shared.done(number);
            }
        };
        let builder = std::thread::Builder::new().name("nano-names".into()).stack_size(RESOLVER_STACK_BYTES);
        sys::signals::blocked(|| builder.spawn(run)).is_ok()
    }

    /// The next question, and a number for it; none when there will be no more, or others are enough.
    fn next(&self) -> Option<(u64, Question)> {
        let mut guard = self.lock();
        loop {
            let state = &mut *guard;
            if state.closed {
                return None;
            }
            state.look(self.clock.now_ms());
            if state.threads - state.stuck > RESOLVERS_MAX {
                // One that was stuck has come back, and another has its place.
                (state.threads, state.idle) = (state.threads - 1, state.idle - 1);
                return None;
            }
            if let Some((app, question)) = state.take() {
                state.last += 1;
                state.running.insert(state.last, Running { app, since_ms: self.clock.now_ms(), stuck: false });
                state.of_app.entry(app).or_default().threads += 1;
                state.idle -= 1;
                return Some((state.last, question));
            }
            guard = self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn done(&self, number: u64) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.idle += 1;
        if let Some(Running { app, stuck, .. }) = state.running.remove(&number)
            && let Some(busy) = state.of_app.get_mut(&app)
        {
            busy.threads -= 1;
            busy.stuck -= usize::from(stuck);
            state.stuck -= usize::from(stuck);
            if busy.threads == 0 {
                state.of_app.remove(&app);
            }
        }
        // What waited for this app's share may wait beside an idle thread.
        let more = !state.waiting.is_empty();
        drop(guard);
        if more {
            self.changed.notify_all();
        }
    }
}

impl State {
    fn of_app(&self, app: u64) -> Busy {
        self.of_app.get(&app).copied().unwrap_or_default()
    }

    /// Finds those that have been busy for too long; whether there are any more than before.
    fn look(&mut self, now_ms: u64) -> bool {
        let before = self.stuck;
        for running in self.running.values_mut() {
            if now_ms.saturating_sub(running.since_ms) < LOOKUP_STUCK_MS {
                break;
            }
            if !std::mem::replace(&mut running.stuck, true) {
                self.stuck += 1;
                let busy = self.of_app.entry(running.app).or_default();
                busy.stuck += 1;
                if busy.stuck == LOOKUPS_STUCK_OF_APP_MAX {
                    // They would wait for as long as these take, and in the place of others.
                    for question in self.waiting.drain_lane(running.app) {
                        question.mailbox.put(question.id, Err(STUCK.into()));
                    }
                }
            }
        }
        self.stuck > before
    }

    /// Whether an app may have one more thread.
    fn may_ask(&self, app: u64) -> bool {
        let Busy { threads, stuck } = self.of_app(app);
        let half_is_free = self.running.len() < RESOLVER_THREADS_MAX / 2;
        match (stuck, half_is_free) {
            (0, true) => threads < SHARE,
            (0, false) => threads == 0,
            (_, true) => threads == stuck && stuck < LOOKUPS_STUCK_OF_APP_MAX,
            (_, false) => false,
        }
    }

    /// The next question of an app that may ask; those come first that have no thread stuck.
    fn take(&mut self) -> Option<(u64, Question)> {
        let mut waiting = std::mem::replace(&mut self.waiting, Lanes::new(0, 0));
        let next = waiting.pop_where(|app| self.of_app(app).stuck == 0 && self.may_ask(app));
        let next = next.or_else(|| waiting.pop_where(|app| self.may_ask(app)));
        self.waiting = waiting;
        next
    }
}

/// How many threads one app may keep busy.
const SHARE: usize = RESOLVERS_MAX / 2;
