//! Several processes, one of which may die.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::{PATIENCE, Server, folder, kill, read, says, try_read, try_send};

const AGAIN: &str = "it is started again";

/// Answers, and echoes what comes by a WebSocket.
const ECHOES: &str = "export default { fetch(request) {
  if (request.headers.get('upgrade') !== 'websocket') return new Response('served');
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.addEventListener('message', ({ data }) => server.send(data));
  return new Response(null, { status: 101, webSocket: client });
} };\n";

/// Opens a WebSocket on a connection.
fn open_socket(mut stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    let more = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let head = format!("GET / HTTP/1.1\r\nHost: app.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{more}\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("it is open");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("it stays open");
        answer.push(byte[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&answer));
    stream
}

/// Sends a word by a WebSocket and has it back; none if the connection broke.
fn echo(stream: &mut TcpStream) -> Option<()> {
    // Text, under a mask of zeros.
    stream.write_all(b"\x81\x84\0\0\0\0word").ok()?;
    let mut frame = [0; 6];
    stream.read_exact(&mut frame).ok()?;
    assert_eq!(&frame, b"\x81\x04word");
    Some(())
}

/// Asks by a connection that stays open; whether it was answered.
fn ask_again(stream: &mut TcpStream) -> bool {
    let sent = stream.write_all(b"GET / HTTP/1.1\r\nHost: app.localhost\r\n\r\n").is_ok();
    let answer = if sent { try_read_one(stream) } else { None };
    assert!(answer.as_ref().is_none_or(|answer| *answer == (200, "served".into())), "{answer:?}");
    answer.is_some()
}

#[test]
fn a_worker_that_is_killed_takes_only_its_own_requests_with_it() {
    let mut server = Server::with("killed", &[("app/index.js", ECHOES)], &["--workers", "2", "--threads", "1"]);
    let workers = server.workers();
    assert_eq!(workers.len(), 2);
    // Connecting never fails: the sockets are the supervisor's.
    let wire = &|| TcpStream::connect(&server.address).expect("a connection");
    let anew = || {
        let answer = try_send(&server.address, "app.localhost", "/").ok().and_then(|mut stream| try_read(&mut stream));
        answer.is_some_and(|answer| answer == (200, "served".into()))
    };
    let (mut kept, mut sockets) = ([(); 4].map(|()| wire()), [(); 4].map(|()| open_socket(wire())));
    let mut clients: Vec<Box<dyn FnMut() -> bool + Send + '_>> = (0..4).map(|_| Box::new(anew) as Box<_>).collect();
    clients.extend(kept.iter_mut().map(|stream| {
        Box::new(move || {
            let answered = ask_again(stream);
            if !answered {
                *stream = wire();
            }
            answered
        }) as Box<_>
    }));
    clients.extend(sockets.iter_mut().map(|stream| {
        Box::new(move || {
            let echoed = echo(stream).is_some();
            if !echoed {
                *stream = open_socket(wire());
            }
            echoed
        }) as Box<_>
    }));
    let (kinds, stop) = ([(); 3].map(|()| (AtomicUsize::new(0), AtomicUsize::new(0))), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (kinds, stop) = (&kinds, &stop);
        for (number, mut client) in clients.into_iter().enumerate() {
            let (done, failed) = &kinds[number / 4];
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    failed.fetch_add(usize::from(!client()), Ordering::Relaxed);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let after = |more: usize| {
            for (done, _) in kinds {
                let until = done.load(Ordering::Relaxed) + more;
                while done.load(Ordering::Relaxed) < until {
                    std::thread::yield_now();
                }
            }
        };
        after(100);
        kill("-KILL", workers[0]);
        after(100);
        stop.store(true, Ordering::Relaxed);
    });
    for (done, failed) in &kinds {
        // Each client had one request at most on its way, or one connection.
        assert!(failed.load(Ordering::Relaxed) <= 4, "{failed:?} of {done:?}");
    }
    drop((kept, sockets));
    let said = server.wait_for(AGAIN);
    assert!(said.contains("SIGKILL") && said.contains(&workers[0].to_string()), "{said}");
    while server.workers().len() < 2 {
        std::thread::yield_now();
    }
    server.signal("-TERM");
    assert_eq!(server.child.wait().expect("its end").code(), Some(0));
}

#[test]
fn an_app_that_runs_in_crash_after_crash_is_quarantined() {
    let busy = "export default { fetch() { for (;;); } };\n";
    let files = [("bad/index.js", busy), ("bad/nano.toml", "limits.cpu_ms = \"1h\"\n"), ("good/index.js", &*says("good"))];
    let mut server = Server::with("poison", &files, &["--workers", "2", "--threads", "1", "--trust"]);
    quarantine_bad(&mut server);
    assert_eq!(server.ask("good.localhost", "/"), (200, "good".into()));
    server.write("bad/index.js", &says("mended"));
    await_mended(&mut server);
}

#[test]
fn a_quarantined_app_is_mended_by_another_folder_in_its_place_and_not_by_the_same() {
    let busy = "export default { fetch() { for (;;); } };\n";
    let files = [("bad/index.js", busy), ("bad/nano.toml", "limits.cpu_ms = \"1h\"\n"), ("good/index.js", &*says("good"))];
    let mut server = Server::with("replaced", &files, &["--workers", "2", "--threads", "1", "--trust"]);
    quarantine_bad(&mut server);
    let (bad, away) = (server.folder.join("bad"), server.folder.join(".away"));
    let all_answer = |text: &str| {
        let all = || answers(&server, "bad.localhost");
        while server.workers().len() < 2 || !all().iter().all(|(_, body)| body.contains(text)) {
            std::thread::yield_now();
        }
    };
    std::fs::rename(&bad, &away).unwrap();
    // The other app is alone then.
    all_answer("good");
    std::fs::rename(&away, &bad).unwrap();
    all_answer("QUARANTINED");
    std::fs::rename(&bad, &away).unwrap();
    all_answer("good");
    server.write("bad/index.js", &says("mended"));
    all_answer("mended");
}

#[test]
fn a_quarantined_app_is_back_when_an_operator_reloads_it() {
    let busy = "export default { fetch() { for (;;); } };\n";
    let folder = folder("reloaded", &[("bad/index.js", busy), ("bad/nano.toml", "limits.cpu_ms = \"1h\"\n")]);
    let mut server = with_admins(folder);
    quarantine_bad(&mut server);
    // Of the first worker, which may be starting yet.
    let answer = operate(&server, 1, "POST /apps/bad/reload");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    server.wait_for("it is not quarantined any more");
}

#[test]
fn a_quarantined_app_is_listed_as_that_by_every_worker() {
    let busy = "export default { fetch() { console.log('begun'); for (;;); } };\n";
    let files = [("bad/index.js", busy), ("bad/nano.toml", "limits.cpu_ms = \"1h\"\n"), ("good/index.js", &*says("good"))];
    let mut server = with_admins(folder("listed", &files));
    let survivor = server.workers()[0];
    for _ in 0..3 {
        while server.workers().len() < 2 {
            std::thread::yield_now();
        }
        let doomed = server.workers().into_iter().find(|worker| *worker != survivor).expect("another one");
        let others = all_but(&server, doomed);
        let _request = server.send("bad.localhost", "/");
        server.wait_for("begun");
        kill("-ABRT", doomed);
        drop(others);
        server.wait_for("while it ran bad");
    }
    server.wait_for("bad is quarantined");
    for worker in [1, 2] {
        let bad = loop {
            let bad = body(&operate(&server, worker, "GET /apps/bad"));
            // It may know nothing yet, and what it was doing ends first.
            if !matches!(bad["state"].as_str(), None | Some("starting" | "warm" | "cold" | "draining")) {
                break bad;
            }
        };
        let why = "the app is quarantined: it had a part in the end of several workers; change it, have it reloaded, or wait";
        assert_eq!((&bad["state"], &bad["failure"]), (&"quarantined".into(), &why.into()), "worker {worker}");
        for path in ["/apps", "/stats"] {
            let json = body(&operate(&server, worker, &format!("GET {path}")));
            let bad = json["apps"].as_array().expect("apps").iter().find(|app| app["name"] == "bad").expect("it is there");
            assert!(bad["state"] == "quarantined" && (bad["failing"] == true || bad["failing"] == 1), "worker {worker}: {bad}");
        }
    }
    server.write("bad/index.js", &says("mended"));
    server.wait_for("it is not quarantined any more");
    for worker in [1, 2] {
        while !matches!(body(&operate(&server, worker, "GET /apps/bad"))["state"].as_str(), Some("warm" | "cold")) {
            std::thread::yield_now();
        }
    }
}

/// Two workers with an admin listener each, whose sockets are in the folder.
fn with_admins(folder: PathBuf) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nanod"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--workers", "2", "--threads", "1", "--trust", "--admin"]);
    command.arg(format!("unix:{}", folder.join(".admin").display())).arg(&folder);
    command.env("NANOD_TOKEN", "a-token-that-only-tests-know").stdin(Stdio::null());
    let mut server = Server::run(command, folder);
    server.await_ready(&["workers on 127.0.0.1:"]);
    server
}

