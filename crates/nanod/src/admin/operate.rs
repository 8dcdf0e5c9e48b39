//! What the main thread does for the admin listener: it alone changes what is deployed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nano_base::clock::Clock;
use nano_config::deploy::{AppState, Deployment, Scanner, Touched};
use nano_config::manifest;
use serde_json::{Value, json};

use super::aside::{Away, delete, removed};
use super::reply::{Refusal, Reply};
use crate::apps::{Apps, Ended};
use crate::output;
use crate::trust::Trust;

/// Something an operator wants of an app.
#[derive(Debug)]
pub enum Action {
    /// Deploy its folder as it is now, whether or not anything has changed.
    Reload(String),
    /// Let its requests end, and answer no more until it is reloaded.
    Drain(String),
    /// Take it out of service, and its folder away.
    Remove(String),
    /// Deploy what has been written to this folder in its place.
    Deploy(String, PathBuf),
}

/// An action, and who waits for what becomes of it.
#[derive(Debug)]
pub struct Command {
    action: Action,
    reply: Reply,
}

/// A deployment that an operator waits for.
#[derive(Debug)]
pub struct Pending {
    /// The app.
    name: String,
    reply: Reply,
    placed: Option<Placed>,
    /// What was deployed from the folder before.
    before: Option<AppState>,
}

/// A folder that has come in the place of another, which comes back if the new one does not start.
#[derive(Debug)]
struct Placed {
    place: PathBuf,
    /// Where the new one was.
    staged: PathBuf,
    /// The old one, if there was one.
    away: Option<Away>,
}

impl Command {
    pub fn new(action: Action, reply: Reply) -> Self {
        Self { action, reply }
    }

    /// The app that it is about.
    pub fn name(&self) -> &str {
        let (Action::Reload(name) | Action::Drain(name) | Action::Remove(name) | Action::Deploy(name, _)) = &self.action;
        name
    }

    /// The server has not deployed yet what is there.
    pub fn refuse_start(self) {
        self.refuse(Refusal::new(503, "STARTING", "nanod is starting; try again in a moment"));
    }

    /// Too many wait for deployments that take long.
    pub fn refuse_more(self) {
        self.refuse(Refusal::new(503, "BUSY", "other actions wait for apps that are starting; try again in a moment"));
    }

    /// The process is about to end.
    pub fn refuse_stop(self) {
        self.refuse(Refusal::new(503, "STOPPING", "nanod is stopping"));
    }

    /// It is not done.
    pub fn refuse(self, refusal: Refusal) {
        if let Action::Deploy(_, staged) = &self.action {
            delete(staged);
        }
        self.reply.give(Err(refusal));
    }
}

impl Pending {
    /// Nobody waits for it any more: nanod is about to end. What was there is there again; the operator is told when the reply is dropped.
    pub fn give_up(self) {
        if let Some(placed) = &self.placed {
            placed.put_back(&self.name);
        }
    }
}

impl Placed {
    fn put_back(&self, name: &str) {
        let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        let unseated = match fs::rename(&self.place, &self.staged) {
            Err(error) if !is_gone(&error) => Err(error),
            _ => Ok(()),
        };
        if let Err(error) = unseated.and_then(|()| self.away.as_ref().map_or(Ok(()), Away::come_back)) {
            let kept = self.away.as_ref().map_or(&*self.staged, Away::path);
            output::complain(&format!("{name}: cannot put its folder back from {}: {error}", kept.display()));
            // What does not start is more than nothing.
            let _ = fs::rename(&self.staged, &self.place);
        }
        delete(&self.staged);
    }
}

/// What the main thread works with.
pub struct Desk<'a> {
    pub apps: &'a mut Apps,
    pub trust: &'a mut Trust,
    pub scanner: &'a mut Scanner,
    pub deployment: &'a mut Deployment,
    pub clock: &'a Clock,
    /// The environment of the manifests.
    pub environment: Option<&'a str>,
}

