//! The browser of whoever sits here.

use std::process::{Command, Stdio};

use crate::{notify, output};

/// Programs that open an address, the first one there counts.
const OPENERS: [&str; 4] = ["xdg-open", "wslview", "gio", "sensible-browser"];

/// Opens an address, or says what it is.
pub fn browser(url: &str) {
    for opener in OPENERS {
        let mut command = Command::new(opener);
        if opener == "gio" {
            command.arg("open");
        }
        notify::withhold(&mut command);
        let started = command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        if let Ok(mut child) = started {
            // It may run as long as the browser does.
            let waits = std::thread::Builder::new().name("nanod-browser".into()).spawn(move || drop(child.wait()));
            if waits.is_err() {
                output::say("the browser's program will stay a zombie until nanod ends");
            }
            return;
        }
    }
    output::say(&format!("no browser was found here: open {url}"));
}
