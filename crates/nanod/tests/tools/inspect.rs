//! `nanod dev --inspect`, as debuggers see it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::JoinHandle;
use std::time::Duration;

use nano_base::base64;
use nano_http::ws;
use serde_json::{Value, json};

use crate::dev::Dev;
use crate::{Folder, GOOD};

const SHOP: &str = "let sold = 0;
export default {
  fetch(request) {
    const price = 40;
    sold += price;
    return new Response(`sold ${sold}`);
  },
};
";

/// A nanod that debuggers can attach to, and where they do.
struct Server {
    dev: Dev,
    folder: Folder,
    address: String,
}

impl Server {
    fn start(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = Folder::new(name, files);
        let mut dev = Dev::start(&folder, &["--inspect-address", "127.0.0.1:0"]);
        let line = dev.wait_for("debuggers attach to ");
        let address = line.split("attach to ").nth(1).and_then(|rest| rest.split(": ").next()).expect("an address").to_string();
        Self { dev, folder, address }
    }

    /// Status line and body of what the listener says.
    fn read(&self, path: &str, headers: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        write!(stream, "GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        (head.lines().next().expect("a status").to_string(), body.to_string())
    }

    fn targets(&self) -> Value {
        let (_, body) = self.read("/json/list", &format!("Host: {}\r\n", self.address));
        serde_json::from_str(&body).expect("JSON")
    }

    /// A debugger of this app.
    fn attach(&self, name: &str) -> Client {
        let targets = self.targets();
        let target = targets.as_array().expect("a list").iter().find(|target| target["title"] == name).expect("the app");
        let url = target["webSocketDebuggerUrl"].as_str().expect("a URL");
        let path = url.strip_prefix(&format!("ws://{}", self.address)).expect("this listener");
        Client::connect(&self.address, path)
    }

    /// Asks an app without waiting for what it says.
    fn ask(&self, name: &str) -> JoinHandle<String> {
        let (address, name) = (self.dev.address.clone(), name.to_string());
        std::thread::spawn(move || {
            let mut stream = TcpStream::connect(address).expect("a connection");
            write!(stream, "GET / HTTP/1.1\r\nHost: {name}.localhost\r\nConnection: close\r\n\r\n").unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).expect("an answer");
            text.split_once("\r\n\r\n").expect("a head").1.to_string()
        })
    }

    /// The URL of a file, as an editor has it.
    fn url(&self, file: &str) -> String {
        format!("file://{}/{file}", self.folder.0.canonicalize().expect("the folder").display())
    }
}

/// A debugger.
struct Client {
    stream: TcpStream,
    socket: ws::Socket,
    input: Vec<u8>,
    next: u64,
}

impl Client {
    fn connect(address: &str, path: &str) -> Self {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let key = base64::encode(&[7; 16]);
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13";
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n{upgrade}\r\nSec-WebSocket-Key: {key}\r\n\r\n").unwrap();
        let mut input = Vec::new();
        let end = loop {
            let mut piece = [0; 4096];
            let length = stream.read(&mut piece).expect("a head");
            assert!(length > 0, "the listener has closed");
            input.extend_from_slice(&piece[..length]);
            if let Some(end) = input.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
        };
        assert!(input.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&input));
        input.drain(..end);
        let limits = ws::Limits { message_bytes: 64 << 20, ..ws::Limits::default() };
        Self { stream, socket: ws::Socket::new(ws::Role::Client, limits, None), input, next: 0 }
    }

    /// What the app says next; none after its last word.
    fn hear(&mut self) -> Option<Value> {
        loop {
            let received = self.socket.receive(&self.input).expect("a frame");
            self.input.drain(..received.consumed);
            match received.event {
                Some(ws::Event::Text(text)) => return Some(serde_json::from_slice(&text).expect("JSON")),
                Some(ws::Event::Close(_)) => return None,
                Some(_) => {}
                None => {
                    let mut piece = [0; 65536];
                    let length = self.stream.read(&mut piece).expect("the app says something");
                    assert!(length > 0, "the connection broke");
                    self.input.extend_from_slice(&piece[..length]);
                }
            }
        }
    }

    fn heard(&mut self, method: &str) -> Value {
        loop {
            let message = self.hear().expect("the app goes on");
            if message["method"] == method {
                return message["params"].clone();
            }
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut out = Vec::new();
        let text = json!({ "id": self.next, "method": method, "params": params }).to_string();
        self.socket.text(&mut out, &text, false, [1, 2, 3, 4]).expect("it is open");
        self.stream.write_all(&out).unwrap();
        loop {
            let message = self.hear().expect("an answer");
            if message["id"] == self.next {
                assert!(message["error"].is_null(), "{message}");
                return message["result"].clone();
            }
        }
    }

    fn break_at(&mut self, url: &str, line: u32) -> String {
        self.ask("Debugger.enable", json!({}));
        let set = self.ask("Debugger.setBreakpointByUrl", json!({ "url": url, "lineNumber": line }));
        assert_eq!(set["locations"].as_array().map(Vec::len), Some(1), "{set}");
        set["breakpointId"].as_str().expect("an id").to_string()
    }
}

