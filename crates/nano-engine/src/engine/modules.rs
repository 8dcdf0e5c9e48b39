//! ES modules of one app: compiled from memory, linked to one another and to nothing else.

use std::collections::HashMap;
use std::num::NonZeroI32;
use std::sync::Arc;

use nano_base::status::{Error, Result, Status};

use super::exceptions;
use crate::isolate::app::{AppCode, ModuleCode, ModuleKind};
use crate::isolate::state::State;

/// The modules of one instance.
#[derive(Default)]
pub(crate) struct ModuleMap {
    code: Option<Arc<AppCode>>,
    by_index: HashMap<usize, v8::Global<v8::Module>>,
    by_hash: HashMap<NonZeroI32, usize>,
}

/// Compiles the main module and everything it imports, and links them. `None` if it is not a module at all but a script in
/// service-worker syntax: V8's own parser decides, by what it imports and exports.
pub(crate) fn link<'s>(scope: &mut v8::PinScope<'s, '_>, state: &State, code: &Arc<AppCode>) -> Result<Option<v8::Local<'s, v8::Module>>> {
    state.modules.borrow_mut().code = Some(code.clone());
    v8::tc_scope!(let scope, scope);
    let main = compile_graph(scope, state, code)?;
    if main.instantiate_module(scope, resolve).is_none() {
        return Err(exceptions::caught(scope, Status::Compile));
    }
    let listens = code.modules[0].source.windows(LISTENS.len()).any(|window| window == LISTENS);
    if listens && main.get_module_requests().length() == 0 && exports(scope, main) == Some(0) {
        return Ok(None);
    }
    Ok(Some(main))
}

/// What every app in service-worker syntax says somewhere.
const LISTENS: &[u8] = b"addEventListener";

/// How many names a linked module exports.
fn exports(scope: &mut v8::PinScope, module: v8::Local<v8::Module>) -> Option<u32> {
    let namespace = module.get_module_namespace().to_object(scope)?;
    let names = namespace.get_own_property_names(scope, v8::GetPropertyNamesArgs::default())?;
    Some(names.length())
}

/// Compiles breadth-first, so that every import is known, or named in an error, before anything is linked.
fn compile_graph<'s>(
    scope: &mut v8::PinnedRef<'_, v8::TryCatch<'_, 's, v8::HandleScope<'_>>>,
    state: &State,
    code: &Arc<AppCode>,
) -> Result<v8::Local<'s, v8::Module>> {
    let main = compile(scope, state, code, 0)?;
    let mut queue = vec![(0, main)];
    while let Some((importer, module)) = queue.pop() {
        let requests = module.get_module_requests();
        for index in 0..requests.length() {
            let Some(request) = requests.get(scope, index) else { continue };
            let Ok(request) = v8::Local::<v8::ModuleRequest>::try_from(request) else { continue };
            let specifier = request.get_specifier().to_rust_string_lossy(scope);
            let at = module.source_offset_to_location(request.get_source_offset());
            let importer_path = &code.modules[importer].path;
            let position = format!("{importer_path}:{}:{}", at.get_line_number() + 1, at.get_column_number() + 1);
            let path = resolve_path(importer_path, &specifier)
                .map_err(|why| Error::new(Status::Compile, format!("{position}: cannot import \"{specifier}\": {why}")))?;
            let Some(target) = code.find(&path) else {
                let message = format!("{position}: cannot import \"{specifier}\": the app has no file {path}");
                return Err(Error::new(Status::Compile, message));
            };
            if !state.modules.borrow().by_index.contains_key(&target) {
                let compiled = compile(scope, state, code, target)?;
                queue.push((target, compiled));
            }
        }
    }
    Ok(main)
}

fn compile<'s>(
    scope: &mut v8::PinnedRef<'_, v8::TryCatch<'_, 's, v8::HandleScope<'_>>>,
    state: &State,
    code: &AppCode,
    index: usize,
) -> Result<v8::Local<'s, v8::Module>> {
    let module_code = &code.modules[index];
    let module = match module_code.kind {
        ModuleKind::JavaScript => compile_javascript(scope, module_code),
        ModuleKind::Json | ModuleKind::Text => synthetic(scope, module_code),
    };
    let Some(module) = module else { return Err(exceptions::caught(scope, Status::Compile)) };
    let mut modules = state.modules.borrow_mut();
    modules.by_hash.insert(module.get_identity_hash(), index);
    modules.by_index.insert(index, v8::Global::new(scope, module));
    Ok(module)
}

