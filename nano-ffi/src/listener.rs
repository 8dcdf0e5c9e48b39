//! The built-in HTTP server: for hosts that have none of their own.

use std::mem::MaybeUninit;
use std::sync::Arc;

use nano_core::{Certificate, Hosts, ListenLimits, ListenOptions, Listener, Result, Status, TlsOptions};

use crate::app::nano_app;
use crate::error::nano_error;
use crate::guard::{self, invalid};
use crate::open::{self, Open, too_new};
use crate::options::check_flags;
use crate::runtime::nano_runtime;
use crate::status::nano_status;
use crate::types::{array, nano_bytes};

/// A listener. It is in its runtime, and closed with it.
pub struct nano_listener(Listener);

/// All requests come by a proxy, and what it puts last into X-Forwarded-For and X-Forwarded-Proto is true. Without it apps find the
/// address of the connection there (and in CF-Connecting-IP), whatever the client says.
pub const NANO_LISTEN_BEHIND_PROXY: u32 = 1;

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

/// A certificate of a listener. It is for the names in it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_certificate {
    /// The certificate, in PEM, and behind it those that vouch for it.
    pub chain: nano_bytes,
    /// Its private key, in PEM: PKCS #8, PKCS #1 or SEC 1.
    pub key: nano_bytes,
}

/// Where to listen, and for whom. Begin with NANO_LISTEN_OPTIONS_INIT; zero is each number's default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_listen_options {
    /// sizeof(nano_listen_options).
    pub size: usize,
    /// IP:PORT (127.0.0.1:8080, [::1]:8080), unix:/PATH, or fd:NUMBER for a socket that somebody else has bound. Port 0 is any that
    /// is free. A path's file goes when the listener is closed.
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
    /// Headers of a request; 128 at most, which is the default.
    pub headers: u32,
    /// With certificates the listener speaks TLS, and HTTP/2 beside HTTP/1.1. Clients that ask for no name, or for one that none is for,
    /// get the first.
    pub certificates: *const nano_certificate,
    /// How many there are.
    pub certificates_count: usize,
    /// How long a client may take for the handshake of TLS.
    pub handshake_ms: u32,
    /// NANO_LISTEN_...
    pub flags: u32,
    /// Connections that are at a request of one app; requests beyond are answered with 503. By default four fifths of connections, or
    /// all of them where there is one app alone.
    pub connections_of_app: u32,
    /// Zero.
    pub reserved: u32,
}

// SAFETY: integers and pointers only, without padding.
unsafe impl Open for nano_listen_options {
    const NAME: &'static str = "nano_listen_options";
}

/// Listens for HTTP on every thread of the runtime. Requests go to their apps and responses to their clients without a word to
/// you: there are no events of them. NANO_E_IO if the address cannot be had, NANO_E_INVALID for an app of another runtime.
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

/// Gives a listener that speaks TLS other certificates. Connections there are keep theirs. If one of them cannot be used nothing changes,
/// and the error says which.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_listener_set_certificates(
    listener: Option<&nano_listener>,
    certificates: *const nano_certificate,
    count: usize,
    error: Option<&mut MaybeUninit<Option<Box<nano_error>>>>,
) -> nano_status {
    guard::explained(error, || {
        let listener = guard::handle(listener, "listener")?;
        // SAFETY: the array and the bytes in it are valid for the call.
        listener.0.set_certificates(&unsafe { copied(certificates, count) }?)?;
        Ok(Status::Ok)
    })
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
            (&mut limits.connections_of_app, self.connections_of_app),
            (&mut limits.head.head_bytes, self.head_bytes),
            (&mut limits.head.headers, self.headers),
        ];
        for (limit, value) in sizes {
            if value != 0 {
                *limit = value as usize;
            }
        }
        check_flags(self.flags, NANO_LISTEN_BEHIND_PROXY, "nano_listen_options.flags")?;
        let mut hosts = Hosts::new();
        hosts.set_behind_proxy(self.flags & NANO_LISTEN_BEHIND_PROXY != 0);
        // SAFETY: the caller's promise, for these and all that follow.
        for route in unsafe { array(self.routes, self.routes_count, "routes") }? {
            // SAFETY: as above.
            let (host, path) = unsafe { (route.host.text("a route's host")?, route.path.text("a route's path")?) };
            // SAFETY: as above.
            let app = unsafe { route.app.as_ref() }.ok_or_else(|| invalid("the app of a route is NULL"))?;
            hosts.insert(host, path, app.0.clone())?;
        }
        let tls = match self.certificates_count {
            0 => None,
            // SAFETY: as above.
            count => Some(TlsOptions { certificates: unsafe { copied(self.certificates, count) }?, ..TlsOptions::default() }),
        };
        if self.reserved != 0 {
            return Err(too_new("nano_listen_options.reserved is not zero".into()));
        }
        let handshake_ms = u64::from(self.handshake_ms);
        let tls = tls.map(|tls| if handshake_ms == 0 { tls } else { TlsOptions { handshake_ms, ..tls } });
        // SAFETY: as above.
        let address = unsafe { self.address.text("address") }?.to_string();
        Ok(ListenOptions { address, router: Arc::new(hosts), limits, tls })
    }
}

/// The caller's certificates.
///
/// # Safety
///
/// As for [`array`], and for the bytes of each.
unsafe fn copied(certificates: *const nano_certificate, count: usize) -> Result<Vec<Certificate>> {
    // SAFETY: the caller's promise.
    let given = unsafe { array(certificates, count, "certificates") }?;
    let copy = |certificate: &nano_certificate| {
        // SAFETY: the caller's promise.
        let (chain, key) = unsafe { (certificate.chain.slice("a certificate's chain")?, certificate.key.slice("a certificate's key")?) };
        Ok(Certificate { chain: chain.to_vec(), key: key.to_vec() })
    };
    given.iter().map(copy).collect()
}
