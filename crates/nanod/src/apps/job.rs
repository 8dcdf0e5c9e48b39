//! One deployment, on a thread of the pool: secrets are read and the app is started, which takes as long as its author likes, up to limits.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nano_base::limits::SECRET_PROGRAMS_MS;
use nano_config::deploy::AppState;
use nano_config::manifest::{Grants, SecretSource};
use nano_core::{App, AppOptions, Clock, Error, Prepared, Runtime};

use super::options::{add_dev_vars, not_given, options, read_secret};
use crate::{dev, frame, output, trust};

/// What it takes to deploy a folder.
pub struct Job {
    pub runtime: Arc<Runtime>,
    pub folder: String,
    pub state: AppState,
    /// The app that is to get a new version; without one a new app is loaded.
    pub before: Option<App>,
    pub grants: Arc<Grants>,
    pub dev_vars: bool,
    pub environment: Option<String>,
    /// What is in the folder must still be what the look has found.
    pub exactly: bool,
}

/// Why nothing has come of it.
pub enum Failure {
    /// What the look has found was not there any more.
    Moved,
    /// This is wrong.
    Why(String),
}

/// An app that has started, and what it was given.
pub struct Loaded {
    pub app: App,
    pub used: Used,
    /// It has taken its name from another one, or others have taken theirs from the one before it.
    pub in_place: bool,
}

/// What an app has only because it was granted, beside what its manifest asks for outright.
#[derive(Debug, Default)]
pub struct Used {
    /// Rules of its that may reach what is not public.
    pub egress: Vec<String>,
    /// Files outside its folder that its secrets were read from.
    pub files: Vec<PathBuf>,
}

/// What a folder has come to: an app that has been read, its options, and what it was given.
type Read = (Result<Prepared, Error>, AppOptions, Used);

impl Job {
    /// Does it. What is started has been read while nothing changed in the folder: half a copy never serves.
    pub fn run(self) -> Result<Loaded, Failure> {
        let (prepared, options, used) = self.read()?;
        let loaded = prepared.and_then(|prepared| match &self.before {
            Some(app) => app.reload_prepared(prepared).map(|()| app.clone()),
            None => self.runtime.load_prepared(prepared),
        });
        self.end(&options, loaded).map(|app| Loaded { app, used, in_place: false })
    }

    /// Does several whose apps take names from one another, which serve as `of` these: all of them, or none.
    pub fn run_together(jobs: Vec<Self>, of: &[App]) -> Vec<(String, Result<Loaded, Failure>)> {
        let mut all: Vec<(Prepared, AppOptions, Used)> = Vec::new();
        for (index, job) in jobs.iter().enumerate() {
            let read = job.read().and_then(|(prepared, options, used)| match prepared {
                Ok(prepared) => Ok((prepared, options, used)),
                Err(error) => Err(job.end(&options, Err(error)).err().unwrap_or(Failure::Moved)),
            });
            match read {
                Ok(read) => all.push(read),
                Err(failure) => return Self::fail_together(jobs, index, failure),
            }
        }
        let Some(runtime) = jobs.first().map(|job| job.runtime.clone()) else { return Vec::new() };
        let (prepared, given): (Vec<_>, Vec<_>) = all.into_iter().map(|(prepared, options, used)| (prepared, (options, used))).unzip();
        match runtime.load_in_place(prepared, of) {
            Ok(apps) => {
                let loaded = |((job, app), (options, used)): ((Self, App), (AppOptions, Used))| {
                    let result = job.end(&options, Ok(app)).map(|app| Loaded { app, used, in_place: true });
                    (job.folder, result)
                };
                jobs.into_iter().zip(apps).zip(given).map(loaded).collect()
            }
            Err((index, error)) => {
                let failure = jobs[index].end(&given[index].0, Err(error)).err().unwrap_or(Failure::Moved);
                Self::fail_together(jobs, index, failure)
            }
        }
    }

    /// One could not be deployed, for this reason, and so none of them is.
    fn fail_together(jobs: Vec<Self>, index: usize, failure: Failure) -> Vec<(String, Result<Loaded, Failure>)> {
        let shown = jobs[index].state.shown.clone();
        let of_others = match &failure {
            Failure::Moved => None,
            Failure::Why(_) => {
                Some(format!("it is deployed together with {shown}, because of their names, and that could not be deployed"))
            }
        };
        let mut own = Some(failure);
        let others = || of_others.clone().map_or(Failure::Moved, Failure::Why);
        let failed = |(at, job): (usize, Self)| (job.folder, Err(own.take_if(|_| at == index).unwrap_or_else(others)));
        jobs.into_iter().enumerate().map(failed).collect()
    }

    fn read(&self) -> Result<Read, Failure> {
        let read = self.options().map(|(options, used)| (Prepared::read(options.clone()), options, used));
        if self.exactly && self.state.has_moved(self.dev_vars) {
            return Err(Failure::Moved);
        }
        read.map_err(Failure::Why)
    }

    fn end(&self, options: &AppOptions, loaded: Result<App, Error>) -> Result<App, Failure> {
        dev::deployed(&self.folder, &self.state, options, loaded.as_ref());
        loaded.map_err(|error| Failure::Why(explain(&error, &self.state)))
    }

    fn options(&self) -> Result<(AppOptions, Used), String> {
        let state = &self.state;
        let Some(manifest) = &state.reading.manifest else { return Err("its manifest cannot be used".into()) };
        let granted = trust::name_of(&self.folder, state);
        let end_ms = Clock::system().now_ms() + SECRET_PROGRAMS_MS;
        let used = RefCell::new(Used::default());
        let allowed = |real: &Path| {
            let inside = real.starts_with(&state.folder);
            let allowed = inside || self.grants.allows_file(granted, real);
            if allowed && !inside {
                used.borrow_mut().files.push(real.to_path_buf());
            }
            allowed
        };
        let secret = |source: &SecretSource| Ok(read_secret(source, &state.folder, &allowed, end_ms)?.reveal().to_string());
        let egress = |rule: &str| {
            let allowed = self.grants.allows_egress(granted, rule);
            if allowed {
                used.borrow_mut().egress.push(rule.to_string());
            }
            allowed
        };
        let mut options = options(manifest, &state.folder, &secret, &egress)?;
        if self.dev_vars {
            add_dev_vars(&mut options, &state.folder, &state.shown, self.environment.as_deref()).iter().for_each(output::finding);
        }
        let given = |name: &str| options.env.iter().any(|(known, _)| known == name);
        not_given(&state.reading, &given).iter().for_each(output::finding);
        Ok((options, used.into_inner()))
    }
}

/// An error with the app's stack: it is the operator who reads it. In development also with its code.
fn explain(error: &Error, state: &AppState) -> String {
    if dev::is_on() && !output::is_json() {
        let stack: String = frame::own_stack(&error.stack).lines().skip(1).map(|line| format!("\n{line}")).collect();
        return format!("{error}{stack}\n\n{}", frame::of_logged(error, &state.folder));
    }
    if error.stack.is_empty() { error.to_string() } else { format!("{error}\n{}", error.stack) }
}
