//! Where one thread meets the watchdog: what it runs, since when, and how to stop it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use nano_base::meet::{Turn, TurnTimes, TurnView};
use nano_base::status::{Error, Result};
use nano_base::sys::sockets;
use nano_base::sys::thread::CpuClock;
use nano_engine::{Loss, TerminateHandle};

use crate::app::AppShared;
use crate::observe::Tenant;
use crate::wait::{Slot, lock};

/// Why a turn was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stop {
    Cpu = 0,
    Shutdown = 1,
    Kill = 2,
}

/// The CPU time of what is no turn: it ends by itself, and there is nothing in it to stop.
pub(crate) const NOT_TO_BE_STOPPED_NS: u64 = u64::MAX;

/// Where a blocking caller waits for a start.
type Ticket = Slot<Result<()>>;

/// One thread's place in a shard.
pub(crate) struct Seat {
    pub incarnation: u32,
    turn: Turn,
    app: Mutex<Option<Arc<AppShared>>>,
    /// The thread is at work for that app, and not only was.
    held: AtomicBool,
    handle: Mutex<Option<TerminateHandle>>,
    cpu: Mutex<Option<CpuClock>>,
    pub tid: AtomicI32,
    /// The poll that watches its sockets, once there is one.
    pub poll: AtomicI32,
    /// V8 gave the thread up: it is parked for good.
    pub loss: Mutex<Option<Loss>>,
    /// NANO's own code failed on the thread, which has ended.
    failed: AtomicBool,
    /// Somebody else has the shard now: end what you hold, touch nothing shared, go.
    pub abandoned: AtomicBool,
    /// The app that broke it, once it is abandoned.
    pub culprit: OnceLock<Arc<AppShared>>,
    /// The thread has returned.
    pub gone: AtomicBool,
    /// Whoever blocks until a start here is over, with the app.
    starting: Mutex<Vec<(u64, Arc<Ticket>)>>,
    /// Heap and outside memory of the instances here, as last looked at.
    pub memory_bytes: AtomicU64,
    /// The instances on the thread, by their slots.
    tenants: Mutex<HashMap<u64, Arc<Tenant>>>,
    /// The turn is one of a start.
    starting_turn: AtomicBool,
}

impl Seat {
    pub(crate) fn new(incarnation: u32) -> Self {
        Self {
            incarnation,
            turn: Turn::new(),
            app: Mutex::new(None),
            held: AtomicBool::new(false),
            handle: Mutex::new(None),
            cpu: Mutex::new(None),
            tid: AtomicI32::new(0),
            poll: AtomicI32::new(-1),
            loss: Mutex::new(None),
            failed: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            culprit: OnceLock::new(),
            gone: AtomicBool::new(false),
            starting: Mutex::default(),
            memory_bytes: AtomicU64::new(0),
            tenants: Mutex::default(),
            starting_turn: AtomicBool::new(false),
        }
    }

    /// Somebody blocks until an instance of the app has started.
    pub(crate) fn await_start(&self, app: u64, ticket: &Arc<Ticket>) {
        lock(&self.starting).push((app, ticket.clone()));
    }

    /// Tells one of them how it went.
    pub(crate) fn started(&self, ticket: &Arc<Ticket>, result: Result<()>) {
        lock(&self.starting).retain(|(_, waiting)| !Arc::ptr_eq(waiting, ticket));
        ticket.fill(result);
    }

    /// Nothing that has not started here will: tells all of them why.
    pub(crate) fn fail_starts(&self, why: impl Fn(u64) -> Error) {
        for (app, ticket) in std::mem::take(&mut *lock(&self.starting)) {
            ticket.fill(Err(why(app)));
        }
    }

    /// The thread sits down.
    pub(crate) fn occupy(&self) {
        *lock(&self.cpu) = Some(CpuClock::of_this_thread());
        self.tid.store(nano_base::sys::thread::id(), Ordering::Relaxed);
    }

    /// The instance whose turns follow.
    pub(crate) fn hold(&self, app: &Arc<AppShared>, handle: TerminateHandle) {
        *lock(&self.app) = Some(app.clone());
        *lock(&self.handle) = Some(handle);
        self.held.store(true, Ordering::Relaxed);
    }

    /// The app whose sockets are looked at, in a turn without JavaScript.
    pub(crate) fn hold_outside(&self, app: Option<&Arc<AppShared>>) {
        *lock(&self.handle) = None;
        *lock(&self.app) = app.cloned();
        self.held.store(app.is_some(), Ordering::Relaxed);
    }

    /// What follows is for no app.
    pub(crate) fn let_go(&self) {
        self.held.store(false, Ordering::Relaxed);
    }

    /// NANO's own code has failed on the thread: it holds nothing any more.
    pub(crate) fn fail(&self) {
        self.failed.store(true, Ordering::Release);
    }

    /// The app that the thread was at work for when it was lost, if it was for one.
    pub(crate) fn suspect(&self) -> Option<Arc<AppShared>> {
        self.app().filter(|_| self.held.load(Ordering::Relaxed))
    }

