//! Queues inside the process: `env.JOBS.send(value)` of one app, `queue(batch)` of another or the same.
//!
//! A message is delivered at least once, and never twice at the same time: it is in its queue or in one batch. Queues belong to the
//! runtime, by name: they outlive the versions of their consumers, and wait for one that is not there, but not for ever. They are memory, and bounded.

mod batch;
mod ledger;
mod message;
mod store;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use nano_base::limits::{
    NAME_BYTES_MAX, QUEUE_ATTEMPTS_MAX, QUEUE_BATCH_MAX, QUEUE_CONCURRENCY_MAX, QUEUE_DELAY_S_MAX, QUEUE_KEEP_MS, QUEUE_SEND_BYTES_MAX,
    QUEUE_SEND_MAX, QUEUE_WAIT_MS_MAX, QUEUES_MAX,
};
use nano_base::status::{Error, Result, Status};
use nano_base::value::Value;
use nano_engine::LogLevel;

use crate::alarms::Alarm;
use crate::app::AppShared;
use crate::runtime::Inner;
use crate::version::Version;
use crate::wait::lock;
pub(crate) use batch::Batch;
use ledger::{Full, Ledger};
use message::Message;
pub use message::MessageBody;
use store::{Store, Taker};

/// A queue whose messages an app takes, by its `queue` handler. A queue has one consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueConsumer {
    /// The queue.
    pub queue: String,
    /// Messages of one batch, at most.
    pub batch: u32,
    /// How long a batch waits to become full.
    pub batch_wait_ms: u64,
    /// How often a message is tried again.
    pub retries: u32,
    /// How long it waits before that, unless the app says.
    pub retry_delay_ms: u64,
    /// Batches at once.
    pub concurrency: u32,
    /// The queue for messages that failed for good; without one they are dropped, and the app's log says so.
    pub dead_letters: Option<String>,
}

impl QueueConsumer {
    /// With the defaults.
    pub fn new(queue: impl Into<String>) -> Self {
        let queue = queue.into();
        Self { queue, batch: 10, batch_wait_ms: 5_000, retries: 3, retry_delay_ms: 0, concurrency: 1, dead_letters: None }
    }

    pub(crate) fn check(&self) -> Result<()> {
        check_name(&self.queue)?;
        self.dead_letters.as_deref().map_or(Ok(()), check_name)?;
        let delay_ms_max = u64::from(QUEUE_DELAY_S_MAX) * 1_000;
        let bounds = [
            ("batch", u64::from(self.batch), 1, QUEUE_BATCH_MAX as u64),
            ("batch_wait_ms", self.batch_wait_ms, 0, QUEUE_WAIT_MS_MAX),
            ("retries", u64::from(self.retries), 0, u64::from(QUEUE_ATTEMPTS_MAX)),
            ("retry_delay_ms", self.retry_delay_ms, 0, delay_ms_max),
            ("concurrency", u64::from(self.concurrency), 1, u64::from(QUEUE_CONCURRENCY_MAX)),
        ];
        for (name, value, min, max) in bounds {
            if !(min..=max).contains(&value) {
                let why = format!("the consumer of the queue \"{}\": {name} is {value}; it is {min} to {max}", self.queue);
                return Err(Error::new(Status::Invalid, why));
            }
        }
        Ok(())
    }
}

/// A queue's name.
pub(crate) fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(Error::new(Status::Invalid, format!("a queue's name has 1 to {NAME_BYTES_MAX} bytes and no control characters")));
    }
    Ok(())
}

/// What a queue holds and has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueStats {
    /// Messages that wait or are being delivered.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages sent to it.
    pub sent: u64,
    /// Messages that are done with.
    pub acked: u64,
    /// Deliveries that failed, or were asked for again.
    pub retried: u64,
    /// Messages that failed for good and went to the queue for those.
    pub dead: u64,
    /// Messages that failed for good and are lost.
    pub dropped: u64,
}

