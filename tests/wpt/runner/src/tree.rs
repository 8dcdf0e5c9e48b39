//! A checkout of the tests: which files there are, and what `files.txt` says about them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::meta::{self, Meta};

/// One file to run.
#[derive(Clone, Debug)]
pub struct Test {
    /// Its path below the root.
    pub path: String,
    /// Its text.
    pub source: String,
    /// What it says about itself.
    pub meta: Meta,
}

impl Test {
    /// The area it counts for: the first folder of its path.
    pub fn area(&self) -> &str {
        area(&self.path)
    }
}

/// The area that a path belongs to.
pub fn area(path: &str) -> &str {
    path.split('/').next().unwrap_or_default()
}

/// Stands between a subtest's name and the reason to leave it out.
const BECAUSE: &str = " because ";

/// The rules of `files.txt`: `skip PREFIX REASON`, `run PATH`, `without PATH TEXT because REASON`, `fails PATH TEXT because REASON`.
#[derive(Debug, Default)]
pub struct Rules {
    skip: Vec<(String, String)>,
    run: Vec<String>,
    /// Path, text, reason.
    pub without: Vec<(String, String, String)>,
    /// Path, text, reason.
    fails: Vec<(String, String, String)>,
}

impl Rules {
    /// Reads the rules; an error names the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rules = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut words = line.splitn(3, ' ');
            match (words.next(), words.next(), words.next()) {
                (Some("skip"), Some(prefix), Some(reason)) => rules.skip.push((prefix.into(), reason.trim().into())),
                (Some("run"), Some(path), None) => rules.run.push(path.into()),
                (Some(word @ ("without" | "fails")), Some(path), Some(text)) if text.contains(BECAUSE) => {
                    let (text, reason) = text.rsplit_once(BECAUSE).unwrap_or((text, ""));
                    let list = if word == "fails" { &mut rules.fails } else { &mut rules.without };
                    list.push((path.into(), text.trim().into(), reason.trim().into()));
                }
                _ => return Err(format!("line {}: not a rule: {line}", number + 1)),
            }
        }
        Ok(rules)
    }

    /// Why a file is not run, or one variant of it. One that is named to be run is, whatever is said of its folder.
    pub fn reason(&self, name: &str) -> Option<&str> {
        let path = name.split('?').next().unwrap_or(name);
        let named = self.run.iter().any(|wanted| wanted == path);
        let mut rules = self.skip.iter().filter(|(prefix, _)| !(named && prefix.ends_with('/')));
        rules.find(|(prefix, _)| begins(name, prefix)).map(|(_, reason)| reason.as_str())
    }

    /// Why a subtest fails, if that is known.
    pub fn failure(&self, name: &str, subtest: &str) -> Option<&str> {
        let path = name.split('?').next().unwrap_or(name);
        let rule = self.fails.iter().find(|(of, text, _)| of == path && subtest.contains(text.as_str()));
        rule.map(|(_, _, reason)| reason.as_str())
    }

    /// Whether a subtest counts.
    pub fn counts(&self, path: &str, subtest: &str) -> bool {
        !self.without.iter().any(|(of, text, _)| of == path && subtest.contains(text.as_str()))
    }

    fn wants(&self, path: &str) -> bool {
        path.ends_with(".any.js") || self.run.iter().any(|wanted| wanted == path)
    }
}

/// Whether a path begins with a prefix, in which one `*` stands for anything.
fn begins(path: &str, prefix: &str) -> bool {
    match prefix.split_once('*') {
        Some((before, after)) => path.strip_prefix(before).is_some_and(|rest| rest.contains(after)),
        None => path.starts_with(prefix),
    }
}

/// Every test of the tree, in order: files for any global, and those that the rules add. Skipped ones are included.
pub fn discover(root: &Path, rules: &Rules) -> std::io::Result<Vec<Test>> {
    let mut paths = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if let Some(path) = path.to_str()
                && rules.wants(path)
            {
                paths.push(path.to_string());
            }
        }
    }
    paths.sort();
    let mut tests = Vec::with_capacity(paths.len());
    for path in paths {
        let source = String::from_utf8_lossy(&fs::read(root.join(&path))?).into_owned();
        let meta = meta::parse(&source);
        tests.push(Test { path, source, meta });
    }
    Ok(tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_skip_by_prefix_with_a_reason() {
        let rules = Rules::parse("# words\n\nskip wasm/ needs wasm\nrun url/a.window.js\n").expect("rules");
        assert_eq!(rules.reason("wasm/a.any.js"), Some("needs wasm"));
        assert_eq!(rules.reason("url/a.any.js"), None);
        assert!(rules.wants("url/a.window.js") && rules.wants("url/b.any.js") && !rules.wants("url/b.window.js"));
        assert!(Rules::parse("skip wasm/").is_err());
        let rules =
            Rules::parse("skip a/ words\nskip b/*.x. more words\nrun a/b/c.any.js\nskip a/b/c.any.js?q of this alone").expect("rules");
        assert_eq!(
            (rules.reason("a/b/d.any.js"), rules.reason("a/b/c.any.js"), rules.reason("a/b/c.any.js?r")),
            (Some("words"), None, None)
        );
        assert_eq!(rules.reason("a/b/c.any.js?q"), Some("of this alone"));
        assert_eq!((rules.reason("b/c/d.x.any.js"), rules.reason("b/c/d.any.js")), (Some("more words"), None));
        let rules = Rules::parse("fails a/b.any.js one because words").expect("rules");
        assert_eq!(rules.failure("a/b.any.js?v", "the one"), Some("words"));
        assert_eq!((rules.failure("a/b.any.js", "two"), rules.failure("a/c.any.js", "one")), (None, None));
        let rules = Rules::parse("without url/a.any.js using <a> because words").expect("rules");
        assert!(
            !rules.counts("url/a.any.js", "x (using <a>)")
                && rules.counts("url/a.any.js", "x")
                && rules.counts("url/b.any.js", "using <a>")
        );
    }
}
