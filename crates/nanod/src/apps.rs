//! What is deployed: a folder's manifest becomes an app of the runtime, and all manifests together the table of routes.
//!
//! The main thread decides, here; whatever may take an app's time is done by others, and it hears what has come of it.
//!
//! - `options`: from a manifest to what the runtime is told. `program`: programs that print secrets.
//! - `exchange`: apps that take names from one another. `pool`: the threads. `job`: one deployment on one of them. `underway`: those that have begun.
//! - `leaving`: apps that are being unloaded.

mod exchange;
mod job;
mod leaving;
mod options;
mod pool;
pub mod program;
mod underway;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nano_config::deploy::{AppState, Change, Digest, Snapshot};
use nano_config::manifest::{Grants, Reading};
use nano_config::routes::{Claim, Conventions, Routes};
use nano_config::text::{Finding, Severity};
use nano_core::{App, Clock, Problem, Runtime};

use crate::admin::{Board, Pending, QUARANTINED};
use crate::routes::{Current, Served, Table};
use crate::{dev, output, trust};
use job::{Failure, Job, Loaded, Used};
use leaving::Leaving;
use pool::Pool;
use underway::{Batch, Underway, Why};

pub use options::{add_dev_vars, is_value, not_given, options, read_secret};

/// What to do about a folder without apps.
pub const NO_APP_HELP: &str =
    "an app is a folder with index.js, index.ts, src/index.ts, package.json with \"main\", or nano.toml; \"nanod new\" makes one";

/// How long requests of an app that is removed may take to end.
const UNLOAD_GRACE: Duration = Duration::from_secs(30);

/// How often a folder may change between the look and the deployment before it is deployed as it is: something of its own changes it then.
const MOVES_MAX: u32 = 3;

/// The apps of a folder, by the names of theirs.
pub struct Apps {
    runtime: Arc<Runtime>,
    current: Current,
    serving: BTreeMap<String, Serving>,
    /// One deployment at most of each folder.
    underway: BTreeMap<String, Underway>,
    /// Names of apps that are being unloaded, or will be as soon as a new one has started: nobody else can have them yet.
    leaving: BTreeMap<String, usize>,
    /// Folders whose app was taken out of service because it used what is not granted any more.
    revoked: BTreeSet<String>,
    /// What an operator has taken out of service: it stays so until he says otherwise.
    drained: BTreeSet<String>,
    /// What others may know of all this.
    pub board: Board,
    /// What the manifests say by which folders have their routes and names: of the version that serves, or else of one that was granted what
    /// it asks for. What others say does not count.
    accepted: BTreeMap<String, Arc<Reading>>,
    /// What manifests may ask for.
    grants: Arc<Grants>,
    /// Apps, by their own names, that had a part in the end of several workers, and what they were then; none if that was before this
    /// process.
    quarantined: BTreeMap<String, Option<Digest>>,
    /// Those that are not any more, for the supervisor.
    mended: Vec<String>,
    /// Apps in whose place others are, until requests go by these; and whether their names have others already.
    replaced: Vec<(App, bool)>,
    batches: BTreeMap<u64, Batch>,
    last_batch: u64,
    /// What is over, to be said when requests go by it.
    over: Vec<Batch>,
    /// What operators wait for.
    ended: Vec<Ended>,
    /// How often in a row each folder had changed when it was to be deployed.
    moves: BTreeMap<String, u32>,
    /// Those that have lately: to be looked at again.
    moved: Vec<String>,
    pool: Pool<Done>,
    unloads: Leaving,
    clock: Clock,
    /// When it was last looked for deployments that are slow.
    looked_ms: u64,
    /// Requests go by the table of routes.
    routing: bool,
    /// There is one folder of an app at most.
    alone: bool,
    /// What was said about routes.
    told: Vec<Finding>,
    /// In development `.dev.vars` are part of `env`.
    dev_vars: bool,
    environment: Option<String>,
}

/// An app that answers.
struct Serving {
    app: App,
    reading: Arc<Reading>,
    used: Used,
}

