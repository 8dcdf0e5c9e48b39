//! Apps that take long to start, or never do, and ports that cannot be had.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use crate::support::{READY, Server, folder, nanod, says};

/// Says that it begins, and never ends that.
const NEVER: &str = "console.log('begun'); await new Promise((end) => setTimeout(end, 1e9)); export default {};\n";
/// As far as any app may raise it.
const PATIENT: &str = "limits.wall_ms = \"5m\"\n";

#[test]
fn an_app_that_never_starts_holds_up_neither_the_others_nor_the_end() {
    let mut server = Server::begin("never", &[("slow/index.js", NEVER), ("slow/nano.toml", PATIENT), ("a/index.js", &says("a"))], &[]);
    server.await_ready(READY);
    assert_eq!(server.ask_until_deployed("a.localhost"), (200, "a".into()));
    let (status, body) = server.ask("slow.localhost", "/");
    assert!(status == 503 && body.contains("NOT_DEPLOYED"), "{status} {body}");
    server.write("b/index.js", &says("b"));
    server.wait_for("1 deployed, 0 failed");
    assert_eq!(server.ask("b.localhost", "/"), (200, "b".into()));
    server.signal("-TERM");
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn an_app_whose_manifest_cannot_be_used_has_failed() {
    let mut server = Server::begin("refused", &[("a/index.js", &says("a")), ("b/index.js", &says("b")), ("b/nano.toml", "nme = 1\n")], &[]);
    let said = server.await_ready(READY);
    assert!(said.contains("1 deployed, 1 failed, 0 removed") && said.contains("1 app on "), "{said}");
    server.write("a/nano.toml", "nme = 1\n");
    server.wait_for("0 deployed, 1 failed, 0 removed");
}

#[test]
fn it_has_as_many_files_as_it_may() {
    let lowered = Command::new("prlimit").args(["--nofile=1024:", "--pid", &std::process::id().to_string()]).status();
    assert!(lowered.expect("prlimit").success());
    let server = Server::start("files", &[("a/index.js", &says("a"))]);
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.child.id())).expect("it runs");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit");
    let numbers: Vec<&str> = line.split_ascii_whitespace().skip(3).take(2).collect();
    assert_eq!(numbers[0], numbers[1], "{line}");
}

#[test]
fn without_descriptors_for_all_clients_idle_ones_make_room_and_it_says_so() {
    let folder = folder("shortage", &[("a/index.js", &says("a"))]);
    let plain = nanod(&folder, &["--threads", "1", "--connections", "5000"]);
    let mut command = Command::new("prlimit");
    command.arg("--nofile=128:128").arg(plain.get_program()).args(plain.get_args()).stdin(Stdio::null());
    let mut server = Server::run(command, folder);
    let said = server.await_ready(READY);
    assert!(said.contains("warn: 5000 connections at once (--connections) are more than"), "{said}");
    // The kernel takes all of them, the server as many as it can.
    let idle: Vec<TcpStream> = (0..150).map(|_| TcpStream::connect(&server.address).expect("a connection")).collect();
    assert_eq!(server.ask("a.localhost", "/"), (200, "a".into()));
    let line = server.wait_for("cannot be accepted");
    assert!(line.starts_with(&format!("warn: a client of {} cannot be accepted beside ", server.address)), "{line}");
    drop(idle);
}

#[test]
fn what_the_start_waits_for_is_said_before_it_serves() {
    let mut server = Server::begin("told", &[("slow/index.js", NEVER), ("slow/nano.toml", PATIENT)], &[]);
    server.wait_for("waiting for slow to start\n");
    server.await_ready(&["0 apps on 127.0.0.1:"]);
}

#[test]
fn a_signal_that_comes_before_it_serves_is_heard() {
    let mut server = Server::begin("early", &[("slow/index.js", NEVER), ("slow/nano.toml", PATIENT)], &[]);
    server.wait_for("begun");
    server.signal("-TERM");
    let (code, said) = server.end();
    assert!(code == Some(0) && !said.contains(" on 127.0.0.1:"), "{code:?} {said}");
}

