//! The built-in HTTP server: it answers on the runtime's threads, without a word to Node.

use std::sync::Arc;

use nano_core::{Certificate, Hosts, ListenLimits, ListenOptions, Result, TlsOptions};
use napi::Env;
use napi::bindgen_prelude::{ClassInstance, Uint8Array};
use napi_derive::napi;

use crate::app::App;
use crate::error::{OrThrow, invalid};
use crate::options::whole;

/// The numbers of `nano_listen_options`.
const LIMITS: [&str; 8] = ["connections", "connections_of_app", "head_ms", "idle_ms", "body_ms", "head_bytes", "headers", "handshake_ms"];

/// The names of a listener's limits.
#[napi(catch_unwind)]
pub fn listen_limits() -> Vec<String> {
    LIMITS.map(String::from).into()
}

/// Which requests are an app's: host and path.
pub(crate) type GivenRoute<'env> = (String, String, ClassInstance<'env, App>);

/// Chain and key, in PEM.
pub(crate) type GivenCertificate = (Uint8Array, Uint8Array);

/// Where to listen, and what clients may do.
#[napi(object, object_to_js = false)]
pub struct GivenListener {
    pub address: String,
    pub behind_proxy: bool,
    pub limits: Vec<(String, f64)>,
    pub certificates: Option<Vec<GivenCertificate>>,
}

impl GivenListener {
    pub(crate) fn into_core(self, routes: &[GivenRoute<'_>]) -> Result<ListenOptions> {
        let mut hosts = Hosts::new();
        hosts.set_behind_proxy(self.behind_proxy);
        for (host, path, app) in routes {
            hosts.insert(host, path, app.0.clone())?;
        }
        let mut limits = ListenLimits::default();
        let mut tls = TlsOptions::default();
        for (name, value) in &self.limits {
            set(&mut limits, &mut tls, name, *value)?;
        }
        // None at all is an error, and not a listener in the clear.
        let tls = self.certificates.map(|given| TlsOptions { certificates: certificates(given), ..tls });
        Ok(ListenOptions { address: self.address, router: Arc::new(hosts), limits, tls })
    }
}

fn set(limits: &mut ListenLimits, tls: &mut TlsOptions, name: &str, value: f64) -> Result<()> {
    let number: u32 = whole(name, value)?;
    if number == 0 {
        return Err(invalid(format!("{name} is 0: it must be above that")));
    }
    match name {
        "connections" => limits.connections = number as usize,
        "connections_of_app" => limits.connections_of_app = number as usize,
        "head_ms" => limits.head_ms = number.into(),
        "idle_ms" => limits.idle_ms = number.into(),
        "body_ms" => limits.body_ms = number.into(),
        "head_bytes" => limits.head.head_bytes = number as usize,
        "headers" => limits.head.headers = number as usize,
        "handshake_ms" => tls.handshake_ms = number.into(),
        other => return Err(invalid(format!("there is no limit \"{other}\""))),
    }
    Ok(())
}

fn certificates(given: Vec<GivenCertificate>) -> Vec<Certificate> {
    given.into_iter().map(|(chain, key)| Certificate { chain: chain.to_vec(), key: key.to_vec() }).collect()
}

#[napi]
pub struct Listener(pub(crate) nano_core::Listener);

#[napi]
impl Listener {
    #[napi(getter, catch_unwind)]
    pub fn address(&self) -> String {
        self.0.address().to_string()
    }

    #[napi(getter, catch_unwind)]
    pub fn connections(&self) -> f64 {
        self.0.connections() as f64
    }

    #[napi(catch_unwind)]
    pub fn set_certificates(&self, env: Env, given: Vec<GivenCertificate>) -> napi::Result<()> {
        self.0.set_certificates(&certificates(given)).or_throw(&env)
    }

    /// Accepts no more, and does not wait for the connections there are.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.0.close();
    }
}
