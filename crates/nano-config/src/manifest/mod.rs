//! Manifests: what an app's folder says about it, from `nano.toml`, `nano.jsonc` or a `wrangler` file, as plain data.

mod compatibility;
pub mod docs;
mod environment;
mod find;
mod grants;
mod keys;
mod limits;
mod native;
mod parts;
mod schema;
mod trust;
mod wrangler;
mod wrangler_keys;

#[cfg(test)]
mod tests;

use nano_base::limits::AppLimits;

pub(crate) use find::read_text;
pub use find::{MANIFEST_FILES, described_by, is_app, is_one_app, is_one_or_many, load, why_no_app};
pub use grants::{GRANTS_FILE, Grant, Grants};
pub use limits::list as limit_list;
pub(crate) use parts::check_name;
pub use schema::{Key, Kind};
pub use trust::Demand;

use crate::routes::Route;
use crate::text::finding::{Findings, Place, place_of};
use crate::text::{Finding, Format, Severity, parse};

/// What an app is and may do. Plain data: nothing in it has been opened or run.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Its name.
    pub name: String,
    /// The file this was read from, as it was named to the reader; none if there is only the folder.
    pub file: Option<String>,
    /// Its main module, inside the folder with `/`; none for the one that the folder's files and package.json suggest.
    pub main: Option<String>,
    /// What it answers for, beside what it has by its name.
    pub routes: Vec<Route>,
    /// Whether it answers what no route is for.
    pub default: bool,
    /// Variables in `env`.
    pub vars: Vec<(String, Var)>,
    /// Variables in `env` whose values come from elsewhere.
    pub secrets: Vec<(String, SecretSource)>,
    /// Names in `env` whose values whoever deploys it has to give.
    pub required: Vec<String>,
    /// Other apps in `env`.
    pub services: Vec<Service>,
    /// What it may use.
    pub limits: AppLimits,
    /// What it may connect to.
    pub egress: Egress,
    /// When `scheduled` is called.
    pub crons: Vec<String>,
    /// Apps that are told of each of its events.
    pub tail: Vec<String>,
    /// Queues in `env`: the name there, and the queue's.
    pub producers: Vec<(String, String)>,
    /// Queues whose messages it takes.
    pub consumers: Vec<Consumer>,
    /// What relative URLs are relative to.
    pub base_url: Option<String>,
    /// Whether it may make code from text and bytes.
    pub code_generation: bool,
    /// Whether it starts with its first request; none if it did not say.
    pub lazy: Option<bool>,
    /// The date of Workers' behaviour it was written for.
    pub compatibility_date: Option<String>,
    /// Flags of Workers' behaviour.
    pub compatibility_flags: Vec<String>,
    /// The environment that was chosen.
    pub environment: Option<String>,
}

/// A variable.
#[derive(Clone, Debug, PartialEq)]
pub enum Var {
    /// Text.
    Text(String),
    /// What Workers would give as a value.
    Json(serde_json::Value),
}

impl Var {
    /// The text that `env` holds.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Json(json) => json.to_string(),
        }
    }
}

/// Where a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A file, from the app's folder if relative.
    File(String),
    /// What a program prints; its name, then its arguments.
    Command(Vec<String>),
}

/// Another app in `env`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The name in `env`.
    pub name: String,
    /// The app.
    pub app: String,
    /// The export that answers, if it is not the default one.
    pub entrypoint: Option<String>,
}

/// What an app may connect to. Rules are text: the network's half knows what they mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    /// What no rule is for.
    pub default: EgressDefault,
    /// What it may.
    pub allow: Vec<String>,
    /// What it may not, whatever `allow` says.
    pub deny: Vec<String>,
}

/// What an app may connect to that no rule is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EgressDefault {
    /// Nothing.
    Deny,
    /// Public addresses.
    #[default]
    Public,
    /// Everything.
    Any,
    /// The host answers.
    Host,
}

