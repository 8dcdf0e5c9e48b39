//! From what is there to what is deployed. A folder counts when it has been still for a while, its manifest is right and its files could
//! be read; until then, and when it is broken, what was deployed from it stays. Names with a leading dot are no part of an app, but while
//! they change somebody is copying.

use std::collections::{BTreeMap, BTreeSet};

use super::scan::{AppState, Snapshot, Touched};
use super::walk::Digest;
use crate::text::units::show_duration_ms;
use crate::text::{Finding, Severity};

/// What to do about one folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Deploy it.
    Added(String),
    /// Deploy it in place of what was there.
    Changed(String),
    /// It is gone.
    Removed(String),
}

impl Change {
    /// The folder's name.
    pub fn folder(&self) -> &str {
        let (Self::Added(name) | Self::Changed(name) | Self::Removed(name)) = self;
        name
    }
}

/// What makes `after` of `before`, in the order of the names.
pub fn plan(before: &Snapshot, after: &Snapshot) -> Vec<Change> {
    let names: BTreeSet<&String> = before.apps.keys().chain(after.apps.keys()).collect();
    let change = |name: &&String| match (before.apps.get(*name), after.apps.get(*name)) {
        (None, Some(_)) => Some(Change::Added(name.to_string())),
        (Some(_), None) => Some(Change::Removed(name.to_string())),
        (Some(before), Some(after)) if before.digest != after.digest || before.app_name() != after.app_name() => {
            Some(Change::Changed(name.to_string()))
        }
        _ => None,
    };
    names.iter().filter_map(change).collect()
}

impl AppState {
    /// The name its manifest gives the app; none if it cannot be deployed.
    pub fn app_name(&self) -> Option<&str> {
        self.digest.and(self.reading.manifest.as_ref()).map(|manifest| &*manifest.name)
    }
}

/// What one look has come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// What to do, in the order of the names.
    pub changes: Vec<Change>,
    /// How many folders are not deployed as they are now, told once for each state of one.
    pub refused: usize,
    /// What is wrong, told once for each state of a folder.
    pub findings: Vec<Finding>,
    /// In how many milliseconds to look again at what is not still yet.
    pub again_ms: Option<u64>,
}

/// What is deployed from a folder of apps.
#[derive(Debug)]
pub struct Deployment {
    quiet_ms: u64,
    /// The same of a folder whose app is deployed already.
    quiet_again_ms: u64,
    /// An app whose manifest cannot be used answers with what is wrong, whatever was deployed before.
    errors_answer: bool,
    deployed: Snapshot,
    waiting: BTreeMap<String, Waiting>,
    told: Vec<Finding>,
}

/// A folder that is not as it was deployed.
#[derive(Debug)]
struct Waiting {
    /// None if it is gone.
    stamp: Option<Digest>,
    since_ms: u64,
    /// The stamp of what does not count, and since when it is that.
    hidden: Option<Digest>,
    hidden_since_ms: u64,
    /// Since when it has been changing; none if it was still when it was looked at last.
    restless_since_ms: Option<u64>,
    /// Whether that was told.
    restless_told: bool,
    /// Whether it is known to be broken, and has been told.
    told: bool,
}

/// What has not changed for so long by the file system's own clock needs no second look.
const OLD_MS: u64 = 2_000;

/// For how long a folder may be changing before that is told.
const RESTLESS_MS: u64 = 10_000;

/// The digest of nothing that there is.
const NO_DIGEST: Digest = Digest([0; 32]);

/// How long names with a leading dot may keep what counts waiting: an app that writes such files all the time is deployed nevertheless.
const HIDDEN_MS_MAX: u64 = 60_000;

impl Deployment {
    /// Nothing is deployed yet. A folder must be still for `quiet_ms`.
    pub fn new(quiet_ms: u64) -> Self {
        Self {
            quiet_ms,
            quiet_again_ms: quiet_ms,
            errors_answer: false,
            deployed: Snapshot::default(),
            waiting: BTreeMap::new(),
            told: Vec::new(),
        }
    }

    /// A folder whose app is deployed already must be still for `quiet_again_ms`: nobody waits for it, and half of it would take the place
    /// of what is whole.
    pub fn with_patience(self, quiet_again_ms: u64) -> Self {
        Self { quiet_again_ms, ..self }
    }

