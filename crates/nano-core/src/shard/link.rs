//! The shard's side of one instance: what its JavaScript asks of us, answered from inside its turns.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nano_base::http::{RequestHead, ResponseHead};
use nano_base::limits::LOG_LINE_BYTES_MAX;
use nano_base::status::{Error, Status};
use nano_base::value::Value;
use nano_base::wheel::{TimerKey, TimerWheel};
use nano_engine::{Ask, BODY_GONE, Delivery, Errand, FilesAnswer, Host, LogLevel, Outbound, Pull, Refusal};

use super::Shard;
use super::seat::Seat;
use crate::app::{AppShared, Version};
use crate::binding::BindingKind;
use crate::call::{Answer, Call, CallContent, CallView};
use crate::event::Payload;
use crate::files::{Quota, Setting, WriterPlace};
use crate::helpers::Order;
use crate::pipe::GONE;
use crate::request::{Ending, Job, Listener, Place, Spent, Work};
use crate::runtime::Inner;
use crate::wait::lock;

/// What all instances of one thread share.
pub(super) struct Desk {
    pub inner: Arc<Inner>,
    pub shard: Arc<Shard>,
    pub seat: Arc<Seat>,
    pub wheel: RefCell<TimerWheel<Timer>>,
    /// The time that JavaScript sees: set when a turn begins.
    pub turn_ms: Cell<u64>,
    /// CPU time of the thread up to which everything has been billed.
    pub cpu_ns: Cell<u64>,
}

impl Desk {
    /// Bills an app, and what it was doing, for what the thread has used since the last time.
    pub(super) fn bill(&self, app: &AppShared, spent: Option<&Spent>) {
        let used_ns = self.pass();
        app.cpu_ns.fetch_add(used_ns, Ordering::Relaxed);
        if let Some(spent) = spent {
            spent.cpu_ns.fetch_add(used_ns, Ordering::Relaxed);
        }
    }

    /// What the thread has used since the last time, at nobody's expense.
    pub(super) fn pass(&self) -> u64 {
        let now_ns = nano_base::sys::thread::cpu_ns();
        now_ns.saturating_sub(self.cpu_ns.replace(now_ns))
    }
}

/// What a timer of the shard is for.
#[derive(Debug)]
pub(super) enum Timer {
    /// `setTimeout` and `setInterval`.
    Script { slot: u64, id: u32, every_ms: Option<u64> },
    /// A request's wall limit.
    Wall(Arc<Work>),
    /// The wall limit of a start that awaits something.
    Start { slot: u64 },
    /// Look for instances that have been idle for long.
    Sweep,
}

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
}

/// What an instance knows by number.
enum Active {
    Work(Arc<Work>, Option<TimerKey>),
    Call(Arc<Call>, Option<Arc<Spent>>),
    Errand(Option<Arc<Spent>>),
}

