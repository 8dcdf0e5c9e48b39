//! Values that must not be seen: where they are read from, and a type that no log can print.

mod dotenv;

use std::io::Read;
use std::path::Path;

use nano_base::limits::SECRET_BYTES_MAX;
use nano_base::sys;

pub use dotenv::{dev_vars, is_dev_vars, parse};

/// A text that is never printed and is erased when it is dropped.
#[derive(Clone)]
pub struct Secret(nano_crypto::Secret);

impl Secret {
    /// Takes a text over.
    pub fn new(text: String) -> Self {
        Self(text.into_bytes().into())
    }

    /// Takes bytes over, if they are text.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let bytes = nano_crypto::Secret::from(bytes);
        std::str::from_utf8(&bytes).is_ok().then_some(Self(bytes))
    }

    /// The text, for `env` alone.
    pub fn reveal(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// Reads a secret's file, if it may be read: `allowed` is asked of the file that it is when all links are followed. One newline at its
/// end is not part of it: editors and `echo` put it there.
pub fn read_file(path: &Path, allowed: &dyn Fn(&Path) -> bool) -> Result<Secret, String> {
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let (file, real) = sys::file::open_regular(path).map_err(failed)?;
    if !allowed(&real) {
        return Err(format!("{} is {}, outside the app's folder", path.display(), real.display()));
    }
    // With room for all there may be: growing would leave copies behind.
    let mut bytes = Vec::with_capacity(SECRET_BYTES_MAX + 1);
    file.take(SECRET_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    let secret = from_output(bytes);
    secret.map_err(|why| format!("{}: {why}", path.display()))
}

/// A secret as a file holds it or a program prints it.
pub fn from_output(bytes: Vec<u8>) -> Result<Secret, String> {
    let bytes = nano_crypto::Secret::from(bytes);
    if bytes.len() > SECRET_BYTES_MAX {
        return Err(format!("a secret has {SECRET_BYTES_MAX} bytes at most"));
    }
    let text = bytes.strip_suffix(b"\n").map(|text| text.strip_suffix(b"\r").unwrap_or(text)).unwrap_or(&bytes);
    match text.is_empty() {
        true => Err("it is empty".into()),
        false => Secret::from_bytes(text.to_vec()).ok_or_else(|| "it is not UTF-8".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret::new("hunter2".into());
        assert_eq!((format!("{secret:?} {secret:#?}"), secret.reveal()), ("Secret(hidden) Secret(hidden)".into(), "hunter2"));
    }

    #[test]
    fn one_newline_at_the_end_is_not_part_of_it() {
        for (output, expected) in [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a b ", " a b "), ("a\r", "a\r")] {
            assert_eq!(from_output(output.into()).expect("a secret").reveal(), expected, "{output:?}");
        }
        for (output, why) in [(vec![], "it is empty"), (vec![b'\n'], "it is empty"), (vec![0xff], "it is not UTF-8")] {
            assert_eq!(from_output(output).err().as_deref(), Some(why));
        }
        assert!(from_output(vec![b'x'; SECRET_BYTES_MAX + 1]).is_err());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_without_waiting() {
        let why = read_file(Path::new("/proc/no-such-file"), &|_| true).expect_err("not there");
        assert!(why.starts_with("cannot read /proc/no-such-file: "), "{why}");
        assert!(read_file(Path::new("/dev/null"), &|_| true).expect_err("a device").contains("not a file"));
    }
}
