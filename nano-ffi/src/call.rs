//! Host calls: what apps ask of you, by env.NAME.fetch(request), env.NAME.method(...args), env.NAME(...args), new env.NAME(...args).

use std::ffi::c_void;
use std::mem::MaybeUninit;

use nano_core::{CallContent, CallResponse, CallView, ResponseHead, Result, Status, Value, cbor};

use crate::body::{self, Given};
use crate::error::nano_error;
use crate::event::{cbor_limits, nano_call, nano_request};
use crate::guard;
use crate::options::{NANO_BODY_NONE, NANO_BODY_STREAM, NANO_BODY_WHOLE, nano_call_response};
use crate::runtime::nano_runtime;
use crate::status::nano_status;
use crate::types::{header_views, headers, nano_bytes, nano_header, start_of};

/// env.NAME.fetch(request): answer with nano_call_respond.
pub const NANO_CALL_FETCH: u32 = 1;
/// env.NAME.method(...args): answer with nano_call_return.
pub const NANO_CALL_METHOD: u32 = 2;
/// env.NAME(...args): answer with nano_call_return.
pub const NANO_CALL_FUNCTION: u32 = 3;
/// new env.NAME(...args): answer with nano_call_return and an object of that class, tag 27 over ["HostObject", "NAME", number]. The
/// number is yours to choose; a pointer will do.
pub const NANO_CALL_CONSTRUCT: u32 = 4;
/// object.method(...args): answer with nano_call_return.
pub const NANO_CALL_OBJECT_METHOD: u32 = 5;
/// object.property: answer with nano_call_return.
pub const NANO_CALL_OBJECT_GET: u32 = 6;
/// object.property = value: answer with nano_call_return; what you return is dropped. A failure goes to the app's log.
pub const NANO_CALL_OBJECT_SET: u32 = 7;
/// A file operation of an app with NANO_APP_HOST_FILES: the table is in docs/embedding-c.md.
pub const NANO_CALL_FILES: u32 = 8;

/// What an app asks. Only the library makes these; fields may be added at the end. It is a copy of the call: it stays valid
/// until nano_call_view_free, whatever becomes of the call. Fail a kind that you do not know.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_call_view {
    /// NANO_CALL_...
    pub kind: u32,
    /// Of FETCH: NANO_BODY_...; with STREAM the body comes in CALL_CHUNK events.
    pub body_kind: u32,
    /// The request on whose behalf the app calls, or 0.
    pub request: nano_request,
    /// The app's name.
    pub app: nano_bytes,
    /// The binding's name in env; of OBJECT_... the name of the class.
    pub binding: nano_bytes,
    /// Of FETCH: GET, POST, ... Of METHOD, OBJECT_METHOD and FILES: the method's name. Of OBJECT_GET and OBJECT_SET: the property's.
    pub method: nano_bytes,
    /// Of FETCH: the URL.
    pub url: nano_bytes,
    /// Of FETCH: the headers.
    pub headers: *const nano_header,
    /// How many there are.
    pub headers_count: usize,
    /// Of FETCH: the body if body_kind is NANO_BODY_WHOLE.
    pub body: nano_bytes,
    /// Of all but FETCH: the arguments, a CBOR array; of OBJECT_SET with the value alone in it.
    pub args: nano_bytes,
    /// Of OBJECT_METHOD, OBJECT_GET and OBJECT_SET: your number of the object. It is not released before the call is answered.
    pub object: u64,
    /// What you gave with the version of the app that calls, or NULL.
    pub user_data: *mut c_void,
}

/// A view with what it points into. The view comes first, so that a pointer to it is a pointer to all.
#[repr(C)]
struct OwnedView {
    view: nano_call_view,
    call: CallView,
    headers: Vec<nano_header>,
    args: Vec<u8>,
}

/// What a call asks. NANO_E_NOT_FOUND if it has been answered or given up.
#[unsafe(no_mangle)]
pub extern "C" fn nano_call_request(
    runtime: Option<&nano_runtime>,
    call: nano_call,
    view: Option<&mut MaybeUninit<*mut nano_call_view>>,
) -> nano_status {
    guard::status(|| {
        let view = guard::out(view, "view")?.write(std::ptr::null_mut());
        let owned = OwnedView::new(guard::handle(runtime, "runtime")?.core.call_view(call)?)?;
        *view = Box::into_raw(owned).cast();
        Ok(Status::Ok)
    })
}

