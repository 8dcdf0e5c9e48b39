//! nanod as its operator and its clients see it: a folder, addresses, signals.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Long enough for anything that works.
const PATIENCE: Duration = Duration::from_secs(60);

struct Server {
    child: Child,
    lines: BufReader<ChildStdout>,
    address: String,
    folder: PathBuf,
}

impl Server {
    /// nanod over a folder of these files.
    fn start(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("nanod-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        for (file, text) in files {
            write(&folder.join(file), text);
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_nanod"))
            .args(["serve", "--no-admin", "--listen", "127.0.0.1:0"])
            .arg(&folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("nanod starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut server = Self { child, lines, address: String::new(), folder };
        let ready = server.wait_for(" on 127.0.0.1:");
        let address = ready.split(" on ").nth(1).and_then(|rest| rest.split(' ').next());
        server.address = address.expect("an address").to_string();
        server
    }

    /// Reads what it says up to a line with this in it.
    fn wait_for(&mut self, text: &str) -> String {
        let mut line = String::new();
        while self.lines.read_line(&mut line).expect("text") > 0 {
            if line.contains(text) {
                return line;
            }
            line.clear();
        }
        panic!("nanod ended without saying \"{text}\"");
    }

    fn ask(&self, host: &str, path: &str) -> (u16, String) {
        let mut stream = self.send(host, path);
        read(&mut stream)
    }

    fn send(&self, host: &str, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        stream
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill");
        assert!(sent.success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A file as deployments should write it: whole, or not there.
fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let part = path.with_extension("part");
    fs::write(&part, text).unwrap();
    fs::rename(part, path).unwrap();
}

fn read(stream: &mut TcpStream) -> (u16, String) {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, text.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_string()))
}

fn says(text: &str) -> String {
    format!("export default {{ fetch() {{ return new Response('{text}'); }} }};\n")
}

#[test]
fn every_folder_is_an_app_under_its_name() {
    let server = Server::start("names", &[("one/index.js", &says("first")), ("two/index.js", &says("second"))]);
    assert_eq!(server.ask("one.localhost", "/"), (200, "first".into()));
    assert_eq!(server.ask("two.localhost", "/"), (200, "second".into()));
    let (status, body) = server.ask("three.localhost", "/");
    assert!(status == 404 && body.contains("NANOD_NO_APP"), "{status} {body}");
}

#[test]
fn a_manifest_says_where_an_app_is_and_what_it_is_given() {
    let server = Server::start(
        "manifest",
        &[
            ("shop/src/main.js", "export default { fetch(request, env) { return env.API.fetch('http://api/inside'); } };\n"),
            ("shop/nano.toml", "main = \"src/main.js\"\nroutes = [\"shop.test\"]\n\n[services]\nAPI = \"api\"\n"),
            ("api/index.js", "export default { fetch(request, env) { return new Response(env.GREETING + ' from ' + request.url); } };\n"),
            ("api/nano.toml", "[vars]\nGREETING = \"hello\"\n"),
        ],
    );
    assert_eq!(server.ask("shop.test", "/"), (200, "hello from http://api/inside".into()));
}

#[test]
fn a_change_is_deployed_and_a_broken_one_is_not() {
    let mut server = Server::start("reload", &[("app/index.js", &says("one"))]);
    assert_eq!(server.ask("app.localhost", "/").1, "one");
    write(&server.folder.join("app/index.js"), &says("two"));
    server.wait_for("1 deployed");
    assert_eq!(server.ask("app.localhost", "/").1, "two");
    write(&server.folder.join("app/index.js"), "export default {");
    server.wait_for("1 failed");
    assert_eq!(server.ask("app.localhost", "/").1, "two");
    write(&server.folder.join("app/index.js"), &says("three"));
    server.wait_for("1 deployed");
    assert_eq!(server.ask("app.localhost", "/").1, "three");
    fs::remove_dir_all(server.folder.join("app")).unwrap();
    server.wait_for("1 removed");
    assert_eq!(server.ask("app.localhost", "/").0, 404);
}

#[test]
fn a_signal_lets_requests_end() {
    let slow = "export default { async fetch() { console.log('begun'); await scheduler.wait(300); return new Response('done'); } };\n";
    let mut server = Server::start("drain", &[("app/index.js", slow)]);
    let mut request = server.send("app.localhost", "/");
    server.wait_for("begun");
    server.signal("-TERM");
    server.wait_for("stopping");
    assert_eq!(read(&mut request), (200, "done".into()));
    assert!(TcpStream::connect(&server.address).is_err(), "nobody listens any more");
    assert!(server.child.wait().expect("its end").success());
}

#[test]
fn a_second_signal_does_not_wait() {
    let never = "export default { async fetch() { console.log('begun'); await new Promise(() => {}); } };\n";
    let mut server = Server::start("impatient", &[("app/index.js", never)]);
    let _request = server.send("app.localhost", "/");
    server.wait_for("begun");
    server.signal("-TERM");
    server.wait_for("stopping");
    server.signal("-INT");
    assert_eq!(server.child.wait().expect("its end").code(), Some(130));
}

#[test]
fn what_cannot_be_served_is_said_in_a_line() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_nanod")).args(arguments).output().expect("nanod runs");
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = run(&["serve", "/nowhere/at/all"]);
    assert!(code == Some(1) && said.contains("/nowhere/at/all"), "{code:?} {said}");
    let (code, said) = run(&["serve", ".", "--nonsense"]);
    assert!(code == Some(2) && said.contains("--nonsense"), "{code:?} {said}");
    let (code, said) = run(&[]);
    assert!(code == Some(2) && said.contains("usage"), "{code:?} {said}");
}
