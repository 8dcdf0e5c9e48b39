//! Programs that print secrets: they have so long, and nobody waits for them who is about to end.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use nano_base::limits::SECRET_BYTES_MAX;
use nano_base::sys::process;
use nano_core::Clock;

use crate::admin::TOKEN_VARIABLE;
use crate::notify;

/// Programs that run, by the groups of processes that they lead.
static RUNNING: Mutex<Running> = Mutex::new(Running { groups: BTreeSet::new(), over: false });

struct Running {
    groups: BTreeSet<u32>,
    /// No more are started.
    over: bool,
}

fn running() -> MutexGuard<'static, Running> {
    RUNNING.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Ends all programs, and starts no more: nanod is about to end.
pub fn end_all() {
    let mut running = running();
    running.over = true;
    running.groups.iter().copied().for_each(process::kill_group);
}

/// What a program prints, which must have ended by `end_ms` of the clock; if it has not, it is ended with all that it has started.
pub fn output(words: &[String], folder: &Path, end_ms: u64) -> Result<Vec<u8>, String> {
    let Some((program, arguments)) = words.split_first() else { return Err("the command is empty".into()) };
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).process_group(0);
    notify::withhold(&mut command);
    // Whoever has it can deploy.
    command.env_remove(TOKEN_VARIABLE);
    let mut child = {
        let mut running = running();
        if running.over {
            return Err("nanod is stopping".into());
        }
        let child = command.spawn().map_err(|error| format!("cannot run {program}: {error}"))?;
        running.groups.insert(child.id());
        child
    };
    let read = read(&mut child, end_ms);
    let too_much = matches!(&read, Ok(Some(bytes)) if bytes.len() > SECRET_BYTES_MAX);
    if too_much || !matches!(read, Ok(Some(_))) {
        process::kill_group(child.id());
    }
    let ended = end(&mut child, end_ms);
    let (status, in_time) = ended.map_err(|error| format!("cannot wait for {program}: {error}"))?;
    match read.map_err(|error| format!("cannot read what {program} prints: {error}"))? {
        _ if running().over => Err("nanod is stopping".into()),
        // Whoever makes a secret of it says that it is too long.
        Some(bytes) if too_much || in_time && status.success() => Ok(bytes),
        Some(_) if in_time => Err(format!("{program} ended with {status}")),
        _ => Err(format!("{program} did not end in time (limit secret_programs_ms)")),
    }
}

/// All that it prints, or the first of too much; none if that takes too long.
fn read(child: &mut Child, end_ms: u64) -> std::io::Result<Option<Vec<u8>>> {
    let Some(mut pipe) = child.stdout.take() else { return Ok(Some(Vec::new())) };
    // With room for all there may be: growing would leave copies of the secret behind.
    let mut bytes = vec![0; SECRET_BYTES_MAX + 1];
    let mut length = 0;
    let clock = Clock::system();
    while length < bytes.len() {
        let left_ms = end_ms.saturating_sub(clock.now_ms());
        if process::await_readable(&pipe, left_ms)? {
            match pipe.read(&mut bytes[length..])? {
                0 => break,
                more => length += more,
            }
        } else if left_ms == 0 {
            return Ok(None);
        }
    }
    bytes.truncate(length);
    Ok(Some(bytes))
}

/// Waits for its end, which comes in time or by force; which of the two it was.
fn end(child: &mut Child, end_ms: u64) -> std::io::Result<(ExitStatus, bool)> {
    let id = child.id();
    let left = Duration::from_millis(end_ms.saturating_sub(Clock::system().now_ms()));
    let in_time = std::thread::scope(|scope| {
        let (sender, ended) = channel();
        let waits = std::thread::Builder::new().name("nanod-program".into()).spawn_scoped(scope, move || {
            let _ = process::await_end(id);
            // Whoever waits has lost patience.
            let _ = sender.send(());
        });
        let in_time = waits.is_ok() && ended.recv_timeout(left).is_ok();
        if !in_time {
            process::kill_group(id);
        }
        in_time
    });
    // From here on its number may become another's.
    let mut running = running();
    running.groups.remove(&id);
    child.wait().map(|status| (status, in_time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output_of(script: &str, patience_ms: u64) -> Result<String, String> {
        let words = ["sh", "-c", script].map(str::to_string);
        let bytes = output(&words, Path::new("/"), Clock::system().now_ms() + patience_ms)?;
        Ok(String::from_utf8(bytes).expect("text"))
    }

    #[test]
    fn what_a_program_prints_is_read_to_its_end() {
        assert_eq!(output_of("echo a; echo b", 60_000), Ok("a\nb\n".into()));
        assert_eq!(output_of("exec >&-; true", 60_000), Ok(String::new()));
        assert!(output_of("echo a; exit 3", 60_000).expect_err("it failed").contains("sh ended with exit status: 3"));
        assert!(output(&["/no/such/program".into()], Path::new("/"), u64::MAX).expect_err("none").contains("cannot run /no/such/program"));
        assert_eq!(output_of("yes", 60_000).map(|text| text.len()), Ok(SECRET_BYTES_MAX + 1));
    }

    #[test]
    fn one_that_does_not_end_is_ended_with_all_that_it_has_started() {
        for script in ["sleep 1000 & sleep 1000", "exec >&-; sleep 1000", "trap '' TERM INT HUP; while :; do sleep 1000; done"] {
            let why = output_of(script, 1).expect_err(script);
            assert!(why.contains("did not end in time"), "{script}: {why}");
        }
    }
}
