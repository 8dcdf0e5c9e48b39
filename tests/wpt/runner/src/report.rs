//! docs/conformance.md: the figures of all areas, and why what is not run is not run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::expectations::{self, Area, Expected};

const HEAD: &str = "# Conformance

Web Platform Tests, unmodified, as `make wpt` runs them: each file is an app of its own. Written by `make wpt-update`; a run that differs
from it fails, for better or worse. A file that cannot load counts as failed. The tests for areas marked * come from another
checkout than the one that `make wpt` downloads (`make wpt WPT_DIR=...`).

| area | subtests passed | of | | files run | files skipped |
| --- | ---: | ---: | ---: | ---: | ---: |
";

/// Areas whose tests are not in the checkout that `make wpt` downloads.
const ELSEWHERE: [&str; 7] = ["eventsource", "fetch", "mimesniff", "service-workers", "storage", "websockets", "xhr"];

/// The document, from the expectations of all areas.
pub fn document(folder: &Path) -> Result<String, String> {
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let name = entry.map_err(|error| error.to_string())?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".json").map(str::to_string));
    }
    names.sort_by_key(|name| name.to_lowercase());
    let mut text = HEAD.to_string();
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut sum = (0, 0, 0, 0);
    for name in names {
        let area = expectations::load(&folder.join(format!("{name}.json")))?;
        let (passed, total, run, skipped) = figures(&area);
        if run > 0 {
            sum = (sum.0 + passed, sum.1 + total, sum.2 + run, sum.3 + skipped);
            let mark = if ELSEWHERE.contains(&name.as_str()) { "*" } else { "" };
            text.push_str(&format!("| {name}{mark} | {passed} | {total} | {} | {run} | {skipped} |\n", percent(passed, total)));
        }
        for (file, expected) in area {
            if let Expected::Skipped(reason) = expected {
                reasons.entry(reason).or_default().push(file);
            }
        }
    }
    text.push_str(&format!("| all | {} | {} | {} | {} | {} |\n", sum.0, sum.1, percent(sum.0, sum.1), sum.2, sum.3));
    text.push_str("\n## Not run\n\n");
    for (reason, files) in reasons {
        text.push_str(&format!("- {reason}: {}\n", abridged(&files)));
    }
    Ok(text)
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
