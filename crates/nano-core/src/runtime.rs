//! A runtime: shards, apps, one completion queue.

mod registry;

use std::collections::HashMap;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use nano_base::clock::Clock;
use nano_base::limits::{HTTP_PARTING_MS, INSPECTED_APPS_MAX, POOL_MAX, RuntimeLimits, SHARDS_MAX, START_SLACK_MS};
use nano_base::notes::Notes;
use nano_base::slots::Slots;
use nano_base::status::{Error, Result, Status};
use nano_base::sys;
use nano_base::value::Value;
use nano_engine::{LogLevel, ProcessOptions};
use nano_net::tls::Roots;

use crate::alarms::Alarms;
use crate::app::AppShared;
use crate::cache::CacheStore;
use crate::call::{Answer, CALL_BIT, Call, CallContent, CallResponse, CallView};
use crate::event::{Event, EventMask, EventQueue, Payload};
use crate::front::Listeners;
use crate::helpers::Helpers;
use crate::inspect::Inspections;
use crate::objects::{self, Objects};
use crate::observe::{Counters, RuntimeStats, Totals};
use crate::pipe::{GONE, Pipe};
use crate::queue::Queues;
use crate::request::{Body, Ending, Place, Work};
use crate::schedule::Schedules;
use crate::shard::admission::Culprits;
use crate::shard::seat::Seat;
use crate::shard::{Command, Network, Shard, watchdog};
use crate::tail::Tails;
use crate::version::{Life, Version};
use crate::wait::{Grace, Patience, Slot, lock};

/// How to make a runtime.
#[derive(Clone, Debug, Default)]
pub struct RuntimeOptions {
    /// What it may use.
    pub limits: RuntimeLimits,
    /// The optional events that the host wants.
    pub events: EventMask,
    /// The clock it lives by.
    pub clock: Clock,
    /// Whose certificates apps trust.
    pub roots: Roots,
    /// Where to note which app runs, for whoever outlives the process.
    pub notes: Option<Arc<Notes>>,
    /// Apps that can have a debugger at the same time, each of them on a thread of its own: for whoever writes apps. Without any, nobody can.
    pub inspected_apps: usize,
}

/// Starts V8 with other than the default options; optional, and only before the first runtime.
pub fn init(options: &ProcessOptions) -> Result<()> {
    nano_engine::start_process(options)
}

/// A set of shards and their completion queue.
pub struct Runtime {
    inner: Arc<Inner>,
    freed: AtomicBool,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Runtime({} shards)", self.inner.shards.len())
    }
}

const OPEN: u8 = 0;
const DRAINING: u8 = 1;
const CLOSED: u8 = 2;

/// What all parts of a runtime share.
pub(crate) struct Inner {
    pub limits: RuntimeLimits,
    pub events: EventMask,
    pub clock: Clock,
    pub notes: Option<Arc<Notes>>,
    pub shards: Vec<Arc<Shard>>,
    /// How many of them apps are spread over. Those behind them wait for an app with a debugger, one each.
    pub working: usize,
    pub inspections: Inspections,
    pub culprits: Culprits,
    pub queue: EventQueue,
    pub watchdog: watchdog::Bell,
    pub counters: Counters,
    /// Of those who wait for an answer.
    pub waiters: Patience,
    /// Of the shards that have given one.
    pub answerers: Patience,
    /// Shards whose thread is in a turn that takes long: the others move their connections.
    pub stuck: AtomicUsize,
    pub network: Network,
    pub helpers: Arc<Helpers>,
    pub caches: Arc<CacheStore>,
    pub objects: Objects,
    pub alarms: Alarms,
    pub schedules: Schedules,
    pub queues: Queues,
    pub tails: Tails,
    pub listeners: Listeners,
    works: Mutex<Slots<Arc<Work>>>,
    calls: Mutex<Slots<Arc<Call>>>,
    apps: RwLock<HashMap<String, Arc<AppShared>>>,
    /// What apps had counted that are gone.
    past: Mutex<Totals>,
    next_app: AtomicU64,
    next_home: AtomicUsize,
    state: AtomicU8,
}

