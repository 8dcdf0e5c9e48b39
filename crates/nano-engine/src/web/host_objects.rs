//! Functions and classes of the host's: JavaScript's calls of them.

use super::ops::{integer, text};
use crate::engine::host_objects::{self, HeldState};
use crate::engine::values::{self, Arguments, Receiver};
use crate::engine::{exceptions, resources};
use crate::isolate::host::Ask;
use crate::isolate::state::State;

type Args<'s> = v8::FunctionCallbackArguments<'s>;
type Return<'s> = v8::ReturnValue<'s>;

/// `hostClass(binding, name, prototype)`
pub(super) fn host_class(scope: &mut v8::PinScope, args: Args, _rv: Return) {
    let (binding, name) = (integer(scope, &args, 0), text(scope, &args, 1));
    let Ok(prototype) = v8::Local::<v8::Object>::try_from(args.get(2)) else { return };
    let prototype = v8::Global::new(scope, prototype);
    if let Some(state) = State::of(scope) {
        state.host_objects.define(binding, name, prototype);
    }
}

/// `hostObject(binding)` -> a wrapper that waits for its object
pub(super) fn host_object(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let binding = integer(scope, &args, 0);
    if let Some(wrapper) = host_objects::new_wrapper(scope, binding, HeldState::Constructing) {
        rv.set(wrapper.into());
    }
}

/// `hostDispose(object)`
pub(super) fn host_dispose(scope: &mut v8::PinScope, args: Args, _rv: Return) {
    match host_objects::held(scope, args.get(0)) {
        Some(held) => held.dispose(),
        None => exceptions::throw_type_error(scope, "Illegal invocation"),
    }
}

const FUNCTION: u32 = 0;
const CONSTRUCT: u32 = 1;
const METHOD: u32 = 2;
const GET: u32 = 3;

/// `callHost(binding, kind, object, name, args)` -> the call's number, or the object that has to be constructed first
pub(super) fn call_host<'s>(scope: &mut v8::PinScope<'s, '_>, args: Args<'s>, mut rv: Return<'s>) {
    let (binding, kind, name) = (integer(scope, &args, 0), integer(scope, &args, 1), text(scope, &args, 3));
    let object = if kind < METHOD {
        None
    } else {
        match host_objects::held(scope, args.get(2)).filter(|held| held.binding == binding).map(|held| held.state()) {
            Some(HeldState::Ready(object)) => Some(object),
            Some(HeldState::Constructing) => return rv.set(args.get(2)),
            Some(HeldState::Disposed) => return exceptions::throw_type_error(scope, "the object has been disposed of"),
            None => return exceptions::throw_type_error(scope, "Illegal invocation"),
        }
    };
    let mut arguments = match values::arguments_from_js(scope, args.get(4), Receiver::Host) {
        Some(Arguments::Ready(arguments)) => arguments,
        Some(Arguments::WaitFor(object)) => return rv.set(object),
        None => return,
    };
    let ask = match (kind, object) {
        (FUNCTION, _) => Ask::Function(arguments),
        (CONSTRUCT, _) => Ask::Construct(arguments),
        (METHOD, Some(object)) => Ask::Method(object, name, arguments),
        (GET, Some(object)) => Ask::Get(object, name),
        (_, Some(object)) => match arguments.pop() {
            Some(value) => Ask::Set(object, name, value),
            None => return,
        },
        (_, None) => return,
    };
    match State::host(scope).map(|host| host.call_host(binding, ask)) {
        Some(Ok(id)) => {
            if kind == CONSTRUCT
                && let Ok(wrapper) = v8::Local::<v8::Object>::try_from(args.get(2))
                && resources::get::<host_objects::Held>(scope, wrapper.into()).is_some()
            {
                State::construct(scope, id, wrapper);
            }
            rv.set_uint32(id);
        }
        Some(Err(refusal)) => exceptions::throw_type_error(scope, &refusal.0),
        None => {}
    }
}
