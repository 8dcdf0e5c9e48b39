//! Invocations: calling any function that an app exports.

use std::ffi::c_void;
use std::mem::MaybeUninit;

use nano_core::{Result, Status, Value, cbor};

use crate::app::nano_app;
use crate::dispatch::timeout_of;
use crate::error::nano_error;
use crate::event::{cbor_limits, nano_event, nano_request};
use crate::guard::{self, invalid};
use crate::status::nano_status;
use crate::types::nano_bytes;

/// Calls the function that the app exports under this name, with the arguments in args: a CBOR array, or {NULL, 0} for
/// none. Never blocks. One RESULT or ERROR event follows, with the id and user_data; nano_request_cancel gives it up.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_invoke(
    app: Option<&nano_app>,
    export_name: nano_bytes,
    args: nano_bytes,
    user_data: *mut c_void,
    id: Option<&mut MaybeUninit<nano_request>>,
    error: Option<&mut MaybeUninit<Option<Box<nano_error>>>>,
) -> nano_status {
    guard::explained(error, || {
        let id = guard::out(id, "id")?.write(0);
        // SAFETY: the caller lends both for the call.
        let (name, args) = unsafe { (export_name.text("export_name")?, args.slice("args")?) };
        *id = guard::handle(app, "app")?.0.invoke(name, arguments(args)?, user_data as usize as u64)?;
        Ok(Status::Ok)
    })
}

/// The same, and waits: result becomes the RESULT event, with its value and account, to be released with
/// nano_event_release. NANO_TIMEOUT, and the invocation ended, when timeout_ms has passed first; with 0 only the app's own
/// limits count. Blocks.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_invoke_wait(
    app: Option<&nano_app>,
    export_name: nano_bytes,
    args: nano_bytes,
    timeout_ms: u32,
    result: Option<&mut MaybeUninit<nano_event>>,
    error: Option<&mut MaybeUninit<Option<Box<nano_error>>>>,
) -> nano_status {
    guard::explained(error, || {
        let result = guard::out(result, "result")?.write(nano_event::none());
        // SAFETY: the caller lends both for the call.
        let (name, args) = unsafe { (export_name.text("export_name")?, args.slice("args")?) };
        let (value, account) = guard::handle(app, "app")?.0.invoke_wait(name, arguments(args)?, timeout_of(timeout_ms))?;
        *result = nano_event::of_result(&value, account)?;
        Ok(Status::Ok)
    })
}

/// Calls the app's scheduled() for this time, in milliseconds since 1970, with these words as controller.cron: for hosts that have a
/// scheduler of their own; the app's crons have no part in it. Never blocks. One RESULT event follows, of an object with outcome ("ok")
/// and noRetry (true or false), or an ERROR event.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_app_schedule(
    app: Option<&nano_app>,
    cron: nano_bytes,
    time_unix_ms: u64,
    user_data: *mut c_void,
    id: Option<&mut MaybeUninit<nano_request>>,
    error: Option<&mut MaybeUninit<Option<Box<nano_error>>>>,
) -> nano_status {
    guard::explained(error, || {
        let id = guard::out(id, "id")?.write(0);
        // SAFETY: the caller lends it for the call.
        let cron = unsafe { cron.text("cron") }?;
        *id = guard::handle(app, "app")?.0.schedule(cron, time_unix_ms as f64, user_data as usize as u64)?;
        Ok(Status::Ok)
    })
}

fn arguments(args: &[u8]) -> Result<Vec<Value>> {
    if args.is_empty() {
        return Ok(Vec::new());
    }
    match cbor::decode(args, &cbor_limits())? {
        Value::Array(args) => Ok(args),
        _ => Err(invalid("args is not a CBOR array")),
    }
}
