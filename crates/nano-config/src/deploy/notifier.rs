//! The operating system's hints that something has changed. They say when and roughly where, never what: a scan finds out.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use nano_base::app_files::MAIN_FILES;
use notify::event::{EventKind, ModifyKind};
use notify::{ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher};

use super::scan::{Snapshot, Touched};
use crate::manifest::MANIFEST_FILES;

/// What has been heard since it was asked last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hints {
    /// Nothing.
    None,
    /// Something about these.
    Touched(Touched),
}

/// Listens to a folder of apps, on a thread of the watching library.
pub struct Notifier {
    watcher: RecommendedWatcher,
    heard: Arc<Mutex<Heard>>,
    root: PathBuf,
    /// Files elsewhere that matter.
    files: Vec<PathBuf>,
    /// The folders that are listened to, and which ones they were: another may have come in the place of one, by the same path.
    watched: BTreeMap<PathBuf, Identity>,
}

/// A folder, whatever it is called.
type Identity = (u64, u64, Option<SystemTime>);

impl std::fmt::Debug for Notifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Notifier({} folders of {})", self.watched.len(), self.root.display())
    }
}

#[derive(Default)]
struct Heard {
    paths: BTreeSet<PathBuf>,
    all: bool,
    /// Folders in which only some names matter.
    only: BTreeMap<PathBuf, BTreeSet<OsString>>,
    /// The folders of apps, and what they are called.
    apps: BTreeMap<PathBuf, String>,
}

/// Paths remembered between two looks; with more, all counts as touched.
const PATHS_MAX: usize = 1_000;

impl Notifier {
    /// Listens to `root`, and to what becomes of these `files`. `wake` is called on another thread whenever there is something to take.
    pub fn start(root: &Path, files: Vec<PathBuf>, wake: impl Fn() + Send + 'static) -> Result<Self, String> {
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let listening = heard.clone();
        let handler = move |event: notify::Result<Event>| {
            if listening.lock().unwrap_or_else(PoisonError::into_inner).hear(event) {
                wake();
            }
        };
        let watcher = notify::recommended_watcher(handler).map_err(|error| explain(root, &error))?;
        let mut notifier = Self { watcher, heard, root: root.to_path_buf(), files, watched: BTreeMap::new() };
        let identity = identity(root).map_err(|error| format!("cannot watch {}: {error}", root.display()))?;
        notifier.add(root.to_path_buf(), identity)?;
        Ok(notifier)
    }

    /// Listens to the folders that a scan has found to matter, and no longer to others; whether there are new ones, in which something may
    /// have changed since the scan. After an error it hears only some: poll.
    pub fn cover(&mut self, snapshot: &Snapshot) -> Result<bool, String> {
        let only = self.only(snapshot);
        let all = snapshot.apps.values().flat_map(|app| &app.watched).chain([&self.root]).chain(only.keys());
        // What is not there is heard of when it comes, by its parent.
        let mut wanted: BTreeMap<PathBuf, Identity> = all.filter_map(|folder| Some((folder.clone(), identity(folder).ok()?))).collect();
        let watcher = &mut self.watcher;
        self.watched.retain(|folder, identity| {
            let same = wanted.get(folder) == Some(identity);
            if !same {
                // The watch may have gone with its folder.
                let _ = watcher.unwatch(folder);
            }
            same
        });
        {
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.apps = snapshot.apps.iter().map(|(name, app)| (app.folder.clone(), name.clone())).collect();
            heard.only = only;
        }
        wanted.retain(|folder, _| !self.watched.contains_key(folder));
        let before = self.watched.len();
        wanted.into_iter().try_for_each(|(folder, identity)| self.add(folder, identity))?;
        Ok(self.watched.len() > before)
    }

