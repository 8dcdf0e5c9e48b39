//! What is wrong with a file, and where: all of it at once, each with a sentence that helps.

use std::fmt;
use std::ops::Range;

use nano_base::limits::FINDINGS_MAX;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing: something is understood and does nothing here.
    Notice,
    /// It may not work as its author expects.
    Warning,
    /// It is not used.
    Error,
}

impl Severity {
    /// The word in texts and JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing to say about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file, as it was named to the parser.
    pub file: String,
    /// The line, from 1; zero if it is about the file as a whole.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to do about it; may be empty.
    pub help: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}: {}", self.severity.word(), self.message)?;
        if self.help.is_empty() { Ok(()) } else { write!(f, " ({})", self.help) }
    }
}

impl Finding {
    /// As one line of JSON.
    pub fn json(&self) -> String {
        serde_json::json!({
            "severity": self.severity.word(), "file": self.file, "line": self.line, "column": self.column,
            "message": self.message, "help": self.help,
        })
        .to_string()
    }

    /// About a file as a whole.
    pub fn of_file(severity: Severity, file: impl Into<String>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { severity, file: file.into(), line: 0, column: 0, message: message.into(), help: help.into() }
    }
}

/// Where a file says something: the key, its line and its column.
pub type Place = (String, u32, u32);

/// Line and column of a key, or else of the table that it is in; zeros if neither is there.
pub fn place_of(places: &[Place], key: &str) -> (u32, u32) {
    let mut key = key;
    loop {
        if let Some((_, line, column)) = places.iter().find(|(place, ..)| place == key) {
            return (*line, *column);
        }
        match key.rsplit_once('.') {
            Some((table, _)) => key = table,
            None => return (0, 0),
        }
    }
}

/// A place as people write it.
pub fn show_place(file: &str, (line, column): (u32, u32)) -> String {
    if line == 0 { file.to_string() } else { format!("{file}:{line}:{column}") }
}

/// The findings of one file while it is read.
#[derive(Debug)]
pub struct Findings<'a> {
    file: &'a str,
    text: &'a str,
    list: Vec<Finding>,
    left_out: usize,
    places: Vec<Place>,
}

impl<'a> Findings<'a> {
    /// None yet.
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, list: Vec::new(), left_out: 0, places: Vec::new() }
    }

    /// An error at a place.
    pub fn error(&mut self, span: &Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Error, span, message, help);
    }

    /// A warning at a place.
    pub fn warning(&mut self, span: &Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Warning, span, message, help);
    }

    /// A notice at a place.
    pub fn notice(&mut self, span: &Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Notice, span, message, help);
    }

    fn add(&mut self, severity: Severity, span: &Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        if self.list.len() >= FINDINGS_MAX {
            self.left_out += 1;
            // What makes a file unusable is never left out.
            if severity < Severity::Error || self.has_errors() {
                return;
            }
        }
        let (line, column) = position(self.text, span.start);
        self.list.push(Finding { severity, file: self.file.to_string(), line, column, message: message.into(), help: help.into() });
    }

    /// Remembers where something is said, for whoever finds out later that it cannot be.
    pub fn place(&mut self, key: impl Into<String>, span: &Range<usize>) {
        let (line, column) = position(self.text, span.start);
        self.places.push((key.into(), line, column));
    }

    /// What was remembered.
    pub fn take_places(&mut self) -> Vec<Place> {
        std::mem::take(&mut self.places)
    }

    /// Whether the file cannot be used.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// All of them, in the order of the file.
    pub fn into_list(mut self) -> Vec<Finding> {
        self.list.sort_by_key(|finding| (finding.line, finding.column));
        if self.left_out > 0 {
            let message = format!("{} more findings are not shown", self.left_out);
            self.list.push(Finding::of_file(Severity::Notice, self.file, message, ""));
        }
        self.list
    }
}

/// Line and column of a byte, both from 1.
pub fn position(text: &str, offset: usize) -> (u32, u32) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
    (line as u32, column as u32)
}

/// The line a finding is about with a caret below its column, for terminals. Empty if the text has no such line.
pub fn frame(text: &str, finding: &Finding) -> String {
    let Some(line) = (finding.line as usize).checked_sub(1).and_then(|index| text.lines().nth(index)) else { return String::new() };
    let number = finding.line.to_string();
    let pad: String = line.chars().take(finding.column as usize - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    format!("{number} | {line}\n{} | {pad}^\n", " ".repeat(number.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_lines_and_characters() {
        let text = "a\nbé=1\r\n\tx";
        let cases = [(0, (1, 1)), (1, (1, 2)), (2, (2, 1)), (5, (2, 3)), (10, (3, 2)), (99, (3, 3))];
        for (offset, expected) in cases {
            assert_eq!(position(text, offset), expected, "byte {offset}");
        }
    }

    #[test]
    fn a_frame_points_at_the_column() {
        let text = "one\n\ttwo = 3\n";
        let finding = Finding { line: 2, column: 6, ..Finding::of_file(Severity::Error, "f", "m", "") };
        assert_eq!(frame(text, &finding), "2 | \ttwo = 3\n  | \t    ^\n");
    }

    #[test]
    fn an_error_is_kept_however_much_was_said_before() {
        let mut findings = Findings::new("f", "text");
        for _ in 0..FINDINGS_MAX + 5 {
            findings.notice(&(0..1), "n", "");
        }
        findings.error(&(2..3), "bad", "");
        assert!(findings.has_errors());
        let list = findings.into_list();
        assert!(list.iter().any(|finding| finding.to_string() == "f:1:3: error: bad"));
        assert_eq!(list.last().map(|finding| finding.message.as_str()), Some("6 more findings are not shown"));
    }
}
