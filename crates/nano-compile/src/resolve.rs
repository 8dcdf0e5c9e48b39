//! Which file a specifier means. Relative paths may leave out extensions and `index`, and `./a.js` may mean `./a.ts`; packages are
//! looked for in every `node_modules` from the importer's folder up to the app's, never above.

use std::collections::HashMap;
use std::rc::Rc;

use nano_base::limits::IMPORTS_HOPS_MAX;
use nano_base::status::Result;

use crate::folder::{Entry, Folder};
use crate::package::{Mapped, Package};

/// Where a specifier leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A file of the app, by its real path.
    File(String),
    /// A module of the platform, by its full name.
    Builtin(String),
    /// A module without anything in it.
    Empty,
    /// Nowhere; the sentence goes on after `cannot import "x": `.
    Nothing(String),
}

/// Extensions that may be left out, in this order.
const EXTENSIONS: [&str; 8] = ["ts", "tsx", "mts", "js", "mjs", "jsx", "cjs", "json"];

/// What a JavaScript file may be written in: TypeScript's convention is to import what a file compiles to.
const WRITTEN_AS: [(&str, &[&str]); 4] = [("js", &["ts", "tsx"]), ("mjs", &["mts"]), ("jsx", &["tsx"]), ("cjs", &["cts"])];

/// Modules of Node that packages import without its prefix; those of them that the platform has are found before this is asked.
const NODE: [&str; 37] = [
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "domain",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "repl",
    "stream",
    "timers",
    "tls",
    "tty",
    "url",
    "v8",
    "vm",
    "worker_threads",
    "zlib",
];

