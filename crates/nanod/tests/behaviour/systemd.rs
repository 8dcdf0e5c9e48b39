//! A service manager: what it is told, and what it hands over.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{PATIENCE, READY, Server, folder, kill, nanod, says};

const WORKERS: &[&str] = &["--workers", "2", "--threads", "1"];

/// Where nanod tells how things are.
struct Manager(UnixDatagram);

impl Manager {
    fn new(socket: UnixDatagram) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).expect("a limit");
        Self(socket)
    }

    fn hear(&self) -> String {
        let mut buffer = [0; 256];
        let bytes = self.0.recv(&mut buffer).expect("a word");
        String::from_utf8(buffer[..bytes].to_vec()).expect("text")
    }

    /// A reload from its beginning to its end.
    fn hear_reload(&self) {
        self.hear_reloading();
        assert_eq!(self.hear(), "READY=1");
    }

    fn hear_reloading(&self) {
        let word = self.hear();
        let (state, time) = word.split_once("\nMONOTONIC_USEC=").expect("two lines");
        assert!(state == "RELOADING=1" && time.parse::<u64>().is_ok_and(|time| time > 0), "{word}");
    }
}

fn is_told_of_all(manager: &Manager, place: &str, name: &str, arguments: &[&str]) {
    let folder = folder(name, &[("app/index.js", &says("app"))]);
    let mut command = nanod(&folder, arguments);
    command.env("NOTIFY_SOCKET", place);
    let mut server = Server::run(command, folder);
    assert_eq!(manager.hear(), "READY=1");
    server.signal("-HUP");
    manager.hear_reload();
    server.signal("-TERM");
    assert_eq!(manager.hear(), "STOPPING=1");
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn a_service_manager_is_told_when_it_is_ready_reloads_and_stops() {
    let place = std::env::temp_dir().join(format!("nanod-manager-{}", std::process::id()));
    let manager = Manager::new(UnixDatagram::bind(&place).expect("a socket"));
    is_told_of_all(&manager, place.to_str().expect("text"), "notify", &[]);
    let _ = std::fs::remove_file(place);
}

#[test]
fn with_workers_their_supervisor_tells_it() {
    let name = format!("nanod-notify-{}", std::process::id());
    let place = SocketAddr::from_abstract_name(&name).expect("a name");
    let manager = Manager::new(UnixDatagram::bind_addr(&place).expect("a socket"));
    is_told_of_all(&manager, &format!("@{name}"), "notify-workers", WORKERS);
}

/// An app that does not start before there is a file `go`, and there is one `begun` then.
const SLOW: &str = "[secrets]\nKEY = { command = [\"sh\", \"-c\", \"touch ../begun; while [ -e ../begun ] && [ ! -e ../go ]; do sleep 0.02; done; echo x\"] }\n";

#[test]
fn a_reload_ends_that_a_worker_hears_of_while_it_starts() {
    let place = std::env::temp_dir().join(format!("nanod-manager-of-starts-{}", std::process::id()));
    let manager = Manager::new(UnixDatagram::bind(&place).expect("a socket"));
    let folder = folder("reload-start", &[("app/index.js", &says("app")), ("app/nano.toml", SLOW), ("go", "")]);
    let mut command = nanod(&folder, &[WORKERS, &["--trust"]].concat());
    command.env("NOTIFY_SOCKET", &place);
    let mut server = Server::run(command, folder);
    server.await_ready(&["workers on 127.0.0.1:"]);
    assert_eq!(manager.hear(), "READY=1");
    while std::fs::remove_file(server.folder.join("begun")).is_err() {
        std::thread::yield_now();
    }
    std::fs::remove_file(server.folder.join("go")).expect("it is there");
    // The first one, which says for all what is wrong with manifests.
    kill("-KILL", server.workers()[0]);
    while !server.folder.join("begun").exists() {
        std::thread::yield_now();
    }
    server.write("late/nano.toml", "rutes = []\n");
    server.signal("-HUP");
    manager.hear_reloading();
    // It has been told.
    server.wait_for("unknown key \"rutes\"");
    server.write("go", "");
    assert_eq!(manager.hear(), "READY=1");
    server.signal("-HUP");
    manager.hear_reload();
    let _ = std::fs::remove_file(place);
}

/// Serves by a socket that is handed over, and says what a program for a secret has of what was.
fn serves_what_is_handed_over(name: &str, arguments: &[&str]) {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("an address").to_string();
    let script = "printf '%s %s %s ' ${LISTEN_FDS-no} ${LISTEN_PID-no} ${NOTIFY_SOCKET-no}; \
                  if [ -S /proc/self/fd/3 ]; then echo socket; else echo none; fi";
    let manifest = format!("[secrets]\nKEY = {{ command = [\"sh\", \"-c\", \"{script}\"] }}\n");
    let code = "export default { fetch(request, env) { return new Response(env.KEY); } };\n";
    let folder = folder(name, &[("app/index.js", code), ("app/nano.toml", &manifest)]);
    // Its number is known to nobody before it is there.
    let hand_over = "exec 3<&0 0</dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", hand_over, "sh", env!("CARGO_BIN_EXE_nanod"), "serve", "--no-admin", "--trust", "--listen", "systemd"]);
    command.args(arguments).arg(&folder).stdin(Stdio::from(OwnedFd::from(socket))).env("NOTIFY_SOCKET", "/nobody/listens");
    let mut server = Server::run(command, folder);
    let said = server.await_ready(if arguments.is_empty() { READY } else { &["workers on 127.0.0.1:"] });
    assert!(said.contains(&address), "{said}");
    assert_eq!(server.ask("app.localhost", "/"), (200, "no no no none".into()));
    server.signal("-TERM");
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn a_socket_that_is_handed_over_is_served_and_goes_no_further() {
    serves_what_is_handed_over("activated", &[]);
}

