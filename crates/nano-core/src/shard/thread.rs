//! The loop of one shard's thread: commands, timers, turns, tidying, sleep.

mod endings;
mod inspecting;

use std::collections::VecDeque;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use nano_base::limits::{AppLimits, SOCKET_EVENTS_MAX, VISIT_CPU_NS};
use nano_base::numbers::Numbered;
use nano_base::slots::Slots;
use nano_base::status::{Error, Result, Status};
use nano_base::sys;
use nano_base::wheel::TimerWheel;
use nano_engine::{Delivery, Instance, InstanceLimits, Started};
use nano_net::reactor::Reactor;

use super::admission::{self, Permit};
use super::desk::{Desk, Timer};
use super::link::{Link, LinkHost};
use super::outside::Outside;
use super::seat::{Seat, Stop};
use super::slot::{Buried, Phase, Slot};
use super::visit::{Visit, begin_turn, heap_exhausted, with_place};
use super::{Command, Shard};
use crate::IMAGE;
use crate::app::AppShared;
use crate::observe::Tenant;
use crate::request::{Ending, Work};
use crate::runtime::Inner;
use crate::version::Version;
use crate::wait::{Slot as Ticket, lock};

/// Work done between two looks at the commands.
const ROUND: u32 = 64;
/// How often idle instances are looked for.
const SWEEP_MS: u64 = 1_000;
/// How long nothing must have come before the pool is refilled: whoever comes next would wait for that.
const REST_MS: u64 = 3;
/// How often connections are looked at that another shard cannot move.
const ADOPTED: Duration = Duration::from_millis(1);
/// Visits between two looks at an instance's memory.
const VISITS_PER_LOOK: u32 = 64;
/// A visit that used more CPU than this has its memory looked at.
const LOOK_AFTER_NS: u64 = 1_000_000;

/// Runs a shard until it stops or is given up.
pub(super) fn run(inner: Arc<Inner>, shard: Arc<Shard>, seat: Arc<Seat>) {
    seat.occupy();
    {
        let (inner, seat) = (inner.clone(), seat.clone());
        nano_engine::on_loss(move |loss| {
            // This thread will close nothing any more, and whoever it was connected to would wait for ever.
            nano_base::sys::sockets::shut_down_watched(seat.poll.load(Ordering::Relaxed));
            nano_net::connect::thread_is_lost();
            *lock(&seat.loss) = Some(loss);
            inner.watchdog.wake();
        });
    }
    let ran = catch_unwind(AssertUnwindSafe(|| {
        match Thread::new(&inner, &shard, &seat) {
            Ok(mut thread) => thread.run(),
            // There are no descriptors. The watchdog tries again.
            Err(_) => shard.is_vacant.store(true, Ordering::Release),
        }
    }));
    if ran.is_err() && !seat.is_abandoned() {
        // What the thread held is gone with it. The watchdog answers for it.
        seat.fail();
    } else if seat.is_abandoned() {
        admission::thread_returned();
        if let Some(app) = seat.culprit.get() {
            inner.culprits.forgive(&app.name, &seat);
        }
    }
    seat.gone.store(true, Ordering::Release);
    inner.watchdog.wake();
}

/// Everything one thread holds.
struct Thread {
    desk: Rc<Desk>,
    slots: Slots<Slot>,
    by_app: Numbered<u64, u64>,
    ready: VecDeque<u64>,
    /// Instances to dispose of when there is time.
    graveyard: VecDeque<Buried>,
    /// Started blank isolates, the newest first.
    pool: Vec<Instance>,
    /// Nothing has come for a while: the time to do what costs a millisecond.
    rested: bool,
    poll: Poll,
}

