//! Parts of the platform that run when they are first needed, and what they hold.

use super::{ops, platform};
use crate::engine::{exceptions, resources};
use crate::isolate::state::State;

/// `part(name)` -> the part's function
pub(super) fn part(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let name = ops::text(scope, &args, 0);
    let Some(source) = platform::part(&name) else {
        exceptions::throw_type_error(scope, &format!("the platform has no part {name}"));
        return;
    };
    // An exception stays pending: too little stack or memory, or the end of the app's time.
    if let Some(function) = platform::evaluate(scope, source) {
        rv.set(function.into());
    }
}

/// `lazyProperty(object, name, part)`: a data property, not enumerable, whose value is the member of that name of the part, which runs when
/// it is first read. It is in the snapshot as such.
///
/// The part is given by its name: V8 keeps accessors in the part of the snapshot that is no context's, so a function here would bring its
/// whole context along a second time, and make the value in that one.
pub(super) fn lazy_property(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, _rv: v8::ReturnValue) {
    let Ok(object) = v8::Local::<v8::Object>::try_from(args.get(0)) else { return };
    let Ok(name) = v8::Local::<v8::Name>::try_from(args.get(1)) else { return };
    let Ok(part) = v8::Local::<v8::String>::try_from(args.get(2)) else { return };
    object.set_lazy_data_property_with_data(
        scope,
        name,
        build,
        part.into(),
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
    args: v8::PropertyCallbackArguments<'s>,
    mut rv: v8::ReturnValue<v8::Value>,
) {
    let Some(entry) = State::of(scope).and_then(|state| state.entry_points.get()) else { return };
    let member = v8::Local::new(scope, &entry.part_member);
    let undefined = v8::undefined(scope);
    let part = args.data();
    if let Some(value) = member.call(scope, undefined.into(), &[part, name.into()]) {
        rv.set(value);
    }
}

/// What the snapshot refers to besides the functions of the table.
pub(crate) fn lazy_getter() -> v8::AccessorNameGetterCallback {
    use v8::MapFnTo;
    build.map_fn_to()
}
