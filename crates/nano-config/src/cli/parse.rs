//! From the words of a command line to a command and its values, by the tables alone.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::Usage;
use super::address::Address;
use super::commands::{COMMANDS, COMMON, command};
use super::grammar::{Command, Opt, ValueKind};
use crate::text::suggest::nearest;
use crate::text::units;

/// A command line that follows the grammar.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    /// The command.
    pub command: &'static Command,
    /// What it was given without a name.
    pub positional: Vec<OsString>,
    options: Vec<(&'static Opt, OsString)>,
}

/// Reads the words behind the program's name.
pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Parsed, Usage> {
    let mut words = words.into_iter();
    let mut parsed: Option<Parsed> = None;
    let mut early: Vec<(&'static Opt, OsString)> = Vec::new();
    let mut only_positional = false;
    while let Some(word) = words.next() {
        let bytes = word.as_bytes();
        let current = parsed.as_ref().map(|parsed| parsed.command);
        if !only_positional && bytes == b"--" {
            only_positional = true;
        } else if !only_positional && bytes.starts_with(b"--") {
            early.push(long(&word, current, &mut words)?);
        } else if !only_positional && bytes.len() > 1 && bytes[0] == b'-' {
            short(&word, current, &mut words, &mut early)?;
        } else if let Some(parsed) = &mut parsed {
            parsed.positional.push(word);
        } else {
            parsed = Some(Parsed { command: find(&word)?, positional: Vec::new(), options: Vec::new() });
        }
    }
    let mut parsed = match parsed {
        Some(parsed) => parsed,
        // `nanod --help`, `nanod --version`, and `nanod` alone.
        None => {
            Parsed { command: command("help").ok_or_else(|| Usage::new(None, "no help", ""))?, positional: Vec::new(), options: Vec::new() }
        }
    };
    parsed.options = early;
    parsed.check()?;
    Ok(parsed)
}

fn find(word: &OsStr) -> Result<&'static Command, Usage> {
    let name = word.to_string_lossy();
    command(&name).ok_or_else(|| {
        let help = match nearest(&name, COMMANDS.iter().map(|command| command.name)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "see nanod help".into(),
        };
        Usage::new(None, format!("there is no command \"{name}\""), help)
    })
}