#[test]
fn a_breakpoint_stops_one_app_and_holds_for_its_next_version() {
    let mut server = Server::start("inspect", &[("shop/index.js", SHOP), ("other/index.js", GOOD)]);
    let mut client = server.attach("shop");
    let id = client.break_at(&server.url("shop/index.js"), 4);
    let waiting = server.ask("shop");
    let pause = client.heard("Debugger.paused");
    assert_eq!(server.ask("other").join().expect("an answer"), "ok");
    let frame = &pause["callFrames"][0]["callFrameId"];
    let value = client.ask("Debugger.evaluateOnCallFrame", json!({ "callFrameId": frame, "expression": "price + 2" }));
    assert_eq!(value["result"]["value"], 42);
    client.ask("Debugger.resume", json!({}));
    assert_eq!(waiting.join().expect("an answer"), "sold 40");
    // Written anew while it is paused: the request ends, and the next one stops in the new version.
    let waiting = server.ask("shop");
    client.heard("Debugger.paused");
    server.folder.write("shop/index.js", &SHOP.replace("sold $", "gone $"));
    server.dev.wait_for("1 deployed");
    assert_eq!(waiting.join().expect("an answer"), "sold 80");
    client.heard("Runtime.executionContextsCleared");
    let waiting = server.ask("shop");
    client.heard("Debugger.paused");
    client.ask("Debugger.resume", json!({}));
    assert_eq!(waiting.join().expect("an answer"), "gone 40");
    // What was removed is not there in the next one.
    client.ask("Debugger.removeBreakpoint", json!({ "breakpointId": id }));
    server.folder.write("shop/index.js", &SHOP.replace("sold $", "last $"));
    server.dev.wait_for("1 deployed");
    assert_eq!(server.ask("shop").join().expect("an answer"), "last 40");
}

#[test]
fn a_debugger_that_goes_lets_the_app_go_on() {
    let server = Server::start("inspect-gone", &[("shop/index.js", &SHOP.replace("sold += price;", "debugger; sold += price;"))]);
    assert_eq!(server.ask("shop").join().expect("an answer"), "sold 40", "nobody is there to stop it");
    let mut client = server.attach("shop");
    client.ask("Debugger.enable", json!({}));
    let waiting = server.ask("shop");
    client.heard("Debugger.paused");
    drop(client);
    assert_eq!(waiting.join().expect("an answer"), "sold 40");
}

#[test]
fn typescript_is_shown_by_the_files_that_an_editor_has() {
    let source = "export default {\n  fetch(_: Request): Response {\n    return new Response('ts');\n  },\n};\n";
    let server = Server::start("inspect-ts", &[("one/src/index.ts", source), ("one/package.json", "{\"main\":\"src/index.ts\"}")]);
    let mut client = server.attach("one");
    client.next += 1;
    let mut out = Vec::new();
    client.socket.text(&mut out, "{\"id\":1,\"method\":\"Debugger.enable\"}", false, [0; 4]).expect("it is open");
    client.stream.write_all(&out).unwrap();
    let url = server.url("one/src/index.ts");
    let parsed = loop {
        let script = client.heard("Debugger.scriptParsed");
        if script["url"] == *url {
            break script;
        }
    };
    let map = parsed["sourceMapURL"].as_str().and_then(|url| url.strip_prefix("data:application/json;base64,")).expect("a source map");
    let map: Value = serde_json::from_slice(&base64::forgiving_decode(map.into()).expect("base64")).expect("JSON");
    assert_eq!((&map["sources"], &map["sourcesContent"]), (&json!([url]), &json!([source])));
}

#[test]
fn strangers_and_pages_are_refused() {
    let server = Server::start("inspect-strangers", &[("one/index.js", GOOD), ("two/index.js", GOOD)]);
    let own = format!("Host: {}\r\n", server.address);
    let (status, body) = server.read("/json/version", &own);
    assert!(status.starts_with("HTTP/1.1 200 "), "{status}");
    assert_eq!(serde_json::from_str::<Value>(&body).expect("JSON")["Protocol-Version"], "1.3");
    let (status, body) = server.read("/json/protocol", &own);
    assert!(status.starts_with("HTTP/1.1 200 "), "{status}");
    let protocol: Value = serde_json::from_str(&body).expect("JSON");
    let of = |domain: &str, list: &str, name: &str| {
        let domain = protocol["domains"].as_array()?.iter().find(|one| one["domain"] == domain)?;
        domain[list].as_array()?.iter().find(|one| one["name"] == name).cloned()
    };
    let set = of("Debugger", "commands", "setBreakpointByUrl").expect("a command");
    assert_eq!(
        set["parameters"][0],
        json!({ "name": "lineNumber", "type": "integer", "description": "Line number to set breakpoint at." })
    );
    assert_eq!(set["returns"][0]["$ref"], "BreakpointId");
    assert!(of("Debugger", "events", "paused").is_some() && of("Runtime", "commands", "evaluate").is_some());
    let targets = server.targets();
    let titles: Vec<&str> = targets.as_array().expect("a list").iter().filter_map(|target| target["title"].as_str()).collect();
    assert_eq!(titles, ["one", "two"]);
    let id = targets[0]["id"].as_str().expect("an id");
    assert_eq!(id.len(), 36);
    let (status, body) = server.read("/json/list", "Host: rebound.example\r\n");
    assert!(status.starts_with("HTTP/1.1 403 ") && !body.contains(id), "{status}\n{body}");
    let upgrade =
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    for (path, headers, wanted) in [
        (format!("/{id}"), "Host: rebound.example:9229\r\n".to_string(), "HTTP/1.1 403 "),
        (format!("/{id}"), format!("{own}Origin: https://page.example\r\n"), "HTTP/1.1 403 "),
        (format!("/{id}"), format!("{own}Origin: http://{}\r\n", server.address), "HTTP/1.1 403 "),
        ("/one".to_string(), own, "HTTP/1.1 404 "),
    ] {
        let (status, _) = server.read(&path, &format!("{headers}{upgrade}"));
        assert!(status.starts_with(wanted), "{path} {headers}: {status}");
    }
}
