//! Answers what tests fetch: by a program, or with a file of the tree. Stands where a host has its HTTP client and the network.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nano_core::{Body, CallContent, CallResponse, Headers, RequestHead, ResponseHead, Runtime};

use crate::programs::{self, Reply, Request, Slow, Stash};
use crate::query::Query;
use crate::site;

/// A call whose answer takes its time.
struct Pending {
    due: Instant,
    /// Until it has gone out.
    head: Option<ResponseHead>,
    slow: Slow,
    /// Pieces that are out.
    sent: u32,
    /// What did not fit into the window.
    rest: Vec<u8>,
}

/// The other end of every call.
pub struct Server {
    root: PathBuf,
    stash: Stash,
    pending: HashMap<u64, Pending>,
    uploads: HashMap<u64, (RequestHead, Vec<u8>)>,
}

impl Server {
    /// Serves the tree below `root`.
    pub fn new(root: PathBuf) -> Self {
        Self { root, stash: Stash::new(), pending: HashMap::new(), uploads: HashMap::new() }
    }

    /// An app has called.
    pub fn call(&mut self, runtime: &Runtime, id: u64) {
        let Ok(view) = runtime.call_view(id) else { return };
        match view.content {
            // These answer as soon as they see the head.
            CallContent::Fetch { head, streaming: true, .. } if !head.url.contains("/redirect") => {
                self.uploads.insert(id, (head, Vec::new()));
            }
            CallContent::Fetch { head, body, streaming } => self.answer(runtime, id, head, body, streaming),
            CallContent::Method { name, .. } => {
                let _ = runtime.call_fail(id, &format!("the site has no method {name}"));
            }
            _ => {
                let _ = runtime.call_fail(id, "the site answers requests only");
            }
        }
    }

    /// A piece of what an app sends; empty at the end.
    pub fn chunk(&mut self, runtime: &Runtime, id: u64, bytes: &[u8]) {
        let _ = runtime.credit(id, bytes.len() as u32);
        if let Some((_, body)) = self.uploads.get_mut(&id) {
            body.extend_from_slice(bytes);
        }
        if bytes.is_empty()
            && let Some((head, body)) = self.uploads.remove(&id)
        {
            self.answer(runtime, id, head, body, true);
        }
    }

    /// The app has given a call up.
    pub fn canceled(&mut self, id: u64) {
        self.uploads.remove(&id);
        if let Some(pending) = self.pending.remove(&id) {
            self.closed(&pending.slow);
        }
    }

    /// Goes on with the slow ones; whether there are some.
    pub fn poll(&mut self, runtime: &Runtime) -> bool {
        let now = now();
        let due: Vec<u64> = self.pending.iter().filter(|(_, pending)| pending.due <= now).map(|(id, _)| *id).collect();
        for id in due {
            let Some(mut pending) = self.pending.remove(&id) else { continue };
            pending.due = now + Duration::from_millis(pending.slow.pause_ms.into());
            if self.step(runtime, id, &mut pending) {
                self.pending.insert(id, pending);
            } else {
                self.closed(&pending.slow);
            }
        }
        !self.pending.is_empty()
    }

    fn closed(&mut self, slow: &Slow) {
        if let Some(key) = &slow.state_key {
            self.stash.insert(key.clone(), "\"closed\"".into());
        }
    }

    /// One step of a slow answer; false after the last one.
    fn step(&mut self, runtime: &Runtime, id: u64, pending: &mut Pending) -> bool {
        if let Some(head) = pending.head.take() {
            let response = CallResponse { head, body: Body::Stream };
            return runtime.call_respond(id, response).is_ok() && write(runtime, id, pending, pending.slow.first.clone());
        }
        if !pending.rest.is_empty() {
            let rest = std::mem::take(&mut pending.rest);
            return write(runtime, id, pending, rest);
        }
        if pending.slow.abort_key.as_ref().is_some_and(|key| self.stash.remove(key).is_some()) {
            let _ = runtime.call_end(id);
            return false;
        }
        if pending.slow.count.is_some_and(|count| pending.sent == count) {
            let _ = if pending.slow.breaks { runtime.call_fail(id, "the connection broke") } else { runtime.call_end(id) };
            return false;
        }
        pending.sent += 1;
        write(runtime, id, pending, pending.slow.piece.clone())
    }

    fn answer(&mut self, runtime: &Runtime, id: u64, head: RequestHead, body: Vec<u8>, streaming: bool) {
        let Some(request) = received(head, body, streaming) else {
            let _ = runtime.call_fail(id, "not a URL that this site is asked for");
            return;
        };
        let reply = match programs::run(&request, &mut self.stash) {
            Some(reply) => reply,
            None => site::serve(&self.root, &request),
        };
        let Some(head) = response_head(&reply) else {
            let _ = runtime.call_fail(id, "the answer is not valid HTTP");
            return;
        };
        if reply.slow.is_none() && reply.delay_ms == 0 {
            let body = if reply.body.is_empty() { Body::None } else { Body::Whole(reply.body) };
            let _ = runtime.call_respond(id, CallResponse { head, body });
            return;
        }
        let slow = reply.slow.unwrap_or(Slow { first: reply.body, count: Some(0), ..Slow::default() });
        let due = now() + Duration::from_millis(reply.delay_ms.into());
        self.pending.insert(id, Pending { due, head: Some(head), slow, sent: 0, rest: Vec::new() });
    }
}

/// Writes what the window takes; false if nobody listens.
fn write(runtime: &Runtime, id: u64, pending: &mut Pending, bytes: Vec<u8>) -> bool {
    match runtime.call_write(id, &bytes) {
        Ok(taken) => {
            pending.rest = bytes[taken..].to_vec();
            true
        }
        Err(_) => false,
    }
}

#[allow(clippy::disallowed_methods, reason = "a server beside the runtime; what tests see of time is the runtime's")]
fn now() -> Instant {
    Instant::now()
}

/// What a server gets of a call, with the headers that every HTTP client adds.
fn received(head: RequestHead, body: Vec<u8>, streaming: bool) -> Option<Request> {
    let RequestHead { method, url, mut headers } = head;
    let (_, rest) = url.split_once("://")?;
    let (host, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let has_length = !body.is_empty() || matches!(&*method, "POST" | "PUT");
    let length = body.len().to_string();
    let mut add = |name: &[u8], value: &[u8]| headers.value(name).is_some() || headers.push(name, value);
    add(b"host", host.as_bytes());
    add(b"user-agent", b"nano-wpt");
    if !streaming && has_length {
        add(b"content-length", length.as_bytes());
    }
    Some(Request { method: method.into(), path: path.into(), query: Query::parse(query), headers, body })
}

/// What a client makes of the head; `None` if it is not valid.
fn response_head(reply: &Reply) -> Option<ResponseHead> {
    let mut headers = Headers::new();
    for (name, value) in &reply.headers {
        if !headers.push(name, value) {
            return None;
        }
    }
    (200..=599).contains(&reply.status).then(|| ResponseHead { status: reply.status, status_text: reply.text.clone(), headers })
}
