//! What nanod says: lines for people on a terminal, JSON lines for machines. The only place that prints.
//!
//! Lines are written by threads of their own (`writer.rs`): a terminal that is stopped, a pipe that nobody reads and a disk that is full cost
//! lines, which are counted, and nothing else.

mod writer;

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use nano_config::cli::{Common, LogFormat};
use nano_config::text::{Finding, Severity};
use nano_core::{Clock, Error, LogLevel};
use writer::Writer;

use crate::frame;

static JSON: AtomicBool = AtomicBool::new(false);
static QUIET: AtomicBool = AtomicBool::new(false);
static VERBOSE: AtomicBool = AtomicBool::new(false);
static COLORS: AtomicBool = AtomicBool::new(false);
/// Standard output has what was asked for, and nothing else.
static APART: AtomicBool = AtomicBool::new(false);
/// The number of this worker process, from one; zero if it is the only one.
static WORKER: AtomicU32 = AtomicU32::new(0);

static OUT: Writer = Writer::new("nanod-stdout", write_out, gap);
static ERR: Writer = Writer::new("nanod-stderr", |bytes| std::io::stderr().lock().write(bytes), gap);

/// How to write, as the command line asks for it.
pub fn set_up(common: &Common) {
    JSON.store(common.json, Ordering::Relaxed);
    QUIET.store(common.quiet, Ordering::Relaxed);
    VERBOSE.store(common.verbose, Ordering::Relaxed);
    let is_terminal = std::io::stderr().is_terminal() && std::io::stdout().is_terminal();
    let colors = common.colors(is_terminal, std::env::var_os("NO_COLOR").as_deref(), std::env::var_os("TERM").as_deref());
    COLORS.store(colors, Ordering::Relaxed);
}

/// From now on lines go to standard error, for standard output is the command's result.
pub fn keep_apart() {
    APART.store(true, Ordering::Relaxed);
}

/// Whether JSON was asked for.
pub fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// Whether nothing but errors was asked for.
pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Whether more was asked for.
pub fn is_verbose() -> bool {
    VERBOSE.load(Ordering::Relaxed)
}

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    Red,
    Yellow,
    Green,
    Cyan,
    Bold,
    Dim,
}

/// A text in a color, where there are colors.
pub fn paint(ink: Ink, text: &str) -> String {
    if !COLORS.load(Ordering::Relaxed) {
        return text.to_string();
    }
    let code = match ink {
        Ink::Red => 31,
        Ink::Yellow => 33,
        Ink::Green => 32,
        Ink::Cyan => 36,
        Ink::Bold => 1,
        Ink::Dim => 2,
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// How logs are written, for commands that say it apart.
pub fn set_log_format(format: LogFormat) {
    match format {
        LogFormat::Auto => {}
        LogFormat::Pretty => JSON.store(false, Ordering::Relaxed),
        LogFormat::Json => JSON.store(true, Ordering::Relaxed),
    }
}

/// This is one of several worker processes. What all of them would say the same the first one says.
pub fn set_worker(number: u32) {
    WORKER.store(number, Ordering::Relaxed);
}

/// Waits, a little, until what was said is written: for the end of the process.
pub fn flush() {
    OUT.flush();
    ERR.flush();
}

/// Lines that could not be written.
pub fn lost() -> u64 {
    OUT.lost() + ERR.lost()
}

/// Text that was asked for, as it is; whether it could be written.
pub fn print(text: &str) -> bool {
    print_bytes(text.as_bytes())
}

/// The same of bytes.
pub fn print_bytes(bytes: &[u8]) -> bool {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).is_ok()
}

/// Why an app failed, with the lines of code it is about: for whoever wrote it.
pub fn app_error(name: &str, error: &Error, frame: &str) {
    let mut text = format!("{}: {}", error.status.name(), error.message);
    let stack = frame::own_stack(&error.stack);
    // A stack begins with the message.
    let lines = stack.lines().skip_while(|line| !line.trim_start().starts_with("at "));
    lines.for_each(|line| text.push_str(&format!("\n{line}")));
    let mut text = harmless(&text).into_owned();
    if !is_json() && !frame.is_empty() {
        text.push_str(&format!("\n\n{}", frame::painted(frame)));
    }
    line("error", Some(name), &text);
}

/// Something about nanod itself.
pub fn say(text: &str) {
    if QUIET.load(Ordering::Relaxed) || WORKER.load(Ordering::Relaxed) > 1 {
        return;
    }
    line("info", None, text);
}

/// The same, of which each of several workers has something else to say.
pub fn say_of_each(text: &str) {
    if QUIET.load(Ordering::Relaxed) {
        return;
    }
    match WORKER.load(Ordering::Relaxed) {
        worker if worker > 0 && !is_json() => line("info", None, &format!("worker {worker}: {text}")),
        _ => line("info", None, text),
    }
}

/// Something about nanod itself that does not bode well.
pub fn warn(text: &str) {
    line("warn", None, text);
}

/// Something that went wrong.
pub fn complain(text: &str) {
    line("error", None, &frame::painted(&harmless(text)));
}

/// Something wrong with a file.
pub fn finding(finding: &Finding) {
    if WORKER.load(Ordering::Relaxed) > 1 {
        return;
    }
    let level = match finding.severity {
        Severity::Notice => "info",
        Severity::Warning => "warn",
        Severity::Error => "error",
    };
    line(level, None, &harmless(&finding.to_string()));
}

/// What an app says on its console, or what became of it.
pub fn app(name: &str, level: LogLevel, text: &str) {
    let level = match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    };
    let text = harmless(text);
    if level == "error" { line(level, Some(name), &frame::painted(&text)) } else { line(level, Some(name), &text) }
}

