//! One app's folder. Its stamp changes whenever a file that counts may have changed, its digest when one has.
//!
//! What counts is everything but names with a leading dot, what editors leave behind, and in `node_modules` what is not code or is
//! tests and documentation. Links are followed to files inside the folder; one to a folder counts as the path it leads to. Names with a
//! leading dot have a stamp of their own: what copies files writes them under such names first.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nano_base::limits::{DEPLOY_BYTES_MAX, DEPLOY_DEPTH_MAX, DEPLOY_ENTRIES_MAX};
use nano_base::sys;
use nano_crypto::{Hash, Hasher};

/// SHA-256 of what an app's folder holds: its version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A precision shortens it: `{:.6}` has twelve digits.
        self.0.iter().take(f.precision().unwrap_or(32)).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:.6}")
    }
}

/// What a walk has seen.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    /// Everything about the files but what is in them.
    pub stamp: Digest,
    /// When something in it changed last, in milliseconds since 1970, as the file system says.
    pub newest_unix_ms: u64,
    /// What that was, below the app's folder.
    pub newest: PathBuf,
    /// What does not count.
    pub hidden: Hidden,
    /// The folders whose changes matter.
    pub folders: Vec<PathBuf>,
    files: Vec<Seen>,
}

/// What has a leading dot: it is no part of an app, and tells whether somebody is at work in the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hidden {
    /// Everything about it but what is in it.
    pub stamp: Digest,
    /// When something of it changed last, in milliseconds since 1970, as the file system says.
    pub newest_unix_ms: u64,
}

#[derive(Clone, Debug)]
struct Seen {
    /// Below the app's folder.
    path: PathBuf,
    kind: SeenKind,
}

#[derive(Clone, Debug)]
enum SeenKind {
    File,
    /// To a folder: where it leads, below the app's folder.
    Link(PathBuf),
}

/// Which variables of development count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    /// `.dev.vars` and `.env`.
    pub dev_vars: bool,
}

struct Walker<'a> {
    root: &'a Path,
    rules: Rules,
    stamp: Hasher,
    newest_unix_ms: u64,
    newest: PathBuf,
    hidden: Hasher,
    hidden_unix_ms: u64,
    folders: Vec<PathBuf>,
    files: Vec<Seen>,
    entries_left: usize,
}

/// Looks at everything below `root`, a real path, and reads nothing.
pub(super) fn walk(root: &Path, rules: Rules) -> Result<Walk, String> {
    let (stamp, hidden) = (hasher()?, hasher()?);
    let (folders, files, entries_left) = (Vec::new(), Vec::new(), DEPLOY_ENTRIES_MAX);
    let newest = PathBuf::new();
    let mut walker = Walker { root, rules, stamp, newest_unix_ms: 0, newest, hidden, hidden_unix_ms: 0, folders, files, entries_left };
    walker.folder(Path::new(""), 0, false)?;
    let Walker { stamp, newest_unix_ms, newest, hidden, hidden_unix_ms, folders, files, .. } = walker;
    let hidden = Hidden { stamp: finish(hidden), newest_unix_ms: hidden_unix_ms };
    Ok(Walk { stamp: finish(stamp), newest_unix_ms, newest, hidden, folders, files })
}

impl Walker<'_> {
    fn folder(&mut self, path: &Path, depth: usize, package: bool) -> Result<(), String> {
        if depth > DEPLOY_DEPTH_MAX {
            return Err(format!("folders nest deeper than {DEPLOY_DEPTH_MAX}"));
        }
        let full = self.root.join(path);
        let failed = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
        self.note(path, b'd', &fs::metadata(&full).map_err(failed)?);
        // Below node_modules there is too much to watch, and package managers touch what is directly in it.
        if !package || path.ends_with("node_modules") {
            self.folders.push(full.clone());
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(&full).map_err(failed)? {
            if self.entries_left == 0 {
                return Err(format!("there are more than {DEPLOY_ENTRIES_MAX} files and folders in it"));
            }
            self.entries_left -= 1;
            names.push(entry.map_err(failed)?.file_name());
        }
        names.sort_unstable();
        for name in &names {
            if is_of_an_editor(name) {
                continue;
            }
            let entry = path.join(name);
            if self.is_hidden(name, path) { self.note_hidden(&entry) } else { self.entry(entry, name, depth, package)? }
        }
        Ok(())
    }

    fn is_hidden(&self, name: &OsStr, parent: &Path) -> bool {
        let name = name.as_bytes();
        let vars =
            [&b".dev.vars"[..], b".env"].iter().any(|file| name == *file || name.strip_prefix(*file).is_some_and(|rest| rest[0] == b'.'));
        let dev_vars = self.rules.dev_vars && parent.as_os_str().is_empty() && vars;
        name.starts_with(b".") && !dev_vars
    }

    /// What is below a folder that is hidden is nobody's business.
    fn note_hidden(&mut self, path: &Path) {
        let Ok(metadata) = fs::symlink_metadata(self.root.join(path)) else { return };
        update_part(&mut self.hidden, path.as_os_str().as_bytes());
        numbers(&metadata).iter().for_each(|number| self.hidden.update(&number.to_le_bytes()));
        self.hidden_unix_ms = self.hidden_unix_ms.max(changed_unix_ms(&metadata));
    }

    fn entry(&mut self, path: PathBuf, name: &OsStr, depth: usize, package: bool) -> Result<(), String> {
        let full = self.root.join(&path);
        // What is gone since its folder was read will have changed that folder's stamp.
        let Ok(metadata) = fs::symlink_metadata(&full) else { return Ok(()) };
        if metadata.is_symlink() {
            return self.link(path, &full, package);
        }
        if metadata.is_dir() {
            let dead_weight =
                package && matches!(name.to_str(), Some("test" | "tests" | "__tests__" | "docs" | "doc" | "example" | "examples" | "man"));
            return if dead_weight { Ok(()) } else { self.folder(&path, depth + 1, package || name == "node_modules") };
        }
        if metadata.is_file() && (!package || is_code(name)) {
            self.note(&path, b'f', &metadata);
            self.files.push(Seen { path, kind: SeenKind::File });
        }
        Ok(())
    }

    fn link(&mut self, path: PathBuf, full: &Path, package: bool) -> Result<(), String> {
        let Ok(real) = full.canonicalize() else { return Ok(()) };
        // The compiler refuses what is outside, should it be imported.
        let Ok(inside) = real.strip_prefix(self.root) else { return Ok(()) };
        let Ok(metadata) = fs::metadata(&real) else { return Ok(()) };
        let inside = inside.to_path_buf();
        if metadata.is_dir() {
            self.note(&path, b'l', &metadata);
            self.part(inside.as_os_str().as_bytes());
            self.files.push(Seen { path, kind: SeenKind::Link(inside) });
        } else if metadata.is_file() && (!package || path.file_name().is_some_and(is_code)) {
            self.note(&path, b'f', &metadata);
            self.files.push(Seen { path, kind: SeenKind::File });
        }
        Ok(())
    }

    fn note(&mut self, path: &Path, kind: u8, metadata: &Metadata) {
        self.part(path.as_os_str().as_bytes());
        self.stamp.update(&[kind]);
        numbers(metadata).iter().for_each(|number| self.stamp.update(&number.to_le_bytes()));
        // Of a folder and what is in it the latter says more.
        if changed_unix_ms(metadata) >= self.newest_unix_ms {
            self.newest_unix_ms = changed_unix_ms(metadata);
            path.clone_into(&mut self.newest);
        }
    }

    fn part(&mut self, bytes: &[u8]) {
        update_part(&mut self.stamp, bytes);
    }
}

