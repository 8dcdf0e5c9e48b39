//! `nanod serve DIR`: every folder in it is an app, served until a signal says otherwise.

mod options;
mod signals;

use std::collections::VecDeque;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use nano_base::limits::{ADMIN_ACTIONS_MAX, DEPLOY_TOLD_MS, START_WALL_MS};
use nano_config::cli::Exit;
use nano_config::deploy::{Deployment, Hints, Notifier, ScanOptions, Scanner, Snapshot, Touched, Watch};
use nano_config::manifest::is_one_or_many;
use nano_config::text::units::show_duration_ms;
use nano_config::text::{Finding, Severity};
use nano_core::{Clock, EventMask, Runtime, RuntimeLimits, RuntimeOptions, sys};
use signal_hook::consts::{SIGHUP, SIGTERM};

pub use options::{Options, roots};
pub use signals::hear_signals;

use crate::admin::{self, Admin, Board, Logs};
use crate::apps::{self, Apps};
use crate::ports::Ports;
use crate::routes::Current;
use crate::trust::Trust;
use crate::workers::{Order, Worker};
use crate::{dev, events, named, notify, output};

/// How long a folder must be still before it is deployed.
const QUIET_MS: u64 = 100;

/// The same of a folder whose app serves already, unless somebody writes it and waits: whoever copies may pause.
const QUIET_SERVING_MS: u64 = 500;

/// How long the start waits for folders that are not still, and for an app that has not started.
const SETTLE_MS: u64 = 2_000;

/// What the main thread hears.
enum Message {
    Signal(i32),
    /// The folder may have changed.
    Look,
    /// Something has been deployed.
    Deployed,
    /// An operator wants something.
    Command(admin::Command),
    /// Of the supervisor.
    Order(Order),
    /// Apps have broken many threads.
    Worn,
}

/// Runs until a signal, or as a worker until its supervisor says so; what the process ends with.
pub fn run(options: &Options, worker: Option<Worker>) -> Exit {
    output::set_log_format(options.log_format);
    if !options.dev && worker.as_ref().is_none_or(|worker| worker.number == 1) {
        check_open_files(options.limits.connections);
    }
    match Server::start(options, worker) {
        Ok(server) => server.run().unwrap_or_else(|why| {
            apps::program::end_all();
            output::complain(&why);
            Exit::Machine
        }),
        Err(why) => {
            output::complain(&why);
            Exit::Machine
        }
    }
}

/// Says so if there cannot be as many connections as there may be: each is a file.
fn check_open_files(connections: usize) {
    if let Some(files) = sys::process::open_files_max().filter(|files| *files <= connections as u64) {
        output::warn(&format!(
            "{connections} connections at once (--connections) are more than this process may have files open, {files} (ulimit -n): \
             idle ones will be closed before"
        ));
    }
}

struct Server {
    runtime: Arc<Runtime>,
    admin: Option<Admin>,
    board: Board,
    environment: Option<String>,
    ports: Ports,
    messages: Receiver<Message>,
    notifier: Option<Notifier>,
    scanner: Scanner,
    deployment: Deployment,
    watch: Watch,
    apps: Apps,
    /// What operators want of apps that are being deployed.
    commands: VecDeque<admin::Command>,
    trust: Trust,
    clock: Clock,
    began_ms: u64,
    /// Whether changes are deployed without being asked.
    watching: bool,
    /// Until when folders that are not still, and apps that have not started, are waited for.
    settling: Option<u64>,
    /// How often it was told to look, and has not said that it has: whoever waits is told when all has settled.
    looks: usize,
    /// It has said where it serves, and does.
    open: bool,
    drain: Duration,
    drain_delay: Duration,
    worker: Option<Worker>,
}

