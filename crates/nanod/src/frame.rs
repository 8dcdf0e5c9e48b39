//! Places in an app's code: read from errors and stacks, shown as the lines around them.

use std::fmt::Write;
use std::io::Read;
use std::path::Path;

use nano_base::limits::SOURCE_SHOWN_BYTES_MAX;
use nano_config::text::{Finding, Severity};
use nano_core::{Error, Status};

use crate::output::{Ink, paint};

/// Lines shown before and behind the one that is meant.
const AROUND: u32 = 2;

/// What is shown of a longer line, in characters.
const LINE_CHARS_MAX: usize = 160;

/// A place in a file of an app's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its path inside the app's folder.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

impl Place {
    /// `FILE:LINE:COLUMN`.
    fn parse(text: &str) -> Option<Self> {
        let (rest, column) = text.rsplit_once(':')?;
        let (file, line) = rest.rsplit_once(':')?;
        let place = Self { file: file.to_string(), line: line.parse().ok()?, column: column.parse().ok()? };
        (!file.is_empty() && place.line > 0 && place.column > 0).then_some(place)
    }

    /// Where a line of a stack is: `at f (FILE:LINE:COLUMN)`, `at FILE:LINE:COLUMN`. Not in the platform's own files.
    pub fn of_frame(line: &str) -> Option<Self> {
        let at = line.trim().strip_prefix("at ")?;
        let text = match at.strip_suffix(')').and_then(|at| at.split_once(" (")) {
            Some((_, inside)) => inside,
            None => at.strip_prefix("async ").unwrap_or(at),
        };
        Self::parse(text).filter(|place| !is_platform(&place.file))
    }

    /// The first place of the app's in a stack.
    pub fn of_stack(stack: &str) -> Option<Self> {
        stack.lines().find_map(Self::of_frame)
    }

    /// The place a message begins with, and the rest of it.
    fn of_message(message: &str) -> Option<(Self, &str)> {
        let line = message.lines().next()?;
        let (place, _) = line.split_once(": ")?;
        Some((Self::parse(place)?, &message[place.len() + 2..]))
    }
}

fn is_platform(file: &str) -> bool {
    file.starts_with("nano:") || file.starts_with("node:")
}

/// Whether a line of a stack is in the platform's own files: nobody who writes apps is helped by it.
pub fn is_platform_line(line: &str) -> bool {
    line.trim_start().starts_with("at ") && (line.contains("(nano:") || line.contains("at nano:"))
}

/// A stack without the platform's own lines.
pub fn own_stack(stack: &str) -> String {
    stack.lines().filter(|line| !is_platform_line(line)).collect::<Vec<_>>().join("\n")
}

/// Why an app cannot be loaded, at its place.
pub fn finding(error: &Error, shown: &str) -> Finding {
    let (place, message) = match Place::of_message(&error.message) {
        Some((place, rest)) => (Some(place), rest),
        None => (Place::of_stack(&error.stack), error.message.as_str()),
    };
    // What an app throws may have brackets of its own.
    let (message, help) = if error.status == Status::Compile { split_help(message) } else { (message, "") };
    match place {
        Some(Place { file, line, column }) => {
            Finding { severity: Severity::Error, file: format!("{shown}/{file}"), line, column, message: message.into(), help: help.into() }
        }
        None => Finding::of_file(Severity::Error, shown, message, help),
    }
}

/// A message that ends with its remedy in brackets, taken apart: findings write the brackets themselves.
fn split_help(message: &str) -> (&str, &str) {
    match message.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (")) {
        Some((message, help)) if !message.is_empty() && !help.contains(['(', ')']) => (message, help),
        _ => (message, ""),
    }
}

/// The lines an error is about, from the files as they are now.
pub fn of_error(error: &Error, folder: &Path) -> String {
    let in_message = Place::of_message(&error.message).map(|(place, _)| place);
    let Some(place) = in_message.or_else(|| Place::of_stack(&error.stack)) else { return String::new() };
    let text = read_source(folder, &place.file).unwrap_or_default();
    frame(&text, place.line, place.column)
}

/// The same among lines of a log, which are painted as they are written.
pub fn of_logged(error: &Error, folder: &Path) -> String {
    inset(&of_error(error, folder))
}

/// Lines as they belong to the one above them.
pub fn inset(frame: &str) -> String {
    frame.lines().map(|line| format!("    {line}\n")).collect()
}

/// A file of the app's, if it is of a size that people write. An app says which: it cannot lead out of its folder.
pub fn read_source(folder: &Path, file: impl AsRef<Path>) -> Option<String> {
    let real = folder.join(file).canonicalize().ok().filter(|real| folder.canonicalize().is_ok_and(|folder| real.starts_with(folder)))?;
    let (opened, _) = nano_base::sys::file::open_regular(&real).ok()?;
    let mut text = Vec::new();
    opened.take(SOURCE_SHOWN_BYTES_MAX as u64 + 1).read_to_end(&mut text).ok()?;
    if text.len() > SOURCE_SHOWN_BYTES_MAX { None } else { String::from_utf8(text).ok() }
}

