//! Apps: named deployments whose versions replace one another.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::Duration;

use nano_base::limits::{AppLimits, LEFT_BEHIND_BYTES_MAX};
use nano_base::status::{Error, Result, Status};
use nano_base::value::Value;
use nano_net::policy::Policy;

use crate::binding::Binding;
use crate::event::Account;
use crate::files::Files;
use crate::inspect::Inspected;
use crate::objects;
use crate::observe::{CpuTime, Kill, Meter, Outcome};
use crate::prepared::Prepared;
use crate::queue::QueueConsumer;
use crate::request::{self, Body, Ending, Job, Listener, Origin, RequestInit, Response, Work};
use crate::runtime::{EVICT_MIN, Inner};
use crate::shard::Command;
use crate::shard::homes::Hog;
use crate::source::Source;
use crate::version::{Life, Version};
use crate::wait::{InFlight, Slot, lock};

/// How to load an app.
#[derive(Clone, Debug)]
pub struct AppOptions {
    /// Its name, unique in the runtime.
    pub name: String,
    /// Where its code comes from.
    pub source: Source,
    /// The variables and secrets in `env`.
    pub env: Vec<(String, String)>,
    /// What else is in `env`: what the host answers by CALL events, and other apps.
    pub bindings: Vec<Binding>,
    /// The binding that answers the global `fetch`, instead of the network.
    pub outbound: Option<String>,
    /// Where the app may connect to. By default anywhere but to what is not public: no loopback, no private network, no metadata.
    pub egress: Policy,
    /// What relative URLs in `fetch`, `Request` and `Response.redirect` are relative to; without one they are refused.
    pub base_url: Option<String>,
    /// Whether it may make code from text (`eval`, `new Function`) and WebAssembly from bytes: for apps you trust.
    pub code_generation: bool,
    /// What it may use.
    pub limits: AppLimits,
    /// Where its randomness begins, so that it runs the same way every time; for tests only.
    pub random_seed: Option<u64>,
    /// When its `scheduled` is called: cron expressions as Workers have them, in UTC.
    pub crons: Vec<String>,
    /// The queues whose messages its `queue` takes.
    pub consumers: Vec<QueueConsumer>,
    /// Apps whose `tail` is told of each of its events. They need not be loaded before they are told.
    pub tail: Vec<String>,
    /// The host keeps its files, and answers what the app does with them.
    pub host_files: bool,
    /// It is run for what it does, not for what it answers: it need not handle anything, and when it is replaced its instance ends when
    /// all that it has begun has ended, timers included.
    pub program: bool,
    /// Only register it: the first request starts it, and finds its errors.
    pub lazy: bool,
    /// What the host knows this version by: the calls that it makes carry it, and exactly one event says that it makes no more, also when
    /// it is not loaded at all. Without one, which is zero, there is no such event.
    pub user_data: u64,
}

impl AppOptions {
    /// An app with default limits and nothing in `env`.
    pub fn new(name: impl Into<String>, source: Source) -> Self {
        Self {
            name: name.into(),
            source,
            env: Vec::new(),
            bindings: Vec::new(),
            outbound: None,
            egress: Policy::default(),
            base_url: None,
            code_generation: false,
            limits: AppLimits::default(),
            random_seed: None,
            crons: Vec::new(),
            consumers: Vec::new(),
            tail: Vec::new(),
            host_files: false,
            program: false,
            lazy: false,
            user_data: 0,
        }
    }
}

/// What an app has used since it was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppStats {
    /// Requests and invocations accepted.
    pub requests: u64,
    /// Of these, still waiting or running.
    pub in_flight: u64,
    /// Ended with an error.
    pub errors: u64,
    /// CPU time of all starts and turns, also of those after a request's end, and of its sockets, in microseconds.
    pub cpu_us: u64,
    /// Instances started.
    pub starts: u64,
    /// Instances that broke a limit.
    pub condemned: u64,
    /// Shards the app broke.
    pub strikes: u32,
    /// Versions loaded.
    pub versions: u64,
    /// Bytes of bodies between host and app that the other side has not taken yet.
    pub waiting_bytes: u64,
    /// Scheduled events that were due and did not take place: the one before had not ended, or there was no room.
    pub skipped: u64,
    /// Events that a tail consumer was not told of, because it was not there or too slow.
    pub untold: u64,
}

