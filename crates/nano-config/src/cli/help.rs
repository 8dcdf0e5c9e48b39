//! Help, made of the tables.

use std::fmt::Write;

use serde_json::{Value, json};

use super::commands::{COMMANDS, COMMON};
use super::grammar::{Command, Opt, Positional, ValueKind};

/// What there is.
pub fn overview() -> String {
    let mut out = String::from("Thousands of JavaScript apps in one process.\n\nUsage: nanod COMMAND\n\nCommands:\n");
    let rows: Vec<(String, String)> = COMMANDS.iter().map(|command| (command.name.to_string(), command.about.to_string())).collect();
    table(&rows, &mut out);
    out.push_str("\nOptions of all commands:\n");
    table(&COMMON.iter().map(row).collect::<Vec<_>>(), &mut out);
    out.push_str("\nExit codes:\n");
    let codes: Vec<(String, String)> = super::Exit::ALL.iter().map(|(exit, what)| ((*exit as u8).to_string(), what.to_string())).collect();
    table(&codes, &mut out);
    out.push_str("\nTo begin: nanod new shop, then nanod dev shop. What a command takes: nanod help COMMAND.\n");
    out
}

/// About one command.
pub fn help(command: &Command) -> String {
    let mut out = format!("{}\n\nUsage: {}\n", command.about, usage(command));
    if !command.options.is_empty() {
        out.push_str("\nOptions:\n");
        table(&command.options.iter().map(row).collect::<Vec<_>>(), &mut out);
    }
    out.push_str("\nOptions of all commands:\n");
    table(&COMMON.iter().map(row).collect::<Vec<_>>(), &mut out);
    if !command.more.is_empty() {
        let _ = write!(out, "\n{}\n", command.more);
    }
    out
}

/// The same for programs: about one command, or what there is.
pub fn help_json(command: Option<&Command>) -> Value {
    let common: Vec<Value> = COMMON.iter().map(option).collect();
    match command {
        Some(command) => {
            let options: Vec<Value> = command.options.iter().chain(COMMON).map(option).collect();
            json!({ "command": command.name, "about": command.about, "usage": usage(command), "options": options, "more": command.more })
        }
        None => {
            let commands: Vec<Value> = COMMANDS.iter().map(|it| json!({ "command": it.name, "about": it.about })).collect();
            let codes: Vec<Value> = super::Exit::ALL.iter().map(|(exit, what)| json!({ "code": *exit as u8, "about": what })).collect();
            json!({ "usage": "nanod COMMAND", "commands": commands, "options": common, "exit_codes": codes })
        }
    }
}

fn option(option: &Opt) -> Value {
    let given = |text: &str| Some(text.to_string()).filter(|text| !text.is_empty());
    let values = if let ValueKind::Choice(words) = option.kind { Some(words) } else { None };
    json!({
        "option": format!("--{}", option.name),
        "short": option.short.map(|short| format!("-{short}")),
        "value": given(option.value),
        "values": values,
        "default": given(option.default),
        "many": option.many,
        "about": option.about,
    })
}

/// How it is called.
pub fn usage(command: &Command) -> String {
    let options = if command.options.is_empty() { "" } else { " [OPTIONS]" };
    let Positional { name, min, max, .. } = command.positional;
    let positional = match (min, max) {
        (_, 0) => String::new(),
        (0, 1) => format!(" [{name}]"),
        (0, _) => format!(" [{name}...]"),
        (_, 1) => format!(" {name}"),
        _ => format!(" {name}..."),
    };
    format!("nanod {}{options}{positional}", command.name)
}

fn row(option: &Opt) -> (String, String) {
    let short = option.short.map_or_else(|| "    ".to_string(), |short| format!("-{short}, "));
    let value = if option.kind == ValueKind::Flag { String::new() } else { format!(" {}", option.value) };
    let mut about = option.about.to_string();
    if let ValueKind::Choice(words) = option.kind {
        let _ = write!(about, ": {}", words.join(", "));
    }
    if option.many {
        about.push_str("; may be repeated");
    }
    if !option.default.is_empty() {
        let _ = write!(about, " [{}]", option.default);
    }
    (format!("{short}--{}{value}", option.name), about)
}

fn table(rows: &[(String, String)], out: &mut String) {
    let width = rows.iter().map(|(left, _)| left.chars().count()).max().unwrap_or(0);
    for (left, right) in rows {
        let _ = writeln!(out, "  {left:width$}  {right}");
    }
}
