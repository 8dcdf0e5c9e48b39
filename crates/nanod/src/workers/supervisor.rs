//! The supervisor's life: sockets, workers, signals. It never runs JavaScript, so nothing that an app does can end it.

use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use nano_base::socket_file::SocketFile;
use nano_config::cli::Exit;
use nano_config::manifest::is_one_app;
use nano_config::text::units::show_duration_ms;
use nano_core::limits::{WORKER_RESTART_MS, WORKER_RESTART_MS_MAX, WORKER_STEADY_MS, WORKER_STOP_SLACK_MS};
use nano_core::{Clock, Notes};
use signal_hook::consts::SIGHUP;

use super::Order;
use super::child::{self, Word};
use super::poison::Poison;
use crate::serve::{Options, hear_signals};
use crate::trust::Trust;
use crate::{named, notify, output, ports};

/// What the main thread hears.
enum Message {
    Signal(i32),
    /// Of the worker in a place, in its so-manieth life.
    Word(usize, u64, Word),
}

/// The place of a worker.
struct Seat {
    worker: Option<child::Worker>,
    notes: Notes,
    life: u64,
    /// When the next one is started, if none is there.
    due_ms: u64,
    wait_ms: u64,
    /// How often it has been told to look for changes, and has not said that it has.
    looks: usize,
}

struct Supervisor {
    options: Options,
    words: Vec<OsString>,
    /// Before the sockets, or they would be closed first.
    files: Vec<SocketFile>,
    sockets: Vec<(OwnedFd, String)>,
    seats: Vec<Seat>,
    sender: Sender<Message>,
    messages: Receiver<Message>,
    poison: Poison,
    /// The file that grants, and whether it has ever been there.
    grants: Option<PathBuf>,
    granted: bool,
    /// The folder is one app.
    one_app: bool,
    clock: Clock,
    began_ms: u64,
    /// All workers have served.
    introduced: bool,
    /// When whatever is left is killed.
    stopping_ms: Option<u64>,
    /// When the sockets are.
    closing_ms: Option<u64>,
    exit: Exit,
}

/// Serves by several workers until a signal.
pub fn supervise(options: &Options) -> Exit {
    output::set_log_format(options.log_format);
    match Supervisor::new(options) {
        Ok(supervisor) => supervisor.run(),
        Err(why) => {
            output::complain(&why);
            Exit::Machine
        }
    }
}

impl Supervisor {
    fn new(options: &Options) -> Result<Self, String> {
        named::folder(&options.folder)?;
        ports::check_certificate(options)?;
        let (sender, messages) = channel();
        let signals = sender.clone();
        hear_signals(move |signal| signals.send(Message::Signal(signal)).is_ok())
            .map_err(|error| format!("cannot listen to signals: {error}"))?;
        let mut sockets = Vec::new();
        for address in &options.listen {
            for texts in ports::texts(address)? {
                let mut port = None;
                for text in &texts {
                    // The second family of an address takes the port of the first.
                    let text = port.map_or(text.clone(), |port: u16| format!("[::]:{port}"));
                    match nano_core::bind(&text) {
                        Ok(bound) => {
                            port = bound.1.parse::<std::net::SocketAddr>().ok().map(|address| address.port());
                            sockets.push(bound);
                        }
                        Err(_) if port.is_some() => {}
                        Err(error) => return Err(error.message),
                    }
                }
            }
        }
        let mut seats = Vec::new();
        for _ in 0..options.workers {
            let notes = Notes::new().map_err(|error| format!("cannot share memory: {error}"))?;
            seats.push(Seat { worker: None, notes, life: 0, due_ms: 0, wait_ms: WORKER_RESTART_MS, looks: 0 });
        }
        let clock = Clock::system();
        let one_app = is_one_app(&options.folder);
        Ok(Self {
            options: options.clone(),
            words: std::env::args_os().skip(1).collect(),
            files: sockets.iter().filter_map(|(_, name)| SocketFile::of(name)).collect(),
            sockets,
            seats,
            sender,
            messages,
            poison: Poison::default(),
            grants: Trust::file(options.trust, options.grants.as_deref(), (!one_app).then_some(&*options.folder)),
            granted: false,
            one_app,
            began_ms: clock.now_ms(),
            clock,
            introduced: false,
            stopping_ms: None,
            closing_ms: None,
            exit: Exit::Success,
        })
    }