/// What other threads have done.
enum Done {
    /// Folders have been deployed, or could not be.
    Deployed(Vec<(String, Result<Loaded, Failure>)>),
    /// No app has this name any more.
    Left(String),
}

/// What has become of a deployment that an operator waits for.
pub struct Ended {
    pub folder: String,
    pub pending: Box<Pending>,
    pub result: Result<(), String>,
    /// The folder has gone meanwhile.
    pub dropped: bool,
}

impl Apps {
    /// None yet. `bell` is rung when something has been done that [`Apps::hear`] is to hear of.
    pub fn new(
        runtime: &Arc<Runtime>,
        current: &Current,
        grants: Grants,
        dev_vars: bool,
        environment: Option<String>,
        bell: impl Fn() + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        Ok(Self {
            runtime: runtime.clone(),
            current: current.clone(),
            serving: BTreeMap::new(),
            underway: BTreeMap::new(),
            leaving: BTreeMap::new(),
            revoked: BTreeSet::new(),
            drained: BTreeSet::new(),
            board: Board::default(),
            accepted: BTreeMap::new(),
            grants: Arc::new(grants),
            quarantined: BTreeMap::new(),
            mended: Vec::new(),
            replaced: Vec::new(),
            batches: BTreeMap::new(),
            last_batch: 0,
            over: Vec::new(),
            ended: Vec::new(),
            moves: BTreeMap::new(),
            moved: Vec::new(),
            pool: Pool::new(bell),
            unloads: Leaving::new()?,
            clock: Clock::system(),
            looked_ms: 0,
            routing: false,
            alone: false,
            told: Vec::new(),
            dev_vars,
            environment,
        })
    }

    /// Grants have changed: what uses more than they allow does not go on, and the apps whose business that is are looked at again.
    pub fn set_grants(&mut self, grants: Grants, deployed: &Snapshot) {
        let before = std::mem::replace(&mut self.grants, Arc::new(grants));
        let changed = |folder: &String, state: &AppState| {
            let name = trust::name_of(folder, state);
            let all = |grants: &Grants| (grants.strangers, grants.ceilings.clone());
            all(&before) != all(&self.grants) || before.apps.get(name) != self.grants.apps.get(name)
        };
        let folders: Vec<String> =
            deployed.apps.iter().filter(|(folder, state)| changed(folder, state)).map(|(folder, _)| folder.clone()).collect();
        for folder in &folders {
            let Some(serving) = self.serving.get(folder) else { continue };
            if deployed.apps.get(folder).is_some_and(|state| !self.is_granted(folder, state, &serving.reading, &serving.used)) {
                self.revoke(folder);
            }
        }
        self.deploy_again(&folders, deployed);
    }

    /// Whether an app may have all that it has.
    fn is_granted(&self, folder: &str, state: &AppState, reading: &Reading, used: &Used) -> bool {
        let name = trust::name_of(folder, state);
        trust::refusals(&self.grants, name, &state.folder, reading, Severity::Error, trust::OR_TRUST).is_empty()
            && used.egress.iter().all(|rule| self.grants.allows_egress(name, rule))
            && used.files.iter().all(|file| self.grants.allows_file(name, file))
    }

    /// Takes an app out of service at once: its requests are cut off, for they would go on with what it must not have.
    fn revoke(&mut self, folder: &str) {
        self.accepted.remove(folder);
        self.revoked.insert(folder.to_string());
        if let Some(app) = self.take_out(folder) {
            output::complain(&format!("{}: out of service, for it uses what is not granted any more", app.name()));
            self.leave(app, Duration::ZERO);
        }
    }

    /// The app of a folder, which does not answer for it any more.
    fn take_out(&mut self, folder: &str) -> Option<App> {
        self.board.out_of_service(folder);
        Some(self.serving.remove(folder)?.app)
    }

