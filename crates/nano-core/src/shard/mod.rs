//! Shards: threads of NANO's own that run JavaScript, each with its queue, its timers and the instances pinned to it.
//!
//! A [`Shard`] outlives the thread that sits in it: when V8 gives a thread up, another takes its [`Seat`] and goes on with
//! the same queue. Nothing here may block, and no lock is held while an instance runs.

pub(crate) mod admission;
mod desk;
pub(crate) mod homes;
mod link;
mod outside;
pub(crate) mod seat;
mod slot;
#[cfg(test)]
mod tests;
mod thread;
mod visit;
pub(crate) mod watchdog;

use std::collections::VecDeque;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use nano_base::lanes::Lanes;
use nano_base::limits::{MAILBOX_MAX, SHARD_LANE_MAX, SHARD_QUEUE_MAX, SHARD_STACK_BYTES};
use nano_base::meet::Waking;
use nano_base::status::{Error, Result, Status};
use nano_base::sys::{eventfd::EventFd, signals};
use nano_engine::ErrandResult;

use crate::app::AppShared;
use crate::call::Answer;
use crate::front::Front;
use crate::request::{Place, Work};
use crate::runtime::Inner;
use crate::version::Version;
use crate::wait::{Slot, lock};
pub(crate) use link::{NETWORK, last_frame};
pub(crate) use outside::Network;
use seat::Seat;

/// What a shard is told, besides its requests. Commands for instances that are gone do nothing.
pub(crate) enum Command {
    /// Start an instance of a version, to see that it starts.
    Start(Arc<AppShared>, Arc<Version>, Arc<Slot<Result<()>>>),
    /// A request's body has more.
    BodyReady(Place),
    /// A response's body has credit again.
    WriteReady(Place),
    /// A request has been ended from outside.
    Cancel(Place),
    /// The client of a request has gone, for all that is known.
    Left(Place),
    /// A call has been answered, or its body moves.
    Answer(Place, Answer),
    /// An errand is done.
    Errand(Place, ErrandResult),
    /// Something was put into the event queue by another thread.
    Ring,
    /// Instances of old versions of the app end when they have nothing left to do.
    Retire(u64),
    /// Instances of the app end when they have nothing left to do: it has moved to another shard.
    Leave(u64),
    /// The app's debuggers have said something.
    Hear(Arc<AppShared>),
    /// The WebSockets that the app has answered with end now: it is being unloaded. Without one, those of all apps.
    HangUp(Option<u64>),
    /// All instances of the app end now, and the requests that they have, with this error.
    Evict(u64, Error, Arc<Slot<()>>),
    /// The requests of the app that wait end now.
    Refuse(u64, Error),
    /// Fail, as a defect would.
    #[cfg(test)]
    Fail,
    /// Do something that is no turn, which begins and ends when the test does.
    #[cfg(test)]
    Dwell(Arc<Slot<()>>, Arc<Slot<()>>),
}

impl Command {
    /// Answers whoever waits, where nobody obeys any more: nothing starts, and nothing is left to evict.
    fn refuse(self) {
        match self {
            Self::Start(_, _, ticket) => ticket.fill(Err(Error::new(Status::Shutdown, "the runtime has been freed"))),
            Self::Evict(_, _, ticket) => ticket.fill(()),
            _ => {}
        }
    }
}

/// One shard, whoever sits in it.
pub(crate) struct Shard {
    pub index: usize,
    inbox: Mutex<Inbox>,
    bell: EventFd,
    /// Whether the thread waits in its poll, and somebody must ring.
    waking: Waking,
    stopping: AtomicBool,
    seat: Mutex<Option<Arc<Seat>>>,
    incarnations: AtomicU32,
    queued: AtomicUsize,
    /// A thread waits, or has waited, for the answer to the last request: it will send the next one as soon as it has it.
    is_waited_for: AtomicBool,
    /// Its connections from the network.
    pub front: Front,
    /// Its thread is in a turn that takes long, or is being replaced.
    stuck: AtomicBool,
    /// No thread could be started: the watchdog tries again.
    is_vacant: AtomicBool,
}

struct Inbox {
    requests: Lanes<u64, Arc<Work>>,
    commands: VecDeque<Command>,
    /// A request was not given out, because commands waited.
    is_held: bool,
    /// One was not before the last look at the commands: requests go on now, whatever has been said since. Otherwise apps and clients that
    /// always have something to say would keep all others from being heard.
    has_waited: bool,
    /// Nobody will obey any more.
    closed: bool,
}

