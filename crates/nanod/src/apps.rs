//! What is deployed: a folder's manifest becomes an app of the runtime, and all manifests together the table of routes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nano_config::deploy::{AppState, Change, Snapshot};
use nano_config::manifest::{Egress, EgressDefault, Grants, Manifest, Reading, SecretSource};
use nano_config::routes::{Claim, Conventions, Routes};
use nano_config::secrets::{self, Secret};
use nano_config::text::Severity;
use nano_core::policy::{Mode, Policy, Rule};
use nano_core::{App, AppOptions, Binding, BindingKind, Error, Problem, Runtime, Source};

use crate::admin::Board;
use crate::routes::{Current, Served, Table};
use crate::{dev, frame, handlers, output, trust};

/// How long requests of an app that is removed may take to end.
const UNLOAD_GRACE: Duration = Duration::from_secs(30);

/// The apps of a folder, by the names of theirs.
pub struct Apps {
    runtime: Arc<Runtime>,
    current: Current,
    deployed: BTreeMap<String, App>,
    /// What an operator has taken out of service: it stays so until he says otherwise.
    drained: BTreeSet<String>,
    /// What others may know of all this.
    pub board: Board,
    /// What the manifests say that were granted what they ask for: what others say of routes and names does not count.
    accepted: BTreeMap<String, Arc<Reading>>,
    /// What manifests may ask for.
    grants: Grants,
    /// Apps, by their own names, that ran in several crashes.
    quarantined: BTreeSet<String>,
    /// In development `.dev.vars` are part of `env`.
    dev_vars: bool,
    environment: Option<String>,
}

/// What became of the changes of a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub deployed: usize,
    pub failed: usize,
    pub removed: usize,
}

impl Apps {
    pub fn new(runtime: &Arc<Runtime>, current: &Current, grants: Grants, dev_vars: bool, environment: Option<String>) -> Self {
        let (runtime, current) = (runtime.clone(), current.clone());
        Self {
            runtime,
            current,
            deployed: BTreeMap::new(),
            drained: BTreeSet::new(),
            board: Board::default(),
            accepted: BTreeMap::new(),
            grants,
            quarantined: BTreeSet::new(),
            dev_vars,
            environment,
        }
    }

    /// Grants have changed: the apps whose business that is are looked at again.
    pub fn set_grants(&mut self, grants: Grants, deployed: &Snapshot) -> Outcome {
        let before = std::mem::replace(&mut self.grants, grants);
        let changed = |folder: &String, state: &AppState| {
            let name = trust::name_of(folder, state);
            let all = |grants: &Grants| (grants.strangers, grants.ceilings.clone());
            all(&before) != all(&self.grants) || before.apps.get(name) != self.grants.apps.get(name)
        };
        let folders: Vec<String> =
            deployed.apps.iter().filter(|(folder, state)| changed(folder, state)).map(|(folder, _)| folder.clone()).collect();
        self.deploy_again(&folders, deployed)
    }

    /// An app is not to run, whatever calls it.
    pub fn quarantine(&mut self, name: &str, deployed: &Snapshot) {
        if !self.quarantined.insert(name.to_string()) {
            return;
        }
        let folder = self.deployed.iter().find(|(_, app)| app.name() == name).map(|(folder, _)| folder.clone());
        if let Some(app) = folder.and_then(|folder| self.deployed.remove(&folder)) {
            unload(app);
        }
        self.route(deployed);
    }

    /// It may run again when it is deployed next.
    pub fn forgive(&mut self, name: &str) {
        self.quarantined.remove(name);
    }

    /// It may run again.
    pub fn release(&mut self, name: &str, deployed: &Snapshot) {
        if !self.quarantined.remove(name) {
            return;
        }
        let is_its = |state: &AppState| state.app_name() == Some(name);
        let folders: Vec<String> = deployed.apps.iter().filter(|(_, state)| is_its(state)).map(|(folder, _)| folder.clone()).collect();
        self.deploy_again(&folders, deployed);
    }

    /// The quarantined apps whose folders have changed: they are given another chance.
    pub fn mended(&self, changes: &[Change], deployed: &Snapshot) -> Vec<String> {
        let changed = changes.iter().filter(|change| !matches!(change, Change::Added(_)));
        let names = changed.filter_map(|change| deployed.apps.get(change.folder())?.app_name());
        names.filter(|name| self.quarantined.contains(*name)).map(str::to_string).collect()
    }

    fn deploy_again(&mut self, folders: &[String], deployed: &Snapshot) -> Outcome {
        let changes: Vec<Change> = folders.iter().cloned().map(Change::Changed).collect();
        self.follow(&changes, deployed)
    }

    /// Whether the app of a folder serves.
    pub fn serves(&self, folder: &str) -> bool {
        self.deployed.contains_key(folder)
    }

    /// How many apps serve.
    pub fn len(&self) -> usize {
        self.deployed.len()
    }

