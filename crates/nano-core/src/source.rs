//! Where an app's code comes from: text, a file, or a folder. Read whole, compiled and checked before anything is started.

use std::path::{Path, PathBuf};

use nano_base::status::Result;
use nano_compile::{Module, Origin, SourceMap};
use nano_engine::{AppCode, ModuleCode, Positions};

/// An app's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The text of one module, or of a script in service-worker syntax.
    Text(Vec<u8>),
    /// The same under a file name, whose ending says what it is written in: `.js`, `.ts`, `.tsx`, `.jsx`.
    Named(String, Vec<u8>),
    /// One file.
    File(PathBuf),
    /// A folder: `index.js` or `index.ts`, or the `main` or `module` of its package.json, and what that imports.
    Folder(PathBuf),
    /// A folder and the path of its main module in it.
    Main(PathBuf, String),
    /// The built-in app that answers each request with what it received, for testing a host.
    Echo,
}

/// The built-in app.
const ECHO: &str = r#"export default {
  async fetch(request) {
    const { method, url } = request;
    const headers = Object.fromEntries(request.headers);
    return Response.json({ method, url, headers, body: await request.text() });
  },
};
export function echo(...args) {
  return args;
}
"#;

impl Source {
    /// Reads and compiles the code.
    pub(crate) fn read(&self, name: &str) -> Result<AppCode> {
        let origin = match self {
            Source::Text(text) => Origin::Text("index.js", text),
            Source::Named(name, text) => Origin::Text(name, text),
            Source::File(path) => Origin::File(path),
            Source::Folder(path) => Origin::Folder(path, None),
            Source::Main(path, main) => Origin::Folder(path, Some(main)),
            Source::Echo => Origin::Text("echo.js", ECHO.as_bytes()),
        };
        let modules = nano_compile::compile(origin, &nano_engine::builtin)?;
        Ok(AppCode { name: name.to_string(), root: self.root(), modules: modules.into_iter().map(code).collect() })
    }

    /// The URL of the folder that it lies in.
    fn root(&self) -> String {
        let folder = match self {
            Source::Folder(path) | Source::Main(path, _) => Some(path.as_path()),
            Source::File(path) => path.parent(),
            Source::Text(_) | Source::Named(..) | Source::Echo => None,
        };
        let folder = folder.and_then(|folder| std::path::absolute(folder).ok());
        // A path that is no text has no URL that an editor would write.
        let path = folder.as_deref().and_then(Path::to_str).unwrap_or("/");
        let url = nano_engine::url_under("file://", path);
        if url.ends_with('/') { url } else { url + "/" }
    }
}

/// A module as the engine takes it.
fn code(module: Module) -> ModuleCode {
    let mut code = ModuleCode::new(module.path, module.kind, module.source);
    code.imports = module.imports.into_iter().collect();
    code.exports = module.exports;
    code.translated = module.translated;
    code.positions = module.map.map(|map| Box::new(Map(map)) as Box<dyn Positions>);
    code
}

/// A source map, for the engine.
#[derive(Debug)]
struct Map(SourceMap);

impl Positions for Map {
    fn original(&self, line: u32, column: u32) -> Option<(String, u32, u32)> {
        self.0.original(line, column).map(|position| (position.file, position.line, position.column))
    }

    fn json(&self, url: &dyn Fn(&str) -> String, text: &dyn Fn(&str) -> Option<String>) -> String {
        self.0.json(url, text)
    }
}
