//! The admin listener: an API for operators, figures for Prometheus, health for whoever balances, and the dashboard.
//!
//! It has a thread, a poll and connections of its own: it answers while apps hog every shard, and nothing of it is on a request's path.
//! What changes deployments is done by the main thread, which hears of it by [`Command`]s; what takes long by a helper.
//!
//! - `server`, `connection`: sockets and HTTP. `auth`: who may do what.
//! - `api`: what each address means. `operate`: what the main thread does for it. `helper`: archives, and ending instances.
//! - `aside`: folders on their way.
//! - `stats`: the figures, once a second. `logs`: what apps said lately. `board`: what is deployed.
//! - `page/`: the dashboard, as it is sent.

mod api;
mod archive;
mod aside;
mod auth;
mod board;
mod connection;
mod helper;
mod logs;
mod operate;
mod process;
mod reply;
mod server;
mod stats;

use std::path::PathBuf;
use std::sync::Arc;

use nano_base::socket_file::SocketFile;
use nano_config::cli::{Address, PerApp};
use nano_core::{Clock, Runtime};

pub use aside::bring_back;
pub use auth::{TOKEN_VARIABLE, kept_token, leave};
pub use board::{Board, QUARANTINED};
pub use logs::Logs;
pub use operate::{Command, Desk, Pending};

/// How to listen.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Where.
    pub address: Address,
    /// The file with the token; none for one that is made.
    pub token_file: Option<PathBuf>,
    /// Which apps have metrics of their own.
    pub per_app: PerApp,
}

impl Options {
    /// The same for one of several processes, from one: each knows only itself, and has a place of its own beside the first one's.
    pub fn of_worker(&self, number: u32) -> Self {
        let others = number.saturating_sub(1);
        let shifted = |port: u16| if port == 0 { 0 } else { u16::try_from(u32::from(port) + others).unwrap_or(port) };
        let address = match &self.address {
            Address::Tcp(host, port) => Address::Tcp(host.clone(), shifted(*port)),
            Address::Everywhere(port) => Address::Everywhere(shifted(*port)),
            Address::Unix(path) if others > 0 => Address::Unix(PathBuf::from(format!("{}.{number}", path.display()))),
            other => other.clone(),
        };
        Self { address, ..self.clone() }
    }
}

/// What it shows and works on.
pub struct Context {
    pub runtime: Arc<Runtime>,
    pub board: Board,
    pub logs: Arc<Logs>,
    pub clock: Clock,
    /// The folder of apps.
    pub root: PathBuf,
    /// Takes a command to the main thread.
    pub commands: Box<dyn Fn(Command) + Send>,
}

/// The listener, as the rest of nanod knows it. It ends with the process.
#[derive(Debug)]
pub struct Admin {
    /// Where it is.
    pub address: String,
    token: Arc<auth::Token>,
    _file: Option<SocketFile>,
}

impl Drop for Admin {
    fn drop(&mut self) {
        auth::leave();
    }
}

impl Admin {
    /// What whoever started the server opens: with the token on a terminal, where nobody else reads it; else with the place of the token.
    pub fn introduction(&self, terminal: bool) -> String {
        let page = match self.address.strip_prefix("unix:") {
            Some(_) => self.address.clone(),
            None => format!("http://{}/", self.address),
        };
        match &self.token.origin {
            _ if terminal => format!("dashboard {page}#token={}", self.token.reveal()),
            auth::Origin::Made(path) => format!("dashboard {page} (token in {})", path.display()),
            auth::Origin::Given(path) => format!("dashboard {page} (token in {})", path.display()),
            auth::Origin::Environment => format!("dashboard {page} (token in NANOD_TOKEN)"),
            auth::Origin::MadeForNow => format!("dashboard {page} (give a token with --token-file: there is no place to keep one)"),
        }
    }
}

/// Begins to listen.
pub fn start(options: &Options, context: Context) -> Result<Admin, String> {
    let listener = server::Listener::bind(&options.address)?;
    let address = listener.address().to_string();
    // The kernel has chosen the port, and chooses another one next time.
    let passing = matches!(options.address, Address::Tcp(_, 0) | Address::Everywhere(0));
    let token = Arc::new(auth::Token::find(options.token_file.as_deref(), &address, passing)?);
    let file = SocketFile::of(&address);
    server::start(listener, options, context, token.clone())?;
    Ok(Admin { address, token, _file: file })
}
