//! The files of an app: a tree in memory, shared by the app's instances on all shards, gone when the app is unloaded.
//!
//! Paths have `/` between their names and are empty for the root. What is written goes into a swap copy, which takes the file's
//! place when its writer is closed. The same operations, by name and arguments, are what a host answers that keeps files itself.

mod vocabulary;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use nano_base::limits::{FILE_NAME_BYTES_MAX, FILE_PATH_BYTES_MAX};

pub(crate) use vocabulary::Setting;

use crate::wait::lock;

/// How an operation fails: the name of a DOMException, and a message.
pub(crate) type FileError = (&'static str, String);
type Outcome<T> = std::result::Result<T, FileError>;

/// Where a writer was made: what it holds goes when that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WriterPlace {
    pub shard: usize,
    pub incarnation: u32,
    pub slot: u64,
}

/// The most an app may keep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quota {
    pub bytes: usize,
    pub entries: usize,
}

/// One app's files.
#[derive(Debug, Default)]
pub(crate) struct Files(Mutex<Tree>);

#[derive(Debug, Default)]
struct Tree {
    root: Directory,
    writers: HashMap<u64, Writer>,
    next: u64,
    /// Bytes of files, swap copies and names.
    bytes: usize,
    /// Files, directories and writers.
    entries: usize,
}

type Directory = BTreeMap<String, Node>;

#[derive(Debug)]
enum Node {
    Directory(Directory),
    File(File),
}

#[derive(Debug)]
struct File {
    data: Arc<Vec<u8>>,
    modified_ms: f64,
    /// Writers that have not been closed.
    writers: u32,
}

#[derive(Debug)]
struct Writer {
    path: String,
    data: Arc<Vec<u8>>,
    place: WriterPlace,
}

impl Node {
    fn kind(&self) -> &'static str {
        match self {
            Node::Directory(_) => "directory",
            Node::File(_) => "file",
        }
    }

    fn is_locked(&self) -> bool {
        match self {
            Node::File(file) => file.writers > 0,
            Node::Directory(children) => children.values().any(Node::is_locked),
        }
    }

    /// Bytes and entries of it and all that is in it.
    fn weight(&self) -> (usize, usize) {
        match self {
            Node::File(file) => (file.data.len(), 1),
            Node::Directory(children) => children.iter().fold((0, 1), |(bytes, entries), (name, node)| {
                let (more, inside) = node.weight();
                (bytes + more + name.len(), entries + inside)
            }),
        }
    }
}

impl Files {
    /// Looks a file or directory up, and makes it if it is not there and `create` says so.
    pub(crate) fn open(&self, path: &str, kind: &str, create: bool, now_ms: f64, quota: Quota) -> Outcome<()> {
        let mut tree = lock(&self.0);
        let Some((parent, name)) = split(path)? else {
            return if kind == "directory" { Ok(()) } else { Err(mismatch(path, "directory")) };
        };
        let parent = tree.directory(parent)?;
        match parent.get(name) {
            Some(node) if node.kind() == kind => return Ok(()),
            Some(node) => return Err(mismatch(path, node.kind())),
            None if !create => return Err(not_found(path)),
            None => {}
        }
        tree.take(name.len(), 1, quota)?;
        let node = match kind {
            "file" => Node::File(File { data: Arc::default(), modified_ms: now_ms, writers: 0 }),
            _ => Node::Directory(Directory::new()),
        };
        let (parent, name) = split(path)?.ok_or_else(|| not_found(path))?;
        tree.directory(parent)?.insert(name.to_string(), node);
        Ok(())
    }

    /// Size and time of the last change of a file.
    pub(crate) fn stat(&self, path: &str) -> Outcome<(usize, f64)> {
        let mut tree = lock(&self.0);
        let file = tree.file(path)?;
        Ok((file.data.len(), file.modified_ms))
    }

    /// A part of a file; less at its end.
    pub(crate) fn read(&self, path: &str, offset: usize, len: usize) -> Outcome<Vec<u8>> {
        let data = lock(&self.0).file(path)?.data.clone();
        let start = offset.min(data.len());
        let end = start.saturating_add(len).min(data.len());
        Ok(data[start..end].to_vec())
    }

    /// Names and kinds of what is in a directory.
    pub(crate) fn list(&self, path: &str) -> Outcome<Vec<(String, &'static str)>> {
        let mut tree = lock(&self.0);
        Ok(tree.directory(path)?.iter().map(|(name, node)| (name.clone(), node.kind())).collect())
    }