impl Thread {
    fn new(inner: &Arc<Inner>, shard: &Arc<Shard>, seat: &Arc<Seat>) -> std::io::Result<Self> {
        let poll = Poll::new()?;
        poll.registry().register(&mut SourceFd(&shard.raw_bell()), Token(0), Interest::READABLE)?;
        poll.registry().register(&mut SourceFd(&shard.front.raw_fd()), Token(1), Interest::READABLE)?;
        seat.poll.store(poll.as_raw_fd(), Ordering::Relaxed);
        let now_ms = inner.clock.now_ms();
        let mut wheel = TimerWheel::new(now_ms);
        wheel.insert(now_ms + SWEEP_MS, Timer::Sweep);
        let desk = Rc::new(Desk {
            inner: inner.clone(),
            shard: shard.clone(),
            seat: seat.clone(),
            wheel: wheel.into(),
            outside: Outside::new(poll.registry())?,
            turn_ms: now_ms.into(),
            cpu_ns: sys::thread::cpu_ns().into(),
            billed_ns: sys::time::monotonic_ns().into(),
            guesses: 0.into(),
        });
        Ok(Self {
            desk,
            slots: Slots::new(inner.limits.instances as usize),
            by_app: Numbered::default(),
            ready: VecDeque::new(),
            graveyard: VecDeque::new(),
            pool: Vec::new(),
            rested: false,
            poll,
        })
    }

    fn run(&mut self) {
        let mut events = Events::with_capacity(SOCKET_EVENTS_MAX);
        loop {
            if self.desk.seat.is_abandoned() || self.desk.shard.is_stopping() {
                break;
            }
            self.obey();
            self.expire();
            let worked = self.ring_alarms() | self.move_connections() | self.look_outside(&mut events) | self.work();
            self.desk.inner.queue.ring();
            self.rested &= !worked;
            if !worked && !self.tidy() {
                self.sleep(&mut events);
            }
        }
        let error = if self.desk.seat.is_abandoned() {
            Error::new(Status::ShardLost, "the shard that ran the request was given up; it may have had effects")
        } else {
            Error::new(Status::Shutdown, "the runtime was freed before the request ended")
        };
        let ids: Vec<u64> = self.slots.iter().map(|(id, _)| id).collect();
        for id in ids {
            if let Some(slot) = self.slots.remove(id) {
                slot.link.close(&error);
                slot.tenant.end();
            }
        }
        // What sockets said last is on its way.
        self.move_connections();
        if let Some(reactor) = self.desk.outside.reactor() {
            reactor.close();
        }
        self.desk.inner.queue.ring();
    }

    /// Gives turns to instances and requests alternately; whether there was anything to do.
    fn work(&mut self) -> bool {
        let mut worked = false;
        let begun_ns = self.desk.cpu_ns.get();
        for _ in 0..ROUND {
            // Whoever comes by a connection is not to wait for all that one app has begun.
            if self.desk.cpu_ns.get().saturating_sub(begun_ns) > VISIT_CPU_NS {
                break;
            }
            let mut any = false;
            if let Some(id) = self.ready.pop_front() {
                if let Some(slot) = self.slots.get_mut(id) {
                    slot.ready = false;
                    self.visit(id);
                }
                any = true;
            }
            if !self.desk.seat.is_abandoned()
                && let Some(work) = self.desk.shard.next_request()
            {
                self.serve(work);
                any = true;
            }
            // After each of them: what is left between the pressure and the limit may be no more than a few grow by.
            any |= self.relieve();
            if !any || self.desk.seat.is_abandoned() {
                break;
            }
            worked = true;
        }
        worked
    }

    /// Sees to the sockets that instances have, at their expense, and wakes those for which something has come; whether there was anything.
    fn look_outside(&mut self, events: &mut Events) -> bool {
        let outside = &self.desk.outside;
        let mut any = false;
        if outside.reactor().is_some_and(|reactor| !reactor.is_empty()) && self.poll.poll(events, Some(Duration::ZERO)).is_ok() {
            // Also when it was about none of them: that there is something for the front is told only once.
            any = self.tell_sockets(events) | !events.is_empty();
        }
        if self.desk.outside.is_due() {
            self.desk.begin_look();
            any |= self.desk.outside.turn(self.desk.cpu_ns.get());
            self.desk.end_look();
            self.end_overdrawn();
        }
        any |= self.wake_up();
        any
    }

