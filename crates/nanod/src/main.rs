//! nanod: folders of apps, served over HTTP.
//!
//! It is a host like any other: it uses nano-core's public face, and knows nothing of V8. What it reads and decides is nano-config's;
//! here is what it does. `serve.rs` is the server's life, `commands/` has what else the command line can ask for.

mod admin;
mod apps;
mod commands;
mod dev;
mod events;
mod frame;
mod handlers;
mod named;
mod notify;
mod output;
mod ports;
mod routes;
mod serve;
mod trust;
mod workers;

use std::ffi::OsString;
use std::process::ExitCode;

use nano_base::sys::process;
use nano_config::cli::{self, Exit, Request};

fn main() -> ExitCode {
    let mut words: Vec<OsString> = std::env::args_os().skip(1).collect();
    // A supervisor starts its workers with its own words behind one that nobody else writes.
    let worker = workers::Worker::take(&mut words);
    notify::take_sockets();
    process::raise_open_files();
    // Until it is understood.
    output::set_up(&cli::how_to_complain(&words));
    let exit = match cli::request(words) {
        Ok((request, common)) => {
            output::set_up(&common);
            match (worker, request) {
                (Some(Err(why)), _) => {
                    output::complain(&why);
                    Exit::Machine
                }
                (Some(Ok(worker)), Request::Serve(serve)) => serve::run(&serve.into(), Some(worker)),
                (_, request) => answer(request),
            }
        }
        Err(usage) => {
            output::complain(&usage.to_string());
            Exit::Usage
        }
    };
    output::flush();
    ExitCode::from(exit as u8)
}

fn answer(request: Request) -> Exit {
    match request {
        Request::Serve(serve) if serve.workers > 1 => workers::supervise(&serve.into()),
        Request::Serve(serve) => serve::run(&serve.into(), None),
        Request::Dev(dev) => dev::run(&dev),
        Request::Completions(shell) => commands::completions(shell),
        Request::Help(command) => commands::help(command),
        Request::Version => commands::version(),
        Request::Run(run) => commands::run(&run),
        Request::Check(check) => commands::check(&check),
        Request::Types(types) => commands::types(&types),
        Request::New(new) => commands::new(&new),
        Request::Doctor => commands::doctor(),
        Request::Tail(tail) => commands::tail(&tail),
        Request::Top(top) => commands::top(&top),
    }
}