/// A timer of the app's.
struct Ticking {
    /// Where it is in the wheel; nowhere while a single one waits for its turn.
    key: Option<TimerKey>,
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
    active: RefCell<HashMap<u32, Active>>,
    next: Cell<u32>,
    timers: RefCell<HashMap<u32, Ticking>>,
    waits: Cell<i64>,
    calls: Cell<u32>,
    errands: Cell<u32>,
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
            waits: Cell::new(0),
            calls: Cell::new(0),
            errands: Cell::new(0),
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
        self.waits.get() <= 0 && self.pending.borrow().is_empty() && self.active.borrow().is_empty()
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
        // Ended before it was placed: nobody will tell this instance, so it must not begin.
        if work.is_done() {
            return None;
        }
        self.active.borrow_mut().insert(local, Active::Work(work.clone(), None));
        self.refill();
        match &work.job {
            Job::Fetch(_) => Some(Delivery::Fetch(local)),
            Job::Invoke(export, args) => {
                let args = lock(args).take().unwrap_or_default();
                Some(Delivery::Invoke(local, export.clone(), args))
            }
        }
    }

    /// Arms the wall limit of a request that did not end in its first turn.
    fn arm_wall_limit(&self, local: u32) {
        if let Some(Active::Work(work, timer @ None)) = self.active.borrow_mut().get_mut(&local) {
            let deadline = work.deadline_ms.load(Ordering::Relaxed);
            *timer = Some(self.desk.wheel.borrow_mut().insert(deadline, Timer::Wall(work.clone())));
        }
    }

    /// A request has come, or the start is over: from here on what the instance does of itself has the budget of an event.
    pub(super) fn refill(&self) {
        self.own.cpu_ns.store(0, Ordering::Relaxed);
        self.own_cpu_ms.set(self.version.limits.cpu_ms);
    }

    /// Who pays for the turn of a delivery, and the nanoseconds of CPU time that are left for it.
    pub(super) fn payer(&self, delivery: &Delivery) -> (Arc<Spent>, u64) {
        let (spent, limit_ms) = match self.spent_of(delivery) {
            Some(spent) => (spent, self.version.limits.cpu_ms),
            None => (self.own.clone(), self.own_cpu_ms.get()),
        };
        let used_ns = spent.cpu_ns.load(Ordering::Relaxed);
        (spent, (u64::from(limit_ms) * 1_000_000).saturating_sub(used_ns))
    }

    /// The event that a delivery belongs to.
    fn spent_of(&self, delivery: &Delivery) -> Option<Arc<Spent>> {
        let id = match delivery {
            Delivery::Timer(id) => return self.timer_begins(*id),
            Delivery::Fetch(id)
            | Delivery::BodyReady(id)
            | Delivery::WriteReady(id)
            | Delivery::Cancel(id)
            | Delivery::CallHead(id, _)
            | Delivery::CallResult(id, _)
            | Delivery::CallFail(id, _)
            | Delivery::CallThrow(id, ..)
            | Delivery::Errand(id, _)
            | Delivery::Invoke(id, ..) => id,
        };
        match self.active.borrow().get(id)? {
            Active::Work(work, _) => Some(work.spent.clone()),
            Active::Call(_, spent) | Active::Errand(spent) => spent.clone(),
        }
    }

    /// A timer has its turn: a single one is over by that. The event that started it.
    fn timer_begins(&self, id: u32) -> Option<Arc<Spent>> {
        let mut timers = self.timers.borrow_mut();
        let timer = timers.get(&id)?;
        if timer.key.is_some() { timer.spent.clone() } else { timers.remove(&id)?.spent }
    }

    /// Whether a delivery still means something to the instance.
    pub(super) fn knows(&self, local: u32) -> bool {
        self.active.borrow().contains_key(&local)
    }

    /// A timer is due; what to deliver, and when it is due again.
    pub(super) fn timer_due(&self, id: u32, every_ms: Option<u64>) -> bool {
        let mut timers = self.timers.borrow_mut();
        let Some(timer) = timers.get_mut(&id) else { return false };
        timer.key = every_ms.map(|every_ms| {
            let deadline = self.desk.inner.clock.now_ms() + every_ms.max(1);
            self.desk.wheel.borrow_mut().insert(deadline, Timer::Script { slot: self.slot.get(), id, every_ms: Some(every_ms) })
        });
        true
    }

    /// The host has answered, or an answer's body moves: what to deliver.
    pub(super) fn answered(&self, local: u32, answer: Answer) -> Option<Delivery> {
        if !self.knows(local) {
            return None;
        }
        Some(match answer {
            Answer::Head(head) => {
                self.calls.set(self.calls.get().saturating_sub(1));
                Delivery::CallHead(local, head)
            }
            Answer::Value(value) => {
                self.calls.set(self.calls.get().saturating_sub(1));
                Delivery::CallResult(local, value)
            }
            Answer::Fail(message) => {
                self.calls.set(self.calls.get().saturating_sub(1));
                Delivery::CallFail(local, message)
            }
            Answer::Throw(name, message) => {
                self.calls.set(self.calls.get().saturating_sub(1));
                Delivery::CallThrow(local, name, message)
            }
            Answer::BodyReady => Delivery::BodyReady(local),
            Answer::WriteReady => Delivery::WriteReady(local),
        })
    }

    /// Forgets a request, what was armed for it, and the calls nobody can be waiting for any more.
    pub(super) fn forget(&self, local: u32) {
        let Some(Active::Work(work, timer)) = self.active.borrow_mut().remove(&local) else { return };
        if let Some(timer) = timer {
            self.desk.wheel.borrow_mut().cancel(timer);
        }
        lock(&work.body).discard();
        if self.waits.get() > 0 || work.spent.subrequests.load(Ordering::Relaxed) == 0 {
            return;
        }
        let of_work = |active: &Active| matches!(active, Active::Call(_, Some(owner)) if Arc::ptr_eq(owner, &work.spent));
        let left: Vec<(u32, Active)> = self.active.borrow_mut().extract_if(|_, active| of_work(active)).collect();
        for (_, active) in left {
            if let Active::Call(call, _) = active {
                if !call.answered.load(Ordering::Acquire) {
                    self.calls.set(self.calls.get().saturating_sub(1));
                }
                self.withdraw(&call);
            }
        }
    }

    /// A delivery has been made: a call whose answer it completed is over.
    pub(super) fn delivered(&self, local: u32, kind: Completes) {
        match kind {
            Completes::FirstTurn => self.arm_wall_limit(local),
            Completes::Request => self.forget(local),
            Completes::Call => self.end_call(local),
            Completes::CallWithoutBody if self.body_is_none(local) => self.end_call(local),
            Completes::CallWithoutBody => {}
            Completes::Errand => {
                if self.active.borrow_mut().remove(&local).is_some() {
                    self.errands.set(self.errands.get() - 1);
                }
            }
        }
    }

    fn body_is_none(&self, call: u32) -> bool {
        self.call(call).is_some_and(|call| lock(&call.body).kind() == 0)
    }

    /// The instance ends: its requests end with `error`, its calls and timers are forgotten.
    pub(super) fn close(&self, error: &Error) {
        let active: Vec<Active> = self.active.borrow_mut().drain().map(|(_, active)| active).collect();
        for active in active {
            match active {
                Active::Work(work, timer) => {
                    if let Some(timer) = timer {
                        self.desk.wheel.borrow_mut().cancel(timer);
                    }
                    work.finish(Ending::Error(error.clone()));
                }
                Active::Call(call, _) => self.withdraw(&call),
                // Its answer will find nobody.
                Active::Errand(_) => {}
            }
        }
        self.app.files.abort_all(|place| *place == self.writer_place());
        for (_, timer) in self.timers.borrow_mut().drain() {
            self.unwind(timer);
        }
        self.pending.borrow_mut().clear();
    }

    fn writer_place(&self) -> WriterPlace {
        WriterPlace { shard: self.desk.shard.index, incarnation: self.desk.seat.incarnation, slot: self.slot.get() }
    }

    fn withdraw(&self, call: &Call) {
        call.uploading.store(false, Ordering::Release);
        if call.is_for_an_app() {
            call.cancel_to_app(&self.desk.inner);
            return;
        }
        let open = self.desk.inner.close_call(call.id.load(Ordering::Relaxed)).is_some();
        // A call that has just been answered may still be known, because the host's thread is about to forget it: that one has an
        // answer, and only a body that the host goes on sending is given up.
        let answered = call.answered.load(Ordering::Acquire) && !lock(&call.body).is_open();
        if open && !answered {
            call.push(&self.desk.inner.queue, Payload::CallCanceled);
        }
    }

    fn unwind(&self, timer: Ticking) {
        if let Some(key) = timer.key {
            self.desk.wheel.borrow_mut().cancel(key);
        }
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
            Active::Call(..) | Active::Errand(_) => None,
        }
    }

    fn call(&self, id: u32) -> Option<Arc<Call>> {
        match self.active.borrow().get(&id)? {
            Active::Call(call, _) => Some(call.clone()),
            Active::Work(..) | Active::Errand(_) => None,
        }
    }

    /// Opens a call on behalf of the current request, within its limits.
    fn open_call(&self, binding: u32, content: CallContent) -> Result<u32, Refusal> {
        let Some(binding) = self.version.bindings.get(binding as usize) else {
            return Err(Refusal("no such binding".into()));
        };
        self.open_call_of(&binding.name, &binding.kind, content)
    }

    fn open_call_of(&self, binding: &str, kind: &BindingKind, content: CallContent) -> Result<u32, Refusal> {
        let limits = &self.version.limits;
        if self.calls.get() >= limits.subrequests_at_once {
            return Err(Refusal(format!("{} calls are open already (limit subrequests_at_once)", limits.subrequests_at_once)));
        }
        let current = self.current.borrow().clone();
        if let Some(spent) = &current
            && spent.subrequests.fetch_add(1, Ordering::Relaxed) >= limits.subrequests
        {
            return Err(Refusal(format!("the request has made {} calls (limit subrequests)", limits.subrequests)));
        }
        let local = self.number();
        let place = Place { shard: self.desk.shard.index, incarnation: self.desk.seat.incarnation, slot: self.slot.get(), local };
        let (content, sent) = match kind {
            BindingKind::App { .. } => (content.outline(), Some(content)),
            _ => (content, None),
        };
        let view = CallView {
            app: self.app.name.clone(),
            binding: binding.to_string(),
            request: current.as_ref().map_or(0, |spent| spent.request.load(Ordering::Relaxed)),
            content,
        };
        let call = Arc::new(Call::new(view, place, &self.app, &self.version));
        let opened = match (kind, sent) {
            (BindingKind::App { app, entrypoint }, Some(content)) => {
                let depth = self.depth(current.as_ref()) + 1;
                self.desk.inner.call_app(&call, content, app, entrypoint.as_deref(), depth)
            }
            _ => self.desk.inner.open_call(call.clone()).map(drop),
        };
        opened.map_err(|error| Refusal(error.message))?;
        self.calls.set(self.calls.get() + 1);
        self.active.borrow_mut().insert(local, Active::Call(call, current));
        Ok(local)
    }

    /// How many apps called one another to get here. What the instance does of itself counts as one of the deepest that is under way.
    fn depth(&self, current: Option<&Arc<Spent>>) -> u32 {
        match current {
            Some(spent) if !Arc::ptr_eq(spent, &self.own) => spent.depth,
            _ => {
                let depth_of = |active: &Active| if let Active::Work(work, _) = active { work.spent.depth } else { 0 };
                self.active.borrow().values().map(depth_of).max().unwrap_or(0)
            }
        }
    }

    /// Sends an errand to the helpers on behalf of the current event, within its limits.
    fn send_errand(&self, errand: Errand) -> Result<u32, Refusal> {
        let limits = &self.version.limits;
        if self.errands.get() >= limits.errands {
            return Err(Refusal(format!("{} errands are under way already (limit errands)", limits.errands)));
        }
        let spent = self.current.borrow().clone();
        let used_ns = spent.as_ref().map_or(0, |spent| spent.errand_ns.load(Ordering::Relaxed));
        if used_ns >= u64::from(limits.errand_cpu_ms) * 1_000_000 {
            return Err(Refusal(format!("the request's errands have used {} ms of CPU time (limit errand_cpu_ms)", limits.errand_cpu_ms)));
        }
        let local = self.number();
        let place = Place { shard: self.desk.shard.index, incarnation: self.desk.seat.incarnation, slot: self.slot.get(), local };
        let (inner, app) = (self.desk.inner.clone(), self.app.clone());
        let order = Order { inner, app, spent: spent.clone(), place, errand, limit_ms: limits.errand_cpu_ms, used_ns: 0 };
        if !self.desk.inner.helpers.submit(order) {
            return Err(Refusal("the host's helpers have too much to do".into()));
        }
        self.errands.set(self.errands.get() + 1);
        self.active.borrow_mut().insert(local, Active::Errand(spent));
        Ok(local)
    }

    /// A call is over for the app. If it still sends the call's body it is woken, to find that nobody reads it.
    fn end_call(&self, local: u32) {
        let Some(call) = self.call(local) else { return };
        self.active.borrow_mut().remove(&local);
        if call.uploading.load(Ordering::Acquire) {
            self.pending.borrow_mut().push_back(Delivery::WriteReady(local));
        }
    }

    /// The app ends a request.
    fn finish(&self, local: u32, work: &Work, ending: Ending) {
        self.desk.bill(&self.app, Some(&work.spent));
        work.finish(ending);
        self.forget(local);
    }

    /// How many lines of log were dropped, if this one may go out.
    fn admit_log(&self, bytes: usize) -> Option<u64> {
        let second = self.desk.inner.clock.now_ms() / 1_000;
        if self.log_second.replace(second) != second {
            self.log_bytes.set(0);
        }
        let total = self.log_bytes.get() + bytes as u64;
        if total > u64::from(self.version.limits.log_bytes_per_s) {
            self.log_dropped.set(self.log_dropped.get() + 1);
            self.desk.inner.counters.logs_dropped.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.log_bytes.set(total);
        Some(self.log_dropped.replace(0))
    }
}