    /// Ends the events that have used up their CPU time by what was done for their sockets.
    fn end_overdrawn(&self) {
        let overdrawn = std::mem::take(&mut *self.desk.outside.overdrawn.borrow_mut());
        for (id, spent) in overdrawn {
            if let Some(slot) = self.slots.get(id) {
                slot.link.overdraw(&spent);
            }
        }
    }

    /// Tells sockets what the poll has said of them; whether it was about any.
    fn tell_sockets(&self, events: &Events) -> bool {
        let Some(reactor) = self.desk.outside.reactor() else { return false };
        events.iter().fold(false, |any, event| reactor.tell(event) | any)
    }

    /// Readies the instances that something has come for from outside; whether there were any.
    fn wake_up(&mut self) -> bool {
        let woken = std::mem::take(&mut *self.desk.outside.woken.borrow_mut());
        for id in &woken {
            self.make_ready(*id);
        }
        !woken.is_empty()
    }

    /// Moves the connections of this shard, and of those whose thread cannot; whether there was anything to move.
    fn move_connections(&self) -> bool {
        let inner = &self.desk.inner;
        // What another shard is at may have been told to this one, and is told only once: it is looked at again.
        let mut moved = self.desk.shard.front.turn(inner).unwrap_or(true);
        if inner.stuck.load(Ordering::Acquire) > 0 {
            for other in inner.shards.iter().filter(|other| other.index != self.desk.shard.index && other.is_stuck()) {
                moved |= other.front.turn(inner).unwrap_or(false);
            }
        }
        if moved {
            // At nobody's expense: the next turn's bill begins here.
            self.desk.pass();
        }
        moved
    }

    /// Does one thing that can wait; whether there was one. It is at no app's expense.
    fn tidy(&mut self) -> bool {
        if let Some(buried) = self.graveyard.pop_front() {
            self.dispose(buried);
        } else if self.rested && self.wants_blanks() {
            match Instance::new(IMAGE, default_limits()) {
                Ok(instance) => self.pool.push(instance),
                Err(_) => return false,
            }
        } else {
            return false;
        }
        self.desk.pass();
        true
    }

    /// Whether the pool is short of blank isolates.
    fn wants_blanks(&self) -> bool {
        self.pool.len() < self.desk.inner.limits.pool as usize && !self.slots.is_empty()
    }

    fn sleep(&mut self, events: &mut Events) {
        let shard = &self.desk.shard;
        if shard.is_waited_for.load(Ordering::Relaxed) && !shard.is_stopping() {
            let came = self.desk.inner.answerers.wait(|| shard.has_requests());
            // At nobody's expense.
            self.desk.pass();
            if came {
                return;
            }
        }
        shard.waking.doze();
        if shard.has_requests() || shard.has_commands() || shard.front.has_mail() || shard.is_stopping() || self.desk.seat.is_abandoned() {
            shard.waking.rise();
            return;
        }
        let clock = &self.desk.inner.clock;
        let now_ms = clock.now_ms();
        let outside = self.desk.outside.reactor().and_then(Reactor::next_deadline);
        let alarm = self.desk.inner.alarms.next_ms().filter(|_| shard.index == 0);
        let next = [self.desk.wheel.borrow().next_deadline(), shard.front.next_deadline(), outside, alarm].into_iter().flatten().min();
        let timeout = match next {
            None => None,
            // Looked at after `doze`: whoever moves a manual clock later than this will ring.
            Some(deadline) if deadline <= now_ms => Some(Duration::ZERO),
            Some(_) if clock.is_manual() => None,
            Some(deadline) => Some(Duration::from_millis(deadline - now_ms)),
        };
        let timeout = if self.desk.inner.stuck.load(Ordering::Acquire) > 0 { Some(ADOPTED) } else { timeout };
        let rest = Duration::from_millis(REST_MS);
        let timeout = if self.wants_blanks() { Some(timeout.map_or(rest, |timeout| timeout.min(rest))) } else { timeout };
        // An interrupted or failed poll is a short sleep: the loop looks at everything again.
        let _ = self.poll.poll(events, timeout);
        self.rested = events.is_empty();
        self.tell_sockets(events);
        shard.waking.rise();
        shard.bell.clear();
    }