    /// Removes a file, or a directory if it is empty or `recursive` says so.
    pub(crate) fn remove(&self, path: &str, recursive: bool) -> Outcome<()> {
        let mut tree = lock(&self.0);
        let Some((parent, name)) = split(path)? else {
            // The root itself stays; recursively, what is in it goes.
            if !recursive && !tree.root.is_empty() {
                return Err(("InvalidModificationError", "the directory is not empty".into()));
            }
            if tree.root.values().any(Node::is_locked) {
                return Err(locked(path));
            }
            let root = Node::Directory(std::mem::take(&mut tree.root));
            let (bytes, entries) = root.weight();
            tree.give(bytes, entries - 1);
            return Ok(());
        };
        let directory = tree.directory(parent)?;
        let node = directory.get(name).ok_or_else(|| not_found(path))?;
        if node.is_locked() {
            return Err(locked(path));
        }
        if matches!(node, Node::Directory(children) if !children.is_empty()) && !recursive {
            return Err(("InvalidModificationError", format!("the directory \"{path}\" is not empty")));
        }
        let (bytes, entries) = node.weight();
        directory.remove(name);
        tree.give(bytes + name.len(), entries);
        Ok(())
    }

    /// Begins to write a file: the writer's number and how much its swap copy holds.
    pub(crate) fn writer(&self, path: &str, keep: bool, place: WriterPlace, quota: Quota) -> Outcome<(u64, usize)> {
        let mut tree = lock(&self.0);
        let data = if keep { tree.file(path)?.data.clone() } else { Arc::default() };
        tree.file(path)?;
        tree.take(data.len(), 1, quota)?;
        tree.file(path)?.writers += 1;
        tree.next += 1;
        let (number, size) = (tree.next, data.len());
        tree.writers.insert(number, Writer { path: path.to_string(), data, place });
        Ok((number, size))
    }

    /// Puts bytes into a writer's copy; what lies between its end and the offset becomes zero.
    pub(crate) fn write(&self, writer: u64, offset: usize, bytes: &[u8], quota: Quota) -> Outcome<()> {
        let mut tree = lock(&self.0);
        let old = tree.open_writer(writer)?.data.len();
        let end = offset.checked_add(bytes.len()).ok_or_else(over_quota)?;
        let size = old.max(end);
        tree.take(size - old, 0, quota)?;
        let data = Arc::make_mut(&mut tree.open_writer(writer)?.data);
        grow(data, size);
        data[offset..end].copy_from_slice(bytes);
        Ok(())
    }

    /// Makes a writer's copy so long.
    pub(crate) fn truncate(&self, writer: u64, size: usize, quota: Quota) -> Outcome<()> {
        let mut tree = lock(&self.0);
        let old = tree.open_writer(writer)?.data.len();
        tree.take(size.saturating_sub(old), 0, quota)?;
        tree.give(old.saturating_sub(size), 0);
        let data = Arc::make_mut(&mut tree.open_writer(writer)?.data);
        grow(data, size);
        data.truncate(size);
        data.shrink_to_fit();
        Ok(())
    }

    /// The writer's copy takes the file's place.
    pub(crate) fn close(&self, writer: u64, now_ms: f64) -> Outcome<()> {
        let mut tree = lock(&self.0);
        tree.open_writer(writer)?;
        let Some(Writer { path, mut data, .. }) = tree.writers.remove(&writer) else { return Err(no_writer()) };
        if let Some(data) = Arc::get_mut(&mut data) {
            data.shrink_to_fit();
        }
        // A file that is being written cannot be removed, so it is there.
        let file = tree.file(&path)?;
        let old = std::mem::replace(&mut file.data, data).len();
        file.modified_ms = now_ms;
        file.writers -= 1;
        tree.give(old, 1);
        Ok(())
    }

    /// Forgets a writer and its copy.
    pub(crate) fn abort(&self, writer: u64) {
        let mut tree = lock(&self.0);
        tree.abort(writer);
    }

    /// Forgets the writers of an instance, or of a thread, that is gone.
    pub(crate) fn abort_all(&self, gone: impl Fn(&WriterPlace) -> bool) {
        let mut tree = lock(&self.0);
        let writers: Vec<u64> = tree.writers.iter().filter(|(_, writer)| gone(&writer.place)).map(|(number, _)| *number).collect();
        for writer in writers {
            tree.abort(writer);
        }
    }

    /// Forgets everything: the app is gone, whoever still holds a handle of it.
    pub(crate) fn clear(&self) {
        let old = std::mem::take(&mut *lock(&self.0));
        drop(old);
    }

    /// Bytes in use.
    pub(crate) fn usage(&self) -> usize {
        lock(&self.0).bytes
    }
}