fn compile_javascript<'s>(scope: &mut v8::PinScope<'s, '_>, code: &ModuleCode) -> Option<v8::Local<'s, v8::Module>> {
    let text = source_text(scope, &code.source)?;
    let origin = origin(scope, &code.path, true)?;
    match code.cache.get() {
        Some(cache) => {
            let mut source = v8::script_compiler::Source::new_with_cached_data(text, Some(&origin), v8::CachedData::new(cache));
            let options = v8::script_compiler::CompileOptions::ConsumeCodeCache;
            v8::script_compiler::compile_module2(scope, &mut source, options, v8::script_compiler::NoCacheReason::NoReason)
        }
        None => {
            let mut source = v8::script_compiler::Source::new(text, Some(&origin));
            v8::script_compiler::compile_module(scope, &mut source)
        }
    }
}

fn synthetic<'s>(scope: &mut v8::PinScope<'s, '_>, code: &ModuleCode) -> Option<v8::Local<'s, v8::Module>> {
    let name = v8::String::new(scope, &code.path)?;
    let default = v8::String::new(scope, "default")?;
    Some(v8::Module::create_synthetic_module(scope, name, &[default], evaluate_synthetic))
}

/// The default export of a JSON or text module.
fn evaluate_synthetic<'s>(context: v8::Local<'s, v8::Context>, module: v8::Local<v8::Module>) -> Option<v8::Local<'s, v8::Value>> {
    v8::callback_scope!(unsafe scope, context);
    let state = State::of(scope)?;
    let (code, index) = state.modules.borrow().find(module)?;
    let module_code = &code.modules[index];
    let text = source_text(scope, &module_code.source)?;
    let value = match module_code.kind {
        ModuleKind::Json => {
            v8::tc_scope!(let scope, scope);
            match v8::json::parse(scope, text) {
                Some(value) => value,
                None => {
                    let error = exceptions::caught(scope, Status::Compile);
                    scope.reset();
                    let message = v8::String::new(scope, &format!("{}: {}", module_code.path, error.message))?;
                    let error = v8::Exception::syntax_error(scope, message);
                    scope.throw_exception(error);
                    scope.rethrow();
                    return None;
                }
            }
        }
        _ => text.into(),
    };
    let default = v8::String::new(scope, "default")?;
    module.set_synthetic_module_export(scope, default, value)?;
    let resolver = v8::PromiseResolver::new(scope)?;
    let undefined = v8::undefined(scope);
    resolver.resolve(scope, undefined.into())?;
    Some(resolver.get_promise(scope).into())
}

impl ModuleMap {
    fn find(&self, module: v8::Local<v8::Module>) -> Option<(Arc<AppCode>, usize)> {
        let index = *self.by_hash.get(&module.get_identity_hash())?;
        Some((self.code.clone()?, index))
    }

    /// Gives every module's code cache to the app, once.
    pub(crate) fn keep_caches(&self, scope: &v8::PinScope) {
        let Some(code) = &self.code else { return };
        for (index, module) in &self.by_index {
            let module_code = &code.modules[*index];
            // Below this size parsing is cheaper than checking a cache.
            if module_code.kind != ModuleKind::JavaScript
                || module_code.source.len() < CACHE_SOURCE_BYTES_MIN
                || module_code.cache.get().is_some()
            {
                continue;
            }
            let module = v8::Local::new(scope, module);
            if let Some(cache) = module.get_unbound_module_script(scope).create_code_cache() {
                let _ = module_code.cache.set(cache.to_vec());
            }
        }
    }
}

/// Sources smaller than this have no code cache.
const CACHE_SOURCE_BYTES_MIN: usize = 4 << 10;

