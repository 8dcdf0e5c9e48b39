//! Modules of an app, as the compiler finds them and the engine runs them.

/// What a module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleKind {
    /// An ES module. A main module without imports and exports that listens for events is run as a script instead.
    JavaScript,
    /// A module in Node's older format, which packages have.
    CommonJs,
    /// Its default export is the parsed value.
    Json,
    /// Its default export is the text.
    Text,
    /// Its default export is an ArrayBuffer.
    Bytes,
    /// Its default export is a WebAssembly.Module.
    Wasm,
}

/// Where an import leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Import {
    /// The module with that index.
    Module(usize),
    /// A module of the platform, by its full name.
    Builtin(Box<str>),
    /// Nowhere, and why; the sentence goes on after `cannot import "x": `.
    Nothing(Box<str>),
}
