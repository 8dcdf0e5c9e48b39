//! The shard's side of one instance: what it has under way, and at whose expense.

mod calls;
mod expense;
mod host;
mod outgoing;
mod sockets;
mod timers;
mod waiting;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nano_base::limits::CANCEL_CPU_MS;
use nano_base::numbers::Numbered;
use nano_base::status::Error;
use nano_base::value::Value;
use nano_base::wheel::TimerKey;
use nano_engine::Delivery;

use super::desk::{Desk, Timer};
use crate::app::AppShared;
use crate::call::Call;
use crate::pipe::Held;
use crate::request::{Ending, Job, Listener, Place, Spent, Work};
use crate::version::Version;
use crate::wait::lock;
pub(super) use host::LinkHost;
pub(crate) use outgoing::NETWORK;
use outgoing::Outgoing;
use sockets::Wire;
pub(crate) use sockets::last_frame;
use waiting::Waiting;

/// What a delivery completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Completes {
    /// Nothing yet: what it began may take longer.
    FirstTurn,
    /// A request that was ended from outside.
    Request,
    Call,
    /// A call, unless its answer has a body.
    CallWithoutBody,
    Errand,
    Message,
    SocketEnd,
}

/// What an instance knows by number.
enum Active {
    Work(Arc<Work>, Option<TimerKey>),
    Call(Arc<Call>, Option<Arc<Spent>>),
    Errand(Option<Arc<Spent>>),
    /// Messages for a queue, which has taken them already.
    Send(Option<Arc<Spent>>),
    Fetch(Rc<Outgoing>, Option<Arc<Spent>>),
    Socket(Rc<dyn Wire>, Option<Arc<Spent>>),
}

/// A timer of the app's.
struct Ticking {
    /// Where it is in the wheel; nowhere while a single one waits for its turn.
    key: Option<TimerKey>,
    /// Its turn is in the queue: an interval that is due again before that is not queued twice.
    is_due: bool,
    /// The event that started it, and pays for it.
    spent: Option<Arc<Spent>>,
}

/// One instance's side of the shard.
pub(super) struct Link {
    pub desk: Rc<Desk>,
    pub slot: Cell<u64>,
    pub app: Arc<AppShared>,
    pub version: Arc<Version>,
    pub pending: RefCell<VecDeque<Delivery>>,
    /// What the turn is for.
    pub current: RefCell<Option<Arc<Spent>>>,
    /// What the instance does of itself, between one request and the next: timers that its start began.
    own: Arc<Spent>,
    own_cpu_ms: Cell<u32>,
    active: RefCell<Numbered<u32, Active>>,
    next: Cell<u32>,
    timers: RefCell<Numbered<u32, Ticking>>,
    /// Turns in the queue of timers that were cleared meanwhile: they count as timers until they are over.
    void_turns: Cell<u32>,
    waits: Cell<i64>,
    /// When the last of its requests ended, or it was made.
    alone_since_ms: Cell<u64>,
    /// Calls that have not been answered, and the events that they are open for.
    open_calls: RefCell<Numbered<u32, Arc<Spent>>>,
    waiting: RefCell<Waiting>,
    errands: Cell<u32>,
    sockets: Cell<u32>,
    origin_ms: u64,
    origin_unix_ms: f64,
    log_second: Cell<u64>,
    log_bytes: Cell<u64>,
    log_dropped: Cell<u64>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Link({})", self.app.name)
    }
}

impl Link {
    pub(super) fn new(desk: &Rc<Desk>, app: &Arc<AppShared>, version: &Arc<Version>) -> Rc<Self> {
        Rc::new(Self {
            desk: desk.clone(),
            slot: Cell::new(0),
            app: app.clone(),
            version: version.clone(),
            pending: RefCell::default(),
            current: RefCell::default(),
            own: Arc::default(),
            own_cpu_ms: Cell::new(version.limits.start_cpu_ms),
            active: RefCell::default(),
            next: Cell::new(0),
            timers: RefCell::default(),
            void_turns: Cell::new(0),
            waits: Cell::new(0),
            alone_since_ms: Cell::new(desk.inner.clock.now_ms()),
            open_calls: RefCell::default(),
            waiting: RefCell::default(),
            errands: Cell::new(0),
            sockets: Cell::new(0),
            // A millisecond ago, so that the time is above zero from the first turn on.
            origin_ms: desk.inner.clock.now_ms().saturating_sub(1),
            origin_unix_ms: desk.inner.clock.unix_ms() - 1.0,
            log_second: Cell::new(0),
            log_bytes: Cell::new(0),
            log_dropped: Cell::new(0),
        })
    }

    /// Whether nothing keeps the instance alive.
    pub(super) fn is_idle(&self) -> bool {
        let ticks = self.version.settings.program && !self.timers.borrow().is_empty();
        let rests = (self.waits.get() <= 0 && self.active.borrow().is_empty()) || (self.is_left_alone() && self.sockets.get() == 0);
        rests && self.pending.borrow().is_empty() && !ticks
    }

