//! One thread per runtime that watches the shards: ends turns that used up their CPU time, re-places what waits behind a
//! turn that hogs its shard, and puts a new thread where one was lost.
//!
//! It sleeps while no shard is busy, looks now and then while turns are short, and once a millisecond while one is long.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use nano_base::limits::{
    GIVE_UP_AFTER_CPU_MS, GIVE_UP_AFTER_WALL_MS, HOG_AFTER_CPU_MS, HOG_MS, INSIST_AFTER_CPU_MS, OVERDUE_LOOK_MS, RESCUE_AFTER_MS,
    STOP_WAIT_MS, WATCHDOG_CALM_TICK_MS, WATCHDOG_TICK_MS,
};
use nano_base::meet::Nap;
use nano_base::spare;
use nano_base::status::{Error, Result, Status};
use nano_base::sys::{signals, thread, time};

use super::seat::{Seat, Stop};
use super::{Shard, admission};
use crate::app::AppShared;
use crate::observe::{Kill, Tenant};
use crate::request::{Ending, Listener, Place};
use crate::runtime::Inner;
use crate::wait::{Slot, lock};

/// How the shards wake the watchdog, and how it is ended.
pub(crate) struct Bell {
    nap: Nap,
    stopping: AtomicBool,
    stopped: Slot<()>,
}

/// Looks without a busy shard before the watchdog sleeps: waking it costs a system call.
const IDLE_LOOKS: u32 = 25;

impl Bell {
    pub(crate) fn new() -> Self {
        Self { nap: Nap::new(), stopping: AtomicBool::new(false), stopped: Slot::default() }
    }

    /// A shard has become busy.
    pub(crate) fn wake(&self) {
        self.nap.wake();
    }

    /// Waits until the shards' threads have gone (or cannot), then ends the watchdog.
    pub(crate) fn stop_after(&self, shards: &[Arc<Shard>]) {
        let mut waited_ms = 0;
        while waited_ms < STOP_WAIT_MS && !shards.iter().all(|shard| is_gone(shard)) {
            for shard in shards {
                // A thread may have begun another turn since it was told.
                shard.stop();
            }
            self.nap.pause(Duration::from_millis(2));
            waited_ms += 2;
        }
        self.stopping.store(true, Ordering::Release);
        self.nap.wake();
        self.stopped.wait(None);
    }

    /// Waits for the next look, or for a shard to become busy; whether to go on looking.
    fn rest(&self, pace: &mut Pace, shards: &[Arc<Shard>]) -> bool {
        let stopping = || self.stopping.load(Ordering::Acquire);
        if !pace.sleeps() {
            self.nap.pause(Duration::from_millis(if pace.alert_looks > 0 { WATCHDOG_TICK_MS } else { WATCHDOG_CALM_TICK_MS }));
        } else {
            spare::release();
            // A shard may have become busy since it was looked at, and found the watchdog awake.
            self.nap.sleep(|| stopping() || shards.iter().any(|shard| shard.needs_a_look()));
            pace.wake();
        }
        !stopping()
    }
}

fn is_gone(shard: &Shard) -> bool {
    shard.seat().is_none_or(|seat| seat.gone.load(Ordering::Acquire) || seat.is_abandoned() || seat.is_lost())
}

/// Starts the watchdog of a runtime.
pub(crate) fn spawn(inner: &Arc<Inner>) -> Result<()> {
    let weak = Arc::downgrade(inner);
    let watched = vec![Watched::default(); inner.shards.len()];
    let builder = std::thread::Builder::new().name("nano-watchdog".into());
    signals::blocked(|| builder.spawn(move || watch(&weak, watched)))
        .map(drop)
        .map_err(|error| Error::new(Status::Io, format!("cannot start the watchdog: {error}")))
}

/// What the watchdog remembers of a shard's turn.
#[derive(Clone, Copy, Debug, Default)]
struct Watched {
    sequence: u64,
    stopped_cpu_ns: u64,
    stopped_wall_ns: u64,
    /// CPU time that what ran then may take before it can see that it was stopped.
    bound_ms: u64,
    /// What does not count of the CPU time that the turn has used.
    excused_ns: u64,
}

/// What there is to see of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sight {
    Idle,
    /// Its turns are short, as far as is known.
    Busy,
    /// A turn takes long.
    Long,
    /// So long that others are in need, though it has hardly run: somebody else has the processor.
    Late,
    /// So long that others are in need, or its app's turns were.
    Hog,
}