fn options(command: Option<&'static Command>) -> impl Iterator<Item = &'static Opt> + Clone {
    command.map_or(&[][..], |command| command.options).iter().chain(COMMON)
}

fn long(
    word: &OsStr,
    command: Option<&'static Command>,
    words: &mut impl Iterator<Item = OsString>,
) -> Result<(&'static Opt, OsString), Usage> {
    let bytes = &word.as_bytes()[2..];
    let (name, value) = match bytes.iter().position(|byte| *byte == b'=') {
        Some(at) => (&bytes[..at], Some(OsString::from_vec(bytes[at + 1..].to_vec()))),
        None => (bytes, None),
    };
    let name = String::from_utf8_lossy(name);
    let Some(option) = options(command).find(|option| option.name == name) else {
        let help = nearest(&name, options(command).map(|option| option.name)).map(|near| format!("did you mean \"--{near}\"?"));
        let first = command.is_none() && COMMANDS.iter().any(|command| command.options.iter().any(|option| option.name == name));
        let help = if first { "options of a command come behind it".to_string() } else { help.unwrap_or_default() };
        return Err(Usage::new(command, format!("there is no option \"--{name}\""), help));
    };
    match (option.kind, value) {
        (ValueKind::Flag, None) => Ok((option, OsString::new())),
        (ValueKind::Flag, Some(_)) => Err(Usage::new(command, format!("--{name} takes no value"), "")),
        (_, Some(value)) => Ok((option, value)),
        (_, None) => Ok((option, next(option, command, words)?)),
    }
}

/// `-q`, `-qv`, `-l 80`, `-l80`.
fn short(
    word: &OsStr,
    command: Option<&'static Command>,
    words: &mut impl Iterator<Item = OsString>,
    found: &mut Vec<(&'static Opt, OsString)>,
) -> Result<(), Usage> {
    let mut rest = &word.as_bytes()[1..];
    while let Some((letter, behind)) = rest.split_first() {
        let letter = char::from(*letter);
        let Some(option) = options(command).find(|option| option.short == Some(letter)) else {
            let shown = word.to_string_lossy();
            return Err(Usage::new(command, format!("there is no option \"-{letter}\", in \"{shown}\""), ""));
        };
        if option.kind != ValueKind::Flag {
            let value = match behind {
                [] => next(option, command, words)?,
                [b'=', value @ ..] | value => OsString::from_vec(value.to_vec()),
            };
            found.push((option, value));
            return Ok(());
        }
        found.push((option, OsString::new()));
        rest = behind;
    }
    Ok(())
}

fn next(option: &Opt, command: Option<&'static Command>, words: &mut impl Iterator<Item = OsString>) -> Result<OsString, Usage> {
    words.next().ok_or_else(|| Usage::new(command, format!("--{} needs a value: {}", option.name, option.value), ""))
}

impl Parsed {
    fn check(&self) -> Result<(), Usage> {
        // Whoever asks for help has not got it right yet.
        if self.flag("help") {
            return Ok(());
        }
        let command = Some(self.command);
        for (index, (option, value)) in self.options.iter().enumerate() {
            if !option.many && option.kind != ValueKind::Flag && self.options[..index].iter().any(|(other, _)| other.name == option.name) {
                return Err(Usage::new(command, format!("--{} is there twice", option.name), ""));
            }
            check_value(option.kind, value).map_err(|why| Usage::new(command, format!("--{}: {why}", option.name), ""))?;
        }
        let positional = self.command.positional;
        if self.positional.len() < positional.min {
            let help = format!("nanod help {} says more", self.command.name);
            return Err(Usage::new(command, format!("{} is missing", positional.name), help));
        }
        if let Some(extra) = self.positional.get(positional.max) {
            return Err(Usage::new(command, format!("\"{}\" is too much", extra.to_string_lossy()), ""));
        }
        for value in &self.positional {
            check_value(positional.kind, value).map_err(|why| Usage::new(command, format!("{}: {why}", positional.name), ""))?;
        }
        Ok(())
    }

    /// Whether a flag is there.
    pub fn flag(&self, name: &str) -> bool {
        self.last(name).is_some()
    }

    /// The value of an option.
    pub fn last(&self, name: &str) -> Option<&OsStr> {
        self.options.iter().rev().find(|(option, _)| option.name == name).map(|(_, value)| &**value)
    }

    /// The text of an option; what is text has been checked.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.last(name).and_then(OsStr::to_str)
    }

    /// All texts of an option.
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.options.iter().filter(|(option, _)| option.name == name).filter_map(|(_, value)| value.to_str().map(str::to_string)).collect()
    }

    /// The number of an option: a count, milliseconds or bytes.
    pub fn number(&self, name: &str) -> Option<u64> {
        let (option, value) = self.options.iter().rev().find(|(option, _)| option.name == name)?;
        number(option.kind, value.to_str()?).ok()
    }
}

fn number(kind: ValueKind, text: &str) -> Result<u64, String> {
    match kind {
        ValueKind::Duration(..) => units::duration_ms(text),
        ValueKind::Size(..) => units::size(text),
        _ => Some(text)
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| format!("\"{text}\" is no whole number")),
    }
}

fn check_value(kind: ValueKind, value: &OsStr) -> Result<(), String> {
    let text = || value.to_str().ok_or_else(|| format!("\"{}\" is not UTF-8", value.to_string_lossy()));
    let bounded = |min: u64, max: u64, show: fn(u64) -> String| match number(kind, text()?)? {
        number if number < min || number > max => Err(format!("{} is out of bounds: {} to {}", show(number), show(min), show(max))),
        _ => Ok(()),
    };
    match kind {
        ValueKind::Flag => Ok(()),
        ValueKind::File | ValueKind::Folder if value.is_empty() => Err("it is empty".into()),
        ValueKind::File | ValueKind::Folder => Ok(()),
        ValueKind::Text => text().map(drop),
        ValueKind::Count(min, max) => bounded(min, max, |number| number.to_string()),
        ValueKind::Duration(min, max) => bounded(min, max, units::show_duration_ms),
        ValueKind::Size(min, max) => bounded(min, max, units::show_size),
        ValueKind::Address => Address::parse(text()?).map(drop),
        ValueKind::Choice(words) => match text()? {
            text if words.contains(&text) => Ok(()),
            text => {
                let near = nearest(text, words.iter().copied()).map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
                Err(format!("\"{text}\" is not one of {}{near}", words.join(", ")))
            }
        },
    }
}