impl AppStats {
    /// All of them by name, as bindings show them. One that is added and not named here stops the build.
    pub fn rows(&self) -> [(&'static str, u64); 11] {
        let Self { requests, in_flight, errors, cpu_us, starts, condemned, strikes, versions, waiting_bytes, skipped, untold } = *self;
        [
            ("requests", requests),
            ("in_flight", in_flight),
            ("errors", errors),
            ("cpu_us", cpu_us),
            ("starts", starts),
            ("condemned", condemned),
            ("strikes", u64::from(strikes)),
            ("versions", versions),
            ("waiting_bytes", waiting_bytes),
            ("skipped", skipped),
            ("untold", untold),
        ]
    }
}

/// A loaded app. Cloning it is cheap; all clones are the same app.
#[derive(Clone)]
pub struct App {
    pub(crate) shared: Arc<AppShared>,
    pub(crate) inner: Arc<Inner>,
}

/// How often it is looked whether an instance that is to end has ended, in the time that it has for it.
const KILL_LOOKS: u32 = 20;

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "App({})", self.shared.name)
    }
}

/// The version that takes new requests, and what keeps it until it is replaced.
struct Serving {
    version: Arc<Version>,
    life: Option<Arc<Life>>,
    /// The app is no more, and keeps nothing.
    is_over: bool,
}

/// What the runtime knows of an app, started or not: a cold app is this and its source.
pub(crate) struct AppShared {
    pub name: String,
    /// The app's number in its runtime.
    pub key: u64,
    serving: RwLock<Serving>,
    /// Held, by threads of the host's alone, while another version comes to serve or the app ends: its code, its queues and its crons are those
    /// of one version, and of an app that is gone there are none.
    pub changing: Mutex<()>,
    /// The shard its requests go to.
    pub home: AtomicUsize,
    /// The debuggers that look into it.
    pub inspected: Inspected,
    /// Whether its turns are long, so that it is kept with its like.
    pub hog: Hog,
    pub draining: AtomicBool,
    in_flight: InFlight,
    pub requests: AtomicU64,
    pub errors: AtomicU64,
    pub cpu: CpuTime,
    /// What else is counted of it; nothing of an app that nobody has asked for anything.
    meter: OnceLock<Box<Meter>>,
    pub starts: AtomicU64,
    pub condemned: AtomicU64,
    pub strikes: AtomicU32,
    /// Bytes that its instances have left behind in caches of the process's.
    pub left_behind: AtomicUsize,
    pub skipped: AtomicU64,
    pub untold: AtomicU64,
    /// The shards that have a warm instance of it, a bit each; those from the 64th on share bits.
    pub warm: AtomicU64,
    versions: AtomicU64,
    heap: AtomicU64,
    external: AtomicU64,
    waiting: AtomicU64,
    /// Connections from the network that are at its requests.
    pub connections: AtomicUsize,
    /// Its files in memory, the same for all versions and instances.
    pub files: Files,
}

impl std::fmt::Debug for AppShared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AppShared({})", self.name)
    }
}

impl AppShared {
    pub(crate) fn new(key: u64, name: String, version: Arc<Version>, life: Option<Arc<Life>>, home: usize) -> Self {
        Self {
            name,
            key,
            serving: RwLock::new(Serving { version, life, is_over: false }),
            changing: Mutex::new(()),
            home: AtomicUsize::new(home),
            inspected: Inspected::default(),
            hog: Hog::default(),
            draining: AtomicBool::new(false),
            in_flight: InFlight::default(),
            requests: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            cpu: CpuTime::default(),
            meter: OnceLock::new(),
            starts: AtomicU64::new(0),
            condemned: AtomicU64::new(0),
            strikes: AtomicU32::new(0),
            left_behind: AtomicUsize::new(0),
            skipped: AtomicU64::new(0),
            untold: AtomicU64::new(0),
            warm: AtomicU64::new(0),
            versions: AtomicU64::new(1),
            heap: AtomicU64::new(0),
            external: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            files: Files::default(),
        }
    }

    /// The version that takes new requests.
    pub(crate) fn version(&self) -> Arc<Version> {
        self.serving.read().unwrap_or_else(|poisoned| poisoned.into_inner()).version.clone()
    }

