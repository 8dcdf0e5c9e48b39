//! nanod's command line: what was asked for, as data. Nothing is done here and nothing is printed.

mod address;
mod commands;
mod completions;
mod grammar;
mod help;
mod parse;
mod request;

#[cfg(test)]
mod tests;

pub use address::Address;
pub use commands::{COMMANDS, COMMON};
pub use completions::completions;
pub use grammar::{Command, Opt, Positional, ValueKind};
pub use help::{help, help_json, overview};
pub use request::{Check, Dev, LogFormat, New, PerApp, Request, Run, Serve, Shell, Tail, Top, Types, how_to_complain, request};

use std::ffi::OsStr;
use std::fmt;

/// A command line that does not follow the grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The command it was for, if that much is known.
    pub command: Option<&'static str>,
    /// What is wrong.
    pub message: String,
    /// What to do about it; may be empty.
    pub help: String,
}

impl Usage {
    fn new(command: Option<&Command>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { command: command.map(|command| command.name), message: message.into(), help: help.into() }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nanod{}{}: {}", if self.command.is_some() { " " } else { "" }, self.command.unwrap_or(""), self.message)?;
        if self.help.is_empty() { Ok(()) } else { write!(f, " ({})", self.help) }
    }
}

impl std::error::Error for Usage {}

/// How nanod ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It did what was asked.
    Success = 0,
    /// An app, a manifest or a check failed, or there is no such app.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// This machine does not give what is needed: a file or folder that the command line names, an address, memory.
    Machine = 3,
    /// The nanod that was asked does not answer, or not to this token.
    Unreachable = 4,
    /// Requests were cut off because they did not end within the time to drain.
    CutOff = 5,
    /// A defect in nanod.
    Defect = 70,
}

impl Exit {
    /// All of them, and what they mean.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Success, "it did what was asked"),
        (Self::Failed, "an app, a manifest or a check failed, or there is no such app"),
        (Self::Usage, "the command line is wrong"),
        (Self::Machine, "this machine does not give what is needed: a file, a folder, an address, memory"),
        (Self::Unreachable, "the nanod that was asked does not answer, or not to this token"),
        (Self::CutOff, "requests were cut off when draining took too long"),
        (Self::Defect, "a defect in nanod"),
    ];
}

/// What is common to all commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Common {
    /// Write JSON.
    pub json: bool,
    /// Write errors only.
    pub quiet: bool,
    /// Write more.
    pub verbose: bool,
    /// Whether colors were asked for; none for whatever the terminal and NO_COLOR say.
    pub color: Option<bool>,
}

impl Common {
    /// Whether to use colors: as asked; else on terminals that can, unless NO_COLOR is there and not empty. Never in JSON.
    pub fn colors(&self, is_terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
        let wanted = || is_terminal && no_color.is_none_or(OsStr::is_empty) && term.is_none_or(|term| term != "dumb");
        !self.json && self.color.unwrap_or_else(wanted)
    }
}
