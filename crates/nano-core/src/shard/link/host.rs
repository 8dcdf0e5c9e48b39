//! What an instance's JavaScript asks of its shard, answered from inside its turns.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nano_base::cache::{Entry, Query};
use nano_base::http::{RequestHead, ResponseHead};
use nano_base::limits::{BODY_WINDOW_BYTES, LOG_LINE_BYTES_MAX};
use nano_base::status::{Error, Status};
use nano_base::value::Value;
use nano_engine::{Ask, BODY_GONE, Errand, FilesAnswer, Host, LogLevel, OpenCache, Outbound, Pull, Refusal, Sockets, Verdict};

use super::{Link, NETWORK};
use crate::binding::BindingKind;
use crate::call::CallContent;
use crate::event::Payload;
use crate::files::{Quota, Setting, WriterPlace};
use crate::pipe::{GONE, Held};
use crate::request::{Ending, Job, Listener};
use crate::trace::Trace;
use crate::wait::lock;

impl Link {
    /// How many lines of log were dropped, if this one may go out.
    fn admit_log(&self, bytes: usize) -> Option<u64> {
        let second = self.desk.inner.clock.now_ms() / 1_000;
        if self.log_second.replace(second) != second {
            self.log_bytes.set(0);
        }
        let total = self.log_bytes.get() + bytes as u64;
        if total > u64::from(self.version.limits.log_bytes_per_s) {
            self.log_dropped.set(self.log_dropped.get() + 1);
            self.desk.inner.counters.logs_dropped.fetch_add(1, Ordering::Relaxed);
            self.app.meter().logs_dropped.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.log_bytes.set(total);
        Some(self.log_dropped.replace(0))
    }

    /// Notes something of the event whose turn it is, if somebody is told of it.
    fn note(&self, note: impl FnOnce(&Trace)) {
        if let Some(trace) = self.current.borrow().as_ref().and_then(|spent| spent.trace.as_deref()) {
            note(trace);
        }
    }

    pub(super) fn writer_place(&self) -> WriterPlace {
        WriterPlace { shard: self.desk.shard.index, incarnation: self.desk.seat.incarnation, slot: self.slot.get() }
    }
}

/// What the engine holds of a link.
pub(in crate::shard) struct LinkHost(pub Rc<Link>);

impl LinkHost {
    /// A line of the app's log, noted of its event or not.
    pub(in crate::shard) fn write_log(&self, level: LogLevel, mut text: String, is_noted: bool) {
        if text.len() > LOG_LINE_BYTES_MAX {
            let mut end = LOG_LINE_BYTES_MAX;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
        }
        if let Some(dropped) = self.0.admit_log(text.len()) {
            if is_noted {
                self.0.note(|trace| trace.log(level, &text));
            }
            self.0.desk.inner.log(&self.0.app.name, level, text, dropped);
        }
    }

    /// The time that JavaScript sees: what is fresh at the beginning of a turn is so until its end, and tells nothing of the time between.
    fn turn_unix_ms(&self) -> u64 {
        (self.time_origin_ms() + self.now_ms()) as u64
    }
}

impl Host for LinkHost {
    fn log(&self, level: LogLevel, text: String) {
        self.write_log(level, text, true);
    }

    fn exception(&self, error: Error) {
        self.0.note(|trace| trace.exception(&error));
        let text = if error.stack.is_empty() { error.message } else { error.stack };
        self.write_log(LogLevel::Error, format!("Uncaught {text}"), false);
    }

    fn now_ms(&self) -> f64 {
        self.0.desk.turn_ms.get().saturating_sub(self.0.origin_ms) as f64
    }

    fn time_origin_ms(&self) -> f64 {
        self.0.origin_unix_ms
    }

    fn timer_start(&self, id: u32, delay_ms: f64, repeat: bool) -> Result<(), Refusal> {
        self.0.start_timer(id, delay_ms, repeat)
    }

    fn timer_cancel(&self, id: u32) {
        self.0.cancel_timer(id);
    }

    fn request(&self, id: u32, read: &mut dyn FnMut(&RequestHead)) {
        if let Some(work) = self.0.work(id)
            && let Job::Fetch(head) = &work.job
        {
            read(head);
        }
    }

    fn message(&self, id: u32, index: u32) -> Option<Value> {
        let work = self.0.work(id)?;
        let Job::Batch(batch) = &work.job else { return None };
        batch.message(index)
    }