    /// The folders that are listened to for the sake of some names in them.
    fn only(&self, snapshot: &Snapshot) -> BTreeMap<PathBuf, BTreeSet<OsString>> {
        let mut only: BTreeMap<PathBuf, BTreeSet<OsString>> = BTreeMap::new();
        let names = MANIFEST_FILES.iter().map(|(name, _)| *name).chain(MAIN_FILES).chain(["package.json", "src"]);
        let names: BTreeSet<OsString> = names.map(|name| name.trim_start_matches("src/").into()).collect();
        only.extend(snapshot.watched.iter().map(|folder| (folder.clone(), names.clone())));
        let mut add = |file: &Path, more: Option<&str>| {
            let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return };
            only.entry(folder.to_path_buf()).or_default().extend(more.map(OsString::from).into_iter().chain([name.to_os_string()]));
        };
        add(&self.root, None);
        for file in self.files.iter().chain(snapshot.apps.values().flat_map(|app| &app.files)) {
            // Kubernetes exchanges files by a link beside them.
            add(file, Some("..data"));
            if let Ok(real) = file.canonicalize() {
                add(&real, None);
            }
        }
        only.remove(&self.root);
        snapshot.apps.values().flat_map(|app| &app.watched).for_each(|folder| drop(only.remove(folder)));
        only
    }

    fn add(&mut self, folder: PathBuf, identity: Identity) -> Result<(), String> {
        match self.watcher.watch(&folder, RecursiveMode::NonRecursive) {
            Ok(()) => drop(self.watched.insert(folder, identity)),
            // It went between the scan and now, or is not to be read: the looks without hints are left.
            Err(error) if folder != self.root && !is_of_the_limit(&error) => {}
            Err(error) => return Err(explain(&folder, &error)),
        }
        Ok(())
    }

    /// What has been heard since the last time.
    pub fn take(&self) -> Hints {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Heard {
    /// Whether there is something new to take.
    fn hear(&mut self, event: notify::Result<Event>) -> bool {
        match event {
            // Reading is no change; a scan reads.
            Ok(event) if matches!(event.kind, EventKind::Access(_)) => return false,
            // Some files were forgotten, or it is unknown which.
            Ok(event) if event.need_rescan() || event.paths.is_empty() => self.all = true,
            Ok(event) => {
                let only = &self.only;
                self.paths.extend(event.paths.into_iter().filter(|path| matters(path, &event.kind) && concerns(only, path, &event.kind)));
            }
            Err(_) => self.all = true,
        }
        if self.paths.len() > PATHS_MAX {
            self.paths.clear();
            self.all = true;
        }
        self.all || !self.paths.is_empty()
    }

    fn take(&mut self) -> Hints {
        let paths = std::mem::take(&mut self.paths);
        if std::mem::take(&mut self.all) {
            return Hints::Touched(Touched::All);
        }
        let mut names = BTreeSet::new();
        for path in &paths {
            match path.ancestors().find_map(|folder| self.apps.get(folder)) {
                // The folder itself appeared, went, or became another.
                Some(name) if !self.apps.contains_key(path) => drop(names.insert(name.clone())),
                _ => return Hints::Touched(Touched::All),
            }
        }
        if names.is_empty() { Hints::None } else { Hints::Touched(Touched::Some(names)) }
    }
}

/// What editors leave behind and take away again is passed over by scans too. Links such as `..data` do matter.
fn matters(path: &Path, kind: &EventKind) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let renamed = matches!(kind, EventKind::Modify(ModifyKind::Name(_)));
    renamed || !(name.ends_with('~') || name.ends_with(".swp") || name.ends_with(".swx"))
}

/// Whether it is about one of the names for whose sake its folder is listened to, if it is listened to for the sake of some.
fn concerns(only: &BTreeMap<PathBuf, BTreeSet<OsString>>, path: &Path, kind: &EventKind) -> bool {
    if only.contains_key(path) && matches!(kind, EventKind::Modify(ModifyKind::Metadata(_))) {
        return false;
    }
    let names = path.parent().and_then(|folder| only.get(folder));
    names.is_none_or(|names| path.file_name().is_some_and(|name| names.contains(name)))
}

fn identity(folder: &Path) -> std::io::Result<Identity> {
    let metadata = std::fs::metadata(folder)?;
    Ok((metadata.dev(), metadata.ino(), metadata.created().ok()))
}

fn is_of_the_limit(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::MaxFilesWatch => true,
        // ENOSPC and EMFILE: watches and instances of inotify.
        ErrorKind::Io(error) => matches!(error.raw_os_error(), Some(28 | 24)),
        _ => false,
    }
}

