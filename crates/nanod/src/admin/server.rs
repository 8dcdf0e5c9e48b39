//! The admin listener's thread: its socket, its connections, the second's tick.

use std::cell::OnceCell;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::mem;
use std::net::ToSocketAddrs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel};
use std::time::Duration;

use mio::net::{TcpListener, UnixListener};
use mio::{Events, Interest, Poll, Token, Waker};
use nano_base::limits::{ADMIN_CONNECTIONS_MAX, ADMIN_STREAMS_MAX};
use nano_config::cli::Address;

use super::api::{Api, From, Then};
use super::auth;
use super::connection::{Connection, Socket, Want};
use super::helper::{self, Job};
use super::logs::Logs;
use super::reply::{Answer, Refusal, Reply};
use super::stats::{Figures, WINDOW_MS, Windows};
use super::{Context, Options};

const LISTENER: Token = Token(0);
const BELL: Token = Token(1);
/// Connections are numbered from here.
const FIRST: u64 = 2;
/// How often figures are told.
const TICK_MS: u64 = 1_000;
/// How often a silent stream says that it lives.
const ALIVE_MS: u64 = 15_000;
/// How long the listener waits when the process has no file left.
const PAUSE_MS: u64 = 100;
/// Connections accepted in one turn.
const ACCEPTS_MAX: usize = 64;

/// A bound socket.
pub struct Listener {
    socket: ListenSocket,
    address: String,
    local: bool,
}

enum ListenSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    pub fn bind(address: &Address) -> Result<Self, String> {
        let failed = |error: io::Error| format!("cannot listen on {address} for the admin listener: {error} ({ELSEWHERE})");
        let tcp = |host: &str, port: u16| -> io::Result<Self> {
            let mut found = (host, port).to_socket_addrs()?;
            let place = found.next().ok_or(io::ErrorKind::NotFound)?;
            let socket = TcpListener::bind(place)?;
            let place = socket.local_addr()?;
            Ok(Self { socket: ListenSocket::Tcp(socket), address: place.to_string(), local: place.ip().is_loopback() })
        };
        match address {
            Address::Tcp(host, port) => tcp(host, *port).map_err(failed),
            Address::Everywhere(port) => tcp("::", *port).map_err(failed),
            Address::Unix(path) => {
                let socket = bind_unix(path).map_err(failed)?;
                Ok(Self { socket: ListenSocket::Unix(socket), address: address.to_string(), local: true })
            }
            Address::Systemd => Err("--admin systemd: give an address, or unix:PATH; inherited sockets are for --listen".into()),
        }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    fn accept(&self) -> io::Result<Socket> {
        match &self.socket {
            ListenSocket::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                // A socket that refuses is slower, not broken.
                let _ = stream.set_nodelay(true);
                Ok(Socket::Tcp(stream))
            }
            ListenSocket::Unix(listener) => Ok(Socket::Unix(listener.accept()?.0)),
        }
    }
}

/// What to do about an address that cannot be had.
const ELSEWHERE: &str = "choose another address with --admin, or --no-admin";

/// Binds a path for this user alone. A socket that nobody listens on any more is replaced.
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    let socket = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let dead =
                matches!(std::os::unix::net::UnixStream::connect(path), Err(refused) if refused.kind() == io::ErrorKind::ConnectionRefused);
            if !dead {
                return Err(error);
            }
            std::fs::remove_file(path)?;
            UnixListener::bind(path)?
        }
        bound => bound?,
    };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(socket)
}

/// Starts the thread.
pub fn start(listener: Listener, options: &Options, context: Context, token: Arc<auth::Token>) -> Result<(), String> {
    let failed = |error: io::Error| format!("cannot start the admin listener: {error}");
    let poll = Poll::new().map_err(failed)?;
    let waker = Arc::new(Waker::new(poll.registry(), BELL).map_err(failed)?);
    let bell = waker.clone();
    context.logs.set_bell(Box::new(move || {
        // A listener that has gone has nobody to tell.
        let _ = bell.wake();
    }));
    let jobs = helper::start(context.runtime.clone(), context.board.clone(), context.root, context.commands).map_err(failed)?;
    let (outcomes_in, outcomes) = channel();
    let api = Api {
        runtime: context.runtime,
        board: context.board,
        logs: context.logs.clone(),
        clock: context.clock,
        token,
        per_app: options.per_app,
        local: listener.local,
        windows: Windows::default(),
    };
    let mut server = Server {
        listener,
        poll,
        waker,
        api,
        logs: context.logs,
        jobs,
        outcomes_in,
        outcomes,
        connections: HashMap::new(),
        next: FIRST,
        figures: None,
        ticked_ms: 0,
        alive_ms: 0,
        again: VecDeque::new(),
        accept_in_ms: None,
    };
    let registry = server.poll.registry();
    match &mut server.listener.socket {
        ListenSocket::Tcp(socket) => registry.register(socket, LISTENER, Interest::READABLE).map_err(failed)?,
        ListenSocket::Unix(socket) => registry.register(socket, LISTENER, Interest::READABLE).map_err(failed)?,
    }
    std::thread::Builder::new().name("nanod-admin".into()).spawn(move || server.run()).map(drop).map_err(failed)
}

