//! What nanod says: lines for people on a terminal, JSON lines for machines. The only place that prints.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use nano_config::cli::Common;
use nano_config::text::{Finding, Severity};
use nano_core::LogLevel;

static JSON: AtomicBool = AtomicBool::new(false);
static QUIET: AtomicBool = AtomicBool::new(false);
static COLORS: AtomicBool = AtomicBool::new(false);

/// How to write, as the command line asks for it.
pub fn set_up(common: &Common) {
    JSON.store(common.json, Ordering::Relaxed);
    QUIET.store(common.quiet, Ordering::Relaxed);
    let is_terminal = std::io::stderr().is_terminal();
    let colors = common.colors(is_terminal, std::env::var_os("NO_COLOR").as_deref(), std::env::var_os("TERM").as_deref());
    COLORS.store(colors, Ordering::Relaxed);
}

/// Text that was asked for, as it is; whether it could be written.
pub fn print(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
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
    let _ = if level == "error" || level == "warn" {
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
