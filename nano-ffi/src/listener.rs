//! The built-in HTTP server: for hosts that have none of their own.

use std::mem::MaybeUninit;
use std::sync::Arc;

use nano_core::{Hosts, ListenLimits, ListenOptions, Listener, Result, Status};

use crate::app::nano_app;
use crate::error::nano_error;
use crate::guard::{self, invalid};
use crate::open::{self, Open};
use crate::runtime::nano_runtime;
use crate::status::nano_status;
use crate::types::{array, nano_bytes};

/// A listener. It is in its runtime, and closed with it.
pub struct nano_listener(Listener);

/// Which requests are an app's.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_route {
    /// The host's name, without a port; empty for all that no route names.
    pub host: nano_bytes,
    /// What the path begins with, at the end of a segment: /api is for /api and /api/x, not for /apis. Empty for every path.
    pub path: nano_bytes,
    /// The app. Its handle may be freed as soon as the call has returned.
    pub app: *const nano_app,
}

/// Where to listen, and for whom. Begin with NANO_LISTEN_OPTIONS_INIT; zero is each number's default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_listen_options {
    /// sizeof(nano_listen_options).
    pub size: usize,
    /// IP:PORT (127.0.0.1:8080, [::1]:8080), unix:/PATH, or fd:NUMBER for a socket that somebody else has bound. Port 0 is any that
    /// is free.
    pub address: nano_bytes,
    /// Whose the requests are; of those that fit the one with the longest path. Others are answered with 404.
    pub routes: *const nano_route,
    /// How many there are.
    pub routes_count: usize,
    /// Connections at once.
    pub connections: u32,
    /// How long a client may take for the head of a request.
    pub head_ms: u32,
    /// How long a connection may be open between two requests.
    pub idle_ms: u32,
    /// How long a body may stand still, in either direction.
    pub body_ms: u32,
    /// The head of a request: its first line and all headers.
    pub head_bytes: u32,
    /// Headers of a request.
    pub headers: u32,
}

// SAFETY: integers and pointers only, without padding.
unsafe impl Open for nano_listen_options {
    const NAME: &'static str = "nano_listen_options";
}

/// Listens for HTTP on every thread of the runtime. Requests go to their apps and responses to their clients without a word to
/// you: there are no events of them. NANO_E_IO if the address cannot be had.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_listen(
    runtime: Option<&nano_runtime>,
    options: *const nano_listen_options,
    listener: Option<&mut MaybeUninit<Option<Box<nano_listener>>>>,
    error: Option<&mut MaybeUninit<Option<Box<nano_error>>>>,
) -> nano_status {
    guard::explained(error, || {
        let listener = guard::out(listener, "listener")?.write(None);
        let runtime = guard::handle(runtime, "runtime")?;
        // SAFETY: the caller's struct has as many bytes as its size says, and its pointers are valid for the call.
        let options = unsafe { open::read(options)?.to_core()? };
        *listener = Some(Box::new(nano_listener(runtime.core.listen(options)?)));
        Ok(Status::Ok)
    })
}

/// What clients connect to, with the port that port 0 has become.
#[unsafe(no_mangle)]
pub extern "C" fn nano_listener_address(listener: Option<&nano_listener>) -> nano_bytes {
    guard::read(listener, nano_bytes::EMPTY, |listener| nano_bytes::of(listener.0.address().as_bytes()))
}

/// Connections that are open.
#[unsafe(no_mangle)]
pub extern "C" fn nano_listener_connections(listener: Option<&nano_listener>) -> u64 {
    guard::read(listener, 0, |listener| listener.0.connections() as u64)
}

/// Accepts no more connections. Those there are end with the request they are at, or one that comes within half a second. Does not wait
/// for them; nano_runtime_drain does. A second close does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn nano_listener_close(listener: Option<&nano_listener>) -> nano_status {
    guard::status(|| {
        guard::handle(listener, "listener")?.0.close();
        Ok(Status::Ok)
    })
}

/// Closes the listener and frees the handle.
#[unsafe(no_mangle)]
pub extern "C" fn nano_listener_free(listener: Option<Box<nano_listener>>) {
    guard::free(listener);
}

impl nano_listen_options {
    /// # Safety
    ///
    /// Its pointers must be valid.
    unsafe fn to_core(self) -> Result<ListenOptions> {
        let mut limits = ListenLimits::default();
        for (limit, value) in
            [(&mut limits.head_ms, self.head_ms), (&mut limits.idle_ms, self.idle_ms), (&mut limits.body_ms, self.body_ms)]
        {
            if value != 0 {
                *limit = value.into();
            }
        }
        let sizes = [
            (&mut limits.connections, self.connections),
            (&mut limits.head.head_bytes, self.head_bytes),
            (&mut limits.head.headers, self.headers),
        ];
        for (limit, value) in sizes {
            if value != 0 {
                *limit = value as usize;
            }
        }
        let mut hosts = Hosts::new();
        // SAFETY: the caller's promise, for these and all that follow.
        for route in unsafe { array(self.routes, self.routes_count, "routes") }? {
            // SAFETY: as above.
            let (host, path) = unsafe { (route.host.text("a route's host")?, route.path.text("a route's path")?) };
            // SAFETY: as above.
            let app = unsafe { route.app.as_ref() }.ok_or_else(|| invalid("the app of a route is NULL"))?;
            hosts.insert(host, path, app.0.clone())?;
        }
        // SAFETY: as above.
        let address = unsafe { self.address.text("address") }?.to_string();
        Ok(ListenOptions { address, router: Arc::new(hosts), limits })
    }
}
