//! What nanod says never holds up what it serves.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use crate::support::{Server, folder, nanod, read, says, send};

/// An app that logs more with each request than waits for anybody.
const LOUD: &str =
    "export default { fetch() { for (let i = 0; i < 4; i++) console.log('x'.repeat(15_000)); return new Response('served'); } };\n";
const LIMITS: &str = "limits.log_bytes_per_s = \"1 GiB\"\n";

/// Starts nanod with its output going to somebody who is no use, and asks it a lot.
fn serves_with(name: &str, output: Stdio, requests: usize) -> std::process::Child {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let folder = folder(name, &[("app/index.js", LOUD), ("app/nano.toml", LIMITS)]);
    let mut command = nanod(&folder, &["--trust", "--listen", &free.to_string()]);
    let child = command.stdout(output).stderr(Stdio::null()).spawn().expect("nanod starts");
    while std::net::TcpStream::connect(free).is_err() {
        std::thread::yield_now();
    }
    for _ in 0..requests {
        assert_eq!(read(&mut send(&free.to_string(), "app.localhost", "/")), (200, "served".into()));
    }
    let _ = std::fs::remove_dir_all(folder);
    child
}

fn ends(mut child: std::process::Child) {
    crate::support::kill("-TERM", child.id());
    assert_eq!(child.wait().expect("its end").code(), Some(0));
}

#[test]
fn a_full_disk_loses_lines_and_nothing_else() {
    ends(serves_with("full", File::options().write(true).open("/dev/full").expect("a full disk").into(), 20));
}

#[test]
fn a_reader_that_has_gone_loses_lines_and_nothing_else() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    ends(serves_with("gone", writer.into(), 20));
}

#[test]
fn a_reader_that_does_not_read_loses_lines_and_is_told_how_many() {
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    // More than the pipe has room for and nanod keeps.
    let child = serves_with("unread", writer.into(), 120);
    let text = std::thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).map(|_| text)
    });
    ends(child);
    let text = text.join().expect("a reader").expect("text");
    assert!(text.contains("lines of log were lost here"), "{} bytes", text.len());
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
