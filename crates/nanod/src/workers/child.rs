//! One worker, as its supervisor sees it.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use nano_core::{Notes, sys};

use super::{Order, WORD};
use crate::notify;

/// A process, and the socket to it.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    control: UnixStream,
    /// When it was started.
    pub since_ms: u64,
    /// It serves.
    pub ready: bool,
    /// Since when another is to take its place.
    pub worn_ms: Option<u64>,
    /// It has been told to make room for that, and is killed if it has not by then.
    pub leaving_ms: Option<u64>,
}

/// What a worker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// It serves.
    Ready,
    /// It has looked for changes, as it was told to: once for each time.
    Looked,
    /// The folder of an app that is quarantined has changed.
    Mended(String),
    /// An app has broken threads of it.
    Broke(String),
    /// Apps have broken so many of its threads that another should take its place.
    Worn,
    /// It has ended, or is about to.
    Gone,
}

/// How long a worker may take to read an order.
const PATIENCE: Duration = Duration::from_secs(1);

impl Worker {
    /// Starts one. `hear` is called on a thread with whatever it says.
    pub fn start(
        number: u32,
        words: &[OsString],
        sockets: &[RawFd],
        notes: &Notes,
        now_ms: u64,
        hear: impl Fn(Word) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (control, theirs) = UnixStream::pair()?;
        control.set_write_timeout(Some(PATIENCE))?;
        let lines = BufReader::new(control.try_clone()?).lines();
        // Before there is a process that nobody would hear, nor wait for.
        std::thread::Builder::new().name(format!("nanod-worker-{number}")).spawn(move || {
            lines.map_while(Result::ok).filter_map(|line| Word::parse(&line)).for_each(&hear);
            // The other end is closed by whatever ends the process, or comes of none.
            hear(Word::Gone);
        })?;
        let given: Vec<RawFd> = [theirs.as_raw_fd(), notes.as_raw_fd()].into_iter().chain(sockets.iter().copied()).collect();
        let list = sockets.iter().map(|fd| fd.to_string()).collect::<Vec<_>>().join(",");
        let spec = format!("{number}:{}:{}:{list}", theirs.as_raw_fd(), notes.as_raw_fd());
        // This very program, whatever has become of its file.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("nanod").arg(WORD).arg(spec).args(words);
        // Only the supervisor talks to the service manager.
        notify::withhold(&mut command);
        given.iter().try_for_each(|fd| sys::file::set_inherited(*fd, true))?;
        let child = command.spawn();
        let kept = given.iter().try_for_each(|fd| sys::file::set_inherited(*fd, false));
        let mut child = child?;
        if let Err(error) = kept {
            let _ = child.kill();
            let _ = child.wait();
            return Err(error);
        }
        Ok(Self { child, control, since_ms: now_ms, ready: false, worn_ms: None, leaving_ms: None })
    }

    /// Its number among processes.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it what is known before it begins, and to begin.
    pub fn begin<'a>(&mut self, quarantined: impl Iterator<Item = &'a str>, granted: bool, one_app: bool) {
        if granted {
            self.tell(&Order::Granted);
        }
        if one_app {
            self.tell(&Order::OneApp);
        }
        quarantined.for_each(|app| self.tell(&Order::Quarantine(app.into())));
        self.write("go\n");
    }

    /// Tells it something. One that does not listen will be noticed by its end.
    pub fn tell(&mut self, order: &Order) {
        self.write(&order.line());
    }

    fn write(&mut self, line: &str) {
        let _ = self.control.write_all(line.as_bytes());
    }

    /// Ends it now.
    pub fn kill(&mut self) {
        // It fails if it has ended.
        let _ = self.child.kill();
    }

    /// What it ended with. Waits for that: it has closed its end already.
    pub fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait()
    }
}

impl Word {
    fn parse(line: &str) -> Option<Self> {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("ready", _) => Some(Self::Ready),
            ("looked", _) => Some(Self::Looked),
            ("broke", app) => Some(Self::Broke(app.into())),
            ("worn", _) => Some(Self::Worn),
            ("mended", app) => Some(Self::Mended(app.into())),
            _ => None,
        }
    }
}

/// Whether a process broke, rather than was ended by somebody: an abort, a trap of V8's, a wild pointer.
pub fn is_crash(status: ExitStatus) -> bool {
    status.signal().is_some_and(|signal| matches!(signal, 4 | 5 | 6 | 7 | 8 | 11 | 31))
}

/// How a process ended, for people.
pub fn describe(status: ExitStatus) -> String {
    const NAMES: [(i32, &str); 12] = [
        (1, "SIGHUP"),
        (2, "SIGINT"),
        (4, "SIGILL"),
        (5, "SIGTRAP"),
        (6, "SIGABRT"),
        (7, "SIGBUS"),
        (8, "SIGFPE"),
        (9, "SIGKILL"),
        (11, "SIGSEGV"),
        (13, "SIGPIPE"),
        (15, "SIGTERM"),
        (31, "SIGSYS"),
    ];
    match (status.signal(), status.code()) {
        (Some(signal), _) => {
            let name = NAMES.iter().find(|(number, _)| *number == signal).map_or("a signal", |(_, name)| name);
            let hint = if signal == 9 { "; if nobody did that, the machine ran out of memory" } else { "" };
            format!("was ended by {name} ({signal}){hint}")
        }
        (None, Some(code)) => format!("ended with {code}"),
        (None, None) => "ended".into(),
    }
}
