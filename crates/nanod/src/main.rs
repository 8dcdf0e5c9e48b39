//! nanod: folders of apps, served over HTTP.
//!
//! It is a host like any other: it uses nano-core's public face, and knows nothing of V8. What it reads and decides is nano-config's;
//! here is what it does.

mod apps;
mod events;
mod notify;
mod output;
mod routes;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match serve::options(&arguments) {
        Ok(options) => serve::run(options),
        Err(usage) => {
            output::complain(&usage);
            ExitCode::from(2)
        }
    }
}
