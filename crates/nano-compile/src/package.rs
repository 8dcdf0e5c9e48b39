//! package.json: entry points, `exports`, `imports`, and what they mean for a Worker.
//!
//! Follows https://nodejs.org/api/esm.html#resolution-algorithm-specification: conditions in the order of the file's keys,
//! patterns by their longest prefix, targets that begin with `./` and stay inside the package.

use nano_base::limits::CONDITIONS_DEPTH_MAX;
use serde_json::Value;

/// Conditions that hold for code that runs here, whoever wrote the file decides by its own order.
const CONDITIONS: [&str; 5] = ["workerd", "worker", "browser", "import", "default"];

/// The same for `require()`.
const CONDITIONS_REQUIRE: [&str; 5] = ["workerd", "worker", "browser", "require", "default"];

/// One package.json.
#[derive(Debug, Default)]
pub(crate) struct Package {
    json: Value,
}

/// Where `exports` or `imports` lead.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mapped {
    /// A file of the package, relative to it and without `./`.
    File(String),
    /// Another specifier (`imports` only).
    Specifier(String),
    /// It is not there, or not for us.
    Refused,
}

impl Package {
    /// `None` for what is no JSON object.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let json: Value = serde_json::from_slice(text).ok()?;
        json.is_object().then_some(Self { json })
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.json.get(key)?.as_str()
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.text("name")
    }

    /// Whether its `.js` files are ES modules.
    pub(crate) fn is_module(&self) -> bool {
        self.text("type") == Some("module")
    }

    pub(crate) fn has_exports(&self) -> bool {
        self.json.get("exports").is_some_and(|exports| !exports.is_null())
    }

    /// The entry point of a package without `exports`, or of an app's folder.
    pub(crate) fn main(&self) -> Vec<&str> {
        let browser = self.text("browser");
        [browser, self.text("module"), self.text("main")].into_iter().flatten().collect()
    }

    /// The main module that an app's own package.json names.
    pub(crate) fn app_main(&self) -> Option<&str> {
        self.text("module").or_else(|| self.text("main"))
    }

    /// Whether it has a table of what to take instead, in "browser".
    pub(crate) fn has_browser(&self) -> bool {
        self.json.get("browser").is_some_and(Value::is_object)
    }

    /// What the table "browser" has instead of a file ("./a.js") or a package: `Some(None)` is nothing at all.
    pub(crate) fn browser(&self, name: &str) -> Option<Option<&str>> {
        match self.json.get("browser")?.as_object()?.get(name)? {
            Value::String(other) => Some(Some(other)),
            Value::Bool(false) => Some(None),
            _ => None,
        }
    }

    /// `subpath` is "." or begins with "./".
    pub(crate) fn export(&self, subpath: &str, require: bool) -> Mapped {
        let Some(exports) = self.json.get("exports") else { return Mapped::Refused };
        let conditions = conditions(require);
        let sugar = match exports {
            Value::Object(entries) => !entries.keys().any(|key| key.starts_with('.')),
            _ => true,
        };
        if sugar {
            return if subpath == "." { target(exports, None, conditions, false, 0).unwrap_or(Mapped::Refused) } else { Mapped::Refused };
        }
        matched(exports, subpath, conditions, false)
    }

    /// `specifier` begins with "#".
    pub(crate) fn import(&self, specifier: &str, require: bool) -> Mapped {
        match self.json.get("imports") {
            Some(imports) if imports.is_object() => matched(imports, specifier, conditions(require), true),
            _ => Mapped::Refused,
        }
    }
}

fn conditions(require: bool) -> &'static [&'static str] {
    if require { &CONDITIONS_REQUIRE } else { &CONDITIONS }
}

/// PACKAGE_IMPORTS_EXPORTS_RESOLVE
fn matched(table: &Value, key: &str, conditions: &[&str], internal: bool) -> Mapped {
    let Some(entries) = table.as_object() else { return Mapped::Refused };
    if !key.contains('*')
        && !key.ends_with('/')
        && let Some(value) = entries.get(key)
    {
        return target(value, None, conditions, internal, 0).unwrap_or(Mapped::Refused);
    }
    let mut best: Option<(&str, &str, &Value)> = None;
    for (pattern, value) in entries {
        let Some((prefix, suffix)) = pattern.split_once('*') else { continue };
        if suffix.contains('*') || !key.starts_with(prefix) || key == prefix {
            continue;
        }
        if key.len() < prefix.len() + suffix.len() || !key.ends_with(suffix) {
            continue;
        }
        // PATTERN_KEY_COMPARE: the longest prefix, then the longest key.
        let better = best.is_none_or(|(other, rest, _)| (prefix.len(), suffix.len()) > (other.len(), rest.len()));
        if better {
            best = Some((prefix, suffix, value));
        }
    }
    let Some((prefix, suffix, value)) = best else { return Mapped::Refused };
    let star = &key[prefix.len()..key.len() - suffix.len()];
    target(value, Some(star), conditions, internal, 0).unwrap_or(Mapped::Refused)
}

/// PACKAGE_TARGET_RESOLVE; `None` is its undefined: the next condition or alternative is tried.
fn target(value: &Value, star: Option<&str>, conditions: &[&str], internal: bool, depth: u32) -> Option<Mapped> {
    if depth > CONDITIONS_DEPTH_MAX {
        return Some(Mapped::Refused);
    }
    match value {
        Value::String(text) => Some(string_target(text, star, internal)),
        Value::Object(entries) => {
            for (condition, value) in entries {
                if conditions.contains(&condition.as_str())
                    && let Some(found) = target(value, star, conditions, internal, depth + 1)
                {
                    return Some(found);
                }
            }
            None
        }
        Value::Array(alternatives) => {
            let mut last = Some(Mapped::Refused);
            for value in alternatives {
                last = target(value, star, conditions, internal, depth + 1);
                if matches!(last, Some(Mapped::File(_) | Mapped::Specifier(_))) {
                    return last;
                }
            }
            last
        }
        _ => Some(Mapped::Refused),
    }
}

fn string_target(text: &str, star: Option<&str>, internal: bool) -> Mapped {
    let filled = match star {
        Some(star) => text.replace('*', star),
        None => text.to_string(),
    };
    let Some(path) = text.strip_prefix("./") else {
        let other = internal && !text.starts_with("../") && !text.starts_with('/') && !text.is_empty();
        return if other { Mapped::Specifier(filled) } else { Mapped::Refused };
    };
    let filled = &filled[2..];
    // Neither the target nor what fills it may lead out of the package or into another.
    let refused = |part: &str| {
        let part = part.replace("%2e", ".").replace("%2E", ".");
        part == "." || part == ".." || part.eq_ignore_ascii_case("node_modules") || part.contains("%2f") || part.contains("%2F")
    };
    if path.is_empty() || filled.split(['/', '\\']).any(refused) || filled.contains('\0') {
        return Mapped::Refused;
    }
    Mapped::File(filled.to_string())
}
