//! `nanod serve DIR`: every folder in it is an app, served until a signal says otherwise.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use nano_config::cli::{Address, Dev, Exit, Serve};
use nano_config::deploy::{Deployment, Hints, Notifier, ScanOptions, Scanner, Touched, Watch};
use nano_core::{Clock, EventMask, ListenLimits, ListenOptions, Listener, Runtime, RuntimeLimits, RuntimeOptions};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::apps::Apps;
use crate::routes::Current;
use crate::{dev, events, notify, output};

/// How long a folder must be still before it is deployed.
const QUIET_MS: u64 = 100;

/// How long the start waits for folders that are not still.
const SETTLE_MS: u64 = 2_000;

/// How to serve: what `nanod serve` and `nanod dev` have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    pub folder: PathBuf,
    pub listen: Vec<Address>,
    pub threads: u32,
    pub environment: Option<String>,
    pub follow_links: bool,
    pub watch: bool,
    pub dev: bool,
    pub drain: Duration,
    pub limits: ListenLimits,
}

impl From<Serve> for Options {
    fn from(serve: Serve) -> Self {
        let limits = ListenLimits { connections: serve.connections as usize, idle_ms: serve.idle_ms, ..ListenLimits::default() };
        Self {
            folder: serve.dir,
            listen: serve.listen,
            threads: serve.threads.unwrap_or(0),
            environment: serve.env,
            follow_links: serve.follow_links,
            watch: serve.watch,
            dev: false,
            drain: Duration::from_millis(serve.drain_ms),
            limits,
        }
    }
}

impl From<Dev> for Options {
    fn from(dev: Dev) -> Self {
        Self {
            folder: dev.dir,
            listen: dev.listen,
            threads: dev.threads.unwrap_or(0),
            environment: dev.env,
            follow_links: dev.follow_links,
            watch: true,
            dev: true,
            drain: Duration::ZERO,
            limits: ListenLimits::default(),
        }
    }
}

/// What the main thread hears.
enum Message {
    Signal(i32),
    /// The folder may have changed.
    Look,
}

/// Runs until a signal; what the process ends with.
pub fn run(options: &Options) -> Exit {
    match Server::start(options) {
        Ok(server) => server.run(),
        Err(why) => {
            output::complain(&why);
            Exit::Machine
        }
    }
}

struct Server {
    runtime: Arc<Runtime>,
    listeners: Vec<Listener>,
    messages: Receiver<Message>,
    notifier: Option<Notifier>,
    scanner: Scanner,
    deployment: Deployment,
    watch: Watch,
    apps: Apps,
    clock: Clock,
    drain: Duration,
    /// A signal that came before the server was ready.
    early: bool,
}

impl Server {
    fn start(options: &Options) -> Result<Self, String> {
        let folder = options.folder.canonicalize().map_err(|error| format!("cannot read {}: {error}", options.folder.display()))?;
        if !folder.is_dir() {
            return Err(format!("{} is not a folder: give the folder that has a folder for each app", options.folder.display()));
        }
        let clock = Clock::system();
        let began_ms = clock.now_ms();
        let (sender, messages) = channel();
        hear_signals(&sender).map_err(|error| format!("cannot listen to signals: {error}"))?;
        let limits = RuntimeLimits { threads: options.threads, ..RuntimeLimits::default() };
        let events = EventMask { logs: true, apps: true };
        let runtime = Runtime::new(RuntimeOptions { limits, events, clock: clock.clone(), ..RuntimeOptions::default() })
            .map_err(|error| error.to_string())?;
        let runtime = Arc::new(runtime);
        events::follow(&runtime).map_err(|error| format!("cannot start a thread: {error}"))?;
        let current = Current::default();
        let apps = Apps::new(&runtime, &current, options.dev, options.environment.clone());
        let scan = ScanOptions { environment: options.environment.clone(), dev_vars: options.dev, outside_links: options.follow_links };
        let notifier = Notifier::start(&folder, move || {
            // The main thread has gone: nobody looks any more.
            let _ = sender.send(Message::Look);
        });
        let notifier = notifier.inspect_err(|why| output::say(&format!("{why}; the folder is looked at once a second instead"))).ok();
        let watch = Watch::new(notifier.is_some(), clock.now_ms());
        let mut server = Self {
            runtime,
            listeners: Vec::new(),
            messages,
            notifier,
            scanner: Scanner::new(folder, scan),
            deployment: Deployment::new(QUIET_MS),
            watch,
            apps,
            clock,
            drain: options.drain,
            early: false,
        };
        server.settle();
        server.listen(options, &current)?;
        server.introduce(began_ms);
        notify::tell("READY=1");
        Ok(server)
    }

    /// Deploys what is there. Folders that are just being copied are waited for, a little.
    fn settle(&mut self) {
        self.look(&Touched::All);
        let end_ms = self.clock.now_ms() + SETTLE_MS;
        while !matches!(self.deployment.waiting(), Touched::Some(names) if names.is_empty()) {
            let now_ms = self.clock.now_ms();
            let due_ms = self.watch.due_ms();
            if due_ms > end_ms {
                return;
            }
            match self.messages.recv_timeout(Duration::from_millis(due_ms.saturating_sub(now_ms))) {
                Ok(Message::Look) => self.take_hints(),
                // It is heard when there is something to stop.
                Ok(Message::Signal(_)) => self.early = true,
                Err(_) => {}
            }
            if let Some(touched) = self.watch.take(self.clock.now_ms()) {
                self.look(&touched);
            }
        }
    }