/// Text that has something of an app's in it: no line of it looks like one of another's, and it does nothing to a terminal.
pub fn harmless(text: &str) -> std::borrow::Cow<'_, str> {
    if JSON.load(Ordering::Relaxed) || !text.contains(|c: char| is_hidden(c) && c != '\t') {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut characters = text.trim_end().chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' if matches!(characters.peek(), Some(' ' | '\n')) => out.push('\n'),
            '\n' => out.push_str("\n    "),
            '\t' => out.push('\t'),
            '\r' => {}
            hidden if is_hidden(hidden) => out.extend(hidden.escape_default()),
            other => out.push(other),
        }
    }
    out.into()
}

/// Whether a terminal or a reader would not show it, or something else: what controls, and what turns the direction of writing.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// Writes to standard output itself: what is kept before it does not say how much it could write.
fn write_out(bytes: &[u8]) -> std::io::Result<usize> {
    static FILE: Mutex<Option<File>> = Mutex::new(None);
    let mut file = FILE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let out = std::io::stdout().lock();
    let file = match &mut *file {
        Some(file) => file,
        none => none.insert(out.as_fd().try_clone_to_owned()?.into()),
    };
    file.write(bytes)
}

/// What stands in the place of lines that were lost.
fn gap(lines: u64) -> String {
    written("warn", None, &format!("{lines} lines of log were lost here"))
}

fn line(level: &str, app: Option<&str>, text: &str) {
    let out = written(level, app, text);
    let apart = level == "error" || level == "warn" || APART.load(Ordering::Relaxed);
    if apart { ERR.push(out.into_bytes()) } else { OUT.push(out.into_bytes()) }
}

fn written(level: &str, app: Option<&str>, text: &str) -> String {
    let worker = WORKER.load(Ordering::Relaxed);
    let mut out = String::with_capacity(text.len() + 96);
    if JSON.load(Ordering::Relaxed) {
        out.push_str("{\"unix_ms\":");
        out.push_str(&(Clock::system().unix_ms() as u64).to_string());
        out.push_str(",\"level\":\"");
        out.push_str(level);
        out.push('"');
        if worker > 0 {
            out.push_str(",\"worker\":");
            out.push_str(&worker.to_string());
        }
        if let Some(app) = app {
            out.push_str(",\"app\":");
            quote(app, &mut out);
        }
        out.push_str(",\"message\":");
        quote(text, &mut out);
        out.push_str("}\n");
    } else {
        let (on, off) = colour(level);
        if let Some(app) = app {
            out.push_str(app);
            out.push_str(": ");
        }
        if level == "error" || level == "warn" {
            out.push_str(on);
            out.push_str(level);
            out.push_str(off);
            out.push_str(": ");
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}

fn colour(level: &str) -> (&'static str, &'static str) {
    match level {
        _ if !COLORS.load(Ordering::Relaxed) => ("", ""),
        "error" => ("\x1b[31m", "\x1b[0m"),
        _ => ("\x1b[33m", "\x1b[0m"),
    }
}

fn quote(text: &str, into: &mut String) {
    into.push('"');
    for character in text.chars() {
        match character {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            '\n' => into.push_str("\\n"),
            control if is_hidden(control) => into.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => into.push(other),
        }
    }
    into.push('"');
}
