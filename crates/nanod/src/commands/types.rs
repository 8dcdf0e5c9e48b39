//! `nanod types`: what an app's `env` holds, for TypeScript.

use std::fs;
use std::path::{Path, PathBuf};

use nano_base::sys::file::read_small_text;
use nano_config::cli::{Exit, Types};
use nano_config::manifest::{self, Manifest};
use nano_config::secrets;
use nano_config::text::Severity;
use nano_config::types::{Neighbours, generate};

use crate::{named, output};

/// Writes the declarations, or looks whether they are up to date.
pub fn types(types: &Types) -> Exit {
    let text = match declarations(&types.dir) {
        Ok(text) => text,
        Err(exit) => return exit,
    };
    let Some(out) = &types.out else {
        if types.check {
            output::complain("--check compares with a file, and --out - is none");
            return Exit::Usage;
        }
        return super::print(|| serde_json::json!({ "declarations": text }), || text.clone());
    };
    let shown = out.display();
    let present = read_small_text(out).ok();
    if present.as_deref() == Some(text.as_str()) {
        output::say(&format!("{shown} is up to date"));
        return Exit::Success;
    }
    if types.check {
        let what = if present.is_some() { "is not up to date" } else { "is not there" };
        output::complain(&format!("{shown} {what}: run nanod types {}", types.dir.display()));
        return Exit::Failed;
    }
    match fs::write(out, text) {
        Ok(()) => {
            output::say(&format!("wrote {shown}"));
            Exit::Success
        }
        Err(error) => {
            output::complain(&format!("cannot write {shown}: {error}"));
            Exit::Machine
        }
    }
}

fn declarations(dir: &Path) -> Result<String, Exit> {
    let folder = named::folder(dir).map_err(|why| {
        output::complain(&why);
        Exit::Machine
    })?;
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or("app");
    let shown = dir.display().to_string();
    let base = load(&folder, &shown, name, None)?;
    let mut all: Vec<Manifest> = vec![base.0];
    for environment in &base.1 {
        all.push(load(&folder, &shown, name, Some(environment))?.0);
    }
    let (vars, findings) = secrets::dev_vars(&folder, &shown, None);
    findings.iter().for_each(output::finding);
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(Exit::Failed);
    }
    let names: Vec<&str> = vars.iter().map(|(name, _)| name.as_str()).collect();
    let file = all[0].file.as_deref().and_then(|file| Path::new(file).file_name()).and_then(|file| file.to_str());
    let manifests: Vec<&Manifest> = all.iter().collect();
    Ok(generate(&manifests, &names, file.unwrap_or(name), &Beside { folder: &folder }))
}

/// A manifest and the environments that it names; what is wrong with it is told.
fn load(folder: &Path, shown: &str, name: &str, environment: Option<&str>) -> Result<(Manifest, Vec<String>), Exit> {
    let reading = manifest::load(folder, shown, name, environment);
    // Of notices and warnings those of the file as it stands are enough.
    let told = reading.findings.iter().filter(|finding| environment.is_none() || finding.severity == Severity::Error);
    told.for_each(output::finding);
    reading.manifest.map(|manifest| (manifest, reading.environments)).ok_or(Exit::Failed)
}

/// The apps in the folders beside this one.
struct Beside<'a> {
    folder: &'a Path,
}

impl Neighbours for Beside<'_> {
    fn module(&self, app: &str) -> Option<String> {
        let parent = self.folder.parent()?;
        let entries = fs::read_dir(parent).ok()?;
        let named = |folder: &PathBuf| {
            let name = folder.file_name()?.to_str()?;
            let manifest = manifest::load(folder, name, name, None).manifest?;
            (manifest.name == app).then_some((name.to_string(), manifest.main))
        };
        let folders = entries.take(nano_base::limits::DEPLOY_FOLDERS_MAX).filter_map(|entry| entry.ok().map(|entry| entry.path()));
        let (name, main) = folders.filter(|folder| folder.is_dir()).find_map(|folder| named(&folder))?;
        let main = match main {
            Some(main) => main,
            None => nano_base::app_files::MAIN_FILES.iter().find(|main| parent.join(&name).join(main).is_file())?.to_string(),
        };
        let module = main.strip_suffix(".ts").or_else(|| main.strip_suffix(".tsx"))?;
        Some(format!("../{name}/{}", module.strip_prefix("./").unwrap_or(module)))
    }
}