    /// Whether its instances have left more behind than an app's may.
    pub(crate) fn has_left_too_much(&self) -> bool {
        self.left_behind.load(Ordering::Relaxed) >= LEFT_BEHIND_BYTES_MAX
    }

    pub(crate) fn limits(&self) -> AppLimits {
        self.serving.read().unwrap_or_else(|poisoned| poisoned.into_inner()).version.limits.clone()
    }

    /// Has another version take new requests. `life` becomes that of the one before: whoever drops it holds no lock, it may be the end of its
    /// version.
    fn replace(&self, version: Arc<Version>, life: &mut Option<Arc<Life>>) {
        self.versions.fetch_add(1, Ordering::Relaxed);
        self.strikes.store(0, Ordering::Relaxed);
        self.hog.forgive();
        let mut serving = self.serving.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        serving.version = version;
        if !serving.is_over {
            std::mem::swap(&mut serving.life, life);
        }
    }

    /// It takes no requests any more: its version ends with its last instance.
    pub(crate) fn retire(&self) {
        let mut serving = self.serving.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        serving.is_over = true;
        let life = serving.life.take();
        drop(serving);
        drop(life);
    }

    /// What is counted of it.
    pub(crate) fn meter(&self) -> &Meter {
        self.meter.get_or_init(Box::default)
    }

    /// The same, if there is anything to count.
    pub(crate) fn meter_if_any(&self) -> Option<&Meter> {
        self.meter.get().map(|meter| &**meter)
    }

    /// What it has used.
    pub(crate) fn stats(&self) -> AppStats {
        AppStats {
            requests: self.requests.load(Ordering::Relaxed),
            in_flight: self.in_flight.count().into(),
            errors: self.errors.load(Ordering::Relaxed),
            cpu_us: self.cpu.ns() / 1_000,
            starts: self.starts.load(Ordering::Relaxed),
            condemned: self.condemned.load(Ordering::Relaxed),
            strikes: self.strikes.load(Ordering::Relaxed),
            versions: self.versions.load(Ordering::Relaxed),
            waiting_bytes: self.waiting_bytes(),
            skipped: self.skipped.load(Ordering::Relaxed),
            untold: self.untold.load(Ordering::Relaxed),
        }
    }

    /// Heap and outside bytes of the instance looked at last.
    pub(crate) fn memory(&self) -> (u64, u64) {
        (self.heap.load(Ordering::Relaxed), self.external.load(Ordering::Relaxed))
    }

    pub(crate) fn set_memory(&self, heap: u64, external: u64) {
        self.heap.store(heap, Ordering::Relaxed);
        self.external.store(external, Ordering::Relaxed);
    }

    /// Whether new requests are taken.
    pub(crate) fn check_open(&self) -> Result<()> {
        if self.draining.load(Ordering::Acquire) {
            return Err(Error::new(Status::Draining, "the app is being unloaded"));
        }
        Ok(())
    }

    /// Bytes of bodies that wait between host and app.
    pub(crate) fn waiting_bytes(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// More of them wait.
    pub(crate) fn hold(&self, bytes: u64) {
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
    }

    /// They wait no longer.
    pub(crate) fn release(&self, bytes: u64) {
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Refuses a request while too many bytes wait already. The first one may be as large as a body may be.
    fn check_waiting(&self, job: &Job, body: &Body) -> Result<()> {
        let waiting = self.waiting_bytes();
        if waiting == 0 {
            return Ok(());
        }
        let bytes = if let Body::Whole(body) = body { body.len() as u64 } else { 0 } + job.head_bytes() as u64;
        let max = self.limits().external_bytes;
        if waiting + bytes <= max as u64 {
            return Ok(());
        }
        let why = format!("{waiting} bytes wait between host and app, {bytes} more do not fit (limit external_bytes, {max})");
        Err(Error::new(Status::Overloaded, why))
    }

    /// Counts a request in, unless the app has too many.
    fn enter(&self, max: u32) -> bool {
        self.in_flight.enter(max)
    }

    /// Counts a request out.
    pub(crate) fn leave(&self) {
        self.in_flight.leave();
    }

    /// Waits until nothing is in flight; false when the time passed first.
    pub(crate) fn wait_idle(&self, grace: Duration) -> bool {
        self.in_flight.wait_none(grace)
    }
}

/// A request that a thread waits for, in one go or in steps between which it looks at something else.
pub struct Awaited<T> {
    slot: Arc<Slot<Result<T>>>,
    work: Arc<Work>,
    inner: Arc<Inner>,
}

impl<T> std::fmt::Debug for Awaited<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Awaited({:?})", self.work)
    }
}

