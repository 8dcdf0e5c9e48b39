//! Packages in Node's older format: how to know them, and the names they export, found as Node's own lexer finds them: by how the
//! assignments look. What is found becomes the named exports beside `default`; what is not is still reached through `default`.

use nano_base::limits::COMMONJS_NAMES_MAX;

/// What a text seems to export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exports {
    /// Names, without "default".
    pub names: Vec<String>,
    /// Modules all of whose exports are exported again.
    pub from: Vec<String>,
}

/// Whether a text is an ES module: a line that begins with an import or an export.
pub(crate) fn looks_like_esm(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let statement = |rest: &str, after: &[char]| rest.starts_with(char::is_whitespace) || rest.starts_with(after);
    text.split(['\n', ';', '}']).any(|line| {
        let line = line.trim_start();
        let import = line.strip_prefix("import").is_some_and(|rest| statement(rest, &['"', '\'', '{', '*']) || rest.starts_with(".meta"));
        let export = line.strip_prefix("export").is_some_and(|rest| statement(rest, &['{', '*']));
        import || export
    })
}

/// The exports of a text.
pub(crate) fn lex(text: &str) -> Exports {
    let mut exports = Exports::default();
    let mut from = 0;
    while let Some(offset) = text[from..].find("exports") {
        let at = from + offset;
        from = at + "exports".len();
        let before = &text[..at];
        if before.ends_with(|character: char| character.is_alphanumeric() || character == '_' || character == '$') {
            continue;
        }
        let rest = text[from..].trim_start();
        if let Some(rest) = rest.strip_prefix('.') {
            let (name, rest) = word(rest);
            if assigns(rest) {
                exports.add(name);
            }
        } else if let Some(rest) = rest.strip_prefix('[') {
            if let Some((name, rest)) = quoted(rest)
                && rest.trim_start().strip_prefix(']').is_some_and(assigns)
            {
                exports.add(name);
            }
        } else if before.ends_with("module.") && assigns(rest) {
            whole(rest.trim_start()[1..].trim_start(), &mut exports);
        } else if let Some(rest) = rest.strip_prefix(',') {
            let defines = before.trim_end().ends_with("defineProperty(") || before.trim_end().ends_with("__esModule(");
            if let (true, Some((name, _))) = (defines, quoted(rest.trim_start())) {
                exports.add(name);
            } else if let Some(star) = rest.trim_start().strip_prefix("require(") {
                // tslib's and esbuild's __exportStar(require("x"), exports) the other way round.
                exports.from.extend(quoted(star.trim_start()).map(|(name, _)| name.to_string()));
            } else if before.trim_end().ends_with("__export(") && rest.trim_start().starts_with('{') {
                keys(&rest.trim_start()[1..], &mut exports);
            }
        } else if rest.starts_with(')')
            && let Some(star) = before.rfind("__exportStar(require(")
            && before.len() - star < 200
        {
            exports.from.extend(quoted(&before[star + "__exportStar(require(".len()..]).map(|(name, _)| name.to_string()));
        }
    }
    exports
}

/// What `module.exports` is set to.
fn whole(value: &str, exports: &mut Exports) {
    if let Some(body) = value.strip_prefix('{') {
        keys(body, exports);
    } else if let Some(rest) = value.strip_prefix("require(") {
        exports.from.extend(quoted(rest.trim_start()).map(|(name, _)| name.to_string()));
    }
}

/// The keys of an object literal, as far as it is a plain list of them.
fn keys(body: &str, exports: &mut Exports) {
    let mut rest = body;
    loop {
        rest = rest.trim_start();
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n').map_or("", |(_, rest)| rest);
            continue;
        }
        if let Some(spread) = rest.strip_prefix("...require(") {
            let Some((name, after)) = quoted(spread.trim_start()) else { return };
            exports.from.push(name.to_string());
            let Some(after) = after.trim_start().strip_prefix(')') else { return };
            rest = after;
        } else {
            let (name, after) = match quoted(rest) {
                Some(found) => found,
                None => word(rest),
            };
            if name.is_empty() {
                return;
            }
            exports.add(name);
            rest = after.trim_start();
            if let Some(value) = rest.strip_prefix(':') {
                rest = skip_value(value);
            } else if rest.starts_with('(') {
                return;
            }
        }
        let Some(next) = rest.trim_start().strip_prefix(',') else { return };
        rest = next;
        if exports.names.len() >= COMMONJS_NAMES_MAX {
            return;
        }
    }
}

/// Past a value that is a name, a path of names or a getter's arrow; anything else ends the list.
fn skip_value(value: &str) -> &str {
    let value = value.trim_start();
    let value = value.strip_prefix("() => ").or_else(|| value.strip_prefix("()=>")).unwrap_or(value);
    value.trim_start_matches(|character: char| character.is_alphanumeric() || matches!(character, '_' | '$' | '.'))
}

impl Exports {
    fn add(&mut self, name: &str) {
        let good = !name.is_empty() && name != "default" && self.names.len() < COMMONJS_NAMES_MAX;
        if good && !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_string());
        }
    }
}

fn assigns(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.starts_with('=') && !rest.starts_with("==")
}

/// The name that a text begins with, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(|character: char| !(character.is_alphanumeric() || character == '_' || character == '$')).unwrap_or(text.len());
    text.split_at(end)
}

fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (name, rest) = text[1..].split_once(quote)?;
    (name.len() < 256 && !name.contains(['\\', '\n'])).then_some((name, rest))
}
