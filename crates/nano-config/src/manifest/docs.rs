//! The reference of the manifest's keys, made of the schema.

use std::fmt::Write;

use super::keys::{CONSUMER, EGRESS, KEYS, QUEUES, ROUTE, SECRET, SERVICE};
use super::schema::Key;
use super::{grants, limits};

/// A table of all keys, in Markdown, for each table of the file.
pub fn reference() -> String {
    let mut out = String::new();
    for (title, keys) in [
        ("The file", KEYS),
        ("`routes`, each", ROUTE),
        ("`secrets`, each", SECRET),
        ("`services`, each", SERVICE),
        ("`limits`", limits::KEYS),
        ("`egress`", EGRESS),
        ("`queues`", QUEUES),
        ("`queues.consumers`, each", CONSUMER),
    ] {
        let _ = write!(out, "### {title}\n\n| key | type | default | example | what |\n| --- | --- | --- | --- | --- |\n");
        keys.iter().for_each(|key| row(key, &mut out));
        out.push('\n');
    }
    out
}

/// The same of `nanod.toml`.
pub fn grants_reference() -> String {
    let mut out = String::new();
    for (title, keys) in [("The file", grants::KEYS), ("`apps`, each", grants::GRANT)] {
        let _ = write!(out, "### {title}\n\n| key | type | default | example | what |\n| --- | --- | --- | --- | --- |\n");
        keys.iter().for_each(|key| row(key, &mut out));
        out.push('\n');
    }
    out
}

fn row(key: &Key, out: &mut String) {
    let default = if key.default.is_empty() { "–" } else { key.default };
    let _ = writeln!(out, "| `{}` | {} | {default} | `{} = {}` | {} |", key.name, key.kind.words(), key.name, key.example, key.about);
}