struct Server {
    listener: Listener,
    poll: Poll,
    waker: Arc<Waker>,
    api: Api,
    logs: Arc<Logs>,
    jobs: SyncSender<Job>,
    outcomes_in: Sender<(u64, Answer)>,
    outcomes: Receiver<(u64, Answer)>,
    connections: HashMap<u64, Connection>,
    next: u64,
    /// What whoever follows was told last.
    figures: Option<Figures>,
    ticked_ms: u64,
    alive_ms: u64,
    /// Connections that have had an answer and may have asked for more: each has one turn, and then the others have theirs.
    again: VecDeque<u64>,
    /// In how long to accept, if a connection may be waiting for that.
    accept_in_ms: Option<u64>,
}

impl Server {
    fn run(&mut self) {
        let mut events = Events::with_capacity(256);
        loop {
            // An interrupted or failed poll is a short sleep: the loop looks at everything again.
            let _ = self.poll.poll(&mut events, Some(self.patience()));
            for event in &events {
                match event.token() {
                    LISTENER => self.accept_in_ms = Some(0),
                    BELL => {}
                    // What has happened to one that has a turn anyway is seen then.
                    Token(number) if self.again.contains(&(number as u64)) => {}
                    Token(number) => self.advance(number as u64),
                }
            }
            if self.accept_in_ms.is_some() {
                self.accept();
            }
            let outcomes: Vec<(u64, Answer)> = self.outcomes.try_iter().collect();
            for (number, answer) in outcomes {
                if let Some(connection) = self.connections.get_mut(&number) {
                    connection.answer(answer, &self.api);
                    self.advance(number);
                }
            }
            mem::take(&mut self.again).into_iter().for_each(|number| self.advance(number));
            self.tell_logs();
            self.tick();
        }
    }

    /// Until when nothing is to do unless something happens.
    fn patience(&self) -> Duration {
        let now_ms = self.api.clock.now_ms();
        let wait_ms = if !self.again.is_empty() {
            0
        } else if let Some(wait_ms) = self.accept_in_ms {
            wait_ms
        } else if self.connections.values().any(Connection::follows_stats) {
            (self.ticked_ms + TICK_MS).saturating_sub(now_ms)
        } else if self.connections.is_empty() {
            WINDOW_MS
        } else {
            TICK_MS
        };
        Duration::from_millis(wait_ms)
    }

