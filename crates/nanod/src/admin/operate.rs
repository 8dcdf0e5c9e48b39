//! What the main thread does for the admin listener: it alone changes what is deployed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use nano_base::clock::Clock;
use nano_config::deploy::{AppState, Deployment, Scanner, Touched};
use nano_config::manifest;
use serde_json::{Value, json};

use super::helper::{beside, delete};
use super::reply::{Refusal, Reply};
use crate::apps::Apps;
use crate::output;

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

impl Command {
    pub fn new(action: Action, reply: Reply) -> Self {
        Self { action, reply }
    }

    /// The server has not deployed yet what is there.
    pub fn refuse_start(self) {
        self.refuse(Refusal::new(503, "STARTING", "nanod is starting; try again in a moment"));
    }

    /// It is not done.
    pub fn refuse(self, refusal: Refusal) {
        if let Action::Deploy(_, staged) = &self.action {
            delete(staged);
        }
        self.reply.give(Err(refusal));
    }
}

/// What the main thread works with.
pub struct Desk<'a> {
    pub apps: &'a mut Apps,
    pub scanner: &'a mut Scanner,
    pub deployment: &'a mut Deployment,
    pub clock: &'a Clock,
    /// The environment of the manifests.
    pub environment: Option<&'a str>,
}

impl Desk<'_> {
    /// Does it, and answers.
    pub fn obey(mut self, command: Command) {
        let outcome = match command.action {
            Action::Reload(name) => self.reload(&name),
            Action::Drain(name) => self.drain(&name),
            Action::Remove(name) => self.remove(&name),
            Action::Deploy(name, staged) => {
                let deployed = self.deploy(&name, &staged);
                if deployed.is_err() {
                    delete(&staged);
                }
                deployed
            }
        };
        self.apps.route(self.deployment.deployed());
        command.reply.give(outcome);
    }

    fn reload(&mut self, name: &str) -> Result<Value, Refusal> {
        let folder = self.folder_of(name)?;
        let state = self.look_at(&folder)?;
        self.put_in_service(&folder, &state)?;
        output::say(&format!("{name}: reloaded, by an operator"));
        Ok(self.version_of(name))
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
        let place = self.place_of(&folder)?;
        let away = beside(self.scanner.root(), "removed");
        fs::rename(&place, &away).map_err(|error| not_writable(&place, &error))?;
        self.apps.withdraw(&folder);
        self.deployment.forget(&folder);
        sweep(away);
        output::say(&format!("{name}: removed with its folder, by an operator"));
        Ok(json!({ "app": name, "state": "removed" }))
    }

    /// The folder takes the place of what was there; if it does not start, what was there is there again, and has never stopped serving.
    fn deploy(&mut self, name: &str, staged: &Path) -> Result<Value, Refusal> {
        let folder = self.apps.board.find(name).map_or_else(|| name.to_string(), |(folder, _)| folder);
        let place = self.place_of(&folder)?;
        let is_new = !self.deployment.deployed().apps.contains_key(&folder);
        if is_new && fs::symlink_metadata(&place).is_ok_and(|_| !manifest::is_app(&place)) {
            return Err(Refusal::new(409, "TAKEN", format!("{} is there, and is no app", place.display())));
        }
        let reading = manifest::load(staged, name, &folder, self.environment);
        let Some(found) = reading.manifest else {
            let findings: Vec<String> = reading.findings.iter().map(ToString::to_string).collect();
            return Err(Refusal::new(422, "BAD_MANIFEST", findings.join("\n")));
        };
        if found.name != name {
            let why = format!("the archive's manifest names the app \"{}\": deploy it by that name", found.name);
            return Err(Refusal::new(422, "OTHER_NAME", why));
        }
        let away = beside(self.scanner.root(), "removed");
        let had_one = match fs::rename(&place, &away) {
            Ok(()) => true,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(error) => return Err(not_writable(&place, &error)),
        };
        let put_back = || {
            let undone = fs::rename(&place, staged).and_then(|()| if had_one { fs::rename(&away, &place) } else { Ok(()) });
            if let Err(error) = undone {
                output::complain(&format!("{name}: cannot put its folder back from {}: {error}", away.display()));
            }
        };
        if let Err(error) = fs::rename(staged, &place) {
            if had_one && let Err(error) = fs::rename(&away, &place) {
                output::complain(&format!("{name}: cannot put its folder back from {}: {error}", away.display()));
            }
            return Err(not_writable(&place, &error));
        }
        let deployed = self.look_at(&folder).and_then(|state| self.put_in_service(&folder, &state));
        if let Err(refusal) = deployed {
            put_back();
            // What the scanner remembers is the folder that is gone again.
            let _ = self.look_at(&folder);
            return Err(refusal);
        }
        if had_one {
            sweep(away);
        }
        output::say(&format!("{name}: deployed, by an operator"));
        Ok(self.version_of(name))
    }

    fn folder_of(&self, name: &str) -> Result<String, Refusal> {
        let found = self.apps.board.find(name).map(|(folder, _)| folder);
        found.ok_or_else(|| Refusal::new(404, "NO_APP", format!("there is no app named \"{name}\"")))
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

    fn put_in_service(&mut self, folder: &str, state: &AppState) -> Result<(), Refusal> {
        self.apps.deploy_now(folder, state).map_err(|why| Refusal::new(422, "DOES_NOT_START", why))?;
        self.deployment.accept(folder, state);
        Ok(())
    }

    fn version_of(&self, name: &str) -> Value {
        let version = self.apps.board.find(name).and_then(|(_, deployed)| Some(deployed.versions.back()?.number));
        json!({ "app": name, "state": "deployed", "version": version })
    }
}

fn not_writable(place: &Path, error: &std::io::Error) -> Refusal {
    Refusal::new(409, "NOT_WRITABLE", format!("nanod cannot change {}: {error}", place.display()))
}

/// Deletes what may be large, in nobody's way.
fn sweep(path: PathBuf) {
    let spawned = std::thread::Builder::new().name("nanod-sweep".into()).spawn(move || delete(&path));
    if let Err(error) = spawned {
        output::complain(&format!("cannot delete what was replaced: {error}"));
    }
}
