//! ES modules of one app: compiled from memory when something imports them, linked to one another, to the platform's own modules, and
//! to nothing else.
//!
//! - `synthetic`: modules that are no JavaScript: JSON, text, bytes, WebAssembly, the platform's.
//! - `dynamic`: `import()` and `import.meta`.
//! - `commonjs`: packages in Node's older format.

mod commonjs;
mod dynamic;
mod synthetic;

use std::collections::HashMap;
use std::num::NonZeroI32;
use std::sync::Arc;

use nano_base::module::{Import, ModuleKind};
use nano_base::status::{Error, Result, Status};

use super::exceptions;
use crate::isolate::app::{AppCode, ModuleCode};
use crate::isolate::state::State;

pub use dynamic::url_under;
pub(crate) use dynamic::{import_dynamically, initialize_meta};

/// What a module is known by: `with { type: "text" }` makes another module of the same file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A file of the app, as what it is by itself.
    File(usize),
    /// A file of the app as text.
    Text(usize),
    /// A file of the app as bytes.
    Bytes(usize),
    /// A module of the platform.
    Builtin(&'static str),
}

/// The modules of one instance.
#[derive(Default)]
pub(crate) struct ModuleMap {
    code: Option<Arc<AppCode>>,
    by_key: HashMap<Key, v8::Global<v8::Module>>,
    /// V8's hash of a module is not unique.
    by_hash: HashMap<NonZeroI32, Vec<Key>>,
    /// `module` of each CommonJS module that has begun to run.
    commonjs: HashMap<usize, v8::Global<v8::Object>>,
}

/// Compiles the main module and everything it imports, and links them. `None` if it is not a module at all but a script in
/// service-worker syntax: V8's own parser decides, by what it imports and exports.
pub(crate) fn link<'s>(scope: &mut v8::PinScope<'s, '_>, state: &State, code: &Arc<AppCode>) -> Result<Option<v8::Local<'s, v8::Module>>> {
    state.modules.borrow_mut().code = Some(code.clone());
    let main = load(scope, code, Key::File(0))?;
    let listens = code.modules[0].source.windows(LISTENS.len()).any(|window| window == LISTENS);
    if listens && main.get_module_requests().length() == 0 && exports(scope, main) == Some(0) {
        return Ok(None);
    }
    Ok(Some(main))
}

/// What every app in service-worker syntax says somewhere.
const LISTENS: &[u8] = b"addEventListener";

/// A module with everything that it imports, linked and not evaluated.
pub(super) fn load<'s>(scope: &mut v8::PinScope<'s, '_>, code: &Arc<AppCode>, key: Key) -> Result<v8::Local<'s, v8::Module>> {
    v8::tc_scope!(let scope, scope);
    let module = compile_graph(scope, code, key)?;
    if module.instantiate_module(scope, resolve).is_none() {
        return Err(exceptions::caught(scope, Status::Compile));
    }
    Ok(module)
}

/// How many names a linked module exports.
fn exports(scope: &mut v8::PinScope, module: v8::Local<v8::Module>) -> Option<u32> {
    let namespace = module.get_module_namespace().to_object(scope)?;
    let names = namespace.get_own_property_names(scope, v8::GetPropertyNamesArgs::default())?;
    Some(names.length())
}

/// Compiles along the imports, so that every one is known, or named in an error, before anything is linked.
fn compile_graph<'s>(
    scope: &mut v8::PinnedRef<'_, v8::TryCatch<'_, 's, v8::HandleScope<'_>>>,
    code: &Arc<AppCode>,
    key: Key,
) -> Result<v8::Local<'s, v8::Module>> {
    if let Some(known) = known(scope, &key) {
        return Ok(known);
    }
    let root = compile(scope, code, &key)?;
    let mut queue = vec![(key, root)];
    while let Some((importer, module)) = queue.pop() {
        let Key::File(importer) = importer else { continue };
        if !module.is_source_text_module() {
            continue;
        }
        let requests = module.get_module_requests();
        for index in 0..requests.length() {
            let Some(request) = requests.get(scope, index) else { continue };
            let Ok(request) = v8::Local::<v8::ModuleRequest>::try_from(request) else { continue };
            let specifier = request.get_specifier().to_rust_string_lossy(scope);
            let kind = attribute(scope, request.get_import_attributes(), 3);
            let target = kind.and_then(|kind| key_of(code, importer, &specifier, kind.as_deref())).map_err(|why| {
                let at = module.source_offset_to_location(request.get_source_offset());
                let path = &code.modules[importer].path;
                let place = code.place(path, at.get_line_number().max(0) as u32 + 1, at.get_column_number().max(0) as u32 + 1);
                Error::new(Status::Compile, format!("{place}: cannot import \"{specifier}\": {why}"))
            })?;
            if known(scope, &target).is_none() {
                let compiled = compile(scope, code, &target)?;
                queue.push((target, compiled));
            }
        }
    }
    Ok(root)
}