/// All queues of a runtime.
#[derive(Default)]
pub(crate) struct Queues {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queues: HashMap<String, Store>,
    /// The queues that each app takes from.
    taken: HashMap<u64, Vec<String>>,
    /// Of all queues together.
    ledger: Ledger,
}

/// What a queue of this name holds: messages, and their bytes.
fn held(queues: &HashMap<String, Store>, name: &str) -> (usize, usize) {
    queues.get(name).map_or((0, 0), |store| (store.messages, store.bytes))
}

/// Refuses a queue more than there may be.
fn check_room(queues: &HashMap<String, Store>, name: &str) -> Result<()> {
    if queues.len() < QUEUES_MAX || queues.contains_key(name) { Ok(()) } else { Err(too_many()) }
}

fn too_many() -> Error {
    Error::new(Status::Overloaded, format!("there are {QUEUES_MAX} queues already"))
}

impl Inner {
    /// Takes messages of an app, or of the host, into a queue: all or none.
    fn put(self: &Arc<Self>, sender: Option<&str>, queue: &str, bodies: Vec<(MessageBody, u32)>) -> Result<()> {
        self.check_open()?;
        check_name(queue)?;
        if bodies.len() > QUEUE_SEND_MAX {
            let why = format!("{} messages at once; the most is {QUEUE_SEND_MAX}", bodies.len());
            return Err(Error::new(Status::TooLarge, why));
        }
        if bodies.is_empty() {
            return Ok(());
        }
        let (unix_ms, now_ms) = (self.clock.unix_ms(), self.clock.now_ms());
        let owner = sender.map(Arc::from);
        let mut messages = Vec::with_capacity(bodies.len());
        let mut bytes = 0;
        for (body, delay_s) in bodies {
            let message = Message::new(body, owner.clone(), unix_ms, now_ms)?;
            bytes += message.bytes();
            messages.push((message, u64::from(delay_s) * 1_000));
        }
        if messages.len() > 1 && bytes > QUEUE_SEND_BYTES_MAX {
            let why = format!("the messages have {bytes} bytes together; the most is {QUEUE_SEND_BYTES_MAX}: send some at a time");
            return Err(Error::new(Status::TooLarge, why));
        }
        {
            let mut state = lock(&self.queues.state);
            let limits = &self.limits;
            let State { queues, ledger, .. } = &mut *state;
            let room = ledger.check(sender, bytes, limits.queues_bytes);
            check_room(queues, queue)?;
            let (held, held_bytes) = held(queues, queue);
            let full = |what: &str, max: usize, limit: &str| {
                let why = format!("{what}: no more than {max} fit (limit {limit}); send again when some have been taken");
                Err(Error::new(Status::Overloaded, why))
            };
            if held + messages.len() > limits.queue_messages as usize {
                return full(&format!("the queue \"{queue}\" has {held} messages"), limits.queue_messages as usize, "queue_messages");
            }
            if held_bytes + bytes > limits.queue_bytes {
                return full(&format!("the queue \"{queue}\" has {held_bytes} bytes"), limits.queue_bytes, "queue_bytes");
            }
            match room {
                Ok(()) => {}
                Err(Full::All(all)) => return full(&format!("all queues have {all} bytes"), limits.queues_bytes, "queues_bytes"),
                Err(Full::Sender(held)) => {
                    let why = format!(
                        "the app has {held} bytes in queues, and nobody may have more there than is free (limit queues_bytes, {} for all); \
                         send again when some have been taken",
                        limits.queues_bytes
                    );
                    return Err(Error::new(Status::Overloaded, why));
                }
            }
            let store = queues.entry(queue.to_string()).or_default();
            store.stats.sent += messages.len() as u64;
            for (message, delay_ms) in messages {
                ledger.add(&message);
                store.put(message, now_ms + delay_ms, now_ms);
            }
        }
        self.look_at_queue(queue, false);
        Ok(())
    }

