//! Cron expressions: an app's `scheduled` is called in each minute of UTC that one of them names.
//!
//! Minutes that were missed, because the machine slept or its clock was set, make up one event. One that has not ended when the next is
//! due is waited for: the next is skipped, and counted.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nano_base::cron::Cron;
use nano_base::limits::{CRON_BYTES_MAX, CRONS_MAX, DATE_MS_MAX, SCHEDULE_LOOK_MS, SCHEDULE_RETRY_MS};
use nano_base::status::{Error, Result, Status};
use nano_base::value::Value;
use nano_engine::LogLevel;

use crate::alarms::Alarm;
use crate::app::{App, AppShared};
use crate::event::Account;
use crate::request::{Body, Duty, Job, Listener, Origin};
use crate::runtime::Inner;
use crate::version::Version;
use crate::wait::{Slot, lock};

const MINUTE_MS: u64 = 60_000;
/// A clock that was set back by more than this has been corrected: what was due later is due anew. By less, it has been adjusted, and no
/// minute comes twice.
const CORRECTED_MINUTES: u64 = 180;
/// How far the last of several missed times is looked for.
const DAY_MINUTES: u64 = 1_440;

/// An app's expressions, read.
pub(crate) fn read(crons: &[String]) -> Result<Vec<(String, Cron)>> {
    if crons.len() > CRONS_MAX {
        return Err(Error::new(Status::Invalid, format!("the app has {} cron expressions; the most is {CRONS_MAX}", crons.len())));
    }
    let mut read: Vec<(String, Cron)> = Vec::with_capacity(crons.len());
    for text in crons {
        if text.len() > CRON_BYTES_MAX {
            let why = format!("a cron expression has {} bytes; the most is {CRON_BYTES_MAX}", text.len());
            return Err(Error::new(Status::Invalid, why));
        }
        let cron = Cron::parse(text).map_err(|why| Error::new(Status::Invalid, format!("the cron expression {why}")))?;
        if !read.iter().any(|(other, _)| other == text) {
            read.push((text.clone(), cron));
        }
    }
    Ok(read)
}

/// What is due when.
#[derive(Default)]
pub(crate) struct Schedules {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    apps: HashMap<u64, Planned>,
    /// By minute, app, and which of its expressions.
    due: BTreeSet<(u64, u64, usize)>,
    /// The minute looked at last.
    looked: u64,
    /// An alarm is set.
    ticking: bool,
    /// Events that there was no room for.
    late: Vec<Event>,
}

struct Planned {
    app: Arc<AppShared>,
    crons: Vec<Entry>,
}

struct Entry {
    text: String,
    cron: Cron,
    /// When it is due next; none if its time is over.
    due: Option<u64>,
    /// An event of it has not ended.
    is_running: bool,
}

/// An event to start.
struct Event {
    app: Arc<AppShared>,
    cron: String,
    minute: u64,
}

impl State {
    /// Puts the next time of every expression of an app into the plan.
    fn plan(&mut self, key: u64, after: u64) {
        let Some(planned) = self.apps.get_mut(&key) else { return };
        for (index, entry) in planned.crons.iter_mut().enumerate() {
            if let Some(due) = entry.due.take() {
                self.due.remove(&(due, key, index));
            }
            entry.due = entry.cron.next_after(after);
            self.due.extend(entry.due.map(|due| (due, key, index)));
        }
    }

    fn remove(&mut self, key: u64) -> Option<Planned> {
        let planned = self.apps.remove(&key)?;
        for (index, entry) in planned.crons.iter().enumerate() {
            if let Some(due) = entry.due {
                self.due.remove(&(due, key, index));
            }
        }
        self.late.retain(|event| event.app.key != key);
        Some(planned)
    }

    /// The events of this minute, and those skipped.
    fn take_due(&mut self, now: u64) -> (Vec<Event>, Vec<Event>) {
        if now + CORRECTED_MINUTES < self.looked {
            let keys: Vec<u64> = self.apps.keys().copied().collect();
            keys.into_iter().for_each(|key| self.plan(key, now.saturating_sub(1)));
            self.looked = now;
        }
        self.looked = self.looked.max(now);
        let (mut starting, mut skipped) = (Vec::new(), Vec::new());
        while let Some(&(minute, key, index)) = self.due.first()
            && minute <= now
        {
            self.due.pop_first();
            let Some(planned) = self.apps.get_mut(&key) else { continue };
            let Some(entry) = planned.crons.get_mut(index) else { continue };
            let minute = last_due(&entry.cron, minute, now);
            entry.due = entry.cron.next_after(now);
            self.due.extend(entry.due.map(|due| (due, key, index)));
            let event = Event { app: planned.app.clone(), cron: entry.text.clone(), minute };
            if std::mem::replace(&mut entry.is_running, true) {
                skipped.push(event);
            } else {
                starting.push(event);
            }
        }
        (starting, skipped)
    }

    fn ended(&mut self, key: u64, cron: &str) {
        let planned = self.apps.get_mut(&key).into_iter().flat_map(|planned| &mut planned.crons);
        planned.filter(|entry| entry.text == cron).for_each(|entry| entry.is_running = false);
    }
}

/// The last time that an expression was due, from `first` to `now`.
fn last_due(cron: &Cron, first: u64, now: u64) -> u64 {
    let mut last = first;
    let mut at = first.max(now.saturating_sub(DAY_MINUTES));
    while let Some(next) = cron.next_after(at).filter(|next| *next <= now) {
        (last, at) = (next, next);
    }
    last
}

impl Inner {
    fn minute(&self) -> u64 {
        self.clock.unix_ms() as u64 / MINUTE_MS
    }

