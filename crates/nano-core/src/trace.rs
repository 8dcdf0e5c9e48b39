//! What is remembered of one event for the apps that are told of it: its logs, its exceptions, how it ended. Of an app that nobody is
//! told of, nothing is.

use std::sync::{Arc, Mutex};

use nano_base::limits::{TRACE_BYTES_MAX, TRACE_ENTRIES_MAX};
use nano_base::status::{Error, Status};
use nano_base::value::Value;
use nano_engine::LogLevel;

use crate::app::AppShared;
use crate::event::Account;
use crate::request::{Job, Spent};
use crate::runtime::Inner;
use crate::tail::redact;
use crate::version::Version;
use crate::wait::lock;

/// One event's trace, until nothing of the event is left.
pub(crate) struct Trace {
    inner: Arc<Inner>,
    app: Arc<AppShared>,
    version: Arc<Version>,
    began_ms: f64,
    notes: Mutex<Notes>,
}

#[derive(Default)]
struct Notes {
    logs: Vec<Value>,
    exceptions: Vec<Value>,
    bytes: usize,
    is_truncated: bool,
    status: Option<u16>,
    end: Option<End>,
}

/// How the event ended: what it was, and what a tail worker is told on request.
struct End {
    event: Value,
    whole: Value,
    entrypoint: Option<String>,
    outcome: &'static str,
    wall_ms: f64,
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trace({})", self.app.name)
    }
}

pub(crate) fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Object(entries.map(|(key, value)| (key.to_string(), value)).into())
}

fn text(text: &str) -> Value {
    Value::Text(text.to_string())
}

impl Trace {
    /// A trace of an event, if anybody is told of it. What is told to tail workers is not told on.
    pub(crate) fn begin(inner: &Arc<Inner>, app: &Arc<AppShared>, job: &Job) -> Option<Box<Self>> {
        let version = app.version();
        if !version.tail.iter().any(|consumer| *consumer != app.name) || matches!(job, Job::Event("tail", _)) {
            return None;
        }
        let began_ms = inner.clock.unix_ms();
        Some(Box::new(Self { inner: inner.clone(), app: app.clone(), version, began_ms, notes: Mutex::default() }))
    }

    /// A log line.
    pub(crate) fn log(&self, level: LogLevel, line: &str) {
        let level = match level {
            LogLevel::Debug => "debug",
            LogLevel::Info => "log",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        };
        let now_ms = self.inner.clock.unix_ms();
        let mut notes = lock(&self.notes);
        if notes.has_room(line.len()) {
            let message = Value::Array(vec![text(line)]);
            notes.logs.push(object([("timestamp", Value::Float(now_ms)), ("level", text(level)), ("message", message)]));
        }
    }

    /// An error nobody caught.
    pub(crate) fn exception(&self, error: &Error) {
        let (name, message) = match error.message.split_once(": ") {
            Some((name, message)) if !name.contains(' ') => (name, message),
            _ => ("Error", error.message.as_str()),
        };
        let now_ms = self.inner.clock.unix_ms();
        let mut notes = lock(&self.notes);
        if notes.has_room(error.message.len() + error.stack.len()) {
            let entry =
                [("timestamp", Value::Float(now_ms)), ("name", text(name)), ("message", text(message)), ("stack", text(&error.stack))];
            notes.exceptions.push(object(entry));
        }
    }

    /// The status of the event's response.
    pub(crate) fn responded(&self, status: u16) {
        lock(&self.notes).status = Some(status);
    }

    /// The event has ended, by an error or not; what it left running may still be noted.
    pub(crate) fn end(&self, job: &Job, entrypoint: Option<&str>, error: Option<&Error>, account: &Account) {
        let mut notes = lock(&self.notes);
        let outcome = match error.map(|error| error.status) {
            None => "ok",
            Some(Status::Exception | Status::Compile) => "exception",
            Some(Status::CpuLimit) => "exceededCpu",
            Some(Status::MemoryLimit) => "exceededMemory",
            Some(Status::WallLimit) => "exceededWallTime",
            Some(Status::Canceled) => "canceled",
            Some(_) => "unknown",
        };
        // What broke a limit was not thrown where it could be noted.
        if let Some(error) = error
            && outcome != "exception"
        {
            let now_ms = self.inner.clock.unix_ms();
            let entry = [("timestamp", Value::Float(now_ms)), ("name", text("Error")), ("message", text(&error.message))];
            notes.exceptions.push(object(entry));
        }
        let (event, whole) = describe(job, notes.status);
        let (entrypoint, wall_ms) = (entrypoint.map(str::to_string), account.wall_us as f64 / 1_000.0);
        notes.end = Some(End { event, whole, entrypoint, outcome, wall_ms });
    }

    /// Nothing is left of the event: the apps that are told of it are.
    pub(crate) fn tell(self, spent: &Spent) {
        let notes = std::mem::take(&mut *lock(&self.notes));
        // Withdrawn before it began.
        let Some(end) = notes.end else { return };
        let item = object([
            ("event", end.event),
            ("eventTimestamp", Value::Float(self.began_ms)),
            ("logs", Value::Array(notes.logs)),
            ("exceptions", Value::Array(notes.exceptions)),
            ("diagnosticsChannelEvents", Value::Array(Vec::new())),
            ("outcome", text(end.outcome)),
            ("scriptName", text(&self.app.name)),
            ("entrypoint", end.entrypoint.map_or(Value::Undefined, Value::Text)),
            ("executionModel", text("stateless")),
            ("truncated", Value::Bool(notes.is_truncated)),
            ("cpuTime", Value::Float(spent.cpu_ms())),
            ("wallTime", Value::Float(end.wall_ms)),
        ]);
        let bytes = notes.bytes + self.size_of_head(&end.whole);
        let told = Value::Array(vec![item, end.whole]);
        for app in self.version.tail.iter().filter(|app| **app != self.app.name) {
            self.inner.offer_trace(app, &self.app, &told, bytes);
        }
    }

    fn size_of_head(&self, whole: &Value) -> usize {
        const OF_AN_ITEM: usize = 1 << 10;
        OF_AN_ITEM + 2 * whole.weight()
    }
}

impl Notes {
    fn has_room(&mut self, bytes: usize) -> bool {
        let fits = self.bytes + bytes <= TRACE_BYTES_MAX && self.logs.len() + self.exceptions.len() < TRACE_ENTRIES_MAX;
        if fits {
            self.bytes += bytes;
        }
        self.is_truncated |= !fits;
        fits
    }
}

/// What an event was; of a request, also without anything taken out.
fn describe(job: &Job, status: Option<u16>) -> (Value, Value) {
    match job {
        Job::Fetch(head) => {
            let response = status.map_or(Value::Undefined, |status| object([("status", Value::Int(i64::from(status)))]));
            let request = redact::request(head, true);
            (object([("request", request), ("response", response)]), redact::request(head, false))
        }
        Job::Invoke(name, _) => (object([("rpcMethod", text(name))]), Value::Undefined),
        Job::Event(_, event) => (event.summary(), Value::Undefined),
        Job::Batch(batch) => (batch.summary(), Value::Undefined),
    }
}