#[test]
fn a_program_that_never_prints_its_secret_holds_up_nobody_and_ends_with_nanod() {
    let manifest = "[secrets]\nKEY = { command = [\"sh\", \"-c\", \"echo $$ > ../pid; mv ../pid ../program; exec sleep 1000\"] }\n";
    let files = [("app/index.js", &*says("app")), ("app/nano.toml", manifest), ("other/index.js", &*says("other"))];
    let mut server = Server::begin("program", &files, &["--trust"]);
    server.await_ready(READY);
    assert_eq!(server.ask_until_deployed("other.localhost"), (200, "other".into()));
    let program = loop {
        match fs::read_to_string(server.folder.join("program")) {
            Ok(program) => break program,
            Err(_) => std::thread::yield_now(),
        }
    };
    server.signal("-TERM");
    assert_eq!(server.end().0, Some(0));
    let stat = format!("/proc/{}/stat", program.trim());
    // Who adopts it may not ask for its status.
    while fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        std::thread::yield_now();
    }
}

#[test]
fn what_is_written_while_a_version_starts_is_deployed_after_it() {
    let mut server = Server::start("newest", &[("app/index.js", &says("one")), ("app/nano.toml", "limits.wall_ms = \"1s\"\n")]);
    server.write("app/index.js", NEVER);
    server.wait_for("begun");
    server.write("app/index.js", &says("two"));
    server.wait_for_all(&["0 deployed, 1 failed", "1 deployed, 0 failed", "did not start within 1000 ms (limit wall_ms)"]);
    assert_eq!(server.ask("app.localhost", "/"), (200, "two".into()));
}

#[test]
fn a_name_that_an_app_gives_up_is_another_ones_when_it_has_gone() {
    let slow = "export default { async fetch() { console.log('begun'); await scheduler.wait(300); return new Response('old'); } };\n";
    let mut server = Server::start("renamed", &[("one/index.js", slow), ("one/nano.toml", "name = \"shop\"\n")]);
    let mut request = server.send("shop.localhost", "/");
    server.wait_for("begun");
    fs::create_dir(server.folder.join(".new")).unwrap();
    fs::write(server.folder.join(".new/nano.toml"), "name = \"shop\"\n").unwrap();
    fs::write(server.folder.join(".new/index.js"), says("new")).unwrap();
    fs::rename(server.folder.join("one"), server.folder.join(".old")).unwrap();
    fs::rename(server.folder.join(".new"), server.folder.join("two")).unwrap();
    server.wait_for("1 deployed");
    assert_eq!(crate::support::read(&mut request), (200, "old".into()));
    assert_eq!(server.ask("shop.localhost", "/"), (200, "new".into()));
}

#[test]
fn a_port_that_cannot_be_had_is_told_before_anything_is_run() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let manifest = "[secrets]\nKEY = { command = [\"sh\", \"-c\", \"touch ../run; echo secret\"] }\n";
    let folder = folder("taken", &[("app/index.js", &says("app")), ("app/nano.toml", manifest)]);
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nanod"));
        let output = command.args(["serve", "--trust"]).arg(&folder).args(arguments).output().expect("nanod runs");
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for arguments in [["--no-admin", "--listen", &address], ["--listen=127.0.0.1:0", "--admin", &address]] {
        let (code, said) = run(&arguments);
        assert!(code == Some(3) && said.contains(&format!("cannot listen on {address}")), "{code:?} {said}");
    }
    let (code, said) = run(&["--no-admin", "--listen", "no-such-host.invalid:80"]);
    assert!(code == Some(3) && said.contains("cannot listen on no-such-host.invalid:80: "), "{code:?} {said}");
    assert!(!said.contains("none of IP:PORT"), "{said}");
    assert!(!folder.join("run").exists());
    let _ = fs::remove_dir_all(folder);
}

#[test]
fn the_usual_admin_port_is_no_less_wanted_than_another() {
    // Somebody has it: this, or whoever has kept this from it.
    let _taken = TcpListener::bind("127.0.0.1:9787");
    let folder = folder("admin", &[("app/index.js", &says("app"))]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nanod"));
    let output = command.args(["serve", "--listen", "127.0.0.1:0"]).arg(&folder).output().expect("nanod runs");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(3) && said.contains("127.0.0.1:9787") && said.contains("--no-admin"), "{said}");
    let _ = fs::remove_dir_all(folder);
}

