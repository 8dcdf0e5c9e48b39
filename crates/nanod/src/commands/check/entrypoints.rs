//! Entrypoints that services name and their apps do not have. Only an app that has started knows what it exports: each is started once more,
//! beside one that asks for its entrypoints by a method that none has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use nano_base::app_files::MAIN_FILES;
use nano_base::sys::file::read_small_text;
use nano_config::deploy::AppState;
use nano_config::manifest::{Manifest, Service};
use nano_config::text::suggest::did_you_mean;
use nano_config::text::{Finding, Severity};
use nano_core::{App, AppOptions, Binding, BindingKind, Body, Headers, RequestHead, RequestInit, Runtime, Source};

/// Answers with the bindings whose app says that there is no such entrypoint.
const ASKS: &str = r#"export default {
  async fetch(request, env) {
    const missing = [];
    for (const name of Object.keys(env)) {
      try {
        await env[name]["nanod check: is it there?"]();
      } catch (error) {
        if (`${error?.message}`.includes(" has no entrypoint '")) missing.push(name);
      }
    }
    return Response.json(missing);
  },
};
"#;

/// How long all answers of one app may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What calls of apps would find missing. `start` starts one, if that can be done.
pub fn missing(
    apps: &BTreeMap<&str, (&Manifest, &AppState)>,
    runtime: &Runtime,
    start: impl Fn(&Manifest, &AppState) -> Option<App>,
) -> Vec<Finding> {
    let named = |service: &Service| Some((service.app.clone(), service.entrypoint.clone()?));
    let services = || apps.values().flat_map(|(manifest, state)| manifest.services.iter().map(move |service| (service, *state)));
    let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (app, entrypoint) in services().filter_map(|(service, _)| named(service)) {
        wanted.entry(app).or_default().insert(entrypoint);
    }
    let mut absent: BTreeSet<(String, String)> = BTreeSet::new();
    for (name, entrypoints) in wanted {
        let Some(app) = apps.get(&*name).and_then(|(manifest, state)| start(manifest, state)) else { continue };
        let entrypoints: Vec<String> = entrypoints.into_iter().collect();
        for index in ask(&name, &entrypoints, runtime) {
            absent.extend(entrypoints.get(index).map(|entrypoint| (name.clone(), entrypoint.clone())));
        }
        let _ = app.unload(Duration::ZERO);
    }
    let finding = |(service, state): (&Service, &AppState)| {
        let (app, entrypoint) = named(service).filter(|named| absent.contains(named))?;
        let key = format!("services.{}.entrypoint", service.name);
        let message = format!("services.{}: the app \"{app}\" has no entrypoint \"{entrypoint}\"", service.name);
        let exports = apps.get(&*app).map(|(manifest, state)| exports(manifest, &state.folder)).unwrap_or_default();
        let help = match did_you_mean(&entrypoint, exports.iter().map(String::as_str)) {
            help if help.is_empty() => "export an object or a class of this name".into(),
            help => help,
        };
        Some(state.about(Severity::Warning, &key, message, help))
    };
    services().filter_map(finding).collect()
}

/// The numbers of the entrypoints that an app does not have.
fn ask(app: &str, entrypoints: &[String], runtime: &Runtime) -> Vec<usize> {
    // No manifest gives a name with a space.
    let mut options = AppOptions::new(format!("check of {app}"), Source::Text(ASKS.as_bytes().to_vec()));
    let binding = |(index, entrypoint): (usize, &String)| Binding {
        name: format!("_{index}"),
        kind: BindingKind::App { app: app.to_string(), entrypoint: Some(entrypoint.clone()) },
    };
    options.bindings = entrypoints.iter().enumerate().map(binding).collect();
    let Ok(asking) = runtime.load(options) else { return Vec::new() };
    let head = RequestHead { method: "GET".into(), url: "http://localhost/".into(), headers: Headers::new() };
    let answer = asking.fetch(RequestInit { head, body: Body::None, ..RequestInit::default() }, Some(PATIENCE));
    let _ = asking.unload(Duration::ZERO);
    // Nothing is known of an app that does not answer.
    let names: Vec<String> = answer.ok().and_then(|answer| serde_json::from_slice(&answer.body).ok()).unwrap_or_default();
    names.iter().filter_map(|name| name.strip_prefix('_')?.parse().ok()).collect()
}

/// What a main module seems to export, for those who look for the right name.
fn exports(manifest: &Manifest, folder: &Path) -> Vec<String> {
    let main = manifest.main.clone().or_else(|| MAIN_FILES.iter().find(|main| folder.join(main).is_file()).map(ToString::to_string));
    let Some(text) = main.and_then(|main| read_small_text(&folder.join(main)).ok()) else { return Vec::new() };
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices("export ") {
        let rest = text[at + "export ".len()..].trim_start();
        match rest.strip_prefix('{') {
            // Of `a as b` the last word counts.
            Some(list) => {
                let list = list.split('}').next().unwrap_or_default();
                names.extend(list.split(',').filter_map(|part| part.split_whitespace().next_back()).map(str::to_string));
            }
            None => {
                let mut words = rest.split(|c| !is_word(c)).filter(|word| !word.is_empty());
                if matches!(words.next(), Some("class" | "const" | "let" | "var" | "abstract")) {
                    names.extend(words.find(|word| *word != "class").map(str::to_string));
                }
            }
        }
    }
    names.remove("default");
    names.into_iter().collect()
}
