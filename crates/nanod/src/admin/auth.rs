//! Who may use the admin listener: the token, and what keeps pages of other sites away from it.
//!
//! The token travels in `Authorization`, which a browser adds of itself nowhere: there is no cookie that another site's page could make use
//! of. What needs no token (health, metrics, the empty page) is kept from other sites by the names a request may use: a page whose name
//! has been made to resolve to this machine still says that name.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use nano_base::http::Headers;
use nano_base::limits::{ADMIN_TOKEN_BYTES_MAX, ADMIN_TOKEN_BYTES_MIN, DEPLOY_FOLDERS_MAX};
use nano_base::sys::file::read_small_text;
use nano_base::sys::random;

use crate::named::unreadable_file;
use crate::routes::is_own_name;

/// How files of tokens end: of those that are kept between runs, and of those that are for one process.
const KEPT: &str = ".token";
const PASSING: &str = ".now.token";

/// The variable of nanod's environment that has the token, if no file has it.
pub const TOKEN_VARIABLE: &str = "NANOD_TOKEN";

/// Where a token came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The operator named the file.
    Given(PathBuf),
    /// `NANOD_TOKEN`.
    Environment,
    /// It was made, and is in this file.
    Made(PathBuf),
    /// It was made, and there is no place to keep it.
    MadeForNow,
}

/// The token that requests must have.
pub struct Token {
    text: String,
    pub origin: Origin,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Token({:?})", self.origin)
    }
}

impl Token {
    /// The token of a file, of the environment, or one that is made and kept for the listener called `listener`. If that is one that never
    /// comes again, which is `passing`, it is kept until this process ends.
    pub fn find(file: Option<&Path>, listener: &str, passing: bool) -> Result<Self, String> {
        if let Some(file) = file {
            let text = read_small_text(file).map_err(|error| format!("--token-file: {}", unreadable_file(file, &error)))?;
            let text = check(text.trim()).map_err(|why| format!("the token in {}: {why}", file.display()))?;
            return Ok(Self { text, origin: Origin::Given(file.to_path_buf()) });
        }
        if let Some(text) = std::env::var_os(TOKEN_VARIABLE) {
            let text = text.to_str().ok_or("it is not text").and_then(|text| check(text.trim()));
            return Ok(Self { text: text.map_err(|why| format!("the token in NANOD_TOKEN: {why}"))?, origin: Origin::Environment });
        }
        let Some(path) = kept_at(listener, passing) else { return Ok(Self { text: make(), origin: Origin::MadeForNow }) };
        if passing {
            let text = make();
            let origin = if keep_for_now(&path, &text).is_ok() { Origin::Made(path) } else { Origin::MadeForNow };
            return Ok(Self { text, origin });
        }
        // Whoever had this place before may have left one that would be taken for this one's.
        folders().iter().for_each(|folder| remove_left(&folder.join(format!("{}{PASSING}", name_of(listener)))));
        // The same as last time, so that a page that is open goes on after a restart.
        let text = match read_kept(&path) {
            Some(text) => text,
            None => {
                let text = make();
                if keep(&path, &text).is_err() {
                    return Ok(Self { text, origin: Origin::MadeForNow });
                }
                text
            }
        };
        Ok(Self { text, origin: Origin::Made(path) })
    }

    /// The token itself, for whoever has started the server.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// Whether a request has it.
    pub fn is_in(&self, headers: &Headers) -> bool {
        let Some((scheme, given)) = headers.value(b"authorization").and_then(|value| value.split_at_checked(7)) else { return false };
        scheme.eq_ignore_ascii_case(b"bearer ") && same(given.trim_ascii(), self.text.as_bytes())
    }
}

/// Compares in a time that says nothing about where the two differ.
fn same(given: &[u8], wanted: &[u8]) -> bool {
    let differences = given.iter().zip(wanted).fold(0, |all, (a, b)| std::hint::black_box(all | (a ^ b)));
    given.len() == wanted.len() && differences == 0
}

fn check(text: &str) -> Result<String, &'static str> {
    match text.len() {
        ADMIN_TOKEN_BYTES_MIN..=ADMIN_TOKEN_BYTES_MAX if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(text.to_string()),
        _ => Err("it must have 16 to 256 characters, all of them visible ASCII"),
    }
}

