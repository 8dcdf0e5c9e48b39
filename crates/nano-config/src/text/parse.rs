//! TOML and JSON with comments into the same nodes, by the parsers that cargo and dprint trust.

use std::collections::HashSet;
use std::ops::Range;

use jsonc_parser::ast::Value as Json;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use nano_base::limits::{MANIFEST_BYTES_MAX, MANIFEST_DEPTH_MAX, MANIFEST_VALUES_MAX};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::Findings;
use super::node::{Entry, Node, Table, Value};

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML 1.1.
    Toml,
    /// JSON, with comments and trailing commas.
    Jsonc,
}

impl Format {
    /// By the ending of a name.
    pub fn of(file: &str) -> Self {
        if file.ends_with(".toml") { Self::Toml } else { Self::Jsonc }
    }
}

/// The table that a file is, or nothing and the reasons in `findings`.
pub fn parse(text: &str, format: Format, findings: &mut Findings<'_>) -> Option<Table> {
    if text.len() > MANIFEST_BYTES_MAX {
        findings.error(&(0..0), format!("the file has {} bytes; a manifest has {MANIFEST_BYTES_MAX} at most", text.len()), "");
        return None;
    }
    match format {
        Format::Toml => parse_toml(text, findings),
        Format::Jsonc => parse_jsonc(text, findings),
    }
}

/// What a file may still hold while it is turned into nodes.
struct Budget<'f, 'a> {
    findings: &'f mut Findings<'a>,
    values_left: usize,
}

impl<'f, 'a> Budget<'f, 'a> {
    fn new(findings: &'f mut Findings<'a>) -> Self {
        Self { findings, values_left: MANIFEST_VALUES_MAX }
    }

    /// Counts one value in; none if there is no room for it.
    fn take(&mut self, span: &Range<usize>, depth: usize) -> Option<()> {
        if depth > MANIFEST_DEPTH_MAX {
            self.findings.error(span, format!("tables and lists nest deeper than {MANIFEST_DEPTH_MAX}"), "");
            return None;
        }
        let Some(left) = self.values_left.checked_sub(1) else {
            self.findings.error(span, format!("there are more than {MANIFEST_VALUES_MAX} values"), "");
            return None;
        };
        self.values_left = left;
        Some(())
    }

    fn refuse_number<T>(&mut self, span: &Range<usize>) -> Option<T> {
        self.findings.error(span, "the number has more than 64 bits", "write it as text");
        None
    }
}

/// One unclosed bracket is an error on every line below it.
const SYNTAX_ERRORS_MAX: usize = 10;

fn parse_toml(text: &str, findings: &mut Findings<'_>) -> Option<Table> {
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors.iter().take(SYNTAX_ERRORS_MAX) {
        findings.error(&error.span().unwrap_or(0..0), error.message().replace('\n', "; "), "");
    }
    if !errors.is_empty() {
        return None;
    }
    toml_table(document.into_inner(), 1, &mut Budget::new(findings))
}

fn toml_table(table: DeTable<'_>, depth: usize, budget: &mut Budget<'_, '_>) -> Option<Table> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table {
        let key_span = key.span();
        let node = toml_node(value, depth, budget)?;
        entries.push(Entry { key: key.into_inner().into_owned(), key_span, node });
    }
    // The parser sorts by name.
    entries.sort_by_key(|entry| entry.key_span.start);
    Some(Table(entries))
}

fn toml_node(spanned: Spanned<DeValue<'_>>, depth: usize, budget: &mut Budget<'_, '_>) -> Option<Node> {
    let span = spanned.span();
    budget.take(&span, depth)?;
    let value = match spanned.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => return budget.refuse_number(&span),
        },
        DeValue::Float(number) => Value::Float(number.as_str().replace('_', "").parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(bool) => Value::Bool(bool),
        DeValue::Datetime(time) => Value::Text(time.to_string()),
        DeValue::Array(list) => {
            Value::List(list.into_iter().map(|node| toml_node(node, depth + 1, budget)).collect::<Option<Vec<Node>>>()?)
        }
        DeValue::Table(table) => Value::Table(toml_table(table, depth + 1, budget)?),
    };
    Some(Node { span, value })
}

/// What editors read in a `.jsonc`: comments and trailing commas, and nothing else beyond JSON.
const JSONC: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: false,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

fn parse_jsonc(text: &str, findings: &mut Findings<'_>) -> Option<Table> {
    let parsed = match parse_to_ast(text, &CollectOptions::default(), &JSONC) {
        Ok(parsed) => parsed,
        Err(error) => {
            let range = error.range();
            let mut message = error.kind().to_string();
            if let Some(first) = message.get_mut(..1) {
                first.make_ascii_lowercase();
            }
            findings.error(&(range.start..range.end), message, "");
            return None;
        }
    };
    let node = match &parsed.value {
        Some(value) => jsonc_node(value, 0, &mut Budget::new(findings))?,
        None => Node { span: 0..0, value: Value::Null },
    };
    match node.value {
        Value::Table(table) => Some(table),
        _ => {
            findings.error(&node.span, format!("a manifest is an object, and this is {}", node.kind()), "");
            None
        }
    }
}

