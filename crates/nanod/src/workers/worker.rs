//! A worker's side: what it was given, what it is told, and what it tells.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nano_core::{Notes, sys};

use super::WORD;

/// What a supervisor tells a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Look whether anything has changed, and say when that is done.
    Look,
    /// Let requests end, and end.
    Stop,
    /// An app is not to run.
    Quarantine(String),
    /// It may again.
    Release(String),
    /// The file of grants has been there: that it is not is no reason to begin without.
    Granted,
    /// The folder was one app when the supervisor began.
    OneApp,
    /// There is no supervisor any more.
    Alone,
}

/// What a worker was given.
#[derive(Debug)]
pub struct Worker {
    /// From one.
    pub number: u32,
    /// What to listen on. The sockets are closed when nobody has them any more: not before this is dropped, too.
    pub sockets: Vec<OwnedFd>,
    /// Where to note what runs.
    pub notes: Arc<Notes>,
    control: Mutex<UnixStream>,
}

/// How long the supervisor may take to read a word.
const PATIENCE: Duration = Duration::from_secs(1);

impl Worker {
    /// Takes the supervisor's words off a command line, if it is a worker's.
    pub fn take(words: &mut Vec<OsString>) -> Option<Result<Self, String>> {
        if words.first().is_none_or(|word| word != WORD) {
            return None;
        }
        let spec: Vec<OsString> = words.drain(..words.len().min(2)).collect();
        let spec = spec.get(1).and_then(|spec| spec.to_str()).unwrap_or_default();
        Some(Self::adopt(spec).map_err(|why| format!("this is no worker of a supervisor: {why}")))
    }

    /// `NUMBER:CONTROL:NOTES:SOCKET,SOCKET...`, all but the first descriptors.
    fn adopt(spec: &str) -> Result<Self, String> {
        let numbers: Vec<i32> = spec.split([':', ',']).filter_map(|part| part.parse().ok()).collect();
        let [number, control, notes, sockets @ ..] = &numbers[..] else { return Err("it was not told what it was given".into()) };
        let failed = |error: std::io::Error| error.to_string();
        // What is started from here, such as programs for secrets, has none of it.
        sys::file::set_inherited(*notes, false).map_err(failed)?;
        let control = UnixStream::from(sys::file::take_inherited(*control).map_err(failed)?);
        control.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
        Ok(Self {
            number: *number as u32,
            sockets: sockets.iter().map(|fd| sys::file::take_inherited(*fd)).collect::<Result<_, _>>().map_err(failed)?,
            notes: Arc::new(Notes::inherited(*notes).map_err(failed)?),
            control: Mutex::new(control),
        })
    }

    /// Its sockets, as addresses to listen on.
    pub fn addresses(&self) -> Vec<String> {
        self.sockets.iter().map(|socket| format!("fd:{}", socket.as_raw_fd())).collect()
    }

    /// Listens to the supervisor, on a thread; what it says before anything begins is returned.
    pub fn listen(&self, hear: impl Fn(Order) + Send + 'static) -> Result<Vec<Order>, String> {
        let control =
            self.control.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).try_clone().map_err(|error| error.to_string())?;
        let mut lines = BufReader::new(control).lines();
        let mut first = Vec::new();
        loop {
            match lines.next() {
                Some(Ok(line)) if line == "go" => break,
                Some(Ok(line)) => first.extend(Order::parse(&line)),
                _ => return Err("the supervisor has gone".into()),
            }
        }
        std::thread::Builder::new()
            .name("nanod-orders".into())
            .spawn(move || {
                lines.map_while(Result::ok).filter_map(|line| Order::parse(&line)).for_each(&hear);
                hear(Order::Alone);
            })
            .map_err(|error| error.to_string())?;
        Ok(first)
    }

    /// Tells the supervisor something.
    pub fn tell(&self, line: &str) {
        let mut control = self.control.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // If it has gone, the other thread notices.
        let _ = control.write_all(format!("{line}\n").as_bytes());
    }
}

impl Order {
    fn parse(line: &str) -> Option<Self> {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("look", _) => Some(Self::Look),
            ("stop", _) => Some(Self::Stop),
            ("quarantine", app) => Some(Self::Quarantine(app.into())),
            ("release", app) => Some(Self::Release(app.into())),
            ("granted", _) => Some(Self::Granted),
            ("one-app", _) => Some(Self::OneApp),
            _ => None,
        }
    }

    /// As it is written.
    pub fn line(&self) -> String {
        match self {
            Self::Look => "look\n".into(),
            Self::Stop | Self::Alone => "stop\n".into(),
            Self::Quarantine(app) => format!("quarantine {app}\n"),
            Self::Release(app) => format!("release {app}\n"),
            Self::Granted => "granted\n".into(),
            Self::OneApp => "one-app\n".into(),
        }
    }
}