    fn run(mut self) -> Exit {
        loop {
            let now_ms = self.clock.now_ms();
            if self.stopping_ms.is_none() {
                self.start_due(now_ms);
                self.release_due(now_ms);
                self.end_overdue(now_ms);
            } else if self.seats.iter().all(|seat| seat.worker.is_none()) {
                output::say(if self.exit == Exit::CutOff { "stopped, with requests that did not end in time" } else { "stopped" });
                return self.exit;
            }
            if self.closing_ms.is_some_and(|due_ms| due_ms <= now_ms) {
                self.closing_ms = None;
                self.close();
            }
            if self.stopping_ms.is_some_and(|due_ms| due_ms <= now_ms) {
                output::complain("a worker did not end in time: it is killed");
                self.exit = Exit::CutOff;
                self.stopping_ms = Some(u64::MAX);
                self.kill();
            }
            let wait = Duration::from_millis(self.due_ms().saturating_sub(self.clock.now_ms()));
            match self.messages.recv_timeout(wait) {
                Ok(Message::Signal(SIGHUP)) => self.reload(),
                Ok(Message::Signal(_)) if self.stopping_ms.is_none() => self.stop(),
                Ok(Message::Signal(second)) => {
                    output::complain("stopped at once, by a second signal");
                    self.kill();
                    output::flush();
                    std::process::exit(128 + second);
                }
                Ok(Message::Word(seat, life, word)) if self.seats[seat].life == life => self.hear(seat, word),
                Ok(Message::Word(..)) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Exit::Defect,
            }
        }
    }

    /// When there is something to do that nobody asks for.
    fn due_ms(&self) -> u64 {
        match self.stopping_ms {
            Some(due_ms) => due_ms.min(self.closing_ms.unwrap_or(u64::MAX)),
            None => {
                let due_ms = |seat: &Seat| seat.worker.as_ref().map_or(Some(seat.due_ms), |worker| worker.leaving_ms);
                self.seats.iter().filter_map(due_ms).chain(self.poison.due_ms()).min().unwrap_or(u64::MAX)
            }
        }
    }

    fn start_due(&mut self, now_ms: u64) {
        let sockets: Vec<RawFd> = self.sockets.iter().map(|(fd, _)| fd.as_raw_fd()).collect();
        for index in 0..self.seats.len() {
            let seat = &mut self.seats[index];
            if seat.worker.is_some() || seat.due_ms > now_ms {
                continue;
            }
            seat.life += 1;
            seat.notes.clear();
            let (life, sender) = (seat.life, self.sender.clone());
            // The main thread has gone: nobody wants to know.
            let hear = move |word| drop(sender.send(Message::Word(index, life, word)));
            match child::Worker::start(index as u32 + 1, &self.words, &sockets, &seat.notes, now_ms, hear) {
                Ok(mut worker) => {
                    self.granted |= self.grants.as_ref().is_some_and(|file| file.symlink_metadata().is_ok());
                    worker.begin(self.poison.quarantined(), self.granted, self.one_app);
                    seat.worker = Some(worker);
                }
                Err(error) => {
                    output::complain(&format!("cannot start worker {}: {error}", index + 1));
                    seat.put_off(now_ms);
                }
            }
        }
    }

    fn hear(&mut self, index: usize, word: Word) {
        match word {
            Word::Ready => {
                if let Some(worker) = &mut self.seats[index].worker {
                    worker.ready = true;
                }
                self.introduce();
                self.relieve();
            }
            Word::Looked => {
                let left = self.seats[index].looks.saturating_sub(1);
                self.set_looks(index, left);
            }
            Word::Mended(app) => {
                if self.poison.release(&app) {
                    output::say(&format!("{app} has changed, or an operator has deployed it: it is not quarantined any more"));
                    self.tell_all(&Order::Release(app));
                }
            }
            Word::Broke(app) => self.blame(app, "it broke threads of several workers until they were worn out"),
            Word::Worn => {
                if let Some(worker) = &mut self.seats[index].worker {
                    worker.worn_ms = Some(self.clock.now_ms());
                }
                self.relieve();
            }
            Word::Gone => self.gone(index),
        }
    }

