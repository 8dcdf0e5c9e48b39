//! What the command line can ask for besides serving.

mod admin;
mod check;
mod doctor;
mod new;
mod run;
mod types;

use nano_config::cli::{self, Exit, Shell};
use serde_json::{Value, json};

use crate::output;
pub use admin::{tail, top};
pub use check::check;
pub use doctor::doctor;
pub use new::new;
pub use run::run;
pub use types::types;

/// Help, of one command or in all.
pub fn help(command: Option<&str>) -> Exit {
    let command = cli::COMMANDS.iter().find(|known| Some(known.name) == command);
    print(|| cli::help_json(command), || command.map_or_else(cli::overview, cli::help))
}

/// The versions of nanod and of what it is made of.
pub fn version() -> Exit {
    let (version, v8) = (env!("CARGO_PKG_VERSION"), nano_core::v8_version());
    print(|| json!({ "version": version, "v8": v8 }), || format!("nanod {version} (V8 {v8})\n"))
}

/// What a shell completes command lines by.
pub fn completions(shell: Shell) -> Exit {
    print(|| json!({ "script": cli::completions(shell) }), || cli::completions(shell))
}

/// What was asked for: as data if that was, else as text.
pub fn print(json: impl FnOnce() -> Value, text: impl FnOnce() -> String) -> Exit {
    let out = if output::is_json() { format!("{}\n", json()) } else { text() };
    if output::print(&out) { Exit::Success } else { Exit::Machine }
}
