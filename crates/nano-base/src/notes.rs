//! Which app runs on which shard, noted where it survives the process: whoever supervises it reads there what ran when it crashed.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits::{NAME_BYTES_MAX, SHARDS_MAX};
use crate::sys::board::Board;

/// A length, then the name.
const SLOT_WORDS: usize = 1 + NAME_BYTES_MAX / 8;

/// A note for each shard: the name of the app that it runs, or nothing. Writing one is a handful of stores, and no system call.
#[derive(Debug)]
pub struct Notes(Board);

impl Notes {
    /// Empty ones.
    pub fn new() -> io::Result<Self> {
        Board::new(SHARDS_MAX * SLOT_WORDS).map(Self)
    }

    /// Those of a process that handed its descriptor over.
    pub fn inherited(fd: RawFd) -> io::Result<Self> {
        Board::inherited(fd, SHARDS_MAX * SLOT_WORDS).map(Self)
    }

    /// A shard begins to run an app. Of a name that is longer than names are the front counts.
    pub fn begin(&self, shard: usize, app: &str) {
        let Some(slot) = self.slot(shard) else { return };
        let name = &app.as_bytes()[..app.len().min(NAME_BYTES_MAX)];
        for (word, piece) in slot[1..].iter().zip(name.chunks(8)) {
            let mut bytes = [0; 8];
            bytes[..piece.len()].copy_from_slice(piece);
            word.store(u64::from_ne_bytes(bytes), Ordering::Relaxed);
        }
        slot[0].store(name.len() as u64, Ordering::Release);
    }

    /// A shard has stopped running one.
    pub fn end(&self, shard: usize) {
        if let Some(slot) = self.slot(shard) {
            slot[0].store(0, Ordering::Release);
        }
    }

    /// What runs. Of a process that is alive it may be torn; of one that has ended it is what ran then.
    pub fn running(&self) -> Vec<String> {
        let mut apps: Vec<String> = self.0.words().chunks(SLOT_WORDS).filter_map(read).collect();
        apps.sort_unstable();
        apps.dedup();
        apps
    }

    /// Forgets everything, for the next process.
    pub fn clear(&self) {
        self.0.words().iter().step_by(SLOT_WORDS).for_each(|length| length.store(0, Ordering::Relaxed));
    }

    fn slot(&self, shard: usize) -> Option<&[AtomicU64]> {
        self.0.words().chunks(SLOT_WORDS).nth(shard)
    }
}

impl AsRawFd for Notes {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

fn read(slot: &[AtomicU64]) -> Option<String> {
    let length = slot[0].load(Ordering::Acquire) as usize;
    if length == 0 || length > NAME_BYTES_MAX {
        return None;
    }
    let mut bytes: Vec<u8> = slot[1..].iter().flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect();
    bytes.truncate(length);
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_reads_what_runs() {
        let notes = Notes::new().expect("memory");
        let supervisor = Notes::inherited(notes.as_raw_fd()).expect("the same");
        assert_eq!(supervisor.running(), Vec::<String>::new());
        let long = "n".repeat(NAME_BYTES_MAX);
        notes.begin(0, "shop");
        notes.begin(3, "a-name-of-more-than-one-word");
        notes.begin(SHARDS_MAX - 1, &long);
        notes.begin(SHARDS_MAX, "nowhere");
        assert_eq!(supervisor.running(), ["a-name-of-more-than-one-word", &long, "shop"]);
        notes.begin(3, "shop");
        notes.end(SHARDS_MAX - 1);
        assert_eq!(supervisor.running(), ["shop"], "each once");
        supervisor.clear();
        assert_eq!(notes.running(), Vec::<String>::new());
    }
}
