//! `nanod dev`: what whoever writes apps sees. Errors with the code they are about, in the terminal and in the browser; a line for each
//! request; single keys. The server is the one of `nanod serve`: it tells this module what happens, and asks it for answers.
//!
//! There is one of it, or none: without it every function here does nothing.

mod inspect;
mod keys;
mod lines;
mod open;
mod overlay;
mod sources;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use nano_base::limits::INSPECTED_APPS_MAX;
use nano_config::cli::{self, Address, Exit};
use nano_config::deploy::{AppState, Snapshot};
use nano_config::text::{Finding, Severity};
use nano_core::{Answered, App, AppOptions, Error, RequestHead, ResponseHead, Route};

use crate::frame::{self, Place};
use crate::{output, serve};
use inspect::{Inspect, Targets};
use lines::Lines;
use overlay::Fault;
use sources::Sources;

static DEV: OnceLock<Dev> = OnceLock::new();

/// What development knows of the apps.
struct Dev {
    /// How often anything was deployed: pages that show an error reload when it changes.
    generation: AtomicU64,
    apps: Mutex<BTreeMap<String, Known>>,
    /// What is wrong with manifests, by their folders.
    manifests: Mutex<BTreeMap<String, Vec<Finding>>>,
    lines: Lines,
    open: bool,
    /// Where debuggers attach, and to what.
    inspect: Option<(Inspect, Arc<Targets>)>,
}

/// One app.
#[derive(Default)]
struct Known {
    /// Its folder's name.
    folder: String,
    app: Option<(App, AppOptions)>,
    /// Why what is in its folder now cannot be deployed.
    trouble: Option<Error>,
    sources: Arc<Sources>,
}

/// Serves while apps are written.
pub fn run(dev: &cli::Dev) -> Exit {
    let inspect = match dev.inspect.as_ref().map(start_inspect).transpose() {
        Ok(inspect) => inspect,
        Err(why) => {
            output::complain(&why);
            return Exit::Machine;
        }
    };
    let lines = match Lines::start() {
        Ok(lines) => lines,
        Err(error) => {
            output::complain(&format!("cannot start a thread: {error}"));
            return Exit::Machine;
        }
    };
    let new = Dev { generation: AtomicU64::new(0), apps: Mutex::default(), manifests: Mutex::default(), lines, open: dev.open, inspect };
    if DEV.set(new).is_err() {
        return Exit::Defect;
    }
    let exit = serve::run(&dev.clone().into(), None);
    keys::stop();
    exit
}

fn start_inspect(address: &Address) -> Result<(Inspect, Arc<Targets>), String> {
    let (inspect, targets) = (Inspect::bind(address)?, Arc::new(Targets::default()));
    inspect.start(&targets)?;
    Ok((inspect, targets))
}

/// How many apps can have debuggers at the same time.
pub fn inspected_apps() -> usize {
    if DEV.get().is_some_and(|dev| dev.inspect.is_some()) { INSPECTED_APPS_MAX } else { 0 }
}