impl Tree {
    fn directory(&mut self, path: &str) -> Outcome<&mut Directory> {
        check(path)?;
        let mut directory = &mut self.root;
        for name in names(path) {
            directory = match directory.get_mut(name) {
                Some(Node::Directory(children)) => children,
                Some(Node::File(_)) => return Err(mismatch(path, "file")),
                None => return Err(not_found(path)),
            };
        }
        Ok(directory)
    }

    fn file(&mut self, path: &str) -> Outcome<&mut File> {
        let Some((parent, name)) = split(path)? else { return Err(mismatch(path, "directory")) };
        match self.directory(parent)?.get_mut(name) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Directory(_)) => Err(mismatch(path, "directory")),
            None => Err(not_found(path)),
        }
    }

    fn open_writer(&mut self, writer: u64) -> Outcome<&mut Writer> {
        self.writers.get_mut(&writer).ok_or_else(no_writer)
    }

    fn abort(&mut self, writer: u64) {
        let Some(Writer { path, data, .. }) = self.writers.remove(&writer) else { return };
        self.give(data.len(), 1);
        if let Ok(file) = self.file(&path) {
            file.writers -= 1;
        }
    }

    fn take(&mut self, bytes: usize, entries: usize, quota: Quota) -> Outcome<()> {
        let total = self.bytes.checked_add(bytes).filter(|total| bytes == 0 || *total <= quota.bytes);
        let count = self.entries + entries;
        match total {
            Some(total) if entries == 0 || count <= quota.entries => {
                (self.bytes, self.entries) = (total, count);
                Ok(())
            }
            _ => Err(over_quota()),
        }
    }

    fn give(&mut self, bytes: usize, entries: usize) {
        self.bytes -= bytes;
        self.entries -= entries;
    }
}

/// Makes it longer by zeros. Many of them are left to the kernel, which has them ready.
fn grow(data: &mut Vec<u8>, size: usize) {
    const MANY_BYTES: usize = 1 << 20;
    if size > data.capacity() && size - data.len() > MANY_BYTES {
        let mut longer = vec![0; size];
        longer[..data.len()].copy_from_slice(data);
        *data = longer;
    } else if size > data.len() {
        data.resize(size, 0);
    }
}

fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|_| !path.is_empty())
}

/// The platform's JavaScript has checked the names; this only keeps what comes from elsewhere from doing harm.
fn check(path: &str) -> Outcome<()> {
    if path.len() > FILE_PATH_BYTES_MAX {
        return Err(("QuotaExceededError", format!("a path has {FILE_PATH_BYTES_MAX} bytes at most")));
    }
    let bad = |name: &str| name.is_empty() || name == "." || name == ".." || name.len() > FILE_NAME_BYTES_MAX || name.contains('\0');
    if names(path).any(bad) {
        return Err(("TypeError", "a name in the path is not allowed".into()));
    }
    Ok(())
}

/// The path of the directory that something is in, and its name there; none for the root.
fn split(path: &str) -> Outcome<Option<(&str, &str)>> {
    check(path)?;
    Ok(match path.rsplit_once('/') {
        Some(both) => Some(both),
        None if path.is_empty() => None,
        None => Some(("", path)),
    })
}

fn not_found(path: &str) -> FileError {
    ("NotFoundError", format!("there is no \"{path}\""))
}

fn mismatch(path: &str, kind: &str) -> FileError {
    ("TypeMismatchError", format!("\"{path}\" is a {kind}"))
}

fn locked(path: &str) -> FileError {
    ("NoModificationAllowedError", format!("\"{path}\" is being written"))
}

fn over_quota() -> FileError {
    ("QuotaExceededError", "the app's files would be more than it may keep (limits storage_bytes, storage_entries)".into())
}

