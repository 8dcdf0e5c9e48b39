//! A runtime: what starts threads, and whose queue Node polls.

use std::sync::Arc;
use std::time::Duration;

use nano_core::{Clock, Event, EventMask, QueueStats, Roots, RuntimeLimits, RuntimeOptions};
use napi::Env;
use napi::bindgen_prelude::{AsyncTask, BigInt, Function, Latin1String, Uint8Array};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;

use crate::app::App;
use crate::error::{OrThrow, invalid};
use crate::listener::{GivenListener, GivenRoute, Listener};
use crate::options::{GivenApp, GivenMore, set_runtime_limits, whole};
use crate::task::{Blocking, blocking};
use crate::{calls, events, values};

/// How to make a runtime.
#[napi(object, object_to_js = false)]
pub struct GivenRuntime {
    pub limits: Vec<(String, f64)>,
    pub logs: bool,
    pub apps: bool,
    pub manual_clock: bool,
    pub clock_unix_ms: Option<f64>,
    pub roots: String,
}

impl GivenRuntime {
    fn into_core(self) -> nano_core::Result<RuntimeOptions> {
        let mut options = RuntimeOptions { events: EventMask { logs: self.logs, apps: self.apps }, ..RuntimeOptions::default() };
        let mut limits = RuntimeLimits::default();
        set_runtime_limits(&mut limits, &self.limits)?;
        options.limits = limits;
        options.clock = match (self.manual_clock, self.clock_unix_ms) {
            (false, None) => Clock::system(),
            (false, Some(_)) => return Err(invalid("clockUnixMs is for a runtime with manualClock")),
            (true, None) => Clock::manual(),
            (true, Some(ms)) => match whole("clockUnixMs", ms)? {
                ms if ms > nano_core::limits::MANUAL_CLOCK_UNIX_MS_MAX => return Err(invalid("clockUnixMs is beyond the year 9999")),
                ms => Clock::manual_at(ms),
            },
        };
        if !self.roots.is_empty() {
            options.roots = Roots::parse(&self.roots).ok_or_else(|| invalid("roots is none of webpki, system and file:PATH"))?;
        }
        Ok(options)
    }
}

#[napi]
pub struct Runtime {
    core: Arc<nano_core::Runtime>,
}

