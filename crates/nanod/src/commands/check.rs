//! `nanod check`: manifests, routes and code, everything that is wrong at once. Nothing is served, and no command is run for a secret.

mod entrypoints;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;
use std::time::Duration;

use nano_config::cli::{Check, Exit};
use nano_config::deploy::{AppState, ScanOptions, Scanner, Snapshot, Touched};
use nano_config::manifest::{GRANTS_FILE, Grants, Manifest, SecretSource};
use nano_config::routes::{Claim, Conventions, Routes};
use nano_config::secrets;
use nano_config::text::suggest::nearest;
use nano_config::text::{Finding, Severity};
use nano_core::{AppOptions, Clock, Runtime, RuntimeLimits, RuntimeOptions};

use crate::output::{Ink, paint};
use crate::{apps, frame, named, output, trust};

/// What a secret is when code is only tried.
const PLACEHOLDER: &str = "secret";

/// Checks folders; fails if there is an error, or with `strict` a warning.
pub fn check(check: &Check) -> Exit {
    let runtime = if check.compile {
        // One thread: what apps print at their start comes in their order.
        let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
        match Runtime::new(RuntimeOptions { limits, ..RuntimeOptions::default() }) {
            Ok(runtime) => Some(runtime),
            Err(error) => {
                output::complain(&error.to_string());
                return Exit::Machine;
            }
        }
    } else {
        None
    };
    let (mut apps, mut errors, mut warnings) = (0, 0, 0);
    let mut missing = false;
    for dir in &check.dirs {
        if let Err(why) = named::folder(dir) {
            output::complain(&why);
            missing = true;
            errors += 1;
            continue;
        }
        let (found, findings) = look(dir, check, runtime.as_ref());
        apps += found;
        for finding in &findings {
            errors += usize::from(finding.severity == Severity::Error);
            warnings += usize::from(finding.severity == Severity::Warning);
            if !show(finding, dir) {
                return Exit::Machine;
            }
        }
    }
    if let Some(runtime) = runtime {
        runtime.free();
    }
    if !sum_up(apps, errors, warnings) {
        return Exit::Machine;
    }
    if missing {
        return Exit::Machine;
    }
    if errors > 0 || check.strict && warnings > 0 { Exit::Failed } else { Exit::Success }
}

/// How many apps a folder has, and all there is to say about them.
fn look(dir: &Path, check: &Check, runtime: Option<&Runtime>) -> (usize, Vec<Finding>) {
    let options = ScanOptions { environment: check.env.clone(), dev_vars: true, outside_links: check.follow_links };
    let snapshot = Scanner::new(dir, options).scan(&Touched::All, Clock::system().unix_ms() as u64);
    let mut findings = snapshot.findings.clone();
    if snapshot.apps.is_empty() && findings.iter().all(|finding| finding.severity != Severity::Error) {
        let folder = dir.display().to_string();
        findings.push(Finding::of_file(Severity::Error, folder, "there is no app in it", apps::NO_APP_HELP));
    }
    let states: Vec<&AppState> = snapshot.apps.values().collect();
    findings.extend(states.iter().flat_map(|state| state.reading.findings.clone()));
    let mut manifests: Vec<(&Manifest, &AppState)> =
        states.iter().filter_map(|state| Some((state.reading.manifest.as_ref()?, *state))).collect();
    // As they are deployed: of names that differ in case the one that is written as its host is comes first.
    manifests.sort_by_key(|(manifest, _)| manifest.name.contains(char::is_uppercase));
    let (names, contradictions) = among(&manifests, &snapshot);
    findings.extend(contradictions);
    // In the folder of one app it would be the app's own.
    let beside = match snapshot.apps.get(".") {
        Some(state) => state.folder.parent().unwrap_or(&state.folder),
        None => dir,
    };
    let grants = Grants::load(&beside.join(GRANTS_FILE)).unwrap_or_else(|wrong| {
        findings.extend(wrong);
        None
    });
    let grants = grants.unwrap_or_default();
    for (folder, state) in &snapshot.apps {
        let Some(manifest) = &state.reading.manifest else { continue };
        let name = trust::name_of(folder, state);
        // Another server may grant it.
        let refusals = trust::refusals(&grants, name, &state.folder, &state.reading, Severity::Warning, trust::OR_TRUST);
        let unusable = files_of_secrets(manifest, state, &grants, name);
        // What is not granted cannot be read either.
        let told = |secret: &Finding| refusals.iter().any(|refusal| (refusal.line, refusal.column) == (secret.line, secret.column));
        findings.extend(unusable.into_iter().filter(|secret| !told(secret)));
        findings.extend(refusals);
        let (vars, wrong) = secrets::dev_vars(&state.folder, &state.shown, check.env.as_deref());
        findings.extend(wrong);
        findings.extend(apps::not_given(&state.reading, &|name| vars.iter().any(|(known, _)| known == name)));
        if let Some(runtime) = runtime {
            findings.extend(try_out(manifest, state, check.env.as_deref(), runtime));
        }
    }
    if let Some(runtime) = runtime {
        // What does not start has been told.
        let start = |manifest: &Manifest, state: &AppState| runtime.load(tried(manifest, state, check.env.as_deref()).ok()?).ok();
        findings.extend(entrypoints::missing(&names, runtime, start));
    }
    (states.len(), findings)
}

