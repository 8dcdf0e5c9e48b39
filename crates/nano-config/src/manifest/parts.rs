//! What both kinds of manifest say in the same way, and what must hold of an app as a whole.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use nano_base::cron::Cron;
use nano_base::limits::ROUTES_PER_APP_MAX;
use nano_base::url::Url;

use super::{Manifest, Service, Var, compatibility};
use crate::routes::{Dialect, Route};
use crate::text::finding::Findings;
use crate::text::{Node, Table, Value};

/// `name`, `main`, `vars`, `compatibility_date` and `compatibility_flags`.
pub fn read_common(table: &Table, manifest: &mut Manifest, findings: &mut Findings<'_>) {
    if let Some(node) = table.find("name")
        && let Some(name) = node.text()
    {
        match check_name(name) {
            Ok(()) => manifest.name = name.to_string(),
            Err(why) => findings.error(&node.span, format!("name: {why}"), ""),
        }
    }
    if let Some(node) = table.find("main")
        && let Some(main) = node.text()
    {
        match inside(main) {
            Some(path) => manifest.main = Some(path),
            None => findings.error(
                &node.span,
                format!("main: \"{main}\" is not a file inside the app's folder"),
                "write it as \"src/index.ts\"",
            ),
        }
    }
    if let Some(vars) = table.find("vars").and_then(Node::table) {
        for entry in &vars.0 {
            let var = match &entry.node.value {
                Value::Text(text) => Var::Text(text.clone()),
                _ => Var::Json(entry.node.json()),
            };
            manifest.vars.push((entry.key.clone(), var));
        }
    }
    if let Some(node) = table.find("compatibility_date")
        && let Some(date) = node.text()
    {
        compatibility::check_date(date, &node.span, findings);
        manifest.compatibility_date = Some(date.to_string());
    }
    let flags = table.find("compatibility_flags").map(Node::texts).unwrap_or_default();
    manifest.compatibility_flags = flags.iter().map(|(flag, _)| flag.to_string()).collect();
    compatibility::check_flags(flags, findings);
}

/// The expressions of a list.
pub fn read_crons(node: Option<&Node>, findings: &mut Findings<'_>) -> Vec<String> {
    let mut crons = Vec::new();
    for (text, span) in node.map(Node::texts).unwrap_or_default() {
        match Cron::parse(text) {
            Ok(_) => crons.push(text.to_string()),
            Err(why) => findings.error(&span, why, ""),
        }
    }
    crons
}

/// Adds the route or routes that a text says.
pub fn add_route(text: &str, dialect: Dialect, span: &Range<usize>, manifest: &mut Manifest, findings: &mut Findings<'_>) {
    match Route::parse(text, dialect) {
        Ok(routes) => routes.into_iter().for_each(|route| take_route(route, span, manifest, findings)),
        Err(why) => findings.error(span, why, ""),
    }
}

/// Adds a route that is said at a place.
pub fn take_route(route: Route, span: &Range<usize>, manifest: &mut Manifest, findings: &mut Findings<'_>) {
    findings.place(format!("routes.{route}"), span);
    manifest.routes.push(route);
}

/// Adds an app that is called, by a binding that is said at a place, and its entrypoint, if that is, too.
pub fn take_service(
    service: Service,
    places: (&Range<usize>, Option<&Range<usize>>),
    manifest: &mut Manifest,
    findings: &mut Findings<'_>,
) {
    let key = format!("services.{}", service.name);
    if let Some(entrypoint) = places.1 {
        findings.place(format!("{key}.entrypoint"), entrypoint);
    }
    findings.place(key, places.0);
    manifest.services.push(service);
}