    fn accept(&mut self) {
        for _ in 0..ACCEPTS_MAX {
            match self.listener.accept() {
                Ok(mut socket) => {
                    let number = self.next;
                    self.next += 1;
                    let room = self.connections.len() < ADMIN_CONNECTIONS_MAX || self.make_room();
                    if room && socket.register(self.poll.registry(), Token(number as usize)).is_ok() {
                        self.connections.insert(number, Connection::new(socket, self.api.clock.now_ms()));
                        self.advance(number);
                    }
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {}
                Err(error) => {
                    // Without a file to spare the edge has been had and the connection still waits.
                    self.accept_in_ms = (error.kind() != io::ErrorKind::WouldBlock).then_some(PAUSE_MS);
                    return;
                }
            }
        }
        self.accept_in_ms = Some(0);
    }

    /// Closes the connection that has asked for nothing for the longest time: whoever is silent, or says what anybody may say as slowly as
    /// he likes, must not lock the operator out.
    fn make_room(&mut self) -> bool {
        let ready = self.connections.iter().filter_map(|(number, connection)| Some((connection.precedence()?, *number)));
        let first = ready.min().map(|(_, number)| number);
        first.is_some_and(|number| self.connections.remove(&number).is_some())
    }

    /// Goes on with a connection, up to one request: whoever asks without pause has his turns among all others.
    fn advance(&mut self, number: u64) {
        let may_upload = !self.connections.iter().any(|(other, connection)| *other != number && connection.is_uploading());
        let Some(connection) = self.connections.get_mut(&number) else { return };
        match connection.advance(&self.api, may_upload) {
            Want::Nothing => {}
            Want::Close => {
                self.connections.remove(&number);
                self.count_followers();
            }
            Want::Grant(wish, request, body, held) => {
                let reply = || Reply::new(number, &self.outcomes_in, &self.waker);
                let then = self.api.grant(wish, &request, (body, held), reply);
                self.follow(number, then);
                if !self.again.contains(&number) {
                    self.again.push_back(number);
                }
            }
        }
    }

    fn follow(&mut self, number: u64, then: Then) {
        let streams = self.connections.values().filter(|it| it.follows_logs() || it.follows_stats()).count();
        let then = match then {
            Then::Logs(_) | Then::Stats if streams >= ADMIN_STREAMS_MAX => {
                Then::Answer(Refusal::new(503, "BUSY", "too many streams are open").into())
            }
            then => then,
        };
        if matches!(then, Then::Stats) && (self.figures.is_none() || !self.connections.values().any(Connection::follows_stats)) {
            self.figures = Some(self.api.figures());
        }
        let Some(connection) = self.connections.get_mut(&number) else { return };
        match then {
            Then::Answer(answer) => connection.answer(answer, &self.api),
            Then::Do(job) => {
                if let Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) = self.jobs.try_send(job) {
                    job.refuse(Refusal::new(503, "BUSY", "too much is being done already; try again in a moment"));
                }
            }
            Then::Logs(logs) => {
                let (filter, from) = *logs;
                let cursor = match from {
                    From::Tail(count) => self.logs.tail(&filter, count),
                    From::After(place) => self.logs.after(&filter, place),
                };
                connection.stream_logs(filter, cursor, &self.api);
                connection.tell_logs(&self.logs);
                self.count_followers();
            }
            Then::Stats => {
                let whole = self.figures.as_ref().map(|figures| figures.whole(self.api.unix_ms())).unwrap_or_default();
                connection.stream_stats(&whole, &self.api);
            }
        }
    }

    fn count_followers(&self) {
        self.logs.set_followers(self.connections.values().filter(|connection| connection.follows_logs()).count());
    }

    fn tell_logs(&mut self) {
        let following: Vec<u64> = self.connections.iter().filter(|(_, it)| it.follows_logs()).map(|(number, _)| *number).collect();
        let now_ms = self.api.clock.now_ms();
        for number in following {
            if let Some(connection) = self.connections.get_mut(&number) {
                connection.tell_logs(&self.logs);
                connection.begin_to_wait(now_ms);
            }
            self.advance(number);
        }
    }

    /// What is to be done now and then.
    fn tick(&mut self) {
        let now_ms = self.api.clock.now_ms();
        if now_ms < self.ticked_ms + TICK_MS {
            return;
        }
        self.ticked_ms = now_ms;
        self.api.windows.turn(&self.api.runtime, now_ms);
        self.connections.retain(|_, connection| connection.deadline_ms > now_ms);
        self.count_followers();
        let following: Vec<u64> = self.connections.iter().filter(|(_, it)| it.follows_stats()).map(|(number, _)| *number).collect();
        if following.is_empty() {
            self.figures = None;
        } else {
            let figures = self.api.figures();
            let unix_ms = self.api.unix_ms();
            let delta = self.figures.as_ref().map(|before| figures.since(before, unix_ms)).unwrap_or_default();
            let whole = OnceCell::new();
            for number in &following {
                let Some(connection) = self.connections.get_mut(number) else { continue };
                connection.tell_stats(&delta, || whole.get_or_init(|| figures.whole(unix_ms)));
                connection.begin_to_wait(now_ms);
                self.advance(*number);
            }
            self.figures = Some(figures);
        }
        if now_ms >= self.alive_ms + ALIVE_MS {
            self.alive_ms = now_ms;
            let numbers: Vec<u64> = self.connections.keys().copied().collect();
            for number in numbers {
                if let Some(connection) = self.connections.get_mut(&number) {
                    connection.keep_alive();
                    connection.begin_to_wait(now_ms);
                }
                self.advance(number);
            }
        }
    }
}