/// Resolves for one app.
pub(crate) struct Resolver<'a> {
    pub(crate) folder: Folder,
    builtin: &'a dyn Fn(&str) -> Option<&'static str>,
    packages: HashMap<String, Option<Rc<Package>>>,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(folder: Folder, builtin: &'a dyn Fn(&str) -> Option<&'static str>) -> Self {
        Self { folder, builtin, packages: HashMap::new() }
    }

    /// Where `specifier` leads from the file at `importer`.
    pub(crate) fn resolve(&mut self, importer: &str, specifier: &str, require: bool) -> Result<Found> {
        if let Some(found) = self.instead_of_package(importer, specifier, require)? {
            return Ok(found);
        }
        let found = self.hop(importer, specifier, require, 0)?;
        match &found {
            Found::File(path) => Ok(self.instead_of_file(path, require)?.unwrap_or(found)),
            _ => Ok(found),
        }
    }

    /// A package may have other code for what is no Node, in a table that bundlers follow: here for a name that one of its files imports.
    fn instead_of_package(&mut self, importer: &str, specifier: &str, require: bool) -> Result<Option<Found>> {
        if specifier.starts_with(['.', '/', '#']) || specifier.contains(':') {
            return Ok(None);
        }
        match self.scope(importer)? {
            Some((folder, package)) => self.instead(&folder, &package, specifier, require),
            None => Ok(None),
        }
    }

    /// The same for one of its files, which the table may call by its name without the extension.
    fn instead_of_file(&mut self, path: &str, require: bool) -> Result<Option<Found>> {
        let Some((folder, package)) = self.scope(path)? else { return Ok(None) };
        let inside = if folder.is_empty() { path } else { &path[folder.len() + 1..] };
        let name = format!("./{inside}");
        let names = [Some(name.as_str()), name.strip_suffix(".js"), name.strip_suffix("/index.js"), Some(inside)];
        for name in names.into_iter().flatten() {
            if let Some(found) = self.instead(&folder, &package, name, require)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn instead(&mut self, folder: &str, package: &Package, name: &str, require: bool) -> Result<Option<Found>> {
        if !package.has_browser() {
            return Ok(None);
        }
        let Some(other) = package.browser(name) else { return Ok(None) };
        let Some(other) = other else { return Ok(Some(Found::Empty)) };
        // One hop only: what a table names is not looked up in it again.
        self.hop(&join_unchecked(folder, "package.json"), other, require, IMPORTS_HOPS_MAX).map(Some)
    }

    fn hop(&mut self, importer: &str, specifier: &str, require: bool, hops: u32) -> Result<Found> {
        if let Some(found) = special(specifier, self.builtin) {
            return Ok(found);
        }
        // Bundlers write what a file is to be as a query; its extension says so already.
        let path = specifier.strip_suffix("?module").unwrap_or(specifier);
        let path = path.strip_prefix("file://").unwrap_or(path);
        if path.starts_with('/') {
            return self.relative("", path.trim_start_matches('/'), specifier);
        }
        if path == "." || path == ".." || path.starts_with("./") || path.starts_with("../") {
            return self.relative(parent(importer), path, specifier);
        }
        if path.starts_with('#') {
            return self.internal(importer, path, require, hops);
        }
        self.bare(importer, path, require)
    }

    fn relative(&mut self, base: &str, path: &str, specifier: &str) -> Result<Found> {
        let Some(path) = join(base, path) else { return Ok(nothing("it leads outside the app's folder")) };
        let found = self.file(&path)?;
        Ok(found.unwrap_or_else(|| {
            let written = if specifier.ends_with(".js") { " (nor the same with .ts)" } else { "" };
            Found::Nothing(format!("the app has no file {path}{written}"))
        }))
    }

    /// The file that a path means, its extension or `index` left out perhaps.
    fn file(&mut self, path: &str) -> Result<Option<Found>> {
        let entry = self.folder.look(path)?;
        match &entry {
            Entry::File(real) => return Ok(Some(Found::File(real.clone()))),
            Entry::Refused => return Ok(Some(nothing("it leads outside the app's folder"))),
            _ => {}
        }
        if let Some(found) = self.written_as(path)? {
            return Ok(Some(found));
        }
        for extension in EXTENSIONS {
            if let Entry::File(real) = self.folder.look(&format!("{path}.{extension}"))? {
                return Ok(Some(Found::File(real)));
            }
        }
        let Entry::Folder(folder) = entry else { return Ok(None) };
        if let Some(package) = self.package(&folder)? {
            for main in package.main() {
                if let Some(main) = join(&folder, main)
                    && main != folder
                    && let Some(found) = self.file_or_index(&main)?
                {
                    return Ok(Some(found));
                }
            }
        }
        self.index(&folder)
    }

    fn file_or_index(&mut self, path: &str) -> Result<Option<Found>> {
        if let Entry::File(real) = self.folder.look(path)? {
            return Ok(Some(Found::File(real)));
        }
        for extension in EXTENSIONS {
            if let Entry::File(real) = self.folder.look(&format!("{path}.{extension}"))? {
                return Ok(Some(Found::File(real)));
            }
        }
        if let Some(found) = self.written_as(path)? {
            return Ok(Some(found));
        }
        self.index(path)
    }

    fn index(&mut self, folder: &str) -> Result<Option<Found>> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        for extension in EXTENSIONS {
            if let Entry::File(real) = self.folder.look(&format!("{prefix}index.{extension}"))? {
                return Ok(Some(Found::File(real)));
            }
        }
        Ok(None)
    }

    fn written_as(&mut self, path: &str) -> Result<Option<Found>> {
        let Some((stem, extension)) = path.rsplit_once('.') else { return Ok(None) };
        let Some((_, others)) = WRITTEN_AS.iter().find(|(written, _)| *written == extension) else { return Ok(None) };
        for other in *others {
            if let Entry::File(real) = self.folder.look(&format!("{stem}.{other}"))? {
                return Ok(Some(Found::File(real)));
            }
        }
        Ok(None)
    }

    /// The package.json of a folder, if it has one that is an object.
    pub(crate) fn package(&mut self, folder: &str) -> Result<Option<Rc<Package>>> {
        if let Some(package) = self.packages.get(folder) {
            return Ok(package.clone());
        }
        let path = if folder.is_empty() { "package.json".to_string() } else { format!("{folder}/package.json") };
        let package = match self.folder.look(&path)? {
            Entry::File(real) => Package::parse(&self.folder.read(&real)?).map(Rc::new),
            _ => None,
        };
        self.packages.insert(folder.to_string(), package.clone());
        Ok(package)
    }

    /// The package that a file belongs to, with its folder.
    pub(crate) fn scope(&mut self, file: &str) -> Result<Option<(String, Rc<Package>)>> {
        let mut folder = parent(file);
        loop {
            if folder.rsplit('/').next() == Some("node_modules") {
                return Ok(None);
            }
            if let Some(package) = self.package(folder)? {
                return Ok(Some((folder.to_string(), package)));
            }
            if folder.is_empty() {
                return Ok(None);
            }
            folder = parent(folder);
        }
    }

    /// `#name`: the `imports` of the importer's own package.
    fn internal(&mut self, importer: &str, specifier: &str, require: bool, hops: u32) -> Result<Found> {
        let Some((folder, package)) = self.scope(importer)? else {
            return Ok(nothing("names with # are listed in \"imports\" of package.json, and there is none"));
        };
        match package.import(specifier, require) {
            Mapped::File(path) => self.mapped(&folder, &path, "imports"),
            Mapped::Specifier(other) if hops < IMPORTS_HOPS_MAX => {
                self.hop(&join_unchecked(&folder, "package.json"), &other, require, hops + 1)
            }
            _ => Ok(Found::Nothing(format!("\"imports\" of {} does not list it for a Worker", join_unchecked(&folder, "package.json")))),
        }
    }

    /// A package by its name.
    fn bare(&mut self, importer: &str, specifier: &str, require: bool) -> Result<Found> {
        let Some((name, subpath)) = split_package(specifier) else { return Ok(nothing("it is neither a path nor a package's name")) };
        if let Some((folder, package)) = self.scope(importer)?
            && package.has_exports()
            && package.name() == Some(name)
        {
            return self.exported(&folder, &package, &subpath, require, name);
        }
        let mut base = parent(importer);
        loop {
            if base.rsplit('/').next() != Some("node_modules") {
                let folder = join_unchecked(base, &format!("node_modules/{name}"));
                match self.folder.look(&folder)? {
                    Entry::Folder(folder) => return self.within(&folder, &subpath, require, name),
                    Entry::Refused => return Ok(nothing("it leads outside the app's folder: install packages into it, not as links")),
                    Entry::File(_) | Entry::Missing => {}
                }
            }
            if base.is_empty() {
                break;
            }
            base = parent(base);
        }
        if NODE.contains(&name) {
            return Ok(nothing("NANO does not have this module of Node, and the app has no package of that name in node_modules"));
        }
        Ok(Found::Nothing(format!(
            "the app has no package {name} in node_modules: install it there, bundle the app, or begin a path with ./"
        )))
    }

    fn within(&mut self, folder: &str, subpath: &str, require: bool, name: &str) -> Result<Found> {
        let package = self.package(folder)?;
        if let Some(package) = &package
            && package.has_exports()
        {
            return self.exported(folder, package, subpath, require, name);
        }
        let found = if subpath == "." { self.file(folder)? } else { self.file(&join_unchecked(folder, &subpath[2..]))? };
        Ok(found.unwrap_or_else(|| {
            let what = if subpath == "." { "no entry point (main)".to_string() } else { format!("no file {}", &subpath[2..]) };
            Found::Nothing(format!("the package {name} has {what}"))
        }))
    }

    fn exported(&mut self, folder: &str, package: &Package, subpath: &str, require: bool, name: &str) -> Result<Found> {
        match package.export(subpath, require) {
            Mapped::File(path) => self.mapped(folder, &path, "exports"),
            _ => Ok(Found::Nothing(format!("\"exports\" of the package {name} has no \"{subpath}\" for a Worker"))),
        }
    }

    /// A file that package.json names: exactly that one, or what it is written as.
    fn mapped(&mut self, folder: &str, path: &str, table: &str) -> Result<Found> {
        let path = join_unchecked(folder, path);
        match self.folder.look(&path)? {
            Entry::File(real) => return Ok(Found::File(real)),
            Entry::Refused => return Ok(nothing("it leads outside the app's folder")),
            _ => {}
        }
        Ok(self
            .written_as(&path)?
            .unwrap_or_else(|| Found::Nothing(format!("\"{table}\" of package.json names {path}, which does not exist"))))
    }
}