    /// Makes the runtime follow: what fails leaves the version before it serving.
    pub fn follow(&mut self, changes: &[Change], deployed: &Snapshot) -> Outcome {
        let mut outcome = Outcome::default();
        for change in changes {
            let folder = change.folder();
            match (change, deployed.apps.get(folder)) {
                (Change::Removed(_), _) => {
                    outcome.removed += 1;
                    self.withdraw(folder);
                }
                (_, Some(state)) if self.drained.contains(folder) => {
                    output::say(&format!("{}: stays out of service until it is reloaded", state.shown));
                }
                (_, Some(state)) => match self.deploy_now(folder, state) {
                    Ok(()) => outcome.deployed += 1,
                    Err(why) => {
                        outcome.failed += 1;
                        output::complain(&format!("{}: {why}", state.shown));
                        if self.deployed.contains_key(folder) && !dev::is_on() {
                            output::say(&format!("{}: the version before goes on serving", state.shown));
                        }
                    }
                },
                (_, None) => {}
            }
        }
        self.route(deployed);
        outcome
    }

    /// Deploys a folder, and tells the board.
    pub fn deploy_now(&mut self, folder: &str, state: &AppState) -> Result<(), String> {
        let deployed = self.deploy(folder, state);
        self.board.deployed(folder, state, deployed.as_ref().err().map(String::as_str));
        if deployed.is_ok() {
            self.drained.remove(folder);
        }
        deployed
    }

    /// Takes an app out of service until it is deployed anew by hand; whether it was in service.
    pub fn drain(&mut self, folder: &str) -> bool {
        let app = self.deployed.remove(folder);
        if let Some(app) = &app {
            unload(app.clone());
            self.drained.insert(folder.to_string());
            self.board.drained(folder);
        }
        app.is_some()
    }

    /// Forgets a folder.
    pub fn withdraw(&mut self, folder: &str) {
        self.drained.remove(folder);
        self.accepted.remove(folder);
        self.board.removed(folder);
        if let Some(app) = self.deployed.remove(folder) {
            dev::removed(app.name());
            unload(app);
        }
    }

    fn deploy(&mut self, folder: &str, state: &AppState) -> Result<(), String> {
        let Some(manifest) = &state.reading.manifest else { return Ok(()) };
        let refusals = trust::refusals(&self.grants, trust::name_of(folder, state), manifest, &state.reading, Severity::Error);
        if !refusals.is_empty() {
            refusals.iter().for_each(output::finding);
            return Err("it asks for more than it is granted".into());
        }
        self.accepted.insert(folder.to_string(), state.reading.clone());
        if self.quarantined.contains(&manifest.name) {
            return Err("the app is quarantined: it ran in several crashes; change it, or wait".into());
        }
        let options = self.options(folder, manifest, state)?;
        let before = self.deployed.get(folder).cloned();
        let loaded = match &before {
            Some(app) if app.name() == manifest.name => app.reload(options.clone()).map(|()| app.clone()),
            _ => self.runtime.load(options.clone()),
        };
        dev::deployed(folder, state, &options, loaded.as_ref());
        let app = loaded.map_err(|error| explain(&error, state))?;
        self.deployed.insert(folder.to_string(), app);
        if let Some(old) = before.filter(|old| old.name() != manifest.name) {
            dev::removed(old.name());
            unload(old);
        }
        Ok(())
    }

    fn options(&self, folder: &str, manifest: &Manifest, state: &AppState) -> Result<AppOptions, String> {
        let granted = trust::name_of(folder, state);
        let allowed = |real: &Path| real.starts_with(&state.folder) || self.grants.allows_file(granted, real);
        let secret = |source: &SecretSource| Ok(read_secret(source, &state.folder, &allowed)?.reveal().to_string());
        let mut options = options(manifest, &state.folder, &secret, &|rule| self.grants.allows_egress(granted, rule))?;
        if self.dev_vars {
            add_dev_vars(&mut options, &state.folder, &state.shown, self.environment.as_deref());
        }
        Ok(options)
    }

    /// What answers for a folder.
    fn served(&self, folder: &str, state: &AppState) -> Served {
        match self.deployed.get(folder) {
            Some(app) => Served::App(app.clone()),
            None if state.app_name().is_some_and(|name| self.quarantined.contains(name)) => Served::Nobody(Problem::QUARANTINED),
            None => Served::Nobody(Problem::NOT_DEPLOYED),
        }
    }

