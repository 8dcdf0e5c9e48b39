//! What nanod says never holds up what it serves.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{PATIENCE, Server, folder, nanod, read_lines, says};

/// An app that logs more with each request than waits for anybody.
const LOUD: &str =
    "export default { fetch() { for (let i = 0; i < 4; i++) console.log('x'.repeat(15_000)); return new Response('served'); } };\n";
const LIMITS: &str = "limits.log_bytes_per_s = \"1 GiB\"\n";

/// Starts nanod with its output going to somebody who is no use, and asks it until it has lost lines.
fn loses_lines(name: &str, output: Stdio) -> Child {
    let folder = folder(name, &[("app/index.js", LOUD), ("app/nano.toml", LIMITS)]);
    let child = loses_lines_in(&folder, Command::new(env!("CARGO_BIN_EXE_nanod")), output);
    let _ = std::fs::remove_dir_all(folder);
    child
}

/// The same by a command that starts nanod, which listens in the folder.
fn loses_lines_in(folder: &Path, mut command: Command, output: Stdio) -> Child {
    let [served, admin] = ["served", ".admin"].map(|name| folder.join(name));
    command.arg("serve").arg(folder).args(["--trust", "--listen", &unix(&served), "--admin", &unix(&admin)]);
    command.env("NANOD_TOKEN", "a-token-that-only-tests-know").stdin(Stdio::null()).stdout(output).stderr(Stdio::null());
    let mut child = command.spawn().expect("nanod starts");
    while UnixStream::connect(&served).is_err() || UnixStream::connect(&admin).is_err() {
        assert_eq!(child.try_wait().expect("a process"), None);
        std::thread::yield_now();
    }
    loop {
        let answer = ask(&served, "app.localhost", "/");
        assert!(answer.ends_with("\r\n\r\nserved"), "{answer}");
        let metrics = ask(&admin, "localhost", "/metrics");
        let lost = metrics.lines().find_map(|line| line.strip_prefix("nano_lines_lost_total "));
        if lost.expect("a metric") != "0" {
            break;
        }
    }
    child
}

fn unix(socket: &Path) -> String {
    format!("unix:{}", socket.display())
}

fn ask(socket: &Path, host: &str, path: &str) -> String {
    let mut stream = UnixStream::connect(socket).expect("a connection");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("it is open");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn ends(mut child: Child) {
    crate::support::kill("-TERM", child.id());
    assert_eq!(child.wait().expect("its end").code(), Some(0));
}

#[test]
fn a_full_disk_loses_lines_and_nothing_else() {
    ends(loses_lines("full", File::options().write(true).open("/dev/full").expect("a full disk").into()));
}

#[test]
fn a_line_that_a_disk_has_only_half_room_for_is_whole_when_there_is_room_again() {
    let folder = folder("room", &[("app/index.js", LOUD), ("app/nano.toml", LIMITS)]);
    let file = folder.join(".log");
    let log = File::options().create(true).append(true).open(&file).expect("a file");
    // Where a file may not become larger there is as much room as on a disk that is full.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -S -f 300; exec \"$@\" --log-format json", "sh", env!("CARGO_BIN_EXE_nanod")]);
    let child = loses_lines_in(&folder, command, log.into());
    let raised = Command::new("prlimit").args(["--fsize=unlimited:", "--pid", &child.id().to_string()]).status().expect("prlimit");
    assert!(raised.success());
    let told = loop {
        assert!(ask(&folder.join("served"), "app.localhost", "/").ends_with("\r\n\r\nserved"));
        let text = std::fs::read_to_string(&file).expect("text");
        if text.contains("lines of log were lost here") {
            break text;
        }
    };
    ends(child);
    let _ = std::fs::remove_dir_all(folder);
    let lines = told.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let is_torn = |line: &&str| serde_json::from_str::<serde_json::Value>(line).is_err();
    assert_eq!(lines.filter(is_torn).map(|line| line.replace(&"x".repeat(1_000), "")).collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn a_reader_that_has_gone_loses_lines_and_nothing_else() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    ends(loses_lines("gone", writer.into()));
}

#[test]
fn a_reader_that_does_not_read_loses_lines_and_is_told_how_many() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let child = loses_lines("unread", writer.into());
    let lines = read_lines(reader);
    let mut line = String::new();
    while !line.contains("lines of log were lost here") {
        line = lines.recv_timeout(PATIENCE).expect("a line");
    }
    ends(child);
}

#[test]
fn an_app_that_does_not_start_cannot_write_lines_of_others() {
    let source = "throw new Error('boom\\nbank: error: FORGED\\u001b[2J');\n";
    let folder = folder("forging", &[("app/index.js", source)]);
    let mut child =
        nanod(&folder, &["--listen", "127.0.0.1:0"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("nanod starts");
    let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines().map(|line| line.expect("text"));
    let forged = lines.into_iter().find(|line| line.contains("FORGED")).expect("the error");
    assert!(forged.starts_with(' ') && !forged.contains('\u{1b}'), "{forged:?}");
    let _ = std::fs::remove_dir_all(folder);
    ends(child);
}

#[test]
fn lines_for_machines_are_that_whoever_writes_them() {
    for (name, arguments) in [("json", &[][..]), ("json-workers", &["--workers", "2", "--threads", "1"])] {
        let arguments = [arguments, &["--log-format", "json"]].concat();
        let mut server = Server::begin(name, &[("app/index.js", &says("served"))], &arguments);
        let mut said = server.await_ready(&[" on 127.0.0.1:"]);
        server.signal("-TERM");
        said.push_str(&server.end().1);
        let lines: Vec<serde_json::Value> =
            said.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
        assert!(lines.len() > 2 && lines.iter().all(|line| line["message"].is_string()), "{said}");
    }
}