    /// Whether what is wrong with a manifest is answered in place of what was deployed before.
    pub fn with_errors_answered(self, errors_answer: bool) -> Self {
        Self { errors_answer, ..self }
    }

    /// What is deployed.
    pub fn deployed(&self) -> &Snapshot {
        &self.deployed
    }

    /// The folders to look at again.
    pub fn waiting(&self) -> Touched {
        Touched::Some(self.waiting.keys().cloned().collect())
    }

    /// Whether nothing is to come of the folders as they are now: each is deployed, or was refused.
    pub fn is_still(&self) -> bool {
        self.waiting.values().all(|waiting| waiting.told)
    }

    /// Somebody has deployed a folder by himself, as it was then.
    pub fn accept(&mut self, name: &str, state: &AppState) {
        self.deployed.apps.insert(name.to_string(), state.clone());
        self.waiting.remove(name);
    }

    /// What a look has found in a folder was not there any more when it was to be deployed: the next look decides anew, even if it finds
    /// the same again.
    pub fn doubt(&mut self, name: &str, now_ms: u64) {
        if let Some(deployed) = self.deployed.apps.get_mut(name) {
            deployed.digest = Some(NO_DIGEST);
            self.waiting.insert(name.to_string(), Waiting::new(None, now_ms));
        }
    }

    /// Somebody has taken a folder away by himself.
    pub fn forget(&mut self, name: &str) {
        self.deployed.apps.remove(name);
        self.waiting.remove(name);
    }

    /// What follows from a look at `now_ms` of a steady clock and `unix_ms` of the one on the wall.
    pub fn observe(&mut self, seen: &Snapshot, now_ms: u64, unix_ms: u64) -> Step {
        let mut step = Step::default();
        if self.told != seen.findings {
            step.findings.extend(seen.findings.iter().filter(|finding| !self.told.contains(finding)).cloned());
            self.told.clone_from(&seen.findings);
        }
        let before = self.deployed.clone();
        let names: BTreeSet<String> = seen.apps.keys().chain(before.apps.keys()).chain(self.waiting.keys()).cloned().collect();
        let mut settled: Vec<String> = names.into_iter().filter(|name| self.is_settled(name, seen, now_ms, unix_ms, &mut step)).collect();
        // Of names that differ in case the one that is written as its host is comes first: another cannot take it by a start of nanod's.
        let is_a_hosts =
            |name: &String| !seen.apps.get(name).and_then(AppState::app_name).is_some_and(|app| app.contains(char::is_uppercase));
        settled.sort_by_key(|name| !is_a_hosts(name));
        // What goes makes room for what has its name.
        for name in settled.iter().filter(|name| !seen.apps.contains_key(*name) && !seen.others.contains_key(*name)) {
            self.deployed.apps.remove(name);
            self.waiting.remove(name);
        }
        let names = Names::given(&self.deployed, &settled, seen);
        for name in &settled {
            match seen.apps.get(name) {
                Some(state) => {
                    // Who is about to give the name up is waited for.
                    if !self.waits(name, &names, &settled, seen) {
                        self.deploy(name, state, names.holder(name), &mut step);
                    }
                }
                None => {
                    if let Some(told) = seen.others.get(name) {
                        self.keep_what_was(name, *told, &mut step);
                    }
                }
            }
        }
        step.changes = plan(&before, &self.deployed);
        step
    }

    /// Whether a folder is different from what is deployed, and has been so for long enough.
    fn is_settled(&mut self, name: &str, seen: &Snapshot, now_ms: u64, unix_ms: u64, step: &mut Step) -> bool {
        let state = seen.apps.get(name);
        let quiet_ms = if self.deployed.apps.contains_key(name) { self.quiet_again_ms } else { self.quiet_ms };
        if let (Some(state), Some(deployed)) = (state, self.deployed.apps.get_mut(name))
            && state.digest.is_some()
            && state.digest == deployed.digest
            && state.app_name() == deployed.app_name()
        {
            // Touched, or changed and changed back; the folder may be another one.
            deployed.clone_from(state);
            self.waiting.remove(name);
            return false;
        }
        let waiting = self.waiting.entry(name.to_string()).or_insert_with(|| Waiting::new(state, now_ms));
        waiting.look(state, now_ms);
        let left_ms = if state.is_some_and(|state| is_old(state, unix_ms)) { 0 } else { waiting.left_ms(quiet_ms, now_ms) };
        if left_ms == 0 {
            waiting.restless_since_ms = None;
        } else if let Some(state) = state
            && waiting.becomes_restless(quiet_ms, now_ms)
        {
            step.findings.push(restless(state));
        }
        if left_ms > 0 {
            step.again_ms = Some(step.again_ms.map_or(left_ms, |again| again.min(left_ms)));
        }
        left_ms == 0
    }

