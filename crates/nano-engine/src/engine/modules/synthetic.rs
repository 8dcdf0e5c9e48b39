//! Modules that are no JavaScript: values of files, and what the platform exports.

use super::{Key, code_of, commonjs, identify, source_text};
use crate::engine::{bytes, exceptions, locks, wasm_types};
use crate::isolate::app::{CompiledWasm, ModuleCode};
use crate::isolate::state::State;
use nano_base::module::ModuleKind;
use nano_base::status::Status;

/// A module of a file: its default export, and for CommonJS the names that were found in it.
pub(super) fn of_file<'s>(scope: &mut v8::PinScope<'s, '_>, code: &ModuleCode) -> Option<v8::Local<'s, v8::Module>> {
    let mut names = vec![v8::String::new(scope, "default")?];
    for name in &code.exports {
        names.push(v8::String::new(scope, name)?);
    }
    create(scope, &code.path, &names)
}

/// A module of the platform. Its part runs now, because its names are needed.
pub(super) fn of_platform<'s>(scope: &mut v8::PinScope<'s, '_>, name: &str) -> Option<v8::Local<'s, v8::Module>> {
    let exports = platform_exports(scope, name)?;
    let keys = exports.get_own_property_names(scope, v8::GetPropertyNamesArgs::default())?;
    let mut names = Vec::new();
    for index in 0..keys.length() {
        names.push(keys.get_index(scope, index)?.try_into().ok()?);
    }
    create(scope, name, &names)
}

/// `nano.builtin(part)`: an object without a prototype whose properties are the exports.
pub(super) fn platform_exports<'s>(scope: &mut v8::PinScope<'s, '_>, name: &str) -> Option<v8::Local<'s, v8::Object>> {
    if name.starts_with("node:") {
        part(scope, crate::web::builtins::GLOBALS_OF_NODE)?;
    }
    part(scope, crate::web::builtins::part_of(name)?)
}

fn part<'s>(scope: &mut v8::PinScope<'s, '_>, name: &str) -> Option<v8::Local<'s, v8::Object>> {
    let name = v8::String::new(scope, name)?;
    let builtin = v8::Local::new(scope, &State::of(scope)?.entry_points.get()?.builtin);
    let undefined = v8::undefined(scope);
    builtin.call(scope, undefined.into(), &[name.into()])?.try_into().ok()
}

fn create<'s>(scope: &mut v8::PinScope<'s, '_>, name: &str, exports: &[v8::Local<'s, v8::String>]) -> Option<v8::Local<'s, v8::Module>> {
    let name = v8::String::new(scope, name)?;
    Some(v8::Module::create_synthetic_module(scope, name, exports, evaluate))
}

/// Gives a synthetic module its exports.
fn evaluate<'s>(context: v8::Local<'s, v8::Context>, module: v8::Local<v8::Module>) -> Option<v8::Local<'s, v8::Value>> {
    v8::callback_scope!(unsafe scope, context);
    let (code, key) = identify(scope, module)?;
    match key {
        Key::Builtin(name) => {
            let exports = platform_exports(scope, name)?;
            set_all(scope, module, exports, None)?;
        }
        Key::File(index) if code.modules[index].kind == ModuleKind::CommonJs => {
            let value = commonjs::run(scope, &code, index)?;
            if let Ok(object) = v8::Local::<v8::Object>::try_from(value) {
                set_all(scope, module, object, Some(&code.modules[index].exports))?;
            }
            set(scope, module, "default", value)?;
        }
        Key::File(index) => {
            let value = value_of(scope, &code.modules[index])?;
            set(scope, module, "default", value)?;
        }
        Key::Text(index) => {
            let value = text_of(scope, &code.modules[index])?;
            set(scope, module, "default", value)?;
        }
        Key::Bytes(index) => {
            let value = bytes_of(scope, &code.modules[index])?;
            set(scope, module, "default", value.into())?;
        }
    }
    let resolver = v8::PromiseResolver::new(scope)?;
    let undefined = v8::undefined(scope);
    resolver.resolve(scope, undefined.into())?;
    Some(resolver.get_promise(scope).into())
}

fn set<'s>(scope: &mut v8::PinScope<'s, '_>, module: v8::Local<v8::Module>, name: &str, value: v8::Local<'s, v8::Value>) -> Option<()> {
    let name = v8::String::new(scope, name)?;
    module.set_synthetic_module_export(scope, name, value).map(|_| ())
}