    fn obey(&mut self) {
        let mut commands = self.desk.shard.take_commands();
        if commands.is_empty() {
            return;
        }
        let begun_ns = sys::time::monotonic_ns();
        while let Some(command) = commands.pop_front() {
            match command {
                Command::Start(app, version, ticket) => {
                    self.start_for(&app, &version, ticket);
                }
                Command::BodyReady(place) => self.deliver(place, |link| {
                    (link.knows(place.local) && !link.socket_readable(place.local)).then_some(Delivery::BodyReady(place.local))
                }),
                Command::WriteReady(place) => self.deliver(place, |link| {
                    (link.knows(place.local) && !link.socket_writable(place.local)).then_some(Delivery::WriteReady(place.local))
                }),
                Command::Cancel(place) => self.deliver(place, |link| {
                    link.socket_gone(place.local);
                    link.knows(place.local).then_some(Delivery::Cancel(place.local))
                }),
                Command::Left(place) => self.deliver(place, |link| link.knows(place.local).then_some(Delivery::Left(place.local))),
                Command::Answer(place, answer) => self.deliver(place, |link| link.answered(place.local, answer)),
                Command::Errand(place, result) => {
                    self.deliver(place, |link| link.knows(place.local).then_some(Delivery::Errand(place.local, result)))
                }
                // The queue is rung once per round.
                Command::Ring => self.desk.inner.objects.ringing.store(false, Ordering::Release),
                Command::Retire(app) => self.retire(app),
                Command::Leave(app) => self.leave(app),
                Command::Hear(app) => self.hear_debuggers(&app),
                Command::HangUp(app) => {
                    let is_meant = |link: &Link| app.is_none_or(|app| link.app.key == app);
                    let ids: Vec<u64> = self.slots.iter().filter(|(_, slot)| is_meant(&slot.link)).map(|(id, _)| id).collect();
                    for id in ids {
                        self.hang_up(id, 1001, "DRAINING", false);
                    }
                }
                #[cfg(test)]
                Command::Fail => panic!("the defect that a test is about"),
                #[cfg(test)]
                Command::Dwell(begun, end) => self.desk.chore(None, || {
                    begun.fill(());
                    end.wait(None);
                }),
                Command::Refuse(app, why) => self.refuse_all_of(app, &why),
                Command::Evict(app, why, ticket) => {
                    self.evict_app(app, &why);
                    ticket.fill(());
                }
            }
            if !commands.is_empty() && sys::time::monotonic_ns() - begun_ns > VISIT_CPU_NS {
                self.desk.shard.put_back(commands);
                break;
            }
        }
        // At nobody's expense: whoever has the next turn has not caused it.
        self.desk.pass();
    }

    /// Starts an instance for a blocking caller and tells it how that went, now or when a top-level `await` is over.
    fn start_for(&mut self, app: &Arc<AppShared>, version: &Arc<Version>, ticket: Arc<Ticket<Result<()>>>) {
        let seat = self.desk.seat.clone();
        seat.await_start(app.key, &ticket);
        if self.has_started_for_debuggers(app, version) {
            return seat.started(&ticket, Ok(()));
        }
        match self.start(app, version) {
            Err(error) => seat.started(&ticket, Err(error)),
            Ok(id) => match self.slots.get_mut(id).map(|slot| &mut slot.phase) {
                Some(Phase::Starting(waiter, _)) => *waiter = Some(ticket),
                _ => seat.started(&ticket, Ok(())),
            },
        }
    }

    /// Queues a delivery for an instance that is still here.
    fn deliver(&mut self, place: crate::request::Place, make: impl FnOnce(&Rc<Link>) -> Option<Delivery>) {
        if place.incarnation != self.desk.seat.incarnation {
            return;
        }
        let Some(slot) = self.slots.get_mut(place.slot) else { return };
        if let Some(delivery) = make(&slot.link) {
            slot.link.pending.borrow_mut().push_back(delivery);
        }
        if !slot.link.pending.borrow().is_empty() {
            self.make_ready(place.slot);
        }
    }