/// The app that a host is of by its name.
fn meant(host: &str) -> Option<&str> {
    host.strip_suffix(".localhost")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Gives the terminal back: the process ends without coming to the end of [`run`].
pub fn leave() {
    keys::stop();
}

/// Whether apps are being written here.
pub fn is_on() -> bool {
    DEV.get().is_some()
}

/// The server listens on a port.
pub fn ready(port: &str) {
    let Some(dev) = DEV.get() else { return };
    if let Some((inspect, _)) = &dev.inspect {
        output::say(&format!("debuggers attach to {}: chrome://inspect, or an editor", inspect.address()));
    }
    keys::start(dev, port);
    if dev.open {
        open::browser(&dev.url(port));
    }
}

/// An app has been deployed, or could not be.
pub fn deployed(folder: &str, state: &AppState, options: &AppOptions, result: Result<&App, &Error>) {
    let Some(dev) = DEV.get() else { return };
    let sources = Arc::new(Sources::read(&state.folder));
    let mut apps = lock(&dev.apps);
    // By another name it has never served, and will not.
    apps.retain(|name, known| known.folder != folder || *name == options.name || known.app.is_some());
    let known = apps.entry(options.name.clone()).or_default();
    known.folder = folder.to_string();
    known.sources = sources;
    match result {
        Ok(app) => {
            if let Some((_, targets)) = &dev.inspect {
                targets.add(app, state.folder.clone());
            }
            known.app = Some((app.clone(), options.clone()));
            known.trouble = None;
        }
        Err(error) => known.trouble = Some(error.clone()),
    }
    dev.generation.fetch_add(1, Ordering::Relaxed);
}

/// An app has been removed.
pub fn removed(name: &str) {
    if let Some(dev) = DEV.get() {
        dev.remove(|app, _| app == name);
    }
}

/// A folder has gone, and whatever was known of its app.
pub fn withdrawn(folder: &str) {
    if let Some(dev) = DEV.get() {
        dev.remove(|_, known| known.folder == folder);
    }
}

/// The folder has been looked at: what is wrong with manifests now.
pub fn looked(seen: &Snapshot) {
    let Some(dev) = DEV.get() else { return };
    let errors = |state: &AppState| -> Vec<Finding> {
        state.reading.findings.iter().filter(|finding| finding.severity == Severity::Error).cloned().collect()
    };
    let now: BTreeMap<String, Vec<Finding>> =
        seen.apps.iter().map(|(folder, state)| (folder.clone(), errors(state))).filter(|(_, errors)| !errors.is_empty()).collect();
    let mut manifests = lock(&dev.manifests);
    if *manifests != now {
        *manifests = now;
        dev.generation.fetch_add(1, Ordering::Relaxed);
    }
}

/// What an app says of an exception, without the platform's own lines, and with the code it is about.
pub fn with_frame(app: &str, text: String) -> String {
    let Some(dev) = DEV.get().filter(|_| !output::is_json()) else { return text };
    let Some(place) = Place::of_stack(&text) else { return text };
    let sources = dev.sources_of(app);
    let code = sources.text(&place.file).map_or(String::new(), |source| frame::frame(source, place.line, place.column));
    if code.is_empty() { text } else { format!("{}\n\n{}", frame::own_stack(&text), frame::inset(&code)) }
}

/// What is answered instead of what `route` says: the state that pages ask for, what is wrong with an app's code, which apps there are.
pub fn instead(head: &RequestHead, host: &str, path: &str, route: Route) -> Route {
    let Some(dev) = DEV.get() else { return route };
    if path == overlay::STATE_PATH {
        let (head, body) = overlay::state(dev.generation.load(Ordering::Relaxed));
        return Route::Reply(head, body);
    }
    let fault = match &route {
        // An app that is alone answers for everybody, also for one that has a manifest to be mended.
        Route::App(app) => match meant(host).filter(|name| *name != app.name() && dev.has_manifest_errors(name)) {
            Some(_) => Some(dev.nobody(host)),
            None => dev.trouble_of(app.name()),
        },
        _ => Some(dev.nobody(host)),
    };
    let Some(fault) = fault else { return route };
    dev.lines.routed(head, &fault);
    let (reply, body) = fault.answer(head);
    Route::Reply(reply, body)
}

/// What is answered to a request by a name that may be anybody's: nothing of the apps.
pub fn turn_away(head: &RequestHead, host: &str) -> Route {
    let Some(dev) = DEV.get() else { return Route::Nobody };
    let fault = Fault::of_foreign(host);
    dev.lines.routed(head, &fault);
    let (reply, body) = fault.answer(head);
    Route::Reply(reply, body)
}

/// What a client reads whose request has failed.
pub fn explain(answered: &Answered<'_>) -> Option<(ResponseHead, Vec<u8>)> {
    let dev = DEV.get()?;
    let error = answered.error?;
    let sources = dev.sources_of(answered.app);
    let generation = dev.generation.load(Ordering::Relaxed);
    Some(Fault::of_request(answered, error, &sources, generation).answer(answered.request))
}

/// A request is over.
pub fn answered(answered: &Answered<'_>) {
    if let Some(dev) = DEV.get() {
        dev.lines.answered(answered);
    }
}

impl Dev {
    /// Forgets apps.
    fn remove(&self, is_one: impl Fn(&str, &Known) -> bool) {
        let gone: Vec<String> = lock(&self.apps).extract_if(.., |name, known| is_one(name, known)).map(|(name, _)| name).collect();
        if let Some((_, targets)) = &self.inspect {
            gone.iter().for_each(|name| targets.remove(name));
        }
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Where a browser sees the first app.
    fn url(&self, port: &str) -> String {
        let apps = lock(&self.apps);
        match apps.keys().next() {
            Some(name) => format!("http://{name}.localhost:{port}/"),
            None => format!("http://localhost:{port}/"),
        }
    }

    fn has_manifest_errors(&self, folder: &str) -> bool {
        lock(&self.manifests).contains_key(folder)
    }

    fn sources_of(&self, app: &str) -> Arc<Sources> {
        lock(&self.apps).get(app).map(|known| known.sources.clone()).unwrap_or_default()
    }

    fn trouble_of(&self, app: &str) -> Option<Fault> {
        let apps = lock(&self.apps);
        let known = apps.get(app)?;
        if let Some(errors) = lock(&self.manifests).get(&known.folder) {
            return Some(Fault::of_manifests(Some(app), errors, self.generation.load(Ordering::Relaxed)));
        }
        Some(Fault::of_load(app, known.trouble.as_ref()?, &known.sources, self.generation.load(Ordering::Relaxed)))
    }

    /// No app answers for a host: one that would, if it could be deployed; else which there are.
    fn nobody(&self, host: &str) -> Fault {
        let generation = self.generation.load(Ordering::Relaxed);
        let apps = lock(&self.apps);
        let manifests = lock(&self.manifests);
        if let Some((name, findings)) = meant(host).and_then(|name| manifests.get_key_value(name)) {
            return Fault::of_manifests(Some(name), findings, generation);
        }
        let broken = |(name, known): (&String, &Known)| Some((name.clone(), known.trouble.clone()?, known.sources.clone()));
        let mut troubles = apps.iter().filter_map(broken);
        let chosen = match meant(host).filter(|name| apps.contains_key(*name)) {
            Some(name) => troubles.find(|(app, ..)| app == name),
            None if apps.len() == 1 => troubles.next(),
            None => None,
        };
        if let Some((name, error, sources)) = chosen {
            return Fault::of_load(&name, &error, &sources, generation);
        }
        let findings: Vec<Finding> = manifests.values().flatten().cloned().collect();
        if !findings.is_empty() {
            return Fault::of_manifests(None, &findings, generation);
        }
        Fault::of_nobody(host, &apps.keys().cloned().collect::<Vec<_>>(), generation)
    }

    /// Starts every app anew, with all it kept in memory gone.
    fn reload(&self) {
        let all: Vec<(App, AppOptions)> = lock(&self.apps).values().filter_map(|known| known.app.clone()).collect();
        let mut count = 0;
        for (app, options) in all {
            match app.reload(options) {
                Ok(()) => count += 1,
                Err(error) => output::complain(&format!("{}: {error}", app.name())),
            }
        }
        self.generation.fetch_add(1, Ordering::Relaxed);
        output::say(&format!("{count} reloaded"));
    }
}
