//! The file of a listening socket: it goes with whoever made it. What a crash leaves behind is replaced by the next one who listens there.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::sys::fork;

/// The file of a socket that this process listens on. Dropping it removes the file, so it should go before the socket does: as long as that
/// listens nobody else takes the path without taking the file away first. In a forked child it stays: it is the parent's.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    id: (u64, u64),
}

impl SocketFile {
    /// Of an address that has just been bound, if that is a path.
    pub fn of(address: &str) -> Option<Self> {
        // The process may change its folder before the file goes.
        let path = std::path::absolute(address.strip_prefix("unix:")?).ok()?;
        let id = id(&path)?;
        Some(Self { path, id })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody may have put his own there.
        if !fork::is_child() && id(&self.path) == Some(self.id) {
            // If that fails it is as after a crash.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn id(path: &Path) -> Option<(u64, u64)> {
    let metadata = path.symlink_metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}