/// What the engine holds of a link.
pub(super) struct LinkHost(pub Rc<Link>);

impl Host for LinkHost {
    fn log(&self, level: LogLevel, mut text: String) {
        if text.len() > LOG_LINE_BYTES_MAX {
            let mut end = LOG_LINE_BYTES_MAX;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
        }
        if let Some(dropped) = self.0.admit_log(text.len()) {
            self.0.desk.inner.log(&self.0.app.name, level, text, dropped);
        }
    }

    fn exception(&self, error: Error) {
        let text = if error.stack.is_empty() { error.message } else { error.stack };
        self.log(LogLevel::Error, format!("Uncaught {text}"));
    }

    fn now_ms(&self) -> f64 {
        self.0.desk.turn_ms.get().saturating_sub(self.0.origin_ms) as f64
    }

    fn time_origin_ms(&self) -> f64 {
        self.0.origin_unix_ms
    }

    fn timer_start(&self, id: u32, delay_ms: f64, repeat: bool) -> Result<(), Refusal> {
        let link = &self.0;
        let max = link.version.limits.timers;
        if link.timers.borrow().len() >= max as usize {
            return Err(Refusal(format!("{max} timers are running already (limit timers)")));
        }
        let delay_ms = delay_ms.clamp(0.0, f64::from(i32::MAX)) as u64;
        // The turn's time is rounded down, and a timer must never be early.
        let deadline = link.desk.turn_ms.get() + delay_ms + u64::from(delay_ms > 0);
        let timer = Timer::Script { slot: link.slot.get(), id, every_ms: repeat.then_some(delay_ms) };
        let key = Some(link.desk.wheel.borrow_mut().insert(deadline, timer));
        let timer = Ticking { key, spent: link.current.borrow().clone() };
        let old = link.timers.borrow_mut().insert(id, timer);
        if let Some(old) = old {
            link.unwind(old);
        }
        Ok(())
    }

