//! Clocks and timers.

use super::ops::integer;
use crate::engine::exceptions::throw_range_error;
use crate::isolate::state::State;

/// `now()`
pub(super) fn now(scope: &mut v8::PinScope, _args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    rv.set_double(State::host(scope).map_or(0.0, |host| host.now_ms()));
}

/// `timeOrigin()`
pub(super) fn time_origin(scope: &mut v8::PinScope, _args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    rv.set_double(State::host(scope).map_or(0.0, |host| host.time_origin_ms()));
}

/// `timerStart(id, delayMs, repeat)`
pub(super) fn timer_start(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, _rv: v8::ReturnValue) {
    let id = integer(scope, &args, 0);
    let delay_ms = args.get(1).number_value(scope).unwrap_or(0.0);
    let repeat = args.get(2).is_true();
    let refused = State::host(scope).and_then(|host| host.timer_start(id, delay_ms, repeat).err());
    if let Some(refusal) = refused {
        throw_range_error(scope, &refusal.0);
    }
}

/// `timerCancel(id)`
pub(super) fn timer_cancel(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, _rv: v8::ReturnValue) {
    let id = integer(scope, &args, 0);
    if let Some(host) = State::host(scope) {
        host.timer_cancel(id);
    }
}