impl Server {
    fn start(options: &Options, worker: Option<Worker>) -> Result<Self, String> {
        named::folder(&options.folder)?;
        // Links in it are followed anew by each look: what they lead to may be another folder by then.
        let folder = std::path::absolute(&options.folder).map_err(|error| format!("cannot read {}: {error}", options.folder.display()))?;
        let clock = Clock::system();
        let began_ms = clock.now_ms();
        // Before it is looked at.
        admin::bring_back(&folder);
        let (sender, messages) = channel();
        let signals = sender.clone();
        let hear = move |signal| signals.send(Message::Signal(signal)).is_ok();
        let orders = match &worker {
            None => signals::hear_and_hurry(hear),
            // Whatever a terminal sends to all processes at once the supervisor hears too, and it is the one who hurries.
            Some(_) => hear_signals(move |signal| signal != SIGTERM || hear(signal)),
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
        // Workers are what their supervisor says, all the same.
        let one_app = if worker.is_some() { Some(orders.contains(&Order::OneApp)) } else { is_one_or_many(&folder) };
        let beside = (one_app != Some(true)).then_some(&*folder);
        let trust = Trust::new(options.trust, options.grants.as_deref(), beside, orders.contains(&Order::Granted))?;
        let current = Current::new(options.trust_proxy);
        // Before anything is run: what cannot be served need not start.
        let mut ports = Ports::new(&current, options, worker.as_ref().map(Worker::addresses))?;
        ports.check()?;
        let limits = RuntimeLimits { threads: options.threads, ..RuntimeLimits::default() };
        let events = EventMask { logs: true, apps: true };
        let notes = worker.as_ref().map(|worker| worker.notes.clone());
        let runtime = Runtime::new(RuntimeOptions {
            limits,
            events,
            clock: clock.clone(),
            notes,
            inspected_apps: dev::inspected_apps(),
            roots: options.roots.clone(),
        })
        .map_err(|error| error.to_string())?;
        let runtime = Arc::new(runtime);
        let logs = Arc::new(Logs::new(clock.unix_ms() as u64));
        let worn = sender.clone();
        // The main thread has gone: the process ends anyway.
        let worn = move || drop(worn.send(Message::Worn));
        events::follow(&runtime, &logs, &clock, worn).map_err(|error| format!("cannot start a thread: {error}"))?;
        ports.set_runtime(&runtime);
        let bell = sender.clone();
        // The main thread has gone: nobody wants to know.
        let bell = move || drop(bell.send(Message::Deployed));
        let mut apps = Apps::new(&runtime, &current, trust.grants().clone(), options.dev, options.environment.clone(), bell)
            .map_err(|error| format!("cannot start a thread: {error}"))?;
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
            let files = trust.path().and_then(|file| std::path::absolute(file).ok());
            let notifier = Notifier::start(&folder, files.into_iter().collect(), move || drop(sender.send(Message::Look)));
            notifier.inspect_err(|why| output::say(&format!("{why}; the folder is looked at once a second instead"))).ok()
        });
        let notifier = notifier.flatten();
        let watch = Watch::new(notifier.is_some(), clock.now_ms());
        let quiet_again_ms = if options.dev { QUIET_MS } else { QUIET_SERVING_MS };
        Ok(Self {
            runtime,
            admin,
            board,
            environment: options.environment.clone(),
            ports,
            messages,
            notifier,
            scanner: Scanner::new(folder, scan).with_one_app(one_app),
            deployment: Deployment::new(QUIET_MS).with_patience(quiet_again_ms).with_errors_answered(options.dev),
            watch,
            apps,
            commands: VecDeque::new(),
            trust,
            clock,
            began_ms,
            watching: options.watch,
            settling: None,
            looks: 0,
            open: false,
            drain: options.drain,
            drain_delay: options.drain_delay,
            worker,
        })
    }

    /// What is there has been deployed, or has been waited for: if that is so, whoever waits is told.
    fn settle(&mut self) -> Result<(), String> {
        let Some(end_ms) = self.settling else { return Ok(()) };
        if !(self.deployment.is_still() && self.apps.is_idle()) && self.settled_ms(end_ms) > self.clock.now_ms() {
            return Ok(());
        }
        self.settling = None;
        self.apps.tell_slow(SETTLE_MS);
        let opens = !self.open;
        if opens {
            self.open = true;
            self.apps.begin_routing(self.deployment.deployed());
            self.ports.open()?;
            self.ports.follow();
            self.board.set_ready(true);
            self.introduce();
        }
        self.tell_settled(opens);
        Ok(())
    }

    /// When nothing is waited for any more: not before `end_ms`; then as soon as an app takes long to start, and in any case when one could
    /// have taken as long as any may. Many apps that start one after the other are no reason to serve before they have.
    fn settled_ms(&self, end_ms: u64) -> u64 {
        let now_ms = self.clock.now_ms();
        let slow_ms = match self.apps.is_idle() {
            true => end_ms,
            // None has begun: that is a matter of moments.
            false => self.apps.first_began_ms().map_or(now_ms + QUIET_MS, |began_ms| began_ms + SETTLE_MS),
        };
        slow_ms.clamp(end_ms, end_ms + u64::from(START_WALL_MS))
    }

    /// What somebody wants to know who has just started it.
    fn introduce(&self) {
        let (addresses, scheme) = (self.ports.addresses(), self.ports.scheme());
        let port = self.ports.port().map_or(String::new(), |port| format!(":{port}"));
        let deployed = &self.deployment.deployed().apps;
        for (folder, state) in deployed {
            let Some(manifest) = state.reading.manifest.as_ref().filter(|_| self.apps.serves(folder)) else { continue };
            output::say(&format!("{:<20} {scheme}://{}.localhost{port}/  {}", manifest.name, manifest.name, state.shown));
        }
        if let Some(admin) = &self.admin {
            output::say_of_each(&admin.introduction(std::io::stdout().is_terminal()));
        }
        self.board.set_addresses(addresses.clone(), scheme == "https");
        let (apps, took_ms) = (self.apps.len(), self.clock.now_ms() - self.began_ms);
        let noun = if apps == 1 { "app" } else { "apps" };
        if deployed.is_empty() && matches!(self.deployment.waiting(), Touched::Some(names) if names.is_empty()) {
            let folder = self.scanner.root().display().to_string();
            output::finding(&Finding::of_file(Severity::Notice, folder, "there is no app in it", apps::NO_APP_HELP));
        }
        output::say(&format!("{apps} {noun} on {} in {took_ms} ms", addresses.join(", ")));
        dev::ready(port.trim_start_matches(':'));
    }

    fn run(mut self) -> Result<Exit, String> {
        self.look(&Touched::All);
        self.settling = Some(self.clock.now_ms() + SETTLE_MS);
        loop {
            self.settle()?;
            match self.hear() {
                Ok(Message::Signal(SIGHUP) | Message::Order(Order::Look)) => {
                    if self.worker.is_none() {
                        notify::reloading();
                    }
                    self.ports.renew_certificates();
                    self.look(&Touched::All);
                    self.looks += 1;
                    self.settling.get_or_insert(self.clock.now_ms() + SETTLE_MS);
                }
                Ok(Message::Signal(_) | Message::Order(Order::Stop)) => return Ok(self.stop()),
                Ok(Message::Order(Order::Alone)) => {
                    output::complain("the supervisor has gone: stopping");
                    return Ok(self.stop());
                }
                Ok(Message::Order(order)) => self.obey(&order),
                Ok(Message::Worn) => self.wear_out(),
                Ok(Message::Look) => self.take_hints(),
                Ok(Message::Deployed) => {
                    self.apps.hear(self.deployment.deployed());
                    self.follow_moved();
                }
                Ok(Message::Command(command)) => self.take_command(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(self.stop()),
            }
            if self.is_looking()
                && let Some(touched) = self.watch.take(self.clock.now_ms())
            {
                self.look(&touched);
            }
            if self.apps.due_ms() <= self.clock.now_ms() {
                self.apps.tell_slow(DEPLOY_TOLD_MS);
            }
            self.answer();
            self.tell_mended();
            self.follow_ports();
        }
    }

    /// Whether folders are looked at without being asked: always, or until what is there is deployed.
    fn is_looking(&self) -> bool {
        self.watching || self.settling.is_some()
    }

    /// The next message, or that it is time for something.
    fn hear(&self) -> Result<Message, RecvTimeoutError> {
        let look_ms = if self.is_looking() { self.watch.due_ms() } else { u64::MAX };
        let settled_ms = self.settling.map_or(u64::MAX, |end_ms| self.settled_ms(end_ms));
        match look_ms.min(settled_ms).min(self.apps.due_ms()) {
            u64::MAX => self.messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
            due_ms => self.messages.recv_timeout(Duration::from_millis(due_ms.saturating_sub(self.clock.now_ms()))),
        }
    }

    /// Does what an operator wants, at once or when the app has been deployed.
    fn take_command(&mut self, command: admin::Command) {
        match self.commands.len() {
            _ if !self.open => command.refuse_start(),
            ADMIN_ACTIONS_MAX.. => command.refuse_more(),
            _ => self.commands.push_back(command),
        }
    }

    /// Answers operators whose deployments have ended, and does what waited for that.
    fn answer(&mut self) {
        loop {
            for ended in self.apps.take_ended() {
                self.desk().finish(ended);
            }
            let mut next = None;
            for index in 0..self.commands.len() {
                if !self.desk_is_busy(index) {
                    next = self.commands.remove(index);
                    break;
                }
            }
            match next {
                Some(command) => self.desk().obey(command),
                None => return,
            }
        }
    }

    fn desk_is_busy(&self, index: usize) -> bool {
        self.commands.get(index).is_some_and(|command| self.apps.is_busy(command.name()))
    }

    fn obey(&mut self, order: &Order) {
        match order {
            Order::Quarantine(app) => self.apps.quarantine(app, self.deployment.deployed()),
            Order::Release(app) => self.apps.release(app, self.deployment.deployed()),
            Order::Granted | Order::OneApp | Order::Look | Order::Stop | Order::Alone => {}
        }
    }

    /// Apps have broken much of what a process may lose: when it has lost all of that it can start no app any more.
    fn wear_out(&self) {
        match &self.worker {
            Some(worker) => {
                self.runtime.culprits().iter().for_each(|app| worker.tell(&format!("broke {app}")));
                worker.tell("worn");
            }
            None => output::complain(
                "apps have broken much of what a process may lose to them (docs/limits.md): in the end no app could be started any more. Restart nanod \
                 when that suits, or serve with --workers, which are replaced one by one",
            ),
        }
    }

    /// Tells whoever started it that it serves, if it `opens`, and that it has looked, each time that it was told to.
    fn tell_settled(&mut self, opens: bool) {
        let looks = std::mem::take(&mut self.looks);
        match &self.worker {
            Some(worker) => {
                // What it has said stands before what its supervisor says then.
                output::flush();
                let words = opens.then_some("ready").into_iter().chain(std::iter::repeat_n("looked", looks));
                words.for_each(|word| worker.tell(word));
            }
            None if opens || looks > 0 => notify::tell("READY=1"),
            None => {}
        }
    }

    /// Tells the supervisor which apps have earned another chance.
    fn tell_mended(&mut self) {
        for app in self.apps.take_mended() {
            if let Some(worker) = &self.worker {
                worker.tell(&format!("mended {app}"));
            }
        }
    }

    fn follow_ports(&mut self) {
        if self.open {
            self.ports.follow();
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
        self.apps.seen(&seen, self.deployment.deployed());
        if let Some(again_ms) = step.again_ms {
            self.watch.again(again_ms, self.deployment.waiting(), self.clock.now_ms());
        }
        match self.notifier.as_mut().map(|notifier| notifier.cover(&seen)) {
            // Something may have come into them before they were listened to.
            Some(Ok(true)) => self.watch.hint(Touched::All, self.clock.now_ms()),
            Some(Ok(false)) | None => {}
            Some(Err(why)) => {
                output::say(&format!("{why}; the folder is looked at once a second instead"));
                self.watch.set_hints(false);
            }
        }
        if !step.changes.is_empty() && self.scanner.decide() && self.trust.forget_folder() {
            self.apps.set_grants(self.trust.grants().clone(), self.deployment.deployed());
        }
        if self.trust.look() {
            self.apps.set_grants(self.trust.grants().clone(), self.deployment.deployed());
        }
        if !step.changes.is_empty() || step.refused > 0 {
            self.apps.follow(&step.changes, step.refused, self.deployment.deployed());
        }
    }

    /// Folders that had changed when they were to be deployed are looked at again.
    fn follow_moved(&mut self) {
        let moved = self.apps.take_moved();
        if moved.is_empty() {
            return;
        }
        let now_ms = self.clock.now_ms();
        moved.iter().for_each(|folder| self.deployment.doubt(folder, now_ms));
        self.watch.hint(Touched::Some(moved.into_iter().collect()), now_ms);
        if !self.watching {
            // The signal that wanted it deployed is not over.
            self.settling.get_or_insert(now_ms + SETTLE_MS);
        }
    }

    /// What an operator's commands are about.
    fn desk(&mut self) -> admin::Desk<'_> {
        admin::Desk {
            apps: &mut self.apps,
            trust: &mut self.trust,
            scanner: &mut self.scanner,
            deployment: &mut self.deployment,
            clock: &self.clock,
            environment: self.environment.as_deref(),
        }
    }

    /// Takes no more connections, lets requests end, and ends. Whatever is being deployed is given up.
    fn stop(mut self) -> Exit {
        if self.worker.is_none() {
            notify::tell("STOPPING=1");
        }
        self.board.set_ready(false);
        output::say(&format!("stopping: requests have {} to end", show_duration_ms(self.drain.as_millis() as u64)));
        self.apps.give_up().into_iter().for_each(admin::Pending::give_up);
        self.commands.into_iter().for_each(admin::Command::refuse_stop);
        let (stopping, delay) = channel::<()>();
        let messages = self.messages;
        let deaf = std::thread::Builder::new().name("nanod-refuses".into()).spawn(move || {
            while let Ok(message) = messages.recv() {
                if let Message::Command(command) = message {
                    command.refuse_stop();
                }
            }
            drop(stopping);
        });
        if let Err(error) = deaf {
            output::complain(&format!("cannot start a thread: {error}"));
        }
        // Whoever sends requests here is given time to notice. Nothing is ever sent: this is a wait.
        let _: Result<(), RecvTimeoutError> = delay.recv_timeout(if self.open { self.drain_delay } else { Duration::ZERO });
        self.ports.close();
        // When all workers have, there is nobody to connect to.
        if let Some(worker) = &mut self.worker {
            worker.sockets.clear();
        }
        let drained = self.runtime.drain(self.drain);
        self.runtime.free();
        output::say(if drained { "stopped" } else { "stopped, with requests that did not end in time" });
        if drained { Exit::Success } else { Exit::CutOff }
    }
}

/// The admin listener. One of several workers takes a place that nobody has named: it serves without if that is somebody's.
fn start_admin(options: Option<&admin::Options>, worker: u32, context: admin::Context) -> Result<Option<Admin>, String> {
    let Some(options) = options else { return Ok(None) };
    match admin::start(&options.of_worker(worker), context) {
        Ok(admin) => Ok(Some(admin)),
        Err(why) if worker > 1 => {
            output::complain(&format!("{why}; this worker serves without it"));
            Ok(None)
        }
        Err(why) => Err(why),
    }
}