    fn make_ready(&mut self, id: u64) {
        if let Some(slot) = self.slots.get_mut(id)
            && !slot.ready
        {
            slot.ready = true;
            self.ready.push_back(id);
        }
    }

    /// Handles the timers that are due.
    fn expire(&mut self) {
        let now_ms = self.desk.inner.clock.now_ms();
        let mut expired = 0_u32;
        let mut begun_ns = 0;
        loop {
            let due = self.desk.wheel.borrow_mut().pop_due(now_ms);
            let Some((_, timer)) = due else { break };
            if expired == 0 {
                begun_ns = sys::time::monotonic_ns();
            }
            expired += 1;
            match timer {
                Timer::Script { slot, id, every_ms } => {
                    if let Some(entry) = self.slots.get_mut(slot)
                        && entry.link.timer_due(id, every_ms)
                    {
                        entry.link.pending.borrow_mut().push_back(Delivery::Timer(id));
                        self.make_ready(slot);
                    }
                }
                Timer::Wall(work) => self.wall_limit(&work, now_ms),
                Timer::Start { slot } => self.start_limit(slot),
                Timer::Socket { slot, id } => {
                    if let Some(slot) = self.slots.get(slot) {
                        slot.link.socket_due(id);
                    }
                }
                Timer::Sweep => {
                    self.sweep(now_ms);
                    self.desk.wheel.borrow_mut().insert(now_ms + SWEEP_MS, Timer::Sweep);
                }
            }
            // The rest stays due.
            if expired.is_multiple_of(ROUND) && sys::time::monotonic_ns() - begun_ns > VISIT_CPU_NS {
                break;
            }
        }
        if expired > 0 {
            // At nobody's expense, too.
            self.desk.pass();
        }
    }

    /// Does what the runtime does at a time; whether there was anything. It is at no app's expense.
    fn ring_alarms(&self) -> bool {
        let rang = self.desk.inner.ring_alarms(self.desk.inner.clock.now_ms());
        if rang {
            self.desk.pass();
        }
        rang
    }

    /// A request's wall limit is due: it ends, unless its stream has moved since.
    fn wall_limit(&mut self, work: &Arc<Work>, now_ms: u64) {
        let deadline = work.deadline_ms.load(Ordering::Relaxed);
        if deadline > now_ms {
            self.desk.wheel.borrow_mut().insert(deadline, Timer::Wall(work.clone()));
            return;
        }
        if work.app.is_inspected() {
            work.progress();
            self.desk.wheel.borrow_mut().insert(work.deadline_ms.load(Ordering::Relaxed), Timer::Wall(work.clone()));
            return;
        }
        self.desk.inner.cancel(work, work.wall_error());
    }

    /// A start's wall limit is due: it fails, and what waits for it, if it is not over.
    fn start_limit(&mut self, id: u64) {
        let Some(slot) = self.slots.get(id) else { return };
        if matches!(slot.phase, Phase::Starting(..)) {
            let (wall_ms, name) = slot.link.version.start_wall();
            if slot.link.app.is_inspected() {
                self.desk.wheel.borrow_mut().insert(self.desk.inner.clock.now_ms() + u64::from(wall_ms), Timer::Start { slot: id });
                return;
            }
            self.remove(id, &Error::new(Status::WallLimit, format!("the app did not start within {wall_ms} ms (limit {name})")));
        }
    }

