//! What an instance is given before and after its app's code first runs: env, randomness, the platform's look at what it exports.

use nano_base::status::{Error, Result, Status};

use crate::engine::exceptions;
use crate::isolate::app::{AppSettings, Variables};
use crate::isolate::binding::{Binding, Shape};
use crate::isolate::state::State;

/// Tells the platform what the app's code may need from its first line on: env and bindings, the settings.
pub(super) fn prepare(
    scope: &mut v8::PinScope,
    state: &State,
    env: &Variables,
    bindings: &[Binding],
    settings: &AppSettings,
) -> Result<()> {
    if settings.code_generation {
        state.code_generation.set(true);
        scope.get_current_context().set_allow_generation_from_strings(true);
    }
    v8::tc_scope!(let scope, scope);
    let mut wrong = None;
    let prepared = (|| {
        let null = v8::null(scope);
        let entries = v8::Object::with_prototype_and_properties(scope, null.into(), &[], &[]);
        for (name, text) in &env.texts {
            let key = v8::String::new(scope, name)?;
            let value = v8::String::new(scope, text)?;
            entries.create_data_property(scope, key.into(), value.into())?;
        }
        let texts = v8::Object::with_prototype_and_properties(scope, null.into(), &[], &[]);
        for (name, json) in &env.json {
            let key = v8::String::new(scope, name)?;
            let json = v8::String::new(scope, json)?;
            let Some(value) = v8::json::parse(scope, json) else {
                wrong = Some(name);
                return None;
            };
            entries.create_data_property(scope, key.into(), value)?;
            texts.create_data_property(scope, key.into(), json.into())?;
        }
        let mut pairs = Vec::with_capacity(bindings.len());
        for (index, binding) in bindings.iter().enumerate() {
            if binding.shape != Shape::Hidden {
                pairs.push(describe(scope, index as u32, binding)?.into());
            }
        }
        let pairs = v8::Array::new_with_elements(scope, &pairs);
        let undefined: v8::Local<v8::Value> = v8::undefined(scope).into();
        let outbound = settings.outbound.map_or(undefined, |index| v8::Integer::new_from_unsigned(scope, index).into());
        let base_url = match &settings.base_url {
            Some(url) => v8::String::new(scope, url)?.into(),
            None => undefined,
        };
        let prepare = v8::Local::new(scope, &state.entry_points.get()?.prepare);
        prepare.call(scope, undefined, &[entries.into(), pairs.into(), outbound, base_url, texts.into()])
    })();
    match (prepared, wrong) {
        (Some(_), _) => Ok(()),
        (None, None) => Err(exceptions::caught(scope, Status::Compile)),
        (None, Some(name)) => {
            let why = exceptions::caught(scope, Status::Invalid).message;
            Err(Error::new(Status::Invalid, format!("env.{name} is not JSON: {why}")))
        }
    }
}

/// Replaces `Math.random`, before the app's code runs, by one that draws from the instance's dice.
pub(super) fn seed_math_random(scope: &mut v8::PinScope) {
    fn random(scope: &mut v8::PinScope, _args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
        let mut bytes = [0; 8];
        State::fill_random(scope, &mut bytes);
        // The 53 bits that a double between 0 and 1 has room for.
        rv.set_double((u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64);
    }
    let _ = (|| {
        let global = scope.get_current_context().global(scope);
        let key = v8::String::new(scope, "Math")?;
        let math: v8::Local<v8::Object> = global.get(scope, key.into())?.try_into().ok()?;
        let name = v8::String::new(scope, "random")?;
        let function = v8::Function::builder(random).constructor_behavior(v8::ConstructorBehavior::Throw).build(scope)?;
        function.set_name(name);
        math.set(scope, name.into(), function.into())
    })();
}

/// Hands the app to the platform; the names of the app's handlers.
pub(super) fn install(scope: &mut v8::PinScope, state: &State, namespace: Option<v8::Local<v8::Value>>) -> Result<Vec<String>> {
    v8::tc_scope!(let scope, scope);
    let undefined: v8::Local<v8::Value> = v8::undefined(scope).into();
    let start = state.entry_points.get().map(|entry| v8::Local::new(scope, &entry.start));
    let installed = start.and_then(|start| start.call(scope, undefined, &[namespace.unwrap_or(undefined)]));
    let Some(names) = installed else {
        return if state.program.get() && !scope.has_terminated() {
            Ok(Vec::new())
        } else {
            Err(exceptions::caught(scope, Status::Compile))
        };
    };
    let mut handlers = Vec::new();
    if let Ok(names) = v8::Local::<v8::Array>::try_from(names) {
        for index in 0..names.length() {
            handlers.extend(names.get_index(scope, index).map(|name| name.to_rust_string_lossy(scope)));
        }
    }
    Ok(handlers)
}

/// A binding as `nano.prepare` takes it: name, number, and of what is no plain object what it is.
fn describe<'s>(scope: &mut v8::PinScope<'s, '_>, index: u32, binding: &Binding) -> Option<v8::Local<'s, v8::Array>> {
    let name = v8::String::new(scope, &binding.name)?.into();
    let index = v8::Integer::new_from_unsigned(scope, index).into();
    let Shape::Class(class) = &binding.shape else {
        let kind = match binding.shape {
            Shape::Function => 1,
            Shape::Queue => 3,
            _ => 0,
        };
        let kind = v8::Integer::new(scope, kind).into();
        return Some(v8::Array::new_with_elements(scope, &[name, index, kind]));
    };
    let kind = v8::Integer::new(scope, 2).into();
    let mut lists = [v8::Array::new(scope, 0); 2];
    for (list, names) in lists.iter_mut().zip([&class.methods, &class.properties]) {
        let mut texts = Vec::with_capacity(names.len());
        for name in names {
            texts.push(v8::String::new(scope, name)?.into());
        }
        *list = v8::Array::new_with_elements(scope, &texts);
    }
    let constructible = v8::Boolean::new(scope, class.constructible).into();
    Some(v8::Array::new_with_elements(scope, &[name, index, kind, lists[0].into(), lists[1].into(), constructible]))
}
