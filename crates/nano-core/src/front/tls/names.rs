//! Which certificate a client gets: by the name it asks for.

use std::collections::HashMap;
use std::sync::Arc;

use nano_base::limits::TLS_NAMES_MAX;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// The certificates of a listener by the names in them. There may be several for one name, with keys of different kinds.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Names in lower case; those for all names below one begin with `*.`.
    named: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// For clients that name nothing that is known.
    first: Option<Arc<CertifiedKey>>,
}

impl Names {
    /// Adds a certificate for the names in it. One without names is of use as the first only.
    pub(super) fn insert(&mut self, key: CertifiedKey) -> Result<(), String> {
        let key = Arc::new(key);
        let end_entity = key.end_entity_cert().map_err(|error| error.to_string())?;
        let parsed = webpki::EndEntityCert::try_from(end_entity).map_err(|error| format!("it is malformed ({error})"))?;
        for name in parsed.valid_dns_names().take(TLS_NAMES_MAX) {
            self.named.entry(name.to_ascii_lowercase()).or_default().push(key.clone());
        }
        self.first.get_or_insert(key);
        Ok(())
    }

    fn find(&self, name: &str) -> Option<&[Arc<CertifiedKey>]> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let above = || self.named.get(&format!("*{}", &name[name.find('.')?..]));
        self.named.get(&name).or_else(above).map(Vec::as_slice)
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let first = self.first.as_slice();
        let candidates = hello.server_name().and_then(|name| self.find(name)).unwrap_or(first);
        let fits = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(hello.signature_schemes()).is_some();
        candidates.iter().find(fits).or(candidates.first()).cloned()
    }
}
