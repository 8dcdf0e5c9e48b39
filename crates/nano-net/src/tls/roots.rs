//! Where the certificates come from that all trust begins with.

use std::io::Read;
use std::path::{Path, PathBuf};

use nano_base::limits::ROOTS_BYTES_MAX;
use nano_base::sys::file::open_named;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Whose certificates are trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Roots {
    /// Mozilla's, as of the day this was built: the same everywhere.
    #[default]
    Webpki,
    /// What the system trusts.
    System,
    /// A file of certificates in PEM, and nothing else.
    File(PathBuf),
}

/// Where systems keep theirs: Debian, Fedora, SUSE, RHEL, Alpine and BSD.
const SYSTEM: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

impl Roots {
    /// `webpki`, `system`, or `file:PATH`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "webpki" => Some(Self::Webpki),
            "system" => Some(Self::System),
            _ => text.strip_prefix("file:").filter(|path| !path.is_empty()).map(|path| Self::File(path.into())),
        }
    }

    pub(super) fn read(&self) -> Result<RootCertStore, String> {
        match self {
            Self::Webpki => Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }),
            Self::System => {
                let found = SYSTEM.iter().map(Path::new).find(|path| path.exists());
                read_file(found.ok_or_else(|| format!("the system has no certificates at {}", SYSTEM.join(", ")))?)
            }
            Self::File(path) => read_file(path),
        }
    }
}

/// One certificate that cannot be used does not make the others unusable; a file without any that can be is a mistake.
fn read_file(path: &Path) -> Result<RootCertStore, String> {
    let failed = |why: &dyn std::fmt::Display| format!("the root certificates of {} cannot be read: {why}", path.display());
    let mut pem = Vec::new();
    let file = open_named(path).map_err(|error| failed(&error))?;
    file.take(ROOTS_BYTES_MAX + 1).read_to_end(&mut pem).map_err(|error| failed(&error))?;
    if pem.len() as u64 > ROOTS_BYTES_MAX {
        return Err(failed(&format!("the file is larger than {ROOTS_BYTES_MAX} bytes")));
    }
    let mut store = RootCertStore::empty();
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    store.add_parsable_certificates(certificates.map_err(|error| failed(&format!("{error:?}")))?);
    if store.is_empty() { Err(failed(&"there is none in it")) } else { Ok(store) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_named_and_mistakes_are_said() {
        assert_eq!(Roots::parse("file:/a b.pem"), Some(Roots::File("/a b.pem".into())));
        assert_eq!((Roots::parse("webpki"), Roots::parse("system")), (Some(Roots::Webpki), Some(Roots::System)));
        assert_eq!((Roots::parse("file:"), Roots::parse("/a.pem"), Roots::parse("")), (None, None, None));
        assert!(Roots::Webpki.read().unwrap().len() > 50);
        let missing = Roots::File("/nowhere/at/all.pem".into()).read().unwrap_err();
        assert!(missing.contains("/nowhere/at/all.pem cannot be read"), "{missing}");
        let endless = Roots::File("/dev/zero".into()).read().unwrap_err();
        assert!(endless.contains("not a file"), "{endless}");
        let path = std::env::temp_dir().join(format!("nano-roots-{}.pem", std::process::id()));
        let file = std::fs::File::create(&path).unwrap();
        let empty = Roots::File(path.clone()).read().unwrap_err();
        assert!(empty.contains("there is none in it"), "{empty}");
        file.set_len(ROOTS_BYTES_MAX + 1).unwrap();
        let large = Roots::File(path.clone()).read().unwrap_err();
        std::fs::remove_file(path).unwrap();
        assert!(large.contains("larger than"), "{large}");
    }
}
