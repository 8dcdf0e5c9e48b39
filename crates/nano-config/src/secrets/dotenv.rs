//! `.dev.vars` and `.env`, as dotenv reads them; where dotenv would guess or skip a line, there is an error instead.

use std::collections::HashMap;
use std::path::Path;

use nano_base::limits::MANIFEST_BYTES_MAX;

use super::Secret;
use crate::manifest::read_text;
use crate::text::finding::Findings;
use crate::text::{Finding, Severity};

/// Names and their values, in the order of the file; of a name that is there twice the later one counts.
pub fn parse(text: &str, findings: &mut Findings<'_>) -> Vec<(String, Secret)> {
    if text.len() > MANIFEST_BYTES_MAX {
        findings.error(&(0..0), format!("the file has more than {MANIFEST_BYTES_MAX} bytes"), "");
        return Vec::new();
    }
    let mut list: Vec<Option<(String, Secret)>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut at = 0;
    while at < text.len() {
        let line_end = text[at..].find(['\n', '\r']).map_or(text.len(), |length| at + length);
        let line = &text[at..line_end];
        let start = at + line.len() - line.trim_start().len();
        let content = line.trim();
        let mut next = line_end + 1;
        let is_entry = !content.is_empty() && !content.starts_with('#');
        if let Some((name, value, end)) = is_entry.then(|| entry(text, start, line_end, findings)).flatten() {
            if let Some(before) = places.insert(name.clone(), list.len()) {
                findings.warning(&(start..line_end), format!("{name} is there twice"), "the later one counts");
                list[before] = None;
            }
            list.push(Some((name, Secret::new(value))));
            next = next.max(end);
        }
        at = next;
    }
    list.into_iter().flatten().collect()
}

/// One assignment: its name, its value, and where to go on.
fn entry(text: &str, start: usize, line_end: usize, findings: &mut Findings<'_>) -> Option<(String, String, usize)> {
    let line = &text[start..line_end];
    let exported = line.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t'])).map(str::trim_start);
    let rest = exported.unwrap_or(line);
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let name_length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(name_length);
    let span = start..line_end;
    if name.is_empty() {
        findings.error(&span, "the line does not begin with a name", "write NAME=value; names have letters, digits, _, . and -");
        return None;
    }
    let value = match rest.trim_start() {
        // A colon needs a space behind it: it may as well be part of a URL.
        rest if rest.starts_with('=') => &rest[1..],
        rest if rest.starts_with(": ") || rest.starts_with(":\t") => &rest[1..],
        _ => {
            // What looks like a name may be a line of somebody's key.
            findings.error(&span, "the line has no =", "write NAME=value; quote values of several lines");
            return None;
        }
    };
    let value = value.trim_start();
    match value.chars().next() {
        Some(quote @ ('"' | '\'' | '`')) => {
            let open = line_end - value.len();
            let Some(close) = closing(text, open + 1, quote) else {
                findings.error(&(open..open + 1), format!("the value of {name} has no closing {quote}"), "");
                return None;
            };
            let after_end = text[close..].find(['\n', '\r']).map_or(text.len(), |length| close + length);
            let after = text[close + 1..after_end].trim();
            if !after.is_empty() && !after.starts_with('#') {
                findings.error(
                    &(close + 1..after_end),
                    format!("there is text behind the value of {name}"),
                    "quote all of it, or put # before it",
                );
            }
            let inner = &text[open + 1..close];
            let value = if quote == '"' { inner.replace("\\n", "\n").replace("\\r", "\r") } else { inner.to_string() };
            Some((name.to_string(), value, after_end + 1))
        }
        _ => {
            let value = value.split_once('#').map_or(value, |(value, _)| value);
            Some((name.to_string(), value.trim_end().to_string(), 0))
        }
    }
}

