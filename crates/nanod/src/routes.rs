//! Which app a request is for, as it stands at the moment: the listeners ask for every request, deployments replace it as a whole.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, RwLock};

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
        self.table.read().unwrap_or_else(|poisoned| poisoned.into_inner()).routes.ports()
    }

    /// The router of a listener.
    pub fn router(&self) -> OnPort {
        OnPort { current: self.clone(), port: AtomicU16::new(0) }
    }
}

/// A listener's router.
#[derive(Debug)]
pub struct OnPort {
    current: Current,
    port: AtomicU16,
}

impl OnPort {
    /// The listener's port, once it is known; sockets of the file system have none.
    pub fn set_port(&self, port: u16) {
        self.port.store(port, Ordering::Relaxed);
    }
}

impl Router for OnPort {
    fn route_request(&self, head: &RequestHead, host: &str, path: &str) -> Route {
        let route = self.route(host, path);
        if dev::is_on() { dev::instead(head, host, path, route) } else { route }
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
        let table = self.current.table.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let Some(number) = table.routes.find(host, self.port.load(Ordering::Relaxed), path) else { return Route::Nobody };
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