/// Asks the admin listener of a worker, which may be starting.
fn operate(server: &Server, worker: u32, what: &str) -> String {
    let socket = server.folder.join(if worker == 1 { ".admin".into() } else { format!(".admin.{worker}") });
    let head = "Host: localhost\r\nAuthorization: Bearer a-token-that-only-tests-know\r\nContent-Length: 0\r\nConnection: close";
    loop {
        let Ok(mut admin) = UnixStream::connect(&socket) else { continue };
        write!(admin, "{what} HTTP/1.1\r\n{head}\r\n\r\n").expect("it is open");
        let mut answer = String::new();
        admin.read_to_string(&mut answer).expect("an answer");
        if !answer.contains("STARTING") {
            return answer;
        }
    }
}

fn body(answer: &str) -> serde_json::Value {
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

/// Has the app that never ends run in three crashes.
fn quarantine_bad(server: &mut Server) {
    for crash in 1..=3 {
        while server.workers().len() < 2 {
            std::thread::yield_now();
        }
        let before = busiest(server);
        let _request = server.send("bad.localhost", "/");
        // Nobody else has anything to do: what uses time is in the loop.
        while busiest(server) < before + 50 {
            std::thread::yield_now();
        }
        server.workers().into_iter().for_each(|worker| kill("-ABRT", worker));
        let both = [server.wait_for(AGAIN), server.wait_for_any(&[AGAIN])];
        assert!(both.iter().all(|said| said.contains("SIGABRT")), "{both:?}");
        assert_eq!(both.iter().filter(|said| said.contains("while it ran bad")).count(), 1, "{crash}: {both:?}");
    }
    let (status, body) = server.ask("bad.localhost", "/");
    assert!(status == 503 && body.contains("QUARANTINED"), "{status} {body}");
}

fn await_mended(server: &mut Server) {
    server.wait_for("it is not quarantined any more");
    // Each worker deploys it when it has seen the change.
    let answer = loop {
        match server.ask("bad.localhost", "/") {
            (503, _) => std::thread::yield_now(),
            answer => break answer,
        }
    };
    assert_eq!(answer, (200, "mended".into()));
}

/// CPU time of the worker that has used most, in hundredths of a second.
fn busiest(server: &Server) -> u64 {
    let time = |worker: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{worker}/stat")).unwrap_or_default();
        stat.rsplit(')').next()?.split_whitespace().nth(11)?.parse().ok()
    };
    server.workers().into_iter().filter_map(time).max().unwrap_or(0)
}