fn jsonc_node(json: &Json<'_>, depth: usize, budget: &mut Budget<'_, '_>) -> Option<Node> {
    let range = json.range();
    let span = range.start..range.end;
    budget.take(&span, depth)?;
    let value = match json {
        Json::NullKeyword(_) => Value::Null,
        Json::BooleanLit(literal) => Value::Bool(literal.value),
        Json::StringLit(literal) => Value::Text(literal.value.to_string()),
        Json::NumberLit(literal) => match literal.value.parse::<i64>() {
            Ok(number) => Value::Integer(number),
            Err(_) if literal.value.contains(['.', 'e', 'E']) => Value::Float(literal.value.parse().unwrap_or(f64::NAN)),
            Err(_) => return budget.refuse_number(&span),
        },
        Json::Array(array) => {
            Value::List(array.elements.iter().map(|node| jsonc_node(node, depth + 1, budget)).collect::<Option<Vec<Node>>>()?)
        }
        Json::Object(object) => {
            let mut seen = HashSet::new();
            let mut entries = Vec::with_capacity(object.properties.len());
            for property in &object.properties {
                let name = property.name.as_str();
                let range = property.name.range();
                let key_span = range.start..range.end;
                if !seen.insert(name) {
                    budget.findings.error(
                        &key_span,
                        format!("\"{name}\" is there twice"),
                        "only one of them would count: remove the other",
                    );
                }
                let node = jsonc_node(&property.value, depth + 1, budget)?;
                entries.push(Entry { key: name.to_string(), key_span, node });
            }
            Value::Table(Table(entries))
        }
    };
    Some(Node { span, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, format: Format) -> (Option<serde_json::Value>, Vec<String>) {
        let mut findings = Findings::new("f", text);
        let table = parse(text, format, &mut findings);
        let json = table.map(|table| Node { span: 0..0, value: Value::Table(table) }.json());
        (json, findings.into_list().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn both_formats_give_the_same_nodes() {
        let toml = "b = 1_000\na = \"x\"\n[t]\nlist = [1, 2.5, true]\nday = 2026-01-02\n[[r]]\nk = 0x10\n[[r]]\n";
        let jsonc = "{ // why\n\"b\": 1000, \"a\": \"x\", \"t\": {\"list\": [1, 2.5, true,], \"day\": \"2026-01-02\"}, /* */ \"r\": [{\"k\": 16}, {}], }";
        let (toml, toml_findings) = read(toml, Format::Toml);
        assert_eq!((toml.clone(), toml_findings), (read(jsonc, Format::Jsonc).0, vec![]));
        let keys: Vec<String> = toml.and_then(|json| json.as_object().map(|json| json.keys().cloned().collect())).unwrap_or_default();
        assert_eq!(keys, ["b", "a", "t", "r"], "in the order of the file");
    }

    #[test]
    fn errors_say_where() {
        let cases = [
            (Format::Toml, "a = 1\na = 2\n", vec!["f:2:1: error: duplicate key"]),
            (Format::Toml, "a = 99999999999999999999\n", vec!["f:1:5: error: the number has more than 64 bits (write it as text)"]),
            (Format::Jsonc, "{\"a\": 1 \"b\": 2}", vec!["f:1:8: error: expected comma"]),
            (Format::Jsonc, "{\n  a: 1}", vec!["f:2:3: error: expected string for object property"]),
            (
                Format::Jsonc,
                "{\"a\": 1,\n \"a\": 2}",
                vec!["f:2:2: error: \"a\" is there twice (only one of them would count: remove the other)"],
            ),
            (Format::Jsonc, "[1]", vec!["f:1:1: error: a manifest is an object, and this is a list"]),
            (Format::Jsonc, "", vec!["f:1:1: error: a manifest is an object, and this is null"]),
        ];
        for (format, text, expected) in cases {
            assert_eq!(read(text, format).1, expected, "{text}");
        }
    }

    #[test]
    fn all_errors_of_a_toml_file_are_told() {
        assert_eq!(read("a = \nb = 1\nc = ]\n", Format::Toml).1.len(), 2);
    }

    #[test]
    fn nothing_nests_or_grows_without_end() {
        for depth in [MANIFEST_DEPTH_MAX + 1, 200, 100_000] {
            let deep = |open: &str, close: &str| format!("{}{}", open.repeat(depth), close.repeat(depth));
            for (format, text) in [
                (Format::Jsonc, format!("{{\"a\": {}}}", deep("[", "]"))),
                (Format::Toml, format!("a = {}", deep("[", "]"))),
                (Format::Toml, format!("{}a = 1", "a.".repeat(depth))),
            ] {
                let (json, findings) = read(&text, format);
                assert!(json.is_none() && !findings.is_empty(), "{format:?} {depth}");
            }
        }
        let many = |count: usize| "1,".repeat(count);
        for format in [Format::Toml, Format::Jsonc] {
            let file = |count: usize| match format {
                Format::Toml => format!("a = [{}]", many(count)),
                Format::Jsonc => format!("{{\"a\": [{}]}}", many(count)),
            };
            assert!(read(&file(MANIFEST_VALUES_MAX - 2), format).0.is_some(), "{format:?}");
            assert!(read(&file(MANIFEST_VALUES_MAX), format).1[0].contains("more than 10000 values"), "{format:?}");
            assert!(read(&file(MANIFEST_BYTES_MAX), format).1[0].contains("a manifest has 1048576 at most"), "{format:?}");
        }
    }
}
