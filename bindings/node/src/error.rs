//! Errors of the core as the JavaScript half's `NanoError`.

use nano_core::{Error, Result, Status, Value};
use napi::Env;
use napi::bindgen_prelude::{Function, FunctionRef, Unknown};
use napi_derive::napi;

/// Makes a `NanoError` of its code, message, stack and HTTP status.
type MakeArgs = napi::bindgen_prelude::FnArgs<(String, String, String, u32)>;
/// What each environment (the main thread, each worker) keeps for itself.
struct Makes(FunctionRef<MakeArgs, Unknown<'static>>);

/// Tells how errors are made; the JavaScript half does this first.
#[napi(catch_unwind)]
pub fn set_error_class(env: Env, make: Function<'_, MakeArgs, Unknown<'static>>) -> napi::Result<()> {
    env.set_instance_data(Makes(make.create_ref()?), (), |_| {})
}

/// Every status: its number and its name.
#[napi(catch_unwind)]
pub fn statuses() -> Vec<(i32, String)> {
    Status::ALL.iter().map(|status| (status.code(), status.name().to_string())).collect()
}

/// The exception that stands for an error of the core.
pub(crate) fn exception(env: &Env, error: Error) -> napi::Error {
    let plain = |why: napi::Error| if why.reason.is_empty() { napi::Error::from_reason(error.message.clone()) } else { why };
    let made = env.get_instance_data::<Makes>().and_then(|makes| {
        let makes = makes.ok_or_else(|| napi::Error::from_reason(error.message.clone()))?;
        let http_status = u32::from(error.http_status());
        let args = (error.status.name().to_string(), error.message.clone(), error.stack.clone(), http_status);
        makes.0.borrow_back(env)?.call(args.into())
    });
    made.map_or_else(plain, napi::Error::from)
}

/// The parts of an error, for an event that carries it.
pub(crate) fn parts(error: Error) -> Value {
    let http_status = i64::from(error.http_status());
    let name = error.status.name().to_string();
    Value::Array(vec![Value::Text(name), Value::Text(error.message), Value::Text(error.stack), Value::Int(http_status)])
}

/// The core's result as JavaScript's.
pub(crate) trait OrThrow<T> {
    fn or_throw(self, env: &Env) -> napi::Result<T>;
}

impl<T> OrThrow<T> for Result<T> {
    fn or_throw(self, env: &Env) -> napi::Result<T> {
        self.map_err(|error| exception(env, error))
    }
}

/// The error for a wrong argument.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Status::Invalid, message)
}
