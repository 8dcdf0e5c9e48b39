//! docs/conformance.md: the figures of all areas, and why what is not run is not run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::expectations::{self, Area, Expected};
use crate::tree::Rules;

const HEAD: &str = "# Conformance

Web Platform Tests, unmodified, as `make wpt` runs them: each file is an app of its own. Written by `make wpt-update`; a run that differs
from it fails, for better or worse. A file that cannot load counts as failed. The tests for areas marked * come from another
checkout than the one that `make wpt` downloads (`make wpt WPT_DIR=...`).

| area | subtests passed | of | | files run | files skipped |
| --- | ---: | ---: | ---: | ---: | ---: |
";

/// What others publish of themselves, best figure first, with the files of ours that are the same tests.
const OTHERS: [(&str, &str); 8] = [
    ("compression/", "242 / 258; workerd fails some part of 15 of 19 files"),
    ("encoding/", "11123 / 11237"),
    ("fetch/api/", "827 / 1817; workerd fails some part of 43 of 135 files"),
    ("FileAPI/", "311 / 317"),
    ("streams/", "1054 / 1342"),
    ("url/", "1894 / 1974 (StarlingMonkey)"),
    ("WebCryptoAPI/", "469 / 744; workerd fails some part of 36 of 74 files"),
    ("xhr/formdata/", "39 / 39"),
];

const BESIDE_OTHERS: &str = "
## Beside others

The best that another server runtime publishes of itself. Each of them picks tests, and its version of them, for itself: the share that passes
can be compared, the number of subtests cannot.

| tests | best of others | NANO |
| --- | --- | --- |
";

/// A file with more failures of a kind than this is named with their number.
const FAILURES_NAMED_MAX: usize = 3;

/// Areas whose tests are not in the checkout that `make wpt` downloads.
const ELSEWHERE: [&str; 7] = ["eventsource", "fetch", "mimesniff", "service-workers", "storage", "websockets", "xhr"];

/// The document, from the expectations of all areas.
pub fn document(folder: &Path, rules: &Rules) -> Result<String, String> {
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let name = entry.map_err(|error| error.to_string())?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".json").map(str::to_string));
    }
    names.sort_by_key(|name| name.to_lowercase());
    let mut text = HEAD.to_string();
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut failures: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut files = Area::new();
    let mut sum = (0, 0, 0, 0);
    for name in names {
        let area = expectations::load(&folder.join(format!("{name}.json")))?;
        let (passed, total, run, skipped) = figures(&area);
        if run > 0 {
            sum = (sum.0 + passed, sum.1 + total, sum.2 + run, sum.3 + skipped);
            let mark = if ELSEWHERE.contains(&name.as_str()) { "*" } else { "" };
            text.push_str(&format!("| {name}{mark} | {passed} | {total} | {} | {run} | {skipped} |\n", percent(passed, total)));
        }
        files.extend(area);
    }
    text.push_str(&format!("| all | {} | {} | {} | {} | {} |\n", sum.0, sum.1, percent(sum.0, sum.1), sum.2, sum.3));
    for (file, expected) in &files {
        if let Expected::Skipped(reason) = expected {
            reasons.entry(reason.clone()).or_default().push(file.clone());
        }
        for (reason, failure) in failing(file, expected, rules) {
            failures.entry(reason).or_default().push(failure);
        }
    }
    text.push_str("\n## What fails, and why\n\n");
    for (reason, failures) in failures {
        text.push_str(&format!("- {reason}: {}\n", failures.join(", ")));
    }
    text.push_str(BESIDE_OTHERS);
    for (prefix, others) in OTHERS {
        let ours = files.iter().filter(|(file, _)| file.starts_with(prefix)).map(|(file, expected)| (file.clone(), expected.clone()));
        let (passed, total, ..) = figures(&ours.collect());
        text.push_str(&format!("| {} | {others} | {passed} / {total} ({}) |\n", prefix.trim_end_matches('/'), percent(passed, total)));
    }
    text.push_str("\n## Not run\n\n");
    for (reason, files) in reasons {
        text.push_str(&format!("- {reason}: {}\n", abridged(&files)));
    }
    text.push_str("\n## Not counted\n\n");
    for (path, subtest, reason) in &rules.without {
        text.push_str(&format!("- `{path}`, \"{}\": {reason}\n", subtest.replace('<', "\\<")));
    }
    Ok(text)
}

/// The failures of a file, by their reasons.
fn failing(file: &str, expected: &Expected, rules: &Rules) -> Vec<(String, String)> {
    const UNKNOWN: &str = "not looked into yet";
    let Expected::Names(_, names) = expected else {
        let (passed, total) = expected.figures();
        return if passed == total { Vec::new() } else { vec![(UNKNOWN.into(), format!("`{file}` ({} subtests)", total - passed))] };
    };
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names {
        kinds.entry(rules.failure(file, name).unwrap_or(UNKNOWN)).or_default().push(name);
    }
    let text = |names: Vec<&str>| {
        if names.len() > FAILURES_NAMED_MAX {
            return format!("`{file}` ({} subtests)", names.len());
        }
        let quoted: Vec<String> = names.iter().map(|name| format!("\"{}\"", name.replace('<', "\\<"))).collect();
        format!("`{file}` ({})", quoted.join(", "))
    };
    kinds.into_iter().map(|(reason, names)| (reason.into(), text(names))).collect()
}

/// Passed, all subtests, files run, files skipped.
pub fn figures(area: &Area) -> (usize, usize, usize, usize) {
    area.values().fold((0, 0, 0, 0), |sum, expected| {
        let (passed, total) = expected.figures();
        let skipped = usize::from(matches!(expected, Expected::Skipped(_)));
        (sum.0 + passed, sum.1 + total, sum.2 + 1 - skipped, sum.3 + skipped)
    })
}

/// Rounded down: 100 % is all of them.
pub fn percent(passed: usize, total: usize) -> String {
    let tenths = (passed * 1_000).checked_div(total).unwrap_or(0);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// Folders that have more than three files of a kind are named once.
fn abridged(files: &[String]) -> String {
    let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in files {
        let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
        folders.entry(folder).or_default().push(name);
    }
    let named: Vec<String> = folders
        .into_iter()
        .map(|(folder, names)| {
            if names.len() > 3 {
                format!("`{folder}/` ({} files)", names.len())
            } else {
                names.iter().map(|name| format!("`{folder}/{name}`")).collect::<Vec<_>>().join(", ")
            }
        })
        .collect();
    named.join(", ")
}