/// A module that has been compiled already.
fn known<'s>(scope: &v8::PinScope<'s, '_>, key: &Key) -> Option<v8::Local<'s, v8::Module>> {
    let modules = State::of(scope)?.modules.borrow();
    modules.by_key.get(key).map(|module| v8::Local::new(scope, module))
}

/// The code, and what a module is of it.
pub(super) fn identify(scope: &v8::PinScope, module: v8::Local<v8::Module>) -> Option<(Arc<AppCode>, Key)> {
    State::of(scope)?.modules.borrow().find(scope, module)
}

/// The code of the app that an isolate runs.
pub(crate) fn code_of(scope: &v8::Isolate) -> Option<Arc<AppCode>> {
    State::of(scope)?.modules.borrow().code.clone()
}

/// The value of the attribute `type`; an error for any other attribute. `stride` is 3 where attributes come with positions.
pub(super) fn attribute(
    scope: &v8::PinScope,
    attributes: v8::Local<v8::FixedArray>,
    stride: usize,
) -> std::result::Result<Option<String>, String> {
    let mut kind = None;
    let text = |index: usize| {
        let value = attributes.get(scope, index).and_then(|value| v8::Local::<v8::Value>::try_from(value).ok());
        value.map(|value| value.to_rust_string_lossy(scope)).unwrap_or_default()
    };
    for index in (0..attributes.length()).step_by(stride) {
        match text(index).as_str() {
            "type" => kind = Some(text(index + 1)),
            other => return Err(format!("the import attribute \"{other}\" means nothing here")),
        }
    }
    Ok(kind)
}

/// Which module an import of a file means.
pub(super) fn key_of(code: &AppCode, importer: usize, specifier: &str, kind: Option<&str>) -> std::result::Result<Key, String> {
    let file = match find_import(code, importer, specifier)? {
        Import::Module(index) => index,
        Import::Builtin(name) => {
            if kind.is_some() {
                return Err("a module of the platform has no type".into());
            }
            let name = crate::web::builtins::builtin(&name).ok_or("NANO does not have this module")?;
            return Ok(Key::Builtin(name));
        }
        Import::Nothing(why) => return Err(why.into()),
    };
    let module = &code.modules[file];
    let as_other =
        |key: Key| if module.translated { Err(format!("{} is compiled, so its text is not at hand", module.path)) } else { Ok(key) };
    match kind {
        None => Ok(Key::File(file)),
        Some("json") if module.kind == ModuleKind::Json => Ok(Key::File(file)),
        Some("json") => Err(format!("{} is no .json file", module.path)),
        Some("text") if module.kind == ModuleKind::Text => Ok(Key::File(file)),
        Some("text") => as_other(Key::Text(file)),
        Some("bytes") => as_other(Key::Bytes(file)),
        Some(other) => Err(format!("there is no type \"{other}\": it may be json, text or bytes")),
    }
}

/// Where a specifier leads: as it was resolved when the app was loaded, else among the files that were loaded then.
fn find_import(code: &AppCode, importer: usize, specifier: &str) -> std::result::Result<Import, String> {
    if let Some(import) = code.modules[importer].imports.get(specifier) {
        return Ok(import.clone());
    }
    if let Some(name) = crate::web::builtins::builtin(specifier) {
        return Ok(Import::Builtin(name.into()));
    }
    if specifier.contains(':') && !specifier.starts_with("file:///") {
        return Err("code comes from the app's folder only".into());
    }
    let path = resolve_path(&code.modules[importer].path, specifier.strip_prefix("file://").unwrap_or(specifier))?;
    match code.find(&path) {
        Some(index) => Ok(Import::Module(index)),
        None => {
            Err(format!("{path} was not loaded: files are read when the app is loaded, so write the name out, as a string, in some import"))
        }
    }
}

