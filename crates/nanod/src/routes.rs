//! Which app a request is for, as it stands at the moment: the listeners ask for every request, deployments replace it as a whole.

use std::sync::{Arc, RwLock};

use nano_config::problem::{self, Problem};
use nano_config::routes::Routes;
use nano_core::{Answered, App, Headers, RequestHead, ResponseHead, Route, Router};

use crate::dev;

/// Routes, and the apps that they name by number. One that is not deployed is none.
#[derive(Debug, Default)]
pub struct Table {
    pub routes: Routes,
    pub apps: Vec<Option<App>>,
}

/// The table in use.
#[derive(Clone, Debug, Default)]
pub struct Current(Arc<RwLock<Arc<Table>>>);

impl Current {
    /// From now on requests go by this one.
    pub fn replace(&self, table: Table) {
        *self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = Arc::new(table);
    }

    /// The router of a listener on a port.
    pub fn on_port(&self, port: u16) -> OnPort {
        OnPort { current: self.clone(), port }
    }
}

/// A listener's router.
#[derive(Debug)]
pub struct OnPort {
    current: Current,
    port: u16,
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
        let table = self.current.0.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let Some(number) = table.routes.find(host, self.port, path) else { return refusal(&Problem::NO_APP) };
        match table.apps.get(number as usize) {
            Some(Some(app)) => Route::App(app.clone()),
            _ => refusal(&Problem::NOT_DEPLOYED),
        }
    }
}

fn refusal(problem: &Problem) -> Route {
    let mut headers = Headers::new();
    let mut pushed = headers.push(b"content-type", problem::CONTENT_TYPE.as_bytes());
    if problem.retry_after_s > 0 {
        pushed &= headers.push(b"retry-after", problem.retry_after_s.to_string().as_bytes());
    }
    debug_assert!(pushed, "constants");
    let head = ResponseHead { status: problem.status, status_text: String::new(), headers };
    Route::Reply(head, problem.body("").into_bytes())
}
