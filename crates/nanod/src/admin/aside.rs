//! Folders in the folder of apps that are nobody's: what is being written, what is to be deleted, and what has made room for a version that
//! may not start. That may be all there is of an app, and is never taken for what is left over.
//!
//! What has made room has a note beside it, which says whose place it had, and is locked while the process lives that waits for the new
//! version. Without a note it never comes back. If that process ends in the middle, whoever begins next puts the folder back in its place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use nano_base::clock::Clock;
use nano_base::sys::file::read_small_text;
use nano_base::sys::random;

use crate::output;

/// How they begin. Scanners pass over what begins with a dot.
const INCOMING: &str = ".nanod-incoming-";
const REMOVED: &str = ".nanod-removed-";
/// What a note's name has more than its folder's.
const NOTE: &str = "note";
/// What is being written, and has been still for so long, is left of a process that ended in the middle.
const LEFT_OVER: Duration = Duration::from_secs(3_600);

/// Where something may be written.
pub fn incoming(root: &Path) -> PathBuf {
    named(root, INCOMING)
}

/// Where something may be moved that is to be deleted.
pub fn removed(root: &Path) -> PathBuf {
    named(root, REMOVED)
}

fn named(root: &Path, beginning: &str) -> PathBuf {
    let mut bytes = [0; 8];
    random::fill(&mut bytes);
    root.join(format!("{beginning}{:016x}", u64::from_le_bytes(bytes)))
}

/// Deletes a folder, or the link to one, or a file. What cannot be deleted stays, and is out of everybody's way.
pub fn delete(path: &Path) {
    let is_folder = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let _ = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
}

/// A folder that has made room for another one.
#[derive(Debug)]
pub struct Away {
    place: PathBuf,
    path: PathBuf,
    note: PathBuf,
    /// The note, which is this process's.
    _locked: File,
}

impl Away {
    /// Makes room at the place of a folder, if something is there.
    pub fn put(root: &Path, folder: &str) -> io::Result<Option<Self>> {
        let path = removed(root);
        let note = path.with_extension(NOTE);
        let locked = write_note(&incoming(root), &note, folder)?;
        let away = Self { place: root.join(folder), path, note, _locked: locked };
        match fs::rename(&away.place, &away.path) {
            Ok(()) => Ok(Some(away)),
            Err(error) => {
                away.give_up();
                if error.kind() == ErrorKind::NotFound { Ok(None) } else { Err(error) }
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts it back in its place, which is free.
    pub fn come_back(&self) -> io::Result<()> {
        fs::rename(&self.path, &self.place)?;
        // One that cannot be removed is about nothing any more.
        let _ = fs::remove_file(&self.note);
        Ok(())
    }

    /// It does not come back: what is to be deleted.
    pub fn give_up(self) -> PathBuf {
        let _ = fs::remove_file(&self.note);
        self.path
    }

    /// What a note is about whose process has ended.
    fn of_nobody(root: &Path, note: PathBuf) -> Option<Self> {
        let locked = OpenOptions::new().read(true).write(true).open(&note).ok()?;
        locked.try_lock().ok()?;
        // Read by its name: a note that was removed before it was locked says nothing.
        let folder = read_small_text(&note).ok()?;
        let mut parts = Path::new(&folder).components();
        let is_name = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) && !folder.starts_with('.');
        is_name.then(|| Self { place: root.join(&folder), path: note.with_extension(""), note, _locked: locked })
    }

    /// Puts it back in its place, also if there is a version that nobody has seen start; where that is then.
    fn take_its_place(&self, root: &Path) -> io::Result<Option<PathBuf>> {
        let newer = incoming(root);
        let was_taken = match fs::rename(&self.place, &newer) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if let Err(error) = self.come_back() {
            if was_taken {
                fs::rename(&newer, &self.place)?;
            }
            return Err(error);
        }
        if was_taken {
            // Somebody may have put it there himself meanwhile: it is kept as if it was new.
            let now = UNIX_EPOCH + Duration::from_millis(Clock::system().unix_ms() as u64);
            let _ = File::open(&newer).and_then(|folder| folder.set_modified(now));
        }
        Ok(was_taken.then_some(newer))
    }
}

/// The note has its name when it is locked, so that nobody takes it for one that was left behind.
fn write_note(unnamed: &Path, note: &Path, folder: &str) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(unnamed)?;
    // Where files cannot be locked notes are nobody's to act on.
    let written = file.write_all(folder.as_bytes()).and_then(|()| file.sync_all()).map(|()| drop(file.try_lock()));
    let named = written.and_then(|()| fs::rename(unnamed, note));
    named.inspect_err(|_| delete(unnamed))?;
    Ok(file)
}

/// Puts back what has made room for versions of which nobody knows any more whether they start.
pub fn bring_back(root: &Path) {
    let notes = all(root).filter(|(name, _)| name.starts_with(REMOVED) && name.ends_with(NOTE));
    for away in notes.filter_map(|(_, path)| Away::of_nobody(root, path)) {
        if fs::symlink_metadata(&away.path).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            away.give_up();
            continue;
        }
        let place = away.place.display();
        match away.take_its_place(root) {
            Ok(None) => output::complain(&format!("{place}: nanod ended while another version came in its place; it is back")),
            Ok(Some(newer)) => output::complain(&format!(
                "{place}: nanod ended before it was known whether its last version starts; the version before is back, that one is in {}",
                newer.display()
            )),
            Err(error) => output::complain(&format!("{place}: cannot put it back from {}: {error}", away.path.display())),
        }
    }
}

