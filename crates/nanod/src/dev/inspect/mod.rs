//! Where debuggers attach: a listener of its own that tells which apps there are, and gives each of them a WebSocket on which the Chrome
//! DevTools Protocol is spoken.
//!
//! Whoever speaks it can have an app do anything. So there is no such listener unless it is asked for, it listens to this machine alone
//! unless told otherwise, it answers to no name that somebody else can point here, and to no page; an app's WebSocket has an address that
//! cannot be guessed.

mod kept;
mod outbox;
mod protocol;
mod session;
mod site;
mod targets;

use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nano_base::limits::INSPECTOR_CONNECTIONS_MAX;
use nano_config::cli::Address;

use crate::output;
pub use targets::Targets;

/// The listener, once its socket is bound.
pub struct Inspect {
    socket: TcpListener,
    address: String,
}

impl Inspect {
    /// Binds the socket.
    pub fn bind(address: &Address) -> Result<Self, String> {
        let (host, port) = match address {
            Address::Tcp(host, port) => (host.as_str(), *port),
            Address::Everywhere(port) => ("::", *port),
            Address::Unix(_) | Address::Systemd => return Err(format!("--inspect-address {address}: debuggers attach to HOST:PORT")),
        };
        let bound = || -> std::io::Result<(TcpListener, String, bool)> {
            let place = (host, port).to_socket_addrs()?.next().ok_or(std::io::ErrorKind::NotFound)?;
            let socket = TcpListener::bind(place)?;
            let place = socket.local_addr()?;
            Ok((socket, place.to_string(), place.ip().is_loopback()))
        };
        let (socket, address, local) = bound().map_err(|error| format!("cannot listen on {address} for debuggers: {error}"))?;
        if !local {
            output::complain(&format!("debuggers attach to {address}: whoever reaches it can run code here, as you"));
        }
        Ok(Self { socket, address })
    }

    /// Takes debuggers, on a thread for each.
    pub fn start(&self, targets: &Arc<Targets>) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("cannot start a thread: {error}");
        let (socket, targets) = (self.socket.try_clone().map_err(failed)?, targets.clone());
        std::thread::Builder::new().name("nanod-inspect".into()).spawn(move || accept(&socket, &targets)).map(drop).map_err(failed)
    }

    /// What debuggers attach to.
    pub fn address(&self) -> &str {
        &self.address
    }
}

/// Connections that are open.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Counts a connection for as long as it lives.
struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

fn accept(socket: &TcpListener, targets: &Arc<Targets>) {
    for stream in socket.incoming() {
        let Ok(stream) = stream else { continue };
        let open = OPEN.fetch_add(1, Ordering::Relaxed);
        let counted = Counted;
        if open < INSPECTOR_CONNECTIONS_MAX {
            let targets = targets.clone();
            // Without a thread the connection closes, and its client sees that.
            let _ = std::thread::Builder::new().name("nanod-debugger".into()).spawn(move || serve(stream, &targets, counted));
        }
    }
}

fn serve(stream: TcpStream, targets: &Targets, counted: Counted) {
    // A socket that refuses is slower, not broken; one that broke has nobody to tell.
    let _ = stream.set_nodelay(true);
    let _ = site::serve(stream, targets);
    drop(counted);
}