    /// Deploys a folder that is settled, unless another one, the `holder`, has its name.
    fn deploy(&mut self, name: &str, state: &AppState, holder: Option<&str>, step: &mut Step) {
        let Some(app) = state.app_name() else {
            return self.refuse(name, state.reading.findings.clone(), !self.errors_answer, step);
        };
        if let Some(other) = holder.and_then(|holder| self.deployed.apps.get(holder)) {
            let message = format!("the name \"{app}\" is taken by {}", other.place_of("name"));
            let help = "give one of the two another name in its manifest";
            return self.refuse(name, vec![state.about(Severity::Error, "name", message, help)], true, step);
        }
        step.findings.extend(state.reading.findings.iter().cloned());
        self.deployed.apps.insert(name.to_string(), state.clone());
        self.waiting.remove(name);
    }

    /// Whether a settled folder waits for a name of one that is not, or for that of one that waits itself.
    fn waits(&self, name: &str, names: &Names, settled: &[String], seen: &Snapshot) -> bool {
        let mut name = name;
        // Around in a ring nobody is refused.
        for _ in 0..settled.len() {
            let (Some(holder), Some(state)) = (names.holder(name), seen.apps.get(name)) else { return false };
            if !settled.iter().any(|name| name == holder) {
                return self.gives_up(holder, state, seen);
            }
            name = holder;
        }
        false
    }

    /// Whether a folder that is not settled is about to give up the name that another one wants.
    fn gives_up(&self, holder: &str, other: &AppState, seen: &Snapshot) -> bool {
        let keeps = |held: &AppState| held.app_name().zip(other.app_name()).is_some_and(|(held, wanted)| held.eq_ignore_ascii_case(wanted));
        self.waiting.contains_key(holder) && !seen.apps.get(holder).is_some_and(|held| held.app_name().is_none() || keeps(held))
    }

    /// Where an app was is a folder that is none; whether it was `told` why.
    fn keep_what_was(&mut self, name: &str, told: bool, step: &mut Step) {
        let Some(deployed) = self.deployed.apps.get(name) else {
            self.waiting.remove(name);
            return;
        };
        let message = "the folder has no main module and no manifest any more";
        let finding = Finding::of_file(Severity::Error, deployed.shown.clone(), message, "remove the folder to remove the app");
        self.refuse(name, if told { Vec::new() } else { vec![finding] }, true, step);
    }

    /// Tells once why a folder is not deployed, and whether what was deployed before `goes_on`.
    fn refuse(&mut self, name: &str, mut findings: Vec<Finding>, goes_on: bool, step: &mut Step) {
        let Some(waiting) = self.waiting.get_mut(name) else { return };
        if !std::mem::replace(&mut waiting.told, true) {
            if let Some(deployed) = self.deployed.apps.get(name).filter(|_| goes_on) {
                let message = "what was deployed before goes on serving";
                findings.push(Finding::of_file(Severity::Warning, deployed.shown.clone(), message, ""));
            }
            step.findings.append(&mut findings);
            step.refused += 1;
        }
    }
}

/// Whose app has which name, when several folders change at once: those that exchange names have each other's.
struct Names {
    /// Of folders whose apps cannot have the names that they want: who has them.
    refused: BTreeMap<String, String>,
}