/// Deletes what processes have left behind that had no time to.
pub fn remove_left_overs(root: &Path) {
    for (name, path) in all(root) {
        let is_left_over = match name.starts_with(REMOVED) {
            true => !name.ends_with(NOTE) && !path.with_extension(NOTE).exists(),
            false => {
                let age = fs::symlink_metadata(&path).and_then(|metadata| metadata.modified()).ok().and_then(|time| time.elapsed().ok());
                name.starts_with(INCOMING) && age.is_some_and(|age| age > LEFT_OVER)
            }
        };
        if is_left_over {
            delete(&path);
        }
    }
}

fn all(root: &Path) -> impl Iterator<Item = (String, PathBuf)> {
    fs::read_dir(root).into_iter().flatten().flatten().filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("nanod-aside-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("shop")).expect("a folder");
        fs::write(root.join("shop/index.js"), "old").expect("a file");
        root
    }

    #[test]
    fn what_has_made_room_is_its_process_s_while_that_lives_and_is_back_when_it_has_ended() {
        let root = folder("room");
        let away = Away::put(&root, "shop").expect("it is writable").expect("it was there");
        let look = || {
            remove_left_overs(&root);
            bring_back(&root);
            (root.join("shop").exists(), all(&root).count())
        };
        assert_eq!(look(), (false, 2));
        // As if the process had ended.
        drop(away);
        assert_eq!(look(), (true, 1));
        assert_eq!(fs::read_to_string(root.join("shop/index.js")).expect("it is back"), "old");
        let away = Away::put(&root, "shop").expect("it is writable").expect("it was there");
        assert_eq!(away.give_up().exists().then(look), Some((false, 0)), "what does not come back is deleted");
        assert!(Away::put(&root, "shop").expect("it is writable").is_none());
        assert_eq!(look(), (false, 0));
        let _ = fs::remove_dir_all(&root);
    }

    #[test]
    fn notes_of_what_is_no_folder_of_apps_are_about_nothing() {
        let root = folder("notes");
        let path = removed(&root);
        fs::create_dir(&path).expect("a folder");
        for text in ["", ".", "..", "../elsewhere", "/tmp/elsewhere", "shop/assets", ".hidden"] {
            fs::write(path.with_extension(NOTE), text).expect("a note");
            bring_back(&root);
            remove_left_overs(&root);
            assert!(path.exists() && root.join("shop/index.js").exists(), "{text}");
        }
        let _ = fs::remove_dir_all(&root);
    }
}
