//! What is deployed: a folder's manifest becomes an app of the runtime, and all manifests together the table of routes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nano_config::deploy::{AppState, Change, Snapshot};
use nano_config::manifest::{Egress, EgressDefault, Manifest, SecretSource};
use nano_config::routes::{Claim, Conventions, Routes};
use nano_config::secrets::{self, Secret};
use nano_core::policy::{Mode, Policy, Rule};
use nano_core::{App, AppOptions, Binding, BindingKind, Error, Runtime, Source};

use crate::admin::Board;
use crate::routes::{Current, Table};
use crate::{dev, frame, handlers, output};

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
    pub fn new(runtime: &Arc<Runtime>, current: &Current, dev_vars: bool, environment: Option<String>) -> Self {
        Self {
            runtime: runtime.clone(),
            current: current.clone(),
            deployed: BTreeMap::new(),
            drained: BTreeSet::new(),
            board: Board::default(),
            dev_vars,
            environment,
        }
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
        self.board.removed(folder);
        if let Some(app) = self.deployed.remove(folder) {
            dev::removed(app.name());
            unload(app);
        }
    }

    fn deploy(&mut self, folder: &str, state: &AppState) -> Result<(), String> {
        let Some(manifest) = &state.reading.manifest else { return Ok(()) };
        let options = self.options(manifest, state)?;
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

    fn options(&self, manifest: &Manifest, state: &AppState) -> Result<AppOptions, String> {
        let secret = |source: &SecretSource| Ok(read_secret(source, &state.folder)?.reveal().to_string());
        let mut options = options(manifest, &state.folder, &secret)?;
        if self.dev_vars {
            add_dev_vars(&mut options, &state.folder, &state.shown, self.environment.as_deref());
        }
        Ok(options)
    }

    /// Makes the table of routes anew.
    pub fn route(&self, deployed: &Snapshot) {
        let served: Vec<(&Manifest, &AppState, Option<App>)> = deployed
            .apps
            .iter()
            .filter_map(|(folder, state)| Some((state.reading.manifest.as_ref()?, state, self.deployed.get(folder).cloned())))
            .collect();
        let claims: Vec<Claim<'_>> = served
            .iter()
            .map(|(manifest, state, _)| Claim {
                name: &manifest.name,
                file: manifest.file.as_deref().unwrap_or(&state.shown),
                routes: &manifest.routes,
                default: manifest.default,
            })
            .collect();
        let (routes, findings) = Routes::build(&claims, Conventions::default());
        findings.iter().for_each(output::finding);
        self.current.replace(Table { routes, apps: served.into_iter().map(|(_, _, app)| app).collect() });
    }
}

/// What the runtime is told of an app, as its manifest says; `secret` gives what is behind a name.
pub fn options(manifest: &Manifest, folder: &Path, secret: &dyn Fn(&SecretSource) -> Result<String, String>) -> Result<AppOptions, String> {
    let source = match &manifest.main {
        Some(main) => Source::Main(folder.to_path_buf(), main.clone()),
        None => Source::Folder(folder.to_path_buf()),
    };
    let mut options = AppOptions::new(manifest.name.clone(), source);
    options.limits = manifest.limits.clone();
    options.base_url = manifest.base_url.clone();
    options.code_generation = manifest.code_generation;
    options.egress = policy(&manifest.egress)?;
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

/// Where an app may connect to, as its manifest says.
fn policy(egress: &Egress) -> Result<Policy, String> {
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
    Ok(Policy::new(mode, rules(&egress.allow)?, rules(&egress.deny)?))
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

/// The value of a secret.
pub fn read_secret(source: &SecretSource, folder: &Path) -> Result<Secret, String> {
    match source {
        SecretSource::File(path) => secrets::read_file(&folder.join(path)),
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
