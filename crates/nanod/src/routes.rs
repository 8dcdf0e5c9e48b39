//! Which app a request is for, as it stands at the moment: the listeners ask for every request, deployments replace it as a whole.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard};

use nano_config::routes::Routes;
use nano_core::{Answered, App, Problem, RequestHead, ResponseHead, Route, Router};

use crate::dev;

/// Who answers a route.
#[derive(Clone, Debug)]
pub enum Served {
    /// An app.
    App(App),
    /// Nobody: this is why.
    Nobody(Problem),
}

/// Routes, and what they name by number.
#[derive(Debug, Default)]
pub struct Table {
    pub routes: Routes,
    pub apps: Vec<Served>,
}

/// The table in use.
#[derive(Clone, Debug, Default)]
pub struct Current {
    table: Arc<RwLock<Arc<Table>>>,
    behind_proxy: bool,
}

impl Current {
    /// An empty table, behind a proxy that is believed or not.
    pub fn new(behind_proxy: bool) -> Self {
        Self { behind_proxy, ..Self::default() }
    }

    /// From now on requests go by this one.
    pub fn replace(&self, table: Table) {
        *self.table.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = Arc::new(table);
    }

    /// The ports that routes name.
    pub fn ports(&self) -> Vec<u16> {
        self.table().routes.ports()
    }

    fn table(&self) -> RwLockReadGuard<'_, Arc<Table>> {
        self.table.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The router of a listener.
    pub fn router(&self) -> OnPort {
        OnPort { current: self.clone(), port: AtomicU16::new(0), shy: AtomicBool::new(false) }
    }
}

/// A listener's router.
#[derive(Debug)]
pub struct OnPort {
    current: Current,
    port: AtomicU16,
    /// It is for this machine's developer: a page whose name somebody has made lead here must not read code and secrets.
    shy: AtomicBool,
}

impl OnPort {
    /// Where the listener is, once that is known; sockets of the file system have neither address nor port.
    pub fn set_address(&self, address: &str) {
        let Ok(address) = address.parse::<SocketAddr>() else { return };
        self.port.store(address.port(), Ordering::Relaxed);
        self.shy.store(dev::is_on() && address.ip().is_loopback(), Ordering::Relaxed);
    }

    /// Whether anybody may have made the host lead here: it is none of this machine's, and no route names it.
    fn is_foreign(&self, host: &str) -> bool {
        self.shy.load(Ordering::Relaxed) && !is_own_name(host) && !self.current.table().routes.names(host)
    }
}

/// Whether a host is an address or a name that no resolver answers for.
pub fn is_own_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost") || address.parse::<IpAddr>().is_ok()
}

impl Router for OnPort {
    fn route_request(&self, head: &RequestHead, host: &str, path: &str) -> Route {
        match dev::is_on() {
            true if self.is_foreign(host) => dev::turn_away(head, host),
            true => dev::instead(head, host, path, self.route(host, path)),
            false => self.route(host, path),
        }
    }

    fn is_curious(&self) -> bool {
        dev::is_on()
    }

    fn explain(&self, answered: &Answered<'_>) -> Option<(ResponseHead, Vec<u8>)> {
        dev::explain(answered)
    }

    fn answered(&self, answered: &Answered<'_>) {
        dev::answered(answered);
    }

    fn route(&self, host: &str, path: &str) -> Route {
        let table = self.current.table();
        let port = self.port.load(Ordering::Relaxed);
        let found = match self.shy.load(Ordering::Relaxed) && !is_own_name(host) {
            true => table.routes.find_named(host, port, path),
            false => table.routes.find(host, port, path),
        };
        let Some(number) = found else { return Route::Nobody };
        match table.apps.get(number as usize) {
            Some(Served::App(app)) => Route::App(app.clone()),
            Some(Served::Nobody(problem)) => Route::Refused(*problem),
            None => Route::Nobody,
        }
    }

    fn is_behind_proxy(&self) -> bool {
        self.current.behind_proxy
    }
}
