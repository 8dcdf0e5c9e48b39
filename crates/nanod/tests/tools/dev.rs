//! `nanod dev`: what whoever writes apps sees.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::{Folder, GOOD};

const FAILS: &str = "interface Item { price: number }

function total(items: Item[]): number {
  return items.reduce((sum, item) => sum + item.price, 0);
}

export default {
  fetch(request: Request): Response {
    const oops = '<script>MAIN</script>';
    if (new URL(request.url).pathname === '/throw') throw new Error(oops);
    if (new URL(request.url).pathname === '/fine') return new Response('fine');
    return Response.json(total([undefined as unknown as Item]));
  },
};
";

pub struct Dev {
    child: Child,
    lines: BufReader<ChildStdout>,
    pub address: String,
}

impl Dev {
    pub fn start(folder: &Folder, words: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_nanod"))
            .args(["dev", ".", "--listen", "127.0.0.1:0"])
            .args(words)
            .current_dir(&folder.0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("nanod starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut dev = Self { child, lines, address: String::new() };
        let ready = dev.wait_for(" on 127.0.0.1:");
        dev.address = ready.split(" on ").nth(1).and_then(|rest| rest.split(' ').next()).expect("an address").to_string();
        dev
    }

    /// Reads what it says up to a line with this in it.
    pub fn wait_for(&mut self, text: &str) -> String {
        let mut line = String::new();
        while self.lines.read_line(&mut line).expect("text") > 0 {
            if line.contains(text) {
                return line;
            }
            line.clear();
        }
        panic!("nanod ended without saying \"{text}\"");
    }

    /// Head and body of an answer.
    pub fn ask(&self, host: &str, path: &str, accept: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        text.split_once("\r\n\r\n").map(|(head, body)| (head.to_string(), body.to_string())).expect("a head")
    }

    fn generation(&self) -> u64 {
        let (_, body) = self.ask("any.localhost", "/__nanod/state", "*/*");
        serde_json::from_str::<serde_json::Value>(&body).expect("JSON")["generation"].as_u64().expect("a number")
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const BROWSER: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

#[test]
fn a_browser_sees_an_exception_where_it_was_written() {
    let folder = Folder::new("overlay", &[("shop/index.ts", FAILS), ("other/index.js", GOOD)]);
    let dev = Dev::start(&folder, &[]);
    let (head, page) = dev.ask("shop.localhost", "/", BROWSER);
    assert!(head.starts_with("HTTP/1.1 500 ") && head.contains("content-type: text/html"), "{head}");
    let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).expect("an id");
    for text in [
        "Uncaught exception",
        "Cannot read properties of undefined (reading &#39;price&#39;)",
        "index.ts:4:",
        "<mark>price</mark>",
        "shop",
        id,
    ] {
        assert!(page.contains(text), "{text}\n{page}");
    }
    assert!(page.contains("<code>total</code>") && !page.contains("nano:"), "{page}");
    let (_, page) = dev.ask("shop.localhost", "/throw", BROWSER);
    assert!(page.contains("&lt;script&gt;MAIN&lt;/script&gt;") && !page.contains("<script>MAIN"), "{page}");
    let (head, body) = dev.ask("shop.localhost", "/", "application/json");
    let problem: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert!(head.contains("content-type: application/problem+json"), "{head}");
    assert_eq!((problem["status"].as_u64(), problem["code"].as_str()), (Some(500), Some("NANO_E_EXCEPTION")));
    assert!(problem["stack"][0].as_str().is_some_and(|step| step.starts_with("index.ts:4:")), "{body}");
    assert_eq!(dev.ask("shop.localhost", "/fine", BROWSER).1, "fine");
}

#[test]
fn a_browser_sees_what_does_not_compile_until_it_is_mended() {
    let folder = Folder::new("mend", &[("one/index.ts", "export default {\n  fetch() { const x: = 1; },\n};\n"), ("two/index.js", GOOD)]);
    let mut dev = Dev::start(&folder, &[]);
    let (head, page) = dev.ask("one.localhost", "/", BROWSER);
    assert!(head.starts_with("HTTP/1.1 500 ") && page.contains("Does not compile") && page.contains("index.ts:2:"), "{head}\n{page}");
    let before = dev.generation();
    assert!(page.contains(&format!("generation !== {before}")), "the page waits for another one");
    folder.write("one/index.ts", GOOD);
    dev.wait_for("1 deployed");
    assert!(dev.generation() > before);
    assert_eq!(dev.ask("one.localhost", "/", BROWSER).1, "ok");
    folder.write("one/index.ts", "export default {");
    dev.wait_for("1 failed");
    assert!(dev.ask("one.localhost", "/", BROWSER).1.contains("Does not compile"), "an old version would hide the error");
    assert_eq!(dev.ask("two.localhost", "/", BROWSER).1, "ok");
    let (head, page) = dev.ask("three.localhost", "/", BROWSER);
    assert!(head.starts_with("HTTP/1.1 404 ") && page.contains("data-app=\"two\""), "{head}\n{page}");
}

#[test]
fn names_that_lead_here_from_elsewhere_are_not_answered() {
    let folder = Folder::new("rebound", &[("nano.toml", "routes = [\"shop.example\"]\n"), ("index.js", GOOD)]);
    let dev = Dev::start(&folder, &[]);
    for host in ["localhost", "127.0.0.1:8787", "[::1]", "any.localhost:1", "shop.example"] {
        assert_eq!(dev.ask(host, "/", BROWSER).1, "ok", "{host}");
    }
    let (head, page) = dev.ask("evil.example", "/", BROWSER);
    assert!(head.starts_with("HTTP/1.1 404 ") && !page.contains("fetch()"), "{head}\n{page}");
}

#[test]
fn a_route_without_a_host_does_not_answer_for_names_that_lead_here_from_elsewhere() {
    let files = [
        ("one/nano.toml", "routes = [\"/api\", \"*\"]\ndefault = true\n"),
        ("one/index.js", GOOD),
        ("two/wrangler.toml", "routes = [\"*/two/*\", \"named.example/two\"]\n"),
        ("two/index.js", GOOD),
    ];
    let folder = Folder::new("nameless", &files);
    let dev = Dev::start(&folder, &[]);
    for (host, path) in [("localhost", "/api"), ("127.0.0.1:8787", "/two/x"), ("two.localhost", "/"), ("named.example", "/two")] {
        assert_eq!(dev.ask(host, path, BROWSER).1, "ok", "{host} {path}");
    }
    for (host, path) in [("evil.example", "/api"), ("evil.example:8787", "/two/x"), ("evil.example", "/"), ("named.example", "/api")] {
        let (head, page) = dev.ask(host, path, BROWSER);
        assert!(head.starts_with("HTTP/1.1 404 ") && !page.contains("fetch()"), "{host} {path}: {head}\n{page}");
    }
    for (path, accept) in [("/", BROWSER), ("/", "*/*"), ("/__nanod/state", "*/*")] {
        let (head, told) = dev.ask("evil.example", path, accept);
        assert!(head.starts_with("HTTP/1.1 404 ") && told.contains("No app answers for evil.example"), "{head}\n{told}");
        assert!(!told.contains("data-app=") && !told.contains("\"apps\"") && !told.contains("\"generation\""), "{told}");
    }
    assert!(dev.ask("named.example", "/__nanod/state", "*/*").1.contains("\"generation\""), "its own pages look for changes there");
}

#[test]
fn an_error_far_below_the_end_of_a_file_is_shown_without_code() {
    let source =
        "export default { fetch() { const e = new Error('far'); e.stack = 'Error: far\\n    at f (index.js:4294967295:1)'; throw e; } };";
    let folder = Folder::new("far", &[("index.js", source)]);
    let dev = Dev::start(&folder, &[]);
    let (head, page) = dev.ask("localhost", "/", BROWSER);
    assert!(head.starts_with("HTTP/1.1 500 ") && page.contains("index.js:4294967295"), "{head}\n{page}");
}

#[test]
fn a_manifest_that_is_wrong_is_shown() {
    let folder = Folder::new("manifests", &[("one/index.js", GOOD), ("one/nano.toml", "rutes = []\n"), ("two/index.js", GOOD)]);
    let mut dev = Dev::start(&folder, &[]);
    let wrong = |dev: &Dev, host: &str| {
        let (head, page) = dev.ask(host, "/", BROWSER);
        assert!(head.starts_with("HTTP/1.1 503 ") && page.contains("did you mean &quot;routes&quot;?"), "{head}\n{page}");
    };
    wrong(&dev, "one.localhost");
    assert_eq!(dev.ask("two.localhost", "/", BROWSER).1, "ok");
    folder.write("one/nano.toml", "routes = []\n");
    dev.wait_for("1 deployed");
    assert_eq!(dev.ask("one.localhost", "/", BROWSER).1, "ok");
    // What served before does not hide it either, and is there again when it is undone.
    let before = dev.generation();
    folder.write("one/nano.toml", "rutes = []\n");
    while dev.generation() == before {}
    wrong(&dev, "one.localhost");
    let before = dev.generation();
    folder.write("one/nano.toml", "routes = []\n");
    while dev.generation() == before {}
    assert_eq!(dev.ask("one.localhost", "/", BROWSER).1, "ok");
}

#[test]
fn a_manifest_that_breaks_is_not_said_to_leave_anything_serving() {
    let folder = Folder::new("breaks", &[("one/index.js", GOOD)]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut command = Command::new(env!("CARGO_BIN_EXE_nanod"));
    command.args(["dev", ".", "--listen", "127.0.0.1:0"]).current_dir(&folder.0).stdin(Stdio::null());
    let mut child = command.stdout(writer.try_clone().expect("a pipe")).stderr(writer).spawn().expect("nanod starts");
    drop(command);
    let mut lines = BufReader::new(reader);
    let mut up_to = |text: &str| {
        let mut said = String::new();
        while !said.contains(text) && lines.read_line(&mut said).expect("text") > 0 {}
        assert!(said.contains(text), "{text}: {said}");
        said
    };
    up_to(" on 127.0.0.1:");
    folder.write("one/nano.toml", "rutes = []\n");
    up_to("unknown key \"rutes\"");
    folder.write("one/nano.toml", "nmae = 1\n");
    let said = up_to("unknown key \"nmae\"");
    let _ = child.kill();
    let _ = child.wait();
    assert!(!said.contains("goes on serving"), "{said}");
}

#[test]
fn an_app_that_has_never_compiled_goes_with_its_folder_and_its_name() {
    let folder = Folder::new("never", &[("one/index.js", "export default {"), ("two/index.js", GOOD), ("three/index.js", GOOD)]);
    let mut dev = Dev::start(&folder, &[]);
    let compiles = |dev: &Dev, host: &str| !dev.ask(host, "/", BROWSER).1.contains("Does not compile");
    let is_gone = |dev: &Dev, host: &str| {
        let (head, page) = dev.ask(host, "/", BROWSER);
        assert!(head.starts_with("HTTP/1.1 404 ") && page.contains("two"), "{head}\n{page}");
    };
    assert!(!compiles(&dev, "one.localhost"));
    folder.write("one/nano.toml", "name = \"four\"\n");
    dev.wait_for("1 failed");
    assert!(!compiles(&dev, "four.localhost"));
    is_gone(&dev, "one.localhost");
    std::fs::remove_dir_all(folder.0.join("one")).unwrap();
    dev.wait_for("1 removed");
    is_gone(&dev, "four.localhost");
}

#[test]
fn each_request_is_a_line() {
    let folder = Folder::new("lines", &[("shop/index.ts", FAILS), ("other/index.js", GOOD)]);
    let mut dev = Dev::start(&folder, &[]);
    dev.ask("shop.localhost", "/fine?a=b", BROWSER);
    let line = dev.wait_for("GET");
    assert!(line.starts_with("200 GET  /fine?a=b  shop  ") && line.contains(" ms, CPU "), "{line}");
    dev.ask("shop.localhost", "/", BROWSER);
    let line = dev.wait_for("GET");
    assert!(line.starts_with("500 GET  /  shop  ") && line.ends_with("NANO_E_EXCEPTION\n"), "{line}");
    dev.ask("nobody.localhost", "/x", BROWSER);
    assert_eq!(dev.wait_for("GET"), "404 GET  /x  NO_APP\n");
    let broken = [("fails/index.js", "throw new Error('x');"), ("wrong/index.js", GOOD), ("wrong/nano.toml", "rutes = []\n")];
    let folder = Folder::new("broken-lines", &broken);
    let mut dev = Dev::start(&folder, &[]);
    dev.ask("fails.localhost", "/", BROWSER);
    assert_eq!(dev.wait_for("GET"), "500 GET  /  fails  NANO_E_EXCEPTION\n");
    dev.ask("wrong.localhost", "/", BROWSER);
    assert_eq!(dev.wait_for("GET"), "503 GET  /  wrong  NOT_DEPLOYED\n");
}

#[test]
fn lines_are_json_for_machines() {
    let folder = Folder::new("json-lines", &[("shop/index.js", GOOD)]);
    let mut dev = Dev::start(&folder, &["--json"]);
    dev.ask("shop.localhost", "/a", BROWSER);
    let line: serde_json::Value = serde_json::from_str(&dev.wait_for("\"path\"")).expect("JSON");
    assert_eq!((line["app"].as_str(), line["path"].as_str(), line["status"].as_u64()), (Some("shop"), Some("/a"), Some(200)));
}

#[test]
fn serve_keeps_to_itself_what_dev_shows() {
    let folder = Folder::new("serve", &[("shop/index.ts", FAILS), ("other/index.js", GOOD)]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_nanod"))
        .args(["serve", ".", "--listen", "127.0.0.1:0", "--no-admin"])
        .current_dir(&folder.0)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("nanod starts");
    let lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut served = Dev { child, lines, address: String::new() };
    let ready = served.wait_for(" on 127.0.0.1:");
    served.address = ready.split(" on ").nth(1).and_then(|rest| rest.split(' ').next()).expect("an address").to_string();
    let (_, body) = served.ask("shop.localhost", "/", BROWSER);
    assert!(body.starts_with('{') && !body.contains("price"), "{body}");
    assert!(served.ask("any.localhost", "/__nanod/state", "*/*").0.starts_with("HTTP/1.1 404 "));
}

/// What is said of an app that does not start, up to the lines of its code.
fn trouble(folder: &Folder, color: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_nanod"))
        .args(["dev", ".", "--listen", "127.0.0.1:0", "--color", color])
        .current_dir(&folder.0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("nanod starts");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut all = String::new();
    while !all.contains('^') && lines.read_line(&mut all).expect("text") > 0 {}
    let _ = child.kill();
    let _ = child.wait();
    all
}

#[test]
fn what_is_wrong_is_shown_in_its_lines_in_colors_and_without() {
    let folder = Folder::new("lines", &[("shop/index.js", "const a = 1;\nthrow new Error('x');\n")]);
    let said = trouble(&folder, "never");
    let frame = "\n\n      1 | const a = 1;\n    > 2 | throw new Error('x');\n        |       ^\n";
    assert!(said.ends_with(frame), "{said}");
    let said = trouble(&folder, "always");
    assert!(said.contains("\x1b[31m>\x1b[0m \x1b[2m2 |\x1b[0m throw") && !said.contains("\\u{1b}"), "{said}");
}