/// How often the shards are looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    /// Looks since one was busy.
    idle_looks: u32,
    /// Looks that follow each other quickly.
    alert_looks: u32,
}

impl Pace {
    /// Whether to look no more until one is busy.
    fn sleeps(self) -> bool {
        self.idle_looks >= IDLE_LOOKS
    }

    /// One was busy, though it may be over before it is seen, as where both share a processor. The next one is not to pay for a wake again.
    fn wake(&mut self) {
        self.idle_looks = 0;
    }

    fn after(self, sight: Sight) -> Self {
        Self {
            idle_looks: if sight == Sight::Idle { self.idle_looks + 1 } else { 0 },
            alert_looks: match sight {
                Sight::Idle | Sight::Busy => self.alert_looks.saturating_sub(1),
                Sight::Long | Sight::Late => self.alert_looks.max(1),
                Sight::Hog => (HOG_MS / WATCHDOG_TICK_MS) as u32,
            },
        }
    }
}

fn watch(weak: &Weak<Inner>, mut watched: Vec<Watched>) {
    let mut pace = Pace::default();
    let mut looked_ns = 0;
    loop {
        let Some(inner) = weak.upgrade() else { return };
        if !inner.watchdog.rest(&mut pace, &inner.shards) {
            inner.watchdog.stopped.fill(());
            return;
        }
        // Without it nobody is stopped any more: a defect must not end it.
        let watch_over = |shard, watched| catch_unwind(AssertUnwindSafe(|| look(&inner, shard, watched))).unwrap_or(Sight::Hog);
        let sights = inner.shards.iter().zip(&mut watched).map(|(shard, watched)| watch_over(shard, watched));
        let sight = sights.max().unwrap_or(Sight::Idle);
        pace = pace.after(sight);
        let now_ns = time::monotonic_ns();
        if sight >= Sight::Late && now_ns.saturating_sub(looked_ns) >= OVERDUE_LOOK_MS * 1_000_000 {
            looked_ns = now_ns;
            inner.end_overdue();
        }
    }
}

/// Looks at one shard, and does what is needed.
fn look(inner: &Arc<Inner>, shard: &Arc<Shard>, watched: &mut Watched) -> Sight {
    if shard.is_vacant.load(Ordering::Acquire) {
        // Others move its connections until there are threads and descriptors again.
        stick(inner, shard);
        if !shard.is_stopping() && !inner.is_closed() {
            let _ = super::spawn(inner, shard);
        }
        return Sight::Busy;
    }
    let Some(seat) = shard.seat() else { return Sight::Idle };
    if seat.is_abandoned() {
        // Given up already, and nobody took its place: the runtime is being freed.
        return Sight::Idle;
    }
    if seat.is_lost() {
        replace(inner, shard, &seat, if seat.has_failed() { Why::Failed } else { Why::Parked });
        return Sight::Idle;
    }
    let Some(turn) = seat.view() else {
        unstick(inner, shard);
        return Sight::Idle;
    };
    if turn.sequence != watched.sequence {
        *watched = Watched { sequence: turn.sequence, ..Watched::default() };
        unstick(inner, shard);
    }
    let now_ns = time::monotonic_ns();
    let wall_ms = now_ns.saturating_sub(turn.times.started_ns) / 1_000_000;
    let cpu_ns = seat.cpu_ns();
    let used_ns = cpu_ns.saturating_sub(turn.times.cpu_started_ns);
    if turn.stopped {
        if watched.stopped_wall_ns == 0 {
            (watched.stopped_cpu_ns, watched.stopped_wall_ns) = (cpu_ns, now_ns);
            watched.bound_ms = seat.bound_ms();
        }
        let cpu_ms = cpu_ns.saturating_sub(watched.stopped_cpu_ns) / 1_000_000;
        let wall_ms = now_ns.saturating_sub(watched.stopped_wall_ns) / 1_000_000;
        if cpu_ms >= INSIST_AFTER_CPU_MS {
            seat.insist(turn.sequence);
        }
        let bound_wall_ms = watched.bound_ms * GIVE_UP_AFTER_WALL_MS / GIVE_UP_AFTER_CPU_MS;
        if cpu_ms >= GIVE_UP_AFTER_CPU_MS + watched.bound_ms || wall_ms >= GIVE_UP_AFTER_WALL_MS + bound_wall_ms {
            replace(inner, shard, &seat, Why::Stuck);
            return Sight::Hog;
        }
    } else {
        if used_ns.saturating_sub(watched.excused_ns) >= turn.times.cpu_limit_ns {
            if seat.app().is_some_and(|app| app.is_inspected()) {
                // What a debugger asks for takes its time. It counts from when the last one has gone.
                watched.excused_ns = used_ns;
            } else {
                seat.stop(turn.sequence, Stop::Cpu);
            }
        }
        if used_ns >= HOG_AFTER_CPU_MS * 1_000_000
            && !seat.is_starting()
            && let Some(hog) = seat.app()
        {
            inner.confine(&hog);
        }
    }
    // A hog has shown before how long its turns are.
    let is_hog = used_ns >= RESCUE_AFTER_MS * 1_000_000 || seat.app().is_some_and(|app| inner.is_hog(&app));
    if is_hog || wall_ms >= RESCUE_AFTER_MS {
        stick(inner, shard);
        rescue(inner, shard, &seat);
        // What the turn has said so far: its thread tells of it when the turn is over.
        inner.queue.ring();
        return if is_hog { Sight::Hog } else { Sight::Late };
    }
    if turn.stopped || wall_ms >= WATCHDOG_TICK_MS { Sight::Long } else { Sight::Busy }
}