/// A queue whose messages an app takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// The queue.
    pub queue: String,
    /// Messages of one call.
    pub batch: u32,
    /// How long a batch waits to become full.
    pub batch_wait_ms: u64,
    /// How often a message is tried again.
    pub retries: u32,
    /// How long it waits before that.
    pub retry_delay_ms: u64,
    /// Batches at once.
    pub concurrency: u32,
    /// The queue for messages that failed for good.
    pub dead_letters: Option<String>,
}

impl Consumer {
    /// With the defaults.
    pub fn new(queue: impl Into<String>) -> Self {
        let queue = queue.into();
        Self { queue, batch: 10, batch_wait_ms: 5_000, retries: 3, retry_delay_ms: 0, concurrency: 1, dead_letters: None }
    }
}

impl Manifest {
    /// An app that says nothing about itself.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            file: None,
            main: None,
            routes: Vec::new(),
            default: false,
            vars: Vec::new(),
            secrets: Vec::new(),
            required: Vec::new(),
            services: Vec::new(),
            limits: AppLimits::default(),
            egress: Egress::default(),
            crons: Vec::new(),
            tail: Vec::new(),
            producers: Vec::new(),
            consumers: Vec::new(),
            base_url: None,
            code_generation: false,
            lazy: None,
            compatibility_date: None,
            compatibility_flags: Vec::new(),
            environment: None,
        }
    }
}

/// Whose words a file uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// NANO's own.
    Nano,
    /// Those of Workers' tool.
    Wrangler,
}

/// What came of reading a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The app; none if there was an error.
    pub manifest: Option<Manifest>,
    /// Everything there is to say, in the order of the file.
    pub findings: Vec<Finding>,
    /// The environments that the file names.
    pub environments: Vec<String>,
    /// Where the file says what has to be granted, or to be there, or nobody else may say: the keys, each with its line and column. A route's
    /// is `routes.` and the route as it is shown.
    pub places: Vec<Place>,
}

impl Reading {
    /// A finding about what a key says.
    pub fn about(&self, severity: Severity, key: &str, message: impl Into<String>, help: impl Into<String>) -> Finding {
        let file = self.manifest.as_ref().and_then(|manifest| manifest.file.as_deref()).unwrap_or_default();
        let (line, column) = place_of(&self.places, key);
        Finding { line, column, ..Finding::of_file(severity, file, message, help) }
    }
}

/// Reads a manifest. `file` is what findings call it and its ending says the format, `folder` the name that the app has if it says none.
pub fn read(text: &str, file: &str, flavour: Flavour, folder: &str, environment: Option<&str>) -> Reading {
    let mut findings = Findings::new(file, text);
    let (mut environments, mut places) = (Vec::new(), Vec::new());
    let manifest = parse(text, Format::of(file), &mut findings).and_then(|table| {
        let (keys, inheritance) = match flavour {
            Flavour::Nano => (keys::KEYS, native::INHERITANCE),
            Flavour::Wrangler => (wrangler_keys::KEYS, wrangler::INHERITANCE),
        };
        schema::check(&table, keys, "", &mut findings);
        environments = environment::names(&table);
        let chosen = match environment {
            Some(name) => environment::select(&table, name, inheritance, &mut findings),
            None => table.clone(),
        };
        let mut manifest = Manifest::new(folder);
        manifest.file = Some(file.to_string());
        manifest.environment = environment.map(str::to_string);
        match flavour {
            Flavour::Nano => native::read(&chosen, &mut manifest, &mut findings),
            Flavour::Wrangler => wrangler::read(&chosen, &table, &mut manifest, &mut findings),
        }
        parts::check_whole(&manifest, &chosen, &mut findings);
        places = trust::places(&chosen, text);
        places.extend(findings.take_places());
        (!findings.has_errors()).then_some(manifest)
    });
    Reading { manifest, findings: findings.into_list(), environments, places }
}