    /// Answers a request: by the instance that is here, or by one started for it.
    fn serve(&mut self, work: Arc<Work>) {
        if work.is_done() {
            return;
        }
        let Some(work) = self.keep_or_send_home(work) else { return };
        let now_ms = self.desk.inner.clock.now_ms();
        if work.app.is_inspected() {
            // It may have waited for a pause to end.
            work.progress();
        }
        if work.deadline_ms.load(Ordering::Relaxed) <= now_ms {
            work.finish(Ending::Error(work.wall_error()));
            return;
        }
        let version = work.app.version();
        let found = self
            .by_app
            .get(&work.app.key)
            .copied()
            .filter(|id| self.slots.get(*id).is_some_and(|slot| Arc::ptr_eq(&slot.link.version, &version)));
        let id = match found.or_else(|| self.find_serving(&work.app, &version)) {
            Some(id) => id,
            None => match self.start_for_request(&work, &version) {
                Ok(id) => id,
                Err(error) => {
                    if error.status == Status::Capacity && self.hand_on(&work) {
                        return;
                    }
                    if version.has_ended() && !Arc::ptr_eq(&version, &work.app.version()) {
                        // It has been replaced since it was looked at.
                        return self.serve(work);
                    }
                    // What waits behind it would fail the same way, each after as long a start.
                    self.refuse_all_of(work.app.key, &error);
                    work.finish(Ending::Error(error));
                    return;
                }
            },
        };
        let Some(slot) = self.slots.get_mut(id) else { return };
        if let Phase::Starting(_, waiting) = &mut slot.phase {
            self.desk.wheel.borrow_mut().insert(work.deadline_ms.load(Ordering::Relaxed), Timer::Wall(work.clone()));
            *lock(&work.place) = Some(self.desk.waiting_place());
            waiting.push(work);
            return;
        }
        if let Some(delivery) = slot.link.begin(&work) {
            slot.link.pending.borrow_mut().push_back(delivery);
        }
        // Its trace is told when nobody holds it: before those of the requests that the visit may go on with.
        drop(work);
        self.visit(id);
    }

    /// An instance of this version that is not the one that serves the app, as while another version starts or has failed to: from now on it
    /// is again.
    fn find_serving(&mut self, app: &Arc<AppShared>, version: &Arc<Version>) -> Option<u64> {
        let serves = |slot: &Slot| slot.link.app.key == app.key && Arc::ptr_eq(&slot.link.version, version) && !slot.retiring;
        let id = self.slots.iter().find(|(_, slot)| serves(slot)).map(|(id, _)| id)?;
        self.by_app.insert(app.key, id);
        app.warm.fetch_or(self.warm_bit(), Ordering::Relaxed);
        Some(id)
    }

    /// Starts an instance for a request, which is lost with the thread if the start breaks it.
    fn start_for_request(&mut self, work: &Arc<Work>, version: &Arc<Version>) -> Result<u64> {
        *lock(&work.place) = Some(self.desk.waiting_place());
        let started = self.start(&work.app, version);
        if started.is_err() {
            *lock(&work.place) = None;
        }
        started
    }

    /// There is no room for one more instance, and no idle one here to make some: another shard may have one. Whether there is a
    /// shard that the request has not been to.
    fn hand_on(&self, work: &Arc<Work>) -> bool {
        let shards = &self.desk.inner.shards[..self.desk.inner.working];
        if work.app.is_inspected() || work.hops.fetch_add(1, Ordering::Relaxed) as usize + 1 >= shards.len() {
            return false;
        }
        let target = (self.desk.shard.index + 1) % shards.len();
        work.app.move_to(target);
        shards[target].submit(work.clone()).is_ok()
    }

