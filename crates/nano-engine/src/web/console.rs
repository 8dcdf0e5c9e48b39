//! The console's way out, and errors that nobody caught.

use nano_base::status::Status;

use super::ops::{integer, text};
use crate::engine::exceptions;
use crate::inspector::uncaught;
use crate::isolate::host::LogLevel;
use crate::isolate::state::State;

/// `log(level, text)`
pub(super) fn log(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, _rv: v8::ReturnValue) {
    let level = match integer(scope, &args, 0) {
        0 => LogLevel::Debug,
        1 => LogLevel::Info,
        2 => LogLevel::Warn,
        _ => LogLevel::Error,
    };
    let text = text(scope, &args, 1);
    if let Some(host) = State::host(scope) {
        host.log(level, text);
    }
}

/// `isProxy(value)`: JavaScript cannot tell without running the proxy's traps.
pub(super) fn is_proxy(_scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    rv.set_bool(args.get(0).is_proxy());
}

/// `reportException(error)`
pub(super) fn report_exception(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, _rv: v8::ReturnValue) {
    uncaught(scope, args.get(0), "Uncaught");
    let error = exceptions::describe(scope, args.get(0), Status::Exception);
    if let Some(host) = State::host(scope) {
        host.exception(error);
    }
}