impl Shard {
    pub(crate) fn new(index: usize) -> std::io::Result<Self> {
        Ok(Self {
            index,
            inbox: Mutex::new(Inbox {
                requests: Lanes::new(SHARD_QUEUE_MAX, SHARD_LANE_MAX),
                commands: VecDeque::new(),
                is_held: false,
                has_waited: false,
                closed: false,
            }),
            bell: EventFd::new()?,
            waking: Waking::new(),
            stopping: AtomicBool::new(false),
            seat: Mutex::new(None),
            incarnations: AtomicU32::new(0),
            queued: AtomicUsize::new(0),
            is_waited_for: AtomicBool::new(false),
            front: Front::new(index)?,
            stuck: AtomicBool::new(false),
            is_vacant: AtomicBool::new(false),
        })
    }

    /// Queues a request; gives it back if the queue is full.
    pub(crate) fn submit(&self, work: Arc<Work>) -> std::result::Result<(), Arc<Work>> {
        self.enqueue(work)?;
        self.wake();
        Ok(())
    }

    /// The same, and leaves the thread asleep.
    pub(crate) fn enqueue(&self, work: Arc<Work>) -> std::result::Result<(), Arc<Work>> {
        let mut inbox = lock(&self.inbox);
        inbox.requests.push(work.app.key, work).map_err(|(work, _)| work)?;
        // Under the lock: whoever takes it out must find it counted.
        self.queued.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Queues a command. Commands are bounded by what causes them: requests, calls and blocking callers.
    pub(crate) fn command(&self, command: Command) {
        {
            let mut inbox = lock(&self.inbox);
            if inbox.closed {
                return command.refuse();
            }
            debug_assert!(inbox.commands.len() < MAILBOX_MAX, "commands are bounded by what causes them");
            inbox.commands.push_back(command);
        }
        self.wake();
    }

    /// Has the thread dispose of an app's instances, and of the requests that they have for `why`; where to wait for that.
    pub(crate) fn evict(&self, app: u64, why: &Error) -> Arc<Slot<()>> {
        let ticket = Arc::new(Slot::default());
        self.command(Command::Evict(app, why.clone(), ticket.clone()));
        ticket
    }

    /// Wakes the thread if it sleeps.
    pub(crate) fn wake(&self) {
        if self.waking.must_ring() {
            self.bell.ring();
        }
    }

    /// How much waits here: for choosing the quietest shard.
    pub(crate) fn load(&self) -> usize {
        let busy = lock(&self.seat).as_ref().is_some_and(|seat| seat.is_busy());
        self.queued.load(Ordering::Relaxed) * 2 + usize::from(busy)
    }

    /// Requests that wait here.
    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Whether others move its connections, because its thread cannot.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck.load(Ordering::Relaxed)
    }

    /// Its thread cannot move its connections for a while, or can again; whether that is news.
    fn set_stuck(&self, stuck: bool) -> bool {
        self.stuck.swap(stuck, Ordering::AcqRel) != stuck
    }