    /// Starts an instance of a version; its slot.
    fn start(&mut self, app: &Arc<AppShared>, version: &Arc<Version>) -> Result<u64> {
        self.desk.inner.check_conduct(app, version)?;
        let permit = self.permit()?;
        let limits = InstanceLimits { heap_bytes: version.limits.heap_bytes, external_bytes: version.limits.external_bytes };
        let pooled = (limits.heap_bytes == default_limits().heap_bytes).then(|| self.pool.pop()).flatten();
        let mut instance = match pooled {
            Some(instance) => instance,
            None => Instance::new(IMAGE, limits)?,
        };
        let link = Link::new(&self.desk, app, version);
        instance.adopt(Box::new(LinkHost(link.clone())), limits);
        let tenant = Arc::new(Tenant::new(app, version, version.live()?, instance.heap_pages()));
        let id = self
            .slots
            .insert(Slot {
                instance,
                link,
                tenant: tenant.clone(),
                phase: Phase::Warm,
                permit,
                retiring: false,
                ready: false,
                idle_since_ms: self.desk.inner.clock.now_ms(),
                visits: 0,
            })
            .map_err(|_| Error::new(Status::Capacity, "no more instances on this shard (limit instances)"))?;
        self.desk.seat.take_in(id, tenant);
        self.desk.inner.counters.starts.fetch_add(1, Ordering::Relaxed);
        app.starts.fetch_add(1, Ordering::Relaxed);
        self.show_to_debuggers(id);
        let started =
            self.start_turn(id, |instance, version| instance.start(&version.code, &version.env, &version.shapes, &version.settings));
        match started {
            Ok(Started::Ready(_)) => {
                self.by_app.insert(app.key, id);
                app.warm.fetch_or(self.warm_bit(), Ordering::Relaxed);
                if let Some(slot) = self.slots.get_mut(id) {
                    slot.link.refill();
                    slot.has_started();
                    look_at_memory(slot);
                }
                self.desk.inner.app_event(&app.name, "started", "");
                if self.slots.get(id).is_some_and(|slot| !slot.link.pending.borrow().is_empty()) {
                    self.make_ready(id);
                }
                Ok(id)
            }
            Ok(Started::Waiting) => {
                if let Some(slot) = self.slots.get_mut(id) {
                    slot.phase = Phase::Starting(None, Vec::new());
                }
                let deadline = self.desk.inner.clock.now_ms() + u64::from(version.start_wall().0);
                self.desk.wheel.borrow_mut().insert(deadline, Timer::Start { slot: id });
                self.by_app.insert(app.key, id);
                Ok(id)
            }
            Err(error) => {
                if matches!(error.status, Status::CpuLimit | Status::MemoryLimit) {
                    self.desk.inner.confine(app);
                }
                self.remove(id, &error);
                Err(error)
            }
        }
    }

    /// One turn of a start, under its own CPU limit.
    fn start_turn(&mut self, id: u64, turn: impl FnOnce(&mut Instance, &Version) -> Result<Started>) -> Result<Started> {
        let Some(slot) = self.slots.get_mut(id) else { return Err(Error::new(Status::Shutdown, "the instance has gone")) };
        slot.link.slot.set(id);
        let (link, seat) = (slot.link.clone(), self.desk.seat.clone());
        self.desk.hold(&link.app, slot.instance.terminate_handle());
        seat.set_starting(true);
        begin_turn(&self.desk, u64::from(link.version.limits.start_cpu_ms) * 1_000_000);
        let result = turn(&mut slot.instance, &link.version);
        let stop = seat.end();
        let place = slot.instance.stopped_at();
        seat.set_starting(false);
        self.desk.let_go();
        self.desk.bill(&link.app, None);
        match stop {
            Some(Stop::Cpu) => {
                let limit_ms = link.version.limits.start_cpu_ms;
                let message = format!("the app used more than {limit_ms} ms of CPU time to start (limit start_cpu_ms)");
                Err(with_place(Error::new(Status::CpuLimit, message), &place))
            }
            Some(Stop::Shutdown) => Err(Error::new(Status::Shutdown, "the runtime was freed")),
            Some(Stop::Kill) => Err(Error::new(Status::Canceled, "the operator ended the app's instances")),
            None => result,
        }
    }

    /// The right to one more instance, if need be in the place of the one that has been idle longest.
    fn permit(&mut self) -> Result<Permit> {
        let max = self.desk.inner.limits.instances;
        match Permit::take(max) {
            Ok(permit) => Ok(permit),
            // It would be in vain.
            Err(error) if admission::has_lost_too_many() => Err(error),
            Err(_) => {
                self.evict_oldest();
                Permit::take(max)
            }
        }
    }