    fn is_for_app(&self, id: u32) -> bool {
        self.0.work(id).is_some_and(|work| matches!(work.listener, Listener::App(_)))
    }

    fn is_for_apps(&self, binding: u32) -> bool {
        let binding = self.0.version.bindings.get(binding as usize);
        binding.is_some_and(|binding| matches!(binding.kind, BindingKind::App { .. } | BindingKind::Queue { .. }))
    }

    fn body_kind(&self, id: u32) -> u32 {
        if let Some(work) = self.0.work(id) {
            // What follows a request that became a WebSocket is no body.
            let is_socket = work.socket.load(Ordering::Relaxed) != 0;
            return if is_socket { 0 } else { lock(&work.body).kind() };
        }
        if let Some(outgoing) = self.0.fetch(id) {
            return outgoing.kind();
        }
        if self.0.socket(id).is_some() {
            return 2;
        }
        self.0.call(id).map_or(BODY_GONE, |call| lock(&call.body).kind())
    }

    fn body_length(&self, id: u32) -> Option<u64> {
        if let Some(work) = self.0.work(id) {
            return lock(&work.body).length;
        }
        if let Some(outgoing) = self.0.fetch(id) {
            return outgoing.length();
        }
        self.0.call(id).and_then(|call| lock(&call.body).length)
    }

    fn body_take(&self, id: u32) -> Vec<u8> {
        if let Some(work) = self.0.work(id) {
            return lock(&work.body).take_whole();
        }
        let Some(call) = self.0.call(id) else { return Vec::new() };
        self.0.end_call(id);
        lock(&call.body).take_whole()
    }

    fn body_pull(&self, id: u32) -> Pull {
        if let Some(work) = self.0.work(id) {
            let (pull, tell) = lock(&work.body).pull();
            if tell {
                work.push_writable();
            }
            if matches!(pull, Pull::Pending) {
                work.want_body();
            }
            if let (Listener::App(caller), Pull::Chunk(chunk)) = (&work.listener, &pull) {
                caller.credit_by_app(&self.0.desk.inner, chunk.len(), tell);
            }
            return pull;
        }
        if let Some(outgoing) = self.0.fetch(id) {
            return outgoing.pull(&self.0);
        }
        if let Some(wire) = self.0.socket(id) {
            return wire.bytes().map_or_else(|| Pull::Broken(GONE.into()), |bytes| bytes.pull(&self.0));
        }
        let Some(call) = self.0.call(id) else {
            return Pull::Broken(GONE.into());
        };
        let (pull, tell) = lock(&call.body).pull();
        if call.is_for_an_app() {
            if let Pull::Chunk(chunk) = &pull {
                call.credit_to_app(&self.0.desk.inner, chunk.len(), tell);
            }
        } else if tell {
            call.push(&self.0.desk.inner.queue, Payload::Writable);
        }
        if matches!(pull, Pull::End | Pull::Broken(_)) {
            self.0.end_call(id);
        }
        pull
    }

    fn check_upload(&self, bytes: usize) -> Result<(), Refusal> {
        if Held::of(&self.0.app, 0).has_room_for(bytes) {
            return Ok(());
        }
        Err(Refusal(format!(
            "there is no room for a body of {bytes} bytes: {} bytes of the app's bodies and calls wait already (limit external_bytes); stream it",
            self.0.app.waiting_bytes()
        )))
    }

    fn body_cancel(&self, id: u32) {
        if let Some(work) = self.0.work(id) {
            let (dropped, tell) = {
                let mut body = lock(&work.body);
                (body.buffered(), body.cancel())
            };
            if let Listener::App(caller) = &work.listener {
                caller.credit_by_app(&self.0.desk.inner, dropped, tell);
            } else if tell {
                work.push_writable();
            }
        } else if let Some(outgoing) = self.0.fetch(id) {
            self.0.end_fetch(&outgoing);
        } else if let Some(wire) = self.0.socket(id) {
            if let Some(bytes) = wire.bytes() {
                bytes.cancel(&self.0);
            }
        } else if let Some(call) = self.0.call(id) {
            lock(&call.body).cancel();
            self.0.withdraw(&call);
            self.0.end_call(id);
        }
    }

    fn respond(&self, id: u32, head: ResponseHead, body: Vec<u8>) {
        let Some(work) = self.0.work(id) else { return };
        match work.check_room() {
            Ok(()) => {
                work.bytes_out.fetch_add(body.len() as u64, Ordering::Relaxed);
                self.0.finish(id, &work, Ending::Response(head, body));
            }
            Err(error) => self.0.finish(id, &work, Ending::Error(error)),
        }
    }

