//! Requests: from acceptance to their one terminal event.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::time::Duration;

use nano_core::{RequestHead, RequestInit, Result, Status};

use crate::app::nano_app;
use crate::body::{self, Given};
use crate::error::nano_error;
use crate::event::nano_request;
use crate::guard;
use crate::options::nano_request_init;
use crate::response::nano_response;
use crate::runtime::nano_runtime;
use crate::status::nano_status;
use crate::types::{headers, nano_bytes};

/// Hands a request over and stores its id; never blocks. Its events carry the id and user_data, and exactly one of them
/// has NANO_FLAG_END. If this fails there are no events. NANO_E_TOO_LARGE for a URL, headers or body over the app's
/// limits, NANO_E_OVERLOADED while too much waits; nano_error_http_status says what to answer the client.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_dispatch(
    app: Option<&nano_app>,
    init: *const nano_request_init,
    user_data: *mut c_void,
    id: Option<&mut MaybeUninit<nano_request>>,
    error: Option<&mut MaybeUninit<Option<Box<nano_error>>>>,
) -> nano_status {
    // SAFETY: the caller's struct has as many bytes as its size says.
    let request = unsafe { Given::take(init) };
    guard::explained(error, move || {
        let id = guard::out(id, "id")?.write(0);
        // SAFETY: the struct's pointers are valid for the call.
        let init = unsafe { request?.into_core(user_data as usize as u64) }?;
        *id = guard::handle(app, "app")?.0.dispatch(init)?;
        Ok(Status::Ok)
    })
}

/// Dispatches a request and waits for its whole response, which is yours to free. No event comes of it. Its body is NONE
/// or WHOLE. NANO_TIMEOUT, and the request ended, when timeout_ms has passed first; with 0 only the app's own limits
/// count. Blocks.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_fetch(
    app: Option<&nano_app>,
    init: *const nano_request_init,
    timeout_ms: u32,
    response: Option<&mut MaybeUninit<Option<Box<nano_response>>>>,
    error: Option<&mut MaybeUninit<Option<Box<nano_error>>>>,
) -> nano_status {
    // SAFETY: the caller's struct has as many bytes as its size says.
    let request = unsafe { Given::take(init) };
    guard::explained(error, move || {
        let response = guard::out(response, "response")?.write(None);
        // SAFETY: the struct's pointers are valid for the call.
        let init = unsafe { request?.into_core(0) }?;
        let answer = guard::handle(app, "app")?.0.fetch(init, timeout_of(timeout_ms))?;
        *response = Some(Box::new(nano_response::new(answer.head, answer.body, answer.account)));
        Ok(Status::Ok)
    })
}

/// Appends to the body of a request with NANO_BODY_STREAM, or of one with NANO_BODY_UPGRADE that is a WebSocket by now; how
/// much was taken is stored in accepted. NANO_AGAIN if that is less than all: a WRITABLE event says when to offer the rest.
/// Never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_request_write(
    runtime: Option<&nano_runtime>,
    id: nano_request,
    bytes: nano_bytes,
    accepted: Option<&mut MaybeUninit<usize>>,
) -> nano_status {
    // SAFETY: the caller lends the bytes for the call.
    unsafe { body::append(runtime, bytes, accepted, |core, bytes| core.request_write(id, bytes)) }
}

/// Ends the body of a request with NANO_BODY_STREAM, or what the client of a WebSocket sends.
#[unsafe(no_mangle)]
pub extern "C" fn nano_request_end(runtime: Option<&nano_runtime>, id: nano_request) -> nano_status {
    body::tell(runtime, |core| core.request_end(id))
}

/// The body of a request with NANO_BODY_STREAM was cut short: the app's read of it fails with this text, and the app may
/// still answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_request_abort(runtime: Option<&nano_runtime>, id: nano_request, why: nano_bytes) -> nano_status {
    guard::status(|| {
        // SAFETY: the caller lends the bytes for the call.
        let why = unsafe { why.text("why") }?;
        guard::handle(runtime, "runtime")?.core.request_abort_body(id, why)?;
        Ok(Status::Ok)
    })
}

/// Gives a request or invocation up: an ERROR event with NANO_E_CANCELED ends it, and the app learns of it by its abort
/// signal. NANO_E_NOT_FOUND if it has ended; its last event may still wait in the queue.
#[unsafe(no_mangle)]
pub extern "C" fn nano_request_cancel(runtime: Option<&nano_runtime>, id: nano_request) -> nano_status {
    body::tell(runtime, |core| core.request_cancel(id))
}

/// Makes room for bytes more of a response's body: as many as you have passed on or dropped of its CHUNK events. It begins
/// with room for 64 KiB, and may go over it by one chunk.
#[unsafe(no_mangle)]
pub extern "C" fn nano_response_credit(runtime: Option<&nano_runtime>, id: nano_request, bytes: u32) -> nano_status {
    body::tell(runtime, |core| core.credit(id, bytes))
}

/// The time that a blocking call was given.
pub(crate) fn timeout_of(timeout_ms: u32) -> Option<Duration> {
    (timeout_ms > 0).then(|| Duration::from_millis(timeout_ms.into()))
}

impl Given<nano_request_init> {
    /// # Safety
    ///
    /// The struct's pointers must be valid.
    unsafe fn into_core(self, user_data: u64) -> Result<RequestInit> {
        // SAFETY: the caller's promise.
        unsafe {
            let (init, body) = self.read()?;
            let head = RequestHead {
                method: nano_core::method(init.method.text("method")?),
                url: init.url.text("url")?.to_string(),
                headers: headers(init.headers, init.headers_count)?,
            };
            Ok(RequestInit { head, body, user_data, deadline_ms: init.deadline_ms })
        }
    }
}