    /// An app is not to run, whatever calls it.
    pub fn quarantine(&mut self, name: &str, deployed: &Snapshot) {
        if self.quarantined.contains_key(name) {
            return;
        }
        let its = deployed.apps.values().find(|state| state.app_name() == Some(name));
        self.quarantined.insert(name.to_string(), its.and_then(|state| state.digest));
        self.board.quarantined(name);
        let folder = self.serving.iter().find(|(_, serving)| serving.app.name() == name).map(|(folder, _)| folder.clone());
        if let Some(app) = folder.and_then(|folder| self.take_out(&folder)) {
            self.leave(app, UNLOAD_GRACE);
        }
        self.route(deployed);
    }

    /// It may run again.
    pub fn release(&mut self, name: &str, deployed: &Snapshot) {
        if self.quarantined.remove(name).is_none() {
            return;
        }
        self.board.released(name);
        let is_its = |state: &AppState| state.app_name() == Some(name);
        let folders: Vec<String> = deployed.apps.iter().filter(|(_, state)| is_its(state)).map(|(folder, _)| folder.clone()).collect();
        self.deploy_again(&folders, deployed);
    }

    /// The apps that are not quarantined any more, for what they are now or for what an operator wanted.
    pub fn take_mended(&mut self) -> Vec<String> {
        std::mem::take(&mut self.mended)
    }

    /// A quarantined app that is another by now is given another chance. What it was when the process began is what was quarantined.
    fn forgive_others(&mut self, state: &AppState) {
        let Some(name) = state.app_name() else { return };
        let Some(quarantined) = self.quarantined.get_mut(name) else { return };
        if quarantined.is_none() {
            *quarantined = state.digest;
        } else if *quarantined != state.digest {
            self.forgive(name);
        }
    }

    fn forgive(&mut self, name: &str) {
        if self.quarantined.remove(name).is_some() {
            self.board.released(name);
            self.mended.push(name.to_string());
        }
    }

    fn deploy_again(&mut self, folders: &[String], deployed: &Snapshot) {
        let changes: Vec<Change> = folders.iter().cloned().map(Change::Changed).collect();
        self.follow(&changes, 0, deployed);
    }

    /// Whether the app of a folder serves.
    pub fn serves(&self, folder: &str) -> bool {
        self.serving.contains_key(folder)
    }

    /// How many apps serve.
    pub fn len(&self) -> usize {
        self.serving.len()
    }

    /// Whether an app is being deployed, by the name that operators have for it.
    pub fn is_busy(&self, name: &str) -> bool {
        let folder = self.board.find(name).map(|(folder, _)| folder);
        self.underway.contains_key(folder.as_deref().unwrap_or(name))
    }

    /// Whether nothing is being deployed.
    pub fn is_idle(&self) -> bool {
        self.underway.is_empty()
    }

    /// Makes the runtime follow: what fails leaves the version before it serving. `refused` folders have failed already.
    pub fn follow(&mut self, changes: &[Change], refused: usize, deployed: &Snapshot) {
        self.last_batch += 1;
        let number = self.last_batch;
        // One more than there are, so that nothing is said before all have begun.
        self.batches.insert(number, Batch { failed: refused, left: 1, ..Batch::default() });
        let held = self.held_up(changes, deployed);
        for change in changes.iter().chain(&held) {
            let folder = change.folder();
            match (change, deployed.apps.get(folder)) {
                (Change::Removed(_), _) => {
                    self.count(number, |batch| batch.removed += 1);
                    self.withdraw(folder);
                }
                (_, Some(state)) if self.drained.contains(folder) => {
                    output::say(&format!("{}: stays out of service until it is reloaded", state.shown));
                }
                (_, Some(state)) => {
                    self.count(number, |batch| batch.left += 1);
                    self.forgive_others(state);
                    self.deploy(folder, state, Why::Change(number));
                }
                (_, None) => {}
            }
        }
        self.count(number, |batch| batch.left -= 1);
        self.give_all();
        self.route(deployed);
    }

    /// Counts something of a look's changes.
    fn count(&mut self, number: u64, count: impl FnOnce(&mut Batch)) {
        let Some(batch) = self.batches.get_mut(&number) else { return };
        count(batch);
        if batch.left == 0 {
            self.over.extend(self.batches.remove(&number));
        }
    }

