//! From the main module along every import that is written out.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use nano_base::limits::{COMMONJS_NAMES_MAX, EXPORTED_AGAIN_MAX, SOURCE_BYTES_MAX, SOURCE_IMPORTS_MAX};
use nano_base::status::{Error, Result, Status};

use crate::folder::{Entry, Folder, read_single};
use crate::map::{self, SourceMap};
use crate::resolve::{Found, Resolver, parent, special};
use crate::typescript::{self, Settings};
use crate::{Kind, Module, Target, commonjs, scan};

/// Where the code is.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'a> {
    /// One text, and the name that says what it is written in.
    Text(&'a str, &'a [u8]),
    /// One file.
    File(&'a Path),
    /// A folder.
    Folder(&'a Path),
}

/// Main modules tried in a folder whose package.json names none.
const MAIN_FILES: [&str; 12] = [
    "index.js",
    "index.mjs",
    "index.ts",
    "index.tsx",
    "index.jsx",
    "worker.js",
    "worker.ts",
    "src/index.js",
    "src/index.mjs",
    "src/index.ts",
    "src/index.tsx",
    "src/worker.ts",
];

/// What a package leaves out for browsers, by what no file is called.
const EMPTY: &str = "node_modules/(nothing)";

/// The extensions that are text.
const TEXT: [&str; 9] = ["txt", "html", "css", "md", "sql", "svg", "xml", "csv", "graphql"];

/// The modules of an app, the main one first. `builtin` gives the full name of a module of the platform.
pub fn compile(origin: Origin, builtin: &dyn Fn(&str) -> Option<&'static str>) -> Result<Vec<Module>> {
    match origin {
        Origin::Text(name, text) => single(name, text.to_vec(), builtin),
        Origin::File(path) => {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("index.js");
            single(name, read_single(path)?, builtin)
        }
        Origin::Folder(path) => folder(path, builtin),
    }
}

/// What a file is as a module, by its name; anything unknown is bytes.
fn kind_of(path: &str) -> Kind {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "js" | "mjs" | "ts" | "tsx" | "mts" | "jsx" => Kind::JavaScript,
        "cjs" | "cts" => Kind::CommonJs,
        "json" => Kind::Json,
        "wasm" => Kind::Wasm,
        extension if TEXT.contains(&extension) => Kind::Text,
        _ => Kind::Bytes,
    }
}

/// An app that is one text.
fn single(name: &str, text: Vec<u8>, builtin: &dyn Fn(&str) -> Option<&'static str>) -> Result<Vec<Module>> {
    if text.len() > SOURCE_BYTES_MAX {
        return Err(Error::new(Status::TooLarge, format!("{name} has {} bytes; an app may have {SOURCE_BYTES_MAX}", text.len())));
    }
    let kind = match kind_of(name) {
        Kind::Json | Kind::Wasm | Kind::CommonJs => return Err(not_main(name)),
        // A text without an extension that says otherwise is JavaScript.
        _ => Kind::JavaScript,
    };
    let mut module = translate(name.to_string(), kind, text, &Settings::default(), &mut |_| None)?;
    for specifier in specifiers(&module)? {
        let target = match special(&specifier, builtin) {
            Some(Found::Builtin(name)) => Target::Builtin(name.into()),
            Some(Found::Nothing(why)) => Target::Nothing(why.into()),
            _ => Target::Nothing("the app is one file: give NANO its folder".into()),
        };
        module.imports.push((specifier.into(), target));
    }
    Ok(vec![module])
}

fn not_main(name: &str) -> Error {
    Error::new(Status::Compile, format!("{name} is not a JavaScript or TypeScript module"))
}

fn folder(path: &Path, builtin: &dyn Fn(&str) -> Option<&'static str>) -> Result<Vec<Module>> {
    let mut resolver = Resolver::new(Folder::open(path)?, builtin);
    let main = main_module(&mut resolver)?;
    let settings = match resolver.folder.look("tsconfig.json")? {
        Entry::File(real) => Settings::parse(&resolver.folder.read(&real)?),
        _ => Settings::default(),
    };
    let mut walk = Walk { resolver, settings, modules: Vec::new(), by_path: HashMap::new(), imports: 0 };
    walk.add(&main)?;
    if walk.modules[0].kind != Kind::JavaScript {
        return Err(not_main(&main));
    }
    let mut next = 0;
    while next < walk.modules.len() {
        walk.follow(next)?;
        next += 1;
    }
    name_exports(&mut walk.modules);
    Ok(walk.modules)
}

