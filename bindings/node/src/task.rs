//! What blocks, on a thread of libuv's pool, as a promise.

use napi::bindgen_prelude::{AsyncTask, ToNapiValue, TypeName};
use napi::{Env, Task};

use crate::error::OrThrow;

type Work<T> = Box<dyn FnOnce() -> nano_core::Result<T> + Send>;

/// A piece of work that blocks.
pub struct Blocking<T>(Option<Work<T>>);

/// Has it done; the promise is rejected with the core's error.
pub(crate) fn blocking<T>(work: impl FnOnce() -> nano_core::Result<T> + Send + 'static) -> AsyncTask<Blocking<T>>
where
    T: Send + ToNapiValue + TypeName + 'static,
{
    AsyncTask::new(Blocking(Some(Box::new(work))))
}

impl<T: Send + ToNapiValue + TypeName + 'static> Task for Blocking<T> {
    // The core's error is an output: only the thread of the environment can make a `NanoError` of it.
    type Output = nano_core::Result<T>;
    type JsValue = T;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let work = self.0.take().ok_or_else(|| napi::Error::from_reason("done before"))?;
        Ok(work())
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> napi::Result<T> {
        output.or_throw(&env)
    }
}