    /// What an app sends by its binding.
    pub(crate) fn send_packed(self: &Arc<Self>, sender: &str, queue: &str, packed: Vec<Value>) -> Result<()> {
        if packed.len() > QUEUE_SEND_MAX {
            return Err(Error::new(Status::TooLarge, format!("{} messages at once; the most is {QUEUE_SEND_MAX}", packed.len())));
        }
        let bodies = packed.into_iter().map(message::unpack).collect::<Result<Vec<_>>>()?;
        self.put(Some(sender), queue, bodies)
    }

    /// Looks after the queues that a version takes from.
    pub(crate) fn look_at_queues_of(self: &Arc<Self>, version: &Version) {
        for consumer in &version.consumers {
            self.look_at_queue(&consumer.queue, false);
        }
    }

    /// Delivers the batches that are due, and sets the alarm for the next. A queue that nobody has is none any more.
    pub(crate) fn look_at_queue(self: &Arc<Self>, queue: &str, by_alarm: bool) {
        if by_alarm {
            self.drop_old_messages(queue);
        }
        loop {
            let now_ms = self.clock.now_ms();
            let batch = {
                let mut state = lock(&self.queues.state);
                let Some(store) = state.queues.get_mut(queue) else { return };
                if self.is_closed() {
                    return;
                }
                let Some(batch) = store.take_batch(now_ms) else {
                    if store.is_spare() {
                        return self.remove_spare(&mut state, queue);
                    }
                    let next = store.next_ms().filter(|next| store.alarm_ms.is_none_or(|alarm| *next < alarm));
                    store.alarm_ms = next.or(store.alarm_ms);
                    drop(state);
                    if let Some(next) = next {
                        self.set_alarm(next, Alarm::Queue(queue.to_string()));
                    }
                    return;
                };
                batch
            };
            self.deliver_batch(queue, batch);
        }
    }

    /// An alarm of a queue: messages that nobody takes do not wait for ever.
    fn drop_old_messages(&self, queue: &str) {
        let now_ms = self.clock.now_ms();
        let (count, taker) = {
            let mut state = lock(&self.queues.state);
            let State { queues, ledger, .. } = &mut *state;
            let Some(store) = queues.get_mut(queue) else { return };
            store.alarm_ms = None;
            let old = store.take_old(now_ms);
            old.iter().for_each(|message| ledger.remove(message));
            (old.len(), store.taker.as_ref().map(|taker| taker.app.clone()))
        };
        if let (Some(app), true) = (taker, count > 0) {
            let days = QUEUE_KEEP_MS / (24 * 3_600_000);
            let text = format!("{count} messages of the queue \"{queue}\" were dropped: they had waited for {days} days");
            self.log(&app.name, LogLevel::Error, text, 0);
        }
    }

    /// Refuses a version whose queues have another consumer, unless that is one of these, by their keys, that are about to go.
    pub(crate) fn check_consumers(&self, app: &AppShared, version: &Version, but: &[u64]) -> Result<()> {
        lock(&self.queues.state).check_consumers(app, version, but)
    }

    /// Apps take the messages of the queues of their versions from here on, and of no others, and `serve` by them; queues `of` others, by their
    /// keys, go over to them. All of it or nothing, and which of them it is that cannot be.
    pub(crate) fn take_queues(
        &self,
        all: &[(&Arc<AppShared>, &Version)],
        of: &[u64],
        serve: impl FnOnce() -> std::result::Result<(), (usize, Error)>,
    ) -> std::result::Result<(), (usize, Error)> {
        let mut state = lock(&self.queues.state);
        for (index, (app, version)) in all.iter().enumerate() {
            state.check_consumers(app, version, of).map_err(|error| (index, error))?;
        }
        state.check_room_for(all, of)?;
        serve()?;
        for (app, version) in all {
            let before = state.release(app.key);
            for consumer in &version.consumers {
                let taker = Taker { app: (*app).clone(), settings: consumer.clone() };
                state.queues.entry(consumer.queue.clone()).or_default().taker = Some(taker);
                state.taken.entry(app.key).or_default().push(consumer.queue.clone());
            }
            before.iter().for_each(|queue| self.remove_spare(&mut state, queue));
        }
        Ok(())
    }

