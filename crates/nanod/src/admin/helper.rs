//! A thread for what takes longer than the listener's other clients would wait: writing archives, ending instances.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use nano_base::limits::ADMIN_ACTIONS_MAX;
use nano_base::sys::random;
use nano_core::{Runtime, Status};
use serde_json::json;

use super::archive;
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

/// How folders begin that are being written, or are to be deleted. Scanners pass over what begins with a dot.
const STAGED: &str = ".nanod-";
/// What is left of a server that ended in the middle is this old at least.
const LEFT_OVER: Duration = Duration::from_secs(3_600);

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
    let staged = beside(root, "incoming");
    fs::create_dir(&staged)
        .map_err(|error| Refusal::new(409, "NOT_WRITABLE", format!("nanod cannot write to {}: {error}", root.display())))?;
    archive::write(&entries, &staged).map_err(|why| {
        delete(&staged);
        Refusal::new(422, "BAD_ARCHIVE", why)
    })?;
    Ok(staged)
}

/// A folder of nobody's name in the folder of apps.
pub fn beside(root: &Path, what: &str) -> PathBuf {
    let mut bytes = [0; 8];
    random::fill(&mut bytes);
    root.join(format!("{STAGED}{what}-{:016x}", u64::from_le_bytes(bytes)))
}

/// Deletes a folder, or the link to one. What cannot be deleted stays, and is out of everybody's way.
pub fn delete(path: &Path) {
    let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    let _ = if is_link { fs::remove_file(path) } else { fs::remove_dir_all(path) };
}

fn remove_left_overs(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(STAGED));
        let age = entry.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|time| time.elapsed().ok());
        if ours && age.is_some_and(|age| age > LEFT_OVER) {
            delete(&entry.path());
        }
    }
}