/// Frees a view. The call goes on waiting for its answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_call_view_free(view: *mut nano_call_view) {
    if !view.is_null() {
        // SAFETY: nano_call_request made it from a box of `OwnedView`, whose first field it points to.
        guard::free(unsafe { Box::from_raw(view.cast::<OwnedView>()) });
    }
}

/// Answers a fetch call. With NANO_BODY_STREAM the body follows by nano_call_write and nano_call_end. If this fails the
/// call still waits, unless it was not found.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_call_respond(
    runtime: Option<&nano_runtime>,
    call: nano_call,
    response: *const nano_call_response,
    error: Option<&mut MaybeUninit<Option<Box<nano_error>>>>,
) -> nano_status {
    // SAFETY: the caller's struct has as many bytes as its size says.
    let answer = unsafe { Given::take(response) };
    guard::explained(error, move || {
        // SAFETY: the struct's pointers are valid for the call.
        let response = unsafe { answer?.into_core() }?;
        guard::handle(runtime, "runtime")?.core.call_respond(call, response)?;
        Ok(Status::Ok)
    })
}

/// Answers a call of any kind but FETCH with a value in CBOR; {NULL, 0} is undefined. Each object in the value is held by the app
/// from here on, if this succeeds: one NANO_EVENT_RELEASE follows for each, sooner or later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_call_return(
    runtime: Option<&nano_runtime>,
    call: nano_call,
    value: nano_bytes,
    error: Option<&mut MaybeUninit<Option<Box<nano_error>>>>,
) -> nano_status {
    guard::explained(error, || {
        // SAFETY: the caller lends the bytes for the call.
        let bytes = unsafe { value.slice("value") }?;
        let value = if bytes.is_empty() { Value::Undefined } else { cbor::decode(bytes, &cbor_limits())? };
        guard::handle(runtime, "runtime")?.core.call_return(call, value)?;
        Ok(Status::Ok)
    })
}

/// Appends to the body of an answer with NANO_BODY_STREAM; how much was taken is stored in accepted. NANO_AGAIN if that is
/// less than all: a WRITABLE event with the call's id says when to offer the rest. Never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_call_write(
    runtime: Option<&nano_runtime>,
    call: nano_call,
    bytes: nano_bytes,
    accepted: Option<&mut MaybeUninit<usize>>,
) -> nano_status {
    // SAFETY: the caller lends the bytes for the call.
    unsafe { body::append(runtime, bytes, accepted, |core, bytes| core.call_write(call, bytes)) }
}

/// Ends the body of an answer with NANO_BODY_STREAM.
#[unsafe(no_mangle)]
pub extern "C" fn nano_call_end(runtime: Option<&nano_runtime>, call: nano_call) -> nano_status {
    body::tell(runtime, |core| core.call_end(call))
}

/// Fails a call: the app's promise is rejected with this message, which the app can read. After nano_call_respond with
/// NANO_BODY_STREAM it breaks the body off instead.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_call_fail(runtime: Option<&nano_runtime>, call: nano_call, message: nano_bytes) -> nano_status {
    guard::status(|| {
        // SAFETY: the caller lends the bytes for the call.
        let message = unsafe { message.text("message") }?;
        guard::handle(runtime, "runtime")?.core.call_fail(call, message)?;
        Ok(Status::Ok)
    })
}

/// Fails a call as nano_call_fail does, with an error of this name: of JavaScript's class of the same name, or a DOMException, if it is one of
/// theirs, otherwise an Error whose name it is. A FETCH, whose errors are TypeErrors, and a body that is broken off have "name: message" as their message; of
/// FILES the name is the DOMException's. An empty name is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_call_throw(
    runtime: Option<&nano_runtime>,
    call: nano_call,
    name: nano_bytes,
    message: nano_bytes,
) -> nano_status {
    guard::status(|| {
        // SAFETY: the caller lends both for the call.
        let (name, message) = unsafe { (name.text("name")?, message.text("message")?) };
        guard::handle(runtime, "runtime")?.core.call_throw(call, name, message)?;
        Ok(Status::Ok)
    })
}