impl Desk<'_> {
    /// Does it, or begins with it, and answers when it is done.
    pub fn obey(mut self, command: Command) {
        let Command { action, reply } = command;
        match action {
            Action::Reload(name) => self.reload(name, reply),
            Action::Drain(name) => {
                let outcome = self.drain(&name);
                self.answer(reply, outcome);
            }
            Action::Remove(name) => {
                let outcome = self.remove(&name);
                self.answer(reply, outcome);
            }
            Action::Deploy(name, staged) => self.deploy(name, staged, reply),
        }
    }

    /// Answers when requests go by what was done.
    fn answer(&mut self, reply: Reply, outcome: Result<Value, Refusal>) {
        self.apps.route(self.deployment.deployed());
        reply.give(outcome);
    }

    /// A deployment has come to an end: its operator is answered.
    pub fn finish(mut self, ended: Ended) {
        let Ended { folder, pending, result, dropped } = ended;
        let Pending { name, reply, placed, before } = *pending;
        if let Err(why) = result {
            let is_placed = placed.is_some();
            if let Some(placed) = placed {
                placed.put_back(&name);
                // What the scanner remembers is the folder that is gone again.
                let _ = self.look_at(&folder);
            }
            match before {
                _ if dropped => self.deployment.forget(&folder),
                Some(before) => self.deployment.accept(&folder, &before),
                // As before it came: what is there, if anything is, the next look finds.
                None if is_placed => {
                    self.apps.withdraw(&folder);
                    self.deployment.forget(&folder);
                }
                // It is there, and may go.
                None => self.deployment.doubt(&folder, self.clock.now_ms()),
            }
            return self.answer(reply, Err(Refusal::new(422, "DOES_NOT_START", why)));
        }
        output::say(&format!("{name}: {}, by an operator", if placed.is_some() { "deployed" } else { "reloaded" }));
        if let Some(away) = placed.and_then(|placed| placed.away) {
            sweep(away.give_up());
        }
        let version = self.version_of(&name);
        self.answer(reply, Ok(version));
    }

    fn reload(&mut self, name: String, reply: Reply) {
        let found = match self.folder_of(&name) {
            Ok(folder) => self.look_at(&folder).map(|state| (state, folder)),
            // One that has never come to rest is deployed as it is.
            Err(none) => {
                self.look_at(&name).ok().filter(|state| state.app_name() == Some(&*name)).map(|state| (state, name.clone())).ok_or(none)
            }
        };
        let found = found.and_then(|(state, folder)| self.check_free(&name, &folder).map(|()| (state, folder)));
        match found {
            Ok((state, folder)) => self.begin(&folder, &state, name, reply, None),
            Err(refusal) => reply.give(Err(refusal)),
        }
    }

    /// From here on looks at the folder find nothing new in it.
    fn begin(&mut self, folder: &str, state: &AppState, name: String, reply: Reply, placed: Option<Placed>) {
        let before = self.deployment.deployed().apps.get(folder).cloned();
        // In a folder of nothing it is the first.
        if self.scanner.decide() && self.trust.forget_folder() {
            self.apps.set_grants(self.trust.grants().clone(), self.deployment.deployed());
        }
        self.deployment.accept(folder, state);
        self.apps.deploy_for(folder, state, Pending { name, reply, placed, before });
        self.apps.route(self.deployment.deployed());
    }

    fn drain(&mut self, name: &str) -> Result<Value, Refusal> {
        let folder = self.folder_of(name)?;
        if !self.apps.drain(&folder) {
            return Err(Refusal::new(409, "NOT_SERVING", format!("\"{name}\" is out of service already")));
        }
        output::say(&format!("{name}: taken out of service, by an operator"));
        Ok(json!({ "app": name, "state": "drained" }))
    }

    fn remove(&mut self, name: &str) -> Result<Value, Refusal> {
        let folder = self.folder_of(name)?;
        self.check_meant(name, &folder)?;
        let place = self.place_of(&folder)?;
        let away = removed(self.scanner.root());
        fs::rename(&place, &away).map_err(|error| not_writable(&place, &error))?;
        self.apps.withdraw(&folder);
        self.deployment.forget(&folder);
        sweep(away);
        output::say(&format!("{name}: removed with its folder, by an operator"));
        Ok(json!({ "app": name, "state": "removed" }))
    }

    /// The folder takes the place of what was there; if it does not start, what was there is there again, and has never stopped serving.
    fn deploy(&mut self, name: String, staged: PathBuf, reply: Reply) {
        let folder = self.folder_of(&name).unwrap_or_else(|_| name.clone());
        let placed = match self.put_in_place(&name, &folder, &staged) {
            Ok(placed) => placed,
            Err(refusal) => {
                delete(&staged);
                return reply.give(Err(refusal));
            }
        };
        match self.look_at(&folder) {
            Ok(state) => self.begin(&folder, &state, name, reply, Some(placed)),
            Err(refusal) => {
                placed.put_back(&name);
                let _ = self.look_at(&folder);
                reply.give(Err(refusal));
            }
        }
    }

    fn put_in_place(&mut self, name: &str, folder: &str, staged: &Path) -> Result<Placed, Refusal> {
        let place = self.place_of(folder)?;
        let is_new = !self.deployment.deployed().apps.contains_key(folder);
        if is_new && fs::symlink_metadata(&place).is_ok_and(|_| !manifest::is_app(&place)) {
            return Err(Refusal::new(409, "TAKEN", format!("{} is there, and is no app", place.display())));
        }
        self.check_free(name, folder)?;
        if self.folder_of(name).is_err()
            && let Some(other) = self.app_in(folder, &place).filter(|other| other != name)
        {
            let why = format!("{} is the app \"{other}\": deploy or remove it by that name", place.display());
            return Err(Refusal::new(409, "TAKEN", why));
        }
        let reading = manifest::load(staged, name, folder, self.environment);
        let Some(found) = reading.manifest else {
            let findings: Vec<String> = reading.findings.iter().map(ToString::to_string).collect();
            return Err(Refusal::new(422, "BAD_MANIFEST", findings.join("\n")));
        };
        if found.name != name {
            let why = format!("the archive's manifest names the app \"{}\": deploy it by that name", found.name);
            return Err(Refusal::new(422, "OTHER_NAME", why));
        }
        let away = Away::put(self.scanner.root(), folder).map_err(|error| not_writable(&place, &error))?;
        if let Err(error) = fs::rename(staged, &place) {
            if let Some(away) = &away
                && let Err(error) = away.come_back()
            {
                output::complain(&format!("{name}: cannot put its folder back from {}: {error}", away.path().display()));
            }
            return Err(not_writable(&place, &error));
        }
        Ok(Placed { place, staged: staged.to_path_buf(), away })
    }

    /// Whether no other folder's app has this name. Hosts have no case.
    fn check_free(&self, name: &str, folder: &str) -> Result<(), Refusal> {
        let has_it = |state: &AppState| state.app_name().is_some_and(|other| other.eq_ignore_ascii_case(name));
        match self.deployment.deployed().apps.iter().find(|(other, state)| *other != folder && has_it(state)) {
            Some((_, other)) => Err(Refusal::new(409, "TAKEN", format!("the name \"{name}\" is taken by {}", other.shown))),
            None => Ok(()),
        }
    }

    /// The name of the app in a folder: what is deployed from it, or what is there, if either is known.
    fn app_in(&self, folder: &str, place: &Path) -> Option<String> {
        let deployed = self.deployment.deployed().apps.get(folder).and_then(AppState::app_name).map(str::to_string);
        deployed.or_else(|| Some(manifest::load(place, folder, folder, self.environment).manifest?.name))
    }

    fn folder_of(&self, name: &str) -> Result<String, Refusal> {
        let found = self.apps.board.find(name).map(|(folder, _)| folder);
        found.ok_or_else(|| Refusal::new(404, "NO_APP", self.apps.board.no_app(name)))
    }

    /// Whether it is plain which of the folders that have a name is meant: the one that serves, or the only one.
    fn check_meant(&self, name: &str, folder: &str) -> Result<(), Refusal> {
        match self.apps.board.another(name, folder).filter(|_| !self.apps.serves(folder)) {
            Some(other) => {
                let why = format!("\"{name}\" is the name of {folder} and of {other}, and neither serves: rename or delete one of them");
                Err(Refusal::new(409, "TAKEN", why))
            }
            None => Ok(()),
        }
    }

    /// Where a folder of this name is in the folder of apps.
    fn place_of(&self, folder: &str) -> Result<PathBuf, Refusal> {
        if folder == "." || self.deployment.deployed().apps.contains_key(".") {
            let why = "nanod serves this one app; start it with the folder above to deploy and remove apps";
            return Err(Refusal::new(409, "ONE_APP", why));
        }
        Ok(self.scanner.root().join(folder))
    }

    /// The folder as it is now.
    fn look_at(&mut self, folder: &str) -> Result<AppState, Refusal> {
        let touched = Touched::Some(BTreeSet::from([folder.to_string()]));
        let seen = self.scanner.scan(&touched, self.clock.unix_ms() as u64);
        let state = seen.apps.get(folder).cloned();
        let state = state.ok_or_else(|| Refusal::new(404, "NO_APP", format!("the folder \"{folder}\" is no app any more")))?;
        if state.app_name().is_none() {
            let findings: Vec<String> = state.reading.findings.iter().map(ToString::to_string).collect();
            return Err(Refusal::new(422, "BAD_MANIFEST", findings.join("\n")));
        }
        Ok(state)
    }

    fn version_of(&self, name: &str) -> Value {
        let version = self.apps.board.find(name).and_then(|(_, deployed)| Some(deployed.versions.back()?.number));
        json!({ "app": name, "state": "deployed", "version": version })
    }
}

fn not_writable(place: &Path, error: &io::Error) -> Refusal {
    Refusal::new(409, "NOT_WRITABLE", format!("nanod cannot change {}: {error}", place.display()))
}

/// Deletes what may be large, in nobody's way.
fn sweep(path: PathBuf) {
    let spawned = std::thread::Builder::new().name("nanod-sweep".into()).spawn(move || delete(&path));
    if let Err(error) = spawned {
        output::complain(&format!("cannot delete what was replaced: {error}"));
    }
}