/// Built-in modules, and what is never a file.
pub(crate) fn special(specifier: &str, builtin: &dyn Fn(&str) -> Option<&'static str>) -> Option<Found> {
    if let Some(name) = builtin(specifier) {
        return Some(Found::Builtin(name.to_string()));
    }
    let (scheme, _) = specifier.split_once(':')?;
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    match scheme {
        _ if !is_scheme => None,
        "file" => None,
        "node" => Some(nothing("NANO does not have this module of Node")),
        "cloudflare" => Some(nothing("NANO does not have this module of Workers")),
        "http" | "https" | "data" | "blob" => Some(nothing("code comes from the app's folder only: save it there, or bundle it")),
        _ => Some(nothing("nothing here answers to that scheme")),
    }
}

fn nothing(why: &str) -> Found {
    Found::Nothing(why.to_string())
}

/// "a/b" of "a/b/c.js", "" of "c.js".
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn join_unchecked(base: &str, path: &str) -> String {
    if base.is_empty() { path.to_string() } else { format!("{base}/{path}") }
}

/// A path from a folder, normalized; `None` if it leads above the app's.
pub(crate) fn join(base: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// "@scope/name/a/b" as "@scope/name" and "./a/b"; without a path the second is ".".
fn split_package(specifier: &str) -> Option<(&str, String)> {
    let end = if specifier.starts_with('@') {
        let slash = specifier.find('/')?;
        specifier[slash + 1..].find('/').map_or(specifier.len(), |more| slash + 1 + more)
    } else {
        specifier.find('/').unwrap_or(specifier.len())
    };
    let (name, rest) = specifier.split_at(end);
    let bad = name.is_empty()
        || name.starts_with('.')
        || name.contains(['\\', '%', '\0'])
        || name.split('/').any(|part| part.is_empty() || part == "..");
    if bad || rest.split('/').any(|part| part == "..") {
        return None;
    }
    let subpath = if rest.is_empty() { ".".to_string() } else { format!(".{rest}") };
    Some((name, subpath))
}