#[napi]
impl Runtime {
    /// `bell` is called, on the thread that makes the runtime, when there is something to poll. It does not keep the process alive.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, options: GivenRuntime, bell: Function<'_, (), ()>) -> napi::Result<Self> {
        let bell = bell.build_threadsafe_function::<()>().weak::<true>().callee_handled::<false>().max_queue_size::<1>().build()?;
        let core = options.into_core().and_then(nano_core::Runtime::new).or_throw(&env)?;
        // A full queue is a bell that has been rung already, a closing one has nobody to hear it.
        core.set_doorbell(Some(Box::new(move || {
            bell.call((), ThreadsafeFunctionCallMode::NonBlocking);
        })));
        Ok(Self { core: Arc::new(core) })
    }

    #[napi(catch_unwind)]
    #[allow(clippy::too_many_arguments, reason = "the parts of a `GivenApp`")]
    pub fn load(
        &self,
        env: Env,
        name: String,
        source_kind: String,
        source: String,
        limits: Option<Vec<(String, f64)>>,
        lazy: bool,
        more: Option<GivenMore>,
    ) -> napi::Result<AsyncTask<Blocking<App>>> {
        let options = GivenApp { name, source_kind, source, limits, lazy, more }.into_core().or_throw(&env)?;
        let core = self.core.clone();
        Ok(blocking(move || core.load(options).map(App)))
    }

    /// The same on this thread, for a small text of a lazy app: to hand that to another thread costs more than to read it.
    #[napi(catch_unwind)]
    pub fn load_here(
        &self,
        env: Env,
        name: String,
        source_kind: String,
        source: String,
        limits: Option<Vec<(String, f64)>>,
        more: Option<GivenMore>,
    ) -> napi::Result<App> {
        let options = GivenApp { name, source_kind, source, limits, lazy: true, more };
        options.into_core().and_then(|options| self.core.load(options)).or_throw(&env).map(App)
    }

    #[napi(catch_unwind)]
    pub fn listen(&self, env: Env, options: GivenListener, routes: Vec<GivenRoute<'_>>) -> napi::Result<Listener> {
        options.into_core(&routes).and_then(|options| self.core.listen(options)).or_throw(&env).map(Listener)
    }

    /// Has apps begin with what they were handed by a quiet dispatch.
    #[napi(catch_unwind)]
    pub fn wake(&self) {
        self.core.wake();
    }

    /// Takes up to so many events: their bytes, or nothing if there is none.
    #[napi(catch_unwind)]
    pub fn poll(&self, env: Env, max: u32) -> napi::Result<Option<Uint8Array>> {
        let mut taken: Vec<Event> = Vec::new();
        let count = self.core.poll(max as usize, &mut taken).or_throw(&env)?;
        if count == 0 {
            return Ok(None);
        }
        events::batch(taken).or_throw(&env).map(|bytes| Some(Uint8Array::new(bytes)))
    }

    #[napi(catch_unwind)]
    pub fn request_write(&self, env: Env, id: BigInt, data: &[u8]) -> napi::Result<u32> {
        self.core.request_write(number(&id), data).or_throw(&env).map(|taken| taken as u32)
    }

    #[napi(catch_unwind)]
    pub fn request_end(&self, env: Env, id: BigInt) -> napi::Result<()> {
        self.core.request_end(number(&id)).or_throw(&env)
    }

    #[napi(catch_unwind)]
    pub fn request_abort_body(&self, env: Env, id: BigInt, why: String) -> napi::Result<()> {
        self.core.request_abort_body(number(&id), &why).or_throw(&env)
    }

    #[napi(catch_unwind)]
    pub fn request_cancel(&self, env: Env, id: BigInt) -> napi::Result<()> {
        self.core.request_cancel(number(&id)).or_throw(&env)
    }

    #[napi(catch_unwind)]
    pub fn credit(&self, env: Env, id: BigInt, count: u32) -> napi::Result<()> {
        self.core.credit(number(&id), count).or_throw(&env)
    }

    #[napi(catch_unwind)]
    pub fn call_view(&self, env: Env, id: BigInt) -> napi::Result<Uint8Array> {
        self.core.call_view(number(&id)).and_then(calls::message).or_throw(&env).map(Uint8Array::new)
    }

    #[napi(catch_unwind)]
    pub fn call_respond(
        &self,
        env: Env,
        id: BigInt,
        status: u32,
        status_text: String,
        flat: Option<Latin1String>,
        body: Option<&[u8]>,
    ) -> napi::Result<()> {
        let status = u16::try_from(status).map_err(|_| invalid("a response's status is 200 to 599"));
        let response = status.and_then(|status| calls::response(status, status_text, flat.as_deref(), body));
        response.and_then(|response| self.core.call_respond(number(&id), response)).or_throw(&env)
    }

    #[napi(catch_unwind)]
    pub fn call_return(&self, env: Env, id: BigInt, value: &[u8]) -> napi::Result<()> {
        values::value_of(value).and_then(|value| self.core.call_return(number(&id), value)).or_throw(&env)
    }

    #[napi(catch_unwind)]
    pub fn call_throw(&self, env: Env, id: BigInt, name: String, message: String) -> napi::Result<()> {
        self.core.call_throw(number(&id), &name, &message).or_throw(&env)
    }

    #[napi(catch_unwind)]
    pub fn call_write(&self, env: Env, id: BigInt, data: &[u8]) -> napi::Result<u32> {
        self.core.call_write(number(&id), data).or_throw(&env).map(|taken| taken as u32)
    }

    #[napi(catch_unwind)]
    pub fn call_end(&self, env: Env, id: BigInt) -> napi::Result<()> {
        self.core.call_end(number(&id)).or_throw(&env)
    }

    #[napi(catch_unwind)]
    pub fn advance(&self, env: Env, ms: f64) -> napi::Result<()> {
        whole("ms", ms).and_then(|ms| self.core.advance_clock(ms)).or_throw(&env)
    }

    #[napi(catch_unwind)]
    pub fn stats(&self) -> Vec<(String, f64)> {
        self.core.stats().rows().into_iter().map(|(name, count)| (name.to_string(), count as f64)).collect()
    }

    /// The counts of each queue, in the order of the JavaScript half's `QUEUE_COUNTS`.
    #[napi(catch_unwind)]
    pub fn queues(&self) -> Vec<(String, Vec<f64>)> {
        // One that has become empty in between is none any more.
        let counted = self.core.queues().into_iter().filter_map(|name| self.core.queue_stats(&name).map(|stats| (name, stats)));
        counted.map(|(name, stats)| (name, counts(stats))).collect()
    }

    #[napi(catch_unwind)]
    pub fn metrics(&self) -> String {
        self.core.metrics()
    }

    #[napi(catch_unwind)]
    pub fn drain(&self, env: Env, grace_ms: f64) -> napi::Result<AsyncTask<Blocking<bool>>> {
        let grace = Duration::from_millis(whole("graceMs", grace_ms).or_throw(&env)?);
        let core = self.core.clone();
        Ok(blocking(move || Ok(core.drain(grace))))
    }

    /// Ends every request and stops the threads; what is left in the queue can still be polled.
    #[napi(catch_unwind)]
    pub fn close(&self) -> AsyncTask<Blocking<()>> {
        let core = self.core.clone();
        blocking(move || {
            core.free();
            Ok(())
        })
    }
}

impl Drop for Runtime {
    /// Also when its environment ends (a worker's, or the process's): from then on nobody may be rung for.
    fn drop(&mut self) {
        self.core.set_doorbell(None);
        self.core.free();
    }
}

fn counts(stats: QueueStats) -> Vec<f64> {
    let QueueStats { messages, bytes, sent, acked, retried, dead, dropped } = stats;
    [messages, bytes, sent, acked, retried, dead, dropped].map(|count| count as f64).into()
}

/// An id of the core's.
fn number(id: &BigInt) -> u64 {
    id.get_u64().1
}
