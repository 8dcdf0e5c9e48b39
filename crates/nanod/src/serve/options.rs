//! How to serve, as a command line asks for it.

use std::path::PathBuf;
use std::time::Duration;

use nano_config::cli::{Address, Dev, LogFormat, Serve};
use nano_core::{ListenLimits, Roots, sys};

use crate::admin;

/// How to serve: what `nanod serve` and `nanod dev` have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    pub folder: PathBuf,
    pub listen: Vec<Address>,
    pub threads: u32,
    pub environment: Option<String>,
    pub follow_links: bool,
    pub watch: bool,
    pub dev: bool,
    /// Manifests have all they ask for.
    pub trust: bool,
    /// The file that grants it to single apps, if it is not in the folder.
    pub grants: Option<PathBuf>,
    pub trust_proxy: bool,
    /// Certificates and their key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Whose certificates apps trust.
    pub roots: Roots,
    pub drain: Duration,
    /// How long to go on when readiness has gone.
    pub drain_delay: Duration,
    pub limits: ListenLimits,
    pub admin: Option<admin::Options>,
    /// Processes; this is one of them, or their supervisor.
    pub workers: u32,
    pub log_format: LogFormat,
}

impl From<Serve> for Options {
    fn from(serve: Serve) -> Self {
        let workers = serve.workers.max(1);
        // What one worker has of what there is.
        let connections = (serve.connections / workers).max(1) as usize;
        let limits = ListenLimits { connections, idle_ms: serve.idle_ms, ..ListenLimits::default() };
        let cores = || if workers == 1 { 0 } else { (sys::thread::cores() as u32 / workers).max(1) };
        Self {
            folder: serve.dir,
            listen: serve.listen,
            threads: serve.threads.unwrap_or_else(cores),
            environment: serve.env,
            follow_links: serve.follow_links,
            watch: serve.watch,
            dev: false,
            trust: serve.trust,
            grants: serve.grants,
            trust_proxy: serve.trust_proxy,
            tls: serve.tls,
            roots: roots(&serve.roots),
            drain: Duration::from_millis(serve.drain_ms),
            drain_delay: Duration::from_millis(serve.drain_delay_ms),
            limits,
            admin: serve.admin.map(|address| admin::Options { address, token_file: serve.token_file, per_app: serve.metrics_per_app }),
            workers,
            log_format: serve.log_format,
        }
    }
}

impl From<Dev> for Options {
    fn from(dev: Dev) -> Self {
        Self {
            folder: dev.dir,
            listen: dev.listen,
            threads: dev.threads.unwrap_or(0),
            environment: dev.env,
            follow_links: dev.follow_links,
            watch: true,
            dev: true,
            // Whoever writes an app runs it.
            trust: true,
            grants: None,
            trust_proxy: false,
            tls: None,
            roots: roots(&dev.roots),
            // What has just been answered may not have ended yet. Nobody wants to wait for more.
            drain: Duration::from_millis(100),
            drain_delay: Duration::ZERO,
            limits: ListenLimits::default(),
            admin: None,
            workers: 1,
            log_format: dev.log_format,
        }
    }
}

/// Whose certificates are meant. The command line has seen to it that somebody's are.
pub fn roots(text: &str) -> Roots {
    Roots::parse(text).unwrap_or_default()
}