impl Runtime {
    /// Starts the shards, and V8 if this is the process's first runtime.
    pub fn new(options: RuntimeOptions) -> Result<Self> {
        match nano_engine::start_process(&ProcessOptions::default()) {
            Ok(()) => {}
            Err(error) if error.status == Status::Already => {}
            Err(error) => return Err(error),
        }
        let cores = sys::thread::cores();
        let threads = match options.limits.threads {
            0 => cores,
            threads => threads as usize,
        };
        let inspected = options.inspected_apps.min(INSPECTED_APPS_MAX);
        if threads + inspected > SHARDS_MAX {
            return Err(Error::new(Status::Invalid, format!("{threads} threads; at most {}", SHARDS_MAX - inspected)));
        }
        if options.limits.pool > POOL_MAX {
            return Err(Error::new(Status::Invalid, format!("pool is {}; the most is {POOL_MAX}", options.limits.pool)));
        }
        let io = |error: std::io::Error| Error::new(Status::Io, format!("cannot make a runtime: {error}"));
        let mut shards = Vec::with_capacity(threads + inspected);
        for index in 0..threads + inspected {
            shards.push(Arc::new(Shard::new(index).map_err(io)?));
        }
        let inner = Arc::new(Inner {
            caches: Arc::new(CacheStore::new(options.limits.cache_bytes)),
            works: Mutex::new(Slots::new(options.limits.requests as usize)),
            calls: Mutex::new(Slots::new(options.limits.requests as usize)),
            queue: EventQueue::new(options.limits.log_events).map_err(io)?,
            limits: options.limits,
            events: options.events,
            clock: options.clock.clone(),
            notes: options.notes,
            shards,
            working: threads,
            inspections: Inspections::default(),
            culprits: Culprits::default(),
            watchdog: watchdog::Bell::new(),
            counters: Counters::default(),
            waiters: Patience::new(cores),
            answerers: Patience::new(cores),
            stuck: AtomicUsize::new(0),
            network: Network::new(options.roots, &options.clock)?,
            helpers: Arc::default(),
            objects: Objects::default(),
            alarms: Alarms::default(),
            schedules: Schedules::default(),
            queues: Queues::default(),
            tails: Tails::default(),
            listeners: Listeners::default(),
            apps: RwLock::default(),
            past: Mutex::default(),
            next_app: AtomicU64::new(1),
            next_home: AtomicUsize::new(0),
            state: AtomicU8::new(OPEN),
        });
        // First, because whoever ends a runtime waits for it.
        watchdog::spawn(&inner)?;
        let runtime = Self { inner, freed: AtomicBool::new(false) };
        for shard in &runtime.inner.shards {
            // Where this fails, those that have begun end with the runtime.
            crate::shard::spawn(&runtime.inner, shard)?;
        }
        Ok(runtime)
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// Says that a version has ended, for a host that has not come to make its options.
    pub fn version_refused(&self, user_data: u64) {
        drop(Life::begin(&self.inner, user_data));
    }

    /// Takes up to `max` events; never blocks.
    pub fn poll(&self, max: usize, into: &mut Vec<Event>) -> Result<usize> {
        self.inner.queue.poll(max, into)
    }

    /// Waits for events, then takes up to `max`. A negative time waits without end.
    pub fn wait(&self, max: usize, timeout_ms: i32, into: &mut Vec<Event>) -> Result<usize> {
        let taken = self.poll(max, into)?;
        if taken > 0 || timeout_ms == 0 {
            return Ok(taken);
        }
        self.inner.queue.wait(timeout_ms);
        self.poll(max, into)
    }

    /// Has the shards begin with what they were handed by [`App::dispatch_quietly`].
    pub fn wake(&self) {
        self.inner.shards.iter().filter(|shard| shard.queued() > 0).for_each(|shard| shard.wake());
    }

    /// Readable exactly while events wait.
    pub fn raw_fd(&self) -> RawFd {
        self.inner.queue.raw_fd()
    }

    /// A function called, on a thread of NANO's, whenever the queue becomes non-empty. It must not block or call back in.
    pub fn set_doorbell(&self, doorbell: Option<Box<dyn Fn() + Send + Sync>>) {
        self.inner.queue.set_doorbell(doorbell);
    }

    /// Appends to a streaming request body; how many bytes were accepted. Zero: wait for WRITABLE.
    pub fn request_write(&self, id: u64, bytes: &[u8]) -> Result<usize> {
        let work = self.inner.work(id)?;
        let written = lock(&work.body).write(bytes);
        if let Err(error) = &written
            && error.status == Status::TooLarge
        {
            // Its last event says why; whoever writes hears what all hear whose request has ended.
            self.inner.cancel(&work, error.clone());
            self.inner.queue.ring();
            return Err(Error::new(Status::NotFound, GONE));
        }
        let (accepted, tell) = written?;
        work.progress();
        if tell {
            self.inner.tell_work(&work, Command::BodyReady);
        }
        Ok(accepted)
    }

    /// Ends a streaming request body.
    pub fn request_end(&self, id: u64) -> Result<()> {
        let work = self.inner.work(id)?;
        let tell = lock(&work.body).end();
        if tell {
            self.inner.tell_work(&work, Command::BodyReady);
        }
        Ok(())
    }

    /// The request's body was cut short: the app's read of it fails, the app may still answer.
    pub fn request_abort_body(&self, id: u64, why: &str) -> Result<()> {
        let work = self.inner.work(id)?;
        let tell = lock(&work.body).break_off(why);
        if tell {
            self.inner.tell_work(&work, Command::BodyReady);
        }
        Ok(())
    }

    /// Ends a request at once with CANCELED; the app learns of it by its abort signal.
    pub fn request_cancel(&self, id: u64) -> Result<()> {
        let work = self.inner.work(id)?;
        self.inner.cancel(&work, Error::new(Status::Canceled, "the host canceled the request"));
        self.inner.queue.ring();
        Ok(())
    }

    /// Opens the window of a response's or a call's body again.
    pub fn credit(&self, id: u64, bytes: u32) -> Result<()> {
        let bytes = i64::from(bytes);
        if id & CALL_BIT != 0 {
            let call = self.inner.call(id)?;
            let before = call.credit.fetch_add(bytes, Ordering::AcqRel);
            if before <= 0 && before + bytes > 0 {
                self.inner.tell_place(call.place, Command::Answer(call.place, Answer::WriteReady));
            }
            return Ok(());
        }
        let work = self.inner.work(id)?;
        work.passed_on(bytes as usize);
        work.give_credit(bytes);
        Ok(())
    }

    /// What a call asks.
    pub fn call_view(&self, id: u64) -> Result<CallView> {
        self.inner.call(id).map(|call| call.view.clone())
    }

    /// Answers a `fetch` call. With `Body::Stream` the body follows by `call_write` and `call_end`.
    pub fn call_respond(&self, id: u64, response: CallResponse) -> Result<()> {
        if !(200..=599).contains(&response.head.status) {
            return Err(Error::new(Status::Invalid, "a response's status is 200 to 599"));
        }
        if response.body == Body::Upgrade {
            return Err(Error::new(Status::Invalid, "a call is not answered with a WebSocket"));
        }
        let call = self.inner.call(id)?;
        if !call.is_fetch() {
            return Err(Error::new(Status::Invalid, "the call is no fetch: it is answered with a value, not with a response"));
        }
        let streaming = response.body == Body::Stream;
        {
            // Whoever fails the call from now on must find this body to break off.
            let mut body = lock(&call.body);
            self.inner.answer(&call)?;
            *body = Pipe::new(response.body, &call.app);
        }
        self.inner.tell_place(call.place, Command::Answer(call.place, Answer::Head(response.head)));
        if !streaming {
            self.inner.close_call(id);
        }
        Ok(())
    }

    /// Answers a call other than `fetch`. Every object in the value is given to the app until its RELEASE event.
    pub fn call_return(&self, id: u64, mut value: Value) -> Result<()> {
        let call = self.inner.call(id)?;
        if call.is_fetch() {
            return Err(Error::new(Status::Invalid, "the call is a fetch: it is answered with a response, not with a value"));
        }
        objects::check(&call.version, &mut value)?;
        if let CallContent::Files { .. } = call.view.content
            && let Value::Buffer(bytes) | Value::View(bytes) = value
        {
            // The platform reads it, and reads bytes.
            value = Value::Bytes(bytes);
        }
        self.inner.answer(&call)?;
        self.inner.give(&call, &mut value);
        self.inner.tell_place(call.place, Command::Answer(call.place, Answer::Value(value)));
        self.inner.close_call(id);
        Ok(())
    }

    /// Fails a call: the app's promise is rejected with the message. After `call_respond` it breaks the body off.
    pub fn call_fail(&self, id: u64, message: &str) -> Result<()> {
        self.call_throw(id, "", message)
    }

    /// The same with an error of this name. Where the app sees no such error but a text, as of a `fetch` or a body, the name stands before the
    /// message.
    pub fn call_throw(&self, id: u64, name: &str, message: &str) -> Result<()> {
        let call = self.inner.call(id)?;
        let colon = if name.is_empty() || message.is_empty() { "" } else { ": " };
        let text = || format!("{name}{colon}{message}");
        if self.inner.answer(&call).is_ok() {
            let answer = match &call.view.content {
                CallContent::Fetch { .. } | CallContent::Files { .. } => Answer::Fail(text()),
                _ if name.is_empty() => Answer::Fail(text()),
                _ => Answer::Throw(Value::error(name, message)),
            };
            self.inner.tell_place(call.place, Command::Answer(call.place, answer));
        } else {
            let tell = lock(&call.body).break_off(&text());
            if tell {
                self.inner.tell_place(call.place, Command::Answer(call.place, Answer::BodyReady));
            }
        }
        self.inner.close_call(id);
        Ok(())
    }

    /// Appends to the streaming body of an answer; how many bytes were accepted. Zero: wait for WRITABLE.
    pub fn call_write(&self, id: u64, bytes: &[u8]) -> Result<usize> {
        let call = self.inner.call(id)?;
        let (accepted, tell) = lock(&call.body).write(bytes)?;
        if tell {
            self.inner.tell_place(call.place, Command::Answer(call.place, Answer::BodyReady));
        }
        Ok(accepted)
    }

    /// Ends the streaming body of an answer.
    pub fn call_end(&self, id: u64) -> Result<()> {
        let call = self.inner.call(id)?;
        let tell = {
            let mut body = lock(&call.body);
            if !call.answered.load(Ordering::Acquire) {
                return Err(Error::new(Status::Invalid, "the call has no body to end: it has not been answered yet"));
            }
            body.end()
        };
        if tell {
            self.inner.tell_place(call.place, Command::Answer(call.place, Answer::BodyReady));
        }
        self.inner.close_call(id);
        Ok(())
    }

    /// Moves a manual clock on and lets the shards see it.
    pub fn advance_clock(&self, ms: u64) -> Result<()> {
        if !self.inner.clock.is_manual() {
            return Err(Error::new(Status::Invalid, "the runtime lives by the system's clock"));
        }
        if !self.inner.clock.advance_ms(ms) {
            return Err(Error::new(Status::Invalid, "a manual clock moves a hundred years at most"));
        }
        for shard in &self.inner.shards {
            shard.wake();
        }
        Ok(())
    }

    /// What it holds and has done.
    pub fn stats(&self) -> RuntimeStats {
        self.inner.stats()
    }

    /// Closes the listeners and waits until their clients have their answers; then takes no new requests, waits until those in flight
    /// have ended, and ends the rest. All of this takes `grace` at most. Blocks.
    pub fn drain(&self, grace: Duration) -> bool {
        let grace = Grace::of(grace);
        // First, because what clients have asked for may make requests of its own.
        let answered = self.inner.listeners.drain(&self.inner, grace);
        let _ = self.inner.state.compare_exchange(OPEN, DRAINING, Ordering::AcqRel, Ordering::Acquire);
        let drained = answered && {
            let apps = self.inner.app_list();
            self.inner.hang_up_until(grace, |time| apps.iter().all(|app| app.wait_idle(time)))
        };
        if !drained {
            let error = Error::new(Status::Draining, "the runtime was drained before the request ended");
            self.inner.end_all(|_| Some(error.clone()));
            // Those who still wait are told.
            self.inner.listeners.drain(&self.inner, Grace::of(Duration::from_millis(HTTP_PARTING_MS)));
        }
        drained
    }

    /// Ends every request and stops the threads. Blocks until they have stopped, except for those V8 gave up.
    pub fn free(&self) {
        if self.freed.swap(true, Ordering::AcqRel) || sys::fork::is_child() {
            return;
        }
        self.inner.state.store(CLOSED, Ordering::Release);
        let error = Error::new(Status::Shutdown, "the runtime was freed before the request ended");
        self.inner.end_all(|_| Some(error.clone()));
        self.inner.helpers.close();
        self.inner.listeners.remove_files();
        self.inner.app_list().iter().for_each(|app| self.inner.send_debuggers_away(app, "the runtime was freed"));
        for shard in &self.inner.shards {
            shard.stop();
        }
        self.inner.watchdog.stop_after(&self.inner.shards);
        for shard in &self.inner.shards {
            shard.close();
            shard.front.close();
        }
        self.inner.end_all(|_| Some(error.clone()));
        self.inner.app_list().iter().for_each(|app| app.retire());
        self.inner.queue.close();
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.free();
    }
}

impl Inner {
    /// Whether new work is taken.
    pub(crate) fn check_open(&self) -> Result<()> {
        if sys::fork::is_child() {
            return Err(Error::new(Status::Forked, "this process is a fork of the one that made the runtime"));
        }
        match self.state.load(Ordering::Acquire) {
            OPEN => Ok(()),
            DRAINING => Err(Error::new(Status::Draining, "the runtime takes no new requests")),
            _ => Err(Error::new(Status::Shutdown, "the runtime has been freed")),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.load(Ordering::Acquire) == CLOSED
    }

    /// Starts an instance of a version, to see that it starts: on its app's home shard, or where there is room. Blocks.
    pub(crate) fn try_start(&self, app: &Arc<AppShared>, version: &Arc<Version>) -> Result<()> {
        let home = self.home(app);
        let mut started = self.start_on(home, app, version);
        for step in 1..self.working {
            if app.is_inspected() || !matches!(&started, Err(error) if error.status == Status::Capacity) {
                break;
            }
            let next = (home + step) % self.working;
            started = self.start_on(next, app, version);
            if started.is_ok() {
                app.move_to(next);
            }
        }
        // Unloaded meanwhile, and perhaps evicted before it started.
        app.check_open().inspect_err(|_| {
            let why = Error::new(Status::Draining, "the app was unloaded before the request ended");
            self.tell_shards_and_wait(app.key, &why, EVICT_MIN);
        })?;
        started
    }

    pub(crate) fn start_on(&self, shard: usize, app: &Arc<AppShared>, version: &Arc<Version>) -> Result<()> {
        let ticket = Arc::new(Slot::default());
        self.shards[shard].command(Command::Start(app.clone(), version.clone(), ticket.clone()));
        // Beyond the start's own limits this waits for a shard that may have to be replaced first.
        let (wall_ms, name) = version.start_wall();
        ticket
            .wait(Some(Duration::from_millis(u64::from(wall_ms) + START_SLACK_MS)))
            .unwrap_or_else(|| Err(Error::new(Status::Timeout, format!("the app did not start in time (limit {name})"))))
    }

    /// Gives a request its id; from here on it has exactly one terminal event.
    pub(crate) fn accept(&self, work: &Arc<Work>) -> Result<()> {
        let mut works = lock(&self.works);
        // Whoever ends everything first says that nothing more is taken, and then looks at the table: what comes after its
        // look must see what it said.
        self.check_open()?;
        work.app.check_open()?;
        let id = works.insert(work.clone()).map_err(|_| {
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
            Error::new(Status::Overloaded, format!("{} requests are in flight (limit requests of the runtime)", self.limits.requests))
        })?;
        work.id.store(id, Ordering::Relaxed);
        work.spent.request.store(id, Ordering::Relaxed);
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Puts a request into the queue of its app's home.
    pub(crate) fn place(&self, work: Arc<Work>) -> Result<()> {
        self.place_on(self.home(&work.app), work)
    }

    /// Puts a request into a shard's queue.
    pub(crate) fn place_on(&self, shard: usize, work: Arc<Work>) -> Result<()> {
        self.place_quietly(shard, work).map(|()| self.shards[shard].wake())
    }

    /// The same, and does not wake the shard.
    pub(crate) fn place_quietly(&self, shard: usize, work: Arc<Work>) -> Result<()> {
        self.shards[shard].enqueue(work).map_err(|_| {
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
            Error::new(Status::Overloaded, "the shard's queue is full; try again when requests have ended")
        })
    }

    /// Forgets a request that has ended.
    pub(crate) fn release(&self, work: &Work) {
        lock(&self.works).remove(work.id.load(Ordering::Relaxed));
    }

    pub(crate) fn work(&self, id: u64) -> Result<Arc<Work>> {
        lock(&self.works).get(id).cloned().ok_or_else(|| Error::new(Status::NotFound, "no such request: it has ended, or never was"))
    }

    pub(crate) fn call(&self, id: u64) -> Result<Arc<Call>> {
        let call = (id & CALL_BIT != 0).then(|| lock(&self.calls).get(id & !CALL_BIT).cloned()).flatten();
        call.ok_or_else(|| Error::new(Status::NotFound, "no such call: it has been answered, or nobody waits for it any more"))
    }

    /// Makes a call known to the host.
    pub(crate) fn open_call(&self, call: Arc<Call>, seat: &Seat) -> Result<u64> {
        // Held until the event is in the queue: whoever takes the call back tells the host after this.
        let mut calls = lock(&self.calls);
        if seat.is_abandoned() {
            return Err(Error::new(Status::ShardLost, "the shard that ran the request was given up"));
        }
        let full = |_| Error::new(Status::Overloaded, "too many calls to the host are waiting");
        let id = calls.insert(call.clone()).map_err(full)? | CALL_BIT;
        call.id.store(id, Ordering::Relaxed);
        call.push(&self.queue, Payload::Call);
        Ok(id)
    }

    /// The host's part of a call is over. An app that still sends the call's body is woken, to find that nobody reads it.
    pub(crate) fn close_call(&self, id: u64) -> Option<Arc<Call>> {
        let call = lock(&self.calls).remove(id & !CALL_BIT)?;
        call.closed.store(true, Ordering::Release);
        if call.uploading.load(Ordering::Acquire) {
            self.tell_place(call.place, Command::Answer(call.place, Answer::WriteReady));
        }
        Some(call)
    }

    fn answer(&self, call: &Call) -> Result<()> {
        if call.answer() { Ok(()) } else { Err(Error::new(Status::Invalid, "the call has been answered already")) }
    }

    /// Ends a request from outside and lets its instance know.
    pub(crate) fn cancel(&self, work: &Arc<Work>, error: Error) {
        if work.finish(Ending::Error(error)) {
            lock(&work.body).discard();
            self.tell_work(work, Command::Cancel);
        }
    }

    /// The client of a request has gone, for all that is known: the app learns of it, and may answer as if it had not.
    pub(crate) fn client_left(&self, work: &Work) {
        if work.leave() {
            self.tell_work(work, Command::Left);
        }
    }

    /// Looks at every request.
    pub(crate) fn each_work(&self, look: impl FnMut(&Arc<Work>)) {
        let works: Vec<Arc<Work>> = lock(&self.works).iter().map(|(_, work)| work.clone()).collect();
        works.iter().for_each(look);
    }

    /// Ends the requests whose time is up, wherever they are. That is what shards do; one whose thread is held by an app cannot.
    pub(crate) fn end_overdue(&self) {
        let now_ms = self.clock.now_ms();
        // One that was answered with a socket may be open for as long as it likes.
        let has_limit = |work: &Work| work.socket.load(Ordering::Relaxed) == 0 && !work.app.is_inspected();
        let is_overdue = |work: &Work| work.deadline_ms.load(Ordering::Relaxed) <= now_ms && has_limit(work);
        let overdue: Vec<Arc<Work>> = lock(&self.works).iter().map(|(_, work)| work).filter(|work| is_overdue(work)).cloned().collect();
        for work in &overdue {
            self.cancel(work, work.wall_error());
        }
        if !overdue.is_empty() {
            self.queue.ring();
        }
    }

    /// Ends every request that `why` has an error for.
    pub(crate) fn end_all(&self, why: impl Fn(&Work) -> Option<Error>) {
        self.each_work(|work| {
            if let Some(error) = why(work) {
                self.cancel(work, error);
            }
        });
        self.queue.ring();
    }

    /// Calls of instances on a thread that is gone: nobody waits for their answers.
    pub(crate) fn drop_calls(&self, shard: usize, incarnation: u32) {
        let gone: Vec<u64> = lock(&self.calls)
            .iter()
            .filter(|(_, call)| call.place.shard == shard && call.place.incarnation == incarnation)
            .map(|(id, _)| id)
            .collect();
        for id in gone {
            if let Some(call) = lock(&self.calls).remove(id) {
                call.push(&self.queue, Payload::CallCanceled);
            }
        }
    }

    pub(crate) fn tell_place(&self, place: Place, command: Command) {
        self.shards[place.shard].command(command);
    }

    /// Sends a command to where a request runs; nothing if it has not begun.
    pub(crate) fn tell_work(&self, work: &Work, command: impl FnOnce(Place) -> Command) {
        let place = *lock(&work.place);
        if let Some(place) = place {
            self.tell_place(place, command(place));
        }
    }

    pub(crate) fn tell_shards(&self, command: impl Fn() -> Command) {
        for shard in &self.shards {
            shard.command(command());
        }
    }

    /// An app has refused a request, because too much of its waits: clients that do not take it have had their time.
    pub(crate) fn press(&self) {
        for shard in self.shards.iter().filter(|shard| shard.front.press()) {
            shard.wake();
        }
    }

    /// Has every shard dispose of an app's instances, and of its requests for `why`; false if one did not within `limit`.
    pub(crate) fn tell_shards_and_wait(&self, app: u64, why: &Error, limit: Duration) -> bool {
        self.tell_shards(|| Command::Refuse(app, why.clone()));
        let tickets: Vec<_> = self.shards.iter().map(|shard| shard.evict(app, why)).collect();
        tickets.iter().all(|ticket| ticket.wait(Some(limit)).is_some())
    }

    /// Tells the host of an app's state, if it wants to know.
    pub(crate) fn app_event(&self, app: &str, state: &'static str, reason: &str) {
        if self.events.apps {
            let payload = Payload::App { app: app.to_string(), state, reason: reason.to_string() };
            self.queue.push_log(Event { id: 0, user_data: 0, payload });
            self.queue.ring();
        }
    }

    /// Hands a log line to the host, if it wants logs and has room.
    pub(crate) fn log(&self, app: &str, level: LogLevel, text: String, dropped: u64) {
        if !self.events.logs {
            return;
        }
        let payload = Payload::Log { app: app.to_string(), level, text, dropped };
        if !self.queue.push_log(Event { id: 0, user_data: 0, payload }) {
            self.counters.logs_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn stats(&self) -> RuntimeStats {
        let counters = &self.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RuntimeStats {
            apps: self.apps.read().unwrap_or_else(|poisoned| poisoned.into_inner()).len() as u64,
            instances: crate::shard::admission::instances() as u64,
            requests: read(&counters.requests),
            in_flight: lock(&self.works).len() as u64,
            refused: read(&counters.refused),
            starts: read(&counters.starts),
            evictions: read(&counters.evictions),
            condemned: read(&counters.condemned),
            rescued: read(&counters.rescued),
            parked: read(&counters.parked),
            abandoned: read(&counters.abandoned),
            lost_bytes: read(&counters.lost_bytes),
            logs_dropped: read(&counters.logs_dropped),
            skipped: read(&counters.skipped),
            untold: read(&counters.untold),
        }
    }
}

/// How long at least an unloaded app's instances have to be evicted: a turn that runs is waited for.
pub(crate) const EVICT_MIN: Duration = Duration::from_secs(1);
