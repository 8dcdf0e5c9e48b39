//! What the command line can ask for besides serving.

mod admin;
mod check;
mod doctor;
mod new;
mod run;
mod types;

use nano_config::cli::{self, Exit};

use crate::output;
pub use admin::{tail, top};
pub use check::check;
pub use doctor::doctor;
pub use new::new;
pub use run::run;
pub use types::types;

/// Help, of one command or in all.
pub fn help(command: Option<&str>) -> Exit {
    match cli::COMMANDS.iter().find(|known| Some(known.name) == command) {
        Some(command) => print(&cli::help(command)),
        None => print(&cli::overview()),
    }
}

/// Text that was asked for, as it is.
pub fn print(text: &str) -> Exit {
    if output::print(text) { Exit::Success } else { Exit::Machine }
}
