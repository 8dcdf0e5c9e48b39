//! From a manifest to what the runtime is told of an app.

use std::collections::BTreeMap;
use std::path::Path;

use nano_config::manifest::{Egress, EgressDefault, Manifest, Reading, SecretSource, Var};
use nano_config::secrets::{self, Secret};
use nano_config::text::{Finding, Severity};
use nano_core::policy::{Mode, Policy, Rule};
use nano_core::{AppOptions, Binding, BindingKind, Source};

use super::program;
use crate::handlers;

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
    options.egress = policy(&manifest.egress, egress).map_err(|why| {
        let file = manifest.file.as_deref().and_then(|file| Path::new(file).file_name());
        file.map_or(why.clone(), |file| format!("{}: {why}", file.display()))
    })?;
    options.lazy = manifest.lazy.unwrap_or(false);
    let mut env = BTreeMap::new();
    let mut values = Vec::new();
    for (name, value) in &manifest.vars {
        match value {
            Var::Text(text) => drop(env.insert(name.clone(), text.clone())),
            Var::Json(json) => values.push(Binding { name: name.clone(), kind: BindingKind::Json { json: json.to_string() } }),
        }
    }
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
        .chain(values)
        .collect();
    handlers::give(&mut options, manifest);
    Ok(options)
}

/// Whether it is a variable, which another may be laid over.
pub fn is_value(binding: &Binding) -> bool {
    matches!(binding.kind, BindingKind::Json { .. })
}

/// Lays `.dev.vars` over `env`; what is wrong with it.
pub fn add_dev_vars(options: &mut AppOptions, folder: &Path, shown: &str, environment: Option<&str>) -> Vec<Finding> {
    let (vars, findings) = secrets::dev_vars(folder, shown, environment);
    let mut env: BTreeMap<String, String> = std::mem::take(&mut options.env).into_iter().collect();
    options.bindings.retain(|binding| !is_value(binding) || vars.iter().all(|(name, _)| *name != binding.name));
    env.extend(vars.into_iter().map(|(name, secret)| (name, secret.reveal().to_string())));
    options.env = env.into_iter().collect();
    findings
}

/// The secrets that a manifest requires and nothing gives: not `given` either.
pub fn not_given(reading: &Reading, given: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let Some(manifest) = &reading.manifest else { return Vec::new() };
    let has = |name: &String| manifest.vars.iter().any(|(var, _)| var == name) || given(name);
    let finding = |name: &String| {
        let message = format!("the secret {name} is required, and nothing gives it");
        let help = "put it into .dev.vars for nanod dev, and for nanod serve into a nano.toml: secrets.NAME = { file = \"...\" }";
        reading.about(Severity::Warning, "secrets.required", message, help)
    };
    manifest.required.iter().filter(|name| !has(name)).map(finding).collect()
}

/// Where an app may connect to, as its manifest says and its grants allow.
fn policy(egress: &Egress, granted: &dyn Fn(&str) -> bool) -> Result<Policy, String> {
    let mode = match egress.default {
        EgressDefault::Deny => Mode::Deny,
        EgressDefault::Public => Mode::Public,
        EgressDefault::Any => Mode::Any,
        EgressDefault::Host => {
            return Err("egress.default = \"host\" is for programs that embed NANO: nanod answers no requests of apps".into());
        }
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

/// The value of a secret; a file must be one that is `allowed`, wherever links lead, and a program must end by `end_ms` of the clock.
pub fn read_secret(source: &SecretSource, folder: &Path, allowed: &dyn Fn(&Path) -> bool, end_ms: u64) -> Result<Secret, String> {
    match source {
        SecretSource::File(path) => secrets::read_file(&folder.join(path), allowed),
        SecretSource::Command(words) => secrets::from_output(program::output(words, folder, end_ms)?),
    }
}