fn no_writer() -> FileError {
    ("InvalidStateError", "the writer has been closed".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota { bytes: 100, entries: 6 };
    const HERE: WriterPlace = WriterPlace { shard: 0, incarnation: 0, slot: 1 };

    fn name<T: std::fmt::Debug>(outcome: Outcome<T>) -> &'static str {
        outcome.expect_err("it fails").0
    }

    fn put(files: &Files, path: &str, bytes: &[u8]) {
        files.open(path, "file", true, 1.0, QUOTA).expect("opens");
        let (writer, _) = files.writer(path, false, HERE, QUOTA).expect("is a file");
        files.write(writer, 0, bytes, QUOTA).expect("fits");
        files.close(writer, 2.0).expect("is open");
    }

    #[test]
    fn files_and_directories_are_made_found_and_told_apart() {
        let files = Files::default();
        assert_eq!(name(files.open("a", "file", false, 0.0, QUOTA)), "NotFoundError");
        files.open("a", "directory", true, 0.0, QUOTA).expect("made");
        files.open("a/b", "file", true, 5.0, QUOTA).expect("made");
        assert_eq!(name(files.open("a/b", "directory", true, 0.0, QUOTA)), "TypeMismatchError");
        assert_eq!(name(files.open("a", "file", true, 0.0, QUOTA)), "TypeMismatchError");
        assert_eq!(name(files.open("a/b/c", "file", true, 0.0, QUOTA)), "TypeMismatchError");
        assert_eq!(name(files.open("x/y", "file", true, 0.0, QUOTA)), "NotFoundError");
        assert_eq!(files.open("", "directory", false, 0.0, QUOTA), Ok(()));
        assert_eq!(files.list("").expect("root"), [("a".to_string(), "directory")]);
        assert_eq!(files.list("a").expect("a"), [("b".to_string(), "file")]);
        assert_eq!(files.stat("a/b"), Ok((0, 5.0)));
        for bad in ["/", "a//b", ".", "a/..", "a/\0", "a/"] {
            assert_eq!(name(files.open(bad, "file", true, 0.0, QUOTA)), "TypeError", "{bad:?}");
        }
    }

    #[test]
    fn what_is_written_is_seen_when_the_writer_is_closed() {
        let files = Files::default();
        put(&files, "f", b"hello");
        let (writer, size) = files.writer("f", true, HERE, QUOTA).expect("is a file");
        assert_eq!(size, 5);
        files.write(writer, 7, b"you", QUOTA).expect("fits");
        files.write(writer, 0, b"J", QUOTA).expect("fits");
        assert_eq!(files.read("f", 1, 100).expect("is a file"), b"ello");
        files.close(writer, 9.0).expect("is open");
        assert_eq!(files.read("f", 0, 100).expect("is a file"), b"Jello\0\0you");
        assert_eq!(files.stat("f"), Ok((10, 9.0)));
        assert_eq!(name(files.close(writer, 0.0)), "InvalidStateError");
        let (writer, _) = files.writer("f", true, HERE, QUOTA).expect("is a file");
        files.truncate(writer, 2, QUOTA).expect("is open");
        files.truncate(writer, 4, QUOTA).expect("fits");
        files.close(writer, 9.0).expect("is open");
        assert_eq!(files.read("f", 0, 100).expect("is a file"), b"Je\0\0");
        assert_eq!(files.usage(), 5);
    }

    #[test]
    fn what_is_being_written_cannot_be_removed() {
        let files = Files::default();
        files.open("d", "directory", true, 0.0, QUOTA).expect("made");
        put(&files, "d/f", b"x");
        let (writer, _) = files.writer("d/f", false, HERE, QUOTA).expect("is a file");
        assert_eq!(name(files.remove("d/f", false)), "NoModificationAllowedError");
        assert_eq!(name(files.remove("d", true)), "NoModificationAllowedError");
        assert_eq!(name(files.remove("", true)), "NoModificationAllowedError");
        files.abort(writer);
        files.abort(writer);
        assert_eq!(name(files.remove("d", false)), "InvalidModificationError");
        assert_eq!(files.read("d/f", 0, 9).expect("is a file"), b"x");
        files.remove("d", true).expect("removed");
        assert_eq!(name(files.remove("d", true)), "NotFoundError");
        assert_eq!(files.usage(), 0);
    }

    #[test]
    fn the_quota_counts_files_copies_names_and_entries() {
        let files = Files::default();
        put(&files, "f", &[1; 60]);
        assert_eq!(name(files.writer("f", true, HERE, QUOTA)), "QuotaExceededError");
        let (writer, _) = files.writer("f", false, HERE, QUOTA).expect("fits");
        assert_eq!(name(files.write(writer, 0, &[0; 50], QUOTA)), "QuotaExceededError");
        assert_eq!(name(files.write(writer, usize::MAX, &[0; 50], QUOTA)), "QuotaExceededError");
        assert_eq!(name(files.truncate(writer, 40, QUOTA)), "QuotaExceededError");
        files.truncate(writer, 39, QUOTA).expect("fits");
        assert_eq!(files.usage(), 100);
        files.abort_all(|place| *place == HERE);
        assert_eq!(files.usage(), 61);
        for index in 0..5 {
            files.open(&format!("d{index}"), "directory", true, 0.0, QUOTA).expect("fits");
        }
        assert_eq!(name(files.open("one more", "file", true, 0.0, QUOTA)), "QuotaExceededError");
        // Over a quota that has become smaller, everything can still be removed.
        let small = Quota { bytes: 1, entries: 1 };
        assert_eq!(name(files.open("x", "file", true, 0.0, small)), "QuotaExceededError");
        files.remove("", true).expect("removed");
        assert_eq!(files.usage(), 0);
        files.open("x", "file", true, 0.0, small).expect("fits");
    }
}
