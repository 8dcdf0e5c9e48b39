//! The console of an app that has a debugger: each message goes to the debugger first, with its values as they are, and then its usual way.

/// The methods that both consoles have.
const METHODS: [&str; 19] = [
    "assert",
    "clear",
    "count",
    "countReset",
    "debug",
    "dir",
    "dirxml",
    "error",
    "group",
    "groupCollapsed",
    "groupEnd",
    "info",
    "log",
    "table",
    "time",
    "timeEnd",
    "timeLog",
    "trace",
    "warn",
];

/// Has the platform's console tell V8's, which tells the debuggers.
pub(super) fn tell_debuggers(scope: &mut v8::PinScope) {
    let context = scope.get_current_context();
    // V8's own console, which the platform's stands before.
    let extras = context.get_extras_binding_object(scope);
    let global = context.global(scope);
    let Some(name) = v8::String::new(scope, "console") else { return };
    let (Some(theirs), Some(ours)) = (object(scope, extras, name), object(scope, global, name)) else { return };
    for method in METHODS {
        let _ = (|| {
            let name = v8::String::new(scope, method)?;
            let first = v8::Local::<v8::Function>::try_from(theirs.get(scope, name.into())?).ok()?;
            let then = v8::Local::<v8::Function>::try_from(ours.get(scope, name.into())?).ok()?;
            let data = v8::Array::new_with_elements(scope, &[first.into(), then.into()]);
            let builder = v8::Function::builder(both).data(data.into()).constructor_behavior(v8::ConstructorBehavior::Throw);
            let function = builder.build(scope)?;
            function.set_name(name);
            ours.create_data_property(scope, name.into(), function.into())
        })();
    }
}

fn object<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    holder: v8::Local<v8::Object>,
    name: v8::Local<v8::String>,
) -> Option<v8::Local<'s, v8::Object>> {
    holder.get(scope, name.into())?.try_into().ok()
}

/// A method of the console: V8's, then the platform's.
fn both<'s>(scope: &mut v8::PinScope<'s, '_>, args: v8::FunctionCallbackArguments<'s>, mut rv: v8::ReturnValue) {
    let values: Vec<v8::Local<v8::Value>> = (0..args.length()).map(|index| args.get(index)).collect();
    let Ok(pair) = v8::Local::<v8::Array>::try_from(args.data()) else { return };
    let this: v8::Local<v8::Value> = args.this().into();
    for index in 0..2 {
        let Some(function) = pair.get_index(scope, index) else { return };
        let Ok(function) = v8::Local::<v8::Function>::try_from(function) else { return };
        let Some(value) = function.call(scope, this, &values) else { return };
        rv.set(value);
    }
}