/// Workers that are stopped, and go on when this is dropped: they would be there for ever after a test that failed.
struct Stopped(Vec<u32>);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.iter().for_each(|worker| kill("-CONT", *worker));
    }
}

/// Stops all workers but one: it alone takes connections.
fn all_but(server: &Server, worker: u32) -> Stopped {
    let others = Stopped(server.workers().into_iter().filter(|other| *other != worker).collect());
    for other in &others.0 {
        kill("-STOP", *other);
        let is_stopped = || {
            let tasks = std::fs::read_dir(format!("/proc/{other}/task")).expect("it is there");
            tasks.flatten().all(|task| std::fs::read_to_string(task.path().join("stat")).is_ok_and(|stat| stat.contains(") T ")))
        };
        while !is_stopped() {
            std::thread::yield_now();
        }
    }
    others
}

/// What each worker answers.
fn answers(server: &Server, host: &str) -> Vec<(u16, String)> {
    let ask = |worker: u32| {
        let _others = all_but(server, worker);
        server.ask(host, "/")
    };
    server.workers().into_iter().map(ask).collect()
}

fn await_answers(server: &Server, expected: &str) {
    while answers(server, "app.localhost") != [(200, expected.into()), (200, expected.into())] {
        std::thread::yield_now();
    }
}