    /// An app has started with a version: its expressions are followed from the next minute on.
    pub(crate) fn follow_crons(&self, app: &Arc<AppShared>, version: &Version) {
        let mut state = lock(&self.schedules.state);
        let before = state.remove(app.key);
        if version.crons.is_empty() {
            return;
        }
        let is_running =
            |text: &str| before.as_ref().is_some_and(|planned| planned.crons.iter().any(|entry| entry.text == text && entry.is_running));
        let entry =
            |(text, cron): &(String, Cron)| Entry { text: text.clone(), cron: cron.clone(), due: None, is_running: is_running(text) };
        let crons = version.crons.iter().map(entry).collect();
        state.apps.insert(app.key, Planned { app: app.clone(), crons });
        let now = self.minute();
        state.plan(app.key, now);
        if !std::mem::replace(&mut state.ticking, true) {
            state.looked = now;
            drop(state);
            self.set_minute();
        }
    }

    /// The app is gone.
    pub(crate) fn forget_crons(&self, app: &AppShared) {
        lock(&self.schedules.state).remove(app.key);
    }

    /// Looks again when the next minute begins. A clock that is set, and a machine that slept, are noticed a little later.
    fn set_minute(&self) {
        let left_ms = MINUTE_MS - self.clock.unix_ms() as u64 % MINUTE_MS;
        self.set_alarm(self.clock.now_ms() + left_ms.min(SCHEDULE_LOOK_MS), Alarm::Minute);
    }

    /// Starts what is due.
    pub(crate) fn look_at_crons(self: &Arc<Self>) {
        let (starting, skipped) = {
            let mut state = lock(&self.schedules.state);
            if state.apps.is_empty() || self.is_closed() {
                state.ticking = false;
                return;
            }
            state.take_due(self.minute())
        };
        self.set_minute();
        for event in skipped {
            self.skip(&event, "the one before has not ended");
        }
        self.start_events(starting);
    }

    /// Tries again what there was no room for.
    pub(crate) fn start_late(self: &Arc<Self>) {
        let late = std::mem::take(&mut lock(&self.schedules.state).late);
        self.start_events(late);
    }

    fn start_events(self: &Arc<Self>, events: Vec<Event>) {
        let mut late = Vec::new();
        for event in events {
            let app = App { shared: event.app.clone(), inner: self.clone() };
            let listener = Listener::Duty(Duty::Cron(event.cron.clone()));
            let time_ms = (event.minute * MINUTE_MS) as f64;
            match app.submit_for(job(&event.cron, time_ms), Body::None, 0, 0, listener, Origin::default()) {
                Ok(_) => {}
                // Until its next time has come: then that is skipped.
                Err(error) if matches!(error.status, Status::Overloaded) => late.push(event),
                Err(error) => {
                    lock(&self.schedules.state).ended(event.app.key, &event.cron);
                    self.skip(&event, &error.message);
                }
            }
        }
        if !late.is_empty() {
            let mut state = lock(&self.schedules.state);
            let is_set = !state.late.is_empty();
            state.late.append(&mut late);
            drop(state);
            if !is_set {
                self.set_alarm(self.clock.now_ms() + SCHEDULE_RETRY_MS, Alarm::Late);
            }
        }
    }

    fn skip(&self, event: &Event, why: &str) {
        event.app.skipped.fetch_add(1, Ordering::Relaxed);
        self.counters.skipped.fetch_add(1, Ordering::Relaxed);
        self.log(&event.app.name, LogLevel::Warn, format!("a scheduled event of \"{}\" was skipped: {why}", event.cron), 0);
    }

    /// An event that a cron expression started has ended.
    pub(crate) fn cron_ended(&self, app: &AppShared, cron: &str) {
        lock(&self.schedules.state).ended(app.key, cron);
    }
}

/// The event that `scheduled` is called for.
fn job(cron: &str, time_ms: f64) -> Job {
    let entries = [("cron", Value::Text(cron.to_string())), ("scheduledTime", Value::Float(time_ms))];
    Job::event("scheduled", Value::Object(entries.map(|(key, value)| (key.to_string(), value)).into()))
}

/// Refuses what an app could make no `Date` of.
fn check_time(time_ms: f64) -> Result<()> {
    if time_ms.abs() <= DATE_MS_MAX {
        return Ok(());
    }
    Err(Error::new(Status::Invalid, format!("the time of a scheduled event is {time_ms} ms from 1970; the most is {DATE_MS_MAX}")))
}

/// For hosts that have a scheduler of their own.
impl App {
    /// Calls the app's `scheduled` with these words and this time, in milliseconds since 1970: never blocks. A RESULT event follows, of an
    /// object with `outcome` ("ok") and `noRetry`, or an ERROR event. The expressions in the app's options have no part in it.
    pub fn schedule(&self, cron: &str, time_ms: f64, user_data: u64) -> Result<u64> {
        check_time(time_ms)?;
        let work = self.submit_for(job(cron, time_ms), Body::None, user_data, 0, Listener::Queue, Origin::default())?;
        Ok(work.id.load(Ordering::Relaxed))
    }

    /// The same, and waits for its end.
    pub fn schedule_wait(&self, cron: &str, time_ms: f64, timeout: Option<Duration>) -> Result<(Value, Account)> {
        check_time(time_ms)?;
        let slot = Arc::new(Slot::default());
        let work = self.submit_for(job(cron, time_ms), Body::None, 0, 0, Listener::Invoker(slot.clone()), Origin::default())?;
        slot.wait(timeout).unwrap_or_else(|| Err(self.give_up(&work)))
    }
}