/// Finds the names that CommonJS modules export, their own and those of modules that they export again.
fn name_exports(modules: &mut [Module]) {
    let is_commonjs = |module: &Module| module.kind == Kind::CommonJs;
    let mut found: HashMap<usize, commonjs::Exports> = HashMap::new();
    for (index, module) in modules.iter().enumerate().filter(|(_, module)| is_commonjs(module)) {
        found.insert(index, commonjs::lex(std::str::from_utf8(&module.source).unwrap_or_default()));
    }
    for index in 0..modules.len() {
        if !found.contains_key(&index) {
            continue;
        }
        let mut names: Vec<String> = Vec::new();
        let mut known = HashSet::new();
        let mut seen = HashSet::from([index]);
        let mut queue = vec![index];
        while let Some(next) = queue.pop() {
            let Some(exports) = found.get(&next) else { continue };
            for name in &exports.names {
                if names.len() < COMMONJS_NAMES_MAX && known.insert(name.clone()) {
                    names.push(name.clone());
                }
            }
            for from in &exports.from {
                let target = modules[next].imports.iter().find(|(specifier, _)| **specifier == **from);
                if let Some((_, Target::Module(target))) = target
                    && seen.len() < EXPORTED_AGAIN_MAX
                    && seen.insert(*target)
                {
                    queue.push(*target);
                }
            }
        }
        modules[index].exports = names;
    }
    add_wanted(modules);
}

/// What is imported by name from a CommonJS module is one of its exports, however its text looks, as it is for those who bundle.
fn add_wanted(modules: &mut [Module]) {
    let mut wanted: Vec<(usize, String)> = Vec::new();
    for module in modules.iter().filter(|module| module.kind == Kind::JavaScript) {
        let old: HashMap<&str, usize> =
            module.imports.iter().filter_map(|(specifier, target)| Some((&**specifier, commonjs_of(modules, target)?))).collect();
        if old.is_empty() {
            continue;
        }
        scan::names(&module.source, &mut |specifier, name| {
            if let Some(target) = old.get(specifier)
                && name != "default"
                && wanted.len() < COMMONJS_NAMES_MAX
            {
                wanted.push((*target, name.to_string()));
            }
        });
    }
    for (target, name) in wanted {
        let exports = &mut modules[target].exports;
        if exports.len() < COMMONJS_NAMES_MAX && !exports.contains(&name) {
            exports.push(name);
        }
    }
}

fn commonjs_of(modules: &[Module], target: &Target) -> Option<usize> {
    match target {
        Target::Module(index) if modules[*index].kind == Kind::CommonJs => Some(*index),
        _ => None,
    }
}

fn main_module(resolver: &mut Resolver) -> Result<String> {
    let name = resolver.folder.name();
    if let Some(package) = resolver.package("")?
        && let Some(main) = package.app_main()
    {
        let path = format!("./{}", main.trim_start_matches("./"));
        return match resolver.resolve("package.json", &path, false)? {
            Found::File(path) => Ok(path),
            Found::Nothing(why) if why.contains("outside") => {
                Err(Error::new(Status::Io, format!("{name}/package.json names \"{main}\": {why}")))
            }
            _ => Err(Error::new(Status::Io, format!("{name}/package.json names \"{main}\", which does not exist"))),
        };
    }
    for path in MAIN_FILES {
        if let Entry::File(real) = resolver.folder.look(path)? {
            return Ok(real);
        }
    }
    Err(Error::new(Status::Io, format!("{name} has no main module: add index.js or index.ts, or \"main\" to package.json")))
}

/// One app's modules while they are being found.
struct Walk<'a> {
    resolver: Resolver<'a>,
    settings: Settings,
    modules: Vec<Module>,
    by_path: HashMap<String, usize>,
    imports: usize,
}