    /// Lets an instance have its turns.
    fn visit(&mut self, id: u64) {
        let Some(slot) = self.slots.get_mut(id) else { return };
        let (link, desk) = (slot.link.clone(), self.desk.clone());
        desk.hold(&link.app, slot.instance.terminate_handle());
        let before_ns = desk.cpu_ns.get();
        let takes_requests = matches!(slot.phase, Phase::Warm) && !slot.retiring && self.by_app.get(&link.app.key) == Some(&id);
        let was_idle = link.is_idle_but_for_timers();
        let mut visit = Visit::new(&desk, &link, takes_requests);
        slot.instance.visit(&mut visit);
        let by_itself = visit.was_for_timers() && was_idle;
        let broken = visit.into_broken();
        desk.let_go();
        slot.visits += 1;
        let mut used = None;
        if slot.visits >= VISITS_PER_LOOK || desk.cpu_ns.get().saturating_sub(before_ns) > LOOK_AFTER_NS || slot.visits == 1 {
            slot.visits = 1;
            if broken.is_none() {
                used = Some(look_at_memory(slot));
            }
        }
        let broken = broken.or_else(|| {
            // It collects garbage, of a heap that may be many times as large as it should.
            let is_beyond = used.is_some_and(|used| desk.chore(Some(&link.app), || slot.instance.is_beyond_its_heap(used)));
            is_beyond.then(|| heap_exhausted(&link.version.limits))
        });
        if let Some(error) = broken {
            let error = with_place(error, &slot.instance.stopped_at());
            self.condemn(id, error);
            return;
        }
        // An app's own timers keep it going while it is wanted, not for ever.
        if !by_itself {
            slot.idle_since_ms = desk.turn_ms.get();
        }
        if matches!(slot.phase, Phase::Starting(..)) {
            self.finish_start(id);
        }
        let Some(slot) = self.slots.get_mut(id) else { return };
        if !slot.link.pending.borrow().is_empty() {
            self.make_ready(id);
        } else if slot.retiring && slot.is_idle() {
            self.evict(id, "reload");
        } else if slot.retiring && slot.is_idle_but_for_sockets() {
            self.hang_up(id, 1012, "RELOAD", true);
        }
    }

    /// Looks whether a start that waited for a top-level `await` is over.
    fn finish_start(&mut self, id: u64) {
        let result = self.start_turn(id, |instance, _| instance.finish_start());
        let Some(slot) = self.slots.get_mut(id) else { return };
        let app = slot.link.app.clone();
        match result {
            Ok(Started::Waiting) => {}
            Ok(Started::Ready(_)) => {
                let Phase::Starting(ticket, waiting) = std::mem::replace(&mut slot.phase, Phase::Warm) else { return };
                slot.link.refill();
                slot.has_started();
                for work in waiting {
                    if let Some(delivery) = slot.link.begin(&work) {
                        slot.link.pending.borrow_mut().push_back(delivery);
                    }
                }
                if let Some(ticket) = ticket {
                    self.desk.seat.started(&ticket, Ok(()));
                }
                self.desk.inner.app_event(&app.name, "started", "");
                self.make_ready(id);
            }
            Err(error) => {
                let Phase::Starting(ticket, waiting) = std::mem::replace(&mut slot.phase, Phase::Warm) else { return };
                for work in waiting {
                    work.finish(Ending::Error(error.clone()));
                }
                if let Some(ticket) = ticket {
                    self.desk.seat.started(&ticket, Err(error.clone()));
                }
                self.remove(id, &error);
            }
        }
    }
}

fn default_limits() -> InstanceLimits {
    let limits = AppLimits::default();
    InstanceLimits { heap_bytes: limits.heap_bytes, external_bytes: limits.external_bytes }
}

/// Notes what an instance holds; how much of that is in its heap.
fn look_at_memory(slot: &mut Slot) -> usize {
    let (heap, external) = (slot.instance.heap_used(), slot.instance.external_used() as u64);
    slot.link.app.set_memory(heap as u64, external);
    slot.tenant.set_memory(heap as u64, external);
    heap
}