    fn respond_head(&self, id: u32, head: ResponseHead, length: Option<u64>) {
        if let Some(work) = self.0.work(id) {
            work.send_head(head, length);
        }
    }

    fn write(&self, id: u32, mut bytes: Vec<u8>) -> Option<i64> {
        let inner = &self.0.desk.inner;
        if let Some(work) = self.0.work(id) {
            return work.send_chunk(bytes).unwrap_or_else(|error| {
                inner.cancel(&work, error);
                None
            });
        }
        if let Some(outgoing) = self.0.fetch(id) {
            return outgoing.write(&self.0, bytes);
        }
        if let Some(wire) = self.0.socket(id) {
            return wire.bytes()?.write(&self.0, bytes);
        }
        let call = self.0.call(id)?;
        if bytes.is_empty() {
            // To the host an empty piece would be the end.
            return Some(call.credit.load(Ordering::Acquire));
        }
        if self.0.write_later(id, &mut bytes) {
            return Some(0);
        }
        self.0.write_to(&call, bytes)
    }

    fn room(&self, id: u32, bytes: usize) -> usize {
        let (work, call) = (self.0.work(id), self.0.call(id));
        let has_room = |app, bytes| Held::of(app, 0).has_room_for(bytes);
        // What another app reads waits at its expense, and once it is read it is there as well.
        let read = bytes.saturating_mul(2);
        let fits = match (work, call.and_then(|call| call.peer_work())) {
            (Some(work), _) if matches!(work.listener, Listener::App(_)) => has_room(work.payer(), read),
            (None, Some(peer)) => has_room(&peer.app, read),
            _ => has_room(&self.0.app, bytes),
        };
        if fits { bytes } else { bytes.min(BODY_WINDOW_BYTES) }
    }

    fn end(&self, id: u32) {
        if let Some(work) = self.0.work(id) {
            let end = work.check_length().map_or_else(Ending::Error, |()| Ending::Stream);
            self.0.finish(id, &work, end);
        } else if let Some(outgoing) = self.0.fetch(id) {
            outgoing.end(&self.0);
        } else if let Some(wire) = self.0.socket(id) {
            if let Some(bytes) = wire.bytes() {
                bytes.end_writing(&self.0);
            }
        } else if let Some(call) = self.0.call(id)
            && !self.0.end_later(id)
        {
            self.0.end_body_of(&call);
        }
    }

    fn fail(&self, id: u32, error: Error) {
        if let Some(work) = self.0.work(id) {
            self.exception(error.clone());
            self.0.finish(id, &work, Ending::Error(error));
        } else if let Some(outgoing) = self.0.fetch(id) {
            self.0.let_go(&outgoing);
        } else if let Some(call) = self.0.call(id) {
            self.0.withdraw(&call);
        }
    }

    fn wait_until(&self, _id: u32, change: i32) {
        self.0.waits.set(self.0.waits.get() + i64::from(change));
        if change < 0 {
            self.0.release_sockets();
        }
    }

    fn uncount_call(&self) {
        self.0.uncount_call();
    }

    fn call_fetch(&self, binding: u32, mut head: RequestHead, body: Outbound) -> Result<u32, Refusal> {
        if binding == NETWORK {
            let Some(policy) = &self.0.version.egress else { return Err(Refusal("this app has no network".into())) };
            return self.0.open_fetch(policy, head, body);
        }
        let (body, streaming) = match body {
            Outbound::None => (Vec::new(), false),
            Outbound::Whole(body) => (body, false),
            Outbound::Stream(length) => {
                // What an app says of it may have been true of another body.
                head.headers.set_content_length(length);
                (Vec::new(), true)
            }
        };
        self.0.open_call(binding, CallContent::Fetch { head, body, streaming })
    }

    fn call_method(&self, binding: u32, name: String, args: Vec<Value>) -> Result<u32, Refusal> {
        self.0.open_call(binding, CallContent::Method { name, args })
    }

    fn call_host(&self, binding: u32, ask: Ask) -> Result<u32, Refusal> {
        let content = match ask {
            Ask::Function(args) => CallContent::Function { args },
            Ask::Construct(args) => CallContent::Construct { args },
            Ask::Method(object, name, args) => CallContent::ObjectMethod { object, name, args },
            Ask::Get(object, name) => CallContent::ObjectGet { object, name },
            Ask::Set(object, name, value) => CallContent::ObjectSet { object, name, value },
        };
        self.0.open_call(binding, content)
    }

