//! What nanod says: lines for people on a terminal, JSON lines for machines. The only place that prints.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use nano_config::text::{Finding, Severity};
use nano_core::LogLevel;

static JSON: AtomicBool = AtomicBool::new(false);

/// From now on every line is a JSON object.
pub fn speak_json(json: bool) {
    JSON.store(json, Ordering::Relaxed);
}

/// Something about nanod itself.
pub fn say(text: &str) {
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
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) || !std::io::stderr().is_terminal();
    match level {
        _ if plain => ("", ""),
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
