//! `nanod tail`: the logs of apps, as they come. A nanod that is started anew is waited for.

use std::time::Duration;

use nano_config::cli::{Exit, Tail};

use super::client::{Client, Failure};
use super::{pause, time_of_day};
use crate::frame;
use crate::output::{self, Ink, paint};

/// Lines from before.
const BEFORE: u32 = 10;

/// How long to wait before asking again.
const AGAIN: Duration = Duration::from_secs(1);

/// Follows until it is interrupted.
pub fn tail(tail: &Tail) -> Exit {
    let client = match Client::new(&tail.admin, tail.token_file.as_deref()) {
        Ok(client) => client,
        Err(failure) => return failure.tell(),
    };
    let path = path(tail);
    let mut last: Option<String> = None;
    let mut told = false;
    loop {
        let mut stream = match client.follow(&path, last.as_deref()) {
            Ok(stream) => stream,
            // It has answered before, so it may again.
            Err(Failure::Gone(_)) if last.is_some() => {
                pause(AGAIN);
                continue;
            }
            Err(Failure::Starting(why)) => {
                if !std::mem::replace(&mut told, true) {
                    output::keep_apart();
                    output::say(&format!("{why}; waiting"));
                }
                pause(AGAIN);
                continue;
            }
            Err(failure) => return failure.tell(),
        };
        told = false;
        loop {
            match stream.event() {
                Ok(Some(event)) => {
                    if !event.id.is_empty() {
                        last = Some(event.id);
                    }
                    if !show(&event.name, &event.data) {
                        // Whoever read it has gone.
                        return Exit::Success;
                    }
                }
                Ok(None) | Err(Failure::Gone(_)) => break,
                Err(failure) => return failure.tell(),
            }
        }
        last.get_or_insert_default();
        output::keep_apart();
        output::say("the connection has ended; waiting for nanod");
        pause(AGAIN);
    }
}

fn path(tail: &Tail) -> String {
    let mut path = format!("/logs?level={}&tail={BEFORE}", tail.level);
    for app in &tail.apps {
        path.push_str(&format!("&app={}", encode(app)));
    }
    if let Some(text) = &tail.search {
        path.push_str(&format!("&search={}", encode(text)));
    }
    path
}

/// Text in a query.
fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Prints an event; whether it could be written.
fn show(name: &str, data: &str) -> bool {
    let Ok(json) = serde_json::from_str::<serde_json::Value>(data) else { return true };
    match name {
        "log" if output::is_json() => output::print(&format!("{json}\n")),
        "log" => output::print(&format!("{}\n", line(&json))),
        "dropped" if output::is_json() => output::print(&format!("{}\n", serde_json::json!({ "dropped": json["lines"] }))),
        "dropped" => output::print(&paint(Ink::Dim, &format!("{} lines are missing here\n", json["lines"]))),
        _ => true,
    }
}

fn line(json: &serde_json::Value) -> String {
    let text = |key: &str| json[key].as_str().unwrap_or_default();
    let level = match text("level") {
        "error" => paint(Ink::Red, "error "),
        "warn" => paint(Ink::Yellow, "warn  "),
        "debug" => paint(Ink::Dim, "debug "),
        _ => "      ".to_string(),
    };
    let time = paint(Ink::Dim, &time_of_day(json["unix_ms"].as_u64().unwrap_or(0)));
    // What an app says may have lines of its own, and what a terminal would obey or show in another order.
    let plain = |text: &str| {
        let shown = |c: char| if output::is_hidden(c) && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c };
        text.chars().map(shown).collect::<String>()
    };
    let said = plain(frame::own_stack(text("text")).trim_end());
    let what = match json.get("event").and_then(|event| event.as_str()) {
        Some(event) if said.is_empty() => paint(Ink::Dim, event),
        Some(event) => format!("{}: {said}", paint(Ink::Dim, event)),
        None => said,
    };
    format!("{time} {level}{} {}", paint(Ink::Cyan, &plain(text("app"))), what.replace('\n', "\n         "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_does_nothing_to_a_terminal_and_is_read_in_its_order() {
        let json = serde_json::json!({ "level": "info", "app": "shop", "text": "a\u{1b}]0;b\u{7}\u{202e}c\u{2028}d\ne", "unix_ms": 0 });
        let shown = line(&json);
        assert!(shown.ends_with("shop a\u{fffd}]0;b\u{fffd}\u{fffd}c\u{fffd}d\n         e"), "{shown:?}");
    }
}
