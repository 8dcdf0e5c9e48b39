//! What nanod says: lines for people on a terminal, JSON lines for machines. The only place that prints.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use nano_config::cli::Common;
use nano_config::text::{Finding, Severity};
use nano_core::{Error, LogLevel};

static JSON: AtomicBool = AtomicBool::new(false);
static QUIET: AtomicBool = AtomicBool::new(false);
static VERBOSE: AtomicBool = AtomicBool::new(false);
static COLORS: AtomicBool = AtomicBool::new(false);
/// Standard output has what was asked for, and nothing else.
static APART: AtomicBool = AtomicBool::new(false);

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
    let stack = crate::frame::own_stack(&error.stack);
    // A stack begins with the message.
    let lines = stack.lines().skip_while(|line| !line.trim_start().starts_with("at "));
    lines.for_each(|line| text.push_str(&format!("\n{line}")));
    if !is_json() && !frame.is_empty() {
        text.push_str(&format!("\n\n{frame}"));
    }
    line("error", Some(name), &text);
}

/// Something about nanod itself.
pub fn say(text: &str) {
    if QUIET.load(Ordering::Relaxed) {
        return;
    }
    line("info", None, text);
}

/// Something that went wrong.
pub fn complain(text: &str) {
    line("error", None, text);
}

/// Something wrong with a file.
pub fn finding(finding: &Finding) {
    let level = match finding.severity {
        Severity::Notice => "info",
        Severity::Warning => "warn",
        Severity::Error => "error",
    };
    line(level, None, &finding.to_string());
}

/// What an app says on its console, or what became of it.
pub fn app(name: &str, level: LogLevel, text: &str) {
    let level = match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    };
    line(level, Some(name), text);
}

fn line(level: &str, app: Option<&str>, text: &str) {
    let mut out = String::with_capacity(text.len() + 64);
    if JSON.load(Ordering::Relaxed) {
        out.push_str("{\"level\":\"");
        out.push_str(level);
        out.push('"');
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
    // Whoever read it has gone, or the disk is full: there is nobody to tell.
    let _ = if level == "error" || level == "warn" || APART.load(Ordering::Relaxed) {
        std::io::stderr().lock().write_all(out.as_bytes())
    } else {
        std::io::stdout().lock().write_all(out.as_bytes())
    };
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
            control if control < ' ' => into.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => into.push(other),
        }
    }
    into.push('"');
}
