//! The admin listener as operators, scrapers and strangers see it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

#[path = "admin/aside.rs"]
mod aside;
#[path = "admin/places.rs"]
mod places;
#[path = "admin/tokens.rs"]
mod tokens;

/// Long enough for anything that works.
const PATIENCE: Duration = Duration::from_secs(60);
const TOKEN: &str = "a-token-that-only-tests-know";

struct Server {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// Of each worker.
    admins: Vec<String>,
    /// The one that is asked.
    admin: String,
    apps: String,
    folder: PathBuf,
}

/// An answer: its status, its head and its body.
struct Answer(u16, String, String);

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.2).unwrap_or_else(|error| panic!("{error}: {}", self.2))
    }
}

impl Server {
    /// nanod over a folder of these files, with more arguments.
    fn start(name: &str, files: &[(&str, &str)], arguments: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("nanod-admin-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("apps")).unwrap();
        for (file, text) in files {
            let path = folder.join("apps").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self::over(folder, arguments)
    }

    /// The same over what is there.
    fn over(folder: PathBuf, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_nanod"))
            .args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--threads", "2"])
            .args(arguments)
            .arg(folder.join("apps"))
            .env("NANOD_TOKEN", TOKEN)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("nanod starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let workers = arguments.iter().position(|word| *word == "--workers").map_or(1, |at| arguments[at + 1].parse().unwrap());
        let (mut admins, mut apps) = (Vec::new(), String::new());
        let mut line = String::new();
        while (apps.is_empty() || admins.len() < workers) && lines.read_line(&mut line).expect("text") > 0 {
            if let Some((_, rest)) = line.split_once("dashboard http://") {
                admins.push(rest.split('/').next().unwrap().to_string());
            }
            if let Some((_, rest)) = line.split_once(" on 127.0.0.1:") {
                apps = format!("127.0.0.1:{}", rest.split(' ').next().unwrap());
            }
            line.clear();
        }
        assert!(admins.len() == workers && !apps.is_empty(), "nanod is ready");
        Self { child, lines, admin: admins[0].clone(), admins, apps, folder }
    }

    /// Sends a request to the admin listener as it is written.
    fn raw(&self, head: &str, body: &[u8]) -> Answer {
        let mut stream = self.open(head, body);
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("an answer");
        let text = String::from_utf8(bytes).expect("text");
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        Answer(status, head.to_string(), body.to_string())
    }

    fn open(&self, head: &str, body: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(&self.admin).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = head.replace('\n', "\r\n");
        write!(stream, "{head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len()).unwrap();
        // A listener that refuses a body need not read all of it.
        let _ = stream.write_all(body);
        stream
    }

    fn ask(&self, method: &str, path: &str) -> Answer {
        self.send(method, path, "", b"")
    }

    fn send(&self, method: &str, path: &str, more: &str, body: &[u8]) -> Answer {
        self.raw(&format!("{method} {path} HTTP/1.1\nHost: {}\nAuthorization: Bearer {TOKEN}{more}", self.admin), body)
    }

    fn put(&self, name: &str, archive: &[u8]) -> Answer {
        self.send("PUT", &format!("/apps/{name}"), "\nContent-Type: application/x-tar", archive)
    }

    /// Begins to ask an app.
    fn begin(&self, app: &str) -> TcpStream {
        self.begin_with(&format!("{app}.localhost"))
    }

    fn begin_with(&self, host: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.apps).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        stream
    }

    fn app(&self, app: &str) -> (u16, String) {
        self.host(&format!("{app}.localhost"))
    }

    fn host(&self, host: &str) -> (u16, String) {
        let mut text = String::new();
        self.begin_with(host).read_to_string(&mut text).expect("an answer");
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, text.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_string()))
    }

    /// Follows a stream up to a line that has this.
    fn follow(&self, path: &str, wanted: &str) -> Vec<String> {
        self.follow_with(path, "", wanted)
    }

    /// The same with more headers.
    fn follow_with(&self, path: &str, more: &str, wanted: &str) -> Vec<String> {
        let head = format!("GET {path} HTTP/1.1\nHost: {}\nAuthorization: Bearer {TOKEN}{more}", self.admin);
        let stream = BufReader::new(self.open(&head, b""));
        let mut seen = Vec::new();
        for line in stream.lines() {
            let line = line.expect("text");
            let found = line.contains(wanted);
            seen.push(line);
            if found {
                return seen;
            }
        }
        panic!("\"{wanted}\" did not come: {seen:?}");
    }

    fn wait_for(&mut self, text: &str) {
        let mut line = String::new();
        while self.lines.read_line(&mut line).expect("text") > 0 {
            if line.contains(text) {
                return;
            }
            line.clear();
        }
        panic!("nanod ended without saying \"{text}\"");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn says(text: &str) -> String {
    format!("export default {{ fetch() {{ return new Response('{text}'); }} }};\n")
}

/// Files as tar writes them.
fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, text) in files {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", text.len()).as_bytes());
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        archive.extend_from_slice(&header);
        archive.extend_from_slice(text.as_bytes());
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

const LOOPS: &str = "export default { fetch() { console.log('begun'); for (;;); } };\n";
const AN_HOUR: &str = "limits.cpu_ms = \"1h\"\n";

#[test]
fn only_who_has_the_token_sees_apps() {
    let server = Server::start("token", &[("one/index.js", &says("one"))], &[]);
    for (path, open) in [
        ("/", true),
        ("/main.js", true),
        ("/healthz", true),
        ("/readyz", true),
        ("/metrics", true),
        ("/apps", false),
        ("/apps/one", false),
        ("/stats", false),
        ("/stats/stream", false),
        ("/logs", false),
    ] {
        let Answer(status, head, _) = server.raw(&format!("GET {path} HTTP/1.1\nHost: {}", server.admin), b"");
        assert_eq!(status, if open { 200 } else { 401 }, "{path}");
        assert!(head.contains("content-security-policy: default-src 'none'"), "{head}");
    }
    let wrong = server.raw(&format!("GET /apps HTTP/1.1\nHost: {}\nAuthorization: Bearer {TOKEN}x", server.admin), b"");
    assert!(wrong.0 == 401 && wrong.1.contains("www-authenticate: Bearer"), "{} {}", wrong.0, wrong.1);
    for method in ["POST", "DELETE", "PUT"] {
        let path = if method == "POST" { "/apps/one/kill" } else { "/apps/one" };
        assert_eq!(server.raw(&format!("{method} {path} HTTP/1.1\nHost: {}", server.admin), b"").0, 401, "{method}");
    }
    assert_eq!(server.ask("GET", "/apps").json()["apps"][0]["name"], "one");
}

#[test]
fn pages_of_other_sites_get_nothing() {
    let server = Server::start("sites", &[("one/index.js", &says("one"))], &[]);
    let token = format!("Authorization: Bearer {TOKEN}");
    let rebound = server.raw("GET /metrics HTTP/1.1\nHost: evil.example", b"");
    assert!(rebound.0 == 421 && rebound.2.contains("FOREIGN_HOST"), "{}", rebound.2);
    let foreign = format!("POST /apps/one/kill HTTP/1.1\nHost: {}\nOrigin: https://evil.example\n{token}", server.admin);
    assert_eq!(server.raw(&foreign, b"").0, 403);
    let own = format!("POST /apps/one/kill HTTP/1.1\nHost: {}\nOrigin: http://{}\n{token}", server.admin, server.admin);
    assert_eq!(server.raw(&own, b"").0, 200);
}

#[test]
fn it_answers_and_kills_while_apps_hog_every_shard() {
    let files = [("a/index.js", LOOPS), ("a/nano.toml", AN_HOUR), ("b/index.js", LOOPS), ("b/nano.toml", AN_HOUR)];
    let mut server = Server::start("hogs", &files, &["--trust"]);
    let mut asked = [server.begin("a"), server.begin("b")];
    server.wait_for("begun");
    server.wait_for("begun");
    let stats = server.ask("GET", "/stats").json();
    let mut busy: Vec<&str> = stats["shards"].as_array().unwrap().iter().filter_map(|shard| shard["turn"]["app"].as_str()).collect();
    busy.sort_unstable();
    assert_eq!(busy, ["a", "b"]);
    assert_eq!(server.ask("GET", "/apps/a").json()["state"], "busy");
    for (app, stream) in ["a", "b"].iter().zip(&mut asked) {
        // One that was moved from behind the other has left an instance there.
        assert!(server.ask("POST", &format!("/apps/{app}/kill")).json()["ended"].as_u64().unwrap() >= 1);
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.contains("CANCELED"), "{text}");
    }
    let app = server.ask("GET", "/apps/a").json();
    assert_eq!((&app["state"], &app["outcomes"]["canceled"]), (&"cold".into(), &1.into()));
    assert!(app["kills_by"]["operator"].as_u64().unwrap() >= 1, "{app}");
    assert_eq!(server.ask("POST", "/apps/none/kill").0, 404);
}

#[test]
fn an_archive_is_deployed_whole_or_not_at_all() {
    let server = Server::start("deploy", &[("one/index.js", &says("first")), ("notes/README", "")], &[]);
    let deployed = server.put("two", &tar(&[("nano.toml", "main = \"src/main.js\"\n"), ("src/main.js", &says("from an archive"))]));
    assert_eq!(deployed.json(), serde_json::json!({ "app": "two", "state": "deployed", "version": 1 }));
    assert_eq!(server.app("two"), (200, "from an archive".into()));
    assert_eq!(server.put("one", &tar(&[("index.js", &says("second"))])).json()["version"], 2);
    assert_eq!(server.app("one").1, "second");
    let refused: &[(&str, Vec<u8>, u16, &str)] = &[
        ("one", tar(&[("index.js", "export default {")]), 422, "DOES_NOT_START"),
        ("one", tar(&[("nano.toml", "name = \"other\"\n"), ("index.js", &says(""))]), 422, "OTHER_NAME"),
        ("one", tar(&[("nano.toml", "nonsense = 1 =\n"), ("index.js", &says(""))]), 422, "BAD_MANIFEST"),
        ("one", tar(&[("../index.js", &says(""))]), 422, "BAD_ARCHIVE"),
        ("one", b"no archive".to_vec(), 422, "BAD_ARCHIVE"),
        ("notes", tar(&[("index.js", &says(""))]), 409, "TAKEN"),
        ("fresh", tar(&[("index.js", "export default {")]), 422, "DOES_NOT_START"),
        (".hidden", tar(&[("index.js", &says(""))]), 400, "BAD_NAME"),
    ];
    for (name, archive, status, code) in refused {
        let Answer(answered, _, body) = server.put(name, archive);
        assert!(answered == *status && body.contains(code), "{name} {code}: {answered} {body}");
    }
    assert_eq!(server.app("one").1, "second", "what was there serves");
    assert_eq!(fs::read_to_string(server.folder.join("apps/one/index.js")).unwrap(), says("second"));
    let mut left: Vec<String> = names(&server.folder.join("apps"));
    left.retain(|name| !name.starts_with(".nanod-removed"));
    assert_eq!(left, ["notes", "one", "two"]);
    let plain = server.send("PUT", "/apps/one", "\nContent-Type: text/plain", b"x");
    assert_eq!(plain.0, 415);
}

#[test]
fn what_is_copied_over_an_app_while_it_is_deployed_is_no_part_of_what_serves() {
    // What it takes to read the secret holds the deployment up.
    let manifest = "[secrets]\nKEY = { command = [\"sh\", \"-c\", \"touch ../begun; until [ -e ../go ]; do sleep 0.02; done; echo x\"] }\n";
    let code = |text: &str| format!("import './lib.js';\n{}", says(text));
    let files = [("app/index.js", &*code("one")), ("app/lib.js", ""), ("app/nano.toml", manifest), ("go", "")];
    let mut server = Server::start("moved", &files, &["--trust"]);
    let folder = server.folder.join("apps");
    let place = |name: &str| folder.join(name);
    fs::remove_file(place("go")).unwrap();
    fs::remove_file(place("begun")).unwrap();
    fs::write(place("app/index.js"), code("two")).unwrap();
    while !place("begun").exists() {
        std::thread::yield_now();
    }
    fs::write(place("app/lib.js"), "// The rest of the second version.\n").unwrap();
    fs::write(place("go"), "").unwrap();
    server.wait_for("1 deployed");
    assert_eq!(server.ask("POST", "/apps/app/reload").0, 200);
    let app = server.ask("GET", "/apps/app").json();
    let versions = app["versions"].as_array().unwrap();
    // The latest is first: the folder as it is.
    assert_eq!((versions.len(), &versions[1]["digest"]), (3, &versions[0]["digest"]), "{app}");
    assert_ne!(versions[2]["digest"], versions[0]["digest"]);
}

#[test]
fn an_archive_that_does_not_start_changes_no_routes() {
    let server =
        Server::start("kept", &[("a/index.js", &says("a")), ("b/index.js", &says("b")), ("b/nano.toml", "routes = [\"b.test\"]\n")], &[]);
    let broken = tar(&[("nano.toml", "routes = [\"c.test\"]\n"), ("index.js", "export default {")]);
    assert_eq!(server.put("b", &broken).0, 422);
    assert_eq!((server.host("b.test"), server.host("c.test").0), ((200, "b".into()), 404));
    let b = server.ask("GET", "/apps/b").json();
    assert_eq!((&b["routes"][0], &b["versions"].as_array().unwrap().len()), (&"b.test".into(), &2));
    assert_eq!(server.ask("POST", "/apps/b/reload").json()["version"], 3);
}

#[test]
fn operators_are_answered_while_an_app_does_not_start() {
    let never = "console.log('begun'); await new Promise(() => {}); export default {};\n";
    let mut server = Server::start("slow", &[("a/index.js", &says("a"))], &[]);
    let archive = tar(&[("nano.toml", "limits.wall_ms = \"5m\"\n"), ("index.js", never)]);
    let head = format!("PUT /apps/slow HTTP/1.1\nHost: {}\nAuthorization: Bearer {TOKEN}\nContent-Type: application/x-tar", server.admin);
    let mut slow = server.open(&head, &archive);
    server.wait_for("begun");
    assert_eq!(server.put("b", &tar(&[("index.js", &says("b"))])).json()["state"], "deployed");
    assert_eq!(server.app("b"), (200, "b".into()));
    assert_eq!(server.ask("POST", "/apps/a/reload").json()["version"], 2);
    assert_eq!(server.ask("POST", "/apps/a/drain").json()["state"], "drained");
    assert_eq!(server.app("a").0, 503);
    // Whoever ends its instances ends its start.
    assert_eq!(server.ask("POST", "/apps/slow/kill").0, 200);
    let mut text = String::new();
    slow.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 422 ") && text.contains("DOES_NOT_START"), "{text}");
    assert!(!server.folder.join("apps/slow").exists());
}

#[test]
fn a_deployment_that_the_end_comes_across_leaves_what_was_there() {
    let never = "console.log('begun'); await new Promise(() => {}); export default {};\n";
    let mut server = Server::start("cut-off", &[("one/index.js", &says("one"))], &[]);
    let head = format!("PUT /apps/one HTTP/1.1\nHost: {}\nAuthorization: Bearer {TOKEN}\nContent-Type: application/x-tar", server.admin);
    let _put = server.open(&head, &tar(&[("index.js", never)]));
    server.wait_for("begun");
    assert!(Command::new("kill").arg(server.child.id().to_string()).status().unwrap().success());
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert_eq!(fs::read_to_string(server.folder.join("apps/one/index.js")).unwrap(), says("one"));
}

#[test]
fn an_app_whose_grants_are_taken_back_is_told_of() {
    let files = [("one/index.js", &*says("one")), ("one/nano.toml", "code_generation = true\n"), ("nanod.toml", "apps.one.trust = true\n")];
    let mut server = Server::start("revoked", &files, &[]);
    assert_eq!(server.app("one"), (200, "one".into()));
    fs::write(server.folder.join("apps/nanod.toml"), "").unwrap();
    server.wait_for("0 deployed, 1 failed");
    let app = loop {
        let app = server.ask("GET", "/apps/one").json();
        // It goes on a thread of its own.
        if app["state"] == "failed" {
            break app;
        }
        std::thread::yield_now();
    };
    assert!(app["failure"].as_str().unwrap().contains("the version before used that too: it is out of service"), "{app}");
    assert_eq!(server.app("one").0, 503);
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn what_is_too_large_is_refused_before_it_is_read() {
    let server = Server::start("large", &[("one/index.js", &says("one"))], &[]);
    let head = |path: &str, length: usize| {
        format!(
            "PUT {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/x-tar\r\nContent-Length: {length}\r\n\r\n",
            server.admin
        )
    };
    let mut stream = TcpStream::connect(&server.admin).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(head("/apps/big", (64 << 20) + 1).as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
    let long = server.raw(&format!("GET /{} HTTP/1.1\nHost: {}", "x".repeat(9_000), server.admin), b"");
    assert_eq!(long.0, 414);
}

#[test]
fn an_app_is_reloaded_drained_and_removed() {
    let [one, two, three] = ["one", "two", "three"].map(says);
    let files = [("one/index.js", &*one), ("two/index.js", &two), ("three/index.js", &three)];
    let mut server = Server::start("operate", &files, &["--no-watch"]);
    fs::write(server.folder.join("apps/one/index.js"), says("changed")).unwrap();
    assert_eq!(server.app("one").1, "one");
    assert_eq!(server.ask("POST", "/apps/one/reload").json()["version"], 2);
    assert_eq!(server.app("one").1, "changed");
    let versions = server.ask("GET", "/apps/one").json()["versions"].as_array().unwrap().len();
    assert_eq!(versions, 2);
    assert_eq!(server.ask("POST", "/apps/one/drain").json()["state"], "drained");
    assert_eq!(server.app("one").0, 503);
    assert_eq!(server.ask("POST", "/apps/one/drain").0, 409);
    server.wait_for("taken out of service");
    fs::write(server.folder.join("apps/one/index.js"), "export default {").unwrap();
    let broken = server.ask("POST", "/apps/one/reload");
    assert!(broken.0 == 422 && broken.2.contains("DOES_NOT_START"), "{}", broken.2);
    assert!(server.ask("GET", "/apps/one").json()["failure"].as_str().unwrap().contains("NANO_E_COMPILE"));
    assert_eq!(server.ask("DELETE", "/apps/two").json()["state"], "removed");
    assert_eq!(server.app("two").0, 404);
    assert!(!server.folder.join("apps/two").exists());
    assert_eq!(server.ask("DELETE", "/apps/two").0, 404);
}

#[test]
fn an_app_out_of_service_stays_so_whatever_changes() {
    let mut server = Server::start("drained", &[("one/index.js", &says("one"))], &[]);
    assert_eq!(server.ask("POST", "/apps/one/drain").0, 200);
    let part = server.folder.join("part");
    fs::write(&part, says("changed")).unwrap();
    fs::rename(&part, server.folder.join("apps/one/index.js")).unwrap();
    server.wait_for("stays out of service");
    assert_eq!((server.app("one").0, &server.ask("GET", "/apps/one").json()["state"]), (503, &"drained".into()));
    let killed = server.ask("POST", "/apps/one/kill");
    assert_eq!((killed.0, &killed.json()["ended"]), (200, &0.into()), "there is nothing to end");
    assert_eq!(server.ask("POST", "/apps/two/kill").0, 404);
}

#[test]
fn logs_are_followed_as_they_come() {
    let chatty = "export default { fetch(request) { console.warn('Loud', new URL(request.url).host); return new Response(''); } };\n";
    let server = Server::start("logs", &[("one/index.js", chatty), ("two/index.js", chatty)], &[]);
    assert_eq!((server.app("one").0, server.app("two").0), (200, 200));
    let seen = server.follow("/logs?app=two&level=warn", "Loud two.localhost");
    assert!(!seen.iter().any(|line| line.contains("one.localhost") || line.contains("\"started\"")), "{seen:?}");
    let seen = server.follow("/logs?search=LOUD", "two.localhost");
    let lines: Vec<Value> = seen.iter().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect();
    assert_eq!((&lines[0]["app"], &lines[0]["level"]), (&"one".into(), &"warn".into()));
    let head = format!("GET /logs?app=one&tail=0 HTTP/1.1\nHost: {}\nAuthorization: Bearer {TOKEN}", server.admin);
    let mut live = BufReader::new(server.open(&head, b""));
    let mut line = String::new();
    while line.trim_end() != "" || !line.ends_with('\n') {
        line.clear();
        live.read_line(&mut line).unwrap();
    }
    assert_eq!(server.app("one").0, 200);
    while !line.contains("Loud one.localhost") {
        line.clear();
        assert!(live.read_line(&mut line).unwrap() > 0, "the stream goes on");
    }
    assert_eq!(server.ask("GET", "/logs?level=silly").0, 400);
}

#[test]
fn figures_come_whole_and_then_as_differences() {
    let server = Server::start("stats", &[("one/index.js", &says("one")), ("two/index.js", &says("two"))], &[]);
    let head = format!("GET /stats/stream HTTP/1.1\nHost: {}\nAuthorization: Bearer {TOKEN}", server.admin);
    let mut stream = BufReader::new(server.open(&head, b""));
    let mut next = || loop {
        let mut line = String::new();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the stream goes on");
        if let Some(data) = line.strip_prefix("data: ") {
            return serde_json::from_str::<Value>(data).unwrap();
        }
    };
    let whole = next();
    assert_eq!((&whole["whole"], whole["apps"].as_array().unwrap().len()), (&true.into(), 2));
    assert_eq!(server.app("two").0, 200);
    let changed = loop {
        let delta = next();
        assert_eq!(delta["whole"], false);
        if let Some(app) = delta["apps"].as_array().unwrap().first() {
            break app.clone();
        }
    };
    assert_eq!((&changed["name"], &changed["requests"]), (&"two".into(), &1.into()));
    assert!(changed.get("cold_starts").is_none(), "what has not changed is not said: {changed}");
}

#[test]
fn health_is_told_apart_from_readiness() {
    let never = "export default { async fetch() { console.log('begun'); await new Promise(() => {}); } };\n";
    let mut server = Server::start("health", &[("one/index.js", never)], &["--drain", "1h"]);
    assert_eq!((server.ask("GET", "/healthz").0, server.ask("GET", "/readyz").0), (200, 200));
    let _request = server.begin("one");
    server.wait_for("begun");
    assert!(Command::new("kill").arg(server.child.id().to_string()).status().unwrap().success());
    server.wait_for("stopping");
    assert_eq!((server.ask("GET", "/healthz").0, server.ask("GET", "/readyz").0), (200, 503));
}

#[test]
fn readiness_goes_first_at_every_worker() {
    let files = [("app/index.js", &*says("still here"))];
    let mut server = Server::start("readiness", &files, &["--workers", "2", "--drain-delay", "1h"]);
    let signal = |server: &Server| assert!(Command::new("kill").arg(server.child.id().to_string()).status().unwrap().success());
    signal(&server);
    server.wait_for("stopping");
    for admin in server.admins.clone() {
        server.admin = admin;
        while server.ask("GET", "/readyz").0 != 503 {
            std::thread::yield_now();
        }
        assert_eq!((server.ask("GET", "/healthz").0, server.app("app")), (200, (200, "still here".into())));
    }
    // Nobody has an hour.
    signal(&server);
    assert_eq!(server.child.wait().unwrap().code(), Some(143));
}

#[test]
fn silence_does_not_lock_the_operator_out() {
    let server = Server::start("silence", &[("one/index.js", &says("one"))], &[]);
    let silent: Vec<TcpStream> =
        (0..nano_base::limits::ADMIN_CONNECTIONS_MAX).map(|_| TcpStream::connect(&server.admin).expect("a connection")).collect();
    for _ in 0..3 {
        assert_eq!(server.ask("GET", "/apps").0, 200);
    }
    drop(silent);
}

#[test]
fn slow_bodies_do_not_lock_the_operator_out() {
    let server = Server::start("bodies", &[("one/index.js", &says("one"))], &[]);
    let slow: Vec<TcpStream> = (0..nano_base::limits::ADMIN_CONNECTIONS_MAX)
        .map(|_| {
            let mut stream = TcpStream::connect(&server.admin).expect("a connection");
            let head = "Content-Length: 60000\r\nExpect: 100-continue\r\n\r\n";
            write!(stream, "GET /healthz HTTP/1.1\r\nHost: {}\r\n{head}", server.admin).unwrap();
            let mut line = [0; 12];
            stream.read_exact(&mut line).expect("the listener waits for the body");
            assert_eq!(&line, b"HTTP/1.1 100");
            stream
        })
        .collect();
    for _ in 0..3 {
        assert_eq!(server.ask("GET", "/apps").0, 200);
    }
    drop(slow);
}

/// A client that asks without pause, until it is dropped.
struct Hog(TcpStream);

impl Drop for Hog {
    fn drop(&mut self) {
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

#[test]
fn whoever_asks_without_pause_has_his_turns_among_others() {
    let server = Server::start("pipelined", &[("one/index.js", &says("one"))], &[]);
    let batch = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", server.admin).repeat(1_000);
    let (begun, begins) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let hogs = [(); 2].map(|()| Hog(TcpStream::connect(&server.admin).expect("a connection")));
        for hog in &hogs {
            let (mut writes, mut reads) = (hog.0.try_clone().unwrap(), hog.0.try_clone().unwrap());
            let (batch, begun) = (batch.as_bytes(), begun.clone());
            scope.spawn(move || while writes.write_all(batch).is_ok() {});
            scope.spawn(move || {
                let mut buffer = vec![0; 1 << 20];
                while reads.read(&mut buffer).is_ok_and(|bytes| bytes > 0) {
                    let _ = begun.send(());
                }
            });
        }
        begins.recv_timeout(PATIENCE).expect("they are answered");
        for _ in 0..10 {
            assert_eq!(server.ask("GET", "/apps").0, 200);
        }
        drop(hogs);
    });
}

#[test]
fn whoever_followed_the_process_before_misses_nothing_of_this_one() {
    let chatty = "export default { fetch(request) { console.log('said', new URL(request.url).host); return new Response(''); } };\n";
    let server = Server::start("before", &[("one/index.js", chatty)], &[]);
    (0..50).for_each(|_| assert_eq!(server.app("one").0, 200));
    let seen = server.follow("/logs", "said");
    let id = seen.iter().filter_map(|line| line.strip_prefix("id: ")).next_back().expect("an id").to_string();
    drop(server);
    let server = Server::start("after", &[("one/index.js", chatty)], &[]);
    assert_eq!(server.app("one").0, 200);
    let seen = server.follow_with("/logs", &format!("\nLast-Event-ID: {id}"), "said one.localhost");
    assert!(seen.iter().any(|line| line.contains("\"loaded\"")), "from its beginning: {seen:?}");
}

#[test]
fn figures_of_many_apps_reach_a_client_that_takes_its_time() {
    // What is refused is in the figures as well, and costs no start.
    let folder = std::env::temp_dir().join(format!("nanod-admin-many-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    for number in 0..5_000 {
        let app = folder.join(format!("apps/{number}-{}", "x".repeat(50)));
        fs::create_dir_all(&app).unwrap();
        fs::write(app.join("index.js"), "").unwrap();
        fs::write(app.join("nano.toml"), "code_generation = true\n").unwrap();
    }
    let socket = folder.join("admin");
    let mut child = Command::new(env!("CARGO_BIN_EXE_nanod"))
        .args(["serve", "--no-watch", "--listen", "127.0.0.1:0", "--admin"])
        .arg(format!("unix:{}", socket.display()))
        .arg(folder.join("apps"))
        .env("NANOD_TOKEN", TOKEN)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("nanod starts");
    let said = BufReader::new(child.stdout.take().expect("a pipe")).lines().map(|line| line.expect("text"));
    assert!(said.into_iter().any(|line| line.contains(" apps on 127.0.0.1:")), "nanod is ready");
    let follow = || {
        // The kernel keeps little of what is not taken from such a socket.
        let mut stream = UnixStream::connect(&socket).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET /stats/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n").unwrap();
        BufReader::new(stream).lines().map_while(Result::ok).filter_map(|line| Some(line.strip_prefix("data: ")?.to_string()))
    };
    let is_whole = |data: &str| data.contains("\"whole\":true");
    let (slow, mut quick) = (follow(), follow());
    let whole = quick.next().expect("figures");
    assert!(is_whole(&whole) && whole.len() > nano_base::limits::ADMIN_STREAM_BYTES_MAX, "{} bytes", whole.len());
    // Meanwhile the other one takes nothing.
    assert_eq!(quick.take(3).count(), 3);
    let told: Vec<String> = slow.take(3).collect();
    let _ = child.kill();
    let _ = child.wait();
    let _ = fs::remove_dir_all(&folder);
    assert!(
        told.len() == 3 && is_whole(&told[0]) && is_whole(&told[1]),
        "{}: it missed what was different, and gets all again",
        told.len()
    );
}

#[test]
fn grafana_asks_for_nothing_that_is_not_there() {
    let server = Server::start("grafana", &[("one/index.js", &says("one"))], &["--metrics-per-app", "all"]);
    assert_eq!(server.app("one").0, 200);
    let metrics = server.ask("GET", "/metrics").2;
    let named: Vec<&str> = metrics.lines().filter_map(|line| line.split(['{', ' ']).next()).filter(|name| *name != "#").collect();
    let dashboard = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/grafana/nano.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).expect("JSON");
    let mut asked = 0;
    for target in dashboard["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten()) {
        let expression = target["expr"].as_str().unwrap();
        let words = expression.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        for word in words.filter(|word| word.starts_with("nano_") || word.starts_with("process_")) {
            asked += 1;
            assert!(named.contains(&word), "{word} in {expression}");
        }
    }
    assert!(asked > 30, "{asked}");
    let document = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/admin.md")).unwrap();
    let kinds = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    for name in kinds {
        assert!(document.contains(&format!("`{name}`")), "{name} is in docs/admin.md");
    }
}

#[test]
fn no_app_ends_the_process_by_asking_for_too_much() {
    let bomb = "export default { fetch() { const all = []; for (;;) all.push(new Array(1e6).fill(all.length)); } };\n";
    let crash = "export default { fetch() { return new Response(String(new Array(2 ** 32 - 2).fill(1).length)); } };\n";
    let files = [("bomb/index.js", bomb), ("bomb/nano.toml", AN_HOUR), ("crash/index.js", crash), ("calm/index.js", &says("calm"))];
    let server = Server::start("bombs", &files, &["--trust"]);
    assert!(server.ask("GET", "/stats").json()["ceilings"]["heaps_bytes"].as_u64().unwrap() > 0, "heaps are counted");
    assert_eq!((server.app("bomb").0, server.app("crash").0), (500, 500));
    assert_eq!(server.app("calm"), (200, "calm".into()));
    let kills = server.ask("GET", "/apps/bomb").json()["kills_by"]["heap"].as_u64().unwrap();
    assert_eq!(kills, 1);
}

#[test]
fn each_worker_has_an_admin_listener_of_its_own() {
    let mut server = Server::start("workers", &[("app/index.js", &says("hello"))], &["--workers", "2"]);
    for _ in 0..20 {
        assert_eq!(server.app("app"), (200, "hello".into()));
    }
    let mut requests = 0;
    for admin in server.admins.clone() {
        server.admin = admin;
        assert_eq!(server.ask("GET", "/readyz").0, 200);
        requests += server.ask("GET", "/stats").json()["runtime"]["requests"].as_u64().unwrap();
    }
    assert_eq!(requests, 20);
    assert_ne!(server.admins[0], server.admins[1]);
}

/// The value of a series.
fn figure(metrics: &str, series: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{series} is not there: {metrics}"))
}

#[test]
fn figures_are_those_of_what_has_happened() {
    // A million numbers in 8 MB, which are nowhere else but in the heap.
    let keeps = "let all; export default { fetch() { all = new Array(1e6).fill(0.5); return new Response('kept'); } };\n";
    let files =
        [("one/index.js", &*says("one")), ("keeps/index.js", keeps), ("late/index.js", &says("late")), ("late/nano.toml", "lazy = true\n")];
    let server = Server::start("figures", &files, &[]);
    // A request is counted when it has ended, which its client can see a moment before.
    let settled = || loop {
        let metrics = server.ask("GET", "/metrics").2;
        if figure(&metrics, "nano_requests_in_flight") == 0.0 {
            return metrics;
        }
    };
    const SERIES: [&str; 4] = ["nano_active_apps", "nano_isolates_active", "nano_cold_starts_total", "nano_request_duration_ms_count"];
    let before = settled();
    assert_eq!(SERIES.map(|series| figure(&before, series)), [3.0, 2.0, 2.0, 0.0], "one of them waits for its first request");
    for _ in 0..3 {
        assert_eq!(server.app("one").0, 200);
    }
    assert_eq!((server.app("late").0, server.app("keeps").0), (200, 200));
    // What no app answers is no request of one.
    assert_eq!(server.app("none").0, 404);
    let heap = |metrics: &str| figure(metrics, "nano_heap_bytes");
    // A heap is looked at after the turn.
    let after = loop {
        let after = settled();
        if heap(&after) >= heap(&before) + 8e6 {
            break after;
        }
    };
    assert_eq!(SERIES.map(|series| figure(&after, series)), [3.0, 3.0, 3.0, 5.0]);
    assert_eq!(figure(&after, "nano_request_duration_ms_bucket{le=\"+Inf\"}"), 5.0);
    let [ms, s] = ["nano_request_duration_ms_sum", "nano_request_duration_seconds_sum"].map(|series| figure(&after, series));
    assert!(ms > 0.0 && (ms - s * 1_000.0).abs() < 0.001, "{ms} ms, {s} s");
    let more = heap(&after) - heap(&before);
    assert!(more < 64e6 && heap(&after) < figure(&after, "nano_heap_max_bytes"), "{more} bytes more");
    assert_eq!(server.ask("DELETE", "/apps/one").0, 200);
    let gone = loop {
        // Its instance ends on its own thread, and it is forgotten on another one.
        let gone = settled();
        if ["nano_isolates_active", "nano_active_apps"].iter().all(|series| figure(&gone, series) < 3.0) {
            break gone;
        }
    };
    // What has happened is not undone.
    assert_eq!(SERIES.map(|series| figure(&gone, series)), [2.0, 2.0, 3.0, 5.0]);
}
