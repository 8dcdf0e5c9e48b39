//! The router for hosts that name their apps once, when they begin to listen: by host and path prefix.

use std::collections::HashMap;

use nano_base::status::{Error, Result, Status};

use super::listen::{Route, Router};
use crate::app::App;

/// Apps by host name and path prefix. Of several prefixes that fit the longest counts; `/a` fits `/a` and `/a/b`, not `/ab`.
#[derive(Debug, Default)]
pub struct Hosts {
    /// The prefixes of each host, the longest first.
    named: HashMap<String, Vec<(String, App)>>,
    /// Those for all other hosts.
    others: Vec<(String, App)>,
    behind_proxy: bool,
}

impl Hosts {
    /// No apps.
    pub fn new() -> Self {
        Self::default()
    }

    /// All requests come by a proxy that says whose they are.
    pub fn set_behind_proxy(&mut self, behind_proxy: bool) {
        self.behind_proxy = behind_proxy;
    }

    /// Adds an app for a host, or for all hosts that are not named if that is empty, below a path (`/` or empty for all of them).
    pub fn insert(&mut self, host: &str, path: &str, app: App) -> Result<()> {
        let path = path.trim_end_matches('/');
        if !path.is_empty() && !path.starts_with('/') {
            return Err(Error::new(Status::Invalid, format!("the path prefix \"{path}\" does not begin with a slash")));
        }
        if host == "." || host.bytes().any(|byte| byte.is_ascii_whitespace() || byte == b'/' || byte == b'*') {
            return Err(Error::new(Status::Invalid, format!("\"{host}\" is not the name of one host")));
        }
        // Only what is between brackets has colons: requests are told apart by the host alone.
        if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
            return Err(Error::new(
                Status::Invalid,
                format!("\"{host}\" is not a host alone: leave out the port, and put an IPv6 address in brackets"),
            ));
        }
        let host = rootless(host);
        let prefixes = if host.is_empty() { &mut self.others } else { self.named.entry(host.to_ascii_lowercase()).or_default() };
        if prefixes.iter().any(|(taken, _)| taken == path) {
            return Err(Error::new(Status::Already, format!("two apps answer for {host}{path}")));
        }
        let at = prefixes.partition_point(|(other, _)| other.len() >= path.len());
        prefixes.insert(at, (path.to_string(), app));
        Ok(())
    }

    fn apps(&self) -> impl Iterator<Item = &App> {
        self.named.values().flatten().chain(&self.others).map(|(_, app)| app)
    }
}

impl Router for Hosts {
    fn route(&self, host: &str, path: &str) -> Route {
        let find = |prefixes: &[(String, App)]| prefixes.iter().find(|(prefix, _)| is_below(path, prefix)).map(|(_, app)| app.clone());
        let named = self.named.get(rootless(host)).and_then(|prefixes| find(prefixes));
        named.or_else(|| find(&self.others)).map_or(Route::Nobody, Route::App)
    }

    fn stranger(&self, is_here: &dyn Fn(&App) -> bool) -> Option<App> {
        self.apps().find(|app| !is_here(app)).cloned()
    }

    fn serves_one_app(&self) -> bool {
        let mut apps = self.apps().map(App::name);
        apps.next().is_some_and(|first| apps.all(|name| name == first))
    }

    fn is_behind_proxy(&self) -> bool {
        self.behind_proxy
    }
}

/// A name without the dot of the root, with which it is the same one.
fn rootless(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| prefix.is_empty() || rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_end_where_segments_do() {
        assert!(is_below("/a/b", "/a") && is_below("/a", "/a") && is_below("/", ""));
        assert!(!is_below("/ab", "/a") && !is_below("/", "/a"));
    }
}