    /// Makes the table of routes anew.
    pub fn route(&self, deployed: &Snapshot) {
        let served: Vec<(Claim<'_>, Served)> = deployed
            .apps
            .iter()
            .map(|(folder, state)| {
                let claim = match self.accepted.get(folder).and_then(|reading| reading.manifest.as_ref()) {
                    Some(manifest) => {
                        let file = manifest.file.as_deref().unwrap_or(&state.shown);
                        Claim { name: &manifest.name, file, routes: &manifest.routes, default: manifest.default }
                    }
                    // It is there, and has nothing but its folder's name.
                    None => Claim { name: trust::name_of(folder, state), file: &state.shown, routes: &[], default: false },
                };
                (claim, self.served(folder, state))
            })
            .collect();
        let claims: Vec<Claim<'_>> = served.iter().map(|(claim, _)| *claim).collect();
        let (routes, findings) = Routes::build(&claims, Conventions::default());
        findings.iter().for_each(output::finding);
        self.current.replace(Table { routes, apps: served.into_iter().map(|(_, served)| served).collect() });
    }
}

/// What the runtime is told of an app, as its manifest says; `secret` gives what is behind a name, and `egress` whether a rule of its may
/// lead to what is not public.
pub fn options(
    manifest: &Manifest,
    folder: &Path,
    secret: &dyn Fn(&SecretSource) -> Result<String, String>,
    egress: &dyn Fn(&str) -> bool,
) -> Result<AppOptions, String> {
    let source = match &manifest.main {
        Some(main) => Source::Main(folder.to_path_buf(), main.clone()),
        None => Source::Folder(folder.to_path_buf()),
    };
    let mut options = AppOptions::new(manifest.name.clone(), source);
    options.limits = manifest.limits.clone();
    options.base_url = manifest.base_url.clone();
    options.code_generation = manifest.code_generation;
    options.egress = policy(&manifest.egress, egress)?;
    options.lazy = manifest.lazy.unwrap_or(false);
    let mut env: BTreeMap<String, String> = manifest.vars.iter().map(|(name, value)| (name.clone(), value.text())).collect();
    for (name, source) in &manifest.secrets {
        env.insert(name.clone(), secret(source).map_err(|why| format!("the secret {name}: {why}"))?);
    }
    options.env = env.into_iter().collect();
    options.bindings = manifest
        .services
        .iter()
        .map(|service| Binding {
            name: service.name.clone(),
            kind: BindingKind::App { app: service.app.clone(), entrypoint: service.entrypoint.clone() },
        })
        .collect();
    handlers::give(&mut options, manifest);
    Ok(options)
}

/// Lays `.dev.vars` over `env`.
pub fn add_dev_vars(options: &mut AppOptions, folder: &Path, shown: &str, environment: Option<&str>) {
    let (vars, findings) = secrets::dev_vars(folder, shown, environment);
    findings.iter().for_each(output::finding);
    let mut env: BTreeMap<String, String> = std::mem::take(&mut options.env).into_iter().collect();
    env.extend(vars.into_iter().map(|(name, secret)| (name, secret.reveal().to_string())));
    options.env = env.into_iter().collect();
}

/// Where an app may connect to, as its manifest says and its grants allow.
fn policy(egress: &Egress, granted: &dyn Fn(&str) -> bool) -> Result<Policy, String> {
    let mode = match egress.default {
        EgressDefault::Deny => Mode::Deny,
        EgressDefault::Public => Mode::Public,
        EgressDefault::Any => Mode::Any,
        EgressDefault::Host => return Err("egress = \"host\" is for programs that embed NANO: nanod answers no requests of apps".into()),
    };
    let rules = |list: &[String]| {
        let parse = |text: &String| Rule::parse(text).map_err(|why| format!("the egress rule \"{text}\": {why}"));
        list.iter().map(parse).collect::<Result<Vec<Rule>, String>>()
    };
    // A name may lead anywhere: without a grant only to what is public.
    let allow = rules(&egress.allow)?.into_iter().zip(&egress.allow);
    let allow = allow.map(|(rule, text)| if granted(text) { rule } else { rule.only_public() }).collect();
    Ok(Policy::new(mode, allow, rules(&egress.deny)?))
}

/// Lets the app's requests end, on a thread of its own: deployments do not wait for them.
fn unload(app: App) {
    let name = app.name().to_string();
    let ended = std::thread::Builder::new().name("nanod-unload".into()).spawn(move || {
        if let Err(error) = app.unload(UNLOAD_GRACE) {
            output::complain(&format!("{}: {error}", app.name()));
        }
    });
    if let Err(error) = ended {
        output::complain(&format!("cannot unload {name}: {error}"));
    }
}

/// The value of a secret; a file must be one that is `allowed`, wherever links lead.
pub fn read_secret(source: &SecretSource, folder: &Path, allowed: &dyn Fn(&Path) -> bool) -> Result<Secret, String> {
    match source {
        SecretSource::File(path) => secrets::read_file(&folder.join(path), allowed),
        SecretSource::Command(words) => {
            let Some((program, arguments)) = words.split_first() else { return Err("the command is empty".into()) };
            let output = Command::new(program)
                .args(arguments)
                .current_dir(folder)
                .stdin(Stdio::null())
                .stderr(Stdio::inherit())
                .output()
                .map_err(|error| format!("cannot run {program}: {error}"))?;
            if !output.status.success() {
                return Err(format!("{program} ended with {}", output.status));
            }
            secrets::from_output(output.stdout)
        }
    }
}

/// An error with the app's stack: it is the operator who reads it. In development also with its code.
fn explain(error: &Error, state: &AppState) -> String {
    if dev::is_on() && !output::is_json() {
        let stack: String = frame::own_stack(&error.stack).lines().skip(1).map(|line| format!("\n{line}")).collect();
        return format!("{error}{stack}\n\n{}", frame::of_error(error, &state.folder));
    }
    if error.stack.is_empty() { error.to_string() } else { format!("{error}\n{}", error.stack) }
}