/// What the runtime would refuse, found where it is written.
pub fn check_whole(manifest: &Manifest, table: &Table, findings: &mut Findings<'_>) {
    let place = |key: &str| table.entry(key).map_or(0..0, |entry| entry.key_span.clone());
    let names = manifest.vars.iter().map(|(name, _)| ("vars", name));
    let names = names.chain(manifest.secrets.iter().map(|(name, _)| ("secrets", name)));
    let names = names.chain(manifest.services.iter().map(|service| ("services", &service.name)));
    let names = names.chain(manifest.producers.iter().map(|(name, _)| ("queues", name)));
    let mut seen: HashMap<&str, &str> = HashMap::new();
    let mut count = 0;
    for (key, name) in names {
        count += 1;
        let span =
            table.find(key).and_then(Node::table).and_then(|table| table.entry(name)).map_or(place(key), |entry| entry.key_span.clone());
        if name.is_empty() {
            findings.error(&span, format!("{key}: an entry of env has no name"), "");
        } else if let Some(other) = seen.insert(name, key)
            // Told where the file was parsed.
            && !(other == key && is_twice(table, key, name))
        {
            findings.error(&span, format!("env has two entries named \"{name}\", in {other} and in {key}"), "rename one of them");
        }
    }
    let limits = &manifest.limits;
    if count > limits.env_entries as usize {
        let message = format!("env has {count} entries; the limit env_entries is {}", limits.env_entries);
        findings.error(&place("vars"), message, "raise limits.env_entries");
    }
    for (name, var) in &manifest.vars {
        let bytes = name.len() + var.text().len();
        if bytes > limits.env_entry_bytes as usize {
            let span =
                table.find("vars").and_then(Node::table).and_then(|vars| vars.entry(name)).map_or(0..0, |entry| entry.key_span.clone());
            let message = format!("vars.{name} has {bytes} bytes; the limit env_entry_bytes is {}", limits.env_entry_bytes);
            findings.error(&span, message, "raise limits.env_entry_bytes");
        }
    }
    if manifest.routes.len() > ROUTES_PER_APP_MAX {
        findings.error(
            &place("routes"),
            format!("there are {} routes; an app has {ROUTES_PER_APP_MAX} at most", manifest.routes.len()),
            "",
        );
    }
}

/// Whether a table of entries has one twice, as only JSON can.
fn is_twice(table: &Table, key: &str, name: &str) -> bool {
    let mut entries = table.find(key);
    if key == "queues" {
        entries = entries.and_then(Node::table).and_then(|queues| queues.find("producers"));
    }
    entries.and_then(Node::table).is_some_and(|entries| entries.0.iter().filter(|entry| entry.key == name).count() > 1)
}

/// The characters of a name: it is a host, `NAME.localhost`, a folder, and the beginning of lines of the log.
const NAME_CHARACTERS_MAX: usize = 63;

/// Whether this can be the name of an app that nanod serves: it answers `NAME.localhost`, and cannot be taken for anything else.
pub fn check_name(name: &str) -> Result<(), String> {
    if let Some(bad) = name.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.')) {
        return Err(format!("{bad:?} cannot be in an app's name, which has letters, digits, \"-\", \"_\" and \".\""));
    }
    if name.is_empty() || name.len() > NAME_CHARACTERS_MAX {
        return Err(format!("an app's name has 1 to {NAME_CHARACTERS_MAX} characters"));
    }
    let is_label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    match name.split('.').all(is_label) {
        true => Ok(()),
        false => Err(format!("\"{name}\" has \"-\" or \".\" where no host's name has it: at an end, or beside a \".\"")),
    }
}

/// A relative path that stays inside, without `./`.
pub fn inside(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | ".." => return None,
            "." => {}
            _ if part.contains(['\\', '\0']) => return None,
            _ => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// What a path that is named from a folder means if no link is on its way, from `/` and without `..`; none if that is inside the folder.
pub fn outside(path: &str, folder: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    (!plain.starts_with(folder)).then_some(plain)
}

/// An absolute URL of HTTP.
pub fn check_base_url(text: &str) -> Result<(), String> {
    match Url::parse(text, None) {
        Some(url) if matches!(url.scheme(), "http" | "https" | "http:" | "https:") => Ok(()),
        _ => Err(format!("\"{text}\" is no absolute URL that begins with http:// or https://")),
    }
}
