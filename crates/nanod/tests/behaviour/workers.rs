//! Several processes, one of which may die.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::{Server, kill, read, says, send, try_read};

const AGAIN: &str = "it is started again";

#[test]
fn a_worker_that_is_killed_takes_only_its_own_requests_with_it() {
    let mut server = Server::with("killed", &[("app/index.js", &says("served"))], &["--workers", "2", "--threads", "1"]);
    let workers = server.workers();
    assert_eq!(workers.len(), 2);
    let (done, failed, stop) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    // Connecting never fails: the sockets are the supervisor's.
                    match try_read(&mut send(&server.address, "app.localhost", "/")) {
                        Some(answer) => assert_eq!(answer, (200, "served".into())),
                        None => drop(failed.fetch_add(1, Ordering::Relaxed)),
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let after = |more: usize| {
            let until = done.load(Ordering::Relaxed) + more;
            while done.load(Ordering::Relaxed) < until {
                std::thread::yield_now();
            }
        };
        after(100);
        kill("-KILL", workers[0]);
        after(100);
        stop.store(true, Ordering::Relaxed);
    });
    // Each client had one request at most on its way.
    assert!(failed.load(Ordering::Relaxed) <= 4, "{failed:?} of {done:?}");
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
    for crash in 1..=3 {
        while server.workers().len() < 2 {
            std::thread::yield_now();
        }
        let before = busiest(&server);
        let _request = server.send("bad.localhost", "/");
        // Nobody else has anything to do: what uses time is in the loop.
        while busiest(&server) < before + 50 {
            std::thread::yield_now();
        }
        server.workers().into_iter().for_each(|worker| kill("-ABRT", worker));
        let both = [server.wait_for(AGAIN), server.wait_for_any(&[AGAIN])];
        assert!(both.iter().all(|said| said.contains("SIGABRT")), "{both:?}");
        assert_eq!(both.iter().filter(|said| said.contains("while it ran bad")).count(), 1, "{crash}: {both:?}");
    }
    let (status, body) = server.ask("bad.localhost", "/");
    assert!(status == 503 && body.contains("QUARANTINED"), "{status} {body}");
    assert_eq!(server.ask("good.localhost", "/"), (200, "good".into()));
    server.write("bad/index.js", &says("mended"));
    server.wait_for("has changed: it is not quarantined any more");
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

#[test]
fn a_signal_drains_all_workers_and_a_change_reaches_them() {
    let slow = "export default { async fetch() { console.log('begun'); await scheduler.wait(300); return new Response('one'); } };\n";
    let mut server = Server::with("drained", &[("app/index.js", slow)], &["--workers", "2", "--threads", "1", "--no-watch"]);
    let mut request = server.send("app.localhost", "/");
    server.wait_for("begun");
    server.signal("-TERM");
    server.wait_for("stopping");
    assert_eq!(read(&mut request), (200, "one".into()));
    assert_eq!(server.child.wait().expect("its end").code(), Some(0));
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
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        wire.read_exact(&mut byte).expect("it stays open");
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
    let after = |text: &str| head.split(text).nth(1).and_then(|rest| rest.split_whitespace().next()).and_then(|word| word.parse().ok());
    let mut body = vec![0; after("content-length:").expect("a length")];
    wire.read_exact(&mut body).expect("it stays open");
    (after("http/1.1").expect("a status") as u16, String::from_utf8(body).expect("text"))
}

#[test]
fn a_worker_that_apps_have_worn_out_is_replaced_while_another_serves() {
    // Each request breaks a thread for good, three for each app.
    let bomb = "export default { fetch() { Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1); } };\n";
    let limits = "limits.cpu_ms = \"10ms\"\n";
    let mut files = vec![("good/index.js".to_string(), says("good"))];
    for number in 0..11 {
        let file = |name: &str, text: &str| (format!("bomb{number}/{name}"), text.to_string());
        files.extend([file("index.js", bomb), file("nano.toml", limits)]);
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
    let mut server = Server::with("worn", &files, &["--workers", "2", "--threads", "1"]);
    let before = server.workers();
    // One connection, and so one worker.
    let mut wire = TcpStream::connect(&server.address).expect("a connection");
    for request in 0..32 {
        write!(wire, "GET / HTTP/1.1\r\nHost: bomb{}.localhost\r\n\r\n", request / 3).expect("it is open");
        assert!(matches!(read_one(&mut wire).0, 500 | 503), "request {request}");
    }
    server.wait_for("is worn out by apps that broke its threads: another takes its place");
    let after = loop {
        assert_eq!(server.ask("good.localhost", "/"), (200, "good".into()));
        let workers = server.workers();
        if workers.len() == 2 && workers != before {
            break workers;
        }
    };
    assert_eq!(after.iter().filter(|worker| before.contains(worker)).count(), 1, "{before:?} and {after:?}");
    server.signal("-TERM");
    let (code, said) = server.end();
    assert!(code == Some(0) && !said.contains(AGAIN), "{code:?} {said}");
}
