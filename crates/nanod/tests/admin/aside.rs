//! What makes room for a version that may not start.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::UNIX_EPOCH;

use crate::{Answer, Server, TOKEN, names, says, tar};

/// Reading the secret takes until there is a file `go`.
const SLOW: &str = "[secrets]\nKEY = { command = [\"sh\", \"-c\", \"touch ../begun; for i in $(seq 400); do [ -e ../go ] && break; sleep 0.02; done; echo x\"] }\n";

/// Begins to deploy a version of an app whose folder was touched long ago, and waits until it starts.
fn begin(server: &Server, code: &str) -> TcpStream {
    let apps = server.folder.join("apps");
    fs::File::open(apps.join("shop")).and_then(|folder| folder.set_modified(UNIX_EPOCH)).expect("it is this user's");
    let head = format!("PUT /apps/shop HTTP/1.1\nHost: {}\nAuthorization: Bearer {TOKEN}\nContent-Type: application/x-tar", server.admin);
    let asked = server.open(&head, &tar(&[("index.js", code), ("nano.toml", SLOW)]));
    while !apps.join("begun").exists() {
        std::thread::yield_now();
    }
    asked
}

/// Has a nanod begin over the same folder, and end when it has cleared away what is left over.
fn begin_another(folder: &Path) {
    let socket = folder.join("admin");
    let mut child = Command::new(env!("CARGO_BIN_EXE_nanod"))
        .args(["serve", "--no-watch", "--trust", "--listen", "127.0.0.1:0", "--admin"])
        .arg(format!("unix:{}", socket.display()))
        .arg(folder.join("apps"))
        .env("NANOD_TOKEN", TOKEN)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nanod starts");
    let mut stream = loop {
        match UnixStream::connect(&socket) {
            Ok(stream) => break stream,
            Err(_) => std::thread::yield_now(),
        }
    };
    // It is who clears away that answers this, afterwards.
    write!(
        stream,
        "POST /apps/none/kill HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    )
    .expect("it is open");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let _ = child.kill();
    let _ = child.wait();
    assert!(answer.contains("NO_APP"), "{answer}");
}

#[test]
fn an_app_that_made_room_for_a_version_that_does_not_start_is_back_whoever_begins_meanwhile() {
    let server = Server::start("room", &[("shop/index.js", &says("old"))], &["--trust"]);
    let mut asked = begin(&server, "export default {");
    begin_another(&server.folder);
    fs::write(server.folder.join("apps/go"), "").unwrap();
    let mut answer = String::new();
    asked.read_to_string(&mut answer).expect("an answer");
    assert!(answer.contains("DOES_NOT_START"), "{answer}");
    assert_eq!(fs::read_to_string(server.folder.join("apps/shop/index.js")).expect("it is back"), says("old"));
    assert_eq!(server.app("shop"), (200, "old".into()));
    assert_eq!(names(&server.folder.join("apps")), ["begun", "go", "shop"]);
}

#[test]
fn an_app_is_back_when_nanod_is_killed_before_its_next_version_has_started() {
    let mut server = Server::start("killed", &[("shop/index.js", &says("old"))], &["--trust"]);
    let _asked = begin(&server, &says("new"));
    let _ = server.child.kill();
    let _ = server.child.wait();
    fs::write(server.folder.join("apps/go"), "").unwrap();
    let again = Server::over(server.folder.clone(), &["--trust"]);
    assert_eq!(again.app("shop"), (200, "old".into()));
    // What nobody has seen start is kept a while.
    let kept: Vec<String> = names(&again.folder.join("apps")).into_iter().filter(|name| name.starts_with('.')).collect();
    assert!(kept.len() == 1 && kept[0].starts_with(".nanod-incoming-"), "{kept:?}");
    let Answer(status, _, body) = again.put("shop", &tar(&[("index.js", &says("newer"))]));
    assert_eq!((status, again.app("shop")), (200, (200, "newer".into())), "{body}");
}
