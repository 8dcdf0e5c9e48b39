//! A folder of apps, now. What has not been touched since it was looked at last is not read again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nano_base::limits::DEPLOY_FOLDERS_MAX;

use super::walk::{Digest, Hidden, Rules, outside_stamp, walk};
use crate::manifest::{Reading, SecretSource, described_by, is_app, is_one_app, is_one_or_many, load, why_no_app};
use crate::text::finding::show_place;
use crate::text::{Finding, Severity};

/// How to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanOptions {
    /// The environment of the manifests.
    pub environment: Option<String>,
    /// Whether `.dev.vars` and `.env` count.
    pub dev_vars: bool,
    /// Whether an app's folder may be a link that leads out of the folder of apps.
    pub outside_links: bool,
}

/// Which folders may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// Any of them.
    All,
    /// These, by their names.
    Some(BTreeSet<String>),
}

/// One app's folder.
#[derive(Clone, Debug)]
pub struct AppState {
    /// Where it is, with all links followed.
    pub folder: PathBuf,
    /// How errors call it.
    pub shown: String,
    /// Changes whenever it may have changed.
    pub stamp: Digest,
    /// What is in it; none if it cannot be read.
    pub digest: Option<Digest>,
    /// When something in it changed last, in milliseconds since 1970, as the file system says.
    pub newest_unix_ms: u64,
    /// What that was, below the folder.
    pub newest: PathBuf,
    /// What is in it and does not count.
    pub(super) hidden: Hidden,
    /// Its manifest, or what is wrong with it.
    pub reading: Arc<Reading>,
    /// The folders in it whose changes matter.
    pub watched: Vec<PathBuf>,
    /// The files of its secrets, as far as they are watched.
    pub files: Vec<PathBuf>,
    /// The stamp without what is outside the folder.
    inside: Digest,
    hashed_unix_ms: u64,
}

/// A folder of apps at one time.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The apps by their folders' names; `.` if the folder itself is the app.
    pub apps: BTreeMap<String, AppState>,
    /// Folders that are there and are no apps, and whether a finding says why.
    pub others: BTreeMap<String, bool>,
    /// Where these are: a main module may come into them.
    pub watched: Vec<PathBuf>,
    /// What is wrong with the folder as a whole.
    pub findings: Vec<Finding>,
}

/// Looks at a folder of apps, again and again.
#[derive(Debug)]
pub struct Scanner {
    root: PathBuf,
    options: ScanOptions,
    /// The folder is one app, whatever is put into it, or never is; none while nothing of it has been deployed.
    one_app: Option<bool>,
    /// What it was when it was looked at last.
    was_one_app: bool,
    last: Snapshot,
}

/// A file that changed this long before it was read cannot change once more with the same stamp.
const RACY_MS: u64 = 1_000;

/// Secrets of one app whose files are watched: there are not watches for all that apps can name. The others are found to have changed by
/// the looks without hints.
const SECRET_FILES_WATCHED_MAX: usize = 4;

impl Scanner {
    /// Of the folder `root`, which may come and go. Whether it is one app shows now, and stays so: what is put into a folder of apps never
    /// takes the place of all of them. One that has nothing in it yet is what comes first.
    pub fn new(root: impl Into<PathBuf>, options: ScanOptions) -> Self {
        let root = root.into();
        let one_app = is_one_or_many(&root);
        Self { root, options, one_app, was_one_app: false, last: Snapshot::default() }
    }

    /// The same of somebody who has found out already whether the folder is one app.
    pub fn with_one_app(self, one_app: Option<bool>) -> Self {
        Self { one_app, ..self }
    }

    /// Something of it is deployed as it was when it was looked at last: one app or several, so it stays. Whether it is one.
    pub fn decide(&mut self) -> bool {
        *self.one_app.get_or_insert(self.was_one_app)
    }

    /// The folder of apps.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What is there. `unix_ms` is the time.
    pub fn scan(&mut self, touched: &Touched, unix_ms: u64) -> Snapshot {
        let mut snapshot = Snapshot::default();
        let real = self.root.canonicalize();
        self.was_one_app = self.one_app.unwrap_or_else(|| real.as_ref().is_ok_and(|root| is_one_app(root)));
        match real {
            Err(error) => self.complain(&mut snapshot, &format!("cannot be opened: {error}")),
            Ok(root) if self.was_one_app => self.look(".", &root, touched, unix_ms, &mut snapshot),
            Ok(root) => {
                snapshot.findings.extend(described_by(&root).map(|file| self.passed_over(file)));
                let mut names = self.names(&root, &mut snapshot.findings);
                if let Ok(names) = &mut names
                    && self.is_its_own_source(&root, names)
                {
                    snapshot.findings.push(self.passed_over("src"));
                    names.retain(|name| name != "src");
                }
                let looked =
                    names.and_then(|names| names.iter().try_for_each(|name| self.child(name, &root, touched, unix_ms, &mut snapshot)));
                if let Err(why) = looked {
                    self.complain(&mut snapshot, &why);
                }
            }
        }
        self.last = snapshot.clone();
        snapshot
    }