    /// Replaces a worker that is worn, while all others serve.
    fn relieve(&mut self) {
        let serves = |seat: &Seat| seat.worker.as_ref().is_some_and(|worker| worker.ready && worker.leaving_ms.is_none());
        if self.stopping_ms.is_some() || !self.seats.iter().all(serves) {
            return;
        }
        let end_ms = self.clock.now_ms() + self.patience_ms();
        let mut workers = self.seats.iter_mut().filter_map(|seat| seat.worker.as_mut()).enumerate();
        if let Some((index, worker)) = workers.find(|(_, worker)| worker.worn_ms.is_some()) {
            output::say(&format!("worker {} is worn out by apps that broke its threads: another takes its place", index + 1));
            worker.leaving_ms = Some(end_ms);
            worker.tell(&Order::Stop);
        }
    }

    /// How long a worker that is told to end may take.
    fn patience_ms(&self) -> u64 {
        let patience = self.options.drain_delay + self.options.drain + Duration::from_millis(WORKER_STOP_SLACK_MS);
        patience.as_millis() as u64
    }

    /// A worker that makes room for another and does not come to an end is killed: nobody else is replaced before its place is taken.
    fn end_overdue(&mut self, now_ms: u64) {
        for (index, seat) in self.seats.iter_mut().enumerate() {
            if let Some(worker) = seat.worker.as_mut().filter(|worker| worker.leaving_ms.is_some_and(|end_ms| end_ms <= now_ms)) {
                output::complain(&format!("worker {} did not end in time: it is killed", index + 1));
                worker.leaving_ms = Some(u64::MAX);
                worker.kill();
            }
        }
    }

    /// What somebody wants to know who has just started it.
    fn introduce(&mut self) {
        if self.introduced || !self.seats.iter().all(|seat| seat.worker.as_ref().is_some_and(|worker| worker.ready)) {
            return;
        }
        self.introduced = true;
        let addresses: Vec<&str> = self.sockets.iter().map(|(_, name)| &**name).collect();
        let took_ms = self.clock.now_ms() - self.began_ms;
        output::say(&format!("{} workers on {} in {took_ms} ms", self.seats.len(), addresses.join(", ")));
        self.tell_ready();
    }

    /// A worker has ended.
    fn gone(&mut self, index: usize) {
        let now_ms = self.clock.now_ms();
        let seat = &mut self.seats[index];
        let Some(mut worker) = seat.worker.take() else { return };
        let status = match worker.wait() {
            Ok(status) => status,
            Err(error) => return output::complain(&format!("worker {} is lost: {error}", index + 1)),
        };
        if self.stopping_ms.is_some() {
            if status.code() != Some(Exit::Success as i32) && self.exit == Exit::Success {
                self.exit = Exit::CutOff;
            }
            return;
        }
        // What is wrong with the command line or the machine is wrong with all of them, and has been said.
        if let (false, false, Some(code)) = (self.introduced, worker.ready, status.code()) {
            self.exit = Exit::ALL.iter().map(|(exit, _)| *exit).find(|exit| *exit as i32 == code).unwrap_or(Exit::Defect);
            self.stopping_ms = Some(now_ms + WORKER_STOP_SLACK_MS);
            return self.tell_all(&Order::Stop);
        }
        let served_ms = worker.worn_ms.unwrap_or(now_ms).saturating_sub(worker.since_ms);
        let made_room = worker.leaving_ms.is_some() && !child::is_crash(status);
        seat.follow(made_room, served_ms, now_ms);
        if made_room {
            return self.set_looks(index, 0);
        }
        let running = seat.notes.running();
        let what = match running.is_empty() {
            true => String::new(),
            false => format!(" while it ran {}", running.join(", ")),
        };
        output::complain(&format!("worker {} (process {}) {}{what}; it is started again", index + 1, worker.id(), child::describe(status)));
        self.set_looks(index, 0);
        if child::is_crash(status) {
            running.into_iter().for_each(|app| self.blame(app, "it ran in several crashes"));
        }
    }

