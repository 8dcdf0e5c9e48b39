//! What is deployed, as the main thread last said: beside what the runtime counts, it is what the admin listener shows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use nano_base::clock::Clock;
use nano_base::limits::ADMIN_VERSIONS_MAX;
use nano_config::deploy::{AppState, Digest};
use nano_config::manifest::{Manifest, limit_list};
use nano_config::text::suggest::did_you_mean;

/// Why an app is not started that had a part in the end of workers.
pub const QUARANTINED: &str = "the app is quarantined: it had a part in the end of several workers; change it, have it reloaded, or wait";

/// One version of an app that was deployed, or was to be.
#[derive(Clone, Debug)]
pub struct Version {
    pub number: u64,
    pub digest: Option<Digest>,
    pub unix_ms: u64,
    /// Why it does not serve.
    pub error: Option<String>,
}

/// One folder.
#[derive(Clone, Debug, Default)]
pub struct Deployed {
    /// The app's name; empty if it has never been known.
    pub name: String,
    /// How people call the folder.
    pub shown: String,
    /// The manifest's file, if there is one.
    pub manifest: Option<String>,
    pub routes: Vec<String>,
    pub default: bool,
    pub lazy: bool,
    pub limits: Vec<(&'static str, u64)>,
    /// The latest last.
    pub versions: VecDeque<Version>,
    /// An operator has taken it out of service.
    pub drained: bool,
    /// It is not to run, for what it has done to workers.
    quarantined: bool,
    /// Its app answers, if only by the version before the latest: it is the one that is meant by its name.
    serves: bool,
}

impl Deployed {
    /// Why the latest version does not serve, if it does not.
    pub fn failure(&self) -> Option<&str> {
        let error = self.versions.back().and_then(|latest| latest.error.as_deref());
        error.or_else(|| self.is_quarantined().then_some(QUARANTINED))
    }

    /// Its state, as far as nothing of it is there to have one.
    pub fn state(&self) -> &'static str {
        match self.drained {
            true => "drained",
            false if self.is_quarantined() => "quarantined",
            false => "failed",
        }
    }

    fn is_quarantined(&self) -> bool {
        self.quarantined && !self.serves
    }

    fn describe(&mut self, manifest: &Manifest, state: &AppState) {
        self.name.clone_from(&manifest.name);
        self.shown.clone_from(&state.shown);
        self.manifest.clone_from(&manifest.file);
        self.routes = manifest.routes.iter().map(ToString::to_string).collect();
        self.default = manifest.default;
        self.lazy = manifest.lazy.unwrap_or(false);
        self.limits = limit_list(&manifest.limits).collect();
    }

    fn add(&mut self, digest: Option<Digest>, error: Option<String>) {
        let number = self.versions.back().map_or(1, |last| last.number + 1);
        if self.versions.len() >= ADMIN_VERSIONS_MAX {
            self.versions.pop_front();
        }
        self.versions.push_back(Version { number, digest, unix_ms: Clock::system().unix_ms() as u64, error });
    }
}

/// All folders by their names. Clones are the same board.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Inner>);

/// What is out of service although it is deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Of an app that the runtime does not know.
    pub state: &'static str,
    /// The latest version does not serve.
    pub failing: bool,
}

#[derive(Debug, Default)]
struct Inner {
    folders: Mutex<BTreeMap<String, Deployed>>,
    /// Apps that are not to run, by their names.
    quarantined: Mutex<BTreeSet<String>>,
    addresses: Mutex<Vec<String>>,
    /// Clients connect by TLS.
    secure: AtomicBool,
    ready: AtomicBool,
}

impl Board {
    /// The server answers requests, or does not any more.
    pub fn set_ready(&self, ready: bool) {
        self.0.ready.store(ready, Ordering::Release);
    }