fn explain(path: &Path, error: &notify::Error) -> String {
    match is_of_the_limit(error) {
        true => "the limit of inotify is reached: changes are found by looking every second; raise fs.inotify.max_user_watches and \
                 fs.inotify.max_user_instances"
            .to_string(),
        false => format!("cannot watch {}: {error}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{AccessKind, CreateKind, Flag};

    use super::*;

    fn heard() -> Heard {
        let apps = [("/d/a", "a"), ("/d/b", "b"), ("/elsewhere/x", "c")];
        Heard { apps: apps.iter().map(|(path, name)| (PathBuf::from(path), name.to_string())).collect(), ..Heard::default() }
    }

    fn event(kind: EventKind, paths: &[&str]) -> Event {
        paths.iter().fold(Event::new(kind), |event, path| event.add_path(path.into()))
    }

    #[test]
    fn a_path_is_about_the_app_it_is_in() {
        let create = EventKind::Create(CreateKind::File);
        let some = |names: &[&str]| Hints::Touched(Touched::Some(names.iter().map(ToString::to_string).collect()));
        let cases = [
            (vec!["/d/a/index.js"], some(&["a"])),
            (vec!["/d/a/src/x.js", "/elsewhere/x/y"], some(&["a", "c"])),
            (vec!["/d/a"], Hints::Touched(Touched::All)),
            (vec!["/d/new"], Hints::Touched(Touched::All)),
            (vec!["/d/a/x.js", "/d/ab/x.js"], Hints::Touched(Touched::All)),
            (vec!["/d/a/index.js~", "/d/a/.index.js.swp"], Hints::None),
            (vec!["/d/a/..data"], some(&["a"])),
        ];
        for (paths, expected) in cases {
            let mut heard = heard();
            let woke = heard.hear(Ok(event(create, &paths)));
            assert_eq!((heard.take(), woke), (expected.clone(), expected != Hints::None), "{paths:?}");
            assert_eq!(heard.take(), Hints::None);
        }
    }

    #[test]
    fn reading_is_no_change_and_what_was_missed_is_about_all() {
        let mut heard = heard();
        assert!(!heard.hear(Ok(event(EventKind::Access(AccessKind::Read), &["/d/a/x"]))));
        assert_eq!(heard.take(), Hints::None);
        assert!(heard.hear(Ok(event(EventKind::Other, &["/d/a/x"]).set_flag(Flag::Rescan))));
        assert_eq!(heard.take(), Hints::Touched(Touched::All));
        assert!(heard.hear(Err(notify::Error::generic("lost"))));
        assert_eq!(heard.take(), Hints::Touched(Touched::All));
        let many: Vec<String> = (0..=PATHS_MAX).map(|i| format!("/d/a/{i}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(heard.hear(Ok(event(EventKind::Any, &many))) && heard.paths.is_empty());
        assert_eq!(heard.take(), Hints::Touched(Touched::All));
    }

    #[test]
    fn in_folders_that_are_no_apps_only_some_names_matter() {
        let only = [("/d/new", ["index.js", "src"]), ("/", ["d", "d"]), ("/run", ["key", "..data"])];
        let mut heard = heard();
        heard.only = only.into_iter().map(|(folder, names)| (folder.into(), names.into_iter().map(OsString::from).collect())).collect();
        let create = EventKind::Create(CreateKind::File);
        let touch = EventKind::Modify(ModifyKind::Metadata(notify::event::MetadataKind::Any));
        for (kind, path, expected) in [
            (create, "/d/new/index.js", true),
            (create, "/d/new/src", true),
            (create, "/d/new/log.txt", false),
            (create, "/d", true),
            (create, "/etc", false),
            (create, "/run/key", true),
            (create, "/run/..data", true),
            (create, "/run/other", false),
            (touch, "/run", false),
        ] {
            assert_eq!(heard.hear(Ok(event(kind, &[path]))), expected, "{path}");
            assert_eq!(heard.take() != Hints::None, expected, "{path}");
        }
    }

    #[test]
    fn the_limit_of_inotify_is_explained() {
        for error in [notify::Error::new(ErrorKind::MaxFilesWatch), notify::Error::io(std::io::Error::from_raw_os_error(28))] {
            assert!(explain(Path::new("/d"), &error).contains("max_user_watches"));
        }
    }
}