    fn host_objects_max(&self) -> u32 {
        self.0.version.limits.host_objects
    }

    fn files(&self, name: String, args: Vec<Value>) -> Result<FilesAnswer, Refusal> {
        let link = &self.0;
        if link.version.host_files {
            return link.open_call_of("", &BindingKind::Object, CallContent::Files { name, args }).map(FilesAnswer::Call);
        }
        let limits = &link.version.limits;
        let setting = Setting {
            now_ms: link.desk.inner.clock.unix_ms(),
            place: link.writer_place(),
            quota: Quota { bytes: limits.storage_bytes, entries: limits.storage_entries as usize },
        };
        Ok(match link.app.files.answer(&name, &args, &setting) {
            Ok(value) => FilesAnswer::Value(value),
            Err((name, message)) => FilesAnswer::Failed(name, message),
        })
    }

    fn random_seed(&self) -> Option<u64> {
        self.0.version.random_seed
    }

    fn entrypoint(&self, id: u32) -> Option<String> {
        self.0.work(id)?.entrypoint.clone()
    }

    fn call_cancel(&self, id: u32) {
        if let Some(outgoing) = self.0.fetch(id) {
            return self.0.end_fetch(&outgoing);
        }
        if let Some(call) = self.0.call(id) {
            self.0.withdraw(&call);
            self.0.end_call(id);
        }
    }

    fn errand(&self, errand: Errand) -> Result<u32, Refusal> {
        self.0.send_errand(errand)
    }

    fn cache_open(&self, name: &[u16], create: bool) -> Option<OpenCache> {
        let link = &self.0;
        let caches = &link.desk.inner.caches;
        let opened = if create && !link.app.draining.load(Ordering::Acquire) {
            caches.open(link.app.key, link.version.limits.cache_bytes, name)
        } else {
            caches.open_existing(link.app.key, name)
        };
        opened.map(|opened| OpenCache { cache: opened.cache, keep: Box::new(opened) })
    }

    fn cache_names(&self) -> Vec<Arc<[u16]>> {
        self.0.desk.inner.caches.names(self.0.app.key)
    }

    fn cache_forget(&self, name: &[u16]) -> bool {
        self.0.desk.inner.caches.delete_cache(self.0.app.key, name)
    }

    fn cache_find(&self, cache: u64, query: &Query) -> Option<Arc<Entry>> {
        self.0.desk.inner.caches.find(self.0.app.key, cache, query, self.turn_unix_ms())
    }

    fn cache_list(&self, cache: u64, query: Option<&Query>) -> Vec<Arc<Entry>> {
        self.0.desk.inner.caches.list(self.0.app.key, cache, query, self.turn_unix_ms())
    }

    fn cache_put(&self, cache: u64, entries: Vec<Entry>) -> bool {
        let link = &self.0;
        // Unloading frees what the app keeps: nothing may come after that.
        !link.app.draining.load(Ordering::Acquire)
            && link.desk.inner.caches.put(link.app.key, link.version.limits.cache_bytes, cache, entries)
    }

    fn cache_delete(&self, cache: u64, query: &Query) -> bool {
        self.0.desk.inner.caches.delete(self.0.app.key, cache, query, self.turn_unix_ms())
    }

    fn cache_bytes_max(&self) -> usize {
        self.0.version.limits.cache_bytes.min(self.0.desk.inner.limits.cache_bytes)
    }

    fn sockets(&self) -> &dyn Sockets {
        self
    }

    fn settle(&self, id: u32, message: Option<u32>, verdict: Verdict) {
        if let Some(work) = self.0.work(id)
            && let Job::Batch(batch) = &work.job
        {
            batch.settle(message, verdict);
        }
    }

    fn invoke_return(&self, id: u32, value: Value) {
        if let Some(work) = self.0.work(id) {
            self.0.finish(id, &work, Ending::Value(value));
        }
    }

    fn invoke_fail(&self, id: u32, mut error: Error, thrown: Option<Value>) {
        error.status = Status::Exception;
        if let Some(work) = self.0.work(id) {
            if let Listener::App(call) = &work.listener {
                *lock(&call.thrown) = thrown;
            }
            self.exception(error.clone());
            self.0.finish(id, &work, Ending::Error(error));
        }
    }

    fn refuse(&self, id: u32, error: Error) {
        if let Some(work) = self.0.work(id) {
            self.0.finish(id, &work, Ending::Error(error));
        }
    }
}