    pub fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Acquire)
    }

    /// Where apps are reached, and whether by TLS.
    pub fn set_addresses(&self, addresses: Vec<String>, secure: bool) {
        self.0.secure.store(secure, Ordering::Relaxed);
        *self.0.addresses.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = addresses;
    }

    /// What their URLs begin with.
    pub fn scheme(&self) -> &'static str {
        if self.0.secure.load(Ordering::Relaxed) { "https" } else { "http" }
    }

    pub fn addresses(&self) -> Vec<String> {
        self.0.addresses.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// A folder's app has been deployed, or could not be; whether it `serves`, if only by the version before.
    pub fn deployed(&self, folder: &str, state: &AppState, error: Option<&str>, serves: bool) {
        let mut folders = self.folders();
        let deployed = folders.entry(folder.to_string()).or_default();
        // What serves is what the version says that serves.
        if let Some(manifest) = state.reading.manifest.as_ref().filter(|_| error.is_none() || !serves) {
            deployed.describe(manifest, state);
        }
        deployed.drained &= error.is_some();
        deployed.serves = serves;
        deployed.quarantined = self.names().contains(&deployed.name);
        deployed.add(state.digest, error.map(str::to_string));
    }

    /// An operator has taken it out of service.
    pub fn drained(&self, folder: &str) {
        if let Some(deployed) = self.folders().get_mut(folder) {
            deployed.drained = true;
        }
    }

    /// An app is not to run, whatever its folder.
    pub fn quarantined(&self, name: &str) {
        self.names().insert(name.to_string());
        self.set_quarantined(name, true);
    }

    /// It may again.
    pub fn released(&self, name: &str) {
        self.names().remove(name);
        self.set_quarantined(name, false);
    }

    fn set_quarantined(&self, name: &str, quarantined: bool) {
        self.folders().values_mut().filter(|deployed| deployed.name == name).for_each(|deployed| deployed.quarantined = quarantined);
    }

    /// A folder's app does not answer any more.
    pub fn out_of_service(&self, folder: &str) {
        if let Some(deployed) = self.folders().get_mut(folder) {
            deployed.serves = false;
        }
    }

    /// The folder has gone.
    pub fn removed(&self, folder: &str) {
        self.folders().remove(folder);
    }

    /// What is out of service although it is deployed, or has a latest version that is, by the names of apps.
    pub fn marks(&self) -> BTreeMap<String, Mark> {
        let folders = self.folders();
        let mut meant: BTreeMap<&str, &Deployed> = BTreeMap::new();
        for deployed in folders.values() {
            let known = meant.entry(&deployed.name).or_insert(deployed);
            if deployed.serves {
                *known = deployed;
            }
        }
        let is_out = |deployed: &Deployed| deployed.drained || deployed.failure().is_some();
        let mark = |deployed: &Deployed| Mark { state: deployed.state(), failing: deployed.failure().is_some() };
        meant.into_iter().filter(|(_, deployed)| is_out(deployed)).map(|(name, deployed)| (name.to_string(), mark(deployed))).collect()
    }

    /// The folder of an app, and what is known of it. Of several with one name that is the one that serves.
    pub fn find(&self, name: &str) -> Option<(String, Deployed)> {
        let folders = self.folders();
        let all = folders.iter().filter(|(_, deployed)| deployed.name == name);
        let (folder, deployed) = all.min_by_key(|(_, deployed)| !deployed.serves)?;
        Some((folder.clone(), deployed.clone()))
    }

    /// Another folder than this one with the same name.
    pub fn another(&self, name: &str, folder: &str) -> Option<String> {
        let folders = self.folders();
        folders.iter().find(|(other, deployed)| *other != folder && deployed.name == name).map(|(other, _)| other.clone())
    }

    /// Why there is nothing to be done about an app that is not there, with the names that may be meant.
    pub fn no_app(&self, name: &str) -> String {
        let folders = self.folders();
        let names = folders.values().map(|deployed| &*deployed.name).filter(|name| !name.is_empty());
        let help = did_you_mean(name, names);
        let help = if help.is_empty() { help } else { format!(" ({help})") };
        format!("there is no app named \"{name}\"{help}")
    }

    fn names(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.quarantined.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn folders(&self) -> MutexGuard<'_, BTreeMap<String, Deployed>> {
        self.0.folders.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