impl<T> Awaited<T> {
    /// Waits for so long: `None` if the request has not ended by then, and goes on. After the end has been taken there is no other.
    pub fn wait(&self, timeout: Duration) -> Option<Result<T>> {
        self.inner.waiters.wait(|| self.slot.is_filled());
        self.slot.wait(Some(timeout))
    }

    /// Ends the request at once; what it ended with can be waited for.
    pub fn cancel(&self) {
        self.inner.cancel(&self.work, Error::new(Status::Canceled, "the host canceled the request"));
    }

    fn finish(self, timeout: Option<Duration>) -> Result<T> {
        self.inner.waiters.wait(|| self.slot.is_filled());
        self.slot.wait(timeout).unwrap_or_else(|| {
            let error = Error::new(Status::Timeout, "the app did not answer in the time given");
            self.inner.cancel(&self.work, error.clone());
            Err(error)
        })
    }
}

impl App {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Hands a request over; never blocks. Its events carry the returned id, and exactly one of them is terminal.
    pub fn dispatch(&self, init: RequestInit) -> Result<u64> {
        self.submit_request(init, Listener::Queue).map(|work| work.id.load(Ordering::Relaxed))
    }

    /// The same for a host that hands over several in a row: its shard hears of all of them at the next [`Runtime::wake`], which must
    /// follow. To wake a thread costs as much as a small request, and on the same core both would be in each other's way.
    ///
    /// [`Runtime::wake`]: crate::Runtime::wake
    pub fn dispatch_quietly(&self, mut init: RequestInit) -> Result<u64> {
        self.take_in(&mut init)?;
        let work = self.admit(Job::Fetch(init.head), init.body, init.user_data, init.deadline_ms, Listener::Queue, Origin::default())?;
        let home = self.inner.home(&work.app);
        self.settle(self.inner.place_quietly(home, work.clone()), work).map(|work| work.id.load(Ordering::Relaxed))
    }

    /// Calls an exported function of the app; never blocks. A RESULT or ERROR event follows.
    pub fn invoke(&self, export: &str, args: Vec<Value>, user_data: u64) -> Result<u64> {
        self.submit(invocation(export, args)?, Body::None, user_data, 0, Listener::Queue).map(|work| work.id.load(Ordering::Relaxed))
    }

    /// Dispatches and waits for the whole response. Blocks; a body must be given whole.
    pub fn fetch(&self, init: RequestInit, timeout: Option<Duration>) -> Result<Response> {
        self.begin_fetch(init)?.finish(timeout)
    }

    /// Calls an exported function and waits for what it returns.
    pub fn invoke_wait(&self, export: &str, args: Vec<Value>, timeout: Option<Duration>) -> Result<(Value, Account)> {
        self.begin_invoke(export, args)?.finish(timeout)
    }

    /// Dispatches a request whose whole response a thread of the caller's will wait for.
    pub fn begin_fetch(&self, init: RequestInit) -> Result<Awaited<Response>> {
        if matches!(init.body, Body::Stream | Body::Upgrade) {
            return Err(Error::new(
                Status::Invalid,
                "a blocking fetch takes a whole body and no WebSocket; dispatch a request that streams",
            ));
        }
        let slot = Arc::new(Slot::default());
        let work = self.submit_request(init, Listener::Waiter(slot.clone(), Mutex::new(None)))?;
        Ok(Awaited { slot, work, inner: self.inner.clone() })
    }

    /// Calls an exported function whose result a thread of the caller's will wait for.
    pub fn begin_invoke(&self, export: &str, args: Vec<Value>) -> Result<Awaited<(Value, Account)>> {
        let slot = Arc::new(Slot::default());
        let work = self.submit(invocation(export, args)?, Body::None, 0, 0, Listener::Invoker(slot.clone()))?;
        Ok(Awaited { slot, work, inner: self.inner.clone() })
    }

