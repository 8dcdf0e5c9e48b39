//! What each file is expected to do, kept as JSON per area, and what a run did differently.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

/// A file with more failures than this is kept as a count.
const NAMES_MAX: usize = 40;

/// One subtest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subtest {
    /// Its name; not always unique in its file.
    pub name: String,
    /// Whether it passed.
    pub passed: bool,
    /// Why not.
    pub message: String,
}

/// What one run of a file gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Its subtests.
    pub subtests: Vec<Subtest>,
    /// CPU time of its turns.
    pub cpu_ms: u64,
}

impl Outcome {
    /// Stands for the file itself, where that failed.
    pub const HARNESS: &'static str = "(the file)";

    /// A file that did not run.
    pub fn broken(message: String) -> Self {
        Self { subtests: vec![Subtest { name: Self::HARNESS.into(), passed: false, message }], cpu_ms: 0 }
    }

    /// How many passed.
    pub fn passed(&self) -> usize {
        self.subtests.iter().filter(|subtest| subtest.passed).count()
    }

    fn failures(&self) -> Vec<String> {
        let mut names: Vec<String> = self.subtests.iter().filter(|subtest| !subtest.passed).map(|subtest| subtest.name.clone()).collect();
        names.sort();
        names
    }
}

/// What is expected of one run of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It is not run, for a reason.
    Skipped(String),
    /// It has so many subtests, and these fail.
    Names(usize, Vec<String>),
    /// It has so many subtests, and so many fail.
    Count(usize, usize),
}

impl Expected {
    /// What an outcome makes the expectation.
    pub fn of(outcome: &Outcome) -> Self {
        let (total, failures) = (outcome.subtests.len(), outcome.failures());
        if failures.len() > NAMES_MAX { Self::Count(total, failures.len()) } else { Self::Names(total, failures) }
    }

    /// Passed and all subtests.
    pub fn figures(&self) -> (usize, usize) {
        match self {
            Self::Skipped(_) => (0, 0),
            Self::Names(total, failures) => (total - failures.len(), *total),
            Self::Count(total, failed) => (total - failed, *total),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Skipped(reason) => json!(reason),
            Self::Names(total, failures) if failures.is_empty() => json!(total),
            Self::Names(total, failures) => json!({ "total": total, "fail": failures }),
            Self::Count(total, failed) => json!({ "total": total, "fail": failed }),
        }
    }

    fn from_json(value: &Value) -> Option<Self> {
        if let Some(reason) = value.as_str() {
            return Some(Self::Skipped(reason.into()));
        }
        if let Some(total) = value.as_u64() {
            return Some(Self::Names(total as usize, Vec::new()));
        }
        let total = value["total"].as_u64()? as usize;
        match &value["fail"] {
            Value::Array(names) => {
                Some(Self::Names(total, names.iter().map(|name| name.as_str().unwrap_or_default().to_string()).collect()))
            }
            failed => Some(Self::Count(total, failed.as_u64()? as usize)),
        }
    }
}

/// The files of one area.
pub type Area = BTreeMap<String, Expected>;

/// Reads an area's file; an area without one expects nothing.
pub fn load(path: &Path) -> Result<Area, String> {
    let Ok(text) = fs::read_to_string(path) else { return Ok(Area::new()) };
    let malformed = || format!("{} is malformed", path.display());
    let value: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let files = value.as_object().ok_or_else(malformed)?;
    files.iter().map(|(file, value)| Ok((file.clone(), Expected::from_json(value).ok_or_else(malformed)?))).collect()
}

/// Writes an area's file, a line for each of its files, so that changes are easy to see.
pub fn save(path: &Path, area: &Area) -> Result<(), String> {
    let files: Map<String, Value> = area.iter().map(|(file, expected)| (file.clone(), expected.to_json())).collect();
    let lines: Vec<String> = files.iter().map(|(file, value)| format!("  {}: {value}", Value::from(file.as_str()))).collect();
    fs::write(path, format!("{{\n{}\n}}\n", lines.join(",\n"))).map_err(|error| format!("{}: {error}", path.display()))
}

