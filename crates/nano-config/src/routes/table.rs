//! The routes of all apps, looked up once per request: borrowed, without allocating, in time that does not grow with the apps.
//!
//! Of the routes that match, the one decides that names the port; then the more exact host; then the longer path; then the narrower kind
//! of path. What an app gets by convention gives way to what another one asks for.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::pattern::{HOST_BYTES_MAX, Host, PathKind, Route, split_port};
use crate::manifest::{Reading, check_name};
use crate::text::finding::{Place, place_of, show_place};
use crate::text::{Finding, Severity};

/// What one app asks for.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Its name.
    pub name: &'a str,
    /// The file that says so, for errors.
    pub file: &'a str,
    /// Its routes.
    pub routes: &'a [Route],
    /// Whether it answers what no route is for.
    pub default: bool,
    /// Where the file says what it asks for.
    pub places: &'a [Place],
}

impl<'a> Claim<'a> {
    /// What a manifest asks for; `shown` is how errors call its folder.
    pub fn of(reading: &'a Reading, shown: &'a str) -> Option<Self> {
        let manifest = reading.manifest.as_ref()?;
        let file = manifest.file.as_deref().unwrap_or(shown);
        Some(Self { name: &manifest.name, file, routes: &manifest.routes, default: manifest.default, places: &reading.places })
    }
}

/// What apps get without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conventions {
    /// `NAME.localhost`, which browsers resolve to this machine.
    pub localhost: bool,
    /// An app without others beside it answers everything.
    pub alone: bool,
}

impl Default for Conventions {
    fn default() -> Self {
        Self { localhost: true, alone: true }
    }
}

/// The table. Apps are numbers: the order in which they were given.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    by_port: HashMap<u16, Hosts>,
    every_port: Hosts,
    default: Option<u32>,
}

#[derive(Clone, Debug, Default)]
struct Hosts {
    exact: HashMap<Box<str>, Paths>,
    /// By what is behind `*.`.
    below: HashMap<Box<str>, Paths>,
    any: Paths,
}

/// The paths of one host, sorted by how they begin. Whatever begins a path sorts before it, and everything between the two begins
/// with it as well: so the longest match is the last one before the path, or one of its ancestors.
#[derive(Clone, Debug, Default)]
struct Paths(Vec<Beginning>);

#[derive(Clone, Debug)]
struct Beginning {
    text: Box<str>,
    /// The app for each kind, by its number.
    kinds: [Option<u32>; 3],
    /// The longest other beginning that this one begins with.
    parent: Option<u32>,
}

impl Routes {
    /// The table of these apps, and which of their claims contradict each other; of two such the first one has it.
    pub fn build(claims: &[Claim<'_>], conventions: Conventions) -> (Self, Vec<Finding>) {
        let mut owners: HashMap<Route, u32> = HashMap::new();
        let mut findings = Vec::new();
        for (app, claim) in (0..).zip(claims) {
            for route in claim.routes {
                match owners.entry(route.clone()) {
                    Entry::Vacant(entry) => drop(entry.insert(app)),
                    Entry::Occupied(entry) if *entry.get() == app => {}
                    Entry::Occupied(entry) => {
                        findings.push(conflict(&route.to_string(), &format!("routes.{route}"), claim, &claims[*entry.get() as usize]));
                    }
                }
            }
        }
        if conventions.localhost {
            for (app, claim) in (0..).zip(claims) {
                let Some(host) = localhost(claim.name) else { continue };
                match owners.entry(Route::host(Host::Exact(host.clone()))) {
                    Entry::Vacant(entry) => drop(entry.insert(app)),
                    Entry::Occupied(entry) => {
                        // Of names that are the same others tell. A route is asked for: that is no contradiction.
                        let first = &claims[*entry.get() as usize];
                        if first.name != claim.name && localhost(first.name).as_ref() == Some(&host) {
                            findings.push(conflict(&host, "name", claim, first));
                        }
                    }
                }
            }
        }
        let mut table = Self::default();
        for (app, claim) in (0..).zip(claims).filter(|(_, claim)| claim.default) {
            match table.default {
                None => table.default = Some(app),
                Some(first) => findings.push(conflict("default = true", "default", claim, &claims[first as usize])),
            }
        }
        if conventions.alone && claims.len() == 1 {
            table.default = Some(0);
        }
        for (route, app) in owners {
            table.add(route, app);
        }
        table.every_port.sort();
        table.by_port.values_mut().for_each(Hosts::sort);
        (table, findings)
    }

    fn add(&mut self, route: Route, app: u32) {
        let hosts = match route.port {
            Some(port) => self.by_port.entry(port).or_default(),
            None => &mut self.every_port,
        };
        let paths = match route.host {
            Host::Any => &mut hosts.any,
            Host::Exact(host) => hosts.exact.entry(host.into()).or_default(),
            Host::Below(host) => hosts.below.entry(host.into()).or_default(),
        };
        paths.add(route.path.text.into(), route.path.kind, app);
    }

    /// The app for a request: its `Host` header or `:authority` (a port in it does not count), the port it came in by, and its path,
    /// with or without a query.
    pub fn find(&self, host: &str, port: u16, path: &str) -> Option<u32> {
        self.look_up(host, port, path, Hosts::find).or(self.default)
    }

    /// The same of an app that has a route which names the host.
    pub fn find_named(&self, host: &str, port: u16, path: &str) -> Option<u32> {
        self.look_up(host, port, path, Hosts::find_named)
    }

    fn look_up(&self, host: &str, port: u16, path: &str, find: fn(&Hosts, &str, &str) -> Option<u32>) -> Option<u32> {
        let mut buffer = [0; HOST_BYTES_MAX];
        // What is longer than names can be is no app's, but may be the default's.
        let host = canonical(host, &mut buffer).unwrap_or("");
        let path = &path[..path.find(['?', '#']).unwrap_or(path.len())];
        // `OPTIONS *`, and an empty path.
        let path = if path.starts_with('/') { path } else { "/" };
        let by_port = self.by_port.get(&port).and_then(|hosts| find(hosts, host, path));
        by_port.or_else(|| find(&self.every_port, host, path))
    }

    /// Whether a route names a host, or some that it is one of.
    pub fn names(&self, host: &str) -> bool {
        let mut buffer = [0; HOST_BYTES_MAX];
        let host = canonical(host, &mut buffer).unwrap_or("");
        self.by_port.values().chain([&self.every_port]).any(|hosts| hosts.names(host))
    }

    /// The app that answers what no route is for.
    pub fn default_app(&self) -> Option<u32> {
        self.default
    }

    /// The ports that routes name: nanod has to listen there.
    pub fn ports(&self) -> Vec<u16> {
        let mut ports: Vec<u16> = self.by_port.keys().copied().collect();
        ports.sort_unstable();
        ports
    }
}

fn conflict(what: &str, key: &str, second: &Claim<'_>, first: &Claim<'_>) -> Finding {
    let message = format!("{what} is claimed by \"{}\" already, in {}", first.name, show_place(first.file, place_of(first.places, key)));
    let help = format!("\"{}\" does not get it: change one of the two", second.name);
    let (line, column) = place_of(second.places, key);
    Finding { line, column, ..Finding::of_file(Severity::Error, second.file, message, help) }
}

/// `NAME.localhost`, for whatever can be an app's name.
fn localhost(name: &str) -> Option<String> {
    check_name(name).is_ok().then(|| format!("{}.localhost", name.to_ascii_lowercase()))
}

/// A host as the table has it: no port, no dot at the end, lower case. None if it is too long to be one.
fn canonical<'a>(host: &str, buffer: &'a mut [u8; HOST_BYTES_MAX]) -> Option<&'a str> {
    let (name, _) = split_port(host);
    let name = name.strip_suffix('.').unwrap_or(name);
    let bytes = buffer.get_mut(..name.len())?;
    bytes.copy_from_slice(name.as_bytes());
    bytes.make_ascii_lowercase();
    std::str::from_utf8(bytes).ok()
}