    /// Deploys a folder for an operator, who is answered by what [`Apps::take_ended`] gives.
    pub fn deploy_for(&mut self, folder: &str, state: &AppState, pending: Pending) {
        self.deploy(folder, state, Why::Operator(Box::new(pending)));
        self.give_all();
    }

    /// What operators wait for has come to these ends.
    pub fn take_ended(&mut self) -> Vec<Ended> {
        std::mem::take(&mut self.ended)
    }

    /// Takes an app out of service until it is deployed anew by hand; whether it was in service.
    pub fn drain(&mut self, folder: &str) -> bool {
        let Some(app) = self.take_out(folder) else { return false };
        self.leave(app, UNLOAD_GRACE);
        self.drained.insert(folder.to_string());
        self.board.drained(folder);
        true
    }

    /// Forgets a folder.
    pub fn withdraw(&mut self, folder: &str) {
        self.drained.remove(folder);
        self.accepted.remove(folder);
        self.revoked.remove(folder);
        self.moves.remove(folder);
        self.board.removed(folder);
        dev::withdrawn(folder);
        if let Some(app) = self.take_out(folder) {
            self.leave(app, UNLOAD_GRACE);
        }
        if let Some(underway) = self.underway.get_mut(folder) {
            underway.dropped = true;
            if let Some((_, number)) = underway.next.take() {
                self.supersede(number);
            }
        }
    }

    fn supersede(&mut self, number: u64) {
        self.count(number, |batch| {
            batch.superseded += 1;
            batch.left -= 1;
        });
    }

    /// Is about to begin with it, when all that is to be deployed is known, or remembers it until what is underway of the same folder has ended. The newest wins.
    fn deploy(&mut self, folder: &str, state: &AppState, why: Why) {
        if let (Some(underway), Why::Change(number)) = (self.underway.get_mut(folder), &why) {
            if let Some((_, older)) = underway.next.replace((state.clone(), *number)) {
                self.supersede(older);
            }
            return;
        }
        match self.check(folder, state, &why) {
            Ok(name) => {
                self.underway.insert(folder.to_string(), Underway::new(state, &name, why));
            }
            Err(refusal) => self.end(folder, state, why, Err(refusal)),
        }
    }

    /// Whether a folder may be deployed at all; the name of its app.
    fn check(&mut self, folder: &str, state: &AppState, why: &Why) -> Result<String, String> {
        let Some(manifest) = &state.reading.manifest else { return Err("its manifest cannot be used".into()) };
        let serves = self.serves(folder);
        let refusals =
            trust::refusals(&self.grants, trust::name_of(folder, state), &state.folder, &state.reading, Severity::Error, trust::OR_TRUST);
        if !refusals.is_empty() {
            refusals.iter().for_each(output::finding);
            if !serves {
                self.accepted.remove(folder);
            }
            let revoked = if self.revoked.contains(folder) { ", and the version before used that too: it is out of service" } else { "" };
            return Err(format!("it asks for more than it is granted{revoked}"));
        }
        if !serves {
            self.accepted.insert(folder.to_string(), state.reading.clone());
        }
        self.check_quarantine(&manifest.name, why)?;
        Ok(manifest.name.clone())
    }

    /// What is quarantined is not deployed, unless an operator wants it.
    fn check_quarantine(&self, name: &str, why: &Why) -> Result<(), String> {
        match why {
            Why::Change(_) if self.quarantined.contains_key(name) => Err(QUARANTINED.into()),
            _ => Ok(()),
        }
    }

    /// Gives what can begin to threads.
    fn give_all(&mut self) {
        let waiting: Vec<String> = self.underway.iter().filter(|(_, it)| !it.given).map(|(folder, _)| folder.clone()).collect();
        waiting.iter().for_each(|folder| self.give(folder));
    }

    /// Gives a deployment to a thread, unless its name is somebody's who is about to go; together with those whose names it is about.
    fn give(&mut self, folder: &str) {
        if self.underway.get(folder).is_none_or(|underway| underway.given) {
            return;
        }
        match self.company(folder) {
            None => {}
            Some(all) if all.len() > 1 => self.give_together(&all),
            Some(_) => self.give_alone(folder),
        }
    }

