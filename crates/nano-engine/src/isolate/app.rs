//! An app's code as an instance needs it: modules in memory, shared by all instances of one version.

use std::sync::{Arc, OnceLock};

/// What a module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleKind {
    /// An ES module. A main module without imports and exports that listens for events is run as a script instead.
    JavaScript,
    /// Its default export is the parsed value.
    Json,
    /// Its default export is the text.
    Text,
}

/// One module.
#[derive(Debug)]
pub struct ModuleCode {
    /// Its path inside the app, with `/` and without a leading one.
    pub path: String,
    /// How it is evaluated.
    pub kind: ModuleKind,
    /// Its text, UTF-8.
    pub source: Arc<[u8]>,
    /// V8's code cache, made by the first instance that has run it.
    pub cache: OnceLock<Vec<u8>>,
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
}

/// All modules of one version of an app.
#[derive(Debug)]
pub struct AppCode {
    /// The app's name: the host part of the URLs in its stacks.
    pub name: String,
    /// The modules; the first is the main one.
    pub modules: Vec<ModuleCode>,
}

impl AppCode {
    /// The module at `path`.
    pub fn find(&self, path: &str) -> Option<usize> {
        self.modules.iter().position(|module| module.path == path)
    }
}