impl Hosts {
    fn names(&self, host: &str) -> bool {
        self.exact.contains_key(host) || self.below_of(host).next().is_some()
    }

    /// The paths of what a host is below, the nearest first.
    fn below_of(&self, host: &str) -> impl Iterator<Item = &Paths> {
        let mut rest = Some(host).filter(|_| !self.below.is_empty());
        std::iter::from_fn(move || {
            let (label, suffix) = rest?.split_once('.')?;
            rest = Some(suffix);
            // An empty label is no host below anything.
            Some(self.below.get(suffix).filter(|_| !label.is_empty()))
        })
        .flatten()
    }

    fn find(&self, host: &str, path: &str) -> Option<u32> {
        self.find_named(host, path).or_else(|| self.any.find(path))
    }

    fn find_named(&self, host: &str, path: &str) -> Option<u32> {
        let exact = self.exact.get(host).and_then(|paths| paths.find(path));
        exact.or_else(|| self.below_of(host).find_map(|paths| paths.find(path)))
    }

    fn sort(&mut self) {
        self.exact.values_mut().chain(self.below.values_mut()).for_each(Paths::sort);
        self.any.sort();
    }
}

impl Paths {
    fn add(&mut self, text: Box<str>, kind: PathKind, app: u32) {
        let mut kinds = [None; 3];
        kinds[kind as usize] = Some(app);
        self.0.push(Beginning { text, kinds, parent: None });
    }

    fn sort(&mut self) {
        self.0.sort_by(|a, b| a.text.cmp(&b.text));
        self.0.dedup_by(|later, kept| {
            let same = later.text == kept.text;
            if same {
                for (kind, app) in later.kinds.iter().enumerate().filter(|(_, app)| app.is_some()) {
                    kept.kinds[kind] = *app;
                }
            }
            same
        });
        let mut ancestors: Vec<u32> = Vec::new();
        for index in 0..self.0.len() {
            while ancestors.last().is_some_and(|last| !self.0[index].text.starts_with(&*self.0[*last as usize].text)) {
                ancestors.pop();
            }
            self.0[index].parent = ancestors.last().copied();
            ancestors.push(index as u32);
        }
    }

    fn find(&self, path: &str) -> Option<u32> {
        let mut at = self.0.partition_point(|beginning| *beginning.text <= *path).checked_sub(1);
        while let Some(index) = at {
            let beginning = &self.0[index];
            if let Some(rest) = path.strip_prefix(&*beginning.text) {
                for kind in [PathKind::Exact, PathKind::Under, PathKind::Starts] {
                    if let Some(app) = beginning.kinds[kind as usize].filter(|_| kind.allows(&beginning.text, rest)) {
                        return Some(app);
                    }
                }
            }
            at = beginning.parent.map(|parent| parent as usize);
        }
        None
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