    fn give_alone(&mut self, folder: &str) {
        let Some(underway) = self.underway.get_mut(folder) else { return };
        underway.given = true;
        let serving = self.serving.get(folder).map(|serving| serving.app.clone());
        let (before, other) = match serving {
            Some(app) if app.name() == underway.name => (Some(app), None),
            other => (None, other),
        };
        underway.reloads = before.is_some();
        underway.gives_up = other.map(|app| app.name().to_string());
        if let Some(name) = &underway.gives_up {
            *self.leaving.entry(name.clone()).or_default() += 1;
        }
        let (began_ms, clock, its) = (underway.began_ms.clone(), self.clock.clone(), folder.to_string());
        let Some(job) = self.job(folder, before) else { return };
        let given = self.pool.give(move || {
            began_ms.store(clock.now_ms().max(1), Ordering::Relaxed);
            Done::Deployed(vec![(its, job.run())])
        });
        if let Err(error) = given {
            self.finish(folder, Err(Failure::Why(format!("cannot start a thread: {error}"))));
        }
    }

    /// What a thread has to do for a folder.
    fn job(&self, folder: &str, before: Option<App>) -> Option<Job> {
        let underway = self.underway.get(folder)?;
        Some(Job {
            runtime: self.runtime.clone(),
            folder: folder.to_string(),
            state: underway.state.clone(),
            before,
            grants: self.grants.clone(),
            dev_vars: self.dev_vars,
            environment: self.environment.clone(),
            // What an operator wants is deployed as it is.
            exactly: matches!(underway.why, Why::Change(_)) && self.moves.get(folder).is_none_or(|moves| *moves < MOVES_MAX),
        })
    }

    /// Takes in what other threads have done.
    pub fn hear(&mut self, deployed: &Snapshot) {
        let all = self.pool.take();
        if all.is_empty() {
            return;
        }
        for done in all {
            match done {
                Done::Deployed(results) => results.into_iter().for_each(|(folder, result)| self.finish(&folder, result)),
                Done::Left(name) => self.free(&name),
            }
        }
        self.give_all();
        self.make_room();
        self.route(deployed);
        self.unload_replaced();
    }

    /// A name is not needed any more by one of those who had it.
    fn free(&mut self, name: &str) {
        if let Some(holders) = self.leaving.get_mut(name) {
            *holders -= 1;
            if *holders == 0 {
                // Who waits for it is given to a thread when all that has been heard is known.
                self.leaving.remove(name);
            }
        }
    }

    fn finish(&mut self, folder: &str, result: Result<Loaded, Failure>) {
        let Some(underway) = self.underway.remove(folder) else { return };
        let Underway { state, why, gives_up, reloads, dropped, next, .. } = underway;
        if dropped {
            // It may have come to know of the folder once more.
            dev::withdrawn(folder);
        }
        let moved = matches!(result, Err(Failure::Moved));
        self.count_move(folder, moved && !dropped, next.is_some());
        let result = match result {
            Ok(loaded) => self.put_in_service(folder, &state, loaded, reloads, dropped, &why),
            Err(Failure::Why(why)) => Err(why),
            Err(Failure::Moved) => Err("its folder has changed meanwhile".into()),
        };
        match (dropped || moved, why) {
            (false, why) => self.end(folder, &state, why, result),
            (true, Why::Change(number)) => self.supersede(number),
            (true, Why::Operator(pending)) => self.ended.push(Ended { folder: folder.to_string(), pending, result, dropped }),
        }
        if let Some(name) = gives_up {
            self.free(&name);
        }
        if let Some((state, number)) = next {
            self.deploy(folder, &state, Why::Change(number));
        }
    }

    /// A deployment has come to an end, perhaps because the folder had moved. If nothing newer of it is `known` it has to be looked at.
    fn count_move(&mut self, folder: &str, moved: bool, known: bool) {
        if !moved {
            self.moves.remove(folder);
            return;
        }
        *self.moves.entry(folder.to_string()).or_default() += 1;
        if !known {
            self.moved.push(folder.to_string());
        }
    }

