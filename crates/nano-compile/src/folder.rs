//! An app's folder: files are read whole, each once, and never from outside.
//!
//! A path is safe when the file it leads to, with all links followed, is below the folder. What is opened is asked for its own
//! path again, so that a link that changes between the check and the opening gains nothing.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use nano_base::limits::{SOURCE_BYTES_MAX, SOURCE_FILES_MAX, SOURCE_LOOKUPS_MAX};
use nano_base::status::{Error, Result, Status};
use nano_base::sys;

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A file, by its real path inside the folder.
    File(String),
    /// A folder, by its real path inside the folder.
    Folder(String),
    /// Nothing.
    Missing,
    /// Something outside the folder, or neither file nor folder.
    Refused,
}

/// One app's folder while it is being loaded.
pub(crate) struct Folder {
    root: PathBuf,
    seen: HashMap<String, Entry>,
    bytes_left: usize,
    files_left: usize,
}

impl Folder {
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let canonical = root.canonicalize().map_err(|error| io(root, "open", &error))?;
        if !canonical.is_dir() {
            return Err(Error::new(Status::Io, format!("cannot open {}: not a folder", root.display())));
        }
        Ok(Self { root: canonical, seen: HashMap::new(), bytes_left: SOURCE_BYTES_MAX, files_left: SOURCE_FILES_MAX })
    }

    /// How it is called in errors.
    pub(crate) fn name(&self) -> String {
        self.root.display().to_string()
    }

    /// What is at a normalized path.
    pub(crate) fn look(&mut self, path: &str) -> Result<Entry> {
        if let Some(entry) = self.seen.get(path) {
            return Ok(entry.clone());
        }
        if self.seen.len() >= SOURCE_LOOKUPS_MAX {
            return Err(Error::new(
                Status::TooLarge,
                format!("{} needs more than {SOURCE_LOOKUPS_MAX} look-ups to resolve its imports: bundle the app", self.name()),
            ));
        }
        let entry = self.find(path);
        self.seen.insert(path.to_string(), entry.clone());
        Ok(entry)
    }

    fn find(&self, path: &str) -> Entry {
        if path.contains('\0') {
            return Entry::Missing;
        }
        let Ok(real) = self.root.join(path).canonicalize() else { return Entry::Missing };
        let Some(inside) = self.inside(&real) else { return Entry::Refused };
        match real.metadata() {
            Ok(metadata) if metadata.is_file() => Entry::File(inside),
            Ok(metadata) if metadata.is_dir() => Entry::Folder(inside),
            _ => Entry::Refused,
        }
    }

    fn inside(&self, real: &Path) -> Option<String> {
        Some(real.strip_prefix(&self.root).ok()?.to_str()?.to_string())
    }

    /// The bytes of a file that `look` has found.
    pub(crate) fn read(&mut self, path: &str) -> Result<Vec<u8>> {
        if self.files_left == 0 {
            return Err(Error::new(
                Status::TooLarge,
                format!("{} imports more than {SOURCE_FILES_MAX} files: bundle the app", self.name()),
            ));
        }
        let full = self.root.join(path);
        let (file, real) = sys::file::open_regular(&full).map_err(|error| io(&full, "read", &error))?;
        if self.inside(&real).is_none() {
            return Err(Error::new(Status::Io, format!("cannot read {}: it leads outside the app's folder", full.display())));
        }
        let bytes = read_up_to(file, &full, self.bytes_left)?;
        self.files_left -= 1;
        self.bytes_left -= bytes.len();
        Ok(bytes)
    }
}

/// One file that is an app by itself.
pub(crate) fn read_single(path: &Path) -> Result<Vec<u8>> {
    let (file, _) = sys::file::open_regular(path).map_err(|error| io(path, "read", &error))?;
    read_up_to(file, path, SOURCE_BYTES_MAX)
}

fn read_up_to(file: std::fs::File, path: &Path, bytes_max: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).map_err(|error| io(path, "read", &error))?;
    if bytes.len() > bytes_max {
        return Err(Error::new(
            Status::TooLarge,
            format!("{} is too large: an app may have {SOURCE_BYTES_MAX} bytes, of which {bytes_max} are left", path.display()),
        ));
    }
    Ok(bytes)
}

fn io(path: &Path, what: &str, error: &std::io::Error) -> Error {
    Error::new(Status::Io, format!("cannot {what} {}: {error}", path.display()))
}
