//! What a file may say: tables of keys, walked over what it does say. Every unknown key and every wrong type is found here, once for
//! both formats; whoever reads the values afterwards only meets what passed.

use std::collections::HashSet;

use crate::text::finding::Findings;
use crate::text::suggest::did_you_mean;
use crate::text::{Node, Table, Value, units};

/// A key of a table.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What it is if it is not there, in words; empty for nothing.
    pub default: &'static str,
    /// A value, as TOML writes it.
    pub example: &'static str,
    /// What it is for.
    pub about: &'static str,
}

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Text.
    Text,
    /// `true` or `false`.
    Bool,
    /// A list of text, or one text.
    Texts,
    /// A whole number between two.
    Count(u64, u64),
    /// Bytes between two: a number, or text with a unit.
    Size(u64, u64),
    /// Milliseconds between two: a number, or text with a unit.
    Duration(u64, u64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A table with these keys.
    Table(&'static [Key]),
    /// A table whose names are free.
    Map(&'static Kind),
    /// A list of such.
    List(&'static Kind),
    /// Any of these.
    Either(&'static [Kind]),
    /// The same keys once more, for each named environment.
    Environments,
    /// Anything that JavaScript can have from JSON.
    Any,
    /// Understood; it changes nothing here, which is told if there is something to tell.
    Ignored(&'static str),
    /// Understood; it would not work as it does elsewhere.
    Warned(&'static str),
    /// Understood; an app that needs it cannot run here.
    Unsupported(&'static str),
}

/// What to do about a variable that is no number of JavaScript's.
const AS_TEXT: &str = "write it as text";

impl Kind {
    /// In words, for errors and documentation.
    pub fn words(self) -> String {
        match self {
            Self::Text => "text".into(),
            Self::Bool => "true or false".into(),
            Self::Texts => "a list of text".into(),
            Self::Count(..) => "a whole number".into(),
            Self::Size(..) => "a size such as \"32 MiB\", or a number of bytes".into(),
            Self::Duration(..) => "a duration such as \"50ms\", or a number of milliseconds".into(),
            Self::Choice(words) => words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or "),
            Self::Table(_) => "a table".into(),
            Self::Map(Self::Any) => "a table of values".into(),
            Self::Map(kind) => format!("a table, each {}", kind.words()),
            Self::List(Self::Text) => "a list of text".into(),
            Self::List(kind) => format!("a list, each {}", kind.words()),
            Self::Either(kinds) => kinds.iter().map(|kind| kind.words()).collect::<Vec<_>>().join(", or "),
            Self::Environments => "a table of tables".into(),
            Self::Any | Self::Ignored(_) | Self::Warned(_) | Self::Unsupported(_) => "any value".into(),
        }
    }

    /// Whether a value is of the right type, whatever it says.
    fn takes(self, node: &Node) -> bool {
        match (self, &node.value) {
            (Self::Any | Self::Ignored(_) | Self::Warned(_) | Self::Unsupported(_), _) => true,
            (Self::Text | Self::Choice(_), Value::Text(_)) | (Self::Bool, Value::Bool(_)) => true,
            (Self::Texts, Value::Text(_)) => true,
            (Self::Texts, Value::List(list)) => list.iter().all(|node| node.text().is_some()),
            (Self::Count(..) | Self::Size(..) | Self::Duration(..), Value::Integer(_)) => true,
            (Self::Size(..) | Self::Duration(..), Value::Text(_)) => true,
            (Self::Table(_) | Self::Map(_) | Self::Environments, Value::Table(_)) | (Self::List(_), Value::List(_)) => true,
            (Self::Either(kinds), _) => kinds.iter().any(|kind| kind.takes(node)),
            _ => false,
        }
    }
}

/// Finds what is wrong with a table: unknown keys, wrong types, numbers out of bounds.
pub fn check(table: &Table, keys: &'static [Key], path: &str, findings: &mut Findings<'_>) {
    let mut seen = HashSet::new();
    for entry in &table.0 {
        let path = join(path, &entry.key);
        // Told where the file was parsed.
        if !seen.insert(&entry.key) {
            continue;
        }
        match keys.iter().find(|key| key.name == entry.key) {
            None => {
                let help = did_you_mean(&entry.key, keys.iter().map(|key| key.name));
                findings.error(&entry.key_span, format!("unknown key \"{path}\""), help);
            }
            Some(Key { kind: Kind::Ignored(""), .. }) => {}
            Some(Key { kind: Kind::Ignored(why), .. }) => findings.notice(&entry.key_span, format!("\"{path}\" has no effect"), *why),
            Some(Key { kind: Kind::Warned(why), .. }) => {
                findings.warning(&entry.key_span, format!("\"{path}\" is not supported"), *why);
            }
            Some(Key { kind: Kind::Unsupported(why), .. }) if !is_empty(&entry.node) => {
                findings.error(&entry.key_span, format!("\"{path}\" is not supported"), *why);
            }
            Some(Key { kind: Kind::Environments, .. }) if entry.node.table().is_some() => {
                check_environments(&entry.node, keys, &path, findings);
            }
            Some(key) => check_value(&entry.node, key.kind, &path, findings),
        }
    }
}

fn check_value(node: &Node, kind: Kind, path: &str, findings: &mut Findings<'_>) {
    if !kind.takes(node) {
        let found = match (kind, &node.value) {
            (Kind::Texts, Value::List(list)) => {
                let wrong = list.iter().find(|node| node.text().is_none()).unwrap_or(node);
                findings.error(&wrong.span, format!("{path}: this is {}, not text", wrong.kind()), "");
                return;
            }
            _ => node.kind(),
        };
        findings.error(&node.span, format!("{path}: this is {found}; it must be {}", kind.words()), "");
        return;
    }
    match (kind, &node.value) {
        (Kind::Count(min, max), Value::Integer(_)) => bounded(node, kind, path, (min, max), |n| n.to_string(), findings),
        (Kind::Size(min, max), _) => bounded(node, kind, path, (min, max), units::show_size, findings),
        (Kind::Duration(min, max), _) => bounded(node, kind, path, (min, max), units::show_duration_ms, findings),
        (Kind::Choice(words), Value::Text(text)) if !words.contains(&&**text) => {
            let help = did_you_mean(text, words.iter().copied());
            findings.error(&node.span, format!("{path}: \"{text}\" must be {}", kind.words()), help);
        }
        (Kind::Table(keys), Value::Table(table)) => check(table, keys, path, findings),
        (Kind::Map(kind), Value::Table(table)) => {
            table.0.iter().for_each(|entry| check_value(&entry.node, *kind, &join(path, &entry.key), findings));
        }
        (Kind::List(kind), Value::List(list)) => {
            list.iter().enumerate().for_each(|(index, node)| check_value(node, *kind, &format!("{path}[{index}]"), findings));
        }
        (Kind::Any, _) => check_kept(node, path, findings),
        (Kind::Either(kinds), _) => {
            if let Some(kind) = kinds.iter().find(|kind| kind.takes(node)) {
                check_value(node, *kind, path, findings);
            }
        }
        _ => {}
    }
}

/// Finds numbers that would be others in JavaScript.
fn check_kept(node: &Node, path: &str, findings: &mut Findings<'_>) {
    match &node.value {
        Value::Integer(number) if (*number as f64) as i128 != i128::from(*number) => {
            let message = format!("{path}: in JavaScript {number} is the number {:.0}", *number as f64);
            findings.error(&node.span, message, AS_TEXT);
        }
        Value::Float(number) if !number.is_finite() => findings.error(&node.span, format!("{path}: JSON has no such number"), AS_TEXT),
        Value::List(list) => {
            list.iter().enumerate().for_each(|(index, node)| check_kept(node, &format!("{path}[{index}]"), findings));
        }
        Value::Table(table) => table.0.iter().for_each(|entry| check_kept(&entry.node, &join(path, &entry.key), findings)),
        _ => {}
    }
}

fn check_environments(node: &Node, keys: &'static [Key], path: &str, findings: &mut Findings<'_>) {
    for entry in node.table().into_iter().flat_map(|table| &table.0) {
        let path = join(path, &entry.key);
        match entry.node.table().and_then(|table| table.entry("env")) {
            Some(inner) => findings.error(&inner.key_span, format!("{path}: environments do not nest"), ""),
            None => check_value(&entry.node, Kind::Table(keys), &path, findings),
        }
    }
}

/// The number that a size, a duration or a count says, if it says one.
pub fn number(node: &Node, kind: Kind) -> Result<u64, String> {
    match (&node.value, kind) {
        (Value::Integer(number), _) => u64::try_from(*number).map_err(|_| format!("{number} is less than nothing")),
        (Value::Text(text), Kind::Size(..)) => units::size(text),
        (Value::Text(text), Kind::Duration(..)) => units::duration_ms(text),
        _ => Err(format!("this is {}", node.kind())),
    }
}

fn bounded(node: &Node, kind: Kind, path: &str, bounds: (u64, u64), show: fn(u64) -> String, findings: &mut Findings<'_>) {
    let (min, max) = bounds;
    match number(node, kind) {
        Err(why) => findings.error(&node.span, format!("{path}: {why}"), ""),
        Ok(number) if number < min || number > max => {
            let message = format!("{path}: {} is out of bounds: {} to {}", show(number), show(min), show(max));
            findings.error(&node.span, message, "");
        }
        Ok(_) => {}
    }
}

/// An empty list or table of something unsupported needs nothing: tools write them.
fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::List(list) => list.is_empty(),
        Value::Table(table) => table.0.iter().all(|entry| is_empty(&entry.node)),
        Value::Null => true,
        _ => false,
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_string() } else { format!("{path}.{key}") }
}
