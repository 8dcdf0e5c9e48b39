//! Queues inside the process: `env.JOBS.send(value)` of one app, `queue(batch)` of another or the same.
//!
//! A message is delivered at least once, and never twice at the same time: it is in its queue or in one batch. Queues belong to the
//! runtime, by name: they outlive the versions of their consumers, and wait for one that is not there, but not for ever. They are memory, and bounded.

mod batch;
mod ledger;
mod message;
mod store;

use std::collections::HashMap;
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

/// A queue by its name, which is made if there is none.
fn open<'a>(queues: &'a mut HashMap<String, Store>, name: &str) -> Result<&'a mut Store> {
    if !queues.contains_key(name) {
        if queues.len() >= QUEUES_MAX {
            queues.retain(|_, store| !store.is_spare());
        }
        if queues.len() >= QUEUES_MAX {
            return Err(Error::new(Status::Overloaded, format!("there are {QUEUES_MAX} queues already")));
        }
    }
    Ok(queues.entry(name.to_string()).or_default())
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
            let store = open(queues, queue)?;
            let full = |what: &str, max: usize, limit: &str| {
                let why = format!("{what}: no more than {max} fit (limit {limit}); send again when some have been taken");
                Err(Error::new(Status::Overloaded, why))
            };
            if store.messages + messages.len() > limits.queue_messages as usize {
                return full(
                    &format!("the queue \"{queue}\" has {} messages", store.messages),
                    limits.queue_messages as usize,
                    "queue_messages",
                );
            }
            if store.bytes + bytes > limits.queue_bytes {
                return full(&format!("the queue \"{queue}\" has {} bytes", store.bytes), limits.queue_bytes, "queue_bytes");
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

    /// Delivers the batches that are due, and sets the alarm for the next.
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
        let state = lock(&self.queues.state);
        for consumer in &version.consumers {
            let taker = state.queues.get(&consumer.queue).and_then(|store| store.taker.as_ref());
            if let Some(taker) = taker.filter(|taker| taker.app.key != app.key && !but.contains(&taker.app.key)) {
                let why = format!("the queue \"{}\" has a consumer already, the app \"{}\"", consumer.queue, taker.app.name);
                return Err(Error::new(Status::Busy, why));
            }
        }
        Ok(())
    }

    /// An app has started with a version: it takes the messages of its queues, and of no others.
    pub(crate) fn follow_queues(self: &Arc<Self>, app: &Arc<AppShared>, version: &Version) -> Result<()> {
        self.check_consumers(app, version, &[])?;
        {
            let mut state = lock(&self.queues.state);
            state.release(app.key);
            for consumer in &version.consumers {
                open(&mut state.queues, &consumer.queue)?.taker = Some(Taker { app: app.clone(), settings: consumer.clone() });
                state.taken.entry(app.key).or_default().push(consumer.queue.clone());
            }
        }
        for consumer in &version.consumers {
            self.look_at_queue(&consumer.queue, false);
        }
        Ok(())
    }

    /// The app is gone: its queues wait.
    pub(crate) fn forget_queues(&self, app: &AppShared) {
        lock(&self.queues.state).release(app.key);
    }
}

impl State {
    /// An app takes from no queue any more.
    fn release(&mut self, key: u64) {
        for name in self.taken.remove(&key).unwrap_or_default() {
            if let Some(store) = self.queues.get_mut(&name) {
                store.taker = None;
            }
        }
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