impl Names {
    /// Gives the names that `settled` folders want, in this order; all others keep theirs, and so does whoever cannot have another.
    fn given(deployed: &Snapshot, settled: &[String], seen: &Snapshot) -> Self {
        // Hosts have no case.
        let lower = |state: &AppState| state.app_name().map(str::to_ascii_lowercase);
        let wanted = |folder: &str| seen.apps.get(folder).and_then(lower);
        let changing: BTreeSet<&str> = settled.iter().map(String::as_str).filter(|folder| wanted(folder).is_some()).collect();
        let staying = deployed.apps.iter().filter(|(folder, _)| !changing.contains(folder.as_str()));
        let mut holders: BTreeMap<String, &str> = staying.filter_map(|(folder, state)| Some((lower(state)?, folder.as_str()))).collect();
        let mut refused = BTreeMap::new();
        for folder in settled.iter().map(String::as_str) {
            let Some(name) = wanted(folder) else { continue };
            let mut next = match holders.get(&name) {
                Some(holder) => Some((folder, *holder)),
                None => {
                    holders.insert(name, folder);
                    None
                }
            };
            // Who is refused keeps the name that it has, and whoever was given that is refused as well.
            while let Some((folder, holder)) = next.take() {
                refused.insert(folder.to_string(), holder.to_string());
                let kept = deployed.apps.get(folder).and_then(lower);
                next = kept.and_then(|name| holders.insert(name, folder)).filter(|other| *other != folder).map(|other| (other, folder));
            }
        }
        Self { refused }
    }

    /// Who has the name that a folder wants, if it cannot have it.
    fn holder(&self, folder: &str) -> Option<&str> {
        self.refused.get(folder).map(String::as_str)
    }
}

impl Waiting {
    fn new(state: Option<&AppState>, now_ms: u64) -> Self {
        let (stamp, hidden) = (state.map(|state| state.stamp), state.map(|state| state.hidden.stamp));
        let restless_since_ms = Some(now_ms);
        Self { stamp, since_ms: now_ms, hidden, hidden_since_ms: now_ms, restless_since_ms, restless_told: false, told: false }
    }

    /// Takes in how the folder is now.
    fn look(&mut self, state: Option<&AppState>, now_ms: u64) {
        let now = Self::new(state, now_ms);
        if self.stamp != now.stamp {
            *self = Self { restless_since_ms: self.restless_since_ms.or(Some(now_ms)), restless_told: self.restless_told, ..now };
        } else if self.hidden != now.hidden {
            (self.hidden, self.hidden_since_ms) = (now.hidden, now_ms);
        }
    }

    /// Whether it is to be told now that it does not come to rest.
    fn becomes_restless(&mut self, quiet_ms: u64, now_ms: u64) -> bool {
        let changes = self.since_ms.saturating_add(quiet_ms) > now_ms;
        let long = self.restless_since_ms.is_some_and(|since_ms| since_ms.saturating_add(RESTLESS_MS) <= now_ms);
        changes && long && !std::mem::replace(&mut self.restless_told, true)
    }

    /// How long it has to be still yet.
    fn left_ms(&self, quiet_ms: u64, now_ms: u64) -> u64 {
        let left = |since_ms: u64, wait_ms: u64| since_ms.saturating_add(wait_ms).saturating_sub(now_ms);
        left(self.since_ms, quiet_ms).max(left(self.hidden_since_ms, quiet_ms).min(left(self.since_ms, HIDDEN_MS_MAX)))
    }
}

/// What somebody wants to know who waits for a folder to be deployed that does not come to rest.
fn restless(state: &AppState) -> Finding {
    let what = match state.newest.as_os_str().is_empty() {
        true => "files in it come and go".to_string(),
        false => format!("{} changes", state.newest.display()),
    };
    let message = format!("it has not been still for {}, and is not deployed until it is: {what}", show_duration_ms(RESTLESS_MS));
    let help = "write such files elsewhere, or under names with a leading dot; if it is reloaded by hand it is deployed as it is";
    Finding::of_file(Severity::Warning, state.shown.clone(), message, help)
}

/// Whether nothing has changed in a folder for long, by the file system's own clock.
fn is_old(state: &AppState, unix_ms: u64) -> bool {
    let since = |changed_unix_ms: u64, for_ms: u64| changed_unix_ms.saturating_add(for_ms) <= unix_ms;
    let hidden_is_old = since(state.hidden.newest_unix_ms, OLD_MS) || since(state.newest_unix_ms, HIDDEN_MS_MAX);
    state.newest_unix_ms > 0 && since(state.newest_unix_ms, OLD_MS) && hidden_is_old
}