#[test]
fn with_workers_it_goes_no_further_either() {
    serves_what_is_handed_over("activated-workers", WORKERS);
}

#[test]
fn without_a_socket_there_is_nothing_to_listen_on() {
    let output = Command::new(env!("CARGO_BIN_EXE_nanod")).args(["serve", "--no-admin", "--listen", "systemd", "/"]).output();
    let output = output.expect("nanod runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(3) && said.contains("LISTEN_FDS"), "{said}");
}

/// The certificate that a server shows, by its name.
fn certificate(address: &str) -> String {
    let output = Command::new("openssl").args(["s_client", "-connect", address]).stdin(Stdio::null()).output().expect("openssl");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let subject = text.lines().find_map(|line| line.trim().strip_prefix("subject=")).unwrap_or_else(|| panic!("a certificate: {text}"));
    subject.replace(' ', "")
}

/// Puts a certificate and its key where nanod reads them.
fn install(name: &str, folder: &Path) {
    let tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/tls");
    std::fs::copy(tls.join(format!("{name}.pem")), folder.join("chain.pem")).expect("a copy");
    std::fs::copy(tls.join(format!("{name}.key")), folder.join("key.pem")).expect("a copy");
}

/// Serves a folder by the certificate in it, with a service manager at this place.
fn serve_by_tls(folder: PathBuf, manager: &Path) -> Server {
    let [chain, key] = ["chain.pem", "key.pem"].map(|name| folder.join(name).display().to_string());
    let mut command = nanod(&folder, &["--trust", "--tls-cert", &chain, "--tls-key", &key]);
    command.env("NOTIFY_SOCKET", manager);
    Server::run(command, folder)
}

#[test]
fn a_signal_has_it_read_its_certificates_again_before_it_serves() {
    let place = std::env::temp_dir().join(format!("nanod-manager-of-early-ones-{}", std::process::id()));
    let manager = Manager::new(UnixDatagram::bind(&place).expect("a socket"));
    let folder = folder("renew-early", &[("app/index.js", &says("app")), ("app/nano.toml", SLOW)]);
    install("one", &folder);
    let mut server = serve_by_tls(folder, &place);
    while !server.folder.join("begun").exists() {
        std::thread::yield_now();
    }
    install("two", &server.folder);
    server.signal("-HUP");
    manager.hear_reloading();
    server.write("go", "");
    server.await_ready(READY);
    assert_eq!((manager.hear().as_str(), certificate(&server.address).as_str()), ("READY=1", "CN=two"));
    let _ = std::fs::remove_file(place);
}

#[test]
fn a_signal_has_it_read_its_certificates_again() {
    let place = std::env::temp_dir().join(format!("nanod-manager-of-certificates-{}", std::process::id()));
    let manager = Manager::new(UnixDatagram::bind(&place).expect("a socket"));
    let folder = folder("renew", &[("app/index.js", &says("app"))]);
    let chain = folder.join("chain.pem");
    install("one", &folder);
    let mut server = serve_by_tls(folder, &place);
    server.await_ready(READY);
    assert_eq!((manager.hear().as_str(), certificate(&server.address).as_str()), ("READY=1", "CN=one"));
    install("two", &server.folder);
    server.signal("-HUP");
    manager.hear_reload();
    assert_eq!(certificate(&server.address), "CN=two");
    // What is listened on later has it, too.
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port");
    server.write("app/nano.toml", &format!("routes = [\"*:{}/*\"]\n", free.port()));
    server.wait_for(&format!("a route names port {}: listening", free.port()));
    assert_eq!(certificate(&free.to_string()), "CN=two");
    std::fs::write(&chain, "none").expect("a file");
    server.signal("-HUP");
    server.wait_for("the certificates there are go on");
    assert_eq!(certificate(&server.address), "CN=two");
    let _ = std::fs::remove_file(place);
}