/// A turn takes long: the other shards move the connections of this one until it is over.
fn stick(inner: &Inner, shard: &Shard) {
    if inner.shards.len() > 1 && shard.front.is_open() && shard.set_stuck(true) {
        inner.stuck.fetch_add(1, Ordering::AcqRel);
        for other in inner.shards.iter().filter(|other| other.index != shard.index) {
            other.wake();
        }
    }
}

/// It is over.
fn unstick(inner: &Inner, shard: &Shard) {
    if shard.set_stuck(false) {
        inner.stuck.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Re-places what waits behind a turn that hogs its shard. Requests of hogs go to where hogs belong and stay there: they must not take the
/// next shard as well. The others stay if all shards are hogged, for each move would cost them their turn: two hogs could keep them on the
/// way between their shards for as long as they have requests.
fn rescue(inner: &Arc<Inner>, shard: &Arc<Shard>, seat: &Seat) {
    if inner.working < 2 || shard.index >= inner.working || inner.is_closed() {
        return;
    }
    let hog = seat.app().map(|app| app.key);
    let refuge = inner.refuge_from(shard.index);
    let is_wanted = |app: &AppShared| match inner.is_hog(app) {
        true => inner.home(app) != shard.index,
        false => refuge.is_some() && Some(app.key) != hog,
    };
    let (starts, requests) = (shard.take_starts_where(is_wanted), shard.take_where(is_wanted));
    if starts.is_empty() && requests.is_empty() {
        return;
    }
    let place = |app: &AppShared| {
        inner.counters.rescued.fetch_add(1, Ordering::Relaxed);
        if let Some(refuge) = refuge.filter(|_| !inner.is_hog(app)) {
            app.move_to(refuge);
        }
        &inner.shards[inner.home(app)]
    };
    for (app, start) in starts {
        place(&app).command(start);
    }
    for work in requests {
        if let Err(work) = place(&work.app).submit(work) {
            work.finish(Ending::Error(Error::new(Status::Overloaded, "no shard has room for the request")));
        }
    }
    inner.queue.ring();
}

/// Why a thread is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// V8 declared a failure that it does not return from.
    Parked,
    /// The turn does not see that it was stopped.
    Stuck,
    /// NANO's own code failed, and the thread has ended.
    Failed,
}

/// Puts a new thread into the shard and answers what the old one can no longer answer.
fn replace(inner: &Arc<Inner>, shard: &Arc<Shard>, seat: &Arc<Seat>, why: Why) {
    unstick(inner, shard);
    // A defect that an app has found must not cost a thread whenever it likes.
    let app = if why == Why::Failed { seat.suspect() } else { seat.app() };
    let culprit = app.as_ref().map_or(0, |app| app.key);
    if why != Why::Failed {
        // Before it can return, which takes this back.
        admission::thread_lost();
        if let Some(app) = &app {
            inner.culprits.add(&app.name, seat);
            let _ = seat.culprit.set(app.clone());
        }
    }
    seat.abandoned.store(true, Ordering::SeqCst);
    match why {
        Why::Parked => {
            inner.counters.parked.fetch_add(1, Ordering::Relaxed);
            // It will not be back to bill its last turn.
            if let (Some(app), Some(turn)) = (&app, seat.view()) {
                inner.bill(app, seat.cpu_ns().saturating_sub(turn.times.cpu_started_ns));
            }
            inner.counters.lost_bytes.fetch_add(seat.lost_bytes(), Ordering::Relaxed);
        }
        Why::Stuck => {
            inner.counters.abandoned.fetch_add(1, Ordering::Relaxed);
            // Whenever it returns, and if it ever does: nobody waits for it until then.
            if let Some(turn) = seat.view() {
                seat.end_connections(turn.sequence);
            }
            thread::make_idle(seat.tid.load(Ordering::Relaxed));
        }
        Why::Failed => {
            inner.counters.parked.fetch_add(1, Ordering::Relaxed);
        }
    }
    let own = match why {
        Why::Parked => {
            let reason = lock(&seat.loss).as_ref().map(|loss| loss.reason.clone()).unwrap_or_default();
            Error::new(Status::MemoryLimit, format!("the app asked for more memory than it can have ({reason}); its instance was given up"))
        }
        Why::Stuck => {
            Error::new(Status::CpuLimit, "the app used up its CPU time inside one uninterruptible operation; its instance was given up")
        }
        Why::Failed => Error::new(Status::Panic, "a defect inside NANO broke the thread that ran the app, please report it"),
    };
    let others = match why {
        Why::Failed => "a defect inside NANO broke the shard that ran the request, please report it; it may have had effects",
        Why::Parked | Why::Stuck => "another app broke the shard that ran the request; it may have had effects",
    };
    let others = Error::new(Status::ShardLost, others);
    let incarnation = seat.incarnation;
    if let Some(app) = &app {
        inner.confine(app);
        app.condemned.fetch_add(1, Ordering::Relaxed);
        app.meter().killed(if why == Why::Stuck { Kill::Stuck } else { Kill::Crash }, 1);
        app.strikes.fetch_add(1, Ordering::Relaxed);
        inner.app_event(&app.name, if inner.is_quarantined(app) { "quarantined" } else { "condemned" }, &own.message);
    }
    seat.fail_starts(|app| if app == culprit { own.clone() } else { others.clone() });
    // The successor first, so that nothing waits for the answers below.
    if !shard.is_stopping() && super::spawn(inner, shard).is_err() {
        inner.counters.refused.fetch_add(1, Ordering::Relaxed);
    }
    // Before the requests that made them: whoever is told of those knows that nobody waits for these.
    inner.drop_calls(shard.index, incarnation);
    inner.end_all(|work| {
        let here = |place: Place| place.shard == shard.index && place.incarnation == incarnation;
        if lock(&work.place).is_some_and(here) {
            return Some(if work.app.key == culprit { own.clone() } else { others.clone() });
        }
        let lost_caller = matches!(&work.listener, Listener::App(call) if here(call.place));
        lost_caller.then(|| Error::new(Status::Canceled, "the app that called is gone"))
    });
    inner.drop_objects(shard.index, incarnation);
    seat.each_tenant(Tenant::end);
    inner.queue.ring();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_been_woken_looks_for_a_while_though_there_is_nothing_to_see_any_more() {
        let looks = |pace: Pace| {
            let paces = std::iter::successors(Some(pace), |pace| Some(pace.after(Sight::Idle)));
            paces.take_while(|pace| !pace.sleeps()).count()
        };
        let mut pace = Pace { idle_looks: IDLE_LOOKS, alert_looks: 0 };
        assert_eq!(looks(pace), 0);
        pace.wake();
        assert_eq!(looks(pace), IDLE_LOOKS as usize);
    }

    #[test]
    fn a_hog_is_looked_after_for_long_and_a_turn_that_only_waits_for_the_processor_is_not() {
        let alert = |sight| Pace::default().after(sight).after(Sight::Busy).alert_looks;
        assert_eq!([Sight::Long, Sight::Late].map(alert), [0, 0]);
        assert_eq!(u64::from(alert(Sight::Hog)), HOG_MS / WATCHDOG_TICK_MS - 1);
    }
}