    /// Whether it has had no request for as long as one may take. What it still waits for, promises given to `waitUntil` and fetches of its
    /// own, does not keep it any more: it might never come.
    fn is_left_alone(&self) -> bool {
        let is_work = |it: &Active| matches!(it, Active::Work(..));
        let alone_ms = self.desk.inner.clock.now_ms().saturating_sub(self.alone_since_ms.get());
        alone_ms >= u64::from(self.version.limits.wall_ms) && !self.version.settings.program && !self.active.borrow().values().any(is_work)
    }

    /// The same, when what waits is its own timers.
    pub(super) fn is_idle_but_for_timers(&self) -> bool {
        self.waits.get() <= 0 && self.pending.borrow().iter().all(|it| matches!(it, Delivery::Timer(_))) && self.active.borrow().is_empty()
    }

    /// Gives a request a number here; what to deliver for it.
    pub(super) fn begin(&self, work: &Arc<Work>) -> Option<Delivery> {
        let local = self.number();
        let place = Place { shard: self.desk.shard.index, incarnation: self.desk.seat.incarnation, slot: self.slot.get(), local };
        *lock(&work.place) = Some(place);
        let delivery = match &work.job {
            Job::Fetch(_) => Delivery::Fetch(local),
            Job::Invoke(export, args) => Delivery::Invoke(local, export.clone(), lock(args).take().unwrap_or_default()),
            Job::Event(handler, event) => Delivery::Event(local, handler, lock(&event.value).take().unwrap_or(Value::Undefined)),
            Job::Batch(batch) => Delivery::Batch(local, batch.queue().to_string()),
        };
        // Ended before it was placed: nobody will tell this instance, so it must not begin; and its end takes away what it would be
        // delivered with.
        if work.is_done() {
            return None;
        }
        self.active.borrow_mut().insert(local, Active::Work(work.clone(), None));
        self.refill();
        Some(delivery)
    }

    /// What another app has called with is the instance's own now.
    fn taken(&self, local: u32) {
        if let Some(Active::Work(work, _)) = self.active.borrow().get(&local)
            && let (Job::Invoke(..), Listener::App(call)) = (&work.job, &work.listener)
        {
            *lock(&call.held) = Held::NONE;
        }
    }

    /// Arms the wall limit of a request that did not end in its first turn.
    fn arm_wall_limit(&self, local: u32) {
        if let Some(Active::Work(work, timer @ None)) = self.active.borrow_mut().get_mut(&local)
            && work.socket.load(Ordering::Relaxed) == 0
        {
            let deadline = work.deadline_ms.load(Ordering::Relaxed);
            *timer = Some(self.desk.wheel.borrow_mut().insert(deadline, Timer::Wall(work.clone())));
        }
    }

    /// Whoever had gone before the request was here is told of to what has begun since.
    fn look_for_leave(&self, local: u32) {
        if matches!(self.active.borrow().get(&local), Some(Active::Work(work, _)) if work.has_left()) {
            self.pending.borrow_mut().push_back(Delivery::Left(local));
        }
    }

    /// A request was answered with a socket, which may be open for as long as it likes.
    fn disarm_wall_limit(&self, local: u32) {
        if let Some(Active::Work(_, timer)) = self.active.borrow_mut().get_mut(&local)
            && let Some(timer) = timer.take()
        {
            self.desk.wheel.borrow_mut().cancel(timer);
        }
    }

    /// A request has come, or the start is over: from here on what the instance does of itself has the budget of an event.
    pub(super) fn refill(&self) {
        self.own.cpu_ns.store(0, Ordering::Relaxed);
        self.own.errand_ns.store(0, Ordering::Relaxed);
        self.own.subrequests.store(0, Ordering::Relaxed);
        self.own_cpu_ms.set(self.version.limits.cpu_ms);
    }

    /// Who pays for the turn of a delivery, and the nanoseconds of CPU time that are left for it.
    pub(super) fn payer(&self, delivery: &Delivery) -> (Arc<Spent>, u64) {
        let (spent, limit_ms) = match self.spent_of(delivery) {
            Some(spent) => (spent, self.version.limits.cpu_ms),
            None => (self.own.clone(), self.own_cpu_ms.get()),
        };
        let used_ns = spent.cpu_ns.load(Ordering::Relaxed);
        // It may have been ended because nothing was left: that is heard all the same.
        let least_ms = if matches!(delivery, Delivery::Cancel(_)) { CANCEL_CPU_MS } else { 0 };
        (spent, (u64::from(limit_ms) * 1_000_000).saturating_sub(used_ns).max(least_ms * 1_000_000))
    }

