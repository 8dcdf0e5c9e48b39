//! Requests, responses, bodies and calls: JavaScript's requests to the shard, by id.

use nano_base::http::{Headers, RequestHead, ResponseHead};
use nano_base::limits::HTTP_HEAD_BYTES_MAX;
use nano_base::status::{Error, Status};

use super::encoding::return_bytes;
use super::ops::{byte_string, integer, text, utf8};
use crate::engine::values::{self, Arguments, Receiver};
use crate::engine::{bytes, exceptions};
use crate::inspector::uncaught;
use crate::isolate::host::{Outbound, Piped, Pull};
use crate::isolate::state::State;

type Args<'s> = v8::FunctionCallbackArguments<'s>;
type Return<'s> = v8::ReturnValue<'s>;

/// `bodyKind(id)`
pub(super) fn body_kind(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let id = integer(scope, &args, 0);
    rv.set_uint32(State::host(scope).map_or(0, |host| host.body_kind(id)));
}

/// `isForApp(id)`
pub(super) fn is_for_app(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let id = integer(scope, &args, 0);
    rv.set_bool(State::host(scope).is_some_and(|host| host.is_for_app(id)));
}

/// `bodyLength(id)`
pub(super) fn body_length(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let id = integer(scope, &args, 0);
    if let Some(length) = State::host(scope).and_then(|host| host.body_length(id)) {
        rv.set_double(length as f64);
    }
}

/// `bodyTake(id)`
pub(super) fn body_take(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let id = integer(scope, &args, 0);
    let body = State::host(scope).map(|host| host.body_take(id)).unwrap_or_default();
    return_bytes(scope, &mut rv, body);
}

/// `bodyPull(id)`
pub(super) fn body_pull(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let id = integer(scope, &args, 0);
    match State::host(scope).map(|host| host.body_pull(id)) {
        Some(Pull::Chunk(chunk)) => return_bytes(scope, &mut rv, chunk),
        Some(Pull::End) | None => rv.set_null(),
        Some(Pull::Pending) => {}
        Some(Pull::Broken(why)) => exceptions::throw_type_error(scope, &why),
    }
}

/// `bodyCancel(id)`
pub(super) fn body_cancel(scope: &mut v8::PinScope, args: Args, _rv: Return) {
    let id = integer(scope, &args, 0);
    if let Some(host) = State::host(scope) {
        host.body_cancel(id);
    }
}

/// `respond(id, status, statusText, headers, body)`
pub(super) fn respond(scope: &mut v8::PinScope, args: Args, _rv: Return) {
    let id = integer(scope, &args, 0);
    let Some(head) = response_head(scope, &args, id) else { return };
    let body = whole_body(scope, args.get(4));
    if let Some(host) = State::host(scope) {
        host.respond(id, head, body);
    }
}

/// `respondHead(id, status, statusText, headers, length)`
pub(super) fn respond_head(scope: &mut v8::PinScope, args: Args, _rv: Return) {
    let id = integer(scope, &args, 0);
    let Some(head) = response_head(scope, &args, id) else { return };
    let length = length(scope, args.get(4));
    if let Some(host) = State::host(scope) {
        host.respond_head(id, head, length);
    }
}

/// The head of a request's response; none, and the request has failed, if it is too long to be anybody's.
fn response_head(scope: &mut v8::PinScope, args: &Args, id: u32) -> Option<ResponseHead> {
    if let Err(why) = check_head("response", args.get(2), args.get(3)) {
        if let Some(host) = State::host(scope) {
            host.fail(id, Error::new(Status::TooLarge, why).with_http_status(502));
        }
        return None;
    }
    let headers = Headers::from_flat(byte_string(scope, args.get(3))?);
    Some(ResponseHead { status: integer(scope, args, 1) as u16, status_text: text(scope, args, 2), headers })
}