    /// An app had a part in the end of a worker. One that had in several is not to run for a while.
    fn blame(&mut self, app: String, why: &str) {
        if self.poison.crashed(&app, self.clock.now_ms()) {
            output::complain(&format!(
                "{app} is quarantined: {why}. It is back when its folder changes, when it is reloaded, or in ten minutes"
            ));
            self.tell_all(&Order::Quarantine(app));
        }
    }

    fn release_due(&mut self, now_ms: u64) {
        for app in self.poison.over(now_ms) {
            self.poison.release(&app);
            output::say(&format!("{app} is not quarantined any more"));
            self.tell_all(&Order::Release(app));
        }
    }

    fn reload(&mut self) {
        notify::reloading();
        self.seats.iter_mut().filter(|seat| seat.worker.is_some()).for_each(|seat| seat.looks += 1);
        self.tell_all(&Order::Look);
        // Whoever is started from now on looks by himself.
        self.tell_ready();
    }

    /// A worker has looked for changes, or will not any more.
    fn set_looks(&mut self, index: usize, left: usize) {
        if std::mem::replace(&mut self.seats[index].looks, left) > left {
            self.tell_ready();
        }
    }

    /// Tells the service manager, if all workers have served, and have looked as often as they were told to.
    fn tell_ready(&self) {
        if self.introduced && self.seats.iter().all(|seat| seat.looks == 0) {
            notify::tell("READY=1");
        }
    }

    fn stop(&mut self) {
        notify::tell("STOPPING=1");
        output::say(&format!("stopping: requests have {} to end", show_duration_ms(self.options.drain.as_millis() as u64)));
        self.stopping_ms = Some(self.clock.now_ms() + self.patience_ms());
        self.closing_ms = Some(self.clock.now_ms() + self.options.drain_delay.as_millis() as u64);
        self.tell_all(&Order::Stop);
    }

    /// Has the sockets no more. When the workers take no more connections either, who comes is refused, and does not wait for nobody.
    fn close(&mut self) {
        self.files.clear();
        self.sockets.clear();
    }

    fn kill(&mut self) {
        self.seats.iter_mut().filter_map(|seat| seat.worker.as_mut()).for_each(child::Worker::kill);
    }

    fn tell_all(&mut self, order: &Order) {
        self.seats.iter_mut().filter_map(|seat| seat.worker.as_mut()).for_each(|worker| worker.tell(order));
    }
}

impl Seat {
    /// A worker has ended that had served for so long: it made room for the next one, or died. One that was worn out soon would be so again:
    /// its apps are not to have workers replaced without end.
    fn follow(&mut self, made_room: bool, served_ms: u64, now_ms: u64) {
        if served_ms >= WORKER_STEADY_MS {
            self.wait_ms = WORKER_RESTART_MS;
        }
        if made_room && served_ms >= WORKER_STEADY_MS { self.due_ms = now_ms } else { self.put_off(now_ms) }
    }

    /// The next worker is started after a while, which is longer each time.
    fn put_off(&mut self, now_ms: u64) {
        self.due_ms = now_ms + self.wait_ms;
        self.wait_ms = (self.wait_ms * 2).min(WORKER_RESTART_MS_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_lasts_is_followed_at_once_and_one_that_does_not_is_waited_with() {
        let notes = Notes::new().expect("memory");
        let mut seat = Seat { worker: None, notes, life: 0, due_ms: 0, wait_ms: WORKER_RESTART_MS, looks: 0 };
        let mut due_in_ms = |made_room: bool, served_ms: u64| {
            seat.follow(made_room, served_ms, 1_000);
            seat.due_ms - 1_000
        };
        let (soon, late) = (WORKER_STEADY_MS - 1, WORKER_STEADY_MS);
        assert_eq!([due_in_ms(true, late), due_in_ms(true, late)], [0, 0]);
        assert_eq!([due_in_ms(true, soon), due_in_ms(true, soon)], [WORKER_RESTART_MS, 2 * WORKER_RESTART_MS]);
        assert_eq!([due_in_ms(false, soon), due_in_ms(false, late)], [4 * WORKER_RESTART_MS, WORKER_RESTART_MS]);
        let longest = (0..20).map(|_| due_in_ms(true, soon)).max();
        assert_eq!((longest, due_in_ms(true, late)), (Some(WORKER_RESTART_MS_MAX), 0));
    }
}