    /// A folder that cannot be read says nothing about its apps: what was there is there.
    fn complain(&self, snapshot: &mut Snapshot, why: &str) {
        *snapshot = Snapshot { findings: Vec::new(), ..self.last.clone() };
        snapshot.findings.push(Finding::of_file(Severity::Error, self.root.display().to_string(), why, ""));
    }

    /// Whether there is a `src` that would make one app of the folder. One that is an app already stays one.
    fn is_its_own_source(&self, root: &Path, names: &[String]) -> bool {
        names.iter().any(|name| name == "src") && !self.last.apps.contains_key("src") && described_by(root).is_none() && is_one_app(root)
    }

    /// A file that would make an app of the folder of apps.
    fn passed_over(&self, file: &str) -> Finding {
        let message = "it is not served: this is a folder of apps, and was when nanod began";
        Finding::of_file(Severity::Warning, self.root.join(file).display().to_string(), message, "put it into a folder of its own")
    }

    fn names(&self, root: &Path, findings: &mut Vec<Finding>) -> Result<Vec<String>, String> {
        let mut names = Vec::new();
        for (count, entry) in fs::read_dir(root).map_err(|error| format!("cannot be read: {error}"))?.enumerate() {
            if count >= DEPLOY_FOLDERS_MAX {
                return Err(format!("there are more than {DEPLOY_FOLDERS_MAX} entries in it"));
            }
            let entry = entry.map_err(|error| format!("cannot be read: {error}"))?;
            match entry.file_name().into_string() {
                Ok(name) if name.starts_with('.') || name == "node_modules" => {}
                Ok(name) => names.push(name),
                Err(_) if !entry.path().is_dir() => {}
                Err(_) => {
                    let message = "it is no app: its name is not UTF-8";
                    findings.push(Finding::of_file(Severity::Warning, entry.path().display().to_string(), message, "rename the folder"));
                }
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// One entry. Only one that is not there has gone; the error is about the folder of apps as a whole.
    fn child(&self, name: &str, root: &Path, touched: &Touched, unix_ms: u64, snapshot: &mut Snapshot) -> Result<(), String> {
        let path = root.join(name);
        let mut no_app = |severity, message: String, help| {
            snapshot.findings.push(Finding::of_file(severity, path.display().to_string(), message, help));
            snapshot.others.insert(name.to_string(), true);
        };
        let real = match (path.canonicalize(), fs::symlink_metadata(&path)) {
            (Ok(real), _) => real,
            (Err(_), Err(gone)) if gone.kind() == ErrorKind::NotFound => return Ok(()),
            (Err(_), Err(error)) => return Err(format!("cannot be entered: {error}")),
            (Err(error), Ok(_)) => {
                no_app(Severity::Warning, format!("it is no app: the link cannot be followed: {error}"), "");
                return Ok(());
            }
        };
        if !real.is_dir() {
            return Ok(());
        }
        if !real.starts_with(root) && !self.options.outside_links {
            no_app(Severity::Error, "the link leads outside the folder of apps".into(), "allow it with --follow-links");
        } else if is_app(&real) {
            self.look(name, &real, touched, unix_ms, snapshot);
        } else {
            match why_no_app(&real) {
                Some(why) => no_app(Severity::Warning, format!("it is no app: {why}"), ""),
                None => drop(snapshot.others.insert(name.to_string(), false)),
            }
            snapshot.watched.extend([real.join("src"), real].into_iter().filter(|folder| folder.is_dir()));
        }
        Ok(())
    }

    fn look(&self, name: &str, real: &Path, touched: &Touched, unix_ms: u64, snapshot: &mut Snapshot) {
        let last = self.last.apps.get(name).filter(|last| last.folder == real);
        let untouched = matches!(touched, Touched::Some(names) if !names.contains(name));
        let state = match last {
            Some(last) if untouched => last.clone(),
            _ => self.state(name, real, last, unix_ms),
        };
        snapshot.apps.insert(name.to_string(), state);
    }

    fn state(&self, name: &str, real: &Path, last: Option<&AppState>, unix_ms: u64) -> AppState {
        let shown = if name == "." { self.root.display().to_string() } else { self.root.join(name).display().to_string() };
        let walk = match walk(real, Rules { dev_vars: self.options.dev_vars }) {
            Ok(walk) => walk,
            Err(why) => return broken(real, shown, why, last),
        };
        let called = if name == "." { called(&shown, real) } else { name };
        let reading = match last {
            Some(last) if last.inside == walk.stamp && is_clean(last) => last.reading.clone(),
            _ => Arc::new(load(real, &shown, called, self.options.environment.as_deref())),
        };
        let outside = outside(real, &reading);
        let stamp = mix(walk.stamp, &outside);
        let mut state = AppState {
            folder: real.to_path_buf(),
            shown,
            stamp,
            digest: None,
            newest_unix_ms: walk.newest_unix_ms,
            newest: walk.newest.clone(),
            hidden: walk.hidden,
            reading: reading.clone(),
            watched: walk.folders.clone(),
            files: secret_files(real, &reading).take(SECRET_FILES_WATCHED_MAX).collect(),
            inside: walk.stamp,
            hashed_unix_ms: unix_ms,
        };
        match last.filter(|last| last.stamp == stamp && is_clean(last)) {
            Some(last) => {
                state.digest = last.digest;
                state.hashed_unix_ms = last.hashed_unix_ms;
            }
            None => match walk.digest(real, &outside) {
                Ok(digest) => state.digest = Some(digest),
                Err(why) => return broken(real, state.shown.clone(), why, Some(&state)),
            },
        }
        state
    }
}

impl AppState {
    /// A finding about what a key of its manifest says; about the folder, if there is no manifest.
    pub fn about(&self, severity: Severity, key: &str, message: impl Into<String>, help: impl Into<String>) -> Finding {
        let finding = self.reading.about(severity, key, message, help);
        if finding.file.is_empty() { Finding { file: self.shown.clone(), ..finding } } else { finding }
    }

    /// Where its manifest says something, as people write it; the folder, if there is no manifest.
    pub fn place_of(&self, key: &str) -> String {
        let Finding { file, line, column, .. } = self.about(Severity::Notice, key, "", "");
        show_place(&file, (line, column))
    }

    /// What its folder is called: as the link to it is, if it is reached by one.
    pub fn called(&self) -> &str {
        called(&self.shown, &self.folder)
    }

    /// Whether there is something else in its folder by now. What only looks different is read again to find out.
    pub fn has_moved(&self, dev_vars: bool) -> bool {
        let Ok(walk) = walk(&self.folder, Rules { dev_vars }) else { return true };
        let outside = outside(&self.folder, &self.reading);
        mix(walk.stamp, &outside) != self.stamp && walk.digest(&self.folder, &outside).ok() != self.digest
    }
}

fn called<'a>(shown: &'a str, real: &'a Path) -> &'a str {
    Path::new(shown).file_name().or(real.file_name()).and_then(|name| name.to_str()).unwrap_or("app")
}

/// Everything about the files of its secrets that are outside the folder, or may be.
fn outside(folder: &Path, reading: &Reading) -> Vec<u8> {
    secret_files(folder, reading).flat_map(|file| outside_stamp(&file)).collect()
}

fn secret_files(folder: &Path, reading: &Reading) -> impl Iterator<Item = PathBuf> {
    let secrets = reading.manifest.iter().flat_map(|manifest| &manifest.secrets);
    secrets.filter_map(|(_, source)| if let SecretSource::File(path) = source { Some(folder.join(path)) } else { None })
}

/// Whether its digest is of files that had stopped changing.
fn is_clean(state: &AppState) -> bool {
    state.digest.is_some() && state.hashed_unix_ms > state.newest_unix_ms.saturating_add(RACY_MS)
}

/// A folder that cannot be digested.
fn broken(real: &Path, shown: String, why: String, last: Option<&AppState>) -> AppState {
    let finding = Finding::of_file(Severity::Error, shown.clone(), why, "");
    AppState {
        folder: real.to_path_buf(),
        shown,
        stamp: last.map_or(Digest([0; 32]), |last| last.stamp),
        digest: None,
        newest_unix_ms: last.map_or(0, |last| last.newest_unix_ms),
        newest: last.map_or_else(PathBuf::new, |last| last.newest.clone()),
        hidden: last.map_or(Hidden { stamp: Digest([0; 32]), newest_unix_ms: 0 }, |last| last.hidden),
        reading: Arc::new(Reading { manifest: None, findings: vec![finding], environments: Vec::new(), places: Vec::new() }),
        watched: vec![real.to_path_buf()],
        files: Vec::new(),
        inside: Digest([0; 32]),
        hashed_unix_ms: 0,
    }
}

fn mix(stamp: Digest, outside: &[u8]) -> Digest {
    if outside.is_empty() {
        return stamp;
    }
    let mut bytes = stamp.0.to_vec();
    bytes.extend_from_slice(outside);
    let mut mixed = [0; 32];
    mixed.copy_from_slice(&nano_crypto::Hash::Sha256.digest(&bytes));
    Digest(mixed)
}