    pub(crate) fn give_up(&self, work: &Arc<Work>) -> Error {
        let error = Error::new(Status::Timeout, "the app did not answer in the time given");
        self.inner.cancel(work, error.clone());
        error
    }

    /// Says that a version has ended, for a host that has not come to make its options.
    pub fn version_refused(&self, user_data: u64) {
        drop(Life::begin(&self.inner, user_data));
    }

    /// Loads a new version. The old one serves until the new one has started, and goes on serving if it does not.
    pub fn reload(&self, options: AppOptions) -> Result<()> {
        let life = Life::begin(&self.inner, options.user_data);
        self.check_open()?;
        self.reload_for(Prepared::read(options)?, life)
    }

    fn check_open(&self) -> Result<()> {
        self.inner.check_open()?;
        self.shared.check_open()
    }

    /// The same with a version that has been read already.
    pub fn reload_prepared(&self, prepared: Prepared) -> Result<()> {
        let life = Life::begin(&self.inner, prepared.version.user_data);
        self.reload_for(prepared, life)
    }

    fn reload_for(&self, prepared: Prepared, life: Option<Arc<Life>>) -> Result<()> {
        self.check_open()?;
        let Prepared { lazy, version, .. } = prepared;
        let version = version.living(life.as_ref());
        self.inner.check_consumers(&self.shared, &version, &[])?;
        let inspector = self.shared.inspected.inspector();
        if let Some(inspector) = &inspector {
            // A thread that is paused would start nothing.
            inspector.hurry();
        }
        let started = if lazy { Ok(()) } else { self.inner.try_start(&self.shared, &version) };
        let has_started = started.is_ok();
        let serves = started.and_then(|()| self.serve_by(&version, life));
        if has_started {
            // Also where it does not serve, and what has started is of no use.
            self.inner.tell_shards(|| Command::Retire(self.shared.key));
        }
        if serves.is_err()
            && let Some(inspector) = inspector
        {
            inspector.ease();
        }
        serves?;
        self.inner.app_event(&self.shared.name, "reloaded", "");
        Ok(())
    }

    /// A version takes new requests, and has its events; or nothing changes.
    fn serve_by(&self, version: &Arc<Version>, mut life: Option<Arc<Life>>) -> Result<()> {
        {
            let _changing = lock(&self.shared.changing);
            self.check_open()?;
            let replace = || {
                self.shared.replace(version.clone(), &mut life);
                Ok(())
            };
            self.inner.take_queues(&[(&self.shared, version)], &[], replace).map_err(|(_, error)| error)?;
            self.inner.follow_crons(&self.shared, version);
        }
        self.inner.look_at_queues_of(version);
        Ok(())
    }

    /// Takes no new requests, lets those in flight end within `grace`, ends the rest, and forgets the app. Blocks.
    pub fn unload(&self, grace: Duration) -> Result<()> {
        if self.inner.is_closed() {
            return Err(Error::new(Status::Shutdown, "the runtime has been freed"));
        }
        if self.shared.draining.swap(true, Ordering::AcqRel) {
            return Err(Error::new(Status::NotFound, "the app is being unloaded already"));
        }
        self.inner.send_debuggers_away(&self.shared, "the app is being unloaded");
        self.inner.tell_shards(|| Command::HangUp(Some(self.shared.key)));
        self.inner.end_events(&self.shared);
        if !self.shared.wait_idle(grace) {
            let key = self.shared.key;
            let error = Error::new(Status::Draining, "the app was unloaded before the request ended");
            self.inner.end_all(|work| (work.app.key == key).then(|| error.clone()));
        }
        let why = Error::new(Status::Draining, "the app was unloaded before the request ended");
        let stopped = self.inner.tell_shards_and_wait(self.shared.key, &why, grace.max(EVICT_MIN));
        // Only now: hosts know who calls by the name.
        self.inner.forget(&self.shared);
        self.shared.retire();
        self.shared.files.clear();
        self.inner.app_event(&self.shared.name, "unloaded", "");
        if stopped { Ok(()) } else { Err(Error::new(Status::Timeout, "an instance of the app is still being stopped")) }
    }