const TWO_WORKERS: &[&str] = &["--workers", "2", "--threads", "1"];

#[test]
fn a_signal_drains_all_workers() {
    // It ends when its client has said all, which is after the signal.
    let listens = "export default { async fetch(request) { console.log('begun'); return new Response(await request.text()); } };\n";
    let mut server = Server::with("drained", &[("app/index.js", listens)], TWO_WORKERS);
    let mut requests: Vec<TcpStream> = Vec::new();
    for worker in server.workers() {
        let others = all_but(&server, worker);
        let mut stream = TcpStream::connect(&server.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
        stream
            .write_all(b"POST / HTTP/1.1\r\nHost: app.localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
            .expect("it is open");
        server.wait_for("begun");
        drop(others);
        requests.push(stream);
    }
    assert_eq!(requests.len(), 2);
    server.signal("-TERM");
    server.wait_for("stopping");
    // Nobody waits for a worker that there will never be again, while these end.
    let address = server.address.parse().expect("an address");
    let attempts = std::iter::repeat_with(|| TcpStream::connect_timeout(&address, PATIENCE));
    // Whoever comes while the last socket is being closed may be sent away in the middle.
    let refusal = attempts.filter_map(Result::err).find(|error| error.kind() != ErrorKind::ConnectionReset).expect("it ends");
    assert_eq!(refusal.kind(), ErrorKind::ConnectionRefused);
    for mut request in requests {
        request.write_all(b"3\r\none\r\n0\r\n\r\n").expect("it is open");
        assert_eq!(read(&mut request), (200, "one".into()));
    }
    let (code, said) = server.end();
    assert!(code == Some(0) && !said.contains("did not end in time"), "{code:?} {said}");
}

#[test]
fn a_change_reaches_all_workers() {
    let server = Server::with("change", &[("app/index.js", &says("one"))], TWO_WORKERS);
    assert_eq!(answers(&server, "app.localhost"), [(200, "one".into()), (200, "one".into())]);
    server.write("app/index.js", &says("two"));
    await_answers(&server, "two");
}

#[test]
fn a_signal_has_all_workers_look_for_changes() {
    let server = Server::with("look", &[("app/index.js", &says("one"))], &[TWO_WORKERS, &["--no-watch"]].concat());
    let workers = server.workers();
    server.write("app/index.js", &says("two"));
    assert_eq!(answers(&server, "app.localhost"), [(200, "one".into()), (200, "one".into())]);
    server.signal("-HUP");
    await_answers(&server, "two");
    assert_eq!(server.workers(), workers, "they are the same ones");
}

#[test]
fn workers_do_not_outlive_their_supervisor() {
    let mut server = Server::with("orphans", &[("app/index.js", &says("served"))], &["--workers", "2", "--threads", "1"]);
    server.signal("-KILL");
    server.wait_for("the supervisor has gone");
    server.wait_for("the supervisor has gone");
}

#[test]
fn what_is_wrong_with_all_workers_ends_their_supervisor() {
    let folder = crate::support::folder("wrong", &[("app/index.js", &says("x"))]);
    let output = crate::support::nanod(&folder, &["--workers", "2", "--grants", "/nowhere/at/all"]).output().expect("nanod runs");
    let _ = std::fs::remove_dir_all(folder);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
}

/// One answer of a connection that stays open.
fn read_one(wire: &mut TcpStream) -> (u16, String) {
    try_read_one(wire).expect("it stays open")
}

/// None if it does not.
fn try_read_one(wire: &mut TcpStream) -> Option<(u16, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        wire.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
    let after = |text: &str| head.split(text).nth(1).and_then(|rest| rest.split_whitespace().next()).and_then(|word| word.parse().ok());
    let mut body = vec![0; after("content-length:").expect("a length")];
    wire.read_exact(&mut body).ok()?;
    Some((after("http/1.1").expect("a status") as u16, String::from_utf8(body).expect("text")))
}

/// Apps each request of which breaks a thread for good, three for each app, and a good one.
fn bombs() -> Vec<(String, String)> {
    let bomb = "export default { fetch() { Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1); } };\n";
    let limits = "limits.cpu_ms = \"10ms\"\n";
    let mut files = vec![("good/index.js".to_string(), says("good"))];
    for number in 0..11 {
        let file = |name: &str, text: &str| (format!("bomb{number}/{name}"), text.to_string());
        files.extend([file("index.js", bomb), file("nano.toml", limits)]);
    }
    files
}

fn with_bombs(name: &str, arguments: &[&str]) -> Server {
    let files = bombs();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
    Server::with(name, &files, &[&["--workers", "2", "--threads", "1"], arguments].concat())
}

const WORN: &str = "is worn out by apps that broke its threads: another takes its place";

/// Wears a worker out.
fn wear_out(server: &Server) {
    // One connection, and so one worker.
    let mut wire = TcpStream::connect(&server.address).expect("a connection");
    for request in 0..32 {
        write!(wire, "GET / HTTP/1.1\r\nHost: bomb{}.localhost\r\n\r\n", request / 3).expect("it is open");
        assert!(matches!(read_one(&mut wire).0, 500 | 503), "request {request}");
    }
}

/// Waits until other processes have the places of some of these, while a good app is served.
fn replaced(server: &Server, before: &[u32]) -> Vec<u32> {
    loop {
        assert_eq!(server.ask("good.localhost", "/"), (200, "good".into()));
        let workers = server.workers();
        if workers.len() == 2 && workers != before {
            return workers;
        }
    }
}

#[test]
fn workers_that_apps_have_worn_out_are_replaced_while_others_serve_until_the_apps_are_quarantined() {
    let mut server = with_bombs("worn", &[]);
    for _ in 0..2 {
        let before = server.workers();
        wear_out(&server);
        server.wait_for(WORN);
        let after = replaced(&server, &before);
        assert_eq!(after.iter().filter(|worker| before.contains(worker)).count(), 1, "{before:?} and {after:?}");
    }
    wear_out(&server);
    server.wait_for_all(&["bomb0 is quarantined: it broke threads of several workers", "bomb10 is quarantined", WORN]);
    // Each worker hears of it a moment later.
    while !server.ask("bomb0.localhost", "/").1.contains("QUARANTINED") {
        std::thread::yield_now();
    }
    assert_eq!(server.ask("good.localhost", "/"), (200, "good".into()));
    server.signal("-TERM");
    let (code, said) = server.end();
    assert!(code == Some(0) && !said.contains(AGAIN), "{code:?} {said}");
}

#[test]
fn a_worn_worker_that_does_not_end_is_killed() {
    let mut server = with_bombs("stuck", &["--drain", "0s", "--drain-delay", "3s"]);
    let before = server.workers();
    wear_out(&server);
    let said = server.wait_for(WORN);
    let number: usize = said.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("its number");
    kill("-STOP", before[number - 1]);
    server.wait_for(&format!("worker {number} did not end in time: it is killed"));
    let after = replaced(&server, &before);
    assert!(!after.contains(&before[number - 1]), "{before:?} and {after:?}");
}
