//! An app's code as an instance needs it: modules in memory, shared by all instances of one version.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use nano_base::module::{Import, ModuleKind};

/// From the text that V8 runs to what the author wrote.
pub trait Positions: Send + Sync + fmt::Debug {
    /// File, line and column, counted from 1, of a place in the module's source. It may be called on a shard.
    fn original(&self, line: u32, column: u32) -> Option<(String, u32, u32)>;
    /// The whole of it as JSON, for a debugger, with the URLs and the texts of the files that it names.
    fn json(&self, url: &dyn Fn(&str) -> String, text: &dyn Fn(&str) -> Option<String>) -> String;
}

/// One module.
#[derive(Debug)]
pub struct ModuleCode {
    /// Its path inside the app, with `/` and without a leading one.
    pub path: String,
    /// How it is evaluated.
    pub kind: ModuleKind,
    /// Its text, UTF-8, or its bytes.
    pub source: Arc<[u8]>,
    /// Where each specifier in it leads.
    pub imports: HashMap<Box<str>, Import>,
    /// The names that a CommonJS module exports beside `default`.
    pub exports: Vec<String>,
    /// Its source map.
    pub positions: Option<Box<dyn Positions>>,
    /// Whether its source is not the text that is in the app's folder.
    pub translated: bool,
    /// V8's code cache, made by the first instance that has run it.
    pub(crate) cache: OnceLock<Vec<u8>>,
    /// What V8 has compiled of a WebAssembly module, shared by all instances.
    pub(crate) wasm: OnceLock<CompiledWasm>,
}

/// V8's machine code of one WebAssembly module.
pub(crate) struct CompiledWasm(pub v8::CompiledWasmModule);

impl fmt::Debug for CompiledWasm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CompiledWasm")
    }
}

impl ModuleCode {
    /// A module that imports nothing yet.
    pub fn new(path: String, kind: ModuleKind, source: Vec<u8>) -> Self {
        Self {
            path,
            kind,
            source: Arc::from(source),
            imports: HashMap::new(),
            exports: Vec::new(),
            positions: None,
            translated: false,
            cache: OnceLock::new(),
            wasm: OnceLock::new(),
        }
    }
}

/// What an app is told by its host, besides its env.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppSettings {
    /// The index of the binding that answers the global `fetch`; refused without one.
    pub outbound: Option<u32>,
    /// The API base URL; relative URLs are refused without one.
    pub base_url: Option<String>,
    /// Whether code may be made from text, and WebAssembly from bytes.
    pub code_generation: bool,
    /// It is run for what it does, and need not handle anything.
    pub program: bool,
}

/// What an app's env holds besides bindings, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables {
    /// Texts.
    pub texts: Vec<(String, String)>,
    /// Values, as JSON has them.
    pub json: Vec<(String, String)>,
}

/// All modules of one version of an app.
#[derive(Debug)]
pub struct AppCode {
    /// The app's name: the host part of the URLs in its stacks.
    pub name: String,
    /// The URL of its folder, with a slash at its end: what debuggers know its files by.
    pub root: String,
    /// The modules; the first is the main one.
    pub modules: Vec<ModuleCode>,
}

impl AppCode {
    /// The module at `path`.
    pub fn find(&self, path: &str) -> Option<usize> {
        self.modules.iter().position(|module| module.path == path)
    }

    /// Whether any module has a source map.
    pub(crate) fn has_positions(&self) -> bool {
        self.modules.iter().any(|module| module.positions.is_some())
    }

    /// Where a place in a module's source comes from, if its source map says so.
    pub(crate) fn original(&self, path: &str, line: u32, column: u32) -> Option<(String, u32, u32)> {
        self.modules[self.find(path)?].positions.as_ref()?.original(line, column)
    }

    /// `file:line:column` as the author knows it.
    pub(crate) fn place(&self, path: &str, line: u32, column: u32) -> String {
        let (file, line, column) = self.original(path, line, column).unwrap_or_else(|| (path.to_string(), line, column));
        format!("{file}:{line}:{column}")
    }
}