    /// Ends all its instances now, in the middle of a turn if need be, and what they and the queues hold of its requests, with CANCELED.
    /// The next request starts a fresh one. Blocks until none of them runs; how many there were.
    pub fn kill(&self) -> Result<u32> {
        self.inner.check_open()?;
        let error = Error::new(Status::Canceled, "the operator ended the app's instances");
        let key = self.shared.key;
        let instances = self.report().instances;
        let running: Vec<bool> = self.inner.shards.iter().map(|shard| shard.seat().is_some_and(|seat| seat.kill(key))).collect();
        self.inner.end_all(|work| (work.app.key == key).then(|| error.clone()));
        let tickets: Vec<_> = self.inner.shards.iter().map(|shard| shard.evict(key, &error)).collect();
        let mut stopped = true;
        for ((shard, ticket), mut running) in self.inner.shards.iter().zip(tickets).zip(running) {
            let mut gone = false;
            for _ in 0..KILL_LOOKS {
                // A turn of its own may have begun in the moment that this was told.
                let seat = shard.seat();
                running |= seat.as_ref().is_some_and(|seat| seat.kill(key));
                // Where another app has the thread nothing of this one runs, nor will: what is told now is heard before any request.
                let is_others = seat.is_some_and(|seat| seat.is_busy() && seat.app().is_some_and(|app| app.key != key));
                gone = (running || !is_others) && ticket.wait(Some(EVICT_MIN / KILL_LOOKS)).is_some();
                if gone || (is_others && !running) {
                    break;
                }
            }
            stopped &= gone || !running;
        }
        if instances > 0 {
            self.shared.meter().killed(Kill::Operator, instances);
            self.inner.app_event(&self.shared.name, "evicted", "an operator ended its instances");
        }
        if stopped { Ok(instances) } else { Err(Error::new(Status::Timeout, "an instance of the app is still being stopped")) }
    }

    /// What it has used.
    pub fn stats(&self) -> AppStats {
        self.shared.stats()
    }

    fn submit_request(&self, mut init: RequestInit, listener: Listener) -> Result<Arc<Work>> {
        self.take_in(&mut init)?;
        self.submit(Job::Fetch(init.head), init.body, init.user_data, init.deadline_ms, listener)
    }

    /// Checks a host's request, and writes its URL as apps read it.
    fn take_in(&self, init: &mut RequestInit) -> Result<()> {
        let limits = self.shared.limits();
        check_url_bytes(&init.head.url, &limits)?;
        request::write_url(&mut init.head.url)?;
        check_head(init, &limits)
    }

    /// A request that came by a connection of a shard's front.
    pub(crate) fn submit_from(&self, init: RequestInit, listener: Listener, shard: usize) -> Result<Arc<Work>> {
        check_head(&init, &self.shared.limits())?;
        let work = self.admit(Job::Fetch(init.head), init.body, 0, init.deadline_ms, listener, Origin::default())?;
        let target = self.inner.shard_for(&self.shared, shard);
        self.settle(self.inner.place_on(target, work.clone()), work)
    }

    fn submit(&self, job: Job, body: Body, user_data: u64, deadline_ms: u32, listener: Listener) -> Result<Arc<Work>> {
        self.submit_for(job, body, user_data, deadline_ms, listener, Origin::default())
    }

    /// The same on behalf of another app.
    pub(crate) fn submit_for(
        &self,
        job: Job,
        body: Body,
        user_data: u64,
        deadline_ms: u32,
        listener: Listener,
        origin: Origin,
    ) -> Result<Arc<Work>> {
        let work = self.admit(job, body, user_data, deadline_ms, listener, origin)?;
        self.settle(self.inner.place(work.clone()), work)
    }

    /// Accepts a request within all limits: from here on it has an id and one end.
    fn admit(&self, job: Job, body: Body, user_data: u64, deadline_ms: u32, listener: Listener, origin: Origin) -> Result<Arc<Work>> {
        self.inner.check_open()?;
        self.shared.check_open()?;
        self.shared.check_waiting(&job, &body).inspect_err(|_| self.inner.press())?;
        let requests_max = self.shared.limits().requests;
        if !self.shared.enter(requests_max) {
            return Err(Error::new(Status::Overloaded, format!("the app has {requests_max} requests in flight (limit requests)")));
        }
        let work = Arc::new(Work::new(self, job, body, user_data, deadline_ms, listener, origin));
        if let Err(error) = self.inner.accept(&work) {
            self.shared.leave();
            return Err(error);
        }
        self.shared.requests.fetch_add(1, Ordering::Relaxed);
        Ok(work)
    }