    /// Folders that had changed when they were to be deployed, and are not as they were deployed before either.
    pub fn take_moved(&mut self) -> Vec<String> {
        std::mem::take(&mut self.moved)
    }

    /// An app that has started answers from now on, unless that is not wanted any more.
    fn put_in_service(
        &mut self,
        folder: &str,
        state: &AppState,
        loaded: Loaded,
        reloads: bool,
        dropped: bool,
        why: &Why,
    ) -> Result<(), String> {
        let Loaded { app, used, in_place } = loaded;
        if reloads && !self.serves(folder) {
            return Err("it was taken out of service meanwhile".into());
        }
        if dropped {
            self.leave(app, Duration::ZERO);
            return Err("its folder has gone meanwhile".into());
        }
        if let Err(quarantined) = self.check_quarantine(app.name(), why) {
            self.leave(app, Duration::ZERO);
            if in_place {
                self.lose_name(folder, state);
            }
            return Err(quarantined);
        }
        self.forgive(app.name());
        let granted = self.is_granted(folder, state, &state.reading, &used);
        let reading = state.reading.clone();
        let before = self.serving.insert(folder.to_string(), Serving { app: app.clone(), reading: reading.clone(), used });
        if let Some(old) = before.map(|before| before.app).filter(|old| old.name() != app.name()) {
            if self.runtime.find(old.name()).is_none_or(|_| !in_place) {
                dev::removed(old.name());
            }
            if !in_place {
                *self.leaving.entry(old.name().to_string()).or_default() += 1;
            }
            self.replaced.push((old, in_place));
        }
        if !granted {
            self.revoke(folder);
            return Err("it uses what is not granted any more".into());
        }
        self.accepted.insert(folder.to_string(), reading);
        self.drained.remove(folder);
        self.revoked.remove(folder);
        Ok(())
    }

    /// A folder's app has given up its name for one that is not to run: nothing of it goes on, for its name is another one's by now.
    fn lose_name(&mut self, folder: &str, state: &AppState) {
        if let Some(old) = self.take_out(folder) {
            self.replaced.push((old, true));
        }
        // It was granted, or would not have been loaded.
        self.accepted.insert(folder.to_string(), state.reading.clone());
    }

    /// A deployment is over: whoever wanted it is told.
    fn end(&mut self, folder: &str, state: &AppState, why: Why, result: Result<(), String>) {
        let serves = self.serves(folder);
        self.board.deployed(folder, state, result.as_ref().err().map(String::as_str), serves);
        match (why, result) {
            (Why::Operator(pending), result) => self.ended.push(Ended { folder: folder.to_string(), pending, result, dropped: false }),
            (Why::Change(number), Ok(())) => self.count(number, |batch| {
                batch.deployed += 1;
                batch.left -= 1;
            }),
            (Why::Change(number), Err(error)) => {
                let shown = &state.shown;
                // In one piece: it is about this error, whatever else is written meanwhile.
                let goes_on =
                    if serves && !dev::is_on() { format!("\n{shown}: the version before goes on serving") } else { String::new() };
                output::complain(&format!("{shown}: {error}{goes_on}"));
                self.count(number, |batch| {
                    batch.failed += 1;
                    batch.left -= 1;
                });
            }
        }
    }

    /// Lets the app's requests end: nobody waits for them but who wants its name.
    fn leave(&mut self, app: App, grace: Duration) {
        *self.leaving.entry(app.name().to_string()).or_default() += 1;
        self.unload_counted(app, grace);
    }

    /// The same of one whose name is counted as leaving already.
    fn unload_counted(&self, app: App, grace: Duration) {
        let (name, report) = (app.name().to_string(), self.pool.reporter());
        self.unloads.add(app, Duration::ZERO, grace, move || report(Done::Left(name)));
    }

    /// When the first began of the deployments that have.
    pub fn first_began_ms(&self) -> Option<u64> {
        self.underway.values().map(|underway| underway.began_ms.load(Ordering::Relaxed)).filter(|began_ms| *began_ms > 0).min()
    }