/// The lines around a place with a caret below the column. Empty if the text has no such line.
pub fn frame(text: &str, line: u32, column: u32) -> String {
    let first = line.saturating_sub(AROUND).max(1);
    let lines: Vec<(u32, &str)> =
        (1..).zip(text.lines()).skip(first as usize - 1).take((line.saturating_sub(first) + AROUND) as usize + 1).collect();
    if !lines.iter().any(|(number, _)| *number == line) {
        return String::new();
    }
    let width = lines.last().map_or(1, |(number, _)| number.to_string().len());
    let mut out = String::new();
    for (number, source) in lines {
        // A line of a bundle can have a megabyte: the part that is meant is shown.
        let skip = if number == line { (column as usize).saturating_sub(LINE_CHARS_MAX / 2) } else { 0 };
        let shown: String =
            source.chars().skip(skip).take(LINE_CHARS_MAX).map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect();
        if number == line {
            let _ = writeln!(out, "> {number:>width$} | {shown}");
            let pad: String =
                shown.chars().take((column as usize - 1).saturating_sub(skip)).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            let _ = writeln!(out, "  {:width$} | {pad}^", "");
        } else {
            let _ = writeln!(out, "  {number:>width$} | {shown}");
        }
    }
    out
}

/// A text in which the lines of a frame have colors, where there are colors.
pub fn painted(text: &str) -> String {
    text.split_inclusive('\n').map(|line| painted_line(line).unwrap_or_else(|| line.to_string())).collect()
}

fn painted_line(line: &str) -> Option<String> {
    let (gutter, source) = line.split_at(line.find(" |")? + 2);
    let number = gutter.strip_suffix(" |")?.trim_start();
    let indent = &gutter[..gutter.len() - 2 - number.len()];
    let (mark, number) = match number.strip_prefix("> ") {
        Some(number) => (paint(Ink::Red, ">") + " ", number),
        None => (String::new(), number),
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let source = match source.trim_start().trim_end_matches('\n') {
        "^" if number.is_empty() => source.replace('^', &paint(Ink::Red, "^")),
        _ if is_number(number.trim_start()) => source.to_string(),
        _ => return None,
    };
    Some(format!("{indent}{mark}{}{source}", paint(Ink::Dim, &format!("{number} |"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(file: &str, line: u32, column: u32) -> Option<Place> {
        Some(Place { file: file.into(), line, column })
    }

    #[test]
    fn a_line_of_a_stack_says_where_it_is() {
        let cases = [
            ("    at f (src/index.js:2:22)", place("src/index.js", 2, 22)),
            ("at index.ts:6:7", place("index.ts", 6, 7)),
            ("    at async a b.js:1:2", place("a b.js", 1, 2)),
            ("    at Object.<anonymous> (a (1).js:3:4)", place("a (1).js", 3, 4)),
            ("    at nano.deliver (nano:dispatch.js:379:21)", None),
            ("    at <anonymous>", None),
            ("index.js:1:1", None),
        ];
        for (line, expected) in cases {
            assert_eq!(Place::of_frame(line), expected, "{line}");
        }
    }

    #[test]
    fn an_error_is_found_in_its_message_or_its_stack() {
        let compile = Error::new(Status::Compile, "index.js:1:15: cannot import \"./nope.js\": no such file (nor the same with .ts)");
        assert_eq!(
            finding(&compile, "apps/a").to_string(),
            "apps/a/index.js:1:15: error: cannot import \"./nope.js\": no such file (nor the same with .ts)"
        );
        let thrown =
            Error::new(Status::Exception, "TypeError: 2: no").with_stack("TypeError: 2: no\n    at g (nano:a.js:1:1)\n    at x.ts:6:7");
        assert_eq!(finding(&thrown, "apps/a").to_string(), "apps/a/x.ts:6:7: error: TypeError: 2: no");
        let other = Error::new(Status::Io, "cannot read it");
        assert_eq!(finding(&other, "apps/a").to_string(), "apps/a: error: cannot read it");
    }

    #[test]
    fn a_frame_has_the_lines_around() {
        let expected = "  1 | a\n  2 | b\n> 3 | \tcd\n    | \t ^\n  4 | e\n  5 | f\n";
        assert_eq!(frame("a\nb\n\tcd\ne\nf\ng\n", 3, 3), expected);
        assert_eq!(frame("a\n", 2, 1), "");
        let long = frame(&"x".repeat(1_000_000), 1, 500_000);
        assert!(long.len() < 400, "{}", long.len());
    }
}
