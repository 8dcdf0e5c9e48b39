//! What a test file says about itself in its first lines: `// META: key=value`.

/// The `META` lines of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Scripts to run before the test, as they are written.
    pub scripts: Vec<String>,
    /// Where the test wants to run; empty if it does not say.
    pub globals: Vec<String>,
    /// `timeout=long`.
    pub long: bool,
    /// Queries to run the file with, one run for each; empty for one run without.
    pub variants: Vec<String>,
    /// `title=...`.
    pub title: Option<String>,
}

/// Reads the `META` lines: they come first, and may stand between other comments and blank lines.
pub fn parse(source: &str) -> Meta {
    let mut meta = Meta::default();
    for line in source.lines() {
        let line = line.trim();
        if line.is_empty() || line == "\"use strict\";" || line == "'use strict';" {
            continue;
        }
        let Some(comment) = line.strip_prefix("//") else { break };
        let Some((key, value)) = comment.trim_start().strip_prefix("META:").and_then(|pair| pair.split_once('=')) else { continue };
        let value = value.trim();
        match key.trim() {
            "script" => meta.scripts.push(value.into()),
            "global" => meta.globals.extend(value.split(',').map(|global| global.trim().to_string())),
            "timeout" => meta.long = value == "long",
            "variant" => meta.variants.push(value.into()),
            "title" => meta.title = Some(value.into()),
            _ => {}
        }
    }
    meta
}

/// Where a script named in the file at `from` is: below the root if it begins with a slash, else beside the file.
pub fn resolve(from: &str, script: &str) -> String {
    let mut parts: Vec<&str> = if script.starts_with('/') { Vec::new() } else { from.split('/').collect() };
    parts.pop();
    for part in script.split(['?', '#']).next().unwrap_or_default().split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_lines_are_read_until_the_code_begins() {
        let source = "// META: title=A = B\n// META: script=/common/a.js\n//META: script=b.js\n\n'use strict';\n// words\n// META: global=window,worker\n\
            // META: timeout=long\n// META: variant=?1-10\n// META: variant=?11-last\ntest(() => {});\n// META: script=late.js\n";
        let meta = parse(source);
        assert_eq!(meta.scripts, ["/common/a.js", "b.js"]);
        assert_eq!(meta.globals, ["window", "worker"]);
        assert!(meta.long);
        assert_eq!(meta.variants, ["?1-10", "?11-last"]);
        assert_eq!(meta.title.as_deref(), Some("A = B"));
        assert_eq!(parse("test(() => {});"), Meta::default());
    }

    #[test]
    fn scripts_are_found_below_the_root_or_beside_the_test() {
        assert_eq!(resolve("streams/piping/a.any.js", "../resources/b.js"), "streams/resources/b.js");
        assert_eq!(resolve("streams/piping/a.any.js", "b.js?x=/y"), "streams/piping/b.js");
        assert_eq!(resolve("streams/piping/a.any.js", "/common/c.js"), "common/c.js");
        assert_eq!(resolve("a.any.js", "../../etc/passwd"), "etc/passwd");
    }
}
