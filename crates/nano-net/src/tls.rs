//! TLS for what goes out: whom to trust, what an app's sessions remember, and a stream that encrypts.
//!
//! The provider of cryptography is handed over with each configuration and never installed for the process, which is the host's. Sessions
//! are remembered for one app only: a ticket would tell one app where another has been.

mod roots;
mod stream;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use nano_base::clock::Clock;
use nano_base::limits::{TLS_APPS_MAX, TLS_SESSIONS_OF_APP_MAX};
use rustls::client::Resumption;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};

use crate::policy::Host;
pub use roots::Roots;
pub use stream::TlsStream;

/// Whom a runtime trusts; shared by its shards.
#[derive(Clone, Debug)]
pub struct Trust(Arc<ClientConfig>);

impl Trust {
    /// Reads the roots: from disk, if they are there, so not on a shard.
    pub fn new(roots: &Roots, clock: &Clock) -> Result<Self, String> {
        Self::of_store(roots.read()?, clock)
    }

    fn of_store(store: RootCertStore, clock: &Clock) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_details(provider, Arc::new(Time(clock.clone())));
        let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
        let mut config = builder.with_root_certificates(store).with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(Self(Arc::new(config)))
    }
}

/// TLS by the runtime's clock: certificates are judged by it, and tickets dated.
pub struct Time(pub Clock);

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Time")
    }
}

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(self.0.unix_ms() as u64)))
    }
}

/// What protocol TLS is asked to carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carries {
    /// HTTP/2 or HTTP/1.1, as the server likes best (ALPN).
    Http,
    /// HTTP/1.1, and said so: what WebSockets begin with.
    Http1,
    /// Bytes of which nothing is known.
    Bytes,
}

/// The TLS of one shard: a configuration for each app that has used it lately, and its sessions.
#[derive(Debug)]
pub struct Sessions {
    trust: Trust,
    apps: HashMap<(u64, Carries), (u64, Arc<ClientConfig>)>,
    uses: u64,
}

impl Sessions {
    /// None yet.
    pub fn new(trust: Trust) -> Self {
        Self { trust, apps: HashMap::new(), uses: 0 }
    }

    /// How an app speaks TLS.
    pub fn config(&mut self, app: u64, carries: Carries) -> Arc<ClientConfig> {
        self.uses += 1;
        if let Some((used, config)) = self.apps.get_mut(&(app, carries)) {
            *used = self.uses;
            return config.clone();
        }
        if self.apps.len() >= TLS_APPS_MAX {
            let oldest = self.apps.iter().min_by_key(|(_, (used, _))| *used).map(|(place, _)| *place);
            oldest.map(|place| self.apps.remove(&place));
        }
        let mut config = (*self.trust.0).clone();
        config.resumption = Resumption::in_memory_sessions(TLS_SESSIONS_OF_APP_MAX);
        config.alpn_protocols = match carries {
            Carries::Http => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Carries::Http1 => vec![b"http/1.1".to_vec()],
            Carries::Bytes => Vec::new(),
        };
        let config = Arc::new(config);
        self.apps.insert((app, carries), (self.uses, config.clone()));
        config
    }

    /// Forgets an app: it is gone.
    pub fn forget(&mut self, app: u64) {
        self.apps.retain(|(of, _), _| *of != app);
    }
}

/// What a certificate must be for. Addresses are not sent to the server as a name (RFC 6066, 3), names without the dot at their end.
pub fn server_name(host: &Host) -> Option<ServerName<'static>> {
    match host {
        Host::Ip(address) => Some(ServerName::IpAddress((*address).into())),
        Host::Name(_) => ServerName::try_from(host.name()?.to_owned()).ok(),
    }
}