    fn timer_cancel(&self, id: u32) {
        let timer = self.0.timers.borrow_mut().remove(&id);
        if let Some(timer) = timer {
            self.0.unwind(timer);
        }
    }

    fn request(&self, id: u32, read: &mut dyn FnMut(&RequestHead)) {
        if let Some(work) = self.0.work(id)
            && let Job::Fetch(head) = &work.job
        {
            read(head);
        }
    }

    fn body_kind(&self, id: u32) -> u32 {
        if let Some(work) = self.0.work(id) {
            return lock(&work.body).kind();
        }
        self.0.call(id).map_or(BODY_GONE, |call| lock(&call.body).kind())
    }

    fn body_take(&self, id: u32) -> Vec<u8> {
        if let Some(work) = self.0.work(id) {
            return lock(&work.body).take_whole();
        }
        let Some(call) = self.0.call(id) else { return Vec::new() };
        self.0.end_call(id);
        lock(&call.body).take_whole()
    }

    fn body_pull(&self, id: u32) -> Pull {
        if let Some(work) = self.0.work(id) {
            let (pull, tell) = lock(&work.body).pull();
            if tell {
                work.push_writable();
            }
            if let (Listener::App(caller), Pull::Chunk(chunk)) = (&work.listener, &pull) {
                caller.credit_by_app(&self.0.desk.inner, chunk.len(), tell);
            }
            return pull;
        }
        let Some(call) = self.0.call(id) else {
            return Pull::Broken(GONE.into());
        };
        let (pull, tell) = lock(&call.body).pull();
        if call.is_for_an_app() {
            if let Pull::Chunk(chunk) = &pull {
                call.credit_to_app(&self.0.desk.inner, chunk.len(), tell);
            }
        } else if tell {
            call.push(&self.0.desk.inner.queue, Payload::Writable);
        }
        if matches!(pull, Pull::End | Pull::Broken(_)) {
            self.0.end_call(id);
        }
        pull
    }

