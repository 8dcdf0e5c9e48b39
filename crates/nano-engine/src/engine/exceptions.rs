//! JavaScript exceptions as errors of ours, and the other way round.

use nano_base::limits::EXCEPTION_TEXT_BYTES_MAX;
use nano_base::status::{Error, Status};

use super::modules::code_of;
use crate::isolate::state::State;

/// The exception that `scope` has caught, as an error with message, position and stack.
pub(crate) fn caught(scope: &mut v8::PinnedRef<'_, v8::TryCatch<'_, '_, v8::HandleScope<'_>>>, status: Status) -> Error {
    if scope.has_terminated() {
        return Error::new(Status::CpuLimit, "the app was stopped");
    }
    let position = scope.message().map(|message| position(scope, message));
    match scope.exception() {
        Some(exception) => {
            let mut error = describe(scope, exception, status);
            if let Some(position) = position.filter(|_| status == Status::Compile) {
                error.message = clip(format!("{position}: {}", error.message));
            }
            error
        }
        None => Error::new(status, "the app failed without an exception"),
    }
}

/// Any thrown value as an error. Runs no code of the app: only own data properties of native errors are read.
pub(crate) fn describe(scope: &mut v8::PinScope, exception: v8::Local<v8::Value>, status: Status) -> Error {
    let stack = stack_of(scope, exception);
    let message = if let Some(text) = text_of_platform_exception(scope, exception) {
        text
    } else if exception.is_native_error() || exception.is_object() {
        let message = v8::Exception::create_message(scope, exception).get(scope);
        let message = beginning(scope, message);
        message.strip_prefix("Uncaught ").unwrap_or(&message).to_string()
    } else if exception.is_symbol() {
        "a symbol was thrown".to_string()
    } else if let Ok(text) = v8::Local::<v8::String>::try_from(exception) {
        beginning(scope, text)
    } else {
        exception.to_rust_string_lossy(scope)
    };
    let message = if message.is_empty() { first_line(&stack).unwrap_or("an empty value was thrown").to_string() } else { message };
    Error::new(status, clip(message)).with_stack(clip(stack))
}

/// The text of a DOMException, which V8 may not read: name and message are accessors of the platform's.
fn text_of_platform_exception(scope: &mut v8::PinScope, exception: v8::Local<v8::Value>) -> Option<String> {
    if !exception.is_native_error() {
        return None;
    }
    let text_of = v8::Local::new(scope, &State::of(scope)?.entry_points.get()?.text_of_exception);
    let undefined = v8::undefined(scope);
    // Fails where the app's stack or time is used up: then V8's own words have to do.
    v8::tc_scope!(let scope, scope);
    let text = text_of.call(scope, undefined.into(), &[exception])?;
    v8::Local::<v8::String>::try_from(text).ok().map(|text| beginning(scope, text))
}

/// As much of a text as is told of an exception, and so much more that it can be seen to have been cut.
pub(crate) fn beginning(scope: &v8::PinScope, text: v8::Local<v8::String>) -> String {
    if text.length() <= EXCEPTION_TEXT_BYTES_MAX {
        return text.to_rust_string_lossy(scope);
    }
    // V8 may have put "Uncaught " before it.
    let mut units = vec![0; EXCEPTION_TEXT_BYTES_MAX + 16];
    text.write_v2(scope, 0, &mut units, v8::WriteFlags::empty());
    String::from_utf16_lossy(&units)
}

/// What V8 prints of an error whose name and message it may not read.
fn first_line(stack: &str) -> Option<&str> {
    stack.lines().next().filter(|line| !line.is_empty())
}

/// The `stack` of an error object where it is plain data.
fn stack_of(scope: &mut v8::PinScope, exception: v8::Local<v8::Value>) -> String {
    if !exception.is_native_error() {
        return String::new();
    }
    let Some(object) = exception.to_object(scope) else { return String::new() };
    let Some(key) = v8::String::new(scope, "stack") else { return String::new() };
    v8::tc_scope!(let scope, scope);
    match object.get(scope, key.into()) {
        Some(stack) => v8::Local::<v8::String>::try_from(stack).map_or_else(|_| String::new(), |stack| beginning(scope, stack)),
        None => String::new(),
    }
}

/// `file:line:column` of a message. What the platform says of an app is said of its main module.
fn position(scope: &v8::PinScope, message: v8::Local<v8::Message>) -> String {
    let file = message
        .get_script_resource_name(scope)
        .filter(|name| name.is_string())
        .map(|name| name.to_rust_string_lossy(scope))
        .unwrap_or_default();
    let line = message.get_line_number(scope).unwrap_or(0) as u32;
    // V8's -1 for "unknown" comes as a huge number.
    let column = u32::try_from(message.get_start_column()).ok().and_then(|column| column.checked_add(1)).unwrap_or(0);
    let code = code_of(scope);
    if let Some(main) = code.as_ref().and_then(|code| code.modules.first()).filter(|_| file.starts_with("nano:")) {
        return format!("{}:1:1", main.path);
    }
    match code {
        Some(code) => code.place(&file, line, column),
        None => format!("{file}:{line}:{column}"),
    }
}

fn clip(mut text: String) -> String {
    if text.len() > EXCEPTION_TEXT_BYTES_MAX {
        let mut end = EXCEPTION_TEXT_BYTES_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str("...");
    }
    text
}

/// Throws a TypeError.
pub(crate) fn throw_type_error(scope: &v8::PinScope, message: &str) {
    if let Some(message) = v8::String::new(scope, message) {
        let error = v8::Exception::type_error(scope, message);
        scope.throw_exception(error);
    }
}

/// Throws a RangeError.
pub(crate) fn throw_range_error(scope: &v8::PinScope, message: &str) {
    if let Some(message) = v8::String::new(scope, message) {
        let error = v8::Exception::range_error(scope, message);
        scope.throw_exception(error);
    }
}