#[test]
fn a_token_that_is_none_is_not_a_matter_of_the_address() {
    let folder = folder("token", &[("app/index.js", &says("app"))]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nanod"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).arg(&folder).env("NANOD_TOKEN", "short");
    let output = command.output().expect("nanod runs");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(3) && said.contains("the token in NANOD_TOKEN: "), "{said}");
    assert!(!said.contains("another address"), "{said}");
    let _ = fs::remove_dir_all(folder);
}

#[test]
fn a_folder_without_apps_is_served_with_a_hint() {
    let mut server = Server::begin("empty", &[("notes.txt", "")], &[]);
    let said = server.await_ready(READY);
    assert!(said.contains("there is no app in it (an app is a folder with index.js, "), "{said}");
}

#[test]
fn with_certificates_the_addresses_are_those_of_tls() {
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/tls");
    let (chain, key) = (format!("{place}/one.pem"), format!("{place}/one.key"));
    let mut server = Server::begin("tls", &[("app/index.js", &says("app"))], &["--tls-cert", &chain, "--tls-key", &key]);
    let said = server.await_ready(READY);
    assert!(said.contains("https://app.localhost:") && !said.contains("http://"), "{said}");
}

#[test]
fn a_certificate_that_cannot_be_used_is_named_before_anything_is_run() {
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/tls");
    let (one, its, others) = (format!("{place}/one.pem"), format!("{place}/one.key"), format!("{place}/two.key"));
    let manifest = "[secrets]\nKEY = { command = [\"sh\", \"-c\", \"touch ../run; echo secret\"] }\n";
    let folder = folder("certificates", &[("app/index.js", &says("app")), ("app/nano.toml", manifest), (".text", "no PEM")]);
    let text = folder.join(".text").display().to_string();
    let cases = [
        (&text, &its, format!("--tls-cert: {text} cannot be used: there is no CERTIFICATE")),
        (&one, &text, format!("--tls-key: {text} cannot be used: there is no private key")),
        (&one, &others, format!("--tls-key: {others} cannot be used: the private key is another certificate's")),
        (&one, &format!("{place}/oen.key"), format!("--tls-key: cannot read {place}/oen.key: there is no such file; did you mean {its}?")),
    ];
    for (chain, key, expected) in cases {
        for workers in ["1", "2"] {
            let output =
                nanod(&folder, &["--trust", "--tls-cert", chain, "--tls-key", key, "--workers", workers]).output().expect("nanod runs");
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.code() == Some(3) && said.contains(&expected), "{expected}: {said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }
    assert!(!folder.join("run").exists());
    let _ = fs::remove_dir_all(folder);
}

#[test]
fn the_token_of_a_port_that_never_comes_again_goes_with_its_nanod() {
    let folder = folder("tokens", &[("app/index.js", &says("app"))]);
    let kept = folder.join(".run");
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nanod"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).arg(&folder).stdin(Stdio::null());
        command.env_remove("NANOD_TOKEN").env_remove("RUNTIME_DIRECTORY").env("XDG_RUNTIME_DIR", &kept);
        let mut server = Server::run(command, std::path::PathBuf::new());
        let said = server.await_ready(READY);
        let token = said.split("token in ").nth(1).and_then(|rest| rest.split(')').next()).expect("a token").to_string();
        (server, token)
    };
    let files = || fs::read_dir(kept.join("nanod")).map_or(0, Iterator::count);
    let (mut ended, first) = start();
    assert!(fs::read_to_string(&first).is_ok_and(|token| token.len() > 16) && files() == 1, "{first}");
    let (killed, second) = start();
    assert_eq!(files(), 2);
    ended.signal("-TERM");
    assert_eq!((ended.end().0, files()), (Some(0), 1));
    drop(killed);
    assert!(fs::exists(&second).unwrap(), "nobody had time to remove it");
    // The next one finds what was left behind; what others use stays.
    let (mut third, token) = start();
    let (_fourth, _) = start();
    assert!(files() == 2 && fs::exists(token).unwrap() && !fs::exists(&second).unwrap());
    third.signal("-TERM");
    assert_eq!((third.end().0, files()), (Some(0), 1));
    let _ = fs::remove_dir_all(&folder);
}
