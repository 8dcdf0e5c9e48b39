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

/// The rules of `files.txt`: `skip PREFIX REASON`, `run PATH`, `without PATH TEXT`.
#[derive(Debug, Default)]
pub struct Rules {
    skip: Vec<(String, String)>,
    run: Vec<String>,
    without: Vec<(String, String)>,
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
                (Some("without"), Some(path), Some(text)) => rules.without.push((path.into(), text.trim().into())),
                _ => return Err(format!("line {}: not a rule: {line}", number + 1)),
            }
        }
        Ok(rules)
    }

    /// Why a file is not run.
    pub fn reason(&self, path: &str) -> Option<&str> {
        self.skip.iter().find(|(prefix, _)| path.starts_with(prefix.as_str())).map(|(_, reason)| reason.as_str())
    }

    /// Whether a subtest counts.
    pub fn counts(&self, path: &str, subtest: &str) -> bool {
        !self.without.iter().any(|(of, text)| of == path && subtest.contains(text.as_str()))
    }

    fn wants(&self, path: &str) -> bool {
        path.ends_with(".any.js") || self.run.iter().any(|wanted| wanted == path)
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
        let rules = Rules::parse("without url/a.any.js using <a>").expect("rules");
        assert!(
            !rules.counts("url/a.any.js", "x (using <a>)")
                && rules.counts("url/a.any.js", "x")
                && rules.counts("url/b.any.js", "using <a>")
        );
    }
}
