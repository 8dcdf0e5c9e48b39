//! TLS for what comes in: certificates by the name a client asks for, replaced without touching a connection.
//!
//! The provider of cryptography is handed over with each configuration and never installed for the process, which is the host's. Every
//! listener has keys of its own for the tickets by which clients come back: what one has given out means nothing to another.

mod names;
mod stream;

use std::fmt;
use std::sync::{Arc, Mutex};

use nano_base::clock::Clock;
use nano_base::limits::{TLS_ACCEPT_MS, TLS_CERTIFICATES_MAX, TLS_CHAIN_MAX, TLS_PEM_BYTES_MAX};
use nano_base::status::{Error, Result, Status};
use nano_net::tls::Time;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::wait::lock;
use names::Names;
pub(super) use stream::{Agreed, TlsSocket};

/// A certificate of a listener.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate and those that vouch for it, in PEM, its own first.
    pub chain: Vec<u8>,
    /// Its private key, in PEM: PKCS #8, PKCS #1 or SEC 1.
    pub key: Vec<u8>,
}

/// One of the two things that a certificate is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificatePart {
    /// [`Certificate::chain`].
    Chain,
    /// [`Certificate::key`].
    Key,
}

impl Certificate {
    /// Whether a listener can use it, for a host that wants to know before it listens: which part cannot be used, and why.
    pub fn check(&self) -> std::result::Result<(), (CertificatePart, String)> {
        let key = parse(self, &rustls::crypto::aws_lc_rs::default_provider())?;
        Names::default().insert(key).map_err(|why| (CertificatePart::Chain, why))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({} bytes)", self.chain.len())
    }
}

/// How a listener speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// Each is for the names in it. Clients that name none, or one that none is for, get the first.
    pub certificates: Vec<Certificate>,
    /// Whether HTTP/2 is offered beside HTTP/1.1.
    pub http2: bool,
    /// How long a client may take for the handshake, in milliseconds.
    pub handshake_ms: u64,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self { certificates: Vec::new(), http2: true, handshake_ms: TLS_ACCEPT_MS }
    }
}

/// What the connections of a listener have in common.
pub(super) struct Tls {
    config: Mutex<Arc<ServerConfig>>,
    clock: Clock,
    http2: bool,
    pub handshake_ms: u64,
}

impl Tls {
    pub(super) fn new(options: &TlsOptions, clock: &Clock) -> Result<Self> {
        let config = Mutex::new(config(&options.certificates, options.http2, clock)?);
        Ok(Self { config, clock: clock.clone(), http2: options.http2, handshake_ms: options.handshake_ms })
    }

    /// Other certificates from now on. Connections there are keep theirs; clients come back with a new handshake.
    pub(super) fn replace(&self, certificates: &[Certificate]) -> Result<()> {
        let config = config(certificates, self.http2, &self.clock)?;
        *lock(&self.config) = config;
        Ok(())
    }

    /// How the next connection speaks.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        lock(&self.config).clone()
    }
}

fn config(certificates: &[Certificate], http2: bool, clock: &Clock) -> Result<Arc<ServerConfig>> {
    let failed = |error: rustls::Error| Error::new(Status::Io, format!("TLS cannot be set up: {error}"));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    if certificates.is_empty() || certificates.len() > TLS_CERTIFICATES_MAX {
        let why = format!("a listener with TLS has between 1 and {TLS_CERTIFICATES_MAX} certificates, not {}", certificates.len());
        return Err(Error::new(Status::Invalid, why));
    }
    let mut names = Names::default();
    for (index, certificate) in certificates.iter().enumerate() {
        let bad = |why: String| Error::new(Status::Invalid, format!("certificate {} cannot be used: {why}", index + 1));
        let key = parse(certificate, &provider).map_err(|(_, why)| bad(why))?;
        names.insert(key).map_err(bad)?;
    }
    let builder = ServerConfig::builder_with_details(provider, Arc::new(Time(clock.clone())));
    let builder = builder.with_safe_default_protocol_versions().map_err(failed)?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::new(names));
    // Without tickets the sessions would be kept here, a memory for each client that has ever come.
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(failed)?;
    let protocols: &[&[u8]] = if http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}

fn parse(certificate: &Certificate, provider: &CryptoProvider) -> std::result::Result<CertifiedKey, (CertificatePart, String)> {
    let bad_chain = |why: String| (CertificatePart::Chain, why);
    let bad_key = |why: String| (CertificatePart::Key, why);
    let parts = [(CertificatePart::Chain, &certificate.chain), (CertificatePart::Key, &certificate.key)];
    if let Some((part, _)) = parts.into_iter().find(|(_, pem)| pem.len() > TLS_PEM_BYTES_MAX) {
        return Err((part, format!("it or its key is longer than {TLS_PEM_BYTES_MAX} bytes")));
    }
    let chain: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&certificate.chain).take(TLS_CHAIN_MAX + 1).collect();
    let chain = chain.map_err(|error| bad_chain(format!("its chain is not PEM ({error})")))?;
    match chain.len() {
        0 => return Err(bad_chain("there is no CERTIFICATE in its PEM".into())),
        1..=TLS_CHAIN_MAX => {}
        _ => return Err(bad_chain(format!("its chain has more than {TLS_CHAIN_MAX} certificates"))),
    }
    let key = match PrivateKeyDer::from_pem_slice(&certificate.key) {
        Ok(key) => key,
        // Says what is missing, and never what is there.
        Err(_) if memchr_of(&certificate.key, b"ENCRYPTED") => return Err(bad_key("its key is encrypted; decrypt it first".into())),
        Err(_) => return Err(bad_key("there is no private key in the key's PEM (PKCS #8, PKCS #1 or SEC 1)".into())),
    };
    CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => bad_key("the private key is another certificate's".into()),
        rustls::Error::InvalidCertificate(_) => bad_chain(format!("{error}")),
        error => bad_key(format!("{error}")),
    })
}

fn memchr_of(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}
