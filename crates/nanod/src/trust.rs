//! What manifests may not grant themselves: who is granted what, and how an app is refused that asks for more.

use std::path::{Path, PathBuf};

use nano_config::deploy::AppState;
use nano_config::manifest::{GRANTS_FILE, Grants, Manifest, Reading, is_app};
use nano_config::text::{Finding, Severity};
use nano_core::policy::Rule;

use crate::output;

/// Where grants come from, and what they are now.
#[derive(Debug)]
pub struct Trust {
    file: Option<PathBuf>,
    grants: Grants,
    told: Vec<Finding>,
}

impl Trust {
    /// Everything is granted (`trust`), or what a file says: `file`, or the one beside the apps of `folder`.
    pub fn new(trust: bool, file: Option<&Path>, folder: &Path) -> Result<Self, String> {
        let grants = if trust { Grants::everything() } else { Grants::default() };
        let beside = || (!is_app(folder)).then(|| folder.join(GRANTS_FILE));
        let found = file.map(Path::to_path_buf).or_else(beside).filter(|_| !trust);
        let mut new = Self { file: found, grants, told: Vec::new() };
        if let Some(file) = file
            && !trust
            && !file.is_file()
        {
            return Err(format!("--grants: there is no file {}", file.display()));
        }
        new.look();
        // Nobody is served by half of what was meant.
        if new.told.is_empty() { Ok(new) } else { Err("what is granted to apps cannot be read".into()) }
    }

    /// What is granted.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// Looks at the file again; the grants before it, if they have changed. A file that cannot be used changes nothing.
    pub fn look(&mut self) -> Option<Grants> {
        let new = match Grants::load(self.file.as_deref()?) {
            Ok(grants) => grants.unwrap_or_default(),
            Err(findings) => {
                if findings != self.told {
                    findings.iter().for_each(output::finding);
                    self.told = findings;
                }
                return None;
            }
        };
        self.told.clear();
        if new == self.grants {
            return None;
        }
        Some(std::mem::replace(&mut self.grants, new))
    }
}

/// The name that grants have for a folder.
pub fn name_of<'a>(folder: &'a str, state: &'a AppState) -> &'a str {
    match folder {
        "." => state.folder.file_name().and_then(|name| name.to_str()).unwrap_or(folder),
        _ => folder,
    }
}

/// What an app asks for and does not have, told where it asks; `name` is the one that grants have for it.
pub fn refusals(grants: &Grants, name: &str, manifest: &Manifest, reading: &Reading, severity: Severity) -> Vec<Finding> {
    let is_private = |rule: &str| Rule::parse(rule).is_ok_and(|rule| rule.names_private());
    let refused = grants.refused(name, manifest, &is_private);
    let finding = |demand: &nano_config::manifest::Demand| {
        let message = format!("{} is not granted to this app", demand.what());
        let help = format!("write {} below [apps.{}] in {GRANTS_FILE}, or serve with --trust", demand.grant(), key(name));
        reading.about(severity, &demand.key(), message, help)
    };
    refused.iter().map(finding).collect()
}

/// A key of TOML.
fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.bytes().all(bare) { name.to_string() } else { format!("\"{name}\"") }
}
