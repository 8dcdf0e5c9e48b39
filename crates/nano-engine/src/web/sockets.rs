//! WebSockets and connections of bytes: what `websocket.js` and `module_cloudflare_sockets.js` ask for, and what they are told.

use nano_base::http::{Headers, ResponseHead};

use super::fetch::check_head;
use super::ops::{byte_string, integer, text, utf8};
use crate::engine::{bytes, exceptions};
use crate::isolate::host::Refusal;
use crate::isolate::sockets::{Dialing, Message, Opening, SocketEvent, Sockets};
use crate::isolate::state::State;

type Args<'s> = v8::FunctionCallbackArguments<'s>;
type Return<'s> = v8::ReturnValue<'s>;
type Value<'s> = v8::Local<'s, v8::Value>;

fn with<T: Default>(scope: &v8::PinScope, act: impl FnOnce(&dyn Sockets) -> T) -> T {
    State::host(scope).map(|host| act(host.sockets())).unwrap_or_default()
}

/// The number of a new socket, or the reason why there is none, thrown.
fn give(scope: &mut v8::PinScope, rv: &mut Return, made: Option<Result<u32, Refusal>>) {
    match made {
        Some(Ok(id)) => rv.set_uint32(id),
        Some(Err(refusal)) => exceptions::throw_type_error(scope, &refusal.0),
        None => {}
    }
}

fn is_true(scope: &v8::PinScope, args: &Args, index: i32) -> bool {
    args.get(index).boolean_value(scope)
}

/// `open(url, protocols, headers)`: the protocols with commas between them
pub(super) fn open(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    if let Err(why) = check_head("request", args.get(1), args.get(2)) {
        return exceptions::throw_type_error(scope, &why);
    }
    let protocols = text(scope, &args, 1);
    let protocols = if protocols.is_empty() { Vec::new() } else { protocols.split(',').map(str::to_owned).collect() };
    let Some(headers) = byte_string(scope, args.get(2)).map(Headers::from_flat) else { return };
    let opening = Opening { url: text(scope, &args, 0), headers, protocols };
    let made = with(scope, |sockets| Some(sockets.open(opening)));
    give(scope, &mut rv, made);
}

/// `accept(request, headers)`
pub(super) fn accept(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let request = integer(scope, &args, 0);
    if let Err(why) = check_head("response", args.get(2), args.get(1)) {
        return exceptions::throw_type_error(scope, &why);
    }
    let Some(headers) = byte_string(scope, args.get(1)).map(Headers::from_flat) else { return };
    let head = ResponseHead { status: 101, status_text: String::new(), headers };
    let made = with(scope, |sockets| Some(sockets.accept(request, head)));
    give(scope, &mut rv, made);
}

/// `send(id, data)` -> whether it is on its way; text or bytes
pub(super) fn send(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let (id, data) = (integer(scope, &args, 0), args.get(1));
    let message = if data.is_string() {
        Message::Text(String::from_utf8(utf8(scope, data)).unwrap_or_default())
    } else {
        Message::Binary(bytes::from_value(data).unwrap_or_default())
    };
    rv.set_bool(with(scope, |sockets| sockets.send(id, message)));
}

/// `close(id, code, reason)`: the code may be undefined
pub(super) fn close(scope: &mut v8::PinScope, args: Args, _rv: Return) {
    let id = integer(scope, &args, 0);
    let said = (!args.get(1).is_undefined()).then(|| (integer(scope, &args, 1) as u16, text(scope, &args, 2)));
    with(scope, |sockets| sockets.close(id, said));
}

/// `buffered(id)`
pub(super) fn buffered(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let id = integer(scope, &args, 0);
    rv.set_double(with(scope, |sockets| sockets.buffered(id)) as f64);
}

/// `isFull(id)`
pub(super) fn is_full(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let id = integer(scope, &args, 0);
    rv.set_bool(with(scope, |sockets| sockets.is_full(id)));
}

/// `read(id, wanted)`
pub(super) fn read(scope: &mut v8::PinScope, args: Args, _rv: Return) {
    let (id, wanted) = (integer(scope, &args, 0), is_true(scope, &args, 1));
    with(scope, |sockets| sockets.read(id, wanted));
}

/// `connect(host, port, isSecure, allowsHalfOpen)`
pub(super) fn connect(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let dialing = Dialing {
        host: text(scope, &args, 0),
        port: integer(scope, &args, 1) as u16,
        is_secure: is_true(scope, &args, 2),
        allows_half_open: is_true(scope, &args, 3),
    };
    let made = with(scope, |sockets| Some(sockets.connect(dialing)));
    give(scope, &mut rv, made);
}

/// `startTls(id, host)` -> whether it is to be had; the host may be undefined
pub(super) fn start_tls(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let id = integer(scope, &args, 0);
    let host = (!args.get(1).is_undefined()).then(|| text(scope, &args, 1));
    rv.set_bool(with(scope, |sockets| sockets.start_tls(id, host)));
}

/// What `nano.socketEvent` gets besides the socket's number: the kind, and up to three values.
pub(crate) fn event<'s>(scope: &mut v8::PinScope<'s, '_>, event: SocketEvent) -> Option<[Value<'s>; 4]> {
    let undefined: Value = v8::undefined(scope).into();
    let (kind, values) = match event {
        SocketEvent::Opened(head, protocol) => {
            let protocol = v8::String::new(scope, &protocol)?.into();
            (0, [protocol, flat(scope, &head)?, undefined])
        }
        SocketEvent::Message(message) => match data(scope, message) {
            Some(data) => (1, [data, undefined, undefined]),
            None => (5, [undefined; 3]),
        },
        SocketEvent::Drained => (2, [undefined; 3]),
        SocketEvent::Closed(code, reason, is_clean) => {
            let code = v8::Integer::new_from_unsigned(scope, u32::from(code)).into();
            let reason = v8::String::new(scope, &reason)?.into();
            (3, [code, reason, v8::Boolean::new(scope, is_clean).into()])
        }
        SocketEvent::Failed(message, answer) => {
            let message = v8::String::new(scope, &message)?.into();
            // Without room for its body there is no answer.
            let answer = answer.and_then(|(head, body)| Some((head, bytes::to_array(scope, body)?)));
            match answer {
                Some((head, body)) => {
                    let status = v8::Integer::new_from_unsigned(scope, u32::from(head.status)).into();
                    let text = v8::String::new(scope, &head.status_text)?.into();
                    let flat = flat(scope, &head)?;
                    (4, [message, v8::Array::new_with_elements(scope, &[status, text, flat, body.into()]).into(), undefined])
                }
                None => (4, [message, undefined, undefined]),
            }
        }
    };
    let kind: Value = v8::Integer::new(scope, kind).into();
    let [first, second, third] = values;
    Some([kind, first, second, third])
}

fn flat<'s>(scope: &mut v8::PinScope<'s, '_>, head: &ResponseHead) -> Option<Value<'s>> {
    Some(v8::String::new_from_one_byte(scope, head.headers.as_flat(), v8::NewStringType::Normal)?.into())
}

/// None if there is no room for it.
fn data<'s>(scope: &mut v8::PinScope<'s, '_>, message: Message) -> Option<Value<'s>> {
    match message {
        Message::Text(text) if text.is_ascii() => {
            Some(v8::String::new_from_one_byte(scope, text.as_bytes(), v8::NewStringType::Normal)?.into())
        }
        Message::Text(text) => Some(v8::String::new_from_utf8(scope, text.as_bytes(), v8::NewStringType::Normal)?.into()),
        Message::Binary(bytes) => Some(bytes::to_array(scope, bytes)?.into()),
    }
}
