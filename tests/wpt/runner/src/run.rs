//! Runs tests: each file in an app of its own, several at a time, all of them heard from one queue.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nano_core::{
    App, AppLimits, AppOptions, Event, EventMask, Headers, Payload, RequestHead, RequestInit, Runtime, RuntimeLimits, RuntimeOptions,
    Source,
};
use serde_json::Value;

use crate::expectations::{Outcome, Subtest};
use crate::page;
use crate::server::Server;
use crate::site;
use crate::tree::Test;

/// Files under way at once, per thread: most of a test's time is waiting.
const FILES_PER_THREAD: usize = 6;
/// What comes on top of a test's own time, for a machine that has other things to do.
const GRACE_MS: u32 = 300_000;
/// CPU time of a file: far more than any needs.
const CPU_MS: u32 = 20_000;
/// How long the server sleeps while it has slow answers under way.
const SLOW_MS: i32 = 5;
/// The binding that answers the global `fetch`.
const SITE: &str = "WPT";

/// One run of a file: its path, with the variant's query.
pub struct Job<'a> {
    /// The file.
    pub test: &'a Test,
    /// The query, or nothing.
    pub variant: String,
}

impl Job<'_> {
    /// Its name in expectations.
    pub fn name(&self) -> String {
        format!("{}{}", self.test.path, self.variant)
    }
}

/// Runs them all; one outcome for each, in order.
pub fn run(root: &Path, jobs: &[Job], verbose: bool) -> Result<Vec<Outcome>, String> {
    let threads = thread::available_parallelism().map_or(2, |count| count.get());
    let limits = RuntimeLimits { threads: threads as u32, ..RuntimeLimits::default() };
    let options = RuntimeOptions { limits, events: EventMask { logs: verbose, apps: false }, ..RuntimeOptions::default() };
    let runtime = Runtime::new(options).map_err(|error| error.message)?;
    // Unloading waits for the app's shard, which another test may keep busy.
    let (done, finished) = mpsc::channel::<App>();
    let unloader = thread::spawn(move || {
        for app in finished {
            let _ = app.unload(Duration::ZERO);
        }
    });
    let mut outcomes: Vec<Outcome> = jobs.iter().map(|_| Outcome::default()).collect();
    let mut under_way: HashMap<u64, (usize, App)> = HashMap::new();
    let mut server = Server::new(root.to_path_buf());
    let mut next = 0;
    let mut events = Vec::new();
    while next < jobs.len() || !under_way.is_empty() {
        while next < jobs.len() && under_way.len() < threads * FILES_PER_THREAD {
            match start(&runtime, root, &jobs[next], next) {
                Ok((id, app)) => {
                    under_way.insert(id, (next, app));
                }
                Err(error) => outcomes[next] = Outcome::broken(error),
            }
            next += 1;
        }
        let wait_ms = if server.poll(&runtime) { SLOW_MS } else { 1_000 };
        runtime.wait(64, wait_ms, &mut events).map_err(|error| error.message)?;
        for event in events.drain(..) {
            let Event { id, payload, .. } = event;
            match payload {
                Payload::Call => server.call(&runtime, id),
                Payload::CallChunk(bytes) => server.chunk(&runtime, id, &bytes),
                Payload::CallCanceled => server.canceled(id),
                Payload::Log { app, text, .. } => eprintln!("{app}: {text}"),
                payload if payload.is_terminal() => {
                    let Some((index, app)) = under_way.remove(&id) else { continue };
                    outcomes[index] = match payload {
                        Payload::Response { body, account, .. } => Outcome { cpu_ms: account.cpu_us / 1_000, ..read(&body) },
                        Payload::Error(error, _) => Outcome::broken(error.message),
                        _ => Outcome::broken("an answer in pieces".into()),
                    };
                    let _ = done.send(app);
                }
                _ => {}
            }
        }
    }
    drop(done);
    let _ = unloader.join();
    Ok(outcomes)
}

/// Loads the file as an app and asks it for its results.
fn start(runtime: &Runtime, root: &Path, job: &Job, index: usize) -> Result<(u64, App), String> {
    let (source, timeout_ms) = page::build(root, job.test, &job.variant).map_err(|error| error.to_string())?;
    let wall_ms = timeout_ms + GRACE_MS;
    let limits = AppLimits {
        cpu_ms: CPU_MS,
        start_cpu_ms: CPU_MS,
        wall_ms,
        heap_bytes: 512 << 20,
        external_bytes: 256 << 20,
        errands: 10_000,
        errand_cpu_ms: 600_000,
        subrequests: 10_000,
        subrequests_at_once: 1_000,
        ..AppLimits::default()
    };
    let options = AppOptions {
        bindings: vec![SITE.into()],
        outbound: Some(SITE.into()),
        base_url: Some(page::location(job.test, &job.variant)),
        code_generation: true,
        limits,
        lazy: true,
        ..AppOptions::new(format!("{index}: {}", job.name()), Source::Text(source.into_bytes()))
    };
    let app = runtime.load(options).map_err(|error| error.message)?;
    let head = RequestHead { method: "GET".into(), url: format!("{}/results", site::ORIGIN), headers: Headers::new() };
    let id = app.dispatch(RequestInit { head, ..RequestInit::default() }).map_err(|error| error.message)?;
    Ok((id, app))
}

/// What the page reports.
fn read(body: &[u8]) -> Outcome {
    let Ok(report) = serde_json::from_slice::<Value>(body) else { return Outcome::broken("the report is not JSON".into()) };
    let mut subtests = Vec::new();
    for row in report["tests"].as_array().into_iter().flatten() {
        let text = |index: usize| row[index].as_str().unwrap_or_default().to_string();
        subtests.push(Subtest { name: text(0), passed: row[1] == 0, message: text(2) });
    }
    let message = report["message"].as_str().unwrap_or_default();
    let failed = subtests.iter().any(|subtest| !subtest.passed);
    let broken = match report["status"].as_u64() {
        Some(0) if subtests.is_empty() => Some("the file has no tests".to_string()),
        Some(0) => None,
        // Whoever did not come to an end in time counts already.
        Some(2) if failed => None,
        Some(2) => Some("it did not end in time".to_string()),
        _ => Some(message.to_string()),
    };
    if let Some(message) = broken {
        subtests.push(Subtest { name: Outcome::HARNESS.into(), passed: false, message });
    }
    Outcome { subtests, cpu_ms: 0 }
}
