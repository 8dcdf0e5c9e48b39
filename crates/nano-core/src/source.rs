//! Where an app's code comes from: text, a file, or a folder. Read whole and checked before anything is started.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use nano_base::limits::{SOURCE_BYTES_MAX, SOURCE_FILES_MAX};
use nano_base::status::{Error, Result, Status};
use nano_engine::{AppCode, ModuleCode, ModuleKind};

/// An app's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The text of one module, or of a script in service-worker syntax.
    Text(Vec<u8>),
    /// One file.
    File(PathBuf),
    /// A folder: `index.js`, or the `main` or `module` of its package.json, and what that imports.
    Folder(PathBuf),
    /// The built-in app that answers each request with what it received, for testing a host.
    Echo,
}

/// Main modules tried in a folder without a package.json that names one.
const MAIN_FILES: [&str; 4] = ["index.js", "index.mjs", "worker.js", "src/index.js"];

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
    /// Reads and sorts out the code.
    pub(crate) fn read(&self, name: &str) -> Result<AppCode> {
        let modules = match self {
            Source::Text(text) => vec![module("index.js".into(), text.clone())?],
            Source::Echo => vec![module("echo.js".into(), ECHO.into())?],
            Source::File(path) => {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("index.js");
                vec![module(name.into(), read_file(path, SOURCE_BYTES_MAX)?)?]
            }
            Source::Folder(path) => read_folder(path)?,
        };
        if modules[0].kind != ModuleKind::JavaScript {
            return Err(Error::new(Status::Compile, format!("{} is not a JavaScript file", modules[0].path)));
        }
        Ok(AppCode { name: name.to_string(), modules })
    }
}

fn module(path: String, source: Vec<u8>) -> Result<ModuleCode> {
    if source.len() > SOURCE_BYTES_MAX {
        return Err(Error::new(Status::TooLarge, format!("{path} has {} bytes; an app may have {SOURCE_BYTES_MAX}", source.len())));
    }
    if let Err(error) = std::str::from_utf8(&source) {
        return Err(Error::new(Status::Compile, format!("{path} is not UTF-8 (byte {})", error.valid_up_to())));
    }
    let kind = kind_of(&path).unwrap_or(ModuleKind::JavaScript);
    Ok(ModuleCode { path, kind, source: Arc::from(source), cache: OnceLock::new() })
}

/// What a file is as a module; `None` for files that cannot be imported.
fn kind_of(path: &str) -> Option<ModuleKind> {
    match Path::new(path).extension()?.to_str()? {
        "js" | "mjs" => Some(ModuleKind::JavaScript),
        "json" => Some(ModuleKind::Json),
        "txt" | "html" | "css" | "md" | "sql" | "svg" | "xml" | "csv" | "graphql" => Some(ModuleKind::Text),
        _ => None,
    }
}

fn read_file(path: &Path, bytes_max: usize) -> Result<Vec<u8>> {
    let io = |error: std::io::Error| Error::new(Status::Io, format!("cannot read {}: {error}", path.display()));
    let size = fs::metadata(path).map_err(io)?;
    if !size.is_file() {
        return Err(Error::new(Status::Io, format!("cannot read {}: not a file", path.display())));
    }
    if size.len() > bytes_max as u64 {
        return Err(Error::new(Status::TooLarge, format!("{} has {} bytes; {bytes_max} are left for the app", path.display(), size.len())));
    }
    fs::read(path).map_err(io)
}

/// Every importable file below the folder, the main module first.
fn read_folder(root: &Path) -> Result<Vec<ModuleCode>> {
    let root = root.canonicalize().map_err(|error| Error::new(Status::Io, format!("cannot open {}: {error}", root.display())))?;
    let mut modules = Vec::new();
    let mut bytes = 0;
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let io = |error: std::io::Error| Error::new(Status::Io, format!("cannot read {}: {error}", folder.display()));
        for entry in fs::read_dir(&folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            let name = entry.file_name();
            if name.to_string_lossy().starts_with('.') || name == "node_modules" {
                continue;
            }
            // A link may lead anywhere, so what counts is where it ends.
            let Ok(path) = entry.path().canonicalize() else { continue };
            if !path.starts_with(&root) {
                continue;
            }
            let Ok(relative) = entry.path().strip_prefix(&root).map(|path| path.to_string_lossy().replace('\\', "/")) else { continue };
            if path.is_dir() {
                if entry.path() == path {
                    folders.push(path);
                }
            } else if kind_of(&relative).is_some() {
                let source = read_file(&path, SOURCE_BYTES_MAX - bytes)?;
                bytes += source.len();
                modules.push(module(relative, source)?);
            }
            if modules.len() > SOURCE_FILES_MAX {
                return Err(Error::new(Status::TooLarge, format!("{} has more than {SOURCE_FILES_MAX} files", root.display())));
            }
        }
    }
    modules.sort_by(|a, b| a.path.cmp(&b.path));
    let main = main_module(&root, &modules)?;
    modules.swap(0, main);
    Ok(modules)
}

fn main_module(root: &Path, modules: &[ModuleCode]) -> Result<usize> {
    let find = |path: &str| modules.iter().position(|module| module.path == path.trim_start_matches("./"));
    if let Some(package) = find("package.json")
        && let Some(main) = package_main(&modules[package].source)
    {
        return find(&main)
            .ok_or_else(|| Error::new(Status::Io, format!("{}/package.json names \"{main}\", which does not exist", root.display())));
    }
    MAIN_FILES
        .iter()
        .find_map(|path| find(path))
        .ok_or_else(|| Error::new(Status::Io, format!("{} has no main module: add index.js, or \"main\" to package.json", root.display())))
}

/// The string at "module" or "main" of a package.json, at its top level.
fn package_main(json: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(json).ok()?;
    ["module", "main"].iter().find_map(|key| top_level_string(text, key))
}

/// Walks the JSON's own structure, so that a nested "main" is not mistaken for the package's.
fn top_level_string(text: &str, key: &str) -> Option<String> {
    let mut depth = 0_u32;
    let mut last: Option<String> = None;
    let mut wanted = false;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.checked_sub(1)?,
            ':' if depth == 1 => wanted = last.as_deref() == Some(key),
            ',' if depth == 1 => wanted = false,
            '"' => {
                let mut string = String::new();
                loop {
                    match characters.next()? {
                        '"' => break,
                        '\\' => string.push(characters.next()?),
                        other => string.push(other),
                    }
                }
                if depth == 1 {
                    if wanted {
                        return Some(string);
                    }
                    last = Some(string);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nested_main_is_not_the_packages() {
        let json = r#"{"name": "a", "config": {"main": "no.js"}, "x": ["main", "no.js"], "main": "./yes.js"}"#;
        assert_eq!(package_main(json.as_bytes()), Some("./yes.js".into()));
        assert_eq!(package_main(br#"{"name": "main"}"#), None);
    }
}
