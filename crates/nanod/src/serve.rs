//! `nanod serve DIR`: every folder in it is an app, served until a signal says otherwise.

mod options;
mod signals;

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use nano_config::cli::{Address, Exit};
use nano_config::deploy::{Deployment, Hints, Notifier, ScanOptions, Scanner, Snapshot, Touched, Watch};
use nano_core::{Clock, EventMask, Runtime, RuntimeLimits, RuntimeOptions};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

pub use options::Options;
pub use signals::hear_signals;

use crate::admin::{self, Admin, Board, Logs};
use crate::apps::{Apps, Outcome};
use crate::ports::Ports;
use crate::routes::Current;
use crate::trust::Trust;
use crate::workers::{Order, Worker};
use crate::{dev, events, notify, output};

/// How long a folder must be still before it is deployed.
const QUIET_MS: u64 = 100;

/// How long the start waits for folders that are not still.
const SETTLE_MS: u64 = 2_000;

/// What the main thread hears.
enum Message {
    Signal(i32),
    /// The folder may have changed.
    Look,
    /// An operator wants something.
    Command(admin::Command),
    /// Of the supervisor.
    Order(Order),
}

/// Runs until a signal, or as a worker until its supervisor says so; what the process ends with.
pub fn run(options: &Options, worker: Option<Worker>) -> Exit {
    output::set_log_format(options.log_format);
    match Server::start(options, worker) {
        Ok(server) => server.run(),
        Err(why) => {
            output::complain(&why);
            Exit::Machine
        }
    }
}

struct Server {
    runtime: Arc<Runtime>,
    admin: Option<Admin>,
    board: Board,
    environment: Option<String>,
    ports: Option<Ports>,
    messages: Receiver<Message>,
    notifier: Option<Notifier>,
    scanner: Scanner,
    deployment: Deployment,
    watch: Watch,
    apps: Apps,
    trust: Trust,
    clock: Clock,
    /// Whether changes are deployed without being asked.
    watching: bool,
    drain: Duration,
    drain_delay: Duration,
    worker: Option<Worker>,
    /// A signal that came before the server was ready.
    early: bool,
}

