//! Opening files that somebody else may be changing.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::limits::SMALL_FILE_BYTES_MAX;

/// Opens a regular file for reading, never waiting for the other end of a pipe, and says which file it is, links followed.
pub fn open_regular(path: &Path) -> io::Result<(File, PathBuf)> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
    }
    let real = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    Ok((file, real))
}

/// Opens a file that somebody has named, or a pipe that this process was started with. A pipe in a folder is refused: nobody may ever write
/// to it.
pub fn open_named(path: &Path) -> io::Result<File> {
    let is_given = ["/dev/stdin", "/dev/fd", "/proc/self/fd"].iter().any(|given| path.starts_with(given));
    if is_given { File::open(path) } else { Ok(open_regular(path)?.0) }
}

/// What is in a small file that somebody has named.
pub fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    let file = open_named(path)?;
    let mut bytes = Vec::new();
    file.take(SMALL_FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > SMALL_FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it has more than {SMALL_FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

/// The same of a text.
pub fn read_small_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read_small(path)?).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

/// A descriptor of one's own for what another one names; the other stays whoever's it is. It is closed when a program is executed.
pub fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl takes integers; one that is no descriptor is EBADF.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `copy` was just created and belongs to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Takes a descriptor that this program was started with as one's own. One that is none, or has been taken already, is refused: those that
/// a program opens by itself are closed when it executes another one, and so is this from here on.
pub fn take_inherited(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl takes integers; one that is no descriptor is EBADF.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
    if flags < 0 {
        return Err(io::Error::last_os_error());
    }
    if fd <= libc::STDERR_FILENO || flags & libc::FD_CLOEXEC != 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a descriptor that the program was started with"));
    }
    set_inherited(fd, false)?;
    // SAFETY: it was there when the program began, and is taken once: nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Whether programs that this process executes have the descriptor too. It stays whoever's it is.
pub fn set_inherited(fd: RawFd, inherited: bool) -> io::Result<()> {
    let flags = if inherited { 0 } else { libc::FD_CLOEXEC };
    // SAFETY: fcntl takes integers; one that is no descriptor is EBADF.
    match unsafe { libc::fcntl(fd, libc::F_SETFD, flags) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