    /// Tells the thread to end its instances and itself.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        if let Some(seat) = &*lock(&self.seat) {
            seat.terminate_now();
        }
        self.wake();
    }

    /// The thread has gone for good: whoever waits for it, or will, is answered.
    pub(crate) fn close(&self) {
        let (commands, requests) = {
            let mut inbox = lock(&self.inbox);
            inbox.closed = true;
            (std::mem::take(&mut inbox.commands), inbox.requests.drain_where(|_, _| true))
        };
        commands.into_iter().for_each(Command::refuse);
        // They have ended with the runtime, and hold it.
        drop(requests);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Whether the watchdog has something to look at.
    pub(crate) fn needs_a_look(&self) -> bool {
        self.is_vacant.load(Ordering::Acquire) || self.seat().is_some_and(|seat| seat.needs_a_look())
    }

    pub(crate) fn seat(&self) -> Option<Arc<Seat>> {
        lock(&self.seat).clone()
    }

    /// Takes everything that waits for apps that are `wanted` (and is not already ended).
    pub(crate) fn take_where(&self, wanted: impl Fn(&AppShared) -> bool) -> Vec<Arc<Work>> {
        let taken: Vec<_> =
            lock(&self.inbox).requests.drain_where(|_, first| wanted(&first.app)).into_iter().map(|(_, work)| work).collect();
        self.queued.fetch_sub(taken.len(), Ordering::Relaxed);
        taken
    }

    /// Takes the starts that wait for apps that are `wanted`: nothing else that waits is about an instance that is not here yet.
    pub(crate) fn take_starts_where(&self, wanted: impl Fn(&AppShared) -> bool) -> Vec<(Arc<AppShared>, Command)> {
        let mut inbox = lock(&self.inbox);
        if !inbox.commands.iter().any(|command| matches!(command, Command::Start(..))) {
            return Vec::new();
        }
        let mut taken = Vec::new();
        for command in std::mem::take(&mut inbox.commands) {
            match command {
                Command::Start(app, version, ticket) if wanted(&app) => taken.push((app.clone(), Command::Start(app, version, ticket))),
                other => inbox.commands.push_back(other),
            }
        }
        taken
    }

    /// The next request, unless commands wait: what the host said first is heard first.
    fn next_request(&self) -> Option<Arc<Work>> {
        self.pop(|requests| requests.pop())
    }

    /// The next request of one app, unless commands wait.
    fn next_request_of(&self, app: u64) -> Option<Arc<Work>> {
        self.pop(|requests| requests.pop_from(app))
    }

    fn pop(&self, take: impl FnOnce(&mut Lanes<u64, Arc<Work>>) -> Option<(u64, Arc<Work>)>) -> Option<Arc<Work>> {
        let mut inbox = lock(&self.inbox);
        if !inbox.commands.is_empty() && !inbox.has_waited {
            inbox.is_held = true;
            return None;
        }
        let (_, work) = take(&mut inbox.requests)?;
        self.queued.fetch_sub(1, Ordering::Relaxed);
        self.is_waited_for.store(work.listener.is_blocked(), Ordering::Relaxed);
        Some(work)
    }

    fn drain_requests_of(&self, app: u64) -> Vec<Arc<Work>> {
        let drained = lock(&self.inbox).requests.drain_lane(app);
        self.queued.fetch_sub(drained.len(), Ordering::Relaxed);
        drained
    }

    /// Takes what waits, up to the first start: that runs an app's code, and if the thread is lost in it, its successor obeys the rest.
    fn take_commands(&self) -> VecDeque<Command> {
        let mut inbox = lock(&self.inbox);
        inbox.has_waited = std::mem::take(&mut inbox.is_held);
        match inbox.commands.iter().position(|command| matches!(command, Command::Start(..))) {
            Some(start) => inbox.commands.drain(..=start).collect(),
            None => std::mem::take(&mut inbox.commands),
        }
    }

    /// Has commands wait that there was no time for, before those that came since.
    fn put_back(&self, mut commands: VecDeque<Command>) {
        let mut inbox = lock(&self.inbox);
        commands.append(&mut inbox.commands);
        inbox.commands = commands;
    }

    fn has_requests(&self) -> bool {
        self.queued.load(Ordering::Relaxed) > 0
    }

    fn has_commands(&self) -> bool {
        !lock(&self.inbox).commands.is_empty()
    }

    fn raw_bell(&self) -> RawFd {
        self.bell.as_raw_fd()
    }
}

/// Starts a thread in a shard: the first, or the successor of one that was given up.
pub(crate) fn spawn(inner: &Arc<Inner>, shard: &Arc<Shard>) -> Result<()> {
    let incarnation = shard.incarnations.fetch_add(1, Ordering::SeqCst);
    let seat = Arc::new(Seat::new(incarnation));
    *lock(&shard.seat) = Some(seat.clone());
    shard.waking.rise();
    shard.is_vacant.store(false, Ordering::Release);
    let (its_inner, its_shard, its_seat) = (inner.clone(), shard.clone(), seat.clone());
    let builder = std::thread::Builder::new().name(format!("nano-shard-{}", shard.index)).stack_size(SHARD_STACK_BYTES);
    let run = move || {
        let (inner, shard, seat) = (its_inner, its_shard, its_seat);
        if shard.index >= inner.working {
            // It is for apps with debuggers.
            signals::allow_profiler();
        }
        thread::run(inner, shard, seat);
    };
    signals::blocked(|| builder.spawn(run)).map(drop).map_err(|error| {
        seat.gone.store(true, Ordering::Release);
        shard.is_vacant.store(true, Ordering::Release);
        Error::new(Status::Io, format!("cannot start a shard: {error}"))
    })
}