/// Whether a head that an app sends is as long as others take, with the word of its choice in the first line: looked at before any of it is
/// copied, for who writes it to a connection has others to look after.
pub(super) fn check_head(of: &str, word: v8::Local<v8::Value>, headers: v8::Local<v8::Value>) -> Result<(), String> {
    let len = |value| v8::Local::<v8::String>::try_from(value).map_or(0, |string| string.length());
    let bytes = len(word) + len(headers);
    if bytes <= HTTP_HEAD_BYTES_MAX {
        return Ok(());
    }
    Err(format!("the head of the {of} has {bytes} bytes, with all its headers; the limit head_bytes is {HTTP_HEAD_BYTES_MAX}"))
}

/// How many bytes a stream has, or undefined.
fn length(scope: &v8::PinScope, value: v8::Local<v8::Value>) -> Option<u64> {
    value.number_value(scope).filter(|length| *length >= 0.0).map(|length| length as u64)
}

/// A string, bytes, the id of a whole native body, or nothing.
fn whole_body(scope: &v8::PinScope, body: v8::Local<v8::Value>) -> Vec<u8> {
    if let Ok(id) = v8::Local::<v8::Uint32>::try_from(body) {
        return State::host(scope).map(|host| host.body_take(id.value())).unwrap_or_default();
    }
    if body.is_string() { utf8(scope, body) } else { bytes::from_value(body).unwrap_or_default() }
}

/// How much of a whole body is copied; a native one is not.
fn len_of(scope: &v8::PinScope, body: v8::Local<v8::Value>) -> usize {
    match v8::Local::<v8::String>::try_from(body) {
        Ok(string) => string.utf8_length(scope),
        Err(_) => bytes::len(body).unwrap_or(0),
    }
}

/// `write(id, bytes, start, end)`
pub(super) fn write(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let id = integer(scope, &args, 0);
    let (start, end) = (integer(scope, &args, 2) as usize, integer(scope, &args, 3) as usize);
    let part = |bytes: &[u8]| bytes.get(start..end).unwrap_or_default().to_vec();
    let chunk = bytes::with(args.get(1), part).unwrap_or_default();
    if let Some(host) = State::host(scope) {
        match host.write(id, chunk) {
            Some(credit) => rv.set_double(credit as f64),
            None => rv.set_null(),
        }
    }
}

/// `room(id, length)`
pub(super) fn room(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let (id, length) = (integer(scope, &args, 0), integer(scope, &args, 1) as usize);
    rv.set_double(State::host(scope).map_or(length, |host| host.room(id, length)) as f64);
}

/// `pipe(from, to)`: 0 when there is nothing more yet, 1 when there is no room, 2 to be called again, 3 at the end, 4 when nobody takes any more
pub(super) fn pipe(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let (from, to) = (integer(scope, &args, 0), integer(scope, &args, 1));
    match State::host(scope).map(|host| host.pipe(from, to)) {
        Some(Piped::Empty) => rv.set_uint32(0),
        Some(Piped::Full) => rv.set_uint32(1),
        Some(Piped::More) => rv.set_uint32(2),
        Some(Piped::Done) | None => rv.set_uint32(3),
        Some(Piped::Unwanted) => rv.set_uint32(4),
        Some(Piped::Broken(why)) => exceptions::throw_type_error(scope, &why),
    }
}

/// `end(id)`
pub(super) fn end(scope: &mut v8::PinScope, args: Args, _rv: Return) {
    let id = integer(scope, &args, 0);
    if let Some(host) = State::host(scope) {
        host.end(id);
    }
}

/// `fail(id, error)`
pub(super) fn fail(scope: &mut v8::PinScope, args: Args, _rv: Return) {
    let id = integer(scope, &args, 0);
    uncaught(scope, args.get(1), "Uncaught");
    let error = exceptions::describe(scope, args.get(1), Status::Exception);
    if let Some(host) = State::host(scope) {
        host.fail(id, error);
    }
}

/// `waitUntil(id, change)`
pub(super) fn wait_until(scope: &mut v8::PinScope, args: Args, _rv: Return) {
    let id = integer(scope, &args, 0);
    let change = args.get(1).int32_value(scope).unwrap_or(0);
    if let Some(host) = State::host(scope) {
        host.wait_until(id, change.signum());
    }
}

/// `uncountCall()`
pub(super) fn uncount_call(scope: &mut v8::PinScope, _args: Args, _rv: Return) {
    if let Some(host) = State::host(scope) {
        host.uncount_call();
    }
}

