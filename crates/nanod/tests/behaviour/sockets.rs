//! Sockets of the file system, and connections that are encrypted.

use std::io::Write;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{PATIENCE, READY, Server, folder, says};

const WORKERS: &[&str] = &["--workers", "2", "--threads", "1"];

/// nanod that listens on a path alone, when it is ready.
fn listen(name: &str, socket: &Path, arguments: &[&str]) -> Server {
    let folder = folder(name, &[("app/index.js", &says("by a path"))]);
    let address = format!("unix:{}", socket.display());
    let mut nanod = Command::new(env!("CARGO_BIN_EXE_nanod"));
    nanod.args(["serve", "--no-admin", "--listen", &address]).args(arguments).arg(&folder).stdin(Stdio::null());
    let mut server = Server::run(nanod, folder);
    let noun = if arguments.is_empty() { "app" } else { "workers" };
    server.wait_for(&format!(" {noun} on {address} in "));
    server
}

fn ask(socket: &Path) -> String {
    let mut stream = UnixStream::connect(socket).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: app.localhost\r\nConnection: close\r\n\r\n").unwrap();
    let answer = std::io::read_to_string(stream).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    answer.split_once("\r\n\r\n").expect("a head").1.to_string()
}

fn socket(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("nanod-{name}-{}.socket", std::process::id()))
}

fn is_there_as_long_as_it_listens(name: &str, arguments: &[&str]) {
    let socket = socket(name);
    let mut server = listen(name, &socket, arguments);
    assert_eq!(ask(&socket), "by a path");
    server.signal("-TERM");
    assert_eq!(server.end().0, Some(0));
    assert!(socket.symlink_metadata().is_err(), "it has removed what it made");
}

#[test]
fn a_socket_of_the_file_system_is_there_as_long_as_it_listens() {
    is_there_as_long_as_it_listens("path", &[]);
}

#[test]
fn with_workers_it_is_there_no_longer_either() {
    is_there_as_long_as_it_listens("path-workers", WORKERS);
}

#[test]
fn so_is_that_of_the_admin_listener() {
    let (socket, admin) = (socket("of-apps"), socket("of-admin"));
    let folder = folder("path-admin", &[("app/index.js", &says("by a path"))]);
    let mut nanod = Command::new(env!("CARGO_BIN_EXE_nanod"));
    nanod.args(["serve", "--listen", &format!("unix:{}", socket.display()), "--admin", &format!("unix:{}", admin.display())]);
    nanod.arg(&folder).env("NANOD_TOKEN", "0123456789abcdef0123456789abcdef").stdin(Stdio::null());
    let mut server = Server::run(nanod, folder);
    server.wait_for(" app on unix:");
    assert!(admin.metadata().expect("it is there").file_type().is_socket());
    server.signal("-TERM");
    assert_eq!(server.end().0, Some(0));
    assert!(admin.symlink_metadata().is_err() && socket.symlink_metadata().is_err(), "it has removed what it made");
}

fn takes_the_place_of_one_that_was_killed(name: &str, arguments: &[&str]) {
    let socket = socket(name);
    let mut server = listen(&format!("{name}-1"), &socket, arguments);
    server.signal("-KILL");
    // All that it has started has ended as well: nobody listens any more.
    server.end();
    assert!(socket.metadata().expect("it is left behind").file_type().is_socket());
    let mut server = listen(&format!("{name}-2"), &socket, arguments);
    assert_eq!(ask(&socket), "by a path");
    server.signal("-TERM");
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn what_one_that_was_killed_leaves_behind_is_in_nobodys_way() {
    takes_the_place_of_one_that_was_killed("stale", &[]);
}

#[test]
fn nor_is_what_workers_leave_behind() {
    takes_the_place_of_one_that_was_killed("stale-workers", WORKERS);
}

#[test]
fn a_path_that_somebody_else_has_made_his_own_is_left_to_him() {
    let socket = socket("moved");
    let mut first = listen("moved-1", &socket, &[]);
    std::fs::remove_file(&socket).expect("it is there");
    let mut second = listen("moved-2", &socket, &[]);
    first.signal("-TERM");
    assert_eq!(first.end().0, Some(0));
    assert_eq!(ask(&socket), "by a path");
    second.signal("-TERM");
    assert_eq!(second.end().0, Some(0));
    assert!(socket.symlink_metadata().is_err());
}

#[test]
fn with_certificates_apps_answer_clients_that_check_them() {
    let tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/tls");
    let file = |name: &str| tls.join(name).display().to_string();
    let tells = "export default { async fetch(request) { return new Response(`${request.url} ${await request.text()}`); } };\n";
    let files = [("app/index.js", tells), ("app/nano.toml", "routes = [\"one.test\"]\n")];
    let mut server = Server::begin("https", &files, &["--tls-cert", &file("one.pem"), "--tls-key", &file("one.key")]);
    server.await_ready(READY);
    let (_, port) = server.address.split_once(':').expect("a port");
    for version in ["--http1.1", "--http2"] {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--data",
            "a body",
            "--write-out",
            " %{http_code} %{http_version}",
            version,
        ]);
        curl.args(["--cacert", &file("authority.pem"), "--resolve", &format!("one.test:{port}:127.0.0.1")]);
        let output = curl.arg(format!("https://one.test:{port}/x?y")).output().expect("curl");
        let said = String::from_utf8_lossy(&output.stdout);
        let expected = format!("https://one.test:{port}/x?y a body 200 {}", if version == "--http2" { "2" } else { "1.1" });
        assert_eq!(said, expected, "{}", String::from_utf8_lossy(&output.stderr));
    }
}
