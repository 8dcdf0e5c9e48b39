//! What manifests may not grant themselves: who is granted what, and how an app is refused that asks for more.

use std::fs;
use std::path::{Path, PathBuf};

use nano_config::deploy::AppState;
use nano_config::manifest::{GRANTS_FILE, Grants, Reading};
use nano_config::text::{Finding, Severity};
use nano_core::policy::Rule;

use crate::{named, output};

/// Where grants come from, and what they are now.
#[derive(Debug)]
pub struct Trust {
    file: Option<PathBuf>,
    /// Nobody has named it: it is beside the apps.
    beside: bool,
    /// The file has been there: that it is gone then takes nothing back, and grants nothing, such as that apps are no strangers.
    seen: bool,
    grants: Grants,
    told: Vec<Finding>,
}

impl Trust {
    /// Everything is granted (`trust`), or what a file says: `file`, or the one beside the `apps` of a folder, which must be there if
    /// somebody has `seen` it.
    pub fn new(trust: bool, file: Option<&Path>, apps: Option<&Path>, seen: bool) -> Result<Self, String> {
        let grants = if trust { Grants::everything() } else { Grants::default() };
        let found = Self::file(trust, file, apps);
        let beside = found.is_some() && file.is_none();
        let mut new = Self { file: found, beside, seen, grants, told: Vec::new() };
        if let Some(file) = file
            && !trust
        {
            match fs::metadata(file) {
                Ok(metadata) if metadata.is_file() => {}
                Ok(_) => return Err(format!("--grants: {} is no file", file.display())),
                Err(error) => return Err(format!("--grants: {}", named::unreadable_file(file, &error))),
            }
        }
        new.look();
        // Nobody is served by half of what was meant.
        if new.told.is_empty() { Ok(new) } else { Err("what is granted to apps cannot be read".into()) }
    }

    /// The file that grants, whether or not it is there. In the folder of one app it would be the app's own.
    pub fn file(trust: bool, file: Option<&Path>, apps: Option<&Path>) -> Option<PathBuf> {
        let beside = || apps.map(|folder| folder.join(GRANTS_FILE));
        file.map(Path::to_path_buf).or_else(beside).filter(|_| !trust)
    }

    /// The file that grants, if there is to be one.
    pub fn path(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The folder that has the file is one app: what it says there it would say itself. Whether that takes anything back.
    pub fn forget_folder(&mut self) -> bool {
        if std::mem::take(&mut self.beside) {
            self.file = None;
            return std::mem::take(&mut self.grants) != Grants::default();
        }
        false
    }

    /// What is granted.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// Looks at the file again; whether grants have changed. A file that cannot be used, or is not there any more, changes nothing.
    pub fn look(&mut self) -> bool {
        let Some(file) = &self.file else { return false };
        let loaded = match Grants::load(file) {
            Ok(Some(grants)) => {
                self.seen = true;
                Ok(grants)
            }
            Ok(None) if !self.seen => Ok(Grants::default()),
            Ok(None) => {
                let help = "what it said goes on; to take it back, write a file that says less";
                Err(vec![Finding::of_file(Severity::Error, file.display().to_string(), "the file is not there any more", help)])
            }
            Err(findings) => Err(findings),
        };
        match loaded {
            Ok(new) => {
                self.told.clear();
                let changed = new != self.grants;
                self.grants = new;
                changed
            }
            Err(findings) => {
                if findings != self.told {
                    findings.iter().for_each(output::finding);
                    self.told = findings;
                }
                false
            }
        }
    }
}

/// The name that grants have for a folder.
pub fn name_of<'a>(folder: &'a str, state: &'a AppState) -> &'a str {
    match folder {
        "." => state.called(),
        _ => folder,
    }
}

/// What else can be done by whoever serves about what is not granted.
pub const OR_TRUST: &str = "or serve with --trust";

/// What an app asks for and does not have, told where it asks; `name` is the one that grants have for it, `place` its folder, from `/`, and
/// `more` what there is to say to whoever would grant it.
pub fn refusals(grants: &Grants, name: &str, place: &Path, reading: &Reading, severity: Severity, more: &str) -> Vec<Finding> {
    let Some(manifest) = &reading.manifest else { return Vec::new() };
    let is_private = |rule: &str| Rule::parse(rule).is_ok_and(|rule| rule.names_private());
    let refused = grants.refused(name, place, manifest, &is_private);
    let finding = |demand: &nano_config::manifest::Demand| {
        let message = format!("{} is not granted to this app", demand.what());
        let help = format!("write {} below [apps.{}] in {GRANTS_FILE}, {more}", demand.grant(), key(name));
        reading.about(severity, &demand.key(), message, help)
    };
    refused.iter().map(finding).collect()
}

/// A key of TOML.
fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.bytes().all(bare) { name.to_string() } else { format!("\"{name}\"") }
}
