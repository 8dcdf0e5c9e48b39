//! A thread for what takes longer than the listener's other clients would wait: writing archives, ending instances.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use nano_base::limits::ADMIN_ACTIONS_MAX;
use nano_core::{Runtime, Status};
use serde_json::json;

use super::archive;
use super::aside::{delete, incoming, remove_left_overs};
use super::board::Board;
use super::connection::Held;
use super::operate::{Action, Command};
use super::reply::{Refusal, Reply};

/// Something to do.
pub enum Job {
    /// The main thread does it.
    Pass(Command),
    /// Ends the instances of an app.
    Kill(String, Reply),
    /// Deploys an archive as an app.
    Upload(String, (Vec<u8>, Arc<Held>), Reply),
}

impl Job {
    /// It is not done.
    pub fn refuse(self, refusal: Refusal) {
        match self {
            Self::Pass(command) => command.refuse(refusal),
            Self::Kill(_, reply) | Self::Upload(_, _, reply) => reply.give(Err(refusal)),
        }
    }
}

/// Starts the thread.
pub fn start(
    runtime: Arc<Runtime>,
    board: Board,
    root: PathBuf,
    commands: Box<dyn Fn(Command) + Send>,
) -> std::io::Result<SyncSender<Job>> {
    let (sender, jobs) = sync_channel(ADMIN_ACTIONS_MAX);
    std::thread::Builder::new().name("nanod-admin-work".into()).spawn(move || {
        remove_left_overs(&root);
        work(&jobs, &runtime, &board, &root, &commands);
    })?;
    Ok(sender)
}

fn work(jobs: &Receiver<Job>, runtime: &Runtime, board: &Board, root: &Path, commands: &dyn Fn(Command)) {
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Pass(command) => commands(command),
            Job::Kill(name, reply) => reply.give(kill(runtime, board, &name)),
            Job::Upload(name, (bytes, held), reply) => match unpack(root, bytes, held) {
                Ok(staged) => commands(Command::new(Action::Deploy(name, staged), reply)),
                Err(refusal) => reply.give(Err(refusal)),
            },
        }
    }
}

fn kill(runtime: &Runtime, board: &Board, name: &str) -> Result<serde_json::Value, Refusal> {
    let app = match runtime.find(name) {
        Some(app) => app,
        // Out of service it has no instances.
        None if board.find(name).is_some() => return Ok(json!({ "app": name, "ended": 0 })),
        None => return Err(Refusal::new(404, "NO_APP", board.no_app(name))),
    };
    match app.kill() {
        Ok(ended) => Ok(json!({ "app": name, "ended": ended })),
        Err(error) if error.status == Status::Timeout => Err(Refusal::new(504, "TIMEOUT", error.message)),
        Err(error) => Err(Refusal::new(503, "STOPPING", error.message)),
    }
}

/// Writes an archive to a folder beside those of apps.
fn unpack(root: &Path, bytes: Vec<u8>, _held: Arc<Held>) -> Result<PathBuf, Refusal> {
    let entries = archive::read(&bytes).map_err(|why| Refusal::new(422, "BAD_ARCHIVE", why))?;
    let staged = incoming(root);
    fs::create_dir(&staged)
        .map_err(|error| Refusal::new(409, "NOT_WRITABLE", format!("nanod cannot write to {}: {error}", root.display())))?;
    archive::write(&entries, &staged).map_err(|why| {
        delete(&staged);
        Refusal::new(422, "BAD_ARCHIVE", why)
    })?;
    Ok(staged)
}