/// The quote that ends a value. One behind a backslash does not, and the backslash stays.
fn closing(text: &str, from: usize, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (index, c) in text[from..].char_indices() {
        if c == quote && !escaped {
            return Some(from + index);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

/// The variables for development of an app's folder: `.dev.vars.ENVIRONMENT`, else `.dev.vars`, else `.env` with
/// `.env.ENVIRONMENT` over it.
pub fn dev_vars(folder: &Path, shown: &str, environment: Option<&str>) -> (Vec<(String, Secret)>, Vec<Finding>) {
    let named = |file: &str| environment.map(|environment| format!("{file}.{environment}"));
    let there = |file: &String| folder.join(file).exists();
    let first = named(".dev.vars").filter(there).or_else(|| Some(".dev.vars".to_string()).filter(there));
    let files = match first {
        Some(file) => vec![file],
        None => [Some(".env".to_string()), named(".env")].into_iter().flatten().filter(there).collect(),
    };
    let mut vars: Vec<(String, Secret)> = Vec::new();
    let mut said = Vec::new();
    for file in files {
        let path = format!("{shown}/{file}");
        match read_text(&folder.join(&file)) {
            Err(why) => said.push(Finding::of_file(Severity::Error, path, why, "")),
            Ok(text) => {
                let mut findings = Findings::new(&path, &text);
                for (name, value) in parse(&text, &mut findings) {
                    vars.retain(|(other, _)| *other != name);
                    vars.push((name, value));
                }
                said.extend(findings.into_list());
            }
        }
    }
    (vars, said)
}

/// Whether a file has the name of one with variables for development, of whatever environment.
pub fn is_dev_vars(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let named = |file: &str| name.strip_prefix(file).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    named(".dev.vars") || named(".env")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<(String, String)>, Vec<String>) {
        let mut findings = Findings::new(".env", text);
        let list = parse(text, &mut findings).into_iter().map(|(name, value)| (name, value.reveal().to_string())).collect();
        (list, findings.into_list().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn values_are_what_dotenv_makes_of_them() {
        let cases = [
            ("A=1", "1"),
            ("A = 1 ", "1"),
            ("  export A=1", "1"),
            ("A: 1", "1"),
            ("A=", ""),
            ("A=a b", "a b"),
            ("A=a # why", "a"),
            ("A=a#b", "a"),
            ("A='a # b'", "a # b"),
            ("A=\"a # b\" # why", "a # b"),
            ("A=`it's \"so\"`", "it's \"so\""),
            ("A=' a '", " a "),
            ("A='a\\nb'", "a\\nb"),
            ("A=\"a\\nb\"", "a\nb"),
            ("A=\"a\nb\"", "a\nb"),
            ("A='a\r\nb'\r\n", "a\r\nb"),
            ("A=\"say \\\"x\\\"\"", "say \\\"x\\\""),
            ("A={\"a\": 1}", "{\"a\": 1}"),
            ("A=https://x/?a=b", "https://x/?a=b"),
            ("A=ü", "ü"),
        ];
        for (text, value) in cases {
            assert_eq!(read(text), (vec![("A".to_string(), value.to_string())], vec![]), "{text}");
        }
    }

    #[test]
    fn lines_end_as_on_any_system() {
        let pair = |name: &str, value: &str| (name.to_string(), value.to_string());
        for newline in ["\n", "\r\n", "\r"] {
            let text = ["# first", "A=1", "", "B='x", "y'", "C.d-e=3"].join(newline);
            let expected = vec![pair("A", "1"), pair("B", &format!("x{newline}y")), pair("C.d-e", "3")];
            assert_eq!(read(&text), (expected, vec![]), "{newline:?}");
        }
    }

    #[test]
    fn what_dotenv_skips_or_guesses_is_told_by_line_and_never_with_its_value() {
        let cases = [
            ("A=1\nhunter2", ".env:2:1: error: the line has no = (write NAME=value; quote values of several lines)"),
            (
                "A=1\n\n=hunter2",
                ".env:3:1: error: the line does not begin with a name (write NAME=value; names have letters, digits, _, . and -)",
            ),
            ("A='hunter2\nB=2\n", ".env:1:3: error: the value of A has no closing '"),
            ("A='x' hunter2", ".env:1:6: error: there is text behind the value of A (quote all of it, or put # before it)"),
            ("B=1\nA=1\nB=2", ".env:3:1: warning: B is there twice (the later one counts)"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).1, [expected], "{text}");
        }
        assert_eq!(read("B=1\nA=1\nB=2").0, [("A".to_string(), "1".to_string()), ("B".to_string(), "2".to_string())]);
    }
}
