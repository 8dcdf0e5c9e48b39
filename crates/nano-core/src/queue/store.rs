//! One queue: what waits in it, who takes it, and when there is something to do. No clock, no lock, no app.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use nano_base::limits::{PATTERN_UNITS_MAX, QUEUE_BATCH_BYTES_MAX, QUEUE_KEEP_MS, QUEUE_SWEEP_MS};

use super::message::Message;
use super::{QueueConsumer, QueueStats};
use crate::app::AppShared;

/// Who takes a queue's messages.
#[derive(Clone, Debug)]
pub(super) struct Taker {
    pub app: Arc<AppShared>,
    pub settings: QueueConsumer,
}

/// What waits in one queue.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub taker: Option<Taker>,
    /// Each with the time since which it has been ready.
    ready: VecDeque<(u64, Message)>,
    /// By the time at which they are ready.
    delayed: BTreeMap<(u64, u64), Message>,
    number: u64,
    /// Batches that have not ended.
    pub batches: u32,
    /// Messages of the queue, those in batches too, and their bytes.
    pub messages: usize,
    pub bytes: usize,
    /// No batch before this time: there was no room for the last one.
    pub paused_ms: u64,
    /// When messages that nobody takes are looked for next, if there are messages.
    sweep_ms: Option<u64>,
    /// When it is to be looked after.
    pub alarm_ms: Option<u64>,
    pub stats: QueueStats,
}

impl Store {
    /// Nothing is known of it that must be kept.
    pub(super) fn is_spare(&self) -> bool {
        self.taker.is_none() && self.messages == 0
    }

    /// Takes a message in; it is counted from here on until it is dropped.
    pub(super) fn put(&mut self, message: Message, ready_ms: u64, now_ms: u64) {
        self.messages += 1;
        self.bytes += message.bytes();
        self.sweep_ms.get_or_insert(now_ms + QUEUE_SWEEP_MS);
        self.wait(message, ready_ms, now_ms);
    }

    /// A message that is counted already waits, again.
    pub(super) fn wait(&mut self, message: Message, ready_ms: u64, now_ms: u64) {
        if ready_ms > now_ms {
            self.number += 1;
            self.delayed.insert((ready_ms, self.number), message);
        } else {
            self.ready.push_back((now_ms, message));
        }
    }

    /// Messages of a batch that never ran go where they were.
    pub(super) fn give_back(&mut self, messages: Vec<Message>, now_ms: u64) {
        for message in messages.into_iter().rev() {
            self.ready.push_front((now_ms, message));
        }
    }

    /// A message is done with.
    pub(super) fn drop_message(&mut self, message: &Message) {
        self.messages -= 1;
        self.bytes -= message.bytes();
    }

    /// Takes out the messages that have waited for too long, if it is time to look for them: they are lost.
    pub(super) fn take_old(&mut self, now_ms: u64) -> Vec<Message> {
        if self.sweep_ms.is_none_or(|sweep_ms| sweep_ms > now_ms) {
            return Vec::new();
        }
        let is_old = |message: &Message| message.since_ms + QUEUE_KEEP_MS <= now_ms;
        let mut old = Vec::new();
        let ready = std::mem::take(&mut self.ready);
        for (since_ms, message) in ready {
            if is_old(&message) { old.push(message) } else { self.ready.push_back((since_ms, message)) }
        }
        old.extend(self.delayed.extract_if(.., |_, message| is_old(message)).map(|(_, message)| message));
        old.iter().for_each(|message| self.drop_message(message));
        self.stats.dropped += old.len() as u64;
        self.sweep_ms = (self.messages > 0).then_some(now_ms + QUEUE_SWEEP_MS);
        old
    }

    /// The next batch, if there is one, and who takes it.
    pub(super) fn take_batch(&mut self, now_ms: u64) -> Option<(Taker, Vec<Message>)> {
        while let Some(first) = self.delayed.first_entry().filter(|first| first.key().0 <= now_ms) {
            let ((ready_ms, _), message) = first.remove_entry();
            self.ready.push_back((ready_ms, message));
        }
        let taker = self.taker.clone()?;
        let settings = &taker.settings;
        let (since_ms, _) = self.ready.front()?;
        let is_due = self.ready.len() >= settings.batch as usize || now_ms.saturating_sub(*since_ms) >= settings.batch_wait_ms;
        if !is_due || self.batches >= settings.concurrency || self.paused_ms > now_ms {
            return None;
        }
        let (mut batch, mut bytes, mut pattern_units) = (Vec::new(), 0, 0);
        while batch.len() < settings.batch as usize
            && let Some((_, message)) = self.ready.front()
        {
            bytes += message.bytes();
            pattern_units += message.pattern_units;
            if !batch.is_empty() && (bytes > QUEUE_BATCH_BYTES_MAX || pattern_units > PATTERN_UNITS_MAX) {
                break;
            }
            batch.extend(self.ready.pop_front().map(|(_, message)| message));
        }
        self.batches += 1;
        Some((taker, batch))
    }

    /// When there may be a batch, if nothing happens before.
    pub(super) fn next_ms(&self) -> Option<u64> {
        self.next_batch_ms().into_iter().chain(self.sweep_ms).min()
    }

    fn next_batch_ms(&self) -> Option<u64> {
        let taker = self.taker.as_ref()?;
        if self.batches >= taker.settings.concurrency {
            return None;
        }
        let full = self.ready.len() >= taker.settings.batch as usize;
        let ready = self.ready.front().map(|(since_ms, _)| if full { 0 } else { since_ms + taker.settings.batch_wait_ms });
        let delayed = self.delayed.first_key_value().map(|((ready_ms, _), _)| *ready_ms);
        let next = ready.into_iter().chain(delayed).min()?;
        Some(next.max(self.paused_ms))
    }
}