fn make() -> String {
    let mut bytes = [0; 24];
    random::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where the token of a listener is kept, between runs or for this one: in a folder that only this user can enter.
fn kept_at(listener: &str, passing: bool) -> Option<PathBuf> {
    let ending = if passing { PASSING } else { KEPT };
    Some(folders().into_iter().next()?.join(format!("{}{ending}", name_of(listener))))
}

/// The token that a nanod of this machine keeps for its listener, from the likeliest place.
pub fn kept_token(listener: &str) -> Option<String> {
    let name = name_of(listener);
    let places = folders().into_iter().flat_map(|folder| [PASSING, KEPT].map(|ending| (ending, folder.join(format!("{name}{ending}")))));
    // One that is for a process is locked while that lives.
    let is_left = |path: &Path| File::open(path).is_ok_and(|file| file.try_lock_shared().is_ok());
    let mut living = places.filter(|(ending, path)| *ending == KEPT || !is_left(path));
    living.find_map(|(_, path)| Some(read_small_text(&path).ok()?.trim().to_string()))
}

fn folders() -> Vec<PathBuf> {
    // systemd gives several folders with colons between them.
    let first = |name: &str| std::env::split_paths(&std::env::var_os(name)?).next().filter(|path| path.is_absolute());
    let folders = [
        first("RUNTIME_DIRECTORY"),
        variable("XDG_RUNTIME_DIR").map(|folder| folder.join("nanod")),
        variable("HOME").map(|folder| folder.join(".local/state/nanod")),
    ];
    folders.into_iter().flatten().collect()
}

fn name_of(listener: &str) -> String {
    let name: String = listener.chars().map(|it| if it.is_ascii_alphanumeric() || it == '.' { it } else { '-' }).collect();
    format!("admin-{name}")
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

fn read_kept(path: &Path) -> Option<String> {
    let metadata = fs::symlink_metadata(path).ok()?;
    let own = fs::metadata("/proc/self").ok()?.uid();
    // Somebody else's, or open to others: not to be trusted.
    if !metadata.is_file() || metadata.uid() != own || metadata.mode() & 0o077 != 0 {
        return None;
    }
    check(read_small_text(path).ok()?.trim()).ok()
}

fn keep(path: &Path, text: &str) -> io::Result<()> {
    make_folder_of(path)?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write(path, text).map(drop)
}

fn make_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn write(path: &Path, text: &str) -> io::Result<File> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    Ok(file)
}

/// The token of a listener that never comes again, and its file, which is locked while its process lives.
static FOR_NOW: Mutex<Option<(PathBuf, File)>> = Mutex::new(None);

/// Keeps a token until [`leave`], and clears away those of processes that had no time to.
fn keep_for_now(path: &Path, text: &str) -> io::Result<()> {
    make_folder_of(path)?;
    sweep(path.parent().ok_or(io::ErrorKind::InvalidInput)?);
    let mut bytes = [0; 8];
    random::fill(&mut bytes);
    // It has its name when it is locked, so that nobody takes it for one that was left behind.
    let unnamed = path.with_extension(format!("{:016x}", u64::from_le_bytes(bytes)));
    let file = write(&unnamed, text)?;
    let kept = file.try_lock().map_err(io::Error::from).and_then(|()| fs::rename(&unnamed, path));
    kept.inspect_err(|_| drop(fs::remove_file(&unnamed)))?;
    *FOR_NOW.lock().unwrap_or_else(PoisonError::into_inner) = Some((path.to_path_buf(), file));
    Ok(())
}

/// Removes tokens whose process has ended without a word.
fn sweep(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().take(DEPLOY_FOLDERS_MAX).flatten();
    for entry in entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.ends_with(PASSING))) {
        remove_left(&entry.path());
    }
}

fn remove_left(path: &Path) {
    if open_own(path).is_some_and(|file| file.try_lock().is_ok()) {
        // One that cannot be removed stays.
        let _ = fs::remove_file(path);
    }
}

/// A file of this user's that nobody else may read.
fn open_own(path: &Path) -> Option<File> {
    read_kept(path)?;
    File::open(path).ok()
}

/// The process is about to end: a token that was for it alone goes.
pub fn leave() {
    if let Some((path, _file)) = FOR_NOW.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // One that cannot be removed is by the next one that begins.
        let _ = fs::remove_file(path);
    }
}

/// What a request has against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// It uses a name that this machine does not have.
    Host,
    /// A page of another site sent it.
    Site,
}

/// Looks for what only requests of other sites have. `host` is the request's with its port, `local` whether only this machine can connect.
pub fn check_site(headers: &Headers, host: &str, local: bool) -> Result<(), Foreign> {
    if local && !is_own_name(host) {
        return Err(Foreign::Host);
    }
    if let Some(origin) = headers.value(b"origin") {
        let own = [format!("http://{host}"), format!("https://{host}")];
        if !own.iter().any(|own| own.as_bytes() == origin) {
            return Err(Foreign::Site);
        }
    }
    // A link may lead here, a page of another site may not fetch.
    let navigates = headers.value(b"sec-fetch-mode") == Some(b"navigate");
    match headers.value(b"sec-fetch-site") {
        Some(b"cross-site" | b"same-site") if !navigates => Err(Foreign::Site),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        pairs.iter().for_each(|(name, value)| assert!(headers.push(name.as_bytes(), value.as_bytes())));
        headers
    }

    #[test]
    fn a_token_is_the_whole_token() {
        let token = Token { text: "0123456789abcdef".into(), origin: Origin::Environment };
        for (given, right) in [
            ("Bearer 0123456789abcdef", true),
            ("bearer  0123456789abcdef ", true),
            ("Bearer 0123456789abcdeF", false),
            ("Bearer 0123456789abcde", false),
            ("Bearer 0123456789abcdef0", false),
            ("Bearer ", false),
            ("Basic 0123456789abcdef", false),
            ("", false),
        ] {
            assert_eq!(token.is_in(&headers(&[("authorization", given)])), right, "{given}");
        }
        assert!(!token.is_in(&Headers::new()));
        assert!(check("short").is_err() && check(&"x".repeat(257)).is_err() && check("with a space in it").is_err());
    }

    #[test]
    fn names_that_somebody_else_can_point_here_are_not_ours() {
        for (host, own) in [
            ("127.0.0.1:9787", true),
            ("localhost:9787", true),
            ("nano.localhost", true),
            ("[::1]:9787", true),
            ("10.0.0.1", true),
            ("evil.example:9787", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example:1", false),
        ] {
            assert_eq!(check_site(&Headers::new(), host, true).is_ok(), own, "{host}");
            assert!(check_site(&Headers::new(), host, false).is_ok(), "{host}");
        }
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        let cases: &[(&[(&str, &str)], bool)] = &[
            (&[("origin", "http://127.0.0.1:9787")], true),
            (&[("origin", "http://127.0.0.1:9788")], false),
            (&[("origin", "null")], false),
            (&[("origin", "https://evil.example")], false),
            (&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")], false),
            (&[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")], false),
            (&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], true),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")], true),
        ];
        for (pairs, allowed) in cases {
            assert_eq!(check_site(&headers(pairs), "127.0.0.1:9787", true).is_ok(), *allowed, "{pairs:?}");
        }
    }
}