impl Server {
    fn start(options: &Options, worker: Option<Worker>) -> Result<Self, String> {
        let folder = options.folder.canonicalize().map_err(|error| format!("cannot read {}: {error}", options.folder.display()))?;
        if !folder.is_dir() {
            return Err(format!("{} is not a folder: give the folder that has a folder for each app", options.folder.display()));
        }
        let clock = Clock::system();
        let began_ms = clock.now_ms();
        let (sender, messages) = channel();
        let orders = match &worker {
            None => {
                let signals = sender.clone();
                hear_signals(move |signal| signals.send(Message::Signal(signal)).is_ok())
            }
            // Whatever a terminal sends to all processes at once the supervisor hears too.
            Some(_) => {
                let signals = sender.clone();
                hear_signals(move |signal| signal != SIGTERM || signals.send(Message::Signal(signal)).is_ok())
            }
        }
        .map_err(|error| format!("cannot listen to signals: {error}"))
        .and_then(|()| match &worker {
            None => Ok(Vec::new()),
            Some(worker) => {
                output::set_worker(worker.number);
                let orders = sender.clone();
                // The main thread has gone: nobody follows orders any more.
                worker.listen(move |order| drop(orders.send(Message::Order(order))))
            }
        })?;
        let limits = RuntimeLimits { threads: options.threads, ..RuntimeLimits::default() };
        let events = EventMask { logs: true, apps: true };
        let notes = worker.as_ref().map(|worker| worker.notes.clone());
        let runtime = Runtime::new(RuntimeOptions {
            limits,
            events,
            clock: clock.clone(),
            notes,
            inspected_apps: dev::inspected_apps(),
            ..RuntimeOptions::default()
        })
        .map_err(|error| error.to_string())?;
        let runtime = Arc::new(runtime);
        let logs = Arc::new(Logs::default());
        events::follow(&runtime, &logs, &clock).map_err(|error| format!("cannot start a thread: {error}"))?;
        let current = Current::new(options.trust_proxy);
        let trust = Trust::new(options.trust, options.grants.as_deref(), &folder)?;
        let mut apps = Apps::new(&runtime, &current, trust.grants().clone(), options.dev, options.environment.clone());
        let board = apps.board.clone();
        let commands = sender.clone();
        let context = admin::Context {
            runtime: runtime.clone(),
            board: board.clone(),
            logs,
            clock: clock.clone(),
            root: folder.clone(),
            // A command that nobody hears is dropped, and its reply says that nanod is stopping.
            commands: Box::new(move |command| drop(commands.send(Message::Command(command)))),
        };
        let admin = start_admin(options.admin.as_ref(), worker.as_ref().map_or(0, |worker| worker.number), context)?;
        for order in orders {
            if let Order::Quarantine(app) = order {
                apps.quarantine(&app, &Snapshot::default());
            }
        }
        let scan = ScanOptions { environment: options.environment.clone(), dev_vars: options.dev, outside_links: options.follow_links };
        let notifier = options.watch.then(|| {
            // The main thread has gone: nobody looks any more.
            let notifier = Notifier::start(&folder, move || drop(sender.send(Message::Look)));
            notifier.inspect_err(|why| output::say(&format!("{why}; the folder is looked at once a second instead"))).ok()
        });
        let notifier = notifier.flatten();
        let watch = Watch::new(notifier.is_some(), clock.now_ms());
        let mut server = Self {
            runtime,
            admin,
            board,
            environment: options.environment.clone(),
            ports: None,
            messages,
            notifier,
            scanner: Scanner::new(folder, scan),
            deployment: Deployment::new(QUIET_MS),
            watch,
            apps,
            trust,
            clock,
            watching: options.watch,
            drain: options.drain,
            drain_delay: options.drain_delay,
            worker,
            early: false,
        };
        server.settle();
        let sockets = server.worker.as_ref().map(|worker| worker.sockets.clone());
        server.ports = Some(Ports::open(&server.runtime, &current, options, sockets)?);
        server.follow_ports();
        server.introduce(began_ms);
        server.tell_ready("ready");
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
                Ok(Message::Signal(_) | Message::Order(Order::Stop | Order::Alone)) => self.early = true,
                Ok(Message::Order(order)) => self.obey(&order),
                Ok(Message::Command(command)) => command.refuse_start(),
                Err(_) => {}
            }
            if let Some(touched) = self.watch.take(self.clock.now_ms()) {
                self.look(&touched);
            }
        }
    }

    /// What somebody wants to know who has just started it.
    fn introduce(&self, began_ms: u64) {
        let addresses = self.ports.as_ref().map(Ports::addresses).unwrap_or_default();
        let port = self.ports.as_ref().and_then(Ports::port).map_or(String::new(), |port| format!(":{port}"));
        for (folder, state) in &self.deployment.deployed().apps {
            let Some(manifest) = state.reading.manifest.as_ref().filter(|_| self.apps.serves(folder)) else { continue };
            output::say(&format!("{:<20} http://{}.localhost{port}/  {}", manifest.name, manifest.name, state.shown));
        }
        if let Some(admin) = &self.admin {
            output::say_of_each(&admin.introduction(std::io::stdout().is_terminal()));
        }
        self.board.set_addresses(addresses.clone());
        let (apps, took_ms) = (self.apps.len(), self.clock.now_ms() - began_ms);
        let noun = if apps == 1 { "app" } else { "apps" };
        output::say(&format!("{apps} {noun} on {} in {took_ms} ms", addresses.join(", ")));
        dev::ready(port.trim_start_matches(':'));
    }

    fn run(mut self) -> Exit {
        if self.early {
            return self.stop();
        }
        loop {
            match self.hear() {
                Ok(Message::Signal(SIGHUP) | Message::Order(Order::Look)) => {
                    if self.worker.is_none() {
                        notify::reloading();
                    }
                    if let Some(ports) = &self.ports {
                        ports.renew_certificates();
                    }
                    self.look(&Touched::All);
                    if !self.watching {
                        self.settle();
                    }
                    self.tell_ready("looked");
                }
                Ok(Message::Signal(_) | Message::Order(Order::Stop)) => return self.stop(),
                Ok(Message::Order(Order::Alone)) => {
                    output::complain("the supervisor has gone: stopping");
                    return self.stop();
                }
                Ok(Message::Order(order)) => self.obey(&order),
                Ok(Message::Look) => self.take_hints(),
                Ok(Message::Command(command)) => {
                    self.desk().obey(command);
                    self.follow_ports();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.stop(),
            }
            if self.watching
                && let Some(touched) = self.watch.take(self.clock.now_ms())
            {
                self.look(&touched);
            }
        }
    }

    /// The next message, or that it is time to look.
    fn hear(&self) -> Result<Message, RecvTimeoutError> {
        if !self.watching {
            return self.messages.recv().map_err(|_| RecvTimeoutError::Disconnected);
        }
        self.messages.recv_timeout(Duration::from_millis(self.watch.due_ms().saturating_sub(self.clock.now_ms())))
    }

    fn obey(&mut self, order: &Order) {
        match order {
            Order::Quarantine(app) => self.apps.quarantine(app, self.deployment.deployed()),
            Order::Release(app) => self.apps.release(app, self.deployment.deployed()),
            Order::Look | Order::Stop | Order::Alone => {}
        }
        self.follow_ports();
    }

    /// Tells whoever started it.
    fn tell_ready(&self, word: &str) {
        self.board.set_ready(true);
        match &self.worker {
            Some(worker) => {
                // What it has said stands before what its supervisor says then.
                output::flush();
                worker.tell(word);
            }
            None => notify::tell("READY=1"),
        }
    }

    fn follow_ports(&mut self) {
        if let Some(ports) = &mut self.ports {
            ports.follow();
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
        dev::looked(&seen);
        let step = self.deployment.observe(&seen, self.clock.now_ms(), unix_ms);
        step.findings.iter().for_each(output::finding);
        if let Some(again_ms) = step.again_ms {
            self.watch.again(again_ms, self.deployment.waiting(), self.clock.now_ms());
        }
        if let Some(notifier) = &mut self.notifier
            && let Err(why) = notifier.cover(&seen)
        {
            output::say(&format!("{why}; the folder is looked at once a second instead"));
            self.watch.set_hints(false);
        }
        if self.trust.look().is_some() {
            let outcome = self.apps.set_grants(self.trust.grants().clone(), self.deployment.deployed());
            tell(outcome);
        }
        if !step.changes.is_empty() {
            for app in self.apps.mended(&step.changes, self.deployment.deployed()) {
                self.apps.forgive(&app);
                if let Some(worker) = &self.worker {
                    worker.tell(&format!("mended {app}"));
                }
            }
            let outcome = self.apps.follow(&step.changes, self.deployment.deployed());
            tell(outcome);
        }
        self.follow_ports();
    }

    /// What an operator's commands are about.
    fn desk(&mut self) -> admin::Desk<'_> {
        admin::Desk {
            apps: &mut self.apps,
            scanner: &mut self.scanner,
            deployment: &mut self.deployment,
            clock: &self.clock,
            environment: self.environment.as_deref(),
        }
    }

    /// Takes no more connections, lets requests end, and ends. A second signal does not wait.
    fn stop(self) -> Exit {
        if self.worker.is_none() {
            notify::tell("STOPPING=1");
        }
        self.board.set_ready(false);
        output::say(&format!("stopping: requests have {} s to end", self.drain.as_secs()));
        let supervised = self.worker.is_some();
        let (stopping, delay) = channel();
        let messages = self.messages;
        let impatient = std::thread::Builder::new().name("nanod-second-signal".into()).spawn(move || {
            while let Ok(message) = messages.recv() {
                // A worker is hurried by its supervisor; the same signal may have reached it twice.
                if let Message::Signal(second @ (SIGINT | SIGTERM)) = message
                    && !supervised
                {
                    output::complain("stopped at once, by a second signal");
                    dev::leave();
                    output::flush();
                    std::process::exit(128 + second);
                }
            }
            drop(stopping);
        });
        if impatient.is_err() {
            output::complain("a second signal will not be heard");
        }
        // Whoever sends requests here is given time to notice. Nothing is ever sent: this is a wait.
        let _: Result<(), RecvTimeoutError> = delay.recv_timeout(self.drain_delay);
        if let Some(ports) = &self.ports {
            ports.close();
        }
        let drained = self.runtime.drain(self.drain);
        self.runtime.free();
        output::say(if drained { "stopped" } else { "stopped, with requests that did not end in time" });
        if drained { Exit::Success } else { Exit::CutOff }
    }
}

/// The admin listener. One that was not asked for is not worth not serving: another nanod may have its port.
fn start_admin(options: Option<&admin::Options>, worker: u32, context: admin::Context) -> Result<Option<Admin>, String> {
    let Some(options) = options else { return Ok(None) };
    match admin::start(&options.of_worker(worker), context) {
        Ok(admin) => Ok(Some(admin)),
        Err(why) if options.address == Address::Tcp("127.0.0.1".into(), 9787) && options.token_file.is_none() => {
            output::complain(&format!("{why}; serving without it (choose another address with --admin, or --no-admin)"));
            Ok(None)
        }
        Err(why) => Err(why),
    }
}

fn tell(outcome: Outcome) {
    output::say(&format!("{} deployed, {} failed, {} removed", outcome.deployed, outcome.failed, outcome.removed));
}