/// Makes room for bytes more of the body of an app's call: as many as you have passed on or dropped of its CALL_CHUNK
/// events. It begins with room for 64 KiB.
#[unsafe(no_mangle)]
pub extern "C" fn nano_call_credit(runtime: Option<&nano_runtime>, call: nano_call, bytes: u32) -> nano_status {
    body::tell(runtime, |core| core.credit(call, bytes))
}

impl OwnedView {
    fn new(call: CallView) -> Result<Box<Self>> {
        let mut view = nano_call_view {
            kind: NANO_CALL_METHOD,
            body_kind: NANO_BODY_NONE,
            request: call.request,
            app: nano_bytes::of(call.app.as_bytes()),
            binding: nano_bytes::of(call.binding.as_bytes()),
            method: nano_bytes::EMPTY,
            url: nano_bytes::EMPTY,
            headers: std::ptr::null(),
            headers_count: 0,
            body: nano_bytes::EMPTY,
            args: nano_bytes::EMPTY,
            object: 0,
            user_data: call.user_data as usize as *mut c_void,
        };
        let mut args_cbor = Vec::new();
        let mut views = Vec::new();
        match &call.content {
            CallContent::Fetch { head, body, streaming } => {
                views = header_views(&head.headers);
                view.kind = NANO_CALL_FETCH;
                view.method = nano_bytes::of(head.method.as_bytes());
                view.url = nano_bytes::of(head.url.as_bytes());
                view.body = nano_bytes::of(body);
                view.body_kind = match (streaming, body.is_empty()) {
                    (true, _) => NANO_BODY_STREAM,
                    (false, false) => NANO_BODY_WHOLE,
                    (false, true) => NANO_BODY_NONE,
                };
            }
            CallContent::Method { name, args } => {
                view.method = nano_bytes::of(name.as_bytes());
                encode_args(args, &mut args_cbor)?;
            }
            CallContent::Function { args } => {
                view.kind = NANO_CALL_FUNCTION;
                encode_args(args, &mut args_cbor)?;
            }
            CallContent::Construct { args } => {
                view.kind = NANO_CALL_CONSTRUCT;
                encode_args(args, &mut args_cbor)?;
            }
            CallContent::ObjectMethod { object, name, args } => {
                (view.kind, view.object, view.method) = (NANO_CALL_OBJECT_METHOD, object.id, nano_bytes::of(name.as_bytes()));
                encode_args(args, &mut args_cbor)?;
            }
            CallContent::ObjectGet { object, name } => {
                (view.kind, view.object, view.method) = (NANO_CALL_OBJECT_GET, object.id, nano_bytes::of(name.as_bytes()));
                encode_args(&[], &mut args_cbor)?;
            }
            CallContent::ObjectSet { object, name, value } => {
                (view.kind, view.object, view.method) = (NANO_CALL_OBJECT_SET, object.id, nano_bytes::of(name.as_bytes()));
                encode_args(std::slice::from_ref(value), &mut args_cbor)?;
            }
            CallContent::Files { name, args } => {
                (view.kind, view.method) = (NANO_CALL_FILES, nano_bytes::of(name.as_bytes()));
                encode_args(args, &mut args_cbor)?;
            }
        }
        (view.headers, view.headers_count) = (start_of(&views), views.len());
        view.args = nano_bytes::of(&args_cbor);
        Ok(Box::new(Self { view, call, headers: views, args: args_cbor }))
    }
}

fn encode_args(args: &[Value], into: &mut Vec<u8>) -> Result<()> {
    // `Value::Array` wants to own them; a copy of a call's arguments is bounded by CALL_BYTES_MAX.
    cbor::encode(&Value::Array(args.to_vec()), into, &cbor_limits())
}

impl Given<nano_call_response> {
    /// # Safety
    ///
    /// The struct's pointers must be valid.
    unsafe fn into_core(self) -> Result<CallResponse> {
        // SAFETY: the caller's promise.
        unsafe {
            let (response, body) = self.read()?;
            let status = u16::try_from(response.status).map_err(|_| guard::invalid("a response's status is 200 to 599"))?;
            let status_text = response.status_text.text("status_text")?.to_string();
            let headers = headers(response.headers, response.headers_count)?;
            Ok(CallResponse { head: ResponseHead { status, status_text, headers }, body })
        }
    }
}