    /// The event that a delivery belongs to.
    fn spent_of(&self, delivery: &Delivery) -> Option<Arc<Spent>> {
        let id = match delivery {
            Delivery::Timer(id) => return self.timer_begins(*id),
            Delivery::Socket(id, _) => return self.spent_of_socket(*id),
            Delivery::Fetch(id)
            | Delivery::BodyReady(id)
            | Delivery::WriteReady(id)
            | Delivery::Cancel(id)
            | Delivery::Left(id)
            | Delivery::CallHead(id, _)
            | Delivery::CallResult(id, _)
            | Delivery::CallFail(id, _)
            | Delivery::CallThrow(id, ..)
            | Delivery::Errand(id, _)
            | Delivery::Invoke(id, ..)
            | Delivery::Event(id, ..)
            | Delivery::Batch(id, _) => id,
        };
        match self.active.borrow().get(id)? {
            Active::Work(work, _) => Some(work.spent.clone()),
            Active::Call(_, spent) | Active::Errand(spent) | Active::Send(spent) => spent.clone(),
            Active::Fetch(_, spent) | Active::Socket(_, spent) => spent.clone(),
        }
    }

    /// Whether a delivery still means something to the instance.
    pub(super) fn knows(&self, local: u32) -> bool {
        self.active.borrow().contains_key(&local)
    }

    /// Forgets a request, what was armed for it, and the calls nobody can be waiting for any more.
    pub(super) fn forget(&self, local: u32) {
        let Some(Active::Work(work, timer)) = self.active.borrow_mut().remove(&local) else { return };
        self.alone_since_ms.set(self.desk.inner.clock.now_ms());
        if let Some(timer) = timer {
            self.desk.wheel.borrow_mut().cancel(timer);
        }
        lock(&work.body).discard();
        self.release_sockets();
        if self.waits.get() > 0 || work.spent.subrequests.load(Ordering::Relaxed) == 0 {
            return;
        }
        let of_work = |active: &Active| matches!(active, Active::Call(_, Some(owner)) | Active::Fetch(_, Some(owner)) if Arc::ptr_eq(owner, &work.spent));
        let left: Vec<(u32, Active)> = self.active.borrow_mut().extract_if(|_, active| of_work(active)).collect();
        for (_, active) in left {
            match active {
                Active::Call(call, _) => self.withdraw(&call),
                Active::Fetch(outgoing, _) => self.let_go(&outgoing),
                Active::Work(..) | Active::Errand(_) | Active::Send(_) | Active::Socket(..) => {}
            }
        }
    }

    /// A delivery has been made: a call whose answer it completed is over.
    pub(super) fn delivered(&self, local: u32, kind: Completes) {
        match kind {
            Completes::FirstTurn => {
                self.taken(local);
                self.arm_wall_limit(local);
                self.look_for_leave(local);
            }
            Completes::Request => self.forget(local),
            Completes::Call => self.end_call(local),
            Completes::CallWithoutBody if self.body_is_none(local) => self.end_call(local),
            Completes::CallWithoutBody => {}
            Completes::Message => self.socket_taken(local),
            Completes::SocketEnd => self.forget_socket(local),
            Completes::Errand => {
                if self.active.borrow_mut().remove(&local).is_some() {
                    self.errands.set(self.errands.get() - 1);
                }
            }
        }
    }

    /// The instance ends: its requests end with `error`, its calls and timers are forgotten.
    pub(super) fn close(&self, error: &Error) {
        let (sockets, rest): (Vec<Active>, Vec<Active>) =
            self.active.borrow_mut().drain().map(|(_, active)| active).partition(|active| matches!(active, Active::Socket(..)));
        // What a socket says is its request's response.
        for active in sockets.into_iter().chain(rest) {
            match active {
                Active::Work(work, timer) => {
                    if let Some(timer) = timer {
                        self.desk.wheel.borrow_mut().cancel(timer);
                    }
                    work.finish(Ending::Error(error.clone()));
                }
                Active::Call(call, _) => self.withdraw(&call),
                Active::Fetch(outgoing, _) => self.let_go(&outgoing),
                Active::Socket(wire, _) => wire.end(self, error),
                // Its answer will find nobody.
                Active::Errand(_) | Active::Send(_) => {}
            }
        }
        self.app.files.abort_all(|place| *place == self.writer_place());
        for (_, timer) in self.timers.borrow_mut().drain() {
            self.unwind(timer);
        }
        self.pending.borrow_mut().clear();
    }

    fn number(&self) -> u32 {
        let active = self.active.borrow();
        loop {
            let next = self.next.get().wrapping_add(1).max(1);
            self.next.set(next);
            if !active.contains_key(&next) {
                return next;
            }
        }
    }

    fn work(&self, id: u32) -> Option<Arc<Work>> {
        match self.active.borrow().get(&id)? {
            Active::Work(work, _) => Some(work.clone()),
            Active::Call(..) | Active::Errand(_) | Active::Send(_) | Active::Fetch(..) | Active::Socket(..) => None,
        }
    }

    fn call(&self, id: u32) -> Option<Arc<Call>> {
        match self.active.borrow().get(&id)? {
            Active::Call(call, _) => Some(call.clone()),
            Active::Work(..) | Active::Errand(_) | Active::Send(_) | Active::Fetch(..) | Active::Socket(..) => None,
        }
    }

    /// The app ends a request.
    fn finish(&self, local: u32, work: &Work, ending: Ending) {
        self.desk.bill(&self.app, Some(&work.spent));
        work.finish(ending);
        self.forget(local);
    }
}
