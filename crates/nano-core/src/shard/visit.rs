//! One visit to one instance: its turns, each armed, delivered, billed and judged.

use std::rc::Rc;
use std::sync::Arc;

use nano_base::limits::{AppLimits, TURNS_PER_VISIT, VISIT_CPU_NS};
use nano_base::meet::TurnTimes;
use nano_base::status::{Error, Status};
use nano_base::sys;
use nano_engine::{Delivery, Instance, Outcome, SocketEvent, Turns};

use super::desk::Desk;
use super::link::{Completes, Link};
use super::seat::Stop;

/// Arms the watchdog for a turn, and stops JavaScript's clock.
pub(super) fn begin_turn(desk: &Desk, cpu_limit_ns: u64) {
    let (clock, started_ns) = (&desk.inner.clock, sys::time::monotonic_ns());
    desk.turn_ms.set(clock.now_ms_at(started_ns));
    Instance::freeze_clock(clock.unix_ms());
    desk.seat.begin(TurnTimes { started_ns, cpu_started_ns: desk.cpu_ns.get(), cpu_limit_ns });
    desk.inner.watchdog.wake();
}

/// The error of an app that took too long, with the frames of what it was doing.
pub(super) fn with_place(error: Error, frames: &str) -> Error {
    if error.status != Status::CpuLimit || frames.is_empty() {
        return error;
    }
    let stack = format!("Error: {}{frames}", error.message);
    error.with_stack(stack)
}

/// The error of an app whose heap is full.
pub(super) fn heap_exhausted(limits: &AppLimits) -> Error {
    Error::new(Status::MemoryLimit, format!("the app used up its heap of {} MiB (limit heap_bytes)", limits.heap_bytes >> 20))
}

/// The turns of one visit to one instance.
pub(super) struct Visit<'a> {
    desk: &'a Desk,
    link: &'a Rc<Link>,
    takes_requests: bool,
    turns: u32,
    /// The thread's CPU time when it began.
    begun_ns: u64,
    /// The number the turn is about, and what it completes.
    delivering: Option<(u32, Completes)>,
    /// Only timers of the app have had turns.
    only_timers: bool,
    /// A debugger looks into the turn: it is at nobody's expense.
    is_inspected: bool,
    broken: Option<Error>,
}

impl<'a> Visit<'a> {
    /// A visit to the instance of `link`. Only the instance that serves its app `takes_requests` from the queue.
    pub(super) fn new(desk: &'a Desk, link: &'a Rc<Link>, takes_requests: bool) -> Self {
        Self {
            desk,
            link,
            takes_requests,
            turns: 0,
            begun_ns: desk.cpu_ns.get(),
            delivering: None,
            only_timers: true,
            is_inspected: false,
            broken: None,
        }
    }

    /// Whether nobody but the app itself wanted the visit.
    pub(super) fn was_for_timers(&self) -> bool {
        self.only_timers
    }

    /// The limit that the visit ended by, if it did.
    pub(super) fn into_broken(self) -> Option<Error> {
        self.broken
    }

    /// The next delivery: what waits for the instance first, then requests for its app.
    fn take(&mut self) -> Option<Delivery> {
        loop {
            if let Some(delivery) = self.link.pending.borrow_mut().pop_front() {
                return Some(delivery);
            }
            if !self.takes_requests || !Arc::ptr_eq(&self.link.app.version(), &self.link.version) {
                return None;
            }
            let work = self.desk.shard.next_request_of(self.link.app.key)?;
            if work.is_done() {
                continue;
            }
            if let Some(delivery) = self.link.begin(&work) {
                return Some(delivery);
            }
        }
    }
}

impl Turns for Visit<'_> {
    fn next(&mut self) -> Option<Delivery> {
        let is_long = self.desk.cpu_ns.get().saturating_sub(self.begun_ns) > VISIT_CPU_NS;
        if self.turns >= TURNS_PER_VISIT || is_long || self.desk.seat.is_abandoned() {
            return None;
        }
        self.turns += 1;
        let delivery = self.take()?;
        let (spent, left_ns) = self.link.payer(&delivery);
        *self.link.current.borrow_mut() = Some(spent);
        self.only_timers &= matches!(delivery, Delivery::Timer(_));
        self.delivering = match &delivery {
            Delivery::Fetch(id) | Delivery::Invoke(id, ..) | Delivery::Event(id, ..) | Delivery::Batch(id, _) => {
                Some((*id, Completes::FirstTurn))
            }
            Delivery::CallResult(id, _) | Delivery::CallFail(id, _) | Delivery::CallThrow(id, ..) => Some((*id, Completes::Call)),
            Delivery::CallHead(id, _) => Some((*id, Completes::CallWithoutBody)),
            Delivery::Errand(id, _) => Some((*id, Completes::Errand)),
            Delivery::Cancel(id) => Some((*id, Completes::Request)),
            Delivery::Socket(id, SocketEvent::Message(_)) => Some((*id, Completes::Message)),
            Delivery::Socket(id, SocketEvent::Closed(..) | SocketEvent::Failed(..)) => Some((*id, Completes::SocketEnd)),
            _ => None,
        };
        self.is_inspected = self.link.app.is_inspected();
        begin_turn(self.desk, left_ns);
        Some(delivery)
    }

    fn done(&mut self, outcome: Outcome) -> bool {
        let stop = self.desk.seat.end();
        let spent = self.link.current.borrow_mut().take();
        self.desk.bill(&self.link.app, spent.as_deref().filter(|_| !self.is_inspected));
        let limits = &self.link.version.limits;
        self.broken = match (stop, outcome) {
            (_, Outcome::HeapExhausted) => Some(heap_exhausted(limits)),
            (_, Outcome::CodeExhausted) => Some(Error::new(
                Status::MemoryLimit,
                format!("the app made more machine code than a quarter of its heap of {} MiB (limit heap_bytes)", limits.heap_bytes >> 20),
            )),
            (_, Outcome::ExternalExhausted) => Some(Error::new(
                Status::MemoryLimit,
                format!("the app used up its {} MiB outside the heap (limit external_bytes)", limits.external_bytes >> 20),
            )),
            (_, Outcome::HeapsFull) => {
                Some(Error::new(Status::Capacity, "the app's heap grew when all heaps together were at their limit (limit heaps_bytes)"))
            }
            (Some(Stop::Shutdown), _) => Some(Error::new(Status::Shutdown, "the runtime was freed before the request ended")),
            (Some(Stop::Kill), _) => Some(Error::new(Status::Canceled, "the operator ended the app's instances")),
            (None, Outcome::Terminated) if self.is_inspected => Some(Error::new(Status::Canceled, "a debugger ended the app's instance")),
            (Some(Stop::Cpu), _) | (None, Outcome::Terminated) => Some(Error::new(
                Status::CpuLimit,
                format!("the app used more than {} ms of CPU time in one event (limit cpu_ms)", limits.cpu_ms),
            )),
            (None, Outcome::Done) => None,
        };
        if self.broken.is_some() || self.desk.seat.is_abandoned() {
            return false;
        }
        if let Some((id, completes)) = self.delivering.take() {
            self.link.delivered(id, completes);
        }
        self.link.open_waiting();
        true
    }
}