/// Properties of an object as exports: all of them, or those that were promised.
fn set_all<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    module: v8::Local<v8::Module>,
    from: v8::Local<'s, v8::Object>,
    only: Option<&[String]>,
) -> Option<()> {
    let names: Vec<v8::Local<v8::String>> = match only {
        Some(names) => names.iter().map(|name| v8::String::new(scope, name)).collect::<Option<_>>()?,
        None => {
            let keys = from.get_own_property_names(scope, v8::GetPropertyNamesArgs::default())?;
            (0..keys.length()).map(|index| keys.get_index(scope, index)?.try_into().ok()).collect::<Option<_>>()?
        }
    };
    for name in names {
        let value = from.get(scope, name.into())?;
        module.set_synthetic_module_export(scope, name, value)?;
    }
    Some(())
}

/// What a file is as a value.
pub(super) fn value_of<'s>(scope: &mut v8::PinScope<'s, '_>, code: &ModuleCode) -> Option<v8::Local<'s, v8::Value>> {
    match code.kind {
        ModuleKind::Json => json_of(scope, code),
        ModuleKind::Bytes => {
            let bytes = bytes_of(scope, code)?;
            bytes.buffer(scope).map(Into::into)
        }
        ModuleKind::Wasm => wasm_of(scope, code),
        _ => text_of(scope, code),
    }
}

fn text_of<'s>(scope: &mut v8::PinScope<'s, '_>, code: &ModuleCode) -> Option<v8::Local<'s, v8::Value>> {
    if std::str::from_utf8(&code.source).is_err() {
        exceptions::throw_type_error(scope, &format!("{} is not UTF-8", code.path));
        return None;
    }
    source_text(scope, &code.source).map(Into::into)
}

fn json_of<'s>(scope: &mut v8::PinScope<'s, '_>, code: &ModuleCode) -> Option<v8::Local<'s, v8::Value>> {
    let text = source_text(scope, &code.source)?;
    v8::tc_scope!(let scope, scope);
    if let Some(value) = v8::json::parse(scope, text) {
        return Some(value);
    }
    if scope.has_terminated() {
        scope.rethrow();
        return None;
    }
    let error = exceptions::caught(scope, Status::Compile);
    scope.reset();
    let message = v8::String::new(scope, &format!("{}: {}", code.path, error.message))?;
    let error = v8::Exception::syntax_error(scope, message);
    scope.throw_exception(error);
    scope.rethrow();
    None
}

fn bytes_of<'s>(scope: &mut v8::PinScope<'s, '_>, code: &ModuleCode) -> Option<v8::Local<'s, v8::Uint8Array>> {
    // Counted before they are copied.
    let budget = State::of(scope)?.budget.clone();
    let fits = code.source.len() <= budget.max().saturating_sub(budget.used());
    let array = if fits { bytes::to_array(scope, code.source.to_vec()) } else { None };
    if array.is_none() {
        exceptions::throw_range_error(scope, &format!("{} does not fit into the memory that is left (limit external_bytes)", code.path));
    }
    array
}

/// The app's own file is the one source of WebAssembly that is allowed. What V8 has made of it is kept with the version.
fn wasm_of<'s>(scope: &mut v8::PinScope<'s, '_>, code: &ModuleCode) -> Option<v8::Local<'s, v8::Value>> {
    if let Some(compiled) = code.wasm.get() {
        return v8::WasmModuleObject::from_compiled_module(scope, &compiled.0).map(Into::into);
    }
    let app = code_of(scope).map(|code| code.name.clone()).unwrap_or_default();
    if let Err(why) = wasm_types::admit(&app, &code.source) {
        exceptions::throw_range_error(scope, &format!("{}: {why}", code.path));
        return None;
    }
    State::of(scope)?.wasm_allowed.set(true);
    // Whoever has the same bytes waits for what V8 makes of them.
    let holding = locks::hold();
    let module = v8::WasmModuleObject::compile(scope, &code.source);
    drop(holding);
    State::of(scope)?.wasm_allowed.set(false);
    let Some(module) = module else {
        // V8 says nothing here; what is wrong with the bytes is the same for everybody.
        let what = if code.source.starts_with(b"\0asm") { "V8 refuses this WebAssembly" } else { "it is not WebAssembly (binary format)" };
        exceptions::throw_type_error(scope, &format!("{}: {what}", code.path));
        return None;
    };
    let _ = code.wasm.set(CompiledWasm(module.get_compiled_module()));
    Some(module.into())
}
