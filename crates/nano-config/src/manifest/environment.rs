//! Named environments: `env.NAME` laid over the rest of the file.

use std::ops::Range;

use crate::text::finding::Findings;
use crate::text::suggest::did_you_mean;
use crate::text::{Node, Table, Value};

/// How an environment meets what the file says outside it.
#[derive(Clone, Copy, Debug)]
pub struct Inheritance {
    /// Tables that are joined key by key.
    pub joined: &'static [&'static str],
    /// What an environment does not get from outside.
    pub own: &'static [&'static str],
    /// Keys that say the same thing: one of an environment's takes the place of any outside it.
    pub same: &'static [[&'static str; 2]],
}

/// The names of a file's environments.
pub fn names(table: &Table) -> Vec<String> {
    let environments = table.find("env").and_then(Node::table);
    environments.map(|table| table.0.iter().map(|entry| entry.key.clone()).collect()).unwrap_or_default()
}

/// The file as it is in one environment. One that is not there is an error, for what was asked for by name must not be guessed.
pub fn select(table: &Table, name: &str, inheritance: Inheritance, findings: &mut Findings<'_>) -> Table {
    let environments = table.find("env").and_then(Node::table);
    let mut result = Table(table.0.iter().filter(|entry| entry.key != "env").cloned().collect());
    let Some(chosen) = environments.and_then(|table| table.find(name)).and_then(Node::table) else {
        let names = names(table);
        let place: Range<usize> = table.entry("env").map_or(0..0, |entry| entry.key_span.clone());
        let help = match names.is_empty() {
            true => "the file has no environments".to_string(),
            false => did_you_mean(name, names.iter().map(String::as_str)),
        };
        findings.error(&place, format!("there is no environment \"{name}\""), help);
        return result;
    };
    result.0.retain(|entry| {
        let lost = inheritance.own.contains(&&*entry.key) && chosen.entry(&entry.key).is_none();
        if lost {
            let message = format!("\"{}\" is not part of the environment \"{name}\"", entry.key);
            findings.warning(&entry.key_span, message, format!("environments do not inherit it: repeat it in env.{name}"));
        }
        !lost
    });
    let says_again =
        |key: &str| inheritance.same.iter().any(|keys| keys.contains(&key) && keys.iter().any(|key| chosen.entry(key).is_some()));
    result.0.retain(|entry| !says_again(&entry.key));
    for entry in &chosen.0 {
        match result.0.iter_mut().find(|outer| outer.key == entry.key) {
            None => result.0.push(entry.clone()),
            Some(outer) => match (&mut outer.node.value, &entry.node.value) {
                (Value::Table(outer), Value::Table(inner)) if inheritance.joined.contains(&&*entry.key) => join(outer, inner),
                _ => *outer = entry.clone(),
            },
        }
    }
    result
}

fn join(outer: &mut Table, inner: &Table) {
    for entry in &inner.0 {
        match outer.0.iter_mut().find(|outer| outer.key == entry.key) {
            Some(outer) => *outer = entry.clone(),
            None => outer.0.push(entry.clone()),
        }
    }
}