/// Whether a name is of what editors leave behind and take away again.
fn is_of_an_editor(name: &OsStr) -> bool {
    [&b"~"[..], b".swp", b".swx"].iter().any(|end| name.as_bytes().ends_with(end))
}

fn numbers(metadata: &Metadata) -> [u64; 7] {
    let modified = [metadata.mtime() as u64, metadata.mtime_nsec() as u64];
    let changed = [metadata.ctime() as u64, metadata.ctime_nsec() as u64];
    [metadata.dev(), metadata.ino(), metadata.len(), modified[0], modified[1], changed[0], changed[1]]
}

/// Not the time of modification: whoever copies can set that to any.
fn changed_unix_ms(metadata: &Metadata) -> u64 {
    metadata.ctime().max(0) as u64 * 1_000 + metadata.ctime_nsec() as u64 / 1_000_000
}

/// What an import in a package can lead to, apart from what nobody imports from packages.
fn is_code(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let endings: [&[u8]; 8] = [b".js", b".mjs", b".cjs", b".json", b".wasm", b".ts", b".tsx", b".jsx"];
    endings.iter().any(|ending| name.ends_with(ending)) && !name.ends_with(b".d.ts")
}

impl Walk {
    /// Reads what was seen. `extra` counts as well.
    pub fn digest(&self, root: &Path, extra: &[u8]) -> Result<Digest, String> {
        let mut hasher = hasher()?;
        let mut bytes_left = DEPLOY_BYTES_MAX;
        for seen in &self.files {
            update_part(&mut hasher, seen.path.as_os_str().as_bytes());
            match &seen.kind {
                SeenKind::Link(target) => {
                    hasher.update(b"l");
                    update_part(&mut hasher, target.as_os_str().as_bytes());
                }
                SeenKind::File => {
                    hasher.update(b"f");
                    let content = digest_file(root, &root.join(&seen.path), &mut bytes_left);
                    hasher.update(&content.map_err(|why| format!("{}: {why}", seen.path.display()))?.0);
                }
            }
        }
        update_part(&mut hasher, extra);
        Ok(finish(hasher))
    }
}

fn digest_file(root: &Path, path: &Path, bytes_left: &mut u64) -> Result<Digest, String> {
    let (mut file, real) = sys::file::open_regular(path).map_err(|error| format!("cannot be read: {error}"))?;
    if !real.starts_with(root) {
        return Err("it leads outside the app's folder".into());
    }
    let mut hasher = hasher()?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = file.read(&mut buffer).map_err(|error| format!("cannot be read: {error}"))?;
        if read == 0 {
            return Ok(finish(hasher));
        }
        *bytes_left =
            bytes_left.checked_sub(read as u64).ok_or_else(|| format!("the app's files have more than {DEPLOY_BYTES_MAX} bytes"))?;
        hasher.update(&buffer[..read]);
    }
}

/// Everything about a file outside the folder but what is in it: for secrets, whose contents must not be guessed from a digest.
pub(super) fn outside_stamp(path: &Path) -> Vec<u8> {
    let Ok(metadata) = fs::metadata(path) else { return b"missing".to_vec() };
    let numbers = [metadata.dev(), metadata.ino(), metadata.len(), metadata.mtime() as u64, metadata.mtime_nsec() as u64];
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn hasher() -> Result<Hasher, String> {
    Hasher::new(Hash::Sha256).map_err(|_| "SHA-256 is not available".to_string())
}

/// Length first, so that no two lists of parts are the same bytes.
fn update_part(hasher: &mut Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

fn finish(hasher: Hasher) -> Digest {
    let mut digest = [0; 32];
    digest.copy_from_slice(&hasher.finish());
    Digest(digest)
}
