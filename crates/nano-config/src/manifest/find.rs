//! An app's folder: which file describes it, and whether it is an app at all.

use std::io::{ErrorKind, Read};
use std::path::Path;

use nano_base::app_files::MAIN_FILES;
use nano_base::limits::{DEPLOY_FOLDERS_MAX, MANIFEST_BYTES_MAX};
use nano_base::sys;

use super::{Flavour, GRANTS_FILE, Manifest, Reading, parts, read};
use crate::text::{Finding, Severity};

/// The files that describe an app, the first one there counts.
pub const MANIFEST_FILES: [(&str, Flavour); 6] = [
    ("nano.toml", Flavour::Nano),
    ("nano.jsonc", Flavour::Nano),
    ("nano.json", Flavour::Nano),
    ("wrangler.jsonc", Flavour::Wrangler),
    ("wrangler.json", Flavour::Wrangler),
    ("wrangler.toml", Flavour::Wrangler),
];

/// Whether a folder is an app: it has a manifest or a main module.
pub fn is_app(folder: &Path) -> bool {
    described_by(folder).is_some() || MAIN_FILES.iter().any(|name| folder.join(name).is_file())
}

/// The file directly in a folder that makes it an app.
pub fn described_by(folder: &Path) -> Option<&'static str> {
    let names = MANIFEST_FILES.iter().map(|(name, _)| *name).chain(MAIN_FILES.into_iter().filter(|name| !name.contains('/')));
    names.into_iter().find(|name| folder.join(name).is_file()).or_else(|| package_main(folder).then_some("package.json"))
}

/// Whether a folder that is to be served is one app, and not a folder of apps.
pub fn is_one_app(folder: &Path) -> bool {
    is_one_or_many(folder) == Some(true)
}

/// Whether a folder that is to be served is one app, or a folder of apps; none if nothing in it says either. One whose main module is in
/// `src` is one app, if there is nothing that says otherwise: a folder of apps may have one of this name.
pub fn is_one_or_many(folder: &Path) -> Option<bool> {
    if described_by(folder).is_some() {
        return Some(true);
    }
    if folder.join(GRANTS_FILE).exists() || has_apps_beside_src(folder) {
        return Some(false);
    }
    if is_app(folder) {
        return Some(true);
    }
    is_app(&folder.join("src")).then_some(false)
}

fn has_apps_beside_src(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().take(DEPLOY_FOLDERS_MAX).flatten();
    let is_other = |name: &str| !name.starts_with('.') && !matches!(name, "src" | "node_modules");
    entries.filter(|entry| entry.file_name().to_str().is_some_and(is_other)).any(|entry| is_app(&entry.path()))
}

/// Why a folder that looks as if it was to be an app is none; it is no app.
pub fn why_no_app(folder: &Path) -> Option<String> {
    if let Err(error) = std::fs::read_dir(folder) {
        return Some(format!("it cannot be read: {error}"));
    }
    let names = MANIFEST_FILES.iter().map(|(name, _)| *name).chain(MAIN_FILES).chain(["package.json"]);
    names.into_iter().find_map(|name| {
        let path = folder.join(name);
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => None,
            Ok(_) => Some(format!("{name} is no regular file")),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                path.is_symlink().then(|| format!("{name} is a link that leads nowhere"))
            }
            Err(error) => Some(format!("{name} cannot be read: {error}")),
        }
    })
}

/// Whether its package.json names a main module.
fn package_main(folder: &Path) -> bool {
    let Ok(text) = read_text(&folder.join("package.json")) else { return false };
    let Ok(package) = serde_json::from_str::<serde_json::Value>(&text) else { return false };
    ["module", "main"].iter().any(|key| package.get(key).is_some_and(serde_json::Value::is_string))
}

/// Reads what a folder says. `shown` is how findings call the folder, `name` what the app is called if it does not say. Whether `main`
/// is there is checked too, for a manifest that names what is not there is no manifest yet.
pub fn load(folder: &Path, shown: &str, name: &str, environment: Option<&str>) -> Reading {
    let present: Vec<(&str, Flavour)> = MANIFEST_FILES.into_iter().filter(|(file, _)| folder.join(file).exists()).collect();
    let Some((file, flavour)) = present.first().copied() else { return bare(folder, shown, name, environment) };
    let path = format!("{shown}/{file}");
    let text = match read_text(&folder.join(file)) {
        Ok(text) => text,
        Err(why) => return failed(Finding::of_file(Severity::Error, path, why, "")),
    };
    let mut reading = read(&text, &path, flavour, name, environment);
    if let Some((other, _)) = present.iter().skip(1).find(|(_, other)| *other == flavour) {
        let message = format!("{other} is there too, and not read");
        reading.findings.push(Finding::of_file(Severity::Warning, path.clone(), message, "remove one of the two"));
    }
    let missing = reading.manifest.as_ref().and_then(|manifest| manifest.main.clone()).filter(|main| !folder.join(main).is_file());
    if let Some(main) = missing {
        let message = format!("main is \"{main}\", and there is no such file");
        let finding = reading.about(Severity::Error, "main", message, "build the app first, or correct main");
        reading.findings.push(finding);
        reading.manifest = None;
    }
    if let Some(manifest) = &reading.manifest
        && let Err(why) = parts::check_name(&manifest.name)
    {
        reading.findings.push(Finding::of_file(Severity::Error, path, format!("name: {why}"), ""));
        reading.manifest = None;
    }
    reading
}

/// A folder without a manifest.
fn bare(folder: &Path, shown: &str, name: &str, environment: Option<&str>) -> Reading {
    if let Some(environment) = environment {
        let message = format!("there is no environment \"{environment}\": the folder has no manifest");
        return failed(Finding::of_file(Severity::Error, shown, message, "add nano.toml"));
    }
    if !is_app(folder) {
        let message = "the folder has no main module and no manifest";
        return failed(Finding::of_file(Severity::Error, shown, message, "add index.js, index.ts or nano.toml"));
    }
    match parts::check_name(name) {
        Ok(()) => Reading { manifest: Some(Manifest::new(name)), findings: Vec::new(), environments: Vec::new(), places: Vec::new() },
        Err(why) => failed(Finding::of_file(Severity::Error, shown, format!("the folder's name: {why}"), "rename the folder")),
    }
}

fn failed(finding: Finding) -> Reading {
    Reading { manifest: None, findings: vec![finding], environments: Vec::new(), places: Vec::new() }
}

/// A small text file, never waiting for a pipe.
pub(crate) fn read_text(path: &Path) -> Result<String, String> {
    let (file, _) = sys::file::open_regular(path).map_err(|error| format!("cannot be read: {error}"))?;
    let mut bytes = Vec::new();
    file.take(MANIFEST_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() > MANIFEST_BYTES_MAX {
        return Err(format!("has more than {MANIFEST_BYTES_MAX} bytes"));
    }
    // Some editors put a mark before UTF-8.
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_string())?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_string).unwrap_or(text))
}
