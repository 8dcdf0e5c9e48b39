//! The file system: JavaScript's requests to whoever keeps the app's files.

use super::ops::text;
use crate::engine::exceptions;
use crate::engine::values::{self, Arguments, Receiver};
use crate::isolate::host::FilesAnswer;
use crate::isolate::state::State;

/// `files(name, args)` -> `[value]`, `[undefined, error name, message]`, or the number of a call that the host answers
pub(super) fn files<'s>(scope: &mut v8::PinScope<'s, '_>, args: v8::FunctionCallbackArguments<'s>, mut rv: v8::ReturnValue<'s>) {
    let name = text(scope, &args, 0);
    let Some(Arguments::Ready(arguments)) = values::arguments_from_js(scope, args.get(1), Receiver::Host) else { return };
    match State::host(scope).map(|host| host.files(name, arguments)) {
        Some(Ok(FilesAnswer::Call(id))) => rv.set_uint32(id),
        Some(Ok(FilesAnswer::Value(value))) => {
            if let Some(value) = values::to_js(scope, value) {
                rv.set(v8::Array::new_with_elements(scope, &[value]).into());
            }
        }
        Some(Ok(FilesAnswer::Failed(name, message))) => {
            if let Some((name, message)) = v8::String::new(scope, name).zip(v8::String::new(scope, &message)) {
                let undefined = v8::undefined(scope).into();
                rv.set(v8::Array::new_with_elements(scope, &[undefined, name.into(), message.into()]).into());
            }
        }
        Some(Err(refusal)) => exceptions::throw_type_error(scope, &refusal.0),
        None => {}
    }
}