    fn settle(&self, placed: Result<()>, work: Arc<Work>) -> Result<Arc<Work>> {
        match placed {
            // Accepted a moment ago, so it must end by an event or by this error, not by both.
            Err(error) if work.withdraw() => Err(error),
            _ => Ok(work),
        }
    }
}

/// Objects of the host's are given in answers to calls, whose instance is known.
fn invocation(export: &str, args: Vec<Value>) -> Result<Job> {
    let mut args = Value::Array(args);
    if !args.is_small_enough() {
        return Err(Error::new(Status::TooLarge, "the arguments have more than 8 MiB; send smaller ones"));
    }
    objects::refuse(&mut args, "an invocation's arguments cannot have objects: return them from a function or a class in env")?;
    let Value::Array(args) = args else { return Err(Error::new(Status::Panic, "an array is an array")) };
    Ok(Job::Invoke(export.to_string(), Mutex::new(Some(args))))
}

/// A body that comes in pieces, and has too many bytes in all.
pub(crate) fn upload_error(max: usize) -> Error {
    Error::new(Status::TooLarge, format!("the body has more than {max} bytes (limit upload_bytes, HTTP 413)"))
}

fn check_url_bytes(url: &str, limits: &AppLimits) -> Result<()> {
    if url.len() <= limits.url_bytes as usize {
        return Ok(());
    }
    let why = format!("the URL has {} bytes; the limit url_bytes is {} (HTTP 414)", url.len(), limits.url_bytes);
    Err(Error::new(Status::TooLarge, why).with_http_status(414))
}

/// What HTTP servers answer with 400, 414, 431 and 413.
pub(crate) fn check_head(init: &RequestInit, limits: &AppLimits) -> Result<()> {
    let head = &init.head;
    if head.method.is_empty() || !head.method.bytes().all(nano_base::http::is_token) {
        return Err(Error::new(Status::Invalid, "the method is not an HTTP token"));
    }
    check_url_bytes(&head.url, limits)?;
    if !head.url.starts_with("http://") && !head.url.starts_with("https://") {
        return Err(Error::new(Status::Invalid, request::NO_URL));
    }
    if head.headers.bytes() > limits.header_bytes as usize {
        let bytes = head.headers.bytes();
        return Err(Error::new(
            Status::TooLarge,
            format!("the headers have {bytes} bytes; the limit header_bytes is {} (HTTP 431)", limits.header_bytes),
        )
        .with_http_status(431));
    }
    match &init.body {
        Body::Stream => match head.headers.value(b"content-length").and_then(|text| std::str::from_utf8(text).ok()?.parse::<u64>().ok()) {
            Some(bytes) if bytes > limits.upload_bytes as u64 => Err(upload_error(limits.upload_bytes)),
            _ => Ok(()),
        },
        Body::Whole(body) if body.len() > limits.body_bytes => Err(Error::new(
            Status::TooLarge,
            format!("the body has {} bytes; the limit body_bytes is {} (HTTP 413): stream it", body.len(), limits.body_bytes),
        )),
        _ => Ok(()),
    }
}

impl Inner {
    /// An app has no events any more. If it is gone, it has been marked so before: nothing gives it some again.
    pub(crate) fn end_events(&self, app: &AppShared) {
        let _changing = lock(&app.changing);
        self.forget_crons(app);
        self.forget_queues(app);
    }

    /// Counts a request out of its app; called by `Work::finish` alone.
    pub(crate) fn finished(&self, work: &Work, end: &Ending, account: &Account) {
        let app = &work.app;
        // The account has read the clock.
        let ended_ms = (work.accepted_ns / 1_000 + account.wall_us) / 1_000;
        app.meter().ended(Outcome::of(end, work.status.load(Ordering::Relaxed)), account.wall_us, ended_ms);
        if matches!(end, Ending::Error(_)) {
            app.errors.fetch_add(1, Ordering::Relaxed);
        }
        // Counted before it is out: whoever waits for the app to have nothing to do finds all of it.
        self.release(work);
        app.leave();
    }
}