    /// When somebody who waits for a deployment is to be told that it takes long.
    pub fn due_ms(&self) -> u64 {
        underway::due_ms(&self.underway, self.looked_ms)
    }

    /// Says which apps have been starting for so long.
    pub fn tell_slow(&mut self, for_ms: u64) {
        self.looked_ms = self.clock.now_ms();
        underway::tell_slow(&mut self.underway, for_ms, self.looked_ms);
        self.make_room();
    }

    /// What is known to take long is not to hold up the rest.
    fn make_room(&self) {
        self.pool.set_slow(self.underway.values().filter(|underway| underway.told).count());
    }

    /// Gives up whatever is being deployed: nanod is about to end. Whom operators wait for.
    pub fn give_up(&mut self) -> Vec<Pending> {
        self.pool.close();
        program::end_all();
        let all = std::mem::take(&mut self.underway).into_values();
        all.filter_map(|underway| if let Why::Operator(pending) = underway.why { Some(*pending) } else { None }).collect()
    }

    /// What answers for a folder.
    fn served(&self, folder: &str, state: &AppState) -> Served {
        match self.serving.get(folder) {
            Some(serving) => Served::App(serving.app.clone()),
            None if state.app_name().is_some_and(|name| self.quarantined.contains_key(name)) => Served::Nobody(Problem::QUARANTINED),
            None => Served::Nobody(Problem::NOT_DEPLOYED),
        }
    }

    /// From now on there are requests.
    pub fn begin_routing(&mut self, deployed: &Snapshot) {
        self.routing = true;
        self.route(deployed);
    }

    /// What has been seen last: an app whose neighbours are not deployed yet, or cannot be, is not alone.
    pub fn seen(&mut self, seen: &Snapshot, deployed: &Snapshot) {
        let alone = seen.apps.keys().chain(deployed.apps.keys()).collect::<BTreeSet<_>>().len() <= 1;
        if std::mem::replace(&mut self.alone, alone) != alone {
            self.route(deployed);
        }
    }

    /// Makes the table of routes anew, and says what has changed.
    pub fn route(&mut self, deployed: &Snapshot) {
        if self.routing {
            self.replace_routes(deployed);
        }
        self.over.drain(..).for_each(|batch| batch.tell());
    }

    fn replace_routes(&mut self, deployed: &Snapshot) {
        let has_manifest = |folder: &String| self.accepted.get(folder).is_some_and(|reading| reading.manifest.is_some());
        let (mut with, without): (Vec<_>, Vec<_>) = deployed.apps.iter().partition(|(folder, _)| has_manifest(folder));
        // What wants a name that another one serves by does not get what comes with it; what has nothing but its folder's takes nobody else's.
        let names: HashSet<&str> = self.serving.values().map(|serving| serving.app.name()).collect();
        let wants_another_s = |folder: &String| {
            let manifest = self.accepted.get(folder).and_then(|reading| reading.manifest.as_ref());
            !self.serves(folder) && manifest.is_some_and(|manifest| names.contains(&*manifest.name))
        };
        with.sort_by_key(|(folder, _)| wants_another_s(folder));
        let served: Vec<(Claim<'_>, Served)> = with
            .into_iter()
            .chain(without)
            .map(|(folder, state)| {
                let claim = self.accepted.get(folder).and_then(|reading| Claim::of(reading, &state.shown));
                let bare = || Claim { name: trust::name_of(folder, state), file: &state.shown, routes: &[], default: false, places: &[] };
                let claim = claim.unwrap_or_else(bare);
                (claim, self.served(folder, state))
            })
            .collect();
        let claims: Vec<Claim<'_>> = served.iter().map(|(claim, _)| *claim).collect();
        // Between strangers that would be `default`, which is granted: the others may come back.
        let alone = self.alone && (!self.grants.strangers || deployed.apps.contains_key("."));
        let (routes, findings) = Routes::build(&claims, Conventions { alone, ..Conventions::default() });
        self.current.replace(Table { routes, apps: served.into_iter().map(|(_, served)| served).collect() });
        findings.iter().filter(|finding| !self.told.contains(finding)).for_each(output::finding);
        self.told = findings;
    }
}
