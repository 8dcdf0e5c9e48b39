//! A test file as an app: one script of the harness, the scripts it asks for, the test, and a handler that answers with the results.

use std::fs;
use std::path::Path;

use crate::meta;
use crate::site;
use crate::tree::Test;

/// How long a test may wait, in milliseconds: as WPT has it, or less.
pub const TIMEOUT_MS: u32 = 10_000;
/// The same for `timeout=long`: deriving keys for all of PBKDF2's tests takes a minute of CPU, and other files run beside it.
pub const LONG_TIMEOUT_MS: u32 = 180_000;

/// What a worker's global has and the platform does not: where it is, and what kind of global it is.
const BEFORE_HARNESS: &str = r#"
{
  const url = new URL(LOCATION);
  const location = { __proto__: { toString: () => url.href } };
  for (const part of ["href", "origin", "protocol", "host", "hostname", "port", "pathname", "search", "hash"]) location[part] = url[part];
  Object.defineProperty(self, "location", { value: location, configurable: true });
}
self.GLOBAL = { isWindow: () => false, isWorker: () => true, isShadowRealm: () => false };
"#;

/// The harness would talk to the page that started a worker, so it must not know that this is one; idlharness.js must.
const AFTER_HARNESS: &str = r#"
for (const name of ["WorkerGlobalScope", "DedicatedWorkerGlobalScope"]) {
  if (name in self) continue;
  const Scope = class { static [Symbol.hasInstance](value) { return value === self; } };
  Object.defineProperty(Scope, "name", { value: name });
  Object.defineProperty(self, name, { value: Scope, configurable: true });
}
{
  const { stringify } = JSON;
  const { clearInterval, setInterval, timeout } = self;
  let settle;
  const results = new Promise((resolve) => (settle = resolve));
  add_completion_callback((tests, harness) => {
    const rows = [];
    for (let i = 0; i < tests.length; i++) {
      const { name, status, message } = tests[i];
      rows[i] = [String(name).toWellFormed(), status, String(message ?? "").toWellFormed().slice(0, 500)];
    }
    settle(stringify({ status: harness.status, message: String(harness.message ?? ""), tests: rows }));
  });
  // Time counts only while this app has turns: another one that keeps the thread busy must not make it time out.
  let ticks = 0;
  const ticking = setInterval(() => {
    if (++ticks < TIMEOUT / 100) return;
    clearInterval(ticking);
    timeout();
  }, 100);
  addEventListener("fetch", (event) => event.respondWith(results.then((text) => new Response(text))));
}
"#;

/// Where a test believes to be.
pub fn location(test: &Test, variant: &str) -> String {
    format!("{}/{}{variant}", site::ORIGIN, test.path.replace(".any.js", ".any.worker.html"))
}

/// The app's source, and how long it may take.
pub fn build(root: &Path, test: &Test, variant: &str) -> std::io::Result<(String, u32)> {
    let read = |path: &str| -> std::io::Result<String> {
        let path = site::rewritten(path);
        let text = fs::read(root.join(path)).map_err(|error| std::io::Error::new(error.kind(), format!("{path}: {error}")))?;
        let text = String::from_utf8_lossy(&text).into_owned();
        Ok(if path.contains(".sub.") { site::substitute(&text) } else { text })
    };
    let timeout_ms = if test.meta.long { LONG_TIMEOUT_MS } else { TIMEOUT_MS };
    let location = location(test, variant);
    let mut source = String::new();
    source.push_str(&BEFORE_HARNESS.replace("LOCATION", &serde_json::Value::from(location).to_string()));
    if let Some(title) = &test.meta.title {
        source.push_str(&format!("self.META_TITLE = {};\n", serde_json::Value::from(title.as_str())));
    }
    source.push_str(&read("resources/testharness.js")?);
    source.push_str(&AFTER_HARNESS.replace("TIMEOUT", &timeout_ms.to_string()));
    if test.path.ends_with(".worker.js") {
        // What it would import is here already.
        source.push_str("self.importScripts = () => {};\n");
    }
    // One error ends the file, but not the report. In a function, as in a page, scripts may declare the same function twice.
    let mut body = String::new();
    for script in &test.meta.scripts {
        let text = read(&meta::resolve(&test.path, script))?;
        body.push_str(&globals(&text));
        body.push_str(&text);
        body.push_str("\n;\n");
    }
    let text = if test.path.contains(".sub.") { site::substitute(&test.source) } else { test.source.clone() };
    // Strictness is of the test alone: what it loads need not be.
    let (before, after) = if is_strict(&text) { ("(function () { 'use strict';\n", "\n}).call(self);") } else { ("", "") };
    body.push_str(&format!("{before}{}{text}{after}", globals(&text)));
    // An app is strict, a script of a page need not be: what is evaluated globally is not.
    let script = serde_json::Value::from(format!("(function () {{\n{body}\n}})"));
    source.push_str(&format!("try {{ (0, eval)({script}).call(self); }} catch (error) {{ reportError(error); }}\ndone();\n"));
    Ok((source, timeout_ms))
}

/// A script's functions are properties of the global, which those of a function are not: makes them so. What only looks as if it were one
/// at the top, in a bundle, is not in scope here.
fn globals(source: &str) -> String {
    let declared = source.lines().filter_map(|line| {
        let rest = line.strip_prefix("async ").unwrap_or(line).strip_prefix("function")?.trim_start_matches(['*', ' ']);
        let name = rest.split('(').next()?.trim();
        (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$')).then_some(name)
    });
    declared.map(|name| format!("if (typeof {name} === 'function') globalThis.{name} = {name};\n")).collect()
}

/// Whether a script begins with the directive, comments apart.
fn is_strict(source: &str) -> bool {
    let mut rest = source.trim_start();
    loop {
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, rest)| rest).trim_start();
        } else {
            return rest.starts_with("'use strict'") || rest.starts_with("\"use strict\"");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_scripts_are_globals() {
        let source = "function a() {\n  function inner() {}\n}\nasync function b_1 (x) {}\nfunction* c() {}\nvar d = function () {};\n";
        let made: Vec<String> = globals(source).lines().filter_map(|line| line.rsplit(" = ").next().map(str::to_string)).collect();
        assert_eq!(made, ["a;", "b_1;", "c;"]);
    }

    #[test]
    fn a_directive_is_seen_behind_comments_only() {
        assert!(is_strict("// META: a=b\n/* c */ 'use strict';\n"));
        assert!(!is_strict("test(); 'use strict';"));
    }
}
