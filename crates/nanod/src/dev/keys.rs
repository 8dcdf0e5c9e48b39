//! Single keys on a terminal.

use std::io::{IsTerminal, Read};

use nano_base::sys::terminal;
use signal_hook::consts::SIGINT;

use super::{Dev, open};
use crate::output::{self, Ink, paint};

/// The keys and what they do.
const KEYS: [(char, &str); 5] = [
    ('b', "open the browser"),
    ('r', "reload all apps: what they keep in memory is gone"),
    ('c', "clear the screen"),
    ('q', "quit"),
    ('?', "show this"),
];

/// Listens to keys, if somebody sits here.
#[expect(clippy::disallowed_methods, reason = "the hook is this program's own: a panic must not leave the terminal without an echo")]
pub fn start(dev: &'static Dev, port: &str) {
    let (input, out) = (std::io::stdin(), std::io::stdout());
    if !input.is_terminal() || !out.is_terminal() || output::is_json() || !terminal::give_keys(&input) {
        return;
    }
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        terminal::restore();
        usual(panic);
    }));
    let port = port.to_string();
    let listens = std::thread::Builder::new().name("nanod-keys".into()).spawn(move || {
        for key in std::io::stdin().lock().bytes() {
            let Ok(key) = key else { break };
            press(char::from(key), dev, &port);
        }
        // The terminal has gone. SIGHUP, which says so, means to deploy anew.
        quit();
    });
    match listens {
        Ok(_) => output::say(&paint(Ink::Dim, "press ? for keys")),
        Err(_) => terminal::restore(),
    }
}

/// Gives the terminal back as it was.
pub fn stop() {
    terminal::restore();
}

fn press(key: char, dev: &Dev, port: &str) {
    match key.to_ascii_lowercase() {
        'b' => open::browser(&dev.url(port)),
        'r' => dev.reload(),
        'c' => {
            // Whatever was there, also what has scrolled away.
            output::print("\x1b[H\x1b[2J\x1b[3J");
        }
        'q' => quit(),
        '?' | 'h' => {
            for (key, what) in KEYS {
                output::say(&format!("  {}  {what}", paint(Ink::Bold, &key.to_string())));
            }
        }
        '\n' | '\r' => output::say(""),
        _ => {}
    }
}

/// The same as Ctrl-C.
fn quit() {
    if signal_hook::low_level::raise(SIGINT).is_err() {
        output::complain("cannot stop: press Ctrl-C");
    }
}
