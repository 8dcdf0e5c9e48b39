//! Packages in Node's older format: a function of `exports`, `require` and `module`, run when it is first needed.

use std::sync::Arc;

use nano_base::module::Import;

use super::{Key, ModuleKind, code_of, find_import, load, origin, source_text, synthetic};
use crate::engine::exceptions;
use crate::isolate::app::AppCode;
use crate::isolate::state::State;
use crate::web::ops;

/// `module.exports` of a CommonJS module. It runs once; one that requires itself on the way sees what there is so far.
pub(super) fn run<'s>(scope: &mut v8::PinScope<'s, '_>, code: &Arc<AppCode>, index: usize) -> Option<v8::Local<'s, v8::Value>> {
    let exports_key = v8::String::new(scope, "exports")?;
    let begun = State::of(scope)?.modules.borrow().commonjs.get(&index).map(|module| v8::Local::new(scope, module));
    if let Some(module) = begun {
        return module.get(scope, exports_key.into());
    }
    let module_code = &code.modules[index];
    let text = source_text(scope, &module_code.source)?;
    let origin = origin(scope, module_code, false)?;
    let mut source = v8::script_compiler::Source::new(text, Some(&origin));
    let mut names = Vec::new();
    for name in ["exports", "require", "module", "__filename", "__dirname"] {
        names.push(v8::String::new(scope, name)?);
    }
    let options = v8::script_compiler::CompileOptions::NoCompileOptions;
    let reason = v8::script_compiler::NoCacheReason::NoReason;
    let function = v8::script_compiler::compile_function(scope, &mut source, &names, &[], options, reason)?;

    let module = v8::Object::new(scope);
    let exports = v8::Object::new(scope);
    module.create_data_property(scope, exports_key.into(), exports.into())?;
    let data = v8::Integer::new(scope, index as i32);
    let require = v8::Function::builder(require).data(data.into()).length(1).build(scope)?;
    let filename = format!("/{}", module_code.path);
    let dirname = filename.rsplit_once('/').map_or("/", |(folder, _)| if folder.is_empty() { "/" } else { folder });
    let dirname = v8::String::new(scope, dirname)?;
    let filename = v8::String::new(scope, &filename)?;
    State::of(scope)?.modules.borrow_mut().commonjs.insert(index, v8::Global::new(scope, module));
    let arguments = [exports.into(), require.into(), module.into(), filename.into(), dirname.into()];
    if function.call(scope, exports.into(), &arguments).is_none() {
        // As in Node, a module that threw runs again when it is required again.
        State::of(scope)?.modules.borrow_mut().commonjs.remove(&index);
        return None;
    }
    module.get(scope, exports_key.into())
}

/// `require(specifier)`
fn require<'s>(scope: &mut v8::PinScope<'s, '_>, args: v8::FunctionCallbackArguments<'s>, mut rv: v8::ReturnValue) {
    let importer = args.data().uint32_value(scope).unwrap_or(0) as usize;
    if !args.get(0).is_string() {
        exceptions::throw_type_error(scope, "require() takes the name of a module");
        return;
    }
    let specifier = ops::copy(scope, args.get(0));
    let Some(code) = code_of(scope) else { return };
    match required(scope, &code, importer, &specifier) {
        Ok(Some(value)) => rv.set(value),
        // An exception is pending.
        Ok(None) => {}
        Err(why) => {
            let file = &code.modules[importer].path;
            if let Some(message) = v8::String::new(scope, &format!("cannot require \"{specifier}\" from {file}: {why}")) {
                let error = v8::Exception::error(scope, message);
                // What packages that try several look at.
                if let (Some(object), Some(key), Some(value)) =
                    (error.to_object(scope), v8::String::new(scope, "code"), v8::String::new(scope, "MODULE_NOT_FOUND"))
                {
                    object.create_data_property(scope, key.into(), value.into());
                }
                scope.throw_exception(error);
            }
        }
    }
}

fn required<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    code: &Arc<AppCode>,
    importer: usize,
    specifier: &str,
) -> Result<Option<v8::Local<'s, v8::Value>>, String> {
    let index = match find_import(code, importer, specifier)? {
        Import::Module(index) => index,
        Import::Builtin(name) => {
            let Some(exports) = synthetic::platform_exports(scope, &name) else { return Ok(None) };
            let Some(default) = v8::String::new(scope, "default") else { return Ok(None) };
            let has = exports.has_own_property(scope, default.into()).unwrap_or(false);
            return Ok(if has { exports.get(scope, default.into()) } else { Some(exports.into()) });
        }
        Import::Nothing(why) => return Err(why.into()),
    };
    match code.modules[index].kind {
        ModuleKind::CommonJs => Ok(run(scope, code, index)),
        ModuleKind::JavaScript => {
            let module = load(scope, code, Key::File(index)).map_err(|error| error.message)?;
            if module.is_graph_async() {
                return Err("it is an ES module with a top-level await; import() it".into());
            }
            if module.get_status() == v8::ModuleStatus::Evaluating {
                return Err("it is an ES module that is still being evaluated (a cycle)".into());
            }
            if module.evaluate(scope).is_none() {
                return Ok(None);
            }
            if module.get_status() == v8::ModuleStatus::Errored {
                let error = module.get_exception();
                scope.throw_exception(error);
                return Ok(None);
            }
            Ok(Some(module.get_module_namespace()))
        }
        _ => Ok(synthetic::value_of(scope, &code.modules[index])),
    }
}
