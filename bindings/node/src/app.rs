//! A loaded app.

use std::time::Duration;

use nano_core::{Body, RequestHead, RequestInit};
use napi::Env;
use napi::bindgen_prelude::{AsyncTask, Latin1String};
use napi_derive::napi;

use crate::calls::headers;
use crate::error::OrThrow;
use crate::options::{GivenApp, GivenMore, whole};
use crate::task::{Blocking, blocking};
use crate::values;

#[napi]
pub struct App(pub(crate) nano_core::App);

#[napi]
impl App {
    #[napi(getter, catch_unwind)]
    pub fn name(&self) -> String {
        self.0.name().to_string()
    }

    /// Hands a request over: `kind` says what its body is if it is not `body`, as `lib/runtime.js` numbers it. A quiet one begins when the
    /// runtime is told to wake.
    #[napi(catch_unwind)]
    #[allow(clippy::too_many_arguments, reason = "the parts of a request, by position because a request's every microsecond counts")]
    pub fn dispatch(
        &self,
        env: Env,
        token: f64,
        method: String,
        url: String,
        flat: Option<Latin1String>,
        body: Option<&[u8]>,
        kind: u32,
        deadline_ms: u32,
        quiet: bool,
    ) -> napi::Result<u64> {
        let sent = headers(flat.as_deref()).and_then(|headers| {
            let body = match kind {
                1 => Body::Stream,
                2 => Body::Upgrade,
                _ => body.map_or(Body::None, |body| Body::Whole(body.to_vec())),
            };
            let head = RequestHead { method: method.into(), url, headers };
            let init = RequestInit { head, body, user_data: token as u64, deadline_ms };
            if quiet { self.0.dispatch_quietly(init) } else { self.0.dispatch(init) }
        });
        sent.or_throw(&env)
    }

    #[napi(catch_unwind)]
    pub fn invoke(&self, env: Env, token: f64, export: String, args: &[u8]) -> napi::Result<u64> {
        values::arguments(args).and_then(|args| self.0.invoke(&export, args, token as u64)).or_throw(&env)
    }

    #[napi(catch_unwind)]
    pub fn schedule(&self, env: Env, token: f64, cron: String, time_ms: f64) -> napi::Result<u64> {
        self.0.schedule(&cron, time_ms, token as u64).or_throw(&env)
    }

    #[napi(catch_unwind)]
    pub fn reload(
        &self,
        env: Env,
        source_kind: String,
        source: String,
        limits: Option<Vec<(String, f64)>>,
        lazy: bool,
        more: Option<GivenMore>,
    ) -> napi::Result<AsyncTask<Blocking<()>>> {
        let name = self.0.name().to_string();
        let options = GivenApp { name, source_kind, source, limits, lazy, more }.into_core().or_throw(&env)?;
        let app = self.0.clone();
        Ok(blocking(move || app.reload(options)))
    }

    #[napi(catch_unwind)]
    pub fn unload(&self, env: Env, grace_ms: f64) -> napi::Result<AsyncTask<Blocking<()>>> {
        let grace = Duration::from_millis(whole("graceMs", grace_ms).or_throw(&env)?);
        let app = self.0.clone();
        Ok(blocking(move || app.unload(grace)))
    }

    #[napi(catch_unwind)]
    pub fn kill(&self) -> AsyncTask<Blocking<u32>> {
        let app = self.0.clone();
        blocking(move || app.kill())
    }

    #[napi(catch_unwind)]
    pub fn stats(&self) -> Vec<(String, f64)> {
        self.0.stats().rows().into_iter().map(|(name, count)| (name.to_string(), count as f64)).collect()
    }
}
