//! What is answered, and how an answer finds its connection when it takes a while.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use mio::Waker;
use nano_base::http::{Headers, ResponseHead};
use serde_json::{Value, json};

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub kind: &'static str,
    pub body: Vec<u8>,
    /// What `Allow` or `Retry-After` or `WWW-Authenticate` says.
    pub extra: Option<(&'static str, &'static str)>,
}

/// Why something was not done.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub detail: String,
}

impl Refusal {
    pub fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into() }
    }
}

impl Answer {
    pub fn new(status: u16, kind: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, kind, body: body.into(), extra: None }
    }

    pub fn json(value: &Value) -> Self {
        let mut body = value.to_string();
        body.push('\n');
        Self::new(200, "application/json", body)
    }

    pub fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.extra = Some((name, value));
        self
    }

    /// The head, with what every answer of the listener has: nothing of it is to be kept, framed, or given to other sites, and the page
    /// loads nothing from anywhere else.
    pub fn head(status: u16, kind: &'static str, extra: Option<(&'static str, &'static str)>) -> ResponseHead {
        let always = [
            ("content-type", kind),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            (
                "content-security-policy",
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; \
                 form-action 'none'; frame-ancestors 'none'",
            ),
        ];
        let mut headers = Headers::new();
        for (name, value) in always.into_iter().chain(extra) {
            let pushed = headers.push(name.as_bytes(), value.as_bytes());
            debug_assert!(pushed, "constants");
        }
        ResponseHead { status, status_text: String::new(), headers }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let title = nano_http::h1::reason(refusal.status);
        let body = json!({ "title": title, "status": refusal.status, "code": refusal.code, "detail": refusal.detail });
        Self { kind: "application/problem+json", status: refusal.status, ..Self::json(&body) }
    }
}

impl From<Result<Value, Refusal>> for Answer {
    fn from(outcome: Result<Value, Refusal>) -> Self {
        match outcome {
            Ok(value) => Self::json(&value),
            Err(refusal) => refusal.into(),
        }
    }
}

/// Brings one answer to one connection. If it is dropped, because nobody will answer any more, that is the answer.
#[derive(Debug)]
pub struct Reply {
    connection: u64,
    outcomes: Sender<(u64, Answer)>,
    waker: Arc<Waker>,
    given: bool,
}

impl Reply {
    pub fn new(connection: u64, outcomes: &Sender<(u64, Answer)>, waker: &Arc<Waker>) -> Self {
        Self { connection, outcomes: outcomes.clone(), waker: waker.clone(), given: false }
    }

    pub fn give(mut self, outcome: Result<Value, Refusal>) {
        self.send(outcome);
    }

    fn send(&mut self, outcome: Result<Value, Refusal>) {
        self.given = true;
        // The listener ends with the process: then nobody waits.
        let _ = self.outcomes.send((self.connection, outcome.into()));
        let _ = self.waker.wake();
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.given {
            self.send(Err(Refusal::new(503, "STOPPING", "nanod is stopping")));
        }
    }
}