impl Walk<'_> {
    /// The index of the module at a real path.
    fn add(&mut self, path: &str) -> Result<usize> {
        if let Some(index) = self.by_path.get(path) {
            return Ok(*index);
        }
        let source = self.resolver.folder.read(path)?;
        let kind = self.kind(path, &source)?;
        let folder = &mut self.resolver.folder;
        let base = parent(path).to_string();
        let mut read_map = |url: &str| {
            let path = crate::resolve::join(&base, url)?;
            match folder.look(&path).ok()? {
                Entry::File(real) => Some((folder.read(&real).ok()?, parent(&path).to_string())),
                _ => None,
            }
        };
        let module = translate(path.to_string(), kind, source, &self.settings, &mut read_map)?;
        self.modules.push(module);
        self.by_path.insert(path.to_string(), self.modules.len() - 1);
        Ok(self.modules.len() - 1)
    }

    /// The index of the module that has nothing in it.
    fn add_empty(&mut self) -> usize {
        if let Some(index) = self.by_path.get(EMPTY) {
            return *index;
        }
        self.modules.push(Module {
            path: EMPTY.to_string(),
            kind: Kind::CommonJs,
            source: Vec::new(),
            imports: Vec::new(),
            exports: Vec::new(),
            translated: false,
            map: None,
        });
        self.by_path.insert(EMPTY.to_string(), self.modules.len() - 1);
        self.modules.len() - 1
    }

    /// A package's `.js` file may be of either kind; an app's own is an ES module.
    fn kind(&mut self, path: &str, source: &[u8]) -> Result<Kind> {
        let kind = kind_of(path);
        let in_package = path.starts_with("node_modules/") || path.contains("/node_modules/");
        if kind != Kind::JavaScript || !in_package || !path.ends_with(".js") {
            return Ok(kind);
        }
        let is_module = self.resolver.scope(path)?.is_some_and(|(_, package)| package.is_module());
        Ok(if is_module || commonjs::looks_like_esm(source) { Kind::JavaScript } else { Kind::CommonJs })
    }

    /// Resolves and adds what a module imports.
    fn follow(&mut self, index: usize) -> Result<()> {
        let require = self.modules[index].kind == Kind::CommonJs;
        let path = self.modules[index].path.clone();
        let found = specifiers(&self.modules[index])?;
        self.imports += found.len();
        if self.imports > SOURCE_IMPORTS_MAX {
            let message = format!("{} imports more than {SOURCE_IMPORTS_MAX} specifiers: bundle the app", self.resolver.folder.name());
            return Err(Error::new(Status::TooLarge, message));
        }
        let mut imports = Vec::with_capacity(found.len());
        for specifier in found {
            let target = match self.resolver.resolve(&path, &specifier, require)? {
                Found::File(path) => Target::Module(self.add(&path)?),
                Found::Empty => Target::Module(self.add_empty()),
                Found::Builtin(name) => Target::Builtin(name.into()),
                Found::Nothing(why) => Target::Nothing(why.into()),
            };
            imports.push((specifier.into(), target));
        }
        self.modules[index].imports = imports;
        Ok(())
    }
}

/// Every specifier in a module's text, once.
fn specifiers(module: &Module) -> Result<Vec<String>> {
    let mut seen = HashSet::new();
    let mut list = Vec::new();
    if matches!(module.kind, Kind::JavaScript | Kind::CommonJs) {
        scan::specifiers(&module.source, &mut |specifier| {
            if list.len() <= SOURCE_IMPORTS_MAX && seen.insert(specifier.to_string()) {
                list.push(specifier.to_string());
            }
        });
    }
    Ok(list)
}

/// Reads a source map by the URL that a file names; the map, and the folder it lies in.
type ReadMap<'a> = dyn FnMut(&str) -> Option<(Vec<u8>, String)> + 'a;

/// What the engine gets of a file. `read_map` reads a source map beside it, and says in which folder that lies.
fn translate(path: String, kind: Kind, source: Vec<u8>, settings: &Settings, read_map: &mut ReadMap) -> Result<Module> {
    if kind != Kind::Bytes
        && kind != Kind::Wasm
        && let Err(error) = std::str::from_utf8(&source)
    {
        return Err(Error::new(Status::Compile, format!("{path} is not UTF-8 (byte {})", error.valid_up_to())));
    }
    let code = matches!(kind, Kind::JavaScript | Kind::CommonJs);
    if code && typescript::is_for_us(&path) {
        let text = String::from_utf8(source).unwrap_or_default();
        let (text, map) = typescript::transform(&path, &text, settings)?;
        return Ok(Module {
            path,
            kind,
            source: text.into_bytes(),
            imports: Vec::new(),
            exports: Vec::new(),
            translated: true,
            map: Some(map),
        });
    }
    let map = if code { written_map(&path, &source, read_map) } else { None };
    Ok(Module { path, kind, source, imports: Vec::new(), exports: Vec::new(), translated: false, map })
}

/// The map that a file names in its last line.
fn written_map(path: &str, source: &[u8], read_map: &mut ReadMap) -> Option<SourceMap> {
    let url = map::url_of(source)?;
    if url.starts_with("data:") {
        return SourceMap::parse(&map::from_data_url(url)?, parent(path));
    }
    let (json, folder) = read_map(url)?;
    SourceMap::parse(&json, &folder)
}
