//! How an app's code gets in: from text, a file or a folder to the modules that an instance loads, all in memory.
//!
//! - `graph`: walks the imports from the main module; what nothing imports is not read.
//! - `resolve` and `package`: which file a specifier means: relative paths, packages in `node_modules`, `exports` and `imports`.
//! - `scan`: the specifiers in a text.
//! - `typescript`: TypeScript and JSX to JavaScript, by oxc, on a thread of its own.
//! - `commonjs`: packages in the older module format.
//! - `map`: source maps.
//! - `folder`: the only door to the file system; it does not open outward.
//!
//! Runs when an app is loaded, on the caller's thread. Everything an app's folder holds is hostile: every loop and size is
//! bounded, and nothing here panics the process or overflows a stack.

mod commonjs;
mod folder;
mod graph;
mod map;
mod package;
mod resolve;
mod scan;
mod typescript;

#[cfg(test)]
mod tests;

use nano_base::module::{Import, ModuleKind};

pub use graph::{Origin, compile};
pub use map::{Position, SourceMap};
pub use typescript::{Settings, transform};

/// One module.
#[derive(Debug)]
pub struct Module {
    /// Its path inside the app, with `/` and without a leading one.
    pub path: String,
    /// What it is.
    pub kind: ModuleKind,
    /// What the engine is given: JavaScript, text or bytes.
    pub source: Vec<u8>,
    /// Where each specifier that may be imported leads. There may be some that only look like an import.
    pub imports: Vec<(Box<str>, Import)>,
    /// The names that a CommonJS module seems to export beside `default`.
    pub exports: Vec<String>,
    /// Whether the source is not what the file holds: it was TypeScript or JSX.
    pub translated: bool,
    /// From the source to what the author wrote.
    pub map: Option<SourceMap>,
}