/// What differs between expectation and outcome, a line for each.
pub fn compare(expected: Option<&Expected>, outcome: &Outcome) -> Vec<String> {
    let mut lines = Vec::new();
    let failures = outcome.failures();
    let why = |name: &str| {
        let found = outcome.subtests.iter().find(|subtest| !subtest.passed && subtest.name == name);
        found.map_or("", |subtest| subtest.message.as_str())
    };
    let total = match expected {
        None | Some(Expected::Skipped(_)) => {
            lines.push(format!("is not expected to run: {} of {} passed", outcome.passed(), outcome.subtests.len()));
            return lines;
        }
        Some(Expected::Names(total, names)) => {
            for name in without(&failures, names) {
                lines.push(format!("new failure: {name}: {}", why(name)));
            }
            for name in without(names, &failures) {
                lines.push(format!("new pass: {name}"));
            }
            *total
        }
        Some(Expected::Count(total, failed)) => {
            if *failed != failures.len() {
                lines.push(format!("{} failures instead of {failed}", failures.len()));
            }
            *total
        }
    };
    if total != outcome.subtests.len() {
        lines.push(format!("{} subtests instead of {total}", outcome.subtests.len()));
    }
    lines
}

/// What is in one sorted list and not in the other, names that come twice included.
fn without<'a>(list: &'a [String], other: &[String]) -> Vec<&'a String> {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for name in other {
        *counts.entry(name).or_default() += 1;
    }
    list.iter()
        .filter(|name| match counts.get_mut(name) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(rows: &[(&str, bool)]) -> Outcome {
        let subtest = |(name, passed): &(&str, bool)| Subtest { name: (*name).into(), passed: *passed, message: "why".into() };
        Outcome { subtests: rows.iter().map(subtest).collect(), cpu_ms: 0 }
    }

    #[test]
    fn a_new_failure_and_a_new_pass_both_count() {
        let expected = Expected::Names(3, vec!["b".into(), "c".into()]);
        assert_eq!(compare(Some(&expected), &outcome(&[("a", true), ("b", false), ("c", false)])), Vec::<String>::new());
        let lines = compare(Some(&expected), &outcome(&[("a", false), ("b", false), ("c", true)]));
        assert_eq!(lines, ["new failure: a: why", "new pass: c"]);
        assert_eq!(compare(Some(&expected), &outcome(&[("b", false), ("c", false)])), ["2 subtests instead of 3"]);
        assert_eq!(compare(None, &outcome(&[("a", true)])).len(), 1);
        assert_eq!(compare(Some(&Expected::Skipped("why".into())), &outcome(&[("a", true)])).len(), 1);
    }

    #[test]
    fn names_that_come_twice_count_twice() {
        let expected = Expected::Names(2, vec!["a".into()]);
        assert_eq!(compare(Some(&expected), &outcome(&[("a", false), ("a", false)])), ["new failure: a: why"]);
        assert!(compare(Some(&Expected::Names(2, vec!["a".into(), "a".into()])), &outcome(&[("a", false), ("a", false)])).is_empty());
    }

    #[test]
    fn expectations_survive_json() {
        let many: Vec<(&str, bool)> = std::iter::repeat_n(("x", false), NAMES_MAX + 1).collect();
        let kept = [
            Expected::Skipped("why".into()),
            Expected::of(&outcome(&[("a", true)])),
            Expected::of(&outcome(&[("a", false)])),
            Expected::of(&outcome(&many)),
        ];
        for expected in kept {
            assert_eq!(Expected::from_json(&expected.to_json()), Some(expected));
        }
        assert_eq!(Expected::of(&outcome(&many)).figures(), (0, NAMES_MAX + 1));
    }
}
