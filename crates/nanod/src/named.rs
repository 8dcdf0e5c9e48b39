//! Files and folders that a command line names: whether they are there, and what may have been meant. Every command says the same of the
//! same mistake, and ends with the same code, `Exit::Machine`.

use std::fs;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use nano_base::limits::DEPLOY_FOLDERS_MAX;
use nano_config::text::suggest::near;

/// A folder, with all links followed.
pub fn folder(path: &Path) -> Result<PathBuf, String> {
    let real = path.canonicalize().map_err(|error| unreadable(path, "folder", &error))?;
    if real.is_dir() {
        return Ok(real);
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Err(format!("{} is no folder: give the folder that it is in, {}", path.display(), parent.display()))
}

/// A file or a folder, with all links followed.
pub fn anything(path: &Path) -> Result<PathBuf, String> {
    path.canonicalize().map_err(|error| unreadable(path, "file or folder", &error))
}

/// Why a file cannot be read.
pub fn unreadable_file(path: &Path, error: &Error) -> String {
    unreadable(path, "file", error)
}

fn unreadable(path: &Path, what: &str, error: &Error) -> String {
    if error.kind() != ErrorKind::NotFound {
        return format!("cannot read {}: {error}", path.display());
    }
    let help = match meant(path) {
        names if names.is_empty() => String::new(),
        names => format!("; did you mean {}?", names.join(" or ")),
    };
    format!("cannot read {}: there is no such {what}{help}", path.display())
}

/// What is beside it under a name like its.
fn meant(path: &Path) -> Vec<String> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = fs::read_dir(parent).into_iter().flatten().flatten().take(DEPLOY_FOLDERS_MAX);
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    near(name, names.iter().map(String::as_str)).into_iter().map(|near| path.with_file_name(near).display().to_string()).collect()
}