/// V8 asks which module an import means; all of them have been compiled by then.
fn resolve<'s>(
    context: v8::Local<'s, v8::Context>,
    specifier: v8::Local<'s, v8::String>,
    _attributes: v8::Local<'s, v8::FixedArray>,
    referrer: v8::Local<'s, v8::Module>,
) -> Option<v8::Local<'s, v8::Module>> {
    v8::callback_scope!(unsafe scope, context);
    let state = State::of(scope)?;
    let modules = state.modules.borrow();
    let (code, importer) = modules.find(referrer)?;
    let path = resolve_path(&code.modules[importer].path, &specifier.to_rust_string_lossy(scope)).ok()?;
    let module = modules.by_index.get(&code.find(&path)?)?;
    Some(v8::Local::new(scope, module))
}

/// Where a specifier leads from a module: inside the app, or an explanation.
pub(crate) fn resolve_path(importer: &str, specifier: &str) -> std::result::Result<String, &'static str> {
    let relative = specifier.starts_with("./") || specifier.starts_with("../");
    if !relative && !specifier.starts_with('/') {
        return Err("only files of the app can be imported, by a path that begins with ./ or ../");
    }
    let mut parts: Vec<&str> = if relative { importer.split('/').collect() } else { Vec::new() };
    parts.pop();
    for part in specifier.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or("it leads outside the app's folder")?;
            }
            name => parts.push(name),
        }
    }
    Ok(parts.join("/"))
}

/// Runs an app in service-worker syntax: one classic script.
pub(crate) fn run_script(scope: &mut v8::PinScope, code: &AppCode) -> Result<()> {
    v8::tc_scope!(let scope, scope);
    let compiled = (|| {
        let text = source_text(scope, &code.modules[0].source)?;
        let origin = origin(scope, &code.modules[0].path, false)?;
        v8::Script::compile(scope, text, Some(&origin))
    })();
    let Some(script) = compiled else { return Err(exceptions::caught(scope, Status::Compile)) };
    match script.run(scope) {
        Some(_) => Ok(()),
        None => Err(exceptions::caught(scope, Status::Exception)),
    }
}

fn origin<'s>(scope: &v8::PinScope<'s, '_>, path: &str, module: bool) -> Option<v8::ScriptOrigin<'s>> {
    let name = v8::String::new(scope, path)?;
    Some(v8::ScriptOrigin::new(scope, name.into(), 0, 0, false, -1, None, false, false, module, None))
}

/// An app's text as a string: ASCII is not copied into the heap but shared by all instances.
fn source_text<'s>(scope: &v8::PinScope<'s, '_>, source: &Arc<[u8]>) -> Option<v8::Local<'s, v8::String>> {
    if source.is_empty() || !source.is_ascii() {
        return v8::String::new_from_utf8(scope, source, v8::NewStringType::Normal);
    }
    let len = source.len();
    let data = Arc::into_raw(source.clone()).cast::<u8>();
    // SAFETY: one strong count of the Arc is given away and taken back by `release_source`; the text is immutable ASCII.
    unsafe { v8::String::new_external_onebyte_raw(scope, data.cast_mut().cast(), len, release_source) }
}

unsafe extern "C" fn release_source(data: *mut std::ffi::c_char, len: usize) {
    let slice = std::ptr::slice_from_raw_parts(data.cast::<u8>(), len);
    // SAFETY: `data` and `len` are those of the Arc that `source_text` leaked.
    drop(unsafe { Arc::<[u8]>::from_raw(slice) });
}

#[cfg(test)]
mod tests {
    use super::resolve_path;

    #[test]
    fn imports_stay_inside_the_app() {
        assert_eq!(resolve_path("index.js", "./lib/a.js"), Ok("lib/a.js".into()));
        assert_eq!(resolve_path("lib/a.js", "../b.js"), Ok("b.js".into()));
        assert_eq!(resolve_path("lib/a.js", "/b.js"), Ok("b.js".into()));
        assert!(resolve_path("index.js", "../secret.js").is_err());
        assert!(resolve_path("index.js", "./a/../../secret.js").is_err());
        assert!(resolve_path("index.js", "left-pad").is_err());
        assert!(resolve_path("index.js", "https://example.com/x.js").is_err());
    }
}
