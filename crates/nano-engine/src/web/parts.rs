//! Parts of the platform that run when they are first needed, and what they hold.

use super::{ops, platform};
use crate::engine::{exceptions, resources};
use crate::isolate::state::State;

/// `part(name, ops)` -> the part's function; what it may call is in `ops` then. What a name has behind a `#` is the function's business:
/// some files are several parts.
pub(super) fn part(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let name = ops::text(scope, &args, 0);
    let file = name.split('#').next().unwrap_or_default();
    let Some(source) = platform::part(file) else {
        exceptions::throw_type_error(scope, &format!("the platform has no part {name}"));
        return;
    };
    ops::extend(scope, args.get(1));
    // An exception stays pending: too little stack or memory, or the end of the app's time.
    if let Some(function) = platform::evaluate(scope, source) {
        rv.set(function.into());
    }
}

/// `lazyProperty(object, name)`: a data property, not enumerable, whose value `nano.lazyGlobal(name)` makes when it is first read.
///
/// It carries nothing of the context with it: V8 puts accessors into the isolate's part of the snapshot, and a function there would
/// drag a second copy of all it can reach along (142 KB).
pub(super) fn lazy_property(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, _rv: v8::ReturnValue) {
    let Ok(object) = v8::Local::<v8::Object>::try_from(args.get(0)) else { return };
    let Ok(name) = v8::Local::<v8::Name>::try_from(args.get(1)) else { return };
    define_lazy(scope, object, name, build);
}

/// A data property, not enumerable, whose value `make` makes when it is first read.
pub(super) fn define_lazy(
    scope: &mut v8::PinScope,
    object: v8::Local<v8::Object>,
    name: v8::Local<v8::Name>,
    make: impl v8::MapFnTo<v8::AccessorNameGetterCallback>,
) {
    let undefined = v8::undefined(scope);
    object.set_lazy_data_property_with_data(
        scope,
        name,
        make,
        undefined.into(),
        v8::PropertyAttribute::DONT_ENUM,
        v8::SideEffectType::HasSideEffect,
        v8::SideEffectType::HasSideEffect,
    );
}

/// `release(resource)`: of any kind.
pub(super) fn release(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, _rv: v8::ReturnValue) {
    resources::release(scope, args.get(0));
}

fn build<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    name: v8::Local<'s, v8::Name>,
    _args: v8::PropertyCallbackArguments<'s>,
    mut rv: v8::ReturnValue<v8::Value>,
) {
    let Some(entry) = State::of(scope).and_then(|state| state.entry_points.get()) else { return };
    let build = v8::Local::new(scope, &entry.lazy_global);
    let undefined = v8::undefined(scope);
    if let Some(value) = build.call(scope, undefined.into(), &[name.into()]) {
        rv.set(value);
    }
}

/// What the snapshot refers to.
pub(super) fn getter() -> v8::AccessorNameGetterCallback {
    use v8::MapFnTo;
    build.map_fn_to()
}