    /// A turn begins.
    pub(crate) fn begin(&self, times: TurnTimes) {
        self.turn.begin(times);
    }

    /// The turn is over; why it was stopped, if it was.
    pub(crate) fn end(&self) -> Option<Stop> {
        self.turn.end().map(|why| match why {
            why if why == Stop::Shutdown as u8 => Stop::Shutdown,
            why if why == Stop::Kill as u8 => Stop::Kill,
            _ => Stop::Cpu,
        })
    }

    /// The turn is one of a start: it may take longer than another.
    pub(crate) fn is_starting(&self) -> bool {
        self.starting_turn.load(Ordering::Relaxed)
    }

    /// The turn that begins is one of a start, or the one that has ended was.
    pub(crate) fn set_starting(&self, is_starting: bool) {
        self.starting_turn.store(is_starting, Ordering::Relaxed);
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.turn.is_running()
    }

    /// The turn that runs, if one does.
    pub(crate) fn view(&self) -> Option<TurnView> {
        self.turn.view()
    }

    /// The app whose turn it is, or was last.
    pub(crate) fn app(&self) -> Option<Arc<AppShared>> {
        lock(&self.app).clone()
    }

    /// CPU time of the thread.
    pub(crate) fn cpu_ns(&self) -> u64 {
        lock(&self.cpu).map_or(0, CpuClock::now_ns)
    }

    /// Stops the turn, if it is still the one that runs.
    pub(crate) fn stop(&self, sequence: u64, why: Stop) -> bool {
        self.turn.stop(sequence, why as u8, || {
            let Some(handle) = &*lock(&self.handle) else { return };
            match why {
                // Whose own fault it is would like to know where it was.
                Stop::Cpu => handle.interrupt(),
                Stop::Shutdown | Stop::Kill => handle.terminate(),
            }
        })
    }

    /// How much CPU time what runs may take at most before it sees that it was stopped, where that is known; else 0.
    pub(crate) fn bound_ms(&self) -> u64 {
        lock(&self.handle).as_ref().map_or(0, TerminateHandle::bound_ms)
    }

    /// Stops a turn that was stopped before and has not noticed, so that also those loops of V8 see it that look for nothing else.
    pub(crate) fn insist(&self, sequence: u64) {
        self.turn.while_stopped(sequence, || {
            if let Some(handle) = &*lock(&self.handle) {
                handle.terminate();
            }
        });
    }

    /// Ends the connections of a thread whose turn does not notice that it was stopped. While it does not, it closes no descriptor
    /// whose number could come to mean another one.
    pub(crate) fn end_connections(&self, sequence: u64) {
        self.turn.while_stopped(sequence, || sockets::shut_down_watched(self.poll.load(Ordering::Relaxed)));
    }

    /// Stops whatever runs: the runtime is being freed.
    pub(crate) fn terminate_now(&self) {
        if let Some(turn) = self.stoppable() {
            self.stop(turn.sequence, Stop::Shutdown);
        }
    }

    /// The turn that runs, if one does that may be stopped. If its times are another's, it is over, and a blow finds nobody.
    fn stoppable(&self) -> Option<TurnView> {
        self.view().filter(|turn| turn.times.cpu_limit_ns != NOT_TO_BE_STOPPED_NS)
    }

    /// Stops the turn that runs, if it is one of this app's; whether it was.
    pub(crate) fn kill(&self, app: u64) -> bool {
        // The turn is looked at first: if another app's has begun by the time this one's name is read, the blow finds nobody.
        let Some(turn) = self.stoppable() else { return false };
        self.app().is_some_and(|current| current.key == app) && self.stop(turn.sequence, Stop::Kill)
    }

    /// An instance is on the thread from here on.
    pub(crate) fn take_in(&self, slot: u64, tenant: Arc<Tenant>) {
        lock(&self.tenants).insert(slot, tenant);
    }

    /// It is not any more.
    pub(crate) fn let_out(&self, slot: u64) {
        lock(&self.tenants).remove(&slot);
    }

    /// What the instances here hold: as last looked at, but for the one whose turn it is, which has grown since.
    pub(crate) fn lost_bytes(&self) -> u64 {
        let mut pages = 0;
        self.each_tenant(|tenant| pages += tenant.pages());
        self.memory_bytes.load(Ordering::Relaxed).max(pages)
    }

    /// Looks at all of them.
    pub(crate) fn each_tenant(&self, look: impl FnMut(&Tenant)) {
        lock(&self.tenants).values().map(|tenant| &**tenant).for_each(look);
    }

    /// Whether the watchdog has something to look at here.
    pub(crate) fn needs_a_look(&self) -> bool {
        !self.is_abandoned() && (self.is_busy() || self.is_lost())
    }

    /// The thread does no more.
    pub(crate) fn is_lost(&self) -> bool {
        self.has_failed() || lock(&self.loss).is_some()
    }

    /// It does no more because NANO's own code failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }
}