    /// The app takes no messages any more: they wait.
    pub(crate) fn forget_queues(&self, app: &AppShared) {
        let mut state = lock(&self.queues.state);
        let before = state.release(app.key);
        before.iter().for_each(|queue| self.remove_spare(&mut state, queue));
    }

    /// A queue that nobody has, in messages or to take them, is none.
    fn remove_spare(&self, state: &mut State, queue: &str) {
        if state.queues.get(queue).is_some_and(Store::is_spare) {
            state.queues.remove(queue);
            self.clear_alarm(&Alarm::Queue(queue.to_string()));
        }
    }
}

impl State {
    fn check_consumers(&self, app: &AppShared, version: &Version, but: &[u64]) -> Result<()> {
        for consumer in &version.consumers {
            let taker = self.queues.get(&consumer.queue).and_then(|store| store.taker.as_ref());
            if let Some(taker) = taker.filter(|taker| taker.app.key != app.key && !but.contains(&taker.app.key)) {
                let why = format!("the queue \"{}\" has a consumer already, the app \"{}\"", consumer.queue, taker.app.name);
                return Err(Error::new(Status::Busy, why));
            }
        }
        Ok(())
    }

    /// Refuses versions with more queues than there may be, when those have gone that these apps, and those `of` others, have alone.
    fn check_room_for(&self, all: &[(&Arc<AppShared>, &Version)], of: &[u64]) -> std::result::Result<(), (usize, Error)> {
        let wanted: HashSet<&str> = all.iter().flat_map(|(_, version)| &version.consumers).map(|consumer| &*consumer.queue).collect();
        let keys: HashSet<u64> = all.iter().map(|(app, _)| app.key).chain(of.iter().copied()).collect();
        let is_theirs = |store: &Store| store.taker.as_ref().is_some_and(|taker| keys.contains(&taker.app.key));
        let goes = |queue: &str| self.queues.get(queue).is_some_and(|store| store.messages == 0 && is_theirs(store));
        let taken = keys.iter().filter_map(|key| self.taken.get(key)).flatten();
        let mut count = self.queues.len() - taken.filter(|queue| !wanted.contains(&***queue) && goes(queue)).count();
        for (index, (_, version)) in all.iter().enumerate() {
            count += version.consumers.iter().filter(|consumer| !self.queues.contains_key(&consumer.queue)).count();
            if count > QUEUES_MAX {
                return Err((index, too_many()));
            }
        }
        Ok(())
    }

    /// An app takes from no queue any more; from which it has.
    fn release(&mut self, key: u64) -> Vec<String> {
        let queues = self.taken.remove(&key).unwrap_or_default();
        for queue in &queues {
            // It may have gone over to another.
            if let Some(store) = self.queues.get_mut(queue)
                && store.taker.as_ref().is_some_and(|taker| taker.app.key == key)
            {
                store.taker = None;
            }
        }
        queues
    }
}

/// For hosts: queues as apps have them.
impl crate::Runtime {
    /// Sends messages to a queue, all or none, each with its delay in seconds. Never blocks.
    pub fn queue_send(&self, queue: &str, messages: Vec<(MessageBody, u32)>) -> Result<()> {
        if let Some((_, delay_s)) = messages.iter().find(|(_, delay_s)| *delay_s > QUEUE_DELAY_S_MAX) {
            return Err(Error::new(Status::Invalid, format!("a delay of {delay_s} s; the most is {QUEUE_DELAY_S_MAX}")));
        }
        self.inner().put(None, queue, messages)
    }

    /// What a queue holds and has done; none if it has neither messages nor a consumer.
    pub fn queue_stats(&self, queue: &str) -> Option<QueueStats> {
        let state = lock(&self.inner().queues.state);
        let store = state.queues.get(queue)?;
        Some(QueueStats { messages: store.messages as u64, bytes: store.bytes as u64, ..store.stats })
    }

    /// The names of all queues.
    pub fn queues(&self) -> Vec<String> {
        lock(&self.inner().queues.state).queues.keys().cloned().collect()
    }
}
