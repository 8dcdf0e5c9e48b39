//! `nano-wpt [--update] [--show] [--verbose] DIR [FILTER...]`: runs the Web Platform Tests below DIR, each file as an app of its own, and
//! compares with `tests/wpt/expectations`. Only paths that begin with a filter are run. `--show` prints each failure, `--verbose` the apps' logs,
//! `--update` makes what happened the expectation.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod expectations;
mod meta;
mod page;
mod programs;
mod query;
mod report;
mod run;
mod server;
mod site;
mod tree;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use expectations::{Area, Expected, Outcome};
use run::Job;
use tree::Rules;

struct Options {
    update: bool,
    show: bool,
    verbose: bool,
    root: PathBuf,
    filters: Vec<String>,
}

fn main() -> ExitCode {
    match options().and_then(|options| start(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("nano-wpt: {error}");
            ExitCode::from(2)
        }
    }
}

fn options() -> Result<Options, String> {
    let mut options = Options { update: false, show: false, verbose: false, root: PathBuf::new(), filters: Vec::new() };
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--update" => options.update = true,
            "--show" => options.show = true,
            "--verbose" => options.verbose = true,
            flag if flag.starts_with("--") => return Err(format!("unknown option {flag}")),
            path if options.root.as_os_str().is_empty() => options.root = path.into(),
            filter => options.filters.push(filter.into()),
        }
    }
    if !options.root.join("resources/testharness.js").is_file() {
        return Err("give the folder of a checkout of the Web Platform Tests (it has resources/testharness.js)".into());
    }
    Ok(options)
}

fn start(options: &Options) -> Result<bool, String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = here.join("expectations");
    let rules = std::fs::read_to_string(here.join("files.txt")).map_err(|error| format!("tests/wpt/files.txt: {error}"))?;
    let rules = Rules::parse(&rules).map_err(|error| format!("tests/wpt/files.txt: {error}"))?;
    let tests = tree::discover(&options.root, &rules).map_err(|error| error.to_string())?;
    let selected = |path: &str| options.filters.is_empty() || options.filters.iter().any(|filter| path.starts_with(filter.as_str()));
    let mut found: BTreeMap<String, Area> = BTreeMap::new();
    let mut jobs = Vec::new();
    for test in tests.iter().filter(|test| selected(&test.path)) {
        if let Some(reason) = rules.reason(&test.path) {
            found.entry(test.area().into()).or_default().insert(test.path.clone(), Expected::Skipped(reason.into()));
            continue;
        }
        let skipped = &mut found.entry(test.area().into()).or_default();
        let variants = if test.meta.variants.is_empty() { vec![String::new()] } else { test.meta.variants.clone() };
        for variant in variants {
            let job = Job { test, variant };
            match rules.reason(&job.name()) {
                Some(reason) => {
                    skipped.insert(job.name(), Expected::Skipped(reason.into()));
                }
                None => jobs.push(job),
            }
        }
    }
    let mut outcomes = run::run(&options.root, &jobs, options.verbose)?;
    for (job, outcome) in jobs.iter().zip(&mut outcomes) {
        outcome.subtests.retain(|subtest| rules.counts(&job.test.path, &subtest.name));
    }
    let mut expected: BTreeMap<String, Area> = BTreeMap::new();
    let mut different = 0;
    for (job, outcome) in jobs.iter().zip(&outcomes) {
        let (area, name) = (job.test.area().to_string(), job.name());
        if options.show {
            show(&name, outcome);
        }
        if !expected.contains_key(&area) {
            expected.insert(area.clone(), expectations::load(&folder.join(format!("{area}.json")))?);
        }
        if !options.update {
            for line in expectations::compare(expected[&area].get(&name), outcome) {
                different += 1;
                println!("{name}: {line}");
            }
        }
        found.entry(area).or_default().insert(name, Expected::of(outcome));
    }
    for (area, files) in &found {
        let (passed, total, run, skipped) = report::figures(files);
        if run > 0 {
            println!("{area}: {passed} / {total} ({}), {run} files, {skipped} skipped", report::percent(passed, total));
        }
    }
    if options.update {
        update(&folder, found, options, &rules)?;
        return Ok(true);
    }
    if options.filters.is_empty() {
        different += missing(&folder, &found)?;
    }
    if different > 0 {
        println!("{different} differences from tests/wpt/expectations (make wpt-update accepts them)");
    }
    Ok(different == 0)
}

/// Files that are expected and were not found.
fn missing(folder: &Path, found: &BTreeMap<String, Area>) -> Result<usize, String> {
    let mut count = 0;
    for (area, files) in found {
        for name in expectations::load(&folder.join(format!("{area}.json")))?.keys().filter(|name| !files.contains_key(*name)) {
            println!("{name}: is expected, but not there");
            count += 1;
        }
    }
    Ok(count)
}

/// Writes the areas that were run, and the document.
fn update(folder: &Path, found: BTreeMap<String, Area>, options: &Options, rules: &Rules) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    for (area, files) in found {
        let path = folder.join(format!("{area}.json"));
        // A part of an area does not replace the rest of it.
        let mut merged = if options.filters.is_empty() { Area::new() } else { expectations::load(&path)? };
        merged.extend(files);
        expectations::save(&path, &merged)?;
    }
    let document = report::document(folder, rules)?;
    let path = folder.join("../../../docs/conformance.md");
    std::fs::write(&path, document).map_err(|error| format!("{}: {error}", path.display()))
}

fn show(name: &str, outcome: &Outcome) {
    println!("{name}: {} / {} ({} ms)", outcome.passed(), outcome.subtests.len(), outcome.cpu_ms);
    for subtest in outcome.subtests.iter().filter(|subtest| !subtest.passed) {
        println!("    {}: {}", subtest.name.replace('\n', "\\n"), subtest.message.replace('\n', "\\n"));
    }
}
