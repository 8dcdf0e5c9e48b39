//! One batch on its way: what the app says of its messages, and what comes of them when the event is over.

use std::sync::{Arc, Mutex};

use nano_base::limits::QUEUE_PAUSE_MS;
use nano_base::status::Status;
use nano_base::value::Value;
use nano_engine::{LogLevel, Verdict};

use super::message::Message;
use super::store::Taker;
use super::{State, check_room, held};
use crate::app::App;
use crate::request::{Body, Duty, Ending, Job, Listener, Origin};
use crate::runtime::Inner;
use crate::trace::object;
use crate::wait::lock;

/// The messages of one event.
pub(crate) struct Batch {
    queue: String,
    taker: Taker,
    messages: Mutex<Vec<Message>>,
    /// What the app has said of each: the first word counts.
    verdicts: Mutex<Vec<Option<Verdict>>>,
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batch({})", self.queue)
    }
}

impl Batch {
    /// Where they come from.
    pub(crate) fn queue(&self) -> &str {
        &self.queue
    }

    /// What the consumer gets as one of them; none if there is no such, or the event has ended.
    pub(crate) fn message(&self, index: u32) -> Option<Value> {
        lock(&self.messages).get(index as usize).map(Message::value)
    }

    /// What tail workers are told of it.
    pub(crate) fn summary(&self) -> Value {
        let size = lock(&self.messages).len() as i64;
        object([("queue", Value::Text(self.queue.clone())), ("batchSize", Value::Int(size))])
    }

    /// The app says what becomes of one message, or of all that it has said nothing of.
    pub(crate) fn settle(&self, message: Option<u32>, verdict: Verdict) {
        let mut verdicts = lock(&self.verdicts);
        match message {
            Some(index) => verdicts.get_mut(index as usize).into_iter().for_each(|slot| *slot = slot.or(Some(verdict))),
            None => verdicts.iter_mut().for_each(|slot| *slot = slot.or(Some(verdict))),
        }
    }
}

/// An end that says nothing of the messages: it was not the app's doing, and they were not looked at for long, if at all.
fn is_no_attempt(status: Status) -> bool {
    matches!(status, Status::Draining | Status::Shutdown | Status::Overloaded | Status::Capacity)
}

impl Inner {
    /// Makes a batch an event of its consumer.
    pub(super) fn deliver_batch(self: &Arc<Self>, queue: &str, (taker, mut messages): (Taker, Vec<Message>)) {
        messages.iter_mut().for_each(|message| message.attempts += 1);
        let app = App { shared: taker.app.clone(), inner: self.clone() };
        let verdicts = Mutex::new(vec![None; messages.len()]);
        let batch = Arc::new(Batch { queue: queue.to_string(), taker, messages: Mutex::new(messages), verdicts });
        let listener = Listener::Duty(Duty::Batch(batch.clone()));
        if app.submit_for(Job::Batch(batch.clone()), Body::None, 0, 0, listener, Origin::default()).is_err() {
            self.return_batch(&batch);
        }
    }

    /// A batch that never ran: its messages wait a little, and it is no attempt.
    fn return_batch(self: &Arc<Self>, batch: &Batch) {
        let mut messages = std::mem::take(&mut *lock(&batch.messages));
        messages.iter_mut().for_each(|message| message.attempts = message.attempts.saturating_sub(1));
        let now_ms = self.clock.now_ms();
        let mut state = lock(&self.queues.state);
        if let Some(store) = state.queues.get_mut(&batch.queue) {
            store.batches = store.batches.saturating_sub(1);
            store.paused_ms = now_ms + QUEUE_PAUSE_MS;
            store.give_back(messages, now_ms);
        }
    }

    /// The event of a batch has ended.
    pub(crate) fn batch_ended(self: &Arc<Self>, batch: &Batch, end: &Ending) {
        let error = if let Ending::Error(error) = end { Some(error) } else { None };
        let verdicts = std::mem::take(&mut *lock(&batch.verdicts));
        if error.is_some_and(|error| is_no_attempt(error.status)) && verdicts.iter().all(Option::is_none) {
            self.return_batch(batch);
            return self.look_at_queue(&batch.queue, false);
        }
        let silent = if error.is_some() { Verdict::Retry(None) } else { Verdict::Ack };
        let messages = std::mem::take(&mut *lock(&batch.messages));
        let settings = &batch.taker.settings;
        let now_ms = self.clock.now_ms();
        let mut dead = Vec::new();
        {
            let mut state = lock(&self.queues.state);
            let state = &mut *state;
            let Some(store) = state.queues.get_mut(&batch.queue) else { return };
            store.batches = store.batches.saturating_sub(1);
            for (message, verdict) in messages.into_iter().zip(verdicts) {
                let delay_ms = match verdict.unwrap_or(silent) {
                    Verdict::Ack => None,
                    Verdict::Retry(delay_s) => Some(delay_s.map_or(settings.retry_delay_ms, |delay_s| u64::from(delay_s) * 1_000)),
                };
                let Some(delay_ms) = delay_ms else {
                    store.stats.acked += 1;
                    store.drop_message(&message);
                    state.ledger.remove(&message);
                    continue;
                };
                store.stats.retried += 1;
                if message.attempts <= settings.retries {
                    store.wait(message, now_ms + delay_ms, now_ms);
                } else {
                    store.drop_message(&message);
                    state.ledger.remove(&message);
                    dead.push(message);
                }
            }
        }
        self.bury(batch, dead);
        self.look_at_queue(&batch.queue, false);
    }

    /// Messages that failed for good go to the queue for those, if there is one with room.
    fn bury(self: &Arc<Self>, batch: &Batch, dead: Vec<Message>) {
        if dead.is_empty() {
            return;
        }
        let target = batch.taker.settings.dead_letters.as_deref();
        let (mut moved, mut lost) = (0, 0);
        {
            let now_ms = self.clock.now_ms();
            let mut state = lock(&self.queues.state);
            for mut message in dead {
                let bytes = message.bytes();
                let fits = state.ledger.check(None, bytes, self.limits.queues_bytes).is_ok();
                let limits = &self.limits;
                let State { queues, ledger, .. } = &mut *state;
                let has_room = |target: &&str| {
                    let (held, held_bytes) = held(queues, target);
                    let is_full = held >= limits.queue_messages as usize || held_bytes + bytes > limits.queue_bytes;
                    fits && !is_full && check_room(queues, target).is_ok()
                };
                match target.filter(has_room) {
                    Some(target) => {
                        let store = queues.entry(target.to_string()).or_default();
                        message.attempts = 0;
                        ledger.add(&message);
                        store.stats.sent += 1;
                        store.put(message, now_ms, now_ms);
                        moved += 1;
                    }
                    None => lost += 1,
                }
            }
            if let Some(store) = state.queues.get_mut(&batch.queue) {
                store.stats.dead += moved;
                store.stats.dropped += lost;
            }
        }
        if lost > 0 {
            let queue = &batch.queue;
            let why = if target.is_some() { "the queue for such messages is full" } else { "there is no dead-letter queue" };
            let text = format!("{lost} messages of the queue \"{queue}\" failed for good and were dropped: {why}");
            self.log(&batch.taker.app.name, LogLevel::Error, text, 0);
        }
        if let Some(target) = target.filter(|_| moved > 0) {
            self.look_at_queue(target, false);
        }
    }
}