/// `callFetch(binding, method, url, headers, body, length)`
pub(super) fn call_fetch(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let binding = integer(scope, &args, 0);
    if let Err(why) = check_head("request", args.get(1), args.get(3)) {
        return exceptions::throw_type_error(scope, &why);
    }
    let Some(headers) = byte_string(scope, args.get(3)).map(Headers::from_flat) else { return };
    let head = RequestHead { method: text(scope, &args, 1).into(), url: text(scope, &args, 2), headers };
    let body = args.get(4);
    let body = if body.is_undefined() {
        Outbound::Stream(length(scope, args.get(5)))
    } else if body.is_null() {
        Outbound::None
    } else {
        let len = len_of(scope, body);
        if len > 0
            && let Some(Err(refusal)) = State::host(scope).map(|host| host.check_upload(len))
        {
            return exceptions::throw_type_error(scope, &refusal.0);
        }
        Outbound::Whole(whole_body(scope, body))
    };
    match State::host(scope).map(|host| host.call_fetch(binding, head, body)) {
        Some(Ok(id)) => rv.set_uint32(id),
        Some(Err(refusal)) => exceptions::throw_type_error(scope, &refusal.0),
        None => {}
    }
}

/// `callMethod(binding, name, args)` -> the call's number, or the host's object that has to be constructed first
pub(super) fn call_method<'s>(scope: &mut v8::PinScope<'s, '_>, args: Args<'s>, mut rv: Return<'s>) {
    let binding = integer(scope, &args, 0);
    let name = text(scope, &args, 1);
    let is_app = State::host(scope).is_some_and(|host| host.is_for_apps(binding));
    let to = if is_app { Receiver::App } else { Receiver::Host };
    let arguments = match values::arguments_from_js(scope, args.get(2), to) {
        Some(Arguments::Ready(arguments)) => arguments,
        Some(Arguments::WaitFor(object)) => return rv.set(object),
        None => return,
    };
    match State::host(scope).map(|host| host.call_method(binding, name, arguments)) {
        Some(Ok(id)) => rv.set_uint32(id),
        Some(Err(refusal)) => exceptions::throw_type_error(scope, &refusal.0),
        None => {}
    }
}

/// `callCancel(id)`
pub(super) fn call_cancel(scope: &mut v8::PinScope, args: Args, _rv: Return) {
    let id = integer(scope, &args, 0);
    if let Some(host) = State::host(scope) {
        host.call_cancel(id);
    }
}

/// `invokeReturn(id, value)`
pub(super) fn invoke_return<'s>(scope: &mut v8::PinScope<'s, '_>, args: Args<'s>, _rv: Return<'s>) {
    let id = integer(scope, &args, 0);
    let to = caller_of(scope, id);
    let Some(value) = values::from_js(scope, args.get(1), to) else { return };
    if let Some(host) = State::host(scope) {
        host.invoke_return(id, value);
    }
}

/// `invokeFail(id, error)`
pub(super) fn invoke_fail<'s>(scope: &mut v8::PinScope<'s, '_>, args: Args<'s>, _rv: Return<'s>) {
    let id = integer(scope, &args, 0);
    uncaught(scope, args.get(1), "Uncaught");
    let error = exceptions::describe(scope, args.get(1), Status::Exception);
    let to = caller_of(scope, id);
    let thrown = values::thrown_from_js(scope, args.get(1), to);
    if let Some(host) = State::host(scope) {
        host.invoke_fail(id, error, thrown);
    }
}

/// Who is told how an invocation ends.
fn caller_of(scope: &v8::PinScope, id: u32) -> Receiver {
    if State::host(scope).is_some_and(|host| host.is_for_app(id)) { Receiver::App } else { Receiver::Host }
}

/// `refuse(id, message)`
pub(super) fn refuse(scope: &mut v8::PinScope, args: Args, _rv: Return) {
    let id = integer(scope, &args, 0);
    let message = text(scope, &args, 1);
    if let Some(host) = State::host(scope) {
        host.refuse(id, Error::new(Status::Exception, format!("TypeError: {message}")));
    }
}
