//! A few pages that several processes see: what is written there outlives the process that wrote it.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

/// Words in shared memory, zero at first. Its size cannot be changed by anybody.
#[derive(Debug)]
pub struct Board {
    fd: OwnedFd,
    words: NonNull<AtomicU64>,
    len: usize,
}

// SAFETY: it is a mapping of atomic words that lives as long as the value, and nothing about it belongs to a thread.
unsafe impl Send for Board {}
// SAFETY: the words are only reached as atomics.
unsafe impl Sync for Board {}

impl Board {
    /// A new one; programs that are executed do not have it until its descriptor is made theirs.
    pub fn new(len: usize) -> io::Result<Self> {
        // SAFETY: a literal with a NUL at its end; the result is checked before it is owned.
        let fd = unsafe { libc::memfd_create(c"nano-board".as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` was just created and belongs to nobody else.
        let file = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
        file.set_len(bytes(len))?;
        // SAFETY: fcntl with integers, on a descriptor of our own.
        if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, SEALS) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Self::map(file.into(), len)
    }

    /// The one whose descriptor this process has been given, of that many words.
    pub fn inherited(fd: RawFd, len: usize) -> io::Result<Self> {
        let fd = super::file::duplicate(fd)?;
        // SAFETY: fcntl with integers, on a descriptor of our own.
        let seals = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GET_SEALS) };
        let file = File::from(fd);
        if seals & SEALS != SEALS || file.metadata()?.len() < bytes(len) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a board of this size"));
        }
        Self::map(file.into(), len)
    }

    fn map(fd: OwnedFd, len: usize) -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice; the file has at least that many bytes and is sealed against shrinking.
        let at = unsafe { libc::mmap(std::ptr::null_mut(), bytes(len) as usize, protection, libc::MAP_SHARED, fd.as_raw_fd(), 0) };
        match NonNull::new(at.cast()).filter(|_| at != libc::MAP_FAILED) {
            Some(words) => Ok(Self { fd, words, len }),
            None => Err(io::Error::last_os_error()),
        }
    }

    /// The words.
    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping has that many aligned words, lives as long as `self`, and is never written to but atomically.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr(), self.len) }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // SAFETY: the mapping is our own, and nobody can hold its words any more.
        unsafe { libc::munmap(self.words.as_ptr().cast(), bytes(self.len) as usize) };
    }
}

impl AsRawFd for Board {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

const SEALS: libc::c_int = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;

fn bytes(words: usize) -> u64 {
    (words * size_of::<AtomicU64>()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    #[test]
    fn what_one_writes_the_other_reads() {
        let board = Board::new(700).expect("a board");
        let other = Board::inherited(board.as_raw_fd(), 700).expect("the same");
        board.words()[699].store(7, Ordering::Relaxed);
        assert_eq!((other.words()[699].load(Ordering::Relaxed), other.words().len()), (7, 700));
        assert!(Board::inherited(board.as_raw_fd(), 5_000).is_err(), "it is not that large");
        let file = File::open("/dev/null").expect("a file");
        assert!(Board::inherited(file.as_raw_fd(), 1).is_err(), "it could shrink");
    }
}