/// What contradicts between apps: names, routes, queues, services that are not there.
fn among<'a>(
    manifests: &[(&'a Manifest, &'a AppState)],
    snapshot: &Snapshot,
) -> (BTreeMap<&'a str, (&'a Manifest, &'a AppState)>, Vec<Finding>) {
    let claims: Vec<Claim<'_>> = manifests.iter().filter_map(|(_, state)| Claim::of(&state.reading, &state.shown)).collect();
    let (_, mut findings) = Routes::build(&claims, Conventions::default());
    let mut names: BTreeMap<&'a str, (&'a Manifest, &'a AppState)> = BTreeMap::new();
    for (manifest, state) in manifests {
        match names.entry(&manifest.name) {
            Entry::Vacant(entry) => drop(entry.insert((*manifest, *state))),
            Entry::Occupied(entry) => {
                let message = format!("another app is named \"{}\" too, in {}", manifest.name, entry.get().1.place_of("name"));
                findings.push(state.about(Severity::Error, "name", message, "give one of the two another name"));
            }
        }
    }
    let mut consumers: BTreeMap<&str, (&Manifest, &AppState)> = BTreeMap::new();
    for (manifest, state) in manifests {
        for queue in manifest.consumers.iter().map(|consumer| consumer.queue.as_str()) {
            let key = format!("queues.consumers.{queue}");
            match consumers.entry(queue) {
                Entry::Vacant(entry) => drop(entry.insert((*manifest, *state))),
                Entry::Occupied(entry) => {
                    let (other, place) = (&entry.get().0.name, entry.get().1.place_of(&key));
                    let message = format!("the queue \"{queue}\" has a consumer already, \"{other}\", in {place}");
                    findings.push(state.about(Severity::Error, &key, message, "one app takes what is in a queue: change one of the two"));
                }
            }
        }
    }
    // Of a folder that is one app nothing is known about its neighbours.
    if snapshot.apps.contains_key(".") {
        return (names, findings);
    }
    let help = |app: &str, otherwise: &str| match nearest(app, names.keys().copied()) {
        Some(name) => format!("did you mean \"{name}\"?"),
        None => otherwise.to_string(),
    };
    for (manifest, state) in manifests {
        for service in manifest.services.iter().filter(|service| !names.contains_key(service.app.as_str())) {
            let message = format!("services.{}: there is no app \"{}\" here", service.name, service.app);
            let help = help(&service.app, "calls of it fail until it is deployed");
            findings.push(state.reading.about(Severity::Warning, &format!("services.{}", service.name), message, help));
        }
        for app in manifest.tail.iter().filter(|app| !names.contains_key(app.as_str())) {
            let help = help(app, "it is told nothing until it is deployed");
            findings.push(state.reading.about(Severity::Warning, "tail", format!("tail: there is no app \"{app}\" here"), help));
        }
    }
    (names, findings)
}

