//! `nanod new DIR`: files that work at once with `nanod dev`. Nothing that is there is ever overwritten.

use std::fs;
use std::io::Write;
use std::path::Path;

use nano_config::cli::{Exit, New};

use crate::output;

/// What stands in the templates for the app's name.
const NAME: &str = "APP_NAME";

/// A file of a template: its path, and what is in it.
type File = (&'static str, &'static str);

/// A file under `templates/`.
macro_rules! files {
    ($template:literal: $($path:literal),*) => {
        &[$(($path, include_str!(concat!("../../templates/", $template, "/", $path)))),*]
    };
}

const PLAIN: &[File] = files!("plain": "index.js", "nano.toml", ".gitignore");
const HONO: &[File] = files!("hono": "src/index.ts", "package.json", "nano.toml", ".gitignore");
const TYPESCRIPT: &[File] =
    files!("typescript": "src/index.ts", "src/greet.ts", "tsconfig.json", "worker-configuration.d.ts", "nano.toml", ".gitignore");
const WEBSOCKET: &[File] = files!("websocket": "index.js", "page.html", "nano.toml", ".gitignore");

/// The platform's own declarations, as one file.
macro_rules! declarations {
    ($($area:literal),*) => {
        concat!("// What an app of NANO finds.\n\n/// <reference lib=\"esnext\" />\n",
            $("\n", include_str!(concat!("../../../../bindings/types/", $area, ".d.ts"))),*)
    };
}

/// For editors: there is no package to install.
const DECLARATIONS: File = (
    "nano.d.ts",
    declarations!(
        "handlers",
        "global",
        "events",
        "errors",
        "fetch",
        "workers",
        "files",
        "connections",
        "streams",
        "encoding",
        "urls",
        "time",
        "node",
        "modules"
    ),
);

/// Writes a template.
pub fn new(new: &New) -> Exit {
    let mut files = match new.template.as_str() {
        "hono" => HONO.to_vec(),
        "typescript" => TYPESCRIPT.to_vec(),
        "websocket" => WEBSOCKET.to_vec(),
        _ => PLAIN.to_vec(),
    };
    if new.template == "typescript" {
        files.push(DECLARATIONS);
    }
    let dir = &new.dir;
    let Some(name) = name_of(dir) else {
        output::complain(&format!("{} gives no name for an app: use letters, digits and -", dir.display()));
        return Exit::Failed;
    };
    let present: Vec<&str> = files.iter().map(|(path, _)| *path).filter(|path| dir.join(path).symlink_metadata().is_ok()).collect();
    if !present.is_empty() {
        output::complain(&format!(
            "{} has {} already, which would be overwritten: choose another folder",
            dir.display(),
            present.join(", ")
        ));
        return Exit::Failed;
    }
    for (path, text) in &files {
        if let Err(error) = write(&dir.join(path), &text.replace(NAME, &name)) {
            output::complain(&format!("cannot write {}: {error}", dir.join(path).display()));
            return Exit::Machine;
        }
    }
    tell(dir, &name, &files, new.template == "hono");
    Exit::Success
}

/// The folder's name as a name of an app: it becomes a host, `NAME.localhost`.
fn name_of(dir: &Path) -> Option<String> {
    let last = match dir.file_name() {
        Some(last) => last.to_os_string(),
        // `.`, `..` and the like.
        None => dir.canonicalize().ok()?.file_name()?.to_os_string(),
    };
    let mut name = String::new();
    for character in last.to_str()?.chars() {
        match character {
            letter if letter.is_ascii_alphanumeric() => name.push(letter.to_ascii_lowercase()),
            _ if name.is_empty() || name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    name.truncate(63);
    let name = name.trim_end_matches('-').to_string();
    (!name.is_empty()).then_some(name)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    // Somebody may have been faster.
    fs::File::options().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

fn tell(dir: &Path, name: &str, files: &[File], installs: bool) {
    if output::is_json() {
        let paths: Vec<String> = files.iter().map(|(path, _)| dir.join(path).display().to_string()).collect();
        output::print(&format!("{}\n", serde_json::json!({ "name": name, "files": paths })));
        return;
    }
    for (path, _) in files {
        output::say(&format!("  {}", dir.join(path).display()));
    }
    let shown = dir.display().to_string();
    let shown = if shown.contains(char::is_whitespace) { format!("'{shown}'") } else { shown };
    output::say("\nNext:");
    if installs {
        output::say(&format!("  (cd {shown} && npm install)"));
    }
    output::say(&format!("  nanod dev {shown}"));
}