    fn listen(&mut self, options: &Options, current: &Current) -> Result<(), String> {
        for address in options.listen.iter().map(addresses).collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
            let port = address.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0);
            let router = Arc::new(current.on_port(port));
            let options = ListenOptions { address, router, limits: options.limits.clone() };
            self.listeners.push(self.runtime.listen(options).map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    /// What somebody wants to know who has just started it.
    fn introduce(&self, began_ms: u64) {
        let addresses: Vec<String> = self.listeners.iter().map(|listener| listener.address().to_string()).collect();
        for state in self.deployment.deployed().apps.values() {
            let Some(manifest) = &state.reading.manifest else { continue };
            let port = addresses.first().and_then(|address| address.rsplit(':').next()).unwrap_or_default();
            output::say(&format!("{:<20} http://{}.localhost:{port}  {}", manifest.name, manifest.name, state.shown));
        }
        let (apps, took_ms) = (self.apps.len(), self.clock.now_ms() - began_ms);
        let noun = if apps == 1 { "app" } else { "apps" };
        output::say(&format!("{apps} {noun} on {} in {took_ms} ms", addresses.join(", ")));
        dev::ready(addresses.first().and_then(|address| address.rsplit(':').next()).unwrap_or_default());
    }

    fn run(mut self) -> Exit {
        if self.early {
            return self.stop();
        }
        loop {
            let now_ms = self.clock.now_ms();
            let wait = Duration::from_millis(self.watch.due_ms().saturating_sub(now_ms));
            match self.messages.recv_timeout(wait) {
                Ok(Message::Signal(SIGHUP)) => {
                    notify::tell("RELOADING=1");
                    self.look(&Touched::All);
                    notify::tell("READY=1");
                }
                Ok(Message::Signal(_)) => return self.stop(),
                Ok(Message::Look) => self.take_hints(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.stop(),
            }
            if let Some(touched) = self.watch.take(self.clock.now_ms()) {
                self.look(&touched);
            }
        }
    }

    fn take_hints(&mut self) {
        let hints = self.notifier.as_ref().map(Notifier::take);
        let now_ms = self.clock.now_ms();
        match hints {
            Some(Hints::Touched(touched)) => self.watch.hint(touched, now_ms),
            Some(Hints::None) | None => {}
        }
    }

    /// Looks at the folder, and makes the runtime follow what is settled.
    fn look(&mut self, touched: &Touched) {
        let unix_ms = self.clock.unix_ms() as u64;
        let seen = self.scanner.scan(touched, unix_ms);
        let step = self.deployment.observe(&seen, self.clock.now_ms(), unix_ms);
        step.findings.iter().for_each(output::finding);
        dev::looked(&seen);
        if let Some(again_ms) = step.again_ms {
            self.watch.again(again_ms, self.deployment.waiting(), self.clock.now_ms());
        }
        if let Some(notifier) = &mut self.notifier
            && let Err(why) = notifier.cover(&seen)
        {
            output::say(&format!("{why}; the folder is looked at once a second instead"));
            self.watch.set_hints(false);
        }
        if !step.changes.is_empty() {
            let outcome = self.apps.follow(&step.changes, self.deployment.deployed());
            output::say(&format!("{} deployed, {} failed, {} removed", outcome.deployed, outcome.failed, outcome.removed));
        }
    }

    /// Takes no more connections, lets requests end, and ends. A second signal does not wait.
    fn stop(self) -> Exit {
        notify::tell("STOPPING=1");
        output::say(&format!("stopping: requests have {} s to end", self.drain.as_secs()));
        for listener in &self.listeners {
            listener.close();
        }
        let messages = self.messages;
        let impatient = std::thread::Builder::new().name("nanod-second-signal".into()).spawn(move || {
            while let Ok(message) = messages.recv() {
                if let Message::Signal(second @ (SIGINT | SIGTERM)) = message {
                    output::complain("stopped at once, by a second signal");
                    dev::leave();
                    std::process::exit(128 + second);
                }
            }
        });
        if impatient.is_err() {
            output::complain("a second signal will not be heard");
        }
        let drained = self.runtime.drain(self.drain);
        self.runtime.free();
        output::say(if drained { "stopped" } else { "stopped, with requests that did not end in time" });
        if drained { Exit::Success } else { Exit::CutOff }
    }
}

fn hear_signals(sender: &Sender<Message>) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let sender = sender.clone();
    std::thread::Builder::new().name("nanod-signals".into()).spawn(move || {
        for signal in signals.forever() {
            if sender.send(Message::Signal(signal)).is_err() {
                return;
            }
        }
    })?;
    Ok(())
}

/// Where the core is to listen for an address of the command line.
fn addresses(address: &Address) -> Result<Vec<String>, String> {
    match address {
        Address::Systemd => {
            let inherited = notify::inherited();
            if inherited.is_empty() {
                return Err("--listen systemd: no sockets were handed over (LISTEN_FDS); start nanod from a socket unit".into());
            }
            Ok(inherited)
        }
        Address::Tcp(host, port) if host == "localhost" => Ok(vec![format!("127.0.0.1:{port}")]),
        Address::Everywhere(port) => Ok(vec![format!("[::]:{port}")]),
        Address::Tcp(..) | Address::Unix(_) => Ok(vec![address.to_string()]),
    }
}