fn compile<'s>(
    scope: &mut v8::PinnedRef<'_, v8::TryCatch<'_, 's, v8::HandleScope<'_>>>,
    code: &AppCode,
    key: &Key,
) -> Result<v8::Local<'s, v8::Module>> {
    let module = match *key {
        Key::File(index) if code.modules[index].kind == ModuleKind::JavaScript => compile_javascript(scope, &code.modules[index]),
        Key::File(index) | Key::Text(index) | Key::Bytes(index) => synthetic::of_file(scope, &code.modules[index]),
        Key::Builtin(name) => synthetic::of_platform(scope, name),
    };
    let Some(module) = module else { return Err(exceptions::caught(scope, Status::Compile)) };
    if let Some(state) = State::of(scope) {
        state.modules.borrow_mut().add(scope, key.clone(), module);
    }
    Ok(module)
}

fn compile_javascript<'s>(scope: &mut v8::PinScope<'s, '_>, code: &ModuleCode) -> Option<v8::Local<'s, v8::Module>> {
    let text = source_text(scope, &code.source)?;
    let origin = origin(scope, code, true)?;
    // What is to be debugged is compiled with all that a debugger asks for.
    let is_inspected = State::of(scope).and_then(State::attached).is_some();
    match code.cache.get().filter(|_| !is_inspected) {
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

impl ModuleMap {
    fn add(&mut self, scope: &v8::PinScope, key: Key, module: v8::Local<v8::Module>) {
        self.by_hash.entry(module.get_identity_hash()).or_default().push(key.clone());
        self.by_key.insert(key, v8::Global::new(scope, module));
    }

    /// The code, and what a module is of it.
    fn find(&self, scope: &v8::PinScope, module: v8::Local<v8::Module>) -> Option<(Arc<AppCode>, Key)> {
        let keys = self.by_hash.get(&module.get_identity_hash())?;
        let key = keys.iter().find(|key| self.by_key.get(key).is_some_and(|known| v8::Local::new(scope, known) == module))?;
        Some((self.code.clone()?, key.clone()))
    }

    /// Gives every module's code cache to the app, once.
    pub(crate) fn keep_caches(&self, scope: &v8::PinScope) {
        let Some(code) = &self.code else { return };
        for (key, module) in &self.by_key {
            let Key::File(index) = key else { continue };
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
    attributes: v8::Local<'s, v8::FixedArray>,
    referrer: v8::Local<'s, v8::Module>,
) -> Option<v8::Local<'s, v8::Module>> {
    v8::callback_scope!(unsafe scope, context);
    let found = (|| {
        let (code, Key::File(importer)) = identify(scope, referrer)? else { return None };
        let kind = attribute(scope, attributes, 3).ok()?;
        let key = key_of(&code, importer, &specifier.to_rust_string_lossy(scope), kind.as_deref()).ok()?;
        known(scope, &key)
    })();
    if found.is_none() {
        exceptions::throw_type_error(scope, "an import was not resolved");
    }
    found
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
        let origin = origin(scope, &code.modules[0], false)?;
        v8::Script::compile(scope, text, Some(&origin))
    })();
    let Some(script) = compiled else { return Err(exceptions::caught(scope, Status::Compile)) };
    match script.run(scope) {
        Some(_) => Ok(()),
        None => Err(exceptions::caught(scope, Status::Exception)),
    }
}

fn origin<'s>(scope: &v8::PinScope<'s, '_>, code: &ModuleCode, module: bool) -> Option<v8::ScriptOrigin<'s>> {
    let name = v8::String::new(scope, &code.path)?;
    let attached = State::of(scope).and_then(State::attached);
    let map = attached.as_ref().and_then(|attached| attached.source_map(scope, code));
    // V8 shows a debugger no exceptions of scripts that another origin does not share, as the web calls it.
    Some(v8::ScriptOrigin::new(scope, name.into(), 0, 0, attached.is_some(), -1, map, false, false, module, None))
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