/// Secrets that are not where the manifest says, or are too large. Where apps are checked they are often not to be had, so that is no error.
fn files_of_secrets(manifest: &Manifest, state: &AppState, grants: &Grants, name: &str) -> Vec<Finding> {
    let allowed = |real: &Path| real.starts_with(&state.folder) || grants.allows_file(name, real);
    let unusable = |(name, source): &(String, SecretSource)| {
        let SecretSource::File(_) = source else { return None };
        let key = format!("secrets.{name}");
        let (severity, message, help) = match apps::read_secret(source, &state.folder, &allowed, 0) {
            Err(why) => (Severity::Warning, format!("{key}: {why}"), "the app is deployed only where it can be read"),
            Ok(secret) => {
                let (bytes, limit) = (name.len() + secret.reveal().len(), manifest.limits.env_entry_bytes as usize);
                let message = format!("{key} has {bytes} bytes; the limit env_entry_bytes is {limit}");
                (bytes > limit).then_some((Severity::Error, message, "raise limits.env_entry_bytes"))?
            }
        };
        Some(state.reading.about(severity, &key, message, help))
    };
    manifest.secrets.iter().filter_map(unusable).collect()
}

/// Compiles and starts an app, and forgets it.
fn try_out(manifest: &Manifest, state: &AppState, environment: Option<&str>, runtime: &Runtime) -> Option<Finding> {
    let options = match tried(manifest, state, environment) {
        Ok(options) => options,
        Err(why) => return Some(Finding::of_file(Severity::Error, state.shown.clone(), why, "")),
    };
    match runtime.load(options) {
        Ok(app) => {
            // What its start left running is cut off.
            let _ = app.unload(Duration::ZERO);
            None
        }
        Err(error) => Some(frame::finding(&error, &state.shown)),
    }
}

/// What an app is tried with.
fn tried(manifest: &Manifest, state: &AppState, environment: Option<&str>) -> Result<AppOptions, String> {
    let placeholder = |_: &SecretSource| Ok(PLACEHOLDER.to_string());
    let mut options = apps::options(manifest, &state.folder, &placeholder, &|_| true)?;
    // What is wrong with them is told once, for the folder.
    let _ = apps::add_dev_vars(&mut options, &state.folder, &state.shown, environment);
    options.lazy = false;
    Ok(options)
}

/// Prints a finding with the lines it is about; whether it could be written.
fn show(finding: &Finding, dir: &Path) -> bool {
    if output::is_json() {
        return output::print(&format!("{}\n", finding.json()));
    }
    if output::is_quiet() && finding.severity != Severity::Error {
        return true;
    }
    let ink = match finding.severity {
        Severity::Error => Ink::Red,
        Severity::Warning => Ink::Yellow,
        Severity::Notice => Ink::Cyan,
    };
    let word = finding.severity.word();
    let text = output::harmless(&finding.to_string()).replacen(&format!(": {word}: "), &format!(": {}: ", paint(ink, word)), 1);
    // What an app throws may name any file, and what is wrong may be a line of somebody's key.
    let is_shown = finding.line > 0 && !secrets::is_dev_vars(Path::new(&finding.file));
    let source = std::path::absolute(&finding.file).ok().filter(|_| is_shown).and_then(|file| frame::read_source(dir, &file));
    let source = source.unwrap_or_default();
    output::print(&format!("{text}\n{}", frame::painted(&frame::frame(&source, finding.line, finding.column))))
}

fn sum_up(apps: usize, errors: usize, warnings: usize) -> bool {
    if output::is_json() {
        return output::print(&format!("{}\n", serde_json::json!({ "apps": apps, "errors": errors, "warnings": warnings })));
    }
    if output::is_quiet() {
        return true;
    }
    let count = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let ink = if errors > 0 { Ink::Red } else { Ink::Green };
    output::print(&format!("{}, {}, {}\n", count(apps, "app"), paint(ink, &count(errors, "error")), count(warnings, "warning")))
}