    fn body_cancel(&self, id: u32) {
        if let Some(work) = self.0.work(id) {
            let (dropped, tell) = {
                let mut body = lock(&work.body);
                (body.buffered(), body.cancel())
            };
            if let Listener::App(caller) = &work.listener {
                caller.credit_by_app(&self.0.desk.inner, dropped, tell);
            } else if tell {
                work.push_writable();
            }
        } else if let Some(call) = self.0.call(id) {
            lock(&call.body).cancel();
            self.0.withdraw(&call);
            self.0.end_call(id);
        }
    }

    fn respond(&self, id: u32, head: ResponseHead, body: Vec<u8>) {
        let Some(work) = self.0.work(id) else { return };
        match work.check_room() {
            Ok(()) => {
                work.bytes_out.fetch_add(body.len() as u64, Ordering::Relaxed);
                self.0.finish(id, &work, Ending::Response(head, body));
            }
            Err(error) => self.0.finish(id, &work, Ending::Error(error)),
        }
    }

    fn respond_head(&self, id: u32, head: ResponseHead) {
        if let Some(work) = self.0.work(id) {
            work.send_head(head);
        }
    }

    fn write(&self, id: u32, bytes: Vec<u8>) -> Option<i64> {
        let inner = &self.0.desk.inner;
        if let Some(work) = self.0.work(id) {
            return work.send_chunk(bytes).unwrap_or_else(|error| {
                inner.cancel(&work, error);
                None
            });
        }
        let call = self.0.call(id)?;
        if bytes.is_empty() {
            // To the host an empty piece would be the end.
            return Some(call.credit.load(Ordering::Acquire));
        }
        if call.is_for_an_app() { call.write_to_app(inner, bytes) } else { call.send_chunk(&inner.queue, bytes) }
    }

