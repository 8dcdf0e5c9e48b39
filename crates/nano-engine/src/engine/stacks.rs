//! Stacks that name the files the app's author wrote. V8 asks when `error.stack` is first read; only instances of apps with
//! source maps have it ask.

use nano_base::limits::{SPECIFIER_BYTES_MAX, STACK_FRAMES_MAX, STOPPED_FRAMES_MAX};

use super::exceptions;
use super::modules::code_of;
use crate::isolate::state::State;
use crate::web::ops;

/// V8's question. `sites` are its CallSite objects.
pub(crate) fn prepare<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    error: v8::Local<'s, v8::Value>,
    sites: v8::Local<'s, v8::Array>,
) -> v8::Local<'s, v8::Value> {
    let undefined = v8::undefined(scope).into();
    v8::tc_scope!(let scope, scope);
    let prepared = match app_prepares(scope, error, sites) {
        Some(answer) => answer,
        None => stack(scope, error, sites),
    };
    if let Some(value) = prepared {
        return value;
    }
    if scope.has_terminated() {
        // The stop goes on where V8 looks next.
        if let Some(state) = State::of(scope) {
            state.handle.terminate_execution();
        }
    } else if scope.has_caught() {
        scope.rethrow();
    }
    undefined
}

/// `Error.prepareStackTrace(error, sites)`, as V8 itself calls it; `None` if the app has none.
fn app_prepares<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    error: v8::Local<'s, v8::Value>,
    sites: v8::Local<'s, v8::Array>,
) -> Option<Option<v8::Local<'s, v8::Value>>> {
    if State::of(scope)?.preparing.get() {
        return None;
    }
    let context = scope.get_current_context();
    let name = v8::String::new(scope, "Error")?;
    let error_constructor = v8::Local::<v8::Object>::try_from(context.global(scope).get(scope, name.into())?).ok()?;
    let key = v8::String::new(scope, "prepareStackTrace")?;
    let prepare = error_constructor.get(scope, key.into())?;
    let prepare = v8::Local::<v8::Function>::try_from(prepare).ok()?;
    State::of(scope)?.preparing.set(true);
    let answer = prepare.call(scope, error_constructor.into(), &[error, sites.into()]);
    State::of(scope)?.preparing.set(false);
    Some(answer)
}

/// The text that V8 would make, with places as the source maps have them.
fn stack<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    error: v8::Local<'s, v8::Value>,
    sites: v8::Local<'s, v8::Array>,
) -> Option<v8::Local<'s, v8::Value>> {
    let code = code_of(scope)?;
    let entry = State::of(scope)?.entry_points.get()?;
    let head = v8::Local::new(scope, &entry.error_to_string);
    let to_string = v8::Local::new(scope, &entry.call_site_to_string);
    let mut text = {
        v8::tc_scope!(let scope, scope);
        let head = if error.is_object() { head.call(scope, error, &[]) } else { error.to_detail_string(scope).map(Into::into) };
        match head {
            Some(head) => ops::copy(scope, head),
            None if scope.has_terminated() => return None,
            None => "<error>".to_string(),
        }
    };
    for index in 0..sites.length().min(STACK_FRAMES_MAX) {
        v8::scope!(let scope, scope);
        let site = sites.get_index(scope, index)?;
        let site = v8::Local::<v8::String>::try_from(to_string.call(scope, site, &[])?).ok()?;
        let site = exceptions::beginning(scope, site);
        text.push_str("\n    at ");
        match split(&site) {
            Some((before, path, line, column, after)) => {
                text.push_str(before);
                text.push_str(&code.place(path, line, column));
                text.push_str(after);
            }
            None => text.push_str(&site),
        }
    }
    v8::String::new(scope, &text).map(Into::into)
}

/// The frames of what runs now, as they would be in the `stack` of an error. Runs no code of the app.
pub(crate) fn current(isolate: &mut v8::Isolate, state: &State) -> Option<String> {
    v8::scope!(let scope, isolate);
    let context = v8::Local::new(scope, &state.entry_points.get()?.context);
    let scope = &v8::ContextScope::new(scope, context);
    let code = code_of(scope);
    let trace = v8::StackTrace::current_stack_trace(scope, STOPPED_FRAMES_MAX)?;
    let mut text = String::new();
    for index in 0..trace.get_frame_count() {
        let frame = trace.get_frame(scope, index)?;
        let [name, file] = [frame.get_function_name(scope), frame.get_script_name_or_source_url(scope)].map(|text| {
            // An app may name a function by more text than there is memory for.
            let text = text.filter(|text| text.length() <= SPECIFIER_BYTES_MAX);
            text.map(|text| text.to_rust_string_lossy(scope)).unwrap_or_default()
        });
        let (line, column) = (frame.get_line_number() as u32, frame.get_column() as u32);
        let place = match &code {
            Some(code) => code.place(&file, line, column),
            None => format!("{file}:{line}:{column}"),
        };
        let new = if frame.is_constructor() { "new " } else { "" };
        text.push_str(&if name.is_empty() { format!("\n    at {place}") } else { format!("\n    at {new}{name} ({place})") });
    }
    Some(text)
}

/// What is before a place in a frame's text, the place, and what is after.
fn split(site: &str) -> Option<(&str, &str, u32, u32, &str)> {
    let (body, after) = match site.strip_suffix(')') {
        Some(body) => (body, ")"),
        None => (site, ""),
    };
    let (rest, column) = body.rsplit_once(':')?;
    let (rest, line) = rest.rsplit_once(':')?;
    let start = if after.is_empty() {
        // "async file:1:2" or "file:1:2"
        if rest.starts_with("async ") { "async ".len() } else { 0 }
    } else {
        rest.rfind(" (").map_or(0, |bracket| bracket + 2)
    };
    Some((&rest[..start], &rest[start..], line.parse().ok()?, column.parse().ok()?, after))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn places_are_found_in_every_form_of_a_frame() {
        assert_eq!(split("a/b.ts:3:4"), Some(("", "a/b.ts", 3, 4, "")));
        assert_eq!(split("async a/b.ts:3:4"), Some(("async ", "a/b.ts", 3, 4, "")));
        assert_eq!(split("new A (index.ts:3:4)"), Some(("new A (", "index.ts", 3, 4, ")")));
        assert_eq!(split("async Object.f [as g] (a (b).ts:3:4)"), Some(("async Object.f [as g] (a (", "b).ts", 3, 4, ")")));
        assert_eq!(split("Array.map (<anonymous>)"), None);
        assert_eq!(split("Promise.all (index 0)"), None);
    }
}