    fn end(&self, id: u32) {
        if let Some(work) = self.0.work(id) {
            self.0.finish(id, &work, Ending::Stream);
        } else if let Some(call) = self.0.call(id) {
            call.uploading.store(false, Ordering::Release);
            if call.is_for_an_app() {
                call.end_to_app(&self.0.desk.inner);
            } else {
                call.send_chunk(&self.0.desk.inner.queue, Vec::new());
            }
        }
    }

    fn fail(&self, id: u32, error: Error) {
        if let Some(work) = self.0.work(id) {
            self.exception(error.clone());
            self.0.finish(id, &work, Ending::Error(error));
        } else if let Some(call) = self.0.call(id) {
            self.0.withdraw(&call);
        }
    }

    fn wait_until(&self, _id: u32, change: i32) {
        self.0.waits.set(self.0.waits.get() + i64::from(change));
    }

    fn call_fetch(&self, binding: u32, head: RequestHead, body: Outbound) -> Result<u32, Refusal> {
        let (body, streaming) = match body {
            Outbound::None => (Vec::new(), false),
            Outbound::Whole(body) => (body, false),
            Outbound::Stream => (Vec::new(), true),
        };
        self.0.open_call(binding, CallContent::Fetch { head, body, streaming })
    }

    fn call_method(&self, binding: u32, name: String, args: Vec<Value>) -> Result<u32, Refusal> {
        self.0.open_call(binding, CallContent::Method { name, args })
    }

    fn call_host(&self, binding: u32, ask: Ask) -> Result<u32, Refusal> {
        let content = match ask {
            Ask::Function(args) => CallContent::Function { args },
            Ask::Construct(args) => CallContent::Construct { args },
            Ask::Method(object, name, args) => CallContent::ObjectMethod { object, name, args },
            Ask::Get(object, name) => CallContent::ObjectGet { object, name },
            Ask::Set(object, name, value) => CallContent::ObjectSet { object, name, value },
        };
        self.0.open_call(binding, content)
    }

    fn host_objects_max(&self) -> u32 {
        self.0.version.limits.host_objects
    }

    fn files(&self, name: String, args: Vec<Value>) -> Result<FilesAnswer, Refusal> {
        let link = &self.0;
        if link.version.host_files {
            return link.open_call_of("", &BindingKind::Object, CallContent::Files { name, args }).map(FilesAnswer::Call);
        }
        let limits = &link.version.limits;
        let setting = Setting {
            now_ms: link.desk.inner.clock.unix_ms(),
            place: link.writer_place(),
            quota: Quota { bytes: limits.storage_bytes, entries: limits.storage_entries as usize },
        };
        Ok(match link.app.files.answer(&name, &args, &setting) {
            Ok(value) => FilesAnswer::Value(value),
            Err((name, message)) => FilesAnswer::Failed(name, message),
        })
    }

    fn random_seed(&self) -> Option<u64> {
        self.0.version.random_seed
    }

    fn entrypoint(&self, id: u32) -> Option<String> {
        self.0.work(id)?.entrypoint.clone()
    }

    fn call_cancel(&self, id: u32) {
        if let Some(call) = self.0.call(id) {
            if !call.answered.load(Ordering::Acquire) {
                self.0.calls.set(self.0.calls.get().saturating_sub(1));
            }
            self.0.withdraw(&call);
            self.0.end_call(id);
        }
    }

    fn errand(&self, errand: Errand) -> Result<u32, Refusal> {
        self.0.send_errand(errand)
    }

    fn invoke_return(&self, id: u32, value: Value) {
        if let Some(work) = self.0.work(id) {
            self.0.finish(id, &work, Ending::Value(value));
        }
    }

    fn invoke_fail(&self, id: u32, mut error: Error) {
        error.status = Status::Exception;
        if let Some(work) = self.0.work(id) {
            self.exception(error.clone());
            self.0.finish(id, &work, Ending::Error(error));
        }
    }
}
